"""Mistakes that learners make, and correct ways other than the reference: the proof that the checks work.

A mistake is a wrong kernel with the hint that names it. The checks must reject it, and whoever makes it is shown the
hint. An alternative is another correct kernel. The checks must accept it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from ..results import SIDE_EFFECTS

__all__ = [
    "AXES",
    "DIGITS",
    "SIDE_EFFECTS",
    "Variant",
    "alternative",
    "drawn",
    "draws",
    "mistake",
    "model_answer",
    "of",
    "spared",
    "spares",
]

DIGITS = "digits"
"""A slip that tests try on every kernel: four digits are kept, or those of float32, though float64 came in."""

AXES = "axes"
"""Another one: what comes back has lost its axes of length 1."""

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Variant:
    """Another way to write a kernel, right or wrong.

    hint : what to tell whoever makes the mistake; caught_by : the check that must fail; both empty for an alternative
    """

    kernel: str
    name: str
    function: Callable[..., Any]
    hint: str = ""
    caught_by: str = ""

    @property
    def is_wrong(self) -> bool:
        return bool(self.hint)


_variants: dict[str, list[Variant]] = {}


def mistake(kernel: str, hint: str, caught_by: str) -> Callable[[Function], Function]:
    """Mark a function as a wrong way to write `kernel`; the check named `caught_by` must fail on it.

    That is `SIDE_EFFECTS` if all its values are right, but it changes an input or an earlier result.
    """

    def mark(function: Function) -> Function:
        _keep(Variant(kernel, function.__name__, function, hint, caught_by), function.__module__)
        return function

    return mark


def alternative(kernel: str) -> Callable[[Function], Function]:
    """Mark a function as a correct way to write `kernel`."""

    def mark(function: Function) -> Function:
        _keep(Variant(kernel, function.__name__, function), function.__module__)
        return function

    return mark


_draws: dict[str, Callable[..., Any]] = {}
_spared: dict[str, set[str]] = {DIGITS: set(), AXES: set()}


def draws(*kernels: str) -> Callable[[Function], Function]:
    """Mark a function (rng) -> arguments that draws one call of these kernels: valid, of every kind, unlike the checks'."""

    def mark(function: Function) -> Function:
        _draws.update(dict.fromkeys(kernels, function))
        return function

    return mark


def drawn() -> dict[str, Callable[..., Any]]:
    """What draws the arguments of each kernel, of the chapters that were read so far."""
    return _draws


def spared(slip: str, *kernels: str) -> None:
    """Say of which kernels a slip is not to be asked: `DIGITS` of whole numbers, bytes and designs, `AXES` of numbers."""
    _spared[slip].update(kernels)


def spares(slip: str) -> set[str]:
    """The kernels, of the chapters that were read so far, of which that slip is not asked."""
    return _spared[slip]


def model_answer(question: str, text: str) -> None:
    """A model answer, in Markdown, to the question of that grade_id. It is read from the file: see `live/answers.py`."""


def _keep(variant: Variant, module: str) -> None:
    _variants.setdefault(module.rpartition(".")[2], []).append(variant)


def of(chapter: str) -> list[Variant]:
    """All variants of a chapter's kernels, in the order of its file."""
    from ..chapters import imported  # late: where a mistake runs in the jail, there are no chapters

    imported(f"autograder.mistakes.{chapter}")
    return _variants.get(chapter, [])
