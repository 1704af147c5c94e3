import numpy as np
import pytest
import scipy.special
import scipy.stats
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional

from course_utils import losses


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def uniform(*shape, seed=0, dtype=torch.float64):
    return torch.rand(*shape, generator=seeded(seed), dtype=dtype)


X, R = uniform(7, 5, seed=1), uniform(7, 5, seed=2)


def test_squared_error_by_hand():
    x = np.array([[1.0, 2.0], [0.0, -1.0]])
    r = np.array([[0.0, 4.0], [0.0, -1.0]])
    np.testing.assert_array_equal(losses.squared_error(x, r), [5.0, 0.0])
    assert losses.squared_error(torch.tensor(x), torch.tensor(r)).tolist() == [5.0, 0.0]


def test_squared_error_is_a_gaussian_negative_log_likelihood():
    variance = 0.3
    gaussian = torch.distributions.Normal(R, variance**0.5)
    constant = X.shape[1] / 2 * np.log(2 * np.pi * variance)
    expected = -gaussian.log_prob(X).sum(dim=1) - constant
    torch.testing.assert_close(losses.squared_error(X, R) / (2 * variance), expected)


def test_cross_entropy_by_hand():
    x = np.array([[1.0, 0.0], [0.5, 0.25]])
    r = np.array([[0.5, 0.75], [0.5, 0.5]])
    expected = [np.log(2) + np.log(4), 2 * np.log(2)]
    np.testing.assert_allclose(losses.bernoulli_cross_entropy(x, r), expected, rtol=1e-15)


def test_cross_entropy_of_bits_is_a_bernoulli_negative_log_likelihood():
    bits = (X < 0.5).double()
    expected = -torch.distributions.Bernoulli(R).log_prob(bits).sum(dim=1)
    torch.testing.assert_close(losses.bernoulli_cross_entropy(bits, R), expected)
    expected = -scipy.stats.bernoulli.logpmf(bits.numpy(), R.numpy()).sum(axis=1)
    ours = losses.bernoulli_cross_entropy(bits.numpy(), R.numpy())
    np.testing.assert_allclose(ours, expected, rtol=1e-12)


def test_cross_entropy_is_entropy_plus_divergence():
    x, r = X.numpy(), R.numpy()
    entropy = scipy.special.entr(x) + scipy.special.entr(1 - x)
    divergence = scipy.special.rel_entr(x, r) + scipy.special.rel_entr(1 - x, 1 - r)
    expected = (entropy + divergence).sum(axis=1)
    np.testing.assert_allclose(losses.bernoulli_cross_entropy(x, r), expected, rtol=1e-12)
    torch.testing.assert_close(losses.bernoulli_cross_entropy(X, R), torch.tensor(expected))


@pytest.mark.parametrize("loss", [losses.squared_error, losses.bernoulli_cross_entropy])
def test_single_precision_agrees_with_double(loss):
    x, r = uniform(50, 784, seed=3), uniform(50, 784, seed=4)
    torch.testing.assert_close(loss(x.float(), r.float()).double(), loss(x, r), rtol=1e-5, atol=0)
    single = loss(x.float().numpy(), r.float().numpy())
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, loss(x, r), rtol=1e-5)


# Every pairing of a bit or a grey value with a probability that is certain, nearly so, or neither.
EDGE_X, EDGE_R = torch.cartesian_prod(
    torch.tensor([0.0, 0.5, 1.0]), torch.tensor([0.0, 1e-30, 1e-6, 0.5, 1 - 2**-24, 1.0])
).T[:, :, None]


def test_cross_entropy_is_torchs_at_the_edges():
    ours_r, torchs_r = EDGE_R.clone().requires_grad_(), EDGE_R.clone().requires_grad_()
    ours = losses.bernoulli_cross_entropy(EDGE_X, ours_r)
    torchs = functional.binary_cross_entropy(torchs_r, EDGE_X, reduction="none")[:, 0]
    torch.testing.assert_close(ours, torchs, rtol=1e-6, atol=1e-6)
    ours.sum().backward()
    torchs.sum().backward()
    torch.testing.assert_close(ours_r.grad, torchs_r.grad, rtol=1e-6, atol=0)
    array = losses.bernoulli_cross_entropy(EDGE_X.numpy(), EDGE_R.numpy())
    np.testing.assert_allclose(array, torchs.detach(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("loss", [losses.squared_error, losses.bernoulli_cross_entropy])
@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
def test_gradients_agree_with_differences(loss, check):
    inside = [(0.1 + 0.8 * v).requires_grad_() for v in (X, R)]
    assert check(loss, inside)


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64])
def test_cross_entropy_takes_bits_of_any_type(dtype):
    bits = X < 0.5
    expected = losses.bernoulli_cross_entropy(bits.double(), R)
    assert torch.equal(losses.bernoulli_cross_entropy(bits.to(dtype), R), expected)
    array = losses.bernoulli_cross_entropy(bits.to(dtype).numpy(), R.numpy())
    np.testing.assert_allclose(array, expected, rtol=1e-12)


def test_half_precision_output_is_scored_in_the_precision_of_the_data():
    r = R.bfloat16()
    expected = losses.bernoulli_cross_entropy(X.float(), r.float())
    assert torch.equal(losses.bernoulli_cross_entropy(X.float(), r), expected)


@pytest.mark.parametrize("convert", [torch.Tensor.clone, torch.Tensor.numpy])
@pytest.mark.parametrize("wrong", ["x", "r"])
@pytest.mark.parametrize("value", [-0.01, 1.01])
def test_cross_entropy_says_what_is_out_of_range(convert, wrong, value):
    values = {"x": X.clone(), "r": R.clone()}
    values[wrong][3, 2] = value
    with pytest.raises(ValueError, match=rf"needs {wrong} in \[0, 1\].*{value}.*sigmoid"):
        losses.bernoulli_cross_entropy(*map(convert, values.values()))


@pytest.mark.parametrize("convert", [torch.Tensor.clone, torch.Tensor.numpy])
def test_nan_comes_out_as_nan(convert):
    r = R.clone()
    r[3, 2] = torch.nan
    for loss in (losses.squared_error, losses.bernoulli_cross_entropy):
        assert np.flatnonzero(np.isnan(np.asarray(loss(convert(X), convert(r))))).tolist() == [3]


@pytest.mark.parametrize("loss", [losses.squared_error, losses.bernoulli_cross_entropy])
def test_inputs_that_do_not_belong_together(loss):
    with pytest.raises(ValueError, match=r"same shape \(n, d\), got \(7, 5\) and \(7, 4\)"):
        loss(X, R[:, :4])
    with pytest.raises(ValueError, match=r"same shape \(n, d\), got \(5,\) and \(5,\)"):
        loss(X[0].numpy(), R[0].numpy())
    with pytest.raises(TypeError, match="both be NumPy arrays or both be tensors"):
        loss(X, R.numpy())


@pytest.mark.parametrize("rho", [0.05, 0.5])
def test_kl_sparsity_is_the_divergence_of_two_coins(rho):
    h = uniform(30, 4, seed=5)
    means = h.mean(dim=0).numpy()
    expected = sum(scipy.stats.entropy([rho, 1 - rho], [p, 1 - p]) for p in means)
    assert losses.kl_sparsity(h.numpy(), rho) == pytest.approx(expected, rel=1e-12)
    assert losses.kl_sparsity(h, rho).item() == pytest.approx(expected, rel=1e-12)
    assert gradcheck(lambda h: losses.kl_sparsity(h, rho), h.requires_grad_())


def test_kl_sparsity_sees_the_mean_alone():
    constant = np.full((10, 3), 0.05)
    bursts = np.zeros((20, 3))
    bursts[0] = 1
    assert losses.kl_sparsity(constant, 0.05) == pytest.approx(0, abs=1e-15)
    assert losses.kl_sparsity(bursts, 0.05) == pytest.approx(0, abs=1e-15)


def test_kl_sparsity_names_bad_input():
    h = np.array([[0.5, 0.0], [0.2, 0.0]])
    with pytest.raises(ValueError, match=r"run from 0 to 0.35"):
        losses.kl_sparsity(h, 0.05)
    with pytest.raises(ValueError, match="mean activations"):
        losses.kl_sparsity(torch.full((2, 2), 1.5), 0.05)
    with pytest.raises(ValueError, match="mean activations"):
        losses.kl_sparsity(np.full((2, 2), np.nan), 0.05)
    with pytest.raises(ValueError, match="rho"):
        losses.kl_sparsity(h + 0.1, 1.0)
    with pytest.raises(ValueError, match="shape"):
        losses.kl_sparsity(h[0], 0.05)


def test_l1_sparsity_is_a_mean_over_examples():
    h = np.array([[1.0, -2.0], [0.0, 0.5], [0.0, 0.0]])
    assert losses.l1_sparsity(h) == pytest.approx(3.5 / 3)
    assert losses.l1_sparsity(np.vstack([h, h])) == pytest.approx(3.5 / 3)
    assert losses.l1_sparsity(torch.tensor(h)).item() == pytest.approx(3.5 / 3)
    with pytest.raises(ValueError, match="shape"):
        losses.l1_sparsity(h[0])
