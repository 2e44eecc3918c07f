"""The learner's kit: a wheel and a release, enough for instant checks, with no solution and no mistake in it."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from autograder.authoring import kernel_source
from autograder.chapters import ROOT, chapter, check_points
from autograder.classroom import Classroom
from autograder.sample import fill, reference_cell

from .test_one_truth import secret_lines

FILTERS = chapter("filters")


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked as an installation would."""
    folder = tmp_path_factory.mktemp("kit")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        folder,
        ROOT,
    ]
    subprocess.run(list(map(str, command)), check=True, capture_output=True, timeout=300)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run_notebook(kit: Path, folder: Path, cells: list[str]) -> str:
    """Run code as a learner with the kit would: no project, no solutions."""
    code = "\n".join(cells)
    environment = {**os.environ, "PYTHONPATH": str(kit), "MPLBACKEND": "Agg", "PYTHONSAFEPATH": "1"}
    blocked = f"import sys; sys.path[:] = [p for p in sys.path if p != {str(ROOT)!r}]\n"
    done = subprocess.run(
        [sys.executable, "-c", blocked + code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_kit_holds_no_solution_and_no_mistake(kit: Path) -> None:
    names = {str(path.relative_to(kit)) for path in kit.rglob("*.py")}
    assert "autograder/checks/test_filters.py" in names and "course/draw.py" in names
    assert not [name for name in names if name.startswith(("solutions", "autograder/mistakes"))]
    lines = [
        line
        for kernel in check_points(FILTERS)
        for line in secret_lines(kernel_source(f"from solutions.filters import {kernel}"))
    ]
    for path in kit.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for line in lines:
            assert line not in text, f"{path.name} shows {line!r}"


def test_kit_checks_like_the_project(kit: Path, released: Classroom) -> None:
    release = released.released(FILTERS)
    wrong = lambda kernel: (
        "def relu(x):\n    return abs(x)" if kernel == "relu" else reference_cell(FILTERS, kernel)
    )
    for write, points in (
        (lambda kernel: reference_cell(FILTERS, kernel), 15.0),
        (wrong, None),
        (lambda kernel: None, 0.0),
    ):
        notebook = fill(release, write)
        marked = [c for c in notebook.cells if c.cell_type == "code" and "nbgrader" in c.metadata]
        counted = [
            re.sub(r"^(check\(\w+\))$", r"total += float(\1)", c.source, flags=re.MULTILINE) for c in marked
        ]
        folder = released.release_path(FILTERS).parent
        out = run_notebook(kit, folder, ["total = 0.0", *counted, "print('total', total)"])
        total = float(out.rsplit("total ", 1)[1])
        if points is None:
            assert 12 < total < 15 and "This looks like a known mistake" in out
        else:
            assert total == points


def test_kit_without_its_record_says_what_is_missing(kit: Path, tmp_path: Path) -> None:
    code = "from autograder import check\ndef relu(x):\n    return x\ntry:\n    check(relu)\nexcept FileNotFoundError as e:\n    print(e)"
    assert "keep the one that was released with the notebook" in run_notebook(kit, tmp_path, [code])
    (tmp_path / "filters.checks").write_bytes(b"broken")
    code = code.replace("FileNotFoundError", "ValueError")
    assert "is damaged: copy it again" in run_notebook(kit, tmp_path, [code])
