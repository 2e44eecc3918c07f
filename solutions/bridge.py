"""Chapter 12, the bridge: weights of the course in the order that PyTorch wants."""

import numpy as np


def torch_state(w: np.ndarray, b: np.ndarray) -> dict[str, np.ndarray]:
    """The weights of one layer as PyTorch names and arranges them.

    Parameters
    ----------
    w : array, (F_h, F_w, C, K) of a convolution or (D, M) of a linear layer
    b : array (K,) or (M,), a bias for each filter or output

    Returns
    -------
    dict of two arrays: "weight", of shape (K, C, F_h, F_w) or (M, D), and "bias", as
    it was. float64 keeps all its digits, and `w` and `b` stay as they were.

    Raises
    ------
    ValueError
        If `w` has neither four axes nor two, or `b` is not one number for each entry
        of its last axis.
    """
    ### BEGIN SOLUTION
    if w.ndim not in (2, 4) or b.shape != w.shape[-1:]:
        raise ValueError(f"no layer has weights of shape {w.shape} and biases of shape {b.shape}")
    axes = (3, 2, 0, 1) if w.ndim == 4 else (1, 0)
    return {"weight": w.transpose(axes), "bias": b}
    ### END SOLUTION


def mend_flatten(w: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """The rows of a linear layer, in the order in which channels come first.

    Parameters
    ----------
    w : array (H·W·C, M), a row of weights for each feature that the course's `flatten`
        lists: pixel by pixel, each pixel's channels side by side
    shape : (H, W, C), the shape of one example before it is flattened

    Returns
    -------
    array (H·W·C, M): the same rows in the order of features that come channel by
    channel, each channel's map row by row. Columns keep their order, float64 keeps all
    its digits, and `w` stays as it was.

    Raises
    ------
    ValueError
        If `w` has not H·W·C rows.
    """
    ### BEGIN SOLUTION
    H, W, C = shape
    if len(w) != H * W * C:
        raise ValueError(f"{len(w)} rows of weights, but {H}·{W}·{C} = {H * W * C} features")
    by_place = w.reshape(H, W, C, -1)
    return by_place.transpose(2, 0, 1, 3).reshape(w.shape)
    ### END SOLUTION
