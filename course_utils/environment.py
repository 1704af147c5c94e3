"""Can this computer run the course? Four checks, one line each, with the remedy for what fails.

Each check imports what it needs by itself, so that a missing package makes a line, not a traceback.
"""

import importlib.metadata
import os
from pathlib import Path

from course_utils import set_threads

__all__ = ["check_data", "check_packages", "check_threads", "check_training", "report"]

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
INSTALL = (
    "Remedy: delete the folder .venv and run `python3 course.py lab`; in an environment of your "
    "own, run `python -m pip install -c constraints.txt -e .`"
)


def report():
    """Check packages, data, threads and a short training run.

    Returns
    -------
    list of str
        One line for each check: "OK" and what was found, the same on every machine, or "FAIL",
        what is wrong, and what to do.
    """
    return [
        line("packages", check_packages, "all that the lessons import is there and new enough"),
        line("data", check_data, "the four files of MNIST are whole and unchanged"),
        line("threads", check_threads, "no more threads than cores"),
        line("training", check_training, "a small autoencoder learns, its error falls to 1 %"),
    ]


def line(name, check, success):
    try:
        problem = check()
    except Exception as error:  # a broken package may raise anything, and the report goes on
        problem = f"{type(error).__name__}: {error}. {INSTALL}"
    return f"FAIL  {name}: {problem}" if problem else f"OK    {name}: {success}"


def check_packages(pyproject=PYPROJECT):
    """Compare the installed packages with the oldest versions that pyproject.toml allows.

    Parameters
    ----------
    pyproject : path, optional
        The file with the requirements.

    Returns
    -------
    str or None
        What is missing or too old, with the remedy; None if nothing is.
    """
    import tomllib

    project = tomllib.loads(Path(pyproject).read_text(encoding="utf-8"))["project"]
    problems = [check_package(requirement) for requirement in project["dependencies"]]
    found = "; ".join(filter(None, problems))
    return f"{found}. {INSTALL}" if found else None


def check_package(requirement):
    from packaging.requirements import Requirement

    requirement = Requirement(requirement)
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return f"{requirement.name} is missing"
    if requirement.specifier.contains(version, prereleases=True):
        return None
    return f"{requirement.name} is {version}, and {requirement.specifier} is needed"


def check_data():
    """Compare the files of MNIST with their known lengths and SHA-256 sums.

    Returns
    -------
    str or None
        Which file is wrong, with the remedy; None if none is.
    """
    from course_utils.data import check_mnist

    problems = [problem for _, problem in check_mnist() if problem]
    return "; ".join(problems) or None


def check_threads():
    """Compare the number of threads in force with the cores that this process may use.

    Returns
    -------
    str or None
        That there are too many threads, with the remedy; None if there aren't.
    """
    cores = usable_cores()
    remedy = f"Remedy: set the environment variable COURSE_THREADS to a number from 1 to {cores}"
    try:
        threads = set_threads()
    except ValueError as error:
        return f"{error}. {remedy}"
    if threads > cores:
        return f"{threads} threads share {cores} core(s), which slows them down. {remedy}"
    return None


def usable_cores():
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_training(steps=500):
    """Train a small linear autoencoder for about a second on data that it can describe.

    256 points in 32 dimensions lie in a subspace of 4 dimensions, and the code has 4 units: the
    error must fall to nearly nothing.

    Parameters
    ----------
    steps : int, optional
        Number of steps of Adam.

    Returns
    -------
    str or None
        That the error didn't fall to 1 %, with the remedy; None if it did.
    """
    import torch

    generator = torch.Generator().manual_seed(0)
    x = torch.randn(256, 4, generator=generator) @ torch.randn(4, 32, generator=generator) / 2
    encoder = (0.1 * torch.randn(32, 4, generator=generator)).requires_grad_()
    decoder = (0.1 * torch.randn(4, 32, generator=generator)).requires_grad_()
    optimizer = torch.optim.Adam([encoder, decoder], lr=0.02)
    errors = []
    for _ in range(steps):
        loss = (x @ encoder @ decoder - x).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        errors.append(loss.item())
    if errors[-1] < 0.01 * errors[0]:
        return None
    return f"after {steps} steps the error went from {errors[0]:.2g} to {errors[-1]:.2g}. {INSTALL}"
