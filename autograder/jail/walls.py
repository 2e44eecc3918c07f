"""The walls of the jail: what bubblewrap shows to a worker, and which system calls are left to it.

The choice is the same in both ways to start. As an ordinary user, bubblewrap makes a user namespace, in which nobody
is more than that user. As root it makes none, because the kernel does not limit the processes of root: the worker
gives up root for an unprivileged user before it reads a line of the learner's.
"""

import contextlib
import ctypes.util
import functools
import json
import mmap
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
ROOT = HERE.parent

PACKAGES = {
    "inside": HERE / "inside",
    "course": ROOT / "course",
    "autograder": HERE / "inside/stub/autograder",
    "tqdm": HERE / "inside/stub/tqdm",
}
"""What a worker can import beside the interpreter's own packages; the last two only stand for what they are named."""

ENVIRONMENT = {
    "PATH": os.pathsep.join((str(Path(sys.executable).parent), "/usr/bin", "/bin")),
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "MPLBACKEND": "Agg",
    "PIP_RETRIES": "0",  # `!pip install` finds no network: let it say so at once
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    **{
        f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB_MAXIMUM", "NUMEXPR")
    },
}
"""All of a worker's environment but the folders: nothing is inherited."""

_TOP_FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
"""Folders of the system beside /usr that a worker sees."""

_NAMESPACES = ("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try")

DENIED = """
    ptrace process_vm_readv process_vm_writev process_madvise kcmp pidfd_getfd
    mount umount umount2 pivot_root chroot mount_setattr move_mount open_tree fsopen fsconfig fsmount fspick
    unshare setns personality
    socket bind connect listen accept accept4
    shmget shmat shmctl semget msgget mq_open memfd_create memfd_secret vmsplice
    keyctl add_key request_key
    io_uring_setup io_uring_enter io_uring_register
    bpf perf_event_open userfaultfd fanotify_init name_to_handle_at open_by_handle_at lookup_dcookie
    kexec_load kexec_file_load init_module finit_module delete_module create_module
    reboot swapon swapoff acct quotactl quotactl_fd nfsservctl syslog vhangup
    sethostname setdomainname settimeofday clock_settime clock_adjtime adjtimex
    iopl ioperm modify_ldt uselib sysfs _sysctl ustat vm86 vm86old
    sched_setaffinity mbind move_pages migrate_pages set_mempolicy set_mempolicy_home_node
"""
"""System calls that fail with EPERM. `socketpair` is left: asyncio needs it, and it reaches nobody else.

Memory is counted by what the processes map. So nothing is left that holds memory which no process maps: no segments, no
files without a name, no pages lent to a pipe, and no shared pages without a file (see `call_filter`; for the same reason
there is no /dev/zero, of which one can map such pages). What lies in files lies in /tmp, which has a size. A control
group would count all of it, but few machines let an ordinary user make one; this holds on all."""

NEW_NAMESPACES = 0x7E020080
"""All CLONE_NEW… flags: time, mount, cgroup, UTS, IPC, user, process, network."""


CLONE_FILES, CLONE_THREAD = 0x400, 0x10000


class JailMissing(Exception):
    """Learners' code cannot be contained here; the text names the missing part and what to install."""


CONTAINER_MARKS = (Path("/run/.containerenv"), Path("/.dockerenv"))
"""Files by which Podman and Docker let a program know that it runs in one of their containers."""


def require_parts() -> None:
    """See that everything the jail is made of is there.

    Raises
    ------
    JailMissing
        If a part is not; the text names it.
    """
    if not sys.platform.startswith("linux"):
        raise JailMissing(
            "no jail: it is built on Linux namespaces; grade on Linux, or in a Linux virtual machine"
        )
    if not shutil.which("bwrap"):
        raise JailMissing("no jail: bubblewrap is missing; install it with: apt-get install bubblewrap")
    if not ctypes.util.find_library("seccomp"):
        raise JailMissing("no jail: libseccomp is missing; install it with: apt-get install libseccomp2")
    try:
        import pyseccomp  # noqa: F401
    except ImportError:
        raise JailMissing("no jail: pyseccomp is missing; install it with: pip install pyseccomp") from None


def complaint(as_root: bool) -> str:
    """What goes wrong when a worker is started, with what can be done; empty if nothing does."""
    process, _ = start_jailed(["-c", "import inside.worker"], None, 2**20, as_root, errors=subprocess.PIPE)
    said = process.communicate(timeout=60)[1].decode("utf-8", "replace").strip()
    if process.returncode == 0:
        return ""
    last = said.splitlines()[-1] if said else f"exit code {process.returncode}"
    if not last.startswith("bwrap:"):
        return f"Python does not start inside: {last}"
    users = (
        "let users make namespaces with: sysctl -w kernel.unprivileged_userns_clone=1 "
        "kernel.apparmor_restrict_unprivileged_userns=0"
    )
    recipe = 'TEACHING.md tells how, under "In a container"'
    if as_root:
        return f"{last}; as root it needs CAP_SYS_ADMIN: in a container, run the grader as an ordinary user; {recipe}"
    if "KUBERNETES_SERVICE_HOST" in os.environ or any(mark.exists() for mark in CONTAINER_MARKS):
        options = "start this container with a /proc that is not masked and without a filter of its own"
        return f"{last}; {options}; {recipe}; and on its host {users}"
    return f"{last}; {users}"


def start_jailed(
    arguments: list[str],
    wire_end: int | None,
    scratch_bytes: int,
    as_root: bool,
    errors: int = subprocess.DEVNULL,
    forks: bool = False,
) -> tuple[subprocess.Popen[bytes], int]:
    """Start Python in a jail.

    Parameters
    ----------
    arguments : of the interpreter; wire_end : the descriptor it inherits; scratch_bytes : size of its /tmp
    as_root : keep the capability to become another user, for the worker to use up; errors : where to write them
    forks : no worker, but a program of ours that forks workers: it keeps what it takes to raise their walls

    Returns
    -------
    the process outside (bubblewrap's), and the number of the first process inside, which takes all others with it;
    0 if it did not come to life
    """
    with contextlib.ExitStack() as opened:
        told, tell = os.pipe()
        opened.callback(os.close, told)
        with contextlib.ExitStack() as given:
            given.callback(os.close, tell)
            options = [*_options(scratch_bytes, as_root, forks), "--info-fd", str(tell)]
            ends = [tell] if wire_end is None else [tell, wire_end]
            if not forks:
                ends.append(_in_memory(call_filter(), given))
                options += ["--seccomp", str(ends[-1])]
            # Not on the command line: the learner's code can read that in /proc/1/cmdline.
            ends.append(_in_memory("\0".join(options).encode(), given))
            process = subprocess.Popen(
                ["bwrap", "--args", str(ends[-1]), sys.executable, "-s", "-P", *arguments],
                env={**ENVIRONMENT, "HOME": "/tmp", "MPLCONFIGDIR": "/tmp/matplotlib", "PYTHONPATH": "/jail"},
                executable=shutil.which("bwrap"),
                pass_fds=ends,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                # A Ctrl-C is for the main process. While a jail is set up it would end bubblewrap's outer half alone,
                # and the inner one would wait for that for ever.
                process_group=0,
            )
        text = b""
        while not text.rstrip().endswith(b"}") and (part := os.read(told, 4096)):
            text += part
    return process, json.loads(text)["child-pid"] if text else 0


def start_plain(arguments: list[str], wire_end: int, held: contextlib.ExitStack) -> subprocess.Popen[bytes]:
    """Start Python without a jail, in a folder of its own that goes when `held` is closed."""
    folder = held.enter_context(tempfile.TemporaryDirectory(prefix="autograder-", ignore_cleanup_errors=True))
    packages, home = Path(folder, "packages"), Path(folder, "home")
    packages.mkdir()
    home.mkdir()
    for name, place in PACKAGES.items():
        (packages / name).symlink_to(place)
    folders = {"HOME": home, "TMPDIR": home, "MPLCONFIGDIR": home, "PYTHONPATH": packages}
    return subprocess.Popen(
        [sys.executable, "-s", "-P", *arguments],
        cwd=home,
        env={**ENVIRONMENT, **{name: str(path) for name, path in folders.items()}},
        pass_fds=(wire_end,),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def require_out_of_sight(place: Path) -> None:
    """See that what lies in a folder cannot be read in the jail.

    Raises
    ------
    JailMissing
        If it can: it lies below a folder of the system or of the interpreter, all of which a worker needs to see.
    """
    place = place.resolve()
    top = [Path("/", name) for name in ("usr", *_TOP_FOLDERS)]
    shown = {path.resolve() for path in (*top, Path(sys.base_prefix), Path(sys.prefix), *PACKAGES.values())}
    around = [
        path for path in (*shown, *(path.resolve() for path in _hidden())) if place.is_relative_to(path)
    ]
    # What is hidden and what is shown stand in one another: the innermost decides.
    innermost = max(around, key=lambda path: len(path.parts), default=None)
    if innermost in shown:
        raise JailMissing(
            f"{place} lies below {innermost}, which learners' code must be able to read; move it to another folder"
        )


def _in_memory(content: bytes, opened: contextlib.ExitStack) -> int:
    descriptor = os.memfd_create("autograder")
    opened.callback(os.close, descriptor)
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _options(scratch_bytes: int, as_root: bool, forks: bool) -> list[str]:
    """Bubblewrap's options, in the order in which it builds the jail's file system."""
    options = [*_NAMESPACES, "--hostname", "jail", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    kept = ["SETUID", "SETGID"] * as_root + ["SYS_ADMIN", "SETPCAP"] * forks
    options += [word for name in kept for word in ("--cap-add", f"CAP_{name}")]
    options += [] if as_root else ["--unshare-user"]
    options += ["--ro-bind", "/usr", "/usr"]
    for name in _TOP_FOLDERS:
        path = Path("/", name)
        if path.is_symlink():
            options += ["--symlink", os.readlink(path), str(path)]
        elif path.is_dir():
            options += _show(path)
    for name in ("ld.so.cache", "alternatives"):
        options += _show(Path("/etc", name))
    options += ["--proc", "/proc"]
    for name in ("null", "full", "random", "urandom"):
        options += _show(Path("/dev", name), how="--dev-bind")
    # before what is shown read-only, since the project itself may stand below the host's /tmp
    options += ["--perms", "1777", "--size", str(scratch_bytes), "--tmpfs", "/tmp"]
    options += _interpreter()
    for name, place in PACKAGES.items():
        options += _show(place, Path("/jail", name))
    options += ["--chdir", "/tmp"]
    # What bubblewrap builds on is a file system in memory too, without a size, and ours where we are not root.
    return [*options, "--remount-ro", "/"]


def _show(path: Path, at: Path | None = None, how: str = "--ro-bind-try") -> list[str]:
    at = at or path
    # Folders on the way there are made for their owner alone, unless told otherwise.
    parents = [option for p in reversed(at.parents[:-1]) for option in ("--perms", "0755", "--dir", str(p))]
    return [*parents, how, str(path), str(at)]


def _interpreter() -> list[str]:
    """Show the interpreter and its packages, but never what of the course lies among them."""
    options: list[str] = []
    emptied: list[str] = []
    shown = Path("/usr")
    hidden = _hidden()
    for prefix in (Path("/usr"), Path(sys.base_prefix), Path(sys.prefix)):
        if not prefix.is_relative_to(shown) or any(prefix.is_relative_to(path) for path in hidden):
            options += _show(prefix)
            shown = prefix
        for path in hidden:
            if path.exists() and path.is_relative_to(shown):
                options += ["--perms", "0755", "--tmpfs", str(path)]
                emptied += ["--remount-ro", str(path)]
    return options + emptied


def _hidden() -> list[Path]:
    """What a worker must not see, should it lie where packages lie: all of the course, or of an installed kit."""
    return [ROOT] if (ROOT / "_toc.yml").exists() else [HERE, ROOT / "solutions"]


@functools.cache
def call_filter() -> bytes:
    """The system call filter as a BPF program. Calls of a foreign architecture, which it does not name, kill."""
    import pyseccomp

    calls = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    calls.set_attr(pyseccomp.Attr.ACT_BADARCH, pyseccomp.KILL_PROCESS)
    refuse = pyseccomp.ERRNO(1)  # EPERM
    for name in DENIED.split():
        with contextlib.suppress(OSError, RuntimeError, ValueError):  # not a call of this architecture
            calls.add_rule(refuse, name)
    for bit in range(32):
        flag = 1 << bit
        if flag & NEW_NAMESPACES:
            calls.add_rule(refuse, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, flag, flag))
    # Shared pages without a file: whoever maps them can give them back, and they stay, counted nowhere.
    shared = mmap.MAP_SHARED | mmap.MAP_ANONYMOUS
    calls.add_rule(refuse, "mmap", pyseccomp.Arg(3, pyseccomp.MASKED_EQ, shared, shared))
    # A thread with descriptors of its own: /proc shows, and we count, those of the process.
    calls.add_rule(
        refuse, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, CLONE_THREAD | CLONE_FILES, CLONE_THREAD)
    )
    # Its flags lie in memory, where a filter cannot look; callers fall back to clone. 38 is ENOSYS.
    calls.add_rule(pyseccomp.ERRNO(38), "clone3")
    with tempfile.TemporaryFile() as program:
        calls.export_bpf(program)
        program.seek(0)
        return program.read()
