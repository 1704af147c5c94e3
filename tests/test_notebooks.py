"""The stored notebooks: built from their sources as these are now, run, seen, and without noise."""

import pytest

from tools import build, guards

NOTEBOOKS = sorted((build.ROOT / "notebooks").glob("*.ipynb"))

# The only cells whose outputs nbval doesn't compare: 'notebook.ipynb id', each with its reason.
IGNORED: list[str] = []


@pytest.mark.parametrize("source", build.sources(), ids=lambda path: path.stem)
def test_is_up_to_date_with_its_source(source):
    reason = build.stale(source)
    assert not reason, f"{source.stem}.ipynb {reason}: python -m tools.build {source.stem}"


@pytest.mark.parametrize("source", build.sources(), ids=lambda path: path.stem)
def test_source_passes_lint(source):
    problems = build.lint(source)
    assert not problems, "\n".join(problems)


def test_every_notebook_has_a_source():
    assert {path.stem for path in NOTEBOOKS} == {path.stem for path in build.sources()}


@pytest.mark.parametrize("guard", guards.ALL, ids=lambda guard: guard.__name__)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_keeps(path, guard):
    problems = guard(path, guards.read(path))
    assert not problems, "\n".join(problems)


def test_only_named_cells_escape_nbval():
    found = [name for path in NOTEBOOKS for name in guards.ignored_cells(path, guards.read(path))]
    assert found == IGNORED


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_stub_says_that_it_is_not_done_yet(path):
    for index, cell in guards.code_cells(guards.read(path)):
        if "your code here" in cell.source:
            printed = "".join(output.get("text", "") for output in cell.outputs)
            assert "not done yet" in printed, f"cell {index} of {path.name} prints {printed!r}"
