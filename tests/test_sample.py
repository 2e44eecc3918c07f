"""The sample class is made of what it says: a variant written into a cell does what the variant does."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from autograder import mistakes
from autograder.chapters import Chapter, chapters
from autograder.checking.oracle import Reference
from autograder.checking.run import run_checks
from autograder.inside.calling import Caller
from autograder.sample import variant_cell


@pytest.mark.parametrize(
    "chapter",
    [pytest.param(c, id=c.name, marks=[pytest.mark.slow] if c.number > 2 else []) for c in chapters()],
)
def test_a_variant_as_a_cell_behaves_as_the_variant(chapter: Chapter) -> None:
    reference = Reference(chapter)
    own = reference.module.__name__
    imported = {
        name: value
        for name, value in vars(reference.module).items()
        if getattr(value, "__module__", "") != own
    }  # as the page's own imports give them
    for variant in mistakes.of(chapter.name):
        names = {**imported, "np": np}
        exec(variant_cell(variant), names)
        assert "solutions." + chapter.name not in variant_cell(variant)
        (found,) = run_checks(chapter.checks, reference, {variant.kernel: Caller(names[variant.kernel])})
        assert found.mistake == (variant.name if variant.is_wrong else ""), variant.name
        assert (found.score < found.points) == variant.is_wrong


def test_options_meant_for_other_runs_of_pytest_do_not_reach_the_checks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--durations=5 --no-such-option")
    monkeypatch.setenv("PYTEST_PLUGINS", "no_such_plugin")
    (chapter, *_) = chapters()
    reference = Reference(chapter)
    caller = Caller(reference.module.to_float)
    (found,) = run_checks(chapter.checks, reference, {"to_float": caller})
    assert found.score == found.points
    assert os.environ["PYTEST_ADDOPTS"] == "--durations=5 --no-such-option"


def test_a_conftest_above_the_checks_is_not_theirs(tmp_path: Path) -> None:
    """whoever has one in a home or project folder gets the same checks as anyone"""
    (tmp_path / "conftest.py").write_text("raise RuntimeError('not for the checks')")
    (chapter, *_) = chapters()
    folder = Path(shutil.copytree(chapter.checks.parent, tmp_path / "checks_elsewhere"))
    reference = Reference(chapter)
    (found,) = run_checks(
        folder / chapter.checks.name, reference, {"to_float": Caller(reference.module.to_float)}
    )
    assert found.score == found.points
