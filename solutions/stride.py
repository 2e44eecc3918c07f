"""Chapter 3, stride: how far the window jumps, and how large the map then is."""

import numpy as np


def output_size(
    input_size: int,
    filter_size: int,
    stride: int,
    padding: int,
) -> int:
    """Number of places where a filter fits along one axis.

    Parameters
    ----------
    input_size : int, length W of the axis, in pixels
    filter_size : int, length F of the filter along that axis
    stride : int, how far the window moves at each step, at least 1
    padding : int, how many zeros stand before and after the axis, at least 0

    Returns
    -------
    int, not a float: ⌊(W − F + 2P) / S⌋ + 1

    Raises
    ------
    ValueError
        If the filter is longer than the padded axis.
    """
    ### BEGIN SOLUTION
    room = input_size + 2 * padding - filter_size
    if room < 0:
        raise ValueError(f"a filter of {filter_size} does not fit on {input_size} pixels, padding {padding}")
    return room // stride + 1
    ### END SOLUTION


def correlate2d_strided(
    image: np.ndarray,
    kernel: np.ndarray,
    stride: int | tuple[int, int],
) -> np.ndarray:
    """Slide a filter over a grey image in steps of `stride`; record every response.

    Parameters
    ----------
    image : array (H, W); uint8 or float
    kernel : array of float (F_h, F_w), the filter, not larger than the image
    stride : int for both axes, or a pair (down, across)

    Returns
    -------
    array of float (⌊(H − F_h) / S_h⌋ + 1, ⌊(W − F_w) / S_w⌋ + 1): entry [i, j]
    belongs to the window whose top left corner is image[i · S_h, j · S_w]. The
    filter is not flipped, float64 keeps all its digits, and what came in stays as it
    was.

    Raises
    ------
    ValueError
        If the filter is larger than the image.
    """
    s_h, s_w = np.broadcast_to(stride, 2)  # one number serves for both axes
    F_h, F_w = kernel.shape
    if F_h > image.shape[0] or F_w > image.shape[1]:
        raise ValueError(f"filter {kernel.shape} does not fit image {image.shape}")
    ### BEGIN SOLUTION
    H_out = (image.shape[0] - F_h) // s_h + 1
    W_out = (image.shape[1] - F_w) // s_w + 1
    feature_map = np.zeros((H_out, W_out), dtype=np.result_type(image, kernel, np.float32))
    ### END SOLUTION
    for i in range(H_out):
        for j in range(W_out):
            ### BEGIN SOLUTION
            top, left = i * s_h, j * s_w
            feature_map[i, j] = np.sum(image[top : top + F_h, left : left + F_w] * kernel)
            ### END SOLUTION
    return feature_map


def receptive_field(layers: list[tuple[int, int]]) -> int:
    """How many pixels, along one axis, lie in the view of an entry of the last map.

    They are counted from the first pixel that the entry depends on to the last.
    Where strides are longer than filters there are gaps, and these count too.

    Parameters
    ----------
    layers : list of (filter_size, stride), the first layer first; it stays as it was

    Returns
    -------
    int, not a float: 1 for no layers at all. Each layer adds (filter_size − 1) steps,
    and a step at its input spans as many pixels as the strides of all layers before
    it multiply to.
    """
    ### BEGIN SOLUTION
    field, step = 1, 1
    for filter_size, stride in layers:
        field += (filter_size - 1) * step
        step *= stride
    return field
    ### END SOLUTION
