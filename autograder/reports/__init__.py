"""Results for people: in a terminal, in a notebook, as a learner's feedback page, as an instructor's class report."""

from .feedback import submission_page
from .fragment import exercise_html
from .overview import class_page, class_table
from .text import exercise_text
from .words import as_written

__all__ = ["as_written", "class_page", "class_table", "exercise_html", "exercise_text", "submission_page"]
