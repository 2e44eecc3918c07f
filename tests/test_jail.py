"""What the jail promises: what its worker can see and do, what it may use, and that it is all gone afterwards."""

import contextlib
import inspect
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from autograder import cli
from autograder.chapters import ROOT
from autograder.checking.subject import Stopped
from autograder.jail import session as jail
from autograder.jail import walls, warm
from autograder.jail.session import Cell, JailMissing, Limits, Session, WorkerFault, require_jail
from autograder.results import CRASHED, NOT_WRITTEN, RAISED, TIME_LIMIT
from benchmarks.processor import Processor

from .attacks import NO_JAIL
from .conftest import course_files

needs_jail = pytest.mark.skipif(bool(NO_JAIL), reason=NO_JAIL)
as_root = os.geteuid() == 0


def inside(function: Callable[..., Any], *args: Any, **limits: Any) -> Any:
    """Run a function of these tests in a jail and return what it returned."""
    with Session(
        [Cell(function.__name__, textwrap.dedent(inspect.getsource(function)))], Limits(**limits)
    ) as session:
        outcome = session.call(function.__name__, args)
        assert not outcome.error, outcome
        return outcome.value


# What a worker can see and do


@needs_jail
def test_worker_has_namespaces_of_its_own() -> None:
    """shares no process, network, IPC, host-name or mount namespace with the referee"""

    def namespaces() -> list[str]:
        import os

        return [
            os.readlink(f"/proc/self/ns/{name}") for name in ("pid", "net", "ipc", "uts", "mnt", "cgroup")
        ]

    ours = [os.readlink(f"/proc/self/ns/{name}") for name in ("pid", "net", "ipc", "uts", "mnt", "cgroup")]
    theirs = inside(namespaces)
    assert len(theirs) == len(ours) and not {*ours[:5]} & {*theirs[:5]}


@needs_jail
def test_worker_sees_no_process_but_its_own() -> None:
    """sees itself and the jail's first process; no command line tells of this machine's folders but the interpreter's"""

    def processes() -> list[str]:
        import os

        return [
            open(f"/proc/{name}/cmdline").read() for name in sorted(os.listdir("/proc")) if name.isdigit()
        ]

    lines = inside(processes)
    assert len(lines) == 2
    assert lines[0].startswith(("bwrap\0--args", f"{sys.executable}\0-s\0"))
    assert str(ROOT / "course") not in "".join(lines)


@needs_jail
def test_worker_writes_to_tmp_alone() -> None:
    """finds every mount read-only but its own /tmp, /proc and four devices"""

    def mounts() -> list[str]:
        with open("/proc/self/mounts") as lines:
            words = [line.split() for line in lines]
        return [f"{place} {options.split(',')[0]}" for _, place, _, options, *_ in words]

    found = [line.split() for line in inside(mounts)]
    devices = {f"/dev/{name}" for name in ("null", "full", "random", "urandom")}
    assert ["/", "ro"] in found and ["/usr", "ro"] in found
    assert {place for place, mode in found if mode == "rw"} == {"/tmp", "/proc", *devices}


@needs_jail
def test_worker_sees_interpreter_and_course_and_nothing_else_of_the_project() -> None:
    """sees no folder of the project but the interpreter's, and of the packages no checks and no solutions"""

    def listing(root: str) -> list[str]:
        import os

        return sorted(os.listdir(root) if os.path.isdir(root) else []) + sorted(os.listdir("/jail"))

    seen = inside(listing, str(ROOT))
    assert seen[-4:] == ["autograder", "course", "inside", "tqdm"]
    assert {ROOT / name for name in seen[:-4]} <= {
        Path(sys.prefix),
        Path(sys.base_prefix),
        Path(sys.prefix).parent,
    }


@pytest.fixture
def none_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process stands ready to fork workers: the first one that is asked for makes one."""
    monkeypatch.setattr(warm, "_mine", threading.local())
    monkeypatch.setattr(jail, "_starts_warm", True)


@needs_jail
@pytest.mark.usefixtures("none_ready")
def test_worker_does_not_see_the_course_among_installed_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """sees an empty folder, which cannot be written, where a course lies below a folder that is shown"""

    def listing() -> list[str]:
        import os

        try:
            open("/usr/share/doc/x", "w").close()
        except OSError:
            return [*os.listdir("/usr/share/doc"), "read-only"]
        return ["written"]

    assert os.listdir("/usr/share/doc")
    monkeypatch.setattr(walls, "_hidden", lambda: [Path("/usr/share/doc")])
    assert inside(listing) == ["read-only"]


def test_classroom_in_sight_of_the_jail_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """refuses a folder below what a worker sees, through a link too, unless it is hidden there"""
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "env"))
    monkeypatch.setattr(walls, "_hidden", lambda: [tmp_path / "env" / "course"])
    for place in ("env/classroom", "env/course/classroom", "classroom", "environment"):
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "env")
    for seen in (
        tmp_path / "env",
        tmp_path / "link/classroom",
        Path("/usr/x"),
        Path("/lib/x"),
        ROOT / "course/x",
    ):
        with pytest.raises(JailMissing, match=r" lies below .*; move it to another folder$"):
            walls.require_out_of_sight(seen)
    for unseen in ("env/course/classroom", "classroom", "environment", ""):
        walls.require_out_of_sight(tmp_path / unseen)
    monkeypatch.undo()
    walls.require_out_of_sight(ROOT / "classroom")


@needs_jail
def test_grading_stops_for_a_classroom_in_sight(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """names the folder in one line, and grades nothing"""
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    done = CliRunner().invoke(cli.app, ["grade", "filters", "--classroom", str(tmp_path / "classroom")])
    assert done.exit_code == 2
    assert done.output.startswith("error: ") and f"lies below {tmp_path}" in done.output


@needs_jail
def test_worker_inherits_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """has an environment of fixed names"""

    def environment() -> list[str]:
        import os

        return list(os.environ)

    monkeypatch.setenv("GRADER_SECRET", "x")
    assert set(inside(environment)) <= {
        *walls.ENVIRONMENT,
        "HOME",
        "MPLCONFIGDIR",
        "PYTHONPATH",
        "PWD",
        "LC_CTYPE",
    }


@needs_jail
def test_worker_inherits_no_descriptor_but_the_wire() -> None:
    """has standard input, output and error, and one socket"""

    def descriptors() -> list[int]:
        import os

        found = []
        for number in range(1000):
            try:
                os.fstat(number)
                found.append(number)
            except OSError:
                pass
        return found

    with socket.socket() as ours:
        os.set_inheritable(ours.fileno(), True)
        found = inside(descriptors)
    assert found[:3] == [0, 1, 2] and len(found) == 4


@needs_jail
def test_worker_is_nobody_and_cannot_become_anybody() -> None:
    """has no capability, runs under the filter, gains no privileges, and is not root again"""

    def status() -> list[str]:
        import os

        with open("/proc/self/status") as file:
            lines = dict(line.split(":\t", 1) for line in file if ":\t" in line)
        found = [lines[key].strip() for key in ("CapPrm", "CapEff", "CapAmb", "NoNewPrivs", "Seccomp")]
        for become in (os.setuid, os.setgid, lambda number: os.setgroups([number])):
            try:
                become(0)
                found.append("became root")
            except OSError:  # not permitted, or no such user in here
                pass
        return [*found, str(os.getuid()), str(os.getgid())]

    permitted, effective, ambient, no_new, seccomp, uid, gid = inside(status)
    assert int(permitted, 16) == int(effective, 16) == int(ambient, 16) == 0
    assert (no_new, seccomp) == ("1", "2")
    assert int(uid) in (jail.USERS if as_root else [os.getuid()])
    assert int(gid) in (jail.USERS if as_root else [os.getgid()])


@needs_jail
def test_denied_system_calls_fail() -> None:
    """gets EPERM for every call of the list, ENOSYS for clone3 and whatever stands in no list"""
    import pyseccomp

    def errors(*numbers: int) -> list[int]:
        import ctypes

        libc = ctypes.CDLL(None, use_errno=True)
        found = []
        for number in numbers:
            ctypes.set_errno(0)
            libc.syscall(number, 0, 0, 0, 0, 0, 0)
            found.append(ctypes.get_errno())
        return found

    unlisted = ["clone3", "io_setup", "process_mrelease", "remap_file_pages", "cachestat"]
    numbers = {
        name: pyseccomp.resolve_syscall(pyseccomp.system_arch(), name)
        for name in [*walls.DENIED.split(), *unlisted]
    }
    here = {name: number for name, number in numbers.items() if number >= 0}
    here["of the future"] = 1000
    assert len(here) > 60
    calls = list(here.values())
    found = [error for at in range(0, len(calls), 50) for error in inside(errors, *calls[at : at + 50])]
    assert dict(zip(here, found, strict=True)) == {
        name: 1 if name in walls.DENIED.split() else 38 for name in here
    }
    assert not {*walls.ALLOWED.split()} & {*walls.DENIED.split(), *unlisted}


@needs_jail
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the number of clone is that of x86-64")
def test_clone_makes_no_namespace_and_no_thread_that_hides_its_files() -> None:
    """gets EPERM for clone with any flag for a new namespace, and a child without"""

    def errors(flags: list[int]) -> list[int]:
        import ctypes
        import os

        libc = ctypes.CDLL(None, use_errno=True)
        found = []
        for flag in flags:
            ctypes.set_errno(0)
            child = libc.syscall(56, flag | 17, 0, 0, 0, 0)  # 17 is SIGCHLD
            if child == 0:
                os._exit(0)
            found.append(ctypes.get_errno())
        return found

    own_files = 0x10000 | 0x800 | 0x100  # a thread whose descriptors are its own, so that nobody counts them
    flags = [own_files, 0x80, 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000]
    assert inside(errors, [*flags, 0]) == [1] * len(flags) + [0]


@needs_jail
def test_memory_that_no_process_maps_cannot_be_had() -> None:
    """maps no page that is shared and in no file, by whichever flags; files in /tmp and private pages can be mapped"""

    def errors() -> list[int]:
        import mmap

        found = []
        anonymous, shared, validated, private = mmap.MAP_ANONYMOUS, 1, 3, mmap.MAP_PRIVATE
        for flags in (shared, shared | mmap.MAP_POPULATE, validated, private):
            try:
                mmap.mmap(-1, 4096, flags=flags | anonymous)
                found.append(0)
            except OSError as error:
                found.append(error.errno)
        with open("file", "w+b") as file:
            file.truncate(4096)
            mmap.mmap(file.fileno(), 4096)[:1] = b"x"
        return found

    assert inside(errors) == [1, 1, 1, 0]


@needs_jail
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the number of close_range is that of x86-64")
def test_open_files_cannot_be_hidden_nor_the_network_be_seen_by_the_wire() -> None:
    """gives no thread descriptors of its own, no socket more room, and no word of this machine's interfaces"""

    def errors() -> list[int]:
        import ctypes
        import fcntl
        import os
        import socket

        libc = ctypes.CDLL(None, use_errno=True)
        found = []
        for flags in (2, 0):
            ctypes.set_errno(0)
            libc.syscall(436, 120, 120, flags)
            found.append(ctypes.get_errno())
        one, _ = socket.socketpair()
        for ask in (
            lambda: one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**20),
            lambda: fcntl.ioctl(one, 0x8912, bytes(16)),
            lambda: fcntl.ioctl(one, 0x8B01, bytes(32)),
            lambda: fcntl.ioctl(one, 0x541B, bytes(4)),
            os.sync,
        ):
            try:
                ask()
                found.append(0)
            except OSError as error:
                found.append(error.errno)
        return found

    # `os.sync` hides what it meets, so that it is asked to no end but to be harmless
    assert inside(errors) == [1, 0, 1, 1, 1, 0, 0]


HOARDS = """
import ctypes, os, socket, threading, time
def fill():
    kept = []
    try:
        while True:
            pair = socket.socketpair()
            kept += pair
            for end in pair:
                end.setblocking(False)
                try:
                    while True:
                        end.send(bytes(65536))
                except BlockingIOError:
                    pass
    except OSError:
        time.sleep(20)
def hoard(hides):
    if hides:
        ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # not dumpable: /proc shows its files to root alone
    for _ in range(46):
        if os.fork() == 0:
            fill()
    time.sleep(20)
"""


@needs_jail
@pytest.mark.parametrize("hides", [False, True])
def test_what_lies_in_sockets_is_limited(hides: bool) -> None:
    """stops whoever opens too many in all its processes, also if it hides them from the grader"""
    with Session([Cell("hoard", HOARDS)], Limits(call_seconds=15)) as session:
        with pytest.raises(Stopped) as stopped:
            session.call("hoard", (hides,))
        assert "limit of open files in all processes" in str(stopped.value)


@needs_jail
def test_limits_of_the_kernel_hold_inside() -> None:
    """has the limits that it was given"""

    def limits() -> list[int]:
        import resource

        names = ("AS", "CPU", "NPROC", "NOFILE", "FSIZE", "CORE")
        return [value for name in names for value in resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))]

    expected = [3 * 2**29, 75, 48, 128, 16 * 2**20, 0]
    assert inside(limits) == [value for value in expected for _ in range(2)]


@needs_jail
@pytest.mark.skipif(not as_root, reason="only root can give every worker a user of its own")
def test_workers_at_work_at_once_are_different_users() -> None:
    """gives each worker a user that no other has, for the kernel counts processes by user"""
    cells = [Cell("who", "import os\ndef who():\n    return os.getuid()")]
    with Session(cells) as one, Session(cells) as other:
        assert one.call("who", ()).value != other.call("who", ()).value


@needs_jail
def test_next_submission_finds_no_file_of_the_last() -> None:
    """finds an empty /tmp and home, whatever the submission before wrote there"""
    source = """
import os
def leave():
    places = [os.path.expanduser("~"), "/tmp", os.getcwd()]
    found = [name for place in places for name in os.listdir(place)]
    for place in places:
        open(os.path.join(place, "left.txt"), "w").write("the answers")
    return found
"""
    # a project below the host's /tmp has its interpreter shown there
    below = [
        Path(prefix).relative_to("/tmp")
        for prefix in (sys.prefix, sys.base_prefix)
        if prefix.startswith("/tmp/")
    ]
    mounted = {path.parts[0] for path in below}
    for _ in range(2):
        with Session([Cell("leave", source)]) as session:
            assert set(session.call("leave", ()).value) <= mounted
            assert "left.txt" in session.call("leave", ()).value


# What a session does with cells and calls


def session_of(*sources: str, **limits: Any) -> Session:
    """An unjailed session: what it does with cells is the same, and every machine can test it."""
    cells = [Cell(f"cell {number + 1}", source) for number, source in enumerate(sources)]
    return Session(cells, Limits(**limits), jailed=False)


def test_cells_run_in_order_in_one_namespace() -> None:
    """runs the cells one after the other, and goes on after one that raises"""
    with session_of("a = [1]", "a.append(2)\n\nb = 1 / 0", "a.append(3)\nf = lambda: a") as session:
        assert session.call("f", ()).value == [1, 2, 3]
        assert session.remarks == ["cell 2 raised ZeroDivisionError: division by zero (line 3)"]


def test_calls_get_copies_and_keep_state() -> None:
    """hands over copies of the arguments, says how they were left, and keeps one worker for all calls"""
    x = np.zeros(2)
    with session_of(
        "calls = []\ndef f(x):\n    x += 1\n    calls.append(1)\n    return len(calls)"
    ) as session:
        assert [session.call("f", (x,)).value for _ in range(3)] == [1, 2, 3]
        np.testing.assert_array_equal(session.call("f", (x,)).after[0], [1, 1])
    np.testing.assert_array_equal(x, [0, 0])


def test_printed_text_is_kept_and_clipped() -> None:
    """keeps what each cell printed, the start of it where it is long"""
    with session_of(
        "print('é', end='')\nimport sys\nsys.stderr.write('!')", "print('x' * 100_000)\nf = int"
    ) as session:
        session.call("f", ())
        assert session.outputs["cell 1"] == "é!"
        assert session.outputs["cell 2"] == "x" * 20_000


def test_kernel_that_ends_its_worker_is_not_called_again() -> None:
    """stops that kernel for good, at no more cost, and gives the next one a fresh worker"""
    source = "import os\nopen('started', 'a').write('x')\ndef dies(): os._exit(3)\ndef lives(): return len(open('started').read())"
    with session_of(source) as session:
        for _ in range(3):
            with pytest.raises(
                Stopped, match="dies crashed: it ended its own process, with exit code 3"
            ) as stopped:
                session.call("dies", ())
            assert stopped.value.verdict == CRASHED
        assert session.call("lives", ()).value == 1
        assert session.call("lives", ()).value == 1


def test_kernel_that_has_no_definition_says_why() -> None:
    """tells a cell that failed from one that is not there"""
    cells = [Cell("f", "x = 1\ndef f(:\n    pass")]
    with Session(cells, jailed=False) as session:
        with pytest.raises(
            Stopped, match=r"the cell of f raised SyntaxError: invalid syntax \(line 2\)"
        ) as stopped:
            session.call("f", ())
        assert stopped.value.verdict == RAISED
        with pytest.raises(Stopped, match="g is not defined in any cell") as stopped:
            session.call("g", ())
        assert stopped.value.verdict == NOT_WRITTEN


def test_cells_that_end_their_worker_are_left_out() -> None:
    """starts again without each of them, and gives up after a few"""
    dies = "import os\nos._exit(1)"
    with session_of(dies, "a = 1", dies, "f = lambda: a") as session:
        assert session.call("f", ()).value == 1
        assert [remark.split(":")[0] for remark in session.remarks] == ["cell 1 crashed", "cell 3 crashed"]
    with session_of(*[dies] * 9, "f = int") as session:
        with pytest.raises(Stopped, match="6 cells were left out; the last crashed") as stopped:
            session.call("f", ())
        assert stopped.value.verdict == CRASHED and len(session.remarks) == 6


@pytest.mark.parametrize("end", ["import os\nos._exit(1)", "while True: pass", "f(3)"])
def test_of_a_cell_that_ends_its_worker_what_it_defines_is_kept(end: str) -> None:
    """runs its functions, imports and constants, and not what stands around them"""
    source = (
        f"import math\nscale = 2\ndef f(x):\n    while x == 3: pass\n    return scale * math.floor(x)\n{end}"
    )
    with session_of(source, "g = lambda x: f(x) + 1", cell_seconds=1) as session:
        assert session.call("f", (1.5,)).value == 2 and session.call("g", (1.5,)).value == 3
        assert len(session.remarks) == 1


def test_where_many_extra_cells_end_their_workers_all_keep_what_they_define() -> None:
    dies = "import os\ndef helper{0}(): return {0}\nos._exit(1)"
    cells = [Cell(f"cell {number}", dies.format(number), is_extra=True) for number in range(1, 6)]
    with Session([*cells, Cell("f", "def f(): return helper1() + helper5()")], jailed=False) as session:
        assert session.call("f", ()).value == 6
        assert session.remarks[-1] == "of all extra cells only what they define was run"


def test_cell_that_is_too_long_is_left_out() -> None:
    """does not run a cell of more than 1 MiB"""
    with session_of("f = int\n" + "#" * 2**20, "g = int") as session:
        assert session.call("g", ()).value == 0
        assert session.remarks == ["cell 1 was stopped: size limit (1 MiB)"]


def test_all_calls_together_have_a_limit() -> None:
    """counts the time of all cells and calls, and stops every kernel when it is over"""
    with session_of(WORKS, "def f(): work(0.2)\ndef g(): return 1", total_seconds=0.7) as session:
        with pytest.raises(Stopped, match=r"0\.7 s for the whole submission") as stopped:
            for _ in range(10):
                session.call("f", ())
        assert stopped.value.verdict == TIME_LIMIT
        with pytest.raises(Stopped, match=r"0\.7 s for the whole submission"):
            session.call("g", ())


FIGURE = """
drawn = 3
def draw(): return f(drawn)
shown = draw()
print(shown)
plot = 1
"""


def with_released(source: str, *scratch: str, **limits: Any) -> Session:
    """An unjailed session of a kernel f, two released figures below it, which call it, and cells of the learner's."""
    watched = "WATCHED = 'math', 'json', 'drawn', 'draw', 'shown', 'plot'"
    cells = [
        Cell("cell 1", watched),
        Cell("setup", "import math\nimport json", is_given=True),
        Cell("f", source, defines=("f",)),
    ]
    cells += [Cell(f"released cell {number}", FIGURE, is_given=True) for number in (3, 4)]
    cells += [Cell(f"cell {number}", text, is_extra=True) for number, text in enumerate(scratch, 5)]
    cells += [
        Cell("g", "def g():\n    return [name for name in WATCHED if name in globals()]", defines=("g",))
    ]
    return Session(cells, Limits(**limits), jailed=False, kernels=["f", "g"])


def test_of_released_cells_runs_what_is_needed() -> None:
    """runs the statements that lead to a name of the learner's, and no figure"""
    with with_released("def f(x):\n    return math.pi") as session:
        assert session.call("g", ()).value == ["math"]
    with with_released("def f(x):\n    return x", "mine = shown + 1") as session:
        assert {"drawn", "draw", "shown"} <= {*session.call("g", ()).value} and session.call(
            "f", (2,)
        ).value == 2
        assert "plot" not in session.call("g", ()).value and not session.remarks
        assert not any(session.outputs.values())


@pytest.mark.parametrize("scratch", ["from math import *\nshown", "eval('shown')"])
@pytest.mark.parametrize(
    ("body", "verdict"),
    [("import os\n    os._exit(7)", CRASHED), ("while True: pass", TIME_LIMIT)],
)
def test_released_cells_that_call_a_broken_kernel_cost_nothing(scratch: str, body: str, verdict: str) -> None:
    """leaves them out once one is lost, says so, and gives the other kernels all of their time"""
    with with_released(f"def f(x):\n    {body}", scratch, cell_seconds=1, call_seconds=0.5) as session:
        names = session.call("g", ()).value
        assert (
            "shown" not in names
            and "released cells that call your functions were left out" in session.remarks[0]
        )
        assert session._left > 57
        with pytest.raises(Stopped) as stopped:
            session.call("f", (1,))
        assert stopped.value.verdict == verdict
        assert session.call("g", ()).value == names
    assert len(session.remarks) == 2 and "cell 5 raised NameError" in session.remarks[1]


def test_released_cells_have_time_of_their_own() -> None:
    """stops them all together after some seconds, and goes on without them"""
    slow = "import time\ndef f(x):\n    end = time.process_time() + 0.3\n    while time.process_time() < end: pass"
    with with_released(slow, "shown", given_seconds=0.4, total_seconds=3) as session:
        session.call("g", ())
        assert session._left > 2
        assert "time limit (0.4 s for released cells)" in session.remarks[0]


@pytest.mark.parametrize(
    "source", ["f'" + "{x}" * 170_000 + "'", "a;" * 500_000, "x = " + "-" * 1_000_000 + "1"]
)
def test_a_text_that_takes_the_parser_long_costs_its_own_cell(source: str) -> None:
    """reads what a learner wrote within the limits that it runs in"""
    cells = [Cell("f", f"{source}\ndef f(): pass", defines=("f",)), Cell("g", "def g(): return 1")]
    began = time.process_time()
    with Session(cells, Limits(cell_seconds=2), jailed=False, kernels=["f", "g"]) as session:
        assert session.call("g", ()).value == 1
        with pytest.raises(Stopped):
            session.call("f", ())
    assert time.process_time() - began < 1


def test_a_kernel_is_called_among_the_names_of_its_check() -> None:
    """gives each kernel the names as they were where it was checked last, and lets what it sets itself stay"""
    cells = [
        "scale = 2\nseen = 0\ndef helper(x): return scale * x",
        "def f(x):\n    global seen\n    seen += 1\n    return helper(x) + later(), seen",
        "from autograder import check\ncheck(f)",
        "scale = 3\ndef helper(x, y): return scale * x * y",
        "def g(x): return helper(x, 1)",
        "check(g)\nscale = helper = f = None\ndef later(): return 0",
    ]
    named = [Cell(f"cell {number}", source) for number, source in enumerate(cells, 1)]
    with Session(named, Limits(), jailed=False, kernels=["f", "g"]) as session:
        assert [session.call(kernel, (5,)).value for kernel in ("f", "g", "f")] == [(10, 1), 15, (10, 2)]
        assert not session.remarks


STUB = "def f():\n    raise NotImplementedError  # replace this line with your code"


@pytest.mark.parametrize(
    ("cells", "answer"),
    [
        ([STUB, "def f(): return 1"], 1),
        (["def f(): return 1", STUB], 1),
        (["def f(): return 1", STUB, "def f(): return 2", "f = f()"], 2),
        ([STUB, "def g():\n    return f()", "check(g)", "def f(): return 3"], 3),
        (["def f(): return 1", "del f"], 1),
        (["class F:\n    def __call__(self): return 4", "f = F()"], 4),
    ],
)
def test_the_last_version_that_is_written_counts(cells: list[str], answer: int) -> None:
    """wherever it stands, and whatever becomes of its name"""
    named = [Cell(f"cell {number}", source) for number, source in enumerate(cells, 1)]
    with Session(named, Limits(), jailed=False, kernels=["f", "g"]) as session:
        assert session.call("f", ()).value == answer
        if any("def g" in cell for cell in cells):
            assert session.call("g", ()).value == answer


def test_time_that_is_left_is_the_learners() -> None:
    """stops every kernel if what is left is too little to start again, whatever the worker was doing then"""
    source = "import os\ndef dies(): os._exit(1)\ndef lives(): return 1"
    with Session([Cell("dies", source)], jailed=False, modules={"solutions.early": "x = 1"}) as session:
        with pytest.raises(Stopped, match="dies crashed"):
            session.call("dies", ())
        session._left = 1e-9
        for _ in range(2):
            with pytest.raises(Stopped, match="60 s for the whole submission") as stopped:
                session.call("lives", ())
            assert stopped.value.verdict == TIME_LIMIT


@needs_jail
def test_worker_stays_on_one_core_of_its_own() -> None:
    """runs on one core, its children too, which it cannot leave; two workers at once have different ones"""

    def cores() -> list[int]:
        import os
        import subprocess
        import sys

        ask = "import os; print(*os.sched_getaffinity(0))"
        child = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True).stdout
        try:
            os.sched_setaffinity(0, range(os.cpu_count()))
        except PermissionError:
            return [*os.sched_getaffinity(0), int(child)]
        return []

    ours = os.sched_getaffinity(0)
    cell = Cell("cores", textwrap.dedent(inspect.getsource(cores)))
    with Session([cell]) as one, Session([cell]) as other:
        first, second = (session.call("cores", ()).value for session in (one, other))
    assert len(first) == 2 and len({*first}) == 1 and {*first, *second} <= ours
    assert first != second or len(ours) == 1
    assert os.sched_getaffinity(0) == ours


WORKS = """
import os, subprocess, sys, time
def work(seconds):
    begin = time.process_time()
    while time.process_time() - begin < seconds:
        pass
    return seconds
def spins():
    for _ in range(40):
        if os.fork() == 0:
            break
    while True:
        pass
def works_in_children(seconds):
    program = f"import time\\nwhile time.process_time() < {seconds}: pass"
    for _ in range(3):
        subprocess.run([sys.executable, "-S", "-E", "-c", program])
    return seconds
"""


@needs_jail
@pytest.mark.parametrize("beside", ["on its core", "in another submission"])
def test_noise_of_others_costs_no_time(beside: str) -> None:
    """answers a call that needs most of its time, while forty processes want the processor as well"""
    with contextlib.ExitStack() as noise, Session([Cell("work", WORKS)], Limits(call_seconds=0.5)) as session:
        session.call("work", (0.01,))
        assert session._worker
        if beside == "on its core":
            core = os.sched_getaffinity(session._worker._main)
            for _ in range(40):
                process = noise.enter_context(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
                noise.callback(process.kill)
                os.sched_setaffinity(process.pid, core)
        else:
            neighbour = noise.enter_context(Session([Cell("spins", WORKS)], Limits(call_seconds=3)))

            def spin() -> None:
                with pytest.raises(Stopped):
                    neighbour.call("spins", ())

            thread = threading.Thread(target=spin)
            thread.start()
            noise.callback(thread.join)
        assert session.call("work", (0.3,)).value == 0.3
        assert 0.3 < session._worker.used < 0.5


@needs_jail
@pytest.mark.parametrize("kernel", ["spins", "works_in_children"])
def test_time_of_all_processes_counts(kernel: str) -> None:
    """stops a call whose processes together use more than its time, also if each is gone soon"""
    args = () if kernel == "spins" else (0.4,)
    begin = time.monotonic()
    with (
        Session([Cell("f", WORKS)], Limits(call_seconds=0.9)) as session,
        pytest.raises(Stopped, match=r"time limit \(0\.9 s\)"),
    ):
        session.call(kernel, args)
    assert time.monotonic() - begin < 30


@needs_jail
@pytest.mark.parametrize("have_ended", [False, True])
def test_processes_that_have_ended_are_not_counted(monkeypatch: pytest.MonkeyPatch, have_ended: bool) -> None:
    """crosses the limit only where so many live at once: some end while they are counted, and others begin"""
    processes = [subprocess.Popen(["sleep", "100"]) for _ in range(9)]

    def count(top: int) -> jail._Usage:
        found = jail._Usage(tasks={str(process.pid) for process in processes})
        for process in processes if have_ended else ():
            process.kill()
            process.wait()
        return found

    with (
        Session([Cell("g", "def g(): return 1")], Limits(processes=6)) as session,
        contextlib.ExitStack() as after,
    ):
        for process in processes:
            after.callback(process.wait)
            after.callback(process.kill)
        assert session.call("g", ()).value == 1 and session._worker
        monkeypatch.setattr(jail, "_usage", count)
        crossed = session._worker._crossed()
        assert crossed is None if have_ended else "process limit (6)" in str(crossed)


KILLED = """
import os, signal
def f(x):
    open("called", "a").write("x")
    if x:
        os.kill(os.getpid(), signal.SIGKILL)
    return len(open("called").read())
def waits():
    signal.pause()
"""


@needs_jail
def test_worker_killed_from_outside_is_started_again() -> None:
    """makes the call again in a fresh worker, so that nobody loses a point to whoever killed the first"""
    source = "import os, time\ndef f():\n    time.sleep(1.5)\n    return 7"
    with Session([Cell("f", source), Cell("g", "def g(): return 1")]) as session:
        assert session.call("g", ()).value == 1
        assert session._worker
        main = session._worker._main
        killer = threading.Timer(0.3, lambda: os.kill(main, signal.SIGKILL))
        killer.start()
        assert session.call("f", ()).value == 7
        assert session._worker._main != main and session.remarks == []


@needs_jail
def test_code_that_kills_its_worker_has_crashed() -> None:
    """tries it once more, and then leaves out the cell, or stops the kernel, that killed its worker again"""
    cells = [Cell("cell 1", "import os\nos.kill(os.getpid(), 9)"), Cell("f", KILLED)]
    with Session(cells) as session:
        assert session.call("f", (False,)).value == 1
        assert session.remarks == ["cell 1 crashed: SIGKILL (Killed)"]
        with pytest.raises(Stopped, match=r"f crashed: SIGKILL \(Killed\)") as stopped:
            session.call("f", (True,))
        assert stopped.value.verdict == CRASHED


@needs_jail
def test_machine_without_memory_is_no_fault_of_the_learner(monkeypatch: pytest.MonkeyPatch) -> None:
    """is a fault of ours, which no one keeps, if two workers are killed while the system kills to get memory"""
    kills = iter(range(1000))
    monkeypatch.setattr(jail, "_memory_kills", lambda: next(kills))
    for cells in (
        [Cell("f", KILLED)],
        [Cell("cell 1", "import os\nos.kill(os.getpid(), 9)"), Cell("f", KILLED)],
    ):
        with Session(cells) as session, pytest.raises(WorkerFault, match="short of memory"):
            session.call("f", (True,))


@needs_jail
def test_system_that_needs_memory_takes_a_worker_first() -> None:
    """names the worker, and not the referee, as the one to be killed if the machine runs out of memory"""

    def score() -> int:
        return int(open("/proc/self/oom_score_adj").read())

    assert inside(score) == 1000 > int(Path("/proc/self/oom_score_adj").read_text())


@needs_jail
def test_first_process_of_the_jail_has_the_limits_of_the_rest() -> None:
    """finds its own limits on the process that an ordinary user's code could make do anything"""

    def limits() -> list[str]:
        return [open(f"/proc/{name}/limits").read().replace("unlimited", "-") for name in ("1", "self")]

    first, own = inside(limits)
    assert first == own and "1610612736" in own


# What happens where the jail, or the referee, is missing


@pytest.fixture
def no_memory() -> Iterator[None]:
    """The jail is tried once a process: forget that it worked, before and after."""
    require_jail.cache_clear()
    yield
    require_jail.cache_clear()


@pytest.mark.parametrize(
    ("missing", "install"),
    [
        ("bubblewrap", "apt-get install bubblewrap"),
        ("libseccomp", "apt-get install libseccomp2"),
        ("pyseccomp", "pip install pyseccomp"),
    ],
)
@pytest.mark.usefixtures("no_memory")
def test_grading_stops_without_a_part_of_the_jail(
    missing: str, install: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """names the missing part and what to install, and runs nothing"""
    if missing == "bubblewrap":
        monkeypatch.setenv("PATH", "/nowhere")
    if missing == "libseccomp":
        monkeypatch.setattr(walls.ctypes.util, "find_library", lambda name: None)
    if missing == "pyseccomp":
        monkeypatch.setitem(sys.modules, "pyseccomp", None)
    with pytest.raises(JailMissing, match=f"^no jail: {missing} is missing; install it with: {install}$"):
        Session([Cell("f", "f = int")])


@needs_jail
@pytest.mark.usefixtures("no_memory", "none_ready")
def test_grading_stops_where_bubblewrap_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """says what bubblewrap says, and what can be done"""
    (tmp_path / "bwrap").write_text(
        "#!/bin/sh\necho 'bwrap: No permissions to create a new namespace' >&2\nexit 1\n"
    )
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(JailMissing, match=r"^no jail: bwrap: No permissions to create a new namespace; .+"):
        Session([Cell("f", "f = int")])
    (tmp_path / "mark").touch()
    monkeypatch.setattr(walls, "CONTAINER_MARKS", (tmp_path / "mark",))
    told = r'container.*TEACHING.md tells how, under "In a container"' + ("$" if as_root else "; .*sysctl")
    with pytest.raises(JailMissing, match=told):
        Session([Cell("f", "f = int")])


def test_recipe_of_a_container_stands_where_the_jail_sends_its_reader() -> None:
    """TEACHING.md has that heading, with the file that is built, and installs what the jail is made of"""
    recipe = (ROOT / "TEACHING.md").read_text(encoding="utf-8").partition("### In a container\n")[2]
    assert "--file examples/container/Containerfile" in recipe.partition("\n## ")[0]
    built = (ROOT / "examples/container/Containerfile").read_text(encoding="utf-8")
    assert "bubblewrap libseccomp2" in built and "USER teacher" in built


@needs_jail
@pytest.mark.usefixtures("none_ready")
@pytest.mark.parametrize("way", ["warm", "cold"])
def test_worker_that_is_not_confined_is_not_used(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """asks the kernel what holds a worker before it reads a cell, and does without one that nothing holds"""
    with contextlib.ExitStack() as held:

        def start(
            arguments: list[str], wire_end: int, *_: Any, **__: Any
        ) -> tuple[subprocess.Popen[bytes], int]:
            process = walls.start_plain(arguments, wire_end, held)
            return process, process.pid

        def fork(
            setup: dict[str, Any], theirs: socket.socket, ours: socket.socket
        ) -> subprocess.Popen[bytes]:
            words = "from inside.worker import main; main()", str(theirs.fileno()), json.dumps(setup)
            process = walls.start_plain(["-c", *words], theirs.fileno(), held)
            process.close = process.kill  # type: ignore[attr-defined]  # as a fork has
            return process

        monkeypatch.setattr(walls, "start_jailed", start)
        monkeypatch.setattr(warm, "start", fork)
        monkeypatch.setattr(jail, "_starts_warm", way == "warm")
        monkeypatch.setattr(jail, "_take_user", lambda held: None)
        monkeypatch.setattr(jail, "_file_count", lambda mount: 0)  # its /tmp is this machine's
        with pytest.raises(WorkerFault, match=r"not confined as it must be: .*'seccomp': '0'"):
            jail.spawn(Limits(), jailed=True)


@needs_jail
def test_the_benches_count_what_a_forked_worker_used() -> None:
    """adds the processor time of a worker that is no child of ours, once it is closed"""
    with Processor() as processor:
        with Session([Cell("work", WORKS)]) as session:
            session.call("work", (0.5,))
        assert 0.5 < processor.seconds() < 1.5


# Workers that are forked from one that stands ready


def leaves_traces(value: int) -> list[object]:
    import builtins
    import os
    import random
    import sys

    import numpy as np

    before = [os.listdir("/tmp"), getattr(builtins, "trace", None), getattr(np, "trace_", None), sys.argv]
    builtins.trace = np.trace_ = value
    open("/tmp/trace", "w").close()
    names = "pid", "net", "ipc", "uts", "mnt", "user"
    spaces = [os.readlink(f"/proc/self/ns/{name}") for name in names]
    return [before, random.random(), np.random.rand(), os.getpid(), spaces]


@needs_jail
def test_worker_starts_warm_and_as_new() -> None:
    """is forked here, and sees nothing of one that was before or lives beside it: no file, no name, no draw"""
    cell = Cell("leaves_traces", textwrap.dedent(inspect.getsource(leaves_traces)))
    with Session([cell]) as first, Session([cell]) as second:
        one, two = (session.call("leaves_traces", (5,)).value for session in (first, second))
        assert isinstance(first._worker._process, warm.Fork)  # type: ignore[union-attr]
    third = inside(leaves_traces, 5)
    for before, *_, pid, _ in (one, two, third):
        assert before == [[], None, None, [""]] and pid == 2
    assert len({one[1], two[1], third[1]}) == len({one[2], two[2], third[2]}) == 3
    shared = {*one[4]} & {*two[4]}
    assert not {name.partition(":")[0] for name in shared} - ({"user"} if as_root else set())


@needs_jail
@pytest.mark.usefixtures("none_ready")
def test_worker_cannot_reach_who_forked_it() -> None:
    """goes on forking workers, whatever one of them does to all processes and descriptors that it can reach"""

    def strike() -> list[str]:
        import contextlib
        import ctypes
        import os
        import signal

        struck = []
        for descriptor in range(3, 100):
            with contextlib.suppress(OSError):
                struck.append(os.readlink(f"/proc/1/fd/{descriptor}"))
        for path in ("/proc/1/mem", "/proc/1/root/tmp/x", "/proc/1/cwd/x"):
            with contextlib.suppress(OSError), open(path, "r+b") as file:
                file.seek(2**16)
                file.write(b"x")
                struck.append(path)
        libc = ctypes.CDLL(None)
        for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
            libc.kill(1, int(number))
        return struck + ["umount"] * (libc.umount2(b"/tmp", 2) == 0 or libc.umount2(b"/proc", 2) == 0)

    with Session([]) as session:
        session._make_ready()
        ready = warm._mine.ready
    for _ in range(2):
        struck = inside(strike)
        # The first process is of the same user where we are not root; then it has no more than the worker has.
        assert {one.partition(":")[0] for one in struck} <= (
            set() if as_root else {"pipe", "/dev/null", "/proc/1/mem"}
        )
        assert warm._mine.ready is ready and ready._process.poll() is None


@needs_jail
@pytest.mark.usefixtures("none_ready")
@pytest.mark.parametrize("way", ["warm", "cold"])
def test_what_is_shown_below_tmp_can_be_read_whatever_the_graders_umask(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """finds an interpreter or a project that lies below /tmp, in its empty /tmp, read-only"""
    place = tmp_path / "deep" / "down"
    place.mkdir(parents=True)
    (place / "file").write_text("there")
    for folder in (place, *place.parents):
        if folder != Path("/tmp") and folder.is_relative_to("/tmp") and folder.stat().st_uid == os.getuid():
            folder.chmod(0o755)
    interpreter = walls._interpreter
    monkeypatch.setattr(walls, "_interpreter", lambda: [*interpreter(), *walls._show(place)])
    monkeypatch.setattr(jail, "_starts_warm", way == "warm")

    def reads(place: str) -> list[str]:
        import os

        try:
            open(f"{place}/more", "w").close()
        except OSError as error:
            return [open(f"{place}/file").read(), error.strerror or "", *os.listdir("/tmp")]
        return ["written"]

    before = os.umask(0o077)
    try:
        assert inside(reads, str(place)) == ["there", "Read-only file system", place.parts[2]]
    finally:
        os.umask(before)
        warm.dismiss()


@needs_jail
@pytest.mark.usefixtures("none_ready")
def test_worker_is_forked_by_another_when_that_one_is_gone() -> None:
    """makes a new process that stands ready, one for each thread, and they end with their thread"""
    assert inside(leaves_traces, 1)
    first = warm._mine.ready
    first._process.kill()
    first._process.wait()
    assert inside(leaves_traces, 2)
    second = warm._mine.ready
    assert second is not first and jail._starts_warm
    others: list[Any] = []

    def elsewhere() -> None:
        inside(leaves_traces, 3)
        others.append(warm._mine.ready._process)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert others[0] is not second._process and others[0].wait(10) is not None
    assert second._process.poll() is None


@needs_jail
@pytest.mark.usefixtures("none_ready")
@pytest.mark.parametrize("wall", ["a process that stands ready", "a /tmp of its own", "a core"])
def test_worker_starts_cold_where_none_can_be_forked(wall: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """gives each worker a bubblewrap of its own where one that is forked would not have all its walls"""
    if wall == "a process that stands ready":
        start = walls.start_jailed

        def cold_alone(*arguments: Any, forks: bool = False, **options: Any) -> Any:
            words = ["-c", "raise SystemExit"] if forks else arguments[0]
            return start(words, *arguments[1:], forks=forks, **options)

        monkeypatch.setattr(walls, "start_jailed", cold_alone)
    else:
        start_warm = warm.start
        missing = {"scratch_bytes": "no"} if wall == "a /tmp of its own" else {"cores": [99_999]}
        monkeypatch.setattr(warm, "start", lambda setup, *ends: start_warm({**setup, **missing}, *ends))
    with Session([Cell("f", "def f(): return 1")]) as session:
        assert session.call("f", ()).value == 1
        assert isinstance(session._worker._process, subprocess.Popen)  # type: ignore[union-attr]
    assert not jail._starts_warm


@needs_jail
def test_worker_dies_with_its_referee() -> None:
    """leaves no process behind when the referee is killed in the middle of a call"""
    program = """
import sys
from autograder.jail.session import Cell, Session
session = Session([Cell("f", "import time\\ndef f(wait): time.sleep(wait)")])
session.call("f", (0,))
print(session._worker._top, flush=True)
session.call("f", (60,))
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as referee:
        assert referee.stdout
        top = int(referee.stdout.readline())
        assert len(list(jail._tree(top))) >= 2
        referee.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while Path(f"/proc/{top}/task").exists() and _is_alive(top):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_closing_ends_everything() -> None:
    """has no process, thread, descriptor or folder left after a session"""

    def state() -> tuple[int, int]:
        return len(os.listdir("/proc/self/fd")), threading.active_count()

    modes = [False] if NO_JAIL else [False, True]
    for jailed in modes:
        Session([], jailed=jailed).close()
        before = state()
        with Session([Cell("f", "f = int")], jailed=jailed) as session:
            session.call("f", ())
            assert state() != before
            process = session._worker._process  # type: ignore[union-attr]
        assert state() == before and process.returncode is not None


@needs_jail
def test_released_cells_copied_a_thousand_times_are_read() -> None:
    """takes in more text of released cells than fits into one request"""
    long = "\n".join(f"name_{number} = 'ä' * {number}" for number in range(150))
    cells = [Cell(f"released cell {number}", long, is_given=True) for number in range(1900)]
    with Session([*cells, Cell("f", "def f(): return 1")], kernels=["f"]) as session:
        assert session.call("f", ()).value == 1 and not session.remarks


def promised() -> list[tuple[str, str]]:
    """The tests that the table of promises in TEACHING.md names, each with "…" if that is but the start of its name."""
    text = (ROOT / "TEACHING.md").read_text(encoding="utf-8")
    return re.findall(r"`(test_\w+)(…?)`", text.partition("## The jail")[2].partition("\n## ")[0])


def test_every_promise_names_its_test() -> None:
    """finds each test that the table names"""
    here = [name for name in globals() if name.startswith("test_")]
    assert len(promised()) > 12
    for start, more in promised():
        assert len([name for name in here if (name.startswith(start) if more else name == start)]) == 1, start


SAMPLE = "forks or TCP or traces or reference or rows or shared or device or first or plain"
PROMISES = " or ".join(
    [
        "nobody",
        "inherits",
        *(name for name, _ in promised() if not name.startswith(("test_jail_", "test_worker_starts_"))),
    ]
)


@needs_jail
@pytest.mark.skipif(not as_root, reason="every other test has shown it already")
@pytest.mark.parametrize(
    "tests",
    [
        ["tests/test_attacks.py", "-k", SAMPLE],
        ["tests/test_jail.py", "-k", f"{PROMISES} or warm"],
        ["tests/test_timing.py", "-k", "stand_still or wakes"],
        pytest.param(["tests/test_attacks.py"], marks=pytest.mark.slow),
    ],
    ids=["attacks", "promises", "races", "all attacks"],
)
def test_jail_holds_for_an_ordinary_user_too(tests: list[str]) -> None:
    """keeps its promises for a grader who is not root, in a user namespace, wherever the project and Python lie"""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o777)
        course = Path(place, "course")
        for file in course_files():
            (course / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / file, course / file)
        for path in (course, *course.rglob("*")):
            path.chmod(0o755)
        words = ["bwrap", *_view(), "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        _run_tests([f"--basetemp={place}/tests", *tests], course, words)


@needs_jail
@pytest.mark.parametrize(
    "tests",
    [
        ["tests/test_attacks.py", "-k", SAMPLE],
        ["tests/test_jail.py", "-k", PROMISES],
        pytest.param(["tests/test_attacks.py"], marks=pytest.mark.slow),
    ],
    ids=["attacks", "promises", "all attacks"],
)
def test_jail_holds_for_workers_that_start_cold_too(tests: list[str], tmp_path: Path) -> None:
    """keeps its promises where each worker has a bubblewrap of its own"""
    _run_tests(["-p", "tests.cold", f"--basetemp={tmp_path}/tests", *tests], ROOT)


def _run_tests(words: list[str], course: Path, before: Sequence[str] = ()) -> None:
    """Run tests in a process of their own: all of them pass, and none is skipped that runs here."""
    done = subprocess.run(
        [*before, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words],
        cwd=course,
        env={"PATH": os.environ["PATH"], "HOME": str(course.parent), "PYTHONPATH": str(course)},
        capture_output=True,
        text=True,
        timeout=3600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout.replace("SKIPPED [1] tests/test_jail.py", "")


def _view() -> list[str]:
    """Bubblewrap's options to see all as it is, and the interpreter also if it lies where only root may go."""
    view = ["--dev-bind", "/", "/"]
    bases = [Path(sys.base_prefix), Path(sys.prefix)]
    closed = {
        next((one for one in reversed(path.parents) if not one.stat().st_mode & 1), None) for path in bases
    }
    for folder in closed - {None}:
        view += ["--perms", "0755", "--tmpfs", str(folder)]
        for base in (path for path in bases if path.is_relative_to(folder)):
            between = [
                path for path in reversed(base.parents) if path.is_relative_to(folder) and path != folder
            ]
            view += [word for path in between for word in ("--perms", "0755", "--dir", str(path))]
            view += ["--ro-bind", str(base), str(base)]
    return view
