"""Set up `.venv` for a command of course.py and run the command in it. Standard library only."""

import errno
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PROJECT = "autoencoder-course"
SPACE_NEEDED = 2_000_000_000  # bytes on disk, for the smallest build of PyTorch

WHAT_COMES = """\
Setting up the course in {venv}, once; this takes some minutes.
To download, less what is there already: {download}."""
UPDATE = "Bringing {venv} up to date: 40 MB to download, unless the pins have changed."
PLAIN = "about 0.35 GB (1.6 GB on disk)"
CUDA = """\
about 3 GB (6 GB on disk), most of it for NVIDIA cards; without one, press Ctrl-C
and see in README.md, under "Linux", how to get by with 0.35 GB"""


class SetupError(Exception):
    """What went wrong and what to do, in one sentence for the user."""


def run(command, extra, arguments):
    """Run `python -m tools.COMMAND` in an environment that has `extra`; return its exit code."""
    python = find_python(extra)
    process = subprocess.Popen(
        [str(python), "-P", "-m", f"tools.{command}", *arguments], env=variables(python)
    )
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # Ctrl-C reached the command too, and it is the one to end in an orderly way


def variables(python):
    """Return the environment variables with which `python` is the one that a terminal finds.

    PYTHONPATH serves Windows, where an accent in the folder's name may break an editable install.
    """
    first = {"PATH": str(python.parent), "PYTHONPATH": str(ROOT)}
    return os.environ | {
        name: os.pathsep.join(filter(None, [value, os.environ.get(name)]))
        for name, value in first.items()
    }


def find_python(extra):
    """Return the running Python if the course is installed in it, else the Python of `.venv`."""
    if Path(sys.prefix).resolve() == VENV.resolve() or not is_installed_here():
        return ensure_venv(extra)
    missing = missing_packages(extra)
    if missing:
        raise SetupError(
            f"The active environment lacks {', '.join(missing)}: in {ROOT} run "
            f"`python -m pip install -c constraints.txt -e '{target(extra)}'`."
        )
    return Path(sys.executable)


def is_installed_here():
    """Tell whether the running Python has this very checkout installed (`pip install -e .`)."""
    try:
        record = importlib.metadata.distribution(PROJECT).read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:
        return False
    url = json.loads(record or "{}").get("url", "")
    return url != "" and Path(url2pathname(urlparse(url).path)).resolve() == ROOT


def missing_packages(extra):
    """Return the names of required packages that the running Python doesn't have."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    required = project["dependencies"] + (project["optional-dependencies"][extra] if extra else [])
    names = [re.split(r"[^\w.-]", requirement)[0] for requirement in required]
    return [name for name in names if not is_there(name)]


def is_there(name):
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def ensure_venv(extra):
    """Make `.venv` or mend it, install what `extra` asks for, and return its Python."""
    try:
        if not venv_python().exists() or read_stamp(extra) != fingerprint():
            set_up(extra)
    except OSError as error:
        raise SetupError(explain(error)) from error
    return venv_python()


def set_up(extra):
    sound = is_sound()
    announcement = UPDATE if sound and stamp("").exists() else WHAT_COMES
    print(announcement.format(venv=VENV, download=download_size()), flush=True)
    if not sound:
        make_venv()
    install(extra)
    for name in {"", extra}:
        stamp(name).write_text(fingerprint(), encoding="utf-8")


def venv_python():
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def stamp(extra):
    return VENV / f"installed-{extra or 'base'}"


def read_stamp(extra):
    return stamp(extra).read_text(encoding="utf-8") if stamp(extra).exists() else None


def fingerprint():
    """Return what an installation depends on: the pins, the folder, and the Python behind .venv."""
    digest = hashlib.sha256()
    for name in ("constraints.txt", "pyproject.toml"):
        digest.update((ROOT / name).read_bytes())
    digest.update(f"{ROOT}\n{os.path.realpath(venv_python())}".encode())
    return digest.hexdigest()


def is_sound():
    """Tell whether `.venv` was made for this folder and its Python runs and has pip."""
    settings = VENV / "pyvenv.cfg"
    if not settings.exists() or str(VENV) not in settings.read_text(encoding="utf-8"):
        return False
    try:
        probe = subprocess.run([venv_python(), "-m", "pip", "--version"], capture_output=True)
    except OSError:
        return False
    return probe.returncode == 0


def make_venv():
    if not all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")):
        raise SetupError(
            "This Python lacks the modules venv and ensurepip: on Debian or Ubuntu run "
            "`sudo apt install python3-venv`, then call course.py again."
        )
    VENV.mkdir(exist_ok=True)
    if shutil.disk_usage(ROOT).free < SPACE_NEEDED:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", VENV], capture_output=True, text=True
    )
    if made.returncode != 0:
        raise SetupError(explain_output(made.stdout + made.stderr, "making .venv"))


def install(extra):
    pip("pip")  # the one that was tested, whatever came with Python
    pip("torch", "hatchling", "editables")
    pip("--no-build-isolation", "-e", target(extra))
    spell_path_in_ascii()


def target(extra):
    return f".[{extra}]" if extra else "."


def pip(*arguments):
    log = VENV / "pip.log"
    log.unlink(missing_ok=True)
    command = [venv_python(), "-m", "pip", "install", "--log", log, "-c", "constraints.txt"]
    done = subprocess.run([*command, *arguments], cwd=ROOT)
    if done.returncode != 0:
        output = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        raise SetupError(explain_output(output, "installing the packages"))


def spell_path_in_ascii():
    """Let the editable install name its folder in ASCII.

    Python 3.11 and 3.12 read a .pth file in the encoding of the locale and stumble on an accent.
    """
    for folder in ("lib/python*/site-packages", "Lib/site-packages"):
        for path in VENV.glob(f"{folder}/*autoencoder_course.pth"):
            path.write_text(f"import sys; sys.path.append({str(ROOT)!a})\n", encoding="ascii")


def download_size():
    indexes = os.environ.get("PIP_INDEX_URL", "") + os.environ.get("PIP_EXTRA_INDEX_URL", "")
    x86 = platform.machine() in ("x86_64", "AMD64")
    return CUDA if sys.platform == "linux" and x86 and "cpu" not in indexes else PLAIN


def explain(error):
    """Turn an error of the operating system into one sentence."""
    if error.errno == errno.ENOSPC:
        return (
            f"There is not enough space on the disk: {VENV} takes 1.6 GB (6 GB with CUDA); "
            "make room and call course.py again."
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return (
            f"{ROOT} can't be written to: copy the course into a folder of your own, or have its "
            "owner run `python3 course.py lab --copy-only` there once."
        )
    return f"The set-up of {VENV} failed: {error}."


def explain_output(output, doing):
    """Turn the output of a failed command into one sentence."""
    if re.search(r"No space left|Errno 28|not enough space", output, re.I):
        return explain(OSError(errno.ENOSPC, ""))
    if re.search(r"connection (broken|failed|error)|NewConnection|timed out", output, re.I):
        return (
            "The packages could not be downloaded: check the network (or the proxy), then call "
            "course.py again; what has arrived is kept."
        )
    if re.search(r"no matching distribution|ResolutionImpossible", output, re.I):
        version = ".".join(map(str, sys.version_info[:2]))
        return (
            f"A package, named above, has no build for this computer and Python {version}: delete "
            ".venv and call course.py with Python 3.11, with which the course is tested."
        )
    lines = re.findall(r"ERROR: (.*)", output) or output.split("\n")
    reason = next((line for line in reversed(lines) if line.strip()), "no reason given")
    return f"{doing.capitalize()} failed ({reason}): call course.py again, or delete {VENV} first."
