"""`course.py test`: run pytest in the course's folder, with whatever arguments are given."""

import os
import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    os.chdir(Path(__file__).resolve().parent.parent)
    sys.exit(pytest.main(sys.argv[1:]))
