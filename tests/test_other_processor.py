"""The first lessons print the same on another processor.

Another processor is imitated: torch's and NumPy's kernels for the newest instructions are turned
off, so sums are added up in another order. NumPy's products (BLAS) aren't reached by this. A run
takes several times longer than usual, so only the cheap lessons are run here.
"""

import os
import subprocess
import sys

import pytest

from tools import build

FIRST = [source for source in build.sources() if source.stem[:2] in {"00", "01", "02"}]


def other_processor():
    """Environment variables under which torch and NumPy choose their plainest kernels."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    return {
        "MKL_CBWR": "COMPATIBLE",
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "NPY_DISABLE_CPU_FEATURES": " ".join(
            name for name in __cpu_dispatch__ if __cpu_features__[name]
        ),
    }


def run(command):
    """Run a command of this Python on the other processor."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=build.ROOT,
        env=os.environ | other_processor(),
        capture_output=True,
        text=True,
    )


def test_torch_and_numpy_choose_other_kernels():
    code = (
        "import torch; from numpy._core._multiarray_umath import __cpu_features__ as f;"
        "print(torch.backends.cpu.get_cpu_capability(), f.get('X86_V3', False))"
    )
    assert run(["-c", code]).stdout.split() == ["DEFAULT", "False"]


def test_there_is_a_first_lesson():
    assert FIRST


@pytest.mark.slow
@pytest.mark.parametrize("source", FIRST, ids=lambda path: path.stem)
def test_prints_the_same(source):
    path = build.notebook_path(source)
    options = ["-n", "0", "-p", "no:cacheprovider", "--nbval-cell-timeout=1200", "-q"]
    result = run(["-m", "pytest", *options, str(path)])
    assert result.returncode == 0, result.stdout[-6000:]
