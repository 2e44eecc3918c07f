"""Every hostile, broken or odd submission gets the verdict that it must get, and touches nobody else's."""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.chapters import ROOT, chapter
from autograder.checking.oracle import Reference
from autograder.checking.run import run_checks
from autograder.jail import walls
from autograder.jail.session import Cell, Limits, Session
from autograder.results import PASSED, Exercise

from .attacks import ATTACKS, BYSTANDER, HONEST, NO_JAIL, Attack

pytestmark = pytest.mark.skipif(bool(NO_JAIL), reason=NO_JAIL)

FILTERS = chapter("filters")


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What is there to be reached outside the jail, by the marks that stand for it in the attacks."""
    place = tmp_path_factory.mktemp("open")
    place.chmod(0o777)
    (place / "submission.txt").write_text("another learner's work")
    name = f"autograder-test-{os.getpid()}"
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as named,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams,
        subprocess.Popen(["sleep", "86400"], env={"PATH": os.environ["PATH"], "GRADER_SECRET": "x"}) as other,
    ):
        named.bind(f"\0{name}")
        named.listen()
        datagrams.bind(f"\0{name}-datagrams")
        yield {
            "@ROOT@": str(ROOT),
            "@OPEN@": str(place),
            "@PORT@": str(server.getsockname()[1]),
            "@NAME@": name,
        }
        other.kill()


@pytest.fixture(autouse=True)
def nothing_is_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """After each submission no process of any of its workers is left, and no file."""
    tops: list[int] = []

    def start(*args, **options):  # type: ignore[no-untyped-def]
        process, top = start_jailed(*args, **options)
        tops.append(top)
        return process, top

    start_jailed = walls.start_jailed
    monkeypatch.setattr(walls, "start_jailed", start)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield
    # The kernel lets the first process of a process namespace end only after all others in it.
    assert not [top for top in tops if _is_alive(top)]
    assert not list(tmp_path.glob("autograder-*"))


def submit(
    attack: Attack, outside: dict[str, str], jailed: bool = True
) -> tuple[Exercise, Exercise, list[str]]:
    """Grade relu and correlate2d of a submission; returns both exercises and the remarks."""
    sources = [*attack.extra, attack.source, BYSTANDER]
    names = [f"cell {number + 1}" for number in range(len(attack.extra))] + ["relu", "correlate2d"]
    for mark, value in outside.items():
        sources = [source.replace(mark, value) for source in sources]
    cells = [Cell(name, source) for name, source in zip(names, sources, strict=True)]
    with Session(cells, Limits(**attack.limits), jailed) as session:
        calls = {name: lambda args, name=name: session.call(name, args) for name in ("relu", "correlate2d")}
        by_name = {
            one.kernel: one for one in run_checks(FILTERS.checks, Reference(FILTERS), calls, "a secret seed")
        }
    return by_name["relu"], by_name["correlate2d"], session.remarks


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_submission_gets_its_verdict(attack: Attack, outside: dict[str, str]) -> None:
    """gives the verdict and the score, says why, and leaves the other exercise alone"""
    relu, correlate2d, remarks = submit(attack, outside)
    text = "\n".join([relu.failure.message if relu.failure else "", *remarks])
    assert relu.verdict in (attack.verdict if isinstance(attack.verdict, tuple) else (attack.verdict,)), text
    share = "none" if relu.score == 0 else "full" if relu.score == relu.points else "part"
    assert share == attack.score, [check for check in relu.checks if check.passed]
    assert attack.says in text
    assert len(text) < 10_000
    assert all(line.isprintable() for line in text.split("\n"))
    assert correlate2d.verdict == PASSED, (correlate2d.failure, remarks)


@pytest.mark.parametrize("attack", [a for a in ATTACKS if a.cheats_unjailed], ids=lambda attack: attack.name)
def test_it_is_the_jail_that_stops(attack: Attack, outside: dict[str, str]) -> None:
    """the same submission cheats successfully without the jail"""
    relu, _, _ = submit(attack, outside, jailed=False)
    assert relu.score == relu.points, relu.failure


IN_PROCESS = """
import sys
import numpy as np
names = {}
exec(sys.argv[1], names)
def check():
    expected = np.array([0.0, 0.5, 2.0])
    got = names["relu"](np.array([-1.0, 0.5, 2.0]))
    assert got.shape == expected.shape
    assert np.allclose(got, expected)
check()
"""


@pytest.mark.parametrize(
    "attack", [a for a in ATTACKS if a.cheats_in_process], ids=lambda attack: attack.name
)
def test_it_is_the_distance_that_stops(attack: Attack) -> None:
    """the same submission deceives a grader that compares in the learner's own process"""
    subprocess.run(
        [sys.executable, "-c", IN_PROCESS, attack.source], check=True, capture_output=True, timeout=30
    )


def test_a_batch_goes_on_after_the_worst(outside: dict[str, str]) -> None:
    """grades an honest submission in full between hostile ones"""
    honest = HONEST[0]
    for name in ("forks for ever", "kills every process it can see", "forges a frame of 4 GB"):
        submit(next(attack for attack in ATTACKS if attack.name == name), outside)
        relu, correlate2d, remarks = submit(honest, outside)
        assert (relu.verdict, correlate2d.verdict, remarks) == (PASSED, PASSED, [])


def test_a_process_left_behind_is_gone_after_grading(outside: dict[str, str]) -> None:
    """no process that bears the submission's mark survives; without the jail one does"""
    attack = next(attack for attack in ATTACKS if attack.name == "leaves a process behind")
    submit(attack, outside)
    assert not _marked(outside["@NAME@"])
    submit(attack, outside, jailed=False)
    left = _marked(outside["@NAME@"])
    for pid in left:
        os.kill(pid, 9)
    assert left


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _marked(mark: str) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found
