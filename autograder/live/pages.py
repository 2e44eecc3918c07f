"""The live page's part of the Sphinx extension: its files in the book, its elements in each chapter's page.

Where the runtime cannot be had the book builds without them, and each page says so in one sentence.
"""

import contextlib
import html
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util import logging

from ..chapters import ROOT, Chapter, chapters, check_points
from ..publishing.authoring import STUB, is_exercise
from ..publishing.kit import elsewhere
from . import answers, bundle, lite
from .cache import cache, digest
from .runtime import PACKAGES, VERSION, NoRuntime, package_sums, runtime

log = logging.getLogger(__name__)

FOLDER = "live"
"""Where in the book's `_static` all of it stands."""

RUNTIME = f"pyodide-{VERSION}/"

WITHOUT = "This copy of the book was built without the parts that run Python in the page: use the chapter's notebook."

FOLDED = {
    "show": "Guess first, then show the {type}",
    "hide": "Hide the {type}",
}
"""What stands on the fold over the answer of a box that asks for a prediction."""

Book = dict[str, Any]


def setup(app: Sphinx) -> None:
    """Connect the steps; called by the book's extension."""
    answers.setup(app)
    app.connect("builder-inited", prepare)
    app.connect("doctree-read", fold_predicted)
    app.connect("doctree-resolved", bring_to_life)


def prepare(app: Sphinx) -> None:
    """Put all that the pages load into the book, if it is one of HTML."""
    app.live_releases, app.live_lite = None, False  # type: ignore[attr-defined]
    if app.builder.format != "html" or not chapters():  # a book without exercises stays as it is
        return
    out = Path(app.outdir, "_static", FOLDER)
    shutil.rmtree(out, ignore_errors=True)
    shutil.rmtree(Path(app.outdir, lite.FOLDER), ignore_errors=True)
    try:
        files = runtime()
    except NoRuntime as error:
        log.info("the book is built without its live parts: %s", error)
        app.add_css_file(_copied("live.css", app))
        return
    shown = app.config.external_site_map  # of the book, or of one page, which may have no exercises
    releases = released([one for one in chapters() if _docname(one) in shown] or chapters()[:1])
    book = write_book(out, files, releases)
    try:
        lite.write(Path(app.outdir), out / RUNTIME, book["stdlib"], releases)
        app.live_lite = True  # type: ignore[attr-defined]
    except (bundle.NoBundle, NoRuntime) as error:
        log.info("the book is built without its notebooks in the browser: %s", error)
    log.info("live pages: version %s", book["version"])
    app.live_releases = releases  # type: ignore[attr-defined]
    app.add_css_file(_copied("live.css", app))
    app.add_js_file(_copied("live.js", app), type="module")


def _docname(chapter: Chapter) -> str:
    return chapter.page.relative_to(ROOT).with_suffix("").as_posix()


def _copied(name: str, app: Sphinx) -> str:
    place = Path(app.outdir, "_static", FOLDER, name)
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(bundle.STATIC / name, place)
    return f"{FOLDER}/{name}"


def released(wanted: Iterable[Chapter]) -> dict[str, Path]:
    """The folder of each chapter as learners get it, by the chapter's name: what its live page works on.

    They are kept in the cache, under a digest of all that they are made of. Those that are not there are made side by
    side, in as many classrooms as there are cores: it is most of a first build's time.
    """
    sources = sorted(
        path
        for name in ("autograder", "course", "solutions")
        for path in (ROOT / name).rglob("*.py")
        if not path.is_relative_to(ROOT / "autograder" / "site")  # how the book looks is no part of a release
    )
    versions = [importlib.metadata.version(name).encode() for name in ("numpy", "nbgrader")]
    code = digest(*versions, *(path.read_bytes() for path in sources)).encode()
    found = {
        chapter.name: cache() / f"release-{digest(code, chapter.page.read_bytes())}" / chapter.name
        for chapter in wanted
    }
    missing = [name for name, made in found.items() if not made.is_dir()]
    cores = os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as threads:  # threads: the work is done by the processes that they start
        for _ in threads.map(partial(_release, found), (missing[core::cores] for core in range(cores))):
            pass
    return found


def _release(places: dict[str, Path], names: list[str]) -> None:
    """Release the chapters of these names in a classroom of their own, and put each in its place."""
    if not names:
        return
    cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache(), prefix=".room-") as room:
        words = [sys.executable, "-m", "autograder", "release", *names, "--classroom", room]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            raise ExtensionError(f"chapters could not be released:\n{done.stderr.strip()}")
        for name in names:
            places[name].parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(OSError):  # another build was as quick
                Path(room, "release", name).rename(places[name])
            if not places[name].is_dir():
                raise ExtensionError(f"{name} was released, but could not be put into {places[name].parent}")


def write_book(out: Path, files: Path, releases: dict[str, Path]) -> Book:
    """Write everything but the page's own script into a folder of the book; returns what its book.json says."""
    out.mkdir(parents=True)
    kit, stdlib = bundle.kit_zip(), (files / "python_stdlib.zip").read_bytes()
    figures = editor = b""
    try:
        made = bundle.compiled(kit, files, next(iter(releases.values())))
        names = ("kit.zip", "python_stdlib.zip", "figures.zip")
        kit, stdlib, figures = ((made / name).read_bytes() for name in names)
    except bundle.NoBundle as error:
        log.info("the live pages start slower: %s", error)
    try:
        editor = bundle.editor().read_bytes()
    except bundle.NoBundle as error:
        log.info("the live pages have a plain text field for an editor: %s", error)
    named = {
        "kit": _write(out, "kit.zip", kit),
        "stdlib": _write(out, "python_stdlib.zip", stdlib),
        "editor": _write(out, "editor.js", editor) if editor else None,
        "figures": _write(out, "figures.zip", figures) if figures else None,
    }
    sums = package_sums(files)
    (out / RUNTIME).mkdir()
    for name in ("pyodide.js", "pyodide.asm.js", "pyodide.asm.wasm", "pyodide-lock.json", *sums):
        shutil.copy(files / name, out / RUNTIME / name)
    for name, folder in releases.items():
        shutil.copytree(folder, out / name)
    shutil.copy(bundle.STATIC / "worker.js", out)
    contents = [
        path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file() and RUNTIME not in str(path)
    ]
    book: Book = {
        "version": digest(*contents),
        "stub": STUB,
        "runtime": RUNTIME,
        "numpy": next(iter(package_sums(files, PACKAGES[:1]))),
        **named,
        "large": {
            package: _write(out, f"{package.rpartition('.')[2]}.zip", bundle.large_zip(package))
            for package in bundle.LARGE
        },
        "files": {
            path.relative_to(out).as_posix(): [path.stat().st_size, _on_the_wire(path)]
            for path in sorted(out.rglob("*"))
            if path.suffix not in (".ipynb", ".checks") and path.is_file()
        },
        "chapters": {
            chapter.name: _entry(chapter, out / chapter.name)
            for chapter in chapters()
            if chapter.name in releases
        },
    }
    (out / "book.json").write_text(json.dumps(book, ensure_ascii=False), encoding="utf-8")
    return book


def _write(out: Path, name: str, content: bytes) -> str:
    """Write a file under a name that changes with its content; returns that name."""
    stem, ending = name.split(".")
    named = f"{stem}-{digest(content)}.{ending}"
    (out / named).write_bytes(content)
    return named


def _on_the_wire(path: Path) -> int:
    """Bytes that a server sends which compresses what is worth it."""
    size = path.stat().st_size
    return len(zlib.compress(path.read_bytes())) if path.suffix in (".wasm", ".js", ".json") else size


def _entry(chapter: Chapter, folder: Path) -> dict[str, Any]:
    return {
        "number": chapter.number,
        "title": chapter.title,
        "page": chapter.page.relative_to(ROOT).with_suffix(".html").as_posix(),
        "files": sorted(path.name for path in folder.iterdir()),
        "exercises": [
            {"kernel": kernel, "points": points} for kernel, points in check_points(chapter).items()
        ],
    }


def fold_predicted(app: Sphinx, doctree: nodes.document) -> None:
    """Fold the output of the cells right below a box that asks for a prediction, for readers without scripts too."""
    for box in doctree.findall(nodes.Admonition):
        if not box.children or box.children[0].astext().strip() != "Predict":
            continue
        siblings = box.parent.children
        for cell in siblings[siblings.index(box) + 1 :]:
            if not (isinstance(cell, nodes.container) and cell.get("nb_element") == "cell_code"):
                break
            cell["hide_mode"] = {"input": "input+output", "all": "all"}.get(
                cell.get("hide_mode", ""), "output"
            )
            cell["prompt_show"], cell["prompt_hide"] = FOLDED["show"], FOLDED["hide"]


def bring_to_life(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the elements that the page's script works on into it: one for the page, one for each cell of code."""
    if app.builder.format != "html":
        return
    if docname == app.config.root_doc and "<live-course>" not in doctree.astext():
        _below_title(doctree, nodes.raw("", "<live-course></live-course>", format="html"))
    pages = {_docname(chapter): chapter for chapter in chapters()}
    if docname not in pages:
        return
    releases: dict[str, Path] | None = app.live_releases  # type: ignore[attr-defined]
    chapter = pages[docname]
    if releases is None:
        _below_title(doctree, nodes.paragraph(text=WITHOUT, classes=["live-without"]))
        return
    links = elsewhere(chapter)
    if app.live_lite:  # type: ignore[attr-defined]
        links = {"the browser": "../" * docname.count("/") + lite.address(chapter.name), **links}
    if links:
        _below_title(doctree, nodes.raw("", _opening(links), format="html"))
    _below_title(
        doctree, nodes.raw("", f'<live-page data-chapter="{chapter.name}"></live-page>', format="html")
    )
    notebook = nbformat.read(releases[chapter.name] / f"{chapter.name}.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    shown = [node for node in doctree.findall(nodes.container) if node.get("nb_element") == "cell_code"]
    if len(code) != len(shown):
        raise ExtensionError(f"{docname}: the page has {len(shown)} cells of code, its notebook {len(code)}")
    points = check_points(chapter)
    for number, (cell, node) in enumerate(zip(code, shown, strict=True)):
        source = next(
            one for one in node.findall(nodes.container) if one.get("nb_element") == "cell_code_source"
        )
        source += nodes.raw("", _element(number, cell, points), format="html")
    answers.put_fields(doctree, notebook, app.config.model_answers)


def _opening(links: dict[str, str]) -> str:
    places = [f'<a href="{html.escape(place)}" target="_blank">{name}</a>' for name, place in links.items()]
    return f'<p class="live-notebook">Open this chapter as a notebook in {" · ".join(places)}</p>'


def _below_title(doctree: nodes.document, node: nodes.Node) -> None:
    section = next(iter(doctree.findall(nodes.section)))
    section.insert(1, node)


def _element(number: int, cell: nbformat.NotebookNode, points: dict[str, float]) -> str:
    name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
    if is_exercise(cell):
        kernel = html.escape(name)
        return (
            f'<live-cell id="live-{kernel}" data-kind="exercise" data-number="{number}" data-kernel="{kernel}" '
            f'data-points="{points[name]:g}"></live-cell>'
        )
    kind = "check" if name.startswith("check-") else "code"
    return f'<live-cell data-kind="{kind}" data-number="{number}"></live-cell>'
