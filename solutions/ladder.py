"""For chapter 9: the ladder, many ways to compute one convolution, from four loops to nearly one matrix product.

Every way takes images that are padded already, (N, H, W, C), and filters, (F_h, F_w, C, K), and gives the
responses (N, H′, W′, K) at stride 1, without a bias. Ways with the chapter's own kernels are not among them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

try:
    from scipy import signal
except ModuleNotFoundError:  # a learner's kit comes without SciPy: the ladder has a rung less there
    signal = None

sliding_window_view = np.lib.stride_tricks.sliding_window_view


def four_loops(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """A loop over images, rows, columns and filters; in it a window times a filter, summed."""
    (N, H, W, _), (F_h, F_w, _, K) = x.shape, w.shape
    out = np.empty((N, H - F_h + 1, W - F_w + 1, K), dtype=x.dtype)
    for n, i, j, k in np.ndindex(out.shape):
        out[n, i, j, k] = np.sum(x[n, i : i + F_h, j : j + F_w] * w[..., k])
    return out


def scipy_correlate(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """`scipy.signal.correlate` of every image with every filter."""
    (N, H, W, _), (F_h, F_w, _, K) = x.shape, w.shape
    out = np.empty((N, H - F_h + 1, W - F_w + 1, K), dtype=x.dtype)
    for n, k in np.ndindex(N, K):
        out[n, :, :, k] = signal.correlate(x[n], w[..., k], mode="valid", method="direct")[..., 0]
    return out


def einsum_windows(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """`np.einsum` on a view of all windows."""
    return np.einsum("nijcuv,uvck->nijk", sliding_window_view(x, w.shape[:2], axis=(1, 2)), w)


def loop_over_places(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """A loop over places; in it the windows of all images there times all filters."""
    (N, H, W, _), (F_h, F_w, _, K) = x.shape, w.shape
    out = np.empty((N, H - F_h + 1, W - F_w + 1, K), dtype=x.dtype)
    for i, j in np.ndindex(out.shape[1:3]):
        out[:, i, j] = x[:, i : i + F_h, j : j + F_w].reshape(N, -1) @ w.reshape(-1, K)
    return out


def view_of_rows(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """`as_strided` shows one row of each window as a row of a matrix; F_h products, for which NumPy copies."""
    (N, H, W, C), (F_h, F_w, _, K) = x.shape, w.shape
    x = np.ascontiguousarray(x)
    shape = (N, H, W - F_w + 1, F_w * C)
    rows = np.lib.stride_tricks.as_strided(x, shape, x.strides, writeable=False)
    return np.add.reduce([rows[:, u : u + H - F_h + 1] @ w[u].reshape(-1, K) for u in range(F_h)])


def tensordot_windows(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """`np.tensordot` on a view of all windows."""
    windows = sliding_window_view(x, w.shape[:2], axis=(1, 2))
    return np.tensordot(windows, w, axes=((4, 5, 3), (0, 1, 2)))


def einsum_optimized(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """`np.einsum` with `optimize=True`, which makes one matrix product of the sum."""
    windows = sliding_window_view(x, w.shape[:2], axis=(1, 2))
    return np.einsum("nijcuv,uvck->nijk", windows, w, optimize=True)


def fourier(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Fourier transforms of images and filters, multiplied frequency by frequency, and back."""
    (_, H, W, _), (F_h, F_w, _, _) = x.shape, w.shape
    images = np.fft.rfft2(x, axes=(1, 2)).transpose(1, 2, 0, 3)
    filters = np.fft.rfft2(w, s=(H, W), axes=(0, 1)).conj()
    out = np.fft.irfft2((images @ filters).transpose(2, 0, 1, 3), s=(H, W), axes=(1, 2))
    return out[:, : H - F_h + 1, : W - F_w + 1].astype(x.dtype)


def per_tap(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """A loop over the filter's pixels; in it the shifted images times that pixel's weights, added up."""
    (N, H, W, _), (F_h, F_w, _, K) = x.shape, w.shape
    H_out, W_out = H - F_h + 1, W - F_w + 1
    out = np.zeros((N, H_out, W_out, K), dtype=x.dtype)
    for u, v in np.ndindex(w.shape[:2]):
        out += x[:, u : u + H_out, v : v + W_out] @ w[u, v]
    return out


def winograd(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Winograd's F(2×2, 3×3): sixteen products for every four places in place of thirty-six."""
    (N, H, W, C), K = x.shape, w.shape[3]
    H_out, W_out = H - 2, W - 2
    x = np.pad(x, ((0, 0), (0, H_out % 2), (0, W_out % 2), (0, 0)))
    to_tile = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]], dtype=x.dtype)
    to_filter = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]], dtype=x.dtype)
    to_map = np.array([[1, 1, 1, 0], [0, 1, -1, -1]], dtype=x.dtype)
    tiles = sliding_window_view(x, (4, 4), axis=(1, 2))[:, ::2, ::2]  # (N, rows, columns, C, 4, 4)
    rows, columns = tiles.shape[1:3]
    tiles = np.tensordot(to_tile, np.tensordot(to_tile, tiles, (1, 4)), (1, 5)).reshape(16, -1, C)
    filters = np.tensordot(to_filter, np.tensordot(to_filter, w, (1, 0)), (1, 1)).reshape(16, C, K)
    maps = (tiles @ filters).reshape(4, 4, N, rows, columns, K)
    maps = np.tensordot(to_map, np.tensordot(to_map, maps, (1, 1)), (1, 1))  # across, down, then as above
    return maps.transpose(2, 3, 1, 4, 0, 5).reshape(N, 2 * rows, 2 * columns, K)[:, :H_out, :W_out]


def unrolled_rows(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Copies each pixel F_h times, not F_h · F_w; a column of windows is then a matrix that BLAS takes."""
    (N, H, W, C), (F_h, F_w, _, K) = x.shape, w.shape
    H_out, W_out = H - F_h + 1, W - F_w + 1
    matrix = w.transpose(1, 0, 2, 3).reshape(-1, K)
    unrolled = np.stack([x[:, u : u + H_out] for u in range(F_h)], axis=3).reshape(N * H_out, -1)
    out = np.empty((N * H_out, W_out * K), dtype=x.dtype)
    for j in range(W_out):
        windows = unrolled[:, j * F_h * C : (j + F_w) * F_h * C]
        np.matmul(windows, matrix, out=out[:, j * K : (j + 1) * K])
    return out.reshape(N, H_out, W_out, K)


@dataclass(frozen=True)
class Way:
    """One way to compute a convolution."""

    name: str
    """For charts."""
    function: Callable[[np.ndarray, np.ndarray], np.ndarray]
    why: str
    """One sentence: why it is as fast as it is."""
    one_picture: bool = False
    """Too slow for a batch: timed on the first picture, against the bare product for that picture."""
    filter_size: int | None = None
    """The only size of filter that it works for, if there is one."""


WAYS: dict[str, Way] = {
    way.function.__name__: way
    for way in (
        Way(
            "four loops",
            four_loops,
            "For every response Python starts a product and a sum, and the calls cost far more than their arithmetic.",
            one_picture=True,
        ),
        Way(
            "scipy.signal.correlate",
            scipy_correlate,
            "Compiled loops, but a call for every filter, and one number at a time.",
            one_picture=True,
        ),
        Way(
            "einsum on windows",
            einsum_windows,
            "One compiled loop over all six axes, a few numbers at a time, without BLAS.",
        ),
        Way(
            "Fourier transform",
            fourier,
            "Filters grow to the size of the image: good for large ones, much complex arithmetic for small.",
        ),
        Way(
            "Winograd F(2×2, 3×3)",
            winograd,
            "2.25 times fewer multiplications, paid for with transforms that move much memory.",
            filter_size=3,
        ),
        Way(
            "loop over places",
            loop_over_places,
            "A matrix product for each place: N rows each, gathered from far apart. The calls show where windows are small.",
        ),
        Way(
            "tensordot on windows",
            tensordot_windows,
            "One BLAS product, after a copy of all windows into a matrix F_h · F_w times the images.",
        ),
        Way(
            "einsum, optimize=True",
            einsum_optimized,
            "It too becomes one matrix product, on a copy of all windows in an order that einsum chooses.",
        ),
        Way(
            "one filter pixel at a time",
            per_tap,
            "No window is copied, and with several channels each step is a good product. With one channel it is a column times a "
            "row, which NumPy does not hand to BLAS, and each step writes all responses again for one product each.",
        ),
        Way(
            "view of rows, as_strided",
            view_of_rows,
            "The rows overlap, which BLAS does not take, so NumPy copies them for each product, a line at a time: long lines are "
            "cheap, short ones are not.",
        ),
        Way(
            "unrolled along rows (MEC)",
            unrolled_rows,
            "A third of the copying for 3×3 filters, then W′ medium-sized BLAS products.",
        ),
    )
}
"""The ways, about from slow to fast, by the name of their function."""

if signal is None:
    del WAYS["scipy_correlate"]
