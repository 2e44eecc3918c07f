"""The whole way of a submission: graded in the jail, recorded in nbgrader's gradebook, the same as stock nbgrader's points."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook

from autograder import grading
from autograder.chapters import Chapter, chapter
from autograder.classroom import Classroom
from autograder.grading import Job, grade, grade_all, job
from autograder.jail import Limits
from autograder.recorder import Recorder
from autograder.results import CRASHED, FAULT, GRADED, NOT_WRITTEN, TIME_LIMIT, UNGRADABLE, WRONG, Submission
from autograder.sample import CRASH, ENDLESS, HOSTILE, fill, reference_cell, sample_class, write_sample_class

FILTERS = chapter("filters")
QUICK = Limits(call_seconds=1)


def make_job(room: Classroom, content: bytes, student: str = "ada", limits: Limits = QUICK) -> Job:
    path = room.folder("submitted", student, FILTERS) / "filters.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return job(student, FILTERS, path, room.release_path(FILTERS).read_bytes(), room.secret(), limits, True)


def notebook_with(room: Classroom, **cells: str) -> bytes:
    """The reference notebook with some kernels replaced."""
    write = lambda kernel: cells.get(kernel) or reference_cell(FILTERS, kernel)
    return nbformat.writes(fill(room.released(FILTERS), write)).encode()


@pytest.fixture
def room(released: Classroom, tmp_path: Path) -> Classroom:
    """A fresh copy of the released classroom."""
    shutil.copytree(released.root, tmp_path / "classroom")
    return Classroom(tmp_path / "classroom")


def scores(result: Submission) -> dict[str, tuple[str, float]]:
    return {exercise.kernel: (exercise.verdict, exercise.score) for exercise in result.exercises}


def test_reference_notebook_scores_full_and_untouched_zero(room: Classroom) -> None:
    full = grade(make_job(room, notebook_with(room)))
    assert full.verdict == GRADED and full.score == full.points == 15 and full.jailed
    nothing = grade(make_job(room, room.release_path(FILTERS).read_bytes()))
    assert nothing.score == 0 and {e.verdict for e in nothing.exercises} == {NOT_WRITTEN}


@pytest.mark.parametrize(("cell", "verdict"), [(CRASH, CRASHED), (ENDLESS, TIME_LIMIT), (HOSTILE, WRONG)])
def test_an_odd_cell_costs_its_own_exercise_only(room: Classroom, cell: str, verdict: str) -> None:
    result = grade(make_job(room, notebook_with(room, relu=cell.format(kernel="relu"))))
    assert scores(result)["relu"] == (verdict, 0)
    assert result.score == 13, scores(result)


def test_the_same_submission_always_gets_the_same_grade(room: Classroom) -> None:
    content = notebook_with(room, relu="def relu(x):\n    return abs(x)")
    first, second = grade(make_job(room, content)), grade(make_job(room, content))
    assert json.dumps(first.to_json()) == json.dumps(second.to_json())
    other = make_job(room, content, student="grace")
    assert other.seed != first.seed


def test_hard_coded_public_answers_fail_on_fresh_inputs(room: Classroom) -> None:
    """A kernel that remembers the answers to every input of the public checks, and knows no other."""
    memory = (
        "import gzip, json\n"
        "def relu(x):\n"
        "    known = {(-2.0, -0.5, 0.0, 0.5, 7.25): [0, 0, 0, 0.5, 7.25]}\n"
        "    key = tuple(x.ravel().tolist())\n"
        "    return np.array(known[key]) if key in known else x * 0\n"
    )
    result = grade(make_job(room, notebook_with(room, relu=memory)))
    assert 0 < scores(result)["relu"][1] < 2


def test_edited_points_checks_and_duplicates_change_nothing(room: Classroom) -> None:
    notebook = nbformat.reads(notebook_with(room, relu="def relu(x):\n    return x").decode(), as_version=4)
    for cell in list(notebook.cells):
        fields = cell.metadata.get("nbgrader", {})
        if fields.get("grade") and cell.cell_type == "code":
            cell.source, fields["points"] = "1000.0", 1000.0
            notebook.cells.append(nbformat.from_dict(json.loads(json.dumps(cell))))
    result = grade(make_job(room, nbformat.writes(notebook).encode()))
    assert result.points == 15 and scores(result)["relu"][1] < 2
    assert any("was edited" in remark for remark in result.remarks)


def test_script_in_output_and_text_is_inert_in_feedback(room: Classroom) -> None:
    notebook = nbformat.reads(
        notebook_with(room, relu="def relu(x):\n    raise ValueError('<script>alert(1)</script>')").decode(),
        4,
    )
    evil = '<script>alert(2)</script><img src=x onerror="alert(3)">[x](javascript:alert(4))'
    notebook.cells.append(nbformat.v4.new_markdown_cell(evil))
    output = nbformat.v4.new_output(
        "display_data", {"text/html": evil, "image/svg+xml": f"<svg>{evil}</svg>"}
    )
    notebook.cells.append(nbformat.v4.new_code_cell("1", outputs=[output]))
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "why-weights-are-shared":
            cell.source = evil
    one = make_job(room, nbformat.writes(notebook).encode(), student="<b>eve</b>")
    with Recorder(room, FILTERS) as recorder:
        recorder.record(one, grade(one))
    page = (room.folder("feedback", "<b>eve</b>", FILTERS) / "filters.html").read_text()
    assert "<script" not in page and "<img" not in page and 'onerror="' not in page
    assert 'href="javascript' not in page and "<b>eve" not in page
    assert "&lt;script&gt;" in page


def test_every_submission_gets_a_row_and_bad_ones_stop_nobody(room: Classroom) -> None:
    files = sample_class(FILTERS, room.released(FILTERS))
    assert len(files) >= 12
    chosen = ["reference", "broken-file", "crash", "untouched"]
    jobs = [make_job(room, files[name], name) for name in chosen]
    link = room.folder("submitted", "linked", FILTERS) / "filters.ipynb"
    link.parent.mkdir(parents=True)
    link.symlink_to(room.root / "secret")
    jobs.append(
        job("linked", FILTERS, link, room.release_path(FILTERS).read_bytes(), room.secret(), QUICK, True)
    )
    found: dict[str, Submission] = {}
    with Recorder(room, FILTERS) as recorder:

        def done(one: Job, result: Submission) -> None:
            recorder.record(one, result)
            found[one.student] = result

        grade_all(jobs, 2, done)
        assert [result.student for result in recorder.results()] == sorted([*chosen, "linked"])
        assert recorder.kept(jobs[0]) == found["reference"]
    assert found["broken-file"].verdict == found["linked"].verdict == UNGRADABLE
    assert "symbolic link" in found["linked"].reason
    assert found["reference"].score == 15
    with Gradebook(f"sqlite:///{room.root / 'gradebook.db'}") as gradebook:
        recorded = {s.student.id: s.score for s in gradebook.assignment_submissions("filters")}
    assert recorded["reference"] == 15 and recorded["broken-file"] == 0
    for name in found:
        assert (room.folder("feedback", name, FILTERS) / "filters.html").stat().st_size > 1000
        nbformat.read(room.folder("autograded", name, FILTERS) / "filters.ipynb", as_version=4)


def test_a_fault_of_the_grader_never_costs_the_learner(
    room: Classroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = make_job(room, notebook_with(room))
    first = grade(one)
    with Recorder(room, FILTERS) as recorder:
        recorder.record(one, first)
        monkeypatch.setattr(grading, "referee", lambda *args: 1 / 0)
        fault = grade(one)
        assert fault.verdict == FAULT and "ZeroDivisionError" in fault.reason
        recorder.record(one, fault)
        assert recorder.kept(one) is None, "a fault is graded again the next time"
        kept = recorder.gradebook.find_submission("filters", "ada").score
    assert kept == 15, "the grade from before stands"


def test_a_second_run_grades_nothing_anew(room: Classroom) -> None:
    make_job(room, notebook_with(room))
    command = [sys.executable, "-m", "autograder", "grade", "filters", "--classroom", str(room.root)]
    first = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=120)
    assert first.returncode == 0, first.stderr
    before = (room.root / "results" / "filters" / "ada.json").stat().st_mtime_ns
    second = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=120)
    assert json.loads(first.stdout) == json.loads(second.stdout)
    assert (room.root / "results" / "filters" / "ada.json").stat().st_mtime_ns == before
    assert "unchanged" in second.stderr


@pytest.mark.parametrize(
    "name",
    [
        "pixels",
        "fully_connected",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("filters", "backprop")),
    ],
)
def test_stock_nbgrader_gives_the_same_points_to_honest_work(room: Classroom, name: str) -> None:
    """Plain `nbgrader autograde` on the same files: the same points in every check cell."""
    one = chapter(name)
    files = sample_class(one, room.released(one))
    honest = ["reference", "partly-done", "mistakes-1", "another-way-2"]
    ours: dict[str, dict[str, float]] = {}
    for student in honest:
        path = room.folder("submitted", student, one) / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[student])
        result = grade(
            job(student, one, path, room.release_path(one).read_bytes(), room.secret(), Limits(), True)
        )
        ours[student] = {f"check-{exercise.kernel}": exercise.score for exercise in result.exercises}
    stock = stock_scores(room, one, honest)
    assert stock == ours
    assert len({sum(points.values()) for points in ours.values()}) >= 3


def stock_scores(room: Classroom, one: Chapter, students: list[str]) -> dict[str, dict[str, float]]:
    """Points of each check cell after `nbgrader autograde`, in a process and a course folder of its own."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    command = [
        "nbgrader",
        "autograde",
        one.name,
        "--create",
        f"--course-dir={room.root}",
        "--ExecutePreprocessor.timeout=60",
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=room.root, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, dict[str, float]] = {}
    with Gradebook(f"sqlite:///{room.root / 'gradebook.db'}") as gradebook:
        for student in students:
            grades = gradebook.find_submission_notebook(one.name, one.name, student).grades
            found[student] = {g.name: g.auto_score for g in grades if g.name.startswith("check-")}
    return found


def test_sample_class_is_written_once(room: Classroom) -> None:
    assert write_sample_class(room, FILTERS) >= 12
    path = room.folder("submitted", "reference", FILTERS) / "filters.ipynb"
    before = path.stat().st_mtime_ns
    write_sample_class(room, FILTERS)
    assert path.stat().st_mtime_ns == before
