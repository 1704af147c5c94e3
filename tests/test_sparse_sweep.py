"""The sweep of lesson 3: what its rows mean, on small cases and against other ways to compute."""

import numpy as np
import pytest
import torch

from course_utils import data, losses, measure, numpy_autoencoder
from tools.sweeps import sparse


@pytest.mark.parametrize("model", ["pca", "random"])
def test_a_stored_row_is_what_its_setting_gives(model):
    [setting] = [
        setting
        for setting in sparse.settings()
        if setting.get("model") == model and setting["size"] == 8 and setting["seed"] == 0
    ]
    [row] = [row for row in data.load_results("sparse") if row | setting == row]
    for name, value in sparse.compute(setting).items():
        assert row[name] == pytest.approx(value, abs=0.01)


def test_stored_weights_have_the_stored_error():
    theta = data.load_weights("sparse")["strokes"].astype(np.float32)
    x, _ = data.load_mnist("test")
    r = numpy_autoencoder.forward(theta, x, (784, 196, 784))[1]
    [row] = [row for row in data.load_results("sparse") if row["part"] == "strokes"]
    assert row["test_squared_error"] == pytest.approx(losses.squared_error(x, r).mean(), rel=2e-3)


def test_edges_is_the_edge_score_from_one_fit():
    W = data.natural_image_patches(12, 8, np.random.default_rng(0)) - 0.5
    found = sparse.edges(W)
    assert found["edge_score"] == measure.edge_score(W)
    assert found["edge_score_08"] == measure.edge_score(W, threshold=0.8) > 0


def test_clipped_kl_is_kl_where_that_is_defined():
    h = torch.rand(20, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(sparse.clipped_kl(h, 0.1), losses.kl_sparsity(h, 0.1))
    assert torch.isfinite(sparse.clipped_kl(2 * torch.ones(3, 2), 0.1))
    assert torch.isfinite(sparse.clipped_kl(torch.zeros(3, 2), 0.1))


def test_the_threshold_of_a_jump_gets_the_gradient_of_a_ramp():
    z = torch.tensor([[0.30, 0.52, 0.58], [0.48, 0.70, 0.20]], requires_grad=True)
    t = torch.full((3,), 0.5, requires_grad=True)
    on = sparse.Step.apply(z, t)
    assert on.tolist() == [[0, 1, 1], [0, 1, 0]]
    (on * torch.tensor([1.0, 2, 4])).sum().backward()
    assert z.grad is None
    torch.testing.assert_close(t.grad, torch.tensor([-10.0, -20.0, 0.0]))  # 1 / width for each near


@pytest.mark.parametrize("model", ["none", "l1", "top_k", "jump_relu"])
def test_feature_cost_of_each_model(model):
    generator = torch.Generator().manual_seed(1)
    W, V = torch.randn(5, 4, generator=generator), torch.randn(5, 4, generator=generator)
    b, x = torch.full((5,), 0.1), torch.randn(7, 4, generator=generator)
    log_t = torch.full((5,), 0.5).log()
    J, h, r = sparse.feature_cost(x, model, 0.3, 2, W, b, V, log_t)
    code = np.maximum(x.numpy() @ W.numpy().T + 0.1, 0)
    penalty = 0.0
    if model == "l1":
        penalty = code.sum(axis=1).mean()
    elif model == "top_k":
        code[np.argsort(-code, axis=1).argsort(axis=1) >= 2] = 0
    elif model == "jump_relu":
        code[code <= 0.5] = 0
        penalty = (code > 0).sum(axis=1).mean()
    columns = V.numpy() / np.linalg.norm(V.numpy(), axis=1, keepdims=True)
    np.testing.assert_allclose(h, code, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(r, code @ columns, rtol=1e-4, atol=1e-6)
    expected = np.square(x.numpy() - code @ columns).sum(axis=1).mean() / 2 + 0.3 * penalty
    assert J.item() == pytest.approx(expected, rel=1e-5)


def test_superposed_features_are_rare_and_have_length_one():
    directions, x = sparse.superposed(6, 6, 20_000, torch.Generator().manual_seed(0))
    torch.testing.assert_close(directions.norm(dim=1), torch.ones(6))
    features = torch.linalg.solve(directions.T.double(), x.T.double()).T  # six in six: invertible
    active = features.abs() > 1e-3
    assert active.double().mean().item() == pytest.approx(0.05, abs=0.003)
    assert features[active].min() > 0.499
    assert features[active].max() < 1.001
