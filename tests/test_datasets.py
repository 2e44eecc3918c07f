"""The data of the course: drawn, cut and split as promised, and a missing download says what to do."""

import contextlib
import functools
import gzip
import hashlib
import http.server
import io
import itertools
import os
import pickle
import re
import struct
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from autograder.chapters import ROOT
from course import datasets
from course.datasets import MNIST_SHA256, MissingData

IMAGES = "t10k-images-idx3-ubyte.gz"
LABELS = "t10k-labels-idx1-ubyte.gz"


@pytest.fixture(scope="module")
def mnist_folder() -> Path:
    folder = Path(os.environ.get("MNIST_DIR") or ROOT.parent / "shared/data/mnist")
    if not all((folder / name).is_file() for name in MNIST_SHA256):
        pytest.skip(f"no copy of MNIST in {folder}; set MNIST_DIR to a folder that has one")
    return folder


@pytest.fixture
def copied(mnist_folder: Path, tmp_path: Path) -> Path:
    """A folder of links to the four files, in which a test may replace one."""
    for name in MNIST_SHA256:
        (tmp_path / name).symlink_to(mnist_folder / name)
    return tmp_path


def parts_disjoint(data: dict[str, np.ndarray]) -> bool:
    seen = [{image.tobytes() for image in data[f"{part}_images"]} for part in ("train", "validation", "test")]
    return len(set.union(*seen)) == sum(len(part) for part in seen)


def idx(array: np.ndarray) -> bytes:
    return gzip.compress(
        struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()
    )


# digits


def test_digits_are_split_once_and_each_part_holds_every_digit_equally() -> None:
    data = datasets.digits()
    for part, count in (("train", 1197), ("validation", 240), ("test", 360)):
        images, labels = data[f"{part}_images"], data[f"{part}_labels"]
        assert images.shape == (count, 8, 8, 1)
        assert images.dtype == np.float32
        assert (images.min(), images.max()) == (0, 1)
        share = np.bincount(labels, minlength=10) / count
        assert share.min() > 0.09 and share.max() < 0.11
    assert parts_disjoint(data)
    again = datasets.digits()
    assert all(np.array_equal(data[key], again[key]) for key in data)


def test_digits_keep_each_label_with_its_picture() -> None:
    from sklearn.datasets import load_digits

    bundle = load_digits()
    truth = {
        (image / 16).astype(np.float32).tobytes(): label
        for image, label in zip(bundle.images, bundle.target, strict=True)
    }
    data = datasets.digits()
    for part in ("train", "validation", "test"):
        found = [truth[image.tobytes()] for image in data[f"{part}_images"]]
        assert found == data[f"{part}_labels"].tolist()


def test_digits_and_their_split_are_those_of_scikit_learn() -> None:
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    labels = load_digits().target
    rest, test = train_test_split(np.arange(len(labels)), test_size=360, random_state=0, stratify=labels)
    train, validation = train_test_split(rest, test_size=240, random_state=0, stratify=labels[rest])
    data = datasets.digits()
    for part, chosen in (("train", train), ("validation", validation), ("test", test)):
        images = (load_digits().images[chosen] / 16).astype(np.float32)[..., None]
        assert np.array_equal(data[f"{part}_images"], images)
        assert np.array_equal(data[f"{part}_labels"], labels[chosen])


@pytest.mark.parametrize("name", ["china", "flower"])
def test_photographs_are_those_of_scikit_learn(name: str) -> None:
    from sklearn.datasets import load_sample_image

    assert np.array_equal(datasets.photo(name), load_sample_image(f"{name}.jpg"))


def test_the_portrait_is_that_of_matplotlib() -> None:
    import matplotlib
    from PIL import Image

    theirs = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    assert np.array_equal(datasets.photo("portrait"), np.asarray(Image.open(theirs)))


def test_what_comes_with_the_course_says_whose_it_is() -> None:
    folder = files(datasets.PHOTOS)
    credits = (folder / "CREDITS.txt").read_text(encoding="utf-8")
    names = {path.name for path in folder.iterdir() if path.name.endswith(".jpg")} | {"../digits.npz"}
    assert len(names) == 4 and datasets.DIGITS.is_file()
    assert all(re.search(rf"^{re.escape(name)}\s", credits, re.MULTILINE) for name in names)


# MNIST


def test_mnist_scales_and_splits_the_real_files(mnist_folder: Path) -> None:
    data = datasets.mnist(mnist_folder)
    shapes = {key: value.shape for key, value in data.items()}
    assert shapes == {
        "train_images": (55_000, 28, 28, 1),
        "train_labels": (55_000,),
        "validation_images": (5_000, 28, 28, 1),
        "validation_labels": (5_000,),
        "test_images": (10_000, 28, 28, 1),
        "test_labels": (10_000,),
    }
    assert data["train_images"].dtype == np.float32
    assert (data["test_images"].min(), data["test_images"].max()) == (0, 1)
    # as published: the first training labels and how often each digit occurs in the test set
    assert data["train_labels"][:5].tolist() == [5, 0, 4, 1, 9]
    counts = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(data["test_labels"]).tolist() == counts
    together = np.concatenate([data["train_images"], data["validation_images"]])
    plain = np.round(together * 255).astype(np.uint8).tobytes()
    header = struct.pack(">4B3I", 0, 0, 8, 3, 60_000, 28, 28)
    assert hashlib.md5(header + plain).hexdigest() == "6bbc9ace898e44ae57da46a324031adb"


@pytest.mark.parametrize("validation", [0, 10_000])
def test_mnist_sets_aside_the_last_pictures(mnist_folder: Path, validation: int) -> None:
    data = datasets.mnist(mnist_folder, validation=validation)
    assert len(data["train_labels"]) == len(data["train_images"]) == 60_000 - validation
    assert len(data["validation_labels"]) == len(data["validation_images"]) == validation
    stored = gzip.decompress((mnist_folder / "train-labels-idx1-ubyte.gz").read_bytes())
    labels = np.frombuffer(stored, np.uint8, offset=8)
    assert np.array_equal(np.concatenate([data["train_labels"], data["validation_labels"]]), labels)


@pytest.mark.parametrize("validation", [-1, 60_000])
def test_mnist_refuses_an_impossible_validation_count(validation: int) -> None:
    with pytest.raises(ValueError, match=str(validation)):
        datasets.mnist(Path("nowhere"), validation=validation)


def cut_off(content: bytes) -> bytes:
    return content[: len(content) // 2]


def one_bit_flipped(content: bytes) -> bytes:
    return content[:1000] + bytes([content[1000] ^ 1]) + content[1001:]


def a_web_page(content: bytes) -> bytes:
    return b"<!DOCTYPE html><html><body>Sign in to the network</body></html>"


def an_older_magic(content: bytes) -> bytes:
    plain = gzip.decompress(content)
    return gzip.compress(b"\x00\x00\x0d" + plain[3:])


def nothing(content: bytes) -> bytes:
    return b""


@pytest.mark.parametrize("damage", [cut_off, one_bit_flipped, a_web_page, an_older_magic, nothing])
def test_damaged_mnist_is_refused_with_the_way_out(copied: Path, damage: Callable[[bytes], bytes]) -> None:
    content = (copied / LABELS).read_bytes()
    (copied / LABELS).unlink()
    (copied / LABELS).write_bytes(damage(content))
    with pytest.raises(MissingData, match=rf"{LABELS} is damaged[\s\S]*MNIST_DIR"):
        datasets.mnist(copied)


def test_a_missing_file_or_folder_is_named_with_the_way_out(copied: Path) -> None:
    (copied / IMAGES).unlink()
    with pytest.raises(MissingData, match=rf"{IMAGES} cannot be read[\s\S]*MNIST_DIR"):
        datasets.mnist(copied)
    with pytest.raises(MissingData, match=r"nowhere[\s\S]*cannot be read[\s\S]*MNIST_DIR"):
        datasets.mnist(copied / "nowhere")


def test_mnist_dir_is_used_and_at_hand_only_when_whole(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_DIR", str(copied))
    assert datasets.mnist_at_hand()
    assert len(datasets.mnist()["test_labels"]) == 10_000
    (copied / IMAGES).unlink()
    assert not datasets.mnist_at_hand()
    with pytest.raises(MissingData):
        datasets.mnist()


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of our own, no MNIST_DIR, and mirrors at an address where nobody listens."""
    monkeypatch.delenv("MNIST_DIR", raising=False)
    monkeypatch.setattr(datasets, "_mnist_cache", lambda: tmp_path / "cache")
    monkeypatch.setattr(datasets, "MNIST_MIRRORS", ("http://127.0.0.1:9/a/", "http://127.0.0.1:9/b/"))
    return tmp_path / "cache"


def test_without_network_mnist_says_what_to_do(empty_cache: Path) -> None:
    assert not datasets.mnist_at_hand()
    with pytest.raises(MissingData, match=r"could not be downloaded[\s\S]*:9/a/[\s\S]*:9/b/[\s\S]*MNIST_DIR"):
        datasets.mnist()


def test_without_pooch_mnist_says_what_to_install(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    monkeypatch.setattr(datasets, "find_spec", lambda name: None)
    assert not datasets.mnist_at_hand()
    with pytest.raises(MissingData, match="pip install pooch"):
        datasets.mnist()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address under which a server of our own hands out the files of a folder."""
    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_download_passes_over_a_mirror_that_answers_with_a_web_page(
    empty_cache: Path, mnist_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    (site / "bad").mkdir(parents=True)
    (site / "good").symlink_to(mnist_folder)
    for name in MNIST_SHA256:
        (site / "bad" / name).write_bytes(a_web_page(b""))
    with served(site) as address:
        monkeypatch.setattr(datasets, "MNIST_MIRRORS", (f"{address}bad/",))
        with pytest.raises(MissingData, match="could not be downloaded"):
            datasets.mnist()
        monkeypatch.setattr(datasets, "MNIST_MIRRORS", (f"{address}bad/", f"{address}good/"))
        assert len(datasets.mnist()["train_labels"]) == 55_000
    # from now on the cache answers, without the server
    assert datasets.mnist_at_hand()
    assert len(datasets.mnist()["train_labels"]) == 55_000


def test_read_idx_returns_what_was_stored() -> None:
    stored = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    assert np.array_equal(datasets.read_idx(idx(stored)), stored)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"<!DOCTYPE html>", "not a whole gzip file"),
        (idx(np.zeros((5, 5), np.uint8))[:-12], "not a whole gzip file"),
        (gzip.compress(b""), "begins with nothing"),
        (gzip.compress(b"\x00\x00\x0d\x01\x00\x00\x00\x01\x00"), "begins with 00 00 0d 01"),
        (gzip.compress(b"\x00\x00\x08\x03\x00\x00"), "begins with 00 00 08 03"),
        (gzip.compress(b"\x00\x00\x08\x01\x00\x00\x00\x03\x00\x00"), r"says \(3,\), but 2 values"),
        (gzip.compress(b"\x00\x00\x08\x01\x00\x00\x00\x01\x00\x00"), r"says \(1,\), but 2 values"),
    ],
)
def test_read_idx_names_what_is_wrong(content: bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        datasets.read_idx(content)


# CIFAR-10


class ByPython2(pickle._Pickler):  # type: ignore[name-defined]
    """Writes what cPickle of Python 2 wrote in 2009: text as bytes without a kind, and NumPy's functions under old names."""

    def __init__(self, file: io.BytesIO):
        super().__init__(file, protocol=2)

    def save_text(self, text: bytes | str) -> None:
        raw = text.encode("latin1") if isinstance(text, str) else text
        self.write(pickle.BINSTRING + struct.pack("<i", len(raw)) + raw)
        self.memoize(text)

    def save_function(self, function: object) -> None:
        module, name = {
            np.empty(0).__reduce__()[0]: ("numpy.core.multiarray", "_reconstruct"),
            np.ndarray: ("numpy", "ndarray"),
            np.dtype: ("numpy", "dtype"),
        }[function]
        self.write(pickle.GLOBAL + f"{module}\n{name}\n".encode())
        self.memoize(function)

    dispatch: ClassVar[dict] = {
        **pickle._Pickler.dispatch,  # type: ignore[attr-defined]
        bytes: save_text,
        str: save_text,
        type: save_function,
        type(np.dtype): save_function,
        type(np.empty(0).__reduce__()[0]): save_function,
    }


def by_python_2(value: object) -> bytes:
    ByPython2(file := io.BytesIO()).dump(value)
    return file.getvalue()


def cifar10_batch(images: np.ndarray, labels: np.ndarray) -> bytes:
    """A batch as it stands in the published archive: colour planes one after the other."""
    planes = np.ascontiguousarray(images.transpose(0, 3, 1, 2)).reshape(len(images), -1)
    names = [f"{number:04}.png" for number in range(len(images))]
    batch = {"data": planes, "labels": labels.tolist(), "batch_label": "one of a few", "filenames": names}
    return by_python_2(batch)


TEN = np.random.default_rng(1).permutation(10)


def ten_pictures(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (10, 32, 32, 3), dtype=np.uint8)


def small_archive(path: Path, **replaced: bytes) -> str:
    """An archive laid out like the published one, ten pictures a batch, one of each class; its SHA-256."""
    batches = {f"data_batch_{seed}": cifar10_batch(ten_pictures(seed), TEN) for seed in range(1, 6)}
    batches |= {"test_batch": cifar10_batch(ten_pictures(6), TEN), "readme.html": b"<html></html>"}
    with tarfile.open(path, "w:gz") as archive:
        for name, content in (batches | replaced).items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small archive, with its sum in the place of the published one's."""
    path = tmp_path / datasets.CIFAR10_ARCHIVE
    monkeypatch.setattr(datasets, "CIFAR10_SHA256", small_archive(path))
    return path


def zipped(path: Path, pictures: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as copy:
        for name, content in pictures.items():
            copy.writestr(name, content)


def encoded(image: np.ndarray, kind: str = "PNG", **more: int) -> bytes:
    from PIL import Image

    Image.fromarray(image).save(file := io.BytesIO(), kind, **more)
    return file.getvalue()


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    """A folder of copies: 50 pictures for training and ten for the test, PNG so that no byte is lost."""
    for name, seeds in (("train.zip", range(1, 6)), ("test.zip", range(6, 7))):
        pictures = {
            f"{datasets.CIFAR10_CLASSES[label]}/{seed}.png": encoded(image)
            for seed in seeds
            for image, label in zip(ten_pictures(seed), TEN, strict=True)
        }
        zipped(tmp_path / name, pictures)
    return tmp_path


def test_a_batch_by_python_2_is_read_as_it_was_written() -> None:
    content = cifar10_batch(ten_pictures(1), TEN)
    assert content.startswith(b"\x80\x02") and b"cnumpy.core.multiarray\n_reconstruct\n" in content
    images, labels = datasets.read_cifar10_batch(content)
    assert images.dtype == np.uint8 and np.array_equal(images, ten_pictures(1))
    assert labels.dtype == np.int64 and np.array_equal(labels, TEN)


class Asks:
    """Pickles as a call of a function."""

    def __init__(self, function: Callable, *arguments: object):
        self.call = function, arguments

    def __reduce__(self) -> tuple:
        return self.call


@pytest.mark.parametrize(
    "function", [os.system, eval, subprocess.check_call, np.load, getattr], ids=lambda one: one.__name__
)
def test_a_batch_that_asks_for_any_function_is_refused_and_nothing_runs(
    function: Callable, tmp_path: Path
) -> None:
    mark = tmp_path / "was here"
    text = f"open({str(mark)!r}, 'w')" if function is eval else f"touch '{mark}'"
    hostile = pickle.dumps({"data": Asks(function, text), "labels": []}, protocol=2)
    with pytest.raises(ValueError, match=rf"asks for .*{function.__name__}"):
        datasets.read_cifar10_batch(hostile)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "not a batch"),
        (cifar10_batch(ten_pictures(1), TEN)[:5000], "not a batch"),
        (by_python_2({"labels": []}), "not a batch"),
        (by_python_2([1, 2]), "not a batch"),
        (by_python_2({"data": "text", "labels": [0]}), "3072 bytes"),
        (by_python_2({"data": np.zeros((1, 3072), np.float32), "labels": [0]}), "3072 bytes"),
        (by_python_2({"data": np.zeros((2, 3072), np.uint8), "labels": [0]}), "3072 bytes"),
        (by_python_2({"data": np.zeros((1, 3072), np.uint8), "labels": [10]}), "from 0 to 9"),
    ],
)
def test_read_cifar10_batch_names_what_is_wrong(content: bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        datasets.read_cifar10_batch(content)


def pictures_and_labels(data: dict[str, np.ndarray], *parts: str) -> list[tuple[bytes, int]]:
    return sorted(
        (image.tobytes(), int(label))
        for part in parts
        for image, label in zip(data[f"{part}_images"], data[f"{part}_labels"], strict=True)
    )


@pytest.mark.parametrize("source", ["archive", "copies"])
def test_cifar10_keeps_labels_with_pictures_and_parts_apart(
    source: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    request.getfixturevalue(source)
    data = datasets.cifar10(tmp_path, validation=20)
    assert [len(data[f"{part}_labels"]) for part in ("train", "validation", "test")] == [30, 20, 10]
    assert np.bincount(data["validation_labels"]).tolist() == 10 * [2]
    pairs = [
        sorted(
            (image.tobytes(), int(label))
            for seed in seeds
            for image, label in zip(ten_pictures(seed), TEN, strict=True)
        )
        for seeds in (range(1, 6), (6,))
    ]
    assert pictures_and_labels(data, "train", "validation") == pairs[0]
    assert pictures_and_labels(data, "test") == pairs[1]
    assert parts_disjoint(data)
    again = datasets.cifar10(tmp_path, validation=20)
    assert all(np.array_equal(data[key], again[key]) for key in data)
    assert datasets.cifar10(tmp_path, validation=0)["validation_images"].shape == (0, 32, 32, 3)


@pytest.mark.parametrize("validation", [-10, 7, 50_000])
def test_cifar10_refuses_an_impossible_validation_count(validation: int) -> None:
    with pytest.raises(ValueError, match=str(validation)):
        datasets.cifar10(Path("nowhere"), validation=validation)


@pytest.mark.parametrize("damage", [cut_off, one_bit_flipped, a_web_page, nothing])
def test_a_damaged_archive_is_refused_before_anything_in_it_is_read(
    archive: Path, damage: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []
    monkeypatch.setattr(tarfile, "open", lambda *given, **more: opened.append(given))
    archive.write_bytes(damage(archive.read_bytes()))
    with pytest.raises(MissingData, match=r"is damaged or another file[\s\S]*CIFAR10_DIR[\s\S]*toronto"):
        datasets.cifar10(archive.parent)
    assert not opened


def test_a_hostile_archive_runs_nothing_even_if_its_sum_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark, path = tmp_path / "was here", tmp_path / datasets.CIFAR10_ARCHIVE
    hostile = pickle.dumps({"data": Asks(os.system, f"touch '{mark}'"), "labels": []}, protocol=2)
    monkeypatch.setattr(datasets, "CIFAR10_SHA256", small_archive(path, data_batch_2=hostile))
    with pytest.raises(ValueError, match=r"asks for .*system"):
        datasets.cifar10(tmp_path)
    assert not mark.exists()


def test_the_published_archive_is_pinned() -> None:
    assert datasets.CIFAR10_URL == "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
    assert re.fullmatch("[0-9a-f]{64}", datasets.CIFAR10_SHA256)


@pytest.mark.parametrize(
    ("pictures", "complaint"),
    [
        ({"cat/1.png": b"GIF89a"}, r"cat/1\.png is no picture"),
        ({"zebra/1.png": encoded(ten_pictures(1)[0])}, r"zebra/1\.png lies in no folder"),
        ({"1.png": encoded(ten_pictures(1)[0])}, r"1\.png lies in no folder"),
        ({"cat/1.png": encoded(np.zeros((8, 9, 3), np.uint8))}, r"cat/1\.png has 9×8 pixels, not 32×32"),
    ],
)
def test_copies_name_the_picture_that_is_wrong(
    copies: Path, pictures: dict[str, bytes], complaint: str
) -> None:
    zipped(copies / "test.zip", pictures)
    with pytest.raises(MissingData, match=rf"test\.zip cannot be used: {complaint}[\s\S]*CIFAR10_DIR"):
        datasets.cifar10(copies, validation=0)


def test_copies_that_are_no_zip_are_refused(copies: Path) -> None:
    (copies / "train.zip").write_bytes(a_web_page(b""))
    with pytest.raises(MissingData, match=r"train\.zip cannot be used: not a whole zip archive"):
        datasets.cifar10(copies)


def test_cifar10_dir_is_used_and_the_archive_goes_before_copies(
    archive: Path, copies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIFAR10_DIR", str(copies))
    assert datasets.cifar10_at_hand()
    assert datasets.cifar10_source()["pictures"] == "CIFAR-10 as published"
    archive.unlink()
    assert datasets.cifar10_at_hand()
    assert len(datasets.cifar10(validation=0)["train_labels"]) == 50
    found = datasets.cifar10_source()
    assert found["pictures"] == "CIFAR-10 as PNG"
    assert found["test.zip"] == hashlib.sha256((copies / "test.zip").read_bytes()).hexdigest()
    (copies / "test.zip").unlink()
    assert not datasets.cifar10_at_hand()
    with pytest.raises(MissingData, match=r"cannot be read[\s\S]*CIFAR10_DIR"):
        datasets.cifar10()


@pytest.mark.parametrize("quality", [20, 75, 90])
def test_a_record_says_of_which_quality_the_copies_were(copies: Path, quality: int) -> None:
    zipped(copies / "test.zip", {"cat/1.jpg": encoded(ten_pictures(1)[0], "JPEG", quality=quality)})
    assert datasets.cifar10_source(copies)["pictures"] == f"CIFAR-10 as JPEG of quality {quality}"


def test_cifar10_is_downloaded_once_and_without_network_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, cache = tmp_path / "site", tmp_path / "cache"
    site.mkdir()
    monkeypatch.setattr(datasets, "CIFAR10_SHA256", small_archive(site / datasets.CIFAR10_ARCHIVE))
    monkeypatch.delenv("CIFAR10_DIR", raising=False)
    monkeypatch.setattr(datasets, "_cifar10_cache", lambda: cache)
    monkeypatch.setattr(datasets, "CIFAR10_URL", "http://127.0.0.1:9/a.tar.gz")
    assert not datasets.cifar10_at_hand()
    with pytest.raises(MissingData, match=r"could not be downloaded[\s\S]*CIFAR10_DIR[\s\S]*:9/a\.tar\.gz"):
        datasets.cifar10()
    with served(site) as address:
        monkeypatch.setattr(datasets, "CIFAR10_URL", f"{address}{datasets.CIFAR10_ARCHIVE}")
        assert len(datasets.cifar10(validation=0)["train_labels"]) == 50
    assert datasets.cifar10_at_hand()
    assert len(datasets.cifar10(validation=0)["train_labels"]) == 50


def test_without_pooch_cifar10_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CIFAR10_DIR", raising=False)
    monkeypatch.setattr(datasets, "find_spec", lambda name: None)
    assert not datasets.cifar10_at_hand()
    with pytest.raises(MissingData, match="pip install pooch"):
        datasets.cifar10()


# X or not


@pytest.mark.parametrize("size", [5, 9, 10])
def test_half_of_the_x_pictures_are_an_x(size: int) -> None:
    images, labels, kinds = datasets.x_pictures(601, np.random.default_rng(1), size)
    assert images.shape == (601, size, size, 1)
    assert images.dtype == np.float32
    assert images.min() >= 0 and images.max() <= 1
    assert labels.sum() == 301
    assert np.array_equal(labels == 1, np.char.endswith(kinds, " X"))
    assert len(np.unique(kinds)) == 13
    # mixed, not one after the other: runs of equal labels are short
    assert 200 < np.count_nonzero(np.diff(labels)) < 400


def test_every_picture_has_ink_and_paper() -> None:
    images, labels, _ = datasets.x_pictures(2000, np.random.default_rng(2))
    ink = images[..., 0] > 0.35
    assert ink.sum(axis=(1, 2)).min() >= 3
    assert ink.sum(axis=(1, 2)).max() < 45
    for axis in (1, 2):
        assert ink[labels == 1].any(axis=axis).sum(axis=1).min() >= 4


@pytest.mark.parametrize("size", [5, 9, 12])
def test_the_crossing_of_every_x_stays_on_the_paper(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    crossings = []
    draw = datasets._draw_strokes

    def note(ends: np.ndarray, size: int) -> np.ndarray:
        if ends.shape[1] == 8:  # only an X has eight strokes; the first begins at its crossing
            crossings.append(ends[:, 0, 0])
        return draw(ends, size)

    monkeypatch.setattr(datasets, "_draw_strokes", note)
    datasets.x_pictures(3000, np.random.default_rng(9), size)
    places = np.concatenate(crossings)
    assert len(places) == 1500
    assert places.min() > 0.5 and places.max() < size - 1.5


def test_shifted_x_is_off_centre_and_centred_x_is_not() -> None:
    images, _, kinds = datasets.x_pictures(2000, np.random.default_rng(3))
    ink = images[..., 0] * (images[..., 0] > 0.2)
    places = np.arange(9) - 4
    centre = np.stack(
        [(ink.sum(axis=axis) * places).sum(axis=1) / ink.sum(axis=(1, 2)) for axis in (1, 2)], axis=1
    )
    far = np.abs(centre).max(axis=1)
    assert far[kinds == "centred X"].max() < 0.7
    assert far[kinds == "shifted X"].min() > 0.7


def test_x_pictures_refuse_what_cannot_be_drawn() -> None:
    for count, size in ((-1, 9), (10, 4)):
        with pytest.raises(ValueError, match=f"count {count} and size {size}"):
            datasets.x_pictures(count, np.random.default_rng(0), size)
    assert [len(part) for part in datasets.x_pictures(0, np.random.default_rng(0))] == [0, 0, 0]


# patches


@pytest.mark.parametrize("split", ["train", "test"])
def test_patches_never_look_at_the_other_split(split: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With every pixel outside a split's own rectangles inverted, its patches stay the same."""
    images, labels = datasets.photo_patches(600, np.random.default_rng(4), split)
    own = {name: np.zeros(datasets.photo(name).shape[:2], bool) for name in ("china", "flower", "portrait")}
    foreign = {name: mask.copy() for name, mask in own.items()}
    for which, classes in datasets._PATCH_RECTANGLES.items():
        assert tuple(classes) == datasets.PATCH_CLASSES
        for name, top, left, bottom, right in itertools.chain(*classes.values()):
            (own if which == split else foreign)[name][top:bottom, left:right] = True
    assert not any((own[name] & foreign[name]).any() for name in own)
    inverted = {
        name: np.where(own[name][..., None], datasets.photo(name), 255 - datasets.photo(name)) for name in own
    }
    monkeypatch.setattr(datasets, "_load", inverted.__getitem__)
    again, labels_again = datasets.photo_patches(600, np.random.default_rng(4), split)
    assert np.array_equal(images, again)
    assert np.array_equal(labels, labels_again)
    # and the patches do depend on the photographs: inverted inside, they differ
    monkeypatch.setattr(datasets, "_load", lambda name: 255 - inverted[name])
    assert not np.array_equal(images, datasets.photo_patches(600, np.random.default_rng(4), split)[0])


def test_patches_hold_every_class_equally_in_random_order() -> None:
    images, labels = datasets.photo_patches(603, np.random.default_rng(5), "train")
    assert images.shape == (603, 32, 32, 3)
    assert images.dtype == np.uint8
    counts = np.bincount(labels)
    assert len(counts) == len(datasets.PATCH_CLASSES)
    assert counts.max() - counts.min() <= 1
    assert np.count_nonzero(np.diff(labels)) > 400


def test_patches_refuse_another_split_or_count() -> None:
    with pytest.raises(ValueError, match='no split "validation"'):
        datasets.photo_patches(1, np.random.default_rng(0), "validation")
    with pytest.raises(ValueError, match="-1"):
        datasets.photo_patches(-1, np.random.default_rng(0), "test")


# both


@pytest.mark.parametrize(
    "draw",
    [lambda rng: datasets.x_pictures(300, rng), lambda rng: datasets.photo_patches(300, rng, "train")],
    ids=["x_pictures", "photo_patches"],
)
def test_the_same_state_draws_the_same_and_another_does_not(draw: Callable) -> None:
    first, again, other = (draw(np.random.default_rng(seed)) for seed in (6, 6, 7))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_four_thousand_pictures_are_drawn_at_once() -> None:
    rng = np.random.default_rng(8)
    datasets.photo_patches(6, rng, "train")  # opens the photographs
    for draw in (lambda: datasets.x_pictures(4000, rng), lambda: datasets.photo_patches(4000, rng, "train")):
        began = time.process_time()
        draw()
        assert time.process_time() - began < 2
