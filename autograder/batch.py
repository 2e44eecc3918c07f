"""Grade a class: leave out what was graded before, grade the rest together, record each result as it comes."""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator

from .chapters import Chapter
from .checking import check_names
from .classroom import Classroom, ClassroomError
from .grading import Job, job
from .jail import Limits
from .recorder import Recorder
from .referees import grade_all
from .results import Submission
from .standing import Standing


def grade_class(
    room: Classroom,
    chapters: list[Chapter],
    *,
    student: str | None,
    processes: int,
    again: bool,
    jailed: bool,
    on_start: Callable[[int, int, list[str]], None],
    on_done: Callable[[], None],
) -> tuple[list[Submission], dict[str, dict[str, Standing]]]:
    """Grade all submissions of the chapters, or those of one student.

    Returns the results by chapter and name, and how learners stand in the gradebook then, by chapter and by name.

    `on_start` is told how many there are to grade, how many were graded before and are unchanged, and what another
    program had changed, which was put right; `on_done` is called after each.

    Raises
    ------
    ClassroomError
        If a chapter was not released, nothing was submitted, the classroom or its gradebook cannot be used, or another
        run grades there.
    CheckError
        If a file of checks is not Python.
    """
    with contextlib.ExitStack() as stack:
        recorders = {chapter.name: Recorder(room, chapter) for chapter in chapters}
        stack.enter_context(_only_grader(room))
        results: dict[tuple[str, str], Submission | None] = {}
        jobs: list[Job] = []
        put_right: list[str] = []
        for chapter in chapters:
            check_names(chapter.checks)
            recorder = stack.enter_context(recorders[chapter.name])
            recorder.require_writable()
            for one in _jobs(room, chapter, student, jailed):
                kept = None if again else recorder.kept(one)
                results[chapter.name, one.student] = kept
                if kept is None:
                    jobs.append(one)
                else:
                    if changed := recorder.put_right(one, kept):
                        put_right.append(f"{chapter.name}, {one.student}: {changed}")
                    recorder.settle(one, kept)
        on_start(len(jobs), len(results) - len(jobs) - len(put_right), put_right)

        def done(one: Job, result: Submission) -> None:
            results[one.chapter.name, one.student] = recorders[one.chapter.name].record(one, result)
            on_done()

        grade_all(jobs, processes, done)
        standings = {name: recorder.standings(student) for name, recorder in recorders.items()}
    return [result for result in results.values() if result is not None], standings


@contextlib.contextmanager
def _only_grader(room: Classroom) -> Iterator[None]:
    """See that nobody else grades in this classroom, by a lock that goes with whoever holds it, however that ends."""
    for name in ("autograded", "feedback", "results"):
        folder = room.root / name
        if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
            raise ClassroomError(f"no permission to write {folder}; check its owner and mode")
    with open(room.root / ".grading", "a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ClassroomError(
                f"another run grades in {room.root} right now; wait for its end, then run this again"
            ) from None
        yield


def _jobs(room: Classroom, chapter: Chapter, student: str | None, jailed: bool) -> list[Job]:
    room.released(chapter)
    release = room.release_path(chapter).read_bytes()
    students = room.students(chapter)
    if student is not None:
        if student not in students:
            others = ", ".join(students) or "nobody"
            raise ClassroomError(f"{student} has not submitted {chapter.name}; these have: {others}")
        students = [student]
    secret = room.secret()
    made = []
    for name in students:
        path = room.folder("submitted", name, chapter) / f"{chapter.name}.ipynb"
        made.append(job(name, chapter, path, release, secret, Limits(), jailed))
    return made
