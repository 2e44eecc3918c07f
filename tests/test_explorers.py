"""Explorers in a headless browser: every number is the kernels', and everybody can use them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograder import explore
from solutions.filters import apply_filters, relu

from .explorers import Shown, arithmetic, figure, written

Open = Callable[..., Shown]


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Any:
    """Opens an explorer; at the end it must have reported no error, and asked for nothing but files beside it."""
    shown: list[Shown] = []

    def open_one(name: str, **options: Any) -> Shown:
        shown.append(Shown(browser, tmp_path, name, **options))
        return shown[-1]

    yield open_one
    for one in shown:
        assert not one.errors
        assert all(asked.startswith((tmp_path.as_uri(), "data:")) for asked in one.asked)
        one.context.close()


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240607)


# Window, products, sum


@pytest.mark.parametrize("scene", ["block", "x", "petal"])
def test_window_products_and_map_are_those_of_the_kernels(
    scene: str, opened: Open, rng: np.random.Generator
) -> None:
    shown = opened("window", words={"scene": scene, "bias": "", "relu": ""})
    deep = 3 if scene == "petal" else 1
    for _ in range(12):
        image = rng.integers(0, 256, (deep, 5, 5))
        weights = rng.integers(-12, 13, (deep, 3, 3)) / 4
        bias, (row, column) = float(rng.integers(-400, 400)), rng.integers(0, 3, 2)
        shown.go(
            image=image.tolist(),
            filter=weights.tolist(),
            bias=bias,
            row=int(row),
            column=int(column),
            seen=[True] * 9,
        )
        volume, filters = np.moveaxis(image, 0, 2), np.moveaxis(weights, 0, 2)[..., None]
        answers = apply_filters(volume, filters, np.array([bias]))[..., 0]
        window = image[:, row : row + 3, column : column + 3]
        for c in range(deep):
            assert np.array_equal(shown.grid("image", c), image[c])
            assert np.array_equal(shown.grid("filter", c), weights[c])
            assert np.array_equal(shown.grid("products", c), window[c] * weights[c])
            subtotal = apply_filters(window[c][..., None], weights[c][..., None, None], np.zeros(1)).item()
            assert figure(shown.text(".explore-sum", c)) == subtotal
        assert np.array_equal(shown.grid("map"), answers)
        assert np.array_equal(shown.grid("passed"), relu(answers))
        said = shown.sentence
        assert said.startswith(f"Row {row}, column {column}: ")
        left, right = arithmetic(said)
        assert left == right == answers[row, column] - bias
        assert said.endswith(
            f"is {written(answers[row, column])}; the ReLU leaves {written(relu(answers[row, column]))}."
        )


def test_every_module_becomes_a_script_of_the_size_that_a_page_can_bear() -> None:
    for name in explore.names():
        assert not any(line.startswith(("import", "export")) for line in explore.classic(name).splitlines())
        own = [one for one in explore.needed(name) if (explore.STATIC / f"{one}.js").exists()]
        style = sum(len(explore.style(sheet).encode()) for sheet in explore.styles(name))
        assert sum(len(explore.classic(one).encode()) for one in own) + style < 30_000, name
