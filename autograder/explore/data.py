"""What explorers show of the course's own data, as modules that the build writes."""

import base64
import json
from collections.abc import Callable

import numpy as np

from . import networks


def _module(arrays: dict[str, np.ndarray]) -> str:
    """A module that exports each array of uint8 as its shape and its bytes in base64."""
    made = {
        name: {
            "shape": array.shape,
            "bytes": base64.b64encode(np.ascontiguousarray(array).tobytes()).decode(),
        }
        for name, array in arrays.items()
    }
    return "".join(f"export const {name} = {json.dumps(array)}\n" for name, array in made.items())


# What the functions below show is imported when they are called: a book without such an explorer needs none of it.


def petal() -> np.ndarray:
    """The piece (5, 5, 3) of the flower in the middle of which chapter 2 computes a window by hand."""
    from course import datasets

    return datasets.shrink(datasets.photo("flower")[:, 107:534], 32, 32)[13:18, 15:20]


def temple_edges() -> np.ndarray:
    """The roof (32, 72) among the vertical edges of the temple as chapter 5 computes them, in 256 steps up to half the largest."""
    from course import datasets
    from solutions.filters import correlate2d, relu

    grey = datasets.shrink(datasets.photo("china"), 146, 218).mean(axis=2) / 255
    edges = relu(correlate2d(grey, np.array([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])))
    return np.rint(np.minimum(edges[6:38, 40:112] / edges.max() * 2, 1) * 255).astype(np.uint8)


def grey_photos() -> dict[str, np.ndarray]:
    """Two photographs (96, 144), grey by the plain mean of their channels, as chapter 2 takes it."""
    from course import datasets

    names = {"temple": "china", "flower": "flower"}
    return {
        name: np.rint(datasets.shrink(datasets.photo(file), 96, 144).mean(axis=2)).astype(np.uint8)
        for name, file in names.items()
    }


def eye() -> np.ndarray:
    """One eye (64, 64, 3) of the portrait."""
    from course import datasets

    return datasets.photo("portrait")[157:221, 273:337]


GENERATED: dict[str, Callable[[], str]] = {
    "pieces": lambda: _module({"petal": petal()}),
    "eyes": lambda: _module({"eye": eye()}),
    "photos": lambda: _module(grey_photos()),
    "temple": lambda: _module({"edges": temple_edges()}),
    "digitweights": networks.pad,
    "xweights": lambda: networks.trained("x"),
}
"""Modules that no file holds, by their names."""
