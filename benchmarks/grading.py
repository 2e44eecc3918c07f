"""`make bench`: the same 40 submissions of chapter 2, graded by this grader and by stock nbgrader, in turns in one run.

After that, what each step of this grader takes of a submission's time. With `--classes 100,1000,5000` instead: classes of
these sizes, to see whether a submission costs the same in all of them, and what the largest process holds in memory.
"""

import argparse
import contextlib
import functools
import itertools
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from rich.console import Console
from rich.table import Table

from autograder import mistakes
from autograder.chapters import chapter
from autograder.checking import run as checking
from autograder.grading import submission as grading
from autograder.grading.classroom import Classroom
from autograder.grading.recorder import Recorder
from autograder.jail import session as jail
from autograder.publishing.authoring import is_exercise
from autograder.sample import fill, reference_cell, variant_cell

CHAPTER = chapter("filters")
ROUNDS = 2
COUNT = 40
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


def timed(command: list[str], cwd: Path) -> tuple[float, float]:
    """Seconds of wall time that a command takes, from start to end, and MiB of the largest of its processes."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryFile() as said:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=cwd, env={**os.environ, "PATH": path}, stdout=subprocess.DEVNULL, stderr=said
        )
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            sys.exit(f"{' '.join(command)} failed:\n{said.read()[-2000:].decode(errors='replace')}")
    return seconds, used.ru_maxrss / 1024


def grade_command(room: Classroom, *options: str) -> list[str]:
    """This grader's command for such a classroom."""
    start = [sys.executable, "-m", "autograder", "grade", CHAPTER.name, "--classroom", str(room.root)]
    return [*start, *options]


def in_turns(scratch: Path, rounds: int, count: int) -> None:
    """Grade with this grader, with one process of it, and with stock nbgrader, and print the ratios with their spread."""
    names = ("this grader", "one process", "stock nbgrader")
    table = Table(box=None)
    for heading in ("round", *names, "ratio", "ratio, one process"):
        table.add_column(heading, justify="right")
    base = Classroom(scratch / "base")
    base.release(CHAPTER)
    files = submissions(base, count)
    ratios: list[list[float]] = [[], []]
    for number in range(rounds):
        rooms = [course(base, files, scratch / f"{number}-{who}") for who in ("ours", "single", "stock")]
        commands = [
            grade_command(rooms[0]),
            grade_command(rooms[1], "--processes", "1"),
            ["nbgrader", "autograde", CHAPTER.name, "--create", f"--course-dir={rooms[2].root}"],
        ]
        seconds = [0.0] * 3
        for turn in (0, 1, 2) if number % 2 == 0 else (2, 1, 0):
            with console.status(f"round {number + 1} of {rounds}, {names[turn]} …"):
                seconds[turn], _ = timed(commands[turn], rooms[turn].root)
        for found, ours in zip(ratios, seconds, strict=False):
            found.append(seconds[2] / ours)
        told = [*(f"{one:.1f} s" for one in seconds), *(f"{found[-1]:.1f}" for found in ratios)]
        table.add_row(str(number + 1), *told)
        if number + 1 < rounds:  # a round takes minutes: whoever stops before the last has what is done
            console.print(f"round {number + 1} of {rounds}: {', '.join(told)}")
    console.print(table)
    said = [f"{statistics.median(found):.1f} (from {min(found):.1f} to {max(found):.1f})" for found in ratios]
    console.print(
        f"The same {count} submissions of {CHAPTER.name} in each of {rounds} rounds, on {os.cpu_count()} cores, start-up "
        f"included.\nThis grader's throughput over stock nbgrader's: median {said[0]}; in one process {said[1]}."
    )


class Shares:
    """Seconds that each step takes, without the steps inside it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._inside: list[float] = []

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        begin = time.perf_counter()
        self._inside.append(0.0)
        try:
            yield
        finally:
            passed = time.perf_counter() - begin
            self.seconds[name] = self.seconds.get(name, 0.0) + passed - self._inside.pop()
            if self._inside:
                self._inside[-1] += passed

    def watch(self, owner: Any, attribute: str, name: str) -> None:
        """Count what this function or method takes as that step, for as long as this program runs."""
        function = getattr(owner, attribute)

        @functools.wraps(function)
        def counted(*args: Any, **named: Any) -> Any:
            with self.step(name):
                return function(*args, **named)

        setattr(owner, attribute, counted)


def print_shares(scratch: Path, count: int) -> None:
    """Grade in this process, and print what each step takes of the time of a submission."""
    base = Classroom(scratch / "shares")
    base.release(CHAPTER)
    room = course(base, submissions(base, count), scratch / "room")
    release, secret = room.release_path(CHAPTER).read_bytes(), room.secret()
    jobs = [
        grading.job(
            student,
            CHAPTER,
            room.folder("submitted", student, CHAPTER) / f"{CHAPTER.name}.ipynb",
            release,
            secret,
            jail.Limits(),
            True,
        )
        for student in room.students(CHAPTER)
    ]
    grading.grade(jobs[0])  # imports, and what is kept of the release
    shares = Shares()
    shares.watch(jail, "spawn", "start a worker in the jail")
    shares.watch(jail.Session, "_make_ready", "run the submission's cells there")
    shares.watch(jail.Session, "_request", "ask its kernels, and wait for them")
    shares.watch(checking, "explain", "look for causes")
    shares.watch(checking, "_run_pytest", "run the checks")
    shares.watch(grading, "rebuild", "read the notebook")
    with Recorder(room, CHAPTER) as recorder:
        for one in jobs:
            with shares.step("all else"):
                result = grading.grade(one)
            with shares.step("record it: gradebook, notebook, feedback page"):
                recorder.record(one, result)
    table = Table(box=None)
    for heading, side in (("step", "left"), ("ms a submission", "right"), ("share", "right")):
        table.add_column(heading, justify=side)  # type: ignore[arg-type]
    whole = sum(shares.seconds.values())
    for name, seconds in sorted(shares.seconds.items(), key=lambda item: -item[1]):
        table.add_row(name, f"{1000 * seconds / count:.0f}", f"{seconds / whole:.0%}")
    console.print(table)
    console.print(f"{count} submissions, one after the other in one process.")


def flat(scratch: Path, sizes: list[int]) -> None:
    """Grade classes of these sizes, and print what a submission takes in each."""
    table = Table(box=None)
    for heading in ("submissions", "seconds", "ms a submission", "largest process"):
        table.add_column(heading, justify="right")
    base = Classroom(scratch / "base")
    base.release(CHAPTER)
    for size in sizes:
        room = course(base, submissions(base, size), scratch / f"class-{size}")
        with console.status(f"a class of {size} …"):
            seconds, memory = timed(grade_command(room), room.root)
        table.add_row(str(size), f"{seconds:.1f}", f"{1000 * seconds / size:.0f}", f"{memory:.0f} MiB")
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--submissions", type=int, default=COUNT, metavar="COUNT")
    parser.add_argument(
        "--classes", default="", metavar="SIZES", help="with commas between; nothing else then"
    )
    chosen = parser.parse_args()
    sizes = chosen.classes.split(",") if chosen.classes else []
    if min(chosen.rounds, chosen.submissions) < 1 or not all(
        size.isdecimal() and int(size) for size in sizes
    ):
        parser.error("rounds, submissions and the sizes of classes are whole numbers from 1 on")
    with tempfile.TemporaryDirectory() as scratch:
        if sizes:
            return flat(Path(scratch), [int(size) for size in sizes])
        in_turns(Path(scratch), chosen.rounds, chosen.submissions)
        print_shares(Path(scratch), chosen.submissions)


if __name__ == "__main__":
    main()
