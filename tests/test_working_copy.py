"""tools.working_copy: an update never loses what a learner did."""

import json
import os

import pytest

from tools import working_copy
from tools.working_copy import UnknownLessonError, reset, update


def notebook(*sources, outputs=()):
    cells = [
        {"cell_type": "code", "source": source, "outputs": list(outputs), "metadata": {}}
        for source in sources
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def ran(text, output="my own result"):
    """The same cells after a run in JupyterLab, which stores sources as lists of lines."""
    content = json.loads(text)
    for cell in content["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True)
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": output}]
        cell["execution_count"] = 5
        cell["metadata"] = {"trusted": True}
    return json.dumps(content, indent=1)


OLD, NEW = notebook("x = 1\nx"), notebook("x = 2\nx")
NAME = "01_introduction.ipynb"
KEPT = "01_introduction.kept-1.ipynb"


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "notebooks"
    (folder / "homework").mkdir(parents=True)
    (folder / NAME).write_text(OLD)
    (folder / "homework/hw1_pca.ipynb").write_text(OLD)
    return folder


@pytest.fixture
def mine(source, tmp_path):
    folder = tmp_path / "my_course"
    assert update(source, folder) == []
    return folder


def contents(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in files
        if path.name != working_copy.RECORD
    }


def test_the_first_copy_has_all_and_nothing_hidden(source, tmp_path):
    (source / ".ipynb_checkpoints").mkdir()
    (source / ".ipynb_checkpoints/x.ipynb").write_text(OLD)
    update(source, tmp_path / "my_course")
    assert contents(tmp_path / "my_course") == {NAME: OLD, "homework/hw1_pca.ipynb": OLD}


def test_an_untouched_file_is_replaced_in_silence(source, mine):
    (source / NAME).write_text(NEW)
    assert update(source, mine) == []
    assert contents(mine) == {NAME: NEW, "homework/hw1_pca.ipynb": OLD}


def test_an_untouched_file_gets_new_outputs_too(source, mine):
    (source / NAME).write_text(ran(OLD, "better figure"))
    assert update(source, mine) == []
    assert (mine / NAME).read_text() == ran(OLD, "better figure")


def test_a_file_that_was_run_is_replaced_and_kept(source, mine):
    (mine / NAME).write_text(ran(OLD))
    (source / NAME).write_text(NEW)
    (note,) = update(source, mine)
    assert note.startswith(f"{NAME}: a newer version is here")
    assert note.endswith(f"kept as {KEPT}")
    assert (mine / NAME).read_text() == NEW
    assert (mine / KEPT).read_text() == ran(OLD)
    assert update(source, mine) == []


def test_an_empty_cell_at_the_end_counts_as_run_only(source, mine):
    run = json.loads(ran(OLD))
    run["cells"].append({"cell_type": "code", "source": [], "outputs": [], "metadata": {}})
    (mine / NAME).write_text(json.dumps(run))
    (source / NAME).write_text(NEW)
    update(source, mine)
    assert (mine / NAME).read_text() == NEW
    assert (mine / KEPT).read_text() == json.dumps(run)


def test_a_file_that_was_run_stays_while_there_is_nothing_newer(source, mine):
    (mine / NAME).write_text(ran(OLD))
    assert update(source, mine) == []
    assert (mine / NAME).read_text() == ran(OLD)


def test_a_file_that_was_run_stays_when_only_outputs_are_newer(source, mine):
    (mine / NAME).write_text(ran(OLD))
    (source / NAME).write_text(ran(OLD, "better figure"))
    assert update(source, mine) == []
    assert (mine / NAME).read_text() == ran(OLD)


@pytest.mark.parametrize(
    "edited",
    [
        notebook("x = 1\nx + 1"),
        notebook("x = 1\nx", "my own cell"),
        notebook(),
        OLD.replace('"code"', '"markdown"'),
        OLD[: len(OLD) // 2],
        "[]",
        '{"cells": [3]}',
    ],
)
def test_a_changed_file_is_left_and_named_at_each_update(source, mine, edited):
    (mine / NAME).write_text(edited)
    assert update(source, mine) == []
    (source / NAME).write_text(NEW)
    for _ in range(2):
        (note,) = update(source, mine)
        assert note.startswith(f"{NAME}: you changed it, so it was left as it is")
        assert "`course.py lab --reset 01_introduction`" in note
        assert contents(mine) == {NAME: edited, "homework/hw1_pca.ipynb": OLD}


def test_bytes_that_are_no_text_count_as_they_are():
    broken = b"\xff" + OLD.encode()
    assert working_copy.digest_cells(NAME, broken) == working_copy.digest(broken)


def test_an_attached_picture_is_a_change(source, mine):
    cell = {"cell_type": "markdown", "source": "look", "metadata": {}}
    (source / NAME).write_text(json.dumps({"cells": [cell]}))
    update(source, mine)
    (mine / NAME).write_text(json.dumps({"cells": [cell | {"attachments": {"a.png": {}}}]}))
    (source / NAME).write_text(NEW)
    (note,) = update(source, mine)
    assert "you changed it" in note


def test_what_the_learner_added_and_what_the_course_removed_stays(source, mine):
    (mine / "notes.txt").write_text("mine")
    (mine / "homework/own.ipynb").write_text("mine")
    before = contents(mine)
    (source / "homework/hw1_pca.ipynb").unlink()
    assert update(source, mine) == []
    assert contents(mine) == before


def test_a_file_of_the_learner_with_the_name_of_a_new_lesson_is_left(source, mine):
    (mine / "02_new.ipynb").write_text("my own")
    (source / "02_new.ipynb").write_text(NEW)
    (note,) = update(source, mine)
    assert note.startswith("02_new.ipynb: you changed it")
    assert (mine / "02_new.ipynb").read_text() == "my own"


@pytest.mark.parametrize("record", [None, "", "[]", "{broken"])
def test_without_a_record_each_difference_is_the_learners(source, mine, record):
    if record is None:
        (mine / working_copy.RECORD).unlink()
    else:
        (mine / working_copy.RECORD).write_text(record)
    (source / NAME).write_text(NEW)
    (note,) = update(source, mine)
    assert note.startswith(f"{NAME}: you changed it")
    assert (mine / NAME).read_text() == OLD


def test_a_deleted_file_comes_back(source, mine):
    (mine / NAME).unlink()
    assert update(source, mine) == []
    assert (mine / NAME).read_text() == OLD


def test_reset_keeps_each_version(source, mine):
    for number in (1, 2):
        (mine / NAME).write_text(f"attempt {number}")
        name, note = reset(source, mine, "01_introduction")
        assert name == NAME
        assert (
            note == f"{NAME}: set back; your version is kept as 01_introduction.kept-{number}.ipynb"
        )
        assert (mine / NAME).read_text() == OLD
        assert (mine / f"01_introduction.kept-{number}.ipynb").read_text() == f"attempt {number}"


@pytest.mark.parametrize("lesson", ["hw1_pca", "homework/hw1_pca", "homework/hw1_pca.ipynb"])
def test_reset_finds_homework_and_says_when_there_is_nothing_to_do(source, mine, lesson):
    name, note = reset(source, mine, lesson)
    assert (name, note) == ("homework/hw1_pca.ipynb", "homework/hw1_pca.ipynb: as it was delivered")
    assert len(contents(mine)) == 2


def test_reset_after_an_update_was_refused(source, mine):
    (mine / NAME).write_text("mine")
    (source / NAME).write_text(NEW)
    reset(source, mine, "01_introduction")
    assert (mine / NAME).read_text() == NEW
    assert (mine / KEPT).read_text() == "mine"
    assert update(source, mine) == []


def test_reset_names_the_lessons_if_there_is_none_of_that_name(source, mine):
    with pytest.raises(UnknownLessonError, match=r"'01'; the lessons are: 01_introduction, home"):
        reset(source, mine, "01")


def test_an_update_may_break_off_at_any_moment(source, mine, monkeypatch):
    """Break off before the 1st, 2nd, ... change on disk; then let the next update finish."""
    before = ran(OLD)
    functions = {"replace": os.replace, "rename": os.rename}
    for moment in range(1, 20):
        for path in mine.rglob("*.ipynb"):
            path.unlink()
        (mine / working_copy.RECORD).unlink()
        (source / NAME).write_text(OLD)
        update(source, mine)
        (mine / NAME).write_text(before)
        (source / NAME).write_text(NEW)
        countdown = [moment]

        def breaking(name, countdown=countdown):
            def call(*arguments, **options):
                countdown[0] -= 1
                if countdown[0] == 0:
                    raise KeyboardInterrupt
                return functions[name](*arguments, **options)

            return call

        with monkeypatch.context() as patch:
            for name in functions:
                patch.setattr(os, name, breaking(name))
            try:
                update(source, mine)
            except KeyboardInterrupt:
                broke_off = True
            else:
                broke_off = False
        update(source, mine)
        found = contents(mine)
        assert found[NAME] == NEW
        assert before in found.values()
        assert not [name for name in found if name.endswith(".part")]
        if not broke_off:
            break
    assert moment == 4  # old file aside, new file in place, record: three changes were broken off


def test_a_full_disk_leaves_the_old_file(source, mine, monkeypatch):
    (source / NAME).write_text(NEW)

    def full(self, content):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(working_copy.Path, "write_bytes", full)
        with pytest.raises(OSError, match="No space left"):
            update(source, mine)
    assert contents(mine) == {NAME: OLD, "homework/hw1_pca.ipynb": OLD}
