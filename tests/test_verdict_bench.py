"""The bench of wrong kernels: its mutants, the sieve that tells wrong from right, and its processes."""

import contextlib
import itertools
import os
import signal
import time

import numpy as np
import pytest

from autograder.chapters import chapter, chapters
from autograder.checking.oracle import Reference
from autograder.inside.functions import Seeded
from benchmarks import sieve as sieves
from benchmarks.draws import DRAWS
from benchmarks.luck import report
from benchmarks.mutants import Mutant, mutants
from benchmarks.processes import in_processes
from benchmarks.sieve import Sieve, guarded
from benchmarks.verdicts import JUDGES, judge

FILTERS = chapter("filters")


def _mutant(after: str) -> Mutant:
    return Mutant(
        "filters", "relu", "reference", ("operator",), 2, "return np.maximum(x, 0)", after.strip(), after
    )


@pytest.fixture(scope="module")
def sieve() -> Sieve:
    calls = sieves.recorded(FILTERS, "relu", sieves.SEEDS[:2])
    return sieves.sieve(FILTERS, "relu", calls)


def test_mutants_compile_and_say_what_was_done() -> None:
    for one in chapters()[:5]:
        for kernel in Reference(one).points():
            made = list(itertools.islice(mutants(one, kernel), 12))
            assert len({mutant.source for mutant in made}) == 12
            for mutant in made:
                assert callable(mutant.function())
                assert mutant.families and mutant.line >= 1 and mutant.before != mutant.after
                assert all(
                    line.strip() in mutant.source for line in mutant.after.split("; ") if "\n" not in line
                )


def test_mutants_are_the_same_for_the_same_seed_only() -> None:
    first, again, other = (
        [mutant.source for mutant in itertools.islice(mutants(FILTERS, "relu", seed), 40)]
        for seed in (0, 0, 1)
    )
    assert first == again != other


def test_a_quarter_of_the_mutants_hold_two_slips() -> None:
    made = list(itertools.islice(mutants(FILTERS, "window_response"), 200))
    assert 0.15 < np.mean([len(mutant.families) == 2 for mutant in made]) < 0.35
    assert len({mutant.families[0] for mutant in made}) > 25


def test_every_kernel_has_draws_on_which_its_reference_answers() -> None:
    for one in chapters():
        reference = Reference(one)
        for kernel in reference.points():
            for number in range(3):
                args = DRAWS[kernel](np.random.default_rng(number))
                assert not reference.expected(kernel, args).error, kernel


def test_the_sieve_sifts_out_what_is_right_and_finds_what_is_wrong(sieve: Sieve) -> None:
    def wrong(function) -> bool:
        return bool(sieve.wrong_on(sieve.answers(function)))

    assert not wrong(lambda x: np.where(x < 0, 0, x).astype(x.dtype))
    assert wrong(lambda x: np.maximum(x, 1e-9))
    assert wrong(lambda x: np.maximum(x, 0).astype(np.float32))
    assert wrong(lambda x: np.maximum(x, 0, out=x))
    assert wrong(lambda x: list(np.maximum(x, 0)))
    assert wrong(lambda x: np.maximum(x, 0)[None])


def test_the_sieve_knows_what_does_the_same_as_a_listed_mistake(sieve: Sieve) -> None:
    assert sieve.listed_as(sieve.answers(np.abs)) == "takes_absolute_values"
    assert sieve.listed_as(sieve.answers(lambda x: np.maximum(x, 0) + 7)) == ""


def test_right_kernels_that_draw_keep_their_word_and_mistakes_break_it() -> None:
    checked = 0
    for one in (FILTERS, chapter("training"), chapter("left_out")):
        reference = Reference(one)
        for kernel in reference.points():
            if kernel in ("x_detector", "dropout", "he_init", "random_shift", "train"):
                assert sieves.breaks_its_word(kernel, getattr(reference.module, kernel)) == ""
                checked += 1
    assert checked == 5
    assert sieves.breaks_its_word("dropout", lambda x, rate, rng, training: (x, np.ones_like(x))) == "scale"
    wide = lambda shape, rng: (2 * rng.normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape)).astype(np.float32)
    assert sieves.breaks_its_word("he_init", wide) == "spread"


def test_a_wrong_mutant_is_judged_and_an_equal_one_is_sifted_out(sieve: Sieve) -> None:
    right = judge(_mutant("def relu(x):\n    return np.maximum(0, x)\n"), sieve, FILTERS, "test")
    assert right.sifted == "right" and not right.rejected
    wrong = judge(
        _mutant("def relu(x):\n    return np.transpose(np.maximum(x, 0))\n"), sieve, FILTERS, "test"
    )
    assert not wrong.sifted and wrong.rejected and wrong.where and wrong.failed


def test_a_wrong_container_is_a_cause_that_can_be_true(sieve: Sieve) -> None:
    listed = judge(_mutant("def relu(x):\n    return np.maximum(x, 0).tolist()\n"), sieve, FILTERS, "test")
    assert (listed.named, listed.true) == ("container", True), (listed.hint, listed.untrue_at)


def test_what_is_said_of_drawn_numbers_is_judged_on_others() -> None:
    left_out = chapter("left_out")
    mine = Mutant("left_out", "he_init", "reference", ("x",), 1, "", "", "")
    drawn = sieves.sieve(left_out, "he_init", [((5, 4), Seeded(1)), ((2, 2, 3, 3), Seeded(2))])
    right = Reference(left_out).module.he_init
    wrong = {
        "random spread": lambda shape, rng: 1.5 * right(shape, rng),
        "random centre": lambda shape, rng: right(shape, rng) + np.float32(1),
        "random dtype": lambda shape, rng: right(shape, rng).astype(float),
        "random shape": lambda shape, rng: right(shape, rng)[None],
        "no chance": lambda shape, rng: right(shape, np.random.default_rng(3)),
    }
    for kind, function in wrong.items():
        assert JUDGES[kind](mine, function, drawn, []), kind
        assert not JUDGES[kind](mine, right, drawn, []), kind


def test_an_endless_call_ends() -> None:
    def endless(x):
        while True:
            with contextlib.suppress(Exception):
                x = x + 0

    call = guarded("relu", endless)
    call.seconds = 0.1
    with pytest.raises(sieves.Stopped):
        call((np.ones(2),))


def test_a_process_that_hangs_or_dies_takes_nothing_with_it() -> None:
    tasks = {
        "fine": lambda: 7,
        "raises": lambda: 1 / 0,
        "dies": lambda: os.kill(os.getpid(), signal.SIGKILL),
        "hangs": lambda: time.sleep(60),
    }
    found = dict(in_processes(iter(tasks.items()), 2, 1.0))
    assert found["fine"] == 7
    assert "ZeroDivisionError" in found["raises"]
    assert found["dies"] == "died"
    assert found["hangs"] == "ended after 1 s"


def test_luck_lists_what_has_two_grades(capsys: pytest.CaptureFixture[str]) -> None:
    from autograder import mistakes

    scores = {
        (variant.kernel, variant.name): [0.0, 0.0] if variant.is_wrong else [Reference(FILTERS).points()[variant.kernel]] * 2
        for variant in mistakes.of("filters")
    }  # fmt: skip
    assert report([FILTERS], scores)
    name = next(v.name for v in mistakes.of("filters") if v.kernel == "relu" and v.is_wrong)
    scores["relu", name] = [0.0, 1.0]
    other = next(v.name for v in mistakes.of("filters") if v.kernel == "relu" and not v.is_wrong)
    scores["relu", other] = [0.0, 2.0]
    assert not report([FILTERS], scores)
    printed = capsys.readouterr().out
    assert f"relu {name}: 0 (1×), 1 (1×)" in printed and f"relu {other}" in printed
