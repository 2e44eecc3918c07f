"""Checks of chapter 7, backprop."""

import numpy as np

from autograder.checking.subject import Subject
from autograder.checks.inputs import Draw, sevenths, signed, wide
from autograder.inside.functions import Known

# graph_gradient


def _some(rng: np.random.Generator, low: int, high: int) -> float:
    """A number between these two, in odd 32nds, so that it is not 1, where x and x² are the same."""
    return (2 * int(rng.integers(16 * low, 16 * high)) + 1) / 32


def test_graph_gradient_at_zero(graph_gradient: Subject, rng: np.random.Generator) -> None:
    """gives 1.5 and 0 at x = 0, y = 2: the product has the slope 1 there, the quotient 1/2"""
    graph_gradient.agrees(0.0, 2.0)
    graph_gradient.agrees(0.0, _some(rng, 2, 20))


def test_graph_gradient_at_two_and_four(graph_gradient: Subject, rng: np.random.Generator) -> None:
    """gives −0.4036 and −0.125 at x = 2, y = 4, and as many digits elsewhere"""
    graph_gradient.agrees(2.0, 4.0)
    x, y = wide(rng, (2,)) / 7
    graph_gradient.agrees(float(x), 2 + float(y))


def test_graph_gradient_of_the_product(graph_gradient: Subject, rng: np.random.Generator) -> None:
    """is right where y is so large that the product alone counts"""
    graph_gradient.agrees(_some(rng, 2, 6), 4096.0)


def test_graph_gradient_of_negative_numbers(graph_gradient: Subject, rng: np.random.Generator) -> None:
    """is right for negative x and negative y"""
    graph_gradient.agrees(-_some(rng, 2, 6), _some(rng, 2, 6))
    graph_gradient.agrees(_some(rng, 2, 6), -_some(rng, 2, 6))


def test_graph_gradient_of_a_large_angle(graph_gradient: Subject, rng: np.random.Generator) -> None:
    """takes x in radians, also after many turns"""
    graph_gradient.agrees(_some(rng, 20, 60), _some(rng, 2, 6))


# numerical_gradient


def test_numerical_gradient_of_squares(numerical_gradient: Subject, rng: np.random.Generator) -> None:
    """gives 2, 4, −6 for the sum of squares at 1, 2, −3 with h = 1/8"""
    numerical_gradient.agrees(Known("sum_of_squares"), np.array([1.0, 2.0, -3.0]), 0.125, rtol=1e-6)
    numerical_gradient.agrees(Known("sum_of_squares"), 1.0625 + wide(rng, (3,)), 0.125, rtol=1e-6)


def test_numerical_gradient_moves_one_entry_at_a_time(
    numerical_gradient: Subject, rng: np.random.Generator
) -> None:
    """moves one entry and holds all others still: 12, 8, 6 for x[0] · x[1] · x[2] at 2, 3, 4"""
    numerical_gradient.agrees(Known("product"), np.array([2.0, 3.0, 4.0]), 0.25, rtol=1e-6)
    numerical_gradient.agrees(Known("product"), wide(rng, (4,)) / 8, 0.0625, rtol=1e-6)


def test_numerical_gradient_takes_the_step_that_it_is_given(
    numerical_gradient: Subject, rng: np.random.Generator
) -> None:
    """takes the step that it is given: a wide one, to both sides of x"""
    for h in (0.25, 0.5):
        numerical_gradient.agrees(Known("weighted_cubes"), signed(rng, (6,)), h, rtol=1e-6)


def test_numerical_gradient_steps_by_a_hundred_thousandth(
    numerical_gradient: Subject, rng: np.random.Generator
) -> None:
    """takes h = 1e-5 unless told otherwise"""
    numerical_gradient.agrees(Known("weighted_cubes"), np.array([0.1, -0.3, 0.0, 0.02]), rtol=1e-6)
    numerical_gradient.agrees(Known("weighted_cubes"), np.append(sevenths(rng, (6,)) / 8, 0.0), rtol=1e-6)
    numerical_gradient.agrees(Known("sum_of_sines"), np.array([0.7, 2.0, -3.3]), rtol=1e-6)


def test_numerical_gradient_keeps_the_shape(numerical_gradient: Subject, rng: np.random.Generator) -> None:
    """takes an array of any shape, and hands it to f in that shape"""
    numerical_gradient.agrees(Known("product_of_row_sums"), signed(rng, (3, 2)), 0.125, rtol=1e-6)
    numerical_gradient.agrees(Known("sum_of_squares"), signed(rng, (2, 1, 3)), 0.125, rtol=1e-6)


def test_numerical_gradient_returns_fractions(numerical_gradient: Subject, rng: np.random.Generator) -> None:
    """returns fractions, also near 0, and takes float32 with a wide step"""
    numerical_gradient.agrees(Known("sum_of_squares"), signed(rng, (5,)) / 16, 0.125, rtol=1e-6)
    small = signed(rng, (2, 3)).astype(np.float32)  # in eighths, float32 is exact here
    numerical_gradient.agrees(Known("sum_of_squares"), small, 0.125)


def test_numerical_gradient_keeps_all_digits(numerical_gradient: Subject, rng: np.random.Generator) -> None:
    """works with all the digits of float64: with a wide step ten are right"""
    numerical_gradient.agrees(Known("sum_of_squares"), sevenths(rng, (2, 3)), 0.5)


# linear_backward


def test_linear_backward_on_a_hand_worked_row(linear_backward: Subject, rng: np.random.Generator) -> None:
    """works on one example with two inputs and one output: dx = 3·(5, −1), dw = 3·(2, 4), db = 3"""
    linear_backward.agrees(np.array([[3.0]]), np.array([[2.0, 4.0]]), np.array([[5.0], [-1.0]]))
    linear_backward.agrees(wide(rng, (1, 1)), wide(rng, (1, 2)), wide(rng, (2, 1)))


def test_linear_backward_adds_up_over_the_batch(linear_backward: Subject, rng: np.random.Generator) -> None:
    """adds dw and db up over the batch, and averages nothing"""
    linear_backward.agrees(wide(rng, (3, 1)), wide(rng, (3, 2)), wide(rng, (2, 1)))


def test_linear_backward_with_as_many_outputs_as_examples(
    linear_backward: Subject, rng: np.random.Generator
) -> None:
    """gives every output its bias gradient, also where there are as many outputs as examples"""
    # The last row outweighs all else, so that no sum along a row is one down a column.
    dout = signed(rng, (3, 3)) * np.array([[1.0], [8.0], [1024.0]])
    linear_backward.agrees(dout, signed(rng, (3, 2)), signed(rng, (2, 3)))


def test_linear_backward_where_all_sizes_are_equal(
    linear_backward: Subject, rng: np.random.Generator
) -> None:
    """transposes the right factors, also where shapes do not tell"""
    linear_backward.agrees(*(signed(rng, (3, 3)) for _ in range(3)))


def test_linear_backward_keeps_all_sizes_apart(linear_backward: Subject, rng: np.random.Generator) -> None:
    """keeps examples, inputs and outputs apart"""
    linear_backward.agrees(signed(rng, (4, 2)), signed(rng, (4, 3)), signed(rng, (3, 2)))


def test_linear_backward_in_float32(linear_backward: Subject, rng: np.random.Generator) -> None:
    """takes float32"""
    shapes = [(2, 5), (2, 3), (3, 5)]
    linear_backward.agrees(*(signed(rng, shape).astype(np.float32) for shape in shapes))


def test_linear_backward_keeps_all_digits(linear_backward: Subject, rng: np.random.Generator) -> None:
    """works with all the digits of float64"""
    linear_backward.agrees(*(np.abs(sevenths(rng, shape)) for shape in [(3, 2), (3, 4), (4, 2)]))


# relu_backward


def test_relu_backward_on_a_hand_worked_row(relu_backward: Subject, rng: np.random.Generator) -> None:
    """lets 7, 8, 9 through as 0, 8, 9 where x is −2, 0.5, 3"""
    relu_backward.agrees(np.array([7.0, 8.0, 9.0]), np.array([-2.0, 0.5, 3.0]))
    relu_backward.agrees(10 + wide(rng, (3,)), np.array([-1, 1, 1]) * (1 + wide(rng, (3,))))


def test_relu_backward_at_zero(relu_backward: Subject, rng: np.random.Generator) -> None:
    """stops the gradient where x is exactly 0"""
    x = rng.permutation(np.array([0.0, -0.0, 0.0, 1.5, -1.5]))
    relu_backward.agrees(wide(rng, (5,)), x)


def test_relu_backward_lets_negative_gradients_through(
    relu_backward: Subject, rng: np.random.Generator
) -> None:
    """lets negative gradients through as well: it is x that decides"""
    x = np.abs(signed(rng, (2, 3)))
    x[:, rng.integers(3)] *= -1
    relu_backward.agrees(-np.abs(signed(rng, (2, 3))), x)


def test_relu_backward_does_not_scale(relu_backward: Subject, rng: np.random.Generator) -> None:
    """passes the gradient as it is, however large x is"""
    x = rng.permutation(np.array([0.125, 0.5, 40.0, 3000.0, -0.125, -3000.0]))
    relu_backward.agrees(wide(rng, (6,)), x)


def test_relu_backward_of_a_whole_batch(relu_backward: Subject, rng: np.random.Generator) -> None:
    """takes arrays of any shape, also in float32"""
    for shape in [(2, 3, 4, 2), (3, 1, 2, 1)]:
        relu_backward.agrees(signed(rng, shape), signed(rng, shape))
    relu_backward.agrees(*(signed(rng, (3, 5)).astype(np.float32) for _ in range(2)))


def test_relu_backward_keeps_all_digits(relu_backward: Subject, rng: np.random.Generator) -> None:
    """keeps all the digits of float64"""
    relu_backward.agrees(np.abs(sevenths(rng, (3, 4))), signed(rng, (3, 4)))


# softmax_cross_entropy_backward


def test_softmax_cross_entropy_backward_of_a_uniform_guess(
    softmax_cross_entropy_backward: Subject, rng: np.random.Generator
) -> None:
    """gives 0.1 for every wrong class and −0.9 for the true one, if ten logits are equal"""
    softmax_cross_entropy_backward.agrees(np.zeros((1, 10)), np.array([3]))
    classes = int(rng.integers(11, 60))
    logits = np.full((1, classes), rng.integers(-80, 80) / 8)
    softmax_cross_entropy_backward.agrees(logits, rng.integers(0, classes, 1))


def test_softmax_cross_entropy_backward_of_one_example(
    softmax_cross_entropy_backward: Subject, rng: np.random.Generator
) -> None:
    """subtracts 1 at the true class of one example"""
    for label in (2, 0):
        softmax_cross_entropy_backward.agrees(signed(rng, (1, 6)), np.array([label]))


def test_softmax_cross_entropy_backward_is_that_of_the_mean(
    softmax_cross_entropy_backward: Subject, rng: np.random.Generator
) -> None:
    """divides by the number of examples, since the loss is their mean"""
    softmax_cross_entropy_backward.agrees(sevenths(rng, (4, 3)), np.array([2, 0, 1, 1]))


def test_softmax_cross_entropy_backward_of_a_square_array(
    softmax_cross_entropy_backward: Subject, rng: np.random.Generator
) -> None:
    """keeps examples and classes apart where there are as many of each, with a class that comes twice"""
    softmax_cross_entropy_backward.agrees(signed(rng, (3, 3)), np.array([1, 1, 0]))


def test_softmax_cross_entropy_backward_of_large_logits(
    softmax_cross_entropy_backward: Subject, rng: np.random.Generator
) -> None:
    """is right for logits near 1000 and near −1000, also where both stand in one row"""
    logits = signed(rng, (2, 3)) + np.array([[1000.0], [-1000.0]])
    softmax_cross_entropy_backward.agrees(logits, np.array([2, 1]))
    softmax_cross_entropy_backward.agrees(logits.T + signed(rng, (3, 2)), np.array([0, 1, 0]))


def test_softmax_cross_entropy_backward_in_float32(
    softmax_cross_entropy_backward: Subject, rng: np.random.Generator
) -> None:
    """takes float32"""
    softmax_cross_entropy_backward.agrees(signed(rng, (2, 5)).astype(np.float32), np.array([0, 4]))


# max_pool2d_backward


def _places(input_size: int, size: int, stride: int) -> int:
    """How many windows fit along an axis."""
    return (input_size - size) // stride + 1


def _pooled(
    rng: np.random.Generator, shape: tuple[int, int, int, int], size: int, stride: int
) -> tuple[np.ndarray, np.ndarray, int, int]:
    """Arguments for max_pool2d_backward, with an input in which no two numbers are equal, and all are above 0."""
    N, H, W, C = shape
    dout = signed(rng, (N, _places(H, size, stride), _places(W, size, stride), C))
    return dout, np.abs(signed(rng, shape)), size, stride


def test_max_pool2d_backward_on_a_hand_worked_image(
    max_pool2d_backward: Subject, rng: np.random.Generator
) -> None:
    """sends the gradients 10 and 20 to the largest cells of two 2×2 windows, 5 and 8"""
    x = np.array([[1.0, 5.0, 8.0, 2.0], [3.0, 4.0, 6.0, 7.0]]).reshape(1, 2, 4, 1)
    max_pool2d_backward.agrees(np.array([10.0, 20.0]).reshape(1, 1, 2, 1), x, 2, 2)
    max_pool2d_backward.agrees(wide(rng, (1, 1, 2, 1)), 1.25 * x + rng.integers(0, 400) / 16, 2, 2)


def test_max_pool2d_backward_of_negative_numbers(
    max_pool2d_backward: Subject, rng: np.random.Generator
) -> None:
    """finds the largest cell also where all are negative, however far below 0"""
    for far in (1, 1e6, 1e300):
        dout, x, size, stride = _pooled(rng, (1, 8, 6, 2), 2, 2)
        max_pool2d_backward.agrees(dout, -far * x, size, stride)


def test_max_pool2d_backward_adds_up_where_windows_overlap(
    max_pool2d_backward: Subject, rng: np.random.Generator
) -> None:
    """adds up what a cell gets from overlapping windows"""
    dout, x, size, stride = _pooled(rng, (1, 4, 3, 1), 2, 1)
    x[0, 1, 1, 0] = 9.5  # the largest cell of four windows
    max_pool2d_backward.agrees(np.abs(dout), x, size, stride)
    dout, x, size, stride = _pooled(rng, (2, 7, 9, 3), 3, 2)
    x[:, 2, 4] += 50  # of four again
    max_pool2d_backward.agrees(np.abs(dout), x, size, stride)


def _shared_equally(dout: np.ndarray, x: np.ndarray, size: int, stride: int) -> np.ndarray:
    """What max_pool2d_backward returns if the largest cells of a window get equal parts."""
    dx = np.zeros(x.shape)
    for i, j in np.ndindex(*dout.shape[1:3]):
        cells = (slice(None), slice(i * stride, i * stride + size), slice(j * stride, j * stride + size))
        largest = x[cells] == x[cells].max(axis=(1, 2), keepdims=True)
        dx[cells] += dout[:, i : i + 1, j : j + 1] * largest / largest.sum(axis=(1, 2), keepdims=True)
    return dx


def _given_to_the_first(dout: np.ndarray, x: np.ndarray, size: int, stride: int) -> np.ndarray:
    """The same if the first of them gets it all: a little less for each later cell leaves no ties."""
    levels = x - np.arange(x[0, ..., 0].size).reshape(1, *x.shape[1:3], 1) / 2.0**20
    return _shared_equally(dout, levels, size, stride)


def _tied(rng: np.random.Generator, shape: tuple[int, int, int, int]) -> np.ndarray:
    """An input whose tiles of 2×2 have three cells that share the first place, all four in one of them."""
    N, H, W, C = shape
    tiles = np.stack([rng.permutation([0.0, 1.5, 1.5, 1.5]) for _ in range(N * C * H * W // 4)])
    tiles[rng.integers(len(tiles))] = 0.0  # as ReLU leaves many
    return tiles.reshape(N, H // 2, W // 2, C, 2, 2).transpose(0, 1, 4, 2, 5, 3).reshape(shape)


def test_max_pool2d_backward_at_ties(max_pool2d_backward: Subject, rng: np.random.Generator) -> None:
    """gives all to the first of several largest cells, or equal parts to each, also where windows overlap"""
    for shape, stride in [((1, 4, 8, 2), 2), ((1, 4, 6, 2), 1)]:
        x = _tied(rng, shape)
        N, H, W, C = shape
        dout = np.abs(signed(rng, (N, _places(H, 2, stride), _places(W, 2, stride), C)))
        dx = max_pool2d_backward.returns(dout, x, 2, stride)
        max_pool2d_backward.require(
            isinstance(dx, np.ndarray) and dx.shape == shape,
            f"the gradient must have the shape of x, {shape}",
            dout, x, 2, stride, got=dx,
        )  # fmt: skip
        max_pool2d_backward.require(
            np.isclose(dx.sum(), dout.sum(), rtol=1e-10),
            "all gradients must add up to what is in dout, also where several cells of a window are the largest",
            dout, x, 2, stride, got=dx,
        )  # fmt: skip
        first, equal = _given_to_the_first(dout, x, 2, stride), _shared_equally(dout, x, 2, stride)
        max_pool2d_backward.require(
            any(np.allclose(dx, right, rtol=1e-10) for right in (first, equal)),
            "where several cells of a window are the largest, the first of them (row by row) gets all, or each gets an "
            "equal part",
            dout, x, 2, stride, expected=first, got=dx,
        )  # fmt: skip


def test_max_pool2d_backward_leaves_the_rest_at_zero(
    max_pool2d_backward: Subject, rng: np.random.Generator
) -> None:
    """gives 0 to the cells outside of all windows: at the edge, and between windows"""
    max_pool2d_backward.agrees(*_pooled(rng, (1, 7, 9, 3), 2, 2))
    max_pool2d_backward.agrees(*_pooled(rng, (1, 9, 12, 3), 2, 3))


def test_max_pool2d_backward_keeps_images_and_channels_apart(
    max_pool2d_backward: Subject, rng: np.random.Generator
) -> None:
    """treats every channel of every image by itself"""
    max_pool2d_backward.agrees(*_pooled(rng, (3, 4, 6, 2), 2, 2))


def test_max_pool2d_backward_of_one_window(max_pool2d_backward: Subject, rng: np.random.Generator) -> None:
    """takes a window as large as the image"""
    max_pool2d_backward.agrees(*_pooled(rng, (4, 3, 3, 4), 3, 1))


def test_max_pool2d_backward_in_float32(max_pool2d_backward: Subject, rng: np.random.Generator) -> None:
    """takes float32"""
    dout, x, size, stride = _pooled(rng, (2, 6, 4, 3), 3, 1)
    max_pool2d_backward.agrees(dout.astype(np.float32), x.astype(np.float32), size, stride)


def test_max_pool2d_backward_keeps_all_digits(max_pool2d_backward: Subject, rng: np.random.Generator) -> None:
    """keeps all the digits of float64, and looks at all of them to find the largest cell"""
    x = 1 + np.abs(sevenths(rng, (2, 6, 4, 2))) / 2.0**40
    max_pool2d_backward.agrees(sevenths(rng, (2, 3, 2, 2)), x, 2, 2)


# avg_pool2d_backward


def _shared(
    rng: np.random.Generator,
    shape: tuple[int, int, int, int],
    size: int,
    stride: int,
    numbers: Draw = signed,
) -> tuple[np.ndarray, tuple[int, int, int, int], int, int]:
    """Arguments for avg_pool2d_backward: in ceil mode, every window counts that begins inside the image."""
    N, H, W, C = shape
    # the windows that fit, and one more where a part is left that another window would begin inside of
    H_out, W_out = (
        len([top for top in range(0, axis, stride) if top < axis - size + stride]) for axis in (H, W)
    )
    return numbers(rng, (N, H_out, W_out, C)), shape, size, stride


def test_avg_pool2d_backward_on_a_hand_worked_image(
    avg_pool2d_backward: Subject, rng: np.random.Generator
) -> None:
    """shares the gradients 8 and −4 of two 2×2 windows: 2 and −1 for each cell"""
    avg_pool2d_backward.agrees(np.array([8.0, -4.0]).reshape(1, 1, 2, 1), (1, 2, 4, 1), 2, 2)
    avg_pool2d_backward.agrees(wide(rng, (1, 1, 2, 1)), (1, 2, 4, 1), 2, 2)


def test_avg_pool2d_backward_on_a_ragged_edge(avg_pool2d_backward: Subject, rng: np.random.Generator) -> None:
    """divides by the cells that exist: 4, 2, 2 and 1 for 2×2 windows on 3×3 pixels"""
    avg_pool2d_backward.agrees(np.array([8.0, 4.0, 2.0, 3.0]).reshape(1, 2, 2, 1), (1, 3, 3, 1), 2, 2)
    avg_pool2d_backward.agrees(*_shared(rng, (1, 4, 5, 1), 3, 3))


def test_avg_pool2d_backward_adds_up_where_windows_overlap(
    avg_pool2d_backward: Subject, rng: np.random.Generator
) -> None:
    """adds up what a cell gets from overlapping windows"""
    avg_pool2d_backward.agrees(*_shared(rng, (1, 3, 4, 1), 2, 1))
    avg_pool2d_backward.agrees(*_shared(rng, (1, 5, 7, 2), 3, 2))


def test_avg_pool2d_backward_on_a_ragged_edge_with_overlap(
    avg_pool2d_backward: Subject, rng: np.random.Generator
) -> None:
    """adds up and divides by the cells that exist, both at once"""
    avg_pool2d_backward.agrees(*_shared(rng, (1, 6, 4, 1), 3, 2))


def test_avg_pool2d_backward_leaves_gaps_at_zero(
    avg_pool2d_backward: Subject, rng: np.random.Generator
) -> None:
    """gives 0 to the cells between windows that do not touch"""
    avg_pool2d_backward.agrees(*_shared(rng, (1, 7, 6, 1), 2, 3))


def test_avg_pool2d_backward_keeps_images_and_channels_apart(
    avg_pool2d_backward: Subject, rng: np.random.Generator
) -> None:
    """treats every channel of every image by itself"""
    avg_pool2d_backward.agrees(*_shared(rng, (3, 4, 6, 2), 2, 2, sevenths))


def test_avg_pool2d_backward_in_float32(avg_pool2d_backward: Subject, rng: np.random.Generator) -> None:
    """takes float32"""
    dout, shape, size, stride = _shared(rng, (2, 5, 4, 3), 2, 2)
    avg_pool2d_backward.agrees(dout.astype(np.float32), shape, size, stride)


# conv2d_backward


def _layer(
    rng: np.random.Generator,
    images: tuple[int, int, int, int],
    filters: tuple[int, int, int, int],
    stride: int = 1,
    padding: int = 0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int, int]:
    """Arguments for conv2d_backward that fit together."""
    H_out, W_out = (_places(images[axis] + 2 * padding, filters[axis - 1], stride) for axis in (1, 2))
    dout = signed(rng, (images[0], H_out, W_out, filters[3]))
    return dout, signed(rng, images), signed(rng, filters), stride, padding


def test_conv2d_backward_of_a_single_window(conv2d_backward: Subject, rng: np.random.Generator) -> None:
    """works on one 2×2 window: dx = 2 · w, dw = 2 · x, db = 2, nothing turned"""
    x = np.array([[1.0, 2.0], [3.0, 5.0]]).reshape(1, 2, 2, 1)
    w = np.array([[7.0, -1.0], [4.0, 0.5]]).reshape(2, 2, 1, 1)
    conv2d_backward.agrees(np.full((1, 1, 1, 1), 2.0), x, w)
    conv2d_backward.agrees(wide(rng, (1, 1, 1, 1)), wide(rng, (1, 2, 2, 1)), wide(rng, (2, 2, 1, 1)))


def test_conv2d_backward_on_a_hand_worked_image(conv2d_backward: Subject, rng: np.random.Generator) -> None:
    """adds the stamps of four overlapping windows on a 3×3 image"""
    x = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 10.0]]).reshape(1, 3, 3, 1)
    w = np.array([[1.0, -2.0], [0.5, 3.0]]).reshape(2, 2, 1, 1)
    conv2d_backward.agrees(np.array([[1.0, 2.0], [3.0, 5.0]]).reshape(1, 2, 2, 1), x, w)
    conv2d_backward.agrees(wide(rng, (1, 2, 2, 1)), wide(rng, (1, 3, 3, 1)), wide(rng, (2, 2, 1, 1)))


def test_conv2d_backward_adds_up_over_the_batch(conv2d_backward: Subject, rng: np.random.Generator) -> None:
    """adds dw and db up over all images, and averages nothing"""
    dout, *layer = _layer(rng, (3, 2, 3, 1), (1, 2, 1, 1))
    conv2d_backward.agrees(np.abs(dout), *layer)  # whose sum is not 0, nor then its mean


def test_conv2d_backward_keeps_channels_and_filters_apart(
    conv2d_backward: Subject, rng: np.random.Generator
) -> None:
    """keeps channels and filters apart where there are as many of each"""
    conv2d_backward.agrees(*_layer(rng, (2, 4, 4, 3), (2, 2, 3, 3)))


def test_conv2d_backward_cuts_off_the_padding(conv2d_backward: Subject, rng: np.random.Generator) -> None:
    """cuts the gradient of the padding off on all sides"""
    conv2d_backward.agrees(*_layer(rng, (1, 3, 4, 1), (3, 3, 1, 1), padding=1))
    conv2d_backward.agrees(*_layer(rng, (2, 2, 3, 2), (2, 3, 2, 1), padding=2))
    conv2d_backward.agrees(*_layer(rng, (1, 2, 1, 1), (6, 5, 1, 2), padding=2))


def test_conv2d_backward_with_a_stride(conv2d_backward: Subject, rng: np.random.Generator) -> None:
    """works with strides of 2 and 3"""
    conv2d_backward.agrees(*_layer(rng, (1, 5, 7, 1), (3, 3, 1, 1), stride=2))
    conv2d_backward.agrees(*_layer(rng, (1, 5, 8, 2), (2, 2, 2, 2), stride=3))


def test_conv2d_backward_where_the_stride_leaves_a_rest(
    conv2d_backward: Subject, rng: np.random.Generator
) -> None:
    """gives 0 to the pixels at the end that no window saw, also with padding"""
    conv2d_backward.agrees(*_layer(rng, (1, 6, 4, 1), (3, 3, 1, 1), stride=2))
    conv2d_backward.agrees(*_layer(rng, (2, 6, 7, 2), (3, 2, 2, 3), stride=2, padding=1))


def test_conv2d_backward_keeps_all_sizes_apart(conv2d_backward: Subject, rng: np.random.Generator) -> None:
    """keeps height, width, channels and filters apart, also in float32"""
    conv2d_backward.agrees(*_layer(rng, (2, 6, 4, 2), (2, 3, 2, 4)))
    conv2d_backward.agrees(*_layer(rng, (1, 2, 4, 2), (1, 3, 2, 2)))  # filters wider than the image is high
    conv2d_backward.agrees(*_layer(rng, (1, 4, 2, 2), (3, 1, 2, 2)))
    dout, x, w, stride, padding = _layer(rng, (3, 4, 7, 3), (3, 2, 3, 2), padding=1)
    small = (array.astype(np.float32) for array in (dout, x, w))
    conv2d_backward.agrees(*small, stride, padding)


def test_conv2d_backward_keeps_all_digits(conv2d_backward: Subject, rng: np.random.Generator) -> None:
    """works with all the digits of float64"""
    dout, x, w = (np.abs(sevenths(rng, shape)) for shape in [(2, 2, 3, 2), (2, 3, 4, 1), (2, 2, 1, 2)])
    conv2d_backward.agrees(dout, x, w)


# tape_gradient

Tape = tuple[list[tuple[int, int, float]], int]


def _rates(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Odd sixteenths from 1/16 to 127/16, no two alike: no product of a few is whole, and float32 holds each."""
    size = int(np.prod(shape))
    return (2 * rng.permutation(64)[:size] + 1).reshape(shape) / 16


def _tape(rng: np.random.Generator, sources: list[list[int]], numbers: Draw = _rates) -> Tape:
    """Arguments for tape_gradient: for each value the places that it was computed from, at rates that are drawn."""
    pairs = [(place, source) for place, entry in enumerate(sources) for source in entry]
    rates = numbers(rng, (len(pairs),)).tolist()
    return [(*pair, rate) for pair, rate in zip(pairs, rates, strict=True)], len(sources)


ARTICLE = [[], [], [0], [0], [2, 3], [0, 1], [4, 5]]
"""Sources of w₁ to w₇ in cos x · sin x + x / y."""


def test_tape_gradient_of_a_chain(tape_gradient: Subject, rng: np.random.Generator) -> None:
    """multiplies along a chain: 6, 2, 1 for three gears, of which the second turns 3 times and the third 2 times as fast"""
    tape_gradient.agrees([(1, 0, 3.0), (2, 1, 2.0)], 3)
    tape_gradient.agrees(*_tape(rng, [[], [0], [1], [2]]))


def test_tape_gradient_of_an_input(tape_gradient: Subject, rng: np.random.Generator) -> None:
    """gives 1 for the last value itself, and 0 for all others if that is an input"""
    tape_gradient.agrees([], 1)
    tape_gradient.agrees(*_tape(rng, [[], [0], [0, 1], []]))


def test_tape_gradient_adds_up_where_ways_meet(tape_gradient: Subject, rng: np.random.Generator) -> None:
    """adds up what comes back to a value on several ways"""
    tape_gradient.agrees([(1, 0, 2.0), (2, 0, 5.0), (3, 1, 1.0), (3, 2, 1.0)], 4)
    tape_gradient.agrees(*_tape(rng, [[], [0], [0], [0], [1, 2, 3]]))


def test_tape_gradient_of_a_square(tape_gradient: Subject, rng: np.random.Generator) -> None:
    """counts both factors of x · x, which are two links between the same places"""
    tape_gradient.agrees([(1, 0, 3.0), (1, 0, 3.0)], 2)
    tape_gradient.agrees(*_tape(rng, [[], [0, 0], [1, 1, 0]]))


def test_tape_gradient_of_the_seven_values(tape_gradient: Subject, rng: np.random.Generator) -> None:
    """is right for a graph like that of w1 to w7, with other rates, also negative ones and 0"""
    tape_gradient.agrees(*_tape(rng, ARTICLE, signed))
    links, count = _tape(rng, ARTICLE, signed)
    links[2] = (4, 2, 0.0)
    tape_gradient.agrees(links, count)


def test_tape_gradient_hands_on_when_all_has_arrived(
    tape_gradient: Subject, rng: np.random.Generator
) -> None:
    """hands a value's gradient on once all of it has arrived, whatever the order of the links of one value"""
    tape_gradient.agrees(*_tape(rng, [[], [0], [1], [1], [2, 3]]))
    for pair in ([1, 2], [2, 1]):
        tape_gradient.agrees(*_tape(rng, [[], [0], [1], pair]))


def test_tape_gradient_of_values_that_do_not_count(tape_gradient: Subject, rng: np.random.Generator) -> None:
    """gives 0 to values that the last one does not depend on"""
    tape_gradient.agrees(*_tape(rng, [[], [], [0], [0, 1], [2]]))


def test_tape_gradient_keeps_all_digits(tape_gradient: Subject, rng: np.random.Generator) -> None:
    """works with all the digits of float64"""
    tape_gradient.agrees(*_tape(rng, ARTICLE, sevenths))
