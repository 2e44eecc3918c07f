"""Written questions in the page: a field for the reader's answer, and a model answer to compare it with afterwards.

Model answers stand in one file beside the reference solutions, or in the file of a chapter's mistakes; no notebook and no
kit holds these. They are in a book's pages unless `_config.yml` says `model_answers: false`, as it should where a class is
graded on these questions.
"""

import functools
import html
import re
from typing import Any

import nbformat
from docutils import nodes
from markdown_it import MarkdownIt
from sphinx.application import Sphinx

from ..chapters import ROOT, chapters
from ..publishing.authoring import answers_in

MODELS = ROOT / "solutions" / "answers.md"


class Field(nodes.General, nodes.Element):
    """The element on the page. No raw HTML: Sphinx would put the model answer's words into the search index."""


def setup(app: Sphinx) -> None:
    """Connect the steps; called by the live page's part of the extension."""
    app.add_config_value("model_answers", True, "html", bool)
    app.add_node(Field, html=(_write, None))
    app.connect("doctree-read", _depend)


def _write(translator: Any, field: Field) -> None:
    translator.body.append(_element(field["question"], field["model"]))
    raise nodes.SkipNode


def _depend(app: Sphinx, doctree: nodes.document) -> None:
    """Have Sphinx write a page again when model answers have changed."""
    own = [one.mistakes for one in chapters() if one.page.stem == app.env.docname.rpartition("/")[2]]
    for path in [MODELS, *own]:
        if path.exists():
            app.env.note_dependency(str(path))


@functools.cache
def model_answers() -> dict[str, str]:
    """Each model answer, in Markdown, by the grade_id of its question: those of one file, and those of chapters' own."""
    own = [one.mistakes for one in chapters()]
    return {name: answer.text for name, answer in answers_in(MODELS, own).items()}


def put_fields(doctree: nodes.document, notebook: nbformat.NotebookNode, with_models: bool) -> None:
    """Put an element for the answer at the end of each question, whose section is known by its heading."""
    headings = {}
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        heading = re.search(r"^#+ (.+)$", cell.source, re.MULTILINE)
        if name.startswith("question-") and heading:
            headings[re.sub(r"\W+", "", heading[1])] = name.removeprefix("question-")
    for section in doctree.findall(nodes.section):
        name = headings.get(re.sub(r"\W+", "", section[0].astext()), "")
        if name:
            model = model_answers().get(name, "") if with_models else ""
            section += Field(question=name, model=model)


def _element(name: str, model: str) -> str:
    inside = f"<template>{MarkdownIt().render(model)}</template>" if model else ""
    return f'<live-answer data-question="{html.escape(name)}">{inside}</live-answer>'
