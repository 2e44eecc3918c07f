"""How a learner stands in nbgrader's gradebook: what the checks gave, what a person gave, what lateness took."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Mark:
    """A cell's entry in the gradebook.

    name : its grade_id; points : the most it gives; score : what counts, extra credit included
    auto, manual, extra : what the checks gave, what a person gave, and extra credit; None where there is none
    waits : whether nobody has given points to what a person has to read
    """

    name: str
    points: float
    score: float
    auto: float | None = None
    manual: float | None = None
    extra: float | None = None
    waits: bool = False

    @property
    def kernel(self) -> str:
        """The kernel whose check this is; empty for a written question."""
        return self.name.removeprefix("check-") if self.name.startswith("check-") else ""


@dataclass(frozen=True)
class Standing:
    """All of a learner's entries for one chapter, and the one true total.

    comments : what a person wrote, by grade_id; penalty : points that lateness takes off
    late : seconds after the date it was due, extension included; handed_in : when, in UTC
    """

    student: str
    marks: tuple[Mark, ...] = ()
    penalty: float = 0.0
    late: float = 0.0
    handed_in: datetime | None = None
    comments: tuple[tuple[str, str], ...] = ()

    @property
    def raw(self) -> float:
        """Points before lateness takes any off."""
        return sum(mark.score for mark in self.marks)

    @property
    def total(self) -> float:
        """The points that count, as nbgrader's own export states them."""
        return max(0.0, self.raw - self.penalty)

    @property
    def points(self) -> float:
        return sum(mark.points for mark in self.marks)

    @property
    def waiting(self) -> tuple[Mark, ...]:
        """What a person has still to read."""
        return tuple(mark for mark in self.marks if mark.waits)

    @property
    def questions(self) -> tuple[Mark, ...]:
        """The written questions."""
        return tuple(mark for mark in self.marks if not mark.kernel)

    def of(self, kernel: str) -> Mark | None:
        """The entry of a kernel's check."""
        return next((mark for mark in self.marks if mark.kernel == kernel), None)

    def to_json(self) -> dict[str, Any]:
        """Plain data: what a script would ask for."""
        return {
            "total": self.total,
            "of": self.points,
            "late_penalty": self.penalty,
            "seconds_late": self.late,
            "handed_in": self.handed_in.isoformat() if self.handed_in else None,
            "waiting": [mark.name for mark in self.waiting],
            "cells": {
                mark.name: {
                    "score": mark.score,
                    "of": mark.points,
                    "by_hand": mark.manual,
                    "extra": mark.extra,
                }
                for mark in self.marks
            },
        }


def spoken(seconds: float) -> str:
    """A time for people: "2 days 3 h", "5 min"."""
    minutes = max(1, round(seconds / 60))
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{days} day{'s' if days > 1 else ''}" if days else "", f"{hours} h" if hours else ""]
    parts.append(f"{minutes} min" if minutes and not days else "")
    return " ".join(filter(None, parts)) or "1 min"
