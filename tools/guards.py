"""What a stored notebook must keep, and strict nbval doesn't look at.

Each guard takes the path of a notebook and the notebook, and returns a list of problems, each one
sentence that begins with the place.
"""

import base64
import getpass
import io
import platform
import re
from pathlib import Path
from urllib.parse import unquote

import nbformat
import numpy as np
from PIL import Image

from tools import prose
from tools.notebook import alt_texts

LARGEST = 1_500_000  # bytes
IGNORING = {"nbval-ignore-output", "nbval-skip", "nbval-raises-exception", "raises-exception"}
IGNORING_COMMENT = re.compile(r"^\s*#\s*(NBVAL_\w+|PYTEST_VALIDATE_IGNORE_OUTPUT)", re.MULTILINE)
URL = re.compile(r"\w+://\S+")
ABSOLUTE_PATH = re.compile(r"(?<![\w.~)\]/])(?:/[A-Za-z_][\w.-]*/[\w./-]+|[A-Za-z]:\\\w[\w.\\-]+)")
ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]+")
TIME = re.compile(
    r"\b\d+(?:\.\d+)?\s?(?:s|ms|µs|us|ns|sec|secs|seconds?|minutes?|min|hours?|it/s)\b"
    r"|\b\d{1,2}:\d{2}(?::\d{2})?\b|\bWall time\b"
)
LINK = re.compile(r"\]\(<?([^)\s>]+)>?\)|(?:href|src)=\"([^\"]+)\"")


def read(path):
    """Read a stored notebook."""
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    """The code cells, each with its index among all cells."""
    return [(i, cell) for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]


def place(path, index):
    """Name a cell of a notebook."""
    return f"{Path(path).name}, cell {index}"


def every_cell_ran(path, notebook):
    """Every code cell ran, in order, in a fresh kernel: its counts are 1..n."""
    return [
        f"{place(path, index)}: ran as number {cell.execution_count}, expected {expected}"
        for expected, (index, cell) in enumerate(code_cells(notebook), start=1)
        if cell.execution_count != expected
    ]


def figures_are_seen(path, notebook):
    """Each promised figure is there, shows something, has alt text and a line of fact."""
    problems = []
    for index, cell in code_cells(notebook):
        here = place(path, index)
        figures = [output for output in cell.outputs if "image/png" in output.get("data", {})]
        promised = alt_texts(cell)
        if not figures and "your code here" in cell.source:
            continue
        if len(figures) != len(promised):
            problems.append(f"{here}: shows {len(figures)} figures, promises {len(promised)}")
        if figures and not any(output.output_type == "stream" for output in cell.outputs):
            problems.append(f"{here}: prints no line of fact beside its figure")
        for figure in figures:
            alt = figure.metadata.get("image/png", {}).get("alt", "")
            if len(alt.split()) < 3:
                problems.append(f"{here}: has a figure without alt text")
            if is_blank(base64.b64decode(figure.data["image/png"])):
                problems.append(f"{here}: has a figure that shows nothing")
    return problems


def is_blank(png):
    """Whether a picture shows no data: nothing at all, or no more than axes and their labels.

    Axes are thin and grey. So a picture shows something if a twentieth of it differs from the
    background, or if some of it (one pixel in two thousand) has a colour.

    Parameters
    ----------
    png : bytes

    Returns
    -------
    bool
    """
    picture = Image.open(io.BytesIO(png)).convert("RGBA")
    on_white = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    pixels = np.asarray(on_white)[..., :3].reshape(-1, 3).astype(int)
    shades, counts = np.unique(pixels, axis=0, return_counts=True)
    ink = np.abs(pixels - shades[counts.argmax()]).max(axis=1) > 16
    coloured = pixels.max(axis=1) - pixels.min(axis=1) > 40
    return ink.mean() < 0.05 and (ink & coloured).mean() < 0.0005


def ignored_cells(path, notebook):
    """The cells whose outputs nbval would not compare, by notebook and cell id."""
    return [
        f"{Path(path).name} {cell.id}"
        for _, cell in code_cells(notebook)
        if IGNORING & {tag.lower() for tag in cell.metadata.get("tags", [])}
        or IGNORING_COMMENT.search(cell.source)
    ]


def nothing_private(path, notebook):
    """No output holds a path, a host or a user of the machine that built it, or an address."""
    names = {platform.node(), getpass.getuser()} - {"", "root", "localhost"}
    own = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in names) or r"(?!)")
    problems = []
    for index, cell in code_cells(notebook):
        for text in texts(cell):
            text = URL.sub(" ", text)
            for pattern in (ABSOLUTE_PATH, ADDRESS, own):
                problems += [
                    f"{place(path, index)}: an output holds {found[0]!r}"
                    for found in pattern.finditer(text)
                ]
    return problems


def no_times(path, notebook):
    """No output holds a time: it would differ at the next run."""
    return [
        f"{place(path, index)}: an output holds the time {found[0]!r}"
        for index, cell in code_cells(notebook)
        for text in texts(cell)
        for found in TIME.finditer(text)
    ]


def no_noise(path, notebook):
    """Nothing on standard error (warnings, progress bars), no error, no widget."""
    problems = []
    for index, cell in code_cells(notebook):
        for output in cell.outputs:
            if output.get("name") == "stderr":
                problems.append(f"{place(path, index)}: wrote to stderr: {output.text.strip()}")
            if output.output_type == "error":
                problems.append(f"{place(path, index)}: stopped with {output.ename}")
            if any("widget" in kind for kind in output.get("data", {})):
                problems.append(f"{place(path, index)}: stores a widget")
    return problems


def texts(cell):
    """Everything in the outputs of a code cell that is text."""
    for output in cell.outputs:
        yield output.get("text", "")
        yield "\n".join(output.get("traceback", []))
        for kind, value in output.get("data", {}).items():
            if not kind.startswith("image/") or kind == "image/svg+xml":
                yield value if isinstance(value, str) else str(value)


def small_enough(path, notebook):
    """A lesson stays under 1.5 MB."""
    size = Path(path).stat().st_size
    return [f"{Path(path).name}: has {size:,} bytes, more than {LARGEST:,}"] * (size > LARGEST)


def links_resolve(path, notebook):
    """Each relative link leads to a file, and each anchor to a heading."""
    problems = []
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "markdown":
            continue
        for match in LINK.finditer(prose.CODE.sub("", cell.source)):
            link = match[1] or match[2]
            if re.match(r"[a-z]+:", link):
                continue
            file, _, anchor = unquote(link).partition("#")
            target = Path(path).parent / file if file else Path(path)
            if not target.exists():
                problems.append(f"{place(path, index)}: links to {link}, which isn't there")
            elif anchor and target.suffix == ".ipynb" and anchor not in anchors(read(target)):
                problems.append(f"{place(path, index)}: links to {link}; no such heading")
    return problems


def anchors(notebook):
    """The anchors of a notebook's headings, as JupyterLab makes them: spaces become hyphens."""
    return {
        re.sub(r"[`*]", "", heading).strip().replace(" ", "-")
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for heading in re.findall(r"^#+ (.*)$", prose.CODE.sub("", cell.source), re.MULTILINE)
    }


def numbers_have_origins(path, notebook):
    """Each number in prose stands in an output above it or beside a citation (`prose`)."""
    return [
        f"{place(path, index)}: nothing above prints {number!r}, and no citation: {unit!r}"
        for index, number, unit in prose.unsupported(notebook)
    ]


ALL = (
    every_cell_ran,
    figures_are_seen,
    nothing_private,
    no_times,
    no_noise,
    small_enough,
    links_resolve,
    numbers_have_origins,
)
