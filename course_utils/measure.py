"""What the lessons measure, each with the paper or book that it comes from."""

import numpy as np
import scipy.linalg


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
