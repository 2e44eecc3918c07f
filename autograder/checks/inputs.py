"""Arrays that checks draw: integers and parts of integers, which are the same on every machine and easy to read."""

import numpy as np


def signed(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Eighths of both signs, no two of the same size: any flip, swap or transposition makes another array."""
    size = int(np.prod(shape))
    values = 1 + rng.permutation(size)
    values[::2] *= -1
    return (values / 8).reshape(shape)


def sevenths(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Sevenths of both signs, no two of the same size: they need all digits of float64, so that rounding shows."""
    return signed(rng, shape) * 8 / 7


def bright(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """8-bit images in the upper half of their range."""
    return rng.integers(128, 256, shape).astype(np.uint8)
