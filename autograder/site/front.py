"""The front page's own parts: a card for each chapter, and numbers about the course that no one types by hand."""

import html
import re
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from ..chapters import ROOT, Chapter, chapters, check_points, minutes_told

THUMBNAILS = "thumbnails"
"""Folder in the book's `_static`."""

SIZE = (480, 300)
"""Of a thumbnail, in pixels: twice what a card shows, for dense screens."""

MOST = 40_000
"""Bytes of a figure that is drawn on a card."""

PAPER = "#fcfbf8"
"""Of the figures (course/draw.py), below one that has none of its own."""


class Cards(nodes.General, nodes.Element):
    """The place of the cards on the page."""


class ChapterCards(SphinxDirective):
    """`{chapter-cards}`: a card for each chapter of the book, made of what its page says of itself."""

    def run(self) -> list[nodes.Node]:
        return [Cards()]


def setup(app: Sphinx) -> None:
    """Connect the steps; called by the book's extension."""
    app.add_node(Cards)
    app.add_directive("chapter-cards", ChapterCards)
    app.connect("config-inited", count)
    app.connect("env-get-updated", note_cards)
    app.connect("doctree-resolved", lay_out)


@dataclass(frozen=True)
class About:
    """What a chapter's page says of itself.

    question : the one that it answers, from its front matter
    stars : of each exercise
    minutes : for the main path and its exercises
    """

    question: str
    stars: tuple[int, ...]
    minutes: int


def about(chapter: Chapter) -> About:
    """Read what a page says of itself; where it says nothing, no question, no stars and no time."""
    text = chapter.page.read_text(encoding="utf-8")
    asked = re.search(r'^question: "(.+)"$', text, re.MULTILINE)
    told = minutes_told(text)
    stars = re.findall(r"^#+ Exercise: .*?(★+)$", text, re.MULTILINE)
    return About(
        asked[1] if asked else "",
        tuple(map(len, stars)),
        sum(told[:2]) if told else 0,
    )


def hours(minutes: int) -> str:
    """A time as people say it, to a quarter of an hour: 65 is "1 h", 125 "2 h"; below an hour in minutes."""
    quarters = round(minutes / 15)
    if quarters < 4:
        return f"{minutes} min"
    return f"{quarters // 4}{('', '¼', '½', '¾')[quarters % 4]} h"


def count(app: Sphinx, config: Any) -> None:
    """Give pages the numbers that they may name, such as `{{ exercises }}`; a book that names none needs no count."""
    pages = Path(app.srcdir, "chapters").glob("*.md")  # which of them is the root is not known yet
    if any("{{ " in page.read_text(encoding="utf-8") for page in pages):
        config.myst_substitutions = {**numbers(), **config.myst_substitutions}


@cache
def numbers() -> dict[str, str]:
    """The numbers about the course: of its chapters, exercises, known mistakes and hours, and what LeNet-5 reaches."""
    from course.recorded import trained

    from ..mistakes import of

    known = chapters()
    seeds = trained("lenet")[0]["seeds"]
    told = [minutes_told(one.page.read_text(encoding="utf-8")) or (0, 0, 0) for one in known]
    minutes = {
        "first": sum(path + exercises for path, exercises, _ in told[:5]),
        "all": sum(map(sum, told)),
        "reading": sum(path for path, *_ in told),
        "further": sum(further for *_, further in told),
    }
    return {
        "chapters": str(len(known)),
        "exercises": str(sum(len(check_points(one)) for one in known)),
        "mistakes": f"{sum(one.is_wrong for each in known for one in of(each.name)):,}",
        "lenet": f"{sum(seed['accuracy'] for seed in seeds) / len(seeds):.1%}",
        "lenet_seeds": str(len(seeds)),
        **{f"{name}_hours": f"{count / 60:.0f}" for name, count in minutes.items()},
    }


def _docname(chapter: Chapter) -> str:
    return chapter.page.relative_to(ROOT).with_suffix("").as_posix()


def note_cards(app: Sphinx, env: Any) -> list[str]:
    """Have the page of the cards written again, whichever page has changed: they are made of all of them."""
    return [app.config.root_doc] if app.config.root_doc in env.found_docs else []


def lay_out(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the cards into their place."""
    for place in list(doctree.findall(Cards)):
        if app.builder.format == "html":
            known = [one for one in chapters() if _docname(one) in app.env.found_docs]
            cards = "".join(_card(app, one, docname) for one in known)
            place.replace_self(
                nodes.raw("", f'<ul class="chapter-cards">{cards}</ul>', format="html") if cards else []
            )
        else:
            place.replace_self([])


def _card(app: Sphinx, chapter: Chapter, docname: str) -> str:
    said = about(chapter)
    to = app.builder.get_relative_uri(docname, _docname(chapter))
    picture = _thumbnail(app, chapter)
    up = "../" * docname.count("/")
    shown = (
        f'<img src="{up}_static/{THUMBNAILS}/{picture}" alt="" width="{SIZE[0]}" height="{SIZE[1]}" loading="lazy">'
        if picture
        else ""
    )
    most = max(said.stars, default=0)
    many = len(check_points(chapter))
    effort = f"{many} exercise{'s' if many != 1 else ''}"
    if most:
        fewest = min(said.stars)
        spoken = f"{fewest} to {most} stars" if fewest != most else f"{most} star{'s' if most > 1 else ''}"
        signs = "★" * fewest + (f"–{'★' * most}" if most != fewest else "")
        effort += f' <span class="stars" role="img" aria-label="{spoken}">{signs}</span>'
    time = f" <span>{hours(said.minutes)}</span>" if said.minutes else ""
    return (
        f'<li><a href="{html.escape(to)}">{shown}<span class="chapter-title"><span>{chapter.number}</span> '
        f"{html.escape(chapter.title)}</span></a><p>{html.escape(said.question)}</p>"
        f'<p class="chapter-effort"><span>{effort}</span>{time}</p></li>'
    )


def _thumbnail(app: Sphinx, chapter: Chapter) -> str:
    """Write the chapter's first light figure, or the one that its front matter names, small; "" if it has none."""
    wanted = re.search(r"^thumbnail: ([\w-]+)$", chapter.page.read_text(encoding="utf-8"), re.MULTILINE)
    figures = [
        figure
        for figure in app.env.get_doctree(_docname(chapter)).findall(nodes.figure)
        if not wanted or wanted[1] in figure["ids"]
    ]
    pictures = [Path(app.srcdir, image["uri"]) for figure in figures for image in figure.findall(nodes.image)]
    if not pictures:
        return ""
    light = (path for path in pictures if path.suffix != ".svg" or path.stat().st_size < MOST)
    source = next(light, pictures[0])
    folder = Path(app.outdir, "_static", THUMBNAILS)
    folder.mkdir(parents=True, exist_ok=True)
    if source.suffix == ".svg":
        name = f"{chapter.name}.svg"
        (folder / name).write_text(_framed(source.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        name = f"{chapter.name}.webp"
        (folder / name).write_bytes(_small(source))
    return name


def _framed(figure: str) -> str:
    """A figure in the middle of a sheet of SIZE; at that size nobody reads its text."""
    sheet = re.sub(r'(?<= width=)"[^"]*"', f'"{SIZE[0]}"', figure, count=1)
    sheet = re.sub(r'(?<= height=)"[^"]*"', f'"{SIZE[1]}"', sheet, count=1)
    return re.sub(r' data-least="[^"]*"', "", sheet, count=1)


def _small(picture: Path) -> bytes:
    """A picture within SIZE, on paper of its own colour, as WebP."""
    from PIL import Image

    with Image.open(picture) as opened:
        whole = opened.convert("RGBA")
    corner = whole.getpixel((0, 0))
    paper = Image.new("RGBA", SIZE, corner if isinstance(corner, tuple) and corner[3] else PAPER)
    whole.thumbnail(SIZE)
    paper.alpha_composite(whole, ((SIZE[0] - whole.width) // 2, (SIZE[1] - whole.height) // 2))
    made = BytesIO()
    paper.convert("RGB").save(made, "WEBP", quality=68, method=6)
    return made.getvalue()
