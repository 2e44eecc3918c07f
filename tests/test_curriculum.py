"""The built book holds what tests/curriculum.yml and pages' own `holds` list, and each page has the parts that a page should have."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag

from autograder.chapters import ROOT, Chapter, chapters
from autograder.rules import RECALL, WHERE, curriculum, figures_asked

CURRICULUM = curriculum(ROOT)
BOX_TITLE = "You may read elsewhere"
CHAPTERS = chapters()
by_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)

HELD = [(page, entry) for page, entries in CURRICULUM["pages"].items() for entry in entries]
by_entry = pytest.mark.parametrize(
    ("page", "entry"), HELD, ids=[f"{page}: {entry['what']}" for page, entry in HELD]
)
by_claim = pytest.mark.parametrize(
    "entry", CURRICULUM["corrections"], ids=[entry["claim"] for entry in CURRICULUM["corrections"]]
)


@dataclass(frozen=True)
class Page:
    """What a reader finds on a page, sorted by where it stands; one string for each output, formula, figure and box."""

    text: str
    outputs: list[str]
    formulas: list[str]
    figures: list[str]
    boxes: list[str]
    headings: list[str]
    recall: list[str]

    def part(self, where: str) -> list[str]:
        return {
            "page": [self.text],
            "output": self.outputs,
            "formula": self.formulas,
            "figure": self.figures,
        }[where]


@cache
def read_page(path: Path) -> Page:
    article = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser").find("article")
    assert isinstance(article, Tag), path
    for part in article.select("script, style, .cell_input, .headerlink"):
        part.decompose()
    headings = article.select("h1, h2, h3")
    recall = next((h.parent for h in headings if h.get_text().strip() == "Recall" and h.parent), None)
    return Page(
        text=article.get_text(),
        # what code printed; reports of checks are HTML, and say what was asked rather than what was computed
        outputs=[part.get_text() for part in article.select(".output.stream, .output.text_plain")],
        formulas=[part.get_text() for part in article.select(".math")],
        figures=[
            " ".join([*(str(image.get("alt", "")) for image in figure.select("img")), figure.get_text()])
            for figure in article.select("figure")
            if figure.select("img")
        ],
        boxes=[box.get_text() for box in article.select(".admonition") if title(box).startswith(BOX_TITLE)],
        headings=[part.get_text().strip() for part in headings],
        recall=[title(box) for box in recall.select(".admonition.dropdown")] if recall else [],
    )


def title(box: Tag) -> str:
    found = box.select_one(".admonition-title")
    return found.get_text().strip() if found else ""


def squeezed(text: str) -> str:
    """The text in one line and one case, with plain quotes."""
    plain = text.translate(str.maketrans("’‘“”\u00a0", "''\"\" "))
    return re.sub(r"\s+", " ", plain).strip().casefold()


def squeezed_formula(text: str) -> str:
    """A formula without white space and without commands that change nothing but spaces and sizes."""
    return re.sub(r"\\(left|right|[bB]igg?[lr]?)(?![a-zA-Z])|\\[,;:! ]|\\quad|\s", "", text)


def holds(text: str, wanted: str) -> bool:
    """Whether `wanted` stands in `text`; a number does not stand inside of a longer one."""
    before = r"(?<![\d.,])" if re.match(r"[\d.]", wanted) else ""
    after = r"(?!\d|[.,]\d)" if re.search(r"\d$", wanted) else ""
    return re.search(before + re.escape(wanted) + after, text) is not None


def missing(texts: list[str], wanted: list[str], squeeze: Any = squeezed) -> list[str]:
    """Of the wanted texts, those that the best of `texts` lacks."""
    lacks = [[want for want in wanted if not holds(squeeze(text), squeeze(want))] for text in texts]
    return min(lacks, key=len, default=wanted)


def as_list(find: str | list[str]) -> list[str]:
    return [find] if isinstance(find, str) else find


def test_a_number_is_not_found_inside_of_another() -> None:
    assert holds("in all: 784 places", "784") and holds("sum 6600.", "6600") and holds("cat .80", ".80")
    for other in ("1784", "7840", "784.5", "7,840", "3.784"):
        assert not holds(f"in all: {other} places", "784")
    assert not holds("0.80", ".80") and not holds("the total 75.3%", "75")
    assert missing(["a b", "c"], ["a", "b"]) == [] and missing(["a", "b"], ["a", "b"]) == ["b"]
    assert missing([], ["a"]) == ["a"]
    assert (
        squeezed_formula(r"\left\lfloor \frac{W}{S} \right\rfloor \, + 1") == r"\lfloor\frac{W}{S}\rfloor+1"
    )


def test_curriculum_covers_every_chapter_and_is_well_formed() -> None:
    assert set(CURRICULUM["pages"]) == {"beginning", *(chapter.page.stem for chapter in CHAPTERS)}
    for page, entry in HELD:
        assert set(entry) == {"what", "where", "find"}, (page, entry)
        assert entry["where"] in WHERE, (page, entry)
        assert all(isinstance(text, str) and text for text in as_list(entry["find"])), (page, entry)
        assert (ROOT / "chapters" / f"{page}.md").exists(), page
    names = [(page, entry["what"]) for page, entry in HELD]
    assert len(set(names)) == len(names)
    for entry in CURRICULUM["corrections"]:
        assert set(entry) - {"shown"} == {"claim", "page", "articles", "find"}, entry
        assert entry["articles"] and entry["find"], entry


@by_entry
def test_page_holds(built_book: Path, page: str, entry: dict[str, Any]) -> None:
    found = read_page(built_book / "chapters" / f"{page}.html")
    wanted, parts = as_list(entry["find"]), found.part(entry["where"])
    if entry["where"] == "formula":
        lacking = [want for want in wanted if missing(parts, [want], squeezed_formula)]
    elif entry["where"] == "figure":
        lacking = missing(parts, wanted)
    else:
        # outputs of one cell may be split in the page, so several texts may come from several outputs
        lacking = [want for want in wanted if missing(parts, [want])]
    assert not lacking, f"{page}.md: no {entry['where']} holds {lacking}"


def test_page_of_a_new_chapter_names_itself_what_it_holds(toy_course: Path, built_book: Path) -> None:
    (entry,) = curriculum(toy_course)["pages"]["99-toys"]
    test_page_holds(built_book, "99-toys", entry)
    with pytest.raises(AssertionError, match="no output holds"):
        test_page_holds(built_book, "99-toys", {**entry, "find": "twice 3 is 7"})


@by_claim
def test_claim_of_an_article_is_put_right_in_a_box(built_book: Path, entry: dict[str, Any]) -> None:
    page = read_page(built_book / "chapters" / f"{entry['page']}.html")
    lacking = missing(page.boxes, entry["articles"] + entry["find"])
    assert not lacking, f"no box {BOX_TITLE!r} … holds all of it; the best lacks {lacking}"
    unproved = [text for text in entry.get("shown", []) if missing(page.outputs, [text])]
    assert not unproved, f"no output holds {unproved}"


@by_chapter
def test_chapter_has_figures_questions_and_a_summary(built_book: Path, chapter: Chapter) -> None:
    page = read_page(built_book / "chapters" / f"{chapter.page.stem}.html")
    assert len(page.figures) >= figures_asked(chapter)
    assert RECALL[0] <= len(page.recall) <= RECALL[1]
    assert [question[:2] for question in page.recall] == [f"{n + 1}." for n in range(len(page.recall))]
    assert page.headings.count("Summary") == 1
    by_hand = [heading for heading in page.headings if heading.startswith("A question graded by hand: ")]
    assert len(by_hand) == 1


def test_introduction_has_figures_questions_and_a_summary(built_book: Path) -> None:
    page = read_page(built_book / "chapters" / "beginning.html")
    assert len(page.figures) >= 3
    assert 3 <= len(page.recall) <= 5
    assert page.headings.count("Summary") == 1
    assert not [heading for heading in page.headings if heading.startswith("A question graded by hand")]
