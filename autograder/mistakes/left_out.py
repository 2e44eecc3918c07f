"""Mistakes and alternatives of chapter 11, left_out."""

import math
from itertools import product

import numpy as np

from solutions.left_out import batch_norm, batch_norm_backward, he_init, random_shift

from . import DIGITS, SIDE_EFFECTS, alternative, mistake, spared

Running = dict[str, np.ndarray]
Normalised = tuple[np.ndarray, Running]
Three = tuple[np.ndarray, np.ndarray, np.ndarray]

# he_init


def _normal(shape: tuple[int, ...], deviation: float, rng: np.random.Generator) -> np.ndarray:
    return rng.normal(0, deviation, shape).astype(np.float32)


@mistake(
    "he_init",
    "Your standard deviation is 2 / inputs, which is the variance. Take the square root.",
    caught_by="test_he_init_of_a_linear_layer",
)
def forgets_the_root(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    return _normal(shape, 2 / math.prod(shape[:-1]), rng)


@mistake(
    "he_init",
    "Your standard deviation is √(1/inputs), without the 2 that makes up for the half that ReLU cuts off.",
    caught_by="test_he_init_of_a_linear_layer",
)
def forgets_the_two(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    return _normal(shape, math.sqrt(1 / math.prod(shape[:-1])), rng)


@mistake(
    "he_init",
    "Your standard deviation is √(2 / (inputs + outputs)), that of Glorot and Bengio. He's counts the inputs alone.",
    caught_by="test_he_init_of_a_linear_layer",
)
def spreads_as_glorot(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    return _normal(shape, math.sqrt(2 / (math.prod(shape[:-1]) + shape[-1])), rng)


@mistake(
    "he_init",
    "Your function counts the outputs, the last axis. What counts is from how many numbers one output is summed.",
    caught_by="test_he_init_of_a_linear_layer",
)
def counts_the_outputs(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    return _normal(shape, math.sqrt(2 / shape[-1]), rng)


@mistake(
    "he_init",
    "Your function counts all weights of the layer. Each output has weights of its own: leave out the last axis.",
    caught_by="test_he_init_of_a_linear_layer",
)
def counts_all_weights(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    return _normal(shape, math.sqrt(2 / math.prod(shape)), rng)


@mistake(
    "he_init",
    "For a convolution your function counts the channels alone. One response is summed from F_h · F_w · C numbers.",
    caught_by="test_he_init_of_a_convolution",
)
def counts_the_channels(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    return _normal(shape, math.sqrt(2 / shape[-2]), rng)


@mistake(
    "he_init",
    "Your function takes the first axis for the number of inputs. That is right for (D, M), but a filter has three axes of "
    "inputs: F_h · F_w · C.",
    caught_by="test_he_init_of_a_convolution",
)
def counts_the_first_axis(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    return _normal(shape, math.sqrt(2 / shape[0]), rng)


@mistake(
    "he_init",
    "For a convolution your function counts the window's pixels, F_h · F_w, but not its channels.",
    caught_by="test_he_init_of_a_convolution",
)
def leaves_the_channels_out(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    return _normal(shape, math.sqrt(2 / math.prod(shape[:2] if len(shape) == 4 else shape[:1])), rng)


@mistake(
    "he_init",
    "Your weights are uniform. They should be normal: rng.normal or rng.standard_normal.",
    caught_by="test_he_init_is_normal_around_0",
)
def draws_uniform_numbers(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    limit = math.sqrt(6 / math.prod(shape[:-1]))
    return rng.uniform(-limit, limit, shape).astype(np.float32)


@mistake(
    "he_init",
    "Your numbers are drawn again where they lie farther out than two standard deviations, as Keras does. The distribution "
    "wanted here is normal, tails included.",
    caught_by="test_he_init_is_normal_around_0",
)
def cuts_off_the_tails(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    normal = rng.standard_normal(shape)
    while (far := np.abs(normal) > 2).any():
        normal[far] = rng.standard_normal(far.sum())
    # what is left has a standard deviation of 0.88
    return (normal / 0.8796 * math.sqrt(2 / math.prod(shape[:-1]))).astype(np.float32)


@mistake(
    "he_init",
    "Your weights are never negative. rng.random draws from 0 to 1: use a normal distribution around 0.",
    caught_by="test_he_init_is_normal_around_0",
)
def draws_from_0_to_1(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    return (rng.random(shape) * math.sqrt(2 / math.prod(shape[:-1]))).astype(np.float32)


@mistake(
    "he_init",
    "Your function always draws the same numbers, from a generator or a seed of its own. Draw from rng.",
    caught_by="test_he_init_takes_chance_from_its_generator",
)
def draws_with_a_seed_of_its_own(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    return he_init(shape, np.random.default_rng(0))


@mistake(
    "he_init",
    "The weights are right, but float64, as NumPy draws them. Convert them to float32.",
    caught_by="test_he_init_makes_float32_of_that_shape",
)
def leaves_them_float64(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    return he_init(shape, rng).astype(np.float64)


@mistake(
    "he_init",
    "Every output begins with the same weights, so all would learn the same. Draw a number for each place.",
    caught_by="test_he_init_makes_float32_of_that_shape",
)
def repeats_one_output(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    return np.repeat(he_init((*shape[:-1], 1), rng), shape[-1], axis=-1)


@mistake(
    "he_init",
    "Your weights are rounded. Leave them as they are drawn: rounding is for printing.",
    caught_by="test_he_init_makes_float32_of_that_shape",
)
def rounds_the_weights(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    return he_init(shape, rng).round(3)


@alternative("he_init")
def scales_standard_normal_numbers(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    inputs = math.prod(shape) // shape[-1]
    return rng.standard_normal(shape, dtype=np.float32) * np.float32((2 / inputs) ** 0.5)


@alternative("he_init")
def draws_output_by_output(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    weights = np.empty(shape, dtype=np.float32, order="F")
    for output in range(shape[-1]):
        one = rng.normal(size=shape[:-1])
        weights[..., output] = one * math.sqrt(2 / one.size)
    return weights


@alternative("he_init")
def makes_normal_numbers_from_uniform_ones(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """The method of Box and Muller (1958)."""
    radius = np.sqrt(-2 * np.log(1 - rng.random(shape)))
    normal = radius * np.cos(2 * np.pi * rng.random(shape))
    return (normal * np.sqrt(2 / np.prod(shape[:-1]))).astype(np.float32)


# batch_norm


def _normalised(
    x: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    running: Running,
    training: bool,
    momentum: float,
    epsilon: float,
    axes: tuple[int, ...],
) -> Normalised:
    """batch_norm with statistics over `axes`; the running averages take the mean over what is left of them."""
    mean, var = running["mean"], running["var"]
    if training:
        mean, var = x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True)
        batch = {
            "mean": mean.reshape(-1, mean.shape[-1]).mean(axis=0),
            "var": var.reshape(-1, var.shape[-1]).mean(axis=0),
        }
        running = {name: momentum * running[name] + (1 - momentum) * batch[name] for name in running}
    return gamma * (x - mean) / np.sqrt(var + epsilon) + beta, running


@mistake(
    "batch_norm",
    "For images your statistics are taken over the batch only, for each pixel by itself. Take them over all axes but the "
    "last: np.mean(x, axis=(0, 1, 2)).",
    caught_by="test_batch_norm_of_images",
)
def normalises_each_pixel(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, running: Running, training: bool,
    momentum: float = 0.9, epsilon: float = 1e-5,
) -> Normalised:  # fmt: skip
    return _normalised(x, gamma, beta, running, training, momentum, epsilon, (0,))


@mistake(
    "batch_norm",
    "Your statistics are taken for each image by itself. A batch is normalised together: over its images as well.",
    caught_by="test_batch_norm_of_images",
)
def normalises_each_image(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, running: Running, training: bool,
    momentum: float = 0.9, epsilon: float = 1e-5,
) -> Normalised:  # fmt: skip
    axes = (1, 2) if x.ndim == 4 else (0,)
    return _normalised(x, gamma, beta, running, training, momentum, epsilon, axes)


@mistake(
    "batch_norm",
    "Your statistics are taken along the last axis, over the channels. Every channel has its own: take them over all other "
    "axes.",
    caught_by="test_batch_norm_of_four_numbers",
)
def normalises_over_channels(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, running: Running, training: bool,
    momentum: float = 0.9, epsilon: float = 1e-5,
) -> Normalised:  # fmt: skip
    return _normalised(x, gamma, beta, running, training, momentum, epsilon, (x.ndim - 1,))


@mistake(
    "batch_norm",
    "Your function takes one mean and one variance of everything. Every channel has its own.",
    caught_by="test_batch_norm_scales_and_shifts",
)
def normalises_everything_at_once(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, running: Running, training: bool,
    momentum: float = 0.9, epsilon: float = 1e-5,
) -> Normalised:  # fmt: skip
    return _normalised(x, gamma, beta, running, training, momentum, epsilon, tuple(range(x.ndim)))


@mistake(
    "batch_norm",
    "Your variance divides by the number of values less one, in both uses. Here it divides by the number of values.",
    caught_by="test_batch_norm_of_four_numbers",
)
def divides_by_one_less(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, running: Running, training: bool,
    momentum: float = 0.9, epsilon: float = 1e-5,
) -> Normalised:  # fmt: skip
    if not training:
        return batch_norm(x, gamma, beta, running, False, momentum, epsilon)
    axes = tuple(range(x.ndim - 1))
    var = x.var(axis=axes, ddof=1)
    _, moved = batch_norm(x, gamma, beta, running, True, momentum, epsilon)
    moved["var"] = momentum * running["var"] + (1 - momentum) * var
    return gamma * (x - x.mean(axis=axes)) / np.sqrt(var + epsilon) + beta, moved


@mistake(
    "batch_norm",
    "Your running variance divides by the number of values less one, as PyTorch's does. In this course it divides by the "
    "number of values, in both uses.",
    caught_by="test_batch_norm_moves_the_running_averages",
)
def keeps_the_unbiased_variance(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, running: Running, training: bool,
    momentum: float = 0.9, epsilon: float = 1e-5,
) -> Normalised:  # fmt: skip
    out, moved = batch_norm(x, gamma, beta, running, training, momentum, epsilon)
    return out, divides_by_one_less(x, gamma, beta, running, True, momentum, epsilon)[
        1
    ] if training else moved


@mistake(
    "batch_norm",
    "Your function normalises with a variance that divides by the number of values less one. Here it divides by the number "
    "of values.",
    caught_by="test_batch_norm_of_four_numbers",
)
def normalises_with_the_unbiased_variance(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, running: Running, training: bool,
    momentum: float = 0.9, epsilon: float = 1e-5,
) -> Normalised:  # fmt: skip
    _, moved = batch_norm(x, gamma, beta, running, training, momentum, epsilon)
    return divides_by_one_less(x, gamma, beta, running, training, momentum, epsilon)[0], moved


@mistake(
    "batch_norm",
    "Your running averages never change. In training they move towards those of the batch.",
    caught_by="test_batch_norm_moves_the_running_averages",
)
def never_moves_the_averages(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, running: Running, training: bool,
    momentum: float = 0.9, epsilon: float = 1e-5,
) -> Normalised:  # fmt: skip
    return batch_norm(x, gamma, beta, running, training, momentum, epsilon)[0], running


@mistake(
    "batch_norm",
    "Your running averages are those of the last batch. Keep the share `momentum` of the old ones.",
    caught_by="test_batch_norm_moves_the_running_averages",
)
def forgets_the_earlier_batches(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, running: Running, training: bool,
    momentum: float = 0.9, epsilon: float = 1e-5,
) -> Normalised:  # fmt: skip
    return batch_norm(x, gamma, beta, running, training, 0.0, epsilon)


@mistake(
    "batch_norm",
    "The shares of the running averages are swapped: `momentum` is the share of the old ones that stays. (PyTorch calls the "
    "other share momentum.)",
    caught_by="test_batch_norm_moves_the_running_averages",
)
def swaps_the_shares(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, running: Running, training: bool,
    momentum: float = 0.9, epsilon: float = 1e-5,
) -> Normalised:  # fmt: skip
    return batch_norm(x, gamma, beta, running, training, 1 - momentum, epsilon)


@mistake(
    "batch_norm",
    'Your running averages hold the standard deviation under "var". Keep the variance.',
    caught_by="test_batch_norm_moves_the_running_averages",
)
def keeps_the_deviation(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, running: Running, training: bool,
    momentum: float = 0.9, epsilon: float = 1e-5,
) -> Normalised:  # fmt: skip
    out, moved = batch_norm(x, gamma, beta, running, training, momentum, epsilon)
    if training:
        deviation = x.std(axis=tuple(range(x.ndim - 1)))
        moved["var"] = momentum * running["var"] + (1 - momentum) * deviation
    return out, moved


@mistake(
    "batch_norm",
    "In training your function normalises with the running averages. It should use the mean and the variance of the batch "
    "itself, and only move the averages.",
    caught_by="test_batch_norm_of_four_numbers",
)
def trains_with_the_averages(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, running: Running, training: bool,
    momentum: float = 0.9, epsilon: float = 1e-5,
) -> Normalised:  # fmt: skip
    _, moved = batch_norm(x, gamma, beta, running, training, momentum, epsilon)
    return batch_norm(x, gamma, beta, moved, False, momentum, epsilon)[0], moved


@mistake(
    "batch_norm",
    "Outside of training your function normalises with the statistics of the batch. Use the running averages: what is said "
    "of an image must not depend on its neighbours.",
    caught_by="test_batch_norm_in_use",
)
def normalises_the_batch_in_use(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, running: Running, training: bool,
    momentum: float = 0.9, epsilon: float = 1e-5,
) -> Normalised:  # fmt: skip
    out, moved = batch_norm(x, gamma, beta, running, True, momentum, epsilon)
    return out, moved if training else running


@mistake(
    "batch_norm",
    "Your running averages move outside of training too. There they are used, and stay.",
    caught_by="test_batch_norm_in_use",
)
def moves_the_averages_in_use(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, running: Running, training: bool,
    momentum: float = 0.9, epsilon: float = 1e-5,
) -> Normalised:  # fmt: skip
    out, _ = batch_norm(x, gamma, beta, running, training, momentum, epsilon)
    return out, batch_norm(x, gamma, beta, running, True, momentum, epsilon)[1]


@mistake(
    "batch_norm",
    "The result is right, but your function writes into the dict `running`. Make a new dict; the old one stays as it was.",
    caught_by=SIDE_EFFECTS,
)
def moves_the_averages_in_place(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, running: Running, training: bool,
    momentum: float = 0.9, epsilon: float = 1e-5,
) -> Normalised:  # fmt: skip
    out, moved = batch_norm(x, gamma, beta, running, training, momentum, epsilon)
    running.update(moved)
    return out, running


@mistake(
    "batch_norm",
    "Your function divides by the variance. Divide by its root, so that the variance becomes 1.",
    caught_by="test_batch_norm_of_four_numbers",
)
def divides_by_the_variance(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, running: Running, training: bool,
    momentum: float = 0.9, epsilon: float = 1e-5,
) -> Normalised:  # fmt: skip
    _, moved = batch_norm(x, gamma, beta, running, training, momentum, epsilon)
    axes = tuple(range(x.ndim - 1))
    mean, var = (x.mean(axis=axes), x.var(axis=axes)) if training else (running["mean"], running["var"])
    return gamma * (x - mean) / (var + epsilon) + beta, moved


@mistake(
    "batch_norm",
    "Your epsilon is added to the root of the variance. Add it to the variance, then take the root.",
    caught_by="test_batch_norm_adds_epsilon_to_the_variance",
)
def adds_epsilon_to_the_deviation(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, running: Running, training: bool,
    momentum: float = 0.9, epsilon: float = 1e-5,
) -> Normalised:  # fmt: skip
    _, moved = batch_norm(x, gamma, beta, running, training, momentum, epsilon)
    axes = tuple(range(x.ndim - 1))
    mean, var = (x.mean(axis=axes), x.var(axis=axes)) if training else (running["mean"], running["var"])
    return gamma * (x - mean) / (np.sqrt(var) + epsilon) + beta, moved


@mistake(
    "batch_norm",
    "Your function leaves epsilon out, so a channel that never changes is divided by 0.",
    caught_by="test_batch_norm_adds_epsilon_to_the_variance",
)
def leaves_epsilon_out(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, running: Running, training: bool,
    momentum: float = 0.9, epsilon: float = 1e-5,
) -> Normalised:  # fmt: skip
    with np.errstate(invalid="ignore"):
        return batch_norm(x, gamma, beta, running, training, momentum, 0.0)


@mistake(
    "batch_norm",
    "Your function always takes the usual 0.00001 for epsilon. Use the number that it is given.",
    caught_by="test_batch_norm_adds_epsilon_to_the_variance",
)
def fixes_epsilon(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, running: Running, training: bool,
    momentum: float = 0.9, epsilon: float = 1e-5,
) -> Normalised:  # fmt: skip
    return batch_norm(x, gamma, beta, running, training, momentum)


@mistake(
    "batch_norm",
    "Your function divides without subtracting the mean first.",
    caught_by="test_batch_norm_of_four_numbers",
)
def keeps_the_mean(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, running: Running, training: bool,
    momentum: float = 0.9, epsilon: float = 1e-5,
) -> Normalised:  # fmt: skip
    _, moved = batch_norm(x, gamma, beta, running, training, momentum, epsilon)
    var = x.var(axis=tuple(range(x.ndim - 1))) if training else running["var"]
    return gamma * x / np.sqrt(var + epsilon) + beta, moved


@mistake(
    "batch_norm",
    "Your function forgets gamma and beta. Scale and shift what was normalised.",
    caught_by="test_batch_norm_scales_and_shifts",
)
def forgets_scale_and_shift(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, running: Running, training: bool,
    momentum: float = 0.9, epsilon: float = 1e-5,
) -> Normalised:  # fmt: skip
    return batch_norm(x, np.ones_like(gamma), np.zeros_like(beta), running, training, momentum, epsilon)


@mistake(
    "batch_norm",
    "gamma and beta have changed places: gamma scales, beta shifts.",
    caught_by="test_batch_norm_of_four_numbers",
)
def swaps_scale_and_shift(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, running: Running, training: bool,
    momentum: float = 0.9, epsilon: float = 1e-5,
) -> Normalised:  # fmt: skip
    return batch_norm(x, beta, gamma, running, training, momentum, epsilon)


@mistake(
    "batch_norm",
    "Your function shifts by beta before it scales by gamma, so beta is scaled too. First gamma, then beta.",
    caught_by="test_batch_norm_scales_and_shifts",
)
def shifts_before_it_scales(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, running: Running, training: bool,
    momentum: float = 0.9, epsilon: float = 1e-5,
) -> Normalised:  # fmt: skip
    return batch_norm(x, gamma, gamma * beta, running, training, momentum, epsilon)


@mistake(
    "batch_norm",
    "Your function returns the normalised values only. Return the running averages as well.",
    caught_by="test_batch_norm_of_four_numbers",
)
def returns_no_averages(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, running: Running, training: bool,
    momentum: float = 0.9, epsilon: float = 1e-5,
) -> np.ndarray:  # fmt: skip
    return batch_norm(x, gamma, beta, running, training, momentum, epsilon)[0]


@alternative("batch_norm")
def normalises_rows_of_channels(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, running: Running, training: bool,
    momentum: float = 0.9, epsilon: float = 1e-5,
) -> Normalised:  # fmt: skip
    rows = x.reshape(-1, x.shape[-1])
    mean, var = running["mean"], running["var"]
    if training:
        mean = np.sum(rows, axis=0) / len(rows)
        var = np.sum((rows - mean) ** 2, axis=0) / len(rows)
        running = {
            "mean": running["mean"] + (1 - momentum) * (mean - running["mean"]),
            "var": running["var"] + (1 - momentum) * (var - running["var"]),
        }
    scale = gamma / np.sqrt(var + epsilon)
    return (rows * scale + (beta - mean * scale)).reshape(x.shape), running


@alternative("batch_norm")
def normalises_channel_by_channel(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, running: Running, training: bool,
    momentum: float = 0.9, epsilon: float = 1e-5,
) -> Normalised:  # fmt: skip
    out = np.empty(x.shape, dtype=x.dtype, order="F")
    moved = {name: value.copy() for name, value in running.items()}
    for c in range(x.shape[-1]):
        mean, var = running["mean"][c], running["var"][c]
        if training:
            mean, var = x[..., c].mean(), x[..., c].var()
            moved["mean"][c] = momentum * moved["mean"][c] + (1 - momentum) * mean
            moved["var"][c] = momentum * moved["var"][c] + (1 - momentum) * var
        out[..., c] = gamma[c] * (x[..., c] - mean) * (var + epsilon) ** -0.5 + beta[c]
    return out, moved


@alternative("batch_norm")
def takes_the_mean_of_squares(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, running: Running, training: bool,
    momentum: float = 0.9, epsilon: float = 1e-5,
) -> Normalised:  # fmt: skip
    axes = tuple(range(x.ndim - 1))
    if training:
        batch = {"mean": np.mean(x, axis=axes)}
        batch["var"] = np.mean(x * x, axis=axes) - batch["mean"] ** 2
        out, _ = batch_norm(x, gamma, beta, batch, False, momentum, epsilon)
        return out, {name: momentum * running[name] + (1 - momentum) * batch[name] for name in batch}
    return (x - running["mean"]) / np.sqrt(running["var"] + epsilon) * gamma + beta, dict(running)


# batch_norm_backward


def _back(dout: np.ndarray, x: np.ndarray, epsilon: float) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    """The normalised x, 1 / √(var + epsilon), and the axes of the statistics."""
    axes = tuple(range(x.ndim - 1))
    inv_std = 1 / np.sqrt(x.var(axis=axes) + epsilon)
    return (x - x.mean(axis=axes)) * inv_std, inv_std, axes


@mistake(
    "batch_norm_backward",
    "Your dx takes mean and variance for constants. Both depend on every x of the channel: two more ways for the gradient.",
    caught_by="test_batch_norm_backward_of_four_numbers",
)
def takes_statistics_for_constants(
    dout: np.ndarray, x: np.ndarray, gamma: np.ndarray, epsilon: float = 1e-5
) -> Three:
    _, dgamma, dbeta = batch_norm_backward(dout, x, gamma, epsilon)
    return gamma * _back(dout, x, epsilon)[1] * dout, dgamma, dbeta


@mistake(
    "batch_norm_backward",
    "Your dx takes the variance for a constant. It depends on x too.",
    caught_by="test_batch_norm_backward_of_four_numbers",
)
def takes_the_variance_for_a_constant(
    dout: np.ndarray, x: np.ndarray, gamma: np.ndarray, epsilon: float = 1e-5
) -> Three:
    _, dgamma, dbeta = batch_norm_backward(dout, x, gamma, epsilon)
    _, inv_std, axes = _back(dout, x, epsilon)
    return gamma * inv_std * (dout - dout.mean(axis=axes)), dgamma, dbeta


@mistake(
    "batch_norm_backward",
    "Your dx takes the mean for a constant. It depends on x too.",
    caught_by="test_batch_norm_backward_of_four_numbers",
)
def takes_the_mean_for_a_constant(
    dout: np.ndarray, x: np.ndarray, gamma: np.ndarray, epsilon: float = 1e-5
) -> Three:
    _, dgamma, dbeta = batch_norm_backward(dout, x, gamma, epsilon)
    x_hat, inv_std, axes = _back(dout, x, epsilon)
    return gamma * inv_std * (dout - x_hat * (dout * x_hat).mean(axis=axes)), dgamma, dbeta


@mistake(
    "batch_norm_backward",
    "The shares of the mean and the variance in your dx are not divided by the number of values in a channel.",
    caught_by="test_batch_norm_backward_of_four_numbers",
)
def forgets_to_divide_by_the_count(
    dout: np.ndarray, x: np.ndarray, gamma: np.ndarray, epsilon: float = 1e-5
) -> Three:
    _, dgamma, dbeta = batch_norm_backward(dout, x, gamma, epsilon)
    x_hat, inv_std, _ = _back(dout, x, epsilon)
    return gamma * inv_std * (dout - dbeta - x_hat * dgamma), dgamma, dbeta


@mistake(
    "batch_norm_backward",
    "Your dx divides by the number of images. For images a channel has N · H · W values.",
    caught_by="test_batch_norm_backward_of_images",
)
def divides_by_the_images(dout: np.ndarray, x: np.ndarray, gamma: np.ndarray, epsilon: float = 1e-5) -> Three:
    _, dgamma, dbeta = batch_norm_backward(dout, x, gamma, epsilon)
    x_hat, inv_std, _ = _back(dout, x, epsilon)
    return gamma * inv_std * (dout - (dbeta + x_hat * dgamma) / len(x)), dgamma, dbeta


@mistake(
    "batch_norm_backward",
    "Your dx lacks the factor gamma: the forward pass scales by it after normalising.",
    caught_by="test_batch_norm_backward_of_four_numbers",
)
def leaves_gamma_out_of_dx(
    dout: np.ndarray, x: np.ndarray, gamma: np.ndarray, epsilon: float = 1e-5
) -> Three:
    return (
        batch_norm_backward(dout, x, np.ones_like(gamma), epsilon)[0],
        *batch_norm_backward(dout, x, gamma, epsilon)[1:],
    )


@mistake(
    "batch_norm_backward",
    "Your dx lacks the division by the standard deviation.",
    caught_by="test_batch_norm_backward_of_four_numbers",
)
def leaves_the_deviation_out_of_dx(
    dout: np.ndarray, x: np.ndarray, gamma: np.ndarray, epsilon: float = 1e-5
) -> Three:
    dx, dgamma, dbeta = batch_norm_backward(dout, x, gamma, epsilon)
    return dx / _back(dout, x, epsilon)[1], dgamma, dbeta


@mistake(
    "batch_norm_backward",
    "Your dgamma multiplies dout with x. gamma scales the normalised values: multiply with those.",
    caught_by="test_batch_norm_backward_of_four_numbers",
)
def multiplies_with_x_itself(
    dout: np.ndarray, x: np.ndarray, gamma: np.ndarray, epsilon: float = 1e-5
) -> Three:
    dx, _, dbeta = batch_norm_backward(dout, x, gamma, epsilon)
    return dx, (dout * x).sum(axis=tuple(range(x.ndim - 1))), dbeta


@mistake(
    "batch_norm_backward",
    "Your dgamma and dbeta are means. Every value of the channel adds its share: sum.",
    caught_by="test_batch_norm_backward_of_four_numbers",
)
def averages_dgamma_and_dbeta(
    dout: np.ndarray, x: np.ndarray, gamma: np.ndarray, epsilon: float = 1e-5
) -> Three:
    dx, dgamma, dbeta = batch_norm_backward(dout, x, gamma, epsilon)
    count = x.size // x.shape[-1]
    return dx, dgamma / count, dbeta / count


@mistake(
    "batch_norm_backward",
    "For images your dgamma and dbeta are summed over the batch only. There is one gamma a channel: sum over rows and "
    "columns too.",
    caught_by="test_batch_norm_backward_of_images",
)
def sums_over_the_batch_only(
    dout: np.ndarray, x: np.ndarray, gamma: np.ndarray, epsilon: float = 1e-5
) -> Three:
    dx, _, _ = batch_norm_backward(dout, x, gamma, epsilon)
    return dx, (dout * _back(dout, x, epsilon)[0]).sum(axis=0), dout.sum(axis=0)


@mistake(
    "batch_norm_backward",
    "For images your function normalises every pixel of a channel by itself. The forward pass takes one mean and one "
    "variance over all images and pixels.",
    caught_by="test_batch_norm_backward_of_images",
)
def goes_back_pixel_by_pixel(
    dout: np.ndarray, x: np.ndarray, gamma: np.ndarray, epsilon: float = 1e-5
) -> Three:
    places = x.reshape(len(x), -1)
    wide = np.broadcast_to(gamma, x.shape[1:]).ravel()
    dx, dgamma, dbeta = batch_norm_backward(dout.reshape(places.shape), places, wide, epsilon)
    sums = (gradient.reshape(-1, x.shape[-1]).sum(axis=0) for gradient in (dgamma, dbeta))
    return (dx.reshape(x.shape), *sums)


@mistake(
    "batch_norm_backward",
    "Your variance divides by the number of values less one. That of the forward pass divides by the number of values.",
    caught_by="test_batch_norm_backward_of_four_numbers",
)
def goes_back_with_the_unbiased_variance(
    dout: np.ndarray, x: np.ndarray, gamma: np.ndarray, epsilon: float = 1e-5
) -> Three:
    axes, count = tuple(range(x.ndim - 1)), x.size // x.shape[-1]
    inv_std = 1 / np.sqrt(x.var(axis=axes, ddof=1) + epsilon)
    x_hat = (x - x.mean(axis=axes)) * inv_std
    dgamma, dbeta = (dout * x_hat).sum(axis=axes), dout.sum(axis=axes)
    return gamma * inv_std * (dout - dbeta / count - x_hat * dgamma / (count - 1)), dgamma, dbeta


@mistake(
    "batch_norm_backward",
    "Your function always takes the usual 0.00001 for epsilon. Use the number that it is given, as the forward pass does.",
    caught_by="test_batch_norm_backward_with_a_large_epsilon",
)
def goes_back_with_the_usual_epsilon(
    dout: np.ndarray, x: np.ndarray, gamma: np.ndarray, epsilon: float = 1e-5
) -> Three:
    return batch_norm_backward(dout, x, gamma)


@mistake(
    "batch_norm_backward",
    "The share of the variance has the wrong sign in your dx. A value above the mean raises the variance, and so lowers the "
    "others' normalised values: subtract.",
    caught_by="test_batch_norm_backward_of_four_numbers",
)
def adds_the_share_of_the_variance(
    dout: np.ndarray, x: np.ndarray, gamma: np.ndarray, epsilon: float = 1e-5
) -> Three:
    _, dgamma, dbeta = batch_norm_backward(dout, x, gamma, epsilon)
    x_hat, inv_std, _ = _back(dout, x, epsilon)
    return gamma * inv_std * (dout - (dbeta - x_hat * dgamma) / (x.size // x.shape[-1])), dgamma, dbeta


@mistake(
    "batch_norm_backward",
    "dgamma and dbeta have changed places: the results are dx, dgamma, dbeta.",
    caught_by="test_batch_norm_backward_of_four_numbers",
)
def swaps_dgamma_and_dbeta(
    dout: np.ndarray, x: np.ndarray, gamma: np.ndarray, epsilon: float = 1e-5
) -> Three:
    dx, dgamma, dbeta = batch_norm_backward(dout, x, gamma, epsilon)
    return dx, dbeta, dgamma


@mistake(
    "batch_norm_backward",
    "The gradients are right, but your function scales dout in place. Make a new array with * in place of *=.",
    caught_by=SIDE_EFFECTS,
)
def scales_dout_in_place(dout: np.ndarray, x: np.ndarray, gamma: np.ndarray, epsilon: float = 1e-5) -> Three:
    results = batch_norm_backward(dout, x, gamma, epsilon)
    dout *= gamma.astype(dout.dtype)
    return results


@alternative("batch_norm_backward")
def walks_the_graph_backwards(
    dout: np.ndarray, x: np.ndarray, gamma: np.ndarray, epsilon: float = 1e-5
) -> Three:
    """Each step of the forward pass in turn, as the chain rule has it."""
    rows, upstream = x.reshape(-1, x.shape[-1]), dout.reshape(-1, x.shape[-1])
    count = len(rows)
    centred = rows - rows.mean(axis=0)
    root = np.sqrt((centred**2).mean(axis=0) + epsilon)
    dnormal = upstream * gamma
    dvar = (dnormal * centred).sum(axis=0) * -0.5 / root**3
    dcentred = dnormal / root + dvar * 2 * centred / count
    dx = dcentred - dcentred.sum(axis=0) / count
    return dx.reshape(x.shape), (upstream * centred / root).sum(axis=0), upstream.sum(axis=0)


@alternative("batch_norm_backward")
def multiplies_with_each_jacobian(
    dout: np.ndarray, x: np.ndarray, gamma: np.ndarray, epsilon: float = 1e-5
) -> Three:
    rows, upstream = x.reshape(-1, x.shape[-1]), dout.reshape(-1, x.shape[-1])
    count, dx = len(rows), np.empty(rows.shape, order="F")
    dgamma, dbeta = np.empty(x.shape[-1]), np.empty(x.shape[-1])
    for c in range(x.shape[-1]):
        column = rows[:, c].astype(float)
        root = math.sqrt(column.var() + epsilon)
        x_hat = (column - column.mean()) / root
        jacobian = (np.eye(count) - (1 + np.outer(x_hat, x_hat)) / count) / root
        dx[:, c] = gamma[c] * (jacobian.T @ upstream[:, c])
        dgamma[c], dbeta[c] = x_hat @ upstream[:, c], upstream[:, c].sum()
    return dx.reshape(x.shape), dgamma, dbeta


# random_shift


def _moved(images: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Images moved by (down, right) each, zeros coming in."""
    out = np.zeros_like(images)
    H, W = images.shape[1:3]
    for n, (down, right) in enumerate(moves):
        rows, columns = np.arange(H) - down, np.arange(W) - right
        inside = np.ix_((rows >= 0) & (rows < H), (columns >= 0) & (columns < W))
        out[n][inside] = images[n][np.ix_(rows.clip(0, H - 1), columns.clip(0, W - 1))][inside]
    return out


@mistake(
    "random_shift",
    "What leaves your pictures on one side comes in on the other: np.roll wraps around. It is lost, and zeros come in.",
    caught_by="test_random_shift_moves_and_lets_zeros_in",
)
def wraps_around(images: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    moves = rng.integers(-most, most + 1, size=(len(images), 2))
    return np.stack([np.roll(image, move, axis=(0, 1)) for image, move in zip(images, moves, strict=True)])


@mistake(
    "random_shift",
    "The border of your pictures is repeated where they moved away. Zeros come in.",
    caught_by="test_random_shift_moves_and_lets_zeros_in",
)
def repeats_the_edge(images: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    N, H, W, _ = images.shape
    padded = np.pad(images, ((0, 0), (most, most), (most, most), (0, 0)), mode="edge")
    corners = rng.integers(0, 2 * most + 1, size=(N, 2))
    return np.stack([padded[n, i : i + H, j : j + W] for n, (i, j) in enumerate(corners)])


@mistake(
    "random_shift",
    "All images of your batch move the same way. Draw a move for each.",
    caught_by="test_random_shift_goes_every_way",
)
def moves_all_together(images: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    return _moved(images, np.tile(rng.integers(-most, most + 1, size=2), (len(images), 1)))


@mistake(
    "random_shift",
    "Your pictures move down and up only. Draw a second number, for right and left.",
    caught_by="test_random_shift_goes_every_way",
)
def moves_down_only(images: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    moves = rng.integers(-most, most + 1, size=(len(images), 2))
    moves[:, 1] = 0
    return _moved(images, moves)


@mistake(
    "random_shift",
    "Your pictures move right and left only. Draw a second number, for down and up.",
    caught_by="test_random_shift_goes_every_way",
)
def moves_right_only(images: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    moves = rng.integers(-most, most + 1, size=(len(images), 2))
    moves[:, 0] = 0
    return _moved(images, moves)


@mistake(
    "random_shift",
    "Your pictures move along a diagonal: one number serves for down and for right. Draw two.",
    caught_by="test_random_shift_goes_every_way",
)
def moves_along_the_diagonal(images: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    return _moved(images, np.repeat(rng.integers(-most, most + 1, size=(len(images), 1)), 2, axis=1))


@mistake(
    "random_shift",
    "Your pictures never go the whole way down or right: rng.integers leaves out its upper end. Draw up to most + 1.",
    caught_by="test_random_shift_goes_every_way",
)
def leaves_out_the_farthest(images: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    return _moved(images, rng.integers(-most, max(most, 1 - most), size=(len(images), 2)))


@mistake(
    "random_shift",
    "Your pictures go down and right only. Begin at −most, for up and left.",
    caught_by="test_random_shift_goes_every_way",
)
def never_goes_back(images: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    return _moved(images, rng.integers(0, most + 1, size=(len(images), 2)))


@mistake(
    "random_shift",
    "Your pictures stay near their place more often than not: a rounded normal number is no fair draw. All moves should be "
    "equally likely: rng.integers.",
    caught_by="test_random_shift_goes_every_way",
)
def draws_normal_moves(images: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    moves = np.rint(rng.normal(0, max(most, 1) / 2, size=(len(images), 2))).astype(int)
    return _moved(images, moves.clip(-most, most))


@mistake(
    "random_shift",
    "Your pictures move up to twice as far as they may. A corner drawn from 0 to 2 · most belongs to an array padded by most "
    "on each side.",
    caught_by="test_random_shift_moves_and_lets_zeros_in",
)
def moves_twice_as_far(images: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    return _moved(images, rng.integers(0, 2 * most + 1, size=(len(images), 2)))


@mistake(
    "random_shift",
    "Your function moves the wrong axes: width and channels in place of height and width, which are axes 1 and 2 of the batch.",
    caught_by="test_random_shift_moves_and_lets_zeros_in",
)
def moves_the_channels(images: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    moves = rng.integers(-most, most + 1, size=(len(images), 2))
    return np.moveaxis(_moved(np.moveaxis(images, 1, 3), moves), 3, 1)


@mistake(
    "random_shift",
    "Your function moves the channels apart: each has a move of its own. A pixel's channels belong together.",
    caught_by="test_random_shift_keeps_pixels_together",
)
def moves_channels_apart(images: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    channels = [
        _moved(images[..., c : c + 1], rng.integers(-most, most + 1, size=(len(images), 2)))
        for c in range(images.shape[3])
    ]
    return np.concatenate(channels, axis=3)


@mistake(
    "random_shift",
    "Your function always draws the same moves, from a generator or a seed of its own. Draw from rng.",
    caught_by="test_random_shift_takes_chance_from_its_generator",
)
def moves_by_a_seed_of_its_own(images: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    return random_shift(images, most, np.random.default_rng(0))


@mistake(
    "random_shift",
    "The pictures are right, but not their dtype. An array from np.zeros is float64 unless it is told otherwise.",
    caught_by="test_random_shift_keeps_pixels_together",
)
def fills_float64_pictures(images: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    return random_shift(images, most, rng).astype(np.float64)


@mistake(
    "random_shift",
    "Your function writes the moved pictures into the batch that it was given. Make a new array.",
    caught_by=SIDE_EFFECTS,
)
def moves_the_batch_itself(images: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    images[...] = random_shift(images, most, rng)
    return images


@mistake(
    "random_shift",
    "Your pictures stay in place or go the whole way, never a part of it. All moves from −most to most should be equally "
    "likely.",
    caught_by="test_random_shift_goes_every_way",
)
def jumps_the_whole_way(images: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    return _moved(images, rng.choice([-most, 0, most], size=(len(images), 2)))


@mistake(
    "random_shift",
    "Your pictures go through float32, which keeps some seven digits. float64 has sixteen: make the array in the dtype of "
    "the images.",
    caught_by="test_random_shift_keeps_pixels_together",
)
def moves_float32_pictures(images: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    return random_shift(images.astype(np.float32), most, rng).astype(images.dtype)


@alternative("random_shift")
def cuts_from_a_padded_picture(images: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    H, W = images.shape[1:3]
    out = []
    for image in images:
        padded = np.pad(image, ((most, most), (most, most), (0, 0)))
        i, j = rng.integers(0, 2 * most + 1), rng.integers(0, 2 * most + 1)
        out.append(padded[i : i + H, j : j + W])
    return np.array(out)


@alternative("random_shift")
def copies_what_stays_inside(images: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    return _moved(images, rng.integers(-most, most, size=(len(images), 2), endpoint=True))


@alternative("random_shift")
def picks_windows_of_the_padded_batch(images: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    N, H, W, _ = images.shape
    padded = np.pad(images, ((0, 0), (most, most), (most, most), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (H, W), axis=(1, 2))
    right, down = rng.integers(0, 2 * most + 1, size=(2, N))
    return np.moveaxis(windows[np.arange(N), down, right], 1, 3)


@alternative("random_shift")
def rolls_and_wipes(images: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    out = images.copy()
    ways = list(product(range(-most, most + 1), repeat=2))
    for n, number in enumerate(rng.choice(len(ways), size=len(images))):
        down, right = ways[number]
        image = np.roll(images[n], (down, right), axis=(0, 1))
        image[:down] = 0 if down > 0 else image[:down]
        image[:, :right] = 0 if right > 0 else image[:, :right]
        if down < 0:
            image[down:] = 0
        if right < 0:
            image[:, right:] = 0
        out[n] = image
    return out


spared(DIGITS, "he_init")
