"""The kernels of `solutions.fast` once more, tuned: the same contracts, less time, more lines.

The networks are trained with these, and `make bench-kernels` measures them. What makes them faster: they copy along
whichever run is longer, that of a window's row or that of a row of windows; a block may be a part of one picture; and
each product is written to its place in the result. No page imports this module, so no learner is handed it before
the exercises of chapter 9.
"""

import numpy as np

from solutions.backprop import max_pool2d_backward
from solutions.padding import zero_pad
from solutions.pooling import max_pool2d


def im2col(
    x: np.ndarray,
    filter_h: int,
    filter_w: int,
    stride: int = 1,
    padding: int = 0,
) -> np.ndarray:
    """`im2col`, in whichever order of memory is copied faster."""
    padded = zero_pad(x, padding) if padding else x
    windows = np.lib.stride_tricks.sliding_window_view(padded, (filter_h, filter_w), axis=(1, 2))
    windows = windows[:, ::stride, ::stride].transpose(0, 1, 2, 4, 5, 3)
    W_out, C = windows.shape[2], x.shape[3]
    # NumPy copies fast along long runs. Two offer themselves: one row of one window, F_w · C numbers, or one
    # number of each window of a row of windows, W_out numbers. The second makes an array in Fortran's order.
    if filter_w * C < W_out:
        return windows.transpose(3, 4, 5, 0, 1, 2).reshape(filter_h * filter_w * C, -1).T
    return windows.reshape(-1, filter_h * filter_w * C)


def col2im(
    columns: np.ndarray,
    x_shape: tuple[int, int, int, int],
    filter_h: int,
    filter_w: int,
    stride: int = 1,
    padding: int = 0,
) -> np.ndarray:
    """`col2im`, fast on the order that `im2col` chooses."""
    N, H, W, C = x_shape
    H_out = (H - filter_h + 2 * padding) // stride + 1
    W_out = (W - filter_w + 2 * padding) // stride + 1
    grid = columns.reshape(N, H_out, W_out, filter_h, filter_w, C)
    if filter_w * C < W_out:  # as in im2col: add along rows of windows, one number of each at a time
        channels_first = np.zeros((N, C, H + 2 * padding, W + 2 * padding), dtype=columns.dtype)
        padded = channels_first.transpose(0, 2, 3, 1)
        for u, v in np.ndindex(filter_h, filter_w):
            below, right = u + stride * H_out, v + stride * W_out
            padded[:, u:below:stride, v:right:stride] += grid[:, :, :, u, v]
    else:  # add whole windows, at a time only those that do not overlap
        padded = np.zeros((N, H + 2 * padding, W + 2 * padding, C), dtype=columns.dtype)
        windows = np.lib.stride_tricks.sliding_window_view(
            padded, (filter_h, filter_w), axis=(1, 2), writeable=True
        )[:, ::stride, ::stride].transpose(0, 1, 2, 4, 5, 3)
        apart_h, apart_w = -(-filter_h // stride), -(-filter_w // stride)
        for i, j in np.ndindex(apart_h, apart_w):
            windows[:, i::apart_h, j::apart_w] += grid[:, i::apart_h, j::apart_w]
    return padded[:, padding : padding + H, padding : padding + W]


def conv2d_fast(
    x: np.ndarray,
    w: np.ndarray,
    b: np.ndarray,
    stride: int = 1,
    padding: int = 0,
) -> np.ndarray:
    """`conv2d_fast`, in blocks of rows of places, each product written where it belongs."""
    N, H, W, C = x.shape
    F_h, F_w, C_w, K = w.shape
    H_out = (H - F_h + 2 * padding) // stride + 1
    W_out = (W - F_w + 2 * padding) // stride + 1
    if C_w != C or H_out < 1 or W_out < 1:
        raise ValueError(f"filters {w.shape} do not fit on images {x.shape} with padding {padding}")
    out = np.empty((N, H_out, W_out, K), dtype=np.result_type(x, w, b, np.float32))
    matrix = w.reshape(-1, K).astype(out.dtype, copy=False)
    # A block's columns take 1 MiB, so that the product finds them in the cache; or as much as the filters, if
    # those are larger, so that reading the filters again for each block pays.
    rows = max(1, max(2**20, matrix.nbytes) // (W_out * len(matrix) * out.itemsize))
    pictures = max(1, rows // H_out)
    for n in range(0, N, pictures):
        block = x[n : n + pictures].astype(out.dtype, copy=False)
        padded = zero_pad(block, padding) if padding else block
        for i in range(0, H_out, rows):
            columns = im2col(padded[:, i * stride : (i + rows - 1) * stride + F_h], F_h, F_w, stride)
            np.matmul(columns, matrix, out=out[n : n + pictures, i : i + rows].reshape(-1, K))
        lines = out[n : n + pictures].reshape(-1, W_out * K)
        lines += np.tile(b, W_out)  # a whole line at a time: K numbers alone are a short run
    return out


def conv2d_fast_backward(
    dout: np.ndarray,
    x: np.ndarray,
    w: np.ndarray,
    stride: int = 1,
    padding: int = 0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`conv2d_fast_backward`, in the same blocks."""
    N, H, W, C = x.shape
    F_h, F_w, _, K = w.shape
    H_out, W_out = dout.shape[1:3]
    dout = dout.astype(np.result_type(dout, x, w, np.float32), copy=False)
    matrix = w.reshape(-1, K).astype(dout.dtype, copy=False)
    dx = np.empty(x.shape, dtype=dout.dtype)
    dw, db = np.zeros(matrix.shape, dtype=dout.dtype), np.zeros(K, dtype=dout.dtype)
    rows = max(
        1, max(2**20, matrix.nbytes) // (W_out * len(matrix) * dout.itemsize)
    )  # blocks as in conv2d_fast
    pictures = max(1, rows // H_out)
    for n in range(0, N, pictures):
        block = x[n : n + pictures].astype(dout.dtype, copy=False)
        padded = zero_pad(block, padding) if padding else block
        d_padded = np.zeros(padded.shape, dtype=dout.dtype)
        for i in range(0, H_out, rows):
            band = slice(i * stride, (i + rows - 1) * stride + F_h)
            d = dout[n : n + pictures, i : i + rows].reshape(-1, K)
            columns = im2col(padded[:, band], F_h, F_w, stride)
            dw += columns.T @ d
            db += np.ones(len(d), dtype=d.dtype) @ d
            # one product, in the order of memory that im2col chose, which is the one col2im is fast on
            d_columns = (matrix @ d.T).T if columns.flags.f_contiguous else d @ matrix.T
            d_padded[:, band] += col2im(d_columns, padded[:, band].shape, F_h, F_w, stride)
        dx[n : n + pictures] = d_padded[:, padding : padding + H, padding : padding + W]
    return dx, dw.reshape(w.shape), db


def conv2d_turned_backward(
    dout: np.ndarray,
    x: np.ndarray,
    w: np.ndarray,
    stride: int = 1,
    padding: int = 0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`conv2d_fast_backward` for wide stacks: dx is a convolution, too, of dout with the filters turned by half.

    Nothing is added up in overlapping windows, which `col2im` spends most of its time on. Other strides than 1, filters
    that are no squares, and a padding as wide as the filter or wider go the other way.
    """
    F_h, F_w, C, K = w.shape
    if stride != 1 or F_h != F_w or padding >= F_h:
        return conv2d_fast_backward(dout, x, w, stride, padding)
    dtype = np.result_type(dout, x, w, np.float32)
    turned = np.ascontiguousarray(w[::-1, ::-1].swapaxes(2, 3), dtype=dtype)
    dx = conv2d_fast(dout.astype(dtype, copy=False), turned, np.zeros(C, dtype), 1, F_h - 1 - padding)
    return dx, *filter_gradients(dout.astype(dtype, copy=False), x.astype(dtype, copy=False), F_h, padding)


def filter_gradients(
    dout: np.ndarray, x: np.ndarray, size: int, padding: int
) -> tuple[np.ndarray, np.ndarray]:
    """dw (size, size, C, K) and db (K,) of a convolution of stride 1, a few pictures at a time."""
    (N, H_out, W_out, K), C = dout.shape, x.shape[3]
    dw, db = np.zeros((size * size * C, K), dtype=dout.dtype), np.zeros(K, dtype=dout.dtype)
    few = max(1, 2**20 // (H_out * W_out * len(dw) * dout.itemsize))
    for n in range(0, N, few):
        d = dout[n : n + few].reshape(-1, K)
        dw += im2col(x[n : n + few], size, size, 1, padding).T @ d
        db += np.ones(len(d), dtype=d.dtype) @ d
    return dw.reshape(size, size, C, K), db


def conv2d_filters_backward(
    dout: np.ndarray,
    x: np.ndarray,
    w: np.ndarray,
    stride: int = 1,
    padding: int = 0,
) -> tuple[None, np.ndarray, np.ndarray]:
    """`conv2d_fast_backward` of a network's first layer, of stride 1 and square filters: nobody asks for dx."""
    if stride != 1 or w.shape[0] != w.shape[1]:
        raise ValueError(f"stride {stride} and filters {w.shape}: want stride 1 and squares")
    return None, *filter_gradients(dout, x, w.shape[0], padding)


def relu_quick_backward(dout: np.ndarray, x: np.ndarray) -> np.ndarray:
    """`relu_backward` as one product, which takes a fifth of the time of a choice between two values."""
    return dout * (x > 0)


def max_pool2d_quick_backward(dout: np.ndarray, x: np.ndarray, size: int, stride: int) -> np.ndarray:
    """`max_pool2d_backward` for windows that tile: each cell is written once, so that nothing needs to be added up."""
    if stride != size:
        return max_pool2d_backward(dout, x, size, stride)
    H, W = (size * length for length in dout.shape[1:3])
    dx = np.empty(x.shape, dtype=dout.dtype)
    dx[:, H:], dx[:, :H, W:] = 0, 0  # a ragged edge is in no window
    largest = max_pool2d(x, size)
    share = dout.copy()  # what has not been handed out
    for u, v in np.ndindex(size, size):
        cell = np.s_[:, u:H:size, v:W:size]
        given = share * (x[cell] == largest)
        dx[cell] = given
        share -= given
    return dx


def _channel_moments(flat: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean (C,), variance (C,) and what is left of flat (n, C) without the mean. A product with ones adds up fast."""
    mean = np.ones(len(flat), dtype=flat.dtype) @ flat / flat.dtype.type(len(flat))
    centred = flat - mean
    return mean, np.einsum("nc,nc->c", centred, centred) / flat.dtype.type(len(flat)), centred


def batch_norm_quick(
    x: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    running: dict[str, np.ndarray],
    training: bool,
    momentum: float = 0.9,
    epsilon: float = 1e-5,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """`batch_norm` with few new arrays: sums are products with ones, scale and shift are done in place."""
    flat = x.reshape(-1, x.shape[-1])
    if training:
        mean, var, out = _channel_moments(flat)
        running = {
            key: (momentum * running[key] + (1 - momentum) * value).astype(value.dtype)
            for key, value in (("mean", mean), ("var", var))
        }
    else:
        var, out = running["var"], flat - running["mean"]
    out *= gamma / np.sqrt(var + epsilon)
    out += beta
    return out.reshape(x.shape), running


def batch_norm_quick_backward(
    dout: np.ndarray,
    x: np.ndarray,
    gamma: np.ndarray,
    epsilon: float = 1e-5,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`batch_norm_backward` in the same way."""
    d = dout.reshape(-1, dout.shape[-1])
    count = d.dtype.type(len(d))
    _, var, x_hat = _channel_moments(x.reshape(d.shape))
    scale = 1 / np.sqrt(var + epsilon)
    x_hat *= scale
    dgamma, dbeta = np.einsum("nc,nc->c", d, x_hat), np.ones(len(d), dtype=d.dtype) @ d
    x_hat *= -dgamma / count
    x_hat += d
    x_hat -= dbeta / count
    x_hat *= gamma * scale
    return x_hat.reshape(dout.shape), dgamma, dbeta
