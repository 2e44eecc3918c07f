"""Small trainings on the 8×8 digits, repeated by seed: what the experiments of chapter 11 are made of.

Kernels of chapter 11 itself are handed in: the page has its reader's own, `make experiments` the reference.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from course.datasets import digits
from course.network import BatchNorm, Conv, Flatten, Layer, Linear, MaxPool, Network, Params, ReLU
from solutions.fast import conv2d_fast, conv2d_fast_backward, im2col
from solutions.fully_connected import sigmoid, softmax
from solutions.training import train

Data = dict[str, np.ndarray]
Gradients = Callable[..., tuple[float, Params]]

POOL = 600
"""From so many of the training images the small training sets are drawn; the rest of them is held out."""

FAST = (conv2d_fast, conv2d_fast_backward)
"""The kernels of chapter 9."""


Norm = tuple[tuple[Callable, Callable], ...]
"""The kernels of batch normalisation, forward and backward, if there is any: one pair or none."""


class Sigmoid(ReLU):
    """A layer of sigmoids; it keeps its output, of which its slope is made."""

    def forward(self, params, x, rng):
        out = sigmoid(x)
        return out, out

    def backward(self, params, dout, out):
        return dout * out * (1 - out), {}


class Tanh(ReLU):
    """The hyperbolic tangent."""

    def forward(self, params, x, rng):
        out = np.tanh(x)
        return out, out

    def backward(self, params, dout, out):
        return dout * (1 - out**2), {}


class LeakyReLU(ReLU):
    """Like ReLU, but below 0 a tenth passes."""

    def forward(self, params, x, rng):
        return np.where(x > 0, x, np.float32(0.1) * x), x

    def backward(self, params, dout, x):
        return np.where(x > 0, dout, np.float32(0.1) * dout), {}


class SquaredError(ReLU):
    """After the logits: passes them on; backward, the p − y that arrives is taken through softmax."""

    def forward(self, params, x, rng):
        return x, softmax(x)

    def backward(self, params, dout, p):
        return p * (dout - np.sum(p * dout, axis=1, keepdims=True)), {}


class Fork(ReLU):
    """Where a way round some layers begins: forward it notes x, backward the gradients of both ways add up."""

    def forward(self, params, x, rng):
        self.x = x
        return x, None

    def backward(self, params, dout, kept):
        return dout + self.dout, {}


class Join(ReLU):
    """Where that way ends: forward it adds what the fork noted, backward the gradient goes both ways."""

    def __init__(self, fork):
        self.fork = fork

    def forward(self, params, x, rng):
        return x + self.fork.x, None

    def backward(self, params, dout, kept):
        self.fork.dout = dout
        return dout, {}


ACTIVATIONS: dict[str, Layer] = {
    "sigmoid": Sigmoid(),
    "tanh": Tanh(),
    "leaky ReLU": LeakyReLU(),
    "ReLU": ReLU(),
}


def first(dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0):
    """Backward pass of a first convolution: nothing before it learns, so that its dx is not worked out."""
    columns = im2col(x, *w.shape[:2], stride, padding)
    return None, (columns.T @ dout.reshape(-1, w.shape[3])).reshape(w.shape), dout.sum(axis=(0, 1, 2))


def conv(filters: int, *, is_first: bool = False) -> Conv:
    """A convolution of 3×3 filters that keeps height and width, by the fast kernels."""
    return Conv(filters, 3, 1, kernels=(conv2d_fast, first) if is_first else FAST)


def plain(activation: Layer | None = None, filters: Sequence[int] = (8, 16)) -> list[Layer]:
    """The layers of the network that chapter 11 starts from."""
    layers: list[Layer] = []
    for number, count in enumerate(filters):
        layers += [conv(count, is_first=number == 0), activation or ReLU()]
    return [*layers, MaxPool(), Flatten(), Linear(10)]


def linear_stack(activation: Layer, depth: int = 10) -> list[Layer]:
    """`depth` times a linear layer of 32 neurons and the activation: deep and narrow, a hard case."""
    layers: list[Layer] = [Flatten()]
    for _ in range(depth):
        layers += [Linear(32), activation]
    return [*layers, Linear(10)]


def conv_stack(depth: int, norm: Norm = (), skips: bool = False) -> list[Layer]:
    """A convolution and pooling, then `depth` blocks of convolution, ReLU and what else is wanted, on 4×4 places."""
    layers: list[Layer] = [conv(8, is_first=True), *map(BatchNorm, norm), ReLU(), MaxPool()]
    for _ in range(depth):
        block: list[Layer] = [conv(8), *map(BatchNorm, norm), ReLU()]
        fork = Fork()
        layers += [fork, *block, Join(fork)] if skips else block
    return [*layers, Flatten(), Linear(10)]


def spread(network: Network, params: Params, factor: float) -> Params:
    """The same first weights, all but those of the last layer times a factor."""
    last = f"{network.names[-1]}."
    chosen = [name for name in params if name.endswith(".w") and not name.startswith(last)]
    return params | {name: np.float32(factor) * params[name] for name in chosen}


def build(layers: Sequence[Layer]) -> Network:
    """A network for the small digits."""
    return Network((8, 8, 1), layers)


def held_out() -> tuple[np.ndarray, np.ndarray]:
    """Images and labels on which results are measured: no training set holds one of them, and no choice was made by them."""
    data = digits()
    return data["train_images"][POOL:], data["train_labels"][POOL:]


def few(count: int, seed: int, wrong: float = 0) -> Data:
    """A training set of `count` images of the pool, drawn by `seed`, and the validation images.

    A share `wrong` of the training labels is made wrong.
    """
    data, rng = digits(), np.random.default_rng(seed)
    chosen = rng.permutation(POOL)[:count]
    labels, bad = data["train_labels"][chosen], int(wrong * count)
    labels[:bad] = (labels[:bad] + rng.integers(1, 10, bad)) % 10
    small = {"train_images": data["train_images"][chosen], "train_labels": labels}
    return small | {f"validation_{what}": data[f"validation_{what}"] for what in ("images", "labels")}


def learn(
    network: Network,
    seed: int,
    *,
    sample: Data | None = None,
    params: Params | None = None,
    gradients: Gradients | None = None,
    epochs: int = 6,
    rate: float = 0.01,
) -> tuple[Params, dict[str, np.ndarray]]:
    """One training by `train` of chapter 8, batches of 20. The seed draws the images, the first weights, the order."""
    rng = np.random.default_rng(seed)
    params = network.init(rng) if params is None else params
    sample = few(300, seed) if sample is None else sample
    return train(network.logits, gradients or network.gradients, params, sample, rng, epochs, 20, rate)


def epoch_by_epoch(network: Network, seed: int, **settings: Any) -> tuple[list[Params], np.ndarray]:
    """The parameters after each epoch of `learn`, and the accuracy on the validation images then."""
    epochs: list[Params] = []

    class Watched:
        init, gradients = network.init, network.gradients

        def logits(self, params: Params, images: np.ndarray) -> np.ndarray:
            epochs.append(dict(params))  # `train` asks for logits once an epoch
            return network.logits(params, images)

    _, history = learn(Watched(), seed, **settings)
    return epochs, history["accuracy"]


def right(
    network: Network, params: Params, images: np.ndarray | None = None, labels: np.ndarray | None = None
) -> np.ndarray:
    """Which images are classified rightly, those held out unless others are given: bool (N,)."""
    if images is None or labels is None:
        images, labels = held_out()
    return network.logits(params, images).argmax(axis=1) == labels


def repeat(network: Network, seeds: Iterable[int] = range(5), **settings) -> np.ndarray:
    """Train once with each seed: which held-out images are classified rightly, bool (seeds, N)."""
    return np.array([right(network, learn(network, seed, **settings)[0]) for seed in seeds])


@dataclass(frozen=True)
class Difference:
    """How much more of the held-out images one setting classifies rightly than another, and the doubt about it."""

    mean: float
    by_seed: float
    by_image: float
    """Standard errors of the mean over seeds and over images."""

    @property
    def doubt(self) -> float:
        """The two errors together."""
        return float(np.hypot(self.by_seed, self.by_image))

    @property
    def seen(self) -> bool:
        """By the rule of chapter 11: whether it is larger than three times its doubt."""
        return abs(self.mean) > 3 * self.doubt

    def __str__(self) -> str:
        return f"{self.mean:+.3f} ± {self.doubt:.3f}, {'seen' if self.seen else 'not seen'}"


def difference(ours: np.ndarray, theirs: np.ndarray) -> Difference:
    """Compare two settings, each (seeds, images) of bool with the same seeds and images.

    The doubt is made of two standard errors, that of the mean over seeds and that of the mean over images. Seeds and
    images are compared in pairs, so that what is hard for both settings cancels.
    """
    gaps = np.asarray(ours, dtype=float) - theirs
    by_seed, by_image = gaps.mean(axis=1), gaps.mean(axis=0)
    errors = [values.std(ddof=1) / np.sqrt(len(values)) for values in (by_seed, by_image)]
    return Difference(float(gaps.mean()), *map(float, errors))


def unpacked(row: dict[str, Any]) -> np.ndarray:
    """Of a row on record: which images were classified rightly, bool (seeds, N)."""
    return np.array(
        [
            np.unpackbits(np.frombuffer(bytes.fromhex(one), np.uint8), count=row["images"])
            for one in row["right"]
        ],
        dtype=bool,
    )


def packed(hits: np.ndarray) -> dict[str, Any]:
    """The other way round: the two entries of a row."""
    return {"images": hits.shape[1], "right": [np.packbits(one).tobytes().hex() for one in hits]}


def recorded(experiment: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """One experiment of those on record: how it was made, and its rows, one for each setting."""
    from course.recorded import FOLDER  # late: in a browser the records come in an archive of their own

    found = json.loads((FOLDER / "left_out.json").read_text(encoding="utf-8"))[experiment]
    return found["made"], found["rows"]


def best(rows: Iterable[dict[str, Any]], **setting: Any) -> dict[str, Any]:
    """Of the rows with this setting, that with the highest mean accuracy on the validation images."""
    fitting = [row for row in rows if all(row[key] == value for key, value in setting.items())]
    return max(fitting, key=lambda row: np.mean(row["validation"]))
