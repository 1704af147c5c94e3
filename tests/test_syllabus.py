"""Every row of the lecture is taught under a heading of its lesson, which names the row."""

from pathlib import Path

import pytest

from tools import notebook

LESSONS = Path(__file__).parent.parent / "sources" / "lessons"
ROWS = {
    "01_introduction": range(1, 6),
    "02_backpropagation": range(7, 11),
    "03_sparse": [6, *range(11, 16)],
    "04_stacked": range(16, 20),
    "05_denoising": [*range(20, 25), 29],
    "06_sampling": range(25, 29),
    "07_contractive": range(30, 34),
}


def test_every_row_has_its_lesson():
    assert sorted(row for rows in ROWS.values() for row in rows) == list(range(1, 34))


@pytest.mark.parametrize("name", [path.stem for path in sorted(LESSONS.glob("*.md"))])
def test_rows_stand_at_headings(name):
    cells = notebook.read(LESSONS / f"{name}.md").cells
    found = set()
    for cell in cells:
        rows = cell.metadata.get("deck", [])
        assert not rows or cell.source.startswith("#"), f"{rows} at a cell that isn't a heading"
        found |= set(rows)
    assert found == {f"D{row}" for row in ROWS.get(name, [])}
