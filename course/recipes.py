"""How the networks of the course come about: the layers of each, its data, and the plan by which it learns."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from course.datasets import (
    CIFAR10_CLASSES,
    PATCH_CLASSES,
    cifar10,
    cifar10_source,
    digits,
    mnist,
    photo_patches,
    x_pictures,
)
from course.network import (
    BatchNorm,
    Conv,
    Crop,
    Dropout,
    Flatten,
    Layer,
    Linear,
    MaxPool,
    Network,
    Pad,
    Params,
    ReLU,
    Scale,
    in_parallel,
)
from course.one_cycle import smoothed, train_one_cycle
from solutions.backprop import softmax_cross_entropy_backward
from solutions.fully_connected import cross_entropy
from solutions.left_out import random_shift
from solutions.training import dropout, train
from solutions.tuned import (
    batch_norm_quick,
    batch_norm_quick_backward,
    conv2d_fast,
    conv2d_fast_backward,
    conv2d_filters_backward,
    conv2d_turned_backward,
    im2col,
    max_pool2d_quick_backward,
    relu_quick_backward,
)

Data = dict[str, np.ndarray]


@dataclass(frozen=True)
class Recipe:
    """All that makes a trained network, but for the seed."""

    title: str
    classes: tuple[str, ...]
    network: Network
    data: Callable[[int], Data]
    """From a seed to the three sets of images and labels that `train` wants."""
    gradients: Callable
    """The network's gradients as `train` wants them: of images as they are or moved, on one core or more."""
    phases: tuple[tuple[int, float], ...]
    """(epochs, learning rate), one phase after the other. Adam, or what takes its place, starts afresh in each."""
    batch_size: int
    train: Callable = train
    """The loop: `train` of chapter 8, or another with its arguments and results."""
    chooses_epoch: bool = False
    """Whether the parameters are those of the epoch with the best validation accuracy, not those of the last."""
    averages: int = 1
    """If more than 1, the parameters are the mean of those after each of so many last epochs."""
    moved: int = 0
    """A test image is judged by the mean of its logits at all places up to so many pixels away each way."""
    mirrored: bool = False
    """A test image is judged by the mean of its logits as it is and mirrored, left for right."""
    source: Callable[[], dict[str, str]] | None = None
    """Says which pictures were used, where that may differ from machine to machine."""
    watched: bool = False
    """Whether the record shows the feature maps of one image after each epoch."""


@dataclass(frozen=True)
class Learned:
    """What training leaves."""

    params: Params
    epochs: list[Params]
    """The parameters before the first step, then after each epoch."""
    loss: np.ndarray
    """At each step."""
    accuracy: np.ndarray
    """On the validation images, after each epoch."""


def learn(
    recipe: Recipe, data: Data, seed: int, look: Callable[[int, Params], None] = lambda step, params: None
) -> Learned:
    """Train by a recipe. Before each step, `look(step, params)` may look on.

    The test images are not touched.
    """
    steps = 0

    def logits(params: Params, images: np.ndarray) -> np.ndarray:
        epochs.append(dict(params))  # the loop asks for logits once an epoch
        return recipe.network.logits(params, images)

    def gradients(params: Params, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator):
        nonlocal steps
        look(steps, params)
        steps += 1
        return recipe.gradients(params, images, labels, rng)

    rng = np.random.default_rng(seed)
    params = recipe.network.init(rng)
    epochs, histories = [params], []
    for count, learning_rate in recipe.phases:
        params, history = recipe.train(
            logits, gradients, params, data, rng, count, recipe.batch_size, learning_rate
        )
        histories.append(history)
    loss, accuracy = (np.concatenate([history[key] for history in histories]) for key in ("loss", "accuracy"))
    if recipe.chooses_epoch:
        params = epochs[1 + int(accuracy.argmax())]
    elif recipe.averages > 1:
        last = epochs[-recipe.averages :]
        params = {name: np.mean([one[name] for one in last], axis=0) for name in params}
    return Learned(params, epochs, loss, accuracy)


def judge(recipe: Recipe, params: Params, images: np.ndarray) -> np.ndarray:
    """Logits (N, classes) by which a recipe judges images (N, H, W, C).

    They are the mean over (2 · `moved` + 1)² places, if the recipe is `mirrored` of the mirrored images too.
    """
    most, (H, W, _) = recipe.moved, images.shape[1:]
    framed = np.pad(images, ((0, 0), (most, most), (most, most), (0, 0)))
    seen = [framed[:, i : i + H, j : j + W] for i, j in np.ndindex(2 * most + 1, 2 * most + 1)]
    if recipe.mirrored:
        seen += [images[:, :, ::-1] for images in seen]
    return np.mean([recipe.network.logits(params, images) for images in seen], axis=0)


FAST = (conv2d_fast, conv2d_fast_backward)


def weights_only(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> tuple[None, np.ndarray, np.ndarray]:
    """Backward pass of the first convolution. Nothing before it learns, so that its dx is not worked out."""
    columns = im2col(x, *w.shape[:2], stride, padding)
    return None, (columns.T @ dout.reshape(-1, w.shape[3])).reshape(w.shape), dout.sum(axis=(0, 1, 2))


FIRST = (conv2d_fast, weights_only)


def of_shifted(gradients: Callable, most: int) -> Callable:
    """The same gradients, of images each of which was first moved by up to `most` pixels each way."""
    return lambda params, images, labels, rng: gradients(params, random_shift(images, most, rng), labels, rng)


def of_mirrored(gradients: Callable) -> Callable:
    """The same gradients, of images each of which was first mirrored, left for right, or not, as a coin falls."""

    def mirrored(params: Params, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator):
        heads = rng.random(len(images)) < 0.5
        return gradients(
            params, np.where(heads[:, None, None, None], images[:, :, ::-1], images), labels, rng
        )

    return mirrored


def x_or_not_x() -> Recipe:
    """Like the network of the X story, for larger paper: 3×3 filters, 2×2 pooling that keeps the ragged edge.

    Two logits take the place of the one sigmoid; softmax of two is the sigmoid of their difference. Zeros after
    ReLU never win a window that holds ink, so that a border of zeros keeps the ragged edge.
    """

    def pictures(seed: int) -> Data:
        rng = np.random.default_rng([seed, 9])
        data = {}
        for part, count in {"train": 4000, "validation": 1000, "test": 2000}.items():
            data[f"{part}_images"], data[f"{part}_labels"], _ = x_pictures(count, rng)
        return data

    network = Network(
        (9, 9, 1),
        [Conv(8, 3), ReLU(), Pad(0, 1), MaxPool(2), Flatten(), Linear(8), ReLU(), Linear(2)],
    )
    return Recipe(
        title="X or not X",
        classes=("not an X", "X"),
        network=network,
        data=pictures,
        gradients=network.gradients,
        phases=((15, 0.003), (5, 0.0005)),
        batch_size=32,
        watched=True,
    )


def small_digits() -> Recipe:
    """The digit network of chapter 8, `lenet_logits`, on the 8×8 digits that come with scikit-learn.

    It learns from images moved by up to a pixel, to make up for their small number.
    """
    network = Network(
        (8, 8, 1),
        [
            Conv(32, 3, 1),
            ReLU(),
            MaxPool(2),
            Conv(64, 3, 1),
            ReLU(),
            MaxPool(2),
            Flatten(),
            Linear(128),
            ReLU(),
            Linear(10),
        ],
    )
    return Recipe(
        title="8×8 digits",
        classes=tuple("0123456789"),
        network=network,
        data=lambda seed: digits(),
        gradients=of_shifted(network.gradients, 1),
        phases=((30, 0.002), (10, 0.0004)),
        batch_size=32,
        watched=True,
    )


def lenet() -> Recipe:
    """A network like LeNet-5 (LeCun and others, 1998) on MNIST, with ReLU for tanh and max pooling for averages.

    It learns from images moved by up to a pixel.
    """
    network = Network(
        (28, 28, 1),
        [
            Conv(6, 5, 2, kernels=FIRST),
            ReLU(),
            MaxPool(2),
            Conv(16, 5, kernels=FAST),
            ReLU(),
            MaxPool(2),
            Flatten(),
            Linear(120),
            ReLU(),
            Linear(84),
            ReLU(),
            Linear(10),
        ],
    )
    return Recipe(
        title="LeNet-5 on MNIST",
        classes=tuple("0123456789"),
        network=network,
        data=lambda seed: mnist(),
        gradients=in_parallel(of_shifted(network.gradients, 1)),
        phases=((8, 0.001), (4, 0.0002)),
        batch_size=64,
        watched=True,
    )


def article() -> Recipe:
    """The network of the Keras article, layer for layer, trained and judged as there.

    All 60,000 images are learned from, and the test images are the validation images as well.
    """

    def without_validation(seed: int) -> Data:
        data = mnist(validation=0)
        return data | {f"validation_{what}": data[f"test_{what}"] for what in ("images", "labels")}

    network = Network(
        (28, 28, 1),
        [
            Pad(0, 1),
            Conv(24, 2, kernels=FAST),
            ReLU(),
            MaxPool(2),
            Pad(0, 1),
            Conv(48, 2, kernels=FAST),
            ReLU(),
            MaxPool(2),
            Flatten(),
            Linear(512),
            ReLU(),
            Dropout(0.5, dropout),
            Linear(128),
            ReLU(),
            Dropout(0.5, dropout),
            Linear(10),
        ],
    )
    return Recipe(
        title="the article's network, judged as there",
        classes=tuple("0123456789"),
        network=network,
        data=without_validation,
        gradients=network.gradients,
        phases=((10, 0.001),),
        batch_size=24,
    )


def article_apart() -> Recipe:
    """The same network with validation and test kept apart: the epoch is chosen on 5,000 training images."""
    return replace(
        article(),
        title="the article's network, test set apart",
        data=lambda seed: mnist(),
        chooses_epoch=True,
    )


def improved() -> Recipe:
    """The course's own network for MNIST.

    It learns from images moved by up to two pixels, at a rate that falls once. Its parameters are the mean of those
    after each of the last epochs, and it looks at a test image nine times, moved by up to a pixel each way.
    """
    network = Network(
        (28, 28, 1),
        [
            Conv(16, 5, kernels=FIRST),
            MaxPool(2),
            ReLU(),
            Conv(32, 3, 1, kernels=FAST),
            MaxPool(2),
            ReLU(),
            Conv(64, 3, 1, kernels=FAST),
            ReLU(),
            Conv(64, 3, 1, kernels=FAST),
            MaxPool(2),
            ReLU(),
            Flatten(),
            Linear(128),
            ReLU(),
            Dropout(0.5, dropout),
            Linear(10),
        ],
    )
    return Recipe(
        title="the course's network",
        classes=tuple("0123456789"),
        network=network,
        data=lambda seed: mnist(),
        gradients=in_parallel(of_shifted(network.gradients, 2)),
        phases=((9, 0.001), (7, 0.0003)),
        batch_size=64,
        averages=8,
        moved=1,
    )


def photos() -> Recipe:
    """A classifier of colour photographs, here of patches that show one of six things.

    Validation patches come from the training rectangles, test patches from others.
    """

    def patches(seed: int) -> Data:
        rng = np.random.default_rng([seed, 32])
        data = {}
        for part, count in {"train": 3000, "validation": 600, "test": 1200}.items():
            images, labels = photo_patches(count, rng, "test" if part == "test" else "train")
            data[f"{part}_images"], data[f"{part}_labels"] = images / np.float32(255), labels
        return data

    network = Network(
        (32, 32, 3),
        [
            Conv(16, 5, 2, kernels=FIRST),
            MaxPool(2),
            ReLU(),
            Conv(32, 3, 1, kernels=FAST),
            MaxPool(2),
            ReLU(),
            Conv(32, 3, 1, kernels=FAST),
            MaxPool(2),
            ReLU(),
            Flatten(),
            Linear(64),
            ReLU(),
            Dropout(0.5, dropout),
            Linear(6),
        ],
    )
    return Recipe(
        title="photographs of six things",
        classes=PATCH_CLASSES,
        network=network,
        data=patches,
        gradients=in_parallel(network.gradients),
        phases=((16, 0.001), (4, 0.0003)),
        batch_size=32,
    )


def cifar() -> Recipe:
    """A classifier of colour photographs on CIFAR-10: four convolutions with batch normalisation.

    It learns from squares of 28×28 pixels at random places, mirrored or not, with one cycle of the learning rate, from
    labels that are a tenth unsure. It pools before it normalises, which leaves fewer numbers to work on.
    """

    def block(filters: int, backward: Callable = conv2d_turned_backward, pools: bool = True) -> list[Layer]:
        pool: list[Layer] = [MaxPool(2, max_pool2d_quick_backward)] if pools else []
        normalised = BatchNorm((batch_norm_quick, batch_norm_quick_backward))
        convolution = Conv(filters, 3, 1, kernels=(conv2d_fast, backward))
        return [convolution, *pool, normalised, ReLU(relu_quick_backward)]

    network = Network(
        (32, 32, 3),
        [
            Crop(28),
            Scale((125, 123, 114), (63, 62, 67)),  # mean and spread of the colours of its training images
            *block(32, conv2d_filters_backward),
            *block(64),
            *block(128, pools=False),
            *block(128),
            Flatten(),
            Linear(10),
        ],
        smoothed(0.1, cross_entropy, softmax_cross_entropy_backward),
    )
    return Recipe(
        title="CIFAR-10",
        classes=CIFAR10_CLASSES,
        network=network,
        data=lambda seed: cifar10(),
        gradients=in_parallel(of_mirrored(network.gradients)),
        phases=((12, 0.08),),
        batch_size=64,
        train=train_one_cycle,
        mirrored=True,
        source=cifar10_source,
    )


RECIPES: dict[str, Callable[[], Recipe]] = {
    recipe.__name__: recipe
    for recipe in (x_or_not_x, small_digits, lenet, article, article_apart, improved, photos, cifar)
}
