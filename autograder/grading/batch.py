"""Grade a class: leave out what was graded before, grade the rest together, record each result as it comes."""

import contextlib
import fcntl
import functools
import os
from collections.abc import Callable, Iterator

from ..chapters import Chapter
from ..checking.run import check_names
from ..jail.session import Limits
from ..reports.standing import Standing
from ..results import FAULT, Submission
from .classroom import Classroom, ClassroomError
from .journal import Journal
from .rebuild import Ungradable
from .recorder import Recorder
from .referees import grade_all
from .submission import Job, job


def grade_class(
    room: Classroom,
    chapters: list[Chapter],
    *,
    student: str | None,
    processes: int,
    again: bool,
    jailed: bool,
    on_start: Callable[[int, int, list[str]], None],
    on_done: Callable[[Submission], None],
    on_wait: Callable[[], None] | None = None,
    scheduler: str | None = None,
    on_refused: Callable[[str], None] = lambda text: None,
    brief: bool = False,
) -> tuple[list[Submission], dict[str, dict[str, Standing]]]:
    """Grade all submissions of the chapters, or those of one student.

    Returns the results in order of chapters and names, and how learners stand in the gradebook then, by chapter and by
    name; with `brief`, of each result only what a line of a table says, so that a large class fits into memory.

    `on_start` is told how many there are to grade, how many were graded before and are unchanged, and what another
    program had changed, which was put right; `on_done` gets each result when it was recorded. Where another run grades in
    the same classroom, `on_wait` is called and its end waited for; without it that is an error. With the address of a
    `scheduler` they are graded on its cluster, and `on_refused` is told of workers there that must not grade.

    Raises
    ------
    ClassroomError
        If a chapter was not released, nothing was submitted, the classroom or its gradebook cannot be used, or another
        run grades there.
    CheckError
        If a file of checks is not Python.
    ClusterError
        If the cluster cannot be used.
    """
    with contextlib.ExitStack() as stack:
        recorders = {chapter.name: Recorder(room, chapter) for chapter in chapters}
        stack.enter_context(_only_grader(room, on_wait))
        journal = Journal(room.root)
        results: dict[tuple[str, str], Submission | None] = {}
        waiting: list[tuple[Callable[[], Job], bool]] = []
        put_right: list[str] = []

        def keep(result: Submission) -> None:
            results[result.assignment, result.student] = result.brief() if brief else result

        for chapter in chapters:
            check_names(chapter.checks)
            recorder = stack.enter_context(recorders[chapter.name])
            recorder.require_writable()
            for read in _readers(room, chapter, student, jailed):
                one = read()
                kept = None if again else recorder.kept(one)
                results[chapter.name, one.student] = None
                if kept is None:
                    waiting.append((read, isinstance(one.content, Ungradable)))
                else:
                    keep(kept)
                    if changed := recorder.put_right(one, kept):
                        put_right.append(f"{chapter.name}, {one.student}: {changed}")
                    recorder.settle(one, kept)
        on_start(len(waiting), len(results) - len(waiting) - len(put_right), put_right)
        named = [chapter.name for chapter in chapters]
        journal.write(
            "grading begins",
            chapters=named,
            waiting=len(waiting),
            kept=len(results) - len(waiting),
            jailed=jailed,
        )
        for change in put_right:
            journal.write("put right", what=change)
        seconds: dict[str, float] = {}
        count = 0

        def done(one: Job, result: Submission) -> None:
            nonlocal count
            recorded = recorders[one.chapter.name].record(one, result)
            keep(recorded)
            count += 1
            journal.write(
                "graded",
                chapter=one.chapter.name,
                student=one.student,
                verdict=recorded.verdict,
                score=recorded.score,
                of=recorded.points,
                key=one.key,
                jailed=one.jailed,
                seconds=round(seconds.pop(one.key, 0.0), 2),
            )
            on_done(recorded)

        def jobs() -> Iterator[Job]:
            """Each is read once more when its turn comes, and counts as it stands then: thousands are too much to hold."""
            for read, was_ungradable in waiting:
                one = read()
                if isinstance(one.content, Ungradable) and not was_ungradable:
                    reason = f"its notebook could be read when this run began, and not when its turn came: {one.content}"
                    done(one, Submission(one.student, one.chapter.name, FAULT, reason, seed=one.seed))
                else:
                    yield one

        def on_time(one: Job, taken: float) -> None:
            seconds[one.key] = taken

        try:
            if scheduler is None:
                grade_all(jobs(), processes, done, on_time)
            elif waiting:
                from . import cluster

                cluster.grade_all(jobs(), scheduler, done, on_refused, on_time)
        except BaseException as error:
            with contextlib.suppress(OSError):
                journal.write("grading stopped", by=type(error).__name__, graded=count, of=len(waiting))
            raise
        journal.write("grading ends", graded=count)
        standings = {name: recorder.standings(student) for name, recorder in recorders.items()}
    return [result for result in results.values() if result is not None], standings


@contextlib.contextmanager
def _only_grader(room: Classroom, on_wait: Callable[[], None] | None) -> Iterator[None]:
    """See that nobody else grades in this classroom, by a lock that goes with whoever holds it, however that ends."""
    for name in ("autograded", "feedback", "results"):
        folder = room.root / name
        if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
            raise ClassroomError(f"no permission to write {folder}; check its owner and mode")
    with open(room.root / ".grading", "a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if on_wait is None:
                raise ClassroomError(
                    f"another run grades in {room.root} right now; wait for its end, then run this again, or have this one "
                    "wait with --wait"
                ) from None
            on_wait()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _readers(
    room: Classroom, chapter: Chapter, student: str | None, jailed: bool
) -> Iterator[Callable[[], Job]]:
    """What reads each submission, and makes it ready to be graded."""
    room.released(chapter)
    release = room.release_path(chapter).read_bytes()
    students = room.students(chapter)
    if student is not None:
        if student not in students:
            others = ", ".join(students) or "nobody"
            raise ClassroomError(f"{student} has not submitted {chapter.name}; these have: {others}")
        students = [student]
    secret = room.secret()
    for name in students:
        path = room.folder("submitted", name, chapter) / f"{chapter.name}.ipynb"
        yield functools.partial(job, name, chapter, path, release, secret, Limits(), jailed)
