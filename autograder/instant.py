"""The instant check in a learner's notebook, or in a terminal."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .chapters import CHECKS, ROOT, chapters
from .checking import run_checks
from .inside.calling import Caller
from .oracle import Oracle, Record, Reference
from .reports import exercise_html, exercise_text
from .results import Exercise

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
        If neither those names nor the function's own lead to an exercise.
    """
    oracles = _oracles()
    known = {name: (checks, oracle) for checks, oracle in oracles for name in oracle.points()}
    name = next((name for name in known if names.get(name) is kernel), _own_name(kernel))
    if name not in known or not callable(kernel):
        raise ValueError(f"check() takes the function of an exercise; here these are {', '.join(known)}")
    checks, oracle = known[name]
    (exercise,) = run_checks(checks, oracle, {name: Caller(kernel)}, timed=True)
    if not _in_notebook():
        print(exercise_text(exercise))
    return Score(exercise)


def _oracles() -> list[tuple[Path, Oracle]]:
    """The records beside the notebook if there are any, else the references."""
    records = sorted(Path.cwd().glob(f"*{RECORD_SUFFIX}"))
    if records:
        return [(CHECKS / f"test_{path.stem}.py", Record(path)) for path in records]
    if not (ROOT / "solutions").is_dir():
        raise FileNotFoundError(
            f"no file *{RECORD_SUFFIX} in {Path.cwd()}: keep the one that was released with the notebook beside it"
        )
    return [(chapter.checks, Reference(chapter)) for chapter in chapters()]


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
