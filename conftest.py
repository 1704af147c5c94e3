"""What all tests share, those of the notebooks included."""

import os

import pytest

from tools.notebook import KERNEL_ENV

os.environ.update(KERNEL_ENV)
os.environ.pop("MPLBACKEND", None)  # notebooks draw inline, whatever the terminal is set to


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark what nbval runs as slow, and begin with what takes longest."""
    for item in items:
        if item.path.suffix == ".ipynb":
            item.add_marker("slow")
    items.sort(
        key=lambda item: (
            item.get_closest_marker("slow") is None,
            item.path.suffix == ".ipynb",
        )
    )
