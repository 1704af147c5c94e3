"""The written-out network against torch's autograd, loops over every index, and a case by hand."""

import numpy as np
import pytest
import torch

from course_utils import gradients
from course_utils import numpy_autoencoder as network

SIZES, M, DECAY = (6, 3, 5), 7, 0.02


@pytest.fixture
def case():
    rng = np.random.default_rng(3)
    theta = rng.normal(size=network.is_weight(SIZES).size)
    return theta, rng.normal(size=(M, 6)), rng.uniform(size=(M, 5))


def test_initial_weights_fill_their_range_and_biases_are_zero():
    sizes = (64, 25, 60)
    theta = network.initialize(sizes, np.random.default_rng(0))
    W1, b1, W2, b2 = network.unpack(theta, sizes)
    assert not b1.any()
    assert not b2.any()
    for W, n in ((W1, 64 + 25 + 1), (W2, 25 + 60 + 1)):
        r = np.sqrt(6 / n)
        assert np.abs(W).max() <= r
        assert np.abs(W).max() > 0.99 * r
        assert abs(W.mean()) < 4 * r / np.sqrt(3 * W.size)
        assert W.var() == pytest.approx(r**2 / 3, rel=0.1)
    assert (theta == network.initialize(sizes, np.random.default_rng(0))).all()
    assert (theta != network.initialize(sizes, np.random.default_rng(1))).any()


def test_pack_and_unpack_undo_each_other(case):
    theta = case[0]
    parts = network.unpack(theta, SIZES)
    assert [part.shape for part in parts] == [(3, 6), (3,), (5, 3), (5,)]
    assert (network.pack(*parts) == theta).all()
    assert all(np.shares_memory(part, theta) for part in parts)
    W1, b1, W2, b2 = network.unpack(network.is_weight(SIZES), SIZES)
    assert W1.all()
    assert W2.all()
    assert not b1.any()
    assert not b2.any()


def test_forward_by_loops_over_every_index(case):
    theta, x, _ = case
    W1, b1, W2, b2 = network.unpack(theta, SIZES)
    a2, a3 = network.forward(theta, x, SIZES)
    for example in range(M):
        for i in range(3):
            z = b1[i] + sum(W1[i, j] * x[example, j] for j in range(6))
            assert a2[example, i] == pytest.approx(1 / (1 + np.exp(-z)), rel=1e-13)
        for i in range(5):
            z = b2[i] + sum(W2[i, j] * a2[example, j] for j in range(3))
            assert a3[example, i] == pytest.approx(1 / (1 + np.exp(-z)), rel=1e-13)


def test_a_network_of_single_units_by_hand():
    theta = np.array([0.0, 0.0, 2.0, -1.0])  # a2 = 1/2, z3 = 0, a3 = 1/2
    J, gradient = network.cost_and_grad(theta, np.ones((1, 1)), np.ones((1, 1)), (1, 1, 1), 0.1)
    assert pytest.approx(0.5 * 0.25 + 0.05 * 4) == J
    delta3 = -0.5 * 0.25
    delta2 = delta3 * 2 * 0.25
    np.testing.assert_allclose(gradient, [delta2, delta2, delta3 / 2 + 0.2, delta3], rtol=1e-14)


def test_cost_and_gradient_agree_with_autograd(case):
    theta, x, y = case
    J, gradient = network.cost_and_grad(theta, x, y, SIZES, DECAY)
    t = torch.tensor(theta, requires_grad=True)
    W1, b1, W2, b2 = torch.split(t, [18, 3, 15, 5])
    a2 = torch.sigmoid(torch.tensor(x) @ W1.view(3, 6).T + b1)
    a3 = torch.sigmoid(a2 @ W2.view(5, 3).T + b2)
    loss = ((a3 - torch.tensor(y)) ** 2).sum() / (2 * M)
    reference = loss + DECAY / 2 * (W1.square().sum() + W2.square().sum())
    reference.backward()
    assert isinstance(J, float)
    assert pytest.approx(reference.item(), rel=1e-13) == J
    np.testing.assert_allclose(gradient, t.grad.numpy(), rtol=0, atol=1e-13)


def test_gradient_agrees_with_differences(case):
    theta, x, y = case
    gradient = network.cost_and_grad(theta, x, y, SIZES, DECAY)[1]
    assert (
        gradients.check_gradient(
            lambda t: network.cost_and_grad(t, x, y, SIZES, DECAY)[0], gradient, theta
        )
        < 1e-7
    )


def test_float32_stays_float32_and_large_sums_do_not_overflow(case):
    theta, x, y = (array.astype(np.float32) for array in case)
    a2, a3 = network.forward(theta, x, SIZES)
    gradient = network.cost_and_grad(theta, x, y, SIZES, DECAY)[1]
    assert {a2.dtype, a3.dtype, gradient.dtype} == {np.dtype(np.float32)}
    with np.errstate(all="raise"):
        assert set(network.sigmoid(np.array([-700.0, 0.0, 800.0])).round(12)) == {0, 0.5, 1}


def test_bad_arguments_are_named(case):
    theta, x, _ = case
    with pytest.raises(ValueError, match=r"need theta of shape \(41,\), got \(40,\)"):
        network.forward(theta[:-1], x, SIZES)
    with pytest.raises(ValueError, match=r"\(n_in, n_hidden, n_out\)"):
        network.unpack(theta, (6, 3))
    with pytest.raises(TypeError, match="default_rng"):
        network.initialize(SIZES, 0)
    with pytest.raises(ValueError, match="whole number"):
        network.initialize((6, 0, 5), np.random.default_rng(0))


SPARSE_SIZES, RHO, BETA = (6, 3, 6), 0.05, 0.7


@pytest.fixture
def inputs(case):
    rng = np.random.default_rng(4)
    return rng.normal(size=network.is_weight(SPARSE_SIZES).size), rng.uniform(size=(M, 6))


def test_sparse_cost_and_gradient_agree_with_autograd(inputs):
    theta, x = inputs
    cost, gradient = network.sparse_cost_and_grad(theta, x, SPARSE_SIZES, DECAY, RHO, BETA)
    t = torch.tensor(theta, requires_grad=True)
    W1, b1, W2, b2 = t[:18].view(3, 6), t[18:21], t[21:39].view(6, 3), t[39:]
    x = torch.tensor(x)
    h = torch.sigmoid(x @ W1.T + b1)
    r = torch.sigmoid(h @ W2.T + b2)
    coins = torch.distributions.Bernoulli
    divergence = torch.distributions.kl_divergence(
        coins(torch.tensor(RHO, dtype=x.dtype)), coins(h.mean(0))
    )
    expected = (x - r).square().sum() / (2 * M) + BETA * divergence.sum()
    expected = expected + DECAY / 2 * (W1.square().sum() + W2.square().sum())
    expected.backward()
    assert cost == pytest.approx(expected.item(), rel=1e-13)
    np.testing.assert_allclose(gradient, t.grad.numpy(), rtol=1e-11, atol=1e-14)


def test_without_penalty_the_sparse_cost_is_the_plain_one(inputs):
    theta, x = inputs
    sparse = network.sparse_cost_and_grad(theta, x, SPARSE_SIZES, DECAY, RHO, 0.0)
    plain = network.cost_and_grad(theta, x, x, SPARSE_SIZES, DECAY)
    assert sparse[0] == pytest.approx(plain[0], rel=1e-13)
    np.testing.assert_allclose(sparse[1], plain[1], rtol=1e-11, atol=1e-15)


def test_sparse_cost_computes_in_the_type_of_x_and_changes_nothing(inputs):
    theta, x = inputs
    before = theta.copy(), x.copy()
    J, gradient = network.sparse_cost_and_grad(theta, x, SPARSE_SIZES, DECAY, RHO, BETA)
    assert gradient.dtype == np.float64
    assert (theta == before[0]).all()
    assert (x == before[1]).all()
    J32, gradient32 = network.sparse_cost_and_grad(
        theta, x.astype(np.float32), SPARSE_SIZES, DECAY, RHO, BETA
    )
    assert gradient32.dtype == np.float32
    assert pytest.approx(J, rel=1e-6) == J32
    np.testing.assert_allclose(gradient32, gradient, rtol=1e-3, atol=1e-6)


def test_sparse_cost_names_bad_input(inputs):
    theta, x = inputs
    with pytest.raises(ValueError, match="rho"):
        network.sparse_cost_and_grad(theta, x, SPARSE_SIZES, DECAY, 0.0, BETA)
    with pytest.raises(ValueError, match="need theta of shape"):
        network.sparse_cost_and_grad(theta[1:], x, SPARSE_SIZES, DECAY, RHO, BETA)
