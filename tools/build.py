"""Make the notebooks that learners open from the sources that authors edit.

python -m tools.build                     build what is stale
python -m tools.build 01_introduction     build this one, if it's stale
python -m tools.build --force             build all, stale or not
python -m tools.build --check             run nothing; name what is stale and what lint finds
"""

import argparse
import ast
import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from itertools import zip_longest
from pathlib import Path

import nbformat

from tools import notebook as nb

ROOT = Path(__file__).resolve().parent.parent
LESSONS = "sources/lessons"
BINARY = {".gz", ".npz", ".npy", ".png", ".jpg"}


def sources(root=ROOT):
    """All sources of lessons, in order."""
    return sorted((root / LESSONS).glob("*.md"))


def notebook_path(source, root=ROOT):
    """Where the notebook of a source is stored."""
    return root / "notebooks" / f"{source.stem}.ipynb"


def content(path):
    """The bytes of a file as they count for a digest: line endings of text don't."""
    data = path.read_bytes()
    return data if path.suffix in BINARY else data.replace(b"\r\n", b"\n")


def imported(text, package="course_utils"):
    """Names of the modules of a package that Python code imports, whatever the way."""
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package if node.level else (node.module or "")
            if node.level and node.module:
                base = f"{package}.{node.module}"
            names |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return {name for name in names if name.split(".")[0] == package}


def library_files(code, root=ROOT):
    """The files of `course_utils` that code uses, directly or through other modules."""
    used, waiting = set(), imported(code) | {"course_utils"}
    while waiting:
        path = root.joinpath(*waiting.pop().split("."))
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.is_file() and file not in used:
                used.add(file)
                waiting |= imported(file.read_text(encoding="utf-8"))
    return used | set((root / "course_utils").glob("*.mplstyle"))


def data_files(texts, root=ROOT):
    """The files under `data/` that may change a notebook.

    What a sweep wrote (`data/results/NAME.csv`, `data/weights/NAME.npz`) counts where its "NAME",
    in quotation marks, stands in the source or in a module that it uses, as in
    `load_results("NAME")`; all other data counts always.
    """
    for path in sorted((root / "data").rglob("*")):
        swept = path.parent.name in {"results", "weights"}
        named = any(f'"{path.stem}"' in text for text in texts)
        if path.is_file() and path.suffix != ".md" and (named or not swept):
            yield path


def digest(source, root=ROOT):
    """One hash over all that decides what a notebook shows.

    These are its source, the modules of `course_utils` that it imports (and that those import),
    the figure style, its data, and how a source becomes a notebook.

    Parameters
    ----------
    source : pathlib.Path
    root : pathlib.Path
        The course's folder.

    Returns
    -------
    str
        The same on every machine.
    """
    code = "\n".join(
        re.sub(r"^(\s*)[%!].*", r"\1pass", cell.source, flags=re.MULTILINE)
        for cell in nb.read(source).cells
        if cell.cell_type == "code"
    )
    library = library_files(code, root)
    texts = [file.read_text(encoding="utf-8") for file in [source, *library]]
    files = {source, *library, *data_files(texts, root)}
    names = {file.relative_to(root).as_posix(): file for file in files}
    names["tools/notebook.py"] = Path(nb.__file__)
    total = hashlib.sha256()
    for name in sorted(names):
        total.update(f"{name} {hashlib.sha256(content(names[name])).hexdigest()}\n".encode())
    return total.hexdigest()


def stale(source, root=ROOT):
    """Why the notebook of a source isn't what a build would make.

    Parameters
    ----------
    source : pathlib.Path
    root : pathlib.Path

    Returns
    -------
    str
        The reason, or an empty string if the notebook is up to date.
    """
    path = notebook_path(source, root)
    if not path.exists():
        return "isn't built yet"
    try:
        stored = nbformat.read(path, as_version=4)
    except ValueError:
        return "isn't a notebook that can be read"
    fresh = nb.without_outputs(nb.for_learners(nb.read(source)))
    pairs = zip_longest(fresh, nb.without_outputs(stored))
    for index, (new, old) in enumerate(pairs):
        if new != old:
            return f"differs from its source from cell {index} on"
    if stored.metadata.get("course", {}).get("digest") != digest(source, root):
        return "was built from another source, data, course_utils or tools/notebook.py"
    return ""


def build(source, root=ROOT):
    """Run a source and store its notebook, whole or not at all.

    Parameters
    ----------
    source : pathlib.Path
    root : pathlib.Path

    Raises
    ------
    notebook.SourceError
        If a cell fails; the notebook that was there stays.
    """
    path = notebook_path(source, root)
    path.parent.mkdir(exist_ok=True)
    made_from = digest(source, root)
    made = nb.for_learners(nb.read(source))
    nb.run(made, path.parent)
    made.metadata["course"] = {"digest": made_from, "source": source.relative_to(root).as_posix()}
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(nb.dumps(made), encoding="utf-8", newline="\n")
    os.replace(unfinished, path)
    for name, image in pictures(made).items():
        (root / "docs").mkdir(exist_ok=True)
        (root / "docs" / name).write_bytes(image)


def pictures(notebook):
    """Figures that the README shows: those of cells with `picture: NAME.png` in their metadata.

    Parameters
    ----------
    notebook : NotebookNode
        A built notebook.

    Returns
    -------
    dict of str to bytes
        Name of the file in `docs/`, and the PNG.
    """
    return {
        cell.metadata["picture"]: base64.b64decode(output.data["image/png"])
        for cell in notebook.cells
        if "picture" in cell.metadata
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    }


def lint(source, root=ROOT):
    """What ruff finds in the code of a source, and what notebooks can't show in its text.

    Parameters
    ----------
    source : pathlib.Path
    root : pathlib.Path
        Where ruff finds its settings.

    Returns
    -------
    list of str
        One problem each, with its place.
    """
    cells = nb.read(source).cells
    return lint_text(source.name, cells) + lint_code(source, cells, root)


def lint_text(name, cells):
    """Markdown that JupyterLab, a code host or the site would garble."""
    problems = []
    for cell in cells:
        if cell.cell_type != "markdown":
            continue
        lines = re.sub(r"^```.*?^```$", blank_lines, cell.source, flags=re.M | re.S).split("\n")
        inside = False
        for number, line in enumerate(lines):
            place = f"{name}, line {cell.metadata.course_line + number}"
            before = lines[number - 1].strip() if number else ""
            after = lines[number + 1].strip() if number + 1 < len(lines) else ""
            opens = not inside and line.lstrip().startswith("$$")
            if line.count("$$") % 2:
                inside = not inside
            closes = not inside and line.rstrip().endswith("$$")
            if "$$" in line and not (opens or closes):
                problems.append(f"{place}: put $$ on a line of its own paragraph")
            if (opens and before) or (closes and after):
                problems.append(f"{place}: $$ needs a blank line before and after the formula")
        if nb.is_explanation(cell) and re.search(r"^#+ ", cell.source, re.MULTILINE):
            problems.append(
                f"{name}, line {cell.metadata.course_line}: a solution holds a heading, so what "
                "follows would be folded away with it; put +++ before the heading"
            )
        for match in re.finditer(r"^(```|:::)\{(\w[\w-]*)\}", cell.source, re.MULTILINE):
            line_number = cell.metadata.course_line + cell.source.count("\n", 0, match.start())
            problems.append(
                f"{name}, line {line_number}: plain JupyterLab doesn't render the "
                f"directive {{{match[2]}}}; write Markdown"
            )
    return problems


def blank_lines(match):
    """As many empty lines as a match has."""
    return "\n" * match[0].count("\n")


def lint_code(source, cells, root=ROOT):
    """Ruff's lint and format over the code cells, with the solutions in place."""
    solved = nbformat.v4.new_notebook(metadata=dict(nb.HEADER))
    lines = []
    for cell in cells:
        if cell.cell_type == "code":
            solved.cells.append(nbformat.v4.new_code_cell(nb.without_markers(cell.source)))
            lines.append(cell.metadata.course_line)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, f"{source.stem}.ipynb")
        nbformat.write(solved, file)
        ruff = [sys.executable, "-m", "ruff"]
        settings = ["--config", str(root / "pyproject.toml"), "--no-cache"]
        found = subprocess.run(
            [*ruff, "check", *settings, "--output-format", "json", str(file)],
            capture_output=True,
            text=True,
        )
        if found.returncode not in (0, 1):
            return [f"{source.name}: ruff says {found.stderr.strip()}"]
        problems = [
            f"{source.name}, cell that begins on line {lines[item['cell'] - 1]}, its line "
            f"{item['location']['row']}: {item['code']} {item['message']}"
            for item in json.loads(found.stdout)
        ]
        subprocess.run([*ruff, "format", *settings, "--quiet", str(file)], check=False)
        formatted = nbformat.read(file, as_version=4).cells
    for line, old, new in zip(lines, solved.cells, formatted, strict=True):
        if old.source != new.source:
            problems.append(
                f"{source.name}, cell that begins on line {line}: ruff format writes it so:\n"
                + "\n".join(f"    {text}" for text in new.source.split("\n"))
            )
    return problems


def chosen(names, root=ROOT):
    """The sources that the command line names, or all."""
    known = {source.stem: source for source in sources(root)}
    wanted = [Path(name).stem for name in names] or list(known)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        sys.exit(f"no source is called {unknown[0]}; there are: {', '.join(known)}")
    return [known[name] for name in wanted]


def check(wanted, root=ROOT):
    """Print what is stale and what lint finds; return the number of problems."""
    problems = []
    for source in wanted:
        problems += lint(source, root)
        reason = stale(source, root)
        if reason:
            problems.append(
                f"notebooks/{source.stem}.ipynb {reason}: python -m tools.build {source.stem}"
            )
    print("\n".join(problems) or f"{len(wanted)} notebooks are up to date")
    return len(problems)


def main(arguments=None, root=ROOT):
    """Build or check, as the command line says.

    Parameters
    ----------
    arguments : list of str, optional
        Default: those of the command line.
    root : pathlib.Path

    Returns
    -------
    int
        0 if all is well, 1 if a build failed or `--check` found something, 130 if stopped.
    """
    parser = argparse.ArgumentParser(
        prog="python -m tools.build", description="Make the notebooks from their sources."
    )
    parser.add_argument("names", nargs="*", help="such as 01_introduction; default: all")
    parser.add_argument("--force", action="store_true", help="build even if nothing changed")
    parser.add_argument("--check", action="store_true", help="run nothing, name what is stale")
    options = parser.parse_args(arguments)
    try:
        wanted = chosen(options.names, root)
        if options.check:
            return min(check(wanted, root), 1)
        return max([build_if_stale(source, root, options.force) for source in wanted], default=0)
    except KeyboardInterrupt:
        print("stopped; the notebook that wasn't finished is as it was", file=sys.stderr)
        return 130


def build_if_stale(source, root=ROOT, force=False):
    """Build a notebook that needs it, and say so; return 1 if that failed."""
    try:
        reason = "is forced" if force else stale(source, root)
        if not reason:
            print(f"{source.stem} is up to date")
            return 0
        print(f"{source.stem} {reason}: building ...", flush=True)
        began = time.perf_counter()
        build(source, root)
        print(f"{source.stem} built in {time.perf_counter() - began:.0f} s", flush=True)
        return 0
    except nb.SourceError as error:
        print(f"{source.relative_to(root).as_posix()}, {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
