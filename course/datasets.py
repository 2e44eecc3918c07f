"""Real pictures and tiny made ones, all at hand without a download."""

import functools

import numpy as np

# what photographs need is imported where it is needed: the small drawings below must be at hand at once


@functools.cache
def _load(name: str) -> np.ndarray:
    from PIL import Image

    if name == "portrait":
        import matplotlib.cbook

        with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
            return np.asarray(Image.open(file))
    from sklearn.datasets import load_sample_image

    return load_sample_image(f"{name}.jpg")


def photo(name: str) -> np.ndarray:
    """Load a photograph that comes with Matplotlib or scikit-learn.

    Parameters
    ----------
    name : "portrait" (600, 512, 3), Grace Hopper, public domain;
        "china" (427, 640, 3), a temple, or "flower" (427, 640, 3), a dahlia, both CC BY

    Returns
    -------
    array of uint8 (H, W, 3), a fresh copy

    Raises
    ------
    ValueError
        For any other name.
    """
    if name not in ("portrait", "china", "flower"):
        raise ValueError(f'no photograph "{name}"; there are "portrait", "china" and "flower"')
    return np.array(_load(name))


def shrink(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Make an image smaller: each new pixel is the mean colour of the rectangle that it replaces.

    Parameters
    ----------
    image : array of uint8 (H, W) or (H, W, 3)
    height, width : int, the new size in pixels

    Returns
    -------
    array of uint8 (height, width) or (height, width, 3)
    """
    # Pillow names a size (width, height), an array's shape is (height, width).
    from PIL import Image

    return np.array(Image.fromarray(image).resize((width, height), Image.Resampling.BOX))


X = np.array(
    [
        [1, 0, 0, 0, 1],
        [0, 1, 0, 1, 0],
        [0, 0, 1, 0, 0],
        [0, 1, 0, 1, 0],
        [1, 0, 0, 0, 1],
    ],
    dtype=np.float64,
)
"""The 5×5 X that runs through the course: 1 is ink, 0 is paper."""

WONKY_X = np.array(
    [
        [0, 1, 0, 0, 1],
        [0, 1, 0, 1, 0],
        [0, 0, 1, 0, 0],
        [0, 1, 0, 1, 0],
        [1, 0, 0, 1, 0],
    ],
    dtype=np.float64,
)
"""An X drawn by a hurried hand: two of its four arms bend. The crossing in the middle is that of `X`."""

SHIFTED_X = np.array(
    [
        [0, 1, 0, 0, 0],
        [0, 0, 1, 0, 1],
        [0, 0, 0, 1, 0],
        [0, 0, 1, 0, 1],
        [0, 1, 0, 0, 0],
    ],
    dtype=np.float64,
)
"""`X` moved one pixel to the right, off centre; the two tips that leave the paper are lost."""

PLUS = np.array(
    [
        [0, 0, 1, 0, 0],
        [0, 0, 1, 0, 0],
        [1, 1, 1, 1, 1],
        [0, 0, 1, 0, 0],
        [0, 0, 1, 0, 0],
    ],
    dtype=np.float64,
)
"""A plus: nine pixels of ink, as many as `X` has, and not an X."""

RING = np.array(
    [
        [0, 1, 1, 1, 0],
        [1, 0, 0, 0, 1],
        [1, 0, 0, 0, 1],
        [1, 0, 0, 0, 1],
        [0, 1, 1, 1, 0],
    ],
    dtype=np.float64,
)
"""A ring, the letter O: not an X either."""
