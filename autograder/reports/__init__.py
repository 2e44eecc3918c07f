"""Results for people: in a terminal, in a notebook, as a learner's feedback page, as an instructor's class report."""

from .feedback import submission_page
from .fragment import exercise_html
from .overview import class_page, class_table
from .term import Part, learner_page, learners, term_page
from .text import exercise_text
from .words import as_written

__all__ = [
    "Part",
    "as_written",
    "class_page",
    "class_table",
    "exercise_html",
    "exercise_text",
    "learner_page",
    "learners",
    "submission_page",
    "term_page",
]
