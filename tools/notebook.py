"""From a source in MyST Markdown to the notebook that a learner opens, and its run.

A source is read once (`read`) and gives two notebooks: `for_learners` with stubs and folded
solutions, and `with_solutions` as it would be after every exercise is solved.
"""

import copy
import hashlib
import os
import re
import subprocess

import jupytext
import nbformat
from ipykernel.kernelspec import RESOURCES, get_kernel_dict
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

CELL_TIMEOUT = 300  # seconds

# What a kernel finds in its environment so that two runs print the same: one thread, one order of
# sets, no progress bars (those of `tqdm.tqdm`; `tqdm.auto` doesn't ask). conftest.py gives nbval's
# kernels the same.
KERNEL_ENV = {
    "COURSE_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "TQDM_DISABLE": "1",
}

REGION = re.compile(
    r"^(?P<indent>[ \t]*)### BEGIN SOLUTION[ \t]*\n(?P<body>.*?)^[ \t]*### END SOLUTION[ \t]*$",
    re.MULTILINE | re.DOTALL,
)
MARKER_LINE = re.compile(r"^[ \t]*### (BEGIN|END) SOLUTION[ \t]*\n?", re.MULTILINE)
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
HEADER = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "pygments_lexer": "ipython3",
    },
}


class SourceError(ValueError):
    """A source that can't become a notebook; the message is one sentence for the author."""


def read(path):
    """Read a source: each cell keeps its metadata, none has an output.

    Parameters
    ----------
    path : pathlib.Path
        A file in jupytext's MyST Markdown.

    Returns
    -------
    NotebookNode
        Its cells, with `metadata.course_line`, the line on which each begins, for messages.

    Raises
    ------
    SourceError
        If the file holds no code cell: then it isn't in this format.
    """
    text = path.read_text(encoding="utf-8")
    notebook = jupytext.reads(text, fmt="md:myst")
    if not any(cell.cell_type == "code" for cell in notebook.cells):
        raise SourceError(f"{path.name} has no code cell: write them as ```{{code-cell}} ipython3")
    position = 0
    for cell in notebook.cells:
        found = text.find(cell.source, position)
        position = max(found, position)
        cell.metadata["course_line"] = text.count("\n", 0, position) + 1
        if found >= 0:
            position += len(cell.source)
    return notebook


def is_exercise(cell):
    """Whether a cell of a source is code with a solution in it."""
    return cell.cell_type == "code" and bool(MARKER_LINE.search(cell.source))


def without_markers(code):
    """The code of an exercise as it reads when it's solved."""
    return MARKER_LINE.sub("", code)


def stub(code):
    """The code of an exercise as a learner first sees it."""
    return REGION.sub(r"\g<indent>...  # your code here", code)


def is_explanation(cell):
    """Whether a cell of a source is text that belongs into a folded solution."""
    return cell.cell_type == "markdown" and "solution" in cell.metadata.get("tags", [])


def folded(code, explanations):
    """The Markdown of a solution that a reader unfolds, in JupyterLab as on a code host."""
    parts = [f"```python\n{code.strip()}\n```"] if code else []
    parts += [text.strip() for text in explanations]
    return "\n\n".join(["<details><summary>Solution</summary>", *parts, "</details>"])


def for_learners(source):
    """The notebook with every exercise as stub, its solution folded behind it.

    Parameters
    ----------
    source : NotebookNode
        As `read` gives it.

    Returns
    -------
    NotebookNode
        Not run yet.

    Raises
    ------
    SourceError
        If the markers of a solution don't pair up.
    """
    cells = []
    position = 0
    while position < len(source.cells):
        cell = copy.deepcopy(source.cells[position])
        solution, explanations = "", []
        if is_exercise(cell):
            solution = without_markers(cell.source)
            cell.source = stub(cell.source)
            if MARKER_LINE.search(cell.source):
                raise SourceError(
                    f"line {cell.metadata.course_line}: every ### BEGIN SOLUTION "
                    "needs one ### END SOLUTION behind it"
                )
        if not is_explanation(cell):
            cells.append(cell)
            position += 1
        line = cell.metadata.course_line
        while position < len(source.cells) and is_explanation(source.cells[position]):
            explanations.append(source.cells[position].source)
            position += 1
        if solution or explanations:
            fold = nbformat.v4.new_markdown_cell(folded(solution, explanations))
            fold.metadata["course_line"] = line
            cells.append(fold)
    return as_notebook(cells)


def with_solutions(source):
    """The notebook after every exercise is solved: for tests and for lint.

    Parameters
    ----------
    source : NotebookNode
        As `read` gives it.

    Returns
    -------
    NotebookNode
        Not run yet; exercises carry the tag `exercise`.
    """
    cells = copy.deepcopy(source.cells)
    for cell in cells:
        if is_exercise(cell):
            cell.source = without_markers(cell.source)
            cell.metadata["tags"] = [*cell.metadata.get("tags", []), "exercise"]
    return as_notebook(cells)


def as_notebook(cells):
    """Put cells into a notebook with stable ids, a slide type each, and a fixed header."""
    taken: set[str] = set()
    for cell in cells:
        cell.metadata.setdefault("slideshow", {}).setdefault("slide_type", "skip")
        cell.id = stable_id(cell, taken)
        taken.add(cell.id)
    return nbformat.v4.new_notebook(cells=cells, metadata=copy.deepcopy(HEADER))


def stable_id(cell, taken):
    """An id that depends on what the cell is, not on when it was made."""
    name = cell.metadata.get("nbgrader", {}).get("grade_id")
    if name is None:
        name = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
    candidate, count = name, 1
    while candidate in taken:
        count += 1
        candidate = f"{name}-{count}"
    return candidate


def run(notebook, folder, timeout=CELL_TIMEOUT):
    """Run all cells in a fresh kernel of this environment, and store what they show.

    Parameters
    ----------
    notebook : NotebookNode
        Changed in place.
    folder : pathlib.Path
        The kernel's working directory.
    timeout : float
        Seconds a cell may take.

    Raises
    ------
    SourceError
        If a cell raises, takes too long or kills its kernel, or if a figure has no alt text.
    """
    current: list = [(0, notebook.cells[0])]
    client = NotebookClient(
        notebook,
        km=AsyncKernelManager(kernel_spec_manager=ThisEnvironment()),
        timeout=timeout,
        record_timing=False,
        coalesce_streams=True,
        allow_errors=False,
        on_cell_execute=lambda cell, cell_index: current.append((cell_index, cell)),
    )
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    try:
        client.execute(cwd=str(folder), env=environment | KERNEL_ENV, stderr=subprocess.DEVNULL)
    except CellExecutionError as error:
        what = f"{error.ename}: {error.evalue}".splitlines()[0]
        raise SourceError(f"{where(*current[-1])} raises {what}") from error
    except CellTimeoutError as error:
        raise SourceError(f"{where(*current[-1])} takes more than {timeout} s") from error
    except DeadKernelError as error:
        raise SourceError(f"{where(*current[-1])} kills its kernel (memory?)") from error
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            drop_widgets(cell)
            describe_figures(index, cell)
    notebook.metadata.clear()
    notebook.metadata.update(copy.deepcopy(HEADER))


class ThisEnvironment(KernelSpecManager):
    """The kernel of the Python that runs this, whatever kernels a user has installed."""

    def get_kernel_spec(self, kernel_name):
        """Return the one kernel there is."""
        return KernelSpec(resource_dir=RESOURCES, **get_kernel_dict())


def where(index, cell):
    """Say where a cell stands, for a message."""
    first = cell.source.strip().splitlines()[0] if cell.source.strip() else "(empty)"
    return f"line {cell.metadata.get('course_line', '?')}, cell {index} ({first!r})"


def drop_widgets(cell):
    """Leave what is to be read without a kernel: a widget isn't."""
    for output in cell.outputs:
        output.get("data", {}).pop(WIDGET_VIEW, None)


def describe_figures(index, cell):
    """Give each figure of a run cell the alt text that the source has for it.

    It goes where nbconvert looks for it: `metadata["image/png"]["alt"]` of the output.

    Raises
    ------
    SourceError
        If there are figures without text or texts without figure. The stub of an exercise may
        draw nothing.
    """
    figures = [output for output in cell.outputs if "image/png" in output.get("data", {})]
    texts = alt_texts(cell)
    if not figures and "your code here" in cell.source:
        return
    if len(figures) != len(texts):
        raise SourceError(
            f"{where(index, cell)} draws {len(figures)} figures but has {len(texts)} alt texts: "
            "write one `alt` in its metadata, or a list with one for each figure"
        )
    for figure, text in zip(figures, texts, strict=True):
        figure.metadata.setdefault("image/png", {})["alt"] = text


def alt_texts(cell):
    """The alt texts of a code cell as a list."""
    texts = cell.metadata.get("alt", [])
    return [texts] if isinstance(texts, str) else list(texts)


def without_outputs(notebook):
    """What the source decides of each cell: its id, type, text and metadata."""
    return [
        (
            cell.get("id"),
            cell.cell_type,
            cell.source,
            {key: value for key, value in cell.metadata.items() if key != "course_line"},
        )
        for cell in notebook.cells
    ]


def dumps(notebook):
    """The bytes of a notebook's file, the same for the same notebook.

    Parameters
    ----------
    notebook : NotebookNode

    Returns
    -------
    str
        JSON with sorted keys and a newline at the end.
    """
    stored = copy.deepcopy(notebook)
    for cell in stored.cells:
        cell.metadata.pop("course_line", None)
    return nbformat.writes(stored, version=4).rstrip("\n") + "\n"
