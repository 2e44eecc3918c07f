"""Shared by the tests: a released classroom, and a copy of the course with one chapter more, built as a book."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.chapters import ROOT, chapters
from autograder.classroom import Classroom

TOY_PAGE = """\
---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {name: python3, display_name: Python 3, language: python}
---
# Toys

A chapter that a test adds.

```{code-cell}
:tags: [setup]
import numpy as np
```

## Exercise: double ★

```{code-cell}
:tags: [exercise]
from solutions.toys import double
```

```{code-cell}
:tags: [check]
:points: 2
from autograder import check
check(double)
```
"""

TOY_SOLUTION = '''\
"""Chapter 99, toys."""

import numpy as np


def double(x: np.ndarray) -> np.ndarray:
    """Twice the array."""
    ### BEGIN SOLUTION
    twice_of_everything = x + x
    return twice_of_everything
    ### END SOLUTION
'''

TOY_CHECKS = '''\
"""Checks of the chapter toys."""

import numpy as np


def test_double_doubles_a_small_array(double, rng):
    """doubles a small array"""
    double.agrees(np.array([1.0, -2.0]))
    double.agrees(rng.integers(-400, 400, size=2) / 8 + 0.1)


def test_double_doubles_any_numbers(double, rng):
    """doubles any numbers"""
    double.agrees(rng.integers(1, 99, size=(2, 3)) / 8)
    double.agrees((rng.integers(1, 99, size=4) / 8).astype(np.float32))
'''

TOY_MISTAKES = '''\
"""Mistakes and alternatives of the chapter toys."""

from autograder.mistakes import alternative, mistake


@mistake("double", "You square: add the array to itself.", caught_by="test_double_doubles_a_small_array")
def squares(x):
    return x * x


@alternative("double")
def multiplies(x):
    return 2 * x
'''


def course_files() -> list[Path]:
    """Files of the course that git tracks or would track; without git, all but what is derived."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode == 0:
        return [Path(line) for line in listed.stdout.splitlines() if (ROOT / line).is_file()]
    derived = {".venv", "_build", "classroom", "build", "dist", "__pycache__"}
    files = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    return [path for path in files if not derived & set(path.parts)]


@pytest.fixture(scope="session")
def toy_course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the course with a chapter more, made by touching only the files that CONTRIBUTING.md names."""
    tree = tmp_path_factory.mktemp("course")
    for file in course_files():
        (tree / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tree / file)
    (tree / "chapters" / "99-toys.md").write_text(TOY_PAGE)
    (tree / "solutions" / "toys.py").write_text(TOY_SOLUTION)
    (tree / "autograder" / "checks" / "test_toys.py").write_text(TOY_CHECKS)
    (tree / "autograder" / "mistakes" / "toys.py").write_text(TOY_MISTAKES)
    with open(tree / "_toc.yml", "a") as toc:
        toc.write("  - file: chapters/99-toys\n")
    return tree


def run_in(tree: Path, *words: str, timeout: float = 1800) -> subprocess.CompletedProcess[str]:
    """Run `python …` in a tree, with that tree's own modules."""
    # not even an inherited MPLBACKEND: it would override the notebooks' own, and the book would have no figures
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    environment["PYTHONPATH"] = str(tree)
    return subprocess.run(
        [sys.executable, *words], cwd=tree, env=environment, capture_output=True, text=True, timeout=timeout
    )


@pytest.fixture(scope="session")
def built_book(toy_course: Path) -> Path:
    """The book of that copy, built with every warning an error; the folder of its HTML."""
    done = run_in(
        toy_course,
        str(Path(sys.executable).parent / "jupyter-book"),
        "build",
        "-W",
        "-n",
        "--keep-going",
        str(toy_course),
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]
    assert (toy_course / "_build" / "html" / "index.html").exists(), done.stdout[-2000:]
    return toy_course / "_build" / "html"


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    """A classroom into which every chapter was released."""
    room = Classroom(tmp_path_factory.mktemp("classroom"))
    for chapter in chapters():
        room.release(chapter)
    return room


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless browser, where one is found."""
    if os.environ.get("REQUIRE_BROWSER"):  # where nothing may be skipped
        import playwright.sync_api
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as tools:
        names = ("chromium", "chromium-browser", "google-chrome")
        executable = next(filter(None, map(shutil.which, names)), None)  # else Playwright's own
        try:
            chromium = tools.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        except playwright.Error as error:
            said = f"no browser to look with: {str(error).splitlines()[0]}"
            if os.environ.get("REQUIRE_BROWSER"):  # where nothing may be skipped
                pytest.fail(said)
            pytest.skip(said)
        yield chromium
        chromium.close()
