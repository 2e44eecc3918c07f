"""The gradebook in PostgreSQL, on a real server that the tests start: nothing is lost, and nothing written twice."""

import contextlib
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import Engine, make_url

from autograder.chapters import ROOT, chapter
from autograder.grading.classroom import Classroom, ClassroomError
from autograder.grading.recorder import Recorder
from autograder.results import GRADED
from autograder.sample import fill, reference_cell

from .test_grading import wait_for

# The same tests as on SQLite: collected here once more, with this file's `room`.
from .test_records import (  # noqa: F401
    FILTERS,
    QUESTION,
    graded,
    job_of,
    test_a_fault_leaves_grade_and_notebook_as_they_were,
    test_a_file_that_gives_no_grade_gets_none_where_none_stands,
    test_a_file_that_gives_no_grade_never_takes_one_away,
    test_a_lower_grade_of_a_good_file_counts,
    test_a_written_answer_that_waits_for_a_person_is_not_lost_to_a_bad_file,
    test_an_answer_typed_in_a_cell_of_its_own_reaches_a_person_all_the_way,
    test_an_untouched_answer_stays_what_nbgrader_knows,
    test_points_comments_and_extra_credit_of_a_person_survive_every_regrade,
    test_what_another_program_changed_is_noticed_and_put_right,
    test_what_no_program_can_judge_is_shown_and_never_scored_in_silence,
)
from .test_unlucky import is_one_line

PIXELS = chapter("pixels")
PASSWORD = "sword fish/é"
"""Of the server's owner; in an address it is written in percents."""
WRITTEN = "sword%20fish%2F%C3%A9"


def _missing() -> str:
    """Why no server can be started here; empty if one can."""
    pytest.importorskip("psycopg", reason="the driver is missing: pip install 'psycopg[binary]'")
    return "" if _binaries() else "PostgreSQL is not installed: apt-get install postgresql"


def _binaries() -> Path | None:
    beside = [os.path.dirname(os.path.realpath(found)) for found in filter(None, [shutil.which("postgres")])]
    versions = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))
    return next((Path(place) for place in [*versions[::-1], *beside] if Path(place, "initdb").exists()), None)


@dataclass
class Server:
    """A PostgreSQL of one's own, behind a socket in its folder, that only its password opens."""

    folder: Path
    binaries: Path
    process: subprocess.Popen[bytes] | None = None
    _made: list[str] = field(default_factory=list)

    def account(self) -> dict[str, Any]:
        """It refuses to run as root."""
        return {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}

    def make(self) -> None:
        if account := self.account():
            shutil.chown(self.folder, account["user"])
        secret = self.folder / "password"
        secret.write_text(PASSWORD, encoding="utf-8")
        command = [self.binaries / "initdb", "-D", self.folder / "data", "-U", "grader", "-E", "UTF8"]
        command += ["--auth=scram-sha-256", f"--pwfile={secret}", "--no-sync", "--locale=C"]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder, **account)

    def start(self) -> None:
        command = [self.binaries / "postgres", "-D", self.folder / "data", "-k", self.folder]
        command += ["-c", "listen_addresses=", "-c", "max_connections=60", "-c", "fsync=off"]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self.folder, **self.account()
            )
        wait_for(self.answers, 60)

    def answers(self) -> bool:
        ask = [self.binaries / "pg_isready", "-q", "-h", self.folder, "-d", "postgres", "-U", "grader"]
        return subprocess.run(ask).returncode == 0

    def stop(self, how: int = signal.SIGQUIT) -> None:
        """End it: SIGQUIT as a crash would, without a word to anybody; SIGINT in good order."""
        assert self.process is not None
        self.process.send_signal(how)
        self.process.wait(60)

    def address(self, database: str, password: str = WRITTEN) -> str:
        return f"postgresql://grader:{password}@/{database}?host={self.folder}"

    def engine(self, database: str = "postgres") -> Engine:
        return create_engine(self.address(database), isolation_level="AUTOCOMMIT")

    def database(self, template: str = "template1") -> str:
        """The address of a database that did not exist before, a copy of another."""
        name = f"grades{len(self._made)}"
        self._made.append(name)
        self.say(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.address(name)

    def say(self, statement: str) -> list[Any]:
        engine = self.engine()
        with engine.connect() as connection:
            found = connection.execute(text(statement))
            rows = list(found) if found.returns_rows else []
        engine.dispose()
        return rows

    def shut_out_all(self) -> None:
        """End every connection but this one."""
        self.say("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'grades%'")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    if missing := _missing():
        pytest.skip(missing)
    binaries = _binaries()
    assert binaries is not None
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # short: a socket's path has 107 bytes at most
    server = Server(folder, binaries)
    try:
        server.make()
        server.start()
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def released_there(server: Server, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A classroom and the name of a database into which two chapters were released, as from a terminal."""
    root = tmp_path_factory.mktemp("postgres") / "classroom"
    address = server.database()
    done = autograder(address, "release", "pixels", "filters", "--classroom", root)
    assert done.returncode == 0, done.stderr
    assert not (root / "gradebook.db").exists()
    return root, str(make_url(address).database)


@pytest.fixture
def room(
    released_there: tuple[Path, str], server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Classroom:
    """A fresh copy of both. Whatever a test does to the server, the next finds it running."""
    if not server.answers():
        server.start()
    root, database = released_there
    shutil.copytree(root, tmp_path / "classroom")
    monkeypatch.setenv("COURSE_DB_URL", server.database(database))
    return Classroom(tmp_path / "classroom")


def command(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", "autograder", *map(str, words)]


def autograder(address: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command line with a gradebook at this address."""
    environment = {**os.environ, "COURSE_DB_URL": address, "COLUMNS": "100"}
    return subprocess.run(
        command(*words), capture_output=True, text=True, env=environment, cwd=ROOT, timeout=300
    )


def submit(room: Classroom, student: str, one: Any = FILTERS, **cells: str) -> None:
    path = room.folder("submitted", student, one) / f"{one.name}.ipynb"
    path.parent.mkdir(parents=True)
    write = lambda kernel: cells.get(kernel) or reference_cell(one, kernel)
    nbformat.write(fill(room.released(one), write), path)


def rows(server: Server, address: str, chapter_name: str = "filters") -> dict[str, float]:
    """The points of each student, as the tables have them; fails if anything stands there twice or by half."""
    engine = create_engine(address)
    with engine.connect() as connection:
        read = lambda statement: connection.execute(text(statement), {"name": chapter_name}).all()
        submissions = read(
            "SELECT s.student_id, count(*) FROM submitted_assignment s JOIN assignment a ON a.id = s.assignment_id "
            "WHERE a.name = :name GROUP BY s.student_id"
        )
        assert all(count == 1 for _, count in submissions), submissions
        cells = read(
            "SELECT count(*) FROM grade_cells g JOIN base_cell b ON b.id = g.id JOIN notebook n ON n.id = b.notebook_id "
            "JOIN assignment a ON a.id = n.assignment_id WHERE a.name = :name"
        )[0][0]
        grades = read(
            "SELECT s.student_id, count(*), count(DISTINCT g.cell_id), sum(g.auto_score) "
            "FROM grade g JOIN submitted_notebook n ON n.id = g.notebook_id "
            "JOIN submitted_assignment s ON s.id = n.assignment_id JOIN assignment a ON a.id = s.assignment_id "
            "WHERE a.name = :name GROUP BY s.student_id"
        )
        assert all(count == different == cells for _, count, different, _ in grades), grades
        orphans = connection.execute(text("SELECT count(*) FROM grade WHERE notebook_id IS NULL")).scalar()
    engine.dispose()
    assert cells > 3 and not orphans and len(grades) == len(submissions)
    return {student: score for student, _, _, score in grades}


def address_of(room: Classroom) -> str:
    assert room.db_url.startswith("postgresql://")
    return room.db_url


def tells(said: str) -> bool:
    """Whether a text holds one of the passwords of these tests."""
    return bool(re.search("(?<!pas)sword", said))


# A round


def test_a_round_is_the_same_as_with_a_file_and_names_the_server(
    room: Classroom, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(room, "ada")
    submit(room, "grace O'Hara, 日本", relu="def relu(x):\n    return abs(x)")
    address = address_of(room)
    first = autograder(address, "grade", "filters", "--classroom", room.root)
    assert first.returncode == 0, first.stderr
    said = " ".join(first.stdout.split())
    assert "gradebook: postgresql://grader:***@/grades" in said and "gradebook.db" not in said
    found = rows(server, address)
    second = autograder(address, "grade", "filters", "--classroom", room.root, "--json")
    assert "2 graded before and unchanged" in second.stderr
    report = autograder(address, "report", "filters", "--classroom", room.root)
    assert report.returncode == 0, report.stderr
    for done in (first, second, report):
        assert not tells(done.stdout + done.stderr)
    assert not list(room.root.rglob("*.db"))

    monkeypatch.delenv("COURSE_DB_URL")
    beside = Classroom(tmp_path / "beside")
    beside.release(FILTERS)
    shutil.copytree(room.root / "submitted", beside.root / "submitted")
    shutil.copy(room.root / "secret", beside.root / "secret")
    done = subprocess.run(
        command("grade", "filters", "--classroom", beside.root), capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0 and "gradebook.db" in done.stdout, done.stderr
    with beside.open_gradebook() as gradebook:
        there = {one.student.id: one.score for one in gradebook.assignment_submissions("filters")}
    assert there == found and len(set(found.values())) == 2


@pytest.mark.parametrize("db_url", ["sqlite", "postgresql"])
def test_a_name_too_long_for_a_column_is_refused_at_the_start(
    room: Classroom, db_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if db_url == "sqlite":
        monkeypatch.delenv("COURSE_DB_URL")
    job_of(room, b"x", "x" * 129)
    job_of(room, b"x", "é" * 90)
    assert room.students(FILTERS) == ["é" * 90]
    (said,) = room.notices([FILTERS])
    assert "longer than 128 " in said


# Several at once


def test_several_graders_at_once_lose_nothing_and_write_nothing_twice(
    room: Classroom, server: Server, tmp_path: Path
) -> None:
    """Three machines with a classroom each and one gradebook; two of them have a student in common."""
    address = address_of(room)
    shares = [(FILTERS, ["ada", "bob"]), (FILTERS, ["bob", "cleo"]), (PIXELS, ["ada", "bob", "dan"])]
    started = []
    for number, (one, students) in enumerate(shares):
        shutil.copytree(room.root, tmp_path / f"room{number}")
        own = Classroom(tmp_path / f"room{number}")
        for student in students:
            submit(own, student, one)
        words = ("grade", one.name, "--classroom", own.root, "--json", "--processes", "1")
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command(*words), stdout=pipe, stderr=pipe, text=True, cwd=ROOT))
    for process in started:
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        assert {one["verdict"] for one in json.loads(out)} == {GRADED}
    assert rows(server, address) == dict.fromkeys(("ada", "bob", "cleo"), 15)
    assert set(rows(server, address, "pixels")) == {"ada", "bob", "dan"}


def test_many_who_write_the_same_rows_at_the_same_moment(
    room: Classroom, server: Server, tmp_path: Path
) -> None:
    """each of six recorders writes the same twelve students, in step"""
    students = [f"student{number}" for number in range(12)]
    together = threading.Barrier(6)

    def write(number: int) -> list[str]:
        shutil.copytree(room.root, tmp_path / f"room{number}")
        own = Classroom(tmp_path / f"room{number}")
        jobs = [job_of(own, b"x", student) for student in students]
        verdicts = []
        with Recorder(own, FILTERS) as recorder:
            for one in jobs:
                result = graded(own, one.student, cells={QUESTION: "Nine weights."})
                together.wait(60)
                verdicts.append(recorder.record(one, result).verdict)
        return verdicts

    with ThreadPoolExecutor(6) as threads:
        for verdicts in threads.map(write, range(6)):
            assert verdicts == [GRADED] * 12
    assert rows(server, address_of(room)) == dict.fromkeys(students, 15)


def test_two_who_release_into_an_empty_database_at_once_both_succeed(server: Server, tmp_path: Path) -> None:
    address = server.database()
    with ThreadPoolExecutor(2) as threads:
        release = lambda number: autograder(
            address, "release", "pixels", "--classroom", tmp_path / str(number)
        )
        for done in threads.map(release, range(2)):
            assert done.returncode == 0, done.stderr
    engine = create_engine(address)
    with engine.connect() as connection:
        for table in ("alembic_version", "assignment", "notebook"):
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar() == 1, table
    engine.dispose()


# A server that goes


@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGINT], ids=["crashed", "in good order"])
def test_restarted_in_the_middle_nothing_is_lost(room: Classroom, server: Server, how: int) -> None:
    students = "abcdef"
    for student in students:
        submit(room, student)
    address = address_of(room)
    words = ("grade", "filters", "--classroom", room.root, "--json", "--processes", "1")
    pipe = subprocess.PIPE
    main = subprocess.Popen(command(*words), stdout=pipe, stderr=pipe, text=True, cwd=ROOT)
    wait_for((room.root / "results" / "filters" / "b.json").exists, 300)
    server.stop(how)
    assert not (room.root / "results" / "filters" / "f.json").exists(), "too late to be the middle"
    time.sleep(4)
    server.start()
    out, err = main.communicate(timeout=300)
    assert main.returncode == 0, err
    assert [one["verdict"] for one in json.loads(out)] == [GRADED] * len(students)
    assert rows(server, address) == dict.fromkeys(students, 15)
    again = autograder(address, "grade", "filters", "--classroom", room.root, "--json")
    assert "6 graded before and unchanged" in again.stderr and json.loads(again.stdout) == json.loads(out)


def test_a_server_that_stays_away_ends_the_batch_with_one_line(room: Classroom, server: Server) -> None:
    for student in "abc":
        submit(room, student)
    address = address_of(room)
    program = "import sys; from autograder import __main__; from autograder.grading import recorder; recorder.RETRIES_OF_SERVER = 3; __main__.main()"
    words = ["-c", program, "grade", "filters", "--classroom", str(room.root), "--json", "--processes", "1"]
    pipe = subprocess.PIPE
    main = subprocess.Popen([sys.executable, *words], stdout=pipe, stderr=pipe, text=True, cwd=ROOT)
    wait_for((room.root / "results" / "filters" / "a.json").exists, 300)
    server.stop()
    _, err = main.communicate(timeout=300)
    assert main.returncode == 2 and is_one_line(err) and "goes on from there" in err and not tells(err), err
    assert "see that the server runs" in err and "its file" not in err, (
        "there is no file of which to check the mode"
    )
    down = autograder(address, "grade", "filters", "--classroom", room.root)
    assert down.returncode == 2 and is_one_line(down.stderr) and not tells(down.stderr), down.stderr
    server.start()
    kept = len(list((room.root / "results" / "filters").glob("*.json")))
    done = autograder(address, "grade", "filters", "--classroom", room.root)
    assert done.returncode == 0 and f"{kept} graded before and unchanged" in done.stderr, done.stderr
    assert rows(server, address) == dict.fromkeys("abc", 15)


def test_cut_off_at_any_statement_a_record_is_written_once_and_whole(room: Classroom, server: Server) -> None:
    """at one statement after the other of a record, before it and before the commit, all connections are ended"""
    counted: list[str] = []
    cut_at = [-1]

    def before(*_: Any) -> None:
        if threading.current_thread() is not threading.main_thread() or cutting:
            return
        counted.append("")
        if len(counted) == cut_at[0]:
            cutting.append(True)
            server.shut_out_all()
            cutting.clear()

    cutting: list[bool] = []
    hooks = [(Engine, "before_cursor_execute", before), (Engine, "commit", before)]
    for target, name, function in hooks:
        event.listen(target, name, function)
    try:
        expected = {}
        with Recorder(room, FILTERS) as recorder:
            one = job_of(room, b"x", "nobody cuts")
            recorder.record(one, graded(room, one.student))
            for cut in range(1, 1000, 7):
                one = job_of(room, b"x", f"cut at {cut}")
                counted.clear()
                cut_at[0] = cut
                result = recorder.record(one, graded(room, one.student, share=0.5, cells={QUESTION: "Nine."}))
                assert result.verdict == GRADED, (cut, result.reason)
                expected[one.student] = 7.5
                if len(counted) < cut:  # it has no more statements than that
                    break
                cut_at[0] = -1
                assert recorder.kept(one) == result and not recorder.put_right(one, result)
            assert len(expected) > 8, "a record has more statements than that"
    finally:
        for target, name, function in hooks:
            event.remove(target, name, function)
    assert rows(server, address_of(room)) == {**expected, "nobody cuts": 15}


# What is said


@pytest.mark.parametrize("fault", ["password", "database", "option", "read only", "no server"])
def test_what_is_wrong_with_the_server_is_one_line_without_the_password(
    room: Classroom, server: Server, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = address_of(room)
    match fault:
        case "password":
            bad, message = good.replace(WRITTEN, "swordfisch"), "authentication failed"
        case "database":
            bad, message = re.sub(r"grades\d+", "nowhere", good), "does not exist"
        case "option":
            bad, message = f"{good}&nonsense=1", "option"
        case "read only":
            server.say("DROP ROLE IF EXISTS reader")
            server.say("CREATE ROLE reader LOGIN PASSWORD 'swordfish'")
            engine = create_engine(good, isolation_level="AUTOCOMMIT")
            with engine.connect() as connection:
                connection.execute(text("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader"))
            engine.dispose()
            bad, message = good.replace(f"grader:{WRITTEN}", "reader:swordfish"), "permission denied"
        case "no server":
            bad, message = "postgresql://grader:swordfish@localhost:1/grades", "refused"
    (room.root / "submitted").mkdir()
    for words in (("grade", "filters"), ("report", "filters"), ("release", "filters")):
        done = autograder(bad, *words, "--classroom", room.root)
        if fault == "read only" and words[0] == "report":
            continue  # it reads
        assert done.returncode == 2 and is_one_line(done.stderr), (words, done.stderr)
        assert message in done.stderr and not tells(done.stderr), (words, done.stderr)
        assert "gradebook.db" not in done.stderr and "keeps a backup" not in done.stderr


def test_a_gradebook_of_another_version_is_to_be_backed_up_by_hand(room: Classroom) -> None:
    """`nbgrader db upgrade` copies a file first; of a server it copies nothing"""
    engine = create_engine(address_of(room))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0123abcd'"))
    engine.dispose()
    with pytest.raises(ClassroomError) as caught, Recorder(room, FILTERS):
        pass
    assert "pg_dump" in str(caught.value) and "which keeps a backup" not in str(caught.value)


@pytest.mark.parametrize("missing", ["driver", "library"])
def test_a_missing_driver_is_one_line_that_says_what_to_install(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if missing == "driver":
        monkeypatch.setitem(sys.modules, "psycopg", None)
    else:  # psycopg without libpq, as `pip install psycopg` alone leaves it
        place = tmp_path / "beside" / "psycopg.py"
        place.parent.mkdir()
        place.write_text("raise ImportError('no pq wrapper available.\\n- no libpq')")
        monkeypatch.syspath_prepend(place.parent)
        monkeypatch.delitem(sys.modules, "psycopg", raising=False)
    monkeypatch.setenv("COURSE_DB_URL", "postgresql://grader:swordfish@host/grades")
    with pytest.raises(ClassroomError) as caught:
        Classroom(tmp_path).open_gradebook()
    said = str(caught.value)
    assert "-m pip install 'psycopg[binary]'" in said and "swordfish" not in said and "\n" not in said
    with contextlib.suppress(KeyError):
        del sys.modules["psycopg"]
