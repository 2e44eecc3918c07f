"""The learner's kit: a wheel and a release, enough for instant checks, with no solution and no mistake in it."""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
import tomllib
import venv
import zipfile
from pathlib import Path

import nbformat
import pytest
from packaging.requirements import Requirement

from autograder.chapters import ROOT, Chapter, chapter, chapters, check_points
from autograder.checking.instant import known_exercises
from autograder.checking.oracle import Record
from autograder.grading.classroom import Classroom
from autograder.inside import wire
from autograder.publishing import authoring
from autograder.publishing import kit as kit_module
from autograder.publishing.authoring import kernel_source, source_notebook
from autograder.publishing.kit import build_wheel, companions, pack_earlier_kernels
from autograder.publishing.leaks import secret_lines
from autograder.sample import fill, reference_cell
from course.earlier import EarlierKernels

FILTERS, STRIDE = chapter("filters"), chapter("stride")

NEEDED = "numpy pytest _pytest py pluggy iniconfig packaging pygments"
"""All that a check may import, beside the kit and Python itself."""

DRAWING = "matplotlib mpl_toolkits PIL contourpy cycler dateutil six tzdata fontTools kiwisolver pyparsing threadpoolctl"
"""What drawing adds, and what the pages of chapters 8 and 9 keep BLAS to one thread with."""

ELSEWHERE = '''
import importlib.abc, os, signal, subprocess, sys, threading

LACKING = {"resource", "fcntl", "pwd", "grp", "termios", "pty", "syslog", "posix_ipc", "pyseccomp"}
ALLOWED = {"autograder", "course", "solutions", *NEEDED.split()}

class Elsewhere(importlib.abc.MetaPathFinder):
    """An environment with the kit alone, on a system that is no Unix and has neither threads nor processes."""

    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in LACKING or not (top in ALLOWED | sys.stdlib_module_names or top.startswith("_sysconfigdata")):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

def refuse(*args, **named):
    raise OSError("neither threads nor processes here")

for name in LACKING | {name for name in sys.modules if name.partition(".")[0] not in ALLOWED | sys.stdlib_module_names}:
    if name != "__main__":
        sys.modules.pop(name, None)
for module, names in (
    (os, "fork forkpty getuid geteuid killpg setsid sched_getaffinity sched_setaffinity"),
    (signal, "SIGPROF SIGALRM SIGKILL SIGHUP setitimer alarm pthread_sigmask"),
):
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)
threading.Thread.start = subprocess.Popen.__init__ = refuse
sys.path[:] = [place for place in sys.path if not os.path.isdir(os.path.join(place, "solutions"))]
sys.meta_path.insert(0, Elsewhere())
'''


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def kit(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked as an installation would."""
    site = tmp_path_factory.mktemp("kit")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return site


@pytest.fixture
def handed_out(released: Classroom, tmp_path: Path) -> Path:
    """The release of a chapter that builds on another, in a folder of its own."""
    return Path(shutil.copytree(released.release_path(STRIDE).parent, tmp_path / "stride"))


def run_alone(kit: Path, folder: Path, code: str, expect: int = 0, allowed: str = NEEDED) -> str:
    """Run code as a learner with the kit would, elsewhere; returns what it printed, errors included."""
    environment = {**os.environ, "PYTHONPATH": str(kit), "MPLBACKEND": "Agg", "PYTHONSAFEPATH": "1"}
    environment["OPENBLAS_NUM_THREADS"] = "1"  # no threads there
    done = subprocess.run(
        [sys.executable, "-c", f"NEEDED = {allowed!r}\n{ELSEWHERE}\n{textwrap.dedent(code)}"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert done.returncode == expect, done.stdout
    return done.stdout


def command_line(*words: str) -> str:
    """Code that does what `autograder …` does."""
    return f"sys.argv[1:] = {list(words)!r}\nfrom autograder.__main__ import main\nmain()"


def solved(released: Classroom, one: Chapter, folder: Path, **instead: str) -> Path:
    """A chapter's release in a folder, with the reference pasted into its notebook, or other kernels instead."""
    shutil.copytree(released.release_path(one).parent, folder, dirs_exist_ok=True)
    notebook = fill(released.released(one), lambda kernel: instead.get(kernel) or reference_cell(one, kernel))
    nbformat.write(notebook, folder / f"{one.name}.ipynb")
    return folder / f"{one.name}.ipynb"


def code_cells(notebook: Path) -> list[str]:
    return [cell.source for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]


# What is in it


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


def test_kit_is_built_from_a_copy_so_that_nothing_old_gets_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    for part in kit_module.PARTS:
        place = ROOT / part
        shutil.copytree(place, project / part) if place.is_dir() else shutil.copy(place, project / part)
    left_behind = project / "build" / "lib" / "solutions" / "filters.py"
    left_behind.parent.mkdir(parents=True)
    left_behind.write_text("")
    monkeypatch.setattr(kit_module, "ROOT", project)
    with zipfile.ZipFile(build_wheel(tmp_path / "dist")) as archive:
        assert not [name for name in archive.namelist() if "solutions" in name]
    assert {path.name for path in project.iterdir()} == {*kit_module.PARTS, "build"}


def test_kit_asks_for_numpy_pytest_and_matplotlib_and_no_more(kit: Path) -> None:
    (metadata,) = kit.glob("*.dist-info/METADATA")
    asked = [
        Requirement(line.removeprefix("Requires-Dist: "))
        for line in metadata.read_text(encoding="utf-8").splitlines()
        if line.startswith("Requires-Dist: ")
    ]
    always = {one.name for one in asked if one.marker is None}
    assert always == {"numpy", "pytest", "matplotlib", "threadpoolctl"}
    assert {"nbgrader", "scipy", "typer"} <= {one.name for one in asked if one.marker is not None}


# Checks, anywhere


@pytest.mark.parametrize("one", chapters(), ids=lambda one: one.name)
def test_every_kernel_gets_full_points_with_numpy_and_pytest_alone(
    kit: Path, released: Classroom, tmp_path: Path, one: Chapter
) -> None:
    """the command line of the kit; then the notebook's first cells, which draw"""
    notebook = solved(released, one, tmp_path)
    setup = [
        cell.source
        for cell in nbformat.read(notebook, as_version=4).cells
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "setup"
    ]
    code = f"""
    from autograder.__main__ import kit
    assert kit(["check", {notebook.name!r}]) == 0
    ALLOWED.update({DRAWING!r}.split())
    exec({setup[0]!r}, {{}})
    """
    points = f"{sum(check_points(one).values()):g}"
    assert f"\n{points} of {points} points\n" in run_alone(kit, tmp_path, code)


def test_kit_checks_like_the_project(kit: Path, released: Classroom, tmp_path: Path) -> None:
    """`check(…)` in the cells of a notebook, under whatever names files have that were loaded down twice"""
    untouched = released.released(FILTERS)
    for name, write in {
        "right": lambda kernel: reference_cell(FILTERS, kernel),
        "wrong": lambda kernel: (
            "def relu(x):\n    return abs(x)" if kernel == "relu" else reference_cell(FILTERS, kernel)
        ),
        "untouched": lambda kernel: None,
    }.items():
        folder = tmp_path / name
        shutil.copytree(released.release_path(FILTERS).parent, folder)
        (folder / "filters.checks").rename(folder / "filters (1).checks")
        marked = [
            cell
            for cell in fill(untouched, write).cells
            if cell.cell_type == "code" and "nbgrader" in cell.metadata
        ]
        counted = [
            re.sub(r"^(check\(\w+\))$", r"total += float(\1)", cell.source, flags=re.MULTILINE)
            for cell in marked
        ]
        code = "\n".join(["total = 0.0", *counted, "print('total', total)"])
        out = run_alone(kit, folder, code, allowed=f"{NEEDED} {DRAWING}")
        total = float(out.rsplit("total ", 1)[1])
        if name == "wrong":
            assert 12 < total < 15 and "This looks like a known mistake" in out
        else:
            assert total == (15.0 if name == "right" else 0.0)


def test_a_check_loads_nothing_that_it_does_not_need(kit: Path, released: Classroom) -> None:
    """import and first check are to take less than a second; `make bench-kit` takes the time"""
    code = """
    import numpy as np
    from autograder import check
    def relu(x):
        return np.where(x > 0, x, 0)
    check(relu)
    found = {name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names
    print("loaded", *sorted(name for name in found if "cython" not in name and not name.startswith("__")))
    print("ours", *sorted(name for name in sys.modules if name.startswith("autograder.")))
    """
    out = run_alone(kit, released.release_path(FILTERS).parent, code)
    loaded = set(re.search(r"^loaded (.+)$", out, re.MULTILINE)[1].split())
    assert loaded <= {"autograder", "course", *NEEDED.split()}, out
    ours = set(re.search(r"^ours (.+)$", out, re.MULTILINE)[1].split())
    for late in ("cli", "jail", "walls", "grading", "rebuild", "recorder", "classroom", "authoring", "kit"):
        assert f"autograder.{late}" not in ours
    assert "passed" in out


# What is missing


CHECK_RELU = """
from autograder import check
def relu(x):
    return x
try:
    check(relu)
except Exception as error:
    print(f"{type(error).__name__}: {error}")
"""


def test_a_missing_record_is_named(kit: Path, handed_out: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    for folder in (alone, handed_out):  # no record, and another chapter's
        assert f"FileNotFoundError: filters.checks is not in {folder}: get it from" in run_alone(
            kit, folder, CHECK_RELU
        )
    out = run_alone(kit, alone, CHECK_RELU.replace("check(relu)", "check(len)"))
    assert "FileNotFoundError: a file *.checks is not in" in out
    out = run_alone(kit, handed_out, CHECK_RELU.replace("check(relu)", "check(len)"))
    assert "ValueError: check() takes the function of an exercise; here these are output_size, " in out


def test_a_damaged_record_is_named_and_a_second_download_mends_it(
    kit: Path, released: Classroom, tmp_path: Path
) -> None:
    (tmp_path / "filters.checks").write_bytes(b"broken")
    assert "filters.checks is damaged: get it again" in run_alone(kit, tmp_path, CHECK_RELU)
    whole = released.release_path(FILTERS).parent / "filters.checks"
    shutil.copy(whole, tmp_path / "filters (1).checks")
    assert "relu: " in run_alone(kit, tmp_path, CHECK_RELU)
    (tmp_path / "filters.checks").unlink()
    shutil.copy(whole, tmp_path / "stride.checks")  # whatever it is called, it says which chapter it is of
    assert "relu: " in run_alone(kit, tmp_path, CHECK_RELU)


def test_a_record_that_is_replaced_is_read_again(kit: Path, handed_out: Path, released: Classroom) -> None:
    again = released.release_path(FILTERS).parent / "filters.checks"
    code = f"""
    import shutil
    {textwrap.indent(CHECK_RELU, "    ").strip()}
    shutil.copy({str(again)!r}, ".")
    try:
        check(relu)
    finally:
        print("done")
    """
    assert re.search(r"FileNotFoundError[\s\S]*relu: [\s\S]*done", run_alone(kit, handed_out, code))


IMPORT_EARLIER = """
import course
def look():
    try:
        import solutions.filters
        print("found in", os.path.basename(os.path.dirname(os.path.dirname(solutions.filters.__file__))))
    except ModuleNotFoundError as error:
        print(error)
look()
"""


def test_missing_kernels_of_earlier_chapters_are_named(kit: Path, handed_out: Path) -> None:
    (handed_out / "stride.earlier.zip").rename(handed_out / "elsewhere")
    out = run_alone(
        kit, handed_out, f"{IMPORT_EARLIER}\nos.rename('elsewhere', 'stride.earlier.zip')\nlook()"
    )
    assert f"there is no stride.earlier.zip in {handed_out}." in out and "get it from where you got" in out
    assert "No module named" not in out
    assert out.endswith("found in stride.earlier.zip\n")  # no restart is needed
    (handed_out / "stride.earlier.zip").write_bytes(b"<!doctype html>")
    assert "stride.earlier.zip is damaged" in run_alone(kit, handed_out, IMPORT_EARLIER)


@pytest.mark.parametrize("name", ["stride.earlier.zip", "stride.earlier (1).zip", "stride.earlier"])
def test_kernels_of_earlier_chapters_are_found_under_any_name(kit: Path, handed_out: Path, name: str) -> None:
    """a browser numbers a second download, or unpacks an archive into a folder"""
    archive = handed_out / "stride.earlier.zip"
    if name.endswith(".earlier"):
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(handed_out / name)
        archive.unlink()
    else:
        archive.rename(handed_out / name)
    assert run_alone(kit, handed_out, IMPORT_EARLIER) == f"found in {name}\n"


def test_of_several_archives_the_last_download_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """whatever number a browser gave it, as with records; a link into nowhere is none"""
    monkeypatch.chdir(tmp_path)
    names = ("a.earlier.zip", "a.earlier (2).zip", "a.earlier (1).zip")
    for age, name in enumerate(names):
        with zipfile.ZipFile(name, "w") as archive:
            archive.writestr("solutions/__init__.py", "")
        os.utime(name, (1_000_000_000 - age, 1_000_000_000 - age))
    Path("gone.earlier.zip").symlink_to("nowhere")
    spec = EarlierKernels.find_spec("solutions")
    assert spec is not None and [
        Path(place).parent.name for place in spec.submodule_search_locations
    ] == list(names)


def test_an_unpacked_archive_keeps_its_name(tmp_path: Path) -> None:
    """on macOS too, which puts a folder around what is in an archive only if that is more than one thing"""
    pack_earlier_kernels(STRIDE, tmp_path / "stride.earlier.zip")
    with zipfile.ZipFile(tmp_path / "stride.earlier.zip") as archive:
        assert len({name.partition("/")[0] for name in archive.namelist()}) > 1


def test_what_is_no_record_stops_no_check(tmp_path: Path) -> None:
    """a folder, a link into nowhere and a record that would lead to checks of its own, beside a good one"""
    Record(_record_of(tmp_path / "good.checks", "filters"))
    (tmp_path / "folder.checks").mkdir()
    (tmp_path / "gone.checks").symlink_to(tmp_path / "nowhere")
    _record_of(tmp_path / "evil.checks", "../../evil")
    known, troubles = known_exercises(tmp_path)
    assert {checks.name for checks, _ in known.values()} == {"test_filters.py"}
    assert ["no file of recorded answers" in str(one) for one in troubles] == [True]


def _record_of(path: Path, name: str) -> Path:
    kernel = {"kernel": "relu", "parameters": ["x"], "points": 2.0}
    frames = ({"format": Record.FORMAT, "chapter": name}, kernel)
    path.write_bytes(gzip.compress(b"".join(map(wire.pack, frames))))
    return path


def test_chapters_can_share_a_folder(kit: Path, released: Classroom, tmp_path: Path) -> None:
    """chapter 9 alone has the module `ladder`, and chapter 11 the kernels of chapter 9"""
    for name in ("stride", "fast", "left_out"):
        shutil.copytree(released.release_path(chapter(name)).parent, tmp_path, dirs_exist_ok=True)
    code = "import course, solutions.filters, solutions.ladder, solutions.fast, solutions.training"
    run_alone(kit, tmp_path, code)
    assert "solutions.left_out is not in" in run_alone(kit, tmp_path, f"{code}, solutions.left_out", expect=1)


def test_no_two_chapters_have_a_file_of_one_name(released: Classroom) -> None:
    names = [path.name for one in chapters() for path in released.release_path(one).parent.iterdir()]
    assert len(names) == len(set(names)) == 3 * len(chapters()) - 1  # the first chapter has none before it
    for one in chapters():
        beside = {path.name for path in released.release_path(one).parent.iterdir()}
        assert beside == {f"{one.name}.ipynb", *companions(one)}


# The command line


def test_command_line_of_the_kit_checks_a_notebook(kit: Path, released: Classroom, tmp_path: Path) -> None:
    wrong = "def relu(x):\n    print('hello')\n    return abs(x)"
    broken = "def x_detector(:\n    return 1"
    raising = "def apply_filters(image, filters, bias):\n    return image @ missing"
    notebook = solved(
        released, FILTERS, tmp_path / "a folder", relu=wrong, x_detector=broken, apply_filters=raising
    )
    out = run_alone(kit, tmp_path, command_line("check", "filters", str(notebook)), expect=1)
    assert "✗ relu: " in out and "This looks like a known mistake" in out
    assert "✗ x_detector: 0 of " in out and "SyntaxError" in out
    assert "NameError" in out and "line 2: `return image @ missing`" in out
    assert "✓ correlate2d: " in out
    assert re.search(r"^[\d.]+ of 15 points$", out, re.MULTILINE)


def test_command_line_of_the_kit_takes_an_untouched_notebook(kit: Path, handed_out: Path) -> None:
    out = run_alone(kit, handed_out, command_line("check", "stride.ipynb"), expect=1)
    assert "output_size is not written yet" in out and "0 of 11 points" in out


def test_command_line_of_the_kit_names_earlier_kernels_that_are_missing(
    kit: Path, released: Classroom, tmp_path: Path
) -> None:
    padding = chapter("padding")
    uses_earlier = (
        "from solutions.stride import output_size\ndef same_padding(*sizes):\n    return output_size(*sizes)"
    )
    solved(released, padding, tmp_path, same_padding=uses_earlier)
    (tmp_path / "padding.earlier.zip").unlink()
    out = run_alone(kit, tmp_path, command_line("check", "padding.ipynb"), expect=1)
    assert "there is no padding.earlier.zip in" in " ".join(out.split()) and "No module named" not in out


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["verify"], 2, "autograder verify is not in the learner's kit"),
        (["grade", "filters"], 2, "you need the whole course: clone it and run `make setup` there"),
        ([], 2, "usage: autograder check my-notebook.ipynb"),
        (["--help"], 0, "usage: autograder check my-notebook.ipynb"),
        (["check"], 2, "which notebook?"),
        (["check", "filters"], 2, "which notebook?"),
        (["check", "none.ipynb"], 2, "error: none.ipynb cannot be read: No such file or directory"),
        (["check", "odd.ipynb"], 2, "error: odd.ipynb is not a Jupyter notebook"),
        (["check", "number.ipynb"], 2, "error: number.ipynb is not a Jupyter notebook"),
        (["check", "empty.ipynb"], 2, "error: beside empty.ipynb lies no file *.checks"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_command_line_of_the_kit_says_what_it_cannot_do(
    kit: Path, tmp_path: Path, words: list[str], code: int, says: str
) -> None:
    (tmp_path / "odd.ipynb").write_text("[]")
    (tmp_path / "number.ipynb").write_text('{"cells": [{"cell_type": "code", "source": 5}]}')
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "empty.ipynb")
    out = run_alone(kit, tmp_path, command_line(*words), expect=code)
    assert says in " ".join(out.split()) and "Traceback" not in out


def test_command_line_of_the_project_names_the_extra_that_is_missing(tmp_path: Path) -> None:
    """someone who cloned the course, and installed it as learners do"""
    code = command_line("verify", "filters")
    out = run_alone(ROOT, tmp_path, f"sys.path.insert(0, {str(ROOT)!r})\n{code}", expect=1)
    assert out.startswith("typer is not installed; run `make setup` in ") and len(out.splitlines()) == 1
    assert "'.[teach,write]'" in out


# Where only the notebook was uploaded


def test_first_cell_says_what_to_upload(released: Classroom) -> None:
    for one in chapters():
        first = released.released(one).cells[0]
        assert first.cell_type == "markdown" and len(first.source.splitlines()) == 1
        for name in (*companions(one), "Colab", kit_module.wheel_name()):
            assert name in first.source


def test_first_cell_of_a_published_book_fetches_what_is_missing(
    kit: Path, wheel: Path, released: Classroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, elsewhere = tmp_path / "site", tmp_path / "content"
    shutil.copytree(released.release_path(STRIDE).parent, site / "kit")
    elsewhere.mkdir()
    monkeypatch.setattr(authoring, "address", site.as_uri)
    first = source_notebook(STRIDE).cells[0]
    assert first.cell_type == "code"
    # nothing is to be installed where the kit is: that would need a process
    code = f"exec({first.source!r})\n{IMPORT_EARLIER}\nfrom autograder.checking.instant import known_exercises\nprint(len(known_exercises()[0]))"
    assert run_alone(kit, elsewhere, code) == "found in stride.earlier.zip\n3\n"
    assert {path.name for path in elsewhere.iterdir()} == {"stride.checks", "stride.earlier.zip"}
    installs = f"sys.modules.pop('autograder', None); ALLOWED.discard('autograder')\nimport subprocess\nsubprocess.run = lambda words, check: print(words)\nimport importlib.util\nimportlib.util.find_spec = lambda name: None\nexec({first.source!r})"
    assert f"'install', '--quiet', '{site.as_uri()}/kit/{wheel.name}'" in run_alone(kit, elsewhere, installs)


@pytest.mark.parametrize("page", ["chapters/index.md", "TEACHING.md"])
def test_pages_name_the_wheel_as_it_is_called(page: str) -> None:
    named = re.findall(r"cnn_course-[\w.-]+\.whl", (ROOT / page).read_text(encoding="utf-8"))
    assert named and set(named) == {kit_module.wheel_name()}


def test_no_learner_is_sent_to_make_a_demo() -> None:
    for page in [*ROOT.glob("chapters/*.md"), ROOT / "TEACHING.md"]:
        assert "make demo" not in page.read_text(encoding="utf-8"), page.name


def test_address_of_the_book_is_read_from_its_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kit_module.address() == ""
    monkeypatch.setattr(kit_module, "ROOT", tmp_path)
    (tmp_path / "_config.yml").write_text("html:\n  baseurl: https://example.org/cnn/\n")
    assert kit_module.address() == "https://example.org/cnn"


def test_notebooks_open_elsewhere_if_the_configuration_names_a_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kit_module.elsewhere(STRIDE) == {}
    monkeypatch.setattr(kit_module, "ROOT", tmp_path)
    (tmp_path / "_config.yml").write_text("repository:\n  url: https://github.com/somebody/cnn/\n")
    places = kit_module.elsewhere(STRIDE)
    assert set(places) == {"Colab", "Binder"}
    assert all("/somebody/cnn/" in place and "gh-pages" in place for place in places.values())
    assert all(place.endswith("_static/live/stride/stride.ipynb") for place in places.values())


def test_published_kit_holds_what_first_cells_fetch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kit_module, "chapters", lambda: [chapter("pixels"), STRIDE])
    kit_module.publish(tmp_path / "kit")
    assert {path.name for path in (tmp_path / "kit").iterdir()} == {
        kit_module.wheel_name(),
        *companions(chapter("pixels")),
        *companions(STRIDE),
    }
    wanted = (tmp_path / "binder" / "requirements.txt").read_text().split()
    assert wanted[0] == "jupyterlab" and (tmp_path / wanted[1]).is_file() and len(wanted) == 2


# In an environment of its own


def ends_of_the_ranges() -> dict[str, list[str]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [Requirement(line) for line in project["dependencies"]]
    lowest = [f"{one.name}=={end.version}" for one in asked for end in one.specifier if end.operator == ">="]
    pins = dict(
        line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line
    )
    return {"lowest": lowest, "highest": [f"{one.name}=={pins[one.name]}" for one in asked]}


@pytest.mark.slow
@pytest.mark.parametrize("end", ["lowest", "highest"])
def test_every_kernel_gets_full_points_in_an_environment_of_its_own(
    wheel: Path, released: Classroom, tmp_path: Path, end: str
) -> None:
    """installs the wheel at either end of its ranges, and asks `autograder check` there"""
    venv.create(tmp_path / "venv", with_pip=True)
    programs = tmp_path / "venv" / "bin"
    wanted = ends_of_the_ranges()[end]
    assert len(wanted) == 4
    command = [programs / "pip", "install", "--quiet", "--disable-pip-version-check", wheel, *wanted]
    # nothing of this tree's
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    installed = subprocess.run(command, capture_output=True, text=True, timeout=600, env=clean)
    if "Failed to establish a new connection" in installed.stderr:
        pytest.skip("no network to install from")
    assert installed.returncode == 0, installed.stderr
    listed = subprocess.run(
        [programs / "pip", "list", "--format=json"], capture_output=True, text=True, check=True, env=clean
    )
    assert len(json.loads(listed.stdout)) <= 20
    for one in chapters():
        notebook = solved(released, one, tmp_path / one.name)
        command = [programs / "autograder", "check", notebook]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path, env=clean)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("one", chapters(), ids=lambda one: one.name)
def test_whole_notebooks_run_with_the_kit_alone(
    kit: Path, released: Classroom, tmp_path: Path, one: Chapter
) -> None:
    cells = code_cells(solved(released, one, tmp_path))
    names = "{'__name__': '__main__', 'display': print}"
    code = f"names = {names}\nfor cell in {cells!r}:\n    exec(cell, names)\n    if 'plt' in names: names['plt'].close('all')\nprint('ran', {len(cells)})"
    out = run_alone(kit, tmp_path, code, allowed=f"{NEEDED} {DRAWING}")
    assert f"ran {len(cells)}" in out and "✗" not in out
