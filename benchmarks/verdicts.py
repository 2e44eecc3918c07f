"""`make bench-verdicts`: two thousand wrong kernels that nobody listed. Is each rejected, is a cause named, and is it true?

Mutants come from `mutants`; `sieve` tells which are wrong, on inputs of which the checks know nothing. A mutant that does
what a listed mistake does is counted apart. The rest must be rejected, all of them; for four in five the diagnosis must
name a cause; and of the causes 95% must be true: what the diagnosis claims of the kernel is held against what the kernel
does with the sieve's inputs, which the diagnosis never saw. Each mutant runs in a process of its own, with limits.
"""

import argparse
import collections
import contextlib
import importlib
import itertools
import json
import os
import re
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from autograder.chapters import Chapter, chapters
from autograder.checking import run as checking
from autograder.checking.diagnosis.relations import alike
from autograder.checking.oracle import Record, Reference
from autograder.checking.subject import Stopped
from autograder.inside.calling import Caller, Outcome
from autograder.inside.functions import Seeded
from autograder.publishing.kit import record_answers
from benchmarks import sieve as sieves
from benchmarks.mutants import Mutant, mutants
from benchmarks.processes import Steps, in_processes
from benchmarks.sieve import Sieve

WRONG = 48
"""Wrong kernels, unlike each other and unlike all listed mistakes, that are made of each kernel."""

TRIES = 30
"""Mutants that are tried for each of these at most."""

LASTS = 120
"""Seconds after which the process of a mutant is ended from outside."""

BARS = {"rejected": 1.0, "named": 0.8, "true": 0.95}
INSTANT = 0.5
"""Seconds within which an instant check answers."""

SAME, LISTED = "right", "listed"

console = Console()


@dataclass
class Verdict:
    """What became of one mutant.

    sifted : "right", "listed" or "" for a wrong one; mark : the same for two that do the same
    where : an input whose answer is wrong; missed : True if the sieve saw nothing wrong, but a check did
    named : kind of the cause that was named; true : whether it holds; untrue_at : an input where it does not
    """

    mutant: Mutant
    sifted: str = ""
    mark: str = ""
    where: str = ""
    missed: bool = False
    score: float = 0.0
    points: float = 0.0
    verdict: str = ""
    failed: tuple[str, ...] = ()
    named: str = ""
    hint: str = ""
    whole: bool = True
    true: bool | None = None
    untrue_at: str = ""
    seconds: float = 0.0
    fault: str = ""

    @property
    def rejected(self) -> bool:
        return self.score < self.points

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "family": self.mutant.family, "rejected": self.rejected}


# --- one mutant, in a process of its own ---------------------------------------------------------------------------


def judge(mutant: Mutant, sieve: Sieve, chapter: Chapter, seed: str) -> Verdict:
    """Sift one mutant, run the checks on it, and hold the cause that they name against the sieve's inputs."""
    found = Verdict(mutant)
    function = mutant.function()
    broken = sieves.breaks_its_word(mutant.kernel, function)
    answers = sieve.answers(function)
    if answers is None:
        found.where, found.mark = "it takes too long", mutant.source
    else:
        wrong = sieve.wrong_on(answers)
        found.mark = sieves.print_of(answers) + (broken or "")
        found.where = sieves.shown(sieve.inputs[wrong[0]]) if wrong else broken
        if not wrong and not broken:
            found.sifted = SAME
        elif sieve.listed_as(answers):
            found.sifted = LISTED
    found.seconds = _check(found, function, chapter, seed, sieve, answers)
    if found.sifted == SAME and found.rejected:
        found.sifted, found.missed = "", True
    return found


def _check(
    found: Verdict,
    function: Callable[..., Any],
    chapter: Chapter,
    seed: str,
    sieve: Sieve,
    answers: list[Outcome] | None,
) -> float:
    """Run the checks on a mutant and keep what they say; returns the seconds of processor time that this took."""
    kernel, oracle = found.mutant.kernel, Reference(chapter)
    caught: list[Any] = []
    explain = checking.explain

    def keeping(*args: Any) -> Any:  # the Cause itself, with what it claims
        try:
            caught.append(explain(*args))
        except Exception:
            found.fault = f"the diagnosis failed: {traceback.format_exc()[-900:]}"
            raise
        return caught[-1]

    checking.explain = keeping
    begun = time.process_time()
    try:
        with np.errstate(all="ignore"):
            (exercise,) = checking.run_checks(
                chapter.checks, oracle, {kernel: sieves.guarded(kernel, function)}, seed
            )
    except checking.CheckError as error:
        found.fault, found.points = str(error)[:500], 1.0
        return time.process_time() - begun
    finally:
        checking.explain = explain
    seconds = time.process_time() - begun
    found.score, found.points, found.verdict = exercise.score, exercise.points, exercise.verdict
    found.failed = tuple(check.name for check in exercise.checks if not check.passed)
    found.hint = exercise.hint
    if exercise.hint and caught:
        cause = caught[-1]
        found.named, found.whole = cause.kind, cause.whole
        found.true, found.untrue_at = is_true(cause, found.mutant, function, sieve, answers)
    return seconds


# --- is a cause true? ----------------------------------------------------------------------------------------------


def is_true(
    cause: Any, mutant: Mutant, function: Callable[..., Any], sieve: Sieve, answers: list[Outcome] | None
) -> tuple[bool, str]:
    """Whether what a cause claims holds on the sieve's inputs; and an input where it does not.

    A cause claims of a call, given the right answer and the kernel's, that it is so; or says nothing of it. Kinds that
    are about a whole kernel have judges of their own.
    """
    if answers is None:
        return False, "it takes too long"
    said = 0
    for args, good, answer in zip(sieve.inputs, sieve.right, answers, strict=True):
        if not good or not all(_agree(good[0], one) for one in good[1:]):
            continue  # the right ways differ there: no claim is made of it
        try:
            holds = cause.claim(args, good[0], answer)
        except Exception as error:  # a claim that cannot be made of such a call is no claim
            return False, f"{sieves.shown(args)}: {type(error).__name__} {error}"
        if holds is False:
            return False, sieves.shown(args)
        said += holds is True
    for kind, holds_for in JUDGES.items():
        if re.search(kind, cause.kind):
            if not holds_for(mutant, function, sieve, answers):
                return False, f"no {kind} to be seen"
            said += 1
    return said > 0, "" if said else "it claims nothing of any of the sieve's inputs"


def _agree(one: Outcome, other: Outcome) -> bool:
    """Whether two right ways give the same numbers, or raise the same, whatever they put them into."""
    if one.error or other.error:
        return one.error == other.error
    return alike(one.value, other.value, 1e-4)


def _has_side_effect(mutant: Mutant, function: Any, sieve: Sieve, answers: list[Outcome]) -> bool:
    if _is_unstable(mutant, function, sieve, answers):
        return True
    return any(
        answer.stale or sieves.changes_input(args, answer)
        for args, answer in zip(sieve.inputs, answers, strict=True)
    )


def _is_unstable(mutant: Mutant, function: Any, sieve: Sieve, answers: list[Outcome]) -> bool:
    again = sieve.answers(function)
    return again is None or any(
        not sieves.is_right(mutant.kernel, args, one, two)
        for args, one, two in zip(sieve.inputs, answers, again, strict=True)
    )


def _raises(mutant: Mutant, function: Any, sieve: Sieve, answers: list[Outcome]) -> bool:
    return any(answer.error for answer in answers)


def _drawn(mutant: Mutant, function: Any, sieve: Sieve) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """What the reference and the mutant draw for the sieve's inputs, where both give an array; each of many numbers
    besides, where nothing but a shape is asked for."""
    reference = getattr(importlib.import_module(f"solutions.{mutant.chapter}"), mutant.kernel)
    calls = [args for args in sieve.inputs if any(isinstance(part, Seeded) for part in args)]
    if mutant.kernel == "he_init":
        calls += [(shape, Seeded(11)) for shape in ((250, 30), (30, 250), (3, 2, 20, 50), (2, 3, 50, 20))]
    for args in calls:
        one, other = (sieves.guarded(mutant.kernel, way)(args) for way in (reference, function))
        if isinstance(one.value, np.ndarray) and isinstance(other.value, np.ndarray):
            yield one.value, other.value


def _is_shapeless(mutant: Mutant, function: Any, sieve: Sieve, answers: list[Outcome]) -> bool:
    pairs = [(good, came) for good, came in _drawn(mutant, function, sieve) if good.size > 1]
    return bool(pairs) and sum(good.shape != came.shape for good, came in pairs) > 0.9 * len(pairs)


def _has_another_dtype(mutant: Mutant, function: Any, sieve: Sieve, answers: list[Outcome]) -> bool:
    pairs = list(_drawn(mutant, function, sieve))
    return bool(pairs) and all(good.dtype != came.dtype for good, came in pairs)


def _is_the_same_for_all_seeds(mutant: Mutant, function: Any, sieve: Sieve, answers: list[Outcome]) -> bool:
    call = sieves.guarded(mutant.kernel, function)
    for args in sieve.inputs[:20]:
        one, two = (
            call(tuple(Seeded(seed) if isinstance(part, Seeded) else part for part in args))
            for seed in (7, 8)
        )
        if not _agree(one, two):
            return False
    return True


def _large(mutant: Mutant, function: Any, sieve: Sieve) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(g.astype(float), c.astype(float)) for g, c in _drawn(mutant, function, sieve) if g.size > 5000]


def _spreads_otherwise(mutant: Mutant, function: Any, sieve: Sieve, answers: list[Outcome]) -> bool:
    return any(abs(c.std() / g.std() - 1) > 0.1 for g, c in _large(mutant, function, sieve))


def _lies_elsewhere(mutant: Mutant, function: Any, sieve: Sieve, answers: list[Outcome]) -> bool:
    pairs = _large(mutant, function, sieve)
    return bool(pairs) and all(abs(c.mean() - g.mean()) > 0.1 * g.std() for g, c in pairs)


JUDGES: dict[str, Callable[[Mutant, Any, Sieve, list[Outcome]], bool]] = {
    "side effect": _has_side_effect,
    "unstable": _is_unstable,
    "exception|raise": _raises,
    "random shape": _is_shapeless,
    "random dtype": _has_another_dtype,
    "no chance": _is_the_same_for_all_seeds,
    "random spread": _spreads_otherwise,
    "random centre": _lies_elsewhere,
}
"""By what a cause's kind says, how to see whether it is so, beside its claim."""


# --- all kernels ---------------------------------------------------------------------------------------------------


@dataclass
class Round:
    """The mutants of one kernel, as far as they were tried."""

    chapter: Chapter
    kernel: str
    sieve: Sieve
    seed: int
    wanted: int
    issued: list[Mutant] = field(default_factory=list)
    results: dict[int, Verdict] = field(default_factory=dict)
    dry: bool = False

    def __post_init__(self) -> None:
        self.ahead = mutants(self.chapter, self.kernel, self.seed)

    def next(self) -> tuple[int, Mutant] | None:
        """The next mutant to try; None if enough are under way, or there are no more."""
        waiting = len(self.issued) - len(self.results)
        if self.dry or len(self.wrong()) + waiting >= self.wanted:
            return None
        mutant = next(self.ahead, None) if len(self.issued) < TRIES * self.wanted else None
        if mutant is None:
            self.dry = True
            return None
        self.issued.append(mutant)
        return len(self.issued) - 1, mutant

    def tried(self) -> list[Verdict]:
        """Verdicts in the order of the mutants, up to the first that is still under way."""
        out = []
        for number in range(len(self.issued)):
            if number not in self.results:
                break
            out.append(self.results[number])
        return out

    def wrong(self) -> list[Verdict]:
        """Wrong ones, not listed, unlike each other, as many as are wanted."""
        seen: set[str] = set()
        out = []
        for verdict in self.tried():
            if not verdict.sifted and verdict.mark not in seen:
                seen.add(verdict.mark)
                out.append(verdict)
        return out[: self.wanted]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--kernels", help="names of kernels or chapters, with commas between; all if left out"
    )
    parser.add_argument("--limit", type=int, default=WRONG, help=f"wrong mutants of each kernel ({WRONG})")
    parser.add_argument("--seed", type=int, default=0, help="other mutants, other inputs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write down every verdict")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--no-times", action="store_true", help="do not take the time of instant checks")
    chosen = parser.parse_args()
    begun = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # like Ctrl-C: what is there is told
    rounds = run(chosen.kernels.split(",") if chosen.kernels else [], chosen.limit, chosen.seed, chosen.jobs)
    times = [] if chosen.no_times else instant_times({r.kernel: r.chapter for r in rounds})
    good = report(rounds, times)
    console.print(f"{(time.monotonic() - begun) / 60:.1f} minutes")
    if chosen.json:
        verdicts = [verdict for r in rounds for verdict in r.tried()]
        kept = {verdict.mutant: None for r in rounds for verdict in r.wrong()}
        rows = [{**verdict.to_json(), "counted": verdict.mutant in kept} for verdict in verdicts]
        chosen.json.write_text(json.dumps({"verdicts": rows, "times": times}, indent=1))
    sys.exit(not good)


def run(names: list[str], wanted: int, seed: int, at_once: int) -> list[Round]:
    """Make and judge the mutants of these kernels, or of all; after Ctrl-C, those that were judged so far."""
    todo = {
        chapter: [
            kernel
            for kernel in Reference(chapter).points()
            if not names or {kernel, chapter.name} & set(names)
        ]
        for chapter in chapters()
    }
    todo = {chapter: kernels for chapter, kernels in todo.items() if kernels}
    if not todo:
        sys.exit(f"no kernel and no chapter is called {', '.join(names)}")
    pairs = [(chapter, kernel) for chapter, kernels in todo.items() for kernel in kernels]
    rounds: dict[str, Round] = {}
    with Steps("inputs", len(pairs), console) as steps:
        tasks = ((pair, lambda pair=pair: make_sieve(*pair, seed)) for pair in pairs)
        for (chapter, kernel), made in in_processes(tasks, at_once, 10 * LASTS):
            if isinstance(made, str):
                sys.exit(f"no inputs for {kernel}: {made}")
            rounds[kernel] = Round(chapter, kernel, made, seed, wanted)
            Reference(chapter).undisputed(
                kernel, made.inputs[0]
            )  # imports what the right ways need, once for all
            steps.at(len(rounds), kernel)
    in_order = [rounds[kernel] for _, kernel in pairs]

    def trials() -> Iterator[tuple[tuple[Round, int], Callable[[], Any]] | None]:
        while True:
            found = next(((r, n) for r in in_order if (n := r.next())), None)
            if found is None:
                if all(len(r.results) == len(r.issued) for r in in_order):
                    return
                yield None
                continue
            r, (number, mutant) = found
            yield (r, number), lambda r=r, m=mutant: judge(m, r.sieve, r.chapter, f"bench-verdicts-{seed}")

    with contextlib.suppress(KeyboardInterrupt), Steps("mutants", wanted * len(in_order), console) as steps:
        for (r, number), verdict in in_processes(trials(), at_once, LASTS):
            if isinstance(verdict, str) and "Traceback" in verdict and "MemoryError" not in verdict:
                raise RuntimeError(f"{r.issued[number]}\n{verdict}")
            if isinstance(verdict, str):
                verdict = _ended(r.issued[number], verdict)
            r.results[number] = verdict
            steps.at(sum(len(one.wrong()) for one in in_order), r.kernel)
    return in_order


def _ended(mutant: Mutant, how: str) -> Verdict:
    """A mutant whose process gave no answer: in grading the referee's own limits would have ended it."""
    last = how.strip().splitlines()[-1]
    return Verdict(mutant, where=last, mark=mutant.source, points=1.0, verdict="ended", fault=how)


def make_sieve(chapter: Chapter, kernel: str, seed: int) -> Sieve:
    return sieves.sieve(chapter, kernel, sieves.recorded(chapter, kernel), seed)


# --- instant checks ------------------------------------------------------------------------------------------------


def instant_times(kernels: dict[str, Chapter]) -> list[dict[str, Any]]:
    """Seconds of an instant check of the stub, the reference and each kernel's first mistake, as in a learner's kit."""
    rows = []
    with tempfile.TemporaryDirectory() as folder, console.status("timing instant checks …"):
        for chapter, group in itertools.groupby(kernels, lambda kernel: kernels[kernel]):
            path = Path(folder) / f"{chapter.name}.checks"
            record_answers(chapter, path)
            reference = Reference(chapter)
            for kernel in group:
                wrong = next(m for m in reference._mistakes if m.kernel == kernel and m.is_wrong)
                tried = {
                    "stub": _stub,
                    "reference": getattr(reference.module, kernel),
                    wrong.name: wrong.function,
                }
                for name, function in tried.items():
                    for source in ("record", "references"):
                        oracle = Record(path) if source == "record" else reference
                        seconds = []
                        for _ in range(3):
                            begun = time.perf_counter()
                            with contextlib.suppress(Stopped):
                                checking.run_checks(chapter.checks, oracle, {kernel: Caller(function)})
                            seconds.append(time.perf_counter() - begun)
                        rows.append({"kernel": kernel, "of": name, "from": source, "seconds": min(seconds)})
    return rows


def _stub(*_: Any) -> None:
    raise NotImplementedError


# --- tables --------------------------------------------------------------------------------------------------------


def report(rounds: list[Round], times: list[dict[str, Any]]) -> bool:
    """Print what was found; returns whether all bars are met."""
    wrong = [verdict for r in rounds for verdict in r.wrong()]
    tried = [verdict for r in rounds for verdict in r.tried()]
    listed = [verdict for verdict in tried if verdict.sifted == LISTED]
    console.print(_table("kernel", {r.kernel: (r.tried(), r.wrong()) for r in rounds}))
    families = sorted({_family(verdict) for verdict in tried})
    console.print(
        _table(
            "slip",
            {
                family: (
                    [v for v in tried if _family(v) == family],
                    [v for v in wrong if _family(v) == family],
                )
                for family in families
            },
        )
    )
    kinds = collections.Counter(verdict.named or "(none)" for verdict in wrong)
    untrue = collections.Counter(verdict.named for verdict in wrong if verdict.true is False)
    table = Table(box=None)
    for heading in ("cause", "named", "untrue"):
        table.add_column(heading, justify="left" if heading == "cause" else "right")
    for kind, count in kinds.most_common():
        table.add_row(kind, str(count), str(untrue[kind] or ""))
    console.print(table)
    nameless = collections.Counter(_family(v) for v in wrong if v.rejected and not v.hint)
    if nameless:
        print(
            "\nwithout a cause: " + ", ".join(f"{family} {count}" for family, count in nameless.most_common())
        )
    _list("a cause is named that is not so", [v for v in wrong if v.true is False])
    _list("accepted, though wrong", [v for v in wrong if not v.rejected])
    _list("rejected, though the sieve sees nothing wrong", [v for v in wrong if v.missed])
    _list("a fault of the course", [v for v in tried if v.fault])
    good = True
    accepted = [verdict for verdict in listed if not verdict.rejected]
    if accepted:
        _list("accepted, though it does what a listed mistake does", accepted)
    shares = {
        "rejected": (sum(v.rejected for v in wrong), len(wrong)),
        "named": (sum(bool(v.hint) for v in wrong if v.rejected), sum(v.rejected for v in wrong)),
        "true": (sum(v.true is True for v in wrong if v.named), sum(bool(v.named) for v in wrong)),
    }
    words = {
        "rejected": "wrong kernels rejected",
        "named": "with a cause named",
        "true": "of these causes true",
    }
    for name, (count, of) in shares.items():
        share = count / of if of else 1.0
        met = share >= BARS[name]
        good &= met
        console.print(
            f"{'[green]✓[/]' if met else '[red]✗[/]'} {count} of {of} {words[name]}: {100 * share:.1f}%"
            f" (bar {100 * BARS[name]:.0f}%)"
        )
    if listed:
        named = sum(bool(v.hint) for v in listed)
        console.print(f"beside them {len(listed)} that do what a listed mistake does: {named} named")
    for source in ("record", "references"):
        rows = sorted((row for row in times if row["from"] == source), key=lambda row: row["seconds"])
        if rows:
            met = rows[-1]["seconds"] < INSTANT
            good &= met or source == "references"
            middle = rows[len(rows) // 2]["seconds"]
            console.print(
                f"{'[green]✓[/]' if met else '[red]✗[/]'} an instant check from {source}: median {middle:.2f} s, worst "
                f"{rows[-1]['seconds']:.2f} s ({rows[-1]['kernel']}, {rows[-1]['of']})"
            )
    return bool(good)


def _family(verdict: Verdict) -> str:
    return verdict.mutant.family if len(verdict.mutant.families) == 1 else "two at a time"


def _table(first: str, groups: dict[str, tuple[list[Verdict], list[Verdict]]]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(first)
    for heading in ("made", "right", "listed", "wrong", "rejected", "named", "true", "median", "95th"):
        table.add_column(heading, justify="right")
    table.add_column("most often told")
    for name, (tried, wrong) in groups.items():
        table.add_row(name, *_cells(tried, wrong))
    tried, wrong = ([v for group in groups.values() for v in group[side]] for side in (0, 1))
    table.add_row("[bold]all[/]", *_cells(tried, wrong))
    return table


def _cells(tried: list[Verdict], wrong: list[Verdict]) -> Iterator[str]:
    yield str(len(tried))
    yield str(sum(v.sifted == SAME for v in tried))
    yield str(sum(v.sifted == LISTED for v in tried))
    yield str(len(wrong))
    rejected = [v for v in wrong if v.rejected]
    yield str(len(rejected)) if len(rejected) == len(wrong) else f"[red]{len(rejected)}[/]"
    named = [v for v in rejected if v.hint]
    yield f"{100 * len(named) / len(rejected):.0f}%" if rejected else ""
    yield f"{100 * sum(v.true is True for v in named) / len(named):.0f}%" if named else ""
    seconds = sorted(v.seconds for v in wrong)
    yield f"{seconds[len(seconds) // 2]:.2f} s" if seconds else ""
    yield f"{seconds[int(0.95 * len(seconds))]:.2f} s" if seconds else ""
    told = collections.Counter(v.named for v in named)
    yield ", ".join(f"{kind} {count}" for kind, count in told.most_common(2))


def _list(title: str, verdicts: list[Verdict]) -> None:
    if not verdicts:
        return
    console.print(f"\n[bold]{title}: {len(verdicts)}[/]")
    for v in verdicts:
        print(line_of(v))


def line_of(v: Verdict) -> str:
    m = v.mutant
    return (
        f"{m.chapter} {m.kernel} ({m.base}, line {m.line}, {m.family}): {m.before or '(nothing)'} → {m.after or '(nothing)'}"
        f"\n    wrong on: {v.where or v.failed}"
        + (f"\n    it is told: {v.hint}\n    which is not so on: {v.untrue_at}" if v.true is False else "")
        + (f"\n    {v.fault}" if v.fault else "")
    )


if __name__ == "__main__":
    main()
