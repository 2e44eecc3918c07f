"""Mistakes and alternatives of chapter 2, filters."""

import math
from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from solutions.filters import apply_filters, correlate2d

from . import AXES, DIGITS, SIDE_EFFECTS, alternative, mistake, spared

# window_response


@mistake(
    "window_response",
    "Your function makes a matrix product, which pairs rows with columns. Here each number of the window "
    "meets the one weight at its own place: multiply with *, then add everything up.",
    caught_by="test_window_response_on_a_window_as_deep_as_wide",
)
def makes_a_matrix_product(window: np.ndarray, kernel: np.ndarray, bias: float) -> float:
    return np.sum(window @ kernel) + bias


@mistake(
    "window_response",
    "Your function takes the mean of the products. A filter answers with their sum.",
    caught_by="test_window_response_on_a_hand_worked_window",
)
def takes_the_mean_of_the_products(window: np.ndarray, kernel: np.ndarray, bias: float) -> float:
    return np.mean(window * kernel) + bias


@mistake(
    "window_response",
    "Your function leaves out the bias. Add it to the sum, once.",
    caught_by="test_window_response_adds_the_bias_once",
)
def leaves_out_the_bias(window: np.ndarray, kernel: np.ndarray, bias: float) -> float:
    return np.sum(window * kernel)


@mistake(
    "window_response",
    "Your function adds the bias to every product, so it counts many times. Add it once, after the sum.",
    caught_by="test_window_response_adds_the_bias_once",
)
def adds_the_bias_to_every_product(window: np.ndarray, kernel: np.ndarray, bias: float) -> float:
    return np.sum(window * kernel + bias)


@mistake(
    "window_response",
    "Your function adds the bias once for each channel. It belongs to the filter as a whole: add it once.",
    caught_by="test_window_response_adds_the_bias_once",
)
def adds_the_bias_for_each_channel(window: np.ndarray, kernel: np.ndarray, bias: float) -> float:
    total = 0.0
    for channel in range(window.shape[2]):
        total += np.sum(window[..., channel] * kernel[..., channel]) + bias
    return total


@mistake(
    "window_response",
    "Your filter is turned by 180°: the top left pixel meets the bottom right weight. Use the filter as it "
    "stands.",
    caught_by="test_window_response_pairs_each_pixel_with_its_weight",
)
def turns_the_kernel(window: np.ndarray, kernel: np.ndarray, bias: float) -> float:
    return np.sum(window * kernel[::-1, ::-1]) + bias


@mistake(
    "window_response",
    "Your sum runs along one axis only, so an array comes back. Add up along all axes, to one number.",
    caught_by="test_window_response_on_a_hand_worked_window",
)
def sums_one_axis_only(window: np.ndarray, kernel: np.ndarray, bias: float) -> np.ndarray:
    return np.sum(window * kernel, axis=0) + bias


@mistake(
    "window_response",
    "Your function gives an answer for each channel. The channels are added up too: one filter, one number.",
    caught_by="test_window_response_on_a_hand_worked_window",
)
def answers_for_each_channel(window: np.ndarray, kernel: np.ndarray, bias: float) -> np.ndarray:
    return np.sum(window * kernel, axis=(0, 1)) + bias


@mistake(
    "window_response",
    "Your function looks at the first channel only. A filter is as deep as its input: add the products of "
    "all channels.",
    caught_by="test_window_response_of_bytes",
)
def looks_at_the_first_channel(window: np.ndarray, kernel: np.ndarray, bias: float) -> float:
    return np.sum(window[..., 0] * kernel[..., 0]) + bias


@mistake(
    "window_response",
    "Your function replaces a negative answer by 0. ReLU is a later step: return the sum as it is.",
    caught_by="test_window_response_on_a_hand_worked_window",
)
def replaces_a_negative_answer(window: np.ndarray, kernel: np.ndarray, bias: float) -> float:
    return max(0.0, float(np.sum(window * kernel) + bias))


@mistake(
    "window_response",
    "Your function subtracts the bias. It is added: a bias of −4 lowers the answer by 4.",
    caught_by="test_window_response_adds_the_bias_once",
)
def subtracts_the_bias(window: np.ndarray, kernel: np.ndarray, bias: float) -> float:
    return np.sum(window * kernel) - bias


@mistake(
    "window_response",
    "Your answer has float32's seven digits, though float64 came in. Leave the dtypes to NumPy: the product of two "
    "float64 arrays is float64.",
    caught_by="test_window_response_keeps_every_digit",
)
def answers_in_float32(window: np.ndarray, kernel: np.ndarray, bias: float) -> float:
    return float(np.sum(window.astype(np.float32) * kernel.astype(np.float32)) + np.float32(bias))


@mistake(
    "window_response",
    "Your function rounds its answer. Return the sum with all its digits.",
    caught_by="test_window_response_keeps_every_digit",
)
def rounds_its_answer(window: np.ndarray, kernel: np.ndarray, bias: float) -> float:
    return round(float(np.sum(window * kernel) + bias), 6)


@alternative("window_response")
def responds_in_three_loops(window: np.ndarray, kernel: np.ndarray, bias: float) -> float:
    total = bias
    for i in range(window.shape[0]):
        for j in range(window.shape[1]):
            for c in range(window.shape[2]):
                total += window[i, j, c] * kernel[i, j, c]
    return total


@alternative("window_response")
def responds_with_einsum(window: np.ndarray, kernel: np.ndarray, bias: float) -> float:
    return np.einsum("ijc,ijc->", window, kernel) + bias


@alternative("window_response")
def responds_with_a_dot_product(window: np.ndarray, kernel: np.ndarray, bias: float) -> float:
    return window.ravel() @ kernel.ravel() + bias


@alternative("window_response")
def responds_with_tensordot(window: np.ndarray, kernel: np.ndarray, bias: float) -> np.ndarray:
    return np.tensordot(window, kernel, axes=3) + bias


@alternative("window_response")
def responds_axis_by_axis(window: np.ndarray, kernel: np.ndarray, bias: float) -> float:
    return float((window * kernel).sum(axis=2).sum(axis=1).sum(axis=0)) + bias


# correlate2d


def _check_fit(image: np.ndarray, kernel: np.ndarray) -> None:
    if kernel.shape[0] > image.shape[0] or kernel.shape[1] > image.shape[1]:
        raise ValueError(f"a kernel of shape {kernel.shape} does not fit on an image of shape {image.shape}")


def _fill(image: np.ndarray, kernel: np.ndarray, response: Callable[[int, int], float]) -> np.ndarray:
    """The lines that the exercise gives, around the one that the learner writes."""
    _check_fit(image, kernel)
    size = image.shape[0] - kernel.shape[0] + 1, image.shape[1] - kernel.shape[1] + 1
    feature_map = np.zeros(size, dtype=np.result_type(image, kernel, np.float32))
    for i in range(size[0]):
        for j in range(size[1]):
            feature_map[i, j] = response(i, j)
    return feature_map


@mistake(
    "correlate2d",
    "Your filter is turned by 180°. That is a convolution as mathematics defines it; here, as in "
    "most deep-learning libraries, the filter is used as it stands.",
    caught_by="test_correlate2d_does_not_flip_the_kernel",
)
def turns_the_kernel_before_sliding(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    return correlate2d(image, kernel[::-1, ::-1])


@mistake(
    "correlate2d",
    "Your filter is mirrored upside down. Use it as it stands.",
    caught_by="test_correlate2d_does_not_flip_the_kernel",
)
def mirrors_the_kernel(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    return correlate2d(image, np.flipud(kernel))


@mistake(
    "correlate2d",
    "Your window starts at row j and column i. The first index, i, counts rows; the second, j, counts "
    "columns.",
    caught_by="test_correlate2d_keeps_height_and_width_apart",
)
def takes_columns_for_rows(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    F_h, F_w = kernel.shape
    return _fill(image, kernel, lambda i, j: np.sum(image[j : j + F_h, i : i + F_w] * kernel))


@mistake(
    "correlate2d",
    "The sides of your filter are swapped: the window must be F_h rows high and F_w columns wide.",
    caught_by="test_correlate2d_keeps_height_and_width_apart",
)
def swaps_the_sides_of_the_kernel(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    F_w, F_h = kernel.shape
    return _fill(image, kernel, lambda i, j: np.sum(image[i : i + F_h, j : j + F_w] * kernel))


@mistake(
    "correlate2d",
    "Your function uses F_h for the width too. A window that is not square needs both F_h and F_w.",
    caught_by="test_correlate2d_keeps_height_and_width_apart",
)
def uses_the_height_twice(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    F_h, _ = kernel.shape
    return _fill(image, kernel, lambda i, j: np.sum(image[i : i + F_h, j : j + F_h] * kernel))


@mistake(
    "correlate2d",
    "Your feature map lacks its last row and column. A filter of size F fits in H − F + 1 places, not in H "
    "− F.",
    caught_by="test_correlate2d_on_a_hand_worked_image",
)
def stops_one_place_early(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    return correlate2d(image, kernel)[:-1, :-1]


@mistake(
    "correlate2d",
    "Your window ends one row and one column too early: a slice a:b stops before b, so it should end at i + "
    "F_h and j + F_w.",
    caught_by="test_correlate2d_on_a_hand_worked_image",
)
def cuts_the_window_short(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    F_h, F_w = kernel.shape
    return _fill(image, kernel, lambda i, j: np.sum(image[i : i + F_h - 1, j : j + F_w - 1] * kernel))


@mistake(
    "correlate2d",
    "Your feature map is as large as the image: zeros were put around the image first. Here the filter "
    "stays inside it.",
    caught_by="test_correlate2d_on_a_hand_worked_image",
)
def pads_to_the_same_size(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    _check_fit(image, kernel)
    above, left = (kernel.shape[0] - 1) // 2, (kernel.shape[1] - 1) // 2
    below, right = kernel.shape[0] - 1 - above, kernel.shape[1] - 1 - left
    return correlate2d(np.pad(image, ((above, below), (left, right))), kernel)


@mistake(
    "correlate2d",
    "Your feature map is transposed: what belongs at [i, j] stands at [j, i].",
    caught_by="test_correlate2d_keeps_height_and_width_apart",
)
def transposes_the_map(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    return correlate2d(image, kernel).T


@mistake(
    "correlate2d",
    "Your filter is transposed: its rows act as columns. Use it as it stands.",
    caught_by="test_correlate2d_keeps_height_and_width_apart",
)
def transposes_the_kernel(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    F_h, F_w = kernel.shape
    return _fill(image, kernel, lambda i, j: np.sum(image[i : i + F_h, j : j + F_w] * kernel.T))


@mistake(
    "correlate2d",
    "Your feature map keeps the dtype of the image. An array of uint8 holds whole numbers from 0 to 255 "
    "only, and the answers are neither whole nor in that range: give the map a float dtype.",
    caught_by="test_correlate2d_of_bytes",
)
def keeps_the_dtype_of_the_image(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # uint8 has no negative numbers
        return correlate2d(image, kernel).astype(image.dtype)


@mistake(
    "correlate2d",
    "Your answers are cut off below 0 and above 255. A feature map is not an image: it may hold any number.",
    caught_by="test_correlate2d_of_bytes",
)
def stays_between_black_and_white(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    return np.clip(correlate2d(image, kernel), 0, 255)


@mistake(
    "correlate2d",
    "Your function takes the mean of the products. The response is their sum.",
    caught_by="test_correlate2d_on_a_hand_worked_image",
)
def takes_the_mean_in_each_window(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    return correlate2d(image, kernel) / kernel.size


@mistake(
    "correlate2d",
    "Your function makes a matrix product of window and filter. Multiply number by number, with *, and add "
    "up.",
    caught_by="test_correlate2d_on_a_hand_worked_image",
)
def makes_a_matrix_product_in_each_window(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    F_h, F_w = kernel.shape
    return _fill(image, kernel, lambda i, j: np.sum(image[i : i + F_h, j : j + F_w] @ kernel))


@mistake(
    "correlate2d",
    "Your function multiplies the filter with the first window again and again. The window must move along "
    "with i and j.",
    caught_by="test_correlate2d_on_a_hand_worked_image",
)
def never_moves_the_window(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    F_h, F_w = kernel.shape
    return _fill(image, kernel, lambda i, j: np.sum(image[:F_h, :F_w] * kernel))


@mistake(
    "correlate2d",
    "Your function adds up the window and the filter's weights apart, then multiplies the two sums. "
    "Multiply number by number first, then add.",
    caught_by="test_correlate2d_on_a_hand_worked_image",
)
def multiplies_the_sums(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    F_h, F_w = kernel.shape
    return _fill(image, kernel, lambda i, j: np.sum(image[i : i + F_h, j : j + F_w]) * np.sum(kernel))


@mistake(
    "correlate2d",
    "Your function replaces negative answers by 0. ReLU is a later step: record every response as it is.",
    caught_by="test_correlate2d_with_a_single_weight",
)
def applies_relu_to_the_map(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    return np.maximum(correlate2d(image, kernel), 0)


@mistake(
    "correlate2d",
    "Your function returns an empty map, or fails in another way, for a filter larger than the image. "
    "Compare the shapes first and raise ValueError.",
    caught_by="test_correlate2d_with_a_kernel_as_large_as_the_image",
)
def lets_a_larger_kernel_through(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    F_h, F_w = kernel.shape
    H_out, W_out = image.shape[0] - F_h + 1, image.shape[1] - F_w + 1
    feature_map = np.zeros((H_out, W_out))
    for i in range(H_out):
        for j in range(W_out):
            feature_map[i, j] = np.sum(image[i : i + F_h, j : j + F_w] * kernel)
    return feature_map


@mistake(
    "correlate2d",
    "Your feature map has float32's seven digits, though float64 came in. Leave image and filter as they are, and "
    "the map with the dtype that the stub gives it.",
    caught_by="test_correlate2d_keeps_every_digit",
)
def makes_a_float32_map(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    return correlate2d(image.astype(np.float32), kernel.astype(np.float32))


@alternative("correlate2d")
def correlates_in_four_loops(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    F_h, F_w = kernel.shape

    def response(i: int, j: int) -> float:
        total = 0.0
        for u in range(F_h):
            for v in range(F_w):
                total += image[i + u, j + v] * kernel[u, v]
        return total

    return _fill(image, kernel, response)


@alternative("correlate2d")
def correlates_tap_by_tap(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    _check_fit(image, kernel)
    H_out, W_out = image.shape[0] - kernel.shape[0] + 1, image.shape[1] - kernel.shape[1] + 1
    feature_map = np.zeros((H_out, W_out))
    for (u, v), weight in np.ndenumerate(kernel):
        feature_map += weight * image[u : u + H_out, v : v + W_out]
    return feature_map


@alternative("correlate2d")
def correlates_with_einsum(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    _check_fit(image, kernel)
    return np.einsum("ijuv,uv->ij", sliding_window_view(image, kernel.shape), kernel)


@alternative("correlate2d")
def correlates_with_strides_and_tensordot(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    _check_fit(image, kernel)
    F_h, F_w = kernel.shape
    shape = (image.shape[0] - F_h + 1, image.shape[1] - F_w + 1, F_h, F_w)
    windows = as_strided(image, shape, image.strides * 2, writeable=False)
    return np.tensordot(windows, kernel, axes=2)


@alternative("correlate2d")
def correlates_with_a_row_for_each_window(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    _check_fit(image, kernel)
    windows = sliding_window_view(image, kernel.shape)
    return (windows.reshape(-1, kernel.size) @ kernel.ravel()).reshape(windows.shape[:2])


@alternative("correlate2d")
def correlates_with_a_column_for_each_window(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    _check_fit(image, kernel)
    H_out, W_out = image.shape[0] - kernel.shape[0] + 1, image.shape[1] - kernel.shape[1] + 1
    columns = np.stack([image[u : u + H_out, v : v + W_out].ravel() for u, v in np.ndindex(kernel.shape)])
    return (kernel.reshape(1, -1) @ columns).reshape(H_out, W_out)


@alternative("correlate2d")
def correlates_with_fft(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    _check_fit(image, kernel)
    # The conjugate turns a product of spectra, a circular convolution, into a circular correlation.
    spectrum = np.fft.rfft2(image) * np.conj(np.fft.rfft2(kernel, s=image.shape))
    circular = np.fft.irfft2(spectrum, s=image.shape)
    return circular[: image.shape[0] - kernel.shape[0] + 1, : image.shape[1] - kernel.shape[1] + 1]


@alternative("correlate2d")
def correlates_with_a_toeplitz_matrix(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    _check_fit(image, kernel)
    F_h, F_w = kernel.shape
    H_out, W_out = image.shape[0] - F_h + 1, image.shape[1] - F_w + 1
    toeplitz = np.zeros((H_out, W_out, *image.shape))
    for i, j in np.ndindex(H_out, W_out):
        toeplitz[i, j, i : i + F_h, j : j + F_w] = kernel
    return (toeplitz.reshape(H_out * W_out, image.size) @ image.ravel()).reshape(H_out, W_out)


@alternative("correlate2d")
def correlates_with_scipy(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    from scipy import signal

    _check_fit(image, kernel)
    return signal.correlate2d(image, kernel, mode="valid")


@alternative("correlate2d")
def correlates_with_scipy_in_any_number_of_axes(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    from scipy import signal

    _check_fit(image, kernel)
    return signal.correlate(image.astype(kernel.dtype), kernel, mode="valid")


@alternative("correlate2d")
def correlates_into_fortran_order(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    F_h, F_w = kernel.shape
    return np.asfortranarray(
        _fill(
            image, kernel, lambda i, j: np.vdot(image[i : i + F_h, j : j + F_w].astype(kernel.dtype), kernel)
        )
    )


# relu


@mistake(
    "relu",
    "Your function sets the negative numbers of its input to 0, and so changes the caller's array. Work on "
    "a copy.",
    caught_by=SIDE_EFFECTS,
)
def writes_into_x(x: np.ndarray) -> np.ndarray:
    x[x < 0] = 0
    return x


@mistake(
    "relu",
    "Your function turns −2 into 2. ReLU replaces negative numbers by 0.",
    caught_by="test_relu_on_a_hand_worked_row",
)
def takes_absolute_values(x: np.ndarray) -> np.ndarray:
    return np.abs(x)


@mistake(
    "relu",
    "Your function lets a little of each negative number through. That is the leaky ReLU; here they all "
    "become 0.",
    caught_by="test_relu_on_a_hand_worked_row",
)
def leaks(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, 0.01 * x)


@mistake(
    "relu",
    "Your function drops the fractions: it turns the numbers into integers. Keep the dtype of the input.",
    caught_by="test_relu_on_a_hand_worked_row",
)
def casts_to_integers(x: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # NaN has no integer
        return np.maximum(x, 0).astype(int)


@mistake(
    "relu",
    'Your function turns NaN, "not a number", into 0, since NaN > 0 is false. Replace what is negative, '
    "rather than keep what is positive.",
    caught_by="test_relu_keeps_nan",
)
def hides_nan(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, 0)


@mistake(
    "relu",
    "Your function stops at 6. Some networks use that variant, ReLU6; the plain ReLU has no upper limit.",
    caught_by="test_relu_has_no_upper_limit",
)
def stops_at_six(x: np.ndarray) -> np.ndarray:
    return np.clip(x, 0, 6)


@mistake(
    "relu",
    "Your function stops at 1, as if its input were an image. ReLU has no upper limit.",
    caught_by="test_relu_on_a_hand_worked_row",
)
def stops_at_one(x: np.ndarray) -> np.ndarray:
    return np.clip(x, 0, 1)


@mistake(
    "relu",
    "Your function answers 1 for every positive number. That is a step; ReLU keeps the number itself.",
    caught_by="test_relu_on_a_hand_worked_row",
)
def makes_a_step(x: np.ndarray) -> np.ndarray:
    return (x > 0).astype(x.dtype)


@mistake(
    "relu",
    "Your function throws the negative numbers away, and with them the shape. Put a 0 in the place of each.",
    caught_by="test_relu_on_a_hand_worked_row",
)
def throws_negative_numbers_away(x: np.ndarray) -> np.ndarray:
    return x[x >= 0]


@mistake(
    "relu",
    "Your function keeps the negative numbers and replaces the positive ones. It must be the other way "
    "round.",
    caught_by="test_relu_on_a_hand_worked_row",
)
def keeps_what_is_negative(x: np.ndarray) -> np.ndarray:
    return np.minimum(x, 0)


@mistake(
    "relu",
    "The values are right, but the dtype is not that of the input. An array from np.zeros is float64 unless "
    "it is told otherwise.",
    caught_by="test_relu_keeps_shape_and_dtype",
)
def fills_a_float64_array(x: np.ndarray) -> np.ndarray:
    result = np.zeros(x.shape)
    for index, value in np.ndenumerate(x):
        result[index] = 0 if value < 0 else value
    return result


@mistake(
    "relu",
    "Your function moves all numbers up until none is negative. Each number must be treated by itself: "
    "positive ones stay where they are.",
    caught_by="test_relu_treats_every_number_alone",
)
def lifts_everything_above_zero(x: np.ndarray) -> np.ndarray:
    return x - min(x.min(), 0)


@mistake(
    "relu",
    "Your function multiplies by 0 where a number is negative, and −∞ times 0 is NaN. Replace such a number by 0 "
    "rather than multiply it.",
    caught_by="test_relu_of_infinite_numbers",
)
def multiplies_by_a_mask(x: np.ndarray) -> np.ndarray:
    return x * (x > 0)


@mistake(
    "relu",
    "Your function takes the mean of each number and its absolute value. For −∞ that is −∞ + ∞, which is NaN, and "
    "whole numbers become floats. Replace what is negative by 0.",
    caught_by="test_relu_of_infinite_numbers",
)
def averages_with_the_absolute_value(x: np.ndarray) -> np.ndarray:
    return (x + np.abs(x)) / 2


@mistake(
    "relu",
    "Your numbers have lost digits: they were float32 on the way, though float64 came in. What is positive must "
    "stay as it is.",
    caught_by="test_relu_keeps_every_digit",
)
def goes_through_float32(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0).astype(np.float32).astype(x.dtype)


@alternative("relu")
def takes_the_larger(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, np.zeros_like(x))


@alternative("relu")
def replaces_where_negative(x: np.ndarray) -> np.ndarray:
    return np.where(x < 0, 0, x)


@alternative("relu")
def clears_a_copy(x: np.ndarray) -> np.ndarray:
    result = np.asfortranarray(x.copy())
    result[result < 0] = 0
    return result


@alternative("relu")
def clips_from_below(x: np.ndarray) -> np.ndarray:
    return np.clip(x, 0, None)


@alternative("relu")
def treats_number_by_number(x: np.ndarray) -> np.ndarray:
    result = np.empty_like(x)
    for index, value in np.ndenumerate(x):
        result[index] = 0 if value < 0 else value
    return result


# x_detector

X_FILTER = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 1.0]])


@mistake(
    "x_detector",
    "With weights of 1 everywhere, a plus answers as strongly as an X, for both have five pixels of ink in "
    "the window. Give no weight to the places where an X has no ink.",
    caught_by="test_x_detector_is_silent_on_a_plus",
)
def weighs_every_place_alike() -> tuple[np.ndarray, float]:
    return np.ones((3, 3)), -4.0


@mistake(
    "x_detector",
    "The filter is a good one, but with bias 0 every answer above 0 fires, and half an arm is enough for "
    "that. Choose a negative bias, so that only the strongest answer is left.",
    caught_by="test_x_detector_fires_nowhere_else_on_the_x",
)
def sets_no_threshold() -> tuple[np.ndarray, float]:
    return X_FILTER, 0.0


@mistake(
    "x_detector",
    "Your bias is so low that nothing is left, not even at the centre of the X, where the filter's answer "
    "is 5. Five minus the threshold must stay above 0.",
    caught_by="test_x_detector_fires_at_the_centre_of_the_x",
)
def sets_the_threshold_too_high() -> tuple[np.ndarray, float]:
    return X_FILTER, -5.0


@mistake(
    "x_detector",
    "Your bias lets answers of 3 through, which the X gives at its four corners as well. Lower it a little.",
    caught_by="test_x_detector_fires_nowhere_else_on_the_x",
)
def sets_the_threshold_too_low() -> tuple[np.ndarray, float]:
    return X_FILTER, -2.0


@mistake(
    "x_detector",
    "Your bias is positive, so the detector fires on blank paper. The bias is added: a threshold of 4 is a "
    "bias of −4.",
    caught_by="test_x_detector_is_silent_on_a_blank_image",
)
def adds_the_threshold() -> tuple[np.ndarray, float]:
    return X_FILTER, 4.0


@mistake(
    "x_detector",
    "Your filter has the shape of a plus, so that is what it finds. Put the weights where the X has its ink.",
    caught_by="test_x_detector_fires_at_the_centre_of_the_x",
)
def looks_for_a_plus() -> tuple[np.ndarray, float]:
    return np.array([[0.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 0.0]]), -4.0


@mistake(
    "x_detector",
    "Your filter follows one diagonal alone, so it fires all along that arm of the X and on a single line. "
    "An X has two diagonals.",
    caught_by="test_x_detector_is_silent_on_one_diagonal",
)
def follows_one_diagonal() -> tuple[np.ndarray, float]:
    return np.eye(3), -2.0


@mistake(
    "x_detector",
    "Your filter looks at the middle pixel alone and fires on any ink. Look at the four neighbours of an "
    "X's centre too.",
    caught_by="test_x_detector_fires_nowhere_else_on_the_x",
)
def looks_at_the_middle_alone() -> tuple[np.ndarray, float]:
    return np.array([[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]), 0.0


@mistake(
    "x_detector",
    "Your weights add up to 1, so the strongest answer is 1 and a bias of −4 leaves nothing. Weights and "
    "bias must be on the same scale.",
    caught_by="test_x_detector_fires_at_the_centre_of_the_x",
)
def mixes_two_scales() -> tuple[np.ndarray, float]:
    return X_FILTER / 5, -4.0


@mistake(
    "x_detector",
    "Your filter is the whole 5×5 X. The exercise asks for a filter of 3×3: the crossing in the X's middle.",
    caught_by="test_x_detector_fires_at_the_centre_of_the_x",
)
def returns_the_whole_x() -> tuple[np.ndarray, float]:
    return np.maximum(np.eye(5), np.eye(5)[::-1]), -8.0


@mistake(
    "x_detector",
    "Your function returns the filter without a bias. Return both: filter, bias.",
    caught_by="test_x_detector_fires_at_the_centre_of_the_x",
)
def forgets_to_return_the_bias() -> np.ndarray:
    return X_FILTER


@mistake(
    "x_detector",
    "The filter is a good one, and bias −3 is right on the X. But a ring of 3×3 has ink at four of the five places: "
    "it answers 4, and one more than 3 fires. Lower the bias.",
    caught_by="test_x_detector_is_silent_on_a_ring",
)
def uses_a_bias_of_three() -> tuple[np.ndarray, float]:
    return X_FILTER, -3.0


@mistake(
    "x_detector",
    "Your filter gives no weight to the middle. A ring of 3×3 has its ink at the four corners too, and an empty "
    "middle: that is where it differs from an X.",
    caught_by="test_x_detector_is_silent_on_a_ring",
)
def looks_at_the_arms_alone() -> tuple[np.ndarray, float]:
    return np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [1.0, 0.0, 1.0]]), -3.5


@alternative("x_detector")
def uses_a_bias_of_four() -> tuple[np.ndarray, float]:
    return X_FILTER, -4.0


@alternative("x_detector")
def objects_to_ink_beside_the_arms() -> tuple[np.ndarray, int]:
    return np.array([[1, -1, 1], [-1, 1, -1], [1, -1, 1]]), -3


@alternative("x_detector")
def scales_filter_and_bias_down() -> tuple[np.ndarray, np.float32]:
    return (X_FILTER / 10).astype(np.float32), np.float32(-0.4)  # 4 · 0.1 − 0.4 is 0 but for rounding


@alternative("x_detector")
def weighs_the_middle_twice() -> tuple[np.ndarray, float]:
    return np.array([[1.0, -0.5, 1.0], [-0.5, 2.0, -0.5], [1.0, -0.5, 1.0]]), -5.25


# apply_filters


def _check_volume(volume: np.ndarray, filters: np.ndarray) -> tuple[int, int]:
    """The lines that the exercise gives; returns the size (H', W') of a map."""
    F_h, F_w, C, _ = filters.shape
    if volume.shape[2] != C or F_h > volume.shape[0] or F_w > volume.shape[1]:
        raise ValueError(f"filters of shape {filters.shape} do not fit on a volume of shape {volume.shape}")
    return volume.shape[0] - F_h + 1, volume.shape[1] - F_w + 1


def _patches(volume: np.ndarray, filters: np.ndarray) -> np.ndarray:
    """Every window of the volume: a view (H', W', C, F_h, F_w)."""
    _check_volume(volume, filters)
    return sliding_window_view(volume, filters.shape[:2], axis=(0, 1))


@mistake(
    "apply_filters",
    "Your result still has an axis for the channels. A filter adds up the products of all channels: one map "
    "a filter.",
    caught_by="test_apply_filters_sums_over_channels",
)
def leaves_the_channels_apart(volume: np.ndarray, filters: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return np.einsum("ijcuv,uvck->ijck", _patches(volume, filters), filters) + bias


@mistake(
    "apply_filters",
    "Your function looks at the first channel only. A filter is as deep as the image: add the products of "
    "all channels.",
    caught_by="test_apply_filters_sums_over_channels",
)
def filters_the_first_channel(volume: np.ndarray, filters: np.ndarray, bias: np.ndarray) -> np.ndarray:
    _check_volume(volume, filters)
    return apply_filters(volume[..., :1], filters[:, :, :1], bias)


@mistake(
    "apply_filters",
    "Your function keeps just the last channel: each channel overwrites the one before. Add them up, with "
    "+=.",
    caught_by="test_apply_filters_sums_over_channels",
)
def overwrites_channel_by_channel(volume: np.ndarray, filters: np.ndarray, bias: np.ndarray) -> np.ndarray:
    maps = np.zeros((*_check_volume(volume, filters), filters.shape[3]))
    for k in range(filters.shape[3]):
        for c in range(volume.shape[2]):
            maps[..., k] = correlate2d(volume[..., c], filters[..., c, k])
    return maps + bias


@mistake(
    "apply_filters",
    "Your function takes the mean over the channels. Their products are added up.",
    caught_by="test_apply_filters_sums_over_channels",
)
def takes_the_mean_over_channels(volume: np.ndarray, filters: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return apply_filters(volume, filters / volume.shape[2], bias)


@mistake(
    "apply_filters",
    "Your channels are in reverse order: the first channel of the image meets the last of the filter.",
    caught_by="test_apply_filters_sums_over_channels",
)
def reverses_the_channels(volume: np.ndarray, filters: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return apply_filters(volume[..., ::-1], filters, bias)


@mistake(
    "apply_filters",
    "Every map gets the bias of the first filter. bias[k] belongs to filter k.",
    caught_by="test_apply_filters_gives_every_filter_its_map",
)
def uses_the_first_bias_for_all(volume: np.ndarray, filters: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return apply_filters(volume, filters, np.full_like(bias, bias[0]))


@mistake(
    "apply_filters",
    "Your bias is added once for every channel. Add it once for every entry of the map, after the channels "
    "are summed.",
    caught_by="test_apply_filters_sums_over_channels",
)
def adds_the_bias_in_every_channel(volume: np.ndarray, filters: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return apply_filters(volume, filters, bias * volume.shape[2])


@mistake(
    "apply_filters",
    "Your bias is added to every product, so it counts F_h·F_w·C times. Add it once, after the sum.",
    caught_by="test_apply_filters_on_a_hand_worked_image",
)
def adds_the_bias_in_every_product(volume: np.ndarray, filters: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return apply_filters(volume, filters, bias * np.prod(filters.shape[:3]))


@mistake(
    "apply_filters",
    "Your function leaves out the bias. Add bias[k] to every entry of map k.",
    caught_by="test_apply_filters_on_a_hand_worked_image",
)
def adds_no_bias(volume: np.ndarray, filters: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return apply_filters(volume, filters, np.zeros_like(bias))


@mistake(
    "apply_filters",
    "Channels and filters are swapped: of the filters' four axes the third is the channel and the fourth "
    "the filter's number.",
    caught_by="test_apply_filters_keeps_channels_and_filters_apart",
)
def takes_filters_for_channels(volume: np.ndarray, filters: np.ndarray, bias: np.ndarray) -> np.ndarray:
    _check_volume(volume, filters)
    return apply_filters(volume, filters.transpose(0, 1, 3, 2), bias)


@mistake(
    "apply_filters",
    "Your maps hold no negative number: ReLU was applied as well. Here the maps are wanted as they are.",
    caught_by="test_apply_filters_on_a_hand_worked_image",
)
def applies_relu_as_well(volume: np.ndarray, filters: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return np.maximum(apply_filters(volume, filters, bias), 0)


@mistake(
    "apply_filters",
    "Your filters are turned by 180°. Use each as it stands.",
    caught_by="test_apply_filters_does_not_flip_the_filters",
)
def turns_every_filter(volume: np.ndarray, filters: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return apply_filters(volume, filters[::-1, ::-1], bias)


@mistake(
    "apply_filters",
    "All your maps come from the first filter. Map k comes from filters[..., k].",
    caught_by="test_apply_filters_gives_every_filter_its_map",
)
def uses_the_first_filter_for_all(volume: np.ndarray, filters: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return apply_filters(volume, np.broadcast_to(filters[..., :1], filters.shape), bias)


@mistake(
    "apply_filters",
    "Your maps are added up into one. Each filter keeps a map of its own, so that K filters make K channels.",
    caught_by="test_apply_filters_gives_every_filter_its_map",
)
def adds_the_maps_up(volume: np.ndarray, filters: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return apply_filters(volume, filters, bias).sum(axis=2, keepdims=True)


@mistake(
    "apply_filters",
    "Your result has the filter axis first, (K, H', W'), as PyTorch keeps it. In this course channels come "
    "last.",
    caught_by="test_apply_filters_gives_every_filter_its_map",
)
def puts_the_maps_first(volume: np.ndarray, filters: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return np.moveaxis(apply_filters(volume, filters, bias), 2, 0)


@mistake(
    "apply_filters",
    "Height and width of your maps are swapped: what belongs at [i, j] stands at [j, i].",
    caught_by="test_apply_filters_keeps_height_and_width_apart",
)
def swaps_height_and_width(volume: np.ndarray, filters: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return apply_filters(volume, filters, bias).transpose(1, 0, 2)


@mistake(
    "apply_filters",
    "Your maps lack their last row and column. A filter of size F fits in H − F + 1 places, not in H − F.",
    caught_by="test_apply_filters_on_a_hand_worked_image",
)
def leaves_out_the_last_places(volume: np.ndarray, filters: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return apply_filters(volume, filters, bias)[:-1, :-1]


@mistake(
    "apply_filters",
    "Your maps keep the dtype of the image. uint8 holds whole numbers from 0 to 255 only: give the maps a "
    "float dtype.",
    caught_by="test_apply_filters_to_a_colour_image",
)
def makes_maps_of_bytes(volume: np.ndarray, filters: np.ndarray, bias: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # uint8 has no negative numbers
        return apply_filters(volume, filters, bias).astype(volume.dtype)


@mistake(
    "apply_filters",
    "Your maps have float32's seven digits, though float64 came in. Give the array of zeros the dtype that the inputs "
    "lead to, or leave it at NumPy's float64.",
    caught_by="test_apply_filters_keeps_every_digit",
)
def makes_float32_maps(volume: np.ndarray, filters: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return apply_filters(volume, filters, bias).astype(np.float32)


@alternative("apply_filters")
def filters_in_six_loops(volume: np.ndarray, filters: np.ndarray, bias: np.ndarray) -> np.ndarray:
    maps = np.zeros((*_check_volume(volume, filters), filters.shape[3]))
    for i, j, k in np.ndindex(maps.shape):
        total = float(bias[k])
        for (u, v, c), weight in np.ndenumerate(filters[..., k]):
            total += float(weight) * float(volume[i + u, j + v, c])
        maps[i, j, k] = total
    return maps


@alternative("apply_filters")
def filters_channel_by_channel(volume: np.ndarray, filters: np.ndarray, bias: np.ndarray) -> np.ndarray:
    _check_volume(volume, filters)
    _, _, C, K = filters.shape
    maps = [
        sum(correlates_tap_by_tap(volume[..., c], filters[..., c, k]) for c in range(C)) + bias[k]
        for k in range(K)
    ]
    return np.stack(maps, axis=-1)


@alternative("apply_filters")
def filters_tap_by_tap(volume: np.ndarray, filters: np.ndarray, bias: np.ndarray) -> np.ndarray:
    H_out, W_out = _check_volume(volume, filters)
    maps = np.zeros((H_out, W_out, filters.shape[3])) + bias
    for u, v in np.ndindex(filters.shape[:2]):
        maps += volume[u : u + H_out, v : v + W_out] @ filters[u, v]
    return maps


@alternative("apply_filters")
def filters_with_einsum(volume: np.ndarray, filters: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return np.einsum("ijcuv,uvck->ijk", _patches(volume, filters), filters, optimize=True) + bias


@alternative("apply_filters")
def filters_with_tensordot(volume: np.ndarray, filters: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return np.tensordot(_patches(volume, filters), filters, axes=((3, 4, 2), (0, 1, 2))) + bias


@alternative("apply_filters")
def filters_with_a_row_for_each_window(
    volume: np.ndarray, filters: np.ndarray, bias: np.ndarray
) -> np.ndarray:
    patches = _patches(volume, filters)
    rows = patches.transpose(0, 1, 3, 4, 2).reshape(-1, math.prod(filters.shape[:3]))
    return (rows @ filters.reshape(rows.shape[1], -1) + bias).reshape(*patches.shape[:2], -1)


@alternative("apply_filters")
def filters_with_a_column_for_each_window(
    volume: np.ndarray, filters: np.ndarray, bias: np.ndarray
) -> np.ndarray:
    patches = _patches(volume, filters)
    columns = patches.transpose(2, 3, 4, 0, 1).reshape(math.prod(filters.shape[:3]), -1)
    weights = filters.transpose(3, 2, 0, 1).reshape(filters.shape[3], -1)
    maps = (weights @ columns + bias[:, np.newaxis]).reshape(-1, *patches.shape[:2])
    return np.moveaxis(maps, 0, 2)  # a view whose memory is not in C order


@alternative("apply_filters")
def filters_with_strides(volume: np.ndarray, filters: np.ndarray, bias: np.ndarray) -> np.ndarray:
    shape = (*_check_volume(volume, filters), *filters.shape[:3])
    patches = as_strided(volume, shape, (*volume.strides[:2], *volume.strides), writeable=False)
    return np.asfortranarray(np.tensordot(patches, filters, axes=3) + bias)


@alternative("apply_filters")
def filters_with_fft(volume: np.ndarray, filters: np.ndarray, bias: np.ndarray) -> np.ndarray:
    H_out, W_out = _check_volume(volume, filters)
    size = volume.shape[:2]
    spectra = np.conj(np.fft.rfft2(filters, s=size, axes=(0, 1)))
    products = np.einsum("ijc,ijck->ijk", np.fft.rfft2(volume, axes=(0, 1)), spectra)
    return np.fft.irfft2(products, s=size, axes=(0, 1))[:H_out, :W_out] + bias


@alternative("apply_filters")
def filters_with_a_toeplitz_matrix(volume: np.ndarray, filters: np.ndarray, bias: np.ndarray) -> np.ndarray:
    H_out, W_out = _check_volume(volume, filters)
    F_h, F_w, _, K = filters.shape
    toeplitz = np.zeros((H_out, W_out, K, *volume.shape))
    for i, j in np.ndindex(H_out, W_out):
        toeplitz[i, j, :, i : i + F_h, j : j + F_w] = np.moveaxis(filters, 3, 0)
    return (toeplitz.reshape(-1, volume.size) @ volume.ravel()).reshape(H_out, W_out, K) + bias


@alternative("apply_filters")
def filters_with_scipy(volume: np.ndarray, filters: np.ndarray, bias: np.ndarray) -> np.ndarray:
    from scipy import signal

    _check_volume(volume, filters)
    maps = [
        signal.correlate(volume.astype(filters.dtype), filters[..., k], mode="valid")
        for k in range(filters.shape[3])
    ]
    return np.concatenate(maps, axis=2) + bias


spared(DIGITS, "x_detector")
spared(AXES, "window_response", "x_detector")
