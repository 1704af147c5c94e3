"""tools.setup: .venv, and the files that say the same things elsewhere."""

import errno
import importlib.metadata
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tools import setup

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A folder with the pins and nothing else, where tools.setup works."""
    for name in ("constraints.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    monkeypatch.setattr(setup, "VENV", tmp_path / ".venv")
    return tmp_path


# What goes wrong, one sentence each


def test_python_without_venv_names_the_debian_package(course, monkeypatch):
    monkeypatch.setattr(setup.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(setup.SetupError, match=r"sudo apt install python3-venv"):
        setup.ensure_venv("")
    assert not setup.VENV.exists()


def test_too_little_disk_is_said_before_anything_is_downloaded(course, monkeypatch):
    full = shutil.disk_usage(course)._replace(free=1_000_000)
    monkeypatch.setattr(setup.shutil, "disk_usage", lambda path: full)
    monkeypatch.setattr(setup, "pip", lambda *arguments: pytest.fail("pip was called"))
    with pytest.raises(setup.SetupError, match="not enough space on the disk"):
        setup.ensure_venv("")


def test_a_disk_that_fills_up_is_recognised():
    output = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left"
    assert "not enough space on the disk" in setup.explain_output(output, "installing")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_read_only_checkout(course, monkeypatch, number):
    def refuse(self, **options):
        raise OSError(number, os.strerror(number), str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(setup.SetupError, match="can't be written to: copy the course"):
        setup.ensure_venv("")


@pytest.fixture
def pip_alone(course, monkeypatch):
    """Let tools.setup call the pip of the running Python, without anybody's settings."""
    setup.VENV.mkdir()
    monkeypatch.setattr(setup, "venv_python", lambda: Path(sys.executable))
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)


def test_no_network(pip_alone, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(setup.SetupError, match="could not be downloaded: check the network"):
        setup.pip("a-package-that-is-nowhere")


@pytest.mark.parametrize("pin", ["", "a-package-that-is-nowhere==1.0\n"])
def test_no_build_for_this_python(pip_alone, course, monkeypatch, pin):
    (course / "constraints.txt").write_text(pin)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(setup.SetupError, match="no build for this computer and Python"):
        setup.pip("a-package-that-is-nowhere")


@pytest.mark.parametrize("output", ["one\ntwo\n", "one\nT12:00 ERROR: two\nthree\n"])
def test_any_other_failure_is_told_by_its_last_line_or_error(output):
    said = setup.explain_output(output, "making .venv")
    assert said.startswith("Making .venv failed (two): call course.py again")


@pytest.mark.parametrize(
    ("system", "machine", "index", "size"),
    [
        ("linux", "x86_64", "", "3 GB"),
        ("linux", "x86_64", "https://download.pytorch.org/whl/cpu", "0.35 GB"),
        ("darwin", "arm64", "", "0.35 GB"),
        ("win32", "AMD64", "", "0.35 GB"),
    ],
)
def test_the_size_of_the_download(monkeypatch, system, machine, index, size):
    monkeypatch.setattr(setup.sys, "platform", system)
    monkeypatch.setattr(setup.platform, "machine", lambda: machine)
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", index)
    assert setup.download_size().startswith(f"about {size}")


# An environment of one's own


@pytest.fixture
def own_environment(course, monkeypatch):
    """Let the running Python look as if `pip install -e .` had been called in it for `course`."""
    monkeypatch.setattr(setup.sys, "prefix", str(course / "elsewhere"))
    record = course / "site" / "autoencoder_course-0.1.0.dist-info"
    record.mkdir(parents=True)
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: autoencoder-course\n")
    (record / "direct_url.json").write_text(json.dumps({"url": course.as_uri()}))
    monkeypatch.syspath_prepend(course / "site")
    return record


def test_a_python_that_has_the_course_is_used_as_it_is(own_environment):
    assert setup.find_python("dev") == Path(sys.executable)
    assert not setup.VENV.exists()


def test_a_python_that_has_another_checkout_is_not(own_environment, monkeypatch):
    (own_environment / "direct_url.json").write_text('{"url": "file:///another/checkout"}')
    monkeypatch.setattr(setup, "ensure_venv", lambda extra: f".venv with {extra}")
    assert setup.find_python("dev") == ".venv with dev"


def test_what_ones_own_environment_lacks_is_named(own_environment, monkeypatch):
    monkeypatch.setattr(setup, "is_there", lambda name: name not in ("torch", "pytest"))
    with pytest.raises(setup.SetupError, match=r"lacks torch, pytest: .* -e '\.\[dev\]'`"):
        setup.find_python("dev")
    with pytest.raises(setup.SetupError, match=r"lacks torch: .* -e '\.'`"):
        setup.find_python("")


def test_a_terminal_of_jupyterlab_finds_the_same_python_and_the_course(course, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    found = setup.variables(course / ".venv/bin/python")
    assert found["PATH"] == f"{course / '.venv/bin'}{os.pathsep}/usr/bin"
    assert found["PYTHONPATH"] == str(course)


# From nothing to a running command, with stand-ins for the packages


BACKEND = """\
import pathlib, zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    info = "autoencoder_course-0.1.0.dist-info"
    files = {
        "_editable_autoencoder_course.pth": str(pathlib.Path.cwd()),
        f"{info}/METADATA": "Metadata-Version: 2.1\\nName: autoencoder-course\\nVersion: 0.1.0\\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }
    name = "autoencoder_course-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder, name), "w") as wheel:
        for path, text in {**files, f"{info}/RECORD": ""}.items():
            wheel.writestr(path, text)
    return name
"""

LAB = """\
import sys, time

try:
    print("lab runs", sys.argv[1:], flush=True)
    time.sleep(60 if "--wait" in sys.argv else 0)
except KeyboardInterrupt:
    print("lab ends in order")
    sys.exit(7)
"""


def write_wheel(folder, name, files):
    info = f"{name}-1.0.dist-info"
    metadata = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        for path, text in (files | metadata).items():
            wheel.writestr(path, text)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A course with a stand-in for each package, in a folder with spaces and accents."""
    root = tmp_path_factory.mktemp("course") / "Kurs für Élodie"
    (root / "tools").mkdir(parents=True)
    for name in ("course.py", "tools/__init__.py", "tools/setup.py"):
        shutil.copy(ROOT / name, root / name)
    (root / "tools/lab.py").write_text(LAB)
    (root / "constraints.txt").write_text("torch==1.0\n")
    (root / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "autoencoder-course"\nversion = "0.1.0"\n'
    )
    wheels = root.parent / "wheels"
    wheels.mkdir()
    write_wheel(wheels, "torch", {"torch.py": ""})
    write_wheel(wheels, "editables", {"editables.py": ""})
    write_wheel(wheels, "hatchling", {"hatchling/__init__.py": "", "hatchling/build.py": BACKEND})
    return root


def start(root, *arguments, **variables):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    return subprocess.Popen(
        [sys.executable, root / "course.py", "lab", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        cwd=root.parent,
        env=clean
        | {
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": (root.parent / "wheels").as_uri(),
            "PYTHONIOENCODING": "utf-8",
        }
        | variables,
        start_new_session=True,
    )


def output(process):
    text, _ = process.communicate(timeout=120)
    return text


def interrupt(process):
    os.killpg(process.pid, signal.SIGINT)


def wait_for(path):
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} never appeared"
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="sends a process group its Ctrl-C")
def test_from_nothing_to_a_running_command(tiny):
    venv = tiny / ".venv"

    stopped = start(tiny)
    wait_for(venv / "pyvenv.cfg")
    interrupt(stopped)
    said = output(stopped)
    assert "Stopped. Call the same command again" in said
    assert "Traceback" not in said
    assert stopped.returncode == 1

    first = output(start(tiny, "one", "two"))
    assert f"Setting up the course in {venv}, once" in first
    assert "To download, less what is there already: about" in first
    assert first.endswith("lab runs ['one', 'two']\n")

    again = output(start(tiny, PIP_FIND_LINKS=""))
    assert again == "lab runs []\n"

    elsewhere = subprocess.run(
        [venv / "bin/python", "-P", "-c", "import tools, torch; print(tools.__path__[0])"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=tiny.parent,
        env={"PYTHONIOENCODING": "utf-8", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"},
    )
    assert elsewhere.stdout == f"{tiny / 'tools'}\n"

    running = start(tiny, "--wait")
    assert running.stdout.readline() == "lab runs ['--wait']\n"
    interrupt(running)
    assert output(running) == "lab ends in order\n"
    assert running.returncode == 7


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="breaks the environment in the ways of POSIX")
def test_what_is_half_made_or_outdated_is_mended(tiny):
    venv = tiny / ".venv"
    output(start(tiny))

    (venv / "installed-base").unlink()
    shutil.rmtree(next(venv.glob("lib/python*/site-packages/torch-1.0.dist-info")))
    packages_only = output(start(tiny))
    assert "less what is there already" in packages_only
    assert "Successfully installed torch-1.0" in packages_only
    assert "Successfully installed hatchling" not in packages_only

    (venv / "bin/python").unlink()
    (venv / "bin/python").symlink_to("/no/such/python")
    assert "Setting up" in output(start(tiny))

    (tiny / "constraints.txt").write_text("torch==1.0\nhatchling==1.0\n")
    renewed = output(start(tiny))
    assert "Successfully installed autoencoder-course" in renewed
    assert f"Bringing {venv} up to date" in renewed

    moved = tiny.rename(tiny.with_name("moved"))
    assert f"Setting up the course in {moved / '.venv'}" in output(start(moved))
    moved.rename(tiny)


# The same things said in other files


def test_constraints_pin_each_requirement_once_to_a_version_that_it_allows():
    pins = read_pins()
    versions = {canonical(pin.name): str(pin.specifier).removeprefix("==") for pin in pins}
    assert len(versions) == len(pins)
    extras = PROJECT["optional-dependencies"].values()
    for line in PROJECT["dependencies"] + [line for extra in extras for line in extra]:
        required = Requirement(line)
        assert required.specifier.contains(versions[canonical(required.name)]), line


def test_the_pins_work_from_the_first_release_of_python_3_11_on():
    assert SpecifierSet(PROJECT["requires-python"]).contains("3.11.0")
    checked = 0
    for pin in read_pins():
        try:
            installed = importlib.metadata.metadata(pin.name)
        except importlib.metadata.PackageNotFoundError:
            continue  # for another system
        if pin.specifier.contains(installed["Version"]):
            python = SpecifierSet(installed.get("Requires-Python") or "")
            assert python.contains("3.11.0"), f"{pin} needs Python {python}"
            checked += 1
    assert checked > 100


def read_pins():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if not line.startswith("#")]


def canonical(name):
    return name.lower().replace("_", "-")


def test_conda_gives_python_and_pip_and_pip_the_rest():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    python, pip, by_pip = environment["dependencies"]
    name, version = python.split("=")
    assert name == "python"
    assert SpecifierSet(PROJECT["requires-python"]).contains(version)
    assert pip == "pip"
    constraints, course = by_pip["pip"]
    assert constraints == "-c constraints.txt"
    assert course in [f"-e .[{extra}]" for extra in PROJECT["optional-dependencies"]]
    assert environment["name"] == PROJECT["name"]


def test_hooks_are_local_and_call_an_existing_command():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [repo["repo"] for repo in config["repos"]] == ["local"]
    (hook,) = config["repos"][0]["hooks"]
    assert hook["entry"] == "python3 course.py check --lint"
    assert hook["language"] == "system"


def test_vs_code_finds_the_environment():
    settings = json.loads((ROOT / ".vscode/settings.json").read_text(encoding="utf-8"))
    interpreter = settings["python.defaultInterpreterPath"]
    assert interpreter.replace("${workspaceFolder}", str(ROOT)) == str(ROOT / ".venv")


def test_ci_calls_the_command_of_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "python3 course.py test" in textwrap.dedent(readme)
    assert (ROOT / ".ci/run").read_text(encoding="utf-8").endswith("exec python3 course.py test\n")
