"""Checks of chapter 3, stride."""

import numpy as np

from autograder.checking.subject import Subject
from autograder.checks.inputs import sevenths, signed
from course.datasets import X

# Most inputs are eighths: their products and sums are exact in float64, whatever the order of adding.


def _rising(shape: tuple[int, ...]) -> np.ndarray:
    """The numbers 1, 2, 3 …, row by row."""
    return np.arange(1.0, 1 + np.prod(shape)).reshape(shape)


def _draw(rng: np.random.Generator, low: int, high: int) -> int:
    """A drawn int, `high` itself left out."""
    return int(rng.integers(low, high))


# output_size


def test_output_size_on_eight_pixels(output_size: Subject, rng: np.random.Generator) -> None:
    """finds 6 places for a filter of 3 on 8 pixels, and 4 places for a filter of 5"""
    output_size.agrees(8, 3, 1, 0)
    output_size.agrees(8, 5, 1, 0)
    output_size.agrees(_draw(rng, 20, 90), _draw(rng, 2, 15), 1, 0)


def test_output_size_with_longer_steps(output_size: Subject, rng: np.random.Generator) -> None:
    """finds 4 places at stride 2 and 3 at stride 3, for a filter of 3 on 9 pixels"""
    output_size.agrees(9, 3, 2, 0)
    output_size.agrees(9, 3, 3, 0)
    filter_size, stride, steps = _draw(rng, 2, 12), _draw(rng, 2, 9), _draw(rng, 3, 12)
    output_size.agrees(filter_size + steps * stride, filter_size, stride, 0)


def test_output_size_rounds_down(output_size: Subject, rng: np.random.Generator) -> None:
    """rounds down where the steps do not come out even"""
    output_size.agrees(8, 3, 2, 0)  # 2.5 steps
    output_size.agrees(9, 3, 4, 0)  # 1.5, which rounds to 2 either way, unlike 2.5
    output_size.agrees(10, 3, 4, 0)
    filter_size, stride, steps = _draw(rng, 2, 12), _draw(rng, 3, 9), _draw(rng, 3, 12)
    for rest in (1, stride - 1):
        output_size.agrees(filter_size + steps * stride + rest, filter_size, stride, 0)


def test_output_size_counts_zeros_on_both_sides(output_size: Subject, rng: np.random.Generator) -> None:
    """counts the zeros on both sides"""
    output_size.agrees(7, 3, 2, 1)
    output_size.agrees(6, 4, 3, 2)
    filter_size, stride, steps, padding = (int(value) for value in rng.integers([2, 2, 7, 2], [12, 6, 15, 7]))
    output_size.agrees(filter_size + steps * stride - 2 * padding, filter_size, stride, padding)
    output_size.agrees(3 + steps * stride, 3, stride, padding * stride)  # more zeros than the filter is long


def test_output_size_in_known_networks(output_size: Subject, rng: np.random.Generator) -> None:
    """gives the sizes of AlexNet's and ResNet's first layers, and of VGG's, on pictures of any size"""
    for input_size in (224, _draw(rng, 230, 600)):
        output_size.agrees(input_size, 11, 4, 0)
        output_size.agrees(input_size, 7, 2, 3)
        output_size.agrees(input_size, 3, 1, 1)
    output_size.agrees(227, 11, 4, 0)


def test_output_size_of_a_filter_as_long_as_the_axis(output_size: Subject, rng: np.random.Generator) -> None:
    """finds a single place for a filter as long as the axis, whatever the stride, and 2 with a pixel more"""
    output_size.agrees(5, 5, 1, 0)
    output_size.agrees(5, 5, 3, 0)
    output_size.agrees(3, 7, 2, 2)
    output_size.agrees(6, 5, 1, 0)
    size, padding = _draw(rng, 5, 90), _draw(rng, 1, 6)
    output_size.agrees(size, size + 2 * padding, _draw(rng, 2, 9), padding)
    output_size.agrees(size + 1, size, 1, 0)


def test_output_size_refuses_a_filter_that_does_not_fit(
    output_size: Subject, rng: np.random.Generator
) -> None:
    """raises ValueError for a filter longer than the padded axis, and for no other"""
    output_size.raises(ValueError, 4, 9, 1, 0)  # the formula gives −4
    output_size.raises(ValueError, 4, 5, 2, 0)  # the formula gives 0
    output_size.raises(ValueError, 2, 7, 3, 2)
    output_size.agrees(4, 5, 1, 1)  # the padding makes room
    size, padding, stride = _draw(rng, 3, 90), _draw(rng, 1, 6), _draw(rng, 2, 9)
    output_size.raises(ValueError, size, size + 2 * padding + 1, stride, padding)
    output_size.raises(ValueError, size, size + 2 * padding + 3 * stride, stride, padding)
    output_size.agrees(size, size + 1, 1, padding)


# correlate2d_strided


def test_correlate2d_strided_on_hand_worked_images(
    correlate2d_strided: Subject, rng: np.random.Generator
) -> None:
    """works on a 3×3 and a 4×4 image with a 2×2 filter at stride 2, worked by hand"""
    kernel = np.array([[1.0, -2.0], [0.5, 0.0]])
    correlate2d_strided.agrees(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 10.0]]), kernel, 2)
    correlate2d_strided.agrees(_rising((4, 4)) ** 2, kernel, 2)
    correlate2d_strided.agrees(signed(rng, (4, 4)), signed(rng, (2, 2)), 2)


def test_correlate2d_strided_on_the_x(correlate2d_strided: Subject, rng: np.random.Generator) -> None:
    """answers [[3, 3], [3, 3]] to the X at stride 2: the crossing is stepped over"""
    correlate2d_strided.agrees(X, X[1:4, 1:4], 2)
    above, below, left, right = (2 * int(spare) for spare in rng.integers(0, 3, 4))
    sheet = np.pad(X, ((above, below), (left, right)))
    correlate2d_strided.agrees(_draw(rng, 9, 400) / 8 * sheet, X[1:4, 1:4], 2)


def test_correlate2d_strided_with_stride_1(correlate2d_strided: Subject, rng: np.random.Generator) -> None:
    """sees every window at stride 1, given as a number or as a pair"""
    image, kernel = _rising((4, 5)) ** 2, signed(rng, (2, 3))
    kernel[0, 0] = 8.0  # larger than the rest: a flipped filter answers otherwise
    correlate2d_strided.agrees(image, kernel, 1)
    correlate2d_strided.agrees(image, kernel, (1, 1))


def test_correlate2d_strided_begins_at_multiples_of_the_stride(
    correlate2d_strided: Subject, rng: np.random.Generator
) -> None:
    """begins window [i, j] at pixel [i · S, j · S]"""
    corner = np.zeros((3, 3))
    corner[0, 0] = 1.0
    for stride in (2, 3, 4):
        correlate2d_strided.agrees(_rising((7, 7)), corner, stride)
        correlate2d_strided.agrees(signed(rng, (7, 7)), corner, stride)


def test_correlate2d_strided_with_a_pair(correlate2d_strided: Subject, rng: np.random.Generator) -> None:
    """keeps the stride down and the stride across apart"""
    image = signed(rng, (7, 8))
    for stride in [(3, 1), (1, 2), (2, 3)]:
        correlate2d_strided.agrees(image, signed(rng, (2, 3)), stride)


def test_correlate2d_strided_leaves_a_rest_alone(
    correlate2d_strided: Subject, rng: np.random.Generator
) -> None:
    """leaves pixels at the edge alone that no whole window reaches, also where the windows have gaps"""
    image = signed(rng, (8, 10))
    correlate2d_strided.agrees(image, signed(rng, (3, 3)), 2)
    correlate2d_strided.agrees(image, signed(rng, (3, 2)), (4, 3))


def test_correlate2d_strided_with_a_kernel_as_large_as_the_image(
    correlate2d_strided: Subject, rng: np.random.Generator
) -> None:
    """gives one number for a filter as large as the image, at any stride, and ValueError for a larger one"""
    width = _draw(rng, 2, 5)
    height = width + _draw(rng, 1, 3)
    image, kernel = np.abs(signed(rng, (height, width))), np.abs(signed(rng, (height, width)))
    correlate2d_strided.agrees(image, kernel, (_draw(rng, 4, 9), 2))
    correlate2d_strided.raises(ValueError, image, signed(rng, (height + 1, width)), 1)
    correlate2d_strided.raises(ValueError, image, signed(rng, (height, width + 1)), _draw(rng, 2, 5))


def test_correlate2d_strided_of_bytes_and_float32(
    correlate2d_strided: Subject, rng: np.random.Generator
) -> None:
    """takes uint8 images, whose answers are neither whole nor below 256, and float32"""
    image, kernel = rng.integers(128, 256, (6, 7)).astype(np.uint8), np.abs(signed(rng, (3, 2)))
    correlate2d_strided.agrees(image, kernel, (1, 3))  # every answer is at least 128 · 21/8 = 336
    small = [signed(rng, shape).astype(np.float32) for shape in [(9, 6), (3, 2)]]
    correlate2d_strided.agrees(*small, (2, 3))


def test_correlate2d_strided_keeps_every_digit(
    correlate2d_strided: Subject, rng: np.random.Generator
) -> None:
    """keeps all the digits of float64 on numbers that need them, such as 1/7"""
    correlate2d_strided.agrees(sevenths(rng, (6, 7)), sevenths(rng, (2, 3)), 2)


# receptive_field


def _filters(rng: np.random.Generator, count: int) -> list[int]:
    """So many drawn sides of filters, each larger than all strides that are drawn here."""
    return [int(size) for size in rng.integers(8, 60, count)]


def test_receptive_field_of_no_layer_and_of_one(receptive_field: Subject, rng: np.random.Generator) -> None:
    """sees 1 pixel without a layer, and as many as the filter has with one"""
    receptive_field.agrees([(3, 1)])
    receptive_field.agrees([(5, 1)])
    receptive_field.agrees([])
    receptive_field.agrees([(_draw(rng, 8, 900), 1)])


def test_receptive_field_grows_by_each_filter(receptive_field: Subject, rng: np.random.Generator) -> None:
    """sees 5 and 7 pixels through two and three layers of filter 3 and stride 1"""
    receptive_field.agrees([(3, 1), (3, 1)])
    receptive_field.agrees([(3, 1), (3, 1), (3, 1)])
    receptive_field.agrees([(size, 1) for size in _filters(rng, 3)])


def test_receptive_field_lengthens_later_steps(receptive_field: Subject, rng: np.random.Generator) -> None:
    """sees 7 and 15 pixels through two and three layers of filter 3 and stride 2"""
    receptive_field.agrees([(3, 2), (3, 2)])
    receptive_field.agrees([(3, 2), (3, 2), (3, 2)])
    receptive_field.agrees([(_draw(rng, 8, 60), 2)] * 3)


def test_receptive_field_does_not_count_the_last_stride(
    receptive_field: Subject, rng: np.random.Generator
) -> None:
    """does not count the stride of the last layer"""
    receptive_field.agrees([(4, 3)])
    receptive_field.agrees([(3, 1), (5, 4)])
    first, last = _filters(rng, 2)
    receptive_field.agrees([(first, 1), (last, _draw(rng, 2, 8))])


def test_receptive_field_depends_on_the_order(receptive_field: Subject, rng: np.random.Generator) -> None:
    """goes from the first layer to the last: 7 pixels for filter 5, then 3 with stride 2; 11 the other way"""
    receptive_field.agrees([(5, 1), (3, 2)])
    receptive_field.agrees([(3, 2), (5, 1)])
    one, other = _filters(rng, 2)
    stride = _draw(rng, 2, 8)
    receptive_field.agrees([(one, 1), (other, stride)])
    receptive_field.agrees([(other, stride), (one, 1)])


def test_receptive_field_multiplies_all_strides(receptive_field: Subject, rng: np.random.Generator) -> None:
    """multiplies the strides of all layers before"""
    receptive_field.agrees([(3, 3), (2, 1), (4, 4), (4, 1)])
    receptive_field.agrees([(size, _draw(rng, 2, 8)) for size in _filters(rng, 5)])


def test_receptive_field_reaches_over_gaps(receptive_field: Subject, rng: np.random.Generator) -> None:
    """goes from the first pixel to the last also where strides longer than their filters leave pixels out"""
    receptive_field.agrees([(1, 3), (2, 1), (1, 4), (4, 1)])  # 40 pixels, of which 8 count
    first, last = _filters(rng, 2)
    receptive_field.agrees([(1, _draw(rng, 3, 8)), (first, 1), (2, _draw(rng, 3, 8)), (last, 1)])


def test_receptive_field_of_known_networks(receptive_field: Subject, rng: np.random.Generator) -> None:
    """sees 16 pixels through LeNet's first layers, 195 through AlexNet's, 212 through VGG-16's"""
    receptive_field.agrees([(5, 1), (2, 2), (5, 1), (2, 2)])
    receptive_field.agrees([(11, 4), (3, 2), (5, 1), (3, 2), (3, 1), (3, 1), (3, 1), (3, 2)])
    size = _draw(rng, 4, 60)
    for side, blocks in ((3, (2, 2, 3, 3, 3)), (size, rng.permutation([1, 2, 3, 4, 5]))):
        receptive_field.agrees([layer for count in blocks for layer in [(side, 1)] * count + [(2, 2)]])
