"""Chapter 8, the four networks: steps that learn, dropout, a whole digit network, and the loop that trains it."""

from collections.abc import Callable

import numpy as np

from solutions.backprop import (
    conv2d_backward,
    linear_backward,
    max_pool2d_backward,
    relu_backward,
    softmax_cross_entropy_backward,
)
from solutions.filters import relu
from solutions.fully_connected import cross_entropy, flatten, linear
from solutions.padding import conv2d
from solutions.pooling import max_pool2d


def sgd_step(
    param: np.ndarray,
    grad: np.ndarray,
    learning_rate: float,
) -> np.ndarray:
    """One step of gradient descent.

    Parameters
    ----------
    param : array of float of any shape
    grad : array of the same shape, gradient of the loss with respect to `param`
    learning_rate : float, α

    Returns
    -------
    array, the parameter after the step θ ← θ − α∇J, of the same dtype; float64 keeps
    all its digits. `param` and `grad` stay as they were.
    """
    ### BEGIN SOLUTION
    return param - learning_rate * grad
    ### END SOLUTION


def adam_step(
    param: np.ndarray,
    grad: np.ndarray,
    state: dict,
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> tuple[np.ndarray, dict]:
    """One step of Adam (Kingma and Ba, 2015).

    Parameters
    ----------
    param : array of float of any shape
    grad : array of the same shape, gradient of the loss with respect to `param`
    state : dict of this parameter: "m" and "v", arrays of the same shape, running
        means of the gradient and of its square, and "t", int, the steps done so
        far. Before the first step m and v are zeros and t is 0.
    learning_rate : float, α
    beta1, beta2 : float, the share of the old m and of the old v that stays
    epsilon : float, added to the root of the corrected v

    Returns
    -------
    (param, state) : both after the step, of the same dtypes; float64 keeps all its
        digits. With t counted up, the parameter moves by
        −α · (m / (1 − beta1ᵗ)) / (√(v / (1 − beta2ᵗ)) + epsilon). The state keeps m
        and v uncorrected. What was handed in stays as it was.
    """
    ### BEGIN SOLUTION
    t = state["t"] + 1
    m = beta1 * state["m"] + (1 - beta1) * grad
    v = beta2 * state["v"] + (1 - beta2) * grad**2
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    return param - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon), {"m": m, "v": v, "t": t}
    ### END SOLUTION


def dropout(
    x: np.ndarray,
    rate: float,
    rng: np.random.Generator,
    training: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Inverted dropout: switch entries off at random, scale up those that stay.

    Parameters
    ----------
    x : array of float of any shape
    rate : float, the probability with which each entry is dropped, 0 ≤ rate < 1
    rng : random number generator of NumPy; no other source of chance is used
    training : bool. False switches nothing off.

    Returns
    -------
    (out, scale) : two arrays of the shape and dtype of x, out = x · scale. In
        training, each entry of scale is, on its own, 0 with probability `rate`, and
        else 1 / (1 − rate), to the last digit. Otherwise all are 1. The backward pass is
        dout · scale. `x` stays as it was.
    """
    ### BEGIN SOLUTION
    if not training:
        return x.copy(), np.ones_like(x)
    kept = rng.random(x.shape) >= rate
    scale = (kept / (1 - rate)).astype(x.dtype)
    return x * scale, scale
    ### END SOLUTION


def lenet_logits(params: dict[str, np.ndarray], images: np.ndarray) -> np.ndarray:
    """Forward pass of a LeNet-like digit network.

    Convolution, ReLU, 2×2 max pooling, the same three once more, flatten, a hidden
    layer with ReLU, an output layer. Convolutions have stride 1 and padding 1, of
    zeros. Pooling has stride 2 and drops a row or column that is left over.

    Parameters
    ----------
    params : dict of arrays: "filters1" (3, 3, C, K1), "bias1" (K1,),
        "filters2" (3, 3, K1, K2), "bias2" (K2,), "hidden_w" (D, M), "hidden_b" (M,),
        "output_w" (M, classes), "output_b" (classes,), where D is the length of the
        flattened pooled maps
    images : array of float (N, H, W, C)

    Returns
    -------
    array (N, classes): the logits, to which no activation was applied; float64 keeps
    all its digits. `params` and `images` stay as they were.
    """
    ### BEGIN SOLUTION
    maps1 = max_pool2d(relu(conv2d(images, params["filters1"], params["bias1"], padding=1)), 2)
    maps2 = max_pool2d(relu(conv2d(maps1, params["filters2"], params["bias2"], padding=1)), 2)
    hidden = relu(linear(flatten(maps2), params["hidden_w"], params["hidden_b"]))
    return linear(hidden, params["output_w"], params["output_b"])
    ### END SOLUTION


def lenet_gradients(
    params: dict[str, np.ndarray],
    images: np.ndarray,
    labels: np.ndarray,
) -> tuple[float, dict[str, np.ndarray]]:
    """Loss of the digit network of `lenet_logits`, and its gradient.

    Parameters
    ----------
    params : dict of arrays, as in `lenet_logits`
    images : array of float (N, H, W, C)
    labels : array of integers (N,), the true classes

    Returns
    -------
    (loss, gradients) : the mean cross-entropy, and a dict that holds, under each
        name of `params`, the gradient of the loss with respect to it, of its shape;
        float64 keeps all its digits. What was handed in stays as it was.
    """
    ### BEGIN SOLUTION
    before1 = conv2d(images, params["filters1"], params["bias1"], padding=1)
    after1 = relu(before1)
    maps1 = max_pool2d(after1, 2)
    before2 = conv2d(maps1, params["filters2"], params["bias2"], padding=1)
    after2 = relu(before2)
    maps2 = max_pool2d(after2, 2)
    flat = flatten(maps2)
    before3 = linear(flat, params["hidden_w"], params["hidden_b"])
    hidden = relu(before3)
    logits = linear(hidden, params["output_w"], params["output_b"])

    grads = {}
    dout = softmax_cross_entropy_backward(logits, labels)
    dout, grads["output_w"], grads["output_b"] = linear_backward(dout, hidden, params["output_w"])
    dout = relu_backward(dout, before3)
    dout, grads["hidden_w"], grads["hidden_b"] = linear_backward(dout, flat, params["hidden_w"])
    dout = max_pool2d_backward(dout.reshape(maps2.shape), after2, 2, 2)
    dout = relu_backward(dout, before2)
    dout, grads["filters2"], grads["bias2"] = conv2d_backward(dout, maps1, params["filters2"], padding=1)
    dout = max_pool2d_backward(dout, after1, 2, 2)
    dout = relu_backward(dout, before1)
    _, grads["filters1"], grads["bias1"] = conv2d_backward(dout, images, params["filters1"], padding=1)
    return cross_entropy(logits, labels), grads
    ### END SOLUTION


def train(
    logits: Callable,
    gradients: Callable,
    params: dict[str, np.ndarray],
    data: dict[str, np.ndarray],
    rng: np.random.Generator,
    epochs: int,
    batch_size: int,
    learning_rate: float,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Train a network with Adam, batch by batch, epoch by epoch.

    Parameters
    ----------
    logits : function of (params, images) that returns the logits (N, classes)
    gradients : function of (params, images, labels, rng) that returns the loss and a
        dict of gradients, named as in `params`
    params : dict of arrays, the parameters to begin with; stays as it was
    data : dict of arrays: images and labels of three sets, "train_images",
        "train_labels", "validation_images", "validation_labels", "test_images",
        "test_labels"; stays as it was. Training learns from the first set and measures
        on the second.
    rng : random number generator of NumPy. It puts the training images into a new
        order in each epoch, and is handed on to `gradients`.
    epochs : int, how often all training images are gone through
    batch_size : int, images in a batch; the last batch of an epoch may be smaller
    learning_rate : float, that of Adam, whose other settings keep their defaults

    Returns
    -------
    (params, history) : the parameters after the last step, and a dict of two arrays:
        "loss", what `gradients` said at each step, and "accuracy", the share of
        validation images classified rightly after each epoch
    """
    ### BEGIN SOLUTION
    states = {name: {"m": np.zeros_like(p), "v": np.zeros_like(p), "t": 0} for name, p in params.items()}
    params, losses, accuracies = dict(params), [], []
    images, labels = data["train_images"], data["train_labels"]
    for _ in range(epochs):
        order = rng.permutation(len(labels))
        for start in range(0, len(labels), batch_size):
            batch = order[start : start + batch_size]
            loss, grads = gradients(params, images[batch], labels[batch], rng)
            for name in params:
                params[name], states[name] = adam_step(params[name], grads[name], states[name], learning_rate)
            losses.append(loss)
        guesses = logits(params, data["validation_images"]).argmax(axis=1)
        accuracies.append(np.mean(guesses == data["validation_labels"]))
    return params, {"loss": np.array(losses), "accuracy": np.array(accuracies)}
    ### END SOLUTION
