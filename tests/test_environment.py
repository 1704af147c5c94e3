"""course_utils.environment: each check passes here and fails where it should."""

import importlib.metadata
import os
import re
import subprocess
import sys

import pytest

from course_utils import data, environment, set_threads


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setenv("COURSE_THREADS", "1")
    yield
    set_threads(1)


def problem(name):
    """Return the line of one check, which must be the only one that fails."""
    (line,) = [line for line in environment.report() if not line.startswith("OK    ")]
    assert line.startswith(f"FAIL  {name}: ")
    return line


def test_four_lines_without_a_path_a_version_or_a_time():
    lines = environment.report()
    assert [line.split(":")[0] for line in lines] == [
        "OK    packages",
        "OK    data",
        "OK    threads",
        "OK    training",
    ]
    for line in lines:
        assert not re.search(r"[/\\]|\d\.\d|\d s\b|\d core", line)


def test_from_the_command_line_the_exit_code_tells(tmp_path):
    call = [sys.executable, "-m", "course_utils"]
    good = subprocess.run(call, capture_output=True, text=True)
    assert (good.returncode, good.stdout.count("OK    ")) == (0, 4)
    many = os.environ | {"COURSE_THREADS": str(environment.usable_cores() + 1)}
    bad = subprocess.run(call, capture_output=True, text=True, env=many)
    assert (bad.returncode, bad.stdout.count("OK    "), bad.stdout.count("FAIL  ")) == (1, 3, 1)


def test_a_missing_and_an_old_package_are_named(monkeypatch):
    real = importlib.metadata.version

    def version(name):
        if name == "scipy":
            raise importlib.metadata.PackageNotFoundError(name)
        return "1.26.4" if name == "numpy" else real(name)

    monkeypatch.setattr(environment.importlib.metadata, "version", version)
    line = problem("packages")
    assert "scipy is missing" in line
    assert "numpy is 1.26.4, and >=2.2 is needed" in line
    assert "Remedy: delete the folder .venv and run `python3 course.py lab`" in line


def test_a_newer_package_is_fine(monkeypatch):
    monkeypatch.setattr(environment.importlib.metadata, "version", lambda name: "99.0.dev1")
    assert environment.check_packages() is None


def test_a_broken_package_is_a_line_and_the_report_goes_on(monkeypatch):
    def broken(files=None):
        raise ImportError("cannot import name 'x'")

    monkeypatch.setattr(data, "check_mnist", broken)
    line = problem("data")
    assert "ImportError: cannot import name 'x'. Remedy: " in line


def test_an_altered_data_file_is_named(monkeypatch):
    name = "t10k-labels-idx1-ubyte.gz"
    altered = data.MNIST_FILES[name]._replace(sha256="0" * 64)
    monkeypatch.setitem(data.MNIST_FILES, name, altered)
    line = problem("data")
    assert name in line
    assert "git checkout" in line


@pytest.mark.parametrize("threads", ["3", "0", "two"])
def test_a_wrong_number_of_threads_is_named_with_the_right_ones(monkeypatch, threads):
    monkeypatch.setenv("COURSE_THREADS", threads)
    monkeypatch.setattr(environment, "usable_cores", lambda: 2)
    found = environment.check_threads()
    assert threads in found
    assert "COURSE_THREADS to a number from 1 to 2" in found


def test_training_that_does_not_learn_is_named():
    assert "the error went from" in environment.check_training(steps=2)
