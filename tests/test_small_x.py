"""The 5×5 drawings of network 1."""

import numpy as np

from course.network import Conv, Flatten, Linear, MaxPool, Network, Pad, ReLU
from course.small_x import STORY, small_x_drawings
from solutions.backprop import numerical_gradient
from solutions.fully_connected import log_loss, sigmoid


def test_small_drawings_come_once_with_one_label_and_without_those_of_the_story():
    images, labels, kinds, shapes = small_x_drawings()
    assert images.shape == (2395, 5, 5, 1) and images.dtype == np.float32
    assert set(np.unique(images)) == {0, 1}
    rows = {image.tobytes() for image in images}
    assert len(rows) == len(images) == len(labels) == len(kinds) == len(shapes)
    assert not rows & {drawing.astype(np.float32).tobytes() for drawing in STORY.values()}
    assert labels.sum() == 819 and set(shapes) == set(range(98))
    assert np.array_equal(labels == 1, np.char.endswith(kinds, "X"))
    again = small_x_drawings()
    assert all(
        np.array_equal(one, other) for one, other in zip((images, labels, kinds, shapes), again, strict=True)
    )


def test_small_drawings_are_a_shape_or_one_cell_off_it():
    images, labels, _, shapes = small_x_drawings()
    flat = images.reshape(len(images), 25)
    for number in np.unique(shapes):
        own = flat[shapes == number]
        assert np.abs(own[:, None] - own).sum(axis=2).max() <= 2
        assert len(np.unique(labels[shapes == number])) == 1


def test_a_network_takes_another_loss():
    def loss(logits, labels):
        return log_loss(sigmoid(logits[:, 0]), labels)

    def backward(logits, labels):
        return (sigmoid(logits) - labels[:, None]) / len(labels)

    rng = np.random.default_rng(3)
    layers = [Conv(4, 3), ReLU(), Pad(0, 1), MaxPool(2), Flatten(), Linear(3), ReLU(), Linear(1)]
    network = Network((5, 5, 1), layers, loss=(loss, backward))
    params = {name: rng.normal(0, 0.5, value.shape) for name, value in network.init(rng).items()}
    images, labels = rng.normal(size=(4, 5, 5, 1)), rng.integers(2, size=4)
    found, grads = network.gradients(params, images, labels, rng)
    assert np.isclose(found, loss(network.logits(params, images), labels))
    for name in params:

        def of(value, name=name):
            return network.gradients(params | {name: value}, images, labels, rng)[0]

        np.testing.assert_allclose(grads[name], numerical_gradient(of, params[name]), atol=1e-7)
