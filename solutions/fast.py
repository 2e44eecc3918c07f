"""Chapter 9, fast kernels: convolution as a matrix product, close to the speed of the product alone."""

import numpy as np

from solutions.padding import zero_pad


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
    channels side by side. im2col(x, …) @ w.reshape(−1, K) holds the responses. Any
    order in memory, a view of x too if the windows are single pixels. `x` stays as it
    was.
    """
    ### BEGIN SOLUTION
    windows = np.lib.stride_tricks.sliding_window_view(
        zero_pad(x, padding), (filter_h, filter_w), axis=(1, 2)
    )
    chosen = windows[:, ::stride, ::stride]  # (N, H′, W′, C, F_h, F_w), still a view
    return chosen.transpose(0, 1, 2, 4, 5, 3).reshape(-1, filter_h * filter_w * x.shape[3])
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
    array (N, H, W, C) of the same dtype, with all its digits. What fell on the padding
    is dropped, pixels that no window saw get 0, and `columns` stays as it was.
    """
    ### BEGIN SOLUTION
    N, H, W, C = x_shape
    H_out = (H - filter_h + 2 * padding) // stride + 1
    W_out = (W - filter_w + 2 * padding) // stride + 1
    # With channels first, what is added at a time lies in long runs: whole rows of places.
    grid = columns.T.reshape(filter_h, filter_w, C, N, H_out, W_out)
    padded = np.zeros((C, N, H + 2 * padding, W + 2 * padding), dtype=columns.dtype)
    for u, v in np.ndindex(filter_h, filter_w):  # within one of these slices no pixel stands twice
        padded[:, :, u : u + stride * H_out : stride, v : v + stride * W_out : stride] += grid[u, v]
    return padded[:, :, padding : padding + H, padding : padding + W].transpose(1, 2, 3, 0)
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
    array of float (N, H′, W′, K), as of `conv2d`; float32 if x, w and b are float32.
    float64 keeps all its digits, and what came in stays as it was.

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
    out = np.empty((N, H_out, W_out, K), dtype=np.result_type(x, w, b, np.float32))
    V = w.reshape(-1, K).astype(out.dtype, copy=False)
    pictures = max(1, 2**20 // (H_out * W_out * len(V) * out.itemsize))  # whose windows fill 1 MiB
    for n in range(0, N, pictures):
        block = x[n : n + pictures].astype(out.dtype, copy=False)
        X = im2col(block, F_h, F_w, stride, padding)
        out[n : n + pictures] = (X @ V + b).reshape(-1, H_out, W_out, K)
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
    (dx, dw, db) : arrays of float of the shapes of x, w and b, as of `conv2d_backward`;
        float32 if all inputs are float32. float64 keeps all its digits, and what came
        in stays as it was.
    """
    ### BEGIN SOLUTION
    F_h, F_w, _, K = w.shape
    H_out, W_out = dout.shape[1:3]
    dtype = np.result_type(dout, x, w, np.float32)
    V, dx = w.reshape(-1, K).astype(dtype, copy=False), np.empty(x.shape, dtype=dtype)
    dV, db = np.zeros(V.shape, dtype=dtype), np.zeros(K, dtype=dtype)
    pictures = max(1, 2**20 // (H_out * W_out * len(V) * dtype.itemsize))  # as in conv2d_fast
    for n in range(0, len(x), pictures):
        block = x[n : n + pictures].astype(dtype, copy=False)
        X = im2col(block, F_h, F_w, stride, padding)
        G = dout[n : n + pictures].reshape(-1, K).astype(dtype, copy=False)
        dV += X.T @ G
        db += G.sum(axis=0)
        dX = (V @ G.T).T  # G @ V.T, in the order of memory that col2im walks along
        dx[n : n + pictures] = col2im(dX, block.shape, F_h, F_w, stride, padding)
    return dx, dV.reshape(w.shape), db
    ### END SOLUTION
