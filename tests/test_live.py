"""The live page in a headless browser: the same verdicts as in a notebook, nothing lost, nothing asked of another host."""

import ast
import contextlib
import functools
import hashlib
import http.server
import io
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import warnings
import zipfile
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest

from autograder import mistakes
from autograder.chapters import CHECKS, ROOT, Chapter, chapter, chapters, check_points
from autograder.checking.oracle import Record
from autograder.checking.run import run_checks
from autograder.grading.classroom import Classroom
from autograder.grading.submission import grade, job
from autograder.inside.calling import Caller
from autograder.inside.warned import WATCHED, Watched
from autograder.jail.session import Limits
from autograder.live import bundle, pages, runtime
from autograder.live.session import Session, _imported
from autograder.publishing.authoring import STUB, source_notebook
from autograder.results import NOT_WRITTEN, PASSED, Exercise
from autograder.sample import reference_cell, variant_cell

from .conftest import course_files, run_in

FILTERS = chapter("filters")
LOOP = "def relu(x):\n    while True:\n        try:\n            while True:\n                pass\n        except BaseException:\n            pass\n"


# The pages


def build(tree: Path, *wanted: str) -> Path:
    """A book of the introduction and some chapters, not executed; the folder of its HTML."""
    copy_course(tree)
    return build_as_is(tree, *wanted)


def copy_course(tree: Path) -> None:
    for file in course_files():
        (tree / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tree / file)


def build_as_is(tree: Path, *wanted: str) -> Path:
    """The same in a tree that holds the course already."""
    listed = [line for line in (ROOT / "_toc.yml").read_text().splitlines() if line.endswith(wanted)]
    (tree / "_toc.yml").write_text(
        "\n".join(
            ["format: jb-book", "root: chapters/index", "parts:", "- numbered: 1", "  chapters:", *listed]
        )
    )
    config = tree / "_config.yml"
    config.write_text(config.read_text().replace("execute_notebooks: force", "execute_notebooks: 'off'"))
    done = run_in(tree, str(Path(sys.executable).parent / "jupyter-book"), "build", str(tree))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return tree / "_build" / "html"


@pytest.fixture(scope="module")
def files() -> Path:
    """The runtime's files, where they can be had."""
    try:
        return runtime.runtime()
    except runtime.NoRuntime as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def book(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("live"), "02-filters")


class Quiet(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None: ...


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder on a static server; the book lies in a folder of the site, as on project pages."""
    handler = functools.partial(Quiet, directory=str(folder.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/{folder.name}"
        server.shutdown()


class Reader:
    """Somebody at a page: what they asked for, wrote and saw."""

    def __init__(self, browser: Any, site: str):
        self.context = browser.new_context(viewport={"width": 1280, "height": 900})
        self.asked: list[str] = []
        self.errors: list[str] = []
        self.context.on("request", lambda request: self.asked.append(request.url))
        self.site = site
        self.tab = self.context.new_page()
        self.tab.on("pageerror", lambda error: self.errors.append(str(error)))
        self.tab.on("dialog", lambda dialog: dialog.accept())

    def open(self, page: str = "02-filters") -> "Reader":
        self.tab.goto(f"{self.site}/chapters/{page}.html")
        return self

    def write(self, kernel: str, text: str) -> None:
        """Type a text into the editor of an exercise, in the place of what stands there."""
        self.tab.evaluate("kernel => document.querySelector(`#live-${kernel}`).write(true)", kernel)
        self.tab.locator(f"#live-{kernel} .cm-content").press("Control+a")
        self.tab.keyboard.insert_text(text)

    def shown(self, kernel: str) -> str:
        return str(self.tab.evaluate("kernel => document.querySelector(`#live-${kernel}`).text", kernel))

    def check(self, kernel: str, text: str | None = None) -> tuple[str, str]:
        """Check an exercise; what its status says, and the HTML below it."""
        return self._run(f"#live-{kernel}", text)

    def run(self, number: int, text: str | None = None) -> tuple[str, str]:
        return self._run(f'live-cell[data-number="{number}"]', text)

    def _run(self, cell: str, text: str | None) -> tuple[str, str]:
        script = """async ([cell, text]) => {
            const one = document.querySelector(cell)
            if (text !== null) { await one.write(false); one.editing.set(text) }
            await one.run()
            return [one.status.textContent, one.output.innerHTML]
        }"""
        status, html = self.tab.evaluate(script, [cell, text])
        return str(status), str(html)

    def forget(self) -> None:
        """Begin again with an empty browser, in a Python that is up already."""
        self.tab.evaluate(
            "() => { localStorage.clear(); document.querySelectorAll('live-cell').forEach(c => c.editing?.set(c.original)) }"
        )


@pytest.fixture(scope="module")
def site(book: Path) -> Iterator[str]:
    with served(book) as address:
        yield address


@pytest.fixture
def reader(browser: Any, site: str) -> Iterator[Reader]:
    """A reader with an empty browser; nothing may have been asked of another host, or have failed, in the end."""
    one = Reader(browser, site)
    yield one
    elsewhere = [url for url in one.asked if not url.startswith((f"{site}/", "blob:", "data:"))]
    one.context.close()
    assert not elsewhere and not one.errors


@pytest.fixture(scope="module")
def at_work(browser: Any, site: str) -> Iterator[Reader]:
    """A reader whose Python is up, shared by tests that need no more."""
    one = Reader(browser, site).open()
    yield one
    one.context.close()
    assert not one.errors


# Verdicts


@functools.cache
def surroundings(one: Chapter) -> dict[str, Any]:
    """What stands around a kernel in its notebook: what its cells import, and all kernels, written."""
    names: dict[str, Any] = {}
    cells = [ast.parse(cell.source) for cell in source_notebook(one).cells if cell.cell_type == "code"]
    imports = [node for cell in cells for node in cell.body if isinstance(node, ast.Import | ast.ImportFrom)]
    kernels = (reference_cell(one, kernel) for kernel in check_points(one))
    for text in (ast.unparse(ast.Module(imports, [])), *kernels):
        exec(text, names)
    return names


def in_a_notebook(folder: Path, one: Chapter, kernel: str, text: str) -> Exercise:
    """What `check` says in CPython, from the same record; without the checks of speed, as in the page."""
    names = {**surroundings(one)}
    exec(text, names)
    record = Record(folder / "_static" / "live" / one.name / f"{one.name}.checks")
    path = CHECKS / f"test_{one.name}.py"
    (exercise,) = run_checks(path, record, {kernel: Caller(names[kernel])})
    return exercise


def told(html: str) -> tuple[str, str]:
    """Verdict and hint of a report."""
    badge = re.search(r"cnnr-badge[^>]*>\S (.*?)</span>", html)
    hint = re.search(r"cnnr-hint[^>]*>(.*?)</div>", html)
    plain = lambda found: unescape(re.sub(r"<[^>]+>", "", found[1])) if found else ""
    return plain(badge), plain(hint)


def same_as_in_a_notebook(reader: Reader, folder: Path, one: Chapter, kernel: str, text: str) -> Exercise:
    from autograder.reports import exercise_html

    expected = in_a_notebook(folder, one, kernel, text)
    status, html = reader.check(kernel, text)
    assert status.startswith(f"{expected.score:g} of {expected.points:g} points"), (
        f"{kernel}: {status}\n{text}"
    )
    in_page, in_notebook = told(html), told(exercise_html(expected))
    if _CASTS.search(text):  # its answers are no known mistake's there, but wrong they are
        in_page, in_notebook = in_page[:1], in_notebook[:1]
    assert in_page == in_notebook, f"{kernel}\n{text}"
    return expected


_CASTS = re.compile(r"\.astype\((int|\w+\.dtype|np\.float32)\)")
"""What an integer cannot hold, such as NaN, and the last digits of sums in float32 are others on each kind of machine."""


def test_reference_passes_in_the_page_and_the_stub_gets_nothing(at_work: Reader, book: Path) -> None:
    at_work.forget()
    for kernel in ("window_response", "relu"):
        status, html = at_work.check(kernel)
        assert status.startswith("0 of 2 points") and told(html)[0] == NOT_WRITTEN
        passed = same_as_in_a_notebook(at_work, book, FILTERS, kernel, reference_cell(FILTERS, kernel))
        assert passed.verdict == PASSED and passed.score == passed.points
    assert "2 of 5 exercises passed, 4 of 15 points" in at_work.tab.inner_text("live-page")


@pytest.mark.parametrize("kernel", ["correlate2d", "relu", "apply_filters"])
def test_known_mistakes_get_the_verdict_and_hint_of_a_notebook(
    at_work: Reader, book: Path, kernel: str
) -> None:
    at_work.forget()
    for variant in [one for one in mistakes.of("filters") if one.kernel == kernel and one.is_wrong][:2]:
        exercise = same_as_in_a_notebook(at_work, book, FILTERS, kernel, variant_cell(variant))
        assert exercise.score < exercise.points and exercise.hint


def test_error_names_the_line(at_work: Reader) -> None:
    at_work.forget()
    status, html = at_work.check("relu", "def relu(x):\n    return (x\n")
    assert status.startswith("0 of 2 points: it does not run")
    assert "relu, line 2:" in html and "SyntaxError" in html


@pytest.mark.parametrize("state", ["warn", "raise", "ignore"])
@pytest.mark.parametrize("name", WATCHED)
def test_functions_warn_in_a_browser_as_elsewhere(name: str, state: Any) -> None:
    """though WebAssembly has no flags for it: in the words, and at the line, of NumPy where there are"""
    functions = (getattr(np, name), Watched(getattr(np, name)))
    numbers = [
        -np.inf,
        -1e308,
        -1000.0,
        -1.0,
        0.0,
        1e-320,
        0.5,
        1.0,
        400.0,
        1e308,
        np.inf,
        np.nan,
        np.float32(100),
        3,
    ]
    for given in (*numbers, numbers, np.float32([1e30, -0.0, 100, -1]), [[-1.0]], [2, 3]):
        said = []
        for function in functions:
            with warnings.catch_warnings(record=True) as log, np.errstate(all=state, under="ignore"):
                warnings.simplefilter("always")
                try:
                    value = function(given)
                except FloatingPointError as error:
                    value = str(error)
            said.append((repr(value), {(str(one.message), one.category, one.filename) for one in log}))
        assert said[0] == said[1], given
    some = np.array([0.0, 1.0])
    out = Watched(np.log)(some, out=np.full(2, -1.0), where=some > 0)
    with warnings.catch_warnings(record=True) as log:
        warnings.simplefilter("always")
        large = np.array([1e3, 0.0])
        assert Watched(np.exp)(large, out=large) is large
    assert [str(one.message) for one in log] == ["overflow encountered in exp"]
    assert out.tolist() == [-1, 0] and Watched(np.exp).nout == 1


def test_page_sees_an_overflow_that_changes_no_result(at_work: Reader, book: Path) -> None:
    """as the notebook does, where it costs points; a browser's arithmetic tells of none"""
    at_work.forget()
    counting = next(
        n for n, cell in enumerate(code_cells(book)) if cell.source.startswith("print(places(32, 7)")
    )
    text = "with np.errstate(all='raise'):\n    try:\n        np.exp(1000.0)\n    except FloatingPointError as error:\n        print(error)"
    assert "overflow encountered in exp" in at_work.run(counting, text)[1]


# Cells


def test_cells_run_after_what_they_need(at_work: Reader, book: Path) -> None:
    at_work.forget()
    cells = code_cells(book)
    counting = next(n for n, cell in enumerate(cells) if cell.source.startswith("print(places(32, 7)"))
    assert "26 by 26" in at_work.run(counting)[1]
    assert "27 by 26" in at_work.run(counting, 'print(places(32, 6), "by", places(32, 7))')[1]
    needing = next(n for n, cell in enumerate(cells) if cell.source.startswith("print(correlate2d("))
    html = at_work.run(needing)[1]
    assert "write that exercise first" in html and 'href="#live-correlate2d"' in html
    at_work.check("correlate2d", reference_cell(FILTERS, "correlate2d"))
    assert "-3." in at_work.run(needing)[1]
    assert re.search(
        r"this cell, line 2:.*ZeroDivisionError", at_work.run(counting, "print(1)\n1 / 0")[1], re.DOTALL
    )


def test_figure_is_drawn(at_work: Reader, book: Path) -> None:
    at_work.forget()
    cells = code_cells(book)
    drawing = next(n for n, cell in enumerate(cells) if cell.source.startswith("drawings = "))
    status, html = at_work.run(drawing)
    assert html.count('src="data:image/png;base64,') == 1 and "off centre: 7 cells of ink" in html, status


def test_scratch_cell_sees_the_kernel_and_changes_no_check(at_work: Reader) -> None:
    at_work.forget()
    at_work.check("relu", "def relu(x):\n    return np.maximum(x, 0)\n")
    at_work.tab.locator("#live-relu").get_by_role("button", name="Scratch cell").click()
    scratch = at_work.tab.locator("live-cell[data-kind=scratch]")
    scratch.locator(".cm-content").fill("print('seven', relu(np.array([7, -7])))\ndef relu(x): return x")
    scratch.locator(".cm-content").press("Control+Enter")
    at_work.tab.wait_for_function(
        "document.querySelector('live-cell[data-kind=scratch]').output.innerText.includes('seven [7 0]')"
    )
    assert at_work.check("relu")[0].startswith("2 of 2 points")


def code_cells(book: Path) -> list[Any]:
    notebook = nbformat.read(book / "_static" / "live" / "filters" / "filters.ipynb", as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


# What is loaded


def test_page_loads_nothing_before_it_is_asked(reader: Reader, book: Path) -> None:
    reader.open().tab.wait_for_load_state("networkidle")
    ours = [
        url.rpartition("/_static/live/")[2].partition("?")[0]
        for url in reader.asked
        if "/_static/live/" in url
    ]
    assert sorted(ours) == ["live.css", "live.js"]
    elements = re.findall(r"<live-\w+[^>]*></live-\w+>", (book / "chapters" / "02-filters.html").read_text())
    weight = sum((book / "_static" / "live" / name).stat().st_size for name in ours) + sum(map(len, elements))
    assert 10_000 < weight < 60_000
    reader.check("relu")
    assert any(url.endswith("pyodide.asm.wasm") for url in reader.asked), (
        "a worker's requests are seen as well"
    )
    assert not any("matplotlib" in url or "scipy" in url for url in reader.asked)


def test_page_opens_its_notebook_in_the_browser(book: Path) -> None:
    page = book / "chapters" / "02-filters.html"
    found = re.search(r'href="(\.\./lite/[^"?]*)\?path=filters/filters.ipynb"', page.read_text())
    if found is None:
        pytest.skip("JupyterLite is not installed")
    assert (page.parent / found[1]).is_file()


def test_page_is_as_it_was_without_scripts(browser: Any, site: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(f"{site}/chapters/02-filters.html")
    text = tab.inner_text("article")
    assert "raise NotImplementedError" in text and "check(relu)" in text and "Your work" not in text
    context.close()


# Stop


def test_endless_loop_is_stopped_within_a_second_and_the_text_stays(reader: Reader) -> None:
    reader.open().write("relu", LOOP)
    cell = reader.tab.locator("#live-relu")
    cell.get_by_role("button", name="Check").click()
    reader.tab.wait_for_function(
        "document.querySelector('#live-relu').status.textContent === 'Checking …'", timeout=60_000
    )
    reader.tab.wait_for_timeout(500)
    milliseconds = reader.tab.evaluate("""async () => {
        const cell = document.querySelector('#live-relu'), begin = performance.now()
        cell.halt.click()
        while (cell.page.busy) await new Promise(done => setTimeout(done, 10))
        return performance.now() - begin
    }""")
    assert milliseconds < 1000 and reader.shown("relu") == LOOP
    assert cell.locator(".live-status").inner_text() == "Stopped."
    assert reader.check("relu", "def relu(x):\n    return np.maximum(x, 0)\n")[0].startswith("2 of 2 points")


def test_editor_is_left_by_keyboard(reader: Reader) -> None:
    reader.open().write("relu", "def relu(x):")
    reader.tab.keyboard.press("Enter")
    assert reader.shown("relu") == "def relu(x):\n    "
    reader.tab.keyboard.press("Tab")
    assert reader.shown("relu") == "def relu(x):\n        "
    reader.tab.keyboard.press("Escape")
    reader.tab.keyboard.press("Tab")
    assert reader.tab.evaluate("document.activeElement.textContent") == "Check"
    reader.tab.keyboard.press("Shift+Tab")
    assert (
        reader.tab.evaluate("document.activeElement.getAttribute('aria-label')")
        == "Python code of exercise relu"
    )


# Nothing is lost


def test_text_and_points_outlast_a_reload_and_a_new_stub(reader: Reader) -> None:
    text = "def relu(x):\n    return np.maximum(x, 0)\n"
    reader.open().write("relu", text)
    reader.tab.wait_for_timeout(500)
    reader.open()
    reader.tab.wait_for_selector("#live-relu .cm-content")
    assert reader.shown("relu") == text and not reader.tab.is_visible("#live-relu .live-changed")
    reader.tab.evaluate("""() => {
        const kept = JSON.parse(localStorage.getItem('cnn-course:filters'))
        kept.work.relu.original = 'an older stub'
        localStorage.setItem('cnn-course:filters', JSON.stringify(kept))
    }""")
    reader.open()
    reader.tab.wait_for_selector("#live-relu .live-changed", state="visible")
    assert reader.shown("relu") == text
    reader.tab.locator("#live-relu").get_by_role("button", name="Reset").click()
    assert STUB in reader.shown("relu")
    reader.open()
    assert not reader.tab.is_visible("#live-relu .cm-content")


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    made = Classroom(tmp_path_factory.mktemp("classroom"))
    made.release(FILTERS)
    return made


def downloaded(reader: Reader, button: str = "Download notebook") -> Path:
    reader.tab.evaluate("document.querySelector('live-page details').open = true")
    with reader.tab.expect_download() as download:
        reader.tab.get_by_role("button", name=button).click()
    return Path(download.value.path())


def test_downloaded_notebook_is_graded_with_the_points_of_the_page(reader: Reader, room: Classroom) -> None:
    reader.open()
    shown = {}
    wrong = next(one for one in mistakes.of("filters") if one.kernel == "correlate2d" and one.is_wrong)
    for kernel, text in (
        ("relu", reference_cell(FILTERS, "relu")),
        ("window_response", reference_cell(FILTERS, "window_response")),
        ("correlate2d", variant_cell(wrong)),
    ):
        shown[kernel] = float(reader.check(kernel, text)[0].split()[0])
    path = room.folder("submitted", "ada", FILTERS) / "filters.ipynb"
    path.parent.mkdir(parents=True)
    path.write_bytes(downloaded(reader).read_bytes())
    nbformat.validate(nbformat.read(path, as_version=4))
    result = grade(
        job("ada", FILTERS, path, room.release_path(FILTERS).read_bytes(), room.secret(), Limits(), False)
    )
    graded = {exercise.kernel: exercise.score for exercise in result.exercises}
    assert {kernel: graded[kernel] for kernel in shown} == shown and shown["relu"] == 2 > 0
    assert not result.remarks or all("jail" in remark for remark in result.remarks)


def test_model_answer_is_shown_once_an_answer_stands_there_which_the_notebook_then_holds(
    reader: Reader,
) -> None:
    reader.open()
    question = "why-weights-are-shared"
    place = reader.tab.locator(f'live-answer[data-question="{question}"]')
    button, model = place.get_by_role("button"), place.locator(".live-model")
    assert button.is_disabled() and not model.is_visible()
    answer = "A shared filter is learnt once and used everywhere. " * 5
    place.get_by_label("your answer").fill(answer)
    button.click()
    assert model.is_visible() and "59,584" in model.inner_text()
    cells = nbformat.read(downloaded(reader), as_version=4).cells
    (handed_in,) = [c for c in cells if c.metadata.get("nbgrader", {}).get("grade_id") == question]
    assert handed_in.source == answer
    reader.tab.reload()
    assert place.get_by_label("your answer").input_value() == answer


def test_a_tab_that_is_left_keeps_what_another_one_wrote(reader: Reader) -> None:
    reader.open()
    other = reader.context.new_page()
    other.goto(reader.tab.url)
    other.locator("live-answer").get_by_label("your answer").fill("Written in the other tab.")
    other.wait_for_timeout(500)
    seen = reader.tab.locator("live-answer").get_by_label("your answer")
    reader.tab.evaluate("document.querySelector('live-page').saveAll()")
    assert seen.input_value() == "Written in the other tab."
    other.reload()
    assert (
        other.locator("live-answer").get_by_label("your answer").input_value() == "Written in the other tab."
    )


@pytest.mark.parametrize(
    ("source", "kernel", "asked"),
    [
        ("import torch", "", ["torch"]),
        ("def f(x):\n    import torch", "", []),
        ("def relu(x):\n    from scipy import signal", "relu", ["scipy"]),
        ("try:\n    import tqdm\nexcept ImportError:\n    pass", "relu", []),
        ('"""\nfrom here on it counts\n"""', "", []),
    ],
)
def test_packages_are_asked_for_where_they_are_imported(source: str, kernel: str, asked: list[str]) -> None:
    assert list(_imported(ast.parse(source), bool(kernel))) == asked


SHOWS_RECORDS = """
import json, sys
from autograder.live.session import Session
chapter, stub = sys.argv[1:]
session = Session(chapter, stub)
names = "FOLDER", "recorded", "photographed", "trained("
for number, cell in enumerate(session.cells):
    source = "".join(cell["source"])
    if any(name in source for name in names):
        print(json.dumps([source[:200], session.run(number, {})]))
"""


@pytest.mark.parametrize("name", ["training", "fast", "left_out", "bridge"])
def test_cells_that_show_a_record_ask_for_the_records(name: str, tmp_path: Path) -> None:
    """they come in an archive of their own, for which the page asks only if the module is what is missing"""
    with zipfile.ZipFile(io.BytesIO(bundle.kit_zip())) as kit:
        kit.extractall(tmp_path)
    folder = pages.released([chapter(name)])[name]
    done = subprocess.run(
        [sys.executable, "-c", SHOWS_RECORDS, name, STUB],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert any(answer.get("missing") == "course.recorded" for _, answer in answers)
    for source, answer in answers:
        assert "No such file" not in json.dumps(answer), source


def class_of_ten() -> dict[str, dict[str, list[str]]]:
    """What ten learners try in each exercise of the chapter, one text after the other; the last is what they hand in."""
    kernels = list(check_points(FILTERS))
    right = {kernel: reference_cell(FILTERS, kernel) for kernel in kernels}
    known = mistakes.of("filters")
    wrong = {kernel: [v for v in known if v.kernel == kernel and v.is_wrong] for kernel in kernels}
    others = {
        kernel: [v for v in known if v.kernel == kernel and not v.is_wrong] or [None] for kernel in kernels
    }
    slip = lambda text: text.replace("):\n", ")\n", 1).replace("-> ", "=> ", 1)
    unfinished = lambda text: text[: len(text) * 2 // 3]
    found: dict[str, dict[str, list[str]]] = {
        "right": {kernel: [right[kernel]] for kernel in kernels},
        "nothing": {},
        "half": {kernel: [right[kernel]] for kernel in kernels[::2]},
        "the_other_half": {kernel: [right[kernel]] for kernel in kernels[1::2]},
        "slowly": {
            kernel: [unfinished(right[kernel]), slip(right[kernel]), right[kernel]] for kernel in kernels
        },
        "in_other_ways": {
            kernel: [variant_cell(others[kernel][0]) if others[kernel][0] else right[kernel]]
            for kernel in kernels
        },
        "gave_up": {kernel: [right[kernel], unfinished(right[kernel])] for kernel in kernels[:2]},
    }
    for number, name in enumerate(("wrong", "wrong_too", "first_wrong_then_right")):
        found[name] = {kernel: [variant_cell(wrong[kernel][-1 - number])] for kernel in kernels}
    for kernel in kernels:
        found["first_wrong_then_right"][kernel].append(right[kernel])
    assert len(found) == 10
    return found


@pytest.mark.slow
def test_ten_learners_get_the_points_that_the_page_showed(browser: Any, site: str, room: Classroom) -> None:
    shown: dict[str, dict[str, float]] = {}
    for name, tries in class_of_ten().items():
        reader = Reader(browser, site).open()
        shown[name] = dict.fromkeys(check_points(FILTERS), 0.0)
        for kernel, texts in tries.items():
            for text in texts:
                status, _ = reader.check(kernel, text)
                points = re.match(r"([\d.]+) of [\d.]+ points", status)
                shown[name][kernel] = float(points[1]) if points else 0.0
        path = room.folder("submitted", name, FILTERS) / "filters.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(downloaded(reader).read_bytes())
        reader.context.close()
        assert not reader.errors
    done = run_in(ROOT, "-m", "autograder", "grade", "filters", "--classroom", str(room.root), "--json")
    assert done.returncode == 0, done.stderr
    for name, points in shown.items():
        stored = json.loads((room.root / "results" / "filters" / f"{name}.json").read_text(encoding="utf-8"))
        graded = {one["kernel"]: one["score"] for one in stored["result"]["exercises"]}
        assert graded == points, name
    full = sum(check_points(FILTERS).values())
    totals = {name: sum(points.values()) for name, points in shown.items()}
    assert totals["right"] == totals["slowly"] == totals["in_other_ways"] == full > totals["wrong"] > 0
    assert totals["nothing"] == totals["gave_up"] == 0 < totals["half"] < full


def test_notebook_is_opened_back_into_the_page_and_all_is_erased(
    reader: Reader, room: Classroom, tmp_path: Path
) -> None:
    """one that JupyterLab wrote: with outputs, a cell of its own, lists of lines, and an answer in words"""
    notebook = room.released(FILTERS)
    texts = {"relu": "def relu(x):\n    return x * (x > 0)"}
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if cell.cell_type == "markdown" and cell.metadata.get("nbgrader", {}).get("solution"):
            texts["answer"] = cell.source = "Weights are *shared*."
        cell.source = texts.get(name, cell.source)
    notebook.cells.insert(3, nbformat.v4.new_code_cell("1 + 1"))
    written = json.loads(nbformat.writes(notebook))
    (tmp_path / "mine.ipynb").write_text(json.dumps(written))
    reader.open().tab.locator("input[accept='.ipynb']").set_input_files(tmp_path / "mine.ipynb")
    reader.tab.wait_for_selector("#live-relu .cm-content")
    assert reader.shown("relu") == texts["relu"]
    assert reader.tab.locator("live-cell .cm-content").count() == 1, (
        "what was not changed stays as it stands in the book"
    )
    again = nbformat.read(downloaded(reader), as_version=4)
    assert {texts["relu"], texts["answer"]} <= {cell.source for cell in again.cells}
    reader.tab.evaluate("document.querySelector('live-page details').open = true")
    reader.tab.get_by_role("button", name="Erase everything").click()
    reader.tab.wait_for_function(
        "localStorage.length === 0 || !Object.keys(localStorage).some(key => key.startsWith('cnn-course:'))"
    )
    (tmp_path / "other.ipynb").write_text(json.dumps({"cells": []}))
    reader.open().tab.locator("input[accept='.ipynb']").set_input_files(tmp_path / "other.ipynb")
    reader.tab.wait_for_function(
        "document.querySelector('.live-said').textContent.includes('no notebook of this chapter')"
    )


def test_progress_is_shown_kept_and_carried_to_another_browser(
    reader: Reader, browser: Any, site: str
) -> None:
    reader.open().check("window_response", reference_cell(FILTERS, "window_response"))
    saved = downloaded(reader, "Save all progress")
    reader.open("index")
    reader.tab.wait_for_selector("live-course a")
    assert reader.tab.inner_text("live-course") == "Go on with chapter 2, Filters, exercise 2."
    assert reader.tab.inner_text(".live-points") == "2/15"
    other = Reader(browser, site).open()
    other.tab.locator("input[accept='.json']").set_input_files(saved)
    other.tab.wait_for_selector("#live-window_response .cm-content")
    assert other.shown("window_response") == reference_cell(FILTERS, "window_response")
    assert "1 of 5 exercises passed, 2 of 15 points" in other.tab.inner_text("live-page")
    other.context.close()


# What it is built from


def test_file_with_another_sum_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = {"pyodide.js": hashlib.sha256(b"right").hexdigest()}
    monkeypatch.setenv("PYODIDE_DIR", str(tmp_path / "given"))
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "pyodide.js").write_bytes(b"wrong")

    def offers(content: bytes) -> Callable[[list[str]], Iterator[tuple[str, bytes]]]:
        return lambda names: iter([(name, content) for name in names])

    monkeypatch.setattr(runtime, "_from_network", offers(b"wrong too"))
    monkeypatch.setattr(runtime, "_from_packages", offers(b"and wrong"))
    with pytest.raises(runtime.NoRuntime, match=r"no way to get pyodide\.js"):
        runtime._fill(tmp_path, wanted, [])
    assert not (tmp_path / "pyodide.js").exists()
    monkeypatch.setattr(runtime, "_from_packages", offers(b"right"))
    runtime._fill(tmp_path, wanted, [])
    assert (tmp_path / "pyodide.js").read_bytes() == b"right"


def test_built_book_holds_the_files_of_the_release(book: Path, files: Path) -> None:
    folder = book / "_static" / "live" / f"pyodide-{runtime.VERSION}"
    notebook = runtime.package_sums(runtime.runtime(runtime.NOTEBOOK), runtime.NOTEBOOK)
    sums = {**runtime.CORE_SHA256, **runtime.package_sums(files), **notebook}
    made_here = re.compile(r"(notebook-lock|cnn-course|comm)-[0-9a-f]+\.(json|zip)")
    copied = {path.name for path in folder.iterdir() if not made_here.fullmatch(path.name)}
    assert {"pyodide.asm.wasm", "pyodide.asm.js", "pyodide-lock.json"} < copied <= set(sums)
    for name in copied:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == sums[name], name


def test_kit_of_the_page_is_the_learners(tmp_path: Path) -> None:
    """no solution and no mistake in it, and every package of the kit"""
    names = zipfile.ZipFile(io.BytesIO(bundle.kit_zip())).namelist()
    assert (
        "autograder/checks/test_filters.py" in names
        and "course/draw.py" in names
        and "pytest/__init__.py" in names
    )
    assert not [name for name in names if name.startswith(("solutions", "autograder/mistakes"))]


def test_kernel_whose_speed_is_checked_says_that_this_is_left_out_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fast = chapter("fast")
    monkeypatch.chdir(pages.released([fast])["fast"])
    session = Session("fast", STUB)
    numbers = {
        cell["metadata"].get("nbgrader", {}).get("grade_id"): n for n, cell in enumerate(session.cells)
    }
    remarks = {}
    written = {numbers[kernel]: reference_cell(fast, kernel) for kernel in check_points(fast)}
    for kernel in check_points(fast):
        answer = session.check(kernel, written)
        assert answer["score"] == answer["points"], kernel
        remarks[kernel] = "of speed" in answer["report"]
    assert set(remarks.values()) == {True, False}


def test_answers_to_predictions_are_folded(built_book: Path) -> None:
    prompts = 0
    for page in sorted((built_book / "chapters").glob("*.html")):
        text = page.read_text(encoding="utf-8")
        for found in re.finditer(r'<p class="admonition-title">Predict</p>', text):
            after = re.sub(r"\s+", " ", text[found.end() :])
            below = after[after.index("</div>") + len("</div>") :].lstrip()
            if below.startswith('<div class="cell '):
                prompts += 1
                cell = below.partition('<div class="cell ')[2].partition('<div class="cell ')[0]
                before = cell.partition("cell_output")[0] if "cell_output" in cell else "<details"
                assert before.count("<details") > before.count("</details>"), f"{page.name}: {below[:300]}"
    assert prompts > 30


def test_book_without_a_runtime_says_so_in_a_sentence(tmp_path: Path) -> None:
    copy_course(tmp_path)
    module = tmp_path / "autograder" / "live" / "pages.py"
    module.write_text(module.read_text() + "\n\ndef runtime() -> Path:\n    raise NoRuntime('nowhere')\n")
    html = build_as_is(tmp_path, "02-filters")
    page = (html / "chapters" / "02-filters.html").read_text()
    assert page.count(pages.WITHOUT) == 1 and "<live-" not in page
    assert {path.name for path in (html / "_static" / "live").iterdir()} == {"live.css"}


# Everything


@pytest.fixture(scope="module")
def whole_site(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    html = build(tmp_path_factory.mktemp("whole"), *(one.page.stem for one in chapters()))
    with served(html) as address:
        yield address, html


@pytest.mark.slow
@pytest.mark.parametrize("one", chapters(), ids=lambda one: one.name)
def test_every_exercise_and_every_known_mistake(
    browser: Any, whole_site: tuple[str, Path], one: Chapter
) -> None:
    address, html = whole_site
    reader = Reader(browser, address).open(one.page.stem)
    reader.tab.set_default_timeout(0)
    for kernel in check_points(one):
        status, report = reader.check(kernel)
        assert status.startswith("0 of") and told(report)[0] == NOT_WRITTEN, kernel
    for kernel in check_points(one):
        reader.check(kernel, reference_cell(one, kernel))
    for kernel in check_points(one):
        for variant in [variant for variant in mistakes.of(one.name) if variant.kernel == kernel]:
            same_as_in_a_notebook(reader, html, one, kernel, variant_cell(variant))
        passed = same_as_in_a_notebook(reader, html, one, kernel, reference_cell(one, kernel))
        assert passed.score == passed.points
    reader.context.close()
