"""Calls of the diagnosis's own: those of the checks with other numbers, to tell what is so from what is so by chance."""

from typing import Any

import numpy as np

from ..inside.functions import Known
from .naming import Args

SCALES = (1.0, 1.0, 1 / 700)
"""Factors of the numbers: small ones show what is added, and what is rounded."""


def redrawn(args: Args, rng: np.random.Generator) -> Args | None:
    """The same call with other floats in its arrays, between their least and their largest; None if it has none."""
    if not any(_has_floats(part) for part in args) or any(isinstance(part, Known) for part in args):
        return None
    scale = SCALES[rng.integers(len(SCALES))]
    return tuple(_other(part, scale, rng) for part in args)


def _has_floats(part: Any) -> bool:
    if isinstance(part, dict):
        return any(map(_has_floats, part.values()))
    return isinstance(part, np.ndarray) and part.dtype.kind == "f" and part.size > 0


def _other(part: Any, scale: float, rng: np.random.Generator) -> Any:
    if isinstance(part, dict):
        return {key: _other(value, scale, rng) for key, value in part.items()}
    if not _has_floats(part) or not np.isfinite(part).all():
        return part
    least, largest = float(part.min()), float(part.max())
    return (scale * rng.uniform(least, largest, part.shape)).astype(part.dtype)
