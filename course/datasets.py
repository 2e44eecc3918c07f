"""Real pictures and tiny made ones. All but MNIST and CIFAR-10 are at hand without a download."""

import functools
import gzip
import hashlib
import io
import os
import pickle
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import numpy as np

# what photographs need is imported where it is needed: the small drawings below must be at hand at once

DIGITS = Path(__file__).parent / "digits.npz"
PHOTOS = "course.photos"
"""Both come with the course, so that a learner needs no other library for them; CREDITS.txt there says whose they are.

The photographs are a package of their own: in the book's live pages it is loaded when one is shown.
"""


@functools.cache
def _load(name: str) -> np.ndarray:
    from PIL import Image

    with (files(PHOTOS) / f"{name}.jpg").open("rb") as file:
        return np.asarray(Image.open(file))


def photo(name: str) -> np.ndarray:
    """Load a photograph that comes with the course.

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

SMALL_RING = np.array(
    [
        [0, 0, 0, 0, 0],
        [0, 1, 1, 1, 0],
        [0, 1, 0, 1, 0],
        [0, 1, 1, 1, 0],
        [0, 0, 0, 0, 0],
    ],
    dtype=np.float64,
)
"""A ring of 3×3: four of its pixels lie where an X crosses, and its middle is empty."""


# The shapes of `x_pictures`: points (x, y) in a square from −1 to 1, y downwards, and the strokes that join them.
_ANGLES = np.linspace(0, 2 * np.pi, 12, endpoint=False)
_SHAPES: dict[str, tuple[list[tuple[float, float]], list[tuple[int, int]]]] = {
    # the crossing first, then each arm's middle, then each arm's tip
    "X": (
        [(0, 0)] + [(reach * x, reach * y) for reach in (0.5, 1) for x in (-1, 1) for y in (-1, 1)],
        [(0, arm) for arm in range(1, 5)] + [(arm, arm + 4) for arm in range(1, 5)],
    ),
    "plus": ([(0, -1), (0, 1), (-1, 0), (1, 0)], [(0, 1), (2, 3)]),
    "ring": (
        [(np.cos(angle), np.sin(angle)) for angle in _ANGLES],
        [(i, (i + 1) % len(_ANGLES)) for i in range(len(_ANGLES))],
    ),
    "square": ([(-1, -1), (1, -1), (1, 1), (-1, 1)], [(0, 1), (1, 2), (2, 3), (3, 0)]),
    "slash": ([(-1, 1), (1, -1)], [(0, 1)]),
    "backslash": ([(-1, -1), (1, 1)], [(0, 1)]),
    "T": ([(-1, -1), (1, -1), (0, -1), (0, 1)], [(0, 1), (2, 3)]),
    "L": ([(-0.7, -1), (-0.7, 1), (0.8, 1)], [(0, 1), (1, 2)]),
    "V": ([(-0.8, -1), (0, 1), (0.8, -1)], [(0, 1), (1, 2)]),
    "arrow": ([(-1, 0), (1, 0), (0.1, -0.8), (0.1, 0.8)], [(0, 1), (2, 1), (3, 1)]),
    # one stroke on each side of the middle, so that they never meet; their ends are drawn afresh each time
    "strokes": ([(0, 0)] * 4, [(0, 1), (2, 3)]),
}
_X_KINDS = ("centred X", "wonky X", "shifted X")
_OTHER_KINDS = tuple(_SHAPES)[1:]


def _shape_points(kind: str, count: int, rng: np.random.Generator) -> np.ndarray:
    """Corner points of `count` shapes of one kind (count, P, 2), each by a slightly unsteady hand."""
    shape = "X" if kind in _X_KINDS else kind
    points = np.tile(np.array(_SHAPES[shape][0], dtype=np.float64), (count, 1, 1))
    if kind == "wonky X":
        # a bent arm leaves the crossing as a diagonal and ends straight up, down or sideways
        first, second = rng.integers(4, size=(2, count))
        bent = (np.arange(4) == first[:, None]) | (np.arange(4) == second[:, None])
        axis = rng.integers(2, size=(count, 4))
        for a in (0, 1):
            points[:, 5:, a] *= np.where(bent & (axis == a), rng.uniform(0.4, 0.6, (count, 4)), 1)
    if kind == "strokes":
        side = np.array([-1, -1, 1, 1])
        points = np.stack([side * rng.uniform(0.4, 1, (count, 4)), rng.uniform(-1, 1, (count, 4))], axis=2)
        # short strokes would be dots: the ends lie at least half the paper apart
        points[:, ::2, 1] = rng.uniform(-1, -0.5, (count, 2))
        points[:, 1::2, 1] = rng.uniform(0, 1, (count, 2))
    unsteady = 0.03 if kind == "centred X" else 0.05
    points = points + rng.normal(0, unsteady, points.shape)
    turn = np.radians(rng.uniform(-8, 8, count))
    if kind in ("T", "L", "V", "arrow", "strokes"):
        turn += rng.integers(4, size=count) * np.pi / 2
    cos, sin = np.cos(turn), np.sin(turn)
    return points @ np.array([[cos, sin], [-sin, cos]]).transpose(2, 0, 1)


def _draw_strokes(ends: np.ndarray, size: int) -> np.ndarray:
    """Draw straight strokes, one pixel wide: ends (N, S, 2, 2) in pixels → ink (N, size, size) from 0 to 1."""
    pixels = np.stack(np.meshgrid(np.arange(size), np.arange(size)), axis=-1).reshape(-1, 2)
    ink = np.zeros((len(ends), size * size))
    for stroke in ends.swapaxes(0, 1):
        start, along = stroke[:, 0, None], (stroke[:, 1] - stroke[:, 0])[:, None]
        # the point of the stroke that lies nearest to each pixel, as a share of the way from its start to its end
        share = np.clip(((pixels - start) * along).sum(axis=2) / (along**2).sum(axis=2), 0, 1)
        distance = np.linalg.norm(pixels - start - share[..., None] * along, axis=2)
        ink = np.maximum(ink, np.clip(1.5 - 2 * distance, 0, 1))
    return ink.reshape(-1, size, size)


def x_pictures(
    count: int, rng: np.random.Generator, size: int = 9
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw small pictures, half of them an X and half something else, in random order.

    An X is centred, wonky (one or two of its arms bend) or shifted (up to the last pixel of an arm leaves the
    paper; the crossing never does). The others are a plus, a ring, a square, a slash, a backslash, a T, an L,
    a V, an arrow (these four turned by any number of quarters) or two strokes that do not meet. All come in
    several sizes, turned by up to 8 degrees, with ink of varying strength and slight noise.

    Parameters
    ----------
    count : int, how many pictures; of an odd number the larger half are X's
    rng : random generator; the same state draws the same pictures
    size : int, height and width in pixels, at least 5

    Returns
    -------
    images : array of float32 (count, size, size, 1), 1 is ink, 0 is paper
    labels : array of int64 (count,), 1 for an X, else 0
    kinds : array of str (count,), such as "wonky X" or "plus"

    Raises
    ------
    ValueError
        If count is negative or size less than 5.
    """
    if count < 0 or size < 5:
        raise ValueError(f"count must not be negative and size at least 5, got count {count} and size {size}")
    number = np.arange(count)
    labels = 1 - number % 2
    kinds = np.where(
        labels == 1,
        np.array(_X_KINDS)[number // 2 % len(_X_KINDS)],
        np.array(_OTHER_KINDS)[number // 2 % len(_OTHER_KINDS)],
    )
    order = rng.permutation(count)
    labels, kinds = labels[order], kinds[order]
    images = np.zeros((count, size, size))
    middle = (size - 1) / 2
    for kind in (*_X_KINDS, *_OTHER_KINDS):
        chosen = np.flatnonzero(kinds == kind)
        n = len(chosen)
        # a shape that is to move about needs room, and its tips may pass the edge
        largest = middle - 1 if kind == "shifted X" else middle
        radius = rng.uniform(min(2.5, middle), max(2.5, largest), n).clip(max=middle)
        room = np.full(n, 0.25) if kind == "centred X" else middle - radius
        shift = rng.uniform(-1, 1, (n, 2)) * room[:, None]
        if kind == "shifted X":
            # far in one direction, up or down or sideways: a shift that the eye sees
            far = rng.choice([-1, 1], n) * rng.uniform(0.5, 1, n) * (room + 1)
            shift[np.arange(n), rng.integers(2, size=n)] = far
        points = _shape_points(kind, n, rng) * radius[:, None, None] + middle + shift[:, None]
        joins = _SHAPES["X" if kind in _X_KINDS else kind][1]
        images[chosen] = _draw_strokes(points[:, joins], size)
    images *= rng.uniform(0.7, 1, (count, 1, 1))
    images += rng.normal(0, 0.03, images.shape)
    return np.clip(images, 0, 1).astype(np.float32)[..., None], labels, kinds


def digits() -> dict[str, np.ndarray]:
    """Load the 8×8 handwritten digits that are known from scikit-learn, split once and for all.

    The 1797 pictures are the test part of "Optical Recognition of Handwritten Digits" by E. Alpaydin and
    C. Kaynak (UCI Machine Learning Repository, 1998, https://doi.org/10.24432/C50P49), by 13 writers. The split
    keeps the share of each digit; it does not keep writers apart, so the test says nothing about a new hand.

    Returns
    -------
    dict with train_images (1197, 8, 8, 1), validation_images (240, 8, 8, 1), test_images (360, 8, 8, 1),
    float32 from 0 (paper) to 1 (ink), and train_labels, validation_labels, test_labels, int64 from 0 to 9
    """
    with np.load(DIGITS) as stored:
        images = (stored["images"] / 16).astype(np.float32)[..., None]
        labels = stored["labels"].astype(np.int64)
        return {
            f"{part}_{what}": values[stored[part]]
            for part in ("train", "validation", "test")
            for what, values in (("images", images), ("labels", labels))
        }


class MissingData(Exception):
    """A data set is not at hand; the text says what to do about it."""


MNIST_SHA256 = {
    "train-images-idx3-ubyte.gz": "71524e2cd1ad2968737f7f2f2ff69cbfc32df8ccddff51593f7cb2d4e0eb5b64",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
"""The four files of MNIST and the SHA-256 of each."""

MNIST_MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)
"""Where the files are fetched from, in this order."""


def _missing_mnist(trouble: str) -> MissingData:
    return MissingData(
        f"{trouble}\nTo use MNIST without a network, put these four files into one folder and set the "
        f"environment variable MNIST_DIR to it:\n  " + "\n  ".join(MNIST_SHA256) + "\n"
        "They can be fetched from " + " or ".join(MNIST_MIRRORS)
    )


def _mnist_cache() -> Path:
    import pooch

    return Path(pooch.os_cache("cnn-course")) / "mnist"


def _download_mnist() -> Path:
    """Fetch what the cache lacks; a file that is there with the right sum is left alone."""
    if find_spec("pooch") is None:
        raise _missing_mnist("To download MNIST, install pooch: pip install pooch")
    import pooch

    cache = _mnist_cache()
    for name, sha256 in MNIST_SHA256.items():
        troubles = []
        for mirror in MNIST_MIRRORS:
            try:
                pooch.retrieve(mirror + name, known_hash=f"sha256:{sha256}", fname=name, path=cache)
                break
            except (OSError, ValueError) as error:  # no network, or something else under that address
                troubles.append(f"{mirror}: {error}")
        else:
            raise _missing_mnist(f"{name} could not be downloaded.\n  " + "\n  ".join(troubles))
    return cache


def read_idx(content: bytes) -> np.ndarray:
    """Decode a gzip-compressed IDX file of bytes, the format of MNIST.

    Such a file begins with two zero bytes, the type (8: unsigned byte), the number of axes, and each axis's length
    in four bytes, largest byte first. The values follow, the last axis fastest.

    Parameters
    ----------
    content : bytes, the file as it is stored

    Returns
    -------
    array of uint8, read only, with as many axes as the header says

    Raises
    ------
    ValueError
        If the content is not gzip, is cut off, or does not have such a header.
    """
    try:
        plain = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"not a whole gzip file: {error}") from error
    if plain[:3] != b"\x00\x00\x08" or len(plain) < 4 or len(plain) < 4 + 4 * plain[3]:
        raise ValueError(
            f"not an IDX file of unsigned bytes: it begins with {plain[:4].hex(' ') or 'nothing'}"
        )
    shape = tuple(int(length) for length in np.frombuffer(plain, ">u4", count=plain[3], offset=4))
    values = np.frombuffer(plain, np.uint8, offset=4 + 4 * plain[3])
    if values.size != np.prod(shape, dtype=np.int64):
        raise ValueError(f"the header says {shape}, but {values.size} values follow")
    return values.reshape(shape)


def mnist_at_hand() -> bool:
    """Say whether `mnist()` finds its four files without a download: in MNIST_DIR if that is set, else in the cache."""
    folder = os.environ.get("MNIST_DIR")
    if (
        not folder and find_spec("pooch") is None
    ):  # which knows where the cache is, and is not in a learner's kit
        return False
    return all((Path(folder) if folder else _mnist_cache()).joinpath(name).is_file() for name in MNIST_SHA256)


def mnist(folder: Path | None = None, validation: int = 5000) -> dict[str, np.ndarray]:
    """Load MNIST: 70,000 handwritten digits, 28×28 pixels, by Y. LeCun, C. Cortes and C. Burges.

    The files come from `folder`, else from the folder named by the environment variable MNIST_DIR, else from a
    cache in the home folder, which is filled by a download of 11 MB the first time. Each must have the
    SHA-256 in `MNIST_SHA256`.

    Parameters
    ----------
    folder : where the four files are
    validation : int from 0 to 59,999, how many of the 60,000 training pictures, the last ones, are set aside

    Returns
    -------
    dict with train_images (60000 − validation, 28, 28, 1), validation_images (validation, 28, 28, 1) and
    test_images (10000, 28, 28, 1), float32 from 0 (paper) to 1 (ink), and train_labels, validation_labels,
    test_labels, int64 from 0 to 9. All together take 220 MB.

    Raises
    ------
    MissingData
        If a file is missing, damaged or cannot be downloaded; the text says what to do.
    ValueError
        If validation is out of range.
    """
    if not 0 <= validation < 60_000:
        raise ValueError(f"validation must be from 0 to 59999, got {validation}")
    if folder is None:
        named = os.environ.get("MNIST_DIR")
        folder = Path(named) if named else _download_mnist()
    arrays = {}
    for name, sha256 in MNIST_SHA256.items():
        try:
            content = (folder / name).read_bytes()
        except OSError as error:
            raise _missing_mnist(f"{folder / name} cannot be read: {error.strerror}.") from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise _missing_mnist(f"{folder / name} is damaged or another file: its SHA-256 is not {sha256}.")
        arrays[name.split("-idx")[0]] = read_idx(content)
    scaled = {part: arrays[f"{part}-images"][..., None] / np.float32(255) for part in ("train", "t10k")}
    labels = {part: arrays[f"{part}-labels"].astype(np.int64) for part in ("train", "t10k")}
    end = 60_000 - validation
    return {
        "train_images": scaled["train"][:end],
        "train_labels": labels["train"][:end],
        "validation_images": scaled["train"][end:],
        "validation_labels": labels["train"][end:],
        "test_images": scaled["t10k"],
        "test_labels": labels["t10k"],
    }


CIFAR10_CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
"""The classes of CIFAR-10, in the order of its labels."""

CIFAR10_ARCHIVE = "cifar-10-python.tar.gz"
CIFAR10_URL = f"https://www.cs.toronto.edu/~kriz/{CIFAR10_ARCHIVE}"
CIFAR10_SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
"""The published archive, 170 MB; its page gives the MD5 c58f30108f718f92721af3b95e74349a."""

CIFAR10_BATCHES = {
    "train": tuple(f"cifar-10-batches-py/data_batch_{number}" for number in range(1, 6)),
    "test": ("cifar-10-batches-py/test_batch",),
}
"""The files of the archive that hold pictures."""

CIFAR10_COPIES = {"train": "train.zip", "test": "test.zip"}
"""Two files that may stand in for the archive: a folder for each class, with pictures as JPEG or PNG."""


def _missing_cifar10(trouble: str) -> MissingData:
    return MissingData(
        f"{trouble}\nTo use CIFAR-10 without a network, put {CIFAR10_ARCHIVE} into a folder and set the environment "
        f"variable CIFAR10_DIR to that folder.\nIt can be fetched from {CIFAR10_URL} (170 MB, SHA-256 "
        f"{CIFAR10_SHA256}).\nA folder with {' and '.join(CIFAR10_COPIES.values())}, which hold the pictures in a folder "
        "for each class, will do as well."
    )


def _cifar10_cache() -> Path:
    import pooch

    return Path(pooch.os_cache("cnn-course")) / "cifar10"


def _download_cifar10() -> Path:
    """Fetch the archive, unless the cache has it with the right sum."""
    if find_spec("pooch") is None:
        raise _missing_cifar10("To download CIFAR-10, install pooch: pip install pooch")
    import pooch

    cache = _cifar10_cache()
    try:
        pooch.retrieve(CIFAR10_URL, known_hash=f"sha256:{CIFAR10_SHA256}", fname=CIFAR10_ARCHIVE, path=cache)
    except (OSError, ValueError) as error:  # no network, or something else under that address
        raise _missing_cifar10(f"{CIFAR10_ARCHIVE} could not be downloaded: {error}") from error
    return cache


def _cifar10_copied(folder: Path) -> bool:
    """Whether a folder has the pictures as files in the place of the archive."""
    copied = all((folder / name).is_file() for name in CIFAR10_COPIES.values())
    return copied and not (folder / CIFAR10_ARCHIVE).is_file()


def cifar10_at_hand() -> bool:
    """Say whether `cifar10()` finds its pictures without a download: in CIFAR10_DIR if that is set, else in the cache."""
    named = os.environ.get("CIFAR10_DIR")
    if not named and find_spec("pooch") is None:
        return False
    folder = Path(named) if named else _cifar10_cache()
    return (folder / CIFAR10_ARCHIVE).is_file() or _cifar10_copied(folder)


class _OnlyArrays(pickle.Unpickler):
    """Reads dicts, lists, bytes, numbers and arrays of numbers; a pickle that asks for anything else is refused.

    A pickle may name any function of any library and have it called. These name three, in the spelling of 2009.
    """

    def find_class(self, module: str, name: str) -> object:
        allowed = {
            ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
            ("numpy", "ndarray"): np.ndarray,
            ("numpy", "dtype"): np.dtype,
        }
        if (module, name) not in allowed:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no batch of pictures needs")
        return allowed[module, name]


def read_cifar10_batch(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Decode one batch of the published archive, without running what a pickle may ask for.

    Parameters
    ----------
    content : bytes, a pickle by Python 2 of a dict: "data", uint8 (N, 3072), for each picture all its red values row by
        row, then the green and the blue ones, and "labels", a list of N ints; more entries are left alone

    Returns
    -------
    images : array of uint8 (N, 32, 32, 3)
    labels : array of int64 (N,), index into `CIFAR10_CLASSES`

    Raises
    ------
    ValueError
        If the content is no such pickle, or asks for a function or class that arrays do not need.
    """
    try:
        # text of Python 2 is bytes to Python 3, and so are the numbers of its arrays
        batch = _OnlyArrays(io.BytesIO(content), encoding="bytes").load()
        planes, labels = batch[b"data"], np.array(batch[b"labels"], dtype=np.int64)
    except Exception as error:  # a damaged pickle may raise nearly anything
        raise ValueError(f"not a batch of CIFAR-10: {error or type(error).__name__}") from error
    if not isinstance(planes, np.ndarray) or planes.dtype != np.uint8 or planes.shape != (len(labels), 3072):
        raise ValueError("not a batch of CIFAR-10: its data are not 3072 bytes for each label")
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(CIFAR10_CLASSES):
        raise ValueError("not a batch of CIFAR-10: its labels are not from 0 to 9")
    return np.ascontiguousarray(planes.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)), labels


def _cifar10_published(folder: Path) -> Callable[[str], tuple[np.ndarray, np.ndarray]]:
    """Check the archive's sum, before anything in it is read, and return what gives the pictures of a part."""
    path = folder / CIFAR10_ARCHIVE
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _missing_cifar10(f"{path} cannot be read: {error.strerror}.") from error
    if hashlib.sha256(content).hexdigest() != CIFAR10_SHA256:
        raise _missing_cifar10(f"{path} is damaged or another file: its SHA-256 is not {CIFAR10_SHA256}.")
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        batches = {
            member.name: file.read()
            for member in archive
            if (file := archive.extractfile(member)) is not None
        }

    def part(which: str) -> tuple[np.ndarray, np.ndarray]:
        images, labels = zip(
            *(read_cifar10_batch(batches[name]) for name in CIFAR10_BATCHES[which]), strict=True
        )
        return np.concatenate(images), np.concatenate(labels)

    return part


def read_picture_folders(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Decode a zip archive with a folder for each class of CIFAR-10, and its pictures of 32×32 in there.

    Parameters
    ----------
    content : bytes, a zip archive with names such as "cat/0123.jpg"

    Returns
    -------
    images : array of uint8 (N, 32, 32, 3), in the order of their names
    labels : array of int64 (N,), index into `CIFAR10_CLASSES`

    Raises
    ------
    ValueError
        If it is no zip archive, a folder is no class, or a file no picture of that size; the text names the file.
    """
    from PIL import Image

    images, labels = [], []
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in sorted(name for name in archive.namelist() if not name.endswith("/")):
                folder = name.rpartition("/")[0].rpartition("/")[2]
                if folder not in CIFAR10_CLASSES:
                    raise ValueError(f"{name} lies in no folder named as a class of CIFAR-10")
                try:
                    image = np.asarray(
                        Image.open(io.BytesIO(archive.read(name)), formats=["JPEG", "PNG"]).convert("RGB")
                    )
                except OSError as error:  # Pillow's words for a picture that is none
                    raise ValueError(f"{name} is no picture: {error}") from error
                if image.shape != (32, 32, 3):
                    raise ValueError(f"{name} has {image.shape[1]}×{image.shape[0]} pixels, not 32×32")
                images.append(image)
                labels.append(CIFAR10_CLASSES.index(folder))
    except zipfile.BadZipFile as error:
        raise ValueError(f"not a whole zip archive: {error}") from error
    return np.array(images, dtype=np.uint8).reshape(-1, 32, 32, 3), np.array(labels, dtype=np.int64)


def _cifar10_from_copies(folder: Path) -> Callable[[str], tuple[np.ndarray, np.ndarray]]:
    def part(which: str) -> tuple[np.ndarray, np.ndarray]:
        path = folder / CIFAR10_COPIES[which]
        try:
            return read_picture_folders(path.read_bytes())
        except (OSError, ValueError) as error:
            raise _missing_cifar10(f"{path} cannot be used: {error}.") from error

    return part


def _cifar10_folder(folder: Path | None) -> Path:
    named = os.environ.get("CIFAR10_DIR")
    return folder or (Path(named) if named else _download_cifar10())


def cifar10_source(folder: Path | None = None) -> dict[str, str]:
    """Say which pictures `cifar10(folder)` loads, for a record that is made with them.

    Returns
    -------
    dict with "pictures", in words, and under the name of each file its SHA-256
    """
    from PIL import Image
    from PIL.JpegImagePlugin import JpegImageFile

    folder = _cifar10_folder(folder)
    if not _cifar10_copied(folder):
        return {"pictures": "CIFAR-10 as published", CIFAR10_ARCHIVE: CIFAR10_SHA256}
    sums = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in CIFAR10_COPIES.values()
    }
    with zipfile.ZipFile(folder / CIFAR10_COPIES["test"]) as archive:
        name = min(name for name in archive.namelist() if not name.endswith("/"))
        picture = Image.open(io.BytesIO(archive.read(name)))
    words = f"CIFAR-10 as {picture.format}"
    if isinstance(picture, JpegImageFile):
        for quality in range(
            1, 101
        ):  # the first table of divisors tells, by the formula that libjpeg made usual
            Image.new("RGB", (8, 8)).save(trial := io.BytesIO(), "JPEG", quality=quality)
            if JpegImageFile(io.BytesIO(trial.getvalue())).quantization[0] == picture.quantization[0]:
                words += f" of quality {quality}"
                break
    return {"pictures": words, **sums}


def cifar10(folder: Path | None = None, validation: int = 5000) -> dict[str, np.ndarray]:
    """Load CIFAR-10: 60,000 colour photographs of ten things, 32×32 pixels, by A. Krizhevsky, V. Nair and G. Hinton.

    The published archive comes from `folder`, else from the folder named by the environment variable CIFAR10_DIR,
    else from a cache in the home folder, which is filled by a download of 170 MB the first time. It must have the
    SHA-256 `CIFAR10_SHA256`, and is unpacked by code that makes arrays and nothing else. A folder without it may hold
    `CIFAR10_COPIES` in its place.

    Parameters
    ----------
    folder : where the archive or its copies are
    validation : int from 0 to 49,990, how many of the 50,000 training pictures are set aside: of each class the same
        number, drawn once and for all, so a multiple of 10

    Returns
    -------
    dict with train_images (50000 − validation, 32, 32, 3), validation_images (validation, 32, 32, 3) and test_images
    (10000, 32, 32, 3), uint8 so that they take 184 MB, and train_labels, validation_labels, test_labels, int64, indices
    into `CIFAR10_CLASSES`

    Raises
    ------
    MissingData
        If a file is missing, damaged or cannot be downloaded; the text says what to do.
    ValueError
        If validation is out of range.
    """
    if not 0 <= validation < 50_000 or validation % 10:
        raise ValueError(f"validation must be from 0 to 49990 and a multiple of 10, got {validation}")
    folder = _cifar10_folder(folder)
    part = (_cifar10_from_copies if _cifar10_copied(folder) else _cifar10_published)(folder)
    images, labels = part("train")
    order = np.random.default_rng(10).permutation(len(labels))
    aside = np.sort(np.concatenate([order[labels[order] == k][: validation // 10] for k in range(10)]))
    rest = np.setdiff1d(np.arange(len(labels)), aside)
    test_images, test_labels = part("test")
    return {
        "train_images": images[rest],
        "train_labels": labels[rest],
        "validation_images": images[aside],
        "validation_labels": labels[aside],
        "test_images": test_images,
        "test_labels": test_labels,
    }


PATCH_CLASSES = ("sky", "leaves", "temple", "flower", "face", "cloth")
"""What the patches of `photo_patches` show: label 0 is sky, label 5 is cloth."""

# (photograph, top, left, bottom, right) in pixels, chosen by eye. No pixel is in a training and a test rectangle.
_PATCH_RECTANGLES: dict[str, dict[str, list[tuple[str, int, int, int, int]]]] = {
    "train": {
        "sky": [("china", 0, 0, 90, 150), ("china", 0, 330, 190, 470), ("portrait", 0, 400, 170, 512)],
        "leaves": [("china", 345, 0, 427, 170), ("china", 310, 460, 427, 640), ("flower", 60, 0, 400, 130)],
        "temple": [("china", 96, 118, 245, 300)],
        "flower": [("flower", 110, 190, 335, 340)],
        "face": [("portrait", 165, 185, 250, 285), ("portrait", 250, 205, 335, 285)],
        "cloth": [("portrait", 0, 0, 155, 130), ("portrait", 425, 30, 595, 220)],
    },
    "test": {
        "sky": [("china", 0, 480, 130, 640), ("portrait", 180, 400, 330, 512)],
        "leaves": [("china", 335, 350, 427, 455), ("flower", 70, 450, 240, 600)],
        "temple": [("china", 247, 100, 340, 320)],
        "flower": [("flower", 125, 342, 325, 415)],
        "face": [("portrait", 165, 287, 250, 355), ("portrait", 250, 287, 335, 338)],
        "cloth": [
            ("portrait", 160, 0, 320, 100),
            ("portrait", 425, 290, 480, 480),
            ("portrait", 530, 290, 600, 480),
        ],
    },
}


def photo_patches(count: int, rng: np.random.Generator, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Cut small colour photographs of six things, `PATCH_CLASSES`, out of the three of `photo`.

    A patch is a square of 40 to 64 pixels at a random place of a rectangle labelled by hand, shrunk to 32×32,
    mirrored or not, its brightness and the strength of each colour changed by up to a fifth, so that colour alone
    does not tell. No pixel is used for both training and test.

    This stands in for a set of photographs such as CIFAR-10, which must be downloaded, and it cannot show what
    such a set shows. Each thing was photographed once or twice: the test patches come from other places of
    the same things, under the same light, so a good result says nothing about another flower or face. And
    the patches overlap: thousands of them hold much less than thousands of photographs.

    Parameters
    ----------
    count : int, how many patches; classes as equal in number as possible, in random order
    rng : random generator; the same state cuts the same patches
    split : "train" or "test"

    Returns
    -------
    images : array of uint8 (count, 32, 32, 3)
    labels : array of int64 (count,), index into `PATCH_CLASSES`

    Raises
    ------
    ValueError
        If count is negative or for any other split.
    """
    from PIL import Image

    if split not in _PATCH_RECTANGLES:
        raise ValueError(f'no split "{split}"; there are "train" and "test"')
    if count < 0:
        raise ValueError(f"count must not be negative, got {count}")
    photos = {name: Image.fromarray(_load(name)) for name in ("china", "flower", "portrait")}
    labels = rng.permutation(np.arange(count) % len(PATCH_CLASSES))
    images = np.empty((count, 32, 32, 3), dtype=np.float32)
    for i, label in enumerate(labels):
        rectangles = _PATCH_RECTANGLES[split][PATCH_CLASSES[label]]
        name, top, left, bottom, right = rectangles[rng.integers(len(rectangles))]
        side = int(rng.integers(40, min(64, bottom - top, right - left) + 1))
        y, x = int(rng.integers(top, bottom - side + 1)), int(rng.integers(left, right - side + 1))
        # cropped first: a resize of a part of the photograph would also look at the pixels around it
        patch = photos[name].crop((x, y, x + side, y + side))
        images[i] = np.asarray(patch.resize((32, 32), Image.Resampling.BILINEAR))
    mirrored = rng.random(count) < 0.5
    images[mirrored] = images[mirrored, :, ::-1]
    images *= rng.uniform(0.8, 1.15, (count, 1, 1, 1)) * rng.uniform(0.8, 1.2, (count, 1, 1, 3))
    return np.clip(np.round(images), 0, 255).astype(np.uint8), labels
