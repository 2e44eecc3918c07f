"""What explorers show of the course's own data, as modules that the build writes."""

import base64
import json
from collections.abc import Callable

import numpy as np

from course import datasets


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


def petal() -> np.ndarray:
    """The piece (5, 5, 3) of the flower in the middle of which chapter 2 computes a window by hand."""
    return datasets.shrink(datasets.photo("flower")[:, 107:534], 32, 32)[13:18, 15:20]


GENERATED: dict[str, Callable[[], str]] = {
    "pieces": lambda: _module({"petal": petal()}),
}
"""Modules that no file holds, by their names."""
