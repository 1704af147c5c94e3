"""Noise for denoising: each function returns a corrupted copy and draws from the given generator.

The random numbers are drawn where the generator lives and moved to the input, so that one seed
gives the same noise on every device; for speed on a GPU pass a generator that lives there.
"""

import torch


def gaussian(x, sigma, generator):
    """Add independent Gaussian noise to each entry.

    Parameters
    ----------
    x : Tensor, shape (n, d)
    sigma : float, at least 0
        Standard deviation of the noise, in the units of x.
    generator : torch.Generator

    Returns
    -------
    Tensor, shape (n, d)
        A new tensor. It is not clipped: values may leave the range of x.

    Raises
    ------
    ValueError
        If `sigma` is negative or not a number.

    References
    ----------
    Vincent et al. (2010), JMLR 11, section 3.3.
    """
    if not sigma >= 0:
        raise ValueError(f"sigma must be 0 or larger, got {sigma}")
    noise = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=generator.device)
    return x + sigma * noise.to(x.device)


def masking(x, fraction, generator):
    """Set a random share of each input's entries to zero.

    Parameters
    ----------
    x : Tensor, shape (n, d)
    fraction : float in [0, 1]
        Probability that an entry is set to zero, independently for each.
    generator : torch.Generator

    Returns
    -------
    Tensor, shape (n, d)
        A new tensor. What is kept is *not* rescaled, unlike in dropout.

    Raises
    ------
    ValueError
        If `fraction` is outside [0, 1].

    References
    ----------
    Vincent et al. (2010), JMLR 11, section 3.3.
    """
    return x.masked_fill(_uniform(x, fraction, generator) < fraction, 0)


def salt_and_pepper(x, fraction, generator, *, low=0.0, high=1.0):
    """Set a random share of each input's entries to the lowest or highest value, by a fair coin.

    Parameters
    ----------
    x : Tensor, shape (n, d)
    fraction : float in [0, 1]
        Probability that an entry is replaced, independently for each.
    generator : torch.Generator
    low, high : float
        The two values. Each replaces an entry with probability fraction/2.

    Returns
    -------
    Tensor, shape (n, d)
        A new tensor.

    Raises
    ------
    ValueError
        If `fraction` is outside [0, 1].

    References
    ----------
    Vincent et al. (2010), JMLR 11, section 3.3.
    """
    u = _uniform(x, fraction, generator)
    return x.masked_fill(u < fraction, high).masked_fill_(u < fraction / 2, low)


def _uniform(x, fraction, generator):
    if not 0 <= fraction <= 1:
        raise ValueError(f"fraction must lie in [0, 1], got {fraction}")
    return torch.rand(x.shape, generator=generator, device=generator.device).to(x.device)
