"""Written questions in the page: a field for the reader's answer, and a model answer to compare it with afterwards.

Model answers stand in one file beside the reference solutions, which no notebook and no kit holds. They are in a book's
pages unless `_config.yml` says `model_answers: false`, as it should where a class is graded on these questions.
"""

import functools
import html
import re

import nbformat
from docutils import nodes
from markdown_it import MarkdownIt

from ..chapters import ROOT

MODELS = ROOT / "solutions" / "answers.md"


@functools.cache
def model_answers() -> dict[str, str]:
    """Each model answer, in Markdown, by the grade_id of its question."""
    parts = (
        re.split(r"^## (\S+)$", MODELS.read_text(encoding="utf-8"), flags=re.MULTILINE)
        if MODELS.exists()
        else [""]
    )
    return {name: text.strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)}


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
            section += nodes.raw("", _element(name, model), format="html")


def _element(name: str, model: str) -> str:
    inside = f"<template>{MarkdownIt().render(model)}</template>" if model else ""
    return f'<live-answer data-question="{html.escape(name)}">{inside}</live-answer>'
