"""The command line as someone who sees it first: help with an example, clear errors, exit codes 0, 1 and 2."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from autograder.chapters import chapter
from autograder.grading.classroom import Classroom
from autograder.grading.tally import Tally
from autograder.results import GRADED, PASSED, RAISED, UNGRADABLE, Exercise, Submission
from autograder.rules import ALTERNATIVES, MISTAKES
from autograder.sample import fill, reference_cell

FILTERS = chapter("filters")


def autograder(
    *words: str | Path, path: str | None = None, timeout: float = 300
) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, with a terminal of 100 columns."""
    environment = {**os.environ, "COLUMNS": "100", "PATH": path or os.environ["PATH"]}
    command = [sys.executable, "-m", "autograder", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=timeout)


@pytest.fixture
def room(released: Classroom, tmp_path: Path) -> Classroom:
    shutil.copytree(released.root, tmp_path / "classroom")
    return Classroom(tmp_path / "classroom")


@pytest.mark.parametrize("command", ["release", "check", "grade", "report", "verify", "rules"])
def test_help_has_an_example(command: str) -> None:
    done = autograder(command, "--help")
    assert done.returncode == 0
    assert f"Example: autograder {command}" in done.stdout


def test_no_command_shows_the_help() -> None:
    assert "verify" in autograder().stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["grade", "nope"], 'no chapter "nope"; there are: pixels, filters'),
        (["release", "nope"], 'no chapter "nope"'),
        (
            ["grade", "filters", "--classroom", "/nowhere"],
            "was not released yet: run `autograder release filters`",
        ),
        (["check", "filters", "nothing.ipynb"], "there is no file nothing.ipynb"),
        (["check", "filters", __file__], "not a Jupyter notebook"),
        (["release", "pixels", "--classroom", "/sys/classroom"], "no permission to write /sys/classroom"),
        (["grade", "filters", "--processes", "0"], "'--processes'"),
        (["check", "filters"], "Missing argument"),
    ],
)
def test_wrong_use_is_one_clear_line_and_exit_code_2(words: list[str], message: str) -> None:
    done = autograder(*words)
    assert done.returncode == 2, done.stdout + done.stderr
    assert message in " ".join(done.stderr.split()) and "Traceback" not in done.stderr


def test_missing_submissions_say_where_they_belong(room: Classroom) -> None:
    done = autograder("grade", "filters", "--classroom", room.root)
    assert done.returncode == 2
    assert "put each notebook at submitted/<student>/filters/filters.ipynb" in done.stderr
    assert (
        "nothing of filters was graded yet"
        in autograder("report", "filters", "--classroom", room.root).stderr
    )


def test_a_gradebook_of_another_version_is_refused_and_untouched(room: Classroom) -> None:
    (room.root / "submitted").mkdir()
    book = room.root / "gradebook.db"
    with sqlite3.connect(book) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0123abcd'")
    done = autograder("grade", "filters", "--classroom", room.root)
    assert done.returncode == 2 and "nbgrader db upgrade" in done.stderr and "0123abcd" in done.stderr
    book.write_bytes(b"this is no database at all, just text" * 100)
    done = autograder("grade", "filters", "--classroom", room.root)
    assert done.returncode == 2 and "not a database" in done.stderr
    assert book.read_bytes().startswith(b"this is no database")


def test_without_bubblewrap_grading_refuses_and_says_what_to_install(room: Classroom, tmp_path: Path) -> None:
    (room.root / "submitted").mkdir()
    (tmp_path / "bin").mkdir()
    done = autograder("grade", "filters", "--classroom", room.root, path=str(tmp_path / "bin"))
    assert done.returncode == 2
    assert "bubblewrap" in done.stderr and "apt-get install" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_whole_round(room: Classroom) -> None:
    release = room.released(FILTERS)
    wrong = lambda kernel: (
        "def relu(x):\n    return abs(x)" if kernel == "relu" else reference_cell(FILTERS, kernel)
    )
    for student, write in {"ada": lambda kernel: reference_cell(FILTERS, kernel), "grace": wrong}.items():
        path = room.folder("submitted", student, FILTERS) / "filters.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(fill(release, write), path)
    assert (
        autograder("check", "filters", path.parent.parent.parent / "ada/filters/filters.ipynb").returncode
        == 0
    )
    checked = autograder("check", "filters", path)
    assert checked.returncode == 1 and "This looks like a known mistake" in checked.stdout
    graded = autograder("grade", "filters", "--classroom", room.root)
    assert graded.returncode == 0, graded.stderr
    assert "ada" in graded.stdout and "all passed" in graded.stdout and "wrong answer" in graded.stdout
    one = autograder("grade", "filters", "--classroom", room.root, "--student", "grace", "--again", "--json")
    (result,) = json.loads(one.stdout)
    assert result["student"] == "grace"
    nobody = autograder("grade", "filters", "--classroom", room.root, "--student", "bob")
    assert nobody.returncode == 2 and "bob has not submitted filters; these have: ada, grace" in nobody.stderr
    reported = autograder("report", "filters", "--classroom", room.root)
    assert reported.returncode == 0 and (room.root / "reports" / "filters.html").stat().st_size > 5000
    assert "relu" in reported.stdout


def submit(room: Classroom, *students: str) -> None:
    """Hand in the right answers for each, but a file that is no notebook for "broken"."""
    for student in students:
        path = room.folder("submitted", student, FILTERS) / "filters.ipynb"
        path.parent.mkdir(parents=True)
        right = fill(room.released(FILTERS), lambda kernel: reference_cell(FILTERS, kernel))
        path.write_text("no notebook" if student == "broken" else nbformat.writes(right))


def test_grading_that_nobody_watches_says_now_and_then_how_far_it_is(room: Classroom) -> None:
    submit(room, "ada", "bob", "broken")
    program = "from autograder.grading import tally; tally.EVERY = 0.0; from autograder.__main__ import main; main()"
    words = ["grade", "filters", "--processes", "1", "--classroom", str(room.root)]
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    assert re.fullmatch(r"1 of 3 graded, about \d+ s left; 2 waiting; exercises: 5 passed", lines[0]), lines
    assert re.fullmatch(r"2 of 3 graded, about \d+ s left; 1 waiting; exercises: 10 passed", lines[1]), lines
    assert len(lines) == 2, "the end says itself that nothing waits"


def test_grading_in_a_terminal_shows_how_far_it_is(room: Classroom) -> None:
    submit(room, "ada", "broken", "zoe")
    here, there = os.openpty()
    environment = {**os.environ, "COLUMNS": "100", "TERM": "xterm"}
    command = [sys.executable, "-m", "autograder", "grade", "filters", "--processes", "1"]
    with subprocess.Popen(
        [*command, "--classroom", room.root], stdout=subprocess.PIPE, stderr=there, env=environment
    ) as run:
        os.close(there)
        seen = b""
        try:
            while part := os.read(here, 65536):
                seen += part
        except OSError:  # how a terminal says that the last writer is gone
            pass
    os.close(here)
    shown = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", seen.decode())
    assert run.returncode == 0 and "3 waiting" in shown and "left" in shown, shown
    assert "1 waiting; exercises: 5 passed; files: 1 ungradable file" in shown, shown


def test_tally_counts_verdicts_and_tells_the_time_left() -> None:
    now = 100.0
    tally = Tally(lambda: now)
    tally.begin(40)
    exercises = [Exercise("a", 1.0, 1.0, PASSED), Exercise("b", 1.0, 0.0, RAISED)]
    tally.add(Submission("ada", "filters", GRADED, exercises=tuple(exercises)))
    assert not tally.due()
    tally.add(Submission("bob", "filters", UNGRADABLE, exercises=tuple(exercises)))
    now += 12
    assert tally.due() and not tally.due()
    assert tally.line() == (
        "2 of 40 graded, about 4 min left; 38 waiting; exercises: 1 passed, 1 stopped with an error; "
        "files: 1 ungradable file"
    )


def test_verify_ends_with_1_if_a_check_lets_a_mistake_pass(toy_course: Path) -> None:
    """In a copy of the course, a check is blunted; verify must notice."""
    from .conftest import run_in

    checks = toy_course / "autograder" / "checks" / "test_toys.py"
    before = checks.read_text()
    try:
        # on 2 and 0 alone, doubling and squaring are the same
        blunt = re.sub(r"rng\.integers\(.*\) / 8( \+ 0\.1)?", "np.full(3, 2.0)", before)
        checks.write_text(blunt.replace("[1.0, -2.0]", "[2.0, 0.0]"))
        done = run_in(toy_course, "-m", "autograder", "verify", "toys")
        assert done.returncode == 1 and "squares" in done.stdout, done.stdout + done.stderr
    finally:
        checks.write_text(before)


@pytest.mark.parametrize(
    ("slip", "cause"),
    [("def broken(:\n", "line 1: SyntaxError: "), ("import nothing_here\n", "line 1: ModuleNotFoundError: ")],
)
def test_checks_that_cannot_be_read_are_named_with_file_and_line(
    toy_course: Path, slip: str, cause: str
) -> None:
    """and not taken for a Ctrl-C, as which pytest reports them"""
    from .conftest import run_in

    checks = toy_course / "autograder" / "checks" / "test_toys.py"
    before = checks.read_text()
    try:
        checks.write_text(slip + before)
        done = run_in(toy_course, "-m", "autograder", "verify", "toys")
    finally:
        checks.write_text(before)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert f"the checks cannot be read: test_toys.py, {cause}" in done.stderr


def test_checks_that_cannot_be_read_are_one_error_of_a_batch(toy_course: Path) -> None:
    """and not a fault of each submission"""
    from .conftest import run_in

    assert run_in(toy_course, "-m", "autograder", "release", "toys", "--classroom", "c").returncode == 0
    for student in ("ada", "grace"):
        folder = toy_course / "c" / "submitted" / student / "toys"
        folder.mkdir(parents=True)
        shutil.copy(toy_course / "c" / "release" / "toys" / "toys.ipynb", folder)
    checks = toy_course / "autograder" / "checks" / "test_toys.py"
    before = checks.read_text()
    try:
        checks.write_text(before.replace("double.agrees(", "double.agrees((", 1))
        done = run_in(toy_course, "-m", "autograder", "grade", "toys", "--classroom", "c")
    finally:
        checks.write_text(before)
        shutil.rmtree(toy_course / "c")
    assert done.returncode == 2 and not done.stdout and len(done.stderr.splitlines()) == 1
    assert "the checks cannot be read: test_toys.py, line " in done.stderr


def test_verify_holds_for_every_chapter() -> None:
    done = autograder("verify", "--json", timeout=2700)
    rows = json.loads(done.stdout)
    assert done.returncode == 0, [problem for row in rows for problem in row["problems"]]
    for row in rows:
        assert row["rejected"] == row["named"] == row["mistakes"] >= MISTAKES, row
        assert row["accepted"] == row["alternatives"] >= ALTERNATIVES, row
        assert row["untouched"] == 0 and row["reference"] == row["points"] > 0
    several = {row["kernel"]: row["alternatives"] for row in rows}
    assert several["correlate2d"] >= 5 and several["apply_filters"] >= 5
