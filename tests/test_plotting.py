import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

from course_utils import plotting


@pytest.fixture
def ax():
    fig, ax = plt.subplots()
    yield ax
    plt.close(fig)


def picture(ax):
    return np.ma.filled(ax.images[0].get_array(), np.nan)


def test_image_grid_puts_images_row_by_row(ax):
    images = np.arange(3)[:, None] * np.ones((3, 4)) / 2
    assert plotting.image_grid(images, columns=2, ax=ax) is ax
    drawn = picture(ax)
    assert drawn.shape == (7, 7)
    assert (drawn[1:3, 1:3] == 0).all()
    assert (drawn[1:3, 4:6] == 0.5).all()
    assert (drawn[4:6, 1:3] == 1).all()
    assert np.isnan(drawn[4:6, 4:6]).all()
    assert np.isnan(drawn[0]).all()


def test_image_grid_keeps_the_orientation_of_an_image(ax):
    plotting.image_grid(np.arange(6.0)[None], columns=1, shape=(2, 3), gap=0, ax=ax)
    np.testing.assert_array_equal(picture(ax), [[0, 1, 2], [3, 4, 5]])


def test_weights_are_scaled_each_by_itself(ax):
    weights = np.array([[1.0, -2, 0, 0], [0, 0, 0, 0.1], [0, 0, 0, 0]])
    plotting.image_grid(weights, columns=3, limits="each", gap=0, ax=ax)
    np.testing.assert_allclose(picture(ax), [[0.5, -1, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0]])
    assert ax.images[0].get_clim() == (-1, 1)


def test_filters_show_the_same_pattern_whatever_the_scale_of_the_weights(ax):
    w = np.array([3.0, -4, 0, 2])
    assert plotting.filters([w, 100 * w, 0 * w], columns=3, ax=ax) is ax
    drawn = picture(ax)
    np.testing.assert_allclose(drawn[1:3, 1:3].ravel(), w / 4)
    np.testing.assert_allclose(drawn[1:3, 4:6].ravel(), w / 4)
    assert (drawn[1:3, 7:9] == 0).all()
    with pytest.raises(ValueError, match="not rows of"):
        plotting.filters(np.ones((2, 5)), columns=1, ax=ax)


def test_image_rows_names_its_rows(ax):
    rows = [("input", np.zeros((2, 4))), ("output", np.ones((2, 4)))]
    plotting.image_rows(rows, ax=ax)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["input", "output"]
    drawn = picture(ax)
    for tick, value in zip(ax.get_yticks(), (0, 1), strict=True):
        assert drawn[round(tick), 1] == value


def test_image_rows_wants_rows_of_equal_length(ax):
    with pytest.raises(ValueError, match=r"every row needs 2 images, got \[2, 3\]"):
        plotting.image_rows([("a", np.zeros((2, 4))), ("b", np.zeros((3, 4)))], ax=ax)


@pytest.mark.parametrize("images", [np.zeros((2, 5)), np.zeros(4)])
def test_images_need_a_shape(images, ax):
    with pytest.raises(ValueError, match="images"):
        plotting.image_grid(images, columns=1, ax=ax)


def test_code_map_draws_every_example_once(ax):
    rng = np.random.default_rng(0)
    codes, labels = rng.normal(size=(50, 2)), rng.integers(0, 10, size=50)
    plotting.code_map(codes, labels, ax=ax)
    drawn = np.concatenate([points.get_offsets() for points in ax.collections])
    np.testing.assert_allclose(np.sort(drawn, axis=0), np.sort(codes, axis=0))
    assert len(ax.collections) == len(np.unique(labels))


def test_arrows_are_in_the_units_of_the_axes(ax):
    plotting.arrows([[0, 0], [1, 1]], [[1, 2], [3, 4]], color="C0", label="v", ax=ax)
    quiver = ax.collections[0]
    np.testing.assert_array_equal([quiver.U, quiver.V], [[1, 3], [2, 4]])
    assert quiver.scale == 1
    assert quiver.angles == quiver.scale_units == "xy"


def test_diagram_shows_input_code_reconstruction_and_error(ax):
    x, h, r = np.full(9, 0.5), np.arange(3.0), np.full(9, 0.25)
    plotting.autoencoder_diagram(x, h, r, ax=ax)
    shown = [np.asarray(image.get_array()) for image in ax.images]
    assert [image.shape for image in shown] == [(3, 3), (3, 3), (3, 3), (3, 1)]
    np.testing.assert_allclose(shown[2], 0.25)
    words = " ".join(text.get_text() for text in ax.texts)
    for part in ("input", "encoder", "code", "decoder", "reconstruction", "error"):
        assert part in words


def test_style_has_colours_for_every_reader():
    with plt.style.context("course_utils.lecture"):
        colours = plt.rcParams["axes.prop_cycle"].by_key()["color"]
        assert plt.rcParams["font.size"] >= 14
        weights = np.array([0.299, 0.587, 0.114])
        grey = [matplotlib.colors.to_rgb(colour) @ weights for colour in colours[:2]]
    assert len(set(colours)) == 8
    assert abs(grey[0] - grey[1]) > 0.2


def test_network_diagram_writes_every_number_once(ax):
    nodes = [[1, 0, -0.5], [0.25, 0.75], [0.1111]]
    edges = [[[2, -2, 3], [4, 5, 6]], [[7, -8.5]]]
    titles = ["left", "middle", "right"]
    assert plotting.network_diagram(nodes, edges, titles=titles, ax=ax) is ax
    texts = [text.get_text() for text in ax.texts if text.get_text()]
    numbers = [
        "1",
        "0",
        "-0.5",
        "0.25",
        "0.75",
        "0.111",
        "2",
        "-2",
        "3",
        "4",
        "5",
        "6",
        "7",
        "-8.5",
    ]
    numbers = [number.replace("-", "\N{MINUS SIGN}") for number in numbers]
    assert sorted(texts) == sorted([*numbers, *titles])
    negative = [text for text in ax.texts if text.get_text()[1:] in {"2", "8.5"}]
    assert {text.get_color() for text in negative} == {"C1"}


def arrow_ends(ax):
    return {(tuple(arrow.xyann), tuple(arrow.xy)) for arrow in ax.texts if not arrow.get_text()}


def test_network_diagram_turns_its_arrows_backward(ax):
    arguments = [[1, 2], [3]], [[[4, 5]]]
    plotting.network_diagram(*arguments, titles="ab", notes=[["p", "q"], ["r"]], ax=ax)
    forward = arrow_ends(ax)
    assert forward == {((0, 1), (4, 0)), ((0, -1), (4, 0))}
    assert {"p", "q", "r"} <= {text.get_text() for text in ax.texts}
    ax.clear()
    plotting.network_diagram(*arguments, titles="ab", backward=True, ax=ax)
    assert arrow_ends(ax) == {(end, start) for start, end in forward}


def test_network_diagram_names_edges_that_do_not_fit(ax):
    with pytest.raises(ValueError, match=r"need edges of shapes \[\(1, 2\)\]"):
        plotting.network_diagram([[1, 2], [3]], [[[4], [5]]], titles="ab", ax=ax)
