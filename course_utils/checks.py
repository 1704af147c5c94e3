"""Checks of the exercises: one function each, which prints one line.

`right`, `not done yet` (the stub is untouched), or `not yet:` with what was seen and a question.
A check tries several inputs, accepts every right way of writing it, and never shows the answer.
"""

import dis

import numpy as np

_NOTHING = {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST"}


class _Slip(Exception):
    """What is wrong with an attempt, said to its author."""


class _NotDone(Exception):
    """The stub is as it was."""


def _report(number, examine, attempt):
    """Print one line on `attempt`: `examine` raises _Slip or _NotDone if it isn't right."""
    try:
        if attempt is None or attempt is Ellipsis or _is_stub(attempt):
            raise _NotDone
        with np.errstate(all="ignore"):
            examine(attempt)
    except _NotDone:
        print(f"{number} · not done yet")
    except _Slip as slip:
        print(f"{number} · not yet: {slip}")
    except Exception as error:
        print(f"{number} · not yet: your code stops with {type(error).__name__}: {error}")
    else:
        print(f"{number} · right")


def _is_stub(attempt):
    """Whether a function does nothing at all: its body is `...`, perhaps below a docstring."""
    if not hasattr(attempt, "__code__"):
        return False
    return all(
        step.opname in _NOTHING and (step.argval is None or step.opname == "RESUME")
        for step in dis.get_instructions(attempt)
    )


def _require(condition, slip):
    if not condition:
        raise _Slip(slip)


def _array(value, shape, what):
    """Return `value` as a float array, or say what it is instead."""
    _require(value is not None, f"{what} is None. Does your function end with `return`?")
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise _Slip(f"{what} should be numbers, but it is {type(value).__name__}.") from None
    _require(
        array.shape == shape,
        f"{what} has shape {array.shape}, expected {shape}."
        + (" Is it transposed?" if array.ndim == 2 and array.T.shape == shape else ""),
    )
    return array


def _close(a, b, tolerance=1e-6):
    return bool(np.allclose(a, b, rtol=tolerance, atol=tolerance))


def _pair(value, what):
    _require(
        isinstance(value, (tuple, list, np.ndarray)) and len(value) == 2,
        f"your function should return two arrays, {what}.",
    )
    return value


def self_test(answers):
    """Check the answers of lesson 0's self-test: one line for each question."""
    right = {
        "a": ((3, 4), "matrix products and shapes"),
        "b": (-12, "the chain rule"),
        "c": (5, "variance: how does it change under scaling and shifting?"),
        "d": (3, "eigenvalues: A is diagonal here, so they can be seen"),
        "e": (0.2, "conditional probability and Bayes' rule"),
        "f": (0.5, "the derivatives of exp and of a quotient"),
        "g": ((2, 3), "NumPy's broadcasting: shapes are compared from the right"),
        "h": (0, "gradients: what holds at a minimum?"),
    }
    count = 0
    for question, (value, topic) in right.items():
        answer = answers.get(question)
        if answer is None or answer is Ellipsis:
            print(f"0.2 {question} · not done yet")
        elif isinstance(answer, str):
            print(f"0.2 {question} · not yet: write a number or a tuple, without quotation marks")
        elif _same(answer, value):
            count += 1
            print(f"0.2 {question} · right")
        else:
            print(f"0.2 {question} · not yet: refresh {topic}")
    print(f"0.2 · right answers: {count} of {len(right)}")


def _same(answer, value):
    try:
        answer = np.asarray(answer, dtype=float)
    except (TypeError, ValueError):
        return False
    return answer.shape == np.shape(value) and _close(answer, value, 0.01)


def exercise_0_1(mean_pixel):
    """Check the mean of each row of an array: the exercise that shows how exercises answer."""

    def examine(attempt):
        x = np.array([[0.0, 1.0, 0.5, 0.5], [0.2, 0.4, 0.6, 1.0], [0.0, 0.0, 0.0, 1.0]])
        value = attempt(x.copy())
        _require(value is not None, "your function returns None. Does it end with `return`?")
        value = np.asarray(value, dtype=float)
        _require(
            value.shape != (4,),
            "I gave you 3 images of 4 pixels and got 4 numbers back: one for each pixel. "
            "Which axis of the array runs over the pixels of one image?",
        )
        _require(
            value.shape != (),
            "I gave you 3 images and got a single number back. Did the mean run over all of them?",
        )
        value = _array(value, (3,), "the result")
        _require(
            not _close(value, x.sum(axis=1)),
            "for the image (0, 1, 0.5, 0.5) you say 2, but no pixel is that bright. "
            "Is this a sum or a mean?",
        )
        _require(
            _close(value, x.mean(axis=1)),
            f"for the image (0, 1, 0.5, 0.5) you say {value[0]:.3g}. What do you get by hand?",
        )

    _report("0.1", examine, mean_pixel)


def exercise_1_1(best_constants):
    """Check the constant image of least mean squared error and of least mean cross-entropy."""

    def examine(attempt):
        rng = np.random.default_rng(11)
        for n, d in ((50, 6), (7, 3)):
            x = rng.beta(0.4, 0.8, size=(n, d))
            both = _pair(attempt(x.copy()), "one for each loss")
            names = ("the image for the squared error", "the image for the cross-entropy")
            for c, name in zip(both, names, strict=True):
                c = _array(c, (d,), name)
                _require(
                    not _close(c, np.median(x, axis=0)),
                    f"{name} is the median of each pixel. Which loss does a median minimise: "
                    "the square of the distance, or its absolute value?",
                )
                _require(
                    not _close(c, np.full(d, x.mean())),
                    f"{name} has the same value at every pixel. May c differ from pixel to pixel?",
                )
                _require(
                    not _close(c, np.round(x.mean(axis=0))),
                    f"{name} is black and white. Must the best c be one of the two?",
                )
                _require(
                    _close(c, x.mean(axis=0)),
                    f"{name} can be beaten. At the best c, the derivative of the mean loss with "
                    "respect to each c_i is zero: what does that equation say about c_i?",
                )

    _report("1.1", examine, best_constants)


def exercise_1_2(shrinkage):
    """Check p = max(0, 1 - sqrt(lambda_1 lambda_2)/s), for decay that differs between layers."""

    def examine(attempt):
        s = np.array([5.0, 2.0, 0.8, 0.1])
        for first, second in ((0.6, 0.6), (1.0, 0.3), (0.2, 1.8), (3.0, 0.0)):
            p = _array(attempt(s.copy(), first, second), s.shape, "the result")
            root = np.sqrt(first * second)
            given = f"for s = 2, lambda_1 = {first:g} and lambda_2 = {second:g} you give {p[1]:.4g}"
            for wrong, hint in (
                (
                    1 - root / s,
                    f"for s = 0.1 you give p = {p[3]:.3g}. With a negative product, is the cost "
                    "really below that of p = 0?",
                ),
                (np.sqrt(_shrunk(s, root)), "this is one layer's weight; asked for is p = ab."),
                (_shrunk(s**2, root), "you divide by s². Here s is already a variance."),
                (
                    _shrunk(s, (first + second) / 2),
                    "you use the mean of the two lambdas, as for a = b. But the layer with the "
                    "smaller decay may carry more: which a and b are best for a given p = ab?",
                ),
                (
                    _shrunk(s, first * second),
                    "you use the product of the two lambdas. Double both, and the penalty "
                    "doubles: does your expression?",
                ),
                (
                    _shrunk(s, first),
                    "only lambda_1 counts in your answer. What does the decoder's decay do?",
                ),
                (
                    _shrunk(s, 2 * root),
                    "the form is right, a factor 2 isn't. For a given p, how small is the penalty?",
                ),
                (
                    _shrunk(s, root / 2),
                    "the form is right, a factor 2 isn't. What is the derivative of (1 - p)²?",
                ),
            ):
                _require(_close(wrong, _shrunk(s, root)) or not _close(p, wrong), hint)
            _require(
                _close(p, _shrunk(s, root)),
                f"{given}, but a smaller cost exists. First fix p = ab: how small can the penalty "
                "be? Then write the cost as a function of p alone; where is its derivative zero?",
            )

    _report("1.2", examine, shrinkage)


def _shrunk(s, decay):
    return np.maximum(0, 1 - decay / s)


def exercise_1_3(another_optimum):
    """Check a linear autoencoder with PCA's error and a decoder of unit, oblique columns."""

    def examine(attempt):
        for seed, (d, k) in enumerate(((6, 3), (9, 4))):
            rng = np.random.default_rng(seed)
            U_k = np.linalg.qr(rng.normal(size=(d, k)))[0]
            W1, W2 = _pair(attempt(U_k.copy(), rng), "W1 and W2")
            W1 = _array(W1, (k, d), "W1, the encoder,")
            W2 = _array(W2, (d, k), "W2, the decoder,")
            _require(
                np.linalg.norm(W2 - U_k @ (U_k.T @ W2)) < 1e-6 * np.linalg.norm(W2),
                "the columns of W2 leave the principal subspace, so the error is above PCA's. "
                "How can you mix the columns of U_k and stay inside?",
            )
            inside = U_k.T @ W2 @ W1 @ U_k
            _require(
                _close(inside, np.eye(k)),
                "decoder and encoder lie in the right subspace, but U_kᵀ W2 W1 U_k isn't the "
                f"identity (its first entry is {inside[0, 0]:.3g}). If W2 = U_k T, what must "
                "happen to the encoder so that the product stays?",
            )
            _require(
                _close(W2 @ W1, U_k @ U_k.T),
                "the encoder also reads directions outside the principal subspace. What becomes "
                "of an input that lies there?",
            )
            lengths = np.linalg.norm(W2, axis=0)
            _require(
                _close(lengths, 1),
                f"the error is PCA's, but the columns of W2 have lengths {lengths.round(2)}. "
                "What can you divide by, and what does that do to T and its inverse?",
            )
            cosines = W2.T @ W2 - np.eye(k)
            _require(
                np.abs(cosines).max() > 1e-3,
                "the error is PCA's and all columns have length 1, but they are at right angles: "
                "a rotation of the axes. Which invertible T is no rotation?",
            )

    _report("1.3", examine, another_optimum)


def exercise_1_4(sensitivity):
    """Check the length of Dr(x) v for a direction v of any length."""

    def examine(attempt):
        rng = np.random.default_rng(14)
        tangent, oblique = np.array([1.0, 0.0]), np.array([1.0, 1.5])
        x, A = np.array([0.3, -0.2]), rng.normal(size=(2, 2))
        cases = [
            (lambda x: tangent * (oblique @ x), np.outer(tangent, oblique)),
            (lambda x: np.tanh(A @ x), np.diag(1 - np.tanh(A @ x) ** 2) @ A),
        ]
        for r, D in cases:
            for v in (np.array([0.0, 1.0]), np.array([3.0, 4.0]), np.array([-0.1, 0.05])):
                u = v / np.linalg.norm(v)
                right = np.linalg.norm(D @ u)
                value = float(_array(attempt(r, x.copy(), v.copy()), (), "the result"))
                _require(
                    np.isclose(right, np.linalg.norm(D @ v))
                    or not np.isclose(value, np.linalg.norm(D @ v), rtol=1e-3),
                    f"the direction {v} has length {np.linalg.norm(v):.3g}, and your answer grows "
                    "with that length. What should become of v first?",
                )
                _require(
                    not (
                        np.isclose(value, abs(u @ D @ u), rtol=1e-3)
                        or np.isclose(value, abs(v @ D @ v), rtol=1e-3)
                    )
                    or np.isclose(right, abs(u @ D @ u), rtol=1e-3),
                    "you multiply by v once more: v·Dr v is the part of the movement *along v*. "
                    "Where did the rest of the movement go?",
                )
                for factor, hint in (
                    (2, "twice too large. How far apart are the two points that you compare?"),
                    (0.5, "half of what it should be. How far apart are the points you compare?"),
                ):
                    _require(
                        not np.isclose(value, factor * right, rtol=1e-3),
                        f"for v = {v} the result is {hint}",
                    )
                _require(
                    np.isclose(value, right, rtol=1e-3),
                    f"for v = {v} you find {value:.4g}, which isn't the length of Dr(x) v. Is your "
                    "step small against the curvature of r, and large against rounding?",
                )

    _report("1.4", examine, sensitivity)


def exercise_1_5(cross_entropy_from_z):
    """Check the cross-entropy as a function of what comes before the sigmoid."""

    def examine(attempt):
        rng = np.random.default_rng(15)
        x, z = rng.uniform(size=(4, 3)), rng.normal(size=(4, 3))
        r = 1 / (1 + np.exp(-z))
        terms = -(x * np.log(r) + (1 - x) * np.log(1 - r))
        value = attempt(x.copy(), z.copy())
        _require(
            np.shape(value) != (4, 3),
            "you return one number for each pixel. The loss of an example is their sum.",
        )
        value = _array(value, (4,), "the result")
        _require(
            not _close(value, terms.mean(axis=1)),
            "you take the mean over pixels; -log P(x | h) of an image is the sum.",
        )
        _require(
            not _close(value, -terms.sum(axis=1)),
            "the sign is turned: a negative logarithm of a probability is never negative.",
        )
        _require(
            not _close(value, -(x * np.log(r)).sum(axis=1)),
            "only the ones pay. A pixel has two outcomes: does your sum have both?",
        )
        _require(
            _close(value, terms.sum(axis=1)),
            f"for moderate z you find {value[0]:.4g} where the formula with r = sigm(z) gives "
            "something else. Insert x = 1: what should be left?",
        )
        x = np.array([[1.0, 0.0], [0.0, 1.0], [0.3, 0.3]])
        z = np.array([[1000.0, -1000.0], [1000.0, -1000.0], [1000.0, -1000.0]])
        right = np.array([0.0, 2000.0, 1000.0])
        value = _array(attempt(x.copy(), z.copy()), (3,), "the result")
        _require(
            np.isfinite(value).all(),
            f"for z = ±1000 you get {value}. Which exponential overflows, or which logarithm "
            "sees a zero? Can the two logarithms be written with log(1 + e^z) alone?",
        )
        _require(
            _close(value, right),
            f"for x = (0, 1) and z = (1000, -1000) you get {value[1]:.4g}. Both pixels are wrong "
            "with certainty: should the loss be cut off there?",
        )

    _report("1.5", examine, cross_entropy_from_z)


def exercise_1_6(entropy_floor):
    """Check the smallest mean cross-entropy that any reconstruction can reach."""

    def examine(attempt):
        half = np.full((2, 3), 0.5)
        bits = np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 0.0]])
        grey = np.random.default_rng(16).uniform(0.01, 0.99, size=(5, 4))
        value = float(_array(attempt(half.copy()), (), "the result"))
        _require(
            not np.isclose(value, 3),
            "three pixels of 0.5 give 3: that is in bits. Asked for are nats.",
        )
        _require(
            not np.isclose(value, np.log(2)),
            "an image of three pixels of 0.5 gives log 2, as much as one pixel. Sum or mean?",
        )
        _require(
            not np.isclose(value, 6 * np.log(2)),
            "two images give twice as much as one. Asked for is the mean over images.",
        )
        _require(
            not np.isclose(value, 1.5 * np.log(2)),
            "pixels of 0.5 give half of what they should. A coin has two sides: are both there?",
        )
        _require(
            np.isclose(value, 3 * np.log(2), rtol=1e-5),
            f"for an image of three pixels of 0.5 you get {value:.4g}. Which r is best there, and "
            "what does one pixel cost at that r?",
        )
        value = float(_array(attempt(bits.copy()), (), "the result"))
        _require(
            np.isfinite(value),
            f"for pixels of exactly 0 and 1 you get {value}. What is the limit of x log x at 0?",
        )
        _require(abs(value) < 1e-3, f"bits that are known should cost 0, but you get {value:.3g}.")
        value = float(_array(attempt(bits.astype(np.float32)), (), "the result"))
        _require(
            np.isfinite(value),
            f"for the same pixels in float32 you get {value}. There, what is 1 - 1e-12?",
        )
        value = float(_array(attempt(grey.copy()), (), "the result"))
        right = -(grey * np.log(grey) + (1 - grey) * np.log(1 - grey)).sum(axis=1).mean()
        _require(
            np.isclose(value, right, rtol=1e-5),
            f"for grey pixels you get {value:.4g}. At which r is the cross-entropy of one pixel "
            "smallest?",
        )

    _report("1.6", examine, entropy_floor)


def exercise_2_1(softplus_slope):
    """Check the derivative of softplus, written with the activation alone."""

    def examine(attempt):
        z = np.array([-3.0, -0.5, 0.0, 1.0, 4.0])
        a = np.log1p(np.exp(z))
        slope = _array(attempt(a.copy()), a.shape, "the result")
        _require(
            not _close(slope, 1 / (1 + np.exp(-a))),
            "this is sigm(a). The derivative is the sigmoid of z, and you are given a: "
            "how do you get from a back to e^z?",
        )
        _require(
            not _close(slope, a * (1 - a)),
            "a(1 - a) is the sigmoid's derivative. What is the derivative of log(1 + e^z) in z?",
        )
        _require(
            not _close(slope, np.exp(-a)),
            f"at z = 4, where the curve is nearly a straight line of slope 1, you say "
            f"{slope[-1]:.3g}. Is this the slope, or what it lacks to 1?",
        )
        _require(
            _close(slope, 1 / (1 + np.exp(-z))),
            f"at z = 0 the activation is log 2 = {a[2]:.3g}; there you say {slope[2]:.4g}, but a "
            "difference of log(1 + e^z) says otherwise. What is e^a?",
        )

    _report("2.1", examine, softplus_slope)


def exercise_2_2(gradients):
    """Check the repaired backward pass of the network with one hidden layer."""

    def examine(attempt):
        for seed, (m, n1, n2, n3, decay) in enumerate(((6, 5, 3, 4, 0.3), (4, 2, 4, 2, 0.05))):
            rng = np.random.default_rng(seed)
            W1, b1 = rng.normal(size=(n2, n1)), rng.normal(size=n2)
            W2, b2 = rng.normal(size=(n3, n2)), rng.normal(size=n3)
            x, y = rng.normal(size=(m, n1)), rng.uniform(size=(m, n3))
            arguments = (W1, b1, W2, b2, x, y)
            found = attempt(*(array.copy() for array in arguments), decay)
            _require(
                isinstance(found, (tuple, list)) and len(found) == 4,
                "your function should return four arrays, the gradients of W1, b1, W2 and b2.",
            )
            a2 = 1 / (1 + np.exp(-(x @ W1.T + b1)))
            a3 = 1 / (1 + np.exp(-(a2 @ W2.T + b2)))
            delta3 = (a3 - y) * a3 * (1 - a3)
            delta2 = (delta3 @ W2) * a2 * (1 - a2)
            right = {
                "W1": delta2.T @ x / m + decay * W1,
                "b1": delta2.mean(axis=0),
                "W2": delta3.T @ a2 / m + decay * W2,
                "b2": delta3.mean(axis=0),
            }
            found = {
                name: _array(value, right[name].shape, f"the gradient of {name}")
                for value, name in zip(found, right, strict=True)
            }
            wrong = [name for name in right if not _close(found[name], right[name])]
            _require(
                not (
                    _close(found["W2"], delta3.T @ a2 / m + decay / m * W2)
                    or _close(found["W1"], delta2.T @ x / m + decay / m * W1)
                ),
                "the decay is m times too small. The cost has the mean over examples, and the "
                "decay beside it: does 1/m stand before both?",
            )
            _require(
                wrong != ["W1", "b1"],
                "W2 and b2 are right, W1 and b1 aren't: everything that uses delta2 is wrong, and "
                "nothing else. Which three factors does delta2 have?",
            )
            _require(
                not wrong,
                f"wrong: {', '.join(wrong)}; the others are right. Which line do these share, "
                "that the others don't use?",
            )

    _report("2.2", examine, gradients)


def exercise_2_3(tied_gradient):
    """Check the gradient of a weight matrix that serves in both layers."""

    def examine(attempt):
        # A square W first: with other sizes, a part that isn't transposed stops the code.
        for seed, (m, d, k) in enumerate(((7, 3, 3), (5, 4, 3))):
            rng = np.random.default_rng(seed)
            W, b1, b2 = rng.normal(size=(k, d)), rng.normal(size=k), rng.normal(size=d)
            x = rng.uniform(size=(m, d))
            a2 = 1 / (1 + np.exp(-(x @ W.T + b1)))
            r = 1 / (1 + np.exp(-(a2 @ W + b2)))
            delta3 = (r - x) * r * (1 - r)
            delta2 = (delta3 @ W.T) * a2 * (1 - a2)
            encoder, decoder = delta2.T @ x / m, a2.T @ delta3 / m
            found = attempt(W.copy(), b1.copy(), b2.copy(), x.copy())
            found = _array(found, (k, d), "the gradient of W")
            for part, name in ((encoder, "encoder"), (decoder, "decoder")):
                _require(
                    not _close(found, part),
                    f"this is the gradient through the {name} alone. W is used twice: a nudge of "
                    "one entry changes the cost by both ways.",
                )
            if k == d:
                _require(
                    not (_close(found, encoder + decoder.T) or _close(found, encoder.T + decoder)),
                    "here k = d, and one part is transposed. If the decoder's matrix is Wᵀ, which "
                    "entry of it does W[i, j] become?",
                )
                _require(
                    not _close(found, (encoder + decoder).T),
                    "this is the transpose of the gradient. W[i, j] leads from where to where?",
                )
            for factor, hint in (
                (0.5, "half of it. The two ways add up: is there a mean?"),
                (m, "m times too large. The cost is a mean over examples."),
                (-1, "its negative. Which way does the cost change?"),
                (2, "twice too large. The loss has a factor 1/2."),
            ):
                _require(not _close(found, factor * (encoder + decoder)), f"you have {hint}")
            _require(
                _close(found, encoder + decoder),
                f"for d = {d}, k = {k} your first entry is {found[0, 0]:.4g}, but differences of "
                f"the cost give {(encoder + decoder)[0, 0]:.4g}. Write the two layers with W1 and "
                "W2 first: what are their gradients, and how does each depend on W?",
            )

    _report("2.3", examine, tied_gradient)


def exercise_2_4(softmax_loss):
    """Check loss and error term of a softmax layer, for a batch and without overflow."""

    def examine(attempt):
        rng = np.random.default_rng(24)
        z, y = 2 * rng.normal(size=(5, 3)), np.array([0, 2, 1, 1, 0])
        rows = np.arange(5)
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        wanted = np.eye(3)[y]
        loss, delta = _pair(attempt(z.copy(), y.copy()), "the losses and the error terms")
        _require(
            np.shape(loss) != (),
            "you return one loss for the whole batch. Asked for is one for each example.",
        )
        loss = _array(loss, (5,), "the array of losses")
        delta = _array(delta, (5, 3), "the array of error terms")
        _require(
            not _close(loss, np.log(p[rows, y])),
            "the loss is negative. What is the sign of the logarithm of a probability?",
        )
        _require(
            _close(loss, -np.log(p[rows, y])),
            f"for z = {np.round(z[0], 2)} and y = 0 the loss isn't {loss[0]:.4g}. Which "
            "probability does the softmax give to the right class? Its negative logarithm?",
        )
        _require(
            not _close(delta, wanted - p),
            "the error terms have the wrong sign: raising z of the right class should lower the "
            "loss.",
        )
        _require(
            not _close(delta, p),
            "delta is p for every class. What makes the right class different?",
        )
        _require(
            not _close(delta, (p - wanted) / 5),
            "delta is divided by m. In this course delta belongs to one example; 1/m comes with "
            "the gradients.",
        )
        _require(
            not _close(delta, (p - wanted) * p * (1 - p)),
            "delta has a factor p(1 - p) too much. What became of it when you inserted the "
            "derivative of the logarithm?",
        )
        _require(
            _close(delta, p - wanted),
            f"the losses are right, but delta isn't their derivative: its first row is "
            f"{np.round(delta[0], 3)}, and a row of delta must add up to 0. Does yours?",
        )
        z = np.array([[1000.0, 0.0, 0.0], [0.0, -1000.0, -1000.0], [-2000.0, -2000.0, -2001.0]])
        y = np.array([0, 1, 2])
        right = np.array([0.0, 1000.0, np.log(2 + np.exp(-1.0)) + 1])
        loss, delta = attempt(z.copy(), y.copy())
        loss, delta = _array(loss, (3,), "the losses"), _array(delta, (3, 3), "the error terms")
        _require(
            not (np.isfinite(loss[0]) and not np.isfinite(loss[1:]).all()),
            f"rows with z = (1000, 0, 0) and (-2000, -2000, -2001) in one batch: the losses are "
            f"{loss}. From which row does the maximum come that you subtract?",
        )
        _require(
            np.isfinite(loss).all() and np.isfinite(delta).all(),
            f"for z = (1000, 0, 0) the loss is {loss[0]}. Which exponential overflows? What may "
            "be subtracted from all z of a row without changing p?",
        )
        _require(
            _close(loss, right),
            f"for z = (0, -1000, -1000) and y = 1 the loss is {loss[1]:.4g}. The network is wrong "
            "with certainty: does your logarithm see a number that was cut off?",
        )
        p = np.array([[1, 0, 0], [1, 0, 0], np.exp([0, 0, -1.0]) / (2 + np.exp(-1.0))])
        _require(
            _close(delta, p - np.eye(3)[y]),
            "for |z| = 1000 the losses are right, but the error terms aren't. Do both use the same "
            "shifted z?",
        )

    _report("2.4", examine, softmax_loss)


def exercise_2_5(gradient_error):
    """Check a repaired gradient check: what it says to right and to wrong gradients."""

    def examine(attempt):
        theta = np.array([0.7, -1.2, 0.4, 2.0])

        def cost(t):
            return float(np.sin(t).sum() + t[0] * t[1] ** 2)

        right = np.cos(theta) + np.array([theta[1] ** 2, 2 * theta[0] * theta[1], 0, 0])
        given = theta.copy()
        of_right = float(_array(attempt(cost, right.copy(), given), (), "the result"))
        _require(
            np.array_equal(given, theta),
            "after the check, theta is not what it was: whoever trains on now starts elsewhere. "
            "Which line writes into the caller's array?",
        )
        _require(
            not np.isclose(of_right, 1, rtol=1e-3),
            "a right gradient still gets error 1: your differences are all zero. Are `plus` and "
            "`minus` two arrays, or two names for one?",
        )
        _require(
            not np.isclose(of_right, 1 / 3, rtol=1e-3),
            "a right gradient gets error 1/3: your differences are twice or half of what they "
            "should be. How far apart are the two points?",
        )
        _require(
            not 1e-7 < of_right < 1e-3,
            f"a right gradient gets error {of_right:.1e}. Do you step to both sides? Is the step "
            "small against the curvature, and large against rounding?",
        )
        _require(
            of_right < 1e-7,
            f"a right gradient gets error {of_right:.2g}. After entry k, is it put back before "
            "entry k + 1 is nudged?",
        )
        for wrong, name in (
            (2 * right, "twice the right gradient"),
            (-right, "the negative gradient"),
            (right + np.array([0, 0, 0, 0.1]), "a gradient with one wrong entry"),
            (right[::-1], "the entries in wrong order"),
        ):
            value = float(_array(attempt(cost, wrong.copy(), theta.copy()), (), "the result"))
            _require(
                not value < 1e-3,
                f"for {name} you report {value:.1e}: such a check can't fail. What is compared "
                "with what?",
            )

    _report("2.5", examine, gradient_error)


def exercise_2_6(four_point):
    """Check a difference from four points whose error falls with the fourth power of the step."""

    def examine(attempt):
        def at(f, x, step):
            return float(_array(attempt(f, x, step), (), "the result"))

        line = at(lambda x: 3 * x, 1.0, 0.1)
        _require(
            np.isclose(line, 3, rtol=1e-9),
            f"the line 3x has slope 3, and you say {line:.4g}. Do the weights of your four points, "
            "times their distances, add up to 1?",
        )
        parabola = at(lambda x: x**2, 1.0, 0.1)
        _require(
            np.isclose(parabola, 2, rtol=1e-9),
            f"x² has slope 2 at 1, and you say {parabola:.4g}. What must hold for the weights of "
            "x + η and x - η so that the even powers of η cancel?",
        )
        cubic = at(lambda x: x**3, 1.0, 0.1)
        _require(
            np.isclose(cubic, 3, rtol=1e-9),
            f"x³ has slope 3 at 1, and you say {cubic:.4g}: the error is {cubic - 3:+.2g}, so the "
            "term in η² is still there. Which combination of the two central differences, with "
            "step η and with step 2η, cancels it?",
        )
        errors = [abs(at(np.exp, 0.5, step) - np.exp(0.5)) for step in (0.2, 0.1)]
        _require(
            14 < errors[0] / max(errors[1], 1e-300) < 18,
            f"half the step should divide the error by 16, but on exp it divides it by "
            f"{errors[0] / max(errors[1], 1e-300):.3g}. Do you use f itself at four points?",
        )

    _report("2.6", examine, four_point)


def exercise_3_1(not_sparse):
    """Check a code of ten units that has no KL penalty although every unit is always on."""

    def examine(attempt):
        for m, rho in ((20, 0.05), (7, 0.2)):
            h = _array(attempt(m, rho), (m, 10), "the code")
            _require(
                bool((h > 0).all() and (h < 1).all()),
                f"the activations run from {h.min():.3g} to {h.max():.3g}, but a sigmoid stays "
                "between 0 and 1 and reaches neither. That a unit is exactly silent isn't needed: "
                "which number does the penalty look at?",
            )
            rho_hat = h.mean(axis=0)
            worst = rho_hat[np.argmax(np.abs(rho_hat - rho))]
            _require(
                abs(worst - rho) < 1e-9,
                f"a unit has the mean {worst:.3g} over the {m} examples, and a penalty above 0 at "
                f"rho = {rho}. At which mean is the penalty 0?",
            )
            _require(
                h.min() >= rho / 2,
                f"no penalty, but some activations are as small as {h.min():.2g}: that is sparse. "
                "Can a unit have this mean without ever being silent?",
            )

    _report("3.1", examine, not_sparse)


def exercise_3_2(hidden_error):
    """Check the repaired hidden error term of the sparse autoencoder."""

    def examine(attempt):
        rng = np.random.default_rng(32)
        for m, n_hidden, d in ((7, 3, 5), (4, 2, 6)):
            delta3, W2 = rng.normal(size=(m, d)), rng.normal(size=(d, n_hidden))
            a2, rho, beta = rng.uniform(0.05, 0.95, size=(m, n_hidden)), 0.1, 3.0
            slope, back = a2 * (1 - a2), delta3 @ W2

            def push(p, rho=rho, beta=beta):
                return beta * ((1 - rho) / (1 - p) - rho / p)

            shared = push(a2.mean(axis=0))
            right = (back + shared) * slope
            arguments = (delta3.copy(), W2.copy(), a2.copy(), rho, beta)
            value = _array(attempt(*arguments), (m, n_hidden), "the result")
            for wrong, hint in (
                (
                    back * slope + shared,
                    "the penalty's part isn't multiplied by the slope. The penalty depends on a2, "
                    "and the derivative is one in z2: which link of the chain is missing?",
                ),
                (
                    (back + push(a2)) * slope,
                    "each example uses its own activation where the mean belongs. Which number "
                    "does the penalty look at?",
                ),
                (
                    back * slope + push(a2),
                    "two things are still wrong: whose mean is rho_hat, and what is multiplied "
                    "by the slope?",
                ),
                (
                    (back + push(a2.mean(axis=1, keepdims=True))) * slope,
                    "the mean runs over the units of one example. Over what does rho_hat run?",
                ),
                (
                    (back + push(a2.mean())) * slope,
                    "one mean serves all units. How many numbers rho_hat are there?",
                ),
                (
                    back * slope + shared * a2.mean(axis=0) * (1 - a2.mean(axis=0)),
                    "the penalty's part is multiplied by the slope at the *mean* activation. "
                    "Whose z does this example's error term belong to?",
                ),
                (
                    (back - shared) * slope,
                    "the penalty pushes the wrong way: a unit that is too active becomes more so. "
                    "What is the sign of KL's derivative where rho_hat > rho?",
                ),
                (
                    (back + shared / m) * slope,
                    "there is a factor 1/m too many. The error term is m times the derivative of "
                    "J: where does the m go?",
                ),
                ((back + shared / beta) * slope, "beta is missing."),
                (back * slope, "the penalty has no part in it at all."),
                (
                    (back - beta * rho / a2.mean(axis=0)) * slope,
                    "only one of the two terms of the penalty's derivative is there. What pushes "
                    "an overactive unit down?",
                ),
            ):
                _require(not _close(value, wrong), hint)
            _require(
                _close(value, right),
                "it differs from the derivative of the cost in z2. Compare your lines with the "
                "formula in the text, factor by factor.",
            )

    _report("3.2", examine, hidden_error)


def exercise_3_3(best_patch):
    """Check the patch of mean 0 and bounded norm that excites a unit most."""

    def examine(attempt):
        rng = np.random.default_rng(33)
        for d in (6, 64):
            w = rng.normal(size=d) + 1
            x = _array(attempt(w.copy()), (d,), "the patch")
            plain = w / np.linalg.norm(w)
            _require(
                not _close(x, plain),
                f"w/||w|| would be right without the second condition, but its entries add up to "
                f"{plain.sum():.2g}. Which part of w changes no weighted sum of a patch of mean 0?",
            )
            _require(
                abs(x.sum()) < 1e-6,
                f"the entries add up to {x.sum():.3g}, so the mean isn't 0.",
            )
            norm = np.linalg.norm(x)
            _require(
                norm < 1 + 1e-6,
                f"the patch has norm {norm:.3g}, more than 1. In which order do you take away the "
                "mean and divide by the norm?",
            )
            centred = w - w.mean()
            best = np.linalg.norm(centred)
            _require(
                w @ x > 0,
                "your patch turns the unit off rather than on: w·x is negative.",
            )
            _require(
                w @ x > best * (1 - 1e-6),
                f"your patch gives w·x = {w @ x:.4g}, and a better one exists (norm "
                f"{norm:.3g}, and 1 is allowed). Among vectors of mean 0, which lies in w's "
                "direction?",
            )

    _report("3.3", examine, best_patch)


def exercise_3_4(shrink):
    """Check the minimiser of (z - h)^2 / 2 + beta |h|, entry by entry."""

    def examine(attempt):
        z = np.array([[-3.0, -0.4, 0.0], [0.2, 0.9, 2.5]])
        for beta in (0.5, 1.0):
            h = _array(attempt(z.copy(), beta), z.shape, "the result")
            right = np.sign(z) * np.maximum(np.abs(z) - beta, 0)
            for wrong, hint in (
                (
                    z - beta * np.sign(z),
                    f"for z = 0.2 and beta = {beta:g} you give {h[1, 0]:.3g}, on the other side of "
                    "0. Is the cost there below that of h = 0?",
                ),
                (
                    np.where(np.abs(z) > beta, z, 0),
                    "you cut off what is small and keep the rest as it is. Where is the derivative "
                    "zero for h > 0?",
                ),
                (
                    np.maximum(z - beta, 0),
                    "right for positive z, but z = -3 gives 0. The penalty asks for |h|: what "
                    "happens on the other side?",
                ),
                (
                    z / (1 + beta),
                    "this is what a penalty on h²/2 does: everything shrinks, nothing becomes 0.",
                ),
                (
                    np.sign(z) * np.maximum(np.abs(z) - 2 * beta, 0),
                    "the form is right, a factor 2 isn't. What is the derivative of (z - h)²/2?",
                ),
                (
                    np.sign(z) * np.maximum(np.abs(z) - beta / 2, 0),
                    "the form is right, a factor 2 isn't. What is the derivative of (z - h)²/2?",
                ),
            ):
                _require(not _close(h, wrong), hint)
            worst = np.unravel_index(np.argmax(np.nan_to_num(np.abs(h - right), nan=9)), z.shape)
            _require(
                _close(h, right),
                f"for z = {z[worst]:g} and beta = {beta:g} you give {h[worst]:.4g}, and a smaller "
                "cost exists. Write the cost on that side of 0 without the bars: where is its "
                "derivative zero, and does that place lie on that side?",
            )

    _report("3.4", examine, shrink)


def exercise_3_5(top_k):
    """Check the repaired top-k: the k largest entries of each example's code."""

    def examine(attempt):
        rng = np.random.default_rng(35)
        cases = [
            (np.array([[0.9, 0.1, 0.8, 0.7], [0.2, 0.3, 0.4, 0.6], [0.5, 0.0, 0.1, 0.2]]), 2),
            (rng.uniform(size=(6, 5)), 1),
            (rng.normal(size=(5, 7)), 3),
        ]
        for h, k in cases:

            def largest(h, axis, k=k):
                places = np.argsort(-h, axis=axis).argsort(axis=axis)
                return places < k

            try:
                result = attempt(h.copy(), k)
            except IndexError:
                raise _Slip(
                    "places and entries don't match (IndexError). Sorting, taking and putting: do "
                    "all three run along the axis of the units, and which part of the sorted "
                    "array holds the last k of *each row*?"
                ) from None
            value = _array(result, h.shape, "the result")
            right = np.where(largest(h, 1), h, 0)
            kept = (value != 0).sum(axis=1)
            for wrong, hint in (
                (
                    np.where(largest(h, 0), h, 0),
                    f"each *unit* keeps its {k} strongest examples, so that the examples keep "
                    f"{kept.min()} to {kept.max()} units. Along which axis do units compete?",
                ),
                (
                    largest(h, 1).astype(float),
                    "these are the right places, marked by ones. What does the decoder need?",
                ),
                (
                    np.where(largest(-h, 1), h, 0),
                    "these are the smallest entries. Which end of a sorted row is that?",
                ),
                (
                    np.where(np.arange(len(h))[:, None] >= len(h) - k, h, 0),
                    f"the last {k} examples keep everything, and the others nothing. Which part "
                    "of the sorted array holds the last k of *each row*?",
                ),
                (
                    np.where(largest(h.ravel(), 0, k * len(h)).reshape(h.shape), h, 0),
                    "the units of all examples compete with each other. Who competes with whom?",
                ),
            ):
                _require(not _close(value, wrong) or _close(wrong, right), hint)
            _require(
                not _close(value, np.where(largest(np.abs(h), 1), h, 0)) or _close(value, right),
                "a code of -2 beats one of 1 in your version. Asked for are the largest entries, "
                "not the largest in absolute value.",
            )
            _require(
                _close(value, right),
                f"of the code {h[0].round(2)} with k = {k} you keep {value[0].round(2)}. Which {k} "
                "should be left, and are the others exactly 0?",
            )

    _report("3.5", examine, top_k)
