"""Mistakes and alternatives of chapter 5, pooling."""

import math
from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from solutions.padding import conv2d
from solutions.pooling import avg_pool2d, avg_pool_as_conv, max_pool2d

from . import AXES, DIGITS, alternative, mistake, spared


def _starts(length: int, size: int, stride: int, ceil_mode: bool) -> list[int]:
    """Where the windows along one axis begin, or ValueError if none fits."""
    steps = (length - size) / stride
    count = (math.ceil(steps) if ceil_mode else math.floor(steps)) + 1
    starts = [start for start in range(0, count * stride, stride) if start < length]
    if not starts:
        raise ValueError(f"a window of {size} does not fit on {length} cells")
    return starts


def _pool(
    x: np.ndarray,
    size: int,
    tops: list[int],
    lefts: list[int],
    reduce: Callable[[np.ndarray], np.ndarray],
    dtype: type | np.dtype = np.float64,
) -> np.ndarray:
    """Loops over the windows that begin at these rows and columns; reduce makes (N, C) of a window (N, h, w, C)."""
    out = np.zeros((len(x), len(tops), len(lefts), x.shape[3]), dtype=dtype)
    for i, top in enumerate(tops):
        for j, left in enumerate(lefts):
            out[:, i, j] = reduce(x[:, top : top + size, left : left + size])
    return out


def _pool_as_asked(
    x: np.ndarray,
    size: int,
    stride: int | None,
    ceil_mode: bool,
    reduce: Callable[[np.ndarray], np.ndarray],
    dtype: type | np.dtype = np.float64,
) -> np.ndarray:
    """The same loops over the right windows."""
    tops, lefts = (_starts(x.shape[axis], size, stride or size, ceil_mode) for axis in (1, 2))
    return _pool(x, size, tops, lefts, reduce, dtype)


def _starts_unseen(length: int, size: int, stride: int, ceil_mode: bool) -> list[int]:
    """As many starts as the formula says, though the last may lie beyond the edge."""
    steps = (length - size) / stride
    return list(range(0, stride * ((math.ceil(steps) if ceil_mode else math.floor(steps)) + 1), stride))


def _starts_moved_back(length: int, size: int, stride: int, ceil_mode: bool) -> list[int]:
    """Starts in ceil mode, of which the last is moved back until its window fits."""
    return [min(start, max(length - size, 0)) for start in _starts(length, size, stride, ceil_mode)]


def _starts_or_none(x: np.ndarray, size: int, stride: int | None, ceil_mode: bool) -> list[list[int]]:
    """The right starts along both axes, and none at all where no window fits."""
    step = stride or size
    spare = step - 1 if ceil_mode else 0
    return [
        [start for start in range(0, length - size + spare + 1, step) if start < length]
        for length in x.shape[1:3]
    ]


def _refuse_large_windows(x: np.ndarray, size: int) -> None:
    """ValueError for a window that is larger than the map, also where ceil mode would keep it."""
    if size > min(x.shape[1:3]):
        raise ValueError(f"a window of {size} is larger than a map of {x.shape[1:3]}")


def _starts_one_at_least(length: int, size: int, stride: int, ceil_mode: bool) -> list[int]:
    """The right starts, but in ceil mode one window even where the formula counts none."""
    return [0] if ceil_mode and size > length else _starts(length, size, stride, ceil_mode)


def _largest(window: np.ndarray) -> np.ndarray:
    return window.max(axis=(1, 2))


def _mean(window: np.ndarray) -> np.ndarray:
    return window.mean(axis=(1, 2))


# max_pool2d


@mistake(
    "max_pool2d",
    "Your search for the largest number begins at 0, so a window in which all is negative answers 0. Begin "
    "with a number of the window.",
    caught_by="test_max_pool2d_of_negative_numbers",
)
def begins_at_zero(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    return np.maximum(max_pool2d(x, size, stride, ceil_mode), 0)


@mistake(
    "max_pool2d",
    "Your search for the largest number begins at −1000, and numbers can lie further down. Begin with a number "
    "of the window, or with minus infinity.",
    caught_by="test_max_pool2d_of_negative_numbers",
)
def begins_at_minus_a_thousand(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    if x.dtype.kind != "f":
        return max_pool2d(x, size, stride, ceil_mode)
    return np.maximum(max_pool2d(x, size, stride, ceil_mode), -1000)


@mistake(
    "max_pool2d",
    "Your function compares sizes without signs: −7 counts as 7. The largest of −7 and 2 is 2.",
    caught_by="test_max_pool2d_of_negative_numbers",
)
def takes_absolute_values(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    return max_pool2d(np.abs(x), size, stride, ceil_mode)


@mistake(
    "max_pool2d",
    "Your windows always move by their own size. If a stride is given, they move by the stride.",
    caught_by="test_max_pool2d_moves_by_its_stride",
)
def moves_by_the_size(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    return max_pool2d(x, size, None, ceil_mode)


@mistake(
    "max_pool2d",
    "Your windows move by 1 if no stride is given. None stands for a stride as large as the window.",
    caught_by="test_max_pool2d_on_a_hand_worked_map",
)
def moves_by_one(x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False) -> np.ndarray:
    return max_pool2d(x, size, stride or 1, ceil_mode)


@mistake(
    "max_pool2d",
    "Your window has the stride for its side, so the size does not matter. Its side is the size; the stride "
    "is how far it moves.",
    caught_by="test_max_pool2d_moves_by_its_stride",
)
def cuts_windows_of_the_stride(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    step = stride or size
    tops, lefts = (_starts(x.shape[axis], size, step, ceil_mode) for axis in (1, 2))
    return _pool(x, step, tops, lefts, _largest, x.dtype)


@mistake(
    "max_pool2d",
    "Height and width of your result are swapped: what belongs at [n, i, j] stands at [n, j, i].",
    caught_by="test_max_pool2d_pools_every_image_and_channel",
)
def swaps_height_and_width(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    return max_pool2d(x, size, stride, ceil_mode).transpose(0, 2, 1, 3)


@mistake(
    "max_pool2d",
    "Your function takes the largest number of all channels. Pooling leaves the depth alone: every channel "
    "keeps its own.",
    caught_by="test_max_pool2d_pools_every_image_and_channel",
)
def pools_across_the_channels(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    return max_pool2d(x, size, stride, ceil_mode).max(axis=3, keepdims=True)


@mistake(
    "max_pool2d",
    "Your result has as many channels as it should, but they are all alike: each holds the largest number of "
    "all channels. Reduce over height and width alone.",
    caught_by="test_max_pool2d_pools_every_image_and_channel",
)
def gives_all_channels_the_same(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    return np.broadcast_to(
        pools_across_the_channels(x, size, stride, ceil_mode),
        max_pool2d(x, size, stride, ceil_mode).shape,
    ).copy()


@mistake(
    "max_pool2d",
    "All images of your batch get the same numbers, the largest of all images. Every image is pooled by "
    "itself: reduce over height and width alone.",
    caught_by="test_max_pool2d_pools_every_image_and_channel",
)
def gives_all_images_the_same(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    return _pool_as_asked(x, size, stride, ceil_mode, lambda window: window.max(axis=(0, 1, 2)), x.dtype)


@mistake(
    "max_pool2d",
    "Your function takes one number from the window of all images and channels together. Tell max over which "
    "axes it runs: height and width.",
    caught_by="test_max_pool2d_pools_every_image_and_channel",
)
def gives_one_number_to_all(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    return _pool_as_asked(x, size, stride, ceil_mode, np.max, x.dtype)


@mistake(
    "max_pool2d",
    "Your function picks the top left cell of each window. It should compare all cells and keep the largest.",
    caught_by="test_max_pool2d_on_a_hand_worked_map",
)
def picks_the_corner(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    return _pool_as_asked(x, size, stride, ceil_mode, lambda window: window[:, 0, 0], x.dtype)


@mistake(
    "max_pool2d",
    "Your function fills up the ragged edge with zeros, and a zero beats every negative number. Look at the "
    "cells that exist only.",
    caught_by="test_max_pool2d_keeps_partial_windows_in_ceil_mode",
)
def fills_the_edge_with_zeros(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    tops, lefts = (_starts(x.shape[axis], size, stride or size, ceil_mode) for axis in (1, 2))
    return _pool(np.pad(x, ((0, 0), (0, size), (0, size), (0, 0))), size, tops, lefts, _largest, x.dtype)


@mistake(
    "max_pool2d",
    "Your function keeps windows that stick out over the edge even if it is not asked to. Without ceil mode "
    "they are dropped.",
    caught_by="test_max_pool2d_drops_partial_windows",
)
def keeps_partial_windows_always(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    return max_pool2d(x, size, stride, True)


@mistake(
    "max_pool2d",
    "Your function ignores ceil_mode. If it is True, windows that stick out over the edge are kept.",
    caught_by="test_max_pool2d_keeps_partial_windows_in_ceil_mode",
)
def drops_partial_windows_always(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    return max_pool2d(x, size, stride, False)


@mistake(
    "max_pool2d",
    "In ceil mode your last window can begin beyond the edge, where it has no cell at all. Such a window does "
    "not count.",
    caught_by="test_max_pool2d_keeps_partial_windows_in_ceil_mode",
)
def counts_windows_without_cells(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    _pool_as_asked(x, size, stride, ceil_mode, _largest)
    tops, lefts = (_starts_unseen(x.shape[axis], size, stride or size, ceil_mode) for axis in (1, 2))
    return _pool(x, size, tops, lefts, _largest, x.dtype)


@mistake(
    "max_pool2d",
    "In ceil mode your last window is moved back until it fits. It should stay where it is, and look at the "
    "cells that exist.",
    caught_by="test_max_pool2d_keeps_partial_windows_in_ceil_mode",
)
def moves_the_last_window_back(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    tops, lefts = (_starts_moved_back(x.shape[axis], size, stride or size, ceil_mode) for axis in (1, 2))
    return _pool(x, size, tops, lefts, _largest, x.dtype)


@mistake(
    "max_pool2d",
    "Your function takes the mean of each window. This is max pooling: keep the largest number.",
    caught_by="test_max_pool2d_on_a_hand_worked_map",
)
def takes_the_mean(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    return avg_pool2d(x, size, stride, ceil_mode)


@mistake(
    "max_pool2d",
    "Your function keeps the smallest number of each window. Keep the largest.",
    caught_by="test_max_pool2d_on_a_hand_worked_map",
)
def keeps_the_smallest(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    return _pool_as_asked(x, size, stride, ceil_mode, lambda window: window.min(axis=(1, 2)), x.dtype)


@mistake(
    "max_pool2d",
    "Your windows end one row and one column too early: a slice a:b stops before b, so it should end at top + "
    "size and left + size.",
    caught_by="test_max_pool2d_on_a_hand_worked_map",
)
def cuts_the_windows_short(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    tops, lefts = (_starts(x.shape[axis], size, stride or size, ceil_mode) for axis in (1, 2))
    return _pool(x, size - 1, tops, lefts, _largest, x.dtype)


@mistake(
    "max_pool2d",
    "Your result lacks its last row and column: add 1 to the number of steps, for the window before the "
    "first.",
    caught_by="test_max_pool2d_on_a_hand_worked_map",
)
def leaves_out_the_last_windows(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    return max_pool2d(x, size, stride, ceil_mode)[:, :-1, :-1]


@mistake(
    "max_pool2d",
    "Your function returns an empty array where no window fits. It should raise ValueError.",
    caught_by="test_max_pool2d_with_a_window_as_large_as_the_map",
)
def returns_an_empty_map(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    tops, lefts = _starts_or_none(x, size, stride, ceil_mode)
    return _pool(x, size, tops, lefts, _largest, x.dtype)


@mistake(
    "max_pool2d",
    "Your function refuses every window that is larger than the map. In ceil mode a window that sticks out "
    "counts: the number of windows is ⌈(H − size) / stride⌉ + 1, which can be 1 there.",
    caught_by="test_max_pool2d_counts_large_windows_in_ceil_mode",
)
def refuses_large_windows(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    _refuse_large_windows(x, size)
    return max_pool2d(x, size, stride, ceil_mode)


@mistake(
    "max_pool2d",
    "In ceil mode your function makes at least one window. Where ⌈(H − size) / stride⌉ + 1 is below 1 there is "
    "none: raise ValueError.",
    caught_by="test_max_pool2d_counts_large_windows_in_ceil_mode",
)
def keeps_one_window_at_least(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    tops, lefts = (_starts_one_at_least(x.shape[axis], size, stride or size, ceil_mode) for axis in (1, 2))
    return _pool(x, size, tops, lefts, _largest, x.dtype)


@mistake(
    "max_pool2d",
    "Your result has been through float32, which keeps some 7 digits of the 16 that float64 has. Give it the "
    "dtype of x, and convert nothing.",
    caught_by="test_max_pool2d_keeps_all_digits",
)
def pools_in_float32(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    return max_pool2d(x.astype(np.float32) if x.dtype == np.float64 else x, size, stride, ceil_mode)


@mistake(
    "max_pool2d",
    "Your function rounds to four digits. Rounding is for printing: return the numbers as they are.",
    caught_by="test_max_pool2d_keeps_all_digits",
)
def rounds_the_largest(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    return np.round(max_pool2d(x, size, stride, ceil_mode), 4)


@mistake(
    "max_pool2d",
    "The values are right, but the dtype is not that of the input. An array from np.zeros is float64 unless "
    "it is told otherwise.",
    caught_by="test_max_pool2d_keeps_the_dtype",
)
def fills_a_float64_array(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    return max_pool2d(x, size, stride, ceil_mode).astype(np.float64)


@alternative("max_pool2d")
def pools_in_six_loops(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    N, H, W, C = x.shape
    step = stride or size
    tops, lefts = _starts(H, size, step, ceil_mode), _starts(W, size, step, ceil_mode)
    out = np.zeros((N, len(tops), len(lefts), C), dtype=x.dtype)
    for n, i, j, c in np.ndindex(out.shape):
        largest = x[n, tops[i], lefts[j], c]
        for row in range(tops[i], min(tops[i] + size, H)):
            for column in range(lefts[j], min(lefts[j] + size, W)):
                if x[n, row, column, c] > largest:
                    largest = x[n, row, column, c]
        out[n, i, j, c] = largest
    return out


@alternative("max_pool2d")
def pools_tap_by_tap(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    tops, lefts = (np.array(_starts(x.shape[axis], size, stride or size, ceil_mode)) for axis in (1, 2))
    out = x[:, tops][:, :, lefts]
    for u, v in np.ndindex(size, size):
        rows, columns = np.minimum(tops + u, x.shape[1] - 1), np.minimum(lefts + v, x.shape[2] - 1)
        out = np.maximum(out, x[:, rows][:, :, columns])  # the last cell twice changes no maximum
    return out


@alternative("max_pool2d")
def pools_rows_and_then_columns(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    tops, lefts = (_starts(x.shape[axis], size, stride or size, ceil_mode) for axis in (1, 2))
    rows = np.stack([x[:, top : top + size].max(axis=1) for top in tops], axis=1)
    return np.stack([rows[:, :, left : left + size].max(axis=2) for left in lefts], axis=2)


def _filled(x: np.ndarray, size: int, step: int, ceil_mode: bool) -> tuple[np.ndarray, int, int]:
    """The batch with its ragged edge filled up by the smallest value there is, and the size of the result."""
    tops, lefts = (_starts(x.shape[axis], size, step, ceil_mode) for axis in (1, 2))
    below, right = max(tops[-1] + size - x.shape[1], 0), max(lefts[-1] + size - x.shape[2], 0)
    return (
        np.pad(x, ((0, 0), (0, below), (0, right), (0, 0)), constant_values=x.min()),
        len(tops),
        len(lefts),
    )


@alternative("max_pool2d")
def pools_sliding_windows(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    step = stride or size
    filled, H_out, W_out = _filled(x, size, step, ceil_mode)
    windows = sliding_window_view(filled, (size, size), axis=(1, 2))[:, ::step, ::step]
    return windows[:, :H_out, :W_out].max(axis=(4, 5))


@alternative("max_pool2d")
def pools_with_as_strided(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    step = stride or size
    filled, H_out, W_out = _filled(x, size, step, ceil_mode)
    by_image, by_row, by_column, by_channel = filled.strides
    windows = as_strided(
        filled,
        (len(x), H_out, W_out, x.shape[3], size, size),
        (by_image, by_row * step, by_column * step, by_channel, by_row, by_column),
        writeable=False,
    )
    return np.asfortranarray(windows.max(axis=(4, 5)))


@alternative("max_pool2d")
def pools_tiles_by_reshaping(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    if stride not in (None, size):
        return pools_sliding_windows(x, size, stride, ceil_mode)
    filled, H_out, W_out = _filled(x, size, size, ceil_mode)
    tiles = filled[:, : H_out * size, : W_out * size].reshape(len(x), H_out, size, W_out, size, x.shape[3])
    return tiles.max(axis=(2, 4))


# avg_pool2d


@mistake(
    "avg_pool2d",
    "Your means have been through float32, which keeps some 7 digits of the 16 that float64 has. Where x is "
    "float64, work in float64.",
    caught_by="test_avg_pool2d_pools_every_image_and_channel",
)
def averages_in_float32(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    return avg_pool2d(x.astype(np.float32), size, stride, ceil_mode)


@mistake(
    "avg_pool2d",
    "Your function divides by size² at the ragged edge too, as if the missing cells were zeros. Divide by the "
    "number of cells that exist.",
    caught_by="test_avg_pool2d_divides_by_the_cells_that_exist",
)
def divides_by_the_full_window(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    return _pool_as_asked(x, size, stride, ceil_mode, lambda window: window.sum(axis=(1, 2)) / size**2)


def _mean_of_means(window: np.ndarray) -> np.ndarray:
    cells = window.reshape(len(window), -1, window.shape[3]).astype(float)
    mean = cells[:, 0]
    for number in range(1, cells.shape[1]):
        mean = (mean + cells[:, number]) / 2
    return mean


@mistake(
    "avg_pool2d",
    "Your function takes the mean of a mean and the next number, again and again. The last cells then count "
    "more than the first. Add up all cells and divide once.",
    caught_by="test_avg_pool2d_on_a_hand_worked_map",
)
def averages_averages(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    return _pool_as_asked(x, size, stride, ceil_mode, _mean_of_means)


@mistake(
    "avg_pool2d",
    "Your function rounds down: // drops the fraction. Divide with /.",
    caught_by="test_avg_pool2d_on_a_hand_worked_map",
)
def drops_the_fraction(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    def reduce(window: np.ndarray) -> np.ndarray:
        return window.sum(axis=(1, 2)) // (window.shape[1] * window.shape[2])

    return _pool_as_asked(x, size, stride, ceil_mode, reduce)


@mistake(
    "avg_pool2d",
    "Your function adds up and does not divide: that is sum pooling. Divide by the number of cells.",
    caught_by="test_avg_pool2d_on_a_hand_worked_map",
)
def adds_up_only(x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False) -> np.ndarray:
    return _pool_as_asked(x, size, stride, ceil_mode, lambda window: window.sum(axis=(1, 2)))


@mistake(
    "avg_pool2d",
    "Your function divides by the side of the window. A window of 2×2 has 4 cells: divide by the number of "
    "cells.",
    caught_by="test_avg_pool2d_on_a_hand_worked_map",
)
def divides_by_the_side(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    return _pool_as_asked(x, size, stride, ceil_mode, lambda window: window.sum(axis=(1, 2)) / size)


@mistake(
    "avg_pool2d",
    "Your function averages over all channels. Pooling leaves the depth alone: every channel keeps its own "
    "mean.",
    caught_by="test_avg_pool2d_pools_every_image_and_channel",
)
def averages_across_the_channels(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    return avg_pool2d(x, size, stride, ceil_mode).mean(axis=3, keepdims=True)


@mistake(
    "avg_pool2d",
    "Your result has as many channels as it should, but they are all alike: each holds the mean of all "
    "channels. Reduce over height and width alone.",
    caught_by="test_avg_pool2d_pools_every_image_and_channel",
)
def gives_all_channels_the_same_mean(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    return _pool_as_asked(
        x, size, stride, ceil_mode, lambda window: window.mean(axis=(1, 2, 3))[:, np.newaxis]
    )


@mistake(
    "avg_pool2d",
    "All images of your batch get the same numbers, the mean of all images. Every image is pooled by itself: "
    "reduce over height and width alone.",
    caught_by="test_avg_pool2d_pools_every_image_and_channel",
)
def gives_all_images_the_same_mean(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    return _pool_as_asked(x, size, stride, ceil_mode, lambda window: window.mean(axis=(0, 1, 2)))


@mistake(
    "avg_pool2d",
    "Your function takes one mean of all images and channels together. Tell mean over which axes it runs: "
    "height and width.",
    caught_by="test_avg_pool2d_pools_every_image_and_channel",
)
def gives_one_mean_to_all(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    return _pool_as_asked(x, size, stride, ceil_mode, np.mean)


@mistake(
    "avg_pool2d",
    "Your result has the dtype of x. An array of integers cannot hold a half: give the result a float dtype.",
    caught_by="test_avg_pool2d_of_bytes_and_float32",
)
def keeps_the_dtype_of_x(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    return _pool_as_asked(x, size, stride, ceil_mode, _mean, x.dtype)


@mistake(
    "avg_pool2d",
    "Your function adds up in uint8, where 255 + 1 is 0 again. Convert to float before you add.",
    caught_by="test_avg_pool2d_of_bytes_and_float32",
)
def adds_up_in_bytes(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    def reduce(window: np.ndarray) -> np.ndarray:
        return window.sum(axis=(1, 2), dtype=x.dtype) / (window.shape[1] * window.shape[2])

    return _pool_as_asked(x, size, stride, ceil_mode, reduce)


@mistake(
    "avg_pool2d",
    "Your function keeps the largest number of each window. This is average pooling: take the mean.",
    caught_by="test_avg_pool2d_on_a_hand_worked_map",
)
def keeps_the_largest(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    return max_pool2d(x, size, stride, ceil_mode)


@mistake(
    "avg_pool2d",
    "Your function takes the median of each window, the number in the middle. The mean is the sum divided by "
    "the number of cells.",
    caught_by="test_avg_pool2d_on_a_hand_worked_map",
)
def takes_the_median(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    return _pool_as_asked(x, size, stride, ceil_mode, lambda window: np.median(window, axis=(1, 2)))


@mistake(
    "avg_pool2d",
    "Height and width of your result are swapped: what belongs at [n, i, j] stands at [n, j, i].",
    caught_by="test_avg_pool2d_pools_every_image_and_channel",
)
def swaps_height_and_width_of_the_means(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    return avg_pool2d(x, size, stride, ceil_mode).transpose(0, 2, 1, 3)


@mistake(
    "avg_pool2d",
    "Your windows always move by their own size. If a stride is given, they move by the stride.",
    caught_by="test_avg_pool2d_moves_by_its_stride",
)
def averages_tiles_always(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    return avg_pool2d(x, size, None, ceil_mode)


@mistake(
    "avg_pool2d",
    "Your windows move by 1 if no stride is given. None stands for a stride as large as the window.",
    caught_by="test_avg_pool2d_on_a_hand_worked_map",
)
def averages_at_every_cell(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    return avg_pool2d(x, size, stride or 1, ceil_mode)


@mistake(
    "avg_pool2d",
    "Your function keeps windows that stick out over the edge even if it is not asked to. Without ceil mode "
    "they are dropped.",
    caught_by="test_avg_pool2d_drops_partial_windows",
)
def averages_partial_windows_always(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    return avg_pool2d(x, size, stride, True)


@mistake(
    "avg_pool2d",
    "Your function ignores ceil_mode. If it is True, windows that stick out over the edge are kept.",
    caught_by="test_avg_pool2d_divides_by_the_cells_that_exist",
)
def averages_full_windows_only(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    return avg_pool2d(x, size, stride, False)


@mistake(
    "avg_pool2d",
    "In ceil mode your last window can begin beyond the edge, where it has no cell at all and its mean is 0 "
    "divided by 0. Such a window does not count.",
    caught_by="test_avg_pool2d_divides_by_the_cells_that_exist",
)
def averages_windows_without_cells(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    _pool_as_asked(x, size, stride, ceil_mode, _mean)
    tops, lefts = (_starts_unseen(x.shape[axis], size, stride or size, ceil_mode) for axis in (1, 2))

    def reduce(window: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return window.sum(axis=(1, 2)) / np.float64(window.shape[1] * window.shape[2])

    return _pool(x, size, tops, lefts, reduce)


@mistake(
    "avg_pool2d",
    "In ceil mode your last window is moved back until it fits. It should stay where it is, and average the "
    "cells that exist.",
    caught_by="test_avg_pool2d_divides_by_the_cells_that_exist",
)
def averages_a_window_moved_back(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    tops, lefts = (_starts_moved_back(x.shape[axis], size, stride or size, ceil_mode) for axis in (1, 2))
    return _pool(x, size, tops, lefts, _mean)


@mistake(
    "avg_pool2d",
    "Your function returns an empty array where no window fits. It should raise ValueError.",
    caught_by="test_avg_pool2d_with_a_window_as_large_as_the_map",
)
def returns_no_means(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    tops, lefts = _starts_or_none(x, size, stride, ceil_mode)
    return _pool(x, size, tops, lefts, _mean)


@mistake(
    "avg_pool2d",
    "Your function refuses every window that is larger than the map. In ceil mode a window that sticks out "
    "counts: the number of windows is ⌈(H − size) / stride⌉ + 1, which can be 1 there.",
    caught_by="test_avg_pool2d_counts_large_windows_in_ceil_mode",
)
def refuses_to_average_large_windows(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    _refuse_large_windows(x, size)
    return avg_pool2d(x, size, stride, ceil_mode)


@mistake(
    "avg_pool2d",
    "In ceil mode your function makes at least one window. Where ⌈(H − size) / stride⌉ + 1 is below 1 there is "
    "none: raise ValueError.",
    caught_by="test_avg_pool2d_counts_large_windows_in_ceil_mode",
)
def averages_one_window_at_least(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    tops, lefts = (_starts_one_at_least(x.shape[axis], size, stride or size, ceil_mode) for axis in (1, 2))
    return _pool(x, size, tops, lefts, _mean)


@alternative("avg_pool2d")
def averages_in_loops(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    N, H, W, C = x.shape
    step = stride or size
    tops, lefts = _starts(H, size, step, ceil_mode), _starts(W, size, step, ceil_mode)
    out = np.zeros((N, len(tops), len(lefts), C))
    for n, i, j, c in np.ndindex(out.shape):
        total, cells = 0.0, 0
        for row in range(tops[i], min(tops[i] + size, H)):
            for column in range(lefts[j], min(lefts[j] + size, W)):
                total += float(x[n, row, column, c])
                cells += 1
        out[n, i, j, c] = total / cells
    return out


@alternative("avg_pool2d")
def averages_window_by_window(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    return np.asfortranarray(_pool_as_asked(x, size, stride, ceil_mode, _mean))


@alternative("avg_pool2d")
def averages_rows_and_then_columns(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    tops, lefts = (_starts(x.shape[axis], size, stride or size, ceil_mode) for axis in (1, 2))
    rows = np.stack([x[:, top : top + size].mean(axis=1) for top in tops], axis=1)
    return np.stack([rows[:, :, left : left + size].mean(axis=2) for left in lefts], axis=2)


@alternative("avg_pool2d")
def averages_tap_by_tap(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    step = stride or size
    tops, lefts = (np.array(_starts(x.shape[axis], size, step, ceil_mode)) for axis in (1, 2))
    after = ((0, 0), (0, size), (0, size), (0, 0))
    cells, exist = np.pad(x.astype(float), after), np.pad(np.ones((1, *x.shape[1:3], 1)), after)
    total = np.zeros((len(x), len(tops), len(lefts), x.shape[3]))
    count = np.zeros((1, len(tops), len(lefts), 1))
    for u, v in np.ndindex(size, size):
        total += cells[:, tops + u][:, :, lefts + v]
        count += exist[:, tops + u][:, :, lefts + v]
    return total / count


@alternative("avg_pool2d")
def averages_with_running_sums(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    """With a table of sums of all cells above and to the left, a window's sum takes four look-ups (Crow, 1984)."""
    tops, lefts = (np.array(_starts(x.shape[axis], size, stride or size, ceil_mode)) for axis in (1, 2))
    ends, rights = np.minimum(tops + size, x.shape[1]), np.minimum(lefts + size, x.shape[2])
    sums = np.pad(x.astype(float).cumsum(axis=1).cumsum(axis=2), ((0, 0), (1, 0), (1, 0), (0, 0)))
    below, above = sums[:, ends], sums[:, tops]
    total = below[:, :, rights] - below[:, :, lefts] - above[:, :, rights] + above[:, :, lefts]
    return total / np.outer(ends - tops, rights - lefts)[:, :, np.newaxis]


@alternative("avg_pool2d")
def averages_with_a_convolution(
    x: np.ndarray, size: int, stride: int | None = None, ceil_mode: bool = False
) -> np.ndarray:
    step, C = stride or size, x.shape[3]
    tops, lefts = (_starts(x.shape[axis], size, step, ceil_mode) for axis in (1, 2))
    after = ((0, 0), (0, tops[-1] + size), (0, lefts[-1] + size), (0, 0))
    shares, none = avg_pool_as_conv(C, size), np.zeros(C)
    places = slice(None), slice(len(tops)), slice(len(lefts))
    total = conv2d(np.pad(x, after), shares, none, stride=step)[places]
    return total / conv2d(np.pad(np.ones((1, *x.shape[1:])), after), shares, none, stride=step)[places]


# avg_pool_as_conv


@mistake(
    "avg_pool_as_conv",
    "Your filters have weights everywhere, so every map averages over all channels and is C times too large. "
    "Filter k may look at channel k only: all other weights are 0.",
    caught_by="test_avg_pool_as_conv_keeps_channels_apart",
)
def fills_every_filter(channels: int, size: int) -> np.ndarray:
    return np.full((size, size, channels, channels), 1 / size**2)


@mistake(
    "avg_pool_as_conv",
    "Your filters average over all channels as well, so that every map is the same. Filter k may look at "
    "channel k only: all other weights are 0.",
    caught_by="test_avg_pool_as_conv_keeps_channels_apart",
)
def averages_over_the_channels(channels: int, size: int) -> np.ndarray:
    return np.full((size, size, channels, channels), 1 / (channels * size**2))


@mistake(
    "avg_pool_as_conv",
    "Your weights are 1/size. A window has size² cells, and each counts 1/size².",
    caught_by="test_avg_pool_as_conv_of_one_channel",
)
def divides_by_the_side_of_the_window(channels: int, size: int) -> np.ndarray:
    return avg_pool_as_conv(channels, size) * size


@mistake(
    "avg_pool_as_conv",
    "The weights stand in the right places, but they are divided by the number of channels too. A filter that "
    "looks at one channel averages size² cells.",
    caught_by="test_avg_pool_as_conv_keeps_channels_apart",
)
def divides_by_the_channels_too(channels: int, size: int) -> np.ndarray:
    return avg_pool_as_conv(channels, size) / channels


@mistake(
    "avg_pool_as_conv",
    "Your weights are 1, which adds the window up. For a mean each weight is 1/size².",
    caught_by="test_avg_pool_as_conv_of_one_channel",
)
def adds_the_window_up(channels: int, size: int) -> np.ndarray:
    return avg_pool_as_conv(channels, size) * size**2


@mistake(
    "avg_pool_as_conv",
    "Your axes are swapped: the channels come first. Filters are (size, size, channels in, channels out).",
    caught_by="test_avg_pool_as_conv_keeps_size_and_channels_apart",
)
def puts_the_channels_first(channels: int, size: int) -> np.ndarray:
    return avg_pool_as_conv(channels, size).transpose(2, 3, 0, 1)


@mistake(
    "avg_pool_as_conv",
    "Only your first filter has weights. Every channel needs a filter of its own.",
    caught_by="test_avg_pool_as_conv_keeps_channels_apart",
)
def serves_the_first_channel(channels: int, size: int) -> np.ndarray:
    filters = np.zeros((size, size, channels, channels))
    filters[:, :, 0, 0] = 1 / size**2
    return filters


@mistake(
    "avg_pool_as_conv",
    "You made a single filter for all channels. conv2d makes one map a filter, and C maps are wanted: the last "
    "axis has C entries.",
    caught_by="test_avg_pool_as_conv_keeps_channels_apart",
)
def makes_one_filter(channels: int, size: int) -> np.ndarray:
    return np.full((size, size, channels, 1), 1 / size**2)


@mistake(
    "avg_pool_as_conv",
    "Your diagonal runs through the window instead of through the channels. Within a filter all cells of the "
    "window count alike.",
    caught_by="test_avg_pool_as_conv_of_one_channel",
)
def puts_the_diagonal_in_the_window(channels: int, size: int) -> np.ndarray:
    return np.eye(size)[:, :, np.newaxis, np.newaxis] * np.ones((channels, channels)) / size**2


@mistake(
    "avg_pool_as_conv",
    "Your weights are all 0: 1 // size² rounds down, and an array of integers cannot hold a quarter. Divide "
    "with / and use a float dtype.",
    caught_by="test_avg_pool_as_conv_of_one_channel",
)
def rounds_the_weights_down(channels: int, size: int) -> np.ndarray:
    return avg_pool_as_conv(channels, size).astype(int)


@mistake(
    "avg_pool_as_conv",
    "Your filters pick the top left cell of each window. For a mean all cells count alike.",
    caught_by="test_avg_pool_as_conv_of_one_channel",
)
def picks_the_corner_cell(channels: int, size: int) -> np.ndarray:
    filters = np.zeros((size, size, channels, channels))
    filters[0, 0] = np.eye(channels)
    return filters


@mistake(
    "avg_pool_as_conv",
    "Your channels come out in reverse order: filter k looks at channel C − 1 − k. It should look at channel k.",
    caught_by="test_avg_pool_as_conv_keeps_channels_apart",
)
def reverses_the_channels(channels: int, size: int) -> np.ndarray:
    return avg_pool_as_conv(channels, size)[..., ::-1]


@alternative("avg_pool_as_conv")
def repeats_the_identity(channels: int, size: int) -> np.ndarray:
    return np.tile(np.eye(channels) / size**2, (size, size, 1, 1))


@alternative("avg_pool_as_conv")
def multiplies_window_and_identity(channels: int, size: int) -> np.ndarray:
    share = np.full((size, size), 1 / (size * size), dtype=np.float32)
    return np.einsum("uv,ck->uvck", share, np.eye(channels, dtype=np.float32))


@alternative("avg_pool_as_conv")
def writes_weight_by_weight(channels: int, size: int) -> np.ndarray:
    filters = np.zeros((size, size, channels, channels), order="F")
    for u, v, c in np.ndindex(size, size, channels):
        filters[u, v, c, c] = 1 / (size * size)
    return filters


@alternative("avg_pool_as_conv")
def pools_every_unit(channels: int, size: int) -> np.ndarray:
    """The weight of a cell is what average pooling answers to a window with a 1 in that cell alone."""
    units = np.eye(size * size * channels).reshape(-1, size, size, channels)
    return avg_pool2d(units, size).reshape(size, size, channels, channels)


spared(DIGITS, "avg_pool_as_conv")
spared(AXES, "avg_pool_as_conv")
