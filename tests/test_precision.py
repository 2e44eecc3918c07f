"""What is wrong everywhere: whatever kernel rounds, works in float32 though float64 came in, or drops axes, loses points."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograder.chapters import Chapter, chapters
from autograder.checking import run_checks
from autograder.inside.calling import Caller
from autograder.oracle import Reference

WITHOUT_FLOATS = {
    "to_float", "one_hot", "count_dense_parameters", "output_size", "receptive_field", "same_padding",
    "avg_pool_as_conv", "x_detector", "he_init", "train",
}  # fmt: skip
"""Kernels of bytes or whole numbers, of which float32 is asked or allowed; a design; one judged by what it has learned."""


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
    accepted = []
    for kernel in set(reference.points()) - WITHOUT_FLOATS:
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


KEEP_NO_SUCH_AXIS = {
    "flatten_image", "x_detector", "avg_pool_as_conv",
    "count_dense_parameters", "window_response", "output_size", "receptive_field", "same_padding", "log_loss",
    "cross_entropy", "x_or_not_x", "graph_gradient",
}  # fmt: skip
"""Kernels whose results have no axis that can be 1 long, are a design, or are numbers."""


def squeezed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: squeezed(part) for name, part in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(squeezed(part) for part in value)
    return np.squeeze(value) if isinstance(value, np.ndarray) else value


@pytest.mark.parametrize("chapter", chapters(), ids=lambda chapter: chapter.name)
def test_a_result_without_its_axes_of_length_one_is_refused(chapter: Chapter) -> None:
    reference = Reference(chapter)
    accepted = []
    for kernel in set(reference.points()) - KEEP_NO_SUCH_AXIS:
        right = getattr(reference.module, kernel)
        function = lambda *args, right=right: squeezed(right(*args))
        (found,) = run_checks(chapter.checks, reference, {kernel: Caller(function)}, causes=False)
        if found.score == found.points:
            accepted.append(kernel)
    assert not accepted
