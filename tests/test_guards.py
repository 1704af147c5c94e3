"""The tests of notebooks are tested: each planted fault turns the right one red."""

import base64
import copy
import io
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbconvert import HTMLExporter
from PIL import Image

from tools import build, guards, notebook, prose

TOY = Path(__file__).parent / "toy"


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course with one small lesson, built."""
    root = tmp_path_factory.mktemp("course")
    shutil.copytree(TOY, root, dirs_exist_ok=True)
    build.build(build.sources(root)[0], root)
    return root


@pytest.fixture
def built(course):
    """The stored notebook of the small lesson, to be spoilt."""
    return copy.deepcopy(guards.read(course / "notebooks" / "toy.ipynb"))


def cell_with(spoilt, text):
    return next(cell for cell in spoilt.cells if text in cell.source)


def complaints(course, spoilt):
    """What each guard that complains says."""
    path = course / "notebooks" / "toy.ipynb"
    said = {guard.__name__: guard(path, spoilt) for guard in guards.ALL}
    return {name: problems for name, problems in said.items() if problems}


def test_an_untouched_notebook_passes_every_guard(course, built):
    assert complaints(course, built) == {}
    assert guards.ignored_cells("toy.ipynb", built) == []
    assert build.stale(build.sources(course)[0], course) == ""


@pytest.mark.slow
def test_strict_nbval_sees_changed_and_stripped_outputs(course, built, tmp_path):
    changed, stripped, other_code = (copy.deepcopy(built) for _ in range(3))
    cell_with(changed, "total =").outputs[0].text = "sum of squares up to 40: 22,141\n"
    cell_with(stripped, "total =").outputs = []
    other_code.cells[1].source = other_code.cells[1].source.replace("** 2", "** 3")
    copies = {"good": built, "changed": changed, "stripped": stripped, "other_code": other_code}
    for name, spoilt in copies.items():
        nbformat.write(spoilt, tmp_path / f"{name}.ipynb")
    options = ["-n", "0", "-q", "-p", "no:cacheprovider", "-c", str(build.ROOT / "pyproject.toml")]
    result = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--rootdir", str(tmp_path), str(tmp_path)],
        cwd=build.ROOT,
        capture_output=True,
        text=True,
    )
    failed = set(re.findall(r"^FAILED .*?(\w+)\.ipynb::Cell 0", result.stdout, re.MULTILINE))
    assert failed == {"changed", "stripped", "other_code"}, result.stdout
    assert f"{len(failed)} failed" in result.stdout
    assert "good.ipynb" not in result.stdout.split("short test summary")[-1]


@pytest.mark.parametrize(
    ("old", "new"),
    [("** 2", "** 3"), ("a third of the cube", "a quarter of the cube")],
    ids=["code", "text"],
)
def test_a_changed_source_line_makes_the_notebook_stale(course, tmp_path, old, new):
    shutil.copytree(course, tmp_path, dirs_exist_ok=True)
    source = build.sources(tmp_path)[0]
    text = source.read_text(encoding="utf-8")
    source.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert source.read_text(encoding="utf-8") != text
    assert "differs from its source" in build.stale(source, tmp_path)


def test_a_notebook_edited_by_hand_is_stale(course, built, tmp_path):
    shutil.copytree(course, tmp_path, dirs_exist_ok=True)
    cell_with(built, "That is all").source = "That was all."
    nbformat.write(built, tmp_path / "notebooks" / "toy.ipynb")
    assert "cell 7 on" in build.stale(build.sources(tmp_path)[0], tmp_path)


def test_missing_execution_count(course, built):
    cell_with(built, "total =").execution_count = None
    assert list(complaints(course, built)) == ["every_cell_ran"]


def test_cells_run_out_of_order(course, built):
    cell_with(built, "total =").execution_count = 2
    cell_with(built, "plt.plot").execution_count = 1
    problems = complaints(course, built)["every_cell_ran"]
    assert [problem[:18] for problem in problems] == ["toy.ipynb, cell 1:", "toy.ipynb, cell 3:"]


def figure(spoilt):
    return cell_with(spoilt, "plt.plot").outputs[0]


def png(picture):
    stream = io.BytesIO()
    picture.save(stream, format="png")
    return base64.b64encode(stream.getvalue()).decode()


def test_blanked_figure(course, built):
    size = Image.open(io.BytesIO(base64.b64decode(figure(built).data["image/png"]))).size
    figure(built).data["image/png"] = png(Image.new("RGB", size, "white"))
    assert "shows nothing" in complaints(course, built)["figures_are_seen"][0]


def test_axes_without_data_are_blank_and_drawn_data_are_not():
    from matplotlib.figure import Figure

    def drawn(plot):
        canvas = Figure(figsize=(9, 4), dpi=80)
        axes = canvas.subplots()
        axes.set(title="A title that says what to see", xlabel="number of units", ylabel="error")
        plot(axes)
        stream = io.BytesIO()
        canvas.savefig(stream, format="png")
        return stream.getvalue()

    assert guards.is_blank(drawn(lambda axes: None))
    assert guards.is_blank(drawn(lambda axes: axes.plot([], [])))
    assert not guards.is_blank(drawn(lambda axes: axes.plot([1, 2], [1, 2])))
    assert not guards.is_blank(drawn(lambda axes: axes.imshow([[0, 1], [1, 0]], cmap="gray")))


def test_missing_figure(course, built):
    del cell_with(built, "plt.plot").outputs[0]
    assert "shows 0 figures, promises 1" in complaints(course, built)["figures_are_seen"][0]


def test_missing_alt_text(course, built):
    del figure(built).metadata["image/png"]["alt"]
    assert "without alt text" in complaints(course, built)["figures_are_seen"][0]


def test_missing_line_of_fact(course, built):
    del cell_with(built, "plt.plot").outputs[1]
    assert "no line of fact" in complaints(course, built)["figures_are_seen"][0]


@pytest.mark.parametrize(
    ("text", "guard"),
    [
        ("saved to /home/ann/course/x.npz", "nothing_private"),
        (r"saved to C:\Users\ann\x.npz", "nothing_private"),
        ("<function f at 0x7f12ab34cd56>", "nothing_private"),
        ("trained in 3.1 s", "no_times"),
        ("epoch 3: 250 ms", "no_times"),
        ("done at 12:04:31", "no_times"),
    ],
)
def test_what_an_output_must_not_hold(course, built, text, guard):
    cell_with(built, "total =").outputs[0].text += text
    assert list(complaints(course, built)) == [guard]


@pytest.mark.parametrize("text", ["https://example.org/a/b/c", "3/4 of 1/2", "d/dx", "5 samples"])
def test_what_an_output_may_hold(course, built, text):
    cell_with(built, "total =").outputs[0].text += text
    assert complaints(course, built) == {}


def test_a_warning_on_stderr(course, built):
    noise = nbformat.v4.new_output("stream", name="stderr", text="UserWarning: careful")
    cell_with(built, "total =").outputs.append(noise)
    assert list(complaints(course, built)) == ["no_noise"]


@pytest.mark.parametrize("link", ["02_missing.ipynb", "#Nowhere", "toy.ipynb#A-sums"])
def test_a_broken_link(course, built, link):
    cell_with(built, "That is all").source = f"See [there]({link})."
    assert list(complaints(course, built)) == ["links_resolve"]


def test_an_ignored_cell_is_named(built):
    tagged, commented = cell_with(built, "total ="), cell_with(built, "plt.plot")
    tagged.metadata["tags"] = ["nbval-ignore-output"]
    commented.source = "# NBVAL_IGNORE_OUTPUT\n" + commented.source
    names = guards.ignored_cells("toy.ipynb", built)
    assert names == [f"toy.ipynb {tagged.id}", f"toy.ipynb {commented.id}"]


def test_too_large_a_file(built, tmp_path):
    path = tmp_path / "toy.ipynb"
    path.write_bytes(b" " * (guards.LARGEST + 1))
    assert "1,500,001 bytes" in guards.small_enough(path, built)[0]


# What an output above prints, the prose below it, and the numbers that nothing vouches for.
PROSE = [
    ("error 0.0935", "The error is 0.0935.", []),
    ("error 0.0935", "The error is 0.0934.", ["0.0934"]),
    ("error 0.0935", "The error is about 0.09.", ["0.09"]),
    ("rho = 0.05", "With .05 it works.", []),
    ("n = 60000", "All 60,000 images.", []),
    ("n = 60,000", "All 60000 images.", []),
    ("(60000, 784)", "Each has 784 pixels.", []),
    ("share 5%", "A share of 5 % stays.", []),
    ("share 6%", "A share of 5 % stays.", ["5 %"]),
    ("", "A share of 5 percent stays.", ["5 percent"]),
    ("", "Two of 3 units, and 9 more.", []),
    ("", "We train 12 units.", ["12"]),
    ("error 1e-07", "Below $10^{-7}$, or 10⁻⁷.", []),
    ("", "Below 10⁻⁷.", ["1e-7"]),
    ("", "Below $3 \\times 10^{-4}$.", ["3e-4"]),
    ("", "From 0.2–0.4.", ["0.2", "0.4"]),
    ("", "Images of $28 \\times 28$ pixels.", ["28", "28"]),
    ("", "The formula $x_{12} = 0.5 a$ and `x = 0.5`.", []),
    ("", "```python\nx = 0.5\n```\n", []),
    ("", "$$\\frac{1}{2.5} x$$", []),
    ("", "See lesson 12, section 3.3, exercise 0.1 and figure 14 on page 3371.", []),
    ("", "The L2 norm and PCA-60 and the 10th unit.", []),
    ("", "## Chapter of 1.5", []),
    ("", "**Time** 60 min reading · 15 min exercises.", []),
    ("", "It trains in 60 s.", ["60"]),
    ("", '[text](https://example.org/0.75/) and <img width="120">', []),
    ("", "Baldi & Hornik (1989) found 0.75.", []),
    ("", "It is 0.75 [Vincent et al., 2010].", []),
    ("", "It is 0.75 (Hinton & Salakhutdinov, 2006, figure 3).", []),
    ("", "It is 0.75 (see Bengio et al. 2013).", []),
    ("", "Vincent et al. (2010) said so. It is 0.75.", ["0.75"]),
    ("", "- Vincent et al. (2010). It is 0.75.\n- It is 0.85.", ["0.85"]),
    ("", "| Hinton (2006) | 0.75 |\n| ours | 0.85 |", ["0.85"]),
    ("", "In 2006 it was 0.75.", ["2006", "0.75"]),
    ("", "It is 0.75 (in 2006).", ["0.75", "2006"]),
    ("", "> The error is 0.75.", ["0.75"]),
    ("", "1. one\n2. two\n\n12. twelve is 0.5", ["0.5"]),
]


@pytest.mark.parametrize(("printed", "text", "expected"), PROSE, ids=lambda value: str(value)[:40])
def test_numbers_in_prose(printed, text, expected):
    code = nbformat.v4.new_code_cell("print()")
    code.outputs = [nbformat.v4.new_output("stream", name="stdout", text=printed)]
    page = nbformat.v4.new_notebook(cells=[code, nbformat.v4.new_markdown_cell(text)])
    assert [number for _, number, _ in prose.unsupported(page)] == expected


def test_a_number_printed_only_further_down_is_unsupported(built):
    cells = built.cells
    cells.insert(0, nbformat.v4.new_markdown_cell("The total will be 22,140."))
    assert [(index, number) for index, number, _ in prose.unsupported(built)] == [(0, "22,140")]


def test_a_made_up_number(course, built):
    cell_with(built, "That is all").source = "In all, 87.3 % of the tests passed."
    problems = complaints(course, built)
    assert list(problems) == ["numbers_have_origins"]
    assert problems["numbers_have_origins"][0].startswith("toy.ipynb, cell 7: ")


def test_alt_text_is_where_nbconvert_reads_it(built):
    html, _ = HTMLExporter(template_name="classic").from_notebook_node(built)
    assert 'alt="A curve that rises ever more steeply from 1 to 1600."' in html


def test_a_wrong_solution_is_not_called_right(course):
    source = build.sources(course)[0]
    page = notebook.read(source)
    cell_with(page, "BEGIN SOLUTION").source = cell_with(page, "BEGIN SOLUTION").source.replace(
        "x * x", "x + x"
    )
    solved = notebook.with_solutions(page)
    notebook.run(solved, course)
    assert cell_with(solved, "x + x").outputs[0].text == "0.1 · not yet\n"
