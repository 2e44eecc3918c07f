"""A result in a plain terminal, eighty columns wide."""

import textwrap
from collections.abc import Iterable

from ..results import NOT_WRITTEN, PASSED, TOO_SLOW, Exercise, Failure, Panel
from .arrays import DIFFERS, FIRST, SAME, Drawing, Grid, comparison, draw
from .words import (
    advice_on,
    call_of,
    cause_of,
    clean,
    compares,
    counted,
    is_array,
    is_listed,
    plural_points,
    points,
    readable,
    scalar,
    sentence,
    shape_of,
    title_of,
    verdict_of,
    verdict_words,
)

WIDTH = 78
GAP = "   "
MARKED = {SAME: " {} ", DIFFERS: " {}*", FIRST: "[{}]"}


def exercise_text(exercise: Exercise) -> str:
    """Report one exercise for a plain terminal: points, a known mistake, every check, the smallest failing input."""
    kernel = clean(exercise.kernel, 60)
    verdict = verdict_of(exercise.verdict)
    head = f"{verdict.sign} {kernel}: {points(exercise.score)} of {plural_points(exercise.points)}, {verdict_words(exercise.verdict)}"
    lines = [head, "─" * len(head)]
    lead, cause = cause_of(exercise)
    if cause:
        lines += [*_fill(f"{lead} {readable(cause, 1000)}".lstrip()), ""]
    if exercise.verdict == NOT_WRITTEN:
        how = "replace its raise NotImplementedError with your code, then check again."
        lines += _fill(f"{kernel} is not written yet: {how}")
    else:
        for check in exercise.checks:
            lines += _fill(clean(check.title, 300), "  ✓ " if check.passed else "  ✗ ")
        if exercise.verdict != PASSED and exercise.checks:
            lines += ["", f"{counted(exercise)}."]
        if exercise.failure:
            lines += ["", *_failure(exercise.failure, title_of(exercise))]
        lines += ["", *_fill(advice_on(exercise))] if advice_on(exercise) else []
    if exercise.remark:
        lines += ["", *_fill(f"Note: {readable(exercise.remark, 600)}")]
    return "\n".join(line.rstrip() for line in lines)


def _fill(text: str, lead: str = "") -> list[str]:
    """Lines of at most WIDTH columns; those after the first are indented by the width of `lead`."""
    wrapper = textwrap.TextWrapper(WIDTH, subsequent_indent=" " * len(lead), break_on_hyphens=False)
    lines = []
    for number, paragraph in enumerate(text.split("\n")):
        wrapper.initial_indent = " " * len(lead) if number else lead
        lines += wrapper.wrap(paragraph) or [""]
    return lines


def _failure(failure: Failure, title: str) -> list[str]:
    lines = _fill(title, "✗ ") if title else []
    if failure.reason != TOO_SLOW:
        lines += _fill(f"Smallest failing input: {readable(call_of(failure))}", "  ")
    lines += _fill(sentence(failure), "  ")
    inputs = [_block(panel, draw(panel)) for panel in failure.inputs if is_listed(panel)]
    if inputs:
        lines += ["", *_beside(inputs, "  ")]
    if not compares(failure):
        return lines
    wanted, returned = comparison(failure)
    results = [
        _block(panel, drawing)
        for panel, drawing in ((failure.expected, wanted), (failure.got, returned))
        if panel is not None
    ]
    lines += ["", *_beside(results, "  ")] if results else []
    marks = returned.marks if returned else set()
    if FIRST in marks:
        lines += [
            "",
            "  [ ] is the first value that differs" + (", * marks the others" if DIFFERS in marks else ""),
        ]
    return lines


def _block(panel: Panel, drawing: Drawing | None) -> list[str]:
    """A value under its title."""
    title = clean(panel.title, 60)
    if not is_array(panel):
        return [title, *_fill(scalar(panel), "  ")]
    lines = [title, shape_of(panel)]
    for grids in drawing.rows if drawing else ():
        lines += _beside(part for grid in grids for part in _grid(grid))
    if drawing and drawing.left_out:
        lines.append(f"({drawing.left_out})")
    return lines


def _grid(grid: Grid) -> list[list[str]]:
    """A grid as blocks of lines: one, or several of fewer columns each where it is wider than the terminal."""
    cells = [[MARKED[cell.mark].format(cell.text) for cell in row] for row in grid.cells]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    parts: list[list[int]] = [[]]
    for column, width in enumerate(widths):
        if parts[-1] and sum(widths[one] for one in parts[-1]) + width > WIDTH - 4:
            parts.append([])
        parts[-1].append(column)
    blocks = []
    for part in parts:
        lines = ["".join(row[column].rjust(widths[column]) for column in part) for row in cells]
        where = _where(grid, part) if grid.is_cropped or len(parts) > 1 else ""
        label = ", ".join(filter(None, (grid.label, where)))
        blocks.append([label, *lines] if label else lines)
    return blocks


def _where(grid: Grid, part: list[int]) -> str:
    """Which rows and columns a block shows."""
    first, last = grid.columns[part[0]], grid.columns[part[-1]]
    if grid.is_vector:
        return f"entries {first} to {last}"
    return f"rows {grid.rows[0]} to {grid.rows[-1]}, columns {first} to {last}"


def _beside(blocks: Iterable[list[str]], indent: str = "") -> list[str]:
    """Blocks of lines side by side, as many in a row as the width holds."""
    rows: list[list[list[str]]] = []
    room = 0
    for block in blocks:
        width = max(map(len, block)) + len(GAP)
        if not rows or room < width - len(GAP):
            rows.append([])
            room = WIDTH - len(indent)
        rows[-1].append(block)
        room -= width
    lines: list[str] = []
    for row in rows:
        lines += [""] if lines else []
        widths = [max(map(len, block)) for block in row]
        for number in range(max(map(len, row))):
            parts = [
                (block[number] if number < len(block) else "").ljust(width)
                for block, width in zip(row, widths, strict=True)
            ]
            lines.append((indent + GAP.join(parts)).rstrip())
    return lines
