"""One style for every picture of the course.

Figures stand on light paper in notebooks, and on the page itself in the book, where a dark page has its own form of each
(autograder/publishing/figures.py). Colours are those of the Okabe-Ito palette, which colour-blind readers can tell apart, darkened
until lines and letters stand out on paper; no picture relies on colour alone.
"""

import itertools
import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch
from matplotlib.ticker import LogLocator

PAPER = "#fcfbf8"
INK = "#22252b"
SOFT = "#6b675e"
FAINT = "#c9c6bd"
BLUE = "#0067a3"
ORANGE = "#b85000"
GREEN = "#007f5b"
AMBER = "#b57a00"
SKY = "#3a94cc"
PINK = "#b0508a"
PALE_BLUE = "#dcebf5"
PALE_ORANGE = "#fbe3d5"
"""Ink, soft, blue, orange, green and pink can be read on paper (contrast 4.5), amber and sky seen (3); faint is for
grids, and the pale ones are grounds for ink."""

SIGNED = "RdBu_r"
"""Colour map for responses that may be negative: blue below zero, white at zero, red above."""

plt.rcParams.update(
    {
        "figure.facecolor": PAPER,
        "savefig.facecolor": PAPER,
        "axes.facecolor": PAPER,
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "axes.titlesize": 11,
        "axes.titlecolor": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.prop_cycle": plt.cycler(color=[BLUE, ORANGE, GREEN, AMBER, PINK, SKY]),
        "text.color": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "font.size": 10.5,
        "font.family": "DejaVu Sans",
        "figure.dpi": 110,
        "savefig.dpi": 160,
        "savefig.bbox": "tight",
        "savefig.pad_inches": 0.12,
        "legend.frameon": False,
    }
)


def panels(
    count: int, *, width: float = 2.2, height: float = 2.4, columns: int | None = None
) -> tuple[Figure, list[Axes]]:
    """Make a figure with `count` axes side by side (or in rows of `columns`); sizes in inches per panel."""
    columns = columns or count
    rows = -(-count // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(width * columns, height * rows), squeeze=False, layout="constrained"
    )
    axes = list(grid.flat)
    for spare in axes[count:]:
        spare.axis("off")
    return figure, axes[:count]


def picture(
    ax: Axes,
    image: np.ndarray,
    title: str = "",
    *,
    vmin: float | None = None,
    vmax: float | None = None,
    cmap: str = "gray",
) -> None:
    """Show an image (H, W) or (H, W, 3) without axes. A grey uint8 image spans 0 to 255 unless told otherwise."""
    if image.ndim == 2 and image.dtype == np.uint8:
        vmin, vmax = 0 if vmin is None else vmin, 255 if vmax is None else vmax
    ax.imshow(
        image,
        cmap=cmap,
        vmin=vmin,
        vmax=vmax,
        interpolation="nearest" if max(image.shape[:2]) < 100 else "auto",
    )
    ax.set(title=title, xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


def readable(ground: Sequence[float] | np.ndarray) -> str:
    """The colour, white or black, in which letters stand out on a ground (red, green, blue, …): contrast 4.5 at least."""
    parts = np.array(ground[:3])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return "white" if linear @ [0.2126, 0.7152, 0.0722] < 0.179 else "black"


def numbers(
    ax: Axes,
    matrix: np.ndarray,
    title: str = "",
    *,
    cmap: str = "Greys",
    vmin: float | None = None,
    vmax: float | None = None,
    form: str = "{:g}",
    outline: Sequence[tuple[int, int, int, int]] = (),
    colour: str = ORANGE,
) -> None:
    """Draw a small matrix (H, W) as cells with their numbers written in; NaN leaves a cell empty.

    `outline` lists windows (row, column, height, width) to frame in `colour`.
    """
    matrix = np.asarray(matrix, dtype=float)
    low = float(matrix.min()) if vmin is None else vmin
    high = float(matrix.max()) if vmax is None else vmax
    high = high if high > low else low + 1
    mesh = ax.imshow(matrix, cmap=cmap, vmin=low, vmax=high + (high - low) * 0.6 if cmap == "Greys" else high)
    for (row, column), value in np.ndenumerate(matrix):
        if np.isnan(value):
            continue
        ax.text(
            column,
            row,
            form.format(value).replace("-", "−"),
            ha="center",
            va="center",
            color=readable(mesh.to_rgba(value)),
            fontsize=10,
        )
    rows, columns = matrix.shape
    ax.set(title=title, xticks=np.arange(-0.5, columns), yticks=np.arange(-0.5, rows))
    ax.tick_params(length=0, labelbottom=False, labelleft=False)
    ax.grid(color=FAINT, linewidth=0.8)
    ax.spines[:].set_visible(False)
    for row, column, height, width in outline:
        frame = plt.Rectangle(
            (column - 0.5, row - 0.5), width, height, fill=False, edgecolor=colour, linewidth=2.6, zorder=3
        )
        ax.add_patch(frame)


def frame(ax: Axes, row: float, column: float, height: float, width: float, *, colour: str = ORANGE) -> None:
    """Outline the pixels [row : row + height, column : column + width] of a picture."""
    corner = (column - 0.5, row - 0.5)
    ax.add_patch(plt.Rectangle(corner, width, height, fill=False, edgecolor=colour, linewidth=2.4, zorder=3))


def enlarge(whole: Axes, detail: Axes, row: float, column: float, height: float, width: float) -> None:
    """Frame the pixels [row : row + height, column : column + width] of `whole`, and lead to `detail` on its right."""
    frame(whole, row, column, height, width, colour=INK)
    for edge, level in ((row, 1), (row + height, 0)):
        corner = (column + width - 0.5, edge - 0.5)
        ends = {"coordsA": "data", "axesA": whole, "coordsB": "axes fraction", "axesB": detail}
        line = ConnectionPatch(corner, (0, level), **ends, color=INK, linewidth=1.1)
        whole.figure.add_artist(line)


def canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """Make an empty sheet for a diagram, `width` by `height` inches; one unit of its coordinates is an inch."""
    figure = plt.figure(figsize=(width, height))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, width), ylim=(0, height))
    ax.axis("off")
    return figure, ax


def arrow(
    ax: Axes, start: tuple[float, float], end: tuple[float, float], *, colour: str = INK, bend: float = 0.0
) -> None:
    """Draw an arrow between two points of the axes; `bend` above 0 curves it to the right of its course."""
    style = {"arrowstyle": "-|>", "color": colour, "linewidth": 1.5, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", xy=end, xytext=start, arrowprops=style | {"connectionstyle": f"arc3,rad={bend}"})


def nerve_cell(ax: Axes, x: float, y: float) -> None:
    """Sketch a nerve cell, 5.6 inches wide, on a `canvas`; its body is centred at (x, y)."""
    rng = np.random.default_rng(3)
    for angle in np.radians([112, 145, 180, 215, 248]):
        tip = np.array([x + 1.6 * np.cos(angle), y + 0.85 * np.sin(angle)])
        ax.plot([x, tip[0]], [y, tip[1]], color=BLUE, linewidth=4, solid_capstyle="round")
        for turn in (-0.55, 0.1, 0.6):
            twig = 0.42 * np.array([np.cos(angle + turn), np.sin(angle + turn)]) * rng.uniform(0.8, 1.1)
            ax.plot(*np.transpose([tip, tip + twig]), color=BLUE, linewidth=2, solid_capstyle="round")
    turn = np.linspace(0, 2 * np.pi, 200)
    radius = 0.46 + 0.05 * np.cos(5 * turn + 0.6)
    ax.fill(
        x + radius * np.cos(turn),
        y + radius * np.sin(turn),
        facecolor=SKY,
        edgecolor=BLUE,
        linewidth=2,
        zorder=3,
    )
    ax.add_patch(plt.Circle((x, y), 0.14, color=BLUE, zorder=4))
    ax.plot([x + 0.4, x + 2.9], [y, y], color=ORANGE, linewidth=4, solid_capstyle="round")
    for end in (-0.4, 0, 0.4):
        ax.plot([x + 2.9, x + 3.4], [y, y + end], color=ORANGE, linewidth=2.4)
        ax.add_patch(plt.Circle((x + 3.44, y + end), 0.08, color=ORANGE))


def neuron(ax: Axes, inputs: Sequence[float], weights: Sequence[float], bias: float) -> None:
    """Draw a neuron with its numbers on a 6 by 3 inch `canvas`: inputs, weights, sum plus bias, sigmoid, output."""
    total = float(np.dot(inputs, weights) + bias)
    output = 1 / (1 + np.exp(-total))
    body, heights = (2.75, 1.35), np.linspace(2.45, 0.25, len(inputs))
    for number, (height, value, weight) in enumerate(zip(heights, inputs, weights, strict=True), start=1):
        ax.text(0.35, height, f"$x_{number} = {value:g}$", ha="center", va="center", fontsize=11.5)
        towards = np.array(body) - (0.8, height)
        end = np.array(body) - 0.52 * towards / np.linalg.norm(towards)
        arrow(ax, (0.8, height), tuple(end), colour=BLUE)
        middle = 0.8 + 0.42 * towards[0], height + 0.42 * towards[1]
        label = f"$w_{number} = {weight:g}$".replace("-", "−")
        ax.text(*middle, label, ha="center", va="center", color=BLUE, fontsize=10.5, backgroundcolor=PAPER)
    ax.add_patch(plt.Circle(body, 0.5, facecolor="white", edgecolor=INK, linewidth=1.8))
    ax.text(*body, f"sum + $b$\n{total:.2f}".replace("-", "−"), ha="center", va="center", fontsize=11)
    ax.text(
        body[0], 2.32, f"$b = {bias:g}$".replace("-", "−"), ha="center", va="center", color=GREEN, fontsize=11
    )
    arrow(ax, (body[0], 2.16), (body[0], 1.88), colour=GREEN)
    arrow(ax, (3.27, 1.35), (3.72, 1.35))
    ax.add_patch(plt.Rectangle((3.74, 0.9), 1.0, 0.9, facecolor="white", edgecolor=INK, linewidth=1.8))
    curve = np.linspace(-6, 6, 80)
    ax.plot(4.24 + curve * 0.07, 1.03 + 0.64 / (1 + np.exp(-curve)), color=ORANGE, linewidth=2)
    ax.text(4.24, 0.72, "sigmoid", ha="center", va="center", fontsize=11)
    arrow(ax, (4.76, 1.35), (5.2, 1.35))
    ax.text(5.26, 1.35, f"{output:.2f}", va="center", fontsize=14, color=ORANGE, weight="bold")


def timeline(events: Sequence[tuple[int, str, str]]) -> None:
    """Draw events (year, name, what came of it), oldest first: a true scale of years, with the names beside it."""
    height = 0.62 * len(events)
    _, ax = canvas(5.2, height + 0.3)
    first, last = events[0][0] // 10 * 10, events[-1][0] // 10 * 10 + 10

    def place(year: float) -> float:
        return height - (year - first) / (last - first) * (height - 0.3)

    ax.plot(
        [0.55, 0.55], [place(first), place(last)], color=FAINT, linewidth=5, solid_capstyle="round", zorder=0
    )
    for decade in range(first, last + 1, 10):
        ax.text(0.4, place(decade), str(decade), ha="right", va="center", fontsize=9, color=SOFT)
    for level, (year, name, outcome) in zip(
        np.linspace(height - 0.1, 0.25, len(events)), events, strict=True
    ):
        ax.plot([0.55, 0.85, 1.1], [place(year), level, level], color=BLUE, linewidth=1.1)
        ax.plot(0.55, place(year), "o", color=BLUE, markersize=6)
        ax.text(1.18, level + 0.1, f"{year}  {name}", va="center", weight="bold", fontsize=10.5)
        ax.text(1.18, level - 0.12, outcome, va="center", fontsize=10)


def byte_ring(ax: Axes, start: int, step: int) -> None:
    """Draw the 256 values of a byte around a ring, and the way from `start` by `step` places, past 255 to 0."""
    value = np.arange(256)
    angle = np.pi / 2 - 2 * np.pi * value / 256
    ax.scatter(np.cos(angle), np.sin(angle), c=value, cmap="gray", s=26, edgecolor=FAINT, linewidth=0.4)
    for tick in range(0, 256, 32):
        ax.text(1.17 * np.cos(angle[tick]), 1.17 * np.sin(angle[tick]), str(tick), ha="center", va="center")
    ax.text(-0.06, 1.1, "255", ha="right", va="bottom")
    way = np.pi / 2 - 2 * np.pi * np.linspace(start, start + step, 200) / 256
    ax.plot(0.82 * np.cos(way), 0.82 * np.sin(way), color=ORANGE, linewidth=2.4)
    arrow(
        ax,
        (0.82 * np.cos(way[-4]), 0.82 * np.sin(way[-4])),
        (0.82 * np.cos(way[-1]), 0.82 * np.sin(way[-1])),
        colour=ORANGE,
    )
    end = (start + step) % 256
    for place, name in ((start, f"{start}"), (end, f"{end}")):
        ax.plot(0.82 * np.cos(angle[place]), 0.82 * np.sin(angle[place]), "o", color=ORANGE, markersize=7)
        ax.text(
            0.6 * np.cos(angle[place]),
            0.6 * np.sin(angle[place]),
            name,
            ha="center",
            va="center",
            weight="bold",
            color=ORANGE,
            fontsize=13,
        )
    ax.text(0, 0, f"{start} + {step}\ngives {end}", ha="center", va="center", fontsize=12)
    ax.set(xlim=(-1.3, 1.3), ylim=(-1.3, 1.3), aspect="equal")
    ax.axis("off")


def journey(stages: Sequence[tuple[str, str | np.ndarray, str, str]], columns: int = 3) -> Figure:
    """Draw the stations of a network, joined by arrows that run in turn to the right and to the left.

    Each stage is (name, content, note, badge). The content is a text, a vector (M,) drawn as bars, an image (H, W),
    or feature maps (H, W, K) drawn as tiles.
    """
    rows = -(-len(stages) // columns)
    figure, ax = canvas(1.8 * columns, 2.62 * rows)
    centres = []
    for place, (name, content, note, badge) in enumerate(stages):
        row, column = divmod(place, columns)
        column = column if row % 2 == 0 else columns - 1 - column
        x, y = 1.8 * column + 0.9, 2.62 * (rows - row) - 1.15
        centres.append((x, y))
        _station(ax, x, y, content)
        ax.text(x, y + 0.83, name, ha="center", va="center", fontsize=12, weight="bold")
        ax.text(x, y - 0.8, note, ha="center", va="center", fontsize=10)
        look = {"boxstyle": "round,pad=0.3", "facecolor": BLUE, "edgecolor": "none"}
        ax.text(
            x,
            y - 1.12,
            badge,
            ha="center",
            va="center",
            fontsize=9.5,
            color="white",
            bbox=look,
            linespacing=1.25,
        )
    for (x, y), (x_next, y_next) in itertools.pairwise(centres):
        if y == y_next:
            side = np.sign(x_next - x)
            arrow(ax, (x + 0.7 * side, y), (x_next - 0.7 * side, y))
        else:
            arrow(ax, (x, y - 1.36), (x, y_next + 0.98))
    return figure


def _station(ax: Axes, x: float, y: float, content: str | np.ndarray) -> None:
    """Draw one content of a `journey`, 1.3 inches wide, around (x, y)."""
    if isinstance(content, str):
        ax.text(x, y, content, ha="center", va="center", fontsize=12, linespacing=1.5)
        return
    if content.ndim == 1:
        place = np.linspace(x - 0.6, x + 0.6, len(content))
        low, high = min(content.min(), 0), max(content.max(), 0)
        base = y - 0.6 - 1.2 * low / (high - low)
        colours = [ORANGE if value == content.max() else SKY for value in content]
        ax.bar(
            place, 1.2 * content / (high - low), bottom=base, width=0.9 * (place[1] - place[0]), color=colours
        )
        ax.plot([x - 0.65, x + 0.65], [base, base], color=INK, linewidth=0.8)
        return
    maps = content[..., None] if content.ndim == 2 else content
    side = math.ceil(maps.shape[2] ** 0.5)
    edge = 1.3 / side
    limit = np.abs(maps).max()
    for k in range(maps.shape[2]):
        left, top = x - 0.65 + edge * (k % side), y + 0.65 - edge * (k // side)
        extent = (left + 0.02, left + edge - 0.02, top - edge + 0.02, top - 0.02)
        signed = {"cmap": SIGNED, "vmin": -limit} if maps.min() < 0 else {"cmap": "gray", "vmin": 0}
        ax.imshow(maps[..., k], extent=extent, vmax=limit, aspect="auto", interpolation="nearest", **signed)
        ax.add_patch(
            plt.Rectangle((extent[0], extent[2]), edge - 0.04, edge - 0.04, fill=False, edgecolor=FAINT)
        )


def way_back(figure: Figure, text: str) -> None:
    """Add the arrow of the backward pass below a `journey` of three rows, from its last station to its first."""
    ax = figure.axes[0]
    right, top = ax.get_xlim()[1], ax.get_ylim()[1]
    style = {"color": ORANGE, "linewidth": 2.0, "linestyle": (0, (4, 2)), "clip_on": False}
    ax.plot([right - 0.9, right - 0.9, -0.1, -0.1], [-0.1, -0.34, -0.34, top - 1.3], **style)
    head = {"arrowstyle": "-|>", "color": ORANGE, "linewidth": 2.0, "shrinkB": 0}
    ax.annotate("", xy=(-0.1, top - 1.05), xytext=(-0.1, top - 1.35), arrowprops=head, annotation_clip=False)
    ax.text(right / 2, -0.56, text, ha="center", va="center", color=ORANGE, fontsize=11, weight="bold")


def box(
    ax: Axes,
    x: float,
    y: float,
    width: float,
    height: float,
    depth: float,
    *,
    colour: str = FAINT,
    face: np.ndarray | None = None,
    label: str = "",
) -> None:
    """Draw a volume H×W×C on a `canvas` as a slanted box, in inches; (x, y) is the lower left corner of its front.

    `face` is an image for the front side, `label` is written below it.
    """
    slant = 0.6 * depth
    top = 2 + 0.01 * len(ax.patches)  # a box drawn later hides the earlier ones
    lid = [
        (x, y + height),
        (x + slant, y + height + slant),
        (x + width + slant, y + height + slant),
        (x + width, y + height),
    ]
    side = [
        (x + width, y),
        (x + width, y + height),
        (x + width + slant, y + height + slant),
        (x + width + slant, y + slant),
    ]
    front = [(x, y), (x, y + height), (x + width, y + height), (x + width, y)]
    for corners, opacity in ((lid, 0.4), (side, 0.65), (front, 1.0)):
        ax.add_patch(plt.Polygon(corners, facecolor="white", edgecolor="none", zorder=top))
        ax.add_patch(plt.Polygon(corners, facecolor=colour, alpha=opacity, edgecolor="none", zorder=top))
        ax.add_patch(plt.Polygon(corners, fill=False, edgecolor=INK, linewidth=1, zorder=top + 0.003))
    if face is not None:
        limits = ax.axis()
        extent = (x, x + width, y, y + height)
        ax.imshow(face, extent=extent, aspect="auto", zorder=top + 0.001, interpolation="nearest")
        ax.axis(limits)
    ax.text(x + width / 2, y - 0.12, label, ha="center", va="top", fontsize=10.5)


def products(
    axes: Sequence[Axes],
    window: np.ndarray,
    kernel: np.ndarray,
    names: tuple[str, str, str],
    *,
    form: str = "{:g}",
    light: float | None = None,
) -> float:
    """Draw window (F_h, F_w) × kernel (F_h, F_w) = products on three axes and return the sum of the products.

    The window holds ink, the more the darker, unless `light` says which value is white.
    """
    window, kernel = np.asarray(window, dtype=float), np.asarray(kernel, dtype=float)
    terms = np.multiply(window, kernel)
    limit = max(np.abs(terms).max(), 1) * 1.6
    weight = max(np.abs(kernel).max(), 1) * 1.6
    if light is not None:
        numbers(axes[0], window, names[0], cmap="gray", vmin=0, vmax=light, form=form)
    elif window.min() < 0:
        numbers(axes[0], window, names[0], cmap=SIGNED, vmin=-limit, vmax=limit, form=form)
    else:
        numbers(axes[0], window, names[0], vmin=0, form=form)
    numbers(axes[1], kernel, names[1], cmap=SIGNED, vmin=-weight, vmax=weight)
    numbers(axes[2], terms, names[2], cmap=SIGNED, vmin=-limit, vmax=limit, form=form)
    for ax, sign in zip(axes[1:], "×=", strict=True):
        ax.text(-0.07, 0.5, sign, transform=ax.transAxes, ha="right", va="center", fontsize=15)
    return float(terms.sum())


def sliding(image: np.ndarray, kernel: np.ndarray) -> Figure:
    """Draw every place of a kernel on a small image (H, W), one panel each: the products inside, their sum above."""
    places = np.lib.stride_tricks.sliding_window_view(np.asarray(image, dtype=float), kernel.shape)
    rows, columns = places.shape[:2]
    figure, axes = panels(rows * columns, width=2.15, height=2.35, columns=columns)
    for ax, (row, column) in zip(axes, np.ndindex(rows, columns), strict=True):
        terms = np.multiply(places[row, column], kernel)
        values = np.pad(
            terms, ((row, rows - 1 - row), (column, columns - 1 - column)), constant_values=np.nan
        )
        mesh = ax.imshow(values, cmap=SIGNED, vmin=-12, vmax=12)
        for (i, j), value in np.ndenumerate(image):
            inside = not np.isnan(values[i, j])
            text = f"{values[i, j] + 0.0:g}".replace("-", "−") if inside else f"{value:g}"
            colour = readable(mesh.to_rgba(values[i, j])) if inside else SOFT
            ax.text(j, i, text, ha="center", va="center", fontsize=10.5, color=colour)
        ax.set(xticks=np.arange(-0.5, image.shape[1]), yticks=np.arange(-0.5, image.shape[0]))
        ax.set_title(f"place ({row}, {column}): sum {terms.sum():g}".replace("-", "−"))
        ax.tick_params(length=0, labelbottom=False, labelleft=False)
        ax.grid(color=FAINT, linewidth=0.8)
        ax.spines[:].set_visible(False)
        frame(ax, row, column, *kernel.shape)
        ax.patches[-1].set_clip_on(False)  # at the border the frame would lose half its width
    return figure


def graph(
    ax: Axes,
    nodes: Mapping[str, tuple[float, float, str, str, str]],
    edges: Sequence[tuple[str, str, str]],
    *,
    radius: float = 0.4,
    backward: bool = False,
) -> None:
    """Draw a computation graph on a `canvas`, in inches.

    `nodes` maps a name to (x, y, text in the circle, forward value, gradient): the value stands above the circle in
    blue, the gradient below in orange. `edges` lists (from, to, local derivative), the last written on the arrow in
    green. Empty texts are left out. `backward` adds a dashed orange arrow the other way beside each edge.
    """
    for start, end, local in edges:
        first, last = np.array(nodes[start][:2]), np.array(nodes[end][:2])
        along = (last - first) / np.linalg.norm(last - first)
        aside = 0.1 * np.array([along[1], -along[0]]) * backward
        arrow(ax, tuple(first + radius * along - aside), tuple(last - radius * along - aside))
        if backward:
            style = {"arrowstyle": "-|>", "color": ORANGE, "linewidth": 1.5, "linestyle": (0, (3, 1.5))}
            tail, head = tuple(last - radius * along + aside), tuple(first + radius * along + aside)
            ax.annotate("", xy=head, xytext=tail, arrowprops=style | {"shrinkA": 0, "shrinkB": 0})
        if local:
            look = {"boxstyle": "round,pad=0.15", "facecolor": PAPER, "edgecolor": "none"}
            middle = (first + last) / 2
            ax.text(
                *middle,
                local.replace("-", "−"),
                ha="center",
                va="center",
                color=GREEN,
                fontsize=10,
                bbox=look,
            )
    for x, y, text, value, gradient in nodes.values():
        ax.add_patch(plt.Circle((x, y), radius, facecolor="white", edgecolor=INK, linewidth=1.6, zorder=3))
        ax.text(x, y, text, ha="center", va="center", fontsize=11, zorder=4, linespacing=1.2)
        label = {"ha": "center", "va": "center", "fontsize": 11, "weight": "bold", "zorder": 5}
        ax.text(x, y + radius + 0.17, value.replace("-", "−"), color=BLUE, **label)
        ax.text(x, y - radius - 0.17, gradient.replace("-", "−"), color=ORANGE, **label)


def cycle(ax: Axes, steps: Sequence[tuple[str, str]]) -> None:
    """Draw the steps (name, what it does) of a round on a 6 by 3.8 inch `canvas`, clockwise, first at the upper left."""
    corners = [(1.45, 2.95), (4.55, 2.95), (4.55, 0.85), (1.45, 0.85)]
    colours = [BLUE, BLUE, ORANGE, GREEN]
    for number, ((x, y), (name, what), colour) in enumerate(
        zip(corners, steps, colours, strict=True), start=1
    ):
        patch = plt.Rectangle(
            (x - 1.2, y - 0.55), 2.4, 1.1, facecolor="white", edgecolor=colour, linewidth=2.2
        )
        ax.add_patch(patch)
        ax.text(x, y + 0.24, f"{number}  {name}", ha="center", va="center", weight="bold", fontsize=12.5)
        ax.text(x, y - 0.2, what, ha="center", va="center", fontsize=10)
    arrow(ax, (2.7, 2.95), (3.3, 2.95))
    arrow(ax, (4.55, 2.35), (4.55, 1.45))
    arrow(ax, (3.3, 0.85), (2.7, 0.85))
    arrow(ax, (1.45, 1.45), (1.45, 2.35))


def wires(
    ax: Axes, inputs: np.ndarray, outputs: np.ndarray, filter_size: int, names: tuple[str, str] = ("x", "y")
) -> None:
    """Draw which input cells (H, W) each output cell (H′, W′) of a stride-1 filter reads: a line for each product.

    Inputs stand in a column on the left of a `canvas`, outputs on the right. Lines that share a weight share a colour
    and a dash.
    """
    colours, dashes = [BLUE, ORANGE, GREEN, PINK], ["-", (0, (6, 2)), (0, (2, 1.2)), (0, (5, 1, 1, 1))]
    width, height = ax.get_xlim()[1], ax.get_ylim()[1] - 0.55
    places: list[dict[tuple[int, ...], tuple[float, float]]] = []
    for matrix, name, x in zip((inputs, outputs), names, (0.75, width - 0.75), strict=True):
        edge = height / matrix.size if matrix.size > 6 else height / (matrix.size + 2)
        first = height - (height - edge * matrix.size) / 2 - edge / 2
        places.append({})
        for number, ((row, column), value) in enumerate(np.ndenumerate(matrix)):
            y = first - edge * number
            corner = (x - 0.6, y - 0.19)
            ax.add_patch(plt.Rectangle(corner, 1.2, 0.38, facecolor="white", edgecolor=INK, zorder=3))
            label = f"${name}_{{{row}{column}}} = {value:g}$"
            ax.text(x, y, label, ha="center", va="center", fontsize=11.5, zorder=4)
            places[-1][row, column] = x, y
    for tap, (u, v) in enumerate(np.ndindex(filter_size, filter_size)):
        style = {"color": colours[tap % 4], "linestyle": dashes[tap % 4], "linewidth": 1.8}
        for (row, column), (x, y) in places[1].items():
            start = places[0][row + u, column + v]
            ax.plot([start[0] + 0.6, x - 0.6], [start[1], y], zorder=2, **style)
        left = 0.3 + (width - 0.6) / filter_size**2 * tap
        ax.plot([left, left + 0.5], [height + 0.33, height + 0.33], **style)
        ax.text(left + 0.58, height + 0.33, f"$w_{{{u}{v}}}$", va="center", fontsize=12)


def tiles(
    ax: Axes, matrix: np.ndarray, size: int, title: str = "", *, form: str = "{:g}", shown: int | None = None
) -> None:
    """Draw a small matrix (H, W) cut into windows of `size` by `size`, each in a colour of its own and framed.

    Windows at the right and lower edge may be partial. `shown` colours the first so many windows, in reading order,
    and leaves the cells of the rest blank. With `size` 1 the cells have the colours of the windows they came from.
    """
    matrix = np.asarray(matrix, dtype=float)
    rows, columns = matrix.shape
    corners = list(itertools.product(range(0, rows, size), range(0, columns, size)))
    shown = len(corners) if shown is None else shown
    blank = size > 1  # a window not reached yet keeps its numbers, a result not reached yet has none
    for number, (row, column) in enumerate(corners):
        height, width = min(size, rows - row), min(size, columns - column)
        place = (column - 0.5, row - 0.5)
        colour = [BLUE, ORANGE, GREEN, PINK, AMBER, SKY][number % 6]
        if number < shown:
            ax.add_patch(plt.Rectangle(place, width, height, facecolor=colour, alpha=0.22, edgecolor="none"))
            ax.add_patch(
                plt.Rectangle(place, width, height, fill=False, edgecolor=colour, linewidth=2.4, zorder=3)
            )
        if number < shown or blank:
            for i, j in np.ndindex(height, width):
                text = form.format(matrix[row + i, column + j]).replace("-", "−")
                ax.text(column + j, row + i, text, ha="center", va="center", fontsize=11)
    ax.set(
        title=title,
        aspect="equal",
        xlim=(-0.56, columns - 0.44),
        ylim=(rows - 0.44, -0.56),
        xticks=np.arange(-0.5, columns),
        yticks=np.arange(-0.5, rows),
    )
    ax.tick_params(length=0, labelbottom=False, labelleft=False)
    ax.grid(color=FAINT, linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[:].set_visible(False)


def window_row(ax: Axes, length: int, size: int, stride: int, title: str = "") -> None:
    """Draw a row of `length` cells and below it the windows of `size` that move by `stride`.

    A window that sticks out over the right edge is drawn with a dashed line.
    """
    for cell in range(length):
        ax.add_patch(plt.Rectangle((cell, 0), 1, 1, facecolor="white", edgecolor=INK, linewidth=1))
        ax.text(cell + 0.5, 0.5, str(cell), ha="center", va="center", fontsize=10)
    starts = [start for start in range(0, length, stride) if start + size < length + stride]
    for number, start in enumerate(starts):
        whole = start + size <= length
        level = -0.45 - 0.5 * (number % 2)
        style = {
            "color": BLUE if whole else ORANGE,
            "linestyle": "-" if whole else (0, (3, 1.5)),
            "linewidth": 2.6,
        }
        ax.plot([start + 0.1, start + size - 0.1], [level, level], **style)
        for end in (start + 0.1, start + size - 0.1):
            ax.plot([end, end], [level, level + 0.25], **style | {"linestyle": "-"})
    ax.set(xlim=(-0.2, max(length, starts[-1] + size) + 0.2), ylim=(-1.25, 1.15), aspect="equal")
    ax.axis("off")
    ax.set_title(title, loc="left")


def network(
    ax: Axes,
    layers: Sequence[Sequence[float]],
    weights: Sequence[np.ndarray],
    names: Sequence[str] = (),
    *,
    form: str = "{:.3g}",
    label_weights: bool = False,
) -> None:
    """Draw fully connected layers on a `canvas`, from left to right, with the value of every neuron in its circle.

    `layers` holds the values of each layer, `weights` an array (D, M) between two layers. A line is blue and solid for
    a weight above 0, orange and dashed below, thin and grey for 0, and the thicker the larger the weight.
    """
    width, height = ax.get_xlim()[1], ax.get_ylim()[1]
    top = 0.5 if names else 0.1
    xs = np.linspace(0.55, width - 0.55, len(layers))
    ys = [
        np.array([(height - top) * (1 - (n + 0.5) / len(values)) for n in range(len(values))])
        for values in layers
    ]
    radius = min(0.3, 0.44 * (height - top) / max(len(values) for values in layers))
    for gap, matrix in enumerate(weights):
        largest = np.abs(matrix).max()
        for (d, m), weight in np.ndenumerate(matrix):
            style = {"color": BLUE} if weight > 0 else {"color": ORANGE, "linestyle": (0, (4, 2))}
            style |= {"linewidth": 0.9 + 2.1 * abs(weight) / largest, "zorder": 2}
            if weight == 0:
                style = {"color": FAINT, "linewidth": 0.7, "zorder": 1}
            ends = np.array([[xs[gap], ys[gap][d]], [xs[gap + 1], ys[gap + 1][m]]])
            ax.plot(ends[:, 0], ends[:, 1], **style)
            if label_weights:
                x, y = ends[0] + (0.3 + 0.36 * (m % 2)) * (ends[1] - ends[0])
                text = f"{weight:g}".replace("-", "−")
                box_style = {"facecolor": PAPER, "edgecolor": "none", "pad": 1.2}
                ax.text(x, y, text, ha="center", va="center", fontsize=9.5, bbox=box_style, zorder=3)
    for place, values in enumerate(layers):
        for y, value in zip(ys[place], values, strict=True):
            face = "white" if value == 0 else PALE_BLUE if value > 0 else PALE_ORANGE
            ax.add_patch(
                plt.Circle((xs[place], y), radius, facecolor=face, edgecolor=INK, linewidth=1.3, zorder=4)
            )
            text = form.format(value).replace("-", "−")
            ax.text(
                xs[place], y, text, ha="center", va="center", fontsize=10 if radius > 0.2 else 8.5, zorder=5
            )
    for x, name in zip(xs, names, strict=False):
        ax.text(x, height - 0.2, name, ha="center", va="center", fontsize=10.5)


def window_places(
    ax: Axes, size: int, filter_size: int, stride: int, *, before: int = 0, after: int = 0, title: str = ""
) -> int:
    """Draw a line of `size` pixels and, below it, every place of a window; return how many places there are.

    `before` and `after` count the zeros at the two ends (hatched). A pixel that no window sees has a dashed edge; the
    first place that sticks out is dashed too.
    """
    length = before + size + after
    starts = list(range(0, length - filter_size + 1, stride))
    seen = {pixel for start in starts for pixel in range(start, start + filter_size)}
    for cell in range(length):
        pixel = cell - before
        real = 0 <= pixel < size
        look = {
            "edgecolor": INK if cell in seen else ORANGE,
            "linestyle": "-" if cell in seen else (0, (2, 2)),
        }
        fill = (
            {"facecolor": SKY if cell in seen else "white", "alpha": 1.0} if real else {"facecolor": "white"}
        )
        hatch = {} if real else {"hatch": "////"}
        ax.add_patch(plt.Rectangle((cell + 0.05, 0), 0.9, 0.9, linewidth=1.1, **look, **fill, **hatch))
        if real:
            ax.text(cell + 0.5, 0.43, str(pixel), ha="center", va="center", fontsize=10)
    rows = [(start, BLUE, f"place {number}") for number, start in enumerate(starts)]
    rows.append((len(starts) * stride, ORANGE, "sticks out"))
    for row, (start, colour, name) in enumerate(rows):
        y = -0.95 * (row + 1) + 0.12
        fits = colour == BLUE
        look = {
            "facecolor": colour if fits else "white",
            "edgecolor": colour,
            "linestyle": "-" if fits else "--",
        }
        ax.add_patch(plt.Rectangle((start + 0.05, y), filter_size - 0.1, 0.66, linewidth=1.5, **look))
        label = name if filter_size > 2 else name.replace("place ", "").replace("sticks ", "")
        ax.text(
            start + filter_size / 2,
            y + 0.31,
            label if filter_size > 1 or fits else "",
            ha="center",
            va="center",
            fontsize=9.5,
            color="white" if fits else colour,
        )
    right = max(length, len(starts) * stride + filter_size)
    ax.plot([length, length], [1.05, -0.95 * len(rows) - 0.05], ":", color=INK, linewidth=1, zorder=0)
    ax.set(
        xlim=(-0.1, right + 0.1), ylim=(-0.95 * len(rows) - 0.1, 1.1), aspect="equal", title=title, anchor="N"
    )
    ax.axis("off")
    return len(starts)


def to_scale(
    images: Sequence[np.ndarray],
    titles: Sequence[str],
    *,
    width: float = 7.0,
    gap: float = 0.3,
    **look: object,
) -> Figure:
    """Show images (H, W) or (H, W, 3) side by side, their tops level, with pixels of one size in all of them.

    `width` is that of the whole figure in inches; `look` is passed on to Matplotlib's `imshow`.
    """
    inches = (width - gap * (len(images) + 1)) / sum(image.shape[1] for image in images)
    tallest = max(image.shape[0] for image in images) * inches
    figure, ax = canvas(width, tallest + 0.55)
    limits, left = ax.axis(), gap
    for image, title in zip(images, titles, strict=True):
        right, bottom = left + image.shape[1] * inches, tallest + 0.08 - image.shape[0] * inches
        style = {"cmap": "gray", "interpolation": "nearest", "aspect": "auto"} | look
        ax.imshow(image, extent=(left, right, bottom, tallest + 0.08), **style)
        ax.add_patch(
            plt.Rectangle((left, bottom), right - left, tallest + 0.08 - bottom, fill=False, edgecolor=INK)
        )
        ax.text((left + right) / 2, tallest + 0.17, title, ha="center", va="bottom", fontsize=10.5)
        left = right + gap
    ax.axis(limits)
    return figure


def receptive_cone(ax: Axes, layers: Sequence[tuple[int, int]], *, context: int = 1) -> int:
    """Draw which pixels of a line one entry of the last layer depends on; return their number.

    `layers` is a list of (filter_size, stride), the first layer first; `context` pixels are added at each end.
    """
    members, step, shift = [1], [1], [0.0]
    for filter_size, stride in reversed(layers):
        members.insert(0, (members[0] - 1) * stride + filter_size)
    for size, stride in layers:
        shift.append(shift[-1] + step[-1] * (size - 1) / 2)
        step.append(step[-1] * stride)
    for level, count in enumerate(members):
        y = 1.9 * level
        for unit in range(-context if level == 0 else 0, count + (context if level == 0 else 0)):
            x = shift[level] + unit * step[level]
            inside = 0 <= unit < count
            colour = (ORANGE if level == len(layers) else SKY) if inside else "white"
            edge = INK if inside else FAINT
            ax.add_patch(
                plt.Rectangle((x - 0.4, y - 0.4), 0.8, 0.8, facecolor=colour, edgecolor=edge, zorder=3)
            )
            if level and inside:
                filter_size, stride = layers[level - 1]
                first = shift[level - 1] + unit * stride * step[level - 1]
                last = first + (filter_size - 1) * step[level - 1]
                corners = [(x, y - 0.4), (last + 0.4, y - 1.5), (first - 0.4, y - 1.5)]
                ax.add_patch(plt.Polygon(corners, facecolor=BLUE, alpha=0.18, edgecolor="none"))
        name = "pixels" if level == 0 else f"layer {level}"
        ax.text(-context - 0.9, y, f"{name}: {count}", ha="right", va="center", fontsize=10)
    ax.set(xlim=(-context - 5.2, members[0] + context), ylim=(-0.6, 1.9 * len(layers) + 0.6), aspect="equal")
    ax.axis("off")
    return members[0]


def cells(
    ax: Axes,
    values: Sequence[float],
    x: float,
    y: float,
    *,
    colour: str,
    width: float = 0.5,
    height: float = 0.46,
) -> None:
    """Draw numbers on a `canvas` as a row of cells, (x, y) its lower left corner, `width` by `height` inches each."""
    for number, value in enumerate(values):
        corner = (x + width * number, y)
        ax.add_patch(plt.Rectangle(corner, width, height, facecolor=colour, alpha=0.25, edgecolor="none"))
        ax.add_patch(plt.Rectangle(corner, width, height, fill=False, edgecolor=INK, linewidth=1))
        middle = (corner[0] + width / 2, y + height / 2)
        ax.text(*middle, f"{value:g}", ha="center", va="center", fontsize=10.5)


def multiples(
    ax: Axes, values: Mapping[str, float], *, form: str = "{}×", marked: Sequence[str] = ()
) -> None:
    """Draw named multiples as horizontal bars on a logarithmic axis, the first on top; `marked` ones in another colour."""
    heights = list(values.values())
    colours = [ORANGE if name in marked else BLUE for name in values]
    bars = ax.barh(list(values), heights, color=colours)
    ax.bar_label(
        bars,
        labels=[form.format(f"{value:,.0f}" if value >= 20 else f"{value:.1f}") for value in heights],
        padding=4,
        fontsize=9.5,
    )
    ax.set(xscale="log", xlim=(0.6 * min(heights), 4 * max(heights)))
    ax.xaxis.set_major_formatter("{x:,g}")
    ax.invert_yaxis()
    ax.tick_params(axis="y", length=0)


def learning(
    loss: Sequence[float],
    accuracies: Mapping[str, Sequence[float]],
    *,
    loss_at: Sequence[float] | None = None,
    accuracy_at: Sequence[float] | None = None,
    xlabels: tuple[str, str] = ("step", "epoch"),
) -> list[Axes]:
    """Draw how a network learnt: the loss and its running mean on the left, named accuracies on the right.

    `loss_at` and `accuracy_at` say where on the axes the values belong; without them they count from 1.
    """
    _, axes = panels(2, width=3.7, height=2.9)
    at = np.arange(1, len(loss) + 1) if loss_at is None else np.asarray(loss_at)
    span = max(1, len(loss) // 30)
    axes[0].plot(at, loss, color=SKY, linewidth=0.6)
    axes[0].plot(at[span - 1 :], np.convolve(loss, np.ones(span) / span, "valid"), linewidth=2)
    axes[0].set(title="loss on the batches", xlabel=xlabels[0], ylim=(0, None))
    for (name, values), style in zip(accuracies.items(), itertools.cycle(["o-", "s--", "^:"]), strict=False):
        places = np.arange(1, len(values) + 1) if accuracy_at is None else accuracy_at
        axes[1].plot(places, values, style, markersize=3.5 if len(values) < 80 else 0, label=name)
    axes[1].locator_params(axis="x", integer=True)
    axes[1].yaxis.set_major_formatter("{x:.1%}")
    axes[1].set(title="accuracy", xlabel=xlabels[1])
    axes[1].legend(loc="lower right")
    return axes


def confusion(ax: Axes, counts: np.ndarray, names: Sequence[str], title: str = "") -> None:
    """Draw how often each true class (row) was taken for each class (column); mistakes are orange, zeros left out."""
    counts = np.asarray(counts)
    wrong = counts * (1 - np.eye(len(counts), dtype=int))
    ax.imshow(wrong, cmap="Oranges", vmin=0, vmax=1.6 * max(1, wrong.max()))
    for (row, column), count in np.ndenumerate(counts):
        if count:
            weight = "normal" if row == column else "bold"
            ax.text(column, row, f"{count:,}", ha="center", va="center", fontsize=9, weight=weight)
    places = np.arange(len(names))
    turn = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if len(max(names, key=len)) > 4 else {}
    ax.set_xticks(places, names, **turn)
    ax.set_yticks(places, names)
    ax.set_xticks(np.arange(-0.5, len(names)), minor=True)
    ax.set_yticks(np.arange(-0.5, len(names)), minor=True)
    ax.grid(which="minor", color=FAINT, linewidth=0.8)
    ax.tick_params(which="both", length=0)
    ax.spines[:].set_visible(False)
    ax.set(title=title, xlabel="what the network said", ylabel="what it is")


def mistakes(
    images: np.ndarray,
    labels: Sequence[int],
    probabilities: np.ndarray,
    names: Sequence[str],
    *,
    columns: int = 4,
) -> Figure:
    """Show images (M, H, W, C) with what each is, and what the network said with which probability (M, classes)."""
    figure, axes = panels(len(images), width=1.8, height=2.15, columns=columns)
    for ax, image, label, chances in zip(axes, images, labels, probabilities, strict=True):
        ink = {} if image.shape[2] == 3 else {"cmap": "gray_r"}
        picture(ax, np.squeeze(image), **ink)
        said = int(np.argmax(chances))
        title = f"is: {names[label]}  {chances[label]:.2f}\nsaid: {names[said]}  {chances[said]:.2f}"
        ax.set_title(title, fontsize=10)
    return figure


def chances(ax: Axes, probabilities: Sequence[float], names: Sequence[str], truth: int | None = None) -> None:
    """Draw class probabilities as bars with their numbers; the true class is dark, the others pale."""
    bars = ax.barh(names, probabilities, color=[BLUE if k == truth else SKY for k in range(len(names))])
    ax.bar_label(bars, labels=[f"{p:.2f}" for p in probabilities], padding=3, fontsize=9)
    ax.set(xlim=(0, 1.22), xticks=[])
    ax.spines["bottom"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.invert_yaxis()


def epochs(orders: Sequence[Sequence[int]], batch_size: int) -> Figure:
    """Draw training images as numbered cells, a row for each epoch in its own order, cut into coloured batches."""
    edge, width = 0.47, 0.47 * len(orders[0]) + 1.4
    figure, ax = canvas(width, 1.05 * len(orders) + 0.05)
    colours = [BLUE, ORANGE, GREEN, PINK]
    for row, order in enumerate(orders):
        y = 1.05 * (len(orders) - 1 - row) + 0.4
        ax.text(0.1, y + edge / 2, f"epoch {row + 1}", va="center", fontsize=11)
        for start in range(0, len(order), batch_size):
            batch, number = order[start : start + batch_size], start // batch_size
            left = 1.0 + edge * start + 0.12 * number
            cells(ax, batch, left, y, colour=colours[number % 4], width=edge)
            name = f"batch {number + 1}" if len(batch) > 1 else ""
            ax.text(left + edge * len(batch) / 2, y - 0.17, name, ha="center", va="center", fontsize=10)
    return figure


def three_sets(counts: Mapping[str, int], notes: Mapping[str, str]) -> Figure:
    """Draw how a set of images is divided, its parts to scale, with a note on what each is for."""
    figure, ax = canvas(7.0, 2.5)
    left, total = 0.2, sum(counts.values())
    for number, (name, count) in enumerate(counts.items()):
        colour = [BLUE, AMBER, GREEN][number]
        width, middle = 6.6 * count / total, 1.3 + 2.2 * number
        ax.add_patch(plt.Rectangle((left, 1.72), width, 0.62, facecolor=colour, alpha=0.3, edgecolor="none"))
        ax.add_patch(plt.Rectangle((left, 1.72), width, 0.62, fill=False, edgecolor=colour, linewidth=2))
        ax.text(left + width / 2, 2.03, f"{count:,}", ha="center", va="center", fontsize=12, weight="bold")
        ax.plot([left + width / 2, middle], [1.7, 1.34], color=colour, linewidth=1.6)
        ax.text(middle, 1.18, name, ha="center", va="center", fontsize=12, weight="bold")
        ax.text(middle, 1.0, notes[name], ha="center", va="top", fontsize=10, linespacing=1.4)
        left += width
    return figure


def runs(
    ax: Axes,
    places: Sequence[float],
    values: np.ndarray,
    *,
    name: str = "",
    colour: str = BLUE,
    marker: str = "o",
    line: str = "-",
) -> None:
    """Draw repeated runs (settings, runs): a pale dot for each run, and a line through the means of the settings.

    `places` has the horizontal place of each setting; `name` stands in the legend.
    """
    values = np.asarray(values, dtype=float)
    for place, row in zip(places, values, strict=True):
        ax.plot([place] * len(row), row, marker, color=colour, alpha=0.35, markersize=4.5, markeredgewidth=0)
    style = {"marker": marker, "linestyle": line, "color": colour, "markersize": 8, "linewidth": 1.8}
    ax.plot(places, values.mean(axis=1), label=name or None, **style)


def run_bars(ax: Axes, names: Sequence[str], values: np.ndarray, *, colours: Sequence[str] = (BLUE,)) -> None:
    """Draw repeated runs (settings, runs) as bars of their means, with a dot for each run.

    The mean is written at the foot of each bar; bars take the `colours` in turn.
    """
    values = np.asarray(values, dtype=float)
    means = values.mean(axis=1)
    fills = [colours[number % len(colours)] for number in range(len(names))]
    ax.bar(range(len(names)), means, color=fills, alpha=0.55, width=0.66)
    for place, (row, mean) in enumerate(zip(values, means, strict=True)):
        spread = np.linspace(-0.12, 0.12, len(row)) if len(row) > 1 else [0.0]
        ax.plot(place + np.asarray(spread), row, "o", color=INK, markersize=4)
        foot = ax.get_xaxis_transform()
        ax.text(place, 0.03, f"{mean:.3f}", transform=foot, ha="center", fontsize=9.5)
    ax.set_xticks(range(len(names)), names)


def against_bar(
    ax: Axes,
    names: Sequence[str],
    values: Sequence[float],
    bar: float,
    *,
    title: str = "",
    limit: float = 3.0,
    spreads: Sequence[tuple[float, float]] = (),
) -> None:
    """Draw named multiples as horizontal bars against the most that they may be, a dashed line.

    Numbers stand on the right. What misses is orange, hatched and has a cross behind its number. Bars longer than `limit`
    are cut off there. `spreads` are drawn as thin lines over the ends of the bars;
    what is spread across the bar does not miss it.
    """
    for place, (low, high) in enumerate(spreads):
        ax.plot([min(low, limit), min(high, limit)], [place, place], color=INK, linewidth=2)
    for place, value in enumerate(values):
        met = (spreads[place][0] if spreads else value) <= bar
        look = {"color": SKY} if met else {"color": ORANGE, "hatch": "//", "edgecolor": PAPER}
        ax.barh(place, min(value, limit), height=0.7, **look)
        text = f"{value:.2f}" + (" …" if value > limit else "") + ("" if met else " ✗")
        # in a column of their own, where no line crosses them
        ax.text(1.05 * limit, place, text, va="center", fontsize=9)
    ax.axvline(bar, color=INK, linestyle="--", linewidth=1)
    ax.set(title=title, xlim=(0, 1.4 * limit))
    ax.set_xticks(np.arange(int(limit) + 1))
    ax.set_yticks(range(len(names)), names)
    ax.tick_params(axis="y", length=0)
    ax.invert_yaxis()


def ratios(ax: Axes, names: Sequence[str], series: Mapping[str, Sequence[float | None]]) -> None:
    """Draw a row for each name with a mark for each series, on a logarithmic axis with a line at 1; None leaves a gap."""
    ax.hlines(
        range(len(names)), 0, 1, transform=ax.get_yaxis_transform(), color=FAINT, linewidth=0.6, zorder=0
    )
    ax.axvline(1, color=INK, linewidth=1, zorder=1)
    looks = zip("os^", (BLUE, ORANGE, GREEN), ("full", "none", "full"), strict=True)
    for (name, values), (marker, colour, fill) in zip(series.items(), looks, strict=False):
        at = [(value, place) for place, value in enumerate(values) if value is not None]
        style = {"linestyle": "none", "marker": marker, "color": colour, "fillstyle": fill, "markersize": 6.5}
        ax.plot(*zip(*at, strict=True), **style, markeredgewidth=1.6, label=name)
    ax.set(xscale="log")
    low, high = ax.get_xlim()
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 20 * low else (1,)))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_minor_formatter("")
    ax.set_yticks(range(len(names)), names)
    ax.tick_params(axis="y", length=0)
    ax.invert_yaxis()
