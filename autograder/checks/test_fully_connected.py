"""Checks of chapter 6, fully connected."""

import numpy as np

from autograder.checking.subject import Subject
from autograder.checks.inputs import sevenths, signed, wide
from course.datasets import RING, X

# flatten


def test_flatten_on_a_hand_worked_image(flatten: Subject, rng: np.random.Generator) -> None:
    """writes the 2×2 image [[7, 2], [5, 3]] as the row 7, 2, 5, 3"""
    flatten.agrees(np.array([[7.0, 2.0], [5.0, 3.0]]).reshape(1, 2, 2, 1))
    flatten.agrees(wide(rng, (1, 2, 2, 1)))


def test_flatten_keeps_the_channels_of_a_pixel_together(flatten: Subject, rng: np.random.Generator) -> None:
    """writes the channels of a pixel side by side"""
    flatten.agrees(signed(rng, (1, 2, 2, 3)))


def test_flatten_runs_row_by_row(flatten: Subject, rng: np.random.Generator) -> None:
    """runs along the rows of an image, whose height is not its width"""
    flatten.agrees(signed(rng, (1, 2, 3, 1)))
    flatten.agrees(signed(rng, (1, 4, 2, 2)))


def test_flatten_keeps_images_apart(flatten: Subject, rng: np.random.Generator) -> None:
    """gives every image of a batch a row of its own"""
    flatten.agrees(signed(rng, (3, 2, 2, 1)))
    flatten.agrees(signed(rng, (4, 1, 1, 2)))


def test_flatten_of_a_whole_batch(flatten: Subject, rng: np.random.Generator) -> None:
    """keeps batch, height, width and channels apart, in float32 and in bytes"""
    flatten.agrees(signed(rng, (2, 3, 5, 4)).astype(np.float32))
    flatten.agrees((rng.permutation(120) + 128).astype(np.uint8).reshape(5, 3, 2, 4))


def test_flatten_keeps_all_digits(flatten: Subject, rng: np.random.Generator) -> None:
    """keeps all the digits of float64"""
    flatten.agrees(sevenths(rng, (2, 3, 2, 2)))


# linear


def test_linear_on_a_hand_worked_row(linear: Subject, rng: np.random.Generator) -> None:
    """works on a hand-worked row: 1·1 + 2·3 + 0.5 = 7.5, 1·(−1) + 2·2 − 1 = 2, 1·0.5 + 2·(−2) + 0 = −3.5"""
    w = np.array([[1.0, -1.0, 0.5], [3.0, 2.0, -2.0]])
    linear.agrees(np.array([[1.0, 2.0]]), w, np.array([0.5, -1.0, 0.0]))
    linear.agrees(wide(rng, (1, 2)), wide(rng, (2, 3)), wide(rng, (3,)))


def test_linear_adds_each_bias_once(linear: Subject, rng: np.random.Generator) -> None:
    """adds to every output its own bias, once"""
    linear.agrees(np.ones((2, 4)), np.full((4, 3), 0.25), wide(rng, (3,)))


def test_linear_with_as_many_outputs_as_inputs(linear: Subject, rng: np.random.Generator) -> None:
    """takes a column of weights for each output, also where there are as many outputs as inputs"""
    linear.agrees(wide(rng, (2, 3)), wide(rng, (3, 3)), wide(rng, (3,)))


def test_linear_with_as_many_outputs_as_examples(linear: Subject, rng: np.random.Generator) -> None:
    """adds the biases along the right axis, also where there are as many outputs as examples"""
    linear.agrees(wide(rng, (4, 2)), wide(rng, (2, 4)), wide(rng, (4,)))


def test_linear_applies_no_activation(linear: Subject, rng: np.random.Generator) -> None:
    """returns the sums as they are, positive and negative"""
    x, w, b = signed(rng, (3, 2)), wide(rng, (2, 1)), wide(rng, (1,))
    linear.agrees(x, w, b)
    linear.agrees(x, -w, -b)


def test_linear_keeps_all_sizes_apart(linear: Subject, rng: np.random.Generator) -> None:
    """keeps examples, inputs and outputs apart, also in float32"""
    linear.agrees(wide(rng, (5, 3)), wide(rng, (3, 2)), wide(rng, (2,)))
    linear.agrees(*(wide(rng, shape).astype(np.float32) for shape in [(2, 5), (5, 4), (4,)]))


def test_linear_keeps_all_digits(linear: Subject, rng: np.random.Generator) -> None:
    """works with all the digits of float64"""
    linear.agrees(*(np.abs(sevenths(rng, shape)) for shape in [(3, 4), (4, 2), (2,)]))


# sigmoid


def test_sigmoid_on_five_numbers(sigmoid: Subject, rng: np.random.Generator) -> None:
    """turns −2, −1, 0, 1, 2 into 0.119, 0.269, 0.5, 0.731, 0.881"""
    sigmoid.agrees(np.array([-2.0, -1.0, 0.0, 1.0, 2.0]))
    sigmoid.agrees(sevenths(rng, (12,)))


def test_sigmoid_keeps_the_shape(sigmoid: Subject, rng: np.random.Generator) -> None:
    """treats every number of an array alone, whatever its shape"""
    sigmoid.agrees(signed(rng, (2, 3, 4)))
    sigmoid.agrees(signed(rng, (1, 5)))


def test_sigmoid_of_whole_numbers(sigmoid: Subject, rng: np.random.Generator) -> None:
    """returns fractions for whole numbers too"""
    sigmoid.agrees(rng.permutation(np.arange(-8, 9)))


def test_sigmoid_close_to_its_limits(sigmoid: Subject, rng: np.random.Generator) -> None:
    """comes as close to 0 and 1 as it should, and no closer: 0.0000167 at −11"""
    sigmoid.agrees(np.array([-20.0, -14.5, -11.0, 11.0, 14.5, 20.0]))
    sigmoid.agrees(rng.permutation([-1, 1] * 3) * rng.integers(88, 161, 6) / 8)


def test_sigmoid_far_below_zero(sigmoid: Subject, rng: np.random.Generator) -> None:
    """is right and does not warn far below 0, down to −1000"""
    sigmoid.agrees(np.append(-rng.integers(6000, 8000, 3) / 8, [-1000.0, -1.5]), quiet=True)


def test_sigmoid_far_above_zero(sigmoid: Subject, rng: np.random.Generator) -> None:
    """is right and does not warn far above 0, up to 1000"""
    sigmoid.agrees(np.append(rng.integers(6000, 8000, 3) / 8, [1000.0, -1.5]), quiet=True)


def test_sigmoid_in_float32(sigmoid: Subject, rng: np.random.Generator) -> None:
    """takes float32, of which the exponential overflows at 89 already"""
    z = np.append(signed(rng, (6,)), [100.0, 0.0, -100.0]).reshape(3, 3)
    sigmoid.agrees(z.astype(np.float32), quiet=True)


# log_loss


def _guesses(rng: np.random.Generator, size: int, sure: bool) -> np.ndarray:
    """Probabilities on one side of a half, no two alike: then no two mistakes of different examples cancel.

    None is below 0.001: how close to 0 or 1 a probability may come is for checks of its own.
    """
    p = (2 + rng.permutation(400)[:size]) / 1024
    return 1 - p if sure else p


def test_log_loss_of_a_good_guess(log_loss: Subject, rng: np.random.Generator) -> None:
    """charges 0.0202 for a probability of 0.98 if the answer is 1"""
    log_loss.agrees(np.array([0.98]), np.array([1]))
    log_loss.agrees(_guesses(rng, 1, sure=True), np.array([1]))


def test_log_loss_of_a_bad_guess(log_loss: Subject, rng: np.random.Generator) -> None:
    """charges 3.912 for a probability of 0.98 if the answer is 0"""
    log_loss.agrees(np.array([0.98]), np.array([0]))
    log_loss.agrees(_guesses(rng, 1, sure=True), np.array([0]))


def test_log_loss_is_the_mean(log_loss: Subject, rng: np.random.Generator) -> None:
    """takes the mean over the examples, with answers of both kinds"""
    for size, sure in [(2, True), (5, False), (6, True)]:
        log_loss.agrees(_guesses(rng, size, sure), rng.permutation(np.arange(size) % 2))


def test_log_loss_of_a_small_probability(log_loss: Subject, rng: np.random.Generator) -> None:
    """charges the full price of a guess that is nearly sure and wrong"""
    small = rng.integers(64, 4096, 2) / 2.0**27
    log_loss.agrees(np.array([small[0], 0.5]), np.array([1.0, 0.0]))
    log_loss.agrees(np.array([1 - small[1], 0.5]), np.array([0.0, 1.0]))


def test_log_loss_stays_finite_when_sure_and_right(log_loss: Subject, rng: np.random.Generator) -> None:
    """stays finite for probabilities of exactly 0 and 1 that are right"""
    log_loss.agrees(np.array([0.0, 1.0, 0.75]), np.array([0, 1, 1]))
    log_loss.agrees(np.append(_guesses(rng, 2, sure=True), [0.0, 1.0]), np.array([1, 1, 0, 1]))


def test_log_loss_stays_finite_when_sure_and_wrong(log_loss: Subject, rng: np.random.Generator) -> None:
    """charges 27.63 for probabilities of exactly 0 and 1 that are wrong"""
    # A rough comparison: 1 − (1 − 1e-12) is 1e-12 only to four digits, so two right ways differ in the sixth.
    log_loss.agrees(np.array([0.0, 0.5]), np.array([1, 1]), rtol=1e-4)
    log_loss.agrees(np.array([1.0, 0.5]), np.array([0, 1]), rtol=1e-4)
    log_loss.agrees(np.append(_guesses(rng, 2, sure=True), 0.0), np.array([1, 1, 1]), rtol=1e-4)


def test_log_loss_in_float32(log_loss: Subject, rng: np.random.Generator) -> None:
    """takes probabilities and answers in float32"""
    p = _guesses(rng, 7, sure=False)
    y = rng.permutation(np.array([0, 0, 0, 1, 1, 1, 1]))
    log_loss.agrees(p.astype(np.float32), y.astype(np.float32))


# softmax


def test_softmax_of_one_row(softmax: Subject, rng: np.random.Generator) -> None:
    """turns the logits 1, 2, 3 into 0.0900, 0.2447, 0.6652"""
    softmax.agrees(np.array([[1.0, 2.0, 3.0]]))
    softmax.agrees(sevenths(rng, (1, 8)))


def test_softmax_makes_every_row_sum_to_one(softmax: Subject, rng: np.random.Generator) -> None:
    """treats every row by itself"""
    softmax.agrees(signed(rng, (4, 3)))
    softmax.agrees(signed(rng, (2, 5)))


def test_softmax_of_a_square_array(softmax: Subject, rng: np.random.Generator) -> None:
    """keeps rows and columns apart where there are as many of each"""
    softmax.agrees(signed(rng, (3, 3)))


def test_softmax_of_large_logits(softmax: Subject, rng: np.random.Generator) -> None:
    """is right and does not warn for logits near 1000"""
    softmax.agrees(1000 + signed(rng, (1, 8)), quiet=True)


def test_softmax_of_rows_far_apart(softmax: Subject, rng: np.random.Generator) -> None:
    """is right and does not warn where one row lies near 1000, the other near −1000"""
    softmax.agrees(signed(rng, (2, 3)) + np.array([[1000.0], [-1000.0]]), quiet=True)


def test_softmax_of_numbers_far_apart(softmax: Subject, rng: np.random.Generator) -> None:
    """is right and does not warn where one logit of a row stands far above the others"""
    logits = np.append(signed(rng, (4,)), [3000.0, 3001.0])
    softmax.agrees(rng.permutation(logits)[np.newaxis], quiet=True)


def test_softmax_in_float32(softmax: Subject, rng: np.random.Generator) -> None:
    """takes float32, of which the exponential overflows at 89 already"""
    softmax.agrees((signed(rng, (3, 4)) + 100).astype(np.float32), quiet=True)


# cross_entropy


def _missed(rng: np.random.Generator, labels: list[int], classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits and labels, where the true class has the lowest logit of its row: any other class charges less."""
    logits = signed(rng, (len(labels), classes))
    logits[np.arange(len(labels)), labels] -= 8
    return logits, np.array(labels)


def test_cross_entropy_of_a_uniform_guess(cross_entropy: Subject, rng: np.random.Generator) -> None:
    """charges log 10 = 2.303 for ten equal logits, whatever the labels"""
    cross_entropy.agrees(np.zeros((4, 10)), np.array([0, 3, 3, 9]))
    classes = int(rng.integers(11, 60))
    cross_entropy.agrees(np.full((5, classes), rng.integers(-80, 80) / 8), rng.integers(0, classes, 5))


def test_cross_entropy_looks_at_the_true_class(cross_entropy: Subject, rng: np.random.Generator) -> None:
    """charges 0.408 for the logits 1, 2, 3 if class 2 is true, and 2.408 if class 0 is"""
    cross_entropy.agrees(np.array([[1.0, 2.0, 3.0]]), np.array([2]))
    cross_entropy.agrees(np.array([[1.0, 2.0, 3.0]]), np.array([0]))
    row = sevenths(rng, (1, 6))
    for label in range(6):
        cross_entropy.agrees(row, np.array([label]))


def test_cross_entropy_is_the_mean_over_examples(cross_entropy: Subject, rng: np.random.Generator) -> None:
    """takes the mean over the examples"""
    cross_entropy.agrees(*_missed(rng, rng.permutation([0, 1, 2, 1]).tolist(), 3))
    cross_entropy.agrees(*_missed(rng, [4, 1], 5))


def test_cross_entropy_of_a_square_array(cross_entropy: Subject, rng: np.random.Generator) -> None:
    """keeps examples and classes apart where there are as many of each"""
    for labels in ([1, 1, 0], [2, 0, 2]):
        cross_entropy.agrees(*_missed(rng, labels, 3))


def test_cross_entropy_of_large_logits(cross_entropy: Subject, rng: np.random.Generator) -> None:
    """is right for logits near 1000, and near −1000"""
    logits, labels = _missed(rng, [2, 0], 4)
    cross_entropy.agrees(logits + np.array([[1000.0], [-1000.0]]), labels)


def test_cross_entropy_of_a_hopeless_guess(cross_entropy: Subject, rng: np.random.Generator) -> None:
    """charges 2000 where the true class lies 2000 below the largest logit"""
    cross_entropy.agrees(np.array([[1000.0, 0.0, -1000.0]]), np.array([2]))
    cross_entropy.agrees(np.array([[1000.0, 0.0, -1000.0], [0.0, 0.0, 2.0]]), np.array([1, 2]))
    far = rng.integers(6400, 9600, (2, 1)) / 8
    cross_entropy.agrees(far * np.array([[-1, 0, 1], [0, 1, -1]]), np.array([0, 2]))


def test_cross_entropy_in_float32(cross_entropy: Subject, rng: np.random.Generator) -> None:
    """takes logits in float32"""
    logits, labels = _missed(rng, [3, 0, 2, 2, 1], 4)
    cross_entropy.agrees(logits.astype(np.float32), labels)


# x_or_not_x


def _network(rng: np.random.Generator, image: np.ndarray, filters: int) -> dict[str, np.ndarray]:
    """Weights for such an image, in which every layer matters.

    Filter 0 answers below 0 everywhere, so that its map is empty after ReLU. Hidden neuron 0 is always on, neuron 1
    always off. The numbers are so small that the sigmoid stays away from its limits, and the answer is above one half.
    """

    def small(*shape: int) -> np.ndarray:
        return rng.integers(1, 9, shape) * rng.choice([-1, 1], shape) / 128

    H, W = (-(-(size - 2) // 2) for size in image.shape)
    kernels = signed(rng, (3, 3, 1, filters)) / 8
    filter_bias = np.abs(signed(rng, (filters,))) / 4
    filter_bias[0] = -1 - np.abs(kernels[..., 0]).sum()
    hidden_w = small(H * W * filters, 3)
    hidden_w[:, 0], hidden_w[:, 1] = np.abs(hidden_w[:, 0]), -np.abs(hidden_w[:, 1])
    # What a mistake changes in one neuron must not cancel what it changes in another: without ReLU neuron 0 answers less
    # and neuron 1 more, so their weights have opposite signs, and neuron 2 counts too little to make up for either.
    output_w = np.abs(32 * small(3, 1)) * np.array([[1.0], [-1.0], [1 / 67]])
    return {
        "filters": kernels,
        "filter_bias": filter_bias,
        "hidden_w": hidden_w,
        "hidden_b": np.array([0.5, -0.5, 0.25]),
        "output_w": output_w,
        "output_b": np.abs(16 * small(1)),
    }


def _grey(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """A picture of which no two pixels are alike, from 0 to 1."""
    size = int(np.prod(shape))
    return rng.permutation(size).reshape(shape) / (2.0 ** (size - 1).bit_length() - 1)


def test_x_or_not_x_on_a_hand_made_network(x_or_not_x: Subject, rng: np.random.Generator) -> None:
    """answers 0.982 to the X, with one filter and weights made by hand"""
    params = {
        "filters": X[1:4, 1:4].reshape(3, 3, 1, 1),
        "filter_bias": np.array([-3.0]),  # of the map, 2 is left in the centre: pooled 2, 0, 0, 0
        "hidden_w": np.array([[1.0, -1.0, 0.0]] * 4),
        "hidden_b": np.array([0.0, 0.0, 1.0]),  # the hidden neurons answer 2, 0, 1
        "output_w": np.array([[3.0], [5.0], [-2.5]]),
        "output_b": np.array([0.5]),  # 6 − 2.5 + 0.5 = 4
    }
    x_or_not_x.agrees(X, params)
    to_output = np.array([[2.0], [5.0], [-2.5]]) + wide(rng, (3, 1)) / 64
    x_or_not_x.agrees(X, {**params, "output_w": to_output, "output_b": wide(rng, (1,)) / 64})


def test_x_or_not_x_on_a_ragged_edge(x_or_not_x: Subject, rng: np.random.Generator) -> None:
    """keeps the ragged edge of the 3×3 maps when it pools"""
    for image in (X, RING):
        x_or_not_x.agrees(image, _network(rng, image, 2))


def test_x_or_not_x_says_yes_and_no(x_or_not_x: Subject, rng: np.random.Generator) -> None:
    """gives probabilities below and above one half"""
    image = _grey(rng, (4, 4))
    params = _network(rng, image, 2)
    x_or_not_x.agrees(image, params)
    x_or_not_x.agrees(image, {**params, "output_w": -params["output_w"], "output_b": -params["output_b"]})


def test_x_or_not_x_flattens_pixel_by_pixel(x_or_not_x: Subject, rng: np.random.Generator) -> None:
    """flattens maps with several channels in the order of chapter 6"""
    image = _grey(rng, (6, 6))
    x_or_not_x.agrees(image, _network(rng, image, 3))


def test_x_or_not_x_keeps_height_and_width_apart(x_or_not_x: Subject, rng: np.random.Generator) -> None:
    """takes a picture whose height is not its width"""
    for shape in [(4, 8), (7, 5), (5, 8), (6, 5)]:
        image = _grey(rng, shape)
        x_or_not_x.agrees(image, _network(rng, image, 2))


def test_x_or_not_x_in_float32(x_or_not_x: Subject, rng: np.random.Generator) -> None:
    """takes a picture and weights in float32"""
    for _ in range(3):  # to the four digits that float32 is compared by, a mistake can be right once
        image = _grey(rng, (6, 8)).astype(np.float32)
        params = _network(rng, image, 4)
        x_or_not_x.agrees(image, {name: value.astype(np.float32) for name, value in params.items()})
