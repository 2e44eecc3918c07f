"""Call a learner's function once and write down, as plain data, all that could be seen of it."""

import contextlib
import hashlib
import linecache
import math
import re
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .functions import Known, Seeded

KINDS = "biuf"
"""Kinds of dtype that count as numbers here: bool, signed, unsigned, float."""

MOST_ROWS = 2**20
"""Rows that an array without a value may have. It takes no bytes, yet whoever walks through it takes a step for each."""


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
    where : for an exception the line of the learner's code and what met there, "line 3: `x @ w` — x has shape (2, 3)"
    """

    value: Any = None
    error: str = ""
    message: str = ""
    after: tuple[Any, ...] = ()
    stale: bool = False
    warning: str = ""
    where: str = ""


def plain(value: Any, depth: int = 0) -> Any:
    """Copy a value as plain data: bool, int, float, str, None, numeric ndarray, what `functions` names; tuples, lists,
    dicts of these.

    Types are asked for by identity, so that an object cannot pretend to be an array. A named tuple counts as the tuple
    that it is. Anything else becomes Opaque.
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
        if is_hollow(value.shape):
            return Opaque(f"array of shape {value.shape} that holds no value")
        return np.array(value, subok=False, order="C", dtype=_dtype(value))
    if isinstance(value, np.generic) and kind.__module__ == "numpy" and value.dtype.kind in KINDS:
        return np.array(value, dtype=_dtype(value))
    if kind is not tuple and issubclass(kind, tuple):
        value, kind = tuple(tuple.__iter__(value)), tuple
    if kind in (tuple, list) and depth < 3 and len(value) <= 64:
        return kind(plain(item, depth + 1) for item in value)
    if kind is dict and depth < 3 and len(value) <= 64 and all(map(_is_plain_key, value)):
        return {key: plain(item, depth + 1) for key, item in value.items()}
    return Opaque(f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")[:100])


def _dtype(value: "np.ndarray | np.generic") -> np.dtype:
    """Its dtype. In a browser NumPy's own integer has 32 bits; there it counts as the one that all other machines have."""
    return np.dtype(np.int64) if value.dtype == np.intp else value.dtype


def is_hollow(shape: tuple[int, ...]) -> bool:
    """Whether an array of this shape holds no value, and has more rows than any that is of use."""
    return 0 in shape and math.prod(max(axis, 1) for axis in shape) > MOST_ROWS


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

    It keeps the arrays of the last few results, to notice a function that hands out one array and changes it later.
    """

    def __init__(self, function: Callable[..., Any]):
        self.function = function
        self._earlier: deque[tuple[np.ndarray, np.ndarray]] = deque(maxlen=16)
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
                    error=error_name(error),
                    message=describe_error(error),
                    after=_after(args, given),
                    where=_place(error, self.function),
                )
        warned = [entry.message for entry in log if issubclass(entry.category, RuntimeWarning)]
        warning = describe_error(warned[0], 300) if warned else ""
        stale = any(not np.array_equal(then, now, equal_nan=True) for then, now in self._earlier)
        value = plain(result)
        for whole in _arrays(result):
            self._earlier.append((np.array(whole, subok=False), whole))
        return Outcome(value=value, after=_after(args, given), stale=stale, warning=warning)

    def prepare(self, args: tuple[Any, ...]) -> Outcome:
        """Lay out the arguments of a call that is to be timed, `masked`, so that nobody can begin before its time."""
        self._given = _given(args)
        return Outcome()

    def run(self, key: int) -> Outcome:
        """Unmask the arguments, make the call, and answer with the `digest` of its result, which settles it."""
        try:
            _unmask(self._given, key)
            self._result = self.function(*self._given)
            return Outcome(digest(self._result))
        except (Exception, SystemExit) as error:
            return Outcome(error=error_name(error), message=describe_error(error))

    def result(self) -> Outcome:
        """What that call returned."""
        return Outcome(plain(self._result))

    def busy(self) -> float:
        """Seconds of processor time that this process has used so far."""
        return time.process_time()

    def worked(self) -> float:
        """No process of the function's own has used anything: it runs in this one."""
        return 0.0

    def frozen(self) -> contextlib.AbstractContextManager[None]:
        """Nothing of the function's own works between its calls, as far as anyone here looks."""
        return contextlib.nullcontext()


def _place(error: BaseException, function: Callable[..., Any]) -> str:
    """The innermost line of the learner's own code in which an exception arose, and the arrays and numbers in it.

    It ends up in a hint, nowhere else: code that deceives this deceives its author.
    """
    try:
        own = getattr(function, "__globals__", None)
        trace, found = error.__traceback__, None
        while trace is not None:
            if trace.tb_frame.f_globals is own:
                found = trace
            trace = trace.tb_next
        if found is None:
            return ""
        frame = found.tb_frame
        code = linecache.getline(frame.f_code.co_filename, found.tb_lineno).strip()[:120]
        names = dict.fromkeys(re.findall(r"[A-Za-z_]\w*", code))
        facts = []
        for name in names:
            value = frame.f_locals.get(name)
            if type(value) is np.ndarray:
                facts.append(f"{name} has shape {value.shape}")
            elif type(value) is int:
                facts.append(f"{name} is {value}")
        text = f"line {found.tb_lineno}" + (f": `{code}`" if code else "")
        return f"{text} — {', '.join(facts[:5])}" if facts else text
    except Exception:  # whatever odd objects stand there
        return ""


def masked(args: tuple[Any, ...], key: int) -> tuple[Any, ...]:
    """Copies of the arguments, their arrays xored with a stream of random bits that only the key tells."""
    copies = tuple(plain(argument) for argument in args)
    _unmask(copies, key)
    return copies


def _unmask(args: tuple[Any, ...], key: int) -> None:
    """Take the mask off, in place; or put it on, which is the same."""
    for number, argument in enumerate(args):
        if type(argument) is np.ndarray:
            stream = np.random.SFC64([key, number]).random_raw(-(-argument.nbytes // 8)).view(np.uint8)
            argument.reshape(-1).view(np.uint8)[...] ^= stream[: argument.nbytes]


Layout = tuple[tuple[int, ...], ...]
"""For each array of a result its axes, from the slowest in memory to the fastest."""


def digest(result: Any, layout: Layout | None = None) -> tuple[str, Layout]:
    """SHA-256 of the arrays in a result, an array or a tuple or list of such, and the layout in which it reads them.

    Without a layout an array is read in the order that it has in memory, so that nobody pays for a copy of a result
    whose axes are swapped. No other result has the same digest that anyone could find.

    Raises
    ------
    ValueError
        If `layout` is none of this result.
    """
    arrays = [
        np.asarray(part)
        for part in (result if type(result) in (tuple, list) else (result,))
        if type(part) in (np.ndarray, np.memmap)
    ]
    if layout is None:
        layout = tuple(
            tuple(sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))) for array in arrays
        )
    number = hashlib.sha256()
    for array, axes in zip(arrays, layout, strict=True):
        number.update(f"{array.dtype.str} {array.shape} {axes};".encode())
        number.update(np.ascontiguousarray(array.transpose(axes)).reshape(-1).view(np.uint8).data)
    return number.hexdigest(), layout


def _arrays(result: Any, depth: int = 0) -> Iterator[np.ndarray]:
    """The arrays in a result, and in its tuples, lists and dicts."""
    if type(result) is np.ndarray and result.dtype.kind in KINDS:
        yield result
    elif type(result) in (tuple, list, dict) and depth < 3 and len(result) <= 64:
        for part in result.values() if type(result) is dict else result:
            yield from _arrays(part, depth + 1)


def _given(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Fresh copies of the arguments, as the kernel gets them."""
    return tuple(np.random.default_rng(a.seed) if type(a) is Seeded else plain(a) for a in args)


def _after(args: tuple[Any, ...], given: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments as a call left them; a generator may well have been drawn from."""
    return tuple(a if type(a) is Seeded else plain(left) for a, left in zip(args, given, strict=True))
