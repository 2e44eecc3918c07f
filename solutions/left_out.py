"""Chapter 11, what was left out: a good start, batch normalisation, and shifted pictures."""

import numpy as np


def he_init(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Random weights to begin with, spread so that ReLU layers keep the signal's size.

    Source: He, Zhang, Ren and Sun (2015).

    Parameters
    ----------
    shape : tuple of int, (D, M) for a linear layer, (F_h, F_w, C, K) for a convolution
    rng : random number generator of NumPy; no other source of chance is used

    Returns
    -------
    array of float32 of that shape: normal, neither cut off nor rounded, mean 0,
    standard deviation √(2 / inputs), where inputs counts the numbers that one output
    is summed from
    """
    ### BEGIN SOLUTION
    inputs = int(np.prod(shape[:-1]))
    return rng.normal(0, np.sqrt(2 / inputs), shape).astype(np.float32)
    ### END SOLUTION


def batch_norm(
    x: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    running: dict[str, np.ndarray],
    training: bool,
    momentum: float = 0.9,
    epsilon: float = 1e-5,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Batch normalisation (Ioffe and Szegedy, 2015): each channel to mean 0, variance 1.

    Parameters
    ----------
    x : array of float (N, D) or (N, H, W, C); statistics are those of each entry of
        the last axis, taken over all other axes
    gamma, beta : arrays (C,) or (D,), the scale and the shift learned afterwards
    running : dict of two arrays (C,) or (D,), "mean" and "var"
    training : bool. True normalises with the mean and the variance of this batch,
        False with those in `running`.
    momentum : float, the share of the old running averages that stays
    epsilon : float, added to the variance

    Returns
    -------
    (out, running) : out = gamma · (x − mean) / √(var + epsilon) + beta, of the shape of
        x, and the running averages, in training moved to momentum · old +
        (1 − momentum) · batch, else as they were. The variance divides by the number of
        values, in both uses. float64 keeps all its digits, and what was handed in stays
        as it was.
    """
    ### BEGIN SOLUTION
    if training:
        axes = tuple(range(x.ndim - 1))
        mean, var = x.mean(axis=axes), x.var(axis=axes)
        running = {
            "mean": momentum * running["mean"] + (1 - momentum) * mean,
            "var": momentum * running["var"] + (1 - momentum) * var,
        }
    else:
        mean, var = running["mean"], running["var"]
    return gamma * (x - mean) / np.sqrt(var + epsilon) + beta, running
    ### END SOLUTION


def batch_norm_backward(
    dout: np.ndarray,
    x: np.ndarray,
    gamma: np.ndarray,
    epsilon: float = 1e-5,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Backward pass of `batch_norm` in training.

    Parameters
    ----------
    dout : array of the shape of x, gradient of the loss with respect to the output
    x : array (N, D) or (N, H, W, C), the layer's input
    gamma : array (C,) or (D,)
    epsilon : float, as in the forward pass

    Returns
    -------
    (dx, dgamma, dbeta) : gradients with respect to x, gamma and beta. The mean and the
        variance depend on x too. float64 keeps all its digits, and what was handed in
        stays as it was.
    """
    ### BEGIN SOLUTION
    axes = tuple(range(x.ndim - 1))
    inv_std = 1 / np.sqrt(x.var(axis=axes) + epsilon)
    x_hat = (x - x.mean(axis=axes)) * inv_std
    dgamma, dbeta = (dout * x_hat).sum(axis=axes), dout.sum(axis=axes)
    by_mean, by_var = dout.mean(axis=axes), x_hat * (dout * x_hat).mean(axis=axes)
    return gamma * inv_std * (dout - by_mean - by_var), dgamma, dbeta
    ### END SOLUTION


def random_shift(images: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """Move every image of a batch by a random number of pixels of its own.

    Parameters
    ----------
    images : array (N, H, W, C); stays as it was
    most : int, 0 or more, the farthest move: down and right by −most to most pixels
        each, all equally likely
    rng : random number generator of NumPy; no other source of chance is used

    Returns
    -------
    array (N, H, W, C) of the same dtype. What leaves the paper is lost; zeros come in
    on the other side.
    """
    ### BEGIN SOLUTION
    N, H, W, _ = images.shape
    padded = np.pad(images, ((0, 0), (most, most), (most, most), (0, 0)))
    down, right = most - rng.integers(-most, most + 1, size=(2, N))
    shifted = np.empty_like(images)
    for n in range(N):
        shifted[n] = padded[n, down[n] : down[n] + H, right[n] : right[n] + W]
    return shifted
    ### END SOLUTION
