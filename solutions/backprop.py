"""Chapter 7, backprop: how much each number contributed to the loss, layer by layer from the back."""

from collections.abc import Callable

import numpy as np

from solutions.fully_connected import softmax
from solutions.pooling import max_pool2d


def graph_gradient(x: float, y: float) -> tuple[float, float]:
    """Gradient of f(x, y) = cos(x) · sin(x) + x / y, backwards through its graph.

    Parameters
    ----------
    x : float, in radians
    y : float, not 0

    Returns
    -------
    (∂f/∂x, ∂f/∂y) : two floats, with all their digits
    """
    ### BEGIN SOLUTION
    w1, w2 = x, y
    w3 = np.cos(w1)
    w4 = np.sin(w1)
    d_w7 = 1.0
    d_w5, d_w6 = d_w7, d_w7  # w7 = w5 + w6
    d_w3, d_w4 = d_w5 * w4, d_w5 * w3  # w5 = w3 · w4
    d_w2 = -d_w6 * w1 / w2**2  # w6 = w1 / w2
    d_w1 = d_w6 / w2 + d_w4 * np.cos(w1) - d_w3 * np.sin(w1)  # three ways lead back
    return float(d_w1), float(d_w2)
    ### END SOLUTION


def numerical_gradient(
    f: Callable[[np.ndarray], float],
    x: np.ndarray,
    h: float = 1e-5,
) -> np.ndarray:
    """Estimate the gradient of f at x by central differences, one entry at a time.

    Parameters
    ----------
    f : function of one array that returns one number
    x : array of any shape, of float64, or of float32 with a wide step such as 1/8; f
        gets arrays of the same shape. Afterwards x is as it was, to the last digit.
    h : float, the step to each side

    Returns
    -------
    array of float64, the shape of x: entry i is (f(x + h·eᵢ) − f(x − h·eᵢ)) / (2h),
    where eᵢ is 1 at entry i and 0 elsewhere
    """
    ### BEGIN SOLUTION
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        before = x[index]
        x[index] = before + h
        above = f(x)
        x[index] = before - h
        below = f(x)
        x[index] = before
        gradient[index] = (above - below) / (2 * h)
    return gradient
    ### END SOLUTION


def linear_backward(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Backward pass of `linear`.

    Parameters
    ----------
    dout : array (N, M), gradient of the loss with respect to the layer's output
    x : array (N, D), the layer's input
    w : array (D, M), its weights

    Returns
    -------
    (dx, dw, db) : gradients with respect to x (N, D), w (D, M) and the bias (M,);
        dw and db are summed over the batch. float64 keeps all its digits, and `dout`,
        `x` and `w` stay as they were.
    """
    ### BEGIN SOLUTION
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
    ### END SOLUTION


def relu_backward(dout: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Backward pass of `relu`: the gradient passes where the input was positive.

    Parameters
    ----------
    dout : array of any shape, gradient of the loss with respect to the output
    x : array of the same shape, the input

    Returns
    -------
    array of the same shape, the gradient with respect to x: `dout`, to its last digit,
    where x is positive, and 0 elsewhere, also where x is 0. `dout` and `x` stay as
    they were.
    """
    ### BEGIN SOLUTION
    return np.where(x > 0, dout, 0)
    ### END SOLUTION


def softmax_cross_entropy_backward(
    logits: np.ndarray,
    labels: np.ndarray,
) -> np.ndarray:
    """Gradient of the mean cross-entropy loss with respect to the logits.

    Parameters
    ----------
    logits : array (N, K), of any size that `softmax` takes; N is 1 or more, as no
        examples have no mean
    labels : array of integers (N,), from 0 to K − 1

    Returns
    -------
    array (N, K): (softmax(logits) − one-hot(labels)) / N; float64 keeps all its digits.
    `logits` and `labels` stay as they were.
    """
    ### BEGIN SOLUTION
    if len(logits) == 0:
        raise ValueError("there is no mean loss of no examples, so no gradient either")
    gradient = softmax(logits)
    gradient[np.arange(len(labels)), labels] -= 1
    return gradient / len(labels)
    ### END SOLUTION


def max_pool2d_backward(
    dout: np.ndarray,
    x: np.ndarray,
    size: int,
    stride: int,
) -> np.ndarray:
    """Backward pass of `max_pool2d`: a window's gradient goes to its largest cell.

    The forward pass ran without ceil mode.

    Parameters
    ----------
    dout : array (N, H′, W′, C), gradient with respect to the pooled maps
    x : array (N, H, W, C), the input of the pooling layer
    size, stride : int, as in the forward pass; windows may overlap

    Returns
    -------
    array (N, H, W, C), the gradient with respect to x. Where windows overlap, their
    gradients add up. If the largest value of a window stands in several cells, the
    first of them (row by row) gets the gradient; sharing it equally among them is
    right as well. float64 keeps all its digits, and `dout` and `x` stay as they were.
    """
    ### BEGIN SOLUTION
    H_out, W_out = dout.shape[1:3]
    largest = max_pool2d(x, size, stride)
    waiting = np.full(dout.shape, True)  # windows whose largest cell has not been met
    dx = np.zeros(x.shape, dtype=dout.dtype)
    for u, v in np.ndindex(size, size):
        rows = slice(u, u + stride * H_out, stride)
        columns = slice(v, v + stride * W_out, stride)
        wins = waiting & (x[:, rows, columns] == largest)
        dx[:, rows, columns] += dout * wins
        waiting &= ~wins
    return dx
    ### END SOLUTION


def avg_pool2d_backward(
    dout: np.ndarray,
    x_shape: tuple[int, int, int, int],
    size: int,
    stride: int,
) -> np.ndarray:
    """Backward pass of `avg_pool2d`: a window's cells share its gradient equally.

    The forward pass ran in ceil mode.

    Parameters
    ----------
    dout : array (N, H′, W′, C), gradient with respect to the pooled maps
    x_shape : (N, H, W, C), the shape of the layer's input
    size, stride : int, as in the forward pass; windows may overlap, or stick out
        over the edge

    Returns
    -------
    array (N, H, W, C), the gradient with respect to the input: each window's
    gradient divided by the number of its cells that exist, added up where windows
    overlap; 0 in cells of no window. float64 keeps all its digits, and `dout` stays as
    it was.
    """
    ### BEGIN SOLUTION
    dx = np.zeros(x_shape, dtype=dout.dtype)
    for i, j in np.ndindex(dout.shape[1:3]):
        window = dx[:, i * stride : i * stride + size, j * stride : j * stride + size, :]
        window += dout[:, i : i + 1, j : j + 1, :] / (window.shape[1] * window.shape[2])
    return dx
    ### END SOLUTION


def conv2d_backward(
    dout: np.ndarray,
    x: np.ndarray,
    w: np.ndarray,
    stride: int = 1,
    padding: int = 0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Backward pass of `conv2d`.

    Parameters
    ----------
    dout : array (N, H′, W′, K), gradient of the loss with respect to the output
    x : array (N, H, W, C), the layer's input
    w : array (F_h, F_w, C, K), its filters
    stride, padding : int, as in the forward pass

    Returns
    -------
    (dx, dw, db) : gradients with respect to x (N, H, W, C), w (F_h, F_w, C, K) and
        the bias (K,); dw and db are summed over the batch. Pixels that no window
        saw get 0, float64 keeps all its digits, and `dout`, `x` and `w` stay as they
        were.
    """
    ### BEGIN SOLUTION
    _, H, W, C = x.shape
    F_h, F_w, _, K = w.shape
    H_out, W_out = dout.shape[1:3]
    padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    d_padded = np.zeros(padded.shape, dtype=dout.dtype)
    dw = np.zeros(w.shape, dtype=dout.dtype)
    for u, v in np.ndindex(F_h, F_w):
        rows = slice(u, u + stride * H_out, stride)
        columns = slice(v, v + stride * W_out, stride)
        seen = padded[:, rows, columns].reshape(-1, C)  # the pixels under this weight
        dw[u, v] = seen.T @ dout.reshape(-1, K)  # a linear layer's
        d_padded[:, rows, columns] += dout @ w[u, v].T
    dx = d_padded[:, padding : padding + H, padding : padding + W]
    return dx, dw, dout.sum(axis=(0, 1, 2))
    ### END SOLUTION


def tape_gradient(links: list[tuple[int, int, float]], count: int) -> np.ndarray:
    """Gradient of the last value on a tape with respect to every value on it.

    Parameters
    ----------
    links : list of (place, source, rate): the value at `place` was computed from the
        value at `source`, and follows it at that rate. They stand in the order in
        which the values were computed, so `source` is less than `place`; for x · x
        there are two with the same places.
    count : int, how many values there are, 1 or more; their places are 0 to count − 1

    Returns
    -------
    array of float64 (count,): how fast the last value, at place count − 1, follows each
        of them; 1 for itself, 0 for those that it does not depend on. float64 keeps all
        its digits, and `links` stays as it was.
    """
    ### BEGIN SOLUTION
    gradient = np.zeros(count)
    gradient[-1] = 1
    for place, source, rate in reversed(links):
        gradient[source] += rate * gradient[place]
    return gradient
    ### END SOLUTION
