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
from benchmarks.train import ASKED_FOR, confusion, keep_memory, train_all, worst, write
from course import recorded
from course.datasets import digits
from course.network import (
    BatchNorm,
    Conv,
    Crop,
    Dropout,
    Flatten,
    Linear,
    MaxPool,
    Network,
    Pad,
    ReLU,
    Scale,
    in_parallel,
)
from course.one_cycle import rate_at, smoothed, train_one_cycle
from course.recipes import RECIPES, judge, learn, of_mirrored, of_shifted, weights_only
from course.recorded import trained
from solutions import tuned
from solutions.backprop import numerical_gradient, softmax_cross_entropy_backward
from solutions.fast import conv2d_fast_backward
from solutions.fully_connected import cross_entropy, softmax
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


@pytest.mark.parametrize("count", [6, 2])
def test_gradients_of_the_network_for_photographs_agree_with_finite_differences(count):
    """its layers and its kernels, small: bytes come in, pooling before normalising, labels that are not quite sure"""
    network = Network(
        (8, 6, 3),
        [
            Crop(6),
            Scale((120, 110, 100), (60, 50, 40)),
            Conv(2, 3, 1, kernels=(tuned.conv2d_fast, tuned.conv2d_filters_backward)),
            MaxPool(2, tuned.max_pool2d_quick_backward),
            BatchNorm((tuned.batch_norm_quick, tuned.batch_norm_quick_backward)),
            ReLU(tuned.relu_quick_backward),
            Conv(3, 3, 1, kernels=(tuned.conv2d_fast, tuned.conv2d_turned_backward)),
            BatchNorm((tuned.batch_norm_quick, tuned.batch_norm_quick_backward)),
            ReLU(tuned.relu_quick_backward),
            MaxPool(3, tuned.max_pool2d_quick_backward),
            Flatten(),
            Linear(4),
        ],
        smoothed(0.2, cross_entropy, softmax_cross_entropy_backward),
    )
    rng = np.random.default_rng(1)
    params = {name: rng.normal(0.3, 0.5, value.shape) for name, value in network.init(rng).items()}
    images = rng.integers(0, 256, (count, 8, 6, 3), dtype=np.uint8)
    labels = rng.integers(4, size=count)
    same_places = lambda: np.random.default_rng(2)
    _, grads = network.gradients(params, images, labels, same_places())
    assert grads.keys() == params.keys()
    for name in params:

        def loss(value, name=name):
            return network.gradients(params | {name: value}, images, labels, same_places())[0]

        np.testing.assert_allclose(grads[name], numerical_gradient(loss, params[name]), rtol=1e-5, atol=1e-6)


def test_a_square_is_cut_from_the_middle_and_in_training_from_any_place_that_has_one():
    images = np.arange(60 * 5 * 4, dtype=np.int64).reshape(60, 5, 4, 1)
    layer = Crop(3)
    middle, _ = layer.forward({}, images, None)
    np.testing.assert_array_equal(middle, images[:, 1:4, 1:4])
    cut, _ = layer.forward({}, images, np.random.default_rng(1))
    corners = cut[:, 0, 0, 0] - images[:, 0, 0, 0]
    assert {divmod(int(corner), 4) for corner in corners} == {(i, j) for i in range(3) for j in range(2)}
    for image, piece, corner in zip(images, cut, corners, strict=True):
        i, j = divmod(int(corner), 4)
        np.testing.assert_array_equal(piece, image[i : i + 3, j : j + 3])


def test_a_mean_and_a_spread_for_each_colour_bring_bytes_to_floats():
    images = np.array([[[[10, 20, 30], [14, 28, 46]]]], dtype=np.uint8)
    out, _ = Scale((10, 20, 30), (2, 4, 8)).forward({}, images, None)
    assert out.dtype == np.float32
    np.testing.assert_array_equal(out, [[[[0, 0, 0], [2, 2, 2]]]])


def test_labels_that_are_not_quite_sure_are_a_mixture_of_all_classes():
    logits, labels = np.random.default_rng(1).normal(size=(5, 4)), np.array([0, 1, 2, 3, 3])
    loss, backward = smoothed(0.2, cross_entropy, softmax_cross_entropy_backward)
    wanted = 0.8 * np.eye(4)[labels] + 0.2 / 4
    assert loss(logits, labels) == pytest.approx(-np.mean((wanted * np.log(softmax(logits))).sum(axis=1)))
    np.testing.assert_allclose(backward(logits, labels), (softmax(logits) - wanted) / 5, atol=1e-12)
    assert backward(logits.astype(np.float32), labels).dtype == np.float32


def test_the_rate_rises_to_its_peak_and_falls_to_nothing():
    rates = [rate_at(share, 0.4) for share in (0, 0.125, 0.25, 0.625, 1)]
    assert rates == pytest.approx([0.04, 0.22, 0.4, 0.2, 0])


def test_one_cycle_takes_the_steps_of_nesterov_and_draws_weights_alone_to_zero():
    """worked out by hand: the slope is constant, and a full batch makes one step an epoch"""
    data = {
        f"{part}_{what}": np.zeros(4, dtype=int)
        for part in ("train", "validation")
        for what in ("images", "labels")
    }
    begun = {"linear1.w": np.array([1.0]), "linear1.b": np.array([1.0])}
    slopes = {"linear1.w": np.array([0.5]), "linear1.b": np.array([0.5])}
    params, history = train_one_cycle(
        lambda params, images: np.tile([1.0, 0.0], (len(images), 1)),
        lambda params, images, labels, rng: (7.0, slopes),
        begun,
        data,
        np.random.default_rng(0),
        epochs=2,
        batch_size=4,
        learning_rate=0.1,
        momentum=0.9,
        decay=0.2,
    )
    first, second = rate_at(0, 0.1), rate_at(0.5, 0.1)
    b = 1 - first * (0.5 + 0.9 * 0.5)
    b -= second * (0.5 + 0.9 * (0.9 * 0.5 + 0.5))
    w = 1 - first * (0.7 + 0.9 * 0.7)
    slope = 0.5 + 0.2 * w
    w -= second * (slope + 0.9 * (0.9 * 0.7 + slope))
    assert params["linear1.b"] == pytest.approx(b) and params["linear1.w"] == pytest.approx(w)
    assert begun["linear1.w"] == 1
    assert history["loss"].tolist() == [7, 7] and history["accuracy"].tolist() == [1, 1]


def test_one_cycle_never_takes_a_batch_that_is_not_full_nor_an_image_twice_an_epoch():
    data = {"train_images": np.arange(10), "train_labels": np.arange(10)}
    data |= {"validation_images": np.arange(2), "validation_labels": np.arange(2)}
    seen = []

    def gradients(params, images, labels, rng):
        assert np.array_equal(images, labels)
        seen.append(images)
        return 0.0, {"b": np.zeros(1)}

    logits = lambda params, images: np.eye(2)[images]
    train_one_cycle(logits, gradients, {"b": np.ones(1)}, data, np.random.default_rng(0), 3, 4, 0.1)
    assert [len(batch) for batch in seen] == 6 * [4]
    for first, second in zip(seen[::2], seen[1::2], strict=True):
        assert len({*first, *second}) == 8
    assert len({tuple(batch) for batch in seen}) == 6


def test_images_are_mirrored_by_a_coin_for_each():
    seen = []
    images = np.tile(np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3), (60, 1, 1, 1))
    of_mirrored(lambda params, images, labels, rng: seen.append(images))(
        {}, images, np.zeros(60, int), np.random.default_rng(7)
    )
    turned = np.array([np.array_equal(image, images[0][:, ::-1]) for image in seen[0]])
    same = np.array([np.array_equal(image, images[0]) for image in seen[0]])
    assert np.all(turned ^ same) and 15 < turned.sum() < 45
    assert seen[0].dtype == np.uint8


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


def test_mirrored_images_are_judged_by_the_mean_of_both():
    network = Network((1, 3, 1), [Flatten(), Linear(2)])
    params = {"linear1.w": np.array([[1.0, 0], [0, 0], [0, 1]]), "linear1.b": np.zeros(2)}
    recipe = replace(RECIPES["small_digits"](), network=network, mirrored=True)
    logits = judge(recipe, params, np.array([2.0, 5, 4]).reshape(1, 1, 3, 1))
    np.testing.assert_allclose(logits, [[3, 3]])


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
    assert "cifar" not in done.stdout
    assert before == {path: path.read_bytes() for path in recorded.FOLDER.iterdir() if path.is_file()}


def test_without_cifar10_its_network_is_left_out_with_the_way_out(tmp_path):
    done = run("x_or_not_x", "cifar", "--quick", "--seeds", "1", CIFAR10_DIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "Left out: cifar" in done.stdout and "CIFAR10_DIR" in done.stdout
    assert "MNIST" not in done.stdout


def test_unknown_network_is_refused_by_name():
    done = run("x_or_not")
    assert done.returncode == 2
    assert "x_or_not_x" in done.stderr


GOALS = {"x_or_not_x": 0.99, "small_digits": 0.985, "lenet": 0.99, "improved": 0.995, "photos": 0.93}
GOALS |= {"cifar": 0.80}


def on_record(name):
    """What is recorded; the one network whose pictures are an optional download may be missing."""
    try:
        return trained(name)
    except KeyError:
        if name not in ASKED_FOR:
            raise
        pytest.skip(f"{name} is not on record: make {name}")


@pytest.mark.parametrize("name", RECIPES)
def test_record_agrees_with_itself_and_with_the_recipe(name):
    figures, pictures = on_record(name)
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


def test_record_of_cifar_says_which_pictures_and_what_it_cost():
    """25 minutes on two cores: a busy machine takes longer by the clock, not by its processors"""
    figures, pictures = on_record("cifar")
    source = figures["source"]
    assert source["pictures"].startswith("CIFAR-10 as ")
    assert len(source) > 1
    assert all(len(value) == 64 for name, value in source.items() if name != "pictures")
    assert figures["images"] == {"train": 45_000, "validation": 5_000, "test": 10_000}
    assert np.sum(figures["seeds"][0]["confusion"], axis=1).tolist() == 10 * [1_000]
    for run in figures["seeds"]:
        assert 60 < run["processor_seconds"] < 2 * 25 * 60
        assert abs(run["accuracy"] - run["validated"]) < 0.03  # nothing was chosen by the test images
    assert pictures["worst"].shape[1:] == (32, 32, 3) and pictures["worst"].dtype == np.uint8


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
