"""Explorers in a headless browser: every number is the kernels', and everybody can use them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograder import explore
from autograder.explore.data import GENERATED, temple_edges
from solutions.filters import apply_filters, relu, window_response
from solutions.other_convolutions import conv2d_dilated
from solutions.padding import same_padding
from solutions.pooling import avg_pool2d, max_pool2d
from solutions.stride import correlate2d_strided, output_size

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


@pytest.mark.parametrize("scene", ["x", "petal"])
def test_window_products_and_map_are_those_of_the_kernels(
    scene: str, opened: Open, rng: np.random.Generator
) -> None:
    shown = opened("window", words={"scene": scene, "bias": "1", "relu": "1"})
    deep = 3 if scene == "petal" else 1
    for _ in range(12):
        image = rng.integers(0, 256, (deep, 5, 5))
        weights = rng.integers(-12, 13, (deep, 3, 3)) / 4
        bias, (row, column) = float(rng.integers(-400, 400)), rng.integers(0, 3, 2)
        seen = rng.random(9) < 0.7
        look = shown.go(
            image=image.tolist(),
            filter=weights.tolist(),
            bias=bias,
            row=int(row),
            column=int(column),
            seen=seen.tolist(),
        )
        volume, filters = np.moveaxis(image, 0, 2), np.moveaxis(weights, 0, 2)[..., None]
        answers = apply_filters(volume, filters, np.array([bias]))[..., 0]
        window = image[:, row : row + 3, column : column + 3]
        for c in range(deep):
            assert np.array_equal(look.grids["image"][c], image[c])
            assert np.array_equal(look.grids["filter"][c], weights[c])
            assert np.array_equal(look.grids["products"][c], window[c] * weights[c])
            subtotal = window_response(window[c][..., None], weights[c][..., None], 0.0)
            assert figure(look.outputs[c]) == subtotal
        visited = seen.reshape(3, 3)
        visited[row, column] = True
        filled = np.where(visited, answers, np.nan)
        assert np.array_equal(look.grids["map"][0], filled, equal_nan=True)
        assert np.array_equal(look.grids["passed"][0], relu(filled), equal_nan=True)
        said = look.sentence
        assert said.startswith(f"Row {row}, column {column}: ")
        left, right = arithmetic(said)
        assert left == right == answers[row, column] - bias
        assert said.endswith(
            f"is {written(answers[row, column])}; the ReLU leaves {written(relu(answers[row, column]))}."
        )


def test_window_starts_with_what_the_page_computes(opened: Open) -> None:
    petal = opened("window", words={"scene": "petal", "bias": "1"}).look()
    assert petal.outputs == ["1749", "0", "−250"] and petal.grids["map"][0][1, 1] == 999
    block = opened("window", words={"scene": "block"})
    for _ in range(8):
        block.tab.get_by_role("button", name="Step").click()
    assert block.look().grids["map"][0].tolist() == [[4, 4, -3], [8, 8, -6], [12, 12, -9]]


# Size


def test_size_counts_as_the_kernels_do(opened: Open, rng: np.random.Generator) -> None:
    shown = opened("size", words={"padding": "1", "dilation": "1"})
    fitting = 0
    for _ in range(60):
        size, filter_size = int(rng.integers(1, 17)), int(rng.integers(1, 8))
        stride, padding, dilation = int(rng.integers(1, 6)), int(rng.integers(0, 5)), int(rng.integers(1, 5))
        shown.go(size=size, filter=filter_size, stride=stride, padding=padding, dilation=dilation, place=0)
        reach = dilation * (filter_size - 1) + 1
        formula, said = shown.text(".size-formula"), shown.sentence
        unseen = shown.element.locator(".size-pixel.size-unseen").all_text_contents()
        windows = shown.element.locator(".size-rows i:not(.size-out)").count()
        try:
            places = output_size(size, reach, stride, padding)
        except ValueError:
            assert formula == "no place" and "does not fit" in said and windows == 0
            continue
        fitting += 1
        if stride == 1:
            one = np.zeros((1, 1, size + 2 * padding, 1))
            assert (
                conv2d_dilated(one, np.zeros((1, filter_size, 1, 1)), np.zeros(1), dilation).shape[2]
                == places
            )
        left, right = arithmetic(formula.replace("⌊", "floor(").replace("⌋", ")"))
        assert left == right == places == windows
        weights = np.zeros((1, reach))
        weights[0, ::dilation] = 1
        looked_at = [
            correlate2d_strided(np.pad(pixel[None], ((0, 0), (padding, padding))), weights, stride).any()
            for pixel in np.eye(size)
        ]
        assert [int(text) for text in unseen] == np.flatnonzero(~np.array(looked_at)).tolist()
        assert f"1 = {places} place" in said
    assert fitting > 30


def test_size_shares_out_the_zeros_of_same_padding_as_the_kernel_does(
    opened: Open, rng: np.random.Generator
) -> None:
    shown = opened("size", words={"same": "1"})
    for _ in range(30):
        size, filter_size, stride = (int(number) for number in rng.integers(1, [17, 8, 6]))
        shown.go(size=size, filter=filter_size, stride=stride, place=0)
        before, after = same_padding(size, filter_size, stride)
        places = output_size(size + before + after, filter_size, stride, 0)
        formula = shown.text(".size-formula")
        assert f"⌉ = {places} place" in formula and formula.endswith(f"{before} before, {after} after")
        assert shown.element.locator(".size-zero").count() == before + after
        assert shown.element.locator(".size-rows i:not(.size-out)").count() == places
        left, right = arithmetic("x: " + shown.sentence.partition("there: ")[2])
        assert left == right and max(0, right) == before + after


# Pooling


def test_pool_keeps_what_the_kernels_keep(opened: Open, rng: np.random.Generator) -> None:
    shown = opened("pool")
    fitting = 0
    for _ in range(30):
        cells, size, stride = (int(number) for number in rng.integers([2, 1, 1], [9, 5, 5]))
        values = rng.integers(-40, 41, (8, 8)) / 4
        way, ceil = str(rng.choice(["max", "mean"])), bool(rng.integers(2))
        row, column = (int(number) for number in rng.integers(0, 8, 2))
        look = shown.go(
            values=values.tolist(),
            cells=cells,
            size=size,
            stride=stride,
            way=way,
            ceil=ceil,
            row=row,
            column=column,
        )
        pool = max_pool2d if way == "max" else avg_pool2d
        try:
            kept = pool(values[None, :cells, :cells, None], size, stride, ceil)[0, ..., 0]
        except ValueError:
            assert look.outputs[0] == "no window" and "does not fit" in look.sentence
            continue
        fitting += 1
        assert np.array_equal(look.grids["map"][0], values[:cells, :cells])
        assert look.grids["pooled"][0].shape == kept.shape
        assert np.allclose(look.grids["pooled"][0], kept, rtol=0, atol=0.00501)
        formula = (
            look.outputs[0].replace("⌊", "floor(").replace("⌈", "ceil(").replace("⌋", ")").replace("⌉", ")")
        )
        assert arithmetic(formula) == (len(kept), len(kept))
        row, column = min(row, len(kept) - 1), min(column, len(kept) - 1)
        assert look.sentence.startswith(f"Window in row {row}, column {column}, {size}×{size} cells")
        members = values[row * stride : row * stride + size, column * stride : column * stride + size]
        members = members[: cells - row * stride, : cells - column * stride]
        if way == "mean":
            left, right = arithmetic(look.sentence)
            assert abs(left - kept[row, column]) < 0.01 and abs(right - kept[row, column]) < 0.00501
        else:
            assert f" is {written(kept[row, column])}." in look.sentence
        exist = f", of which {members.size} exist"
        assert (exist in look.sentence) == (members.size < size**2)
    assert fitting > 20


def test_shift_pools_and_agrees_as_the_kernels_do(opened: Open) -> None:
    shown = opened("shift")
    edges = temple_edges()[None, :, :, None]
    ways = {
        "map": lambda x, size: x,
        "cell": lambda x, size: x[:, ::size, ::size],
        "max": max_pool2d,
        "mean": avg_pool2d,
    }
    for right, size in [(0, 2), (1, 2), (3, 2), (2, 4), (5, 4), (8, 8), (7, 8)]:
        look = shown.go(right=right, size=size)
        for number, (name, way) in enumerate(ways.items()):
            before, after = (way(edges[:, :, start : start + 64], size)[0, ..., 0] for start in (0, right))
            told = np.corrcoef(before.ravel(), after.ravel())[0, 1]
            text = look.outputs[number]
            assert abs(figure(text) - told) < 0.00501 and text in look.sentence
            for which, kept in enumerate((before, after)):
                drawn = shown.pixels(name, which)
                assert (
                    drawn.shape[:2] == kept.shape and np.abs(drawn[..., 0].astype(float) - kept).max() <= 0.5
                )


# All of them


def test_every_module_becomes_a_script_of_the_size_that_a_page_can_bear() -> None:
    for name in explore.names():
        assert not any(line.startswith(("import", "export")) for line in explore.classic(name).splitlines())
        own = [one for one in explore.needed(name) if one not in GENERATED]
        assert sum(len((explore.classic(one) + explore.style(one)).encode()) for one in own) < 30_000, name
