"""Time as a part of the grade: who gets the medals of chapter 9, in this process and through the jail."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from autograder import mistakes
from autograder.chapters import ROOT, Chapter, earlier_kernels
from autograder.checking.oracle import Reference
from autograder.checking.run import run_checks
from autograder.checking.subject import Call, Stopped
from autograder.checks import test_fast
from autograder.grading.submission import Jailed
from autograder.inside.calling import Caller, digest, masked
from autograder.jail.session import Cell, Limits, Session
from autograder.results import PASSED, SIDE_EFFECTS, TIME_LIMIT, TOO_SLOW, Exercise
from solutions.fast import conv2d_fast, conv2d_fast_backward
from tests.test_jail import needs_jail

FAST = Chapter(9, "fast", ROOT / "chapters" / "09-fast.md")

Convolution = Callable[..., np.ndarray]


def check(kernel: str, call: Call) -> tuple[Exercise, int]:
    """Check a kernel with its timing: the exercise, and how many medals it got. All other checks must have passed."""
    (exercise,) = run_checks(FAST.checks, Reference(FAST), {kernel: call}, "timing", timed=True)
    medals = [one.passed for one in exercise.checks if one.name.endswith(("_bronze", "_silver", "_gold"))]
    assert len(medals) == 3 and medals == sorted(medals, reverse=True)
    assert all(one.passed for one in exercise.checks[:-3]), exercise.failure
    assert exercise.score == exercise.points * (len(exercise.checks) - 3 + sum(medals)) / len(exercise.checks)
    return exercise, sum(medals)


def test_teachers_are_told_the_bounds_that_count() -> None:
    bounds = test_fast.BRONZE, test_fast.SILVER, test_fast.GOLD
    said = "within {}, {} and {} times the bare matrix product".format(*bounds)
    assert said in " ".join((ROOT / "TEACHING.md").read_text(encoding="utf-8").split())


def test_readers_are_told_the_layers_and_the_bounds_that_count() -> None:
    (_, F, _, _), (_, B, _, C) = test_fast.FORWARD.images, test_fast.BACKWARD.images
    page = " ".join((ROOT / "chapters" / "09-fast.md").read_text(encoding="utf-8").split())
    for layer, said in (
        (test_fast.FORWARD, "{} grey images of {F}×{F} pixels, {} filters of {}×{}, padding {}"),
        (
            test_fast.BACKWARD,
            "{} images of {B}×{B} pixels with {C} channels, {} filters of {}×{}, stride 2, padding {}",
        ),
    ):
        sizes = layer.images[0], layer.filters[3], *layer.filters[:2], layer.padding
        assert said.format(*sizes, F=F, B=B, C=C) in page
    assert (test_fast.FORWARD.stride, test_fast.BACKWARD.stride) == (1, 2)
    bounds = test_fast.BRONZE, test_fast.SILVER, test_fast.GOLD
    assert "for {}, {} and {} times the two bare products".format(*bounds) in page
    for medal, bound in zip(("bronze", "silver", "gold"), bounds, strict=True):
        assert f"| {medal} | {bound} times" in page
        for kernel in ("conv2d_fast", "conv2d_fast_backward"):
            told = getattr(test_fast, f"test_{kernel}_for_{medal}").__doc__
            assert f"{medal}: takes at most {bound} times" in told


@pytest.mark.parametrize("layer", [test_fast.FORWARD, test_fast.BACKWARD])
def test_shapes_of_a_race_fit(layer: test_fast.Layer) -> None:
    """gives maps of the size that follows from the images, and so does the corner of one picture with 2×2 places"""
    x, w, b = (np.ones(shape, np.float32) for shape in (layer.images, layer.filters, layer.filters[3:]))
    assert conv2d_fast(x, w, b, layer.stride, layer.padding).shape == layer.maps
    corner, filters, *rest = test_fast._first_picture(layer, (x, w), 2)
    assert conv2d_fast(corner, filters, b, *rest).shape == (1, 2, 2, layer.maps[3])


@contextmanager
def jailed(kernel: str, cell: str, call_seconds: float = 5) -> Iterator[Jailed]:
    """A kernel that a cell with this source defines, in the jail, with the reference kernels and the other ways."""
    modules = earlier_kernels(FAST)
    for file in ("solutions/fast.py", "autograder/mistakes/__init__.py", "autograder/mistakes/fast.py"):
        name = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        source = (ROOT / file).read_text(encoding="utf-8")
        # all that the mistakes need of the rest of the project
        modules[name] = source.replace(
            "from ..results import SIDE_EFFECTS", f"SIDE_EFFECTS = {SIDE_EFFECTS!r}"
        )
    with Session([Cell(kernel, cell)], Limits(call_seconds=call_seconds), modules=modules) as session:
        yield Jailed(session, kernel)


MEDALS: dict[str, int] = {
    "conv2d_fast": 3,
    "convolves_as_before": 1,
    "unrolls_the_whole_batch": 3,
    "unrolls_picture_by_picture": 3,
    "unrolls_windows_into_columns": 3,
    "multiplies_tap_by_tap": 1,
    "multiplies_place_by_place": 2,
    "contracts_with_einsum": 3,
    "contracts_with_plain_einsum": 2,
    "contracts_with_tensordot": 3,
    "transforms_with_fft": 2,
    "loops_four_times": 0,
    "conv2d_fast_backward": 3,
    "goes_back_as_before": 2,
    "goes_back_through_the_whole_batch": 3,
    "goes_back_picture_by_picture": 3,
    "goes_back_tap_by_tap": 2,
    "correlates_dout_with_turned_filters": 1,
    "contracts_backwards_with_einsum": 3,
    "contracts_backwards_with_tensordot": 3,
    "goes_back_in_four_loops": 0,
}
"""How many medals each way to write a kernel gets: no way that was measured lies near a bound."""

WAYS: list[tuple[str, Convolution, int]] = [
    (kernel, way, MEDALS[way.__name__])
    for kernel, reference in (("conv2d_fast", conv2d_fast), ("conv2d_fast_backward", conv2d_fast_backward))
    for way in (
        reference,
        *(one.function for one in mistakes.of("fast") if one.kernel == kernel and not one.is_wrong),
    )
]


@pytest.mark.slow
@pytest.mark.parametrize(("kernel", "way", "wanted"), WAYS)
def test_medals_in_this_process(kernel: str, way: Convolution, wanted: int) -> None:
    """gives each way its medals, and full points to the reference alone and those as fast"""
    exercise, medals = check(kernel, Caller(way))
    assert medals == wanted
    assert exercise.verdict == (PASSED if medals == 3 else TOO_SLOW)


@needs_jail
@pytest.mark.slow
@pytest.mark.parametrize(("kernel", "way", "wanted"), WAYS)
def test_medals_through_the_jail(kernel: str, way: Convolution, wanted: int) -> None:
    """gives the same medals by the referee's clock"""
    with jailed(kernel, f"from {way.__module__} import {way.__name__} as {kernel}") as call:
        exercise, medals = check(kernel, call)
    assert medals == wanted
    assert exercise.verdict == (PASSED if medals == 3 else TOO_SLOW)


def nonsense(x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0) -> Any:
    """Right on small inputs; on large ones it returns at once."""
    return np.zeros_like(x) if x.size > 2_000 else conv2d_fast(x, w, b, stride, padding)


class Remembers:
    """Right the first time that it sees a shape; then it returns that answer again."""

    def __init__(self) -> None:
        self.known: dict[Any, np.ndarray] = {}

    def __call__(self, x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0) -> Any:
        if x.size < 2_000:
            return conv2d_fast(x, w, b, stride, padding)
        if x.shape not in self.known:
            self.known[x.shape] = conv2d_fast(x, w, b, stride, padding)
        return self.known[x.shape].copy()


class BeginsWithNonsense:
    """Returns at once in its first large calls, and works from then on."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0) -> Any:
        self.calls += x.size > 2_000
        wrong = x.size > 2_000 and self.calls < 8
        return np.zeros_like(x) if wrong else conv2d_fast(x, w, b, stride, padding)


def short(x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0) -> Any:
    """Leaves out the last picture of a large batch."""
    return conv2d_fast(x[:-1] if x.size > 2_000 else x, w, b, stride, padding)


@pytest.mark.parametrize("make", [lambda: nonsense, Remembers, BeginsWithNonsense, lambda: short])
def test_what_returns_quickly_must_be_right(make: Callable[[], Convolution]) -> None:
    """gives no medal for speed that comes of wrong results, and keeps the points for what is right"""
    exercise, medals = check("conv2d_fast", Caller(make()))
    assert medals == 0 and exercise.failure
    assert "in the race" in exercise.failure.message and not exercise.mistake


@needs_jail
def test_nonsense_gets_no_medal_in_the_jail() -> None:
    source = """
import numpy as np
from solutions.fast import conv2d_fast_backward as right
def conv2d_fast_backward(dout, x, w, stride=1, padding=0):
    if x.size < 2_000:
        return right(dout, x, w, stride, padding)
    return np.empty_like(x), np.empty_like(w), dout[0, 0, 0]
"""
    with jailed("conv2d_fast_backward", source) as call:
        assert check("conv2d_fast_backward", call)[1] == 0


@needs_jail
def test_endless_kernel_keeps_its_points() -> None:
    """stops a kernel that never ends on large inputs, and keeps the points for being right"""
    source = """
from solutions.fast import conv2d_fast as right
def conv2d_fast(x, w, b, stride=1, padding=0):
    while x.size > 2_000:
        pass
    return right(x, w, b, stride, padding)
"""
    with jailed("conv2d_fast", source, call_seconds=1) as call:
        exercise, medals = check("conv2d_fast", call)
    assert medals == 0 and exercise.verdict == TIME_LIMIT


@needs_jail
def test_error_in_the_race_keeps_the_points() -> None:
    """says what was raised, and keeps the points for being right"""
    source = """
from solutions.fast import conv2d_fast as right
def conv2d_fast(x, w, b, stride=1, padding=0):
    if x.size > 2_000:
        raise RuntimeError("too large for me")
    return right(x, w, b, stride, padding)
"""
    with jailed("conv2d_fast", source) as call:
        exercise, medals = check("conv2d_fast", call)
    assert medals == 0 and exercise.failure and "too large for me" in exercise.failure.message


PLAIN_LOOPS = """
import numpy as np
from solutions.padding import zero_pad

def places(x, w, out_h, out_w, stride):
    F_h, F_w, C, K = w.shape
    for n in range(len(x)):
        for i in range(out_h):
            for j in range(out_w):
                for k in range(K):
                    for u in range(F_h):
                        for v in range(F_w):
                            for c in range(C):
                                yield n, i, j, k, u, v, c, i * stride + u, j * stride + v

def conv2d_fast(x, w, b, stride=1, padding=0):
    N, H, W, C = x.shape
    out_h, out_w = ((H, W)[axis] + 2 * padding - w.shape[axis] for axis in (0, 1))
    if out_h < 0 or out_w < 0 or C != w.shape[2]:
        raise ValueError("these do not fit")
    out_h, out_w = out_h // stride + 1, out_w // stride + 1
    padded, out = zero_pad(x, padding), np.zeros((N, out_h, out_w, len(b)), np.result_type(x, w, b)) + b
    for n, i, j, k, u, v, c, y, z in places(x, w, out_h, out_w, stride):
        out[n, i, j, k] += padded[n, y, z, c] * w[u, v, c, k]
    return out

def conv2d_fast_backward(dout, x, w, stride=1, padding=0):
    padded, dw, db = zero_pad(x, padding), np.zeros_like(w), dout.sum(axis=(0, 1, 2))
    dx = np.zeros_like(padded)
    for n, i, j, k, u, v, c, y, z in places(x, w, *dout.shape[1:3], stride):
        dx[n, y, z, c] += w[u, v, c, k] * dout[n, i, j, k]
        dw[u, v, c, k] += padded[n, y, z, c] * dout[n, i, j, k]
    return dx[:, padding : padding + x.shape[1], padding : padding + x.shape[2]], dw, db
"""


@needs_jail
@pytest.mark.parametrize("kernel", ["conv2d_fast", "conv2d_fast_backward"])
def test_loops_over_single_numbers_are_right_but_slow(kernel: str) -> None:
    """says of seven loops in plain Python that they are right, but slow: no limit of time stops them"""
    with jailed(kernel, PLAIN_LOOPS, call_seconds=10) as call:  # on one picture they would take longer
        exercise, medals = check(kernel, call)
    assert medals == 0 and exercise.verdict == TOO_SLOW
    assert exercise.failure and "it is right, but takes" in exercise.failure.message


def test_wrong_kernel_is_not_timed() -> None:
    """takes no time of a kernel that fails a check before"""
    calls = []

    def without_bias(x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0) -> Any:
        calls.append(x.size)
        return conv2d_fast(x, w, 0 * b, stride, padding)

    call = Caller(without_bias)
    (exercise,) = run_checks(FAST.checks, Reference(FAST), {"conv2d_fast": call}, timed=True)
    assert exercise.mistake == "forgets_the_bias"
    assert all("first right, then fast" in one.message for one in exercise.checks[-3:])
    assert max(calls) < 2_000


def test_without_timing_there_are_no_medals() -> None:
    """leaves the timed checks out where they are not asked for, as verify and the kits' records do"""
    (exercise,) = run_checks(FAST.checks, Reference(FAST), {"conv2d_fast": Caller(conv2d_fast)})
    assert exercise.score == exercise.points
    assert not any(one.name.endswith("gold") for one in exercise.checks)


def test_one_buffer_for_all_results_is_noticed() -> None:
    """rejects a kernel that hands out the same array again, which a later call overwrites"""
    buffers: dict[Any, np.ndarray] = {}

    def reuses(x: np.ndarray, w: np.ndarray, b: np.ndarray, stride: int = 1, padding: int = 0) -> Any:
        result = conv2d_fast(x, w, b, stride, padding)
        buffer = buffers.setdefault(result.dtype, np.empty(2_000, result.dtype))[: result.size]
        buffer[:] = result.ravel()
        return buffer.reshape(result.shape)

    (exercise,) = run_checks(FAST.checks, Reference(FAST), {"conv2d_fast": Caller(reuses)})
    assert [check.name for check in exercise.checks if not check.passed] == [SIDE_EFFECTS]
    assert exercise.failure
    assert "an array that your function returned earlier has changed" in exercise.failure.message


@pytest.mark.parametrize("wrap", [lambda a: {"w": a}, lambda a: [a], lambda a: (1, {"m": [a]})])
def test_one_buffer_inside_a_result_is_noticed(wrap: Callable[[np.ndarray], Any]) -> None:
    """looks into dicts, lists and tuples for arrays that a later call overwrites"""
    buffer = np.zeros(3)

    def reuses(x: np.ndarray) -> Any:
        buffer[:] = x
        return wrap(buffer)

    call = Caller(reuses)
    assert not call((np.ones(3),)).stale
    assert call((np.full(3, 2.0),)).stale


AHEAD_OF_TIME = """
import numpy as np
from inside import calling
from autograder.mistakes.fast import multiplies_tap_by_tap as slow

def conv2d_fast(x, w, b, stride=1, padding=0):
    if x.size > 2_000 and ready:
        return ready.pop()
    return slow(x, w, b, stride, padding)

ready, prepare = [], calling.Caller.prepare

def begins_early(self, args):
    if args[0].size > 2_000:
        ready[:] = [slow(*args)]
    return prepare(self, args)

calling.Caller.prepare = begins_early
"""

AFTER_TIME = """
import numpy as np
from inside import calling
from autograder.mistakes.fast import multiplies_tap_by_tap as slow

def conv2d_fast(x, w, b, stride=1, padding=0):
    if x.size > 2_000 and len(x) > 1:
        later[:] = [(x, w, b, stride, padding)]
        return np.empty((*x.shape[:3], w.shape[3]), np.float32)
    return slow(x, w, b, stride, padding)

later, result = [], calling.Caller.result

def ends_late(self):
    self._result = slow(*later[0])
    return result(self)

calling.Caller.result = ends_late
"""


FORGES = """
import numpy as np
from inside import calling
from autograder.mistakes.fast import multiplies_tap_by_tap as slow

def conv2d_fast(x, w, b, stride=1, padding=0):
    return slow(x, w, b, stride, padding)

def ends_at_once(self, key):
    if self._given[0].size < 2_000:
        return honest(self, key)
    calling._unmask(self._given, key)
    return calling.Outcome(SEAL)

def begins_then(self):
    return calling.Outcome(slow(*self._given))

honest, calling.Caller.run, calling.Caller.result = calling.Caller.run, ends_at_once, begins_then
"""


@needs_jail
@pytest.mark.parametrize(
    ("source", "most"),
    [
        (AHEAD_OF_TIME, 1),
        (AFTER_TIME, 1),
        (FORGES.replace("SEAL", "calling.digest(np.zeros(self._given[0].shape, np.float32))"), 0),
        (FORGES.replace("SEAL", "('', ())"), 0),
        (FORGES.replace("SEAL", "np.zeros(2)"), 0),
        (FORGES.replace("SEAL", "('', 'xy')"), 0),
    ],
)
def test_work_before_and_after_the_clock_wins_nothing(source: str, most: int) -> None:
    """hides the arguments until the clock runs, and settles the result when it stops"""
    with jailed("conv2d_fast", source) as call:
        exercise, medals = check("conv2d_fast", call)
    assert medals <= most
    assert most or (exercise.failure and "not there when the clock stopped" in exercise.failure.message)


def test_mask_is_another_for_each_number() -> None:
    """leaves nothing to be guessed from the masked arguments, and comes off with the key"""
    args = (np.zeros(1000, np.float32), np.zeros((3, 5), np.float32), 2, np.ones(3, dtype=bool))
    first, again = masked(args, 11), masked(args, 12)
    words = np.concatenate([part.ravel().view(np.uint32) for part in (*first[:2], *again[:2])])
    assert len(set(words.tolist())) > 2000
    assert first[2] == 2 and not np.any(args[0])
    call = Caller(lambda *given: given[:2])
    call.prepare(masked(args, 13))
    call.run(13)
    assert all(np.array_equal(*pair) for pair in zip(call.result().value, args, strict=False))


def test_digest_reads_an_array_in_its_own_order() -> None:
    """takes the axes along, so that a copy with other strides has the same digest, and any other array another"""
    array = np.arange(24.0).reshape(2, 3, 4).transpose(2, 0, 1)
    seal, layout = digest(array)
    assert layout == ((1, 2, 0),)
    assert digest(np.ascontiguousarray(array), layout) == (seal, layout)
    assert digest(np.ascontiguousarray(array)) != (seal, layout)
    assert digest(array.astype(np.float32), layout)[0] != seal
    assert digest(array[::-1], layout)[0] != seal
    for wrong in ((), ((0, 1),), ((0, 0, 1),), ((0, 1, 3),), layout * 2):
        with pytest.raises(ValueError):
            digest(array, wrong)


def test_a_race_takes_the_longer_of_both_times() -> None:
    """gives no medal to a kernel that is back at once, after ten seconds of processor time"""

    class Spread(Caller):
        spent = 0.0

        def busy(self) -> float:
            self.spent += 10
            return self.spent

    exercise, medals = check("conv2d_fast", Spread(conv2d_fast))
    assert medals == 0 and exercise.verdict == TOO_SLOW


@needs_jail
def test_seconds_of_all_threads_count() -> None:
    """takes the processor time of a kernel that works on several cores, not the shorter time that passes"""
    source = """
import threading, time

def conv2d_fast(x, w, b, stride=1, padding=0):
    def work():
        begin = time.thread_time()
        while time.thread_time() - begin < 0.2:
            pass
    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return x
"""
    with jailed("conv2d_fast", source) as call:
        args = (np.zeros((1, 2, 2, 1)), np.zeros((1, 1, 1, 1)), np.zeros(1))
        call(args)  # starts the worker
        before = call.busy()
        call(args)
        assert 0.55 < call.busy() - before < 5


BUSY = """
import ctypes, os, signal, threading, time
from autograder.mistakes.fast import multiplies_tap_by_tap as slow

children = []

def spin():
    while True:
        pass

def start(what):
    if what == "thread":
        threading.Thread(target=spin, daemon=True).start()
        return
    child = os.fork()
    if child == 0:
        if what == "forker":
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
            while True:
                if os.fork() == 0:
                    end = time.monotonic() + 0.002
                    while time.monotonic() < end:
                        pass
                    os._exit(0)
        if what == "waker":
            signal.signal(signal.SIGCONT, lambda *_: None)
            wake_by_timers()
        spin()
    children.append(child)

def wake_by_timers():
    # struct sigevent: sigev_value, sigev_signo, sigev_notify (SIGEV_SIGNAL is 0)
    event = (ctypes.c_int * 16)(0, 0, signal.SIGCONT, 0)
    libc = ctypes.CDLL(None)
    for number in range(1, 4000):
        timer, once = ctypes.c_void_p(), (ctypes.c_long * 4)(0, 0, *divmod(number * 20_000_000, 10**9))
        libc.timer_create(1, event, ctypes.byref(timer))
        libc.timer_settime(timer, 0, once, None)

def conv2d_fast(x, w, b, stride=1, padding=0):
    for child in children:
        os.kill(child, signal.SIGSTOP)
    try:
        return slow(x, w, b, stride, padding)
    finally:
        for child in children:
            os.kill(child, signal.SIGCONT)
"""


@needs_jail
@pytest.mark.parametrize("what", ["child", "thread", "forker"])
def test_processes_inside_stand_still_while_the_yardstick_is_measured(what: str) -> None:
    """stops every process and thread of the worker's, however many it makes, and lets all go on afterwards"""
    with jailed("start", BUSY) as call:
        for _ in range(4):
            call((what,))
        for _ in range(5):
            with call.frozen():
                before = call.busy()
                time.sleep(0.1)
                assert call.busy() == before
            deadline = time.monotonic() + 10
            while call.busy() < before + 0.01:
                assert time.monotonic() < deadline
                time.sleep(0.01)


@needs_jail
def test_process_that_wakes_by_itself_voids_the_race() -> None:
    """notices work of a process that a timer wakes after it was stopped"""
    with jailed("start", BUSY) as call:
        call(("waker",))
        time.sleep(1)  # for it to wind up its timers
        with pytest.raises(Stopped, match="worked while"), call.frozen():
            time.sleep(0.3)


@needs_jail
@pytest.mark.parametrize(("what", "most"), [("child", 1), ("thread", 1), ("forker", 1), ("waker", 0)])
def test_what_works_beside_the_yardstick_wins_nothing(what: str, most: int) -> None:
    """gives a slow kernel no medal more for processes that work whenever it does not"""
    with jailed("conv2d_fast", BUSY + f"\nfor _ in range(4): start({what!r})") as call:
        exercise, medals = check("conv2d_fast", call)
    assert medals <= most
    assert most or (exercise.failure and "the race is void" in exercise.failure.message)


@needs_jail
def test_seconds_of_children_count_when_they_are_gone() -> None:
    """takes the processor time of children that began and ended within the call"""
    source = """
import subprocess, sys

def conv2d_fast(x, w, b, stride=1, padding=0):
    work = "import time\\nwhile time.process_time() < 0.4: pass"
    two = [subprocess.Popen([sys.executable, "-S", "-E", "-c", work]) for _ in range(2)]
    for child in two:
        child.wait()
    return x
"""
    with jailed("conv2d_fast", source) as call:
        args = (np.zeros((1, 2, 2, 1)), np.zeros((1, 1, 1, 1)), np.zeros(1))
        call(args)
        before = call.busy()
        call(args)
        assert 0.75 < call.busy() - before < 5
