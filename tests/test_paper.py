"""The book on paper: one document of all pages, printed by a browser."""

import html
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.chapters import ROOT
from autograder.publishing.pages import page_paths
from autograder.site import paper

PRINTS = """
from pathlib import Path
from autograder.site import paper
try:
    paper.write(["02-filters"], Path({to!r}), Path({book!r}))
except paper.PageError as error:
    print(error)
"""

PRINTED = 673
"""Width of the text on A4, in CSS pixels: 210 mm less both margins."""


@pytest.fixture(scope="module")
def whole(built_book: Path, browser: Any) -> Iterator[Any]:
    """The whole book in a browser, as paper shows it."""
    tab = paper.opened(browser, built_book, paper.document(built_book, list(page_paths())))
    tab.set_viewport_size({"width": PRINTED, "height": 1000})
    yield tab
    tab.close()


def test_paper_holds_every_page_in_the_order_of_the_contents(whole: Any) -> None:
    parts = whole.eval_on_selector_all(".paper-part", "all => all.map(one => one.id)")
    assert parts == list(page_paths())
    listed = whole.eval_on_selector_all(
        ".paper-contents a[href]", "all => all.map(one => one.getAttribute('href').slice(1))"
    )
    assert listed == parts[1:]


def test_links_on_paper_lead_to_a_place_on_it_or_to_the_web(whole: Any) -> None:
    lost = whole.eval_on_selector_all(
        "a[href]",
        "all => all.map(one => one.getAttribute('href')).filter(to => to.startsWith('#')"
        " ? !document.getElementById(decodeURIComponent(to.slice(1))) : !/^(https?|mailto):/.test(to))",
    )
    assert lost == []
    assert whole.locator("a[href^='#']").count() > 300


def test_nothing_is_wider_than_paper(whole: Any) -> None:
    wide = whole.evaluate(
        "width => [...document.querySelectorAll('.paper-part *')].filter(one =>"
        " !one.closest('.math mjx-assistive-mml, .unseen, .cnnr-sr')"
        " && one.getBoundingClientRect().right > width + 1)"
        ".map(one => `${one.closest('.paper-part').id}: ${one.outerHTML.slice(0, 120)}`)",
        PRINTED,
    )
    assert wide == []


def test_paper_has_no_dark_ground_and_nothing_to_press(whole: Any) -> None:
    dark = whole.evaluate(
        "() => [...document.querySelectorAll('body, body *')].filter(one => {"
        " const [red, green, blue, shown = 1] = getComputedStyle(one).backgroundColor.match(/[\\d.]+/g).map(Number);"
        " return shown > .5 && red + green + blue < 600 && one.getBoundingClientRect().width > 300 })"
        ".map(one => one.outerHTML.slice(0, 120))"
    )
    assert dark == []
    for gone in (".bd-sidebar-primary", "button", ".headerlink", ".explore-stage", ".live-bar"):
        shown = whole.eval_on_selector_all(gone, "all => all.filter(one => one.checkVisibility()).length")
        assert shown == 0, gone


def test_answers_hints_titles_and_figures_of_explorers_are_on_paper(whole: Any) -> None:
    for kind in (
        ".admonition.answer p",
        ".admonition.hint p",
        "details > .cell_input",
        ".paper-part h1",
        "[class~=explore] img",
    ):
        hidden = whole.eval_on_selector_all(
            kind,
            "all => all.filter(one => !one.getBoundingClientRect().height).map(one => one.outerHTML.slice(0, 120))",
        )
        assert hidden == [] and whole.locator(kind).count() >= 10, kind


def test_pictures_and_formulas_are_there(whole: Any) -> None:
    missing = whole.eval_on_selector_all(
        "img", "all => all.filter(one => !(one.complete && one.naturalWidth)).map(one => one.src)"
    )
    assert missing == []
    assert whole.locator("mjx-container").count() == whole.locator(".math.notranslate").count() > 500


def titles(outline: Any) -> list[str]:
    """All titles of a PDF's outline, whatever their depth."""
    if not isinstance(outline, list):
        return [outline.title]
    return [title for one in outline for title in titles(one)]


def test_a_chapter_is_printed_with_its_title_text_and_numbers(
    built_book: Path, tmp_path: Path, browser: Any
) -> None:
    pypdf = pytest.importorskip("pypdf", reason="pypdf is not installed")
    made = pypdf.PdfReader(
        paper.print_pages(browser, ["02-filters"], tmp_path / "02-filters.pdf", built_book)
    )
    assert len(made.pages) > 10 and made.metadata.title == "2. Filters"
    text = [" ".join(page.extract_text().split()) for page in made.pages]
    assert "A flashlight on the image" in " ".join(text) and "= 6600" in " ".join(text)
    assert all(page.endswith(f" {number}") for number, page in enumerate(text, 1))
    assert "Exercise: correlate2d ★★" in titles(made.outline)


def test_contents_on_paper_have_the_numbers_of_the_pages(
    built_book: Path, tmp_path: Path, browser: Any
) -> None:
    pypdf = pytest.importorskip("pypdf", reason="pypdf is not installed")
    names = ["beginning", "appendix", "teaching"]
    made = pypdf.PdfReader(paper.print_pages(browser, names, tmp_path / "some.pdf", built_book))
    text = [" ".join(page.extract_text().split()) for page in made.pages]
    numbers = []
    for name in names:
        title = html.unescape(re.sub(r"<[^>]+>", "", paper.read(built_book, name).title))
        found = re.search(rf"{re.escape(title)} (\d+)\b", text[0])
        assert found, (title, text[0])
        numbers.append(int(found[1]))
        begins = text[numbers[-1] - 1]
        assert begins.startswith(title) and begins.endswith(f" {numbers[-1]}")
    assert numbers == sorted(numbers) and numbers[0] == 2 and numbers[-1] > 5
    assert {f"/{name}" for name in names} <= set(made.named_destinations)  # the lines are links still


def test_paper_says_what_is_missing(
    built_book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit, match=r"no page '02-filter'; there are: .*02-filters"):
        paper.main(["02-filter"])
    monkeypatch.setattr(paper, "BOOK", tmp_path)
    with pytest.raises(SystemExit, match=r"no book in .*: make book"):
        paper.main([""])
    done = subprocess.run(
        [sys.executable, "-c", PRINTS.format(book=str(built_book), to=str(tmp_path / "one.pdf"))],
        cwd=ROOT,
        env={**os.environ, "PATH": str(tmp_path), "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith("no Chromium to print with")
