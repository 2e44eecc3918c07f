"""For tests of explorers: a bare page with one of them, opened as a file, and what stands in it."""

import base64
import html
import io
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from autograder import explore
from autograder.chapters import ROOT

STYLE = """
:root { --pst-color-text-base: #222832; --pst-color-text-muted: #48566b; }
html[data-theme="dark"] { background: #14181e; color: #ced6dd; --pst-color-text-base: #ced6dd; --pst-color-text-muted: #9ca4af; }
body { font: 16px/1.5 sans-serif; max-width: 730px; margin: 1rem auto; padding: 0 1rem; }
"""
"""What explorers take from the book's theme."""


def write_page(folder: Path, name: str, words: dict[str, str], theme: str = "light") -> Path:
    """Write a page that holds an explorer as the book does, with its scripts beside it; returns the page."""
    scripts = explore.needed(name)
    for script in scripts:
        (folder / f"{script}.js").write_text(explore.classic(script), encoding="utf-8")
    style = STYLE + "".join(explore.style(script) for script in scripts)
    data = "".join(f' data-{key}="{html.escape(value)}"' for key, value in words.items())
    page = folder / f"{name}-{'-'.join(words.values())}-{theme}.html"
    page.write_text(
        f'<!doctype html><html lang="en" data-theme="{theme}"><meta charset="utf-8"><title>{name}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{style}</style>'
        + "".join(f'<script defer src="{script}.js"></script>' for script in scripts)
        + f'<explore-{name} class="explore" role="group" aria-label="an explorer"{data}><figure id="fig">'
        '<img alt="the static picture" src="data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=" width="300" height="90">'
        '<figcaption><p>A caption.</p></figcaption></figure><div class="explore-how"><p>What to do.</p></div>'
        f"</explore-{name}></html>",
        encoding="utf-8",
    )
    return page


@dataclass(frozen=True)
class Placed:
    """An explorer as a page places it."""

    page: str
    name: str
    figure: str
    words: dict[str, str]


def placed() -> list[Placed]:
    """All explorers of the book, page by page."""
    found = []
    for page in sorted((ROOT / "chapters").glob("*.md")):
        for match in re.finditer(
            r"^:::+\{explorer\} (\w+)\n((?::.*\n)*)", page.read_text(encoding="utf-8"), re.M
        ):
            options = dict(re.findall(r"^:(\w+): ?(.*)$", match[2], re.M))
            words = dict(word.split("=") for word in options.get("set", "").split())
            words |= {"beside": ""} if "beside" in options else {}
            found.append(Placed(page.stem, match[1], options["figure"], words))
    return found


@dataclass(frozen=True)
class Look:
    """What an explorer shows: the numbers of its grids (rows, columns) by their names, NaN where a cell is empty."""

    grids: dict[str, list[np.ndarray]]
    outputs: list[str]
    sentence: str


class Shown:
    """An explorer in a tab of its own, read as a reader would."""

    def __init__(self, browser: Any, folder: Path, name: str, theme: str = "light", **options: Any):
        words = options.pop("words", {})
        size = {"viewport": {"width": options.pop("width", 1366), "height": 900}}
        self.context = browser.new_context(**size, **options)
        self.asked: list[str] = []
        self.errors: list[str] = []
        self.context.on("request", lambda request: self.asked.append(request.url))
        self.tab = self.context.new_page()
        self.tab.on("pageerror", lambda error: self.errors.append(str(error)))
        self.tab.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        self.tab.goto(write_page(folder, name, words, theme).as_uri())
        self.element = self.tab.locator(f"explore-{name}")

    def __enter__(self) -> "Shown":
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    @property
    def state(self) -> dict[str, Any]:
        return dict(self.element.evaluate("element => JSON.parse(JSON.stringify(element.state))"))

    def go(self, **change: Any) -> "Look":
        """Change the state, as whatever a reader does would, and look at what is shown then."""
        return self.look(change)

    def look(self, change: dict[str, Any] | None = None) -> "Look":
        """All numbers in grids, all other outputs, and the sentence, as they stand there after a change of the state."""
        grids, outputs, sentence = self.element.evaluate(
            """(element, change) => {
              if (change) element.go(change)
              return [
                [...element.querySelectorAll(".explore-grid")].map(grid => [
                  grid.dataset.name,
                  Number(grid.style.getPropertyValue("--columns")),
                  [...grid.querySelectorAll(":scope > :is(span, input, button)")].map(cell => cell.value || cell.textContent),
                ]),
                [...element.querySelectorAll("output")].map(output => output.textContent),
                element.querySelector(".explore-said").textContent,
              ]
            }""",
            change,
        )
        found: dict[str, list[np.ndarray]] = {}
        for name, columns, texts in grids:
            found.setdefault(name, []).append(np.array([figure(one) for one in texts]).reshape(-1, columns))
        return Look(found, outputs, sentence)

    def pixels(self, name: str, number: int = 0) -> np.ndarray:
        """What stands in a picture, (rows, columns, 3)."""
        address = (
            self.element.locator(f'canvas[data-name="{name}"]')
            .nth(number)
            .evaluate("canvas => canvas.toDataURL()")
        )
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).convert("RGB"))

    def text(self, selector: str, number: int = 0) -> str:
        return str(self.element.locator(selector).nth(number).text_content())

    @property
    def sentence(self) -> str:
        return self.text(".explore-said")

    def heard(self) -> str:
        """What a screen reader has said last."""
        self.tab.wait_for_timeout(450)
        return self.text(".explore-aloud")


Open = Callable[..., Shown]
"""What the fixture `opened` gives: opens an explorer by its name."""


def figure(text: str) -> float:
    """A number as it is written on the page."""
    return float(text.replace("−", "-").replace(",", "")) if text.strip() else float("nan")


def written(value: float) -> str:
    """The same number as text, with at most two digits after the point."""
    return f"{round(float(value), 2) + 0:.10g}".replace("-", "−")


def arithmetic(text: str) -> tuple[float, float]:
    """Both sides of the first `… = …` that ends in a number: what the left side comes to, and the number on the right."""
    parts = text.split(" = ")
    left = parts[0].rpartition(": ")[2]
    left = re.sub(r"(?!floor)\b[a-z]+ ", "", left)
    signs = str.maketrans({"−": "-", "·": "*", "×": "*"})
    assert re.fullmatch(r"(?:[-\d.,()+* /]|floor|ceil)+", left.translate(signs)), left
    right = next(part for part in parts[1:] if re.match(r"−?\d", part))
    number = re.match(r"−?[\d.,]*\d", right)
    assert number
    return float(
        eval(left.translate(signs).replace(",", ""), {"floor": math.floor, "ceil": math.ceil})
    ), figure(number[0])
