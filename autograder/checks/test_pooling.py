"""Checks of chapter 5, pooling."""

import numpy as np

from autograder.checking.subject import Subject
from autograder.checks.inputs import sevenths, signed, wide

# Most inputs are eighths or whole numbers: their sums are exact in float64, whatever the order of adding.

HAND_WORKED = np.array(
    [[1.0, 3.0, 0.0, 4.0], [2.0, 6.0, 1.0, 3.0], [0.0, 7.0, 5.0, 2.0], [1.0, 0.0, 8.0, 4.0]]
)
"""Largest numbers of its four windows of 2×2: 6, 4, 7, 8; means: 3, 2, 2, 4.75."""

RAGGED = -np.array([[9.0, 2.0, 5.0], [4.0, 7.0, 3.0], [6.0, 8.0, 1.0]])
"""A 3×3 map in which all is negative: zeros that fill up its ragged edge would be larger than anything in it."""


def _map(rows: np.ndarray) -> np.ndarray:
    """A batch of one map with one channel: array (1, H, W, 1)."""
    return rows[np.newaxis, :, :, np.newaxis]


def _bright(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """8-bit maps in the upper half of the range; the mean of the first 2×2 window is 160.75."""
    x = rng.integers(128, 256, shape).astype(np.uint8)
    x[0, :2, :2, 0] = [[255, 128], [129, 131]]
    return x


def _last_largest(x: np.ndarray) -> np.ndarray:
    """The same with its largest numbers in the last column of the last row, which a window must not miss."""
    x[:, -1, -1] += 100
    return x


# max_pool2d


def test_max_pool2d_on_a_hand_worked_map(max_pool2d: Subject, rng: np.random.Generator) -> None:
    """keeps 6, 4, 7 and 8 of a hand-worked 4×4 map, with windows of 2×2 that tile"""
    max_pool2d.agrees(_map(HAND_WORKED), 2)
    max_pool2d.agrees(wide(rng, (1, 4, 4, 1)), 2)


def test_max_pool2d_of_negative_numbers(max_pool2d: Subject, rng: np.random.Generator) -> None:
    """finds the largest number where all are negative, however far below 0"""
    max_pool2d.agrees(_map(-1 - HAND_WORKED), 2)
    max_pool2d.agrees(-np.abs(signed(rng, (2, 4, 6, 1))), 2)
    for far in (1e6, 1e300):
        max_pool2d.agrees(-far * wide(rng, (1, 4, 4, 1)), 2)


def test_max_pool2d_pools_every_image_and_channel(max_pool2d: Subject, rng: np.random.Generator) -> None:
    """pools every image and every channel by itself"""
    max_pool2d.agrees(signed(rng, (2, 2, 2, 3)), 2)
    max_pool2d.agrees(signed(rng, (3, 6, 4, 2)), 2)


def test_max_pool2d_moves_by_its_stride(max_pool2d: Subject, rng: np.random.Generator) -> None:
    """moves by the stride where it is given: windows overlap or leave gaps"""
    max_pool2d.agrees(_map(HAND_WORKED), 2, 1)
    max_pool2d.agrees(signed(rng, (1, 7, 5, 2)), 3, 2)
    max_pool2d.agrees(signed(rng, (2, 5, 8, 1)), 2, 3)


def test_max_pool2d_drops_partial_windows(max_pool2d: Subject, rng: np.random.Generator) -> None:
    """drops windows that stick out over the edge, unless asked to keep them"""
    max_pool2d.agrees(_map(RAGGED), 2)
    max_pool2d.agrees(signed(rng, (2, 5, 8, 2)), 3)
    max_pool2d.agrees(signed(rng, (1, 8, 6, 3)), 3, 2, False)


def test_max_pool2d_keeps_partial_windows_in_ceil_mode(max_pool2d: Subject, rng: np.random.Generator) -> None:
    """keeps them in ceil mode, with the cells that exist, unless they begin at the edge or beyond"""
    max_pool2d.agrees(_map(RAGGED), 2, None, True)
    max_pool2d.agrees(-np.abs(signed(rng, (2, 5, 8, 2))), 3, 2, True)
    max_pool2d.agrees(signed(rng, (1, 6, 9, 2)), 2, 3, True)  # a third window would begin at row 6 of 0 to 5


def test_max_pool2d_with_a_window_as_large_as_the_map(max_pool2d: Subject, rng: np.random.Generator) -> None:
    """keeps one number for a window as large as the map, and raises ValueError for a larger one"""
    x = _last_largest(signed(rng, (2, 3, 3, 2)))
    max_pool2d.agrees(x, 3)
    max_pool2d.agrees(x, 3, 5)
    max_pool2d.raises(ValueError, x, 4)
    max_pool2d.raises(ValueError, signed(rng, (1, 5, 2, 1)), 3)
    max_pool2d.raises(ValueError, signed(rng, (1, 2, 5, 1)), 3, 2)


def test_max_pool2d_counts_large_windows_in_ceil_mode(max_pool2d: Subject, rng: np.random.Generator) -> None:
    """counts by one formula in ceil mode: a window of 3 fits on 2 cells with stride 2, not with stride 1"""
    max_pool2d.raises(ValueError, signed(rng, (2, 2, 5, 1)), 3, 1, True)
    max_pool2d.agrees(_last_largest(signed(rng, (2, 2, 5, 1))), 3, 2, True)
    max_pool2d.agrees(_last_largest(signed(rng, (1, 6, 3, 2))), 4, 2, True)


def test_max_pool2d_keeps_the_dtype(max_pool2d: Subject, rng: np.random.Generator) -> None:
    """keeps the dtype: uint8 stays uint8, float32 stays float32"""
    max_pool2d.agrees(_bright(rng, (1, 4, 6, 2)), 2, dtype=np.uint8)
    max_pool2d.agrees(np.abs(signed(rng, (2, 6, 4, 1))).astype(np.float32), 2, dtype=np.float32)


def test_max_pool2d_keeps_all_digits(max_pool2d: Subject, rng: np.random.Generator) -> None:
    """keeps all the digits of float64"""
    max_pool2d.agrees(np.abs(sevenths(rng, (2, 4, 6, 3))), 2)


# avg_pool2d


def test_avg_pool2d_on_a_hand_worked_map(avg_pool2d: Subject, rng: np.random.Generator) -> None:
    """makes 3, 2, 2 and 4.75 of a hand-worked 4×4 map, with windows of 2×2 that tile"""
    avg_pool2d.agrees(_map(HAND_WORKED), 2)
    avg_pool2d.agrees(wide(rng, (1, 4, 4, 1)), 2)


def test_avg_pool2d_pools_every_image_and_channel(avg_pool2d: Subject, rng: np.random.Generator) -> None:
    """pools every image and every channel by itself"""
    avg_pool2d.agrees(np.cumsum(np.abs(signed(rng, (2, 2, 2, 3))), axis=3), 2)  # channels of other means
    avg_pool2d.agrees(sevenths(rng, (3, 6, 9, 2)), 3)


def test_avg_pool2d_moves_by_its_stride(avg_pool2d: Subject, rng: np.random.Generator) -> None:
    """moves by the stride where it is given: windows overlap or leave gaps"""
    avg_pool2d.agrees(_map(HAND_WORKED), 2, 1)
    avg_pool2d.agrees(signed(rng, (1, 7, 5, 2)), 3, 2)
    avg_pool2d.agrees(signed(rng, (2, 5, 8, 1)), 2, 3)


def test_avg_pool2d_drops_partial_windows(avg_pool2d: Subject, rng: np.random.Generator) -> None:
    """drops windows that stick out over the edge, unless asked to keep them"""
    avg_pool2d.agrees(_map(RAGGED), 2)
    avg_pool2d.agrees(signed(rng, (2, 5, 8, 2)), 3)
    avg_pool2d.agrees(signed(rng, (1, 8, 6, 3)), 3, 2, False)


def test_avg_pool2d_divides_by_the_cells_that_exist(avg_pool2d: Subject, rng: np.random.Generator) -> None:
    """keeps partial windows in ceil mode and divides each by the number of its cells that exist"""
    avg_pool2d.agrees(_map(RAGGED), 2, None, True)
    avg_pool2d.agrees(np.abs(signed(rng, (2, 5, 8, 2))), 3, 2, True)
    avg_pool2d.agrees(signed(rng, (1, 6, 9, 2)), 2, 3, True)  # a third window would begin at row 6 of 0 to 5


def test_avg_pool2d_with_a_window_as_large_as_the_map(avg_pool2d: Subject, rng: np.random.Generator) -> None:
    """makes one number of a window as large as the map, and raises ValueError for a larger one"""
    x = np.abs(signed(rng, (2, 3, 3, 2)))
    avg_pool2d.agrees(x, 3)
    avg_pool2d.agrees(x, 3, 5)
    avg_pool2d.raises(ValueError, x, 4)
    avg_pool2d.raises(ValueError, signed(rng, (1, 5, 2, 1)), 3)
    avg_pool2d.raises(ValueError, signed(rng, (1, 2, 5, 1)), 3, 2)


def test_avg_pool2d_counts_large_windows_in_ceil_mode(avg_pool2d: Subject, rng: np.random.Generator) -> None:
    """counts by one formula in ceil mode: a window of 3 fits on 2 cells with stride 2, not with stride 1"""
    avg_pool2d.raises(ValueError, signed(rng, (2, 2, 5, 1)), 3, 1, True)
    avg_pool2d.agrees(np.abs(signed(rng, (2, 2, 5, 1))), 3, 2, True)
    avg_pool2d.agrees(np.abs(signed(rng, (1, 6, 3, 2))), 4, 2, True)


def test_avg_pool2d_of_bytes_and_float32(avg_pool2d: Subject, rng: np.random.Generator) -> None:
    """makes fractions of uint8 maps, without overflow, and takes float32"""
    avg_pool2d.agrees(_bright(rng, (1, 4, 6, 2)), 2)
    avg_pool2d.agrees(_bright(rng, (2, 3, 5, 1)), 2, 2, True)
    avg_pool2d.agrees(signed(rng, (2, 5, 4, 1)).astype(np.float32), 2, 2, True)


# avg_pool_as_conv

# A quarter, a sixteenth, a sixty-fourth are exact in every float dtype; a ninth is not, so it may differ a little.
ROUNDED = 1e-6


def test_avg_pool_as_conv_of_one_channel(avg_pool_as_conv: Subject, rng: np.random.Generator) -> None:
    """makes one 2×2 filter of quarters for one channel, one 4×4 filter of sixteenths, and so on"""
    avg_pool_as_conv.agrees(1, 2)
    avg_pool_as_conv.agrees(1, 4)
    avg_pool_as_conv.agrees(1, int(rng.integers(5, 60)), rtol=ROUNDED)


def test_avg_pool_as_conv_of_windows_of_one_cell(avg_pool_as_conv: Subject, rng: np.random.Generator) -> None:
    """copies every channel with windows of a single cell"""
    avg_pool_as_conv.agrees(3, 1)
    avg_pool_as_conv.agrees(int(rng.integers(4, 60)), 1)


def test_avg_pool_as_conv_keeps_channels_apart(avg_pool_as_conv: Subject, rng: np.random.Generator) -> None:
    """has zeros where a channel meets the map of another"""
    avg_pool_as_conv.agrees(2, 2)
    avg_pool_as_conv.agrees(4, 4)
    avg_pool_as_conv.agrees(int(rng.integers(5, 13)), int(rng.integers(3, 11)), rtol=ROUNDED)


def test_avg_pool_as_conv_keeps_size_and_channels_apart(
    avg_pool_as_conv: Subject, rng: np.random.Generator
) -> None:
    """has the window's axes first: (size, size, channels, channels)"""
    avg_pool_as_conv.agrees(3, 2)
    avg_pool_as_conv.agrees(2, 8)
    avg_pool_as_conv.agrees(int(rng.integers(3, 8)), int(rng.integers(9, 17)), rtol=ROUNDED)


def test_avg_pool_as_conv_of_any_size(avg_pool_as_conv: Subject, rng: np.random.Generator) -> None:
    """makes filters for windows of 3×3, 5×5 and others"""
    avg_pool_as_conv.agrees(2, 3, rtol=ROUNDED)
    avg_pool_as_conv.agrees(3, 5, rtol=ROUNDED)
    avg_pool_as_conv.agrees(int(rng.integers(4, 10)), int(rng.integers(6, 15)), rtol=ROUNDED)
