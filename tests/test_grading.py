"""The whole way of a submission: graded in the jail, recorded in nbgrader's gradebook, the same as stock nbgrader's points."""

import base64
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.api import Gradebook

from autograder.chapters import ROOT, Chapter, chapter
from autograder.checking.run import PUBLIC_SEED
from autograder.grading import submission as grading
from autograder.grading.batch import grade_class
from autograder.grading.classroom import Classroom, ClassroomError
from autograder.grading.recorder import Recorder
from autograder.grading.referees import grade_all
from autograder.grading.submission import Job, bundle_hash, grade, job
from autograder.jail.session import Limits
from autograder.reports import as_written
from autograder.results import (
    CRASHED,
    FAULT,
    GRADED,
    NOT_WRITTEN,
    OUTPUT_LIMIT,
    TIME_LIMIT,
    UNGRADABLE,
    WRONG,
    Submission,
)
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


def test_what_is_written_counts_in_full_whatever_is_left(room: Classroom) -> None:
    """grades `train`, whose checks hand it networks of earlier kernels, where no written cell imports one"""
    training = chapter("training")
    done = ("sgd_step", "adam_step", "train")
    notebook = fill(
        room.released(training), lambda kernel: reference_cell(training, kernel) if kernel in done else None
    )
    path = room.folder("submitted", "ada", training) / "training.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(nbformat.writes(notebook), encoding="utf-8")
    release = room.release_path(training).read_bytes()
    result = grade(job("ada", training, path, release, room.secret(), Limits(), True))
    for exercise in result.exercises:
        assert exercise.score == (exercise.points if exercise.kernel in done else 0), exercise


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
    assert scores(result)["relu"] == (WRONG, 0)


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
    shown = nbformat.read(room.folder("autograded", "<b>eve</b>", FILTERS) / "filters.ipynb", as_version=4)
    answer = next(
        c.source
        for c in shown.cells
        if c.metadata.get("nbgrader", {}).get("grade_id") == "why-weights-are-shared"
    )
    assert answer == as_written(evil) and "<" not in answer.removeprefix("<pre").removesuffix("</pre>")


def test_no_more_is_in_memory_than_is_graded_at_once(room: Classroom) -> None:
    """takes a submission when a process is free for it, and keeps of a result what a line of a table says"""
    files = sample_class(FILTERS, room.released(FILTERS))
    read: list[Job] = []
    results: list[Submission] = []

    def jobs() -> Iterator[Job]:
        for name in ("reference", "crash", "untouched", "broken-file", "reference"):
            assert len(read) < len(results) + 3  # two being graded, and one that waits for a process
            read.append(make_job(room, files[name], f"{name}-{len(read)}"))
            yield read[-1]

    grade_all(jobs(), 2, lambda one, result: results.append(result))
    assert {one.student for one in read} == {one.student for one in results} and len(results) == 5
    for result in results:
        short = result.brief()
        assert (short.score, short.points, short.reason) == (result.score, result.points, result.reason)
        assert [one.verdict for one in short.exercises] == [one.verdict for one in result.exercises]
        assert len(json.dumps(short.to_json())) < 3_000
    assert max(len(json.dumps(result.to_json())) for result in results) > 10_000


def test_a_notebook_that_goes_away_during_a_run_costs_nobody_a_point(room: Classroom) -> None:
    """is a fault of the run, which records no grade, and is graded by the next one"""
    files = sample_class(FILTERS, room.released(FILTERS))
    jobs = {name: make_job(room, files["reference"], name) for name in ("ada", "grace")}
    path = room.folder("submitted", "grace", FILTERS) / "filters.ipynb"
    grading_of = {
        "student": None,
        "processes": 1,
        "again": False,
        "jailed": True,
        "on_done": lambda one: None,
    }
    # it is told of the start when all were read once, and none was graded
    results, _ = grade_class(room, [FILTERS], on_start=lambda *_: path.unlink(), **grading_of)  # type: ignore[arg-type]
    found = {one.student: one for one in results}
    assert found["ada"].score == 15 and found["grace"].verdict == FAULT
    assert "could be read when this run began" in found["grace"].reason
    path.write_bytes(files["reference"])
    results, _ = grade_class(room, [FILTERS], on_start=lambda *_: None, **grading_of)  # type: ignore[arg-type]
    assert {one.student: one.score for one in results} == dict.fromkeys(jobs, 15)


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


def test_answers_known_by_heart_get_nothing(room: Classroom) -> None:
    """A submission that carries the released record and answers from it: it knows all public inputs, and no other."""
    record = base64.b64encode((room.root / "release" / "filters" / "filters.checks").read_bytes()).decode()
    cheat = (
        f"RECORD = {record!r}\n"
        "def lookup(kernel, *args):\n"
        "    import base64, gzip, hashlib\n"
        "    from inside import wire\n"
        "    from inside.calling import plain\n"
        "    content, at, known = gzip.decompress(base64.b64decode(RECORD)), 0, {}\n"
        "    while at < len(content):\n"
        "        end = at + 4 + int.from_bytes(content[at : at + 4], 'big')\n"
        "        frame = wire.unpack(content[at + 4 : end])\n"
        "        at = end\n"
        "        if frame.get('kernel') == kernel:\n"
        "            known = frame['expected']\n"
        "    key = hashlib.sha256(wire.pack({'args': plain(args)})).hexdigest()[:32]\n"
        "    return known[key].value\n"
    )
    kernels = {e.kernel for e in grade(make_job(room, notebook_with(room))).exercises}
    cells = {k: f"{cheat}\ndef {k}(*args):\n    return lookup({k!r}, *args)" for k in kernels}
    job = make_job(room, notebook_with(room, **cells))
    result = grade(job)
    assert result.score == 0, scores(result)
    known = grade(dataclasses.replace(job, seed=PUBLIC_SEED))
    assert known.score > 10, "on the inputs that learners see, the record was no use either"


def test_slow_extra_cells_do_not_cost_the_kernels(room: Classroom) -> None:
    notebook = nbformat.reads(notebook_with(room).decode(), 4)
    for number in range(6):
        notebook.cells.insert(2, nbformat.v4.new_code_cell(f"print('x' * 2_000_000)  # {number}"))
    result = grade(make_job(room, nbformat.writes(notebook).encode()))
    assert result.score == 15, result.remarks
    assert any("of all extra cells only what they define was run" in remark for remark in result.remarks)


def test_what_the_diagnosis_leads_to_is_no_remark(room: Classroom, monkeypatch: pytest.MonkeyPatch) -> None:
    """takes the remarks when all that counts is settled: a worker that is lost later is nothing to tell anyone"""

    def loses_the_worker(subject: Any, more: Any) -> None:
        subject.call.session._remark("a cell was stopped by the diagnosis")

    monkeypatch.setattr("autograder.checking.run.explain", loses_the_worker)
    result = grade(make_job(room, notebook_with(room, relu="def relu(x):\n    return x + 1")))
    assert scores(result)["relu"][0] == WRONG
    assert result.remarks == ()


def test_a_huge_result_is_refused_before_it_costs_memory(room: Classroom) -> None:
    cell = "def relu(x):\n    return np.ones(66_000_000, bool)"
    result = grade(make_job(room, notebook_with(room, relu=cell), limits=Limits()))
    assert scores(result)["relu"] == (OUTPUT_LIMIT, 0) and result.score == 13


@pytest.mark.parametrize(
    "trap", ["fifo timestamp", "surrogate", "file in the way", "link in the way", "folder as page"]
)
def test_one_odd_submission_stops_nobody(room: Classroom, trap: str, tmp_path: Path) -> None:
    make_job(room, notebook_with(room), "good")
    content = notebook_with(room)
    if trap == "surrogate":
        content = content.replace(b"def relu(x", b"# \\ud800\\ndef relu(x")
    make_job(room, content, "odd")
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    match trap:
        case "fifo timestamp":
            os.mkfifo(room.folder("submitted", "odd", FILTERS) / "timestamp.txt")
        case "file in the way":
            (room.root / "autograded").mkdir(exist_ok=True)
            (room.root / "autograded" / "odd").write_text("")
        case "link in the way":
            (room.root / "autograded").mkdir(exist_ok=True)
            (room.root / "autograded" / "odd").symlink_to(tmp_path)
        case "folder as page":
            (room.folder("feedback", "odd", FILTERS) / "filters.html").mkdir(parents=True)
    for name in (".hidden", "x" * 230, "line\nbreak"):
        (room.root / "submitted" / name / "filters").mkdir(parents=True)
    command = [
        sys.executable,
        "-m",
        "autograder",
        "grade",
        "filters",
        "--classroom",
        str(room.root),
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    results = {result["student"]: result for result in json.loads(done.stdout)}
    assert set(results) == {"good", "odd"}
    assert results["good"]["verdict"] == GRADED and done.returncode == (1 if trap == "folder as page" else 0)
    assert "rename the folder" in done.stderr
    assert (tmp_path / "precious" / "file").exists()


def test_a_damaged_secret_is_refused(room: Classroom) -> None:
    (room.root / "secret").write_bytes(b"")
    with pytest.raises(ClassroomError, match="is damaged"):
        room.secret()


def test_killed_in_the_middle_a_batch_goes_on_where_it_was(room: Classroom) -> None:
    """kill −9 of the main process: its referees end too, what was recorded stays, the next run grades the rest."""
    for student, cells in {"fast": {}, "slow": {"relu": ENDLESS.format(kernel="relu")}}.items():
        make_job(room, notebook_with(room, **cells), student)
    command = [
        sys.executable,
        "-m",
        "autograder",
        "grade",
        "filters",
        "--classroom",
        str(room.root),
        "--json",
    ]
    main = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    kept = room.root / "results" / "filters" / "fast.json"
    wait_for(kept.exists)
    assert not (room.root / "results" / "filters" / "slow.json").exists()
    main.kill()
    main.wait()
    wait_for(lambda: not members_of_session(main.pid))
    before = kept.stat().st_mtime_ns
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert {r["student"]: r["score"] for r in json.loads(done.stdout)} == {"fast": 15, "slow": 13}
    assert kept.stat().st_mtime_ns == before


def members_of_session(session: int) -> list[int]:
    """Processes that still belong to a session."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if entry.name.isdigit() and int(fields[3]) == session and fields[0] != "Z":
            found.append(int(entry.name))
    return found


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("file", "counts"),
    [
        ("autograder/checking/diagnosis/relations.py", True),
        ("autograder/inside/stub/autograder/__init__.py", True),
        ("autograder/checks/inputs.py", True),
        ("solutions/pixels.py", True),  # an earlier chapter's
        ("autograder/checks/test_filters.py", True),
        ("autograder/checks/test_stride.py", False),
        ("autograder/mistakes/stride.py", False),
        ("solutions/stride.py", False),
    ],
)
def test_whatever_decides_a_grade_makes_it_anew(
    file: str, counts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = bundle_hash.__wrapped__  # beneath its cache
    before = fresh(FILTERS, b"a release")
    read = {"bytes": Path.read_bytes, "text": Path.read_text}
    changed = lambda path: path == ROOT / file
    monkeypatch.setattr(Path, "read_bytes", lambda p: read["bytes"](p) + (b"\n" if changed(p) else b""))
    monkeypatch.setattr(
        Path, "read_text", lambda p, *a, **k: read["text"](p, *a, **k) + ("\n" if changed(p) else "")
    )
    assert (fresh(FILTERS, b"a release") != before) is counts
