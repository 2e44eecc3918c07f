"""Words and numbers of a report: what each verdict is called, what to do about it, how a value is written."""

import ast
import html
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..results import (
    CRASHED,
    FAULT,
    GRADED,
    MEMORY_LIMIT,
    NOT_WRITTEN,
    OUTPUT_LIMIT,
    PASSED,
    RAISED,
    TIME_LIMIT,
    TOO_SLOW,
    UNGRADABLE,
    WRONG,
    Check,
    Exercise,
    Failure,
    Panel,
)


@dataclass(frozen=True)
class Verdict:
    """How a verdict looks: a sign, the name of a tone (a colour on a page, a style in a terminal), what to do next.

    said : what people read in place of its name, which gradebooks and records keep
    """

    sign: str
    tone: str
    advice: str = ""
    said: str = ""


VERDICTS = {
    PASSED: Verdict("✓", "good"),
    GRADED: Verdict("✓", "good"),
    WRONG: Verdict("✗", "bad"),
    RAISED: Verdict(
        "✗",
        "bad",
        "Make this one call in a cell of its own: the last line that Python prints names the error, the lines above it "
        "say where in your code it came up.",
        "stopped with an error",
    ),
    NOT_WRITTEN: Verdict("○", "open"),
    TOO_SLOW: Verdict(
        "✗", "open", "Ask where the time goes: loops in Python, copies of large arrays, work done in float64."
    ),
    TIME_LIMIT: Verdict(
        "✗", "limit", "Look for a loop that never ends, or for work that is done again on every pass."
    ),
    MEMORY_LIMIT: Verdict(
        "✗", "limit", "Look at the shape of each array that you make: one is far larger than it has to be."
    ),
    OUTPUT_LIMIT: Verdict(
        "✗", "limit", "Take out what prints or draws inside your function, above all inside its loops."
    ),
    CRASHED: Verdict(
        "✗",
        "limit",
        "Python itself ended. Look for exit, quit or os._exit, and for recursion that never ends.",
    ),
    UNGRADABLE: Verdict("!", "fault"),
    FAULT: Verdict(
        "!",
        "fault",
        "The grader failed here. That is not your fault and costs you no points: a person will look at it.",
    ),
}

_UNSEEN = Verdict("!", "fault")

UNJAILED = "graded without a jail"
"""The remark that says so. It is for the instructor, and the same for a whole class."""

LONGEST_TEXT = 100_000
"""Characters of a learner's text that are shown at most."""

_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
"""What steers a terminal or the reading order, and half characters, which no file can hold."""


_MINUS_OF_ZERO = re.compile(r"(?<![\w.)\]])-(?=0(?:\.0*)?(?![\w.]))")


def verdict_of(name: str) -> Verdict:
    """How the verdict `name` looks."""
    return VERDICTS.get(name, _UNSEEN)


def verdict_words(name: str) -> str:
    """The verdict `name` as people read it."""
    return clean(verdict_of(name).said or name, 60)


def clean(text: object, limit: int = 0) -> str:
    """Text that is safe to print: what would steer a terminal, reverse the reading order or not encode is spelled out.

    With `limit`, longer text is cut and ends in an ellipsis.
    """
    words = str(text).replace("\r\n", "\n").replace("\t", "    ")
    if limit and len(words) > limit:
        words = words[:limit].rstrip() + " …"
    return _CONTROLS.sub(
        lambda found: f"\\x{ord(found[0]):02x}" if ord(found[0]) < 256 else f"\\u{ord(found[0]):04x}", words
    )


def escape(text: object, limit: int = 0) -> str:
    """Clean text for HTML, between tags or in a quoted attribute."""
    return html.escape(clean(text, limit))


def readable(text: object, limit: int = 0) -> str:
    """Clean text in which no zero has a minus sign: NumPy and Python write -0.0, which is 0 to a reader."""
    return clean(_MINUS_OF_ZERO.sub("", str(text)), limit)


def as_written(text: str) -> str:
    """A learner's text as Markdown that every reader shows letter by letter, and in which nothing is active.

    It stands in one block of HTML, and every character but letters, digits and spaces as its number: so no link, no
    picture, no tag and no formula can begin in it, for a reader that knows such a block and for one that does not.
    """
    numbers = re.sub(r"[^\w\s]|_", lambda found: f"&#{ord(found[0])};", clean(text, LONGEST_TEXT).strip("\n"))
    return f'<pre style="white-space: pre-wrap">{numbers}</pre>'


def points(value: float) -> str:
    """A score as people write it: 4, 2.5, 2.67."""
    return f"{round(value, 2) + 0.0:g}"  # + 0.0: a little less than nothing is 0, not -0


def average(value: float) -> str:
    """A mean or a median, with two decimals: 4.00, 2.67."""
    return f"{round(value, 2) + 0.0:.2f}"


def plural_points(value: float) -> str:
    """Points with their noun: 1 point, 2.5 points."""
    return f"{points(value)} point{'' if value == 1 else 's'}"


def plural(count: int, one: str) -> str:
    """Count with its noun: 1 check, 3 checks."""
    return f"{count} {one}{'' if count == 1 else 's'}"


def number(value: float, digits: int = 4) -> str:
    """A number in a cell: whole ones in full up to a million, others with `digits` significant digits."""
    if isinstance(value, bool | int):
        return str(value)
    if math.isfinite(value) and value == int(value) and abs(value) < 1e6:
        return str(int(value))
    if 1e4 <= abs(value) < 1e6:
        digits += 2
    return f"{value:.{digits}g}"


def shape_of(panel: Panel) -> str:
    """What is known of an array without its values: `shape (3, 4), float64`."""
    return f"shape {panel.shape}, {clean(panel.dtype, 30)}"


def is_array(panel: Panel) -> bool:
    """Whether the panel describes an array with at least one axis."""
    return panel.kind == "array" and bool(panel.shape)


def is_listed(panel: Panel) -> bool:
    """Whether an argument is shown below the call, rather than in it."""
    return is_array(panel) or panel.kind == "function" or (panel.kind != "object" and len(scalar(panel)) > 30)


def compares(failure: Failure) -> bool:
    """Whether to show expected and got: not where the result is right and something else is wrong."""
    return failure.reason not in ("input changed", "stale result")


def scalar(panel: Panel) -> str:
    """Anything but an array with axes, as one piece of text; 3.0 stays 3.0, so that it is not taken for the int 3."""
    if panel.kind == "array":
        return f"{number(panel.values, 12)} ({clean(panel.dtype, 30)})"
    if panel.kind == "float":
        written = f"{panel.values + 0.0:.12g}"  # + 0.0: no -0
        return f"{written}.0" if written.lstrip("-").isdigit() else written
    if panel.kind == "str":
        return repr(clean(panel.values, 300))
    if panel.kind == "object":
        return f"an object of type {clean(panel.values, 100)}"
    if panel.kind in ("tuple", "list", "dict", "function", "generator"):
        return readable(panel.values, 300)
    return number(panel.values, 12) if panel.values is not None else "None"


def call_of(failure: Failure) -> str:
    """The call as the learner could type it: arrays by name, short values in full."""
    if not failure.inputs:
        return clean(failure.call, 200)
    given: list[str] = []
    for panel in failure.inputs:
        name = clean(panel.title, 60).partition("[")[
            0
        ]  # an entry of a dict belongs to the argument before the bracket
        if name in given:
            continue
        short = "" if is_listed(panel) else _literal(panel)
        by_name = short or (given and "=" in given[-1])
        given.append(f"{name}={short or name}" if by_name else name)
    return f"{clean(failure.call.partition('(')[0], 80)}({', '.join(given)})"


def recipe(failure: Failure) -> str:
    """Python that makes the failing call again, to be pasted into a notebook; empty if an input is too large."""
    lines = []
    for panel in failure.inputs:
        literal = _literal(panel)
        if not literal:
            return ""
        name, entry, _ = clean(panel.title, 60).partition("[")
        if entry and f"{name} = {{}}" not in lines:
            lines.append(f"{name} = {{}}")
        if entry or is_listed(panel):
            lines.append(f"{clean(panel.title, 60)} = {literal}")
    if any("np." in line for line in lines):
        lines.insert(0, "import numpy as np")
    return "\n".join([*lines, call_of(failure)])


def _literal(panel: Panel) -> str:
    """Python for a value; empty if what is kept of it does not say it in full."""
    if panel.kind == "array":
        if panel.values is None or not re.fullmatch(r"\w+", panel.dtype):
            return ""
        if 0 in (panel.shape or ()):
            return f"np.zeros({panel.shape}, dtype=np.{panel.dtype})"
        values = np.array(panel.values).reshape(panel.shape or ()).tolist()
        if len(panel.shape or ()) == 2:
            rows = f",\n{' ' * (len(panel.title) + 13)}".join(map(_python, values))
            return f"np.array([{rows}], dtype=np.{panel.dtype})"
        return f"np.array({_python(values)}, dtype=np.{panel.dtype})"
    if panel.kind == "generator":
        return clean(panel.values, 100)
    if panel.kind in ("tuple", "list"):
        try:
            return repr(ast.literal_eval(str(panel.values)))
        except (ValueError, SyntaxError):
            return ""
    return "" if panel.kind in ("object", "dict", "function") else _python(panel.values)


def _python(values: Any) -> str:
    """Python for a number, a text, None, or nested lists of numbers."""
    return repr(values) if isinstance(values, str) else re.sub(r"\b(nan|inf)\b", r"np.\1", repr(values))


def sentence(failure: Failure, limit: int = 600) -> str:
    """The failure's message as a sentence: a capital at its start, unless it starts with a name from the call."""
    message = readable(failure.message, limit)
    first = message.partition(" ")[0]
    names = {failure.call.partition("(")[0], *(panel.title for panel in failure.inputs)}
    return message if first in names or not first.isalpha() else message[0].upper() + message[1:]


def cause_of(exercise: Exercise) -> tuple[str, str]:
    """What to read first, as a lead and a text: the hint, or where to look for what crossed a limit; else empty."""
    if exercise.hint:
        return "This looks like a known mistake:" if exercise.mistake else "What we saw:", exercise.hint
    look = verdict_of(exercise.verdict)
    return "", look.advice if look.tone == "limit" else ""


def advice_on(exercise: Exercise) -> str:
    """What to do about the verdict, to be read last; empty where the cause was said."""
    return "" if cause_of(exercise)[1] else verdict_of(exercise.verdict).advice


def alike(checks: Sequence[Check]) -> list[list[Check]]:
    """The checks in their order, but those that failed with the same message side by side.

    Messages of errors are the same if they differ in numbers alone, such as the sizes that did not fit.
    """
    groups: dict[str, list[Check]] = {}
    for check in checks:
        message = check.message
        if message.startswith("your function raised"):
            message = re.sub(r"\d+", "#", message)
        groups.setdefault(check.name if check.passed or not message else f" {message}", []).append(check)
    return list(groups.values())


def title_of(exercise: Exercise) -> str:
    """Title of the check that the shown failure comes from; empty if it is not known."""
    shown = exercise.failure.check if exercise.failure else ""
    return next((clean(check.title, 300) for check in exercise.checks if check.name == shown), "")


def counted(exercise: Exercise) -> str:
    """How many checks passed: `3 of 5 checks passed`."""
    passed = sum(check.passed for check in exercise.checks)
    return f"{passed} of {plural(len(exercise.checks), 'check')} passed"
