"""Rebuild, don't repair: from the release and a submitted file to what the jail runs and what the record keeps.

Only the learner's own work is taken from the submission: the solution cells, by their ids, and extra cells. Checks,
points and given cells come from the release, whatever the submission says.
"""

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from .authoring import is_exercise
from .jail import SETUP, Cell

MAX_BYTES = 10 * 2**20
"""Size of the largest notebook that is read."""

MAX_CELLS = 2000
MAX_DEPTH = 60


class Ungradable(Exception):
    """The submitted file cannot be graded; the text is the reason, for the learner."""


@dataclass(frozen=True)
class Rebuilt:
    """A submission, rebuilt on the release.

    cells : what the jail runs, in order
    notebook : the release with the learner's solutions and answers put in
    sources : the learner's text of each solution and answer cell, by grade_id
    remarks : what was odd about the file
    """

    cells: tuple[Cell, ...]
    notebook: NotebookNode
    sources: dict[str, str]
    remarks: tuple[str, ...]


@dataclass
class _Submitted:
    kind: str
    source: str
    grade_id: str | None
    points: Any = None


def read_submission(path: Path) -> bytes:
    """Bytes of a submitted notebook.

    Raises
    ------
    Ungradable
        If it is missing, not a regular file, a link, or too large.
    """
    try:
        found = os.lstat(path)
    except OSError:
        others = sorted(p.name for p in path.parent.glob("*.ipynb"))[:3] if path.parent.is_dir() else []
        hint = f"; there is {', '.join(others)} instead" if others else ""
        raise Ungradable(f"there is no file {path.name}{hint}") from None
    if any(parent.is_symlink() for parent in list(path.parents)[:2]) or stat.S_ISLNK(found.st_mode):
        raise Ungradable(f"{path.name} is a symbolic link; submit the notebook itself")
    if not stat.S_ISREG(found.st_mode):
        raise Ungradable(f"{path.name} is not a regular file")
    if found.st_nlink > 1:
        raise Ungradable(f"{path.name} is a hard link to another file; submit the notebook itself")
    if found.st_size > MAX_BYTES:
        raise Ungradable(
            f"{path.name} has {found.st_size / 2**20:.0f} MiB, over the limit of {MAX_BYTES // 2**20} MiB; "
            "clear all outputs, save, and submit again"
        )
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:
        return file.read(MAX_BYTES + 1)


def rebuild(release: NotebookNode, content: bytes) -> Rebuilt:
    """Put a submission's own work into the released notebook.

    Raises
    ------
    Ungradable
        If the content is not a notebook.
    """
    submitted = _parse(content)
    remarks: list[str] = []
    released = {
        cell.metadata["nbgrader"]["grade_id"]: cell for cell in release.cells if "nbgrader" in cell.metadata
    }
    own = {name for name, cell in released.items() if cell.metadata["nbgrader"]["solution"]}
    chosen = _choose(submitted, released, own, remarks)
    remarks += _altered(submitted, released, own)
    notebook = nbformat.from_dict(json.loads(json.dumps(release)))
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in chosen:
            cell.source = chosen[name].source
    sources = {name: cell.source for name, cell in chosen.items()}
    return Rebuilt(tuple(_program(release, submitted, released, chosen)), notebook, sources, tuple(remarks))


def _parse(content: bytes) -> list[_Submitted]:
    if len(content) > MAX_BYTES:
        raise Ungradable(f"the file is over the limit of {MAX_BYTES // 2**20} MiB")
    if not content.strip():
        raise Ungradable("the file is empty")
    try:
        tree = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Ungradable("the file is not text in UTF-8, so it is not a Jupyter notebook") from None
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise Ungradable(f"the file is not valid JSON{where}, so it is not a Jupyter notebook") from None
    if not isinstance(tree, dict) or not isinstance(tree.get("nbformat"), int):
        raise Ungradable("the file is JSON, but not a Jupyter notebook")
    if _depth(tree) > MAX_DEPTH:
        raise Ungradable("the file is nested too deeply to be a notebook")
    language = _dict(_dict(tree.get("metadata")).get("kernelspec")).get("language")
    if language not in (None, "", "python", "python3"):
        raise Ungradable(f"the notebook is written in {str(language)[:40]}; this course is graded in Python")
    cells = tree.get("cells")
    if tree["nbformat"] < 4:
        cells = [
            cell
            for sheet in _list(tree.get("worksheets"))
            if isinstance(sheet, dict)
            for cell in _list(sheet.get("cells"))
        ]
    if not isinstance(cells, list):
        raise Ungradable("the notebook has no list of cells")
    if len(cells) > MAX_CELLS:
        raise Ungradable(f"the notebook has {len(cells)} cells, over the limit of {MAX_CELLS}")
    return [_cell(cell) for cell in cells if isinstance(cell, dict)]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _depth(tree: Any) -> int:
    """How deeply lists and objects nest; counted without recursion, and only as far as it matters."""
    level, depth = [tree], 0
    while level and depth <= MAX_DEPTH:
        depth += 1
        children = (value.values() if isinstance(value, dict) else value for value in level)
        level = [item for group in children for item in group if isinstance(item, dict | list)]
    return depth


def _cell(cell: dict[str, Any]) -> _Submitted:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    fields = _dict(_dict(cell.get("metadata")).get("nbgrader"))
    grade_id = fields.get("grade_id")
    # a lone surrogate, which JSON allows, could be written nowhere
    text = source.replace("\r\n", "\n").encode("utf-8", "replace").decode() if isinstance(source, str) else ""
    return _Submitted(
        str(cell.get("cell_type")),
        text,
        grade_id if isinstance(grade_id, str) else None,
        fields.get("points"),
    )


def _choose(
    submitted: list[_Submitted], released: dict[str, NotebookNode], own: set[str], remarks: list[str]
) -> dict[str, _Submitted]:
    """The submitted cell that counts for each solution and answer: of the right type, and the last if there are several."""
    chosen: dict[str, _Submitted] = {}
    for name in released:
        if name not in own:
            continue
        found = [cell for cell in submitted if cell.grade_id == name]
        fitting = [cell for cell in found if cell.kind == released[name].cell_type]
        if len(found) > 1:
            remarks.append(f"cell {name} stands {len(found)} times; the last one counts")
        if found and not fitting:
            remarks.append(f"cell {name} was turned into a {found[-1].kind[:20]} cell; it does not count")
        if not found:
            remarks.append(f"cell {name} is missing")
        if fitting:
            chosen[name] = fitting[-1]
    return chosen


def _altered(submitted: list[_Submitted], released: dict[str, NotebookNode], own: set[str]) -> Iterator[str]:
    for cell in submitted:
        if cell.grade_id is None:
            continue
        name = cell.grade_id[:60]
        if cell.grade_id not in released:
            yield f"cell {name!r} is not of this assignment; it was run as an extra cell"
            continue
        given = released[cell.grade_id]
        if cell.grade_id not in own and cell.source.rstrip() != given.source.rstrip():
            yield f"cell {name} was edited; the released one was used"
        if cell.points != given.metadata["nbgrader"].get("points"):
            yield f"the points of cell {name} were edited; the released ones were used"


def _program(
    release: NotebookNode,
    submitted: list[_Submitted],
    released: dict[str, NotebookNode],
    chosen: dict[str, _Submitted],
) -> Iterator[Cell]:
    """What the jail runs: the learner's cells in their order, and the given cells, of which it takes what those need."""
    given = {
        cell.source.rstrip() for cell in release.cells if cell.cell_type == "code" and not is_exercise(cell)
    }
    counted = {id(cell) for cell in chosen.values()}
    if SETUP in released and not any(cell.grade_id == SETUP for cell in submitted):
        yield Cell(SETUP, released[SETUP].source, is_given=True)
    for number, cell in enumerate(submitted, 1):
        if cell.kind != "code" or not cell.source.strip():
            continue
        # a solution cell that was split counts in all parts
        if id(cell) in counted or (cell.grade_id in released and is_exercise(released[cell.grade_id])):
            yield Cell(str(cell.grade_id), cell.source)
        elif cell.grade_id == SETUP:
            yield Cell(SETUP, released[SETUP].source, is_given=True)
        elif cell.grade_id in released and cell.grade_id.startswith("check-"):
            yield Cell(cell.grade_id, cell.source, is_extra=True)
        elif cell.source.rstrip() in given:
            yield Cell(f"released cell {number}", cell.source, is_given=True)
        else:
            yield Cell(f"cell {number}", cell.source, is_extra=True)
