"""What can go wrong around grading: stopped, shut out, full, locked. Nothing is lost, and one line says what to do."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from autograder.chapters import ROOT, chapter
from autograder.classroom import Classroom
from autograder.sample import fill, reference_cell

from .attacks import NO_JAIL
from .test_grading import members_of_session, wait_for

pytestmark = pytest.mark.skipif(bool(NO_JAIL), reason=NO_JAIL)

FILTERS = chapter("filters")


@pytest.fixture(scope="module")
def released_filters(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    room = Classroom(tmp_path_factory.mktemp("classroom"))
    room.release(FILTERS)
    return room


@pytest.fixture
def room(released_filters: Classroom, tmp_path: Path) -> Classroom:
    shutil.copytree(released_filters.root, tmp_path / "classroom")
    return Classroom(tmp_path / "classroom")


def submit(room: Classroom, student: str, **cells: str) -> Path:
    """Hand in the reference, with some kernels replaced."""
    path = room.folder("submitted", student, FILTERS) / "filters.ipynb"
    path.parent.mkdir(parents=True)
    write = lambda kernel: cells.get(kernel) or reference_cell(FILTERS, kernel)
    nbformat.write(fill(room.released(FILTERS), write), path)
    return path


def grading(room: Classroom, *words: str, chapters: str = "filters") -> list[str]:
    return [
        sys.executable, "-m", "autograder", "grade", chapters, "--classroom", str(room.root), "--json", *words
    ]  # fmt: skip


def grade(room: Classroom, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(grading(room, *words), capture_output=True, text=True, timeout=300, cwd=ROOT)


def start(command: list[str]) -> subprocess.Popen[str]:
    """Start a command as a terminal does: in a group of its own, which a Ctrl-C reaches as a whole."""
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True, cwd=ROOT)


def results(room: Classroom) -> dict[str, float]:
    files = (room.root / "results" / "filters").glob("*.json")
    return {file.stem: json.loads(file.read_text())["result"]["exercises"][0]["score"] for file in files}


def is_one_line(text: str) -> bool:
    return len(text.strip().splitlines()) == 1 and "Traceback" not in text


SLOW = "import time\ntime.sleep(8)\n"


# Stopped


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_batch_ends_at_once_says_what_is_done_and_goes_on_later(
    room: Classroom, number: int, code: int
) -> None:
    submit(room, "a-fast")
    for name in "bcdefgh":
        submit(room, name, relu=SLOW + reference_cell(FILTERS, "relu"))
    main = start(grading(room, "--processes", "2"))
    wait_for((room.root / "results" / "filters" / "a-fast.json").exists, 120)
    begin = time.monotonic()
    os.killpg(main.pid, number) if number == signal.SIGINT else main.send_signal(number)
    out, err = main.communicate(timeout=60)
    assert time.monotonic() - begin < 15, "some 30 s of work were left"
    assert main.returncode == code and not out
    assert is_one_line(err) and "graded and recorded; run this again to grade the rest" in err, err
    wait_for(lambda: not members_of_session(main.pid))
    done = grade(room, "--student", "a-fast")
    assert "1 graded before and unchanged" in done.stderr


def test_a_second_interrupt_ends_what_the_first_could_not(room: Classroom) -> None:
    """two in quick succession, as an impatient hand gives them"""
    for name in "abcd":
        submit(room, name, relu=SLOW + reference_cell(FILTERS, "relu"))
    main = start(grading(room, "--processes", "2"))
    wait_for(lambda: len(members_of_session(main.pid)) >= 5, 120)
    os.killpg(main.pid, signal.SIGINT)
    time.sleep(0.01)
    os.killpg(main.pid, signal.SIGINT)
    _, err = main.communicate(timeout=15)
    assert main.returncode == 130 and "stopped: " in err and "Traceback" not in err
    wait_for(lambda: not members_of_session(main.pid))


@pytest.mark.parametrize("name", ["verify", "release", "check"])
def test_any_command_is_stopped_with_one_line(room: Classroom, name: str) -> None:
    path = submit(room, "ada", relu=SLOW + reference_cell(FILTERS, "relu"))
    words = {
        "verify": ["backprop"],
        "release": ["--classroom", str(room.root)],
        "check": ["filters", str(path)],
    }
    main = start([sys.executable, "-m", "autograder", name, *words[name]])
    wait_for(lambda: catches_interrupts(main.pid), 60)
    time.sleep(1)
    os.killpg(main.pid, signal.SIGINT)
    _, err = main.communicate(timeout=60)
    assert main.returncode == 130 and is_one_line(err) and err.startswith("stopped: "), err
    wait_for(lambda: not members_of_session(main.pid))


def catches_interrupts(pid: int) -> bool:
    """Whether a process has said what it does at a termination signal: from then on it ends with words."""
    caught = Path(f"/proc/{pid}/status").read_text().partition("SigCgt:")[2].split()[0]
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)
