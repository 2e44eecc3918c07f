"""Checks of chapter 4, padding."""

import numpy as np

from autograder.checking.subject import Subject
from autograder.checks.inputs import bright, sevenths, signed

# Most inputs are eighths: their products and sums are exact in float64, whatever the order of adding.


def _image(rows: list[list[float]]) -> np.ndarray:
    """A batch of one grey image: array (1, H, W, 1)."""
    return np.array(rows)[np.newaxis, :, :, np.newaxis]


# zero_pad


def test_zero_pad_on_a_hand_worked_image(zero_pad: Subject, rng: np.random.Generator) -> None:
    """puts a frame of zeros around [[1, 2], [3, 4]]: 4×4, the image in the middle"""
    zero_pad.agrees(_image([[1.0, 2.0], [3.0, 4.0]]), 1)
    zero_pad.agrees(signed(rng, (1, 2, 3, 1)), 1)


def test_zero_pad_with_a_padding_of_0(zero_pad: Subject, rng: np.random.Generator) -> None:
    """leaves the images as they are at padding 0, and not at padding 1"""
    x = signed(rng, (2, 3, 2, 1))
    zero_pad.agrees(x, 0)
    zero_pad.agrees(x, 1)


def test_zero_pad_leaves_batch_and_channels_alone(zero_pad: Subject, rng: np.random.Generator) -> None:
    """adds no image and no channel"""
    zero_pad.agrees(signed(rng, (2, 3, 3, 3)), 1)
    zero_pad.agrees(signed(rng, (3, 2, 4, 5)), 2)


def test_zero_pad_wider_than_the_image(zero_pad: Subject, rng: np.random.Generator) -> None:
    """adds zeros alone, however wide the frame"""
    zero_pad.agrees(signed(rng, (1, 2, 3, 2)), 3)
    zero_pad.agrees(signed(rng, (2, 1, 1, 3)), 4)


def test_zero_pad_keeps_the_dtype(zero_pad: Subject, rng: np.random.Generator) -> None:
    """keeps the dtype: uint8 stays uint8, float32 stays float32"""
    zero_pad.agrees(bright(rng, (2, 4, 3, 3)), 1, dtype=np.uint8)
    zero_pad.agrees(signed(rng, (1, 3, 5, 2)).astype(np.float32), 2, dtype=np.float32)


def test_zero_pad_keeps_every_digit(zero_pad: Subject, rng: np.random.Generator) -> None:
    """keeps every number of the images as it is, to the last digit, such as 1/7"""
    zero_pad.agrees(sevenths(rng, (2, 3, 2, 2)), 1)


# same_padding


def _draw(rng: np.random.Generator, low: int, high: int) -> int:
    """A drawn int, `high` itself left out."""
    return int(rng.integers(low, high))


def test_same_padding_of_odd_filters(same_padding: Subject, rng: np.random.Generator) -> None:
    """puts (F − 1)/2 zeros on each side for an odd filter at stride 1"""
    same_padding.agrees(5, 3, 1)
    same_padding.agrees(28, 5, 1)
    same_padding.agrees(9, 1, 1)
    same_padding.agrees(_draw(rng, 40, 300), 2 * _draw(rng, 1, 15) + 1, 1)


def test_same_padding_of_even_filters(same_padding: Subject, rng: np.random.Generator) -> None:
    """puts the extra zero after, for an even filter"""
    same_padding.agrees(5, 2, 1)
    same_padding.agrees(5, 4, 1)
    same_padding.agrees(_draw(rng, 40, 300), 2 * _draw(rng, 1, 15), 1)


def test_same_padding_at_stride_2(same_padding: Subject, rng: np.random.Generator) -> None:
    """needs 1 zero on each side of 5 pixels, and only 1 after 6, for a filter of 3 at stride 2"""
    same_padding.agrees(5, 3, 2)
    same_padding.agrees(6, 3, 2)
    same_padding.agrees(224, 7, 2)  # ResNet's first layer
    half, filter_size = _draw(rng, 20, 150), 2 * _draw(rng, 1, 15) + 1
    same_padding.agrees(2 * half, filter_size, 2)
    same_padding.agrees(2 * half + 1, filter_size, 2)


def test_same_padding_is_never_negative(same_padding: Subject, rng: np.random.Generator) -> None:
    """needs no zeros where the stride is longer than the filter, and never a negative number of them"""
    same_padding.agrees(6, 1, 3)  # the last place ends 2 pixels before the edge
    same_padding.agrees(7, 2, 4)  # and here 1 pixel before it
    same_padding.agrees(9, 2, 4)  # here 1 pixel after it
    filter_size, places = _draw(rng, 2, 9), _draw(rng, 3, 30)
    stride = filter_size + _draw(rng, 2, 9)
    for rest in (
        filter_size - 1,
        filter_size + 1,
        stride,
    ):  # 1 zero is missing, −1, and more than that too many
        same_padding.agrees(places * stride + rest, filter_size, stride)


def test_same_padding_of_a_filter_longer_than_the_axis(
    same_padding: Subject, rng: np.random.Generator
) -> None:
    """makes room for a filter that is longer than the axis"""
    same_padding.agrees(3, 7, 1)
    same_padding.agrees(2, 5, 2)
    half, extra = _draw(rng, 1, 20), 2 * _draw(rng, 2, 20)
    same_padding.agrees(2 * half, 2 * half + extra + 1, 1)
    same_padding.agrees(2 * half, 2 * half + extra + 1, 2)


def test_same_padding_where_the_stride_does_not_divide(
    same_padding: Subject, rng: np.random.Generator
) -> None:
    """follows the recipe where stride and axis do not come out even, and where they do"""
    same_padding.agrees(7, 4, 3)
    same_padding.agrees(10, 6, 4)
    for rest in range(4):
        stride = _draw(rng, 4, 9)
        same_padding.agrees(stride * _draw(rng, 2, 30) + rest, stride + _draw(rng, 0, 9), stride)


# conv2d


def test_conv2d_on_hand_worked_images(conv2d: Subject, rng: np.random.Generator) -> None:
    """works on a hand-worked 3×3 image with a 2×2 filter, and on a batch of two"""
    x = _image([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 10.0]])
    w = np.array([[1.0, -2.0], [0.5, 0.0]])[:, :, np.newaxis, np.newaxis]
    conv2d.agrees(x, w, np.array([0.5]))
    conv2d.agrees(np.concatenate([x, x[:, ::-1] + 1]), w, np.array([-0.25]))
    conv2d.agrees(signed(rng, (2, 3, 3, 1)), signed(rng, (2, 2, 1, 1)), np.array([0.5]))


def test_conv2d_sums_over_channels_and_adds_each_bias_once(conv2d: Subject, rng: np.random.Generator) -> None:
    """sums over the channels and adds each filter's own bias once"""
    x = rng.integers(1, 9, (2, 2, 1, 3)) / 8
    x[..., 0] += 4  # the first channel is unlike the last everywhere
    conv2d.agrees(x, np.abs(signed(rng, (1, 1, 3, 1))), np.array([1.5]))
    conv2d.agrees(x, signed(rng, (1, 1, 3, 4)), signed(rng, (4,)))


def test_conv2d_uses_each_filter_as_it_stands(conv2d: Subject, rng: np.random.Generator) -> None:
    """shows each filter turned by 180° around a single bright pixel: filters are neither flipped nor transposed"""
    x = np.zeros((1, 5, 5, 2))
    x[0, 2, 2] = [1.0, -1.0]
    conv2d.agrees(x, np.arange(1.0, 37.0).reshape(3, 3, 2, 2) ** 2, np.array([0.25, -0.5]))
    conv2d.agrees(x, signed(rng, (3, 3, 2, 2)), np.array([0.25, -0.5]))


def test_conv2d_moves_by_its_stride(conv2d: Subject, rng: np.random.Generator) -> None:
    """moves by the stride both ways, over windows that tile, overlap or leave gaps"""
    tiles = np.abs(signed(rng, (2, 2, 1, 1)))
    conv2d.agrees(signed(rng, (1, 4, 4, 1)), tiles, np.array([0.5]), 2)
    conv2d.agrees(signed(rng, (2, 6, 7, 1)), signed(rng, (3, 3, 1, 2)), signed(rng, (2,)), 2)
    conv2d.agrees(signed(rng, (1, 8, 5, 2)), signed(rng, (2, 1, 2, 1)), np.array([-1.0]), 3)


def test_conv2d_pads_every_side_with_zeros(conv2d: Subject, rng: np.random.Generator) -> None:
    """pads all four sides of the images with zeros"""
    conv2d.agrees(1 + np.abs(signed(rng, (1, 2, 3, 1))), np.ones((1, 1, 1, 1)), np.array([0.5]), 1, 1)
    conv2d.agrees(signed(rng, (2, 4, 3, 2)), signed(rng, (3, 3, 2, 1)), np.array([0.5]), 1, 1)
    conv2d.agrees(signed(rng, (1, 3, 5, 1)), signed(rng, (2, 4, 1, 2)), signed(rng, (2,)), 1, 2)


def test_conv2d_with_filters_as_large_as_the_padded_images(conv2d: Subject, rng: np.random.Generator) -> None:
    """gives one number for filters as large as the padded images, and ValueError for what does not fit"""
    width = _draw(rng, 2, 4)
    height = width + _draw(rng, 1, 3)
    x, b = signed(rng, (2, height, width, 2)), signed(rng, (3,))
    conv2d.agrees(x, signed(rng, (height + 2, width + 2, 2, 3)), b, 1, 1)
    conv2d.agrees(x, signed(rng, (height + 4, width + 4, 2, 3)), b, 1, 2)
    conv2d.agrees(x, signed(rng, (height, width, 2, 3)), b, _draw(rng, 4, 9))
    conv2d.raises(ValueError, x, signed(rng, (height + 1, width, 2, 3)), b)
    conv2d.raises(ValueError, x, signed(rng, (height + 2, width + 3, 2, 3)), b, 2, 1)
    conv2d.raises(ValueError, x, signed(rng, (2, 2, 1, 3)), b)  # one channel for two
    conv2d.raises(ValueError, x[..., :1], signed(rng, (2, 2, 2, 3)), b)  # two for one


def test_conv2d_keeps_all_sizes_apart(conv2d: Subject, rng: np.random.Generator) -> None:
    """keeps images, height, width, channels and filters apart, with stride and padding, also in float32"""
    conv2d.agrees(signed(rng, (2, 5, 7, 3)), signed(rng, (3, 2, 3, 4)), signed(rng, (4,)), 2, 1)
    flat, low = signed(rng, (1, 2, 4, 2)), signed(rng, (1, 3, 2, 2))  # filters wider than the image is high
    conv2d.agrees(flat, low, signed(rng, (2,)))
    conv2d.agrees(flat.transpose(0, 2, 1, 3), low.transpose(1, 0, 2, 3), signed(rng, (2,)))
    small = [signed(rng, shape).astype(np.float32) for shape in [(3, 7, 4, 2), (2, 4, 2, 5), (5,)]]
    conv2d.agrees(*small, 3, 2)


def test_conv2d_of_bytes(conv2d: Subject, rng: np.random.Generator) -> None:
    """leaves the range 0 to 255 and whole numbers behind on a batch of uint8 colour images"""
    w = np.abs(signed(rng, (3, 3, 3, 2)))
    w[..., 1] *= -1  # one map far above 255, one far below 0
    conv2d.agrees(bright(rng, (2, 5, 4, 3)), w, np.array([0.5, -8.0]), 1, 1)


def test_conv2d_keeps_every_digit(conv2d: Subject, rng: np.random.Generator) -> None:
    """keeps all the digits of float64 on numbers that need them, such as 1/7"""
    x, w, b = sevenths(rng, (2, 4, 3, 2)), sevenths(rng, (2, 3, 2, 2)), sevenths(rng, (2,))
    conv2d.agrees(x, w, 100 * b, 1, 1)
