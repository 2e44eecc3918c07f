"""The notebook in the browser: a chapter's notebook in JupyterLite gives the report of any notebook, from the book alone."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from autograder.chapters import chapter, chapters, check_points
from autograder.live import bundle, lite, pages, runtime
from autograder.publishing.authoring import _FETCH
from autograder.publishing.kit import companions, wheel_name
from autograder.results import PASSED
from autograder.sample import reference_cell

from .test_live import served

STRIDE = chapter("stride")
"""It builds on an earlier chapter, so that its notebook has both companions."""


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The part of a book that notebooks in the browser need."""
    out = tmp_path_factory.mktemp("site") / "book"
    live = out / "_static" / "live"
    try:
        releases = pages.released(chapters())
        told = pages.write_book(live, runtime.runtime(), releases)
        lite.write(out, live / pages.RUNTIME, told["stdlib"], releases)
    except (runtime.NoRuntime, bundle.NoBundle) as error:
        pytest.skip(str(error))
    return out


@pytest.fixture(scope="module")
def site(book: Path) -> Iterator[str]:
    with served(book) as address:
        yield address


def settings(book: Path) -> dict[str, Any]:
    told = json.loads((book / lite.FOLDER / "jupyter-lite.json").read_text())["jupyter-config-data"]
    return dict(told["litePluginSettings"][f"{lite.EXTENSION}:kernel"])


def test_every_notebook_has_its_companions_beside_it(book: Path) -> None:
    for one in chapters():
        assert (book / lite.address(one.name).partition("?")[0]).is_file()
        place = book / lite.FOLDER / "files" / one.name
        beside = book / "_static" / "live" / one.name
        assert {path.name: path.read_bytes() for path in place.iterdir()} == {
            path.name: path.read_bytes() for path in beside.iterdir()
        }


def test_all_that_the_kernel_loads_is_the_books_own(book: Path) -> None:
    told = settings(book)
    options = told["loadPyodideOptions"]
    assert told["disablePyPIFallback"]
    addresses = [told["pyodideUrl"], options["lockFileURL"], options["stdLibURL"], *told["pipliteUrls"]]
    for one in addresses:
        assert (book / lite.FOLDER / one.partition("?")[0]).is_file(), one
    lock = book / lite.FOLDER / options["lockFileURL"]
    packages = json.loads(lock.read_text())["packages"]
    wanted = [lite.KIT, "comm", *runtime.NOTEBOOK, *runtime.PACKAGES]
    for name, sha256 in runtime.package_sums(lock.parent, tuple(wanted), lock.name).items():
        assert runtime.is_right(lock.parent / name, sha256), name
    assert set(packages[lite.KIT]["imports"]) >= {"autograder", "course", "pytest"}


def test_site_is_small(book: Path) -> None:
    files = [path for path in (book / lite.FOLDER).rglob("*") if path.is_file()]
    assert not [path for path in files if path.suffix in (".map", ".eot")]
    assert sum(path.stat().st_size for path in files) < 22_000_000
    extensions = {path.name for path in (book / lite.FOLDER / "extensions").glob("*/*")}
    assert extensions == {"pyodide-kernel-extension"}, "what the environment has for JupyterLab stays out"


def test_report_in_the_browser(browser: Any, book: Path, site: str) -> None:
    """the kit is there, and what lies beside the notebook; what was written is there after a reload; no other host is asked"""
    place = book / lite.FOLDER / "files" / "stride" / "stride.ipynb"
    notebook = nbformat.read(place, as_version=4)
    kernel = "output_size"
    wanted = ("setup", kernel, f"check-{kernel}")
    notebook.cells = [
        cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") in wanted
    ]
    fetch = _FETCH.format(place="https://example.org", wheel=wheel_name(), files=companions(STRIDE))
    notebook.cells.insert(0, nbformat.v4.new_code_cell(fetch))  # as in a book that is published
    notebook.cells[2].source = reference_cell(STRIDE, kernel)
    notebook.cells.append(
        nbformat.v4.new_code_cell("from solutions.filters import relu\nprint(relu.__name__, 7)")
    )
    nbformat.write(notebook, place)
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    tab = context.new_page()
    tab.goto(f"{site}/{lite.address('stride')}")
    tab.wait_for_selector(".jp-CodeCell", timeout=60_000)
    # before the notebook has its kernel, "Run All" asks for one in a dialog and runs nothing
    tab.locator(".jp-KernelName", has_text="Python").wait_for(timeout=60_000)
    tab.get_by_role("menuitem", name="Run", exact=True).click()
    tab.get_by_text("Run All Cells", exact=True).click()
    try:
        tab.wait_for_function("document.body.innerText.includes('relu 7')", timeout=180_000)
    except Exception as error:  # what the page shows says more than that it took too long
        raise AssertionError(tab.inner_text("body")[-4000:]) from error
    report = tab.locator(".jp-OutputArea-output", has=tab.locator(".cnnr-badge")).inner_text()
    tab.keyboard.press("Control+s")
    tab.wait_for_timeout(1000)
    tab.reload()
    tab.wait_for_function("document.body.innerText.includes('relu 7')", timeout=60_000)
    context.close()
    points = f"{check_points(STRIDE)[kernel]:g} of {check_points(STRIDE)[kernel]:g} points"
    assert kernel in report and PASSED in report and points in report, report
    assert any(url.endswith("pyodide.asm.wasm") for url in asked)
    origin = site.rpartition("/")[0]
    assert not [url for url in asked if not url.startswith((f"{origin}/", "blob:", "data:"))]
