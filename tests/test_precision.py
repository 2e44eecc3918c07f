"""What is wrong everywhere: whatever kernel rounds, works in float32 though float64 came in, or drops axes, loses points."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograder import mistakes
from autograder.chapters import Chapter, chapters
from autograder.checking.oracle import Reference
from autograder.checking.run import run_checks
from autograder.inside.calling import Caller


def rounded(value: Any) -> Any:
    return _each(value, lambda array: np.round(array, 4))


def in_float32(value: Any) -> Any:
    return _each(value, lambda array: array.astype(np.float32).astype(array.dtype))


def _each(value: Any, change: Callable[[np.ndarray], np.ndarray]) -> Any:
    """The value with its float64 arrays, and float numbers, changed."""
    if isinstance(value, dict):
        return {name: _each(part, change) for name, part in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(_each(part, change) for part in value)
    if isinstance(value, float):
        return float(change(np.float64(value)))
    return change(value) if isinstance(value, np.ndarray) and value.dtype == np.float64 else value


@pytest.mark.parametrize("change", [rounded, in_float32])
@pytest.mark.parametrize("chapter", chapters(), ids=lambda chapter: chapter.name)
def test_a_result_with_few_digits_is_refused(chapter: Chapter, change: Callable[[Any], Any]) -> None:
    reference = Reference(chapter)
    assert mistakes.of(chapter.name)  # which says of what kernels this is not asked
    accepted = []
    for kernel in set(reference.points()) - mistakes.spares(mistakes.DIGITS):
        right = getattr(reference.module, kernel)
        slips = {
            "result": lambda *args, right=right: change(right(*args)),
            "arguments": lambda *args, right=right: right(*map(change, args)),
        }
        for where, function in slips.items():
            (found,) = run_checks(chapter.checks, reference, {kernel: Caller(function)}, causes=False)
            if found.score == found.points:
                accepted.append(f"{kernel}, in its {where}")
    assert not accepted


def squeezed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: squeezed(part) for name, part in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(squeezed(part) for part in value)
    return np.squeeze(value) if isinstance(value, np.ndarray) else value


@pytest.mark.parametrize("chapter", chapters(), ids=lambda chapter: chapter.name)
def test_a_result_without_its_axes_of_length_one_is_refused(chapter: Chapter) -> None:
    reference = Reference(chapter)
    assert mistakes.of(chapter.name)  # which says of what kernels this is not asked
    accepted = []
    for kernel in set(reference.points()) - mistakes.spares(mistakes.AXES):
        right = getattr(reference.module, kernel)
        function = lambda *args, right=right: squeezed(right(*args))
        (found,) = run_checks(chapter.checks, reference, {kernel: Caller(function)}, causes=False)
        if found.score == found.points:
            accepted.append(kernel)
    assert not accepted
