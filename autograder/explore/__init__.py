"""Explorers: pictures of the book that move. Each takes a figure's place where scripts run, and leaves it everywhere else.

An explorer is an ES module in `static/`, with a custom element in it. A browser loads no module from a file, so the
build turns each into a classic script, which it can do without Node.js: the modules use two forms only, see `classic`.
"""

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from .data import GENERATED

log = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"

FOLDER = "explore"
"""Where in the book's `_static` the scripts stand."""

_IMPORT = re.compile(r'^import \{ (?P<names>\w+(?:, \w+)*) \} from "\./(?P<module>\w+)\.js"$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:const|function|class) (?P<name>\w+))", re.MULTILINE)
_REMARK = re.compile(r"^[ \t]*(?:/\*.*?\*/|//[^\n]*)[ \t]*\n|^[ \t]+", re.MULTILINE | re.DOTALL)
_PLAIN = re.compile(r"^[^'`/\n]+$", re.MULTILINE)
_SPACE = re.compile(r'("(?:[^"\\]|\\.)*")| ?(=>|[=,{}()?:*<>|&]+) ?')
"""Comments on lines of their own, indents, and spaces outside of texts: a third of what readers would load."""


@functools.cache
def module(name: str) -> str:
    """Source of an ES module: a file of `static/`, or one that the build makes of the course's own data.

    Raises
    ------
    ExtensionError
        If there is no such module.
    """
    if name in GENERATED:
        return GENERATED[name]()
    path = STATIC / f"{name}.js"
    if not path.exists():
        known = ", ".join(sorted(path.stem for path in STATIC.glob("*.js")))
        raise ExtensionError(f"no explorer {name!r}; there are: {known}")
    return path.read_text(encoding="utf-8")


def needed(name: str) -> list[str]:
    """The modules that one needs, those first that others need, itself the last."""
    found: list[str] = []
    for match in _IMPORT.finditer(module(name)):
        found += [one for one in needed(match["module"]) if one not in found]
    return [*found, name]


def classic(name: str) -> str:
    """An ES module as a classic script, which hands its exports on in the object `explore`.

    Raises
    ------
    ExtensionError
        If it uses another form than `import { a, b } from "./module.js"`, `export const`, `export function` and
        `export class`, each at the beginning of a line.
    """
    source = module(name)
    exported = ", ".join(match["name"] for match in _EXPORT.finditer(source))
    body = _EXPORT.sub("", _IMPORT.sub(r"const { \g<names> } = explore.\g<module>", source))
    body = _PLAIN.sub(lambda line: _SPACE.sub(r"\1\2", line[0]), _REMARK.sub("", body))
    other = re.search(r"^(?:import|export)\b.*|^[^`\n]*`(?:[^`\n]*`[^`\n]*`)*[^`\n]*$", body, re.MULTILINE)
    if other:
        raise ExtensionError(f"{name}.js: this form is not turned into a classic script: {other[0]}")
    return (
        f'(explore => {{\n"use strict"\n{body}\nexplore.{name} = {{ {exported} }}\n'
        "})(globalThis.explore ??= {})\n"
    )


def style(name: str) -> str:
    """The style sheet that belongs to a module, as readers load it; nothing if there is none."""
    path = STATIC / f"{name}.css"
    source = _REMARK.sub("", path.read_text(encoding="utf-8")) if path.exists() else ""
    return re.sub(r"\s*([{};,]|:(?= ))\s*", r"\1", source)


class explorer(nodes.General, nodes.Element):
    """The element of an explorer; its children are what readers without scripts see."""


class Directive(SphinxDirective):
    """`:::{explorer} name`: the explorer that takes the place of the figure `:figure:`, and what to do with it."""

    required_arguments = 1
    has_content = True
    option_spec = {  # noqa: RUF012
        "figure": directives.unchanged_required,
        "label": directives.unchanged_required,
        "set": directives.unchanged,
        "beside": directives.flag,
    }

    def run(self) -> list[nodes.Node]:
        for wanted in ("figure", "label"):
            if wanted not in self.options:
                raise self.error(f"an explorer needs :{wanted}:")
        words = dict(word.split("=", 1) for word in self.options.get("set", "").split())
        if "beside" in self.options:
            words["beside"] = ""
        name = self.arguments[0]
        module(name)
        node = explorer(
            explorer=name, figure=self.options["figure"], label=self.options["label"], words=words
        )
        self.set_source_info(node)
        how = nodes.container(classes=["explore-how"])
        self.state.nested_parse(self.content, self.content_offset, how)
        if how.children:
            node += how
        return [node]


def take_figures(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Move the figure of each explorer into it; where there are no scripts, nothing of an explorer is left."""
    for node in list(doctree.findall(explorer)):
        if app.builder.format != "html":
            node.parent.remove(node)
            continue
        found = next((one for one in doctree.findall(nodes.figure) if node["figure"] in one["ids"]), None)
        if found is None:
            log.warning("no figure %r on this page for the explorer", node["figure"], location=node)
            continue
        around = found.parent
        around.remove(found)
        cell, beside = around.parent, node.parent
        if not around.children:  # the figure was all that its cell put out
            cell.remove(around)
        if cell.parent is beside and beside.index(cell) + 1 == beside.index(node):
            beside.remove(node)  # printed lines and code stand below the figure, as everywhere
            beside.insert(beside.index(cell), node)
        node.insert(0, found)


def _visit(self: Any, node: explorer) -> None:
    words = {f"data-{name}": value for name, value in node["words"].items()}
    self.body.append(
        self.starttag(
            node,
            f"explore-{node['explorer']}",
            CLASS="explore",
            role="group",
            **{"aria-label": node["label"]},
            **words,
        )
    )


def _depart(self: Any, node: explorer) -> None:
    self.body.append(f"</explore-{node['explorer']}>\n")


PLACED = re.compile(r"^:::\{explorer\} (\S+)", re.MULTILINE)


def write_scripts(app: Sphinx, env: Any, docnames: list[str]) -> None:
    """Put the scripts of the pages' explorers into the book, if it is one of HTML."""
    if app.builder.format != "html":
        return
    texts = [Path(env.doc2path(one)).read_text(encoding="utf-8") for one in env.found_docs]
    used = {name for text in texts for name in PLACED.findall(text)}
    wanted = {script for name in used for script in needed(name)}
    out = Path(app.outdir, "_static", FOLDER)
    out.mkdir(parents=True, exist_ok=True)
    for name in filter(wanted.__contains__, names()):
        (out / f"{name}.js").write_text(classic(name), encoding="utf-8")
    for path in STATIC.glob("*.css"):
        (out / path.name).write_text(style(path.stem), encoding="utf-8")


def names() -> Iterator[str]:
    """All modules, those that the build makes too."""
    yield from GENERATED
    yield from sorted(path.stem for path in STATIC.glob("*.js"))


def load_scripts(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Let a page load the scripts of its own explorers, after it was read, and no other page any."""
    here = list(doctree.findall(explorer)) if doctree else []
    scripts = dict.fromkeys(script for node in here for script in needed(node["explorer"]))
    for script in scripts:
        app.add_js_file(f"{FOLDER}/{script}.js", loading_method="defer")
        if (STATIC / f"{script}.css").exists():
            app.add_css_file(f"{FOLDER}/{script}.css")


def setup(app: Sphinx) -> None:
    """Connect the steps; called by the book's extension."""
    app.add_directive("explorer", Directive)
    app.add_node(explorer, html=(_visit, _depart))
    app.connect("env-before-read-docs", write_scripts)
    app.connect("doctree-resolved", take_figures)
    app.connect("html-page-context", load_scripts, priority=400)  # before the list of scripts is replaced
