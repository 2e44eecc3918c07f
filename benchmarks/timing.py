"""Fair timing of functions against each other: in turns, best of several, on a stated number of threads."""

import gc
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from threadpoolctl import threadpool_limits


def best(
    functions: Mapping[str, Callable[[], Any]], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """Seconds that each function takes at its best.

    The functions take turns, so that a busy moment of the machine hits all of them alike, and the fastest of
    the rounds is the one least disturbed. A first round warms up and does not count. The garbage collector
    waits.

    Parameters
    ----------
    functions : functions without arguments, by name
    rounds : int, how often each is timed, at least 1
    clock : function that gives seconds; by default the time of day. `time.thread_time` counts the processor's
        work for one thread, so that other programs on the machine matter less.
    """
    seconds = dict.fromkeys(functions, float("inf"))
    collecting = gc.isenabled()
    gc.disable()
    try:
        for number in range(rounds + 1):
            for name, function in functions.items():
                started = clock()
                function()
                taken = clock() - started
                if number:
                    seconds[name] = min(seconds[name], taken)
    finally:
        if collecting:
            gc.enable()
    return seconds


def rounds_for(function: Callable[[], Any], seconds: float) -> int:
    """How often a function runs in that time, but from 5 to 60 times: short ones need more for a steady best."""
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
