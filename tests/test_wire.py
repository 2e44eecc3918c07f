"""The wire carries plain data unchanged, and nothing that is sent over it can harm whoever reads."""

import json
import struct
import tracemalloc
import warnings
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from autograder.checking.subject import CheckFailure, Subject, _same_value
from autograder.inside import wire
from autograder.inside.calling import Caller, Opaque, Outcome, plain
from autograder.inside.functions import FUNCTIONS, Known
from autograder.reports import exercise_html, exercise_text
from autograder.reports.words import recipe
from autograder.results import WRONG, Exercise, Failure, Panel


def body(message: dict) -> bytes:
    return wire.pack(message)[4:]


def part(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


def npy(descr: str, shape: str, data: bytes, version: bytes = b"\x01\x00") -> bytes:
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY" + version + struct.pack("<H", len(header)) + header + data


def one_array(content: bytes) -> bytes:
    """The body of a message with one array of that content."""
    return part(json.dumps({"x": {"~": "array", "at": 0}}).encode()) + part(content)


@pytest.mark.parametrize("dtype", ["?", "i1", "u1", "<i2", ">i4", "u8", "f2", "f4", ">f8", np.longdouble])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (1, 0, 4), (2, 1, 3, 2)])
def test_wire_keeps_arrays(dtype: str, shape: tuple[int, ...]) -> None:
    """keeps values, shape and dtype, whatever the memory layout"""
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    for sent in (array, np.asfortranarray(array), array[..., ::-1] if shape else array):
        got = wire.unpack(body({"x": sent}))["x"]
        assert type(got) is np.ndarray and got.dtype == sent.dtype and got.flags.writeable
        np.testing.assert_array_equal(got, sent, strict=True)


def test_wire_keeps_plain_values() -> None:
    """keeps numbers, texts, lists and tuples, nested, with what JSON does not know"""
    outcome = Outcome((np.eye(2), [1, None]), "ValueError", "no: é", (np.zeros(3),), True)
    message = {
        "values": (1, -(2**63), 2**64 - 1, 1.5, True, None, "text é ☃", [(), []], {"a": (1,)}),
        "odd": [float("inf"), float("-inf")],
        "outcome": outcome,
        "opaque": Opaque("builtins.set"),
    }
    got = wire.unpack(body(message))
    assert {key: got[key] for key in ("values", "odd", "opaque")} == {
        key: message[key] for key in ("values", "odd", "opaque")
    }
    assert np.isnan(wire.unpack(body({"x": float("nan")}))["x"])
    assert _same_value(got["outcome"].value, outcome.value, 0.0)
    assert _same_value(got["outcome"].after, outcome.after, 0.0)
    assert (got["outcome"].error, got["outcome"].message, got["outcome"].stale) == (
        "ValueError",
        "no: é",
        True,
    )


def test_wire_keeps_dicts_functions_and_warnings() -> None:
    """keeps what only some kernels take: a dict of arrays, a function by its name; and what a call warned of"""
    args = ({"w": np.eye(2, dtype="f4"), "b": np.zeros(2)}, *map(Known, FUNCTIONS))
    got = wire.unpack(body({"outcome": Outcome(after=plain(args), warning="overflow encountered in exp")}))
    assert _same_value(got["outcome"].after, args, 0.0) and list(got["outcome"].after[0]) == ["w", "b"]
    assert got["outcome"].warning == "overflow encountered in exp"
    assert list(wire.unpack(part(b'{"\\ud800": 1}'))) == ["?"]


def test_plain_takes_dicts_that_the_wire_can_carry() -> None:
    """copies a dict with texts for keys; any other is an object, and none can pass for what the wire makes"""
    array = np.zeros(2)
    copy = plain({"a": array, "b": [1, {"c": None}]})
    assert copy["a"] is not array and copy["b"] == [1, {"c": None}]
    for odd in (
        {1: array},
        {"~": "outcome", "fields": {}},
        {"x" * 101: 1},
        dict.fromkeys(map(str, range(65))),
    ):
        assert plain(odd) == Opaque("dict")


def test_plain_takes_a_named_tuple_for_the_tuple_that_it_is() -> None:
    """copies the values that a named tuple holds, whatever its own methods say"""

    class Zeros(NamedTuple):
        before: int
        after: int

    class Liar(Zeros):
        def __iter__(self) -> Iterator[int]:
            return iter((7, 7))

    for kind in (Zeros, Liar):
        copy = plain(kind(1, np.int64(2)))
        assert type(copy) is tuple and copy == (1, 2)


def test_caller_notes_the_first_runtime_warning() -> None:
    """notes NumPy's warning in every call, whatever the learner silenced, and no other kind of warning"""

    def warn_all(x: np.ndarray) -> np.ndarray:
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        return 1 / (1 + np.exp(-x))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        call = Caller(warn_all)
        found = [call((np.array([number]),)).warning for number in (-1000.0, 0.0, -1000.0)]
    assert found == ["overflow encountered in exp", "", "overflow encountered in exp"]


def test_wire_sends_no_objects() -> None:
    """refuses to send an array of objects, for which it would need pickle"""
    with pytest.raises(ValueError, match="Object arrays"):
        wire.pack({"x": np.array([{}])})


def test_wire_sends_no_frame_over_its_limits() -> None:
    """refuses a message that the other side would refuse"""
    for message in (
        {"x": np.zeros(wire.MAX_FRAME // 8)},
        {"x": "x" * wire.MAX_TEXT},
        {"x": [np.zeros(1)] * (wire.MAX_ARRAYS + 1)},
    ):
        with pytest.raises(wire.WireError, match="limit"):
            wire.pack(message)


MALFORMED = {
    "nothing": b"",
    "less than a length": b"\0\0",
    "a part longer than its frame": b"\xff\xff\xff\xff{}",
    "an empty text": part(b""),
    "a text that is not JSON": part(b"{'a': 1}"),
    "a text that is not UTF-8": part(b'{"a": "\xff"}'),
    "a text in UTF-16": part('{"a": 1}'.encode("utf-16")),
    "a list": part(b"[]"),
    "a number": part(b"1"),
    "a text over the limit": part(b'"' + b"x" * wire.MAX_TEXT + b'"'),
    "deep nesting": part(b"[" * 100_000),
    "nesting over the limit": part(b'{"a": ' + b"[" * 13 + b"]" * 13 + b"}"),
    "a number of a million digits": part(b'{"a": 1' + b"0" * 1_000_000 + b"}"),
    "a whole number over 64 bits": part(b'{"a": 18446744073709551616}'),
    "an unknown kind": part(b'{"~": "pickle"}'),
    "an outcome without fields": part(b'{"a": {"~": "outcome"}}'),
    "an outcome of a list": part(b'{"a": {"~": "outcome", "fields": []}}'),
    "a float of another kind": part(b'{"a": {"~": "float", "is": "1e400"}}'),
    "an array that is not there": part(b'{"a": {"~": "array", "at": 0}}'),
    "an array at a negative place": part(b'{"a": {"~": "array", "at": -1}}')
    + part(npy("<f8", "(1,)", bytes(8))),
    "a tuple of a number": part(b'{"a": {"~": "tuple", "of": 1}}'),
    "too many arrays": part(b"{}") + part(npy("<f8", "(1,)", bytes(8))) * (wire.MAX_ARRAYS + 2),
    "a pickle for an array": one_array(b"\x80\x04\x95"),
    "an array of objects": one_array(npy("|O", "(1,)", bytes(8))),
    "an array of text": one_array(npy("<U1", "(1,)", bytes(4))),
    "an array of complex numbers": one_array(npy("<c16", "(1,)", bytes(16))),
    "an array of a dtype that is none": one_array(npy("<f3", "(1,)", bytes(3))),
    "an array of records": one_array(npy("<f8", "(1,)", bytes(8)).replace(b"'<f8'", b"[('a', '<f8')]")),
    "an array of negative size": one_array(npy("<f8", "(-1,)", b"")),
    "an array of a size that is not a number": one_array(npy("<f8", "(nan,)", bytes(8))),
    "an array of a size that it does not have": one_array(npy("<f8", "(2,)", bytes(8))),
    "an array that has more than its size": one_array(npy("<f8", "(1,)", bytes(9))),
    "an array of nine axes": one_array(npy("<f8", "(1, 1, 1, 1, 1, 1, 1, 1, 1)", bytes(8))),
    "an array of a product that overflows": one_array(npy("<f8", "(4294967296, 4294967296, 2)", b"")),
    "an array of 22 million rows without a value": one_array(npy("<f8", "(22000000, 0)", b"")),
    "an array of more rows than memory without a value": one_array(npy("<f8", "(999999999999, 3, 0)", b"")),
    "an array whose header is code": one_array(npy("<f8", "(__import__('os').abort(),)", bytes(8))),
    "an array whose header does not end": one_array(npy("<f8", "((((((((((((", bytes(8))),
    "an array of another version": one_array(npy("<f8", "(1,)", bytes(8), b"\x03\x00")),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_wire_refuses(name: str) -> None:
    """raises WireError and nothing else"""
    with pytest.raises(wire.WireError):
        wire.unpack(MALFORMED[name])


def test_wire_makes_no_room_for_what_is_only_claimed() -> None:
    """takes no memory for an array of 80 GB that was never sent"""
    claim = one_array(npy("<f8", "(10000000000,)", b""))
    tracemalloc.start()
    with pytest.raises(wire.WireError):
        wire.unpack(claim)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000


@pytest.mark.parametrize("shape", [(22 * 10**6, 0), (0, 10**8), (10**8, 0, 1), (2**10, 2**11, 0), (0, 2**59)])
def test_array_without_a_value_does_not_pass_for_data(shape: tuple[int, ...]) -> None:
    """is an object that its shape names, wherever it stands, if it has millions of rows"""
    expected = Opaque(f"array of shape {shape} that holds no value")
    value = np.zeros(shape)
    outcome = Caller(lambda x: {"a": [value]})((np.zeros(1),))
    assert plain(value) == expected and outcome.value == {"a": [expected]}
    assert _agrees(lambda x: value, np.zeros(3)).endswith(
        f"{expected.type_name}, which is not a plain array or number"
    )


@pytest.mark.parametrize("shape", [(0,), (0, 5, 5, 3), (2**20, 0), (0, 2**10, 2**10), (1,) * 7 + (0,)])
def test_array_without_a_value_is_never_unfolded(shape: tuple[int, ...]) -> None:
    """crosses the wire if it is of use, and stands in every report without a list for each of its rows"""
    got = wire.unpack(body({"x": plain(np.zeros(shape))}))["x"]
    assert got.shape == shape
    tracemalloc.start()
    inputs = Panel.each("x", got)
    failure = Failure("", "f(x)", "shape", "", None, inputs, Panel.of("expected", np.zeros(3)), inputs[0])
    exercise = Exercise("f", 1, 0, WRONG, (), failure)
    text = exercise_html(exercise) + exercise_text(exercise) + recipe(failure)
    assert json.loads(json.dumps(exercise.to_json()))["failure"]["got"]["values"] == []
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20 and len(text) < 20_000
    assert f"x = np.zeros({shape}, dtype=np.float64)" in recipe(failure)


def test_wire_makes_bools_of_bools() -> None:
    """reads any byte but 0 as True, for NumPy contradicts itself on a bool of 2"""
    got = wire.unpack(one_array(npy("|b1", "(3,)", b"\0\1\2")))["x"]
    assert got.tolist() == [False, True, True] and got.sum() == 2


def test_wire_survives_noise() -> None:
    """reads a message or raises WireError, whichever byte was changed, cut or added"""
    rng = np.random.default_rng(0)
    outcome = Outcome((np.eye(2), [1.5, "a"], Opaque("x")), "", "", (np.zeros(3, "f4"),))
    good = body({"id": 1, "outcome": outcome})
    readable = 0
    for _ in range(5000):
        bad = bytearray(good)
        for place in rng.integers(len(bad), size=rng.integers(1, 4)):
            bad[place] = rng.integers(256)
        cut = rng.integers(len(bad)) if rng.random() < 0.3 else len(bad)
        try:
            readable += type(wire.unpack(bytes(bad[:cut]))) is dict
        except wire.WireError:
            continue
    assert 0 < readable < 5000


NUMBERS = (
    arrays.boolean_dtypes()
    | arrays.integer_dtypes(endianness="?")
    | arrays.unsigned_integer_dtypes(endianness="?")
    | arrays.floating_dtypes(endianness="?")
)
ARRAYS = arrays.arrays(NUMBERS, arrays.array_shapes(min_dims=0, max_dims=8, min_side=0, max_side=3))
SHAPES = st.lists(st.integers(-1, 2**70) | st.sampled_from([0, 1, 2**31, 2**32, 2**63]), max_size=10).map(
    tuple
)
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=20)
    | ARRAYS,
    lambda part: (
        st.lists(part, max_size=4)
        | st.lists(part, max_size=4).map(tuple)
        | st.dictionaries(st.text(max_size=8).filter(lambda key: key != "~"), part, max_size=4)
    ),
    max_leaves=8,
)
MARKED = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["nan", "-inf", "die"]),
    lambda part: (
        st.lists(part, max_size=4)
        | st.fixed_dictionaries(
            {
                "~": st.sampled_from(
                    [
                        *["array", "tuple", "float", "opaque", "function", "random", "outcome", "pickle"],
                        None,
                        7,
                    ]
                )
            },
            optional={name: part for name in ("at", "of", "is", "type", "name", "seed")}
            | {"fields": st.fixed_dictionaries({}, optional=dict.fromkeys(vars(Outcome()), part))},
        )
    ),
    max_leaves=12,
)
"""JSON with the marks of the wire, well used and misused."""


@st.composite
def forged(draw: st.DrawFn) -> bytes:
    """A body that is noise, or made of a text and arrays that are right, or lie, or were changed and cut."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=300))
    text = st.binary(max_size=60) | MARKED.map(lambda tree: json.dumps(tree).encode())
    held = st.binary(max_size=60) | st.builds(
        npy,
        NUMBERS.map(lambda dtype: dtype.str) | st.sampled_from(["|O", "<U1", "<M8[s]", "<f3", "|b9", "<i16"]),
        SHAPES.map(str)
        | arrays.array_shapes(min_dims=0, min_side=0, max_side=3).map(str)
        | st.text(max_size=9),
        st.binary(max_size=80),
        st.sampled_from([b"\x01\x00", b"\x02\x00"]),
    )
    if draw(st.booleans()):
        body = bytearray(wire.pack({"id": 1, "outcome": Outcome(draw(PLAIN), after=(draw(PLAIN),))})[4:])
    else:
        whole = draw(MARKED | st.builds(dict, id=st.just(1), outcome=MARKED))
        first = draw(st.just(json.dumps(whole).encode()) | text)
        body = bytearray(b"".join(map(part, [first, *draw(st.lists(held, max_size=3))])))
    for _ in range(draw(st.integers(0, 3)) if body else 0):
        body[draw(st.integers(0, len(body) - 1))] = draw(st.integers(0, 255))
    return bytes(body[: draw(st.none() | st.integers(0, len(body)))])


def _reads_or_refuses(sent: bytes) -> None:
    """What anyone sends is a message of plain data, which a check can judge and a report can show, or a WireError."""
    try:
        message = wire.unpack(sent)
    except wire.WireError:
        return
    assert type(message) is dict
    outcome = message.get("outcome")
    if isinstance(outcome, Outcome):
        subject = Subject("zeros", lambda args: outcome, _Zeros())  # type: ignore[arg-type]
        _said(subject, np.zeros(3))
    for value in message.values():
        json.dumps([vars(panel) for panel in Panel.each("got", plain(value))])
        wire.pack({"x": plain(value)})


def _changed(sent: bytes, seed: int, count: int) -> Iterator[bytes]:
    """The same bytes, again and again, with some of them changed, and cut or doubled at times."""
    rng = np.random.default_rng(seed)
    for kind in rng.integers(4, size=count):
        other = bytearray(sent)
        for place in rng.integers(len(sent), size=rng.integers(1, 4)) if sent else ():
            other[place] = rng.integers(256)
        if kind == 0:
            del other[rng.integers(len(other) + 1) :]
        if kind == 1:
            begin, end = sorted(rng.integers(len(other) + 1, size=2))
            other[begin:begin] = other[begin:end]
        yield bytes(other)


@given(forged(), st.integers(0, 2**32))
@settings(max_examples=200, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_wire_survives_what_is_made_up(sent: bytes, seed: int) -> None:
    """reads what was made up as plain data or raises WireError, and nothing that it read is a fault of the referee"""
    for body in (sent, *_changed(sent, seed, 10)):
        _reads_or_refuses(body)


@pytest.mark.slow
@given(forged(), st.integers(0, 2**32))
@settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck), database=None)
def test_wire_survives_a_million_made_up_inputs(sent: bytes, seed: int) -> None:
    """does so for 10,000 inputs, each changed in 99 ways"""
    for body in (sent, *_changed(sent, seed, 99)):
        _reads_or_refuses(body)


@given(PLAIN)
@settings(max_examples=100, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_wire_keeps_whatever_is_plain(value: object) -> None:
    """gives back, unchanged, what `plain` makes of any value"""
    sent = plain(value)
    got = wire.unpack(body({"x": sent}))["x"]
    assert _same_value(got, sent, 0.0)


def test_clean_leaves_nothing_that_a_terminal_or_a_database_stumbles_over() -> None:
    """clips a text, and replaces control characters, lone surrogates and NUL"""
    got = wire.clean("a\x1b[31m\0\ud800\u202eé\n\t" + "x" * 100, 20)
    assert got == "a\ufffd[31m\ufffd?\ufffdé\n\t" + "x" * 8


class _Zeros:
    """An oracle for a kernel that answers zeros."""

    def parameters(self, kernel: str) -> tuple[str, ...]:
        return ("x",)

    def expected(self, kernel: str, args: tuple) -> Outcome:
        return Outcome(np.zeros(3))


ODD = [
    None, True, 2**63, -1.5, float("nan"), "text", [], (), {"a": 1}, {"a": np.zeros(3)}, [[1, [2]]], Opaque("set"), Outcome(),
    np.array(True), np.array(np.nan), np.zeros(0), np.zeros((3, 1)), np.full(3, np.nan), np.full(3, np.inf),
    np.zeros(3, bool)[::-1] | True, np.ones(3, "f2"), np.ones(3, np.longdouble), np.full(3, 2**64 - 1, "u8"),
]  # fmt: skip


@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:40])
def test_no_answer_is_a_fault_of_the_referee(value: object) -> None:
    """states a difference, whatever plain value a kernel returned or left in its arguments"""
    for outcome in (Outcome(value, after=(np.zeros(3),)), Outcome(np.zeros(3), after=(value,))):
        got = wire.unpack(body({"outcome": outcome}))["outcome"]
        subject = Subject("zeros", lambda args, got=got: got, _Zeros())  # type: ignore[arg-type]
        assert _said(subject, np.zeros(3))


def _said(subject: Subject, *args: object, **how: object) -> str:
    """What a check of one call says that the kernel did wrong, in its values or beside them; empty if nothing."""
    subject.begin()
    subject.agrees(*args, **how)  # type: ignore[arg-type]
    try:
        subject.settle()
    except CheckFailure as failed:
        return failed.failure.message
    return "".join(slip.message for slip in subject.slips.values())


def _agrees(function, *args: object, **how: object) -> str:  # type: ignore[no-untyped-def]
    """What `agrees` says of a function whose right answer is zeros; empty if it passes."""
    return _said(Subject("zeros", Caller(function), _Zeros()), *args, **how)  # type: ignore[arg-type]


def test_agrees_as_closely_as_the_check_says() -> None:
    """takes the tolerance that a check names in place of the usual one"""

    def nearly(x: np.ndarray) -> float:
        return 1e-8

    class Zero(_Zeros):
        def expected(self, kernel: str, args: tuple) -> Outcome:
            return Outcome(0.0)

    subject = Subject("zero", Caller(nearly), Zero())  # type: ignore[arg-type]
    assert _said(subject, np.zeros(1), rtol=1e-6) == ""
    assert subject.seen[-1].equals(Outcome(2e-8, after=(np.zeros(1),)))
    assert "expected 0, got 1e-08" in _said(subject, np.zeros(1))


def test_agrees_overlooks_warnings_unless_asked() -> None:
    """fails on a warning only where the check wants none, and then tells it from a wrong value"""

    def warns(x: np.ndarray) -> np.ndarray:
        return np.log(x) * 0 if x.all() else np.where(x == 0, 0.0, np.log(x))

    assert _agrees(warns, np.zeros(3)) == "" == _agrees(warns, np.ones(3), quiet=True)
    assert "NumPy warns: divide by zero" in _agrees(warns, np.zeros(3), quiet=True)


def test_agrees_sees_into_dicts() -> None:
    """notices a change in a dict of arrays, or of its keys, and shows each array by its own name"""

    def change(x: dict) -> np.ndarray:
        x["a"] += 1
        return np.zeros(3)

    def add(x: dict) -> np.ndarray:
        x["b"] = 1
        return np.zeros(3)

    given = {"a": np.ones((2, 2)), "c": np.ones(3)}
    assert _agrees(lambda x: np.zeros(3), given) == ""
    for function in (change, add):
        assert "changes its input x" in _agrees(function, given)
    subject = Subject("zeros", Caller(change), _Zeros())  # type: ignore[arg-type]
    assert _said(subject, given)
    (slip,) = subject.slips.values()
    assert [panel.title for panel in slip.inputs] == ['x["a"]', 'x["c"]'] and slip.size == 7
    assert (given["a"] == 1).all()
