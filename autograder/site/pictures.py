"""Pictures in pages: their size is given, they load when a reader comes near, and a figure shows the form of the theme."""

import html
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

from docutils import nodes
from sphinx.application import Sphinx

IMAGE = re.compile(r"<img\b[^>]*>")
SOURCE = re.compile(r'\bsrc="([^"]*)')
LAST = 900
"""Priority of the steps, by Sphinx's count: after those that number figures, and that write into a page's body."""


class Picture(NamedTuple):
    """What a page must know of a picture: width and height, and of a figure (autograder/publishing/figures.py) whether it has a dark
    form, and the least width at which it can be read; all in pixels."""

    width: int
    height: int
    two_forms: bool = False
    least: str = ""


def setup(app: Sphinx) -> None:
    """Connect the steps; called by the book's extension."""
    app.connect("env-get-updated", number_from_one, priority=LAST)
    app.connect("html-page-context", complete, priority=LAST)


def number_from_one(app: Sphinx, env: Any) -> list[str]:
    """Figures of a page without a number of its own count from 1, not on from those of the page before."""
    changed = []
    for page, kinds in env.toc_fignumbers.items():
        for kind, numbers in kinds.items():
            if all(len(number) == 1 for number in numbers.values()):
                kinds[kind] = {name: (place,) for place, name in enumerate(numbers, start=1)}
                changed.append(page)
    return changed


def complete(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Give the pictures of a page what a browser needs before it has them. The first is wanted at once, the others later."""
    if doctree is None:
        return
    sources = {name: Path(app.srcdir, path) for path, name in app.builder.images.items()}
    page = Path(app.outdir, pagename).parent
    seen: list[str] = []

    def filled(found: re.Match[str]) -> str:
        place = SOURCE.search(found[0])
        if not place or re.match(r"\w+:", place[1]):  # in the page itself, or elsewhere
            return found[0]
        seen.append(place[1])
        where = page / html.unescape(place[1])
        file = sources.get(where.name, where) if where.parent.name == "_images" else where
        return _filled(found[0], measured(file), at_once=len(seen) == 1)

    context["body"] = IMAGE.sub(filled, context["body"])


def _filled(image: str, picture: Picture, *, at_once: bool) -> str:
    """The element with its picture's size, and a second one for its dark form: a browser fetches the one that is shown."""
    image = image.rstrip(" />")
    if " height=" not in image:
        image += f' width="{picture.width}" height="{picture.height}"'
    if " loading=" not in image and not at_once:
        image += ' loading="lazy"'
    if not picture.two_forms:
        return f"{image}>"
    dark = SOURCE.sub(r"\g<0>#dark", image)
    both = f'{image} data-form="light">{dark} data-form="dark">'
    return f'<span class="drawn" style="--least: {picture.least}px">{both}</span>' if picture.least else both


@cache
def measured(file: Path) -> Picture:
    """Read what a page must know of a picture."""
    if file.suffix == ".svg":
        root = ElementTree.parse(file).getroot()
        width, height = (int(root.attrib[side]) for side in ("width", "height"))
        return Picture(width, height, root.get("id") == "dark", root.get("data-least", ""))
    from PIL import Image

    with Image.open(file) as picture:
        return Picture(*picture.size)
