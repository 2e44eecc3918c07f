"""The days of a term: late work, feedback that reaches learners, hand points, grades by other hands, odd names."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.preprocessors import AssignLatePenalties
from nbgrader.utils import parse_utc

from autograder import classroom as classroom_module
from autograder.classroom import Classroom, ClassroomError, nbgrader_api
from autograder.lateness import read_stamp
from autograder.recorder import Recorder
from autograder.reports import class_page
from autograder.standing import spoken

from .test_records import FILTERS, QUESTION, graded, job_of, page_of, record, ungradable

DUE = datetime(2026, 3, 1, 12, 0)


@pytest.fixture(scope="module")
def filters_released(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    """A classroom into which one chapter was released."""
    room = Classroom(tmp_path_factory.mktemp("filters"))
    room.release(FILTERS)
    return room


@pytest.fixture
def room(filters_released: Classroom, tmp_path: Path) -> Classroom:
    """A fresh copy of it."""
    shutil.copytree(filters_released.root, tmp_path / "classroom")
    return Classroom(tmp_path / "classroom")


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
    with pytest.raises(ClassroomError, match="late policy that nbgrader_config.py names cannot be loaded"):
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
