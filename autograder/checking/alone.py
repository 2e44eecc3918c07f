"""A learner's own notebook, checked at home from the command line: in this process, with the record beside it.

Nothing guards this machine from the code, which is the learner's own; what counts is graded in a jail, by `grading`.
"""

import ast
import contextlib
import json
import linecache
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import course  # noqa: F401  finds the kernels of earlier chapters for whoever imports them

from ..inside.slicing import Statement, needed, plain_lines, statements
from ..results import Exercise
from .instant import RECORD_SUFFIX, check_alone, known_exercises


class CannotCheck(Exception):
    """A notebook that cannot be checked; the text says why, and what to do."""


def check_notebook(path: Path) -> list[Exercise]:
    """Check all exercises of the chapter that a notebook is of, in the order of the chapter.

    Raises
    ------
    CannotCheck
        If it is not a notebook, or the record of its chapter is not beside it.
    """
    parts = [
        part for number, source in enumerate(_code(path), 1) for part in _parts(source, f"<cell {number}>")
    ]
    known, troubles = known_exercises(path.parent)
    made = {name for part in parts if not part.is_import for name in part.statement.binds} & set(known)
    if not made:
        raise CannotCheck(
            troubles[-1]
            if troubles
            else f"beside {path} lies no file *{RECORD_SUFFIX} with the recorded answers to its exercises: get it from "
            "where you got the notebook"
        )
    chapter = Counter(known[name][0] for name in made).most_common(1)[0][0]
    exercises = {name: found for name, found in known.items() if found[0] == chapter}
    with contextlib.chdir(path.parent):  # where the kernels of earlier chapters are looked for
        names = _run(parts, set(exercises))
    return [check_alone(name, names.get(name, _not_written), *found) for name, found in exercises.items()]


@dataclass(frozen=True)
class _Part:
    """A statement of a cell; of a cell that is not Python, the names that it seems to define, and the error."""

    cell: str
    statement: Statement
    code: ast.stmt | Exception

    @property
    def is_import(self) -> bool:
        return isinstance(self.code, ast.Import | ast.ImportFrom)


def _code(path: Path) -> Iterator[str]:
    """Sources of the code cells of a notebook."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8-sig"))["cells"]
        # a text, or a list of its lines
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except OSError as error:
        raise CannotCheck(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, LookupError, TypeError, RecursionError):
        raise CannotCheck(f"{path} is not a Jupyter notebook") from None
    yield from sources


def _parts(source: str, cell: str) -> Iterator[_Part]:
    text = plain_lines(source)
    linecache.cache[cell] = (len(text), None, text.splitlines(keepends=True), cell)
    try:
        nodes, given = ast.parse(text, cell).body, statements(text)
    except (SyntaxError, ValueError, RecursionError) as error:
        names = frozenset(re.findall(r"^def (\w+)", text, re.MULTILINE))
        yield _Part(cell, Statement(text, names, frozenset()), error)
        return
    for node, statement in zip(nodes, given, strict=True):
        yield _Part(cell, statement, node)


def _run(parts: list[_Part], kernels: set[str]) -> dict[str, Any]:
    """Run what the kernels need and nothing else; a name that could not be made raises the reason when it is called."""
    wanted = needed(kernels, [part.statement for part in parts])
    names: dict[str, Any] = {"__name__": "__main__"}
    for part in parts:
        if not part.statement.binds & wanted:
            continue
        try:
            if isinstance(part.code, Exception):
                raise part.code
            exec(compile(ast.Module([part.code], []), part.cell, "exec"), names)
        except Exception as error:
            names.update(dict.fromkeys(part.statement.binds, _raising(error)))
    return names


def _raising(error: Exception) -> Any:
    def raises(*args: Any, **named: Any) -> Any:
        raise error

    return raises


def _not_written(*args: Any) -> Any:
    raise NotImplementedError
