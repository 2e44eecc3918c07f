"""Checks of chapter 10, other convolutions."""

import numpy as np

from autograder.checking.subject import Subject
from autograder.checks.inputs import bright, sevenths, signed, wide

# Most inputs are eighths: their products and sums are exact in float64, whatever the order of adding.


def _image(rows: list[list[float]]) -> np.ndarray:
    """A batch of one grey image: array (1, H, W, 1)."""
    return np.array(rows)[np.newaxis, :, :, np.newaxis]


# conv1x1


def test_conv1x1_on_a_hand_worked_pixel(conv1x1: Subject, rng: np.random.Generator) -> None:
    """turns a pixel (1, 2, 3) into 1·1 + 2·10 + 3·100 plus the bias 0.5, and other pixels likewise"""
    conv1x1.agrees(np.array([[[[1.0, 2.0, 3.0]]]]), np.array([[[[1.0], [10.0], [100.0]]]]), np.array([0.5]))
    conv1x1.agrees(wide(rng, (1, 1, 1, 3)), wide(rng, (1, 1, 3, 1)), np.array([0.5]))


def test_conv1x1_gives_each_filter_its_map_and_its_bias(conv1x1: Subject, rng: np.random.Generator) -> None:
    """makes one map of each filter, and adds each filter's own bias once"""
    conv1x1.agrees(signed(rng, (1, 1, 2, 3)), signed(rng, (1, 1, 3, 2)), np.array([1.5, -40.0]))
    conv1x1.agrees(signed(rng, (1, 2, 1, 3)), signed(rng, (1, 1, 3, 3)), signed(rng, (3,)))


def test_conv1x1_looks_at_one_pixel_alone(conv1x1: Subject, rng: np.random.Generator) -> None:
    """answers a single bright pixel where it stands, and nowhere else"""
    x = np.zeros((1, 3, 4, 2))
    x[0, 0, 2] = [1.0, -3.0]
    conv1x1.agrees(x, np.array([[[[2.0, 0.5], [1.0, 4.0]]]]), np.zeros(2))
    conv1x1.agrees(x, wide(rng, (1, 1, 2, 2)), np.array([0.25, -0.5]))


def test_conv1x1_keeps_all_sizes_apart(conv1x1: Subject, rng: np.random.Generator) -> None:
    """keeps images, height, width, channels and filters apart, also in float32"""
    conv1x1.agrees(signed(rng, (2, 3, 5, 4)), signed(rng, (1, 1, 4, 6)), signed(rng, (6,)))
    small = [signed(rng, shape).astype(np.float32) for shape in [(3, 4, 2, 6), (1, 1, 6, 5), (5,)]]
    conv1x1.agrees(*small)


def test_conv1x1_refuses_what_does_not_fit(conv1x1: Subject, rng: np.random.Generator) -> None:
    """raises ValueError for another number of channels and for filters larger than 1×1"""
    x, b = signed(rng, (1, 3, 4, 2)), signed(rng, (3,))
    conv1x1.agrees(x, signed(rng, (1, 1, 2, 3)), b)
    conv1x1.raises(ValueError, x, signed(rng, (1, 1, 1, 3)), b)  # one channel for two
    conv1x1.raises(ValueError, x[..., :1], signed(rng, (1, 1, 2, 3)), b)  # two for one
    conv1x1.raises(ValueError, x, signed(rng, (2, 2, 2, 3)), b)
    conv1x1.raises(ValueError, x, signed(rng, (1, 3, 2, 3)), b)


def test_conv1x1_of_bytes(conv1x1: Subject, rng: np.random.Generator) -> None:
    """leaves the range 0 to 255 and whole numbers behind on a batch of uint8 colour images"""
    w = np.abs(signed(rng, (1, 1, 3, 2)))
    w[..., 1] *= -1  # one map far above 255, one far below 0
    conv1x1.agrees(bright(rng, (2, 3, 2, 3)), 2 + w, np.array([0.5, -8.0]))


def test_conv1x1_keeps_every_digit(conv1x1: Subject, rng: np.random.Generator) -> None:
    """keeps all the digits of float64 on numbers that need them, such as 1/7"""
    conv1x1.agrees(sevenths(rng, (2, 2, 3, 2)), sevenths(rng, (1, 1, 2, 2)), 100 * sevenths(rng, (2,)))


# conv2d_dilated


def test_conv2d_dilated_on_a_hand_worked_image(conv2d_dilated: Subject, rng: np.random.Generator) -> None:
    """works on a hand-worked 3×3 image: a 2×2 filter with dilation 2 meets its four corners"""
    x = _image([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 10.0]])
    w = np.array([[1.0, -2.0], [0.5, 0.25]])[:, :, np.newaxis, np.newaxis]
    conv2d_dilated.agrees(x, w, np.array([0.5]), 2)
    conv2d_dilated.agrees(np.concatenate([x, x[:, ::-1] + 1]), w, np.array([-0.25]), 2)
    conv2d_dilated.agrees(signed(rng, (2, 3, 4, 1)), signed(rng, (2, 2, 1, 1)), np.array([0.5]), 2)


def test_conv2d_dilated_with_dilation_1(conv2d_dilated: Subject, rng: np.random.Generator) -> None:
    """is the usual convolution with dilation 1"""
    x = np.zeros((1, 5, 5, 1))
    x[0, 2, 2] = 1
    conv2d_dilated.agrees(x, signed(rng, (3, 3, 1, 1)), np.array([0.5]), 1)
    conv2d_dilated.agrees(signed(rng, (2, 4, 3, 2)), signed(rng, (2, 3, 2, 2)), signed(rng, (2,)), 1)


def test_conv2d_dilated_sums_channels_and_adds_each_bias_once(
    conv2d_dilated: Subject, rng: np.random.Generator
) -> None:
    """sums over the channels and adds each filter's own bias once"""
    x = rng.integers(1, 9, (2, 4, 3, 3)) / 8
    x[..., 0] += 4  # the first channel is unlike the last everywhere
    conv2d_dilated.agrees(x, np.abs(signed(rng, (2, 1, 3, 1))), np.array([1.5]), 2)
    conv2d_dilated.agrees(x, signed(rng, (2, 2, 3, 4)), signed(rng, (4,)), 2)


def test_conv2d_dilated_uses_each_filter_as_it_stands(
    conv2d_dilated: Subject, rng: np.random.Generator
) -> None:
    """shows the turned filter with gaps around a single bright pixel: filters are neither flipped nor transposed"""
    x = np.zeros((1, 9, 9, 2))
    x[0, 4, 4] = [1.0, -1.0]
    conv2d_dilated.agrees(x, np.arange(1.0, 37.0).reshape(3, 3, 2, 2) ** 2, np.array([0.25, -0.5]), 2)
    conv2d_dilated.agrees(x, signed(rng, (3, 3, 2, 2)), np.array([0.25, -0.5]), 2)


def test_conv2d_dilated_with_wider_gaps(conv2d_dilated: Subject, rng: np.random.Generator) -> None:
    """takes any dilation, one larger than the filter too"""
    conv2d_dilated.agrees(signed(rng, (1, 9, 8, 1)), signed(rng, (3, 2, 1, 2)), signed(rng, (2,)), 3)
    conv2d_dilated.agrees(signed(rng, (1, 6, 7, 2)), signed(rng, (2, 2, 2, 1)), np.array([-1.0]), 4)
    conv2d_dilated.agrees(signed(rng, (1, 2, 3, 2)), signed(rng, (1, 1, 2, 2)), signed(rng, (2,)), 5)


def test_conv2d_dilated_with_filters_as_large_as_the_images(
    conv2d_dilated: Subject, rng: np.random.Generator
) -> None:
    """gives one number for filters that just fit with their gaps, and ValueError for what does not fit"""
    dilation = int(rng.integers(2, 5))
    height, width = dilation * 2 + 1, dilation + 1
    x, w, b = signed(rng, (2, height, width, 2)), signed(rng, (3, 2, 2, 3)), signed(rng, (3,))
    conv2d_dilated.agrees(x, w, b, dilation)
    conv2d_dilated.raises(ValueError, x, w, b, dilation + 1)
    conv2d_dilated.raises(ValueError, x[:, :-1], w, b, dilation)
    conv2d_dilated.raises(ValueError, x[:, :, :-1], w, b, dilation)
    conv2d_dilated.raises(ValueError, x, w[:, :, :1], b, dilation)  # one channel for two
    conv2d_dilated.raises(ValueError, x[..., :1], w, b, dilation)  # two for one


def test_conv2d_dilated_keeps_all_sizes_apart(conv2d_dilated: Subject, rng: np.random.Generator) -> None:
    """keeps images, height, width, channels and filters apart, also in float32"""
    conv2d_dilated.agrees(signed(rng, (2, 6, 9, 3)), signed(rng, (2, 3, 3, 4)), signed(rng, (4,)), 2)
    small = [signed(rng, shape).astype(np.float32) for shape in [(3, 9, 5, 2), (3, 2, 2, 5), (5,)]]
    conv2d_dilated.agrees(*small, 3)


def test_conv2d_dilated_of_bytes(conv2d_dilated: Subject, rng: np.random.Generator) -> None:
    """leaves the range 0 to 255 and whole numbers behind on a batch of uint8 colour images"""
    w = np.abs(signed(rng, (2, 3, 3, 2)))
    w[..., 1] *= -1  # one map far above 255, one far below 0
    conv2d_dilated.agrees(bright(rng, (2, 4, 6, 3)), w, np.array([0.5, -8.0]), 2)


def test_conv2d_dilated_keeps_every_digit(conv2d_dilated: Subject, rng: np.random.Generator) -> None:
    """keeps all the digits of float64 on numbers that need them, such as 1/7"""
    x, w, b = sevenths(rng, (2, 4, 4, 2)), sevenths(rng, (2, 2, 2, 2)), sevenths(rng, (2,))
    conv2d_dilated.agrees(x, w, 100 * b, 2)


# conv2d_transposed


def test_conv2d_transposed_of_a_single_entry(conv2d_transposed: Subject, rng: np.random.Generator) -> None:
    """lays the filter down as it stands, times the entry: 2 becomes twice the filter, not flipped"""
    w = np.array([[1.0, -2.0], [0.5, 4.0]])[:, :, np.newaxis, np.newaxis]
    conv2d_transposed.agrees(_image([[2.0]]), w, 1, 0)
    conv2d_transposed.agrees(wide(rng, (1, 1, 1, 1)), signed(rng, (3, 2, 1, 1)), 1, 0)
    conv2d_transposed.agrees(wide(rng, (2, 1, 1, 1)), signed(rng, (3, 3, 1, 1)), 2, 0)


def test_conv2d_transposed_adds_where_copies_overlap(
    conv2d_transposed: Subject, rng: np.random.Generator
) -> None:
    """adds the copies of neighbours where they overlap"""
    w = np.array([[1.0, 2.0, 4.0]])[:, :, np.newaxis, np.newaxis]
    conv2d_transposed.agrees(_image([[1.0, 10.0]]), w, 1, 0)
    conv2d_transposed.agrees(signed(rng, (1, 2, 3, 1)), signed(rng, (3, 3, 1, 1)), 1, 0)
    conv2d_transposed.agrees(signed(rng, (2, 3, 2, 1)), signed(rng, (2, 3, 1, 1)))  # stride 1, padding 0


def test_conv2d_transposed_moves_by_its_stride(conv2d_transposed: Subject, rng: np.random.Generator) -> None:
    """lays the copies `stride` pixels apart, so that they tile, overlap or leave gaps of 0"""
    conv2d_transposed.agrees(_image([[1.0, 2.0], [3.0, 4.0]]), np.ones((2, 2, 1, 1)), 2, 0)
    conv2d_transposed.agrees(signed(rng, (2, 2, 3, 1)), signed(rng, (2, 2, 1, 1)), 2, 0)
    conv2d_transposed.agrees(signed(rng, (1, 3, 2, 1)), signed(rng, (3, 3, 1, 1)), 2, 0)
    conv2d_transposed.agrees(signed(rng, (1, 2, 4, 1)), signed(rng, (2, 1, 1, 1)), 3, 0)


def test_conv2d_transposed_goes_from_filters_to_channels(
    conv2d_transposed: Subject, rng: np.random.Generator
) -> None:
    """sums over the filters K, the last axis of the maps and of w, and makes C channels"""
    x = rng.integers(1, 9, (1, 1, 2, 3)) / 8
    x[..., 0] += 4  # the first map is unlike the last everywhere
    conv2d_transposed.agrees(x, np.abs(signed(rng, (1, 1, 1, 3))), 1, 0)
    conv2d_transposed.agrees(x, signed(rng, (2, 2, 3, 3)), 1, 0)
    conv2d_transposed.agrees(signed(rng, (2, 2, 2, 3)), signed(rng, (2, 2, 2, 3)), 2, 0)


def test_conv2d_transposed_cuts_the_padding_off(conv2d_transposed: Subject, rng: np.random.Generator) -> None:
    """cuts `padding` rows and columns off on all four sides"""
    conv2d_transposed.agrees(signed(rng, (1, 2, 3, 1)), signed(rng, (3, 3, 1, 1)), 1, 1)
    conv2d_transposed.agrees(signed(rng, (2, 3, 4, 2)), signed(rng, (3, 4, 1, 2)), 2, 1)
    conv2d_transposed.agrees(signed(rng, (1, 4, 4, 1)), signed(rng, (2, 2, 2, 1)), 2, 2)


def test_conv2d_transposed_refuses_what_does_not_fit(
    conv2d_transposed: Subject, rng: np.random.Generator
) -> None:
    """keeps a last row or column, and raises ValueError where none is left or the filters are not as many as the maps"""
    x, w = (
        signed(rng, (1, 3, 2, 2)),
        signed(rng, (2, 2, 3, 2)),
    )  # to 4 by 3 with stride 1, to 6 by 4 with stride 2
    conv2d_transposed.agrees(x, w, 1, 1)
    conv2d_transposed.raises(ValueError, x, w, 1, 2)  # neither a row nor a column
    conv2d_transposed.raises(ValueError, x, w, 2, 2)  # two rows, no column
    conv2d_transposed.raises(ValueError, x.transpose(0, 2, 1, 3), w, 2, 2)  # and the other way
    conv2d_transposed.raises(ValueError, x, w[..., :1], 1, 0)  # one filter for two maps
    conv2d_transposed.raises(ValueError, x[..., :1], w, 1, 0)  # two for one


def test_conv2d_transposed_keeps_all_sizes_apart(
    conv2d_transposed: Subject, rng: np.random.Generator
) -> None:
    """keeps images, height, width, maps and channels apart, with stride and padding, also in float32"""
    conv2d_transposed.agrees(signed(rng, (2, 3, 5, 4)), signed(rng, (3, 2, 3, 4)), 2, 1)
    small = [signed(rng, shape).astype(np.float32) for shape in [(3, 4, 2, 2), (2, 4, 5, 2)]]
    conv2d_transposed.agrees(*small, 3, 1)


def test_conv2d_transposed_keeps_every_digit(conv2d_transposed: Subject, rng: np.random.Generator) -> None:
    """keeps all the digits of float64 on numbers that need them, such as 1/7"""
    conv2d_transposed.agrees(sevenths(rng, (2, 3, 2, 2)), sevenths(rng, (3, 3, 2, 2)), 2, 1)
