"""Shared by the tests: a released classroom, and a copy of the course with one chapter more, built as a book."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.chapters import ROOT, chapter, chapters
from autograder.grading.classroom import Classroom
from autograder.publishing.browser import browser_program

from .explorers import Open, Shown

TOY_HEAD = """\
---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {name: python3, display_name: Python 3, language: python}
holds: [{what: the double of three, where: output, find: "twice 3 is 6"}]
---
# Toys

**What you will do.** A chapter that a test adds.

**What you need.** Sums.

**Time.** Main path about 1 minutes, exercises about 2, going further about 3.

```{code-cell}
:tags: [setup]
import matplotlib.pyplot as plt
import numpy as np
```

```{code-cell}
print("twice 3 is", 2 * 3)
```
"""

TOY_FIGURE = """
```{{code-cell}}
---
tags: [hide-input]
mystnb:
  image:
    alt: A straight line that climbs by {slope} for each step to the right.
  figure:
    caption: The slope {slope}.
    name: fig-toys-{slope}
---
plt.figure(figsize=(2, 2))
plt.plot([0, 1], [0, {slope}])
plt.show()
```
"""

TOY_TAIL = """
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

+++ {"tags": ["question"], "points": 2, "grade_id": "why-twice"}

## A question graded by hand: why twice

Why is adding an array to itself the same as multiplying it by two?

+++

## Recall

:::{admonition} 1. What is twice zero?
:class: dropdown
Zero.
:::

:::{admonition} 2. What is twice one?
:class: dropdown
Two.
:::

:::{admonition} 3. Is twice a number larger than it?
:class: dropdown
Not if it is negative.
:::

## Summary

Twice is once more.
"""

TOY_PAGE = TOY_HEAD + "".join(TOY_FIGURE.format(slope=slope) for slope in range(1, 7)) + TOY_TAIL

TOY_SOLUTION = '''\
"""Chapter 99, toys."""

import numpy as np


def double(x: np.ndarray) -> np.ndarray:
    """Twice the array.

    Parameters
    ----------
    x : array of float (N,) or (N, M), any numbers

    Returns
    -------
    array of float of the same shape and dtype: each number times 2
    """
    ### BEGIN SOLUTION
    twice_of_everything = x + x
    return twice_of_everything
    ### END SOLUTION
'''

TOY_CHECKS = '''\
"""Checks of the chapter toys."""

import numpy as np

from autograder.checking.subject import Subject


def test_double_doubles_a_small_array(double: Subject, rng: np.random.Generator) -> None:
    """doubles a small array"""
    double.agrees(np.array([1.0, -2.0]))
    double.agrees(rng.integers(-400, 400, size=2) / 8 + 0.1)


def test_double_doubles_any_numbers(double: Subject, rng: np.random.Generator) -> None:
    """doubles any numbers"""
    double.agrees(rng.integers(1, 99, size=(2, 3)) / 8)
    double.agrees((rng.integers(1, 99, size=4) / 8).astype(np.float32))
'''

TOY_MISTAKES = '''\
"""Mistakes and alternatives of the chapter toys."""

import numpy as np

from autograder.mistakes import alternative, draws, mistake, model_answer


@mistake("double", "You square: add the array to itself.", caught_by="test_double_doubles_a_small_array")
def squares(x: np.ndarray) -> np.ndarray:
    return x * x


@mistake("double", "You add two: add the array to itself.", caught_by="test_double_doubles_a_small_array")
def adds_two(x: np.ndarray) -> np.ndarray:
    return x + 2


@mistake("double", "You return the array as it is.", caught_by="test_double_doubles_a_small_array")
def does_nothing(x: np.ndarray) -> np.ndarray:
    return x.copy()


@mistake("double", "You halve: multiply instead.", caught_by="test_double_doubles_a_small_array")
def halves(x: np.ndarray) -> np.ndarray:
    return x / 2


@mistake("double", "You add the array once too often.", caught_by="test_double_doubles_a_small_array")
def triples(x: np.ndarray) -> np.ndarray:
    return 3 * x


@alternative("double")
def multiplies(x: np.ndarray) -> np.ndarray:
    return 2 * x


@alternative("double")
def adds(x: np.ndarray) -> np.ndarray:
    return np.add(x, x)


@draws("double")
def numbers(rng: np.random.Generator) -> tuple[np.ndarray]:
    return (rng.normal(size=rng.integers(1, 5, size=2)),)


model_answer("why-twice", """
Two is one and one. To multiply a number by two is to take it once and then once more, and that is what a sum of the
number with itself does. An array is many numbers side by side, and both the sum and the product are taken of each number
on its own, without a look at its neighbours, so what holds for one holds for all. In floats nothing changes: a factor of
two moves the exponent by one and leaves all digits as they are, and the sum of a number with itself is rounded to the
same float.
""")
'''

TOY_FILES = {
    "chapters/99-toys.md": TOY_PAGE,
    "solutions/toys.py": TOY_SOLUTION,
    "autograder/checks/test_toys.py": TOY_CHECKS,
    "autograder/mistakes/toys.py": TOY_MISTAKES,
}
"""A whole chapter, made as CONTRIBUTING.md says; the fifth file is `_toc.yml`, which gets TOY_LINE."""

TOY_LINE = "  - file: chapters/99-toys\n"

RUNS = ROOT / "_build" / "runs_of_the_toy_course"
"""What the pages of that copy printed when its book was last built. Each run names the files it read, with their hashes:
`autograder.publishing.pages` takes those that are still true, and runs the other pages again."""


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


def add_toys(tree: Path) -> None:
    """Add the chapter to a course."""
    for name, text in TOY_FILES.items():
        (tree / name).write_text(text, encoding="utf-8")
    with open(tree / "_toc.yml", "a", encoding="utf-8") as toc:
        toc.write(TOY_LINE)


@pytest.fixture(scope="session")
def toy_course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the course with a chapter more, made by touching only the files that CONTRIBUTING.md names."""
    tree = tmp_path_factory.mktemp("course")
    for file in course_files():
        (tree / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tree / file)
    add_toys(tree)
    if RUNS.is_dir():
        shutil.copytree(RUNS, tree / "_build" / ".jupyter_cache")
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
    shutil.rmtree(RUNS, ignore_errors=True)
    shutil.copytree(toy_course / "_build" / ".jupyter_cache", RUNS)
    return toy_course / "_build" / "html"


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    """A classroom into which every chapter was released."""
    room = Classroom(tmp_path_factory.mktemp("classroom"))
    for one in chapters():
        room.release(one)
    return room


@pytest.fixture(scope="session")
def filters_released(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    """A classroom into which one chapter was released."""
    room = Classroom(tmp_path_factory.mktemp("filters"))
    room.release(chapter("filters"))
    return room


@pytest.fixture
def room(filters_released: Classroom, tmp_path: Path) -> Classroom:
    """A fresh copy of it."""
    shutil.copytree(filters_released.root, tmp_path / "classroom")
    return Classroom(tmp_path / "classroom")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless browser, where one is found."""
    if os.environ.get("REQUIRE_BROWSER"):  # where nothing may be skipped
        import playwright.sync_api
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as tools:
        try:
            chromium = tools.chromium.launch(executable_path=browser_program(), args=["--no-sandbox"])
        except playwright.Error as error:
            said = f"no browser to look with: {str(error).splitlines()[0]}"
            if os.environ.get("REQUIRE_BROWSER"):  # where nothing may be skipped
                pytest.fail(said)
            pytest.skip(said)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def axe(browser: Any) -> str:
    """The script of axe-core, which finds what keeps people from using a page."""
    script = pytest.importorskip("axe_playwright_python", reason="axe-core is not installed")
    return (Path(script.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Opens an explorer; at the end it must have reported no error, and asked for nothing but files beside it."""
    shown: list[Shown] = []

    def open_one(name: str, **options: Any) -> Shown:
        shown.append(Shown(browser, tmp_path, name, **options))
        return shown[-1]

    yield open_one
    for one in shown:
        assert not one.errors
        assert all(asked.startswith((tmp_path.as_uri(), "data:")) for asked in one.asked)
        one.context.close()
