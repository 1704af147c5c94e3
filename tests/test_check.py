"""tools.check: it runs all its steps, names those that fail, and ends with 1."""

import sys

import pytest

from tools import check

GOOD = [sys.executable, "-c", "pass"]
BAD = [sys.executable, "-c", "raise SystemExit(3)"]


def test_all_failed_steps_are_named(monkeypatch, capfd):
    monkeypatch.setattr(check, "LINT", {"first": BAD, "second": GOOD})
    monkeypatch.setattr(check, "REST", {"third": BAD})
    with pytest.raises(SystemExit, match=r"^FAILED: first, third$"):
        check.main([])
    assert "--- second" in capfd.readouterr().out


def test_the_quick_part_leaves_out_the_rest(monkeypatch):
    monkeypatch.setattr(check, "LINT", {"first": GOOD})
    monkeypatch.setattr(check, "REST", {"second": BAD})
    check.main(["--lint"])
