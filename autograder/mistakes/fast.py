"""Mistakes and alternatives of chapter 9, fast."""

import math

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from solutions.backprop import conv2d_backward
from solutions.fast import col2im, conv2d_fast, conv2d_fast_backward, im2col
from solutions.padding import conv2d, zero_pad

from . import alternative, mistake

Shape = tuple[int, int, int, int]
Three = tuple[np.ndarray, np.ndarray, np.ndarray]


def _windows(x: np.ndarray, filter_h: int, filter_w: int, stride: int, padding: int) -> np.ndarray:
    """Every window of the padded batch: a view (N, H', W', C, F_h, F_w)."""
    views = sliding_window_view(zero_pad(x, padding), (filter_h, filter_w), axis=(1, 2))
    return views[:, ::stride, ::stride]


def _places(shape: Shape, filter_h: int, filter_w: int, stride: int, padding: int) -> tuple[int, int]:
    """(H', W') of a batch of that shape."""
    return (shape[1] - filter_h + 2 * padding) // stride + 1, (
        shape[2] - filter_w + 2 * padding
    ) // stride + 1


# im2col


@mistake(
    "im2col",
    "Your rows hold one channel after the other. The channels of a pixel stand side by side: move the channel axis to the "
    "end before you reshape.",
    caught_by="test_im2col_puts_the_channels_of_a_pixel_side_by_side",
)
def puts_channel_after_channel(
    x: np.ndarray, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return _windows(x, filter_h, filter_w, stride, padding).reshape(-1, x.shape[3] * filter_h * filter_w)


@mistake(
    "im2col",
    "Your rows go down the columns of each window. A row holds the window row by row.",
    caught_by="test_im2col_on_a_hand_worked_image",
)
def goes_down_each_window(
    x: np.ndarray, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    windows = _windows(x, filter_h, filter_w, stride, padding)
    return windows.transpose(0, 1, 2, 5, 4, 3).reshape(-1, filter_h * filter_w * x.shape[3])


@mistake(
    "im2col",
    "Your rows hold the channels in reverse order: the last channel of a pixel comes first.",
    caught_by="test_im2col_puts_the_channels_of_a_pixel_side_by_side",
)
def turns_the_channels_around(
    x: np.ndarray, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return im2col(x[..., ::-1], filter_h, filter_w, stride, padding)


@mistake(
    "im2col",
    "Your rows hold each window from its end to its start, so the filters would be turned. Keep the pixels in their order.",
    caught_by="test_im2col_on_a_hand_worked_image",
)
def turns_each_window(
    x: np.ndarray, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    windows = _windows(x, filter_h, filter_w, stride, padding)[..., ::-1, ::-1]
    return windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, filter_h * filter_w * x.shape[3])


@mistake(
    "im2col",
    "Your rows go place by place, and at each place through the pictures. All rows of the first picture come first, then "
    "those of the second.",
    caught_by="test_im2col_goes_picture_by_picture_and_row_by_row",
)
def goes_place_by_place(
    x: np.ndarray, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    windows = _windows(x, filter_h, filter_w, stride, padding)
    return windows.transpose(1, 2, 0, 4, 5, 3).reshape(-1, filter_h * filter_w * x.shape[3])


@mistake(
    "im2col",
    "Your rows go down the image, column by column. Go row by row: all places of the first row from left to right, then "
    "the next.",
    caught_by="test_im2col_goes_picture_by_picture_and_row_by_row",
)
def goes_down_the_image(
    x: np.ndarray, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    windows = _windows(x, filter_h, filter_w, stride, padding)
    return windows.transpose(0, 2, 1, 4, 5, 3).reshape(-1, filter_h * filter_w * x.shape[3])


@mistake(
    "im2col",
    "Your result is transposed: each window is a column. Here each window is a row.",
    caught_by="test_im2col_moves_by_its_stride",
)
def makes_columns_of_windows(
    x: np.ndarray, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return im2col(x, filter_h, filter_w, stride, padding).T


@mistake(
    "im2col",
    "Your windows have the right order, but as six axes. Join the first three and the last three with reshape: two axes.",
    caught_by="test_im2col_on_a_hand_worked_image",
)
def keeps_six_axes(
    x: np.ndarray, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return _windows(x, filter_h, filter_w, stride, padding).transpose(0, 1, 2, 4, 5, 3)


@mistake(
    "im2col",
    "Your function ignores the stride. Window [i, j] begins at [i · stride, j · stride] of the padded image, and there are "
    "fewer of them.",
    caught_by="test_im2col_moves_by_its_stride",
)
def takes_every_window(
    x: np.ndarray, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return im2col(x, filter_h, filter_w, 1, padding)


@mistake(
    "im2col",
    "Your function strides down, but moves by one pixel across. The stride holds for both axes.",
    caught_by="test_im2col_moves_by_its_stride",
)
def strides_down_alone(
    x: np.ndarray, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    windows = _windows(x, filter_h, filter_w, 1, padding)[:, ::stride]
    return windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, filter_h * filter_w * x.shape[3])


@mistake(
    "im2col",
    "You have the right number of windows, but window [i, j] begins at pixel [i, j]. Multiply both by the stride.",
    caught_by="test_im2col_moves_by_its_stride",
)
def begins_windows_at_their_number(
    x: np.ndarray, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    down, across = _places(x.shape, filter_h, filter_w, stride, padding)
    windows = _windows(x, filter_h, filter_w, 1, padding)[:, :down, :across]
    return windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, filter_h * filter_w * x.shape[3])


@mistake(
    "im2col",
    "Your function takes a window too many where the steps do not come out even: it reaches past the edge. Round down when "
    "you divide by the stride.",
    caught_by="test_im2col_moves_by_its_stride",
)
def takes_windows_past_the_edge(
    x: np.ndarray, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    padded = zero_pad(x, padding)
    short = [-(padded.shape[axis] - size) % stride for axis, size in ((1, filter_h), (2, filter_w))]
    return im2col(np.pad(padded, ((0, 0), (0, short[0]), (0, short[1]), (0, 0))), filter_h, filter_w, stride)


@mistake(
    "im2col",
    "The last place of each row and the last row of places are missing: add 1 to the number of steps, for the place before "
    "the first.",
    caught_by="test_im2col_on_a_hand_worked_image",
)
def forgets_the_last_windows(
    x: np.ndarray, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    windows = _windows(x, filter_h, filter_w, stride, padding)[:, :-1, :-1]
    return windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, filter_h * filter_w * x.shape[3])


@mistake(
    "im2col",
    "Your function ignores the padding. Put a frame of zeros around every image first.",
    caught_by="test_im2col_pads_every_side_with_zeros",
)
def takes_unpadded_windows(
    x: np.ndarray, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return im2col(x, filter_h, filter_w, stride)


@mistake(
    "im2col",
    "All your zeros stand after the images, below and to the right. Half of them belong before.",
    caught_by="test_im2col_pads_every_side_with_zeros",
)
def frames_two_sides(
    x: np.ndarray, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    padded = np.pad(x, ((0, 0), (0, 2 * padding), (0, 2 * padding), (0, 0)))
    return im2col(padded, filter_h, filter_w, stride)


@mistake(
    "im2col",
    "Your frame repeats the pixels at the border. It should be made of zeros.",
    caught_by="test_im2col_pads_every_side_with_zeros",
)
def frames_with_the_border(
    x: np.ndarray, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    around = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    return im2col(np.pad(x, around, mode="edge"), filter_h, filter_w, stride)


@mistake(
    "im2col",
    "Height and width of your windows are swapped: filter_h counts rows, filter_w columns.",
    caught_by="test_im2col_puts_the_channels_of_a_pixel_side_by_side",
)
def swaps_the_sides_of_windows(
    x: np.ndarray, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return im2col(x, filter_w, filter_h, stride, padding)


@mistake(
    "im2col",
    "Your function takes windows from the first picture only. Every picture of the batch has rows of its own.",
    caught_by="test_im2col_goes_picture_by_picture_and_row_by_row",
)
def unrolls_the_first_picture(
    x: np.ndarray, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return im2col(x[:1], filter_h, filter_w, stride, padding)


@mistake(
    "im2col",
    "The values are right, but the dtype is not that of the images. An array from np.zeros or np.empty is float64 unless it "
    "is told otherwise.",
    caught_by="test_im2col_keeps_the_dtype",
)
def fills_rows_of_float64(
    x: np.ndarray, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return im2col(x, filter_h, filter_w, stride, padding).astype(np.float64)


@mistake(
    "im2col",
    "Your rows go through float32, which keeps some seven digits. float64 has sixteen: make the array in the dtype of x.",
    caught_by="test_im2col_keeps_the_dtype",
)
def unrolls_in_float32(
    x: np.ndarray, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return im2col(x.astype(np.float32), filter_h, filter_w, stride, padding).astype(x.dtype)


@alternative("im2col")
def copies_window_by_window(
    x: np.ndarray, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    padded, (down, across) = zero_pad(x, padding), _places(x.shape, filter_h, filter_w, stride, padding)
    rows = [
        padded[n, i * stride : i * stride + filter_h, j * stride : j * stride + filter_w].ravel()
        for n, i, j in np.ndindex(len(x), down, across)
    ]
    return np.array(rows)


@alternative("im2col")
def copies_pixel_by_pixel(
    x: np.ndarray, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    padded, (down, across) = zero_pad(x, padding), _places(x.shape, filter_h, filter_w, stride, padding)
    out = np.empty((len(x), down, across, filter_h, filter_w, x.shape[3]), dtype=x.dtype)
    for u, v in np.ndindex(filter_h, filter_w):
        out[:, :, :, u, v] = padded[:, u:, v:][:, ::stride, ::stride][:, :down, :across]
    return out.reshape(len(x) * down * across, -1)


@alternative("im2col")
def unrolls_with_strides(
    x: np.ndarray, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    padded, (down, across) = zero_pad(x, padding), _places(x.shape, filter_h, filter_w, stride, padding)
    n, i, j, c = padded.strides
    shape = (len(x), down, across, filter_h, filter_w, x.shape[3])
    views = as_strided(padded, shape, (n, i * stride, j * stride, i, j, c), writeable=False)
    return np.asfortranarray(views.reshape(len(x) * down * across, -1))


@alternative("im2col")
def unrolls_with_indices(
    x: np.ndarray, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    down, across = _places(x.shape, filter_h, filter_w, stride, padding)
    i = stride * np.arange(down)[:, None, None, None] + np.arange(filter_h)[:, None]
    j = stride * np.arange(across)[:, None, None] + np.arange(filter_w)
    return zero_pad(x, padding)[:, i, j].reshape(len(x) * down * across, -1)


# col2im


def _stamp(
    columns: np.ndarray, x_shape: Shape, filter_h: int, filter_w: int, stride: int, padding: int, begin: int
) -> np.ndarray:
    """Add windows up, each beginning at its number times `begin`; the result keeps its padding."""
    N, H, W, C = x_shape
    down, across = _places(x_shape, filter_h, filter_w, stride, padding)
    grid = columns.reshape(N, down, across, filter_h, filter_w, C)
    out = np.zeros((N, H + 2 * padding, W + 2 * padding, C), dtype=columns.dtype)
    for i, j in np.ndindex(down, across):
        out[:, i * begin : i * begin + filter_h, j * begin : j * begin + filter_w] += grid[:, i, j]
    return out


@mistake(
    "col2im",
    "Where windows overlap, your function keeps the last one only. Add up what comes back to a pixel: += in place of =; and "
    "if you write to an array of places in which a pixel stands several times, np.add.at, for += adds once.",
    caught_by="test_col2im_on_a_hand_worked_image",
)
def overwrites_what_came_before(
    columns: np.ndarray, x_shape: Shape, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    N, H, W, C = x_shape
    down, across = _places(x_shape, filter_h, filter_w, stride, padding)
    grid = columns.reshape(N, down, across, filter_h, filter_w, C)
    out = np.zeros((N, H + 2 * padding, W + 2 * padding, C), dtype=columns.dtype)
    for i, j in np.ndindex(down, across):
        out[:, i * stride : i * stride + filter_h, j * stride : j * stride + filter_w] = grid[:, i, j]
    return out[:, padding : padding + H, padding : padding + W]


@mistake(
    "col2im",
    "Your function averages what comes back to a pixel from several windows. The adjoint of copying is adding up.",
    caught_by="test_col2im_on_a_hand_worked_image",
)
def averages_overlaps(
    columns: np.ndarray, x_shape: Shape, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    counts = col2im(np.ones_like(columns), x_shape, filter_h, filter_w, stride, padding)
    return col2im(columns, x_shape, filter_h, filter_w, stride, padding) / np.maximum(counts, 1)


@mistake(
    "col2im",
    "Your function takes the numbers of a row channel by channel. In a row of im2col the channels of a pixel stand side by "
    "side.",
    caught_by="test_col2im_knows_the_order_within_a_row",
)
def takes_channel_after_channel(
    columns: np.ndarray, x_shape: Shape, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    rows = columns.reshape(len(columns), x_shape[3], -1).transpose(0, 2, 1).reshape(columns.shape)
    return col2im(rows, x_shape, filter_h, filter_w, stride, padding)


@mistake(
    "col2im",
    "Your function takes the numbers of a row down the columns of the window. In a row of im2col a window stands row by row.",
    caught_by="test_col2im_on_a_hand_worked_image",
)
def fills_windows_downwards(
    columns: np.ndarray, x_shape: Shape, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    rows = columns.reshape(len(columns), filter_w, filter_h, -1).transpose(0, 2, 1, 3).reshape(columns.shape)
    return col2im(rows, x_shape, filter_h, filter_w, stride, padding)


@mistake(
    "col2im",
    "Your function puts each window back turned by 180°. Nothing is turned: a number returns to the pixel it came from.",
    caught_by="test_col2im_on_a_hand_worked_image",
)
def puts_windows_back_turned(
    columns: np.ndarray, x_shape: Shape, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    rows = columns.reshape(len(columns), -1, x_shape[3])[:, ::-1].reshape(columns.shape)
    return col2im(rows, x_shape, filter_h, filter_w, stride, padding)


@mistake(
    "col2im",
    "Your function takes the rows place by place, and at each place from all pictures. In im2col all rows of the first "
    "picture come first.",
    caught_by="test_col2im_knows_the_order_of_the_rows",
)
def takes_rows_place_by_place(
    columns: np.ndarray, x_shape: Shape, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    rows = columns.reshape(-1, x_shape[0], columns.shape[1]).transpose(1, 0, 2).reshape(columns.shape)
    return col2im(rows, x_shape, filter_h, filter_w, stride, padding)


@mistake(
    "col2im",
    "Your function takes the rows column by column of places. In im2col they go row by row, from left to right.",
    caught_by="test_col2im_knows_the_order_of_the_rows",
)
def takes_rows_down_the_image(
    columns: np.ndarray, x_shape: Shape, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    down, across = _places(x_shape, filter_h, filter_w, stride, padding)
    rows = columns.reshape(len(columns) // (down * across), across, down, -1).transpose(0, 2, 1, 3)
    return col2im(rows.reshape(columns.shape), x_shape, filter_h, filter_w, stride, padding)


@mistake(
    "col2im",
    "Your function puts window [i, j] back at pixel [i, j]. With a stride s it began at [i · s, j · s].",
    caught_by="test_col2im_moves_by_its_stride",
)
def puts_windows_back_without_stride(
    columns: np.ndarray, x_shape: Shape, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    out = _stamp(columns, x_shape, filter_h, filter_w, stride, padding, begin=1)
    return out[:, padding : padding + x_shape[1], padding : padding + x_shape[2]]


@mistake(
    "col2im",
    "Your function works out the number of places without the stride, so the rows do not fit. Divide by the stride, round "
    "down, add 1.",
    caught_by="test_col2im_moves_by_its_stride",
)
def counts_places_without_stride(
    columns: np.ndarray, x_shape: Shape, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return col2im(columns, x_shape, filter_h, filter_w, 1, padding)


@mistake(
    "col2im",
    "Your result ends with the last window. Pixels at the end that no window saw belong to the image too, and get 0: begin "
    "with zeros of the padded images' shape.",
    caught_by="test_col2im_moves_by_its_stride",
)
def ends_with_the_last_window(
    columns: np.ndarray, x_shape: Shape, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    down, across = _places(x_shape, filter_h, filter_w, stride, padding)
    back = col2im(columns, x_shape, filter_h, filter_w, stride, padding)
    return back[:, : (down - 1) * stride + filter_h - padding, : (across - 1) * stride + filter_w - padding]


@mistake(
    "col2im",
    "Your result still has the border of the padding. Cut it off: the result has the shape x_shape.",
    caught_by="test_col2im_drops_what_fell_on_the_padding",
)
def keeps_the_border(
    columns: np.ndarray, x_shape: Shape, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return _stamp(columns, x_shape, filter_h, filter_w, stride, padding, begin=stride)


@mistake(
    "col2im",
    "Your result is cut from the top left corner of the padded sums. The image begins p rows down and p columns to the "
    "right.",
    caught_by="test_col2im_drops_what_fell_on_the_padding",
)
def cuts_out_the_corner(
    columns: np.ndarray, x_shape: Shape, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    out = _stamp(columns, x_shape, filter_h, filter_w, stride, padding, begin=stride)
    return out[:, : x_shape[1], : x_shape[2]]


@mistake(
    "col2im",
    "Without padding your result is empty: a slice [p:-p] is [0:-0] there, and -0 is 0. Write its end from the front: p + H.",
    caught_by="test_col2im_on_a_hand_worked_image",
)
def cuts_up_to_minus_zero(
    columns: np.ndarray, x_shape: Shape, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    out = _stamp(columns, x_shape, filter_h, filter_w, stride, padding, begin=stride)
    return out[:, padding:-padding, padding:-padding]


@mistake(
    "col2im",
    "Your function forgets the padding, so the number of places is wrong and the rows do not fit. Add 2 · padding to the "
    "size.",
    caught_by="test_col2im_drops_what_fell_on_the_padding",
)
def counts_places_without_padding(
    columns: np.ndarray, x_shape: Shape, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return col2im(columns, x_shape, filter_h, filter_w, stride)


@mistake(
    "col2im",
    "Every picture gets the sums over all pictures. Keep the pictures apart.",
    caught_by="test_col2im_knows_the_order_of_the_rows",
)
def adds_all_pictures_up(
    columns: np.ndarray, x_shape: Shape, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    back = col2im(columns, x_shape, filter_h, filter_w, stride, padding)
    return np.broadcast_to(back.sum(axis=0), x_shape)


@mistake(
    "col2im",
    "The values are right, but the dtype is not that of the columns. An array from np.zeros is float64 unless it is told "
    "otherwise.",
    caught_by="test_col2im_keeps_the_dtype",
)
def adds_up_in_float64(
    columns: np.ndarray, x_shape: Shape, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return col2im(columns.astype(np.float64), x_shape, filter_h, filter_w, stride, padding)


@mistake(
    "col2im",
    "Your sums go through float32, which keeps some seven digits. float64 has sixteen: add up in the dtype of the columns.",
    caught_by="test_col2im_keeps_the_dtype",
)
def adds_up_in_float32(
    columns: np.ndarray, x_shape: Shape, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    sums = col2im(columns.astype(np.float32), x_shape, filter_h, filter_w, stride, padding)
    return sums.astype(columns.dtype)


@alternative("col2im")
def adds_window_by_window(
    columns: np.ndarray, x_shape: Shape, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    out = _stamp(columns, x_shape, filter_h, filter_w, stride, padding, begin=stride)
    return out[:, padding : padding + x_shape[1], padding : padding + x_shape[2]]


@alternative("col2im")
def adds_tap_by_tap(
    columns: np.ndarray, x_shape: Shape, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    N, H, W, C = x_shape
    down, across = _places(x_shape, filter_h, filter_w, stride, padding)
    grid = columns.reshape(N, down, across, filter_h, filter_w, C)
    out = np.zeros((N, H + 2 * padding, W + 2 * padding, C), dtype=columns.dtype, order="F")
    for u, v in np.ndindex(filter_h, filter_w):
        out[:, u : u + stride * down : stride, v : v + stride * across : stride] += grid[:, :, :, u, v]
    return out[:, padding : padding + H, padding : padding + W]


@alternative("col2im")
def adds_at_places(
    columns: np.ndarray, x_shape: Shape, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    out = np.zeros(math.prod(x_shape) + 1, dtype=columns.dtype)
    at = im2col(1 + np.arange(math.prod(x_shape)).reshape(x_shape), filter_h, filter_w, stride, padding)
    np.add.at(out, at, columns)
    return out[1:].reshape(x_shape)


@alternative("col2im")
def counts_with_weights(
    columns: np.ndarray, x_shape: Shape, filter_h: int, filter_w: int, stride: int = 1, padding: int = 0
) -> np.ndarray:
    at = im2col(1 + np.arange(math.prod(x_shape)).reshape(x_shape), filter_h, filter_w, stride, padding)
    sums = np.bincount(at.ravel(), weights=columns.ravel(), minlength=math.prod(x_shape) + 1)
    return sums[1:].reshape(x_shape).astype(columns.dtype)


# conv2d_fast


def _rows(x: np.ndarray, w: np.ndarray, stride: int, padding: int) -> tuple[np.ndarray, tuple[int, int, int]]:
    """The windows as rows, and (N, H', W'); ValueError if the filters do not fit."""
    down, across = _places(x.shape, w.shape[0], w.shape[1], stride, padding)
    if x.shape[3] != w.shape[2] or min(down, across) < 1:
        raise ValueError(f"filters {w.shape} do not fit on images {x.shape} with padding {padding}")
    return im2col(x, w.shape[0], w.shape[1], stride, padding), (len(x), down, across)


@mistake(
    "conv2d_fast",
    "Your filters are turned by 180°. A convolution layer correlates: use each filter as it stands.",
    caught_by="test_conv2d_fast_uses_each_filter_as_it_stands",
)
def turns_the_filters(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d_fast(x, w[::-1, ::-1], b, stride, padding)


@mistake(
    "conv2d_fast",
    "The rows of your filter matrix are in another order than your columns: transpose(1, 0, …) turns each filter's rows to "
    "columns. Reshape w as it stands.",
    caught_by="test_conv2d_fast_uses_each_filter_as_it_stands",
)
def lays_the_filters_on_their_side(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    columns, size = _rows(x, w, stride, padding)
    return (columns @ w.transpose(1, 0, 2, 3).reshape(-1, w.shape[3]) + b).reshape(*size, -1)


@mistake(
    "conv2d_fast",
    "Your filter matrix is w.reshape(K, −1), transposed. The filters are the last axis of w: reshape(−1, K) keeps each "
    "filter together, the other order scrambles them.",
    caught_by="test_conv2d_fast_uses_each_filter_as_it_stands",
)
def reads_the_filters_first(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    columns, size = _rows(x, w, stride, padding)
    return (columns @ w.reshape(w.shape[3], -1).T + b).reshape(*size, -1)


@mistake(
    "conv2d_fast",
    "Your columns hold one channel after the other, but the filters have the channels of a pixel side by side. Both need the "
    "same order.",
    caught_by="test_conv2d_fast_uses_each_filter_as_it_stands",
)
def unrolls_channel_after_channel(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    _, size = _rows(x, w, stride, padding)
    columns = puts_channel_after_channel(x, w.shape[0], w.shape[1], stride, padding)
    return (columns @ w.reshape(-1, w.shape[3]) + b).reshape(*size, -1)


@mistake(
    "conv2d_fast",
    "Your product has its rows in the order of places, then pictures, but reshape reads them picture by picture. Unroll with "
    "the axis of the pictures first.",
    caught_by="test_conv2d_fast_on_hand_worked_images",
)
def mixes_places_and_pictures(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    _, size = _rows(x, w, stride, padding)
    columns = goes_place_by_place(x, w.shape[0], w.shape[1], stride, padding)
    return (columns @ w.reshape(-1, w.shape[3]) + b).reshape(*size, -1)


@mistake(
    "conv2d_fast",
    "Your result is reshaped to (N, W′, H′, K): height comes first, then width.",
    caught_by="test_conv2d_fast_moves_by_its_stride",
)
def reshapes_to_width_and_height(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    out = conv2d_fast(x, w, b, stride, padding)
    return out.reshape(out.shape[0], out.shape[2], out.shape[1], out.shape[3])


@mistake(
    "conv2d_fast",
    "Your function leaves out the bias. Add b[k] to every entry of map k.",
    caught_by="test_conv2d_fast_on_hand_worked_images",
)
def forgets_the_bias(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d_fast(x, w, np.zeros_like(b), stride, padding)


@mistake(
    "conv2d_fast",
    "Every map gets the bias of the first filter. b[k] belongs to filter k.",
    caught_by="test_conv2d_fast_uses_each_filter_as_it_stands",
)
def adds_the_first_bias_to_all(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d_fast(x, w, np.full_like(b, b[0]), stride, padding)


@mistake(
    "conv2d_fast",
    "Your bias is added once for every pixel of the filter, inside the loop over its pixels. Add it once, after the loop.",
    caught_by="test_conv2d_fast_on_hand_worked_images",
)
def adds_the_bias_at_every_tap(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d_fast(x, w, b * (w.shape[0] * w.shape[1]), stride, padding)


@mistake(
    "conv2d_fast",
    "Your bias is added once for every channel. Add it once to every entry of the map, after the channels are summed.",
    caught_by="test_conv2d_fast_uses_each_filter_as_it_stands",
)
def adds_the_bias_for_every_channel(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d_fast(x, w, b * x.shape[3], stride, padding)


@mistake(
    "conv2d_fast",
    "Your function looks at the first channel only. A filter is as deep as the images: add the products of all channels.",
    caught_by="test_conv2d_fast_uses_each_filter_as_it_stands",
)
def convolves_the_first_channel(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    _rows(x, w, stride, padding)
    return conv2d_fast(x[..., :1], w[:, :, :1], b, stride, padding)


@mistake(
    "conv2d_fast",
    "Your channels are in reverse order: the first channel of the images meets the last of the filters.",
    caught_by="test_conv2d_fast_uses_each_filter_as_it_stands",
)
def meets_channels_in_reverse(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d_fast(x[..., ::-1], w, b, stride, padding)


@mistake(
    "conv2d_fast",
    "Your function counts a single channel for as many as the filters have: einsum and broadcasting repeat it silently. "
    "Compare the channels first and raise ValueError.",
    caught_by="test_conv2d_fast_with_filters_as_large_as_the_padded_images",
)
def lets_a_single_channel_through(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    if x.shape[3] == 1:
        x = np.repeat(x, w.shape[2], axis=3)
    return conv2d_fast(x, w, b, stride, padding)


@mistake(
    "conv2d_fast",
    "For filters one row or column larger than the padded images your function returns an empty array. Nothing fits: raise "
    "ValueError if H′ or W′ is less than 1.",
    caught_by="test_conv2d_fast_with_filters_as_large_as_the_padded_images",
)
def returns_maps_without_places(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    down, across = _places(x.shape, w.shape[0], w.shape[1], stride, padding)
    if x.shape[3] == w.shape[2] and min(down, across) == 0:
        return np.empty((len(x), down, across, w.shape[3]), dtype=np.result_type(x, w, b))
    return conv2d_fast(x, w, b, stride, padding)


@mistake(
    "conv2d_fast",
    "Your function ignores the stride. Window [i, j] begins at [i · stride, j · stride] of the padded image, and there are "
    "fewer of them.",
    caught_by="test_conv2d_fast_moves_by_its_stride",
)
def convolves_without_stride(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d_fast(x, w, b, 1, padding)


@mistake(
    "conv2d_fast",
    "Your map has the right size, but window [i, j] begins at pixel [i, j]. Multiply both by the stride.",
    caught_by="test_conv2d_fast_moves_by_its_stride",
)
def begins_at_the_number_of_the_place(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    _, (_, down, across) = _rows(x, w, stride, padding)
    return conv2d_fast(x, w, b, 1, padding)[:, :down, :across]


@mistake(
    "conv2d_fast",
    "Your function strides down, but moves by one pixel across. The stride holds for both axes.",
    caught_by="test_conv2d_fast_moves_by_its_stride",
)
def convolves_with_stride_down_only(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d_fast(x, w, b, 1, padding)[:, ::stride]


@mistake(
    "conv2d_fast",
    "Your map is too large where the steps do not come out even: its last window reaches past the edge. Round down when you "
    "divide by the stride.",
    caught_by="test_conv2d_fast_moves_by_its_stride",
)
def convolves_past_the_edge(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    _rows(x, w, stride, padding)
    padded = zero_pad(x, padding)
    short = [-(padded.shape[axis] - w.shape[axis - 1]) % stride for axis in (1, 2)]
    return conv2d_fast(np.pad(padded, ((0, 0), (0, short[0]), (0, short[1]), (0, 0))), w, b, stride)


@mistake(
    "conv2d_fast",
    "Your maps lack their last row and column: add 1 to the number of steps, for the place before the first.",
    caught_by="test_conv2d_fast_on_hand_worked_images",
)
def misses_the_last_places(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d_fast(x, w, b, stride, padding)[:, :-1, :-1]


@mistake(
    "conv2d_fast",
    "Your function ignores the padding. Put a frame of zeros around every image first.",
    caught_by="test_conv2d_fast_pads_every_side_with_zeros",
)
def convolves_without_padding(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d_fast(x, w, b, stride)


@mistake(
    "conv2d_fast",
    "Your size counts the padding once. There are zeros on both sides: 2 · padding.",
    caught_by="test_conv2d_fast_pads_every_side_with_zeros",
)
def counts_one_side_of_the_padding(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    out = conv2d_fast(x, w, b, stride, padding)
    down, across = ((x.shape[axis] - w.shape[axis - 1] + padding) // stride + 1 for axis in (1, 2))
    return out[:, :down, :across]


@mistake(
    "conv2d_fast",
    "All your zeros stand after the images, below and to the right. Half of them belong before.",
    caught_by="test_conv2d_fast_pads_every_side_with_zeros",
)
def pads_below_and_to_the_right(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    padded = np.pad(x, ((0, 0), (0, 2 * padding), (0, 2 * padding), (0, 0)))
    return conv2d_fast(padded, w, b, stride)


@mistake(
    "conv2d_fast",
    "Your frame repeats the pixels at the border. It should be made of zeros.",
    caught_by="test_conv2d_fast_pads_every_side_with_zeros",
)
def pads_with_border_pixels(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    around = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    return conv2d_fast(np.pad(x, around, mode="edge"), w, b, stride)


@mistake(
    "conv2d_fast",
    "Your function pads rows but no columns. Pad the width as well.",
    caught_by="test_conv2d_fast_pads_every_side_with_zeros",
)
def pads_the_height_only(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d_fast(np.pad(x, ((0, 0), (padding, padding), (0, 0), (0, 0))), w, b, stride)


@mistake(
    "conv2d_fast",
    "Your maps are the mean of the products. A filter answers with their sum.",
    caught_by="test_conv2d_fast_on_hand_worked_images",
)
def averages_the_products(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d_fast(x, w / np.asarray(math.prod(w.shape[:3]), w.dtype), b, stride, padding)


@mistake(
    "conv2d_fast",
    "Your maps hold no negative number: ReLU was applied as well. Here the maps are wanted as they are.",
    caught_by="test_conv2d_fast_on_hand_worked_images",
)
def cuts_the_maps_at_zero(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return np.maximum(conv2d_fast(x, w, b, stride, padding), 0)


@mistake(
    "conv2d_fast",
    "Your function answers for the first image only. Every image of the batch has maps of its own.",
    caught_by="test_conv2d_fast_on_hand_worked_images",
)
def convolves_the_first_image(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d_fast(x[:1], w, b, stride, padding)


@mistake(
    "conv2d_fast",
    "Your maps are the same for every image: the block's buffer is used again, and only its last maps are in the result. "
    "Write the maps of image n to out[n].",
    caught_by="test_conv2d_fast_on_hand_worked_images",
)
def shows_the_last_image_everywhere(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    out = conv2d_fast(x, w, b, stride, padding)
    return np.stack([out[-1]] * len(x))


@mistake(
    "conv2d_fast",
    "Your function works on whole blocks of images, and leaves out those at the end that fill no block. Let the last block "
    "be smaller.",
    caught_by="test_conv2d_fast_on_hand_worked_images",
)
def leaves_out_the_last_block(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    out = conv2d_fast(x, w, b, stride, padding)
    block = min(4, len(x))
    out[len(x) // block * block :] = 0
    return out


@mistake(
    "conv2d_fast",
    "Your result is (N, K, H′, W′), as PyTorch keeps it. In this course channels come last.",
    caught_by="test_conv2d_fast_uses_each_filter_as_it_stands",
)
def answers_with_maps_first(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return np.moveaxis(conv2d_fast(x, w, b, stride, padding), 3, 1)


@mistake(
    "conv2d_fast",
    "Your maps keep the dtype of the images. uint8 holds whole numbers from 0 to 255 only: give the result the dtype that "
    "images, filters and bias make together.",
    caught_by="test_conv2d_fast_keeps_all_sizes_and_dtypes_apart",
)
def answers_in_the_dtype_of_the_images(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # uint8 has no negative numbers
        return conv2d_fast(x, w, b, stride, padding).astype(x.dtype)


@mistake(
    "conv2d_fast",
    "Your function computes in float32 whatever comes in. That is fast, but where float64 goes in, half of its digits are "
    "lost: only float32 becomes float32.",
    caught_by="test_conv2d_fast_keeps_all_sizes_and_dtypes_apart",
)
def computes_in_float32(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    x32, w32, b32 = (array.astype(np.float32) for array in (x, w, b))
    out = conv2d_fast(x32, w32, b32, stride, padding)
    return out.astype(np.result_type(x, w, b, np.float32))


@mistake(
    "conv2d_fast",
    "Your result is float64 although x, w and b are float32. Somewhere in the middle an array without a dtype crept in, of "
    "np.zeros or np.empty: it doubles the work.",
    caught_by="test_conv2d_fast_keeps_all_sizes_and_dtypes_apart",
)
def computes_in_float64(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d_fast(x.astype(np.float64), w.astype(np.float64), b, stride, padding)


@mistake(
    "conv2d_fast",
    "Your function changes x. A part cut out with a slice is a view of x, so *= writes into the images: make a new array "
    "with * instead.",
    caught_by="test_conv2d_fast_uses_each_filter_as_it_stands",
)
def weighs_the_images_in_place(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    _, (_, down, across) = _rows(x, w, stride, padding)
    padded = zero_pad(x, padding) if padding else x
    out = np.zeros((len(x), down, across, w.shape[3]), dtype=np.result_type(x, w, b)) + b
    for (u, v, c, k), weight in np.ndenumerate(w):
        tap = padded[:, u : u + stride * down : stride, v : v + stride * across : stride, c]
        tap *= weight.astype(tap.dtype)
        out[..., k] += tap
    return out


# The first three win gold by far: the sample class takes them as other ways that get all points.


@alternative("conv2d_fast")
def unrolls_the_whole_batch(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    columns, size = _rows(x, w, stride, padding)
    return (columns @ w.reshape(-1, w.shape[3]) + b).reshape(*size, -1)


@alternative("conv2d_fast")
def unrolls_picture_by_picture(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return np.concatenate(
        [unrolls_the_whole_batch(x[n : n + 1], w, b, stride, padding) for n in range(len(x))]
    )


@alternative("conv2d_fast")
def contracts_with_tensordot(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    _rows(x, w, stride, padding)
    return (
        np.tensordot(_windows(x, w.shape[0], w.shape[1], stride, padding), w, axes=((4, 5, 3), (0, 1, 2))) + b
    )


@alternative("conv2d_fast")
def convolves_as_before(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    return conv2d(x, w, b, stride, padding).astype(np.result_type(x, w, b), copy=False)


@alternative("conv2d_fast")
def unrolls_windows_into_columns(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    columns, size = _rows(x, w, stride, padding)
    maps = (
        np.ascontiguousarray(w.reshape(-1, w.shape[3]).T) @ np.ascontiguousarray(columns.T) + b[:, np.newaxis]
    )
    return np.moveaxis(maps.reshape(-1, *size), 0, 3)  # a view whose memory is not in C order


@alternative("conv2d_fast")
def multiplies_tap_by_tap(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    _, (_, down, across) = _rows(x, w, stride, padding)
    padded = zero_pad(x, padding)
    out = np.zeros((len(x), down, across, w.shape[3]), dtype=np.result_type(x, w, b)) + b
    for u, v in np.ndindex(w.shape[:2]):
        out += padded[:, u : u + stride * down : stride, v : v + stride * across : stride] @ w[u, v]
    return out


@alternative("conv2d_fast")
def multiplies_place_by_place(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    _, (N, down, across) = _rows(x, w, stride, padding)
    padded, matrix = zero_pad(x, padding), w.reshape(-1, w.shape[3])
    out = np.empty((N, down, across, w.shape[3]), dtype=np.result_type(x, w, b), order="F")
    for i, j in np.ndindex(down, across):
        top, left = i * stride, j * stride
        window = padded[:, top : top + w.shape[0], left : left + w.shape[1]]
        out[:, i, j] = window.reshape(N, -1) @ matrix + b
    return out


@alternative("conv2d_fast")
def contracts_with_einsum(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    _rows(x, w, stride, padding)
    windows = _windows(x, w.shape[0], w.shape[1], stride, padding)
    return np.einsum("nijcuv,uvck->nijk", windows, w, optimize=True) + b


@alternative("conv2d_fast")
def contracts_with_plain_einsum(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    _rows(x, w, stride, padding)
    return np.einsum("nijcuv,uvck->nijk", _windows(x, w.shape[0], w.shape[1], stride, padding), w) + b


@alternative("conv2d_fast")
def transforms_with_fft(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    _rows(x, w, stride, padding)
    padded = zero_pad(x, padding)
    size, dtype = padded.shape[1:3], np.result_type(x, w, b)
    # the conjugate turns a product of spectra, a circular convolution, into a circular correlation
    images = np.fft.rfft2(padded, axes=(1, 2)).transpose(1, 2, 0, 3)
    filters = np.fft.rfft2(w, s=size, axes=(0, 1)).conj()
    circular = np.fft.irfft2((images @ filters).transpose(2, 0, 1, 3), s=size, axes=(1, 2))
    fits = circular[:, : size[0] - w.shape[0] + 1 : stride, : size[1] - w.shape[1] + 1 : stride]
    return fits.astype(dtype) + b


@alternative("conv2d_fast")
def loops_four_times(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    _, (N, down, across) = _rows(x, w, stride, padding)
    padded = zero_pad(x, padding)
    out = np.empty((N, down, across, w.shape[3]), dtype=np.result_type(x, w, b))
    for n, i, j, k in np.ndindex(out.shape):
        top, left = i * stride, j * stride
        window = padded[n, top : top + w.shape[0], left : left + w.shape[1]]
        out[n, i, j, k] = np.sum(window * w[..., k]) + b[k]
    return out


# conv2d_fast_backward


@mistake(
    "conv2d_fast_backward",
    "Your dw holds the last image only: each block overwrites the one before. Every image changes the filters: add up, "
    "with +=.",
    caught_by="test_conv2d_fast_backward_adds_up_over_the_batch",
)
def keeps_dw_of_the_last_image(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    dx, _, db = conv2d_fast_backward(dout, x, w, stride, padding)
    return dx, conv2d_fast_backward(dout[-1:], x[-1:], w, stride, padding)[1], db


@mistake(
    "conv2d_fast_backward",
    "Your db holds the last image only: each block overwrites the one before. Add up over all images.",
    caught_by="test_conv2d_fast_backward_adds_up_over_the_batch",
)
def keeps_db_of_the_last_image(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    dx, dw, _ = conv2d_fast_backward(dout, x, w, stride, padding)
    return dx, dw, dout[-1].sum(axis=(0, 1))


@mistake(
    "conv2d_fast_backward",
    "Your dw and db are averaged over the batch. The loss divides by N already, so dout holds that factor: add up.",
    caught_by="test_conv2d_fast_backward_adds_up_over_the_batch",
)
def averages_over_the_batch(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    dx, dw, db = conv2d_fast_backward(dout, x, w, stride, padding)
    return dx, dw / len(x), db / len(x)


@mistake(
    "conv2d_fast_backward",
    "Your function works on whole blocks of images, and leaves out those at the end that fill no block. Let the last block "
    "be smaller.",
    caught_by="test_conv2d_fast_backward_adds_up_over_the_batch",
)
def goes_back_through_whole_blocks(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    block = min(4, len(x))
    whole = dout.copy()
    whole[len(x) // block * block :] = 0
    return conv2d_fast_backward(whole, x, w, stride, padding)


@mistake(
    "conv2d_fast_backward",
    "Your dw is summed with the filters turned by 180°. dw is the transposed columns times the rows of dout, in the order "
    "in which they stand.",
    caught_by="test_conv2d_fast_backward_on_hand_worked_images",
)
def turns_dw(dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0) -> Three:
    dx, dw, db = conv2d_fast_backward(dout, x, w, stride, padding)
    return dx, dw[::-1, ::-1], db


@mistake(
    "conv2d_fast_backward",
    "Your dx comes from filters turned by 180°. In the product with the transposed filter matrix nothing is turned: col2im "
    "puts everything where it came from.",
    caught_by="test_conv2d_fast_backward_on_hand_worked_images",
)
def turns_the_filters_for_dx(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    _, dw, db = conv2d_fast_backward(dout, x, w, stride, padding)
    return conv2d_fast_backward(dout, x, w[::-1, ::-1], stride, padding)[0], dw, db


@mistake(
    "conv2d_fast_backward",
    "Your dw is the product the other way round, (K, F_h·F_w·C), reshaped to the shape of w. That scrambles it: transpose "
    "first.",
    caught_by="test_conv2d_fast_backward_keeps_channels_and_filters_apart",
)
def reshapes_dw_without_transposing(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    dx, dw, db = conv2d_fast_backward(dout, x, w, stride, padding)
    return dx, np.ascontiguousarray(dw.reshape(-1, w.shape[3]).T).reshape(w.shape), db


@mistake(
    "conv2d_fast_backward",
    "For dx your filter matrix is w.reshape(K, −1). The filters are the last axis of w: take w.reshape(−1, K) and transpose "
    "it.",
    caught_by="test_conv2d_fast_backward_keeps_channels_and_filters_apart",
)
def reads_the_filters_first_for_dx(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    _, dw, db = conv2d_fast_backward(dout, x, w, stride, padding)
    columns = dout.reshape(-1, w.shape[3]) @ w.reshape(w.shape[3], -1)
    return col2im(columns, x.shape, w.shape[0], w.shape[1], stride, padding), dw, db


@mistake(
    "conv2d_fast_backward",
    "Your columns for dw hold one channel after the other, but w has the channels of a pixel side by side. Both need the "
    "same order.",
    caught_by="test_conv2d_fast_backward_keeps_channels_and_filters_apart",
)
def sums_dw_channel_after_channel(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    dx, _, db = conv2d_fast_backward(dout, x, w, stride, padding)
    columns = puts_channel_after_channel(x, w.shape[0], w.shape[1], stride, padding)
    return dx, (columns.T @ dout.reshape(-1, w.shape[3])).reshape(w.shape), db


@mistake(
    "conv2d_fast_backward",
    "Channels and filters are swapped in your dw: the third axis is the channel, the fourth the filter.",
    caught_by="test_conv2d_fast_backward_keeps_channels_and_filters_apart",
)
def swaps_channels_and_filters_of_dw(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    dx, dw, db = conv2d_fast_backward(dout, x, w, stride, padding)
    return dx, dw.swapaxes(2, 3), db


@mistake(
    "conv2d_fast_backward",
    "Where windows overlap, your dx keeps the last one only. Add up what comes back to a pixel: += in place of =.",
    caught_by="test_conv2d_fast_backward_on_hand_worked_images",
)
def overwrites_dx_where_windows_overlap(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    _, dw, db = conv2d_fast_backward(dout, x, w, stride, padding)
    columns = dout.reshape(-1, w.shape[3]) @ w.reshape(-1, w.shape[3]).T
    return overwrites_what_came_before(columns, x.shape, w.shape[0], w.shape[1], stride, padding), dw, db


@mistake(
    "conv2d_fast_backward",
    "Your dx still has the border of the padding. Cut it off: dx has the shape of x.",
    caught_by="test_conv2d_fast_backward_cuts_off_the_padding",
)
def leaves_the_padding_on_dx(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    return conv2d_fast_backward(dout, zero_pad(x, padding), w, stride)


@mistake(
    "conv2d_fast_backward",
    "Your dx is cut from the top left corner of the padded gradient. The image begins p rows down and p columns to the "
    "right.",
    caught_by="test_conv2d_fast_backward_cuts_off_the_padding",
)
def cuts_dx_from_the_corner(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    dx, dw, db = conv2d_fast_backward(dout, zero_pad(x, padding), w, stride)
    return dx[:, : x.shape[1], : x.shape[2]], dw, db


@mistake(
    "conv2d_fast_backward",
    "Without padding your dx is empty: a slice [p:-p] is [0:-0] there, and -0 is 0. Write its end from the front: p + H.",
    caught_by="test_conv2d_fast_backward_on_hand_worked_images",
)
def cuts_dx_up_to_minus_zero(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    dx, dw, db = conv2d_fast_backward(dout, zero_pad(x, padding), w, stride)
    return dx[:, padding:-padding, padding:-padding], dw, db


@mistake(
    "conv2d_fast_backward",
    "Your function forgets the padding: the windows that it takes from x are not those of the forward pass, and there are "
    "too few. Pad x in the same way.",
    caught_by="test_conv2d_fast_backward_cuts_off_the_padding",
)
def goes_back_without_padding(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    columns = im2col(x, w.shape[0], w.shape[1], stride)
    dw = columns.T @ dout.reshape(-1, w.shape[3])
    return conv2d_fast_backward(dout, x, w, stride)[0], dw.reshape(w.shape), dout.sum(axis=(0, 1, 2))


@mistake(
    "conv2d_fast_backward",
    "Your windows begin one pixel after each other. With a stride s, window [i, j] begins at [i · s, j · s].",
    caught_by="test_conv2d_fast_backward_with_a_stride",
)
def goes_back_without_stride(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    padded, (down, across) = zero_pad(x, padding), dout.shape[1:3]
    wide = np.zeros(
        (len(x), *_places(x.shape, w.shape[0], w.shape[1], 1, padding), w.shape[3]), dtype=dout.dtype
    )
    wide[:, :down, :across] = dout
    dx, dw, db = conv2d_fast_backward(wide, padded, w)
    return dx[:, padding : padding + x.shape[1], padding : padding + x.shape[2]], dw, db


@mistake(
    "conv2d_fast_backward",
    "Your dx ends with the last window. Pixels at the end that no window saw get 0: begin with zeros of the shape of the "
    "padded x.",
    caught_by="test_conv2d_fast_backward_with_a_stride",
)
def ends_dx_with_the_last_window(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    dx, dw, db = conv2d_fast_backward(dout, x, w, stride, padding)
    ends = [(dout.shape[axis] - 1) * stride + w.shape[axis - 1] - padding for axis in (1, 2)]
    return dx[:, : ends[0], : ends[1]], dw, db


@mistake(
    "conv2d_fast_backward",
    "Your function never uses the values of dout, as if the upstream gradient were 1 everywhere. Multiply with it.",
    caught_by="test_conv2d_fast_backward_on_hand_worked_images",
)
def goes_back_from_ones(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    return conv2d_fast_backward(np.ones_like(dout), x, w, stride, padding)


@mistake(
    "conv2d_fast_backward",
    "The rows of dout go place by place in your product, those of im2col picture by picture. Reshape dout as it stands.",
    caught_by="test_conv2d_fast_backward_adds_up_over_the_batch",
)
def takes_dout_place_by_place(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    mixed = dout.transpose(1, 2, 0, 3).reshape(dout.shape)
    return conv2d_fast_backward(mixed, x, w, stride, padding)


@mistake(
    "conv2d_fast_backward",
    "Your db is a mean over all places. Every place adds its share to the bias: add up.",
    caught_by="test_conv2d_fast_backward_on_hand_worked_images",
)
def averages_db(dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0) -> Three:
    dx, dw, _ = conv2d_fast_backward(dout, x, w, stride, padding)
    return dx, dw, dout.mean(axis=(0, 1, 2))


@mistake(
    "conv2d_fast_backward",
    "Your db has one number for each image. There is one bias a filter: keep the last axis of dout and sum over the others.",
    caught_by="test_conv2d_fast_backward_adds_up_over_the_batch",
)
def sums_db_over_the_wrong_axes(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    dx, dw, _ = conv2d_fast_backward(dout, x, w, stride, padding)
    return dx, dw, dout.sum(axis=(1, 2, 3))


@mistake(
    "conv2d_fast_backward",
    "The results stand in the wrong order: dx, dw, db.",
    caught_by="test_conv2d_fast_backward_on_hand_worked_images",
)
def returns_dw_first(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    dx, dw, db = conv2d_fast_backward(dout, x, w, stride, padding)
    return dw, dx, db


@mistake(
    "conv2d_fast_backward",
    "Your sum for dw begins with the filters themselves, and writes into them: `dw = w` makes a second name, not a copy. "
    "Begin with zeros of that shape.",
    caught_by="test_conv2d_fast_backward_on_hand_worked_images",
)
def adds_dw_to_the_filters(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    dx, gradient, db = conv2d_fast_backward(dout, x, w, stride, padding)
    dw = w
    dw += gradient
    return dx, dw, db


@mistake(
    "conv2d_fast_backward",
    "Your function computes in float32 whatever comes in. That is fast, but where float64 goes in, half of its digits are "
    "lost: only float32 becomes float32.",
    caught_by="test_conv2d_fast_backward_keeps_all_sizes_and_dtypes_apart",
)
def goes_back_in_float32(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    d_single, x_single, w_single = (array.astype(np.float32) for array in (dout, x, w))
    dx, dw, db = conv2d_fast_backward(d_single, x_single, w_single, stride, padding)
    return dx.astype(dout.dtype), dw.astype(dout.dtype), db.astype(dout.dtype)


@mistake(
    "conv2d_fast_backward",
    "Your gradients are float64 although dout, x and w are float32. Somewhere in the middle an array without a dtype crept "
    "in, of np.zeros or np.ones: it doubles the work.",
    caught_by="test_conv2d_fast_backward_keeps_all_sizes_and_dtypes_apart",
)
def goes_back_in_float64(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    d_wide, x_wide, w_wide = (array.astype(np.float64) for array in (dout, x, w))
    return conv2d_fast_backward(d_wide, x_wide, w_wide, stride, padding)


# The first three win gold by far: the sample class takes them as other ways that get all points.


@alternative("conv2d_fast_backward")
def goes_back_through_the_whole_batch(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    matrix, upstream = w.reshape(-1, w.shape[3]), dout.reshape(-1, w.shape[3])
    columns = im2col(x, w.shape[0], w.shape[1], stride, padding)
    dx = col2im(upstream @ matrix.T, x.shape, w.shape[0], w.shape[1], stride, padding)
    return dx, (columns.T @ upstream).reshape(w.shape), upstream.sum(axis=0)


@alternative("conv2d_fast_backward")
def goes_back_picture_by_picture(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    each = [
        goes_back_through_the_whole_batch(dout[n : n + 1], x[n : n + 1], w, stride, padding)
        for n in range(len(x))
    ]
    dx, dw, db = zip(*each, strict=True)
    return np.concatenate(dx), np.sum(dw, axis=0), np.sum(db, axis=0)


@alternative("conv2d_fast_backward")
def contracts_backwards_with_tensordot(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    stamps = np.tensordot(dout, w, axes=(3, 3))
    windows = _windows(x, w.shape[0], w.shape[1], stride, padding)
    dw = np.tensordot(windows, dout, axes=((0, 1, 2), (0, 1, 2))).transpose(1, 2, 0, 3)
    dx = col2im(stamps.reshape(-1, w.size // w.shape[3]), x.shape, w.shape[0], w.shape[1], stride, padding)
    return np.asfortranarray(dx), dw, dout.sum(axis=(0, 1, 2))


@alternative("conv2d_fast_backward")
def goes_back_as_before(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    dx, dw, db = conv2d_backward(dout, x, w, stride, padding)
    return dx.astype(dout.dtype), dw.astype(dout.dtype), db.astype(dout.dtype)


@alternative("conv2d_fast_backward")
def goes_back_tap_by_tap(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    padded, (_, H, W, _) = zero_pad(x, padding), x.shape
    d_padded, dw = np.zeros_like(padded), np.empty_like(w)
    upstream = dout.reshape(-1, w.shape[3])
    for u, v in np.ndindex(w.shape[:2]):
        down, across = u + stride * dout.shape[1], v + stride * dout.shape[2]
        tap = (slice(None), slice(u, down, stride), slice(v, across, stride))
        dw[u, v] = padded[tap].reshape(-1, w.shape[2]).T @ upstream
        d_padded[tap] += (upstream @ w[u, v].T).reshape(*dout.shape[:3], -1)
    return d_padded[:, padding : padding + H, padding : padding + W], dw, dout.sum(axis=(0, 1, 2))


@alternative("conv2d_fast_backward")
def correlates_dout_with_turned_filters(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    (N, H, W, C), (F_h, F_w, _, K) = x.shape, w.shape
    # dout with stride − 1 zeros between its entries, as large as the map at stride 1 would be
    wide = np.zeros((N, H + 2 * padding - F_h + 1, W + 2 * padding - F_w + 1, K), dtype=dout.dtype)
    wide[:, ::stride, ::stride] = dout
    around = np.pad(wide, ((0, 0), (F_h - 1, F_h - 1), (F_w - 1, F_w - 1), (0, 0)))
    turned = w[::-1, ::-1].swapaxes(2, 3)
    d_padded = conv2d_fast(around, turned, np.zeros(C, dtype=w.dtype))
    # dw: the images stand for filters, the channels for images, the examples of the batch for channels
    seen = conv2d_fast(
        zero_pad(x, padding).transpose(3, 1, 2, 0), wide.transpose(1, 2, 0, 3), np.zeros(K, dtype=w.dtype)
    )
    dx = d_padded[:, padding : padding + H, padding : padding + W]
    return dx, seen.transpose(1, 2, 0, 3), dout.reshape(-1, K).sum(axis=0)


@alternative("conv2d_fast_backward")
def contracts_backwards_with_einsum(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    stamps = np.einsum("nijk,uvck->nijuvc", dout, w, optimize=True)
    windows = _windows(x, w.shape[0], w.shape[1], stride, padding)
    dw = np.einsum("nijcuv,nijk->uvck", windows, dout, optimize=True)
    dx = col2im(stamps.reshape(-1, w.size // w.shape[3]), x.shape, w.shape[0], w.shape[1], stride, padding)
    return dx, dw, np.einsum("nijk->k", dout)


@alternative("conv2d_fast_backward")
def goes_back_in_four_loops(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    padded, (_, H, W, _) = zero_pad(x, padding), x.shape
    d_padded, dw, db = np.zeros_like(padded), np.zeros_like(w), np.zeros(w.shape[3], dtype=dout.dtype)
    for (n, i, j, k), gradient in np.ndenumerate(dout):
        top, left = i * stride, j * stride
        place = (n, slice(top, top + w.shape[0]), slice(left, left + w.shape[1]))
        d_padded[place] += w[..., k] * gradient
        dw[..., k] += padded[place] * gradient
        db[k] += gradient
    return d_padded[:, padding : padding + H, padding : padding + W], dw, db
