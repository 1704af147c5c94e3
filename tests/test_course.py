"""course.py itself: what it says before anything is set up."""

import ast
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
COURSE = ROOT / "course.py"


def call(*arguments, python=(sys.executable,)):
    return subprocess.run(
        [*python, COURSE, *arguments], capture_output=True, text=True, encoding="utf-8"
    )


def test_alone_it_lists_its_commands_and_each_exists():
    done = call()
    commands = runpy.run_path(str(COURSE))["COMMANDS"]
    assert done.returncode == 0
    for command, (_, what) in commands.items():
        assert f"  {command}" in done.stdout
        assert what in done.stdout
        assert (ROOT / "tools" / f"{command}.py").exists()


def test_an_unknown_command_is_named():
    done = call("labb")
    assert done.returncode == 1
    assert done.stderr.startswith("There is no command 'labb'.")


def test_an_old_python_gets_one_sentence():
    as_python_3_8 = (
        "import runpy, sys; sys.version_info = (3, 8, 10); sys.argv = ['course.py', 'lab'];"
        f"runpy.run_path({str(COURSE)!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", as_python_3_8], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "needs Python 3.11 or newer, and this is Python 3.8:" in done.stderr


def test_an_old_python_can_parse_it():
    ast.parse(COURSE.read_text(encoding="utf-8"), feature_version=(3, 6))


@pytest.mark.parametrize("file", ["course.py", "tools/setup.py"])
def test_a_bare_python_has_all_that_is_imported(file):
    imported = set()
    for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module.split(".")[0])
    assert imported - {"tools"} <= sys.stdlib_module_names


def test_ctrl_c_gets_one_sentence(monkeypatch):
    from tools import setup

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(setup, "run", interrupted)
    main = runpy.run_path(str(COURSE))["main"]
    assert main(["lab"]) == "\nStopped. Call the same command again: it goes on from here."
