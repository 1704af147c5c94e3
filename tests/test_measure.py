import numpy as np
import pytest
import scipy.linalg

from course_utils import measure


@pytest.mark.parametrize(("k", "l"), [(3, 3), (2, 5), (5, 1)])
def test_principal_angles_agree_with_scipy(k, l):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(20, k)), rng.normal(size=(20, l))
    expected = np.sort(np.degrees(scipy.linalg.subspace_angles(a, b)))
    np.testing.assert_allclose(measure.principal_angles(a, b), expected, atol=1e-9)


def test_principal_angles_of_a_known_turn():
    tiny = np.radians(1e-6)
    a = np.eye(4)[:, :2]
    b = np.array([[1, 0], [0, np.cos(tiny)], [0, 0], [0, np.sin(tiny)]])
    np.testing.assert_allclose(measure.principal_angles(a, b), [0, 1e-6], rtol=1e-8, atol=1e-12)


def test_principal_angles_do_not_depend_on_the_basis():
    rng = np.random.default_rng(1)
    a, mix = rng.normal(size=(10, 3)), rng.normal(size=(3, 3))
    assert measure.principal_angles(a, a @ mix).max() < 1e-6


def test_principal_angles_name_bad_input():
    with pytest.raises(ValueError, match="shapes"):
        measure.principal_angles(np.eye(3), np.eye(4))
    with pytest.raises(ValueError, match="second matrix has 2 columns but rank 1"):
        measure.principal_angles(np.eye(3), np.ones((3, 2)))
