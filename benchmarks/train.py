"""`make train`: the networks of the course trained from nothing, judged on images they never saw, and recorded."""

import contextlib
import ctypes
import datetime
import io
import json
import multiprocessing
import os
import platform
import shlex
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import psutil
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from threadpoolctl import threadpool_info, threadpool_limits

from autograder.files import write_atomically
from course import recorded
from course.datasets import MNIST_SHA256, MissingData
from course.network import Params
from course.recipes import RECIPES, Data, Learned, Recipe, judge, learn
from solutions.fully_connected import softmax

POINTS = 300  # of a curve on record
LOOKED_AT = 500  # validation images on which the first steps are measured
MISTAKES = 12  # on record
ASKED_FOR = ("cifar",)  # trained only if named: 170 MB to download, and more minutes than any other
console = Console()


def keep_memory() -> None:
    """Have glibc keep freed memory for the next array. Else the kernel hands over fresh pages for each large one."""
    with contextlib.suppress(AttributeError, OSError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        trim_threshold, mmap_threshold = -1, -3  # their numbers in malloc.h
        mallopt(mmap_threshold, 1 << 25)
        mallopt(trim_threshold, (1 << 31) - 1)


def processor_seconds() -> float:
    """Seconds that processors have spent on this process and on those that it started and that still live.

    On a busy machine they say more than a clock does: what a training costs, not how long it had to wait.
    """
    others = [psutil.Process(child.pid).cpu_times() for child in multiprocessing.active_children()]
    return time.process_time() + sum(times.user + times.system for times in others)


def small(recipe: Recipe) -> Recipe:
    """The same recipe for a trial: one epoch, a few hundred images."""

    def few(seed: int) -> Data:
        return {key: values[:300] for key, values in recipe.data(seed).items()}

    return replace(recipe, data=few, phases=((1, recipe.phases[0][1]),))


def train_once(recipe: Recipe, seed: int, progress: Progress) -> tuple[dict[str, Any], Data, Learned]:
    """Load, train and test: the figures on record, and what else is worth a look.

    "seconds" counts all of it, the measuring on the way too, and so does "processor_seconds", on all cores together.
    """
    started, spent = time.perf_counter(), processor_seconds()
    data = recipe.data(seed)
    epochs = sum(count for count, _ in recipe.phases)
    an_epoch = -(-len(data["train_labels"]) // recipe.batch_size)
    bar = progress.add_task(f"{recipe.title}, seed {seed}", total=epochs * an_epoch)
    looks = {0, *np.geomspace(1, an_epoch, 16).astype(int).tolist()}
    first_steps: dict[str, list] = {"step": [], "value": []}
    images, labels = data["validation_images"][:LOOKED_AT], data["validation_labels"][:LOOKED_AT]

    def look(step: int, params: Params) -> None:
        progress.update(bar, completed=step)
        if step in looks:
            first_steps["step"].append(step)
            first_steps["value"].append(accuracy(recipe.network.logits(params, images), labels))

    before = time.perf_counter()
    learned = learn(recipe, data, seed, look)
    after = time.perf_counter()
    validated = judge(recipe, learned.params, data["validation_images"])
    logits = judge(recipe, learned.params, data["test_images"])
    seconds, spent = time.perf_counter() - started, processor_seconds() - spent
    one_look = recipe.network.logits(learned.params, data["test_images"])
    progress.remove_task(bar)
    steps = np.array_split(np.arange(len(learned.loss)), min(POINTS, len(learned.loss)))
    return (
        {
            "seed": seed,
            "accuracy": accuracy(logits, data["test_labels"]),
            "one_look": accuracy(one_look, data["test_labels"]),
            "validated": accuracy(validated, data["validation_labels"]),
            "epoch": 1 + int(learned.accuracy.argmax()) if recipe.chooses_epoch else epochs,
            "seconds": round(seconds, 1),
            "processor_seconds": round(spent, 1),
            "seconds_an_epoch": round((after - before) / epochs, 2),
            "loss": {
                "step": [int(part[-1]) for part in steps],
                "value": [round(float(learned.loss[part].mean()), 5) for part in steps],
            },
            "first_steps": first_steps,
            "validation": [round(float(value), 6) for value in learned.accuracy],
            "confusion": confusion(logits, data["test_labels"], len(recipe.classes)).tolist(),
        },
        data,
        learned,
    )


def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Share of images classified rightly."""
    return round(float(np.mean(logits.argmax(axis=1) == labels)), 6)


def confusion(logits: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """How often each true class (row) was taken for each class (column): int (classes, classes)."""
    counts = np.zeros((classes, classes), dtype=int)
    np.add.at(counts, (labels, logits.argmax(axis=1)), 1)
    return counts


def as_bytes(images: np.ndarray) -> np.ndarray:
    """Images from 0 to 1 as uint8 from 0 to 255; what is uint8 already stays as it is."""
    return images if images.dtype == np.uint8 else np.round(255 * images).astype(np.uint8)


def worst(recipe: Recipe, params: Params, data: Data) -> tuple[list[dict[str, Any]], np.ndarray]:
    """The mistakes on the test set to which the true class seemed least likely, worst first, and their images."""
    images, labels = data["test_images"], data["test_labels"]
    chances = softmax(judge(recipe, params, images).astype(np.float64))
    wrong = np.flatnonzero(chances.argmax(axis=1) != labels)
    wrong = wrong[np.argsort(chances[wrong, labels[wrong]], kind="stable")][:MISTAKES]
    notes = [
        {"index": int(i), "label": int(labels[i]), "probabilities": chances[i].round(4).tolist()}
        for i in wrong
    ]
    return notes, as_bytes(images[wrong])


def pictures(recipe: Recipe, data: Data, learned: Learned) -> dict[str, np.ndarray]:
    """How the first convolution's filters changed, and if the recipe says so, the maps of the first test image."""
    convolutions = [name for name in recipe.network.names if name.startswith("conv")]
    kept = {"filters": np.stack([params[f"{convolutions[0]}.w"] for params in learned.epochs])}
    if recipe.watched:
        image = data["test_images"][:1]
        seen = [recipe.network.activations(params, image) for params in learned.epochs]
        kept |= {name: np.concatenate([maps[name] for maps in seen]) for name in convolutions}
    kept = {name: values.astype(np.float16) for name, values in kept.items()}
    return kept | ({"image": as_bytes(image[0])} if recipe.watched else {})


def train_all(
    recipe: Recipe, seeds: int, progress: Progress
) -> Iterator[tuple[dict[str, Any], dict[str, np.ndarray]]]:
    """Train a network with each seed; after each, its part of the record so far: figures and pictures."""
    runs = []
    for seed in range(seeds):
        run, data, learned = train_once(recipe, seed, progress)
        runs.append(run)
        progress.console.print(
            f"{recipe.title}, seed {seed}: test accuracy {run['accuracy']:.2%} in {run['seconds']:.0f} s"
        )
        if seed == 0:
            mistakes, images = worst(recipe, learned.params, data)
            shown = {"worst": images, **pictures(recipe, data, learned)}
        blas = max(
            threadpool_info(), key=lambda library: "numpy" in library["filepath"]
        )  # SciPy may bring another
        layers = [
            {
                "layer": layer,
                "out": list(out),
                "parameters": sum(int(np.prod(shape)) for shape in shapes.values()),
            }
            for layer, out, shapes in recipe.network.rows
        ]
        figures = {
            "title": recipe.title,
            "command": shlex.join(["python", "-m", "benchmarks.train", *sys.argv[1:]]),
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "cores": os.cpu_count(),
            "versions": {
                "python": platform.python_version(),
                "numpy": np.__version__,
                blas["internal_api"]: blas["version"],
            },
            "classes": list(recipe.classes),
            "phases": recipe.phases,
            "batch_size": recipe.batch_size,
            "layers": layers,
            "parameters": sum(layer["parameters"] for layer in layers),
            "images": {part: len(data[f"{part}_labels"]) for part in ("train", "validation", "test")},
            "seeds": runs,
            "worst": mistakes,
        } | ({"source": recipe.source()} if recipe.source else {})
        yield figures, shown


def write(name: str, figures: dict[str, Any], shown: dict[str, np.ndarray], folder: Path) -> None:
    """Put one network on record; the others stay as they are."""
    file, archive = folder / "train.json", folder / "train.npz"
    everything = json.loads(file.read_text()) if file.exists() else {}
    arrays: dict[str, np.ndarray] = {}
    if archive.exists():
        with np.load(archive) as stored:
            arrays = {key: stored[key] for key in stored if not key.startswith(f"{name}.")}
    everything[name] = figures
    ordered = {known: everything[known] for known in RECIPES if known in everything}
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays, **{f"{name}.{key}": values for key, values in shown.items()})
    write_atomically(archive, packed.getvalue())
    # one line for each seed keeps the file short, and its changes readable
    text = json.dumps(ordered, ensure_ascii=False, separators=(",", ":")).replace('{"seed":', '\n{"seed":')
    write_atomically(file, text + "\n")


def keep(name: str, figures: dict[str, Any], shown: dict[str, np.ndarray]) -> None:
    """Put one network on the book's record, or end with what to do if that cannot be written."""
    try:
        write(name, figures, shown, recorded.FOLDER)
    except OSError as error:
        console.print(
            f"The record of {name} could not be written: {error}. What was on record before is as it was. Make room, "
            f"then train it again with: python -m benchmarks.train {name}",
            soft_wrap=True,
        )
        raise typer.Exit(1) from None


def table(parts: dict[str, dict[str, Any]]) -> Table:
    """A line for each network."""
    lines = Table(box=None, pad_edge=False, collapse_padding=True)
    lines.add_column("network", no_wrap=True)
    for heading in ("parameters", "test", "from", "to", "val", "best epoch", "s an epoch", "s"):
        lines.add_column(heading, justify="right")
    for name, part in parts.items():
        runs = part["seeds"]
        tests = [run["accuracy"] for run in runs]
        lines.add_row(
            name,
            f"{part['parameters']:,}",
            *(f"{value:.2%}" for value in (statistics.mean(tests), min(tests), max(tests))),
            f"{statistics.mean(run['validated'] for run in runs):.2%}",
            f"{statistics.mean(max(run['validation']) for run in runs):.2%}",
            f"{statistics.mean(run['seconds_an_epoch'] for run in runs):.1f}",
            f"{statistics.mean(run['seconds'] for run in runs):.0f}",
        )
    return lines


def main(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help=f"networks: {', '.join(RECIPES)}; unless named, all but {', '.join(ASKED_FOR)}, which downloads 170 MB"
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="how often each is trained, with seeds 0, 1, …")] = 3,
    quick: Annotated[
        bool, typer.Option("--quick", help="a trial: one epoch of 300 images; nothing is recorded")
    ] = False,
) -> None:
    """Train the networks of the course, print what they reach, and put it on record in course/recorded."""
    names = names or [name for name in RECIPES if name not in ASKED_FOR]
    if unknown := [name for name in names if name not in RECIPES]:
        raise typer.BadParameter(f"no network {', '.join(unknown)}; there are {', '.join(RECIPES)}")
    keep_memory()
    parts: dict[str, dict[str, Any]] = {}
    left_out: dict[str, MissingData] = {}
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    # a thread of the course's own on each core, and none of BLAS's beside them
    with threadpool_limits(1, "blas"), Progress(*columns, console=console, transient=True) as progress:
        for name in names:
            recipe = RECIPES[name]()
            try:
                for parts[name], shown in train_all(small(recipe) if quick else recipe, seeds, progress):
                    if not quick:
                        keep(name, parts[name], shown)
            except MissingData as missing:
                left_out[name] = missing
    if parts:
        console.print(table(parts))
        console.print(
            "Test: mean, lowest and highest of all seeds. Val: mean on the validation images. Best epoch: mean of the\n"
            "highest validation accuracy on the way.\n"
            "The article's network, judged as there, is validated on the test images.",
            soft_wrap=True,
        )
    for name in [name for name in left_out if name in ASKED_FOR]:
        console.print(f"Left out: {name}. {left_out.pop(name)}", soft_wrap=True)
    if left_out:
        console.print(
            f"Left out, for want of MNIST: {', '.join(left_out)}. Set MNIST_DIR to a folder with its four files "
            f"({', '.join(MNIST_SHA256)}), or let it be downloaded.",
            soft_wrap=True,
        )
    if not parts:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
