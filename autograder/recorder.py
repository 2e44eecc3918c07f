"""The recorder: the only writer of grades. nbgrader's gradebook, the autograded notebook, the feedback, the result."""

import errno
import json
import os
import shutil
import stat
import time
import warnings
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import TracebackType

import nbformat
import nbgrader
from alembic.script import ScriptDirectory
from nbformat import NotebookNode
from nbgrader.api import Grade, InvalidEntry, MissingEntry
from nbgrader.preprocessors import SaveAutoGrades
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError, OperationalError, SAWarning, SQLAlchemyError

from .chapters import Chapter, released_points
from .classroom import Classroom, ClassroomError
from .files import write_atomically
from .grading import Job
from .reports import as_written, exercise_html, submission_page
from .results import FAULT, GRADED, Exercise, Submission

# nbgrader's gradebook builds its rows in an order that SQLAlchemy 2 remarks on, several times a submission
warnings.filterwarnings("ignore", category=SAWarning, module="nbgrader.api")


RETRIES = 5
"""How often, a second apart, a locked gradebook is tried."""

MOST_NOTES = 50
"""Cells of the learner's own that an autograded notebook shows at most; all are in the submitted one."""


class Recorder:
    """Writes results of one chapter, one at a time; a context manager that holds the gradebook."""

    def __init__(self, classroom: Classroom, chapter: Chapter):
        self.classroom = classroom
        self.chapter = chapter
        self.release = classroom.released(chapter)
        self.title = chapter.title
        self.db_url = classroom.db_url

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
                f"{needed}); run `nbgrader db upgrade` here, which keeps a backup"
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.gradebook.close()

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

    def _unwritable(self, error: DatabaseError) -> ClassroomError:
        return ClassroomError(
            f"the gradebook {self.classroom.shown_db_url} cannot be written ({str(error.orig)[:200]}); close the program "
            "that holds it, free some space, or check owner and mode of its file and folder. What was recorded so far is kept, and "
            "the same command goes on from there"
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
        if changed := self._altered(result):
            if result.verdict != GRADED:  # what stands is an earlier file's, and only its scores are known
                told = {f"check-{exercise.kernel}": float(_told(exercise)) for exercise in result.exercises}
                for grade in self._grades(result.student):
                    grade.auto_score = told.get(grade.name, grade.auto_score)
                self.gradebook.db.commit()
            else:
                self.record(job, result)
        return changed

    def _altered(self, result: Submission) -> str:
        found = {grade.name: grade.auto_score for grade in self._grades(result.student)}
        for exercise in result.exercises:
            there, ours = found.get(f"check-{exercise.kernel}"), float(_told(exercise))
            if there != ours:
                return f"{exercise.kernel} had {'no' if there is None else f'{there:g}'} points in the gradebook, not {ours:g}"
        if result.verdict == GRADED and self._shown(result.student) != _essence(self._autograded(result)):
            return "the autograded notebook was another"
        return ""

    def record(self, job: Job, result: Submission) -> Submission:
        """Write one result everywhere; where that fails, the result returned is a fault and says why.

        Raises
        ------
        ClassroomError
            If the gradebook stays locked.
        """
        for attempt in range(RETRIES):
            try:
                return self._record(job, result)
            except OperationalError as error:
                self.gradebook.db.rollback()
                if attempt == RETRIES - 1:
                    raise self._unwritable(error) from None
                time.sleep(1)
            except (OSError, ValueError, TypeError, SQLAlchemyError, InvalidEntry) as error:
                self.gradebook.db.rollback()
                if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
                    raise
                reason = f"the result could not be written: {type(error).__name__}: {error}"[:500]
                return Submission(job.student, self.chapter.name, FAULT, reason, seed=job.seed)
        return result

    def _record(self, job: Job, result: Submission) -> Submission:
        """Write one result everywhere. The result file comes last: it says that all the rest was written."""
        self.gradebook.update_or_create_student(job.student)
        if result.verdict != GRADED and self._stands(result):
            result = self._with_what_stands(result)
        else:
            self.gradebook.update_or_create_submission(
                self.chapter.name, job.student, **self._timestamp(job.student)
            )
            notebook = self._autograded(result)
            folder = self._fresh("autograded", job.student)
            nbformat.write(notebook, folder / f"{self.chapter.name}.ipynb")
            if result.verdict != FAULT:
                self._save_grades(notebook, job.student)
        if result.for_a_person:
            self._ask_a_person(result)
        write_atomically(
            self._feedback_path(job.student), submission_page(result, self.title, self.comments(job.student))
        )
        content = json.dumps({"key": job.key, "result": result.to_json()}, default=list)
        write_atomically(self._result_path(job.student), content, mode=0o600)  # it holds the seed
        return result

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

    def refresh_feedback(self, result: Submission) -> Path:
        """Write the feedback page again, with the comments and points that a person gave since."""
        path = self._feedback_path(result.student)
        write_atomically(path, submission_page(result, self.title, self.comments(result.student)))
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
        notebook = nbformat.from_dict(json.loads(json.dumps(self.release)))
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

    def _timestamp(self, student: str) -> dict[str, datetime]:
        path = self.classroom.folder("submitted", student, self.chapter) / "timestamp.txt"
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with open(descriptor, "rb") as file:
                text = file.read(64).decode() if stat.S_ISREG(os.fstat(descriptor).st_mode) else ""
            return {"timestamp": datetime.fromisoformat(text.strip().removesuffix(" UTC"))}
        except (OSError, ValueError):
            return {}

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
