"""A warm start of workers: instead of a bubblewrap and a Python for each, a fork of one that stands ready in a jail.

Starting Python and importing NumPy takes most of a worker's start. So each thread that starts workers keeps one process
in a jail, `inside/warm.py`, which has imported all of it, and asks that for workers. Where it cannot give them what a
jail of their own would, as under a rule that lets nobody make namespaces inside, workers start cold.
"""

import contextlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import threading
import weakref
from typing import Any

from ..inside.wire import READY
from . import walls

READY_SECONDS = 30.0
"""How long it may take to stand ready, on a quiet machine 0.1 s; and to fork a worker, 0.01 s."""

SCRATCH_BYTES = 2**20
"""Size of its own /tmp, in which no worker ever writes."""

_CREDENTIALS = struct.Struct("3i")
"""What the kernel says of a message's sender: its process, user and group, in our numbers."""


class NoWarmStart(Exception):
    """A worker cannot be had in this way; the text says why.

    is_new : whether a process was asked that had never forked one, so that another would do no better
    """

    def __init__(self, text: str, is_new: bool = False):
        super().__init__(text)
        self.is_new = is_new


class Fork:
    """A process that was forked for us in a jail: what `subprocess.Popen` is of a child of ours, as far as it is asked.

    returncode : None until it was seen to have ended, then as a shell says it: 128 more than the number of a signal. It is
        what the jail's first process says, which where we are not root the learner's code could make say another
    """

    def __init__(self, pid: int, handle: int, ended: int):
        self.pid = pid
        self._handle = handle
        self._ended = ended
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """How it ended, or None."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended, and say how.

        Raises
        ------
        subprocess.TimeoutExpired
            If it lives on.
        """
        if self.returncode is None:
            gone = select.poll()
            gone.register(self._handle, select.POLLIN)
            if not gone.poll(None if timeout is None else 1000 * timeout):
                raise subprocess.TimeoutExpired("worker", timeout or 0)
            # It writes how the worker ended, unless it was killed itself.
            code = os.read(self._ended, 1)
            self.returncode = code[0] if code else 128 + signal.SIGKILL
            os.close(self._ended)
            os.close(self._handle)
        return self.returncode

    def kill(self) -> None:
        """Kill it, with all that live in its namespaces."""
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def close(self) -> None:
        """Kill it and wait until it is gone."""
        self.kill()
        self.wait()


class _Ready:
    """The process that stands ready, for the thread that made it."""

    def __init__(self, as_root: bool):
        self._as_root = as_root
        self._owner = os.getpid()
        self._asks, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._asks.settimeout(READY_SECONDS)
        with theirs:
            self._process, top = walls.start_jailed(
                ["-c", "from inside.warm import main; main()", str(theirs.fileno())],
                theirs.fileno(),
                SCRATCH_BYTES,
                as_root,
                forks=True,
            )
        self.close = weakref.finalize(self, _close, self._owner, self._process, self._asks)
        try:
            is_ready = bool(top) and self._asks.recv(1) == READY
        except OSError:
            is_ready = False
        if not is_ready:
            self.close()
            raise NoWarmStart("no process stands ready")

    def serves(self, as_root: bool) -> bool:
        """Whether it lives, and is this process's own and of this kind."""
        return (self._owner, self._as_root) == (os.getpid(), as_root) and self._process.poll() is None

    def fork(self, setup: dict[str, Any], theirs: socket.socket, ours: socket.socket) -> Fork:
        """Ask for a worker between the two ends of a wire."""
        told, tell = os.pipe()
        try:
            # From now on the kernel says with each message who sent it.
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            ours.settimeout(READY_SECONDS)
            # With no end of them kept here, it is noticed if nobody is left to write.
            with open(tell, "wb"), theirs:
                socket.send_fds(self._asks, [json.dumps(setup).encode()], [theirs.fileno(), tell])
            said, about, *_ = ours.recvmsg(1, socket.CMSG_SPACE(_CREDENTIALS.size))
            if said != READY:
                raise NoWarmStart(ours.recv(1000).decode("utf-8", "replace") or "it said nothing")
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
            pid, *_ = _CREDENTIALS.unpack(about[0][2])
            return Fork(pid, os.pidfd_open(pid), told)
        except BaseException as error:
            os.close(told)
            if isinstance(error, OSError):
                raise NoWarmStart(str(error)) from None
            raise


def _close(owner: int, process: subprocess.Popen[bytes], asks: socket.socket) -> None:
    """End a process that stands ready, with all workers that it forked; a fork of its owner just forgets it."""
    asks.close()
    if os.getpid() == owner:
        process.kill()
        process.wait()


_mine = threading.local()


def start(setup: dict[str, Any], theirs: socket.socket, ours: socket.socket) -> Fork:
    """Have a worker forked.

    setup : as `inside/worker.py` takes it, with `cores`, those that it may use, and `scratch_bytes`, the size of its /tmp
    theirs, ours : the two ends of its wire; the first is closed

    Raises
    ------
    NoWarmStart
        If it could not be; there is no worker then, and the next is asked of another process.
    """
    as_root = setup["uid"] is not None
    ready: _Ready | None = getattr(_mine, "ready", None)
    is_new = not ready or not ready.serves(as_root)
    try:
        if not ready or is_new:
            ready = _mine.ready = _Ready(as_root)
        return ready.fork({**setup, "filter": walls.call_filter().hex()}, theirs, ours)
    except NoWarmStart as error:
        dismiss()
        raise NoWarmStart(str(error), is_new) from None


def dismiss() -> None:
    """End this thread's process that stands ready, if there is one: no worker is asked for here any more."""
    ready: _Ready | None = getattr(_mine, "ready", None)
    if ready:
        ready.close()
        del _mine.ready
