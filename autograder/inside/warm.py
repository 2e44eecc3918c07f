"""A warm start: one process in a jail that has imported all a worker needs, and forks a worker for each submission.

It runs no code of a learner's, ever. It is started as

    python -c "from inside.warm import main; main()" SOCKET

where SOCKET is the number of an inherited descriptor, on which it says that it is ready. Then each message there asks
for a worker: a JSON text, the setup, with two descriptors, the worker's end of its wire and a pipe for how it ended.

Each worker gets what a jail of its own would give it: process, network, IPC, host-name and mount namespaces, where we are
not root a user namespace, a /proc and a /tmp of its own, one core, no capability, no way to gain privileges, the filter
of system calls. Of this process it can see nothing: in its namespaces there is none. What it shares with the others is
where the interpreter lies in memory.

The first process of these namespaces says by the wire that the walls stand, or what is missing; from that message the
kernel tells the referee its number. It forks the worker, waits for its end, and all inside end with it.
"""

import contextlib
import ctypes
import errno
import gc
import json
import os
import random
import signal
import socket
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from . import worker
from .wire import BROKEN, READY

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18

PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 22, 24, 38, 47
SECCOMP_MODE_FILTER, PR_CAP_AMBIENT_CLEAR_ALL = 2, 4
CAPABILITY_VERSION, CAP_SETGID, CAP_SETUID, CAP_SETPCAP = 0x20080522, 6, 7, 8

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Fork workers until the referee hangs up."""
    asked = socket.socket(fileno=int(sys.argv[1]))
    asked.set_inheritable(False)
    home = os.open("/proc/self/ns/pid", os.O_RDONLY)
    shown = _shown_below_tmp()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that no dead child waits for us
    gc.collect()
    gc.freeze()  # a collection in a child would copy every page that it looks at
    asked.send(READY)
    while True:
        text, ends, *_ = socket.recv_fds(asked, 2**16, 2)
        if not text:
            os._exit(0)
        wire, ended = ends
        _call("unshare", CLONE_NEWPID)  # for children alone
        try:
            child = os.fork()
        except OSError as error:
            _complain(wire, error)
        else:
            if child == 0:
                asked.close()
                os.close(home)
                _first(wire, ended, json.loads(text), shown)
        _call("setns", home, CLONE_NEWPID)
        os.close(wire)
        os.close(ended)


def _first(wire: int, ended: int, setup: dict[str, Any], shown: Sequence[str]) -> NoReturn:
    """Be the first process of a worker's namespaces: raise the walls, fork the worker, and end as it ends."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _raise_walls(setup, shown)
        os.write(wire, READY)
    except BaseException as error:
        _complain(wire, error)
        os._exit(1)
    code, child = 1, -1
    try:
        child = os.fork()
        if setup["uid"] is not None:
            _bound()
        if child == 0:
            os.close(ended)
            random.seed()  # or all would draw the same
            if "numpy.random" in sys.modules:  # some versions of NumPy import it with the rest
                sys.modules["numpy.random"].seed()
            worker.serve(wire, setup)
        os.close(wire)
        # No signal from inside reaches a first process that has no handler for it.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        _keep_capabilities()
        code = _end_of(child)
    finally:
        if child != 0:
            with contextlib.suppress(OSError):  # the referee may be gone
                os.write(ended, bytes([code]))
        os._exit(code)


def _end_of(child: int) -> int:
    """Wait for a child, and for all that inside lose their parent; how it ended, as a shell says it."""
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _complain(wire: int, error: BaseException) -> None:
    with contextlib.suppress(OSError):
        os.write(wire, BROKEN + str(error).encode("utf-8", "replace")[:1000])


def _raise_walls(setup: dict[str, Any], shown: Sequence[str]) -> None:
    """Put this process, and all that it will fork, into namespaces of its own, under the filter and without privileges."""
    os.setsid()
    if setup["cores"]:
        os.sched_setaffinity(0, setup["cores"])
    _call("unshare", CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET)
    with contextlib.suppress(OSError):  # as bubblewrap does: not every kernel has them
        _call("unshare", CLONE_NEWCGROUP)
    _mount(None, "/", None, MS_REC | MS_PRIVATE)
    _renew_tmp(setup["scratch_bytes"], shown)
    _renew_proc()
    os.chdir("/tmp")
    if setup["uid"] is None:
        # The kernel counts the processes of a user by namespace; and what was mounted so far is out of reach in it.
        user, group = os.getuid(), os.getgid()
        _call("unshare", CLONE_NEWUSER)
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
        _bound()
        _keep_capabilities()
    else:
        kept = CAP_SETGID, CAP_SETUID, CAP_SETPCAP  # for the worker to use up
        _bound(*kept)
        _keep_capabilities(*kept)
    _call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _load(bytes.fromhex(setup["filter"]))


def _shown_below_tmp() -> list[str]:
    """What is mounted below /tmp: there the interpreter, or a part of the project, may lie. What lies in one of these
    comes along with it."""
    found: list[str] = []
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as mounts:
        for line in mounts:
            # a blank, a tab, a line's end and a backslash stand there as octal numbers
            raw = os.fsencode(line.split()[4])
            place = os.fsdecode(b"".join(_unescaped(raw)))
            if place.startswith("/tmp/") and not any(place.startswith(f"{other}/") for other in found):
                found.append(place)
    return found


def _unescaped(raw: bytes) -> list[bytes]:
    first, *rest = raw.split(b"\\")
    return [first, *(bytes([int(part[:3], 8)]) + part[3:] for part in rest)]


def _renew_tmp(size: int, shown: Sequence[str]) -> None:
    """Mount an empty /tmp over the one that there is, and show in it what is shown in that."""
    before = os.umask(0o022)  # the folders on the way are for every user
    kept = [(place, os.open(place, os.O_PATH)) for place in shown]
    _mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, f"mode=1777,size={size}")
    for place, descriptor in kept:
        source = f"/proc/self/fd/{descriptor}"
        if os.path.isdir(source):
            os.makedirs(place, exist_ok=True)
        else:
            os.makedirs(os.path.dirname(place), exist_ok=True)
            os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o644))
        _mount(source, place, None, MS_BIND | MS_REC)
        os.close(descriptor)
    os.umask(before)


def _renew_proc() -> None:
    """Mount a /proc of these namespaces over the one that there is, and cover in it what root could write."""
    flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
    _mount("proc", "/proc", "proc", flags)
    for place in ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus"):
        if os.access(place, os.W_OK):
            _mount(place, place, None, MS_BIND | MS_REC)
            _mount(None, place, None, MS_BIND | MS_REMOUNT | MS_RDONLY | flags)


def _mount(source: str | None, place: str, kind: str | None, flags: int, options: str | None = None) -> None:
    texts = [None if text is None else os.fsencode(text) for text in (source, place, kind, options)]
    _call("mount", *texts[:3], flags, texts[3], about=place)


def _bound(*kept: int) -> None:
    """Let no program that this process starts gain any capability but these."""
    for number in range(64):
        if number in kept:
            continue
        try:
            _call("prctl", PR_CAPBSET_DROP, number, 0, 0, 0)
        except OSError as error:
            if error.errno == errno.EINVAL:  # there are no more
                return
            raise


def _keep_capabilities(*kept: int) -> None:
    """Give up all capabilities but these, for good."""
    _call("prctl", PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    word = sum(1 << number for number in kept)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    # effective, permitted, inheritable; then those from number 32 on
    _call("capset", header, (ctypes.c_uint32 * 6)(word, word, 0, 0, 0, 0))


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]


def _load(code: bytes) -> None:
    """Put this process under a filter of system calls, given as a BPF program; an instruction takes eight bytes."""
    program = _Program(len(code) // 8, code)
    _call("prctl", PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)


def _call(name: str, *arguments: Any, about: str = "") -> None:
    """Make a call of the C library, or raise with its name."""
    words = [ctypes.c_ulong(one) if isinstance(one, int) else one for one in arguments]
    if getattr(_libc, name)(*words) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{' '.join((name, about)).strip()}: {os.strerror(number)}")
