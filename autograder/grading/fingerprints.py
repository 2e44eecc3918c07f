"""What compare50 finds in the code of a class, as JSON. Run by the Python of compare50's own environment, never imported.

A folder holds `given/*.py`, what was handed out, and `0/*.py`, `1/*.py`, …, what each of a class wrote. compare50 splits
these texts into tokens with Pygments, takes blanks, comments, names and values away, and keeps some runs of 25 tokens as
numbers: fingerprints (winnowing, https://theory.stanford.edu/~aiken/publications/papers/sigmod03.pdf). Nothing is run.
"""

import functools
import json
import math
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import compare50
from compare50 import Submission, _api, passes
from compare50.comparators._winnowing import ScoreIndex

SECONDS = 2.0
"""Of processor time, for the tokens of one text. An honest one takes some milliseconds, a hostile one could take hours."""


class TooSlow(Exception):
    """A text was not split into tokens in time."""


def tokens_of_structure(tokens: Any) -> Any:
    """What compare50's pass `structure` leaves of tokens."""
    return functools.reduce(lambda left, step: step(left), passes.structure.preprocessors, tokens)


def submission(folder: Path, names: list[str]) -> Any:
    return Submission(folder, names, preprocessor=tokens_of_structure)


def fingerprints(file: Any) -> set[int]:
    """Of one file, as compare50 takes them for its score.

    Raises
    ------
    TooSlow
        If its text is of the kind that makes Pygments slow.
    """
    index = ScoreIndex(passes.structure.comparator.k, passes.structure.comparator.t)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        return {number for number, _ in index.fingerprint(file)}
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def read(folders: list[Path]) -> Iterator[tuple[Path, dict[str, list[int]], list[str]]]:
    """Each folder with the fingerprints of its files, by name, and the names of those that could not be read in time."""
    for folder in folders:
        found, slow = {}, []
        for file in submission(folder, sorted(path.name for path in folder.glob("*.py"))).files:
            name = Path(file.name).stem
            # too slow, or a text on which a lexer stumbles: the others are compared all the same
            try:
                found[name] = sorted(fingerprints(file))
            except Exception:
                slow.append(name)
        yield folder, found, slow


def main(place: Path) -> None:
    """Print what is in there: the fingerprints of each file without those of what was given, and the ranking of pairs."""

    def stop(number: int, frame: Any) -> None:
        raise TooSlow

    signal.signal(signal.SIGVTALRM, stop)
    _api.Executor = _api.FauxExecutor  # as its option --debug does: one process, which ends with this one
    ((_, given, _),) = read([place / "given"])
    known = {number for numbers in given.values() for number in numbers}
    numbered = sorted(
        (path for path in place.iterdir() if path.name.isdecimal()), key=lambda path: int(path.name)
    )
    everybody = {}
    submissions, numbers = [], {}
    for folder, found, slow in read(numbered):
        left = {name: sorted(set(prints) - known) for name, prints in found.items()}
        everybody[folder.name] = {"fingerprints": left, "slow": slow}
        one = submission(folder, [f"{name}.py" for name in found])
        submissions.append(one)
        numbers[one.id] = int(folder.name)
    ignored = set(submission(place / "given", [f"{name}.py" for name in given]).files)
    every = math.comb(
        len(submissions), 2
    )  # its score grows with length: the first of the list need not be the most alike
    scores = compare50.rank(submissions, [], ignored, passes.structure, n=every)
    ranking = [[numbers[one.sub_a.id], numbers[one.sub_b.id], float(one.score)] for one in scores]
    print(json.dumps({"everybody": everybody, "ranking": ranking}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
