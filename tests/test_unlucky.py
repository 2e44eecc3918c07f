"""What can go wrong around grading: stopped, shut out, full, locked. Nothing is lost, and one line says what to do."""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest

from autograder.chapters import ROOT, chapter
from autograder.grading import submission as grading
from autograder.grading.classroom import Classroom, ClassroomError
from autograder.grading.rebuild import Ungradable, read_submission
from autograder.jail import session as jail
from autograder.jail.session import Limits
from autograder.sample import fill, reference_cell

from .attacks import NO_JAIL
from .test_grading import members_of_session, wait_for

pytestmark = pytest.mark.skipif(bool(NO_JAIL), reason=NO_JAIL)

FILTERS = chapter("filters")


def submit(room: Classroom, student: str, **cells: str) -> Path:
    """Hand in the reference, with some kernels replaced."""
    path = room.folder("submitted", student, FILTERS) / "filters.ipynb"
    path.parent.mkdir(parents=True)
    write = lambda kernel: cells.get(kernel) or reference_cell(FILTERS, kernel)
    nbformat.write(fill(room.released(FILTERS), write), path)
    return path


def grading_command(room: Classroom, *words: str) -> list[str]:
    return [
        sys.executable, "-m", "autograder", "grade", "filters", "--classroom", str(room.root), "--json", *words
    ]  # fmt: skip


def grade(room: Classroom, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        grading_command(room, *words), capture_output=True, text=True, timeout=300, cwd=ROOT
    )


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


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


def as_nobody(function: Callable[[], str]) -> str:
    """What a function returns to a user whom modes and owners stop, as they do not stop root."""
    there, here = os.pipe()
    child = os.fork()
    if not child:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        try:
            os.write(here, function().encode())
        except BaseException as error:
            os.write(here, f"{type(error).__name__}: {error}".encode())
        os._exit(0)
    os.close(here)
    with open(there, "rb") as pipe:
        text = pipe.read().decode()
    os.waitpid(child, 0)
    return text


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A folder to which everybody can go; those of pytest are for their owner alone."""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        yield Path(place)


# Stopped


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_batch_ends_at_once_says_what_is_done_and_goes_on_later(
    room: Classroom, number: int, code: int
) -> None:
    submit(room, "a-fast")
    for name in "bcdefgh":
        submit(room, name, relu=SLOW + reference_cell(FILTERS, "relu"))
    main = start(grading_command(room, "--processes", "2"))
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
    main = start(grading_command(room, "--processes", "2"))
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


def test_an_interrupt_that_nbgrader_takes_for_an_error_is_one(
    room: Classroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: object, *_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nbgrader.preprocessors.ClearSolutions.preprocess", interrupted)
    with pytest.raises(KeyboardInterrupt):
        room.release(FILTERS)
    assert room.release_path(FILTERS).exists()  # the one that stood


def catches_interrupts(pid: int) -> bool:
    """Whether a process has said what it does at a termination signal: from then on it ends with words."""
    caught = Path(f"/proc/{pid}/status").read_text().partition("SigCgt:")[2].split()[0]
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


# Shut out


@as_root
def test_what_the_grader_may_not_read_is_the_verdict_of_that_submission(open_place: Path) -> None:
    room = Classroom(open_place)
    for student in ("ada", "bob", "eve"):
        path = room.folder("submitted", student, FILTERS) / "filters.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text("{}")
    path.chmod(0)
    (open_place / "submitted" / "bob").chmod(0)

    def read() -> str:
        said = [", ".join(room.students(FILTERS))]
        for student in room.students(FILTERS):
            file = room.folder("submitted", student, FILTERS) / "filters.ipynb"
            one = grading.job(student, FILTERS, file, b"", b"secret", Limits(), True)
            said.append(str(one.content))
        return "\n".join(said)

    closed = "the grader may not read filters.ipynb; change the mode of it and of its folder"
    assert as_nobody(read).splitlines() == ["ada, bob, eve", "b'{}'", closed, closed]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("link", "symbolic link"),
        ("other name", "hard link"),
        ("pipe", "not a regular"),
        ("folder", "not a regular"),
    ],
)
def test_a_file_swapped_while_it_is_read_is_judged_by_what_was_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, reason: str
) -> None:
    path = tmp_path / "eve" / "filters" / "filters.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    (tmp_path / "other").write_text("another learner's work")
    swap: dict[str, Callable[[], None]] = {
        "link": lambda: path.symlink_to(tmp_path / "other"),
        "other name": lambda: path.hardlink_to(tmp_path / "other"),
        "pipe": lambda: os.mkfifo(path),
        "folder": path.mkdir,
    }
    original = os.open

    def open_after_the_swap(name: object, *words: object, **options: object) -> int:
        if str(name).endswith("filters.ipynb"):
            path.unlink()
            swap[kind]()
        return original(name, *words, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", open_after_the_swap)
    with pytest.raises(Ungradable, match=reason):
        read_submission(path)


def test_a_folder_swapped_for_a_link_while_a_file_is_read_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for student in ("ada", "eve"):
        (tmp_path / student / "filters").mkdir(parents=True)
        (tmp_path / student / "filters" / "filters.ipynb").write_text(student)
    original = os.open

    def open_after_a_swap(name: object, *words: object, **options: object) -> int:
        if name == "filters":
            shutil.rmtree(tmp_path / "eve" / "filters")
            (tmp_path / "eve" / "filters").symlink_to(tmp_path / "ada" / "filters")
        return original(name, *words, **options)  # type: ignore[arg-type]

    assert read_submission(tmp_path / "eve" / "filters" / "filters.ipynb") == b"eve"
    monkeypatch.setattr(os, "open", open_after_a_swap)
    with pytest.raises(Ungradable, match="symbolic link"):
        read_submission(tmp_path / "eve" / "filters" / "filters.ipynb")


@as_root
def test_nobody_else_can_take_the_users_of_a_graders_workers() -> None:
    """names of sockets without a file belonged to whoever came first"""
    squat = lambda: "".join(str(os.open(jail.LOCKS / str(uid), os.O_RDWR | os.O_CREAT)) for uid in jail.USERS)
    with contextlib.ExitStack() as first, contextlib.ExitStack() as second:
        one, other = jail._take_user(first), jail._take_user(second)
        assert one != other
        first.close()
        assert jail._take_user(second) == one, "free again as soon as it is given back"
        assert as_nobody(squat).startswith("PermissionError")


@as_root
def test_a_folder_of_locks_that_is_not_roots_own_is_refused(
    open_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jail, "LOCKS", open_place / "locks")
    (open_place / "locks").mkdir(mode=0o777)
    os.chown(open_place / "locks", 65534, 65534)
    with pytest.raises(jail.WorkerFault, match="not a folder that only root can enter"):
        jail._take_user(contextlib.ExitStack())


@as_root
@pytest.mark.parametrize("closed", ["gradebook.db", "classroom", "results"])
def test_what_cannot_be_written_is_one_error_before_anything_is_graded(room: Classroom, closed: str) -> None:
    """seen through a view in which it is read-only, for root too"""
    submit(room, "ada")
    (room.root / "results").mkdir()
    place = room.root if closed == "classroom" else room.root / closed
    view = ["bwrap", "--dev-bind", "/", "/", "--ro-bind", str(place), str(place)]
    done = subprocess.run(
        [*view, *grading_command(room)], capture_output=True, text=True, timeout=120, cwd=ROOT
    )
    assert done.returncode == 2 and not done.stdout and is_one_line(done.stderr), done.stderr
    assert "write" in done.stderr and "check" in done.stderr and str(room.root) in done.stderr
    assert not results(room)


@as_root
@pytest.mark.parametrize(
    ("python", "options", "reason"),
    [
        ("python3", ["--ro-bind", "{place}", "{place}"], "nothing can be written in {place}: copy or clone"),
        ("./no-venv", [], "Python's venv is missing; install it with: sudo apt-get install python3-venv"),
        ("./old", [], "Python 3.11 or newer is needed; name one with: make PYTHON=python3.11"),
    ],
)
def test_make_says_why_it_cannot_set_up(tmp_path: Path, python: str, options: list[str], reason: str) -> None:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    for name, missing in {"no-venv": "ensurepip", "old": "version_info"}.items():
        script = f'#!/bin/sh\ncase "$*" in *{missing}*) exit 1;; esac\nexec {sys.executable} "$@"\n'
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    view = ["bwrap", "--dev-bind", "/", "/", *(option.format(place=tmp_path) for option in options)]
    done = subprocess.run(
        [*view, "make", "-C", str(tmp_path), "setup", f"PYTHON={python}"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2 and reason.format(place=tmp_path) in done.stdout + done.stderr
    assert not (tmp_path / ".venv").exists()


def test_results_with_their_seeds_are_for_the_owner_alone(room: Classroom) -> None:
    submit(room, "ada")
    assert grade(room).returncode == 0
    (file,) = (room.root / "results" / "filters").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


# Locked, full, killed


def test_a_gradebook_that_stays_locked_is_one_line_and_loses_nothing(room: Classroom) -> None:
    submit(room, "ada")
    with sqlite3.connect(room.root / "gradebook.db") as other:
        other.execute("BEGIN EXCLUSIVE")
        done = grade(room)
        other.rollback()
    assert done.returncode == 2 and is_one_line(done.stderr), done.stderr
    assert "database is locked" in done.stderr and "close" in done.stderr
    assert grade(room).returncode == 0 and results(room)


def test_a_gradebook_locked_in_the_middle_ends_the_batch_with_one_line(room: Classroom) -> None:
    for name in "abcd":
        submit(room, name)
    main = start(grading_command(room, "--processes", "1"))
    wait_for((room.root / "results" / "filters" / "a.json").exists, 120)
    with sqlite3.connect(room.root / "gradebook.db", timeout=60) as other:
        other.execute("BEGIN EXCLUSIVE")
        _, err = main.communicate(timeout=120)
        other.rollback()
    assert main.returncode == 2 and is_one_line(err) and "goes on from there" in err, err
    before = results(room)
    assert 0 < len(before) < 4
    done = grade(room)
    assert f"{len(before)} graded before and unchanged" in done.stderr and len(results(room)) == 4


def test_of_two_who_grade_at_once_one_is_told_to_wait(room: Classroom) -> None:
    for name in "abc":
        submit(room, name, relu=SLOW + reference_cell(FILTERS, "relu"))
    both = [start(grading_command(room, "--processes", "1")) for _ in range(2)]
    ends = {one.wait(): one for one in both}
    out, _ = ends[0].communicate()
    assert {one["student"]: one["verdict"] for one in json.loads(out)} == dict.fromkeys("abc", "graded")
    _, err = ends[2].communicate()
    assert is_one_line(err) and "another run grades in" in err and "wait for its end" in err


@as_root
@pytest.mark.parametrize(
    ("fill_up", "recorded"),
    [("", range(1, 6)), ("cat /dev/zero > filler 2>/dev/null;", range(1))],
    ids=["soon", "at once"],
)
def test_a_full_disk_is_one_line_and_what_was_recorded_stays(
    room: Classroom, tmp_path: Path, fill_up: str, recorded: range
) -> None:
    for name in "abcdef":
        submit(room, name)
    size = sum(file.stat().st_size for file in room.root.rglob("*") if file.is_file()) + 600_000
    there = tmp_path / "there"
    there.mkdir()
    room_there = Classroom(there / "classroom")
    script = f'cp -r "$1" "$2"; mkdir -p classroom/results/filters; {fill_up} shift 2; "$@"; code=$?; ls classroom/results/filters; exit $code'
    view = [
        "bwrap",
        "--dev-bind",
        "/",
        "/",
        "--size",
        str(size),
        "--tmpfs",
        str(there),
        "--chdir",
        str(there),
    ]
    command = [
        "sh",
        "-c",
        script,
        "sh",
        str(room.root),
        str(there),
        *grading_command(room_there, "--processes", "1"),
    ]
    done = subprocess.run(
        [*view, *command],
        capture_output=True,
        text=True,
        timeout=200,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 2 and is_one_line(done.stderr), done.stderr
    assert "free some space" in done.stderr
    assert len(done.stdout.split()) in recorded, "what fitted stays"


@pytest.mark.parametrize("role", ["referee", "forkserver"])
def test_kill_9_of_any_helper_costs_no_submission(room: Classroom, role: str) -> None:
    for name in "abc":
        submit(room, name, relu=SLOW + reference_cell(FILTERS, "relu"))
    main = start(grading_command(room, "--processes", "2"))
    find = lambda: processes_like("multiprocessing.forkserver", main.pid)
    wait_for(lambda: len(find()) >= 3 and bool(processes_like("bwrap", main.pid)), 120)
    server, *referees = find()
    os.kill(server if role == "forkserver" else referees[0], signal.SIGKILL)
    out, err = main.communicate(timeout=200)
    assert main.returncode == 0 and not err, (out, err)
    assert {one["student"]: sum(e["score"] for e in one["exercises"]) for one in json.loads(out)} == {
        "a": 15, "b": 15, "c": 15
    }  # fmt: skip
    wait_for(lambda: not members_of_session(main.pid))


def processes_like(word: str, session: int) -> list[int]:
    """Processes of a session with a word on their command line, the eldest first."""
    found = []
    for pid in sorted(members_of_session(session)):
        with contextlib.suppress(OSError):
            if word in Path(f"/proc/{pid}/cmdline").read_text():
                found.append(pid)
    return found


def test_odd_and_colliding_names_each_get_their_own_grade(room: Classroom) -> None:
    names = [
        "ada",
        "Ada",
        "a da",
        "é",
        "e\u0301",
        "ada.json",
        "-rf",
        "results",
        "x\u2215y",
    ]
    for name in names:
        submit(room, name)
    (room.root / "submitted" / "linked").symlink_to(room.root / "submitted" / "ada")
    (room.root / "submitted" / "loop").symlink_to("loop")
    (room.root / "submitted" / "a file").write_text("")
    done = grade(room)
    given = {one["student"]: one["verdict"] for one in json.loads(done.stdout)}
    assert given == {**dict.fromkeys(names, "graded"), "linked": "ungradable file"}, done.stderr
    assert len(results(room)) == len(names) + 1


def test_two_thousand_odd_cells_are_not_two_thousand_remarks(room: Classroom) -> None:
    """invented ids are one remark with a count; so are edited copies of one cell; and cells that raise are cut off"""
    path = submit(room, "eve")
    notebook = nbformat.read(path, as_version=4)
    fields = lambda name: {"nbgrader": {"grade_id": name, "schema_version": 3}}
    for number in range(600):
        notebook.cells += [
            nbformat.v4.new_code_cell("", metadata=fields(f"invented-{number}")),
            nbformat.v4.new_code_cell(f"{number}", metadata=fields("check-relu")),
            nbformat.v4.new_code_cell(f"nothing_{number}"),
        ]
    nbformat.write(notebook, path)
    (result,) = json.loads(grade(room).stdout)
    remarks = result["remarks"]
    assert sum(e["score"] for e in result["exercises"]) == 15
    assert [one for one in remarks if "invented" in one] == [
        "cell 'invented-0' and 599 more like it: not of this assignment, run as extra cells"
    ]
    assert sum("check-relu was edited" in one for one in remarks) == 1
    assert len(remarks) <= 40 and remarks[-1].endswith("remarks more")


# Where the gradebook is


@pytest.mark.parametrize(
    ("db_url", "message"),
    [
        ("postgresql+pg8000://u:hush@host/grades", "install it with: "),
        ("nothing://u:hush@host/grades", "no kind of database"),
        ("u:hush@host", "no kind of database"),
        ("postgresql+pg8000://u@host/grades?password=hush", "install it with: "),
        ("sqlite:////nowhere/at/all.db", "cannot be used"),
    ],
)
def test_a_gradebook_that_cannot_be_opened_is_an_error_without_its_password(
    room: Classroom, monkeypatch: pytest.MonkeyPatch, db_url: str, message: str
) -> None:
    monkeypatch.setattr(Classroom, "db_url", db_url)
    with pytest.raises(ClassroomError) as caught:
        room.release(FILTERS)
    assert message in str(caught.value) and "hush" not in str(caught.value)
    assert room.release_path(FILTERS).exists(), "the release that stood stands"
