"""Real and synthetic data: MNIST, patches of photographs, a spiral, a mixture of Gaussians.

Nothing is fetched: MNIST lies in `data/mnist/`, the photographs come with scikit-image and
scikit-learn. Arrays are `(n_samples, n_features)` throughout.
"""

import csv
import functools
import gzip
import hashlib
import zlib
from collections.abc import Iterator
from importlib.util import find_spec
from math import prod
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np

from course_utils._inputs import require_count, require_generator
from course_utils._mixture import GaussianMixture

__all__ = [
    "MNIST_FILES",
    "MNIST_FOLDER",
    "PHOTOGRAPHS",
    "RESULTS_FOLDER",
    "WEIGHTS_FOLDER",
    "DataError",
    "GaussianMixture",
    "binarize",
    "check_mnist",
    "load_mnist",
    "load_results",
    "load_weights",
    "natural_image_patches",
    "photograph",
    "spiral",
    "spiral_curve",
    "whiten",
]

MNIST_FOLDER = Path(__file__).resolve().parents[1] / "data" / "mnist"
RESULTS_FOLDER = MNIST_FOLDER.with_name("results")
WEIGHTS_FOLDER = MNIST_FOLDER.with_name("weights")


class DataError(RuntimeError):
    """A data file is missing, unreadable or not what it should be; the message has the remedy."""


class MnistFile(NamedTuple):
    """What an MNIST file holds: the shape of its uint8 array, the SHA-256 of its content."""

    shape: tuple[int, ...]
    sha256: str

    @property
    def header(self) -> bytes:
        """The first bytes of an IDX file: type (8: uint8), number of axes, length of each."""
        return bytes([0, 0, 8, len(self.shape)]) + b"".join(
            n.to_bytes(4, "big") for n in self.shape
        )

    @property
    def size(self) -> int:
        """Bytes of the uncompressed content."""
        return len(self.header) + prod(self.shape)


MNIST_FILES = {
    "train-images-idx3-ubyte.gz": MnistFile(
        (60_000, 28, 28), "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
    ),
    "train-labels-idx1-ubyte.gz": MnistFile(
        (60_000,), "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"
    ),
    "t10k-images-idx3-ubyte.gz": MnistFile(
        (10_000, 28, 28), "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
    ),
    "t10k-labels-idx1-ubyte.gz": MnistFile(
        (10_000,), "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"
    ),
}

_SPLITS = {
    "train": ("train", slice(0, 50_000)),
    "validation": ("train", slice(50_000, 60_000)),
    "train+validation": ("train", slice(0, 60_000)),
    "test": ("t10k", slice(0, 10_000)),
}


def load_mnist(split, *, folder=MNIST_FOLDER):
    """Read the images and labels of one part of MNIST.

    The split is fixed: the first 50,000 images of the training file are for training, its last
    10,000 for validation. Each time a file is read, the SHA-256 of its content is checked. A
    process keeps the bytes of an unchanged file, so that a second call takes a fraction of the
    time; the arrays belong to the caller.

    Parameters
    ----------
    split : {"train", "validation", "train+validation", "test"}
        The part: 50,000, 10,000, 60,000 or 10,000 images.
    folder : path, optional
        Where the four files lie. Default: `data/mnist` beside this package.

    Returns
    -------
    x : ndarray of float32, shape (n, 784)
        Grey values in [0, 1], 0 is the background, row by row from the top left.
    y : ndarray of int64, shape (n,)
        The digits, 0 to 9.

    Raises
    ------
    DataError
        If a file is missing, unreadable, truncated or altered.
    ValueError
        If there is no such split.

    References
    ----------
    LeCun, Bottou, Bengio and Haffner (1998), Gradient-based learning applied to document
    recognition, Proc. IEEE 86.
    """
    if split not in _SPLITS:
        raise ValueError(f"split must be one of {', '.join(map(repr, _SPLITS))}, got {split!r}")
    prefix, rows = _SPLITS[split]
    paths = [Path(folder) / f"{prefix}-{kind}-ubyte.gz" for kind in ("images-idx3", "labels-idx1")]
    images, labels = (_read_idx_once(path, _time_of_change(path))[rows] for path in paths)
    return images.reshape(len(images), -1) / np.float32(255), labels.astype(np.int64)


def check_mnist(folder=MNIST_FOLDER) -> Iterator[tuple[str, str | None]]:
    """Check the four files of MNIST.

    Parameters
    ----------
    folder : path, optional
        Where they lie. Default: `data/mnist` beside this package.

    Yields
    ------
    name : str
        Name of the file.
    problem : str or None
        What is wrong with it and what to do; None if nothing is.
    """
    for name in MNIST_FILES:
        try:
            _read_idx(Path(folder) / name)
        except DataError as error:
            yield name, str(error)
        else:
            yield name, None


def _time_of_change(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None  # reading it says what is wrong


@functools.lru_cache(maxsize=len(MNIST_FILES))
def _read_idx_once(path: Path, time_of_change: int | None) -> np.ndarray:
    return _read_idx(path)


def _read_idx(path: Path) -> np.ndarray:
    """Return the read-only uint8 array that an MNIST file holds, or raise DataError."""
    expected = MNIST_FILES[path.name]
    restore = "put it back with `git checkout -- data/mnist`, or get the course again"
    should = f"expected a gzip file with {expected.size:,} bytes of content"
    try:
        packed = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path} is missing, {should}: {restore}") from None
    except PermissionError:
        raise DataError(
            f"{path} may not be read by this user, {should}: give the file and its folder read "
            "permission, or get the course again in a folder of your own"
        ) from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}), {should}: {restore}") from error

    if packed[:2] != b"\x1f\x8b":
        raise DataError(
            f"{path} is not a gzip file (found {len(packed):,} bytes that start with "
            f"{packed[:8]!r}), {should}: {restore}"
        )
    try:
        content = gzip.decompress(packed)
    except EOFError:
        raise DataError(
            f"{path} is truncated (found {len(packed):,} bytes, which end in the middle of the "
            f"data), {should}: {restore}"
        ) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is damaged (found: {error}), {should}: {restore}") from error

    header = content[: len(expected.header)]
    if header != expected.header:
        raise DataError(
            f"{path} has the wrong header, found {header.hex(' ')}, "
            f"expected {expected.header.hex(' ')}: {restore}"
        )
    if len(content) != expected.size:
        raise DataError(
            f"{path} has the wrong length, found {len(content):,} bytes of content, "
            f"expected {expected.size:,}: {restore}"
        )
    found = hashlib.sha256(content).hexdigest()
    if found != expected.sha256:
        raise DataError(
            f"{path} has been altered, found content with SHA-256 {found}, "
            f"expected {expected.sha256}: {restore}"
        )
    return np.frombuffer(content, np.uint8, offset=len(header)).reshape(expected.shape)


def binarize(x, rng=None, *, threshold=None):
    """Turn grey values into bits, by drawing them or by a threshold.

    Exactly one of `rng` and `threshold` is given. Drawn bits are Bernoulli with the grey value as
    probability of a 1, so that their mean is the grey image (Salakhutdinov and Murray 2008, On the
    quantitative analysis of deep belief networks).

    Parameters
    ----------
    x : array, shape (n, d)
        Grey values in [0, 1].
    rng : numpy.random.Generator, optional
        Draws the bits.
    threshold : float, optional
        A value above it becomes 1, any other 0.

    Returns
    -------
    ndarray, shape (n, d)
        Zeros and ones, float32 if `x` is float32 and float64 otherwise.

    Raises
    ------
    ValueError
        If a value of `x` is outside [0, 1], or if both or neither of `rng` and `threshold` is
        given.
    """
    x = np.asarray(x)
    if x.dtype != np.float32:
        x = x.astype(np.float64)
    if not np.all((x >= 0) & (x <= 1)):
        raise ValueError("x must hold values in [0, 1] only: divide the grey values by their scale")
    if (rng is None) == (threshold is None):
        raise ValueError("give either rng, to draw the bits, or threshold=..., to cut at a value")
    if threshold is None:
        return (require_generator(rng).random(x.shape, dtype=x.dtype.type) < x).astype(x.dtype)
    return (x > threshold).astype(x.dtype)


PHOTOGRAPHS = {
    "camera": ("skimage", "data/camera.png"),
    "astronaut": ("skimage", "data/astronaut.png"),
    "chelsea": ("skimage", "data/chelsea.png"),
    "coffee": ("skimage", "data/coffee.png"),
    "rocket": ("skimage", "data/rocket.jpg"),
    "grass": ("skimage", "data/grass.png"),
    "gravel": ("skimage", "data/gravel.png"),
    "brick": ("skimage", "data/brick.png"),
    "china": ("sklearn", "datasets/images/china.jpg"),
    "flower": ("sklearn", "datasets/images/flower.jpg"),
}


def photograph(name):
    """Read one of the ten photographs that come with scikit-image and scikit-learn.

    Parameters
    ----------
    name : str
        A key of `PHOTOGRAPHS`.

    Returns
    -------
    ndarray, shape (height, width)
        Luma in [0, 1]: 0.299 red + 0.587 green + 0.114 blue (Recommendation ITU-R BT.601).

    Raises
    ------
    DataError
        If the photograph isn't in the installed package.
    ValueError
        If there is no such photograph.
    """
    from PIL import Image

    if name not in PHOTOGRAPHS:
        raise ValueError(f"name must be one of {', '.join(PHOTOGRAPHS)}, got {name!r}")
    package, inside = PHOTOGRAPHS[name]
    remedy = "install it anew: python -m pip install --force-reinstall " + (
        "scikit-image" if package == "skimage" else "scikit-learn"
    )
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise DataError(f"the package {package} with the photograph {name} is missing: {remedy}")
    path = Path(spec.origin).parent / inside
    try:
        with Image.open(path) as image:
            rgb = np.asarray(image.convert("RGB"), dtype=np.float64)
    except OSError as error:
        raise DataError(f"{path}, a photograph, cannot be read ({error}): {remedy}") from error
    return rgb @ np.array([0.299, 0.587, 0.114]) / 255


def whiten(image, cutoff=0.4):
    """Flatten the spectrum of a natural image and remove its highest frequencies.

    Amplitudes in natural images fall about as 1/f with spatial frequency f. The filter
    R(f) = f exp(-(f/f0)^4) undoes this and cuts off what is noise and sampling grid (Olshausen
    and Field 1997, Sparse coding with an overcomplete basis set: a strategy employed by V1?,
    Vision Research 37; there f0 is 200 cycles a picture, at 512 pixels 0.4 cycles a pixel). The
    image is continued by its mirror image: a periodic continuation would leave bright lines along
    the borders.

    Parameters
    ----------
    image : array, shape (height, width)
        Grey values.
    cutoff : float, optional
        f0 in cycles a pixel.

    Returns
    -------
    ndarray, shape (height, width)
        The filtered image, with mean 0 and variance 1.

    Raises
    ------
    ValueError
        If the image isn't a plane of numbers that vary.
    """
    from scipy.fft import dctn, idctn

    image = np.asarray(image, dtype=np.float64)
    if image.ndim != 2 or not np.all(np.isfinite(image)) or np.ptp(image) == 0:
        raise ValueError(
            "image must be a (height, width) array of finite grey values that are not all the same"
        )
    height, width = image.shape
    f = np.hypot(np.arange(height)[:, None] / (2 * height), np.arange(width) / (2 * width))
    whitened = idctn(dctn(image, norm="ortho") * f * np.exp(-((f / cutoff) ** 4)), norm="ortho")
    return whitened / whitened.std()


@functools.cache
def _whitened_photographs() -> list[np.ndarray]:
    return [whiten(photograph(name)) for name in PHOTOGRAPHS]


def natural_image_patches(n, size, rng, *, squash=True):
    """Cut square patches out of ten whitened photographs.

    For each patch one of the `PHOTOGRAPHS` and then a position in it is drawn, both uniformly. As
    in the sparse autoencoder exercise of Stanford's UFLDL tutorial (Ng 2011), the mean of each
    patch is then removed, values are truncated at three standard deviations (of all values
    together) and mapped to [0.1, 0.9], which a sigmoid output reaches.

    Parameters
    ----------
    n : int
        Number of patches, from 1 on.
    size : int
        Side of a patch in pixels, from 2 to 300, the height of the smallest photograph.
    rng : numpy.random.Generator
        Draws photographs and positions.
    squash : bool, optional
        If False, return the patches as cut: whitened, each photograph with mean 0 and variance 1.

    Returns
    -------
    ndarray of float64, shape (n, size * size)
        One patch a row, row by row from its top left; in [0.1, 0.9] unless `squash` is False.

    Raises
    ------
    DataError
        If a photograph isn't in the installed packages.
    ValueError
        If `n` or `size` is out of range.

    See Also
    --------
    whiten : how the photographs are whitened.
    """
    n, size = require_count(n), require_count(size, "size")
    images = _whitened_photographs()
    largest = min(min(image.shape) for image in images)
    if not 2 <= size <= largest:
        raise ValueError(f"size must be from 2 to {largest} pixels, got {size}")
    which = require_generator(rng).integers(len(images), size=n)
    patches = np.empty((n, size, size))
    for i, image in enumerate(images):
        mine = np.flatnonzero(which == i)
        windows = np.lib.stride_tricks.sliding_window_view(image, (size, size))
        rows, columns = (rng.integers(count, size=len(mine)) for count in windows.shape[:2])
        patches[mine] = windows[rows, columns]
    patches = patches.reshape(n, -1)
    if not squash:
        return patches
    patches -= patches.mean(axis=1, keepdims=True)
    limit = 3 * patches.std()
    return 0.5 + 0.4 * np.clip(patches / limit, -1, 1)


_SPIRAL_RADII = (0.2, 1.0)
_SPIRAL_TURNS = 2


def spiral_curve(t):
    """Give points and unit tangents of the spiral.

    It is Archimedes' spiral: the radius grows evenly with the angle, from 0.2 to 1 in two turns,
    so that neighbouring turns are 0.4 apart.

    Parameters
    ----------
    t : array, shape (n,)
        Position on the curve as a share of its length, in [0, 1]; 0 is the inner end.

    Returns
    -------
    points, tangents : ndarray, shape (n, 2)
        Tangents have length 1 and point outwards along the curve. (-ty, tx) is a normal.

    Raises
    ------
    ValueError
        If a value is outside [0, 1].
    """
    t = np.asarray(t, dtype=np.float64)
    if t.ndim != 1 or not np.all((t >= 0) & (t <= 1)):
        raise ValueError("t must be a (n,) array of values in [0, 1]")
    start, end = _SPIRAL_RADII
    growth = (end - start) / (2 * np.pi * _SPIRAL_TURNS)
    radii = np.linspace(start, end, 20_001)
    lengths = radii * np.hypot(radii, growth) + growth**2 * np.arcsinh(radii / growth)
    radius = np.interp(t, (lengths - lengths[0]) / (lengths[-1] - lengths[0]), radii)
    angle = (radius - start) / growth
    outwards = np.column_stack([np.cos(angle), np.sin(angle)])
    across = np.column_stack([-np.sin(angle), np.cos(angle)])
    tangents = growth * outwards + radius[:, None] * across
    return radius[:, None] * outwards, tangents / np.hypot(growth, radius)[:, None]


def spiral(n, rng, noise=0.0):
    """Draw points on the spiral, evenly along its length.

    Parameters
    ----------
    n : int
        Number of points, from 1 on.
    rng : numpy.random.Generator
        Draws positions and noise.
    noise : float, optional
        Standard deviation of Gaussian noise added to both coordinates.

    Returns
    -------
    ndarray, shape (n, 2)
        The points; without noise, inside the unit disc.

    Raises
    ------
    ValueError
        If `n` or `noise` is out of range.

    See Also
    --------
    spiral_curve : the curve itself, with tangents.
    """
    if not noise >= 0:
        raise ValueError(f"noise must be a standard deviation from 0 on, got {noise}")
    points, _ = spiral_curve(require_generator(rng).random(require_count(n)))
    return points + noise * rng.standard_normal((n, 2))


def load_results(name, *, folder=RESULTS_FOLDER):
    """Read the table of a sweep: long runs that a lesson takes its figures from.

    Parameters
    ----------
    name : str
        Name of the sweep; `data/results/README.md` has the meaning of the columns.
    folder : path, optional
        Where the table lies. Default: `data/results` beside this package.

    Returns
    -------
    list of dict
        One for each row: its settings, its results, versions and date. Numbers are int or float,
        all else is str; an empty cell is left out.

    Raises
    ------
    DataError
        If there is no such table.
    """
    path = Path(folder) / f"{name}.csv"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DataError(
            f"{path} is missing: get the course again, or compute the table with "
            f"`python3 course.py sweep {name}`"
        ) from None
    return [
        {column: _parse(cell) for column, cell in row.items() if cell}
        for row in csv.DictReader(text.splitlines())
    ]


def _parse(cell: str) -> int | float | str:
    for number in (int, float):
        try:
            return number(cell)
        except ValueError:
            continue
    return cell


def load_weights(name, *, folder=WEIGHTS_FOLDER):
    """Read the weights that a sweep kept, so that a lesson needn't train for minutes.

    Parameters
    ----------
    name : str
        Name of the sweep.
    folder : path, optional
        Where the file lies. Default: `data/weights` beside this package.

    Returns
    -------
    dict of str to ndarray
        Arrays of float16, by name; the sweep says what they are.

    Raises
    ------
    DataError
        If the file is missing or unreadable.
    """
    path = Path(folder) / f"{name}.npz"
    try:
        with np.load(path) as arrays:
            return dict(arrays)
    except (OSError, EOFError, ValueError, zlib.error, BadZipFile) as error:
        raise DataError(
            f"{path} cannot be read ({error}): put it back with `git checkout -- data/weights`, or "
            f"delete it and its rows in data/results/{name}.csv and compute both again with "
            f"`python3 course.py sweep {name}`"
        ) from error
