"""Test the tests: prove the checks of a chapter against every known mistake and every correct alternative."""

import difflib
import itertools
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import nbformat
import numpy as np
from rich.table import Table

from . import mistakes
from .chapters import Chapter
from .checking.oracle import Reference, key_of
from .checking.run import PUBLIC_SEED, SLIPS, check_names, run_checks
from .checking.subject import Call
from .grading.rebuild import rebuild
from .grading.submission import referee
from .inside.calling import Caller, Outcome
from .jail.session import Limits
from .mistakes import Variant
from .publishing.authoring import kernel_source, source_notebook, stub_source
from .results import Exercise
from .sample import fill, reference_cell

SEEDS = (PUBLIC_SEED, "verify-1", "verify-2")
"""The learners' inputs and two draws of fresh ones: a mistake must fail on each, an alternative pass."""

BY_HEART = "verify-3"
"""A draw on which every mistake is tried once more, by a kernel that knows the right answers to the learners' inputs."""


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

    A mistake counts as rejected if it loses points under every seed and the check it is about fails, also where it comes
    with the public answers known by heart; as named if the diagnosis shows its own hint. An alternative is accepted if it
    keeps full points under every seed. Answers known by heart alone, and an error whatever is asked, get nothing. The
    untouched and the reference notebook are graded whole, through the jail.
    """
    reference = Reference(chapter)
    points = reference.points()
    untouched, full = _whole_notebooks(chapter, reference)
    public = _public_answers(chapter, reference)
    tried = _try_variants(chapter, reference, public, step)
    empty = _try_empty(chapter, reference, public)
    names = check_names(chapter.checks)
    rows = []
    for kernel, worth in points.items():
        problems: list[str] = []
        mine = [trial for trial in tried if trial.variant.kernel == kernel]
        wrong = [trial for trial in mine if trial.variant.is_wrong]
        right = [trial for trial in mine if not trial.variant.is_wrong]
        dtypes = {dtype for trial in right for dtype in trial.dtypes}
        rejected = sum(_is_rejected(trial, names.get(kernel, []), problems) for trial in wrong)
        named = sum(_is_named(trial, problems) for trial in wrong)
        accepted = sum(_is_accepted(trial, problems) for trial in right)
        if untouched[kernel].score:
            problems.append(f"{kernel}: the untouched notebook gets {untouched[kernel].score:g} points")
        if full[kernel].score != worth:
            problems.append(f"{kernel}: the reference gets {full[kernel].score:g} of {worth:g} points")
        for what, exercises in empty.items():
            if exercises[kernel].score:
                problems.append(f"{kernel}: {what} gets {exercises[kernel].score:g} points")
        if lacking_dtype(dtypes):
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


@dataclass
class Trial:
    """What the checks found of one variant, under each seed and with answers by heart, and the dtypes they tried."""

    variant: Variant
    found: dict[str, Exercise]
    dtypes: set[str]
    by_heart: Exercise | None = None


Answers = dict[str, dict[str, Outcome]]
"""For each kernel the right answers to calls, by `key_of` their arguments."""


def _public_answers(chapter: Chapter, reference: Reference) -> Answers:
    """All that can be learnt by heart: the right answers to the calls that the instant check makes."""
    answers: Answers = {kernel: {} for kernel in reference.points()}

    def noting(kernel: str) -> Call:
        def call(args: tuple[Any, ...]) -> Outcome:
            outcome = answers[kernel][key_of(args)] = reference.expected(kernel, args)
            return outcome

        return call

    run_checks(chapter.checks, reference, {kernel: noting(kernel) for kernel in answers}, PUBLIC_SEED)
    return answers


def _by_heart(answers: dict[str, Outcome], otherwise: Call) -> Call:
    """A kernel that knows these answers, and does something else wherever it is asked anything else."""
    return lambda args: answers.get(key_of(args)) or otherwise(args) if args else otherwise(args)


def _always_raises(args: tuple[Any, ...]) -> Outcome:
    return Outcome(error="ValueError", after=args)


def _try_empty(chapter: Chapter, reference: Reference, public: Answers) -> dict[str, dict[str, Exercise]]:
    """Grade kernels that can nothing, by what they do: none may get a point."""
    calls: dict[str, dict[str, Call]] = {
        "knowing the public answers by heart, and no more,": {
            kernel: _by_heart(answers, lambda args: Outcome(after=args)) for kernel, answers in public.items()
        },
        "raising ValueError whatever is asked": {kernel: _always_raises for kernel in public},
    }
    return {
        what: {one.kernel: one for one in run_checks(chapter.checks, reference, made, BY_HEART, causes=False)}
        for what, made in calls.items()
    }


def _try_variants(
    chapter: Chapter, reference: Reference, public: Answers, step: Callable[[int, int], None]
) -> list[Trial]:
    """Run the checks on every variant; one run of pytest takes a variant of each kernel."""
    trials = [Trial(variant, {}, set()) for variant in mistakes.of(chapter.name)]
    by_kernel = [[t for t in trials if t.variant.kernel == kernel] for kernel in reference.points()]
    rounds = list(itertools.zip_longest(*by_kernel))
    total = (len(SEEDS) + 1) * len(rounds)
    for number, (seed, together) in enumerate(itertools.product((*SEEDS, BY_HEART), rounds), 1):
        present = {trial.variant.kernel: trial for trial in together if trial is not None}
        calls: dict[str, Call] = {
            kernel: watching(Caller(trial.variant.function), trial.dtypes)
            for kernel, trial in present.items()
        }
        if seed == BY_HEART:
            calls = {
                kernel: _by_heart(public[kernel], call)
                for kernel, call in calls.items()
                if present[kernel].variant.is_wrong
            }
        for exercise in (
            run_checks(chapter.checks, reference, calls, seed, causes=seed != BY_HEART) if calls else ()
        ):
            if seed == BY_HEART:
                present[exercise.kernel].by_heart = exercise
            else:
                present[exercise.kernel].found[seed] = exercise
        step(number, total)
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
        # what the reference wins in a race is this machine's word, not the checks': tests/test_timing.py is about that
        exercises, _ = referee(rebuilt, reference, "verify", Limits(), jailed=True, timed=False)
        graded.append({exercise.kernel: exercise for exercise in exercises})
    return graded[0], graded[1]


def _is_rejected(trial: Trial, known: list[str], problems: list[str]) -> bool:
    variant, before = trial.variant, len(problems)
    if variant.caught_by not in (*known, *SLIPS):
        near = difflib.get_close_matches(variant.caught_by, known, 1)
        meant = f"did you mean {near[0]}?" if near else f"those are {', '.join(known)}"
        problems.append(
            f"{variant.kernel}: caught_by of the mistake {variant.name} names no check: {variant.caught_by}; {meant}"
        )
        return False
    for seed, exercise in trial.found.items():
        if exercise.score >= exercise.points:
            problems.append(f"{variant.kernel}: the mistake {variant.name} passes (seed {seed})")
        elif variant.caught_by not in _failed(exercise):
            problems.append(
                f"{variant.kernel}: {variant.caught_by} lets the mistake {variant.name} pass (seed {seed})"
            )
    if trial.by_heart and variant.caught_by not in _failed(trial.by_heart):
        problems.append(
            f"{variant.kernel}: {variant.caught_by} lets the mistake {variant.name} pass, if the public answers are known "
            "by heart"
        )
    return len(problems) == before


def _failed(exercise: Exercise) -> set[str]:
    return {check.name for check in exercise.checks if not check.passed}


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


def lacking_dtype(tried: set[str]) -> bool:
    """Whether checks that tried these dtypes tried one float dtype and not the other."""
    return len({"float32", "float64"} & tried) == 1


def watching(call: Call, dtypes: set[str]) -> Call:
    """The same call, which notes the dtypes of the arrays that it is given."""

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
