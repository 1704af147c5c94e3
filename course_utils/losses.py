"""Losses of single examples and penalties of a batch, for NumPy arrays and torch tensors alike."""

import numpy as np
import torch
from torch.nn import functional


def squared_error(x, r):
    """Squared distance between each input and its reconstruction.

    Up to a constant and a factor 1/(2v) this is -log p(x | h) if the decoder's output r is the mean
    of a Gaussian of variance v.

    Parameters
    ----------
    x : ndarray or Tensor, shape (n, d)
        Inputs.
    r : ndarray or Tensor, shape (n, d)
        Reconstructions.

    Returns
    -------
    ndarray or Tensor, shape (n,)
        ||x - r||^2 of every example, not divided by d: the kind of array that came in.

    Raises
    ------
    ValueError
        If the shapes differ or are not (n, d).
    TypeError
        If one is an array and the other a tensor.
    """
    _check_pair(x, r)
    if isinstance(r, np.ndarray):
        return np.square(x - r).sum(axis=1)
    return functional.mse_loss(r, x, reduction="none").sum(dim=1)


def bernoulli_cross_entropy(x, r):
    """Cross-entropy between inputs in [0, 1] and the probabilities that the decoder gives.

    For bits x this is -log P(x | h) with independent pixels. For grey values it is a loss, but not
    the negative logarithm of a normalised density, and its floor is the entropy of the pixels.

    Parameters
    ----------
    x : ndarray or Tensor, shape (n, d)
        Inputs, in [0, 1].
    r : ndarray or Tensor, shape (n, d)
        Probabilities of a one, in [0, 1].

    Returns
    -------
    ndarray or Tensor, shape (n,)
        -sum_i [x_i log r_i + (1 - x_i) log(1 - r_i)] of every example, in nats: the kind of array
        that came in. Each logarithm is kept at -100 or above, as torch does, so that r = 0 or 1
        gives a large loss and not an infinite one. NaN gives NaN.

    Raises
    ------
    ValueError
        If the shapes differ or are not (n, d), or if x or r leave [0, 1].
    TypeError
        If one is an array and the other a tensor.
    """
    _check_pair(x, r)
    if isinstance(r, np.ndarray):
        _check_unit_interval(x=x, r=r)
        with np.errstate(divide="ignore"):
            log_r, log_rest = np.log(r), np.log1p(-r)
        return -(x * np.maximum(log_r, -100) + (1 - x) * np.maximum(log_rest, -100)).sum(axis=1)
    dtype = torch.promote_types(x.dtype, r.dtype)
    x, r = x.to(dtype), r.to(dtype)
    values = _BernoulliCrossEntropy.apply(x, r)
    low, high = torch.aminmax(x.detach())
    if values.isnan().any() | (low < 0) | (high > 1):  # the logarithm is NaN if r is out of range
        _check_unit_interval(x=x, r=r)
    return values


class _BernoulliCrossEntropy(torch.autograd.Function):
    """Several times as fast on the CPU as torch's own kernel, which isn't vectorised there."""

    @staticmethod
    def forward(ctx, x, r):
        ctx.save_for_backward(x, r)
        log_r = torch.log(r).clamp_(min=-100)
        log_rest = (1 - r).log_().clamp_(min=-100)
        return log_rest.lerp_(log_r, x).sum(dim=1).neg_()

    @staticmethod
    def backward(ctx, grad):
        x, r = ctx.saved_tensors
        grad = grad[:, None]
        grad_x = grad_r = None
        if ctx.needs_input_grad[0]:
            grad_x = grad * (torch.log1p(-r).clamp(min=-100) - torch.log(r).clamp(min=-100))
        if ctx.needs_input_grad[1]:
            variance = (1 - r).mul_(r).clamp_(min=1e-12)
            grad_r = (r - x).div_(variance).mul_(grad)
        return grad_x, grad_r


def _check_pair(x, r):
    if isinstance(x, np.ndarray) != isinstance(r, np.ndarray):
        raise TypeError(
            f"x and r must both be NumPy arrays or both be tensors, "
            f"got {type(x).__name__} and {type(r).__name__}"
        )
    if x.shape != r.shape or x.ndim != 2:
        raise ValueError(
            f"x and r must have the same shape (n, d), got {tuple(x.shape)} and {tuple(r.shape)}"
        )


def _check_unit_interval(**arrays):
    for name, values in arrays.items():
        low, high = float(values.min()), float(values.max())
        if low < 0 or high > 1:
            raise ValueError(
                f"the cross-entropy needs {name} in [0, 1], but it runs from {low:.3g} to "
                f"{high:.3g}: use a sigmoid output, inputs scaled to [0, 1], or squared_error"
            )


def kl_sparsity(h, rho):
    """KL penalty on the mean activation of each unit, summed over the units.

    Each unit's mean over the batch, rho_hat, is read as the probability of a coin, and compared
    with the coin of probability rho. 0 if every mean is rho; steep where a mean nears 0 or 1. It
    looks at the *mean* alone: a unit that gives rho for every input has no penalty.

    Parameters
    ----------
    h : ndarray or Tensor, shape (n, k)
        Codes of a batch. Their means must lie in (0, 1), as those of sigmoid units do.
    rho : float in (0, 1)
        Target for the mean.

    Returns
    -------
    float or scalar Tensor
        sum_j [rho log(rho / rho_hat_j) + (1 - rho) log((1 - rho) / (1 - rho_hat_j))], in nats.

    Raises
    ------
    ValueError
        If `rho` or a mean is not in (0, 1), or if `h` isn't (n, k).

    References
    ----------
    Ng (2011), CS294A lecture notes: Sparse autoencoder, section 3.
    """
    if not 0 < rho < 1:
        raise ValueError(f"rho must lie in (0, 1), got {rho}")
    _check_code(h)
    rho_hat = h.mean(axis=0)
    low, high = rho_hat.min().item(), rho_hat.max().item()
    if not (low > 0 and high < 1):
        raise ValueError(
            f"the KL penalty needs mean activations in (0, 1), but they run from {low:.3g} to "
            f"{high:.3g}: use sigmoid units that are not saturated, or l1_sparsity"
        )
    log = np.log if isinstance(h, np.ndarray) else torch.log
    return -(rho * log(rho_hat / rho) + (1 - rho) * log((1 - rho_hat) / (1 - rho))).sum()


def l1_sparsity(h):
    """L1 penalty on a code: mean over the examples of the summed absolute activations.

    Parameters
    ----------
    h : ndarray or Tensor, shape (n, k)
        Codes of a batch.

    Returns
    -------
    float or scalar Tensor

    Raises
    ------
    ValueError
        If `h` isn't (n, k).

    References
    ----------
    Olshausen & Field (1996), Nature 381, pages 607-609: one of their choices of penalty.
    """
    _check_code(h)
    return abs(h).sum() / len(h)


def _check_code(h):
    if h.ndim != 2:
        raise ValueError(f"the code of a batch must have shape (n, k), got {tuple(h.shape)}")
