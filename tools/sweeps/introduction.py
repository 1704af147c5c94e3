"""The long runs of lesson 1: code width, loss, inputs never seen, and the linear autoencoder."""

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier

from course_utils import losses
from course_utils.data import binarize, load_mnist, natural_image_patches
from course_utils.measure import principal_angles
from course_utils.networks import Autoencoder
from course_utils.training import fit

SEEDS = range(5)
WIDTHS = (2, 8, 32, 128)
N_TEST = 2_000  # inputs of each kind in the part "identity"


def settings():
    """Each network five times; PCA once, or with five draws of the inputs it is tested on."""
    networks = [
        *({"part": "width"} | bottleneck(k) for k in WIDTHS),
        *(
            {"part": "loss", "pixels": pixels} | bottleneck(32, loss)
            for pixels in ("grey", "binarised")
            for loss in ("squared_error", "bernoulli_cross_entropy")
        ),
        *(
            {"part": "identity", "data": "digits"} | network | {"examples": 20_000}
            for network in (
                unconstrained("784-1000", "relu", 5, 128, 2e-3) | {"output": "sigmoid"},
                bottleneck(32),
                unconstrained("784-1000", "relu", 5, 128, 2e-3),
                bottleneck(32) | {"output": "linear", "learning_rate": 2e-3},
            )
        ),
        {"part": "identity", "data": "patches"} | unconstrained("64-400", "relu", 30, 128, 3e-3),
        {"part": "linear"} | unconstrained("784-16", "linear", 15, 512, 1e-2, examples=50_000),
    ]
    seeded = [
        *(
            {"part": "identity", "data": "digits", "model": "pca", "k": k, "examples": 20_000}
            for k in (32, 300)
        ),
        *networks,
    ]
    return [
        *({"part": "width", "model": "pca", "k": k, "examples": 50_000} for k in WIDTHS),
        *(setting | {"seed": seed} for setting in seeded for seed in SEEDS),
    ]


def bottleneck(k, loss="squared_error"):
    return {
        "model": "autoencoder",
        "k": k,
        "sizes": f"784-256-{k}",
        "activation": "relu",
        "code_activation": "linear",
        "output": "sigmoid",
        "loss": loss,
        "examples": 50_000,
        "epochs": 5,
        "batch_size": 128,
        "learning_rate": 5e-3,
    }


def unconstrained(sizes, activation, epochs, batch_size, learning_rate, examples=20_000):
    return {
        "model": "autoencoder",
        "k": int(sizes.split("-")[-1]),
        "sizes": sizes,
        "activation": activation,
        "code_activation": activation,
        "output": "linear",
        "loss": "squared_error",
        "examples": examples,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
    }


def compute(setting):
    """Run one setting and return what is measured, on validation and on test data."""
    part = {"width": width, "loss": loss, "identity": identity, "linear": linear}[setting["part"]]
    return part(setting)


def width(setting):
    """Error of a code of k numbers; for k = 2 also how often neighbours misname a digit."""
    model = train(load_mnist("train")[0], setting)
    (x, y), (x_test, y_test) = load_mnist("validation"), load_mnist("test")
    results = {
        "validation_squared_error": mean_loss(model, x),
        "test_squared_error": mean_loss(model, x_test),
    }
    if setting["k"] == 2:
        neighbours = KNeighborsClassifier(10).fit(encode(model, x), y)
        results["test_neighbour_error"] = 1 - neighbours.score(encode(model, x_test), y_test)
    return results


def loss(setting):
    """Both losses of a network that was trained by one of them."""
    sets = {split: load_mnist(split)[0] for split in ("train", "validation", "test")}
    if setting["pixels"] == "binarised":
        rng = np.random.default_rng(setting["seed"] + 100)
        sets = {split: binarize(x, rng) for split, x in sets.items()}
    model = train(sets["train"], setting)
    return {
        f"{split}_{name}": mean_loss(model, sets[split], measure)
        for split in ("validation", "test")
        for name, measure in (
            ("squared_error", losses.squared_error),
            ("cross_entropy", losses.bernoulli_cross_entropy),
        )
    }


def identity(setting):
    """Relative errors on data never seen and on three kinds of input that are no data."""
    rng = np.random.default_rng(setting["seed"])
    if setting["data"] == "digits":
        known, low, high = load_mnist("train")[0], 0.0, 1.0
        new = {
            split: rng.permutation(load_mnist(split)[0])[:N_TEST]
            for split in ("validation", "test")
        }
    else:
        patches = natural_image_patches(setting["examples"] + N_TEST, 8, rng).astype(np.float32)
        known, low, high = patches[:-N_TEST], 0.1, 0.9
        new = {"test": patches[-N_TEST:]}
    model = train(known[: setting["examples"]], setting)
    return {
        f"{split}_{kind}_error": relative_error(x, reconstruct(model, x))
        for split, x_new in new.items()
        for kind, x in strange_inputs(x_new, known, low, high, rng).items()
    }


def linear(setting):
    """How close a linear autoencoder comes to the subspace and to the error of PCA."""
    sets = {split: load_mnist(split)[0] for split in ("train", "validation", "test")}
    mean = sets["train"].mean(axis=0)
    sets = {split: x - mean for split, x in sets.items()}
    model = train(sets["train"], setting)
    pca = train(sets["train"], setting | {"model": "pca"})
    angles = principal_angles(model.decoder[0].W.detach().numpy(), pca.components_.T)
    excess = {
        f"{split}_excess_percent": 100 * (mean_loss(model, x) / mean_loss(pca, x) - 1)
        for split, x in sets.items()
    }
    return {"largest_angle": angles.max()} | excess


def train(x, setting):
    """Return a PCA or an autoencoder fitted to x, an array of shape (n, d)."""
    if setting["model"] == "pca":
        return PCA(setting["k"], svd_solver="covariance_eigh").fit(x.astype(np.float64))
    generator = torch.Generator().manual_seed(setting["seed"])
    model = Autoencoder(
        [int(size) for size in setting["sizes"].split("-")],
        activation=setting["activation"],
        code_activation=setting["code_activation"],
        output=setting["output"],
        generator=generator,
    )
    measure = getattr(losses, setting["loss"])
    fit(
        model,
        torch.from_numpy(x),
        lambda model, x, generator: measure(x, model(x)).mean(),
        epochs=setting["epochs"],
        batch_size=setting["batch_size"],
        learning_rate=setting["learning_rate"],
        schedule="linear",
        generator=generator,
    )
    return model


@torch.no_grad()
def encode(model, x):
    return (
        model.transform(x) if isinstance(model, PCA) else model.encode(torch.from_numpy(x)).numpy()
    )


@torch.no_grad()
def reconstruct(model, x):
    if isinstance(model, PCA):
        return model.inverse_transform(model.transform(x))
    return model(torch.from_numpy(x)).numpy()


def mean_loss(model, x, measure=losses.squared_error):
    return measure(x, reconstruct(model, x)).mean(dtype=np.float64)


def strange_inputs(x, known, low, high, rng):
    """Data, noise with mean and covariance of known data, shuffled data, uniform noise.

    Noise is clipped to the range of the data, so that a sigmoid output could give it.
    """
    span = rng.multivariate_normal(
        known.mean(axis=0, dtype=np.float64), np.cov(known.T), len(x), method="eigh"
    )
    return {
        "data": x,
        "span": span.clip(low, high).astype(np.float32),
        "shuffled": rng.permuted(x, axis=1),
        "uniform": rng.uniform(low, high, x.shape).astype(np.float32),
    }


def relative_error(x, r):
    """Squared errors, as a share of those of a constant answer, the mean of these inputs."""
    return np.square(r - x).sum() / np.square(x - x.mean(axis=0)).sum()
