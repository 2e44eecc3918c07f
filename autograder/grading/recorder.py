"""The recorder: the only writer of grades. nbgrader's gradebook, the autograded notebook, the feedback, the result."""

import contextlib
import errno
import hashlib
import hmac
import json
import shutil
import time
import warnings
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import nbformat
import nbgrader
from alembic.script import ScriptDirectory
from nbformat import NotebookNode
from nbgrader.api import (
    Assignment,
    Comment,
    Grade,
    InvalidEntry,
    MissingEntry,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.preprocessors import SaveAutoGrades
from sqlalchemy import select, text
from sqlalchemy.exc import (
    DatabaseError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    SAWarning,
    SQLAlchemyError,
)

from ..chapters import Chapter, released_points
from ..files import write_atomically
from ..reports import as_written, exercise_html, submission_page
from ..reports.standing import Mark, Standing
from ..results import FAULT, GRADED, Exercise, Submission
from .classroom import Classroom, ClassroomError
from .lateness import SECRET, STAMP, LatePolicy, PolicyError, read_beside, read_stamp, seconds_late
from .submission import Job

# nbgrader's gradebook builds its rows in an order that SQLAlchemy 2 remarks on, several times a submission
warnings.filterwarnings("ignore", category=SAWarning, module="nbgrader.api")

RETRIES, RETRIES_OF_SERVER = 5, 40
"""How often, a second apart, a gradebook is tried: a locked file, which is waited for each time, and a server that is away."""

MOST_NOTES = 50
"""Cells of the learner's own that an autograded notebook shows at most; all are in the submitted one."""


class Recorder:
    """Writes results of one chapter, one at a time; a context manager that holds the gradebook."""

    def __init__(self, classroom: Classroom, chapter: Chapter):
        self.classroom = classroom
        self.chapter = chapter
        self.release = classroom.released(chapter)
        self._release_text = json.dumps(self.release)
        self.title = chapter.title
        self.db_url = classroom.db_url
        try:
            self.late_policy = LatePolicy(classroom.config())
        except PolicyError as error:
            raise ClassroomError(str(error)) from None

    def __enter__(self) -> "Recorder":
        """Open the gradebook.

        Raises
        ------
        ClassroomError
            If it cannot be opened, is of another version, or does not know the assignment.
        """
        try:
            self.gradebook = self.classroom.open_gradebook()
            found = self.gradebook.db.execute(text("SELECT version_num FROM alembic_version")).scalar()
            self.gradebook.find_assignment(self.chapter.name)
        except MissingEntry:
            raise ClassroomError(
                f"the gradebook does not know {self.chapter.name}: run `autograder release {self.chapter.name}`"
            ) from None
        except DatabaseError as error:
            raise self.classroom.unusable(error) from None
        needed = ScriptDirectory(str(Path(nbgrader.__file__).parent / "alembic")).get_current_head()
        if found != needed:
            raise ClassroomError(
                f"the gradebook {self.classroom.shown_db_url} was made by another version of nbgrader (it is at {found}, this one needs "
                f"{needed}); {self.classroom.upgrade}"
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the gradebook.

        Raises
        ------
        ClassroomError
            If it went away while it was open.
        """
        with contextlib.suppress(SQLAlchemyError):  # there is nothing left to write
            self.gradebook.close()
        if isinstance(value, SQLAlchemyError | InvalidEntry) and (lost := _passing(value)):
            raise self._unwritable(lost) from None

    def require_writable(self) -> None:
        """See that grades can be written, before any is made.

        Raises
        ------
        ClassroomError
            If the gradebook is read-only, or stays locked.
        """
        try:
            self.gradebook.db.execute(text("UPDATE alembic_version SET version_num = version_num"))
            self.gradebook.db.rollback()
        except DatabaseError as error:
            self.gradebook.close()
            raise self._unwritable(error) from None

    def _unwritable(self, error: DBAPIError) -> ClassroomError:
        return ClassroomError(
            f"the gradebook {self.classroom.shown_db_url} cannot be written ({self.classroom.said_by(error)}); "
            + (
                "close the program that holds it, free some space, or check owner and mode of its file and folder"
                if self.classroom.is_file
                else "see that the server runs, can be reached, and lets this user write"
            )
            + ". What was recorded so far is kept, and the same command goes on from there"
        )

    def kept(self, job: Job) -> Submission | None:
        """The result recorded earlier for exactly this job, if there is one and its grade still stands."""
        path = self._result_path(job.student)
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            if data["key"] != job.key or data["result"]["verdict"] == FAULT:
                return None
            self.gradebook.find_submission(self.chapter.name, job.student)
            return Submission.from_json(data["result"])
        except (OSError, ValueError, KeyError, TypeError, MissingEntry):
            return None

    def put_right(self, job: Job, result: Submission) -> str:
        """Write a recorded result again if another program changed it; returns what that did, empty if nothing.

        Points, comments and extra credit that a person gave are no such change, and stay.
        """
        changed = self._altered(result)
        if changed:
            if result.verdict != GRADED:  # what stands is an earlier file's, and only its scores are known
                told = {f"check-{exercise.kernel}": float(_told(exercise)) for exercise in result.exercises}
                for grade in self._grades(result.student):
                    grade.auto_score = told.get(grade.name, grade.auto_score)
                self.gradebook.db.commit()
                if not self._is_ours(result):
                    notebook = self._autograded(result)
                    self._write(notebook, result.student)
                    self._hand_back(result.student)
                    self._keep(job, result, _essence(notebook))
            else:
                self.record(job, result)
        return changed

    def settle(self, job: Job, result: Submission) -> None:
        """Bring up to date what can change while a submission stays as it is: lateness, and what a person gave or wrote.

        Raises
        ------
        ClassroomError
            If the late policy fails.
        """
        if result.verdict == GRADED:
            self._stamp(job.student)
        self._penalize(job.student)
        page = self._page(result)
        path = self._feedback_path(job.student)
        try:
            known = path.read_text(encoding="utf-8") == page
        except (OSError, ValueError):
            known = False
        if not known:
            write_atomically(path, page)
        self._hand_back(job.student)

    def _stamp(self, student: str) -> None:
        """Note in the gradebook when the submission was handed in, if its file says so; an unreadable one is none."""
        stamp = read_stamp(self.classroom.folder("submitted", student, self.chapter))
        submission = self.gradebook.find_submission(self.chapter.name, student)
        if stamp.text is not None and submission.timestamp != stamp.time:
            submission.timestamp = stamp.time
            self.gradebook.db.commit()

    def _penalize(self, student: str) -> None:
        """Take off what nbgrader's late policy takes off, by the score that stands now, hand points included."""
        try:
            notebook = self.gradebook.find_submission_notebook(self.chapter.name, self.chapter.name, student)
        except MissingEntry:
            return
        self.gradebook.db.refresh(notebook)
        submission = notebook.assignment
        late = seconds_late(submission.timestamp, submission.assignment.duedate, submission.extension)
        try:
            penalty = self.late_policy.penalty(student, notebook, late)
        except PolicyError as error:
            raise ClassroomError(str(error)) from None
        if notebook.late_submission_penalty != penalty:
            notebook.late_submission_penalty = penalty
            self.gradebook.db.commit()

    def _hand_back(self, student: str) -> None:
        """Put beside notebook and page what `nbgrader release_feedback` and `fetch_feedback` know them by.

        A submission that came without a secret gets one of its own, so that its page is published under a name that
        nobody can guess; `fetch_feedback` finds pages of what came through the exchange.
        """
        submitted = self.classroom.folder("submitted", student, self.chapter)
        secret = read_beside(submitted, SECRET)
        if not secret or not secret.strip():
            about = f"feedback\0{self.chapter.name}\0{student}".encode()
            secret = hmac.new(self.classroom.secret(), about, hashlib.sha512).hexdigest()
        stamp = read_stamp(submitted)
        # nbgrader stops at a time that it cannot read, and passes by an empty one
        time = (stamp.text or "") if stamp.time else ""
        for step in ("autograded", "feedback"):
            folder = self.classroom.folder(step, student, self.chapter)
            if not folder.is_dir() or folder.is_symlink():
                continue
            for name, content, mode in ((STAMP, time, 0o644), (SECRET, secret, 0o600)):
                if read_beside(folder, name) != content:
                    write_atomically(folder / name, content, mode, lasting=False)

    def standings(self, student: str | None = None) -> dict[str, Standing]:
        """How everybody, or one student, stands in the gradebook, by name."""
        db = self.gradebook.db
        db.expire_all()  # another connection may have written
        source = self.gradebook.find_notebook(self.chapter.name, self.chapter.name)
        graded = {cell.id: (cell.name, float(cell.max_score)) for cell in source.grade_cells}
        order = {
            cell.metadata["nbgrader"]["grade_id"]: number
            for number, cell in enumerate(self.release.cells)
            if "nbgrader" in cell.metadata
        }
        solutions = {cell.id: cell.name for cell in source.solution_cells}
        kernels = {name for name, _ in graded.values() if name.startswith("check-")}
        chosen = (
            select(
                SubmittedNotebook.id,
                SubmittedAssignment.student_id,
                SubmittedAssignment.timestamp,
                SubmittedAssignment.extension,
                SubmittedNotebook.late_submission_penalty,
                Assignment.duedate,
            )
            .join(SubmittedAssignment, SubmittedAssignment.id == SubmittedNotebook.assignment_id)
            .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
            .where(SubmittedNotebook.notebook_id == source.id)
        )
        if student is not None:
            chosen = chosen.where(SubmittedAssignment.student_id == student)
        found = {row.id: row for row in db.execute(chosen)}
        marks: dict[str, list[Mark]] = {key: [] for key in found}
        comments: dict[str, list[tuple[str, str]]] = {key: [] for key in found}
        one = next(iter(found), "")
        narrow = lambda rows, column: rows.where(column == one) if student is not None else rows
        columns = (Grade.notebook_id, Grade.cell_id, Grade.auto_score, Grade.manual_score, Grade.extra_credit)
        rows = select(*columns, Grade.needs_manual_grade).where(Grade.cell_id.in_(graded))
        for row in db.execute(narrow(rows, Grade.notebook_id)):
            if row.notebook_id in marks:
                name, points = graded[row.cell_id]
                given = row.manual_score if row.manual_score is not None else row.auto_score
                score = 0.0 if given is None else float(given) + float(row.extra_credit or 0)
                # nbgrader asks again about what a person has graded once a file is graded anew
                waits = bool(row.needs_manual_grade) and name not in kernels and row.manual_score is None
                values = (row.auto_score, row.manual_score, row.extra_credit)
                marks[row.notebook_id].append(Mark(name, points, score, *values, waits))
        said = select(Comment.notebook_id, Comment.cell_id, Comment.manual_comment)
        for row in db.execute(narrow(said.where(Comment.manual_comment.is_not(None)), Comment.notebook_id)):
            if row.notebook_id in comments and row.cell_id in solutions and row.manual_comment:
                comments[row.notebook_id].append((solutions[row.cell_id], row.manual_comment))
        db.rollback()  # a reader keeps no lock
        return {
            row.student_id: Standing(
                row.student_id,
                tuple(sorted(marks[key], key=lambda mark: order.get(mark.name, len(order)))),
                float(row.late_submission_penalty or 0),
                seconds_late(row.timestamp, row.duedate, row.extension),
                row.timestamp,
                tuple(sorted(comments[key])),
            )
            for key, row in found.items()
        }

    def _page(self, result: Submission) -> str:
        standing = self.standings(result.student).get(result.student)
        return submission_page(result, self.title, self.comments(result.student), standing)

    def _altered(self, result: Submission) -> str:
        found = {grade.name: grade.auto_score for grade in self._grades(result.student)}
        for exercise in result.exercises:
            there, ours = found.get(f"check-{exercise.kernel}"), float(_told(exercise))
            if there != ours:
                return f"{exercise.kernel} had {'no' if there is None else f'{there:g}'} points in the gradebook, not {ours:g}"
        if not self._is_ours(result):
            return "the autograded notebook was another"
        return ""

    def _is_ours(self, result: Submission) -> bool:
        """Whether the autograded notebook is the one that was written here."""
        shown = self._shown(result.student)
        if result.verdict == GRADED:
            return shown == _essence(self._autograded(result))
        # of a file that gave no grade, it may be an earlier file's: which one it was is kept with the result
        try:
            data = json.loads(self._result_path(result.student).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return bool(data.get("shown") == _digest(shown))

    def record(self, job: Job, result: Submission) -> Submission:
        """Write one result everywhere; where that fails, the result returned is a fault and says why.

        Raises
        ------
        ClassroomError
            If the gradebook stays locked.
        """
        last = RETRIES if self.classroom.is_file else RETRIES_OF_SERVER
        for attempt in range(1, last + 1):
            try:
                return self._record(job, result)
            except (OSError, ValueError, TypeError, SQLAlchemyError, InvalidEntry) as error:
                self._begin_anew()
                if passing := _passing(error):
                    if attempt == last or "full" in str(passing.orig):
                        raise self._unwritable(passing) from None
                    time.sleep(1)
                    continue
                if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
                    raise
                return self._unwritten(job, error)
        raise AssertionError("the last attempt returns or raises")

    def _begin_anew(self) -> None:
        """Forget what was begun in the gradebook, over a connection that may be gone."""
        with contextlib.suppress(SQLAlchemyError):
            self.gradebook.db.rollback()
        self.gradebook.db.remove()

    def _unwritten(self, job: Job, error: Exception) -> Submission:
        reason = f"the result could not be written: {type(error).__name__}: {error}"[:500]
        return Submission(job.student, self.chapter.name, FAULT, reason, seed=job.seed)

    def _record(self, job: Job, result: Submission) -> Submission:
        """Write one result everywhere. The result file comes last: it says that all the rest was written."""
        self.gradebook.update_or_create_student(job.student)
        if result.verdict != GRADED and self._stands(result):
            result = self._with_what_stands(result)
            shown = self._shown(job.student)
        else:
            self.gradebook.update_or_create_submission(self.chapter.name, job.student)
            self._stamp(job.student)
            notebook = self._autograded(result)
            self._write(notebook, job.student)
            shown = _essence(notebook)
            if result.verdict != FAULT:
                self._save_grades(notebook, job.student)
        if result.for_a_person:
            self._ask_a_person(result)
        self._penalize(job.student)
        write_atomically(self._feedback_path(job.student), self._page(result))
        self._hand_back(job.student)
        self._keep(job, result, shown)
        return result

    def _write(self, notebook: NotebookNode, student: str) -> None:
        """Write the autograded notebook. It is the release with other texts in it, which needs no validation again."""
        path = self._fresh("autograded", student) / f"{self.chapter.name}.ipynb"
        path.write_text(nbformat.v4.writes(notebook) + "\n", encoding="utf-8")

    def _keep(self, job: Job, result: Submission, shown: object) -> None:
        """Write the result's own file, with what the autograded notebook shows."""
        said = {"key": job.key, "shown": _digest(shown), "result": result.to_json()}
        content = json.dumps(said, default=list)
        write_atomically(self._result_path(job.student), content, mode=0o600)  # it holds the seed

    def _grades(self, student: str) -> list[Grade]:
        """The gradebook's grades of a student's cells; none if nothing was recorded yet."""
        try:
            notebook = self.gradebook.find_submission_notebook(self.chapter.name, self.chapter.name, student)
        except MissingEntry:
            return []
        self.gradebook.db.expire_all()  # another connection may have written them
        return list(notebook.grades)

    def _stands(self, result: Submission) -> bool:
        """Whether the gradebook has a grade that a file which gave none must not take away."""
        grades = self._grades(result.student)
        if not any(grade.auto_score is not None for grade in grades):
            return False
        # an answer without a score was written, and waits for a person
        return result.verdict == FAULT or any(grade.score or grade.auto_score is None for grade in grades)

    def _with_what_stands(self, result: Submission) -> Submission:
        """The result of a file that gave no grade, with the scores of the earlier file, which stay."""
        scores = {grade.name: grade.auto_score or 0.0 for grade in self._grades(result.student)}
        exercises = tuple(
            Exercise(kernel, points, scores.get(f"check-{kernel}", 0.0), result.verdict)
            for kernel, points in released_points(self.release).items()
        )
        result = replace(result, exercises=exercises)
        if result.verdict == FAULT:
            return result
        stays = f"the grade of an earlier file stays: {result.score:g} of {result.points:g} points; a person decides"
        return replace(result, for_a_person=(*result.for_a_person, stays))

    def _ask_a_person(self, result: Submission) -> None:
        """Let formgrader list the submission among those to be graded by hand, at its written answers if it has any."""
        grades = self._grades(result.student)
        answers = {cell.metadata.nbgrader.grade_id for cell in self.release.cells if is_answer(cell)}
        for grade in [grade for grade in grades if grade.name in answers] or grades:
            grade.needs_manual_grade = True
            if result.verdict == GRADED and grade.name in answers:
                grade.auto_score = (
                    None  # the stub stands there, but that is not known to be all that was written
                )
        self.gradebook.db.commit()

    def results(self) -> list[Submission]:
        """All results recorded for the chapter, by name of the student."""
        folder = self.classroom.root / "results" / self.chapter.name
        files = sorted(folder.glob("*.json")) if folder.is_dir() else []
        return [
            Submission.from_json(json.loads(file.read_text(encoding="utf-8"))["result"]) for file in files
        ]

    def penalize(self) -> None:
        """Take off for lateness what is to be taken off now: points that a person gave since, and extensions, count."""
        for result in self.results():
            self._penalize(result.student)

    def refresh_feedback(self, result: Submission) -> Path:
        """Write the feedback page again, with the comments and points that a person gave since."""
        self._penalize(result.student)
        path = self._feedback_path(result.student)
        write_atomically(path, self._page(result))
        self._hand_back(result.student)
        return path

    def comments(self, student: str) -> dict[str, str]:
        """What a person wrote about the answers and solutions in nbgrader's formgrader, by grade_id."""
        try:
            notebook = self.gradebook.find_submission_notebook(self.chapter.name, self.chapter.name, student)
        except MissingEntry:
            return {}
        return {one.name: one.manual_comment for one in notebook.comments if one.manual_comment}

    def _autograded(self, result: Submission) -> NotebookNode:
        """The release with the learner's solutions in it, and our verdicts as the outputs of the check cells."""
        notebook = json.loads(self._release_text, object_hook=NotebookNode)
        exercises = {f"check-{exercise.kernel}": exercise for exercise in result.exercises}
        for cell in notebook.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            if name in result.cells and cell.source != result.cells[name]:
                own = result.cells[name]
                cell.source = as_written(own) if cell.cell_type == "markdown" else own
            if name in exercises:
                cell.outputs = [_output(exercises[name], result)]
        first = sorted(
            range(len(result.notes)), key=lambda number: result.notes[number].is_code
        )  # texts: answers
        for number in sorted(first[:MOST_NOTES], reverse=True):
            note = result.notes[number]
            own = (
                nbformat.v4.new_code_cell(note.text, id=f"own-{number}")
                if note.is_code
                else nbformat.v4.new_markdown_cell(as_written(note.text), id=f"own-{number}")
            )
            notebook.cells.insert(note.after + 1, own)
        return notebook

    def _shown(self, student: str) -> object:
        """What matters of the autograded notebook that stands there; None if none can be read."""
        path = self.classroom.folder("autograded", student, self.chapter) / f"{self.chapter.name}.ipynb"
        try:
            return _essence(nbformat.from_dict(json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, TypeError, AttributeError, KeyError):
            return None

    def _save_grades(self, notebook: NotebookNode, student: str) -> None:
        where = {
            "student": student,
            "assignment": self.chapter.name,
            "notebook": self.chapter.name,
            "db_url": self.db_url,
        }
        SaveAutoGrades().preprocess(notebook, {"nbgrader": where})

    def _fresh(self, step: str, student: str) -> Path:
        """An empty folder in place of whatever stands there; links on the way to it are not followed."""
        folder = self.classroom.folder(step, student, self.chapter)
        for place in (folder.parent, folder):
            if place.is_symlink() or place.is_file():
                place.unlink()
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        return folder

    def _feedback_path(self, student: str) -> Path:
        return self.classroom.folder("feedback", student, self.chapter) / f"{self.chapter.name}.html"

    def _result_path(self, student: str) -> Path:
        return self.classroom.root / "results" / self.chapter.name / f"{student}.json"


def _passing(error: BaseException | None) -> DBAPIError | None:
    """The error of the database behind another, if it may be over when the same is tried again; None if not.

    So are a lock, a server that restarts, and a row that somebody else has just written too. nbgrader's own error says
    only in what it was raised from what the database said.
    """
    while error is not None:
        if isinstance(error, OperationalError | InterfaceError | IntegrityError):
            return error
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            return error
        error = error.__cause__ or error.__context__
    return None


def is_answer(cell: NotebookNode) -> bool:
    """Whether a released cell is one where a learner writes an answer for a person to read."""
    return cell.cell_type == "markdown" and bool(cell.metadata.get("nbgrader", {}).get("solution"))


def _told(exercise: Exercise) -> str:
    """A score as nbgrader reads it from the output of a check cell."""
    return f"{exercise.score:g}"


def _output(exercise: Exercise, result: Submission) -> NotebookNode:
    html = exercise_html(exercise) if result.verdict == GRADED else ""
    data = {"text/plain": _told(exercise), **({"text/html": html} if html else {})}
    return nbformat.v4.new_output("execute_result", data, execution_count=None)


def _digest(shown: object) -> str:
    return hashlib.sha256(json.dumps(shown).encode()).hexdigest()


def _essence(notebook: NotebookNode) -> list[tuple[str, str]]:
    """What a person sees of a notebook's cells, and what nbgrader takes a score from."""

    def text(lines: str | list[str]) -> str:
        return lines if isinstance(lines, str) else "".join(lines)

    return [
        (
            text(cell.source),
            "".join(text(one.get("data", {}).get("text/plain", "")) for one in cell.get("outputs", ())),
        )
        for cell in notebook.cells
    ]
