"""Guards what benchmarks/fit_throughput.py measures."""

import runpy
from pathlib import Path

import pytest
import torch

BENCHMARK = runpy.run_path(
    str(Path(__file__).parent.parent / "benchmarks" / "fit_throughput.py"), run_name="benchmark"
)


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


# Cross-entropy takes two logarithms a pixel, which squared error doesn't: 58 % where this was
# written, against 64 %.
@pytest.mark.slow
@pytest.mark.parametrize(("name", "share"), [("squared error", 0.60), ("cross-entropy", 0.50)])
@pytest.mark.usefixtures("one_thread")
def test_fit_is_faster_than_a_loop_and_not_far_from_the_products(name, share):
    """Whatever else the machine does can only add time, so each contestant's best turn counts."""
    contestants = [BENCHMARK[key] for key in ("with_fit", "plain_loop", "products")]
    x = torch.rand(20 * 256, 784, generator=torch.Generator().manual_seed(0))
    best = [float("inf")] * 3
    for _ in range(60):
        turn = [BENCHMARK["seconds"](run, x, BENCHMARK["LOSSES"][name]) for run in contestants]
        best = [min(pair) for pair in zip(best, turn, strict=True)]
        fit, loop, products = best
        if loop / fit >= 1.1 and products / fit >= share:
            return
    pytest.fail(f"fit runs at {loop / fit:.2f} times the loop and {products / fit:.0%} of products")
