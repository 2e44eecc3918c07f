"""The jail: run a learner's cells and kernels where they can read, write and reach nothing that matters.

A `Session` runs one submission in worker processes (`inside/worker.py`), each in a jail of its own. It is forked from a
process that stands ready in a bubblewrap (`warm.py`), or, where that cannot be, a bubblewrap starts it. Either way it has:

- user, process, network, IPC, host-name and mount namespaces; files: a read-only view of the system's libraries, the
  interpreter and its packages, `course/` and `inside/`, and a small private /tmp. No network, no other process, not
  the rest of this project, no environment, no descriptor but one end of a socket;
- no capability, no way to gain privileges, and a list of the system calls that there are (seccomp), without what a
  namespace alone does not stop: new namespaces, mounts, tracing, sockets, shared memory, io_uring, keyrings, foreign
  architectures;
- one core, which it cannot leave, so that it takes nothing from a neighbour however many processes it starts;
- limits on processor time, memory, processes, open files and file size that the kernel enforces, and limits on output
  and on the time and memory of all processes together that are watched from outside. Whoever crosses one is killed,
  with every process it ever started.

Nothing starts unless all of it works: a part that is missing is an error that names it.
"""

import contextlib
import fcntl
import functools
import itertools
import json
import math
import os
import resource
import select
import signal
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any

from ..checking.subject import Stopped
from ..inside import wire
from ..inside.calling import Outcome, plain
from ..inside.slicing import statements
from ..results import CRASHED, MEMORY_LIMIT, NOT_WRITTEN, OUTPUT_LIMIT, RAISED, TIME_LIMIT, TOO_SLOW
from . import walls, warm
from .walls import JailMissing

__all__ = ["Cell", "JailMissing", "Limits", "Session", "WorkerFault", "require_jail", "spawn"]

START_SECONDS = 30.0
"""How long a worker may take to say hello before any of the learner's code runs; on a quiet machine 0.01 s, or 0.1 s cold."""

WATCH_SECONDS = 0.05
"""How often the memory of a worker's processes is added up."""

PATIENCE = 4.0
"""Seconds that may pass for each second of processor time that is allowed, so that what only sleeps ends as well.
Seconds in which others kept the worker from its core do not count."""

FREEZE_SECONDS = 10.0
"""How long the processes inside may take to stand still; on a quiet machine they take a thousandth of a second."""

EXTRA_RESTARTS = 2
"""After how many of these only what they define is run of all cells that the learner added."""

RESTARTS = 5
"""How often a worker is started again without the cell that ended it, before the submission is given up."""

SOURCE_BYTES = 2**20
"""The longest cell that is run."""


READ_AT_ONCE = 2**16
"""Characters of released cells that go into one request; as statements, with their names, they are some times as many."""

SETUP = "setup"
"""Name of the released cell that holds the imports."""


class WorkerFault(Exception):
    """A worker did not start, for a reason that lies with this machine and not with the learner."""


@dataclass(frozen=True)
class Limits:
    """What one submission may use. Seconds are of processor time; bytes and counts hold for each worker.

    given_seconds : what the released cells may use that a learner's cells need; it is not taken from total_seconds
    """

    cell_seconds: float = 10
    call_seconds: float = 5
    total_seconds: float = 60
    given_seconds: float = 10
    memory_bytes: int = 3 * 2**29
    processes: int = 48
    open_files: int = 128
    file_bytes: int = 16 * 2**20
    output_bytes: int = 2**20
    scratch_bytes: int = 64 * 2**20
    scratch_files: int = 10_000


@dataclass(frozen=True)
class Cell:
    """A code cell of a submission: the kernel's name for a solution cell, any other name otherwise.

    is_extra : whether it is one that the learner added; of these less is run if too many end their worker
    is_given : whether it is a released one, of which those statements run that the learner's cells need
    defines : kernels that its text defines, whose loss it explains if it does not run
    only_definitions : whether just its imports, functions, classes and constants are to run
    """

    name: str
    source: str
    is_extra: bool = False
    is_given: bool = False
    defines: tuple[str, ...] = ()
    only_definitions: bool = False


class Lost(Exception):
    """The worker is gone. `verdict` is one of the results' verdicts, the text a predicate that names limit or cause."""

    def __init__(self, verdict: str, reason: str):
        super().__init__(f"{'crashed' if verdict == CRASHED else 'was stopped'}: {reason}")
        self.verdict = verdict


class Killed(Lost):
    """The worker got a SIGKILL that is not ours: its own code sent it, or somebody outside.

    short_of_memory : whether the system killed something to get memory while the worker lived
    """

    def __init__(self, reason: str, short_of_memory: bool):
        super().__init__(CRASHED, reason)
        self.short_of_memory = short_of_memory


class Worker:
    """The referee's end of one worker process: ask and be answered, or learn that it is gone."""

    def __init__(
        self,
        process: subprocess.Popen[bytes] | warm.Fork,
        wire_end: socket.socket,
        top: int,
        limits: Limits,
        held: Any,
        jailed: bool,
    ):
        self._process = process
        self._wire = wire_end
        self._top = top
        self._limits = limits
        self._held = held  # what must live as long as the worker: its user's lock, its folder
        self._main = top  # the process that answers
        self._asked = 0
        self._begin = self._busy = self._kept = 0.0
        self.used = self.worked = 0.0
        self._over: Lost | None = None
        self._memory_kills = _memory_kills()
        self._closing = threading.Event()
        self._is_jailed = jailed
        self._ours = 0  # bytes of the jail's first process, before any of the learner's code has run
        self._wire.setblocking(False)
        # The top process of the jail takes all others with it; its descriptor stays right when its number is reused.
        self._handle = os.pidfd_open(top) if hasattr(os, "pidfd_open") else None
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def ask(self, message: dict[str, Any], seconds: float, limit: str) -> dict[str, Any]:
        """Send a request and wait for its answer; `limit` says in words how long `seconds` are.

        They are seconds of processor time of all processes inside, or PATIENCE times as many that pass; `used` is then
        what the request took of them. So no noise of others changes a verdict.

        Raises
        ------
        Lost
            If no answer comes in time, or none can come any more; the worker has been killed then.
        """
        self._asked += 1
        try:
            return self._ask({"id": self._asked, **message}, seconds, limit)
        except Lost as lost:
            self.close()
            raise (self._over or lost) from None
        finally:
            self._meter()

    def hello(self) -> dict[str, Any]:
        """Wait for the worker's first words."""
        self._restart_meter()
        facts: dict[str, Any] = self._receive(START_SECONDS, f"{START_SECONDS:g} s", 0)["hello"]
        *_, self._main = _tree(self._top)
        with contextlib.suppress(OSError):
            self._ours = _memory(f"/proc/{self._top}/status") if self._is_jailed else 0
        self.worked = self.busy()  # what it took to start is nobody's
        return facts

    def process_count(self) -> int:
        """How many processes there are inside."""
        return len(list(_tree(self._top)))

    def busy(self) -> float:
        """Seconds of processor time that all processes inside have used so far, with those that have ended."""
        return sum(map(_processor_seconds, _tree(self._top)))

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Hold all processes inside still, with every thread of theirs.

        Raises
        ------
        Stopped
            If one would not stand still, or worked nevertheless: a timer can wake a process that was stopped.
        """
        stopped: set[int] = set()
        try:
            is_still = self._stop_all(stopped)
            before = self.busy()
            yield
            if not is_still or self.busy() != before:
                raise Stopped(TOO_SLOW, "processes that it started worked while the bare product was timed")
        finally:
            for pid in stopped:
                _signal(pid, signal.SIGCONT)

    def _stop_all(self, stopped: set[int]) -> bool:
        """Stop every process inside that moves, and note it; returns whether all came to stand still."""
        deadline = time.monotonic() + FREEZE_SECONDS
        seen: list[int] = []
        while time.monotonic() < deadline:
            tree = list(_tree(self._top))
            moving = [pid for pid in tree if not _is_still(pid)]
            if not moving and tree == seen:  # found again after all stood still: none was just being born
                return True
            seen = tree
            for pid in moving:
                _signal(pid, signal.SIGSTOP)
                stopped.add(pid)
            if moving:
                time.sleep(0.0005)
        return False

    def close(self) -> None:
        """Kill the worker with all processes that it ever started, and return when they are gone."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._kill()
        if self._handle is not None:
            # The first process of a jail ends after all others in it, but bubblewrap does not always wait for it.
            gone = select.poll()
            gone.register(self._handle, select.POLLIN)
            gone.poll(10_000)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._watcher.join()
        if self._handle is not None:
            os.close(self._handle)
        self._wire.close()
        self._held.close()

    def _restart_meter(self) -> None:
        self.used, self._begin = 0.0, time.monotonic()
        # what threads of theirs used since the last answer counts too, and /proc is asked once less
        self._busy, self._kept = self.worked or self.busy(), _kept_waiting(self._main)

    def _meter(self) -> float:
        """Seconds that the request at hand has used."""
        passed = time.monotonic() - self._begin
        if self._busy:
            own = passed - (_kept_waiting(self._main) - self._kept)
            self.worked = self.busy()
            passed = max(self.worked - self._busy, own / PATIENCE)
        # What a dead process has used cannot be seen any more. Without a clock for other processes, all time counts.
        self.used = max(self.used, passed)
        return self.used

    def _ask(self, message: dict[str, Any], seconds: float, limit: str) -> dict[str, Any]:
        rest = memoryview(wire.pack(message))
        self._restart_meter()
        while rest:
            self._wait(select.POLLOUT, seconds, limit)
            try:
                rest = rest[self._wire.send(rest) :]
            except BlockingIOError:
                continue
            except OSError:
                raise self._crash() from None
        return self._receive(seconds, limit, message["id"])

    def _receive(self, seconds: float, limit: str, request: int) -> dict[str, Any]:
        length = int.from_bytes(self._read(4, seconds, limit), "big")
        if length > wire.MAX_ANSWER:
            raise Lost(CRASHED, f"it sent a frame of {length} bytes")
        try:
            answer = wire.unpack(self._read(length, seconds, limit))
        except wire.WireError as error:
            raise Lost(CRASHED, f"it sent something that is not an answer: {error}") from None
        if type(answer.get("id")) is not int or answer["id"] != request:
            raise Lost(CRASHED, "it sent an answer that nobody asked for")
        match _text(answer, "stopped"):
            case "output limit":
                raise Lost(OUTPUT_LIMIT, f"output limit ({_size(self._limits.output_bytes)} of printed text)")
            case "result limit":
                raise Lost(OUTPUT_LIMIT, f"output limit ({_size(wire.MAX_ANSWER)} for a result)")
        return answer

    def _read(self, count: int, seconds: float, limit: str) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            self._wait(select.POLLIN, seconds, limit)
            try:
                part = self._wire.recv(min(count - len(parts), 1 << 20))
            except BlockingIOError:
                continue
            except OSError:
                part = b""
            if not part:
                raise self._crash()
            parts += part
        return bytes(parts)

    def _wait(self, event: int, seconds: float, limit: str) -> None:
        """Wait until the wire is ready; a dead worker is noticed even if one of its children holds the wire open."""
        poll = select.poll()
        poll.register(self._wire, event)
        while True:
            # no shorter way: whoever sends byte by byte for ever is always ready
            if time.monotonic() - self._begin > min(seconds, WATCH_SECONDS) and self._meter() > seconds:
                raise Lost(TIME_LIMIT, f"time limit ({limit})")
            if poll.poll(1000 * min(seconds, WATCH_SECONDS)):
                return
            if self._process.poll() is not None and not poll.poll(0):
                raise self._crash()

    def _crash(self) -> Lost:
        """Say how the worker ended, as far as its exit tells."""
        try:
            code = self._process.wait(1)
        except subprocess.TimeoutExpired:
            return Lost(CRASHED, "it closed its connection")
        number = -code if code < 0 else code - 128
        try:
            reason = f"{signal.Signals(number).name} ({signal.strsignal(number)})"
        except ValueError:
            return Lost(CRASHED, f"it ended its own process, with exit code {code}")
        if number == signal.SIGKILL:
            return Killed(reason, _memory_kills() != self._memory_kills)
        return Lost(CRASHED, reason)

    def _watch(self) -> None:
        while not self._closing.wait(WATCH_SECONDS):
            self._over = self._crossed()
            if self._over:
                return self._kill()

    def _crossed(self) -> Lost | None:
        """The limit that all processes together have crossed; the kernel knows limits of one process, or of one user."""
        limits, now = self._limits, _usage(self._top)
        if now.memory - self._ours > limits.memory_bytes:
            return Lost(MEMORY_LIMIT, f"memory limit ({_size(limits.memory_bytes)})")
        most = limits.processes + 2  # the jail's first process, and the worker
        # Whoever forks without end has children that end while they are counted, and new ones: not all live at once.
        if len(now.tasks) > most and sum(os.path.exists(f"/proc/{task}") for task in now.tasks) > most:
            return Lost(CRASHED, f"process limit ({limits.processes})")
        # What lies in pipes and sockets is memory that nobody counts.
        if now.open_files > 4 * limits.open_files:
            return Lost(CRASHED, f"limit of open files in all processes ({4 * limits.open_files})")
        if self._is_jailed and _file_count(f"/proc/{self._top}/root/tmp") > limits.scratch_files:
            return Lost(OUTPUT_LIMIT, f"file limit ({limits.scratch_files} files)")
        return None

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self._is_jailed and self._handle is not None:
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
                return
            # Without a jail: the worker, what it started, and what those left behind in its group.
            for pid in _tree(self._top) if self._process.returncode is None else ():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            os.killpg(self._process.pid, signal.SIGKILL)


class Session:
    """One submission: runs its cells and calls the kernels that they define, whatever those do.

    Its workers die with the thread that uses it: so nothing is left behind if the referee is killed.

    cells : all code cells, in order; limits : what they may use; jailed : False to run them as a plain subprocess,
    with resource limits only, where the learner can be trusted; modules : source of modules that the cells may import,
    by name; kernels : names of the functions that will be called

    Released cells are the first to go: where one of them is lost, which calls what the learner wrote, those statements
    are left out that lead to a kernel, then all of them, and the submission has not paid for it.

    remarks : what happened to cells, as sentences; outputs : printed text of each cell by name, clipped

    Raises
    ------
    JailMissing
        If the code is to be jailed and cannot be.
    """

    def __init__(
        self,
        cells: Sequence[Cell],
        limits: Limits = Limits(),
        jailed: bool = True,
        modules: Mapping[str, str] = MappingProxyType({}),
        kernels: Collection[str] = (),
    ):
        if jailed:
            require_jail()
        self._modules = modules
        self._kernels = list(kernels)
        self._without: list[str] = []
        self.remarks: list[str] = []
        self.outputs: dict[str, str] = {}
        self._limits = limits
        self._jailed = jailed
        self._left = limits.total_seconds
        self._given_left = limits.given_seconds
        self._cells: list[Cell] = []
        self._errors: dict[str, Stopped] = {}
        self._stopped: dict[str, Stopped] = {}
        self._given_up: Stopped | None = None
        self._worker: Worker | None = None
        self._killed: set[str] = set()
        self._idle: set[int] = set()
        self._starts: list[int] = []
        self._steps: list[dict[str, Any]] = []
        for cell in cells:
            if len(cell.source.encode("utf-8", "replace")) > SOURCE_BYTES:
                self._leave_out(cell, Lost(OUTPUT_LIMIT, f"size limit ({_size(SOURCE_BYTES)})"))
            else:
                self._cells.append(cell)

    def __enter__(self) -> "Session":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the worker, if there is one."""
        if self._worker:
            self._worker.close()
            self._worker = None

    def call(self, kernel: str, args: tuple[Any, ...]) -> Outcome:
        """Call the learner's function of that name on copies of the arguments.

        Raises
        ------
        Stopped
            If it cannot answer: its cell did not define it, or the worker ended in the call. A kernel that was
            stopped once stays so; others go on in a fresh worker.
        WorkerFault
            If no worker could be started, or this machine has no memory for it.
        """
        return self._request(kernel, {"do": "call", "args": plain(args)})

    def prepare(self, kernel: str, args: tuple[Any, ...]) -> Outcome:
        """Lay out masked arguments for a call that is to be timed; raises as `call` does."""
        return self._request(kernel, {"do": "prepare", "args": plain(args)})

    def run(self, kernel: str, key: int) -> Outcome:
        """Make that call, of which only the digest comes back; raises as `call` does."""
        return self._request(kernel, {"do": "race", "key": key})

    def result(self, kernel: str) -> Outcome:
        """What that call returned; raises as `call` does."""
        return self._request(kernel, {"do": "result"})

    def busy(self) -> float:
        """Seconds of processor time that the worker's processes have used so far; none if there is no worker."""
        return self._worker.busy() if self._worker else 0.0

    def worked(self) -> float:
        """The same as it was at the end of the last request: it is known already."""
        return self._worker.worked if self._worker else 0.0

    def frozen(self) -> contextlib.AbstractContextManager[None]:
        """Hold the worker's processes still; raises Stopped at its end if one of them worked nevertheless."""
        return self._worker.frozen() if self._worker else contextlib.nullcontext()

    def _request(self, kernel: str, message: dict[str, Any]) -> Outcome:
        if kernel in self._stopped:
            raise self._stopped[kernel]
        if message["do"] in ("call", "prepare"):
            self._steps.clear()
        self._steps.append({**message, "kernel": kernel})
        try:
            return self._answer(kernel)
        except Stopped as stopped:
            self._stopped[kernel] = stopped
            raise

    def _answer(self, kernel: str, again: bool = False) -> Outcome:
        """The answer to the last step of a call; if it is made again, so are the steps before."""
        self._make_ready()
        answer: dict[str, Any] = {}
        try:
            for step in self._steps if again else self._steps[-1:]:
                answer = self._ask(step, self._limits.call_seconds)
        except Lost as lost:
            if self._deserves_another_try(lost, kernel):
                return self._answer(kernel, again=True)
            raise Stopped(lost.verdict, f"{kernel} {lost}") from None
        outcome = answer.get("outcome")
        if isinstance(outcome, Outcome):
            if outcome.error == "MemoryError":
                raise Stopped(
                    MEMORY_LIMIT, f"{kernel} was stopped: memory limit ({_size(self._limits.memory_bytes)})"
                )
            return outcome
        if kernel in self._errors:
            raise self._errors[kernel]
        raise Stopped(NOT_WRITTEN, f"{kernel} is not defined in any cell")

    def _deserves_another_try(self, lost: Lost, name: str) -> bool:
        """Whether a kernel or a cell is tried once more, since its worker may have been killed from outside.

        A learner's code that kills its own worker does so again, and has crashed. But if the system is short of memory,
        it is not the learner's fault: within the limits any code may ask for some.
        """
        if not isinstance(lost, Killed):
            return False
        if name in self._killed and lost.short_of_memory:
            raise WorkerFault("two workers were killed, and this machine is short of memory")
        is_first = name not in self._killed
        self._killed.add(name)
        return is_first

    def _make_ready(self) -> None:
        """See to it that there is a worker in which all cells have run."""
        starts = 0
        while not self._worker:
            if self._given_up:
                raise self._given_up
            self._worker = spawn(self._limits, self._jailed)
            left = self._left
            try:
                for name, source in self._modules.items():
                    self._ask({"do": "module", "name": name, "source": source}, self._limits.cell_seconds)
            except Lost as lost:
                # What is left of the submission's time can be too little even for this.
                if self._given_up or self._deserves_another_try(lost, "earlier kernels"):
                    continue
                raise WorkerFault(f"a worker did not take in the earlier kernels: it {lost}") from None
            for step, number in itertools.chain(
                ((self._read, number) for number in self._read_at_once()),
                [(self._choose, 0)],
                ((self._run_cell, number) for number in range(len(self._cells))),
            ):
                try:
                    step(number)
                except Lost as lost:
                    what = "choosing cells" if step == self._choose else self._cells[number].name
                    if self._deserves_another_try(lost, what):
                        break
                    if step == self._run_cell and self._cells[number].is_given and self._leave_given(lost):
                        self._left = left
                        break
                    starts += 1
                    if step == self._choose:
                        self._leave_given(lost)
                    else:
                        self._leave_out(self._cells[number], lost)
                        self._cells[number] = _less(self._cells[number], is_read=step == self._run_cell)
                    extra = [cell for cell in self._cells if cell.is_extra and not cell.only_definitions]
                    if starts > EXTRA_RESTARTS and extra:
                        self._cells = [_less(cell) if cell in extra else cell for cell in self._cells]
                        self._remark("of all extra cells only what they define was run")
                    elif starts > RESTARTS and not self._given_up:
                        text = f"{starts} cells were left out; the last {lost}"
                        self._given_up = Stopped(lost.verdict, text)
                    break

    def _read_at_once(self) -> list[int]:
        """Numbers of the cells with which a request to read begins: each of the learner's, and of released ones in a row
        the first, and one again when there is much text: a learner may have copied them a thousand times."""
        self._starts, size = [], 0
        for number, cell in enumerate(self._cells):
            size += len(cell.source)
            before = self._cells[number - 1] if number else None
            if not (before and before.is_given and cell.is_given and size <= READ_AT_ONCE):
                self._starts.append(number)
                size = len(cell.source)
        return self._starts

    def _read(self, number: int) -> None:
        cell = self._cells[number]
        message = {
            "do": "read",
            "name": cell.name,
            "source": cell.source,
            "definitions": cell.only_definitions,
        }
        if cell.is_given:
            end = next((start for start in self._starts if start > number), len(self._cells))
            some = [[one.name, _statements(one.source)] for one in self._cells[number:end]]
            message = {"do": "read released", "cells": some}
        self._ask(message, self._limits.cell_seconds)

    def _choose(self, _: int) -> None:
        message = {"do": "choose", "kernels": self._kernels, "without": self._without}
        answer = self._ask(message, self._limits.cell_seconds)
        # no code of the learner's has run in this worker yet that could have put another answer there
        idle = answer.get("idle")
        self._idle = set(idle) if isinstance(idle, list) and all(type(one) is int for one in idle) else set()

    def _run_cell(self, number: int) -> None:
        cell = self._cells[number]
        if cell.is_given and number in self._idle:
            self.outputs[cell.name] = ""
            return
        message = {"do": "run", "cell": number}
        answer = self._ask(message, self._limits.cell_seconds, is_given=cell.is_given)
        self.outputs[cell.name] = _text(answer, "output")
        if error := _text(answer, "error"):
            self._note_error(cell, error, _text(answer, "kind") == "MemoryError")

    def _leave_given(self, lost: Lost) -> bool:
        """Run less of the released cells: at first nothing that calls the learner's functions, then only the imports.

        Returns False if there is nothing left to leave out.
        """
        rest = [cell for cell in self._cells if cell.name == SETUP or not cell.is_given]
        if not self._without and self._kernels:
            self._without = self._kernels
            self._remark(f"released cells that call your functions were left out: one {lost}")
        elif len(rest) < len(self._cells):
            self._cells = rest
            self._remark(f"all released cells but the imports were left out: one {lost}")
        else:
            return False
        self._given_left = self._limits.given_seconds
        return True

    def _note_error(self, cell: Cell, error: str, is_memory: bool) -> None:
        self._remark(f"{_title(cell)} raised {error}")
        verdict = MEMORY_LIMIT if is_memory else RAISED
        self._blame(cell, Stopped(verdict, f"{_title(cell)} raised {error}"))

    def _leave_out(self, cell: Cell, lost: Lost) -> None:
        self._remark(f"{_title(cell)} {lost}")
        self._blame(cell, Stopped(lost.verdict, f"{_title(cell)} {lost}"))

    def _blame(self, cell: Cell, stopped: Stopped) -> None:
        for kernel in (cell.name, *cell.defines):
            self._errors[kernel] = stopped

    def _remark(self, text: str) -> None:
        if text not in self.remarks:
            self.remarks.append(text)

    def _ask(self, message: dict[str, Any], seconds: float, is_given: bool = False) -> dict[str, Any]:
        """Ask the worker within what is left of the submission's time, or of that for released cells; if it is lost, forget it."""
        worker = self._worker
        assert worker
        limit = f"{seconds:g} s"
        left, total = self._left, f"{self._limits.total_seconds:g} s for the whole submission"
        if is_given:
            left, total = self._given_left, f"{self._limits.given_seconds:g} s for released cells"
        if left < seconds:
            seconds, limit = max(left, 0), total
        try:
            return worker.ask(message, seconds, limit)
        except Lost:
            self._worker = None
            raise
        finally:
            if is_given:
                self._given_left -= worker.used
            else:
                self._left -= worker.used
            if self._left <= 0:
                total = f"time limit ({self._limits.total_seconds:g} s for the whole submission)"
                self._given_up = Stopped(TIME_LIMIT, total)


def _statements(source: str) -> list[list[Any]]:
    """The statements of a released cell, each with the names that it binds and uses, as plain data."""
    return [[one.source, sorted(one.binds), sorted(one.uses)] for one in statements(source)]


def _less(cell: Cell, is_read: bool = True) -> Cell:
    """A cell of which only what it defines runs, since a test below a function may be all that was wrong; or nothing."""
    if cell.only_definitions or not is_read:
        return replace(cell, source="", only_definitions=True)
    return replace(cell, only_definitions=True)


def _title(cell: Cell) -> str:
    return cell.name if cell.name.startswith(("cell ", "released cell ")) else f"the cell of {cell.name}"


def _text(answer: dict[str, Any], name: str) -> str:
    """A text from an answer; anything else that may stand there, put there by the learner's code, is none."""
    value = answer.get(name)
    return wire.clean(value, 20_000) if type(value) is str else ""


def _size(count: int) -> str:
    return f"{count / 2**30:g} GiB" if count >= 2**30 else f"{count / 2**20:g} MiB"


def _tree(top: int) -> Iterator[int]:
    """Numbers of a process and all that descend from it, as far as /proc tells; of none where there is no /proc."""
    waiting = [top]
    while waiting:
        pid = waiting.pop()
        yield pid
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{pid}/task"):
                with (
                    contextlib.suppress(OSError),
                    open(f"/proc/{pid}/task/{task}/children", "rb") as children,
                ):
                    waiting += map(int, children.read().split())


HIDDEN_FILES = 10**6
"""For how many a process counts that does not let its open files be counted: more than any limit."""


@dataclass
class _Usage:
    """What a worker's processes use together."""

    memory: int = 0
    tasks: set[str] = field(default_factory=set)
    open_files: int = 0


def _usage(top: int) -> _Usage:
    """Add up what a process and all that descend from it use, with the numbers of their tasks: threads count as tasks."""
    now = _Usage()
    for pid in _tree(top):
        with contextlib.suppress(OSError):
            tasks = os.listdir(f"/proc/{pid}/task")
            now.tasks.update(tasks)
            # If the first thread has ended, the process seems to have neither memory nor files: its others know.
            for task in tasks:
                status = f"/proc/{pid}/task/{task}/status"
                if memory := _memory(status):
                    now.memory += memory
                    try:
                        now.open_files += len(os.listdir(f"/proc/{pid}/task/{task}/fd"))
                    except PermissionError:
                        # It hides them from a grader who is not root; or it is about to end, and has no memory left.
                        now.open_files += HIDDEN_FILES if _memory(status) else 0
                    break
    return now


def _memory(status: str) -> int:
    """Bytes in memory and in swap of the process to which a thread belongs; 0 if that thread has ended."""
    with open(status, "rb") as lines:
        return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith((b"VmRSS:", b"VmSwap:")))


def _processor_seconds(pid: int) -> float:
    """What a process has used, all its threads together, and its children that have ended; 0 if it is gone, or this
    system has no clock for others."""
    try:
        own = time.clock_gettime((~pid << 3) | 2)  # Linux's number for the scheduler's clock of a process
        with open(f"/proc/{pid}/stat", "rb") as stat:
            ticks = stat.read().rpartition(b")")[2].split()[13:15]
        return own + sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return 0.0


def _kept_waiting(pid: int) -> float:
    """Seconds in which a process could have worked, but others had the processor; 0 where the system does not say."""
    try:
        with open(f"/proc/{pid}/schedstat", "rb") as schedstat:
            return int(schedstat.read().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


def _memory_kills() -> int:
    """How many processes this system has killed so far to get memory; 0 where it does not say."""
    with contextlib.suppress(OSError), open("/proc/vmstat", "rb") as lines:
        for line in lines:
            if line.startswith(b"oom_kill "):
                return int(line.split()[1])
    return 0


def _is_still(pid: int) -> bool:
    """Whether every thread of a process is stopped, or at its end."""
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/stat", "rb") as stat:
                if stat.read().rpartition(b")")[2].split()[0] not in (b"T", b"Z", b"X"):
                    return False
    except (FileNotFoundError, ProcessLookupError):
        return not os.path.exists(f"/proc/{pid}")
    return True


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _file_count(mount: str) -> int:
    try:
        found = os.statvfs(mount)
    except OSError:
        return 0
    return found.f_files - found.f_ffree


USERS = range(60_000, 65_000)
"""Users to run as, one to each worker at a time, where we are root."""


def spawn(limits: Limits, jailed: bool) -> Worker:
    """Start a worker and wait until it is ready for the first cell.

    Raises
    ------
    WorkerFault
        If it does not start, or is not confined as it must be.
    """
    global _starts_warm
    # What stood ready may have been killed: then once more, with a new one.
    for _ in range(2 if jailed and _starts_warm else 0):
        try:
            return _spawn(limits, jailed, is_warm=True)
        except warm.NoWarmStart as error:
            if error.is_new:
                _starts_warm = False
                break
    return _spawn(limits, jailed, is_warm=False)


_starts_warm = True
"""Whether jailed workers are forked from one that stands ready, which holds until that turns out to be impossible."""


def _spawn(limits: Limits, jailed: bool, is_warm: bool) -> Worker:
    ours, theirs = socket.socketpair()
    with theirs, contextlib.ExitStack() as undo:
        undo.callback(ours.close)
        held = undo.enter_context(contextlib.ExitStack())
        uid = _take_user(held) if jailed and os.geteuid() == 0 else None
        rlimits = _rlimits(limits)
        setup = {"limits": rlimits, "uid": uid, "output_bytes": limits.output_bytes}
        cores = _take_core(held)
        process: subprocess.Popen[bytes] | warm.Fork
        if is_warm:
            process = warm.start(
                {**setup, "cores": sorted(cores), "scratch_bytes": limits.scratch_bytes}, theirs, ours
            )
            undo.callback(process.close)
            top = process.pid
        else:
            start = "from inside.worker import main; main()"
            command = ["-c", start, str(theirs.fileno()), json.dumps(setup)]
            with _on(cores):
                if jailed:
                    process, top = walls.start_jailed(
                        command, theirs.fileno(), limits.scratch_bytes, as_root=uid is not None
                    )
                else:
                    process = walls.start_plain(command, theirs.fileno(), held)
                    top = process.pid
        if not top:
            raise WorkerFault(f"bubblewrap did not start (exit code {process.wait()})")
        try:
            if jailed:
                # As an ordinary user the learner's code can make the jail's first process do whatever it likes.
                _limit(top, rlimits)
            worker = Worker(process, ours, top, limits, held, jailed)
        except ProcessLookupError:
            text = "a worker did not start: its first process ended at once"
            raise warm.NoWarmStart(text) if is_warm else WorkerFault(text) from None
        undo.pop_all()
    try:
        facts = worker.hello()
    except Lost as lost:
        worker.close()
        if is_warm:
            raise warm.NoWarmStart(str(lost)) from None
        raise WorkerFault(f"a worker did not start: {lost}") from None
    if jailed and not (
        facts["uid"] == (os.getuid() if uid is None else uid)
        and not facts["capabilities"].strip("0")
        and facts["no_new_privileges"] == "1"
        and facts["seccomp"] == "2"
    ):
        worker.close()
        raise WorkerFault(f"a worker is not confined as it must be: {facts}")
    return worker


def _rlimits(limits: Limits) -> dict[str, int]:
    return {
        "AS": limits.memory_bytes,
        "CPU": math.ceil(limits.total_seconds + limits.given_seconds) + 5,
        "NPROC": limits.processes,
        "NOFILE": limits.open_files,
        "FSIZE": limits.file_bytes,
        "CORE": 0,
    }


def _limit(pid: int, limits: dict[str, int]) -> None:
    """Put a process under the limits that a worker takes on itself."""
    for name, value in limits.items():
        number = getattr(resource, f"RLIMIT_{name}")
        hard = resource.prlimit(pid, number)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.prlimit(pid, number, (value, value))


def _take_core(held: contextlib.ExitStack) -> set[int]:
    """The core on which a worker is to run, the same for ever; `held` keeps other workers from it. Empty where the system
    does not let one choose."""
    if not hasattr(os, "sched_setaffinity"):
        return set()
    cores = os.sched_getaffinity(0)
    # If there are more workers than cores, they share them evenly.
    chosen = (core for turn in range(16) for core in sorted(cores) if _take(f"core-{core}-{turn}", held))
    return set(itertools.islice(chosen, 1)) or cores


@contextlib.contextmanager
def _on(cores: set[int]) -> Iterator[None]:
    """What this thread starts meanwhile runs on these cores, if there are any."""
    if not cores:
        yield
        return
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, cores)
        yield
    finally:
        os.sched_setaffinity(0, before)


def _take(name: str, held: contextlib.ExitStack) -> bool:
    """Take what no other worker of this machine may have meanwhile; False if it is taken."""
    lock = socket.socket(socket.AF_UNIX)
    try:
        # an abstract name: gone with whoever holds it, however that ends
        lock.bind(f"\0autograder-jail-{name}")
    except OSError:
        lock.close()
        return False
    held.enter_context(lock)
    return True


LOCKS = Path("/run/autograder-jail")
"""Folder of the locks on these users. Only root can go there, so that nobody else holds a lock."""


def _take_user(held: contextlib.ExitStack) -> int:
    """A user that no other worker of this machine has: the kernel counts processes by user."""
    try:
        LOCKS.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = LOCKS.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0 or found.st_mode & 0o077:
            raise WorkerFault(
                f"{LOCKS} is not a folder that only root can enter; remove it, and run this again"
            )
        for uid in USERS:
            with contextlib.ExitStack() as undo:
                lock = undo.enter_context(open(LOCKS / str(uid), "a"))
                with contextlib.suppress(BlockingIOError):
                    # gone with whoever holds it, however that ends; the file stays, so all lock the same one
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    held.push(undo.pop_all())
                    return uid
    except OSError as error:
        raise WorkerFault(f"users for the workers cannot be locked: {error}") from None
    raise WorkerFault(f"all users from {USERS.start} to {USERS.stop - 1} are taken by other workers")


@functools.cache
def require_jail() -> None:
    """Start a worker in a jail once, to see that it can be done here.

    Raises
    ------
    JailMissing
        If it cannot; the text names the missing part.
    """
    walls.require_parts()
    try:
        worker = spawn(Limits(), jailed=True)
    except (WorkerFault, OSError) as error:
        raise JailMissing(f"no jail: {walls.complaint(as_root=os.geteuid() == 0) or error}") from None
    try:
        if worker.process_count() < 2:
            raise JailMissing("no jail: /proc does not list children (the kernel lacks CONFIG_PROC_CHILDREN)")
    finally:
        worker.close()
