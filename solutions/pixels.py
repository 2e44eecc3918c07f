"""Chapter 1, pixels: an image is an array of numbers."""

import numpy as np


def to_float(image: np.ndarray) -> np.ndarray:
    """Scale an 8-bit image to floats between 0 and 1.

    Parameters
    ----------
    image : array of uint8, any shape, values 0 to 255

    Returns
    -------
    array of float32, same shape, values 0 to 1; 255 becomes exactly 1, and every
    value is right to six digits. `image` stays as it was.
    """
    ### BEGIN SOLUTION
    return image.astype(np.float32) / np.float32(255)
    ### END SOLUTION


def to_grayscale(image: np.ndarray) -> np.ndarray:
    """Mix the red, green and blue channels into one brightness for each pixel.

    The weights 0.299 (red), 0.587 (green) and 0.114 (blue) follow ITU-R BT.601.

    Parameters
    ----------
    image : array (H, W, 3), channels in the order red, green, blue; uint8, or
        float of either sign

    Returns
    -------
    array of float (H, W), on the same scale as `image`; float64 keeps all its
    digits. `image` stays as it was.
    """
    ### BEGIN SOLUTION
    weights = np.array([0.299, 0.587, 0.114], dtype=np.result_type(image, np.float32))
    return image @ weights
    ### END SOLUTION


def flatten_image(image: np.ndarray) -> np.ndarray:
    """Write an image as one vector: row by row, each pixel's channels side by side.

    Parameters
    ----------
    image : array (H, W) or (H, W, C) of any dtype

    Returns
    -------
    array (H·W,) or (H·W·C,) of the same dtype, every number as it was. `image`
    stays as it was; the vector may be a view of it.
    """
    ### BEGIN SOLUTION
    return image.reshape(-1)
    ### END SOLUTION


def one_hot(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Turn class numbers into rows that hold a single 1.

    Parameters
    ----------
    labels : array of integers (N,), values 0 to num_classes − 1, any integer dtype
    num_classes : int, the number of classes K; some may be named by no label

    Returns
    -------
    array of float (N, K): row n is 0 everywhere but for a 1 in column labels[n].
    `labels` stays as it was.
    """
    ### BEGIN SOLUTION
    encoded = np.zeros((len(labels), num_classes))
    encoded[np.arange(len(labels)), labels] = 1
    return encoded
    ### END SOLUTION


def count_dense_parameters(input_shape: tuple[int, ...], units: int) -> int:
    """Count the numbers a fully connected layer has to learn.

    Parameters
    ----------
    input_shape : tuple of int, the shape of one input, such as (H, W) or (H, W, C);
        any number of axes
    units : int, the number of neurons in the layer

    Returns
    -------
    int, not a float: a weight for each input number and a bias, for every neuron
    """
    ### BEGIN SOLUTION
    return (int(np.prod(input_shape)) + 1) * units
    ### END SOLUTION
