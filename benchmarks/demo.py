"""`make demo`: the whole round once, on embedded data, with the time each step took."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from autograder.chapters import ROOT, chapters
from autograder.chapters import chapter as find_chapter
from autograder.grading.classroom import Classroom
from autograder.sample import write_sample_class

console = Console()
BOOK = ROOT / "_build" / "html" / "index.html"
FIRST = "filters"
"""Chapter of which one submission is graded before everything else, that there is something to look at."""

LEARNER = "mistakes-1"


def run_pages() -> str:
    """Run the pages of the book whose outputs are not kept; its progress goes to the screen."""
    return python("-m", "autograder.publishing.pages").strip()


def build_book() -> str:
    """Build the book from the outputs of its pages."""
    book = str(Path(sys.executable).parent / "jupyter-book")
    python(book, "build", "-W", "-n", "--keep-going", str(ROOT), quiet=True)
    if not BOOK.exists():
        sys.exit(f"jupyter-book ended well, but there is no {BOOK}")
    return f"{len(list(BOOK.parent.glob('chapters/*.html')))} pages, without a warning"


def python(*words: str, quiet: bool = False) -> str:
    """Run `python …` in the project; returns what it prints. Unless quiet, what it says of its progress is shown."""
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if quiet else None,
        text=True,
    )
    if done.returncode:
        told = [line for line in done.stdout.splitlines() if "WARNING" in line or "ERROR" in line]
        console.print(
            "\n".join(told) or done.stdout[-8000:], markup=False
        )  # a book also lists all its pictures
        raise SystemExit(done.returncode)
    return done.stdout


def autograder(*words: str, quiet: bool = False) -> str:
    """Run the command line as a user would."""
    return python("-m", "autograder", *words, quiet=quiet)


def first_feedback() -> str:
    """Release one chapter, grade one submission of its sample class, and say where the feedback is."""
    chapter = find_chapter(FIRST)
    autograder("release", FIRST, quiet=True)
    write_sample_class(Classroom(), chapter)
    (result,) = json.loads(autograder("grade", FIRST, "--student", LEARNER, "--json"))
    place = f"classroom/feedback/{LEARNER}/{FIRST}/{FIRST}.html"
    return f"{result['score']:g} of {result['points']:g} points; look at {place}"


def release() -> str:
    """Release every chapter."""
    return f"{len(autograder('release').splitlines())} notebooks, without solutions"


def grade() -> str:
    """Grade all submissions and keep the results for the table at the end."""
    scores.extend(json.loads(autograder("grade", "--json")))
    return f"{len(scores)} submissions, each in a jail"


def report() -> str:
    """Write the reports."""
    autograder("report", quiet=True)
    return "a page for each learner, a report for each chapter"


def book_and_reports() -> str:
    """Build the book while the reports are written: each keeps one core busy, and neither takes times."""
    with ThreadPoolExecutor(2) as both:
        return "; ".join(both.map(lambda work: work(), (build_book, report)))


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


def step(number: int, name: str, work: Callable[[], str]) -> tuple[str, float]:
    """Do one step, saying what it is, what came of it and how long it took."""
    console.print(f"[bold]{number}[/] {name}")
    started = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - started
    console.print(f"  {result}, [dim]{seconds:.1f} s[/]", soft_wrap=True)
    return name, seconds


STEPS = (
    (f"release {FIRST}, grade one learner", first_feedback),
    ("release all chapters", release),
    ("make a sample class", sample_classes),
    ("grade it", grade),
    ("run the pages of the book", run_pages),
    ("build the book, write reports", book_and_reports),
)
"""What can be looked at comes first. Only the last step does two things at once: the others use every core, and grading
and some pages take times, which whatever ran beside them would disturb."""


def main() -> None:
    """Run the demo."""
    took = [step(number, name, work) for number, (name, work) in enumerate(STEPS, 1)]
    console.print()
    console.print(score_table())
    table = Table(box=None, pad_edge=False, title="\nseconds", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, seconds in [*took, ("all", sum(seconds for _, seconds in took))]:
        table.add_row(name, f"{seconds:.0f} s", style="bold" if name == "all" else "")
    console.print(table)
    console.print("\n[bold]Open[/]")
    places = {
        "the book": BOOK,
        "a learner's notebook": ROOT / f"classroom/release/{FIRST}/{FIRST}.ipynb",
        "a feedback page": ROOT / f"classroom/feedback/{LEARNER}/{FIRST}/{FIRST}.html",
        "a class report": ROOT / f"classroom/reports/{FIRST}.html",
    }
    for name, path in places.items():
        console.print(f"  {name:22}{path.relative_to(ROOT)}", soft_wrap=True)
    console.print("  nbgrader's formgrader  .venv/bin/jupyter lab, then Nbgrader > Formgrader")


if __name__ == "__main__":
    main()
