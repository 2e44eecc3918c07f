"""A second way to train, for networks that need more than Adam at one rate: momentum, a rate that rises and falls, decay."""

from collections.abc import Callable

import numpy as np

Arrays = dict[str, np.ndarray]


def rate_at(share: float, peak: float, rising: float = 0.25, start: float = 0.1) -> float:
    """Learning rate after a share of all steps, from 0 to 1.

    It rises in a straight line from `start` · `peak` to `peak`, during the share `rising`, and falls in a straight line
    to 0 at the end (after Smith and Topin, 2017, "super-convergence").
    """
    if share < rising:
        return peak * (start + (1 - start) * share / rising)
    return peak * (1 - share) / (1 - rising)


def train_one_cycle(
    logits: Callable,
    gradients: Callable,
    params: Arrays,
    data: Arrays,
    rng: np.random.Generator,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    momentum: float = 0.9,
    decay: float = 5e-4,
) -> tuple[Arrays, Arrays]:
    """Train as `train` of chapter 8 does, with Nesterov's momentum and one cycle of the rate for all epochs.

    Parameters
    ----------
    logits, gradients, params, data, rng, epochs, batch_size : as in `train`, but the few images that would make a
        smaller batch at the end of an epoch wait for another epoch, since batch normalisation wants full ones
    learning_rate : float, the highest rate
    momentum : float, the share of the old direction that stays
    decay : float; each weight (a parameter whose name ends with ".w") is drawn to 0 by this share of the rate

    Returns
    -------
    (params, history), as from `train`
    """
    params, directions = dict(params), {name: np.zeros_like(value) for name, value in params.items()}
    count = len(data["train_labels"])
    size = min(batch_size, count)
    a_round = count // size
    losses, shares_right = [], []
    for epoch in range(epochs):
        shuffled = rng.permutation(count)[: a_round * size].reshape(a_round, size)
        for step, chosen in enumerate(shuffled):
            loss, grads = gradients(params, data["train_images"][chosen], data["train_labels"][chosen], rng)
            rate = rate_at((epoch * a_round + step) / (epochs * a_round), learning_rate)
            for name, value in params.items():
                slope = grads[name] + decay * value if name.endswith(".w") else grads[name]
                directions[name] = momentum * directions[name] + slope
                params[name] = (value - rate * (slope + momentum * directions[name])).astype(value.dtype)
            losses.append(float(loss))
        right = logits(params, data["validation_images"]).argmax(axis=1) == data["validation_labels"]
        shares_right.append(right.mean())
    return params, {"loss": np.array(losses), "accuracy": np.array(shares_right)}


def smoothed(share: float, loss: Callable, backward: Callable) -> tuple[Callable, Callable]:
    """The same loss and gradient for labels that are not quite sure: `share` of the chance goes to all classes alike.

    Parameters
    ----------
    share : float from 0 to 1, ε of label smoothing (Szegedy and others, 2016)
    loss, backward : mean cross-entropy of (logits, labels) and its gradient with respect to the logits

    Returns
    -------
    (loss, backward) of the cross-entropy with such labels. Of K classes each has the label ε / K, and the true one 1 − ε
    beside. Written out, that is the usual loss plus ε times the distance of the true logit above the mean of all logits.
    """

    def mixed(logits: np.ndarray, labels: np.ndarray) -> float:
        own = np.take_along_axis(logits, labels[:, None], axis=1)
        return loss(logits, labels) + share * float(np.mean(own - logits))

    def mixed_backward(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
        gradient = backward(logits, labels)
        N, K = logits.shape
        gradient[np.arange(N), labels] += share / N
        return gradient - logits.dtype.type(share / (N * K))

    return mixed, mixed_backward
