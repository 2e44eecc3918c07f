"""Test the tests: prove the checks of a chapter against every known mistake and every correct alternative."""

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

SEEDS = (PUBLIC_SEED, "verify-1", "verify-2", "verify-3")
"""The learners' inputs and three draws of fresh ones: a mistake must fail on each, an alternative pass."""


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
    variants = mistakes.of(chapter.name)
    kernels = reference.points()
    untouched, full = _whole_notebooks(chapter, reference)
    rows, done, total = [], 0, len(variants)
    for kernel, points in kernels.items():
        problems: list[str] = []
        rejected = named = accepted = wrong = right = 0
        dtypes: set[str] = set()
        for variant in (v for v in variants if v.kernel == kernel):
            if variant.is_wrong:
                wrong += 1
                caught, diagnosed = _prove_mistake(reference, variant, problems)
                rejected += caught
                named += diagnosed
            else:
                right += 1
                accepted += _prove_alternative(reference, variant, problems, dtypes)
            done += 1
            step(done, total)
        if untouched[kernel].score:
            problems.append(f"{kernel}: the untouched notebook gets {untouched[kernel].score:g} points")
        if full[kernel].score != points:
            problems.append(f"{kernel}: the reference gets {full[kernel].score:g} of {points:g} points")
        if {"float32", "float64"} & dtypes and not {"float32", "float64"} <= dtypes:
            problems.append(f"{kernel}: no check tries both float32 and float64")
        if not wrong or not right:
            problems.append(
                f"{kernel}: has {wrong} mistakes and {right} alternatives; each needs at least one"
            )
        rows.append(
            Row(
                chapter.name, kernel, len(full[kernel].checks), wrong, rejected, named, right, accepted,
                tuple(sorted(dtypes)), untouched[kernel].score, full[kernel].score, points, tuple(problems),
            )
        )  # fmt: skip
    return rows


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


def _prove_mistake(reference: Reference, variant: Variant, problems: list[str]) -> tuple[bool, bool]:
    caught = diagnosed = True
    for seed in SEEDS:
        (exercise,) = run_checks(
            reference.chapter.checks, reference, {variant.kernel: Caller(variant.function)}, seed
        )
        failed = {check.name for check in exercise.checks if not check.passed}
        if exercise.score >= exercise.points:
            problems.append(f"{variant.kernel}: the mistake {variant.name} passes (seed {seed})")
            caught = False
        elif variant.caught_by not in failed:
            problems.append(
                f"{variant.kernel}: the mistake {variant.name} is not caught by {variant.caught_by} (seed {seed})"
            )
            caught = False
        if exercise.mistake != variant.name:
            problems.append(
                f"{variant.kernel}: the mistake {variant.name} is named {exercise.mistake or 'nothing'} (seed {seed})"
            )
            diagnosed = False
    return caught, diagnosed


def _prove_alternative(reference: Reference, variant: Variant, problems: list[str], dtypes: set[str]) -> bool:
    accepted = True
    for seed in SEEDS:
        call = _watching(Caller(variant.function), dtypes)
        (exercise,) = run_checks(reference.chapter.checks, reference, {variant.kernel: call}, seed)
        if exercise.failure:
            message = f"{variant.kernel}: the alternative {variant.name} is rejected: {exercise.failure.message} (seed {seed})"
            problems.append(message)
            accepted = False
    return accepted


def _watching(call: Call, dtypes: set[str]) -> Call:
    def watched(args: tuple[Any, ...]) -> Outcome:
        dtypes.update(str(value.dtype) for value in args if isinstance(value, np.ndarray))
        return call(args)

    return watched


def verdict_table(rows: list[Row]) -> Table:
    """The rows as a table for the terminal."""
    table = Table(box=None, pad_edge=False)
    for heading in ("chapter", "kernel"):
        table.add_column(heading)
    for heading in (
        "checks",
        "mistakes rejected",
        "named",
        "alternatives accepted",
        "untouched",
        "reference",
    ):
        table.add_column(heading, justify="right")
    table.add_column("tried with")
    table.add_column("")
    for row in rows:
        table.add_row(
            row.chapter, row.kernel, str(row.checks), f"{row.rejected} of {row.mistakes}", f"{row.named} of {row.mistakes}",
            f"{row.accepted} of {row.alternatives}", f"{row.untouched:g}", f"{row.reference:g} of {row.points:g}",
            " ".join(row.dtypes), "[red]✗[/]" if row.problems else "[green]✓[/]",
        )  # fmt: skip
    total = [
        sum(getattr(row, name) for row in rows)
        for name in ("checks", "rejected", "mistakes", "named", "accepted", "alternatives")
    ]
    table.add_row(
        "all",
        "",
        str(total[0]),
        f"{total[1]} of {total[2]}",
        f"{total[3]} of {total[2]}",
        f"{total[4]} of {total[5]}",
        style="bold",
    )
    return table
