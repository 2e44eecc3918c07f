"""Grading on a cluster: a real scheduler and real workers with TLS, each a process; killed in the middle, refused, resumed."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.chapters import ROOT, chapter
from autograder.grading.classroom import Classroom
from autograder.grading.cluster import is_open
from autograder.grading.journal import Journal
from autograder.sample import sample_class

from .attacks import NO_JAIL
from .test_grading import wait_for

pytest.importorskip("distributed", reason="Dask is not installed: make setup installs it")
trustme = pytest.importorskip("trustme", reason="trustme is not installed: make setup installs it")

PADDING = chapter("padding")
FEW = (
    "reference",
    "untouched",
    "mistakes-1",
    "mistakes-2",
    "crash",
    "hostile",
    "another-way-1",
    "broken-file",
)


class Cluster:
    """A scheduler and its workers, as processes of their own, that talk to each other with TLS."""

    def __init__(self, folder: Path):
        self.folder = folder
        authority, owner = trustme.CA(), folder / "owner.pem"
        authority.cert_pem.write_to_path(folder / "ca.pem")
        authority.issue_cert("127.0.0.1", "localhost").private_key_and_cert_chain_pem.write_to_path(owner)
        self.environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", ""))),
            "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "True",
            "DASK_DISTRIBUTED__COMM__TLS__CA_FILE": str(folder / "ca.pem"),
            **{
                f"DASK_DISTRIBUTED__COMM__TLS__{role}__CERT": str(owner)
                for role in ("SCHEDULER", "WORKER", "CLIENT")
            },
            "DASK_DISTRIBUTED__WORKER__DAEMON": "False",
        }
        self.processes: list[subprocess.Popen[bytes]] = []
        file = folder / "scheduler.json"
        self.start(
            "dask_scheduler", "--protocol", "tls", "--port", "0", "--scheduler-file", str(file), "--no-show"
        )
        wait_for(lambda: file.exists() and file.read_text().rstrip().endswith("}"), 60)
        self.address = str(json.loads(file.read_text())["address"])
        assert self.address.startswith("tls://")

    def start(self, what: str, *words: str, **changed: str) -> subprocess.Popen[bytes]:
        with open(self.folder / f"{what}-{len(self.processes)}.log", "wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{what}", "--host", "127.0.0.1", "--no-dashboard", *words],
                cwd=self.folder,
                env={**self.environment, **changed},
                stdout=log,
                stderr=log,
                process_group=0,
            )  # fmt: skip
        self.processes.append(process)
        return process

    def worker(self, **changed: str) -> subprocess.Popen[bytes]:
        return self.start("dask_worker", self.address, "--nthreads", "1", "--no-nanny", **changed)

    def grading(self, room: Classroom, *words: str) -> list[str]:
        how = ["--scheduler", self.address, "--classroom", str(room.root), "--json"]
        return [sys.executable, "-m", "autograder", "grade", PADDING.name, *how, *words]

    def grade(self, room: Classroom, *words: str) -> subprocess.CompletedProcess[str]:
        command = self.grading(room, *words)
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=300)

    def end(self) -> None:
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    """A class of eight, graded by nobody yet."""
    room = Classroom(tmp_path_factory.mktemp("classroom"))
    room.release(PADDING)
    room.secret()  # made when it is first wanted; the same inputs are drawn from it in all copies
    files = sample_class(PADDING, room.released(PADDING))
    for name in FEW:
        path = room.folder("submitted", name, PADDING) / f"{PADDING.name}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(files[name])
    return room


@pytest.fixture(scope="module")
def graded_here(base: Classroom, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What this machine alone makes of it."""
    room = copied(base, tmp_path_factory.mktemp("here"))
    command = [
        sys.executable,
        "-m",
        "autograder",
        "grade",
        PADDING.name,
        "--classroom",
        str(room.root),
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return by_student(done.stdout)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    one = Cluster(tmp_path)
    try:
        yield one
    finally:
        one.end()


def copied(room: Classroom, folder: Path) -> Classroom:
    shutil.copytree(room.root, folder / "classroom")
    return Classroom(folder / "classroom")


def by_student(printed: str) -> dict[str, Any]:
    results = json.loads(printed)
    assert len({one["student"] for one in results}) == len(results)
    return {one["student"]: one for one in results}


def recorded(room: Classroom) -> int:
    return len(list((room.root / "results").rglob("*.json"))) if (room.root / "results").exists() else 0


pytestmark = pytest.mark.skipif(bool(NO_JAIL), reason=NO_JAIL)


def test_grades_are_those_of_one_machine_though_a_worker_dies_and_this_program_too(
    base: Classroom, graded_here: dict[str, Any], cluster: Cluster, tmp_path: Path
) -> None:
    """kills a worker in the middle, then the driver, and goes on: every submission once, bit for bit as on one machine"""
    room = copied(base, tmp_path)
    first = cluster.worker()
    cluster.worker()
    driver = subprocess.Popen(
        cluster.grading(room), env=cluster.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(lambda: recorded(room) >= 1 or driver.poll() is not None, 120)
        assert driver.poll() is None
        first.kill()  # SIGKILL, with whatever it was grading
        wait_for(lambda: recorded(room) >= 3, 120)
    finally:
        driver.kill()
        driver.wait()
    before = {path: path.stat().st_mtime_ns for path in (room.root / "results").rglob("*.json")}
    assert len(before) >= 3
    done = cluster.grade(room)
    assert done.returncode == 0, done.stderr
    assert f"{len(before)} graded before and unchanged" in done.stderr
    assert by_student(done.stdout) == graded_here
    # nothing was graded a second time, and nobody is missing
    assert all(path.stat().st_mtime_ns == time_ for path, time_ in before.items())
    assert recorded(room) == len(FEW)
    with room.open_gradebook() as gradebook:
        scores = {one.student.id: one.score for one in gradebook.assignment_submissions(PADDING.name)}
    assert scores == {name: one["score"] for name, one in graded_here.items()}
    # How long each took is logged, so that the class report can name the slowest; but for one that the driver may just
    # have recorded when it was killed, and a broken file, which takes next to nothing.
    logged = Journal(room.root).seconds(PADDING.name)
    assert {*logged} <= {*graded_here} and len(logged) >= len(FEW) - 2 and max(logged.values()) > 0.05


def test_a_worker_without_a_jail_or_with_another_course_is_refused(
    base: Classroom, graded_here: dict[str, Any], cluster: Cluster, tmp_path: Path
) -> None:
    """says why, leaves the work to the others, and grades nothing where there are no others"""
    room = copied(base, tmp_path)
    other = tmp_path / "course"
    shutil.copytree(ROOT, other, ignore=shutil.ignore_patterns(".*", "_build", "classroom", "build", "dist"))
    with open(other / "autograder" / "results.py", "a") as program:
        program.write("\n# another version\n")
    cluster.worker(PATH=str(Path(sys.executable).parent))  # no bubblewrap there
    alone = cluster.grade(room)
    assert alone.returncode == 2 and "bubblewrap is missing" in alone.stderr, alone.stderr
    assert "may grade" in alone.stderr and not recorded(room) and "Traceback" not in alone.stderr
    cluster.worker(PYTHONPATH=os.pathsep.join((str(other), os.environ.get("PYTHONPATH", ""))))
    time.sleep(3)
    both = cluster.grade(room)
    assert both.returncode == 2 and "another version" in both.stderr, both.stderr
    cluster.worker()
    wait_for(lambda: cluster.grade(room).returncode == 0, 120)
    assert by_student(cluster.grade(room).stdout) == graded_here


def test_no_cluster_is_one_clear_line(
    base: Classroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = copied(base, tmp_path)
    command = [
        sys.executable, "-c",
        "import autograder.grading.cluster as c; c.PATIENCE = 2; from autograder.__main__ import main; main()",
        "grade", PADDING.name, "--classroom", str(room.root), "--scheduler", "tcp://127.0.0.1:9",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2 and "no scheduler answers at tcp://127.0.0.1:9" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and not recorded(room)
    blocked = [
        sys.executable, "-c",
        "import sys; sys.modules['distributed'] = None; from autograder.__main__ import main; main()",
        *command[3:],
    ]  # fmt: skip
    done = subprocess.run(blocked, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2 and "Dask is missing; install it with: pip" in done.stderr, done.stderr


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("tls://10.0.0.1:8786", False),
        ("tcp://127.0.0.1:8786", False),
        ("tcp://localhost:8786", False),
        ("tcp://[::1]:8786", False),
        ("tcp://10.0.0.1:8786", True),
        ("tcp://cluster.example.org:8786", True),
    ],
)
def test_unencrypted_way_to_another_machine_is_open(address: str, wanted: bool) -> None:
    assert is_open(address) is wanted
