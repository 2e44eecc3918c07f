"""A term's report: everybody's points over all chapters, and a page for each learner."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median

from ..results import GRADED, PASSED, Exercise, Submission
from .overview import STYLE, Class, listed_names
from .page import COURSE, page
from .standing import Standing, spoken
from .words import average, clean, escape, plural, plural_points, points, verdict_words

MORE_STYLE = """
.chapters th,.chapters td{padding:.38rem .7rem;border-bottom:1px solid var(--edge);text-align:right;vertical-align:top}
.chapters th:first-child,.chapters td:last-child{text-align:left}
.chapters thead th{font-size:.84rem;border-bottom:2px solid var(--soft)}
.chapters tbody th{font-weight:400}
.chapters th,.chapters td:not(:last-child){white-space:nowrap}
.chapters th:last-child,.chapters td:last-child{text-align:left;min-width:12rem}
"""


@dataclass(frozen=True)
class Part:
    """One chapter of a term: its name, its title, and the class in it."""

    name: str
    title: str
    group: Class

    @classmethod
    def of(
        cls, name: str, title: str, results: Sequence[Submission], standings: Mapping[str, Standing]
    ) -> "Part":
        return cls(name, title, Class.of(results, standings))

    def result(self, student: str) -> Submission | None:
        return next((one for one in self.group.submissions if one.student == student), None)

    def total(self, student: str) -> float | None:
        """The points that count; None if nothing was handed in."""
        result = self.result(student)
        return None if result is None else self.group.total(result)


def learners(parts: Sequence[Part]) -> list[str]:
    """Everybody who handed anything in, by name."""
    names = {one.student for part in parts for one in part.group.submissions}
    return sorted(names, key=lambda name: (name.casefold(), name))


def term_page(parts: Sequence[Part]) -> str:
    """Whole HTML page for the instructor: each learner's points in each chapter, and how the class did in each."""
    names = learners(parts)
    whole = sum(part.group.points for part in parts)
    heads = "".join(f'<th scope="col">{escape(part.title, 60)}</th>' for part in parts)
    rows = []
    for name in names:
        totals = [part.total(name) for part in parts]
        cells = "".join(
            '<td class="soft">–</td>' if total is None else f"<td>{points(total)}</td>" for total in totals
        )
        given = sum(total for total in totals if total is not None)
        rows.append(
            f'<tr><th scope="row" title="{escape(name, 200)}"><bdi>{escape(name, 80)}</bdi></th>{cells}'
            f'<td class="total">{points(given)}</td></tr>'
        )
    foot = _foot("Of", [points(part.group.points) for part in parts], points(whole))
    for title, middle in (("Mean", mean), ("Median", median)):
        totals_of = [[t for name in names if (t := part.total(name)) is not None] for part in parts]
        sums = [sum(part.total(name) or 0 for part in parts) for name in names]
        foot += _foot(
            title, [average(middle(some)) for some in totals_of], average(middle(sums)) if sums else "–"
        )
    body = (
        f'<header><p class="over">{COURSE}</p><h1>The term</h1>'
        f'<p class="who">{plural(len(parts), "chapter")}, {plural(len(names), "learner")}; a dash: nothing handed in</p></header>'
        f"{_open(parts, names)}"
        f'<section><h2>Points</h2><div class="scroll" tabindex="0" role="region" aria-label="Points"><table class="students">'
        f"<caption>Points of each learner in each chapter, those of a person and lateness included</caption>"
        f'<thead><tr><th scope="col">Learner</th>{heads}<th scope="col" class="total">Total</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody><tfoot>{foot}</tfoot></table></div></section>"
    )
    return page("The term: class report", STYLE, body, wide=True)


def _foot(title: str, cells: list[str], last: str) -> str:
    inner = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr><th scope="row">{title}</th>{inner}<td class="total">{last}</td></tr>'


def _open(parts: Sequence[Part], names: list[str]) -> str:
    """Who handed in less than the others, and who needs a person in which chapter."""
    missing = [(part.title, [name for name in names if part.total(name) is None]) for part in parts]
    items = "".join(
        f"<li>{escape(title, 100)}: nothing handed in by {listed_names(absent)}</li>"
        for title, absent in missing
        if absent
    )
    waiting = "".join(
        f"<li>{escape(part.title, 100)}: {plural(len(found), 'submission')} for a person</li>"
        for part in parts
        if (found := part.group.needing_a_person())
    )
    if not items and not waiting:
        return ""
    return f'<section class="card call"><h2>Open</h2><ul class="person">{waiting}{items}</ul></section>'


def learner_page(student: str, parts: Sequence[Part]) -> str:
    """Whole HTML page about one learner: points by chapter, what is open, which mistakes came up."""
    rows, mistakes = [], Counter[tuple[str, str]]()
    given = 0.0
    for part in parts:
        result, standing = part.result(student), part.group.standings.get(student)
        total = part.total(student)
        given += total or 0.0
        open_ones = [e.kernel for e in result.exercises if e.verdict != PASSED] if result else []
        said = ["nothing handed in"] if result is None else []
        said += [verdict_words(result.verdict)] if result and result.verdict != GRADED else []
        said += [f"open: {', '.join(open_ones)}"] if open_ones and result and result.verdict == GRADED else []
        said += (
            [f"to read: {', '.join(m.name for m in standing.waiting)}"]
            if standing and standing.waiting
            else []
        )
        said += (
            [f"{spoken(standing.late)} late: −{points(standing.penalty)}"]
            if standing and standing.penalty
            else []
        )
        mistakes.update((e.kernel, e.hint) for e in _exercises(result) if e.mistake)
        rows.append(
            f'<tr><th scope="row">{escape(part.title, 80)}</th>'
            f"<td>{'–' if total is None else points(total)}</td><td>{points(part.group.points)}</td>"
            f"<td>{escape('; '.join(said), 400) or 'every exercise is right'}</td></tr>"
        )
    whole = sum(part.group.points for part in parts)
    hints = "".join(
        f"<li><code>{escape(kernel, 80)}</code>: {escape(hint, 400)}</li>" for kernel, hint in mistakes
    )
    body = (
        f'<header><p class="over">{COURSE}</p><h1 dir="auto">{escape(student, 100)}</h1>'
        f'<p class="score"><b>{points(given)}</b> <span class="soft">of {plural_points(whole)} so far</span></p></header>'
        f'<section><div class="scroll" tabindex="0" role="region" aria-label="Points by chapter"><table class="chapters"><caption>Points by chapter</caption>'
        '<thead><tr><th scope="col">Chapter</th><th scope="col">Points</th><th scope="col">of</th>'
        f'<th scope="col">What is open</th></tr></thead><tbody>{"".join(rows)}</tbody></table></div></section>'
    )
    body += f'<section><h2>Known mistakes</h2><ul class="steps">{hints}</ul></section>' if hints else ""
    return page(f"{clean(student, 80)}: the term", STYLE + MORE_STYLE, body, wide=True)


def _exercises(result: Submission | None) -> tuple[Exercise, ...]:
    return result.exercises if result else ()
