"""`course.py check`: what a commit must pass, in under a minute."""

import argparse
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = [sys.executable, "-m"]

LINT = {
    "lint": [*PYTHON, "ruff", "check", "."],
    "format": [*PYTHON, "ruff", "format", "--check", "."],
    "stale notebooks": [*PYTHON, "tools.build", "--check"],
}
REST = {
    "types": [*PYTHON, "mypy"],
    "unit tests": [*PYTHON, "pytest", "-q", "-m", "not slow", "tests"],
}


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="course.py check",
        description="Check lint, format, stale notebooks, types and the quick unit tests.",
    )
    parser.add_argument(
        "--lint", action="store_true", help="only lint, format and stale notebooks (a second)"
    )
    steps = LINT if parser.parse_args(arguments).lint else LINT | REST
    failed = [name for name, command in steps.items() if not passes(name, command)]
    if failed:
        sys.exit(f"FAILED: {', '.join(failed)}")


def passes(name, command):
    print(f"--- {name}", flush=True)
    start = time.monotonic()
    done = subprocess.run(command, cwd=ROOT)
    print(f"    {time.monotonic() - start:.1f} s", flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    main()
