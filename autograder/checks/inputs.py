"""Arrays that checks draw: integers, eighths and sevenths of integers, the same on every machine and easy to read."""

from collections.abc import Callable

import numpy as np

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]
"""A function below: an array of that shape."""


def signed(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Eighths of both signs, no two of the same size: any flip, swap or transposition makes another array."""
    size = int(np.prod(shape))
    values = 1 + rng.permutation(size)
    values[::2] *= -1
    return (values / 8).reshape(shape)


def bright(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """8-bit images in the upper half of their range."""
    return rng.integers(128, 256, shape).astype(np.uint8)


def sevenths(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Sevenths of both signs, no two of the same size and none whole: all need every digit that float64 has.

    Eighths are exact in float32 too, so results that were rounded on the way differ on sevenths alone.
    """
    size = int(np.prod(shape))
    number = rng.permutation(size)
    values = number // 6 * 7 + number % 6 + 1
    values[::2] *= -1
    return (values / 7).reshape(shape)


def wide(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Eighths above 0 for an array of few numbers, no two alike: of so many that no draw comes twice."""
    size = int(np.prod(shape))
    return (1 + rng.permutation(max(400, size))[:size]).reshape(shape) / 8
