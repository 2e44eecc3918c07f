"""The instant check in a learner's notebook, or in a terminal."""

import functools
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..chapters import CHECKS, ROOT, chapters
from ..inside.calling import Caller
from ..reports import exercise_html, exercise_text
from ..results import Exercise
from .oracle import Oracle, Record, Reference
from .run import check_names, run_checks

RECORD_SUFFIX = ".checks"
"""Ending of the file of recorded answers that is released beside a notebook."""


class Score:
    """Points reached in one exercise. A notebook shows the report, nbgrader reads the number."""

    def __init__(self, exercise: Exercise):
        self.exercise = exercise

    def __repr__(self) -> str:
        return f"{self.exercise.score:g}"

    def __float__(self) -> float:
        return self.exercise.score

    def _repr_html_(self) -> str:
        return exercise_html(self.exercise)


def check_now(kernel: Any, names: Mapping[str, Any]) -> Score:
    """Check one kernel; `names` are the globals of the caller, where the kernel stands under its exercise's name.

    Raises
    ------
    ValueError
        If neither those names nor the function's own lead to an exercise, or if its record is damaged.
    FileNotFoundError
        If its record is missing.
    """
    known, troubles = known_exercises()
    name = next((name for name in known if names.get(name) is kernel), _own_name(kernel))
    if name not in known or not callable(kernel):
        raise _unknown(name if callable(kernel) else "", known, troubles)
    exercise = check_alone(name, kernel, *known[name])
    if not _in_notebook():
        print(exercise_text(exercise))
    return Score(exercise)


def check_alone(name: str, kernel: Any, checks: Path, oracle: Oracle) -> Exercise:
    """Check a function that runs in this process as the exercise of that name."""
    (exercise,) = run_checks(checks, oracle, {name: Caller(kernel)}, timed=True)
    return exercise


def known_exercises(folder: Path | None = None) -> tuple[dict[str, tuple[Path, Oracle]], list[ValueError]]:
    """File of checks and oracle of each exercise, and what is wrong with records that could not be read.

    They are those of the records in a folder, the working folder if none is named; without any, the references.
    """
    place = folder or Path.cwd()
    oracles: list[tuple[Path, Oracle]] = []
    troubles: list[ValueError] = []
    # "filters (1).checks" is what a browser makes of a second download: of several of one chapter the newest counts
    found = [path for path in place.glob(f"*{RECORD_SUFFIX}*") if path.is_file()]
    paths = sorted(found, key=lambda path: path.stat().st_mtime)
    for path in paths:
        try:
            record = _record(path, path.stat().st_mtime_ns)
        except ValueError as error:
            troubles.append(error)
        else:
            oracles.append((CHECKS / f"test_{record.chapter}.py", record))
    if not paths and (ROOT / "solutions").is_dir():
        oracles = [(chapter.checks, Reference(chapter)) for chapter in chapters()]
    return {name: (checks, oracle) for checks, oracle in oracles for name in oracle.points()}, troubles


@functools.lru_cache(maxsize=16)
def _record(path: Path, changed: int) -> Record:
    """The record in a file, read again only when that has changed."""
    return Record(path)


def _unknown(kernel: str, known: Iterable[str], troubles: list[ValueError]) -> Exception:
    """What to tell whoever checks what no record here knows."""
    chapters = [
        path.stem.removeprefix("test_") for path in CHECKS.glob("test_*.py") if kernel in check_names(path)
    ]
    if troubles:
        return troubles[-1]
    if chapters or not known:
        wanted = f"{chapters[0]}{RECORD_SUFFIX}" if chapters else f"a file *{RECORD_SUFFIX}"
        return FileNotFoundError(
            f"{wanted} is not in {Path.cwd()}: get it from where you got the notebook, put it beside the notebook, "
            "and run this cell again"
        )
    return ValueError(f"check() takes the function of an exercise; here these are {', '.join(known)}")


def _own_name(kernel: Any) -> str:
    try:
        name = kernel.__name__
    except Exception:  # an object that answers for its attributes itself
        return ""
    return name if isinstance(name, str) else ""


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None
