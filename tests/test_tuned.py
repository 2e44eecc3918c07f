"""The tuned kernels, with which the networks are trained, do what the references do; and nobody is handed them early."""

import numpy as np
import pytest

from autograder.chapters import chapters, earlier_kernels
from autograder.live.bundle import kit_packages
from solutions import fast, tuned

from .test_oracles import (
    LARGE,
    SHAPES,
    ConvCase,
    assert_close,
    both_floats,
    column_shape,
    conv_arrays,
    conv_case,
    normal,
    run_conv2d,
    run_conv2d_backward,
    with_zeros,
)

CASES = [*map(conv_case, range(SHAPES)), *LARGE]


def assert_layers_agree(case: ConvCase, dtype: str) -> None:
    x, w, b, dout = conv_arrays(case, 1, dtype)
    assert_close(
        run_conv2d(case, x, w, b, tuned.conv2d_fast), run_conv2d(case, x, w, b, fast.conv2d_fast), dtype, case
    )
    pair = (
        run_conv2d_backward(case, dout, x, w, kernel)
        for kernel in (tuned.conv2d_fast_backward, fast.conv2d_fast_backward)
    )
    for name, got, want in zip(("dx", "dw", "db"), *pair, strict=True):
        assert_close(got, want, dtype, (name, case))


@both_floats
def test_tuned_convolution_agrees_with_the_reference(dtype: str) -> None:
    for case in CASES:
        assert_layers_agree(case, dtype)


@both_floats
def test_tuned_unrolling_equals_the_reference_to_the_bit(dtype: str) -> None:
    """im2col copies, so that all bits are the same; col2im may add in another order"""
    for number, case in enumerate(CASES[:SHAPES]):
        x, y = normal(number, dtype, (case.N, case.H, case.W, case.C), column_shape(case))
        padded, padding = with_zeros(case, x)
        window = (case.F_h, case.F_w, case.stride, padding)
        columns = tuned.im2col(padded, *window)
        assert columns.dtype == x.dtype and np.array_equal(columns, fast.im2col(padded, *window)), case
        back = [kernels.col2im(y, padded.shape, *window) for kernels in (tuned, fast)]
        assert_close(*back, dtype, case)


def test_tuned_convolution_refuses_what_the_reference_refuses() -> None:
    for channels, size, padding in ((2, 3, 0), (3, 6, 0), (3, 8, 1)):
        x, w, b = normal(1, "float64", (1, 5, 5, 3), (size, size, channels, 2), (2,))
        with pytest.raises(ValueError):
            tuned.conv2d_fast(x, w, b, padding=padding)


def test_no_learner_is_handed_the_tuned_kernels_early() -> None:
    """neither beside a notebook nor in the kit"""
    assert not [one.name for one in chapters() if "solutions.tuned" in earlier_kernels(one)]
    assert not [package for package in kit_packages() if package.startswith("solutions")]
