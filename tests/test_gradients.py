"""Differences against derivatives known in closed form, and each slip against its name."""

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der

from course_utils import gradients
from course_utils import numpy_autoencoder as network

SIZES, M, DECAY = (5, 3, 4), 6, 0.03
RNG = np.random.default_rng(2)
X, Y = RNG.normal(size=(M, 5)), RNG.uniform(size=(M, 4))
THETA = RNG.normal(size=network.is_weight(SIZES).size)
IS_WEIGHT = network.is_weight(SIZES)


def cost(theta):
    return network.cost_and_grad(theta, X, Y, SIZES, DECAY)[0]


GRADIENT = network.cost_and_grad(THETA, X, Y, SIZES, DECAY)[1]
OF_DATA = GRADIENT - DECAY * THETA * IS_WEIGHT


def check(gradient, **settings):
    settings = {"m": M, "is_weight": IS_WEIGHT} | settings
    return gradients.check_gradient(cost, gradient, THETA, **settings)


def test_central_difference_is_exact_for_a_parabola_of_a_matrix():
    x = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    numeric = gradients.central_difference(lambda x: (x**2).sum(), x, step=0.5)
    np.testing.assert_allclose(numeric, 2 * x, rtol=1e-13)


def test_central_difference_agrees_with_scipys_derivative_of_rosenbrock():
    x = np.array([1.3, 0.7, 0.8, 1.9])
    numeric = gradients.central_difference(rosen, x)
    assert gradients.relative_error(numeric, rosen_der(x)) < 1e-8


def test_central_difference_leaves_its_point_alone_even_if_f_does_not():
    x = np.array([1.0, 2.0])

    def spoils(x):
        value = (x**3).sum()
        x[:] = 0
        return value

    numeric = gradients.central_difference(spoils, x)
    np.testing.assert_allclose(numeric, [3, 12], rtol=1e-7)
    assert x.tolist() == [1, 2]


def test_central_difference_takes_integers_as_numbers():
    np.testing.assert_allclose(gradients.central_difference(np.prod, [2, 3]), [3, 2], rtol=1e-10)


def test_central_difference_refuses_bad_arguments():
    with pytest.raises(ValueError, match="step must be positive, got 0"):
        gradients.central_difference(np.sum, np.ones(2), step=0)
    with pytest.raises(ValueError, match=r"one number, got an array of shape \(2,\)"):
        gradients.central_difference(lambda x: x, np.ones(2))


@pytest.mark.parametrize("factor", [2, 0.5, 7, -3])
def test_relative_error_of_a_factor(factor):
    g = np.array([3.0, -4.0])
    expected = abs(factor - 1) / abs(factor + 1)
    assert gradients.relative_error(factor * g, g) == pytest.approx(expected, rel=1e-12)


def test_relative_error_at_its_ends():
    assert gradients.relative_error(np.zeros(3), np.zeros(3)) == 0
    assert gradients.relative_error([1.0, 2.0], [-1.0, -2.0]) == np.inf
    with pytest.raises(ValueError, match="shapes"):
        gradients.relative_error(np.ones(2), np.ones((2, 1)))


def test_the_right_gradient_passes():
    assert check(GRADIENT) < 1e-7
    assert gradients.check_gradient(cost, GRADIENT, THETA) < 1e-7


SLIPS = {
    "sign": (-GRADIENT, "sign"),
    "sign of the error terms alone": (GRADIENT - 2 * OF_DATA, "sign"),
    "twice": (2 * GRADIENT, "factor 2 is wrong: the error terms count 2 times"),
    "half": (GRADIENT - OF_DATA / 2, "factor 2 is wrong: the error terms count 0.5 times"),
    "1/m forgotten": (GRADIENT + (M - 1) * OF_DATA, "count 6 times: 1/m is forgotten"),
    "1/m twice": (GRADIENT + (1 / M - 1) * OF_DATA, "divided by m once too often"),
    "another factor": (3 * GRADIENT, "count 3 times"),
    "no decay": (OF_DATA, "decay on the weights is missing, by 0.03 theta"),
    "decay twice": (GRADIENT + DECAY * THETA * IS_WEIGHT, "decay on the weights is in surplus"),
    "decay on biases": (GRADIENT + DECAY * THETA * ~IS_WEIGHT, "on the biases is in surplus"),
    "biases summed": (
        np.where(IS_WEIGHT, GRADIENT, M * GRADIENT),
        ": the biases are wrong by a factor 6",
    ),
    "NaN": (np.where(np.arange(GRADIENT.size) == 4, np.nan, GRADIENT), "entry 4"),
    "nothing": (0 * GRADIENT, "zero everywhere"),
}


@pytest.mark.parametrize("name", SLIPS)
def test_slip_is_named(name):
    gradient, words = SLIPS[name]
    with pytest.raises(AssertionError, match="relative error") as slip:
        check(gradient)
    assert words in str(slip.value)


def test_the_whole_vector_counts_as_weights_by_default():
    with pytest.raises(AssertionError, match="decay on the weights is missing, by 1 theta"):
        gradients.check_gradient(
            lambda t: np.sin(t).sum() + t @ t / 2, np.cos(THETA), THETA, tolerance=1e-7
        )


def test_without_a_pattern_the_worst_entry_is_named():
    spoilt = GRADIENT.copy()
    spoilt[7] += 0.5
    with pytest.raises(AssertionError, match="entry 7 is off most") as slip:
        check(spoilt)
    assert f"{GRADIENT[7]:.6g}" in str(slip.value)


def test_a_factor_that_is_not_m_is_not_called_so():
    with pytest.raises(AssertionError, match="count 6 times"):
        check(GRADIENT + 5 * OF_DATA, m=None)


def test_tolerance_is_what_decides():
    slightly = GRADIENT * (1 + 1e-5)
    with pytest.raises(AssertionError):
        check(slightly)
    assert check(slightly, tolerance=1e-4) == pytest.approx(5e-6, rel=0.01)


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="gradient has shape"):
        gradients.check_gradient(cost, GRADIENT[:-1], THETA)
