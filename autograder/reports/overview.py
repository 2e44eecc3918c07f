"""The class report: how a whole class did in one chapter, and which submissions need a person."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean, median
from typing import TYPE_CHECKING

from ..results import (
    CRASHED,
    FAULT,
    GRADED,
    MEMORY_LIMIT,
    OUTPUT_LIMIT,
    PASSED,
    SIDE_EFFECTS,
    TIME_LIMIT,
    TOO_SLOW,
    UNSTABLE,
    Exercise,
    Submission,
)
from .fragment import badge
from .page import COURSE, page
from .similar import STYLE as SIMILAR_STYLE
from .similar import Similar, section
from .standing import Standing, spoken
from .words import UNJAILED, average, clean, escape, plural, points, verdict_of, verdict_words

if TYPE_CHECKING:
    from rich.table import Table

STYLE = """
.facts{display:flex;flex-wrap:wrap;gap:1.2rem 3rem}
.facts div{min-width:6rem}
.facts b{display:block;font-size:1.9rem;line-height:1.15;letter-spacing:-.02em;font-variant-numeric:tabular-nums}
.facts span{color:var(--soft);font-size:.9rem}
.histogram{display:grid;grid-template-columns:repeat(10,1fr);gap:4px;max-width:30rem;margin:1.8rem 0 0}
.histogram div{display:flex;flex-direction:column;justify-content:flex-end;height:6.5rem;text-align:center;
font-size:.82rem;font-variant-numeric:tabular-nums}
.histogram i{display:block;background:var(--link);border-radius:3px 3px 0 0;min-height:1px}
.axis{display:flex;justify-content:space-between;max-width:30rem;margin:.2rem 0 0;border-top:1px solid var(--soft);
padding-top:.2rem;font-size:.82rem;color:var(--soft);font-variant-numeric:tabular-nums}
.scroll{overflow-x:auto}
table{border-collapse:separate;border-spacing:0;font-size:.92rem;font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--soft);font-size:.88rem;padding:0 0 .6rem}
th{font-weight:600;text-align:left;vertical-align:bottom}
.students th,.students td{padding:.38rem .7rem;border-bottom:1px solid var(--edge);white-space:nowrap;text-align:right}
.students th:first-child{text-align:left;position:sticky;left:0;background:var(--paper);
max-width:14rem;overflow:hidden;text-overflow:ellipsis}
.students .total{font-weight:600;position:sticky;right:0;background:var(--paper)}
.students thead th{font-size:.84rem;border-bottom:2px solid var(--soft)}
.students tbody th{font-weight:400}
.students tfoot th,.students tfoot td,.students tfoot .total{border-bottom:0;color:var(--soft);font-weight:400}
.students td.none{color:var(--soft);text-align:left}
.c-good{background:color-mix(in srgb,var(--good) var(--tint),transparent)}
.c-bad{background:color-mix(in srgb,var(--bad) var(--tint),transparent)}
.c-limit{background:color-mix(in srgb,var(--limit) var(--tint),transparent)}
.c-open{background:color-mix(in srgb,var(--open) var(--tint),transparent)}
.c-fault{background:color-mix(in srgb,var(--fault) var(--tint),transparent)}
.key{display:flex;flex-wrap:wrap;gap:.4rem 1rem;margin:.9rem 0 0;padding:0;list-style:none;font-size:.86rem}
.key span{display:inline-block;min-width:1.6em;padding:0 .4em;margin-right:.3em;border-radius:3px;text-align:center}
.exercise{display:grid;grid-template-columns:minmax(9rem,15rem) 1fr;gap:.2rem 1.6rem;padding:1rem 0;
border-top:1px solid var(--edge)}
.exercise h3{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.98rem;
overflow-wrap:anywhere;margin:0}
.exercise p{margin:.1rem 0}
.bar{height:12px;margin:.45rem 0 .3rem;border-radius:6px;background:var(--edge);overflow:hidden}
.bar i{display:block;height:100%;background:var(--good)}
.mistakes{margin:.5rem 0 0;padding:0;list-style:none;font-size:.92rem}
.mistakes li{display:grid;grid-template-columns:3.2rem 1fr;gap:0 .6rem;padding:.25rem 0}
.mistakes b{text-align:right}
.person{list-style:none;margin:0;padding:0}.person>li{margin:.7rem 0 0;overflow-wrap:anywhere}
.person ul{margin:.1rem 0 0;padding-left:1.2rem}
.verdicts{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.7rem 1.6rem}
.verdicts b{margin-left:.4rem}
@media (max-width:40rem){.exercise{grid-template-columns:1fr}
.students th,.students td{padding:.38rem .5rem}.students th:first-child{min-width:6.5rem;max-width:8.5rem;white-space:normal}}
@media print{main.wide{max-width:none}.students th:first-child,.students .total{position:static}
.histogram i,.bar,.c-good,.c-bad,.c-limit,.c-open,.c-fault,.cnnr-badge{print-color-adjust:exact;
-webkit-print-color-adjust:exact}tr,.exercise{break-inside:avoid}}
"""


MOST_NAMES = 12
"""Names that a line lists at most."""

FRAGILE = {
    TIME_LIMIT: "ran out of time",
    MEMORY_LIMIT: "took too much memory",
    OUTPUT_LIMIT: "put out too much",
    CRASHED: "crashed",
    TOO_SLOW: "is right, but slow",
    SIDE_EFFECTS: "changes its inputs, or what it handed out before",
    UNSTABLE: "gives two answers to the same call",
}
"""Verdicts, and failed checks, that tell of more than a wrong value."""


@dataclass(frozen=True)
class Class:
    """The submissions of one chapter, sorted by name, and the exercises that they have, in order.

    standings : how learners stand in the gradebook, by name; for who is not in there, the points of the checks count
    """

    submissions: tuple[Submission, ...]
    kernels: tuple[str, ...]
    standings: Mapping[str, Standing] = field(default_factory=dict)

    @classmethod
    def of(
        cls, submissions: Sequence[Submission], standings: Mapping[str, Standing] | None = None
    ) -> "Class":
        by_name = sorted(submissions, key=lambda one: (one.student.casefold(), one.student))
        kernels = dict.fromkeys(exercise.kernel for one in by_name for exercise in one.exercises)
        return cls(tuple(by_name), tuple(kernels), standings or {})

    @property
    def questions(self) -> list[str]:
        """Names of the written questions that the gradebook has."""
        return list(dict.fromkeys(mark.name for one in self.standings.values() for mark in one.questions))

    @property
    def is_late(self) -> bool:
        """Whether lateness took points from anybody."""
        return any(one.penalty for one in self.standings.values())

    def total(self, one: Submission) -> float:
        """The points that count for a submission."""
        return self.standings[one.student].total if one.student in self.standings else one.score

    def score(self, one: Submission, exercise: Exercise) -> float:
        """The points that count for one exercise of it."""
        standing = self.standings.get(one.student)
        mark = standing.of(exercise.kernel) if standing else None
        return mark.score if mark else exercise.score

    @property
    def graded(self) -> list[Submission]:
        return [one for one in self.submissions if one.verdict == GRADED]

    @property
    def points(self) -> float:
        known = [one.points for one in self.standings.values()]
        return max(known or [one.points for one in self.submissions], default=0.0)

    def scores(self, kernel: str) -> list[float]:
        """The points of everybody graded in one exercise."""
        return [self.score(one, e) for one in self.graded for e in one.exercises if e.kernel == kernel]

    def results(self, kernel: str) -> list[Exercise]:
        """Every graded result of one exercise."""
        return [exercise for one in self.graded for exercise in one.exercises if exercise.kernel == kernel]

    def needing_a_person(self) -> list[tuple[Submission, list[str]]]:
        """Submissions that a person should look at, with the reasons: those without a grade first."""
        found = []
        for one in sorted(self.submissions, key=lambda one: one.verdict == GRADED):
            reasons = []
            if one.verdict != GRADED:
                reasons.append(f"{one.verdict}: {one.reason}" if one.reason else one.verdict)
            reasons += one.for_a_person
            standing = self.standings.get(one.student)
            if standing and standing.waiting:
                what = "a written answer" if len(standing.waiting) == 1 else "written answers"
                reasons.append(f"{what} to read: {', '.join(mark.name for mark in standing.waiting)}")
            reasons += [f"{e.kernel}: {FAULT}" for e in one.exercises if e.verdict == FAULT]
            reasons += [f"{e.kernel}: {e.remark}" for e in one.exercises if e.remark]
            reasons += [remark for remark in one.remarks if remark != UNJAILED]
            if reasons:
                found.append((one, reasons))
        return found


def class_page(
    submissions: Sequence[Submission],
    chapter_title: str,
    standings: Mapping[str, Standing] | None = None,
    seconds: Mapping[str, float] | None = None,
    similar: Similar | None = None,
) -> str:
    """Whole HTML page for the instructor, in the order of what is asked.

    Who needs a person and why; which mistakes, how often, by whom; which exercises are hardest; whose work is slow or
    fragile. Then the spread of scores, every student, the verdicts, and whose code is nearly the same, if that was asked.

    standings : how the learners stand in the gradebook, by name; without them the points are those of the checks.
    seconds : how long the grading of each took, by name
    similar : what a comparison of their code found, if one was asked for
    """
    group = Class.of(submissions, standings)
    parts = [
        f'<header><p class="over">{COURSE}</p><h1>{escape(chapter_title, 200)}</h1>'
        f'<p class="who">Class report, {plural(len(group.submissions), "submission")}</p>',
        _unjailed(group),
        "</header>",
        _person(group),
        _misconceptions(group),
        _exercises(group),
        _fragile(group, seconds or {}),
        _scores(group),
        _students(group),
        _verdicts(group),
        section(similar) if similar else "",
    ]
    style = STYLE + SIMILAR_STYLE if similar else STYLE
    return page(
        f"{clean(chapter_title, 100)}: class report", style, "\n".join(filter(None, parts)), wide=True
    )


def _scores(group: Class) -> str:
    return f"<section><h2>Scores</h2>{_facts(group)}{_histogram(group)}</section>"


def _facts(group: Class) -> str:
    scores = [group.total(one) for one in group.graded]
    if not scores:
        return '<p class="soft">No submission has been graded yet.</p>'
    whole = points(group.points)
    full = sum(1 for one in group.graded if one.exercises and group.total(one) >= group.points)
    facts = [
        (average(mean(scores)), f"mean, of {whole}"),
        (average(median(scores)), f"median, of {whole}"),
        (f"{points(min(scores))} to {points(max(scores))}", "lowest to highest"),
        (f"{full} of {len(scores)}", "with full marks"),
    ]
    return f'<div class="facts">{"".join(f"<div><b>{b}</b><span>{span}</span></div>" for b, span in facts)}</div>'


def _unjailed(group: Class) -> str:
    count = sum(not one.jailed for one in group.submissions)
    if not count:
        return ""
    return f'<p class="who">{count} of {plural(len(group.submissions), "submission")} {UNJAILED}.</p>'


def _histogram(group: Class) -> str:
    """How many graded submissions reached each tenth of the points."""
    if len(group.graded) < 2 or not group.points:
        return ""
    counts = [0] * 10
    for one in group.graded:
        counts[min(9, int(10 * group.total(one) / group.points))] += 1
    most = max(counts)
    bars = "".join(
        f'<div>{count or ""}<i style="height:{100 * count / most if count else 0:.0f}%"></i></div>'
        for count in counts
    )
    label = "Submissions by share of the points: " + ", ".join(
        f"{10 * tenth} to {10 * tenth + 10}%: {count}" for tenth, count in enumerate(counts) if count
    )
    return (
        f'<div class="histogram" role="img" aria-label="{label}">{bars}</div>'
        '<div class="axis" aria-hidden="true"><span>0%</span><span>share of the points</span><span>100%</span></div>'
    )


def _person(group: Class) -> str:
    found = group.needing_a_person()
    if not found:
        return ""
    together: dict[tuple[str, ...], list[str]] = {}
    for one, reasons in found:
        together.setdefault(tuple(reasons), []).append(one.student)
    items = "".join(_looked_at(names, reasons) for reasons, names in together.items())
    title = f"{plural(len(found), 'submission')} {'needs' if len(found) == 1 else 'need'} a person"
    return f'<section class="card call"><h2>{title}</h2><ul class="person">{items}</ul></section>'


def _looked_at(names: list[str], reasons: tuple[str, ...]) -> str:
    """Those who need a person for the same reasons: all of them by name, the reasons once."""
    items = "".join(f"<li>{escape(reason, 400)}</li>" for reason in reasons)
    listed = ", ".join(f"<bdi>{escape(name, 80)}</bdi>" for name in names)
    return f"<li><b>{listed}</b><ul>{items}</ul></li>"


def listed_names(students: Sequence[str]) -> str:
    """Names in a line, of many the first and a count of the others."""
    shown = ", ".join(f"<bdi>{escape(name, 60)}</bdi>" for name in students[:MOST_NAMES])
    more = len(students) - MOST_NAMES
    return f"{shown} and {more} more" if more > 0 else shown


def _misconceptions(group: Class) -> str:
    """Known mistakes of the whole chapter, the most frequent first, with what learners were told, and who made them."""
    who: dict[tuple[str, str, str], list[str]] = {}
    for one in group.graded:
        for exercise in one.exercises:
            if exercise.mistake:
                who.setdefault((exercise.kernel, exercise.mistake, exercise.hint), []).append(one.student)
    if not who:
        return ""
    items = "".join(
        f'<li><b class="number">{len(names)} ×</b><span><code>{escape(kernel, 80)}</code>: {escape(hint, 400)} '
        f'<span class="soft">({listed_names(names)})</span></span></li>'
        for (kernel, _, hint), names in sorted(who.items(), key=lambda pair: -len(pair[1]))
    )
    return f'<section><h2>Misconceptions</h2><ul class="mistakes">{items}</ul></section>'


def _fragile(group: Class, seconds: Mapping[str, float]) -> str:
    """Work that crossed a limit, or answers in other ways than by its value; and what took longest to grade."""
    who: dict[str, list[str]] = {}
    for one in group.graded:
        for exercise in one.exercises:
            check = exercise.failure.check if exercise.failure else ""
            kind = FRAGILE.get(exercise.verdict) or FRAGILE.get(check)
            if kind:
                who.setdefault(f"{exercise.kernel} {kind}", []).append(one.student)
    items = "".join(
        f"<li>{escape(what, 120)}: {listed_names(names)}</li>"
        for what, names in sorted(who.items(), key=lambda pair: -len(pair[1]))
    )
    here = {one.student for one in group.submissions}
    slowest = sorted(((taken, name) for name, taken in seconds.items() if name in here), reverse=True)[:5]
    if slowest:
        listed = ", ".join(f"<bdi>{escape(name, 60)}</bdi> {taken:.1f} s" for taken, name in slowest)
        usual = median(taken for name, taken in seconds.items() if name in here)
        items += f"<li>slowest to grade: {listed}; the median is {usual:.1f} s</li>"
    return f'<section><h2>Slow and fragile</h2><ul class="steps">{items}</ul></section>' if items else ""


def _by_difficulty(group: Class) -> list[tuple[float, str]]:
    """The exercises that anybody has a result in, each after the share that passed: the hardest first."""
    shares = []
    for kernel in group.kernels:
        if results := group.results(kernel):
            shares.append((sum(result.verdict == PASSED for result in results) / len(results), kernel))
    return sorted(shares)


def _hardest(group: Class) -> str:
    """The exercises by difficulty, in a line."""
    shares = _by_difficulty(group)
    if len(shares) < 2:
        return ""
    listed = ", ".join(f"<code>{escape(kernel, 80)}</code> {100 * share:.0f}%" for share, kernel in shares)
    return f'<p class="who">Hardest first, by the share that passed: {listed}.</p>'


def _exercises(group: Class) -> str:
    rows = [_hardest(group)]
    for share, kernel in _by_difficulty(group):
        results = group.results(kernel)
        passed = sum(result.verdict == PASSED for result in results)
        mistakes = Counter((result.mistake, result.hint) for result in results if result.mistake)
        known = "".join(
            f'<li><b class="number">{count} ×</b><span>{escape(hint, 400)} '
            f'<span class="soft">({escape(name.replace("_", " "), 80)})</span></span></li>'
            for (name, hint), count in mistakes.most_common()
        )
        known = f'<ul class="mistakes">{known}</ul>' if known else ""
        rows.append(
            f'<div class="exercise"><div><h3>{escape(kernel, 80)}</h3>'
            f'<p class="soft small number">mean {average(mean(group.scores(kernel)))} of {points(max(r.points for r in results))}</p></div>'
            f'<div><div class="bar" aria-hidden="true"><i style="width:{100 * share:.1f}%"></i></div>'
            f'<p class="small number">{passed} of {len(results)} passed ({100 * share:.0f}%){_others(results)}</p>'
            f"{known}</div></div>"
        )
    return f"<section><h2>Exercises</h2>{''.join(rows)}</section>" if any(rows) else ""


def _others(results: list[Exercise]) -> str:
    counts = Counter(result.verdict for result in results if result.verdict != PASSED)
    if not counts:
        return ""
    listed = ", ".join(f"{count} {escape(verdict_words(verdict))}" for verdict, count in counts.most_common())
    return f'<span class="soft">, {listed}</span>'


def _students(group: Class) -> str:
    if not group.submissions:
        return ""
    names = [*group.kernels, *group.questions, *(["late"] if group.is_late else [])]
    kernels = "".join(f'<th scope="col">{escape(name, 60)}</th>' for name in names)
    rows = "".join(_student(one, group) for one in group.submissions)
    tones = {result.verdict: verdict_of(result.verdict) for one in group.graded for result in one.exercises}
    key = "".join(
        f'<li><span class="c-{look.tone}">{look.sign}</span>{escape(verdict_words(name))}</li>'
        for name, look in sorted(tones.items(), key=lambda pair: (pair[1].tone != "good", pair[0]))
    )
    return (
        f'<section><h2>Students</h2><div class="scroll" tabindex="0" role="region" aria-label="Scores"><table class="students">'
        f"<caption>Score of each student in each exercise, by name</caption>"
        f'<thead><tr><th scope="col">Student</th>{kernels}<th scope="col" class="total">Total</th></tr></thead>'
        f"<tbody>{rows}</tbody><tfoot>{_foot('Mean', mean, group)}{_foot('Median', median, group)}</tfoot></table></div>"
        f'<ul class="key">{key}</ul></section>'
    )


def _student(one: Submission, group: Class) -> str:
    name = f'<th scope="row" title="{escape(one.student, 200)}"><bdi>{escape(one.student, 80)}</bdi></th>'
    if one.verdict != GRADED:
        look = verdict_of(one.verdict)
        said = f"{look.sign} {escape(verdict_words(one.verdict))}"
        total = group.total(one)
        said += f"; {points(total)} points of an earlier file stay" if total else ""
        columns = len(group.kernels) + len(group.questions) + group.is_late
        cell = f'<td class="none" colspan="{columns}">{said}</td>' if columns else ""
        return f'<tr>{name}{cell}<td class="total">{points(total) if total else "–"}</td></tr>'
    by_kernel = {exercise.kernel: exercise for exercise in one.exercises}
    cells = []
    for kernel in group.kernels:
        result = by_kernel.get(kernel)
        if result is None:
            cells.append('<td class="soft">–</td>')
            continue
        look = verdict_of(result.verdict)
        verdict = escape(verdict_words(result.verdict))
        cells.append(
            f'<td class="c-{look.tone}" title="{verdict}">{points(group.score(one, result))} '
            f'<span role="img" aria-label="{verdict}">{look.sign}</span></td>'
        )
    standing = group.standings.get(one.student)
    marks = {mark.name: mark for mark in standing.questions} if standing else {}
    for question in group.questions:
        mark = marks.get(question)
        shown = "–" if mark is None else "to read" if mark.waits else points(mark.score)
        cells.append(f'<td class="soft">{shown}</td>' if shown in ("–", "to read") else f"<td>{shown}</td>")
    if group.is_late:
        late = standing if standing and standing.penalty else None
        cells.append(
            f'<td title="{spoken(late.late)} late">−{points(late.penalty)}</td>' if late else "<td></td>"
        )
    return f'<tr>{name}{"".join(cells)}<td class="total">{points(group.total(one))}</td></tr>'


def _foot(title: str, middle: Callable[[list[float]], float], group: Class) -> str:
    if not group.graded:
        return ""
    columns = [group.scores(kernel) for kernel in group.kernels]
    columns += [[] for _ in range(len(group.questions) + group.is_late)]
    columns.append([group.total(one) for one in group.graded])
    *cells, total = [average(middle(column)) if column else "" for column in columns]
    inner = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr><th scope="row">{title}</th>{inner}<td class="total">{total}</td></tr>'


def _verdicts(group: Class) -> str:
    exercises = Counter(exercise.verdict for one in group.graded for exercise in one.exercises)
    files = Counter(one.verdict for one in group.submissions)
    if not files:
        return ""

    def counts(counter: Counter[str]) -> str:
        items = "".join(
            f"<li>{badge(name)}<b class=number>{count}</b></li>" for name, count in counter.most_common()
        )
        return f'<ul class="verdicts">{items}</ul>'

    parts = [f"<h3>Submissions</h3>{counts(files)}"]
    if exercises:
        parts.append(f"<h3>Exercises</h3>{counts(exercises)}")
    return f"<section><h2>Verdicts</h2>{''.join(parts)}</section>"


def class_table(
    submissions: Sequence[Submission], standings: Mapping[str, Standing] | None = None
) -> "Table":
    """For a terminal: a row for each exercise, with the share that passed and the mistake diagnosed most often."""
    from rich.table import Table
    from rich.text import Text

    group = Class.of(submissions, standings)
    table = Table(box=None, pad_edge=False)
    table.add_column("exercise", no_wrap=True)
    for heading in ("passed", "", "mean", "of"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("most frequent known mistake")
    for kernel in group.kernels:
        results = group.results(kernel)
        if not results:
            continue
        passed = sum(result.verdict == PASSED for result in results)
        found = Counter(result.mistake for result in results if result.mistake).most_common(1)
        mistake = f"{found[0][0].replace('_', ' ')} ({found[0][1]}×)" if found else ""
        table.add_row(
            Text(clean(kernel, 40)),
            f"{passed} of {len(results)}",
            f"{passed / len(results):.0%}",
            average(mean(group.scores(kernel))),
            points(results[0].points),
            Text(clean(mistake, 60)),
        )
    return table
