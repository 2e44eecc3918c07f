"""Arrays as small flat grids of cells, ready to be drawn: as text in a terminal, as tables on a page."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from ..results import Failure, Panel
from .words import is_array, number

SIDE, CROPPED = 12, 7
"""Rows and columns that a grid shows at most, and those that it shows around the first difference if there are more."""

PIECES = 6
"""Grids that an array of 3 or 4 axes shows at most."""

FILTERS = frozenset({"filters", "kernel", "w", "weights"})
"""Names of arguments of shape (F_h, F_w, C, K); any other argument of four axes is a batch (N, H, W, C)."""

SAME, DIFFERS, FIRST = 0, 1, 2

Index = tuple[int, ...]


class Cell(NamedTuple):
    """One number of a grid: its text, its value, and whether it differs from the other array."""

    text: str
    value: float
    mark: int = SAME


@dataclass(frozen=True)
class Grid:
    """A flat piece of an array.

    label : which piece, empty for an array that is flat itself
    group : pieces of one filter or of one picture have the same, and stand in one row
    rows, columns : the indices shown; of a vector, only the columns count
    is_cropped : whether there are more
    """

    label: str
    group: int
    rows: Index
    columns: Index
    cells: tuple[tuple[Cell, ...], ...]
    is_vector: bool = False
    is_cropped: bool = False


@dataclass(frozen=True)
class Drawing:
    """The grids of one array, the largest magnitude among its numbers, and a note on what was left out."""

    grids: tuple[Grid, ...]
    scale: float
    left_out: str = ""

    @property
    def marks(self) -> set[int]:
        """Every mark among the cells."""
        return {cell.mark for grid in self.grids for row in grid.cells for cell in row}

    @property
    def rows(self) -> list[list[Grid]]:
        """The grids that stand side by side."""
        groups: dict[int, list[Grid]] = {}
        for grid in self.grids:
            groups.setdefault(grid.group, []).append(grid)
        return list(groups.values())


@dataclass(frozen=True)
class _Piece:
    """Where a flat piece stands in its array."""

    label: str
    group: int
    key: tuple[Any, ...]

    def holds(self, index: Index | None) -> bool:
        return index is not None and all(
            isinstance(axis, slice) or axis == place for place, axis in zip(index, self.key, strict=True)
        )

    def place(self, index: Index) -> Index:
        """An index of the array as one of the piece, which has two axes."""
        free = tuple(place for place, axis in zip(index, self.key, strict=True) if isinstance(axis, slice))
        return (0, *free) if len(free) == 1 else free


def draw(panel: Panel) -> Drawing | None:
    """Lay out an argument as grids; None if it has no axis, more than four, no value, or is too large to hold."""
    values = _values(panel)
    if values is None:
        return None
    pieces = list(_pieces(values.shape, _is_filters(panel)))
    return _drawing(values, None, np.full(values.shape, SAME), pieces, None)


def comparison(failure: Failure) -> tuple[Drawing | None, Drawing | None]:
    """Drawings of what was expected and of what came back, on one scale, with the differences marked.

    Either is None where `draw` would be, and both where only the dtype is wrong. Differences are marked only between
    arrays of one shape.
    """
    if failure.reason == "dtype":
        return None, None
    expected = _values(failure.expected) if failure.expected else None
    got = _values(failure.got) if failure.got else None
    panels = [*failure.inputs, *([failure.expected] if failure.expected else [])]
    single = any(panel.dtype == "float32" for panel in panels)
    index = failure.index
    if expected is None or got is None or expected.shape != got.shape:
        drawn = [
            None
            if one is None
            else _drawing(one, None, np.full(one.shape, SAME), _result_pieces(one, failure), None)
            for one in (expected, got)
        ]
        return drawn[0], drawn[1]
    wrong = _differences(expected, got, 1e-4 if single else 1e-10)
    first = np.full(got.shape, SAME)
    if (
        index is not None
        and len(index) == got.ndim
        and all(i < n for i, n in zip(index, got.shape, strict=True))
    ):
        first[index] = FIRST
    else:
        index = None
    pieces = _result_pieces(got, failure)
    wanted = _drawing(expected, got, first, pieces, index)
    returned = _drawing(got, expected, np.maximum(first, np.where(wrong, DIFFERS, SAME)), pieces, index)
    scale = max(wanted.scale, returned.scale)
    return replace(wanted, scale=scale), replace(returned, scale=scale)


def _values(panel: Panel) -> np.ndarray | None:
    """The panel's numbers as Python has them, so that a large int or a bool stays what it is."""
    if not is_array(panel) or panel.values is None or len(panel.shape or ()) > 4 or 0 in (panel.shape or ()):
        return None
    return np.array(panel.values, dtype=object).reshape(panel.shape or ())


def _differences(expected: np.ndarray, got: np.ndarray, rtol: float) -> np.ndarray:
    """Where two arrays differ, by the rule of the checks: relative to the number and to the largest expected one."""
    one, other = got.astype(float), expected.astype(float)
    return ~np.isclose(one, other, rtol=rtol, atol=rtol * _magnitude(expected), equal_nan=True)


def _magnitude(values: np.ndarray) -> float:
    numbers = np.abs(values.astype(float))
    finite = numbers[np.isfinite(numbers)]
    return float(finite.max()) if finite.size else 0.0


def _result_pieces(values: np.ndarray, failure: Failure) -> list[_Piece]:
    """Pieces of a result, labelled by index: its name does not say what its four axes mean.

    A kernel that is given no batch makes filters.
    """
    given = [
        panel for panel in failure.inputs if len(panel.shape or ()) == 4 or panel.title.endswith("shape")
    ]
    pieces = _pieces(values.shape, all(_is_filters(panel) for panel in given))
    if values.ndim < 4:
        return list(pieces)
    return [replace(piece, label=_spoken(piece.key)) for piece in pieces]


def _is_filters(panel: Panel) -> bool:
    """Whether an argument's name, or its key in a dict, says that its four axes are those of filters."""
    return panel.title.rstrip('"]').rpartition('["')[2] in FILTERS


def _spoken(key: tuple[Any, ...]) -> str:
    return f"[{', '.join(':' if isinstance(axis, slice) else str(axis) for axis in key)}]"


def _pieces(shape: Index, as_filters: bool) -> Iterator[_Piece]:
    every = slice(None)
    if len(shape) < 3:
        yield _Piece("", 0, (every,) * len(shape))
    elif len(shape) == 3:
        for channel in range(shape[2]):
            yield _Piece(f"channel {channel}", 0, (every, every, channel))
    elif as_filters:
        for one, channel in np.ndindex(shape[3], shape[2]):
            yield _Piece(f"filter {one}, channel {channel}", one, (every, every, channel, one))
    else:
        for one, channel in np.ndindex(shape[0], shape[3]):
            yield _Piece(f"picture {one}, channel {channel}", one, (one, every, every, channel))


def _drawing(
    values: np.ndarray,
    against: np.ndarray | None,
    marks: np.ndarray,
    pieces: list[_Piece],
    index: Index | None,
) -> Drawing:
    shown = _choose(pieces, index)
    grids = tuple(_grid(values, against, marks, piece, index) for piece in shown)
    notes = []
    if len(shown) < len(pieces):
        notes.append(f"{len(shown)} of {len(pieces)} slices shown")
    height, width = np.atleast_2d(values[pieces[0].key]).shape
    if values.ndim == 1 and width > SIDE:
        notes.append(f"{CROPPED} of {width} entries shown")
    elif max(height, width) > SIDE:
        rows, columns = (len(_window(length, 0)) for length in (height, width))
        notes.append(f"{rows} × {columns} of {height} × {width} shown")
    return Drawing(grids, _magnitude(values), "; ".join(notes))


def _choose(pieces: list[_Piece], index: Index | None) -> list[_Piece]:
    """The first pieces, and the one with the first difference."""
    shown = pieces[:PIECES]
    if index is None or any(piece.holds(index) for piece in shown):
        return shown
    return [*shown[:-1], next(piece for piece in pieces if piece.holds(index))]


def _grid(
    values: np.ndarray, against: np.ndarray | None, marks: np.ndarray, piece: _Piece, index: Index | None
) -> Grid:
    flat, flat_marks = np.atleast_2d(values[piece.key]), np.atleast_2d(marks[piece.key])
    others = flat if against is None else np.atleast_2d(against[piece.key])
    centre = piece.place(index) if index is not None and piece.holds(index) else (0, 0)
    rows, columns = (_window(length, place) for length, place in zip(flat.shape, centre, strict=True))
    shown = np.ix_(rows, columns)
    cells = tuple(
        tuple(map(_cell, *three))
        for three in zip(*(part[shown].tolist() for part in (flat, others, flat_marks)), strict=True)
    )
    is_cropped = len(rows) < flat.shape[0] or len(columns) < flat.shape[1]
    return Grid(piece.label, piece.group, rows, columns, cells, values.ndim == 1, is_cropped)


def _window(length: int, centre: int) -> Index:
    """The indices to show along one axis."""
    if length <= SIDE:
        return tuple(range(length))
    start = max(0, min(centre - CROPPED // 2, length - CROPPED))
    return tuple(range(start, start + CROPPED))


def _cell(value: Any, other: Any, mark: int) -> Cell:
    """A cell; two numbers that differ get as many digits as it takes to see it."""
    text = number(value)
    if mark != SAME:
        for digits in (4, 6, 8, 10, 12, 15, 17):
            text = number(value, digits)
            if text != number(other, digits):
                break
    return Cell(text, float(value), mark)
