"""Checks of arguments that several modules share."""

import numpy as np


def require_generator(rng) -> np.random.Generator:
    """Return `rng` if it is a NumPy generator, else say how to make one."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            "rng must be a numpy.random.Generator, such as numpy.random.default_rng(0), "
            f"got {rng!r}"
        )
    return rng


def require_count(n, name="n") -> int:
    """Return `n` if it is a whole number from 1 on, else say what it is."""
    if not isinstance(n, (int, np.integer)) or isinstance(n, bool) or n < 1:
        raise ValueError(f"{name} must be a whole number from 1 on, got {n!r}")
    return int(n)
