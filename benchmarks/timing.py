"""Fair timing of functions against each other: in turns, on a stated number of threads; multiples as medians with spread."""

import gc
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits


def in_turns(
    functions: Mapping[str, Callable[[], Any]], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, np.ndarray]:
    """Seconds that each function takes, round by round.

    The functions take turns, so that a busy moment of the machine hits all of them alike. A first round warms up and
    does not count. The garbage collector waits.

    Parameters
    ----------
    functions : functions without arguments, by name
    rounds : int, how often each is timed, at least 1
    clock : function that gives seconds; by default the time of day. `time.thread_time` counts the processor's
        work for one thread, so that other programs on the machine matter less.
    """
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    collecting = gc.isenabled()
    gc.disable()
    try:
        for number in range(rounds + 1):
            for name, function in functions.items():
                started = clock()
                function()
                taken = clock() - started
                if number:
                    seconds[name].append(taken)
    finally:
        if collecting:
            gc.enable()
    return {name: np.array(taken) for name, taken in seconds.items()}


class Multiple(NamedTuple):
    """How many times another's seconds something takes: the median over the rounds, and nine tenths of them lie between."""

    median: float
    low: float
    high: float


def multiple(ours: np.ndarray, others: np.ndarray) -> Multiple:
    """The multiple of two who took turns, round by round."""
    low, median, high = np.percentile(ours / others, (5, 50, 95))
    return Multiple(float(median), float(low), float(high))


WIDE = 1.15
"""A spread, its high end over its low one, from which on everything is measured again: something came in between."""

TRIES = 3


def steadily(
    functions: Mapping[str, Callable[[], Any]],
    rounds: int,
    clock: Callable[[], float],
    compared: Callable[[dict[str, np.ndarray]], Multiple],
) -> dict[str, np.ndarray]:
    """The same as `in_turns`; again where the multiple that counts is spread wide, of which the narrowest is kept."""
    found: list[tuple[float, dict[str, np.ndarray]]] = []
    for _ in range(TRIES):
        seconds = in_turns(functions, rounds, clock)
        spread = compared(seconds)
        found.append((spread.high / spread.low, seconds))
        if found[-1][0] < WIDE:
            break
    return min(found, key=lambda one: one[0])[1]


def rounds_for(function: Callable[[], Any], seconds: float) -> int:
    """How often a function runs in that time, but from 5 to 60 times: short ones need more for a steady median."""
    function()
    started = time.perf_counter()
    function()
    return min(60, max(5, round(seconds / (time.perf_counter() - started))))


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let matrix products, and PyTorch where it is loaded, use that many threads."""
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 0
    with threadpool_limits(count):
        if torch:
            torch.set_num_threads(count)
        try:
            yield
        finally:
            if torch:
                torch.set_num_threads(before)


def peak_bytes(function: Callable[[], Any]) -> int:
    """Most bytes that NumPy's arrays held at a time during a call, its result included, its inputs not."""
    tracing = tracemalloc.is_tracing()
    if not tracing:
        tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    result = function()
    peak = tracemalloc.get_traced_memory()[1] - before
    del result
    if not tracing:
        tracemalloc.stop()
    return peak
