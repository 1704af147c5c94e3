import copy
import math
import os
import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from course_utils import corruption, losses, networks, training

X = torch.rand(100, 12, generator=torch.Generator().manual_seed(7))
V = torch.rand(30, 12, generator=torch.Generator().manual_seed(8))


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def autoencoder():
    return networks.Autoencoder([12, 5], generator=seeded())


def reconstruction(model, x, generator):
    return losses.squared_error(x, model(x)).mean()


def denoising(model, x, generator):
    return losses.squared_error(x, model(corruption.gaussian(x, 0.5, generator))).mean()


def fit(model, data=X, loss=reconstruction, **settings):
    settings = {"epochs": 4, "generator": seeded(1), "batch_size": 32} | settings
    return training.fit(model, data, loss, **settings)


def weights(model):
    return torch.cat([p.detach().ravel() for p in model.parameters()])


# The loop against others, written out


@pytest.mark.parametrize(
    ("schedule", "factor"),
    [
        ("constant", lambda share: 1),
        ("linear", lambda share: 1 - share),
        ("cosine", lambda share: (1 + math.cos(math.pi * share)) / 2),
    ],
)
def test_sgd_is_the_loop_one_would_write(schedule, factor):
    model, reference, generator = autoencoder(), autoencoder(), seeded(1)
    history = fit(model, loss=denoising, optimizer="sgd", learning_rate=0.1, schedule=schedule)
    expected, step = [], 0
    for _ in range(4):
        order, total = torch.randperm(100, generator=generator), 0.0
        for start in range(0, 100, 32):
            x = X[order[start : start + 32]]
            reference.zero_grad()
            loss = denoising(reference, x, generator)
            loss.backward()
            with torch.no_grad():
                for p in reference.parameters():
                    p -= 0.1 * factor(step / 16) * p.grad
            total += loss.item() * len(x)
            step += 1
        expected.append(total / 100)
    torch.testing.assert_close(weights(model), weights(reference), rtol=1e-6, atol=1e-6)
    assert history["loss"] == pytest.approx(expected, rel=1e-6)


def test_adam_is_the_papers_with_coupled_decay_on_weights_only():
    decay, rate = 0.3, 0.01
    model = autoencoder().double()
    reference = copy.deepcopy(model)
    x = X.double()
    fit(model, x, epochs=20, batch_size=100, learning_rate=rate, weight_decay=decay)

    values = [p.detach().numpy().copy() for p in reference.parameters()]
    m, v = ([np.zeros_like(w) for w in values] for _ in range(2))
    for t in range(1, 21):
        for p, w in zip(reference.parameters(), values, strict=True):
            p.data = torch.from_numpy(w.copy())
        penalty = sum(decay / 2 * layer.W.square().sum() for layer in layers(reference))
        cost = losses.squared_error(x, reference(x)).mean() + penalty
        gradients = torch.autograd.grad(cost, list(reference.parameters()))
        for k, gradient in enumerate(g.numpy() for g in gradients):
            m[k] = 0.9 * m[k] + 0.1 * gradient
            v[k] = 0.999 * v[k] + 0.001 * gradient**2
            m_hat, v_hat = m[k] / (1 - 0.9**t), v[k] / (1 - 0.999**t)
            values[k] -= rate * m_hat / (np.sqrt(v_hat) + 1e-8)
    expected = np.concatenate([w.ravel() for w in values])
    np.testing.assert_allclose(weights(model), expected, rtol=0, atol=1e-10)


def layers(model):
    return [*model.encoder, *model.decoder]


def test_loss_is_the_mean_over_examples_although_the_last_batch_is_smaller():
    model = autoencoder()
    expected = reconstruction(model, X, None).item()
    history = fit(model, optimizer="sgd", learning_rate=1e-12, validation=V)
    assert history["loss"] == pytest.approx([expected] * 4, rel=1e-5)
    expected = reconstruction(model, V, None).item()
    assert history["validation_loss"] == pytest.approx([expected] * 4, rel=1e-5)


def test_tensors_of_a_tuple_stay_aligned():
    seen = []

    def loss(model, x, y, generator):
        seen.extend(y.tolist())
        assert torch.equal(x, X[y])
        return reconstruction(model, x, generator)

    fit(autoencoder(), (X, torch.arange(100)), loss, epochs=2)
    assert sorted(seen[:100]) == sorted(seen[100:]) == list(range(100))
    assert seen[:100] != seen[100:]


def test_a_loss_may_ask_for_gradients_with_respect_to_its_inputs():
    def loss(model, x, generator):
        x.requires_grad_()
        error = reconstruction(model, x, generator)
        (slope,) = torch.autograd.grad(error, x, create_graph=True)
        return error + slope.square().sum()

    assert fit(autoencoder(), loss=loss, validation=V)["loss"][-1] > 0


def test_frozen_parameters_stay():
    model = autoencoder()
    model.encoder.requires_grad_(False)
    before = copy.deepcopy(model)
    fit(model, weight_decay=0.1)
    assert torch.equal(model.encoder[0].W, before.encoder[0].W)
    assert not torch.equal(model.decoder[0].W, before.decoder[0].W)


# Randomness


class WithDropout(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = autoencoder()
        self.dropout = nn.Dropout(0.5)

    def forward(self, x):
        return self.inner(self.dropout(x))


@pytest.mark.parametrize("make", [autoencoder, WithDropout])
def test_one_seed_gives_one_result(make):
    histories, results = [], []
    for global_seed, seed in ((0, 1), (99, 1), (0, 2)):
        torch.manual_seed(global_seed)
        model = make()
        histories.append(fit(model, loss=denoising, validation=V, generator=seeded(seed)))
        results.append(weights(model))
    assert histories[0] == histories[1]
    assert torch.equal(results[0], results[1])
    assert histories[0]["loss"] != histories[2]["loss"]


def test_dropout_differs_from_one_fit_to_the_next():
    model, generator, masks = WithDropout(), seeded(1), []

    def loss(model, x, generator):
        masks.append(model.dropout(torch.ones_like(x)))
        return reconstruction(model, x, generator)

    for _ in range(2):
        fit(model, loss=loss, epochs=1, batch_size=100, generator=generator)
    assert not torch.equal(*masks)


def test_no_global_generator_is_touched():
    numpys = np.random.get_state
    states = torch.get_rng_state(), numpys()[1].tolist(), random.getstate()
    fit(WithDropout(), loss=denoising, validation=V, patience=2)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert numpys()[1].tolist() == states[1]
    assert random.getstate() == states[2]


def test_validation_does_not_change_the_training():
    plain, validated = WithDropout(), WithDropout()
    history = fit(plain, loss=denoising)
    assert fit(validated, loss=denoising, validation=V)["loss"] == history["loss"]
    assert torch.equal(weights(plain), weights(validated))


def test_validation_noise_is_the_same_after_every_epoch():
    history = fit(autoencoder(), loss=denoising, learning_rate=1e-12, validation=V)
    assert len(set(history["loss"])) == 4
    assert history["validation_loss"] == pytest.approx([history["validation_loss"][0]] * 4)


# Validation and early stop


def overfitting():
    """A fit whose validation loss falls and then rises."""
    model = networks.Autoencoder([12, 30], generator=seeded(), output="linear")
    settings = {"learning_rate": 0.02, "validation": V, "epochs": 200}
    return model, settings


def test_patience_stops_and_puts_the_best_weights_back():
    model, settings = overfitting()
    history = fit(model, X[:8], patience=3, **settings)["validation_loss"]
    best = history.index(min(history))
    assert 0 < best < 100
    assert len(history) == best + 1 + 3
    assert reconstruction(model, V, None).item() == pytest.approx(min(history), rel=1e-6)
    again, settings = overfitting()
    fit(again, X[:8], **settings | {"epochs": best + 1})
    assert torch.equal(weights(model), weights(again))


def test_best_weights_come_back_even_if_the_epochs_run_out():
    model, settings = overfitting()
    history = fit(model, X[:8], patience=100, **settings | {"epochs": 60})["validation_loss"]
    assert len(history) == 60
    assert history[-1] > min(history)
    assert reconstruction(model, V, None).item() == pytest.approx(min(history), rel=1e-6)


@pytest.mark.parametrize("mode", [True, False])
def test_the_mode_is_training_then_evaluation_then_as_before(mode):
    seen = []

    def loss(model, x, generator):
        seen.append(model.training)
        return reconstruction(model, x, generator)

    model = autoencoder().train(mode)
    fit(model, loss=loss, epochs=2, batch_size=100, validation=V)
    assert seen == [True, False, True, False]
    assert model.training is mode


# Checkpoints


def interrupted(after):
    """A loss like `denoising` that is interrupted at its call number `after`."""
    calls = iter(range(after))

    def loss(model, x, generator):
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return denoising(model, x, generator)

    return loss


SETTINGS = {
    "epochs": 8,
    "schedule": "linear",
    "learning_rate": 0.02,
    "weight_decay": 0.01,
    "validation": V,
    "patience": 5,
}


@pytest.mark.parametrize("after", [3, 17, 33])
def test_a_resumed_fit_ends_like_an_uninterrupted_one(tmp_path, after):
    whole, generator = WithDropout(), seeded(1)
    history = fit(whole, loss=denoising, generator=generator, **SETTINGS)
    path = tmp_path / "fit.pt"
    with pytest.raises(KeyboardInterrupt):
        fit(WithDropout(), loss=interrupted(after), checkpoint=path, **SETTINGS)
    resumed, resumed_generator = WithDropout(), seeded(1)
    again = fit(
        resumed, loss=denoising, generator=resumed_generator, checkpoint=str(path), **SETTINGS
    )
    assert again == history
    assert torch.equal(weights(resumed), weights(whole))
    assert torch.equal(resumed_generator.get_state(), generator.get_state())
    assert [p.name for p in tmp_path.iterdir()] == ["fit.pt"]


def test_a_resumed_fit_does_not_repeat_what_is_done(tmp_path):
    path, model = tmp_path / "fit.pt", autoencoder()
    history = fit(model, loss=denoising, checkpoint=path, **SETTINGS)
    again = autoencoder()
    assert fit(again, loss=interrupted(0), checkpoint=path, **SETTINGS) == history
    assert torch.equal(weights(model), weights(again))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"epochs": 9}, "epochs"),
        ({"learning_rate": 0.03, "schedule": "cosine"}, "learning_rate, schedule"),
        ({"data": X.flip(0)}, "data"),
        ({"validation": V[:20]}, "validation"),
        ({"generator": seeded(5)}, "generator"),
        ({"model": networks.Autoencoder([12, 5], generator=seeded(5))}, "initial weights"),
    ],
)
def test_a_checkpoint_of_another_fit_is_refused(tmp_path, change, named):
    path = tmp_path / "fit.pt"
    fit(autoencoder(), checkpoint=path, **SETTINGS)
    content = path.read_bytes()
    with pytest.raises(ValueError, match=rf"another fit \(different: {named}\)"):
        fit(**{"model": autoencoder(), "checkpoint": path} | SETTINGS | change)
    assert path.read_bytes() == content


def test_a_checkpoint_that_is_none(tmp_path):
    path = tmp_path / "fit.pt"
    path.write_text("lunch")
    with pytest.raises(ValueError, match=r"fit\.pt is not a checkpoint that can be read"):
        fit(autoencoder(), checkpoint=path)
    assert path.read_text() == "lunch"


def test_a_checkpoint_without_its_folder_is_refused_before_training(tmp_path):
    with pytest.raises(ValueError, match=r"there is no folder .*nowhere"):
        fit(autoencoder(), loss=interrupted(0), checkpoint=tmp_path / "nowhere" / "fit.pt")


# Progress, device, precision


PROGRESS = """
import sys
import torch
from course_utils import networks, training

generator = torch.Generator().manual_seed(0)
model = networks.Autoencoder([2, 1], generator=generator)
settings = {"epochs": 4, "generator": generator, "validation": torch.rand(3, 2)}
loss = lambda model, x, generator: model(x).mean()
training.fit(model, torch.rand(9, 2), loss, **settings)
print("silent so far", file=sys.stderr)
training.fit(model, torch.rand(9, 2), loss, progress="first layer", **settings)
"""


@pytest.mark.parametrize("disable", [None, "1"])
def test_progress_shows_on_stderr_if_asked_for_and_not_silenced(disable):
    # In processes of their own, since tqdm reads the variable when it is imported.
    environment = {name: value for name, value in os.environ.items() if name != "TQDM_DISABLE"}
    if disable is not None:
        environment["TQDM_DISABLE"] = disable
    run = subprocess.run(
        [sys.executable, "-c", PROGRESS],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    before, bar = run.stderr.split("silent so far\n")
    assert run.stdout == before == ""
    if disable is None:
        assert "first layer: 100%" in bar
        assert "4/4" in bar
        assert "validation_loss" in bar
    else:
        assert bar == ""


def test_device_is_where_model_and_data_go():
    plain, placed = autoencoder(), autoencoder()
    assert fit(plain) == fit(placed, device="cpu")
    assert torch.equal(weights(plain), weights(placed))


def test_bfloat16_computes_coarsely_and_keeps_the_weights():
    fine, coarse = autoencoder(), autoencoder()
    exact = fit(fine, epochs=20, learning_rate=0.01)["loss"]
    rounded = fit(coarse, epochs=20, learning_rate=0.01, bfloat16=True)["loss"]
    assert weights(coarse).dtype == torch.float32
    assert rounded != exact
    assert rounded == pytest.approx(exact, rel=2**-8)


# Bad input: one sentence


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"data": X.numpy()}, TypeError, "data must be a tensor .* got ndarray: torch.from_numpy"),
        ({"data": (X, X.numpy())}, TypeError, "data must be .* got ndarray"),
        ({"data": (X, X[:50])}, ValueError, r"equal first dimensions, got \[100, 50\]"),
        ({"data": X[:0]}, ValueError, "data holds no examples"),
        ({"data": X.double()}, TypeError, r"data are torch.float64 .* weights torch.float32"),
        ({"data": X.to("meta")}, ValueError, r"several devices \(cpu, meta\): pass device="),
        ({"epochs": 0}, ValueError, "epochs must be a whole number from 1 on, got 0"),
        ({"epochs": 2.5}, ValueError, "epochs must be a whole number from 1 on, got 2.5"),
        ({"batch_size": 0}, ValueError, "batch_size must be a whole number"),
        ({"generator": None}, TypeError, r"must be a torch\.Generator.* got NoneType"),
        ({"generator": np.random.default_rng(0)}, TypeError, r"must be a torch\.Generator"),
        ({"learning_rate": 0.0}, ValueError, "learning_rate must be positive, got 0.0"),
        ({"learning_rate": math.nan}, ValueError, "learning_rate must be positive"),
        ({"weight_decay": -1.0}, ValueError, "weight_decay must be 0 or larger"),
        ({"schedule": "step"}, ValueError, "no schedule 'step': take one of constant, linear"),
        ({"optimizer": "lbfgs"}, ValueError, "no optimizer 'lbfgs': take one of adam, sgd"),
        ({"patience": 2}, ValueError, "patience needs validation data"),
        ({"patience": 0, "validation": V}, ValueError, "patience must be a whole number"),
        ({"validation": V.numpy()}, TypeError, "validation must be a tensor .* got ndarray"),
        ({"validation": (V, V)}, ValueError, "as many tensors as data, got 2 and 1"),
        ({"model": autoencoder().requires_grad_(False)}, ValueError, "no parameter to train"),
        (
            {"loss": lambda model, x, generator: losses.squared_error(x, model(x))},
            ValueError,
            r"must be a scalar tensor, the mean over the batch, got \(32,\): .*\.mean\(\)",
        ),
        ({"loss": lambda model, x, generator: 1.0}, ValueError, "scalar tensor, .* got float"),
    ],
)
def test_bad_input(change, error, message):
    with pytest.raises(error, match=message) as caught:
        fit(**{"model": autoencoder()} | change)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("mode", [True, False])
def test_a_loss_that_is_not_finite_names_the_epoch_and_a_remedy(mode):
    model = networks.Autoencoder([12, 5], generator=seeded(), activation="linear", output="linear")
    model.train(mode)
    message = r"the loss is (inf|nan) in epoch \d+: .* smaller learning_rate \(it was 1e\+20\)"
    with pytest.raises(FloatingPointError, match=message):
        fit(model, optimizer="sgd", learning_rate=1e20)
    assert model.training is mode


def test_nan_in_the_validation_data_is_named():
    with pytest.raises(FloatingPointError, match="the validation loss is nan in epoch 1"):
        fit(autoencoder(), validation=V * math.nan)


def rosenbrock(theta):
    x, y = theta
    gradient = np.array([-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)])
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2, gradient


def test_lbfgs_finds_the_minimum_and_leaves_its_start_alone():
    start = np.array([-1.2, 1.0])
    theta, history = training.fit_lbfgs(rosenbrock, start, iterations=200)
    np.testing.assert_allclose(theta, [1, 1], atol=1e-5)
    assert (start == [-1.2, 1.0]).all()
    costs = np.array(history["cost"])
    assert (np.diff(costs) <= 0).all()
    assert costs[-1] < 1e-9


def test_lbfgs_stops_after_its_iterations_and_computes_in_float32():
    theta, history = training.fit_lbfgs(rosenbrock, np.array([-1.2, 1.0]), iterations=5)
    assert len(history["cost"]) == 5
    assert history["cost"][-1] == pytest.approx(rosenbrock(theta)[0])

    def coarse(theta):
        value, gradient = rosenbrock(theta.astype(np.float32))
        return float(value), gradient.astype(np.float32)

    theta, _ = training.fit_lbfgs(coarse, np.array([-1.2, 1.0]), iterations=200)
    assert theta.dtype == np.float64
    np.testing.assert_allclose(theta, [1, 1], atol=1e-2)


def test_lbfgs_names_bad_input():
    with pytest.raises(ValueError, match="iterations"):
        training.fit_lbfgs(rosenbrock, np.zeros(2), iterations=0)
    with pytest.raises(ValueError, match="memory"):
        training.fit_lbfgs(rosenbrock, np.zeros(2), iterations=5, memory=0)
    with pytest.raises(FloatingPointError, match="the cost is nan"):
        training.fit_lbfgs(lambda theta: (np.nan, theta), np.ones(2), iterations=5)
