"""`make bench`: the same 40 submissions of chapter 2, graded by this grader and by stock nbgrader, in turns in one run."""

import itertools
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from rich.console import Console
from rich.table import Table

from autograder import mistakes
from autograder.authoring import is_exercise
from autograder.chapters import chapter
from autograder.classroom import Classroom
from autograder.sample import fill, reference_cell, variant_cell

CHAPTER = chapter("filters")
ROUNDS = 4
EACH = 10
console = Console()


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


def timed(command: list[str], cwd: Path) -> float:
    """Seconds of wall time that a command takes, from start to end."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    started = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, env={**os.environ, "PATH": path}, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return time.perf_counter() - started


def main() -> None:
    """Grade in turns and print the ratio of throughput with its spread."""
    table = Table(box=None)
    for heading in ("round", "this grader", "one process", "stock nbgrader", "ratio", "ratio, one process"):
        table.add_column(heading, justify="right")
    ratios, singles = [], []
    with tempfile.TemporaryDirectory() as scratch:
        base = Classroom(Path(scratch) / "base")
        base.release(CHAPTER)
        files = list(submissions(base, ROUNDS * EACH).items())
        for number in range(ROUNDS):
            part = dict(files[number * EACH : (number + 1) * EACH])
            rooms = [
                course(base, part, Path(scratch) / f"{number}-{who}") for who in ("ours", "single", "stock")
            ]
            ours = [
                sys.executable,
                "-m",
                "autograder",
                "grade",
                CHAPTER.name,
                "--classroom",
                str(rooms[0].root),
            ]
            single = [*ours[:-1], str(rooms[1].root), "--processes", "1"]
            stock = ["nbgrader", "autograde", CHAPTER.name, "--create", f"--course-dir={rooms[2].root}"]
            commands = [(ours, rooms[0].root), (single, rooms[1].root), (stock, rooms[2].root)]
            order = [0, 1, 2] if number % 2 == 0 else [2, 1, 0]
            seconds = {}
            for turn in order:
                with console.status(
                    f"round {number + 1} of {ROUNDS}, {('this grader', 'one process', 'stock')[turn]} …"
                ):
                    seconds[turn] = timed(*commands[turn])
            ratios.append(seconds[2] / seconds[0])
            singles.append(seconds[2] / seconds[1])
            table.add_row(
                str(number + 1),
                *(f"{seconds[turn]:.1f} s" for turn in (0, 1, 2)),
                f"{ratios[-1]:.1f}",
                f"{singles[-1]:.1f}",
            )
    console.print(table)
    console.print(
        f"{ROUNDS * EACH} submissions of {CHAPTER.name}, {EACH} a round, on {os.cpu_count()} cores, start-up included.\n"
        f"This grader's throughput over stock nbgrader's: median {statistics.median(ratios):.1f} "
        f"(from {min(ratios):.1f} to {max(ratios):.1f}); in one process {statistics.median(singles):.1f} "
        f"(from {min(singles):.1f} to {max(singles):.1f})."
    )


if __name__ == "__main__":
    main()
