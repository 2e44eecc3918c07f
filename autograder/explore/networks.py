"""The trained networks that explorers show, and the drawings with which the digit pad begins, as modules for the build."""

import json
from pathlib import Path

import numpy as np


def trained(name: str) -> str:
    """A module that exports, under its name, a network that `make explorers` trained, with its figures."""
    text = Path(__file__).with_name("weights.json").read_text(encoding="utf-8")
    return f"export const {name} = {json.dumps(json.loads(text)[name], separators=(',', ':'))}\n"


Point = tuple[int, int]
Arc = tuple[int, int, int, int, int, int]

DIGITS: list[list[list[Point | Arc]]] = [
    [[(50, 50, 20, 32, -70, 290)]],
    [[(42, 28), (53, 18), (50, 82)]],
    [[(49, 34, 19, 17, -170, 35), (32, 80), (73, 79)]],
    [[(47, 33, 18, 15, -155, 80), (47, 65, 21, 17, -85, 150)]],
    [[(40, 20), (30, 55), (70, 54)], [(62, 30), (58, 84)]],
    [[(68, 20), (40, 21), (36, 47), (47, 62, 20, 18, -110, 140)]],
    [[(60, 18), (50, 62, 18, 20, -155, -170), (50, 64, 17, 18, 180, -190)]],
    [[(30, 24), (70, 22), (56, 50), (46, 84)]],
    [[(50, 33, 15, 15, 60, -240), (50, 65, 18, 17, -115, 245), (58, 47)]],
    [[(50, 35, 17, 16, 0, -350), (66, 40), (60, 84)]],
]
"""The strokes of each digit in hundredths of the pad: points (x, y), and arcs (x, y, radius x, radius y, from, to)."""


def drawn(digit: int) -> list[list[list[float]]]:
    """An example of a digit for the pad to begin with: strokes of points (x, y), as shares of the pad."""
    strokes = []
    for stroke in DIGITS[digit]:
        points: list[list[float]] = []
        for x, y, *arc in stroke:
            width, height, start, end = arc or (0, 0, 0, 0)
            for angle in np.radians(np.linspace(start, end, 25 if arc else 1)):
                place = (x + width * np.cos(angle), y + height * np.sin(angle))
                points.append([round(float(one) / 100, 3) for one in place])
        strokes.append(points)
    return strokes


def pad() -> str:
    """The module of the digit pad: LeNet-5 and the examples."""
    return (
        trained("digits") + f"export const examples = {json.dumps([drawn(digit) for digit in range(10)])}\n"
    )
