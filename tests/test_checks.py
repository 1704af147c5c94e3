"""Each check: right answers of several styles, typical slips with their hints, and the stub."""

import numpy as np
import pytest

from course_utils import checks


def said(capsys, check, attempt):
    check(attempt)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def untouched(*arguments):
    """What a learner sees first."""
    ...


ALL = [getattr(checks, name) for name in vars(checks) if name.startswith("exercise_")]


@pytest.mark.parametrize("check", ALL)
def test_stub_is_not_done_yet(check, capsys):
    assert said(capsys, check, untouched).endswith("· not done yet")
    assert said(capsys, check, ...).endswith("· not done yet")


@pytest.mark.parametrize("check", ALL)
def test_no_attempt_ends_in_a_traceback(check, capsys):
    def raises(*arguments):
        raise KeyError("x")

    for attempt, word in (
        (raises, "KeyError"),
        (lambda *arguments: print("", end=""), "not yet"),
        (lambda *arguments: "text", "not yet"),
        (lambda *arguments: np.zeros(17), "not yet"),
        (lambda *arguments: 0, "not yet"),
        (lambda: 1, "TypeError"),
    ):
        line = said(capsys, check, attempt)
        assert "not yet" in line
        assert word in line


def with_loops_1_1(x):
    c = [sum(row[i] for row in x) / len(x) for i in range(len(x[0]))]
    return [c, c]


def with_loops_1_2(s, decay):
    return [max(0.0, (value - decay) / value) for value in s]


def scaled_axes(U_k, rng):
    scale = np.arange(2, 2 + U_k.shape[1])
    return (U_k / scale).T, U_k * scale


def one_direction(r, x, v):
    step = 1e-6 / np.sqrt(np.dot(v, v))
    return np.sqrt(np.sum((r(x + step * v) - r(x)) ** 2)) / 1e-6


def by_cases(x, z):
    log_r = np.where(z > 0, -np.log1p(np.exp(-np.abs(z))), z - np.log1p(np.exp(-np.abs(z))))
    log_rest = log_r - z
    return [-(a * b + (1 - a) * c).sum() for a, b, c in zip(x, log_r, log_rest, strict=True)]


def with_special_cases(x):
    total = 0.0
    for p in np.ravel(x):
        if 0 < p < 1:
            total -= p * np.log(p) + (1 - p) * np.log(1 - p)
    return total / len(x)


def float32(function):
    return lambda *arguments: tuple(
        np.asarray(value, dtype=np.float32) for value in function(*arguments)
    )


@pytest.mark.parametrize(
    ("check", "attempt"),
    [
        (checks.exercise_0_1, lambda x: x.mean(axis=1)),
        (checks.exercise_0_1, lambda x: [sum(row) / len(row) for row in x]),
        (checks.exercise_1_1, lambda x: (x.mean(0), x.mean(0))),
        (checks.exercise_1_1, with_loops_1_1),
        (checks.exercise_1_1, float32(lambda x: (x.mean(0), x.mean(0)))),
        (checks.exercise_1_2, lambda s, decay: np.where(s > decay, 1 - decay / s, 0)),
        (checks.exercise_1_2, with_loops_1_2),
        (checks.exercise_1_3, scaled_axes),
        (checks.exercise_1_3, lambda U_k, rng: [2 * U_k.T, U_k / 2]),
        (checks.exercise_1_4, one_direction),
        (checks.exercise_1_5, by_cases),
        (
            checks.exercise_1_5,
            lambda x, z: np.sum(np.maximum(z, 0) - x * z + np.log1p(np.exp(-np.abs(z))), axis=1),
        ),
        (checks.exercise_1_6, with_special_cases),
    ],
)
def test_right_in_several_styles(check, attempt, capsys):
    assert said(capsys, check, attempt).endswith("· right")


def entropy(x, log=np.log):
    x = np.clip(x, 1e-12, 1 - 1e-12)
    return -(x * log(x) + (1 - x) * log(1 - x))


def difference(r, x, v, eta=1e-4):
    return (r(x + eta * v) - r(x - eta * v)) / (2 * eta)


def unit(v):
    return v / np.linalg.norm(v)


def naive(x, z):
    r = 1 / (1 + np.exp(-z))
    return -(x * np.log(r) + (1 - x) * np.log(1 - r)).sum(axis=1)


@pytest.mark.parametrize(
    ("check", "attempt", "hint"),
    [
        (checks.exercise_0_1, lambda x: x.mean(), "single number"),
        (checks.exercise_0_1, lambda x: x.mean(axis=0), "Which axis"),
        (checks.exercise_0_1, lambda x: x.sum(axis=1), "sum or a mean"),
        (checks.exercise_0_1, lambda x: x.max(axis=1), "by hand"),
        (checks.exercise_1_1, lambda x: x.mean(0), "two arrays"),
        (checks.exercise_1_1, lambda x: (x.mean(1), x.mean(1)), "Over which axis"),
        (checks.exercise_1_1, lambda x: (np.median(x, 0), x.mean(0)), "absolute value"),
        (checks.exercise_1_1, lambda x: (x.mean(0), np.round(x.mean(0))), "black and white"),
        (checks.exercise_1_1, lambda x: (0 * x[0] + x.mean(), x.mean(0)), "pixel to pixel"),
        (checks.exercise_1_1, lambda x: (x.mean(0), x[0]), "the cross-entropy can be beaten"),
        (checks.exercise_1_2, lambda s, decay: 1 - decay / s, "negative product"),
        (checks.exercise_1_2, lambda s, decay: s / (s + decay), "regression"),
        (checks.exercise_1_2, lambda s, decay: np.sqrt(np.maximum(0, 1 - decay / s)), "one layer"),
        (checks.exercise_1_2, lambda s, decay: np.maximum(0, 1 - decay / s**2), "variance"),
        (checks.exercise_1_2, lambda s, decay: np.maximum(0, 1 - 2 * decay / s), "factor 2"),
        (checks.exercise_1_2, lambda s, decay: np.maximum(0, 1 - decay / 2 / s), "factor 2"),
        (checks.exercise_1_2, lambda s, decay: 0 * s, "without decay"),
        (checks.exercise_1_2, lambda s, decay: np.exp(-decay * s), "where is its derivative"),
        (checks.exercise_1_3, lambda U_k, rng: (U_k.T, U_k), "is no rotation"),
        (
            checks.exercise_1_3,
            lambda U_k, rng: (
                (Q := np.linalg.qr(rng.normal(size=(U_k.shape[1],) * 2))[0]).T @ U_k.T,
                U_k @ Q,
            ),
            "is no rotation",
        ),
        (checks.exercise_1_3, lambda U_k, rng: (2 * U_k.T, 2 * U_k), "isn't the identity"),
        (
            checks.exercise_1_3,
            lambda U_k, rng: (rng.normal(size=U_k.T.shape), rng.normal(size=U_k.shape)),
            "leave the principal subspace",
        ),
        (checks.exercise_1_3, lambda U_k, rng: (U_k, U_k.T), "W1, the encoder"),
        (
            checks.exercise_1_4,
            lambda r, x, v: np.linalg.norm(difference(r, x, v)),
            "grows with that length",
        ),
        (
            checks.exercise_1_4,
            lambda r, x, v: abs(unit(v) @ difference(r, x, unit(v))),
            "rest of the movement",
        ),
        (
            checks.exercise_1_4,
            lambda r, x, v: 2 * np.linalg.norm(difference(r, x, unit(v))),
            "twice too large",
        ),
        (
            checks.exercise_1_4,
            lambda r, x, v: np.linalg.norm(difference(r, x, unit(v))) / 2,
            "half of what",
        ),
        (
            checks.exercise_1_4,
            lambda r, x, v: np.linalg.norm(difference(r, x, unit(v), eta=1.0)),
            "small against the curvature",
        ),
        (
            checks.exercise_1_4,
            lambda r, x, v: np.linalg.norm(difference(r, x, unit(v), eta=1e-15)),
            "large against rounding",
        ),
        (checks.exercise_1_5, naive, "overflows"),
        (checks.exercise_1_5, lambda x, z: np.logaddexp(0, z) - x * z, "each pixel"),
        (checks.exercise_1_5, lambda x, z: (np.logaddexp(0, z) - x * z).mean(1), "the mean"),
        (checks.exercise_1_5, lambda x, z: (x * z - np.logaddexp(0, z)).sum(1), "sign"),
        (checks.exercise_1_5, lambda x, z: (x * np.logaddexp(0, -z)).sum(1), "two outcomes"),
        (checks.exercise_1_5, lambda x, z: (np.logaddexp(0, z) + x * z).sum(1), "Insert x = 1"),
        (checks.exercise_1_5, lambda x, z: naive(x, np.clip(z, -30, 30)), "cut off"),
        (checks.exercise_1_6, lambda x: entropy(x, np.log2).sum(1).mean(), "bits"),
        (checks.exercise_1_6, lambda x: entropy(x).mean(), "Sum or mean"),
        (checks.exercise_1_6, lambda x: entropy(x).sum(), "mean over images"),
        (checks.exercise_1_6, lambda x: -(x * np.log(x)).sum(1).mean(), "two sides"),
        (
            checks.exercise_1_6,
            lambda x: -(x * np.log(x) + (1 - x) * np.log(1 - x)).sum(1).mean(),
            "limit of x log x",
        ),
        (checks.exercise_1_6, lambda x: 0.0, "Which r is best"),
        (checks.exercise_1_6, lambda x: 3 * np.log(2), "cost 0"),
        (
            checks.exercise_1_6,
            lambda x: entropy(np.where(abs(x - 0.5) > 1e-9, np.round(x), x)).sum(1).mean(),
            "At which r",
        ),
    ],
)
def test_slip_is_named(check, attempt, hint, capsys):
    line = said(capsys, check, attempt)
    assert "· not yet: " in line
    assert hint in line


def test_forgotten_return_is_named(capsys):
    def forgets(x):
        x.mean(axis=1)

    assert "return" in said(capsys, checks.exercise_0_1, forgets)


def test_a_check_gives_copies_to_the_attempt(capsys):
    def destroys(x):
        result = x.mean(axis=1)
        x[:] = 0
        return result

    assert said(capsys, checks.exercise_0_1, destroys).endswith("· right")


def test_self_test_answers_each_question(capsys):
    right = {"a": (3, 4), "b": -12, "c": 5, "d": 3, "e": 1 / 5, "f": 0.5, "g": [2, 3], "h": 0}
    checks.self_test(right)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"0.2 {question} · right" for question in right]

    checks.self_test(right | {"a": (4, 3), "b": 12, "c": ..., "h": None})
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" · ")[1].split(":")[0] for line in lines] == [
        *("not yet", "not yet", "not done yet"),
        *("right", "right", "right", "right"),
        "not done yet",
    ]
    checks.self_test({"a": "three", "b": "four"})
    said = capsys.readouterr().out
    assert "0.2 a · not yet" in said
    assert "0.2 b · not yet" in said
