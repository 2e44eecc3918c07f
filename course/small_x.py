"""Drawings of 5×5 cells, ink or paper: an X or something else, each drawing once."""

import itertools
from collections.abc import Iterator

import numpy as np

from course.datasets import PLUS, RING, SHIFTED_X, SMALL_RING, WONKY_X, X

STORY = {"X": X, "wonky X": WONKY_X, "off centre": SHIFTED_X, "plus": PLUS, "ring": RING}
"""The drawings of the story. `small_x_drawings` holds none of them, so that a network meets them as new ones."""

_ROW = np.repeat([[1.0], [0], [0], [0], [0]], 5, axis=1)
_STEM = np.pad(np.ones((3, 1)), ((2, 0), (2, 2)))
_V = np.triu(X) * np.triu(X[:, ::-1])[:, ::-1]


def _x_shapes() -> Iterator[tuple[str, np.ndarray]]:
    """The X with none, one or two of its arms bent at the tip; then the X a cell up, to the left, right and down."""
    corners = [(0, 0), (0, 4), (4, 0), (4, 4)]
    tips_of_arms = [[(i, j), (i, abs(j - 1)), (abs(i - 1), j)] for i, j in corners]
    for tips in itertools.product(*tips_of_arms):
        bent = sum(tip not in corners for tip in tips)
        if bent <= 2:
            drawing = np.pad(X[1:4, 1:4], 1)
            drawing[tuple(np.transpose(tips))] = 1
            yield "wonky X" if bent else "centred X", drawing
    for way in ((-1, 0), (0, -1), (0, 1), (1, 0)):
        yield "shifted X", _moved(X, *way)


def _other_shapes() -> Iterator[tuple[str, np.ndarray]]:
    """Plain shapes that are no X: strokes, letters and rings, at several places or turned."""
    slants = [np.eye(5, k=k) for k in (-1, 0, 1)]
    four = np.pad(1 - np.pad(np.ones((2, 2)), 1), ((0, 1), (0, 1)))
    shapes = {
        "stroke": [np.roll(stroke, n, axis) for n in range(5) for stroke, axis in ((_ROW, 0), (_ROW.T, 1))]
        + [*slants, *(slant[::-1] for slant in slants)],
        "plus": _places(PLUS),
        "T": _turned(np.maximum(_ROW, PLUS * [[0, 0, 1, 0, 0]])),
        "L": _turned(np.maximum(_ROW, _ROW.T)),
        "V": _turned(_V),
        "Y": _turned(np.maximum(_V, _STEM)),
        "Z": _turned(np.maximum.reduce([_ROW, _ROW[::-1], np.eye(5)[::-1]]))[:2],
        "ring": [RING, 1 - np.pad(np.ones((3, 3)), 1), _diamond(), *_turned(four), *_places(SMALL_RING)],
        "empty or full": [np.zeros((5, 5)), np.ones((5, 5))],
    }
    for kind, drawings in shapes.items():
        for drawing in drawings:
            yield kind, drawing


def _moved(drawing: np.ndarray, down: int, right: int) -> np.ndarray:
    """The drawing moved by up to a cell each way; what leaves the paper is lost."""
    return np.pad(drawing, 1)[1 - down : 6 - down, 1 - right : 6 - right]


def _places(drawing: np.ndarray) -> list[np.ndarray]:
    return [_moved(drawing, *way) for way in itertools.product((-1, 0, 1), repeat=2)]


def _turned(drawing: np.ndarray) -> list[np.ndarray]:
    return [np.rot90(drawing, quarters) for quarters in range(4)]


def _diamond() -> np.ndarray:
    away = np.abs(np.arange(5) - 2)
    return (away[:, None] + away == 2).astype(float)


def small_x_drawings() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """All drawings of 5×5 cells that are one of 98 shapes, or differ from one of them in one cell.

    Of the shapes, 37 are an X: centred, wonky (one or two of its arms bend at the tip) or shifted by a cell up, down,
    left or right. The others are strokes, plus signs, the letters T, L, V, Y and Z, rings, empty and full paper. Nothing
    is drawn at random. A drawing that comes from several shapes is held once, under the first of them; none comes from
    an X and from another shape.

    Returns
    -------
    images : array of float32 (2395, 5, 5, 1), 1 is ink, 0 is paper
    labels : array of int64 (2395,), 1 for an X, else 0
    kinds : array of str (2395,), such as "wonky X" or "plus"
    shapes : array of int64 (2395,), the number of the shape, from 0 to 97
    """
    found: dict[bytes, tuple[np.ndarray, int, str, int]] = {}
    families = ((1, _x_shapes()), (0, _other_shapes()))
    every = ((label, kind, shape) for label, family in families for kind, shape in family)
    for number, (label, kind, shape) in enumerate(every):
        flips = np.concatenate([np.zeros((1, 25)), np.eye(25)]).reshape(26, 5, 5)
        for drawing in np.abs(shape - flips):
            found.setdefault(drawing.tobytes(), (drawing, label, kind, number))
    for drawing in STORY.values():
        del found[drawing.tobytes()]
    images, labels, kinds, shapes = zip(*found.values(), strict=True)
    return np.array(images, np.float32)[..., None], np.array(labels), np.array(kinds), np.array(shapes)
