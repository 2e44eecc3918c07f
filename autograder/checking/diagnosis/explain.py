"""Why a kernel is wrong, as far as what it answered tells: the cause that is shown to the learner.

A list of known mistakes is not enough, since real mistakes come in pairs and variants. So the diagnosis climbs: a known
mistake; one with a side effect; the right thing done to other arguments; a relation between what came and what was right;
two known mistakes that share the calls; for an exception its line. To all of these it adds when the kernel fails, if a
simple condition on the arguments parts the calls that failed from those that passed. A cause that does not explain all
that was seen says what it explains.
"""

import contextlib
import functools
import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...inside.calling import Opaque, Outcome
from ...inside.functions import Seeded
from ...results import SIDE_EFFECTS, UNSTABLE
from ..oracle import Hurried, OutOfTime
from ..subject import Seen, Subject
from .as_if import AsIf, as_ifs
from .chance import findings, is_drawn
from .conditions import LEAST, parting, sketch
from .naming import Args, Naming
from .relations import Relation, alike, digits, related

Claim = Callable[[Args, Outcome, Outcome], bool | None]
"""What a cause says of any call, given its arguments, the right answer and the kernel's: whether it is true there; None if
it says nothing about such a call."""


More = Callable[[bool], Sequence[Seen]]
"""Makes calls that no check made, others each time: many on which all right ways agree, if it is given True; or a few that
are quickly made, on which they may not."""


@dataclass(frozen=True)
class Cause:
    """A cause: its kind, what to tell the learner, the known mistake that it is, whether it explains all, what it claims."""

    kind: str
    text: str
    mistake: str = ""
    whole: bool = True
    claim: Claim = lambda args, right, got: None


WEAK = frozenset(
    ("constant", "size", "swapped sizes", "axes", "size of an input", "places", "line factors", "border", "negative",
     "positive", "zero", "not a number", "negative input", "positive input", "zero input", "NaN input", "cumulative",
     "first only", "last only", "all but first", "all but last")
)  # fmt: skip
"""Relations that say where or how much, rather than what was done: two known mistakes together say more."""

ALL_OR_NONE = frozenset(("precision",))
"""Relations that are not so if they hold in most calls only: whoever works in float32 does so everywhere."""

PAIRED = 40
"""Changes of the arguments that are tried two at a time."""

SLOW_SECONDS = 0.005
"""A call that takes longer is not tried with all pairs of changes."""

TRAINING_SECONDS = 0.2
"""A kernel that takes longer is not asked again for other arguments."""

LARGEST = 20_000
"""Numbers of the largest result that relations are looked for in."""

LISTED = 2**18
"""Numbers in the arrays of a tuple, list or dict that came, at most; a number of its own counts as 64: it is as slow."""

SECONDS = 20.0
"""Seconds of processor time after which no cause is looked for any more; nearly all are found in a hundredth of that."""

TRIALS = 3
"""So many times at most a cause is held against calls that were not known when it was found, and sought again if it falls."""

MOST_CALLS = 20
"""Of so many calls relations are looked for that hold in most."""


def explain(subject: Subject, more: More | None = None) -> Cause | None:
    """The cause of what the checks saw of a kernel; None if nothing was wrong or nothing was found.

    What explains a handful of calls may do so by chance, so a cause that is no known mistake must also explain calls
    that no check made.

    more : makes such calls, others each time; None where their right answers are not known

    It ends in time, whatever the kernel returned.
    """
    subject = replace(subject, oracle=Hurried(subject.oracle, SECONDS))
    try:
        return _explain(subject, more)
    except OutOfTime:
        return None


def _explain(subject: Subject, more: More | None) -> Cause | None:
    steady = [call for call in subject.seen if subject.oracle.is_steady(subject.kernel, call.args)]
    seen = _with_answers(subject, steady)
    probed = functools.cache(lambda: _with_answers(subject, more(False)) if more else [])
    failing = [call for call in seen if not call.passed]
    if not seen or not (failing or subject.slips):
        return None
    known = _known(subject, seen, lambda call, answer: call.equals(answer))
    if known and (not failing or _is_made(subject, known, probed())):
        return known
    if not failing:
        return _side_effect(subject) if all(call.passed for call in subject.seen) else None
    cause = _known(subject, seen, _same_values)
    if cause is None or not _is_made(subject, cause, probed()):
        sure = [call for call in probed() if subject.oracle.undisputed(subject.kernel, call.args)]
        cause = _found_and_tried(subject, seen + sure, more)
    if cause and SIDE_EFFECTS in subject.slips:
        cause = replace(cause, text=f"{cause.text} Besides, {subject.slips[SIDE_EFFECTS].message}.")
    return cause


def _found_and_tried(subject: Subject, seen: list[Seen], more: More | None) -> Cause | None:
    """A cause that stands in calls other than those in which it was found; None if after some rounds there is none."""
    cause = _of_groups(subject, seen)
    for number in range(TRIALS if more else 0):
        others = _with_answers(subject, more(True)) if more else []
        if not others:
            break
        stands = cause is not None and _stands(cause, others)
        seen = seen + others
        if not stands and (cause or number == 0):
            cause = _of_groups(subject, seen)
        elif number > 0:
            break
    return cause


def _stands(cause: Cause, calls: list[Seen]) -> bool:
    """Whether a cause explains these calls too, all that it says anything of."""
    return all(
        cause.claim(call.args, call.expected, call.outcome) is not False
        for call in calls
        if call.expected is not None
    )


def _with_answers(subject: Subject, calls: Sequence[Seen]) -> list[Seen]:
    """The calls, also those of checks of a property with the right answer, where chance has no part in it."""
    seen = []
    for call in calls:
        call = replace(call, outcome=_workable(call.outcome))
        if call.expected is None and call.args and not any(isinstance(a, Seeded) for a in call.args):
            with contextlib.suppress(KeyError):  # a record that does not hold it
                call = replace(call, expected=subject.oracle.expected(subject.kernel, call.args))
        seen.append(call)
    return seen


def _workable(outcome: Outcome) -> Outcome:
    """An outcome with a value that can be worked with: what holds too much, or texts where numbers go, is only named.

    NumPy makes an array of a list at each comparison, and one of texts is as wide as the longest of them everywhere.
    """
    value = outcome.value
    if isinstance(value, tuple | list | dict) and _weight(value) > LISTED:
        return replace(outcome, value=Opaque(type(value).__name__))
    return outcome


def _weight(value: Any) -> float:
    """How much work a value makes that stands in a tuple, list or dict; no more is counted than is allowed."""
    if isinstance(value, np.ndarray):
        return value.size
    if isinstance(value, str):
        return 64 * (1 + len(value)) ** 2  # as many texts as may come, each as wide as this one
    if not isinstance(value, tuple | list | dict):
        return 64
    weight = 64.0
    for part in value.values() if isinstance(value, dict) else value:
        weight += _weight(part)
        if weight > LISTED:
            break
    return weight


def _known(subject: Subject, seen: list[Seen], same: Callable[[Seen, Outcome], bool]) -> Cause | None:
    """The first known mistake that answers every call as the kernel did."""
    telling = sorted(seen, key=lambda call: call.passed)  # those that failed first: they tell mistakes apart
    if all(call.outcome.error for call in telling if not _must_raise(call)):
        same = _same_error  # whatever stops everywhere looks alike but for what it says
    for name, hint in subject.oracle.mistakes(subject.kernel):
        if all(
            (answer := subject.oracle.mistaken(subject.kernel, name, call.args)) is not None
            and same(call, answer)
            for call in telling
        ):
            return Cause("known", hint, name, claim=_claim_of_mistake(subject, name))
    return None


def _is_made(subject: Subject, known: Cause, calls: list[Seen]) -> bool:
    """Whether these calls too are answered as that known mistake answers them, all on which the right ways agree."""
    return all(
        _mistaken(subject, known.mistake, call) or not subject.oracle.undisputed(subject.kernel, call.args)
        for call in calls
    )


def _claim_of_mistake(subject: Subject, name: str) -> Claim:
    def claim(args: Args, right: Outcome, got: Outcome) -> bool | None:
        answer = subject.oracle.mistaken(subject.kernel, name, args)
        return None if answer is None else _is_same(args, answer, got, 1e-6)

    return claim


def _same_error(call: Seen, answer: Outcome) -> bool:
    if _must_raise(call):
        return call.equals(answer)
    return (call.outcome.error, call.outcome.message) == (answer.error, answer.message)


def _same_values(call: Seen, answer: Outcome) -> bool:
    """Whether a mistake returned what the kernel returned, side effects aside."""
    return call.equals(replace(answer, after=call.outcome.after, stale=call.outcome.stale))


def _is_same(args: Args, one: Outcome, other: Outcome, rtol: float = 1e-9) -> bool:
    """Whether two outcomes of a call agree, in as many digits as its arguments have."""
    if one.error or other.error:
        return one.error == other.error
    return alike(one.value, other.value, digits((args, one.value), rtol))


def _side_effect(subject: Subject) -> Cause | None:
    advice = {
        SIDE_EFFECTS: "The numbers are right, but {}. Work on a copy, or make a new array for the result.",
        UNSTABLE: "Now and then the numbers are right, but {}. Look for chance, for the clock, for a name that lives "
        "outside your function and changes from call to call.",
    }
    for name, failure in subject.slips.items():
        return Cause("side effect", advice[name].format(failure.message))
    return None


@dataclass(frozen=True)
class _Part:
    """A cause for some of the calls that failed, and how many it explains."""

    kind: str
    text: str
    count: int
    claim: Claim
    mistake: str = ""
    refuses: bool = False

    @property
    def says_enough(self) -> bool:
        """Whether it is of use without the condition under which the kernel fails, which is easily wrong."""
        return self.kind not in WEAK and not self.refuses


@dataclass(frozen=True)
class _When:
    """A condition that parts the calls that failed from those that passed: when it fails, when it is right, a test, and
    whether it fails always then."""

    fails: str
    right: str
    test: Callable[[Args], bool | None]
    always: bool = True

    @property
    def text(self) -> str:
        how = "It fails whenever" if self.always else "It fails only where"
        return f"{how} {self.fails}, and is right whenever {self.right}."

    def claim(self, args: Args, right: Outcome, got: Outcome) -> bool | None:
        holds = None if right.error else self.test(args)
        if holds is None or (holds and not self.always):
            return None
        is_right = _is_same(args, right, got)
        if is_right and _form_of(right.value) != _form_of(got.value):
            return None  # a list for an array, float32 for float64: not every check minds
        if is_right and _is_flat(right):
            return None
        return holds is not is_right


def _is_flat(right: Outcome | None) -> bool:
    """Whether a right answer is the same number at every place: there what stands at a wrong place is right too."""
    value = right.value if right else None
    return isinstance(value, np.ndarray) and value.size > 1 and bool(np.all(value == value.flat[0]))


def _form_of(value: Any) -> Any:
    """Type and dtype of a value, and of its parts."""
    if isinstance(value, tuple | list):
        return type(value), [_form_of(part) for part in value]
    return type(value), getattr(value, "dtype", None)


def _of_groups(subject: Subject, seen: list[Seen]) -> Cause | None:
    """Explain apart the calls that should have raised, those that raised, and those that returned something wrong."""
    naming = subject.oracle.naming(subject.kernel)
    failing = [call for call in seen if not call.passed]
    passing = [call for call in seen if call.passed]
    silent = [call for call in failing if _must_raise(call) and not call.outcome.error]
    raised = [call for call in failing if call.outcome.error]
    valued = [call for call in failing if not call.outcome.error and call not in silent]
    parts: list[_Part] = []
    if valued:
        parts += _of_values(subject, naming, seen, valued)
    if raised:
        parts += _of_errors(raised)
    if silent:
        parts += _of_silence(naming, silent, [call for call in passing if _must_raise(call)])
    # what must raise is no part of when the answers are right
    telling = [call for call in passing if not _must_raise(call) and not _is_flat(call.expected)]
    when = _when(naming, [*valued, *raised], telling)
    if not parts:
        return Cause("when", when.text, claim=when.claim) if when else None
    explained = sum(part.count for part in parts)
    whole = explained >= len(failing)
    text = " ".join(part.text for part in parts)
    if not whole:
        text = f"In {explained} of {len(failing)} calls that failed: {text}"
    if whole and any(part.says_enough for part in parts):
        when = None  # it says enough
    if when:
        text = f"{text} {when.text}"
    first = parts[0]
    return Cause(
        " and ".join(dict.fromkeys(part.kind for part in parts)),
        text,
        first.mistake if len(parts) == 1 else "",
        whole,
        _all_claims(parts, whole, when),
    )


def _must_raise(call: Seen) -> bool:
    return call.expected is not None and bool(call.expected.error)


def _all_claims(parts: list[_Part], whole: bool, when: _When | None) -> Claim:
    """What one of the parts says, and the condition; parts that do not explain all say only that there is such a call."""

    def claim(args: Args, right: Outcome, got: Outcome) -> bool | None:
        said = [found for part in parts if (found := part.claim(args, right, got)) is not None]
        results = [any(said)] if said and (whole or any(said)) else []
        condition = when.claim(args, right, got) if when else None
        results += [] if condition is None else [condition]
        return all(results) if results else None

    return claim


def _of_values(subject: Subject, naming: Naming, seen: list[Seen], valued: list[Seen]) -> list[_Part]:
    """Causes of wrong values: the first of the ways below that explains all of these calls; else the one with most."""
    returned = [
        call for call in seen if not call.outcome.error and not (call.expected and call.expected.error)
    ]
    for find in (
        lambda: _one_mistake(subject, returned, valued),
        lambda: _another_type(naming, valued),
        lambda: _by_chance(subject, valued),
        lambda: _one_as_if(subject, naming, returned, valued),
        lambda: _one_relation(naming, valued, lambda kind: kind not in WEAK),
        lambda: _two_mistakes(subject, returned, valued),
        lambda: _mistake_and_relation(subject, naming, valued),
        lambda: _two_as_ifs(subject, naming, returned, valued),
        lambda: _as_if_and_relation(subject, naming, valued),
        lambda: _one_relation(naming, valued, lambda kind: kind in WEAK),
        lambda: _some_parts(naming, valued),
    ):
        part = find()
        if part:
            return [part]
    part = _most_of(naming, valued)
    return [part] if part else []


def _one_mistake(subject: Subject, returned: list[Seen], valued: list[Seen]) -> _Part | None:
    """A known mistake that returns what the kernel returned, wherever it returned something."""
    for name, hint in subject.oracle.mistakes(subject.kernel):
        if all(_mistaken(subject, name, call) for call in [*valued, *returned]):
            return _Part("known", hint, len(valued), _claim_of_mistake(subject, name), name)
    return None


def _mistaken(subject: Subject, name: str, call: Seen) -> bool:
    answer = subject.oracle.mistaken(subject.kernel, name, call.args)
    return answer is not None and _same_values(call, answer)


def _two_mistakes(subject: Subject, returned: list[Seen], valued: list[Seen]) -> _Part | None:
    """Two known mistakes that share the calls: each that failed is answered as one of them does."""
    made: dict[str, set[int]] = {}
    hints = dict(subject.oracle.mistakes(subject.kernel))
    for name in hints:
        found = {at for at, call in enumerate(valued) if _mistaken(subject, name, call)}
        if found:
            made[name] = found
    every = set(range(len(valued)))
    for one, mine in made.items():
        for other, its in made.items():
            if one < other and mine | its == every:

                def claim(
                    args: Args, right: Outcome, got: Outcome, pair: tuple[str, str] = (one, other)
                ) -> bool:
                    answers = [subject.oracle.mistaken(subject.kernel, name, args) for name in pair]
                    return _is_same(args, right, got) or any(
                        a is not None and _is_same(args, a, got) for a in answers
                    )

                return _Part(
                    "two known",
                    f"Two things come together. {hints[one]} And: {hints[other]}",
                    len(valued),
                    claim,
                )
    return None


def _another_type(naming: Naming, valued: list[Seen]) -> _Part | None:
    """Nothing at all, a value of a type that is never asked for, or another number of values."""
    form = _form(valued[0].expected, valued[0].outcome.value)
    if not form or any(_form(call.expected, call.outcome.value) != form for call in valued):
        return None
    wanted = valued[0].expected.value if valued[0].expected else None
    asked = "another value is asked for"
    if isinstance(wanted, tuple):
        asked = f"{len(wanted)} are asked for"
        asked += f": {', '.join(naming.results)}" if len(naming.results) == len(wanted) else ""
    text = f"Your function returns {form}, where {asked}."
    if form == "nothing":
        text = (
            "Your function returns nothing: at its end a `return` is missing, or it stands inside of an `if` or a loop that "
            "is left without it. What is printed is not returned."
        )

    def claim(args: Args, right: Outcome, got: Outcome) -> bool | None:
        return None if right.error or got.error else _form(right, got.value) == form

    return _Part("type", text, len(valued), claim)


def _by_chance(subject: Subject, valued: list[Seen]) -> _Part | None:
    """What is wrong with results that are drawn, in all calls with a generator: many answers are right there."""
    calls = [call for call in subject.seen if is_drawn(call.args) and not call.outcome.error]
    if not calls or not all(is_drawn(call.args) for call in valued):
        return None
    try:
        drawn = [
            (call.args, subject.oracle.expected(subject.kernel, call.args), _workable(call.outcome))
            for call in calls
        ]
    except KeyError:  # a record that does not hold it
        return None
    found = next(findings(drawn), None)
    return _Part(found.kind, found.text, len(valued), lambda args, right, got: None) if found else None


def _form(right: Outcome | None, value: Any) -> str:
    """What kind of result came, where another kind is wanted; empty if it is of the right kind, or unlike any other."""
    if value is None:
        return "nothing"
    if isinstance(value, str | Opaque):
        return f"a value of type {value.type_name if isinstance(value, Opaque) else 'str'}"
    if right is None:
        return ""
    wanted = right.value
    if isinstance(wanted, tuple) and not isinstance(value, tuple | list):
        alike_parts = len({np.shape(part) for part in wanted if not isinstance(part, dict)}) == 1
        unpacks = isinstance(value, np.ndarray) and value.ndim and len(value) == len(wanted)
        return "" if alike_parts and unpacks else "one value"
    count = len(value) if isinstance(value, tuple) or (isinstance(wanted, tuple) and value) else 1
    return "" if count == (len(wanted) if isinstance(wanted, tuple) else 1) else f"{count} values"


def _some_parts(naming: Naming, valued: list[Seen]) -> _Part | None:
    """Of a result that has several parts, some are right in all these calls, and some are not."""
    pieces = _pieces(naming, valued[0])
    if len(pieces) < 2 or any(call.expected is None for call in valued):
        return None

    def is_right(piece: _Piece, args: Args, right: Outcome, got: Outcome) -> bool:
        wanted = piece.of(right)
        return alike(wanted, piece.of(got), digits((args, wanted), 1e-9))

    right = [
        piece
        for piece in pieces
        if all(call.expected and is_right(piece, call.args, call.expected, call.outcome) for call in valued)
    ]
    wrong = [piece for piece in pieces if piece not in right]
    if not right:
        return None

    def claim(args: Args, good: Outcome, got: Outcome) -> bool | None:
        return None if good.error or got.error else all(is_right(piece, args, good, got) for piece in right)

    names = [" and ".join(piece.name for piece in group) for group in (right, wrong)]
    verbs = ["is" if len(group) == 1 else "are" for group in (right, wrong)]
    text = f"Of what your function returns, {names[0]} {verbs[0]} right, and {names[1]} {verbs[1]} not."
    return _Part("parts", text, len(valued), claim)


def _one_as_if(subject: Subject, naming: Naming, returned: list[Seen], valued: list[Seen]) -> _Part | None:
    """The right thing, done to other arguments."""
    if any(call.seconds > TRAINING_SECONDS for call in valued) or all(map(_is_right, valued)):
        return None  # the right numbers in a wrong form are no answer to other arguments
    telling = sorted(valued, key=_telling, reverse=True)
    for as_if in _as_ifs(naming, valued):
        said = list(itertools.takewhile(_is_not_false, (_made(subject, as_if, call) for call in telling)))
        if len(said) < len(telling) or True not in said:
            continue
        if all(_made(subject, as_if, call) is not False for call in returned):
            return _Part("as if", as_if.text, len(valued), _claim_of_as_if(subject, as_if.change))
    return None


def _is_right(call: Seen) -> bool:
    """Whether the numbers of a call are right, whatever form they have."""
    return call.expected is not None and _is_same(call.args, call.expected, call.outcome, 1e-10)


def _is_not_false(value: bool | None) -> bool:
    return value is not False


def _made(subject: Subject, as_if: AsIf, call: Seen) -> bool | None:
    """Whether a call was answered as if its arguments had been changed like this; None if that is not known."""
    if as_if.change(call.args) is None:
        return call.expected is not None and _is_same(call.args, call.expected, call.outcome)
    return subject.oracle.answers_as_if(subject.kernel, as_if, call.args, call.outcome)


def _as_ifs(naming: Naming, valued: list[Seen]) -> list[AsIf]:
    """Changes of the arguments that could be made to any of these calls: not all name all arguments."""
    by_text = {as_if.text: as_if for call in valued for as_if in as_ifs(naming, call.args)}
    return list(by_text.values())


def _two_as_ifs(subject: Subject, naming: Naming, returned: list[Seen], valued: list[Seen]) -> _Part | None:
    """The right thing, done to arguments that were changed in two ways."""
    first = max((call for call in valued if call.seconds < SLOW_SECONDS), key=_telling, default=None)
    if first is None or all(map(_is_right, valued)):
        return None
    changes = [as_if for as_if in _as_ifs(naming, valued) if as_if.usual][:PAIRED]
    for one, other in itertools.combinations(changes, 2):

        def change(args: Args, one: AsIf = one, other: AsIf = other) -> Args | None:
            changed = one.change(args)
            return other.change(args if changed is None else changed) or changed

        if _answers_as_if(subject, change, [first, *valued, *returned]):
            text = f"Two things come together. {one.text} And: {other.text}"
            return _Part("two as ifs", text, len(valued), _claim_of_as_if(subject, change))
    return None


def _as_if_and_relation(subject: Subject, naming: Naming, valued: list[Seen]) -> _Part | None:
    """The right thing done to other arguments, and a strong relation on top of it."""
    first = max((call for call in valued if call.seconds < SLOW_SECONDS), key=_telling, default=None)
    if first is None or first.expected is None or _telling(first) > LARGEST:
        return None
    for as_if in _as_ifs(naming, valued):
        answer = _answer_to(subject, as_if.change, first.args, first.expected)
        if answer is None or answer.error or isinstance(answer.value, tuple | dict):
            continue
        for relation in related(naming, first.args, answer.value, first.outcome.value):
            if relation.kind in WEAK:
                continue

            def fits(
                args: Args,
                right: Outcome | None,
                got: Outcome,
                as_if: AsIf = as_if,
                relation: Relation = relation,
            ) -> bool:
                its = _answer_to(subject, as_if.change, args, right)
                if its is None or its.error:
                    return False
                return bool(relation.holds(args, its.value, got.value)) or _is_same(args, its, got)

            if all(fits(call.args, call.expected, call.outcome) for call in valued):

                def claim(
                    args: Args, right: Outcome, got: Outcome, fits: Callable[..., bool] = fits
                ) -> bool | None:
                    return (
                        None
                        if right.error or got.error or _is_same(args, right, got)
                        else fits(args, right, got)
                    )

                text = f"Two things come together. {as_if.text} And then: {relation.text}"
                return _Part("as if with a relation", text, len(valued), claim)
    return None


def _claim_of_as_if(subject: Subject, change: Callable[[Args], Args | None]) -> Claim:
    def claim(args: Args, right: Outcome, got: Outcome) -> bool | None:
        if right.error or got.error:
            return None
        return _is_as_if(subject, change, args, got, right)

    return claim


def _answers_as_if(subject: Subject, change: Callable[[Args], Args | None], calls: list[Seen]) -> bool:
    return all(_is_as_if(subject, change, call.args, call.outcome, call.expected) for call in calls)


def _answer_to(
    subject: Subject, change: Callable[[Args], Args | None], args: Args, right: Outcome | None
) -> Outcome | None:
    """The right answer to the changed arguments; that to the arguments themselves where the change is none of theirs."""
    changed = change(args)
    if changed is None:
        return right
    try:
        with np.errstate(all="ignore"):
            return subject.oracle.expected(subject.kernel, changed)
    except KeyError:  # a record, which does not hold it
        return None


def _is_as_if(
    subject: Subject, change: Callable[[Args], Args | None], args: Args, got: Outcome, right: Outcome | None
) -> bool:
    answer = _answer_to(subject, change, args, right)
    return answer is not None and not answer.error and _is_same(args, answer, got)


def _telling(call: Seen) -> int:
    """How much a call tells: the more numbers its right answer holds, the less is right by chance."""
    return int(np.size(_whole(call.expected.value))) if call.expected is not None else 0


def _whole(value: Any) -> np.ndarray:
    """All numbers of a result in one row."""
    parts = list(value.values()) if isinstance(value, dict) else value
    if isinstance(parts, tuple | list):
        return np.concatenate([_whole(part) for part in parts]) if parts else np.zeros(0)
    return np.ravel(parts) if isinstance(parts, np.ndarray | int | float) else np.zeros(0)


def _one_relation(naming: Naming, valued: list[Seen], wanted: Callable[[str], bool]) -> _Part | None:
    """A relation that holds in all these calls, for each part of the result that is wrong."""
    if any(call.expected is None or _telling(call) > LARGEST for call in valued):
        return None
    found: list[tuple[_Piece, Relation]] = []
    for piece in _pieces(naming, valued[0]):
        pairs = [(call, piece.of(call.expected), piece.of(call.outcome)) for call in valued]
        wrong = [
            (call, right, got)
            for call, right, got in pairs
            if not alike(right, got, digits((call.args, right), 1e-10))
        ]
        if piece.name and not wrong:
            continue
        wrong = wrong or pairs
        call, right, got = max(wrong, key=lambda pair: np.size(pair[1]) if pair[1] is not None else 0)
        for relation in related(naming, call.args, right, got):
            if wanted(relation.kind) and _is_believed(relation, wrong):
                found.append((piece, relation))
                break
        else:
            return None
    if not found:
        return None
    text = " ".join(f"{piece.name and f'In {piece.name}: '}{relation.text}" for piece, relation in found)
    return _Part(found[0][1].kind, text, len(valued), _claim_of_relations(found))


def _is_believed(relation: Relation, calls: list[tuple[Seen, Any, Any]]) -> bool:
    """Whether a relation holds in these calls: in none it does not, and one that says little in several unlike ones."""
    said = [relation.holds(call.args, right, got) for call, right, got in calls]
    if False in said:
        return False
    if relation.kind not in WEAK:
        return True
    there = {sketch(call.args) for (call, _, _), holds in zip(calls, said, strict=True) if holds}
    return len(there) >= min(LEAST, len({sketch(call.args) for call, _, _ in calls}))


@dataclass(frozen=True)
class _Piece:
    """A part of a result that has several, by its name and the way to it; the whole of any other, without one."""

    name: str
    way: tuple[int | str, ...]

    def of(self, outcome: Outcome | None) -> Any:
        """This part of a result; None if it has none."""
        value = outcome.value if outcome else None
        for step in self.way:
            if isinstance(step, str):
                value = value.get(step) if isinstance(value, dict) else None
            else:
                value = value[step] if isinstance(value, tuple | list) and step < len(value) else None
        return value


def _pieces(naming: Naming, call: Seen) -> list[_Piece]:
    """The parts of a result: those of a tuple, those of a dict, also of one in a tuple."""
    value = call.expected.value if call.expected else None
    if isinstance(value, dict):
        return [_Piece(key, (key,)) for key in value]
    if not isinstance(value, tuple):
        return [_Piece("", ())]
    known = len(naming.results) == len(value)
    pieces: list[_Piece] = []
    for at, part in enumerate(value):
        name = naming.results[at] if known else f"result {at + 1}"
        inner = list(part) if isinstance(part, dict) else []
        pieces += [_Piece(f'{name}["{key}"]', (at, key)) for key in inner] or [_Piece(name, (at,))]
    return pieces


def _claim_of_relations(found: list[tuple[_Piece, Relation]]) -> Claim:
    def claim(args: Args, right: Outcome, got: Outcome) -> bool | None:
        if right.error or got.error:
            return None
        said = []
        for piece, relation in found:
            wanted, came = piece.of(right), piece.of(got)
            same = alike(wanted, came, digits((args, right.value), 1e-10))
            # the right numbers tell nothing, unless it is their container that is wrong
            if not same or (relation.kind == "container" and type(wanted) is not type(came)):
                said.append(relation.holds(args, wanted, came))
        told = [answer for answer in said if answer is not None]
        return all(told) if told else None

    return claim


def _mistake_and_relation(subject: Subject, naming: Naming, valued: list[Seen]) -> _Part | None:
    """A known mistake, and a strong relation on top of it."""
    first = max(valued, key=_telling)
    if first.expected is None or _telling(first) > LARGEST:
        return None
    for name, hint in subject.oracle.mistakes(subject.kernel):
        answer = subject.oracle.mistaken(subject.kernel, name, first.args)
        if answer is None or answer.error or isinstance(answer.value, tuple | dict):
            continue
        for relation in related(naming, first.args, answer.value, first.outcome.value):
            if relation.kind in WEAK:
                continue
            answers = [(call, subject.oracle.mistaken(subject.kernel, name, call.args)) for call in valued]
            if all(
                its is not None
                and not its.error
                and (
                    relation.holds(call.args, its.value, call.outcome.value)
                    or _is_same(call.args, its, call.outcome)
                )
                for call, its in answers
            ):

                def claim(
                    args: Args, right: Outcome, got: Outcome, name: str = name, relation: Relation = relation
                ) -> bool | None:
                    its = subject.oracle.mistaken(subject.kernel, name, args)
                    if right.error or got.error or its is None or its.error or _is_same(args, right, got):
                        return None
                    return _is_same(args, its, got) or bool(relation.holds(args, its.value, got.value))

                text = f"Two things come together. {hint} And then: {relation.text}"
                return _Part("known with a relation", text, len(valued), claim)
    return None


def _most_of(naming: Naming, valued: list[Seen]) -> _Part | None:
    """A relation that holds in most of these calls, if there are at least two of them."""
    best: tuple[int, Relation] | None = None
    for call in valued[:MOST_CALLS]:
        if call.expected is None or _telling(call) > LARGEST:
            continue
        for relation in related(naming, call.args, call.expected.value, call.outcome.value):
            if relation.kind in ALL_OR_NONE:
                continue
            count = sum(
                bool(other.expected)
                and bool(relation.holds(other.args, other.expected.value, other.outcome.value))  # type: ignore[union-attr]
                for other in valued
            )
            if count >= 2 and 2 * count >= len(valued) and (best is None or count > best[0]):
                best = count, relation
    if best is None:
        return None
    relation = best[1]
    claim = _claim_of_relations([(_Piece("", ()), relation)])
    return _Part(relation.kind, relation.text, best[0], claim)


def _of_errors(raised: list[Seen]) -> list[_Part]:
    """Exceptions: where they come from, and what met there."""
    places: dict[tuple[str, str], list[Seen]] = {}
    for call in raised:
        places.setdefault((call.outcome.error, call.outcome.where.partition(" — ")[0]), []).append(call)
    parts = []
    for (error, place), calls in sorted(places.items(), key=lambda item: -len(item[1]))[:2]:
        smallest = min(
            calls, key=lambda call: sum(np.size(a) for a in call.args if isinstance(a, np.ndarray))
        )
        said = smallest.outcome.message.splitlines()[0][:200] if smallest.outcome.message else ""
        with_words = f"{error}: {said}" if said else error
        if not place:
            text = f"Your function stops with {with_words}."
        elif _refuses(place):
            text = f"Your function refuses calls that are in order, in {place}."
        else:
            text = f"Your function stops in {place}, with {with_words}."
        met = smallest.outcome.where.partition(" — ")[2]
        text += f" There {met}." if met else ""

        def claim(
            args: Args, right: Outcome, got: Outcome, error: str = error, place: str = place
        ) -> bool | None:
            there = got.error == error and got.where.partition(" — ")[0] == place
            return True if there and not right.error else None  # it may stop elsewhere too

        parts.append(_Part("exception", text, len(calls), claim, refuses=_refuses(place)))
    return parts


def _refuses(place: str) -> bool:
    return bool(re.search(r"\b(raise|assert)\b", place.partition(": ")[2]))


def _of_silence(naming: Naming, silent: list[Seen], raising: list[Seen]) -> list[_Part]:
    """Calls that must raise and do not; `raising` are those that must and do."""
    error = silent[0].expected.error if silent[0].expected else "ValueError"
    text = f"Your function returns something where it must raise {error}: the docstring says when."
    when = _when(naming, silent, raising)
    when = when if when and when.always else None
    if when:
        text = f"Your function must raise {error}, but returns something whenever {when.fails}."

    def claim(args: Args, right: Outcome, got: Outcome) -> bool | None:
        if not right.error:
            return None
        if when:
            holds = when.test(args)
            return None if holds is None else holds is not bool(got.error)
        return True if not got.error else (None if raising else False)

    return [_Part("no error", text, len(silent), claim)]


def _when(naming: Naming, failing: list[Seen], passing: list[Seen]) -> _When | None:
    """The simplest condition under which a kernel fails."""
    failed, passed = ([call.args for call in calls if call.args] for calls in (failing, passing))
    found = parting(naming, failed, passed) if failed and passed else None
    return _When(*found) if found else None
