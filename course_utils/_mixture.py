"""The mixture of Gaussians, whose density and score are known in closed form."""

import numpy as np

from course_utils._inputs import require_count, require_generator


class GaussianMixture:
    """A mixture of Gaussians with given parameters, of any dimension.

    Each method takes `sigma`: it then speaks of the mixture after Gaussian noise of standard
    deviation `sigma` has been added to each coordinate. That is again a mixture of Gaussians, with
    the same weights and means and with covariances C + sigma^2 I.

    Parameters
    ----------
    weights : array, shape (k,)
        Positive, with sum 1.
    means : array, shape (k, d)
        One row a component.
    covariances : float or array, shape (k,) or (k, d, d)
        One variance for every direction of every component, one variance a component, or full
        symmetric matrices. A component may be flat, even a point (variance 0): its density and
        score then exist for `sigma` > 0 only. With equal weights, data as means and variance 0
        this is the empirical distribution of the data.

    Raises
    ------
    ValueError
        If shapes don't fit together, weights are no probabilities or a covariance is no
        covariance.
    """

    def __init__(self, weights, means, covariances):
        self.weights = np.array(weights, dtype=np.float64)
        self.means = np.array(means, dtype=np.float64)
        if self.weights.ndim != 1 or self.means.ndim != 2 or len(self.weights) != len(self.means):
            raise ValueError(
                "weights must have shape (k,) and means (k, d), "
                f"got {self.weights.shape} and {self.means.shape}"
            )
        if not np.all(self.weights > 0) or not np.isclose(self.weights.sum(), 1, rtol=0, atol=1e-8):
            raise ValueError(
                f"weights must be positive with sum 1, got {self.weights} "
                f"with sum {self.weights.sum():.6g}: divide them by their sum"
            )
        if not np.all(np.isfinite(self.means)):
            raise ValueError("means must be finite")
        self.covariances = self._full_matrices(np.array(covariances, dtype=np.float64))
        self._variances, self._axes = np.linalg.eigh(self.covariances)
        tolerance = 1e-12 * self._variances.max(axis=1, keepdims=True)
        negative = np.any(self._variances < -tolerance, axis=1)
        if np.any(negative):
            raise ValueError(
                f"covariance {np.argmax(negative)} has a negative variance in some direction: "
                "a covariance matrix is positive semidefinite"
            )
        self._variances[self._variances < tolerance] = 0

    def _full_matrices(self, covariances):
        k, d = self.means.shape
        if not np.all(np.isfinite(covariances)):
            raise ValueError("covariances must be finite")
        if covariances.shape in [(), (k,)]:
            return np.broadcast_to(covariances, (k,))[:, None, None] * np.eye(d)
        if covariances.shape != (k, d, d):
            raise ValueError(
                f"covariances must be a number or have shape ({k},) or ({k}, {d}, {d}), "
                f"got {covariances.shape}"
            )
        if not np.allclose(covariances, covariances.transpose(0, 2, 1), rtol=1e-10, atol=0):
            raise ValueError("covariances must be symmetric matrices")
        return covariances

    def sample(self, n, rng, sigma=0.0):
        """Draw points.

        Parameters
        ----------
        n : int
            Number of points, from 1 on.
        rng : numpy.random.Generator
            Draws components and points.
        sigma : float, optional
            Standard deviation of the added noise.

        Returns
        -------
        ndarray, shape (n, d)
            Independent points.

        Raises
        ------
        ValueError
            If `n` or `sigma` is out of range.
        """
        which = require_generator(rng).choice(len(self.weights), require_count(n), p=self.weights)
        along_axes = rng.standard_normal((n, self.means.shape[1]))
        along_axes *= np.sqrt(self._smoothed_variances(sigma))[which]
        return self.means[which] + np.einsum("nij,nj->ni", self._axes[which], along_axes)

    def log_density(self, x, sigma=0.0):
        """Logarithm of the density, also where the density itself is too small for a float.

        Parameters, errors: as for `density`.

        Returns
        -------
        ndarray, shape (n,)
            Natural logarithms.
        """
        return _log_sum_exp(self._log_joint(*self._distances(x, sigma)))

    def density(self, x, sigma=0.0):
        """Density at given points.

        Parameters
        ----------
        x : array, shape (n, d)
            The points.
        sigma : float, optional
            Standard deviation of the added noise.

        Returns
        -------
        ndarray, shape (n,)
            Density per unit of volume.

        Raises
        ------
        ValueError
            If `x` doesn't fit the means, `sigma` is negative, or a component is flat and `sigma`
            is 0.
        """
        return np.exp(self.log_density(x, sigma))

    def score(self, x, sigma=0.0):
        """Gradient of the log density at given points.

        Each component pulls a point by -(C + sigma^2 I)^-1 (x - mean), in proportion to the
        probability that the point came from it.

        Parameters, errors: as for `density`.

        Returns
        -------
        ndarray, shape (n, d)
            One gradient a row.
        """
        offsets, variances = self._distances(x, sigma)
        log_joint = self._log_joint(offsets, variances)
        shares = np.exp(log_joint - _log_sum_exp(log_joint)[:, None])
        return -np.einsum("nk,kij,nkj->ni", shares, self._axes, offsets / variances, optimize=True)

    def _smoothed_variances(self, sigma):
        if not (np.ndim(sigma) == 0 and 0 <= sigma < np.inf):
            raise ValueError(f"sigma must be a standard deviation from 0 on, got {sigma}")
        return self._variances + sigma**2

    def _distances(self, x, sigma):
        """Offsets from every mean along the axes of its component (n, k, d), variances (k, d)."""
        x = np.asarray(x, dtype=np.float64)
        d = self.means.shape[1]
        if x.ndim != 2 or x.shape[1] != d:
            raise ValueError(f"x must have shape (n, {d}), got {x.shape}")
        variances = self._smoothed_variances(sigma)
        flat = np.any(variances == 0, axis=1)
        if np.any(flat):
            raise ValueError(
                f"component {np.argmax(flat)} is flat, so there is no density: smooth it, sigma > 0"
            )
        offsets = np.einsum("nki,kij->nkj", x[:, None] - self.means, self._axes, optimize=True)
        return offsets, variances

    def _log_joint(self, offsets, variances):
        """Log of weight times density of every component at every point, shape (n, k)."""
        exponents = np.sum(offsets**2 / variances, axis=2)
        log_volumes = np.sum(np.log(2 * np.pi * variances), axis=1)
        return np.log(self.weights) - 0.5 * (exponents + log_volumes)


def _log_sum_exp(values):
    """Logarithm of the sum over the last axis of exp(values), without overflow or underflow."""
    largest = values.max(axis=-1, keepdims=True)
    return largest[..., 0] + np.log(np.sum(np.exp(values - largest), axis=-1))
