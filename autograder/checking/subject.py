"""The kernel under check, as the tests in `checks/` see it."""

import functools
import math
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn, Protocol, runtime_checkable

import numpy as np

from ..inside.calling import Caller, Opaque, Outcome, digest, masked, plain
from ..inside.functions import Known, Seeded
from ..results import NOT_WRITTEN, RAISED, SIDE_EFFECTS, TOO_SLOW, UNSTABLE, Failure, Panel
from .oracle import Oracle

Call = Callable[[tuple[Any, ...]], Outcome]
"""Calls the learner's function on copies of the arguments; raises Stopped if no answer can come any more."""


@runtime_checkable
class Timed(Protocol):
    """A Call whose time can be taken, apart from that of handing over arguments and result.

    The arguments are of no use before the clock starts, and the result is settled when it stops: so a kernel in a
    jail, which may do there what it likes, cannot work before or after its time.
    """

    def prepare(self, args: tuple[Any, ...]) -> Outcome:
        """Hand over the arguments, masked with a key that is not known yet."""

    def run(self, key: int) -> Outcome:
        """Unmask them, make the call, answer with the digest of its result."""

    def result(self) -> Outcome:
        """What that call returned."""

    def busy(self) -> float:
        """Seconds of processor time that all processes and threads of the kernel's have used so far."""

    def worked(self) -> float:
        """The same as it was when the last call ended; 0 if the kernel runs in this process."""

    def frozen(self) -> AbstractContextManager[None]:
        """Hold all of them still meanwhile; raises Stopped at the end if that could not be done."""


def clock_of(call: Call) -> Callable[[], float]:
    """A clock that tells seconds of processor time used by this process, and by those in which the call's kernel runs.

    What else the machine does makes no difference to it, as it does to the time of day.
    """
    if isinstance(call, Timed):  # asked once: it takes longer than to read the clock
        worked = call.worked
        return lambda: time.process_time() + worked()
    return time.process_time


ROUNDS = (24, 160)
"""Runs of a race until it may end early, and at most."""

REPEATS = 2
"""How many calls, beside one that failed, are asked once more at the end."""

QUICK_SECONDS = 0.2
"""A call that took longer is not asked again, unless it failed."""

RACE_SECONDS = 2.0
"""Seconds of the kernel's own after which a race ends."""


class Stopped(Exception):
    """The learner's code ended in a way that leaves no answer; `verdict` is one of the results' verdicts."""

    def __init__(self, verdict: str, message: str):
        super().__init__(message)
        self.verdict = verdict


class CheckFailure(AssertionError):
    """A check did not pass; `failure` says what was asked, what should have come back and what did."""

    def __init__(self, failure: Failure):
        super().__init__(f"{failure.call}: {failure.message}")
        self.failure = failure


@dataclass(frozen=True, eq=False)
class Seen:
    """One call that a check made, and what it did.

    expected : what the reference does, None where a check states a property instead
    passed : whether the check was content with it, side effects aside
    rtol : the tolerance that the check named, None for the usual one
    exact_dtype, quiet : True if all that was wrong was the result's dtype, or a warning
    seconds : of processor time that the call took, here and wherever the kernel runs
    """

    args: tuple[Any, ...]
    outcome: Outcome
    expected: Outcome | None = None
    passed: bool = True
    rtol: float | None = None
    exact_dtype: bool = False
    quiet: bool = False
    seconds: float = 0.0

    @property
    def tolerance(self) -> float:
        """Relative tolerance for comparing another answer to the same call with this one."""
        wanted = None if self.expected is None else self.expected.value
        return self.rtol or tolerance((*self.args, wanted, self.outcome.value))

    def equals(self, answer: Outcome) -> bool:
        """Whether another function, asked the same, did what this one did, in all that the check looked at."""
        if self._is_right(answer) and not (self.passed or self.exact_dtype or self.quiet):
            return False
        rtol = self.rtol or tolerance(self.args)
        if rtol < SINGLE_DIGITS and tolerance((answer.value, self.outcome.value)) > rtol:
            rtol = SINGLE_DIGITS  # float32 on the way alone: what both have of its digits, they share
        if self.exact_dtype and _dtypes(answer.value) != _dtypes(self.outcome.value):
            return False
        if self.quiet and bool(answer.warning) != bool(self.outcome.warning):
            return False
        return same_outcome(answer, self.outcome, rtol)

    def _is_right(self, answer: Outcome) -> bool:
        """Whether the check would be content with these values: float32 beside float64 is close, and yet wrong."""
        if self.expected is None or self.expected.error or answer.error:
            return False
        rtol = self.rtol or tolerance((*self.args, self.expected.value))
        return _difference(self.expected.value, answer.value, rtol) is None


@dataclass
class Subject:
    """A kernel under check: calls it, compares it with the oracle, and remembers what it saw.

    A difference is noted, and the check goes on to its other calls: so a kernel cannot tell from what it is asked next
    whether it was right, and the diagnosis sees in which calls it fails. `settle` then fails the check.

    kernel : name of the kernel; call : how to call the learner's function; oracle : knows the right answers
    seen : all calls so far; slips : by the name of their check, what is wrong beside the values, the smallest of each
    fault : what our own side raised in a call, if it did
    clock : seconds of processor time that were used so far, by this process and wherever the kernel runs
    """

    kernel: str
    call: Call
    oracle: Oracle
    seen: list[Seen] = field(default_factory=list)
    slips: dict[str, Failure] = field(default_factory=dict)
    stopped: Stopped | None = None
    failed: bool = False
    fault: Exception | None = None
    clock: Callable[[], float] | None = None
    _noted: list[Failure] = field(default_factory=list)
    _check: int = 0
    _paid: dict[str, int] = field(default_factory=dict)
    _raced: tuple[float, tuple[Any, ...], Any] | None = None

    def __post_init__(self) -> None:
        self.clock = self.clock or clock_of(self.call)

    def begin(self) -> None:
        """Begin a new check."""
        self._check += 1
        self._noted.clear()

    def settle(self) -> None:
        """End a check: fail with the smallest failure that was noted in it."""
        if self._noted:
            raise CheckFailure(min(self._noted, key=lambda failure: failure.size))

    def agrees(
        self, *args: Any, dtype: type | None = None, rtol: float | None = None, quiet: bool = False
    ) -> None:
        """Require the same answer as the reference.

        Values are compared with the relative tolerance `rtol`: unless it is given, 1e-4 if an argument or the right
        answer is float32, else 1e-10. With `dtype` that of each array in the result must be exactly that; otherwise any
        numeric dtype that holds the values will do. With `quiet` there must be no RuntimeWarning, which is overlooked otherwise. A
        wrong dtype and a warning cost just the first check that asks about them, if the values are right.
        """
        outcome = self._ask(args)
        expected = self.oracle.expected(self.kernel, args)
        seen = self.seen[-1] = replace(self.seen[-1], expected=expected, rtol=rtol)
        if outcome.error:
            self.seen[-1] = replace(seen, passed=False)
            return self._note(self._raised(args, outcome, expected))
        rtol = rtol or tolerance((*args, expected.value))
        found = _difference(expected.value, outcome.value, rtol)
        others = () if dtype is None else [one for one in _dtypes(outcome.value) if one != dtype]
        if found is None and others:
            # Only here does the dtype tell one mistake from another: wrong values are diagnosed whatever their dtype.
            seen = replace(seen, exact_dtype=True)
            message = f"the values are right, but their dtype is {others[0]}, not {np.dtype(dtype)}"
            found = "dtype", message, None
        if found is None and quiet and outcome.warning:
            seen = replace(seen, quiet=True)
            found = "warning", f"the values are right, but on the way NumPy warns: {outcome.warning}", None
        if found is not None:
            self.seen[-1] = replace(seen, passed=False)
            reason, message, index = found
            if reason in ("dtype", "warning") and self._paid.setdefault(reason, self._check) != self._check:
                return
            parts = _part(expected.value, outcome.value, rtol)
            self._note(self._described(args, reason, message, index, *parts))

    def raises(self, error: type[Exception], *args: Any) -> None:
        """Require that the call raises `error`."""
        outcome = self._ask(args)
        expected = Outcome(error=error.__name__)
        passed = outcome.error == error.__name__
        self.seen[-1] = replace(self.seen[-1], expected=expected, passed=passed)
        if not passed:
            got = f"raised {outcome.error}" if outcome.error else "returned a value"
            message = f"this call must raise {error.__name__}, but it {got}"
            self._note(self._described(args, "no error", message, got=outcome.value))

    def returns(self, *args: Any) -> Any:
        """Call the kernel and return its plain value, for checks of a property; `require` then states the property."""
        outcome = self._ask(args)
        if outcome.error:
            self.seen[-1] = replace(self.seen[-1], passed=False)
            expected = self.oracle.expected(self.kernel, args)
            self._note(self._raised(args, outcome, expected))
            self.settle()
        return outcome.value

    def require(
        self, condition: bool, message: str, *args: Any, expected: Any = None, got: Any = None
    ) -> None:
        """Fail with `message` (a sentence for the learner) unless `condition` holds; `args` are those of the call."""
        if not condition:
            self._blame(args)
            self._fail(args, "property", message, None, expected, got)

    def unusable(self, message: str) -> Failure:
        """A failure for the last call, which returned what no check can work with."""
        if not self.seen:
            return self._failure((), "type", message)
        last = self.seen[-1] = replace(self.seen[-1], passed=False)
        self.failed = True
        return self._described(last.args, "type", message, got=last.outcome.value)

    def repeat(self, rng: np.random.Generator) -> None:
        """Ask a few calls once more, now that no check is left, to notice a kernel that answers differently each time."""
        if self.stopped or any(seen.outcome.error == "NotImplementedError" for seen in self.seen):
            return
        wrong = [seen for seen in self.seen if not seen.passed]
        first = min(wrong, key=lambda seen: _size(seen.args), default=None)
        quick = [seen for seen in self.seen if seen is not first and seen.seconds < QUICK_SECONDS]
        some = [quick[at] for at in rng.permutation(len(quick))[:REPEATS]]
        for seen in ([first] if first is not None else []) + some:
            try:
                again = self._call(seen.args)
            except CheckFailure:
                return
            if again.error != seen.outcome.error or not _same_value(
                again.value, seen.outcome.value, max(seen.tolerance, 1e-7)
            ):
                message = "called twice with the same input, your function gave two different answers"
                self._slip(UNSTABLE, self._described(seen.args, "unstable", message))
                return

    def keeps_up(
        self,
        most: float,
        glance: tuple[Any, ...],
        probe: tuple[Any, ...],
        draw: Callable[[], tuple[Any, ...]],
        bare: Callable[[], Any],
        best: int,
    ) -> tuple[tuple[Any, ...], Any]:
        """Require that a call takes at most `most` times as long as `bare`; return its arguments and its result.

        Only a kernel that passed every check so far is timed. Both sides run in turns on one thread, and the quickest
        run of each counts: what else the machine does slows some runs, but hardly all. `bare` runs `best` times in a
        row, the least multiple that any check of this kernel asks for: there both sides take equally long, and are as
        likely to be left alone. A race goes on until that multiple is reached or its time is over; the checks of one
        kernel share it.

        `draw` makes the arguments of a call, new ones for every run, so that it does not pay to remember results. Those
        of the run that counts are returned, for the check to prove right. `probe` is a small input that tells
        beforehand whether a run would last too long, and `glance` one so small that loops over single numbers get
        through it, which tells the same of `probe`; time is taken to grow with the first argument.
        """
        if self.failed:
            self._fail(probe, TOO_SLOW, "first right, then fast: time is taken once all checks above pass")
        if self._raced is None:
            self.seen.clear()  # all answers were right, so none of them tells of a mistake
            self._raced = self._race(glance, probe, draw, bare, best)
        multiple, args, result = self._raced
        if multiple > most:
            message = (
                f"it is right, but takes {multiple:.3g} times as long as the bare product; "
                f"this check allows {most:g} times"
            )
            self._fail(probe, TOO_SLOW, message)
        return args, result

    def _race(
        self,
        glance: tuple[Any, ...],
        probe: tuple[Any, ...],
        draw: Callable[[], tuple[Any, ...]],
        bare: Callable[[], Any],
        best: int,
    ) -> tuple[float, tuple[Any, ...], Any]:
        theirs = mine = math.inf
        aside = 0.0  # seconds for the mask and the digest, which are no part of the kernel
        spent, quickest, result = 0.0, draw(), None
        with _one_thread():
            self._alone(lambda: _seconds(bare), probe)
            # what a glance costs beside the work itself counts too often in its estimate, so that one has more time
            for small, large, limit in ((glance, probe, 2 * RACE_SECONDS), (probe, quickest, RACE_SECONDS)):
                each = min(self._run(small, probe)[0] for _ in range(3)) / np.size(small[0])
                if each * np.size(large[0]) > limit:
                    estimate = each * np.size(quickest[0])
                    yardstick = self._alone(lambda: min(_seconds(bare) for _ in range(ROUNDS[0])), probe)
                    return estimate / yardstick, quickest, None
            for number in range(1, ROUNDS[1] + 1):
                theirs = min(theirs, self._alone(lambda: _seconds(bare, best), probe) / best)
                args = draw()
                seconds, seal = self._run(args, probe)
                spent += seconds
                if seconds < mine:
                    mine, quickest, result = seconds, args, self._timed("result", probe).value
                    if not _settles(seal, result):
                        self._fail(
                            probe, RAISED, "in the race, the result was not there when the clock stopped"
                        )
                    aside = self._alone(functools.partial(_idle_seconds, args, result), probe)
                if spent > RACE_SECONDS or (number >= ROUNDS[0] and mine - aside <= best * theirs):
                    break
        return (mine - aside) / theirs, quickest, result

    def _run(self, args: tuple[Any, ...], shown: tuple[Any, ...]) -> tuple[float, Any]:
        """Seconds of one call in a race, and the digest of its result; a failure shows the arguments `shown`.

        If several threads or processes worked on it, their seconds add up.
        """
        assert isinstance(self.call, Timed), "this call cannot be timed"
        key = secrets.randbits(63)
        self._timed("prepare", shown, masked(args, key))
        busy, begin = self.call.busy(), time.perf_counter()
        seal = self._timed("run", shown, key).value
        seconds = time.perf_counter() - begin
        return max(seconds, self.call.busy() - busy), seal

    def _alone(self, measure: Callable[[], float], shown: tuple[Any, ...]) -> float:
        """Seconds that something of ours takes, while nothing of the kernel's works beside it."""
        assert isinstance(self.call, Timed), "this call cannot be timed"
        try:
            with self.call.frozen():
                return measure()
        except Stopped as stopped:
            self._fail(shown, TOO_SLOW, f"the race is void: {stopped}")
        except Exception as error:
            self.fault = error
            raise

    def _timed(self, step: str, shown: tuple[Any, ...], *given: Any) -> Outcome:
        """One step of a Timed call; fails if the learner's code does."""
        try:
            outcome = getattr(self.call, step)(*given)
        except Stopped as stopped:
            self.stopped = stopped
            raise CheckFailure(self._failure(shown, stopped.verdict, str(stopped))) from None
        except Exception as error:
            self.fault = error
            raise
        if outcome.error:
            self._fail(shown, RAISED, f"in the race, your function raised {outcome.error}: {outcome.message}")
        return outcome

    def _ask(self, args: tuple[Any, ...]) -> Outcome:
        """Call the kernel and remember it; a kernel without arguments is asked once, and its first answer counts."""
        if not args and self.seen:
            return self.seen[-1].outcome
        assert self.clock
        begin = self.clock()
        outcome = self._call(args)
        # a worker that was started afresh has used nothing yet
        self.seen.append(Seen(args, outcome, seconds=max(0.0, self.clock() - begin)))
        if outcome.error == "NotImplementedError":
            self.seen[-1] = replace(self.seen[-1], passed=False)
            self._fail(args, NOT_WRITTEN, f"{self.kernel} is not written yet")
        if not outcome.error:
            self._notice_side_effects(args, outcome)
        return outcome

    def _call(self, args: tuple[Any, ...]) -> Outcome:
        if self.stopped is None:
            try:
                return self.call(args)
            except Stopped as stopped:
                self.stopped = stopped
            except Exception as error:
                self.fault = error
                raise
        self.failed = True
        raise CheckFailure(self._failure(args, self.stopped.verdict, str(self.stopped)))

    def _notice_side_effects(self, args: tuple[Any, ...], outcome: Outcome) -> None:
        for name, before, after in zip(
            self.oracle.parameters(self.kernel), args, outcome.after, strict=False
        ):
            if not _same_value(plain(before), after, 0.0):
                message = f"your function changes its input {name}, so it changes for whoever called it"
                return self._slip(SIDE_EFFECTS, self._described(args, "input changed", message))
        if outcome.stale:
            message = (
                "an array that your function returned earlier has changed: return a new array from every call"
            )
            self._slip(SIDE_EFFECTS, self._described(args, "stale result", message))

    def _slip(self, name: str, failure: Failure) -> None:
        known = self.slips.get(name)
        if known is None or failure.size < known.size:
            self.slips[name] = replace(failure, check=name)

    def _blame(self, args: tuple[Any, ...]) -> None:
        """Mark the last call with these arguments as one that a check was not content with.

        A check may show a part of large arguments: then it is the last call of all.
        """
        same = (at for at in range(len(self.seen) - 1, -1, -1) if _same_args(self.seen[at].args, args))
        if self.seen:
            at = next(same, -1)
            self.seen[at] = replace(self.seen[at], passed=False)

    def _raised(self, args: tuple[Any, ...], outcome: Outcome, expected: Outcome) -> Failure:
        detail = f": {outcome.message}" if outcome.message else ""
        return self._described(
            args, RAISED, f"your function raised {outcome.error}{detail}", None, expected.value
        )

    def _failure(self, args: tuple[Any, ...], reason: str, message: str) -> Failure:
        names = self.oracle.parameters(self.kernel)[: len(args)]
        inputs = tuple(
            panel for name, value in zip(names, args, strict=True) for panel in Panel.each(name, plain(value))
        )
        size = _size(args)
        return Failure(
            "", f"{self.kernel}({', '.join(names)})", reason, message, None, inputs, None, None, size
        )

    def _described(
        self,
        args: tuple[Any, ...],
        reason: str,
        message: str,
        index: tuple[int, ...] | None = None,
        expected: Any = None,
        got: Any = None,
    ) -> Failure:
        failure = self._failure(args, reason, message)
        return replace(
            failure,
            inputs=()
            if reason == TOO_SLOW
            else failure.inputs,  # what was timed is nothing to work out by hand
            index=index,
            expected=None if expected is None else Panel.of("expected", expected),
            got=None if got is None else Panel.of("got", got),
        )

    def _note(self, failure: Failure) -> None:
        self.failed = True
        self._noted.append(failure)

    def _fail(self, args: tuple[Any, ...], reason: str, message: str, *more: Any) -> NoReturn:
        self.failed |= reason != TOO_SLOW
        raise CheckFailure(self._described(args, reason, message, *more))


def _one_thread() -> AbstractContextManager[Any]:
    """Meanwhile a matrix product keeps to one core, so that a race compares work and not cores.

    Where threadpoolctl is missing there is nothing to keep: that is a browser, whose Python has no threads.
    """
    try:
        from threadpoolctl import threadpool_limits  # late: few checks take time
    except ModuleNotFoundError:
        return nullcontext()
    return threadpool_limits(1)


def _seconds(function: Callable[[], Any], times: int = 1) -> float:
    """Seconds that so many calls in a row take."""
    begin = time.perf_counter()
    for _ in range(times):
        function()
    return time.perf_counter() - begin


def _settles(seal: Any, result: Any) -> bool:
    """Whether what a worker sent when the clock stopped is the digest of this result."""
    try:
        return type(seal) is tuple and len(seal) == 2 and digest(result, seal[1]) == seal
    except (TypeError, ValueError):
        return False


def _idle_seconds(args: tuple[Any, ...], result: Any) -> float:
    """Seconds of a call in a race that does nothing but return a result that is there already."""
    idle = Caller(lambda *_: result)
    idle.prepare(args)
    return min(_seconds(lambda: idle.run(0)) for _ in range(5))


SINGLE_DIGITS = 2e-6
"""Relative tolerance between two computations in float32 of the same numbers in float64."""


def tolerance(values: tuple[Any, ...]) -> float:
    """Relative tolerance for a comparison in which these arguments and results take part."""
    single = any(isinstance(value, np.ndarray) and value.dtype == np.float32 for value in _parts(values))
    return 1e-4 if single else 1e-10


def _parts(values: tuple[Any, ...]) -> Iterator[Any]:
    """The single values in all the tuples, lists and dicts."""
    for value in values:
        if isinstance(value, dict):
            yield from _parts(tuple(value.values()))
        elif isinstance(value, tuple | list):
            yield from _parts(tuple(value))
        else:
            yield value


def _dtypes(value: Any) -> list[np.dtype[Any]]:
    """The dtypes of the arrays in a result, single numbers aside where there are several."""
    if isinstance(value, np.ndarray):
        return [value.dtype]
    return [part.dtype for part in _parts((value,)) if isinstance(part, np.ndarray) and part.ndim]


def _size(args: tuple[Any, ...]) -> int:
    """How many numbers the arguments hold."""
    return sum(np.size(value) for value in _parts(args))


def _same_args(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return len(one) == len(other) and all(
        mine is its or _same_value(plain(mine), plain(its), 0.0) for mine, its in zip(one, other, strict=True)
    )


def same_outcome(one: Outcome, other: Outcome, rtol: float) -> bool:
    """Whether two calls did the same: the same value within the tolerance or the same error, the same arguments left."""
    if one.error or other.error:
        return one.error == other.error
    return (
        _same_value(one.value, other.value, rtol)
        and _same_value(one.after, other.after, rtol)
        and one.stale == other.stale
    )


def _same_value(one: Any, other: Any, rtol: float) -> bool:
    one, other = _as_number(one), _as_number(other)
    if isinstance(one, tuple | list):
        parts = _unpacked(other, len(one))
        return parts is not None and all(map(_same_value, one, parts, [rtol] * len(one)))
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and one.keys() == other.keys()
            and all(_same_value(part, other[key], rtol) for key, part in one.items())
        )
    if type(one) is not type(other):
        return False
    if type(one) in (int, float):  # a list may hold a million of them
        return _same_number(one, other, rtol)
    return _difference(one, other, rtol) is None


def _same_number(one: float, other: float, rtol: float) -> bool:
    """What np.allclose says of two numbers, NaN being the same as NaN, in a hundredth of its time."""
    if one == other or (one != one and other != other):
        return True
    return math.isfinite(other) and abs(one - other) <= rtol + rtol * abs(other)


def _unpacked(value: Any, count: int) -> tuple[Any, ...] | None:
    """The parts of a tuple or list of so many, or of an array, which unpacks in the same way; None if it does not."""
    if isinstance(value, np.ndarray) and value.ndim and len(value) == count:
        return tuple(map(np.asarray, value))
    return tuple(value) if isinstance(value, tuple | list) and len(value) == count else None


def _as_number(value: Any) -> Any:
    """A NumPy scalar as the Python number that it is; anything else as it stands."""
    return value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value


def _kind(value: Any) -> str:
    match value:
        case np.ndarray() if value.ndim:
            return f"an array of shape {value.shape}"
        case np.ndarray():
            return f"a number of dtype {value.dtype}"
        case Opaque():
            return f"an object of type {value.type_name}, which is not a plain array or number"
        case None:
            return "None (is there a return?)"
        case _:
            return f"a value of type {type(value).__name__}"


def _difference(expected: Any, got: Any, rtol: float) -> tuple[str, str, tuple[int, ...] | None] | None:
    """Say how `got` differs from `expected`: type and shape first, then the first differing index. None if it does not."""
    if isinstance(expected, tuple):
        parts = _unpacked(got, len(expected))
        if parts is None:
            return "type", f"expected {len(expected)} values, got {_kind(got)}", None
        for number, (part, other) in enumerate(zip(expected, parts, strict=True)):
            found = _difference(part, other, rtol)
            if found:
                return found[0], f"result {number + 1} of {len(expected)}: {found[1]}", found[2]
        return None
    if isinstance(expected, dict):
        if not isinstance(got, dict) or got.keys() != expected.keys():
            names = ", ".join(map(repr, expected))
            keys = ", ".join(map(repr, got))[:500] if isinstance(got, dict) else ""
            has = f"one with {keys or 'nothing'}" if isinstance(got, dict) else _kind(got)
            return "type", f"expected a dict with {names}, got {has}", None
        for key, part in expected.items():
            found = _difference(part, got[key], rtol)
            if found:
                return found[0], f"under {key!r}: {found[1]}", found[2]
        return None
    if isinstance(expected, np.ndarray) and expected.ndim:
        return _array_difference(expected, got, rtol)
    if expected is None or isinstance(expected, str | Opaque | Known | Seeded):
        return None if got == expected else ("type", f"expected {expected!r}, got {_kind(got)}", None)
    number, wanted = _as_number(got), _as_number(expected)
    if isinstance(wanted, int) and not isinstance(wanted, bool) and type(number) is not int:
        return "type", f"expected a whole number (an int), got {_kind(got)}", None
    if type(number) not in (int, float, bool):
        return "type", f"expected one number, got {_kind(got)}", None
    if not _same_number(number, wanted, rtol):
        expected_text, got_text = _digits(wanted, number)
        return "value", f"expected {expected_text}, got {got_text}", None
    return None


def _part(expected: Any, got: Any, rtol: float) -> tuple[Any, Any]:
    """The first part that differs, of two results that have several; else the whole."""
    if isinstance(expected, tuple) and isinstance(got, tuple | list) and len(expected) == len(got):
        for part, other in zip(expected, got, strict=True):
            if _difference(part, other, rtol):
                return _part(part, other, rtol)
    if isinstance(expected, dict) and isinstance(got, dict) and expected.keys() == got.keys():
        return _part(tuple(expected.values()), tuple(got[key] for key in expected), rtol)
    return expected, got


def _digits(wanted: float, found: float) -> tuple[str, str]:
    """Two different numbers with as many digits as it takes to tell them apart, six at least; integers in full."""
    if isinstance(wanted, int) and isinstance(found, int):
        return str(wanted), str(found)
    for digits in range(6, 18):
        texts = f"{wanted:.{digits}g}", f"{found:.{digits}g}"
        if texts[0] != texts[1]:
            break
    return texts


def _array_difference(
    expected: np.ndarray, got: Any, rtol: float
) -> tuple[str, str, tuple[int, ...] | None] | None:
    if not isinstance(got, np.ndarray):
        return "type", f"expected an array of shape {expected.shape}, got {_kind(got)}", None
    if got.shape != expected.shape:
        return "shape", f"expected shape {expected.shape}, got {got.shape or 'a single number'}", None
    found, wanted = got.astype(float), expected.astype(float)
    sizes = np.abs(wanted)
    finite = sizes[np.isfinite(sizes)]
    scale = float(finite.max()) if finite.size else 0.0
    if finite.size == sizes.size:
        with np.errstate(invalid="ignore", over="ignore"):
            if (np.abs(found - wanted) <= rtol * scale + rtol * sizes).all():
                return None  # as np.isclose would say, in a third of its time
    wrong = ~np.isclose(found, wanted, rtol=rtol, atol=rtol * scale, equal_nan=True)
    if not wrong.any():
        return None
    index = tuple(int(axis[0]) for axis in np.nonzero(wrong))
    count = int(wrong.sum())
    share = "the only value that differs" if count == 1 else f"the first of {count} that differ"
    place = ", ".join(map(str, index))
    right, wrong_one = _digits(float(expected[index]), float(got[index]))
    message = f"at [{place}] expected {right}, got {wrong_one} ({share}, of {expected.size})"
    return "values", message, index
