"""Explorers in a headless browser: every number is the kernels', and everybody can use them."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sphinx.errors import ExtensionError

from autograder import explore
from autograder.chapters import ROOT, chapters
from autograder.explore.data import GENERATED, grey_photos, temple_edges
from autograder.publishing.authoring import source_notebook
from course import datasets, draw
from solutions.fast import col2im, im2col
from solutions.filters import apply_filters, correlate2d, relu, window_response
from solutions.other_convolutions import conv2d_dilated
from solutions.padding import conv2d, same_padding, zero_pad
from solutions.pixels import flatten_image
from solutions.pooling import avg_pool2d, max_pool2d
from solutions.stride import correlate2d_strided, output_size

from .conftest import run_in
from .explorers import Open, Placed, Shown, arithmetic, figure, placed, written


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


# Photo


def test_photo_shows_the_map_that_the_kernel_makes(opened: Open, rng: np.random.Generator) -> None:
    shown = opened("photo")
    for photo, grey in grey_photos().items():
        for side in (3, 7, 3):
            weights = rng.integers(-12, 13, (side, side)) / 4
            row, column = int(rng.integers(0, 97 - side)), int(rng.integers(0, 145 - side))
            look = shown.go(photo=photo, filter=weights.tolist(), row=row, column=column)
            answers = correlate2d(grey, weights)
            assert np.array_equal(look.grids["filter"][0], weights)
            assert np.array_equal(shown.pixels("photo")[..., 0], grey)
            said = look.sentence
            assert said.startswith(f"Row {row}, column {column}: ")
            assert said.endswith(f"add up to {written(weights.sum())}.")
            if side == 3:
                assert arithmetic(said) == (answers[row, column], answers[row, column])
            else:
                assert f"products add up to {written(answers[row, column])}." in said
            drawn = shown.pixels("map").astype(int)
            assert drawn.shape[:2] == answers.shape
            if weights.sum() == 1:  # as bright as the photograph
                assert np.abs(drawn[..., 0] - answers.clip(0, 255)).max() <= 0.5
                continue
            most = np.abs(answers).max()
            pale = 1 - np.minimum(1, 1.5 * np.abs(answers) / most)
            assert np.abs(drawn[..., 1] - np.where(answers > 0, 24 + 231 * pale, 102 + 153 * pale)).max() < 1
            assert f"−{written(most)}" in shown.text(".explore-under")
    shown.element.get_by_label("sharpen").check(force=True)
    sharp = correlate2d(grey_photos()["flower"], np.array([[0.0, -1, 0], [-1, 5, -1], [0, -1, 0]]))
    assert np.array_equal(shown.pixels("map")[..., 0], sharp.clip(0, 255))


# Pixels


def test_pixels_shows_the_numbers_of_the_photograph(opened: Open, rng: np.random.Generator) -> None:
    shown = opened("pixels")
    portrait = datasets.photo("portrait")
    for _ in range(12):
        row, column, i, j, channel = (int(number) for number in rng.integers(0, [57, 57, 8, 8, 3]))
        on = (rng.random(3) < 0.6).tolist()
        look = shown.go(row=row, column=column, i=i, j=j, channel=channel, on=on)
        top, left = 157 + row, 273 + column
        assert np.array_equal(look.grids["numbers"][0], portrait[top : top + 8, left : left + 8, channel])
        at = portrait[top + i, left + j]
        for name, value in zip(("red", "green", "blue"), at, strict=True):
            assert f"{name} {value}" in look.sentence
        assert arithmetic(look.sentence.replace("Row", "x:")) == (top + i, top + i)
        assert arithmetic(look.sentence.partition(", ")[2].replace("column", "x:")) == (left + j, left + j)
        assert f"portrait[{top + i}, {left + j}]" in look.sentence
        assert np.array_equal(
            shown.pixels("photo"), portrait[157:221, 273:337] * np.array(on, dtype=np.uint8)
        )


def test_flat_writes_the_grid_as_flatten_image_does(opened: Open, rng: np.random.Generator) -> None:
    shown = opened("flat")
    assert np.array_equal(shown.look().grids["grid"][0], datasets.X)
    for _ in range(12):
        image, (row, column) = rng.integers(0, 2, (5, 5)), rng.integers(0, 5, 2)
        look = shown.go(image=image.tolist(), row=int(row), column=int(column))
        assert np.array_equal(look.grids["grid"][0], image)
        assert np.array_equal(look.grids["row"][0].ravel(), flatten_image(image))
        assert arithmetic("x: " + look.sentence.partition("place ")[2]) == (5 * row + column,) * 2
        assert f"It is {image[row, column]}" in look.sentence
    before = shown.look().grids["grid"][0]
    shown.element.locator("[role=application]").first.press("Space")
    after = shown.look().grids["grid"][0]
    assert np.argwhere(before != after).tolist() == [[row, column]]
    assert after[row, column] == 1 - before[row, column]


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


# im2col


def test_im2col_writes_windows_as_rows_as_the_kernel_does(opened: Open, rng: np.random.Generator) -> None:
    shown = opened("im2col")
    told = {"nowhere": 0, "once": 1, "twice": 2}
    met = set()
    for stride, padding, size in [*np.ndindex(2, 2, 2)] * 4:
        stride, size = stride + 1, size + 2
        x = rng.integers(-20, 21, (4, 4))
        weights = rng.integers(-12, 13, (3, 3)) / 4
        images, filters = x[None, :, :, None], weights[:size, :size, None, None]
        matrix = im2col(images, size, size, stride, padding)
        answers = conv2d(images, filters, np.zeros(1), stride, padding)[0, ..., 0]
        row, column = (int(number) for number in rng.integers(0, answers.shape))
        r, c = (int(number) for number in rng.integers(-padding, 4 + padding, 2))
        look = shown.go(
            x=x.tolist(),
            w=weights.tolist(),
            stride=stride,
            padding=padding,
            filter=size,
            row=row,
            column=column,
            r=r,
            c=c,
        )
        assert np.array_equal(look.grids["image"][0], zero_pad(images, padding)[0, ..., 0])
        assert np.array_equal(look.grids["matrix"][0], matrix)
        assert np.array_equal(look.grids["filter"][0], weights[:size, :size])
        assert np.array_equal(look.grids["weights"][0], filters.reshape(-1, 1))
        assert np.array_equal(look.grids["map"][0], answers)
        assert np.array_equal(look.grids["entries"][0], matrix @ filters.reshape(-1, 1))
        place = row * answers.shape[1] + column
        begun = f"Row {place} of the matrix is the window at row {row}, column {column} of the map: "
        assert look.sentence.startswith(begun)
        assert arithmetic(look.sentence) == (answers[row, column], answers[row, column])
        # what is lit: the chosen window and its row, the chosen pixel and its copies, the zeros of the border
        places = zero_pad(np.arange(1, 17).reshape(1, 4, 4, 1), padding)
        copies = im2col(np.arange(1, places.size + 1).reshape(places.shape), size, size, stride)
        pixel = int((r + padding) * places.shape[1] + c + padding) + 1
        assert np.array_equal(lit(shown, "matrix", "pixel").reshape(copies.shape), copies == pixel)
        assert np.flatnonzero(lit(shown, "image", "pixel")).tolist() == [pixel - 1]
        in_row = np.repeat(np.arange(len(matrix)) == place, size**2)
        assert np.array_equal(lit(shown, "matrix", "lit"), in_row)
        assert sorted(np.flatnonzero(lit(shown, "image", "lit")) + 1) == sorted(copies[place])
        assert np.array_equal(lit(shown, "image", "zero"), places.ravel() == 0)
        assert np.flatnonzero(lit(shown, "map", "lit")).tolist() == [place]
        found = re.search(r"at row (−?\d), column (−?\d) (?:in the border )?stands (\w+)", look.sentence)
        assert found and (figure(found[1]), figure(found[2])) == (r, c)
        often = told.get(found[3], figure(found[3]) if found[3].isdigit() else -1)
        assert often == (copies == pixel).sum()
        if 0 <= r < 4 and 0 <= c < 4:
            back = col2im(np.ones(matrix.shape), images.shape, size, size, stride, padding)
            assert often == back[0, r, c, 0] and f"The pixel {written(x[r, c])} at" in look.sentence
        else:
            assert "col2im drops" in look.sentence
        met.add(often)
    assert {0, 1, 2, 4} <= met


def lit(shown: Shown, grid: str, what: str) -> np.ndarray:
    """Which cells of a grid of the explorer wear a mark, in reading order."""
    return np.array(
        shown.element.locator(f'[data-name="{grid}"] > span').evaluate_all(
            "(cells, mark) => cells.map(cell => cell.classList.contains(mark))", f"im2col-{what}"
        )
    )


def test_im2col_follows_the_mouse_and_the_keys(opened: Open) -> None:
    shown = opened("im2col")
    first = shown.look()
    assert first.grids["image"][0].tolist() == np.arange(16).reshape(4, 4).tolist()  # as the figure
    assert "The pixel 5 at row 1, column 1 stands 4 times" in first.sentence
    image, matrix = (shown.element.locator(f'[data-name="{name}"]') for name in ("image", "matrix"))
    image.hover(position={"x": 105, "y": 105})  # over the last pixel
    assert "Row 3 of" in shown.sentence and "The pixel 15 at row 3, column 3 stands once" in shown.sentence
    matrix.hover(position={"x": 12, "y": 36})  # over the first number of row 1
    assert "Row 1 of" in shown.sentence and "The pixel 1 at row 0, column 1 stands twice" in shown.sentence
    matrix.press("ArrowDown")
    assert "Row 2 of" in shown.sentence and "The pixel 4 at" in shown.sentence
    matrix.press("End")
    assert "Row 2 of" in shown.sentence and "The pixel 14 at" in shown.sentence
    image.press("ArrowUp")
    assert "Row 0 of" in shown.sentence and "The pixel 10 at" in shown.sentence
    for name in ("stride", "filter"):
        shown.element.get_by_label(name).press("ArrowRight" if name == "stride" else "ArrowLeft")
    shown.element.get_by_label("padding").press("ArrowRight")
    assert shown.state | {"x": 0, "w": 0} == {
        "x": 0,
        "w": 0,
        "stride": 2,
        "padding": 1,
        "filter": 2,
        "row": 1,
        "column": 1,
        "r": 2,
        "c": 2,
    }


# All of them


@pytest.fixture(params=placed(), ids=lambda one: f"{one.page}-{one.name}")
def each(request: pytest.FixtureRequest) -> Placed:
    """Every explorer, as the pages place it."""
    return request.param


CONTRASTS = """element => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true })
  const over = (colour, below) => {
    canvas.fillStyle = `rgb(${below})`; canvas.fillRect(0, 0, 1, 1)
    canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1)
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3)
  }
  const backdrop = node => {
    if (!node) return [255, 255, 255]
    return over(getComputedStyle(node).backgroundColor, backdrop(node.parentElement))
  }
  const light = colour => colour.map(part => (part /= 255) <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0)
  const texts = [...element.querySelectorAll("*")].filter(node =>
    node.checkVisibility() && !node.closest(".explore-aloud") && node.type !== "range"
    && ((node.type === "number" && node.value) || [...node.childNodes].some(child => child.nodeType === 3 && child.textContent.trim())))
  return texts.map(node => {
    const style = getComputedStyle(node), below = backdrop(node)
    const pair = [light(over(style.color, below)), light(below)].sort((a, b) => b - a)
    return [(pair[0] + 0.05) / (pair[1] + 0.05), parseFloat(style.fontSize), node.outerHTML.slice(0, 120)]
  })
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_is_dark_enough_and_large_enough(each: Placed, theme: str, opened: Open) -> None:
    shown = opened(each.name, words=each.words, theme=theme, width=390)
    for keys in ("", "ArrowRight", "ArrowDown"):
        movable = shown.element.locator("[role=application]")
        if keys and movable.count():
            movable.first.press(keys)
        texts = shown.element.evaluate(CONTRASTS)
        assert len(texts) > 5
        for contrast, size, node in texts:
            assert contrast >= 4.5 and size >= 11, node


def test_everything_works_by_keyboard_alone_and_is_told(each: Placed, opened: Open) -> None:
    shown = opened(each.name, words=each.words)
    assert shown.text(".explore-aloud") == ""  # nothing is said before anything was done
    wanted = shown.element.evaluate(
        """element => [...element.querySelectorAll("button, input, [tabindex]")].filter(node => node.checkVisibility() && node.tabIndex >= 0)
          .filter(node => node.type !== "radio" || node.checked).map((node, place) => { node.dataset.place = place; return place })"""
    )
    reached = []
    for _ in wanted:
        shown.tab.keyboard.press("Tab")
        place, outlined = shown.tab.evaluate(
            """() => {
              const node = document.activeElement
              const told = [node, node.nextElementSibling].filter(Boolean).map(one => getComputedStyle(one).outlineStyle)
              return [Number(node.dataset.place ?? -1), told.some(one => one !== "none")]
            }"""
        )
        assert outlined, f"the focus is not seen on {place}"
        reached.append(place)
    assert reached == wanted
    movable = shown.element.locator("[role=application], input[type=range]")
    assert movable.count()
    for number in range(movable.count()):
        one = movable.nth(number)
        before = shown.sentence
        for key in ("ArrowRight", "ArrowLeft", "ArrowLeft"):
            one.press(key)
            if shown.sentence != before:
                break
        assert shown.sentence != before, f"keys change nothing on movable {number}"
    assert shown.heard() == shown.sentence and any(character.isdigit() for character in shown.sentence)
    names = shown.element.evaluate(
        """element => [...element.querySelectorAll("button, input, [role=application], [role=img]")].map(node =>
          node.ariaLabel || node.labels?.[0]?.textContent || node.textContent)"""
    )
    assert all(name.strip() for name in names)


def test_a_phone_shows_all_of_it_and_fingers_find_it(each: Placed, opened: Open) -> None:
    shown = opened(each.name, words=each.words, width=390, has_touch=True, is_mobile=True)
    assert shown.tab.evaluate("document.documentElement.scrollWidth") <= 390
    targets = shown.element.evaluate(
        """element => [...element.querySelectorAll("button, input, [role=application]")].filter(node => node.checkVisibility()).map(node => {
          const box = (node.matches("[type=radio], [type=checkbox]") ? node.closest("label") : node).getBoundingClientRect()
          return [box.width, box.height, box.right, node.outerHTML.slice(0, 100)]
        })"""
    )
    for width, height, right, node in targets:
        assert width >= 24 and height >= 24 and right <= 390, node
    movable = shown.element.locator("[role=application]")
    for number in range(movable.count()):
        one, before = movable.nth(number), shown.sentence
        box = one.bounding_box()
        for x, y in ((0.85, 0.85), (0.15, 0.15)):
            one.tap(position={"x": box["width"] * x, "y": box["height"] * y})
        one.tap(position={"x": box["width"] * 0.85, "y": box["height"] * 0.85})
        assert shown.sentence != before or number, "a finger moves nothing"


def test_a_step_takes_less_than_a_frame(each: Placed, opened: Open) -> None:
    shown = opened(each.name, words=each.words)
    watch = shown.context.new_cdp_session(shown.tab)
    watch.send("Performance.enable")
    begun = thread_seconds(watch)
    shown.element.evaluate(
        """element => {
          const keys = ["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"]
          const movable = [...element.querySelectorAll("[role=application]")]
          const sliders = [...element.querySelectorAll("[type=range]")]
          for (let step = 0; step < 120; step++) {
            for (const one of movable.slice(0, 1)) one.dispatchEvent(new KeyboardEvent("keydown", { key: keys[step % 4], bubbles: true }))
            if (!movable.length || step % 3 === 0) {
              const slider = sliders[step % (sliders.length || 1)]
              if (slider) {
                slider.value = Number(slider.min) + step * 7 % (slider.max - slider.min + 1)
                slider.dispatchEvent(new Event("input", { bubbles: true }))
              }
            }
            element.offsetHeight
          }
        }"""
    )
    assert 1000 * (thread_seconds(watch) - begun) / 120 < 16


def thread_seconds(watch: Any) -> float:
    """Seconds that the page's thread has computed, scripts and layout: what else the machine does is no part of it."""
    metrics = watch.send("Performance.getMetrics")["metrics"]
    return next(float(one["value"]) for one in metrics if one["name"] == "ThreadTime")


def test_print_and_readers_without_scripts_get_the_figure(each: Placed, opened: Open) -> None:
    shown = opened(each.name, words=each.words)
    picture = shown.tab.locator("figure > img")
    assert (
        picture.is_visible() == ("beside" in each.words) and shown.tab.locator(".explore-stage").is_visible()
    )
    assert shown.tab.locator("figcaption").is_visible()
    shown.tab.emulate_media(media="print")
    assert picture.is_visible() and shown.tab.locator("figcaption").is_visible()
    for part in (".explore-stage", ".explore-said", ".explore-how"):
        assert not shown.tab.locator(part).is_visible()
    plain = opened(each.name, words=each.words, java_script_enabled=False)
    assert (
        plain.tab.locator("figure > img").is_visible() and not plain.tab.locator(".explore-how").is_visible()
    )


def test_nothing_moves_by_itself_for_those_who_asked_for_that(each: Placed, opened: Open) -> None:
    shown = opened(each.name, words=each.words, reduced_motion="reduce")
    assert shown.tab.get_by_role("button", name="Play").count() == 0
    moving = shown.element.evaluate(
        """element => [...element.querySelectorAll("*")].filter(node => {
          const { transitionDuration, animationName } = getComputedStyle(node)
          return node.checkVisibility() && (parseFloat(transitionDuration) > 0 || animationName !== "none")
        }).map(node => node.outerHTML.slice(0, 100))"""
    )
    assert not moving


def test_playing_steps_on_and_pausing_says_where_it_stands(opened: Open) -> None:
    shown = opened("window", words={"scene": "block"})
    shown.tab.get_by_role("button", name="Play").click()
    shown.tab.wait_for_function("document.querySelector('explore-window').state.column === 2")
    assert shown.text(".explore-aloud") == ""
    shown.tab.get_by_role("button", name="Pause").click()
    assert shown.heard() == shown.sentence


def test_colours_are_those_of_the_figures_and_lines_stand_out() -> None:
    style = (explore.STATIC / "figure.css").read_text(encoding="utf-8")
    light, dark = (
        dict(re.findall(r"--ex-(\w+): (#\w+)", part)) for part in style.split("html[data-theme")[:2]
    )
    for name in ("paper", "ink", "line", "blue", "orange", "green", "amber", "sky", "pink"):
        figures = {"line": "FAINT"}.get(name, name.upper())
        assert light[name] == getattr(draw, figures)
    for palette in (light, dark):
        for name in ("edge", "orange", "blue"):
            assert contrast(palette[name], palette["paper"]) >= 3, name
        for name in ("ink", "soft"):
            assert contrast(palette[name], palette["paper"]) >= 4.5, name


def contrast(one: str, other: str) -> float:
    def light(colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
        parts = np.array([int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)])
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    dim, bright = sorted([light(one), light(other)])
    return (bright + 0.05) / (dim + 0.05)


# In the book, and in notebooks


def test_each_stands_below_its_figure(each: Placed) -> None:
    text = (ROOT / "chapters" / f"{each.page}.md").read_text(encoding="utf-8")
    named = text.index(f"name: {each.figure}\n")
    assert re.search(rf":::\{{explorer\}} {each.name}\n:figure: {each.figure}\n", text[named:])


def test_notebooks_have_the_figure_and_no_box() -> None:
    pages = {one.page for one in placed()}
    with_one = [chapter for chapter in chapters() if chapter.page.stem in pages]
    assert len(with_one) >= 8  # the front page has one too, and no notebook
    for one in with_one:
        notebook = source_notebook(one)
        text = "\n".join(cell.source for cell in notebook.cells)
        assert "explorer" not in text and ":::" not in text
        assert all(cell.source.strip() for cell in notebook.cells)


PAGE = """\
# Sums

```{figure} sum.png
:name: fig-sum
:alt: two and three are five

A sum.
```

:::{explorer} size
:figure: fig-sum
:beside:
:label: A sum of *two* "numbers"
:set: size=9 filter=2
Move the **slider**.
:::
"""


def test_sphinx_puts_the_figure_into_the_explorer_and_scripts_on_its_page_alone(tmp_path: Path) -> None:
    (tmp_path / "conf.py").write_text(
        "extensions = ['myst_parser', 'autograder.explore']\nmyst_enable_extensions = ['colon_fence']\n"
    )
    (tmp_path / "index.md").write_text("# All\n\n```{toctree}\nsums\n```\n")
    (tmp_path / "sums.md").write_text(PAGE)
    (tmp_path / "sum.png").write_bytes((ROOT / "chapters" / "_static" / "book.png").read_bytes())
    build = ["-m", "sphinx", "-W", "-q", "-b"]
    done = run_in(ROOT, *build, "html", str(tmp_path), str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "out" / "sums.html").read_text(encoding="utf-8")
    inside = page.partition("<explore-size")[2].partition("</explore-size>")[0]
    assert (
        'data-size="9"' in inside
        and 'data-filter="2"' in inside
        and "A sum of *two* &quot;numbers&quot;" in inside
    )
    assert 'id="fig-sum"' in inside and "<img" in inside and "<strong>slider</strong>" in inside
    assert page.count('id="fig-sum"') == 1
    loaded = re.findall(r'<script (defer="defer" )?src="_static/explore/(\w+)\.js', page)
    assert loaded == [('defer="defer" ', "figure"), ('defer="defer" ', "size")]
    assert re.findall(r"_static/explore/(\w+)\.css", page) == ["figure", "size"]
    assert "explore" not in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    done = run_in(ROOT, *build, "text", str(tmp_path), str(tmp_path / "text"))
    assert done.returncode == 0 and "slider" not in (tmp_path / "text" / "sums.txt").read_text(
        encoding="utf-8"
    )
    (tmp_path / "sums.md").write_text(PAGE.replace(":figure: fig-sum", ":figure: fig-some"))
    done = run_in(ROOT, *build, "html", str(tmp_path), str(tmp_path / "wrong"))
    assert done.returncode != 0 and "no figure 'fig-some'" in done.stderr
    with pytest.raises(ExtensionError, match=r"there are: .*size"):
        explore.classic("none_of_that_name")


def test_a_module_that_would_not_become_a_script_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for line in ('import * as all from "./figure.js"', "export default 3", 'import { a as b } from "./x.js"'):
        monkeypatch.setitem(GENERATED, "odd", lambda line=line: f"{line}\n")
        explore.module.cache_clear()
        with pytest.raises(ExtensionError, match=r"odd\.js"):
            explore.classic("odd")
    explore.module.cache_clear()


def test_every_module_becomes_a_script_of_the_size_that_a_page_can_bear() -> None:
    for name in explore.names():
        assert not any(line.startswith(("import", "export")) for line in explore.classic(name).splitlines())
        own = [one for one in explore.needed(name) if one not in GENERATED]
        assert sum(len((explore.classic(one) + explore.style(one)).encode()) for one in own) < 30_000, name
