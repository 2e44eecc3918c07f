"""`make bench-kit`: what a learner installs, and how long the first report takes, in an environment with nothing else."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

import nbformat
from rich.console import Console
from rich.table import Table

from autograder.chapters import chapters
from autograder.grading.classroom import Classroom
from autograder.publishing.kit import build_wheel
from autograder.sample import fill, reference_cell

console = Console()

RUNS = 7
"""Fresh processes that import the kit and check; the quickest counts, since others use this machine too."""

FIRST_CHECK = """
import contextlib, io, json, time
began = time.perf_counter()
import numpy as np
from autograder import check
def relu(x):
    return np.where(x > 0, x, 0)
seconds = [time.perf_counter() - began]
for _ in range(3):
    began = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        check(relu)._repr_html_()
    seconds.append(time.perf_counter() - began)
print(json.dumps([seconds[0], seconds[1], min(seconds[2:])]))
"""


def main() -> None:
    """Install the kit, check everything with it, and print the figures."""
    with tempfile.TemporaryDirectory(prefix="bench-kit-") as scratch:
        place = Path(scratch)
        with console.status("releasing every chapter …"):
            released = _solved_notebooks(place)
        with console.status("installing the kit …"):
            installed = _install(place)
        with console.status("checking every kernel …"):
            seconds = min(_first_check(place, released / "filters") for _ in range(RUNS))
            points = {
                one.name: _check_all(place, released / one.name / f"{one.name}.ipynb") for one in chapters()
            }
    table = Table(box=None, show_header=False)
    for name, value in installed.items():
        table.add_row(name, value)
    table.add_row("import, then first check", f"{seconds[0]:.2f} s + {seconds[1]:.2f} s")
    table.add_row("a later check", f"{seconds[2]:.2f} s")
    for name, (score, took) in points.items():
        table.add_row(f"autograder check {name}", f"{score} in {took:.1f} s")
    console.print(table)


def _solved_notebooks(place: Path) -> Path:
    """Every chapter's release with the reference pasted into its notebook."""
    room = Classroom(place / "classroom")
    for one in chapters():
        path = room.release(one)
        cells = fill(room.released(one), lambda kernel, one=one: reference_cell(one, kernel))
        nbformat.write(cells, path)
    return place / "classroom" / "release"


def _install(place: Path) -> dict[str, str]:
    """Install the wheel with what it needs into an environment of its own; how much that is."""
    venv.create(place / "venv", with_pip=True)
    wheel = build_wheel(place)
    pip = [_program(place, "python"), "-m", "pip", "--disable-pip-version-check"]
    _run([*pip, "download", "--quiet", "--dest", place / "downloads", wheel])
    site = Path(
        _run(
            [_program(place, "python"), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
        ).strip()
    )
    before = set(site.iterdir())
    began = time.perf_counter()
    _run([*pip, "install", "--quiet", "--no-index", "--find-links", place / "downloads", wheel])
    took = time.perf_counter() - began
    new = set(site.iterdir()) - before
    listed = {one["name"]: one["version"] for one in json.loads(_run([*pip, "list", "--format=json"]))}
    others = [f"{name} {version}" for name, version in listed.items() if name not in ("pip", "setuptools")]
    return {
        "Python": sys.version.split()[0],
        "packages": f"{len(others)}: {', '.join(others)}",
        "the wheel": f"{wheel.stat().st_size / 1e6:.1f} MB",
        "download": f"{sum(file.stat().st_size for file in (place / 'downloads').iterdir()) / 1e6:.0f} MB",
        "installed": f"{sum(map(_size, new)) / 1e6:.0f} MB in {took:.0f} s",
    }


def _first_check(place: Path, folder: Path) -> list[float]:
    """Seconds of import, first check and a later one in a fresh process."""
    return json.loads(_run([_program(place, "python"), "-c", FIRST_CHECK], folder))


def _check_all(place: Path, notebook: Path) -> tuple[str, float]:
    """The last line of `autograder check`, and its seconds."""
    began = time.perf_counter()
    out = _run([_program(place, "autograder"), "check", notebook])
    return out.strip().splitlines()[-1], time.perf_counter() - began


def _program(place: Path, name: str) -> str:
    return str(shutil.which(name, path=place / "venv" / ("Scripts" if os.name == "nt" else "bin")))


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file() and file.suffix != ".pyc")


def _run(command: list[str | Path], folder: Path | None = None) -> str:
    """Output of a program that sees nothing of this project's."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(list(map(str, command)), cwd=folder, env=clean, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
