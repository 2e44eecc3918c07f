"""Chapter 9, fast kernels: convolution as a matrix product, and a convolution that runs close to the product's own speed."""

import numpy as np


def im2col(
    x: np.ndarray,
    filter_h: int,
    filter_w: int,
    stride: int = 1,
    padding: int = 0,
) -> np.ndarray:
    """Write every window of a batch as a row, so that convolution is one product.

    Parameters
    ----------
    x : array (N, H, W, C)
    filter_h, filter_w : int, F_h and F_w, the size of the window
    stride, padding : int, as in `conv2d`

    Returns
    -------
    array (N·H′·W′, F_h·F_w·C) of the same dtype: a row for each place, picture by
    picture and row by row; in it the window's pixels row by row, each pixel's
    channels side by side. im2col(x, …) @ w.reshape(−1, K) holds the responses.
    """
    ### BEGIN SOLUTION
    padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (filter_h, filter_w), axis=(1, 2))
    windows = windows[:, ::stride, ::stride].transpose(0, 1, 2, 4, 5, 3)
    return windows.reshape(-1, filter_h * filter_w * x.shape[3])
    ### END SOLUTION


def col2im(
    columns: np.ndarray,
    x_shape: tuple[int, int, int, int],
    filter_h: int,
    filter_w: int,
    stride: int = 1,
    padding: int = 0,
) -> np.ndarray:
    """Carry every row of `im2col` back to the pixels it came from, and add.

    It is the adjoint of `im2col`: the sum of im2col(x) · y equals the sum of
    x · col2im(y), for all x and y.

    Parameters
    ----------
    columns : array of float (N·H′·W′, F_h·F_w·C), laid out as `im2col` does
    x_shape : (N, H, W, C), shape of the images
    filter_h, filter_w, stride, padding : int, as in `im2col`

    Returns
    -------
    array (N, H, W, C) of the same dtype. What fell on the padding is dropped.
    """
    ### BEGIN SOLUTION
    N, H, W, C = x_shape
    H_out = (H - filter_h + 2 * padding) // stride + 1
    W_out = (W - filter_w + 2 * padding) // stride + 1
    windows = columns.reshape(N, H_out, W_out, filter_h, filter_w, C)
    padded = np.zeros((N, H + 2 * padding, W + 2 * padding, C), dtype=columns.dtype)
    for u, v in np.ndindex(filter_h, filter_w):
        padded[:, u : u + stride * H_out : stride, v : v + stride * W_out : stride] += windows[:, :, :, u, v]
    return padded[:, padding : padding + H, padding : padding + W]
    ### END SOLUTION


def conv2d_fast(
    x: np.ndarray,
    w: np.ndarray,
    b: np.ndarray,
    stride: int = 1,
    padding: int = 0,
) -> np.ndarray:
    """The convolution of `conv2d`, close to the speed of a bare matrix product.

    Parameters
    ----------
    x : array (N, H, W, C), the batch of images; uint8 or float
    w : array of float (F_h, F_w, C, K), the filters, not flipped
    b : array of float (K,), one bias a filter
    stride : int, for both axes
    padding : int, zeros on each side

    Returns
    -------
    array of float (N, H′, W′, K), as of `conv2d`; float32 if x, w and b are float32

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
    matrix = w.reshape(-1, K)
    out = np.empty((N, H_out, W_out, K), dtype=np.result_type(x, w, b, np.float32))
    for n in range(N):
        columns = im2col(x[n : n + 1], F_h, F_w, stride, padding)
        out[n] = (columns @ matrix + b).reshape(H_out, W_out, K)
    return out
    ### END SOLUTION


def conv2d_fast_backward(
    dout: np.ndarray,
    x: np.ndarray,
    w: np.ndarray,
    stride: int = 1,
    padding: int = 0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The backward pass of `conv2d_fast`, fast as well.

    Parameters
    ----------
    dout : array (N, H′, W′, K), gradient of the loss with respect to the output
    x : array (N, H, W, C), the layer's input
    w : array (F_h, F_w, C, K), its filters
    stride, padding : int, as in the forward pass

    Returns
    -------
    (dx, dw, db) : as of `conv2d_backward`; float32 if all inputs are float32
    """
    ### BEGIN SOLUTION
    N = len(x)
    F_h, F_w, C, K = w.shape
    matrix, dw = w.reshape(-1, K), np.zeros((F_h * F_w * C, K), dtype=dout.dtype)
    dx = np.empty(x.shape, dtype=dout.dtype)
    for n in range(N):
        rows = dout[n].reshape(-1, K)
        dw += im2col(x[n : n + 1], F_h, F_w, stride, padding).T @ rows
        dx[n] = col2im(rows @ matrix.T, (1, *x.shape[1:]), F_h, F_w, stride, padding)[0]
    return dx, dw.reshape(w.shape), dout.sum(axis=(0, 1, 2))
    ### END SOLUTION
