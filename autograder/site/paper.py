"""`make pdf`: the built book, or one of its pages, as a PDF: what a browser prints of all pages put into one document.

One document, so that pages are numbered through and links inside it work. It is shown without scripts other than those
of formulas: explorers stay the figures that they stand for, and no box is folded. On which page a chapter begins nobody
knows before it is printed: the contents get their numbers from a first print, and the second one has them.
"""

import html
import io
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ..chapters import ROOT
from ..publishing.browser import browser_program
from ..publishing.kit import address
from ..publishing.pages import PageError, page_paths

BOOK = ROOT / "_build" / "html"

FOLDER = ROOT / "_build" / "pdf"

HOST = "http://book.invalid"
"""Where the browser is told that the book stands: it is given the files of the folder, no network is asked."""

FOOT = (
    '<div style="width:100%;padding:0 16mm;display:flex;justify-content:space-between;'
    'font:8pt system-ui,sans-serif;color:#333"><span>{}</span><span class="pageNumber"></span></div>'
)
"""Below each page: the title and the page's number."""

MARGIN = {"top": "16mm", "bottom": "18mm", "left": "16mm", "right": "16mm"}

PRINTS = 4
"""How often a whole book is printed again at most, until the numbers of its contents are those of its pages."""

NUMBER = """numbers => {
    for (const link of document.querySelectorAll(".paper-contents a[href^='#']"))
        link.querySelector(".paper-number").textContent = numbers[decodeURIComponent(link.hash.slice(1))] ?? ""
}"""
"""Script that writes numbers of pages into the contents."""

_ID = re.compile(r'(?<=[\s])(id|for|aria-labelledby|aria-describedby)="([^"]+)"|url\(#([^)]+)\)')
_LINK = re.compile(r'<a\b(?P<before>[^>]*?)\shref="(?P<to>[^"]*)"(?P<after>[^>]*)>')
_HEAD = (
    (re.compile(r'<span class="exercise-word">Exercise<span class="unseen">: </span></span>'), "Exercise: "),
    (re.compile(r'<span class="stars" role="img" aria-label="[^"]*">(★+)</span>(?=<a|</h)'), r"\1"),
    (re.compile(r'<h3 class="cnnr-head">(.*?)</h3>', re.DOTALL), r'<p class="cnnr-head">\1</p>'),
)
"""Headings as a PDF lists them beside its pages: words alone, and none of a report."""

_DARK = re.compile(r'<img\b[^>]*data-form="dark">')
"""The form of a figure that paper never shows."""

_SCRIPT = re.compile(r"<script\b.*?</script>", re.DOTALL)


@dataclass(frozen=True)
class Sheet:
    """A page of the book: its name, as in 02-filters, its title, and its text as HTML."""

    name: str
    title: str
    article: str


def read(book: Path, name: str) -> Sheet:
    """Take a page's text out of its file."""
    text = (book / "chapters" / f"{name}.html").read_text(encoding="utf-8")
    article = text[text.index("<article") : text.rindex("</article>")] + "</article>"
    title = re.search(r"<h1>(.*?)<a class=\"headerlink\"", article, re.DOTALL)
    return Sheet(name, title[1] if title else name, article)


def contents(book: Path) -> str:
    """The list of the book's parts and pages, which stands beside each page."""
    text = (book / "chapters" / "index.html").read_text(encoding="utf-8")
    found = re.search(r'<nav class="bd-links[^>]*>(.*?)</nav>', text, re.DOTALL)
    if not found:
        raise PageError("the book has no list of its pages: make book")
    return found[1]


def joined(text: str, name: str, names: set[str]) -> str:
    """A page's HTML as a part of the whole: ids get the page's name in front, links lead to the parts.

    A link to a page that is not in the document leads to the published book, if the book has an address; else it is text.
    """

    def marked(found: re.Match[str]) -> str:
        if found[1]:
            ids = " ".join(f"{name}--{one}" for one in found[2].split())
            return f'{found[1]}="{ids}"'
        return f"url(#{name}--{found[3]})"

    def led(found: re.Match[str]) -> str:
        to = urlsplit(html.unescape(found["to"]))
        if to.scheme or to.netloc:
            return found[0]
        page = Path(to.path).stem if to.path else name
        if "/" in to.path or page not in names:
            away = f' href="{address()}/chapters/{found["to"]}"' if address() else ""
            return f"<a{found['before']}{away}{found['after']}>"
        place = f"{page}--{unquote(to.fragment)}" if to.fragment else page
        return f'<a{found["before"]} href="#{html.escape(place)}"{found["after"]}>'

    for pattern, words in _HEAD:
        text = pattern.sub(words, text)
    return _LINK.sub(led, _ID.sub(marked, text))


def document(book: Path, names: list[str]) -> str:
    """All those pages as one HTML document, under a title and a list of contents if they are several."""
    first = (book / "chapters" / "index.html").read_text(encoding="utf-8")
    head = first[: first.index("<body")]
    kept = "".join(one for one in _SCRIPT.findall(head) if "MathJax" in one or "mathjax" in one)
    sheets = [read(book, name) for name in names]
    title = re.search(r"<title>(.*?)</title>", head, re.DOTALL)
    whole = html.unescape(title[1]).strip().split(" — ")[0] if title else ""
    told = whole if len(sheets) > 1 else re.sub(r"<[^>]+>", "", sheets[0].title)
    head = re.sub(r"<title>.*?</title>", f"<title>{told}</title>", _SCRIPT.sub("", head), flags=re.DOTALL)
    list_ = joined(contents(book), "index", set(names)) if len(sheets) > 1 else ""
    list_ = list_.replace("</a>", '<span class="paper-number"></span></a>')
    front = f'<nav class="paper-contents"><h1>{whole}</h1>{list_}</nav>' if list_ else ""
    parts = "".join(
        f'<div class="paper-part" id="{one.name}">{joined(one.article, one.name, set(names))}</div>'
        for one in sheets
    )
    body = front + re.sub(r"<details\b", "<details open", _DARK.sub("", parts)).replace(' loading="lazy"', "")
    head = head.replace("<html ", '<html data-theme="light" data-mode="light" ', 1)
    return (
        f'{head.replace("</head>", f"{kept}</head>")}<body data-page="paper"><main class="bd-main"><div class="bd-content">'
        f'<div class="bd-article-container">{body}</div></div></main></body></html>'
    )


def opened(browser: Any, book: Path, text: str) -> Any:
    """Show the document in a browser, as paper would, with its formulas set and its pictures there."""
    tab = browser.new_page()

    def give(route: Any) -> None:
        path = book / unquote(urlsplit(route.request.url).path).lstrip("/")
        if route.request.url == f"{HOST}/chapters/paper.html":
            route.fulfill(body=text, content_type="text/html; charset=utf-8")
        elif route.request.url.startswith(HOST) and path.is_file():
            route.fulfill(path=path)
        else:
            route.abort()

    tab.set_default_timeout(600_000)
    tab.route("**/*", give)
    tab.emulate_media(media="print", color_scheme="light")
    tab.goto(f"{HOST}/chapters/paper.html", wait_until="load")
    tab.evaluate("async () => { await MathJax.startup.promise; await document.fonts.ready }")
    return tab


def write(names: list[str], to: Path, book: Path = BOOK) -> Path:
    """Write the pages of these names as a PDF.

    Raises
    ------
    PageError
        If no browser is there to print with.
    """
    try:
        from playwright.sync_api import Error, sync_playwright
    except ModuleNotFoundError:
        raise PageError("Playwright is missing, which asks the browser to print: make setup") from None
    with sync_playwright() as tools:
        try:
            browser = tools.chromium.launch(executable_path=browser_program(), args=["--no-sandbox"])
        except Error:
            raise PageError(
                "no Chromium to print with; install it with: sudo apt-get install chromium"
            ) from None
        print_pages(browser, names, to, book)
        browser.close()
    return to


def print_pages(browser: Any, names: list[str], to: Path, book: Path) -> Path:
    """Write the pages of these names as a PDF, with a browser that is open.

    Raises
    ------
    PageError
        If it has contents, and what finds their pages is not installed or finds none.
    """
    tab = opened(browser, book, document(book, names))
    made, numbers = printed(tab), dict[str, int]()
    # once more with the numbers: they move nothing, as a rule, and where they do the next print has them right
    for _ in range(PRINTS if len(names) > 1 else 0):
        found = first_pages(made, names)
        if not found:
            raise PageError("no link of the PDF leads to a page: its contents would have no numbers")
        if found == numbers:
            break
        numbers = found
        tab.evaluate(NUMBER, numbers)
        made = printed(tab)
    tab.close()
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(made)
    return to


def printed(tab: Any) -> bytes:
    """The document in a tab as a PDF."""
    made: bytes = tab.pdf(
        format="A4",
        margin=MARGIN,
        print_background=True,
        display_header_footer=True,
        header_template="<span></span>",
        footer_template=FOOT.format(html.escape(tab.title())),
        tagged=True,
        outline=True,
    )
    return made


def first_pages(made: bytes, names: list[str]) -> dict[str, int]:
    """The number of the page on which each part begins that a link of the PDF leads to.

    Raises
    ------
    PageError
        If pypdf is not installed.
    """
    try:
        from pypdf import PdfReader
    except ModuleNotFoundError:
        raise PageError("pypdf is missing, which finds the numbers of the contents: make setup") from None
    reader = PdfReader(io.BytesIO(made))
    places = {name.removeprefix("/"): place for name, place in reader.named_destinations.items()}
    pages = {name: reader.get_destination_page_number(places[name]) for name in names if name in places}
    return {name: page + 1 for name, page in pages.items() if page is not None}


def main(arguments: list[str]) -> None:
    """`python -m autograder.site.paper` prints the whole book; with the name of a page, that one."""
    try:
        wanted = Path(arguments[0]).stem if arguments and arguments[0] else ""
        if wanted and wanted not in page_paths():
            raise PageError(f"no page {wanted!r}; there are: {', '.join(page_paths())}")
        if not (BOOK / "chapters" / f"{wanted or 'index'}.html").is_file():
            raise PageError(f"no book in {BOOK}: make book")
        if not wanted:
            print("printing some five hundred pages, which takes minutes …", flush=True)
        made = write([wanted] if wanted else list(page_paths()), FOLDER / f"{wanted or 'book'}.pdf")
        print(f"open file://{made.resolve()}   ({made.stat().st_size / 1e6:.1f} MB)")
    except PageError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
