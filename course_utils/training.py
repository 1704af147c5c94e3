"""Training: one loop of minibatches for every lesson, and L-BFGS on all data at once."""

import hashlib
import math
import numbers
import os
from contextlib import contextmanager, nullcontext
from pathlib import Path

import torch
from scipy.optimize import minimize
from tqdm import tqdm

SCHEDULES = {
    "constant": lambda done: 1.0,
    "linear": lambda done: 1.0 - done,
    "cosine": lambda done: 0.5 * (1 + math.cos(math.pi * done)),
}
OPTIMIZERS = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}


def fit(
    model,
    data,
    loss,
    *,
    epochs,
    generator,
    batch_size=256,
    learning_rate=1e-3,
    schedule="constant",
    optimizer="adam",
    weight_decay=0.0,
    validation=None,
    patience=None,
    progress=None,
    device=None,
    bfloat16=False,
    checkpoint=None,
):
    """Train a model on data in memory, by minibatch gradient descent.

    Each epoch draws a new order of the examples from `generator` with ``torch.randperm`` and cuts
    it into batches; the last one may be smaller. The same arguments and the same state of the
    generator give the same weights, bit for bit, on the same machine and number of threads.

    Parameters
    ----------
    model : torch.nn.Module
        Changed in place. It is in training mode during the fit (in evaluation mode while the
        validation loss is computed), and afterwards in the mode in which it came.
    data : Tensor, shape (n, ...), or tuple of such tensors
        What is learnt from: for example x alone, or (x, y) with equal first dimension n.
    loss : callable
        ``loss(model, *batch, generator)`` returns the mean loss of the batch, a scalar tensor. The
        batch has one tensor for each one in `data`. All noise comes from the generator it gets.
        The tensors of a batch are overwritten by the next one: keep a copy if you need them.
    epochs : int, at least 1
        Passes over the data.
    generator : torch.Generator
        Draws the order and is handed to `loss`. Layers that draw from torch's global generator,
        such as ``torch.nn.Dropout``, are seeded from its state, and the global generator is put
        back afterwards: it is as if it had never been touched.
    batch_size : int
        Examples in a batch.
    learning_rate : float
        Step size at the start.
    schedule : {"constant", "linear", "cosine"}
        How the step size goes on: constant, or decaying to 0 over all steps of `epochs`, on a
        straight line or on half a cosine wave.
    optimizer : {"adam", "sgd"}
        Adam with beta 0.9 and 0.999 and epsilon 1e-8, or plain gradient descent; both in torch's
        fused version.
    weight_decay : float
        lambda in the penalty lambda/2 ||W||^2, summed over all weights, which is added to the
        cost: *coupled* decay, whose gradient lambda W passes through Adam like any other (unlike
        AdamW's). Biases, that is parameters with fewer than two dimensions, have no decay. A tied
        matrix counts once. The losses in the history are without the penalty.
    validation : Tensor or tuple of Tensors, optional
        Same form as `data`. Its loss is computed after each epoch, with the same noise every time
        (a generator of its own with the initial seed of `generator`), so that epochs compare. It
        doesn't change how the model is trained.
    patience : int, optional
        Stop after this many epochs without a new lowest validation loss. At the end the weights of
        the best epoch are put back. Needs `validation`.
    progress : str, optional
        Show a progress bar with this label on stderr. The variable TQDM_DISABLE=1 silences it.
    device : str or torch.device, optional
        Where to train: model and data are moved there. Default: where the model is.
    bfloat16 : bool
        Compute matrix products in bfloat16 (torch.autocast); weights stay as they are.
    checkpoint : str or Path, optional
        File that is written after each epoch. If it is there already, the fit goes on from it, and
        ends just as if it had never been interrupted, provided that model, data, generator and
        settings are as they were at the start. The loss function can't be compared: see to it that
        it is the same.

    Returns
    -------
    dict of str to list of float
        "loss": for each epoch the mean over all examples, while the weights were changing.
        "validation_loss", if `validation` was given: after each epoch.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, or the checkpoint belongs to another fit.
    FloatingPointError
        If the loss is no longer finite. The weights are then of no use.

    References
    ----------
    Kingma & Ba (2015), ICLR, algorithm 1 (Adam).
    """
    data = _as_tuple(data, "data")
    validation = None if validation is None else _as_tuple(validation, "validation")
    _check_settings(epochs, batch_size, learning_rate, schedule, optimizer, weight_decay, patience)
    if validation is not None and len(validation) != len(data):
        raise ValueError(
            f"validation must have as many tensors as data, got {len(validation)} and {len(data)}"
        )
    if patience is not None and validation is None:
        raise ValueError("patience needs validation data: pass validation=, or leave patience out")
    if not isinstance(generator, torch.Generator):
        raise TypeError(
            f"generator must be a torch.Generator, for example torch.Generator().manual_seed(0), "
            f"got {type(generator).__name__}"
        )
    if device is not None:
        model.to(device)
        data, validation = _move(data, device), _move(validation, device)
    device = _check_model(model, data, validation)

    update = _make_optimizer(model, optimizer, learning_rate, weight_decay, device)
    autocast = torch.autocast(device.type, torch.bfloat16) if bfloat16 else nullcontext()
    validation_generator = torch.Generator(generator.device)
    history: dict[str, list[float]] = (
        {"loss": []} if validation is None else {"loss": [], "validation_loss": []}
    )
    best = None
    was_training = model.training
    settings = checkpoint and _settings(
        model,
        data,
        validation,
        generator,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        schedule=schedule,
        optimizer=optimizer,
        weight_decay=weight_decay,
        patience=patience,
        bfloat16=bfloat16,
    )

    with _private_global_generator(generator, device):
        if checkpoint and _exists(checkpoint):
            history, best = _load(checkpoint, settings, model, update, generator, device)
        bar = progress and tqdm(
            total=epochs, initial=len(history["loss"]), desc=progress, unit="epoch"
        )
        try:
            while len(history["loss"]) < epochs and not _has_stalled(history, patience):
                epoch = len(history["loss"])
                rates = _rates(learning_rate, schedule, epoch, epochs, len(data[0]), batch_size)
                model.train()
                value = _train(model, data, loss, generator, batch_size, update, rates, autocast)
                _check_finite(value, "loss", epoch, learning_rate)
                history["loss"].append(value)
                if validation is not None:
                    model.eval()
                    validation_generator.manual_seed(generator.initial_seed())
                    value = _evaluate(
                        model, validation, loss, validation_generator, batch_size, autocast
                    )
                    _check_finite(value, "validation loss", epoch, learning_rate)
                    history["validation_loss"].append(value)
                if patience is not None and _best_epoch(history) == epoch:
                    best = {name: x.clone() for name, x in model.state_dict().items()}
                if checkpoint:
                    _save(checkpoint, settings, history, best, model, update, generator, device)
                if bar:
                    bar.set_postfix_str(", ".join(f"{k} {v[-1]:.4g}" for k, v in history.items()))
                    bar.update()
        finally:
            model.train(was_training)
            if bar:
                bar.close()
    if best is not None:
        model.load_state_dict(best)
    return history


def fit_lbfgs(cost_and_grad, theta, *, iterations, memory=100, progress=None):
    """Minimise a cost of a flat parameter vector by L-BFGS, on all data at once.

    A thin layer over ``scipy.optimize.minimize``. Each iteration evaluates the cost about once.

    Parameters
    ----------
    cost_and_grad : callable
        ``cost_and_grad(theta)`` returns the cost, a float, and its gradient, shape (p,). It may
        compute in float32; theta itself is float64.
    theta : ndarray, shape (p,)
        Where to start. It isn't changed.
    iterations : int, at least 1
        Iterations at most. It stops earlier where the cost no longer falls, which happens sooner
        if the cost is computed in float32.
    memory : int
        Number of past steps from which the curvature is estimated.
    progress : str, optional
        Show a progress bar with this label on stderr. The variable TQDM_DISABLE=1 silences it.

    Returns
    -------
    theta : ndarray of float64, shape (p,)
    history : dict of str to list of float
        "cost": after each iteration.

    Raises
    ------
    ValueError
        If `iterations` or `memory` is out of range.
    FloatingPointError
        If the cost ends up not finite.

    References
    ----------
    Liu & Nocedal (1989), Mathematical Programming 45, pages 503-528.
    """
    for name, value in (("iterations", iterations), ("memory", memory)):
        if not isinstance(value, numbers.Integral) or value < 1:
            raise ValueError(f"{name} must be a whole number from 1 on, got {value!r}")
    costs: list[float] = []
    bar = progress and tqdm(total=iterations, desc=progress, unit="iteration")

    def note(intermediate_result):
        costs.append(float(intermediate_result.fun))
        if bar:
            bar.update()

    try:
        result = minimize(
            _in_float64(cost_and_grad),
            theta,
            jac=True,
            method="L-BFGS-B",
            callback=note,
            options={
                "maxiter": iterations,
                "maxfun": 10 * iterations,
                "maxcor": memory,
                "ftol": 1e-12,
                "gtol": 1e-12,
            },
        )
    finally:
        if bar:
            bar.close()
    if not math.isfinite(result.fun):
        raise FloatingPointError(
            f"the cost is {result.fun} after {len(costs)} iterations: look for NaN in the data, "
            f"and start from smaller weights"
        )
    return result.x, {"cost": costs}


def _in_float64(cost_and_grad):
    def evaluate(theta):
        J, gradient = cost_and_grad(theta)
        return J, gradient.astype(float, copy=False)

    return evaluate


def _train(model, data, loss, generator, batch_size, update, rates, autocast):
    """Go through the data once and return the mean loss."""
    device = data[0].device
    order = torch.randperm(len(data[0]), generator=generator, device=generator.device).to(device)
    batch = [x.new_empty(batch_size, *x.shape[1:]) for x in data]
    values, sizes = [], []
    for rate, rows in zip(rates, order.split(batch_size), strict=True):
        if len(rows) < batch_size:
            batch = [x[: len(rows)] for x in batch]
        for x, part in zip(data, batch, strict=True):
            torch.index_select(x, 0, rows, out=part)
        for group in update.param_groups:
            group["lr"] = rate
        with autocast:
            # Aliases, so that a loss may ask for gradients with respect to its inputs.
            value = loss(model, *(part.detach() for part in batch), generator)
        _check_scalar(value)
        update.zero_grad()
        value.backward()
        update.step()
        values.append(value.detach())  # no .item(): on a GPU each would wait for the device
        sizes.append(len(rows))
    return _mean(values, sizes)


def _evaluate(model, data, loss, generator, batch_size, autocast):
    """Return the mean loss over the data, in their order."""
    values, sizes = [], []
    for batch in zip(*(x.split(batch_size) for x in data), strict=True):
        with autocast:
            value = loss(model, *(part.detach() for part in batch), generator)
        _check_scalar(value)
        values.append(value.detach())
        sizes.append(len(batch[0]))
    return _mean(values, sizes)


def _mean(values, sizes):
    """Return the mean over all examples from the batches' means."""
    weights = torch.tensor(sizes, dtype=torch.float64)
    return float(torch.stack(values).cpu().double() @ weights / weights.sum())


def _rates(learning_rate, schedule, epoch, epochs, n, batch_size):
    """Return the step size of each step of an epoch."""
    steps = math.ceil(n / batch_size)
    first = epoch * steps
    return [
        learning_rate * SCHEDULES[schedule](step / (epochs * steps))
        for step in range(first, first + steps)
    ]


def _make_optimizer(model, optimizer, learning_rate, weight_decay, device):
    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [{"params": trained}]  # one group where that is enough: each costs time in every step
    if weight_decay:
        groups = [
            {"params": [p for p in trained if p.ndim >= 2], "weight_decay": weight_decay},
            {"params": [p for p in trained if p.ndim < 2]},
        ]
    fused = device.type in ("cpu", "cuda", "mps", "xpu")
    return OPTIMIZERS[optimizer](groups, lr=learning_rate, fused=fused)


@contextmanager
def _private_global_generator(generator, device):
    """Seed torch's global generators from `generator`'s state, and put them back at the end."""
    copy = torch.Generator(generator.device)
    copy.set_state(generator.get_state())
    seed = int(torch.randint(2**63 - 1, (), generator=copy, device=copy.device))
    cuda = device.type == "cuda"
    with torch.random.fork_rng([device] if cuda else []):
        torch.default_generator.manual_seed(seed)
        if cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield


def _best_epoch(history):
    losses = history["validation_loss"]
    return losses.index(min(losses))


def _has_stalled(history, patience):
    if patience is None or not history["validation_loss"]:
        return False
    return len(history["validation_loss"]) - 1 - _best_epoch(history) >= patience


def _settings(model, data, validation, generator, **numbers):
    """Return what must be equal for a checkpoint to be gone on from."""
    return numbers | {
        "initial weights": _digest(model.state_dict().values()),
        "data": _digest(data),
        "validation": _digest(validation or ()),
        "generator": _digest([generator.get_state()]),
    }


def _digest(tensors):
    digest = hashlib.sha256()
    for x in tensors:
        digest.update(f"{x.dtype} {tuple(x.shape)}".encode())
        digest.update(x.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _exists(checkpoint):
    path = Path(checkpoint)
    if not path.parent.is_dir():
        raise ValueError(f"there is no folder {path.parent} for the checkpoint: make it first")
    return path.exists()


def _save(checkpoint, settings, history, best, model, update, generator, device):
    state = {
        "settings": settings,
        "history": history,
        "best": best,
        "model": model.state_dict(),
        "optimizer": update.state_dict(),
        "generator": generator.get_state(),
        "global generator": torch.get_rng_state(),
    }
    if device.type == "cuda":
        state["device generator"] = torch.cuda.get_rng_state(device)
    partial = f"{checkpoint}.partial"
    torch.save(state, partial)
    os.replace(partial, checkpoint)  # in one step, so that an interruption can't leave half a file


def _load(checkpoint, settings, model, update, generator, device):
    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
        other = [name for name in settings if state["settings"].get(name) != settings[name]]
    except Exception as error:
        raise ValueError(
            f"{checkpoint} is not a checkpoint that can be read ({type(error).__name__}): "
            f"delete it, or give another path"
        ) from error
    if other:
        raise ValueError(
            f"the checkpoint {checkpoint} belongs to another fit (different: {', '.join(other)}): "
            f"start from the same settings, seeds and data, or give another path"
        )
    model.load_state_dict(state["model"])
    update.load_state_dict(state["optimizer"])
    generator.set_state(state["generator"])
    torch.set_rng_state(state["global generator"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(state["device generator"], device)
    return state["history"], state["best"]


def _as_tuple(data, name):
    parts = data if isinstance(data, tuple) else (data,)
    for x in parts:
        if not isinstance(x, torch.Tensor):
            raise TypeError(
                f"{name} must be a tensor or a tuple of tensors, got {type(x).__name__}: "
                f"torch.from_numpy(x) makes a tensor of an array"
            )
    lengths = [len(x) if x.ndim else 0 for x in parts]
    if len(set(lengths)) != 1:
        raise ValueError(f"the tensors in {name} must have equal first dimensions, got {lengths}")
    if lengths[0] == 0:
        raise ValueError(f"{name} holds no examples")
    return parts


def _move(data, device):
    return None if data is None else tuple(x.to(device) for x in data)


def _check_settings(epochs, batch_size, learning_rate, schedule, optimizer, weight_decay, patience):
    for name, value in (("epochs", epochs), ("batch_size", batch_size), ("patience", patience)):
        if value is not None and (not isinstance(value, numbers.Integral) or value < 1):
            raise ValueError(f"{name} must be a whole number from 1 on, got {value!r}")
    if not 0 < learning_rate < math.inf:
        raise ValueError(f"learning_rate must be positive, got {learning_rate}")
    if not 0 <= weight_decay < math.inf:
        raise ValueError(f"weight_decay must be 0 or larger, got {weight_decay}")
    for name, value, known in (
        ("schedule", schedule, SCHEDULES),
        ("optimizer", optimizer, OPTIMIZERS),
    ):
        if value not in known:
            raise ValueError(f"no {name} {value!r}: take one of {', '.join(known)}")


def _check_model(model, data, validation):
    """Return the device that model and data share."""
    trained = [p for p in model.parameters() if p.requires_grad]
    if not trained:
        raise ValueError("the model has no parameter to train: is requires_grad off everywhere?")
    device = trained[0].device
    tensors = [*model.parameters(), *data, *(validation or ())]
    places = {str(x.device) for x in tensors}
    if len(places) > 1:
        raise ValueError(
            f"model and data are on several devices ({', '.join(sorted(places))}): "
            f"pass device= and they are moved to one"
        )
    dtype = trained[0].dtype
    if data[0].is_floating_point() and data[0].dtype != dtype:
        raise TypeError(
            f"the data are {data[0].dtype} but the model's weights {dtype}: "
            f"convert the data with .to({dtype})"
        )
    return device


def _check_scalar(value):
    if not isinstance(value, torch.Tensor) or value.ndim:
        got = tuple(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__
        raise ValueError(
            f"the loss must be a scalar tensor, the mean over the batch, got {got}: "
            f"does it end with .mean()?"
        )


def _check_finite(value, name, epoch, learning_rate):
    if not math.isfinite(value):
        raise FloatingPointError(
            f"the {name} is {value} in epoch {epoch + 1}: build the model again and try a smaller "
            f"learning_rate (it was {learning_rate}), and look for NaN in the data"
        )
