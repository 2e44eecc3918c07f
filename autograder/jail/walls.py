"""The walls of the jail: what bubblewrap shows to a worker, and which system calls are left to it.

The choice is the same for root and for an ordinary user. As an ordinary user, bubblewrap makes a user namespace, in which
nobody is more than that user. As root it makes none, because the kernel does not limit the processes of root: the worker
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

ALLOWED = """
    read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek close
    open openat openat2 creat access faccessat faccessat2 stat fstat lstat newfstatat statx statfs fstatfs
    dup dup2 dup3 fcntl flock pipe pipe2 truncate ftruncate fallocate fadvise64 readahead
    fsync fdatasync sync_file_range sendfile copy_file_range splice tee
    getdents getdents64 getcwd chdir fchdir mkdir mkdirat rmdir rename renameat renameat2 umask
    link linkat unlink unlinkat symlink symlinkat readlink readlinkat mknod mknodat
    chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes utimensat futimesat
    getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr
    setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr
    poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2
    eventfd eventfd2 signalfd signalfd4 timerfd_create timerfd_settime timerfd_gettime
    inotify_init inotify_init1 inotify_add_watch inotify_rm_watch
    brk munmap mremap mprotect madvise mincore msync mlock mlock2 munlock mlockall munlockall membarrier
    pkey_alloc pkey_free pkey_mprotect get_mempolicy map_shadow_stack
    fork vfork execve execveat exit exit_group wait4 waitid
    getpid getppid gettid getpgid getpgrp setpgid getsid setsid pidfd_open pidfd_send_signal
    kill tkill tgkill pause alarm rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait
    rt_sigqueueinfo rt_tgsigqueueinfo rt_sigsuspend sigaltstack restart_syscall
    nanosleep clock_nanosleep clock_gettime clock_getres gettimeofday time times
    getitimer setitimer timer_create timer_settime timer_gettime timer_getoverrun timer_delete
    getrusage getrlimit setrlimit prlimit64 prctl arch_prctl uname sysinfo getrandom getcpu
    set_tid_address set_robust_list get_robust_list rseq futex futex_waitv futex_wake futex_wait futex_requeue
    sched_yield sched_getaffinity sched_getscheduler sched_setscheduler sched_getparam sched_setparam
    sched_get_priority_max sched_get_priority_min sched_rr_get_interval sched_getattr sched_setattr
    getpriority setpriority ioprio_get ioprio_set
    getuid geteuid getgid getegid getgroups getresuid getresgid setuid setgid setreuid setregid
    setresuid setresgid setgroups setfsuid setfsgid capget capset
    socketpair sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg shutdown getsockname getpeername
    getsockopt
    seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self
"""
"""System calls that a worker may make, on machines of 64 bits: what the interpreter, its packages and the programs below
/usr use. `socketpair` is among them since asyncio needs it; it reaches nobody else. A call that stands neither here nor in DENIED does not exist
(ENOSYS), so that callers fall back to an older one, and a call of a newer kernel opens nothing that nobody looked at."""

DENIED = """
    ptrace process_vm_readv process_vm_writev process_madvise kcmp pidfd_getfd
    mount umount umount2 pivot_root chroot mount_setattr move_mount open_tree fsopen fsconfig fsmount fspick
    unshare setns personality
    socket bind connect listen accept accept4
    setsockopt sync syncfs
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
"""System calls that fail with EPERM, to be told apart from those that do not exist.

Memory is counted by what the processes map. So nothing is left that holds much memory which no process maps: no segments,
no files without a name, no pages lent to a pipe, no sockets with more room than the system gives, and no shared pages
without a file (see `call_filter`; for the same reason there is no /dev/zero, of which one can map such pages). What lies in files lies in /tmp, which has a size. A control
group would count all of it, but few machines let an ordinary user make one; this holds on all."""

NEW_NAMESPACES = 0x7E020080
"""All CLONE_NEW… flags: time, mount, cgroup, UTS, IPC, user, process, network."""


CLONE_FILES, CLONE_THREAD = 0x400, 0x10000
CLOSE_RANGE_UNSHARE = 2
SHARED, ANONYMOUS = mmap.MAP_SHARED, mmap.MAP_ANONYMOUS
SOCKET_REQUESTS = 0x8900, 0xFD00
"""What requests about a socket's network have in their second byte, 0x89 or 0x8B, and which of its bits count."""


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

    calls = pyseccomp.SyscallFilter(pyseccomp.ERRNO(38))  # ENOSYS
    calls.set_attr(pyseccomp.Attr.ACT_BADARCH, pyseccomp.KILL_PROCESS)

    def rule(action: int, name: str, *conditions: tuple[int, int, int]) -> None:
        """Conditions are of an argument, by its number: which of its bits count, and what they are."""
        if pyseccomp.resolve_syscall(pyseccomp.system_arch(), name) < 0:
            return  # not a call of this architecture
        arguments = [
            pyseccomp.Arg(number, pyseccomp.MASKED_EQ, mask, value) for number, mask, value in conditions
        ]
        calls.add_rule(action, name, *arguments)

    allow, refuse = pyseccomp.ALLOW, pyseccomp.ERRNO(1)  # EPERM
    for name in ALLOWED.split():
        rule(allow, name)
    for name in DENIED.split():
        rule(refuse, name)
    # clone3 stands in no list: it has its flags in memory, where a filter cannot look.
    for bit in range(32):
        if NEW_NAMESPACES & 1 << bit:
            rule(refuse, "clone", (0, 1 << bit, 1 << bit))
    # A thread with descriptors of its own: /proc shows, and we count, those of the process.
    rule(refuse, "clone", (0, CLONE_THREAD | CLONE_FILES, CLONE_THREAD))
    rule(allow, "clone", (0, NEW_NAMESPACES | CLONE_THREAD, 0))
    threads = CLONE_THREAD | CLONE_FILES
    rule(allow, "clone", (0, NEW_NAMESPACES | threads, threads))
    rule(refuse, "close_range", (2, CLOSE_RANGE_UNSHARE, CLOSE_RANGE_UNSHARE))
    rule(allow, "close_range", (2, CLOSE_RANGE_UNSHARE, 0))
    # Shared pages without a file: whoever maps them can give them back, and they stay, counted nowhere.
    rule(refuse, "mmap", (3, SHARED | ANONYMOUS, SHARED | ANONYMOUS))
    rule(allow, "mmap", (3, SHARED, 0))
    rule(allow, "mmap", (3, ANONYMOUS, 0))
    # The wire was made outside: asked for interfaces, it would tell of this machine's.
    value, mask = SOCKET_REQUESTS
    rule(refuse, "ioctl", (1, mask, value))
    for bit in range(32):
        if mask & 1 << bit:
            rule(allow, "ioctl", (1, 1 << bit, ~value & 1 << bit))
    with tempfile.TemporaryFile() as program:
        calls.export_bpf(program)
        program.seek(0)
        return program.read()
