"""The long runs of lesson 3: filters and their edge scores, three penalties, and linear probes."""

import functools

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from course_utils import losses
from course_utils.data import WEIGHTS_FOLDER, load_mnist, natural_image_patches
from course_utils.measure import gabor_fit, linear_probe_error
from course_utils.networks import Autoencoder, top_k
from course_utils.numpy_autoencoder import forward, initialize, sparse_cost_and_grad, unpack
from course_utils.training import fit, fit_lbfgs

SEEDS = range(5)
N_TEST = 5_000  # patches never seen
LABELS = (100, 1_000)
DRAWS = 5  # of so many labelled digits
STRENGTHS = (1, 10, 100)  # of the probe's penalty


def settings():
    """Everything five times, with other data, other weights and other labels."""
    small = {"part": "filters", "size": 8, "k": 25}
    large = {"part": "filters", "size": 12, "k": 100}
    kl = {"model": "kl", "beta": 3.0, "decay": 1e-4}
    plain = {"model": "none", "beta": 0.0}
    rows = [
        *(small | kl | {"rho": rho} for rho in (0.01, 0.02, 0.05)),
        small | plain | {"decay": 1e-4},
        small | plain | {"decay": 0.0},
        *(size | {"model": model} for size in (small, large) for model in ("pca", "random")),
        large | kl | {"rho": 0.01},
        large | plain | {"decay": 1e-4},
    ]
    penalties: dict[str, dict[str, float]] = {
        "none": {"sigmoid": 0.0, "relu": 0.0},
        "kl": {"sigmoid": 0.01, "relu": 0.01},
        "l1": {"sigmoid": 0.01, "relu": 0.03},
        "top_k": {"sigmoid": 2, "relu": 2},
    }
    rows += [
        {
            "part": "penalties",
            "size": 8,
            "k": 25,
            "model": model,
            "decay": 1e-4,
            "activation": activation,
            "strength": strength,
        }
        for model, strengths in penalties.items()
        for activation, strength in strengths.items()
    ]
    rows += [
        {"part": "superposition", "k": 40, "model": model, "strength": strength}
        for model, strength in (("none", 0.0), ("l1", 0.1), ("top_k", 3), ("jump_relu", 0.05))
    ]
    rows += [
        {"part": "probe", "k": 196, "decay": 3e-3, **model}
        for model in ({"model": "kl", "beta": 3.0, "rho": 0.1}, plain)
    ]
    strokes = {"part": "strokes", "k": 196, "model": "kl", "beta": 3.0, "rho": 0.1, "decay": 3e-3}
    return [strokes | {"seed": 0}, *(row | {"seed": seed} for row in rows for seed in SEEDS)]


def compute(setting):
    """Run one setting and return what is measured."""
    parts = {
        "filters": filters,
        "penalties": penalties,
        "probe": probe,
        "strokes": strokes,
        "superposition": superposition,
    }
    return parts[setting["part"]](setting)


def filters(setting):
    """How well single Gabor functions explain the filters."""
    x = patches(setting)
    if setting["model"] == "pca":
        W = PCA(setting["k"], svd_solver="covariance_eigh").fit(x).components_
        return edges(W)
    if setting["model"] == "random":
        return edges(np.random.default_rng(setting["seed"]).normal(size=(setting["k"], x.shape[1])))
    theta, sizes, cost = train(x[:-N_TEST], setting, iterations=400)
    r = forward(theta.astype(np.float32), x[-N_TEST:], sizes)[1]
    return {
        "cost": cost,
        "test_squared_error": losses.squared_error(x[-N_TEST:], r).mean(dtype=float),
    } | edges(unpack(theta, sizes)[0])


def edges(W):
    """The share of `course_utils.measure.edge_score` at two thresholds, from one fit a filter."""
    fits = [gabor_fit(w) for w in W]
    r2 = np.array([fit.r2 for fit in fits])
    banded = np.array([fit.weaker_sign >= 0.1 for fit in fits])
    return {
        "edge_score": np.mean(banded & (r2 > 0.9)),
        "edge_score_08": np.mean(banded & (r2 > 0.8)),
        "median_r2": np.median(r2),
    }


def penalties(setting):
    """One penalty with one activation; what its code is like on patches never seen."""
    x = torch.from_numpy(patches(setting))
    x, x_test = x[:-N_TEST], x[-N_TEST:]
    generator = torch.Generator().manual_seed(setting["seed"])
    model = Autoencoder(
        [x.shape[1], setting["k"]], activation=setting["activation"], generator=generator
    )
    cost = functools.partial(penalised_cost, setting=setting)
    if setting["model"] == "top_k":  # its cost jumps where the winners change: no line search
        torch.set_flush_denormal(True)
        fit(
            model,
            x,
            cost,
            epochs=200,
            batch_size=250,
            learning_rate=1e-2,
            schedule="linear",
            weight_decay=setting["decay"],
            generator=generator,
        )
    else:
        descend(model, x, cost, setting["decay"])
    with torch.no_grad():
        h = code(model, x_test, setting)
        error = losses.squared_error(x_test, model.decode(h)).mean()
    largest = h.max(dim=0).values
    return {
        "test_squared_error": error.item(),
        "exact_zeros": (h == 0).double().mean().item(),
        "nearly_zero": (h < 0.1 * h.max()).double().mean().item(),
        "dead_units": int((largest - h.min(dim=0).values < 0.1).sum()),
        "mean_activation": h.mean().item(),
    } | edges(model.encoder[0].W.detach().numpy())


def code(model, x, setting):
    h = model.encode(x)
    return top_k(h, setting["strength"]) if setting["model"] == "top_k" else h


def penalised_cost(model, x, generator, setting):
    """Mean cost of a batch, without weight decay."""
    h = code(model, x, setting)
    J = losses.squared_error(x, model.decode(h)).mean() / 2
    if setting["model"] == "kl":
        J = J + 3 * clipped_kl(h, setting["strength"])
    if setting["model"] == "l1":
        J = J + setting["strength"] * losses.l1_sparsity(h)
    return J


def clipped_kl(h, rho):
    """As `losses.kl_sparsity`, but finite where the mean of a ReLU unit leaves (0, 1)."""
    rho_hat = h.mean(dim=0).clamp(1e-6, 1 - 1e-6)
    return -(rho * (rho_hat / rho).log() + (1 - rho) * ((1 - rho_hat) / (1 - rho)).log()).sum()


def descend(model, x, cost, decay):
    """400 iterations of L-BFGS on all examples, in float32."""
    parameters = list(model.parameters())

    def cost_and_grad(theta):
        vector_to_parameters(torch.from_numpy(theta).float(), parameters)
        model.zero_grad()
        J = cost(model, x, None)
        J = J + decay / 2 * sum(W.square().sum() for W in parameters if W.ndim == 2)
        J.backward()
        return J.item(), parameters_to_vector([p.grad for p in parameters]).numpy()

    start = parameters_to_vector(parameters).detach().double().numpy()
    theta, _ = fit_lbfgs(cost_and_grad, start, iterations=400)
    vector_to_parameters(torch.from_numpy(theta).float(), parameters)


def strokes(setting):
    """Train longer on digits, and keep theta as float16 in `data/weights/sparse.npz`."""
    x, x_test = load_mnist("train")[0], load_mnist("test")[0]
    chosen = np.random.default_rng(setting["seed"]).permutation(len(x))[:5_000]
    theta, sizes, cost = train(x[chosen], setting, iterations=400)
    theta = theta.astype(np.float16)
    WEIGHTS_FOLDER.mkdir(exist_ok=True)
    np.savez_compressed(WEIGHTS_FOLDER / "sparse.npz", strokes=theta)
    r = forward(theta.astype(np.float32), x_test, sizes)[1]
    return {
        "cost": cost,
        "test_squared_error": losses.squared_error(x_test, r).mean(dtype=float),
    }


def probe(setting):
    """Errors of a linear classifier on codes of 196 units, from few labels and from many."""
    (x, y), (x_new, y_new), (x_test, y_test) = map(load_mnist, ("train", "validation", "test"))
    rng = np.random.default_rng(setting["seed"])
    order = rng.permutation(len(x))
    theta, sizes, cost = train(x[order[:5_000]], setting, iterations=100)
    theta = theta.astype(np.float32)
    h, h_new, h_test = (forward(theta, part, sizes)[0] for part in (x, x_new, x_test))

    results = {"cost": cost}
    few = {n: [rng.permutation(len(x))[:n] for _ in range(DRAWS)] for n in LABELS}
    for n, rows in (few | {60_000: [np.arange(len(x))]}).items():
        errors = {
            strength: np.mean(
                [linear_probe_error(h[i], y[i], h_new, y_new, strength=strength) for i in rows]
            )
            for strength in STRENGTHS
        }
        best = min(errors, key=errors.__getitem__)
        results |= {f"strength_{n}": best, f"validation_error_{n}": errors[best]}
    for n, rows in few.items():
        results[f"test_error_{n}"] = np.mean(
            [
                linear_probe_error(h[i], y[i], h_test, y_test, strength=results[f"strength_{n}"])
                for i in rows
            ]
        )
    results["test_error_60000"] = linear_probe_error(
        np.vstack([h, h_new]),
        np.concatenate([y, y_new]),
        h_test,
        y_test,
        strength=results["strength_60000"],
    )
    return results | {"nearly_zero": np.mean(h_test < 0.1)}


def superposition(setting):
    """Sparse features, more of them than dimensions: does a sparse autoencoder find them?"""
    generator = torch.Generator().manual_seed(setting["seed"])
    directions, x = superposed(setting["k"], 20, 20_000, generator)
    x_test = superposed(setting["k"], 20, N_TEST, generator, directions)[1]
    V = unit_rows(torch.randn(setting["k"], 20, generator=generator))
    parameters = {
        "W": V.clone(),
        "b": torch.zeros(setting["k"]),
        "V": V,
        "log_t": torch.full((setting["k"],), 0.1).log(),
    }
    for parameter in parameters.values():
        parameter.requires_grad_()
    optimizer = torch.optim.Adam(parameters.values(), lr=3e-3)
    torch.set_flush_denormal(True)
    steps = 4_000
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 3e-3 * min(1, 2 * (1 - step / steps))
        rows = torch.randint(len(x), (256,), generator=generator)
        strength = setting["strength"] * min(1, step / 1000)
        J = feature_cost(x[rows], setting["model"], strength, setting["strength"], **parameters)[0]
        optimizer.zero_grad()
        J.backward()
        optimizer.step()
    with torch.no_grad():
        _, h, r = feature_cost(x_test, setting["model"], 0.0, setting["strength"], **parameters)
        cosines = (directions @ unit_rows(V).T).abs().max(dim=1).values
    return {
        "mean_cosine": cosines.mean().item(),
        "found": (cosines > 0.95).double().mean().item(),
        "active_units": (h > 0).sum(dim=1).double().mean().item(),
        "relative_error": ((r - x_test).square().sum() / x_test.square().sum()).item(),
    }


def superposed(n_features, d, n, generator, directions=None):
    """Sums of a few of `n_features` directions, each in a twentieth of the examples."""
    if directions is None:
        directions = unit_rows(torch.randn(n_features, d, generator=generator))
    active = torch.rand(n, n_features, generator=generator) < 0.05
    size = 0.5 + 0.5 * torch.rand(n, n_features, generator=generator)
    return directions, (active * size) @ directions


def unit_rows(V):
    return torch.nn.functional.normalize(V, dim=1)


class Step(torch.autograd.Function):
    """1 where z > t, else 0; the threshold's gradient is that of a ramp 0.1 wide."""

    @staticmethod
    def forward(ctx, z, t):
        ctx.save_for_backward(z, t)
        return (z > t).float()

    @staticmethod
    def backward(ctx, grad):
        z, t = ctx.saved_tensors
        return None, -(grad * ((z - t).abs() < 0.05) / 0.1).sum(dim=0)


def feature_cost(x, model, strength, k, W, b, V, log_t):
    """Mean cost of a batch, the code, and the reconstruction."""
    h = torch.relu(x @ W.T + b)
    penalty = torch.zeros(())
    if model == "l1":
        penalty = losses.l1_sparsity(h)
    elif model == "top_k":
        h = top_k(h, int(k))
    elif model == "jump_relu":
        on = Step.apply(h, log_t.exp())
        h, penalty = h * on, on.sum(dim=1).mean()
    r = h @ unit_rows(V)
    return losses.squared_error(x, r).mean() / 2 + strength * penalty, h, r


def patches(setting):
    rng = np.random.default_rng(setting["seed"])
    return natural_image_patches(10_000 + N_TEST, setting["size"], rng).astype(np.float32)


def train(x, setting, iterations):
    """Minimise the cost of a sigmoid network by L-BFGS in float32."""
    sizes = (x.shape[1], setting["k"], x.shape[1])
    theta, history = fit_lbfgs(
        lambda theta: sparse_cost_and_grad(
            theta, x, sizes, setting["decay"], setting.get("rho", 0.1), setting["beta"]
        ),
        initialize(sizes, np.random.default_rng(setting["seed"])),
        iterations=iterations,
    )
    return theta, sizes, history["cost"][-1]
