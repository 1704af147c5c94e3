"""`course.py sweep NAME`: compute the rows that `data/results/NAME.csv` doesn't have yet.

The table has the settings up to the column `seed`, then the results, then versions and date. It is
written anew after each row, in one step, so that it may be stopped at any time.
"""

import argparse
import csv
import importlib
import os
import signal
import sys
from datetime import date
from importlib.metadata import version
from pathlib import Path

import joblib
from tqdm import tqdm

from course_utils import set_threads
from course_utils.data import RESULTS_FOLDER

SWEEPS = sorted(path.stem for path in Path(__file__).with_name("sweeps").glob("[!_]*.py"))


class SweepError(Exception):
    """Why a table can't be gone on with, and what to do, in one sentence for the user."""


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="course.py sweep",
        description="Compute the rows of a table of long runs that are not there yet. "
        "It may be stopped (Ctrl-C) and called again: it goes on from there.",
    )
    parser.add_argument("name", choices=SWEEPS, help="which table of data/results/")
    parser.add_argument("--jobs", type=int, default=1, help="rows at a time, one core each")
    parser.add_argument(
        "--drop", action="store_true", help="drop rows whose settings are no longer in the code"
    )
    options = parser.parse_args(arguments)
    if options.jobs < 1:
        parser.error(f"--jobs must be a whole number from 1 on, got {options.jobs}")
    sweep = importlib.import_module(f"tools.sweeps.{options.name}")
    try:
        run(sweep, RESULTS_FOLDER / f"{options.name}.csv", options.jobs, options.drop)
    except SweepError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("\nStopped. Call the same command again: it goes on from here.")


def run(sweep, path, jobs=1, drop=False):
    """Bring a table up to date.

    Parameters
    ----------
    sweep : module
        Has `settings` and `compute`, see `tools.sweeps`.
    path : pathlib.Path
        The table.
    jobs : int
        Rows that are computed at the same time, each with one thread.
    drop : bool
        Whether rows whose settings are no longer wanted are dropped.

    Raises
    ------
    SweepError
        If there are such rows and `drop` is False, or if the file is no table of a sweep.
    """
    wanted = {key(setting): setting for setting in sweep.settings()}
    rows = read(path)
    old = [dict(k) for k in rows if k not in wanted]
    if old and not drop:
        raise SweepError(
            f"{path} has {len(old)} rows whose settings are no longer in the code (the first: "
            f"{old[0]}): call this again with --drop to drop them, or put the settings back."
        )
    rows = {k: row for k, row in rows.items() if k in wanted}
    missing = [setting for k, setting in wanted.items() if k not in rows]
    print(f"{path.name}: {len(rows)} rows are there, {len(missing)} to compute", file=sys.stderr)
    if old:
        write(path, wanted, rows)
    parallel = joblib.Parallel(
        n_jobs=jobs,
        return_as="generator_unordered",
        initializer=signal.signal,  # Ctrl-C is for this process, which ends the others
        initargs=(signal.SIGINT, signal.SIG_IGN),
    )
    computed = parallel(joblib.delayed(compute_row)(sweep.compute, s) for s in missing)
    for k, row in tqdm(computed, total=len(missing), desc=path.stem, unit="row"):
        rows[k] = row
        write(path, wanted, rows)


def key(setting):
    """What tells a row from all others: its settings as they stand in the file."""
    return tuple(sorted((name, str(value)) for name, value in setting.items() if value != ""))


def compute_row(compute, setting):
    set_threads(1)
    results = {name: f"{value:.4g}" for name, value in compute(setting).items()}
    versions = {name: version(name) for name in ("torch", "numpy")}
    return key(setting), {**results, **versions, "date": date.today().isoformat()}


def read(path):
    """Return the rows of the file by their settings.

    A last line without its end, as a copy that was cut short has it, doesn't count.
    """
    if not path.exists():
        return {}
    whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
    header, *lines = csv.reader(whole.split("\n"))
    if whole and "seed" not in header:
        raise SweepError(f"{path} is no table of a sweep (it has no column 'seed'): move it away.")
    n = header.index("seed") + 1 if whole else 0
    return {
        key(dict(zip(header[:n], line[:n], strict=True))): {
            name: value for name, value in zip(header[n:], line[n:], strict=True) if value != ""
        }
        for line in lines
    }


def write(path, wanted, rows):
    """Replace the file by one that has these rows, in the order of the settings."""
    ordered = [{**dict(k), **rows[k]} for k in wanted if k in rows]
    settings = dict.fromkeys(name for setting in wanted.values() for name in setting)
    last = ("torch", "numpy", "date")
    results = dict.fromkeys(name for k in wanted if k in rows for name in rows[k])
    columns = [name for name in settings if name != "seed"] + ["seed"]
    columns += [name for name in results if name not in last] + list(last)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    with partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(ordered)
    os.replace(partial, path)


if __name__ == "__main__":
    main()
