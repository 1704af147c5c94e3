"""The README: its first screen, its picture, its map and its links."""

import re
from pathlib import Path

import nbformat
import pytest

from tools import build

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BUILT = sorted((ROOT / "notebooks").glob("*.ipynb"))


def test_first_screen_has_the_two_commands_and_a_figure():
    first_screen = "\n".join(README.splitlines()[:30])
    assert "python3 course.py lab" in first_screen
    assert "python3 course.py test" in first_screen
    assert re.search(r"!\[[^\]]{40,}\]\(docs/\w+\.png\)", first_screen), "a figure with alt text"


def test_pictures_are_those_of_the_notebooks():
    made = {}
    for path in BUILT:
        made |= build.pictures(nbformat.read(path, as_version=4))
    shown = {Path(name).name for name in re.findall(r"\]\((docs/[^)]+\.png)\)", README)}
    assert shown
    assert shown <= set(made)
    for name, image in made.items():
        stored = (ROOT / "docs" / name).read_bytes()
        assert stored == image, f"docs/{name} isn't the notebook's: python3 course.py build --force"


def test_map_names_every_lesson_that_is_there():
    for path in BUILT:
        assert f"](notebooks/{path.name})" in README


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", README))))
def test_links_lead_somewhere(link):
    assert (ROOT / link).exists()
