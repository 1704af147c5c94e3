import numpy as np
import pytest
import scipy.linalg
import scipy.optimize
import scipy.special

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


def gabor(x, y, angle, sigma_u, sigma_v, frequency, amplitude, phase, size=8):
    rows, columns = np.mgrid[:size, :size]
    u = (columns - x) * np.cos(angle) + (rows - y) * np.sin(angle)
    v = -(columns - x) * np.sin(angle) + (rows - y) * np.cos(angle)
    envelope = np.exp(-(u**2) / (2 * sigma_u**2) - v**2 / (2 * sigma_v**2))
    return (envelope * amplitude * np.cos(2 * np.pi * frequency * u + phase)).ravel()


GABORS = {
    "even": (3.2, 4.1, 0.4, 1.5, 2.0, 0.2, 1.3, 0.1),
    "odd": (4.0, 3.0, 2.5, 1.2, 2.5, 0.15, 0.7, 1.6),
    "steep": (2.0, 5.0, 1.6, 1.8, 1.2, 0.3, 20.0, -2.0),
    "corner": (0.5, 0.5, 0.9, 1.5, 1.5, 0.2, -1.0, 0.7),
}


@pytest.mark.parametrize("name", GABORS)
def test_gabor_fit_finds_the_parameters_of_a_gabor_function(name):
    filter = gabor(*GABORS[name])
    fit = measure.gabor_fit(filter)
    assert fit.r2 > 1 - 1e-8
    np.testing.assert_allclose(fit.fitted, filter, atol=1e-4 * np.abs(filter).max())
    again = gabor(
        *(fit.x, fit.y, fit.angle, fit.sigma_u, fit.sigma_v, fit.frequency, fit.amplitude),
        fit.phase,
    )
    np.testing.assert_allclose(again, fit.fitted, atol=1e-8 * np.abs(filter).max())
    x, y, angle, sigma_u, sigma_v, frequency, *_ = GABORS[name]
    np.testing.assert_allclose(
        [fit.x, fit.y, fit.angle, fit.sigma_u, fit.sigma_v, fit.frequency],
        [x, y, angle, sigma_u, sigma_v, frequency],
        rtol=1e-3,
    )


def test_gabor_fit_knows_height_from_width():
    rows, columns = np.mgrid[:6, :10]
    filter = (np.exp(-((columns - 7) ** 2 + (rows - 2) ** 2) / 4) * np.sin(columns - 7)).ravel()
    fit = measure.gabor_fit(filter, shape=(6, 10))
    assert fit.r2 > 0.999
    assert (fit.x, fit.y) == pytest.approx((7, 2), abs=0.05)


def test_gabor_jacobian_agrees_with_differences():
    rows, columns = (axis.ravel() for axis in np.mgrid[:8, :8].astype(float))
    p = np.array([3.1, 4.2, 0.7, 0.5, 0.8, 0.2, 0.9, -0.4])
    numeric = scipy.optimize.approx_fprime(p, lambda p: measure._gabor(p, rows, columns), 1e-7)
    np.testing.assert_allclose(measure._gabor_jacobian(p, rows, columns), numeric, atol=1e-5)


def test_gabor_fit_is_a_minimum_that_scipy_cannot_better():
    rng = np.random.default_rng(3)
    rows, columns = (axis.ravel() for axis in np.mgrid[:8, :8].astype(float))
    filter = gabor(*GABORS["odd"]) + 0.1 * rng.normal(size=64)
    start = [4, 3, 2.5, np.log(1.2), np.log(2.5), 0.15, 0, -0.7]
    by_scipy = scipy.optimize.curve_fit(
        lambda _, *p: measure._gabor(p, rows, columns), None, filter, start, maxfev=10_000
    )[0]
    residual = np.square(filter - measure._gabor(by_scipy, rows, columns)).sum()
    r2 = 1 - residual / np.square(filter - filter.mean()).sum()
    assert measure.gabor_fit(filter).r2 > r2 - 1e-6


def test_edge_score_counts_gabors_and_neither_noise_nor_blobs():
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:8, :8]
    blob = np.exp(-((columns - 3) ** 2 + (rows - 4) ** 2) / 4).ravel()
    assert measure.gabor_fit(blob).r2 > 0.99
    edges = [gabor(*parameters) for parameters in GABORS.values()]
    assert measure.edge_score(edges) == 1
    assert measure.edge_score([*edges, blob, -blob, np.zeros(64), rng.normal(size=64)]) == 0.5
    assert measure.edge_score(rng.normal(size=(20, 64))) == 0
    single_pixels = np.eye(64)[[0, 27, 63]]
    assert measure.edge_score(single_pixels) == 0


def test_edge_score_uses_its_threshold():
    rng = np.random.default_rng(1)
    noisy = gabor(*GABORS["even"]) + 0.08 * rng.normal(size=64)
    r2 = measure.gabor_fit(noisy).r2
    assert measure.edge_score([noisy], threshold=r2 - 0.01) == 1
    assert measure.edge_score([noisy], threshold=r2 + 0.01) == 0


def test_gabor_fit_names_bad_input():
    with pytest.raises(ValueError, match="no filter of 3x3"):
        measure.gabor_fit(np.arange(10))
    with pytest.raises(ValueError, match="not all the same"):
        measure.gabor_fit(np.ones(9))
    with pytest.raises(ValueError, match="finite"):
        measure.gabor_fit([np.nan, *range(8)])
    with pytest.raises(ValueError, match="shape"):
        measure.edge_score(np.arange(9))


def test_linear_probe_agrees_with_a_penalised_likelihood_minimised_by_hand():
    rng = np.random.default_rng(0)
    h, y = rng.normal(size=(60, 3)), rng.integers(3, size=60)
    h[:, 0] += y
    h_new, y_new = rng.normal(size=(200, 3)), rng.integers(3, size=200)
    h_new[:, 0] += y_new
    z, z_new = ((a - h.mean(axis=0)) / h.std(axis=0) for a in (h, h_new))

    def cost(theta):
        W, b = theta[:9].reshape(3, 3), theta[9:]
        log_p = scipy.special.log_softmax(z @ W.T + b, axis=1)
        return -log_p[np.arange(60), y].sum() + 2.5 / 2 * np.square(W).sum()

    theta = scipy.optimize.minimize(cost, np.zeros(12)).x
    named = (z_new @ theta[:9].reshape(3, 3).T + theta[9:]).argmax(axis=1)
    error = measure.linear_probe_error(h, y, h_new, y_new, strength=2.5)
    assert error == pytest.approx(np.mean(named != y_new), abs=0.006)


def test_linear_probe_on_easy_constant_and_bad_input():
    y = np.arange(30) % 3
    h = np.column_stack([np.eye(3)[y], np.ones(30)])
    assert measure.linear_probe_error(h, y, h, y) == 0
    with pytest.raises(ValueError, match="strength"):
        measure.linear_probe_error(h, y, h, y, strength=0)
