"""`make bench-web`: what each page of the built book weighs on the wire, and how soon it is there on a phone's network."""

import sys
from dataclasses import dataclass
from pathlib import Path

import typer
from playwright.sync_api import Browser, sync_playwright
from rich.console import Console
from rich.table import Table

from autograder import explore
from autograder.publishing.browser import browser_program
from benchmarks.live import BOOK, Site, site

console = Console()

FAST_4G = {"offline": False, "latency": 165, "downloadThroughput": 8.1e6 / 8, "uploadThroughput": 1.35e6 / 8}
"""As Chromium's developer tools have it: milliseconds, bytes a second."""

BARS = {"page": 1200.0, "before": 400.0, "fixed": 250.0, "first": 1.0, "load": 2.5, "book": 25.0}
"""What is promised: kilobytes of a page as scrolled, of that the text and what it waits for, and of the scripts that every
page has; seconds to the first text and to the load event; megabytes of the book without what runs Python in the browser."""

RUNTIME = ("_static/live", "lite", "kit")
"""Folders of the book that belong to Python in the browser."""


@dataclass(frozen=True)
class Seen:
    """A page as a browser got it: kilobytes as scrolled to its end, of the text and all that it waits for, of scripts other than
    explorers, seconds to first text and to load."""

    name: str
    whole: float
    before: float
    scripts: float
    first: float
    load: float


def visit(browser: Browser, address: str, name: str) -> Seen:
    """Open a page with nothing kept, on a throttled network, and scroll through it."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    tab = context.new_page()
    context.new_cdp_session(tab).send("Network.emulateNetworkConditions", FAST_4G)
    before = len(Site.sent)
    tab.goto(f"{address}/{name}", wait_until="load")
    first, load, before_first = tab.evaluate(
        "() => { const first = performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN;"
        " const [page] = performance.getEntriesByType('navigation');"
        " const awaited = performance.getEntriesByType('resource').filter(file => file.renderBlockingStatus === 'blocking');"
        " return [first, page.loadEventStart, [page, ...awaited].reduce((sum, file) => sum + file.transferSize, 0)] }"
    )
    tab.evaluate(
        "async () => { for (let y = 0; y < document.body.scrollHeight; y += 700) {"
        " scrollTo(0, y); await new Promise(done => setTimeout(done, 30)) } }"
    )
    tab.wait_for_load_state("networkidle")
    context.close()
    sent = Site.sent[before:]
    scripts = sum(
        size
        for path, size in sent
        if path.split("?")[0].endswith(".js") and f"/{explore.FOLDER}/" not in path
    )
    return Seen(
        name,
        sum(size for _, size in sent) / 1e3,
        before_first / 1e3,
        scripts / 1e3,
        first / 1e3,
        load / 1e3,
    )


def megabytes(book: Path) -> float:
    """Size of the built book without what runs Python in the browser."""
    left_out = tuple(book / name for name in RUNTIME)
    files = (path for path in book.rglob("*") if path.is_file())
    return (
        sum(
            path.stat().st_size
            for path in files
            if not path.is_relative_to(left_out[0])
            and not any(path.is_relative_to(one) for one in left_out[1:])
        )
        / 1e6
    )


def pages(book: Path) -> list[str]:
    """The pages of the book, from its folder."""
    return [f"chapters/{path.name}" for path in sorted((book / "chapters").glob("*.html"))]


def main() -> None:
    """Print a line a page; exit 1 where a bar is crossed."""
    if not (BOOK / "index.html").exists():
        sys.exit("no book in _build/html: make book")
    table = Table(
        "page",
        "KB",
        "for the text",
        "fixed scripts",
        "first text, s",
        "loaded, s",
        title="each page, alone, on fast 4G",
    )
    crossed = []
    with sync_playwright() as tools, site(BOOK) as address:
        browser = tools.chromium.launch(executable_path=browser_program(), args=["--no-sandbox"])
        for name in pages(BOOK):
            seen = visit(browser, address, name)
            bars = (BARS["page"], BARS["before"], BARS["fixed"], BARS["first"], BARS["load"])
            values = (seen.whole, seen.before, seen.scripts, seen.first, seen.load)
            cells = []
            for value, bar in zip(values, bars, strict=True):
                form = f"{value:.0f}" if bar > 10 else f"{value:.2f}"
                cells.append(form if value <= bar else f"[bold red]{form}[/]")
                crossed += [name] * (value > bar)
            table.add_row(name.removeprefix("chapters/"), *cells)
        browser.close()
    console.print(table)
    whole = megabytes(BOOK)
    console.print(f"the book without Python: {whole:.1f} MB, at most {BARS['book']:.0f}")
    raise typer.Exit(int(bool(crossed) or whole > BARS["book"]))


if __name__ == "__main__":
    typer.run(main)
