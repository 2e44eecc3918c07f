"""What a wrong kernel does instead: the right thing, but to other arguments. A filter turned round, a stride not used."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...inside.functions import Known, Seeded
from .naming import Args, Naming


@dataclass(frozen=True)
class AsIf:
    """A change of the arguments, and what to tell whoever's kernel answers as if it had got them changed like this.

    The change gives None for arguments that it cannot be made to. Only usual ones are tried two at a time.
    """

    text: str
    change: Callable[[Args], Args | None]
    usual: bool = True


FILTERS = ("w", "filters", "kernel")
BIASES = ("b", "bias")

UNUSUAL = (
    "Your function loses",
    "Your function squares",
    "Your function takes the square root",
    "Your function divides",
    "Your function leaves out the",
    "Your function takes {} in the opposite order",
    "Your function answers as if",
    "Your function does not use {}: it answers as if it were all",
)
"""How the sentences begin that tell of a change which few make."""


def as_ifs(naming: Naming, args: Args) -> Iterator[AsIf]:
    """All changes that can be made to a call like this one, the most usual first."""
    for at, (name, value) in enumerate(zip(naming.parameters, args, strict=False)):
        for text, change in _of_value(naming, name, value):
            yield AsIf(text.replace("{}", name), _at(at, change), not text.startswith(UNUSUAL))
        if at == len(args) - 1 and at > 0 and not isinstance(value, np.ndarray | dict):
            yield AsIf(
                f"Your function does not use {name}: it answers as if the default stood there.",
                lambda args, at=at: args[:at] if len(args) > at else None,
            )
    for one in range(len(args)):
        for other in range(one + 1, len(args)):
            first, second = args[one], args[other]
            same = (
                isinstance(first, np.ndarray)
                and isinstance(second, np.ndarray)
                and first.shape == second.shape
            ) or (type(first) is type(second) and type(first) in (int, float))
            if same and max(one, other) < len(naming.parameters):
                yield AsIf(
                    f"{naming.parameters[one]} and {naming.parameters[other]} have changed places.",
                    _swap(one, other),
                )


Change = Callable[[Any], Any]


def _of_value(naming: Naming, name: str, value: Any) -> Iterator[tuple[str, Change]]:
    if isinstance(value, np.ndarray):
        yield from _of_array(naming, name, value)
    elif isinstance(value, bool):
        yield "Your function does the opposite of what {} says, or does not look at it.", lambda v: not v
    elif type(value) is int:
        yield from _of_int(name)
    elif type(value) is float:
        yield "Your function leaves {} out: it answers as if it were 0.", lambda v: 0.0
        yield "Your function does not use {}: it answers as if it were 1.", lambda v: 1.0
        yield "Your function takes {} with the wrong sign.", lambda v: -v
        yield "Your function takes 1 − {} where {} belongs.", lambda v: 1 - v
        yield "Your function uses {} twice: it answers as if it were twice as large.", lambda v: 2 * v
        yield "Your function halves {}.", lambda v: v / 2
        yield "Your function squares {}.", lambda v: v * v
    elif isinstance(value, tuple) and value and all(type(part) is int for part in value):
        yield (
            "Your function mixes up the numbers of {}: it takes them in the opposite order.",
            lambda v: v[::-1],
        )
        yield "Your function uses only the first number of {}.", lambda v: (v[0],) * len(v)
        yield "Your function uses only the last number of {}.", lambda v: (v[-1],) * len(v)
    elif isinstance(value, dict):
        for key, part in value.items():
            if isinstance(part, np.ndarray):
                yield (
                    f'Your function does not use {{}}["{key}"]: it answers as if it were all zeros.',
                    _entry(key, np.zeros_like),
                )
                yield f'Your function takes {{}}["{key}"] with the wrong sign.', _entry(key, np.negative)
                if part.ndim == 2 and part.shape[0] == part.shape[1]:
                    yield f'Your function transposes {{}}["{key}"].', _entry(key, np.transpose)
            elif type(part) is int:
                yield f'Your function counts {{}}["{key}"] one too low.', _entry(key, lambda v: v - 1)
                yield f'Your function counts {{}}["{key}"] one too high.', _entry(key, lambda v: v + 1)


def _of_int(name: str) -> Iterator[tuple[str, Change]]:
    if name == "padding":
        yield "Your function does not use {}: it answers as if it were 0.", lambda v: 0
    if name in ("stride", "size"):
        yield "Your function does not use {}: it answers as if it were 1.", lambda v: 1
    yield "Your function uses {} twice: it answers as if it were twice as large.", lambda v: 2 * v
    yield "Your function answers as if {} were one less.", lambda v: v - 1 if v > 0 else None
    yield "Your function answers as if {} were one more.", lambda v: v + 1
    if name not in ("stride", "size", "padding"):
        yield "Your function does not use {}: it answers as if it were 1.", lambda v: 1
        yield "Your function does not use {}: it answers as if it were 0.", lambda v: 0


def _of_array(naming: Naming, name: str, value: np.ndarray) -> Iterator[tuple[str, Change]]:
    named = naming.axes_of(name, value.ndim)
    height = named.index("H") if "H" in named else 0
    if name in FILTERS and value.ndim >= 2:
        yield (
            "Your function turns {} round, as a true convolution does: here it is used as it stands.",
            lambda v: v[::-1, ::-1],
        )
        yield "Your function turns {} upside down.", lambda v: v[::-1]
        yield "Your function mirrors {} from left to right.", lambda v: v[:, ::-1]
    if name in BIASES:
        yield "Your function leaves {} out.", lambda v: np.zeros_like(v)
        yield "Your function adds {} twice.", lambda v: 2 * v
        if value.size > 1:
            yield "Your function uses the first number of {} for all.", lambda v: np.full_like(v, v.flat[0])
    if value.ndim >= 2:
        yield (
            "Your function mixes up height and width of {}: it takes rows for columns.",
            lambda v: np.swapaxes(v, height, height + 1),
        )
    if value.ndim == 4 and value.shape[2] == value.shape[3]:
        yield "Your function mixes up the last two axes of {}.", lambda v: np.swapaxes(v, 2, 3)
    for axis, axis_name in enumerate(named):
        if axis_name == "C":
            yield "Your function uses only the first channel of {}.", _keep_first(axis)
            yield "Your function takes the channels of {} in the opposite order.", _reverse(axis)
        elif axis_name == "N":
            yield "Your function uses only the first example in {}.", _keep_first(axis)
            yield "Your function takes the examples in {} in the opposite order.", _reverse(axis)
    if name == "dout":
        yield "Your function does not use {}: it answers as if it were all ones.", np.ones_like
    yield (
        "Your function loses what is negative in {}: it answers as if it were 0.",
        lambda v: np.maximum(v, 0),
    )
    yield "Your function loses the signs of {}.", np.abs
    yield "Your function takes {} with the wrong sign.", lambda v: None if v.dtype.kind == "u" else -v
    yield "Your function does not use {}: it answers as if it were all zeros.", np.zeros_like
    yield "Your function does not use {}: it answers as if it were all ones.", np.ones_like
    if value.dtype.kind == "f":
        yield "Your function loses the digits behind the point of {}.", np.trunc
        yield "Your function divides {} by 255 as well.", lambda v: v / 255
        yield "Your function squares {}.", np.square
        yield "Your function takes the square root of {}.", lambda v: np.sqrt(v) if (v >= 0).all() else None
    elif value.dtype.kind in "iu":
        yield "Your function counts {} from 1 in place of 0.", lambda v: v - 1
        yield "Your function answers as if every number in {} were one higher.", lambda v: v + 1
    if value.dtype == np.uint8:
        yield "Your function divides {} by 255 as well.", lambda v: v / 255
    if value.ndim and value.shape[0] > 1:
        yield "Your function takes {} in the opposite order.", lambda v: v[::-1]
        yield "Your function leaves out the last of {}.", _blank(-1)
        yield "Your function leaves out the first of {}.", _blank(0)


def _keep_first(axis: int) -> Change:
    def change(value: np.ndarray) -> np.ndarray:
        kept = np.zeros_like(value)
        first = tuple(slice(0, 1) if a == axis else slice(None) for a in range(value.ndim))
        kept[first] = value[first]
        return kept

    return change


def _blank(at: int) -> Change:
    def change(value: np.ndarray) -> np.ndarray:
        changed = value.copy()
        changed[at] = 0
        return changed

    return change


def _reverse(axis: int) -> Change:
    return lambda value: np.flip(value, axis)


def _entry(key: str, change: Change) -> Change:
    return lambda value: {**value, key: change(value[key])} if key in value else None


def _at(at: int, change: Change) -> Callable[[Args], Args | None]:
    def changed(args: Args) -> Args | None:
        if at >= len(args) or args[at] is None or isinstance(args[at], Known | Seeded):
            return None
        try:
            new = change(args[at])
        except (TypeError, ValueError, IndexError, KeyError, AttributeError):
            return None
        return None if new is None else (*args[:at], new, *args[at + 1 :])

    return changed


def _swap(one: int, other: int) -> Callable[[Args], Args | None]:
    def changed(args: Args) -> Args | None:
        if len(args) <= other:
            return None
        swapped = list(args)
        swapped[one], swapped[other] = swapped[other], swapped[one]
        return tuple(swapped)

    return changed
