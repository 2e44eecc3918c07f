"""Mistakes and alternatives of chapter 7, backprop."""

import math
from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from solutions.backprop import (
    avg_pool2d_backward,
    conv2d_backward,
    graph_gradient,
    linear_backward,
    max_pool2d_backward,
    numerical_gradient,
    softmax_cross_entropy_backward,
    tape_gradient,
)
from solutions.fully_connected import softmax

from . import AXES, SIDE_EFFECTS, alternative, mistake, spared

Function = Callable[[np.ndarray], float]
Three = tuple[np.ndarray, np.ndarray, np.ndarray]
Links = list[tuple[int, int, float]]

# graph_gradient


@mistake(
    "graph_gradient",
    "Your ∂f/∂x lacks the way through the quotient: x stands in x / y too. Add what comes back from there, 1/y.",
    caught_by="test_graph_gradient_at_zero",
)
def loses_the_way_through_the_quotient(x: float, y: float) -> tuple[float, float]:
    return math.cos(x) ** 2 - math.sin(x) ** 2, -x / y**2


@mistake(
    "graph_gradient",
    "Your ∂f/∂x lacks the way through the cosine. x is used three times: gradients from all three ways add up.",
    caught_by="test_graph_gradient_at_two_and_four",
)
def loses_the_way_through_the_cosine(x: float, y: float) -> tuple[float, float]:
    return math.cos(x) ** 2 + 1 / y, -x / y**2


@mistake(
    "graph_gradient",
    "Your ∂f/∂x lacks the way through the sine. x is used three times: gradients from all three ways add up.",
    caught_by="test_graph_gradient_at_zero",
)
def loses_the_way_through_the_sine(x: float, y: float) -> tuple[float, float]:
    return -(math.sin(x) ** 2) + 1 / y, -x / y**2


@mistake(
    "graph_gradient",
    "The sign of your ∂f/∂y is wrong. A larger y makes a positive x / y smaller.",
    caught_by="test_graph_gradient_at_two_and_four",
)
def turns_the_sign_of_the_second(x: float, y: float) -> tuple[float, float]:
    df_dx, df_dy = graph_gradient(x, y)
    return df_dx, -df_dy


@mistake(
    "graph_gradient",
    "Your ∂f/∂y divides by y instead of y². The derivative of 1/y is −1/y².",
    caught_by="test_graph_gradient_at_two_and_four",
)
def does_not_square_y(x: float, y: float) -> tuple[float, float]:
    return graph_gradient(x, y)[0], -x / y


@mistake(
    "graph_gradient",
    "Your ∂f/∂y lacks the factor x. In x / y, the number x stays as a factor while y changes.",
    caught_by="test_graph_gradient_at_zero",
)
def leaves_x_out_of_the_second(x: float, y: float) -> tuple[float, float]:
    return graph_gradient(x, y)[0], -1 / y**2


@mistake(
    "graph_gradient",
    "Your function multiplies the derivatives of cosine and sine. A product has a rule of its own: each factor changes "
    "while the other holds still, and both effects add.",
    caught_by="test_graph_gradient_at_zero",
)
def multiplies_the_derivatives(x: float, y: float) -> tuple[float, float]:
    return -math.sin(x) * math.cos(x) + 1 / y, -x / y**2


@mistake(
    "graph_gradient",
    "Your cosine has the slope +sin x. It falls where the sine is positive: its slope is −sin x.",
    caught_by="test_graph_gradient_at_two_and_four",
)
def turns_the_slope_of_the_cosine(x: float, y: float) -> tuple[float, float]:
    return math.cos(x) ** 2 + math.sin(x) ** 2 + 1 / y, -x / y**2


@mistake(
    "graph_gradient",
    "Your function takes x in degrees. NumPy's cosine and sine want radians, and x is given in radians already.",
    caught_by="test_graph_gradient_at_two_and_four",
)
def takes_degrees(x: float, y: float) -> tuple[float, float]:
    angle = math.radians(x)
    return math.cos(angle) ** 2 - math.sin(angle) ** 2 + 1 / y, -x / y**2


@mistake(
    "graph_gradient",
    "The two results have changed places: ∂f/∂x comes first.",
    caught_by="test_graph_gradient_at_zero",
)
def swaps_the_two(x: float, y: float) -> tuple[float, float]:
    df_dx, df_dy = graph_gradient(x, y)
    return df_dy, df_dx


@mistake(
    "graph_gradient",
    "Your function returns the value of f. Its two partial derivatives are asked for, as a pair.",
    caught_by="test_graph_gradient_at_zero",
)
def returns_the_value(x: float, y: float) -> float:
    return math.cos(x) * math.sin(x) + x / y


@alternative("graph_gradient")
def knows_the_product_rule(x: float, y: float) -> tuple[float, float]:
    return np.cos(x) * np.cos(x) - np.sin(x) * np.sin(x) + 1 / y, -x / y**2


@alternative("graph_gradient")
def knows_the_double_angle(x: float, y: float) -> list[float]:
    return [math.cos(2 * x) + 1 / y, -x / (y * y)]


@alternative("graph_gradient")
def takes_a_complex_step(x: float, y: float) -> tuple[float, float]:
    def f(x: complex, y: complex) -> complex:
        return np.cos(x) * np.sin(x) + x / y

    return f(x + 1e-20j, y).imag / 1e-20, f(x, y + 1e-20j).imag / 1e-20


# numerical_gradient


@mistake(
    "numerical_gradient",
    "Your function takes the forward difference, whose error shrinks only like h. Step to both sides: f(x + h) − f(x − h), "
    "over 2h.",
    caught_by="test_numerical_gradient_takes_the_step_that_it_is_given",
)
def takes_the_forward_difference(f: Function, x: np.ndarray, h: float = 1e-5) -> np.ndarray:
    gradient, here = np.zeros(x.shape), f(x)
    for index in np.ndindex(x.shape):
        before = x[index]
        x[index] = before + h
        gradient[index] = (f(x) - here) / h
        x[index] = before
    return gradient


@mistake(
    "numerical_gradient",
    "Your function does not put x back: the entries stay moved, and those that come later are measured at another place. "
    "Remember each entry, and restore it.",
    caught_by="test_numerical_gradient_moves_one_entry_at_a_time",
)
def does_not_put_x_back(f: Function, x: np.ndarray, h: float = 1e-5) -> np.ndarray:
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        x[index] += h
        above = f(x)
        x[index] -= 2 * h
        gradient[index] = (above - f(x)) / (2 * h)
    return gradient


@mistake(
    "numerical_gradient",
    "The gradient is right, but x is not quite as it was: adding h and subtracting it again leaves crumbs of rounding. Keep "
    "the old value, and put that back.",
    caught_by=SIDE_EFFECTS,
)
def leaves_crumbs(f: Function, x: np.ndarray, h: float = 1e-5) -> np.ndarray:
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        x[index] += h
        above = f(x)
        x[index] -= 2 * h
        gradient[index] = (above - f(x)) / (2 * h)
        x[index] += h
    return gradient


@mistake(
    "numerical_gradient",
    "Your gradient is twice as large as it should be. From x − h to x + h the step is 2h: divide by that.",
    caught_by="test_numerical_gradient_of_squares",
)
def divides_by_h(f: Function, x: np.ndarray, h: float = 1e-5) -> np.ndarray:
    return 2 * numerical_gradient(f, x, h)


@mistake(
    "numerical_gradient",
    "Your gradient is 0 everywhere: you move an entry of a copy, and ask f about the array that did not change. Ask f about "
    "the array that you moved.",
    caught_by="test_numerical_gradient_of_squares",
)
def moves_a_copy(f: Function, x: np.ndarray, h: float = 1e-5) -> np.ndarray:
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        above, below = x.copy(), x.copy()
        above[index] += h
        below[index] -= h
        gradient[index] = (f(x) - f(x)) / (2 * h)
    return gradient


@mistake(
    "numerical_gradient",
    "Your x holds whole numbers, which no small step can move: the fraction is cut off. Use float64.",
    caught_by="test_numerical_gradient_of_squares",
)
def moves_whole_numbers(f: Function, x: np.ndarray, h: float = 1e-5) -> np.ndarray:
    return numerical_gradient(f, x.astype(np.int64), h)


@mistake(
    "numerical_gradient",
    "Your result holds whole numbers, so every fraction is cut off. Give it a float dtype.",
    caught_by="test_numerical_gradient_returns_fractions",
)
def returns_whole_numbers(f: Function, x: np.ndarray, h: float = 1e-5) -> np.ndarray:
    return numerical_gradient(f, x, h).astype(np.int64)


@mistake(
    "numerical_gradient",
    "Your step is 1e-12. So close together, the two values of f agree in nearly all their digits, and their difference is "
    "mostly rounding. Use h.",
    caught_by="test_numerical_gradient_of_squares",
)
def takes_a_step_that_is_too_small(f: Function, x: np.ndarray, h: float = 1e-5) -> np.ndarray:
    return numerical_gradient(f, x, 1e-12)


@mistake(
    "numerical_gradient",
    "Your step is 1e-5 whatever h says. Use the parameter.",
    caught_by="test_numerical_gradient_takes_the_step_that_it_is_given",
)
def ignores_h(f: Function, x: np.ndarray, h: float = 1e-5) -> np.ndarray:
    return numerical_gradient(f, x, 1e-5)


@mistake(
    "numerical_gradient",
    "Your points lie h/2 away from x. They should lie h away on each side, 2h apart.",
    caught_by="test_numerical_gradient_takes_the_step_that_it_is_given",
)
def takes_half_a_step(f: Function, x: np.ndarray, h: float = 1e-5) -> np.ndarray:
    return numerical_gradient(f, x, h / 2)


@mistake(
    "numerical_gradient",
    "Your function moves all entries at once, so that every entry gets the sum of all slopes. Move one, and hold the others "
    "still.",
    caught_by="test_numerical_gradient_moves_one_entry_at_a_time",
)
def moves_everything_at_once(f: Function, x: np.ndarray, h: float = 1e-5) -> np.ndarray:
    return np.full(x.shape, (f(x + h) - f(x - h)) / (2 * h))


@mistake(
    "numerical_gradient",
    "Your loop runs over the first axis only, so that it moves whole rows. Visit every entry, however many axes there are.",
    caught_by="test_numerical_gradient_keeps_the_shape",
)
def moves_whole_rows(f: Function, x: np.ndarray, h: float = 1e-5) -> np.ndarray:
    gradient = np.zeros(x.shape)
    for i in range(len(x)):
        before = np.copy(x[i])
        x[i] = before + h
        above = f(x)
        x[i] = before - h
        below = f(x)
        x[i] = before
        gradient[i] = (above - below) / (2 * h)
    return gradient


@mistake(
    "numerical_gradient",
    "Your gradient is a flat row. Give it the shape of x.",
    caught_by="test_numerical_gradient_keeps_the_shape",
)
def returns_a_row(f: Function, x: np.ndarray, h: float = 1e-5) -> np.ndarray:
    return numerical_gradient(f, x, h).ravel()


@mistake(
    "numerical_gradient",
    "Your function hands f a flat row. f may depend on the shape of x: change the entry in x itself, or in a copy of the "
    "same shape.",
    caught_by="test_numerical_gradient_keeps_the_shape",
)
def hands_over_a_row(f: Function, x: np.ndarray, h: float = 1e-5) -> np.ndarray:
    return numerical_gradient(f, x.flatten(), h).reshape(x.shape)


@mistake(
    "numerical_gradient",
    "The sign of your gradient is wrong: it is f(x + h) minus f(x − h), not the other way round.",
    caught_by="test_numerical_gradient_of_squares",
)
def subtracts_the_wrong_way_round(f: Function, x: np.ndarray, h: float = 1e-5) -> np.ndarray:
    return -numerical_gradient(f, x, h)


@mistake(
    "numerical_gradient",
    "Your gradient has been through float32, which keeps some 7 digits of the 16 that float64 has. "
    "Give it the dtype float64.",
    caught_by="test_numerical_gradient_keeps_all_digits",
)
def returns_float32(f: Function, x: np.ndarray, h: float = 1e-5) -> np.ndarray:
    return numerical_gradient(f, x, h).astype(np.float32)


@alternative("numerical_gradient")
def moves_entries_of_copies(f: Function, x: np.ndarray, h: float = 1e-5) -> np.ndarray:
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        above, below = x.copy(), x.copy()
        above[index] += h
        below[index] -= h
        gradient[index] = (f(above) - f(below)) / (2 * h)
    return gradient


@alternative("numerical_gradient")
def adds_one_hot_steps(f: Function, x: np.ndarray, h: float = 1e-5) -> np.ndarray:
    steps = h * np.eye(x.size).reshape(x.size, *x.shape)
    return np.array([f(x + step) - f(x - step) for step in steps]).reshape(x.shape) / (2 * h)


@alternative("numerical_gradient")
def walks_through_a_flat_view(f: Function, x: np.ndarray, h: float = 1e-5) -> np.ndarray:
    flat, gradient = x.reshape(-1), np.zeros(x.size)  # a view: to move its entries is to move those of x
    for place, before in enumerate(flat.copy()):
        flat[place] = before + h
        above = f(x)
        flat[place] = before - h
        gradient[place] = (above - f(x)) / (2 * h)
        flat[place] = before
    return gradient.reshape(x.shape)


# linear_backward


@mistake(
    "linear_backward",
    "The transposes are missing. Write the shapes side by side: the index that is summed must stand in the middle.",
    caught_by="test_linear_backward_where_all_sizes_are_equal",
)
def forgets_both_transposes(dout: np.ndarray, x: np.ndarray, w: np.ndarray) -> Three:
    return dout @ w, x @ dout, dout.sum(axis=0)


@mistake(
    "linear_backward",
    "Your dx takes w as it stands. The gradient goes back the other way, through the transposed weights.",
    caught_by="test_linear_backward_where_all_sizes_are_equal",
)
def takes_the_weights_as_they_stand(dout: np.ndarray, x: np.ndarray, w: np.ndarray) -> Three:
    return dout @ w, x.T @ dout, dout.sum(axis=0)


@mistake(
    "linear_backward",
    "Your dw is transposed. It has the shape of w: a row for each input, a column for each output.",
    caught_by="test_linear_backward_where_all_sizes_are_equal",
)
def transposes_the_weight_gradient(dout: np.ndarray, x: np.ndarray, w: np.ndarray) -> Three:
    return dout @ w.T, dout.T @ x, dout.sum(axis=0)


@mistake(
    "linear_backward",
    "x and w have changed places: dx comes through the weights, dw through the inputs.",
    caught_by="test_linear_backward_where_all_sizes_are_equal",
)
def swaps_x_and_w(dout: np.ndarray, x: np.ndarray, w: np.ndarray) -> Three:
    return dout @ x.T, w.T @ dout, dout.sum(axis=0)


@mistake(
    "linear_backward",
    "Your db is summed over the outputs. Each output has a bias, which every example of the batch has used: sum over the "
    "batch.",
    caught_by="test_linear_backward_with_as_many_outputs_as_examples",
)
def sums_the_bias_over_the_outputs(dout: np.ndarray, x: np.ndarray, w: np.ndarray) -> Three:
    return dout @ w.T, x.T @ dout, dout.sum(axis=1)


@mistake(
    "linear_backward",
    "Your db is not summed. Every example used the same bias, so its gradients add up over the batch, to shape (M,).",
    caught_by="test_linear_backward_on_a_hand_worked_row",
)
def does_not_sum_the_bias(dout: np.ndarray, x: np.ndarray, w: np.ndarray) -> Three:
    return dout @ w.T, x.T @ dout, dout


@mistake(
    "linear_backward",
    "Your db counts the examples. Each of them adds its upstream gradient, not 1.",
    caught_by="test_linear_backward_on_a_hand_worked_row",
)
def counts_the_examples(dout: np.ndarray, x: np.ndarray, w: np.ndarray) -> Three:
    return dout @ w.T, x.T @ dout, np.full(w.shape[1], float(len(x)))


@mistake(
    "linear_backward",
    "Your dw and db are divided by N. The mean belongs to the loss, which has put it into dout already: add up.",
    caught_by="test_linear_backward_adds_up_over_the_batch",
)
def averages_over_the_batch(dout: np.ndarray, x: np.ndarray, w: np.ndarray) -> Three:
    return dout @ w.T, x.T @ dout / len(x), dout.mean(axis=0)


@mistake(
    "linear_backward",
    "The results stand in the wrong order: dx, dw, db.",
    caught_by="test_linear_backward_on_a_hand_worked_row",
)
def returns_dw_first(dout: np.ndarray, x: np.ndarray, w: np.ndarray) -> Three:
    dx, dw, db = linear_backward(dout, x, w)
    return dw, dx, db


@mistake(
    "linear_backward",
    "Your dw comes from the last example alone: each turn of the loop overwrites the one before. Add up with +=.",
    caught_by="test_linear_backward_adds_up_over_the_batch",
)
def keeps_the_last_example(dout: np.ndarray, x: np.ndarray, w: np.ndarray) -> Three:
    dw = np.zeros(w.shape)
    for n in range(len(x)):
        dw = np.outer(x[n], dout[n])
    return dout @ w.T, dw, dout.sum(axis=0)


@mistake(
    "linear_backward",
    "The gradients are right, but your function adds up in dout itself, so the upstream gradient changes.",
    caught_by=SIDE_EFFECTS,
)
def adds_up_in_dout(dout: np.ndarray, x: np.ndarray, w: np.ndarray) -> Three:
    dx, dw, db = linear_backward(dout, x, w)
    total = dout[0]
    for row in dout[1:]:
        total += row
    return dx, dw, db


@mistake(
    "linear_backward",
    "Your gradients have been through float32, which keeps some 7 digits of the 16 that float64 has. "
    "Where the inputs are float64, work in float64.",
    caught_by="test_linear_backward_keeps_all_digits",
)
def goes_back_in_float32(dout: np.ndarray, x: np.ndarray, w: np.ndarray) -> Three:
    return linear_backward(*(array.astype(np.float32) for array in (dout, x, w)))


@alternative("linear_backward")
def goes_example_by_example(dout: np.ndarray, x: np.ndarray, w: np.ndarray) -> Three:
    dx, dw, db = np.zeros(x.shape), np.zeros(w.shape), np.zeros(w.shape[1])
    for n in range(len(x)):
        dx[n] = w @ dout[n]
        dw += np.outer(x[n], dout[n])
        db += dout[n]
    return dx, dw, db


@alternative("linear_backward")
def sums_with_einsum(dout: np.ndarray, x: np.ndarray, w: np.ndarray) -> list[np.ndarray]:
    return [np.einsum("nm,dm->nd", dout, w), np.einsum("nd,nm->dm", x, dout), np.einsum("nm->m", dout)]


@alternative("linear_backward")
def multiplies_transposes(dout: np.ndarray, x: np.ndarray, w: np.ndarray) -> Three:
    ones = np.ones(len(x), dtype=dout.dtype)
    return (w @ dout.T).T, (dout.T @ x).T, ones @ dout


# relu_backward


@mistake(
    "relu_backward",
    "Your function looks at the sign of dout. It is the input x that decides where the gradient passes.",
    caught_by="test_relu_backward_lets_negative_gradients_through",
)
def looks_at_dout(dout: np.ndarray, x: np.ndarray) -> np.ndarray:
    return dout * (dout > 0)


@mistake(
    "relu_backward",
    "Your function wants both x and dout to be positive. It is x alone that decides; negative gradients pass as well.",
    caught_by="test_relu_backward_lets_negative_gradients_through",
)
def looks_at_both(dout: np.ndarray, x: np.ndarray) -> np.ndarray:
    return dout * ((x > 0) & (dout > 0))


@mistake(
    "relu_backward",
    "The values are right, but your function writes them into dout, so the upstream gradient changes. Make a new array.",
    caught_by=SIDE_EFFECTS,
)
def writes_into_dout(dout: np.ndarray, x: np.ndarray) -> np.ndarray:
    dout[x <= 0] = 0
    return dout


@mistake(
    "relu_backward",
    "The values are right, but your function turns x into a mask in place, so the input changes. Make a new array.",
    caught_by=SIDE_EFFECTS,
)
def writes_into_x(dout: np.ndarray, x: np.ndarray) -> np.ndarray:
    positive = x > 0
    x[positive], x[~positive] = 1, 0
    return dout * x


@mistake(
    "relu_backward",
    "Your function lets the gradient through where x is exactly 0. There it stops: the comparison is >, not >=.",
    caught_by="test_relu_backward_at_zero",
)
def passes_at_zero(dout: np.ndarray, x: np.ndarray) -> np.ndarray:
    return dout * (x >= 0)


@mistake(
    "relu_backward",
    "Your function returns the local slopes, ones and zeros. Multiply them with the upstream gradient.",
    caught_by="test_relu_backward_on_a_hand_worked_row",
)
def returns_the_mask(dout: np.ndarray, x: np.ndarray) -> np.ndarray:
    return (x > 0).astype(dout.dtype)


@mistake(
    "relu_backward",
    "Your function multiplies with the output of ReLU. The slope of ReLU is 1 where x is positive, however large x is.",
    caught_by="test_relu_backward_does_not_scale",
)
def multiplies_with_the_output(dout: np.ndarray, x: np.ndarray) -> np.ndarray:
    return dout * np.maximum(x, 0)


@mistake(
    "relu_backward",
    "Your function applies ReLU to the gradient. ReLU looked at x on the way forward: look at x on the way back.",
    caught_by="test_relu_backward_at_zero",
)
def lets_everything_through(dout: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, dout, np.maximum(dout, 0))


@mistake(
    "relu_backward",
    "Your function lets a little through where x is negative, as a leaky ReLU does. Here nothing passes.",
    caught_by="test_relu_backward_on_a_hand_worked_row",
)
def leaks(dout: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, dout, 0.01 * dout)


@mistake(
    "relu_backward",
    "Your mask is the wrong way round: the gradient passes where x is positive.",
    caught_by="test_relu_backward_on_a_hand_worked_row",
)
def turns_the_mask_round(dout: np.ndarray, x: np.ndarray) -> np.ndarray:
    return dout * (x <= 0)


@mistake(
    "relu_backward",
    "Your function gives −dout where x is negative. The slope of ReLU there is 0, not −1.",
    caught_by="test_relu_backward_on_a_hand_worked_row",
)
def multiplies_with_the_sign(dout: np.ndarray, x: np.ndarray) -> np.ndarray:
    return dout * np.sign(x)


@mistake(
    "relu_backward",
    "Your gradient has been through float32, which keeps some 7 digits of the 16 that float64 has. "
    "What passes keeps the dtype of dout: a mask needs no conversion.",
    caught_by="test_relu_backward_keeps_all_digits",
)
def makes_a_mask_of_float32(dout: np.ndarray, x: np.ndarray) -> np.ndarray:
    return dout.astype(np.float32) * (x > 0).astype(np.float32)


@alternative("relu_backward")
def multiplies_with_a_mask(dout: np.ndarray, x: np.ndarray) -> np.ndarray:
    return dout * (x > 0)


@alternative("relu_backward")
def clears_a_copy(dout: np.ndarray, x: np.ndarray) -> np.ndarray:
    dx = np.array(dout, order="F")
    dx[x <= 0] = 0
    return dx


@alternative("relu_backward")
def asks_entry_by_entry(dout: np.ndarray, x: np.ndarray) -> np.ndarray:
    dx = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        if x[index] > 0:
            dx[index] = dout[index]
    return dx


# softmax_cross_entropy_backward


@mistake(
    "softmax_cross_entropy_backward",
    "Your gradient is N times too large. The loss is the mean over the batch, so each example counts 1/N.",
    caught_by="test_softmax_cross_entropy_backward_is_that_of_the_mean",
)
def does_not_divide_by_n(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return len(labels) * softmax_cross_entropy_backward(logits, labels)


@mistake(
    "softmax_cross_entropy_backward",
    "The sign of your gradient is wrong: it is the probabilities minus the one-hot labels.",
    caught_by="test_softmax_cross_entropy_backward_of_a_uniform_guess",
)
def subtracts_the_probabilities(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return -softmax_cross_entropy_backward(logits, labels)


@mistake(
    "softmax_cross_entropy_backward",
    "Your function divides by N·K. The loss is the mean over the N examples: divide by N.",
    caught_by="test_softmax_cross_entropy_backward_of_a_uniform_guess",
)
def divides_by_the_classes_too(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return softmax_cross_entropy_backward(logits, labels) / logits.shape[1]


@mistake(
    "softmax_cross_entropy_backward",
    "Your function divides by the number of classes. Divide by the number of examples, N.",
    caught_by="test_softmax_cross_entropy_backward_of_a_uniform_guess",
)
def divides_by_k(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return softmax_cross_entropy_backward(logits, labels) * len(labels) / logits.shape[1]


@mistake(
    "softmax_cross_entropy_backward",
    "Your function returns the probabilities. Subtract 1 at the true class of each example.",
    caught_by="test_softmax_cross_entropy_backward_of_one_example",
)
def forgets_the_labels(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return softmax(logits) / len(labels)


@mistake(
    "softmax_cross_entropy_backward",
    "A colon in front of the labels subtracts 1 in these columns of every row. Each row has its own label: pair row numbers "
    "with labels.",
    caught_by="test_softmax_cross_entropy_backward_is_that_of_the_mean",
)
def subtracts_in_every_row(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    gradient = softmax(logits)
    gradient[:, labels] -= 1
    return gradient / len(labels)


@mistake(
    "softmax_cross_entropy_backward",
    "Your labels are off by one. Classes count from 0: label 2 is column 2.",
    caught_by="test_softmax_cross_entropy_backward_of_a_uniform_guess",
)
def takes_labels_from_one(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return softmax_cross_entropy_backward(logits, labels - 1)


@mistake(
    "softmax_cross_entropy_backward",
    "Your softmax works down the columns. Each row of the logits is one example.",
    caught_by="test_softmax_cross_entropy_backward_of_a_square_array",
)
def takes_softmax_by_column(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    gradient = softmax(logits.T).T.copy()
    gradient[np.arange(len(labels)), labels] -= 1
    return gradient / len(labels)


@mistake(
    "softmax_cross_entropy_backward",
    "The exponentials of large logits overflow, and NaN comes out. Use the softmax of chapter 6, which shifts each row by "
    "its largest number.",
    caught_by="test_softmax_cross_entropy_backward_of_large_logits",
)
def overflows(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        powers = np.exp(logits)
        gradient = powers / powers.sum(axis=1, keepdims=True)
    gradient[np.arange(len(labels)), labels] -= 1
    return gradient / len(labels)


@mistake(
    "softmax_cross_entropy_backward",
    "Your function subtracts the one-hot labels from the logits. Softmax comes first.",
    caught_by="test_softmax_cross_entropy_backward_of_one_example",
)
def forgets_softmax(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return (logits - np.eye(logits.shape[1])[labels]) / len(labels)


@mistake(
    "softmax_cross_entropy_backward",
    "Your function multiplies with p(1 − p) as well, the slope of a sigmoid. The slopes of softmax and logarithm have "
    "cancelled to p − y already.",
    caught_by="test_softmax_cross_entropy_backward_of_a_uniform_guess",
)
def multiplies_with_another_slope(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    p = softmax(logits)
    return softmax_cross_entropy_backward(logits, labels) * p * (1 - p)


@mistake(
    "softmax_cross_entropy_backward",
    "The gradient is right, but your function writes it into the logits, so they change. Make a new array.",
    caught_by=SIDE_EFFECTS,
)
def writes_into_the_logits(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    logits[...] = softmax(logits)
    logits[np.arange(len(labels)), labels] -= 1
    logits /= len(labels)
    return logits


@alternative("softmax_cross_entropy_backward")
def subtracts_one_hot_rows(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return (softmax(logits) - np.eye(logits.shape[1], dtype=logits.dtype)[labels]) / len(labels)


@alternative("softmax_cross_entropy_backward")
def goes_row_by_row(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    rows = []
    for row, label in zip(logits, labels, strict=True):
        powers = np.exp(row - row.max())
        gradient = powers / powers.sum()
        gradient[label] -= 1
        rows.append(gradient / len(labels))
    return np.array(rows)


@alternative("softmax_cross_entropy_backward")
def multiplies_jacobians(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    # dL/dp would be −1/p at the true class, infinite where p vanishes; times the Jacobian's row, the p cancels.
    p = softmax(logits)
    identity = np.eye(logits.shape[1])
    return -np.stack([identity[label] - p[n] for n, label in enumerate(labels)]) / len(labels)


# max_pool2d_backward


def _to_cells(
    dout: np.ndarray, x: np.ndarray, size: int, stride: int, share: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Add to each window of the gradient its share: `share` makes an array from a window of one channel."""
    dx = np.zeros(x.shape, dtype=dout.dtype)
    for n, i, j, c in np.ndindex(dout.shape):
        rows = slice(i * stride, i * stride + size)
        columns = slice(j * stride, j * stride + size)
        dx[n, rows, columns, c] += share(x[n, rows, columns, c]) * dout[n, i, j, c]
    return dx


def _one_hot(window: np.ndarray, place: int) -> np.ndarray:
    """An array like the window: 1 at that place, counted row by row, and 0 elsewhere."""
    return (np.arange(window.size) == place).reshape(window.shape).astype(window.dtype)


@mistake(
    "max_pool2d_backward",
    "Where windows overlap, one cell can be the largest of several. Your = keeps the last gradient only: add them up "
    "with +=.",
    caught_by="test_max_pool2d_backward_adds_up_where_windows_overlap",
)
def overwrites_where_maxima_meet(dout: np.ndarray, x: np.ndarray, size: int, stride: int) -> np.ndarray:
    dx = np.zeros(x.shape, dtype=dout.dtype)
    for n, i, j, c in np.ndindex(dout.shape):
        top, left = i * stride, j * stride
        window = x[n, top : top + size, left : left + size, c]
        row, column = divmod(int(window.argmax()), size)
        dx[n, top + row, left + column, c] = dout[n, i, j, c]
    return dx


@mistake(
    "max_pool2d_backward",
    "Where several cells of a window are the largest, your function gives the whole gradient to each, so it is counted "
    "more than once. Give it to one of them, or divide it by their number.",
    caught_by="test_max_pool2d_backward_at_ties",
)
def duplicates_at_ties(dout: np.ndarray, x: np.ndarray, size: int, stride: int) -> np.ndarray:
    return _to_cells(dout, x, size, stride, lambda window: window == window.max())


@mistake(
    "max_pool2d_backward",
    "Your function shares the gradient among all cells of the window, as average pooling does. Only the largest cell "
    "reached the output: it gets everything.",
    caught_by="test_max_pool2d_backward_on_a_hand_worked_image",
)
def spreads_over_the_window(dout: np.ndarray, x: np.ndarray, size: int, stride: int) -> np.ndarray:
    return _to_cells(
        dout, x, size, stride, lambda window: np.full(window.shape, 1 / window.size, window.dtype)
    )


@mistake(
    "max_pool2d_backward",
    "Your function gives the whole gradient to every cell of the window. Only the largest cell reached the output.",
    caught_by="test_max_pool2d_backward_on_a_hand_worked_image",
)
def gives_everything_to_everyone(dout: np.ndarray, x: np.ndarray, size: int, stride: int) -> np.ndarray:
    return _to_cells(dout, x, size, stride, np.ones_like)


@mistake(
    "max_pool2d_backward",
    "Row and column of your largest cell have changed places: argmax counts row by row, so its answer divided by the "
    "window's width gives the row, and the rest the column.",
    caught_by="test_max_pool2d_backward_on_a_hand_worked_image",
)
def swaps_row_and_column(dout: np.ndarray, x: np.ndarray, size: int, stride: int) -> np.ndarray:
    return _to_cells(dout, x, size, stride, lambda window: _one_hot(window, int(window.argmax())).T)


@mistake(
    "max_pool2d_backward",
    "Your windows stand `size` apart. They stand `stride` apart.",
    caught_by="test_max_pool2d_backward_adds_up_where_windows_overlap",
)
def takes_the_size_for_the_stride(dout: np.ndarray, x: np.ndarray, size: int, stride: int) -> np.ndarray:
    dx = np.zeros(x.shape, dtype=dout.dtype)
    for n, i, j, c in np.ndindex(dout.shape):
        window = x[n, i * size : (i + 1) * size, j * size : (j + 1) * size, c]
        if window.size:
            row, column = divmod(int(window.argmax()), window.shape[1])
            dx[n, i * size + row, j * size + column, c] += dout[n, i, j, c]
    return dx


@mistake(
    "max_pool2d_backward",
    "Your windows begin one pixel after each other. They stand `stride` apart.",
    caught_by="test_max_pool2d_backward_keeps_images_and_channels_apart",
)
def ignores_the_stride(dout: np.ndarray, x: np.ndarray, size: int, stride: int) -> np.ndarray:
    return max_pool2d_backward(dout, x, size, 1)


@mistake(
    "max_pool2d_backward",
    "Your function multiplies the gradient with the largest value. The output grows exactly as the largest cell does, so "
    "the slope is 1.",
    caught_by="test_max_pool2d_backward_on_a_hand_worked_image",
)
def multiplies_with_the_maximum(dout: np.ndarray, x: np.ndarray, size: int, stride: int) -> np.ndarray:
    return x * max_pool2d_backward(dout, x, size, stride)


@mistake(
    "max_pool2d_backward",
    "Your function looks for a number above 0, and finds none in a window of negative numbers. Start from the window's "
    "own values.",
    caught_by="test_max_pool2d_backward_of_negative_numbers",
)
def starts_from_zero(dout: np.ndarray, x: np.ndarray, size: int, stride: int) -> np.ndarray:
    return max_pool2d_backward(dout, x, size, stride) * (x > 0)


@mistake(
    "max_pool2d_backward",
    "Your function takes the number that is farthest from 0. The largest of −3 and 1 is 1.",
    caught_by="test_max_pool2d_backward_of_negative_numbers",
)
def takes_the_farthest_from_zero(dout: np.ndarray, x: np.ndarray, size: int, stride: int) -> np.ndarray:
    return max_pool2d_backward(dout, np.abs(x), size, stride)


@mistake(
    "max_pool2d_backward",
    "Your function compares the channels with each other. Each channel is pooled by itself.",
    caught_by="test_max_pool2d_backward_keeps_images_and_channels_apart",
)
def compares_channels(dout: np.ndarray, x: np.ndarray, size: int, stride: int) -> np.ndarray:
    together = np.repeat(x.max(axis=3, keepdims=True), x.shape[3], axis=3)
    return max_pool2d_backward(dout, together, size, stride)


@mistake(
    "max_pool2d_backward",
    "Your function takes the places of the first image's maxima for all images. Each image has its own.",
    caught_by="test_max_pool2d_backward_keeps_images_and_channels_apart",
)
def takes_places_from_the_first_image(dout: np.ndarray, x: np.ndarray, size: int, stride: int) -> np.ndarray:
    return max_pool2d_backward(dout, np.repeat(x[:1], len(x), axis=0), size, stride)


@mistake(
    "max_pool2d_backward",
    "Your gradients go to the smallest cell of each window. Max pooling kept the largest.",
    caught_by="test_max_pool2d_backward_on_a_hand_worked_image",
)
def takes_the_smallest(dout: np.ndarray, x: np.ndarray, size: int, stride: int) -> np.ndarray:
    return max_pool2d_backward(dout, -x, size, stride)


@mistake(
    "max_pool2d_backward",
    "Where several cells of a window are the largest, your function gives the gradient to the last of them. It goes to the "
    "first, row by row, as argmax counts; equal parts for all of them are right as well.",
    caught_by="test_max_pool2d_backward_at_ties",
)
def gives_to_the_last_at_ties(dout: np.ndarray, x: np.ndarray, size: int, stride: int) -> np.ndarray:
    def share(window: np.ndarray) -> np.ndarray:
        return _one_hot(window, window.size - 1 - int(window.ravel()[::-1].argmax()))

    return _to_cells(dout, x, size, stride, share)


@mistake(
    "max_pool2d_backward",
    "Where several cells of a window are the largest, your parts are not equal: rows share first, and then the cells of a "
    "row. Give every largest cell the same part, or everything to the first.",
    caught_by="test_max_pool2d_backward_at_ties",
)
def shares_by_row_and_then_by_cell(dout: np.ndarray, x: np.ndarray, size: int, stride: int) -> np.ndarray:
    def share(window: np.ndarray) -> np.ndarray:
        largest = window == window.max()
        in_row = largest.sum(axis=1, keepdims=True)
        return largest / np.maximum(in_row, 1) / np.count_nonzero(in_row)

    return _to_cells(dout, x, size, stride, share)


@mistake(
    "max_pool2d_backward",
    "Where windows overlap and several cells of one are the largest, your function gives the whole gradient to each. Give it "
    "to the first of them, or divide it by their number, as you do where windows tile.",
    caught_by="test_max_pool2d_backward_at_ties",
)
def duplicates_at_ties_of_overlapping_windows(
    dout: np.ndarray, x: np.ndarray, size: int, stride: int
) -> np.ndarray:
    if stride >= size:
        return max_pool2d_backward(dout, x, size, stride)
    return duplicates_at_ties(dout, x, size, stride)


@mistake(
    "max_pool2d_backward",
    "Your search for the largest cell begins at −1000, and finds none in a window that lies further down. Begin with a cell "
    "of the window, or use argmax.",
    caught_by="test_max_pool2d_backward_of_negative_numbers",
)
def starts_from_minus_a_thousand(dout: np.ndarray, x: np.ndarray, size: int, stride: int) -> np.ndarray:
    return max_pool2d_backward(dout, x, size, stride) * (x > -1000)


@mistake(
    "max_pool2d_backward",
    "Your gradient has been through float32, which keeps some 7 digits of the 16 that float64 has. "
    "Where dout is float64, collect in float64.",
    caught_by="test_max_pool2d_backward_keeps_all_digits",
)
def collects_in_float32(dout: np.ndarray, x: np.ndarray, size: int, stride: int) -> np.ndarray:
    return max_pool2d_backward(dout, x, size, stride).astype(np.float32)


@alternative("max_pool2d_backward")
def shares_equally_at_ties(dout: np.ndarray, x: np.ndarray, size: int, stride: int) -> np.ndarray:
    def share(window: np.ndarray) -> np.ndarray:
        largest = window == window.max()
        return largest / largest.sum(dtype=window.dtype)

    return _to_cells(dout, x, size, stride, share)


@alternative("max_pool2d_backward")
def finds_maxima_in_a_window_view(dout: np.ndarray, x: np.ndarray, size: int, stride: int) -> np.ndarray:
    H_out, W_out = dout.shape[1:3]
    windows = sliding_window_view(x, (size, size), axis=(1, 2))[:, ::stride, ::stride]
    places = windows[:, :H_out, :W_out].reshape(*dout.shape, -1).argmax(axis=4)
    n, i, j, c = np.indices(dout.shape)
    dx = np.zeros(x.shape, dtype=dout.dtype)
    np.add.at(dx, (n, i * stride + places // size, j * stride + places % size, c), dout)
    return dx


@alternative("max_pool2d_backward")
def goes_window_by_window(dout: np.ndarray, x: np.ndarray, size: int, stride: int) -> np.ndarray:
    return _to_cells(dout, x, size, stride, lambda window: _one_hot(window, int(window.argmax())))


# avg_pool2d_backward


def _average_windows(
    dout: np.ndarray,
    x_shape: tuple[int, int, int, int],
    size: int,
    stride: int,
    divisor: Callable[[np.ndarray], float],
) -> np.ndarray:
    """Add to each window of the gradient the upstream entry over `divisor`, which is asked about the window."""
    dx = np.zeros(x_shape, dtype=dout.dtype)
    for i, j in np.ndindex(dout.shape[1:3]):
        window = dx[:, i * stride : i * stride + size, j * stride : j * stride + size]
        window += dout[:, i : i + 1, j : j + 1] / divisor(window)
    return dx


@mistake(
    "avg_pool2d_backward",
    "Your function passes the whole gradient to every cell. Each cell had a share in the average: divide by the number of "
    "cells.",
    caught_by="test_avg_pool2d_backward_on_a_hand_worked_image",
)
def does_not_divide(
    dout: np.ndarray, x_shape: tuple[int, int, int, int], size: int, stride: int
) -> np.ndarray:
    return _average_windows(dout, x_shape, size, stride, lambda window: 1)


@mistake(
    "avg_pool2d_backward",
    "Your function divides by `size`. A window of size × size has size² cells.",
    caught_by="test_avg_pool2d_backward_on_a_hand_worked_image",
)
def divides_by_the_side(
    dout: np.ndarray, x_shape: tuple[int, int, int, int], size: int, stride: int
) -> np.ndarray:
    return _average_windows(dout, x_shape, size, stride, lambda window: size)


@mistake(
    "avg_pool2d_backward",
    "Your function divides by size² everywhere. A window that sticks out over the edge has fewer cells: divide by those "
    "that exist.",
    caught_by="test_avg_pool2d_backward_on_a_ragged_edge",
)
def divides_by_cells_that_do_not_exist(
    dout: np.ndarray, x_shape: tuple[int, int, int, int], size: int, stride: int
) -> np.ndarray:
    return _average_windows(dout, x_shape, size, stride, lambda window: size**2)


@mistake(
    "avg_pool2d_backward",
    "Your divisor counts the channels too. Each channel is pooled by itself: count rows times columns.",
    caught_by="test_avg_pool2d_backward_keeps_images_and_channels_apart",
)
def divides_by_channels_too(
    dout: np.ndarray, x_shape: tuple[int, int, int, int], size: int, stride: int
) -> np.ndarray:
    return _average_windows(dout, x_shape, size, stride, lambda window: window[0].size)


@mistake(
    "avg_pool2d_backward",
    "Where windows overlap, a cell gets a share from each. Your = keeps the last one only: add them up with +=.",
    caught_by="test_avg_pool2d_backward_adds_up_where_windows_overlap",
)
def overwrites_where_windows_overlap(
    dout: np.ndarray, x_shape: tuple[int, int, int, int], size: int, stride: int
) -> np.ndarray:
    dx = np.zeros(x_shape, dtype=dout.dtype)
    for i, j in np.ndindex(dout.shape[1:3]):
        window = dx[:, i * stride : i * stride + size, j * stride : j * stride + size]
        window[...] = dout[:, i : i + 1, j : j + 1] / (window.shape[1] * window.shape[2])
    return dx


@mistake(
    "avg_pool2d_backward",
    "Your function leaves out the windows that stick out over the edge. In ceil mode they count, with the cells that "
    "exist.",
    caught_by="test_avg_pool2d_backward_on_a_ragged_edge",
)
def drops_ragged_windows(
    dout: np.ndarray, x_shape: tuple[int, int, int, int], size: int, stride: int
) -> np.ndarray:
    H_out, W_out = ((axis - size) // stride + 1 for axis in x_shape[1:3])
    return avg_pool2d_backward(dout[:, :H_out, :W_out], x_shape, size, stride)


@mistake(
    "avg_pool2d_backward",
    "Your windows stand `size` apart. They stand `stride` apart.",
    caught_by="test_avg_pool2d_backward_leaves_gaps_at_zero",
)
def moves_windows_by_their_size(
    dout: np.ndarray, x_shape: tuple[int, int, int, int], size: int, stride: int
) -> np.ndarray:
    dx = np.zeros(x_shape, dtype=dout.dtype)
    for i, j in np.ndindex(dout.shape[1:3]):
        window = dx[:, i * size : (i + 1) * size, j * size : (j + 1) * size]
        if window.size:
            window += dout[:, i : i + 1, j : j + 1] / (window.shape[1] * window.shape[2])
    return dx


@mistake(
    "avg_pool2d_backward",
    "Your function gives everything to the top left cell of each window. All its cells had an equal share in the average.",
    caught_by="test_avg_pool2d_backward_on_a_hand_worked_image",
)
def gives_it_to_one_corner(
    dout: np.ndarray, x_shape: tuple[int, int, int, int], size: int, stride: int
) -> np.ndarray:
    dx = np.zeros(x_shape, dtype=dout.dtype)
    dx[:, : dout.shape[1] * stride : stride, : dout.shape[2] * stride : stride] = dout
    return dx


@mistake(
    "avg_pool2d_backward",
    "Your function averages the gradients of all channels. Each channel is pooled by itself.",
    caught_by="test_avg_pool2d_backward_keeps_images_and_channels_apart",
)
def mixes_the_channels(
    dout: np.ndarray, x_shape: tuple[int, int, int, int], size: int, stride: int
) -> np.ndarray:
    mixed = np.repeat(dout.mean(axis=3, keepdims=True), dout.shape[3], axis=3)
    return avg_pool2d_backward(mixed, x_shape, size, stride)


@mistake(
    "avg_pool2d_backward",
    "Height and width of your gradient are swapped: x_shape is (N, H, W, C).",
    caught_by="test_avg_pool2d_backward_on_a_hand_worked_image",
)
def swaps_height_and_width(
    dout: np.ndarray, x_shape: tuple[int, int, int, int], size: int, stride: int
) -> np.ndarray:
    return avg_pool2d_backward(dout, x_shape, size, stride).transpose(0, 2, 1, 3)


@alternative("avg_pool2d_backward")
def shares_cell_by_cell(
    dout: np.ndarray, x_shape: tuple[int, int, int, int], size: int, stride: int
) -> np.ndarray:
    dx = np.zeros(x_shape)
    _, H, W, _ = x_shape
    for n, i, j, c in np.ndindex(dout.shape):
        rows = range(i * stride, min(i * stride + size, H))
        columns = range(j * stride, min(j * stride + size, W))
        for row in rows:
            for column in columns:
                dx[n, row, column, c] += dout[n, i, j, c] / (len(rows) * len(columns))
    return dx


@alternative("avg_pool2d_backward")
def multiplies_with_pooling_matrices(
    dout: np.ndarray, x_shape: tuple[int, int, int, int], size: int, stride: int
) -> np.ndarray:
    # Averaging a rectangle is averaging its rows, then its columns: two matrices, whose transposes lead back.
    def averages(places: int, axis: int) -> np.ndarray:
        matrix = np.zeros((places, axis), dtype=dout.dtype)
        for place in range(places):
            matrix[place, place * stride : place * stride + size] = 1
        return matrix / matrix.sum(axis=1, keepdims=True)

    down, across = averages(dout.shape[1], x_shape[1]), averages(dout.shape[2], x_shape[2])
    return np.einsum("nijc,ih,jw->nhwc", dout, down, across)


@alternative("avg_pool2d_backward")
def cuts_off_a_border(
    dout: np.ndarray, x_shape: tuple[int, int, int, int], size: int, stride: int
) -> np.ndarray:
    N, H, W, C = x_shape
    H_out, W_out = dout.shape[1:3]
    rows = np.minimum(np.arange(H_out) * stride + size, H) - np.arange(H_out) * stride
    columns = np.minimum(np.arange(W_out) * stride + size, W) - np.arange(W_out) * stride
    shares = dout / np.outer(rows, columns)[:, :, np.newaxis]
    large = np.zeros((N, H + size + stride, W + size + stride, C))
    for u, v in np.ndindex(size, size):
        large[:, u : u + H_out * stride : stride, v : v + W_out * stride : stride] += shares
    return large[:, :H, :W]


# conv2d_backward


def _padded(x: np.ndarray, padding: int) -> np.ndarray:
    return np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))


def _unpadded(d_padded: np.ndarray, x: np.ndarray, padding: int) -> np.ndarray:
    return d_padded[:, padding : padding + x.shape[1], padding : padding + x.shape[2]]


def _windows(x: np.ndarray, w: np.ndarray, dout: np.ndarray, stride: int, padding: int) -> np.ndarray:
    """All windows of the padded images: (N, H′, W′, F_h, F_w, C)."""
    every = sliding_window_view(_padded(x, padding), w.shape[:2], axis=(1, 2))[:, ::stride, ::stride]
    return every[:, : dout.shape[1], : dout.shape[2]].transpose(0, 1, 2, 4, 5, 3)


def _stamp(stamps: np.ndarray, x: np.ndarray, stride: int, padding: int) -> np.ndarray:
    """dx from the gradient of every window (N, H′, W′, F_h, F_w, C), added up where windows overlap."""
    F_h, F_w = stamps.shape[3:5]
    d_padded = np.zeros_like(_padded(x, padding))
    for i, j in np.ndindex(stamps.shape[1:3]):
        d_padded[:, i * stride : i * stride + F_h, j * stride : j * stride + F_w] += stamps[:, i, j]
    return _unpadded(d_padded, x, padding)


def _dilated(dout: np.ndarray, stride: int) -> np.ndarray:
    """dout with stride − 1 zeros between its entries."""
    N, H_out, W_out, K = dout.shape
    wide = np.zeros((N, (H_out - 1) * stride + 1, (W_out - 1) * stride + 1, K), dtype=dout.dtype)
    wide[:, ::stride, ::stride] = dout
    return wide


@mistake(
    "conv2d_backward",
    "Your dx is made with turned filters. If each output entry stamps its window, the filter is stamped as it stands; it "
    "is turned only if you write the whole as a correlation.",
    caught_by="test_conv2d_backward_of_a_single_window",
)
def turns_the_filters_for_dx(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    _, dw, db = conv2d_backward(dout, x, w, stride, padding)
    return conv2d_backward(dout, x, w[::-1, ::-1], stride, padding)[0], dw, db


@mistake(
    "conv2d_backward",
    "Your dw is turned by 180°. Nothing is turned there: the weight at [i, j] met the pixels i rows below and j columns "
    "to the right of each window's corner.",
    caught_by="test_conv2d_backward_of_a_single_window",
)
def turns_dw(dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0) -> Three:
    dx, dw, db = conv2d_backward(dout, x, w, stride, padding)
    return dx, dw[::-1, ::-1], db


@mistake(
    "conv2d_backward",
    "Rows and columns of the filters are swapped in your dx.",
    caught_by="test_conv2d_backward_of_a_single_window",
)
def transposes_the_filters_for_dx(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    _, dw, db = conv2d_backward(dout, x, w, stride, padding)
    # Filters that are not square make stamps that stand on end, and may reach over the edge: a ValueError.
    stamps = np.einsum("nijk,vuck->nijuvc", dout, w)
    return _stamp(stamps, x, stride, padding), dw, db


@mistake(
    "conv2d_backward",
    "Rows and columns of your dw are swapped: dw has the shape of w, (F_h, F_w, C, K).",
    caught_by="test_conv2d_backward_of_a_single_window",
)
def transposes_dw(dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0) -> Three:
    dx, dw, db = conv2d_backward(dout, x, w, stride, padding)
    return dx, dw.transpose(1, 0, 2, 3), db


@mistake(
    "conv2d_backward",
    "Channels and filters are swapped in your dx. A gradient of K maps goes back through w to C channels.",
    caught_by="test_conv2d_backward_keeps_channels_and_filters_apart",
)
def swaps_channels_and_filters_for_dx(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    _, dw, db = conv2d_backward(dout, x, w, stride, padding)
    stamps = np.tensordot(dout, w, axes=(3, 2))
    return _stamp(stamps, x, stride, padding), dw, db


@mistake(
    "conv2d_backward",
    "Channels and filters of your dw are swapped: dw has the shape of w, (F_h, F_w, C, K).",
    caught_by="test_conv2d_backward_keeps_channels_and_filters_apart",
)
def swaps_channels_and_filters_of_dw(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    dx, dw, db = conv2d_backward(dout, x, w, stride, padding)
    return dx, dw.transpose(0, 1, 3, 2), db


@mistake(
    "conv2d_backward",
    "Where windows overlap, a pixel gets a gradient from each. Your = keeps the last one only: add up with +=.",
    caught_by="test_conv2d_backward_on_a_hand_worked_image",
)
def overwrites_dx(dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0) -> Three:
    _, dw, db = conv2d_backward(dout, x, w, stride, padding)
    F_h, F_w = w.shape[:2]
    d_padded = np.zeros_like(_padded(x, padding))
    for n, i, j in np.ndindex(dout.shape[:3]):
        top, left = i * stride, j * stride
        d_padded[n, top : top + F_h, left : left + F_w] = w @ dout[n, i, j]
    return _unpadded(d_padded, x, padding), dw, db


@mistake(
    "conv2d_backward",
    "Every window adds to dw. Your = keeps the last one only: add up with +=.",
    caught_by="test_conv2d_backward_on_a_hand_worked_image",
)
def overwrites_dw(dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0) -> Three:
    dx, _, db = conv2d_backward(dout, x, w, stride, padding)
    windows, dw = _windows(x, w, dout, stride, padding), np.zeros(w.shape)
    for n, i, j in np.ndindex(dout.shape[:3]):
        dw = np.multiply.outer(windows[n, i, j], dout[n, i, j])
    return dx, dw, db


@mistake(
    "conv2d_backward",
    "Your dw and db are divided by N. The mean belongs to the loss, which has put it into dout already: add up.",
    caught_by="test_conv2d_backward_adds_up_over_the_batch",
)
def averages_over_the_images(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    dx, dw, db = conv2d_backward(dout, x, w, stride, padding)
    return dx, dw / len(x), db / len(x)


@mistake(
    "conv2d_backward",
    "Your db is a mean over all places. Every place used the bias once: add up over images, rows and columns.",
    caught_by="test_conv2d_backward_on_a_hand_worked_image",
)
def averages_db(dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0) -> Three:
    dx, dw, _ = conv2d_backward(dout, x, w, stride, padding)
    return dx, dw, dout.mean(axis=(0, 1, 2))


@mistake(
    "conv2d_backward",
    "Your db has a row for each image. One bias serves the whole batch: add up over the images too, to shape (K,).",
    caught_by="test_conv2d_backward_of_a_single_window",
)
def keeps_db_for_each_image(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    dx, dw, _ = conv2d_backward(dout, x, w, stride, padding)
    return dx, dw, dout.sum(axis=(1, 2))


@mistake(
    "conv2d_backward",
    "Your dw and db come from the last image alone. All images used the same filters: add up over the batch.",
    caught_by="test_conv2d_backward_adds_up_over_the_batch",
)
def keeps_the_last_image(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    dx = conv2d_backward(dout, x, w, stride, padding)[0]
    _, dw, db = conv2d_backward(dout[-1:], x[-1:], w, stride, padding)
    return dx, dw, db


@mistake(
    "conv2d_backward",
    "Your dx is empty where there is no padding: [p:-p] is [0:0] for p = 0. Say where the piece begins and how long it is.",
    caught_by="test_conv2d_backward_of_a_single_window",
)
def cuts_everything_off(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    _, dw, db = conv2d_backward(dout, x, w, stride, padding)
    d_padded = conv2d_backward(dout, _padded(x, padding), w, stride)[0]
    return d_padded[:, padding:-padding, padding:-padding], dw, db


@mistake(
    "conv2d_backward",
    "Your dx is cut from the top left corner of the padded gradient. The image begins p rows down and p columns to the "
    "right.",
    caught_by="test_conv2d_backward_cuts_off_the_padding",
)
def cuts_from_the_corner(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    _, dw, db = conv2d_backward(dout, x, w, stride, padding)
    d_padded = conv2d_backward(dout, _padded(x, padding), w, stride)[0]
    return d_padded[:, : x.shape[1], : x.shape[2]], dw, db


@mistake(
    "conv2d_backward",
    "Your dx still has the border of the padding. Cut it off: dx has the shape of x.",
    caught_by="test_conv2d_backward_cuts_off_the_padding",
)
def leaves_the_border_on(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    return conv2d_backward(dout, _padded(x, padding), w, stride)


@mistake(
    "conv2d_backward",
    "Your function forgets the padding: the windows that it takes from x are not those of the forward pass, and run out "
    "at the end. Pad x in the same way.",
    caught_by="test_conv2d_backward_cuts_off_the_padding",
)
def forgets_the_padding(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    return conv2d_backward(dout, x, w, stride, 0)


@mistake(
    "conv2d_backward",
    "Your dw sees the edge pixels repeated where the forward pass had zeros. Pad with zeros.",
    caught_by="test_conv2d_backward_cuts_off_the_padding",
)
def pads_with_the_edge(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    dx, _, db = conv2d_backward(dout, x, w, stride, padding)
    around = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    return dx, conv2d_backward(dout, np.pad(x, around, mode="edge"), w, stride)[1], db


@mistake(
    "conv2d_backward",
    "Your function never uses the values of dout, as if the upstream gradient were 1 everywhere. Multiply with it.",
    caught_by="test_conv2d_backward_of_a_single_window",
)
def takes_ones_for_dout(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    return conv2d_backward(np.ones_like(dout), x, w, stride, padding)


@mistake(
    "conv2d_backward",
    "The upstream gradient is turned by 180° in your function. Its entry [i, j] belongs to the window that begins at "
    "[i · stride, j · stride].",
    caught_by="test_conv2d_backward_on_a_hand_worked_image",
)
def turns_dout(dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0) -> Three:
    return conv2d_backward(dout[:, ::-1, ::-1], x, w, stride, padding)


@mistake(
    "conv2d_backward",
    "Your windows begin one pixel after each other. With a stride s, window [i, j] begins at [i · s, j · s].",
    caught_by="test_conv2d_backward_with_a_stride",
)
def ignores_the_stride_of_the_layer(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    return conv2d_backward(dout, x, w, 1, padding)


@mistake(
    "conv2d_backward",
    "Your dx is too small where the stride does not divide evenly: you worked its size out from dout. Begin with zeros of "
    "the shape of the padded x; the pixels at the end keep them.",
    caught_by="test_conv2d_backward_where_the_stride_leaves_a_rest",
)
def makes_dx_as_large_as_the_windows_reach(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    _, dw, db = conv2d_backward(dout, x, w, stride, padding)
    H, W = ((dout.shape[axis] - 1) * stride + w.shape[axis - 1] for axis in (1, 2))
    d_padded = conv2d_backward(dout, _padded(x, padding)[:, :H, :W], w, stride)[0]
    return d_padded[:, padding : H - padding, padding : W - padding], dw, db


@mistake(
    "conv2d_backward",
    "Where the stride does not divide evenly, your dx has its unseen pixels at the top and on the left. The windows begin "
    "in the top left corner: the rest is at the bottom and on the right.",
    caught_by="test_conv2d_backward_where_the_stride_leaves_a_rest",
)
def puts_the_rest_in_front(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    _, dw, db = conv2d_backward(dout, x, w, stride, padding)
    large = _padded(x, padding)
    d_padded = conv2d_backward(dout, large, w, stride)[0]
    spare = [(large.shape[axis] - w.shape[axis - 1]) % stride for axis in (1, 2)]
    return _unpadded(np.roll(d_padded, spare, axis=(1, 2)), x, padding), dw, db


@mistake(
    "conv2d_backward",
    "Your dx comes from the first filter only. Each pixel was seen by all K filters: add up what comes back from each.",
    caught_by="test_conv2d_backward_keeps_channels_and_filters_apart",
)
def goes_back_through_the_first_filter(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    _, dw, db = conv2d_backward(dout, x, w, stride, padding)
    return conv2d_backward(dout[..., :1], x, w[..., :1], stride, padding)[0], dw, db


@mistake(
    "conv2d_backward",
    "The results stand in the wrong order: dx, dw, db.",
    caught_by="test_conv2d_backward_on_a_hand_worked_image",
)
def returns_the_filters_first(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    dx, dw, db = conv2d_backward(dout, x, w, stride, padding)
    return dw, dx, db


@mistake(
    "conv2d_backward",
    "The gradients are right, but your function writes into w while it works, so the filters change. `dw = w` makes a "
    "second name, not a copy.",
    caught_by=SIDE_EFFECTS,
)
def collects_dw_in_the_filters(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    dx, gradient, db = conv2d_backward(dout, x, w, stride, padding)
    dw = w
    dw[...] = gradient
    return dx, dw, db


@mistake(
    "conv2d_backward",
    "Your gradients have been through float32, which keeps some 7 digits of the 16 that float64 has. "
    "Where the inputs are float64, work in float64.",
    caught_by="test_conv2d_backward_keeps_all_digits",
)
def stamps_in_float32(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    dout32, x32, w32 = (array.astype(np.float32) for array in (dout, x, w))
    return conv2d_backward(dout32, x32, w32, stride, padding)


@alternative("conv2d_backward")
def goes_back_in_loops(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    padded = _padded(x, padding)
    d_padded, dw, db = np.zeros(padded.shape), np.zeros(w.shape), np.zeros(w.shape[3])
    F_h, F_w, _, _ = w.shape
    for (n, i, j, k), gradient in np.ndenumerate(dout):
        place = (n, slice(i * stride, i * stride + F_h), slice(j * stride, j * stride + F_w))
        d_padded[place] += w[..., k] * gradient
        dw[..., k] += padded[place] * gradient
        db[k] += gradient
    return _unpadded(d_padded, x, padding), dw, db


@alternative("conv2d_backward")
def asks_every_pixel(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    dx, dw = np.zeros(x.shape), np.zeros(w.shape)
    for row, column in np.ndindex(x.shape[1:3]):
        for u, v in np.ndindex(w.shape[:2]):
            (i, down), (j, across) = divmod(row + padding - u, stride), divmod(column + padding - v, stride)
            if down or across or not (0 <= i < dout.shape[1] and 0 <= j < dout.shape[2]):
                continue
            dx[:, row, column] += dout[:, i, j] @ w[u, v].T
            dw[u, v] += x[:, row, column].T @ dout[:, i, j]
    return dx, dw, dout.sum(axis=(0, 1, 2))


@alternative("conv2d_backward")
def stamps_window_by_window(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    padded = _padded(x, padding)
    d_padded, dw = np.zeros_like(padded), np.zeros_like(w)
    F_h, F_w = w.shape[:2]
    for i, j in np.ndindex(dout.shape[1:3]):
        place = (slice(None), slice(i * stride, i * stride + F_h), slice(j * stride, j * stride + F_w))
        d_padded[place] += np.tensordot(dout[:, i, j], w, axes=(1, 3))
        dw += np.tensordot(padded[place], dout[:, i, j], axes=(0, 0))
    return _unpadded(d_padded, x, padding), dw, dout.reshape(-1, w.shape[3]).sum(axis=0)


@alternative("conv2d_backward")
def goes_back_tap_by_tap_with_einsum(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    padded, dw = _padded(x, padding), np.zeros_like(w)
    d_padded = np.zeros_like(padded)
    for u, v in np.ndindex(w.shape[:2]):
        tap = (
            slice(None),
            slice(u, u + stride * dout.shape[1], stride),
            slice(v, v + stride * dout.shape[2], stride),
        )
        d_padded[tap] += np.einsum("nijk,ck->nijc", dout, w[u, v])
        dw[u, v] = np.einsum("nijc,nijk->ck", padded[tap], dout)
    return _unpadded(d_padded, x, padding), dw, np.einsum("nijk->k", dout)


@alternative("conv2d_backward")
def goes_back_with_optimized_einsum(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    stamps = np.einsum("nijk,uvck->nijuvc", dout, w, optimize=True)
    windows = _windows(x, w, dout, stride, padding)
    dw = np.einsum("nijuvc,nijk->uvck", windows, dout, optimize=True)
    return _stamp(stamps, x, stride, padding), dw, dout.sum(axis=(0, 1, 2))


@alternative("conv2d_backward")
def goes_back_with_tensordot(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    stamps = np.tensordot(dout, w, axes=(3, 3))
    dw = np.tensordot(_windows(x, w, dout, stride, padding), dout, axes=((0, 1, 2), (0, 1, 2)))
    return np.asfortranarray(_stamp(stamps, x, stride, padding)), dw, dout.sum(axis=(0, 1, 2))


@alternative("conv2d_backward")
def goes_back_with_a_row_for_each_window(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    K = w.shape[3]
    windows = _windows(x, w, dout, stride, padding)
    rows, upstream = windows.reshape(-1, w.size // K), dout.reshape(-1, K)
    stamps = (upstream @ w.reshape(-1, K).T).reshape(windows.shape)
    return _stamp(stamps, x, stride, padding), (rows.T @ upstream).reshape(w.shape), upstream.sum(axis=0)


@alternative("conv2d_backward")
def goes_back_with_a_column_for_each_window(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    N, H_out, W_out, K = dout.shape
    F_h, F_w, C, _ = w.shape
    windows = _windows(x, w, dout, stride, padding)
    columns = windows.transpose(5, 3, 4, 0, 1, 2).reshape(C * F_h * F_w, -1)
    upstream = dout.transpose(3, 0, 1, 2).reshape(K, -1)
    weights = w.transpose(3, 2, 0, 1).reshape(K, -1)
    stamps = (weights.T @ upstream).reshape(C, F_h, F_w, N, H_out, W_out).transpose(3, 4, 5, 1, 2, 0)
    dw = (upstream @ columns.T).reshape(K, C, F_h, F_w).transpose(2, 3, 1, 0)
    return _stamp(stamps, x, stride, padding), dw, upstream.sum(axis=1)


@alternative("conv2d_backward")
def goes_back_with_strides(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    padded = _padded(x, padding)
    shape = (*dout.shape[:3], *w.shape[:3])

    def windows(array: np.ndarray) -> np.ndarray:
        n, down, across, c = array.strides
        return as_strided(array, shape, (n, down * stride, across * stride, down, across, c), writeable=False)

    # Overlapping windows of the places name one place several times, and np.add.at adds up all that goes there.
    places, d_padded = windows(np.arange(padded.size).reshape(padded.shape)), np.zeros_like(padded)
    np.add.at(d_padded.reshape(-1), places, np.tensordot(dout, w, axes=(3, 3)))
    dw = np.tensordot(windows(padded), dout, axes=((0, 1, 2), (0, 1, 2)))
    return _unpadded(d_padded, x, padding), dw, dout.sum(axis=(0, 1, 2))


@alternative("conv2d_backward")
def correlates_with_turned_filters(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    F_h, F_w = w.shape[:2]
    wide, d_padded = _dilated(dout, stride), np.zeros_like(_padded(x, padding))
    around = np.pad(wide, ((0, 0), (F_h - 1, F_h - 1), (F_w - 1, F_w - 1), (0, 0)))
    full = np.tensordot(
        sliding_window_view(around, (F_h, F_w), axis=(1, 2)), w[::-1, ::-1], axes=((4, 5, 3), (0, 1, 3))
    )
    d_padded[:, : full.shape[1], : full.shape[2]] = full
    seen = sliding_window_view(_padded(x, padding), wide.shape[1:3], axis=(1, 2))[:, :F_h, :F_w]
    dw = np.tensordot(seen, wide, axes=((0, 4, 5), (0, 1, 2)))
    return _unpadded(d_padded, x, padding), dw, wide.sum(axis=(0, 1, 2))


@alternative("conv2d_backward")
def goes_back_with_fft(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    padded = _padded(x, padding)
    size, axes = padded.shape[1:3], (1, 2)
    upstream = np.fft.rfft2(_dilated(dout, stride), s=size, axes=axes)
    filters = np.fft.rfft2(w, s=size, axes=(0, 1))
    d_padded = np.fft.irfft2(np.einsum("nijk,ijck->nijc", upstream, filters), s=size, axes=axes)
    spectra = np.einsum("nijc,nijk->ijck", np.fft.rfft2(padded, axes=axes), np.conj(upstream))
    dw = np.fft.irfft2(spectra, s=size, axes=(0, 1))[: w.shape[0], : w.shape[1]]
    return _unpadded(d_padded, x, padding), dw, dout.sum(axis=(0, 1, 2))


@alternative("conv2d_backward")
def goes_back_with_a_toeplitz_matrix(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    N, H_out, W_out, K = dout.shape
    F_h, F_w = w.shape[:2]
    padded = _padded(x, padding)
    toeplitz = np.zeros((H_out, W_out, K, *padded.shape[1:]))
    for i, j in np.ndindex(H_out, W_out):
        top, left = i * stride, j * stride
        toeplitz[i, j, :, top : top + F_h, left : left + F_w] = np.moveaxis(w, 3, 0)
    upstream = dout.reshape(N, -1)
    d_padded = (upstream @ toeplitz.reshape(upstream.shape[1], -1)).reshape(padded.shape)
    d_toeplitz = (upstream.T @ padded.reshape(N, -1)).reshape(toeplitz.shape)
    dw = sum(
        d_toeplitz[i, j, :, i * stride : i * stride + F_h, j * stride : j * stride + F_w]
        for i, j in np.ndindex(H_out, W_out)
    )
    return _unpadded(d_padded, x, padding), np.moveaxis(dw, 0, 3), dout.sum(axis=(0, 1, 2))


@alternative("conv2d_backward")
def goes_back_with_scipy(
    dout: np.ndarray, x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0
) -> Three:
    from scipy import signal

    padded, wide, dw = _padded(x, padding), _dilated(dout, stride), np.zeros_like(w)
    d_padded = np.zeros_like(padded)
    for n, c, k in np.ndindex(len(x), x.shape[3], w.shape[3]):
        stamped = signal.convolve2d(wide[n, :, :, k], w[:, :, c, k])
        d_padded[n, : stamped.shape[0], : stamped.shape[1], c] += stamped
        seen = signal.correlate2d(padded[n, :, :, c], wide[n, :, :, k], mode="valid")
        dw[:, :, c, k] += seen[: w.shape[0], : w.shape[1]]
    return _unpadded(d_padded, x, padding), dw, dout.sum(axis=(0, 1, 2))


# tape_gradient


@mistake(
    "tape_gradient",
    "Where several ways lead back to a value, your = keeps what came last. Add up with +=.",
    caught_by="test_tape_gradient_adds_up_where_ways_meet",
)
def keeps_the_last_way(links: Links, count: int) -> np.ndarray:
    gradients = np.zeros(count)
    gradients[-1] = 1
    for place, source, rate in links[::-1]:
        gradients[source] = rate * gradients[place]
    return gradients


@mistake(
    "tape_gradient",
    "Your walk begins at the front of the tape, where no gradient has arrived yet, so that only the last links hand "
    "something on. Go from the last link to the first.",
    caught_by="test_tape_gradient_of_a_chain",
)
def walks_from_the_front(links: Links, count: int) -> np.ndarray:
    gradients = np.zeros(count)
    gradients[-1] = 1
    for place, source, rate in links:
        gradients[source] += rate * gradients[place]
    return gradients


@mistake(
    "tape_gradient",
    "Your walk begins with 0 everywhere, so that there is nothing to hand on. The last value follows itself at rate "
    "1.",
    caught_by="test_tape_gradient_of_a_chain",
)
def forgets_the_one_at_the_end(links: Links, count: int) -> np.ndarray:
    return np.zeros(count)


@mistake(
    "tape_gradient",
    "Your walk begins with 1 everywhere. Only the last value follows itself at rate 1; all others begin with 0 and "
    "collect.",
    caught_by="test_tape_gradient_of_a_chain",
)
def begins_with_ones(links: Links, count: int) -> np.ndarray:
    gradients = np.ones(count)
    for place, source, rate in links[::-1]:
        gradients[source] += rate * gradients[place]
    return gradients


@mistake(
    "tape_gradient",
    "Your function adds up the rates alone. Multiply each rate with the gradient that has arrived at the value that "
    "follows.",
    caught_by="test_tape_gradient_of_a_chain",
)
def adds_up_the_rates(links: Links, count: int) -> np.ndarray:
    gradients = np.zeros(count)
    gradients[-1] = 1
    for _, source, rate in links:
        gradients[source] += rate
    return gradients


@mistake(
    "tape_gradient",
    "Your function hands the gradient on as it arrived, so that it counts ways. Multiply it with the rate of the "
    "link.",
    caught_by="test_tape_gradient_of_a_chain",
)
def leaves_the_rates_out(links: Links, count: int) -> np.ndarray:
    return tape_gradient([(place, source, 1.0) for place, source, _ in links], count)


@mistake(
    "tape_gradient",
    "Your function works from the front: how fast each value follows the first one. Asked is how fast the last value "
    "follows each of them: begin with 1 at the last, and go back.",
    caught_by="test_tape_gradient_of_a_chain",
)
def follows_the_first_value(links: Links, count: int) -> np.ndarray:
    follows = np.zeros(count)
    follows[0] = 1
    for place, source, rate in links:
        follows[place] += rate * follows[source]
    return follows


@mistake(
    "tape_gradient",
    "Place and source have changed places: a gradient goes from the value that follows back to the value that it was "
    "computed from.",
    caught_by="test_tape_gradient_of_a_chain",
)
def swaps_place_and_source(links: Links, count: int) -> np.ndarray:
    gradients = np.zeros(count)
    gradients[-1] = 1
    for place, source, rate in links[::-1]:
        gradients[place] += rate * gradients[source]
    return gradients


@mistake(
    "tape_gradient",
    "Your function calls itself at each source and hands on all that has arrived so far, so what came earlier is "
    "handed on again. Go through the links once, from the last to the first.",
    caught_by="test_tape_gradient_hands_on_when_all_has_arrived",
)
def hands_on_again_and_again(links: Links, count: int) -> np.ndarray:
    gradients = np.zeros(count)
    gradients[-1] = 1

    def visit(here: int) -> None:
        for place, source, rate in links:
            if place == here:
                gradients[source] += rate * gradients[place]
                visit(source)

    visit(count - 1)
    return gradients


@mistake(
    "tape_gradient",
    "Your function hands a gradient on as soon as the first part of it has arrived; what comes on another way is "
    "lost. Go through the links from the last to the first: then all of it is there.",
    caught_by="test_tape_gradient_hands_on_when_all_has_arrived",
)
def hands_on_too_early(links: Links, count: int) -> np.ndarray:
    gradients = np.zeros(count)
    gradients[-1] = 1
    queue, done = [count - 1], set()
    for here in queue:
        if here not in done:
            done.add(here)
            for place, source, rate in links:
                if place == here:
                    gradients[source] += rate * gradients[place]
                    queue.append(source)
    return gradients


@mistake(
    "tape_gradient",
    "Where two links join the same places, as for x · x, your function takes one of them. Both count.",
    caught_by="test_tape_gradient_of_a_square",
)
def takes_each_source_once(links: Links, count: int) -> np.ndarray:
    joined = {(place, source): rate for place, source, rate in links}
    return tape_gradient([(*pair, rate) for pair, rate in joined.items()], count)


@mistake(
    "tape_gradient",
    "Your function divides by the number of values that were used. Gradients are not shared out: each source gets its "
    "rate times all that arrived.",
    caught_by="test_tape_gradient_adds_up_where_ways_meet",
)
def shares_among_the_sources(links: Links, count: int) -> np.ndarray:
    used = [place for place, _, _ in links]
    return tape_gradient([(place, source, rate / used.count(place)) for place, source, rate in links], count)


@mistake(
    "tape_gradient",
    "Your walk begins with 1 at every value from which nothing else was computed. It is the last value alone that is "
    "asked about: the others begin with 0.",
    caught_by="test_tape_gradient_of_values_that_do_not_count",
)
def begins_at_every_end(links: Links, count: int) -> np.ndarray:
    used = {source for _, source, _ in links}
    gradients = np.array([float(place not in used) for place in range(count)])
    for place, source, rate in links[::-1]:
        gradients[source] += rate * gradients[place]
    return gradients


@mistake(
    "tape_gradient",
    "Your walk begins at the place of the last link. The last value stands at place count − 1; if it is an input, no "
    "link leads to it.",
    caught_by="test_tape_gradient_of_an_input",
)
def begins_at_the_last_link(links: Links, count: int) -> np.ndarray:
    gradients = np.zeros(count)
    gradients[max(place for place, _, _ in links) if links else 0] = 1
    for place, source, rate in links[::-1]:
        gradients[source] += rate * gradients[place]
    return gradients


@mistake(
    "tape_gradient",
    "Your function returns the gradients of the inputs alone. Return one for each value on the tape, in its order.",
    caught_by="test_tape_gradient_of_a_chain",
)
def returns_those_of_the_inputs(links: Links, count: int) -> np.ndarray:
    computed = [place for place, _, _ in links]
    return np.delete(tape_gradient(links, count), computed)


@mistake(
    "tape_gradient",
    "Your gradients stand in the order of the walk, the last value first. Return them in the order of the places.",
    caught_by="test_tape_gradient_of_a_chain",
)
def returns_the_last_first(links: Links, count: int) -> np.ndarray:
    return tape_gradient(links, count)[::-1]


@mistake(
    "tape_gradient",
    "Your gradients are collected in whole numbers, so that every fraction is cut off. Collect in an array of floats.",
    caught_by="test_tape_gradient_keeps_all_digits",
)
def collects_whole_numbers(links: Links, count: int) -> np.ndarray:
    gradients = np.zeros(count, dtype=int)
    gradients[-1] = 1
    for place, source, rate in links[::-1]:
        gradients[source] += int(rate * gradients[place])
    return gradients


@mistake(
    "tape_gradient",
    "Your gradients have been through float32, which keeps some 7 digits of the 16 that float64 has. Collect in "
    "float64.",
    caught_by="test_tape_gradient_keeps_all_digits",
)
def collects_on_a_short_tape(links: Links, count: int) -> np.ndarray:
    return tape_gradient(links, count).astype(np.float32)


@mistake(
    "tape_gradient",
    "The gradients are right, but your function takes the links off the tape, so that it is empty afterwards. Read "
    "it, and leave it as it is.",
    caught_by=SIDE_EFFECTS,
)
def uses_the_tape_up(links: Links, count: int) -> np.ndarray:
    gradients = np.zeros(count)
    gradients[-1] = 1
    while links:
        place, source, rate = links.pop()
        gradients[source] += rate * gradients[place]
    return gradients


@alternative("tape_gradient")
def sends_each_part_on_at_once(links: Links, count: int) -> np.ndarray:
    gradients = np.zeros(count)

    def arrives(here: int, part: float) -> None:
        gradients[here] += part
        for place, source, rate in links:
            if place == here:
                arrives(source, rate * part)

    arrives(count - 1, 1.0)
    return gradients


@alternative("tape_gradient")
def asks_all_that_came_later(links: Links, count: int) -> np.ndarray:
    gradients = np.zeros(count)
    gradients[-1] = 1
    for here in range(count - 2, -1, -1):
        gradients[here] = sum(rate * gradients[place] for place, source, rate in links if source == here)
    return gradients


@alternative("tape_gradient")
def solves_a_system(links: Links, count: int) -> np.ndarray:
    rates, last = np.eye(count), np.zeros(count)
    for place, source, rate in links:
        rates[source, place] -= rate
    last[-1] = 1
    return np.linalg.solve(rates, last)


@alternative("tape_gradient")
def goes_forward_from_every_value(links: Links, count: int) -> np.ndarray:
    gradients = []
    for start in range(count):
        follows = [float(place == start) for place in range(count)]
        for place, source, rate in links:
            follows[place] += rate * follows[source]
        gradients.append(follows[-1])
    return np.array(gradients)


spared(AXES, "graph_gradient")
