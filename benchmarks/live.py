"""`make bench-live`: a page's own weight, and the way to the first report in the page, cold and warm, with its parts."""

import contextlib
import functools
import gzip
import http.server
import re
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from rich.console import Console
from rich.table import Table

from autograder.chapters import ROOT, Chapter, chapters, check_points
from autograder.live.pages import FOLDER
from autograder.publishing.browser import browser_program
from autograder.sample import reference_cell

console = Console()
BOOK = ROOT / "_build" / "html"

COMPRESSED = {".html", ".js", ".css", ".json", ".wasm", ".ipynb"}
"""What the usual static hosts send compressed."""

BARS = {"cold": 8.0, "warm": 5.0, "later": 0.5, "megabytes": 12.0, "page": 60.0}
"""What is promised: seconds to the first report, seconds of a later check, what is loaded before, kilobytes of a page."""


class Site(http.server.SimpleHTTPRequestHandler):
    """A static host that compresses, lets browsers keep what they have, and counts what it sends."""

    protocol_version = "HTTP/1.1"
    sent: list[tuple[str, int]] = []  # noqa: RUF012, one list for all requests

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            return self.send_error(404)
        content, squeezed = _body(path)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "max-age=600")
        if squeezed:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(content)
        self.sent.append((self.path, len(content)))

    def log_message(self, *args: object) -> None: ...


@functools.cache
def _body(path: Path) -> tuple[bytes, bool]:
    content = path.read_bytes()
    return (gzip.compress(content, 6), True) if path.suffix in COMPRESSED else (content, False)


@contextlib.contextmanager
def site(folder: Path) -> Iterator[str]:
    """The address of a folder on such a host, everything compressed beforehand."""
    for path in (folder / "_static" / FOLDER).rglob("*"):
        if path.is_file():
            _body(path)
    handler = functools.partial(Site, directory=str(folder.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/{folder.name}"
        server.shutdown()


def main() -> None:
    """Print it all; ends with 1 if a bar is missed."""
    if not (BOOK / "_static" / FOLDER / "book.json").exists():
        sys.exit("there is no book with live parts: run `make book` first")
    one = next(chapter for chapter in chapters() if chapter.name == "filters")
    measured: dict[str, float] = {"page": added_weight(one)}
    with site(BOOK) as address, sync_playwright() as tools:
        browser = tools.chromium.launch(
            executable_path=browser_program(), args=["--no-sandbox", "--disable-gpu"]
        )
        runs = [cold_and_warm(browser, address, one) for _ in range(3)]
        console.print(f"a page of its own weighs {measured['page']:.1f} kB more (bar {BARS['page']:g} kB)")
        for name in ("cold", "warm"):
            best = min((run[name] for run in runs), key=lambda parts: sum(parts.values()))
            measured[name] = sum(best.values())
            parts = ", ".join(f"{part} {seconds:.1f}" for part, seconds in best.items())
            console.print(f"first report, {name}: {measured[name]:.1f} s ({parts}; bar {BARS[name]:g} s)")
        measured["megabytes"] = min(run["sent"]["megabytes"] for run in runs)
        console.print(f"loaded before it: {measured['megabytes']:.1f} MB (bar {BARS['megabytes']:g} MB)")
        table = Table(box=None)
        for heading in ("chapter", "exercise", "seconds of a later check"):
            table.add_column(heading)
        for chapter in chapters():
            for kernel, seconds in later_checks(browser, address, chapter).items():
                table.add_row(chapter.name, kernel, f"{seconds:.2f}")
                if chapter == one:
                    measured["later"] = max(measured.get("later", 0), seconds)
        console.print(table)
        browser.close()
    missed = [name for name, value in measured.items() if value > BARS[name]]
    sys.exit(f"missed: {', '.join(missed)}" if missed else 0)


def added_weight(one: Chapter) -> float:
    """Kilobytes that a page loads more than without its live parts, before anything runs; not compressed."""
    html = (BOOK / one.page.relative_to(ROOT).with_suffix(".html")).read_text(encoding="utf-8")
    elements = re.findall(r"<live-[^>]*></live-\w+>|<(?:link|script)[^>]*_static/live/[^>]*>", html)
    files = [BOOK / "_static" / FOLDER / name for name in ("live.js", "live.css")]
    return (sum(path.stat().st_size for path in files) + sum(map(len, elements))) / 1000


def cold_and_warm(browser: Browser, address: str, one: Chapter) -> dict[str, dict[str, float]]:
    """Seconds of each part of the way to a first report, in a browser that has nothing, then in one that has it all."""
    context = browser.new_context()
    Site.sent.clear()
    cold = first_report(context, address, one)
    loaded = sum(size for path, size in Site.sent if f"/_static/{FOLDER}/" in path)
    warm = first_report(context, address, one)
    context.close()
    return {"cold": cold, "warm": warm, "sent": {"megabytes": loaded / 1e6}}


def first_report(context: BrowserContext, address: str, one: Chapter) -> dict[str, float]:
    tab = opened(context, address, one)
    kernel = next(iter(check_points(one)))
    # the words of the status, each with the moment at which it was first seen
    seen: list[list[Any]] = tab.evaluate(
        """async kernel => {
            const cell = document.querySelector(`#live-${kernel}`), begin = performance.now(), seen = []
            const look = setInterval(() => {
                const word = cell.status.textContent.split(" ")[0]
                if (word && seen.at(-1)?.[0] !== word) seen.push([word, performance.now() - begin])
            }, 5)
            await cell.run()
            clearInterval(look)
            return [...seen.filter(([word]) => isNaN(word)), ["report", performance.now() - begin]]
        }""",
        kernel,
    )
    tab.close()
    at = {word: moment / 1000 for word, moment in seen}
    loading = max(at.get("Checking", 0), 0)
    return {"loading and starting Python": loading, "checking": at["report"] - loading}


def later_checks(browser: Browser, address: str, chapter: Chapter) -> dict[str, float]:
    """Median seconds of a check of each reference of a chapter, in a Python that is up."""
    context = browser.new_context()
    tab = opened(context, address, chapter)
    tab.set_default_timeout(0)
    times: dict[str, float] = {}
    script = """async ([kernel, text]) => {
        const cell = document.querySelector(`#live-${kernel}`)
        await cell.write(false)
        cell.editing.set(text)
        await cell.run()
    }"""
    kernels = list(check_points(chapter))
    for kernel in kernels:
        tab.evaluate(script, [kernel, reference_cell(chapter, kernel)])
    for kernel in kernels:
        seconds = []
        for _ in range(3):
            begin = time.perf_counter()
            tab.evaluate("kernel => document.querySelector(`#live-${kernel}`).run()", kernel)
            seconds.append(time.perf_counter() - begin)
        times[kernel] = statistics.median(seconds)
    context.close()
    return times


def opened(context: BrowserContext, address: str, chapter: Chapter) -> Page:
    tab = context.new_page()
    tab.goto(f"{address}/{chapter.page.relative_to(ROOT).with_suffix('.html').as_posix()}")
    tab.wait_for_load_state("networkidle")
    return tab


if __name__ == "__main__":
    main()
