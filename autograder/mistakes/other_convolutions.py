"""Mistakes and alternatives of chapter 10, other convolutions."""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from solutions.backprop import conv2d_backward
from solutions.fast import col2im, conv2d_fast, im2col
from solutions.fully_connected import linear
from solutions.other_convolutions import conv1x1, conv2d_dilated, conv2d_transposed
from solutions.padding import conv2d

from . import alternative, mistake

# conv1x1


@mistake(
    "conv1x1",
    "Your function leaves out the bias. Add b[k] to every entry of map k.",
    caught_by="test_conv1x1_on_a_hand_worked_pixel",
)
def leaves_the_bias_out(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    return conv1x1(x, w, np.zeros_like(b))


@mistake(
    "conv1x1",
    "Every map gets the bias of the first filter. b[k] belongs to filter k.",
    caught_by="test_conv1x1_gives_each_filter_its_map_and_its_bias",
)
def takes_the_first_bias_for_all(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    return conv1x1(x, w, np.full_like(b, b[0]))


@mistake(
    "conv1x1",
    "Your bias is added once for every channel. Add it once to each sum, after the channels are added up.",
    caught_by="test_conv1x1_on_a_hand_worked_pixel",
)
def adds_the_bias_for_every_channel(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    return conv1x1(x, w, b * x.shape[3])


@mistake(
    "conv1x1",
    "Channels and filters are swapped: of the four axes of w the third is the channel and the fourth the "
    "filter's number.",
    caught_by="test_conv1x1_gives_each_filter_its_map_and_its_bias",
)
def swaps_channels_and_filters(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    conv1x1(x, w, b)
    return x @ w[0, 0].T + b


@mistake(
    "conv1x1",
    "Your function looks at the first channel only. Add the products of all channels of a pixel.",
    caught_by="test_conv1x1_on_a_hand_worked_pixel",
)
def takes_the_first_channel_alone(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    conv1x1(x, w, b)
    return conv1x1(x[..., :1], w[:, :, :1], b)


@mistake(
    "conv1x1",
    "Your function keeps just the last channel: each channel overwrites the one before. Add them up, with +=.",
    caught_by="test_conv1x1_on_a_hand_worked_pixel",
)
def keeps_the_last_channel(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    conv1x1(x, w, b)
    return conv1x1(x[..., -1:], w[:, :, -1:], b)


@mistake(
    "conv1x1",
    "Your function takes the mean of the products. A filter answers with their sum.",
    caught_by="test_conv1x1_on_a_hand_worked_pixel",
)
def takes_the_mean_of_the_channels(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    return conv1x1(x, w / x.shape[3], b)


@mistake(
    "conv1x1",
    "All your maps come from the first filter. Map k comes from w[..., k].",
    caught_by="test_conv1x1_gives_each_filter_its_map_and_its_bias",
)
def takes_the_first_filter_for_all(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    return conv1x1(x, np.broadcast_to(w[..., :1], w.shape), b)


@mistake(
    "conv1x1",
    "Every pixel of your maps holds the sum over the whole image. A filter of 1×1 sees a single pixel: sum "
    "over the channels, not over height and width.",
    caught_by="test_conv1x1_looks_at_one_pixel_alone",
)
def adds_up_all_pixels(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    everywhere = x.sum(axis=(1, 2), keepdims=True)
    return conv1x1(np.broadcast_to(everywhere, x.shape), w, b)


@mistake(
    "conv1x1",
    "Your function uses the filter as if it had 3×3 pixels: neighbours come in. A filter of 1×1 sees a single "
    "pixel.",
    caught_by="test_conv1x1_looks_at_one_pixel_alone",
)
def sums_a_neighbourhood(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    conv1x1(x, w, b)
    return conv2d(x, np.broadcast_to(w, (3, 3, *w.shape[2:])), b, 1, 1)


@mistake(
    "conv1x1",
    "Your maps hold no negative number: ReLU was applied as well. Here the maps are wanted as they are.",
    caught_by="test_conv1x1_gives_each_filter_its_map_and_its_bias",
)
def adds_a_relu(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.maximum(conv1x1(x, w, b), 0)


@mistake(
    "conv1x1",
    "Your function answers for the first image only. Every image of the batch has maps of its own.",
    caught_by="test_conv1x1_keeps_all_sizes_apart",
)
def answers_for_one_image(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    return conv1x1(x[:1], w, b)


@mistake(
    "conv1x1",
    "Height and width are swapped when you bring the rows of pixels back to images: H comes first, then W.",
    caught_by="test_conv1x1_keeps_all_sizes_apart",
)
def lays_rows_back_with_height_and_width_swapped(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    N, H, W, _ = x.shape
    return conv1x1(x, w, b).reshape(N, W, H, -1)


@mistake(
    "conv1x1",
    "Your result is (N, K, H, W), as PyTorch keeps it. In this course channels come last.",
    caught_by="test_conv1x1_keeps_all_sizes_apart",
)
def puts_maps_before_rows(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.moveaxis(conv1x1(x, w, b), 3, 1)


@mistake(
    "conv1x1",
    "Your result has one row for each pixel. It should be images again: shape (N, H, W, K).",
    caught_by="test_conv1x1_keeps_all_sizes_apart",
)
def flattens_the_images(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    return conv1x1(x, w, b).reshape(-1, w.shape[3])


@mistake(
    "conv1x1",
    "Your function uses the first pixel of filters that have more of them. Compare the shapes first and raise "
    "ValueError.",
    caught_by="test_conv1x1_refuses_what_does_not_fit",
)
def takes_any_size_of_filter(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    return conv1x1(x, w[:1, :1], b)


@mistake(
    "conv1x1",
    "Your function refuses larger filters, but not filters with another number of channels: NumPy repeats a "
    "single channel silently. Compare the channels too.",
    caught_by="test_conv1x1_refuses_what_does_not_fit",
)
def lets_one_channel_serve_for_all(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    if w.shape[:2] != (1, 1):
        raise ValueError("not a filter of one pixel")
    return (x[..., np.newaxis] * w[0, 0]).sum(axis=3) + b


@mistake(
    "conv1x1",
    "Your maps keep the dtype of the images. uint8 holds whole numbers from 0 to 255 only: give the maps a "
    "float dtype.",
    caught_by="test_conv1x1_of_bytes",
)
def keeps_bytes(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # uint8 has no negative numbers
        return conv1x1(x, w, b).astype(x.dtype)


@mistake(
    "conv1x1",
    "Your maps have float32's seven digits, though float64 came in. Leave the result in the dtype that the "
    "inputs lead to.",
    caught_by="test_conv1x1_keeps_every_digit",
)
def rounds_to_float32(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    return conv1x1(x, w, b).astype(np.float32)


@alternative("conv1x1")
def applies_the_linear_layer_to_rows_of_pixels(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    if w.shape[0] * w.shape[1] != 1:
        raise ValueError("not a filter of one pixel")
    rows = linear(x.reshape(-1, x.shape[3]), w.reshape(w.shape[2:]), b)
    return rows.reshape(*x.shape[:3], -1)


@alternative("conv1x1")
def applies_the_layer_of_chapter_4(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    if w.shape[0] != 1 or w.shape[1] != 1:
        raise ValueError("not a filter of one pixel")
    return conv2d(x, w, b)


@alternative("conv1x1")
def applies_the_fast_layer(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    if not w.shape[0] == w.shape[1] == 1:
        raise ValueError("not a filter of one pixel")
    return conv2d_fast(x, w, b)


@alternative("conv1x1")
def multiplies_with_einsum(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    if w.shape[:3] != (1, 1, x.shape[-1]):
        raise ValueError("shapes do not fit")
    return np.einsum("nijc,uvck->nijk", x, w) + b


@alternative("conv1x1")
def multiplies_with_tensordot(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    F_h, F_w, _, _ = w.shape
    if F_h > 1 or F_w > 1:
        raise ValueError("filters are too large")
    return np.tensordot(x, w[0, 0], axes=1) + b  # raises ValueError for other channels


@alternative("conv1x1")
def adds_channel_by_channel(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    if w.shape[:3] != (1, 1, x.shape[-1]):
        raise ValueError("shapes do not fit")
    out = np.zeros((*x.shape[:3], w.shape[3])) + b
    for c, weights in enumerate(w[0, 0]):
        out += x[..., c : c + 1] * weights
    return out


@alternative("conv1x1")
def loops_over_every_number(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    if w.shape[:3] != (1, 1, x.shape[-1]):
        raise ValueError("shapes do not fit")
    out = np.empty((*x.shape[:3], w.shape[3]))
    for n, i, j, k in np.ndindex(out.shape):
        out[n, i, j, k] = b[k] + sum(float(x[n, i, j, c]) * w[0, 0, c, k] for c in range(x.shape[3]))
    return out


# conv2d_dilated


def _spread(w: np.ndarray, dilation: int) -> np.ndarray:
    """The filters with zeros between their weights."""
    F_h, F_w, C, K = w.shape
    wide = np.zeros(((F_h - 1) * dilation + 1, (F_w - 1) * dilation + 1, C, K), dtype=w.dtype)
    wide[::dilation, ::dilation] = w
    return wide


@mistake(
    "conv2d_dilated",
    "Your function ignores the dilation: it is the usual convolution. Weight [u, v] meets the pixel dilation "
    "· u further down and dilation · v further right.",
    caught_by="test_conv2d_dilated_on_a_hand_worked_image",
)
def ignores_the_dilation(x: np.ndarray, w: np.ndarray, b: np.ndarray, dilation: int) -> np.ndarray:
    return conv2d(x, w, b)


@mistake(
    "conv2d_dilated",
    "You took the dilation for a stride. A stride moves the filter further and leaves it whole; dilation "
    "pulls its weights apart and moves it by one pixel.",
    caught_by="test_conv2d_dilated_on_a_hand_worked_image",
)
def takes_dilation_for_stride(x: np.ndarray, w: np.ndarray, b: np.ndarray, dilation: int) -> np.ndarray:
    return conv2d(x, w, b, dilation)


@mistake(
    "conv2d_dilated",
    "Your gaps are one pixel too wide: `dilation` is the distance of neighbouring weights, so dilation − 1 "
    "pixels lie between them. With dilation 1 there is no gap.",
    caught_by="test_conv2d_dilated_with_dilation_1",
)
def leaves_gaps_of_dilation_pixels(x: np.ndarray, w: np.ndarray, b: np.ndarray, dilation: int) -> np.ndarray:
    return conv2d(x, _spread(w, dilation + 1), b)


@mistake(
    "conv2d_dilated",
    "Your filters are pulled apart down, but not across. The dilation holds for both axes.",
    caught_by="test_conv2d_dilated_on_a_hand_worked_image",
)
def dilates_down_only(x: np.ndarray, w: np.ndarray, b: np.ndarray, dilation: int) -> np.ndarray:
    return conv2d(x, _spread(w, dilation)[:, ::dilation], b)


@mistake(
    "conv2d_dilated",
    "Your filters are pulled apart across, but not down. The dilation holds for both axes.",
    caught_by="test_conv2d_dilated_on_a_hand_worked_image",
)
def dilates_across_only(x: np.ndarray, w: np.ndarray, b: np.ndarray, dilation: int) -> np.ndarray:
    return conv2d(x, _spread(w, dilation)[::dilation], b)


@mistake(
    "conv2d_dilated",
    "You put gaps into the images. It is the filter's weights that lie apart; the images stay as they are.",
    caught_by="test_conv2d_dilated_on_a_hand_worked_image",
)
def dilates_the_images(x: np.ndarray, w: np.ndarray, b: np.ndarray, dilation: int) -> np.ndarray:
    N, H, W, C = x.shape
    wide = np.zeros((N, (H - 1) * dilation + 1, (W - 1) * dilation + 1, C))
    wide[:, ::dilation, ::dilation] = x
    return conv2d(wide, w, b)


@mistake(
    "conv2d_dilated",
    "Your maps are too small: F weights have F − 1 gaps between them, not F. The filter is dilation · (F − 1) "
    "+ 1 pixels long.",
    caught_by="test_conv2d_dilated_on_a_hand_worked_image",
)
def counts_every_weight_as_a_gap(x: np.ndarray, w: np.ndarray, b: np.ndarray, dilation: int) -> np.ndarray:
    out = conv2d_dilated(x, w, b, dilation)
    H_out, W_out = (x.shape[axis] + 1 - dilation * w.shape[axis - 1] for axis in (1, 2))
    return out[:, : max(H_out, 0), : max(W_out, 0)]


@mistake(
    "conv2d_dilated",
    "Your maps have the size of the usual convolution. With gaps the filter is longer, dilation · (F − 1) + 1 "
    "pixels, and fits in fewer places.",
    caught_by="test_conv2d_dilated_on_a_hand_worked_image",
)
def makes_maps_as_large_as_without_gaps(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, dilation: int
) -> np.ndarray:
    conv2d_dilated(x, w, b, dilation)
    down, across = ((dilation - 1) * (side - 1) for side in w.shape[:2])
    return conv2d(np.pad(x, ((0, 0), (0, down), (0, across), (0, 0))), _spread(w, dilation), b)


@mistake(
    "conv2d_dilated",
    "Your filters have the right gaps, but they also move by `dilation` pixels. They move by one: the maps "
    "have an entry for each place.",
    caught_by="test_conv2d_dilated_with_wider_gaps",
)
def lets_the_stride_come_along(x: np.ndarray, w: np.ndarray, b: np.ndarray, dilation: int) -> np.ndarray:
    return conv2d_dilated(x, w, b, dilation)[:, ::dilation, ::dilation]


@mistake(
    "conv2d_dilated",
    "Your filters are turned by 180°. Use each as it stands: the weight [0, 0] meets the first pixel.",
    caught_by="test_conv2d_dilated_uses_each_filter_as_it_stands",
)
def flips_the_filters(x: np.ndarray, w: np.ndarray, b: np.ndarray, dilation: int) -> np.ndarray:
    return conv2d_dilated(x, w[::-1, ::-1], b, dilation)


@mistake(
    "conv2d_dilated",
    "Your filters are transposed: their rows act as columns. Use each as it stands.",
    caught_by="test_conv2d_dilated_uses_each_filter_as_it_stands",
)
def transposes_the_filters(x: np.ndarray, w: np.ndarray, b: np.ndarray, dilation: int) -> np.ndarray:
    conv2d_dilated(x, w, b, dilation)
    return conv2d_dilated(x, w.transpose(1, 0, 2, 3), b, dilation)


@mistake(
    "conv2d_dilated",
    "Channels and filters are swapped: of the four axes of w the third is the channel and the fourth the "
    "filter's number.",
    caught_by="test_conv2d_dilated_uses_each_filter_as_it_stands",
)
def swaps_filters_and_channels(x: np.ndarray, w: np.ndarray, b: np.ndarray, dilation: int) -> np.ndarray:
    conv2d_dilated(x, w, b, dilation)
    return conv2d_dilated(x, w.transpose(0, 1, 3, 2), b, dilation)


@mistake(
    "conv2d_dilated",
    "Your function leaves out the bias. Add b[k] to every entry of map k.",
    caught_by="test_conv2d_dilated_on_a_hand_worked_image",
)
def forgets_the_bias(x: np.ndarray, w: np.ndarray, b: np.ndarray, dilation: int) -> np.ndarray:
    return conv2d_dilated(x, w, np.zeros_like(b), dilation)


@mistake(
    "conv2d_dilated",
    "Every map gets the bias of the first filter. b[k] belongs to filter k.",
    caught_by="test_conv2d_dilated_sums_channels_and_adds_each_bias_once",
)
def adds_one_bias_to_all(x: np.ndarray, w: np.ndarray, b: np.ndarray, dilation: int) -> np.ndarray:
    return conv2d_dilated(x, w, np.full_like(b, b[0]), dilation)


@mistake(
    "conv2d_dilated",
    "Your bias is added for every weight of the window, so it counts F_h·F_w times. Add it once, after the "
    "sum.",
    caught_by="test_conv2d_dilated_on_a_hand_worked_image",
)
def adds_the_bias_at_every_weight(x: np.ndarray, w: np.ndarray, b: np.ndarray, dilation: int) -> np.ndarray:
    return conv2d_dilated(x, w, b * math.prod(w.shape[:2]), dilation)


@mistake(
    "conv2d_dilated",
    "Your function looks at the first channel only. A filter is as deep as the images: add the products of "
    "all channels.",
    caught_by="test_conv2d_dilated_sums_channels_and_adds_each_bias_once",
)
def sees_the_first_channel(x: np.ndarray, w: np.ndarray, b: np.ndarray, dilation: int) -> np.ndarray:
    conv2d_dilated(x, w, b, dilation)
    return conv2d_dilated(x[..., :1], w[:, :, :1], b, dilation)


@mistake(
    "conv2d_dilated",
    "Your function keeps the products of the last weight only: each weight overwrites those before it. Add "
    "them up, with +=.",
    caught_by="test_conv2d_dilated_on_a_hand_worked_image",
)
def keeps_the_last_weight(x: np.ndarray, w: np.ndarray, b: np.ndarray, dilation: int) -> np.ndarray:
    last = np.zeros_like(w)
    last[-1, -1] = w[-1, -1]
    return conv2d_dilated(x, last, b, dilation)


@mistake(
    "conv2d_dilated",
    "Your maps hold no negative number: ReLU was applied as well. Here the maps are wanted as they are.",
    caught_by="test_conv2d_dilated_on_a_hand_worked_image",
)
def rectifies(x: np.ndarray, w: np.ndarray, b: np.ndarray, dilation: int) -> np.ndarray:
    return np.maximum(conv2d_dilated(x, w, b, dilation), 0)


@mistake(
    "conv2d_dilated",
    "Your function answers for the first image only. Every image of the batch has maps of its own.",
    caught_by="test_conv2d_dilated_on_a_hand_worked_image",
)
def answers_for_the_first_image(x: np.ndarray, w: np.ndarray, b: np.ndarray, dilation: int) -> np.ndarray:
    return conv2d_dilated(x[:1], w, b, dilation)


@mistake(
    "conv2d_dilated",
    "Height and width of your maps are swapped: what belongs at [n, i, j] stands at [n, j, i].",
    caught_by="test_conv2d_dilated_keeps_all_sizes_apart",
)
def swaps_height_and_width(x: np.ndarray, w: np.ndarray, b: np.ndarray, dilation: int) -> np.ndarray:
    return conv2d_dilated(x, w, b, dilation).transpose(0, 2, 1, 3)


@mistake(
    "conv2d_dilated",
    "Your function answers where filters and images do not fit together: with another number of channels, or "
    "with filters that are, gaps included, larger than the images. Compare the shapes first and raise "
    "ValueError.",
    caught_by="test_conv2d_dilated_with_filters_as_large_as_the_images",
)
def lets_long_filters_through(x: np.ndarray, w: np.ndarray, b: np.ndarray, dilation: int) -> np.ndarray:
    H_out, W_out = (max(x.shape[axis] - dilation * (w.shape[axis - 1] - 1), 0) for axis in (1, 2))
    out = np.zeros((len(x), H_out, W_out, w.shape[3])) + b
    for u, v in np.ndindex(w.shape[:2]):
        seen = x[:, dilation * u :, dilation * v :][:, :H_out, :W_out]
        out += (seen[..., np.newaxis] * w[u, v]).sum(axis=3)
    return out


@mistake(
    "conv2d_dilated",
    "Your function compares the images with the filters as they are. With their gaps these are longer, "
    "dilation · (F − 1) + 1 pixels; raise ValueError where that does not fit.",
    caught_by="test_conv2d_dilated_with_filters_as_large_as_the_images",
)
def compares_sizes_without_gaps(x: np.ndarray, w: np.ndarray, b: np.ndarray, dilation: int) -> np.ndarray:
    conv2d(x, w, b)
    H_out, W_out = (max(x.shape[axis] - dilation * (w.shape[axis - 1] - 1), 0) for axis in (1, 2))
    if H_out and W_out:
        return conv2d_dilated(x, w, b, dilation)
    return np.zeros((len(x), H_out, W_out, w.shape[3]))


@mistake(
    "conv2d_dilated",
    "Your function refuses filters that are too long, but not filters with another number of channels: NumPy "
    "repeats a single channel silently. Compare the channels too.",
    caught_by="test_conv2d_dilated_with_filters_as_large_as_the_images",
)
def stretches_a_single_channel(x: np.ndarray, w: np.ndarray, b: np.ndarray, dilation: int) -> np.ndarray:
    channels = max(x.shape[3], w.shape[2])
    deep = np.broadcast_to(x, (*x.shape[:3], channels))
    return conv2d_dilated(deep, np.broadcast_to(w, (*w.shape[:2], channels, w.shape[3])), b, dilation)


@mistake(
    "conv2d_dilated",
    "Your maps keep the dtype of the images. uint8 holds whole numbers from 0 to 255 only: give the maps a "
    "float dtype.",
    caught_by="test_conv2d_dilated_of_bytes",
)
def stays_with_bytes(x: np.ndarray, w: np.ndarray, b: np.ndarray, dilation: int) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # uint8 has no negative numbers
        return conv2d_dilated(x, w, b, dilation).astype(x.dtype)


@mistake(
    "conv2d_dilated",
    "Your maps have float32's seven digits, though float64 came in. Give the array of zeros the dtype that "
    "the inputs lead to, or leave it at NumPy's float64.",
    caught_by="test_conv2d_dilated_keeps_every_digit",
)
def makes_maps_of_float32(x: np.ndarray, w: np.ndarray, b: np.ndarray, dilation: int) -> np.ndarray:
    return conv2d_dilated(x, w, b, dilation).astype(np.float32)


@alternative("conv2d_dilated")
def puts_zeros_between_the_weights(x: np.ndarray, w: np.ndarray, b: np.ndarray, dilation: int) -> np.ndarray:
    return conv2d(x, _spread(w, dilation), b)


@alternative("conv2d_dilated")
def convolves_every_sparse_image_by_itself(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, dilation: int
) -> np.ndarray:
    H_out, W_out = (x.shape[axis] - dilation * (w.shape[axis - 1] - 1) for axis in (1, 2))
    if H_out < 1 or W_out < 1 or w.shape[2] != x.shape[3]:
        raise ValueError("does not fit")
    out = np.zeros((len(x), H_out, W_out, w.shape[3]))
    for top, left in np.ndindex(min(dilation, H_out), min(dilation, W_out)):
        out[:, top::dilation, left::dilation] = conv2d(x[:, top::dilation, left::dilation], w, b)
    return out


@alternative("conv2d_dilated")
def takes_windows_and_skips_cells(x: np.ndarray, w: np.ndarray, b: np.ndarray, dilation: int) -> np.ndarray:
    if w.shape[2] != x.shape[3]:
        raise ValueError("channels differ")
    size = tuple(dilation * (side - 1) + 1 for side in w.shape[:2])
    windows = sliding_window_view(x, size, axis=(1, 2))[..., ::dilation, ::dilation]  # raises where none fits
    return np.einsum("nijcuv,uvck->nijk", windows, w) + b


@alternative("conv2d_dilated")
def loops_over_places(x: np.ndarray, w: np.ndarray, b: np.ndarray, dilation: int) -> np.ndarray:
    N, H, W, C = x.shape
    F_h, F_w, C_w, K = w.shape
    H_out, W_out = H - dilation * (F_h - 1), W - dilation * (F_w - 1)
    if C_w != C or H_out <= 0 or W_out <= 0:
        raise ValueError("does not fit")
    out = np.zeros((N, H_out, W_out, K))
    for n, i, j, k in np.ndindex(out.shape):
        below, beside = i + dilation * (F_h - 1) + 1, j + dilation * (F_w - 1) + 1
        window = x[n, i:below:dilation, j:beside:dilation]
        out[n, i, j, k] = np.sum(window * w[..., k]) + b[k]
    return out


@alternative("conv2d_dilated")
def multiplies_rows_of_windows(x: np.ndarray, w: np.ndarray, b: np.ndarray, dilation: int) -> np.ndarray:
    F_h, F_w = (dilation * (side - 1) + 1 for side in w.shape[:2])
    rows = im2col(x, F_h, F_w)
    if w.shape[2] != x.shape[3]:
        raise ValueError("channels differ")
    maps = rows @ _spread(w, dilation).reshape(rows.shape[1], -1) + b
    W_out = x.shape[2] - dilation * (w.shape[1] - 1)
    return maps.reshape(len(x), -1, W_out, w.shape[3])


# conv2d_transposed


def _lay_down(x: np.ndarray, w: np.ndarray, stride: int, padding: int) -> np.ndarray:
    """The transposed convolution without a look at what fits; a single axis of length 1 serves for all."""
    H, W = x.shape[1:3]
    F_h, F_w, C, _ = w.shape
    whole = np.zeros((len(x), (H - 1) * stride + F_h, (W - 1) * stride + F_w, C))
    for u, v in np.ndindex(F_h, F_w):
        part = (x[..., np.newaxis, :] * w[u, v]).sum(axis=-1)
        whole[:, u:, v:][:, : stride * H : stride, : stride * W : stride] += part
    end_h, end_w = (max(length - padding, 0) for length in whole.shape[1:3])
    return whole[:, padding:end_h, padding:end_w]


@mistake(
    "conv2d_transposed",
    "Your filters are turned by 180°. Each entry lays the filter down as it stands, times the entry. (A "
    "correlation with the filter turned gives the same as laying it down unturned: one turn is enough.)",
    caught_by="test_conv2d_transposed_of_a_single_entry",
)
def lays_filters_down_turned(x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0) -> np.ndarray:
    return conv2d_transposed(x, w[::-1, ::-1], stride, padding)


@mistake(
    "conv2d_transposed",
    "Your filters are transposed: their rows act as columns. Transposed is what this convolution is called "
    "for its matrix; each filter is laid down as it stands.",
    caught_by="test_conv2d_transposed_adds_where_copies_overlap",
)
def lays_filters_down_transposed(
    x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d_transposed(x, w.transpose(1, 0, 2, 3), stride, padding)


@mistake(
    "conv2d_transposed",
    "Your function is the usual convolution: its maps are smaller than what came in. Here each entry is "
    "spread over a window, and the maps grow.",
    caught_by="test_conv2d_transposed_of_a_single_entry",
)
def convolves_forwards(x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0) -> np.ndarray:
    return conv2d(x, w.transpose(0, 1, 3, 2), np.zeros(w.shape[2]), stride, padding)


@mistake(
    "conv2d_transposed",
    "Your function ignores the stride. The copy of entry [i, j] begins at [i · stride, j · stride].",
    caught_by="test_conv2d_transposed_moves_by_its_stride",
)
def ignores_how_far_copies_lie_apart(
    x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d_transposed(x, w, 1, padding)


@mistake(
    "conv2d_transposed",
    "Your copies lie `stride` pixels apart across, but one pixel apart down. The stride holds for both axes.",
    caught_by="test_conv2d_transposed_moves_by_its_stride",
)
def strides_across_only(x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0) -> np.ndarray:
    conv2d_transposed(x, w, stride, padding)
    whole = conv2d_transposed(x, w, stride)
    H, F_h = x.shape[1], w.shape[0]
    near = np.zeros((len(x), H + F_h - 1, *whole.shape[2:]))
    for i in range(H):
        near[:, i : i + F_h] += conv2d_transposed(x[:, i : i + 1], w, stride)
    return near[:, padding : len(near[0]) - padding, padding : near.shape[2] - padding]


@mistake(
    "conv2d_transposed",
    "Your copies lie stride + 1 pixels apart. The copy of entry [i, j] begins at [i · stride, j · stride]: "
    "with stride 1 neighbours are one pixel apart.",
    caught_by="test_conv2d_transposed_adds_where_copies_overlap",
)
def leaves_a_gap_of_stride_pixels(
    x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d_transposed(x, w, stride + 1, padding)


@mistake(
    "conv2d_transposed",
    "Your function repeats each entry `stride` times down and across before it lays the copies down. Each "
    "entry lays down a single copy; with larger strides they lie further apart.",
    caught_by="test_conv2d_transposed_moves_by_its_stride",
)
def repeats_entries_instead_of_spacing_them(
    x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    conv2d_transposed(x, w, stride, padding)
    whole = conv2d_transposed(x.repeat(stride, axis=1).repeat(stride, axis=2), w)
    H_out, W_out = ((x.shape[a] - 1) * stride + w.shape[a - 1] for a in (1, 2))
    return whole[:, padding : H_out - padding, padding : W_out - padding]


@mistake(
    "conv2d_transposed",
    "Your copies overwrite each other where they overlap. Add them up, with +=.",
    caught_by="test_conv2d_transposed_adds_where_copies_overlap",
)
def lets_copies_hide_each_other(
    x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    conv2d_transposed(x, w, stride, padding)
    whole = conv2d_transposed(x, w, stride)
    for i, j in np.ndindex(x.shape[1:3]):
        copy = np.einsum("nk,uvck->nuvc", x[:, i, j], w)
        whole[:, i * stride : i * stride + w.shape[0], j * stride : j * stride + w.shape[1]] = copy
    return whole[:, padding : whole.shape[1] - padding, padding : whole.shape[2] - padding]


@mistake(
    "conv2d_transposed",
    "Your function takes the mean where copies overlap. They add up: no number is divided.",
    caught_by="test_conv2d_transposed_adds_where_copies_overlap",
)
def divides_by_the_number_of_copies(
    x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    copies = conv2d_transposed(np.ones_like(x), np.ones_like(w), stride, padding) / x.shape[3]
    return conv2d_transposed(x, w, stride, padding) / np.maximum(copies, 1)


@mistake(
    "conv2d_transposed",
    "Your function ignores the padding. It says how many rows and columns are cut off on each side at the "
    "end.",
    caught_by="test_conv2d_transposed_cuts_the_padding_off",
)
def forgets_to_cut(x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0) -> np.ndarray:
    conv2d_transposed(x, w, stride, padding)
    return conv2d_transposed(x, w, stride)


@mistake(
    "conv2d_transposed",
    "Your function puts zeros around the result. Padding works the other way here: what the convolution has "
    "put around its images is cut off.",
    caught_by="test_conv2d_transposed_cuts_the_padding_off",
)
def puts_zeros_around_the_result(
    x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    whole = conv2d_transposed(x, w, stride)
    conv2d_transposed(x, w, stride, padding)
    return np.pad(whole, ((0, 0), (padding, padding), (padding, padding), (0, 0)))


@mistake(
    "conv2d_transposed",
    "Your function puts zeros around the maps before it begins, so the result grows. Padding works the other "
    "way here: rows and columns are cut off the result.",
    caught_by="test_conv2d_transposed_cuts_the_padding_off",
)
def puts_zeros_around_the_maps(x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0) -> np.ndarray:
    conv2d_transposed(x, w, stride, padding)
    return conv2d_transposed(np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0))), w, stride)


@mistake(
    "conv2d_transposed",
    "Your function cuts the padding off at the bottom and on the right only. It is cut off on all four sides.",
    caught_by="test_conv2d_transposed_cuts_the_padding_off",
)
def cuts_at_the_end_only(x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0) -> np.ndarray:
    conv2d_transposed(x, w, stride, padding)
    whole = conv2d_transposed(x, w, stride)
    return whole[:, : whole.shape[1] - padding, : whole.shape[2] - padding]


@mistake(
    "conv2d_transposed",
    "Your function cuts rows off, but no columns. Cut the width as well.",
    caught_by="test_conv2d_transposed_cuts_the_padding_off",
)
def cuts_rows_only(x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0) -> np.ndarray:
    conv2d_transposed(x, w, stride, padding)
    whole = conv2d_transposed(x, w, stride)
    return whole[:, padding : whole.shape[1] - padding]


@mistake(
    "conv2d_transposed",
    "Your maps are stride times as large as those that came in. The last copy reaches further: they are (H − "
    "1) · stride + F_h long, before the padding is cut off.",
    caught_by="test_conv2d_transposed_adds_where_copies_overlap",
)
def makes_maps_stride_times_as_large(
    x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    out = conv2d_transposed(x, w, stride, padding)
    return out[:, : x.shape[1] * stride, : x.shape[2] * stride]


@mistake(
    "conv2d_transposed",
    "Channels and filters are swapped: the maps that come in meet the last axis of w, and the third makes the "
    "channels that go out.",
    caught_by="test_conv2d_transposed_goes_from_filters_to_channels",
)
def goes_from_channels_to_filters(
    x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    conv2d_transposed(x, w, stride, padding)
    return conv2d_transposed(x, w.transpose(0, 1, 3, 2), stride, padding)


@mistake(
    "conv2d_transposed",
    "Your function uses the first map only. Each of the K maps lays down copies of its own filter, and all of "
    "them add up.",
    caught_by="test_conv2d_transposed_goes_from_filters_to_channels",
)
def lays_down_the_first_filter_only(
    x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    conv2d_transposed(x, w, stride, padding)
    return conv2d_transposed(x[..., :1], w[..., :1], stride, padding)


@mistake(
    "conv2d_transposed",
    "All your channels are the first one. Channel c is made with w[:, :, c].",
    caught_by="test_conv2d_transposed_goes_from_filters_to_channels",
)
def makes_all_channels_alike(x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0) -> np.ndarray:
    return conv2d_transposed(x, np.broadcast_to(w[:, :, :1], w.shape), stride, padding)


@mistake(
    "conv2d_transposed",
    "Your function adds the channels up. The result has C of them: sum over the filters K alone.",
    caught_by="test_conv2d_transposed_goes_from_filters_to_channels",
)
def makes_one_channel(x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0) -> np.ndarray:
    return conv2d_transposed(x, w, stride, padding).sum(axis=3, keepdims=True)


@mistake(
    "conv2d_transposed",
    "Your function answers for the first image only. Every image of the batch has a result of its own.",
    caught_by="test_conv2d_transposed_adds_where_copies_overlap",
)
def lays_down_one_image(x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0) -> np.ndarray:
    return conv2d_transposed(x[:1], w, stride, padding)


@mistake(
    "conv2d_transposed",
    "Height and width of your result are swapped: what belongs at [n, i, j] stands at [n, j, i].",
    caught_by="test_conv2d_transposed_keeps_all_sizes_apart",
)
def turns_the_result_over(x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0) -> np.ndarray:
    return conv2d_transposed(x, w, stride, padding).transpose(0, 2, 1, 3)


@mistake(
    "conv2d_transposed",
    "Your function answers where filters and maps do not fit together, or where the padding leaves no row or "
    "no column. Compare the shapes first and raise ValueError.",
    caught_by="test_conv2d_transposed_refuses_what_does_not_fit",
)
def returns_empty_maps(x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0) -> np.ndarray:
    return _lay_down(x, w, stride, padding)


@mistake(
    "conv2d_transposed",
    "Your function refuses too large a padding, but not another number of filters: NumPy repeats a single one "
    "silently. Compare the last axes too.",
    caught_by="test_conv2d_transposed_refuses_what_does_not_fit",
)
def repeats_a_single_map(x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0) -> np.ndarray:
    number = max(x.shape[3], w.shape[3])
    maps = np.broadcast_to(x, (*x.shape[:3], number))
    return conv2d_transposed(maps, np.broadcast_to(w, (*w.shape[:3], number)), stride, padding)


@mistake(
    "conv2d_transposed",
    "Your function compares the number of filters with that of the maps, but lets any padding through. Where "
    "no row or no column is left, raise ValueError.",
    caught_by="test_conv2d_transposed_refuses_what_does_not_fit",
)
def compares_the_filters_alone(x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0) -> np.ndarray:
    if x.shape[3] != w.shape[3]:
        raise ValueError("another number of filters")
    return _lay_down(x, w, stride, padding)


@mistake(
    "conv2d_transposed",
    "Your result has float32's seven digits, though float64 came in. Give the array of zeros the dtype that "
    "the inputs lead to, or leave it at NumPy's float64.",
    caught_by="test_conv2d_transposed_keeps_every_digit",
)
def makes_a_result_of_float32(x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0) -> np.ndarray:
    return conv2d_transposed(x, w, stride, padding).astype(np.float32)


@alternative("conv2d_transposed")
def takes_the_gradient_of_the_convolution(
    x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    H_out, W_out = ((x.shape[a] - 1) * stride + w.shape[a - 1] - 2 * padding for a in (1, 2))
    if x.shape[3] != w.shape[3] or H_out < 1 or W_out < 1:
        raise ValueError("does not fit")
    images = np.zeros((len(x), H_out, W_out, w.shape[2]))
    return conv2d_backward(x, images, w, stride, padding)[0]


@alternative("conv2d_transposed")
def puts_zeros_between_and_correlates_with_turned_filters(
    x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    H_out, W_out = ((x.shape[a] - 1) * stride + w.shape[a - 1] - 2 * padding for a in (1, 2))
    if x.shape[3] != w.shape[3] or H_out < 1 or W_out < 1:
        raise ValueError("does not fit")
    F_h, F_w, C, _ = w.shape
    spread = np.zeros((len(x), H_out + 2 * padding - F_h + 1, W_out + 2 * padding - F_w + 1, x.shape[3]))
    spread[:, ::stride, ::stride] = x
    framed = np.pad(spread, ((0, 0), (F_h - 1, F_h - 1), (F_w - 1, F_w - 1), (0, 0)))
    whole = conv2d(framed, w[::-1, ::-1].transpose(0, 1, 3, 2), np.zeros(C))
    return whole[:, padding : padding + H_out, padding : padding + W_out]


@alternative("conv2d_transposed")
def lays_copies_down_one_by_one(
    x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    H_out, W_out = ((x.shape[a] - 1) * stride + w.shape[a - 1] - 2 * padding for a in (1, 2))
    if x.shape[3] != w.shape[3] or H_out < 1 or W_out < 1:
        raise ValueError("does not fit")
    F_h, F_w, C, _ = w.shape
    whole = np.zeros((len(x), H_out + 2 * padding, W_out + 2 * padding, C))
    for n, i, j, k in np.ndindex(x.shape):
        whole[n, i * stride : i * stride + F_h, j * stride : j * stride + F_w] += x[n, i, j, k] * w[..., k]
    return whole[:, padding : padding + H_out, padding : padding + W_out]


@alternative("conv2d_transposed")
def carries_rows_back_with_col2im(
    x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    H_out, W_out = ((x.shape[a] - 1) * stride + w.shape[a - 1] - 2 * padding for a in (1, 2))
    if x.shape[3] != w.shape[3] or H_out < 1 or W_out < 1:
        raise ValueError("does not fit")
    rows = x.reshape(-1, x.shape[3]) @ w.reshape(-1, w.shape[3]).T
    shape = (len(x), H_out, W_out, w.shape[2])
    return col2im(rows, shape, w.shape[0], w.shape[1], stride, padding)


@alternative("conv2d_transposed")
def multiplies_with_the_transposed_matrix(
    x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    H_out, W_out = ((x.shape[a] - 1) * stride + w.shape[a - 1] - 2 * padding for a in (1, 2))
    if x.shape[3] != w.shape[3] or H_out < 1 or W_out < 1:
        raise ValueError("does not fit")
    shape = (H_out, W_out, w.shape[2])
    pixels = np.eye(math.prod(shape)).reshape(-1, *shape)  # row p of the matrix: what pixel p gives
    matrix = conv2d(pixels, w, np.zeros(w.shape[3]), stride, padding).reshape(len(pixels), -1)
    return (x.reshape(len(x), -1) @ matrix.T).reshape(len(x), *shape)


@alternative("conv2d_transposed")
def convolves_with_scipy_in_full(
    x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    H_out, W_out = ((x.shape[a] - 1) * stride + w.shape[a - 1] - 2 * padding for a in (1, 2))
    if x.shape[3] != w.shape[3] or H_out < 1 or W_out < 1:
        raise ValueError("does not fit")
    from scipy import signal

    whole = np.zeros((len(x), H_out + 2 * padding, W_out + 2 * padding, w.shape[2]))
    for n, c, k in np.ndindex(len(x), *w.shape[2:]):
        spread = np.zeros(((x.shape[1] - 1) * stride + 1, (x.shape[2] - 1) * stride + 1))
        spread[::stride, ::stride] = x[n, ..., k]
        whole[n, ..., c] += signal.convolve2d(spread, w[..., c, k])
    return whole[:, padding : padding + H_out, padding : padding + W_out]
