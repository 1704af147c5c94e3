"""The one command of the course. Alone, `python3 course.py` lists what it can do."""

import os
import sys

ROOT = os.path.dirname(os.path.abspath(__file__))

# command: (the extra of pyproject.toml that it needs, what it does)
COMMANDS = {
    "lab": ("", "open the lessons in JupyterLab, in your own working copy"),
    "test": ("dev", "run all tests"),
    "check": ("dev", "lint, format, types, unit tests and stale notebooks, in under a minute"),
    "build": ("dev", "build notebooks/ from sources/"),
    "sweep": ("dev", "compute a table of long runs for data/results/"),
}


def usage():
    commands = "\n".join(f"  {name:7}{what}" for name, (_, what) in COMMANDS.items())
    return (
        f"usage: python3 course.py COMMAND ...\n\n{commands}\n\n"
        "The first call sets up .venv; `python3 course.py COMMAND --help` says more."
    )


def main(arguments):
    # The syntax of this file stays old enough for Python 3.6 to get as far as this sentence.
    if sys.version_info < (3, 11):
        version = ".".join(map(str, sys.version_info[:2]))
        return (
            f"The course needs Python 3.11 or newer, and this is Python {version}: install a newer "
            "one and call it by its name, such as `python3.12 course.py lab`."
        )
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage())
        return 0
    command, rest = arguments[0], arguments[1:]
    if command not in COMMANDS:
        return f"There is no command {command!r}.\n\n{usage()}"
    sys.path.insert(0, ROOT)
    from tools import setup

    try:
        return setup.run(command, COMMANDS[command][0], rest)
    except KeyboardInterrupt:
        return "\nStopped. Call the same command again: it goes on from here."
    except setup.SetupError as error:
        return str(error)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
