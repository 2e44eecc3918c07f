"""`make bench-luck`: does a grade hang on the seed? Every mistake and every other right way, graded under twenty draws.

Printed is the spread of each mistake's score; listed are those with more than one grade. The bar: one grade for at least
99% of the mistakes, and full points for every right way under every seed.
"""

import argparse
import collections
import itertools
import json
import os
import sys
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from autograder import mistakes
from autograder.chapters import Chapter, chapters
from autograder.checking.oracle import Reference
from autograder.checking.run import run_checks
from autograder.mistakes import Variant
from benchmarks.processes import Steps, in_processes
from benchmarks.sieve import guarded

SEEDS = 20
STEADY = 0.99
"""Share of the mistakes that must get the same grade under all seeds."""

LASTS = 600
"""Seconds after which one round of checks is ended from outside."""

console = Console()

Scores = dict[tuple[str, str], list[float]]
"""Points reached under each seed, by kernel and variant."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chapters", default="", help="names, with commas between; all if left out")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write down every score")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    chosen = parser.parse_args()
    names = chosen.chapters.split(",") if chosen.chapters else []
    todo = [chapter for chapter in chapters() if not names or chapter.name in names]
    scores = grade(todo, chosen.seeds, chosen.jobs)
    if chosen.json:
        chosen.json.write_text(json.dumps([[*key, *found] for key, found in scores.items()], indent=1))
    sys.exit(not report(todo, scores))


def grade(todo: list[Chapter], seeds: int, at_once: int) -> Scores:
    """Points of every variant under every seed; one run of pytest takes a variant of each kernel of a chapter."""
    scores: Scores = collections.defaultdict(list)
    tasks = []
    for chapter in todo:
        kernels = Reference(chapter).points()
        by_kernel = [[v for v in mistakes.of(chapter.name) if v.kernel == kernel] for kernel in kernels]
        for together in itertools.zip_longest(*by_kernel):
            present = [variant for variant in together if variant]
            tasks += [(chapter, present, f"luck-{number}") for number in range(seeds)]
    with Steps("draws", len(tasks), console) as steps:
        work = ((task, lambda task=task: _round(*task)) for task in tasks)
        for done, ((chapter, present, seed), found) in enumerate(in_processes(work, at_once, LASTS), 1):
            if isinstance(found, str):
                sys.exit(f"{chapter.name}, {seed}, {', '.join(v.name for v in present)}: {found}")
            for key, score in found.items():
                scores[key].append(score)
            steps.at(done, chapter.name)
    return scores


def _round(chapter: Chapter, present: list[Variant], seed: str) -> dict[tuple[str, str], float]:
    calls = {variant.kernel: guarded(variant.kernel, variant.function) for variant in present}
    names = {variant.kernel: variant.name for variant in present}
    with np.errstate(all="ignore"):
        found = run_checks(chapter.checks, Reference(chapter), calls, seed, causes=False)
    return {(exercise.kernel, names[exercise.kernel]): exercise.score for exercise in found}


def report(todo: list[Chapter], scores: Scores) -> bool:
    """Print the spread of the scores; returns whether the bars are met."""
    table = Table(box=None, pad_edge=False)
    for heading in ("kernel", "mistakes", "one grade", "widest spread", "other ways", "always full"):
        table.add_column(heading, justify="left" if heading == "kernel" else "right")
    unsteady, refused = [], []
    counts: dict[str, int] = collections.Counter()
    for chapter in todo:
        for kernel, points in Reference(chapter).points().items():
            spreads = {True: [], False: []}  # type: ignore[var-annotated]
            for variant in mistakes.of(chapter.name):
                if variant.kernel != kernel:
                    continue
                found = scores[kernel, variant.name]
                spreads[variant.is_wrong].append((max(found) - min(found), variant.name, found))
                if not variant.is_wrong and min(found) < points:
                    refused.append((kernel, variant.name, found))
            wrong, right = spreads[True], spreads[False]
            moving = [row for row in wrong if row[0] > 0]
            unsteady += [(kernel, points, name, found) for _, name, found in moving]
            counts["wrong"] += len(wrong)
            counts["right"] += len(right)
            widest = max((spread for spread, *_ in wrong), default=0)
            full = sum(min(found) >= points for _, _, found in right)
            table.add_row(
                kernel, str(len(wrong)), str(len(wrong) - len(moving)), f"{widest:.2f} of {points:g}" if widest else "",
                str(len(right)), str(full),
            )  # fmt: skip
    console.print(table)
    for title, rows in (("more than one grade", unsteady), ("a right way that loses points", refused)):
        if rows:
            console.print(f"\n[bold]{title}: {len(rows)}[/]")
        for kernel, *_, name, found in rows:
            console.print(f"{kernel} {name}: {_counted(found)}", markup=False, highlight=False)
    steady = 1 - len(unsteady) / counts["wrong"] if counts["wrong"] else 1.0
    good = steady >= STEADY and not refused
    console.print(
        f"{'✓' if steady >= STEADY else '✗'} {counts['wrong'] - len(unsteady)} of {counts['wrong']} mistakes get one "
        f"grade under all seeds: {100 * steady:.1f}% (bar {100 * STEADY:.0f}%)"
    )
    console.print(
        f"{'✗' if refused else '✓'} {counts['right'] - len(refused)} of {counts['right']} other right ways are always full"
    )
    return good


def _counted(found: list[float]) -> str:
    """Each score and how often it came: 0 (3×), 1.67 (17×)."""
    return ", ".join(f"{score:g} ({times}×)" for score, times in sorted(collections.Counter(found).items()))


if __name__ == "__main__":
    main()
