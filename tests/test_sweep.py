"""Tables of long runs: what is computed, what is kept, and what an interruption leaves."""

import importlib
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from course_utils.data import RESULTS_FOLDER, load_mnist, load_results
from tools import sweep
from tools.sweeps import introduction

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = [
    {"part": "square", "x": 3},
    *({"part": "noise", "scale": 0.25, "seed": seed} for seed in range(3)),
]


def compute(setting):
    if setting["part"] == "square":
        return {"result": setting["x"] ** 2}
    rng = np.random.default_rng(setting["seed"])
    return {"result": setting["scale"] * rng.random(), "large": 123456.0}


def toy(settings=SETTINGS, compute=compute):
    return SimpleNamespace(settings=lambda: settings, compute=compute)


def counted(settings=SETTINGS):
    calls = []

    def compute_and_note(setting):
        calls.append(setting)
        return compute(setting)

    return toy(settings, compute_and_note), calls


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "toy.csv"
    sweep.run(toy(), path)
    return path


def test_a_table_has_settings_results_versions_and_date(table):
    expected = round(0.25 * np.random.default_rng(0).random(), 4)
    torch_version, numpy_version, today = torch.__version__, np.__version__, date.today()
    lines = table.read_text(encoding="utf-8").splitlines()
    assert lines[:3] == [
        "part,x,scale,seed,result,large,torch,numpy,date",
        f"square,3,,,9,,{torch_version},{numpy_version},{today}",
        f"noise,,0.25,0,{expected},1.235e+05,{torch_version},{numpy_version},{today}",
    ]
    assert len(lines) == 5


def test_rows_that_are_done_are_not_computed_again(table):
    before = table.read_bytes()
    again, calls = counted()
    sweep.run(again, table)
    assert calls == []
    assert table.read_bytes() == before


def test_a_new_setting_and_a_changed_one_are_computed(table):
    new = [*SETTINGS, {"part": "square", "x": 5}, {"part": "square", "x": 3, "epochs": 2}]
    more, calls = counted(new)
    sweep.run(more, table)
    assert calls == new[-2:]
    rows = load_results("toy", folder=table.parent)
    assert [row.get("x") for row in rows] == [3, None, None, None, 5, 3]


def test_rows_no_longer_wanted_stop_it_and_are_dropped_on_demand(table):
    before = table.read_bytes()
    fewer, calls = counted(SETTINGS[2:])
    with pytest.raises(sweep.SweepError, match=r"has 2 rows whose .* 'x': '3'.* with --drop"):
        sweep.run(fewer, table)
    assert table.read_bytes() == before
    sweep.run(fewer, table, drop=True)
    assert calls == []
    assert [row["seed"] for row in load_results("toy", folder=table.parent)] == [1, 2]


def test_a_file_cut_anywhere_is_mended(table):
    whole = table.read_bytes()
    for length in range(len(whole)):
        table.write_bytes(whole[:length])
        finished = max(0, whole[:length].count(b"\n") - 1)
        assert len(sweep.read(table)) == finished
        if length % 20 == 0:
            again, calls = counted()
            sweep.run(again, table)
            assert len(calls) == len(SETTINGS) - finished
            assert table.read_bytes() == whole


def test_another_file_is_left_alone(tmp_path):
    path = tmp_path / "toy.csv"
    path.write_text("name,mark\nAda,1\n", encoding="utf-8")
    with pytest.raises(sweep.SweepError, match=r"toy\.csv is no table of a sweep"):
        sweep.run(toy(), path)
    assert path.read_text(encoding="utf-8") == "name,mark\nAda,1\n"


def test_an_interruption_and_an_error_lose_no_row(tmp_path, table):
    path = tmp_path / "stopped.csv"
    for error in (KeyboardInterrupt, ZeroDivisionError):

        def fail(setting, error=error):
            if setting.get("seed") == 1:
                raise error
            return compute(setting)

        with pytest.raises(error):
            sweep.run(toy(compute=fail), path)
        assert [row.get("seed") for row in load_results("stopped", folder=tmp_path)] == [None, 0]
    sweep.run(toy(), path)
    assert path.read_bytes() == table.read_bytes()


def test_two_jobs_give_the_same_table(tmp_path, table):
    path = tmp_path / "parallel.csv"
    sweep.run(toy(), path, jobs=2)
    assert path.read_bytes() == table.read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_killed_while_it_runs_it_goes_on_from_there(tmp_path):
    path = tmp_path / "slow.csv"
    code = f"""
import time
from pathlib import Path
from types import SimpleNamespace
from tools import sweep

def compute(setting):
    time.sleep(0.02)
    return {{"result": setting["seed"]}}

settings = [{{"seed": seed}} for seed in range(40)]
sweep.run(SimpleNamespace(settings=lambda: settings, compute=compute), Path({str(path)!r}))
"""
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    while not path.exists() or path.read_bytes().count(b"\n") < 4:
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    done = len(load_results("slow", folder=tmp_path))
    assert 3 <= done < 40
    again = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert again.stderr.startswith(f"slow.csv: {done} rows are there, {40 - done} to compute\n")
    assert [row["result"] for row in load_results("slow", folder=tmp_path)] == list(range(40))


@pytest.mark.parametrize("jobs", [1, 2])
def test_each_job_has_one_thread(tmp_path, jobs):
    def threads(setting):
        return {"threads": torch.get_num_threads()}

    torch.set_num_threads(2)
    sweep.run(toy([{"seed": 0}, {"seed": 1}], threads), tmp_path / "threads.csv", jobs)
    assert [row["threads"] for row in load_results("threads", folder=tmp_path)] == [1, 1]


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_at_the_command_is_answered_in_a_sentence(tmp_path, jobs):
    for name in ("course_utils", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "tools" / "sweeps" / "toy.py").write_text(
        "import time\n"
        "def settings():\n    return [{'seed': seed} for seed in range(60)]\n"
        "def compute(setting):\n    time.sleep(0.1)\n    return {'result': setting['seed']}\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "tools.sweep", "toy", "--jobs", jobs],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    table = tmp_path / "data" / "results" / "toy.csv"
    while not table.exists():
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 1
    assert said.splitlines()[-1].startswith("Stopped. Call the same command again")
    assert "Traceback" not in said
    assert 1 <= len(load_results("toy", folder=table.parent)) < 60


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no_such_sweep"], "choose from"),
        (["introduction", "--jobs", "0"], "--jobs must be a whole number from 1 on, got 0"),
    ],
)
def test_bad_arguments_get_a_sentence(arguments, said, capsys):
    with pytest.raises(SystemExit) as stopped:
        sweep.main(arguments)
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("name", sweep.SWEEPS)
def test_the_stored_table_is_the_one_that_the_code_describes(name):
    module = importlib.import_module(f"tools.sweeps.{name}")
    wanted = [sweep.key(setting) for setting in module.settings()]
    assert len(set(wanted)) == len(wanted)
    assert list(sweep.read(RESULTS_FOLDER / f"{name}.csv")) == wanted


# The sweep of lesson 1


def test_a_stored_row_is_what_its_setting_gives():
    setting = introduction.settings()[0]
    [row] = [
        row for row in load_results("introduction") if row | setting == row and "seed" not in row
    ]
    for name, value in introduction.compute(setting).items():
        assert row[name] == pytest.approx(value, rel=1e-3)


def test_pca_leaves_the_smallest_eigenvalues():
    x, _ = load_mnist("test")
    model = introduction.train(x, {"model": "pca", "k": 8})
    variances = np.linalg.eigvalsh(np.cov(x.astype(float).T, bias=True))
    assert introduction.mean_loss(model, x) == pytest.approx(variances[:-8].sum(), rel=1e-5)


def test_relative_error_is_one_for_the_mean_and_zero_for_a_copy():
    x = np.array([[0.0, 2.0], [2.0, 6.0]])
    assert introduction.relative_error(x, np.full_like(x, x.mean(axis=0))) == 1
    assert introduction.relative_error(x, x) == 0
    assert introduction.relative_error(x, x + np.array([1, 0])) == 2 / 10


def test_strange_inputs_are_what_they_are_called():
    rng = np.random.default_rng(0)
    axes = rng.standard_normal((2, 5))  # data that fill a plane in five dimensions
    known = (3 + rng.standard_normal((4000, 2)) @ axes).astype(np.float32)
    x = known[:2000] ** 2
    kinds = introduction.strange_inputs(x, known, -99, 99, rng)  # so wide that nothing is clipped
    assert list(kinds) == ["data", "span", "shuffled", "uniform"]
    assert all(kind.shape == x.shape and kind.dtype == np.float32 for kind in kinds.values())
    assert np.array_equal(kinds["data"], x)

    within = PCA(2).fit(known)
    leaving = kinds["span"] - within.inverse_transform(within.transform(kinds["span"]))
    assert np.abs(leaving).max() < 1e-4
    standard_error = known.std(axis=0) / np.sqrt(2000)
    assert np.all(np.abs(kinds["span"].mean(axis=0) - known.mean(axis=0)) < 5 * standard_error)
    np.testing.assert_allclose(kinds["span"].std(axis=0), known.std(axis=0), rtol=0.1)

    assert np.array_equal(np.sort(kinds["shuffled"], axis=1), np.sort(x, axis=1))
    orders = np.argsort(np.argsort(kinds["shuffled"], axis=1), axis=1)
    assert len(np.unique(orders, axis=0)) > 100  # of 120: each row has an order of its own

    clipped = introduction.strange_inputs(x, known, 0.1, 0.9, rng)
    for kind in ("span", "uniform"):
        assert clipped[kind].min() == pytest.approx(0.1, abs=1e-3)
        assert clipped[kind].max() == pytest.approx(0.9, abs=1e-3)


def test_networks_are_built_as_their_settings_say():
    setting = introduction.unconstrained("4-3", "relu", 1, 2, 1e-3) | {"seed": 7}
    x = np.random.default_rng(0).random((6, 4), dtype=np.float32)
    model = introduction.train(x, setting)
    assert [tuple(layer.W.shape) for layer in (*model.encoder, *model.decoder)] == [(3, 4), (4, 3)]
    W, b, V, c = (p.detach().numpy() for p in model.parameters())
    code = np.maximum(x @ W.T + b, 0)
    np.testing.assert_allclose(introduction.encode(model, x), code, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        introduction.reconstruct(model, x), code @ V.T + c, rtol=1e-5, atol=1e-6
    )
    again = introduction.train(x, setting)
    assert torch.equal(model.encoder[0].W, again.encoder[0].W)
