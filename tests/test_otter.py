"""otter-grader in `make bench`: its assignment holds the checks and no solution, its points are read as it gave them.

What needs otter-grader is skipped where `make otter` was not run.
"""

import ast
import json
import re
import subprocess
import zipfile
from pathlib import Path

import nbformat
import pytest

from autograder.chapters import ROOT, check_points
from autograder.checking.run import check_names
from autograder.grading.classroom import Classroom
from autograder.publishing.authoring import kernel_source, solution_lines
from autograder.sample import fill, reference_cell
from benchmarks import otter_grader as otter
from benchmarks.entrants import CHAPTER
from benchmarks.grading import disagreements
from benchmarks.tricks import FOR_EACH, SAFE, chosen_tricks, tricked

needs_otter = pytest.mark.skipif(bool(otter.MISSING), reason=otter.MISSING)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    """A classroom with the chapter released."""
    made = Classroom(tmp_path_factory.mktemp("otter"))
    made.release(CHAPTER)
    return made


def solutions() -> set[str]:
    """Lines of the chapter's solutions that are long enough to be told from others."""
    kernels = check_points(CHAPTER)
    sources = [kernel_source(f"from solutions.{CHAPTER.name} import {kernel}") for kernel in kernels]
    return {line for source in sources for line in solution_lines(source) if len(line) > 20}


def test_each_check_is_a_test_case_and_each_kernel_keeps_its_points(tmp_path: Path) -> None:
    otter.write_tests(CHAPTER, tmp_path / "tests")
    points = check_points(CHAPTER)
    assert {path.stem for path in (tmp_path / "tests").iterdir()} == set(points)
    for kernel, names in check_names(CHAPTER.checks).items():
        text = (tmp_path / "tests" / f"{kernel}.py").read_text(encoding="utf-8")
        body = ast.parse(text).body
        assert [
            node.name for node in body if isinstance(node, ast.FunctionDef) and node.decorator_list
        ] == names
        given = {
            node.targets[0].id: ast.literal_eval(node.value)
            for node in body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        assert (given["name"], given["points"]) == (kernel, points[kernel])
        assert not given["OK_FORMAT"] and not given["all_or_nothing"]


def test_a_submission_asks_otter_where_it_asked_the_course(room: Classroom) -> None:
    release = room.released(CHAPTER)
    content = nbformat.writes(fill(release, lambda kernel: reference_cell(CHAPTER, kernel))).encode()
    cells = nbformat.reads(otter.notebook(content).decode(), as_version=4).cells
    sources = [cell.source for cell in cells if cell.cell_type == "code"]
    assert "otter.Notebook" in sources[0]
    for kernel in check_points(CHAPTER):
        assert f'grader.check("{kernel}")' in sources
        assert reference_cell(CHAPTER, kernel) in sources
    assert not any("from autograder import check" in source for source in sources)
    assert not any("nbgrader" in cell.metadata for cell in cells)


def test_points_are_read_and_failures_are_named(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    results.write_text(json.dumps([{"relu": 2.0, "correlate2d": 0.5}, "DeadKernelError: Kernel died"]))
    students = ["ada", "zoe"]
    assert otter.points(results, students) == {"ada": {"relu": 2.0, "correlate2d": 0.5}, "zoe": {}}
    assert otter.failures(results, students) == ["otter could not grade zoe: DeadKernelError: Kernel died"]


def test_disagreements_are_named_and_rounding_is_none() -> None:
    points = {
        "this grader": {"ada": {"relu": 1.33, "correlate2d": 4.0}, "zoe": {"relu": 2.0, "correlate2d": 1.0}},
        "otter-grader": {"ada": {"relu": 4 / 3, "correlate2d": 3.5}, "zoe": {}},
    }
    first, *apart = disagreements(points)
    assert first == "this grader and otter-grader give the same points for 1 of 4 kernels."
    assert [line.strip() for line in apart] == [
        "ada, correlate2d: 4 and 3.50",
        "zoe, relu: 2 and 0.00",
        "zoe, correlate2d: 1 and 0.00",
    ]


UNSAFE = r"\b(fork\w*|kill\w*|socket|subprocess|Popen|system|exec[lv]\w*|remove|unlink|rmtree|rename|chmod|ctypes|urllib|requests|threading|while True)\b"


def test_attacks_are_of_the_safe_kind(room: Classroom, tmp_path: Path) -> None:
    tricks = chosen_tricks()
    assert len(tricks) == len(SAFE) + len(FOR_EACH) == len({trick.name for trick in tricks}) > 20
    for trick in tricks:
        for source in (trick.source, *trick.extra):
            assert not re.search(UNSAFE, source), trick.name
            assert not re.search(r'open\([^)]*"[wa]b?"', source), trick.name
        content = tricked(room, trick, tmp_path).decode()
        assert "relu" in trick.source and "@ROOT@" not in content and "@OPEN@" not in content


def test_pins_are_those_of_the_course() -> None:
    """what otter-grader needs besides is pinned by its own file"""
    ours = dict(
        line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line
    )
    lines = (ROOT / "benchmarks" / "otter.txt").read_text().splitlines()
    for line in (line for line in lines if not line.startswith("#")):
        name, _, pin = line.partition("==")
        assert (name in ours) != bool(pin)


@needs_otter
def test_the_assignment_holds_checks_and_no_solution(room: Classroom, tmp_path: Path) -> None:
    """but for the kernels of the chapter before, which learners are given too"""
    made = otter.assemble(CHAPTER, room.release_path(CHAPTER).parent, tmp_path)
    with zipfile.ZipFile(made) as archive:
        names = archive.namelist()
        held = b"\n".join(archive.read(name) for name in names).decode(errors="replace")
        archive.extract("files/filters.earlier.zip", tmp_path)
    for kernel in check_points(CHAPTER):
        assert f"tests/{kernel}.py" in names
    assert "files/filters.checks" in names
    assert solutions() and not [line for line in solutions() if line in held]
    with zipfile.ZipFile(tmp_path / "files" / "filters.earlier.zip") as earlier:
        assert not [name for name in earlier.namelist() if CHAPTER.name in name]


@pytest.mark.slow
@needs_otter
def test_otter_runs_the_checks(room: Classroom, tmp_path: Path) -> None:
    """a right submission gets full points, a wrong kernel loses its own"""
    made = otter.assemble(CHAPTER, room.release_path(CHAPTER).parent, tmp_path / "assignment")
    paths = []
    for name, wrong in (("right", ""), ("wrong", "relu")):

        def write(kernel: str, wrong: str = wrong) -> str:
            return (
                "def relu(x):\n    return x - 100\n" if kernel == wrong else reference_cell(CHAPTER, kernel)
            )

        paths.append(tmp_path / f"{name}.ipynb")
        content = nbformat.writes(fill(room.released(CHAPTER), write)).encode()
        paths[-1].write_bytes(otter.notebook(content))
    results = tmp_path / "results.json"
    command = otter.command(made, paths, 2, results)
    subprocess.run(command, cwd=tmp_path, env=otter.environment(), check=True, capture_output=True)
    full = check_points(CHAPTER)
    given = otter.points(results, ["right", "wrong"])
    assert given == {"right": pytest.approx(full), "wrong": pytest.approx({**full, "relu": 0.0})}


def test_the_table_in_teaching_counts_all_attacks() -> None:
    part = (ROOT / "TEACHING.md").read_text(encoding="utf-8").partition("| attack | tried |")[2]
    rows = [line.split("|")[2:-1] for line in part.partition("\n\n")[0].splitlines()[2:]]
    *each, whole = [[int(cell) for cell in row] for row in rows]
    assert [sum(column) for column in zip(*each, strict=True)] == whole
    assert whole[0] == len(chosen_tricks())
