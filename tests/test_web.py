"""The built book as a visitor gets it: its front page, its heads, its weight, its accessibility in a real browser."""

import base64
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pytest
from bs4 import BeautifulSoup
from docutils import nodes
from docutils.utils import new_document
from matplotlib.figure import Figure
from PIL import Image

from autograder.chapters import chapters, check_points
from autograder.publishing.figures import (
    DARK,
    DENSITY,
    GRID,
    LINK,
    READABLE,
    SHORT_LETTER,
    FigureCanvas,
    light,
    short_path,
)
from autograder.site import boxes, finder, front, head, weight
from autograder.site.weight import unused
from benchmarks.live import site
from benchmarks.web import BARS, megabytes, pages, visit
from course import draw

SVG = "{http://www.w3.org/2000/svg}"
WIDE, PHONE = {"width": 1400, "height": 900}, {"width": 390, "height": 844}


def soup(page: Path) -> BeautifulSoup:
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


@pytest.fixture(scope="module")
def front_page(built_book: Path) -> BeautifulSoup:
    return soup(built_book / "chapters" / "index.html")


# The front page


def test_front_page_has_two_buttons_and_a_picture_before_anything_else(front_page: BeautifulSoup) -> None:
    article = front_page.select_one("article")
    assert article
    begin, on = article.select(".start a")
    assert begin.get_text() == "Start with chapter 1" and str(begin["href"]).startswith("01-pixels.html")
    assert on.get_text() == "Go on where you were" and front_page.select(f"{on['href']}")
    second = article.select("h2")[0]
    assert article.select_one("explore-pad figure img") in second.find_all_previous("img")


def test_front_page_shows_a_failed_check_that_ran(front_page: BeautifulSoup) -> None:
    report = front_page.select_one(".cnnr")
    assert report and "wrong answer" in report.get_text()
    assert "Your filter is turned by 180°" in report.select_one(".cnnr-hint").get_text()  # type: ignore[union-attr]


def test_card_of_each_chapter_says_what_its_page_says(front_page: BeautifulSoup) -> None:
    cards = front_page.select("ul.chapter-cards > li")
    known = chapters()
    assert len(cards) >= len(known) >= 12
    for card, chapter in zip(cards, known, strict=False):
        said, text = front.about(chapter), card.get_text()
        assert said.question.endswith("?") and said.question in text
        assert chapter.title in text and front.hours(said.minutes) in text
        assert f"{len(check_points(chapter))} exercise" in text
        assert len(said.stars) >= len(check_points(chapter)), chapter.name
        assert card.select_one("img[alt=''][width][height]"), chapter.name


def test_thumbnails_are_small_files(built_book: Path) -> None:
    made = list((built_book / "_static" / front.THUMBNAILS).iterdir())
    assert len(made) >= 12 and max(path.stat().st_size for path in made) < 40_000


@pytest.mark.parametrize(
    ("minutes", "said"), [(46, "46 min"), (65, "1 h"), (125, "2 h"), (80, "1¼ h"), (165, "2¾ h")]
)
def test_hours_are_said_in_quarters(minutes: int, said: str) -> None:
    assert front.hours(minutes) == said


def test_pages_for_teachers_and_authors_are_in_the_book(built_book: Path) -> None:
    for name, heading in (("teaching", "Teaching with the course"), ("writing", "Writing for the course")):
        page = soup(built_book / "chapters" / f"{name}.html")
        assert page.select_one("h1").get_text().startswith(heading)  # type: ignore[union-attr]
        assert page.select_one(f".bd-sidebar-primary a[href='#'], .bd-sidebar-primary a[href$='{name}.html']")


def test_place_is_kept_and_the_front_page_leads_back(built_book: Path, browser: Any) -> None:
    context = browser.new_context(viewport=WIDE)
    tab = context.new_page()
    start = built_book.as_uri()
    tab.goto(f"{start}/chapters/03-stride.html")
    section = tab.evaluate("document.querySelectorAll('article section > h2')[1].parentElement.id")
    tab.evaluate("document.querySelectorAll('article section > h2')[1].scrollIntoView()")
    tab.goto(f"{start}/chapters/index.html")
    link = tab.locator("live-course a")
    assert link.get_attribute("href") == f"{start}/chapters/03-stride.html#{section}"
    assert "Stride" in link.inner_text()
    context.close()


# Heads


def test_every_page_has_a_description_and_a_picture(built_book: Path) -> None:
    seen = {}
    for name in pages(built_book):
        page = soup(built_book / name)
        told = {
            tag.get("name") or tag.get("property"): tag["content"] for tag in page.select("meta[content]")
        }
        assert 40 < len(told["description"]) <= head.LONGEST, name
        assert told["og:description"] == told["description"] and told["og:title"], name
        assert (built_book / name).parent.joinpath(told["og:image"]).resolve().is_file(), name
        icon = page.select_one("link[rel=icon]")
        assert icon and (built_book / name).parent.joinpath(str(icon["href"])).resolve().is_file(), name
        seen[name] = told["description"]
    assert len(set(seen.values())) == len(seen)


def test_description_is_the_first_paragraph_cut_between_words() -> None:
    document = new_document("page")
    document += nodes.paragraph(
        "", "", nodes.strong(text="What you will do."), nodes.Text(" " + "many words " * 40)
    )
    said = head.description(document)
    assert said.startswith("many words") and said.endswith("words …" if "words …" in said else "many …")
    assert len(said) <= head.LONGEST


def test_published_book_has_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head, "address", lambda: "https://example.org/cnn")
    app: Any = SimpleNamespace(
        builder=SimpleNamespace(format="html"),
        outdir=tmp_path,
        env=SimpleNamespace(found_docs={"chapters/index", "chapters/01-pixels"}),
        config=SimpleNamespace(html_title="Book", project="", root_doc="chapters/index"),
    )
    head.write_sitemap(app, None)
    head.write_not_found(app, None)
    assert (
        "<loc>https://example.org/cnn/chapters/01-pixels.html</loc>" in (tmp_path / "sitemap.xml").read_text()
    )
    assert 'href="https://example.org/cnn/"' in (tmp_path / "404.html").read_text()
    context: dict[str, Any] = {"title": "<em>1.</em> Pixels & more"}
    head.describe(app, "chapters/01-pixels", "page.html", context, new_document("page"))
    assert (
        'property="og:url" content="https://example.org/cnn/chapters/01-pixels.html"' in context["metatags"]
    )
    assert 'property="og:image" content="https://example.org/cnn/_static/card.png"' in context["metatags"]
    assert 'content="1. Pixels &amp; more"' in context["metatags"]


def test_book_without_an_address_has_no_sitemap_and_a_page_for_what_is_not_there(built_book: Path) -> None:
    assert (built_book / "404.html").is_file() and not (built_book / "sitemap.xml").exists()


# Boxes


def test_exercise_shows_name_stars_points_and_minutes(built_book: Path) -> None:
    seen = 0
    for chapter in chapters():
        page = soup(built_book / "chapters" / f"{chapter.page.stem}.html")
        for kernel, points in check_points(chapter).items():
            if not (cell := page.select_one(f"live-cell[data-kernel='{kernel}']")):
                continue  # a book without the parts that run in the page
            seen += 1
            section = cell.find_parent("section", class_="exercise")
            assert section, kernel
            facts = section.select_one(".exercise-facts")
            assert facts and f"{points:g} point" in facts.get_text() and "minutes" in facts.get_text(), kernel
            assert section.select_one("h3 .stars[aria-label]"), kernel
            passing = section.select_one("details.passing > summary")
            assert passing and boxes.PASSING in passing.get_text(), kernel
    assert seen == 0 or seen > 50


def test_folded_code_stands_below_its_figure_and_says_what_it_is(built_book: Path) -> None:
    folds = 0
    for name in pages(built_book):
        page = soup(built_book / name)
        assert "Show code cell" not in page.get_text(), name
        assert not page.select("summary[aria-label]"), name
        for fold in page.select("details.code-fold"):
            output = fold.find_previous_sibling(class_="cell_output")
            above = fold.parent.find_previous_sibling() if fold.parent else None
            shown = [
                one
                for one in (output, above)
                if one and (one is output or "explore" in one.get_attribute_list("class"))
            ]
            figure = any(one.select("figure, img") for one in shown)
            folds += figure
            summary = fold.select_one("summary")
            assert summary and (boxes.CODE["figure"][0] in summary.get_text()) == figure, name
    assert folds > 100


# Figures


def drawings(book: Path) -> list[Path]:
    """The figures that code of the pages drew."""
    return [path for path in sorted((book / "_images").glob("*.svg")) if 'id="dark"' in path.read_text()]


def test_figures_are_drawings_with_a_dark_form_and_small_files(built_book: Path) -> None:
    assert len(drawings(built_book)) > 200
    pictures = [path for path in built_book.rglob("*") if path.suffix in (".png", ".svg", ".webp", ".jpg")]
    ours = [path for path in pictures if "lite" not in path.parts and "live" not in path.parts]
    heaviest = max(ours, key=lambda path: path.stat().st_size)
    assert heaviest.stat().st_size < 200_000, heaviest


def test_every_picture_gives_its_size_and_all_but_the_first_load_late(built_book: Path) -> None:
    seen = 0
    for name in pages(built_book):
        images = soup(built_book / name).select("article img")
        seen += len(images)
        for image in images:
            assert int(str(image["width"])) > 0 and int(str(image["height"])) > 0, (name, image)
        late = [image.get("loading") == "lazy" for image in images]
        first = [str(image["src"]).removesuffix("#dark") == str(images[0]["src"]) for image in images]
        assert all(at_once or is_late for at_once, is_late in zip(first, late, strict=True)), name
        assert not images or images[0].get("loading") != "lazy", name
    assert seen > 400


def contrast(one: str, other: str) -> float:
    """Of two colours, as WCAG has it."""
    bright, dim = sorted((_light(colour) for colour in (one, other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _light(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def as_svg(figure: Figure) -> str:
    """A figure as a page of the book shows it, without the values of its colours."""
    file = BytesIO()
    FigureCanvas(figure).print_figure(file, format="svg", bbox_inches="tight", dpi=DENSITY)
    plt.close(figure)
    return file.getvalue().decode().partition("</style>")[2]


def test_style_follows_the_theme_and_data_keep_their_colours() -> None:
    figure, ax = plt.subplots()
    draw.numbers(ax, np.array([[0, 1], [1, 0]]), "title", cmap="gray")
    cells = as_svg(figure)
    assert "fill:var(--ink)" in cells  # the title
    assert "fill:#ffffff" in cells and "fill:var(--white)" not in cells  # a number on a dark cell
    assert "pixelated" in cells
    figure, ax = plt.subplots()
    draw.against_bar(ax, ["met", "missed"], [1.2, 2.0], 1.5)
    assert not re.search(r"#[0-9a-f]{6}", as_svg(figure))  # hatched bars too


def test_photographs_are_webp_at_twice_the_density_of_a_page() -> None:
    figure, ax = plt.subplots(figsize=(3, 3))
    draw.picture(ax, np.random.default_rng(0).integers(0, 256, (900, 900, 3), dtype=np.uint8))
    found = re.search(r"data:image/webp;base64,([^\"]+)", as_svg(figure))
    assert found
    with Image.open(BytesIO(base64.b64decode(found[1]))) as picture:
        assert 0.6 * DENSITY < picture.width / 3 <= DENSITY


def placed(path: str) -> list[tuple[float, float]]:
    """The points that a path goes through, and the ends of its loops, from any form of it that we write."""
    points: list[tuple[float, float]] = []
    start = (0.0, 0.0)
    for letter, numbers in re.findall(r"([A-Za-z])([^A-Za-z]*)", path):
        values = [float(one) for one in re.findall(r"-?\d*\.?\d+", numbers)]
        kind, size = letter.upper(), {"H": 1, "V": 1, "M": 2, "L": 2, "Q": 4, "C": 6, "Z": 1}[letter.upper()]
        for n in range(0, len(values), size) if values else [0]:
            x, y = points[-1] if points else (0.0, 0.0)
            from_x, from_y = (x, y) if letter.islower() else (0.0, 0.0)
            if kind == "Z":
                points.append(start)
            elif kind in "HV":
                points.append((from_x + values[n], y) if kind == "H" else (x, from_y + values[n]))
            else:
                pairs = zip(values[n : n + size : 2], values[n + 1 : n + size : 2], strict=True)
                points += [(from_x + a, from_y + b) for a, b in pairs]
            start = points[-1] if kind == "M" else start
    return points


@pytest.mark.parametrize(
    ("long", "short"),
    [
        ("M 0.5 1 L 10.25 1 L 10.25 7 z", "M.5 1h9.75V7z"),
        ("M 50 50  L 51 51.004  L 52 47  L 52 47", "M50 50l1 1 1-4"),
        ("M 100 100 Q 101.5 102 99 100 L 100 100 z M 101 100 L 103 104", "M100 100q1.5 2-1 0zm1 0l2 4"),
        ("M 5 5 L 5 5", "M5 5H5"),
        ("M 0 0 C 1 2 3 4 100 99.996", "M0 0C1 2 3 4 100 100"),
    ],
)
def test_paths_are_short_and_go_through_the_same_points(long: str, short: str) -> None:
    assert short_path(long) == short
    closed = [(x, y) for n, (x, y) in enumerate(placed(long)) if n == 0 or (x, y) != placed(long)[n - 1]]
    ours = [(x, y) for n, (x, y) in enumerate(placed(short)) if n == 0 or (x, y) != placed(short)[n - 1]]
    assert np.abs(np.array(closed) - np.array(ours)).max() <= 0.005


def test_long_path_does_not_drift() -> None:
    steps = np.random.default_rng(0).normal(size=(3000, 2)).cumsum(axis=0)
    long = "M " + " L ".join(f"{x:.6f} {y:.6f}" for x, y in steps)
    assert np.abs(np.array(placed(short_path(long))) - steps).max() <= 0.00501


def test_small_file_looks_as_the_long_one_does(browser: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn() -> str:
        figure, axes = draw.panels(3)
        draw.numbers(axes[0], np.arange(9).reshape(3, 3) / 7, r"$\sqrt{\frac{a_1}{b}}$, −x²", form="{:.2f}")
        axes[1].plot(np.sin(np.linspace(0, 9, 300)), linewidth=0.8)
        axes[1].scatter(range(0, 300, 60), [0.5] * 5, c=range(5), alpha=0.5)
        axes[1].fill_between([0, 150, 300], [0, 1, 0], alpha=0.3, hatch="//")
        axes[1].set_ylabel("turned by 90°")
        draw.picture(axes[2], np.add.outer(np.arange(0, 120, 2), np.arange(0, 120, 2)).astype(np.uint8))
        axes[2].set_xlim(10, 40)  # cut off
        file = BytesIO()
        FigureCanvas(figure).print_figure(file, format="svg", bbox_inches="tight", dpi=DENSITY)
        plt.close(figure)
        return file.getvalue().decode()

    small = drawn()
    monkeypatch.setattr("autograder.publishing.figures.make_small", lambda root: None)
    long = drawn()
    assert len(small) < 0.65 * len(long)
    tab = browser.new_page(device_scale_factor=2, viewport=WIDE)
    seen = []
    for svg in (small, long):
        tab.set_content(f'<img src="data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}">')
        tab.wait_for_function("document.images[0].complete")
        with Image.open(BytesIO(tab.locator("img").screenshot())) as picture:
            seen.append(np.asarray(picture.convert("L"), dtype=float))
    tab.close()
    apart = np.abs(seen[0] - seen[1])
    assert seen[0].std() > 20 and apart.mean() < 0.5 and (apart > 100).mean() < 1e-4


LETTERS = ("ink", "soft", "blue", "orange", "green", "pink")


def test_letters_and_lines_of_figures_stand_out_in_both_forms() -> None:
    for form in ({name: colour for colour, name in light().items()}, DARK):
        for name in LETTERS:
            assert contrast(form[name], form["paper"]) >= 4.5, name
        for name in ("amber", "sky"):
            assert contrast(form[name], form["paper"]) >= 3, name
        for name in ("paper", "white", "pale_blue", "pale_orange", "sky"):
            assert contrast(form["ink"], form[name]) >= 4.5, name
        for name in ("blue", "orange", "green", "pink"):
            assert contrast(form["white"], form[name]) >= 4.5, name


@pytest.mark.parametrize("ground", [(level, level, level) for level in np.linspace(0, 1, 21)])
def test_letters_stand_out_on_every_cell(ground: tuple[float, float, float]) -> None:
    colours = {"black": "#000000", "white": "#ffffff"}
    shade = "#" + f"{round(255 * ground[0]):02x}" * 3
    assert contrast(colours[draw.readable(ground)], shade) >= 4.5


def test_letters_of_figures_have_colours_that_can_be_read(built_book: Path) -> None:
    wrong = set()
    for path in drawings(built_book):
        root = ElementTree.parse(path).getroot()
        parents = {child: parent for parent in root.iter() for child in parent}
        for letter in root.iter(f"{SVG}use"):
            if not letter.attrib[LINK].startswith(f"#{SHORT_LETTER}"):
                continue
            part = letter
            while part in parents and "fill:" not in part.get("style", ""):
                part = parents[part]
            named = re.search(r"fill:var\(--(\w+)\)", part.get("style", ""))
            if named and named[1] not in (*LETTERS, "white"):
                wrong.add((path.name, named[1]))
    assert not wrong


SHOWN = (
    "[...document.querySelectorAll('article img[data-form]')].filter(one => one.checkVisibility())"
    ".map(one => one.dataset.form)"
)


def test_figure_shows_the_form_of_the_theme(built_book: Path, browser: Any) -> None:
    for scheme in ("light", "dark"):
        tab = browser.new_page(viewport=WIDE, color_scheme=scheme)
        tab.goto(f"{built_book.as_uri()}/chapters/05-pooling.html")
        shown = tab.evaluate(SHOWN)
        assert set(shown) == {scheme} and len(shown) > 10
        figure = tab.locator(f"figure img[data-form={scheme}]").nth(1)
        figure.scroll_into_view_if_needed()
        tab.wait_for_function("one => one.complete && one.naturalWidth", arg=figure.element_handle())
        with Image.open(BytesIO(figure.screenshot())) as picture:
            levels = np.asarray(picture.convert("L"))
        ground = np.bincount(levels.ravel()).argmax()
        assert (ground < 60) == (scheme == "dark")
        assert abs(levels.astype(int) - ground).max() > 150  # its ink stands out
        tab.close()


def test_paper_has_the_light_form_from_the_dark_theme_too(built_book: Path, browser: Any) -> None:
    tab = browser.new_page(viewport=WIDE, color_scheme="dark")
    tab.goto(f"{built_book.as_uri()}/chapters/05-pooling.html")
    tab.emulate_media(media="print", color_scheme="dark")
    assert set(tab.evaluate(SHOWN)) == {"light"}
    tab.close()


def test_text_of_figures_can_be_read_on_a_phone(built_book: Path, browser: Any) -> None:
    tab = browser.new_page(viewport=PHONE)
    checked = 0
    for name in ("01-pixels", "02-filters", "05-pooling", "09-fast", "measured"):
        tab.goto(f"{built_book.as_uri()}/chapters/{name}.html")
        for source, width in tab.evaluate(
            "[...document.querySelectorAll('img[data-form=light]')].filter(one => one.checkVisibility())"
            ".map(one => [one.getAttribute('src'), one.getBoundingClientRect().width])"
        ):
            root = ElementTree.parse(built_book / "chapters" / source).getroot()
            for size in letters(root):
                checked += 1
                shown = size * width / float(root.attrib["viewBox"].split()[2])
                assert shown >= READABLE - 0.1, (name, source)
    assert checked > 500
    tab.close()


def letters(root: ElementTree.Element) -> Iterator[float]:
    """Sizes of the lines of text of a figure, in its own units: a line is scaled from the grid of its letters."""
    for line in root.iter(f"{SVG}g"):
        inside = line.findall(f"{SVG}use")
        scale = re.search(r"scale\(([\d.]+)", line.get("transform", ""))
        formula = any("scale" in part.get("transform", "") for part in inside)  # its indices may be smaller
        if scale and inside and not formula and inside[0].attrib[LINK].startswith(f"#{SHORT_LETTER}"):
            yield GRID * float(scale[1])


def test_figures_count_from_one_on_every_page(built_book: Path) -> None:
    for name in pages(built_book):
        numbers = [
            one.get_text().split()[1]
            for one in soup(built_book / name).select(".caption-number")
            if "Fig." in one.get_text()
        ]
        assert [int(number.split(".")[-1]) for number in numbers] == list(range(1, len(numbers) + 1)), name


# Weight


def test_book_holds_nothing_that_no_page_asks_for(built_book: Path) -> None:
    assert list(unused(built_book)) == []
    assert megabytes(built_book) < BARS["book"]


@pytest.mark.parametrize("name", ["index", "02-filters", "08-training"])
def test_text_and_scripts_of_every_page_stay_within_their_budgets(
    built_book: Path, browser: Any, name: str
) -> None:
    with site(built_book) as address:
        seen = visit(browser, address, f"chapters/{name}.html")
    assert 0 < seen.before < BARS["before"]
    assert 0 < seen.scripts < BARS["fixed"]
    assert 0 < seen.whole < BARS["page"]


def test_pages_load_few_sheets_and_the_explorers_in_one_script(built_book: Path, browser: Any) -> None:
    sheets = (built_book / weight.SHEETS).read_text(encoding="utf-8")
    names = weight.JOINED.match(sheets)[1].split()  # type: ignore[index]
    assert names[-1] == "_static/course.css" and weight.FIRST in names and len(names) > 15
    assert all((built_book / name).read_text(encoding="utf-8") in sheets for name in names)
    tab, seen = browser.new_page(viewport=WIDE), 0
    for name in pages(built_book):
        page = soup(built_book / name)
        assert len(page.select("link[rel=stylesheet]")) <= 4, name
        assert len(page.select("script[src*='/explore/']")) <= 2, name
        explorers = page.select(".explore")
        if explorers:
            tab.goto(f"{built_book.as_uri()}/{name}", wait_until="load")
            assert tab.locator(".explore-alive").count() == len(explorers), name
        seen += len(explorers)
    tab.close()
    assert seen >= 20


def test_pages_with_formulas_ask_for_the_parts_of_mathjax_that_they_load(
    built_book: Path, browser: Any
) -> None:
    with site(built_book) as address:
        for name in ("chapters/01-pixels.html", "chapters/teaching.html"):
            tab = browser.new_page()
            tab.goto(f"{address}/{name}", wait_until="load")
            script = "() => performance.getEntriesByType('resource').map(one => one.name)"
            loaded = [one for one in tab.evaluate(script) if re.search(r"/mathjax/(?!startup).*\.js", one)]
            named = [
                f"{address}/{str(one['href']).removeprefix('../')}"
                for one in soup(built_book / name).select("link[rel=preload][as=script]")
            ]
            assert sorted(set(loaded)) == sorted(named) and len(named) == (5 if "pixels" in name else 0)
            tab.close()


def test_joined_files_follow_what_they_are_made_of(tmp_path: Path) -> None:
    places = [tmp_path / "_static" / name for name in ("one.css", "two.css")]
    places[0].parent.mkdir()
    for place in places:
        place.write_text(place.stem)
    names = [place.relative_to(tmp_path).as_posix() for place in places]
    assert weight.joined(tmp_path, weight.SHEETS, names)
    places[1].write_text("three")
    weight.join_again(tmp_path)
    assert (tmp_path / weight.SHEETS).read_text().splitlines()[1:] == ["one", "three"]
    assert not weight.joined(tmp_path, weight.SHEETS, [*names, "_static/none.css"])


def test_no_script_holds_up_the_first_text(built_book: Path) -> None:
    for name in pages(built_book):
        for script in soup(built_book / name).select("head script[src]"):
            assert script.get("defer") is not None or script.get("type") == "module", f"{name}: {script}"


def test_pages_load_no_script_of_icons_and_no_index_of_the_search(built_book: Path) -> None:
    for name in pages(built_book):
        text = (built_book / name).read_text(encoding="utf-8")
        assert not re.search(r"fontawesome|searchindex|sections\.js|thebe", text, re.IGNORECASE), name


# Finding

QUERIES = {
    "padding same": "04-padding.html#same-also-when-it-does-not-come-out-even",
    "max pooling backward": "07-backprop.html#backward-through-max-pooling",
    "learning rate": "07-backprop.html#too-low-right-too-high",
    "6600": "02-filters.html#a-filter-is-a-detector-of-one-shape",
    "receptive field": "03-stride.html#how-far-does-one-entry-see",
    "softmax": "06-fully_connected.html#ten-classes-softmax",
    "im2col": "09-fast.html#im2col-every-window-becomes-a-row",
    "stride": "03-stride.html#longer-steps",
    "dropout": "11-left_out.html#dropout",
    "batch norm": "11-left_out.html#batch-normalisation",
}
"""What readers look for, and the section that defines it."""


@pytest.mark.parametrize(("query", "section"), QUERIES.items())
def test_definition_is_among_the_first_two_that_a_search_finds(
    built_book: Path, browser: Any, query: str, section: str
) -> None:
    tab = browser.new_page()
    tab.goto(f"{built_book.as_uri()}/search.html")
    tab.locator(".bd-search-container input").fill(query)
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#search-results li")
    found = tab.eval_on_selector_all(
        "#search-results li > a", "all => all.map(one => one.getAttribute('href'))"
    )
    assert f"chapters/{section}" in found[:2]
    assert len(set(found)) == len(found)
    for address in found:
        page, _, place = address.partition("#")
        assert f'id="{place}"' in (built_book / page).read_text(encoding="utf-8"), address
    names = tab.locator("#search-results li > a").all_inner_texts()
    at = found.index(f"chapters/{section}")
    heading = soup(built_book / found[at].partition("#")[0]).select_one(
        f"[id='{section.partition('#')[2]}'] > :is(h2, h3)"
    )
    assert heading and heading.get_text().rstrip("#") == names[at]
    snippets = tab.locator("#search-results li > p:last-child").all_inner_texts()
    assert not [one for one in snippets if re.search(r"\\|^import |\bfrom \w+ import", one)]
    assert tab.locator("#search-results li:first-child mark").count() > 0
    tab.close()


def test_search_says_what_it_did_not_find_and_offers_what_holds_some_of_it(
    built_book: Path, browser: Any
) -> None:
    tab = browser.new_page()
    for query, said, results in (
        ("xyzzy", "Nothing in the book holds “xyzzy”.", False),
        ("softmax xyzzy", "No section holds all these words; these hold some.", True),
    ):
        tab.goto(f"{built_book.as_uri()}/search.html?q={query}")
        assert tab.locator("#search-results [role='status']").inner_text() == said
        assert bool(tab.locator("#search-results li").count()) is results
    tab.close()


def test_search_with_results_has_no_violation(built_book: Path, context: Any, axe: str) -> None:
    tab = context.new_page()
    tab.goto(f"{built_book.as_uri()}/search.html?q=padding+same")
    tab.wait_for_selector("#search-results li")
    tab.evaluate(axe)
    found = tab.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    assert [f"{one['id']}: {one['nodes'][0]['html'][:150]}" for one in found["violations"]] == []
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize(
    ("formula", "line"),
    [
        (r"\(50 \cdot 30 \cdot 4 + 20 \cdot 30 = 6600\)", "50 · 30 · 4 + 20 · 30 = 6600"),
        (r"\(\frac{W - F}{S} + 1\)", "(W - F) / S + 1"),
        (r"\(\lceil W/S \rceil\)", "⌈ W/S ⌉"),
        (r"\(\begin{pmatrix} 1 & 0 \\ 0 & 1 \end{pmatrix}\)", "…"),
    ],
)
def test_formulas_are_plain_text_in_what_a_search_shows(formula: str, line: str) -> None:
    assert finder.plain(formula) == line


# In a browser


@pytest.fixture(
    params=[
        (WIDE, "light"),
        (PHONE, "dark"),
        pytest.param((WIDE, "dark"), marks=pytest.mark.slow),
        pytest.param((PHONE, "light"), marks=pytest.mark.slow),
    ],
    ids=lambda one: f"{one[0]['width']}-{one[1]}",
)
def context(browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    size, scheme = request.param
    made = browser.new_context(viewport=size, color_scheme=scheme)
    yield made
    made.close()


def test_pages_have_no_violation_no_error_and_no_overflow(built_book: Path, context: Any, axe: str) -> None:
    tab = context.new_page()
    said: list[str] = []
    tab.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: said.append(str(error)))
    wrong = []
    for name in [*pages(built_book), "search.html", "404.html"]:
        tab.goto(f"{built_book.as_uri()}/{name}")
        tab.evaluate("window.MathJax?.startup?.promise")
        tab.evaluate(axe)
        found = tab.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        wrong += [f"{name}: {one['id']}: {one['nodes'][0]['html'][:150]}" for one in found["violations"]]
        if tab.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wrong.append(f"{name} is wider than the window")
    assert not wrong
    # a page opened as a file may load no module: the live page's script, which a server gives
    assert [
        text for text in said if "live.js" not in text and "CORS" not in text and "ERR_FAILED" not in text
    ] == []


def test_pages_fit_320_pixels_and_what_scrolls_in_them_shows_it(built_book: Path, browser: Any) -> None:
    """320 pixels are also what is left of 1280 at 400%, and less than of 1400 at 200%."""
    tab = browser.new_page(viewport={"width": 320, "height": 640})
    wrong, scrolling = [], 0
    for name in [*pages(built_book), "search.html?q=padding+same", "404.html"]:
        tab.goto(f"{built_book.as_uri()}/{name}")
        tab.evaluate("window.MathJax?.startup?.promise")
        wide = tab.evaluate("document.documentElement.scrollWidth")
        wrong += [f"{name} is {wide} wide"] * (wide > 320)
        boxes_ = tab.evaluate(
            "[...document.querySelectorAll('article *')].filter(one => one.scrollWidth > one.clientWidth + 1 && one.clientWidth"
            " && ['auto', 'scroll'].includes(getComputedStyle(one).overflowX) && !one.matches('span'))"
            ".map(one => [/gradient/.test(getComputedStyle(one).backgroundImage), one.outerHTML.slice(0, 100)])"
        )
        scrolling += len(boxes_)
        wrong += [f"{name}: {html}" for signed, html in boxes_ if not signed]
    tab.close()
    assert wrong == []
    assert scrolling > 50


def test_focus_shows_wherever_it_is(built_book: Path, browser: Any) -> None:
    tab = browser.new_page(viewport=WIDE)
    for name in ("chapters/index.html", "chapters/02-filters.html", "search.html?q=padding", "404.html"):
        tab.goto(f"{built_book.as_uri()}/{name}")
        unseen = tab.evaluate(
            "() => { const wrong = []; let seen = 0;"
            " for (const one of document.querySelectorAll('a[href], button, input, summary, select, [tabindex=\"0\"]')) {"
            "  if (!one.checkVisibility()) continue;"
            "  one.focus({ focusVisible: true, preventScroll: true });"
            "  if (document.activeElement !== one) continue;"
            "  seen++;"
            "  const rings = [one, one.nextElementSibling, one.closest('li')].filter(Boolean).map(part => getComputedStyle(part));"
            "  if (!rings.some(style => style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2)) wrong.push(one.outerHTML.slice(0, 120))"
            " } return seen ? wrong : ['nothing took the focus'] }"
        )
        assert unseen == [], name
    tab.close()


def test_theme_is_there_before_anything_is_painted(built_book: Path, browser: Any) -> None:
    context = browser.new_context(viewport=WIDE, color_scheme="dark", java_script_enabled=True)
    tab = context.new_page()
    tab.add_init_script(
        "new MutationObserver((_, all) => { if (document.body) { window.atBody ??= document.documentElement.dataset.theme;"
        " all.disconnect() } }).observe(document, { childList: true, subtree: true })"
    )
    tab.goto(f"{built_book.as_uri()}/chapters/01-pixels.html")
    assert tab.evaluate("window.atBody") == "dark"
    context.close()


def test_formulas_are_no_stops_of_the_tab_key(built_book: Path, browser: Any) -> None:
    tab = browser.new_page()
    tab.goto(f"{built_book.as_uri()}/chapters/beginning.html")
    tab.wait_for_selector("mjx-container")
    tab.evaluate("MathJax.startup.promise")
    assert tab.locator("mjx-container[tabindex='0']").count() == 0
    assert tab.locator("mjx-assistive-mml").count() == tab.locator("mjx-container").count() > 10
    tab.close()


def test_code_needs_no_scrolling_at_1400_pixels(built_book: Path, browser: Any) -> None:
    tab = browser.new_page(viewport=WIDE)
    wide = []
    for name in pages(built_book):
        tab.goto(f"{built_book.as_uri()}/{name}")
        tab.evaluate("document.fonts.ready")
        tab.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
        wide += tab.evaluate(
            "name => [...document.querySelectorAll('.cell_input pre')].filter(one => one.scrollWidth > one.clientWidth + 1)"
            ".map(one => `${name}: ${one.textContent.slice(0, 60)}`)",
            name,
        )
    tab.close()
    assert wide == []


def test_paper_is_white_from_the_dark_theme_too(built_book: Path, browser: Any) -> None:
    tab = browser.new_page(viewport=WIDE, color_scheme="dark")
    tab.goto(f"{built_book.as_uri()}/chapters/02-filters.html")
    tab.emulate_media(media="print")
    colours = tab.evaluate(
        "['body', '.bd-article', '.bd-article .cell_input', '.admonition.predict'].map(one =>"
        " { const style = getComputedStyle(document.querySelector(one)); return [style.backgroundColor, style.color] })"
    )
    assert all(
        paper in ("rgb(255, 255, 255)", "rgba(0, 0, 0, 0)") and ink == "rgb(0, 0, 0)"
        for paper, ink in colours
    )
    assert tab.evaluate("getComputedStyle(document.querySelector('.bd-sidebar-primary')).display") == "none"
    tab.close()
