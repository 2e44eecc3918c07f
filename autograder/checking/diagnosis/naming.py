"""What a kernel's docstring calls things: the words in which a cause is told."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

Args = tuple[Any, ...]

_FORM = re.compile(r"\(((?:[A-Z]\w*′?, )*[A-Z]\w*′?,?)\)")


@dataclass(frozen=True)
class Naming:
    """What a kernel's docstring calls things.

    parameters : names of the parameters; axes : names of the axes of each, in all the forms that it may have,
    {"x": (("N", "D"), ("N", "H", "W", "C"))}
    results : names of the results, if there are several
    """

    parameters: tuple[str, ...]
    axes: dict[str, tuple[tuple[str, ...], ...]]
    results: tuple[str, ...] = ()

    @classmethod
    def of(cls, parameters: tuple[str, ...], docstring: str) -> "Naming":
        """Read the names off a docstring: lines like `x : array (N, H, W, C)`, and `(dx, dw, db) : …` below Returns."""
        axes = {
            name: tuple(tuple(form.rstrip(",").split(", ")) for form in _FORM.findall(text))
            for name, text in re.findall(r"^ *(\w+) : (.*(?:\n {8,}.*)*)", docstring, re.MULTILINE)
            if name in parameters
        }
        results = re.search(r"Returns\n\s*-+\n\s*\((\w+(?:, \w+)+)\) :", docstring)
        return cls(parameters, axes, tuple(results[1].split(", ")) if results else ())

    def axes_of(self, name: str, ndim: int) -> tuple[str, ...]:
        """Names of a parameter's axes, if it has so many of them; none if the docstring does not tell."""
        return next((form for form in self.axes.get(name, ()) if len(form) == ndim), ())

    def quantities(self, args: Args) -> dict[str, float]:
        """Numbers that a call is about, by name: lengths of axes, whole numbers among the arguments."""
        found: dict[str, float] = {}
        for name, value in zip(self.parameters, args, strict=False):
            if isinstance(value, np.ndarray):
                names = self.axes_of(name, value.ndim) or tuple(
                    f"{name}.shape[{axis}]" for axis in range(value.ndim)
                )
                for axis, length in zip(names, value.shape, strict=True):
                    found.setdefault(axis, length)
            elif type(value) is int:
                found.setdefault(name, value)
        return found
