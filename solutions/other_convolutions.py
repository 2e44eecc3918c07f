"""Chapter 10, other convolutions: of one pixel, with gaps, and run the other way."""

import numpy as np


def conv1x1(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Convolution with filters of one pixel: the same linear layer at every pixel.

    Parameters
    ----------
    x : array (N, H, W, C), the batch of images; uint8 or float
    w : array of float (1, 1, C, K), the filters
    b : array of float (K,), one bias a filter

    Returns
    -------
    array of float (N, H, W, K): the K numbers of a pixel are the linear layer of its
    C numbers. No activation is applied, what came in stays as it was, and float64
    keeps all its digits.

    Raises
    ------
    ValueError
        If the number of channels differs, or the filters are not of 1×1 pixel.
    """
    ### BEGIN SOLUTION
    if w.shape[:3] != (1, 1, x.shape[3]):
        raise ValueError(f"{w.shape} are no filters of 1×1 for images {x.shape}")
    return x @ w[0, 0] + b
    ### END SOLUTION


def conv2d_dilated(
    x: np.ndarray,
    w: np.ndarray,
    b: np.ndarray,
    dilation: int,
) -> np.ndarray:
    """Convolution with filters whose weights lie `dilation` pixels apart.

    Stride 1, no padding. With dilation 1 it is the usual convolution.

    Parameters
    ----------
    x : array (N, H, W, C), the batch of images; uint8 or float
    w : array of float (F_h, F_w, C, K), the filters, not flipped
    b : array of float (K,), one bias a filter
    dilation : int, at least 1, for both axes; it may be larger than the filter

    Returns
    -------
    array of float (N, H′, W′, K) with H′ = H − dilation · (F_h − 1), and W′ likewise:
    weight [u, v] meets the pixel dilation · u further down and dilation · v further
    right than the first. No activation is applied, what came in stays as it was, and
    float64 keeps all its digits.

    Raises
    ------
    ValueError
        If the number of channels differs, or the filters with their gaps are larger
        than the images.
    """
    ### BEGIN SOLUTION
    N, H, W, C = x.shape
    F_h, F_w, C_w, K = w.shape
    H_out, W_out = H - dilation * (F_h - 1), W - dilation * (F_w - 1)
    if C_w != C or H_out < 1 or W_out < 1:
        raise ValueError(f"filters {w.shape} with dilation {dilation} do not fit on images {x.shape}")
    out = np.zeros((N, H_out, W_out, K), dtype=np.result_type(x, w, b, np.float32))
    for u, v in np.ndindex(F_h, F_w):
        top, left = dilation * u, dilation * v
        out += x[:, top : top + H_out, left : left + W_out] @ w[u, v]
    return out + b
    ### END SOLUTION


def conv2d_transposed(
    x: np.ndarray,
    w: np.ndarray,
    stride: int = 1,
    padding: int = 0,
) -> np.ndarray:
    """Transposed convolution: every entry lays down its own copy of the filters.

    With the filters, the stride and the padding of a convolution from C channels to
    K, it leads from K channels back to C: its matrix is the transpose of that of the
    convolution. There is no bias.

    Parameters
    ----------
    x : array of float (N, H, W, K), the maps
    w : array of float (F_h, F_w, C, K), the filters of that convolution, not flipped
    stride : int, for both axes: how far the copies of neighbours lie apart
    padding : int, how many rows and columns are cut off on each side at the end

    Returns
    -------
    array of float (N, H′, W′, C) with H′ = (H − 1) · stride + F_h − 2 · padding, and W′
    likewise. Where copies overlap they add up, where none lies there is 0. What came
    in stays as it was, and float64 keeps all its digits.

    Raises
    ------
    ValueError
        If the number of filters is not that of the maps, or less than one row or
        column would be left.
    """
    ### BEGIN SOLUTION
    N, H, W, K = x.shape
    F_h, F_w, C, K_w = w.shape
    H_whole, W_whole = (H - 1) * stride + F_h, (W - 1) * stride + F_w
    if K_w != K or min(H_whole, W_whole) <= 2 * padding:
        raise ValueError(f"filters {w.shape} do not fit maps {x.shape}, stride {stride}, padding {padding}")
    whole = np.zeros((N, H_whole, W_whole, C), dtype=np.result_type(x, w, np.float32))
    for u, v in np.ndindex(F_h, F_w):
        whole[:, u : u + stride * H : stride, v : v + stride * W : stride] += x @ w[u, v].T
    return whole[:, padding : H_whole - padding, padding : W_whole - padding]
    ### END SOLUTION
