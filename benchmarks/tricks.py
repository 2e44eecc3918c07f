"""Submissions that want points for a wrong `relu`, and are safe to run where nothing guards the machine.

They read, patch and pretend. None forks, kills, deletes, uses the network or fills anything. Most are those of
`tests/attacks.py`; the others know the graders that they are to deceive: each is one idea, and does nothing elsewhere.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import nbformat
from rich.console import Console
from rich.table import Table

from autograder.chapters import ROOT, check_points
from autograder.grading.classroom import Classroom
from autograder.sample import fill, reference_cell
from tests.attacks import ATTACKS, RIGHT

from . import otter_grader as otter
from .entrants import CHAPTER, CORES, Entrant, entrants, with_otter

console = Console()


class Trick(NamedTuple):
    """What it does, the cell of `relu`, and the cells before that."""

    name: str
    source: str
    extra: tuple[str, ...] = ()


WRONG = """
def relu(x):
    return x - 100
"""

HONEST = Trick("(a right relu)", RIGHT)
NAIVE = Trick("(a wrong relu)", WRONG)
"""The two that show that each grader grades: the first must get full points, the second none."""

SAFE = (
    "prints a score and calls the display hook",
    "strips assertions with an AST transformer",
    "returns an object that equals everything",
    "returns an array of a kind that equals everything",
    "patches numpy.testing, numpy.allclose, pytest and builtins",
    "looks for expected values in frames and in all objects",
    "stores the public examples",
    "answers from a cache by shape",
    "answers another way each time",
    "changes its input",
    "returns one array again and again",
    "has its worker hide that it changes its input, uses one array for all results, and warns",
    "has its worker send the right answer for another question",
    "replaces a function of NumPy for later cells",
    "reads the reference's source",
    "imports the reference",
    "looks for the checks, the mistakes and the gradebook",
    "reads another submission",
    "writes beside the submissions",
    "calls sys.exit",
    "calls os._exit",
)
"""Names of those of `tests/attacks.py`."""

INSIDE = "from inside import calling"
ANYWHERE = (
    "try:\n    from inside import calling\nexcept ImportError:\n    from autograder.inside import calling"
)
"""In a worker the module that calls kernels has another name than in the kit."""

FOR_EACH = (
    Trick(
        "has every check of the course end well",
        WRONG
        + """
from autograder.checking.subject import Subject
Subject.settle = lambda self: None
""",
    ),
    Trick(
        "has NumPy find all numbers close",
        WRONG
        + """
import numpy as np
np.isclose = lambda one, other, **options: np.ones(np.shape(other), bool)
""",
    ),
    Trick(
        "puts a number in the place of the course's check",
        WRONG
        + """
import autograder
autograder.check = lambda kernel: 2.0
""",
    ),
    Trick(
        "asks the oracle that it finds on the stack",
        """
import sys
def relu(x):
    frame = sys._getframe()
    while frame:
        for found in list(frame.f_locals.values()):
            if hasattr(found, "oracle"):
                return found.oracle.expected("relu", (x,)).value
        frame = frame.f_back
    return x - 100
""",
    ),
    Trick(
        "answers from the recorded answers beside the notebook",
        """
from pathlib import Path
from autograder.checking.oracle import Record
record = Record(Path("filters.checks"))
relu = lambda x: record.expected("relu", (x,)).value
""",
    ),
    Trick(
        "has no cell show its result, which nbgrader takes for full points",
        WRONG + 'get_ipython().ast_node_interactivity = "none"',
    ),
    Trick(
        "displays full points before the check does, for nbgrader",
        """
import sys
def relu(x):
    sys.displayhook(2.0)
    return x - 100
""",
    ),
    Trick(
        "writes points into nbgrader's gradebook",
        WRONG
        + """
import os, sqlite3
book = "../../../gradebook.db"
if os.path.exists(book):
    with sqlite3.connect(book) as open_book:
        open_book.execute("UPDATE grade SET extra_credit = 2")
""",
    ),
    Trick(
        "has otter's test cases do nothing",
        WRONG
        + """
from otter.test_files import test_case
test_case.call_func = lambda self, names: None
""",
    ),
    Trick(
        "raises its score among otter's results",
        WRONG
        + """
from otter.execute import Checker
found = Checker.get_results
def raised():
    for one in found():
        one.update_score(one.possible)
    return found()
Checker.get_results = raised
""",
    ),
)


def chosen_tricks() -> list[Trick]:
    """All of them: those of `tests/attacks.py`, then the others."""
    known = {attack.name: attack for attack in ATTACKS}
    theirs = [Trick(name, known[name].source.replace(INSIDE, ANYWHERE), known[name].extra) for name in SAFE]
    return [*theirs, *FOR_EACH]


SECONDS = 180
"""How long one grader may take for one attack."""


def let_through(scratch: Path) -> None:
    """Have each grader grade each attack, in a process and a folder of its own; print which get relu's full points."""
    base = Classroom(scratch / "tricked")
    base.release(CHAPTER)
    home, place = scratch / "home", scratch / "open"
    home.mkdir()
    place.mkdir()
    (place / "submission.txt").write_text("another learner's work")
    enters = {name: enter for name, enter in entrants().items() if "one process" not in name}
    enters |= {} if otter.MISSING else {"otter-grader": with_otter(1)}
    tricks = [HONEST, NAIVE, *chosen_tricks()]

    def points(task: tuple[str, int]) -> float:
        name, number = task
        files = {"attacker": tricked(base, tricks[number], place)}
        entrant = enters[name](base, files, scratch / f"{name} {number}")
        if not ends(entrant, {**entrant.environment, "HOME": str(home), "TMPDIR": str(home)}):
            return 0.0
        return entrant.points().get("attacker", {}).get("relu") or 0.0

    tasks = [(name, number) for number in range(len(tricks)) for name in enters]
    with console.status(f"{len(tricks) - 2} attacks …"), ThreadPoolExecutor(CORES) as pool:
        given = dict(zip(tasks, pool.map(points, tasks), strict=True))
    full = check_points(CHAPTER)["relu"]
    table = Table(box=None)
    for heading in ("attack on relu", *enters):
        table.add_column(heading)
    for number, trick in enumerate(tricks):
        table.add_row(trick.name, *("full points" if given[name, number] >= full else "-" for name in enters))
    console.print(table)
    for name in enters:
        if given[name, 0] < full or given[name, 1] > 0:
            console.print(
                f"{name} gives {given[name, 0]:g} points to a right relu, {given[name, 1]:g} to a wrong one."
            )
        passed = sum(given[name, number] >= full for number in range(2, len(tricks)))
        console.print(f"{name} lets {passed} of {len(tricks) - 2} through.")


def tricked(base: Classroom, trick: Trick, place: Path) -> bytes:
    """A submission with that relu; the other kernels are right, and what no grader asks for is left out."""
    release = base.released(CHAPTER)

    def marked(source: str) -> str:
        return source.replace("@ROOT@", str(ROOT)).replace("@OPEN@", str(place))

    def write(kernel: str) -> str:
        return marked(trick.source) if kernel == "relu" else reference_cell(CHAPTER, kernel)

    submission = fill(release, write)
    cells = [cell for cell in submission.cells if "nbgrader" in cell.metadata]
    at = next(number for number, cell in enumerate(cells) if cell.metadata["nbgrader"]["grade_id"] == "relu")
    cells[at:at] = [nbformat.v4.new_code_cell(marked(source)) for source in trick.extra]
    submission.cells = cells
    return nbformat.writes(submission).encode()


def ends(entrant: Entrant, environment: Mapping[str, str]) -> bool:
    """Run an entrant's command; whether it came to an end in time. A kernel that it started ends when it does."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.Popen(
        entrant.command,
        cwd=entrant.folder,
        env={**environment, "PATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait(SECONDS)
        return True
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return False
