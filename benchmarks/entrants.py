"""Those who grade the same submissions of chapter 2 in `make bench`: this grader, stock nbgrader, otter-grader."""

import itertools
import os
import platform
import shutil
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import nbformat

from autograder import mistakes
from autograder.chapters import chapter
from autograder.grading.classroom import Classroom
from autograder.publishing.authoring import is_exercise
from autograder.sample import fill, reference_cell, variant_cell

from . import otter_grader as otter

CHAPTER = chapter("filters")
CORES = os.cpu_count() or 1

Points = dict[str, dict[str, float]]
"""Points by student and kernel."""


def submissions(room: Classroom, count: int) -> dict[str, bytes]:
    """Honest submissions, right and wrong: each kernel in turn is the reference, a mistake or an alternative."""
    release = room.released(CHAPTER)
    kernels = [cell.metadata["nbgrader"]["grade_id"] for cell in release.cells if is_exercise(cell)]
    variants = mistakes.of(CHAPTER.name)
    ways = {kernel: [None, *(v for v in variants if v.kernel == kernel)] for kernel in kernels}
    turns = {kernel: itertools.cycle(options) for kernel, options in ways.items()}
    files = {}
    for number in range(count):
        now = {kernel: next(turn) for kernel, turn in turns.items()}

        def write(kernel: str, now: dict = now) -> str:  # type: ignore[type-arg]
            return variant_cell(now[kernel]) if now[kernel] else reference_cell(CHAPTER, kernel)

        files[f"learner-{number:02}"] = nbformat.writes(fill(release, write)).encode()
    return files


def course(base: Classroom, files: dict[str, bytes], folder: Path) -> Classroom:
    """A classroom of its own with these submissions."""
    shutil.copytree(base.root, folder)
    room = Classroom(folder)
    for student, content in files.items():
        path = room.folder("submitted", student, CHAPTER) / f"{CHAPTER.name}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    return room


def grade_command(room: Classroom, *options: str) -> list[str]:
    """This grader's command for such a classroom."""
    start = [sys.executable, "-m", "autograder", "grade", CHAPTER.name, "--classroom", str(room.root)]
    return [*start, *options]


def recorded(room: Classroom) -> Points:
    """What the gradebook of a classroom says of each kernel."""
    with room.open_gradebook() as book:
        return {
            submission.student_id: {
                grade.name.removeprefix("check-"): grade.score
                for grade in submission.notebooks[0].grades
                if grade.name.startswith("check-")
            }
            for submission in book.assignment_submissions(CHAPTER.name)
        }


class Entrant(NamedTuple):
    """One who is to grade the submissions: its command, where that runs, how its points are read, and what it failed on."""

    command: list[str]
    folder: Path
    points: Callable[[], Points]
    environment: Mapping[str, str] = os.environ
    failures: Callable[[], list[str]] = list


Enter = Callable[[Classroom, dict[str, bytes], Path], Entrant]
"""Lays out submissions in a folder that is not there yet, for one who grades them; takes the classroom of the release."""


def ours(*options: str) -> Enter:
    """This grader, with these options of its command."""

    def enter(base: Classroom, files: dict[str, bytes], folder: Path) -> Entrant:
        room = course(base, files, folder)
        return Entrant(grade_command(room, *options), folder, lambda: recorded(room))

    return enter


def stock(base: Classroom, files: dict[str, bytes], folder: Path) -> Entrant:
    """nbgrader as it comes: without the project's configuration, which would have it grade in the jail."""
    room = course(base, files, folder)
    command = ["nbgrader", "autograde", CHAPTER.name, "--create", f"--course-dir={room.root}"]
    return Entrant(command, folder, lambda: recorded(room))


def with_otter(processes: int) -> Enter:
    """otter-grader, with so many submissions at once."""

    def enter(base: Classroom, files: dict[str, bytes], folder: Path) -> Entrant:
        autograder = otter.assemble(CHAPTER, base.release_path(CHAPTER).parent, folder / "assignment")
        paths = []
        for student, content in files.items():
            paths.append(folder / student / "submission.ipynb")
            paths[-1].parent.mkdir()
            paths[-1].write_bytes(otter.notebook(content))
        results = folder / "results.json"
        command = otter.command(autograder, paths, processes, results)
        students = list(files)
        return Entrant(
            command,
            folder,
            lambda: otter.points(results, students),
            otter.environment(),
            lambda: otter.failures(results, students),
        )

    return enter


def entrants() -> dict[str, Enter]:
    """All who can grade here, by their names in the table."""
    enters = {"this grader": ours(), "one process": ours("--processes", "1"), "stock nbgrader": stock}
    if not otter.MISSING:
        enters |= {"otter-grader": with_otter(CORES), "otter, one process": with_otter(1)}
    return enters


def versions() -> str:
    """What took part here, with versions."""
    names = {"nbgrader": "nbgrader", "this project": "cnn-course", "NumPy": "numpy"}
    told = [f"{name} {version(package)}" for name, package in names.items()]
    if not otter.MISSING:
        told.append(f"otter-grader {otter.version()}")
    return ", ".join([*told, f"Python {platform.python_version()}", f"{CORES} cores"])
