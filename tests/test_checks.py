"""Each check: right answers of several styles, typical slips with their hints, and the stub."""

import numpy as np
import pytest
import scipy.special
import torch

from course_utils import checks, gradients


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


def with_loops_1_2(s, first, second):
    return [max(0.0, 1 - (first * second) ** 0.5 / value) for value in s]


def unit_columns(U_k, rng):
    T = np.eye(U_k.shape[1])
    T[:2, 1] = 0.6, 0.8
    return np.linalg.inv(T) @ U_k.T, U_k @ T


def random_unit_columns(U_k, rng):
    T = rng.normal(size=(U_k.shape[1],) * 2)
    T /= np.sqrt((T**2).sum(0))
    return [np.linalg.solve(T, U_k.T), U_k @ T]


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
        (checks.exercise_1_1, lambda x: np.stack([x.mean(0), x.mean(0)])),
        (checks.exercise_1_2, lambda s, a, b: np.where(s * s > a * b, 1 - np.sqrt(a * b) / s, 0)),
        (checks.exercise_1_2, with_loops_1_2),
        (checks.exercise_1_3, unit_columns),
        (checks.exercise_1_3, random_unit_columns),
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


def float32_entropy(x):
    inside = np.clip(x, 1e-12, 1 - 1e-12)
    return -(x * np.log(inside) + (1 - x) * np.log(1 - inside)).sum(axis=1).mean()


def shrunk(s, decay):
    return np.maximum(0, 1 - decay / s)


def scaled_axes(U_k, rng):
    scale = np.arange(2, 2 + U_k.shape[1])
    return (U_k / scale).T, U_k * scale


def reads_outside(U_k, rng):
    outside = rng.normal(size=U_k.shape)
    return (U_k + outside - U_k @ (U_k.T @ outside)).T, U_k


def entropy(x, log=np.log):
    x = np.clip(x, 1e-12, 1 - 1e-12, dtype=float)
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
        (checks.exercise_1_1, lambda x: (x.mean(1), x.mean(1)), "expected (6,)"),
        (checks.exercise_1_1, lambda x: (np.median(x, 0), x.mean(0)), "absolute value"),
        (checks.exercise_1_1, lambda x: (x.mean(0), np.round(x.mean(0))), "black and white"),
        (checks.exercise_1_1, lambda x: (0 * x[0] + x.mean(), x.mean(0)), "pixel to pixel"),
        (checks.exercise_1_1, lambda x: (x.mean(0), x[0]), "the cross-entropy can be beaten"),
        (checks.exercise_1_2, lambda s, a, b: 1 - np.sqrt(a * b) / s, "negative product"),
        (checks.exercise_1_2, lambda s, a, b: np.sqrt(shrunk(s, np.sqrt(a * b))), "one layer's"),
        (checks.exercise_1_2, lambda s, a, b: shrunk(s**2, np.sqrt(a * b)), "variance"),
        (checks.exercise_1_2, lambda s, a, b: shrunk(s, (a + b) / 2), "mean of the two"),
        (checks.exercise_1_2, lambda s, a, b: shrunk(s, a * b), "product of the two"),
        (checks.exercise_1_2, lambda s, a, b: shrunk(s, a), "only lambda_1"),
        (checks.exercise_1_2, lambda s, a, b: shrunk(s, 2 * np.sqrt(a * b)), "factor 2"),
        (checks.exercise_1_2, lambda s, a, b: shrunk(s, np.sqrt(a * b) / 2), "factor 2"),
        (checks.exercise_1_2, lambda s, a, b: s / (s + np.sqrt(a * b)), "a smaller cost exists"),
        (checks.exercise_1_3, lambda U_k, rng: (U_k.T, U_k), "is no rotation"),
        (checks.exercise_1_3, lambda U_k, rng: (2 * U_k.T, U_k / 2), "have lengths"),
        (checks.exercise_1_3, scaled_axes, "have lengths"),
        (checks.exercise_1_3, reads_outside, "outside the principal subspace"),
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
        (checks.exercise_1_6, float32_entropy, "float32"),
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
    assert lines[:8] == [f"0.2 {question} · right" for question in right]
    assert lines[8] == "0.2 · right answers: 8 of 8"

    checks.self_test(right | {"a": (4, 3), "b": 12, "c": ..., "h": None})
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" · ")[1].split(":")[0] for line in lines[:8]] == [
        *("not yet", "not yet", "not done yet"),
        *("right", "right", "right", "right"),
        "not done yet",
    ]
    assert lines[8].endswith("4 of 8")

    checks.self_test({"a": "three", "b": [1, [2]]})
    said = capsys.readouterr().out
    assert "0.2 a · not yet: write a number" in said
    assert "0.2 b · not yet: refresh" in said


def sigm(z):
    return 1 / (1 + np.exp(-z))


def backward(W1, b1, W2, b2, x, y, decay, **spoilt):
    m = len(x)
    a2 = sigm(x @ W1.T + b1)
    a3 = sigm(a2 @ W2.T + b2)
    delta3 = (a3 - y) * a3 * (1 - a3)
    delta2 = (delta3 @ W2) * spoilt.get("slope", lambda a: a * (1 - a))(a2)
    scale = spoilt.get("decay_scale", lambda m: 1)(m)
    return (
        delta2.T @ x / m + scale * decay * W1,
        delta2.mean(0),
        delta3.T @ a2 / m + scale * decay * W2,
        spoilt.get("db2", lambda delta3: delta3.mean(0))(delta3),
    )


def backward_by_loops(W1, b1, W2, b2, x, y, decay):
    total = [np.zeros_like(part) for part in (W1, b1, W2, b2)]
    for x_i, y_i in zip(x, y, strict=True):
        a2 = sigm(W1 @ x_i + b1)
        a3 = sigm(W2 @ a2 + b2)
        delta3 = -(y_i - a3) * a3 * (1 - a3)
        delta2 = W2.T @ delta3 * a2 * (1 - a2)
        for part, add in zip(
            total, (np.outer(delta2, x_i), delta2, np.outer(delta3, a2), delta3), strict=True
        ):
            part += add
    return [part / len(x) + decay * W for part, W in zip(total, (W1, 0, W2, 0), strict=True)]


def tied_parts(W, b1, b2, x):
    a2 = sigm(x @ W.T + b1)
    r = sigm(a2 @ W + b2)
    delta3 = (r - x) * r * (1 - r)
    return (delta3 @ W.T * a2 * (1 - a2)).T @ x / len(x), a2.T @ delta3 / len(x)


def tied_by_autograd(W, b1, b2, x):
    W, b1, b2, x = (torch.tensor(array) for array in (W, b1, b2, x))
    W.requires_grad_()
    r = torch.sigmoid(torch.sigmoid(x @ W.T + b1) @ W + b2)
    (((r - x) ** 2).sum() / (2 * len(x))).backward()
    return W.grad.numpy()


def softmax_by_library(z, y):
    delta = scipy.special.softmax(z, axis=1)
    delta[np.arange(len(y)), y] -= 1
    return scipy.special.logsumexp(z, axis=1) - z[np.arange(len(y)), y], delta


def softmax_shifted_by(shift):
    def softmax_loss(z, y):
        e = np.exp(z - shift(z))
        p = e / e.sum(axis=1, keepdims=True)
        return -np.log(p[np.arange(len(y)), y]), p - np.eye(z.shape[1])[y]

    return softmax_loss


def softmax_then(loss=lambda loss: loss, delta=lambda delta, p: delta):
    def softmax_loss(z, y):
        right_loss, right_delta = softmax_by_library(z, y)
        p = scipy.special.softmax(z, axis=1)
        return loss(right_loss), delta(right_delta, p)

    return softmax_loss


def by_directions(cost, gradient, theta):
    numeric = [
        (cost(theta + 1e-4 * unit) - cost(theta - 1e-4 * unit)) / 2e-4
        for unit in np.eye(theta.size)
    ]
    return max(abs(gradient - numeric)) / max(abs(gradient))


def aliased(cost, gradient, theta):
    numeric = np.zeros_like(theta)
    for k in range(theta.size):
        plus = minus = theta.copy()
        plus[k] += 1e-4
        minus[k] -= 1e-4
        numeric[k] = (cost(plus) - cost(minus)) / 2e-4
    return np.linalg.norm(gradient - numeric) / np.linalg.norm(gradient + numeric)


def restores_wrongly(cost, gradient, theta):
    t, numeric = theta.copy(), np.zeros_like(theta)
    for k in range(theta.size):
        t[k] += 0.1
        above = cost(t)
        t[k] -= 0.2
        numeric[k] = (above - cost(t)) / 0.2
    return np.linalg.norm(gradient - numeric) / np.linalg.norm(gradient + numeric)


def writes_into_theta(cost, gradient, theta):
    error = by_directions(cost, gradient, theta)
    theta += 1e-4
    return error


def one_sided(cost, gradient, theta):
    numeric = [(cost(theta + 1e-4 * unit) - cost(theta)) / 1e-4 for unit in np.eye(theta.size)]
    return np.linalg.norm(gradient - numeric) / np.linalg.norm(gradient + numeric)


def without_the_two(cost, gradient, theta):
    numeric = [
        (cost(theta + 1e-4 * unit) - cost(theta - 1e-4 * unit)) / 1e-4
        for unit in np.eye(theta.size)
    ]
    return np.linalg.norm(gradient - numeric) / np.linalg.norm(gradient + numeric)


def central(f, x, step):
    return (f(x + step) - f(x - step)) / (2 * step)


def richardson(f, x, step):
    return (4 * central(f, x, step / 2) - central(f, x, step)) / 3


def five_weights(f, x, step):
    weights = {-2: 1, -1: -8, 0: 0, 1: 8, 2: -1}
    return sum(w * f(x + place * step) for place, w in weights.items()) / 12 / step


@pytest.mark.parametrize(
    ("check", "attempt"),
    [
        (checks.exercise_2_1, lambda a: -np.expm1(-a)),
        (checks.exercise_2_1, lambda a: [sigm(np.log(np.exp(value) - 1)) for value in a]),
        (checks.exercise_2_2, backward),
        (checks.exercise_2_2, backward_by_loops),
        (checks.exercise_2_3, lambda *arguments: sum(tied_parts(*arguments))),
        (checks.exercise_2_3, tied_by_autograd),
        (checks.exercise_2_4, softmax_by_library),
        (checks.exercise_2_5, by_directions),
        (
            checks.exercise_2_5,
            lambda cost, gradient, theta: gradients.relative_error(
                gradient, gradients.central_difference(cost, theta)
            ),
        ),
        (checks.exercise_2_6, five_weights),
        (checks.exercise_2_6, richardson),
    ],
)
def test_right_in_several_styles_2(check, attempt, capsys):
    assert said(capsys, check, attempt).endswith("· right")


@pytest.mark.parametrize(
    ("check", "attempt", "hint"),
    [
        (checks.exercise_2_1, sigm, "this is sigm(a)"),
        (checks.exercise_2_1, lambda a: a * (1 - a), "the sigmoid's derivative"),
        (checks.exercise_2_1, lambda a: np.exp(-a), "lacks to 1"),
        (checks.exercise_2_1, lambda a: 1 - a**2, "What is e^a?"),
        (checks.exercise_2_2, lambda *a: backward(*a)[:3], "four arrays"),
        (checks.exercise_2_2, lambda *a: backward(*a)[::-1], "expected"),
        (
            checks.exercise_2_2,
            lambda *a: backward(*a, decay_scale=lambda m: 1 / m),
            "m times too small",
        ),
        (checks.exercise_2_2, lambda *a: backward(*a, slope=lambda a: 1 - a**2), "three factors"),
        (checks.exercise_2_2, lambda *a: backward(*a, db2=lambda d: d.sum(0)), "wrong: b2;"),
        (checks.exercise_2_3, lambda *a: tied_parts(*a)[0], "through the encoder alone"),
        (checks.exercise_2_3, lambda *a: tied_parts(*a)[1], "through the decoder alone"),
        (checks.exercise_2_3, lambda *a: sum(tied_parts(*a)) / 2, "half of it"),
        (checks.exercise_2_3, lambda *a: sum(tied_parts(*a)) * len(a[3]), "m times too large"),
        (checks.exercise_2_3, lambda *a: -sum(tied_parts(*a)), "its negative"),
        (checks.exercise_2_3, lambda *a: 2 * sum(tied_parts(*a)), "twice too large"),
        (checks.exercise_2_3, lambda *a: a[0], "differences of the cost give"),
        (checks.exercise_2_3, lambda *a: sum(tied_parts(*a)).T, "this is the transpose"),
        (checks.exercise_2_3, lambda *a: sum(tied_parts(*a))[:2], "expected"),
        (
            checks.exercise_2_3,
            lambda *a: tied_parts(*a)[0] + tied_parts(*a)[1].T,
            "one part is transposed",
        ),
        (checks.exercise_2_4, softmax_shifted_by(lambda z: 0), "Which exponential overflows"),
        (checks.exercise_2_4, softmax_shifted_by(np.max), "From which row"),
        (
            checks.exercise_2_4,
            lambda z, y: (
                -np.log(scipy.special.softmax(z, axis=1)[np.arange(len(y)), y] + 1e-12),
                softmax_by_library(z, y)[1],
            ),
            "cut off",
        ),
        (checks.exercise_2_4, softmax_then(loss=np.mean), "one for each example"),
        (checks.exercise_2_4, softmax_then(loss=lambda loss: -loss), "is negative"),
        (checks.exercise_2_4, softmax_then(loss=lambda loss: loss / np.log(2)), "right class"),
        (checks.exercise_2_4, softmax_then(delta=lambda delta, p: -delta), "wrong sign"),
        (checks.exercise_2_4, softmax_then(delta=lambda delta, p: p), "right class different"),
        (checks.exercise_2_4, softmax_then(delta=lambda delta, p: delta / len(p)), "divided by m"),
        (
            checks.exercise_2_4,
            softmax_then(delta=lambda delta, p: delta * p * (1 - p)),
            "a factor p(1 - p) too much",
        ),
        (checks.exercise_2_4, softmax_then(delta=lambda delta, p: delta**2), "add up to 0"),
        (
            checks.exercise_2_4,
            softmax_then(delta=lambda delta, p: delta if len(p) == 5 else -delta),
            "the same shifted z",
        ),
        (checks.exercise_2_5, aliased, "two names for one"),
        (checks.exercise_2_5, restores_wrongly, "put back"),
        (checks.exercise_2_5, writes_into_theta, "the caller's array"),
        (checks.exercise_2_5, one_sided, "both sides"),
        (checks.exercise_2_5, without_the_two, "How far apart"),
        (checks.exercise_2_5, lambda cost, gradient, theta: 0.0, "can't fail"),
        (checks.exercise_2_6, lambda f, x, step: 2 * central(f, x, step), "add up to 1"),
        (
            checks.exercise_2_6,
            lambda f, x, step: (f(x + step) - f(x)) / step,
            "even powers",
        ),
        (checks.exercise_2_6, central, "still there"),
        (
            checks.exercise_2_6,
            lambda f, x, step: (16 * richardson(f, x, step / 2) - richardson(f, x, step)) / 15,
            "should divide the error by 16",
        ),
    ],
)
def test_slip_is_named_2(check, attempt, hint, capsys):
    line = said(capsys, check, attempt)
    assert "· not yet: " in line
    assert hint in line


def wavy(m, rho):
    wave = np.sin(np.arange(m * 10.0)).reshape(m, 10)
    wave -= wave.mean(axis=0)
    return rho + rho / 5 * wave


def bursts(m, rho):
    on = (np.arange(m)[:, None] == np.arange(10) % m).astype(float)
    return 1e-6 + (rho - 1e-6) * m * on


def push(p, rho, beta):
    return beta * ((1 - rho) / (1 - p) - rho / p)


def hidden(delta3, W2, a2, rho, beta):
    return (delta3 @ W2 + push(a2.mean(0), rho, beta)) * a2 * (1 - a2)


def hidden_with_loops(delta3, W2, a2, rho, beta):
    m = len(a2)
    result = np.zeros(a2.shape)
    for j in range(a2.shape[1]):
        p = sum(a2[i][j] for i in range(m)) / m
        for i in range(m):
            back = sum(W2[o][j] * delta3[i][o] for o in range(len(W2)))
            result[i, j] = (back + push(p, rho, beta)) * a2[i][j] * (1 - a2[i][j])
    return result


def centred_unit(w):
    return (w - w.mean()) / np.linalg.norm(w - w.mean())


def by_partition(h, k):
    threshold = np.partition(h, -k, axis=1)[:, -k][:, None]
    return h * (h >= threshold)


def with_loops_3_5(h, k):
    rows = []
    for row in h:
        keep = sorted(range(len(row)), key=lambda j: row[j])[-k:]
        rows.append([row[j] if j in keep else 0.0 for j in range(len(row))])
    return rows


@pytest.mark.parametrize(
    ("check", "attempt"),
    [
        (checks.exercise_3_1, lambda m, rho: np.full((m, 10), rho)),
        (checks.exercise_3_1, lambda m, rho: [[rho] * 10 for _ in range(m)]),
        (checks.exercise_3_1, wavy),
        (checks.exercise_3_2, hidden),
        (checks.exercise_3_2, hidden_with_loops),
        (checks.exercise_3_3, centred_unit),
        (checks.exercise_3_3, lambda w: list(centred_unit(w))),
        (checks.exercise_3_4, lambda z, beta: z - np.clip(z, -beta, beta)),
        (
            checks.exercise_3_4,
            lambda z, beta: np.maximum(z - beta, 0) - np.maximum(-z - beta, 0),
        ),
        (checks.exercise_3_5, by_partition),
        (checks.exercise_3_5, with_loops_3_5),
    ],
)
def test_right_in_several_styles_3(check, attempt, capsys):
    assert said(capsys, check, attempt).endswith("· right")


def keep(h, chosen):
    return np.where(chosen, h, 0)


def half_turned(h, k):
    kept = np.zeros_like(h)
    places = np.argsort(h, axis=1)[:, -k:]
    np.put_along_axis(kept, places, np.take_along_axis(h, places, axis=0), axis=0)
    return kept


def last_rows(h, k):
    kept = np.zeros_like(h)
    places = np.argsort(h, axis=1)[-k:]
    np.put_along_axis(kept[-k:], places, np.take_along_axis(h[-k:], places, axis=1), axis=1)
    return kept


def columns_of_axis_0(h, k):
    kept = np.zeros_like(h)
    places = np.argsort(h, axis=0)[:, -k:]
    np.put_along_axis(kept, places, np.take_along_axis(h, places, axis=1), axis=1)
    return kept


def rank(h, axis):
    return np.argsort(-h, axis=axis).argsort(axis=axis)


@pytest.mark.parametrize(
    ("check", "attempt", "hint"),
    [
        (checks.exercise_3_1, lambda m, rho: np.full((m, 10), rho / 2), "mean is the penalty 0"),
        (checks.exercise_3_1, lambda m, rho: np.full((m, 10), 1.0), "reaches neither"),
        (checks.exercise_3_1, lambda m, rho: np.full((m, 10), np.nan), "reaches neither"),
        (checks.exercise_3_1, bursts, "that is sparse"),
        (checks.exercise_3_1, lambda m, rho: np.full(10, rho), "shape"),
        (
            checks.exercise_3_2,
            lambda d, W, a, r, b: (d @ W) * a * (1 - a) + push(a.mean(0), r, b),
            "which link of the chain",
        ),
        (
            checks.exercise_3_2,
            lambda d, W, a, r, b: (d @ W + push(a, r, b)) * a * (1 - a),
            "own activation",
        ),
        (
            checks.exercise_3_2,
            lambda d, W, a, r, b: (d @ W) * a * (1 - a) + push(a, r, b),
            "two things",
        ),
        (
            checks.exercise_3_2,
            lambda d, W, a, r, b: (d @ W + push(a.mean(1, keepdims=True), r, b)) * a * (1 - a),
            "units of one example",
        ),
        (
            checks.exercise_3_2,
            lambda d, W, a, r, b: (d @ W + push(a.mean(), r, b)) * a * (1 - a),
            "How many numbers rho_hat",
        ),
        (
            checks.exercise_3_2,
            lambda d, W, a, r, b: (
                (d @ W) * a * (1 - a) + push(a.mean(0), r, b) * a.mean(0) * (1 - a.mean(0))
            ),
            "*mean* activation",
        ),
        (
            checks.exercise_3_2,
            lambda d, W, a, r, b: (d @ W - push(a.mean(0), r, b)) * a * (1 - a),
            "wrong way",
        ),
        (
            checks.exercise_3_2,
            lambda d, W, a, r, b: (d @ W + push(a.mean(0), r, b) / len(a)) * a * (1 - a),
            "1/m",
        ),
        (checks.exercise_3_2, lambda d, W, a, r, b: hidden(d, W, a, r, 1), "beta is missing"),
        (checks.exercise_3_2, lambda d, W, a, r, b: hidden(d, W, a, r, 0), "no part"),
        (
            checks.exercise_3_2,
            lambda d, W, a, r, b: (d @ W - b * r / a.mean(0)) * a * (1 - a),
            "one of the two terms",
        ),
        (checks.exercise_3_2, lambda d, W, a, r, b: d @ W, "factor by factor"),
        (checks.exercise_3_3, lambda w: w / np.linalg.norm(w), "second condition"),
        (checks.exercise_3_3, lambda w: w, "mean isn't 0"),
        (checks.exercise_3_3, lambda w: w - w.mean(), "more than 1"),
        (checks.exercise_3_3, lambda w: -centred_unit(w), "off rather than on"),
        (checks.exercise_3_3, lambda w: centred_unit(w) / 2, "and 1 is allowed"),
        (checks.exercise_3_4, lambda z, beta: z - beta * np.sign(z), "other side of"),
        (checks.exercise_3_4, lambda z, beta: keep(z, abs(z) > beta), "cut off"),
        (checks.exercise_3_4, lambda z, beta: np.maximum(z - beta, 0), "z = -3"),
        (checks.exercise_3_4, lambda z, beta: z / (1 + beta), "everything shrinks"),
        (checks.exercise_3_4, lambda z, beta: z - np.clip(z, -2 * beta, 2 * beta), "factor 2"),
        (checks.exercise_3_4, lambda z, beta: z - np.clip(z, -beta / 2, beta / 2), "factor 2"),
        (checks.exercise_3_4, lambda z, beta: z, "without the bars"),
        (
            checks.exercise_3_4,
            lambda z, beta: np.where(z > 0, z - beta, z + beta),
            "for z = 0 and beta = 0.5 you give 0.5",
        ),
        (
            checks.exercise_3_4,
            lambda z, beta: np.where(z < -beta, z - beta, np.maximum(z - beta, 0)),
            "for z = -3 and beta = 0.5 you give -3.5",
        ),
        (checks.exercise_3_5, lambda h, k: keep(h, rank(h, 0) < k), "Along which axis"),
        (checks.exercise_3_5, lambda h, k: (rank(h, 1) < k) * 1.0, "decoder need"),
        (checks.exercise_3_5, lambda h, k: keep(h, rank(-h, 1) < k), "smallest"),
        (
            checks.exercise_3_5,
            lambda h, k: keep(h, rank(h.ravel(), 0).reshape(h.shape) < k * len(h)),
            "Who competes",
        ),
        (checks.exercise_3_5, lambda h, k: keep(h, rank(abs(h), 1) < k), "absolute value"),
        (checks.exercise_3_5, lambda h, k: by_partition(h, k + 1), "should be left"),
        (checks.exercise_3_5, half_turned, "all three run along"),
        (checks.exercise_3_5, last_rows, "keep everything"),
        (checks.exercise_3_5, columns_of_axis_0, "should be left"),
    ],
)
def test_slip_is_named_3(check, attempt, hint, capsys):
    line = said(capsys, check, attempt)
    assert "· not yet: " in line
    assert hint in line
