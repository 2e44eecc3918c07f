"""Calls of the diagnosis's own: those of the checks with other numbers, other lengths, other settings or in float32, to
tell what is so from what is so by chance."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...inside.functions import Known, Seeded
from .naming import Args, Naming

SCALES = (1.0, 1.0, 1 / 700)
"""Factors of the numbers: small ones show what is added, and what is rounded."""


def redrawn(args: Args, rng: np.random.Generator) -> Args | None:
    """The same call with other floats in its arrays, between their least and their largest; None if it has none."""
    if not any(_has_floats(part) for part in args) or any(isinstance(part, Known) for part in args):
        return None
    scale = SCALES[rng.integers(len(SCALES))]
    return tuple(_other(part, scale, rng) for part in args)


def _has_floats(part: Any) -> bool:
    if isinstance(part, dict):
        return any(map(_has_floats, part.values()))
    return isinstance(part, np.ndarray) and part.dtype.kind == "f" and part.size > 0


def _other(part: Any, scale: float, rng: np.random.Generator) -> Any:
    if isinstance(part, dict):
        return {key: _other(value, scale, rng) for key, value in part.items()}
    if not _has_floats(part) or not np.isfinite(part).all():
        return part
    least, largest = float(part.min()), float(part.max())
    return (scale * rng.uniform(least, largest, part.shape)).astype(part.dtype)


def varied(naming: Naming, args: Args, rng: np.random.Generator) -> Args | None:
    """A call like this one with an axis cut shorter, another setting, or in float32; None where nothing can be varied.

    An axis is cut in all arguments that have one of this name, so what belongs together still does. Whether the call makes
    sense, the right ways must tell.
    """
    changes: list[Callable[[], Args]] = []
    names = _axis_names(naming, args)
    lengths = {
        name: length
        for axes, part in zip(names, args, strict=True)
        for name, length in zip(axes, np.shape(part) if axes else (), strict=True)
        if length > 1 and name
    }
    for name, length in lengths.items():
        for left in {1, int(rng.integers(1, length))}:
            changes.append(functools.partial(_cut, args, names, name, left))
    if not any(_hang(axes) for axes in naming.axes.values()):
        for at, (name, part) in enumerate(zip(naming.parameters, args, strict=False)):
            for other in _settings(name, part, rng):
                changes.append(functools.partial(_put, args, at, other))
    if any(isinstance(part, np.ndarray) and part.dtype == np.float64 for part in args):
        changes.append(lambda: tuple(map(_single, args)))
    return changes[rng.integers(len(changes))]() if changes else None


def _hang(forms: tuple[tuple[str, ...], ...]) -> bool:
    """Whether an argument has axes as long as the others and the stride make them: H′ of dout."""
    return any(name.endswith("′") for form in forms for name in form)


def _settings(name: str, value: Any, rng: np.random.Generator) -> Iterator[Any]:
    """Other values for an argument that is no array."""
    if isinstance(value, bool):
        yield not value
    elif type(value) is int:
        least = 0 if name == "padding" else 1
        yield from sorted(
            other for other in {value - 1, value + 1, 2 * value, 1, 2, 3, 0} - {value} if other >= least
        )
    elif type(value) is float:
        yield value * float(rng.uniform(0.3, 1))
    elif value is None and name == "stride":
        yield from (1, 2, 3)


def _axis_names(naming: Naming, args: Args) -> list[tuple[str, ...]]:
    """Names of the axes of each argument, "" for those that cannot be cut; none where it is not known what belongs together.

    Arrays without names that are all of one shape share the names of their axes.
    """
    nothing: list[tuple[str, ...]] = [() for _ in args]
    if any(isinstance(part, dict | tuple | list | Known | Seeded) for part in args):
        return nothing
    arrays = {at: part for at, part in enumerate(args) if isinstance(part, np.ndarray)}
    known = {
        at: axes for at, part in arrays.items() if (axes := naming.axes_of(naming.parameters[at], part.ndim))
    }
    for at, part in arrays.items():
        like = {axes for other, axes in known.items() if args[other].shape == part.shape}
        if at not in known and len(like) == 1:
            known[at] = like.pop()
    if not known and len({part.shape for part in arrays.values()}) == 1:
        known = {at: tuple(f"axis {axis}" for axis in range(part.ndim)) for at, part in arrays.items()}
    if known.keys() != arrays.keys():
        return nothing
    hang = _hang(tuple(known.values()))
    return [
        tuple("" if hang and name[0] in "HWF" else name for name in known[at]) if at in known else ()
        for at in range(len(args))
    ]


def _cut(args: Args, names: list[tuple[str, ...]], name: str, left: int) -> Args:
    return tuple(
        part[tuple(slice(left) if axis == name else slice(None) for axis in axes)].copy()
        if name in axes
        else part
        for part, axes in zip(args, names, strict=True)
    )


def _put(args: Args, at: int, value: Any) -> Args:
    return (*args[:at], value, *args[at + 1 :])


def _single(part: Any) -> Any:
    if not isinstance(part, np.ndarray) or part.dtype != np.float64:
        return part
    with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite
        return part.astype(np.float32)
