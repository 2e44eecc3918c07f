"""Networks put together from layers. Each layer holds no arithmetic of its own: it calls the kernels of the course."""

import multiprocessing
import os
import sys
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, Protocol

import numpy as np
from threadpoolctl import threadpool_limits

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

Params = dict[str, np.ndarray]


class Layer(Protocol):
    """One step of a network. Its parameters are handed in, under short names such as "w" and "b"."""

    def shapes(self, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """Shapes of the parameters, if one example that comes in has this shape."""

    def forward(
        self, params: Params, x: np.ndarray, rng: np.random.Generator | None
    ) -> tuple[np.ndarray, Any]:
        """Output for a batch, and what the backward pass needs. There is an `rng` in training only."""

    def backward(self, params: Params, dout: np.ndarray, kept: Any) -> tuple[np.ndarray, Params]:
        """Gradients with respect to the input and to the parameters."""


@dataclass(frozen=True)
class Conv:
    """Convolution: `filters` filters of `size` by `size`; `kernels` are the forward and the backward pass."""

    filters: int
    size: int
    padding: int = 0
    stride: int = 1
    kernels: tuple[Callable, Callable] = (conv2d, conv2d_backward)

    def shapes(self, shape):
        return {"w": (self.size, self.size, shape[-1], self.filters), "b": (self.filters,)}

    def forward(self, params, x, rng):
        return self.kernels[0](x, params["w"], params["b"], self.stride, self.padding), x

    def backward(self, params, dout, x):
        dx, dw, db = self.kernels[1](dout, x, params["w"], self.stride, self.padding)
        return dx, {"w": dw, "b": db}


@dataclass(frozen=True)
class Linear:
    """Fully connected layer with `units` outputs."""

    units: int

    def shapes(self, shape):
        return {"w": (*shape, self.units), "b": (self.units,)}

    def forward(self, params, x, rng):
        return linear(x, params["w"], params["b"]), x

    def backward(self, params, dout, x):
        dx, dw, db = linear_backward(dout, x, params["w"])
        return dx, {"w": dw, "b": db}


class _Plain:
    """A layer without parameters."""

    def shapes(self, shape):
        return {}


@dataclass(frozen=True)
class ReLU(_Plain):
    """max(0, x); `kernel` is the backward pass."""

    kernel: Callable = relu_backward

    def forward(self, params, x, rng):
        return relu(x), x

    def backward(self, params, dout, x):
        return self.kernel(dout, x), {}


@dataclass(frozen=True)
class MaxPool(_Plain):
    """Max pooling by windows of `size` by `size` that tile the image; `kernel` is the backward pass."""

    size: int = 2
    kernel: Callable = max_pool2d_backward

    def forward(self, params, x, rng):
        return max_pool2d(x, self.size), x

    def backward(self, params, dout, x):
        return self.kernel(dout, x, self.size, self.size), {}


@dataclass(frozen=True)
class Crop(_Plain):
    """A square of `size` pixels of each image: in training at a random place, else from the middle.

    That moves an image without zeros at its edge. A first layer: no gradient goes further.
    """

    size: int

    def forward(self, params, x, rng):
        count, height, width, channels = x.shape
        rows, columns = height - self.size + 1, width - self.size + 1  # so many places there are
        if rng is None:
            top, left = rows // 2, columns // 2
            return x[:, top : top + self.size, left : left + self.size], None
        out = np.empty((count, self.size, self.size, channels), dtype=x.dtype)
        for n, (top, left) in enumerate(
            zip(rng.integers(rows, size=count), rng.integers(columns, size=count), strict=True)
        ):
            out[n] = x[n, top : top + self.size, left : left + self.size]
        return out, None

    def backward(self, params, dout, kept):
        return None, {}


@dataclass(frozen=True)
class Scale(_Plain):
    """(x − mean) / spread for each channel, in float32: pictures of bytes come in, no array of floats is stored.

    A first layer: no gradient goes further.
    """

    mean: tuple[float, ...]
    spread: tuple[float, ...]

    def forward(self, params, x, rng):
        mean, spread = (np.array(value, dtype=np.float32) for value in (self.mean, self.spread))
        return (x - mean) / spread, None

    def backward(self, params, dout, kept):
        return None, {}


@dataclass(frozen=True)
class Pad(_Plain):
    """`before` rows and columns of zeros above and left, `after` of them below and right."""

    before: int
    after: int

    def forward(self, params, x, rng):
        border = (self.before, self.after)
        return np.pad(x, ((0, 0), border, border, (0, 0))), x.shape

    def backward(self, params, dout, shape):
        rows, columns = (slice(self.before, self.before + size) for size in shape[1:3])
        return dout[:, rows, columns], {}


@dataclass(frozen=True)
class Flatten(_Plain):
    """Each example as one row."""

    def forward(self, params, x, rng):
        return flatten(x), x.shape

    def backward(self, params, dout, shape):
        return dout.reshape(shape), {}


@dataclass(frozen=True)
class Dropout(_Plain):
    """Drop entries with probability `rate` in training; `kernel` is `dropout` of chapter 8."""

    rate: float
    kernel: Callable

    def forward(self, params, x, rng):
        return (x, None) if rng is None else self.kernel(x, self.rate, rng, True)

    def backward(self, params, dout, scale):
        return dout * scale, {}


@dataclass
class BatchNorm:
    """Batch normalisation; `kernels` are those of chapter 11. Running averages are the layer's own."""

    kernels: tuple[Callable, Callable]
    running: Params = field(default_factory=dict)

    def shapes(self, shape):
        return {"gamma": shape[-1:], "beta": shape[-1:]}

    def forward(self, params, x, rng):
        gamma, beta = params["gamma"], params["beta"]
        running = self.running or {"mean": np.zeros_like(beta), "var": np.ones_like(gamma)}
        out, self.running = self.kernels[0](x, gamma, beta, running, rng is not None)
        return out, x

    def backward(self, params, dout, x):
        dx, dgamma, dbeta = self.kernels[1](dout, x, params["gamma"])
        return dx, {"gamma": dgamma, "beta": dbeta}


class Network:
    """Layers one after the other, for images of one shape, with a loss at the end.

    Parameters live outside, in a dict: layer names such as "conv1" or "linear2", a dot, and the parameter's own name.

    image_shape : (H, W, C)
    loss : two functions of (logits, labels): the mean loss of a batch, and its gradient with respect to the logits
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        layers: Sequence[Layer],
        loss: tuple[Callable, Callable] = (cross_entropy, softmax_cross_entropy_backward),
    ):
        self.image_shape = image_shape
        self.layers = list(layers)
        self.loss = loss
        self.names: list[str] = []
        self.rows: list[tuple[str, tuple[int, ...], dict[str, tuple[int, ...]]]] = []
        """For each layer: name, shape of one example that leaves it, shapes of its parameters."""
        counts: dict[str, int] = {}
        x = np.zeros((1, *image_shape), dtype=np.float32)
        for layer in self.layers:
            kind = type(layer).__name__.lower()
            counts[kind] = counts.get(kind, 0) + 1
            name, shapes = f"{kind}{counts[kind]}", layer.shapes(x.shape[1:])
            x, _ = layer.forward({key: np.zeros(shape, np.float32) for key, shape in shapes.items()}, x, None)
            self.names.append(name)
            self.rows.append((name, x.shape[1:], shapes))

    def init(self, rng: np.random.Generator) -> Params:
        """Parameters to begin with, float32: weights normal with variance 2 / inputs, scales 1, all else 0.

        The last layer's weights are a tenth of that, so that a new network says nothing yet: its loss is near ln 10
        for ten classes.
        """
        params = {}
        for name, _, shapes in self.rows:
            for key, shape in shapes.items():
                if key == "w":
                    spread = np.sqrt(2 / np.prod(shape[:-1])) * (0.1 if name == self.names[-1] else 1)
                    params[f"{name}.{key}"] = rng.normal(0, spread, shape).astype(np.float32)
                else:
                    params[f"{name}.{key}"] = np.full(shape, key == "gamma", dtype=np.float32)
        return params

    def _of(self, name: str, params: Mapping[str, np.ndarray]) -> Params:
        start = f"{name}."
        return {key.removeprefix(start): value for key, value in params.items() if key.startswith(start)}

    def activations(self, params: Params, images: np.ndarray) -> dict[str, np.ndarray]:
        """What leaves each layer, by the layer's name; no dropout."""
        x, outputs = images, {}
        for name, layer in zip(self.names, self.layers, strict=True):
            x, _ = layer.forward(self._of(name, params), x, None)
            outputs[name] = x
        return outputs

    def logits(self, params: Params, images: np.ndarray) -> np.ndarray:
        """Logits (N, classes) for images (N, H, W, C), computed 50 images at a time, which spares memory."""
        parts = []
        for start in range(0, len(images), 50):
            x = images[start : start + 50]
            for name, layer in zip(self.names, self.layers, strict=True):
                x, _ = layer.forward(self._of(name, params), x, None)
            parts.append(x)
        return np.concatenate(parts)

    def gradients(
        self, params: Params, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[float, Params]:
        """Mean loss of a batch (N, H, W, C) with labels (N,), and its gradient with respect to `params`."""
        x, kept = images, []
        for name, layer in zip(self.names, self.layers, strict=True):
            x, one = layer.forward(self._of(name, params), x, rng)
            kept.append(one)
        loss = self.loss[0](x, labels)
        dout, grads = self.loss[1](x, labels), {}
        for name, layer, one in reversed(list(zip(self.names, self.layers, kept, strict=True))):
            dout, own = layer.backward(self._of(name, params), dout, one)
            grads |= {f"{name}.{key}": value for key, value in own.items()}
        return loss, grads


def in_parallel(gradients: Callable, workers: int = 2) -> Callable:
    """The same gradients, each of `workers` processes working on its part of the batch; this process is one of them.

    Threads would wait for each other: a network is hundreds of short NumPy calls a step, and Python runs one thread at
    a time between them. BLAS should be kept to one thread in each process. The same seed and number of workers give
    the same result, on any number of cores. Layers with running averages (BatchNorm) keep those of this process only.
    Where a process cannot be split, on Windows, on macOS beside its BLAS and in a browser, this one does every part in
    turn, with the same gradients.
    """
    splits = hasattr(os, "fork") and sys.platform != "darwin"
    others: list[_Worker | _Turn] = []

    def shared(
        params: Params, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[float, Params]:
        if not others:
            others.extend(
                _Worker(gradients, params) if splits else _Turn(gradients) for _ in range(workers - 1)
            )
        (mine, *parts), (my_rng, *rngs) = np.array_split(np.arange(len(labels)), workers), rng.spawn(workers)
        busy = [job for job in zip(others, parts, rngs, strict=True) if len(job[1])]
        for worker, part, its_rng in busy:
            worker.begin(params, images[part], labels[part], its_rng)
        weight = len(mine) / len(labels)
        loss, grads = gradients(params, images[mine], labels[mine], my_rng)
        loss, grads = weight * loss, {name: weight * value for name, value in grads.items()}
        for worker, part, _ in busy:
            weight = len(part) / len(labels)
            loss += weight * worker.loss()
            for name, value in worker.grads.items():
                grads[name] += weight * value
        return loss, grads

    return shared


class _Turn:
    """A part of the work that waits for its turn in this process; the same calls as a `_Worker`."""

    def __init__(self, gradients: Callable):
        self._gradients = gradients
        self.grads: Params = {}

    def begin(self, *batch: Any) -> None:
        self._batch = batch

    def loss(self) -> float:
        loss, self.grads = self._gradients(*self._batch)
        return loss


class _Worker:
    """Another process that works out gradients. Parameters and gradients lie in memory that both processes see."""

    def __init__(self, gradients: Callable, params: Params):
        context = multiprocessing.get_context("fork")  # it inherits the network and the shared memory
        self._params, self.grads = (
            {
                name: np.frombuffer(context.RawArray("b", p.nbytes), p.dtype).reshape(p.shape)
                for name, p in params.items()
            }
            for _ in range(2)
        )
        self._wire, its_wire = context.Pipe()
        arguments = (its_wire, gradients, self._params, self.grads)
        process = context.Process(target=_work, args=arguments, daemon=True)
        process.start()
        # whoever forks later inherits our end of the wire, so that its closing alone would end nobody
        weakref.finalize(self, process.kill)

    def begin(self, params: Params, *batch: Any) -> None:
        """Let it start on images, labels and a random generator."""
        for name, value in params.items():
            self._params[name][...] = value
        self._wire.send(batch)

    def loss(self) -> float:
        """Wait until it is done; `grads` then hold its gradients. Raises what it raised."""
        answer = self._wire.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer


def _work(wire: Connection, gradients: Callable, params: Params, grads: Params) -> None:
    with threadpool_limits(1):
        while True:
            try:
                batch = wire.recv()
            except EOFError:  # nobody is left to ask
                return
            try:
                loss, own = gradients(params, *batch)
                for name, value in own.items():
                    grads[name][...] = value
                wire.send(loss)
            except Exception as error:
                wire.send(error)
