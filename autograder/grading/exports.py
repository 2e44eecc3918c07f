"""Who is in the class, and grades as learning platforms import them: Canvas, Moodle, Gradescope, or a plain table."""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.plugins import CsvExportPlugin

from ..files import write_atomically
from ..reports.standing import Standing
from ..reports.words import clean, points, readable, verdict_words
from ..results import FAULT, Submission
from .classroom import Classroom, ClassroomError

ROSTER = "roster.json"
"""Where a classroom keeps its roster."""

FORMATS = ("canvas", "moodle", "gradescope", "csv")


@dataclass(frozen=True)
class Person:
    """Someone on the roster.

    student : name of the folder of submissions, where the roster says it; name : as the platform writes it
    lms_id, sis_id, login, section : what Canvas and Moodle know them by
    """

    student: str = ""
    name: str = ""
    first: str = ""
    last: str = ""
    email: str = ""
    lms_id: str = ""
    sis_id: str = ""
    login: str = ""
    section: str = ""

    def known_as(self) -> list[set[str]]:
        """What a folder of this person's may be called: the surest names first, in small letters."""
        first, last = self.first.casefold(), self.last.casefold()
        full = f"{first} {last}".strip()
        letters = lambda text: "".join(filter(str.isalnum, text))
        names = [
            {self.student},
            {self.login, self.email},
            {self.lms_id, self.sis_id},
            {self.email.partition("@")[0]},
            {full, self.name, f"{last}, {first}" if first and last else "", letters(last + first)},
        ]
        return [{one.casefold() for one in some if one} for some in names]


@dataclass(frozen=True)
class Roster:
    """The people of a class, and the headings of the file that they came from: Canvas knows assignments by them."""

    people: tuple[Person, ...] = ()
    headings: tuple[str, ...] = ()


_COLUMNS = {
    "student": ("student_id", "folder", "learner"),
    "first": ("first_name", "first name", "firstname", "given name"),
    "last": ("last_name", "last name", "lastname", "surname", "family name"),
    "email": ("email", "email address", "e-mail", "mail"),
    "lms_id": ("lms_user_id", "id", "user id", "canvas id"),
    "sis_id": ("sis user id", "id number", "idnumber", "sis_id", "sid"),
    "login": ("sis login id", "username", "login", "user name"),
    "section": ("section", "sections", "groups"),
    "name": ("name", "full name", "fullname"),
}
"""Headings by which each column is known, in small letters."""


def read_roster(path: Path) -> Roster:
    """Read a class list: Canvas's gradebook export, Moodle's list of participants or grades, or a table of one's own.

    Raises
    ------
    ClassroomError
        If it is no such table; the text says what it lacks.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise ClassroomError(f"there is no file {path}") from None
    except UnicodeDecodeError:
        raise ClassroomError(f"{path} is not text in UTF-8: export it again as CSV, UTF-8") from None
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        lines = io.StringIO(text, newline=None)  # whatever ends them
        rows = list(csv.reader(lines, delimiter=delimiter, strict=True)) if first.strip() else []
    except csv.Error as error:
        raise ClassroomError(f"{path} is no table in CSV ({error}): export it again") from None
    headings = [one.strip() for one in rows[0]] if rows else []
    lower = [one.casefold() for one in headings]
    is_canvas = "student" in lower and "sis login id" in lower
    places = {
        field: next((lower.index(name) for name in names if name in lower), None)
        for field, names in _COLUMNS.items()
    }
    if "student" in lower:
        places["name" if is_canvas else "student"] = lower.index("student")
    if "id" in lower and not is_canvas and places["student"] is None and places["login"] is None:
        places["student"], places["lms_id"] = lower.index("id"), None  # nbgrader's own word for it
    if all(places[field] is None for field in ("student", "login", "email", "lms_id", "name")):
        raise ClassroomError(
            f"{path} has no column that says who somebody is: one of student_id, email, username, or what Canvas and Moodle "
            "write when they export a class"
        )
    people = []
    for row in rows[1:]:
        cells = {
            field: row[place].strip() if place is not None and place < len(row) else ""
            for field, place in places.items()
        }
        if cells["name"].casefold() in ("points possible", "student, test") or not any(cells.values()):
            continue  # Canvas's second row, and its learner that is none
        if cells["name"] and not (cells["first"] or cells["last"]):
            last, comma, given = cells["name"].partition(",")
            if not comma:
                given, _, last = cells["name"].rpartition(" ")
            cells |= {"first": given.strip(), "last": last.strip()}
        people.append(Person(**cells))
    if not people:
        raise ClassroomError(f"{path} lists nobody")
    for field in ("student", "login", "email", "lms_id"):
        values = [value for one in people if (value := getattr(one, field))]
        if twice := sorted({value for value in values if values.count(value) > 1}):
            raise ClassroomError(f"{path} lists {', '.join(twice[:3])} more than once ({field})")
    if alike := [one for one, times in Counter(people).items() if times > 1]:
        said = alike[0].name or f"{alike[0].first} {alike[0].last}"
        raise ClassroomError(
            f"{path} lists {said} more than once, with nothing that tells one from the other"
        )
    return Roster(tuple(people), tuple(headings))


def keep_roster(room: Classroom, roster: Roster, students: Iterable[str]) -> dict[str, Person]:
    """Keep a roster in the classroom, and write names and addresses into the gradebook; returns who is who.

    Formgrader and nbgrader's own export show names from there. Nobody is taken out of the gradebook.
    """
    who = matched(roster, students)
    with room.open_gradebook() as gradebook:
        folders = {person: name for name, person in who.items()}
        for one in roster.people:
            student = folders.get(one, one.student or one.login)
            if student and not room.odd_name(student):
                details = {
                    "first_name": one.first,
                    "last_name": one.last,
                    "email": one.email,
                    "lms_user_id": one.lms_id,
                }
                gradebook.update_or_create_student(
                    student, **{field: value[:128] for field, value in details.items() if value}
                )
    content = {"people": [asdict(one) for one in roster.people], "headings": roster.headings}
    write_atomically(room.root / ROSTER, json.dumps(content, ensure_ascii=False, indent=1), mode=0o600)
    return who


def kept_roster(room: Classroom) -> Roster:
    """The roster that a classroom keeps; an empty one if it has none."""
    try:
        data = json.loads((room.root / ROSTER).read_text(encoding="utf-8"))
        return Roster(tuple(Person(**one) for one in data["people"]), tuple(data["headings"]))
    except FileNotFoundError:
        return Roster()
    except (ValueError, KeyError, TypeError):
        raise ClassroomError(f"{room.root / ROSTER} is damaged: run `autograder roster` again") from None


def matched(roster: Roster, students: Iterable[str]) -> dict[str, Person]:
    """Who of the roster each student's folder belongs to; those that fit nobody, or two people, are left out.

    A number or login of one may be another kind of number of somebody else: only the roster's own word for a folder
    decides between them.
    """
    names = {one: one.known_as() for one in roster.people}
    sure = {name for some in names.values() for name in some[0]}
    others = Counter(name for some in names.values() for name in set().union(*some[:-1]))
    left = {name: folded for name in students if (folded := name.casefold()) in sure or others[folded] <= 1}
    found: dict[str, Person] = {}
    for rank in range(len(Person().known_as())):
        taken = set(found.values())
        people: dict[str, list[Person]] = {}
        for one, some in names.items():
            for name in some[rank] if one not in taken else ():
                people.setdefault(name, []).append(one)
        fits = {name: people[folded][0] for name, folded in left.items() if len(people.get(folded, ())) == 1}
        times = Counter(fits.values())
        found |= {name: one for name, one in fits.items() if times[one] == 1}
        left = {name: folded for name, folded in left.items() if name not in found}
    return found


@dataclass(frozen=True)
class Sheet:
    """One chapter's grades: its name, its title, what grading found, and how everybody stands."""

    name: str
    title: str
    results: tuple[Submission, ...]
    standings: Mapping[str, Standing]

    @property
    def points(self) -> float:
        return max((one.points for one in self.standings.values()), default=0.0)

    def ungraded(self) -> set[str]:
        """Who handed in but has no grade, since grading broke down: a 0 would be a grade."""
        return {
            one.student
            for one in self.results
            if one.verdict == FAULT
            and (standing := self.standings.get(one.student))
            and all(mark.auto is None and mark.manual is None for mark in standing.marks)
        }


def canvas(roster: Roster, sheets: Sequence[Sheet]) -> str:
    """A file that Canvas's gradebook imports: its five columns, a row of points possible, an assignment a column.

    A cell without a submission is empty, which leaves in Canvas what is there. An assignment that Canvas has already
    keeps the heading that its export gave it, "Title (12345)".

    Raises
    ------
    ClassroomError
        If there is no roster with the names or numbers by which Canvas knows learners.
    """
    if not any(one.lms_id or one.sis_id or one.login for one in roster.people):
        raise ClassroomError(
            "Canvas knows learners by its own numbers or logins: export its gradebook, and run `autograder roster` on that file"
        )
    rows: list[list[str]] = [
        [
            "Student",
            "ID",
            "SIS User ID",
            "SIS Login ID",
            "Section",
            *(_heading(roster, one) for one in sheets),
        ],
        ["    Points Possible", "", "", "", "", *(points(one.points) for one in sheets)],
    ]
    for person, totals in _totals(roster, sheets):
        name = person.name or ", ".join(filter(None, (person.last, person.first))) or person.login
        known = [as_text(name), person.lms_id, person.sis_id, person.login, as_text(person.section)]
        rows.append([*known, *("" if total is None else points(total) for total in totals)])
    return _table(rows)


def _heading(roster: Roster, sheet: Sheet) -> str:
    for heading in roster.headings:
        if re.fullmatch(
            rf"(?:{re.escape(sheet.title)}|{re.escape(sheet.name)}) \(\d+\)", heading, re.IGNORECASE
        ):
            return heading
    return sheet.title


def moodle(roster: Roster, sheets: Sequence[Sheet]) -> str:
    """A file for Moodle's Grades > Import > CSV file: who somebody is in four ways, an assignment a column, - for none.

    Raises
    ------
    ClassroomError
        If there is no roster with addresses, user names or ID numbers.
    """
    if not any(one.email or one.login or one.sis_id for one in roster.people):
        raise ClassroomError(
            "Moodle knows learners by address, user name or ID number: export its grades or participants, and run "
            "`autograder roster` on that file"
        )
    rows = [
        ["First name", "Last name", "Username", "ID number", "Email address", *(one.title for one in sheets)]
    ]
    for one, totals in _totals(roster, sheets):
        known = [as_text(one.first), as_text(one.last), one.login, one.sis_id, one.email]
        rows.append([*known, *("-" if total is None else points(total) for total in totals)])
    return _table(rows)


def _totals(roster: Roster, sheets: Sequence[Sheet]) -> list[tuple[Person, list[float | None]]]:
    """Each person of the roster, with the total in each chapter, None where nothing was handed in."""
    columns = []
    for sheet in sheets:
        who = matched(roster, sheet.standings)
        none = sheet.ungraded()
        columns.append(
            {person: sheet.standings[name].total for name, person in who.items() if name not in none}
        )
    return [(one, [column.get(one) for column in columns]) for one in roster.people]


def plain(roster: Roster, sheets: Sequence[Sheet]) -> str:
    """A table of everybody who is on the roster or handed in, with every exercise of every chapter."""
    everybody = sorted({name for sheet in sheets for name in sheet.standings}, key=str.casefold)
    who = matched(roster, everybody)
    known = set(who.values())
    silent = [one for one in roster.people if one not in known]
    heading = ["student", "last_name", "first_name", "email"]
    columns: list[tuple[Sheet, str]] = []
    for sheet in sheets:
        names = dict.fromkeys(mark.name for one in sheet.standings.values() for mark in one.marks)
        columns += [(sheet, name) for name in names]
        heading += [f"{sheet.name}.{name.removeprefix('check-')}" for name in names]
        columns += [(sheet, end) for end in (":late", ":total", ":of")]
        heading += [f"{sheet.name}.late_penalty", f"{sheet.name}.total", f"{sheet.name}.of"]
    rows = [heading]
    for name in everybody:
        person = who.get(name, Person())
        cells = [_cell(sheet, name, column) for sheet, column in columns]
        rows.append([name, *map(as_text, (person.last, person.first, person.email)), *cells])
    rows += [
        [
            one.student or one.login or one.email or as_text(one.name),
            *map(as_text, (one.last, one.first, one.email)),
            *[""] * len(columns),
        ]
        for one in silent
    ]
    return _table(rows)


def _cell(sheet: Sheet, student: str, column: str) -> str:
    standing = sheet.standings.get(student)
    if standing is None or student in sheet.ungraded():
        return ""
    if column.startswith(":"):
        return points({":late": standing.penalty, ":total": standing.total, ":of": standing.points}[column])
    mark = next((mark for mark in standing.marks if mark.name == column), None)
    return "" if mark is None or mark.waits else points(mark.score)


def gradescope(result: Submission, standing: Standing) -> dict[str, Any]:
    """What Gradescope's autograder reads as `results.json`: the score that counts, and a test for each cell."""
    by_kernel = {exercise.kernel: exercise for exercise in result.exercises}
    tests = []
    for mark in standing.marks:
        exercise = by_kernel.get(mark.kernel)
        comments = [text for name, text in standing.comments if name in (mark.name, mark.kernel)]
        said = [verdict_words(exercise.verdict) if exercise else "not read yet" if mark.waits else ""]
        said += [exercise.failure.message] if exercise and exercise.failure else []
        said += [exercise.hint] if exercise and exercise.hint else []
        tests.append(
            {
                "name": mark.kernel or mark.name,
                "score": round(mark.score, 4),
                "max_score": mark.points,
                "status": "passed" if mark.points and mark.score >= mark.points else "failed",
                "output": "\n".join(
                    [readable(text, 2000) for text in said if text] + [clean(text, 2000) for text in comments]
                ),
                "output_format": "text",
                "visibility": "visible",
            }
        )
    late = f"{points(standing.penalty)} points were taken off for lateness." if standing.penalty else ""
    notes = [result.reason, late, *result.remarks]
    return {
        "score": round(standing.total, 4),
        "output": "\n".join(clean(text, 1000) for text in notes if text),
        "output_format": "text",
        "visibility": "visible",
        "tests": tests,
    }


WRITERS: dict[str, Callable[[Roster, Sequence[Sheet]], str]] = {
    "canvas": canvas,
    "moodle": moodle,
    "csv": plain,
}


def notices(room: Classroom, kind: str, sheets: Sequence[Sheet]) -> Iterator[str]:
    """What an export does not hold, and why, in sentences."""
    roster = kept_roster(room)
    for sheet in sheets:
        none = sheet.ungraded()
        if none:
            yield f"{sheet.name}: no grade for {_few(sorted(none))}, where grading broke down; run `autograder grade` again"
        waits = {name for name, one in sheet.standings.items() if any(mark.waits for mark in one.marks)}
        if waiting := sorted(waits - none):
            yield f"{sheet.name}: {_few(waiting)} still wait for a person; their totals are without that"
        stray = sorted(sheet.standings.keys() - matched(roster, sheet.standings).keys())
        if stray and kind in ("canvas", "moodle"):
            yield f"{sheet.name}: {_few(stray)} fit nobody on the roster, or two; name their folders in a column student_id"


def _few(names: Sequence[str]) -> str:
    """Names, of many the first and how many more."""
    shown = ", ".join(clean(name, 100) for name in names[:10])
    return shown + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def export(room: Classroom, kind: str, sheets: Sequence[Sheet], to: Path | None) -> Path:
    """Write grades in one of the formats; returns the file, or Gradescope's folder, that was written.

    Raises
    ------
    ClassroomError
        If nothing was graded, or the roster lacks what the platform needs.
    """
    sheets = [sheet for sheet in sheets if sheet.standings]
    if not sheets:
        raise ClassroomError("nothing was graded yet: run `autograder grade` first")
    roster = kept_roster(room)
    if kind != "gradescope":
        place = to or room.root / "exports" / f"{kind}.csv"
        write_atomically(place, WRITERS[kind](roster, sheets), mode=0o600)
        return place
    place = to or room.root / "exports" / "gradescope"
    for sheet in sheets:
        none = sheet.ungraded()
        for result in sheet.results:
            if result.student not in none and (standing := sheet.standings.get(result.student)):
                content = json.dumps(gradescope(result, standing), ensure_ascii=False, indent=1)
                write_atomically(place / sheet.name / result.student / "results.json", content, mode=0o600)
    return place


def as_text(cell: str) -> str:
    """A name that a spreadsheet takes for what it is: one that begins like a formula gets a ' before it.

    Ids stay as they are, since whoever reads the table looks them up; a folder's name can hold neither " nor /.
    """
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _table(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


class QuotedCsv(CsvExportPlugin):
    """nbgrader's own export, with names quoted that hold a comma, a quotation mark or a line's end."""

    def export(self, gradebook: Gradebook) -> None:
        """Write the same columns as nbgrader's."""
        names = "assignment,duedate,timestamp,student_id,last_name,first_name,email,raw_score,late_submission_penalty"
        rows: list[list[str]] = [[*names.split(","), "score", "max_score"]]
        for assignment in gradebook.assignments:
            if self.assignment and assignment.name not in map(str, self.assignment):
                continue
            for student in gradebook.students:
                if self.student and student.id not in map(str, self.student):
                    continue
                timestamp, raw, penalty = None, 0.0, 0.0
                try:
                    submission = gradebook.find_submission(assignment.name, student.id)
                    timestamp, raw = submission.timestamp, submission.score
                    penalty = submission.late_submission_penalty
                except MissingEntry:
                    pass
                who = (student.last_name, student.first_name, student.email)
                values = [assignment.name, assignment.duedate, timestamp, student.id]
                values += [as_text(one or "") for one in who]
                values += [raw, penalty, max(0.0, raw - penalty)]
                rows.append(["" if one is None else str(one) for one in [*values, assignment.max_score]])
        Path(self.to or "grades.csv").write_text(_table(rows).replace("\r\n", "\n"), encoding="utf-8")
