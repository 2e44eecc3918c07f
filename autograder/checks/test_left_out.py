"""Checks of chapter 11, left_out."""

import numpy as np

from autograder.checking.subject import Subject
from autograder.checks.inputs import Draw, sevenths, signed
from autograder.inside.functions import Seeded


def _seeds(rng: np.random.Generator) -> tuple[Seeded, Seeded]:
    """Two generators that draw different numbers."""
    first, second = rng.choice(2**31, 2, replace=False)
    return Seeded(int(first)), Seeded(int(second))


# he_init

# 1000 numbers and more. Their mean strays from 0 by 1/√1000 of the standard deviation, and the standard deviation from
# the right one by 1/√2000 of itself. Seven times that is allowed, 16%, which a right function misses less than
# once in 10¹¹ draws; the mistakes are off by 29% and more, eight times what their own draws stray.


def _drawn(he_init: Subject, rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[tuple, np.ndarray]:
    """Arguments of a call, and the array of float64 that came back, if it is one of that shape."""
    args = (shape, _seeds(rng)[0])
    weights = he_init.returns(*args)
    right = isinstance(weights, np.ndarray) and weights.shape == shape and weights.dtype.kind == "f"
    he_init.require(right, f"the result must be an array of float32 of shape {shape}", *args, got=weights)
    return args, weights.astype(np.float64)


def _spreads(he_init: Subject, rng: np.random.Generator, shape: tuple[int, ...], inputs: int) -> None:
    args, weights = _drawn(he_init, rng, shape)
    found, wanted = float(np.sqrt(np.mean(weights**2))), (2 / inputs) ** 0.5
    # Numbers that come again and again stray further; whether all are new is for another check to say.
    different = np.unique(weights).size
    he_init.require(
        abs(found / wanted - 1) < min(7 / (2 * different) ** 0.5, 0.9),
        f"one output of a layer of shape {shape} is summed from {inputs} numbers, so the standard deviation should be "
        f"√(2/{inputs}) = {wanted:.3g}; that of your numbers is {found:.3g}",
        *args, got=weights,
    )  # fmt: skip


def test_he_init_makes_float32_of_that_shape(he_init: Subject, rng: np.random.Generator) -> None:
    """makes an array of float32 of that shape, with numbers of its own in every place"""
    for shape in ((5, 3), (2, 3, 4, 7), (3, 1, 4, 1)):
        args, weights = _drawn(he_init, rng, shape)
        dtype = getattr(he_init.returns(*args), "dtype", None)
        he_init.require(dtype == np.float32, "the dtype of the weights must be float32", *args)
        he_init.require(
            bool(np.all(np.isfinite(weights))) and np.unique(weights).size > weights.size / 2,
            "every weight should be a random number of its own; many of yours are the same",
            *args, got=weights,
        )  # fmt: skip
        # A thousandth of 1/10000 beside a multiple of it lies one number in 500.
        fine = weights * 1e4
        he_init.require(
            float(np.mean(np.abs(fine - np.rint(fine)) < 1e-3)) < 0.5,
            "many of your weights are rounded to four digits: leave them as they are drawn",
            *args, got=weights,
        )  # fmt: skip


def test_he_init_of_a_linear_layer(he_init: Subject, rng: np.random.Generator) -> None:
    """spreads the weights of a linear layer by √(2/D), for few inputs and for many"""
    _spreads(he_init, rng, (100, 10), 100)
    _spreads(he_init, rng, (10, 100), 10)


def test_he_init_of_a_convolution(he_init: Subject, rng: np.random.Generator) -> None:
    """spreads the filters of a convolution by √(2/(F_h·F_w·C))"""
    _spreads(he_init, rng, (2, 5, 4, 25), 40)


def test_he_init_is_normal_around_0(he_init: Subject, rng: np.random.Generator) -> None:
    """draws from a normal distribution with mean 0"""
    args, weights = _drawn(he_init, rng, (8, 225))
    spread = float(weights.std())
    he_init.require(
        abs(weights.mean()) < 7 * spread / weights.size**0.5,
        f"the mean of the weights should be 0; that of yours is {weights.mean():.3g}, and their spread {spread:.3g}",
        *args, got=weights,
    )  # fmt: skip
    # 1.24% of a normal distribution lie farther out than 2.5 standard deviations: of 1800 numbers some 22, and that
    # none does has a chance of e⁻²². A uniform distribution ends at 1.73; one cut off at two deviations and widened to
    # make up for it, Keras's "he_normal", at 2.27.
    he_init.require(
        float(np.abs(weights - weights.mean()).max()) > 2.5 * spread,
        "of 1800 normal numbers some lie farther from 0 than 2.5 standard deviations, and none of yours does: they are "
        "uniform, or cut off",
        *args, got=weights,
    )  # fmt: skip


def test_he_init_takes_chance_from_its_generator(he_init: Subject, rng: np.random.Generator) -> None:
    """draws from the generator that it is given: the same seed, the same weights"""
    first, second = _seeds(rng)
    _, weights = _drawn(he_init, rng, (6, 5))
    weights = he_init.returns((6, 5), first)
    he_init.require(
        np.array_equal(weights, he_init.returns((6, 5), first)),
        "called twice, each time with a new generator of the same seed, your function made two different arrays: draw "
        "from rng alone",
        (6, 5), first, got=weights,
    )  # fmt: skip
    he_init.require(
        not np.array_equal(weights, he_init.returns((6, 5), second)),
        "called with two generators of different seeds, your function made the same array twice: draw from rng",
        (6, 5), second, got=weights,
    )  # fmt: skip


# batch_norm


def _running(rng: np.random.Generator, channels: int) -> dict[str, np.ndarray]:
    """Averages unlike those of any batch here: means around 40, variances around 20."""
    return {
        "mean": 40 + rng.permutation(channels) / 8,
        "var": 20 + rng.permutation(channels) / 8,
    }


def _batch(
    rng: np.random.Generator, shape: tuple[int, ...], numbers: Draw = signed
) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict]:
    """(x, gamma, beta, running) that fit together; every channel has a mean and a variance of its own."""
    C = shape[-1]
    x = numbers(rng, shape) * (1 + np.arange(C)) + np.arange(C)
    gamma, beta = 2 + rng.permutation(C) / 8, 1 + signed(rng, (C,))
    return x, gamma, beta, _running(rng, C)


def test_batch_norm_of_four_numbers(batch_norm: Subject, rng: np.random.Generator) -> None:
    """turns 1, 3, 5, 7, of mean 4 and variance 5, into −1.3416, −0.4472, 0.4472, 1.3416"""
    x = np.array([[1.0], [3.0], [5.0], [7.0]])
    one, zero = np.ones(1), np.zeros(1)
    batch_norm.agrees(x, one, zero, {"mean": zero, "var": one}, True)
    batch_norm.agrees(*_batch(rng, (4, 1)), True)


def test_batch_norm_scales_and_shifts(batch_norm: Subject, rng: np.random.Generator) -> None:
    """treats every column by itself, then scales by gamma and shifts by beta"""
    batch_norm.agrees(*_batch(rng, (5, 3)), True)
    batch_norm.agrees(*_batch(rng, (4, 4), sevenths), True)


def test_batch_norm_of_images(batch_norm: Subject, rng: np.random.Generator) -> None:
    """takes the statistics of a channel over all images and all pixels"""
    batch_norm.agrees(*_batch(rng, (3, 3, 3, 3)), True)
    batch_norm.agrees(*_batch(rng, (2, 4, 3, 5)), True)


def test_batch_norm_moves_the_running_averages(batch_norm: Subject, rng: np.random.Generator) -> None:
    """keeps the share `momentum` of the running averages and takes the rest from the batch"""
    batch_norm.agrees(*_batch(rng, (2, 2)), True, 0.75)
    batch_norm.agrees(*_batch(rng, (3, 2, 1, 2)), True, 0.25)


def test_batch_norm_in_use(batch_norm: Subject, rng: np.random.Generator) -> None:
    """normalises with the running averages where it does not train, a single image too, and leaves them"""
    batch_norm.agrees(*_batch(rng, (3, 2)), False)
    batch_norm.agrees(*_batch(rng, (1, 2, 3, 2)), False, 0.5)


def test_batch_norm_adds_epsilon_to_the_variance(batch_norm: Subject, rng: np.random.Generator) -> None:
    """adds epsilon to the variance, under the root: a channel that never changes gives beta"""
    x, gamma, beta, running = _batch(rng, (4, 3))
    batch_norm.agrees(x, gamma, beta, running, True, 0.9, 0.5)
    batch_norm.agrees(x, gamma, beta, running, False, 0.9, 2.0)
    still = x.copy()
    still[:, 1] = 2.5
    batch_norm.agrees(still, gamma, beta, running, True)


def test_batch_norm_in_float32(batch_norm: Subject, rng: np.random.Generator) -> None:
    """takes float32"""
    for training in (True, False):
        x, gamma, beta, running = _batch(rng, (3, 2, 2, 2))
        small = {name: value.astype(np.float32) for name, value in running.items()}
        batch_norm.agrees(*(array.astype(np.float32) for array in (x, gamma, beta)), small, training)


# batch_norm_backward


def _upstream(
    rng: np.random.Generator, shape: tuple[int, ...], numbers: Draw = signed
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(dout, x, gamma) that fit together."""
    x, gamma, _, _ = _batch(rng, shape, numbers)
    return numbers(rng, shape), x, gamma


def test_batch_norm_backward_of_four_numbers(batch_norm_backward: Subject, rng: np.random.Generator) -> None:
    """carries a gradient of 1 on the last of 1, 3, 5, 7 back to all four: it moves mean and variance"""
    x, dout = np.array([[1.0], [3.0], [5.0], [7.0]]), np.array([[0.0], [0.0], [0.0], [1.0]])
    batch_norm_backward.agrees(dout, x, np.full(1, 2.0))
    batch_norm_backward.agrees(*_upstream(rng, (4, 1)))


def test_batch_norm_backward_of_columns(batch_norm_backward: Subject, rng: np.random.Generator) -> None:
    """treats every column by itself, also where there are as many columns as rows"""
    batch_norm_backward.agrees(*_upstream(rng, (5, 3)))
    batch_norm_backward.agrees(*_upstream(rng, (4, 4), sevenths))


def test_batch_norm_backward_of_images(batch_norm_backward: Subject, rng: np.random.Generator) -> None:
    """adds up over all images and all pixels of a channel"""
    batch_norm_backward.agrees(*_upstream(rng, (3, 3, 3, 3)))
    batch_norm_backward.agrees(*_upstream(rng, (2, 4, 3, 5)))


def test_batch_norm_backward_where_the_gradient_is_the_same_everywhere(
    batch_norm_backward: Subject, rng: np.random.Generator
) -> None:
    """mixes channels of one gradient and of many: where dout is the same everywhere, dx is 0"""
    dout, x, gamma = _upstream(rng, (6, 2))
    dout[:, 0] = 1.5
    batch_norm_backward.agrees(dout, x, gamma)


def test_batch_norm_backward_with_a_large_epsilon(
    batch_norm_backward: Subject, rng: np.random.Generator
) -> None:
    """uses epsilon as the forward pass does"""
    batch_norm_backward.agrees(*_upstream(rng, (5, 2)), 0.5)
    batch_norm_backward.agrees(*_upstream(rng, (2, 3, 2, 2)), 4.0)


def test_batch_norm_backward_in_float32(batch_norm_backward: Subject, rng: np.random.Generator) -> None:
    """takes float32"""
    batch_norm_backward.agrees(*(array.astype(np.float32) for array in _upstream(rng, (3, 2, 2, 2))))


# random_shift


def _pictures(rng: np.random.Generator, shape: tuple[int, int, int, int]) -> np.ndarray:
    """Pictures without a zero, no two pixels of one alike: what is left of a moved one tells how far it went."""
    return np.abs(signed(rng, shape))


def _shifted(images: np.ndarray, down: int, right: int) -> np.ndarray:
    """All images moved by that many pixels, with zeros coming in."""
    (_, H, W, _), moved = images.shape, np.zeros_like(images)
    moved[:, max(down, 0) : H + min(down, 0), max(right, 0) : W + min(right, 0)] = images[
        :, max(-down, 0) : H - max(down, 0), max(-right, 0) : W - max(right, 0)
    ]
    return moved


def _moves(random_shift: Subject, images: np.ndarray, most: int, seed: Seeded) -> np.ndarray:
    """How far the function moved each image, (N, 2): down and right; requires that each is a moved one."""
    args = (images, most, seed)
    result = random_shift.returns(*args)
    random_shift.require(
        isinstance(result, np.ndarray) and result.shape == images.shape,
        f"the result must have the shape of the images, {images.shape}",
        *args, got=result,
    )  # fmt: skip
    steps = [(down, right) for down in range(-most, most + 1) for right in range(-most, most + 1)]
    same = np.array(
        [np.all(_shifted(images, *step) == result, axis=(1, 2, 3)) for step in steps]
    )  # (steps, N)
    odd = int(np.argmin(same.any(axis=0)))
    rolled = any(np.array_equal(np.roll(images[odd], step, axis=(0, 1)), result[odd]) for step in steps)
    how = "what leaves on one side comes in on the other" if rolled else "it is none of these"
    random_shift.require(
        bool(same.any(axis=0).all()),
        f"image {odd} of the result must be image {odd} moved by −{most} to {most} pixels down and right, with zeros "
        f"coming in, but {how}",
        *args, expected=images[odd], got=result[odd],
    )  # fmt: skip
    return np.array(steps)[np.argmax(same, axis=0)]


def test_random_shift_moves_and_lets_zeros_in(random_shift: Subject, rng: np.random.Generator) -> None:
    """moves pictures by whole pixels, and lets zeros in"""
    # Every one of the eight may stay where it is with a chance of 1/25: all of them, with 7 in 10¹².
    images, (seed, other) = _pictures(rng, (8, 4, 5, 1)), _seeds(rng)
    moves = _moves(random_shift, images, 2, seed)
    random_shift.require(bool(np.any(moves)), "no image has moved", images, 2, seed)
    _moves(random_shift, images, 0, other)


def test_random_shift_keeps_pixels_together(random_shift: Subject, rng: np.random.Generator) -> None:
    """moves all channels of a pixel together, and keeps the dtype and all digits"""
    for dtype in (np.float32, np.float64, np.uint8):
        images = (8 * _pictures(rng, (8, 3, 4, 2))).astype(dtype)  # 1 to 192
        if dtype == np.float64:
            images = sevenths(rng, images.shape)
        # Who moves all images alike moves none now and then: in one of 25 calls, hardly in eight one after the other.
        seeds = [_seeds(rng)[0] for _ in range(8)]
        seed = next((one for one in seeds if np.any(_moves(random_shift, images, 2, one))), None)
        random_shift.require(seed is not None, "no image has moved", images, 2, seeds[0])
        found = getattr(random_shift.returns(images, 2, seed), "dtype", "no array")
        random_shift.require(
            found == dtype, f"the images are {images.dtype}, the result is {found}", images, 2, seed
        )


def test_random_shift_goes_every_way(random_shift: Subject, rng: np.random.Generator) -> None:
    """moves every image on its own, down, up, left and right, any number of pixels as often as any other"""
    for most in (1, 3):
        _goes_every_way(random_shift, rng, most)


def _goes_every_way(random_shift: Subject, rng: np.random.Generator, most: int) -> None:
    side, N, ways = most + 1, 2000, 2 * most + 1
    images = np.stack([1 + rng.permutation(side * side).reshape(side, side, 1) for _ in range(N)])
    args = (images.astype(np.uint8), most, _seeds(rng)[0])
    moves = _moves(random_shift, *args)
    # Each number of pixels is expected 667 or 286 times, give or take 21 or 16; seven times that
    # is allowed, 2 in 10¹² per count.
    share = 1 / ways
    for axis, way in enumerate(("down", "right")):
        counts = [int(np.sum(moves[:, axis] == step)) for step in range(-most, most + 1)]
        random_shift.require(
            all(abs(count - N * share) < 7 * (N * share * (1 - share)) ** 0.5 for count in counts),
            f"of {N} images moved by at most {most}, about {N * share:.0f} should go {way} by each of −{most} to {most}, but "
            f"{', '.join(map(str, counts))} did",
            images[:1], *args[1:],
        )  # fmt: skip
    # Of nine pairs each is expected 222 times, give or take 14, of 49 each 41 times, give or take 6: that one
    # never comes has a chance of 1 in 10¹⁶.
    pairs = np.unique(moves, axis=0)
    random_shift.require(
        len(pairs) == ways**2,
        f"down and right should be drawn each for itself, which makes {ways**2} pairs; of {N} images yours went only "
        f"{len(pairs)} ways",
        images[:1], *args[1:],
    )  # fmt: skip


def test_random_shift_takes_chance_from_its_generator(
    random_shift: Subject, rng: np.random.Generator
) -> None:
    """draws from the generator that it is given: the same seed, the same moves"""
    images, (first, second) = _pictures(rng, (12, 4, 4, 1)), _seeds(rng)
    moves = _moves(random_shift, images, 2, first)
    random_shift.require(
        np.array_equal(moves, _moves(random_shift, images, 2, first)),
        "called twice, each time with a new generator of the same seed, your function moved the images differently: draw "
        "from rng alone",
        images, 2, first,
    )  # fmt: skip
    # Twelve images go the same way by chance once in 25¹² cases.
    random_shift.require(
        not np.array_equal(moves, _moves(random_shift, images, 2, second)),
        "called with two generators of different seeds, your function moved the images in the same way: draw from rng",
        images, 2, second,
    )  # fmt: skip
