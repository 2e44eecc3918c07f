"""Figures of chapter 11: experiments repeated by seed, most of them from the record."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from course import draw
from course.experiments import best, unpacked

Row = dict[str, Any]

LOOKS = {
    "ReLU": (draw.BLUE, "o", "-"),
    "leaky ReLU": (draw.SKY, "D", "--"),
    "tanh": (draw.GREEN, "^", "-."),
    "sigmoid": (draw.ORANGE, "s", ":"),
    "plain": (draw.ORANGE, "s", "--"),
    "normalised": (draw.BLUE, "o", "-"),
    "skips": (draw.GREEN, "^", ":"),
    "both": (draw.PINK, "D", "-."),
}
"""Colour, marker and line of each activation and of each kind of block."""


def scores(row: Row) -> np.ndarray:
    """Accuracy of each run on the images that it was measured on."""
    return unpacked(row).mean(axis=1)


def by_start(
    multiples: Sequence[float], values: Mapping[str, Sequence[float]], label: str, *, log: bool = False
) -> None:
    """What each activation gives against the start, in multiples of 1 / √D."""
    _, ax = plt.subplots(figsize=(5.8, 3.3), layout="constrained")
    for name, found in values.items():
        colour, marker, line = LOOKS[name]
        ax.plot(multiples, found, color=colour, marker=marker, linestyle=line, markersize=5, label=name)
    ax.set(xscale="log", xlabel="spread of the weights · √D", ylabel=label)
    ax.set(**{"yscale": "log"} if log else {"ylim": (0, 1)})
    ax.set_xticks(multiples, [f"{multiple:g}" for multiple in multiples])
    ax.minorticks_off()
    ax.legend(fontsize=8)


def stacks(rows: Sequence[Row], kinds: Mapping[str, Sequence[Row]], depths: Sequence[int]) -> None:
    """Convolutional stacks with and without normalisation, by learning rate and by depth."""
    _, axes = draw.panels(2, width=3.6, height=3.1)
    rates = sorted({row["rate"] for row in rows})
    for name, norm in [("plain", False), ("normalised", True)]:
        colour, marker, line = LOOKS[name]
        values = [scores(best(rows, depth=10, norm=norm, skips=False, rate=rate)) for rate in rates]
        draw.runs(axes[0], rates, values, name=name, colour=colour, marker=marker, line=line)
    axes[0].set(xscale="log", xlabel="learning rate", ylabel="held out", ylim=(0, 1), title="10 blocks")
    axes[0].set_xticks(rates, [f"{rate:g}" for rate in rates])
    axes[0].minorticks_off()
    axes[0].legend(loc="lower left")
    _by_depth(axes[1], {name: kinds[name] for name in ("plain", "normalised")}, depths)
    axes[1].set(title="at the best rate")


def by_depth(kinds: Mapping[str, Sequence[Row]], depths: Sequence[int]) -> None:
    """Held-out accuracy of kinds of blocks against their number."""
    _, ax = plt.subplots(figsize=(5.8, 3.3), layout="constrained")
    _by_depth(ax, kinds, depths)
    ax.legend(loc="lower left", ncols=2)


def _by_depth(ax: Axes, kinds: Mapping[str, Sequence[Row]], depths: Sequence[int]) -> None:
    for name, rows in kinds.items():
        colour, marker, line = LOOKS[name]
        draw.runs(
            ax, depths, [scores(row) for row in rows], name=name, colour=colour, marker=marker, line=line
        )
    ax.set(xscale="log", xlabel="blocks", ylabel="held out", ylim=(0, 1))
    ax.set_xticks(depths, [str(depth) for depth in depths])
    ax.minorticks_off()


def gaps(curves: Mapping[float, Sequence[np.ndarray]]) -> None:
    """Accuracy along training, with right labels and with wrong.

    `curves` has for each share of wrong labels the accuracy on own images (seeds, epochs), something else, and
    which held-out images were classified rightly (seeds, epochs, N).
    """
    _, axes = draw.panels(2, width=3.6, height=3.1)
    for ax, (wrong, (own, _, hits)) in zip(axes, curves.items(), strict=True):
        held, epochs = hits.mean(axis=2), np.arange(1, own.shape[1] + 1)
        for values, name, colour, line in [
            (own, "own images", draw.ORANGE, "--"),
            (held, "held out", draw.BLUE, "-"),
        ]:
            ax.plot(epochs, values.T, line, color=colour, alpha=0.25, linewidth=1)
            ax.plot(epochs, values.mean(axis=0), line, color=colour, linewidth=2, label=name)
        mean_own, mean_held = own.mean(axis=0), held.mean(axis=0)
        ax.fill_between(epochs, mean_held, mean_own, where=mean_own > mean_held, color=draw.FAINT, alpha=0.35)
        ax.set(title="all labels right" if wrong == 0 else "one label in five wrong")
        ax.set(xlabel="epoch", ylabel="accuracy", ylim=(0.6, 1.02), xticks=[1, 5, 10, 15, 20])
    axes[0].legend(loc="lower right")


def own_and_held(rows: Sequence[Row], how: str, label: str, axes: Sequence[Axes] | None = None) -> None:
    """Accuracy on own and on held-out images against the strength of a remedy, with right labels and with wrong."""
    if axes is None:
        _, axes = draw.panels(2, width=3.6, height=3)
    for ax, wrong, title in [(axes[0], 0, "all labels right"), (axes[1], 0.2, "one label in five wrong")]:
        fitting = [row for row in rows if row["wrong"] == wrong and row["how"] in ("none", how)]
        places = range(len(fitting))
        own = [row["own"] for row in fitting]
        draw.runs(ax, places, own, name="own images", colour=draw.ORANGE, marker="s", line="--")
        draw.runs(ax, places, [scores(row) for row in fitting], name="held out")
        ax.set(title=title, xlabel=label, ylim=(0.7, 1.02), ylabel="accuracy")
        ax.set_xticks(places, [f"{row['strength']:g}" for row in fitting])
    axes[0].legend(loc="lower left", fontsize=8)


def two_decays(rows: Sequence[Row]) -> None:
    """The same for the L2 penalty, above, and for decoupled weight decay."""
    _, axes = draw.panels(4, width=3.6, height=2.6, columns=2)
    own_and_held(rows, "L2 penalty", "λ of the L2 penalty", axes[:2])
    own_and_held(rows, "weight decay", "decoupled weight decay", axes[2:])


def ablation(hits: Mapping[str, np.ndarray]) -> None:
    """Test accuracy of settings (seeds, images) by name, one below the other."""
    _, ax = plt.subplots(figsize=(6.6, 2.9), layout="constrained")
    for place, (name, values) in enumerate(hits.items()):
        accuracy = values.mean(axis=1)
        colour = {"none of it": draw.ORANGE, "all of it": draw.BLUE}.get(name, draw.SKY)
        ax.plot(accuracy, [place] * len(accuracy), "o", color=colour, alpha=0.4, markersize=5)
        ax.plot(accuracy.mean(), place, "D", color=colour, markeredgecolor=draw.INK, markersize=8)
    ax.set(xlim=(0.94, 1), xlabel="test accuracy", ylim=(len(hits) - 0.5, -0.5))
    ax.set_yticks(range(len(hits)), list(hits))
