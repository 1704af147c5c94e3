"""A learner's working copy of notebooks/: brought up to date without touching what is theirs.

`.delivered.json` in the working copy records, for each file, the version that was put there last.
"""

import hashlib
import itertools
import json
import os
from pathlib import Path

RECORD = ".delivered.json"


class UnknownLessonError(Exception):
    """There is no lesson of that name; the message lists the names."""


def update(source, folder):
    """Copy new and newer files from `source` to `folder`.

    A file is replaced only where the learner left its cells as they were delivered; where they
    ran it, the old file is kept beside. Whatever else is in `folder` stays.

    Parameters
    ----------
    source, folder : pathlib.Path
        The notebooks as they were built, and the working copy, which is made if it is missing.

    Returns
    -------
    list of str
        One line for each file that was left alone or kept beside.
    """
    notes = []
    for name in lessons(source):
        new = (source / name).read_bytes()
        note = refresh(folder, name, new)
        if note:
            notes.append(f"{name}: {note}")
    return notes


def refresh(folder, name, new):
    """Bring one file up to date; return what the learner should know about it, if anything."""
    target = folder / name
    delivered = read_record(folder).get(name, {})
    if not target.exists():
        deliver(folder, name, new)
        return None
    old = target.read_bytes()
    if digest(old) == delivered.get("file"):
        if old != new:
            deliver(folder, name, new)
        return None
    cells, new_cells = digest_cells(name, old), digest_cells(name, new)
    if cells == new_cells:
        write_record(folder, name, new)
        return None
    if cells == delivered.get("cells"):
        kept = deliver(folder, name, new, keep=True)
        return f"a newer version is here; the old one, which you ran, is kept as {kept.name}"
    if new_cells != delivered.get("cells"):
        lesson = name.removesuffix(".ipynb")
        return (
            "you changed it, so it was left as it is; "
            f"`course.py lab --reset {lesson}` gets the newer version and keeps yours beside it"
        )
    return None


def reset(source, folder, lesson):
    """Set one file back to the version in `source`, and keep the learner's version beside it.

    Returns
    -------
    name : str
        The file, relative to `folder`.
    note : str
        What was done.

    Raises
    ------
    UnknownLessonError
        If there is no such lesson.
    """
    name = find_lesson(source, lesson)
    new = (source / name).read_bytes()
    target = folder / name
    if target.exists() and target.read_bytes() != new:
        kept = deliver(folder, name, new, keep=True)
        return name, f"{name}: set back; your version is kept as {kept.name}"
    deliver(folder, name, new)
    return name, f"{name}: as it was delivered"


def lessons(source):
    """Return the names of all files in `source`, as relative paths with forward slashes."""
    paths = (path.relative_to(source) for path in source.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in paths if not is_hidden(path))


def is_hidden(path):
    return any(part.startswith((".", "__pycache__")) for part in path.parts)


def find_lesson(source, lesson):
    names = lessons(source)
    for name in names:
        if lesson in (name, name.removesuffix(".ipynb"), Path(name).stem, Path(name).name):
            return name
    known = ", ".join(name.removesuffix(".ipynb") for name in names)
    raise UnknownLessonError(f"There is no lesson {lesson!r}; the lessons are: {known}.")


def deliver(folder, name, content, keep=False):
    """Write a file in one step and record it; return where the old one is kept, if it is."""
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    kept = None
    try:
        part.write_bytes(content)
        if keep:
            kept = free_name(target)
            target.rename(kept)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    write_record(folder, name, content)
    return kept


def free_name(target):
    names = (target.with_stem(f"{target.stem}.kept-{n}") for n in itertools.count(1))
    return next(path for path in names if not path.exists())


def read_record(folder):
    """Return the record of what was delivered; without one, each file counts as the learner's."""
    try:
        record = json.loads((folder / RECORD).read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def write_record(folder, name, content):
    record = read_record(folder)
    record[name] = {"file": digest(content), "cells": digest_cells(name, content)}
    part = folder / f"{RECORD}.part"
    part.write_text(json.dumps(record, indent=1, sort_keys=True), encoding="utf-8")
    os.replace(part, folder / RECORD)


def digest(content):
    return hashlib.sha256(content).hexdigest()


def digest_cells(name, content):
    """Return a digest of what a learner types: not of outputs, metadata and empty cells.

    A file that can't be read as a notebook has the digest of its bytes.
    """
    if not name.endswith(".ipynb"):
        return digest(content)
    try:
        cells = [
            (cell["cell_type"], "".join(cell["source"]), cell.get("attachments", {}))
            for cell in json.loads(content)["cells"]
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        return digest(content)
    typed = [cell for cell in cells if cell[1].strip()]
    return digest(json.dumps(typed, sort_keys=True).encode())
