"""Releases, checks and grades the exercises of the course. In a notebook, `check` is all that is needed."""

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .checking.instant import Score

if sys.platform == "emscripten":  # before a learner's first cell uses NumPy
    import numpy

    from .inside.warned import watch

    watch(numpy)


def check(kernel: Any) -> "Score":
    """Check an exercise now: `check(correlate2d)`.

    Parameters
    ----------
    kernel : the function that you wrote, by the name the exercise gave it

    Returns
    -------
    Score: shown as a report in a notebook; its plain text is the points reached, a number.

    Raises
    ------
    ValueError
        If it is not an exercise of this course.
    """
    from .checking.instant import check_now  # late: a bare `import autograder` stays quick

    return check_now(kernel, sys._getframe(1).f_globals)


__all__ = ["check"]
