"""What of the book's files no page asks for: it is removed when the book has been built."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

LAST = 900
"""Priority of the step, by Sphinx's count: after those that copy files into the book."""

MATHJAX = (
    "startup.js",
    "core.js",
    "input/tex.js",
    "input/tex/extensions",
    "output/chtml.js",
    "output/chtml/fonts",
    "a11y/assistive-mml.js",
)
"""What stays of MathJax: the parts that `mathjax3_config` of _config.yml loads, those that a formula may ask for, fonts."""

OF_ICONS = re.compile(
    r"@font-face\{[^}]*Font Awesome[^}]*\}|(?:\.fa-[\w-]+:before,?)+\{content:[^}]*\}|/\*# sourceMappingURL=[^*]*\*/"
)
"""What the theme's style sheet says of the font of icons, and of each of its two thousand signs; a map that is gone."""

UNUSED = (
    "_static/scripts/fontawesome.js",  # half a megabyte on the wire; the stylesheet draws the dozen icons of the theme
    "_static/scripts/fontawesome.js.LICENSE.txt",
    "_static/vendor",
    "_static/locales",
    "_static/images",  # other services' logos
    "_static/sphinx-thebe.js",
    "_static/sphinx-thebe.css",
    "_static/webpack-macros.html",
    "_static/sbt-webpack-macros.html",
    "_static/searchtools.js",  # Sphinx's search; the book has its own
    "_static/language_data.js",
    "_static/sphinx_highlight.js",
    "searchindex.js",
)


def setup(app: Sphinx) -> None:
    """Connect the steps; called by the book's extension."""
    app.connect("config-inited", load_parts, priority=LAST)
    app.connect("build-finished", prune, priority=LAST)


def load_parts(app: Sphinx, config: Any) -> None:
    """Have MathJax load the parts that are named, not all that it is."""
    config.mathjax_path = "mathjax/startup.js"


def prune(app: Sphinx, error: Exception | None) -> None:
    """Remove what no page asks for."""
    if error is None and app.builder.format == "html":
        for path in unused(Path(app.outdir)):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        for sheet in Path(app.outdir, "_static", "styles").glob("*.css"):
            text = sheet.read_text(encoding="utf-8")
            kept = OF_ICONS.sub("", text)
            if kept != text:
                sheet.write_text(kept, encoding="utf-8")


def unused(book: Path) -> Iterator[Path]:
    """Files and folders of a built book that no page asks for."""
    yield from (path for path in map(book.joinpath, UNUSED) if path.exists())
    static = book / "_static"
    yield from (path for folder in ("scripts", "styles") for path in (static / folder).glob("*.map"))
    formulas = static / "mathjax"
    kept = [formulas / name for name in MATHJAX]
    for path in list(formulas.rglob("*")):
        if path.is_file() and not any(path == one or one in path.parents for one in kept):
            yield path
