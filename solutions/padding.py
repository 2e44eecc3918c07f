"""Chapter 4, padding: a border of zeros, and the whole convolution layer."""

import numpy as np


def zero_pad(x: np.ndarray, padding: int) -> np.ndarray:
    """Put a border of zeros around every image of a batch.

    Parameters
    ----------
    x : array (N, H, W, C)
    padding : int, how many rows and columns of zeros on each of the four sides; 0
        for none

    Returns
    -------
    array (N, H + 2 · padding, W + 2 · padding, C) of the same dtype, every number of
    `x` as it was; batch and channels are not padded. `x` stays as it was.
    """
    ### BEGIN SOLUTION
    N, H, W, C = x.shape
    padded = np.zeros((N, H + 2 * padding, W + 2 * padding, C), dtype=x.dtype)
    padded[:, padding : padding + H, padding : padding + W, :] = x
    return padded
    ### END SOLUTION


def same_padding(input_size: int, filter_size: int, stride: int) -> tuple[int, int]:
    """Zeros that "same" padding puts before and after an axis, as Keras counts.

    With them the map has ⌈input_size / stride⌉ entries. If their number is odd, the
    extra zero stands after.

    Parameters
    ----------
    input_size : int, length of the axis
    filter_size : int, length of the filter, which may be longer than the axis
    stride : int, at least 1; it may be longer than the filter

    Returns
    -------
    (before, after) : two ints, never negative, as a tuple, a list or an array
    """
    ### BEGIN SOLUTION
    places = -(-input_size // stride)
    total = max((places - 1) * stride + filter_size - input_size, 0)
    return total // 2, total - total // 2
    ### END SOLUTION


def conv2d(
    x: np.ndarray,
    w: np.ndarray,
    b: np.ndarray,
    stride: int = 1,
    padding: int = 0,
) -> np.ndarray:
    """Convolution layer on a batch: pad, slide every filter, add its bias.

    Parameters
    ----------
    x : array (N, H, W, C), the batch of images; uint8 or float
    w : array of float (F_h, F_w, C, K), the filters, not flipped
    b : array of float (K,), one bias a filter
    stride : int, for both axes
    padding : int, zeros on each side

    Returns
    -------
    array of float (N, H′, W′, K) with H′ = ⌊(H − F_h + 2 · padding) / stride⌋ + 1,
    and W′ likewise. No activation is applied, what came in stays as it was, and
    float64 keeps all its digits.

    Raises
    ------
    ValueError
        If the number of channels differs, or the filters are larger than the padded
        images.
    """
    ### BEGIN SOLUTION
    N, H, W, C = x.shape
    F_h, F_w, C_w, K = w.shape
    H_out = (H - F_h + 2 * padding) // stride + 1
    W_out = (W - F_w + 2 * padding) // stride + 1
    if C_w != C or H_out < 1 or W_out < 1:
        raise ValueError(f"filters {w.shape} do not fit on images {x.shape} with padding {padding}")
    padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    out = np.zeros((N, H_out, W_out, K), dtype=np.result_type(x, w, b, np.float32))
    for u, v in np.ndindex(F_h, F_w):
        seen = padded[:, u : u + stride * H_out : stride, v : v + stride * W_out : stride]
        out += seen @ w[u, v]
    return out + b
    ### END SOLUTION
