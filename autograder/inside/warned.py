"""NumPy's warnings where the processor tells of none.

NumPy learns of an overflow from a flag that the processor sets. WebAssembly has no such flags: in a browser `np.exp(1000.0)`
says nothing, and whoever wrote it passes there and loses points in the grading. So in a browser those functions with which
learners' numbers leave the range of a float look at what came out, and warn, or raise, as `np.errstate` asks, in the words
that NumPy has elsewhere. Operators cannot be replaced: `1 / x` stays silent.
"""

import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

WATCHED = ("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "square")
"""Functions of one array."""

WITH_POLE = ("log", "log2", "log10", "log1p")
"""Those that are infinite at a point; the others only where the result is beyond the largest float."""


class Watched:
    """One of NumPy's functions that says what the processor does not; all else of it is as it was."""

    def __init__(self, function: Callable[..., Any]):
        self._function = function
        self.__name__ = function.__name__
        self.__doc__ = function.__doc__

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._function, name)

    def __call__(self, *args: Any, **options: Any) -> Any:
        # what is written into the argument itself would be all that is left of it
        given = np.array(args[0]) if len(args) > 1 or "out" in options else args[0]
        with np.errstate(all="ignore"):
            result = self._function(*args, **options)
        if isinstance(result, np.ndarray | np.floating) and result.dtype.kind == "f":
            there = options.get("where", True)
            if np.any(np.isinf(result) & np.isfinite(given) & there):
                _tell("divide" if self.__name__ in WITH_POLE else "over", self.__name__)
            if np.any(np.isnan(result) & ~np.isnan(given) & there):
                _tell("invalid", self.__name__)
        return result


WORDS = {"divide": "divide by zero", "over": "overflow", "invalid": "invalid value"}


def _tell(kind: str, name: str) -> None:
    asked = dict(np.geterr())[kind]
    text = f"{WORDS[kind]} encountered in {name}"
    if asked == "raise":
        raise FloatingPointError(text)
    if asked == "warn":
        warnings.warn(text, RuntimeWarning, stacklevel=3)


def watch(numpy: ModuleType) -> None:
    """Put watched functions in the place of a module's own."""
    for name in WATCHED:
        setattr(numpy, name, Watched(getattr(numpy, name)))
