"""`make bench`: the same 40 submissions of chapter 2, graded by this grader, by stock nbgrader and by otter-grader, in turns.

Then whether the three give the same points, what each step of this grader takes of a submission's time, and which attacks
each of the three lets through; with `--attacks`, these alone. otter-grader takes part where `make otter` was run. With
`--classes 100,1000,5000` instead: classes of these sizes, to see whether a submission costs the same in all of them, and
what the largest process holds in memory.
"""

import argparse
import contextlib
import functools
import os
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from autograder.checking import run as checking
from autograder.grading import submission as grading
from autograder.grading.classroom import Classroom
from autograder.grading.recorder import Recorder
from autograder.jail import session as jail

from . import otter_grader as otter
from .entrants import CHAPTER, CORES, Points, course, entrants, grade_command, submissions, versions
from .processor import Processor
from .tricks import let_through

ROUNDS = 2
COUNT = 40
console = Console()


def timed(command: list[str], cwd: Path, environment: Mapping[str, str] = os.environ) -> tuple[float, float]:
    """Seconds of wall time that a command takes, from start to end, and MiB of the largest of its processes."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    largest = 0.0
    with tempfile.TemporaryFile() as said:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=cwd, env={**environment, "PATH": path}, stdout=subprocess.DEVNULL, stderr=said
        )
        ended = select.poll()
        handle = os.pidfd_open(process.pid)
        ended.register(handle, select.POLLIN)
        while not ended.poll(500):
            # not the system's figure at its end: that begins with what this program holds, which starts it
            largest = max(largest, *map(peak, jail._tree(process.pid)))
        seconds = time.perf_counter() - started
        os.close(handle)
        if process.wait():
            said.seek(0)
            sys.exit(f"{' '.join(command)} failed:\n{said.read()[-2000:].decode(errors='replace')}")
    return seconds, largest


def peak(pid: int) -> float:
    """MiB that a process held in memory at most; 0 if it is gone."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/status", "rb") as lines:
        return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith(b"VmHWM:"))
    return 0.0


COMPARED = (
    ("this grader", "stock nbgrader"),
    ("one process", "stock nbgrader"),
    ("this grader", "otter-grader"),
    ("one process", "otter, one process"),
)
"""Whose throughputs are compared: the seconds of the second, over those of the first."""


def in_turns(scratch: Path, rounds: int, count: int) -> None:
    """Have all grade the same submissions, and print the seconds, their ratios with the spread, and where points differ."""
    enters = entrants()
    names = list(enters)
    pairs = [pair for pair in COMPARED if pair[1] in enters]
    table = Table(box=None)
    for heading in ("round", *names):
        table.add_column(heading, justify="right")
    base = Classroom(scratch / "base")
    base.release(CHAPTER)
    files = submissions(base, count)
    ratios: dict[tuple[str, str], list[float]] = {pair: [] for pair in pairs}
    for number in range(rounds):
        ready = {name: enter(base, files, scratch / f"{number} {name}") for name, enter in enters.items()}
        seconds = {}
        for name in names if number % 2 == 0 else reversed(names):
            with console.status(f"round {number + 1} of {rounds}, {name} …"):
                seconds[name], _ = timed(ready[name].command, ready[name].folder, ready[name].environment)
        for one, other in pairs:
            ratios[one, other].append(seconds[other] / seconds[one])
        told = [f"{seconds[name]:.1f} s" for name in names]
        table.add_row(str(number + 1), *told)
        if number + 1 < rounds:  # a round takes minutes: whoever stops before the last has what is done
            console.print(f"round {number + 1} of {rounds}: {', '.join(told)}")
    console.print(table)
    console.print(
        f"The same {count} submissions of {CHAPTER.name} in each of {rounds} rounds, start-up included. This grader and "
        f"otter-grader take {CORES} at once, and one where it says so; nbgrader takes one after the other."
    )
    for (one, other), found in ratios.items():
        middle, spread = statistics.median(found), f"from {min(found):.1f} to {max(found):.1f}"
        console.print(f"Throughput of {one} over {other}: median {middle:.1f} ({spread}).")
    compared = [name for name in names if "one process" not in name]
    failed = [line for name in compared for line in ready[name].failures()]
    console.print(*failed, *disagreements({name: ready[name].points() for name in compared}), sep="\n")


ROUNDED = 0.0051
"""Points by which two graders may differ who mean the same: this grader rounds to hundredths, otter does not."""


def disagreements(points: dict[str, Points]) -> list[str]:
    """Lines on the points that several graders gave: how often they are the same, and where they are not."""
    first, *others = points
    lines = []
    for other in others:
        apart = []
        for student, kernels in points[first].items():
            theirs = points[other].get(student, {})
            apart += [
                f"  {student}, {kernel}: {score:g} and {theirs.get(kernel, 0):.2f}"
                for kernel, score in kernels.items()
                if abs(score - theirs.get(kernel, 0)) > ROUNDED
            ]
        total = sum(map(len, points[first].values()))
        lines.append(f"{first} and {other} give the same points for {total - len(apart)} of {total} kernels.")
        lines += apart
    return lines


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
    used: list[float] = []
    took: list[float] = []
    shares.watch(jail, "spawn", "start a worker in the jail")
    shares.watch(jail.Session, "_make_ready", "run the submission's cells there")
    shares.watch(jail.Session, "_request", "ask its kernels, and wait for them")
    shares.watch(checking, "explain", "look for causes")
    shares.watch(checking, "_run_pytest", "run the checks")
    shares.watch(grading, "rebuild", "read the notebook")
    with Recorder(room, CHAPTER) as recorder, Processor() as processor:
        for one in jobs:
            begun, at = processor.seconds(), time.perf_counter()
            with shares.step("all else"):
                result = grading.grade(one)
            with shares.step("record it: gradebook, notebook, feedback page"):
                recorder.record(one, result)
            used.append(processor.seconds() - begun)
            took.append(time.perf_counter() - at)
    table = Table(box=None)
    for heading, side in (("step", "left"), ("ms a submission", "right"), ("share", "right")):
        table.add_column(heading, justify=side)  # type: ignore[arg-type]
    whole = sum(shares.seconds.values())
    for name, seconds in sorted(shares.seconds.items(), key=lambda item: -item[1]):
        table.add_row(name, f"{1000 * seconds / count:.0f}", f"{seconds / whole:.0%}")
    console.print(table)
    console.print(
        f"{count} submissions, graded and recorded one after the other in one process: {1000 * statistics.mean(used):.0f} ms "
        f"of processor time each, its worker's included (median {1000 * statistics.median(used):.0f}); median "
        f"{1000 * statistics.median(took):.0f} ms by the clock."
    )


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
    parser.add_argument("--attacks", action="store_true", help="nothing but what each lets through")
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
        place = Path(scratch)
        if sizes:
            return flat(place, [int(size) for size in sizes])
        console.print(versions())
        if otter.MISSING:
            console.print(otter.MISSING)
        if not chosen.attacks:
            in_turns(place, chosen.rounds, chosen.submissions)
            print_shares(place, chosen.submissions)
        let_through(place)


if __name__ == "__main__":
    main()
