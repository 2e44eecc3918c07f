"""The tuned kernels, with which the networks are trained, do what the references do; and nobody is handed them early."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from autograder.chapters import chapters, earlier_kernels
from autograder.live.bundle import kit_packages
from solutions import backprop, fast, left_out, tuned

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
def test_turned_filters_give_the_gradients_of_the_reference(dtype: str) -> None:
    for case in CASES:
        x, w, _, dout = conv_arrays(case, 1, dtype)
        kernels = (tuned.conv2d_turned_backward, fast.conv2d_fast_backward)
        pair = [run_conv2d_backward(case, dout, x, w, kernel) for kernel in kernels]
        for name, got, want in zip(("dx", "dw", "db"), *pair, strict=True):
            assert_close(got, want, dtype, (name, case))


@both_floats
@pytest.mark.parametrize("padding", [0, 1, 2])
def test_a_first_layer_gets_the_same_gradients_without_dx(dtype: str, padding: int) -> None:
    side = 7 + 2 * padding - 2
    x, w, dout = normal(1, dtype, (40, 7, 7, 3), (3, 3, 3, 4), (40, side, side, 4))
    dx, *own = tuned.conv2d_filters_backward(dout, x, w, 1, padding)
    assert dx is None
    _, *want = fast.conv2d_fast_backward(dout, x, w, 1, padding)
    for got, wanted in zip(own, want, strict=True):
        assert_close(got, wanted, dtype, padding)


@both_floats
@pytest.mark.parametrize(("size", "stride"), [(1, 1), (2, 2), (3, 3), (3, 2)])
def test_quick_pooling_backward_is_that_of_the_reference_with_ties_and_ragged_edges(
    dtype: str, size: int, stride: int
) -> None:
    x = np.random.default_rng(1).integers(0, 3, (3, 7, 8, 2)).astype(dtype)
    (dout,) = normal(2, dtype, (3, (7 - size) // stride + 1, (8 - size) // stride + 1, 2))
    quick = tuned.max_pool2d_quick_backward(dout, x, size, stride)
    assert quick.dtype == dtype
    np.testing.assert_array_equal(quick, backprop.max_pool2d_backward(dout, x, size, stride))
    np.testing.assert_array_equal(
        tuned.relu_quick_backward(x - 1, x - 1), backprop.relu_backward(x - 1, x - 1)
    )


@both_floats
@pytest.mark.parametrize("shape", [(6, 5), (3, 4, 5, 2), (1, 1, 2, 3)])
def test_quick_batch_normalisation_is_that_of_the_reference(dtype: str, shape: tuple[int, ...]) -> None:
    x, dout, gamma, beta, mean = normal(1, dtype, shape, shape, *3 * [shape[-1:]])
    x = 3 * x + 5
    running = {"mean": mean, "var": 1 + mean**2}
    for training in (True, False):
        arguments = (x, gamma, beta, running, training)
        (out, after), (want, wanted) = tuned.batch_norm_quick(*arguments), left_out.batch_norm(*arguments)
        assert out.dtype == dtype and all(value.dtype == dtype for value in after.values())
        assert_close(out, want, dtype, shape)
        for key in running:
            assert_close(after[key], wanted[key], dtype, key)
    pair = [
        kernel(dout, x, gamma) for kernel in (tuned.batch_norm_quick_backward, left_out.batch_norm_backward)
    ]
    for name, got, want in zip(("dx", "dgamma", "dbeta"), *pair, strict=True):
        assert_close(got, want, dtype, (name, shape))


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


def test_tuned_unrolling_refuses_windows_larger_than_the_pictures() -> None:
    (x,) = normal(1, "float64", (2, 4, 5, 3))
    for window in ((5, 2), (4, 6), (9, 9)):
        with pytest.raises(ValueError, match="do not fit"):
            tuned.im2col(x, *window, 2)


WIDER = [
    ConvCase(70, 13, 14, 1, 5, 5, 6, 1, (2, 2, 2, 2)),  # many blocks of groups, by strips
    ConvCase(5, 12, 14, 6, 5, 3, 16, 1, (0, 0, 0, 0)),
    ConvCase(3, 9, 25, 2, 3, 5, 4, 2, (1, 1, 1, 1)),  # groups with a stride
    ConvCase(2, 90, 90, 3, 7, 7, 9, 4, (3, 3, 3, 3)),  # windows no multiple of the stride
    ConvCase(3, 130, 101, 8, 5, 5, 5, 1, (0, 0, 0, 0)),  # blocks that are parts of a picture
]
"""Shapes whose blocks, groups and strips small random shapes do not have."""


@both_floats
@pytest.mark.parametrize("case", WIDER, ids=str)
def test_blocks_groups_and_strips_agree_with_the_reference(case: ConvCase, dtype: str) -> None:
    x, w, b, dout = conv_arrays(case, 1, dtype)
    # the same numbers in another order of memory, of which some are skipped
    scattered = [np.repeat(one.T, 2, axis=0)[::2].T for one in (x, w, b, dout)]
    for one in scattered:
        one.flags.writeable = False
    for inputs in ((x, w, b, dout), scattered):
        x, w, b, dout = inputs
        assert_close(
            run_conv2d(case, x, w, b, tuned.conv2d_fast),
            run_conv2d(case, x, w, b, fast.conv2d_fast),
            dtype,
            case,
        )
        want = run_conv2d_backward(case, dout, x, w, fast.conv2d_fast_backward)
        for kernel in (tuned.conv2d_fast_backward, tuned.conv2d_turned_backward):
            for got, wanted in zip(run_conv2d_backward(case, dout, x, w, kernel), want, strict=True):
                assert_close(got, wanted, dtype, (kernel.__name__, case))


@both_floats
def test_an_empty_batch_has_no_maps_and_no_gradients(dtype: str) -> None:
    x, w, b, dout = normal(1, dtype, (0, 8, 8, 3), (3, 3, 3, 4), (4,), (0, 8, 8, 4))
    assert tuned.conv2d_fast(x, w, b, padding=1).shape == dout.shape
    for kernel in (tuned.conv2d_fast_backward, tuned.conv2d_turned_backward):
        dx, dw, db = kernel(dout, x, w, padding=1)
        assert dx.shape == x.shape and dw.shape == w.shape and not dw.any() and not db.any()


class ThreeThreads:
    """Stands for the libraries behind NumPy's matrix products, which may use three threads each until they are limited."""

    lib_controllers = (SimpleNamespace(num_threads=3),)

    def __init__(self) -> None:
        self.limits: list[int] = []

    @contextmanager
    def limit(self, limits: int) -> Iterator[None]:
        self.limits.append(limits)
        yield
        self.limits.append(3)


def test_threads_that_share_the_pictures_give_the_same_and_leave_blas_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = ConvCase(100, 12, 12, 6, 5, 5, 16, 1, (0, 0, 0, 0))
    x, w, b, dout = conv_arrays(case, 1, "float32")
    with threadpool_limits(1):
        want = [tuned.conv2d_fast(x, w, b), *tuned.conv2d_fast_backward(dout, x, w)]
        blas, seen = ThreeThreads(), set[int]()
        monkeypatch.setattr(tuned, "_blas", lambda: blas)
        pad = tuned._pad
        monkeypatch.setattr(tuned, "_pad", lambda *given: seen.add(threading.get_ident()) or pad(*given))
        got = [tuned.conv2d_fast(x, w, b), *tuned.conv2d_fast_backward(dout, x, w)]
        again = tuned.conv2d_fast_backward(dout, x, w)
    assert len(seen) > 1 and threading.get_ident() in seen
    assert blas.limits == 3 * [1, 3]
    for mine, wanted in zip(got, want, strict=True):
        assert_close(mine, wanted, "float32", case)
    for mine, before in zip(again, got[1:], strict=True):
        np.testing.assert_array_equal(mine, before)  # the parts are added in the same order each time
    running = threading.active_count()
    tuned.conv2d_fast(x[:1], w, b)  # too few to be shared
    assert blas.limits == 3 * [1, 3] and threading.active_count() == running


def test_what_goes_wrong_in_a_thread_is_raised_where_the_kernel_was_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    blas = ThreeThreads()
    monkeypatch.setattr(tuned, "_blas", lambda: blas)
    x, w = np.zeros((3, 200, 200, 3), np.float32), np.full((3, 3, 3, 20), 1e38, np.float32)
    x[-1] = 1e38  # of the last part alone
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        tuned.conv2d_fast(x, w, np.zeros(20, np.float32))  # each thread obeys the caller's errstate
    assert blas.limits == [1, 3]


def test_real_limits_of_blas_are_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    x, w, b, _ = conv_arrays(ConvCase(4, 100, 100, 3, 3, 3, 20, 1, (0, 0, 0, 0)), 1, "float32")
    counts = lambda: [
        library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"
    ]
    pad, meanwhile = tuned._pad, list[int]()
    monkeypatch.setattr(tuned, "_pad", lambda *given: meanwhile.extend(counts()) or pad(*given))
    with threadpool_limits(2, "blas"):
        before = counts()
        tuned.conv2d_fast(x, w, b)
        assert counts() == before
        assert {*meanwhile} == {1} or max(before) < 2  # on one core there is nothing to share


def test_calls_at_the_same_time_do_not_take_each_others_limit_for_the_real_one() -> None:
    x, w, b, _ = conv_arrays(ConvCase(4, 100, 100, 3, 3, 3, 20, 1, (0, 0, 0, 0)), 1, "float32")
    counts = lambda: [
        library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"
    ]
    with threadpool_limits(2, "blas"):
        before = counts()
        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(lambda _: tuned.conv2d_fast(x, w, b), range(24)))
        assert counts() == before
    for one in results:
        assert_close(one, results[0], "float32", "at once")


def test_no_learner_is_handed_the_tuned_kernels_early() -> None:
    """neither beside a notebook nor in the kit"""
    assert not [one.name for one in chapters() if "solutions.tuned" in earlier_kernels(one)]
    assert not [package for package in kit_packages() if package.startswith("solutions")]
