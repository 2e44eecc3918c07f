"""Code that is nearly the same in two submissions, for the class report: a pointer for a person, in careful words."""

from collections.abc import Iterator
from dataclasses import dataclass

from .words import clean, escape, plural

TITLE = "Code that is nearly the same"

NOTE = (
    "This is a pointer for a person who reads both notebooks, and never an accusation. compare50 looked at the code of "
    "the exercises, without names, numbers, comments and blanks, and without what was handed out. A short kernel has "
    "few right ways, so equal code is expected there: a pair is listed only if it agrees in at least two longer "
    "kernels, and if few pairs of this class agree in them. Even then both may have learned from the same book, page "
    "or study group. Nobody can tell from this who wrote first, and no grade depends on it."
)

MOST_PAIRS = 20
"""Pairs that a report lists at most."""

STYLE = """
.pairs{list-style:none;margin:1.2rem 0 0;padding:0;max-width:50rem}
.pairs>li{display:grid;grid-template-columns:minmax(0,1fr) auto;gap:.15rem 1.6rem;padding:.8rem 0;
border-top:1px solid var(--edge);overflow-wrap:anywhere;break-inside:avoid}
.pairs ul{grid-column:1/-1;list-style:none;display:flex;flex-wrap:wrap;gap:.1rem 1.6rem;margin:0;padding:0}
.pairs .share{font-weight:600;text-align:right;white-space:nowrap}
.prose{max-width:50rem}
@media (max-width:40rem){.pairs>li{grid-template-columns:1fr}.pairs .share{text-align:left}}
"""


@dataclass(frozen=True)
class Agreement:
    """A kernel in which two agree: the share of its code that stands in both, and how many of the class wrote it so."""

    kernel: str
    share: float
    wrote_so: int


@dataclass(frozen=True)
class Pair:
    """Two submissions, the share of the code of all exercises that stands in both, and where they agree most."""

    students: tuple[str, str]
    share: float
    kernels: tuple[Agreement, ...]


@dataclass(frozen=True)
class Similar:
    """What a comparison of a class found.

    pairs : in the order of compare50's score; count : submissions with code to compare
    kernels : those in which two submissions or more are long enough to say anything
    left_out : student and kernel of what was not compared, since it is far too long or took too much time
    problem : why nothing was compared, if nothing was
    too_few : whether no pair could be listed, however alike
    """

    pairs: tuple[Pair, ...] = ()
    count: int = 0
    kernels: tuple[str, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    problem: str = ""
    too_few: bool = False

    @property
    def summary(self) -> str:
        """The result in a sentence."""
        if self.problem:
            return f"Nothing was compared: {self.problem}."
        if self.count > 2 and len(self.kernels) < 2:
            return "Nothing can be said of this chapter: fewer than two of its kernels are long enough."
        if self.too_few:
            return (
                f"Nothing can be said of {plural(self.count, 'submission')}: too few to tell what is usual."
            )
        found = plural(len(self.pairs), "pair") if self.pairs else "No pair"
        return f"{found} among {plural(self.count, 'submission')}."

    @property
    def compared(self) -> str:
        """Which kernels say anything, and how to read the list, in a sentence or two; empty if there is nothing to say."""
        if self.problem or self.too_few or len(self.kernels) < 2:
            return ""
        told = f"Long enough to say anything: {', '.join(self.kernels)}."
        if self.pairs:
            told += (
                " The percentages say how much of what two wrote stands in both; "
                "beside a kernel stands how many of the class wrote it that way."
            )
        return told

    @property
    def remark(self) -> str:
        """What was not compared, in a sentence; empty if everything was."""
        if not self.left_out:
            return ""
        listed = ", ".join(f"{kernel} of {student}" for student, kernel in self.left_out[:5])
        more = len(self.left_out) - 5
        return f"Not compared, since far too long or too slow to read: {listed}{f' and {more} more' if more > 0 else ''}."

    @property
    def shown(self) -> tuple[Pair, ...]:
        return self.pairs[:MOST_PAIRS]

    @property
    def more(self) -> str:
        """How many pairs are not listed; empty if all are."""
        hidden = len(self.pairs) - MOST_PAIRS
        return f"and {plural(hidden, 'pair')} more, less alike" if hidden > 0 else ""


def percent(share: float) -> str:
    """A share as a percentage; 100% says that nothing differs."""
    return f"{min(round(100 * share), 99) if share < 1 else 100}%"


def section(similar: Similar) -> str:
    """The last section of the class report, as HTML."""
    items = "".join(_item(pair) for pair in similar.shown)
    items += f"<li>{similar.more}</li>" if similar.more else ""
    listed = f'<ul class="pairs">{items}</ul>' if items else ""
    compared, remark = (
        f'<p class="soft small prose">{escape(text, 1000)}</p>' if text else ""
        for text in (similar.compared, similar.remark)
    )
    return (
        f'<section><h2>{TITLE}</h2><p class="prose">{NOTE}</p>'
        f'<p class="prose"><b>{escape(similar.summary, 1000)}</b></p>{compared}{listed}{remark}</section>'
    )


def _item(pair: Pair) -> str:
    names = " and ".join(f"<b><bdi>{escape(name, 80)}</bdi></b>" for name in pair.students)
    kernels = "".join(
        f"<li><code>{escape(one.kernel, 80)}</code> {percent(one.share)}"
        f'<span class="soft">, {one.wrote_so} wrote it so</span></li>'
        for one in pair.kernels
    )
    return (
        f'<li><span>{names}</span><span class="share number">{percent(pair.share)} of their code</span>'
        f'<ul class="small number">{kernels}</ul></li>'
    )


def lines(similar: Similar) -> Iterator[str]:
    """The same for a terminal."""
    yield f"{TITLE}. {NOTE}"
    yield clean(f"{similar.summary} {similar.compared}".strip(), 1000)
    for pair in similar.shown:
        names = " and ".join(clean(name, 60) for name in pair.students)
        where = ", ".join(
            f"{clean(one.kernel, 60)} {percent(one.share)} ({one.wrote_so} wrote it so)"
            for one in pair.kernels
        )
        yield f"  {names}: {percent(pair.share)} of their code; {where}"
    if similar.more:
        yield f"  {similar.more}"
    if similar.remark:
        yield clean(similar.remark, 1000)
