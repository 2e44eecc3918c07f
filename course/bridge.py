"""Networks of the course as PyTorch modules and Keras models with the same weights, and back; logs for TensorBoard.

PyTorch, Keras and TensorBoard are an optional extra of the course, TensorFlow another. Each is imported only where it is
needed.
"""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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
from course.programs import keras_on_its_backend
from solutions.fully_connected import flatten

Kernels = tuple[Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]], Callable[..., np.ndarray]]
"""The kernels `torch_state` and `mend_flatten` of chapter 12."""

# What PyTorch calls the arrays of a batch normalisation.
_NORM_KEYS = {"gamma": "weight", "beta": "bias", "mean": "running_mean", "var": "running_var"}


@dataclass(frozen=True)
class ChannelsFirstFlatten(Flatten):
    """Each example as one row, channel by channel: as PyTorch does it. For looking at logits, not for training."""

    def forward(self, params, x, rng):
        return flatten(x.transpose(0, 3, 1, 2)), x.shape


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


def _orders(network: Network) -> Iterator[tuple[str, Layer, tuple[int, ...] | None]]:
    """Each layer with its name, and (H, W, C) where its features come from a flattening of that shape, else None.

    Raises
    ------
    ValueError
        If the network ends flattened, without a linear layer that could take up another order.
    """
    shape, flattened = network.image_shape, None
    for layer, (name, out, _) in zip(network.layers, network.rows, strict=True):
        yield name, layer, flattened
        if isinstance(layer, Flatten):
            flattened = shape
        elif isinstance(layer, Conv | Linear):
            flattened = None
        shape = out
    if flattened and flattened[2] > 1 and flattened[0] * flattened[1] > 1:
        raise ValueError("the network ends flattened: PyTorch would give its outputs in another order")


def network_state(network: Network, params: Params, kernels: Kernels) -> dict[str, np.ndarray]:
    """Weights as PyTorch names and arranges them, in NumPy arrays: what its `load_state_dict` takes, once tensors.

    Parameters
    ----------
    kernels : (torch_state, mend_flatten), which rearrange the weights of one layer, and the rows after a flattening

    Raises
    ------
    ValueError
        If the network ends flattened, without a linear layer that could take up the new order.
    """
    torch_state, mend_flatten = kernels
    named, state = _arrays(network, params), {}
    for name, layer, flattened in _orders(network):
        if isinstance(layer, Conv | Linear):
            w = named[f"{name}.w"]
            arrays = torch_state(mend_flatten(w, flattened) if flattened else w, named[f"{name}.b"])
        elif isinstance(layer, BatchNorm):
            arrays = {theirs: named[f"{name}.{ours}"] for ours, theirs in _NORM_KEYS.items()}
            if flattened:
                arrays = {key: mend_flatten(one[:, None], flattened)[:, 0] for key, one in arrays.items()}
        else:
            continue
        state |= {f"{name}.{key}": np.ascontiguousarray(array) for key, array in arrays.items()}
    return state


def to_torch(network: Network, params: Params, kernels: Kernels) -> Any:
    """The network as a `torch.nn.Sequential` with these weights, in float32 and in evaluation mode.

    It takes images (N, C, H, W) and gives logits (N, classes). Its modules have the names of the layers.
    """
    import torch

    shapes = [network.image_shape, *(out for _, out, _ in network.rows)]
    module = torch.nn.Sequential()
    for name, layer, shape in zip(network.names, network.layers, shapes, strict=False):
        module.add_module(name, _torch_layer(layer, shape))
    # not strict: PyTorch also counts the batches that a normalisation has seen
    state = {name: torch.tensor(array) for name, array in network_state(network, params, kernels).items()}
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
    named = {}
    for name, layer, flattened in _orders(network):
        rows: Any = slice(None)
        if flattened:  # where each feature of the course stands in PyTorch's order
            rows = np.moveaxis(np.arange(np.prod(flattened)).reshape(np.roll(flattened, 1)), 0, 2).ravel()
        if isinstance(layer, Conv):
            named |= {f"{name}.w": state[f"{name}.weight"].transpose(2, 3, 1, 0)}
        elif isinstance(layer, Linear):
            named |= {f"{name}.w": state[f"{name}.weight"].T[rows]}
        elif isinstance(layer, BatchNorm):
            named |= {
                f"{name}.{ours}": state[f"{name}.{theirs}"][rows] for ours, theirs in _NORM_KEYS.items()
            }
        if isinstance(layer, Conv | Linear):
            named |= {f"{name}.b": state[f"{name}.bias"]}
    return _params(network, {name: np.ascontiguousarray(array) for name, array in named.items()})


def torch_logits(module: Any, images: np.ndarray) -> np.ndarray:
    """Logits (N, classes) that a PyTorch module gives for images (N, H, W, C)."""
    import torch

    with torch.inference_mode():
        return module(torch.tensor(images.transpose(0, 3, 1, 2))).numpy()


def to_keras(network: Network, params: Params) -> Any:
    """The network as a `keras.Sequential` with these weights, in float32, on whatever backend Keras runs.

    It takes images (N, H, W, C) and gives logits (N, classes). Keras arranges weights as the course does. Layers with
    weights have the names that they have in the network.
    """
    keras = keras_on_its_backend()
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
    layers = keras_on_its_backend().layers
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
