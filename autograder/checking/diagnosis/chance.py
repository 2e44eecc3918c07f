"""Kernels that draw: many answers are right, so theirs is held against the reference's as a whole: form, spread, centre."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...inside.calling import Outcome
from ...inside.functions import Seeded
from .naming import Args

Drawn = tuple[Args, Outcome, Outcome]
"""The arguments of a call with a generator among them, what the reference did, and what the kernel did."""

ENOUGH = 400
"""So many numbers tell how wide they spread to about 4%, and so many more are in what is judged here."""

APART = 0.2
"""Share by which a spread must be another before it is said to be."""


@dataclass(frozen=True)
class Finding:
    """A kind of cause, and a sentence for the learner."""

    kind: str
    text: str


def is_drawn(args: Args) -> bool:
    """Whether chance has a part in a call."""
    return any(isinstance(part, Seeded) for part in args)


def findings(calls: Sequence[Drawn]) -> Iterator[Finding]:
    """What is wrong with all these results, the most telling first."""
    pairs = [
        (args, right.value, got.value)
        for args, right, got in calls
        if isinstance(right.value, np.ndarray) and not got.error and not right.error
    ]
    if len(pairs) < len(calls) or not pairs:
        return
    if not all(isinstance(got, np.ndarray) for _, _, got in pairs):
        return
    yield from _forms(pairs)
    if not all(right.shape == got.shape for _, right, got in pairs):
        return
    yield from _same_for_all_seeds(pairs)
    if not any(isinstance(part, np.ndarray) for args, _, _ in pairs for part in args):
        yield from _spreads(pairs)


def _forms(pairs: list[tuple[Args, Any, Any]]) -> Iterator[Finding]:
    """A shape, or a dtype, that is wrong everywhere."""
    if all(right.shape != got.shape for _, right, got in pairs):
        _, right, got = min(pairs, key=lambda pair: pair[1].size)
        yield Finding(
            "random shape", f"The result has shape {got.shape} where {right.shape} is asked for, and so on."
        )
    dtypes = {(right.dtype, got.dtype) for _, right, got in pairs}
    if len(dtypes) == 1 and (both := dtypes.pop())[0] != both[1]:
        yield Finding(
            "random dtype",
            f"The result has the dtype {both[1]}, where {both[0]} is asked for: turn it into that at the end.",
        )


def _same_for_all_seeds(pairs: list[tuple[Args, Any, Any]]) -> Iterator[Finding]:
    """The same result, whatever the generator."""
    by_rest: dict[str, list[tuple[Any, Any]]] = {}
    for args, right, got in pairs:
        rest = repr([part for part in args if not isinstance(part, Seeded)])
        by_rest.setdefault(rest, []).append((right, got))
    told = 0
    for group in by_rest.values():
        for (right, got), (other_right, other_got) in itertools.pairwise(group):
            if not np.array_equal(right, other_right):
                if not np.array_equal(got, other_got):
                    return
                told += 1
    if told:
        yield Finding(
            "no chance",
            "Whatever generator your function gets, the result is the same: its numbers must be drawn from rng.",
        )


def _spreads(pairs: list[tuple[Args, Any, Any]]) -> Iterator[Finding]:
    """Numbers that spread wider or less wide than the reference's, or lie around another centre."""
    large = [
        (args, right.astype(float), got.astype(float)) for args, right, got in pairs if right.size >= ENOUGH
    ]
    if not large or not all(np.isfinite(got).all() and right.std() > 0 for _, right, got in large):
        return
    away = [float((got.mean() - right.mean()) / right.std()) for _, right, got in large]
    if all(abs(one) > APART for one in away) and len({one > 0 for one in away}) == 1:
        _, right, got = large[0]
        yield Finding(
            "random centre",
            f"The numbers lie around {got.mean():.3g}, where they should lie around {_around(right):.3g}.",
        )
    ratios = [float(got.std() / right.std()) for _, right, got in large]
    if any(abs(ratio - 1) > APART for ratio in ratios):
        kind = "random spread"
        shapes = {right.shape: ratio for (_, right, _), ratio in zip(large, ratios, strict=True)}
        if max(ratios) < (1 + APART) * min(ratios):
            yield Finding(
                kind,
                f"The numbers spread {np.mean(ratios):.2g} times as wide as they should, for every shape.",
            )
        else:
            said = ", ".join(
                f"for shape {shape} {ratio:.2g} times" for shape, ratio in list(shapes.items())[:3]
            )
            yield Finding(
                kind,
                f"How wide the numbers spread hangs on the wrong lengths: {said} as wide as they should.",
            )


def _around(right: np.ndarray) -> float:
    """The centre of what the reference drew, 0 where it is that but for chance."""
    mean = float(right.mean())
    return 0.0 if abs(mean) < 5 * float(right.std()) / right.size**0.5 else mean
