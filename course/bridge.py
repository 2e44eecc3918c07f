"""Networks of the course as PyTorch modules and Keras models with the same weights, and back; logs for TensorBoard.

PyTorch, Keras and TensorBoard are an optional extra of the course. Each is imported only where it is needed.
"""

import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from course.network import (
    BatchNorm,
    Conv,
    Dropout,
    Flatten,
    Layer,
    Linear,
    MaxPool,
    Network,
    Pad,
    Params,
    ReLU,
)

RECORD = Path(__file__).parent / "recorded" / "speed.json"
"""What `make bench-train` measured last: seconds an epoch, losses and logits of one network in several programs."""

_PACKAGES = {"torch": "PyTorch", "keras": "Keras", "tensorboard": "TensorBoard"}

# The names under which PyTorch keeps what the course calls w, b, gamma, beta, and the running mean and var.
_TORCH_KEYS = {
    "w": "weight",
    "b": "bias",
    "gamma": "weight",
    "beta": "bias",
    "mean": "running_mean",
    "var": "running_var",
}


def missing(*packages: str) -> str:
    """One line that says which of the packages "torch", "keras", "tensorboard" lack and what to do; "" if none does."""
    names = [_PACKAGES[package] for package in packages if find_spec(package) is None]
    return f"{' and '.join(names)} not installed: run make bridge" if names else ""


def channels_first_order(shape: tuple[int, ...]) -> np.ndarray:
    """Where each feature of a channels-first flattening stands in the course's own.

    Parameters
    ----------
    shape : (H, W, C), shape of one example before it is flattened

    Returns
    -------
    array of int (H·W·C,): features[order] puts the features of `flatten` into the order of PyTorch, which keeps each
    channel's map together
    """
    return np.arange(np.prod(shape)).reshape(shape).transpose(2, 0, 1).ravel()


# --- weights ---------------------------------------------------------------------------------------------------------


def _arrays(network: Network, params: Params) -> Params:
    """The parameters, and with them the running averages that batch normalisation keeps, under the same names."""
    named = dict(params)
    for name, layer in zip(network.names, network.layers, strict=True):
        if isinstance(layer, BatchNorm):
            named |= {f"{name}.{key}": value for key, value in layer.running.items()}
    return named


def _params(network: Network, named: Mapping[str, np.ndarray]) -> Params:
    """The reverse of `_arrays`: running averages go to their layers, all else is returned."""
    params = dict(named)
    for name, layer in zip(network.names, network.layers, strict=True):
        if isinstance(layer, BatchNorm):
            layer.running = {key: params.pop(f"{name}.{key}") for key in ("mean", "var")}
    return params


def _torch_places(network: Network) -> Iterator[tuple[str, str, Callable, Callable]]:
    """For each array: its name here, its name in PyTorch, and how to rearrange it there and back."""
    shape: tuple[int, ...] = network.image_shape
    order = np.arange(shape[-1])  # of the features on the last axis, as PyTorch counts them
    for layer, (name, out, shapes) in zip(network.layers, network.rows, strict=True):
        keys = [*shapes, "mean", "var"] if isinstance(layer, BatchNorm) else list(shapes)
        for key in keys:
            there: Callable = lambda array, order=order: array[order]
            back: Callable = lambda array, order=order: array[np.argsort(order)]
            if isinstance(layer, Conv):
                there = (lambda w: w.transpose(3, 2, 0, 1)) if key == "w" else np.asarray
                back = (lambda w: w.transpose(2, 3, 1, 0)) if key == "w" else np.asarray
            if isinstance(layer, Linear):
                there = (lambda w, order=order: w[order].T) if key == "w" else np.asarray
                back = (lambda w, order=order: w.T[np.argsort(order)]) if key == "w" else np.asarray
            yield f"{name}.{key}", f"{name}.{_TORCH_KEYS[key]}", there, back
        if isinstance(layer, Flatten):
            order = channels_first_order(shape)
        elif isinstance(layer, Conv | Linear):
            order = np.arange(out[-1])
        shape = out
    if not np.array_equal(order, np.arange(len(order))):
        raise ValueError("the network ends flattened: PyTorch would give its outputs in another order")


def torch_state(network: Network, params: Params) -> dict[str, np.ndarray]:
    """Weights as PyTorch names and arranges them, in NumPy arrays: what its `load_state_dict` takes, once tensors.

    Filters (F_h, F_w, C, K) become (K, C, F_h, F_w), linear weights (D, M) become (M, D). The rows of the first linear
    layer after `Flatten` change their order as well, as PyTorch flattens channel by channel.

    Raises
    ------
    ValueError
        If the network ends flattened, without a linear layer that could take up the new order.
    """
    named = _arrays(network, params)
    return {
        theirs: np.ascontiguousarray(there(named[ours])) for ours, theirs, there, _ in _torch_places(network)
    }


def to_torch(network: Network, params: Params) -> Any:
    """The network as a `torch.nn.Sequential` with these weights, in float32 and in evaluation mode.

    It takes images (N, C, H, W) and gives logits (N, classes). Its modules have the names of the layers.
    """
    import torch

    shapes = [network.image_shape, *(out for _, out, _ in network.rows)]
    module = torch.nn.Sequential()
    for name, layer, shape in zip(network.names, network.layers, shapes, strict=False):
        module.add_module(name, _torch_layer(layer, shape))
    # not strict: PyTorch also counts the batches that a normalisation has seen
    state = {name: torch.tensor(array) for name, array in torch_state(network, params).items()}
    unknown = module.load_state_dict(state, strict=False).unexpected_keys
    assert not unknown, unknown
    return module.eval()


def _torch_layer(layer: Layer, shape: tuple[int, ...]) -> Any:
    from torch import nn

    match layer:
        case Conv(filters, size, padding, stride):
            return nn.Conv2d(shape[-1], filters, size, stride, padding)
        case Linear(units):
            return nn.Linear(shape[0], units)
        case MaxPool(size):
            return nn.MaxPool2d(size)
        case Pad(before, after):
            return nn.ZeroPad2d((before, after, before, after))
        case Dropout(rate):
            return nn.Dropout(rate)
        case BatchNorm():
            return (nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d)(shape[-1], eps=1e-5, momentum=0.1)
        case ReLU():
            return nn.ReLU()
        case Flatten():
            return nn.Flatten()
    raise ValueError(f"no layer of PyTorch is known for {type(layer).__name__}")


def from_torch(network: Network, module: Any) -> Params:
    """The weights of a PyTorch module as parameters of the network: the way back of `to_torch`.

    Running averages of batch normalisation go to the network's own layers.
    """
    state = {name: tensor.detach().cpu().numpy() for name, tensor in module.state_dict().items()}
    return _params(
        network,
        {ours: np.ascontiguousarray(back(state[theirs])) for ours, theirs, _, back in _torch_places(network)},
    )


def torch_logits(module: Any, images: np.ndarray) -> np.ndarray:
    """Logits (N, classes) that a PyTorch module gives for images (N, H, W, C)."""
    import torch

    with torch.inference_mode():
        return module(torch.tensor(images.transpose(0, 3, 1, 2))).numpy()


def _keras() -> Any:
    # Keras would ask for TensorFlow; whoever set another backend keeps it
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras

    return keras


def to_keras(network: Network, params: Params) -> Any:
    """The network as a `keras.Sequential` with these weights, in float32, on whatever backend Keras runs.

    It takes images (N, H, W, C) and gives logits (N, classes). Keras arranges weights as the course does. Layers with
    weights have the names that they have in the network.
    """
    keras = _keras()
    model = keras.Sequential([keras.Input(network.image_shape)])
    named = _arrays(network, params)
    for layer, (name, _, _) in zip(network.layers, network.rows, strict=True):
        for part in _keras_layers(layer, name):
            model.add(part)
        if keys := _keras_keys(layer):
            model.get_layer(name).set_weights([named[f"{name}.{key}"] for key in keys])
    return model


def _keras_keys(layer: Layer) -> tuple[str, ...]:
    """Names of a layer's arrays in the order in which Keras lists them."""
    match layer:
        case Conv() | Linear():
            return ("w", "b")
        case BatchNorm():
            return ("gamma", "beta", "mean", "var")
    return ()


def _keras_layers(layer: Layer, name: str) -> list[Any]:
    layers = _keras().layers
    last = {"data_format": "channels_last"}  # whatever the reader's settings of Keras say
    match layer:
        case Conv(filters, size, padding, stride):
            border = [layers.ZeroPadding2D(padding, **last)] if padding else []
            return [*border, layers.Conv2D(filters, size, stride, name=name, **last)]
        case Linear(units):
            return [layers.Dense(units, name=name)]
        case MaxPool(size):
            return [layers.MaxPooling2D(size, **last)]
        case Pad(before, after):
            return [layers.ZeroPadding2D(((before, after), (before, after)), **last)]
        case Dropout(rate):
            return [layers.Dropout(rate)]
        case BatchNorm():
            return [layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=name)]
        case ReLU():
            return [layers.ReLU()]
        case Flatten():
            return [layers.Flatten(**last)]
    raise ValueError(f"no layer of Keras is known for {type(layer).__name__}")


def from_keras(network: Network, model: Any) -> Params:
    """The weights of a Keras model as parameters of the network: the way back of `to_keras`.

    Running averages of batch normalisation go to the network's own layers.
    """
    named = {}
    for name, layer in zip(network.names, network.layers, strict=True):
        if keys := _keras_keys(layer):
            arrays = model.get_layer(name).get_weights()
            named |= {f"{name}.{key}": np.array(array) for key, array in zip(keys, arrays, strict=True)}
    return _params(network, named)


def keras_logits(model: Any, images: np.ndarray) -> np.ndarray:
    """Logits (N, classes) that a Keras model gives for images (N, H, W, C)."""
    return np.asarray(model.predict(images, batch_size=500, verbose=0))


# --- logs for TensorBoard --------------------------------------------------------------------------------------------


def write_log(folder: Path | str, history: Mapping[str, np.ndarray], snapshots: Sequence[Params]) -> None:
    """Write a training run as a log that TensorBoard shows.

    Parameters
    ----------
    folder : where the log goes; each run should have a folder of its own
    history : as `train` returns it: "loss" after each step, "accuracy" after each epoch
    snapshots : the parameters after each epoch. Of each array the log has a histogram, and of the filters of the first
        convolution, "conv1.w", a picture.
    """
    from torch.utils.tensorboard import SummaryWriter

    steps = np.linspace(0, len(history["loss"]), len(snapshots) + 1).astype(int)[1:]
    with SummaryWriter(str(folder)) as log:
        for step, loss in enumerate(history["loss"], start=1):
            log.add_scalar("loss", loss, step)
        for step, accuracy, params in zip(steps, history["accuracy"], snapshots, strict=True):
            log.add_scalar("validation accuracy", accuracy, step)
            for name, array in params.items():
                log.add_histogram(name, array, step, bins="auto")
            if "conv1.w" in params:
                log.add_image("filters of conv1", filter_sheet(params["conv1.w"]), step, dataformats="HW")


def filter_sheet(filters: np.ndarray, scale: int = 16) -> np.ndarray:
    """Filters (F_h, F_w, C, K) side by side as one grey picture, uint8: middle grey is 0, white and black the largest.

    Columns are the filters, rows their channels; each weight is a square of `scale` pixels.
    """
    F_h, F_w, C, K = filters.shape
    grey = np.round(127.5 + 127.5 * filters / np.abs(filters).max()).astype(np.uint8)
    large = grey.repeat(scale, axis=0).repeat(scale, axis=1)
    framed = np.pad(large, ((2, 2), (2, 2), (0, 0), (0, 0)), constant_values=255)
    return framed.transpose(2, 0, 3, 1).reshape(C * (F_h * scale + 4), K * (F_w * scale + 4))


def read_log(folder: Path | str) -> dict[str, dict[str, list[tuple[int, Any]]]]:
    """Read a log as TensorBoard does.

    Returns
    -------
    dict of "scalars", "histograms" and "images", each a dict from a name to a list of (step, what is there): a float; a
    pair of arrays, the upper edges of bins and the counts in them; a picture (H, W, 3) of uint8
    """
    from PIL import Image
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = EventAccumulator(str(folder), size_guidance={"scalars": 0, "histograms": 0, "images": 0})
    log.Reload()
    tags = log.Tags()
    return {
        "scalars": {
            tag: [(event.step, event.value) for event in log.Scalars(tag)] for tag in tags["scalars"]
        },
        "histograms": {
            tag: [
                (
                    event.step,
                    (np.array(event.histogram_value.bucket_limit), np.array(event.histogram_value.bucket)),
                )
                for event in log.Histograms(tag)
            ]
            for tag in tags["histograms"]
        },
        "images": {
            tag: [
                (event.step, np.asarray(Image.open(io.BytesIO(event.encoded_image_string))))
                for event in log.Images(tag)
            ]
            for tag in tags["images"]
        },
    }
