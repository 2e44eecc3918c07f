"""Mistakes and alternatives of chapter 3, stride."""

import math
from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from solutions.filters import correlate2d
from solutions.stride import correlate2d_strided, output_size, receptive_field

from . import AXES, DIGITS, SIDE_EFFECTS, alternative, mistake, spared

Stride = int | tuple[int, int]
Layers = list[tuple[int, int]]

# output_size


def _room(input_size: int, filter_size: int, padding: int) -> int:
    """W − F + 2P, or ValueError if that is negative."""
    room = input_size - filter_size + 2 * padding
    if room < 0:
        raise ValueError(f"a filter of {filter_size} does not fit on {input_size} pixels")
    return room


@mistake(
    "output_size",
    "Your function rounds up, so it counts a place that sticks out over the edge. Round down.",
    caught_by="test_output_size_rounds_down",
)
def rounds_up(input_size: int, filter_size: int, stride: int, padding: int) -> int:
    return math.ceil(_room(input_size, filter_size, padding) / stride) + 1


@mistake(
    "output_size",
    "Your function rounds to the nearest whole number, so half of the time it counts a place that sticks out "
    "over the edge. Always round down.",
    caught_by="test_output_size_rounds_down",
)
def rounds_to_the_nearest(input_size: int, filter_size: int, stride: int, padding: int) -> int:
    return round(_room(input_size, filter_size, padding) / stride) + 1


@mistake(
    "output_size",
    "Your function does not round, and returns a float. There is no half place: use //, which divides and "
    "rounds down.",
    caught_by="test_output_size_on_eight_pixels",
)
def does_not_round(input_size: int, filter_size: int, stride: int, padding: int) -> float:
    return _room(input_size, filter_size, padding) / stride + 1


@mistake(
    "output_size",
    "The value is right, but it is a float. A size is a whole number, an int: np.zeros refuses a shape of "
    "floats. Divide with //.",
    caught_by="test_output_size_on_eight_pixels",
)
def rounds_down_to_a_float(input_size: int, filter_size: int, stride: int, padding: int) -> float:
    return np.floor(_room(input_size, filter_size, padding) / stride) + 1


@mistake(
    "output_size",
    "Your function counts the steps, not the places. Before the first step there is a place already: add 1.",
    caught_by="test_output_size_on_eight_pixels",
)
def counts_steps(input_size: int, filter_size: int, stride: int, padding: int) -> int:
    return _room(input_size, filter_size, padding) // stride


@mistake(
    "output_size",
    "Your function adds the 1 before it divides. It belongs behind the division: it is one place, not one "
    "pixel.",
    caught_by="test_output_size_with_longer_steps",
)
def adds_one_before_dividing(input_size: int, filter_size: int, stride: int, padding: int) -> int:
    return (_room(input_size, filter_size, padding) + 1) // stride


@mistake(
    "output_size",
    "Your function counts the padding once. There are zeros on both sides: 2P.",
    caught_by="test_output_size_counts_zeros_on_both_sides",
)
def counts_the_padding_once(input_size: int, filter_size: int, stride: int, padding: int) -> int:
    room = input_size - filter_size + padding
    if room < 0:
        raise ValueError("the filter does not fit")
    return room // stride + 1


@mistake(
    "output_size",
    "Your function leaves the padding out. The axis has 2P cells more than it has pixels.",
    caught_by="test_output_size_counts_zeros_on_both_sides",
)
def leaves_the_padding_out(input_size: int, filter_size: int, stride: int, padding: int) -> int:
    return _room(input_size, filter_size, 0) // stride + 1


@mistake(
    "output_size",
    "Your function takes the padding off. Zeros make the axis longer: add 2P.",
    caught_by="test_output_size_counts_zeros_on_both_sides",
)
def takes_the_padding_off(input_size: int, filter_size: int, stride: int, padding: int) -> int:
    return _room(input_size, filter_size, -padding) // stride + 1


@mistake(
    "output_size",
    "Your function ignores the stride. Divide the room for moving by the length of a step.",
    caught_by="test_output_size_with_longer_steps",
)
def ignores_the_length_of_steps(input_size: int, filter_size: int, stride: int, padding: int) -> int:
    return _room(input_size, filter_size, padding) + 1


@mistake(
    "output_size",
    "Your function returns a number, even a negative one, where the filter does not fit. Test the room for "
    "moving before you divide, and raise ValueError if it is below 0.",
    caught_by="test_output_size_refuses_a_filter_that_does_not_fit",
)
def returns_a_negative_size(input_size: int, filter_size: int, stride: int, padding: int) -> int:
    return (input_size - filter_size + 2 * padding) // stride + 1


@mistake(
    "output_size",
    "Your function returns 0 where the filter does not fit. It should raise ValueError: a map without "
    "entries would cause trouble much later.",
    caught_by="test_output_size_refuses_a_filter_that_does_not_fit",
)
def returns_zero_places(input_size: int, filter_size: int, stride: int, padding: int) -> int:
    return max(0, (input_size - filter_size + 2 * padding) // stride + 1)


@mistake(
    "output_size",
    "Your function raises ValueError for a negative size, but a size of 0 gets through. A filter of 5 on 4 "
    "pixels does not fit either.",
    caught_by="test_output_size_refuses_a_filter_that_does_not_fit",
)
def refuses_negative_sizes_only(input_size: int, filter_size: int, stride: int, padding: int) -> int:
    size = (input_size - filter_size + 2 * padding) // stride + 1
    if size < 0:
        raise ValueError("the filter does not fit")
    return size


@mistake(
    "output_size",
    "Your function refuses a filter that is longer than the axis, though with its padding the axis is long "
    "enough. Count the zeros before you compare.",
    caught_by="test_output_size_refuses_a_filter_that_does_not_fit",
)
def refuses_before_padding(input_size: int, filter_size: int, stride: int, padding: int) -> int:
    if filter_size > input_size:
        raise ValueError("the filter does not fit")
    return output_size(input_size, filter_size, stride, padding)


@mistake(
    "output_size",
    "Your function refuses a filter that is just as long as the padded axis. It fits, in one place.",
    caught_by="test_output_size_of_a_filter_as_long_as_the_axis",
)
def refuses_an_exact_fit(input_size: int, filter_size: int, stride: int, padding: int) -> int:
    if filter_size >= input_size + 2 * padding:
        raise ValueError("the filter does not fit")
    return output_size(input_size, filter_size, stride, padding)


@alternative("output_size")
def counts_starts(input_size: int, filter_size: int, stride: int, padding: int) -> int:
    places = len(range(0, input_size + 2 * padding - filter_size + 1, stride))
    if not places:
        raise ValueError("the filter does not fit")
    return places


@alternative("output_size")
def walks_along_the_axis(input_size: int, filter_size: int, stride: int, padding: int) -> int:
    places, start = 0, -padding
    while start + filter_size <= input_size + padding:
        places += 1
        start += stride
    if places == 0:
        raise ValueError("the filter does not fit")
    return places


@alternative("output_size")
def floors_a_fraction(input_size: int, filter_size: int, stride: int, padding: int) -> int:
    size = math.floor((input_size - filter_size + 2 * padding) / stride + 1)
    if size < 1:
        raise ValueError("the filter does not fit")
    return size


@alternative("output_size")
def rounds_up_over_all_starts(input_size: int, filter_size: int, stride: int, padding: int) -> np.int64:
    starts = _room(input_size, filter_size, padding) + 1
    return np.int64(np.ceil(starts / stride))  # every stride-th of the starts, the first included


# correlate2d_strided


def _strides(image: np.ndarray, kernel: np.ndarray, stride: Stride) -> tuple[int, int]:
    """The lines that the exercise gives before the first gap."""
    s_h, s_w = (stride, stride) if isinstance(stride, int) else stride
    if kernel.shape[0] > image.shape[0] or kernel.shape[1] > image.shape[1]:
        raise ValueError(f"a kernel of shape {kernel.shape} does not fit on an image of shape {image.shape}")
    return s_h, s_w


def _size(image: np.ndarray, kernel: np.ndarray, s_h: int, s_w: int) -> tuple[int, int]:
    return (image.shape[0] - kernel.shape[0]) // s_h + 1, (image.shape[1] - kernel.shape[1]) // s_w + 1


def _fill(
    image: np.ndarray,
    kernel: np.ndarray,
    size: tuple[int, int],
    corner: Callable[[int, int], tuple[int, int]],
) -> np.ndarray:
    """A map of that size; the window of entry [i, j] has its top left corner at corner(i, j)."""
    F_h, F_w = kernel.shape
    feature_map = np.zeros(size, dtype=np.result_type(image, kernel, np.float32))
    for i in range(size[0]):
        for j in range(size[1]):
            top, left = corner(i, j)
            feature_map[i, j] = np.sum(image[top : top + F_h, left : left + F_w] * kernel)
    return feature_map


@mistake(
    "correlate2d_strided",
    "Your window begins at pixel [i, j], as at stride 1, and the map is only cut off earlier. Window [i, j] "
    "begins at pixel [i · S_h, j · S_w].",
    caught_by="test_correlate2d_strided_begins_at_multiples_of_the_stride",
)
def begins_at_the_entry(image: np.ndarray, kernel: np.ndarray, stride: Stride) -> np.ndarray:
    size = _size(image, kernel, *_strides(image, kernel, stride))
    return _fill(image, kernel, size, lambda i, j: (i, j))


@mistake(
    "correlate2d_strided",
    "Your window takes long steps down, but moves by one pixel across. Multiply j by its stride as well.",
    caught_by="test_correlate2d_strided_begins_at_multiples_of_the_stride",
)
def strides_down_only(image: np.ndarray, kernel: np.ndarray, stride: Stride) -> np.ndarray:
    s_h, s_w = _strides(image, kernel, stride)
    return _fill(image, kernel, _size(image, kernel, s_h, s_w), lambda i, j: (i * s_h, j))


@mistake(
    "correlate2d_strided",
    "Your two strides are swapped. The pair is (down, across): the first belongs to i and the height.",
    caught_by="test_correlate2d_strided_with_a_pair",
)
def swaps_the_strides(image: np.ndarray, kernel: np.ndarray, stride: Stride) -> np.ndarray:
    s_w, s_h = _strides(image, kernel, stride)
    return correlate2d_strided(image, kernel, (s_h, s_w))


@mistake(
    "correlate2d_strided",
    "Your function uses the stride down for both axes. Across, the steps are S_w long.",
    caught_by="test_correlate2d_strided_with_a_pair",
)
def uses_one_stride_for_both(image: np.ndarray, kernel: np.ndarray, stride: Stride) -> np.ndarray:
    s_h, _ = _strides(image, kernel, stride)
    return correlate2d_strided(image, kernel, s_h)


@mistake(
    "correlate2d_strided",
    "Your window itself skips pixels: its slice has a step. That is called dilation. A stride moves the "
    "window; the pixels inside it still touch.",
    caught_by="test_correlate2d_strided_on_hand_worked_images",
)
def skips_pixels_inside_the_window(image: np.ndarray, kernel: np.ndarray, stride: Stride) -> np.ndarray:
    s_h, s_w = _strides(image, kernel, stride)
    F_h, F_w = kernel.shape
    feature_map = np.zeros(_size(image, kernel, s_h, s_w))
    for i, j in np.ndindex(feature_map.shape):
        window = image[i * s_h : i * s_h + F_h * s_h : s_h, j * s_w : j * s_w + F_w * s_w : s_w]
        feature_map[i, j] = np.sum(window * kernel)
    return feature_map


@mistake(
    "correlate2d_strided",
    "Your first window begins at half a stride. The first one begins at pixel [0, 0].",
    caught_by="test_correlate2d_strided_begins_at_multiples_of_the_stride",
)
def begins_at_half_a_stride(image: np.ndarray, kernel: np.ndarray, stride: Stride) -> np.ndarray:
    s_h, s_w = _strides(image, kernel, stride)
    return correlate2d(image, kernel)[s_h // 2 :: s_h, s_w // 2 :: s_w]


@mistake(
    "correlate2d_strided",
    "Your map is too large where the steps do not come out even: its last window reaches past the edge. "
    "Round down when you divide by the stride.",
    caught_by="test_correlate2d_strided_leaves_a_rest_alone",
)
def reaches_past_the_edge(image: np.ndarray, kernel: np.ndarray, stride: Stride) -> np.ndarray:
    s_h, s_w = _strides(image, kernel, stride)
    H_out = math.ceil((image.shape[0] - kernel.shape[0]) / s_h) + 1
    W_out = math.ceil((image.shape[1] - kernel.shape[1]) / s_w) + 1
    return _fill(image, kernel, (H_out, W_out), lambda i, j: (i * s_h, j * s_w))


@mistake(
    "correlate2d_strided",
    "Your function fills up the image with zeros, so that the last window fits. Without padding, a window "
    "that reaches past the edge does not count.",
    caught_by="test_correlate2d_strided_leaves_a_rest_alone",
)
def fills_up_with_zeros(image: np.ndarray, kernel: np.ndarray, stride: Stride) -> np.ndarray:
    s_h, s_w = _strides(image, kernel, stride)
    missing = (kernel.shape[0] - image.shape[0]) % s_h, (kernel.shape[1] - image.shape[1]) % s_w
    return correlate2d_strided(np.pad(image, ((0, missing[0]), (0, missing[1]))), kernel, stride)


@mistake(
    "correlate2d_strided",
    "Your function ignores the stride: the map is the one of chapter 2, with an entry for every pixel that a "
    "window can begin at.",
    caught_by="test_correlate2d_strided_begins_at_multiples_of_the_stride",
)
def ignores_the_stride(image: np.ndarray, kernel: np.ndarray, stride: Stride) -> np.ndarray:
    return correlate2d(image, kernel)


@mistake(
    "correlate2d_strided",
    "Your function drops pixels first and slides the filter over what is left. The filter must see "
    "neighbouring pixels of the whole image; only its places are further apart.",
    caught_by="test_correlate2d_strided_on_hand_worked_images",
)
def shrinks_the_image_first(image: np.ndarray, kernel: np.ndarray, stride: Stride) -> np.ndarray:
    s_h, s_w = _strides(image, kernel, stride)
    return correlate2d(image[::s_h, ::s_w], kernel)


@mistake(
    "correlate2d_strided",
    "Your window moves by its own size. How far it moves is up to the stride: it may overlap or leave gaps.",
    caught_by="test_correlate2d_strided_begins_at_multiples_of_the_stride",
)
def moves_by_the_kernel(image: np.ndarray, kernel: np.ndarray, stride: Stride) -> np.ndarray:
    _strides(image, kernel, stride)
    return correlate2d_strided(image, kernel, kernel.shape)


@mistake(
    "correlate2d_strided",
    "Your map lacks its last row and column: add 1 to the number of steps, for the place before the first.",
    caught_by="test_correlate2d_strided_on_hand_worked_images",
)
def leaves_the_last_places_out(image: np.ndarray, kernel: np.ndarray, stride: Stride) -> np.ndarray:
    return correlate2d_strided(image, kernel, stride)[:-1, :-1]


@mistake(
    "correlate2d_strided",
    "Your map has (H − F + 1) // S rows: the 1 is divided as well. Divide H − F, round down, and then add 1.",
    caught_by="test_correlate2d_strided_begins_at_multiples_of_the_stride",
)
def divides_the_size_of_the_whole_map(image: np.ndarray, kernel: np.ndarray, stride: Stride) -> np.ndarray:
    s_h, s_w = _strides(image, kernel, stride)
    whole = correlate2d(image, kernel)
    return correlate2d_strided(image, kernel, stride)[: whole.shape[0] // s_h, : whole.shape[1] // s_w]


@mistake(
    "correlate2d_strided",
    "Your filter is turned by 180°. Use it as it stands, at every stride.",
    caught_by="test_correlate2d_strided_with_stride_1",
)
def turns_the_kernel(image: np.ndarray, kernel: np.ndarray, stride: Stride) -> np.ndarray:
    return correlate2d_strided(image, kernel[::-1, ::-1], stride)


@mistake(
    "correlate2d_strided",
    "Your map keeps the dtype of the image. uint8 holds whole numbers from 0 to 255 only: give the map a "
    "float dtype.",
    caught_by="test_correlate2d_strided_of_bytes_and_float32",
)
def keeps_the_dtype_of_the_image(image: np.ndarray, kernel: np.ndarray, stride: Stride) -> np.ndarray:
    return correlate2d_strided(image, kernel, stride).astype(image.dtype)


@mistake(
    "correlate2d_strided",
    "Your map has float32's seven digits, though float64 came in. Give the array of zeros the dtype that image and "
    "filter lead to, or leave it at NumPy's float64.",
    caught_by="test_correlate2d_strided_keeps_every_digit",
)
def makes_a_float32_map(image: np.ndarray, kernel: np.ndarray, stride: Stride) -> np.ndarray:
    return correlate2d_strided(image, kernel, stride).astype(np.float32)


@alternative("correlate2d_strided")
def strides_in_four_loops(image: np.ndarray, kernel: np.ndarray, stride: Stride) -> np.ndarray:
    s_h, s_w = _strides(image, kernel, stride)
    feature_map = np.zeros(_size(image, kernel, s_h, s_w))
    for i, j in np.ndindex(feature_map.shape):
        for u, v in np.ndindex(kernel.shape):
            feature_map[i, j] += image[i * s_h + u, j * s_w + v] * kernel[u, v]
    return feature_map


@alternative("correlate2d_strided")
def keeps_every_nth_answer(image: np.ndarray, kernel: np.ndarray, stride: Stride) -> np.ndarray:
    s_h, s_w = _strides(image, kernel, stride)
    return correlate2d(image, kernel)[::s_h, ::s_w]  # a view whose memory has gaps


@alternative("correlate2d_strided")
def strides_tap_by_tap(image: np.ndarray, kernel: np.ndarray, stride: Stride) -> np.ndarray:
    s_h, s_w = _strides(image, kernel, stride)
    H_out, W_out = _size(image, kernel, s_h, s_w)
    feature_map = np.zeros((H_out, W_out), order="F")
    for (u, v), weight in np.ndenumerate(kernel):
        feature_map += weight * image[u : u + s_h * H_out : s_h, v : v + s_w * W_out : s_w][:H_out, :W_out]
    return feature_map


@alternative("correlate2d_strided")
def strides_with_einsum(image: np.ndarray, kernel: np.ndarray, stride: Stride) -> np.ndarray:
    s_h, s_w = _strides(image, kernel, stride)
    return np.einsum("ijuv,uv->ij", sliding_window_view(image, kernel.shape)[::s_h, ::s_w], kernel)


@alternative("correlate2d_strided")
def strides_with_as_strided(image: np.ndarray, kernel: np.ndarray, stride: Stride) -> np.ndarray:
    s_h, s_w = _strides(image, kernel, stride)
    shape = (*_size(image, kernel, s_h, s_w), *kernel.shape)
    steps = (image.strides[0] * s_h, image.strides[1] * s_w, *image.strides)
    return np.tensordot(as_strided(image, shape, steps, writeable=False), kernel, axes=2)


@alternative("correlate2d_strided")
def strides_with_a_row_for_each_window(image: np.ndarray, kernel: np.ndarray, stride: Stride) -> np.ndarray:
    s_h, s_w = _strides(image, kernel, stride)
    H_out, W_out = _size(image, kernel, s_h, s_w)
    F_h, F_w = kernel.shape
    corners = [(i * s_h, j * s_w) for i, j in np.ndindex(H_out, W_out)]
    rows = np.stack([image[top : top + F_h, left : left + F_w].ravel() for top, left in corners])
    return (rows @ kernel.ravel()).reshape(H_out, W_out)


@alternative("correlate2d_strided")
def strides_with_fft(image: np.ndarray, kernel: np.ndarray, stride: Stride) -> np.ndarray:
    s_h, s_w = _strides(image, kernel, stride)
    spectrum = np.fft.rfft2(image) * np.conj(np.fft.rfft2(kernel, s=image.shape))
    places = image.shape[0] - kernel.shape[0] + 1, image.shape[1] - kernel.shape[1] + 1
    return np.fft.irfft2(spectrum, s=image.shape)[: places[0] : s_h, : places[1] : s_w]


@alternative("correlate2d_strided")
def strides_with_scipy(image: np.ndarray, kernel: np.ndarray, stride: Stride) -> np.ndarray:
    from scipy import signal

    s_h, s_w = _strides(image, kernel, stride)
    return signal.correlate2d(image, kernel, mode="valid")[::s_h, ::s_w]


# receptive_field


@mistake(
    "receptive_field",
    "Your function adds up the filters. Neighbouring windows overlap, so a layer of filter F adds F − 1 "
    "steps only, to the 1 pixel that you begin with.",
    caught_by="test_receptive_field_grows_by_each_filter",
)
def adds_up_the_filters(layers: Layers) -> int:
    return sum(size for size, _ in layers)


@mistake(
    "receptive_field",
    "Your function ignores the strides. A step at a layer's input is as long as all strides before it "
    "multiplied.",
    caught_by="test_receptive_field_lengthens_later_steps",
)
def ignores_all_strides(layers: Layers) -> int:
    return 1 + sum(size - 1 for size, _ in layers)


@mistake(
    "receptive_field",
    "Your function uses the stride of the layer before alone. A step is as long as the strides of all "
    "layers before it, multiplied.",
    caught_by="test_receptive_field_lengthens_later_steps",
)
def uses_the_stride_before_alone(layers: Layers) -> int:
    field, step = 1, 1
    for size, stride in layers:
        field += (size - 1) * step
        step = stride
    return field


@mistake(
    "receptive_field",
    "Your function multiplies by the layer's own stride alone. What counts are the strides of the layers "
    "before it, all multiplied.",
    caught_by="test_receptive_field_does_not_count_the_last_stride",
)
def uses_its_own_stride_alone(layers: Layers) -> int:
    return 1 + sum((size - 1) * stride for size, stride in layers)


@mistake(
    "receptive_field",
    "Your step grows too early: a layer's own stride is in it already when the layer's filter is counted. "
    "Count the filter first, then multiply.",
    caught_by="test_receptive_field_does_not_count_the_last_stride",
)
def multiplies_too_early(layers: Layers) -> int:
    field, step = 1, 1
    for size, stride in layers:
        step *= stride
        field += (size - 1) * step
    return field


@mistake(
    "receptive_field",
    "Your function adds up the strides. A step of 2 made of steps of 2 is 4 pixels long, and then 8: "
    "multiply.",
    caught_by="test_receptive_field_multiplies_all_strides",
)
def adds_up_the_strides(layers: Layers) -> int:
    field, step = 1, 1
    for number, (size, stride) in enumerate(layers):
        field += (size - 1) * step
        step = stride if number == 0 else step + stride
    return field


@mistake(
    "receptive_field",
    "Your answers are too small by 1. An entry begins with 1 pixel, not with 0.",
    caught_by="test_receptive_field_of_no_layer_and_of_one",
)
def begins_with_nothing(layers: Layers) -> int:
    return receptive_field(layers) - 1


@mistake(
    "receptive_field",
    "Your function adds F steps for a filter of F. Its first cell is there already: it adds F − 1.",
    caught_by="test_receptive_field_of_no_layer_and_of_one",
)
def adds_a_step_too_many(layers: Layers) -> int:
    field, step = 1, 1
    for size, stride in layers:
        field += size * step
        step *= stride
    return field


@mistake(
    "receptive_field",
    "Your function looks at the last layer alone. Every layer widens the field.",
    caught_by="test_receptive_field_grows_by_each_filter",
)
def looks_at_the_last_layer(layers: Layers) -> int:
    return layers[-1][0] if layers else 1


@mistake(
    "receptive_field",
    "Your function begins with the last layer. The list has the first layer first, and a stride lengthens "
    "the steps of the layers after it.",
    caught_by="test_receptive_field_depends_on_the_order",
)
def begins_with_the_last_layer(layers: Layers) -> int:
    return receptive_field(layers[::-1])


@mistake(
    "receptive_field",
    "Your function multiplies the filters. Two filters of 3 see 5 pixels, not 9, since their windows overlap.",
    caught_by="test_receptive_field_grows_by_each_filter",
)
def multiplies_the_filters(layers: Layers) -> int:
    return math.prod(size for size, _ in layers)


@mistake(
    "receptive_field",
    "Your function returns the length of a step, not the number of pixels seen.",
    caught_by="test_receptive_field_of_no_layer_and_of_one",
)
def returns_the_step(layers: Layers) -> int:
    return math.prod(stride for _, stride in layers)


@mistake(
    "receptive_field",
    "Filter and stride are swapped: each pair is (filter_size, stride).",
    caught_by="test_receptive_field_of_no_layer_and_of_one",
)
def swaps_filter_and_stride(layers: Layers) -> int:
    return receptive_field([(stride, size) for size, stride in layers])


@mistake(
    "receptive_field",
    "The result is right, but your function takes the layers out of the caller's list. Loop over it and "
    "leave it as it is.",
    caught_by=SIDE_EFFECTS,
)
def empties_the_list(layers: Layers) -> int:
    field, step = 1, 1
    while layers:
        size, stride = layers.pop(0)
        field += (size - 1) * step
        step *= stride
    return field


@mistake(
    "receptive_field",
    "The value is right, but it is a float: np.prod of an empty list is 1.0. A number of pixels is an int.",
    caught_by="test_receptive_field_of_no_layer_and_of_one",
)
def returns_a_float(layers: Layers) -> float:
    strides = [stride for _, stride in layers]
    return 1.0 + sum((size - 1) * np.prod(strides[:number]) for number, (size, _) in enumerate(layers))


@mistake(
    "receptive_field",
    "Your function counts the pixels that are looked at. Where a stride is longer than its filter, pixels in between "
    "are left out: count them too, from the first pixel to the last.",
    caught_by="test_receptive_field_reaches_over_gaps",
)
def leaves_out_the_gaps(layers: Layers) -> int:
    seen = np.array([0])  # entry 0 of the last map
    for size, stride in reversed(layers):
        seen = np.unique(seen[:, np.newaxis] * stride + np.arange(size))
    return len(seen)


@alternative("receptive_field")
def goes_back_from_one_entry(layers: Layers) -> int:
    field = 1
    for size, stride in reversed(layers):
        field = (field - 1) * stride + size  # so many entries of the map before
    return field


@alternative("receptive_field")
def sums_the_formula(layers: Layers) -> int:
    return 1 + sum(
        (size - 1) * math.prod(stride for _, stride in layers[:number])
        for number, (size, _) in enumerate(layers)
    )


@alternative("receptive_field")
def calls_itself(layers: Layers) -> int:
    if not layers:
        return 1
    (size, stride), *rest = layers
    return size + (calls_itself(rest) - 1) * stride


@alternative("receptive_field")
def multiplies_up_with_numpy(layers: Layers) -> np.int64:
    sizes, strides = np.array(layers, dtype=int).reshape(-1, 2).T
    steps = np.cumprod(np.append(1, strides))[:-1]
    return 1 + np.sum((sizes - 1) * steps)


@alternative("receptive_field")
def collects_the_pixels(layers: Layers) -> int:
    seen = {0}  # entry 0 of the last map
    for size, stride in reversed(layers):
        seen = {entry * stride + tap for entry in seen for tap in range(size)}
    return max(seen) - min(seen) + 1


spared(DIGITS, "output_size", "receptive_field")
spared(AXES, "output_size", "receptive_field")
