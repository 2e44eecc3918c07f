"""Grade submissions: the referee.

A grade is a pure function of the submission's bytes, the released bundle, the course's secret and the limits, but for
the checks of chapter 9 that take time. So it may run in any process, and a result is kept under a key made of these:
grading again costs nothing.
"""

import contextlib
import functools
import hashlib
import hmac
import importlib.metadata
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import nbformat

from ..chapters import CHECKS, ROOT, Chapter, earlier_kernels, released_points
from ..checking.oracle import Reference
from ..checking.run import run_checks
from ..inside.calling import Outcome
from ..jail.session import Limits, Session
from ..results import FAULT, GRADED, UNGRADABLE, Exercise, Submission
from .lateness import read_stamp
from .rebuild import Rebuilt, Ungradable, find_submission, read_modules, read_notebook, rebuild


@dataclass(frozen=True)
class Job:
    """One submission to grade.

    content : the notebook's bytes, or the reason why there are none; modules : what stood beside it, by name
    remarks : what was odd about the file's name, or about the time at which it was handed in
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
    remarks += (read_stamp(path.parent).remark,)
    remarks = tuple(filter(None, remarks))
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
            return _with(base, verdict=UNGRADABLE, reason=str(reason), exercises=nothing, remarks=one.remarks)
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

    def worked(self) -> float:
        return self.session.worked()

    def frozen(self) -> contextlib.AbstractContextManager[None]:
        return self.session.frozen()


def _with(base: Submission, **fields: object) -> Submission:
    return Submission(**{**vars(base), **fields})
