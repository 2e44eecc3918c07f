"""`python -m autograder …` and `autograder …`: the whole command line in the project, `check` alone in a learner's kit."""

import io
import sys
from collections.abc import Sequence
from pathlib import Path

from .chapters import ROOT

USAGE = """\
usage: autograder check my-notebook.ipynb

Checks the exercises of a notebook as check() does inside it, on this machine; the
file of recorded answers (*.checks) lies beside the notebook. To release, grade,
report and verify, you need the whole course: clone it and run `make setup` there."""


def main() -> None:
    """Run what the command line says, and end with its exit code."""
    if not (ROOT / "_toc.yml").is_file():
        sys.exit(kit(sys.argv[1:]))
    try:
        from .cli import app
    except ModuleNotFoundError as missing:
        sys.exit(
            f"{missing.name} is not installed; run `make setup` in {ROOT}, or there: "
            f"{sys.executable} -m pip install -c constraints.txt -e '.[teach,write]'"
        )
    app()


def kit(words: Sequence[str]) -> int:
    """The command line of a learner's kit; returns the exit code, as in `cli`."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # Windows has no ✓ in the encoding of its pipes and files
    if not words or words[0] in ("-h", "--help"):
        print(USAGE)
        return 0 if words else 2
    command, *given = words
    if command != "check":
        print(f"autograder {command} is not in the learner's kit\n\n{USAGE}", file=sys.stderr)
        return 2
    if (
        not given or len(given) > 2 or not given[-1].endswith(".ipynb")
    ):  # the project's takes a chapter before it
        print(f"which notebook?\n\n{USAGE}", file=sys.stderr)
        return 2
    from .checking.alone import CannotCheck, check_notebook  # late: --help needs no NumPy
    from .reports import exercise_text

    try:
        exercises = check_notebook(Path(given[-1]))
    except CannotCheck as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for exercise in exercises:
        print(exercise_text(exercise), end="\n\n")
    score, points = sum(one.score for one in exercises), sum(one.points for one in exercises)
    print(f"{score:g} of {points:g} points")
    return int(any(one.score < one.points for one in exercises))


if __name__ == "__main__":
    main()
