"""What learners and instructors read: every report says what is known, shows hostile text inert, and draws small arrays."""

import ast
import html
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from rich.console import Console

from autograder.chapters import ROOT, chapter
from autograder.checking.oracle import Reference
from autograder.checking.run import run_checks
from autograder.inside.calling import Caller
from autograder.reports import class_page, class_table, exercise_html, exercise_text, submission_page
from autograder.reports.page import COURSE
from autograder.reports.term import Part, learner_page, term_page
from autograder.reports.words import average, call_of, points, readable, recipe
from autograder.results import (
    CRASHED,
    FAULT,
    GRADED,
    NOT_WRITTEN,
    PASSED,
    RAISED,
    TIME_LIMIT,
    TOO_SLOW,
    UNGRADABLE,
    WRONG,
    Check,
    Exercise,
    Failure,
    Note,
    Panel,
    Submission,
)

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>\"'><svg onload=alert(3)>"
    "<a href=javascript:alert(4)>x</a>\x1b[31mred\x07\u202ereversed\ud800</style></pre>"
)

TAGS = re.compile(
    "html|head|meta|title|style|body|main|header|footer|section|h[1-6]|p|b|i|a|ul|ol|li|span|div|code|pre|details|"
    "summary|small|table|caption|thead|tbody|tfoot|tr|th|td|bdi"
)
VOID = {"meta"}


class Reader(HTMLParser):
    """Reads a page as a browser would: its tags with their attributes, its text, and whether every tag is closed."""

    def __init__(self, page: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text += data

    def named(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]

    def of_class(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for _, attributes in self.tags if name in (attributes.get("class") or "").split()]


def assert_inert(page: str) -> Reader:
    """Nothing on the page can run or load; it can be written as UTF-8; no character steers terminal or reading order."""
    reader = Reader(page)
    page.encode("utf-8")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", page)
    for tag, attributes in reader.tags:
        assert TAGS.fullmatch(tag)
        for name, value in attributes.items():
            assert not name.startswith("on") and name not in ("src", "srcset", "formaction", "data", "action")
            assert name != "href" or (value or "").startswith("#")
            assert name != "style" or re.fullmatch(r"[a-z0-9:#(),.;% -]*", value or "")
    assert "url(" not in page and "@import" not in page
    return reader


def wrong(
    expected: Any = None, got: Any = None, reason: str = "values", message: str = "a message", **more: Any
) -> Exercise:
    """One failed exercise: `inputs` are the call's arguments, `index` is where the results differ first."""
    inputs = tuple(Panel.of(name, value) for name, value in more.pop("inputs", {}).items())
    call = f"kernel({', '.join(panel.title for panel in inputs)})"
    failure = Failure(
        "test_one",
        call,
        reason,
        message,
        more.pop("index", None),
        inputs,
        None if expected is None else Panel.of("expected", expected),
        None if got is None else Panel.of("got", got),
    )
    checks = (
        Check("test_one", "keeps its first promise", False, message),
        Check("test_two", "keeps its second", True),
    )
    return replace(Exercise("kernel", 4.0, 2.0, WRONG, checks, failure), **more)


def passed(kernel: str = "kernel", points: float = 4.0) -> Exercise:
    return Exercise(kernel, points, points, PASSED, (Check("test_one", "keeps its first promise", True),))


def graded(student: str, *exercises: Exercise, **more: Any) -> Submission:
    return Submission(student, "filters", GRADED, exercises=exercises, **more)


# Text


def test_text_reports_a_wrong_shape_by_shape_alone() -> None:
    exercise = wrong(np.zeros((2, 3)), np.zeros((3, 2)), "shape", "expected shape (2, 3), got (3, 2)")
    text = exercise_text(exercise)
    assert "✗ kernel: 2 of 4 points, wrong answer" in text
    assert "✗ keeps its first promise" in text and "✓ keeps its second" in text
    assert "1 of 2 checks passed." in text
    assert "Expected shape (2, 3), got (3, 2)" in text
    assert "first value that differs" not in text


def test_text_marks_the_first_value_that_differs_and_the_others() -> None:
    expected, got = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 9.0], [3.0, 7.0]])
    lines = exercise_text(wrong(expected, got, index=(0, 1))).splitlines()
    assert any(line.split() == ["1", "[2]", "1", "[9]"] for line in lines)
    assert any(line.split() == ["3", "4", "3", "7*"] for line in lines)


def test_text_shows_the_input_with_shape_and_dtype() -> None:
    image = np.array([[7, 8], [9, 250]], dtype=np.uint8)
    text = exercise_text(wrong(1.0, 2.0, "value", inputs={"image": image, "stride": 2}))
    assert "Smallest failing input: kernel(image, stride=2)" in text
    assert "shape (2, 2), uint8" in text
    assert re.search(r"^ +7 +8$", text, re.MULTILINE) and re.search(r"^ +9 +250$", text, re.MULTILINE)


def test_text_says_how_to_start_where_nothing_is_written() -> None:
    exercise = Exercise("correlate2d", 4.0, 0.0, NOT_WRITTEN, (Check("test_one", "works", False),))
    text = exercise_text(exercise)
    assert "correlate2d is not written yet: replace its raise NotImplementedError" in text
    assert "Traceback" not in text and "✗" not in text


def test_text_names_a_known_mistake() -> None:
    text = exercise_text(wrong(1.0, 2.0, "value", mistake="flipped", hint="The kernel is flipped."))
    assert "This looks like a known mistake: The kernel is flipped." in text


def test_a_cause_that_is_no_known_mistake_is_not_called_one() -> None:
    seen = wrong(1.0, 2.0, "value", hint="Right whenever the filter is square.")
    for report in (exercise_text, exercise_html):
        said = re.sub(r"<[^>]*>", "", report(seen))
        assert "What we saw: Right whenever the filter is square." in said and "known mistake" not in said


def test_text_shows_channels_side_by_side() -> None:
    volume = np.arange(12.0).reshape(2, 2, 3)
    lines = exercise_text(wrong(1.0, 2.0, "value", inputs={"volume": volume})).splitlines()
    head = next(number for number, line in enumerate(lines) if "channel 0" in line)
    assert lines[head].split() == ["channel", "0", "channel", "1", "channel", "2"]
    assert lines[head + 1].split() == ["0", "3", "1", "4", "2", "5"]
    assert lines[head + 2].split() == ["6", "9", "7", "10", "8", "11"]


def test_text_stays_within_eighty_columns() -> None:
    rng = np.random.default_rng(0)
    wide = rng.normal(size=(3, 12)) * 1e-5
    longest = wrong(
        wide,
        -wide,
        message="word " * 100,
        index=(0, 0),
        inputs={"x": wide, "y": rng.normal(size=(2, 2, 2, 6))},
    )
    text = exercise_text(replace(longest, hint="x" * 300, remark="y" * 300))
    assert max(map(len, text.splitlines())) <= 80
    assert "columns 0 to" in text


def test_text_shows_what_surrounds_a_difference_in_a_large_array() -> None:
    expected = np.zeros((15, 20))
    got = expected.copy()
    got[12, 17] = 5
    text = exercise_text(wrong(expected, got, index=(12, 17)))
    assert "rows 8 to 14, columns 13 to 19" in text and "[5]" in text


def test_text_tells_a_float_from_an_int() -> None:
    text = exercise_text(wrong(3, 3.0, "type", "expected a whole number (an int), got a value of type float"))
    assert re.search(r"^ +3 +3\.0$", text, re.MULTILINE)


def test_text_names_a_large_array_by_its_shape() -> None:
    text = exercise_text(wrong(1.0, 2.0, "value", inputs={"x": np.ones((40, 50))}))
    assert "shape (40, 50), float64" in text and "[[" not in text


def test_text_steers_no_terminal() -> None:
    text = exercise_text(
        wrong(1.0, 2.0, RAISED, f"your function raised ValueError: {HOSTILE}", remark=HOSTILE)
    )
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text)
    assert "\\x1b[31mred" in text
    text.encode("utf-8")


def test_small_differences_get_the_digits_that_show_them() -> None:
    expected, got = np.array([57.0, 1.0]), np.array([57.0000001, 1.0])
    for report in (exercise_text, exercise_html):
        assert "57.0000001" in report(wrong(expected, got, index=(0,)))


def test_every_verdict_of_a_limit_says_where_to_look() -> None:
    text = exercise_text(
        replace(wrong(message="needed longer than 5 s", reason=TIME_LIMIT), verdict=TIME_LIMIT)
    )
    assert "time limit" in text and "a loop that never ends" in text


def test_a_grader_fault_is_never_the_learners() -> None:
    fault = Exercise("kernel", 4.0, 0.0, FAULT)
    for report in (exercise_text, exercise_html):
        assert "not your fault" in report(fault)


@pytest.mark.parametrize("report", [exercise_text, exercise_html])
def test_what_the_mistake_is_stands_before_the_checks(report: Callable[[Exercise], str]) -> None:
    page = report(wrong(1.0, 2.0, "value", mistake="flipped", hint="The kernel is flipped."))
    assert page.index("The kernel is flipped.") < page.index("keeps its first promise")
    page = report(replace(wrong(message="was stopped"), verdict=CRASHED)).replace("\n", " ")
    assert page.index("recursion that never ends") < page.index("keeps its first promise")


def test_a_hint_takes_the_place_of_general_advice() -> None:
    stopped = wrong(message="your function raised ValueError", reason=RAISED, verdict=RAISED)
    for report in (exercise_text, exercise_html):
        assert "Make this one call" in report(stopped)
        assert "Make this one call" not in report(replace(stopped, hint="You divide by 0."))


@pytest.mark.parametrize("verdict", [RAISED, WRONG])
def test_people_read_in_plain_words_what_records_call_raised(verdict: str) -> None:
    """and no word of it changes in what is recorded"""
    one = replace(wrong(1.0, 2.0, "value"), verdict=verdict)
    said = "stopped with an error" if verdict == RAISED else "wrong answer"
    result = graded("ada", one)
    part = Part.of("filters", "Filters", [replace(result, verdict=verdict)], {})
    for page in (
        exercise_text(one),
        exercise_html(one),
        submission_page(result, "Filters"),
        class_page([result], "Filters"),
        learner_page("ada", [part]),
    ):
        assert said in page and "raised" not in re.sub("<style>.*?</style>", "", page, flags=re.DOTALL)
    assert result.to_json()["exercises"][0]["verdict"] == verdict
    assert RAISED == "raised"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("expected -0, got 5", "expected 0, got 5"),
        ("values -0., -0.0 and (-0.0, -0)", "values 0., 0.0 and (0.0, 0)"),
        ("-0.5, -05, 1e-05, 3-0, a-0, x[-1]", "-0.5, -05, 1e-05, 3-0, a-0, x[-1]"),
    ],
)
def test_no_zero_has_a_minus_sign(written: str, read: str) -> None:
    assert readable(written) == read
    one = wrong(
        np.array([-0.0, 1.0]), np.array([0.0, -0.0]), message=written, hint=written, remark=written, index=(1,),
        inputs={"x": np.array([[-0.0, -0.5]]), "bias": -0.0, "pair": (-0.0, 1.0)},
    )  # fmt: skip
    for page in (exercise_text(one), re.sub("<pre>.*?</pre>", "", exercise_html(one), flags=re.DOTALL)):
        assert re.sub(r"\s+", " ", html.escape(read)) in re.sub(r"\s+", " ", page)
        assert not re.search(r"(?<![\w\]])-0(\.0*)?(?![\w.])", page.replace("3-0", "")), page
    assert points(-0.001) == "0" and average(-0.001) == "0.00" and points(-0.5) == "-0.5"


# HTML of one exercise


def failed(name: str, message: str) -> Check:
    return Check(f"test_{name}", f"is {name}", False, message)


def test_html_says_a_message_once_with_the_names_of_its_checks() -> None:
    error = "your function raised ValueError: shapes ({},2) (2,3) do not fit"
    checks = (
        failed("one", "expected 1, got 2"),
        failed("two", error.format(4)),
        Check("test_three", "is three", True),
        failed("four", error.format(7)),
        failed("five", "expected 1, got 2"),
        failed("six", "expected 3, got 4"),
    )
    page = exercise_html(wrong(1.0, 2.0, "value", message="expected 1, got 2", checks=checks))
    reader = assert_inert(page)
    assert reader.text.count("raised ValueError") == 1 and reader.text.count("xpected 1, got 2") == 1
    lines = [line.replace("\0", "") for line in unstyled_lines(page)]
    assert lines[1:9] == [
        "✗ is one", "✗ is five", "all 2: as shown below",
        "✗ is two", "✗ is four", f"all 2: {error.format(4)}",
        "✓ is three", "✗ is six: expected 3, got 4",
    ]  # fmt: skip


def test_html_has_no_header_that_says_nothing() -> None:
    page = exercise_html(wrong(np.eye(2), np.ones((2, 2)), index=(0, 1), inputs={"x": np.eye(3)}))
    assert page.count("<table") == 3 == page.count('<th scope="col"><span class="cnnr-sr">row</span></th>')
    assert not re.search(r"<th[^>]*>\s*</th>", page)


def test_html_draws_each_channel_as_a_table_and_outlines_the_first_difference_once_a_side() -> None:
    expected = np.zeros((2, 3, 2))
    got = expected.copy()
    got[1, 2, 0], got[1, 0, 1] = 3, 4
    volume = np.arange(12.0).reshape(2, 2, 3)
    reader = assert_inert(exercise_html(wrong(expected, got, index=(1, 0, 1), inputs={"volume": volume})))
    assert len(reader.named("table")) == 3 + 2 + 2
    assert len(reader.of_class("cnnr-f")) == 2
    assert len(reader.of_class("cnnr-d")) == 1
    assert "channel 2" in reader.text and "shape (2, 3, 2), float64" in reader.text


def test_html_names_the_slices_of_filters_and_batches() -> None:
    arrays = {"x": np.ones((2, 3, 3, 1)), "w": np.ones((2, 2, 1, 2))}
    text = Reader(exercise_html(wrong(1.0, 2.0, "value", inputs=arrays))).text
    assert "picture 1, channel 0" in text and "filter 1, channel 0" in text


def test_html_keeps_the_slice_with_the_first_difference_among_those_it_shows() -> None:
    expected = np.zeros((2, 2, 9))
    got = expected.copy()
    got[0, 0, 8] = 1
    text = Reader(exercise_html(wrong(expected, got, index=(0, 0, 8)))).text
    assert "channel 8" in text and "6 of 9 slices shown" in text and "channel 6" not in text


def test_html_shows_pixels_as_the_greys_that_they_are() -> None:
    page = exercise_html(wrong(1.0, 2.0, "value", inputs={"image": np.array([[0, 255]], dtype=np.uint8)}))
    assert "background:rgb(0,0,0)" in page and "background:rgb(255,255,255)" in page


def test_html_has_the_heading_level_it_is_asked_for() -> None:
    assert len(Reader(exercise_html(passed(), level=5)).tags) and "<h5" in exercise_html(passed(), level=5)
    assert "<h3" in exercise_html(passed())


def test_html_says_every_verdict_in_words() -> None:
    assert "✓ passed" in Reader(exercise_html(passed())).text
    assert "✗ wrong answer" in Reader(exercise_html(wrong(1.0, 2.0, "value"))).text


BLOCKS = re.compile(r"</?(?:div|p|h\d|ul|li|table|caption|tr|th|td|details|summary|pre)\b[^>]*>")


def unstyled_lines(page: str) -> list[str]:
    """The lines of a report as they are read where its style was taken away, with \x00 where a tag stands in a line."""
    page = re.sub(r"<style>.*?</style>|<p [^>]*\bhidden>.*?</p>", "", page, flags=re.DOTALL)
    lines = html.unescape(re.sub(r"<[^>]+>", "\0", BLOCKS.sub("\n", page))).splitlines()
    return [line.strip() for line in lines if line.strip("\0 ")]


@pytest.mark.parametrize(
    "exercise",
    [
        passed("relu"),
        Exercise("relu", 4.0, 0.0, NOT_WRITTEN, (Check("test_one", "keeps what is positive", False),)),
        wrong(np.eye(2), np.ones((2, 2)), index=(0, 1), inputs={"x": np.eye(2), "stride": 2}),
        wrong(
            np.eye(2).astype(np.uint8),
            np.ones((2, 2), np.uint8),
            index=(0, 1),
            checks=(Check("test_one", "is the first", False, "one"), Check("test_two", "is", False, "two")),
            hint="It is `np.ones`.",
            remark="a remark",
        ),
        wrong(np.zeros((3, 4, 4, 2)), np.ones((3, 4, 4, 2)), index=(0, 0, 0, 0), verdict=TIME_LIMIT),
    ],
    ids=lambda exercise: exercise.verdict,
)
def test_html_without_its_style_runs_no_words_together(exercise: Exercise) -> None:
    """an untrusted notebook takes the style away; it used to read "relu0 of 2 points✗ not written" """
    lines = unstyled_lines(exercise_html(exercise))
    points = f"{exercise.kernel}: {exercise.score:g} of {exercise.points:g} points"
    assert re.fullmatch(rf"{points}, \S {exercise.verdict}", lines[0].replace("\0", ""))
    for line in lines:
        assert not re.search(r"[^\s(\0]\0+[^\s\0.,:;)]", line), line


def test_html_without_its_style_says_what_failed_check_by_check() -> None:
    checks = (
        Check("test_one", "is the first", False, "one"),
        Check("test_two", "is the second", False, "two"),
    )
    exercise = wrong(np.eye(2), np.ones((2, 2)), index=(0, 1), checks=checks)
    lines = [line.replace("\0", "") for line in unstyled_lines(exercise_html(exercise))]
    assert lines[1:3] == ["✗ is the first", "✗ is the second: two"]
    assert "expected: shape (2, 2), float64" in lines and "1 (differs)" in lines
    assert not any("first value that differs" in line for line in lines)  # its marks are gone with the style


def test_html_of_an_unwritten_kernel_lists_what_will_be_checked() -> None:
    exercise = Exercise("relu", 1.0, 0.0, NOT_WRITTEN, (Check("test_one", "keeps what is positive", False),))
    text = assert_inert(exercise_html(exercise)).text
    assert "relu is not written yet" in text and "keeps what is positive" in text


@pytest.mark.parametrize("kind", ["array", "object", "str", "tuple"])
def test_html_shows_hostile_text_inert(kind: str) -> None:
    panel = Panel(
        HOSTILE, kind, (2,) if kind == "array" else None, HOSTILE, [1.0, 2.0] if kind == "array" else HOSTILE
    )
    failure = Failure(HOSTILE, HOSTILE, HOSTILE, HOSTILE, (0,), (panel,), panel, panel)
    exercise = Exercise(
        HOSTILE,
        1.0,
        0.0,
        HOSTILE,
        (Check(HOSTILE, HOSTILE, False, HOSTILE),),
        failure,
        HOSTILE,
        HOSTILE,
        HOSTILE,
    )
    reader = assert_inert(exercise_html(exercise))
    assert "<script>alert(1)</script>" in reader.text
    assert_inert(exercise_html(replace(exercise, verdict=NOT_WRITTEN)))
    exercise_text(exercise).encode("utf-8")


def test_html_is_made_as_quickly_as_numbers_are_written() -> None:
    """takes at most thirty times as long as writing the same numbers as JSON, timed in turns"""
    rng = np.random.default_rng(0)
    arrays = {"x": rng.normal(size=(2, 5, 5, 3)), "w": rng.normal(size=(3, 3, 3, 4)), "b": rng.normal(size=4)}
    expected = rng.normal(size=(2, 3, 3, 4))
    exercise = wrong(expected, -expected, index=(0, 0, 0, 0), inputs={**arrays, "stride": 1})
    data = exercise.to_json()

    def seconds(work: Callable[[], object]) -> float:
        start = time.process_time()
        work()
        return time.process_time() - start

    report, plain = [], []
    for _ in range(20):
        report.append(seconds(lambda: exercise_html(exercise)))
        plain.append(seconds(lambda: json.dumps(data)))
    assert min(report) < 30 * min(plain)


# Calls that can be made again


def calls_to_repeat() -> Iterator[tuple[str, dict[str, Any]]]:
    yield "floats", {"x": np.array([[1.5, np.nan], [np.inf, -np.inf]]), "h": 1e-5}
    yield "bytes", {"image": np.arange(12, dtype=np.uint8).reshape(2, 2, 3), "size": (2, 2)}
    yield "bools", {"mask": np.array([True, False]), "mode": "same", "nothing": None}
    yield "scalar first", {"stride": 2, "x": np.ones((1, 2), dtype=np.float32), "layers": [(3, 1), (5, 2)]}
    yield "single", {"x": np.float32(0.25) * np.ones(3, np.float32), "scale": np.array(2.5)}


@pytest.mark.parametrize(
    ("name", "arguments"), list(calls_to_repeat()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_recipe_makes_the_same_call_again(name: str, arguments: dict[str, Any]) -> None:
    failure = wrong(1.0, 2.0, "value", inputs=arguments).failure
    assert failure
    seen: dict[str, Any] = {}

    def kernel(*given: Any, **named: Any) -> None:
        seen.update(zip(arguments, given, strict=False), **named)

    exec(recipe(failure), {"kernel": kernel})
    assert seen.keys() == arguments.keys()
    for key, value in arguments.items():
        np.testing.assert_array_equal(seen[key], value)
        assert getattr(seen[key], "dtype", type(seen[key])) == getattr(value, "dtype", type(value))


def test_recipe_is_left_out_where_an_input_is_too_large_or_no_plain_value() -> None:
    for value in (np.zeros((30, 30)), len):
        failure = wrong(1.0, 2.0, "value", inputs={"n": 3, "x": value}).failure
        assert failure and not recipe(failure)
        ast.parse(call_of(failure))


# Records


def test_reports_are_the_same_after_a_round_trip_through_json() -> None:
    expected, got = np.ones((2, 3)), np.array([[1, 1, 1], [1, np.nan, 1]])
    image = np.array([[1, 2]], dtype=np.uint8)
    one = wrong(
        expected, got, index=(1, 1), inputs={"image": image, "size": (2, 2)}, mistake="m", hint="A hint."
    )
    submission = graded("ada", one, passed("relu"), cells={"kernel": "def kernel(): ..."}, remarks=("odd",))
    again = Submission.from_json(json.loads(json.dumps(submission.to_json(), default=list)))
    assert again.exercises[0].failure and again.exercises[0].failure.index == (1, 1)
    assert exercise_text(again.exercises[0]) == exercise_text(one)
    assert submission_page(again, "Filters") == submission_page(submission, "Filters")
    assert class_page([again], "Filters") == class_page([submission], "Filters")


def test_a_wrong_kernel_is_reported_with_the_input_that_shows_it() -> None:
    one = chapter("filters")
    reference = Reference(one)

    def transposed(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        return reference.module.correlate2d(image, kernel).T

    (exercise,) = run_checks(one.checks, reference, {"correlate2d": Caller(transposed)})
    assert exercise.failure and exercise.failure.expected and exercise.failure.got
    text = exercise_text(exercise)
    assert f"✗ correlate2d: {exercise.score:g} of {exercise.points:g} points, wrong answer" in text
    assert "Smallest failing input: correlate2d(image, kernel)" in text
    assert exercise.hint and re.sub(r"\s+", " ", exercise.hint) in re.sub(r"\s+", " ", text)
    assert len(assert_inert(exercise_html(exercise)).named("table")) >= 4


def test_wrong_long_doubles_can_be_recorded() -> None:
    """describes numbers that JSON does not know, so that one learner's odd dtype stops nobody's grading"""
    one = chapter("filters")

    def wide(x: np.ndarray) -> np.ndarray:
        return np.abs(x).astype(np.longdouble) * np.longdouble("1.1")

    (exercise,) = run_checks(one.checks, Reference(one), {"relu": Caller(wide)})
    assert exercise.failure and exercise.failure.got
    assert json.loads(json.dumps(exercise.to_json(), default=list))["failure"]["got"]["values"]


# The learner's page


def test_feedback_says_the_score_and_what_to_do_next() -> None:
    later = replace(wrong(1.0, 2.0, "value", hint="A hint."), kernel="relu", points=2.0, score=0.5)
    reader = assert_inert(submission_page(graded("ada", passed(), later), "Filters", None))
    text = re.sub(r"\s+", " ", reader.text)
    assert "4.5 of 6 points" in text and "Feedback for ada" in text and COURSE in text
    assert "1 of 2 exercises is right. Go on with relu. A likely cause is named there." in text
    assert "What to do next" in text
    targets = {attributes["id"] for _, attributes in reader.tags if "id" in attributes}
    assert {(link["href"] or "")[1:] for link in reader.named("a")} == targets


def test_feedback_on_full_marks_asks_for_nothing_more() -> None:
    text = Reader(submission_page(graded("ada", passed(), passed("relu")), "Filters")).text
    assert "Every exercise is right." in text and "What to do next" not in text


@pytest.mark.parametrize(
    ("verdicts", "summary"),
    [
        ([PASSED, TOO_SLOW], "2 of 2 exercises are right, 1 of them still slow. Go on with kernel1."),
        ([TOO_SLOW, WRONG, PASSED], "2 of 3 exercises are right, 1 of them still slow. Go on with kernel1."),
        ([WRONG, TOO_SLOW], "1 of 2 exercises is right, but slow. Go on with kernel0."),
        ([TOO_SLOW], "1 of 1 exercise is right, but slow. Go on with kernel0."),
        ([WRONG, NOT_WRITTEN], "No exercise is right yet. Go on with kernel0."),
    ],
)
def test_feedback_counts_what_is_only_slow_as_right(verdicts: list[str], summary: str) -> None:
    exercises = [
        passed(f"kernel{number}")
        if verdict == PASSED
        else replace(wrong(1.0, 2.0, verdict), kernel=f"kernel{number}", verdict=verdict)
        for number, verdict in enumerate(verdicts)
    ]
    assert summary in Reader(submission_page(graded("ada", *exercises), "Fast")).text


def test_feedback_forbids_scripts_and_requests() -> None:
    page = submission_page(graded("ada", passed()), "Filters")
    (policy,) = [
        tag["content"]
        for tag in Reader(page).named("meta")
        if tag.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy and "default-src 'none'" in policy and "script-src" not in policy


def test_feedback_folds_the_learners_own_code() -> None:
    cells = {"kernel": "def kernel(x):\n    return x  # <b>as it was</b>"}
    page = submission_page(graded("ada", wrong(1.0, 2.0, "value"), cells=cells), "Filters")
    assert "<details><summary>Your code</summary>" in page
    assert "def kernel(x):\n    return x  # <b>as it was</b>" in assert_inert(page).text


def test_feedback_shows_written_answers_and_what_a_person_said() -> None:
    cells = {"every-place-once": "One weight for <b>all</b> places."}
    comments = {
        "kernel": "A clear loop.",
        "check-relu": "Short.",
        "every-place-once": "Good.",
        "setup": "Your name?",
    }
    page = submission_page(graded("ada", passed(), passed("relu"), cells=cells), "Filters", comments)
    text = assert_inert(page).text
    assert "Written answer: every place once" in text and "One weight for <b>all</b> places." in text
    for comment in comments.values():
        assert text.count(comment) == 1
    assert text.index("A clear loop.") < text.index("Short.") < text.index("Good.") < text.index("Your name?")


def test_feedback_on_an_untouched_answer_says_that_it_is_empty() -> None:
    from autograder.chapters import ANSWER_STUB

    text = Reader(submission_page(graded("ada", passed(), cells={"why": ANSWER_STUB}), "Filters")).text
    assert "(left empty)" in text and "in place of this sentence" not in text


def test_feedback_on_an_ungradable_file_gives_the_reason_and_the_way_out() -> None:
    nothing = (Exercise("kernel", 4.0, 0.0, UNGRADABLE),)
    submission = Submission("ada", "filters", UNGRADABLE, "the file is not JSON", exercises=nothing)
    text = assert_inert(submission_page(submission, "Filters")).text
    assert "could not be graded" in text and "the file is not JSON" in text and "fresh copy" in text


def test_feedback_on_an_ungradable_file_says_just_that() -> None:
    nothing = (Exercise("kernel", 4.0, 0.0, UNGRADABLE), Exercise("relu", 2.0, 0.0, UNGRADABLE))
    submission = Submission("ada", "filters", UNGRADABLE, "the file is not JSON", exercises=nothing)
    text = Reader(submission_page(submission, "Filters")).text
    for word in ("0 of", "kernel", "relu", "Comment", "What to do next", "Written answer", "ungradable"):
        assert word not in text
    assert text.count("could not be graded") == 1


def test_feedback_does_not_say_that_a_remark_costs_nothing() -> None:
    remark = "cell relu was turned into a markdown cell; it does not count"
    text = Reader(submission_page(graded("ada", passed(), remarks=(remark,)), "Filters")).text
    assert remark in text and "without effect" not in text


def test_feedback_on_a_grader_fault_blames_nobody_and_shows_no_score() -> None:
    text = assert_inert(submission_page(Submission("ada", "filters", FAULT, "OSError"), "Filters")).text
    assert "not your fault" in text and "costs you no points" in text
    assert "OSError" not in text and "0 of" not in text


def test_feedback_shows_hostile_text_inert() -> None:
    exercise = replace(wrong(1.0, 2.0, "value", HOSTILE), kernel=HOSTILE, hint=HOSTILE)
    cells = {HOSTILE: HOSTILE, "answer": HOSTILE}
    comments = {HOSTILE: HOSTILE, "answer": HOSTILE, "other": HOSTILE}
    for verdict in (GRADED, UNGRADABLE, FAULT):
        one = Submission(HOSTILE, HOSTILE, verdict, HOSTILE, (exercise,), (HOSTILE,), cells)
        assert_inert(submission_page(one, HOSTILE, comments))


# The instructor's page


def small_class() -> list[Submission]:
    known = wrong(1.0, 2.0, "value", mistake="flips_the_kernel", hint="The kernel is flipped.")
    return [
        graded("zoe", passed(), passed("relu", 2.0)),
        graded("Ada", known, passed("relu", 2.0)),
        graded(
            "ben",
            replace(known, score=0.0),
            replace(passed("relu", 2.0), verdict=NOT_WRITTEN, score=0.0),
            remarks=("two cells",),
        ),
        Submission("cay", "filters", UNGRADABLE, "not JSON"),
        Submission("dan", "filters", FAULT, "the worker died"),
    ]


def test_class_page_counts_what_it_says() -> None:
    text = re.sub(r"\s+", " ", assert_inert(class_page(small_class(), "Filters")).text)
    assert "Class report, 5 submissions" in text
    assert "3.33mean, of 6" in text and "4.00median, of 6" in text and "0 to 6lowest to highest" in text
    assert "1 of 3 passed (33%), 2 wrong answer" in text and "2 of 3 passed (67%), 1 not written" in text
    assert "2 ×The kernel is flipped. (flips the kernel)" in text
    assert "Mean2.001.333.33" in text and "Median2.002.004.00" in text


def test_class_page_lists_students_by_name_and_who_needs_a_person_first() -> None:
    text = class_page(small_class(), "Filters")
    table = text[text.index("<tbody>") :]
    assert [table.index(f">{name}<") for name in ("Ada", "ben", "cay", "dan", "zoe")] == sorted(
        table.index(f">{name}<") for name in ("Ada", "ben", "cay", "dan", "zoe")
    )
    person = text[text.index("3 submissions need a person") : text.index("<h2>Misconceptions</h2>")]
    assert person.index("cay") < person.index("dan") < person.index("ben")
    assert "not JSON" in person and "the worker died" in person and "two cells" in person
    assert "zoe" not in person and "Ada" not in person


def test_class_page_answers_in_the_order_of_what_is_asked() -> None:
    easy = [graded(name, passed(), wrong_one, passed("z", 1.0)) for name, wrong_one in (
        ("amy", replace(passed("relu"), verdict=TIME_LIMIT, score=0.0)), ("bea", passed("relu"))
    )]  # fmt: skip
    page = class_page([*small_class(), *easy], "Filters", None, {"amy": 2.0})
    headings = re.findall("<h2>(.*?)</h2>", page)
    assert headings == [
        "3 submissions need a person", "Misconceptions", "Exercises", "Slow and fragile", "Scores", "Students", "Verdicts",
    ]  # fmt: skip
    rows = re.findall('<div class="exercise"><div><h3>(.*?)</h3>', page)
    assert rows == ["kernel", "relu", "z"], "the hardest first"


def test_class_page_says_once_why_several_need_a_person_and_names_them_all() -> None:
    late = [graded(f"learner{n:02}", passed(), for_a_person=("why: text elsewhere",)) for n in range(30)]
    text = Reader(class_page([*small_class(), *late], "Filters")).text
    assert "33 submissions need a person" in text and text.count("why: text elsewhere") == 1
    person = text[: text.index("Misconceptions")]
    assert all(one.student in person for one in late)
    assert person.index("worker died") < person.index("learner00")


def test_class_page_says_who_was_graded_without_a_jail_once() -> None:
    loose = [
        replace(one, jailed=False, remarks=("graded without a jail", *one.remarks)) for one in small_class()
    ]
    text = Reader(class_page(loose, "Filters")).text
    assert text.count("graded without a jail") == 1 and "5 of 5 submissions graded without a jail" in text


def test_class_page_shows_hostile_text_inert() -> None:
    exercise = replace(
        wrong(1.0, 2.0, "value", HOSTILE, mistake=HOSTILE, hint=HOSTILE, remark=HOSTILE), kernel=HOSTILE
    )
    submissions = [
        Submission(HOSTILE, HOSTILE, verdict, HOSTILE, (exercise,), (HOSTILE,))
        for verdict in (GRADED, FAULT, HOSTILE)
    ]
    assert_inert(class_page(submissions, HOSTILE))


@pytest.mark.parametrize("submissions", [[], [Submission("cay", "filters", UNGRADABLE, "not JSON")]])
def test_class_report_bears_a_class_without_grades(submissions: list[Submission]) -> None:
    assert "No submission has been graded yet." in Reader(class_page(submissions, "Filters")).text
    assert class_table(submissions).row_count == 0


def test_class_table_has_a_row_for_each_exercise_and_takes_no_orders_from_names() -> None:
    wrong = replace(passed("relu", 2.0), score=0.0, verdict=WRONG, mistake="[red]leaks[/]\x1b[2J")
    submissions = [graded("ada", passed(), passed("relu", 2.0)), graded("eve", passed(), wrong)]
    console = Console(width=100, record=True, file=open(Path("/dev/null"), "w"))  # noqa: SIM115
    console.print(class_table(submissions))
    text = console.export_text()
    assert re.search(r"kernel +2 of 2 +100%", text)
    assert re.search(r"relu +1 of 2 +50% +1.00 +2 +\[red\]leaks\[/\]\\x1b\[2J \(1×\)", text)


def test_pages_carry_the_title_of_the_course() -> None:
    assert yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["title"] == COURSE


# In a browser


@pytest.mark.parametrize("width", [390, 1400])
def test_pages_fit_the_window_and_run_nothing(browser: Any, tmp_path: Path, width: int) -> None:
    rng = np.random.default_rng(0)
    wide = rng.normal(size=(12, 12))
    hostile = wrong(
        wide, -wide, index=(0, 0), message=HOSTILE * 3, inputs={"x": rng.normal(size=(4, 4, 3, 6))}
    )
    first = graded(HOSTILE, hostile, cells={"kernel": HOSTILE * 3}, remarks=(HOSTILE,))
    pages = {
        "feedback": submission_page(first, HOSTILE, {"kernel": HOSTILE}),
        "class": class_page([first, *small_class()], "F"),
    }
    for name, content in pages.items():
        file = tmp_path / f"{name}.html"
        file.write_text(content, encoding="utf-8")
        for scheme in ("light", "dark"):
            assert look(browser, file, width, scheme) == []


def look(browser: Any, file: Path, width: int, scheme: str) -> list[str]:
    """Open a page with everything unfolded; returns what it did beyond standing there, and where it does not fit."""
    found: list[str] = []
    tab = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    tab.on("dialog", lambda dialog: (found.append(dialog.message), dialog.dismiss()))
    tab.on("console", lambda message: found.append(message.text))
    tab.on("request", lambda request: found.append(request.url))
    tab.goto(file.as_uri())
    tab.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
    if tab.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append(f"{file.name} is wider than {width} pixels")
    if tab.evaluate("document.scripts.length"):
        found.append("a script stands in the page")
    tab.close()
    found.remove(file.as_uri())
    return found


def reports() -> dict[str, str]:
    """A page of each kind, with all that can stand on it: wide arrays, pictures, limits, notes, comments, many columns."""
    rng = np.random.default_rng(0)
    wide, picture = rng.normal(size=(2, 12)), rng.integers(0, 256, (4, 5), dtype=np.uint8)
    checks = (failed("one", "a message"), failed("two", "a message"), failed("three", "another"))
    faults = [
        wrong(wide, -wide, index=(0, 0), checks=checks, hint="It is `-x`.", mistake="m", inputs={"x": wide}),
        wrong(picture, picture[::-1], index=(0, 0), remark="A note.", inputs={"image": picture, "size": 3}),
        replace(wrong(message="crashed", inputs={"volume": rng.normal(size=(3, 3, 2))}), verdict=CRASHED),
        replace(wrong(message="your function raised ValueError", reason=RAISED), verdict=RAISED),
        Exercise("kernel", 4.0, 0.0, NOT_WRITTEN, checks),
        Exercise("kernel", 4.0, 0.0, FAULT),
    ]
    everything = [
        replace(one, kernel=f"long_name_of_kernel_{n}") for n, one in enumerate([*faults, passed()])
    ]
    first = graded(
        "a-learner-with-a-long-name", *everything, cells={everything[0].kernel: "x = 1", "why-so": "It is."},
        remarks=("odd",), notes=(Note(1, "text"),), for_a_person=("a note",),
    )  # fmt: skip
    broken = Submission("cay", "filters", UNGRADABLE, "not JSON")
    group = [first, broken, *(graded(f"learner{n}", *everything[-2:]) for n in range(4))]
    parts = [Part.of(f"part{n}", f"A long title of chapter {n}", group, {}) for n in range(9)]
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    paper = (
        "body{background:#fff;color:#000}@media(prefers-color-scheme:dark){body{background:#111;color:#eee}}"
    )
    cell = f"<title>Notebook</title><style>{paper}</style><main><h1>Notebook</h1><h2>Exercise</h2>"
    return {
        "feedback": submission_page(first, "Filters", {"why-so": "Good."}),
        "ungradable": submission_page(broken, "Filters"),
        "class": class_page(group, "Filters", None, {"cay": 1.0}),
        "term": term_page(parts),
        "learner": learner_page(first.student, parts),
        "instant": head + cell + "".join(map(exercise_html, everything)) + "</main></html>",
    }


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (1400, "light"),
        (390, "dark"),
        pytest.param(1400, "dark", marks=pytest.mark.slow),
        pytest.param(390, "light", marks=pytest.mark.slow),
    ],
)
def test_everyone_can_use_every_report(
    browser: Any, axe: str, tmp_path: Path, width: int, scheme: str
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True
    )
    tab = context.new_page()
    violations = []
    for name, content in reports().items():
        (tmp_path / f"{name}.html").write_text(content, encoding="utf-8")
        tab.goto((tmp_path / f"{name}.html").as_uri())
        tab.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
        tab.evaluate(axe)
        found = tab.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        assert found["passes"], "it did look"
        violations += [f"{name}: {one['id']}: {one['nodes'][0]['html'][:150]}" for one in found["violations"]]
    context.close()
    assert violations == []


@pytest.mark.parametrize("kind", ["class", "term"])
def test_name_and_total_stay_in_sight_when_a_wide_table_is_scrolled(
    browser: Any, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "page.html").write_text(reports()[kind], encoding="utf-8")
    tab = browser.new_page(viewport={"width": 390, "height": 800})
    tab.goto((tmp_path / "page.html").as_uri())
    measured = """() => {
        const scroll = document.querySelector('.scroll'), room = scroll.getBoundingClientRect(), seen = []
        for (const far of [0, 120, 1e6]) {
            scroll.scrollLeft = far
            for (const row of scroll.querySelectorAll('tr')) {
                const name = row.querySelector('th').getBoundingClientRect()
                const total = row.querySelector('.total').getBoundingClientRect()
                seen.push([name.left - room.left, room.right - total.right, total.left - name.right])
            }
        }
        return [scroll.scrollWidth - room.width, seen]
    }"""
    hidden, seen = tab.evaluate(measured)
    tab.close()
    assert hidden > 200 and len(seen) >= 24
    for left, right, between in seen:
        assert abs(left) <= 1 and abs(right) <= 1 and between >= 100


def test_a_report_reads_well_with_its_style_and_without(browser: Any, tmp_path: Path) -> None:
    content = exercise_html(wrong(np.eye(2), np.ones((2, 2)), index=(0, 1), hint="A hint."))
    plain = re.sub(r"<style>.*?</style>", "", content, flags=re.DOTALL)
    shown = {}
    for name, page in (("styled", content), ("plain", plain)):
        (tmp_path / f"{name}.html").write_text(f'<meta charset="utf-8">{page}', encoding="utf-8")
        tab = browser.new_page()
        tab.goto((tmp_path / f"{name}.html").as_uri())
        shown[name] = tab.inner_text("body")
        tab.close()
    assert shown["plain"].startswith("kernel: 2 of 4 points, ✗ wrong answer")
    assert "✗ keeps its first promise" in shown["plain"] and "also differs" not in shown["plain"]
    assert re.match(r"kernel\s+2 of 4 points\s+✗ wrong answer", shown["styled"])
    assert "also differs" in shown["styled"] and "points," not in shown["styled"]


@pytest.mark.parametrize(
    "piece", ["  \n", '"', "'''\"\"\"", '\\"""', "f'{", "(", "@", "a.", "match ", "1_", "é"]
)
def test_code_of_any_kind_is_coloured_at_once(piece: str) -> None:
    """reads a learner's code in one go; a lexer in which patterns try again takes 40 s for lines of two spaces"""
    began = time.process_time()
    page = submission_page(graded("ada", passed("kernel"), cells={"kernel": piece * 20_000}), "Filters")
    assert time.process_time() - began < 1
    assert page.count("<span") == page.count("</span>")


def test_code_is_coloured_by_what_it_is() -> None:
    source = 'def f(x):\n    """<b>"""\n    return len(x) + 1.5  # "c"'
    page = submission_page(graded("ada", passed("kernel"), cells={"kernel": source}), "Filters")
    for kind, word in [
        ("k", "def"),
        ("s", "&quot;&quot;&quot;&lt;b&gt;&quot;&quot;&quot;"),
        ("nb", "len"),
        ("m", "1.5"),
        ("c", "# &quot;c&quot;"),
    ]:
        assert f'<span class="{kind}">{word}</span>' in page
