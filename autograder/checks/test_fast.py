"""Checks of chapter 9, fast."""

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

import numpy as np
import pytest

from autograder.checking.subject import Subject
from autograder.checks.inputs import bright, sevenths, signed

# Most small inputs are eighths: their products and sums are exact in float64, whatever the order of adding. They are
# exact in float32 too, so that sevenths show who computes in it.


def _places(size: int, window: int, stride: int, padding: int) -> int:
    """How many windows fit on an axis."""
    return (size + 2 * padding - window) // stride + 1


# im2col


def test_im2col_on_a_hand_worked_image(im2col: Subject, rng: np.random.Generator) -> None:
    """writes the four 2×2 windows of a 3×3 image as rows: 1 2 4 5, 2 3 5 6, 4 5 7 8, 5 6 8 9"""
    im2col.agrees(np.arange(1.0, 10.0).reshape(1, 3, 3, 1), 2, 2)
    im2col.agrees(signed(rng, (1, 3, 3, 1)), 2, 2)


def test_im2col_puts_the_channels_of_a_pixel_side_by_side(im2col: Subject, rng: np.random.Generator) -> None:
    """goes through a window row by row, and puts each pixel's channels side by side"""
    im2col.agrees(signed(rng, (1, 2, 2, 2)), 2, 2)
    im2col.agrees(signed(rng, (1, 2, 3, 3)), 2, 3)


def test_im2col_goes_picture_by_picture_and_row_by_row(im2col: Subject, rng: np.random.Generator) -> None:
    """goes picture by picture, and in each from left to right, row by row"""
    im2col.agrees(signed(rng, (2, 2, 2, 1)), 1, 1)
    im2col.agrees(signed(rng, (2, 3, 4, 2)), 2, 1)


def test_im2col_moves_by_its_stride(im2col: Subject, rng: np.random.Generator) -> None:
    """moves by the stride both ways, over windows that tile, overlap or leave gaps"""
    im2col.agrees(signed(rng, (1, 4, 4, 1)), 2, 2, 2)
    im2col.agrees(signed(rng, (1, 6, 7, 1)), 3, 3, 2)
    im2col.agrees(signed(rng, (2, 8, 5, 2)), 2, 1, 3)


def test_im2col_pads_every_side_with_zeros(im2col: Subject, rng: np.random.Generator) -> None:
    """pads all four sides of the images with zeros"""
    im2col.agrees(signed(rng, (1, 2, 3, 1)), 1, 1, 1, 1)
    im2col.agrees(signed(rng, (1, 3, 4, 1)), 2, 4, 1, 2)


def test_im2col_keeps_the_dtype(im2col: Subject, rng: np.random.Generator) -> None:
    """keeps the dtype, and all digits of a number: uint8, float32 and float64 stay what they are"""
    im2col.agrees(bright(rng, (1, 3, 4, 3)), 2, 2, 1, 1, dtype=np.uint8)
    im2col.agrees(sevenths(rng, (1, 4, 3, 2)), 2, 3, 1, 1, dtype=np.float64)
    im2col.agrees(signed(rng, (2, 4, 3, 1)).astype(np.float32), 3, 2, dtype=np.float32)


def test_im2col_keeps_all_sizes_apart(im2col: Subject, rng: np.random.Generator) -> None:
    """keeps images, height, width, window and channels apart, with stride and padding, down to one window"""
    im2col.agrees(signed(rng, (2, 5, 7, 3)), 3, 2, 2, 1)
    im2col.agrees(signed(rng, (3, 3, 2, 2)), 5, 4, 1, 1)
    im2col.agrees(signed(rng, (1, 2, 4, 2)), 1, 3)  # windows wider than the image is high
    im2col.agrees(signed(rng, (1, 4, 2, 2)), 3, 1)
    im2col.agrees(signed(rng, (1, 2, 1, 1)), 6, 5, 1, 2)


# col2im


def _rows(
    rng: np.random.Generator,
    images: tuple[int, int, int, int],
    filter_h: int,
    filter_w: int,
    stride: int = 1,
    padding: int = 0,
) -> tuple[np.ndarray, tuple[int, int, int, int], int, int, int, int]:
    """Arguments for col2im that fit together."""
    N, H, W, C = images
    places = _places(H, filter_h, stride, padding) * _places(W, filter_w, stride, padding)
    columns = signed(rng, (N * places, filter_h * filter_w * C))
    return columns, images, filter_h, filter_w, stride, padding


def test_col2im_on_a_hand_worked_image(col2im: Subject, rng: np.random.Generator) -> None:
    """carries four rows of 4 numbers back to 3×3 pixels: the corners get one number, the middle gets four"""
    col2im.agrees(np.arange(1.0, 17.0).reshape(4, 4), (1, 3, 3, 1), 2, 2)
    col2im.agrees(signed(rng, (4, 4)), (1, 3, 3, 1), 2, 2)


def test_col2im_knows_the_order_within_a_row(col2im: Subject, rng: np.random.Generator) -> None:
    """knows that a row holds a window row by row, each pixel's channels side by side"""
    col2im.agrees(*_rows(rng, (1, 2, 2, 2), 2, 2))
    col2im.agrees(*_rows(rng, (1, 2, 3, 3), 2, 3))


def test_col2im_knows_the_order_of_the_rows(col2im: Subject, rng: np.random.Generator) -> None:
    """knows that rows go picture by picture, and in each row by row of places"""
    col2im.agrees(*_rows(rng, (2, 2, 2, 1), 1, 1))
    col2im.agrees(*_rows(rng, (2, 3, 4, 2), 2, 1))


def test_col2im_moves_by_its_stride(col2im: Subject, rng: np.random.Generator) -> None:
    """moves by the stride, and gives 0 to pixels that no window saw"""
    col2im.agrees(*_rows(rng, (1, 4, 4, 1), 2, 2, 2))
    col2im.agrees(*_rows(rng, (1, 6, 8, 1), 3, 3, 2))
    col2im.agrees(*_rows(rng, (2, 8, 5, 2), 2, 1, 3))


def test_col2im_drops_what_fell_on_the_padding(col2im: Subject, rng: np.random.Generator) -> None:
    """cuts the padding off on all sides"""
    col2im.agrees(*_rows(rng, (1, 2, 3, 1), 1, 1, 1, 1))
    col2im.agrees(*_rows(rng, (1, 3, 4, 1), 2, 4, 1, 2))


def test_col2im_is_the_adjoint_of_im2col(col2im: Subject, rng: np.random.Generator) -> None:
    """makes the sum of x · col2im(y) equal to the sum of im2col(x) · y"""
    images, filter_h, filter_w, stride, padding = (2, 5, 6, 2), 3, 2, 2, 1
    x = signed(rng, images)
    args = _rows(rng, images, filter_h, filter_w, stride, padding)
    back = col2im.returns(*args)
    fits = isinstance(back, np.ndarray) and back.shape == images
    col2im.require(fits, f"the result must have the shape of the images, {images}", *args, got=back)
    framed = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    down, across = (
        _places(images[1], filter_h, stride, padding),
        _places(images[2], filter_w, stride, padding),
    )
    there = 0.0
    for row, (n, i, j) in zip(args[0], np.ndindex(images[0], down, across), strict=True):
        top, left = i * stride, j * stride
        there += float(row @ framed[n, top : top + filter_h, left : left + filter_w].ravel())
    again = float(np.sum(x * back))
    col2im.require(
        bool(np.isclose(again, there, rtol=1e-10, atol=1e-10 * float(np.sum(np.abs(x * back))))),
        f"for some images x the sum of im2col(x) · y is {there:.6g}, but that of x · col2im(y) is {again:.6g}",
        *args, got=back,
    )  # fmt: skip


def test_col2im_keeps_the_dtype(col2im: Subject, rng: np.random.Generator) -> None:
    """keeps float32, and in float64 all digits of a number"""
    columns, *rest = _rows(rng, (2, 4, 3, 1), 3, 2, 1, 1)
    col2im.agrees(columns.astype(np.float32), *rest, dtype=np.float32)
    col2im.agrees(sevenths(rng, columns.shape), *rest, dtype=np.float64)


def test_col2im_keeps_all_sizes_apart(col2im: Subject, rng: np.random.Generator) -> None:
    """keeps images, height, width, window and channels apart, with stride and padding, down to one window"""
    col2im.agrees(*_rows(rng, (2, 5, 7, 3), 3, 2, 2, 1))
    col2im.agrees(*_rows(rng, (3, 3, 2, 2), 5, 4, 1, 1))
    col2im.agrees(*_rows(rng, (1, 2, 4, 2), 1, 3))  # windows wider than the image is high
    col2im.agrees(*_rows(rng, (1, 4, 2, 2), 3, 1))
    col2im.agrees(*_rows(rng, (1, 2, 1, 1), 6, 5, 1, 2))


# Time, of both passes


class Layer(NamedTuple):
    """The shapes of a race."""

    images: tuple[int, int, int, int]
    filters: tuple[int, int, int, int]
    maps: tuple[int, int, int, int]
    stride: int
    padding: int


FORWARD = Layer((2, 36, 36, 1), (11, 11, 1, 256), (2, 36, 36, 256), stride=1, padding=5)
"""A first layer on grey images, in which windows are long and pixels as short as can be.

It sets the ways of writing the kernel apart, whatever the machine: one product or a few for all windows; one for each
place, or none that BLAS takes whole; one for each of a window's pixels, which with a single channel are no products of
matrices at all; loops. Two pictures are so few that a product for each place, with a row for each picture, is slow
everywhere. `tests/test_timing.py` has the medals of each.
"""

BACKWARD = Layer((8, 28, 28, 2), (7, 7, 2, 512), (8, 14, 14, 512), stride=2, padding=3)
"""A layer of its own for the backward pass, whose ways lie too close together on the other one.

With a single channel a product for each pixel of a window is a matrix times a vector, backwards, and as quick as the
caches hand over the upstream gradient. Here the vector is a matrix of two columns, which BLAS is slow at, wherever the
gradient lies. There are many filters, as what im2col and col2im cost does not grow with them; and a stride, as whoever
correlates the gradient with the turned filters then multiplies the zeros between its entries, too. The images are few,
so that a kernel at the bound of bronze takes less than RACE_SECONDS: what takes longer is estimated and wins nothing.
"""

BRONZE, SILVER, GOLD = 500, 25, 3
"""How many times as long as the bare product a kernel may take: no way that was measured lies within 1.4 of a bound."""

Arrays = tuple[np.ndarray, ...]


def _drawn(rng: np.random.Generator, *shapes: tuple[int, ...]) -> Arrays:
    """Arrays of float32 whose last bits are random too, so that a mask hides them."""
    return tuple(rng.standard_normal(shape, dtype=np.float32) for shape in shapes)


def _first_picture(layer: Layer, args: Arrays, side: int | None = None) -> tuple[Any, ...]:
    """The arguments of a race, cut down to one picture, and that to the corner with so many rows and columns of places."""
    pixels = side and (side - 1) * layer.stride + layer.filters[0] - 2 * layer.padding
    sides = {layer.images: pixels, layer.maps: side}
    cut = (
        array[:1, : sides[array.shape], : sides[array.shape]] if array.shape in sides else array
        for array in args
    )
    return *cut, layer.stride, layer.padding


def _race(
    subject: Subject,
    most: float,
    rng: np.random.Generator,
    layer: Layer,
    shapes: tuple[tuple[int, ...], ...],
    backward: bool,
) -> tuple[Arrays, Any]:
    """Time a kernel on arrays of these shapes against the bare product, of which the backward pass has two.

    Returns the arrays and the result of the call that counts. The bare product is that of the matrix of all windows
    with the filters; the two of the backward pass are of the same size.
    """

    def draw() -> tuple[Any, ...]:
        return *_drawn(rng, *shapes), layer.stride, layer.padding

    small = draw()[:3]
    entries = prod(layer.filters[:3])
    windows, filters = _drawn(rng, (prod(layer.maps[:3]), entries), (entries, layer.filters[3]))
    maps = windows @ filters

    def bare() -> Arrays:
        return (windows.T @ maps, maps @ filters.T) if backward else (windows @ filters,)

    # Four places: 123,904 products forwards, 401,408 backwards; loops over single numbers do them in less than a second.
    glance, probe = _first_picture(layer, small, 2), _first_picture(layer, small)
    args, result = subject.keeps_up(most, glance, probe, draw, bare, best=2)
    return args[:3], result


def _prove(
    subject: Subject,
    rng: np.random.Generator,
    layer: Layer,
    name: str,
    args: Arrays,
    result: Any,
    shape: tuple[int, ...],
    entry: Callable[..., np.floating],
) -> None:
    """Require that what the race returned is of that shape and float32, and right at 50 places drawn at random."""
    shown = _first_picture(layer, args)
    sound = isinstance(result, np.ndarray) and result.shape == shape and result.dtype == np.float32
    subject.require(
        sound, f"in the race, {name} was not an array of float32 of shape {shape}", *shown, got=result
    )
    places = rng.integers(0, shape, (50, len(shape)))
    places[0] = np.array(shape) - 1
    right = np.array([entry(*place) for place in places])
    off = np.abs(right - result[tuple(places.T)])
    worst = int(np.argmax(off))
    at = ", ".join(map(str, places[worst]))
    subject.require(
        bool(np.all(off <= 1e-3 * np.abs(right).max())),
        f"all was right on small inputs, but in the race {name} was off by {off[worst]:.3g} at [{at}]",
        *shown, got=result,
    )  # fmt: skip


def _framed(images: np.ndarray, padding: int) -> np.ndarray:
    around = (padding, padding)
    return np.pad(images.astype(np.float64), ((0, 0), around, around, (0, 0)))


# conv2d_fast


def _image(rows: list[list[float]]) -> np.ndarray:
    """A batch of one grey image: array (1, H, W, 1)."""
    return np.array(rows)[np.newaxis, :, :, np.newaxis]


def test_conv2d_fast_on_hand_worked_images(conv2d_fast: Subject, rng: np.random.Generator) -> None:
    """works on a hand-worked 3×3 image with a 2×2 filter, and on batches of two and eleven"""
    x = _image([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 10.0]])
    w = np.array([[1.0, -2.0], [0.5, 0.0]])[:, :, np.newaxis, np.newaxis]
    conv2d_fast.agrees(x, w, np.array([0.5]))
    conv2d_fast.agrees(np.concatenate([x, x[:, ::-1] + 1]), w, np.array([-0.25]))
    conv2d_fast.agrees(signed(rng, (11, 2, 3, 1)), w, np.array([0.5]))


def test_conv2d_fast_uses_each_filter_as_it_stands(conv2d_fast: Subject, rng: np.random.Generator) -> None:
    """uses each filter as it stands, sums over the channels and adds the filter's own bias once"""
    x = np.zeros((1, 5, 5, 2))
    x[0, 2, 2] = [1.0, -1.0]
    conv2d_fast.agrees(x, np.arange(1.0, 37.0).reshape(3, 3, 2, 2) ** 2, np.array([0.25, -0.5]))
    conv2d_fast.agrees(signed(rng, (1, 4, 4, 2)), signed(rng, (3, 3, 2, 2)), signed(rng, (2,)))
    deep = rng.integers(1, 9, (2, 2, 1, 3)) / 8
    deep[..., 0] += 4  # the first channel is unlike the last everywhere
    conv2d_fast.agrees(deep, np.abs(signed(rng, (1, 1, 3, 1))), np.array([1.5]))
    conv2d_fast.agrees(deep, signed(rng, (1, 1, 3, 4)), signed(rng, (4,)))


def test_conv2d_fast_moves_by_its_stride(conv2d_fast: Subject, rng: np.random.Generator) -> None:
    """moves by the stride both ways, over windows that tile, overlap or leave gaps"""
    conv2d_fast.agrees(signed(rng, (1, 4, 4, 1)), np.abs(signed(rng, (2, 2, 1, 1))), np.array([0.5]), 2)
    conv2d_fast.agrees(signed(rng, (2, 6, 7, 1)), signed(rng, (3, 3, 1, 2)), signed(rng, (2,)), 2)
    conv2d_fast.agrees(signed(rng, (1, 8, 5, 2)), signed(rng, (2, 1, 2, 1)), np.array([-1.0]), 3)


def test_conv2d_fast_pads_every_side_with_zeros(conv2d_fast: Subject, rng: np.random.Generator) -> None:
    """pads all four sides of the images with zeros"""
    conv2d_fast.agrees(1 + np.abs(signed(rng, (1, 2, 3, 1))), np.ones((1, 1, 1, 1)), np.array([0.5]), 1, 1)
    conv2d_fast.agrees(signed(rng, (2, 4, 3, 2)), signed(rng, (3, 3, 2, 1)), np.array([0.5]), 1, 1)
    conv2d_fast.agrees(signed(rng, (1, 3, 5, 1)), signed(rng, (2, 4, 1, 2)), signed(rng, (2,)), 1, 2)


def test_conv2d_fast_with_filters_as_large_as_the_padded_images(
    conv2d_fast: Subject, rng: np.random.Generator
) -> None:
    """gives one number for filters as large as the padded images, and ValueError for what does not fit"""
    x, b = signed(rng, (2, 3, 2, 2)), signed(rng, (3,))
    conv2d_fast.agrees(x, signed(rng, (5, 4, 2, 3)), b, 1, 1)
    conv2d_fast.agrees(x, signed(rng, (7, 6, 2, 3)), b, 1, 2)
    conv2d_fast.agrees(x, signed(rng, (3, 2, 2, 3)), b, 4)
    conv2d_fast.raises(ValueError, x, signed(rng, (4, 2, 2, 3)), b)
    conv2d_fast.raises(ValueError, x, signed(rng, (5, 5, 2, 3)), b, 2, 1)
    conv2d_fast.raises(ValueError, x, signed(rng, (2, 2, 1, 3)), b)  # one channel for two
    conv2d_fast.raises(ValueError, x[..., :1], signed(rng, (2, 2, 2, 3)), b)  # two for one


def test_conv2d_fast_keeps_all_sizes_and_dtypes_apart(conv2d_fast: Subject, rng: np.random.Generator) -> None:
    """keeps all sizes apart, float64 to the last digit, float32 in float32, and leaves the range of uint8 behind"""
    conv2d_fast.agrees(signed(rng, (2, 5, 7, 3)), signed(rng, (3, 2, 3, 4)), signed(rng, (4,)), 2, 1)
    flat, low = signed(rng, (1, 2, 4, 2)), signed(rng, (1, 3, 2, 2))  # filters wider than the image is high
    conv2d_fast.agrees(flat, low, signed(rng, (2,)))
    conv2d_fast.agrees(flat.transpose(0, 2, 1, 3), low.transpose(1, 0, 2, 3), signed(rng, (2,)))
    conv2d_fast.agrees(sevenths(rng, (1, 3, 4, 2)), sevenths(rng, (2, 2, 2, 3)), sevenths(rng, (3,)))
    w = np.abs(signed(rng, (3, 3, 3, 2)))
    w[..., 1] *= -1  # one map far above 255, one far below 0
    conv2d_fast.agrees(bright(rng, (2, 5, 4, 3)), w, np.array([0.5, -8.0]), 1, 1)
    small = [signed(rng, shape).astype(np.float32) for shape in [(3, 7, 4, 2), (2, 4, 2, 5), (5,)]]
    conv2d_fast.agrees(*small, 3, 2, dtype=np.float32)


def _fast_within(conv2d_fast: Subject, rng: np.random.Generator, most: float) -> None:
    shapes = (FORWARD.images, FORWARD.filters, FORWARD.filters[3:])
    (x, w, b), out = _race(conv2d_fast, most, rng, FORWARD, shapes, backward=False)
    padded, (F_h, F_w), stride = _framed(x, FORWARD.padding), FORWARD.filters[:2], FORWARD.stride

    def entry(n: int, i: int, j: int, k: int) -> np.floating:
        top, left = i * stride, j * stride
        return np.sum(padded[n, top : top + F_h, left : left + F_w] * w[..., k]) + b[k]

    _prove(conv2d_fast, rng, FORWARD, "the result", (x, w, b), out, FORWARD.maps, entry)


@pytest.mark.timed
def test_conv2d_fast_for_bronze(conv2d_fast: Subject, rng: np.random.Generator) -> None:
    """bronze: takes at most 500 times as long as the bare product"""
    _fast_within(conv2d_fast, rng, BRONZE)


@pytest.mark.timed
def test_conv2d_fast_for_silver(conv2d_fast: Subject, rng: np.random.Generator) -> None:
    """silver: takes at most 25 times as long as the bare product"""
    _fast_within(conv2d_fast, rng, SILVER)


@pytest.mark.timed
def test_conv2d_fast_for_gold(conv2d_fast: Subject, rng: np.random.Generator) -> None:
    """gold: takes at most 3 times as long as the bare product"""
    _fast_within(conv2d_fast, rng, GOLD)


# conv2d_fast_backward


def _layer(
    rng: np.random.Generator,
    images: tuple[int, int, int, int],
    filters: tuple[int, int, int, int],
    stride: int = 1,
    padding: int = 0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int, int]:
    """Arguments for conv2d_fast_backward that fit together."""
    places = (_places(images[axis], filters[axis - 1], stride, padding) for axis in (1, 2))
    dout = signed(rng, (images[0], *places, filters[3]))
    return dout, signed(rng, images), signed(rng, filters), stride, padding


def test_conv2d_fast_backward_on_hand_worked_images(
    conv2d_fast_backward: Subject, rng: np.random.Generator
) -> None:
    """works on one 2×2 window, with dx = 2 · w, dw = 2 · x, db = 2, and on four that overlap"""
    x = _image([[1.0, 2.0], [3.0, 5.0]])
    w = np.array([[7.0, -1.0], [4.0, 0.5]]).reshape(2, 2, 1, 1)
    conv2d_fast_backward.agrees(np.full((1, 1, 1, 1), 2.0), x, w)
    large = _image([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 10.0]])
    conv2d_fast_backward.agrees(_image([[1.0, 2.0], [3.0, 5.0]]), large, w)
    conv2d_fast_backward.agrees(*_layer(rng, (1, 2, 2, 1), (2, 2, 1, 1)))
    dout, *layer = _layer(rng, (1, 3, 3, 1), (2, 2, 1, 1))
    conv2d_fast_backward.agrees(np.abs(dout), *layer)  # whose sum is not 0, nor then its mean


def test_conv2d_fast_backward_adds_up_over_the_batch(
    conv2d_fast_backward: Subject, rng: np.random.Generator
) -> None:
    """adds dw and db up over all images, for batches of three and eleven, and averages nothing"""
    conv2d_fast_backward.agrees(*_layer(rng, (3, 2, 3, 1), (1, 2, 1, 1)))
    conv2d_fast_backward.agrees(*_layer(rng, (11, 2, 2, 1), (2, 1, 1, 1)))


def test_conv2d_fast_backward_keeps_channels_and_filters_apart(
    conv2d_fast_backward: Subject, rng: np.random.Generator
) -> None:
    """keeps channels and filters apart where there are as many of each"""
    conv2d_fast_backward.agrees(*_layer(rng, (2, 4, 4, 3), (2, 2, 3, 3)))


def test_conv2d_fast_backward_cuts_off_the_padding(
    conv2d_fast_backward: Subject, rng: np.random.Generator
) -> None:
    """cuts the gradient of the padding off on all sides"""
    conv2d_fast_backward.agrees(*_layer(rng, (1, 3, 4, 1), (3, 3, 1, 1), padding=1))
    conv2d_fast_backward.agrees(*_layer(rng, (2, 2, 3, 2), (2, 3, 2, 1), padding=2))
    conv2d_fast_backward.agrees(*_layer(rng, (1, 2, 1, 1), (6, 5, 1, 2), padding=2))


def test_conv2d_fast_backward_with_a_stride(conv2d_fast_backward: Subject, rng: np.random.Generator) -> None:
    """works with strides, also where pixels at the end are in no window and get 0"""
    conv2d_fast_backward.agrees(*_layer(rng, (1, 5, 7, 1), (3, 3, 1, 1), stride=2))
    conv2d_fast_backward.agrees(*_layer(rng, (1, 6, 4, 1), (3, 3, 1, 1), stride=2))
    conv2d_fast_backward.agrees(*_layer(rng, (2, 6, 7, 2), (3, 2, 2, 3), stride=2, padding=1))
    conv2d_fast_backward.agrees(*_layer(rng, (1, 5, 9, 2), (2, 2, 2, 2), stride=3))


def test_conv2d_fast_backward_keeps_all_sizes_and_dtypes_apart(
    conv2d_fast_backward: Subject, rng: np.random.Generator
) -> None:
    """keeps height, width, channels and filters apart, float64 to the last digit, and float32 in float32"""
    conv2d_fast_backward.agrees(*_layer(rng, (2, 6, 4, 2), (2, 3, 2, 4)))
    conv2d_fast_backward.agrees(
        *_layer(rng, (1, 2, 4, 2), (1, 3, 2, 2))
    )  # filters wider than the image is high
    conv2d_fast_backward.agrees(*_layer(rng, (1, 4, 2, 2), (3, 1, 2, 2)))
    conv2d_fast_backward.agrees(*(array * 8 / 7 for array in _layer(rng, (1, 3, 4, 2), (2, 2, 2, 3))[:3]))
    dout, x, w, stride, padding = _layer(rng, (3, 4, 7, 3), (3, 2, 3, 2), padding=1)
    small = (*(array.astype(np.float32) for array in (dout, x, w)), stride, padding)
    conv2d_fast_backward.agrees(*small, dtype=np.float32)


def _backward_within(conv2d_fast_backward: Subject, rng: np.random.Generator, most: float) -> None:
    images, filters, maps, stride, padding = BACKWARD
    shapes = (maps, images, filters)
    (dout, x, w), results = _race(conv2d_fast_backward, most, rng, BACKWARD, shapes, backward=True)
    several = isinstance(results, tuple | list) and len(results) == 3
    conv2d_fast_backward.require(
        several, "in the race, there were not three results", *_first_picture(BACKWARD, (dout, x, w))
    )
    padded, exact, (F_h, F_w), (_, H, W, K) = _framed(x, padding), w.astype(np.float64), filters[:2], maps

    def d_image(n: int, i: int, j: int, c: int) -> np.floating:
        """Each place whose window saw this pixel hands back its gradient, times the weight that was there."""
        weights = ((y, z, i + padding - y * stride, j + padding - z * stride) for y, z in np.ndindex(H, W))
        shares = [dout[n, y, z] @ exact[u, v, c] for y, z, u, v in weights if 0 <= u < F_h and 0 <= v < F_w]
        return np.sum(shares)

    def d_filter(u: int, v: int, c: int, k: int) -> np.floating:
        below, right = u + H * stride, v + W * stride
        return np.sum(padded[:, u:below:stride, v:right:stride, c] * dout[..., k])

    def d_bias(k: int) -> np.floating:
        return np.sum(dout[..., k], dtype=np.float64)

    found: tuple[tuple[int, ...], ...] = (images, filters, (K,))
    entries: tuple[Callable[..., np.floating], ...] = (d_image, d_filter, d_bias)
    for name, result, shape, entry in zip(("dx", "dw", "db"), results, found, entries, strict=True):
        _prove(conv2d_fast_backward, rng, BACKWARD, name, (dout, x, w), result, shape, entry)


@pytest.mark.timed
def test_conv2d_fast_backward_for_bronze(conv2d_fast_backward: Subject, rng: np.random.Generator) -> None:
    """bronze: takes at most 500 times as long as two bare products"""
    _backward_within(conv2d_fast_backward, rng, BRONZE)


@pytest.mark.timed
def test_conv2d_fast_backward_for_silver(conv2d_fast_backward: Subject, rng: np.random.Generator) -> None:
    """silver: takes at most 25 times as long as two bare products"""
    _backward_within(conv2d_fast_backward, rng, SILVER)


@pytest.mark.timed
def test_conv2d_fast_backward_for_gold(conv2d_fast_backward: Subject, rng: np.random.Generator) -> None:
    """gold: takes at most 3 times as long as two bare products"""
    _backward_within(conv2d_fast_backward, rng, GOLD)
