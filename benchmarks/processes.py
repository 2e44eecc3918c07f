"""Work in processes of their own, with limits, and progress with the time that is left."""

import contextlib
import os
import pickle
import resource
import select
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from threadpoolctl import threadpool_limits

MEMORY = 4 * 2**30
"""Bytes of address space that one process may use."""


def in_processes(
    tasks: Iterator[tuple[Any, Callable[[], Any]] | None], at_once: int, lasts: float
) -> Iterator[tuple[Any, Any]]:
    """Run each task in a forked process of its own; yields its name and its result, or the exception's text.

    A task that is None says: ask again once a result is there.
    """
    running: dict[int, tuple[Any, int, float, bytearray]] = {}
    ahead = iter(tasks)
    try:
        while True:
            while len(running) < at_once:
                task = next(ahead, None)
                if task is None:
                    break
                name, work = task
                pid, fd = _forked(work)
                running[fd] = name, pid, time.monotonic() + lasts, bytearray()
            if not running:
                return
            ready = select.select(list(running), [], [], 0.5)[0]
            for fd in list(running):
                name, pid, until, content = running[fd]
                piece = os.read(fd, 2**20) if fd in ready else None
                if piece:
                    content += piece
                elif piece == b"" or time.monotonic() > until:
                    os.close(fd)
                    if piece is None:
                        os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                    del running[fd]
                    try:
                        yield name, pickle.loads(bytes(content))
                    except (EOFError, pickle.UnpicklingError):
                        yield name, f"ended after {lasts:g} s" if piece is None else "died"
    finally:
        for fd, (_, pid, _, _) in running.items():
            os.close(fd)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _forked(work: Callable[[], Any]) -> tuple[int, int]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    try:
        os.close(reading)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.chdir(tempfile.gettempdir())
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        with threadpool_limits(1):
            try:
                result = work()
            except BaseException:
                result = traceback.format_exc()[-1500:]
            content = pickle.dumps(result)
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(content)
    finally:
        os._exit(0)


class Steps:
    """Progress with the time left: a bar in a terminal, and a line now and then anywhere else."""

    def __init__(self, what: str, total: int, console: Console):
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        self.what, self.total, self.console = what, total, console
        self.bar = Progress(*columns, console=console, disable=not console.is_terminal)
        self.task = self.bar.add_task(what, total=total)
        self.begun = self.told = time.monotonic()

    def __enter__(self) -> "Steps":
        self.bar.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.bar.stop()

    def at(self, done: int, name: str) -> None:
        self.bar.update(self.task, completed=done, description=name)
        now = time.monotonic()
        if not self.console.is_terminal and (now > self.told + 20 or done == self.total) and done:
            left = (now - self.begun) / done * (self.total - done)
            print(f"{self.what}: {done} of {self.total} ({name}), {left / 60:.1f} minutes left", flush=True)
            self.told = now
