import os
import subprocess
import sys

import pytest
import threadpoolctl
import torch

from course_utils import set_threads


@pytest.fixture(autouse=True)
def _leave_as_found(monkeypatch):
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, os.environ.get(name, "1"))
    before = torch.get_num_threads()
    with threadpoolctl.threadpool_limits(None):
        yield
    torch.set_num_threads(before)


def test_one_thread_unless_told_otherwise(monkeypatch):
    monkeypatch.delenv("COURSE_THREADS", raising=False)
    assert set_threads() == 1
    assert torch.get_num_threads() == 1
    assert {pool["num_threads"] for pool in threadpoolctl.threadpool_info()} == {1}


def test_number_comes_from_the_variable_or_the_argument(monkeypatch):
    monkeypatch.setenv("COURSE_THREADS", "2")
    assert set_threads() == torch.get_num_threads() == 2
    assert set_threads(1) == torch.get_num_threads() == 1


@pytest.mark.parametrize("wrong", ["many", "0", "-1", ""])
def test_a_wrong_number_is_named(wrong, monkeypatch):
    monkeypatch.setenv("COURSE_THREADS", wrong)
    with pytest.raises(ValueError, match="whole number from 1 on"):
        set_threads()


def test_libraries_loaded_later_take_the_number():
    code = (
        "from course_utils import set_threads; set_threads(1); import torch, sys;"
        "sys.exit(torch.get_num_threads() != 1)"
    )
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0


def test_importing_the_package_is_cheap():
    code = "import course_utils, sys; sys.exit(bool({'torch', 'matplotlib'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
