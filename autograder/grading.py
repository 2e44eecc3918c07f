"""Grade submissions: the referee.

A grade is a pure function of the submission's bytes, the released bundle, the course's secret and the limits, but for
the checks of chapter 9 that take time. So it may run in any process, and a result is kept under a key made of these:
grading again costs nothing.
"""

import collections
import contextlib
import functools
import hashlib
import hmac
import importlib.metadata
import json
import multiprocessing
import multiprocessing.connection
import multiprocessing.forkserver
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from types import MappingProxyType
from typing import Any

import nbformat

from .chapters import CHECKS, ROOT, Chapter, earlier_kernels, released_points
from .checking import run_checks
from .inside.calling import Outcome
from .jail import Limits, Session
from .oracle import Reference
from .rebuild import Rebuilt, Ungradable, find_submission, read_modules, read_notebook, rebuild
from .results import FAULT, GRADED, UNGRADABLE, Exercise, Submission


@dataclass(frozen=True)
class Job:
    """One submission to grade.

    content : the notebook's bytes, or the reason why there are none; modules : what stood beside it, by name
    remarks : what was odd about the file's name
    """

    student: str
    chapter: Chapter
    content: bytes | Ungradable
    release: bytes
    seed: str
    limits: Limits
    jailed: bool
    key: str
    modules: dict[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def job(
    student: str, chapter: Chapter, path: Path, release: bytes, secret: bytes, limits: Limits, jailed: bool
) -> Job:
    """Read one submission, which may stand under another name in the same folder, and make ready to grade it."""
    content: bytes | Ungradable
    path, remarks = find_submission(path.parent, chapter)
    modules = read_modules(path.parent)
    try:
        content = read_notebook(path)
    except Ungradable as reason:
        content = reason
    body = content if isinstance(content, bytes) else str(content).encode("utf-8", "replace")
    beside = [part.encode("utf-8", "replace") for module in modules.items() for part in module]
    identity = b"\0".join([chapter.name.encode(), student.encode(), body, *beside])
    seed = hmac.new(secret, identity, hashlib.sha256).hexdigest()
    # the remarks too: they name the file
    parts = [
        seed,
        bundle_hash(chapter, release),
        json.dumps(asdict(limits), sort_keys=True),
        str(jailed),
        *remarks,
    ]
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return Job(student, chapter, content, release, seed, limits, jailed, key, modules, remarks)


@functools.lru_cache(maxsize=32)
def bundle_hash(chapter: Chapter, release: bytes) -> str:
    """Hash of all that decides a grade besides the submission: the release, the checks, the reference, this program."""
    mistakes = ROOT / "autograder" / "mistakes"
    files = [chapter.checks, CHECKS / "inputs.py", ROOT / "solutions" / f"{chapter.name}.py"]
    files += [mistakes / "__init__.py", mistakes / f"{chapter.name}.py"]
    # the whole program, but for what belongs to other chapters
    files += sorted(file for file in CHECKS.parent.rglob("*.py") if file.parent not in (CHECKS, mistakes))
    files += sorted((ROOT / "course").glob("*.py"))
    files.append(ROOT / "course" / "digits.npz")
    digest = hashlib.sha256(release)
    digest.update("".join(earlier_kernels(chapter).values()).encode())
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    for package in ("numpy", "pytest"):
        digest.update(importlib.metadata.version(package).encode())
    return digest.hexdigest()


def grade(one: Job) -> Submission:
    """Grade one submission. Never raises for anything the learner did; a fault of ours becomes the verdict "grader fault"."""
    base = Submission(one.student, one.chapter.name, GRADED, jailed=one.jailed, seed=one.seed)
    try:
        release = nbformat.reads(one.release.decode(), as_version=4)
        reference = Reference(one.chapter, released_points(release))
        nothing = tuple(
            Exercise(kernel, points, 0.0, UNGRADABLE) for kernel, points in reference.points().items()
        )
        try:
            if isinstance(one.content, Ungradable):
                raise one.content
            rebuilt = rebuild(release, one.content)
        except Ungradable as reason:
            return _with(base, verdict=UNGRADABLE, reason=str(reason), exercises=nothing)
        exercises, remarks = referee(rebuilt, reference, one.seed, one.limits, one.jailed, one.modules)
        return _with(
            base,
            exercises=exercises,
            remarks=(*one.remarks, *remarks),
            cells=rebuilt.sources,
            notes=rebuilt.notes,
            for_a_person=rebuilt.for_a_person,
        )
    except Exception as error:
        return _with(base, verdict=FAULT, reason=f"{type(error).__name__}: {error}"[:1000])


def referee(
    rebuilt: Rebuilt,
    reference: Reference,
    seed: str,
    limits: Limits,
    jailed: bool,
    modules: Mapping[str, str] = MappingProxyType({}),
    timed: bool = True,
) -> tuple[tuple[Exercise, ...], tuple[str, ...]]:
    """Run the checks here on kernels that run in the jail; returns the exercises and what was odd.

    modules : source of modules of the learner's own, which the cells may import; timed : whether to take time too
    """
    kernels = list(reference.points())
    modules = {**modules, **earlier_kernels(reference.chapter)}
    remarks = [*rebuilt.remarks]
    with Session(rebuilt.cells, limits, jailed, modules, kernels) as session:
        calls = {kernel: Jailed(session, kernel) for kernel in kernels}
        exercises = run_checks(
            reference.chapter.checks,
            reference,
            calls,
            seed,
            timed,
            # what the calls of the diagnosis lead to is nothing odd about the submission
            on_settled=lambda: remarks.extend(session.remarks),
        )
        return tuple(exercises), at_most(remarks)


REMARKS = 40
"""How many remarks on a submission are kept; 2,000 cells could give rise to as many."""


def at_most(remarks: list[str]) -> tuple[str, ...]:
    """The remarks, each once, and of too many the first and a count of the others."""
    different = list(dict.fromkeys(remarks))
    if len(different) <= REMARKS:
        return tuple(different)
    return (*different[: REMARKS - 1], f"and {len(different) - REMARKS + 1} remarks more")


@dataclass(frozen=True)
class Jailed:
    """A kernel of a submission, to be called in its session."""

    session: Session
    kernel: str

    def __call__(self, args: tuple[Any, ...]) -> Outcome:
        return self.session.call(self.kernel, args)

    def prepare(self, args: tuple[Any, ...]) -> Outcome:
        return self.session.prepare(self.kernel, args)

    def run(self, key: int) -> Outcome:
        return self.session.run(self.kernel, key)

    def result(self) -> Outcome:
        return self.session.result(self.kernel)

    def busy(self) -> float:
        return self.session.busy()

    def frozen(self) -> contextlib.AbstractContextManager[None]:
        return self.session.frozen()


def _with(base: Submission, **fields: object) -> Submission:
    return Submission(**{**vars(base), **fields})


def grade_all(jobs: list[Job], processes: int, on_done: Callable[[Job, Submission], None]) -> None:
    """Grade many submissions, each in one of `processes` processes; `on_done` gets each result as it comes.

    A referee that dies takes nothing with it: what it was grading is tried once more, alone, then marked as a fault.
    Whatever is raised here, a Ctrl-C too, ends at once all that is being graded.
    """
    lost = _grade_in_turns(jobs, processes, on_done)
    for one in _grade_in_turns(lost, 1, on_done):
        reason = "the grading process died twice"
        on_done(one, Submission(one.student, one.chapter.name, FAULT, reason, seed=one.seed))


def _grade_in_turns(jobs: list[Job], processes: int, on_done: Callable[[Job, Submission], None]) -> list[Job]:
    """Grade in so many processes; returns what was being graded by those that died."""
    waiting, lost = collections.deque(jobs), []
    referees: list[Referee] = []
    idle: list[Referee] = []
    busy: dict[Any, tuple[Referee, Job]] = {}

    def hand_out() -> None:
        while waiting and len(busy) < processes:
            if not idle:
                idle.append(Referee())
                referees.append(idle[-1])
            referee, one = idle.pop(), waiting.popleft()
            busy[referee.wire] = referee, one
            referee.ask(one)

    try:
        hand_out()
        while busy:
            for wire in multiprocessing.connection.wait(list(busy)):
                referee, one = busy.pop(wire)
                result = referee.answer()
                if result is None:
                    referee.end()
                    lost.append(one)
                else:
                    idle.append(referee)
                hand_out()
                if result is not None:
                    on_done(one, result)
    finally:
        for referee in referees:
            referee.end()
    return lost


class Referee:
    """A process that grades one job after the other."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("forkserver")  # each process starts with the imports done
        context.set_forkserver_preload([__name__])
        with _deaf_to_interrupts():
            multiprocessing.forkserver.ensure_running()
        self.wire, theirs = context.Pipe()
        with theirs:
            self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
            self._process.start()

    def ask(self, one: Job) -> None:
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
