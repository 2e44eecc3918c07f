"""Pages run side by side, and their outputs are kept until something that they read has changed."""

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from autograder.chapters import ROOT
from autograder.publishing import pages
from autograder.publishing.watch import in_project

from .conftest import run_in

PAGE = """\
---
jupytext: {{text_representation: {{extension: .md, format_name: myst}}}}
kernelspec: {{name: python3, display_name: Python 3, language: python}}
{more}---
# {title}

Prose.

```{{code-cell}}
import time
started = time.time()
{code}
print("from", started, "to", time.time())
```
"""

MEET = """\
from pathlib import Path
Path("../_build/{own}").touch()
while not Path("../_build/{other}").exists() and time.time() < started + 60:
    time.sleep(0.05)
print("met", Path("../_build/{other}").exists())
"""
"""Code of two pages that wait for each other, when they are first run."""

PAGES = {
    "index": ("", MEET.format(own="index", other="kernel")),
    "kernel": (
        "",
        MEET.format(own="kernel", other="index")
        + "def later():\n    from solutions.small import value\n    return value()\nprint('value', later())",
    ),
    "record": (
        "",
        "from course.recorded import FOLDER\n"
        "print('records', sorted(path.name for path in FOLDER.glob('*.json')), (FOLDER / 'a.json').read_text())",
    ),
    "times": ("alone: true\n", "print('takes times')"),
}
"""Front matter and code of the pages: of a module imported late, of data files, and one beside which none may run."""

BOOK = (str(Path(sys.executable).parent / "jupyter-book"), "build", "-W", "-n", "--keep-going")


@pytest.fixture(scope="module")
def cold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small project whose book was built once, nothing being kept before."""
    tree = tmp_path_factory.mktemp("pages")
    shutil.copytree(ROOT / "autograder", tree / "autograder", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("solutions", "course/recorded", "chapters/_static"):
        (tree / folder).mkdir(parents=True)
    styles = ("chapters/_static/course.css", "chapters/_static/favicon.svg")
    for file in ("_config.yml", *styles, "course/__init__.py", "course/earlier.py"):
        shutil.copy(ROOT / file, tree / file)
    (tree / "solutions/__init__.py").write_text("")
    (tree / "course/recorded/__init__.py").write_text(
        "from pathlib import Path\nFOLDER = Path(__file__).parent\n"
    )
    (tree / "course/recorded/a.json").write_text("1")
    (tree / "solutions/small.py").write_text("def value():\n    return 'seven'\n")
    for name, (more, code) in PAGES.items():
        (tree / f"chapters/{name}.md").write_text(PAGE.format(title=name, more=more, code=code))
    chapters = [{"file": f"chapters/{name}"} for name in PAGES if name != "index"]
    toc = {"format": "jb-book", "root": "chapters/index", "parts": [{"chapters": chapters}]}
    (tree / "_toc.yml").write_text(json.dumps(toc))
    done = run_in(tree, *BOOK, str(tree))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "TCP" not in done.stdout + done.stderr, "what a kernel says of its connection is nobody's business"
    assert re.search(r"page 4 of 4: times, \d+ s$", done.stderr, re.MULTILINE), "progress by the page's name"
    assert re.search(r"page 1 of 4: \w+, \d+ s, about \d+ s left$", done.stderr, re.MULTILINE)
    return tree


@pytest.fixture
def tree(cold: Path, tmp_path: Path) -> Iterator[Path]:
    """That project to change, put back afterwards; in its own place, as Sphinx reads all anew in another."""
    shutil.copytree(cold, tmp_path / "as it was")
    yield cold
    shutil.rmtree(cold)
    shutil.move(tmp_path / "as it was", cold)


def articles(tree: Path) -> dict[str, str]:
    """What each page of the built book says."""
    texts = {path.stem: path.read_text() for path in (tree / "_build/html/chapters").glob("*.html")}
    return {name: re.search(r"<article.*?</article>", text, re.DOTALL)[0] for name, text in texts.items()}  # type: ignore[index]


def runs(tree: Path) -> dict[str, tuple[float, float]]:
    """When each page began and ended to run, as it says in the book."""
    found = {name: re.search(r"from ([\d.]+) to ([\d.]+)", text) for name, text in articles(tree).items()}
    return {name: (float(match[1]), float(match[2])) for name, match in found.items() if match}


def build(tree: Path) -> None:
    done = run_in(tree, *BOOK, str(tree))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def test_book_from_kept_outputs_is_that_from_a_cold_start(tree: Path) -> None:
    before = articles(tree)
    shutil.rmtree(tree / "_build/html")
    shutil.rmtree(tree / "_build/.doctrees", ignore_errors=True)
    build(tree)
    assert set(runs(tree)) == set(PAGES)
    assert articles(tree) == before  # with the times at which the pages ran


def test_pages_run_side_by_side_but_not_beside_one_that_takes_times(cold: Path) -> None:
    spans = runs(cold)
    assert all(spans["times"][0] > end for name, (_, end) in spans.items() if name != "times")
    met = [re.sub("<[^>]+>", "", articles(cold)[name]) for name in ("index", "kernel")]
    assert len(os.sched_getaffinity(0)) == 1 or all("met True" in text for text in met)


def test_a_changed_kernel_is_in_the_book_though_no_page_changed(tree: Path) -> None:
    """… and though its own page imports it late, and was run before Sphinx looks; what other pages printed stays"""
    before = runs(tree)
    (tree / "solutions/small.py").write_text("def value():\n    return 'eight'\n")
    (tree / "chapters/times.md").write_text(
        (tree / "chapters/times.md").read_text().replace("Prose", "Verse")
    )
    done = run_in(tree, "-m", "autograder.publishing.pages")
    assert done.stdout.strip() == "1 of 4 pages run, the others are kept", done.stdout + done.stderr
    build(tree)
    assert "value eight" in re.sub("<[^>]+>", "", articles(tree)["kernel"])
    assert "Verse" in articles(tree)["times"]
    after = runs(tree)
    assert {name for name in PAGES if before[name] != after[name]} == {"kernel"}


STALE = """
import importlib.metadata
import sys
from pathlib import Path
from autograder.publishing import pages

cache, every = pages.kept(), [pages.read_page(path) for path in pages.page_paths().values()]

def stale():
    return [page.name for page in every if pages.kept_run(page, cache) is None]

def stale_with(name, content):
    path = Path(name)
    before = path.read_text() if path.exists() else None
    path.write_text(content)
    found = stale()
    path.unlink() if before is None else path.write_text(before)
    assert stale() == []
    return found

assert stale_with("course/recorded/a.json", "2") == ["record"]
assert stale_with("course/recorded/b.json", "2") == ["record"]
assert stale_with("solutions/small.py", "2") == ["kernel"]
assert stale_with("solutions/other.py", "2") == ["kernel"]  # it might be imported in another's place
assert stale_with("autograder/publishing/watch.py", "2") == [page.name for page in every]
assert stale_with("autograder/book.py", "2") == []
assert stale_with("chapters/index.md", "2") == stale_with("chapters/new.md", "2") == []
import setuptools  # it puts the packages that it holds on sys.path, as some part of Sphinx may import it
pages.versions.cache_clear()
assert any("_vendor" in place for place in sys.path) and stale() == []
importlib.metadata.distributions = lambda path: []
pages.versions.cache_clear()
assert stale() == [page.name for page in every]
"""


def test_stale_is_what_read_a_file_that_changed_or_a_folder_that_has_another(tree: Path) -> None:
    done = run_in(tree, "-c", STALE)
    assert done.returncode == 0, done.stderr


def test_runs_that_are_kept_are_true_in_a_copy_of_the_project_too(cold: Path, tmp_path: Path) -> None:
    """which is how the tests' own course is built without running all pages again; and a changed file counts there as well"""
    copy = tmp_path / "copy"
    shutil.copytree(cold, copy, ignore=shutil.ignore_patterns("html", ".doctrees", "__pycache__"))
    done = run_in(copy, "-m", "autograder.publishing.pages")
    assert done.stdout.strip() == "0 of 4 pages run, the others are kept", done.stdout + done.stderr
    (copy / "solutions/small.py").write_text("def value():\n    return 'nine'\n")
    done = run_in(copy, "-m", "autograder.publishing.pages")
    assert done.stdout.strip() == "1 of 4 pages run, the others are kept", done.stdout + done.stderr


def test_a_page_that_fails_shows_no_older_outputs(tree: Path) -> None:
    (tree / "solutions/small.py").write_text("def value():\n    raise RuntimeError('broken on purpose')\n")
    done = run_in(tree, "-m", "autograder.publishing.pages")
    assert done.returncode == 1 and "these pages fail: kernel" in done.stderr, done.stderr
    done = run_in(tree, *BOOK, str(tree))
    assert done.returncode != 0 and "broken on purpose" in done.stderr
    assert "seven" not in articles(tree)["kernel"]


def test_one_page_alone_is_built_and_said_where(tree: Path) -> None:
    path = tree / "chapters/record.md"
    path.write_text(path.read_text().replace("Prose.", "Changed, [elsewhere](kernel.md)."))
    done = run_in(tree, "-m", "autograder.publishing.pages", "record")
    assert done.returncode == 0, done.stdout + done.stderr
    shown = re.search(r"open file://(\S+)", done.stdout)
    assert shown and "Changed" in Path(shown[1]).read_text()
    assert not re.search(r"page \d of", done.stderr)  # its code is unchanged


@pytest.mark.parametrize(
    ("name", "said"), [("filter", "no page 'filter'"), ("", "name a page: make page PAGE=…")]
)
def test_a_page_that_is_not_there_is_answered_with_those_that_are(name: str, said: str) -> None:
    with pytest.raises(
        pages.PageError,
        match=f"^{said}; there are: index, beginning, 01-pixels, 02-filters, .*, appendix, teaching, writing$",
    ):
        pages.build_page(name)


def page(*cells: nbformat.NotebookNode) -> pages.Page:
    return pages.Page(Path("a.md"), nbformat.v4.new_notebook(cells=list(cells)))


def test_options_of_a_cell_that_change_what_it_shows_count() -> None:
    cell = nbformat.v4.new_code_cell
    plain = page(cell("1")).cells
    assert plain == page(nbformat.v4.new_markdown_cell("prose"), cell("1")).cells
    assert plain != page(cell("1", metadata={"tags": ["raises-exception"]})).cells
    assert page(cell("1", metadata={"points": 1})).cells != page(cell("1", metadata={"points": 2})).cells


def test_of_other_pages_just_the_points_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """a check reads every page for the points of its exercises"""
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    path = tmp_path / "chapters/02-filters.md"
    path.parent.mkdir()
    path.write_text((ROOT / "chapters/02-filters.md").read_text())
    before = pages.state("chapters/02-filters.md")
    path.write_text(path.read_text() + "\nMore.\n")
    assert pages.state("chapters/02-filters.md") == before
    path.write_text(re.sub(r":points: [\d.]+", ":points: 99", path.read_text(), count=1))
    assert pages.state("chapters/02-filters.md") != before
    path.unlink()
    assert pages.state("chapters/02-filters.md") == "gone"


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("solutions/fast.py", "solutions/fast.py"),
        ("solutions/__pycache__/fast.cpython-311.pyc", "solutions/fast.py"),
        (
            "autograder/checks/__pycache__/test_fast.cpython-311-pytest-9.2.0.pyc",
            "autograder/checks/test_fast.py",
        ),
        ("chapters/../course/draw.py", "course/draw.py"),
        (".venv/lib/numpy.py", ""),
        ("_build/html/index.html", ""),
        ("..", ""),
        (".", ""),
    ],
)
def test_files_of_the_project_are_told_from_others(path: str, inside: str) -> None:
    assert in_project(str(ROOT / path)) == inside
