"""The reference kernels of chapter 10 against oracles that share no code with them, and against the chapters before.

The oracles are those of tests/test_oracles.py: plain loops over lists, the definition of a derivative, properties.
Where PyTorch is installed, its layers are asked too.
"""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from solutions.backprop import conv2d_backward
from solutions.fully_connected import linear
from solutions.other_convolutions import conv1x1, conv2d_dilated, conv2d_transposed
from solutions.padding import conv2d

from .test_oracles import (
    SHAPES,
    ConvCase,
    Nested,
    assert_close,
    both_floats,
    conv_case,
    derivative,
    naive_conv2d,
    naive_conv2d_backward,
    normal,
    out_shape,
    zeros,
)

CASES = SHAPES // 2


def pixel_case(number: int) -> ConvCase:
    """The images of case `number`, and filters of 1×1."""
    return replace(conv_case(number), F_h=1, F_w=1, stride=1, padding=(0, 0, 0, 0))


def gap_case(number: int) -> tuple[ConvCase, int]:
    """The filters of case `number` with a dilation, on images that are 0 to 3 pixels longer than the filters."""
    case, dilation = conv_case(number), number % 4 + 1
    longer, wider = number // 4 % 4, number // 16 % 4
    H, W = (dilation * (F - 1) + 1 + more for F, more in ((case.F_h, longer), (case.F_w, wider)))
    return replace(case, H=H, W=W, stride=1, padding=(0, 0, 0, 0)), dilation


def back_case(number: int) -> ConvCase:
    """A convolution of case `number` whose windows take up all of its padded images: what the way back leads to."""
    case = conv_case(number)
    padding = case.padding[0] if case.even else number % 2
    sides = []
    for F, places in ((case.F_h, number % 3 + 1), (case.F_w, number // 3 % 4 + 1)):
        while (places - 1) * case.stride + F - 2 * padding < 1:
            places += 1
        sides.append((places - 1) * case.stride + F - 2 * padding)
    return replace(case, H=sides[0], W=sides[1], padding=(padding,) * 4)


def test_cases_hold_the_awkward_kinds() -> None:
    gaps, backs = [gap_case(n) for n in range(CASES)], [back_case(n) for n in range(CASES)]
    kinds: dict[str, list[Any]] = {
        "filters that just fit with their gaps": [
            c for c, d in gaps if (d * (c.F_h - 1) + 1, d * (c.F_w - 1) + 1) == (c.H, c.W)
        ],
        "gaps wider than the filter": [c for c, d in gaps if d > max(c.F_h, c.F_w)],
        "no gap": [c for c, d in gaps if d == 1],
        "copies that overlap": [c for c in backs if c.stride < min(c.F_h, c.F_w)],
        "copies with gaps between": [c for c in backs if c.stride > max(c.F_h, c.F_w)],
        "padding": [c for c in backs if c.padding[0]],
        "one row left": [c for c in backs if c.H == 1],
    }
    assert {kind: len(cases) for kind, cases in kinds.items() if len(cases) < 10} == {}


@both_floats
def test_conv1x1_equals_the_loop_and_the_linear_layer_of_every_pixel(dtype: str) -> None:
    for number in range(CASES):
        case = pixel_case(number)
        x, w, b = normal(number, dtype, (case.N, case.H, case.W, case.C), (1, 1, case.C, case.K), (case.K,))
        got = conv1x1(x, w, b)
        assert_close(got, naive_conv2d(case, x.tolist(), w.tolist(), b.tolist()), dtype, case)
        for n, i, j in np.ndindex(got.shape[:3]):
            assert_close(got[n, i, j], linear(x[n, i, j][None], w[0, 0], b)[0], dtype, case)


def naive_dilated(case: ConvCase, dilation: int, x: Nested, w: Nested, b: Nested) -> Nested:
    """Every place where the spread filter fits, found by trying, and every product there."""
    rows = [i for i in range(case.H) if i + dilation * (case.F_h - 1) < case.H]
    columns = [j for j in range(case.W) if j + dilation * (case.F_w - 1) < case.W]
    y = zeros(case.N, len(rows), len(columns), case.K)
    for n, i, j, k in itertools.product(range(case.N), rows, columns, range(case.K)):
        total = b[k]
        for u, v, c in itertools.product(range(case.F_h), range(case.F_w), range(case.C)):
            total += x[n][i + dilation * u][j + dilation * v][c] * w[u][v][c][k]
        y[n][i][j][k] = total
    return y


def dilated_arrays(number: int, dtype: str) -> tuple[ConvCase, int, list[np.ndarray]]:
    case, dilation = gap_case(number)
    shapes = (case.N, case.H, case.W, case.C), (case.F_h, case.F_w, case.C, case.K), (case.K,)
    return case, dilation, list(normal(number, dtype, *shapes))


@both_floats
def test_conv2d_dilated_equals_the_loop(dtype: str) -> None:
    for number in range(CASES):
        case, dilation, (x, w, b) = dilated_arrays(number, dtype)
        want = naive_dilated(case, dilation, x.tolist(), w.tolist(), b.tolist())
        assert_close(conv2d_dilated(x, w, b, dilation), want, dtype, (case, dilation))


def test_conv2d_dilated_is_conv2d_with_zeros_between_the_weights_and_on_sparse_images() -> None:
    for number in range(CASES):
        case, dilation, (x, w, b) = dilated_arrays(number, "float64")
        spread = np.kron(w, np.eye(1, dilation**2).reshape(dilation, dilation, 1, 1))
        trimmed = spread[: dilation * (case.F_h - 1) + 1, : dilation * (case.F_w - 1) + 1]
        got = conv2d_dilated(x, w, b, dilation)
        assert_close(got, conv2d(x, trimmed, b), "float64", (case, dilation))
        sparse = conv2d(x[:, ::dilation, ::dilation], w, b)
        assert_close(got[:, ::dilation, ::dilation], sparse, "float64", (case, dilation))


def back_arrays(number: int, dtype: str) -> tuple[ConvCase, list[np.ndarray]]:
    """Images, filters and maps of one case: the way back leads from maps to the shape of the images."""
    case = back_case(number)
    shapes = (case.N, case.H, case.W, case.C), (case.F_h, case.F_w, case.C, case.K), out_shape(case)
    return case, list(normal(number, dtype, *shapes))


@both_floats
def test_conv2d_transposed_equals_the_loop_over_all_products(dtype: str) -> None:
    for number in range(CASES):
        case, (x, w, maps) = back_arrays(number, dtype)
        want, _, _ = naive_conv2d_backward(case, maps.tolist(), x.tolist(), w.tolist())
        assert_close(conv2d_transposed(maps, w, case.stride, case.padding[0]), want, dtype, case)


def test_conv2d_transposed_is_the_adjoint_of_conv2d_and_its_backward_pass() -> None:
    for number in range(CASES):
        case, (x, w, maps) = back_arrays(number, "float64")
        stride, padding = case.stride, case.padding[0]
        back = conv2d_transposed(maps, w, stride, padding)
        forward = conv2d(x, w, np.zeros(case.K), stride, padding)
        assert np.isclose(np.sum(forward * maps), np.sum(x * back), rtol=1e-10, atol=1e-10), case
        assert_close(back, conv2d_backward(maps, x, w, stride, padding)[0], "float64", case)


def test_conv2d_transposed_is_the_derivative_of_the_loop() -> None:
    for number in range(25):
        case, (x, w, maps) = back_arrays(number, "float64")
        x = x.copy()

        def loss(
            case: ConvCase = case, x: np.ndarray = x, w: np.ndarray = w, maps: np.ndarray = maps
        ) -> float:
            y = naive_conv2d(case, x.tolist(), w.tolist(), [0.0] * case.K)
            return float(np.sum(np.asarray(y) * maps))

        slope = derivative(loss, x, 1e-4)
        assert np.allclose(conv2d_transposed(maps, w, case.stride, case.padding[0]), slope, atol=1e-7), case


def test_scipy_agrees() -> None:
    signal = pytest.importorskip("scipy.signal")
    for number in range(0, CASES, 5):
        case, (_, w, maps) = back_arrays(number, "float64")
        got = conv2d_transposed(maps, w, case.stride)
        want = np.zeros(got.shape)
        rows, columns = ((side - 1) * case.stride + 1 for side in maps.shape[1:3])
        for n, c, k in np.ndindex(case.N, case.C, case.K):
            spread = np.zeros((rows, columns))
            spread[:: case.stride, :: case.stride] = maps[n, ..., k]
            want[n, ..., c] += signal.convolve2d(spread, w[..., c, k])
        assert_close(got, want, "float64", case)


def test_shapes_that_cannot_work_are_refused() -> None:
    x, w, b = np.ones((1, 3, 4, 2)), np.ones((2, 2, 2, 3)), np.ones(3)
    for call in (
        lambda: conv1x1(x, w, b),
        lambda: conv1x1(x, w[:1, :1, :1], b),
        lambda: conv2d_dilated(x, w, b, 3),
        lambda: conv2d_dilated(x[..., :1], w, b, 1),
        lambda: conv2d_transposed(x, w, 1, 0),
        lambda: conv2d_transposed(np.ones((1, 1, 1, 3)), w, 1, 1),
    ):
        with pytest.raises(ValueError, match=r"fit|no filters"):
            call()


@both_floats
def test_pytorch_agrees(dtype: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; `make test-all` installs it")
    F = torch.nn.functional

    def first(images: np.ndarray) -> Any:
        return torch.tensor(images.transpose(0, 3, 1, 2).copy())

    for number in range(CASES):
        case, dilation, (x, w, b) = dilated_arrays(number, dtype)
        filters = torch.tensor(w.transpose(3, 2, 0, 1).copy())
        want = F.conv2d(first(x), filters, torch.tensor(b.copy()), dilation=dilation)
        assert_close(conv2d_dilated(x, w, b, dilation), want.numpy().transpose(0, 2, 3, 1), dtype, case)

        case, (_, w, maps) = back_arrays(number, dtype)
        filters = torch.tensor(w.transpose(3, 2, 0, 1).copy())
        stride, padding = case.stride, case.padding[0]
        want = F.conv_transpose2d(first(maps), filters, stride=stride, padding=padding)
        got = conv2d_transposed(maps, w, stride, padding)
        assert_close(got, want.numpy().transpose(0, 2, 3, 1), dtype, case)
