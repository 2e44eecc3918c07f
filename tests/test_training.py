"""The networks that `make train` trains, and the record that it keeps."""

import json
import multiprocessing
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autograder.chapters import ROOT
from benchmarks.train import confusion, keep_memory, train_all, worst, write
from course import recorded
from course.datasets import digits
from course.network import Conv, Dropout, Flatten, Linear, MaxPool, Network, Pad, ReLU, in_parallel
from course.recipes import RECIPES, judge, learn, of_shifted, weights_only
from course.recorded import trained
from solutions.backprop import numerical_gradient
from solutions.fast import conv2d_fast_backward
from solutions.pooling import max_pool2d
from solutions.training import dropout


@pytest.fixture
def network() -> Network:
    return Network(
        (6, 6, 2),
        [
            Pad(0, 1),
            Conv(3, 2),
            MaxPool(2),
            ReLU(),
            Conv(4, 3, 1),
            ReLU(),
            Flatten(),
            Linear(5),
            ReLU(),
            Linear(3),
        ],
    )


def batch(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    return rng.normal(size=(count, 6, 6, 2)), rng.integers(3, size=count)


def test_gradients_of_a_network_agree_with_finite_differences(network):
    rng = np.random.default_rng(1)
    params = {name: rng.normal(0, 0.5, value.shape) for name, value in network.init(rng).items()}
    images, labels = batch(rng, 4)
    _, grads = network.gradients(params, images, labels, rng)
    assert grads.keys() == params.keys()
    for name in params:

        def loss(value, name=name):
            return network.gradients(params | {name: value}, images, labels, rng)[0]

        np.testing.assert_allclose(grads[name], numerical_gradient(loss, params[name]), atol=1e-7)


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("count", [11, 2, 1])
def test_parts_of_a_batch_add_up_to_the_whole(network, workers, count):
    rng = np.random.default_rng(2)
    params = {name: rng.normal(size=value.shape) for name, value in network.init(rng).items()}
    together = in_parallel(network.gradients, workers)
    for _ in range(2):  # the second time with other parameters, in the same processes
        images, labels = batch(rng, count)
        loss, grads = network.gradients(params, images, labels, rng)
        loss_shared, shared = together(params, images, labels, rng)
        assert loss_shared == pytest.approx(loss, rel=1e-12)
        for name in params:
            np.testing.assert_allclose(shared[name], grads[name], rtol=1e-10, atol=1e-12)
        params = {name: value - 0.1 * grads[name] for name, value in params.items()}


def test_parts_of_a_batch_drop_their_own_neurons_and_the_same_seed_the_same_ones():
    network = Network((6, 6, 2), [Flatten(), Linear(40), Dropout(0.5, dropout), Linear(3)])
    params = network.init(np.random.default_rng(3))
    images, labels = batch(np.random.default_rng(4), 20)
    one, same, other = (
        in_parallel(network.gradients)(params, images.astype(np.float32), labels, np.random.default_rng(seed))
        for seed in (5, 5, 6)
    )
    assert one[0] == same[0] != other[0]
    assert all(np.array_equal(one[1][name], same[1][name]) for name in params)


def test_the_other_processes_end_with_what_they_worked_for(network):
    params = network.init(np.random.default_rng(7))
    images, labels = batch(np.random.default_rng(8), 4)
    before = set(multiprocessing.active_children())
    together = in_parallel(network.gradients, 3)
    together(params, images, labels, np.random.default_rng(9))
    others = set(multiprocessing.active_children()) - before
    assert len(others) == 2
    del together
    for process in others:
        process.join(10)
        assert not process.is_alive()


def test_an_error_in_another_process_comes_back(network):
    params = network.init(np.random.default_rng(7))
    images, labels = batch(np.random.default_rng(8), 4)
    labels[-1] = 99  # only the last part of the batch has it
    with pytest.raises(IndexError):
        in_parallel(network.gradients)(params, images, labels, np.random.default_rng(9))


def test_parts_of_a_batch_add_up_where_no_process_can_be_split(monkeypatch):
    """the kit runs on Windows, on macOS and in a browser: the same gradients, dropout included"""
    network = Network((6, 6, 2), [Flatten(), Linear(40), Dropout(0.5, dropout), Linear(3)])
    params = network.init(np.random.default_rng(3))
    images, labels = batch(np.random.default_rng(4), 20)
    here = lambda: in_parallel(network.gradients, 3)(
        params, images.astype(np.float32), labels, np.random.default_rng(5)
    )
    split = here()
    monkeypatch.delattr("os.fork")
    in_turn = here()
    assert in_turn[0] == split[0]
    assert all(np.array_equal(in_turn[1][name], split[1][name]) for name in params)


@pytest.mark.parametrize("padding", [0, 2])
def test_first_convolution_gets_the_same_gradients_without_dx(padding):
    rng = np.random.default_rng(6)
    x, w = rng.normal(size=(3, 8, 7, 2)), rng.normal(size=(3, 5, 2, 4))
    dout = rng.normal(size=(3, 8 - 2 + 2 * padding, 7 - 4 + 2 * padding, 4))
    _, dw, db = conv2d_fast_backward(dout, x, w, padding=padding)
    dx, *own = weights_only(dout, x, w, padding=padding)
    assert dx is None
    np.testing.assert_allclose(own[0], dw, rtol=1e-10)
    np.testing.assert_allclose(own[1], db, rtol=1e-10)


def test_images_are_moved_before_gradients_are_taken():
    seen = []
    images = np.pad(np.ones((50, 1, 1, 1)), ((0, 0), (2, 2), (2, 2), (0, 0)))
    of_shifted(lambda params, images, labels, rng: seen.append(images), 2)(
        {}, images, np.zeros(50, int), np.random.default_rng(7)
    )
    places = {tuple(np.argwhere(image[..., 0])[0]) for image in seen[0]}
    assert len(places) > 10
    assert np.all(seen[0].sum(axis=(1, 2, 3)) == 1)


def test_border_of_zeros_after_relu_keeps_the_ragged_edge():
    maps = np.maximum(np.random.default_rng(8).normal(size=(4, 7, 7, 3)), 0)
    padded, _ = Pad(0, 1).forward({}, maps, None)
    np.testing.assert_array_equal(max_pool2d(padded, 2), max_pool2d(maps, 2, ceil_mode=True))


def test_network_of_the_article_has_its_parameters():
    counts = {
        name: sum(np.prod(shape) for shape in shapes.values())
        for name, _, shapes in RECIPES["article"]().network.rows
    }
    assert sum(counts.values()) == 1_276_466
    assert counts["linear1"] / sum(counts.values()) == pytest.approx(0.944, abs=5e-4)


@pytest.fixture(scope="module")
def few_digits() -> dict[str, np.ndarray]:
    return {key: values[:100] for key, values in digits().items()}


def test_parameters_stay_float32_and_a_seed_gives_the_same_network(few_digits):
    recipe = replace(RECIPES["small_digits"](), phases=((1, 0.002), (1, 0.001)))
    first, second, other = (learn(recipe, few_digits, seed) for seed in (0, 0, 1))
    assert all(value.dtype == np.float32 for value in first.params.values())
    assert all(np.array_equal(first.params[name], second.params[name]) for name in first.params)
    assert not np.array_equal(first.params["conv1.w"], other.params["conv1.w"])
    assert first.loss[0] == pytest.approx(np.log(10), abs=0.3)


def test_learning_looks_at_each_step_and_never_at_the_test_images(few_digits):
    data = {key: values for key, values in few_digits.items() if not key.startswith("test")}
    recipe = replace(RECIPES["small_digits"](), phases=((2, 0.002), (1, 0.001)), averages=1)
    steps = []
    learned = learn(recipe, data, 0, lambda step, params: steps.append((step, dict(params))))
    assert [step for step, _ in steps] == list(range(3 * 4))
    assert len(learned.loss) == 12
    assert len(learned.accuracy) == 3
    for epoch, first_step in enumerate((0, 4, 8)):
        for name in learned.params:
            np.testing.assert_array_equal(learned.epochs[epoch][name], steps[first_step][1][name])


def test_best_epoch_is_chosen_on_validation_images(few_digits):
    # a rate so high that the second phase ruins what the first has learned
    recipe = replace(RECIPES["small_digits"](), phases=((4, 0.005), (1, 5.0)), averages=1, chooses_epoch=True)
    learned = learn(recipe, few_digits, 0)
    best = int(learned.accuracy.argmax())
    assert best < 4
    assert learned.params is learned.epochs[best + 1]


def test_parameters_of_the_last_epochs_are_averaged(few_digits):
    recipe = replace(RECIPES["small_digits"](), phases=((3, 0.002),), averages=2)
    learned = learn(recipe, few_digits, 0)
    for name, value in learned.params.items():
        assert value.dtype == np.float32
        last, before = learned.epochs[-1][name], learned.epochs[-2][name]
        np.testing.assert_allclose(value, (last + before) / 2, rtol=1e-6, atol=1e-7)


def test_moved_images_are_judged_by_the_mean_of_their_logits():
    network = Network((3, 3, 1), [Flatten(), Linear(2)])
    centre = np.zeros((9, 2))
    centre[4] = 1, 2  # looks at the middle only
    params = {"linear1.w": centre, "linear1.b": np.zeros(2)}
    images = np.arange(18.0).reshape(2, 3, 3, 1)
    recipe = replace(RECIPES["small_digits"](), network=network)
    middle, mean = images[:, 1, 1, 0], images.mean(axis=(1, 2, 3))
    np.testing.assert_allclose(judge(recipe, params, images), np.stack([middle, 2 * middle], axis=1))
    # moved to all nine places, the middle is each pixel once
    nine = judge(replace(recipe, moved=1), params, images)
    np.testing.assert_allclose(nine, np.stack([mean, 2 * mean], axis=1))


def test_worst_mistakes_come_first_and_the_confusion_matrix_counts_all():
    network = Network((1, 1, 3), [Flatten(), Linear(3)])
    params = {"linear1.w": np.eye(3), "linear1.b": np.zeros(3)}
    rows = np.array([[0.9, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.5], [0.2, 0.0, 0.1]])
    data = {"test_images": rows.reshape(4, 1, 1, 3), "test_labels": np.array([1, 1, 0, 0])}
    recipe = replace(RECIPES["small_digits"](), network=network)
    notes, images = worst(recipe, params, data)
    assert [note["index"] for note in notes] == [0, 2]
    assert [note["label"] for note in notes] == [1, 0]
    assert np.argmax(notes[0]["probabilities"]) == 0
    assert images.tolist() == [[[[230, 0, 0]]], [[[0, 0, 128]]]]
    assert confusion(rows, data["test_labels"], 3).tolist() == [[1, 0, 1], [1, 1, 0], [0, 0, 0]]


def test_record_of_one_network_leaves_the_others_alone(tmp_path):
    write(
        "lenet", {"title": "a", "seeds": [{"seed": 0}]}, {"worst": np.ones((1, 2, 2, 1), np.uint8)}, tmp_path
    )
    write("photos", {"title": "b", "seeds": []}, {"worst": np.zeros((2, 2, 2, 3), np.uint8)}, tmp_path)
    before = trained("lenet", tmp_path)
    write("photos", {"title": "c", "seeds": []}, {"filters": np.zeros(3, np.float16)}, tmp_path)
    figures, pictures = trained("photos", tmp_path)
    assert figures["title"] == "c"
    assert list(pictures) == ["filters"]
    assert trained("lenet", tmp_path)[0] == before[0]
    np.testing.assert_array_equal(trained("lenet", tmp_path)[1]["worst"], before[1]["worst"])
    with pytest.raises(KeyError):
        trained("improved", tmp_path)


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.train", *words],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_trial_trains_prints_and_records_nothing_and_names_what_lacks_mnist(tmp_path):
    before = {path: path.read_bytes() for path in recorded.FOLDER.iterdir() if path.is_file()}
    done = run("x_or_not_x", "lenet", "improved", "--quick", "--seeds", "1", MNIST_DIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "1,130" in done.stdout
    line = next(line for line in done.stdout.splitlines() if "Left out" in line)
    assert "lenet, improved" in line
    assert "MNIST_DIR" in line
    assert "train-images-idx3-ubyte.gz" in line
    assert before == {path: path.read_bytes() for path in recorded.FOLDER.iterdir() if path.is_file()}


def test_unknown_network_is_refused_by_name():
    done = run("x_or_not")
    assert done.returncode == 2
    assert "x_or_not_x" in done.stderr


GOALS = {"x_or_not_x": 0.99, "small_digits": 0.985, "lenet": 0.99, "improved": 0.995, "photos": 0.93}


@pytest.mark.parametrize("name", RECIPES)
def test_record_agrees_with_itself_and_with_the_recipe(name):
    figures, pictures = trained(name)
    assert [run["seed"] for run in figures["seeds"]] == [0, 1, 2]
    recipe = RECIPES[name]()
    assert figures["parameters"] == sum(
        np.prod(shape) for _, _, shapes in recipe.network.rows for shape in shapes.values()
    )
    assert [tuple(phase) for phase in figures["phases"]] == list(recipe.phases)
    assert tuple(figures["classes"]) == recipe.classes
    epochs = sum(count for count, _ in recipe.phases)
    for run in figures["seeds"]:
        counts = np.array(run["confusion"])
        assert counts.sum() == figures["images"]["test"]
        assert run["accuracy"] == pytest.approx(np.trace(counts) / counts.sum(), abs=1e-6)
        assert len(run["validation"]) == epochs
        assert len(run["loss"]["step"]) == len(run["loss"]["value"]) <= 300
    assert np.mean([run["accuracy"] for run in figures["seeds"]]) >= GOALS.get(name, 0.98)
    assert len(pictures["worst"]) == len(figures["worst"])
    assert len(pictures["filters"]) == epochs + 1
    for note in figures["worst"]:
        assert np.argmax(note["probabilities"]) != note["label"]


FULL = """
import resource, sys
from pathlib import Path
import numpy as np
import typer
from benchmarks import train
from course import recorded
recorded.FOLDER = Path(sys.argv.pop())
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))  # no file may grow any more, as on a full disk
noise = {"worst": np.random.default_rng(0).random(100_000)}
typer.run(lambda: train.keep("lenet", {"seeds": []}, noise))
"""


def test_a_full_disk_leaves_the_record_as_it_was(tmp_path: Path) -> None:
    """ends with code 1 and says what to do; neither file of the record has changed, and nothing else lies there"""
    before = {path.name: path.read_bytes() for path in recorded.FOLDER.glob("train.*")}
    for name, content in before.items():
        (tmp_path / name).write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert done.returncode == 1 and "The record of lenet could not be written" in done.stdout, done.stderr
    assert not done.stderr
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_record_is_small():
    assert sum(path.stat().st_size for path in recorded.FOLDER.glob("train.*")) < 1_000_000


@pytest.mark.slow
def test_x_or_not_x_is_learned_from_nothing():
    from rich.progress import Progress

    keep_memory()
    with Progress(disable=True) as progress:
        ((figures, pictures),) = train_all(RECIPES["x_or_not_x"](), 1, progress)
    assert figures["seeds"][0]["accuracy"] >= 0.99
    assert pictures["conv1"].shape == (21, 7, 7, 8)
    json.dumps(figures)
