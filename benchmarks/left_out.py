"""`make experiments`: the longer trainings of chapter 11, on record in course/recorded/left_out.json.

Every setting is trained with five seeds. Its row holds the accuracy on the validation images, by which learning rates
and starts are chosen, and which of the held-out images (of the test images, in "together") each run classified rightly.
"""

import datetime
import itertools
import json
import platform
import shlex
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Annotated, Any

import numpy as np
import typer
from threadpoolctl import threadpool_limits

from autograder.files import write_atomically
from course.datasets import digits
from course.experiments import (
    ACTIVATIONS,
    Data,
    Gradients,
    SquaredError,
    build,
    conv,
    conv_stack,
    few,
    learn,
    linear_stack,
    packed,
    plain,
    right,
    spread,
)
from course.network import BatchNorm, Dropout, Flatten, Layer, Linear, MaxPool, Network, Params, ReLU
from course.recorded import FOLDER
from solutions.left_out import batch_norm, batch_norm_backward
from solutions.training import adam_step, dropout, sgd_step, train

RECORD = FOLDER / "left_out.json"
Row = dict[str, Any]
Start = Callable[[Network, int], Params]
SEEDS = range(5)
NORM = ((batch_norm, batch_norm_backward),)


def measured(layers: Callable[[], Sequence[Layer]], start: Start, **settings: Any) -> Row:
    """Train with each seed, a new network each time since some layers remember, from what `start` makes of it."""
    validation, losses, hits = [], [], []
    for seed in SEEDS:
        network = build(layers())
        params, history = learn(network, seed, params=start(network, seed), **settings)
        validation.append(round(float(history["accuracy"][-1]), 4))
        losses.append(round(float(history["loss"][-15:].mean()), 4))
        hits.append(right(network, params))
    return {"validation": validation, "loss": losses, **packed(np.array(hits))}


def he_times(factor: float) -> Start:
    """First weights by seed: those of `init`, which are He's, all but the last layer's times a factor."""
    return lambda network, seed: spread(network, network.init(np.random.default_rng(seed)), factor)


def activations() -> Iterator[Row]:
    """Ten linear layers with each activation, by start and learning rate. "start" is the spread times √D."""
    for (name, layer), start, rate in itertools.product(
        ACTIVATIONS.items(), (1, 1.4, 2, 4, 8, 16), (0.001, 0.003, 0.01)
    ):
        settings = {"activation": name, "start": start, "rate": rate}
        yield settings | measured(
            partial(linear_stack, layer), he_times(start / 2**0.5), epochs=12, rate=rate
        )


LIMIT = 250


def steps_needed(network: Network, seed: int, factor: float, rate: float) -> int:
    """Steps of plain gradient descent on batches of 20 until the mean loss of ten batches is below 0.5."""
    rng, sample = np.random.default_rng(seed), few(300, seed)
    params, losses = spread(network, network.init(rng), factor), []
    for step in range(LIMIT):
        batch = rng.choice(300, 20, replace=False)
        seen = sample["train_images"][batch], sample["train_labels"][batch]
        loss, grads = network.gradients(params, *seen, rng)
        params = {name: sgd_step(params[name], grads[name], rate) for name in params}
        losses.append(loss)
        if not np.isfinite(loss):
            break
        if step >= 9 and np.mean(losses[-10:]) < 0.5:
            return step + 1
    return LIMIT


def convergence() -> Iterator[Row]:
    """The two-convolution network with each activation. Rate and start are chosen by "steps", "again" are other seeds."""
    for name, layer in ACTIVATIONS.items():
        network, rows = build(plain(layer)), []
        for start, rate in itertools.product((0.7, 1, 1.4, 2, 4, 8), (0.1, 0.2, 0.4, 0.8, 1.6)):
            steps = [steps_needed(network, seed, start / 2**0.5, rate) for seed in SEEDS]
            rows.append({"activation": name, "start": start, "rate": rate, "steps": steps})
        chosen = min(rows, key=lambda row: np.mean(row["steps"]))
        factor = chosen["start"] / 2**0.5
        chosen["again"] = [steps_needed(network, 10 + seed, factor, chosen["rate"]) for seed in range(10)]
        yield from rows


def stack() -> Iterator[Row]:
    """Convolutional stacks of several depths with and without batch normalisation and skips, by learning rate.

    Without normalisation skips let the signal grow, so that smaller weights are tried there too.
    """
    for depth, norm, skips in itertools.product((2, 5, 10, 20), (False, True), (False, True)):
        layers = partial(conv_stack, depth, NORM if norm else (), skips)
        for start, rate in itertools.product((1, depth**-0.5), (0.001, 0.003, 0.01, 0.03)):
            if start == 1 or (skips and not norm):
                settings = {
                    "depth": depth,
                    "norm": norm,
                    "skips": skips,
                    "start": round(start, 3),
                    "rate": rate,
                }
                yield settings | measured(layers, he_times(start), epochs=8, rate=rate)


def sure(factor: float) -> Start:
    """First weights of which those of the last layer are larger by a factor: the network is sure of its guesses."""

    def start(network: Network, seed: int) -> Params:
        params = network.init(np.random.default_rng(seed))
        return params | {"linear1.w": np.float32(factor) * params["linear1.w"]}

    return start


def losses() -> Iterator[Row]:
    """Cross-entropy and half the squared error, each at five learning rates, from two starts."""
    ends: dict[str, list[Layer]] = {"cross-entropy": [], "½ squared error": [SquaredError()]}
    for (name, end), rate in itertools.product(ends.items(), (0.003, 0.006, 0.01, 0.02, 0.03)):
        # without a layer of weights at its end a network's start has no tenth, so that the factor is ten times less
        for last in (1, 100):
            factor = last / 10 if end else last
            yield {"last": last, "loss_name": name, "rate": rate} | measured(
                lambda end=end: [*plain(), *end], sure(factor), rate=rate
            )


def penalised(network: Network, strength: float) -> Gradients:
    """Gradients of the loss with λ/2 · Σ w² added, summed over weights, not over biases: the L2 penalty."""

    def gradients(params: Params, *batch: Any) -> tuple[float, Params]:
        loss, grads = network.gradients(params, *batch)
        pull = np.float32(strength)
        return loss, {name: g + pull * params[name] * name.endswith(".w") for name, g in grads.items()}

    return gradients


def decayed(network: Network, seed: int, sample: Data, strength: float, epochs: int) -> Params:
    """Adam with the weights shrunk beside its step (AdamW). Images come in the order of `learn`."""
    rng, rate = np.random.default_rng(seed), 0.01
    params = network.init(rng)
    states = {name: {"m": 0 * value, "v": 0 * value, "t": 0} for name, value in params.items()}
    shrink = {name: np.float32(1 - rate * strength * name.endswith(".w")) for name in params}
    for _ in range(epochs):
        for batch in np.array_split(rng.permutation(300), 15):
            seen = sample["train_images"][batch], sample["train_labels"][batch]
            _, grads = network.gradients(params, *seen, rng)
            for name, value in params.items():
                step, states[name] = adam_step(value, grads[name], states[name], rate)
                params[name] = step - (1 - shrink[name]) * value
    return params


def regularise() -> Iterator[Row]:
    """Dropout, L2 penalty and decoupled weight decay in three strengths, with right labels and with wrong ones."""
    strengths = {
        "none": (0.0,),
        "dropout": (0.25, 0.5, 0.75),
        "L2 penalty": (0.003, 0.01, 0.03),
        "weight decay": (0.1, 0.3, 1.0),
    }
    for wrong in (0, 0.2):
        for how, strength in ((how, strength) for how, tried in strengths.items() for strength in tried):
            drop = [Dropout(strength, dropout)] if how == "dropout" else []
            network, scores, hits = build([*plain()[:-1], *drop, Linear(10)]), [], []
            for seed in SEEDS:
                sample = few(300, seed, wrong)
                if how == "weight decay":
                    params = decayed(network, seed, sample, strength, 20)
                else:
                    gradients = penalised(network, strength) if how == "L2 penalty" else None
                    params, _ = learn(network, seed, sample=sample, gradients=gradients, epochs=20)
                parts = (
                    (sample[f"{part}_images"], sample[f"{part}_labels"]) for part in ("train", "validation")
                )
                scores.append([round(float(right(network, params, *part).mean()), 4) for part in parts])
                hits.append(right(network, params))
            own, validation = zip(*scores, strict=True)
            settings = {"wrong": wrong, "how": how, "strength": strength}
            yield settings | {"own": own, "validation": validation, **packed(np.array(hits))}


PARTS = ("twice the filters", "batch normalisation", "dropout", "falling rate")


def together_layers(parts: Sequence[str]) -> list[Layer]:
    """The two-convolution network with the parts of advice that are layers."""
    wide, norm = "twice the filters" in parts, NORM if "batch normalisation" in parts else ()
    layers: list[Layer] = []
    for number, filters in enumerate((16, 32) if wide else (8, 16)):
        layers += [conv(filters, is_first=number == 0), *map(BatchNorm, norm), ReLU()]
    layers += [MaxPool(), Flatten(), *([Dropout(0.5, dropout)] if "dropout" in parts else [])]
    return [*layers, Linear(10)]


def together() -> Iterator[Row]:
    """All advice on all training images, and each part left out, judged on the test images once."""
    data = digits()
    tests = data["test_images"], data["test_labels"]
    for parts in ((), PARTS, *(tuple(part for part in PARTS if part != left) for left in PARTS)):
        phases = ((5, 0.01), (3, 0.001)) if "falling rate" in parts else ((8, 0.01),)
        validation, hits = [], []
        for seed in SEEDS:
            network, rng = build(together_layers(parts)), np.random.default_rng(seed)
            params = network.init(rng)
            for epochs, rate in phases:
                params, history = train(
                    network.logits, network.gradients, params, data, rng, epochs, 32, rate
                )
            validation.append(round(float(history["accuracy"][-1]), 4))
            hits.append(right(network, params, *tests))
        yield {"parts": list(parts), "validation": validation, **packed(np.array(hits))}


EXPERIMENTS: dict[str, Callable[[], Iterator[Row]]] = {
    function.__name__: function
    for function in (activations, convergence, stack, losses, regularise, together)
}


def main(
    names: Annotated[
        list[str] | None, typer.Argument(help=f"of {', '.join(EXPERIMENTS)}; all unless named")
    ] = None,
) -> None:
    """Run the experiments and put each on record; the others stay as they are."""
    names = names or list(EXPERIMENTS)
    if unknown := [name for name in names if name not in EXPERIMENTS]:
        raise typer.BadParameter(f"no experiment {', '.join(unknown)}; there are {', '.join(EXPERIMENTS)}")
    for name in names:
        started = time.process_time()
        with threadpool_limits(1, "blas"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a rate that is too high overflows
            rows = list(EXPERIMENTS[name]())
        made = {
            "command": shlex.join(["python", "-m", "benchmarks.left_out", *sys.argv[1:]]),
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "processor_seconds": round(time.process_time() - started, 1),
            "versions": {"python": platform.python_version(), "numpy": np.__version__},
        }
        before = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
        everything = before | {name: {"made": made, "rows": rows}}
        ordered = {known: everything[known] for known in EXPERIMENTS if known in everything}
        text = json.dumps(ordered, ensure_ascii=False, separators=(",", ":")).replace(
            '{"made":', '\n{"made":'
        )
        for key in ("activation", "depth", "last", "wrong", "parts"):
            text = text.replace(f'{{"{key}":', f'\n{{"{key}":')
        write_atomically(RECORD, text + "\n")
        print(f"{name}: {len(rows)} settings, {made['processor_seconds']:.0f} s of the processor", flush=True)


if __name__ == "__main__":
    typer.run(main)
