"""A network of three layers in NumPy, its parameters in one flat vector for L-BFGS.

Lesson 2 derives all of it. Sizes are (n_in, n_hidden, n_out); an example is a row.
"""

import numpy as np
from scipy.special import expit as sigmoid

from course_utils._inputs import require_count, require_generator


def initialize(sizes, rng):
    """Random weights and zero biases.

    Parameters
    ----------
    sizes : tuple of int
        (n_in, n_hidden, n_out).
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (n_parameters,)
        theta, with W ~ U(-r, r), r = sqrt(6 / (n_in + n_out + 1)) of each layer, and b = 0.

    References
    ----------
    Ng et al., UFLDL tutorial, "Exercise: sparse autoencoder"; Glorot & Bengio (2010), equation 16.
    """
    rng = require_generator(rng)
    n1, n2, n3 = _sizes(sizes)
    parts = []
    for n_in, n_out in ((n1, n2), (n2, n3)):
        r = np.sqrt(6 / (n_in + n_out + 1))
        parts += [rng.uniform(-r, r, size=(n_out, n_in)), np.zeros(n_out)]
    return pack(*parts)


def pack(W1, b1, W2, b2):
    """Put weights and biases behind each other into one flat vector.

    Parameters
    ----------
    W1, b1, W2, b2 : ndarray, shapes (n_hidden, n_in), (n_hidden,), (n_out, n_hidden), (n_out,)

    Returns
    -------
    ndarray, shape (n_parameters,)
    """
    return np.concatenate([W1.ravel(), b1, W2.ravel(), b2])


def unpack(theta, sizes):
    """Cut a flat vector into weights and biases.

    Parameters
    ----------
    theta : ndarray, shape (n_parameters,)
    sizes : tuple of int
        (n_in, n_hidden, n_out).

    Returns
    -------
    W1, b1, W2, b2 : ndarray, shapes (n_hidden, n_in), (n_hidden,), (n_out, n_hidden), (n_out,)
        Views of theta, not copies: who changes them changes theta.

    Raises
    ------
    ValueError
        If theta has not as many entries as these sizes ask for.
    """
    n1, n2, n3 = _sizes(sizes)
    ends = np.cumsum([n2 * n1, n2, n3 * n2, n3])
    if theta.shape != (ends[-1],):
        raise ValueError(
            f"sizes {tuple(sizes)} need theta of shape ({ends[-1]},), got {theta.shape}"
        )
    W1, b1, W2, b2 = np.split(theta, ends[:-1])
    return W1.reshape(n2, n1), b1, W2.reshape(n3, n2), b2


def is_weight(sizes):
    """Which entries of theta are weights, and so get decay; the others are biases.

    Parameters
    ----------
    sizes : tuple of int
        (n_in, n_hidden, n_out).

    Returns
    -------
    ndarray of bool, shape (n_parameters,)
    """
    n1, n2, n3 = _sizes(sizes)
    return np.repeat([True, False, True, False], [n2 * n1, n2, n3 * n2, n3])


def forward(theta, x, sizes):
    """Activations of the hidden and the output layer.

    Parameters
    ----------
    theta : ndarray, shape (n_parameters,)
    x : ndarray, shape (m, n_in)
    sizes : tuple of int
        (n_in, n_hidden, n_out).

    Returns
    -------
    a2, a3 : ndarray, shapes (m, n_hidden), (m, n_out)
        Between 0 and 1; float32 if theta and x are.
    """
    W1, b1, W2, b2 = unpack(theta, sizes)
    a2 = sigmoid(x @ W1.T + b1)
    return a2, sigmoid(a2 @ W2.T + b2)


def cost_and_grad(theta, x, y, sizes, decay):
    """Mean of half the squared error, plus weight decay, and its gradient by backpropagation.

    Parameters
    ----------
    theta : ndarray, shape (n_parameters,)
    x : ndarray, shape (m, n_in)
    y : ndarray, shape (m, n_out)
        Targets in [0, 1]; x itself for an autoencoder.
    sizes : tuple of int
        (n_in, n_hidden, n_out).
    decay : float, >= 0
        lambda; the biases aren't decayed.

    Returns
    -------
    J : float
    gradient : ndarray, shape (n_parameters,)

    References
    ----------
    Rumelhart, Hinton & Williams (1986), Nature 323; notation of Ng et al., UFLDL tutorial.
    """
    W1, _, W2, _ = unpack(theta, sizes)
    m = len(x)
    a2, a3 = forward(theta, x, sizes)
    residual = a3 - y
    J = 0.5 * np.vdot(residual, residual) / m + 0.5 * decay * (np.vdot(W1, W1) + np.vdot(W2, W2))
    delta3 = residual * a3 * (1 - a3)
    delta2 = (delta3 @ W2) * a2 * (1 - a2)
    gradient = pack(
        delta2.T @ x / m + decay * W1,
        delta2.mean(axis=0),
        delta3.T @ a2 / m + decay * W2,
        delta3.mean(axis=0),
    )
    return float(J), gradient


def sparse_cost_and_grad(theta, x, sizes, decay, rho, beta):
    """Cost of a sparse autoencoder and its gradient: `cost_and_grad` with y = x, plus a KL penalty.

    Lesson 3 derives it. The penalty beta sum_j KL(rho || rho_hat_j) joins all examples: rho_hat_j
    is the mean activation of hidden unit j over the whole batch.

    Parameters
    ----------
    theta : ndarray, shape (n_parameters,)
        Is converted to the type of `x`: pass x in float32 to compute faster and with fewer digits.
    x : ndarray, shape (m, n_in)
        Inputs, and targets, in [0, 1].
    sizes : tuple of int
        (n_in, n_hidden, n_in).
    decay : float, >= 0
        lambda; the biases aren't decayed.
    rho : float in (0, 1)
        Target for the mean activation of each hidden unit.
    beta : float, >= 0
        Weight of the penalty.

    Returns
    -------
    J : float
    gradient : ndarray, shape (n_parameters,)

    Raises
    ------
    ValueError
        If `rho` isn't in (0, 1), or theta doesn't have the size that `sizes` ask for.

    References
    ----------
    Ng (2011), CS294A lecture notes: Sparse autoencoder, section 3.
    """
    if not 0 < rho < 1:
        raise ValueError(f"rho must lie in (0, 1), got {rho}")
    W1, b1, W2, b2 = unpack(theta.astype(x.dtype, copy=False), sizes)
    m = len(x)
    a2 = x @ W1.T
    a2 += b1
    sigmoid(a2, out=a2)
    a3 = a2 @ W2.T
    a3 += b2
    sigmoid(a3, out=a3)
    rho_hat = a2.mean(axis=0)

    delta3 = a3 - x
    J = 0.5 * np.vdot(delta3, delta3) / m + 0.5 * decay * (np.vdot(W1, W1) + np.vdot(W2, W2))
    penalty = rho * np.log(rho / rho_hat) + (1 - rho) * np.log((1 - rho) / (1 - rho_hat))
    J += beta * penalty.sum()

    a3 *= 1 - a3
    delta3 *= a3
    grad_W2 = delta3.T @ a2
    delta2 = delta3 @ W2
    delta2 += beta * ((1 - rho) / (1 - rho_hat) - rho / rho_hat)
    a2 *= 1 - a2
    delta2 *= a2
    gradient = pack(
        delta2.T @ x / m + decay * W1,
        delta2.mean(axis=0),
        grad_W2 / m + decay * W2,
        delta3.mean(axis=0),
    )
    return float(J), gradient


def _sizes(sizes):
    if len(sizes) != 3:
        raise ValueError(f"sizes must be (n_in, n_hidden, n_out), got {sizes}")
    return [require_count(size, "a layer's size") for size in sizes]
