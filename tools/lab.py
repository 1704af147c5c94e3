"""`course.py lab`: bring the learner's working copy up to date and open JupyterLab on it."""

import argparse
import os
import sys
from pathlib import Path
from urllib.parse import quote

from tools.working_copy import UnknownLessonError, reset, update

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
START = "00_start_here.ipynb"


def main(arguments=None):
    options = parse(arguments)
    folder = Path(options.folder).expanduser().absolute() if options.folder else own_folder()
    opened = START
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for lesson in options.reset:
            opened, note = reset(NOTEBOOKS, folder, lesson)
            print(note)
        for note in update(NOTEBOOKS, folder):
            print(note)
    except UnknownLessonError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(
            f"The working copy {folder} could not be brought up to date ({error}); nothing in it "
            "is lost: make room or get write permission there, or name another with --folder."
        )
    print(f"Your working copy: {folder}", flush=True)
    if not options.copy_only:
        serve(folder, opened, options.port, options.no_browser)


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="course.py lab",
        description="Open JupyterLab on your working copy of the lessons. An update of the course "
        "replaces only what you didn't change; Ctrl-C ends JupyterLab.",
    )
    parser.add_argument(
        "--folder", help="the working copy (default: my_course here, else in your home folder)"
    )
    parser.add_argument(
        "--reset",
        metavar="LESSON",
        action="append",
        default=[],
        help="set a lesson back, such as 01_introduction; yours is kept beside it",
    )
    parser.add_argument(
        "--copy-only", action="store_true", help="update the copy and don't start JupyterLab"
    )
    parser.add_argument("--no-browser", action="store_true", help="don't open a browser")
    parser.add_argument("--port", type=int, help="the server's port (default: 8888 or the next)")
    return parser.parse_args(arguments)


def own_folder():
    """Return the default working copy: in the home folder where the course is shared read-only."""
    return (ROOT if os.access(ROOT, os.W_OK) else Path.home()) / "my_course"


def serve(folder, opened, port, no_browser):
    """Run JupyterLab until Ctrl-C, on this computer only and without asking for news or updates."""
    from jupyterlab.labapp import LabApp

    LabApp.launch_instance(argv=server_arguments(folder, opened, port, no_browser))


def server_arguments(folder, opened, port, no_browser):
    arguments = [
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.answer_yes=True",
        f"--ServerApp.root_dir={folder}",
        f"--ServerApp.open_browser={not no_browser}",
        f"--LabApp.default_url=/lab/tree/{quote(opened)}",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
    ]
    if port:
        arguments.append(f"--ServerApp.port={port}")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--ServerApp.allow_root=True")
    return arguments


if __name__ == "__main__":
    main()
