"""Valid inputs of every kernel, drawn without a look at its checks: what parts wrong kernels from right ones.

The checks use eighths and whole numbers, so that their inputs read well. Here numbers are sevenths, tiny, large, alike
or plain random, in float64 and float32, and shapes are what comes.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder import mistakes
from autograder.chapters import chapters
from autograder.inside.functions import Known, Seeded

Rng = np.random.Generator
DRAWS: dict[str, Callable[[Rng], tuple[Any, ...]]] = {}
"""For each kernel a function that draws the arguments of one call."""


def _draws(*kernels: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def keep(function: Callable[..., Any]) -> Callable[..., Any]:
        for kernel in kernels:
            DRAWS[kernel] = function
        return function

    return keep


def numbers(rng: Rng, *shape: int, dtype: Any = None) -> np.ndarray:
    """Floats of one of several kinds, in float64 or, once in five times, in float32."""
    kind = rng.integers(6)
    if kind == 0:
        values = rng.integers(-40, 41, shape) / 7
    elif kind == 1:
        values = rng.integers(-3, 4, shape).astype(float)  # ties and zeros
    elif kind == 2:
        values = rng.normal(0, 1, shape) * 1e-3
    elif kind == 3:
        values = rng.normal(20, 300, shape)
    else:
        values = rng.normal(0, 1, shape)
    return np.asarray(values, dtype or (np.float32 if rng.random() < 0.2 else np.float64))


def picture(rng: Rng, *shape: int) -> np.ndarray:
    """Numbers, or once in six times bytes."""
    if rng.random() < 1 / 6:
        return rng.integers(0, 256, shape).astype(np.uint8)
    return numbers(rng, *shape)


def _few(rng: Rng, low: int = 1, high: int = 4) -> int:
    return int(rng.integers(low, high + 1))


def _layer(rng: Rng) -> tuple[tuple[int, int, int, int], tuple[int, int], int, int, tuple[int, int]]:
    """Shape of images, of a filter, stride, padding, and the size of the map."""
    while True:
        N, H, W, C = _few(rng, 1, 3), _few(rng, 1, 8), _few(rng, 1, 8), _few(rng, 1, 3)
        F_h, F_w, stride, padding = _few(rng), _few(rng), _few(rng, 1, 3), _few(rng, 0, 2)
        rows, columns = H + 2 * padding - F_h, W + 2 * padding - F_w
        if rows >= 0 and columns >= 0:
            return (N, H, W, C), (F_h, F_w), stride, padding, (rows // stride + 1, columns // stride + 1)


def _like(rng: Rng, given: np.ndarray, *shape: int) -> np.ndarray:
    """Numbers of the dtype of others, if that is float."""
    return numbers(rng, *shape, dtype=given.dtype if given.dtype.kind == "f" else np.float64)


@_draws("to_float")
def _(rng: Rng) -> tuple[Any, ...]:
    return (rng.integers(0, 256, [_few(rng) for _ in range(_few(rng, 1, 4))]).astype(np.uint8),)


@_draws("to_grayscale")
def _(rng: Rng) -> tuple[Any, ...]:
    return (picture(rng, _few(rng, 1, 6), _few(rng, 1, 6), 3),)


@_draws("flatten_image")
def _(rng: Rng) -> tuple[Any, ...]:
    return (picture(rng, *[_few(rng, 1, 5) for _ in range(_few(rng, 2, 3))]),)


@_draws("one_hot")
def _(rng: Rng) -> tuple[Any, ...]:
    classes = _few(rng, 1, 12)
    dtype = rng.choice(["int64", "uint8", "int8", "int32"])
    return rng.integers(0, classes, _few(rng, 1, 9)).astype(dtype), classes + _few(rng, 0, 2)


@_draws("count_dense_parameters")
def _(rng: Rng) -> tuple[Any, ...]:
    return tuple(_few(rng, 1, 30) for _ in range(_few(rng, 1, 4))), _few(rng, 1, 90)


@_draws("window_response")
def _(rng: Rng) -> tuple[Any, ...]:
    window = picture(rng, _few(rng), _few(rng), _few(rng))
    return window, _like(rng, window, *window.shape), float(rng.normal() * 3)


@_draws("correlate2d")
def _(rng: Rng) -> tuple[Any, ...]:
    F_h, F_w = _few(rng), _few(rng)
    image = picture(rng, F_h + _few(rng, 0, 5), F_w + _few(rng, 0, 5))
    return image, _like(rng, image, F_h, F_w)


@_draws("correlate2d_strided")
def _(rng: Rng) -> tuple[Any, ...]:
    F_h, F_w = _few(rng), _few(rng)
    image = picture(rng, F_h + _few(rng, 0, 6), F_w + _few(rng, 0, 6))
    stride = _few(rng) if rng.random() < 0.5 else (_few(rng), _few(rng))
    return image, _like(rng, image, F_h, F_w), stride


@_draws("apply_filters")
def _(rng: Rng) -> tuple[Any, ...]:
    F_h, F_w, C, K = _few(rng, 1, 3), _few(rng, 1, 3), _few(rng, 1, 3), _few(rng, 1, 3)
    volume = picture(rng, F_h + _few(rng, 0, 4), F_w + _few(rng, 0, 4), C)
    return volume, _like(rng, volume, F_h, F_w, C, K), _like(rng, volume, K)


@_draws("relu")
def _(rng: Rng) -> tuple[Any, ...]:
    x = numbers(rng, *[_few(rng) for _ in range(_few(rng, 1, 4))])
    special = rng.integers(4)
    if special == 0:
        x.flat[rng.integers(x.size)] = [np.nan, np.inf, -np.inf][rng.integers(3)]
    return (x.astype(int),) if special == 1 else (x,)


@_draws("output_size")
def _(rng: Rng) -> tuple[Any, ...]:
    filter_size, padding = _few(rng, 1, 12), _few(rng, 0, 5)
    return max(1, filter_size - 2 * padding) + _few(rng, 0, 40), filter_size, _few(rng, 1, 7), padding


@_draws("receptive_field")
def _(rng: Rng) -> tuple[Any, ...]:
    return ([(_few(rng, 1, 7), _few(rng, 1, 4)) for _ in range(_few(rng, 0, 5))],)


@_draws("zero_pad")
def _(rng: Rng) -> tuple[Any, ...]:
    return picture(rng, _few(rng, 1, 3), _few(rng), _few(rng), _few(rng, 1, 3)), _few(rng, 0, 3)


@_draws("same_padding")
def _(rng: Rng) -> tuple[Any, ...]:
    return _few(rng, 1, 60), _few(rng, 1, 11), _few(rng, 1, 8)


@_draws("conv2d", "conv2d_fast")
def _(rng: Rng) -> tuple[Any, ...]:
    shape, (F_h, F_w), stride, padding, _ = _layer(rng)
    x, K = picture(rng, *shape), _few(rng, 1, 3)
    given = x, _like(rng, x, F_h, F_w, shape[3], K), _like(rng, x, K)
    return given if stride == 1 and padding == 0 and rng.random() < 0.5 else (*given, stride, padding)


@_draws("max_pool2d", "avg_pool2d")
def _(rng: Rng) -> tuple[Any, ...]:
    size = _few(rng)
    x = picture(rng, _few(rng, 1, 3), size + _few(rng, 0, 6), size + _few(rng, 0, 6), _few(rng, 1, 3))
    stride = None if rng.random() < 0.3 else _few(rng, 1, 5)
    return x, size, stride, bool(rng.integers(2))


@_draws("avg_pool_as_conv")
def _(rng: Rng) -> tuple[Any, ...]:
    return _few(rng, 1, 5), _few(rng, 1, 7)


@_draws("flatten")
def _(rng: Rng) -> tuple[Any, ...]:
    return (picture(rng, *[_few(rng) for _ in range(4)]),)


@_draws("linear")
def _(rng: Rng) -> tuple[Any, ...]:
    N, D, M = _few(rng, 1, 5), _few(rng, 1, 5), _few(rng, 1, 5)
    x = numbers(rng, N, D)
    return x, _like(rng, x, D, M), _like(rng, x, M)


@_draws("sigmoid")
def _(rng: Rng) -> tuple[Any, ...]:
    z = numbers(rng, *[_few(rng) for _ in range(_few(rng, 1, 3))])
    return (z * float(rng.choice([1, 1, 200])),)


@_draws("log_loss")
def _(rng: Rng) -> tuple[Any, ...]:
    N = _few(rng, 1, 9)
    p = rng.random(N)
    if rng.random() < 0.5:
        p[rng.integers(N)] = rng.integers(2)
    return p, rng.integers(0, 2, N)


@_draws("softmax")
def _(rng: Rng) -> tuple[Any, ...]:
    return (numbers(rng, _few(rng, 1, 5), _few(rng, 1, 6)) * float(rng.choice([1, 1, 300])),)


@_draws("cross_entropy", "softmax_cross_entropy_backward")
def _(rng: Rng) -> tuple[Any, ...]:
    N, K = _few(rng, 1, 5), _few(rng, 1, 6)
    return numbers(rng, N, K), rng.integers(0, K, N)


@_draws("x_or_not_x")
def _(rng: Rng) -> tuple[Any, ...]:
    H, W, K = _few(rng, 3, 7), _few(rng, 3, 7), _few(rng, 1, 3)
    D = -(-(H - 2) // 2) * -(-(W - 2) // 2) * K
    fine = lambda *shape: rng.normal(0, 0.7, shape)
    params = {
        "filters": fine(3, 3, 1, K), "filter_bias": fine(K), "hidden_w": fine(D, 3), "hidden_b": fine(3),
        "output_w": fine(3, 1), "output_b": fine(1),
    }  # fmt: skip
    return rng.integers(0, 2, (H, W)).astype(float), params


@_draws("graph_gradient")
def _(rng: Rng) -> tuple[Any, ...]:
    return float(rng.normal() * 3), float(rng.choice([-1, 1]) * rng.uniform(0.2, 5))


@_draws("numerical_gradient")
def _(rng: Rng) -> tuple[Any, ...]:
    f = str(
        rng.choice(["sum_of_squares", "sum_of_sines", "weighted_cubes", "product", "product_of_row_sums"])
    )
    x = rng.normal(
        1, 0.5, [_few(rng, 1, 3) for _ in range(2 if f == "product_of_row_sums" else _few(rng, 1, 3))]
    )
    return (Known(f), x) if rng.random() < 0.6 else (Known(f), x, float(rng.choice([1e-4, 0.01, 0.1])))


@_draws("linear_backward")
def _(rng: Rng) -> tuple[Any, ...]:
    N, D, M = _few(rng, 1, 5), _few(rng, 1, 5), _few(rng, 1, 5)
    x = numbers(rng, N, D)
    return _like(rng, x, N, M), x, _like(rng, x, D, M)


@_draws("relu_backward")
def _(rng: Rng) -> tuple[Any, ...]:
    x = numbers(rng, *[_few(rng) for _ in range(_few(rng, 1, 4))])
    return _like(rng, x, *x.shape), x


@_draws("max_pool2d_backward")
def _(rng: Rng) -> tuple[Any, ...]:
    size, stride = _few(rng, 1, 3), _few(rng, 1, 4)
    H, W = size + _few(rng, 0, 5), size + _few(rng, 0, 5)
    x = numbers(rng, _few(rng, 1, 2), H, W, _few(rng, 1, 2))
    shape = len(x), (H - size) // stride + 1, (W - size) // stride + 1, x.shape[3]
    return _like(rng, x, *shape), x, size, stride


@_draws("avg_pool2d_backward")
def _(rng: Rng) -> tuple[Any, ...]:
    size, stride = _few(rng, 1, 3), _few(rng, 1, 4)
    N, H, W, C = _few(rng, 1, 2), size + _few(rng, 0, 5), size + _few(rng, 0, 5), _few(rng, 1, 2)
    count = [len([s for s in range(0, side - size + stride, stride) if s < side]) for side in (H, W)]
    return numbers(rng, N, *count, C), (N, H, W, C), size, stride


@_draws("conv2d_backward", "conv2d_fast_backward")
def _(rng: Rng) -> tuple[Any, ...]:
    shape, (F_h, F_w), stride, padding, size = _layer(rng)
    x, K = numbers(rng, *shape), _few(rng, 1, 3)
    given = _like(rng, x, shape[0], *size, K), x, _like(rng, x, F_h, F_w, shape[3], K)
    return given if stride == 1 and padding == 0 and rng.random() < 0.5 else (*given, stride, padding)


@_draws("im2col")
def _(rng: Rng) -> tuple[Any, ...]:
    shape, (F_h, F_w), stride, padding, _ = _layer(rng)
    return picture(rng, *shape), F_h, F_w, stride, padding


@_draws("col2im")
def _(rng: Rng) -> tuple[Any, ...]:
    shape, (F_h, F_w), stride, padding, (rows, columns) = _layer(rng)
    windows = numbers(rng, shape[0] * rows * columns, F_h * F_w * shape[3])
    return windows, shape, F_h, F_w, stride, padding


@_draws("tape_gradient")
def _(rng: Rng) -> tuple[Any, ...]:
    count = _few(rng, 1, 8)
    pairs = [
        (place, int(source))
        for place in range(1, count)
        for source in rng.integers(0, place, _few(rng, 0, 3))
    ]
    return [(*pair, float(rng.normal())) for pair in pairs], count


@_draws("conv1x1")
def _(rng: Rng) -> tuple[Any, ...]:
    x, K = picture(rng, _few(rng, 1, 3), _few(rng), _few(rng), _few(rng)), _few(rng)
    return x, _like(rng, x, 1, 1, x.shape[3], K), _like(rng, x, K)


@_draws("conv2d_dilated")
def _(rng: Rng) -> tuple[Any, ...]:
    F_h, F_w, dilation, C, K = _few(rng, 1, 3), _few(rng, 1, 3), _few(rng), _few(rng, 1, 3), _few(rng, 1, 3)
    H, W = (dilation * (side - 1) + _few(rng) for side in (F_h, F_w))
    x = picture(rng, _few(rng, 1, 3), H, W, C)
    return x, _like(rng, x, F_h, F_w, C, K), _like(rng, x, K), dilation


@_draws("conv2d_transposed")
def _(rng: Rng) -> tuple[Any, ...]:
    while True:
        N, H, W, C, K = _few(rng, 1, 3), _few(rng), _few(rng), _few(rng, 1, 3), _few(rng, 1, 3)
        F_h, F_w, stride, padding = _few(rng), _few(rng), _few(rng, 1, 3), _few(rng, 0, 2)
        if min((H - 1) * stride + F_h, (W - 1) * stride + F_w) > 2 * padding:
            break
    x = numbers(rng, N, H, W, K)
    given = x, _like(rng, x, F_h, F_w, C, K)
    return given if stride == 1 and padding == 0 and rng.random() < 0.5 else (*given, stride, padding)


@_draws("sgd_step")
def _(rng: Rng) -> tuple[Any, ...]:
    param = numbers(rng, *[_few(rng) for _ in range(_few(rng, 1, 4))])
    return param, _like(rng, param, *param.shape), float(rng.choice([0.1, 0.01, 0.3, 1.7]))


@_draws("adam_step")
def _(rng: Rng) -> tuple[Any, ...]:
    param = numbers(rng, *[_few(rng) for _ in range(_few(rng, 1, 4))])
    given = [_like(rng, param, *param.shape) for _ in range(3)]
    t = _few(rng, 0, 9)
    state = {"m": given[0] * min(t, 1), "v": given[1] ** 2 * min(t, 1), "t": t}
    if rng.random() < 0.4:
        return param, given[2], state
    rates = [(0.01, 0.3), (0.8, 0.95), (0.9, 0.99), (1e-8, 1e-3)]
    return param, given[2], state, *(float(rng.uniform(*bounds)) for bounds in rates)


@_draws("dropout")
def _(rng: Rng) -> tuple[Any, ...]:
    x = numbers(rng, *[_few(rng) for _ in range(_few(rng, 1, 4))])
    return x, float(rng.choice([0.0, 0.2, 0.5])), Seeded(int(rng.integers(2**31))), bool(rng.integers(2))


def _lenet(rng: Rng) -> tuple[dict[str, np.ndarray], np.ndarray, int]:
    H, W, C, K1, K2, M = (
        _few(rng, 4, 9),
        _few(rng, 4, 9),
        *(_few(rng, 1, 3) for _ in range(3)),
        _few(rng, 2, 4),
    )
    classes = _few(rng, 2, 4)
    fine = lambda *shape: rng.normal(0, 0.6, shape)
    params = {
        "filters1": fine(3, 3, C, K1), "bias1": fine(K1), "filters2": fine(3, 3, K1, K2), "bias2": fine(K2),
        "hidden_w": fine(H // 2 // 2 * (W // 2 // 2) * K2, M), "hidden_b": fine(M) + 1,
        "output_w": fine(M, classes), "output_b": fine(classes),
    }  # fmt: skip
    return params, rng.normal(0, 1, (_few(rng, 1, 3), H, W, C)), classes


@_draws("lenet_logits")
def _(rng: Rng) -> tuple[Any, ...]:
    return _lenet(rng)[:2]


@_draws("lenet_gradients")
def _(rng: Rng) -> tuple[Any, ...]:
    params, images, classes = _lenet(rng)
    return params, images, rng.integers(0, classes, len(images))


@_draws("train")
def _(rng: Rng) -> tuple[Any, ...]:
    """One batch holds all training images, whose order then makes no difference."""
    params = {"w": rng.normal(0, 0.5, (6, 3)), "b": rng.normal(0, 0.5, 3)}
    data = {}
    for name in ("train", "validation", "test"):
        count = _few(rng, 2, 6)
        data[f"{name}_images"] = rng.normal(0, 1, (count, 2, 3, 1))
        data[f"{name}_labels"] = rng.integers(0, 3, count)
    size = len(data["train_labels"]) + _few(rng, 0, 3)
    network = Known("one_layer_logits"), Known("one_layer_gradients")
    return (
        *network,
        params,
        data,
        Seeded(int(rng.integers(2**31))),
        _few(rng, 1, 4),
        size,
        float(rng.uniform(0.01, 0.3)),
    )


@_draws("he_init")
def _(rng: Rng) -> tuple[Any, ...]:
    shape = tuple(_few(rng) for _ in range(int(rng.choice([2, 4]))))
    return shape, Seeded(int(rng.integers(2**31)))


@_draws("batch_norm")
def _(rng: Rng) -> tuple[Any, ...]:
    x = numbers(rng, *[_few(rng, 2, 4) for _ in range(int(rng.choice([2, 4])))])
    C = x.shape[-1]
    running = {"mean": _like(rng, x, C), "var": np.abs(_like(rng, x, C)) + 1}
    given = x, _like(rng, x, C), _like(rng, x, C), running, bool(rng.integers(2))
    return (
        given
        if rng.random() < 0.4
        else (*given, float(rng.uniform(0.5, 0.99)), float(rng.uniform(1e-4, 0.1)))
    )


@_draws("batch_norm_backward")
def _(rng: Rng) -> tuple[Any, ...]:
    x = rng.normal(1, 2, [_few(rng, 2, 4) for _ in range(int(rng.choice([2, 4])))])
    given = rng.normal(0, 1, x.shape), x, rng.normal(1, 1, x.shape[-1])
    return given if rng.random() < 0.5 else (*given, float(rng.uniform(1e-4, 0.1)))


@_draws("random_shift")
def _(rng: Rng) -> tuple[Any, ...]:
    images = picture(rng, _few(rng, 1, 4), _few(rng, 2, 5), _few(rng, 2, 5), _few(rng, 1, 3))
    return images, _few(rng, 0, 2), Seeded(int(rng.integers(2**31)))


@_draws("x_detector")
def _(rng: Rng) -> tuple[Any, ...]:
    return ()


@_draws("torch_state")
def _(rng: Rng) -> tuple[Any, ...]:
    w = numbers(rng, *[_few(rng) for _ in range(2 if rng.random() < 0.5 else 4)])
    return w, _like(rng, w, w.shape[-1])


@_draws("mend_flatten")
def _(rng: Rng) -> tuple[Any, ...]:
    shape = _few(rng), _few(rng), _few(rng)
    return numbers(rng, int(np.prod(shape)), _few(rng)), shape


for _one in chapters():  # a chapter may bring draws of its own
    mistakes.of(_one.name)
DRAWS.update(mistakes.drawn())
