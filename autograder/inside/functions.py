"""Functions that a check hands to a kernel as an argument. They cross the wire by name, since only data may."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

FUNCTIONS: dict[str, tuple[str, Callable[[np.ndarray], float]]] = {
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
}
"""By name: the formula as text, and the function of one array."""


@dataclass(frozen=True)
class Known:
    """One of FUNCTIONS, as an argument of a call."""

    name: str

    @property
    def formula(self) -> str:
        return FUNCTIONS[self.name][0]

    def __call__(self, x: np.ndarray) -> float:
        return FUNCTIONS[self.name][1](x)
