"""The reference kernels against oracles that share no code with them, on random shapes.

Each oracle is the formula of the book, written as plain Python loops over lists: no slice, no broadcasting, no NumPy
arithmetic. What needs exponentials is computed without any trick in decimals of 60 digits, where nothing overflows; a
whole network in complex numbers, whose imaginary parts carry the slope. What is random is counted, and may be off by
5 standard deviations.
Gradients are checked twice: against a loop that follows each product back, and against the definition of a derivative.
"""

import cmath
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pytest

from solutions.backprop import (
    avg_pool2d_backward,
    conv2d_backward,
    graph_gradient,
    linear_backward,
    max_pool2d_backward,
    numerical_gradient,
    relu_backward,
    softmax_cross_entropy_backward,
    tape_gradient,
)
from solutions.fast import col2im, conv2d_fast, conv2d_fast_backward, im2col
from solutions.filters import apply_filters, correlate2d, relu, window_response
from solutions.fully_connected import (
    cross_entropy,
    flatten,
    linear,
    log_loss,
    sigmoid,
    softmax,
    x_or_not_x,
)
from solutions.left_out import batch_norm, batch_norm_backward, he_init, random_shift
from solutions.padding import conv2d, same_padding, zero_pad
from solutions.pixels import count_dense_parameters, flatten_image, one_hot, to_float, to_grayscale
from solutions.pooling import avg_pool2d, avg_pool_as_conv, max_pool2d
from solutions.stride import correlate2d_strided, output_size, receptive_field
from solutions.training import adam_step, dropout, lenet_gradients, lenet_logits, sgd_step, train

SHAPES = 500
"""Random shapes for each kernel and each dtype."""

TOLERANCE = {"float64": 1e-10, "float32": 1e-4}
"""Largest error, relative to the largest entry or to 1, whichever is more."""

both_floats = pytest.mark.parametrize("dtype", ["float64", "float32"])

Nested = Any
"""A number, or a list of nested lists of numbers."""


# --- random cases --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ConvCase:
    """Shapes of one convolution; `padding` counts zeros above, below, left and right."""

    N: int
    H: int
    W: int
    C: int
    F_h: int
    F_w: int
    K: int
    stride: int
    padding: tuple[int, int, int, int]

    @property
    def even(self) -> bool:
        """The same number of zeros on all four sides: what the kernel's own argument can say."""
        return len(set(self.padding)) == 1

    @property
    def leftover(self) -> bool:
        top, bottom, left, right = self.padding
        rows, columns = self.H + top + bottom - self.F_h, self.W + left + right - self.F_w
        return rows % self.stride > 0 or columns % self.stride > 0


CONV_KINDS = ("any", "large filter", "one pixel", "one channel", "one image", "leftover", "uneven padding")


def conv_case(number: int) -> ConvCase:
    """Case `number` of an endless list, each of whose kinds comes in turn; the same number gives the same case."""
    rng = np.random.default_rng([2012, number])
    kind = CONV_KINDS[number % len(CONV_KINDS)]
    while True:
        N, C, K = (int(n) for n in rng.integers(1, 4, size=3))
        H, W = (int(n) for n in rng.integers(1, 8, size=2))
        F_h, F_w = (int(n) for n in rng.integers(1, 5, size=2))
        stride = int(rng.integers(1, 4))
        padding = (int(rng.integers(0, 3)),) * 4
        if kind == "large filter":
            F_h, F_w, padding = H, W, (0, 0, 0, 0)
        elif kind == "one pixel":
            H = W = 1
        elif kind == "one channel":
            C = 1
        elif kind == "one image":
            N = 1
        elif kind == "uneven padding":
            top, bottom, left, right = (int(n) for n in rng.integers(0, 4, size=4))
            padding = (top, bottom, left, right)
        case = ConvCase(N, H, W, C, F_h, F_w, K, stride, padding)
        fits = F_h <= H + padding[0] + padding[1] and F_w <= W + padding[2] + padding[3]
        if fits and (kind != "leftover" or case.leftover) and (kind != "uneven padding" or not case.even):
            return case


@dataclass(frozen=True)
class PoolCase:
    """Shapes of one pooling layer; windows may overlap, tile or leave gaps."""

    N: int
    H: int
    W: int
    C: int
    size: int
    stride: int


POOL_KINDS = ("any", "large window", "one pixel", "one channel", "one image", "leftover", "overlap")


def pool_case(number: int) -> PoolCase:
    """Case `number` of an endless list; in each at least one window fits altogether."""
    rng = np.random.default_rng([1962, number])
    kind = POOL_KINDS[number % len(POOL_KINDS)]
    while True:
        N, C = (int(n) for n in rng.integers(1, 4, size=2))
        H, W = (int(n) for n in rng.integers(1, 9, size=2))
        size, stride = (int(n) for n in rng.integers(1, 5, size=2))
        if kind == "large window":
            H = W = size
        elif kind == "one pixel":
            H = W = size = 1
        elif kind == "one channel":
            C = 1
        elif kind == "one image":
            N = 1
        leftover = (H - size) % stride > 0 or (W - size) % stride > 0
        if (
            size > min(H, W)
            or (kind == "leftover" and not leftover)
            or (kind == "overlap" and stride >= size)
        ):
            continue
        return PoolCase(N, H, W, C, size, stride)


def normal(number: int, dtype: str, *shapes: tuple[int, ...]) -> Iterator[np.ndarray]:
    """An array of normally distributed numbers for each shape; writing into it is an error, as no kernel may."""
    rng = np.random.default_rng([1989, number])
    for shape in shapes:
        yield read_only(rng.normal(size=shape).astype(dtype))


def read_only(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array


def distinct(number: int, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of both signs that are at least 0.05 apart: no ties, nothing near a kink."""
    rng = np.random.default_rng([1943, number])
    count = math.prod(shape)
    return read_only(((rng.permutation(count) - count // 2 + 0.5) / 20).reshape(shape).astype(dtype))


def assert_close(got: np.ndarray, want: Nested, dtype: str, what: object) -> None:
    expected = np.asarray(want, dtype=np.float64)
    assert got.shape == expected.shape, f"{what}: shape {got.shape}, the oracle has {expected.shape}"
    assert got.dtype == dtype, f"{what}: dtype {got.dtype} from {dtype}"
    error = np.abs(got - expected).max()
    assert error <= TOLERANCE[dtype] * max(1.0, np.abs(expected).max()), f"{what}: off by {error:.2e}"


def test_random_shapes_hold_every_awkward_kind() -> None:
    convs = [conv_case(number) for number in range(SHAPES)]
    pools = [pool_case(number) for number in range(SHAPES)]
    assert len(set(convs)) > SHAPES * 0.8 and len(set(pools)) > SHAPES * 0.6
    kinds = {
        "filter as large as the image": [c for c in convs if (c.F_h, c.F_w) == (c.H, c.W)],
        "one pixel": [c for c in convs if c.H == c.W == 1],
        "one channel": [c for c in convs if c.C == 1],
        "batch of one": [c for c in convs if c.N == 1],
        "stride that does not divide": [c for c in convs if c.leftover],
        "uneven padding": [c for c in convs if not c.even],
        "even padding above 0": [c for c in convs if c.even and c.padding[0]],
        "height is not width": [c for c in convs if c.H != c.W and c.F_h != c.F_w],
        "gaps between windows": [c for c in convs if c.stride > max(c.F_h, c.F_w)],
        "more windows side by side than numbers across one": [
            c for c in convs if out_shape(c)[2] > c.F_w * c.C
        ],
        "fewer of them": [c for c in convs if 1 < out_shape(c)[2] < c.F_w * c.C],
        "window as large as the map": [p for p in pools if p.size == p.H == p.W],
        "one cell": [p for p in pools if p.H == p.W == 1],
        "one map": [p for p in pools if p.C == 1],
        "one image": [p for p in pools if p.N == 1],
        "ragged edge": [p for p in pools if (p.H - p.size) % p.stride or (p.W - p.size) % p.stride],
        "overlap": [p for p in pools if p.stride < p.size],
        "gaps": [p for p in pools if p.stride > p.size],
    }
    assert {kind: len(cases) for kind, cases in kinds.items() if len(cases) < 40} == {}


# --- convolution: oracles ------------------------------------------------------------------------------------------


def count_places(length: int, window: int, stride: int) -> int:
    """How many windows fit on an axis, by trying one place after the other."""
    places = 0
    while places * stride + window <= length:
        places += 1
    return places


def zeros(*shape: int) -> Nested:
    """Nested lists of 0.0."""
    if not shape:
        return 0.0
    return [zeros(*shape[1:]) for _ in range(shape[0])]


def products(case: ConvCase) -> Iterator[tuple[int, int, int, int, int, int, int, int, int]]:
    """Every product of the forward pass: image n, place (i, j), filter k, its cell (u, v, c), its pixel (row, column).

    A pixel outside of the image is a zero of the padding, so its products are left out.
    """
    top, bottom, left, right = case.padding
    places_down = count_places(top + case.H + bottom, case.F_h, case.stride)
    places_across = count_places(left + case.W + right, case.F_w, case.stride)
    for n, i, j, u, v in itertools.product(
        range(case.N), range(places_down), range(places_across), range(case.F_h), range(case.F_w)
    ):
        row, column = i * case.stride + u - top, j * case.stride + v - left
        if 0 <= row < case.H and 0 <= column < case.W:
            for c, k in itertools.product(range(case.C), range(case.K)):
                yield n, i, j, k, u, v, c, row, column


def out_shape(case: ConvCase) -> tuple[int, int, int, int]:
    top, bottom, left, right = case.padding
    return (
        case.N,
        count_places(top + case.H + bottom, case.F_h, case.stride),
        count_places(left + case.W + right, case.F_w, case.stride),
        case.K,
    )


def naive_conv2d(case: ConvCase, x: Nested, w: Nested, b: Nested) -> Nested:
    y = zeros(*out_shape(case))
    for image in y:
        for row in image:
            for cell in row:
                for k in range(case.K):
                    cell[k] = b[k]
    for n, i, j, k, u, v, c, row, column in products(case):
        y[n][i][j][k] += x[n][row][column][c] * w[u][v][c][k]
    return y


def naive_conv2d_backward(
    case: ConvCase, dout: Nested, x: Nested, w: Nested
) -> tuple[Nested, Nested, Nested]:
    """Each product x · w hands `dout` on to both its factors, each time multiplied by the other."""
    dx, dw = zeros(case.N, case.H, case.W, case.C), zeros(case.F_h, case.F_w, case.C, case.K)
    for n, i, j, k, u, v, c, row, column in products(case):
        dx[n][row][column][c] += dout[n][i][j][k] * w[u][v][c][k]
        dw[u][v][c][k] += dout[n][i][j][k] * x[n][row][column][c]
    db = [sum(cell[k] for image in dout for row in image for cell in row) for k in range(case.K)]
    return dx, dw, db


def conv_arrays(case: ConvCase, number: int, dtype: str) -> list[np.ndarray]:
    """x, w, b and an upstream gradient for one case."""
    x, w = (case.N, case.H, case.W, case.C), (case.F_h, case.F_w, case.C, case.K)
    return list(normal(number, dtype, x, w, (case.K,), out_shape(case)))


def with_zeros(case: ConvCase, x: np.ndarray) -> tuple[np.ndarray, int]:
    """Images, and the padding left to the kernel; uneven zeros are put around them first, as chapter 4 has it."""
    if case.even:
        return x, case.padding[0]
    top, bottom, left, right = case.padding
    return np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0))), 0


def without_zeros(case: ConvCase, dx: np.ndarray) -> np.ndarray:
    """The gradient with respect to the images alone."""
    if case.even:
        return dx
    top, _, left, _ = case.padding
    return dx[:, top : top + case.H, left : left + case.W]


def run_conv2d(
    case: ConvCase, x: np.ndarray, w: np.ndarray, b: np.ndarray, kernel: Callable[..., np.ndarray] = conv2d
) -> np.ndarray:
    padded, padding = with_zeros(case, x)
    return kernel(padded, w, b, case.stride, padding)


def run_conv2d_backward(
    case: ConvCase,
    dout: np.ndarray,
    x: np.ndarray,
    w: np.ndarray,
    kernel: Callable[..., tuple[np.ndarray, np.ndarray, np.ndarray]] = conv2d_backward,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    padded, padding = with_zeros(case, x)
    dx, dw, db = kernel(dout, padded, w, case.stride, padding)
    return without_zeros(case, dx), dw, db


# --- convolution: tests --------------------------------------------------------------------------------------------


@both_floats
def test_conv2d_equals_the_loop_over_all_products(dtype: str) -> None:
    for number in range(SHAPES):
        case = conv_case(number)
        x, w, b, _ = conv_arrays(case, number, dtype)
        want = naive_conv2d(case, x.tolist(), w.tolist(), b.tolist())
        for kernel in (conv2d, conv2d_fast):
            assert_close(run_conv2d(case, x, w, b, kernel), want, dtype, (kernel.__name__, case))


@both_floats
def test_conv2d_backward_equals_the_loop_over_all_products(dtype: str) -> None:
    for number in range(SHAPES):
        case = conv_case(number)
        x, w, _, dout = conv_arrays(case, number, dtype)
        want = naive_conv2d_backward(case, dout.tolist(), x.tolist(), w.tolist())
        for kernel in (conv2d_backward, conv2d_fast_backward):
            got = run_conv2d_backward(case, dout, x, w, kernel)
            for name, gradient, oracle in zip(("dx", "dw", "db"), got, want, strict=True):
                assert_close(gradient, oracle, dtype, (kernel.__name__, name, case))


def assert_conv2d_backward_is_the_derivative(number: int) -> None:
    """The loss Σ dout · y is linear in x, in w and in b, so a step of 1 to both sides has no error but rounding."""
    case = conv_case(number)
    x, w, b, dout = (array.copy() for array in conv_arrays(case, number, "float64"))

    def loss() -> float:
        y = naive_conv2d(case, x.tolist(), w.tolist(), b.tolist())
        return float(np.sum(dout * np.asarray(y)))

    slow = run_conv2d_backward(case, dout, x, w)
    fast = run_conv2d_backward(case, dout, x, w, conv2d_fast_backward)
    for i, array in enumerate((x, w, b)):
        slopes = derivative(loss, array, 1.0)
        assert_close(slow[i], slopes, "float64", (i, case))
        assert_close(fast[i], slopes, "float64", ("fast", i, case))


def derivative(loss: Callable[[], float], array: np.ndarray, step: float) -> np.ndarray:
    """Slope of the loss for each entry of `array`, by moving it a step to both sides."""
    slopes = np.zeros(array.shape)
    for index in np.ndindex(array.shape):
        middle = array[index]
        array[index] = middle + step
        above = loss()
        array[index] = middle - step
        slopes[index] = (above - loss()) / (2 * step)
        array[index] = middle
    return slopes


def test_conv2d_backward_is_the_derivative_of_the_loop() -> None:
    for number in range(42):
        assert_conv2d_backward_is_the_derivative(number)


@pytest.mark.slow
def test_conv2d_backward_is_the_derivative_of_the_loop_on_many_shapes() -> None:
    for number in range(42, SHAPES):
        assert_conv2d_backward_is_the_derivative(number)


def window_cells(case: ConvCase) -> Iterator[tuple[int, int, int, int, int, int]]:
    """Each cell of each window: its row and its place in it as `im2col` writes them, its image, row, column, channel."""
    top, _, left, _ = case.padding
    N, places_down, places_across, _ = out_shape(case)
    windows = itertools.product(range(N), range(places_down), range(places_across))
    for line, (n, i, j) in enumerate(windows):
        cells = itertools.product(range(case.F_h), range(case.F_w), range(case.C))
        for place, (u, v, c) in enumerate(cells):
            row, column = i * case.stride + u - top, j * case.stride + v - left
            if 0 <= row < case.H and 0 <= column < case.W:
                yield line, place, n, row, column, c


def column_shape(case: ConvCase) -> tuple[int, int]:
    N, places_down, places_across, _ = out_shape(case)
    return N * places_down * places_across, case.F_h * case.F_w * case.C


@both_floats
def test_im2col_and_col2im_equal_the_loops_and_are_adjoint(dtype: str) -> None:
    """⟨im2col x, y⟩ = ⟨x, col2im y⟩ besides."""
    for number in range(SHAPES):
        case = conv_case(number)
        x, y = normal(number, dtype, (case.N, case.H, case.W, case.C), column_shape(case))
        columns, dx = zeros(*y.shape), zeros(*x.shape)
        pixels, upstream = x.tolist(), y.tolist()
        for line, place, n, row, column, c in window_cells(case):
            columns[line][place] = pixels[n][row][column][c]
            dx[n][row][column][c] += upstream[line][place]
        padded, padding = with_zeros(case, x)
        window = (case.F_h, case.F_w, case.stride, padding)
        forth = im2col(padded, *window)
        back = without_zeros(case, col2im(y, padded.shape, *window))
        assert_close(forth, columns, dtype, case)
        assert_close(back, dx, dtype, case)
        tolerance = 10 * TOLERANCE[dtype]
        assert np.vdot(forth, y) == pytest.approx(np.vdot(x, back), rel=tolerance, abs=tolerance), case


LARGE = [
    ConvCase(3, 60, 50, 8, 3, 3, 5, 1, (1, 1, 1, 1)),  # a picture is several blocks
    ConvCase(2, 120, 125, 7, 4, 3, 2, 2, (0, 0, 0, 0)),  # so too, with pixels left over below
    ConvCase(50, 12, 12, 16, 3, 3, 4, 1, (0, 0, 0, 0)),  # a block is several pictures, the last one fewer
    ConvCase(2, 5, 210, 100, 3, 3, 2, 1, (0, 0, 0, 0)),  # one line of places is more than a block
    ConvCase(25, 9, 9, 64, 5, 5, 180, 3, (2, 2, 2, 2)),  # the filters are larger than a block
    ConvCase(1, 700, 800, 1, 1, 2, 1, 1, (0, 0, 0, 0)),  # a narrow window on a large map
]
"""Shapes whose columns take more than the 1 MiB that conv2d_fast works on at a time; too large for Python's loops."""


@both_floats
@pytest.mark.parametrize("case", LARGE, ids=str)
def test_fast_kernels_agree_with_the_slow_ones_where_they_work_in_blocks(case: ConvCase, dtype: str) -> None:
    x, w, b, dout = conv_arrays(case, 1, dtype)
    assert math.prod(column_shape(case)) * x.itemsize > 2**20
    assert_close(run_conv2d(case, x, w, b, conv2d_fast), run_conv2d(case, x, w, b), dtype, case)
    slow = run_conv2d_backward(case, dout, x, w)
    fast = run_conv2d_backward(case, dout, x, w, conv2d_fast_backward)
    for name, got, want in zip(("dx", "dw", "db"), fast, slow, strict=True):
        assert_close(got, want, dtype, (name, case))


def test_fast_convolution_refuses_what_the_slow_one_refuses() -> None:
    for channels, size, padding in ((2, 3, 0), (3, 6, 0), (3, 8, 1)):
        x, w, b = normal(1, "float64", (1, 5, 5, 3), (size, size, channels, 2), (2,))
        for kernel in (conv2d, conv2d_fast):
            with pytest.raises(ValueError):
                kernel(x, w, b, padding=padding)


def grey_case(number: int) -> ConvCase:
    """A case with one image, one channel, one filter and no padding."""
    case = conv_case(number)
    return ConvCase(1, case.H, case.W, 1, min(case.F_h, case.H), min(case.F_w, case.W), 1, 1, (0, 0, 0, 0))


def naive_correlate2d(image: Nested, kernel: Nested, s_h: int, s_w: int) -> Nested:
    F_h, F_w = len(kernel), len(kernel[0])
    return [
        [
            sum(
                image[i * s_h + u][j * s_w + v] * kernel[u][v]
                for u, v in itertools.product(range(F_h), range(F_w))
            )
            for j in range(count_places(len(image[0]), F_w, s_w))
        ]
        for i in range(count_places(len(image), F_h, s_h))
    ]


@both_floats
def test_correlate2d_equals_the_loop(dtype: str) -> None:
    for number in range(SHAPES):
        case = grey_case(number)
        image, kernel = normal(number, dtype, (case.H, case.W), (case.F_h, case.F_w))
        want = naive_correlate2d(image.tolist(), kernel.tolist(), 1, 1)
        assert_close(correlate2d(image, kernel), want, dtype, case)


@both_floats
def test_correlate2d_strided_equals_the_loop(dtype: str) -> None:
    for number in range(SHAPES):
        case = grey_case(number)
        image, kernel = normal(number, dtype, (case.H, case.W), (case.F_h, case.F_w))
        s_h, s_w = number % 4 + 1, number // 4 % 4 + 1
        want = naive_correlate2d(image.tolist(), kernel.tolist(), s_h, s_w)
        assert_close(correlate2d_strided(image, kernel, (s_h, s_w)), want, dtype, (case, s_h, s_w))
        if s_h == s_w:
            assert_close(correlate2d_strided(image, kernel, s_h), want, dtype, (case, s_h))


@both_floats
def test_apply_filters_equals_the_loop(dtype: str) -> None:
    for number in range(SHAPES):
        c = conv_case(number)
        case = ConvCase(1, c.H, c.W, c.C, min(c.F_h, c.H), min(c.F_w, c.W), c.K, 1, (0, 0, 0, 0))
        x, w, b, _ = conv_arrays(case, number, dtype)
        want = naive_conv2d(case, x.tolist(), w.tolist(), b.tolist())[0]
        assert_close(apply_filters(x[0], w, b), want, dtype, case)


def test_window_response_equals_the_loop() -> None:
    for number in range(SHAPES):
        case = conv_case(number)
        window, kernel = normal(number, "float64", *[(case.F_h, case.F_w, case.C)] * 2)
        bias = number / 100
        places = itertools.product(range(case.F_h), range(case.F_w), range(case.C))
        numbers, weights = window.tolist(), kernel.tolist()
        want = math.fsum(numbers[i][j][c] * weights[i][j][c] for i, j, c in places) + bias
        assert window_response(window, kernel, bias) == pytest.approx(want, rel=1e-10, abs=1e-10)


@both_floats
def test_zero_pad_equals_the_loop(dtype: str) -> None:
    for number in range(100):
        case, padding = conv_case(number), number % 4
        (x,) = normal(number, dtype, (case.N, case.H, case.W, case.C))
        want = zeros(case.N, case.H + 2 * padding, case.W + 2 * padding, case.C)
        for n, i, j, c in np.ndindex(x.shape):
            want[n][i + padding][j + padding][c] = float(x[n, i, j, c])
        assert_close(zero_pad(x, padding), want, dtype, (case, padding))


# --- pooling -------------------------------------------------------------------------------------------------------


def window_starts(length: int, size: int, stride: int, ceil_mode: bool) -> list[int]:
    """Where the windows begin along an axis, by walking it.

    In ceil mode a window counts if it begins on the axis and the one before it has not reached the end yet.
    """
    starts: list[int] = []
    start = 0
    while start < length:
        whole = start + size <= length
        needed = start - stride + size < length
        if not (whole or (ceil_mode and needed)):
            break
        starts.append(start)
        start += stride
    return starts


def pool_windows(case: PoolCase, ceil_mode: bool) -> Iterator[tuple[int, int, list[tuple[int, int]]]]:
    """Each window of a map: its place in the result, and the rows and columns of its cells that exist."""
    tops = window_starts(case.H, case.size, case.stride, ceil_mode)
    lefts = window_starts(case.W, case.size, case.stride, ceil_mode)
    for (i, top), (j, left) in itertools.product(enumerate(tops), enumerate(lefts)):
        cells = itertools.product(range(top, top + case.size), range(left, left + case.size))
        yield i, j, [(row, column) for row, column in cells if row < case.H and column < case.W]


def naive_pool(case: PoolCase, x: Nested, ceil_mode: bool, summary: Callable[[list[float]], float]) -> Nested:
    y = zeros(case.N, *pool_size(case, ceil_mode), case.C)
    for i, j, cells in pool_windows(case, ceil_mode):
        for n, c in itertools.product(range(case.N), range(case.C)):
            y[n][i][j][c] = summary([x[n][row][column][c] for row, column in cells])
    return y


def pool_size(case: PoolCase, ceil_mode: bool) -> tuple[int, int]:
    return (
        len(window_starts(case.H, case.size, case.stride, ceil_mode)),
        len(window_starts(case.W, case.size, case.stride, ceil_mode)),
    )


def mean(cells: list[float]) -> float:
    return math.fsum(cells) / len(cells)


def pool_arrays(case: PoolCase, number: int, dtype: str, ceil_mode: bool) -> tuple[np.ndarray, np.ndarray]:
    """x with no two equal numbers, and an upstream gradient."""
    x = distinct(number, dtype, (case.N, case.H, case.W, case.C))
    (dout,) = normal(number, dtype, (case.N, *pool_size(case, ceil_mode), case.C))
    return x, dout


@both_floats
@pytest.mark.parametrize("ceil_mode", [False, True], ids=["floor", "ceil"])
@pytest.mark.parametrize(("kernel", "summary"), [(max_pool2d, max), (avg_pool2d, mean)], ids=["max", "avg"])
def test_pooling_equals_the_loop(
    kernel: Callable[..., np.ndarray], summary: Callable[[list[float]], float], ceil_mode: bool, dtype: str
) -> None:
    for number in range(SHAPES):
        case = pool_case(number)
        (x,) = normal(number, dtype, (case.N, case.H, case.W, case.C))
        want = naive_pool(case, x.tolist(), ceil_mode, summary)
        assert_close(kernel(x, case.size, case.stride, ceil_mode), want, dtype, (case, ceil_mode))
        if case.stride == case.size:
            assert_close(kernel(x, case.size, ceil_mode=ceil_mode), want, dtype, (case, ceil_mode))


@pytest.mark.parametrize("kernel", [max_pool2d, avg_pool2d])
def test_pooling_with_a_window_larger_than_the_map_follows_the_loop(
    kernel: Callable[..., np.ndarray],
) -> None:
    refused = kept = 0
    for H, W, size, stride in itertools.product((1, 2, 3), (2, 5), (3, 4, 5), (1, 2, 3, 4)):
        for ceil_mode in (False, True):
            case = PoolCase(1, H, W, 1, size, stride)
            (x,) = normal(H, "float64", (1, H, W, 1))
            if 0 in pool_size(case, ceil_mode):
                refused += 1
                with pytest.raises(ValueError):
                    kernel(x, size, stride, ceil_mode)
            else:
                kept += size > min(H, W)
                want = naive_pool(case, x.tolist(), ceil_mode, max if kernel is max_pool2d else mean)
                assert_close(kernel(x, size, stride, ceil_mode), want, "float64", (case, ceil_mode))
    assert refused > 40 and kept > 10


@both_floats
def test_max_pool2d_backward_equals_the_loop(dtype: str) -> None:
    for number in range(SHAPES):
        case = pool_case(number)
        x, dout = pool_arrays(case, number, dtype, ceil_mode=False)
        if number % 3 == 0:
            # many ties: the first cell of the window, row by row, gets the gradient
            x = read_only(np.round(x))
        want = zeros(*x.shape)
        values, upstream = x.tolist(), dout.tolist()
        for i, j, cells in pool_windows(case, ceil_mode=False):
            for n, c in itertools.product(range(case.N), range(case.C)):
                best = cells[0]
                for cell in cells[1:]:
                    if values[n][cell[0]][cell[1]][c] > values[n][best[0]][best[1]][c]:
                        best = cell
                want[n][best[0]][best[1]][c] += upstream[n][i][j][c]
        assert_close(max_pool2d_backward(dout, x, case.size, case.stride), want, dtype, case)


@both_floats
def test_avg_pool2d_backward_equals_the_loop(dtype: str) -> None:
    for number in range(SHAPES):
        case = pool_case(number)
        x, dout = pool_arrays(case, number, dtype, ceil_mode=True)
        want, upstream = zeros(*x.shape), dout.tolist()
        for i, j, cells in pool_windows(case, ceil_mode=True):
            for row, column in cells:
                for n, c in itertools.product(range(case.N), range(case.C)):
                    want[n][row][column][c] += upstream[n][i][j][c] / len(cells)
        assert_close(avg_pool2d_backward(dout, x.shape, case.size, case.stride), want, dtype, case)


def assert_pooling_backward_is_the_derivative(number: int) -> None:
    case = pool_case(number)
    x, dout = pool_arrays(case, number, "float64", ceil_mode=False)
    x = x.copy()

    def max_loss() -> float:
        return float(np.sum(dout * np.asarray(naive_pool(case, x.tolist(), False, max))))

    # numbers are 0.05 apart, so a step of 0.02 never changes which one is the largest
    got = max_pool2d_backward(dout, x, case.size, case.stride)
    assert_close(got, derivative(max_loss, x, 0.02), "float64", ("max", case))

    x, ragged = pool_arrays(case, number, "float64", ceil_mode=True)
    x = x.copy()

    def mean_loss() -> float:
        return float(np.sum(ragged * np.asarray(naive_pool(case, x.tolist(), True, mean))))

    got = avg_pool2d_backward(ragged, x.shape, case.size, case.stride)
    assert_close(got, derivative(mean_loss, x, 1.0), "float64", ("mean", case))


def test_pooling_backward_is_the_derivative_of_the_loop() -> None:
    for number in range(42):
        assert_pooling_backward_is_the_derivative(number)


@pytest.mark.slow
def test_pooling_backward_is_the_derivative_of_the_loop_on_many_shapes() -> None:
    for number in range(42, SHAPES):
        assert_pooling_backward_is_the_derivative(number)


# --- linear layer and activations ----------------------------------------------------------------------------------


def linear_arrays(number: int, dtype: str) -> list[np.ndarray]:
    """x (N, D), w (D, M), b (M,) and an upstream gradient (N, M); each length is 1 now and then."""
    N, D, M = (int(n) for n in np.random.default_rng([1958, number]).integers(1, 8, size=3))
    return list(normal(number, dtype, (N, D), (D, M), (M,), (N, M)))


def naive_linear(x: Nested, w: Nested, b: Nested) -> Nested:
    return [[sum(row[d] * w[d][m] for d in range(len(row))) + b[m] for m in range(len(b))] for row in x]


@both_floats
def test_linear_equals_the_loop(dtype: str) -> None:
    for number in range(SHAPES):
        x, w, b, _ = linear_arrays(number, dtype)
        want = naive_linear(x.tolist(), w.tolist(), b.tolist())
        assert_close(linear(x, w, b), want, dtype, (x.shape, w.shape))


@both_floats
def test_linear_backward_equals_the_loop(dtype: str) -> None:
    for number in range(SHAPES):
        x, w, b, dout = linear_arrays(number, dtype)
        (N, D), M = x.shape, len(b)
        rows, weights, upstream = x.tolist(), w.tolist(), dout.tolist()
        dx, dw, db = zeros(N, D), zeros(D, M), zeros(M)
        for n, m in itertools.product(range(N), range(M)):
            db[m] += upstream[n][m]
            for d in range(D):
                dx[n][d] += upstream[n][m] * weights[d][m]
                dw[d][m] += upstream[n][m] * rows[n][d]
        for name, got, want in zip(
            ("dx", "dw", "db"), linear_backward(dout, x, w), (dx, dw, db), strict=True
        ):
            assert_close(got, want, dtype, (name, N, D, M))


@both_floats
def test_relu_and_its_backward_equal_the_loop(dtype: str) -> None:
    for number in range(SHAPES):
        case = pool_case(number)
        x, dout = normal(number, dtype, *[(case.N, case.H, case.W, case.C)] * 2)
        # large numbers, and exact zeros, where the gradient is 0
        x = read_only(5 * x if number % 2 else np.round(x))
        values, upstream = x.reshape(-1).tolist(), dout.reshape(-1).tolist()
        want = np.reshape([value if value > 0 else 0.0 for value in values], x.shape)
        assert_close(relu(x), want, dtype, case)
        pairs = zip(values, upstream, strict=True)
        want = np.reshape([up if value > 0 else 0.0 for value, up in pairs], x.shape)
        assert_close(relu_backward(dout, x), want, dtype, case)


@both_floats
def test_flatten_equals_the_loop(dtype: str) -> None:
    for number in range(SHAPES):
        case = conv_case(number)
        (x,) = normal(number, dtype, (case.N, case.H, case.W, case.C))
        values = x.tolist()
        want = [
            [values[n][i][j][c] for i in range(case.H) for j in range(case.W) for c in range(case.C)]
            for n in range(case.N)
        ]
        assert_close(flatten(x), want, dtype, case)
        assert_close(flatten_image(x[0]), want[0], dtype, case)


# --- probabilities and losses, from the bare formulas in 60 digits --------------------------------------------------


@pytest.fixture
def sixty_digits() -> Iterator[None]:
    with localcontext() as context:
        context.prec = 60
        yield


def exact(values: np.ndarray) -> Nested:
    """The very numbers that the floats hold, as decimals."""
    return [exact(row) if row.ndim else Decimal(float(row)) for row in values]


def exact_softmax(row: list[Decimal]) -> list[Decimal]:
    powers = [z.exp() for z in row]
    return [power / sum(powers) for power in powers]


def exact_cross_entropy(row: list[Decimal], label: int) -> Decimal:
    return -exact_softmax(row)[label].ln()


def logits_case(number: int, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Logits (N, K), some of them around ±1000, and labels (N,)."""
    rng = np.random.default_rng([1986, number])
    N, K = (int(n) for n in rng.integers(1, 6, size=2))

    scale, shift = ((1, 0), (8, 0), (300, 0), (1, 1000), (1, -1000))[number % 5]
    logits = (scale * rng.normal(size=(N, K)) + shift).astype(dtype)
    return read_only(logits), rng.integers(0, K, size=N)


@both_floats
def test_softmax_equals_the_formula(dtype: str, sixty_digits: None) -> None:
    for number in range(SHAPES):
        logits, _ = logits_case(number, dtype)
        want = [[float(p) for p in exact_softmax(row)] for row in exact(logits)]
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            assert_close(softmax(logits), want, dtype, logits.shape)


@both_floats
def test_sigmoid_equals_the_formula(dtype: str, sixty_digits: None) -> None:
    for number in range(SHAPES):
        logits, _ = logits_case(number, dtype)
        want = [[float(1 / (1 + (-z).exp())) for z in row] for row in exact(logits)]
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            assert_close(sigmoid(logits), want, dtype, logits.shape)


@both_floats
def test_cross_entropy_equals_the_formula(dtype: str, sixty_digits: None) -> None:
    for number in range(SHAPES):
        logits, labels = logits_case(number, dtype)
        pairs = zip(exact(logits), labels.tolist(), strict=True)
        want = float(sum(exact_cross_entropy(row, label) for row, label in pairs)) / len(labels)
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            got = cross_entropy(logits, labels)
        tolerance = TOLERANCE[dtype]
        assert isinstance(got, float) and got == pytest.approx(want, rel=tolerance, abs=tolerance)


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_probabilities_and_losses_take_bytes_for_the_numbers_that_they_are(dtype: str) -> None:
    # in bytes −5, 1 − 2 and |−128| would wrap around
    limits = np.iinfo(dtype)
    for number in range(50):
        rng = np.random.default_rng([2001, number])
        logits = rng.integers(limits.min, limits.max, (4, 3), endpoint=True).astype(dtype)
        logits[0] = limits.min, limits.max, 5
        labels, floats = rng.integers(0, 3, 4), logits.astype(np.float64)
        for kernel in (sigmoid, softmax):
            assert kernel(logits).dtype == np.float64
            assert np.array_equal(kernel(logits), kernel(floats))
        assert cross_entropy(logits, labels) == cross_entropy(floats, labels)
        assert np.array_equal(
            softmax_cross_entropy_backward(logits, labels), softmax_cross_entropy_backward(floats, labels)
        )
        y = (logits[:, 0] > 9).astype(dtype)
        p = rng.integers(1, 8, 4) / 8
        assert log_loss(p, y) == log_loss(p, y.astype(np.float64))


def test_no_examples_have_no_mean_but_flatten_to_no_rows() -> None:
    none, labels = np.zeros((0, 3)), np.zeros(0, dtype=np.int64)
    assert flatten(np.zeros((0, 2, 3, 4))).shape == (0, 24)
    for kernel, first in [
        (log_loss, none[:, 0]),
        (cross_entropy, none),
        (softmax_cross_entropy_backward, none),
    ]:
        with pytest.raises(ValueError, match="no examples"):
            kernel(first, labels)


@both_floats
def test_log_loss_equals_the_formula(dtype: str, sixty_digits: None) -> None:
    low, high = exact(np.array([1e-12, 1 - 1e-12]))
    for number in range(SHAPES):
        rng = np.random.default_rng([2014, number])
        n = int(rng.integers(1, 9))
        p = rng.choice([0.0, 1e-9, 1.0, *rng.random(5)], size=n).astype(dtype)
        y = rng.integers(0, 2, size=n)
        total = Decimal(0)
        for guess, truth in zip(exact(p), y.tolist(), strict=True):
            kept = min(max(guess, low), high)
            total -= kept.ln() if truth else (1 - kept).ln()
        got = log_loss(p, y)
        assert isinstance(got, float) and got == pytest.approx(float(total / n), rel=1e-10, abs=1e-10)


@both_floats
def test_softmax_cross_entropy_backward_is_the_derivative_of_the_formula(
    dtype: str, sixty_digits: None
) -> None:
    h = Decimal("1e-15")
    for number in range(SHAPES):
        logits, labels = logits_case(number, dtype)
        want = []
        for row, label in zip(exact(logits), labels.tolist(), strict=True):
            slopes = []
            for k in range(len(row)):
                above = [z + h * (j == k) for j, z in enumerate(row)]
                below = [z - h * (j == k) for j, z in enumerate(row)]
                change = exact_cross_entropy(above, label) - exact_cross_entropy(below, label)
                slopes.append(float(change / (2 * h)) / len(labels))
            want.append(slopes)
        got = softmax_cross_entropy_backward(logits, labels)
        assert_close(got, want, dtype, (logits.shape, labels.tolist()))


def test_x_or_not_x_equals_the_loops(sixty_digits: None) -> None:
    for number in range(SHAPES):
        rng = np.random.default_rng([1998, number])
        H, W = (int(n) for n in rng.integers(3, 8, size=2))
        K = int(rng.integers(1, 5))
        conv = ConvCase(1, H, W, 1, 3, 3, K, 1, (0, 0, 0, 0))
        pool = PoolCase(1, H - 2, W - 2, K, 2, 2)
        D = math.prod(pool_size(pool, ceil_mode=True)) * K
        names = ("image", "filters", "filter_bias", "hidden_w", "hidden_b", "output_w", "output_b")
        shapes = [(H, W), (3, 3, 1, K), (K,), (D, 3), (3,), (3, 1), (1,)]
        p = dict(zip(names, normal(number, "float64", *shapes), strict=True))
        maps = naive_conv2d(
            conv, p["image"][None, :, :, None].tolist(), p["filters"].tolist(), p["filter_bias"].tolist()
        )
        alive = [[[[max(z, 0.0) for z in cell] for cell in row] for row in image_maps] for image_maps in maps]
        pooled = naive_pool(pool, alive, True, max)
        inputs = [z for row in pooled[0] for cell in row for z in cell]
        hidden_w, output_w = p["hidden_w"].tolist(), p["output_w"].tolist()
        hidden = [
            max(sum(inputs[d] * hidden_w[d][m] for d in range(D)) + float(p["hidden_b"][m]), 0.0)
            for m in range(3)
        ]
        logit = sum(hidden[m] * output_w[m][0] for m in range(3)) + float(p["output_b"][0])
        want = float(1 / (1 + (-Decimal(logit)).exp()))
        got = x_or_not_x(p["image"], {name: array for name, array in p.items() if name != "image"})
        assert got == pytest.approx(want, rel=1e-9, abs=1e-12)


# --- training ------------------------------------------------------------------------------------------------------


def step_case(number: int, dtype: str) -> tuple[np.ndarray, list[np.ndarray]]:
    """A parameter and the gradients of five steps; some gradients hold exact zeros."""
    case = pool_case(number)
    param, *grads = normal(number, dtype, *[(case.N, case.H, case.C)] * 6)
    return param, [read_only(np.round(grad)) if number % 2 else grad for grad in grads]


@both_floats
def test_sgd_steps_equal_the_loop(dtype: str) -> None:
    for number in range(SHAPES):
        param, grads = step_case(number, dtype)
        learning_rate = 10.0 ** -(number % 5)
        want = param.reshape(-1).tolist()
        for grad in grads:
            want = [p - learning_rate * g for p, g in zip(want, grad.reshape(-1).tolist(), strict=True)]
            param = read_only(sgd_step(param, grad, learning_rate))
            assert_close(param, np.reshape(want, param.shape), dtype, (number, learning_rate))


@dataclass
class AdamNumber:
    """One number that Adam moves, in plain floats; Kingma and Ba, algorithm 1."""

    value: float
    m: float = 0.0
    v: float = 0.0
    t: int = 0

    def step(
        self, grad: float, rate: float, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8
    ) -> None:
        self.t += 1
        self.m = beta1 * self.m + (1 - beta1) * grad
        self.v = beta2 * self.v + (1 - beta2) * grad * grad
        bias1, bias2 = 1 - beta1**self.t, 1 - beta2**self.t
        self.value -= rate * (self.m / bias1) / (math.sqrt(self.v / bias2) + epsilon)


def adam_settings(number: int) -> tuple[float, ...]:
    """Learning rate, beta1, beta2 and epsilon; the kernel's own at times, which an empty tuple stands for."""
    rates, beta1s, beta2s, epsilons = (
        (0.001, 0.1, 1.0),
        (0.0, 0.5, 0.9),
        (0.9, 0.99, 0.999),
        (1e-8, 1e-3, 0.1),
    )
    choices = list(itertools.product(rates, beta1s, beta2s, epsilons))
    return choices[number % len(choices)] if number % 4 else ()


@both_floats
def test_adam_steps_equal_the_loop(dtype: str) -> None:
    for number in range(SHAPES):
        param, grads = step_case(number, dtype)
        settings = adam_settings(number)
        numbers = [AdamNumber(value) for value in param.reshape(-1).tolist()]
        state: dict[str, Any] = {name: read_only(np.zeros_like(param)) for name in "mv"} | {"t": 0}
        for t, grad in enumerate(grads):
            for entry, g in zip(numbers, grad.reshape(-1).tolist(), strict=True):
                entry.step(g, *(settings or (0.001,)))
            before, kept = state, dict(state)
            param, state = adam_step(param, grad, before, *settings)
            assert before == kept and state["t"] == t + 1
            for name, array in (("value", param), ("m", state["m"]), ("v", state["v"])):
                want = np.reshape([getattr(entry, name) for entry in numbers], param.shape)
                assert_close(read_only(array), want, dtype, (name, number, settings))


def assert_share(hits: int, trials: int, chance: float) -> None:
    """As many hits as chance has it, give or take 5 standard deviations: wrong once in 1.7 million draws."""
    assert abs(hits - trials * chance) <= 5 * math.sqrt(trials * chance * (1 - chance)), (
        hits,
        trials,
        chance,
    )


@both_floats
@pytest.mark.parametrize("rate", [0.0, 0.1, 0.25, 0.5, 0.9])
def test_dropout_drops_each_entry_by_itself_as_often_as_asked(rate: float, dtype: str) -> None:
    (x,) = normal(1, dtype, (40, 20, 10, 6))
    out, scale = dropout(x, rate, np.random.default_rng([2014, int(100 * rate)]), True)
    kept = np.dtype(dtype).type(1 / (1 - rate))
    dropped = (scale == 0).tolist()
    assert set(np.unique(scale).tolist()) == {float(kept), 0.0} - ({0.0} if rate == 0 else set())
    assert_close(scale, np.where(dropped, 0, kept), dtype, rate)
    assert_close(out, np.where(dropped, 0, x * kept), dtype, rate)
    assert_share(int(np.sum(dropped)), x.size, rate)
    for axis in range(4):  # disjoint pairs of neighbours: chances of independent entries multiply
        first, second = np.moveaxis(dropped, axis, 0)[::2], np.moveaxis(dropped, axis, 0)[1::2]
        assert_share(int(np.sum(first & second)), first.size, rate**2)
    again, _ = dropout(x, rate, np.random.default_rng([2014, int(100 * rate)]), True)
    assert np.array_equal(again, out)
    for array, want in zip(
        dropout(x, rate, np.random.default_rng(1), False), (x, np.ones(x.shape)), strict=True
    ):
        assert_close(array, want, dtype, rate)


LENET = ("filters1", "bias1", "filters2", "bias2", "hidden_w", "hidden_b", "output_w", "output_b")


def lenet_case(number: int, dtype: str) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Parameters, images and labels of a tiny digit network; at odd sizes, pooling leaves pixels out."""
    rng = np.random.default_rng([1998, number])
    N, C, K1, K2 = (int(n) for n in rng.integers(1, 4, size=4))
    H, W = (int(n) for n in rng.integers(4, 10, size=2))
    M, classes = (int(n) for n in rng.integers(2, 5, size=2))
    D = (H // 2 // 2) * (W // 2 // 2) * K2
    shapes = [(3, 3, C, K1), (K1,), (3, 3, K1, K2), (K2,), (D, M), (M,), (M, classes), (classes,)]
    *arrays, images = normal(number, dtype, *shapes, (N, H, W, C))
    return dict(zip(LENET, arrays, strict=True)), images, rng.integers(0, classes, size=N)


def real(z: complex) -> float:
    return z.real


def alive(values: Nested) -> Nested:
    """ReLU of nested lists; for complex numbers, of those with a positive real part."""
    if isinstance(values, list):
        return [alive(value) for value in values]
    return values if values.real > 0 else 0.0


def naive_lenet(shape: tuple[int, ...], images: Nested, params: dict[str, Nested]) -> Nested:
    """Logits of the digit network from the loops above, for complex numbers too."""
    N, H, W, C = shape
    maps = images
    for filters, bias in (("filters1", "bias1"), ("filters2", "bias2")):
        K = len(params[bias])
        conv = ConvCase(N, H, W, C, 3, 3, K, 1, (1, 1, 1, 1))
        # the larger real part: what `max` compares has no imaginary one
        maps = naive_pool(
            PoolCase(N, H, W, K, 2, 2),
            alive(naive_conv2d(conv, maps, params[filters], params[bias])),
            False,
            lambda cells: max(cells, key=real),
        )
        H, W, C = H // 2, W // 2, K
    flat = [[z for row in image for cell in row for z in cell] for image in maps]
    hidden = alive(naive_linear(flat, params["hidden_w"], params["hidden_b"]))
    return naive_linear(hidden, params["output_w"], params["output_b"])


def naive_loss(logits: list[list[complex]], labels: list[int]) -> complex:
    """Mean cross-entropy by the bare formula, which these small logits do not overflow."""
    losses = [
        cmath.log(sum(cmath.exp(z - row[label]) for z in row))
        for row, label in zip(logits, labels, strict=True)
    ]
    return sum(losses) / len(losses)


@both_floats
def test_lenet_logits_and_loss_equal_the_loops(dtype: str) -> None:
    for number in range(60):
        params, images, labels = lenet_case(number, dtype)
        lists = {name: array.tolist() for name, array in params.items()}
        want = naive_lenet(images.shape, images.tolist(), lists)
        assert_close(lenet_logits(params, images), want, dtype, images.shape)
        loss, grads = lenet_gradients(params, images, labels)
        tolerance = TOLERANCE[dtype]
        assert loss == pytest.approx(naive_loss(want, labels.tolist()).real, rel=tolerance, abs=tolerance)
        assert {name: (g.shape, g.dtype) for name, g in grads.items()} == {
            name: (p.shape, p.dtype) for name, p in params.items()
        }


def slopes(loss: Callable[[Nested], complex], array: np.ndarray) -> np.ndarray:
    """Slope of the loss for each entry, by a step of 1e-30 i: beside it, nothing cancels and no kink is crossed."""
    result = np.zeros(array.shape)
    for index in np.ndindex(array.shape):
        moved = array.astype(complex)
        moved[index] += 1e-30j
        result[index] = loss(moved.tolist()).imag / 1e-30
    return result


def assert_lenet_gradients_are_the_derivative(number: int) -> None:
    params, images, labels = lenet_case(number, "float64")
    lists = {name: array.tolist() for name, array in params.items()}
    _, grads = lenet_gradients(params, images, labels)
    assert grads.keys() == params.keys()
    for name, param in params.items():

        def loss(values: Nested, name: str = name) -> complex:
            logits = naive_lenet(images.shape, images.tolist(), lists | {name: values})
            return naive_loss(logits, labels.tolist())

        assert_close(grads[name], slopes(loss, param), "float64", (name, images.shape))


FEW_LENETS = 12


def test_lenet_gradients_are_the_derivative_of_the_loops() -> None:
    for number in range(FEW_LENETS):
        assert_lenet_gradients_are_the_derivative(number)


@pytest.mark.slow
def test_lenet_gradients_are_the_derivative_of_the_loops_on_more_shapes() -> None:
    for number in range(FEW_LENETS, 60):
        assert_lenet_gradients_are_the_derivative(number)


def test_lenet_cases_are_alive() -> None:
    """Gradients that are 0 everywhere would prove nothing."""
    first = [np.any(lenet_gradients(*lenet_case(number, "float64"))[1]["filters1"]) for number in range(60)]
    assert sum(first) > 45 and sum(first[:FEW_LENETS]) > FEW_LENETS // 2


def one_layer_data(number: int, count: int, classes: int) -> dict[str, np.ndarray]:
    """`count` training images and 7 others, 2 by 3 pixels of one channel."""
    rng = np.random.default_rng([1847, number])
    data = {}
    for name, N in (("train", count), ("validation", 7)):
        data[f"{name}_images"] = read_only(rng.normal(size=(N, 2, 3, 1)))
        data[f"{name}_labels"] = read_only(rng.integers(0, classes, size=N))
    return data


def one_layer(params: dict[str, np.ndarray], images: np.ndarray) -> np.ndarray:
    return linear(flatten(images), params["w"], params["b"])


def one_layer_gradients(
    params: dict[str, np.ndarray], images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> tuple[float, dict[str, np.ndarray]]:
    logits = one_layer(params, images)
    dout = softmax_cross_entropy_backward(logits, labels)
    _, dw, db = linear_backward(dout, flatten(images), params["w"])
    return cross_entropy(logits, labels), {"w": dw, "b": db}


def test_train_on_whole_batches_equals_the_loop() -> None:
    """Where a batch holds all images, their order cannot matter but for rounding."""
    for number in range(20):
        count, classes, epochs, rate = number % 6 + 1, number % 3 + 2, 4, (0.001, 0.1)[number % 2]
        data = one_layer_data(number, count, classes)
        w, b = normal(number, "float64", (6, classes), (classes,))
        got, history = train(
            one_layer,
            one_layer_gradients,
            {"w": w, "b": b},
            data,
            np.random.default_rng(number),
            epochs=epochs,
            batch_size=count + number % 2,
            learning_rate=rate,
        )
        weights = [[AdamNumber(value) for value in row] for row in w.tolist()]
        biases = [AdamNumber(value) for value in b.tolist()]
        pixels = {name: data[f"{name}_images"].reshape(-1, 6).tolist() for name in ("train", "validation")}
        labels = {name: data[f"{name}_labels"].tolist() for name in ("train", "validation")}

        def logits(name: str, pixels: Any = pixels, weights: Any = weights, biases: Any = biases) -> Nested:
            now = [[entry.value for entry in row] for row in weights]
            return naive_linear(pixels[name], now, [entry.value for entry in biases])

        losses, accuracies = [], []
        for _ in range(epochs):
            before = logits("train")
            losses.append(naive_loss(before, labels["train"]).real)
            dw, db = zeros(6, classes), zeros(classes)
            for row, image, label in zip(before, pixels["train"], labels["train"], strict=True):
                total = math.fsum(math.exp(z) for z in row)
                for k in range(classes):
                    slope = (math.exp(row[k]) / total - (k == label)) / count
                    db[k] += slope
                    for d in range(6):
                        dw[d][k] += image[d] * slope
            for k in range(classes):
                biases[k].step(db[k], rate)
                for d in range(6):
                    weights[d][k].step(dw[d][k], rate)
            guesses = [row.index(max(row)) for row in logits("validation")]
            right = [guess == label for guess, label in zip(guesses, labels["validation"], strict=True)]
            accuracies.append(sum(right) / 7)
        # Adam divides by a gradient's size, so rounding of a gradient near 0 counts for more
        assert np.allclose(
            got["w"], [[entry.value for entry in row] for row in weights], rtol=1e-7, atol=1e-7
        )
        assert np.allclose(got["b"], [entry.value for entry in biases], rtol=1e-7, atol=1e-7)
        assert history["loss"] == pytest.approx(losses, rel=1e-7, abs=1e-7), number
        assert history["accuracy"] == pytest.approx(accuracies), number


@pytest.mark.parametrize(("count", "batch_size"), [(10, 3), (10, 5), (7, 1), (9, 20)])
def test_train_shows_every_image_once_an_epoch_each_time_in_a_new_order(count: int, batch_size: int) -> None:
    data = one_layer_data(count, count, 2)
    names = {image.tobytes(): number for number, image in enumerate(data["train_images"])}
    rng, batches = np.random.default_rng(count), []

    def gradients(params: Any, images: Any, labels: Any, given: Any) -> Any:
        assert given is rng
        batches.append([names[image.tobytes()] for image in images])
        assert labels.tolist() == data["train_labels"][batches[-1]].tolist()
        return one_layer_gradients(params, images, labels, given)

    w, b = normal(count, "float64", (6, 2), (2,))
    params = {"w": w, "b": b}
    _, history = train(one_layer, gradients, params, data, rng, 3, batch_size, 0.1)
    assert params["w"] is w and params["b"] is b
    seen = [number for batch in batches for number in batch]
    epochs = [seen[start : start + count] for start in range(0, len(seen), count)]
    assert [sorted(epoch) for epoch in epochs] == [list(range(count))] * 3
    assert len({tuple(epoch) for epoch in [list(range(count)), *epochs]}) == 4
    sizes = [min(batch_size, count - start) for start in range(0, count, batch_size)]
    assert [len(batch) for batch in batches] == sizes * 3
    assert history["loss"].shape == (len(batches),) and history["accuracy"].shape == (3,)


# --- a good start, batch normalisation, shifted pictures -----------------------------------------------------------


@pytest.mark.parametrize(("shape", "inputs"), [((200, 300), 200), ((3, 5, 16, 250), 240), ((1, 60000), 1)])
def test_he_init_draws_from_the_normal_distribution_asked_for(shape: tuple[int, ...], inputs: int) -> None:
    """Mean, variance and fourth moment lie within 5 standard deviations of those moments: 1 / n, 2 / n and 96 / n."""
    weights = he_init(shape, np.random.default_rng(2015))
    assert weights.shape == shape and weights.dtype == np.float32
    n = 60000
    values = (weights.reshape(-1).astype(float) * math.sqrt(inputs / 2)).tolist()
    assert len(values) == n
    assert abs(math.fsum(values) / n) <= 5 * math.sqrt(1 / n)
    assert abs(math.fsum(z**2 for z in values) / n - 1) <= 5 * math.sqrt(2 / n)
    assert abs(math.fsum(z**4 for z in values) / n - 3) <= 5 * math.sqrt(96 / n)
    assert np.array_equal(he_init(shape, np.random.default_rng(2015)), weights)
    assert not np.array_equal(he_init(shape, np.random.default_rng(2016)), weights)


@dataclass(frozen=True)
class NormCase:
    """Arrays and settings of one batch normalisation."""

    x: np.ndarray
    gamma: np.ndarray
    beta: np.ndarray
    running: dict[str, np.ndarray]
    momentum: float
    epsilon: float
    dout: np.ndarray


def norm_case(number: int, dtype: str) -> NormCase:
    """Rows and images in turn, in the mean channels around 0 and around 2."""
    case = pool_case(number)
    shape = (case.N, case.H, case.W, case.C) if number % 2 else (case.N * case.H, case.C)
    channels = (case.C,)
    x, dout, gamma, beta, mean, var = normal(number, dtype, shape, shape, *[channels] * 4)
    x = read_only(x + number % 3)
    running = {"mean": mean, "var": read_only(np.abs(var))}
    momentum, epsilon = (0.9, 0.5, 0.0)[number % 3], (1e-5, 1e-3, 0.1)[number // 3 % 3]
    return NormCase(x, gamma, beta, running, momentum, epsilon, dout)


def channel_rows(x: np.ndarray) -> Nested:
    """A list for each place of a batch, of its channels' numbers."""
    return x.reshape(-1, x.shape[-1]).tolist()


def naive_statistics(rows: Nested, channel: int) -> tuple[Any, Any]:
    values = [row[channel] for row in rows]
    mean = sum(values) / len(values)
    return mean, sum((z - mean) ** 2 for z in values) / len(values)


def naive_batch_norm(rows: Nested, gamma: Nested, beta: Nested, statistics: Nested, epsilon: float) -> Nested:
    """Rows normalised by each channel's (mean, variance), complex numbers too."""
    return [
        [
            gamma[c] * (z - statistics[c][0]) / (statistics[c][1] + epsilon) ** 0.5 + beta[c]
            for c, z in enumerate(row)
        ]
        for row in rows
    ]


@both_floats
def test_batch_norm_equals_the_loop(dtype: str) -> None:
    for number in range(SHAPES):
        case = norm_case(number, dtype)
        rows, channels = channel_rows(case.x), range(len(case.gamma))
        batch = [naive_statistics(rows, c) for c in channels]
        old = list(zip(case.running["mean"].tolist(), case.running["var"].tolist(), strict=True))
        new = [
            [
                case.momentum * was + (1 - case.momentum) * now
                for was, now in zip(old[c], batch[c], strict=True)
            ]
            for c in channels
        ]
        for training, statistics, after in ((True, batch, new), (False, old, old)):
            want = naive_batch_norm(rows, case.gamma.tolist(), case.beta.tolist(), statistics, case.epsilon)
            settings = (case.running, training, case.momentum, case.epsilon)
            out, running = batch_norm(case.x, case.gamma, case.beta, *settings)
            assert_close(out, np.reshape(want, case.x.shape), dtype, (number, training))
            for i, name in enumerate(("mean", "var")):
                assert_close(running[name], [after[c][i] for c in channels], dtype, (number, training, name))


@both_floats
def test_batch_norm_backward_equals_the_loop(dtype: str) -> None:
    """Each path from a number of x to the outputs by itself: straight, through the mean, and through the variance."""
    for number in range(SHAPES):
        case = norm_case(number, dtype)
        rows, upstream, gamma = channel_rows(case.x), channel_rows(case.dout), case.gamma.tolist()
        count, channels = len(rows), len(gamma)
        dx, dgamma, dbeta = zeros(count, channels), zeros(channels), zeros(channels)
        for c in range(channels):
            mean, var = naive_statistics(rows, c)
            root = math.sqrt(var + case.epsilon)
            dmean = dvar = 0.0
            for row, dout in zip(rows, upstream, strict=True):
                dgamma[c] += dout[c] * (row[c] - mean) / root
                dbeta[c] += dout[c]
                dmean -= dout[c] * gamma[c] / root
                dvar -= dout[c] * gamma[c] * (row[c] - mean) / (2 * root**3)
            for i in range(count):
                straight = upstream[i][c] * gamma[c] / root
                dx[i][c] = straight + dmean / count + dvar * 2 * (rows[i][c] - mean) / count
        got = batch_norm_backward(case.dout, case.x, case.gamma, case.epsilon)
        want = (np.reshape(dx, case.x.shape), dgamma, dbeta)
        for name, gradient, oracle in zip(("dx", "dgamma", "dbeta"), got, want, strict=True):
            assert_close(gradient, oracle, dtype, (name, number))


def test_batch_norm_backward_is_the_derivative_of_the_loop() -> None:
    for number in range(63):
        case = norm_case(number, "float64")
        rows, upstream = channel_rows(case.x), channel_rows(case.dout)
        lists = {"rows": rows, "gamma": case.gamma.tolist(), "beta": case.beta.tolist()}

        def loss(
            name: str, values: Nested, lists: Any = lists, case: Any = case, upstream: Any = upstream
        ) -> Any:
            moved = lists | {name: values}
            statistics = [naive_statistics(moved["rows"], c) for c in range(len(case.gamma))]
            y = naive_batch_norm(moved["rows"], moved["gamma"], moved["beta"], statistics, case.epsilon)
            return sum(d * z for ds, zs in zip(upstream, y, strict=True) for d, z in zip(ds, zs, strict=True))

        dx, dgamma, dbeta = batch_norm_backward(case.dout, case.x, case.gamma, case.epsilon)
        got = {"rows": dx.reshape(-1, case.x.shape[-1]), "gamma": dgamma, "beta": dbeta}
        for name, gradient in got.items():
            want = slopes(lambda values, name=name, loss=loss: loss(name, values), np.asarray(lists[name]))
            assert_close(gradient, want, "float64", (name, number))


def naive_shift(image: Nested, down: int, right: int) -> Nested:
    H, W = len(image), len(image[0])
    nothing = [0.0] * len(image[0][0])
    return [
        [
            image[i - down][j - right] if 0 <= i - down < H and 0 <= j - right < W else nothing
            for j in range(W)
        ]
        for i in range(H)
    ]


@both_floats
def test_random_shift_moves_each_image_by_itself_and_fills_with_zeros(dtype: str) -> None:
    for number in range(60):
        case, most = conv_case(number), number % 4
        H, W = case.H + most, case.W + most  # no move empties the picture, so each can be told
        (images,) = normal(number, dtype, (case.N, H, W, case.C))
        shifted = random_shift(images, most, np.random.default_rng(number))
        assert shifted.shape == images.shape and shifted.dtype == dtype
        reach = range(-most, most + 1)
        for before, after in zip(images.tolist(), shifted.tolist(), strict=True):
            moves = [move for move in itertools.product(reach, reach) if naive_shift(before, *move) == after]
            assert len(moves) == 1, (case, most)


@pytest.mark.parametrize("most", [1, 2, 3])
def test_random_shift_makes_all_moves_equally_often(most: int) -> None:
    side = 2 * most + 1
    count = 400 * side**2
    images = np.zeros((count, side, side, 1), dtype=np.uint8)
    images[:, most, most] = 1  # a dot in the middle, which no move takes off the paper
    shifted = random_shift(images, most, np.random.default_rng(most))
    assert shifted.dtype == np.uint8 and shifted.sum() == count
    moves = shifted.reshape(count, -1).argmax(axis=1).tolist()
    for move in range(side**2):
        assert_share(moves.count(move), count, 1 / side**2)
    twins = sum(move == following for move, following in zip(moves[::2], moves[1::2], strict=False))
    assert_share(twins, count // 2, 1 / side**2)


# --- pixels, sizes and gradients -----------------------------------------------------------------------------------


def test_pixel_kernels_equal_the_loops() -> None:
    for number in range(SHAPES):
        rng = np.random.default_rng([1957, number])
        H, W = (int(n) for n in rng.integers(1, 7, size=2))
        image = rng.integers(0, 256, size=(H, W, 3), dtype=np.uint8)
        bytes_ = image.tolist()
        assert_close(
            to_float(image),
            [[[z / 255 for z in pixel] for pixel in row] for row in bytes_],
            "float32",
            image.shape,
        )
        weighted = [[0.299 * r + 0.587 * g + 0.114 * b for r, g, b in row] for row in bytes_]
        assert np.allclose(to_grayscale(image), weighted, rtol=1e-4, atol=0)
        for dtype in ("float32", "float64"):
            grey = to_grayscale(image.astype(dtype))
            assert_close(grey, weighted, dtype, image.shape)
        labels = rng.integers(0, 4, size=H).astype(np.uint8)
        want = [[1.0 if k == label else 0.0 for k in range(5)] for label in labels.tolist()]
        assert np.array_equal(one_hot(labels, 5), want)


def test_count_dense_parameters_counts_what_linear_reads() -> None:
    for number in range(100):
        x, w, b, _ = linear_arrays(number, "float64")
        assert count_dense_parameters(x.shape[1:], len(b)) == w.size + b.size
    assert count_dense_parameters((4, 6, 3), 5) == (4 * 6 * 3) * 5 + 5


def test_output_size_equals_counting() -> None:
    counted = refused = 0
    for W, F, S, P in itertools.product(range(1, 15), range(1, 9), range(1, 6), range(4)):
        places = count_places(W + 2 * P, F, S)
        if places:
            counted += 1
            assert output_size(W, F, S, P) == places, (W, F, S, P)
        else:
            refused += 1
            with pytest.raises(ValueError):
                output_size(W, F, S, P)
    assert counted > 1500 and refused > 100


def test_same_padding_gives_the_size_with_as_few_zeros_as_possible() -> None:
    for W, F, S in itertools.product(range(1, 31), range(1, 10), range(1, 6)):
        before, after = same_padding(W, F, S)
        goal = math.ceil(W / S)
        assert 0 <= before <= after <= before + 1
        assert count_places(before + W + after, F, S) == goal, (W, F, S)
        if before + after:
            assert count_places(before + W + after - 1, F, S) < goal, (W, F, S)


def test_same_padding_makes_a_map_of_that_size() -> None:
    for number in range(200):
        case = conv_case(number)
        top, bottom = same_padding(case.H, case.F_h, case.stride)
        left, right = same_padding(case.W, case.F_w, case.stride)
        x, w, b, _ = conv_arrays(case, number, "float64")
        padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
        y = conv2d(padded, w, b, case.stride)
        assert y.shape[1:3] == (math.ceil(case.H / case.stride), math.ceil(case.W / case.stride)), case


def test_receptive_field_is_the_stretch_of_pixels_that_matter() -> None:
    for number in range(150):
        rng = np.random.default_rng([1980, number])
        layers = [
            (int(F), int(S)) for F, S in zip(*rng.integers(1, 5, size=(2, number % 4 + 1)), strict=True)
        ]
        width = 1 + sum(F * math.prod(S for _, S in layers[:depth]) for depth, (F, _) in enumerate(layers))
        row = rng.random(width)
        # image number 0 is the row itself; in image number p + 1 pixel p is brighter
        images = np.concatenate([row[None], row + np.eye(width)])[:, None, :, None]
        for F, S in layers:
            images = conv2d(images, 0.1 + rng.random((1, F, 1, 1)), np.zeros(1), S)
        first_entry = images[:, 0, 0, 0]
        seen = np.flatnonzero(np.abs(first_entry[1:] - first_entry[0]) > 1e-12)
        # windows with gaps skip pixels inside the field, so the field is the stretch from the first to the last
        assert seen[-1] - seen[0] + 1 == receptive_field(layers) <= width, layers
    assert receptive_field([]) == 1


def test_graph_gradient_equals_the_complex_step() -> None:
    def f(x: complex, y: complex) -> complex:
        return cmath.cos(x) * cmath.sin(x) + x / y

    h = 1e-30
    rng = np.random.default_rng(7)
    for x, y in rng.uniform(-6, 6, size=(SHAPES, 2)).tolist():
        want = (f(complex(x, h), y).imag / h, f(x, complex(y, h)).imag / h)
        assert graph_gradient(x, y) == pytest.approx(want, rel=1e-10, abs=1e-10)


def test_tape_gradient_is_the_sum_over_all_ways() -> None:
    rng = np.random.default_rng(8)
    for _ in range(SHAPES):
        count = int(rng.integers(1, 8))
        links = [
            (place, int(source), float(rng.normal()))
            for place in range(1, count)
            for source in rng.integers(0, place, rng.integers(4))
        ]

        def ways(start: int, end: int, links: list[tuple[int, int, float]] = links) -> float:
            return float(start == end) + sum(
                rate * ways(start, source, links) for place, source, rate in links if place == end
            )

        want = [ways(start, count - 1) for start in range(count)]
        assert np.allclose(tape_gradient(links, count), want, rtol=1e-10, atol=1e-10), links


def test_numerical_gradient_equals_the_central_difference_of_a_cubic() -> None:
    for number in range(SHAPES):
        case = pool_case(number)
        x, a = (array.copy() for array in normal(number, "float64", *[(case.N, case.H, case.W)] * 2))
        before, h = x.copy(), 10.0 ** -(number % 5 + 1)
        got = numerical_gradient(lambda x, a=a: float(np.sum(a * x**3 + x)), x, h)
        # on paper, (a (x + h)³ − a (x − h)³) / 2h = 3ax² + ah²
        pairs = zip(a.reshape(-1).tolist(), x.reshape(-1).tolist(), strict=True)
        want = [3 * ai * xi * xi + ai * h * h + 1 for ai, xi in pairs]
        assert np.allclose(got, np.reshape(want, x.shape), rtol=1e-7, atol=1e-7), (case, h)
        assert np.array_equal(x, before)


# --- properties ----------------------------------------------------------------------------------------------------


def test_conv2d_is_linear_in_images_and_in_filters() -> None:
    for number in range(200):
        case = conv_case(number)
        x, w, b, _ = conv_arrays(case, number, "float64")
        x2, w2, b2, _ = conv_arrays(case, number + SHAPES, "float64")
        none = np.zeros(case.K)
        got = run_conv2d(case, 2 * x - 3 * x2, w, none)
        assert_close(
            got, 2 * run_conv2d(case, x, w, none) - 3 * run_conv2d(case, x2, w, none), "float64", case
        )
        got = run_conv2d(case, x, 2 * w - 3 * w2, 2 * b - 3 * b2)
        assert_close(got, 2 * run_conv2d(case, x, w, b) - 3 * run_conv2d(case, x, w2, b2), "float64", case)


def test_conv2d_moves_with_the_image_away_from_borders() -> None:
    rng = np.random.default_rng(3)
    for number in range(200):
        case = conv_case(number)
        x, w, b, _ = conv_arrays(case, number, "float64")
        x = rng.normal(size=(case.N, 20, 22, case.C))
        down, across = int(rng.integers(0, 3)), int(rng.integers(0, 3))
        steps_down, steps_across = down * case.stride, across * case.stride
        moved = np.roll(x, (steps_down, steps_across), axis=(1, 2))
        padding = case.padding[0] if case.even else 0
        y, y_moved = conv2d(x, w, b, case.stride, padding), conv2d(moved, w, b, case.stride, padding)
        # entries whose windows meet neither the zeros nor the seam where the image was rolled
        first = [down + -(-padding // case.stride), across + -(-padding // case.stride)]
        last = [(20 + padding - case.F_h) // case.stride + 1, (22 + padding - case.F_w) // case.stride + 1]
        rows, columns = slice(first[0], last[0]), slice(first[1], last[1])
        back = (slice(first[0] - down, last[0] - down), slice(first[1] - across, last[1] - across))
        assert y_moved[:, rows, columns].size > 0
        assert_close(y_moved[:, rows, columns], y[:, back[0], back[1]], "float64", (case, down, across))


def test_conv2d_backward_is_the_adjoint_of_conv2d() -> None:
    """⟨conv x, y⟩ = ⟨x, dx⟩ = ⟨w, dw⟩ without bias, and the bias's share is ⟨b, db⟩."""
    for number in range(SHAPES):
        case = conv_case(number)
        x, w, b, y = conv_arrays(case, number, "float64")
        dx, dw, db = run_conv2d_backward(case, y, x, w)
        forward = np.vdot(run_conv2d(case, x, w, np.zeros(case.K)), y)
        assert np.vdot(x, dx) == pytest.approx(forward, rel=1e-9, abs=1e-9), case
        assert np.vdot(w, dw) == pytest.approx(forward, rel=1e-9, abs=1e-9), case
        with_bias = np.vdot(run_conv2d(case, x, w, b), y)
        assert np.vdot(b, db) == pytest.approx(with_bias - forward, rel=1e-9, abs=1e-9), case


def test_pooling_backward_is_the_adjoint_and_keeps_the_sum() -> None:
    for number in range(SHAPES):
        case = pool_case(number)
        x, y = pool_arrays(case, number, "float64", ceil_mode=True)
        dx = avg_pool2d_backward(y, x.shape, case.size, case.stride)
        pooled = avg_pool2d(x, case.size, case.stride, ceil_mode=True)
        assert np.vdot(x, dx) == pytest.approx(np.vdot(pooled, y), rel=1e-9, abs=1e-9), case
        assert dx.sum() == pytest.approx(y.sum(), rel=1e-9, abs=1e-9), case
        x, y = pool_arrays(case, number, "float64", ceil_mode=False)
        dx = max_pool2d_backward(y, x, case.size, case.stride)
        pooled = max_pool2d(x, case.size, case.stride)
        assert np.vdot(x, dx) == pytest.approx(np.vdot(pooled, y), rel=1e-9, abs=1e-9), case
        assert dx.sum() == pytest.approx(y.sum(), rel=1e-9, abs=1e-9), case


def test_average_pooling_is_a_convolution() -> None:
    for number in range(100):
        case = pool_case(number)
        (x,) = normal(number, "float64", (case.N, case.H, case.W, case.C))
        filters = avg_pool_as_conv(case.C, case.size)
        got = conv2d(x, filters, np.zeros(case.C), stride=case.size)
        tiles = PoolCase(case.N, case.H, case.W, case.C, case.size, stride=case.size)
        assert_close(got, naive_pool(tiles, x.tolist(), False, mean), "float64", tiles)


def test_pooling_of_a_moved_map_moves_by_whole_cells() -> None:
    rng = np.random.default_rng(5)
    for size, kernel in itertools.product((2, 3, 4), (max_pool2d, avg_pool2d)):
        x = rng.normal(size=(2, 12, 24, 3))
        moved = np.roll(x, size, axis=2)
        assert_close(kernel(moved, size)[:, :, 1:], kernel(x, size)[:, :, :-1], "float64", size)
