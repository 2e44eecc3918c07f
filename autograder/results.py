"""What grading finds, as plain records: one exercise, one submission. Reports, gradebook and cache all read these."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from .inside.functions import Known, Seeded

PASSED = "passed"
WRONG = "wrong answer"
TOO_SLOW = "right but slow"
RAISED = "raised"
NOT_WRITTEN = "not written"
TIME_LIMIT = "time limit"
MEMORY_LIMIT = "memory limit"
OUTPUT_LIMIT = "output limit"
CRASHED = "crashed"
UNGRADABLE = "ungradable file"
FAULT = "grader fault"
GRADED = "graded"

SIDE_EFFECTS = "leaves_inputs_alone"
"""Name of the check that is failed by changing an input, or a result handed out earlier. It stands for no test: it is
added where that was seen, so that it costs one check, and no other check looks at it."""

UNSTABLE = "answers_alike"
"""Name of the check that is failed, likewise, by two different answers to the same call."""


@dataclass(frozen=True)
class Panel:
    """One value to show: its title, and what is known of it."""

    title: str
    kind: str
    shape: tuple[int, ...] | None = None
    dtype: str = ""
    values: Any = None
    """Nested lists of numbers for a small array (an empty one if it holds no value, whatever its shape), a number or a
    text for a scalar, None for what is too large."""

    @classmethod
    def of(cls, title: str, value: Any) -> "Panel":
        """Describe a plain value (see `inside.calling.plain`)."""
        if isinstance(value, np.ndarray):
            with np.errstate(over="ignore"):
                numbers = (
                    value.astype(float) if value.dtype.itemsize > 8 else value
                )  # JSON has no long double
            small = None if value.size > 300 else numbers.tolist() if value.size else []
            return cls(title, "array", value.shape, str(value.dtype), small)
        if isinstance(value, tuple | list | dict):
            return cls(title, type(value).__name__, values=repr(value)[:300])
        if isinstance(value, Known):
            return cls(title, "function", values=value.formula)
        if isinstance(value, Seeded):
            return cls(title, "generator", values=value.formula)
        if isinstance(value, bool | int | float | str) or value is None:
            return cls(
                title, type(value).__name__, values=value if not isinstance(value, float) else float(value)
            )
        return cls(title, "object", values=str(getattr(value, "type_name", type(value).__name__)))

    @classmethod
    def each(cls, title: str, value: Any) -> tuple["Panel", ...]:
        """A panel for each entry of a dict, titled as one writes it in Python; one panel for any other value."""
        if isinstance(value, dict):
            return tuple(cls.of(f'{title}["{key}"]', item) for key, item in value.items())
        return (cls.of(title, value),)


@dataclass(frozen=True)
class Failure:
    """The first thing that went wrong in a check.

    check : name of the check; call : the call as text, `relu(x)`; reason : one word for the kind of difference
    message : a sentence for the learner; index : where the values differ first
    inputs : the arguments of the call; expected, got : what should have come back and what did
    size : how many numbers the inputs hold, to find the smallest failing input
    """

    check: str
    call: str
    reason: str
    message: str
    index: tuple[int, ...] | None = None
    inputs: tuple[Panel, ...] = ()
    expected: Panel | None = None
    got: Panel | None = None
    size: int = 0


@dataclass(frozen=True)
class Check:
    """One check of a kernel: its test's name, a title for people, and how it went."""

    name: str
    title: str
    passed: bool
    message: str = ""


@dataclass(frozen=True)
class Exercise:
    """Result of one kernel: points possible, score reached, every check, the smallest failure, and its cause.

    cause : the kind of cause that the diagnosis found, such as "known" or "relation"; hint : what it tells the learner
    mistake : name of the known mistake, if it is one
    """

    kernel: str
    points: float
    score: float
    verdict: str
    checks: tuple[Check, ...] = ()
    failure: Failure | None = None
    cause: str = ""
    mistake: str = ""
    hint: str = ""
    remark: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Exercise":
        failure = data["failure"]
        if failure:
            panels = {key: _panel(failure[key]) for key in ("expected", "got")}
            index = None if failure["index"] is None else tuple(failure["index"])
            failure = Failure(
                **{**failure, **panels, "index": index, "inputs": tuple(_panel(p) for p in failure["inputs"])}
            )
        return cls(
            **{**data, "failure": failure, "checks": tuple(Check(**check) for check in data["checks"])}
        )


def _panel(data: dict[str, Any] | None) -> Panel | None:
    if data is None:
        return None
    return Panel(**{**data, "shape": None if data["shape"] is None else tuple(data["shape"])})


class Note(NamedTuple):
    """A cell of the learner's own: the number of the released cell before it, its text, and its kind."""

    after: int
    text: str
    kind: str = "markdown"

    @property
    def is_code(self) -> bool:
        return self.kind == "code"


@dataclass(frozen=True)
class Submission:
    """Result of one submitted notebook.

    verdict : "graded", "ungradable file" or "grader fault"; reason says why it is not "graded"
    exercises : in the order of the chapter
    remarks : what was odd about the file
    cells : the learner's source of each solution cell and answer, by grade_id
    notes : what the learner added in cells of their own
    for_a_person : what a person has to look at: an answer may stand in one of the notes
    jailed : False if the learner's code ran without a jail
    seed : what the hidden inputs were drawn from
    """

    student: str
    assignment: str
    verdict: str
    reason: str = ""
    exercises: tuple[Exercise, ...] = ()
    remarks: tuple[str, ...] = ()
    cells: dict[str, str] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    for_a_person: tuple[str, ...] = ()
    jailed: bool = True
    seed: str = ""

    @property
    def score(self) -> float:
        return sum(exercise.score for exercise in self.exercises)

    @property
    def points(self) -> float:
        return sum(exercise.points for exercise in self.exercises)

    def brief(self) -> "Submission":
        """The same without what its page alone shows, a hundred times shorter: thousands of these fit into memory."""
        short = tuple(replace(one, checks=(), failure=None, hint="") for one in self.exercises)
        return replace(self, exercises=short, cells={}, notes=())

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "score": self.score, "points": self.points}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Submission":
        fields = {name: value for name, value in data.items() if name not in ("score", "points")}
        exercises = tuple(Exercise.from_json(exercise) for exercise in data["exercises"])
        fields |= {name: tuple(data.get(name, ())) for name in ("remarks", "for_a_person")}
        fields["notes"] = tuple(Note(*one) for one in data.get("notes", ()))
        return cls(**{**fields, "exercises": exercises})
