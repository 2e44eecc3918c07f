"""What pages load: files that no page asks for are removed, small ones that belong together are joined.

On a phone's network a file costs some 170 ms of waiting before its first byte, however small it is, and a browser waits
for six at once: a dozen style sheets hold up the first text longer than what is in them.
"""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from myst_nb.sphinx_ext import add_global_html_resources
from sphinx.application import Sphinx
from sphinx.builders.html._assets import _CascadingStyleSheet, _JavaScript
from sphinx.environment import BuildEnvironment

from .. import explore

LAST = 900
"""Priority of the steps, by Sphinx's count: after those that copy files into the book, and that name those of a page."""

EXPLORERS = f"_static/{explore.FOLDER}/"

SHEETS = "_static/sheets.css"
"""All style sheets of Sphinx's, its extensions' and the book's own, and those of all explorers, in one."""

JOINED = re.compile(r"/\* joined: (.*) \*/\n")
"""The first line of a joined file: what it is made of."""

ALONE = 20_000
"""Bytes of an explorer's script from which on it stays a file of its own: the trained network, which two pages share."""

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

IMPORT = '@import "../basic.css";'
"""What the theme's smallest style sheet says."""

FIRST, OTHERS = f"{EXPLORERS}figure.css", "_static/live/"
"""The explorers' sheet before their others; those that pages with exercises add, and that stay their own."""

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
    app.connect("env-updated", copy_early)
    app.connect("html-page-context", join_files, priority=LAST)
    app.connect("html-page-context", name_parts, priority=LAST)
    app.connect("build-finished", prune, priority=LAST)


def load_parts(app: Sphinx, config: Any) -> None:
    """Have MathJax load the parts that are named, not all that it is."""
    config.mathjax_path = "mathjax/startup.js"


def name_parts(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Tell a page with formulas which parts of MathJax it will want: they ask for one another, four in a row."""
    asked = (os.fspath(one.filename or "") for one in context.get("script_files", []))
    if any(name.endswith(app.config.mathjax_path) for name in asked):
        loaded = app.config.mathjax3_config["loader"]["load"]
        context["formula_parts"] = ["core", *loaded, "output/chtml/fonts/tex"]


def copy_early(app: Sphinx, env: BuildEnvironment) -> None:
    """Copy the style sheet of MyST-NB, which comes after the pages by itself: they load the joined one that holds it."""
    if app.builder.format == "html":
        Path(app.outdir, "_static").mkdir(parents=True, exist_ok=True)
        add_global_html_resources(app, None)


def join_files(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Have a page load one style sheet in the place of many, and one script of its explorers."""
    if app.builder.format != "html":
        return
    out = Path(app.outdir)
    scripts = context.get("script_files", [])
    sheets = sorted(context.get("css_files", []), key=lambda one: one.priority)  # as Sphinx will write them
    here = [
        name
        for name in (os.fspath(one.filename) for one in sheets)
        if name.startswith("_static/") and not name.startswith((EXPLORERS, OTHERS))
    ]
    of_explorers = sorted(
        (f"{EXPLORERS}{path.name}" for path in explore.STATIC.glob("*.css")),
        key=lambda name: (name != FIRST, name),
    )
    names = [*here[:-1], *of_explorers, *here[-1:]]  # the book's own is the last: it may overrule all others
    if here and joined(out, SHEETS, names):
        last = max(one.priority for one in sheets)
        kept = [one for one in sheets if os.fspath(one.filename) not in names]
        context["css_files"] = [*kept, _CascadingStyleSheet(SHEETS, priority=last)]
    ours = [
        one
        for one in scripts
        if os.fspath(one.filename or "").startswith(EXPLORERS) and (out / one.filename).stat().st_size < ALONE
    ]
    to = f"{EXPLORERS}of-{Path(pagename).name}.js"
    if len(ours) > 1 and joined(out, to, [os.fspath(one.filename) for one in ours]):
        one = _JavaScript(to, priority=ours[-1].priority, **ours[-1].attributes)
        # in the place of the last: what is not joined is data, which comes before what asks for it
        kept = [one if script is ours[-1] else script for script in scripts]
        context["script_files"] = [script for script in kept if script not in ours]


def joined(out: Path, to: str, names: list[str]) -> bool:
    """Write files of a book into one, if all of them are there."""
    if not all((out / name).is_file() for name in names):
        return False
    texts = [(out / name).read_text(encoding="utf-8") for name in names]
    end = (
        ";\n" if to.endswith(".js") else "\n"
    )  # else a script that begins with a bracket would call the one before it
    text = f"/* joined: {' '.join(names)} */\n{end.join(texts)}"
    if not (out / to).is_file() or (out / to).read_text(encoding="utf-8") != text:
        (out / to).write_text(text, encoding="utf-8")
    return True


def join_again(out: Path) -> None:
    """Write joined files of pages that were built before from what they are made of now."""
    for path in (out / SHEETS, *(out / EXPLORERS).glob("of-*.js")):
        made_of = path.is_file() and JOINED.match(path.read_text(encoding="utf-8"))
        if made_of:
            joined(out, path.relative_to(out).as_posix(), made_of[1].split())


def prune(app: Sphinx, error: Exception | None) -> None:
    """Remove what no page asks for."""
    if error is None and app.builder.format == "html":
        join_again(Path(app.outdir))
        for path in unused(Path(app.outdir)):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        for sheet in Path(app.outdir, "_static", "styles").glob("*.css"):
            text = sheet.read_text(encoding="utf-8")
            kept = OF_ICONS.sub("", text)
            basic = Path(app.outdir, "_static", "basic.css")
            if (
                IMPORT in kept and basic.is_file()
            ):  # the browser learns of it one file later than of all others
                moved = basic.read_text(encoding="utf-8").replace("url(", "url(../")
                kept = kept.replace(IMPORT, moved)
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
