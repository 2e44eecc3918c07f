"""Chapter 5, pooling: one number for each small region, in every channel by itself."""

import numpy as np


def max_pool2d(
    x: np.ndarray,
    size: int,
    stride: int | None = None,
    ceil_mode: bool = False,
) -> np.ndarray:
    """Keep the largest value of each window of each channel.

    Parameters
    ----------
    x : array (N, H, W, C)
    size : int, side of the square window
    stride : int, how far the window moves; None means `size`, so that windows tile
    ceil_mode : bool. False drops a window that sticks out over the edge, as
        libraries do unless asked. True keeps it and takes the largest of the cells
        that exist.

    Returns
    -------
    array (N, H′, W′, C) of the same dtype with H′ = ⌊(H − size) / stride⌋ + 1; in
    ceil mode ⌈(H − size) / stride⌉ + 1, less 1 if the last of these windows would
    begin at the edge or beyond. W′ likewise. `x` stays as it was.

    Raises
    ------
    ValueError
        If that makes no window: H′ or W′ below 1.
    """
    ### BEGIN SOLUTION
    stride = stride or size
    N, H, W, C = x.shape
    spare = stride - 1 if ceil_mode else 0
    tops = [top for top in range(0, H - size + spare + 1, stride) if top < H]
    lefts = [left for left in range(0, W - size + spare + 1, stride) if left < W]
    if not tops or not lefts:
        raise ValueError(f"a window of {size}×{size} does not fit on images of shape {x.shape}")
    out = x[:, ::stride, ::stride][:, : len(tops), : len(lefts)].copy()
    for u, v in np.ndindex(size, size):
        seen = x[:, u::stride, v::stride][:, : len(tops), : len(lefts)]
        part = out[:, : seen.shape[1], : seen.shape[2]]  # at a ragged edge, fewer windows have this cell
        np.maximum(part, seen, out=part)
    return out
    ### END SOLUTION


def avg_pool2d(
    x: np.ndarray,
    size: int,
    stride: int | None = None,
    ceil_mode: bool = False,
) -> np.ndarray:
    """Average each window of each channel.

    Parameters
    ----------
    x : array (N, H, W, C); uint8 or float
    size : int, side of the square window
    stride : int, how far the window moves; None means `size`
    ceil_mode : bool. False drops a window that sticks out over the edge. True keeps
        it and divides by the number of its cells that exist.

    Returns
    -------
    array of float (N, H′, W′, C), H′ and W′ as in `max_pool2d`; float64 keeps all its
    digits. `x` stays as it was.

    Raises
    ------
    ValueError
        If that makes no window: H′ or W′ below 1, as in `max_pool2d`.
    """
    ### BEGIN SOLUTION
    stride = stride or size
    N, H, W, C = x.shape
    spare = stride - 1 if ceil_mode else 0
    tops = [top for top in range(0, H - size + spare + 1, stride) if top < H]
    lefts = [left for left in range(0, W - size + spare + 1, stride) if left < W]
    if not tops or not lefts:
        raise ValueError(f"a window of {size}×{size} does not fit on images of shape {x.shape}")
    out = np.empty((N, len(tops), len(lefts), C), dtype=x.dtype if x.dtype.kind == "f" else np.float64)
    for i, top in enumerate(tops):
        for j, left in enumerate(lefts):
            out[:, i, j, :] = x[:, top : top + size, left : left + size, :].mean(axis=(1, 2))
    return out
    ### END SOLUTION


def avg_pool_as_conv(channels: int, size: int) -> np.ndarray:
    """Filters with which a convolution of stride `size` averages as pooling does.

    Parameters
    ----------
    channels : int, number of channels C
    size : int, side of the square window

    Returns
    -------
    array of float (size, size, C, C): conv2d(x, filters, zeros(C), stride=size)
    equals avg_pool2d(x, size)
    """
    ### BEGIN SOLUTION
    filters = np.zeros((size, size, channels, channels))
    for c in range(channels):
        filters[:, :, c, c] = 1 / size**2
    return filters
    ### END SOLUTION
