"""Which kernels are wrong: each is held against the right ways, on inputs of which the checks know nothing."""

import contextlib
import hashlib
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.chapters import Chapter
from autograder.checking.oracle import Reference
from autograder.checking.run import run_checks
from autograder.checking.subject import Stopped, _difference, _same_value, _size, same_outcome, tolerance
from autograder.inside.calling import Caller, Outcome, plain
from autograder.inside.functions import Known, Seeded
from autograder.results import TIME_LIMIT
from benchmarks.draws import DRAWS

SEEDS = tuple(f"sieve-{number}" for number in range(12))
"""Seeds of the checks whose calls the sieve takes over; the bench's verdicts are made under others."""

DRAWN = 60
"""Inputs that are drawn for each kernel, beside those taken over."""

RECORDED = 90
"""How many calls of the checks are taken over at most."""

LARGEST = 5000
"""Numbers that the arguments of a call may hold: a network that trains for a second tells no more than a small one."""

SECONDS = 2.0
"""Processor time that one call may take; a call that trains a network, ten times that."""

SAME_DTYPE = {
    "to_float", "flatten_image", "relu", "zero_pad", "max_pool2d", "sgd_step", "adam_step", "dropout", "im2col",
    "col2im", "random_shift", "he_init", "conv2d_fast", "conv2d_fast_backward",
}  # fmt: skip
"""Kernels whose docstring says which dtype the result has."""

QUIET = {"sigmoid"}
"""Kernels whose docstring promises that there is no warning."""


class _Alarm(BaseException):
    """The time of a call is over; no kernel's own `except Exception` catches it."""


class Guarded(Caller):
    """A Caller whose calls end after some seconds of processor time."""

    def __init__(self, function: Callable[..., Any], seconds: float = SECONDS):
        super().__init__(function)
        self.seconds = seconds

    def __call__(self, args: tuple[Any, ...]) -> Outcome:
        signal.signal(signal.SIGPROF, _ring)
        signal.setitimer(signal.ITIMER_PROF, self.seconds, 0.1)
        try:
            return super().__call__(args)
        except _Alarm:
            raise Stopped(TIME_LIMIT, f"your function takes longer than {self.seconds:g} s") from None
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)


def _ring(*_: Any) -> None:
    raise _Alarm


@dataclass(frozen=True)
class Sieve:
    """The inputs of one kernel, what the right ways answer to each, and what the listed mistakes do.

    Where chance or design leaves many right answers, none is kept.
    """

    kernel: str
    inputs: tuple[tuple[Any, ...], ...]
    right: tuple[tuple[Outcome, ...], ...]
    listed: dict[str, tuple[Outcome, ...]]

    def answers(self, function: Callable[..., Any]) -> list[Outcome] | None:
        """What a function does with each input; None if it takes too long with one."""
        call = guarded(self.kernel, function)
        try:
            return [call(args) for args in self.inputs]
        except Stopped:
            return None

    def wrong_on(self, answers: list[Outcome]) -> list[int]:
        """Numbers of the inputs whose answer none of the right ways gives."""
        return [
            number
            for number, (args, answer) in enumerate(zip(self.inputs, answers, strict=True))
            if self.right[number]
            and not any(is_right(self.kernel, args, answer, good) for good in self.right[number])
        ]

    def listed_as(self, answers: list[Outcome]) -> str:
        """Name of the known mistake that does the same with every input; "" if there is none."""
        for name, theirs in self.listed.items():
            if all(
                same_outcome(one, other, max(1e-9, tolerance((*args, one.value))))
                for args, one, other in zip(self.inputs, theirs, answers, strict=True)
            ):
                return name
        return ""


def guarded(kernel: str, function: Callable[..., Any]) -> Guarded:
    return Guarded(function, SECONDS * (10 if kernel == "train" else 1))


def is_right(kernel: str, args: tuple[Any, ...], answer: Outcome, good: Outcome) -> bool:
    """Whether an answer says what a right one says, in all that the kernel's docstring promises."""
    if answer.error or good.error:
        return answer.error == good.error
    rtol = max(1e-9, tolerance((*args, good.value)))
    wanted = tuple(good.value) if isinstance(good.value, list) else good.value
    with np.errstate(all="ignore"):
        if _difference(wanted, answer.value, rtol) is not None:
            return False
    if kernel in SAME_DTYPE and _dtypes(answer.value) != _dtypes(good.value):
        return False
    if kernel in QUIET and answer.warning and not good.warning:
        return False
    return not changes_input(args, answer) and not answer.stale


def changes_input(args: tuple[Any, ...], answer: Outcome) -> bool:
    return not all(_same_value(plain(a), b, 0.0) for a, b in zip(args, answer.after, strict=False))


def _dtypes(value: Any) -> list[str]:
    """The dtypes of all arrays in a value, in order."""
    if isinstance(value, np.ndarray):
        return [str(value.dtype)] if value.ndim else []
    if isinstance(value, dict):
        return [dtype for part in value.values() for dtype in _dtypes(part)]
    if isinstance(value, tuple | list):
        return [dtype for part in value for dtype in _dtypes(part)]
    return []


def print_of(answers: list[Outcome]) -> str:
    """A short text that is the same for two functions that do the same."""
    number = hashlib.sha256()
    for answer in answers:
        number.update(f"{answer.error} {answer.message if answer.error else ''} {answer.stale}".encode())
        for value in (answer.value, answer.after):
            _digest(value, number)
    return number.hexdigest()[:16]


def _digest(value: Any, number: Any) -> None:
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, tuple | list):
        number.update(type(value).__name__.encode())
        for part in value:
            _digest(part, number)
    elif isinstance(value, np.ndarray | float) and np.size(value):
        array = np.asarray(value, dtype=float)
        with np.errstate(all="ignore"):
            scale = np.max(np.abs(array[np.isfinite(array)]), initial=0) or 1.0
            rounded = np.round(array / scale, 5) + 0.0
        number.update(
            f"{array.shape} {getattr(value, 'dtype', float)} {scale:.4g}".encode() + rounded.tobytes()
        )
    else:
        number.update(repr(value).encode())


# --- making a sieve ------------------------------------------------------------------------------------------------


def recorded(chapter: Chapter, kernel: str, seeds: tuple[str, ...] = SEEDS) -> list[tuple[Any, ...]]:
    """The arguments of the calls that a kernel's checks make, under seeds of the sieve's own."""
    oracle = Reference(chapter)
    call = Caller(getattr(oracle.module, kernel))
    found: dict[str, tuple[Any, ...]] = {}

    def watched(args: tuple[Any, ...]) -> Outcome:
        found.setdefault(repr(args) if _size(args) < 500 else str(len(found)), args)
        return call(args)

    for seed in seeds:
        run_checks(chapter.checks, oracle, {kernel: watched}, seed)
    return list(found.values())


def sieve(chapter: Chapter, kernel: str, calls: list[tuple[Any, ...]], seed: int = 0) -> Sieve:
    """The inputs: calls of the checks, the same with other numbers, and drawn ones; with the right answers to each."""
    oracle, rng = Reference(chapter), np.random.default_rng([seed, len(kernel), *kernel.encode()])
    ways = [getattr(oracle.module, kernel)]
    ways += [m.function for m in oracle._mistakes if m.kernel == kernel and not m.is_wrong]
    taken = [calls[number] for number in sorted(rng.permutation(len(calls))[:RECORDED])]
    fresh = [other for args in taken if (other := _other_numbers(args, rng)) is not None]
    fresh += [DRAWS[kernel](rng) for _ in range(DRAWN)]
    inputs, right, spent = [], [], 0.0
    for args in [*fresh[-DRAWN:], *taken, *fresh[:-DRAWN]]:
        if _size(args) > LARGEST:
            continue
        begun = time.process_time()
        first = guarded(kernel, ways[0])(args)
        seconds = time.process_time() - begun
        if seconds > 0.05 or spent > 0.4 or (first.error and not any(args is one for one in taken)):
            continue
        good = [first, *(guarded(kernel, way)(args) for way in ways[1:])]
        chance = any(isinstance(part, Seeded) for part in args) or not args
        if chance and not all(is_right(kernel, args, other, first) for other in good[1:]):
            good = []  # many answers are right here, and the right ways give only some of them
        spent += seconds
        inputs.append(args)
        right.append(tuple(good))
    listed = {}
    for m in oracle._mistakes:
        if m.kernel == kernel and m.is_wrong:
            with contextlib.suppress(Stopped):
                call = guarded(kernel, m.function)
                listed[m.name] = tuple(call(args) for args in inputs)
    return Sieve(kernel, tuple(inputs), tuple(right), listed)


def _other_numbers(args: tuple[Any, ...], rng: np.random.Generator) -> tuple[Any, ...] | None:
    """The same call with other floats in its arrays, between their least and their largest; None if it has none.

    The diagnosis draws such calls too; what judges it shares no code with it.
    """
    if not any(_has_floats(part) for part in args) or any(isinstance(part, Known) for part in args):
        return None
    return tuple(_redrawn(part, rng) for part in args)


def _has_floats(part: Any) -> bool:
    if isinstance(part, dict):
        return any(map(_has_floats, part.values()))
    return isinstance(part, np.ndarray) and part.dtype.kind == "f" and part.size > 0


def _redrawn(part: Any, rng: np.random.Generator) -> Any:
    if isinstance(part, dict):
        return {key: _redrawn(value, rng) for key, value in part.items()}
    if (
        not isinstance(part, np.ndarray)
        or part.dtype.kind != "f"
        or not np.all(np.isfinite(part))
        or not part.size
    ):
        return part
    if np.all(part == part.flat[0]):
        return part
    with np.errstate(all="ignore"):
        return (part.min() + rng.random(part.shape) * (part.max() - part.min())).astype(part.dtype)


# --- kernels with many right answers --------------------------------------------------------------------------------


def breaks_its_word(kernel: str, function: Callable[..., Any]) -> str:
    """What a kernel that draws, or is a design, does against its docstring; "" if nothing is seen."""
    judge = _WORDS.get(kernel)
    if judge is None:
        return ""
    call = guarded(kernel, function)

    def ask(*args: Any) -> Any:
        answer = call(args)
        if answer.error:
            raise _Broken(f"raises {answer.error}")
        if changes_input(args, answer) or answer.stale:
            raise _Broken("changes an array")
        return answer.value

    try:
        with np.errstate(all="ignore"):
            judge(ask)
    except _Broken as broken:
        return str(broken)
    except Stopped:
        return "takes too long"
    except Exception as error:  # a value of an unexpected kind
        return f"an odd value: {type(error).__name__}"
    return ""


class _Broken(Exception):
    pass


def _must(condition: Any, what: str) -> None:
    if not bool(condition):
        raise _Broken(what)


def _repeats(ask: Callable[..., Any], *args: Any) -> None:
    """The same seed, the same result; another seed, another."""
    first, again, other = (ask(*args[:-1], Seeded(seed), *args[-1]) for seed in (5, 5, 6))
    one, two, three = (part[0] if isinstance(part, tuple | list) else part for part in (first, again, other))
    _must(np.array_equal(one, two), "chance from elsewhere")
    _must(not np.array_equal(one, three), "no chance")


def _even(values: np.ndarray, what: str) -> None:
    """Neighbours know nothing of each other."""
    flat = np.asarray(values, float).reshape(len(values), -1)
    for lines in (flat, flat.T):
        if len(lines) > 1:
            _must(abs(np.corrcoef(lines[:-1].ravel(), lines[1:].ravel())[0, 1]) < 0.08, what)


def _he_init(ask: Callable[..., Any]) -> None:
    for shape in ((300, 40), (40, 300), (3, 3, 25, 40), (2, 5, 6, 200)):
        weights = ask(shape, Seeded(3))
        _must(type(weights) is np.ndarray and weights.shape == shape, "shape")
        _must(weights.dtype == np.float32, "dtype")
        sigma = np.sqrt(2 / np.prod(shape[:-1]))
        w = weights.astype(float) / sigma
        _must(abs(w.std() - 1) < 0.04 and abs(w.mean()) < 0.06, "spread")
        _must(abs(np.mean(w**4) - 3) < 0.5, "not normal")
        _must(np.unique(w).size > 0.98 * w.size, "numbers come twice")
        _even(w, "not independent")
    _repeats(ask, (4, 5), ())


def _dropout(ask: Callable[..., Any]) -> None:
    rng = np.random.default_rng(1)
    for dtype in (np.float64, np.float32):
        for rate in (0.1, 0.35, 0.5, 0.9, 0.0):
            x = rng.normal(0, 1, (60, 8, 10)).astype(dtype)
            x[:3] = 0
            out, scale = ask(x, rate, Seeded(9), True)
            for part in (out, scale):
                _must(
                    type(part) is np.ndarray and part.shape == x.shape and part.dtype == dtype,
                    "shape or dtype",
                )
            _must(np.allclose(out, x * scale, rtol=1e-6, atol=0), "out is not x · scale")
            off = scale == 0
            _must(np.all(off | np.isclose(scale, 1 / (1 - rate), rtol=1e-5)), "scale")
            _must(abs(off.mean() - rate) < 6 * np.sqrt(0.25 / x.size), "share")
            if rate:
                _even(off, "not independent")
    x = rng.normal(0, 1, (6, 7))
    _repeats(ask, x, 0.5, (True,))


def _random_shift(ask: Callable[..., Any]) -> None:
    rng = np.random.default_rng(2)
    for most, dtype in ((1, np.uint8), (2, np.float64), (1, np.float32), (3, np.float64)):
        images = (
            (1 + rng.permuted(np.tile(np.arange(60), (900, 1)), axis=1)).reshape(900, 5, 6, 2).astype(dtype)
        )
        moved = ask(images, most, Seeded(4))
        _must(
            type(moved) is np.ndarray and moved.shape == images.shape and moved.dtype == dtype,
            "shape or dtype",
        )
        padded = np.pad(images, ((0, 0), (most, most), (most, most), (0, 0)))
        span = range(2 * most + 1)
        same = np.array([
            np.all(padded[:, i : i + 5, j : j + 6] == moved, axis=(1, 2, 3)) for i in span for j in span
        ])  # fmt: skip
        _must(same.any(axis=0).all(), "not a shift")
        counts = same.sum(axis=1)
        wanted = 900 / counts.size
        _must(np.all(np.abs(counts - wanted) < 6 * np.sqrt(wanted)), "not equally likely")
        steps = same.argmax(axis=0).astype(float)
        _must(abs(np.corrcoef(steps[1:], steps[:-1])[0, 1]) < 0.2, "not independent")
    _repeats(ask, images[:20], 2, ())


def _x_detector(ask: Callable[..., Any]) -> None:
    kernel, bias = ask()
    _must(type(kernel) is np.ndarray and kernel.shape == (3, 3) and np.ndim(bias) == 0, "shape")
    _must(np.all(np.isfinite(kernel.astype(float))) and np.isfinite(float(bias)), "not finite")
    eye = np.eye(5)
    cross = np.maximum(eye, eye[::-1])
    plus, ring, small = np.zeros((5, 5)), np.ones((5, 5)), np.ones((3, 3))
    plus[2], plus[:, 2], ring[1:-1, 1:-1], small[1, 1] = 1, 1, 0, 0
    for shape in (cross, plus, ring, small, eye, eye[::-1], np.eye(3), np.eye(3)[::-1], np.zeros((5, 5))):
        image = np.pad(shape, 4)
        windows = np.lib.stride_tricks.sliding_window_view(image, (3, 3))
        fires = (windows * kernel.astype(float)).sum(axis=(2, 3)) + float(bias) > 1e-9
        wanted = np.zeros_like(fires)
        wanted[5, 5] = shape is cross
        _must(np.array_equal(fires, wanted), "fires where it should not, or does not where it should")


def _train(ask: Callable[..., Any]) -> None:
    rng = np.random.default_rng(3)

    def watched(name: str, pixels: np.ndarray) -> tuple[Any, ...]:
        images = pixels.reshape(-1, 1, 1, 1)
        data = {"train_images": images, "train_labels": np.arange(len(pixels))}
        for part in ("validation", "test"):
            data[f"{part}_images"], data[f"{part}_labels"] = rng.random((3, 1, 1, 1)), np.array([0, 1, 1])
        params = {"w": rng.normal(0, 1, (1, 2)), "b": np.zeros(2)}
        return Known("one_layer_logits"), Known(name), params, data

    first = watched("roll_call", np.arange(10.0))
    _, history = ask(*first, Seeded(1), 4, 3, 0.1)
    came = (np.round(history["loss"])[:, None] // 16.0 ** np.arange(10) % 16).reshape(4, 4, 10)
    _must(np.all(came.sum(axis=1) == 1), "each image once an epoch")
    _must(came.sum(axis=2).tolist() == [[3, 3, 3, 1]] * 4, "sizes of the batches")
    _must(any(np.any(came[0] != other) for other in came[1:]), "the same order in each epoch")
    orders = []
    for seed in (1, 1, 2):
        _, history = ask(*first, Seeded(seed), 6, 1, 0.1)
        orders.append(history["loss"])
    _must(np.array_equal(orders[0], orders[1]) and not np.array_equal(orders[0], orders[2]), "chance")
    order = np.round(np.log2(orders[0]) / 4).reshape(6, 10)
    _must(
        len(np.unique(order[:, 0])) > 1 and np.unique((order[:, 1:] - order[:, :-1]) % 10).size > 2,
        "a rotation",
    )
    pairs = watched("pairs", np.arange(12.0))
    _must(ask(*pairs, Seeded(1), 2, 4, 0.1)[1]["loss"].tolist() == [4.0] * 6, "labels apart from images")
    die = watched("die", np.arange(6.0))
    losses = ask(*die, Seeded(1), 2, 2, 0.1)[1]["loss"]
    _must(len(np.unique(losses)) == 6, "the generator is not handed on")


_WORDS: dict[str, Callable[[Callable[..., Any]], None]] = {
    "he_init": _he_init, "dropout": _dropout, "random_shift": _random_shift, "x_detector": _x_detector, "train": _train,
}  # fmt: skip


def shown(args: tuple[Any, ...], limit: int = 300) -> str:
    """The arguments of a call as a short text."""
    text = ", ".join(" ".join(repr(part).split()) for part in args)
    return text if len(text) <= limit else f"{text[:limit]} … of {', '.join(_kinds(args))}"


def _kinds(args: tuple[Any, ...]) -> Iterator[str]:
    for part in args:
        yield (
            f"{part.dtype}{part.shape}" if isinstance(part, np.ndarray) else " ".join(repr(part).split())[:40]
        )
