"""`make bench-train`: seconds an epoch of the network of article [2], in NumPy, PyTorch and Keras, in turns in one run.

Each program has a process of its own, which waits while another has its turn. All begin with the same weights and get
the same batches in the same order. A few steps are timed and scaled to the 60,000 pictures of an epoch.
"""

import json
import multiprocessing
import os
import platform
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from autograder.files import write_atomically
from course import bridge, programs
from course.datasets import mnist, mnist_at_hand
from course.network import Dropout, Network, Params, in_parallel
from course.recipes import article
from course.recorded import FOLDER
from solutions.bridge import mend_flatten, torch_state
from solutions.training import adam_step

EPOCH = 60_000
STEPS = {8: 40, 24: 24, 64: 12, 256: 5}
"""Timed steps of a round, for each batch size."""
WARM_UP = 2
ROUNDS = 3
LOSS_STEPS, LOSS_BATCH = 200, 24
THREADS = 2

Step = Callable[[np.ndarray, np.ndarray], float]
"""One step of training on a batch of images (N, H, W, 1) and labels (N,); returns the loss before the step."""

console = Console()


def network_of_article_2(rate: float) -> Network:
    """The network of article [2], with that rate of dropout."""
    network = article().network
    layers = [replace(one, rate=rate) if isinstance(one, Dropout) else one for one in network.layers]
    return Network(network.image_shape, layers)


def numpy_program(network: Network, params: Params, batch: int) -> tuple[Step, Callable[[], Params]]:
    """The course's own kernels; the matrix products run on as many threads as BLAS was given."""
    return _numpy(network.gradients, params)


def parallel_numpy_program(network: Network, params: Params, batch: int) -> tuple[Step, Callable[[], Params]]:
    """The same, each of two processes with half of the batch."""
    return _numpy(in_parallel(network.gradients, THREADS), params)


def _numpy(gradients: Callable, params: Params) -> tuple[Step, Callable[[], Params]]:
    params, rng = dict(params), np.random.default_rng(1)
    states = {name: {"m": np.zeros_like(p), "v": np.zeros_like(p), "t": 0} for name, p in params.items()}

    def step(images: np.ndarray, labels: np.ndarray) -> float:
        loss, grads = gradients(params, images, labels, rng)
        for name in params:
            params[name], states[name] = adam_step(params[name], grads[name], states[name])
        return float(loss)

    return step, lambda: params


def torch_program(network: Network, params: Params, batch: int) -> tuple[Step, Callable[[], Params]]:
    """PyTorch, channels first, its own Adam."""
    import torch

    torch.manual_seed(1)
    module = bridge.to_torch(network, params, (torch_state, mend_flatten)).train()
    adam = torch.optim.Adam(module.parameters())

    def step(images: np.ndarray, labels: np.ndarray) -> float:
        adam.zero_grad()
        logits = module(torch.tensor(images.transpose(0, 3, 1, 2)))
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor(labels))
        loss.backward()
        adam.step()
        return loss.item()

    return step, lambda: bridge.from_torch(network, module)


def keras_program(network: Network, params: Params, batch: int) -> tuple[Step, Callable[[], Params]]:
    """Keras, channels last, its own Adam, with the epsilon of the other programs."""
    model = bridge.to_keras(network, params)
    import keras

    keras.utils.set_random_seed(1)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(epsilon=1e-8), loss=loss)

    def step(images: np.ndarray, labels: np.ndarray) -> float:
        model.reset_metrics()  # else it returns the mean of all losses so far
        return float(model.train_on_batch(images, labels))

    return step, lambda: bridge.from_keras(network, model)


# name, package it needs, threads of its matrix products
PROGRAMS = {
    "NumPy": (numpy_program, "numpy", THREADS),
    "NumPy in parallel": (parallel_numpy_program, "numpy", 1),
    "PyTorch": (torch_program, "torch", THREADS),
    "Keras": (keras_program, "keras", THREADS),
}

_data: tuple[np.ndarray, np.ndarray]


def _receive(images: np.ndarray, labels: np.ndarray) -> None:
    global _data
    _data = images, labels


def run(program: str, rate: float, batch: int, steps: int) -> tuple[list[float], list[float], Params]:
    """Train from the start in this process: the loss and the seconds of each step, and the parameters at the end."""
    network = network_of_article_2(rate)
    step, params = PROGRAMS[program][0](network, network.init(np.random.default_rng(0)), batch)
    images, labels = _data
    losses, seconds = [], []
    for start in range(0, steps * batch, batch):
        chosen = np.arange(start, start + batch) % len(labels)
        started = time.perf_counter()
        losses.append(step(images[chosen], labels[chosen]))
        seconds.append(time.perf_counter() - started)
    return losses, seconds, params()


def processes(names: list[str], images: np.ndarray, labels: np.ndarray) -> dict[str, ProcessPoolExecutor]:
    """A process for each program, started with the number of threads that it may use."""
    os.environ["OMP_WAIT_POLICY"] = (
        "passive"  # a thread that waits sleeps: spinning starves others on a busy machine
    )
    pools = {}
    for name in names:
        for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
            os.environ[variable] = str(PROGRAMS[name][2])
        context = multiprocessing.get_context("spawn")  # so that each reads the variables afresh
        pools[name] = ProcessPoolExecutor(1, context, _receive, (images, labels))
        pools[name].submit(os.getpid).result()  # starts it
    return pools


def pictures() -> tuple[str, np.ndarray, np.ndarray, np.ndarray]:
    """What they are, images and labels to train on, shuffled, and pictures to classify."""
    rng = np.random.default_rng(2)
    count = LOSS_STEPS * LOSS_BATCH
    if mnist_at_hand():
        data = mnist(validation=0)
        chosen = rng.permutation(len(data["train_labels"]))[:count]
        images, labels = data["train_images"][chosen], data["train_labels"][chosen]
        return "MNIST", images, labels, data["test_images"][:1000]
    console.print("MNIST is not at hand, so the pictures are noise: times do not depend on it, losses do.")
    noise = rng.random((count + 1000, 28, 28, 1), dtype=np.float32)
    return "noise", noise[:count], rng.integers(10, size=count), noise[count:]


def logits_side_by_side(params: Params, images: np.ndarray) -> dict[str, Any]:
    """Logits of the first image in each program, and the largest difference to NumPy's over all of them."""
    network = network_of_article_2(0.5)
    logits = {"NumPy": network.logits(params, images)}
    if not programs.missing("torch"):
        logits["PyTorch"] = bridge.torch_logits(
            bridge.to_torch(network, params, (torch_state, mend_flatten)), images
        )
    if not programs.missing("keras", "torch"):
        logits["Keras"] = bridge.keras_logits(bridge.to_keras(network, params), images)
    return {
        "picture": np.round(255 * images[0, :, :, 0]).astype(int).tolist(),
        "logits": {name: rows[0].tolist() for name, rows in logits.items()},
        "gap_pictures": len(images),
        "gaps": {name: float(np.abs(rows - logits["NumPy"]).max()) for name, rows in logits.items()},
    }


def main() -> None:
    """Run all programs in turns, print a table and write the record."""
    if line := programs.missing("torch", "keras"):
        console.print(f"{line}\nThe others are measured without.", markup=False)
    names = [name for name, (_, package, _) in PROGRAMS.items() if not programs.missing(package)]
    load = os.getloadavg()[0]
    if load > 0.5:
        console.print(f"Other programs are busy here (load {load:.1f}): the seconds will be too many.")
    kind, images, labels, others = pictures()
    pools = processes(names, images, labels)
    losses: dict[float, dict[str, list[float]]] = {0.5: {}, 0.0: {}}
    seconds: dict[int, dict[str, list[float]]] = {batch: {name: [] for name in names} for batch in STEPS}
    jobs = [(rate, LOSS_BATCH, LOSS_STEPS) for rate in losses]
    jobs += [(0.5, batch, steps + WARM_UP) for _ in range(ROUNDS) for batch, steps in STEPS.items()]
    columns = (TextColumn("{task.description:30}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=len(names) * sum(batch * steps for _, batch, steps in jobs))
        for turn, (rate, batch, steps) in enumerate(jobs):
            shift = turn % len(names)
            for name in names[shift:] + names[:shift]:
                progress.update(task, description=f"{name}, batches of {batch}")
                job_losses, job_seconds, params = pools[name].submit(run, name, rate, batch, steps).result()
                if steps == LOSS_STEPS:
                    losses[rate][name] = [round(loss, 6) for loss in job_losses]
                    if name == "NumPy" and rate:
                        trained = params
                else:
                    mean = statistics.mean(job_seconds[WARM_UP:])
                    seconds[batch][name].append(round(mean / batch * EPOCH, 2))
                progress.advance(task, batch * steps)
    for pool in pools.values():
        pool.shutdown()

    installed = {
        package: version(package) for package in ("numpy", "torch", "keras") if not programs.missing(package)
    }
    compared = logits_side_by_side(trained, others)
    record = {
        "command": "python -m benchmarks.training_speed",
        "date": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "threads": THREADS,
        "load_before": round(load, 2),
        "versions": {"python": platform.python_version(), **installed},
        "keras_backend": os.environ.get("KERAS_BACKEND"),
        "pictures": kind,
        "parameters": sum(array.size for array in trained.values()),
        "programs": names,
        "rounds": ROUNDS,
        "steps": STEPS,
        "seconds": seconds,
        "loss_steps": LOSS_STEPS,
        "loss_batch": LOSS_BATCH,
        "losses": losses[0.5],
        "losses_without_dropout": losses[0.0],
        **compared,
    }
    lines = (f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in record.items())
    write_atomically(FOLDER / "speed.json", "{\n" + ",\n".join(lines) + "\n}\n")
    console.print(summary(record))


def summary(record: dict[str, Any]) -> Table:
    """Median of the seconds an epoch, with the lowest and the highest, for each batch size."""
    table = Table(
        box=None,
        title=f"seconds an epoch of {EPOCH:,} pictures: median of {ROUNDS} rounds (lowest–highest)",
        caption=f"{record['cores']} cores, {THREADS} threads; timed in a round: "
        + ", ".join(f"{steps} steps of {batch}" for batch, steps in STEPS.items()),
    )
    table.add_column("batch", justify="right")
    for name in record["programs"]:
        table.add_column(name, justify="right")
    for batch, by_program in record["seconds"].items():
        cells = (
            f"{statistics.median(found):.0f} ({min(found):.0f}–{max(found):.0f})"
            for found in by_program.values()
        )
        table.add_row(str(batch), *cells)
    return table


if __name__ == "__main__":
    main()
