"""How far a run of grading is: how many are graded, how many wait, the verdicts so far, the time left."""

import time
from collections import Counter
from collections.abc import Callable

from ..reports.words import plural, verdict_words
from ..results import GRADED, Submission

EVERY = 10.0
"""Seconds between two lines where no terminal shows a bar."""


class Tally:
    """Counts results as they come; `clock` tells seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._began = self._told = clock()
        self.total = self.done = 0
        self._exercises: Counter[str] = Counter()
        self._files: Counter[str] = Counter()

    def begin(self, total: int) -> None:
        """The run begins, with so many submissions to grade."""
        self.total = total
        self._began = self._told = self._clock()

    def add(self, result: Submission) -> None:
        """One more is graded and recorded."""
        self.done += 1
        if result.verdict == GRADED:
            self._exercises.update(exercise.verdict for exercise in result.exercises)
        else:
            self._files[result.verdict] += 1

    def found(self) -> str:
        """What waits, and the verdicts so far: `3 waiting; exercises: 9 passed, 1 wrong answer; files: 1 ungradable file`."""
        parts = [f"{self.total - self.done} waiting"]
        for of, counts in (("exercises", self._exercises), ("files", self._files)):
            if counts:
                listed = (f"{count} {verdict_words(verdict)}" for verdict, count in counts.most_common())
                parts.append(f"{of}: {', '.join(listed)}")
        return "; ".join(parts)

    def line(self) -> str:
        """The whole state in a line: `5 of 8 graded, about 20 s left; 3 waiting; …`."""
        left = (self._clock() - self._began) / self.done * (self.total - self.done) if self.done else 0
        soon = f", about {_spoken(left)} left" if left else ""
        return f"{self.done} of {self.total} graded{soon}; {self.found()}"

    def due(self) -> bool:
        """Whether it is time for another line: some seconds after the last one, and there is more to come."""
        if self.done == self.total or self._clock() - self._told < EVERY:
            return False
        self._told = self._clock()
        return True


def _spoken(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else plural(round(minutes / 60), "hour")
