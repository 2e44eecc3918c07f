"""Mistakes and alternatives of chapter 4, padding."""

import math
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from solutions.filters import apply_filters
from solutions.padding import conv2d, same_padding, zero_pad

from . import AXES, DIGITS, alternative, mistake, spared

# zero_pad


@mistake(
    "zero_pad",
    "Your function pads every axis, so it adds images and channels too. Pad the two in the middle, height and "
    "width.",
    caught_by="test_zero_pad_on_a_hand_worked_image",
)
def pads_every_axis(x: np.ndarray, padding: int) -> np.ndarray:
    return np.pad(x, padding)


@mistake(
    "zero_pad",
    "All your zeros stand after the image, below it and to its right. Half of them belong before it.",
    caught_by="test_zero_pad_on_a_hand_worked_image",
)
def puts_all_zeros_after(x: np.ndarray, padding: int) -> np.ndarray:
    return np.pad(x, ((0, 0), (0, 2 * padding), (0, 2 * padding), (0, 0)))


@mistake(
    "zero_pad",
    "All your zeros stand before the image, above it and to its left. Half of them belong after it.",
    caught_by="test_zero_pad_on_a_hand_worked_image",
)
def puts_all_zeros_before(x: np.ndarray, padding: int) -> np.ndarray:
    return np.pad(x, ((0, 0), (2 * padding, 0), (2 * padding, 0), (0, 0)))


@mistake(
    "zero_pad",
    "Your function adds `padding` rows and columns in all. They are meant for each side: 2 · padding in all.",
    caught_by="test_zero_pad_on_a_hand_worked_image",
)
def shares_the_padding_out(x: np.ndarray, padding: int) -> np.ndarray:
    before, after = padding // 2, padding - padding // 2
    return np.pad(x, ((0, 0), (before, after), (before, after), (0, 0)))


@mistake(
    "zero_pad",
    "Your frame repeats the pixels at the border. It should be made of zeros.",
    caught_by="test_zero_pad_on_a_hand_worked_image",
)
def repeats_the_border(x: np.ndarray, padding: int) -> np.ndarray:
    return np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)), mode="edge")


@mistake(
    "zero_pad",
    "Your frame mirrors the image. It should be made of zeros.",
    caught_by="test_zero_pad_on_a_hand_worked_image",
)
def mirrors_the_image(x: np.ndarray, padding: int) -> np.ndarray:
    return np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)), mode="reflect")


@mistake(
    "zero_pad",
    "Your function adds rows but no columns. Pad the width as well.",
    caught_by="test_zero_pad_on_a_hand_worked_image",
)
def adds_rows_only(x: np.ndarray, padding: int) -> np.ndarray:
    return np.pad(x, ((0, 0), (padding, padding), (0, 0), (0, 0)))


@mistake(
    "zero_pad",
    "Your function adds columns but no rows. Pad the height as well.",
    caught_by="test_zero_pad_on_a_hand_worked_image",
)
def adds_columns_only(x: np.ndarray, padding: int) -> np.ndarray:
    return np.pad(x, ((0, 0), (0, 0), (padding, padding), (0, 0)))


@mistake(
    "zero_pad",
    "Your function pads the first two axes, as if x were a single image. The first axis of a batch counts "
    "images: height and width are axes 1 and 2.",
    caught_by="test_zero_pad_on_a_hand_worked_image",
)
def pads_the_batch(x: np.ndarray, padding: int) -> np.ndarray:
    return np.pad(x, ((padding, padding), (padding, padding), (0, 0), (0, 0)))


@mistake(
    "zero_pad",
    "Your function pads the last two axes, as if channels came before height and width. In this course they "
    "come last: height and width are axes 1 and 2.",
    caught_by="test_zero_pad_on_a_hand_worked_image",
)
def pads_the_channels(x: np.ndarray, padding: int) -> np.ndarray:
    return np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))


@mistake(
    "zero_pad",
    "Your function fails at padding 0: a slice [p:-p] is [0:-0] there, and -0 is 0, so it is empty. Write its "
    "end from the front: p + H.",
    caught_by="test_zero_pad_with_a_padding_of_0",
)
def slices_up_to_minus_zero(x: np.ndarray, padding: int) -> np.ndarray:
    N, H, W, C = x.shape
    padded = np.zeros((N, H + 2 * padding, W + 2 * padding, C), dtype=x.dtype)
    padded[:, padding:-padding, padding:-padding, :] = x
    return padded


@mistake(
    "zero_pad",
    "Your function blacks out the border of the image itself, and so changes the caller's array. The frame "
    "goes around the image: make a larger array.",
    caught_by="test_zero_pad_on_a_hand_worked_image",
)
def blacks_out_the_border(x: np.ndarray, padding: int) -> np.ndarray:
    x[:, :padding] = 0
    x[:, -padding:] = 0
    x[:, :, :padding] = 0
    x[:, :, -padding:] = 0
    return x


@mistake(
    "zero_pad",
    "The values are right, but the dtype is not that of the input. An array from np.zeros is float64 unless "
    "it is told otherwise.",
    caught_by="test_zero_pad_keeps_the_dtype",
)
def fills_a_float64_array(x: np.ndarray, padding: int) -> np.ndarray:
    return zero_pad(x, padding).astype(np.float64)


@mistake(
    "zero_pad",
    "Your images have lost digits: they were float32 on the way, though float64 came in. Make the zeros with the "
    "dtype of x from the start.",
    caught_by="test_zero_pad_keeps_every_digit",
)
def goes_through_float32(x: np.ndarray, padding: int) -> np.ndarray:
    return zero_pad(x.astype(np.float32), padding).astype(x.dtype)


@alternative("zero_pad")
def pads_with_numpy(x: np.ndarray, padding: int) -> np.ndarray:
    return np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))


@alternative("zero_pad")
def joins_zeros_on(x: np.ndarray, padding: int) -> np.ndarray:
    rows = np.zeros((x.shape[0], padding, *x.shape[2:]), dtype=x.dtype)
    taller = np.concatenate([rows, x, rows], axis=1)
    columns = np.zeros((*taller.shape[:2], padding, x.shape[3]), dtype=x.dtype)
    return np.concatenate([columns, taller, columns], axis=2)


@alternative("zero_pad")
def copies_pixel_by_pixel(x: np.ndarray, padding: int) -> np.ndarray:
    N, H, W, C = x.shape
    padded = np.zeros((N, H + 2 * padding, W + 2 * padding, C), dtype=x.dtype, order="F")
    for n, i, j in np.ndindex(N, H, W):
        padded[n, i + padding, j + padding] = x[n, i, j]
    return padded


@alternative("zero_pad")
def pads_each_image(x: np.ndarray, padding: int) -> np.ndarray:
    return np.stack([np.pad(image, [(padding, padding), (padding, padding), (0, 0)]) for image in x])


# same_padding


class Zeros(NamedTuple):
    """What a learner may make of the pair."""

    before: int
    after: int


@mistake(
    "same_padding",
    "Your function puts F // 2 zeros on each side, one too many for an even filter. Work out how many are "
    "missing in all, then share them out.",
    caught_by="test_same_padding_of_even_filters",
)
def puts_half_a_filter_on_each_side(input_size: int, filter_size: int, stride: int) -> tuple[int, int]:
    return filter_size // 2, filter_size // 2


@mistake(
    "same_padding",
    "Your function puts (F − 1) // 2 zeros on each side, one too few for an even filter. Work out how many "
    "are missing in all, then share them out.",
    caught_by="test_same_padding_of_even_filters",
)
def rounds_both_sides_down(input_size: int, filter_size: int, stride: int) -> tuple[int, int]:
    return (filter_size - 1) // 2, (filter_size - 1) // 2


@mistake(
    "same_padding",
    "Your extra zero stands before. If the number is odd, the extra one goes after.",
    caught_by="test_same_padding_of_even_filters",
)
def puts_the_extra_zero_before(input_size: int, filter_size: int, stride: int) -> tuple[int, int]:
    before, after = same_padding(input_size, filter_size, stride)
    return after, before


@mistake(
    "same_padding",
    "Your function ignores stride and size: it always shares out F − 1 zeros. That many are missing at stride "
    "1 alone. Find the cell in which the last place ends.",
    caught_by="test_same_padding_at_stride_2",
)
def shares_out_the_filter_less_one(input_size: int, filter_size: int, stride: int) -> tuple[int, int]:
    return (filter_size - 1) // 2, filter_size - 1 - (filter_size - 1) // 2


@mistake(
    "same_padding",
    "Your function keeps the map as large as the input at every stride. With a stride of 2 it has half as "
    "many entries, rounded up.",
    caught_by="test_same_padding_at_stride_2",
)
def keeps_the_size_at_every_stride(input_size: int, filter_size: int, stride: int) -> tuple[int, int]:
    total = (input_size - 1) * stride + filter_size - input_size
    return total // 2, total - total // 2


@mistake(
    "same_padding",
    "Your function returns a negative number of zeros. If the last place ends before the edge, none are "
    "missing: 0.",
    caught_by="test_same_padding_is_never_negative",
)
def allows_negative_padding(input_size: int, filter_size: int, stride: int) -> tuple[int, int]:
    total = (math.ceil(input_size / stride) - 1) * stride + filter_size - input_size
    return total // 2, total - total // 2


@mistake(
    "same_padding",
    "Your function returns floats. A number of zeros is an int: share out with //, and give the rest to the "
    "end.",
    caught_by="test_same_padding_of_odd_filters",
)
def halves_into_floats(input_size: int, filter_size: int, stride: int) -> tuple[float, float]:
    total = sum(same_padding(input_size, filter_size, stride))
    return total / 2, total / 2


@mistake(
    "same_padding",
    "Your function rounds the number of places down. It is the size divided by the stride, rounded up.",
    caught_by="test_same_padding_where_the_stride_does_not_divide",
)
def rounds_the_places_down(input_size: int, filter_size: int, stride: int) -> tuple[int, int]:
    total = max((input_size // stride - 1) * stride + filter_size - input_size, 0)
    return total // 2, total - total // 2


@mistake(
    "same_padding",
    "Your function shares out F − S zeros. That is right if the stride divides the size; else find the cell "
    "in which the last place ends.",
    caught_by="test_same_padding_where_the_stride_does_not_divide",
)
def takes_the_stride_off_the_filter(input_size: int, filter_size: int, stride: int) -> tuple[int, int]:
    total = max(filter_size - stride, 0)
    return total // 2, total - total // 2


@mistake(
    "same_padding",
    "Your function puts all missing zeros on both sides, twice as many as needed. Share them out.",
    caught_by="test_same_padding_of_odd_filters",
)
def puts_all_on_both_sides(input_size: int, filter_size: int, stride: int) -> tuple[int, int]:
    total = sum(same_padding(input_size, filter_size, stride))
    return total, total


@mistake(
    "same_padding",
    "Your function puts all zeros after. Half of them belong before; only an odd one goes to the end.",
    caught_by="test_same_padding_of_odd_filters",
)
def puts_all_after(input_size: int, filter_size: int, stride: int) -> tuple[int, int]:
    return 0, sum(same_padding(input_size, filter_size, stride))


@mistake(
    "same_padding",
    "Your function returns the number of zeros in all. It should return two numbers: how many stand before, "
    "and how many after.",
    caught_by="test_same_padding_of_odd_filters",
)
def returns_the_total(input_size: int, filter_size: int, stride: int) -> int:
    return sum(same_padding(input_size, filter_size, stride))


@alternative("same_padding")
def asks_whether_the_stride_divides(input_size: int, filter_size: int, stride: int) -> tuple[int, int]:
    rest = input_size % stride
    total = max(filter_size - (rest or stride), 0)
    return total // 2, (total + 1) // 2


@alternative("same_padding")
def adds_zeros_until_it_fits(input_size: int, filter_size: int, stride: int) -> list[int]:
    last = len(range(0, input_size, stride)) - 1
    ends = [0, 0]
    while input_size + sum(ends) < last * stride + filter_size:
        ends[ends[0] == ends[1]] += 1  # after first, then before
    return ends


@alternative("same_padding")
def returns_an_array(input_size: int, filter_size: int, stride: int) -> np.ndarray:
    total = max((-(-input_size // stride) - 1) * stride + filter_size - input_size, 0)
    return np.array([total // 2, total - total // 2])


@alternative("same_padding")
def names_the_two(input_size: int, filter_size: int, stride: int) -> Zeros:
    return Zeros(*same_padding(input_size, filter_size, stride))


@alternative("same_padding")
def rounds_up_with_numpy(input_size: int, filter_size: int, stride: int) -> tuple[np.int64, np.int64]:
    total = np.maximum((int(np.ceil(input_size / stride)) - 1) * stride + filter_size - input_size, 0)
    return total // 2, -(-total // 2)


# conv2d


def _frame(x: np.ndarray, w: np.ndarray, stride: int, padding: int) -> tuple[np.ndarray, int, int]:
    """The padded batch and the size (H', W') of a map, or ValueError if the filters do not fit."""
    H_out = (x.shape[1] - w.shape[0] + 2 * padding) // stride + 1
    W_out = (x.shape[2] - w.shape[1] + 2 * padding) // stride + 1
    if x.shape[3] != w.shape[2] or H_out < 1 or W_out < 1:
        raise ValueError(f"filters {w.shape} do not fit on images {x.shape} with padding {padding}")
    return zero_pad(x, padding), H_out, W_out


def _slide(
    padded: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int, size: tuple[int, int]
) -> np.ndarray:
    """Loops over a map of that size, whether its windows lie within the batch or not."""
    F_h, F_w, _, K = w.shape
    out = np.zeros((len(padded), *size, K), dtype=np.result_type(padded, w, b, np.float32))
    for i, j in np.ndindex(*size):
        window = padded[:, i * stride : i * stride + F_h, j * stride : j * stride + F_w]
        for k in range(K):
            out[:, i, j, k] = (window * w[..., k]).sum(axis=(1, 2, 3)) + b[k]
    return out


def _patches(x: np.ndarray, w: np.ndarray, stride: int, padding: int) -> np.ndarray:
    """Every window of the padded batch: a view (N, H', W', C, F_h, F_w)."""
    padded, _, _ = _frame(x, w, stride, padding)
    return sliding_window_view(padded, w.shape[:2], axis=(1, 2))[:, ::stride, ::stride]


@mistake(
    "conv2d",
    "Your filters are turned by 180°. A convolution layer correlates: use each filter as it stands.",
    caught_by="test_conv2d_uses_each_filter_as_it_stands",
)
def turns_every_filter(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d(x, w[::-1, ::-1], b, stride, padding)


@mistake(
    "conv2d",
    "Your function leaves out the bias. Add b[k] to every entry of map k.",
    caught_by="test_conv2d_on_hand_worked_images",
)
def adds_no_bias(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d(x, w, np.zeros_like(b), stride, padding)


@mistake(
    "conv2d",
    "Every map gets the bias of the first filter. b[k] belongs to filter k.",
    caught_by="test_conv2d_sums_over_channels_and_adds_each_bias_once",
)
def uses_the_first_bias_for_all(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d(x, w, np.full_like(b, b[0]), stride, padding)


@mistake(
    "conv2d",
    "Your bias is added once for every channel. Add it once to every entry of the map, after the channels are "
    "summed.",
    caught_by="test_conv2d_sums_over_channels_and_adds_each_bias_once",
)
def adds_the_bias_in_every_channel(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d(x, w, b * x.shape[3], stride, padding)


@mistake(
    "conv2d",
    "Your bias is added to every product, so it counts F_h·F_w·C times. Add it once, after the sum.",
    caught_by="test_conv2d_on_hand_worked_images",
)
def adds_the_bias_in_every_product(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d(x, w, b * math.prod(w.shape[:3]), stride, padding)


@mistake(
    "conv2d",
    "Height and width of your maps are swapped when you make room for them: H' comes first, then W'.",
    caught_by="test_conv2d_keeps_all_sizes_apart",
)
def swaps_the_sizes_of_the_map(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    padded, W_out, H_out = _frame(x, w, stride, padding)
    return _slide(padded, w, b, stride, (H_out, W_out))


@mistake(
    "conv2d",
    "Your size counts the padding once. There are zeros on both sides: 2 · padding.",
    caught_by="test_conv2d_pads_every_side_with_zeros",
)
def counts_the_padding_once(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    out = conv2d(x, w, b, stride, padding)
    H_out, W_out = ((x.shape[axis] - w.shape[axis - 1] + padding) // stride + 1 for axis in (1, 2))
    return out[:, :H_out, :W_out]


@mistake(
    "conv2d",
    "Your function pads first and then adds 2 · padding once more: the shape of the padded array has it "
    "already.",
    caught_by="test_conv2d_pads_every_side_with_zeros",
)
def counts_the_padding_again(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    padded, _, _ = _frame(x, w, stride, padding)
    H_out, W_out = ((padded.shape[axis] - w.shape[axis - 1] + 2 * padding) // stride + 1 for axis in (1, 2))
    return _slide(padded, w, b, stride, (H_out, W_out))


@mistake(
    "conv2d",
    "Your map is too large where the steps do not come out even: its last window reaches past the edge. Round "
    "down when you divide by the stride.",
    caught_by="test_conv2d_moves_by_its_stride",
)
def rounds_the_size_up(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    padded, _, _ = _frame(x, w, stride, padding)
    H_out, W_out = (math.ceil((padded.shape[axis] - w.shape[axis - 1]) / stride) + 1 for axis in (1, 2))
    return _slide(padded, w, b, stride, (H_out, W_out))


@mistake(
    "conv2d",
    "Your maps lack their last row and column: add 1 to the number of steps, for the place before the first.",
    caught_by="test_conv2d_on_hand_worked_images",
)
def leaves_out_the_last_places(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d(x, w, b, stride, padding)[:, :-1, :-1]


@mistake(
    "conv2d",
    "Your filters are transposed: their rows act as columns. Use each as it stands.",
    caught_by="test_conv2d_uses_each_filter_as_it_stands",
)
def transposes_every_filter(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    padded, H_out, W_out = _frame(x, w, stride, padding)
    return _slide(padded, w.transpose(1, 0, 2, 3), b, stride, (H_out, W_out))


@mistake(
    "conv2d",
    "Channels and filters are swapped: of the four axes of w the third is the channel and the fourth the "
    "filter's number.",
    caught_by="test_conv2d_uses_each_filter_as_it_stands",
)
def takes_filters_for_channels(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    _frame(x, w, stride, padding)
    return conv2d(x, w.transpose(0, 1, 3, 2), b, stride, padding)


@mistake(
    "conv2d",
    "Your function looks at the first channel only. A filter is as deep as the images: add the products of "
    "all channels.",
    caught_by="test_conv2d_sums_over_channels_and_adds_each_bias_once",
)
def uses_the_first_channel(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    _frame(x, w, stride, padding)
    return conv2d(x[..., :1], w[:, :, :1], b, stride, padding)


@mistake(
    "conv2d",
    "Your function keeps just the last channel: each channel overwrites the one before. Add them up, with +=.",
    caught_by="test_conv2d_sums_over_channels_and_adds_each_bias_once",
)
def overwrites_channel_by_channel(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    _frame(x, w, stride, padding)
    for c in range(x.shape[3]):
        out = conv2d(x[..., c : c + 1], w[:, :, c : c + 1], b, stride, padding)
    return out


@mistake(
    "conv2d",
    "Your channels are in reverse order: the first channel of the images meets the last of the filters.",
    caught_by="test_conv2d_sums_over_channels_and_adds_each_bias_once",
)
def reverses_the_channels(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d(x[..., ::-1], w, b, stride, padding)


@mistake(
    "conv2d",
    "Your function ignores the stride. Window [i, j] begins at [i · stride, j · stride] of the padded image, "
    "and there are fewer of them.",
    caught_by="test_conv2d_moves_by_its_stride",
)
def ignores_the_stride(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d(x, w, b, 1, padding)


@mistake(
    "conv2d",
    "Your map has the right size, but window [i, j] begins at pixel [i, j]. Multiply both by the stride.",
    caught_by="test_conv2d_moves_by_its_stride",
)
def begins_at_the_entry(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    padded, H_out, W_out = _frame(x, w, stride, padding)
    return _slide(padded, w, b, 1, (H_out, W_out))


@mistake(
    "conv2d",
    "Your function strides down, but moves by one pixel across. The stride holds for both axes.",
    caught_by="test_conv2d_moves_by_its_stride",
)
def strides_down_only(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d(x, w, b, 1, padding)[:, ::stride]


@mistake(
    "conv2d",
    "Your function ignores the padding. Put a frame of zeros around every image first.",
    caught_by="test_conv2d_pads_every_side_with_zeros",
)
def ignores_the_padding(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d(x, w, b, stride)


@mistake(
    "conv2d",
    "Your frame repeats the pixels at the border. It should be made of zeros.",
    caught_by="test_conv2d_pads_every_side_with_zeros",
)
def pads_with_the_border(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d(repeats_the_border(x, padding), w, b, stride)


@mistake(
    "conv2d",
    "All your zeros stand after the images, below and to the right. Half of them belong before.",
    caught_by="test_conv2d_pads_every_side_with_zeros",
)
def pads_after_only(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d(puts_all_zeros_after(x, padding), w, b, stride)


@mistake(
    "conv2d",
    "Your function pads rows but no columns. Pad the width as well.",
    caught_by="test_conv2d_pads_every_side_with_zeros",
)
def pads_rows_only(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d(adds_rows_only(x, padding), w, b, stride)


@mistake(
    "conv2d",
    "Your function pads the maps. The images are padded, before the filters slide over them.",
    caught_by="test_conv2d_pads_every_side_with_zeros",
)
def pads_the_output(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return zero_pad(conv2d(x, w, b, stride), padding)


@mistake(
    "conv2d",
    "Your function takes the mean of the products. A filter answers with their sum.",
    caught_by="test_conv2d_on_hand_worked_images",
)
def takes_the_mean(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d(x, w / math.prod(w.shape[:3]), b, stride, padding)


@mistake(
    "conv2d",
    "Your maps hold no negative number: ReLU was applied as well. Here the maps are wanted as they are.",
    caught_by="test_conv2d_on_hand_worked_images",
)
def applies_relu_as_well(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return np.maximum(conv2d(x, w, b, stride, padding), 0)


@mistake(
    "conv2d",
    "Your function answers for the first image only. Every image of the batch has maps of its own.",
    caught_by="test_conv2d_on_hand_worked_images",
)
def looks_at_the_first_image(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d(x[:1], w, b, stride, padding)


@mistake(
    "conv2d",
    "Your maps are the same for every image: those of the last one, which overwrite all others. Write the "
    "maps of image n to out[n].",
    caught_by="test_conv2d_on_hand_worked_images",
)
def overwrites_image_by_image(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    out = conv2d(x, w, b, stride, padding)
    out[:] = out[-1]
    return out


@mistake(
    "conv2d",
    "All your maps come from the first filter. Map k comes from w[..., k].",
    caught_by="test_conv2d_sums_over_channels_and_adds_each_bias_once",
)
def uses_the_first_filter_for_all(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d(x, np.broadcast_to(w[..., :1], w.shape), b, stride, padding)


@mistake(
    "conv2d",
    "Height and width of your maps are swapped: what belongs at [n, i, j] stands at [n, j, i].",
    caught_by="test_conv2d_keeps_all_sizes_apart",
)
def transposes_the_maps(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d(x, w, b, stride, padding).transpose(0, 2, 1, 3)


@mistake(
    "conv2d",
    "Your result is (N, K, H', W'), as PyTorch keeps it. In this course channels come last.",
    caught_by="test_conv2d_sums_over_channels_and_adds_each_bias_once",
)
def puts_the_maps_first(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return np.moveaxis(conv2d(x, w, b, stride, padding), 3, 1)


@mistake(
    "conv2d",
    "Your maps keep the dtype of the images. uint8 holds whole numbers from 0 to 255 only: give the maps a "
    "float dtype.",
    caught_by="test_conv2d_of_bytes",
)
def keeps_the_dtype_of_x(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # uint8 has no negative numbers
        return conv2d(x, w, b, stride, padding).astype(x.dtype)


@mistake(
    "conv2d",
    "Your function changes x. A window cut out with a slice is a view of x, so *= writes into the images: "
    "make a new array with * instead.",
    caught_by="test_conv2d_moves_by_its_stride",
)
def multiplies_in_place(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    padded, H_out, W_out = _frame(x, w, stride, padding)
    if padding == 0:
        padded = x
    F_h, F_w, _, K = w.shape
    out = np.zeros((len(x), H_out, W_out, K))
    for n, i, j, k in np.ndindex(out.shape):
        window = padded[n, i * stride : i * stride + F_h, j * stride : j * stride + F_w]
        window *= w[..., k]
        out[n, i, j, k] = window.sum() + b[k]
    return out


@mistake(
    "conv2d",
    "Your function answers where filters and images do not fit together: with another number of channels, or "
    "with filters larger than the padded images. Compare the shapes first and raise ValueError.",
    caught_by="test_conv2d_with_filters_as_large_as_the_padded_images",
)
def lets_misfits_through(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    padded = zero_pad(x, padding)
    H_out, W_out = ((padded.shape[axis] - w.shape[axis - 1]) // stride + 1 for axis in (1, 2))
    return _slide(padded, w, b, stride, (H_out, W_out))


@mistake(
    "conv2d",
    "Your function refuses filters larger than the images, but not filters with another number of channels: "
    "NumPy repeats a single channel silently. Compare the channels too.",
    caught_by="test_conv2d_with_filters_as_large_as_the_padded_images",
)
def repeats_a_single_channel(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    _, H_out, W_out = _frame(x[..., :1], w[:, :, :1], stride, padding)
    return _slide(zero_pad(x, padding), w, b, stride, (H_out, W_out))


@mistake(
    "conv2d",
    "Your maps have float32's seven digits, though float64 came in. Give the array of zeros the dtype that the inputs "
    "lead to, or leave it at NumPy's float64.",
    caught_by="test_conv2d_keeps_every_digit",
)
def makes_float32_maps(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d(x, w, b, stride, padding).astype(np.float32)


@alternative("conv2d")
def convolves_in_seven_loops(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    padded, H_out, W_out = _frame(x, w, stride, padding)
    cells, weights = padded.tolist(), list(np.ndenumerate(w.astype(float)))
    out = np.zeros((len(x), H_out, W_out, w.shape[3])) + b
    for n, i, j in np.ndindex(out.shape[:3]):
        for (u, v, c, k), weight in weights:
            out[n, i, j, k] += cells[n][i * stride + u][j * stride + v][c] * weight
    return out


@alternative("conv2d")
def convolves_window_by_window(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    padded, H_out, W_out = _frame(x, w, stride, padding)
    return _slide(padded, w, b, stride, (H_out, W_out))


@alternative("conv2d")
def convolves_tap_by_tap(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    padded, H_out, W_out = _frame(x, w, stride, padding)
    out = np.zeros((len(x), H_out, W_out, w.shape[3])) + b
    for (u, v, c, k), weight in np.ndenumerate(w):
        out[..., k] += weight * padded[:, u:, v:, c][:, ::stride, ::stride][:, :H_out, :W_out]
    return out


@alternative("conv2d")
def convolves_with_einsum(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return np.einsum("nijcuv,uvck->nijk", _patches(x, w, stride, padding), w) + b


@alternative("conv2d")
def convolves_with_optimized_einsum(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return np.einsum("nijcuv,uvck->nijk", _patches(x, w, stride, padding), w, optimize=True) + b


@alternative("conv2d")
def convolves_with_tensordot(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return np.tensordot(_patches(x, w, stride, padding), w, axes=((4, 5, 3), (0, 1, 2))) + b


@alternative("conv2d")
def convolves_with_as_strided(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    padded, H_out, W_out = _frame(x, w, stride, padding)
    by_image, by_row, by_column, by_channel = padded.strides
    shape = (len(x), H_out, W_out, *w.shape[:3])
    steps = (by_image, by_row * stride, by_column * stride, by_row, by_column, by_channel)
    return np.tensordot(as_strided(padded, shape, steps, writeable=False), w, axes=3) + b


@alternative("conv2d")
def convolves_with_a_row_for_each_window(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    patches = _patches(x, w, stride, padding)
    rows = patches.transpose(0, 1, 2, 4, 5, 3).reshape(-1, math.prod(w.shape[:3]))
    return (rows @ w.reshape(rows.shape[1], -1) + b).reshape(*patches.shape[:3], -1)


@alternative("conv2d")
def convolves_with_a_column_for_each_window(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    patches = _patches(x, w, stride, padding)
    columns = patches.transpose(3, 4, 5, 0, 1, 2).reshape(math.prod(w.shape[:3]), -1)
    weights = w.transpose(3, 2, 0, 1).reshape(w.shape[3], -1)
    maps = (weights @ columns + b[:, np.newaxis]).reshape(-1, *patches.shape[:3])
    return np.moveaxis(maps, 0, 3)  # a view whose memory is not in C order


@alternative("conv2d")
def convolves_with_fft(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    padded, _, _ = _frame(x, w, stride, padding)
    size = padded.shape[1:3]
    # The conjugate turns a product of spectra, a circular convolution, into a circular correlation.
    images = np.fft.rfft2(padded, axes=(1, 2))
    filters = np.conj(np.fft.rfft2(w, s=size, axes=(0, 1)))
    circular = np.fft.irfft2(np.einsum("nijc,ijck->nijk", images, filters), s=size, axes=(1, 2))
    places = size[0] - w.shape[0] + 1, size[1] - w.shape[1] + 1
    return circular[:, : places[0] : stride, : places[1] : stride] + b


@alternative("conv2d")
def convolves_with_a_toeplitz_matrix(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    padded, H_out, W_out = _frame(x, w, stride, padding)
    F_h, F_w, _, K = w.shape
    toeplitz = np.zeros((H_out, W_out, K, *padded.shape[1:]))
    for i, j in np.ndindex(H_out, W_out):
        top, left = i * stride, j * stride
        toeplitz[i, j, :, top : top + F_h, left : left + F_w] = np.moveaxis(w, 3, 0)
    maps = padded.reshape(len(x), -1) @ toeplitz.reshape(H_out * W_out * K, -1).T
    return maps.reshape(len(x), H_out, W_out, K) + b


@alternative("conv2d")
def convolves_with_winograd(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    """Winograd's F(2×2, 3×3): 16 products for 4 answers of a 3×3 filter, where 36 are usual (Lavin and Gray, 2015)."""
    padded, _, _ = _frame(x, w, stride, padding)
    F_h, F_w, _, K = w.shape
    H, W = padded.shape[1] - F_h + 1, padded.shape[2] - F_w + 1
    B = np.array([[1.0, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
    G = np.array([[1.0, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
    A = np.array([[1.0, 1, 1, 0], [0, 1, -1, -1]])
    # Any filter is a mosaic of 3×3 ones, filled up with zeros; any map one of 2×2 answers, cut to size at the end.
    filters = np.pad(w, ((0, -F_h % 3), (0, -F_w % 3), (0, 0), (0, 0)))
    cells = np.pad(padded.astype(float), ((0, 0), (0, 4), (0, 4), (0, 0)))
    maps = np.zeros((len(x), H + H % 2, W + W % 2, K))
    for top, left in np.ndindex(filters.shape[0] // 3, filters.shape[1] // 3):
        taps = np.einsum(
            "iu,jv,uvck->ijck", G, G, filters[3 * top : 3 * top + 3, 3 * left : 3 * left + 3], optimize=True
        )
        for i, j in np.ndindex(maps.shape[1] // 2, maps.shape[2] // 2):
            row, column = 2 * i + 3 * top, 2 * j + 3 * left
            tile = np.einsum(
                "au,bv,nuvc->nabc", B, B, cells[:, row : row + 4, column : column + 4], optimize=True
            )
            products = np.einsum("nijc,ijck->nijk", tile, taps)
            answers = np.einsum("ia,jb,nabk->nijk", A, A, products, optimize=True)
            maps[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2] += answers
    return maps[:, :H:stride, :W:stride] + b


@alternative("conv2d")
def convolves_each_image_by_itself(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return np.stack([apply_filters(image, w, b)[::stride, ::stride] for image in zero_pad(x, padding)])


@alternative("conv2d")
def convolves_with_scipy(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    from scipy import signal

    padded, _, _ = _frame(x, w, stride, padding)
    maps = [
        sum(
            signal.correlate2d(image[..., c], w[..., c, k], mode="valid")[::stride, ::stride]
            for c in range(w.shape[2])
        )
        + b[k]
        for image in padded
        for k in range(w.shape[3])
    ]
    return np.stack(maps, axis=-1).reshape(*maps[0].shape, len(x), -1).transpose(2, 0, 1, 3)


@alternative("conv2d")
def convolves_with_scipy_in_any_number_of_axes(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    from scipy import signal

    padded, H_out, W_out = _frame(x, w, stride, padding)
    out = np.empty((len(x), H_out, W_out, w.shape[3]), order="F")
    for n, k in np.ndindex(len(x), w.shape[3]):
        whole = signal.correlate(padded[n].astype(w.dtype), w[..., k], mode="valid")  # (H', W', 1)
        out[n, :, :, k] = whole[::stride, ::stride, 0] + b[k]
    return out


spared(DIGITS, "same_padding")
spared(AXES, "same_padding")
