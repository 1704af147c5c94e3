"""tools.lab: the working copy's place, and a JupyterLab that talks to this computer only."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from tools import lab

NOTEBOOK = {
    "cells": [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": "first",
            "metadata": {},
            "outputs": [],
            "source": "1 + 1",
        }
    ],
    "metadata": {},
    "nbformat": 4,
    "nbformat_minor": 5,
}


@pytest.fixture
def notebooks(tmp_path, monkeypatch):
    folder = tmp_path / "notebooks"
    folder.mkdir()
    for name in ("00_start_here.ipynb", "01_introduction.ipynb"):
        (folder / name).write_text(json.dumps(NOTEBOOK))
    monkeypatch.setattr(lab, "NOTEBOOKS", folder)
    monkeypatch.setattr(lab, "ROOT", tmp_path)
    return folder


@pytest.fixture
def served(monkeypatch):
    calls = []
    monkeypatch.setattr(lab, "serve", lambda *arguments: calls.append(arguments))
    return calls


def test_the_working_copy_lies_in_the_course(notebooks, served, tmp_path):
    lab.main([])
    assert (tmp_path / "my_course/00_start_here.ipynb").exists()
    assert served == [(tmp_path / "my_course", "00_start_here.ipynb", None, False)]


def test_from_a_shared_folder_it_lies_in_the_home_folder(
    notebooks, served, tmp_path, monkeypatch, capsys
):
    home = tmp_path / "home"
    monkeypatch.setattr(lab.os, "access", lambda path, mode: path != tmp_path)
    monkeypatch.setattr(lab.Path, "home", lambda: home)
    lab.main(["--copy-only"])
    assert (home / "my_course/00_start_here.ipynb").exists()
    assert not (tmp_path / "my_course").exists()
    assert capsys.readouterr().out == f"Your working copy: {home / 'my_course'}\n"
    assert served == []


def test_a_folder_of_ones_own_is_relative_to_where_one_is(notebooks, served, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    lab.main(["--folder", "cours d'été", "--port", "9000", "--no-browser"])
    folder = tmp_path / "here/cours d'été"
    assert served == [(folder, "00_start_here.ipynb", 9000, True)]
    assert (folder / "00_start_here.ipynb").exists()


def test_reset_opens_what_was_set_back(notebooks, served, tmp_path, capsys):
    lab.main(["--copy-only"])
    mine = tmp_path / "my_course/01_introduction.ipynb"
    mine.write_text("mine")
    lab.main(["--reset", "01_introduction"])
    assert "01_introduction.ipynb: set back; your version is kept as" in capsys.readouterr().out
    assert mine.with_stem("01_introduction.kept-1").read_text() == "mine"
    assert served == [(tmp_path / "my_course", "01_introduction.ipynb", None, False)]


def test_an_unknown_lesson_changes_nothing(notebooks, served, tmp_path):
    with pytest.raises(SystemExit, match="There is no lesson '99'; the lessons are: 00_start"):
        lab.main(["--reset", "99"])
    assert served == []


def test_a_copy_that_cannot_be_written_gets_one_sentence(notebooks, served, tmp_path):
    (tmp_path / "a_file").write_text("")
    with pytest.raises(SystemExit, match=r"could not be brought up to date .* --folder"):
        lab.main(["--folder", str(tmp_path / "a_file")])
    assert served == []


@pytest.fixture
def server(notebooks, tmp_path):
    """Run `course.py lab` as a user would, with settings of its own; give process and address."""
    folder = tmp_path / "Kurs für Élodie"
    own = {
        f"JUPYTER_{name}_DIR": str(tmp_path / name.lower())
        for name in ("CONFIG", "DATA", "RUNTIME")
    }
    start = (
        "import pathlib; from tools import lab; "
        f"lab.NOTEBOOKS = pathlib.Path({str(notebooks)!r}); "
        f"lab.main(['--folder', {str(folder)!r}, '--no-browser', '--port', '18888'])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", start],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        cwd=Path(__file__).resolve().parent.parent,
        env=os.environ | own | {"PYTHONIOENCODING": "utf-8"},
    )
    for line in process.stdout:
        found = re.search(r"(http://127\.0\.0\.1:\d+)(/lab\S*)\?token=(\w+)", line)
        if found:
            break
    else:
        pytest.fail(f"JupyterLab ended with {process.wait()} and named no address")
    yield process, *found.groups()
    process.kill()
    process.communicate()


def get(address, token):
    request = urllib.request.Request(address, headers={"Authorization": f"token {token}"})
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.read().decode()
        except urllib.error.URLError:
            assert time.monotonic() < deadline, f"{address} doesn't answer"
            time.sleep(0.05)


@pytest.mark.slow
def test_jupyterlab_serves_the_first_lesson_to_this_computer_only(server):
    process, address, page, token = server
    assert page == "/lab/tree/00_start_here.ipynb"

    lesson = json.loads(get(f"{address}/api/contents/00_start_here.ipynb", token))
    assert lesson["content"]["cells"][0]["source"] == "1 + 1"

    settings = get(f"{address}{page}", token)
    assert '"news": {"disabled": true}' in settings
    assert '"can_install": false' in settings

    connections = psutil.Process(process.pid).net_connections("inet")
    addresses = {end.ip for c in connections for end in (c.laddr, c.raddr) if end}
    assert addresses == {"127.0.0.1"}

    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in said
