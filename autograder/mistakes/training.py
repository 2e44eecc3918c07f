"""Mistakes and alternatives of chapter 8, the four networks."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from solutions.backprop import (
    avg_pool2d_backward,
    conv2d_backward,
    linear_backward,
    max_pool2d_backward,
    relu_backward,
    softmax_cross_entropy_backward,
)
from solutions.filters import relu
from solutions.fully_connected import cross_entropy, flatten, linear, sigmoid, softmax
from solutions.padding import conv2d
from solutions.pooling import avg_pool2d, max_pool2d
from solutions.training import adam_step, lenet_gradients, lenet_logits, sgd_step, train

from . import DIGITS, SIDE_EFFECTS, alternative, mistake, spared

Function = Callable[..., Any]
Params = dict[str, np.ndarray]
Stepped = tuple[np.ndarray, dict[str, Any]]
Two = tuple[np.ndarray, np.ndarray]
Scored = tuple[float, Params]
Trained = tuple[Params, Params]

# sgd_step


@mistake(
    "sgd_step",
    "Your step goes uphill. The gradient points to where the loss grows: subtract it.",
    caught_by="test_sgd_step_follows_the_gradient",
)
def goes_uphill(param: np.ndarray, grad: np.ndarray, learning_rate: float) -> np.ndarray:
    return param + learning_rate * grad


@mistake(
    "sgd_step",
    "Your step does not use the learning rate. Multiply the gradient by it.",
    caught_by="test_sgd_step_takes_any_rate",
)
def forgets_the_rate(param: np.ndarray, grad: np.ndarray, learning_rate: float) -> np.ndarray:
    return param - grad


@mistake(
    "sgd_step",
    "Your step divides by the learning rate. A small rate must give a small step: multiply.",
    caught_by="test_sgd_step_takes_any_rate",
)
def divides_by_the_rate(param: np.ndarray, grad: np.ndarray, learning_rate: float) -> np.ndarray:
    return param - grad / learning_rate


@mistake(
    "sgd_step",
    "Your function returns the step itself. Return the parameter after the step.",
    caught_by="test_sgd_step_on_a_hand_worked_row",
)
def returns_the_step(param: np.ndarray, grad: np.ndarray, learning_rate: float) -> np.ndarray:
    return learning_rate * grad


@mistake(
    "sgd_step",
    "The result is right, but your function writes it into param. `param -= …` changes the caller's array; "
    "`param - …` makes a new one.",
    caught_by=SIDE_EFFECTS,
)
def steps_in_place(param: np.ndarray, grad: np.ndarray, learning_rate: float) -> np.ndarray:
    param -= learning_rate * grad
    return param


@mistake(
    "sgd_step",
    "All your steps have the same length. Only the sign of the gradient counts in them; its size must count too.",
    caught_by="test_sgd_step_follows_the_gradient",
)
def uses_the_sign_alone(param: np.ndarray, grad: np.ndarray, learning_rate: float) -> np.ndarray:
    return param - learning_rate * np.sign(grad)


@mistake(
    "sgd_step",
    "Your step divides the gradient by its length. Gradient descent takes the gradient as it is.",
    caught_by="test_sgd_step_follows_the_gradient",
)
def makes_the_gradient_a_unit(param: np.ndarray, grad: np.ndarray, learning_rate: float) -> np.ndarray:
    return param - learning_rate * grad / np.linalg.norm(grad)


@mistake(
    "sgd_step",
    "Your step divides by the length of the array. The mean over the examples is in the gradient already.",
    caught_by="test_sgd_step_of_filters",
)
def takes_a_mean_once_more(param: np.ndarray, grad: np.ndarray, learning_rate: float) -> np.ndarray:
    return param - learning_rate * grad / len(grad)


@mistake(
    "sgd_step",
    "Your step is multiplied by the parameter. A parameter of 0 could never move: subtract the rate times the gradient.",
    caught_by="test_sgd_step_on_a_hand_worked_row",
)
def scales_the_parameter(param: np.ndarray, grad: np.ndarray, learning_rate: float) -> np.ndarray:
    return param * (1 - learning_rate * grad)


@mistake(
    "sgd_step",
    "The values are right, but float32 goes in and float64 comes out. That doubles the memory and the time of all that "
    "follows.",
    caught_by="test_sgd_step_stays_float32",
)
def makes_float64_of_it(param: np.ndarray, grad: np.ndarray, learning_rate: float) -> np.ndarray:
    return param.astype(np.float64) - learning_rate * grad


@mistake(
    "sgd_step",
    "Your step goes through float32, which keeps some seven digits. float64 has sixteen: compute in the dtype of param.",
    caught_by="test_sgd_step_keeps_all_digits",
)
def steps_in_float32(param: np.ndarray, grad: np.ndarray, learning_rate: float) -> np.ndarray:
    moved = param.astype(np.float32) - np.float32(learning_rate) * grad.astype(np.float32)
    return moved.astype(param.dtype)


@mistake(
    "sgd_step",
    "Your step is rounded to a few digits. Steps are often smaller than that: keep all digits.",
    caught_by="test_sgd_step_keeps_all_digits",
)
def rounds_the_step(param: np.ndarray, grad: np.ndarray, learning_rate: float) -> np.ndarray:
    return np.round(param - learning_rate * grad, 4)


@alternative("sgd_step")
def changes_a_copy(param: np.ndarray, grad: np.ndarray, learning_rate: float) -> np.ndarray:
    param = param.copy()
    param -= learning_rate * grad
    return param


@alternative("sgd_step")
def steps_entry_by_entry(param: np.ndarray, grad: np.ndarray, learning_rate: float) -> np.ndarray:
    moved = np.empty_like(param)
    for index in np.ndindex(param.shape):
        moved[index] = param[index] - learning_rate * grad[index]
    return moved


@alternative("sgd_step")
def subtracts_into_a_new_array(param: np.ndarray, grad: np.ndarray, learning_rate: float) -> np.ndarray:
    return np.subtract(param, np.multiply(grad, learning_rate, dtype=param.dtype))


# adam_step


@mistake(
    "adam_step",
    "Your step goes uphill. Subtract it from the parameter.",
    caught_by="test_adam_step_begins_with_a_step_of_the_rate",
)
def climbs_with_adam(
    param: np.ndarray,
    grad: np.ndarray,
    state: dict[str, Any],
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Stepped:
    moved, after = adam_step(param, grad, state, learning_rate, beta1, beta2, epsilon)
    return 2 * param - moved, after


def _means(
    grad: np.ndarray, state: dict[str, Any], beta1: float, beta2: float
) -> tuple[np.ndarray, np.ndarray, int]:
    """m, v and t after one more gradient."""
    m = beta1 * state["m"] + (1 - beta1) * grad
    v = beta2 * state["v"] + (1 - beta2) * grad**2
    return m, v, state["t"] + 1


@mistake(
    "adam_step",
    "Your function does not correct the start. m and v begin at 0 and are too small at first: divide them by "
    "1 − beta1ᵗ and 1 − beta2ᵗ.",
    caught_by="test_adam_step_begins_with_a_step_of_the_rate",
)
def corrects_nothing(
    param: np.ndarray,
    grad: np.ndarray,
    state: dict[str, Any],
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Stepped:
    m, v, t = _means(grad, state, beta1, beta2)
    return param - learning_rate * m / (np.sqrt(v) + epsilon), {"m": m, "v": v, "t": t}


@mistake(
    "adam_step",
    "Your function corrects m but not v. Both begin at 0: divide v by 1 − beta2ᵗ as well.",
    caught_by="test_adam_step_begins_with_a_step_of_the_rate",
)
def corrects_only_m(
    param: np.ndarray,
    grad: np.ndarray,
    state: dict[str, Any],
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Stepped:
    m, v, t = _means(grad, state, beta1, beta2)
    return param - learning_rate * m / (1 - beta1**t) / (np.sqrt(v) + epsilon), {"m": m, "v": v, "t": t}


@mistake(
    "adam_step",
    "Your function corrects v but not m. Both begin at 0: divide m by 1 − beta1ᵗ as well.",
    caught_by="test_adam_step_begins_with_a_step_of_the_rate",
)
def corrects_only_v(
    param: np.ndarray,
    grad: np.ndarray,
    state: dict[str, Any],
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Stepped:
    m, v, t = _means(grad, state, beta1, beta2)
    return param - learning_rate * m / (np.sqrt(v / (1 - beta2**t)) + epsilon), {"m": m, "v": v, "t": t}


@mistake(
    "adam_step",
    "Your correction uses t before it is counted up. The first step has t = 1: with t = 0 it divides by 1 − 1 = 0.",
    caught_by="test_adam_step_begins_with_a_step_of_the_rate",
)
def counts_from_zero(
    param: np.ndarray,
    grad: np.ndarray,
    state: dict[str, Any],
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Stepped:
    m, v, _ = _means(grad, state, beta1, beta2)
    t = state["t"]
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    return param - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon), {"m": m, "v": v, "t": t + 1}


@mistake(
    "adam_step",
    "The step is right, but your function returns the old t. The next step would take itself for the same one.",
    caught_by="test_adam_step_begins_with_a_step_of_the_rate",
)
def forgets_to_count(
    param: np.ndarray,
    grad: np.ndarray,
    state: dict[str, Any],
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Stepped:
    moved, after = adam_step(param, grad, state, learning_rate, beta1, beta2, epsilon)
    return moved, {**after, "t": state["t"]}


@mistake(
    "adam_step",
    "Your epsilon stands under the root. It is added after the root was taken.",
    caught_by="test_adam_step_adds_epsilon_to_the_root",
)
def puts_epsilon_under_the_root(
    param: np.ndarray,
    grad: np.ndarray,
    state: dict[str, Any],
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Stepped:
    m, v, t = _means(grad, state, beta1, beta2)
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    return param - learning_rate * m_hat / np.sqrt(v_hat + epsilon), {"m": m, "v": v, "t": t}


@mistake(
    "adam_step",
    "This is Adam in the form with the corrected rate, α · √(1 − beta2ᵗ) / (1 − beta1ᵗ), where epsilon stands beside the root "
    "of the uncorrected v. Libraries use both forms; this exercise asks for the other one: correct v, take its root, then add "
    "epsilon.",
    caught_by="test_adam_step_adds_epsilon_to_the_root",
)
def adds_epsilon_too_early(
    param: np.ndarray,
    grad: np.ndarray,
    state: dict[str, Any],
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Stepped:
    m, v, t = _means(grad, state, beta1, beta2)
    rate = learning_rate * np.sqrt(1 - beta2**t) / (1 - beta1**t)
    return param - rate * m / (np.sqrt(v) + epsilon), {"m": m, "v": v, "t": t}


@mistake(
    "adam_step",
    "beta1 and beta2 have changed places: beta1 belongs to m, the mean of the gradients, beta2 to v, that of their "
    "squares.",
    caught_by="test_adam_step_in_the_middle",
)
def swaps_the_betas(
    param: np.ndarray,
    grad: np.ndarray,
    state: dict[str, Any],
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Stepped:
    return adam_step(param, grad, state, learning_rate, beta2, beta1, epsilon)


@mistake(
    "adam_step",
    "beta stands where 1 − beta belongs: the old mean keeps the share beta, and the new gradient gets the rest.",
    caught_by="test_adam_step_in_the_middle",
)
def gives_the_new_the_large_share(
    param: np.ndarray,
    grad: np.ndarray,
    state: dict[str, Any],
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Stepped:
    m, v, t = _means(grad, state, 1 - beta1, 1 - beta2)
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    return param - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon), {"m": m, "v": v, "t": t}


@mistake(
    "adam_step",
    "Your v is a mean of gradients, so that it can be negative, and its root NaN. It is the mean of their squares.",
    caught_by="test_adam_step_begins_with_a_step_of_the_rate",
)
def forgets_the_square(
    param: np.ndarray,
    grad: np.ndarray,
    state: dict[str, Any],
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Stepped:
    m, _, t = _means(grad, state, beta1, beta2)
    v = beta2 * state["v"] + (1 - beta2) * grad
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    return param - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon), {"m": m, "v": v, "t": t}


@mistake(
    "adam_step",
    "Your v collects squares of m. It is the mean of the squared gradients themselves.",
    caught_by="test_adam_step_in_the_middle",
)
def squares_the_mean(
    param: np.ndarray,
    grad: np.ndarray,
    state: dict[str, Any],
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Stepped:
    m, _, t = _means(grad, state, beta1, beta2)
    v = beta2 * state["v"] + (1 - beta2) * m**2
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    return param - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon), {"m": m, "v": v, "t": t}


@mistake(
    "adam_step",
    "Your step divides by v, not by its root. v is made of squares; its root has the size of a gradient.",
    caught_by="test_adam_step_begins_with_a_step_of_the_rate",
)
def leaves_out_the_root(
    param: np.ndarray,
    grad: np.ndarray,
    state: dict[str, Any],
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Stepped:
    m, v, t = _means(grad, state, beta1, beta2)
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    return param - learning_rate * m_hat / (v_hat + epsilon), {"m": m, "v": v, "t": t}


@mistake(
    "adam_step",
    "The step is right, but your state holds the corrected m and v. Keep the uncorrected ones: the next step corrects "
    "them with its own t.",
    caught_by="test_adam_step_in_the_middle",
)
def keeps_the_corrected_means(
    param: np.ndarray,
    grad: np.ndarray,
    state: dict[str, Any],
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Stepped:
    m, v, t = _means(grad, state, beta1, beta2)
    m, v = m / (1 - beta1**t), v / (1 - beta2**t)
    return param - learning_rate * m / (np.sqrt(v) + epsilon), {"m": m, "v": v, "t": t}


@mistake(
    "adam_step",
    "Your m takes the new gradient in full. A mean gives it the share 1 − beta1.",
    caught_by="test_adam_step_begins_with_a_step_of_the_rate",
)
def adds_the_gradient_in_full(
    param: np.ndarray,
    grad: np.ndarray,
    state: dict[str, Any],
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Stepped:
    _, v, t = _means(grad, state, beta1, beta2)
    m = beta1 * state["m"] + grad
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    return param - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon), {"m": m, "v": v, "t": t}


@mistake(
    "adam_step",
    "Your step uses m and v as they were before this gradient. Bring them up to date first, then step.",
    caught_by="test_adam_step_begins_with_a_step_of_the_rate",
)
def steps_with_the_old_means(
    param: np.ndarray,
    grad: np.ndarray,
    state: dict[str, Any],
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Stepped:
    m, v, t = _means(grad, state, beta1, beta2)
    m_hat, v_hat = state["m"] / (1 - beta1**t), state["v"] / (1 - beta2**t)
    return param - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon), {"m": m, "v": v, "t": t}


@mistake(
    "adam_step",
    "Your step divides the gradient of this moment. Adam's step goes along m, the mean of the gradients so far.",
    caught_by="test_adam_step_in_the_middle",
)
def steps_along_the_gradient(
    param: np.ndarray,
    grad: np.ndarray,
    state: dict[str, Any],
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Stepped:
    m, v, t = _means(grad, state, beta1, beta2)
    return param - learning_rate * grad / (np.sqrt(v / (1 - beta2**t)) + epsilon), {"m": m, "v": v, "t": t}


@mistake(
    "adam_step",
    "Your function has 0.9, 0.999 or 1e-8 written into it. Use the arguments beta1, beta2 and epsilon.",
    caught_by="test_adam_step_in_the_middle",
)
def knows_the_usual_settings_alone(
    param: np.ndarray,
    grad: np.ndarray,
    state: dict[str, Any],
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Stepped:
    return adam_step(param, grad, state, learning_rate)


@mistake(
    "adam_step",
    "The result is right, but your function changes the state it was given. If two parameters began with the same one, "
    "each would see the other's steps: return a new dict.",
    caught_by=SIDE_EFFECTS,
)
def changes_the_state_it_was_given(
    param: np.ndarray,
    grad: np.ndarray,
    state: dict[str, Any],
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Stepped:
    moved, after = adam_step(param, grad, state, learning_rate, beta1, beta2, epsilon)
    state.update(after)
    return moved, state


@mistake(
    "adam_step",
    "The result is right, but `m *= …` and `v += …` write into the arrays of the old state. Make new arrays: "
    "m = beta1 * m + …",
    caught_by=SIDE_EFFECTS,
)
def collects_in_the_old_arrays(
    param: np.ndarray,
    grad: np.ndarray,
    state: dict[str, Any],
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Stepped:
    m, v, t = state["m"], state["v"], state["t"] + 1
    m *= beta1
    m += (1 - beta1) * grad
    v *= beta2
    v += (1 - beta2) * grad**2
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    return param - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon), {"m": m, "v": v, "t": t}


@mistake(
    "adam_step",
    "The result is right, but `param -= …` changes the caller's array. Make a new one.",
    caught_by=SIDE_EFFECTS,
)
def moves_the_parameter_in_place(
    param: np.ndarray,
    grad: np.ndarray,
    state: dict[str, Any],
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Stepped:
    moved, after = adam_step(param, grad, state, learning_rate, beta1, beta2, epsilon)
    param[...] = moved
    return param, after


@mistake(
    "adam_step",
    "The values are right, but float32 goes in and float64 comes out. That doubles the memory and the time of all that "
    "follows.",
    caught_by="test_adam_step_stays_float32",
)
def computes_in_float64(
    param: np.ndarray,
    grad: np.ndarray,
    state: dict[str, Any],
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Stepped:
    return adam_step(param.astype(float), grad.astype(float), state, learning_rate, beta1, beta2, epsilon)


@mistake(
    "adam_step",
    "Your step goes through float32, which keeps some seven digits. float64 has sixteen: compute in the dtypes that came.",
    caught_by="test_adam_step_keeps_all_digits",
)
def steps_with_adam_in_float32(
    param: np.ndarray,
    grad: np.ndarray,
    state: dict[str, Any],
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Stepped:
    single = {name: np.float32(state[name]) for name in ("m", "v")}
    rest = learning_rate, beta1, beta2, epsilon
    moved, after = adam_step(
        param.astype(np.float32), grad.astype(np.float32), {**single, "t": state["t"]}, *rest
    )
    m, v = (after[name].astype(param.dtype) for name in ("m", "v"))
    return moved.astype(param.dtype), {"m": m, "v": v, "t": after["t"]}


@alternative("adam_step")
def moves_towards_the_new(
    param: np.ndarray,
    grad: np.ndarray,
    state: dict[str, Any],
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Stepped:
    after = dict(state)
    after["t"] += 1
    after["m"] = state["m"] + (1 - beta1) * (grad - state["m"])
    after["v"] = state["v"] + (1 - beta2) * (grad * grad - state["v"])
    rate = learning_rate / (1 - beta1 ** after["t"])
    return param - rate * after["m"] / ((after["v"] / (1 - beta2 ** after["t"])) ** 0.5 + epsilon), after


@alternative("adam_step")
def divides_by_one_root(
    param: np.ndarray,
    grad: np.ndarray,
    state: dict[str, Any],
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Stepped:
    m, v, t = _means(grad, state, beta1, beta2)
    root = float(np.sqrt(1 - beta2**t))
    rate = learning_rate * root / (1 - beta1**t)
    return param - rate * m / (np.sqrt(v) + epsilon * root), {"t": t, "v": v, "m": m}


@alternative("adam_step")
def writes_into_copies(
    param: np.ndarray,
    grad: np.ndarray,
    state: dict[str, Any],
    learning_rate: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Stepped:
    moved, m, v, t = param.copy(), state["m"].copy(), state["v"].copy(), state["t"] + 1
    m *= beta1
    m += (1 - beta1) * grad
    v *= beta2
    v += (1 - beta2) * np.square(grad)
    moved -= learning_rate * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + epsilon)
    return moved, dict(m=m, v=v, t=t)


# dropout


def _kept(x: np.ndarray, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Ones for the entries that stay, zeros for the others, in the dtype of x."""
    return (rng.random(x.shape) >= rate).astype(x.dtype)


@mistake(
    "dropout",
    "What stays is not scaled up. Divide by 1 − rate, so that sums keep their size on average.",
    caught_by="test_dropout_scales_up_what_stays",
)
def does_not_scale(x: np.ndarray, rate: float, rng: np.random.Generator, training: bool) -> Two:
    scale = _kept(x, rate, rng) if training else np.ones_like(x)
    return x * scale, scale


@mistake(
    "dropout",
    "Your function drops entries outside of training too. If training is False, everything stays.",
    caught_by="test_dropout_leaves_evaluation_alone",
)
def drops_in_evaluation(x: np.ndarray, rate: float, rng: np.random.Generator, training: bool) -> Two:
    scale = _kept(x, rate, rng) / (1 - rate)
    return x * scale, scale


@mistake(
    "dropout",
    "training means the opposite in your function: it drops in evaluation, and nothing in training.",
    caught_by="test_dropout_leaves_evaluation_alone",
)
def takes_training_the_other_way(x: np.ndarray, rate: float, rng: np.random.Generator, training: bool) -> Two:
    scale = np.ones_like(x) if training else _kept(x, rate, rng) / (1 - rate)
    return x * scale, scale


@mistake(
    "dropout",
    "Your function scales in evaluation. Inverted dropout scales in training, so that evaluation needs no change.",
    caught_by="test_dropout_leaves_evaluation_alone",
)
def scales_in_evaluation(x: np.ndarray, rate: float, rng: np.random.Generator, training: bool) -> Two:
    scale = _kept(x, rate, rng) if training else np.full_like(x, 1 - rate)
    return x * scale, scale


@mistake(
    "dropout",
    "Your function drops the same entries in every call: it makes a generator of its own, which begins anew each time. "
    "Draw from rng.",
    caught_by="test_dropout_draws_from_the_generator",
)
def drops_the_same_every_time(x: np.ndarray, rate: float, rng: np.random.Generator, training: bool) -> Two:
    scale = _kept(x, rate, np.random.default_rng(0)) / (1 - rate) if training else np.ones_like(x)
    return x * scale, scale


@mistake(
    "dropout",
    "Your function keeps the share that it should drop: rate is the probability of being dropped.",
    caught_by="test_dropout_drops_the_share_that_is_asked",
)
def keeps_what_it_should_drop(x: np.ndarray, rate: float, rng: np.random.Generator, training: bool) -> Two:
    scale = (1 - _kept(x, rate, rng)) / (1 - rate) if training else np.ones_like(x)
    return x * scale, scale


@mistake(
    "dropout",
    "Your function takes rate for the probability to stay, both where it draws and where it scales. It is that of being "
    "dropped.",
    caught_by="test_dropout_drops_the_share_that_is_asked",
)
def takes_rate_for_the_share_that_stays(
    x: np.ndarray, rate: float, rng: np.random.Generator, training: bool
) -> Two:
    if not training or not rate:
        return x.copy(), np.ones_like(x)
    scale = (1 - _kept(x, rate, rng)) / rate
    return x * scale, scale


@mistake(
    "dropout",
    "Your function divides by rate. What stays is the share 1 − rate: divide by that.",
    caught_by="test_dropout_scales_up_what_stays",
)
def divides_by_the_dropped_share(x: np.ndarray, rate: float, rng: np.random.Generator, training: bool) -> Two:
    if not training or not rate:
        return x.copy(), np.ones_like(x)
    scale = _kept(x, rate, rng) / rate
    return x * scale, scale


@mistake(
    "dropout",
    "Your function multiplies by 1 − rate in training. What stays must grow: divide.",
    caught_by="test_dropout_scales_up_what_stays",
)
def scales_down(x: np.ndarray, rate: float, rng: np.random.Generator, training: bool) -> Two:
    scale = _kept(x, rate, rng) * (1 - rate) if training else np.ones_like(x)
    return x * scale, scale


@mistake(
    "dropout",
    "Your function draws one number for each row, so that whole examples go. Draw one for every entry, in the shape of x.",
    caught_by="test_dropout_drops_every_entry_by_itself",
)
def drops_whole_examples(x: np.ndarray, rate: float, rng: np.random.Generator, training: bool) -> Two:
    firsts = x.reshape(len(x), -1)[:, 0]
    each = _kept(firsts, rate, rng).reshape(-1, *(1,) * (x.ndim - 1)) / (1 - rate)
    scale = np.ones_like(x) * each if training else np.ones_like(x)
    return x * scale, scale


@mistake(
    "dropout",
    "Your function draws the numbers for one example and uses them for the whole batch. Draw one for every entry, in the "
    "shape of x.",
    caught_by="test_dropout_drops_every_entry_by_itself",
)
def drops_the_same_in_every_example(
    x: np.ndarray, rate: float, rng: np.random.Generator, training: bool
) -> Two:
    scale = np.ones_like(x) * _kept(x[0:1], rate, rng) / (1 - rate) if training else np.ones_like(x)
    return x * scale, scale


@mistake(
    "dropout",
    "Your numbers come from a bell curve (rng.normal), of which half is below 0. rng.random gives numbers evenly "
    "between 0 and 1: a share `rate` of them is below rate.",
    caught_by="test_dropout_drops_the_share_that_is_asked",
)
def draws_from_a_bell_curve(x: np.ndarray, rate: float, rng: np.random.Generator, training: bool) -> Two:
    if not training or not rate:
        return x.copy(), np.ones_like(x)
    scale = (rng.normal(size=x.shape) >= rate).astype(x.dtype) / (1 - rate)
    return x * scale, scale


@mistake(
    "dropout",
    "out is right, but your scale lacks the factor 1 / (1 − rate). The backward pass multiplies by scale and must do all "
    "that the forward pass did.",
    caught_by="test_dropout_scales_up_what_stays",
)
def returns_the_mask_alone(x: np.ndarray, rate: float, rng: np.random.Generator, training: bool) -> Two:
    if not training:
        return x.copy(), np.ones_like(x)
    kept = _kept(x, rate, rng)
    return x * kept / (1 - rate), kept


@mistake(
    "dropout",
    "Your scale is worked out from the result, so that it is 0 wherever x is 0. An entry that is 0 may stay: keep what "
    "you multiplied by.",
    caught_by="test_dropout_leaves_evaluation_alone",
)
def reads_the_scale_off_the_result(
    x: np.ndarray, rate: float, rng: np.random.Generator, training: bool
) -> Two:
    rate = rate if training else 0.0
    out = x * _kept(x, rate, rng) / (1 - rate)
    return out, ((out != 0) / (1 - rate)).astype(x.dtype)


@mistake(
    "dropout",
    "Two arrays are asked for: out, and scale for the backward pass.",
    caught_by="test_dropout_leaves_evaluation_alone",
)
def returns_out_alone(x: np.ndarray, rate: float, rng: np.random.Generator, training: bool) -> np.ndarray:
    return x * _kept(x, rate, rng) / (1 - rate) if training else x


@mistake(
    "dropout",
    "The two results have changed places: out comes first, then scale.",
    caught_by="test_dropout_leaves_evaluation_alone",
)
def returns_scale_first(x: np.ndarray, rate: float, rng: np.random.Generator, training: bool) -> Two:
    scale = _kept(x, rate, rng) / (1 - rate) if training else np.ones_like(x)
    return scale, x * scale


@mistake(
    "dropout",
    "The results are right, but `x *= …` changes the input. Make a new array.",
    caught_by=SIDE_EFFECTS,
)
def drops_in_the_input(x: np.ndarray, rate: float, rng: np.random.Generator, training: bool) -> Two:
    scale = _kept(x, rate, rng) / (1 - rate) if training else np.ones_like(x)
    x *= scale
    return x, scale


@mistake(
    "dropout",
    "float32 goes in and float64 comes out: the numbers that you draw are float64. Turn scale into the dtype of x.",
    caught_by="test_dropout_drops_the_share_that_is_asked",
)
def turns_into_float64(x: np.ndarray, rate: float, rng: np.random.Generator, training: bool) -> Two:
    scale = (rng.random(x.shape) >= rate) / (1 - rate) if training else np.ones(x.shape)
    return x * scale, scale


@mistake(
    "dropout",
    "Your scale goes through float32, which keeps some seven digits. float64 has sixteen: make it in the dtype of x.",
    caught_by="test_dropout_keeps_all_digits",
)
def scales_in_float32(x: np.ndarray, rate: float, rng: np.random.Generator, training: bool) -> Two:
    if not training:
        return x.copy(), np.ones_like(x)
    scale = (_kept(x, rate, rng) / np.float32(1 - rate)).astype(np.float32).astype(x.dtype)
    return x * scale, scale


@alternative("dropout")
def tosses_coins(x: np.ndarray, rate: float, rng: np.random.Generator, training: bool) -> Two:
    if not training:
        rate = 0.0
    scale = (rng.binomial(1, 1 - rate, size=x.shape) / (1 - rate)).astype(x.dtype)
    return x * scale, scale


@alternative("dropout")
def chooses_between_two_numbers(x: np.ndarray, rate: float, rng: np.random.Generator, training: bool) -> Two:
    scale = np.ones_like(x)
    if training:
        scale = rng.choice(np.array([0, 1 / (1 - rate)], x.dtype), size=x.shape, p=[rate, 1 - rate])
    return scale * x, scale


@alternative("dropout")
def drops_entry_by_entry(x: np.ndarray, rate: float, rng: np.random.Generator, training: bool) -> Two:
    out, scale = np.array(x), np.ones_like(x)
    for index in np.ndindex(x.shape) if training else ():
        scale[index] = 0 if rng.uniform() < rate else 1 / (1 - rate)
        out[index] *= scale[index]
    return out, scale


@alternative("dropout")
def draws_in_single_precision(x: np.ndarray, rate: float, rng: np.random.Generator, training: bool) -> Two:
    scale = np.ones_like(x)
    if training:
        scale[rng.random(x.size, dtype=np.float32).reshape(x.shape) > 1 - rate] = 0
        scale /= 1 - rate
    return x * scale, scale


# lenet_logits


def _as_it_is(x: np.ndarray) -> np.ndarray:
    return x


def _forward(
    params: Params,
    images: np.ndarray,
    convolve: Function = conv2d,
    pool: Function = max_pool2d,
    flat: Function = flatten,
    activations: tuple[Function, Function, Function] = (relu, relu, relu),
) -> np.ndarray:
    """The digit network, one of whose layers may be another."""
    maps = images
    for number, activation in zip((1, 2), activations[:2], strict=True):
        filters, bias = params[f"filters{number}"], params[f"bias{number}"]
        maps = pool(activation(convolve(maps, filters, bias, padding=1)), 2)
    hidden = activations[2](linear(flat(maps), params["hidden_w"], params["hidden_b"]))
    return linear(hidden, params["output_w"], params["output_b"])


@mistake(
    "lenet_logits",
    "You apply ReLU to the logits. They may be negative: the class with the largest one wins, even if all are below 0.",
    caught_by="test_lenet_logits_returns_them_as_they_are",
)
def cuts_off_the_logits(params: Params, images: np.ndarray) -> np.ndarray:
    return relu(lenet_logits(params, images))


@mistake(
    "lenet_logits",
    "You return probabilities. Leave softmax to the loss, which takes logits: applied twice, it flattens the differences.",
    caught_by="test_lenet_logits_returns_them_as_they_are",
)
def applies_softmax(params: Params, images: np.ndarray) -> np.ndarray:
    return softmax(lenet_logits(params, images))


@mistake(
    "lenet_logits",
    "You subtract the largest logit of each row. Softmax may do that inside; the logits themselves stay as they are.",
    caught_by="test_lenet_logits_returns_them_as_they_are",
)
def shifts_the_logits(params: Params, images: np.ndarray) -> np.ndarray:
    logits = lenet_logits(params, images)
    return logits - logits.max(axis=1, keepdims=True)


@mistake(
    "lenet_logits",
    "There is no ReLU after your first convolution.",
    caught_by="test_lenet_logits_cuts_off_negatives",
)
def leaves_out_the_first_relu(params: Params, images: np.ndarray) -> np.ndarray:
    return _forward(params, images, activations=(_as_it_is, relu, relu))


@mistake(
    "lenet_logits",
    "There is no ReLU after your second convolution.",
    caught_by="test_lenet_logits_cuts_off_negatives",
)
def leaves_out_the_second_relu(params: Params, images: np.ndarray) -> np.ndarray:
    return _forward(params, images, activations=(relu, _as_it_is, relu))


@mistake(
    "lenet_logits",
    "There is no ReLU in your hidden layer. Without it, the hidden layer and the output layer are one linear layer.",
    caught_by="test_lenet_logits_cuts_off_negatives",
)
def leaves_out_the_hidden_relu(params: Params, images: np.ndarray) -> np.ndarray:
    return _forward(params, images, activations=(relu, relu, _as_it_is))


@mistake(
    "lenet_logits",
    "Your hidden layer has a sigmoid. It should be a ReLU.",
    caught_by="test_lenet_logits_on_a_hand_made_network",
)
def puts_a_sigmoid_into_the_hidden_layer(params: Params, images: np.ndarray) -> np.ndarray:
    return _forward(params, images, activations=(relu, relu, sigmoid))


@mistake(
    "lenet_logits",
    "Your convolutions leave out their biases. Each filter adds its own to all of its map.",
    caught_by="test_lenet_logits_where_nothing_is_cut_off",
)
def leaves_out_the_biases(params: Params, images: np.ndarray) -> np.ndarray:
    def convolve(x: np.ndarray, filters: np.ndarray, bias: np.ndarray, padding: int) -> np.ndarray:
        return conv2d(x, filters, np.zeros_like(bias), padding=padding)

    return _forward(params, images, convolve=convolve)


@mistake(
    "lenet_logits",
    "Your linear layers leave out hidden_b and output_b. Add each after its product.",
    caught_by="test_lenet_logits_on_a_hand_made_network",
)
def leaves_out_the_biases_of_the_neurons(params: Params, images: np.ndarray) -> np.ndarray:
    without = {name: np.zeros_like(params[name]) for name in ("hidden_b", "output_b")}
    return lenet_logits({**params, **without}, images)


@mistake(
    "lenet_logits",
    "Your filters are turned by 180°. These layers slide a filter over the image as it is: use conv2d of chapter 4.",
    caught_by="test_lenet_logits_where_nothing_is_cut_off",
)
def turns_the_filters(params: Params, images: np.ndarray) -> np.ndarray:
    turned = {name: params[name][::-1, ::-1] for name in ("filters1", "filters2")}
    return lenet_logits({**params, **turned}, images)


@mistake(
    "lenet_logits",
    "The flattened maps do not have the length that hidden_w expects. Both convolutions need padding 1, so that they keep "
    "height and width, and 2×2 pooling follows each.",
    caught_by="test_lenet_logits_on_a_hand_made_network",
)
def forgets_the_padding(params: Params, images: np.ndarray) -> np.ndarray:
    def convolve(x: np.ndarray, filters: np.ndarray, bias: np.ndarray, padding: int) -> np.ndarray:
        return conv2d(x, filters, bias)

    return _forward(params, images, convolve=convolve)


@mistake(
    "lenet_logits",
    "Your padding repeats the edge pixels. Pad with zeros.",
    caught_by="test_lenet_logits_where_nothing_is_cut_off",
)
def repeats_the_edge(params: Params, images: np.ndarray) -> np.ndarray:
    def convolve(x: np.ndarray, filters: np.ndarray, bias: np.ndarray, padding: int) -> np.ndarray:
        around = ((0, 0), (padding, padding), (padding, padding), (0, 0))
        return conv2d(np.pad(x, around, mode="edge"), filters, bias)

    return _forward(params, images, convolve=convolve)


@mistake(
    "lenet_logits",
    "Where height or width is odd, your pooling counts a ragged window at the edge. In this network a row or column that "
    "fills no window is left out.",
    caught_by="test_lenet_logits_where_nothing_is_cut_off",
)
def pools_the_ragged_edge(params: Params, images: np.ndarray) -> np.ndarray:
    return _forward(params, images, pool=lambda maps, size: max_pool2d(maps, size, ceil_mode=True))


@mistake(
    "lenet_logits",
    "Your pooling takes means. This network takes the largest of each window.",
    caught_by="test_lenet_logits_on_a_hand_made_network",
)
def pools_means(params: Params, images: np.ndarray) -> np.ndarray:
    return _forward(params, images, pool=avg_pool2d)


@mistake(
    "lenet_logits",
    "You flatten map after map. flatten of chapter 6 goes pixel by pixel, with the channels of a pixel side by side, and "
    "hidden_w expects that.",
    caught_by="test_lenet_logits_flattens_pixel_by_pixel",
)
def flattens_map_by_map(params: Params, images: np.ndarray) -> np.ndarray:
    return _forward(params, images, flat=lambda maps: flatten(maps.transpose(0, 3, 1, 2)))


@mistake(
    "lenet_logits",
    "You flatten column by column. flatten of chapter 6 goes row by row.",
    caught_by="test_lenet_logits_flattens_pixel_by_pixel",
)
def flattens_column_by_column(params: Params, images: np.ndarray) -> np.ndarray:
    return _forward(params, images, flat=lambda maps: flatten(maps.transpose(0, 2, 1, 3)))


@mistake(
    "lenet_logits",
    "Your function answers for the first image only. Every image of the batch needs a row of logits.",
    caught_by="test_lenet_logits_keeps_all_sizes_apart",
)
def answers_for_the_first_image(params: Params, images: np.ndarray) -> np.ndarray:
    return lenet_logits(params, images[:1])


@alternative("lenet_logits")
def pools_before_relu(params: Params, images: np.ndarray) -> np.ndarray:
    maps = relu(max_pool2d(conv2d(images, params["filters1"], params["bias1"], padding=1), 2))
    maps = relu(max_pool2d(conv2d(maps, params["filters2"], params["bias2"], padding=1), 2))
    hidden = np.maximum(maps.reshape(len(images), -1) @ params["hidden_w"] + params["hidden_b"], 0)
    return hidden @ params["output_w"] + params["output_b"]


def _columns(x: np.ndarray) -> np.ndarray:
    """A row (F_h, F_w, C flattened) for each 3×3 window of the padded images, (N, H, W, 9 · C)."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = sliding_window_view(padded, (3, 3), axis=(1, 2)).transpose(0, 1, 2, 4, 5, 3)
    return windows.reshape(*x.shape[:3], -1)


def _cells(x: np.ndarray) -> np.ndarray:
    """The four cells of each 2×2 window, (N, H // 2, W // 2, C, 4)."""
    N, H, W, C = x.shape
    even = x[:, : H // 2 * 2, : W // 2 * 2].reshape(N, H // 2, 2, W // 2, 2, C)
    return even.transpose(0, 1, 3, 5, 2, 4).reshape(N, H // 2, W // 2, C, 4)


@alternative("lenet_logits")
def multiplies_matrices(params: Params, images: np.ndarray) -> np.ndarray:
    x = images
    for number in "12":
        filters = params["filters" + number]
        x = np.maximum(_columns(x) @ filters.reshape(-1, filters.shape[3]) + params["bias" + number], 0)
        x = _cells(x).max(axis=4)
    x = x.reshape(len(x), -1)
    x = np.maximum(x @ params["hidden_w"] + params["hidden_b"], 0)
    return np.asfortranarray(x @ params["output_w"] + params["output_b"])


@alternative("lenet_logits")
def goes_image_by_image(params: Params, images: np.ndarray) -> np.ndarray:
    return np.concatenate([_forward(params, image[np.newaxis]) for image in images])


# lenet_gradients


def _pass(dout: np.ndarray, before: np.ndarray) -> np.ndarray:
    return dout


def _reshape(dout: np.ndarray, maps: np.ndarray) -> np.ndarray:
    return dout.reshape(maps.shape)


def _backward(
    params: Params,
    images: np.ndarray,
    labels: np.ndarray,
    stops: tuple[Function, Function, Function] = (relu_backward, relu_backward, relu_backward),
    unflatten: Function = _reshape,
    unpool: Function = max_pool2d_backward,
    upstream: Function = softmax_cross_entropy_backward,
    output_w: np.ndarray | None = None,
) -> Scored:
    """Loss and gradients of the digit network, one of whose steps back may be another, or use another output_w."""
    before1 = conv2d(images, params["filters1"], params["bias1"], padding=1)
    after1 = relu(before1)
    maps1 = max_pool2d(after1, 2)
    before2 = conv2d(maps1, params["filters2"], params["bias2"], padding=1)
    after2 = relu(before2)
    maps2 = max_pool2d(after2, 2)
    before3 = linear(flatten(maps2), params["hidden_w"], params["hidden_b"])
    logits = linear(relu(before3), params["output_w"], params["output_b"])
    grads: Params = {}
    weights = params["output_w"] if output_w is None else output_w
    dout, grads["output_w"], grads["output_b"] = linear_backward(
        upstream(logits, labels), relu(before3), weights
    )
    dout = stops[2](dout, before3)
    dout, grads["hidden_w"], grads["hidden_b"] = linear_backward(dout, flatten(maps2), params["hidden_w"])
    dout = stops[1](unpool(unflatten(dout, maps2), after2, 2, 2), before2)
    dout, grads["filters2"], grads["bias2"] = conv2d_backward(dout, maps1, params["filters2"], padding=1)
    dout = stops[0](unpool(dout, after1, 2, 2), before1)
    _, grads["filters1"], grads["bias1"] = conv2d_backward(dout, images, params["filters1"], padding=1)
    return cross_entropy(logits, labels), grads


@mistake(
    "lenet_gradients",
    "Your gradient goes past the ReLU of the first convolution. Where that ReLU made a 0, the gradient stops.",
    caught_by="test_lenet_gradients_stop_at_a_relu",
)
def goes_past_the_first_relu(params: Params, images: np.ndarray, labels: np.ndarray) -> Scored:
    return _backward(params, images, labels, stops=(_pass, relu_backward, relu_backward))


@mistake(
    "lenet_gradients",
    "Your gradient goes past the ReLU of the second convolution. Where that ReLU made a 0, the gradient stops.",
    caught_by="test_lenet_gradients_stop_at_a_relu",
)
def goes_past_the_second_relu(params: Params, images: np.ndarray, labels: np.ndarray) -> Scored:
    return _backward(params, images, labels, stops=(relu_backward, _pass, relu_backward))


@mistake(
    "lenet_gradients",
    "Your gradient goes past the ReLU of the hidden layer. Where that ReLU made a 0, the gradient stops.",
    caught_by="test_lenet_gradients_stop_at_a_relu",
)
def goes_past_the_hidden_relu(params: Params, images: np.ndarray, labels: np.ndarray) -> Scored:
    return _backward(params, images, labels, stops=(relu_backward, relu_backward, _pass))


@mistake(
    "lenet_gradients",
    "Your loss and gradients belong to the sum over the images. The loss is their mean.",
    caught_by="test_lenet_gradients_is_that_of_the_mean",
)
def adds_the_losses_up(params: Params, images: np.ndarray, labels: np.ndarray) -> Scored:
    loss, grads = lenet_gradients(params, images, labels)
    return loss * len(labels), {name: grad * len(labels) for name, grad in grads.items()}


@mistake(
    "lenet_gradients",
    "Your loss is the mean over the images, but your gradients belong to the sum: the upstream gradient is divided by N.",
    caught_by="test_lenet_gradients_is_that_of_the_mean",
)
def forgets_to_divide_the_gradients(params: Params, images: np.ndarray, labels: np.ndarray) -> Scored:
    loss, grads = lenet_gradients(params, images, labels)
    return loss, {name: grad * len(labels) for name, grad in grads.items()}


@mistake(
    "lenet_gradients",
    "Your gradients are divided by N twice. softmax_cross_entropy_backward has done it already.",
    caught_by="test_lenet_gradients_is_that_of_the_mean",
)
def divides_the_gradients_again(params: Params, images: np.ndarray, labels: np.ndarray) -> Scored:
    loss, grads = lenet_gradients(params, images, labels)
    return loss, {name: grad / len(labels) for name, grad in grads.items()}


@mistake(
    "lenet_gradients",
    "All your gradients have the wrong sign. The gradient at the logits is the probabilities minus 1 at the true class.",
    caught_by="test_lenet_gradients_of_one_image",
)
def turns_all_signs(params: Params, images: np.ndarray, labels: np.ndarray) -> Scored:
    loss, grads = lenet_gradients(params, images, labels)
    return loss, {name: -grad for name, grad in grads.items()}


@mistake(
    "lenet_gradients",
    "Your gradients look at the first image only. Those of all images in the batch add up.",
    caught_by="test_lenet_gradients_is_that_of_the_mean",
)
def learns_from_the_first_image(params: Params, images: np.ndarray, labels: np.ndarray) -> Scored:
    return lenet_gradients(params, images[:1], labels[:1])


@mistake(
    "lenet_gradients",
    "Your gradient is brought back from the flattened maps map by map. Reshape it to the pooled maps (N, H, W, K), the "
    "reverse of flatten.",
    caught_by="test_lenet_gradients_goes_back_through_the_flattening",
)
def unflattens_map_by_map(params: Params, images: np.ndarray, labels: np.ndarray) -> Scored:
    def unflatten(dout: np.ndarray, maps: np.ndarray) -> np.ndarray:
        N, H, W, C = maps.shape
        return dout.reshape(N, C, H, W).transpose(0, 2, 3, 1)

    return _backward(params, images, labels, unflatten=unflatten)


@mistake(
    "lenet_gradients",
    "Your gradient is brought back from the flattened maps column by column. Reshape it to the pooled maps (N, H, W, K), "
    "the reverse of flatten.",
    caught_by="test_lenet_gradients_goes_back_through_the_flattening",
)
def unflattens_column_by_column(params: Params, images: np.ndarray, labels: np.ndarray) -> Scored:
    def unflatten(dout: np.ndarray, maps: np.ndarray) -> np.ndarray:
        N, H, W, C = maps.shape
        return dout.reshape(N, W, H, C).transpose(0, 2, 1, 3)

    return _backward(params, images, labels, unflatten=unflatten)


@mistake(
    "lenet_gradients",
    "Your pooling shares the gradient among the four cells of a window. Maximum pooling gives it to the largest alone.",
    caught_by="test_lenet_gradients_of_one_image",
)
def shares_among_the_cells(params: Params, images: np.ndarray, labels: np.ndarray) -> Scored:
    def unpool(dout: np.ndarray, x: np.ndarray, size: int, stride: int) -> np.ndarray:
        N, H, W, C = dout.shape
        shared = avg_pool2d_backward(dout, (N, H * size, W * size, C), size, stride)
        around = [(0, whole - part) for whole, part in zip(x.shape, shared.shape, strict=True)]
        return np.pad(shared, around)

    return _backward(params, images, labels, unpool=unpool)


@mistake(
    "lenet_gradients",
    "You apply ReLU to the logits before the loss. A negative logit becomes 0, and its gradient is lost.",
    caught_by="test_lenet_gradients_of_one_image",
)
def cuts_off_the_logits_first(params: Params, images: np.ndarray, labels: np.ndarray) -> Scored:
    def upstream(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return relu_backward(softmax_cross_entropy_backward(relu(logits), labels), logits)

    _, grads = _backward(params, images, labels, upstream=upstream)
    return cross_entropy(relu(lenet_logits(params, images)), labels), grads


@mistake(
    "lenet_gradients",
    "The loss is taken of probabilities: softmax is applied twice. cross_entropy takes the logits.",
    caught_by="test_lenet_gradients_of_one_image",
)
def takes_the_loss_of_probabilities(params: Params, images: np.ndarray, labels: np.ndarray) -> Scored:
    _, grads = lenet_gradients(params, images, labels)
    return cross_entropy(softmax(lenet_logits(params, images)), labels), grads


@mistake(
    "lenet_gradients",
    "Gradients of the biases are missing. Every name in params needs one.",
    caught_by="test_lenet_gradients_of_one_image",
)
def leaves_the_biases_alone(params: Params, images: np.ndarray, labels: np.ndarray) -> Scored:
    loss, grads = lenet_gradients(params, images, labels)
    return loss, {name: grads[name] for name in ("filters1", "filters2", "hidden_w", "output_w")}


@mistake(
    "lenet_gradients",
    "The two results have changed places: the loss comes first, then the dict of gradients.",
    caught_by="test_lenet_gradients_of_one_image",
)
def returns_the_gradients_first(
    params: Params, images: np.ndarray, labels: np.ndarray
) -> tuple[Params, float]:
    loss, grads = lenet_gradients(params, images, labels)
    return grads, loss


@mistake(
    "lenet_gradients",
    "The results are right, but your function takes a step and changes the parameters. It should only say how steep the "
    "loss is: stepping is the optimiser's work.",
    caught_by=SIDE_EFFECTS,
)
def steps_at_once(params: Params, images: np.ndarray, labels: np.ndarray) -> Scored:
    loss, grads = lenet_gradients(params, images, labels)
    for name in params:
        params[name] = sgd_step(params[name], grads[name], 0.1)
    return loss, grads


@mistake(
    "lenet_gradients",
    "The output layer steps before the gradient goes on, so that the layers below get the gradient of another network. "
    "Work out all gradients first, with the parameters as they are.",
    caught_by="test_lenet_gradients_of_one_image",
)
def steps_on_the_way_back(params: Params, images: np.ndarray, labels: np.ndarray) -> Scored:
    _, grads = lenet_gradients(params, images, labels)
    stepped = sgd_step(params["output_w"], grads["output_w"], 0.1)
    return _backward(params, images, labels, output_w=stepped)


@alternative("lenet_gradients")
def averages_over_single_images(params: Params, images: np.ndarray, labels: np.ndarray) -> Scored:
    losses, sums = [], {name: np.zeros_like(value) for name, value in params.items()}
    for image, label in zip(images, labels, strict=True):
        loss, grads = _backward(params, image[np.newaxis], np.array([label]))
        losses.append(loss)
        for name in sums:
            sums[name] += grads[name] / len(labels)
    return float(np.mean(losses)), sums


@alternative("lenet_gradients")
def keeps_what_it_saw(params: Params, images: np.ndarray, labels: np.ndarray) -> Scored:
    x, saw = images, {}
    for number in "12":
        filters = params["filters" + number]
        before = max_pool2d(conv2d(x, filters, params["bias" + number], padding=1), 2)
        saw[number] = x, conv2d(x, filters, params["bias" + number], padding=1), before
        x = relu(before)
    flat = flatten(x)
    hidden = relu(linear(flat, params["hidden_w"], params["hidden_b"]))
    logits = linear(hidden, params["output_w"], params["output_b"])
    d = softmax(logits)
    d[np.arange(len(labels)), labels] -= 1
    d /= len(labels)
    grads = {"output_w": hidden.T @ d, "output_b": d.sum(axis=0)}
    d = (d @ params["output_w"].T) * (hidden > 0)
    grads |= {"hidden_w": flat.T @ d, "hidden_b": d.sum(axis=0)}
    d = (d @ params["hidden_w"].T).reshape(x.shape)
    for number in "21":
        x, maps, before = saw[number]
        d = max_pool2d_backward(d * (before > 0), maps, 2, 2)
        d, grads["filters" + number], grads["bias" + number] = conv2d_backward(
            d, x, params["filters" + number], padding=1
        )
    return cross_entropy(logits, labels), grads


@alternative("lenet_gradients")
def goes_back_through_matrices(params: Params, images: np.ndarray, labels: np.ndarray) -> Scored:
    x, saw = images, []
    for number in "12":
        filters = params["filters" + number]
        columns = _columns(x)
        maps = np.maximum(columns @ filters.reshape(-1, filters.shape[3]) + params["bias" + number], 0)
        saw.append((number, columns, maps))
        x = _cells(maps).max(axis=4)
    flat = x.reshape(len(x), -1)
    hidden = np.maximum(flat @ params["hidden_w"] + params["hidden_b"], 0)
    logits = hidden @ params["output_w"] + params["output_b"]
    logs = logits - logits.max(axis=1, keepdims=True)
    logs = logs - np.log(np.exp(logs).sum(axis=1, keepdims=True))
    hot = np.eye(logits.shape[1], dtype=logits.dtype)[labels]
    d = (np.exp(logs) - hot) / np.asarray(len(labels), logits.dtype)
    grads = {"output_b": d.sum(axis=0), "output_w": hidden.T @ d}
    d = (d @ params["output_w"].T) * (hidden > 0)
    grads |= {"hidden_b": d.sum(axis=0), "hidden_w": flat.T @ d}
    d = (d @ params["hidden_w"].T).reshape(x.shape)
    for number, columns, maps in reversed(saw):
        H, W = d.shape[1:3]
        largest = np.zeros_like(maps)
        largest[:, : 2 * H, : 2 * W] = np.repeat(np.repeat(_cells(maps).max(axis=4), 2, axis=1), 2, axis=2)
        wide = np.zeros_like(maps)
        wide[:, : 2 * H, : 2 * W] = np.repeat(np.repeat(d, 2, axis=1), 2, axis=2)
        rows = (wide * (maps == largest) * (maps > 0)).reshape(-1, maps.shape[3])
        filters = params["filters" + number]
        grads["filters" + number] = (columns.reshape(len(rows), -1).T @ rows).reshape(filters.shape)
        grads["bias" + number] = rows.sum(axis=0)
        turned = filters[::-1, ::-1].swapaxes(2, 3)
        d = _columns(rows.reshape(maps.shape)) @ turned.reshape(-1, turned.shape[3])
    return float(-np.mean(logs[np.arange(len(labels)), labels])), grads


# train


Batches = Callable[[np.random.Generator, int, int], Iterator[np.ndarray]]


def _in_order(rng: np.random.Generator, count: int, batch_size: int) -> Iterator[np.ndarray]:
    """Indices of the images in each batch of an epoch, in a new order."""
    order = rng.permutation(count)
    for start in range(0, count, batch_size):
        yield order[start : start + batch_size]


def _fresh(params: Params) -> dict[str, dict[str, Any]]:
    """What Adam remembers of each parameter before the first step."""
    return {name: {"m": np.zeros_like(p), "v": np.zeros_like(p), "t": 0} for name, p in params.items()}


def _step(params: Params, grads: Params, states: dict[str, dict[str, Any]], learning_rate: float) -> None:
    """One step of Adam for each parameter."""
    for name in params:
        params[name], states[name] = adam_step(params[name], grads[name], states[name], learning_rate)


def _accuracy(logits: Function, params: Params, data: Params) -> float:
    guesses = logits(params, data["validation_images"]).argmax(axis=1)
    return float(np.mean(guesses == data["validation_labels"]))


def _loop(args: tuple[Any, ...], batches: Batches = _in_order, step: Function = _step) -> Trained:
    """Training with the arguments of `train`, whose batches or steps may be others."""
    logits, gradients, params, data, rng, epochs, batch_size, learning_rate = args
    params, states, losses, accuracies = dict(params), _fresh(params), [], []
    images, labels = data["train_images"], data["train_labels"]
    for _ in range(epochs):
        for batch in batches(rng, len(labels), batch_size):
            loss, grads = gradients(params, images[batch], labels[batch], rng)
            step(params, grads, states, learning_rate)
            losses.append(loss)
        accuracies.append(_accuracy(logits, params, data))
    return params, {"loss": np.array(losses), "accuracy": np.array(accuracies)}


@mistake(
    "train",
    "Your loop puts images and labels into two different orders, so that nothing can be learned. Draw one order in each "
    "epoch and use it for both.",
    caught_by="test_train_keeps_images_with_their_labels",
)
def shuffles_images_and_labels_apart(
    logits: Function,
    gradients: Function,
    params: Params,
    data: Params,
    rng: np.random.Generator,
    epochs: int,
    batch_size: int,
    learning_rate: float,
) -> Trained:
    params, states, losses, accuracies = dict(params), _fresh(params), [], []
    for _ in range(epochs):
        images, labels = rng.permutation(data["train_images"]), rng.permutation(data["train_labels"])
        for start in range(0, len(labels), batch_size):
            batch = slice(start, start + batch_size)
            loss, grads = gradients(params, images[batch], labels[batch], rng)
            _step(params, grads, states, learning_rate)
            losses.append(loss)
        accuracies.append(_accuracy(logits, params, data))
    return params, {"loss": np.array(losses), "accuracy": np.array(accuracies)}


@mistake(
    "train",
    "Your accuracy is that of the training images, which the network has seen. Measure on the validation images.",
    caught_by="test_train_measures_on_validation_images",
)
def measures_on_training_images(
    logits: Function, gradients: Function, params: Params, data: Params, *rest: Any
) -> Trained:
    seen = {f"validation_{what}": data[f"train_{what}"] for what in ("images", "labels")}
    return train(logits, gradients, params, {**data, **seen}, *rest)


@mistake(
    "train",
    "Your accuracy is that of the test images. They stay untouched until all choices are made: measure on the validation "
    "images.",
    caught_by="test_train_measures_on_validation_images",
)
def peeks_at_the_test_set(
    logits: Function, gradients: Function, params: Params, data: Params, *rest: Any
) -> Trained:
    peeked = {f"validation_{what}": data[f"test_{what}"] for what in ("images", "labels")}
    return train(logits, gradients, params, {**data, **peeked}, *rest)


@mistake(
    "train",
    "Your loop also learns from the validation images. A network must not have seen what it is measured on.",
    caught_by="test_train_takes_one_step",
)
def learns_from_validation_images(
    logits: Function, gradients: Function, params: Params, data: Params, *rest: Any
) -> Trained:
    both = {
        f"train_{what}": np.concatenate([data[f"train_{what}"], data[f"validation_{what}"]])
        for what in ("images", "labels")
    }
    return train(logits, gradients, params, {**data, **both}, *rest)


@mistake(
    "train",
    "Your loop returns the parameters of the epoch that does best on the test set. That choice has seen the test set, so "
    "its accuracy there means nothing any more. Return those after the last step.",
    caught_by="test_train_measures_on_validation_images",
)
def keeps_what_is_best_on_the_test_set(
    logits: Function,
    gradients: Function,
    params: Params,
    data: Params,
    rng: np.random.Generator,
    epochs: int,
    batch_size: int,
    learning_rate: float,
) -> Trained:
    params, states, losses, accuracies = dict(params), _fresh(params), [], []
    best, highest = params, -1.0
    images, labels = data["train_images"], data["train_labels"]
    for _ in range(epochs):
        for batch in _in_order(rng, len(labels), batch_size):
            loss, grads = gradients(params, images[batch], labels[batch], rng)
            _step(params, grads, states, learning_rate)
            losses.append(loss)
        accuracies.append(_accuracy(logits, params, data))
        reached = float(np.mean(logits(params, data["test_images"]).argmax(axis=1) == data["test_labels"]))
        if reached > highest:
            best, highest = dict(params), reached
    return best, {"loss": np.array(losses), "accuracy": np.array(accuracies)}


@mistake(
    "train",
    "Your gradients add up from step to step. Begin each step with the gradients of its own batch.",
    caught_by="test_train_remembers_from_step_to_step",
)
def adds_gradients_up(
    logits: Function, gradients: Function, params: Params, data: Params, *rest: Any
) -> Trained:
    sums = {name: np.zeros_like(value) for name, value in params.items()}

    def accumulated(params: Params, *batch: Any) -> Scored:
        loss, grads = gradients(params, *batch)
        for name in sums:
            sums[name] = sums[name] + grads[name]
        return loss, dict(sums)

    return train(logits, accumulated, params, data, *rest)


@mistake(
    "train",
    "Your loop adds the gradients of all batches up and takes one step at the end of an epoch. Take a step after each "
    "batch.",
    caught_by="test_train_steps_once_a_batch",
)
def steps_once_an_epoch(
    logits: Function,
    gradients: Function,
    params: Params,
    data: Params,
    rng: np.random.Generator,
    epochs: int,
    batch_size: int,
    learning_rate: float,
) -> Trained:
    params, states, losses, accuracies = dict(params), _fresh(params), [], []
    images, labels = data["train_images"], data["train_labels"]
    for _ in range(epochs):
        sums = {name: np.zeros_like(value) for name, value in params.items()}
        for batch in _in_order(rng, len(labels), batch_size):
            loss, grads = gradients(params, images[batch], labels[batch], rng)
            sums = {name: sums[name] + grads[name] for name in params}
            losses.append(loss)
        _step(params, sums, states, learning_rate)
        accuracies.append(_accuracy(logits, params, data))
    return params, {"loss": np.array(losses), "accuracy": np.array(accuracies)}


@mistake(
    "train",
    "Your loop goes through the images in the order in which they are given. Draw a new order in each epoch.",
    caught_by="test_train_takes_a_new_order_in_each_epoch",
)
def never_shuffles(*args: Any) -> Trained:
    def batches(rng: np.random.Generator, count: int, batch_size: int) -> Iterator[np.ndarray]:
        return (np.arange(start, min(start + batch_size, count)) for start in range(0, count, batch_size))

    return _loop(args, batches=batches)


@mistake(
    "train",
    "Your loop draws an order once and keeps it for all epochs. Draw a new one in each.",
    caught_by="test_train_takes_a_new_order_in_each_epoch",
)
def shuffles_once(
    logits: Function,
    gradients: Function,
    params: Params,
    data: Params,
    rng: np.random.Generator,
    *rest: Any,
) -> Trained:
    order = rng.permutation(len(data["train_labels"]))

    def batches(rng: np.random.Generator, count: int, batch_size: int) -> Iterator[np.ndarray]:
        return (order[start : start + batch_size] for start in range(0, count, batch_size))

    return _loop((logits, gradients, params, data, rng, *rest), batches=batches)


@mistake(
    "train",
    "Your loop makes a generator of its own for the order of the images. Draw from rng, so that whoever calls decides "
    "about chance.",
    caught_by="test_train_takes_a_new_order_in_each_epoch",
)
def draws_from_its_own_generator(*args: Any) -> Trained:
    own = np.random.default_rng(0)
    return _loop(args, batches=lambda rng, count, batch_size: _in_order(own, count, batch_size))


@mistake(
    "train",
    "`gradients` gets the same random numbers at each step, from a new generator. Hand on rng itself, or dropout will "
    "switch off the same neurons for ever.",
    caught_by="test_train_hands_on_the_generator",
)
def hands_on_a_new_generator(
    logits: Function, gradients: Function, params: Params, data: Params, *rest: Any
) -> Trained:
    def with_a_new_one(params: Params, images: np.ndarray, labels: np.ndarray, rng: Any) -> Scored:
        return gradients(params, images, labels, np.random.default_rng(0))

    return train(logits, with_a_new_one, params, data, *rest)


@mistake(
    "train",
    "Your loop leaves out the last batch of an epoch if it is smaller. Those images belong to the epoch too.",
    caught_by="test_train_sees_every_image_once_an_epoch",
)
def drops_the_last_small_batch(*args: Any) -> Trained:
    def batches(rng: np.random.Generator, count: int, batch_size: int) -> Iterator[np.ndarray]:
        return (batch for batch in _in_order(rng, count, batch_size) if len(batch) == batch_size)

    return _loop(args, batches=batches)


@mistake(
    "train",
    "Your loop draws each batch anew from all images, so that some come twice in an epoch and others never. Draw an order "
    "of all images, and cut it into batches.",
    caught_by="test_train_sees_every_image_once_an_epoch",
)
def draws_with_replacement(*args: Any) -> Trained:
    def batches(rng: np.random.Generator, count: int, batch_size: int) -> Iterator[np.ndarray]:
        return (
            rng.integers(count, size=min(batch_size, count - start)) for start in range(0, count, batch_size)
        )

    return _loop(args, batches=batches)


@mistake(
    "train",
    "batch_size is the number of batches in your loop. It is the number of images in a batch.",
    caught_by="test_train_sees_every_image_once_an_epoch",
)
def takes_the_size_for_the_number(*args: Any) -> Trained:
    def batches(rng: np.random.Generator, count: int, batch_size: int) -> Iterator[np.ndarray]:
        return iter(np.array_split(rng.permutation(count), min(batch_size, count)))

    return _loop(args, batches=batches)


@mistake(
    "train",
    "Adam begins anew at each step of your loop, with m and v at 0. Make the states once, before the first epoch, and keep "
    "what adam_step returns.",
    caught_by="test_train_remembers_from_step_to_step",
)
def forgets_the_states(*args: Any) -> Trained:
    def step(params: Params, grads: Params, states: Any, learning_rate: float) -> None:
        _step(params, grads, _fresh(params), learning_rate)

    return _loop(args, step=step)


@mistake(
    "train",
    "Adam begins anew in each epoch of your loop. Make the states once, before the first epoch.",
    caught_by="test_train_remembers_from_step_to_step",
)
def begins_anew_in_each_epoch(
    logits: Function,
    gradients: Function,
    params: Params,
    data: Params,
    rng: np.random.Generator,
    epochs: int,
    *rest: Any,
) -> Trained:
    histories = []
    for _ in range(epochs):
        params, history = train(logits, gradients, params, data, rng, 1, *rest)
        histories.append(history)
    return params, {name: np.concatenate([h[name] for h in histories]) for name in ("loss", "accuracy")}


@mistake(
    "train",
    "All parameters share one t in your loop, so that it counts several times a step. Each parameter needs a state of its "
    "own.",
    caught_by="test_train_takes_one_step",
)
def shares_one_count(*args: Any) -> Trained:
    def step(params: Params, grads: Params, states: dict[str, dict[str, Any]], learning_rate: float) -> None:
        for name in params:
            t = max(state["t"] for state in states.values())
            state = {**states[name], "t": t}
            params[name], states[name] = adam_step(params[name], grads[name], state, learning_rate)

    return _loop(args, step=step)


@mistake(
    "train",
    "Your steps are plain gradient descent. This loop is to use adam_step.",
    caught_by="test_train_takes_one_step",
)
def steps_without_adam(*args: Any) -> Trained:
    def step(params: Params, grads: Params, states: Any, learning_rate: float) -> None:
        for name in params:
            params[name] = sgd_step(params[name], grads[name], learning_rate)

    return _loop(args, step=step)


@mistake(
    "train",
    "Nothing moves: your loop returns the parameters that it began with. Keep what adam_step returns, and use it in the "
    "next step.",
    caught_by="test_train_takes_one_step",
)
def never_moves(*args: Any) -> Trained:
    return _loop(args, step=lambda params, grads, states, learning_rate: None)


@mistake(
    "train",
    "The first parameter learns and the others stay as they were. Take a step for each name in params.",
    caught_by="test_train_takes_one_step",
)
def moves_the_first_parameter(*args: Any) -> Trained:
    def step(params: Params, grads: Params, states: dict[str, dict[str, Any]], learning_rate: float) -> None:
        name = next(iter(params))
        params[name], states[name] = adam_step(params[name], grads[name], states[name], learning_rate)

    return _loop(args, step=step)


@mistake(
    "train",
    "Your loop does not hand its learning rate to adam_step, which then takes its own 0.001.",
    caught_by="test_train_takes_one_step",
)
def ignores_the_rate(
    logits: Function,
    gradients: Function,
    params: Params,
    data: Params,
    rng: np.random.Generator,
    epochs: int,
    batch_size: int,
    learning_rate: float,
) -> Trained:
    return train(logits, gradients, params, data, rng, epochs, batch_size, 0.001)


@mistake(
    "train",
    "The result is right, but `params[name] = …` changes the dict that was handed in. Begin with a copy, dict(params).",
    caught_by=SIDE_EFFECTS,
)
def changes_the_parameters_it_was_given(
    logits: Function, gradients: Function, params: Params, *rest: Any
) -> Trained:
    trained, history = train(logits, gradients, params, *rest)
    params.update(trained)
    return params, history


@mistake(
    "train",
    "The result is right, but your loop shuffles the arrays in data themselves. Draw an order with rng.permutation, and "
    "take images[order] and labels[order].",
    caught_by=SIDE_EFFECTS,
)
def shuffles_in_place(
    logits: Function,
    gradients: Function,
    params: Params,
    data: Params,
    rng: np.random.Generator,
    epochs: int,
    batch_size: int,
    learning_rate: float,
) -> Trained:
    params, states, losses, accuracies = dict(params), _fresh(params), [], []
    for _ in range(epochs):
        order = rng.permutation(len(data["train_labels"]))
        for name in ("train_images", "train_labels"):
            data[name][:] = data[name][order]
        for start in range(0, len(order), batch_size):
            batch = (data[name][start : start + batch_size] for name in ("train_images", "train_labels"))
            loss, grads = gradients(params, *batch, rng)
            _step(params, grads, states, learning_rate)
            losses.append(loss)
        accuracies.append(_accuracy(logits, params, data))
    return params, {"loss": np.array(losses), "accuracy": np.array(accuracies)}


@mistake(
    "train",
    "Your history has a mean loss for each epoch. Write down what `gradients` says at each step.",
    caught_by="test_train_steps_once_a_batch",
)
def keeps_the_mean_loss_of_an_epoch(*args: Any) -> Trained:
    params, history = train(*args)
    return params, {**history, "loss": history["loss"].reshape(args[5], -1).mean(axis=1)}


@mistake(
    "train",
    "Your losses are those after each step. Write down what `gradients` says, before the step: the first loss belongs to "
    "the untrained network.",
    caught_by="test_train_takes_one_step",
)
def writes_down_the_loss_after_the_step(
    logits: Function,
    gradients: Function,
    params: Params,
    data: Params,
    rng: np.random.Generator,
    epochs: int,
    batch_size: int,
    learning_rate: float,
) -> Trained:
    params, states, losses, accuracies = dict(params), _fresh(params), [], []
    images, labels = data["train_images"], data["train_labels"]
    for _ in range(epochs):
        for batch in _in_order(rng, len(labels), batch_size):
            _, grads = gradients(params, images[batch], labels[batch], rng)
            _step(params, grads, states, learning_rate)
            losses.append(gradients(params, images[batch], labels[batch], rng)[0])
        accuracies.append(_accuracy(logits, params, data))
    return params, {"loss": np.array(losses), "accuracy": np.array(accuracies)}


@mistake(
    "train",
    "Your accuracy is measured before each epoch. Measure after it, with the parameters that it ended with.",
    caught_by="test_train_measures_on_validation_images",
)
def measures_before_each_epoch(
    logits: Function, gradients: Function, params: Params, data: Params, *rest: Any
) -> Trained:
    first = _accuracy(logits, params, data)
    trained, history = train(logits, gradients, params, data, *rest)
    return trained, {**history, "accuracy": np.array([first, *history["accuracy"][:-1]])}


@mistake(
    "train",
    "Your history has the accuracy of the last epoch only. Measure after each epoch.",
    caught_by="test_train_measures_on_validation_images",
)
def measures_at_the_end(*args: Any) -> Trained:
    params, history = train(*args)
    return params, {**history, "accuracy": history["accuracy"][-1:]}


@mistake(
    "train",
    "Your accuracy is in per cent, or a count. It is asked for as a share, from 0 to 1.",
    caught_by="test_train_measures_on_validation_images",
)
def measures_in_per_cent(*args: Any) -> Trained:
    params, history = train(*args)
    return params, {**history, "accuracy": 100 * history["accuracy"]}


@mistake(
    "train",
    "Your loop stops an epoch too early: range(1, epochs) has epochs − 1 numbers.",
    caught_by="test_train_remembers_from_step_to_step",
)
def stops_an_epoch_too_early(
    logits: Function,
    gradients: Function,
    params: Params,
    data: Params,
    rng: np.random.Generator,
    epochs: int,
    batch_size: int,
    learning_rate: float,
) -> Trained:
    return train(logits, gradients, params, data, rng, epochs - 1, batch_size, learning_rate)


@mistake(
    "train",
    "The two results have changed places: the parameters come first, then the history.",
    caught_by="test_train_takes_one_step",
)
def returns_the_history_first(*args: Any) -> Trained:
    params, history = train(*args)
    return history, params


@mistake(
    "train",
    "Your new order only begins at another image; each is still followed by the same one. Draw an order of all images, "
    "such as rng.permutation makes.",
    caught_by="test_train_takes_a_new_order_in_each_epoch",
)
def turns_the_order(*args: Any) -> Trained:
    def batches(rng: np.random.Generator, count: int, batch_size: int) -> Iterator[np.ndarray]:
        order = np.roll(np.arange(count), rng.integers(count))
        return (order[start : start + batch_size] for start in range(0, count, batch_size))

    return _loop(args, batches=batches)


@mistake(
    "train",
    "In your new order two images change places, and all others stay where they are. Draw an order of all images, such as "
    "rng.permutation makes.",
    caught_by="test_train_takes_a_new_order_in_each_epoch",
)
def swaps_two_images(*args: Any) -> Trained:
    def batches(rng: np.random.Generator, count: int, batch_size: int) -> Iterator[np.ndarray]:
        order = np.arange(count)
        one, other = rng.choice(count, 2, replace=count < 2)
        order[[one, other]] = order[[other, one]]
        return (order[start : start + batch_size] for start in range(0, count, batch_size))

    return _loop(args, batches=batches)


@mistake(
    "train",
    "Your loop puts the batches into a new order, but each batch holds the same images in every epoch. Put the images into "
    "a new order first, then cut it into batches.",
    caught_by="test_train_makes_new_batches_in_each_epoch",
)
def shuffles_the_batches(*args: Any) -> Trained:
    def batches(rng: np.random.Generator, count: int, batch_size: int) -> Iterator[np.ndarray]:
        whole = range(0, count - batch_size + 1, batch_size)
        starts = [*rng.permutation(whole), *range(len(whole) * batch_size, count, batch_size)]
        return (np.arange(start, min(start + batch_size, count)) for start in starts)

    return _loop(args, batches=batches)


@alternative("train")
def steps_at_the_corrected_rate(*args: Any) -> Trained:
    """With Adam in the other form: where epsilon stands is the exercise of adam_step, not of the loop."""

    def step(params: Params, grads: Params, states: dict[str, dict[str, Any]], learning_rate: float) -> None:
        for name, value in params.items():
            params[name], states[name] = adds_epsilon_too_early(
                value, grads[name], states[name], learning_rate
            )

    return _loop(args, step=step)


@alternative("train")
def sorts_by_random_numbers(*args: Any) -> Trained:
    def batches(rng: np.random.Generator, count: int, batch_size: int) -> Iterator[np.ndarray]:
        order = np.argsort(rng.random(count))
        return iter(np.split(order, range(batch_size, count, batch_size)))

    return _loop(args, batches=batches)


@alternative("train")
def takes_images_from_a_pile(*args: Any) -> Trained:
    def batches(rng: np.random.Generator, count: int, batch_size: int) -> Iterator[np.ndarray]:
        pile = list(range(count))
        rng.shuffle(pile)
        while pile:
            yield np.array([pile.pop() for _ in range(min(batch_size, len(pile)))])

    return _loop(args, batches=batches)


@alternative("train")
def shuffles_copies_further(
    logits: Function,
    gradients: Function,
    params: Params,
    data: Params,
    rng: np.random.Generator,
    epochs: int,
    batch_size: int,
    learning_rate: float,
) -> Trained:
    images, labels = data["train_images"].copy(), data["train_labels"].copy()
    names, values = list(params), [value.copy() for value in params.values()]
    m, v = ([np.zeros_like(value) for value in values] for _ in range(2))
    history: dict[str, list[float]] = {"loss": [], "accuracy": []}
    t = 0
    for _ in range(epochs):
        order = rng.permutation(len(images))
        images, labels = images[order], labels[order]
        done = 0
        while done < len(images):
            batch = images[done : done + batch_size], labels[done : done + batch_size]
            loss, grads = gradients(dict(zip(names, values, strict=True)), *batch, rng)
            t, done = t + 1, done + batch_size
            for i, name in enumerate(names):
                m[i] = 0.9 * m[i] + 0.1 * grads[name]
                v[i] = 0.999 * v[i] + 0.001 * grads[name] ** 2
                root = np.sqrt(v[i] / (1 - 0.999**t)) + 1e-8
                values[i] = values[i] - learning_rate * m[i] / (1 - 0.9**t) / root
            history["loss"].append(float(loss))
        guesses = np.argmax(logits(dict(zip(names, values, strict=True)), data["validation_images"]), axis=1)
        history["accuracy"].append(float(np.mean(guesses == data["validation_labels"])))
    trained = dict(zip(names, values, strict=True))
    return trained, {name: np.array(values) for name, values in history.items()}


spared(DIGITS, "train")
