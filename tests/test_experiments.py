"""The repeated trainings of chapter 11: their layers, the rule by which they are compared, and their record."""

import numpy as np
import pytest

from benchmarks.left_out import EXPERIMENTS, PARTS
from course.experiments import (
    ACTIVATIONS,
    Fork,
    Join,
    SquaredError,
    best,
    build,
    conv_stack,
    difference,
    epoch_by_epoch,
    few,
    held_out,
    learn,
    linear_stack,
    packed,
    plain,
    recorded,
    right,
    spread,
    unpacked,
)
from course.network import Linear, Network
from solutions.backprop import numerical_gradient
from solutions.fully_connected import softmax


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slope_of_an_activation_agrees_with_finite_differences(name, rng):
    layer, x, dout = ACTIVATIONS[name], rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    out, kept = layer.forward({}, x, rng)
    numeric = numerical_gradient(lambda v: float(np.sum(layer.forward({}, v, rng)[0] * dout)), x)
    assert np.allclose(layer.backward({}, dout, kept)[0], numeric, atol=1e-6)
    assert out.shape == x.shape


def test_gradients_pass_through_a_block_and_round_it(rng):
    fork = Fork()
    network = Network((2, 2, 1), [fork, ACTIVATIONS["tanh"], Join(fork), ACTIVATIONS["tanh"]])
    x, dout, kept = rng.normal(size=(2, 2, 2, 1)), rng.normal(size=(2, 2, 2, 1)), []

    def forward(v):
        kept.clear()
        for layer in network.layers:
            v, one = layer.forward({}, v, rng)
            kept.append(one)
        return float(np.sum(v * dout))

    numeric = numerical_gradient(forward, x)
    forward(x)
    found = dout
    for layer, one in reversed(list(zip(network.layers, kept, strict=True))):
        found, _ = layer.backward({}, found, one)
    assert np.allclose(found, numeric, atol=1e-6)


def test_squared_error_goes_back_through_softmax(rng):
    logits, y = rng.normal(size=(2, 3)), np.eye(3)[[2, 0]]
    layer = SquaredError()
    _, p = layer.forward({}, logits, rng)
    numeric = numerical_gradient(lambda v: 0.5 * float(np.sum((softmax(v) - y) ** 2)), logits)
    assert np.allclose(layer.backward({}, p - y, p)[0], numeric, atol=1e-6)


def test_no_training_set_holds_a_held_out_image():
    images, _ = held_out()
    known = {image.tobytes() for image in images}
    sample = few(300, 0)
    assert len(images) == 597 and len(sample["train_labels"]) == 300
    for part in ("train", "validation"):
        assert not known & {image.tobytes() for image in sample[f"{part}_images"]}
    assert np.sum(few(300, 0, 0.2)["train_labels"] != sample["train_labels"]) == 60


def test_a_difference_is_seen_beyond_three_times_its_doubt(rng):
    theirs = rng.random((5, 400)) < 0.8
    better = theirs | (rng.random((5, 400)) < 0.5)
    assert difference(better, theirs).seen and difference(better, theirs).mean > 0
    other = rng.random((5, 400)) < 0.8
    assert not difference(other, theirs).seen
    assert difference(theirs, theirs).mean == 0 and not difference(theirs, theirs).seen
    assert str(difference(better, theirs)).endswith(", seen")
    assert str(difference(other, theirs)).endswith(", not seen")


def test_the_doubt_joins_the_errors_of_seeds_and_images():
    ours = np.array([[1, 1, 0, 1], [1, 0, 0, 1]], dtype=bool)
    found = difference(ours, np.zeros((2, 4), dtype=bool))
    assert found.mean == 5 / 8
    by_seed = np.std([3 / 4, 2 / 4], ddof=1) / np.sqrt(2)
    by_image = np.std([1, 0.5, 0, 1], ddof=1) / np.sqrt(4)
    assert found.doubt == pytest.approx(np.hypot(by_seed, by_image))


def test_hits_go_on_record_and_come_back(rng):
    hits = rng.random((5, 597)) < 0.9
    assert np.array_equal(unpacked(packed(hits)), hits)


def test_epoch_by_epoch_ends_where_learn_does():
    network = build(plain(filters=[2]))
    states, validation = epoch_by_epoch(network, 1, epochs=2)
    params, history = learn(network, 1, epochs=2)
    assert len(states) == 2 and np.array_equal(validation, history["accuracy"])
    assert all(np.array_equal(states[-1][name], params[name]) for name in params)


def test_spread_leaves_biases_and_the_last_layer_alone(rng):
    network = build([*linear_stack(ACTIVATIONS["ReLU"], 1)[:-1], Linear(10)])
    before = network.init(rng)
    after = spread(network, before, 2)
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed == {"linear1.w"}
    assert len(conv_stack(2, skips=True)) == len(conv_stack(2)) + 4


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_is_on_record(name):
    made, rows = recorded(name)
    assert made["command"].startswith("python -m benchmarks.left_out") and made["date"] and made["versions"]
    for row in rows:
        if name == "convergence":
            assert len(row["steps"]) == 5
        else:
            assert len(row["validation"]) == 5
            assert unpacked(row).shape == (5, 360 if name == "together" else 597)
    if name == "together":
        assert rows[0]["parts"] == [] and rows[1]["parts"] == list(PARTS) and len(rows) == 2 + len(PARTS)


def test_a_run_on_record_can_be_made_again():
    _, rows = recorded("losses")
    row = best(rows, last=1, loss_name="cross-entropy")
    network = build(plain())
    params, history = learn(network, 0, params=network.init(np.random.default_rng(0)), rate=row["rate"])
    assert history["accuracy"][-1] == pytest.approx(
        row["validation"][0], abs=0.03
    )  # another BLAS rounds otherwise
    assert np.mean(right(network, params) != unpacked(row)[0]) < 0.05
