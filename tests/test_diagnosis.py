"""A wrong kernel is told why: known mistakes, other arguments, relations, two at once, conditions, exceptions."""

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograder import mistakes
from autograder.chapters import chapter
from autograder.checking import run as checking
from autograder.checking.diagnosis import conditions, explain, probes, relations
from autograder.checking.diagnosis.naming import Naming
from autograder.checking.oracle import Record, Reference, _nudged
from autograder.checking.run import run_checks
from autograder.checking.subject import Subject, _same_number, clock_of
from autograder.inside.calling import Caller, Outcome
from autograder.publishing.kit import record_answers
from autograder.results import SIDE_EFFECTS, UNSTABLE, Exercise
from solutions.backprop import conv2d_backward
from solutions.filters import apply_filters, correlate2d, relu
from solutions.fully_connected import cross_entropy, softmax
from solutions.padding import conv2d, zero_pad
from solutions.stride import output_size

PUBLIC, FRESH = "public", "a draw of its own"


def checked(kernel: str, function: Callable[..., Any], seed: str = PUBLIC) -> Exercise:
    """Check a function in the place of a kernel of the course."""
    for name in ("filters", "stride", "padding", "fully_connected", "backprop", "left_out", "bridge"):
        reference = Reference(chapter(name))
        if kernel in reference.points():
            checks = chapter(name).checks
            return run_checks(checks, reference, {kernel: Caller(function)}, seed)[0]
    raise LookupError(kernel)


def in_float32(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    return correlate2d(image.astype(np.float32), kernel.astype(np.float32)).astype(np.float64)


def asserts_a_square(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    assert image.shape[0] == image.shape[1], "not square"
    return correlate2d(image, kernel)


def refuses_a_rest(x: Any, w: Any, b: Any, stride: int = 1, padding: int = 0) -> np.ndarray:
    if (x.shape[1] + 2 * padding - w.shape[0]) % stride or (x.shape[2] + 2 * padding - w.shape[1]) % stride:
        raise ValueError("the stride leaves a rest")
    return conv2d(x, w, b, stride, padding)


def cuts_from_p_to_minus_p(x: np.ndarray, padding: int) -> np.ndarray:
    padded = zero_pad(x, padding + 1)
    return (
        padded
        if padding == 1
        else zero_pad(x, padding)[:, padding:-padding]
        if padding == 0
        else zero_pad(x, padding)
    )


def breaks_off(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    window = image[:2, :3]
    return window @ window


def changes_and_takes_absolutes(x: np.ndarray) -> np.ndarray:
    result = np.abs(x)
    x[...] = 1
    return result


def turned_with_stride_1(x: Any, w: Any, b: Any, stride: int = 1, padding: int = 0) -> np.ndarray:
    return conv2d(x, w[::-1, ::-1], b, 1, padding)


def mean_for_dw(dout: Any, x: Any, w: Any, stride: int = 1, padding: int = 0) -> tuple[Any, Any, Any]:
    dx, dw, db = conv2d_backward(dout, x, w, stride, padding)
    return dx, dw / len(x), db[:, np.newaxis]


TOLD = [
    ("correlate2d", lambda image, kernel: correlate2d(image, kernel)[..., None], "axis kept", "axis 2"),
    ("correlate2d", lambda image, kernel: 3 * correlate2d(image, kernel), "factor", "3 times"),
    ("correlate2d", lambda image, kernel: correlate2d(image, kernel)[:, ::-1], "mirrored", "axis 1"),
    ("correlate2d", lambda image, kernel: list(correlate2d(image, kernel)), "container", "type"),
    ("correlate2d", asserts_a_square, "exception", "refuses calls that are in order"),
    ("correlate2d", asserts_a_square, "exception", "whenever H and W differ"),
    ("correlate2d", breaks_off, "exception", "`return window @ window`"),
    ("correlate2d", breaks_off, "exception", "window has shape"),
    ("apply_filters", lambda v, f, b: apply_filters(v, f, b)[:-1], "cropped", "the last of axis 0"),
    ("apply_filters", lambda v, f, b: apply_filters(v, f, b) + 2, "constant", "too large by 2"),
    ("relu", changes_and_takes_absolutes, "known", "changes its input x"),
    ("conv2d", refuses_a_rest, "exception", "whenever the stride leaves a rest"),
    ("conv2d", turned_with_stride_1, "two as ifs", "does not use stride"),
    ("conv2d_backward", mean_for_dw, "factor", "In dw: Every number is too small by the factor N"),
    ("conv2d_backward", mean_for_dw, "factor", "In db: The numbers are right, but there is an axis"),
    ("softmax", lambda z: np.log(softmax(z)), "logarithm", "logarithm"),
    ("cross_entropy", lambda z, y: 2 * len(y) * cross_entropy(z, y), "known with a relation", "twice"),
    ("output_size", lambda *args: output_size(*args) + 2, "constant", "too large by 2"),
]  # fmt: skip


@pytest.mark.parametrize(("kernel", "function", "kind", "says"), TOLD)
@pytest.mark.parametrize("seed", [PUBLIC, FRESH])
def test_wrong_kernel_is_told_its_cause(
    kernel: str, function: Callable[..., Any], kind: str, says: str, seed: str
) -> None:
    """names the kind of cause and the fact that matters, on the learners' draw and on another"""
    exercise = checked(kernel, function, seed)
    assert exercise.score < exercise.points
    assert kind in exercise.cause, (exercise.cause, exercise.hint)
    assert says in exercise.hint


def test_nothing_is_said_where_nothing_is_known() -> None:
    """says no cause of answers that have nothing to do with the right ones"""
    noise = np.random.default_rng(5)
    answers: dict[bytes, np.ndarray] = {}

    def invents(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        right = correlate2d(image, kernel)
        return answers.setdefault(image.tobytes() + kernel.tobytes(), noise.normal(size=right.shape))

    exercise = checked("correlate2d", invents)
    assert exercise.score == 0
    assert (exercise.cause, exercise.hint) == ("", "")


def test_a_side_effect_costs_one_check_and_is_named_once() -> None:
    """keeps the points of all checks of values, and adds one failed check"""

    def writes_into_x(x: np.ndarray) -> np.ndarray:
        x[x < 0] = 0
        return x

    exercise = checked("relu", writes_into_x)
    failed = [check.name for check in exercise.checks if not check.passed]
    assert failed == [SIDE_EFFECTS]
    assert exercise.score == round(exercise.points * (len(exercise.checks) - 1) / len(exercise.checks), 2)
    assert exercise.failure and "changes its input x" in exercise.failure.message


def test_a_wrong_dtype_costs_one_check() -> None:
    """fails just the first check that asks for the dtype, where the values are right"""
    exercise = checked("relu", lambda x: np.maximum(x, 0).astype(np.float64))
    assert sum(not check.passed for check in exercise.checks) == 1


def test_all_calls_of_a_check_are_made_whether_right_or_wrong() -> None:
    """asks a wrong kernel exactly what it asks a right one: the questions tell nothing of the answers"""
    asked: dict[str, list[bytes]] = {"right": [], "wrong": []}

    def noting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def kernel(image: np.ndarray, weights: np.ndarray) -> np.ndarray:
            asked[name].append(image.tobytes() + weights.tobytes())
            return function(image, weights)

        return kernel

    checked("correlate2d", noting("right", correlate2d))
    checked("correlate2d", noting("wrong", lambda image, kernel: correlate2d(image, kernel) + 1))
    count = len(asked["right"]) - 3  # the last are repeats
    assert count > 10
    assert asked["wrong"][:count] == asked["right"][:count]


def test_a_kernel_that_answers_differently_each_time_is_noticed() -> None:
    """loses a check even where a check accepts whatever comes"""
    turns = itertools.count()

    def cycles(x: np.ndarray) -> np.ndarray:
        return relu(x) + next(turns) % 3

    exercise = checked("relu", cycles)
    assert UNSTABLE in [check.name for check in exercise.checks if not check.passed]
    assert exercise.failure and "two different answers" in exercise.failure.message


def test_a_design_is_asked_for_once() -> None:
    """judges the first answer of a kernel without arguments by all checks, however often it changes its mind"""
    right = Reference(chapter("filters")).expected("x_detector", ()).value
    designs = itertools.chain([(np.zeros((3, 3)), 0.0)], itertools.repeat(right))
    exercise = checked("x_detector", lambda: next(designs))
    assert exercise.score == 0
    assert UNSTABLE in [check.name for check in exercise.checks if not check.passed]


@pytest.mark.parametrize(
    "value",
    [
        None, 3.5, "text", [], [[1], [1, 2]], ([[1], [1, 2]], 0.5), (np.zeros((3, 3)), [[1], [1, 2]]), {"a": 1}, (), np.zeros(0),
        (np.zeros((3, 3)), None), (np.zeros((3, 3)), np.zeros(2)), (np.full((3, 3), np.nan), np.nan), np.array("x"),
        np.zeros((0, 5)), (np.zeros((3, 3), bool), True), ((1, 2), (3, 4)), object(),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kernel", ["x_detector", "correlate2d", "softmax", "conv2d_backward", "output_size"])
def test_nothing_that_a_kernel_returns_is_a_fault_of_the_grader(kernel: str, value: Any) -> None:
    """turns odd values into failed checks, never into an error of ours"""
    exercise = checked(kernel, lambda *args: value)
    assert exercise.score == 0
    assert exercise.verdict == "wrong answer"


NESTED = [[[0] * 64] * 64] * 64
WIDE = [[[""] * 64] * 64, [["x" * 1000] + [""] * 63] * 64]
ROWS = [np.zeros(2**18)] * 64


@pytest.mark.parametrize(
    "value", [NESTED, WIDE, ROWS, (NESTED, WIDE)], ids=["nested", "texts", "rows", "both"]
)
@pytest.mark.parametrize("kernel", ["correlate2d", "conv2d_backward"])
def test_lists_without_end_do_not_keep_the_diagnosis(kernel: str, value: Any) -> None:
    """works with no list that is large, or as wide everywhere as its longest text: each comparison would copy it"""
    one = chapter("filters" if kernel == "correlate2d" else "backprop")
    begin = time.process_time()
    (exercise,) = checking.run_checks(
        one.checks, Reference(one), {kernel: lambda args: Outcome(value, after=args)}
    )
    assert exercise.score == 0 and exercise.verdict == "wrong answer"
    assert time.process_time() - begin < 8


def test_numbers_are_the_same_for_us_as_for_numpy() -> None:
    """agrees with np.allclose on numbers of every kind"""
    some = (
        0,
        1,
        2**63,
        -3,
        0.0,
        -0.0,
        1.0,
        1 + 1e-11,
        1 + 1e-9,
        1e300,
        -1e300,
        5e-324,
        np.inf,
        -np.inf,
        np.nan,
    )
    for one, other in itertools.product(some, some):
        said = _same_number(one, other, 1e-10)
        assert said == np.allclose(one, other, rtol=1e-10, atol=1e-10, equal_nan=True), (one, other)


@pytest.mark.filterwarnings("error")
def test_the_diagnosis_ends_in_time_and_the_score_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """finds no cause where there is no time left, gives the same points, and says nothing of it"""
    told = checked("relu", np.abs)
    monkeypatch.setattr(explain, "SECONDS", -1.0)
    hurried = checked("relu", np.abs)
    assert (told.score, told.verdict) == (hurried.score, hurried.verdict)
    assert told.cause and not hurried.cause


def works(seconds: float) -> None:
    """Take processor time, however little of it there is at the moment."""
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


@pytest.mark.parametrize(("limit", "spend"), [("MOST_OTHER_SECONDS", works), ("IDLE_SECONDS", time.sleep)])
def test_the_diagnosis_does_not_call_for_ever(
    monkeypatch: pytest.MonkeyPatch, limit: str, spend: Callable[[float], None]
) -> None:
    """makes no call after its time, in the middle of a draw too; what counts was settled before"""
    monkeypatch.setattr(checking, limit, 0.05)
    settled: list[int] = []
    calls = []

    def slow(args: tuple[Any, ...]) -> Outcome:
        calls.append(args)
        if settled:
            spend(0.06)
        return Outcome(value=np.full(np.shape(args[0]), 0.123), after=args)

    one = chapter("filters")
    (exercise,) = checking.run_checks(
        one.checks, Reference(one), {"relu": slow}, on_settled=lambda: settled.append(len(calls))
    )
    assert exercise.score == 0
    assert len(calls) - settled[0] <= 1


def test_a_machine_with_other_things_to_do_changes_no_diagnosis() -> None:
    """tells the same where every call is kept waiting, longer than a call may take that is asked with other numbers"""
    module = Reference(chapter("padding")).module

    def slightly_off(x: np.ndarray, padding: int) -> np.ndarray:
        return module.zero_pad(x, padding) + 1e-6

    def kept_waiting(x: np.ndarray, padding: int) -> np.ndarray:
        time.sleep(1.2 * checking.PROBE_SECONDS)
        return slightly_off(x, padding)

    alone, busy = (checked("zero_pad", function) for function in (slightly_off, kept_waiting))
    assert (alone.cause, alone.hint, alone.score) == (busy.cause, busy.hint, busy.score)
    assert "too large by 1e-06" in busy.hint


def test_work_counts_wherever_the_kernel_runs() -> None:
    """adds what the processes of a jailed kernel used; a function of this process is in our own time already"""

    class Elsewhere:
        busy = worked = staticmethod(lambda: 1000.0)
        __call__ = prepare = run = result = frozen = lambda self, *args: Outcome()

    before = time.process_time()
    assert before <= clock_of(Caller(relu))() < before + 100
    assert before + 1000 <= clock_of(Elsewhere())() < before + 1100  # type: ignore[arg-type]
    seen = Subject("relu", Elsewhere(), Reference(chapter("filters")))  # type: ignore[arg-type]
    seen.returns(np.ones(2))
    assert seen.seen[0].seconds < 100


@pytest.mark.filterwarnings("error")
def test_a_factor_that_is_nothing_in_some_calls_is_no_error() -> None:
    """asks a call with padding 0 too whether its answer is too small by the factor padding"""
    module = Reference(chapter("padding")).module
    found = checked("zero_pad", lambda x, p: module.zero_pad(x, p) / p if p else 3 * x)
    assert found.score < found.points


@pytest.mark.filterwarnings("error")
def test_a_bias_that_cannot_be_added_to_the_result_is_no_error() -> None:
    """asks filters in PyTorch's order too whether their bias, one number for each filter, is added once more"""
    module = Reference(chapter("bridge")).module

    def rolled(w: np.ndarray, b: np.ndarray) -> dict[str, np.ndarray]:
        return module.torch_state(np.roll(w, 1, axis=0), b)  # type: ignore[no-any-return]

    found = checked("torch_state", rolled)
    assert found.score < found.points and found.hint


def test_conditions_part_what_failed_from_what_passed() -> None:
    """finds the one condition that holds in all calls that failed and in none that passed"""
    naming = Naming(("x", "padding"), {"x": (("H", "W"),)})
    calls = [((np.zeros((h, w)), p), p == 0) for h, w, p in itertools.product((2, 3), (3, 5), (0, 1, 2))]
    failing = [args for args, fails in calls if fails]
    passing = [args for args, fails in calls if not fails]
    found = conditions.parting(naming, failing, passing)
    assert found and found[0] == "padding is 0"


def test_of_few_calls_no_condition_is_believed() -> None:
    """says nothing where two unlike calls failed, however well a condition parts them from those that passed"""
    naming = Naming(("x", "padding"), {"x": (("H", "W"),)})
    failing = [(np.zeros((h, 3)), 0) for h in (2, 2, 2, 4)]
    passing = [(np.zeros((h, 3)), p) for h, p in itertools.product((2, 4), (1, 2))]
    assert conditions.parting(naming, failing, passing) is None


def test_no_condition_is_found_where_there_is_none() -> None:
    """says nothing of calls that fail by chance"""
    naming = Naming(("x",), {"x": (("H", "W"),)})
    rng = np.random.default_rng(0)
    calls = [(rng.normal(size=tuple(rng.integers(2, 6, 2))),) for _ in range(40)]
    assert conditions.parting(naming, calls[::2], calls[1::2]) is None


def test_results_with_several_arrays_are_compared_part_by_part() -> None:
    """finds the right thing done to another argument also where a result has arrays of several shapes"""
    right = (np.arange(6.0).reshape(2, 3), np.arange(4.0), 2.5)
    assert relations.alike(right, tuple(right)) and relations.alike(right, list(right))
    assert not relations.alike(right, (right[0], right[1] + 1, right[2])) and not relations.alike(
        right, right[:2]
    )
    module = Reference(chapter("backprop")).module
    found = checked(
        "conv2d_backward",
        lambda dout, x, w, stride=1, padding=0: module.conv2d_backward(
            dout, x, w[:, :, ::-1], stride, padding
        ),
    )
    assert (
        found.cause
        and "first channel" not in found.hint
        and "channels of w in the opposite order" in found.hint
    )


def test_what_fits_the_checks_by_chance_is_not_told() -> None:
    """holds a cause against calls that no check made: the same with other numbers"""
    module = Reference(chapter("padding")).module
    found = checked("zero_pad", lambda x, padding: module.zero_pad(x, padding) + 1e-6)
    assert "float32" not in found.hint and "seven digits" not in found.hint
    assert "too large by 1e-06" in found.hint


def test_a_known_mistake_too_must_stand_in_other_calls() -> None:
    """does not take a bias that is rounded to four digits for float32, though no check tells them apart"""
    found = checked("apply_filters", lambda v, f, b: apply_filters(v, f, np.round(b, 4)))
    assert found.score < found.points
    assert "float32" not in found.hint


def test_right_numbers_in_a_wrong_form_are_no_answer_to_other_arguments() -> None:
    """names the list, not a change of the arguments that makes no difference to the few calls that it can be made to"""
    found = checked("cross_entropy", lambda z, y: [cross_entropy(z, y)])
    assert "of logits" not in found.hint
    found = checked("relu", lambda x: relu(x).tolist())
    assert found.cause == "container", found.hint


def test_calls_are_varied_so_that_what_belongs_together_does_so_still() -> None:
    """cuts an axis in all arguments that have it, and none whose length hangs on the stride"""
    rng = np.random.default_rng(0)
    reference = Reference(chapter("padding"))
    args = np.ones((3, 6, 5, 2)), np.ones((2, 3, 2, 4)), np.ones(4), 1, 0
    found = [probes.varied(reference.naming("conv2d"), args, rng) for _ in range(200)]
    for x, w, b, *_ in [one for one in found if one]:
        assert x.shape[3] == w.shape[2] and b.shape[0] == w.shape[3] and x.size and w.size
    lengths = {(*x.shape, *w.shape, *more, str(x.dtype)) for x, w, _, *more in [one for one in found if one]}
    assert {one[0] for one in lengths} >= {1, 3} and {one[3] for one in lengths} == {1, 2}
    assert {one[8] for one in lengths} >= {1, 2, 3} and {one[-1] for one in lengths} == {"float64", "float32"}
    reference = Reference(chapter("backprop"))
    args = np.ones((3, 5, 3, 4)), np.ones((3, 6, 5, 2)), np.ones((2, 3, 2, 4)), 1, 0
    found = [probes.varied(reference.naming("conv2d_backward"), args, rng) for _ in range(200)]
    for dout, x, w, *more in [one for one in found if one]:
        assert (
            dout.shape[1:3] == (5, 3) and x.shape[1:3] == (6, 5) and w.shape[:2] == (2, 3) and more == [1, 0]
        )
        assert len(dout) == len(x) and x.shape[3] == w.shape[2] and dout.shape[3] == w.shape[3]
    assert probes.varied(Naming((), {}), (), rng) is None


def test_luck_is_no_exception_to_a_condition() -> None:
    """tells a condition one way only where one call in twenty that meets it is right"""
    naming = Naming(("x", "padding"), {"x": (("H", "W"),)})
    calls = [(np.zeros((h, w)), p) for h, w, p in itertools.product((2, 3, 4, 5), (3, 5, 6), (0, 1, 2))]
    failing = [args for args in calls if args[1] == 0][1:]
    lucky = [args for args in calls if args[1] == 0][:1]
    passing = [args for args in calls if args[1]]
    assert (found := conditions.parting(naming, failing, passing)) and found[0] == "padding is 0" and found[3]
    found = conditions.parting(naming, failing, passing + lucky)
    assert found and found[0] == "padding is 0" and not found[3]


def test_a_condition_says_nothing_of_what_shows_nothing() -> None:
    """is no lie where all numbers of the right answer are the same, so that none can stand at a wrong place"""
    when = explain._When("N is not 1", "N is 1", lambda args: args[0] > 1)
    flat, other = Outcome(value=np.zeros((2, 3))), Outcome(value=np.arange(6.0).reshape(2, 3))
    assert when.claim((2,), flat, flat) is None and when.claim((2,), other, other) is False
    assert when.claim((2,), other, flat) is True and when.claim((1,), other, flat) is False
    assert when.claim((2,), Outcome(value=1.0), Outcome(value=1.0)) is False
    assert explain._When("N is not 1", "N is 1", when.test, False).claim((2,), other, other) is None


def test_float32_holds_nothing_very_near_0() -> None:
    """counts a number that float32 cannot hold as right in float32"""
    wanted = np.array([1e-50, -1e-60])
    (relation,) = [
        one
        for one in relations.related(Naming(("z",), {}), (np.ones(3),), wanted, np.zeros(2))
        if one.kind == "precision"
    ]
    assert "seven digits" in relation.text
    assert not relation.holds((), np.array([1.0, 2.0]), np.array([1.0, 2.1]))


def he(shape: tuple[int, ...], rng: Any, inputs: float | None = None) -> np.ndarray:
    return rng.normal(0, np.sqrt(2 / (inputs or np.prod(shape[:-1]))), shape).astype(np.float32)


DRAWN = [
    (lambda shape, rng: he(shape, rng, np.prod(shape[1:])), "random spread", "wrong lengths"),
    (lambda shape, rng: 2 * he(shape, rng), "random spread", "2 times as wide"),
    (lambda shape, rng: he(shape, rng) + np.float32(1), "random centre", "lie around 0."),
    (lambda shape, rng: he(shape, rng).astype(np.float16), "random dtype", "float16"),
    (lambda shape, rng: he(shape, np.random.default_rng(1)), "no chance", "must be drawn from rng"),
    (lambda shape, rng: he(shape, rng)[None], "random shape", "has shape (1, 5, 3)"),
]  # fmt: skip


@pytest.mark.parametrize(("function", "kind", "says"), DRAWN)
def test_what_is_drawn_is_held_against_the_reference_as_a_whole(
    function: Callable[..., Any], kind: str, says: str
) -> None:
    """names the spread, the centre, the form of random numbers, of which many are right"""
    found = checked("he_init", function)
    assert found.score < found.points
    assert (found.cause, says in found.hint) == (kind, True), found.hint


def test_float32_has_fewer_digits_to_compare() -> None:
    """names a cause in float32 too, whose last digits are nobody's"""
    module = Reference(chapter("filters")).module
    found = checked(
        "window_response",
        lambda window, kernel, bias: np.expand_dims(module.window_response(window, kernel, bias), 0),
    )
    assert found.cause == "axis kept"


def test_names_are_read_off_a_docstring() -> None:
    """knows the axes of each parameter in every form, and the names of several results"""
    naming = Reference(chapter("backprop")).naming("conv2d_backward")
    assert naming.axes["w"] == (("F_h", "F_w", "C", "K"),)
    assert naming.results == ("dx", "dw", "db")
    forms = Reference(chapter("left_out")).naming("batch_norm")
    assert forms.axes_of("x", 2) == ("N", "D")
    assert forms.axes_of("x", 4) == ("N", "H", "W", "C")
    assert forms.axes_of("x", 3) == ()


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4), (2, 3, 4, 5)])
def test_a_relation_that_is_found_holds(shape: tuple[int, ...]) -> None:
    """yields only relations that hold in the call at hand, whatever was done to the answer"""
    rng = np.random.default_rng(1)
    right = rng.normal(size=shape)
    changes = [
        np.negative,
        np.abs,
        lambda a: a.T,
        lambda a: a[::-1],
        lambda a: a[1:],
        lambda a: 2 * a,
        lambda a: a + 1,
    ]
    naming = Naming(("x",), {})
    for change in changes:
        got = change(right)
        found = list(relations.related(naming, (right,), right, got))
        assert all(relation.holds((right,), right, got) for relation in found)
        assert found or np.array_equal(got, right)


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (lambda right: None, "returns nothing"),
        (lambda right: str(right), "type str"),
        (lambda right: right.astype(np.float16), "about three digits"),
        (lambda right: right[-1:], "of axis 0 only the last is left"),
    ],
)
def test_what_is_returned_is_named(answer: Any, cause: str) -> None:
    """names a result that is missing, of another type, too coarse, or cut to one line"""
    module = Reference(chapter("filters")).module
    assert (
        cause in checked("correlate2d", lambda image, kernel: answer(module.correlate2d(image, kernel))).hint
    )


def test_parts_that_are_right_are_told_from_those_that_are_not() -> None:
    """says which of several results is wrong, and how many are asked for"""
    module = Reference(chapter("backprop")).module
    wrong = lambda *args: (lambda dx, dw, db: (dx, np.sin(dw) + dw**2, db))(*module.linear_backward(*args))
    assert "dx and db are right, and dw is not" in checked("linear_backward", wrong).hint
    one = checked("linear_backward", lambda *args: module.linear_backward(*args)[0])
    assert "returns one value, where 3 are asked for: dx, dw, db" in one.hint


def test_whatever_stops_everywhere_is_no_known_mistake_for_that() -> None:
    """names the line that stopped, not a mistake that stops with other words"""

    def stops(*args: Any) -> None:
        size = args[0].size
        raise ValueError("I have no idea" + "!" * (size % 2))

    found = checked("x_or_not_x", stops)
    assert found.cause == "exception" and "I have no idea" in found.hint


def test_last_digits_of_another_machine_hide_no_mistake(tmp_path: Path) -> None:
    """after a training of many steps they are the first digits: a record does not hold mistakes against such calls"""
    training = chapter("training")
    record_answers(training, tmp_path / "training.checks")
    record = Record(tmp_path / "training.checks")
    names = ["draws_with_replacement", "forgets_the_states"]
    for mistake in mistakes.of("training"):
        if mistake.kernel == "train" and mistake.name in names:
            there = Caller(lambda *args, made=mistake.function: made(*_nudged(args)))
            (found,) = run_checks(training.checks, record, {"train": there})
            assert found.mistake == mistake.name
            names.remove(mistake.name)
    assert not names

    (train,) = (
        m.function for m in mistakes.of("training") if m.name == "changes_the_parameters_it_was_given"
    )

    def slow_with_many(*args: Any) -> Any:
        *others, data, rng, epochs, batch_size, rate = args
        return train(
            *others, data, rng, epochs, batch_size, rate / 1e6 if len(data["train_labels"]) > 50 else rate
        )

    (found,) = run_checks(training.checks, record, {"train": Caller(slow_with_many)})
    assert found.score < found.points - 0.5 and "numbers are right" not in found.hint
