"""What a check hands to a kernel that is not data: functions and random generators. They cross the wire by name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Params = dict[str, np.ndarray]


def _softmax_gradient(logits: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean cross-entropy and its gradient with respect to the logits.

    By the kernels of earlier chapters, which stand beside those of chapter 8, but never where they are an exercise.
    """
    from solutions.backprop import softmax_cross_entropy_backward
    from solutions.fully_connected import cross_entropy

    return float(cross_entropy(logits, labels)), softmax_cross_entropy_backward(logits, labels)


def _one_layer_logits(params: Params, images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1) @ params["w"] + params["b"]


def _one_layer_gradients(
    params: Params, images: np.ndarray, labels: np.ndarray, _: Any
) -> tuple[float, Params]:
    loss, dout = _softmax_gradient(_one_layer_logits(params, images), labels)
    return loss, {"w": images.reshape(len(images), -1).T @ dout, "b": dout.sum(axis=0)}


def _hidden(params: Params, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inputs of a hidden layer that looks at 3×3 windows everywhere, and its outputs."""
    windows = np.lib.stride_tricks.sliding_window_view(images[..., 0], (3, 3), axis=(1, 2))
    columns = windows.reshape(*windows.shape[:3], 9)
    return columns, np.maximum(columns @ params["filters"] + params["bias"], 0)


def _network_logits(params: Params, images: np.ndarray) -> np.ndarray:
    _, maps = _hidden(params, images)
    return maps.reshape(len(images), -1) @ params["w"] + params["b"]


def _network_gradients(
    params: Params, images: np.ndarray, labels: np.ndarray, _: Any
) -> tuple[float, Params]:
    columns, maps = _hidden(params, images)
    flat = maps.reshape(len(images), -1)
    loss, dout = _softmax_gradient(flat @ params["w"] + params["b"], labels)
    dmaps = (dout @ params["w"].T).reshape(maps.shape) * (maps > 0)
    rows = dmaps.reshape(-1, maps.shape[-1])
    return loss, {
        "filters": columns.reshape(-1, 9).T @ rows,
        "bias": rows.sum(axis=0),
        "w": flat.T @ dout,
        "b": dout.sum(axis=0),
    }


def _gradient_of_ones(params: Params) -> Params:
    return {name: np.ones_like(value) for name, value in params.items()}


def _roll_call(params: Params, images: np.ndarray, labels: np.ndarray, _: Any) -> tuple[float, Params]:
    return float(np.sum(16.0 ** np.asarray(images))), _gradient_of_ones(params)


def _pairs(params: Params, images: np.ndarray, labels: np.ndarray, _: Any) -> tuple[float, Params]:
    return float(np.sum(np.ravel(images) == labels)), _gradient_of_ones(params)


def _die(
    params: Params, images: np.ndarray, labels: np.ndarray, rng: "np.random.Generator"
) -> tuple[float, Params]:
    return float(rng.random()), _gradient_of_ones(params)


FUNCTIONS: dict[str, tuple[str, Callable[..., Any]]] = {
    "sum_of_squares": ("x[0]² + x[1]² + …", lambda x: float(np.sum(x * x))),
    "sum_of_sines": ("sin x[0] + sin x[1] + …", lambda x: float(np.sum(np.sin(x)))),
    "weighted_cubes": (
        "1·x[0]³ + 2·x[1]³ + 3·x[2]³ + …",
        lambda x: float(np.sum(np.arange(1, x.size + 1) * np.ravel(x) ** 3)),
    ),
    "product": ("x[0] · x[1] · …", lambda x: float(np.prod(x))),
    "product_of_row_sums": (
        "(x[0, 0] + x[0, 1] + …) · (x[1, 0] + x[1, 1] + …) · …",
        lambda x: float(np.prod(np.sum(x, axis=-1))),
    ),
    "one_layer_logits": ("flattened images @ w + b", _one_layer_logits),
    "one_layer_gradients": ("loss and gradient of: flattened images @ w + b", _one_layer_gradients),
    "network_logits": ("3×3 convolution, ReLU, flatten, linear layer", _network_logits),
    "network_gradients": (
        "loss and gradient of: 3×3 convolution, ReLU, flatten, linear layer",
        _network_gradients,
    ),
    # These three watch a training loop: what they give out as the loss says what the loop handed them.
    "roll_call": ("16 to the power of every pixel, added up, as the loss; ones as gradients", _roll_call),
    "pairs": ("how many pixels equal their label, as the loss; ones as gradients", _pairs),
    "die": ("rng.random() as the loss; ones as gradients", _die),
}
"""By name: the formula or what it does as text, and the function."""


@dataclass(frozen=True)
class Known:
    """One of FUNCTIONS, as an argument of a call."""

    name: str

    @property
    def formula(self) -> str:
        return FUNCTIONS[self.name][0]

    def __call__(self, *args: Any) -> Any:
        return FUNCTIONS[self.name][1](*args)


@dataclass(frozen=True)
class Seeded:
    """A random generator, new for every call, that draws what `np.random.default_rng(seed)` draws."""

    seed: int

    @property
    def formula(self) -> str:
        return f"np.random.default_rng({self.seed})"
