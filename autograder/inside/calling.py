"""Call a learner's function once and write down, as plain data, all that could be seen of it."""

import warnings
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .functions import Known, Seeded

CHECKED = "__checked_"
"""Before a kernel's name: what the kernel was at the place of its check, should a later cell give the name away."""

KINDS = "biuf"
"""Kinds of dtype that count as numbers here: bool, signed, unsigned, float."""


@dataclass(frozen=True)
class Opaque:
    """A value that is not plain data; only the name of its type is kept."""

    type_name: str


@dataclass(frozen=True)
class Outcome:
    """What one call did.

    value : the result as plain data (see `plain`), None if the call raised
    error : name of the exception's type, "" if the call returned
    message : the exception's text, clipped
    after : the arguments as the call left them
    stale : True if an array returned by an earlier call changed during this one
    warning : text of the first RuntimeWarning, such as NumPy's "overflow encountered in exp"; "" if there was none
    """

    value: Any = None
    error: str = ""
    message: str = ""
    after: tuple[Any, ...] = ()
    stale: bool = False
    warning: str = ""


def plain(value: Any, depth: int = 0) -> Any:
    """Copy a value as plain data: bool, int, float, str, None, numeric ndarray, what `functions` names; tuples, lists,
    dicts of these.

    Types are asked for by identity, so that an object cannot pretend to be an array. Anything else becomes Opaque.
    """
    kind = type(value)
    if kind is int and not -(2**63) <= value < 2**64:
        return Opaque("int of more than 64 bits")
    if value is None or kind in (bool, int, float, Known, Seeded):
        return value
    if kind is str:
        return value[:1000]
    if kind is np.memmap:
        value, kind = np.array(value, subok=False), np.ndarray
    if kind is np.ndarray:
        if value.dtype.kind not in KINDS or value.ndim > 8:
            return Opaque(f"array of dtype {value.dtype} with {value.ndim} axes")
        return np.array(value, subok=False, order="C")
    if isinstance(value, np.generic) and kind.__module__ == "numpy" and value.dtype.kind in KINDS:
        return np.array(value)
    if kind in (tuple, list) and depth < 3 and len(value) <= 64:
        return kind(plain(item, depth + 1) for item in value)
    if kind is dict and depth < 3 and len(value) <= 64 and all(map(_is_plain_key, value)):
        return {key: plain(item, depth + 1) for key, item in value.items()}
    return Opaque(f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")[:100])


def _is_plain_key(key: Any) -> bool:
    # "~" marks what JSON does not know, on the wire
    return type(key) is str and key != "~" and len(key) <= 100


def describe_error(error: BaseException | str, limit: int = 2000) -> str:
    """Text of an exception or a warning, clipped; one whose own text raises is named only."""
    try:
        return str.__getitem__(
            str(error), slice(limit)
        )  # str() may return a subclass with a slice of its own
    except BaseException:
        return "(the exception's own text could not be made)"


def error_name(error: BaseException) -> str:
    """Name of an exception's type; NumPy's own kind of MemoryError counts as what it is."""
    return (
        "MemoryError"
        if isinstance(error, MemoryError)
        else type.__dict__["__name__"].__get__(type(error))[:100]
    )


class Caller:
    """Calls one function again and again, each time on fresh copies of the arguments.

    It keeps the last few results, to notice a function that hands out one array and changes it later.
    """

    def __init__(self, function: Callable[..., Any]):
        self.function = function
        self._earlier: deque[tuple[np.ndarray, np.ndarray]] = deque(maxlen=3)
        self._given: tuple[Any, ...] = ()
        self._result: Any = None

    def __call__(self, args: tuple[Any, ...]) -> Outcome:
        given = _given(args)
        with warnings.catch_warnings(record=True) as log:
            warnings.simplefilter("default", RuntimeWarning)  # whatever was shown or silenced before
            try:
                result = self.function(*given)
            except (Exception, SystemExit) as error:
                return Outcome(
                    error=error_name(error), message=describe_error(error), after=_after(args, given)
                )
        warned = [entry.message for entry in log if issubclass(entry.category, RuntimeWarning)]
        warning = describe_error(warned[0], 300) if warned else ""
        stale = any(not np.array_equal(then, now, equal_nan=True) for then, now in self._earlier)
        value = plain(result)
        for whole in result if type(result) is tuple else (result,):
            if type(whole) is np.ndarray and whole.dtype.kind in KINDS:
                self._earlier.append((np.array(whole, subok=False), whole))
        return Outcome(value=value, after=_after(args, given), stale=stale, warning=warning)

    def prepare(self, args: tuple[Any, ...]) -> Outcome:
        """Lay out the arguments of a call that is to be timed, `masked`, so that nobody can begin before its time."""
        self._given = _given(args)
        return Outcome()

    def run(self, key: int) -> Outcome:
        """Unmask the arguments, make the call, and answer with the `digest` of its result, which nobody can change."""
        try:
            for argument in self._given:
                _unmask(argument, key)
            self._result = self.function(*self._given)
            return Outcome(digest(self._result))
        except (Exception, SystemExit) as error:
            return Outcome(error=error_name(error), message=describe_error(error))

    def result(self) -> Outcome:
        """What that call returned."""
        return Outcome(plain(self._result))


def masked(args: tuple[Any, ...], key: int) -> tuple[Any, ...]:
    """Copies of the arguments; each 4 bytes of an array are xored with the key, of 32 bits, as `_unmask` does again."""
    copies = tuple(plain(argument) for argument in args)
    for copy in copies:
        _unmask(copy, key)
    return copies


def _unmask(argument: Any, key: int) -> None:
    if type(argument) is np.ndarray and argument.nbytes % 4 == 0 and argument.ndim:
        words = argument.reshape(-1).view(np.uint32)
        words ^= np.uint32(key)


def digest(result: Any) -> int:
    """A number that depends on every bit of the arrays in a result; it cannot be known before they are."""
    number = 0
    for part in result if type(result) in (tuple, list) else (result,):
        if type(part) is np.ndarray and part.nbytes % 4 == 0 and part.nbytes:
            number ^= int(np.bitwise_xor.reduce(np.ascontiguousarray(part).reshape(-1).view(np.uint32)))
    return number


def _given(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Fresh copies of the arguments, as the kernel gets them."""
    return tuple(np.random.default_rng(a.seed) if type(a) is Seeded else plain(a) for a in args)


def _after(args: tuple[Any, ...], given: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments as a call left them; a generator may well have been drawn from."""
    return tuple(a if type(a) is Seeded else plain(left) for a, left in zip(args, given, strict=True))
