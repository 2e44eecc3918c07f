"""`python -m autograder …` is `autograder …`."""

from .cli import app

app()
