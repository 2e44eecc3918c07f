"""Pictures of chapter 9: bars of several multiples, and each rung of the ladder with its code beside its bars."""

import html
import inspect
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from .draw import AMBER, BLUE, INK, ORANGE, PAPER

COLOURS = (ORANGE, BLUE)


def bars(
    ax: Axes,
    values: Mapping[str, Sequence[float | None]],
    names: Sequence[str],
    *,
    colours: Sequence[str] = COLOURS,
) -> None:
    """Draw for each key one horizontal bar of each of `names`, on a logarithmic axis, the first key on top.

    A line behind the bars marks 1. None leaves a bar out.
    """
    thick = 0.8 / len(names)
    ax.axvline(1, color=INK, linewidth=1, zorder=0)
    for number, (name, colour) in enumerate(zip(names, colours, strict=False)):
        at = np.arange(len(values)) + (number - (len(names) - 1) / 2) * thick
        lengths = [row[number] if row[number] is not None else np.nan for row in values.values()]
        drawn = ax.barh(at, lengths, height=0.9 * thick, color=colour, label=name)
        labels = ["" if np.isnan(length) else told(length) for length in lengths]
        behind = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.8}
        for text in ax.bar_label(drawn, labels=labels, padding=4, fontsize=9):
            if text.get_text():
                text.set_bbox(behind)
    known = [one for row in values.values() for one in row if one is not None]
    ax.set(xscale="log", xlim=(0.5 * min(1, *known), 4 * max(known)))
    ax.xaxis.set_major_formatter("{x:,g}")
    ax.set_yticks(range(len(values)), list(values))
    ax.invert_yaxis()
    ax.tick_params(axis="y", length=0)
    ax.legend(loc="lower center", ncols=len(names), bbox_to_anchor=(0.4, 1.0))


def told(multiple: float) -> str:
    """A multiple as bars show it."""
    return f"{multiple:,.0f}×" if multiple >= 20 else f"{multiple:.1f}×"


def code_of(function: Callable) -> str:
    """Source of a function without its docstring and types; empty where it is not known."""
    try:
        source = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        return ""
    source = re.sub(r'^    """.*?"""\n', "", source, count=1, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r": np\.ndarray|( -> np\.ndarray)(?=:)", "", source).rstrip()


@dataclass(frozen=True)
class Rungs:
    """The rungs, shown with their code: (name, code, why, multiples); `layers` names the multiples."""

    rows: Sequence[tuple[str, str, str, Sequence[float | None]]]
    layers: Sequence[str]

    def __repr__(self) -> str:
        lines = []
        for name, code, why, multiples in self.rows:
            told_of = ", ".join(f"{layer} {told(one)}" for layer, one in self._known(multiples))
            lines += [f"{name}: {told_of}", why, textwrap.indent(code, "    "), ""]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return "".join(self._row(*row) for row in self.rows)

    def _known(self, multiples: Sequence[float | None]) -> list[tuple[str, float]]:
        pairs = zip(self.layers, multiples, strict=True)
        return [(layer, one) for layer, one in pairs if one is not None]

    def _row(self, name: str, code: str, why: str, multiples: Sequence[float | None]) -> str:
        most = max(one for *_, several in self.rows for one in several if one is not None)
        drawn = ""
        for layer, one in self._known(multiples):
            share = 100 * max(0.02, np.log(max(one, 1)) / np.log(most))
            colour = COLOURS[list(self.layers).index(layer) % len(COLOURS)]
            drawn += (
                f'<div>{html.escape(layer)} <b>{told(one)}</b><div style="height:.6em;width:{share:.0f}%;'
                f'background:{colour}"></div></div>'
            )
        return (
            '<div style="display:flex;flex-wrap:wrap;gap:.3em 1.5em;border-top:1px solid #8888;padding:.6em 0">'
            f'<div style="flex:1 1 13em;font-size:.9em"><b>{html.escape(name)}</b>{drawn}'
            f'<div style="margin-top:.4em">{html.escape(why)}</div></div>'
            '<pre style="flex:3 1 24em;min-width:0;overflow-x:auto;margin:0;font-size:.7em">'
            f"{html.escape(code)}</pre></div>"
        )


PAIR = (AMBER, BLUE)
"""Colours of what is compared before and after."""
