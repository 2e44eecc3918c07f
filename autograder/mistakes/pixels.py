"""Mistakes and alternatives of chapter 1, pixels."""

import math

import numpy as np

from . import AXES, DIGITS, alternative, mistake, spared

# to_float


@mistake(
    "to_float",
    "Your function rounds down: // drops the fraction, so every value below 255 becomes 0. Divide with / "
    "instead.",
    caught_by="test_to_float_on_a_hand_worked_image",
)
def divides_without_fractions(image: np.ndarray) -> np.ndarray:
    return (image // 255).astype(np.float32)


@mistake(
    "to_float",
    "Your function divides by 256. A byte has 256 values, but the largest is 255, and that one must become "
    "1.",
    caught_by="test_to_float_on_a_hand_worked_image",
)
def divides_by_256(image: np.ndarray) -> np.ndarray:
    return image.astype(np.float32) / 256


@mistake(
    "to_float",
    "Your function stretches each image so that its darkest value becomes 0 and its brightest 1. A dim "
    "image must stay dim: divide by the same number whatever the image holds.",
    caught_by="test_to_float_leaves_a_dim_image_dim",
)
def stretches_the_contrast(image: np.ndarray) -> np.ndarray:
    scaled = image.astype(np.float32)
    return (scaled - scaled.min()) / (scaled.max() - scaled.min())


@mistake(
    "to_float",
    "Your function divides by the brightest value in the image. Divide by the brightest value that a byte "
    "can hold.",
    caught_by="test_to_float_leaves_a_dim_image_dim",
)
def divides_by_the_brightest(image: np.ndarray) -> np.ndarray:
    return image.astype(np.float32) / image.max()


@mistake(
    "to_float",
    "The values are right, but they are float64. Name the dtype: turn the image, or the result, into "
    "float32.",
    caught_by="test_to_float_returns_float32",
)
def returns_float64(image: np.ndarray) -> np.ndarray:
    return image / 255


@mistake(
    "to_float",
    "Your function writes the result into the image that it was given. That changes the caller's image, and "
    "an array of uint8 drops every fraction besides. Make a new array.",
    caught_by="test_to_float_on_a_hand_worked_image",
)
def writes_into_the_image(image: np.ndarray) -> np.ndarray:
    image[...] = image / 255
    return image.astype(np.float32)


@mistake(
    "to_float",
    "Your function divides twice, so white becomes 1/255 and not 1. Once is enough.",
    caught_by="test_to_float_on_a_hand_worked_image",
)
def scales_twice(image: np.ndarray) -> np.ndarray:
    scaled = image.astype(np.float32) / 255
    return scaled / 255


@mistake(
    "to_float",
    "Your function changes the dtype and leaves the values as they were, 0 to 255. They still have to be "
    "scaled.",
    caught_by="test_to_float_on_a_hand_worked_image",
)
def only_changes_the_dtype(image: np.ndarray) -> np.ndarray:
    return image.astype(np.float32)


@mistake(
    "to_float",
    "Your values run from −1 to 1. Some networks like that, but here black is 0.",
    caught_by="test_to_float_on_a_hand_worked_image",
)
def scales_to_minus_one_and_one(image: np.ndarray) -> np.ndarray:
    return image.astype(np.float32) / np.float32(127.5) - 1


@mistake(
    "to_float",
    "Your function rounds each value to 0 or 1. Keep the fractions: grey lies in between.",
    caught_by="test_to_float_on_a_hand_worked_image",
)
def rounds_to_black_and_white(image: np.ndarray) -> np.ndarray:
    return np.round(image / 255).astype(np.float32)


@mistake(
    "to_float",
    "Your function rounds to a few digits. float32 holds seven: keep what the division gives.",
    caught_by="test_to_float_knows_all_256_values",
)
def rounds_to_four_digits(image: np.ndarray) -> np.ndarray:
    return np.round(image / 255, 4).astype(np.float32)


@alternative("to_float")
def divides_then_converts(image: np.ndarray) -> np.ndarray:
    return (image / 255).astype(np.float32)


@alternative("to_float")
def multiplies_by_the_reciprocal(image: np.ndarray) -> np.ndarray:
    return image * np.float32(1 / 255)


@alternative("to_float")
def looks_values_up(image: np.ndarray) -> np.ndarray:
    return np.linspace(0, 1, 256, dtype=np.float32)[image]


@alternative("to_float")
def divides_in_float32(image: np.ndarray) -> np.ndarray:
    return np.divide(image, 255, dtype=np.float32)


@alternative("to_float")
def divides_one_by_one(image: np.ndarray) -> np.ndarray:
    scaled = np.zeros(image.shape, dtype=np.float32, order="F")
    for index in np.ndindex(image.shape):
        scaled[index] = int(image[index]) / 255
    return scaled


# to_grayscale

WEIGHTS = np.array([0.299, 0.587, 0.114])


@mistake(
    "to_grayscale",
    "Your function takes the plain mean of the three channels. The eye does not weigh them alike: use the "
    "weights of the exercise.",
    caught_by="test_to_grayscale_on_pure_colours",
)
def takes_the_plain_mean(image: np.ndarray) -> np.ndarray:
    return image.mean(axis=-1)


@mistake(
    "to_grayscale",
    "Your sum is made in uint8, which starts again at 0 after 255. Turn the image into floats before you "
    "add, and use the weights of the exercise.",
    caught_by="test_to_grayscale_of_bright_bytes",
)
def adds_bytes_before_dividing(image: np.ndarray) -> np.ndarray:
    return (image[..., 0] + image[..., 1] + image[..., 2]) / 3


@mistake(
    "to_grayscale",
    "With whole weights the products are made in uint8, which starts again at 0 after 255; and 30, 59 and "
    "11 percent are not quite the weights of the exercise. Use its decimal weights.",
    caught_by="test_to_grayscale_of_bright_bytes",
)
def weighs_with_percent(image: np.ndarray) -> np.ndarray:
    return (30 * image[..., 0] + 59 * image[..., 1] + 11 * image[..., 2]) / 100


@mistake(
    "to_grayscale",
    "Your weights stand in the order blue, green, red. Here the channels come as red, green, blue.",
    caught_by="test_to_grayscale_on_pure_colours",
)
def takes_blue_for_red(image: np.ndarray) -> np.ndarray:
    return image @ WEIGHTS[::-1]


@mistake(
    "to_grayscale",
    "Your function mixes along the first axis, which is the height. The channels are the last axis.",
    caught_by="test_to_grayscale_mixes_along_the_last_axis",
)
def mixes_the_rows(image: np.ndarray) -> np.ndarray:
    return np.tensordot(WEIGHTS, image, axes=(0, 0))


@mistake(
    "to_grayscale",
    "Your function mixes along the width. The channels are the last axis.",
    caught_by="test_to_grayscale_mixes_along_the_last_axis",
)
def mixes_the_columns(image: np.ndarray) -> np.ndarray:
    return np.tensordot(image, WEIGHTS, axes=(1, 0))


@mistake(
    "to_grayscale",
    "Your function divides by 255 as well. The brightness must stay on the scale of the image: white in "
    "uint8 gives 255.",
    caught_by="test_to_grayscale_on_pure_colours",
)
def divides_by_255_as_well(image: np.ndarray) -> np.ndarray:
    return image @ WEIGHTS / 255


@mistake(
    "to_grayscale",
    "Your function multiplies the channels of the image that it was given, and so changes the caller's "
    "image. Multiply into a new array.",
    caught_by="test_to_grayscale_on_pure_colours",
)
def weighs_in_place(image: np.ndarray) -> np.ndarray:
    for channel, weight in enumerate(WEIGHTS):
        image[..., channel] = weight * image[..., channel]
    return image.sum(axis=-1)


@mistake(
    "to_grayscale",
    "Your function uses the weights of ITU-R BT.709, the standard for high definition. The exercise asks "
    "for BT.601.",
    caught_by="test_to_grayscale_on_pure_colours",
)
def takes_the_weights_of_hdtv(image: np.ndarray) -> np.ndarray:
    return image @ np.array([0.2126, 0.7152, 0.0722])


@mistake(
    "to_grayscale",
    "Your result keeps a last axis of length 1. A grey image has no channel axis: its shape is (H, W).",
    caught_by="test_to_grayscale_on_pure_colours",
)
def keeps_a_channel_axis(image: np.ndarray) -> np.ndarray:
    return np.sum(image * WEIGHTS, axis=-1, keepdims=True)


@mistake(
    "to_grayscale",
    "Your function takes the green channel and leaves out the other two. Brightness is a mix of all three.",
    caught_by="test_to_grayscale_on_pure_colours",
)
def takes_green_alone(image: np.ndarray) -> np.ndarray:
    return image[..., 1].copy()


@mistake(
    "to_grayscale",
    "Your function turns the result back into uint8, which drops the fractions. Return floats.",
    caught_by="test_to_grayscale_keeps_the_scale",
)
def drops_the_fractions(image: np.ndarray) -> np.ndarray:
    return (image @ WEIGHTS).astype(np.uint8)


@mistake(
    "to_grayscale",
    "Your function weighs the channels and then divides by 3 as well. The three weights already add up to 1.",
    caught_by="test_to_grayscale_on_pure_colours",
)
def takes_the_mean_of_weighted_channels(image: np.ndarray) -> np.ndarray:
    return np.mean(image * WEIGHTS, axis=-1)


@mistake(
    "to_grayscale",
    "Your function drops every axis of length 1, so an image of one row or one column loses an axis. Let "
    "only the channel axis go.",
    caught_by="test_to_grayscale_keeps_one_row_and_one_column",
)
def squeezes_thin_images(image: np.ndarray) -> np.ndarray:
    return np.squeeze(np.sum(image * WEIGHTS, axis=-1, keepdims=True))


@mistake(
    "to_grayscale",
    "Your weights are rounded to two digits. The exercise gives three: 0.299, 0.587 and 0.114.",
    caught_by="test_to_grayscale_on_pure_colours",
)
def rounds_the_weights(image: np.ndarray) -> np.ndarray:
    return image @ np.array([0.30, 0.59, 0.11])


@mistake(
    "to_grayscale",
    "Your function computes in float32, which keeps some seven digits, though float64 came in. Leave the weights "
    "and the image as they are: NumPy computes in float64 then.",
    caught_by="test_to_grayscale_keeps_the_scale",
)
def computes_in_float32(image: np.ndarray) -> np.ndarray:
    return image.astype(np.float32) @ WEIGHTS.astype(np.float32)


@alternative("to_grayscale")
def adds_three_slices(image: np.ndarray) -> np.ndarray:
    return 0.299 * image[:, :, 0] + 0.587 * image[:, :, 1] + 0.114 * image[:, :, 2]


@alternative("to_grayscale")
def sums_a_product(image: np.ndarray) -> np.ndarray:
    return (image * WEIGHTS).sum(axis=2)


@alternative("to_grayscale")
def takes_a_weighted_average(image: np.ndarray) -> np.ndarray:
    return np.average(image, axis=2, weights=WEIGHTS)


@alternative("to_grayscale")
def mixes_with_einsum(image: np.ndarray) -> np.ndarray:
    return np.einsum("ijc,c->ij", image, WEIGHTS)


@alternative("to_grayscale")
def mixes_column_by_column_in_memory(image: np.ndarray) -> np.ndarray:
    return np.asfortranarray(np.tensordot(image, WEIGHTS, axes=1))


@alternative("to_grayscale")
def mixes_pixel_by_pixel(image: np.ndarray) -> np.ndarray:
    height, width, _ = image.shape
    return np.array(
        [
            [math.fsum(float(v) * w for v, w in zip(image[i, j], WEIGHTS, strict=True)) for j in range(width)]
            for i in range(height)
        ]
    )


# flatten_image


@mistake(
    "flatten_image",
    "Your function reads the image column by column. Read it row by row, as you read a page.",
    caught_by="test_flatten_image_on_a_hand_worked_image",
)
def reads_column_by_column(image: np.ndarray) -> np.ndarray:
    return image.flatten(order="F")


@mistake(
    "flatten_image",
    "Your function writes all of the first channel, then all of the next. Keep the channels of each pixel "
    "side by side.",
    caught_by="test_flatten_image_keeps_the_channels_of_a_pixel_together",
)
def writes_channel_after_channel(image: np.ndarray) -> np.ndarray:
    if image.ndim == 3:
        image = image.transpose(2, 0, 1)
    return image.flatten()


@mistake(
    "flatten_image",
    "Your result is a column with two axes, (n, 1). A vector has a single axis: (n,).",
    caught_by="test_flatten_image_on_a_hand_worked_image",
)
def makes_a_column(image: np.ndarray) -> np.ndarray:
    return image.reshape(-1, 1)


@mistake(
    "flatten_image",
    "Your result is a row with two axes, (1, n). A vector has a single axis: (n,).",
    caught_by="test_flatten_image_on_a_hand_worked_image",
)
def makes_a_row(image: np.ndarray) -> np.ndarray:
    return image.reshape(1, -1)


@mistake(
    "flatten_image",
    "Your function keeps the first channel and drops the others. Every number of the image belongs in the "
    "vector.",
    caught_by="test_flatten_image_keeps_the_channels_of_a_pixel_together",
)
def drops_channels(image: np.ndarray) -> np.ndarray:
    if image.ndim == 3:
        image = image[:, :, 0]
    return image.flatten()


@mistake(
    "flatten_image",
    "Your function sorts the numbers. Their order is the picture: leave it as it is.",
    caught_by="test_flatten_image_on_a_hand_worked_image",
)
def sorts_the_numbers(image: np.ndarray) -> np.ndarray:
    return np.sort(image, axis=None)


@mistake(
    "flatten_image",
    "Your function flattens each channel by itself, so that a colour image still has two axes, (H·W, C). "
    "The channels belong in the one vector too.",
    caught_by="test_flatten_image_keeps_the_channels_of_a_pixel_together",
)
def keeps_the_channel_axis(image: np.ndarray) -> np.ndarray:
    return image.reshape(-1, image.shape[2]) if image.ndim == 3 else image.flatten()


@mistake(
    "flatten_image",
    "Your function averages the channels before it flattens. Every number of the image belongs in the "
    "vector.",
    caught_by="test_flatten_image_keeps_the_channels_of_a_pixel_together",
)
def averages_the_channels(image: np.ndarray) -> np.ndarray:
    if image.ndim == 3:
        image = image.mean(axis=2)
    return image.flatten()


@mistake(
    "flatten_image",
    "The values are right, but their dtype is not that of the image. An array made by np.zeros or "
    "np.array(…, dtype=float) is float64 unless it is told otherwise.",
    caught_by="test_flatten_image_keeps_the_dtype",
)
def fills_a_float64_vector(image: np.ndarray) -> np.ndarray:
    vector = np.zeros(image.size)
    for position, value in enumerate(image.flat):
        vector[position] = value
    return vector


@mistake(
    "flatten_image",
    "Your function also divides by 255. Flattening only changes the shape.",
    caught_by="test_flatten_image_on_a_hand_worked_image",
)
def scales_as_well(image: np.ndarray) -> np.ndarray:
    return image.flatten() / 255


@mistake(
    "flatten_image",
    "Your vector has lost digits: it was float32 on the way, though float64 came in. Flattening changes no number.",
    caught_by="test_flatten_image_keeps_the_dtype",
)
def goes_through_float32(image: np.ndarray) -> np.ndarray:
    return image.astype(np.float32).flatten().astype(image.dtype)


@alternative("flatten_image")
def flattens_a_copy(image: np.ndarray) -> np.ndarray:
    return image.flatten()


@alternative("flatten_image")
def ravels(image: np.ndarray) -> np.ndarray:
    return np.ravel(image)


@alternative("flatten_image")
def joins_the_rows(image: np.ndarray) -> np.ndarray:
    return np.concatenate([row.reshape(-1) for row in image])


@alternative("flatten_image")
def lists_every_number(image: np.ndarray) -> np.ndarray:
    return np.array([image[index] for index in np.ndindex(image.shape)])


# one_hot


@mistake(
    "one_hot",
    "Your classes start at 1. They start at 0: label 0 puts its 1 in the first column.",
    caught_by="test_one_hot_on_a_hand_worked_list",
)
def counts_labels_from_one(labels: np.ndarray, num_classes: int) -> np.ndarray:
    encoded = np.zeros((len(labels), num_classes))
    encoded[np.arange(len(labels)), labels - 1] = 1
    return encoded


@mistake(
    "one_hot",
    "Rows and columns are swapped: there must be a row for each label and a column for each class.",
    caught_by="test_one_hot_keeps_rows_and_columns_apart",
)
def makes_a_column_for_each_label(labels: np.ndarray, num_classes: int) -> np.ndarray:
    return np.eye(num_classes)[:, labels]


@mistake(
    "one_hot",
    "A position was counted in the small integers of the labels, which start again after 127 or 255. Count "
    "rows with ordinary integers.",
    caught_by="test_one_hot_takes_small_integers",
)
def counts_positions_in_small_integers(labels: np.ndarray, num_classes: int) -> np.ndarray:
    encoded = np.zeros((len(labels), num_classes))
    row_starts = num_classes * np.arange(len(labels)).astype(labels.dtype)
    encoded.flat[row_starts + labels] = 1
    return encoded


@mistake(
    "one_hot",
    "Your table is only as wide as the largest label asks for. The number of classes is given: use it.",
    caught_by="test_one_hot_keeps_a_column_for_every_class",
)
def guesses_the_classes_from_the_largest_label(labels: np.ndarray, num_classes: int) -> np.ndarray:
    return np.eye(int(labels.max()) + 1)[labels]


@mistake(
    "one_hot",
    "Your table has columns only for the classes that occur. A class without a label still has a column, "
    "all zeros.",
    caught_by="test_one_hot_keeps_a_column_for_every_class",
)
def leaves_out_classes_without_labels(labels: np.ndarray, num_classes: int) -> np.ndarray:
    return (labels[:, np.newaxis] == np.unique(labels)).astype(float)


@mistake(
    "one_hot",
    "Every row holds the 1s of all labels. Each row belongs to one label: pair row n with labels[n].",
    caught_by="test_one_hot_on_a_hand_worked_list",
)
def marks_every_label_in_every_row(labels: np.ndarray, num_classes: int) -> np.ndarray:
    encoded = np.zeros((len(labels), num_classes))
    encoded[:, labels] = 1
    return encoded


@mistake(
    "one_hot",
    "Your function writes the label itself into its column. Write a 1 there, whatever the class.",
    caught_by="test_one_hot_on_a_hand_worked_list",
)
def writes_the_label(labels: np.ndarray, num_classes: int) -> np.ndarray:
    encoded = np.zeros((len(labels), num_classes))
    for row, label in enumerate(labels):
        encoded[row, label] = label
    return encoded


@mistake(
    "one_hot",
    "Your function counts how often each class occurs. Each label needs a row of its own.",
    caught_by="test_one_hot_on_a_hand_worked_list",
)
def counts_each_class(labels: np.ndarray, num_classes: int) -> np.ndarray:
    return np.bincount(labels, minlength=num_classes).astype(float)


@mistake(
    "one_hot",
    "Your rows hold −1 for the other classes. They must hold 0.",
    caught_by="test_one_hot_on_a_hand_worked_list",
)
def fills_with_minus_one(labels: np.ndarray, num_classes: int) -> np.ndarray:
    return np.where(labels[:, np.newaxis] == np.arange(num_classes), 1.0, -1.0)


@alternative("one_hot")
def takes_rows_of_the_identity(labels: np.ndarray, num_classes: int) -> np.ndarray:
    return np.eye(num_classes)[labels]


@alternative("one_hot")
def compares_with_every_class(labels: np.ndarray, num_classes: int) -> np.ndarray:
    return (labels[:, np.newaxis] == np.arange(num_classes)).astype(np.float32)


@alternative("one_hot")
def writes_row_by_row(labels: np.ndarray, num_classes: int) -> np.ndarray:
    encoded = np.zeros((len(labels), num_classes), order="F")
    for row, label in enumerate(labels):
        encoded[row, label] = 1.0
    return encoded


@alternative("one_hot")
def puts_along_an_axis(labels: np.ndarray, num_classes: int) -> np.ndarray:
    encoded = np.zeros((len(labels), num_classes), dtype=np.int64)
    np.put_along_axis(encoded, labels.astype(np.intp)[:, np.newaxis], 1, axis=1)
    return encoded


# count_dense_parameters


@mistake(
    "count_dense_parameters",
    "Your count leaves out the biases. Each neuron has one.",
    caught_by="test_count_dense_parameters_on_a_hand_worked_layer",
)
def forgets_the_biases(input_shape: tuple[int, ...], units: int) -> int:
    return math.prod(input_shape) * units


@mistake(
    "count_dense_parameters",
    "Your count has a bias for every weight. A neuron has many weights and just one bias.",
    caught_by="test_count_dense_parameters_on_a_hand_worked_layer",
)
def counts_a_bias_for_every_weight(input_shape: tuple[int, ...], units: int) -> int:
    return 2 * math.prod(input_shape) * units


@mistake(
    "count_dense_parameters",
    "Your count has a single bias for the whole layer. Each neuron has its own.",
    caught_by="test_count_dense_parameters_on_a_hand_worked_layer",
)
def counts_one_bias_for_the_layer(input_shape: tuple[int, ...], units: int) -> int:
    return math.prod(input_shape) * units + 1


@mistake(
    "count_dense_parameters",
    "Your count has a bias for every input number. Biases belong to the neurons: one each.",
    caught_by="test_count_dense_parameters_on_a_hand_worked_layer",
)
def counts_a_bias_for_every_input(input_shape: tuple[int, ...], units: int) -> int:
    return math.prod(input_shape) * (units + 1)


@mistake(
    "count_dense_parameters",
    "Your count leaves out the channels. An image of shape (H, W, C) holds H·W·C numbers, each with its own "
    "weight.",
    caught_by="test_count_dense_parameters_counts_the_channels",
)
def ignores_the_channels(input_shape: tuple[int, ...], units: int) -> int:
    return (math.prod(input_shape[:2]) + 1) * units


@mistake(
    "count_dense_parameters",
    "Your count is that of a single neuron. There are as many neurons as `units` says.",
    caught_by="test_count_dense_parameters_on_a_hand_worked_layer",
)
def ignores_the_units(input_shape: tuple[int, ...], units: int) -> int:
    return math.prod(input_shape) + 1


@mistake(
    "count_dense_parameters",
    "Your function adds the sides of the image. The number of its pixels is their product.",
    caught_by="test_count_dense_parameters_on_a_hand_worked_layer",
)
def adds_the_sides(input_shape: tuple[int, ...], units: int) -> int:
    return (sum(input_shape) + 1) * units


@mistake(
    "count_dense_parameters",
    "Your function counts the last axis alone. The layer sees the whole flattened image: multiply all axes.",
    caught_by="test_count_dense_parameters_on_a_hand_worked_layer",
)
def counts_the_last_axis_alone(input_shape: tuple[int, ...], units: int) -> int:
    return (input_shape[-1] + 1) * units


@mistake(
    "count_dense_parameters",
    "Your function multiplies the first two sides only, which fails on a vector and loses the channels. "
    "Multiply all axes.",
    caught_by="test_count_dense_parameters_of_a_vector",
)
def expects_two_sides(input_shape: tuple[int, ...], units: int) -> int:
    return (input_shape[0] * input_shape[1] + 1) * units


@mistake(
    "count_dense_parameters",
    "The number is right, but it is a float. Count with whole numbers.",
    caught_by="test_count_dense_parameters_on_a_hand_worked_layer",
)
def counts_in_floats(input_shape: tuple[int, ...], units: int) -> float:
    return (np.prod(input_shape, dtype=float) + 1) * units


@mistake(
    "count_dense_parameters",
    "Your function multiplies the first three sides at most. The shape may have any number of axes: multiply them "
    "all, in a loop or with np.prod.",
    caught_by="test_count_dense_parameters_of_any_layer",
)
def multiplies_three_sides_at_most(input_shape: tuple[int, ...], units: int) -> int:
    return (math.prod(input_shape[:3]) + 1) * units


@alternative("count_dense_parameters")
def adds_weights_and_biases(input_shape: tuple[int, ...], units: int) -> int:
    return int(np.prod(input_shape)) * units + units


@alternative("count_dense_parameters")
def multiplies_axis_by_axis(input_shape: tuple[int, ...], units: int) -> int:
    inputs = 1
    for size in input_shape:
        inputs *= size
    return units * (inputs + 1)


@alternative("count_dense_parameters")
def counts_with_numpy(input_shape: tuple[int, ...], units: int) -> np.integer:
    return (np.prod(input_shape) + 1) * units


@alternative("count_dense_parameters")
def measures_the_arrays(input_shape: tuple[int, ...], units: int) -> int:
    weights = np.empty((*input_shape, units), dtype=np.bool_)
    bias = np.empty(units, dtype=np.bool_)
    return weights.size + bias.size


spared(DIGITS, "to_float", "one_hot", "count_dense_parameters")
spared(AXES, "flatten_image", "count_dense_parameters")
