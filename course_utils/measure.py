"""What the lessons measure, each with the paper or book that it comes from."""

import functools
from typing import NamedTuple

import numpy as np
import scipy.linalg
import scipy.optimize


def principal_angles(a, b):
    """Angles between the subspaces that the columns of two matrices span.

    Computed from cosines for large angles and from sines for small ones, where a cosine has lost
    its digits.

    Parameters
    ----------
    a : array_like, shape (d, k)
    b : array_like, shape (d, l)
        Matrices with linearly independent columns.

    Returns
    -------
    ndarray, shape (min(k, l),)
        Angles in degrees, in [0, 90], smallest first. All are 0 if one subspace holds the other.

    Raises
    ------
    ValueError
        If the matrices differ in their number of rows, or the columns of one are dependent.

    References
    ----------
    Björck & Golub (1973), Mathematics of Computation 27, section 3.
    """
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if a.ndim != 2 or b.ndim != 2 or len(a) != len(b):
        raise ValueError(f"expected shapes (d, k) and (d, l), got {a.shape} and {b.shape}")
    bases = []
    for name, matrix in (("first", a), ("second", b)):
        basis = scipy.linalg.orth(matrix)
        if basis.shape[1] < matrix.shape[1]:
            raise ValueError(
                f"the {name} matrix has {matrix.shape[1]} columns but rank {basis.shape[1]}: "
                f"leave dependent columns out"
            )
        bases.append(basis)
    large, small = sorted(bases, key=lambda basis: basis.shape[1], reverse=True)
    overlap = large.T @ small
    cosines = np.linalg.svd(overlap, compute_uv=False)
    sines = np.linalg.svd(small - large @ overlap, compute_uv=False)[::-1]
    radians = np.where(cosines**2 < 0.5, np.arccos(cosines.clip(0, 1)), np.arcsin(sines.clip(0, 1)))
    return np.degrees(radians)


class GaborFit(NamedTuple):
    """The Gabor function that lies nearest to a filter.

    With u, v the coordinates that are centred at (x, y) and turned by `angle`, it is
    exp(-u^2 / 2 sigma_u^2 - v^2 / 2 sigma_v^2) * amplitude * cos(2 pi frequency u + phase).
    """

    r2: float
    """Explained variance: 1 - (squared residuals) / (squared deviations from the mean)."""
    x: float
    """Column of the centre, in pixels from the left."""
    y: float
    """Row of the centre, in pixels from the top."""
    angle: float
    """Direction across the bands in radians, in [0, pi): 0 means vertical bands."""
    sigma_u: float
    """Width of the envelope across the bands, in pixels."""
    sigma_v: float
    """Width of the envelope along the bands, in pixels."""
    frequency: float
    """Cycles per pixel."""
    amplitude: float
    phase: float
    """In radians."""
    weaker_sign: float
    """Share of the function's energy that its light or its dark bands hold, whichever hold less."""
    fitted: np.ndarray
    """The function itself, shape (height * width,)."""


def gabor_fit(weights, *, shape=None, starts=4):
    """Fit a Gabor function, a wave under a Gaussian envelope, to one filter.

    A Gabor function of 8 parameters is fitted by least squares (Levenberg and Marquardt's method)
    from several starts. Each start is the best of 288 places and directions for one of 8 choices
    of width and frequency.

    Parameters
    ----------
    weights : array_like, shape (height * width,)
        The filter, row by row; its scale doesn't matter.
    shape : tuple of int, optional
        Height and width. Default: square.
    starts : int, from 1 to 8
        Number of starts from which the fit is run. The best result counts.

    Returns
    -------
    GaborFit

    Raises
    ------
    ValueError
        If the weights don't have that shape, aren't finite, or are all the same.

    References
    ----------
    Jones & Palmer (1987), Journal of Neurophysiology 58, pages 1233-1258: the function, and its
    fit to the receptive fields of simple cells.
    """
    weights = np.asarray(weights, dtype=float)
    side = round(weights.size**0.5)
    height, width = (side, side) if shape is None else shape
    if weights.ndim != 1 or height * width != weights.size:
        raise ValueError(f"weights of shape {weights.shape} are no filter of {height}x{width}")
    if not np.isfinite(weights).all() or np.ptp(weights) == 0:
        raise ValueError("the weights must be finite, and not all the same")
    if not 1 <= starts <= 8:
        raise ValueError(f"starts must be from 1 to 8, got {starts}")
    w = weights / np.abs(weights).max()
    rows, columns = (axis.ravel() for axis in np.mgrid[:height, :width].astype(float))

    envelopes, basis = _gabor_bank(height, width)  # (8, 288, 6), (8, 288, 2, n_pixels)
    explained = np.square(basis @ w).sum(axis=2)  # (8, 288): each basis is orthonormal
    best = explained.argmax(axis=1)
    results = []
    for kind in np.argsort(-explained.max(axis=1))[:starts]:
        envelope = envelopes[kind, best[kind]]
        waves = [_gabor([*envelope, *phase], rows, columns) for phase in ((1, 0), (0, 1))]
        linear = np.linalg.lstsq(np.column_stack(waves), w, rcond=None)[0]
        with np.errstate(all="ignore"):  # an envelope may become so narrow that its width is 0
            results.append(
                scipy.optimize.least_squares(
                    lambda p: np.nan_to_num(_gabor(p, rows, columns) - w, posinf=1e6, neginf=-1e6),
                    [*envelope, *linear],
                    jac=lambda p: np.nan_to_num(
                        _gabor_jacobian(p, rows, columns), posinf=0.0, neginf=0.0
                    ),
                    method="lm",
                    max_nfev=200,
                )
            )
    p = min(results, key=lambda result: result.cost).x
    fitted = _gabor(p, rows, columns)
    x, y, angle, log_u, log_v, frequency, a, b = p
    if frequency < 0:
        frequency, b = -frequency, -b
    turned = bool(np.floor(angle / np.pi) % 2)  # by 180 degrees: u changes its sign
    scale, energy = np.abs(weights).max(), np.square(fitted)
    return GaborFit(
        r2=float(1 - np.square(w - fitted).sum() / np.square(w - w.mean()).sum()),
        x=float(x),
        y=float(y),
        angle=float(angle % np.pi),
        sigma_u=float(np.exp(log_u)),
        sigma_v=float(np.exp(log_v)),
        frequency=float(frequency),
        amplitude=float(scale * np.hypot(a, b)),
        phase=float(np.arctan2(b if turned else -b, a)),
        weaker_sign=float(min(energy[fitted > 0].sum(), energy[fitted < 0].sum()) / energy.sum()),
        fitted=scale * fitted,
    )


def edge_score(filters, *, threshold=0.9, shape=None):
    """Share of filters that are edge detectors: nearly a Gabor function, with light and dark bands.

    A filter counts if a Gabor function explains more than `threshold` of its variance, and if the
    weaker sign holds at least a tenth of the function's energy: a blob of one sign is a Gabor
    function too, of frequency 0, and doesn't count.

    Parameters
    ----------
    filters : array_like, shape (k, height * width)
        One filter a row. A filter whose weights are all the same doesn't count.
    threshold : float in [0, 1]
        Explained variance to be exceeded.
    shape : tuple of int, optional
        Height and width. Default: square.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ValueError
        If the filters don't have that shape, or hold anything that isn't finite.

    See Also
    --------
    gabor_fit : the fit, with its source.
    """
    filters = np.asarray(filters, dtype=float)
    if filters.ndim != 2 or not len(filters):
        raise ValueError(f"expected filters of shape (k, height * width), got {filters.shape}")
    fits = [gabor_fit(weights, shape=shape) for weights in filters if np.ptp(weights)]
    return sum(fit.r2 > threshold and fit.weaker_sign >= 0.1 for fit in fits) / len(filters)


def _gabor(p, rows, columns):
    x, y, angle, log_u, log_v, frequency, a, b = p
    u = (columns - x) * np.cos(angle) + (rows - y) * np.sin(angle)
    v = (rows - y) * np.cos(angle) - (columns - x) * np.sin(angle)
    envelope = np.exp(-0.5 * (np.square(u / np.exp(log_u)) + np.square(v / np.exp(log_v))))
    wave = 2 * np.pi * frequency * u
    return envelope * (a * np.cos(wave) + b * np.sin(wave))


def _gabor_jacobian(p, rows, columns):
    """Derivatives of `_gabor` in its 8 parameters, shape (n_pixels, 8)."""
    x, y, angle, log_u, log_v, frequency, a, b = p
    cos, sin = np.cos(angle), np.sin(angle)
    u = (columns - x) * cos + (rows - y) * sin
    v = (rows - y) * cos - (columns - x) * sin
    over_u, over_v = u / np.exp(2 * log_u), v / np.exp(2 * log_v)
    envelope = np.exp(-0.5 * (u * over_u + v * over_v))
    even = envelope * np.cos(2 * np.pi * frequency * u)
    odd = envelope * np.sin(2 * np.pi * frequency * u)
    g, slope = a * even + b * odd, 2 * np.pi * (b * even - a * odd)
    by_u, by_v = frequency * slope - over_u * g, -over_v * g
    return np.column_stack(
        [
            by_v * sin - by_u * cos,
            -by_u * sin - by_v * cos,
            by_u * v - by_v * u,
            u * over_u * g,
            v * over_v * g,
            u * slope,
            even,
            odd,
        ]
    )


@functools.cache
def _gabor_bank(height, width):
    """Return starts, shape (8, 288, 6), and orthonormal bases of their two phases."""
    rows, columns = (axis.ravel() for axis in np.mgrid[:height, :width].astype(float))
    size = min(height, width)
    starts = np.array(
        [
            [
                (x, y, angle, np.log(sigma_u), np.log(sigma_v), cycles / (4 * sigma_u))
                for x in np.linspace(0, width - 1, 6)
                for y in np.linspace(0, height - 1, 6)
                for angle in np.pi * np.arange(8) / 8
            ]
            for sigma_u in (size / 12, size / 6)
            for sigma_v in (size / 8, size / 3)
            for cycles in (0.6, 1.2)
        ]
    )
    pairs = np.array(
        [
            [[_gabor([*p, *phase], rows, columns) for p in kind] for kind in starts]
            for phase in ((1, 0), (0, 1))
        ]
    )  # (2, 8, 288, n_pixels)
    return starts, np.linalg.qr(pairs.transpose(1, 2, 3, 0))[0].transpose(0, 1, 3, 2)


def linear_probe_error(h, y, h_new, y_new, *, strength=1.0):
    """Error of a linear classifier that is given a code: how much of the class can be read off.

    Multinomial logistic regression (scikit-learn's, by L-BFGS) on codes that are standardised with
    mean and standard deviation of `h`; a unit that is constant in `h` stays 0.

    Parameters
    ----------
    h, h_new : array_like, shape (n, k), (n_new, k)
        Codes to learn from and to be scored on.
    y, y_new : array_like of int, shape (n,), (n_new,)
        Their classes.
    strength : float, positive
        The penalty strength/2 ||W||^2 on the weights is added to the *summed* cross-entropy of
        the n examples. Choose it on validation data, not on those that you report.

    Returns
    -------
    float
        Share of new examples that are misclassified, in [0, 1].

    Raises
    ------
    ValueError
        If `strength` isn't positive, or the arrays don't fit together.

    References
    ----------
    Alain & Bengio (2017), Understanding intermediate layers using linear classifier probes, ICLR
    workshop.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    if not 0 < strength < np.inf:
        raise ValueError(f"strength must be positive, got {strength}")
    scaler = StandardScaler().fit(h)
    probe = LogisticRegression(C=1 / strength, max_iter=500).fit(scaler.transform(h), y)
    return 1 - float(probe.score(scaler.transform(h_new), y_new))
