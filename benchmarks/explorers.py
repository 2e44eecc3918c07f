"""`make explorers`: the trained networks that explorers of the book show, packed for a page.

The digit pad shows LeNet-5 of `course.recipes`, trained with seed 0. Each of its weights becomes a whole number from −127
to 127, and each output gets a scale, so that a weight is the product of the two. What is written is held against the
network as it was trained, on the test images. The other is network 1 of chapter 8 with seed 0, of 95 numbers.
"""

import base64
import json
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from threadpoolctl import threadpool_limits

from autograder.chapters import ROOT
from autograder.files import write_atomically
from benchmarks.train import accuracy, keep_memory, small
from course.datasets import MissingData
from course.network import Conv, Flatten, Linear, MaxPool, Network, Pad, Params, ReLU
from course.recipes import learn, lenet
from course.small_x import STORY, small_x_drawings
from solutions.fully_connected import log_loss, sigmoid
from solutions.training import sgd_step

WEIGHTS = ROOT / "autograder" / "explore" / "weights.json"
SEED = 0
console = Console()


def rounded(values: np.ndarray) -> list[float]:
    """Numbers of six digits, which is short, and far more exact than a picture."""
    return [float(f"{value:.6g}") for value in values.ravel()]


def pack(params: Params) -> dict[str, dict[str, Any]]:
    """Parameters as JSON holds them: weights of 8 bits in base64 with a scale for each output, biases as numbers."""
    packed: dict[str, dict[str, Any]] = {}
    for name, values in params.items():
        packed[name] = {"shape": list(values.shape)}
        if name.endswith(".w"):
            largest = np.abs(values).reshape(-1, values.shape[-1]).max(axis=0)
            scale = rounded(np.maximum(largest, 1e-9).astype(np.float64) / 127)
            whole = np.clip(np.round(values / scale), -127, 127).astype(np.int8)
            packed[name] |= {"scale": scale, "int8": base64.b64encode(whole.tobytes()).decode("ascii")}
        else:
            packed[name] |= {"values": rounded(values)}
    return packed


def unpack(packed: dict[str, dict[str, Any]]) -> Params:
    """The parameters that a page computes with, float64."""
    params: Params = {}
    for name, one in packed.items():
        if "int8" in one:
            whole = np.frombuffer(base64.b64decode(one["int8"]), dtype=np.int8)
            params[name] = whole.reshape(one["shape"]) * np.array(one["scale"])
        else:
            params[name] = np.array(one["values"]).reshape(one["shape"])
    return params


def digits(quick: bool) -> dict[str, Any]:
    """LeNet-5: its packed parameters, and how well they do on the test images."""
    recipe = small(lenet()) if quick else lenet()
    data = recipe.data(SEED)
    learned = learn(recipe, data, SEED)
    packed = pack(learned.params)
    images, labels = data["test_images"], data["test_labels"]
    trained, shown = (recipe.network.logits(params, images) for params in (learned.params, unpack(packed)))
    return {
        "learned_from": len(data["train_labels"]),
        "tested_on": len(labels),
        "accuracy": accuracy(shown, labels),
        "accuracy_as_trained": accuracy(trained, labels),
        "same_answer": accuracy(shown, trained.argmax(axis=1)),
        "params": packed,
    }


def small_x() -> Network:
    """Network 1 of chapter 8, with one sigmoid at its end."""

    def loss(logits: np.ndarray, labels: np.ndarray) -> float:
        return log_loss(sigmoid(logits[:, 0]), labels)

    def backward(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return (sigmoid(logits) - labels[:, None].astype(logits.dtype)) / len(labels)

    layers = [Conv(4, 3), ReLU(), Pad(0, 1), MaxPool(2), Flatten(), Linear(3), ReLU(), Linear(1)]
    return Network((5, 5, 1), layers, loss=(loss, backward))


def x() -> dict[str, Any]:
    """Network 1, trained as the chapter trains it with seed 0: what it learned, and its accuracy on held-out drawings."""
    network, (drawings, is_x, *_) = small_x(), small_x_drawings()
    order = np.random.default_rng(0).permutation(len(is_x))
    own, held = order[:-500], order[-500:]
    rng = np.random.default_rng(SEED)
    net, steps = network.init(rng), 2_000
    for step in range(steps):
        chosen = own[rng.integers(len(own), size=64)]
        _, grads = network.gradients(net, drawings[chosen], is_x[chosen], rng)
        net = {name: sgd_step(net[name], grads[name], 0.8 * (1 - step / steps)) for name in net}
    params = {name: {"shape": list(values.shape), "values": rounded(values)} for name, values in net.items()}
    right = (network.logits(unpack(params), drawings[held])[:, 0] > 0) == is_x[held]
    return {
        "held_out": len(held),
        "accuracy": float(np.mean(right)),
        "drawings": {name: drawing.astype(int).tolist() for name, drawing in STORY.items()},
        "params": params,
    }


def written(path: Path = WEIGHTS) -> dict[str, dict[str, Any]]:
    """What is on record: "digits" and "x"."""
    record: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return record


def main(
    quick: Annotated[bool, typer.Option("--quick", help="a trial on 300 images; nothing is written")] = False,
) -> None:
    """Train both networks, pack them, test what was packed, and write it."""
    keep_memory()
    started = time.perf_counter()
    with threadpool_limits(1, "blas"):
        record = {"x": x()}
        try:
            record = {"digits": digits(quick)} | record
        except MissingData as error:
            console.print(str(error), soft_wrap=True)
            raise typer.Exit(1) from None
    pad, cross = record["digits"], record["x"]
    text = (
        "{"
        + ",\n".join(
            f'"{name}":{json.dumps(one, ensure_ascii=False, separators=(",", ":"))}'
            for name, one in record.items()
        )
        + "}\n"
    )
    console.print(
        f"digits: {pad['accuracy_as_trained']:.2%} of {pad['tested_on']:,} test images as trained, {pad['accuracy']:.2%} "
        f"with weights of 8 bits, the same answer to {pad['same_answer']:.2%}; X or not X: {cross['accuracy']:.1%} of "
        f"{cross['held_out']} held-out drawings; {len(text) / 1000:.0f} KB; {time.perf_counter() - started:.0f} s",
        soft_wrap=True,
    )
    if not quick:
        write_atomically(WEIGHTS, text)


if __name__ == "__main__":
    typer.run(main)
