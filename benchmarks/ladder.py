"""The whole ladder of chapter 9, measured: the ways of `solutions.ladder` and those with tuned kernels of the chapter."""

import time
from typing import NamedTuple

import numpy as np

from benchmarks.timing import in_turns, peak_bytes, threads
from solutions import ladder
from solutions.ladder import Way
from solutions.padding import conv2d, zero_pad
from solutions.tuned import conv2d_fast, im2col


class Shape(NamedTuple):
    """Sizes of a convolution layer: N images H × W × C, K filters F × F."""

    N: int
    H: int
    W: int
    C: int
    F: int
    K: int
    stride: int = 1
    padding: int = 0

    @property
    def places(self) -> tuple[int, int]:
        """(H′, W′), the size of the layer's maps."""
        smaller = 2 * self.padding - self.F
        return (self.H + smaller) // self.stride + 1, (self.W + smaller) // self.stride + 1

    def inputs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Random (x, w, b, dout) of float32, the same at every call."""
        rng = np.random.default_rng(9)
        sizes = (
            (self.N, self.H, self.W, self.C),
            (self.F, self.F, self.C, self.K),
            (self.K,),
            (self.N, *self.places, self.K),
        )
        x, w, b, dout = (rng.standard_normal(size, dtype=np.float32) for size in sizes)
        return x, w / np.float32(self.F * self.C**0.5), b, dout

    def __str__(self) -> str:
        tail = f", stride {self.stride}" if self.stride > 1 else ""
        return f"{self.N}×{self.H}×{self.W}×{self.C} → {self.K}, {self.F}×{self.F}{tail}"


MAIN = Shape(32, 28, 28, 16, 3, 32, padding=1)
"""The layer of chapter 9."""

SMALL = Shape(8, 28, 28, 16, 3, 32, padding=1)
"""The same with fewer images, for a page that measures while it is read."""


def im2col_batch(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """All windows of the batch copied into one matrix, then one product."""
    (N, H, W, _), (F_h, F_w, _, K) = x.shape, w.shape
    return (im2col(x, F_h, F_w) @ w.reshape(-1, K)).reshape(N, H - F_h + 1, W - F_w + 1, K)


def im2col_picture(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """The same, a picture at a time."""
    return np.concatenate([im2col_batch(x[n : n + 1], w) for n in range(len(x))])


def fast(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """The tuned `conv2d_fast`: im2col in blocks that fit the cache, each product written where it belongs."""
    return conv2d_fast(x, w, np.zeros(w.shape[3], dtype=w.dtype))


WAYS: dict[str, Way] = ladder.WAYS | {
    way.function.__name__: way
    for way in (
        Way(
            "im2col, whole batch",
            im2col_batch,
            "One BLAS product, but its large matrix is written to memory and read back.",
        ),
        Way(
            "im2col, a picture at a time",
            im2col_picture,
            "The matrix of one picture stays in the cache between its copy and its product.",
        ),
        Way(
            "conv2d_fast",
            fast,
            "Blocks that fit the cache, long runs in the copy, products straight into the output.",
        ),
    )
}
"""All ways, by the name of their function."""


def ways_for(shape: Shape) -> dict[str, Way]:
    """The ways that work for these sizes."""
    return {key: way for key, way in WAYS.items() if way.filter_size in (None, shape.F)}


def assert_agree(shape: Shape) -> None:
    """Raise AssertionError if a way differs from `conv2d`; slow ways are compared on the first picture."""
    x, w, _, _ = shape.inputs()
    expected = conv2d(x, w, np.zeros(shape.K, dtype=np.float32), padding=shape.padding)
    padded = zero_pad(x, shape.padding)
    for way in ways_for(shape).values():
        count = 1 if way.one_picture else shape.N
        got = way.function(padded[:count], w)
        if got.dtype != np.float32:
            raise AssertionError(f"{way.name}: {got.dtype}, not float32")
        np.testing.assert_allclose(got, expected[:count], rtol=1e-4, atol=1e-4, err_msg=way.name)


class Measured(NamedTuple):
    """What a way costs."""

    multiple: float
    """Time as a multiple of the bare matrix product."""
    peak: int
    """Most bytes held at a time, the result included, the padded images not; of one picture for slow ways."""


def measure(shape: Shape = SMALL, rounds: int = 5) -> dict[str, Measured]:
    """Cost of each way as a multiple of the bare product (N·H′·W′, F²·C) @ (F²·C, K), on one thread.

    Parameters
    ----------
    shape : sizes of the layer; its stride is 1
    rounds : int, how often each way is timed; slow ways once
    """
    x, w, _, _ = shape.inputs()
    padded, matrix = zero_pad(x, shape.padding), w.reshape(-1, shape.K)
    columns = im2col(padded, shape.F, shape.F)
    calls = {
        key: lambda way=way: way.function(padded[:1] if way.one_picture else padded, w)
        for key, way in ways_for(shape).items()
    }
    places = int(np.prod(shape.places))
    slow = {key for key in calls if WAYS[key].one_picture}
    with threads(1):
        seconds = in_turns(
            {
                "bare": lambda: columns @ matrix,
                "bare, one picture": lambda: columns[:places] @ matrix,
                **{key: call for key, call in calls.items() if key not in slow},
            },
            rounds,
            time.thread_time,
        )
        seconds |= in_turns({key: calls[key] for key in slow}, 1, time.thread_time)
    return {
        key: Measured(
            float(np.median(seconds[key] / seconds["bare"]))
            if key not in slow
            else float(seconds[key][0] / np.median(seconds["bare, one picture"])),
            peak_bytes(call),
        )
        for key, call in calls.items()
    }
