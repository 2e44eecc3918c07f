"""When a kernel fails: the simplest condition on its arguments that parts the calls that passed from those that failed."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...inside.functions import Seeded
from .naming import Args, Naming

PAIRS = (
    ("H", "W"), ("F_h", "F_w"), ("H′", "W′"), ("C", "K"), ("N", "C"), ("N", "K"), ("D", "M"), ("N", "D"), ("N", "M"),
    ("size", "stride"), ("channels", "size"), ("filter_size", "stride"),
)  # fmt: skip
"""Lengths that learners mix up: whether two of them are equal is worth asking."""


@dataclass(frozen=True)
class Condition:
    """A condition on the arguments of a call: as a clause after "whenever", its opposite likewise, and a test of it.

    The test answers None for a call of which it makes no sense to ask.
    """

    text: str
    opposite: str
    holds: Callable[[Args], bool | None]


def conditions(naming: Naming, calls: list[Args]) -> Iterator[Condition]:
    """Conditions that some of these calls meet and others do not, the simplest first."""
    names = list(dict.fromkeys(name for args in calls for name in naming.quantities(args)))
    for one, other in PAIRS:
        if one in names and other in names:
            yield Condition(
                f"{one} = {other}",
                f"{one} and {other} differ",
                _compared(naming, one, other, lambda a, b: a == b),
            )
    for one, other in (
        ("size", "stride"),
        ("filter_size", "stride"),
        ("F_h", "stride"),
        ("F_h", "F_w"),
        ("H", "W"),
    ):
        if one in names and other in names:
            yield Condition(
                f"{one} is larger than {other}",
                f"{one} is not larger than {other}",
                _compared(naming, one, other, lambda a, b: a > b),
            )
            yield Condition(
                f"{one} is smaller than {other}",
                f"{one} is not smaller than {other}",
                _compared(naming, one, other, lambda a, b: a < b),
            )
    for name in names:
        for number in (0, 1):
            yield Condition(
                f"{name} is {number}",
                f"{name} is not {number}",
                _single(naming, name, lambda value, number=number: value == number),
            )
        yield Condition(
            f"{name} is more than 1", f"{name} is 1 or less", _single(naming, name, lambda value: value > 1)
        )
        if name in naming.parameters:  # of the lengths of axes, a few draws hold too few
            yield Condition(
                f"{name} is even", f"{name} is odd", _single(naming, name, lambda value: value % 2 == 0)
            )
        if naming.parameters and name in naming.parameters:
            yield Condition(
                f"{name} is negative",
                f"{name} is not negative",
                _single(naming, name, lambda value: value < 0),
            )
    yield Condition(
        "the stride leaves a rest at the edge",
        "the stride leaves no rest at the edge",
        lambda args: _leaves_a_rest(naming, args),
    )
    yield from _of_plain_values(naming, calls)
    yield from _of_arrays(naming)


def _single(naming: Naming, name: str, test: Callable[[float], bool]) -> Callable[[Args], bool | None]:
    def holds(args: Args) -> bool | None:
        value = naming.quantities(args).get(name)
        return None if value is None else bool(test(value))

    return holds


def _compared(
    naming: Naming, one: str, other: str, test: Callable[[float, float], bool]
) -> Callable[[Args], bool | None]:
    def holds(args: Args) -> bool | None:
        known = naming.quantities(args)
        return None if one not in known or other not in known else bool(test(known[one], known[other]))

    return holds


def _leaves_a_rest(naming: Naming, args: Args) -> bool | None:
    """Whether windows that move by the stride stop before the edge."""
    known = naming.quantities(args)
    given = dict(zip(naming.parameters, args, strict=False))
    stride, padding = given.get("stride"), known.get("padding", 0)
    steps = stride if isinstance(stride, tuple | list) else (stride, stride)
    if not all(type(step) is int and step > 0 for step in steps):
        return None
    size = known.get("size", known.get("filter_size"))
    lengths = [
        (known.get("H"), known.get("F_h", size), steps[0]),
        (known.get("W"), known.get("F_w", size), steps[-1]),
        (known.get("input_size"), size, steps[0]),
    ]
    rests = [
        (length - window + 2 * padding) % step
        for length, window, step in lengths
        if length is not None and window is not None
    ]
    return any(rests) if rests else None


def _of_plain_values(naming: Naming, calls: list[Args]) -> Iterator[Condition]:
    """Of arguments that are not arrays: left out, true, a pair, negative."""
    for at, name in enumerate(naming.parameters):
        values = [args[at] if at < len(args) else ... for args in calls]
        if any(value is ... for value in values):
            yield Condition(f"{name} is left out", f"{name} is given", lambda args, at=at: at >= len(args))
        if any(value is None for value in values):
            yield Condition(
                f"{name} is None", f"{name} is given", lambda args, at=at: at < len(args) and args[at] is None
            )
        if any(isinstance(value, bool) for value in values):
            yield Condition(
                f"{name} is True",
                f"{name} is False",
                lambda args, at=at: at < len(args) and args[at] is True,
            )
        if any(isinstance(value, tuple) for value in values):
            yield Condition(
                f"{name} is a pair",
                f"{name} is one number",
                lambda args, at=at: at < len(args) and isinstance(args[at], tuple),
            )
            yield Condition(
                f"the numbers of {name} differ",
                f"the numbers of {name} are equal",
                lambda args, at=at: (
                    len(set(args[at])) > 1 if at < len(args) and isinstance(args[at], tuple) else False
                ),
            )
            for count in (1, 2, 3):
                yield Condition(
                    f"{name} has {count} numbers",
                    f"{name} does not have {count} numbers",
                    lambda args, at=at, count=count: (
                        len(args[at]) == count if at < len(args) and isinstance(args[at], tuple) else None
                    ),
                )
        if any(type(value) is float for value in values):
            yield Condition(
                f"{name} is negative",
                f"{name} is not negative",
                lambda args, at=at: args[at] < 0 if at < len(args) and type(args[at]) is float else None,
            )
            yield Condition(
                f"{name} is 0",
                f"{name} is not 0",
                lambda args, at=at: args[at] == 0 if at < len(args) and type(args[at]) is float else None,
            )


_ARRAYS: tuple[tuple[str, str, Callable[[np.ndarray], bool]], ...] = (
    ("{} holds uint8", "{} holds other numbers than uint8", lambda a: a.dtype == np.uint8),
    ("{} holds integers", "{} holds floats", lambda a: a.dtype.kind in "iub"),
    ("{} holds float32", "{} does not hold float32", lambda a: a.dtype == np.float32),
    ("{} is empty", "{} is not empty", lambda a: a.size == 0),
    ("{} holds NaN", "{} holds no NaN", lambda a: a.dtype.kind == "f" and bool(np.isnan(a).any())),
    (
        "{} holds an infinite number",
        "{} holds no infinite number",
        lambda a: a.dtype.kind == "f" and bool(np.isinf(a).any()),
    ),
    ("{} holds negative numbers", "{} holds no negative number", lambda a: bool((a < 0).any())),
    ("all of {} is negative", "not all of {} is negative", lambda a: bool(a.size and (a < 0).all())),
    ("{} holds a 0", "{} holds no 0", lambda a: bool((a == 0).any())),
    ("{} is all zeros", "{} is not all zeros", lambda a: bool(a.size and (a == 0).all())),
    (
        "{} holds fractions",
        "{} holds whole numbers only",
        lambda a: a.dtype.kind == "f" and bool((a[np.isfinite(a)] % 1 != 0).any()),
    ),
    (
        "{} holds numbers above 100 in size",
        "all of {} lies from −100 to 100",
        lambda a: bool((np.abs(a) > 100).any()),
    ),
    (
        "{} holds numbers above 1 in size",
        "all of {} lies from −1 to 1",
        lambda a: bool((np.abs(a) > 1).any()),
    ),
    ("{} has one axis", "{} has several axes", lambda a: a.ndim == 1),
    ("{} has two axes", "{} does not have two axes", lambda a: a.ndim == 2),
    ("{} has four axes", "{} does not have four axes", lambda a: a.ndim == 4),
)


def _of_arrays(naming: Naming) -> Iterator[Condition]:
    for at, name in enumerate(naming.parameters):
        for text, opposite, test in _ARRAYS:

            def holds(args: Args, at: int = at, test: Callable[[np.ndarray], bool] = test) -> bool | None:
                value: Any = args[at] if at < len(args) else None
                return bool(test(value)) if isinstance(value, np.ndarray) else None

            yield Condition(text.format(name), opposite.format(name), holds)


LUCKY = 0.15
"""Share of the calls that meet a condition which may be right by luck of their numbers, if it is to be told at all."""

LEAST = 3
"""So many unlike calls must fail, and as many be right, before a condition is believed; twice as many for two at once."""


def parting(
    naming: Naming, failing: list[Args], passing: list[Args]
) -> tuple[str, str, Callable[[Args], bool | None], bool] | None:
    """The simplest condition that holds in all calls that failed and in none that passed: when it fails, when it is
    right, a test of it, and whether it is so both ways; None where there is none, or too few calls to believe it.

    It is so one way only where a few calls meet the condition and are right nevertheless: they may be by luck. Calls are
    unlike if they differ in a shape, a dtype or a plain value: by chance alone, few of these agree.
    """
    unlike = min(len({sketch(args) for args in calls}) for calls in (failing, passing))
    if unlike < LEAST:
        return None
    needed: list[tuple[str, str, Callable[[Args], bool | None]]] = []
    nearly: list[tuple[str, str, Callable[[Args], bool | None]]] = []
    for condition in conditions(naming, [*failing, *passing]):
        fails = [condition.holds(args) for args in failing]
        passes = [condition.holds(args) for args in passing]
        for wanted, text, opposite in (
            (True, condition.text, condition.opposite),
            (False, condition.opposite, condition.text),
        ):
            if any(found is not wanted for found in fails):
                continue
            test = condition.holds if wanted else _not(condition.holds)
            lucky = sum(found is wanted for found in passes)
            if not lucky:
                return text, opposite, test, True
            if any(found is not wanted for found in passes):
                needed.append((text, opposite, test))
            others = {
                sketch(args) for args, found in zip(passing, passes, strict=True) if found is (not wanted)
            }
            if lucky <= LUCKY * (lucky + len(failing)) and len(others) >= LEAST:
                nearly.append((text, opposite, test))
    if nearly:
        return *nearly[0], False
    if unlike < 2 * LEAST:
        return None
    for (text, opposite, test), (other, its_opposite, its_test) in itertools.combinations(needed[:40], 2):
        if not any(test(args) and its_test(args) for args in passing):
            return f"{text} and {other}", f"{opposite} or {its_opposite}", _both(test, its_test), True
    return None


def sketch(args: Args) -> tuple[Any, ...]:
    """What two calls differ in, numbers in arrays aside."""
    return tuple(
        (part.shape, str(part.dtype)) if isinstance(part, np.ndarray) else repr(part)[:200]
        for part in args
        if not isinstance(part, Seeded)
    )


def _not(test: Callable[[Args], bool | None]) -> Callable[[Args], bool | None]:
    def opposite(args: Args) -> bool | None:
        found = test(args)
        return None if found is None else not found

    return opposite


def _both(
    one: Callable[[Args], bool | None], other: Callable[[Args], bool | None]
) -> Callable[[Args], bool | None]:
    return lambda args: bool(one(args)) and bool(other(args))
