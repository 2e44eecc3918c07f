"""A chapter as an assignment of otter-grader: its tests in otter's own format, the notebook as learners would get it."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.chapters import ROOT, Chapter, check_points
from autograder.checking.run import check_names
from autograder.publishing.kit import companions

ENVIRONMENT = ROOT / (os.environ.get("OTTER_ENVIRONMENT") or ".venv/otter")
"""What `make otter` sets up: otter-grader and the learners' kit."""

MISSING = "" if (ENVIRONMENT / "bin" / "otter").exists() else "otter-grader is not installed: run make otter"
"""Why otter cannot take part here; empty if it can."""

TESTS = '''\
"""The checks of {kernel}, one test case each, as the course's kit runs them in a learner's notebook.

The kit runs all checks of a kernel at once: the first test case does so, the others read what came of it. A side
effect, which is no check of its own, costs the first test case.
"""

from otter.test_files import test_case

OK_FORMAT = False
name = "{kernel}"
points = {points}
all_or_nothing = False
found = {{}}


def require(check, names):
    from autograder.checking.instant import check_now

    if not found:
        report = check_now(names["{kernel}"], names).exercise
        found.update({{one.name: one for one in report.checks}})
    slips = [one for one in found.values() if one.name not in {checks}]
    for one in [found[check], *(slips if check == {checks}[0] else [])]:
        assert one.passed, one.message
'''

CASE = """

@test_case(name="{check}", hidden=True)
def {check}(env):
    require("{check}", env)
"""


def write_tests(chapter: Chapter, folder: Path) -> None:
    """Write a test file of otter's, in its exception-based format, for each kernel of a chapter."""
    folder.mkdir(parents=True)
    names = check_names(chapter.checks)
    for kernel, points in check_points(chapter).items():
        cases = "".join(CASE.format(check=check) for check in names[kernel])
        text = TESTS.format(kernel=kernel, points=points, checks=names[kernel])
        (folder / f"{kernel}.py").write_text(text + cases, encoding="utf-8")


def assemble(chapter: Chapter, released: Path, folder: Path) -> Path:
    """Make the autograder zip of a chapter with `otter generate`; `released` holds the files that belong to its notebook."""
    write_tests(chapter, folder / "tests")
    beside = companions(chapter)
    for name in beside:
        shutil.copy(released / name, folder)
    command = [ENVIRONMENT / "bin" / "otter", "generate", "--no-config", "--no-requirements", *beside]
    subprocess.run(list(map(str, command)), cwd=folder, env=environment(), check=True, capture_output=True)
    return folder / "autograder.zip"


def notebook(content: bytes) -> bytes:
    """The same submission as otter's learners hand it in: where nbgrader's has a check, it asks otter to check."""
    given: NotebookNode = nbformat.reads(content.decode(), as_version=4)
    begin = nbformat.v4.new_code_cell('import otter\ngrader = otter.Notebook("submission.ipynb")', id="otter")
    for cell in given.cells:
        kind, _, kernel = cell.metadata.pop("nbgrader", {}).get("grade_id", "").partition("check-")
        if kernel and not kind:
            cell.source = f'grader.check("{kernel}")'
    given.cells.insert(0, begin)
    return nbformat.writes(given).encode()


def command(autograder: Path, notebooks: list[Path], processes: int, results: Path) -> list[str]:
    """The command that has otter grade these notebooks, and write their points in the same order."""
    start = [ENVIRONMENT / "bin" / "python", "-P", Path(__file__).with_name("in_otter.py")]
    return list(map(str, [*start, autograder, processes, results, *notebooks]))


def environment() -> dict[str, str]:
    """Variables for otter: nothing of this project is found by them."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def points(results: Path, students: list[str]) -> dict[str, dict[str, float]]:
    """The points that otter gave, by student and kernel; none to a submission that it could not grade."""
    return {
        student: {} if isinstance(one, str) else one
        for student, one in zip(students, _read(results), strict=True)
    }


def failures(results: Path, students: list[str]) -> list[str]:
    """A line on each submission that otter could not grade, with what it said."""
    found = zip(students, _read(results), strict=True)
    return [f"otter could not grade {student}: {one[:200]}" for student, one in found if isinstance(one, str)]


def _read(results: Path) -> list[dict[str, float] | str]:
    return list(json.loads(results.read_text(encoding="utf-8")))


def version() -> str:
    """The version of otter-grader there."""
    asks = "from importlib.metadata import version; print(version('otter-grader'))"
    python = [str(ENVIRONMENT / "bin" / "python"), "-P", "-c", asks]
    return subprocess.run(
        python, env=environment(), check=True, capture_output=True, text=True
    ).stdout.strip()
