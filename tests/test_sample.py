"""The sample class is made of what it says: a variant written into a cell does what the variant does."""

import numpy as np
import pytest

from autograder import mistakes
from autograder.chapters import Chapter, chapters
from autograder.checking import run_checks
from autograder.inside.calling import Caller
from autograder.oracle import Reference
from autograder.sample import variant_cell


@pytest.mark.parametrize(
    "chapter",
    [pytest.param(c, id=c.name, marks=[pytest.mark.slow] if c.number > 2 else []) for c in chapters()],
)
def test_a_variant_as_a_cell_behaves_as_the_variant(chapter: Chapter) -> None:
    reference = Reference(chapter)
    for variant in mistakes.of(chapter.name):
        names = {"np": np}
        exec(variant_cell(variant), names)
        assert "solutions." + chapter.name not in variant_cell(variant)
        (found,) = run_checks(chapter.checks, reference, {variant.kernel: Caller(names[variant.kernel])})
        assert found.mistake == (variant.name if variant.is_wrong else ""), variant.name
        assert (found.score < found.points) == variant.is_wrong
