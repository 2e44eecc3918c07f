"""Who knows the right answers: the reference kernels, or a record of their answers in a learner's kit."""

import functools
import gzip
import hashlib
import importlib
import inspect
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..chapters import Chapter, check_points, imported
from ..inside import wire
from ..inside.calling import Caller, Outcome, plain
from .diagnosis.as_if import AsIf, as_ifs
from .diagnosis.naming import Naming
from .diagnosis.relations import alike, digits


class Oracle(Protocol):
    """Right answers, and the answers of known mistakes, for the kernels of one chapter."""

    def points(self) -> dict[str, float]:
        """Points of each kernel, in the order of the chapter."""

    def parameters(self, kernel: str) -> tuple[str, ...]:
        """Names of the kernel's parameters."""

    def naming(self, kernel: str) -> Naming:
        """What the kernel's docstring calls its parameters, their axes and its results."""

    @property
    def knows_all(self) -> bool:
        """Whether it can answer to any arguments, not just to those that checks draw for learners."""

    def expected(self, kernel: str, args: tuple[Any, ...]) -> Outcome:
        """What the reference does with these arguments.

        Raises
        ------
        KeyError
            If it does not know.
        """

    def undisputed(self, kernel: str, args: tuple[Any, ...]) -> bool:
        """Whether all right ways that it knows give the same answer to these arguments; False if it does not know."""

    def answers_as_if(self, kernel: str, as_if: AsIf, args: tuple[Any, ...], got: Outcome) -> bool | None:
        """Whether that outcome is the right one for these arguments, changed; None if it does not know.

        The change must be one that can be made to them.
        """

    def is_steady(self, kernel: str, args: tuple[Any, ...]) -> bool:
        """Whether last digits of these arguments stay last digits of the answer; in the first they tell of the machine."""

    def mistakes(self, kernel: str) -> Iterator[tuple[str, str]]:
        """Name and hint of each known mistake of the kernel."""

    def mistaken(self, kernel: str, mistake: str, args: tuple[Any, ...]) -> Outcome | None:
        """What a known mistake does with these arguments; None if that is not known."""


class Reference:
    """The oracle of whoever has `solutions/` and `mistakes/`: it runs them."""

    def __init__(self, chapter: Chapter, points: dict[str, float] | None = None):
        self.chapter = chapter
        self._points = check_points(chapter) if points is None else points
        self.module = imported(f"solutions.{chapter.name}")

    @functools.cached_property
    def _mistakes(self) -> list[Any]:
        return importlib.import_module("autograder.mistakes").of(self.chapter.name)

    def points(self) -> dict[str, float]:
        return self._points

    def parameters(self, kernel: str) -> tuple[str, ...]:
        return _parameters(getattr(self.module, kernel))

    knows_all = True

    def naming(self, kernel: str) -> Naming:
        return Naming.of(self.parameters(kernel), inspect.getdoc(getattr(self.module, kernel)) or "")

    def expected(self, kernel: str, args: tuple[Any, ...]) -> Outcome:
        return Caller(getattr(self.module, kernel))(args)

    def answers_as_if(self, kernel: str, as_if: AsIf, args: tuple[Any, ...], got: Outcome) -> bool | None:
        answer = self.expected_as_if(kernel, as_if, args)
        if answer is None or answer.error or got.error:
            return False
        return alike(answer.value, got.value, digits((args, answer.value), 1e-9))

    def undisputed(self, kernel: str, args: tuple[Any, ...]) -> bool:
        wanted = self.expected(kernel, args)
        others = (m.function for m in self._mistakes if m.kernel == kernel and not m.is_wrong)
        answers = (Caller(function)(args) for function in others)
        rtol = digits((args, wanted.value), 1e-10)
        return not wanted.error and all(not a.error and alike(wanted.value, a.value, rtol) for a in answers)

    def is_steady(self, kernel: str, args: tuple[Any, ...]) -> bool:
        return True  # the kernel ran on this machine

    def expected_as_if(self, kernel: str, as_if: AsIf, args: tuple[Any, ...]) -> Outcome | None:
        """What the reference does with these arguments, changed; None if the change cannot be made."""
        changed = as_if.change(args)
        with np.errstate(all="ignore"):
            return None if changed is None else self.expected(kernel, changed)

    def mistakes(self, kernel: str) -> Iterator[tuple[str, str]]:
        return ((m.name, m.hint) for m in self._mistakes if m.kernel == kernel and m.is_wrong)

    def mistaken(self, kernel: str, mistake: str, args: tuple[Any, ...]) -> Outcome | None:
        function = next(m.function for m in self._mistakes if m.kernel == kernel and m.name == mistake)
        return Caller(function)(args)


class OutOfTime(Exception):
    """Whoever asks has asked for long enough."""


class Hurried:
    """An oracle that answers for so many seconds of processor time, and raises OutOfTime then."""

    def __init__(self, oracle: Oracle, seconds: float):
        self._oracle = oracle
        self._end = time.process_time() + seconds
        self.points, self.parameters, self.naming = oracle.points, oracle.parameters, oracle.naming
        self.mistakes, self.undisputed, self.is_steady = oracle.mistakes, oracle.undisputed, oracle.is_steady
        self.knows_all = oracle.knows_all

    def _hurry(self) -> Oracle:
        if time.process_time() > self._end:
            raise OutOfTime
        return self._oracle

    def expected(self, kernel: str, args: tuple[Any, ...]) -> Outcome:
        return self._hurry().expected(kernel, args)

    def answers_as_if(self, kernel: str, as_if: AsIf, args: tuple[Any, ...], got: Outcome) -> bool | None:
        return self._hurry().answers_as_if(kernel, as_if, args, got)

    def mistaken(self, kernel: str, mistake: str, args: tuple[Any, ...]) -> Outcome | None:
        return self._hurry().mistaken(kernel, mistake, args)


class Recorder:
    """A Reference that writes down every answer it is asked for, to be read back by a Record."""

    def __init__(self, reference: Reference):
        self._reference = reference
        self._kernels: dict[str, dict[str, Any]] = {}

    def points(self) -> dict[str, float]:
        return self._reference.points()

    def parameters(self, kernel: str) -> tuple[str, ...]:
        return self._reference.parameters(kernel)

    knows_all = False  # nothing is to be found out: it is the reference that is called

    def is_steady(self, kernel: str, args: tuple[Any, ...]) -> bool:
        return self._reference.is_steady(kernel, args)

    def naming(self, kernel: str) -> Naming:
        return self._reference.naming(kernel)

    def undisputed(self, kernel: str, args: tuple[Any, ...]) -> bool:
        return False

    def answers_as_if(self, kernel: str, as_if: AsIf, args: tuple[Any, ...], got: Outcome) -> bool | None:
        return None

    def mistakes(self, kernel: str) -> Iterator[tuple[str, str]]:
        return iter(())

    def mistaken(self, kernel: str, mistake: str, args: tuple[Any, ...]) -> Outcome | None:
        return None

    def expected(self, kernel: str, args: tuple[Any, ...]) -> Outcome:
        return self._reference.expected(kernel, args)

    def note(self, kernel: str, args: tuple[Any, ...]) -> None:
        """Write down the reference's answer to one call, and that of every known mistake."""
        kept = self._kernels.setdefault(
            kernel,
            {
                "parameters": list(self.parameters(kernel)),
                "points": self.points()[kernel],
                "axes": {
                    name: [list(form) for form in forms] for name, forms in self.naming(kernel).axes.items()
                },
                "results": list(self.naming(kernel).results),
                "expected": {},
                "as_if": {},
                "unsteady": [],
                "mistakes": [
                    {"name": name, "hint": hint, "answers": {}}
                    for name, hint in self._reference.mistakes(kernel)
                ],
            },
        )
        key = key_of(args)
        # a kernel without arguments is a design, checked by its properties: its answer would be the solution
        kept["expected"][key] = _short(self.expected(kernel, args), args) if args else Outcome()
        begin = time.perf_counter()
        right = self.expected(kernel, args)
        quick = time.perf_counter() - begin < AS_IF_SECONDS
        if args and quick and key not in kept["as_if"] and not _holds_float32(args):
            kept["as_if"][key] = self._fingerprints(kernel, args)
        if key not in kept["unsteady"] and self._swings(kernel, args, right):
            kept["unsteady"].append(key)
        for mistake in kept["mistakes"]:
            answer = self._reference.mistaken(kernel, mistake["name"], args)
            mistake["answers"][key] = answer and _short(answer, args)

    def _swings(self, kernel: str, args: tuple[Any, ...], answer: Outcome) -> bool:
        """Whether the answer is another one if the last digit of the arguments is, as after a training of many steps."""
        if answer.error or not alike(answer.value, answer.value):
            return False
        other = self.expected(kernel, _nudged(args))
        return not alike(answer.value, other.value, digits((args, answer.value), 1e-9))

    def _fingerprints(self, kernel: str, args: tuple[Any, ...]) -> str:
        """Those of the right answers to the arguments, changed in every way of `as_ifs`, in its order."""
        answers = (
            self._reference.expected_as_if(kernel, as_if, args) for as_if in as_ifs(self.naming(kernel), args)
        )
        return "".join(
            fingerprint(answer.value) if answer and not answer.error else "-" * FINGERPRINT
            for answer in answers
        )

    def write(self, path: Path) -> None:
        """Write the record to `path`: one frame for each kernel and each mistake, compressed."""
        frames: list[dict[str, Any]] = [{"format": Record.FORMAT, "chapter": self._reference.chapter.name}]
        for name, kept in self._kernels.items():
            frames.append({"kernel": name, **kept, "mistakes": []})
            frames += [{"mistake_of": name, **mistake} for mistake in kept["mistakes"]]
        path.write_bytes(gzip.compress(b"".join(map(wire.pack, frames)), mtime=0))


class Record:
    """The oracle of a learner's kit: answers that were recorded from the reference when the chapter was released.

    It says itself which chapter it is of: a browser may have saved the file under another name.
    """

    FORMAT = 5
    knows_all = False

    def __init__(self, path: Path):
        try:
            header, *frames = _frames(gzip.decompress(path.read_bytes()))
        except (gzip.BadGzipFile, EOFError, zlib.error, wire.WireError, ValueError):
            raise ValueError(f"{path} is damaged: get it again from where you got the notebook") from None
        except OSError as error:
            raise ValueError(f"{path} cannot be read: {error.strerror}") from None
        if header.get("format") != self.FORMAT:
            raise ValueError(
                f"{path} was made by another version of the course: get notebook, kit and this file again"
            )
        self.chapter: str = header["chapter"]
        if not self.chapter.isidentifier():  # it names a file of checks, and no path to another place
            raise ValueError(
                f"{path} is no file of recorded answers: get it again from where you got the notebook"
            )
        self._kernels: dict[str, Any] = {frame["kernel"]: frame for frame in frames if "kernel" in frame}
        for frame in frames:
            if "mistake_of" in frame:
                self._kernels[frame["mistake_of"]]["mistakes"].append(frame)

    def points(self) -> dict[str, float]:
        return {kernel: kept["points"] for kernel, kept in self._kernels.items()}

    def parameters(self, kernel: str) -> tuple[str, ...]:
        return tuple(self._kernels[kernel]["parameters"])

    def naming(self, kernel: str) -> Naming:
        kept = self._kernels[kernel]
        axes = {name: tuple(map(tuple, forms)) for name, forms in kept["axes"].items()}
        return Naming(self.parameters(kernel), axes, tuple(kept["results"]))

    def expected(self, kernel: str, args: tuple[Any, ...]) -> Outcome:
        return _full(self._kernels[kernel]["expected"][key_of(args)], args)

    def undisputed(self, kernel: str, args: tuple[Any, ...]) -> bool:
        return False

    def answers_as_if(self, kernel: str, as_if: AsIf, args: tuple[Any, ...], got: Outcome) -> bool | None:
        kept = self._kernels[kernel]["as_if"].get(key_of(args))
        if kept is None:
            return None
        texts = [other.text for other in as_ifs(self.naming(kernel), args)]
        if as_if.text not in texts:
            return None
        at = FINGERPRINT * texts.index(as_if.text)
        return not got.error and kept[at : at + FINGERPRINT] == fingerprint(got.value)

    def is_steady(self, kernel: str, args: tuple[Any, ...]) -> bool:
        return key_of(args) not in self._kernels[kernel]["unsteady"]

    def mistakes(self, kernel: str) -> Iterator[tuple[str, str]]:
        return ((mistake["name"], mistake["hint"]) for mistake in self._kernels[kernel]["mistakes"])

    def mistaken(self, kernel: str, mistake: str, args: tuple[Any, ...]) -> Outcome | None:
        kept = next(m for m in self._kernels[kernel]["mistakes"] if m["name"] == mistake)
        answer = kept["answers"].get(key_of(args))
        return answer and _full(answer, args)


AS_IF_SECONDS = 0.02
"""The reference is not asked for changed arguments where a call takes longer than this: where it trains."""

FINGERPRINT = 12
"""Characters of a fingerprint."""


@functools.cache
def _parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)


def _nudged(value: Any) -> Any:
    """The same arguments, with another last digit of every fraction; whole numbers stay: labels are found among them."""
    if type(value) is tuple:
        return tuple(map(_nudged, value))
    if type(value) is dict:
        return {name: _nudged(one) for name, one in value.items()}
    if isinstance(value, np.ndarray) and value.dtype.kind == "f" and np.any(value != np.rint(value)):
        return value * (1 + np.finfo(value.dtype).eps)
    return value


def fingerprint(value: Any) -> str:
    """Twelve characters that tell a result from others: equal for results that agree to some seven digits, nearly always.

    A record keeps these of answers that it needs for comparison only: they take little room, and show nobody an answer.
    """
    digest = hashlib.sha256()
    for array in _all_arrays(value):
        finite = np.abs(array[np.isfinite(array)])
        scale = float(finite.max()) if finite.size else 0.0
        # beside the half, so that numbers that are exact fall on the same side, however they were added up
        steps = np.floor(array / (scale or 1.0) * 1e7 + 0.3137)
        digest.update(f"{array.shape} {scale:.6e}".encode())
        digest.update(
            np.nan_to_num(steps, nan=-(2.0**60), posinf=2.0**61, neginf=-(2.0**61)).astype(np.int64).tobytes()
        )
    return digest.hexdigest()[:FINGERPRINT]


def _all_arrays(value: Any) -> Iterator[np.ndarray]:
    if isinstance(value, dict | tuple | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _all_arrays(part)
    elif isinstance(value, np.ndarray | int | float):
        yield np.asarray(value, dtype=float)


def _holds_float32(args: tuple[Any, ...]) -> bool:
    """Whether answers to these arguments have too few digits for a fingerprint."""
    return any(array.dtype == np.float32 for argument in args for array in _raw_arrays(argument))


def _raw_arrays(value: Any) -> Iterator[np.ndarray]:
    if isinstance(value, dict):
        for part in value.values():
            yield from _raw_arrays(part)
    elif isinstance(value, np.ndarray):
        yield value


def _short(outcome: Outcome, args: tuple[Any, ...]) -> Outcome:
    """Without the arguments, if the call left them as they were: in a record they would stand again and again."""
    untouched = wire.pack({"of": outcome.after}) == wire.pack({"of": plain(args)})
    return replace(outcome, after=()) if untouched else outcome


def _full(outcome: Outcome, args: tuple[Any, ...]) -> Outcome:
    """What `_short` made short."""
    return outcome if outcome.after else replace(outcome, after=plain(args))


def _frames(content: bytes) -> Iterator[dict[str, Any]]:
    at = 0
    while at < len(content):
        end = at + 4 + int.from_bytes(content[at : at + 4], "big")
        yield wire.unpack(content[at + 4 : end])
        at = end


def key_of(args: tuple[Any, ...]) -> str:
    """What tells the arguments of one call from those of another: a digest of all that they hold."""
    return hashlib.sha256(wire.pack({"args": plain(args)})).hexdigest()[:32]
