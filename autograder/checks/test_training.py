"""Checks of chapter 8, the four networks."""

from typing import Any

import numpy as np

from autograder.checking.subject import Subject
from autograder.checks.inputs import sevenths, signed
from autograder.inside.functions import Known, Seeded
from course.datasets import digits

Params = dict[str, np.ndarray]


def _seeded(rng: np.random.Generator) -> Seeded:
    return Seeded(int(rng.integers(2**31)))


# sgd_step


def test_sgd_step_on_a_hand_worked_row(sgd_step: Subject, rng: np.random.Generator) -> None:
    """moves 1, 2, −3 to 0.875, 2.5, −3 for the gradient 0.5, −2, 0 and the rate 0.25"""
    sgd_step.agrees(np.array([1.0, 2.0, -3.0]), np.array([0.5, -2.0, 0.0]), 0.25)
    sgd_step.agrees(1 + signed(rng, (3,)), 4 * signed(rng, (3,)), 0.25)


def test_sgd_step_follows_the_gradient(sgd_step: Subject, rng: np.random.Generator) -> None:
    """goes against the gradient, the further the steeper"""
    sgd_step.agrees(signed(rng, (5,)), 8 * signed(rng, (5,)), 0.125)


def test_sgd_step_takes_any_rate(sgd_step: Subject, rng: np.random.Generator) -> None:
    """takes the rate that it is given, also a large one"""
    sgd_step.agrees(signed(rng, (3,)), signed(rng, (3,)), float(rng.integers(2, 6)))


def test_sgd_step_of_filters(sgd_step: Subject, rng: np.random.Generator) -> None:
    """takes arrays of any shape"""
    for shape in [(3, 2, 2, 4), (2, 1, 3, 1)]:
        sgd_step.agrees(signed(rng, shape), signed(rng, shape), 0.5)


def test_sgd_step_keeps_all_digits(sgd_step: Subject, rng: np.random.Generator) -> None:
    """is exact to the last digit in float64, and takes rates that no power of two is"""
    sgd_step.agrees(sevenths(rng, (3, 2)), sevenths(rng, (3, 2)), float(rng.integers(1, 7)) / 7)


def test_sgd_step_stays_float32(sgd_step: Subject, rng: np.random.Generator) -> None:
    """returns float32 for float32"""
    param, grad = (signed(rng, (4, 3)).astype(np.float32) for _ in range(2))
    sgd_step.agrees(param, grad, 0.0625, dtype=np.float32)


# adam_step

# Whoever adds epsilon elsewhere fails the check that is about it, and no other: in these it is 0, or too small beside the
# gradients to be seen.
USUAL = (0.9, 0.999)


def _state(rng: np.random.Generator, shape: tuple[int, ...], t: int) -> dict[str, Any]:
    """What Adam could remember after t steps: a mean of both signs, and a positive mean of squares."""
    return {"m": signed(rng, shape), "v": np.abs(signed(rng, shape)), "t": t}


def _nothing(shape: tuple[int, ...]) -> dict[str, Any]:
    """What Adam remembers before the first step."""
    return {"m": np.zeros(shape), "v": np.zeros(shape), "t": 0}


def test_adam_step_begins_with_a_step_of_the_rate(adam_step: Subject, rng: np.random.Generator) -> None:
    """moves 1, 2 to 0.75, 2.25 in the first step: by the rate 0.25, for a gradient of 0.5 as for one of −4"""
    adam_step.agrees(np.array([1.0, 2.0]), np.array([0.5, -4.0]), _nothing((2,)), 0.25, rtol=1e-5)
    adam_step.agrees(signed(rng, (3,)), 4 * signed(rng, (3,)), _nothing((3,)), 0.25, rtol=1e-5)


def test_adam_step_in_the_middle(adam_step: Subject, rng: np.random.Generator) -> None:
    """mixes the old means with the gradient and its square, each with its own share"""
    for t in (1, 2, 7):
        adam_step.agrees(signed(rng, (4,)), signed(rng, (4,)), _state(rng, (4,), t), 0.125, 0.75, 0.875, 0.0)


def test_adam_step_has_the_usual_settings(adam_step: Subject, rng: np.random.Generator) -> None:
    """takes 0.001, 0.9, 0.999 and 1e-8 unless told otherwise"""
    adam_step.agrees(np.zeros(3), signed(rng, (3,)), _state(rng, (3,), int(rng.integers(2, 6))), rtol=1e-6)
    # Beside gradients this small, 1e-8 counts; so late, nothing is left to correct.
    m, grad = (signed(rng, (3,)) * 2.0**-26 for _ in range(2))
    adam_step.agrees(np.zeros(3), grad, {"m": m, "v": m * m, "t": 10**5 + int(rng.integers(9))})


def test_adam_step_adds_epsilon_to_the_root(adam_step: Subject, rng: np.random.Generator) -> None:
    """adds epsilon to the root of the corrected v, neither under the root nor to the uncorrected one"""
    adam_step.agrees(signed(rng, (3,)), signed(rng, (3,)), _nothing((3,)), 0.5, 0.5, 0.75, 0.5)
    adam_step.agrees(signed(rng, (3,)), signed(rng, (3,)), _state(rng, (3,), 2), 0.5, 0.5, 0.75, 0.25)


def test_adam_step_keeps_all_digits(adam_step: Subject, rng: np.random.Generator) -> None:
    """is exact to the last digit in float64: the parameter, m and v"""
    param, grad, m, root = (sevenths(rng, (2, 3)) for _ in range(4))
    # Gradients are small, so that an epsilon other than 0 is seen.
    state = {"m": m / 64, "v": (root / 64) ** 2, "t": int(rng.integers(2, 6))}
    adam_step.agrees(param, grad / 64, state, 1 / 7, *USUAL, 0.0)


def test_adam_step_late(adam_step: Subject, rng: np.random.Generator) -> None:
    """is right after a thousand steps, and counts on"""
    state = _state(rng, (3,), 1000 + int(rng.integers(9)))
    grad = 2 * signed(rng, (3,))  # not the mean so far, which it would leave as it is
    adam_step.agrees(signed(rng, (3,)), grad, state, 0.25, *USUAL, 0.0)


def test_adam_step_of_filters(adam_step: Subject, rng: np.random.Generator) -> None:
    """takes arrays of any shape, and keeps every entry's means apart"""
    for shape in [(2, 3, 2), (2, 1, 3, 1)]:
        adam_step.agrees(signed(rng, shape), signed(rng, shape), _state(rng, shape, 3), 0.125, *USUAL, 0.0)


def test_adam_step_stays_float32(adam_step: Subject, rng: np.random.Generator) -> None:
    """returns float32 for float32: the parameter, m and v"""
    param, grad, m = (signed(rng, (3, 2)).astype(np.float32) for _ in range(3))
    adam_step.agrees(param, grad, {"m": m, "v": m * m, "t": 4}, 0.125, dtype=np.float32)


# dropout


def _rounding(x: np.ndarray) -> float:
    """By how much the roundings of a few operations in this dtype may change a number, as a share of it."""
    return 8 * float(np.finfo(x.dtype).eps)


def _dropped(dropout: Subject, *args: Any) -> tuple[np.ndarray, np.ndarray]:
    """What dropout returns for these arguments: out and scale, of the shape and dtype of x, with out = x · scale."""
    x, result = args[0], dropout.returns(*args)
    pair = isinstance(result, tuple | list) and len(result) == 2
    dropout.require(pair, "two arrays are asked for, out and scale", *args)
    for name, value in zip(("out", "scale"), result, strict=True):
        right = isinstance(value, np.ndarray) and value.shape == x.shape and value.dtype == x.dtype
        is_one = (
            f"has shape {value.shape} and dtype {value.dtype}" if isinstance(value, np.ndarray) else "is none"
        )
        dropout.require(
            right, f"{name} must be an array of shape {x.shape} and dtype {x.dtype}, but {is_one}", *args
        )
    out, scale = result
    dropout.require(
        bool(np.allclose(out, x * scale, rtol=_rounding(x), atol=0)),
        "out must be x · scale, entry by entry: the backward pass multiplies by the same scale",
        *args, expected=x * scale, got=out,
    )  # fmt: skip
    return out, scale


def test_dropout_leaves_evaluation_alone(dropout: Subject, rng: np.random.Generator) -> None:
    """changes nothing outside of training: out is x, and scale is all ones, in arrays of any shape"""
    for shape in [(3, 4), (5,), (3, 1, 2, 1)]:
        x = sevenths(rng, shape)
        x[rng.integers(3)] = 0.0
        dropout.agrees(x, float(rng.integers(1, 8)) / 8, _seeded(rng), False)


def test_dropout_scales_up_what_stays(dropout: Subject, rng: np.random.Generator) -> None:
    """multiplies each entry by 0 or by 1 / (1 − rate), also an entry that is 0 itself"""
    # All 96 entries the same: a chance of 2 · 0.75⁹⁶ = 2e-12 at most.
    for rate in (0.25, 0.5, 0.75):
        x = signed(rng, (96,))
        x[rng.permutation(96)[:16]] = 0.0
        args = x, rate, _seeded(rng), True
        _, scale = _dropped(dropout, *args)
        off, kept = scale == 0, np.isclose(scale, 1 / (1 - rate))
        dropout.require(
            bool(np.all(off | kept)),
            f"in training with rate {rate:g}, every entry of scale must be 0 or 1 / (1 − rate) = {1 / (1 - rate):.4g}",
            *args, got=scale,
        )  # fmt: skip
        dropout.require(bool(off.any()), "nothing was dropped, although training is True", *args, got=scale)
        dropout.require(bool(kept.any()), f"all was dropped, at rate {rate:g}", *args, got=scale)


def test_dropout_keeps_all_digits(dropout: Subject, rng: np.random.Generator) -> None:
    """is exact to the last digit in float64, at rates that no power of two is"""
    # All 96 entries the same: a chance of 2 · (5/7)⁹⁶ = 2e-14 at most.
    for part in (2, 5):
        args = sevenths(rng, (6, 16)), part / 7, _seeded(rng), True
        _, scale = _dropped(dropout, *args)
        wanted = np.where(scale == 0, 0.0, 1 / (1 - part / 7))
        dropout.require(
            bool(np.allclose(scale, wanted, rtol=_rounding(scale), atol=0)),
            f"at rate {part}/7, what stays must be scaled by 1 / (1 − rate) = {wanted.max():.12g} to the last digit, but "
            f"your scale holds {scale.max():.12g}: some digits were lost on the way",
            *args, expected=wanted, got=scale,
        )  # fmt: skip


def test_dropout_drops_the_share_that_is_asked(dropout: Subject, rng: np.random.Generator) -> None:
    """drops about one entry in eight at rate 0.125, and all but one in eight at rate 0.875"""
    # The share of 1,200 such entries has a standard deviation of 0.0095: 0.07 is more than 7 of them (4e-12).
    for rate in (0.125, 0.875):
        args = np.ones(1200, np.float32), rate, _seeded(rng), True
        _, scale = _dropped(dropout, *args)
        share = float(np.mean(scale == 0))
        dropout.require(
            abs(share - rate) < 0.07,
            f"the share of entries that are dropped must be near the rate, {rate:g}; of 1,200 entries it was {share:.3g}",
            *args,
        )  # fmt: skip


def test_dropout_drops_every_entry_by_itself(dropout: Subject, rng: np.random.Generator) -> None:
    """decides for every entry by itself: neither whole rows nor whole columns go together"""
    # 48 entries each: two equal rows or columns, or a constant one, come with a chance of 1e-11.
    args = np.ones((48, 48), np.float32), 0.5, _seeded(rng), True
    _, scale = _dropped(dropout, *args)
    for lines, name in ((scale, "rows"), (scale.T, "columns")):
        dropout.require(
            len(np.unique(lines, axis=0)) == len(lines),
            f"two {name} of the input lose the same entries: draw a number for every entry, in the shape of x",
            *args, got=scale,
        )  # fmt: skip
        dropout.require(
            bool(np.all(lines.min(axis=1) < lines.max(axis=1))),
            f"whole {name} stay or go together: draw a number for every entry, in the shape of x",
            *args, got=scale,
        )  # fmt: skip


def test_dropout_draws_from_the_generator(dropout: Subject, rng: np.random.Generator) -> None:
    """takes chance from rng alone: the same generator gives the same, another one something else"""
    # Two masks of 64 entries agree with a chance of 2⁻⁶⁴.
    x = signed(rng, (8, 8))
    seed = int(rng.integers(2**31))
    first, again, other = ((x, 0.5, Seeded(number), True) for number in (seed, seed, seed + 1))
    scale = _dropped(dropout, *first)[1]
    dropout.require(
        np.array_equal(scale, _dropped(dropout, *again)[1]),
        "called twice with generators of the same seed, your function drops other entries: it takes chance from "
        "elsewhere, such as np.random. Draw from rng alone",
        *again,
    )  # fmt: skip
    dropout.require(
        not np.array_equal(scale, _dropped(dropout, *other)[1]),
        "called with generators of two different seeds, your function drops the same entries: draw from rng",
        *other,
    )  # fmt: skip


def test_dropout_at_rate_zero(dropout: Subject, rng: np.random.Generator) -> None:
    """drops nothing at rate 0 and something at 0.5, in arrays of any shape and in float32"""
    x = signed(rng, (40, 2, 3, 2)).astype(np.float32)
    x[0, 1] = 0.0
    dropout.agrees(x, 0.0, _seeded(rng), True)
    dropout.agrees(x[:3, :1, :, :1], 0.0, _seeded(rng), True)
    args = x, 0.5, _seeded(rng), True
    _, scale = _dropped(dropout, *args)
    dropout.require(
        set(np.unique(scale)) == {0.0, 2.0}, "at rate 0.5, scale must hold zeros and twos", *args, got=scale
    )


# lenet_logits and lenet_gradients


def _fine(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers from −1 to 1 so fine that sums of their products are neither equal nor 0."""
    return rng.integers(-(2**24), 2**24 + 1, shape) / 2**24


def _lenet(
    rng: np.random.Generator,
    images: tuple[int, int, int, int],
    filters: tuple[int, int] = (3, 4),
    hidden: int = 5,
    classes: int = 6,
) -> tuple[Params, np.ndarray]:
    """Parameters of a digit network, of both signs, and images for it."""
    _, H, W, C = images
    first, second = filters
    length = (H // 4) * (W // 4) * second
    shapes = {
        "filters1": (3, 3, C, first),
        "bias1": (first,),
        "filters2": (3, 3, first, second),
        "bias2": (second,),
        "hidden_w": (length, hidden),
        "hidden_b": (hidden,),
        "output_w": (hidden, classes),
        "output_b": (classes,),
    }
    params = {name: _fine(rng, shape) / np.sqrt(_inputs(shape)) for name, shape in shapes.items()}
    return params, _fine(rng, images)


def _inputs(shape: tuple[int, ...]) -> int:
    """How many numbers each unit of weights of that shape adds up, 1 for biases. Divided by it, sums stay small."""
    return int(np.prod(shape[:-1]))


def _positive(params: Params, images: np.ndarray) -> tuple[Params, np.ndarray]:
    """The same with positive numbers before the output layer, where no ReLU cuts anything off.

    The first class always has a negative logit.
    """
    kept = {
        name: (np.abs(value) + 0.125) / np.sqrt(_inputs(value.shape))
        if "output" not in name
        else value.copy()
        for name, value in params.items()
    }
    for name in ("output_w", "output_b"):
        kept[name][..., 0] = -0.125 - np.abs(kept[name][..., 0])
    return kept, np.abs(images) + 0.125


def _with_negatives(params: Params) -> Params:
    """The same with one unit of each layer far below 0 for every image: every ReLU is seen.

    One filter and one hidden neuron are far above. So no neighbourhood of the first maps is all 0, which would make ties
    in the second pooling: those are for checks of their own.
    """
    kept = {name: value.copy() for name, value in params.items()}
    for name, low in (("bias1", -4.0), ("bias2", -16.0), ("hidden_b", -8.0), ("output_b", -16.0)):
        kept[name][0] = low
    kept["bias1"][1], kept["hidden_b"][1] = 4.0, 8.0
    return kept


def _centre(weight: float) -> np.ndarray:
    """A filter that multiplies every pixel by `weight`."""
    filters = np.zeros((3, 3, 1, 1))
    filters[1, 1] = weight
    return filters


def _chain(first: float, second: float, hidden: float, bias: float) -> Params:
    """A network of one channel, one filter in each layer and one hidden neuron, for 4×4 pixels and two classes."""
    return {
        "filters1": _centre(first),
        "bias1": np.zeros(1),
        "filters2": _centre(second),
        "bias2": np.zeros(1),
        "hidden_w": np.array([[hidden]]),
        "hidden_b": np.array([bias]),
        "output_w": np.array([[1.0, -1.0]]),
        "output_b": np.array([0.0, 0.5]),
    }


def test_lenet_logits_on_a_hand_made_network(lenet_logits: Subject, rng: np.random.Generator) -> None:
    """makes 6.5 and −6 of the pixels 0, 1/8, …, 15/8: twice the largest, times 2, minus 1"""
    lenet_logits.agrees(_chain(1.0, 2.0, 2.0, -1.0), np.arange(16.0).reshape(1, 4, 4, 1) / 8)
    first, second, hidden = 1 + rng.permutation(8)[:3] / 8
    lenet_logits.agrees(_chain(first, second, hidden, -0.5), 1 + np.abs(signed(rng, (1, 4, 4, 1))))


def test_lenet_logits_where_nothing_is_cut_off(lenet_logits: Subject, rng: np.random.Generator) -> None:
    """is right on odd sizes, with positive numbers: windows, padding, pooling and biases show"""
    lenet_logits.agrees(*_positive(*_lenet(rng, (1, 5, 6, 2))))


def test_lenet_logits_flattens_pixel_by_pixel(lenet_logits: Subject, rng: np.random.Generator) -> None:
    """flattens row by row and pixel by pixel, all channels of a pixel side by side"""
    lenet_logits.agrees(*_positive(*_lenet(rng, (1, 8, 12, 1))))


def test_lenet_logits_cuts_off_negatives(lenet_logits: Subject, rng: np.random.Generator) -> None:
    """applies ReLU after each convolution and in the hidden layer"""
    images = np.abs(signed(rng, (2, 4, 4, 1)))
    # In turn, one of the three ReLUs meets nothing but negative numbers; the next layer would turn them round.
    lenet_logits.agrees(_chain(-1.0, -1.0, 1.0, 0.125), images)
    lenet_logits.agrees(_chain(1.0, -1.0, -1.0, 0.125), images)
    lenet_logits.agrees(_chain(1.0, 1.0, -1.0, 0.0), images)


def test_lenet_logits_returns_them_as_they_are(lenet_logits: Subject, rng: np.random.Generator) -> None:
    """applies no activation to the output: logits may be negative, and large"""
    params, images = _positive(*_lenet(rng, (2, 4, 4, 1)))
    scores = np.resize([-1.0, -32.0], params["output_b"].shape)
    lenet_logits.agrees({**params, "output_w": -np.abs(params["output_w"]), "output_b": scores}, images)


def test_lenet_logits_keeps_all_sizes_apart(lenet_logits: Subject, rng: np.random.Generator) -> None:
    """keeps images, height, width, channels, filters, neurons and classes apart"""
    params, images = _lenet(rng, (3, 9, 14, 2))
    lenet_logits.agrees(_with_negatives(params), images)


def test_lenet_logits_in_float32(lenet_logits: Subject, rng: np.random.Generator) -> None:
    """takes float32"""
    params, images = _positive(*_lenet(rng, (2, 4, 8, 3)))
    single = {name: value.astype(np.float32) for name, value in params.items()}
    lenet_logits.agrees(single, images.astype(np.float32))


def _separated(rng: np.random.Generator, count: int) -> tuple[Params, np.ndarray, np.ndarray]:
    """A network, images and labels, where a small step changes no ReLU and no largest pixel.

    Filters take each pixel nearly as it is, and pixels differ by 1/8 at least. One unit of each layer is far below
    0, all others are far above. Of the logits the first is below 0, and the second above.
    """
    params, _ = _lenet(rng, (count, 4, 6, 1), (3, 3), 3, 4)
    for name in ("filters1", "filters2"):
        params[name] = np.abs(params[name]) / 512
        params[name][1, 1] += 1 + np.arange(3) / 4
    params["hidden_w"] = np.abs(params["hidden_w"]) / 8
    params["output_w"] = params["output_w"] / 8
    params["output_b"][:2] = -2.0, 2.0
    for name in ("bias1", "bias2", "hidden_b"):
        params[name] = np.where(np.arange(3) == rng.integers(3), -256.0, 0.5)
    images = np.stack([1 + rng.permutation(24) for _ in range(count)]).reshape(count, 4, 6, 1) / 8
    return params, images, rng.permutation(np.arange(count) % 4)


def _loss_and_gradients(lenet_gradients: Subject, *args: Any) -> tuple[float, Params]:
    """What lenet_gradients returns for these arguments: a number, and an array for each parameter, of its shape."""
    params, result = args[0], lenet_gradients.returns(*args)
    pair = isinstance(result, tuple | list) and len(result) == 2
    lenet_gradients.require(pair, "two things are asked for, the loss and a dict of gradients", *args)
    loss, gradients = result
    loss = loss.item() if isinstance(loss, np.ndarray) and loss.size == 1 else loss
    lenet_gradients.require(
        isinstance(loss, int | float) and bool(np.isfinite(loss)),
        "the first result must be the loss, one finite number",
        *args, got=loss,
    )  # fmt: skip
    lenet_gradients.require(
        isinstance(gradients, dict) and gradients.keys() == params.keys(),
        f"the second result must be a dict with a gradient under each of {', '.join(params)}",
        *args, got=gradients,
    )  # fmt: skip
    for name, value in params.items():
        shape = getattr(gradients[name], "shape", None)
        lenet_gradients.require(
            isinstance(gradients[name], np.ndarray) and shape == value.shape,
            f"the gradient under {name!r} must have the shape of that parameter, {value.shape}, not {shape}",
            *args, got=gradients[name],
        )  # fmt: skip
    return loss, gradients


def test_lenet_gradients_begins_near_the_logarithm_of_ten(
    lenet_gradients: Subject, rng: np.random.Generator
) -> None:
    """says a loss near ln 10 = 2.303 while weights are small: ten classes, all about equally likely"""
    params, images = _lenet(rng, (3, 4, 4, 1), (2, 2), 3, 10)
    small = {name: np.abs(value) / 16 for name, value in params.items()}
    args = small, np.abs(images), rng.permutation(10)[:3]
    # The logits lie between 0 and 0.5, so the loss is less than 0.5 away from ln 10.
    loss, _ = _loss_and_gradients(lenet_gradients, *args)
    lenet_gradients.require(
        abs(loss - np.log(10)) < 0.5,
        f"with weights this small all ten classes are about equally likely, and the loss is near ln 10 = 2.303, "
        f"but yours is {loss:.4g}",
        *args, got=loss,
    )  # fmt: skip
    lenet_gradients.agrees(*args)


def test_lenet_gradients_of_one_image(lenet_gradients: Subject, rng: np.random.Generator) -> None:
    """is right for one image and positive numbers, where no ReLU cuts anything off"""
    params, images = _positive(*_lenet(rng, (1, 4, 5, 2)))
    lenet_gradients.agrees(params, images, rng.integers(6, size=1))


def test_lenet_gradients_stop_at_a_relu(lenet_gradients: Subject, rng: np.random.Generator) -> None:
    """stops each gradient at a ReLU that is off: after either convolution, and in the hidden layer"""
    for name in ("bias1", "bias2", "hidden_b"):
        params, images = _positive(*_lenet(rng, (1, 4, 4, 1)))
        params[name][rng.integers(len(params[name]))] = -512.0
        lenet_gradients.agrees(params, images, rng.integers(6, size=1))


def test_lenet_gradients_is_that_of_the_mean(lenet_gradients: Subject, rng: np.random.Generator) -> None:
    """belongs to the mean loss of all images, one label coming twice"""
    params, images = _positive(*_lenet(rng, (4, 4, 4, 1)))
    lenet_gradients.agrees(params, images, np.array([5, 0, 2, 0]))


def test_lenet_gradients_goes_back_through_the_flattening(
    lenet_gradients: Subject, rng: np.random.Generator
) -> None:
    """brings the gradient back into rows, columns and channels"""
    params, images = _positive(*_lenet(rng, (1, 8, 12, 1)))
    lenet_gradients.agrees(params, images, rng.integers(6, size=1))


def test_lenet_gradients_keeps_all_sizes_apart(lenet_gradients: Subject, rng: np.random.Generator) -> None:
    """keeps images, height, width, channels, filters, neurons and classes apart, with edges that pooling leaves out"""
    params, images = _lenet(rng, (3, 9, 14, 2))
    lenet_gradients.agrees(_with_negatives(params), images, rng.integers(6, size=3))


def test_lenet_gradients_fits_its_own_loss(lenet_gradients: Subject, rng: np.random.Generator) -> None:
    """passes a gradient check: a small step in any parameter changes your loss as your gradient says"""
    params, images, labels = _separated(rng, 2)
    _, gradients = _loss_and_gradients(lenet_gradients, params, images, labels)
    h = 2.0**-17  # the rounding of a loss near 2, over 2h, is some 5e-11
    for name, value in params.items():
        direction = signed(rng, value.shape) / np.sqrt(value.size)
        above, below = (
            _loss_and_gradients(lenet_gradients, {**params, name: value + step * direction}, images, labels)[
                0
            ]
            for step in (h, -h)
        )
        slope, terms = (above - below) / (2 * h), gradients[name] * direction
        size = float(np.abs(terms).sum())
        lenet_gradients.require(
            size > 0 and abs(slope - terms.sum()) < 1e-6 * size + 1e-9,
            f"a step of h in {name!r} changes your loss by {slope:.6g} · h, but your gradient says "
            f"{terms.sum():.6g} · h",
            params, images, labels, got=gradients[name],
        )  # fmt: skip


def test_lenet_gradients_in_float32(lenet_gradients: Subject, rng: np.random.Generator) -> None:
    """takes float32"""
    params, images, labels = _separated(rng, 3)
    single = {name: value.astype(np.float32) for name, value in params.items()}
    lenet_gradients.agrees(single, images.astype(np.float32), labels)


# train


def _data(**sets: tuple[np.ndarray, np.ndarray]) -> dict[str, np.ndarray]:
    """Images and labels of the sets train, validation and test, named as `train` wants them."""
    return {
        f"{name}_{what}": values
        for name, pair in sets.items()
        for what, values in zip(("images", "labels"), pair, strict=True)
    }


def _three_sets(rng: np.random.Generator, count: int) -> dict[str, np.ndarray]:
    """Three different sets of small images with three classes, the first of `count` images.

    In the other two each image comes with every label, so that any network gets a third of them right: what a loop
    measures, and when, is for a check of its own. Of 20 images no network gets a third right. Pixels are large, so that
    gradients are, and it makes no difference to what an epsilon of 1e-8 is added.
    """
    every = np.arange(6) % 3
    return _data(
        train=(256 * signed(rng, (count, 2, 3, 1)), np.arange(count) % 3),
        validation=(np.repeat(1024 * signed(rng, (2, 2, 3, 1)), 3, axis=0), every),
        test=(np.repeat(1024 * signed(rng, (2, 2, 3, 1)), 3, axis=0), every),
    )


def _one_layer(rng: np.random.Generator) -> tuple[Known, Known, Params]:
    """A network of one linear layer for those images, whose weights are small and not 0."""
    params = {"w": signed(rng, (6, 3)) / 2**13, "b": signed(rng, (3,))}
    return Known("one_layer_logits"), Known("one_layer_gradients"), params


def _watched(watch: str, images: np.ndarray) -> tuple[Known, Known, Params, dict[str, np.ndarray]]:
    """What lets the gradients' losses tell what the loop hands out: images of one pixel, each its own label."""
    labels = np.arange(len(images))
    pairs = images.reshape(-1, 1, 1, 1), labels
    few = np.zeros((2, 1, 1, 1)), np.zeros(2, int)
    params = {"w": np.zeros((1, 2)), "b": np.zeros(2)}
    return Known("one_layer_logits"), Known(watch), params, _data(train=pairs, validation=few, test=few)


def _trained(train: Subject, *args: Any) -> tuple[Params, np.ndarray]:
    """What train returns for these arguments: finite parameters, and the losses, a number for each step."""
    _, _, params, data, _, epochs, batch_size, _ = args
    steps = epochs * -(-len(data["train_labels"]) // batch_size)
    result = train.returns(*args)
    pair = isinstance(result, tuple | list) and len(result) == 2 and all(isinstance(r, dict) for r in result)
    train.require(pair, "two dicts are asked for, the parameters and the history", *args)
    trained, history = result
    wanted = {
        **{name: value.shape for name, value in params.items()},
        "loss": (steps,),
        "accuracy": (epochs,),
    }
    for name, shape in wanted.items():
        value = history.get(name) if name in ("loss", "accuracy") else trained.get(name)
        train.require(
            isinstance(value, np.ndarray) and value.shape == shape and bool(np.all(np.isfinite(value))),
            f"{name!r} must be an array of finite numbers of shape {shape}, not "
            f"{getattr(value, 'shape', type(value).__name__)}; a loss belongs to each step, an accuracy to each epoch",
            *args, got=value,
        )  # fmt: skip
    return trained, history["loss"]


def _calls(train: Subject, losses: np.ndarray, count: int, *args: Any) -> np.ndarray:
    """How often each of `count` images came at each step (steps, count), which the losses of "roll_call" tell."""
    whole = losses.astype(float)
    readable = bool(np.all((whole == np.round(whole)) & (whole >= 0) & (whole < 16.0**count)))
    train.require(
        readable, "the losses in the history must be those that `gradients` gave, one a step", *args
    )
    return np.array([[int(loss) // 16**image % 16 for image in range(count)] for loss in whole])


def test_train_takes_one_step(train: Subject, rng: np.random.Generator) -> None:
    """takes one step of Adam, if one batch holds all training images and there is one epoch"""
    train.agrees(*_one_layer(rng), _three_sets(rng, 20), _seeded(rng), 1, 20, 2.0**-13, rtol=1e-5)


def test_train_measures_on_validation_images(train: Subject, rng: np.random.Generator) -> None:
    """measures accuracy after each epoch, on validation images: 3 of 4 are right, none was before"""
    images = [np.abs(signed(rng, (count, 2, 3, 1))) for count in (5, 4, 3)]
    sets = zip(images, ([0, 0, 0, 0, 0], [0, 0, 0, 2], [1, 1, 0]), strict=True)
    train_set, validation, test = ((images, np.array(labels)) for images, labels in sets)
    # The bias says class 1 to all. Training knows class 0 alone, so that a single step at this rate turns that round.
    params = {"w": np.zeros((6, 3)), "b": np.array([0.0, 1.0, 0.0])}
    network = Known("one_layer_logits"), Known("one_layer_gradients"), params
    data = _data(train=train_set, validation=validation, test=test)
    train.agrees(*network, data, _seeded(rng), 2, 5, 2.0, rtol=1e-5)


def test_train_remembers_from_step_to_step(train: Subject, rng: np.random.Generator) -> None:
    """keeps Adam's memory of each parameter from step to step, and takes each gradient by itself"""
    train.agrees(*_one_layer(rng), _three_sets(rng, 20), _seeded(rng), 5, 32, 2.0**-14, rtol=1e-5)


def test_train_steps_once_a_batch(train: Subject, rng: np.random.Generator) -> None:
    """takes a step after each batch, also after a last one that is smaller"""
    # All training images are the same, so that their order makes no difference.
    data = _three_sets(rng, 7)
    data["train_images"][:], data["train_labels"][:] = data["train_images"][0], 2
    train.agrees(*_one_layer(rng), data, _seeded(rng), 2, 3, 2.0**-12, rtol=1e-5)


def test_train_sees_every_image_once_an_epoch(train: Subject, rng: np.random.Generator) -> None:
    """hands each image to `gradients` once in every epoch, in batches of four; the last has three"""
    args = *_watched("roll_call", rng.permutation(np.arange(11.0))), _seeded(rng), 3, 4, 0.125
    _, losses = _trained(train, *args)
    came = _calls(train, losses, 11, *args)
    train.require(
        came.sum(axis=1).tolist() == [4, 4, 3] * 3,
        f"batches of 4 from 11 images are 4, 4, 3, in each epoch anew; yours hold {came.sum(axis=1).tolist()}",
        *args,
    )  # fmt: skip
    train.require(
        bool(np.all(came.reshape(3, 3, 11).sum(axis=1) == 1)),
        "within an epoch some images come twice, or never: go through a new order of all of them",
        *args,
    )  # fmt: skip


# A new order of 12 images leaves each of the 12 beside its neighbour (the last beside the first) with a chance of 2/11:
# of 96 in eight epochs some 17 stay, and that more than half do has a chance of 1e-11. A rotation, or an order in which
# two images changed places, leaves 64 at least.
_EPOCHS = 8


def _still_beside(orders: np.ndarray, before: np.ndarray) -> float:
    """The share of images that have the same image beside them as in the order before, one row of each for an epoch."""
    places = np.argsort(before, axis=1)
    steps = np.take_along_axis(places, orders, axis=1) - np.take_along_axis(
        places, np.roll(orders, -1, axis=1), axis=1
    )
    return float(np.mean(np.isin(np.abs(steps), (1, orders.shape[1] - 1))))


def test_train_takes_a_new_order_in_each_epoch(train: Subject, rng: np.random.Generator) -> None:
    """puts the images into a new order in each epoch, with rng: all of them, neither turned nor swapped in part"""
    watched, seed = _watched("roll_call", np.arange(12.0)), int(rng.integers(2**31))
    first, again, other = ((*watched, Seeded(number), _EPOCHS, 1, 0.125) for number in (seed, seed, seed + 1))
    losses = _trained(train, *first)[1]
    orders = _calls(train, losses, 12, *first).argmax(axis=1).reshape(_EPOCHS, 12)
    given = np.broadcast_to(np.arange(12), orders.shape)
    train.require(
        bool(np.any(orders != given)), "the images come in the order in which they are given", *first
    )
    train.require(
        bool(np.any(orders != orders[0])), "all epochs go through the images in the same order", *first
    )
    for before, name in ((given, "they are given"), (np.roll(orders, 1, axis=0), "the epoch before")):
        share = _still_beside(orders, before)
        train.require(
            share < 0.5,
            f"{100 * share:.0f}% of the images keep the neighbour that they have in {name}, as in an order that was only "
            "turned, or in which few images changed places: draw a new order of all images, such as rng.permutation makes",
            *first,
        )  # fmt: skip
    train.require(
        np.array_equal(losses, _trained(train, *again)[1]),
        "called twice with generators of the same seed, your function takes other orders: draw from rng alone",
        *again,
    )  # fmt: skip
    train.require(
        not np.array_equal(losses, _trained(train, *other)[1]),
        "called with generators of two different seeds, your function takes the same orders: draw from rng",
        *other,
    )  # fmt: skip


def test_train_makes_new_batches_in_each_epoch(train: Subject, rng: np.random.Generator) -> None:
    """deals the images into other batches in each epoch"""
    # Two of 12 images share a batch of 3 with a chance of 2/11: of 96 pairs of neighbours in eight epochs some 17 do.
    args = *_watched("roll_call", np.arange(12.0)), _seeded(rng), _EPOCHS, 3, 0.125
    _, losses = _trained(train, *args)
    came = _calls(train, losses, 12, *args).reshape(_EPOCHS, 4, 12)
    together = np.einsum("ebi,ebj->eij", came, came) * (1 - np.eye(12))
    given = np.kron(np.eye(4), np.ones((3, 3)))
    for before in (np.broadcast_to(given, together.shape), np.roll(together, 1, axis=0)):
        same = float(np.sum(together * before) / max(np.sum(together), 1))
        train.require(
            same < 0.5,
            f"{100 * same:.0f}% of the images that share a batch did so before: put the images into a new order, not the "
            "batches, nor the images within a batch",
            *args,
        )  # fmt: skip


def test_train_keeps_images_with_their_labels(train: Subject, rng: np.random.Generator) -> None:
    """keeps every image with its own label"""
    args = *_watched("pairs", np.arange(32.0)), _seeded(rng), 3, 8, 0.125
    _, losses = _trained(train, *args)
    train.require(
        losses.tolist() == [8.0] * 12,
        "images and labels went apart: each image must come with its own label, so put both into the same order",
        *args, expected=np.full(12, 8.0), got=losses,
    )  # fmt: skip


def test_train_hands_on_the_generator(train: Subject, rng: np.random.Generator) -> None:
    """hands rng on to `gradients`, whose dropout needs new numbers at each step, after the seed's own"""
    # Two numbers of 53 bits agree with a chance of 1e-16.
    watched, seed = _watched("die", np.arange(6.0)), int(rng.integers(2**31))
    first, other = ((*watched, Seeded(number), 2, 2, 0.125) for number in (seed, seed + 1))
    losses = _trained(train, *first)[1]
    train.require(
        len(np.unique(losses)) == len(losses),
        "`gradients` gets the same random numbers at each step: hand on rng itself, not a new generator",
        *first, got=losses,
    )  # fmt: skip
    train.require(
        np.array_equal(losses, _trained(train, *first)[1]),
        "called twice with generators of the same seed, `gradients` draws other numbers: hand on rng",
        *first,
    )  # fmt: skip
    train.require(
        not np.any(losses == _trained(train, *other)[1]),
        "called with generators of two different seeds, `gradients` draws the same numbers: hand on rng",
        *other,
    )  # fmt: skip


def _network(rng: np.random.Generator) -> tuple[Known, Known, Params]:
    """A convolution with eight filters, ReLU and a linear layer, for 8×8 pixels; its weights are small."""
    params = {
        "filters": rng.integers(-8, 9, (9, 8)) / 16,
        "bias": np.zeros(8),
        "w": rng.integers(-8, 9, (288, 10)) / 256,
        "b": np.zeros(10),
    }
    network = Known("network_logits"), Known("network_gradients")
    return *network, {name: value.astype(np.float32) for name, value in params.items()}


def _some_digits(count: int) -> dict[str, np.ndarray]:
    """The first `count` training images of the bundled digits, ten for validation, and one with ten labels for the test.

    So no epoch is better than another on the test set, and who chooses by it always chooses the first.
    """
    some = {name: values[: count if name.startswith("train") else 10] for name, values in digits().items()}
    return {
        **some,
        "test_images": np.repeat(some["test_images"][:1], 10, axis=0),
        "test_labels": np.arange(10),
    }


def _share_right(params: Params, images: np.ndarray, labels: np.ndarray) -> float:
    return float(np.mean(Known("network_logits")(params, images).argmax(axis=1) == labels))


def test_train_begins_near_the_logarithm_of_ten(train: Subject, rng: np.random.Generator) -> None:
    """says ln 10 = 2.303 or nearly so first, while weights are small, and learns 100 digits by heart"""
    data = _some_digits(100)
    args = *_network(rng), data, _seeded(rng), 20, 20, 0.02
    params, losses = _trained(train, *args)
    train.require(
        abs(float(losses[0]) - np.log(10)) < 1,
        f"the first loss must be that of ten classes about equally likely, near ln 10 = 2.303, not {losses[0]:.4g}",
        *args,
    )  # fmt: skip
    right = _share_right(params, data["train_images"], data["train_labels"])
    train.require(
        right == 1,
        f"this network can learn 100 digits by heart in 20 epochs, but knows only {100 * right:.0f} of them",
        *args,
    )  # fmt: skip


def _kept_back() -> tuple[np.ndarray, np.ndarray]:
    """Test images of the bundled digits, those of them whose 15 nearest training images show the same digit.

    After learning from 600 images, this small network gets 96% of all 360 test images right, and between 94% and
    98% with other seeds: where the line of 98% was passed, luck would say. Of these 240 it gets 99% and more.
    They are chosen so because the check judges the loop, not the network.
    """
    data = digits()
    known, new = (data[name].reshape(-1, 64).astype(float) for name in ("train_images", "test_images"))
    distances = (new**2).sum(axis=1)[:, None] - 2 * new @ known.T + (known**2).sum(axis=1)
    nearest = data["train_labels"][np.argsort(distances, axis=1, kind="stable")[:, :15]]
    clear = np.all(nearest == data["test_labels"][:, None], axis=1)
    return data["test_images"][clear], data["test_labels"][clear]


def test_train_recognises_new_digits(train: Subject, rng: np.random.Generator) -> None:
    """reaches 98% on 240 clearly written digits that were never handed to your function"""
    args = *_network(rng), _some_digits(600), _seeded(rng), 15, 32, 0.002
    params, _ = _trained(train, *args)
    right = _share_right(params, *_kept_back())
    train.require(
        right >= 0.98,
        f"this network must get 98% of 240 new digits right after 15 epochs, but gets {100 * right:.1f}%",
        *args,
    )  # fmt: skip
