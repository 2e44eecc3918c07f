"""Runs the pages of the book side by side, and keeps the outputs of each until something that it read has changed.

What is kept stands in the cache of MyST-NB (jupyter-cache), under the page's code. Beside each run its record names the
files that the page read while it ran (`watch`), with their hashes; a run of which one has changed is thrown away. So
nobody states what a page depends on, and MyST-NB finds in its cache what is true now, and nothing else.
"""

import functools
import hashlib
import importlib.metadata
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbformat import NotebookNode
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from ..chapters import ROOT, check_points
from .watch import NOTES

if TYPE_CHECKING:
    from jupyter_cache.base import JupyterCacheAbstract
    from jupyter_cache.cache.db import NbCacheRecord
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

CACHE = ROOT / "_build" / ".jupyter_cache"
"""Where runs are kept; `jupyter-book clean` leaves it, `make clean` removes it."""

TIMEOUT = 300
"""Seconds that one cell may take: more than a page needs that has the machine to itself, as here another runs beside it."""


class PageError(Exception):
    """A page that is not there, or fails; the text says which."""


@dataclass(frozen=True)
class Page:
    """A page of the book and the notebook that it is."""

    path: Path
    notebook: NotebookNode

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def alone(self) -> bool:
        """Whether it takes times, as its front matter says: nothing may run beside it."""
        return bool(self.notebook.metadata.get("alone", False))

    @property
    def cells(self) -> str:
        """Hash of what the cells' options may change in the outputs; jupyter-cache itself compares just their code."""
        options = [
            (cell.metadata.get("tags"), cell.metadata.get("points"))
            for cell in self.notebook.cells
            if cell.cell_type == "code"
        ]
        return _hash(json.dumps(options).encode())

    @property
    def guess(self) -> float:
        """Seconds that it takes, where it was never run: what its front matter says, or by the length of its code."""
        length = sum(len(cell.source) for cell in self.notebook.cells if cell.cell_type == "code")
        return float(self.notebook.metadata.get("seconds", 2 + length / 5000))


def read_page(path: Path) -> Page:
    """Read a page as MyST-NB does."""
    from myst_nb.core.read import read_myst_markdown_notebook  # late: it loads Sphinx

    return Page(path, read_myst_markdown_notebook(path.read_text(encoding="utf-8"), path=path))


def page_paths() -> dict[str, Path]:
    """All pages that `_toc.yml` names, the first page first, by their names."""
    import yaml

    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    entries = [entry["file"] for part in toc["parts"] for entry in part["chapters"]]
    return {Path(entry).name: ROOT / f"{entry}.md" for entry in (toc["root"], *entries)}


def kept(folder: Path = CACHE) -> "JupyterCacheAbstract":
    """The cache of runs."""
    from jupyter_cache import get_cache

    return get_cache(folder)


def kept_run(page: Page, cache: "JupyterCacheAbstract") -> "NbCacheRecord | None":
    """The run of the page as it stands, if it is kept and nothing has changed since of all that it read."""
    try:
        found = cache.match_cache_notebook(page.notebook)
    except KeyError:
        return None
    true = (
        found.data.get("cells") == page.cells
        and found.data.get("versions") == versions()
        and all(state(name) == then for name, then in found.data["reads"].items())
    )
    return found if true else None


def seconds_of_last_run(cache: "JupyterCacheAbstract") -> dict[str, float]:
    """How long each page took when it was last run, as it was then."""
    records = sorted(cache.list_cache_records(), key=lambda record: record.created)
    return {Path(record.uri).stem: float(record.data.get("execution_seconds", 0)) for record in records}


def state(name: str) -> str:
    """Hash of a file of the project, or of the names in a folder; "gone" if there is none."""
    path = ROOT / name
    try:
        if path.is_dir():
            # pages may come and go: a chapter's check looks among them for its own only
            names = sorted(
                entry for entry in os.listdir(path) if entry[0] not in "._" and not entry.endswith(".md")
            )
            return _hash("\0".join(names).encode())
        if path.parent == ROOT / "chapters" and path.suffix == ".md":
            return _hash(json.dumps(_points(path)).encode())
        return _hash(path.read_bytes())
    except FileNotFoundError:
        return "gone"


def _points(path: Path) -> dict[str, float]:
    """All that a check reads of a page, be it another page: the points of its exercises."""
    from ..chapters import Chapter

    return check_points(Chapter(0, path.stem, path))


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


@functools.cache
def versions() -> str:
    """Hash of the versions of Python and of every package installed."""
    # not all of sys.path: whoever imports setuptools has the packages inside it there too
    places = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    packages = sorted({f"{one.name}=={one.version}" for one in importlib.metadata.distributions(path=places)})
    return _hash("\n".join([sys.version, *packages]).encode())


def run(page: Page, cores: int | None = None) -> dict[str, Any]:
    """Run the page in a kernel of its own; its notebook has the outputs then. Returns what is to be kept beside it.

    `cores` is how many threads a matrix product may take, None for all there are.

    Raises
    ------
    nbclient.exceptions.CellExecutionError, nbclient.exceptions.CellTimeoutError
        If a cell of the page does.
    """
    from nbclient import NotebookClient

    begun = time.time()
    # not even an inherited MPLBACKEND: it would override the kernel's own, and the page would have no figures
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    if cores:
        environment |= dict.fromkeys(
            ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(cores)
        )
    with tempfile.TemporaryDirectory() as scratch:
        notes = Path(scratch, "reads")
        environment[NOTES] = str(notes)
        NotebookClient(
            page.notebook,
            timeout=TIMEOUT,
            resources={"metadata": {"path": str(page.path.parent)}},
            extra_arguments=[
                "--IPKernelApp.extra_extensions=autograder.publishing.watch",
                "--IPKernelApp.extra_extensions=autograder.publishing.figures",
                "--IPKernelApp.log_level=CRITICAL",  # what a cell raises comes back; this is how a kernel ends
            ],
            record_timing=False,
        ).execute(env=environment)
        read = set(notes.read_text(encoding="utf-8").splitlines())
    return {
        "execution_seconds": time.time() - begun,
        "cells": page.cells,
        "versions": versions(),
        # what was saved while the page ran may have been read before or after: it counts as changed
        "reads": {name: state(name) if _changed(name) < begun else "changed" for name in sorted(read)},
    }


def _changed(name: str) -> float:
    path = ROOT / name
    return path.stat().st_mtime if path.is_file() else 0


def run_pages(wanted: Iterable[Page], cache: "JupyterCacheAbstract", console: Console) -> list[str]:
    """Run the pages, as many at once as there are cores, and keep the runs; returns the names of those that failed.

    The longest comes first, that the last ones end together. Those that take times come after all others, one by one.
    """
    took = seconds_of_last_run(cache)
    todo = sorted(wanted, key=lambda page: -took.get(page.name, page.guess))
    for page in todo:  # whatever becomes of the new run, the old one is no longer true
        try:
            cache.remove_cache(cache.match_cache_notebook(page.notebook).pk)
        except KeyError:
            continue
    if not todo:
        return []
    failed = []
    with Steps(console, {page.name: took.get(page.name, page.guess) for page in todo}) as steps:
        for page, outcome in _outcomes(todo, steps):
            error = outcome.exception()
            if error:
                failed.append(page.name)
                steps.done(page.name, f"failed: {str(error).strip().splitlines()[-1]}")
            else:
                from jupyter_cache.base import CacheBundleIn

                data = outcome.result()
                bundle = CacheBundleIn(page.notebook, str(page.path), data=data)
                cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
                steps.done(page.name, f"{data['execution_seconds']:.0f} s")
    return failed


def _outcomes(todo: list[Page], steps: "Steps") -> Iterator[tuple[Page, Future[dict[str, Any]]]]:
    """Each page with what came of it, as they end."""
    together = [page for page in todo if not page.alone]
    alone = [page for page in todo if page.alone]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for at_once, some in ((min(cores, len(together)), together), (1, alone)):
        if some:
            with ThreadPoolExecutor(at_once) as pool:  # threads: the work is done by the kernels' processes
                share = max(1, cores // at_once) if at_once > 1 else None
                running = {pool.submit(steps.watched, page.name, run, page, share): page for page in some}
                for outcome in as_completed(running):
                    yield running[outcome], outcome


class Steps:
    """Progress by the page, with the time left: a bar in a terminal, a line a page anywhere else."""

    def __init__(self, console: Console, guesses: dict[str, float]):
        columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[left]}")
        self.console, self.guesses, self.ended = console, guesses, 0
        self.bar = Progress(*columns, console=console, disable=not console.is_terminal, transient=True)
        self.task = self.bar.add_task("pages", total=sum(guesses.values()), left="")
        self.running: list[str] = []
        self.lock = threading.Lock()
        self.begun = time.monotonic()

    def __enter__(self) -> "Steps":
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def watched(self, name: str, work: Any, *arguments: Any) -> Any:
        """Do the work of a page, named as running meanwhile."""
        with self.lock:
            self.running.append(name)
            self.bar.update(self.task, description="running " + ", ".join(self.running))
        try:
            return work(*arguments)
        finally:
            with self.lock:
                self.running.remove(name)

    def done(self, name: str, how: str) -> None:
        """A page has ended."""
        self.ended += 1
        self.bar.advance(self.task, self.guesses[name])
        half = sum(self.guesses[one] for one in list(self.running)) / 2  # of those that run, as nobody knows
        share = (self.bar.tasks[0].completed + half) / sum(self.guesses.values())
        left = (time.monotonic() - self.begun) * (1 - share) / share
        still = f", about {left:.0f} s left" if self.ended < len(self.guesses) else ""
        self.bar.update(
            self.task, left=still.removeprefix(", "), description="running " + ", ".join(self.running)
        )
        self.console.print(
            f"  page {self.ended} of {len(self.guesses)}: {name}, {how}{still}", highlight=False, markup=False
        )


def outdated(app: "Sphinx", env: "BuildEnvironment", *_: set[str]) -> list[str]:
    """Tell Sphinx which pages to read again, whether or not their text changed.

    They are those of which no true run is kept, and those that were run since, by `make page` for instance.
    """
    cache = kept(Path(app.config.nb_execution_cache_path))
    read = getattr(env, "nb_metadata", {})  # MyST-NB notes there when the run that it took was made
    names = []
    for name in env.found_docs:
        run = kept_run(read_page(Path(env.doc2path(name))), cache)
        if run is None or run.created.timestamp() != read.get(name, {}).get("exec_data", {}).get("mtime"):
            names.append(name)
    return names


def run_outdated(app: "Sphinx", env: "BuildEnvironment", names: list[str]) -> None:
    """Before Sphinx reads pages, run those of which no true run is kept. One that fails MyST-NB runs again, and reports."""
    cache = kept(Path(app.config.nb_execution_cache_path))
    read = [read_page(Path(env.doc2path(name))) for name in names]
    run_pages([page for page in read if kept_run(page, cache) is None], cache, Console(stderr=True))


def one_cache(app: "Sphinx", config: Any) -> None:
    """All builds of the project share the cache, whatever folder they write to."""
    config.nb_execution_cache_path = config.nb_execution_cache_path or str(CACHE)


def setup(app: "Sphinx") -> dict[str, bool]:
    """Entry point that Sphinx calls."""
    app.connect("config-inited", one_cache)
    app.connect("env-get-outdated", outdated)
    app.connect("env-before-read-docs", run_outdated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def run_stale() -> str:
    """Run what is not kept, without building anything; returns what was done.

    Raises
    ------
    PageError
        If a page fails.
    """
    cache = kept()
    every = [read_page(path) for path in page_paths().values()]
    stale = [page for page in every if kept_run(page, cache) is None]
    failed = run_pages(stale, cache, Console(stderr=True))
    if failed:
        raise PageError(f"these pages fail: {', '.join(failed)}; `make page PAGE={failed[0]}` shows where")
    return f"{len(stale)} of {len(every)} pages run, the others are kept"


def build_page(name: str) -> Path:
    """Build one page as a book of its own, in which links to other pages lead nowhere; returns the file to open.

    Raises
    ------
    PageError
        If there is no page of that name, or it fails.
    """
    paths = page_paths()
    found = paths.get(Path(name).stem)
    if found is None:
        wanted = f"no page {name!r}" if name else "name a page: make page PAGE=…"
        raise PageError(f"{wanted}; there are: {', '.join(paths)}")
    place = ROOT / "_build" / "page"
    place.mkdir(parents=True, exist_ok=True)
    root = found.relative_to(ROOT).with_suffix("").as_posix()
    (place / "_toc.yml").write_text(json.dumps({"format": "jb-book", "root": root}), encoding="utf-8")
    program = [sys.executable, str(Path(sys.executable).parent / "jupyter-book")]
    build = [
        *program,
        "build",
        "--toc",
        str(place / "_toc.yml"),
        "--path-output",
        str(place),
        "-q",
        str(ROOT),
    ]
    # its warnings are shown when it has ended, without those about pages that are left out; its progress at once
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        done = subprocess.Popen(build, stdout=said, stderr=subprocess.PIPE, text=True)
        assert done.stderr is not None
        warned = False
        for line in done.stderr:
            if not any(words in line for words in LEFT_OUT):
                print(line, end="", file=sys.stderr, flush=True)
                warned = warned or "WARNING" in line or "ERROR" in line
        shown = place / "_build" / "html" / f"{root}.html"
        if done.wait() or not shown.exists():
            said.seek(0)
            raise PageError(f"{said.read()[-4000:]}\nthe page could not be built, for the reason above")
    if warned:
        raise PageError(f"built with the warnings above, which the book does not allow: {shown}")
    return shown


LEFT_OUT = ("[myst.xref_missing]", "undefined label", "unknown document")
"""Words of the warnings that one page alone always gives: what it links to is not there."""


def main(arguments: list[str]) -> None:
    """`python -m autograder.publishing.pages` runs every page that is not kept; with the name of a page, builds that one."""
    try:
        if arguments:
            begun = time.monotonic()
            print(f"open file://{build_page(arguments[0])}   ({time.monotonic() - begun:.0f} s)")
        else:
            print(run_stale())
    except PageError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
