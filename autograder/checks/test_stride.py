"""Checks of chapter 3, stride."""

import numpy as np

from autograder.checks.inputs import signed
from autograder.subject import Subject
from course.datasets import X

# The inputs are eighths: their products and sums are exact in float64, whatever the order of adding.


def _rising(shape: tuple[int, ...]) -> np.ndarray:
    """The numbers 1, 2, 3 …, row by row."""
    return np.arange(1.0, 1 + np.prod(shape)).reshape(shape)


# output_size


def test_output_size_on_eight_pixels(output_size: Subject) -> None:
    """finds 6 places for a filter of 3 on 8 pixels, and 4 places for a filter of 5"""
    output_size.agrees(8, 3, 1, 0)
    output_size.agrees(8, 5, 1, 0)


def test_output_size_with_longer_steps(output_size: Subject) -> None:
    """finds 4 places at stride 2 and 3 at stride 3, for a filter of 3 on 9 pixels"""
    output_size.agrees(9, 3, 2, 0)
    output_size.agrees(9, 3, 3, 0)


def test_output_size_rounds_down(output_size: Subject, rng: np.random.Generator) -> None:
    """rounds down where the steps do not come out even"""
    output_size.agrees(8, 3, 2, 0)  # 2.5 steps
    output_size.agrees(9, 3, 4, 0)  # 1.5, which rounds to 2 either way, unlike 2.5
    output_size.agrees(10, 3, 4, 0)
    places, filter_size, stride = (int(value) for value in rng.integers(3, 9, 3))
    output_size.agrees(filter_size + places * stride - 1, filter_size, stride, 0)


def test_output_size_counts_zeros_on_both_sides(output_size: Subject, rng: np.random.Generator) -> None:
    """counts the zeros on both sides"""
    output_size.agrees(7, 3, 2, 1)
    output_size.agrees(6, 4, 3, 2)
    input_size, padding = int(rng.integers(20, 30)), int(rng.integers(3, 6))
    output_size.agrees(input_size, 5, 2, padding)


def test_output_size_in_known_networks(output_size: Subject) -> None:
    """gives the sizes of AlexNet's and ResNet's first layers, and of VGG's"""
    output_size.agrees(224, 11, 4, 0)
    output_size.agrees(227, 11, 4, 0)
    output_size.agrees(224, 7, 2, 3)
    output_size.agrees(224, 3, 1, 1)


def test_output_size_of_a_filter_as_long_as_the_axis(output_size: Subject) -> None:
    """finds a single place for a filter as long as the axis, whatever the stride, and 2 with a pixel more"""
    output_size.agrees(5, 5, 1, 0)
    output_size.agrees(5, 5, 3, 0)
    output_size.agrees(3, 7, 2, 2)
    output_size.agrees(6, 5, 1, 0)


def test_output_size_refuses_a_filter_that_does_not_fit(output_size: Subject) -> None:
    """raises ValueError for a filter longer than the padded axis, and for no other"""
    output_size.raises(ValueError, 4, 9, 1, 0)  # the formula gives −4
    output_size.raises(ValueError, 4, 5, 2, 0)  # the formula gives 0
    output_size.raises(ValueError, 2, 7, 3, 2)
    output_size.agrees(4, 5, 1, 1)  # the padding makes room


# correlate2d_strided


def test_correlate2d_strided_on_hand_worked_images(correlate2d_strided: Subject) -> None:
    """works on a 3×3 and a 4×4 image with a 2×2 kernel at stride 2, worked by hand"""
    kernel = np.array([[1.0, -2.0], [0.5, 0.0]])
    correlate2d_strided.agrees(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 10.0]]), kernel, 2)
    correlate2d_strided.agrees(_rising((4, 4)) ** 2, kernel, 2)


def test_correlate2d_strided_on_the_x(correlate2d_strided: Subject) -> None:
    """answers [[3, 3], [3, 3]] to the X at stride 2: the crossing is stepped over"""
    correlate2d_strided.agrees(X, X[1:4, 1:4], 2)


def test_correlate2d_strided_with_stride_1(correlate2d_strided: Subject, rng: np.random.Generator) -> None:
    """sees every window at stride 1, given as a number or as a pair"""
    image, kernel = _rising((4, 5)) ** 2, signed(rng, (2, 3))
    kernel[0, 0] = 8.0  # larger than the rest: a flipped kernel answers otherwise
    correlate2d_strided.agrees(image, kernel, 1)
    correlate2d_strided.agrees(image, kernel, (1, 1))


def test_correlate2d_strided_begins_at_multiples_of_the_stride(correlate2d_strided: Subject) -> None:
    """begins window [i, j] at pixel [i · S, j · S]"""
    corner = np.zeros((3, 3))
    corner[0, 0] = 1.0
    for stride in (2, 3, 4):
        correlate2d_strided.agrees(_rising((7, 7)), corner, stride)


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
    """gives one number for a kernel as large as the image, at any stride, and ValueError for a larger one"""
    image, kernel = np.abs(signed(rng, (4, 3))), np.abs(signed(rng, (4, 3)))
    correlate2d_strided.agrees(image, kernel, (5, 2))
    correlate2d_strided.raises(ValueError, image, np.ones((5, 3)), 1)
    correlate2d_strided.raises(ValueError, image, np.ones((4, 4)), 2)


def test_correlate2d_strided_of_bytes_and_float32(
    correlate2d_strided: Subject, rng: np.random.Generator
) -> None:
    """takes uint8 images, whose answers are neither whole nor below 256, and float32"""
    image, kernel = rng.integers(128, 256, (6, 7)).astype(np.uint8), np.abs(signed(rng, (3, 2)))
    correlate2d_strided.agrees(image, kernel, (1, 3))  # every answer is at least 128 · 21/8 = 336
    small = [signed(rng, shape).astype(np.float32) for shape in [(9, 6), (3, 2)]]
    correlate2d_strided.agrees(*small, (2, 3))


# receptive_field


def test_receptive_field_of_no_layer_and_of_one(receptive_field: Subject) -> None:
    """sees 1 pixel without a layer, and as many as the filter has with one"""
    receptive_field.agrees([(3, 1)])
    receptive_field.agrees([(5, 1)])
    receptive_field.agrees([])


def test_receptive_field_grows_by_each_filter(receptive_field: Subject) -> None:
    """sees 5 and 7 pixels through two and three layers of filter 3 and stride 1"""
    receptive_field.agrees([(3, 1), (3, 1)])
    receptive_field.agrees([(3, 1), (3, 1), (3, 1)])


def test_receptive_field_lengthens_later_steps(receptive_field: Subject) -> None:
    """sees 7 and 15 pixels through two and three layers of filter 3 and stride 2"""
    receptive_field.agrees([(3, 2), (3, 2)])
    receptive_field.agrees([(3, 2), (3, 2), (3, 2)])


def test_receptive_field_does_not_count_the_last_stride(receptive_field: Subject) -> None:
    """does not count the stride of the last layer"""
    receptive_field.agrees([(4, 3)])
    receptive_field.agrees([(3, 1), (5, 4)])


def test_receptive_field_depends_on_the_order(receptive_field: Subject) -> None:
    """goes from the first layer to the last: 7 pixels for filter 5, then 3 with stride 2; 11 the other way"""
    receptive_field.agrees([(5, 1), (3, 2)])
    receptive_field.agrees([(3, 2), (5, 1)])


def test_receptive_field_multiplies_all_strides(receptive_field: Subject, rng: np.random.Generator) -> None:
    """multiplies the strides of all layers before, also of those whose filter is 1"""
    receptive_field.agrees([(1, 3), (2, 1), (1, 4), (4, 1)])
    layers = [(int(size), int(stride)) for size, stride in rng.integers(2, 6, (5, 2))]
    receptive_field.agrees(layers)


def test_receptive_field_of_known_networks(receptive_field: Subject) -> None:
    """sees 16 pixels through LeNet's first layers, 195 through AlexNet's, 212 through VGG-16's"""
    receptive_field.agrees([(5, 1), (2, 2), (5, 1), (2, 2)])
    receptive_field.agrees([(11, 4), (3, 2), (5, 1), (3, 2), (3, 1), (3, 1), (3, 1), (3, 2)])
    vgg = [layer for convolutions in (2, 2, 3, 3, 3) for layer in [(3, 1)] * convolutions + [(2, 2)]]
    receptive_field.agrees(vgg)
