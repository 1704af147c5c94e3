"""Figures of the course: functions take arrays, draw into an axes and return it."""

import matplotlib.pyplot as plt
import numpy as np


def image_grid(images, *, columns, shape=None, limits=(0, 1), cmap="gray", gap=1, ax=None):
    """Draw images as the tiles of one picture, row by row.

    Parameters
    ----------
    images : array_like, shape (n, height * width)
    columns : int
        Tiles in a row; the last row may be shorter.
    shape : tuple of int, optional
        Height and width of an image. Default: square.
    limits : tuple of float, or "each"
        Values drawn in the first and the last colour. "each" scales every image symmetrically
        about 0 by its own largest absolute value: for weights, where only the pattern counts.
    cmap : str
        Name of a matplotlib colour map.
    gap : int
        Pixels between the tiles, without colour.
    ax : Axes, optional
        Where to draw. Default: the current axes.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the images can't be put into that shape.
    """
    ax = plt.gca() if ax is None else ax
    picture, limits, _ = _tiles(images, columns, shape, limits, gap)
    ax.imshow(picture, cmap=cmap, vmin=limits[0], vmax=limits[1], interpolation="nearest")
    ax.set_axis_off()
    return ax


def image_rows(rows, *, shape=None, limits=(0, 1), cmap="gray", gap=1, ax=None):
    """Draw several sets of images below each other, each with its name at the left.

    Parameters
    ----------
    rows : list of (str, array_like of shape (n, height * width))
        The name of each row and its images, the same number in every row.
    shape, limits, cmap, gap, ax
        As in `image_grid`.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the rows differ in length, or the images can't be put into that shape.
    """
    ax = plt.gca() if ax is None else ax
    names, sets = zip(*rows, strict=True)
    columns = len(sets[0])
    if any(len(images) != columns for images in sets):
        raise ValueError(f"every row needs {columns} images, got {[len(row) for row in sets]}")
    images = np.concatenate([np.asarray(row) for row in sets])
    picture, limits, height = _tiles(images, columns, shape, limits, gap)
    ax.imshow(picture, cmap=cmap, vmin=limits[0], vmax=limits[1], interpolation="nearest")
    ax.set_xticks([])
    ax.set_yticks(gap + height / 2 - 0.5 + (height + gap) * np.arange(len(names)), names)
    ax.tick_params(length=0, labelsize=14)
    ax.spines[:].set_visible(False)
    return ax


def filters(weights, *, columns, shape=None, ax=None):
    """Draw, for each unit, the input of norm 1 that excites it most: w / ||w||.

    Each tile has its own scale, symmetric about grey for 0: only the pattern counts.

    Parameters
    ----------
    weights : array_like, shape (k, height * width)
        The weights of one unit a row.
    columns : int
        Tiles in a row.
    shape : tuple of int, optional
        Height and width of a filter. Default: square.
    ax : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the weights can't be put into that shape.
    """
    weights = np.asarray(weights, dtype=float)
    norms = np.linalg.norm(weights, axis=-1, keepdims=True)
    inputs = weights / np.where(norms > 0, norms, 1)
    return image_grid(inputs, columns=columns, shape=shape, limits="each", ax=ax)


def _tiles(images, columns, shape, limits, gap):
    images = np.asarray(images, dtype=float)
    side = round(images.shape[-1] ** 0.5)
    height, width = (side, side) if shape is None else shape
    if images.ndim != 2 or height * width != images.shape[1]:
        raise ValueError(f"images of shape {images.shape} are not rows of {height}x{width} pixels")
    if isinstance(limits, str):
        largest = np.abs(images).max(axis=1, keepdims=True)
        images, limits = images / np.where(largest > 0, largest, 1), (-1, 1)
    rows = -(-len(images) // columns)
    picture = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap), np.nan)
    for index, image in enumerate(images):
        top = gap + (index // columns) * (height + gap)
        left = gap + (index % columns) * (width + gap)
        picture[top : top + height, left : left + width] = image.reshape(height, width)
    return picture, limits, height


def autoencoder_diagram(x, h, r, *, ax=None):
    """Draw the parts of an autoencoder around one real image.

    Parameters
    ----------
    x, r : array_like, shape (height * width,)
        A square input image and its reconstruction, in [0, 1].
    h : array_like, shape (k,)
        The code: drawn as a column of k cells, dark for low and light for high values.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = plt.gca() if ax is None else ax
    side = round(len(x) ** 0.5)
    for left, image in ((0, x), (8, r), (10.9, np.abs(np.asarray(x) - np.asarray(r)))):
        ax.imshow(
            np.asarray(image).reshape(side, side),
            extent=(left, left + 2, 0, 2),
            cmap="gray",
            vmin=0,
            vmax=1,
        )
    ax.imshow(np.asarray(h)[:, None], extent=(4.85, 5.15, 0.1, 1.9), aspect="auto", cmap="gray")
    ax.add_patch(plt.Rectangle((4.85, 0.1), 0.3, 1.8, fill=False, linewidth=1))
    for corners, name in (
        (((2.3, 0), (2.3, 2), (4.5, 1.4), (4.5, 0.6)), "encoder\n$f$"),
        (((7.7, 0), (7.7, 2), (5.5, 1.4), (5.5, 0.6)), "decoder\n$g$"),
    ):
        ax.add_patch(plt.Polygon(corners, facecolor="#56B4E9", alpha=0.6))
        ax.text(np.mean([x for x, _ in corners]), 1, name, ha="center", va="center", fontsize=15)
    for centre, name in (
        (1, "input $x$"),
        (5, "code $h=f(x)$"),
        (9, "reconstruction\n$r(x)=g(h)$"),
        (11.9, "error of each\npixel, $|x-r|$"),
    ):
        ax.text(centre, -0.15, name, ha="center", va="top", fontsize=14)
    ax.set_xlim(-0.1, 13)
    ax.set_ylim(-0.9, 2.1)
    ax.set_aspect("equal")
    ax.set_axis_off()
    return ax


def arrows(points, vectors, *, color, width=0.008, label=None, ax=None):
    """Draw vectors at points of the plane, in the units of the axes.

    Parameters
    ----------
    points, vectors : array_like, shape (n, 2)
    color : str
    width : float
        Width of a shaft, as a share of the width of the axes.
    label : str, optional
        For the legend.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = plt.gca() if ax is None else ax
    points, vectors = np.asarray(points), np.asarray(vectors)
    ax.quiver(
        *points.T,
        *vectors.T,
        color=color,
        label=label,
        angles="xy",
        scale_units="xy",
        scale=1,
        width=width,
        zorder=3,
    )
    return ax


def code_map(codes, labels, *, ax=None):
    """Draw two-dimensional codes as a map on which every example is its own digit.

    Parameters
    ----------
    codes : array_like, shape (n, 2)
    labels : array_like of int, shape (n,)
        Classes from 0 to 9: the marker is the digit itself, so that no reader depends on colour.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = plt.gca() if ax is None else ax
    codes, labels = np.asarray(codes), np.asarray(labels)
    for digit in np.unique(labels):
        chosen = codes[labels == digit]
        ax.scatter(*chosen.T, marker=f"${digit}$", s=45, linewidth=0.3, color=f"C{digit % 7}")
    return ax


def network_diagram(nodes, edges, *, titles, notes=None, backward=False, ax=None):
    """Draw a small layered network with a number on every unit and every connection.

    Parameters
    ----------
    nodes : list of array_like
        For each layer the numbers in its units, in [-99, 99].
    edges : list of array_like
        For each pair of neighbouring layers the numbers on the connections, shape
        (units of the right layer, units of the left layer), as a weight matrix. Blue lines are
        positive, dashed orange ones negative.
    titles : list of str
        One for each layer.
    notes : list of list of str, optional
        What stands below each unit.
    backward : bool
        Whether the arrows run from right to left.
    ax : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the shape of an edge matrix doesn't fit its layers.
    """
    ax = plt.gca() if ax is None else ax
    sizes = [len(layer) for layer in nodes]
    expected = list(zip(sizes[1:], sizes[:-1], strict=True))
    shapes = [np.shape(matrix) for matrix in edges]
    if shapes != expected:
        raise ValueError(f"layers of {sizes} units need edges of shapes {expected}, got {shapes}")
    places = [
        np.stack([np.full(size, 4.0 * layer), (size - 1) - 2.0 * np.arange(size)], axis=1)
        for layer, size in enumerate(sizes)
    ]
    for left, right, matrix in zip(places[:-1], places[1:], edges, strict=True):
        # Labels stand where fewer lines meet: near the layer that has more units.
        share = 0.27 if len(left) >= len(right) else 0.73
        for (j, i), value in np.ndenumerate(np.asarray(matrix)):
            start, end = (right[j], left[i]) if backward else (left[i], right[j])
            color = "C0" if value >= 0 else "C1"
            ax.annotate(
                "",
                end,
                start,
                arrowprops={
                    "arrowstyle": "-|>",
                    "color": color,
                    "linestyle": "-" if value >= 0 else "--",
                    "shrinkA": 34,
                    "shrinkB": 34,
                },
            )
            ax.text(
                *(left[i] + share * (right[j] - left[i])),
                _short(value),
                color=color,
                ha="center",
                va="center",
                fontsize=13,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
            )
    for layer, (place, values) in enumerate(zip(places, nodes, strict=True)):
        ax.scatter(*place.T, s=4500, color="white", edgecolor="black", zorder=3)
        for unit, value in enumerate(values):
            ax.text(*place[unit], _short(value), ha="center", va="center", fontsize=14, zorder=4)
            if notes is not None:
                below = place[unit] - (0, 0.82)
                ax.text(*below, notes[layer][unit], ha="center", va="center", fontsize=12)
    top = max(sizes) + 0.1
    for layer, title in enumerate(titles):
        ax.text(4 * layer, top, title, ha="center", va="bottom", fontsize=14)
    ax.set(xlim=(-0.8, 4 * len(sizes) - 3.2), ylim=(-max(sizes) - 0.1, top + 0.7))
    ax.set_axis_off()
    return ax


def _short(value):
    """A number with three decimals, or with fewer if these say it exactly; no minus before 0."""
    text = f"{value:.3f}"
    if abs(float(text) - value) < 1e-9:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text.replace("-", "\N{MINUS SIGN}")
