"""How a wrong answer relates to the right one: transposed, too large by a factor, an axis too many, right in part.

Each relation is found by trying it on one call, and believed only if it holds in all that failed. Nothing here knows the
kernels: it knows arrays, and the names that a docstring gives to their axes.
"""

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...inside.functions import Known, Seeded
from .naming import Args, Naming

Holds = Callable[[Args, Any, Any], bool | None]
"""Given the arguments, the right answer and what came: whether the relation holds; None where it says nothing."""


@dataclass(frozen=True)
class Relation:
    """What a wrong answer has to do with the right one: a kind, a sentence for the learner, and a test of it."""

    kind: str
    text: str
    test: Holds

    def holds(self, args: Args, right: Any, got: Any) -> bool | None:
        """Whether it holds; False for values that cannot be compared like this at all."""
        try:
            return self.test(args, right, got)
        except (ValueError, TypeError, IndexError, ArithmeticError):
            return False


SINGLE = 1e-5
"""Relative tolerance where float32 takes part, which has no more digits."""


def digits(values: Any, rtol: float) -> float:
    """The relative tolerance to compare with where these arguments and right answers take part, `rtol` in float64."""
    return max(rtol, SINGLE) if _any_single(values) else rtol


def _any_single(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return any(map(_any_single, value))
    if isinstance(value, dict):
        return any(map(_any_single, value.values()))
    return getattr(value, "dtype", None) == np.float32


def alike(one: Any, other: Any, rtol: float = 1e-9) -> bool:
    """Whether two results hold the same numbers in the same shape, whatever kind of container or dtype."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key], rtol) for key in one)
    if isinstance(one, tuple) and isinstance(other, tuple | list):
        return len(one) == len(other) and all(
            alike(part, its, rtol) for part, its in zip(one, other, strict=True)
        )
    try:
        first, second = _numbers(one), _numbers(other)
    except (TypeError, ValueError):
        return False
    if first is None or second is None:
        return one is None and other is None
    if first.shape != second.shape:
        return False
    finite = np.abs(first[np.isfinite(first)])
    scale = float(finite.max()) if finite.size else 0.0
    return bool(np.isclose(second, first, rtol=rtol, atol=rtol * scale, equal_nan=True).all())


def _numbers(value: Any) -> np.ndarray | None:
    """A number, an array, or nested lists of these as an array of float; None for anything else."""
    if value is None or isinstance(value, str | dict | Known | Seeded):
        return None
    array = np.asarray(value)
    return array.astype(float) if array.dtype.kind in "biuf" else None


def related(naming: Naming, args: Args, right: Any, got: Any) -> Iterator[Relation]:
    """Relations that hold in this call, the most telling first."""
    wanted, found = _numbers_or_none(right), _numbers_or_none(got)
    if wanted is None or found is None:
        return
    for make in (_kinds, _axes, _precision, _places, _factors, _offsets, _entrywise, _sizes, _parts):
        for relation in make(naming, args, wanted, found):
            if relation.holds(args, right, got):
                yield relation


def _numbers_or_none(value: Any) -> np.ndarray | None:
    try:
        return _numbers(value)
    except (TypeError, ValueError):
        return None


def _applied(change: Callable[[np.ndarray], Any], rtol: float = 1e-9) -> Holds:
    """A test for: what came is the right answer, changed like this."""

    def holds(args: Args, right: Any, got: Any) -> bool | None:
        wanted = _numbers_or_none(right)
        if wanted is None:
            return None
        try:
            with np.errstate(all="ignore"):
                changed = change(wanted)
        except (ValueError, IndexError, TypeError, np.exceptions.AxisError):
            return False
        return alike(changed, got, digits((args, right), rtol))

    return holds


def _kinds(naming: Naming, args: Args, wanted: np.ndarray, found: np.ndarray) -> Iterator[Relation]:
    """The right numbers in another container: a list for an array, an array for a number; or an argument as it came in."""
    for at, (name, value) in enumerate(zip(naming.parameters, args, strict=False)):
        if isinstance(value, np.ndarray | int | float) and np.size(value) and not isinstance(value, bool):
            yield Relation(
                "argument",
                f"What comes back is {name}, as it came in.",
                lambda args, right, got, at=at: at < len(args) and alike(args[at], got),
            )
    if wanted.shape == found.shape:
        yield Relation(
            "container",
            "The numbers are right, but they come in another kind of value than the one that is asked for: compare the "
            "type that your function returns with the one in the docstring.",
            lambda args, right, got: alike(right, got, digits(args, 1e-9)) and type(right) is not type(got),
        )


def _axes(naming: Naming, args: Args, wanted: np.ndarray, found: np.ndarray) -> Iterator[Relation]:
    """The right numbers under other axes."""
    if wanted.shape == found.shape and wanted.ndim < 2:
        if wanted.ndim == 1:
            yield Relation(
                "order",
                "The numbers are right, but they stand in the opposite order.",
                _applied(lambda w: w[::-1]),
            )
        return
    if wanted.ndim < found.ndim:
        extra = found.ndim - wanted.ndim
        for axes in itertools.combinations(range(found.ndim), extra):
            if all(found.shape[axis] == 1 for axis in axes):
                where = " and ".join(map(str, axes))
                yield Relation(
                    "axis kept",
                    f"The numbers are right, but there is an axis of length 1 too many, axis {where}: a sum or a mean over "
                    "an axis with keepdims=True keeps it, and so does a slice such as [0:1].",
                    _applied(lambda w, axes=axes: np.expand_dims(w, axes)),
                )
    if wanted.ndim > found.ndim and wanted.size == found.size:
        yield Relation(
            "axis lost",
            "The numbers are right, but an axis of length 1 is lost: keep it, with keepdims=True or a slice.",
            lambda args, right, got: (
                np.ndim(right) > np.ndim(got)
                and alike(np.squeeze(np.asarray(right)), np.squeeze(np.asarray(got)), digits(args, 1e-9))
            ),
        )
    if wanted.ndim == found.ndim <= 4:
        for order in itertools.permutations(range(wanted.ndim)):
            if order != tuple(range(wanted.ndim)) and tuple(wanted.shape[a] for a in order) == found.shape:
                swapped = [a for a, b in enumerate(order) if a != b]
                what = (
                    "rows and columns are swapped"
                    if wanted.ndim == 2
                    else f"axes {' and '.join(map(str, swapped))} are swapped"
                    if len(swapped) == 2
                    else f"the axes stand in the order {order}"
                )
                yield Relation(
                    "transposed",
                    f"The numbers are right, but {what}: the result is transposed.",
                    _applied(lambda w, order=order: w.transpose(order)),
                )
        for count in range(1, wanted.ndim + 1):
            for axes in itertools.combinations(range(wanted.ndim), count):
                if wanted.shape == found.shape and all(wanted.shape[axis] > 1 for axis in axes):
                    where = " and ".join(f"axis {axis}" for axis in axes)
                    yield Relation(
                        "mirrored",
                        f"The numbers are right, but they run backwards along {where}: the result is mirrored.",
                        _applied(lambda w, axes=axes: np.flip(w, axes)),
                    )
    if wanted.size == found.size and wanted.shape != found.shape:
        yield Relation(
            "shape",
            "The numbers are right and in the right order, but the result has another shape.",
            lambda args, right, got: (
                np.size(right) == np.size(got) and alike(np.ravel(right), np.ravel(got), digits(args, 1e-9))
            ),
        )
    if wanted.size == found.size:
        yield Relation(
            "order",
            "The numbers are right, but they are written out in another order: rows and columns change places where the "
            "array is taken apart or put together.",
            lambda args, right, got: (
                np.size(right) == np.size(got)
                and alike(np.ravel(right, order="F"), np.ravel(got), digits(args, 1e-9))
            ),
        )


def _precision(naming: Naming, args: Args, wanted: np.ndarray, found: np.ndarray) -> Iterator[Relation]:
    if wanted.shape != found.shape:
        return
    whole = bool((found == np.trunc(found)).all()) and not bool((wanted == np.trunc(wanted)).all())
    if whole:
        for name, change in (("cut off", np.trunc), ("rounded down", np.floor), ("rounded", np.round)):
            yield Relation(
                "whole numbers",
                f"The digits behind the point are lost: every number comes out {name} to a whole one. Look for an array "
                "of integers, for int(…), for //, or for a round.",
                _applied(change),
            )
        yield Relation(
            "bytes",
            "The numbers are kept as bytes: they lose their fractions, and start again at 0 above 255. Make the array that "
            "you fill one of float.",
            _applied(lambda w: np.trunc(w) % 256),
        )
    if not alike(wanted, found, 1e-10):
        yield Relation(
            "precision",
            "The numbers are right to about seven digits only: somewhere on the way your function works in float32, though "
            "float64 came in.",
            lambda args, right, got: _is_single(right, got),
        )
        yield Relation(
            "few digits",
            "The numbers are right to about three digits only: somewhere on the way your function works in float16, or rounds.",
            lambda args, right, got: None if alike(right, got, 3e-6) else alike(right, got, 1e-3),
        )
        yield Relation(
            "rounding",
            "The numbers are nearly right: they are rounded to a few digits on the way.",
            lambda args, right, got: _is_rounded(right, got, digits((args, right), 1e-12)),
        )


def _is_single(right: Any, got: Any) -> bool:
    """Whether numbers are right as far as float32 can hold them: seven digits, and nothing near 0 below its least."""
    wanted, found = np.asarray(right, float), np.asarray(got, float)
    if alike(wanted, found, 3e-6):
        return True
    least = float(np.finfo(np.float32).tiny)
    return wanted.shape == found.shape and bool(
        np.isclose(found, wanted, rtol=3e-6, atol=least, equal_nan=True).all()
    )


def _is_rounded(right: Any, got: Any, rtol: float) -> bool:
    wanted, found = np.asarray(right, float), np.asarray(got, float)
    with np.errstate(all="ignore"):
        return any(alike(np.round(wanted, places), found, rtol) for places in range(1, 9))


def _places(naming: Naming, args: Args, wanted: np.ndarray, found: np.ndarray) -> Iterator[Relation]:
    """The right numbers at other places: shifted, cut, or framed."""
    if wanted.ndim != found.ndim or not wanted.ndim:
        return
    if wanted.shape == found.shape:
        for axis, by in itertools.product(range(wanted.ndim), (1, -1, 2, -2)):
            if wanted.shape[axis] > abs(by) + 1:
                way = "further on" if by > 0 else "too early"
                yield Relation(
                    "shifted",
                    f"The numbers are right, but each stands {_places_text(abs(by))} {way} along axis {axis}.",
                    lambda args, right, got, axis=axis, by=by: _is_shifted(
                        right, got, axis, by, digits((args, right), 1e-9)
                    ),
                )
        return
    if not found.size:
        yield Relation(
            "empty",
            "The result is empty: nothing is left of it. A slice from p to -p does that when p is 0.",
            lambda args, right, got: np.size(got) == 0 and np.size(right) > 0,
        )
    for axis, (length, count) in enumerate(zip(wanted.shape, found.shape, strict=True)):
        for end, at in (("first", 0), ("last", -1)):
            if length > 1 and count == 1:
                yield Relation(
                    "cropped",
                    f"What is there is right, but of axis {axis} only the {end} is left: look for an index or a slice too "
                    "many, or a return inside a loop.",
                    lambda args, right, got, axis=axis, at=at: alike(
                        np.take(np.asarray(right), [at], axis), got, digits((args, right), 1e-9)
                    ),
                )
    less = [w - f for w, f in zip(wanted.shape, found.shape, strict=True)]
    if any(abs(count) > 8 for count in less):
        return
    choices = [
        {(0, count), (count, 0), (count // 2, count - count // 2)} if count else {(0, 0)} for count in less
    ]
    if all(count >= 0 for count in less):
        for cuts in itertools.product(*map(sorted, choices)):
            what = " and ".join(
                f"{_end_text(front, back)} of axis {axis}"
                for axis, (front, back) in enumerate(cuts)
                if front or back
            )
            yield Relation(
                "cropped",
                f"The numbers are right, but some are missing: {what}.",
                _applied(
                    lambda w, cuts=cuts: w[tuple(slice(f, w.shape[a] - b) for a, (f, b) in enumerate(cuts))]
                ),
            )
    elif all(count <= 0 for count in less):
        for cuts in itertools.product(*map(sorted, choices)):
            yield Relation(
                "too large",
                "The right numbers are all there, but there are more around them: the result is larger than it should be.",
                lambda args, right, got, cuts=cuts: _is_framed(right, got, cuts, digits(args, 1e-9)),
            )


def _places_text(count: int) -> str:
    return "one place" if count == 1 else f"{count} places"


def _end_text(front: int, back: int) -> str:
    if front and back:
        return f"the first {front} and the last {back}"
    return (
        f"the {'first' if front else 'last'} {front or back}"
        if (front or back) > 1
        else ("the first" if front else "the last")
    )


def _is_shifted(right: Any, got: Any, axis: int, by: int, rtol: float) -> bool | None:
    wanted, found = np.asarray(right, float), np.asarray(got, float)
    if wanted.shape != found.shape or axis >= wanted.ndim or wanted.shape[axis] <= abs(by):
        return None if wanted.shape == found.shape else False
    wanted, found = np.moveaxis(wanted, axis, 0), np.moveaxis(found, axis, 0)
    kept, moved = (wanted[:-by], found[by:]) if by > 0 else (wanted[-by:], found[:by])
    if not alike(kept, moved, rtol):
        return False
    return True if np.ptp(kept) > 0 else None  # what is the same everywhere may have moved or not


def _is_framed(right: Any, got: Any, cuts: tuple[tuple[int, int], ...], rtol: float) -> bool:
    found = np.asarray(got, float)
    if found.ndim != len(cuts):
        return False
    inner = found[tuple(slice(-f, found.shape[a] + b) for a, (f, b) in enumerate(cuts))]
    return alike(right, inner, rtol)


def _factors(naming: Naming, args: Args, wanted: np.ndarray, found: np.ndarray) -> Iterator[Relation]:
    """Every number is the right one times the same."""
    if wanted.shape != found.shape or not wanted.size:
        return
    clear = np.isfinite(wanted) & np.isfinite(found) & (np.abs(wanted) > 1e-12)
    if not clear.any():
        return
    with np.errstate(all="ignore"):
        factor = float(np.median(found[clear] / wanted[clear]))
    if not math.isfinite(factor) or abs(factor) < 1e-12 or abs(factor - 1) < 1e-9:
        return
    if abs(factor + 1) < 1e-9:
        yield Relation("sign", "Every number has the wrong sign.", _applied(lambda w: -w))
        return
    for name in _quantities(naming, args):
        for power, word in ((1, "large"), (-1, "small")):
            value = _quantity(naming, args, name) ** power
            if math.isclose(value, abs(factor), rel_tol=1e-7):
                sign = math.copysign(1, factor)
                and_sign = ", with the wrong sign" if sign < 0 else ""
                why = (
                    "Look for a sum where a mean is asked for, or for something that is added once too often"
                    if power == 1
                    else "Look for a mean where a sum is asked for, or for a division too many"
                )
                yield Relation(
                    "factor",
                    f"Every number is too {word} by the factor {name}{and_sign} (here {_quantity(naming, args, name):g}). "
                    f"{why}.",
                    lambda args, right, got, name=name, power=power, sign=sign: alike(
                        np.asarray(right, float) * sign * _quantity(naming, args, name) ** power,
                        got,
                        digits((args, right), 1e-7),
                    ),
                )
    named = {
        2.0: "twice",
        0.5: "half",
        1 / math.log(2): "1 / ln 2 times",
        1 / math.log(10): "1 / ln 10 times",
    }
    text = next((word for value, word in named.items() if math.isclose(value, factor, rel_tol=1e-7)), "")
    yield Relation(
        "factor",
        f"Every number is {text or f'{factor:.6g} times'} what it should be.",
        _applied(lambda w: factor * w, 1e-7),
    )


def _quantities(naming: Naming, args: Args) -> list[str]:
    """Names of single quantities of a call, and of products of two."""
    single = [name for name, value in naming.quantities(args).items() if value > 1]
    return single + [f"{a}·{b}" for a, b in itertools.combinations_with_replacement(single, 2)]


def _quantity(naming: Naming, args: Args, name: str) -> float:
    known = naming.quantities(args)
    return float(math.prod(known.get(part, math.nan) for part in name.split("·")))


def _is_spread(part: tuple[int, ...], whole: tuple[int, ...]) -> bool:
    """Whether an array of shape `part` can be added to one of shape `whole`, which keeps its shape."""
    return len(part) <= len(whole) and all(
        mine in (1, its) for mine, its in zip(reversed(part), reversed(whole), strict=False)
    )


def _offsets(naming: Naming, args: Args, wanted: np.ndarray, found: np.ndarray) -> Iterator[Relation]:
    """Every number is the right one plus the same."""
    if wanted.shape != found.shape or not wanted.size:
        return
    for at, (name, value) in enumerate(zip(naming.parameters, args, strict=False)):
        if name not in ("b", "bias") or not _is_spread(np.shape(value), wanted.shape):
            continue
        for times in (1, -1, 2, 3, 4, -2):
            if alike(wanted + times * np.asarray(value, float), found, digits(args, 1e-9)):
                text = {
                    1: f"{name} is added twice",
                    -1: f"{name} is not added",
                    -2: f"{name} is subtracted",
                }.get(times, f"{name} is added {times + 1} times")
                yield Relation(
                    "bias",
                    f"Every number is right but for the bias: {text}.",
                    lambda args, right, got, at=at, times=times: (
                        _is_spread(np.shape(args[at]), np.shape(right))
                        and alike(
                            np.asarray(right, float) + times * np.asarray(args[at], float),
                            got,
                            digits((args, right), 1e-9),
                        )
                    ),
                )
    with np.errstate(all="ignore"):
        offset = float(np.median(found - wanted))
    if math.isfinite(offset) and abs(offset) > 1e-9:
        way = "large" if offset > 0 else "small"
        yield Relation(
            "constant",
            f"Every number is too {way} by {abs(offset):.6g}.",
            _applied(lambda w: w + offset),
        )


_FUNCTIONS: tuple[tuple[str, str, Callable[[np.ndarray], np.ndarray]], ...] = (
    (
        "clipped",
        "Negative numbers come out as 0, where they should stay negative.",
        lambda w: np.maximum(w, 0),
    ),
    ("clipped", "Positive numbers come out as 0, where they should stay.", lambda w: np.minimum(w, 0)),
    ("clipped", "Numbers outside 0 to 1 are cut off at 0 and 1.", lambda w: np.clip(w, 0, 1)),
    ("clipped", "Numbers outside 0 to 255 are cut off at 0 and 255.", lambda w: np.clip(w, 0, 255)),
    ("absolute", "Every number comes out without its sign.", np.abs),
    ("logarithm", "What comes back is the logarithm of the right answer.", np.log),
    ("exponential", "What comes back is e to the power of the right answer.", np.exp),
    ("complement", "What comes back is 1 minus the right answer.", lambda w: 1 - w),
    ("square", "What comes back is the square of the right answer.", np.square),
    ("root", "What comes back is the square root of the right answer.", np.sqrt),
    ("inverse", "What comes back is 1 divided by the right answer.", lambda w: 1 / w),
    (
        "cumulative",
        "What comes back adds up as it goes along: each number holds those before it too.",
        np.cumsum,
    ),
)


def _entrywise(naming: Naming, args: Args, wanted: np.ndarray, found: np.ndarray) -> Iterator[Relation]:
    if wanted.shape == found.shape:
        for kind, text, change in _FUNCTIONS:
            yield Relation(kind, text, _applied(change))


def _sizes(naming: Naming, args: Args, wanted: np.ndarray, found: np.ndarray) -> Iterator[Relation]:
    """The shape is wrong in the same way, whatever the numbers."""
    if wanted.shape == found.shape:
        return
    if wanted.ndim == found.ndim:
        for axis, (right_length, length) in enumerate(zip(wanted.shape, found.shape, strict=True)):
            by = length - right_length
            if by and abs(by) <= 4:
                yield Relation(
                    "size",
                    f"Along axis {axis} the result is {_places_text(abs(by))} too {'long' if by > 0 else 'short'}.",
                    lambda args, right, got, axis=axis, by=by: (
                        np.ndim(right) == np.ndim(got) and np.shape(got)[axis] - np.shape(right)[axis] == by
                    ),
                )
        for one, other in itertools.combinations(range(wanted.ndim), 2):
            swapped = list(wanted.shape)
            swapped[one], swapped[other] = swapped[other], swapped[one]
            if tuple(swapped) == found.shape:
                yield Relation(
                    "swapped sizes",
                    f"The lengths of axes {one} and {other} of the result are swapped.",
                    lambda args, right, got, one=one, other=other: (
                        np.ndim(right) == np.ndim(got)
                        and np.shape(got)[one] == np.shape(right)[other]
                        and np.shape(got)[other] == np.shape(right)[one]
                    ),
                )
    else:
        yield Relation(
            "axes",
            f"The result has {_count_axes(found.ndim)}, where {_count_axes(wanted.ndim)} "
            f"{'is' if wanted.ndim == 1 else 'are'} asked for.",
            lambda args, right, got: (
                np.ndim(right) - np.ndim(got) == wanted.ndim - found.ndim and np.ndim(right) == wanted.ndim
            ),
        )
    for at, (name, value) in enumerate(zip(naming.parameters, args, strict=False)):
        if isinstance(value, np.ndarray) and value.shape == found.shape:
            yield Relation(
                "size of an input",
                f"The result has the shape of {name}, which is not the one that is asked for.",
                lambda args, right, got, at=at: np.shape(got) == np.shape(args[at]),
            )


def _count_axes(count: int) -> str:
    return "no axes (it is one number)" if count == 0 else "1 axis" if count == 1 else f"{count} axes"


def _parts(naming: Naming, args: Args, wanted: np.ndarray, found: np.ndarray) -> Iterator[Relation]:
    """Right in one part of the result, wrong in the rest."""
    if wanted.shape != found.shape or not wanted.ndim:
        return
    for axis in range(wanted.ndim):
        if wanted.shape[axis] < 2:
            continue
        for kind, text, where in (
            ("first only", f"Only the first along axis {axis} is right: the others are not.", _only(0)),
            ("last only", f"Only the last along axis {axis} is right: the others are not.", _only(-1)),
            ("all but last", f"All but the last along axis {axis} are right.", _but(-1)),
            ("all but first", f"All but the first along axis {axis} are right.", _but(0)),
        ):
            yield Relation(
                kind,
                text,
                lambda args, right, got, axis=axis, where=where: _right_along(right, got, axis, where),
            )
    if wanted.ndim >= 2:
        yield Relation(
            "border",
            "Inside the result is right; what is wrong stands at its border.",
            lambda args, right, got: _wrong_at_border(right, got),
        )
    for kind, text, where in (
        ("negative", "Wrong is only what should be negative.", lambda w: w < 0),
        ("zero", "Wrong is only what should be 0.", lambda w: w == 0),
        ("positive", "Wrong is only what should be positive.", lambda w: w > 0),
        ("not a number", "Wrong is only what should be NaN or infinite.", lambda w: ~np.isfinite(w)),
    ):
        yield Relation(
            kind,
            text,
            lambda args, right, got, where=where: _wrong_only(right, got, where, may_be_right=False),
        )
    for at, (name, value) in enumerate(zip(naming.parameters, args, strict=False)):
        if isinstance(value, np.ndarray) and value.shape == wanted.shape and value.dtype.kind in "iuf":
            for kind, word, where in (
                ("negative input", "is negative", lambda x: x < 0),
                ("positive input", "is above 0", lambda x: x > 0),
                ("zero input", "is 0", lambda x: x == 0),
                ("NaN input", "is NaN or infinite", lambda x: ~np.isfinite(x)),
            ):
                yield Relation(
                    kind,
                    f"Wrong are only the places where {name} {word}.",
                    lambda args, right, got, at=at, where=where: _wrong_only(
                        right, got, lambda w: where(np.asarray(args[at], float)), may_be_right=False
                    ),
                )
    yield Relation(
        "places",
        "The right numbers are all there, but at other places.",
        lambda args, right, got: (
            np.shape(right) == np.shape(got)
            and alike(np.sort(np.ravel(right)), np.sort(np.ravel(got)), digits((args, right), 1e-9))
        ),
    )
    yield Relation(
        "line factors",
        "Along the last axis every line is right but for a factor of its own: look at what each is divided by or multiplied "
        "with.",
        lambda args, right, got: _has_line_factors(right, got, -1),
    )
    yield Relation(
        "line factors",
        "Every entry of the last axis is right but for a factor of its own: look at what each is divided by or multiplied "
        "with.",
        lambda args, right, got: _has_line_factors(right, got, 0),
    )


def _only(at: int) -> Callable[[int], np.ndarray]:
    def mask(length: int) -> np.ndarray:
        right = np.zeros(length, bool)
        right[at] = True
        return right

    return mask


def _but(at: int) -> Callable[[int], np.ndarray]:
    return lambda length: ~_only(at)(length)


def _right_along(right: Any, got: Any, axis: int, where: Callable[[int], np.ndarray]) -> bool | None:
    wrong = _wrong(right, got)
    if wrong is None or axis >= wrong.ndim:
        return False
    if wrong.shape[axis] < 2:
        return None
    lines = np.moveaxis(wrong, axis, 0).reshape(wrong.shape[axis], -1).any(axis=1)
    return bool((lines == ~where(wrong.shape[axis])).all())


def _wrong(right: Any, got: Any) -> np.ndarray | None:
    """Where the entries differ; None if they cannot be compared one by one."""
    if np.shape(right) != np.shape(got):
        return None
    wanted, found = np.asarray(right, float), np.asarray(got, float)
    finite = np.abs(wanted[np.isfinite(wanted)])
    scale = float(finite.max()) if finite.size else 0.0
    return ~np.isclose(found, wanted, rtol=1e-6, atol=1e-9 * scale, equal_nan=True)


def _wrong_at_border(right: Any, got: Any) -> bool | None:
    wrong = _wrong(right, got)
    if wrong is None:
        return False
    axes = (1, 2) if wrong.ndim == 4 else (0, 1)
    if min(wrong.shape[axis] for axis in axes) < 3:
        return None
    inside = tuple(slice(1, -1) if axis in axes else slice(None) for axis in range(wrong.ndim))
    return not wrong[inside].any()


def _wrong_only(
    right: Any, got: Any, where: Callable[[np.ndarray], np.ndarray], *, may_be_right: bool
) -> bool | None:
    wrong = _wrong(right, got)
    if wrong is None:
        return False
    there = where(np.asarray(right, float))
    if there.shape != wrong.shape or there.all():
        return None
    return bool((~wrong | there).all()) if may_be_right else bool((wrong == there).all())


def _has_line_factors(right: Any, got: Any, axis: int) -> bool | None:
    wanted, found = np.asarray(right, float), np.asarray(got, float)
    if wanted.shape != found.shape or wanted.ndim < 2:
        return False
    if axis == 0:
        wanted, found = (array.reshape(-1, array.shape[-1]).T for array in (wanted, found))
    else:
        wanted, found = (array.reshape(-1, array.shape[-1]) for array in (wanted, found))
    if wanted.shape[0] < 2 or wanted.shape[1] < 2:
        return None
    with np.errstate(all="ignore"):
        ratio = found / wanted
    for line, (numbers, zeros) in enumerate(zip(ratio, wanted == 0, strict=True)):
        if not np.array_equal(found[line][zeros], wanted[line][zeros]):
            return False
        rest = numbers[~zeros]
        if rest.size and not (np.isfinite(rest).all() and rest[0] and np.allclose(rest, rest[0], rtol=1e-6)):
            return False  # nor is 0 a factor: that line is not there
    return True
