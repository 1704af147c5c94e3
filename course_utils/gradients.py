"""Checking a gradient: differences of the cost, and what a wrong gradient says about its slip."""

import numpy as np


def central_difference(f, x, step=1e-4):
    """Gradient of a function of an array, from differences of its values.

    Costs two values of `f` for each entry. The error is about `step`² times a third derivative,
    plus the rounding error of `f` divided by `step`: use float64.

    Parameters
    ----------
    f : callable
        Takes an array like `x`, returns one number.
    x : array_like, any shape
        Not changed.
    step : float, > 0

    Returns
    -------
    ndarray, shape of x
        (f(x + step) - f(x - step)) / (2 step), each entry nudged on its own.

    Raises
    ------
    ValueError
        If the step isn't positive, or `f` doesn't return one number.
    """
    if not step > 0:
        raise ValueError(f"step must be positive, got {step}")
    x = np.array(x, dtype=None if np.asarray(x).dtype.kind == "f" else float)
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        here = x[index]
        values = []
        for there in (here + step, here - step):
            x[index] = there
            value = np.asarray(f(x.copy()))
            if value.size != 1:
                raise ValueError(f"f must return one number, got an array of shape {value.shape}")
            values.append(value.item())
        x[index] = here
        gradient[index] = (values[0] - values[1]) / (2 * step)
    return gradient


def relative_error(a, b):
    """Distance of two gradients by their size: ||a - b|| / ||a + b||, norms over all entries.

    If one is c times the other, this is |c - 1| / |c + 1|, whatever the gradient.

    Parameters
    ----------
    a, b : array_like, same shape

    Returns
    -------
    float
        0 if they are equal, infinite if b = -a.
    """
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        raise ValueError(f"the gradients have the shapes {a.shape} and {b.shape}: make them equal")
    distance, size = np.linalg.norm(a - b), np.linalg.norm(a + b)
    if distance == 0:
        return 0.0
    return float(distance / size) if size else float("inf")


def check_gradient(
    f, gradient, theta, *, m=None, is_weight=None, step=1e-4, tolerance=1e-7
) -> float:
    """Compare a gradient with central differences of its cost.

    Parameters
    ----------
    f : callable
        The cost: takes an array like `theta`, returns one number.
    gradient : array_like, shape of theta
        What is claimed to be the gradient of `f` at `theta`.
    theta : array_like, any shape
        Where. Random numbers without zeros are best: decay on a bias that is 0 can't be seen.
    m : int, optional
        Number of examples in `f`, so that a forgotten 1/m can be named.
    is_weight : array_like of bool, shape of theta, optional
        True where weight decay is meant to act. Default: everywhere.
    step : float
    tolerance : float
        Largest relative error that passes.

    Returns
    -------
    float
        The relative error ||g - n|| / ||g + n||.

    Raises
    ------
    AssertionError
        If it exceeds the tolerance; the message names the likely slip (see `diagnose`).

    References
    ----------
    Ng et al., UFLDL tutorial, "Gradient checking and advanced optimization".
    """
    theta, gradient = np.asarray(theta), np.asarray(gradient)
    if gradient.shape != theta.shape:
        raise ValueError(f"the gradient has shape {gradient.shape}, but theta has {theta.shape}")
    numeric = central_difference(f, theta, step)
    error = relative_error(gradient, numeric)
    if not error <= tolerance:
        slip = diagnose(gradient, numeric, theta, m=m, is_weight=is_weight)
        raise AssertionError(f"relative error {error:.1e}: {slip}")
    return error


def diagnose(gradient, numeric, theta, *, m=None, is_weight=None):
    """Name the likely slip behind a gradient that is wrong.

    Most slips leave a gradient of the form c n + k theta, with n the right gradient: a wrong
    factor c, and a multiple k of the parameters, which is decay. Both are fitted, once to the
    weights and once to the biases.

    Parameters
    ----------
    gradient, numeric, theta : array_like, same shape
        The gradient in question, the right one, and the parameters.
    m, is_weight
        As in `check_gradient`.

    Returns
    -------
    str
        One sentence: the sign, a factor 2, 1/m, decay missing or in surplus; else the worst entry.
    """
    g, n, theta = (np.asarray(a, dtype=float).ravel() for a in (gradient, numeric, theta))
    if not np.isfinite(g).all():
        return f"entry {np.flatnonzero(~np.isfinite(g))[0]} of the gradient isn't finite"
    if not np.any(g):
        return "the gradient is zero everywhere"
    is_weight = np.ones(len(g), bool) if is_weight is None else np.ravel(is_weight).astype(bool)
    groups = {"weights": is_weight, "biases": ~is_weight}
    fits = {
        name: _fit(g[part], n[part], theta[part]) for name, part in groups.items() if part.any()
    }
    if all(fit is not None for fit in fits.values()):
        factors = np.array([c for c, _ in fits.values()])
        if not np.allclose(factors, factors[0], rtol=1e-3):
            return "; ".join(
                f"the {name} are wrong by a factor {c:.3g}"
                for name, (c, _) in fits.items()
                if not np.isclose(c, 1, rtol=1e-3)
            )
        if not np.isclose(factors[0], 1, rtol=1e-3):
            return _name_factor(factors[0], m)
        slips = [
            f"decay on the {name} is {'in surplus' if k > 0 else 'missing'}, by {abs(k):.3g} theta"
            for name, (_, k) in fits.items()
            if k
        ]
        if slips:
            return "; ".join(slips)
    worst = int(np.abs(g - n).argmax())
    return f"entry {worst} is off most: {g[worst]:.6g}, but differences give {n[worst]:.6g}"


def _fit(g, n, theta):
    """Factors (c, k) of g = c n + k theta, or None if g isn't of this form."""
    if np.linalg.norm(g - n) <= 1e-6 * np.linalg.norm(n):
        return 1.0, 0.0
    columns = np.stack([n, theta], axis=1)
    (c, k), *_ = np.linalg.lstsq(columns, g, rcond=1e-9)
    if len(g) < 3 or np.linalg.norm(columns @ [c, k] - g) > 1e-5 * np.linalg.norm(g):
        return None
    return float(c), float(k)


def _name_factor(c, m):
    """What a factor of the error terms means. Decay, if it is right, isn't multiplied with them."""
    if np.isclose(c, -1, rtol=1e-3):
        return "the sign of the error terms is wrong"
    if np.isclose(c, 2, rtol=1e-3) or np.isclose(c, 0.5, rtol=1e-3):
        return f"a factor 2 is wrong: the error terms count {c:.2g} times"
    if m is not None and np.isclose(c, m, rtol=1e-3):
        return f"the error terms count {m} times: 1/m is forgotten"
    if m is not None and np.isclose(c, 1 / m, rtol=1e-3):
        return "the error terms are divided by m once too often"
    return f"the error terms count {c:.4g} times"
