"""The days of a term: late work, feedback that reaches learners, hand points, grades by other hands, odd names."""

import csv
import fcntl
import html
import io
import json
import logging
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.auth import Authenticator
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange import default
from nbgrader.plugins.zipcollect import FileNameCollectorPlugin
from nbgrader.preprocessors import AssignLatePenalties
from nbgrader.utils import chdir, get_username, parse_utc
from sqlalchemy import text
from traitlets.utils.importstring import import_item

from autograder.chapters import ROOT, Chapter
from autograder.grading import exports
from autograder.grading.classroom import Classroom, ClassroomError, nbgrader_api
from autograder.grading.journal import Journal
from autograder.grading.recorder import Recorder
from autograder.grading.submission import job
from autograder.jail.session import JailMissing, Limits
from autograder.publishing.authoring import source_notebook
from autograder.reports import class_page
from autograder.reports.standing import spoken
from autograder.reports.term import Part, learner_page, learners, term_page
from autograder.results import FAULT, UNGRADABLE, Exercise, Submission
from autograder.sample import fill, reference_cell

from .attacks import NO_JAIL
from .test_records import FILTERS, QUESTION, formgrader_page, graded, job_of, page_of, record

needs_a_jail = pytest.mark.skipif(bool(NO_JAIL), reason=NO_JAIL)

DUE = datetime(2026, 3, 1, 12, 0)


def autograder(*words: str | Path, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "autograder", *map(str, words)]
    environment = {**os.environ, "COLUMNS": "200"}
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=environment)


def due(room: Classroom, when: datetime | None = DUE) -> None:
    with Gradebook(room.db_url) as gradebook:
        gradebook.find_assignment("filters").duedate = when
        gradebook.db.commit()


def stamp(room: Classroom, text: str | None, student: str = "ada") -> None:
    path = room.folder("submitted", student, FILTERS) / "timestamp.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    if text is not None:
        path.write_text(text, encoding="utf-8")


def late_row(room: Classroom, student: str = "ada") -> tuple[datetime | None, float, float]:
    """What the gradebook has: the time, the score, the penalty."""
    with Gradebook(room.db_url) as gradebook:
        submission = gradebook.find_submission("filters", student)
        return submission.timestamp, submission.score, submission.late_submission_penalty


def policy(room: Classroom, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
    """Have nbgrader's configuration name a late policy."""
    before = Classroom.config

    def config(self: Classroom) -> Any:
        made = before(self)
        for name, value in settings.items():
            section, option = name.split("__")
            made[section][option] = value
        return made

    monkeypatch.setattr(Classroom, "config", config)


ZERO = {"LateSubmissionPlugin__penalty_method": "zero"}


# Late work

STAMPS = [
    "2026-03-01 13:00:00.123456 UTC",
    "2026-03-01 12:59:59 CET",
    "2026-03-01 13:00:01 CET",
    "2026-03-01 07:00:01 EST",
    "2026-03-01 06:59:59 EST",
    "2026-03-01 13:00:00 +0100",
    "2026-03-01 11:00:00 -0100",
    "2026-03-01T13:30:00+01:00",
    "2026-03-01T12:30:00Z",
    "2026-03-01 11:59:59",
    "2026-03-01 12:00:01",
    "2026-03-01-12-00-01",
    "Sun Mar 1 2026 12:00:01",
    "2026-03-01 12:00:01 Mars/Base",
    "\n2026-03-01 14:00:00 Europe/Oslo \n",
]


@pytest.mark.parametrize("text", STAMPS)
def test_a_time_and_its_penalty_are_those_that_nbgrader_finds(
    room: Classroom, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    policy(room, monkeypatch, **ZERO)
    due(room)
    stamp(room, text)
    record(room, graded(room, share=0.5))
    ours = late_row(room)
    assert ours[0] == parse_utc(text.strip())
    # nbgrader's own step on the same gradebook
    with Gradebook(room.db_url) as gradebook:
        notebook = gradebook.find_submission_notebook("filters", "filters", "ada")
        notebook.late_submission_penalty = 99
        gradebook.db.commit()
    where = {"student": "ada", "assignment": "filters", "notebook": "filters", "db_url": room.db_url}
    AssignLatePenalties(config=room.config()).preprocess(nbformat.v4.new_notebook(), {"nbgrader": where})
    assert late_row(room) == ours
    assert ours[2] == (7.5 if ours[0] > DUE else 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("soon", 'says "soon", which is no time'),
        ("", "is empty"),
        ("99999999999999999999999", "is no time"),
        ("2026-03-01 25:00:00 UTC", "is no time"),
        ("2026-03-01 12:00:01 XYZ", 'the zone "XYZ" is not known and counts as UTC'),
        ("2026-03-01 12:00:01 +0100", 'nbgrader takes "+0100" for so many seconds'),
    ],
)
def test_a_time_that_cannot_be_read_as_it_was_meant_is_said(room: Classroom, text: str, said: str) -> None:
    stamp(room, text)
    one = job_of(room, b"{}")
    assert any(said in remark for remark in one.remarks)
    stamp(room, "2026-03-01 12:00:01 CET")
    assert job_of(room, b"{}").remarks == ()


def test_an_unreadable_time_takes_no_points_and_forgets_an_earlier_one(
    room: Classroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy(room, monkeypatch, **ZERO)
    due(room)
    stamp(room, "2026-03-02 12:00:00 UTC")
    record(room, graded(room))
    assert late_row(room)[1:] == (15, 15)
    stamp(room, "soon")
    record(room, graded(room))
    assert late_row(room) == (None, 15, 0)
    stamp(room, None)
    record(room, graded(room))
    assert late_row(room) == (None, 15, 0)


@pytest.mark.parametrize("change", ["a due date", "an extension", "hand points", "a new time"])
def test_a_grade_that_is_kept_is_as_late_as_it_now_is(
    room: Classroom, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """the submission itself stays as it was"""
    policy(room, monkeypatch, **ZERO)
    stamp(room, "2026-03-01 13:00:00 UTC")
    if change != "a due date":
        due(room)
    result = record(room, graded(room))
    assert late_row(room)[2] == (0 if change == "a due date" else 15)
    with Gradebook(room.db_url) as gradebook:
        match change:
            case "an extension":
                gradebook.find_submission("filters", "ada").extension = timedelta(hours=2)
            case "hand points":
                gradebook.find_grade("check-relu", "filters", "filters", "ada").manual_score = 1.0
        gradebook.db.commit()
    if change == "a due date":
        due(room)
    if change == "a new time":
        stamp(room, "2026-03-01 11:00:00 UTC")
    with Recorder(room, FILTERS) as recorder:
        recorder.settle(job_of(room, b"x"), result)
    assert late_row(room)[2] == {"a due date": 15, "hand points": 14}.get(change, 0)


def test_an_extension_without_a_due_date_is_no_error(
    room: Classroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy(room, monkeypatch, **ZERO)
    stamp(room, "2026-03-01 13:00:00 UTC")
    record(room, graded(room))
    with Gradebook(room.db_url) as gradebook:
        gradebook.find_submission("filters", "ada").extension = timedelta(hours=2)
        gradebook.db.commit()
    record(room, graded(room))
    assert late_row(room)[2] == 0


PLUGIN = """
from nbgrader.plugins import BasePlugin

class PerHour(BasePlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        if student_id == "eve":
            raise RuntimeError("no")
        return {"grace": -3, "bob": None, "max": 1000}.get(student_id, total_seconds_late / 3600)
"""


def test_a_plugin_of_the_course_decides_and_its_faults_are_one_line(
    room: Classroom, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "per_hour.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(tmp_path)
    policy(room, monkeypatch, AssignLatePenalties__plugin_class="per_hour.PerHour")
    due(room)
    for student in ("ada", "grace", "bob", "max"):
        stamp(room, "2026-03-01 14:30:00 UTC", student)
        record(room, graded(room, student))
    found = {student: late_row(room, student)[2] for student in ("ada", "grace", "bob", "max")}
    assert found == {"ada": 2.5, "grace": 0, "bob": 0, "max": 15}
    stamp(room, "2026-03-01 14:30:00 UTC", "eve")
    with pytest.raises(ClassroomError, match="the late policy failed on eve: RuntimeError: no"):
        record(room, graded(room, "eve"))
    policy(room, monkeypatch, AssignLatePenalties__plugin_class="no.such.Plugin")
    with pytest.raises(ClassroomError, match=r"late policy that nbgrader_config.py names cannot be loaded"):
        Recorder(room, FILTERS)


def test_page_and_report_say_what_lateness_took(room: Classroom, monkeypatch: pytest.MonkeyPatch) -> None:
    (room.root / "late.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(room.root)
    policy(room, monkeypatch, AssignLatePenalties__plugin_class="late.PerHour")
    due(room)
    stamp(room, "2026-03-01 14:30:00 UTC")
    result = record(room, graded(room))
    page = page_of(room)
    assert "<b>12.5</b>" in page and "of 17 points" in page
    assert "15 points before 2.5 points were taken off, since this was handed in 2 h 30 min late." in page
    with Recorder(room, FILTERS) as recorder:
        report = class_page([result], "F", recorder.standings())
    assert ">−2.5<" in report and '<td class="total">12.5</td>' in report


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (1, "1 min"),
        (300, "5 min"),
        (3600, "1 h"),
        (9000, "2 h 30 min"),
        (86400, "1 day"),
        (190000, "2 days 4 h"),
    ],
)
def test_a_time_is_said_as_people_say_it(seconds: float, said: str) -> None:
    assert spoken(seconds) == said


# Feedback that reaches learners


def exchange(room: Classroom, step: str, home: Path, student: str = "*") -> None:
    """A step of nbgrader's exchange, run by the course or, in a folder of its own, by a learner."""
    config = room.config()
    config.Exchange.cache = str(home / "cache")
    config.Exchange.assignment_dir = str(home)
    config.CourseDirectory.db_url = room.db_url
    course = CourseDirectory(config=config)
    course.assignment_id, course.student_id = "filters", student
    home.mkdir(parents=True, exist_ok=True)
    authenticator = Authenticator(config=config)
    made = getattr(default, f"Exchange{step}")(coursedir=course, config=config, authenticator=authenticator)
    made.log = logging.getLogger("exchange")
    with chdir(str(home)):
        made.start()


def test_feedback_goes_through_the_exchange_and_back(room: Classroom, tmp_path: Path) -> None:
    """submit, collect, grade, hand points, report, release_feedback, fetch_feedback; beside one that came by hand"""
    home, name = tmp_path / "home", get_username()
    exchange(room, "ReleaseAssignment", tmp_path / "course")
    exchange(room, "FetchAssignment", home)
    exchange(room, "Submit", home)
    exchange(room, "Collect", tmp_path / "course")
    assert (room.folder("submitted", name, FILTERS) / "submission_secret.txt").exists()
    with Recorder(room, FILTERS) as recorder:
        for student in (name, "by-hand"):
            path = room.folder("submitted", student, FILTERS) / "filters.ipynb"
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                path.write_bytes(b"x")
            one = job(student, FILTERS, path, b"", room.secret(), Limits(), True)
            recorder.record(one, graded(room, student))
        with Gradebook(room.db_url) as gradebook:
            notebook = gradebook.find_submission_notebook("filters", "filters", name)
            next(one for one in notebook.comments if one.name == "relu").manual_comment = "A clear loop."
            gradebook.db.commit()
        recorder.refresh_feedback(graded(room, name))
    exchange(room, "ReleaseFeedback", tmp_path / "course")
    published = list((room.root / "exchange" / "cnn-course" / "feedback").glob("*.html"))
    assert len(published) == 2 and len({path.name for path in published}) == 2
    exchange(room, "FetchFeedback", home)
    (page,) = (home / "filters" / "feedback").rglob("filters.html")
    assert "A clear loop." in page.read_text(encoding="utf-8")


def test_feedback_is_released_whatever_a_learner_put_beside_the_notebook(
    room: Classroom, tmp_path: Path
) -> None:
    """a link to a file of the course, a pipe, a time that cannot be read, nothing"""
    for student in ("link", "pipe", "odd", "none"):
        folder = room.folder("submitted", student, FILTERS)
        folder.mkdir(parents=True)
        match student:
            case "link":
                (folder / "timestamp.txt").symlink_to(room.root / "secret")
                (folder / "submission_secret.txt").symlink_to(room.root / "secret")
            case "pipe":
                os.mkfifo(folder / "timestamp.txt")
                os.mkfifo(folder / "submission_secret.txt")
            case "odd":
                (folder / "timestamp.txt").write_text("soon")
                (folder / "submission_secret.txt").write_text("")
        record(room, graded(room, student))
        back = room.folder("feedback", student, FILTERS)
        assert (back / "timestamp.txt").read_text() == ""
        secret = (back / "submission_secret.txt").read_text()
        assert len(secret) == 128 and room.secret().decode() not in secret
    exchange(room, "ReleaseFeedback", tmp_path / "course")
    assert len(list((room.root / "exchange" / "cnn-course" / "feedback").glob("*.html"))) == 4


def test_stock_feedback_after_ours_can_be_released_and_the_next_run_writes_ours_again(
    room: Classroom,
) -> None:
    stamp(room, "2026-03-01 11:00:00 UTC")
    (room.folder("submitted", "ada", FILTERS) / "submission_secret.txt").write_text("k" * 128)
    result = record(room, graded(room))
    ours = page_of(room)
    with nbgrader_api(room, room.root) as (api, log):
        assert api.generate_feedback("filters", "ada")["success"], log.getvalue()
    assert page_of(room) != ours
    folder = room.folder("feedback", "ada", FILTERS)
    assert (folder / "submission_secret.txt").read_text() == "k" * 128
    with Recorder(room, FILTERS) as recorder:
        recorder.settle(job_of(room, b"x"), result)
    assert page_of(room) == ours
    assert (folder / "timestamp.txt").read_text() == "2026-03-01 11:00:00 UTC"


def by_hand(room: Classroom, **given: float) -> None:
    """Points that a person gives in formgrader; `extra` goes to relu."""
    with Gradebook(room.db_url) as gradebook:
        for name, value in given.items():
            cell = QUESTION if name == "question" else "check-relu"
            grade = gradebook.find_grade(cell, "filters", "filters", "ada")
            if name == "extra":
                grade.extra_credit = value
            else:
                grade.manual_score, grade.needs_manual_grade = value, False
        for comment in gradebook.find_submission_notebook("filters", "filters", "ada").comments:
            if comment.name == QUESTION:
                comment.manual_comment = "Nine, yes."
        gradebook.db.commit()


def test_page_report_and_table_state_the_one_total_of_the_gradebook(room: Classroom) -> None:
    result = record(
        room, graded(room, share=0.5, cells={"relu": "def relu(x): ...", QUESTION: "Nine weights."})
    )
    page = page_of(room)
    assert "<b>7.5</b>" in page and "of 17 points" in page
    assert "2 points for a written answer will be given by a person" in page and "not read yet" in page
    by_hand(room, question=1.5, relu=2.0, extra=0.25)
    with Recorder(room, FILTERS) as recorder:
        recorder.settle(job_of(room, b"x"), result)
        standings = recorder.standings()
    total = standings["ada"].total
    assert total == late_row(room)[1] == 7.5 - 1 + 2.25 + 1.5
    page = page_of(room)
    assert f"<b>{total:g}</b>" in page and "of 17 points" in page and "not read yet" not in page
    assert "A person gave 2 of 2 points (the checks gave 1)." in page
    assert "A person added 0.25 points of extra credit." in page
    assert "A person gave 1.5 of 2 points." in page and "Nine, yes." in page
    assert "2.25 of 2" in page and "1.5 of 2" in page
    report = class_page([result], "F", standings)
    assert f'<td class="total">{total:g}</td>' in report and f"<b>{total:.2f}</b>" in report
    assert "mean 2.25 of 2" in report


def test_the_class_report_names_who_waits_to_be_read(room: Classroom) -> None:
    result = record(room, graded(room, cells={QUESTION: "Nine weights."}))
    with Recorder(room, FILTERS) as recorder:
        before = class_page([result], "F", recorder.standings())
        assert f"a written answer to read: {QUESTION}" in before and ">to read<" in before
        by_hand(room, question=0.0)
        assert "to read" not in class_page([result], "F", recorder.standings())
        recorder.record(job_of(room, b"x"), result)  # nbgrader asks again about what was graded by hand
        assert "to read" not in class_page([result], "F", recorder.standings())


# Grades by other hands

CHEAT = "import autograder\nautograder.check = lambda kernel: 2.0\ndef relu(x):\n    return x"


@needs_a_jail
def test_the_button_of_formgrader_grades_in_the_jail(
    room: Classroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """presses it on a cheat, then runs `grade`, which finds nothing to put right; lateness counts too"""
    notebook = room.released(FILTERS)
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "relu":
            cell.source = CHEAT
    job_of(room, nbformat.writes(notebook).encode())
    due(room)
    stamp(room, "2026-03-01 13:00:00 CET")
    with nbgrader_api(room, room.root) as (api, log):
        pressed = api.autograde("filters", "ada")
        assert pressed["success"], pressed
    when, score, _ = late_row(room)
    assert when == DUE and 0 <= score < 2
    assert "score" in page_of(room) and (room.root / "results" / "filters" / "ada.json").exists()
    by_hand(room, question=1.5)
    done = autograder("grade", "filters", "--classroom", room.root)
    assert "1 graded before and unchanged" in done.stderr, done.stderr
    assert late_row(room)[1] == score + 1.5 and f"{score + 1.5:g}  17" in done.stdout.replace("    ", "  ")
    with nbgrader_api(room, room.root) as (api, log):
        assert api.autograde("filters", "ada")["success"]
    assert late_row(room)[1] == score + 1.5, "hand points stay"

    def none() -> None:
        raise JailMissing("grading needs bubblewrap")

    monkeypatch.setattr("autograder.jail.session.require_jail", none)
    with nbgrader_api(room, room.root) as (api, log):
        pressed = api.autograde("filters", "ada")
    assert not pressed["success"] and "grading needs bubblewrap" in str(pressed)


# A course that changes under way


SCRIPT = "<script>fetch('/api/contents')</script>"


@needs_a_jail
def test_the_button_never_puts_a_learners_markup_where_formgrader_shows_it(room: Classroom) -> None:
    """a good file, then one that cannot be graded and holds scripts: what stands shows neither, before and after `grade`"""
    job_of(room, nbformat.writes(room.released(FILTERS)).encode())
    record(room, graded(room, share=0.5))
    hostile = room.released(FILTERS)
    hostile.cells.insert(0, nbformat.v4.new_markdown_cell(SCRIPT))
    hostile.cells += [nbformat.v4.new_raw_cell("") for _ in range(2001)]
    job_of(room, nbformat.writes(hostile).encode())
    with nbgrader_api(room, room.root) as (api, log):
        assert api.autograde("filters", "ada")["success"], log.getvalue()
    shown = room.folder("autograded", "ada", FILTERS) / "filters.ipynb"
    assert "<script" not in shown.read_text(encoding="utf-8")
    with Gradebook(room.db_url) as gradebook:
        assert gradebook.find_submission("filters", "ada").score == 7.5
    done = autograder("grade", "filters", "--classroom", room.root)
    assert "1 graded before and unchanged" in done.stderr, done.stderr
    shown.write_text(nbformat.writes(hostile), encoding="utf-8")  # as stock Autograde would leave it
    done = autograder("grade", "filters", "--classroom", room.root)
    assert "the autograded notebook was another" in done.stderr, done.stderr
    assert "<script" not in shown.read_text(encoding="utf-8")
    shutil.rmtree(shown.parent)  # as nbgrader leaves it where it fails
    done = autograder("grade", "filters", "--classroom", room.root)
    assert shown.is_file() and "put right" in done.stderr, done.stderr


def edited(tmp_path: Path, old: str, new: str) -> Chapter:
    text = FILTERS.page.read_text(encoding="utf-8")
    assert old in text
    page = tmp_path / "chapters" / FILTERS.page.name
    page.parent.mkdir(exist_ok=True)
    page.write_text(text.replace(old, new, 1), encoding="utf-8")
    kernels = tmp_path / "solutions"  # a page's kernels are read beside its folder
    if not kernels.exists():
        kernels.symlink_to(ROOT / "solutions")
    return replace(FILTERS, page=page)


def test_cells_that_were_not_edited_keep_their_ids(tmp_path: Path) -> None:
    before = source_notebook(FILTERS)
    first = next(cell.source for cell in before.cells[2:] if cell.cell_type == "markdown")
    later = edited(tmp_path, first.splitlines()[0], "A new paragraph.\n\n+++\n\n" + first.splitlines()[0])
    after = source_notebook(later)
    assert len(after.cells) > len(before.cells)
    ids = [{cell.id: cell.source for cell in notebook.cells} for notebook in (before, after)]
    assert len(ids[0]) == len(before.cells) and len(ids[1]) == len(after.cells), "each id once"
    same = [cell.id for cell in after.cells if cell.source in ids[0].values()]
    assert len(same) >= len(before.cells) - 1
    assert all(ids[0].get(one) == ids[1][one] for one in same)


def test_an_edited_check_keeps_its_id_since_it_is_the_same_exercise(tmp_path: Path) -> None:
    old = ":points: 2\nfrom autograder import check\ncheck(relu)"
    later = edited(tmp_path, old, old.replace("check(relu)", "# a remark\ncheck(relu)"))
    ids = [
        next(
            c.id
            for c in source_notebook(one).cells
            if c.metadata.get("nbgrader", {}).get("grade_id") == "check-relu"
        )
        for one in (FILTERS, later)
    ]
    assert ids[0] == ids[1]


# Odd names

ODD = ["a+b", "Zoë O'Brien (2)", "日本", "Doe, Jane", "{x}", "semi;colon", "=1+1", "-rf", "x]"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("dom\\ann", "holds \\"),
        ("x[1]", "holds ["),
        ("a*", "holds *"),
        ("what?", "holds ?"),
        ("50%", "holds %"),
        ("a#b", "holds #"),
        (" ada", "blank"),
        ("é" * 100 + "x", "longer than 200 bytes"),
        ("x" * 129, "longer than 128 characters"),
    ],
)
def test_a_name_that_would_fail_later_is_refused_at_the_start(
    room: Classroom, name: str, reason: str
) -> None:
    folder = room.folder("submitted", name, FILTERS)
    folder.mkdir(parents=True)
    (folder / "filters.ipynb").write_text("{}")
    assert room.students(FILTERS) == []
    (said,) = room.notices([FILTERS])
    assert reason in said and "rename the folder" in said


def test_odd_names_are_graded_by_button_and_command_and_exported(room: Classroom, tmp_path: Path) -> None:
    """formgrader's Autograde, `grade`, every export but Canvas's, which knows numbers, and the report of a term"""
    for name in ODD:
        job_of(room, room.release_path(FILTERS).read_bytes(), name)
    with nbgrader_api(room, room.root) as (api, log):
        for name in ODD:
            assert api.autograde("filters", name)["success"], (name, log.getvalue())
    done = autograder("grade", "filters", "--json", "--classroom", room.root)
    assert done.returncode == 0 and f"{len(ODD)} graded before and unchanged" in done.stderr, done.stderr
    assert {one["student"] for one in json.loads(done.stdout)} == {*ODD}
    (tmp_path / "class.csv").write_text(
        "student_id,first_name,last_name,email\n"
        + "".join(
            f'"{name}",First{number},Last{number},{number}@uni.example\n' for number, name in enumerate(ODD)
        ),
        encoding="utf-8",
    )
    done = autograder("roster", tmp_path / "class.csv", "--classroom", room.root)
    assert done.returncode == 0, done.stderr
    for kind in ("csv", "moodle", "gradescope"):
        to = tmp_path / f"{kind}.out"
        done = autograder("export", kind, "--to", to, "--classroom", room.root)
        assert done.returncode == 0, done.stderr
        if kind == "gradescope":
            assert len(list(to.rglob("results.json"))) == len(ODD)
        elif kind == "csv":
            assert {
                name for row in csv.reader(to.read_text(encoding="utf-8").splitlines()) for name in row
            } >= {*ODD}
        else:
            assert len(to.read_text(encoding="utf-8").splitlines()) == len(ODD) + 1
    done = autograder("report", "--term", "--classroom", room.root)
    assert done.returncode == 0, done.stderr
    assert len(list((room.root / "reports" / "learners").glob("*.html"))) == len(ODD)


def test_odd_names_go_all_the_way(room: Classroom, tmp_path: Path) -> None:
    """gradebook, formgrader's lists, feedback through the exchange, report, nbgrader's own export"""
    for number, name in enumerate(ODD):
        job_of(room, b"x", name)
        record(room, graded(room, name, share=1 - number / 10))
    assert room.students(FILTERS) == sorted(ODD) and room.notices([FILTERS]) == []
    with nbgrader_api(room, room.root) as (api, log):
        listed = {one["student"]: one["score"] for one in api.get_submissions("filters")}
        assert set(listed) == set(ODD) and listed["a+b"] == 15
        assert api.get_autograded_students("filters") == set(ODD), "none stands as changed since"
    exchange(room, "ReleaseFeedback", tmp_path / "course")
    assert len(list((room.root / "exchange" / "cnn-course" / "feedback").glob("*.html"))) == len(ODD)
    with Recorder(room, FILTERS) as recorder:
        report = class_page(recorder.results(), "F", recorder.standings())
    assert all(html.escape(name) in report for name in ODD)
    shown = formgrader_page(room.folder("autograded", "日本", FILTERS) / "filters.ipynb", "日本")
    assert "日本" in shown
    with Gradebook(room.db_url) as gradebook:
        plugin = import_item(room.config().ExportApp.plugin_class)()
        plugin.to = str(tmp_path / "grades.csv")
        plugin.export(gradebook)
    with open(tmp_path / "grades.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["student_id"]: float(row["score"]) for row in rows} == listed
    assert {row["assignment"] for row in rows} == {"filters"} and all(None not in row for row in rows)


# Rosters and exports

CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,"Filters, shared (991)",Final Score
"    Points Possible",,,,,15,
"Doe, Jane",101,S-1,jane,"A, morning",,
"O'Brien, Zoë",102,S-2,zoe,B,,
"Nobody, Tom",103,S-3,tom,B,,
"Student, Test",104,,test,B,,
"""
MOODLE = """\
\ufeff"First name";"Surname";"ID number";"Email address";"Groups"
"Jane";"Doe";"S-1";"jane@uni.example";"A"
"Zoë";"O'Brien";"S-2";"zoe@uni.example";""
"""


def roster_of(tmp_path: Path, text: str) -> exports.Roster:
    (tmp_path / "class.csv").write_text(text, encoding="utf-8")
    return exports.read_roster(tmp_path / "class.csv")


def sheets_of(room: Classroom) -> list[exports.Sheet]:
    with Recorder(room, FILTERS) as recorder:
        results = tuple(recorder.results())
        sheet = exports.Sheet("filters", "Filters, shared", results, recorder.standings())
    return [sheet, replace(sheet, name="again", title="Again")]


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_rosters_of_canvas_moodle_and_ones_own_are_read(tmp_path: Path) -> None:
    one = roster_of(tmp_path, CANVAS)
    assert [(p.first, p.last, p.lms_id, p.login) for p in one.people] == [
        ("Jane", "Doe", "101", "jane"), ("Zoë", "O'Brien", "102", "zoe"), ("Tom", "Nobody", "103", "tom")
    ]  # fmt: skip
    two = roster_of(tmp_path, MOODLE)
    assert [(p.first, p.last, p.sis_id, p.email) for p in two.people][1] == (
        "Zoë", "O'Brien", "S-2", "zoe@uni.example"
    )  # fmt: skip
    three = roster_of(tmp_path, "id,first_name,last_name,email\nada,Ada,L,a@b\n")
    assert three.people[0].student == "ada"
    four = roster_of(tmp_path, "student\tname\nada\tAda M. Lovelace\n")
    assert (four.people[0].student, four.people[0].first, four.people[0].last) == (
        "ada",
        "Ada M.",
        "Lovelace",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column that says who"),
        ("colour,shoe\nred,7\n", "no column that says who"),
        ("student_id,email\n", "lists nobody"),
        ("student_id\nada\nada\n", "ada more than once"),
    ],
)
def test_a_roster_that_is_none_is_one_clear_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ClassroomError, match=said):
        roster_of(tmp_path, text)


@pytest.mark.parametrize("folder", ["jane", "JANE", "101", "S-1", "Jane Doe", "doejane", "Doe, Jane"])
def test_a_folder_is_known_by_what_platforms_call_it(tmp_path: Path, folder: str) -> None:
    found = exports.matched(roster_of(tmp_path, CANVAS), [folder, "stranger"])
    assert {name: person.lms_id for name, person in found.items()} == {folder: "101"}


def test_two_people_of_one_name_are_never_taken_for_each_other(tmp_path: Path) -> None:
    roster = roster_of(tmp_path, "email,first name,last name\na@x,Jane,Doe\nb@x,Jane,Doe\n")
    assert exports.matched(roster, ["Jane Doe", "a@x"]) == {
        "a@x": roster.people[0],
        "Jane Doe": roster.people[1],
    }
    assert exports.matched(roster, ["Jane Doe"]) == {}


def test_canvas_and_moodle_get_the_totals_that_count(room: Classroom, tmp_path: Path) -> None:
    record(room, graded(room, "jane", share=0.5, cells={QUESTION: "Nine."}))
    record(room, graded(room, "zoe"))
    record(room, graded(room, "stranger"))
    with Gradebook(room.db_url) as gradebook:
        gradebook.find_grade(QUESTION, "filters", "filters", "jane").manual_score = 1.25
        gradebook.db.commit()
    roster = roster_of(tmp_path, CANVAS)
    assert set(exports.keep_roster(room, roster, ["jane", "zoe", "stranger"])) == {"jane", "zoe"}
    assert exports.kept_roster(room) == roster
    with Gradebook(room.db_url) as gradebook:
        assert (gradebook.find_student("jane").last_name, gradebook.find_student("jane").lms_user_id) == (
            "Doe",
            "101",
        )
    assert rows_of(exports.canvas(roster, sheets_of(room))) == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Filters, shared (991)", "Again"],
        ["    Points Possible", "", "", "", "", "17", "17"],
        ["Doe, Jane", "101", "S-1", "jane", "A, morning", "8.75", "8.75"],
        ["O'Brien, Zoë", "102", "S-2", "zoe", "B", "15", "15"],
        ["Nobody, Tom", "103", "S-3", "tom", "B", "", ""],
    ]
    people = roster_of(tmp_path, MOODLE)
    assert rows_of(exports.moodle(people, sheets_of(room)))[1:] == [
        ["Jane", "Doe", "", "S-1", "jane@uni.example", "8.75", "8.75"],
        ["Zoë", "O'Brien", "", "S-2", "zoe@uni.example", "15", "15"],
    ]
    header, *rows = rows_of(exports.plain(roster, sheets_of(room)))
    table = {row[0]: dict(zip(header, row, strict=True)) for row in rows}
    assert set(table) == {"jane", "zoe", "stranger", "tom"}
    assert table["jane"]["filters.relu"] == "1" and table["jane"][f"filters.{QUESTION}"] == "1.25"
    assert table["jane"]["again.total"] == "8.75" and table["tom"]["filters.total"] == ""
    for needs in (exports.canvas, exports.moodle):
        with pytest.raises(ClassroomError, match="autograder roster"):
            needs(exports.Roster(), sheets_of(room))


def test_gradescope_gets_a_test_for_each_cell_and_the_score_that_counts(room: Classroom) -> None:
    record(room, graded(room, share=0.5, remarks=("odd",), cells={QUESTION: "Nine."}))
    by_hand(room, question=1.5)
    (sheet, _) = sheets_of(room)
    place = exports.export(room, "gradescope", [sheet], None)
    data = json.loads((place / "filters" / "ada" / "results.json").read_text(encoding="utf-8"))
    assert data["score"] == 9 and "odd" in data["output"]
    tests = {one["name"]: one for one in data["tests"]}
    assert tests["relu"]["score"] == 1 and tests["relu"]["max_score"] == 2
    assert tests[QUESTION]["score"] == 1.5 and "Nine, yes." in tests[QUESTION]["output"]
    assert sum(one["score"] for one in data["tests"]) == 9


def test_what_broke_down_exports_no_zero_and_is_said(room: Classroom, tmp_path: Path) -> None:
    exports.keep_roster(room, roster_of(tmp_path, CANVAS), ["jane", "zoe"])
    record(room, graded(room, "jane", cells={QUESTION: "Nine weights."}))
    record(room, Submission("zoe", "filters", FAULT, "no memory"))
    record(room, graded(room, "stranger"))
    sheets = sheets_of(room)[:1]
    roster = exports.kept_roster(room)
    assert [row[5] for row in rows_of(exports.canvas(roster, sheets))[2:]] == ["15", "", ""]
    place = exports.export(room, "gradescope", sheets, tmp_path / "out")
    assert sorted(one.name for one in (place / "filters").iterdir()) == ["jane", "stranger"]
    (zoe,) = [row for row in rows_of(exports.plain(roster, sheets)) if row[0] == "zoe"]
    assert set(zoe[4:]) == {""}
    said = "; ".join(exports.notices(room, "canvas", sheets))
    assert "no grade for zoe" in said and "jane still wait" in said and "stranger fit nobody" in said


def test_export_takes_off_what_lateness_costs_now(
    room: Classroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """points given by hand after the last run are late too"""
    policy(room, monkeypatch, **ZERO)
    due(room)
    stamp(room, "2026-03-01 13:00:00 UTC")
    record(room, graded(room))
    by_hand(room, question=2.0)
    with Recorder(room, FILTERS) as recorder:
        assert recorder.standings()["ada"].total == 2
        recorder.penalize()
        assert recorder.standings()["ada"].total == 0


def test_a_number_that_two_people_have_names_neither(tmp_path: Path) -> None:
    text = 'Student,ID,SIS User ID,SIS Login ID,Section\n"A, A",101,,a,\n"B, B",777,,101,\n'
    roster = roster_of(tmp_path, text)
    who = exports.matched(roster, ["101", "777", "a"])
    assert {folder: one.last for folder, one in who.items()} == {"777": "B", "a": "A"}
    own = roster_of(tmp_path, "student_id,last_name,login\n101,A,a\nb,B,101\n")
    assert {folder: one.last for folder, one in exports.matched(own, ["101"]).items()} == {"101": "A"}


@pytest.mark.parametrize("text", ['student_id,name\na,"Jane "JJ" Doe"\n', 'student_id,name\na,"Jane\n'])
def test_a_list_with_an_odd_quote_is_one_clear_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(ClassroomError, match="is no table in CSV"):
        roster_of(tmp_path, text)


def test_a_list_may_end_its_lines_in_any_way_but_not_list_somebody_twice(tmp_path: Path) -> None:
    assert len(roster_of(tmp_path, "student_id,name\ra,A B\rb,C D\r").people) == 2
    with pytest.raises(ClassroomError, match="lists Jane Doe more than once"):
        roster_of(tmp_path, "name\nJane Doe\nJane Doe\n")


def test_a_name_is_no_formula_in_a_spreadsheet(room: Classroom, tmp_path: Path) -> None:
    roster = roster_of(tmp_path, 'student_id,first_name,last_name\nada,"=HYPERLINK(""x"",""y"")",-1\n')
    record(room, graded(room))
    rows = rows_of(exports.plain(roster, sheets_of(room)[:1]))
    assert rows[1][:3] == ["ada", "'-1", '\'=HYPERLINK("x","y")']


def test_roster_and_export_from_the_command_line(room: Classroom, tmp_path: Path) -> None:
    job_of(room, b"x", "jane")
    record(room, graded(room, "jane"))
    (tmp_path / "class.csv").write_text(CANVAS, encoding="utf-8")
    done = autograder("roster", tmp_path / "class.csv", "--classroom", room.root)
    assert done.returncode == 0 and "3 on the roster, 1 of them" in done.stdout, done.stderr
    to = tmp_path / "out.csv"
    done = autograder("export", "canvas", "--to", to, "--classroom", room.root)
    assert done.returncode == 0, done.stderr
    assert rows_of(to.read_text(encoding="utf-8"))[2][:2] == ["Doe, Jane", "101"]
    words = [sys.executable, "-m", "nbgrader", "export", "--to", str(tmp_path / "stock.csv")]
    stock = subprocess.run(words, cwd=room.root, capture_output=True, text=True)
    assert stock.returncode == 0, stock.stderr
    assert "jane" in (tmp_path / "stock.csv").read_text(encoding="utf-8")


# The log, the secret, turns


def events(room: Classroom) -> list[dict[str, Any]]:
    return list(Journal(room.root).read())


def test_the_log_is_a_chain_and_a_changed_line_is_named(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for number in range(4):
        journal.write("graded", student="日本\n", number=number, many=list(range(100)))
    assert [one["number"] for one in journal.read()] == [0, 1, 2, 3]
    count, last, problems = journal.problems()
    assert (count, problems) == (4, []) and last == list(journal.read())[-1]["hash"]
    lines = journal.path.read_text().splitlines(keepends=True)
    for changed, line in (
        ([lines[0], lines[1].replace('"number": 1', '"number": 9'), *lines[2:]], 2),
        ([lines[0], *lines[2:]], 2),
        ([lines[0], lines[2], lines[1], lines[3]], 2),
        ([*lines[:3], "{}\n", lines[3]], 4),
        ([lines[0].replace('"number": 0', '"number": 7, "number": 0'), *lines[1:]], 1),
        ([lines[0].replace(": ", ":  ", 1), *lines[1:]], 1),
        ([*lines[:3], lines[3][:50]], 4),
    ):
        journal.path.write_text("".join(changed))
        assert journal.problems()[2][0].startswith(f"line {line}: "), changed
    journal.write("graded", number=4)
    assert journal.problems()[2] == [] and list(journal.read())[-1]["torn_bytes_removed"] == 50
    assert journal.path.stat().st_mode & 0o777 == 0o600


def test_several_writers_at_once_make_one_chain(tmp_path: Path) -> None:
    script = "import sys, pathlib; from autograder.grading.journal import Journal\nfor i in range(40): Journal(pathlib.Path(sys.argv[1])).write('x', i=i)"
    some = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path)]) for _ in range(3)]
    assert [one.wait(60) for one in some] == [0, 0, 0]
    assert Journal(tmp_path).problems()[::2] == (120, [])


@needs_a_jail
def test_a_run_is_logged_and_the_log_is_verified_from_the_command_line(room: Classroom) -> None:
    """and a second run that waits for the first one's lock grades nothing twice"""
    job_of(room, room.release_path(FILTERS).read_bytes())
    with open(room.root / ".grading", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        words = [sys.executable, "-m", "autograder", "grade", "--wait", "--classroom", str(room.root)]
        waiting = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert waiting.stderr is not None
        said = []
        while "waiting for its end" not in (line := waiting.stderr.readline()):
            assert line, said
            said.append(line)
        assert waiting.poll() is None
        # without names, all that was released is graded, and what was not is named
        assert "not released yet, left out: pixels, stride" in "".join(said)
    assert waiting.wait(300) == 0
    assert (room.root / "exchange").is_dir(), "or formgrader says that it does not exist"
    names = [one["event"] for one in events(room)]
    assert names == ["released", "grading begins", "graded", "grading ends"]
    one = events(room)[2]
    assert (one["student"], one["verdict"], one["score"], one["of"]) == ("ada", "graded", 0, 15)
    assert one["seconds"] > 0 and len(one["key"]) == 64
    done = autograder("verify", "--log", "--classroom", room.root)
    assert done.returncode == 0 and "unbroken" in done.stdout and "4 lines" in done.stdout
    log = room.root / "log.jsonl"
    log.write_text(log.read_text().replace('"score": 0', '"score": 15'))
    done = autograder("verify", "--log", "--classroom", room.root)
    assert done.returncode == 1 and "line 3: was changed" in done.stdout


def test_a_secret_can_be_backed_up_replaced_and_restored_and_gives_the_same_grades_elsewhere(
    room: Classroom, tmp_path: Path
) -> None:
    first = job_of(room, b"{}")
    room.back_up_secret(tmp_path / "backup")
    with pytest.raises(ClassroomError, match="is there already"):
        room.back_up_secret(tmp_path / "backup")
    before = room.fingerprint()
    old = room.replace_secret()
    assert old is not None and old.stat().st_mode & 0o777 == 0o600
    assert room.fingerprint() != before and job_of(room, b"{}").seed != first.seed
    room.replace_secret((tmp_path / "backup").read_bytes())
    assert job_of(room, b"{}") == first
    assert "hash" not in before and room.secret().decode() not in (room.root / "log.jsonl").read_text()
    other = Classroom(tmp_path / "elsewhere")
    shutil.copytree(room.root / "release", other.root / "release")
    other.replace_secret((tmp_path / "backup").read_bytes())
    assert job_of(other, b"{}").key == first.key and other.fingerprint() == before
    with pytest.raises(ClassroomError, match="is no secret"):
        other.replace_secret(b"short")
    (other.root / "secret").write_bytes(b"cut")
    with pytest.raises(ClassroomError, match="is damaged"):
        other.secret()
    other.replace_secret((tmp_path / "backup").read_bytes())
    assert other.fingerprint() == before
    with pytest.raises(ClassroomError, match="has no secret yet"):
        Classroom(tmp_path / "typo").back_up_secret(tmp_path / "nothing")


def test_a_secret_that_was_backed_up_gives_the_same_grades_in_another_room(
    room: Classroom, tmp_path: Path
) -> None:
    """from the command line, to the last digit, with every hidden input the same"""
    other = Classroom(tmp_path / "elsewhere")
    cells = {"relu": "def relu(x):\n    return x * (x > 0.0001)"}
    content = nbformat.writes(
        fill(room.released(FILTERS), lambda kernel: cells.get(kernel) or reference_cell(FILTERS, kernel))
    ).encode()
    job_of(room, content)
    first = autograder("grade", "filters", "--json", "--classroom", room.root)
    done = autograder("secret", "--backup", tmp_path / "backup", "--classroom", room.root)
    assert done.returncode == 0, done.stderr
    assert autograder("release", "filters", "--classroom", other.root).returncode == 0
    done = autograder("secret", "--restore", tmp_path / "backup", "--classroom", other.root)
    assert done.returncode == 0, done.stderr
    job_of(other, content)
    second = autograder("grade", "filters", "--json", "--classroom", other.root)
    assert first.returncode == second.returncode == 0, (first.stderr, second.stderr)
    ((one,), (two,)) = json.loads(first.stdout), json.loads(second.stdout)
    assert one["exercises"] == two["exercises"] and one["seed"] == two["seed"]
    assert 0 < one["score"] < one["points"]


@pytest.mark.parametrize(
    ("file", "student", "chapter"),
    [
        ("doejane_101_202_filters.ipynb", "101", "filters"),
        ("doejane_LATE_101_202_filters-2.ipynb", "101", "filters"),
        ("doejane_101_202_fully_connected (1).ipynb", "101", "fully_connected"),
        ("Jane Doe_303_assignsubmission_file_/filters.ipynb", "Jane Doe", "filters"),
        ("Zoë O'Brien_303_assignsubmission_file_filters.ipynb", "Zoë O'Brien", "filters"),
        ("notes.ipynb", None, None),
        # handed in by Jane Doe, as somebody else's
        ("Jane Doe_303_assignsubmission_file_/Bob Roe_1_filters.ipynb", None, None),
        ("Jane Doe_303_assignsubmission_file/x/Bob Roe_1_assignsubmission_file_/filters.ipynb", None, None),
    ],
)
def test_zip_collect_knows_the_file_names_of_canvas_and_moodle(
    room: Classroom, file: str, student: str | None, chapter: str | None
) -> None:
    plugin = FileNameCollectorPlugin(config=room.config())
    found = plugin.collect(f"/course/downloaded/filters/extracted/archive/{file}") or {}
    assert (found.get("student_id"), found.get("file_id")) == (student, chapter)


# What an instructor asks


def known(exercise: Exercise, name: str) -> Exercise:
    return replace(exercise, score=0.0, verdict="wrong answer", mistake=name, hint=f"You {name} it.")


def a_class(room: Classroom) -> list[Submission]:
    relu = [exercise.kernel for exercise in graded(room).exercises].index("relu")
    made = []
    for student, name, verdict in (
        ("ada", "", "passed"), ("bob", "flip", ""), ("eve", "shift", ""), ("grace", "flip", ""), ("max", "", "time limit")
    ):  # fmt: skip
        exercises = list(graded(room, student).exercises)
        one = exercises[relu]
        exercises[relu] = known(one, name) if name else replace(one, verdict=verdict)
        made.append(graded(room, student, exercises=tuple(exercises)))
    made.append(Submission("zoe", "filters", UNGRADABLE, "there is no file filters.ipynb"))
    return made


def test_the_class_report_answers_who_what_and_how_hard(room: Classroom) -> None:
    page = class_page(a_class(room), "F", None, {"ada": 1.0, "bob": 9.5, "eve": 1.25, "stranger": 99.0})
    headings = re.findall("<h2>(.*?)</h2>", page)
    assert headings[:2] == ["1 submission needs a person", "Misconceptions"]
    text = re.sub(r"<[^>]*>", "", page)
    assert text.index("2 ×relu: You flip it. (bob, grace)") < text.index("1 ×relu: You shift it. (eve)")
    assert re.search(r"Hardest first, by the share that passed: relu 20%, \w+ 100%", text)
    assert "relu ran out of time: max" in text
    assert (
        "slowest to grade: bob 9.5 s, eve 1.2 s, ada 1.0 s; the median is 1.2 s" in text
        and "stranger" not in text
    )


def test_a_term_is_a_report_over_chapters_and_a_page_for_each_learner(room: Classroom) -> None:
    first = Part.of("filters", "Filters", a_class(room), {})
    second = Part.of("stride", "Stride <b>", [graded(room, "ada", share=0.5), graded(room, "late")], {})
    assert learners([first, second]) == ["ada", "bob", "eve", "grace", "late", "max", "zoe"]
    text = re.sub(r"<[^>]*>", " ", term_page([first, second]))
    assert re.search(r"ada\s+15\s+7.5\s+22.5", text) and re.search(r"late\s+–\s+15\s+15", text)
    assert "Stride &lt;b&gt;: nothing handed in by" in text and re.search(r"bob\s+,\s+eve", text)
    assert re.search(r"Of\s+15\s+15\s+30", text)
    page = learner_page("bob", [first, second])
    text = re.sub(r"<[^>]*>", " ", page)
    assert "You flip it." in text and "open: relu" in text and "nothing handed in" in text
    assert re.search(r"13\s+of 30 points so far", text) and "<b>" not in page.split("Stride")[1][:20]


def test_the_term_from_the_command_line_and_chapters_that_were_not_released(room: Classroom) -> None:
    """`report` and `export` without names take what was graded; `grade` says which chapters it leaves out"""
    done = autograder("report", "--classroom", room.root)
    assert done.returncode == 2 and "nothing was graded yet" in done.stderr
    job_of(room, b"x")
    record(room, graded(room))
    done = autograder("report", "--term", "--classroom", room.root)
    assert done.returncode == 0, done.stderr
    assert (room.root / "reports" / "term.html").exists() and (
        room.root / "reports" / "learners" / "ada.html"
    ).exists()
    assert [one.name for one in room.released_chapters()] == ["filters"]
    with pytest.raises(ClassroomError, match="nothing was released"):
        Classroom(room.root / "none").released_chapters()


def test_a_gradebook_without_room_is_one_error_and_prints_no_traceback(
    room: Classroom, capfd: pytest.CaptureFixture[str]
) -> None:
    with Recorder(room, FILTERS) as recorder:
        db = recorder.gradebook.db
        pages = db.execute(text("PRAGMA page_count")).scalar()
        db.execute(text(f"PRAGMA max_page_count = {pages}"))
        with pytest.raises(ClassroomError, match="free some space") as raised:
            for number in range(40):
                recorder.record(job_of(room, b"x", f"{number}" * 60), graded(room, f"{number}" * 60))
    assert len(str(raised.value).splitlines()) == 1
    out, err = capfd.readouterr()
    assert "Traceback" not in out + err and len(err.splitlines()) < 3
