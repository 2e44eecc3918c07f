"""Test the tests: prove the checks of a chapter against every known mistake and every correct alternative."""

import itertools
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import nbformat
import numpy as np
from rich.table import Table

from . import mistakes
from .authoring import kernel_source, source_notebook, stub_source
from .chapters import Chapter
from .checking import PUBLIC_SEED, run_checks
from .grading import referee
from .inside.calling import Caller, Outcome
from .jail import Limits
from .mistakes import Variant
from .oracle import Reference
from .rebuild import rebuild
from .results import Exercise
from .sample import fill, reference_cell
from .subject import Call

SEEDS = (PUBLIC_SEED, "verify-1", "verify-2")
"""The learners' inputs and two draws of fresh ones: a mistake must fail on each, an alternative pass."""


@dataclass(frozen=True)
class Row:
    """What was proven of one kernel's checks. `problems` is empty if all holds."""

    chapter: str
    kernel: str
    checks: int
    mistakes: int
    rejected: int
    named: int
    alternatives: int
    accepted: int
    dtypes: tuple[str, ...]
    untouched: float
    reference: float
    points: float
    problems: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def verify_chapter(
    chapter: Chapter, step: Callable[[int, int], None] = lambda done, total: None
) -> list[Row]:
    """Prove the checks of every kernel of a chapter.

    A mistake counts as rejected if it loses points under every seed and the check it is about fails; as named if the
    diagnosis shows its own hint. An alternative is accepted if it keeps full points under every seed. The untouched and
    the reference notebook are graded whole, through the jail.
    """
    reference = Reference(chapter)
    points = reference.points()
    untouched, full = _whole_notebooks(chapter, reference)
    tried = _try_variants(chapter, reference, step)
    rows = []
    for kernel, worth in points.items():
        problems: list[str] = []
        mine = [trial for trial in tried if trial.variant.kernel == kernel]
        wrong = [trial for trial in mine if trial.variant.is_wrong]
        right = [trial for trial in mine if not trial.variant.is_wrong]
        dtypes = {dtype for trial in right for dtype in trial.dtypes}
        rejected = sum(_is_rejected(trial, problems) for trial in wrong)
        named = sum(_is_named(trial, problems) for trial in wrong)
        accepted = sum(_is_accepted(trial, problems) for trial in right)
        if untouched[kernel].score:
            problems.append(f"{kernel}: the untouched notebook gets {untouched[kernel].score:g} points")
        if full[kernel].score != worth:
            problems.append(f"{kernel}: the reference gets {full[kernel].score:g} of {worth:g} points")
        if {"float32", "float64"} & dtypes and not {"float32", "float64"} <= dtypes:
            problems.append(f"{kernel}: no check tries both float32 and float64")
        if not wrong or not right:
            problems.append(
                f"{kernel}: has {len(wrong)} mistakes and {len(right)} alternatives; each needs one at least"
            )
        rows.append(
            Row(
                chapter.name, kernel, len(full[kernel].checks), len(wrong), rejected, named, len(right), accepted,
                tuple(sorted(dtypes)), untouched[kernel].score, full[kernel].score, worth, tuple(problems),
            )
        )  # fmt: skip
    return rows


@dataclass(frozen=True)
class Trial:
    """What the checks found of one variant, under each seed, and the dtypes they tried it with."""

    variant: Variant
    found: dict[str, Exercise]
    dtypes: set[str]


def _try_variants(chapter: Chapter, reference: Reference, step: Callable[[int, int], None]) -> list[Trial]:
    """Run the checks on every variant; one run of pytest takes a variant of each kernel."""
    trials = [Trial(variant, {}, set()) for variant in mistakes.of(chapter.name)]
    by_kernel = [[t for t in trials if t.variant.kernel == kernel] for kernel in reference.points()]
    rounds = list(itertools.zip_longest(*by_kernel))
    for number, (seed, together) in enumerate(itertools.product(SEEDS, rounds), 1):
        present = {trial.variant.kernel: trial for trial in together if trial is not None}
        calls = {
            kernel: _watching(Caller(trial.variant.function), trial.dtypes)
            for kernel, trial in present.items()
        }
        for exercise in run_checks(chapter.checks, reference, calls, seed):
            present[exercise.kernel].found[seed] = exercise
        step(number, len(SEEDS) * len(rounds))
    return trials


def _whole_notebooks(
    chapter: Chapter, reference: Reference
) -> tuple[dict[str, Exercise], dict[str, Exercise]]:
    source = nbformat.from_dict(source_notebook(chapter))
    release = fill(
        source, lambda kernel: stub_source(kernel_source(f"from solutions.{chapter.name} import {kernel}"))
    )
    graded = []
    for notebook in (release, fill(source, lambda kernel: reference_cell(chapter, kernel))):
        rebuilt = rebuild(release, nbformat.writes(notebook).encode())
        exercises, _ = referee(rebuilt, reference, "verify", Limits(), jailed=True)
        graded.append({exercise.kernel: exercise for exercise in exercises})
    return graded[0], graded[1]


def _is_rejected(trial: Trial, problems: list[str]) -> bool:
    variant, before = trial.variant, len(problems)
    for seed, exercise in trial.found.items():
        failed = {check.name for check in exercise.checks if not check.passed}
        if exercise.score >= exercise.points:
            problems.append(f"{variant.kernel}: the mistake {variant.name} passes (seed {seed})")
        elif variant.caught_by not in failed:
            problems.append(
                f"{variant.kernel}: {variant.caught_by} lets the mistake {variant.name} pass (seed {seed})"
            )
    return len(problems) == before


def _is_named(trial: Trial, problems: list[str]) -> bool:
    variant, before = trial.variant, len(problems)
    for seed, exercise in trial.found.items():
        if exercise.mistake != variant.name:
            named = exercise.mistake or "nothing"
            problems.append(f"{variant.kernel}: the mistake {variant.name} is named {named} (seed {seed})")
    return len(problems) == before


def _is_accepted(trial: Trial, problems: list[str]) -> bool:
    variant, before = trial.variant, len(problems)
    for seed, exercise in trial.found.items():
        if exercise.failure:
            why = f"{exercise.failure.check}: {exercise.failure.message}"
            problems.append(
                f"{variant.kernel}: the alternative {variant.name} is rejected by {why} (seed {seed})"
            )
    return len(problems) == before


def _watching(call: Call, dtypes: set[str]) -> Call:
    def watched(args: tuple[Any, ...]) -> Outcome:
        dtypes.update(str(value.dtype) for value in args if isinstance(value, np.ndarray))
        return call(args)

    return watched


def verdict_table(rows: list[Row]) -> Table:
    """The rows as a table for the terminal."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True, overflow="ellipsis")
    for heading in (
        "checks",
        "mistakes\nrejected",
        "\nnamed",
        "other ways\naccepted",
        "un-\ntouched",
        "refer-\nence",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("tried\nwith", no_wrap=True)
    for chapter, group in itertools.groupby(rows, lambda row: row.chapter):
        table.add_row(f"[bold]{chapter}[/]")
        for row in group:
            sign = "[red]✗[/]" if row.problems else "[green]✓[/]"
            table.add_row(
                f"{sign} {row.kernel}",
                str(row.checks),
                f"{row.rejected}/{row.mistakes}",
                f"{row.named}/{row.mistakes}",
                f"{row.accepted}/{row.alternatives}",
                f"{row.untouched:g}",
                f"{row.reference:g}/{row.points:g}",
                " ".join(np.dtype(name).str[1:] for name in row.dtypes),
            )
    sums = {
        name: sum(getattr(row, name) for row in rows) for name in ("checks", "mistakes", "rejected", "named")
    }
    accepted, alternatives = sum(row.accepted for row in rows), sum(row.alternatives for row in rows)
    wrong = sums["mistakes"]
    table.add_row(
        "all",
        str(sums["checks"]),
        f"{sums['rejected']}/{wrong}",
        f"{sums['named']}/{wrong}",
        f"{accepted}/{alternatives}",
        style="bold",
    )
    return table
