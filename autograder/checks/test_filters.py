"""Checks of chapter 2, filters."""

import numpy as np

from autograder.checking.subject import Subject
from autograder.checks.inputs import bright, sevenths, signed
from course.datasets import PLUS, RING, SMALL_RING, X

# Most inputs are eighths: their products and sums are exact in float64, whatever the order of adding.


def _on_paper(shape: np.ndarray, above: int = 0, below: int = 0, left: int = 0, right: int = 0) -> np.ndarray:
    """The shape on a larger sheet of blank paper."""
    return np.pad(shape, ((above, below), (left, right)))


def _ink(rng: np.random.Generator) -> float:
    """How dark a drawing is: never 1."""
    return float(rng.integers(9, 400)) / 8


# window_response


def test_window_response_on_a_hand_worked_window(window_response: Subject, rng: np.random.Generator) -> None:
    """adds the products of a 2×2 window: 1·1 + 2·0 + 3·(−2) + 4·(−1) + 0.5 = −8.5"""
    window = np.array([[1.0, 2.0], [3.0, 4.0]])[:, :, np.newaxis]
    kernel = np.array([[1.0, 0.0], [-2.0, -1.0]])[:, :, np.newaxis]
    window_response.agrees(window, kernel, 0.5)
    window, kernel = signed(rng, (3, 2, 1)), signed(rng, (3, 2, 1))
    window_response.agrees(window, kernel, 0.5)
    window_response.agrees(window, -kernel, -0.5)  # the opposite answer: one of the two is negative


def test_window_response_pairs_each_pixel_with_its_weight(
    window_response: Subject, rng: np.random.Generator
) -> None:
    """pairs the top left pixel with the top left weight"""
    window = np.arange(1.0, 13.0).reshape(2, 3, 2)
    drawn = np.abs(signed(rng, (2, 3, 2)))
    for place in [(0, 0, 0), (0, 2, 1), (1, 0, 0), tuple(rng.integers(0, [2, 3, 2]))]:
        kernel = np.zeros((2, 3, 2))
        kernel[place] = 2.0
        window_response.agrees(window, kernel, 0.25)
        window_response.agrees(drawn, kernel, 0.25)


def test_window_response_adds_the_bias_once(window_response: Subject, rng: np.random.Generator) -> None:
    """adds the bias once, whatever the size of the window"""
    for shape in [(1, 1, 1), (3, 2, 1), (2, 3, 4)]:
        window, kernel = np.ones(shape), np.ones(shape)
        window_response.agrees(window, kernel, _ink(rng))


def test_window_response_on_a_window_as_deep_as_wide(
    window_response: Subject, rng: np.random.Generator
) -> None:
    """multiplies number by number where height, width and channels are all 3"""
    window, kernel = signed(rng, (3, 3, 3)), signed(rng, (3, 3, 3))
    window_response.agrees(window, kernel, 0.5)
    window_response.agrees(window, -kernel, -0.5)  # the opposite answer: one of the two is negative
    window_response.agrees(window, kernel, -2.0)  # not 0, should both of them be 0


def test_window_response_of_bytes(window_response: Subject, rng: np.random.Generator) -> None:
    """adds all 75 products of a 5×5×3 window of uint8"""
    window, kernel = bright(rng, (5, 5, 3)), signed(rng, (5, 5, 3))
    window_response.agrees(window, np.abs(kernel), -3.0)
    window_response.agrees(window, -np.abs(kernel), 1.5)


def test_window_response_in_float32(window_response: Subject, rng: np.random.Generator) -> None:
    """takes float32, with another height than width"""
    window, kernel = (np.abs(signed(rng, (4, 2, 3))).astype(np.float32) for _ in range(2))
    window_response.agrees(window, kernel, 0.75)
    window_response.agrees(-window, kernel, 0.75)


def test_window_response_keeps_every_digit(window_response: Subject, rng: np.random.Generator) -> None:
    """keeps all the digits of float64 on numbers that need them, such as 1/7"""
    window, kernel = sevenths(rng, (3, 2, 2)), sevenths(rng, (3, 2, 2))
    window_response.agrees(window, kernel, 1 / 7)
    window_response.agrees(window, -kernel, 1 / 7)  # one of the two answers is positive


# correlate2d


def test_correlate2d_on_a_hand_worked_image(correlate2d: Subject, rng: np.random.Generator) -> None:
    """works on a hand-worked 3×3 image and a 2×2 filter"""
    image = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 10.0]])
    correlate2d.agrees(image, np.array([[1.0, -2.0], [0.5, 0.0]]))
    correlate2d.agrees(signed(rng, (4, 4)), signed(rng, (2, 2)))


def test_correlate2d_on_the_x(correlate2d: Subject, rng: np.random.Generator) -> None:
    """answers [[3, 0, 3], [0, 5, 0], [3, 0, 3]] to the X under a filter of X shape, on any sheet"""
    correlate2d.agrees(X, X[1:4, 1:4])
    sheet = _on_paper(X, *(int(spare) for spare in rng.integers([0, 0, 3, 3], [3, 3, 6, 6])))
    correlate2d.agrees(_ink(rng) * sheet, X[1:4, 1:4])


def test_correlate2d_does_not_flip_the_kernel(correlate2d: Subject, rng: np.random.Generator) -> None:
    """multiplies the filter as it stands, not turned round"""
    image, kernel = np.zeros((5, 6)), np.arange(1.0, 7.0).reshape(2, 3)
    image[2, 3] = 1.0
    correlate2d.agrees(image, kernel)
    correlate2d.agrees(image, kernel + np.abs(signed(rng, (2, 3))))
    elsewhere = np.zeros((5, 6))
    elsewhere[rng.integers(1, 4), rng.integers(2, 4)] = 2.0
    correlate2d.agrees(elsewhere, kernel)


def test_correlate2d_with_a_single_weight(correlate2d: Subject, rng: np.random.Generator) -> None:
    """reaches every pixel with a filter of one weight, and makes negative answers too"""
    correlate2d.agrees(signed(rng, (3, 4)), np.array([[-2.5]]))
    correlate2d.agrees(signed(rng, (4, 6)), np.array([[_ink(rng)]]))


def test_correlate2d_with_a_row_and_a_column(correlate2d: Subject, rng: np.random.Generator) -> None:
    """works with a filter of one row, and with one of one column"""
    image = signed(rng, (4, 5))
    correlate2d.agrees(image, signed(rng, (1, 3)))
    correlate2d.agrees(image, signed(rng, (3, 1)))


def test_correlate2d_with_a_kernel_as_large_as_the_image(
    correlate2d: Subject, rng: np.random.Generator
) -> None:
    """gives one number for a filter as large as the image, and ValueError for a larger one"""
    width = int(rng.integers(3, 6))
    height = width + int(rng.integers(1, 3))
    image = rng.integers(1, 10_000, (height, width)) / 8
    correlate2d.agrees(image, np.abs(signed(rng, (height, width))))
    correlate2d.raises(ValueError, image, signed(rng, (height + 1, width)))
    correlate2d.raises(ValueError, image, signed(rng, (height, width + 1)))
    correlate2d.raises(ValueError, image, signed(rng, (height + int(rng.integers(2, 5)), 1)))


def test_correlate2d_keeps_height_and_width_apart(correlate2d: Subject, rng: np.random.Generator) -> None:
    """keeps height and width apart, in the image and in the filter"""
    correlate2d.agrees(signed(rng, (7, 4)), signed(rng, (2, 3)))
    correlate2d.agrees(signed(rng, (5, 8)).astype(np.float32), signed(rng, (4, 2)).astype(np.float32))


def test_correlate2d_of_bytes(correlate2d: Subject, rng: np.random.Generator) -> None:
    """leaves the range 0 to 255 and whole numbers behind on a uint8 image"""
    image, kernel = bright(rng, (6, 5)), signed(rng, (2, 3))
    correlate2d.agrees(image, np.abs(kernel))  # every answer is at least 128 · 21/8 = 336
    correlate2d.agrees(image, -np.abs(kernel))


def test_correlate2d_keeps_every_digit(correlate2d: Subject, rng: np.random.Generator) -> None:
    """keeps all the digits of float64 on numbers that need them, such as 1/7"""
    correlate2d.agrees(sevenths(rng, (5, 4)), sevenths(rng, (2, 3)))


# relu


def test_relu_on_a_hand_worked_row(relu: Subject, rng: np.random.Generator) -> None:
    """turns −2, −0.5, 0, 0.5, 7.25 into 0, 0, 0, 0.5, 7.25"""
    row = np.array([-2.0, -0.5, 0.0, 0.5, 7.25])
    relu.agrees(row)
    relu.agrees(rng.permutation(np.append(row, signed(rng, (6,)))))


def test_relu_leaves_the_centre_of_the_x(relu: Subject, rng: np.random.Generator) -> None:
    """leaves just the centre of the X's feature map, or the one place that is above 0"""
    relu.agrees(np.array([[-1.0, -4.0, -1.0], [-4.0, 1.0, -4.0], [-1.0, -4.0, -1.0]]))
    feature_map = -np.abs(signed(rng, (3, 5)))
    feature_map[rng.integers(3), rng.integers(5)] = int(rng.integers(1, 8)) / 8
    relu.agrees(feature_map)


def test_relu_treats_every_number_alone(relu: Subject, rng: np.random.Generator) -> None:
    """does not look at the other numbers: all negative, then all positive"""
    positive = np.abs(signed(rng, (3, 4)))
    relu.agrees(-positive)
    relu.agrees(positive)


def test_relu_has_no_upper_limit(relu: Subject, rng: np.random.Generator) -> None:
    """lets large numbers through as they are"""
    relu.agrees(np.append(rng.integers(-8000, 8000, 10), [8001, -8001]) / 8)


def test_relu_keeps_shape_and_dtype(relu: Subject, rng: np.random.Generator) -> None:
    """keeps shape and dtype: float32 stays float32, integers stay integers"""
    relu.agrees(signed(rng, (2, 3, 4)).astype(np.float32), dtype=np.float32)
    relu.agrees((8 * signed(rng, (2, 1, 3, 2))).astype(np.int64), dtype=np.int64)


def test_relu_keeps_every_digit(relu: Subject, rng: np.random.Generator) -> None:
    """keeps positive numbers as they are, to the last digit, such as 1/7, and tiny ones too"""
    relu.agrees(sevenths(rng, (4, 5)))
    relu.agrees(1e-9 * sevenths(rng, (3, 2)))


def test_relu_keeps_nan(relu: Subject, rng: np.random.Generator) -> None:
    """lets NaN through, so that a broken calculation shows"""
    relu.agrees(np.array([[-1.5, np.nan, 2.5], [np.nan, -0.5, 7.0]]))
    broken = signed(rng, (3, 4))
    broken.flat[rng.permutation(12)[: rng.integers(1, 6)]] = np.nan
    relu.agrees(broken)


def test_relu_of_infinite_numbers(relu: Subject, rng: np.random.Generator) -> None:
    """turns −∞ into 0 and leaves ∞ as it is"""
    relu.agrees(np.array([-np.inf, -1.5, 2.5, np.inf]))
    relu.agrees(rng.permutation([-np.inf, np.inf, *signed(rng, (6,))]))


# x_detector


def _design(x_detector: Subject) -> tuple[np.ndarray, float]:
    """The learner's filter and bias, once their types are right."""
    design = x_detector.returns()
    x_detector.require(
        isinstance(design, tuple | list) and len(design) == 2, "return two things: filter, bias"
    )
    kernel, bias = design
    x_detector.require(
        isinstance(kernel, np.ndarray) and kernel.shape == (3, 3),
        "the filter must be an array of shape (3, 3)",
        got=kernel,
    )
    x_detector.require(
        type(bias) in (int, float, np.ndarray) and np.ndim(bias) == 0, "the bias must be one number", got=bias
    )
    x_detector.require(
        bool(np.isfinite(kernel).all() and np.isfinite(bias)),
        "filter and bias must be finite numbers",
        got=kernel,
    )
    return kernel.astype(float), float(bias)


def _fires(image: np.ndarray, kernel: np.ndarray, bias: float) -> np.ndarray:
    """Where the detector answers above 0 on an image (H, W): array of bool (H − 2, W − 2).

    Rounding may leave a trace above an exact 0, as in 0.1 + 0.2 − 0.3; such a trace is no answer.
    """
    table = np.lib.stride_tricks.sliding_window_view(image, (3, 3)).reshape(-1, 9)
    trace = 1e-9 * (np.abs(kernel).sum() + abs(bias))
    return (table @ kernel.reshape(9) + bias > trace).reshape(image.shape[0] - 2, image.shape[1] - 2)


def _fires_at_the_centre(x_detector: Subject) -> tuple[np.ndarray, float]:
    """Kernel and bias, once they fire on the X: every check asks for that, since silence alone is easy."""
    kernel, bias = _design(x_detector)
    fires = _fires(X, kernel, bias)
    x_detector.require(
        bool(fires[1, 1]),
        "your detector does not fire at the centre of the X: response plus bias must be above 0 there",
        got=kernel,
    )
    return kernel, bias


def _is_silent(x_detector: Subject, name: str, *images: np.ndarray) -> None:
    """Require that the detector fires on the X, and on none of these images."""
    kernel, bias = _fires_at_the_centre(x_detector)
    for image in images:
        fires = _fires(image, kernel, bias)
        places = [(int(i), int(j)) for i, j in np.argwhere(fires)]
        x_detector.require(
            not places, f"your detector fires on {name}, at {places[:3]} of its feature map", got=kernel
        )


def test_x_detector_fires_at_the_centre_of_the_x(x_detector: Subject) -> None:
    """fires at the centre of the X"""
    _fires_at_the_centre(x_detector)


def test_x_detector_fires_nowhere_else_on_the_x(x_detector: Subject) -> None:
    """is silent on the X everywhere but at its centre"""
    kernel, bias = _fires_at_the_centre(x_detector)
    fires = _fires(X, kernel, bias)
    x_detector.require(
        fires.sum() == 1,
        f"on the X, your detector fires at {fires.sum()} of 9 places; only the centre should answer",
        got=fires.astype(int),
    )


def test_x_detector_is_silent_on_a_blank_image(x_detector: Subject) -> None:
    """is silent on a blank image, though not on the X"""
    _is_silent(x_detector, "a blank image", np.zeros((5, 5)))


def test_x_detector_is_silent_on_a_plus(x_detector: Subject) -> None:
    """is silent on a plus, though not on the X"""
    _is_silent(x_detector, "a plus", PLUS, _on_paper(PLUS, 2, 2, 2, 2))


def test_x_detector_is_silent_on_a_ring(x_detector: Subject) -> None:
    """is silent on a ring of 5×5 and on one of 3×3, though not on the X"""
    _is_silent(x_detector, "a ring of 5×5", RING, _on_paper(RING, 2, 2, 2, 2))
    _is_silent(x_detector, "a ring of 3×3", SMALL_RING, _on_paper(SMALL_RING, 1, 1, 1, 1))


def test_x_detector_is_silent_on_one_diagonal(x_detector: Subject) -> None:
    """is silent on a single diagonal, though not on the X"""
    falling = np.eye(5)
    rising = falling[::-1]
    _is_silent(
        x_detector,
        "a single diagonal",
        falling,
        rising,
        _on_paper(falling, 2, 2, 2, 2),
        _on_paper(rising, 2, 2, 2, 2),
    )


def test_x_detector_finds_the_x_wherever_it_stands(x_detector: Subject, rng: np.random.Generator) -> None:
    """finds an X anywhere on a larger sheet, at its centre alone"""
    kernel, bias = _design(x_detector)
    spare = [int(size) for size in rng.integers(2, 5, 4)]
    for above, below, left, right in [spare, (0, 4, 3, 0), (3, 0, 0, 5)]:
        fires = _fires(_on_paper(X, above, below, left, right), kernel, bias)
        wanted = np.zeros_like(fires)
        wanted[above + 1, left + 1] = True
        x_detector.require(
            np.array_equal(fires, wanted),
            f"on a sheet of {fires.shape[0] + 2}×{fires.shape[1] + 2} pixels, your detector should fire at "
            f"[{above + 1}, {left + 1}] of its feature map alone, but it fires at {fires.sum()} places",
            expected=wanted.astype(int),
            got=fires.astype(int),
        )


# apply_filters


def test_apply_filters_on_a_hand_worked_image(apply_filters: Subject, rng: np.random.Generator) -> None:
    """works on a hand-worked 2×3 image with one channel and one filter"""
    volume = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 7.0]])[:, :, np.newaxis]
    filters = np.array([[1.0, -2.0], [0.0, -1.0]])[:, :, np.newaxis, np.newaxis]
    apply_filters.agrees(volume, filters, np.array([0.5]))
    apply_filters.agrees(signed(rng, (3, 4, 1)), signed(rng, (2, 2, 1, 1)), np.array([-0.25]))


def test_apply_filters_sums_over_channels(apply_filters: Subject, rng: np.random.Generator) -> None:
    """sums over the channels and adds the bias once"""
    volume = rng.integers(1, 9, (3, 2, 3)) / 8
    volume[..., 0] += 4  # the first channel is unlike the last everywhere
    apply_filters.agrees(volume, np.abs(signed(rng, (1, 1, 3, 1))), np.array([1.5]))


def test_apply_filters_gives_every_filter_its_map(apply_filters: Subject, rng: np.random.Generator) -> None:
    """makes a map for each filter, with that filter's own bias"""
    apply_filters.agrees(signed(rng, (3, 4, 1)), signed(rng, (2, 2, 1, 4)), signed(rng, (4,)))


def test_apply_filters_does_not_flip_the_filters(apply_filters: Subject, rng: np.random.Generator) -> None:
    """multiplies each filter as it stands, not turned round"""
    volume = np.zeros((4, 5, 2))
    volume[2, 2] = [1.0, -1.0]
    apply_filters.agrees(volume, np.arange(1.0, 25.0).reshape(2, 3, 2, 2) ** 2, np.array([0.25, -0.5]))
    apply_filters.agrees(volume, signed(rng, (2, 3, 2, 2)), np.array([0.25, -0.5]))


def test_apply_filters_keeps_channels_and_filters_apart(
    apply_filters: Subject, rng: np.random.Generator
) -> None:
    """keeps channels and filters apart where there are as many of each"""
    apply_filters.agrees(signed(rng, (3, 4, 3)), signed(rng, (2, 2, 3, 3)), signed(rng, (3,)))


def test_apply_filters_with_filters_as_large_as_the_image(
    apply_filters: Subject, rng: np.random.Generator
) -> None:
    """gives one number for each filter as large as the image, and ValueError where filters do not fit"""
    height, width = int(rng.integers(2, 4)), int(rng.integers(4, 6))
    volume, bias = signed(rng, (height, width, 2)), signed(rng, (3,))
    apply_filters.agrees(volume, signed(rng, (height, width, 2, 3)), bias)
    apply_filters.raises(ValueError, volume, signed(rng, (height + 1, width, 2, 3)), bias)
    apply_filters.raises(ValueError, volume, signed(rng, (height, width + 1, 2, 3)), bias)
    apply_filters.raises(ValueError, volume, signed(rng, (2, 2, 1, 3)), bias)  # one channel for two
    apply_filters.raises(ValueError, volume[..., :1], signed(rng, (2, 2, 2, 3)), bias)  # two for one


def test_apply_filters_keeps_height_and_width_apart(apply_filters: Subject, rng: np.random.Generator) -> None:
    """keeps height, width, channels and filters apart, also in float32"""
    apply_filters.agrees(signed(rng, (7, 4, 2)), signed(rng, (2, 3, 2, 5)), signed(rng, (5,)))
    small = [signed(rng, shape).astype(np.float32) for shape in [(5, 6, 3), (4, 2, 3, 2), (2,)]]
    apply_filters.agrees(*small)


def test_apply_filters_to_a_colour_image(apply_filters: Subject, rng: np.random.Generator) -> None:
    """slides two 5×5×3 filters over a uint8 colour image"""
    filters = np.abs(signed(rng, (5, 5, 3, 2)))
    filters[..., 1] *= -1  # one map far above 255, one far below 0
    apply_filters.agrees(bright(rng, (9, 7, 3)), filters, np.array([0.5, -8.0]))


def test_apply_filters_keeps_every_digit(apply_filters: Subject, rng: np.random.Generator) -> None:
    """keeps all the digits of float64 on numbers that need them, such as 1/7"""
    volume, filters, bias = sevenths(rng, (4, 5, 2)), sevenths(rng, (2, 3, 2, 3)), sevenths(rng, (3,))
    apply_filters.agrees(volume, filters, 100 * bias)
