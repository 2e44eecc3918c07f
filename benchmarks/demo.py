"""`make demo`: the whole round once, on embedded data, with the time each step took."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from autograder.chapters import ROOT, chapters
from autograder.classroom import Classroom
from autograder.sample import write_sample_class

console = Console()
BOOK = ROOT / "_build" / "html" / "index.html"
BOOK_INPUTS = ("chapters", "solutions", "course", "autograder", "_config.yml", "_toc.yml")


def newest(names: tuple[str, ...]) -> float:
    """Time of the last change of any file below these names."""
    files = [
        file
        for name in names
        for file in ([ROOT / name] if (ROOT / name).is_file() else (ROOT / name).rglob("*"))
    ]
    return max(file.stat().st_mtime for file in files if file.is_file() and "__pycache__" not in file.parts)


def build_book() -> str:
    """Build the book, unless it is newer than everything it is made of."""
    if BOOK.exists() and BOOK.stat().st_mtime > newest(BOOK_INPUTS):
        return "unchanged since it was built"
    command = [
        sys.executable,
        str(Path(sys.executable).parent / "jupyter-book"),
        "build",
        "-W",
        "-n",
        "--keep-going",
        str(ROOT),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        console.print(done.stdout[-4000:] + done.stderr[-4000:], markup=False)
        sys.exit(1)
    if not BOOK.exists():
        sys.exit(f"jupyter-book ended well, but there is no {BOOK}")
    BOOK.touch()
    return f"{len(list(BOOK.parent.glob('chapters/*.html')))} pages, without a warning"


def autograder(*words: str) -> str:
    """Run the command line as a user would; returns what it prints, its progress goes to the screen."""
    done = subprocess.run(
        [sys.executable, "-m", "autograder", *words], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        console.print(done.stdout, markup=False)
        sys.exit(done.returncode)
    return done.stdout


def release() -> str:
    """Release every chapter."""
    return f"{len(autograder('release').splitlines())} notebooks, without solutions"


def grade() -> str:
    """Grade all submissions and keep the results for the table at the end."""
    scores.extend(json.loads(autograder("grade", "--json")))
    return f"{len(scores)} submissions, each in a jail"


def report() -> str:
    """Write the reports."""
    autograder("report")
    return "a page for each learner, a report for each chapter"


scores: list[dict[str, Any]] = []


def score_table() -> Table:
    """Scores of every kind of submission, a column for each chapter."""
    table = Table(
        box=None,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        title="scores, a column for each chapter",
        title_justify="left",
    )
    table.add_column("submission", no_wrap=True)
    for chapter in chapters():
        table.add_column(str(chapter.number), justify="right", no_wrap=True)
    found = {(result["student"], result["assignment"]): result for result in scores}
    for student in sorted({result["student"] for result in scores}):
        row = (found.get((student, chapter.name)) for chapter in chapters())
        table.add_row(
            student, *(f"{one['score']:g}" if one and one["verdict"] == "graded" else "–" for one in row)
        )
    full = (max(result["points"] for result in scores if result["assignment"] == c.name) for c in chapters())
    table.add_row("of", *(f"{points:g}" for points in full), style="bold")
    return table


def sample_classes() -> str:
    """Make a class of submissions for every chapter."""
    room = Classroom()
    counts = {chapter.name: write_sample_class(room, chapter) for chapter in chapters()}
    return f"{sum(counts.values())} submissions for {len(counts)} chapters: right, wrong, odd, hostile and broken ones"


def step(number: int, name: str, work: Callable[[], str | None]) -> None:
    """Do one step, saying what it is, what came of it and how long it took."""
    console.print(f"[bold]{number}[/] {name}")
    started = time.perf_counter()
    result = work()
    console.print(f"  {result + ', ' if result else ''}[dim]{time.perf_counter() - started:.1f} s[/]")


def main() -> None:
    """Run the demo."""
    step(1, "build the book (runs every page and trains small networks, two to four minutes)", build_book)
    step(2, "release the assignments", release)
    step(3, "make a sample class", sample_classes)
    step(4, "grade it", grade)
    step(5, "write feedback and class reports", report)
    console.print()
    console.print(score_table())
    console.print("\n[bold]Open[/]")
    places = {
        "the book": BOOK,
        "a learner's notebook": Path(ROOT / "classroom/release/filters/filters.ipynb"),
        "a feedback page": Path(ROOT / "classroom/feedback/mistakes-1/filters/filters.html"),
        "a class report": Path(ROOT / "classroom/reports/filters.html"),
    }
    for name, path in places.items():
        console.print(f"  {name:22}{path.relative_to(ROOT)}", soft_wrap=True)
    console.print("  nbgrader's formgrader  .venv/bin/jupyter lab, then Nbgrader > Formgrader")


if __name__ == "__main__":
    main()
