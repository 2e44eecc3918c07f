"""The processes in which submissions are graded: as many referees at once as are asked for.

Nothing is imported here that takes its time, so that they can be started before all else (`warm_up`).
"""

import contextlib
import multiprocessing
import multiprocessing.connection
import multiprocessing.context
import multiprocessing.forkserver
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from ..results import FAULT, Submission

if TYPE_CHECKING:
    from .submission import Job


def grade_all(
    jobs: Iterable["Job"],
    processes: int,
    on_done: Callable[["Job", Submission], None],
    on_time: Callable[["Job", float], None] = lambda job, seconds: None,
) -> None:
    """Grade many submissions, each in one of `processes` processes; `on_done` gets each result as it comes. A job is taken
    from `jobs` when its turn is near: of these, one at most waits for a process.

    `on_time` is told before that how many seconds it took, waiting for the machine included.

    A referee that dies takes nothing with it: what it was grading is tried once more, alone, then marked as a fault.
    Whatever is raised here, a Ctrl-C too, ends at once all that is being graded.
    """
    lost = _grade_in_turns(jobs, processes, on_done, on_time)
    for one in _grade_in_turns(lost, 1, on_done, on_time):
        reason = "the grading process died twice"
        on_done(one, Submission(one.student, one.chapter.name, FAULT, reason, seed=one.seed))


def _grade_in_turns(
    jobs: Iterable["Job"],
    processes: int,
    on_done: Callable[["Job", Submission], None],
    on_time: Callable[["Job", float], None],
) -> list["Job"]:
    """Grade in so many processes; returns what was being graded by those that died."""
    waiting, lost = iter(jobs), []
    read: list[Job] = []  # one at most, so that a process that is free need not wait for it
    referees: list[Referee] = []
    idle: list[Referee] = []
    busy: dict[Any, tuple[Referee, Job, float]] = {}

    def hand_out() -> None:
        while read and len(busy) < processes:
            if not idle:
                idle.append(Referee())
                referees.append(idle[-1])
            referee, one = idle.pop(), read.pop()
            busy[referee.wire] = referee, one, time.monotonic()
            referee.ask(one)

    def read_on() -> None:
        while not read and (one := next(waiting, None)):
            read.append(one)
            hand_out()

    try:
        read_on()
        while busy:
            for wire in multiprocessing.connection.wait(list(busy)):
                referee, one, since = busy.pop(wire)
                result, taken = referee.answer(), time.monotonic() - since
                if result is None:
                    referee.end()
                    lost.append(one)
                else:
                    idle.append(referee)
                hand_out()
                if result is not None:
                    on_time(one, taken)
                    on_done(one, result)
                read_on()
    finally:
        for referee in referees:
            referee.end()
    return lost


def warm_up() -> None:
    """Start the process from which referees are forked. It does their imports, beside whatever is done here meanwhile."""
    _context().set_forkserver_preload([f"{__package__}.submission"])
    with _deaf_to_interrupts():
        multiprocessing.forkserver.ensure_running()


def _context() -> multiprocessing.context.ForkServerContext:
    return multiprocessing.get_context("forkserver")


class Referee:
    """A process that grades one job after the other."""

    def __init__(self) -> None:
        warm_up()
        context = _context()
        self.wire, theirs = context.Pipe()
        with theirs:
            self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
            self._process.start()

    def ask(self, one: "Job") -> None:
        """Send a job; should the process be gone, the answer will tell."""
        with contextlib.suppress(OSError):
            self.wire.send(one)

    def answer(self) -> Submission | None:
        """The result, or None if the process is gone."""
        try:
            return self.wire.recv()
        except (EOFError, OSError):
            return None

    def end(self) -> None:
        """Kill the process; the worker that it holds ends with it."""
        self._process.kill()
        self._process.join()
        self.wire.close()


@contextlib.contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Have what is started now never hear a Ctrl-C: that is for the main process, which ends the others."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _serve(wire: Connection) -> None:
    """Grade what comes over the wire, until the main process ends this one, or ends itself."""
    from .submission import grade

    signal.signal(signal.SIGINT, lambda *_: None)  # not ignored: what is started from here would inherit that
    parent = multiprocessing.parent_process()
    assert parent is not None

    def end_with_parent() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
    with contextlib.suppress(EOFError, OSError):  # the main process is gone
        while True:
            wire.send(grade(wire.recv()))
