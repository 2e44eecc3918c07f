"""Each thing stands in one place, and what is derived from it agrees."""

import ast
import importlib.metadata
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml
from myst_parser.mdit_to_docutils.base import default_slugify
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from autograder.chapters import ROOT, Chapter, chapters, check_points, minutes_told
from autograder.grading.classroom import Classroom
from autograder.live.answers import MODELS, model_answers
from autograder.live.bundle import kit_packages
from autograder.publishing.authoring import kernel_source, source_notebook
from autograder.publishing.leaks import Leaks, secret_lines, squeezed
from autograder.publishing.pages import read_page
from autograder.site import front

from .conftest import run_in

CHAPTERS = chapters()
by_name = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)


@pytest.fixture(scope="module")
def secrets() -> list[str]:
    lines = []
    for chapter in CHAPTERS:
        for kernel in check_points(chapter):
            lines += secret_lines(kernel_source(f"from solutions.{chapter.name} import {kernel}"))
    assert len(lines) >= len(CHAPTERS) * 4
    return lines


def test_release_holds_no_solution(released: Classroom, secrets: list[str]) -> None:
    files = [path for path in (released.root / "release").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} >= {".ipynb", ".checks"}
    looked_for = Leaks(secrets)
    for path in files:
        content = path.read_bytes().decode("utf-8", errors="ignore")
        text = squeezed(content.replace('\\"', '"').replace("\\n", ""))
        assert "BEGINSOLUTION" not in text
        shown = [line for _, line in looked_for.places(text)]
        assert not shown, f"{path.name} shows {shown}"


def test_every_question_has_a_model_answer_which_no_learner_is_handed(released: Classroom) -> None:
    questions = [
        cell.metadata["grade_id"]
        for chapter in CHAPTERS
        for cell in read_page(chapter.page).notebook.cells
        if "question" in cell.metadata.get("tags", [])
    ]
    models = model_answers()
    assert sorted(models) == sorted(questions)
    handed_out = "".join(
        path.read_text(encoding="utf-8") for path in (released.root / "release").rglob("*.ipynb")
    )
    kit = [path for package in kit_packages() for path in (ROOT / package.replace(".", "/")).rglob("*.*")]
    assert MODELS not in kit and not any(text[:40] in handed_out for text in models.values())


def test_book_holds_no_solution(built_book: Path, secrets: list[str]) -> None:
    import html

    pages = [
        path
        for path in built_book.rglob("*")
        if path.suffix in (".html", ".js", ".txt", ".md", ".ipynb", ".inv")
    ]
    assert len(list(built_book.glob("chapters/*.html"))) >= 4
    looked_for = Leaks([*secrets, "twice_of_everything"])
    for path in pages:
        content = path.read_text(encoding="utf-8", errors="ignore")
        text = others = html.unescape(re.sub(r"<[^>]+>", "", content))
        if path.name == "sections.js":  # the index of the search, one entry a section
            entries = json.loads(content[content.index("[") :])
            others = str([one for one in entries if not one["at"].startswith("chapters/writing.")])
            assert len(entries) > 100
        if path.stem != "writing":  # the authors' guide says how the markers are written
            assert "BEGIN SOLUTION" not in others, path
        shown = [line for _, line in looked_for.places(squeezed(text))]
        assert not shown, f"{path.name} shows {shown}"
    assert not (built_book / "_sources").exists() or not list((built_book / "_sources").rglob("*.*"))


def test_book_shows_the_stub_and_the_report(built_book: Path) -> None:
    text = (built_book / "chapters" / "99-toys.html").read_text(encoding="utf-8")
    plain = re.sub(r"<[^>]+>", "", text)
    assert "NotImplementedError" in plain and "Twice the array." in plain
    assert "from solutions" not in plain
    assert "doubles a small array" in plain
    assert "THEBE_JS_URL" not in text


def test_every_figure_of_the_book_has_alt_text(built_book: Path) -> None:
    seen = 0
    for page in built_book.glob("chapters/*.html"):
        article = page.read_text(encoding="utf-8")
        for image in re.findall(r"<img[^>]*>", article):
            if "_images" in image:
                seen += 1
                alt = re.search(r'alt="([^"]*)"', image)
                assert alt and len(alt[1]) > 25 and "_images" not in alt[1], f"{page.name}: {image}"
    assert seen >= 100


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def pins() -> dict[str, str]:
    """Every pin of constraints.txt, under its name as package indexes normalise it."""
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}


def test_environment_and_project_pin_the_same_versions() -> None:
    """what a learner needs is a range, and its pin stands in constraints.txt; all else is pinned in pyproject.toml too"""
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    extras = project()["optional-dependencies"]
    learners = [Requirement(line) for line in project()["dependencies"]]
    pinned = [f"{one.name}=={pins()[canonicalize_name(one.name)]}" for one in learners]
    expected = [*pinned, *extras["teach"], *extras["write"]]
    assert sorted(expected) == sorted(next(entry["pip"] for entry in conda if isinstance(entry, dict)))
    oldest = project()["requires-python"].removeprefix(">=")
    assert any(str(entry).startswith(f"python={oldest}") for entry in conda)
    for line in (pin for extra in extras.values() for pin in extra):
        name, version = line.split("==")
        assert pins()[canonicalize_name(name)] == version


def test_ranges_of_the_kit_end_with_what_is_pinned() -> None:
    """neither end of a range is a guess: the pins are tested here, the lower ends in tests/test_kit.py"""
    learners = [Requirement(line) for line in project()["dependencies"]]
    assert {one.name for one in learners} == {"numpy", "pytest", "matplotlib", "threadpoolctl"}
    for one in learners:
        pin = Version(pins()[canonicalize_name(one.name)])
        ends = {end.operator: Version(end.version) for end in one.specifier}
        assert set(ends) == {">=", "<"}
        assert ends[">="] < pin < ends["<"] <= Version(f"{pin.major + 1}")
        if one.name in ("numpy", "matplotlib"):  # which take things away in minor versions too
            assert ends["<"] == Version(f"{pin.major}.{pin.minor + 1}")


def test_makefile_installs_every_extra_of_teachers_and_authors() -> None:
    installed = set(
        re.findall(r"--constraint constraints.txt --editable '\.\[(.*)\]'", (ROOT / "Makefile").read_text())
    )
    assert installed == {"teach,write,dev,cluster", "teach,write,dev,cluster,bridge", "postgres"}
    assert set(project()["optional-dependencies"]) == {
        "teach",
        "write",
        "dev",
        "cluster",
        "bridge",
        "postgres",
    }


def test_every_pin_is_for_the_oldest_python_that_the_readme_names() -> None:
    """pip refuses all if one pin wants a newer Python; what a pin wants is read from what is installed of it"""
    oldest = project()["requires-python"].removeprefix(">=")
    assert f"Python {oldest} or newer" in (ROOT / "README.md").read_text()
    refusing, installed = [], 0
    for name, version in pins().items():
        try:
            package = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # only the bridge wants it, or another system
        installed += 1
        # as pip compares: 2.13.0+cpu, which says what PyTorch was built for, is the release 2.13.0
        as_pinned = SpecifierSet(f"=={version}").contains(package.version)
        assert as_pinned, f"{name} {package.version} is installed, {version} is pinned"
        if not SpecifierSet(package.metadata.get("Requires-Python", "")).contains(f"{oldest}.0"):
            refusing.append(f"{name} {version} wants Python {package.metadata['Requires-Python']}")
    assert not refusing and installed > 100


def test_checks_ask_pytest_for_nothing_that_grading_leaves_out() -> None:
    kernels = {kernel for chapter in chapters() for kernel in check_points(chapter)}
    for path in sorted((ROOT / "autograder" / "checks").glob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                marks = [ast.unparse(mark) for mark in node.decorator_list]
                assert all(
                    mark.startswith(("pytest.mark.timed", "pytest.mark.parametrize")) for mark in marks
                ), node.name
                words = {word for mark in marks for word in re.findall(r"\w+", mark)}
                assert {one.arg for one in node.args.args} <= kernels | {"rng"} | words, (
                    f"{path.name}: {node.name}"
                )


def test_modules_import_only_from_the_rows_above_them() -> None:
    house = (
        (ROOT / "CONTRIBUTING.md")
        .read_text(encoding="utf-8")
        .partition("## The house")[2]
        .partition("\n## ")[0]
    )
    rows = [line.split("|")[1] for line in house.splitlines() if line.startswith("| `")]
    order = re.findall(r"`(\w+)(?:\.py|/)`", " ".join(rows))
    there = {
        path.stem
        for path in (ROOT / "autograder").iterdir()
        if path.suffix == ".py" or any(path.glob("*.py"))
    }
    assert set(order) == there - {"__init__", "__main__", "__pycache__"}
    for path in sorted((ROOT / "autograder").rglob("*.py")):
        name, *rest = path.relative_to(ROOT / "autograder").with_suffix("").parts
        if name in order and "static" not in rest and "stub" not in rest:
            for used in imports_of(path) - {name}:
                assert used in order[: order.index(name)], f"{path.relative_to(ROOT)} imports {used}"


def imports_of(path: Path) -> set[str]:
    """Folders and modules at the top of autograder/ that a file of it imports from."""
    package = ["autograder", *path.relative_to(ROOT / "autograder").parent.parts]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            for one in node.names:
                names = [*base, *(node.module or "").split("."), one.name]
                names = [name for name in names if name]
                if names[0] == "autograder" and names[1] != "check":
                    found.add(names[1])
        elif isinstance(node, ast.Import):
            found |= {one.name.split(".")[1] for one in node.names if one.name.startswith("autograder.")}
    return found


def test_every_command_of_make_stands_once_and_tells_what_it_does() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    told = re.findall(r"^([a-z0-9-]+):.*## \S", text, re.MULTILINE)
    (phony,) = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert sorted(told) == sorted(set(told))
    quiet = {"setup", "jail", "browser"}  # what others need; nobody calls them by hand
    assert set(phony.split()) - quiet == set(told)
    readme = set(re.findall(r"make ([a-z -]+?)(?:  |$)", (ROOT / "README.md").read_text(), re.MULTILINE))
    named = {word for words in readme for word in words.split()}
    assert named <= set(told), named - set(told)


@by_name
def test_points_read_from_the_page_are_those_of_the_notebook(chapter: Chapter) -> None:
    cells = source_notebook(chapter).cells
    found = {
        cell.metadata["nbgrader"]["grade_id"].removeprefix("check-"): cell.metadata["nbgrader"]["points"]
        for cell in cells
        if cell.metadata.get("nbgrader", {}).get("grade_id", "").startswith("check-")
    }
    assert found == check_points(chapter) and found


def test_notebook_boxes_fold_outside_the_book(released: Classroom) -> None:
    for chapter in CHAPTERS:
        notebook = nbformat.read(released.release_path(chapter), as_version=4)
        text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
        assert "<details>" in text
        assert not re.search(r"^:::", text, re.MULTILINE)
        assert not re.search(r"\]\(\d\d-", text)


def test_a_chapter_is_added_by_touching_five_files(toy_course: Path, built_book: Path) -> None:
    assert (built_book / "chapters" / "99-toys.html").exists()
    assert run_in(toy_course, "-m", "autograder", "release", "toys").returncode == 0
    verified = run_in(toy_course, "-m", "autograder", "verify", "toys")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    path = toy_course / "classroom" / "release" / "toys" / "toys.ipynb"
    notebook = nbformat.read(path, as_version=4)
    submitted = toy_course / "classroom" / "submitted" / "ada" / "toys" / "toys.ipynb"
    submitted.parent.mkdir(parents=True)
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "double":
            cell.source = "def double(x):\n    return x * x"
    nbformat.write(notebook, submitted)
    checked = run_in(toy_course, "-m", "autograder", "check", "toys", str(submitted))
    assert checked.returncode == 1 and "You square" in checked.stdout, checked.stdout + checked.stderr
    graded = run_in(toy_course, "-m", "autograder", "grade", "toys", "--json")
    assert graded.returncode == 0, graded.stderr
    (result,) = json.loads(graded.stdout)
    assert [(e["kernel"], e["score"], e["mistake"]) for e in result["exercises"]] == [
        ("double", 0.0, "squares")
    ]


def test_the_front_page_adds_up_the_hours_of_the_chapters() -> None:
    """from the lines of time: main path, exercises, going further"""
    told = [minutes_told(one.page.read_text(encoding="utf-8")) for one in chapters()]
    path, exercises, further = (sum(one[part] for one in told if one) for part in range(3))
    first = sum(sum(one[:2]) for one in told[:5] if one)
    said = {name: int(front.numbers()[f"{name}_hours"]) for name in ("first", "all", "reading", "further")}
    assert said["first"] == round(first / 60) and said["all"] == round((path + exercises + further) / 60)
    assert said["reading"] == round(path / 60) and said["further"] == round(further / 60)
    page = (ROOT / "chapters" / "index.md").read_text(encoding="utf-8")
    assert {*re.findall(r"\{\{ (\w+) \}\}", page)} <= {*front.numbers()} and "{{ first_hours }}" in page


def test_loops_over_the_places_of_a_filter_are_called_u_and_v_as_in_the_formulas() -> None:
    """i and j count places of the map, u and v places of a filter or window: the appendix says so, and the kernels do"""
    sides = {"F", "F_h", "F_w", "size", "filter_size", "filter_h", "filter_w"}
    sides |= {f"{name}.shape[:2]" for name in ("w", "kernel", "filters")}
    seen = 0
    for path in sorted((ROOT / "solutions").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.For | ast.comprehension) and isinstance(node.iter, ast.Call):
                names = {one.id for one in ast.walk(node.target) if isinstance(one, ast.Name)}
                if {ast.unparse(one).lstrip("*") for one in node.iter.args} <= sides and node.iter.args:
                    seen += 1
                    assert names <= {"u", "v"}, f"{path.name}: for {ast.unparse(node.target)} over a filter"
                else:
                    assert not names & {"u", "v"}, (
                        f"{path.name}: for {ast.unparse(node.target)} over no filter"
                    )
    assert seen >= 8


def anchors(page: Path) -> set[str]:
    """The name by which each heading of a page is linked to."""
    text = re.sub(r"^(`{3,}).*?^\1$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#{1,3} (.+)$", text, re.MULTILINE)
    return {default_slugify(re.sub(r"[*`]", "", one)) for one in titles}


def symbols(cell: str) -> set[str]:
    """The symbols of a table's cell; without the step that they belong to and what they are of."""
    return {re.sub(r"\^\{\(.*?\)\}|\(.*\)$", "", one) for one in re.findall(r"\$([^$]+)\$", cell)}


def test_table_of_symbols_leads_to_headings_and_holds_the_symbols_that_chapters_introduce() -> None:
    appendix = (ROOT / "chapters" / "appendix.md").read_text(encoding="utf-8")
    table = appendix.partition("\n## Notation\n")[2].partition("\n## ")[0]
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| $")]
    assert len(rows) > 50
    for row in rows:
        (page, anchor) = re.findall(r"\]\(([\w-]+\.md)#([^)]+)\)", row[1])[0]
        assert anchor in anchors(ROOT / "chapters" / page), f"{row[0]}: no {page}#{anchor}"
    told = {one for row in rows for one in symbols(row[0])}
    introduced: dict[str, str] = {}
    for page in sorted((ROOT / "chapters").glob("[0-9]*.md")):
        for lines in re.findall(
            r"^\| symbol \|.*\n((?:\|.*\n)+)", page.read_text(encoding="utf-8"), re.MULTILINE
        ):
            introduced |= dict.fromkeys(
                set().union(*(symbols(line.split("|")[1]) for line in lines.splitlines())), page.name
            )
    assert set(introduced.values()) == {"07-backprop.md", "08-training.md"}
    missing = {symbol: page for symbol, page in introduced.items() if symbol not in told}
    assert not missing, missing
