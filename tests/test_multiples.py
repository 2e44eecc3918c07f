"""How `make bench-kernels` makes multiples of times: medians over rounds in turns, with their spread, and what may be said."""

import json
from collections.abc import Iterator

import numpy as np
import pytest

from benchmarks import kernels
from benchmarks.timing import Multiple, in_turns, multiple, steadily
from course.recorded import FOLDER


def ticking(steps: list[float]) -> Iterator[float]:
    """Readings of a clock: each call of a function takes the next of these steps."""
    now = 0.0
    for step in steps:
        yield now
        now += step
        yield now


def test_functions_take_turns_and_the_first_round_is_left_out() -> None:
    called: list[str] = []
    clock = ticking([9.0, 9.0, 1.0, 2.0, 3.0, 4.0])
    seconds = in_turns(
        {"one": lambda: called.append("one"), "other": lambda: called.append("other")}, 2, lambda: next(clock)
    )
    assert called == ["one", "other"] * 3
    assert {name: taken.tolist() for name, taken in seconds.items()} == {
        "one": [1.0, 3.0],
        "other": [2.0, 4.0],
    }


def test_a_multiple_is_a_median_that_one_disturbed_round_does_not_move() -> None:
    ours, others = np.full(41, 3.0), np.full(41, 2.0)
    ours[7] = 90.0
    assert multiple(ours, others) == Multiple(1.5, 1.5, 1.5)


def test_what_is_spread_wide_is_measured_again_and_the_narrowest_kept() -> None:
    ends = (9.0, 1.3, 1.6)
    clock = ticking([step for end in ends for step in (1.0, 1.0, 1.0, end)])
    found = steadily({"one": lambda: None}, 3, lambda: next(clock), lambda t: multiple(t["one"], np.ones(3)))
    assert found["one"].tolist() == pytest.approx([1.0, 1.0, 1.3])


@pytest.mark.parametrize(
    ("forward", "total", "said"),
    [
        ((1.2, 1.5), (1.3, 1.6), "within"),
        ((1.2, 1.51), (1.3, 1.6), "on the bar"),
        ((1.51, 1.7), (1.3, 1.4), "beyond"),
        ((1.2, 1.3), (1.5, 1.7), "on the bar"),
    ],
)
def test_nothing_is_said_where_the_spread_holds_the_bar(
    forward: tuple[float, float], total: tuple[float, float], said: str
) -> None:
    assert kernels.verdict({"forward_spread": forward, "total_spread": total}, kernels.BARS[1]) == said


def test_every_multiple_on_record_has_its_spread() -> None:
    record = json.loads((FOLDER / "kernels.json").read_text(encoding="utf-8"))
    checked = 0
    for row in record["fast"] + record["layers"] + record["sizes"]:
        for key in row.keys() & {"forward", "backward", "total", "to_torch", "to_scipy", "to_bare", "fast"}:
            low, high = row[f"{key}_spread"]
            assert low <= row[key] <= high
            checked += 1
    assert checked > 100
    for row in record["fast"]:
        assert row["verdict"] == kernels.verdict(row, record["bars"][str(row["threads"])])
