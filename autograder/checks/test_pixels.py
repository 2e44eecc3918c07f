"""Checks of chapter 1, pixels."""

import numpy as np

from autograder.checking.subject import Subject
from autograder.checks.inputs import sevenths


def _bytes(rng: np.random.Generator, shape: tuple[int, ...], low: int, high: int) -> np.ndarray:
    """A random 8-bit image with values from `low` to `high`, its first value `high`."""
    image = rng.integers(low, high + 1, shape).astype(np.uint8)
    image.flat[0] = high
    return image


def _distinct(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """The numbers 1, 2, 3 … in a random order that begins 2, 1: never sorted, and no two alike."""
    size = int(np.prod(shape))
    return np.concatenate([[2, 1], 3 + rng.permutation(size - 2)]).reshape(shape)


# to_float


def test_to_float_on_a_hand_worked_image(to_float: Subject, rng: np.random.Generator) -> None:
    """turns 0, 51, 102, 153, 204, 255 into 0, 0.2, 0.4, 0.6, 0.8, 1"""
    to_float.agrees(np.array([[51, 102, 204], [153, 0, 255]], dtype=np.uint8))
    fifths = np.concatenate([[51, 255, 0], 51 * rng.integers(0, 6, 9)])
    to_float.agrees(fifths.reshape(3, 4).astype(np.uint8))


def test_to_float_leaves_a_dim_image_dim(to_float: Subject, rng: np.random.Generator) -> None:
    """leaves a dim image dim"""
    to_float.agrees(_bytes(rng, (4, 5), 40, 120))  # neither 0 nor 255 is in it


def test_to_float_keeps_any_shape(to_float: Subject, rng: np.random.Generator) -> None:
    """keeps the shape: a row, a colour image, a stack of images, one column of one channel"""
    for shape in [(7,), (3, 5, 3), (2, 4, 3, 3), (4, 1, 1)]:
        to_float.agrees(_bytes(rng, shape, 0, 200))


def test_to_float_returns_float32(to_float: Subject, rng: np.random.Generator) -> None:
    """returns float32, half the memory of float64"""
    to_float.agrees(_bytes(rng, (5, 4, 3), 0, 200), dtype=np.float32)


def test_to_float_knows_all_256_values(to_float: Subject, rng: np.random.Generator) -> None:
    """is right for each of the 256 values that a byte can hold, to six digits"""
    to_float.agrees(np.arange(256, dtype=np.uint8).reshape(8, 32), rtol=1e-6)
    to_float.agrees(rng.permutation(256).reshape(16, 16).astype(np.uint8), rtol=1e-6)


# to_grayscale


def test_to_grayscale_on_pure_colours(to_grayscale: Subject, rng: np.random.Generator) -> None:
    """turns pure red, green, blue and white into 76.245, 149.685, 29.07 and 255"""
    image = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], dtype=np.uint8)
    to_grayscale.agrees(image)
    dimmer = rng.integers(100, 250, (2, 2, 1)).astype(np.uint8)
    to_grayscale.agrees(image // 255 * dimmer)


def test_to_grayscale_mixes_along_the_last_axis(to_grayscale: Subject, rng: np.random.Generator) -> None:
    """mixes the channels also where height and width are 3 as well"""
    to_grayscale.agrees(_distinct(rng, (3, 3, 3)) / 8)


def test_to_grayscale_keeps_one_row_and_one_column(to_grayscale: Subject, rng: np.random.Generator) -> None:
    """returns (H, W) also for one row or one column"""
    for shape in [(1, 5, 3), (4, 1, 3)]:
        to_grayscale.agrees(_distinct(rng, shape) / 8)


def test_to_grayscale_of_bright_bytes(to_grayscale: Subject, rng: np.random.Generator) -> None:
    """does not overflow on a bright uint8 image"""
    to_grayscale.agrees(_bytes(rng, (4, 6, 3), 200, 255))


def test_to_grayscale_keeps_the_scale(to_grayscale: Subject, rng: np.random.Generator) -> None:
    """keeps the scale of a float image between 0 and 1, and its fractions; also of one centred at 0"""
    image = _distinct(rng, (5, 3, 3)) / 64
    to_grayscale.agrees(image)
    to_grayscale.agrees(sevenths(rng, (5, 3, 3)) / 9)
    to_grayscale.agrees(image.astype(np.float32))


# flatten_image


def test_flatten_image_on_a_hand_worked_image(flatten_image: Subject, rng: np.random.Generator) -> None:
    """writes [[3, 1, 2], [6, 4, 5]] as [3, 1, 2, 6, 4, 5]"""
    flatten_image.agrees(np.array([[3, 1, 2], [6, 4, 5]], dtype=np.uint8))
    flatten_image.agrees(_distinct(rng, (3, 4)).astype(np.uint8))


def test_flatten_image_keeps_the_channels_of_a_pixel_together(
    flatten_image: Subject, rng: np.random.Generator
) -> None:
    """keeps red, green and blue of each pixel side by side"""
    red, green, blue, white = [255, 1, 2], [3, 254, 4], [5, 6, 253], [252, 251, 250]
    flatten_image.agrees(np.array([[red, green], [blue, white]], dtype=np.uint8))
    flatten_image.agrees(_distinct(rng, (3, 2, 3)).astype(np.uint8))


def test_flatten_image_of_one_row_or_column(flatten_image: Subject, rng: np.random.Generator) -> None:
    """returns one axis also for one row or one column"""
    for shape in [(1, 7), (7, 1), (1, 3, 4), (4, 1, 3)]:
        flatten_image.agrees(_distinct(rng, shape))


def test_flatten_image_keeps_the_dtype(flatten_image: Subject, rng: np.random.Generator) -> None:
    """keeps the dtype of the image, and every digit: uint8 stays uint8, float32 float32, float64 float64"""
    image = _distinct(rng, (3, 4))
    flatten_image.agrees(image.astype(np.uint8), dtype=np.uint8)
    flatten_image.agrees(image.astype(np.float32) / 8, dtype=np.float32)
    flatten_image.agrees(sevenths(rng, (2, 3, 3)), dtype=np.float64)
    flatten_image.agrees(-1000 * image, dtype=np.int64)  # outside of a byte's range


def test_flatten_image_of_a_colour_image(flatten_image: Subject, rng: np.random.Generator) -> None:
    """flattens a colour image of another height than width"""
    flatten_image.agrees(_distinct(rng, (4, 6, 3)) / 8)


# one_hot


def test_one_hot_on_a_hand_worked_list(one_hot: Subject, rng: np.random.Generator) -> None:
    """turns the labels 2, 0, 1, 2 of 3 classes into four rows of three"""
    one_hot.agrees(np.array([2, 0, 1, 2]), 3)
    one_hot.agrees(rng.permutation([0, 1, 2, 3, 4, *rng.integers(0, 5, 4)]), 5)


def test_one_hot_of_one_label(one_hot: Subject, rng: np.random.Generator) -> None:
    """returns one row for one label"""
    one_hot.agrees(np.array([1]), 4)
    label = int(rng.integers(2, 90))
    one_hot.agrees(np.array([label]), label + int(rng.integers(2, 9)))


def test_one_hot_keeps_a_column_for_every_class(one_hot: Subject, rng: np.random.Generator) -> None:
    """keeps a column for each class, also for those that no label names"""
    labels = np.concatenate([[3, 1, 3], 2 * rng.integers(0, 2, 2) + 1])  # no 0, 2, 4, 5
    one_hot.agrees(labels, 6)
    one_hot.agrees(labels + 2 * int(rng.integers(1, 50)), 110)


def test_one_hot_keeps_rows_and_columns_apart(one_hot: Subject, rng: np.random.Generator) -> None:
    """gives each label its row where there are as many labels as classes"""
    order = rng.permutation(8)
    labels = np.empty(8, dtype=np.int64)
    labels[order] = np.roll(order, 1)  # one long cycle, which is never the same when rows and columns swap
    one_hot.agrees(labels, 8)


def test_one_hot_takes_small_integers(one_hot: Subject, rng: np.random.Generator) -> None:
    """takes many labels of 8-bit integers"""
    labels = np.concatenate([np.arange(10), rng.integers(0, 10, 50)])
    one_hot.agrees(labels.astype(np.uint8), 10)
    one_hot.agrees(labels.astype(np.int8), 10)


# count_dense_parameters


def _sides(rng: np.random.Generator, count: int) -> tuple[int, ...]:
    """So many drawn sides of an image, 3 at least: their sum is never their product."""
    return tuple(int(side) for side in rng.integers(3, 60, count))


def _units(rng: np.random.Generator) -> int:
    """A drawn number of neurons, more than one."""
    return int(rng.integers(2, 60))


def test_count_dense_parameters_on_a_hand_worked_layer(
    count_dense_parameters: Subject, rng: np.random.Generator
) -> None:
    """counts 28 for a 2×3 image and 4 neurons: 24 weights and 4 biases"""
    count_dense_parameters.agrees((2, 3), 4)
    count_dense_parameters.agrees(_sides(rng, 2), _units(rng))


def test_count_dense_parameters_of_a_vector(
    count_dense_parameters: Subject, rng: np.random.Generator
) -> None:
    """counts a weight for each number of a vector"""
    count_dense_parameters.agrees((7,), 3)
    count_dense_parameters.agrees(_sides(rng, 1), _units(rng))


def test_count_dense_parameters_of_one_neuron(
    count_dense_parameters: Subject, rng: np.random.Generator
) -> None:
    """counts 65,537 for a 256×256 image and one neuron"""
    count_dense_parameters.agrees((256, 256), 1)
    count_dense_parameters.agrees(_sides(rng, 2), 1)


def test_count_dense_parameters_counts_the_channels(
    count_dense_parameters: Subject, rng: np.random.Generator
) -> None:
    """counts each of three channels: 480×480×3 numbers"""
    count_dense_parameters.agrees((480, 480, 3), 2)
    count_dense_parameters.agrees((*_sides(rng, 2), 3), _units(rng))


def test_count_dense_parameters_of_any_layer(
    count_dense_parameters: Subject, rng: np.random.Generator
) -> None:
    """counts layers of other sizes, and inputs of four and five axes"""
    for axes in (3, 4, 5):
        count_dense_parameters.agrees(_sides(rng, axes), _units(rng))
