"""Chapter 6, fully connected: from feature maps to a probability, and to one number that says how wrong it is."""

import numpy as np

from solutions.filters import relu
from solutions.padding import conv2d
from solutions.pooling import max_pool2d


def flatten(x: np.ndarray) -> np.ndarray:
    """Write each image of a batch as one row.

    Parameters
    ----------
    x : array (N, H, W, C)

    Returns
    -------
    array (N, H·W·C) of the same values: within a row, pixels run row by row, and
    each pixel's channels stand side by side. `x` stays as it was.
    """
    ### BEGIN SOLUTION
    N, H, W, C = x.shape
    return x.reshape(N, H * W * C)
    ### END SOLUTION


def linear(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Fully connected layer: weighted sums of all inputs, each plus a bias.

    Parameters
    ----------
    x : array (N, D), a row for each example
    w : array (D, M), a column of weights for each output
    b : array (M,), a bias for each output

    Returns
    -------
    array (N, M); no activation is applied, and float64 keeps all its digits. `x`, `w`
    and `b` stay as they were.
    """
    ### BEGIN SOLUTION
    return x @ w + b
    ### END SOLUTION


def sigmoid(z: np.ndarray) -> np.ndarray:
    """Squeeze every entry into the range from 0 to 1: σ(z) = 1 / (1 + e^(−z)).

    Parameters
    ----------
    z : array of any shape, of float64, float32 or whole numbers

    Returns
    -------
    array of float of the same shape; right and without a warning for every z, also
    for ±1000. float64 keeps all its digits, and `z` stays as it was.
    """
    ### BEGIN SOLUTION
    z = 1.0 * z  # whole numbers become floats: uint8 has no −5, int8 no 128
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, small) / (1 + small)
    ### END SOLUTION


def log_loss(p: np.ndarray, y: np.ndarray) -> float:
    """Mean log loss of predicted probabilities.

    The loss of one is −[y · log p + (1 − y) · log(1 − p)], with the natural
    logarithm.

    Parameters
    ----------
    p : array (N,), predicted probability that the answer is 1: float64 from 0 to 1
        inclusive, or float32 between the two; N is 1 or more, as no examples have no
        mean
    y : array (N,), the true answers, each 0 or 1, as integers or floats

    Returns
    -------
    float, always finite: p is first kept between 1e-12 and 1 − 1e-12. float64 keeps
    all its digits, and `p` and `y` stay as they were.
    """
    ### BEGIN SOLUTION
    if len(p) == 0:
        raise ValueError("there is no mean loss of no examples")
    p = np.clip(np.asarray(p, dtype=np.float64), 1e-12, 1 - 1e-12)
    return float(np.mean(-(y * np.log(p) + (1 - y) * np.log(1 - p))))
    ### END SOLUTION


def softmax(z: np.ndarray) -> np.ndarray:
    """Turn each row of scores into probabilities that sum to 1.

    Parameters
    ----------
    z : array (N, K), a row of logits for each example

    Returns
    -------
    array of float (N, K): e^(z − max) / Σ e^(z − max) by row; without a warning, as
    long as the differences within a row fit a float. float64 keeps all its digits, and
    `z` stays as it was.
    """
    ### BEGIN SOLUTION
    powers = np.exp(1.0 * z - z.max(axis=1, keepdims=True))  # 1.0: in uint8, 1 − 2 would be 255
    return powers / powers.sum(axis=1, keepdims=True)
    ### END SOLUTION


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean cross-entropy: −log of the true class's probability after softmax.

    Parameters
    ----------
    logits : array (N, K), scores before softmax; N is 1 or more, as no examples have
        no mean
    labels : array of integers (N,), the true classes, from 0 to K − 1

    Returns
    -------
    float: the mean over the N examples; finite, as long as the differences within a
    row fit a float. float64 keeps all its digits, and `logits` and `labels` stay as
    they were.
    """
    ### BEGIN SOLUTION
    if len(logits) == 0:
        raise ValueError("there is no mean loss of no examples")
    shifted = 1.0 * logits - logits.max(axis=1, keepdims=True)  # 1.0: in uint8, 1 − 2 would be 255
    log_sums = np.log(np.exp(shifted).sum(axis=1))
    return float(np.mean(log_sums - shifted[np.arange(len(labels)), labels]))
    ### END SOLUTION


def x_or_not_x(image: np.ndarray, params: dict[str, np.ndarray]) -> float:
    """Probability that a small picture shows an X, by the network of the story.

    Convolution, ReLU, 2×2 max pooling that keeps ragged edges, flatten, a hidden
    layer of 3 neurons with ReLU, one output neuron with sigmoid.

    Parameters
    ----------
    image : array of float (H, W), 1 is ink and 0 is paper
    params : dict of arrays: "filters" (3, 3, 1, K), "filter_bias" (K,),
        "hidden_w" (D, 3), "hidden_b" (3,), "output_w" (3, 1), "output_b" (1,),
        where D is the length of the flattened pooled maps

    Returns
    -------
    a plain float between 0 and 1; float64 keeps all its digits, and `image` and the
    arrays in `params` stay as they were
    """
    ### BEGIN SOLUTION
    x = image[None, :, :, None]
    maps = relu(conv2d(x, params["filters"], params["filter_bias"]))
    pooled = max_pool2d(maps, 2, ceil_mode=True)
    hidden = relu(linear(flatten(pooled), params["hidden_w"], params["hidden_b"]))
    return float(sigmoid(linear(hidden, params["output_w"], params["output_b"]))[0, 0])
    ### END SOLUTION
