"""One shape for each kind of box: exercises, predictions, hints, recall, what is said elsewhere, and folded code.

Authors write plain admonitions and headings, which a notebook shows too; what kind each is, its words say.
"""

import html
import re
from typing import Any

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.application import Sphinx

KINDS = (
    (re.compile(r"Predict\b"), "predict"),
    (re.compile(r"Answer\b"), "answer"),
    (re.compile(r"(Hint|If you are stuck)\b"), "hint"),
    (re.compile(r"You may read elsewhere\b"), "elsewhere"),
    (re.compile(r"\d+\. "), "recall"),
)
"""Beginnings of a box's title, and the class that the box gets."""

EXERCISE = re.compile(r"Exercise: (?P<name>\w+)(?P<more>.*?) ?(?P<stars>★+)$")
MINUTES = re.compile(r"^(About \d+ minutes)\.\s+")
POINTS = re.compile(r"\s*\((\d+ points?)\)\.?$")

CODE = {
    "figure": ("Code for this figure", "Hide the code"),
    "text": ("Code for these lines", "Hide the code"),
    "": ("Code that prepares this", "Hide the code"),
}
"""What stands on the fold over hidden code, by what the code shows."""

PASSING = "What a right answer gets"
"""On the fold over the report of the reference's own check."""


def setup(app: Sphinx) -> None:
    """Connect the steps; called by the book's extension."""
    app.add_node(HideCodeCellNode, override=True, html=(open_fold, close_fold))
    app.connect("doctree-read", name_kinds)
    app.connect("doctree-resolved", shape)


def open_fold(translator: Any, node: HideCodeCellNode) -> None:
    """A fold whose label is its text: a label of its own would hide from screen readers what is folded."""
    classes = " ".join(["hide", *node["classes"]])
    translator.body.append(
        f'<details class="{classes}">\n<summary><span class="collapsed">{html.escape(node["prompt_show"])}</span>'
        f'<span class="expanded">{html.escape(node["prompt_hide"])}</span></summary>\n'
    )


def close_fold(translator: Any, node: HideCodeCellNode) -> None:
    """The fold's end."""
    translator.body.append("</details>\n")


def name_kinds(app: Sphinx, doctree: nodes.document) -> None:
    """Give each box and each exercise the class of its kind."""
    for box in doctree.findall(nodes.Admonition):
        title = box.children[0].astext().strip() if box.children else ""
        box["classes"] += [kind for beginning, kind in KINDS if beginning.match(title)][:1]
    for section in doctree.findall(nodes.section):
        if EXERCISE.match(section.children[0].astext()):
            section["classes"].append("exercise")


def shape(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the parts of exercises and of cells into the order in which they are read."""
    if app.builder.format != "html":
        return
    for section in doctree.findall(nodes.section):
        if "exercise" in section["classes"]:
            _lay_out_exercise(section)
    for head in doctree.findall(nodes.thead):
        for entry in head.findall(nodes.entry):
            if not entry.astext().strip():  # a screen reader says something of every column
                entry.children = [nodes.raw("", '<span class="unseen">row</span>', format="html")]
    for cell in list(doctree.findall(nodes.container)):
        if cell.get("nb_element") == "cell_code":
            _lay_out_cell(cell)


def _lay_out_exercise(section: nodes.section) -> None:
    """Set name and stars apart in the heading, and points and minutes below it."""
    title, text = section.children[0], section.children[1]
    found = EXERCISE.match(title.astext())
    if not found or not isinstance(title, nodes.title) or not isinstance(text, nodes.paragraph):
        return
    stars = len(found["stars"])
    title.children = []
    title += nodes.raw(
        "",
        f'<span class="exercise-word">Exercise<span class="unseen">: </span></span><code>{found["name"]}</code>{html.escape(found["more"])} '
        f'<span class="stars" role="img" aria-label="{stars} star{"s" * (stars > 1)}">{found["stars"]}</span>',
        format="html",
    )
    facts = [_take(text, 0, MINUTES), _take(text, -1, POINTS)]
    said = " ".join(
        f"<span>{html.escape(fact[0].lower() + fact[1:])}</span>" for fact in reversed(facts) if fact
    )
    if said:
        section.insert(1, nodes.raw("", f'<p class="exercise-facts">{said}</p>', format="html"))


def _take(text: nodes.paragraph, place: int, pattern: re.Pattern[str]) -> str:
    """Take out of the paragraph's first or last words what the pattern finds there; "" if it finds nothing."""
    if not text.children or not isinstance(text.children[place], nodes.Text):
        return ""
    words = str(text.children[place])
    found = pattern.search(words)
    if not found:
        return ""
    text.replace(text.children[place], nodes.Text(pattern.sub("", words)))
    return found[1]


def _lay_out_cell(cell: nodes.container) -> None:
    """Put folded code below what it shows, with words that say so, and the reference's report under a fold."""
    fold = cell.children[0] if cell.children else None
    output = cell.children[-1] if len(cell.children) > 1 else None
    shows = output is not None and output.get("nb_element") == "cell_code_output"
    if isinstance(fold, HideCodeCellNode) and "above-input" in fold["classes"]:
        kind = "" if not shows or output is None else "figure" if any(output.findall(nodes.image)) else "text"
        if shows or len(cell.children) == 1:
            fold["prompt_show"], fold["prompt_hide"] = CODE[kind]
            fold["classes"] = ["code-fold", "above-input"]
        if shows:
            cell.remove(fold)
            cell.append(fold)
    elif "tag_check" in cell["classes"] and shows and output is not None:
        folded = HideCodeCellNode(prompt_show=PASSING, prompt_hide=PASSING, classes=["passing"])
        cell.replace(output, folded)
        folded.append(output)
