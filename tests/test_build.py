"""The build: what becomes of a source, when it is stale, and what happens if it fails."""

import os
import shutil
from pathlib import Path

import nbformat
import pytest

from tools import build, notebook

TOY = Path(__file__).parent / "toy"
HEAD = "# Title\n\n```{code-cell} ipython3\n"


@pytest.fixture
def course(tmp_path):
    """A course with one small lesson, not built; and two modules, one of them unused."""
    shutil.copytree(TOY, tmp_path, dirs_exist_ok=True)
    shutil.copy(build.ROOT / "pyproject.toml", tmp_path)
    files = {
        "course_utils/__init__.py": "",
        "course_utils/data.py": "from ._inner import inner\n",
        "course_utils/_inner.py": "inner = 1\n",
        "course_utils/unused.py": "x = 1\n",
        "course_utils/lecture.mplstyle": "font.size: 14\n",
        "data/mnist/images.gz": "\x1f\x8b",
        "data/mnist/README.md": "where it comes from\n",
        "data/results/named.csv": "a\n1\n",
        "data/results/other.csv": "a\n1\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8", newline="\n")
    return tmp_path


def source_of(course):
    return build.sources(course)[0]


def replace(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8", newline="\n")


def read(tmp_path, text):
    path = tmp_path / "lesson.md"
    path.write_text(text, encoding="utf-8")
    return notebook.read(path)


def test_stub_keeps_everything_but_the_solution():
    code = (
        "def f(x):\n    y = 1\n    ### BEGIN SOLUTION\n    y = x\n\n    y += 1\n"
        "    ### END SOLUTION\n    return y\n\n\n### BEGIN SOLUTION\nz = f(2)\n### END SOLUTION\n"
        "check(f)"
    )
    assert notebook.stub(code) == (
        "def f(x):\n    y = 1\n    ...  # your code here\n    return y\n\n\n"
        "...  # your code here\ncheck(f)"
    )
    assert notebook.without_markers(code) == (
        "def f(x):\n    y = 1\n    y = x\n\n    y += 1\n    return y\n\n\nz = f(2)\ncheck(f)"
    )


def test_solution_is_folded_behind_its_stub(tmp_path):
    text = (
        HEAD + "### BEGIN SOLUTION\nx = 1\n### END SOLUTION\n```\n\n"
        '+++ {"tags": ["solution"]}\n\nBecause.\n\n+++ {"tags": ["solution"]}\n\nAnd so.\n\n'
        "+++\n\nNext.\n"
    )
    made = notebook.for_learners(read(tmp_path, text))
    assert [cell.source for cell in made.cells] == [
        "# Title",
        "...  # your code here",
        "<details><summary>Solution</summary>\n\n```python\nx = 1\n```\n\nBecause.\n\nAnd so.\n\n"
        "</details>",
        "Next.",
    ]


def test_solution_of_an_exercise_without_code(tmp_path):
    text = HEAD + 'x = 1\n```\n\nDerive it.\n\n+++ {"tags": ["solution"]}\n\nBecause.\n'
    made = notebook.for_learners(read(tmp_path, text))
    assert made.cells[-1].source == (
        "<details><summary>Solution</summary>\n\nBecause.\n\n</details>"
    )


def test_cells_get_a_slide_type_and_unique_ids(tmp_path):
    text = (
        HEAD
        + "x = 1\n```\n\n```{code-cell} ipython3\nx = 1\n```\n\n"
        + (
            "```{code-cell} ipython3\n---\nnbgrader: {grade_id: named}\n"
            "slideshow: {slide_type: slide}\n---\nx = 1\n```\n"
        )
    )
    made = notebook.for_learners(read(tmp_path, text))
    ids = [cell.id for cell in made.cells]
    assert ids[2] == ids[1] + "-2"
    assert ids[3] == "named"
    types = [cell.metadata["slideshow"]["slide_type"] for cell in made.cells]
    assert types == ["skip", "skip", "skip", "slide"]
    nbformat.validate(made)


@pytest.mark.parametrize(
    "code", ["### BEGIN SOLUTION\nx = 1", "x = 1\n### END SOLUTION"], ids=["end", "begin"]
)
def test_a_lone_marker_is_refused(tmp_path, code):
    with pytest.raises(notebook.SourceError, match="line 4: every ### BEGIN SOLUTION needs"):
        notebook.for_learners(read(tmp_path, HEAD + code + "\n```\n"))


def test_text_that_is_no_source_is_refused(tmp_path):
    with pytest.raises(notebook.SourceError, match=r"lesson\.md has no code cell"):
        read(tmp_path, "# Title\n\n```python\nx = 1\n```\n")


@pytest.mark.slow
def test_two_builds_give_the_same_bytes(course):
    source = source_of(course)
    path = build.notebook_path(source, course)
    build.build(source, course)
    first = path.read_bytes()
    build.build(source, course)
    assert path.read_bytes() == first
    assert first.endswith(b"}\n")
    assert [file.name for file in path.parent.iterdir()] == ["toy.ipynb"]


@pytest.mark.slow
def test_only_what_is_stale_is_built(course, capsys):
    path = build.notebook_path(source_of(course), course)
    assert build.main(["toy"], course) == 0
    os.utime(path, (0, 0))
    assert build.main([], course) == 0
    assert path.stat().st_mtime == 0
    assert capsys.readouterr().out.endswith("toy is up to date\n")
    assert build.main(["--force"], course) == 0
    assert path.stat().st_mtime > 0


def test_check_names_what_is_stale_and_the_remedy(course, capsys):
    assert build.main(["--check"], course) == 1
    printed = capsys.readouterr().out
    assert printed == "notebooks/toy.ipynb isn't built yet: python -m tools.build toy\n"
    assert not (course / "notebooks").exists()
    build.build(source_of(course), course)
    assert build.main(["--check"], course) == 0


DIGEST = [
    ("sources/lessons/toy.md", True),
    ("course_utils/data.py", True),
    ("course_utils/_inner.py", True),
    ("course_utils/__init__.py", True),
    ("course_utils/lecture.mplstyle", True),
    ("course_utils/unused.py", False),
    ("data/mnist/images.gz", True),
    ("data/mnist/README.md", False),
    ("data/results/named.csv", True),
    ("data/results/other.csv", False),
]


@pytest.mark.parametrize(("name", "counts"), DIGEST)
def test_digest_changes_with_what_the_notebook_shows(course, name, counts):
    source = source_of(course)
    replace(source, "import numpy as np", 'from course_utils import data  # "named", other')
    before = build.digest(source, course)
    with (course / name).open("a", encoding="utf-8") as file:
        file.write("\n# changed\n")
    assert (build.digest(source, course) != before) == counts


def test_digest_is_the_same_with_other_line_endings(course):
    source = source_of(course)
    before = build.digest(source, course)
    for path in [source, *course.glob("course_utils/*")]:
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert build.digest(source, course) == before


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("import course_utils.data", {"course_utils.data"}),
        ("import course_utils.data as d, numpy", {"course_utils.data"}),
        ("from course_utils import data, losses", {"data", "losses"}),
        ("from course_utils.data import spiral", {"course_utils.data", "data.spiral"}),
        ("def f():\n    from . import data", {"data"}),
        ("from .data import spiral", {"course_utils.data", "data.spiral"}),
        ("import numpy", set()),
    ],
)
def test_imports_are_found_in_every_spelling(code, names):
    prefixed = {name if name.startswith("course") else f"course_utils.{name}" for name in names}
    assert build.imported(code) - {"course_utils"} == prefixed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("1 / 0", "raises ZeroDivisionError: division by zero"),
        ("import os; os._exit(1)", "kills its kernel"),
        ("plt.plot([1, 2]); plt.show()", "draws 1 figures but has 0 alt texts"),
    ],
    ids=["raises", "dies", "no alt"],
)
def test_a_failed_build_says_where_and_keeps_the_old_notebook(course, capsys, code, message):
    source = source_of(course)
    build.build(source, course)
    path = build.notebook_path(source, course)
    before = path.read_bytes()
    replace(source, "numbers = np.arange(1, 41)", f"numbers = np.arange(1, 41)\n{code}")
    assert build.main([], course) == 1
    said = capsys.readouterr().err
    assert said.startswith("sources/lessons/toy.md, line 14, cell 1 ('import matplotlib")
    assert message in said
    assert said.count("\n") == 1
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["toy.ipynb"]


def test_a_cell_that_takes_too_long_is_named(tmp_path):
    page = read(tmp_path, HEAD + "import time\n\ntime.sleep(30)\n```\n")
    with pytest.raises(notebook.SourceError, match=r"line 4, cell 1 .* takes more than 1 s"):
        notebook.run(page, tmp_path, timeout=1)


def test_an_unknown_name_is_answered_with_the_known_ones(course):
    with pytest.raises(SystemExit, match="no source is called tay; there are: toy"):
        build.main(["tay"], course)


def test_a_widget_is_not_stored(tmp_path):
    code = "import ipywidgets\nipywidgets.IntSlider(3)\n```\n"
    page = read(tmp_path, HEAD + code)
    notebook.run(page, tmp_path)
    assert page.metadata == notebook.HEADER
    assert list(page.cells[1].outputs[0].data) == ["text/plain"]


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("Text\n\n$$x$$\n\ntext", []),
        ("Text\n\n$$\nx\n$$\n\ntext", []),
        ("Text\n\n$$x\n=y$$\n\ntext", []),
        ("Text\n$$x$$\n\ntext", ["lesson.md, line 2: $$ needs a blank line"]),
        ("Text\n\n$$x$$\ntext", ["lesson.md, line 3: $$ needs a blank line"]),
        ("Text\n\n$$\nx\n$$\ntext", ["lesson.md, line 5: $$ needs a blank line"]),
        ("The sum $$x$$ is", ["lesson.md, line 1: put $$ on a line"]),
        ("```\n$$x$$ is code\n```", []),
        ("Text\n\n```{note}\nhi\n```", ["lesson.md, line 3: plain JupyterLab doesn't render"]),
        ('+++ {"tags": ["solution"]}\n\nIt is 3.\n\n+++\n\n## Next', []),
        (
            '+++ {"tags": ["solution"]}\n\nIt is 3.\n\n## Next',
            ["lesson.md, line 3: a solution holds a heading"],
        ),
        ("Text\n\n:::{note}\nhi\n:::", ["lesson.md, line 3: plain JupyterLab doesn't render"]),
    ],
)
def test_lint_of_text(tmp_path, text, problems):
    page = read(tmp_path, text + "\n\n```{code-cell} ipython3\nx = 1\n```\n")
    found = build.lint_text("lesson.md", page.cells)
    assert [said[: len(expected)] for said, expected in zip(found, problems, strict=True)] == (
        problems
    )


def test_lint_of_code_names_the_line(course):
    source = source_of(course)
    assert build.lint(source, course) == []
    replace(source, "import numpy as np", "import os\nimport numpy as np")
    replace(source, "return x * x", "return x*x")
    found = build.lint(source, course)
    assert "toy.md, cell that begins on line 14, its line 2: F401" in "\n".join(found)
    assert "toy.md, cell that begins on line 50: ruff format writes it so:" in found[-1]
    assert "        return x * x" in found[-1]
