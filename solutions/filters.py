"""Chapter 2, filters: one small window of weights, moved over the whole image."""

import numpy as np


def window_response(window: np.ndarray, kernel: np.ndarray, bias: float) -> float:
    """Answer of one filter to the one window of the image that lies under it.

    Parameters
    ----------
    window : array (F_h, F_w, C), a piece of the image; uint8 or float
    kernel : array of float (F_h, F_w, C), the weights of the filter
    bias : float, added once

    Returns
    -------
    float: the sum of all products window[u, v, c] · kernel[u, v, c], plus the bias;
    arrays of float64 give all the digits of float64. `window` and `kernel` stay as
    they were.
    """
    ### BEGIN SOLUTION
    return float(np.sum(window * kernel) + bias)
    ### END SOLUTION


def correlate2d(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Slide a filter over a grey image pixel by pixel and record every response.

    Parameters
    ----------
    image : array (H, W); uint8 or float
    kernel : array of float (F_h, F_w), the weights of the filter; not larger than the image

    Returns
    -------
    array of float (H − F_h + 1, W − F_w + 1): entry [i, j] is the sum of the
    products of the weights with the window whose top left corner is image[i, j]. The
    filter is not flipped, float64 keeps all its digits, and what came in stays as it
    was.

    Raises
    ------
    ValueError
        If the filter is larger than the image.
    """
    F_h, F_w = kernel.shape
    H_out = image.shape[0] - F_h + 1
    W_out = image.shape[1] - F_w + 1
    if H_out < 1 or W_out < 1:
        raise ValueError(f"filter {kernel.shape} does not fit image {image.shape}")
    dtype = np.result_type(image, kernel, np.float32)
    feature_map = np.zeros((H_out, W_out), dtype=dtype)
    for i in range(H_out):
        for j in range(W_out):
            ### BEGIN SOLUTION
            feature_map[i, j] = np.sum(image[i : i + F_h, j : j + F_w] * kernel)
            ### END SOLUTION
    return feature_map


def apply_filters(
    volume: np.ndarray,
    filters: np.ndarray,
    bias: np.ndarray,
) -> np.ndarray:
    """Slide K filters over an image with C channels; each makes one feature map.

    Parameters
    ----------
    volume : array (H, W, C); uint8 or float
    filters : array of float (F_h, F_w, C, K): filters[..., k] is filter number k
    bias : array of float (K,): bias[k] is added once to every entry of map k

    Returns
    -------
    array of float (H − F_h + 1, W − F_w + 1, K): channel k is the feature map of
    filter k. No filter is flipped, no activation is applied, float64 keeps all its
    digits, and what came in stays as it was.

    Raises
    ------
    ValueError
        If the filters are larger than the volume, or their channels differ.
    """
    H, W, C = volume.shape
    F_h, F_w, C_filters, K = filters.shape
    if C_filters != C or F_h > H or F_w > W:
        raise ValueError(f"filters {filters.shape} do not fit {volume.shape}")
    ### BEGIN SOLUTION
    maps = np.zeros((H - F_h + 1, W - F_w + 1, K), dtype=np.result_type(volume, filters, bias, np.float32))
    for i, j in np.ndindex(maps.shape[:2]):
        patch = volume[i : i + F_h, j : j + F_w, :]
        maps[i, j] = np.tensordot(patch, filters, axes=3) + bias
    return maps
    ### END SOLUTION


def relu(x: np.ndarray) -> np.ndarray:
    """Rectified linear unit: keep what is positive, replace what is negative by 0.

    Parameters
    ----------
    x : array of any shape and dtype, floats or integers

    Returns
    -------
    array of the same shape and dtype: max(x, 0) entry by entry; NaN stays NaN, −∞
    becomes 0. `x` stays as it was.
    """
    ### BEGIN SOLUTION
    return np.maximum(x, 0)
    ### END SOLUTION


def x_detector() -> tuple[np.ndarray, float]:
    """Design a filter that, after bias and ReLU, fires at the centre of an X only.

    Returns
    -------
    kernel : array of float (3, 3), the weights of the filter
    bias : float
        For an image of zeros and ones, relu(correlate2d(image, kernel) + bias) must
        be positive where the centre of a 5×5 X lies, wherever the X stands, and 0
        everywhere else: also on a plus, a ring of 5×5 and one of 3×3, single
        diagonals and a blank image.
    """
    ### BEGIN SOLUTION
    kernel = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 1.0]])
    return kernel, -4.0
    ### END SOLUTION
