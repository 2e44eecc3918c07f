"""Stands where the grader stands on a learner's machine, so that a notebook that calls `check` runs while it is graded."""

from typing import Any


def check(kernel: Any) -> None:
    """Do nothing: the verdict is made elsewhere, on fresh inputs."""
