"""Every solution, put in its place, is called right by its check."""

import pytest

from tools import build, notebook


@pytest.mark.slow
@pytest.mark.parametrize("source", build.sources(), ids=lambda path: path.stem)
def test_every_solution_is_right(source):
    solved = notebook.with_solutions(notebook.read(source))
    exercises = [cell for cell in solved.cells if "exercise" in cell.metadata.get("tags", [])]
    if not exercises:
        pytest.skip(f"{source.stem} has no exercise")
    notebook.run(solved, build.ROOT / "notebooks")
    for cell in exercises:
        printed = "".join(output.get("text", "") for output in cell.outputs)
        assert "· right" in printed, f"line {cell.metadata.course_line} prints {printed!r}"
        assert "not yet" not in printed, f"line {cell.metadata.course_line} prints {printed!r}"
        assert "not done yet" not in printed, f"line {cell.metadata.course_line}: {printed!r}"
