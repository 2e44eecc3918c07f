"""What the search finds: every section of the book by its own words, and the glossary's words where they are explained.

Sphinx's own index knows whole pages, not numbers, and shows formulas as LaTeX; `find.js` reads this one instead.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString, PageElement, PreformattedString
from sphinx.application import Sphinx

INDEX = "_static/sections.js"
"""The index, in the book's folder: a script, as a page opened from a file may read nothing else."""

INLINE = {"a", "abbr", "b", "code", "em", "i", "small", "span", "strong", "sub", "sup"}
"""Elements that end no word."""

NAMES = {"script", "style", "summary", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "button", "section"}
CLASSES = {"headerlink", "cell_input", "cnnr", "exercise-facts", "stars"}
"""What is not a section's words: code, reports, what is there to be pressed. Headings and printed lines are kept apart."""

SIGNS = {
    "times": "×", "cdot": "·", "to": "→", "infty": "∞", "approx": "≈", "le": "≤", "ge": "≥", "neq": "≠", "pm": "±",
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "varepsilon": "ε", "eta": "η", "theta": "θ",
    "lambda": "λ", "mu": "μ", "sigma": "σ", "partial": "∂", "nabla": "∇", "sum": "Σ", "ldots": "…", "dots": "…",
    "log": "log", "ln": "ln", "exp": "exp", "max": "max", "min": "min", "quad": " ", "top": "ᵀ", "in": "∈",
    "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "left": "", "right": "", "sqrt": "√", "odot": "⊙",
}  # fmt: skip
"""What stands for a command of LaTeX in a line of plain text."""


def setup(app: Sphinx) -> None:
    """Connect the steps; called by the book's extension."""
    app.connect("config-inited", add_page)
    app.connect("builder-inited", leave_out_the_other)
    app.connect("build-finished", write_index)


def add_page(app: Sphinx, config: Any) -> None:
    """Have the page of the search written; its template loads `find.js`."""
    config.html_additional_pages = {**config.html_additional_pages, "search": "search.html"}


def leave_out_the_other(app: Sphinx) -> None:
    """Have Sphinx make no index of its own."""
    if app.builder.format == "html":
        app.builder.search = False  # type: ignore[attr-defined]


def write_index(app: Sphinx, error: Exception | None) -> None:
    """Read the pages as they were written, and write the index of their sections."""
    if error is None and app.builder.format == "html":
        names = sorted(app.env.found_docs)
        book = index({f"{name}.html": Path(app.outdir, f"{name}.html") for name in names})
        text = json.dumps(book, ensure_ascii=False, separators=(",", ":"))
        Path(app.outdir, INDEX).write_text(f"const SECTIONS = {text}\n", encoding="utf-8")


def index(pages: dict[str, Path]) -> list[dict[str, str]]:
    """The sections of the pages, by their addresses in the book: where each is, its headings, its words.

    A word of the glossary is listed with its meaning, once for each section to which the glossary sends its reader.
    """
    found: list[dict[str, str]] = []
    heads: dict[str, tuple[str, str]] = {}
    words: list[Tag] = []
    for address, path in pages.items():
        html = path.read_text(encoding="utf-8")
        article = html[html.find("<article") : html.rfind("</article>")]
        for section in BeautifulSoup(article, "html.parser").select("section[id]"):
            place = f"{address}#{section['id']}"
            heads[place] = heading(section), _above(section)
            if section["id"] == "glossary":
                words += section.select("dl")
                continue
            found.append({"at": place, "head": heads[place][0], "in": heads[place][1], "text": text(section)})
    for term in (one for entries in words for one in entries.select("dt")):
        meaning = term.find_next_sibling("dd")
        if not isinstance(meaning, Tag):
            continue
        links = [link.extract()["href"] for link in meaning.select("a.internal[href*='#']")]
        told = re.sub(r"(?:[\s,.]|\(\s*\))*$", "", text(meaning)) + "."
        for place in (f"chapters/{link}" for link in links):
            if place in heads:
                head, above = heads[place]
                found.append({"at": place, "head": head, "in": above, "term": text(term), "text": told})
    return found


def heading(section: Tag) -> str:
    """A section's heading, with its number, without its stars."""
    top = section.find(["h1", "h2", "h3", "h4"], recursive=False)
    return _joined(_words(top)) if isinstance(top, Tag) else ""


def _above(section: Tag) -> str:
    """The headings of the sections in which it stands, from the page's own."""
    above = [heading(one) for one in section.find_parents("section", id=True)]
    return " › ".join(reversed(above))


def text(section: Tag) -> str:
    """A section's own words, without those of the sections in it; lines that its code prints come last."""
    printed = [
        one.get_text(" ")
        for one in section.select(".cell_output pre")
        if one.find_parent("section") in (section, None) and not one.find_parent(class_="cnnr")
    ]
    return _joined([*_words(section), " ", *printed])


def _joined(parts: Any) -> str:
    return " ".join("".join(parts).split())


def _words(element: Tag) -> Iterator[str]:
    for part in element.children:
        yield from _of(part)


def _of(part: PageElement) -> Iterator[str]:
    if isinstance(part, PreformattedString):  # comments and their like
        return
    if isinstance(part, NavigableString):
        yield str(part)
    elif isinstance(part, Tag) and part.name not in NAMES and not part.name.startswith("live-"):
        classes = set(part.get_attribute_list("class"))
        if "math" in classes:
            yield f" {plain(part.get_text())} " if part.name == "div" else plain(part.get_text())
        elif not classes & CLASSES:
            between = "" if part.name in INLINE else " "
            yield between
            yield from _words(part)
            yield between


def plain(formula: str) -> str:
    r"""A formula of LaTeX as a line can show it, as "W - F" or "50 · 30"; "…" where it cannot, as for a matrix."""
    line = re.sub(r"\\[()\[\]]|\\begin\{equation\}|\\end\{equation\}", "", formula)
    line = re.sub(r"\\(?:text|mathrm|mathbf|operatorname)\{([^{}]*)\}", r"\1", line)
    line = re.sub(r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}", r"(\1) / (\2)", line)
    line = re.sub(r"\(([\w.]+)\)(?= /)|(?<=/ )\(([\w.]+)\)", r"\1\2", line)
    line = re.sub(r"\\([,;:! ])", " ", line).replace(r"\%", "%").replace(r"\{", "(").replace(r"\}", ")")
    line = re.sub(r"\\([a-zA-Z]+)", lambda found: SIGNS.get(found[1], "\\"), line)
    line = re.sub(r"([_^])\{([^{}]*)\}", r"\1\2", line)
    return "…" if re.search(r"[\\{}&]", line) else " ".join(line.split())
