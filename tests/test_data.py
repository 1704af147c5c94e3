import gzip
import os
import shutil
import socket
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sklearn.neighbors import KernelDensity

from course_utils import data

IMAGES = "t10k-images-idx3-ubyte.gz"
LABELS = "t10k-labels-idx1-ubyte.gz"


def test_importing_loads_numpy_and_nothing_heavier():
    heavy = "{'torch', 'scipy', 'sklearn', 'skimage', 'matplotlib', 'PIL'}"
    code = f"import sys, course_utils.data; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


# MNIST


@pytest.fixture
def folder(tmp_path):
    """Give a folder with the two test files, free to be damaged."""
    for name in (IMAGES, LABELS):
        shutil.copyfile(data.MNIST_FOLDER / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize(
    ("split", "n"),
    [("train", 50_000), ("validation", 10_000), ("train+validation", 60_000), ("test", 10_000)],
)
def test_mnist_has_the_promised_shape_and_range(split, n):
    x, y = data.load_mnist(split)
    assert x.shape == (n, 784)
    assert x.dtype == np.float32
    assert (x.min(), x.max()) == (0, 1)
    assert y.shape == (n,)
    assert y.dtype == np.int64
    assert np.array_equal(np.unique(y), np.arange(10))


def test_mnist_is_what_its_authors_published():
    _, y_train = data.load_mnist("train+validation")
    x, y = data.load_mnist("test")
    assert y_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(y_train).tolist() == counts
    assert y[:5].tolist() == [7, 2, 1, 0, 4]
    raw = gzip.decompress((data.MNIST_FOLDER / IMAGES).read_bytes())[16:]
    assert np.array_equal(np.rint(x[123] * 255).astype(int), list(raw[123 * 784 : 124 * 784]))


def test_train_and_validation_are_the_two_parts_of_the_training_file():
    x, y = data.load_mnist("train+validation")
    x_train, y_train = data.load_mnist("train")
    x_validation, y_validation = data.load_mnist("validation")
    assert np.array_equal(x, np.concatenate([x_train, x_validation]))
    assert np.array_equal(y, np.concatenate([y_train, y_validation]))


def test_a_caller_may_change_what_it_got():
    x, y = data.load_mnist("test")
    x += 1
    y[:] = 0
    x_again, y_again = data.load_mnist("test")
    assert (x_again.min(), x_again.max()) == (0, 1)
    assert y_again[0] == 7


def test_second_load_of_all_training_images_takes_under_half_a_second():
    data.load_mnist("train+validation")
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        data.load_mnist("train+validation")
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.5


def test_loading_leaves_no_file_behind(folder):
    data.load_mnist("test", folder=folder)
    assert sorted(os.listdir(folder)) == [IMAGES, LABELS]


@pytest.mark.skipif(os.name == "nt", reason="Windows folders ignore the write permission")
def test_a_read_only_folder_is_enough(folder):
    for path in (folder / IMAGES, folder / LABELS, folder):
        path.chmod(0o555 if path == folder else 0o444)
    assert len(data.load_mnist("test", folder=folder)[0]) == 10_000
    folder.chmod(0o755)


def test_unknown_split_is_refused():
    with pytest.raises(ValueError, match=r"'train', 'validation'.* got 'valid'"):
        data.load_mnist("valid")


def remove(path):
    path.unlink()


def replace_by_folder(path):
    path.unlink()
    path.mkdir()


def replace_by_text(path):
    path.write_text("version 1")


def replace_by_nothing(path):
    path.write_bytes(b"")


def cut_in_half(path):
    packed = path.read_bytes()
    path.write_bytes(packed[: len(packed) // 2])


def flip_a_packed_byte(path):
    packed = bytearray(path.read_bytes())
    packed[len(packed) // 2] ^= 0xFF
    path.write_bytes(packed)


def rewrite(path, change):
    path.write_bytes(gzip.compress(change(gzip.decompress(path.read_bytes())), 1))


def flip_a_pixel(path):
    rewrite(path, lambda content: content[:-1] + bytes([content[-1] ^ 1]))


def append_an_image(path):
    rewrite(path, lambda content: content + bytes(784))


def replace_by_labels(path):
    shutil.copyfile(path.parent / LABELS, path)


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (remove, "is missing"),
        (replace_by_folder, "cannot be read|may not be read"),
        (replace_by_text, "is not a gzip file .found 9 bytes that start with b'version '"),
        (replace_by_nothing, "is not a gzip file .found 0 bytes"),
        (cut_in_half, "is truncated .found 808,254 bytes"),
        (flip_a_packed_byte, "is damaged .found: "),
        (flip_a_pixel, "has been altered, found content with SHA-256 [0-9a-f]{64}, expected 0fa7"),
        (append_an_image, "wrong length, found 7,840,800 bytes of content, expected 7,840,016"),
        (replace_by_labels, "wrong header, found 00 00 08 01 .*, expected 00 00 08 03 00 00 27 10"),
    ],
)
def test_a_damaged_file_is_named_with_what_was_found_and_the_remedy(folder, damage, found):
    data.load_mnist("test", folder=folder)
    damage(folder / IMAGES)
    with pytest.raises(data.DataError, match=found) as raised:
        data.load_mnist("test", folder=folder)
    message = str(raised.value)
    assert IMAGES in message
    assert "get the course again" in message


def test_a_file_without_read_permission_is_named(folder, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(data.DataError, match=f"{IMAGES} may not be read by this user, expected"):
        data.load_mnist("test", folder=folder)


def test_check_mnist_finds_nothing_in_the_files_of_the_course():
    assert list(data.check_mnist()) == [(name, None) for name in data.MNIST_FILES]


def test_check_mnist_reports_each_file_by_itself(folder):
    cut_in_half(folder / LABELS)
    problems = dict(data.check_mnist(folder))
    assert list(problems) == list(data.MNIST_FILES)
    assert problems[IMAGES] is None
    assert "is truncated" in problems[LABELS]
    assert "is missing" in problems["train-images-idx3-ubyte.gz"]


def test_the_table_in_the_data_folder_is_the_one_that_is_checked():
    rows = [
        [cell.strip() for cell in line.split("|")]
        for line in (data.MNIST_FOLDER / "README.md").read_text().splitlines()
        if "-ubyte.gz |" in line
    ]
    assert {row[1]: (row[3], row[4]) for row in rows} == {
        name: (f"{file.size:,}", file.sha256) for name, file in data.MNIST_FILES.items()
    }


# Binarised images


def test_drawn_bits_have_the_grey_values_as_probabilities():
    p = np.linspace(0, 1, 11)
    n = 20_000
    bits = data.binarize(np.tile(p, (n, 1)), np.random.default_rng(0))
    assert np.array_equal(np.unique(bits), [0, 1])
    assert np.all(np.abs(bits.mean(axis=0) - p) <= 4 * np.sqrt(p * (1 - p) / n))


def test_drawn_bits_are_reproducible_and_new_at_each_call():
    x = np.full((5, 100), 0.5, dtype=np.float32)
    rng = np.random.default_rng(3)
    first, second = data.binarize(x, rng), data.binarize(x, rng)
    assert first.dtype == np.float32
    assert not np.array_equal(first, second)
    assert np.array_equal(first, data.binarize(x, np.random.default_rng(3)))


def test_a_threshold_cuts_above_it():
    x = np.array([[0, 0.3, 0.5, 0.7, 1]])
    assert data.binarize(x, threshold=0.5).tolist() == [[0, 0, 0, 1, 1]]


@pytest.mark.parametrize(
    ("x", "arguments", "error", "message"),
    [
        ([[1.5]], {"threshold": 0.5}, ValueError, r"values in \[0, 1\]"),
        ([[np.nan]], {"threshold": 0.5}, ValueError, r"values in \[0, 1\]"),
        ([[0.5]], {}, ValueError, "either rng"),
        ([[0.5]], {"rng": np.random.default_rng(0), "threshold": 0.5}, ValueError, "either rng"),
        ([[0.5]], {"rng": 0}, TypeError, r"numpy.random.default_rng\(0\), got 0"),
    ],
)
def test_binarize_refuses(x, arguments, error, message):
    with pytest.raises(error, match=message):
        data.binarize(x, **arguments)


# Photographs and patches


def low_pass(f, cutoff=0.4):
    return np.exp(-((f / cutoff) ** 4))


def power_by_frequency(image, edges):
    """Mean power of a windowed image in rings of spatial frequency, in cycles a pixel."""
    height, width = image.shape
    window = np.outer(np.hanning(height), np.hanning(width))
    power = np.abs(np.fft.fft2((image - image.mean()) * window)) ** 2 / np.sum(window**2)
    f = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))
    return np.array([power[(f >= a) & (f < b)].mean() for a, b in pairwise(edges)])


def test_photographs_are_read_from_the_packages_without_a_network(monkeypatch):
    def refuse(*_):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    images = [data.photograph(name) for name in data.PHOTOGRAPHS]
    assert len(images) == 10
    assert {image.shape for image in images} == {(512, 512), (300, 451), (400, 600), (427, 640)}
    assert all(image.min() >= 0 and image.max() <= 1 and image.std() > 0.1 for image in images)


def test_a_missing_photograph_is_named_with_the_remedy(monkeypatch):
    monkeypatch.setitem(data.PHOTOGRAPHS, "camera", ("skimage", "data/no_such_camera.png"))
    with pytest.raises(data.DataError, match=r"no_such_camera.png.*force-reinstall scikit-image"):
        data.photograph("camera")
    monkeypatch.setitem(data.PHOTOGRAPHS, "china", ("no_such_package", "china.jpg"))
    with pytest.raises(data.DataError, match=r"no_such_package .*force-reinstall scikit-learn"):
        data.photograph("china")
    with pytest.raises(ValueError, match="camera, astronaut"):
        data.photograph("lena")


def test_whitening_equals_a_fourier_filter_of_the_mirrored_image():
    image = data.photograph("chelsea")
    tile = np.block([[image, image[:, ::-1]], [image[::-1], image[::-1, ::-1]]])
    f = np.hypot(np.fft.fftfreq(600)[:, None], np.fft.fftfreq(902))
    expected = np.fft.ifft2(np.fft.fft2(tile) * f * low_pass(f)).real[:300, :451]
    assert np.allclose(data.whiten(image), expected / expected.std(), rtol=0, atol=1e-9)


def test_whitening_leaves_the_low_pass_filter_alone_of_an_exact_one_over_f_image():
    rng = np.random.default_rng(0)
    f = np.hypot(np.fft.fftfreq(1024)[:, None], np.fft.fftfreq(1024))
    f[0, 0] = 1
    image = np.fft.ifft2(np.fft.fft2(rng.standard_normal((1024, 1024))) / f).real
    edges = np.linspace(0.05, 0.45, 9)
    power = power_by_frequency(data.whiten(image), edges)
    flattened = power / low_pass((edges[:-1] + edges[1:]) / 2) ** 2
    assert flattened.max() / flattened.min() < 1.15


def test_the_mean_spectrum_of_the_whitened_photographs_is_flat():
    """The pass band, .03 to .3 cycles a pixel: within 2.2 of flat, where the originals vary 80."""
    edges = np.geomspace(0.03, 0.3, 11)
    photographs = [data.photograph(name) for name in data.PHOTOGRAPHS]
    raw = np.mean([power_by_frequency(x / x.std(), edges) for x in photographs], axis=0)
    white = np.mean([power_by_frequency(data.whiten(x), edges) for x in photographs], axis=0)
    white /= low_pass(np.sqrt(edges[:-1] * edges[1:])) ** 2
    flat = stats.gmean(white)
    assert white.max() / flat < 2.2
    assert flat / white.min() < 2.2
    assert raw.max() / raw.min() > 80


@pytest.mark.parametrize("name", data.PHOTOGRAPHS)
def test_whitening_draws_no_line_along_the_borders(name):
    """A periodic continuation makes the outermost pixels of 'flower' 4.3 times as strong."""
    image = data.whiten(data.photograph(name))

    def strength(k):
        return np.sqrt(np.mean(np.r_[image[k], image[-1 - k], image[:, k], image[:, -1 - k]] ** 2))

    assert strength(0) < 1.25 * strength(4)


@pytest.mark.parametrize("image", [np.ones((8, 8)), np.full((8, 8), np.nan), np.arange(8)])
def test_whiten_refuses_what_is_no_image(image):
    with pytest.raises(ValueError, match="height, width"):
        data.whiten(image)


def test_patches_are_squashed_as_in_the_sparse_autoencoder_exercise():
    cut = data.natural_image_patches(2_000, 8, np.random.default_rng(5), squash=False)
    assert cut.shape == (2_000, 64)
    centred = cut - cut.mean(axis=1)[:, None]
    limit = 3 * np.std(centred)
    expected = (np.maximum(np.minimum(centred, limit), -limit) / limit + 1) * 0.4 + 0.1
    patches = data.natural_image_patches(2_000, 8, np.random.default_rng(5))
    assert np.allclose(patches, expected, rtol=0, atol=1e-12)
    assert patches.min() == pytest.approx(0.1)
    assert patches.max() == pytest.approx(0.9)


def test_patches_come_from_the_whitened_photographs():
    patches = data.natural_image_patches(20, 12, np.random.default_rng(1), squash=False)
    images = [data.whiten(data.photograph(name)) for name in data.PHOTOGRAPHS]
    for patch in patches.reshape(-1, 12, 12):
        places = [(image, *np.argwhere(image == patch[0, 0])[:1].T) for image in images]
        assert any(
            np.array_equal(image[r[0] : r[0] + 12, c[0] : c[0] + 12], patch)
            for image, r, c in places
            if len(r)
        )


def test_patches_are_reproducible_and_new_at_each_call():
    rng = np.random.default_rng(2)
    first, second = (data.natural_image_patches(50, 8, rng) for _ in range(2))
    assert not np.array_equal(first, second)
    assert np.array_equal(first, data.natural_image_patches(50, 8, np.random.default_rng(2)))


def test_patches_are_drawn_uniformly_over_photographs_and_positions(monkeypatch):
    """Each pixel of these images holds its own address: 10,000 image + 100 row + column."""
    shapes = [(9, 12), (30, 20), (15, 15)]
    images = [
        10_000 * i + 100 * np.arange(h)[:, None] + np.arange(w) for i, (h, w) in enumerate(shapes)
    ]
    monkeypatch.setattr(data, "_whitened_photographs", lambda: images)
    patches = data.natural_image_patches(30_000, 4, np.random.default_rng(0), squash=False)
    corners = patches[:, 0].astype(int)
    expected = np.array([0, 1, 2, 3, 100, 101, 102, 103, 200, 201, 202, 203, 300, 301, 302, 303])
    assert np.array_equal(patches - corners[:, None], np.tile(expected, (30_000, 1)))
    assert stats.chisquare(np.bincount(corners // 10_000)).pvalue > 0.01
    for i, (height, width) in enumerate(shapes):
        row, column = np.divmod(corners[corners // 10_000 == i] % 10_000, 100)
        counts = np.zeros((height - 3, width - 3))
        np.add.at(counts, (row, column), 1)
        assert stats.chisquare(counts.ravel()).pvalue > 0.01


@pytest.mark.parametrize(
    ("n", "size", "message"),
    [
        (0, 8, "n must be"),
        (10.0, 8, "n must be"),
        (10, 1, "from 2 to 300"),
        (10, 301, "from 2 to 300 pixels, got 301"),
    ],
)
def test_patches_refuse(n, size, message):
    with pytest.raises(ValueError, match=message):
        data.natural_image_patches(n, size, np.random.default_rng(0))


def test_patches_refuse_a_seed_in_place_of_a_generator():
    with pytest.raises(TypeError, match=r"must be a numpy\.random\.Generator"):
        data.natural_image_patches(10, 8, 0)


# The spiral


def test_the_radius_of_the_spiral_grows_evenly_with_the_angle():
    points, _ = data.spiral_curve(np.linspace(0, 1, 500))
    radius = np.hypot(*points.T)
    angle = np.unwrap(np.arctan2(points[:, 1], points[:, 0]))
    assert angle[-1] - angle[0] == pytest.approx(4 * np.pi)
    assert np.allclose(radius, 0.2 + 0.8 * angle / (4 * np.pi), rtol=0, atol=1e-9)


def test_equal_steps_of_t_are_equal_lengths_of_the_spiral():
    points, _ = data.spiral_curve(np.linspace(0, 1, 2_001))
    steps = np.hypot(*np.diff(points, axis=0).T)
    assert steps.max() / steps.min() < 1 + 1e-4


def test_tangents_are_the_direction_of_the_spiral():
    t = np.linspace(0.01, 0.99, 99)
    _, tangents = data.spiral_curve(t)
    step = data.spiral_curve(t + 1e-4)[0] - data.spiral_curve(t - 1e-4)[0]
    step /= np.hypot(*step.T)[:, None]
    assert np.allclose(np.hypot(*tangents.T), 1)
    assert np.allclose(tangents, step, rtol=0, atol=1e-5)


def test_spiral_points_lie_evenly_on_the_curve():
    points = data.spiral(5_000, np.random.default_rng(0))
    t = np.linspace(0, 1, 20_001)
    radii = np.hypot(*data.spiral_curve(t)[0].T)
    share = np.interp(np.hypot(*points.T), radii, t)
    assert np.allclose(data.spiral_curve(share)[0], points, rtol=0, atol=1e-6)
    assert stats.kstest(share, "uniform").pvalue > 0.01


def test_spiral_noise_has_the_given_standard_deviation():
    clean = data.spiral(20_000, np.random.default_rng(0))
    noisy = data.spiral(20_000, np.random.default_rng(0), noise=0.1)
    assert (noisy - clean).std(axis=0) == pytest.approx([0.1, 0.1], rel=0.02)


def test_spiral_refuses():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="n must be"):
        data.spiral(0, rng)
    with pytest.raises(ValueError, match="noise must be"):
        data.spiral(10, rng, noise=-1)
    with pytest.raises(TypeError, match=r"must be a numpy\.random\.Generator"):
        data.spiral(10, None)
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        data.spiral_curve([0.5, 1.1])


# The mixture of Gaussians


def mixture_of(k, d):
    rng = np.random.default_rng(10 * k + d)
    weights = rng.dirichlet(np.full(k, 5.0))
    roots = rng.standard_normal((k, d, d))
    return data.GaussianMixture(
        weights, 2 * rng.standard_normal((k, d)), roots @ roots.transpose(0, 2, 1) + 0.1 * np.eye(d)
    )


def scipy_density(mixture, x, sigma):
    identity = np.eye(x.shape[1])
    return sum(
        w * stats.multivariate_normal(m, c + sigma**2 * identity).pdf(x)
        for w, m, c in zip(mixture.weights, mixture.means, mixture.covariances, strict=True)
    )


@pytest.mark.parametrize("sigma", [0.0, 0.7])
@pytest.mark.parametrize(("k", "d"), [(1, 1), (3, 1), (3, 2), (4, 5)])
def test_density_agrees_with_scipy(k, d, sigma):
    mixture = mixture_of(k, d)
    x = 2 * np.random.default_rng(0).standard_normal((50, d))
    expected = scipy_density(mixture, x, sigma)
    assert np.allclose(mixture.density(x, sigma), expected, rtol=1e-9, atol=0)
    assert np.allclose(mixture.log_density(x, sigma), np.log(expected), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("sigma", [0.0, 0.7])
@pytest.mark.parametrize(("k", "d"), [(1, 1), (3, 1), (3, 2), (4, 5)])
def test_score_is_the_gradient_of_the_log_density(k, d, sigma):
    mixture = mixture_of(k, d)
    x = 2 * np.random.default_rng(0).standard_normal((50, d))
    step = 1e-5
    numerical = np.column_stack(
        [
            np.log(scipy_density(mixture, x + step * e, sigma))
            - np.log(scipy_density(mixture, x - step * e, sigma))
            for e in np.eye(d)
        ]
    ) / (2 * step)
    score = mixture.score(x, sigma)
    assert score.shape == (50, d)
    assert np.allclose(score, numerical, rtol=1e-6, atol=1e-6)


def test_smoothed_density_is_the_mean_density_under_noise():
    mixture, sigma, n = mixture_of(3, 2), 0.5, 40_000
    noise = sigma * np.random.default_rng(0).standard_normal((n, 2))
    for point in [[0.0, 0.0], [1.0, -1.0], [-2.0, 2.0]]:
        shifted = mixture.density(point - noise)
        error = shifted.std() / np.sqrt(n)
        assert abs(mixture.density([point], sigma)[0] - shifted.mean()) < 4 * error


@pytest.mark.parametrize("sigma", [0.0, 0.7])
def test_samples_have_the_moments_of_the_mixture(sigma):
    mixture, n = mixture_of(3, 2), 100_000
    x = mixture.sample(n, np.random.default_rng(0), sigma)
    mean = mixture.weights @ mixture.means
    offsets = mixture.means - mean
    covariance = sigma**2 * np.eye(2) + np.einsum(
        "k,kij->ij", mixture.weights, mixture.covariances + offsets[:, :, None] * offsets[:, None]
    )
    deviation = x - mean
    products = deviation[:, :, None] * deviation[:, None]
    assert np.all(np.abs(deviation.mean(axis=0)) < 4 * x.std(axis=0) / np.sqrt(n))
    assert np.all(np.abs(products.mean(axis=0) - covariance) < 4 * products.std(axis=0) / n**0.5)


def test_samples_in_one_dimension_follow_the_distribution():
    mixture = data.GaussianMixture([0.3, 0.7], [[-2], [1]], [0.25, 1])
    x = mixture.sample(20_000, np.random.default_rng(0))[:, 0]

    def cumulative(values):
        return 0.3 * stats.norm(-2, 0.5).cdf(values) + 0.7 * stats.norm(1, 1).cdf(values)

    assert stats.kstest(x, cumulative).pvalue > 0.01


def test_samples_are_reproducible():
    mixture = mixture_of(3, 2)
    first, second = (mixture.sample(10, np.random.default_rng(4)) for _ in range(2))
    assert np.array_equal(first, second)


def test_numbers_stand_for_isotropic_covariances():
    means = [[0, 0, 0], [1, 2, 3]]
    one = data.GaussianMixture([0.5, 0.5], means, 0.3)
    each = data.GaussianMixture([0.5, 0.5], means, [0.3, 2])
    assert np.array_equal(one.covariances, [0.3 * np.eye(3)] * 2)
    assert np.array_equal(each.covariances, [0.3 * np.eye(3), 2 * np.eye(3)])


def test_far_from_every_mean_nothing_overflows():
    mixture = data.GaussianMixture([0.5, 0.5], [[0, 0], [1, 0]], 0.01)
    x = np.array([[1e4, 0.0], [-1e4, 0.0]])
    assert np.array_equal(mixture.density(x), [0, 0])
    assert np.allclose(mixture.log_density(x), -0.5 * np.array([9999, 1e4]) ** 2 / 0.01, rtol=1e-6)
    assert np.allclose(mixture.score(x), [[-999_900, 0], [1_000_000, 0]], rtol=1e-12)


def test_points_smoothed_are_a_kernel_density_estimate():
    rng = np.random.default_rng(0)
    points, x = rng.standard_normal((30, 2)), rng.standard_normal((20, 2))
    empirical = data.GaussianMixture(np.full(30, 1 / 30), points, 0)
    expected = KernelDensity(bandwidth=0.4).fit(points).score_samples(x)
    assert np.allclose(empirical.log_density(x, 0.4), expected, rtol=0, atol=1e-9)
    drawn = empirical.sample(50, rng)
    assert np.all(np.min(np.abs(drawn[:, None] - points).sum(axis=2), axis=1) == 0)
    with pytest.raises(ValueError, match="component 0 is flat"):
        empirical.score(x)


@pytest.mark.parametrize(
    ("weights", "means", "covariances", "message"),
    [
        ([1], [0], 1, r"got \(1,\) and \(1,\)"),
        ([0.5, 0.5], [[0, 0]], 1, r"got \(2,\) and \(1, 2\)"),
        ([1, 1], [[0], [1]], 1, "with sum 2: divide"),
        ([1.5, -0.5], [[0], [1]], 1, "must be positive"),
        ([1], [[np.inf]], 1, "means must be finite"),
        ([1], [[0]], np.nan, "covariances must be finite"),
        ([1], [[0, 0]], [1, 2], r"shape \(1,\) or \(1, 2, 2\), got \(2,\)"),
        ([1], [[0, 0]], [[[1, 0.5], [0, 1]]], "symmetric"),
        ([0.5, 0.5], [[0, 0]] * 2, [np.eye(2), [[1, 2], [2, 1]]], "covariance 1 has a negative"),
        ([1], [[0]], -1, "covariance 0 has a negative"),
    ],
)
def test_what_is_no_mixture_is_refused(weights, means, covariances, message):
    with pytest.raises(ValueError, match=message):
        data.GaussianMixture(weights, means, covariances)


def test_what_does_not_fit_the_mixture_is_refused():
    mixture = mixture_of(3, 2)
    with pytest.raises(ValueError, match=r"shape \(n, 2\), got \(2,\)"):
        mixture.density([0, 0])
    with pytest.raises(ValueError, match="sigma must be"):
        mixture.score([[0, 0]], -0.1)
    with pytest.raises(ValueError, match="n must be"):
        mixture.sample(0, np.random.default_rng(0))
    with pytest.raises(TypeError, match=r"must be a numpy\.random\.Generator"):
        mixture.sample(10, 0)


# Tables of long runs


def test_a_table_has_numbers_as_numbers_and_leaves_empty_cells_out(tmp_path):
    (tmp_path / "toy.csv").write_text(
        "part,sizes,k,rate,seed,error,numpy,date\n"
        "width,784-16,16,0.005,0,1.235e+05,2.4.6,2026-11-25\n"
        '"a, b",,,,,-3,2.4.6,2026-11-25\n',
        encoding="utf-8",
    )
    first, second = data.load_results("toy", folder=tmp_path)
    assert first == {
        "part": "width",
        "sizes": "784-16",
        "k": 16,
        "rate": 0.005,
        "seed": 0,
        "error": 123_500.0,
        "numpy": "2.4.6",
        "date": "2026-11-25",
    }
    assert [type(first[name]) for name in ("k", "rate", "seed", "error")] == [
        int,
        float,
        int,
        float,
    ]
    assert second == {"part": "a, b", "error": -3, "numpy": "2.4.6", "date": "2026-11-25"}


def test_without_a_table_one_is_told_how_to_get_it(tmp_path):
    expected = r"nothing\.csv is missing: .*`python3 course.py sweep nothing`$"
    with pytest.raises(data.DataError, match=expected):
        data.load_results("nothing", folder=tmp_path)


def test_load_weights_reads_what_was_kept(tmp_path):
    theta = np.linspace(-1, 1, 7).astype(np.float16)
    np.savez_compressed(tmp_path / "toy.npz", theta=theta)
    weights = data.load_weights("toy", folder=tmp_path)
    assert list(weights) == ["theta"]
    assert weights["theta"].dtype == np.float16
    assert (weights["theta"] == theta).all()


@pytest.mark.parametrize("content", [None, b"", b"no archive", b"PK\x03\x04 cut short"])
def test_load_weights_says_what_to_do(tmp_path, content):
    if content is not None:
        (tmp_path / "toy.npz").write_bytes(content)
    with pytest.raises(data.DataError, match=r"git checkout -- data/weights"):
        data.load_weights("toy", folder=tmp_path)
