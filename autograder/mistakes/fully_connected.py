"""Mistakes and alternatives of chapter 6, fully connected."""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from solutions.filters import relu
from solutions.fully_connected import cross_entropy, flatten, linear, log_loss, sigmoid, softmax
from solutions.padding import conv2d
from solutions.pooling import avg_pool2d, max_pool2d

from . import AXES, SIDE_EFFECTS, alternative, mistake, spared

# flatten


@mistake(
    "flatten",
    "Your function writes the whole batch as one row. Every image gets a row of its own: leave the first axis as it is.",
    caught_by="test_flatten_keeps_images_apart",
)
def merges_the_batch(x: np.ndarray) -> np.ndarray:
    return x.ravel()


@mistake(
    "flatten",
    "Your function writes all images into one single row. There must be as many rows as there are images.",
    caught_by="test_flatten_keeps_images_apart",
)
def makes_a_single_row(x: np.ndarray) -> np.ndarray:
    return x.reshape(1, -1)


@mistake(
    "flatten",
    "Your function reads in Fortran order, where the first index runs fastest. Here the last index does: the order that "
    "NumPy takes unless it is told otherwise.",
    caught_by="test_flatten_runs_row_by_row",
)
def reads_in_fortran_order(x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), -1, order="F")


@mistake(
    "flatten",
    "Your function writes channel after channel, as PyTorch keeps its arrays. In this course the channels of a pixel "
    "stand side by side.",
    caught_by="test_flatten_keeps_the_channels_of_a_pixel_together",
)
def puts_channels_first(x: np.ndarray) -> np.ndarray:
    return x.transpose(0, 3, 1, 2).reshape(len(x), -1)


@mistake(
    "flatten",
    "Your function runs down the columns of each image. Run along its rows.",
    caught_by="test_flatten_runs_row_by_row",
)
def runs_column_by_column(x: np.ndarray) -> np.ndarray:
    return x.transpose(0, 2, 1, 3).reshape(len(x), -1)


@mistake(
    "flatten",
    "Your result is transposed: each image is a column. Here each image is a row.",
    caught_by="test_flatten_on_a_hand_worked_image",
)
def makes_columns(x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), -1).T


@mistake(
    "flatten",
    "The shape is right, but numbers of different images stand in one row: reshaping with the batch at the end and "
    "transposing deals the numbers out like cards. Keep the first axis first.",
    caught_by="test_flatten_keeps_images_apart",
)
def deals_images_out(x: np.ndarray) -> np.ndarray:
    return x.reshape(-1, len(x)).T


@mistake(
    "flatten",
    "Your function sorts the numbers of each image. Flattening gives each number a new address, and keeps their order.",
    caught_by="test_flatten_on_a_hand_worked_image",
)
def sorts_the_numbers(x: np.ndarray) -> np.ndarray:
    return np.sort(x.reshape(len(x), -1), axis=1)


@mistake(
    "flatten",
    "Your function keeps the first channel only. All channels go into the row: H·W·C numbers.",
    caught_by="test_flatten_keeps_the_channels_of_a_pixel_together",
)
def keeps_the_first_channel(x: np.ndarray) -> np.ndarray:
    return x[..., 0].reshape(len(x), -1)


@mistake(
    "flatten",
    "Your result has been through float32, which keeps some 7 digits of the 16 that float64 has. Flattening "
    "computes nothing: keep the dtype of x.",
    caught_by="test_flatten_keeps_all_digits",
)
def flattens_into_float32(x: np.ndarray) -> np.ndarray:
    return flatten(x).astype(np.float32)


@alternative("flatten")
def flattens_image_by_image(x: np.ndarray) -> np.ndarray:
    return np.array([image.ravel() for image in x])


@alternative("flatten")
def flattens_by_address(x: np.ndarray) -> np.ndarray:
    N, H, W, C = x.shape
    rows = np.zeros((N, H * W * C), dtype=x.dtype)
    for n, i, j, k in np.ndindex(x.shape):
        rows[n, (i * W + j) * C + k] = x[n, i, j, k]
    return rows


@alternative("flatten")
def leaves_a_length_to_numpy(x: np.ndarray) -> np.ndarray:
    return x.reshape(x.shape[0], -1)


@alternative("flatten")
def flattens_into_other_memory(x: np.ndarray) -> np.ndarray:
    return np.asfortranarray(np.concatenate(np.concatenate(x.transpose(1, 2, 0, 3), axis=0), axis=1))


# linear


@mistake(
    "linear",
    "Your weights are transposed. w has a row for each input and a column for each output already, so x @ w fits as it "
    "is.",
    caught_by="test_linear_with_as_many_outputs_as_inputs",
)
def transposes_the_weights(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    return x @ w.T + b


@mistake(
    "linear",
    "Your biases run down the batch: each example gets one. Each output gets one: b has M entries, a column's each.",
    caught_by="test_linear_with_as_many_outputs_as_examples",
)
def gives_every_example_a_bias(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    return x @ w + b[:, np.newaxis]


@mistake(
    "linear",
    "Your function leaves out the bias. Add b to every row of the product.",
    caught_by="test_linear_adds_each_bias_once",
)
def leaves_out_the_bias(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    return x @ w


@mistake(
    "linear",
    "Your function adds the bias twice. Once is enough.",
    caught_by="test_linear_adds_each_bias_once",
)
def adds_the_bias_twice(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    return x @ w + b + b


@mistake(
    "linear",
    "Your function adds the bias to every product, so it counts D times. Add it once, after the sum.",
    caught_by="test_linear_adds_each_bias_once",
)
def adds_the_bias_to_every_product(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (x[:, :, np.newaxis] * w + b).sum(axis=1)


@mistake(
    "linear",
    "Your function adds up inside b itself: the bias changes, and the second example starts from the first one's sum. "
    "`total = b` makes a second name, not a copy.",
    caught_by="test_linear_adds_each_bias_once",
)
def adds_up_in_the_bias(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    out = np.zeros((len(x), len(b)))
    for n in range(len(x)):
        total = b
        total += x[n] @ w
        out[n] = total
    return out


@mistake(
    "linear",
    "Your function applies ReLU. The activation is a step of its own: return the sums as they are.",
    caught_by="test_linear_applies_no_activation",
)
def applies_relu_to_the_sums(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    return relu(x @ w + b)


@mistake(
    "linear",
    "Your function takes the mean of the products. A neuron adds them up.",
    caught_by="test_linear_on_a_hand_worked_row",
)
def takes_the_mean_of_the_products(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    return x @ w / x.shape[1] + b


@mistake(
    "linear",
    "Your result is transposed: outputs by examples. Return a row for each example.",
    caught_by="test_linear_on_a_hand_worked_row",
)
def returns_outputs_by_examples(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (x @ w + b).T


@mistake(
    "linear",
    "Your function works on the first example only. Every row of x needs an answer.",
    caught_by="test_linear_adds_each_bias_once",
)
def works_on_the_first_example(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    return x[:1] @ w + b


@mistake(
    "linear",
    "Your result has been through float32, which keeps some 7 digits of the 16 that float64 has. Where the "
    "inputs are float64, work in float64.",
    caught_by="test_linear_keeps_all_digits",
)
def works_in_float32(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    return linear(*(array.astype(np.float32) for array in (x, w, b)))


@alternative("linear")
def adds_products_in_loops(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    out = np.zeros((x.shape[0], w.shape[1]))
    for n, m in np.ndindex(out.shape):
        total = float(b[m])
        for d in range(x.shape[1]):
            total += float(x[n, d]) * float(w[d, m])
        out[n, m] = total
    return out


@alternative("linear")
def uses_einsum(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.einsum("nd,dm->nm", x, w) + b


@alternative("linear")
def counts_the_bias_as_an_input_of_one(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    ones = np.ones((len(x), 1), dtype=x.dtype)
    return np.hstack([x, ones]) @ np.vstack([w, b])


@alternative("linear")
def multiplies_the_other_way_round(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (w.T @ x.T + b[:, np.newaxis]).T


# sigmoid


@mistake(
    "sigmoid",
    "Your formula is right, but far below 0 its exponential overflows, and NumPy warns. Let a number go into the "
    "exponential that is never positive, whatever the sign of z.",
    caught_by="test_sigmoid_far_below_zero",
)
def overflows_below_zero(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


@mistake(
    "sigmoid",
    "np.where picks between two arrays that are both computed in full beforehand, overflow and warning included. Let one "
    "exponential serve both signs, and never give it a positive number.",
    caught_by="test_sigmoid_far_below_zero",
)
def chooses_too_late(z: np.ndarray) -> np.ndarray:
    return np.where(z >= 0, 1 / (1 + np.exp(-z)), np.exp(z) / (1 + np.exp(z)))


@mistake(
    "sigmoid",
    "Far above 0 your formula divides infinity by infinity, and NaN comes out. Let a number go into the exponential that "
    "is never positive, whatever the sign of z.",
    caught_by="test_sigmoid_far_above_zero",
)
def divides_infinity_by_infinity(z: np.ndarray) -> np.ndarray:
    return np.exp(z) / (1 + np.exp(z))


@mistake(
    "sigmoid",
    "Your function goes number by number with math.exp, which raises OverflowError far below 0. Give the exponential a "
    "number that is never positive.",
    caught_by="test_sigmoid_far_below_zero",
)
def overflows_number_by_number(z: np.ndarray) -> np.ndarray:
    out = np.zeros(z.shape)
    for index in np.ndindex(z.shape):
        out[index] = 1 / (1 + math.exp(-z[index]))
    return out


@mistake(
    "sigmoid",
    "The sign in your exponent is wrong: your curve falls. A larger z must give a larger probability.",
    caught_by="test_sigmoid_on_five_numbers",
)
def has_the_wrong_sign(z: np.ndarray) -> np.ndarray:
    return sigmoid(-z)


@mistake(
    "sigmoid",
    "Your function is the hyperbolic tangent, which runs from −1 to 1. The sigmoid runs from 0 to 1.",
    caught_by="test_sigmoid_on_five_numbers",
)
def takes_the_hyperbolic_tangent(z: np.ndarray) -> np.ndarray:
    return np.tanh(z)


@mistake(
    "sigmoid",
    "Your function clips z to the range from −10 to 10, so that every number beyond gets the same answer. That hides the "
    "overflow, and makes the answers near 0 and 1 wrong: write it so that nothing overflows.",
    caught_by="test_sigmoid_close_to_its_limits",
)
def clips_its_input(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(z, -10, 10)))


@mistake(
    "sigmoid",
    "Your function keeps its answers a little away from 0 and 1. That is a matter of the loss: return what the formula "
    "gives.",
    caught_by="test_sigmoid_close_to_its_limits",
)
def clips_its_output(z: np.ndarray) -> np.ndarray:
    return np.clip(sigmoid(z), 1e-4, 1 - 1e-4)


@mistake(
    "sigmoid",
    "Your result has the dtype of z. For whole numbers that is an int, which cuts every fraction down to 0: give the "
    "result a float dtype.",
    caught_by="test_sigmoid_of_whole_numbers",
)
def keeps_integers(z: np.ndarray) -> np.ndarray:
    out = np.zeros_like(z)
    out[...] = sigmoid(z)
    return out


@mistake(
    "sigmoid",
    "A pair of parentheses is missing: 1/1 is worked out first. The whole sum 1 + exp(−z) goes below the line.",
    caught_by="test_sigmoid_on_five_numbers",
)
def divides_before_it_adds(z: np.ndarray) -> np.ndarray:
    return 1 / 1 + np.exp(-z)


@mistake(
    "sigmoid",
    "An `if` needs one answer, and an array of comparisons has many. Use np.where, np.abs or a mask, which work on every "
    "entry.",
    caught_by="test_sigmoid_on_five_numbers",
)
def asks_an_array_one_question(z: np.ndarray) -> np.ndarray:
    if z >= 0:
        return 1 / (1 + np.exp(-z))
    return np.exp(z) / (1 + np.exp(z))


@mistake(
    "sigmoid",
    "Your function rounds to 0 or 1. The sigmoid gives the probability; the decision comes later.",
    caught_by="test_sigmoid_on_five_numbers",
)
def decides_at_once(z: np.ndarray) -> np.ndarray:
    return np.where(z > 0, 1.0, 0.0)


@mistake(
    "sigmoid",
    "Your function returns the slope of the sigmoid, σ(1 − σ). Here its value is asked for.",
    caught_by="test_sigmoid_on_five_numbers",
)
def returns_the_slope(z: np.ndarray) -> np.ndarray:
    return sigmoid(z) * (1 - sigmoid(z))


@alternative("sigmoid")
def squeezes_with_masks(z: np.ndarray) -> np.ndarray:
    out = np.empty(z.shape)
    positive = z >= 0
    out[positive] = 1 / (1 + np.exp(-z[positive]))
    powers = np.exp(z[~positive])
    out[~positive] = powers / (1 + powers)
    return out


@alternative("sigmoid")
def squeezes_with_tanh(z: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(z / 2))


@alternative("sigmoid")
def squeezes_with_a_logarithm(z: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0, -z))


@alternative("sigmoid")
def silences_the_overflow(z: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # 1 / (1 + inf) is 0, which is right
        return 1 / (1 + np.exp(-z))


@alternative("sigmoid")
def squeezes_number_by_number(z: np.ndarray) -> np.ndarray:
    def one(value: float) -> float:
        return 1 / (1 + math.exp(-value)) if value >= 0 else math.exp(value) / (1 + math.exp(value))

    return np.array([one(float(value)) for value in z.ravel()]).reshape(z.shape)


# log_loss


@mistake(
    "log_loss",
    "Your function adds up the losses. Take their mean, so that the number does not grow with the batch.",
    caught_by="test_log_loss_is_the_mean",
)
def sums_the_losses(p: np.ndarray, y: np.ndarray) -> float:
    return log_loss(p, y) * len(p)


@mistake(
    "log_loss",
    "Your formula has one of its two terms only, y · log p: wherever the answer is 0, nothing is charged. Add the other.",
    caught_by="test_log_loss_of_a_bad_guess",
)
def leaves_out_the_second_term(p: np.ndarray, y: np.ndarray) -> float:
    return float(np.mean(-y * np.log(np.clip(p, 1e-12, 1 - 1e-12))))


@mistake(
    "log_loss",
    "Your function charges −log p whatever the answer is. Where y is 0, the probability of the answer is 1 − p.",
    caught_by="test_log_loss_of_a_bad_guess",
)
def ignores_the_answers(p: np.ndarray, y: np.ndarray) -> float:
    return float(np.mean(-np.log(np.clip(p, 1e-12, 1 - 1e-12))))


@mistake(
    "log_loss",
    "Your logarithm is to the base 2. The loss takes the natural one, to the base e.",
    caught_by="test_log_loss_of_a_good_guess",
)
def takes_the_logarithm_to_base_two(p: np.ndarray, y: np.ndarray) -> float:
    return log_loss(p, y) / math.log(2)


@mistake(
    "log_loss",
    "Your logarithm is to the base 10. The loss takes the natural one, to the base e.",
    caught_by="test_log_loss_of_a_good_guess",
)
def takes_the_logarithm_to_base_ten(p: np.ndarray, y: np.ndarray) -> float:
    return log_loss(p, y) / math.log(10)


@mistake(
    "log_loss",
    "The sign is missing: the logarithm of a probability is negative, and a loss is positive.",
    caught_by="test_log_loss_of_a_good_guess",
)
def forgets_the_minus_sign(p: np.ndarray, y: np.ndarray) -> float:
    return -log_loss(p, y)


@mistake(
    "log_loss",
    "Probabilities and answers are swapped: the logarithm belongs to the probabilities p.",
    caught_by="test_log_loss_is_the_mean",
)
def swaps_probabilities_and_answers(p: np.ndarray, y: np.ndarray) -> float:
    return log_loss(y, p)


@mistake(
    "log_loss",
    "Your function keeps the probabilities far away from 0 and 1, so a guess that is sure and wrong gets off lightly. "
    "Keep p between 1e-12 and 1 − 1e-12.",
    caught_by="test_log_loss_of_a_small_probability",
)
def keeps_far_from_the_limits(p: np.ndarray, y: np.ndarray) -> float:
    return log_loss(np.clip(p, 1e-3, 1 - 1e-3), y)


@mistake(
    "log_loss",
    "Your bound is 1e-7. For float64 it can be much smaller: keep p between 1e-12 and 1 − 1e-12.",
    caught_by="test_log_loss_stays_finite_when_sure_and_wrong",
)
def takes_a_bound_that_is_too_large(p: np.ndarray, y: np.ndarray) -> float:
    return log_loss(np.clip(p.astype(np.float64), 1e-7, 1 - 1e-7), y)


@mistake(
    "log_loss",
    "The logarithm of 0 is −∞, and 0 · ∞ is NaN. Keep p away from 0 and 1 before you take logarithms.",
    caught_by="test_log_loss_stays_finite_when_sure_and_right",
)
def takes_the_logarithm_of_zero(p: np.ndarray, y: np.ndarray) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.mean(-(y * np.log(p) + (1 - y) * np.log(1 - p))))


@mistake(
    "log_loss",
    "Your function clips p in place, so the probabilities of whoever called it change. Work on a new array.",
    caught_by=SIDE_EFFECTS,
)
def clips_in_place(p: np.ndarray, y: np.ndarray) -> float:
    p[p < 1e-12] = 1e-12
    p[p > 1 - 1e-12] = 1 - 1e-12
    return float(np.mean(-(y * np.log(p) + (1 - y) * np.log(1 - p))))


@mistake(
    "log_loss",
    "Your function returns a loss for each example. Return their mean, one number.",
    caught_by="test_log_loss_of_a_good_guess",
)
def returns_a_loss_for_each_example(p: np.ndarray, y: np.ndarray) -> np.ndarray:
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return -(y * np.log(p) + (1 - y) * np.log(1 - p))


@mistake(
    "log_loss",
    "Your function is the mean squared error. The log loss takes the logarithm of the probability of the right answer.",
    caught_by="test_log_loss_of_a_good_guess",
)
def takes_the_squared_error(p: np.ndarray, y: np.ndarray) -> float:
    return float(np.mean((p - y) ** 2))


@alternative("log_loss")
def picks_the_probability_of_the_answer(p: np.ndarray, y: np.ndarray) -> float:
    p = np.clip(p.astype(np.float64), 1e-12, 1 - 1e-12)
    return float(-np.log(np.where(y == 1, p, 1 - p)).mean())


@alternative("log_loss")
def charges_example_by_example(p: np.ndarray, y: np.ndarray) -> float:
    total = 0.0
    for guess, answer in zip(p, y, strict=True):
        guess = min(max(float(guess), 1e-12), 1 - 1e-12)
        total -= math.log(guess) if answer == 1 else math.log(1 - guess)
    return total / len(p)


@alternative("log_loss")
def clips_each_logarithm(p: np.ndarray, y: np.ndarray) -> np.floating:
    losses = y * np.log(np.maximum(p, 1e-12)) + (1 - y) * np.log(np.maximum(1 - p, 1e-12))
    return -np.mean(losses)


@alternative("log_loss")
def adds_products(p: np.ndarray, y: np.ndarray) -> float:
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return -(np.dot(y, np.log(p)) + np.dot(1 - y, np.log1p(-p))) / p.size


# softmax


@mistake(
    "softmax",
    "The exponentials of large logits overflow to infinity. Subtract from each row its largest number first: the "
    "probabilities stay the same.",
    caught_by="test_softmax_of_large_logits",
)
def does_not_shift(z: np.ndarray) -> np.ndarray:
    powers = np.exp(z)
    return powers / powers.sum(axis=1, keepdims=True)


@mistake(
    "softmax",
    "Your function works down the columns. Each row is one example: it is the rows that must sum to 1.",
    caught_by="test_softmax_of_a_square_array",
)
def works_by_column(z: np.ndarray) -> np.ndarray:
    return softmax(z.T).T


@mistake(
    "softmax",
    "Your function divides by the sum of the whole array, so that all rows together sum to 1. Each row needs its own sum.",
    caught_by="test_softmax_makes_every_row_sum_to_one",
)
def divides_by_the_global_sum(z: np.ndarray) -> np.ndarray:
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    return powers / powers.sum()


@mistake(
    "softmax",
    "Your function subtracts the largest number of the whole array. In a row far below it every exponential becomes 0, and "
    "0/0 is NaN: subtract each row's own maximum.",
    caught_by="test_softmax_of_rows_far_apart",
)
def shifts_by_the_global_maximum(z: np.ndarray) -> np.ndarray:
    powers = np.exp(z - z.max())
    return powers / powers.sum(axis=1, keepdims=True)


@mistake(
    "softmax",
    "Your function subtracts the mean of each row. That leaves positive numbers, whose exponentials can still overflow: "
    "subtract the largest.",
    caught_by="test_softmax_of_numbers_far_apart",
)
def shifts_by_the_mean(z: np.ndarray) -> np.ndarray:
    powers = np.exp(z - z.mean(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@mistake(
    "softmax",
    "The values are right, but your function changes its argument: -= and other in-place operations work on the array of "
    "whoever called it. Make a new one.",
    caught_by=SIDE_EFFECTS,
)
def shifts_in_place(z: np.ndarray) -> np.ndarray:
    z -= z.max(axis=1, keepdims=True)
    powers = np.exp(z)
    return powers / powers.sum(axis=1, keepdims=True)


@mistake(
    "softmax",
    "Your maxima and sums have lost their axis, so that NumPy lines them up with the columns. Keep the reduced axis as an "
    "axis of length 1.",
    caught_by="test_softmax_of_a_square_array",
)
def loses_the_axis(z: np.ndarray) -> np.ndarray:
    powers = np.exp(z - z.max(axis=1))
    return powers / powers.sum(axis=1)


@mistake(
    "softmax",
    "Your function does not divide: the exponentials are no probabilities yet. Divide each by the sum of its row.",
    caught_by="test_softmax_makes_every_row_sum_to_one",
)
def does_not_divide(z: np.ndarray) -> np.ndarray:
    return np.exp(z - z.max(axis=1, keepdims=True))


@mistake(
    "softmax",
    "Your function divides each number by the sum of its row, without exponentials. Logits may be negative: raise e to "
    "each of them first.",
    caught_by="test_softmax_of_one_row",
)
def leaves_out_the_exponential(z: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return z / z.sum(axis=1, keepdims=True)


@mistake(
    "softmax",
    "Your function applies the sigmoid to each number alone. Softmax makes the numbers of a row compete: they sum to 1.",
    caught_by="test_softmax_of_one_row",
)
def applies_the_sigmoid(z: np.ndarray) -> np.ndarray:
    return sigmoid(z)


@mistake(
    "softmax",
    "Your function raises 2 to the logits. Softmax raises e: use np.exp.",
    caught_by="test_softmax_of_one_row",
)
def raises_two(z: np.ndarray) -> np.ndarray:
    powers = 2.0 ** (z - z.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@mistake(
    "softmax",
    "Your function returns logarithms of the probabilities. Return the probabilities.",
    caught_by="test_softmax_of_one_row",
)
def returns_logarithms(z: np.ndarray) -> np.ndarray:
    shifted = z - z.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


@alternative("softmax")
def takes_row_by_row(z: np.ndarray) -> np.ndarray:
    rows = []
    for row in z:
        powers = np.exp(row - np.max(row))
        rows.append(powers / np.sum(powers))
    return np.array(rows)


@alternative("softmax")
def takes_logarithms_first(z: np.ndarray) -> np.ndarray:
    return np.exp(z - np.logaddexp.reduce(z, axis=1, keepdims=True))


@alternative("softmax")
def takes_columns_of_the_transpose(z: np.ndarray) -> np.ndarray:
    powers = np.exp(z.T - z.max(axis=1))
    return (powers / powers.sum(axis=0)).T  # a view whose memory is not in C order


@alternative("softmax")
def takes_it_from_scipy(z: np.ndarray) -> np.ndarray:
    from scipy import special

    return special.softmax(z, axis=1)


# cross_entropy


@mistake(
    "cross_entropy",
    "Your function applies softmax twice. The logits go through it once.",
    caught_by="test_cross_entropy_looks_at_the_true_class",
)
def applies_softmax_twice(logits: np.ndarray, labels: np.ndarray) -> float:
    return cross_entropy(softmax(logits), labels)


@mistake(
    "cross_entropy",
    "Your function takes the logarithm of a probability that has been rounded to 0, and infinity comes out. Do not go "
    "through the probabilities: the logarithm of softmax is the shifted logit minus the logarithm of the sum.",
    caught_by="test_cross_entropy_of_a_hopeless_guess",
)
def takes_the_logarithm_of_a_vanished_probability(logits: np.ndarray, labels: np.ndarray) -> float:
    p = softmax(logits)
    with np.errstate(divide="ignore"):
        return float(np.mean(-np.log(p[np.arange(len(labels)), labels])))


@mistake(
    "cross_entropy",
    "Your function keeps the logarithm finite with a small bound on the probabilities, so a hopeless guess gets off "
    "lightly. The logarithm of softmax can be written without any probability: it needs no bound.",
    caught_by="test_cross_entropy_of_a_hopeless_guess",
)
def bounds_the_probability(logits: np.ndarray, labels: np.ndarray) -> float:
    p = softmax(logits.astype(np.float64))
    return float(np.mean(-np.log(np.maximum(p[np.arange(len(labels)), labels], 1e-12))))


@mistake(
    "cross_entropy",
    "The exponentials of large logits overflow. Subtract from each row its largest number first.",
    caught_by="test_cross_entropy_of_large_logits",
)
def does_not_shift_the_logits(logits: np.ndarray, labels: np.ndarray) -> float:
    with np.errstate(over="ignore", divide="ignore"):
        log_sums = np.log(np.exp(logits).sum(axis=1))
    return float(np.mean(log_sums - logits[np.arange(len(labels)), labels]))


@mistake(
    "cross_entropy",
    "Your function adds up the losses. Take their mean over the examples.",
    caught_by="test_cross_entropy_is_the_mean_over_examples",
)
def sums_over_the_examples(logits: np.ndarray, labels: np.ndarray) -> float:
    return cross_entropy(logits, labels) * len(labels)


@mistake(
    "cross_entropy",
    "Your function divides by N·K. Each of the N examples has one loss: divide by N.",
    caught_by="test_cross_entropy_is_the_mean_over_examples",
)
def takes_the_mean_over_classes_too(logits: np.ndarray, labels: np.ndarray) -> float:
    return cross_entropy(logits, labels) / logits.shape[1]


@mistake(
    "cross_entropy",
    "Your labels are off by one. Classes count from 0: label 2 is column 2.",
    caught_by="test_cross_entropy_looks_at_the_true_class",
)
def counts_labels_from_one(logits: np.ndarray, labels: np.ndarray) -> float:
    return cross_entropy(logits, labels - 1)


@mistake(
    "cross_entropy",
    "Your logarithm is to the base 2. The loss takes the natural one.",
    caught_by="test_cross_entropy_of_a_uniform_guess",
)
def measures_in_bits(logits: np.ndarray, labels: np.ndarray) -> float:
    return cross_entropy(logits, labels) / math.log(2)


@mistake(
    "cross_entropy",
    "The sign is missing: the logarithm of a probability is negative, and a loss is positive.",
    caught_by="test_cross_entropy_of_a_uniform_guess",
)
def forgets_the_sign_of_the_logarithm(logits: np.ndarray, labels: np.ndarray) -> float:
    return -cross_entropy(logits, labels)


@mistake(
    "cross_entropy",
    "Your softmax works down the columns. Each row of the logits is one example.",
    caught_by="test_cross_entropy_of_a_square_array",
)
def makes_columns_sum_to_one(logits: np.ndarray, labels: np.ndarray) -> float:
    shifted = logits - logits.max(axis=0)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=0))
    return float(-log_p[np.arange(len(labels)), labels].mean())


@mistake(
    "cross_entropy",
    "A colon in front of the labels picks these columns from every row. Each row has its own label: pair row numbers with "
    "labels.",
    caught_by="test_cross_entropy_is_the_mean_over_examples",
)
def picks_all_labels_in_every_row(logits: np.ndarray, labels: np.ndarray) -> float:
    log_p = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    return float(-log_p[:, labels].mean())


@mistake(
    "cross_entropy",
    "Your function charges for the largest probability of each row, and never looks at the labels.",
    caught_by="test_cross_entropy_looks_at_the_true_class",
)
def charges_for_the_largest(logits: np.ndarray, labels: np.ndarray) -> float:
    return cross_entropy(logits, logits.argmax(axis=1))


@mistake(
    "cross_entropy",
    "Your function also charges log(1 − p) for the wrong classes. Cross-entropy looks at the true class alone.",
    caught_by="test_cross_entropy_looks_at_the_true_class",
)
def charges_for_the_wrong_classes_too(logits: np.ndarray, labels: np.ndarray) -> float:
    p = np.clip(softmax(logits.astype(np.float64)), 1e-12, 1 - 1e-12)
    y = np.eye(logits.shape[1])[labels]
    return float(-(y * np.log(p) + (1 - y) * np.log(1 - p)).sum(axis=1).mean())


@mistake(
    "cross_entropy",
    "The loss is right, but your function shifts the logits in place, so they change for whoever called it.",
    caught_by=SIDE_EFFECTS,
)
def shifts_the_logits_in_place(logits: np.ndarray, labels: np.ndarray) -> float:
    loss = cross_entropy(logits, labels)
    logits -= logits.max(axis=1, keepdims=True)
    return loss


@alternative("cross_entropy")
def charges_row_by_row(logits: np.ndarray, labels: np.ndarray) -> float:
    total = 0.0
    for row, label in zip(logits.tolist(), labels, strict=True):
        largest = max(row)
        total += largest + math.log(sum(math.exp(z - largest) for z in row)) - row[label]
    return total / len(labels)


@alternative("cross_entropy")
def multiplies_with_one_hot_rows(logits: np.ndarray, labels: np.ndarray) -> np.floating:
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -(np.eye(logits.shape[1], dtype=logits.dtype)[labels] * log_p).sum() / len(labels)


@alternative("cross_entropy")
def takes_the_sum_from_logaddexp(logits: np.ndarray, labels: np.ndarray) -> float:
    true = np.take_along_axis(logits, labels[:, np.newaxis], axis=1)[:, 0]
    return float(np.mean(np.logaddexp.reduce(logits, axis=1) - true))


# x_or_not_x


def _maps(image: np.ndarray, params: dict[str, np.ndarray]) -> np.ndarray:
    """Feature maps after ReLU, as a batch of one."""
    return relu(conv2d(image[np.newaxis, :, :, np.newaxis], params["filters"], params["filter_bias"]))


def _hidden(pooled: np.ndarray, params: dict[str, np.ndarray]) -> np.ndarray:
    return relu(linear(flatten(pooled), params["hidden_w"], params["hidden_b"]))


def _logit(pooled: np.ndarray, params: dict[str, np.ndarray]) -> np.ndarray:
    return linear(_hidden(pooled, params), params["output_w"], params["output_b"])


@mistake(
    "x_or_not_x",
    "The hidden layer has no ReLU. Without it two linear layers in a row are no more than one.",
    caught_by="test_x_or_not_x_on_a_hand_made_network",
)
def has_no_relu_in_the_hidden_layer(image: np.ndarray, params: dict[str, np.ndarray]) -> float:
    pooled = max_pool2d(_maps(image, params), 2, ceil_mode=True)
    hidden = linear(flatten(pooled), params["hidden_w"], params["hidden_b"])
    return float(sigmoid(linear(hidden, params["output_w"], params["output_b"]))[0, 0])


@mistake(
    "x_or_not_x",
    "The convolution has no ReLU. Negative responses become 0 before they are pooled.",
    caught_by="test_x_or_not_x_says_yes_and_no",
)
def has_no_relu_after_the_convolution(image: np.ndarray, params: dict[str, np.ndarray]) -> float:
    maps = conv2d(image[np.newaxis, :, :, np.newaxis], params["filters"], params["filter_bias"])
    return float(sigmoid(_logit(max_pool2d(maps, 2, ceil_mode=True), params))[0, 0])


@mistake(
    "x_or_not_x",
    "Where the maps have an odd side, your pooling drops the last row or column, and too few numbers are left for the "
    "hidden layer. Keep the ragged edge: ceil_mode.",
    caught_by="test_x_or_not_x_on_a_ragged_edge",
)
def drops_the_ragged_edge(image: np.ndarray, params: dict[str, np.ndarray]) -> float:
    return float(sigmoid(_logit(max_pool2d(_maps(image, params), 2), params))[0, 0])


@mistake(
    "x_or_not_x",
    "Every picture ends in a ValueError, since the flattened maps are not as long as hidden_w is high. Mind the order: "
    "convolve without padding, then pool. A 5×5 picture has 3×3 maps, and 2×2 pooled ones.",
    caught_by="test_x_or_not_x_on_a_hand_made_network",
)
def pools_before_the_convolution(image: np.ndarray, params: dict[str, np.ndarray]) -> float:
    x = max_pool2d(image[np.newaxis, :, :, np.newaxis], 2, ceil_mode=True)
    maps = relu(conv2d(x, params["filters"], params["filter_bias"]))
    return float(sigmoid(_logit(maps, params))[0, 0])


@mistake(
    "x_or_not_x",
    "Your last layer is softmax. Over a single number that is always 1: one output neuron takes the sigmoid.",
    caught_by="test_x_or_not_x_on_a_hand_made_network",
)
def takes_softmax_of_one_number(image: np.ndarray, params: dict[str, np.ndarray]) -> float:
    return float(softmax(_logit(max_pool2d(_maps(image, params), 2, ceil_mode=True), params))[0, 0])


@mistake(
    "x_or_not_x",
    "Your function returns the logit. The sigmoid makes a probability of it.",
    caught_by="test_x_or_not_x_on_a_hand_made_network",
)
def leaves_out_the_sigmoid(image: np.ndarray, params: dict[str, np.ndarray]) -> float:
    return float(_logit(max_pool2d(_maps(image, params), 2, ceil_mode=True), params)[0, 0])


@mistake(
    "x_or_not_x",
    "ReLU and sigmoid have changed places: the hidden layer takes ReLU, the output the sigmoid.",
    caught_by="test_x_or_not_x_on_a_hand_made_network",
)
def swaps_relu_and_sigmoid(image: np.ndarray, params: dict[str, np.ndarray]) -> float:
    pooled = max_pool2d(_maps(image, params), 2, ceil_mode=True)
    hidden = sigmoid(linear(flatten(pooled), params["hidden_w"], params["hidden_b"]))
    return float(relu(linear(hidden, params["output_w"], params["output_b"]))[0, 0])


@mistake(
    "x_or_not_x",
    "Your output neuron has a ReLU before its sigmoid, so that no probability falls below one half.",
    caught_by="test_x_or_not_x_says_yes_and_no",
)
def never_says_no(image: np.ndarray, params: dict[str, np.ndarray]) -> float:
    return float(sigmoid(relu(_logit(max_pool2d(_maps(image, params), 2, ceil_mode=True), params)))[0, 0])


@mistake(
    "x_or_not_x",
    "The biases of the filters come after the ReLU. They belong to the convolution: convolve, add the bias, then ReLU.",
    caught_by="test_x_or_not_x_says_yes_and_no",
)
def adds_the_filter_bias_after_relu(image: np.ndarray, params: dict[str, np.ndarray]) -> float:
    no_bias = np.zeros_like(params["filter_bias"])
    maps = relu(conv2d(image[np.newaxis, :, :, np.newaxis], params["filters"], no_bias))
    pooled = max_pool2d(maps + params["filter_bias"], 2, ceil_mode=True)
    return float(sigmoid(_logit(pooled, params))[0, 0])


@mistake(
    "x_or_not_x",
    "Your function flattens map after map. The weights expect the channels of a pixel side by side.",
    caught_by="test_x_or_not_x_flattens_pixel_by_pixel",
)
def flattens_map_by_map(image: np.ndarray, params: dict[str, np.ndarray]) -> float:
    pooled = max_pool2d(_maps(image, params), 2, ceil_mode=True)
    row = pooled.transpose(0, 3, 1, 2).reshape(1, -1)
    hidden = relu(linear(row, params["hidden_w"], params["hidden_b"]))
    return float(sigmoid(linear(hidden, params["output_w"], params["output_b"]))[0, 0])


@mistake(
    "x_or_not_x",
    "Your function pools with the average. This network keeps the largest response of each 2×2 window.",
    caught_by="test_x_or_not_x_on_a_hand_made_network",
)
def pools_with_the_average(image: np.ndarray, params: dict[str, np.ndarray]) -> float:
    return float(sigmoid(_logit(avg_pool2d(_maps(image, params), 2, ceil_mode=True), params))[0, 0])


@mistake(
    "x_or_not_x",
    "Your function leaves out the biases of the linear layers. Each layer has its own: hidden_b and output_b.",
    caught_by="test_x_or_not_x_on_a_hand_made_network",
)
def leaves_out_the_linear_biases(image: np.ndarray, params: dict[str, np.ndarray]) -> float:
    hidden = relu(flatten(max_pool2d(_maps(image, params), 2, ceil_mode=True)) @ params["hidden_w"])
    return float(sigmoid(hidden @ params["output_w"])[0, 0])


@mistake(
    "x_or_not_x",
    "The number is right, but it stands in an array of shape (1, 1). Take it out: the function promises a float.",
    caught_by="test_x_or_not_x_on_a_hand_made_network",
)
def returns_an_array(image: np.ndarray, params: dict[str, np.ndarray]) -> np.ndarray:
    return sigmoid(_logit(max_pool2d(_maps(image, params), 2, ceil_mode=True), params))


@mistake(
    "x_or_not_x",
    "The number is right, but your function changes the arrays in params: += works on the very arrays that were handed "
    "in, and the next call finds them spoilt.",
    caught_by=SIDE_EFFECTS,
)
def changes_the_parameters(image: np.ndarray, params: dict[str, np.ndarray]) -> float:
    hidden = params["hidden_b"]
    hidden += flatten(max_pool2d(_maps(image, params), 2, ceil_mode=True))[0] @ params["hidden_w"]
    logit = relu(hidden) @ params["output_w"] + params["output_b"]
    return float(sigmoid(logit)[0])


@alternative("x_or_not_x")
def pools_before_bias_and_relu(image: np.ndarray, params: dict[str, np.ndarray]) -> float:
    # Adding a bias and ReLU keep the order of numbers, so the largest stays the largest.
    responses = np.tensordot(sliding_window_view(image, (3, 3)), params["filters"][:, :, 0], axes=2)
    H, W, K = responses.shape
    even = np.pad(responses, ((0, H % 2), (0, W % 2), (0, 0)), constant_values=-np.inf)
    largest = even.reshape((H + 1) // 2, 2, (W + 1) // 2, 2, K).max(axis=(1, 3))
    pooled = np.maximum(largest + params["filter_bias"], 0)
    hidden = np.maximum(pooled.reshape(1, -1) @ params["hidden_w"] + params["hidden_b"], 0)
    logit = hidden @ params["output_w"] + params["output_b"]
    return float(np.exp(-np.logaddexp(0, -logit))[0, 0])


@alternative("x_or_not_x")
def works_it_out_in_loops(image: np.ndarray, params: dict[str, np.ndarray]) -> float:
    filters = params["filters"]
    H, W, K = image.shape[0] - 2, image.shape[1] - 2, filters.shape[3]
    pooled = np.zeros((-(-H // 2), -(-W // 2), K))  # ReLU leaves nothing below 0
    for i, j, k in np.ndindex(H, W, K):
        response = np.sum(image[i : i + 3, j : j + 3] * filters[:, :, 0, k]) + params["filter_bias"][k]
        pooled[i // 2, j // 2, k] = max(pooled[i // 2, j // 2, k], response)
    hidden = np.maximum(params["hidden_b"] + pooled.ravel() @ params["hidden_w"], 0)
    logit = (params["output_b"] + hidden @ params["output_w"]).item()
    return 1 / (1 + math.exp(-logit))


spared(AXES, "log_loss", "cross_entropy", "x_or_not_x")
