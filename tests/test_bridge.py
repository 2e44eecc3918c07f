"""Networks of the course in PyTorch and in Keras, and back; logs for TensorBoard; the page about them, with and without.

Each test that needs one of these programs is skipped where it is not installed. Where `make tensorflow` has set up an
environment for TensorFlow, those that it can run are run there once more, with Keras on TensorFlow.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from autograder.chapters import ROOT
from benchmarks.bridge import PAGE, TENSORFLOW, cells, recorded_code
from course import bridge, programs
from course.network import BatchNorm, Conv, Dropout, Flatten, Linear, MaxPool, Network, Pad, Params, ReLU
from course.recorded import FOLDER
from solutions.bridge import mend_flatten, torch_state
from solutions.left_out import batch_norm, batch_norm_backward
from solutions.training import adam_step, dropout

KERNELS = (torch_state, mend_flatten)


def needs(*wanted: str) -> pytest.MarkDecorator:
    line = programs.missing(*wanted)
    return pytest.mark.skipif(bool(line), reason=line)


def every_layer() -> Network:
    """A network with every kind of layer, for colour images that are not square, some of it where order is at stake."""
    norm = (batch_norm, batch_norm_backward)
    return Network(
        (9, 12, 3),
        [
            Pad(0, 1),
            Conv(5, 2),
            BatchNorm(norm),
            ReLU(),
            MaxPool(2),
            Conv(4, 3, padding=1, stride=2),
            ReLU(),
            Flatten(),
            BatchNorm(norm),
            Linear(7),
            ReLU(),
            Dropout(0.5, dropout),
            Linear(6),
        ],
    )


def plain() -> Network:
    """The digit network of chapter 8 in small: uneven padding, two convolutions, two linear layers."""
    start = [Pad(0, 1), Conv(4, 2), ReLU(), MaxPool(2), Pad(0, 1), Conv(6, 2), ReLU(), MaxPool(2)]
    return Network((8, 12, 1), [*start, Flatten(), Linear(16), ReLU(), Linear(10)])


def random_weights(network: Network, seed: int) -> Params:
    """Weights of which no two are alike, also where a network starts with zeros or ones, and running averages."""
    rng = np.random.default_rng(seed)
    params = {
        name: (rng.normal(1 if name.endswith("gamma") else 0, 0.5, array.shape)).astype(np.float32)
        for name, array in network.init(rng).items()
    }
    for layer in network.layers:
        if isinstance(layer, BatchNorm):
            size = layer.running["mean"].shape
            layer.running = {
                "mean": rng.normal(0, 1, size).astype(np.float32),
                "var": rng.uniform(0.5, 2, size).astype(np.float32),
            }
    return params


def pictures(network: Network, count: int = 5) -> np.ndarray:
    return np.random.default_rng(7).random((count, *network.image_shape), dtype=np.float32)


def assert_same(got: Params, want: Params) -> None:
    assert set(got) == set(want)
    for name, array in want.items():
        assert got[name].dtype == array.dtype and np.array_equal(got[name], array), name


by_network = pytest.mark.parametrize("make", [every_layer, plain])
by_seed = pytest.mark.parametrize("seed", [0, 1, 2])


@needs("torch")
@by_network
@by_seed
def test_pytorch_gives_the_same_logits_and_the_weights_come_back(make, seed: int) -> None:
    network, other = make(), make()
    params, images = random_weights(network, seed), pictures(network)
    module = bridge.to_torch(network, params, KERNELS)
    assert np.abs(bridge.torch_logits(module, images) - network.logits(params, images)).max() < 1e-5
    back = bridge.from_torch(other, module)
    assert_same(back, params)
    assert np.array_equal(other.logits(back, images), network.logits(params, images))


@needs(f"keras on {programs.backend()}")
@by_network
@by_seed
def test_keras_gives_the_same_logits_and_the_weights_come_back(make, seed: int) -> None:
    network, other = make(), make()
    params, images = random_weights(network, seed), pictures(network)
    model = bridge.to_keras(network, params)
    assert np.abs(bridge.keras_logits(model, images) - network.logits(params, images)).max() < 1e-5
    back = bridge.from_keras(other, model)
    assert_same(back, params)
    assert np.array_equal(other.logits(back, images), network.logits(params, images))


@needs("torch")
def test_weights_that_pytorch_drew_itself_come_to_the_course() -> None:
    import torch

    network = plain()
    torch.manual_seed(3)
    module = bridge.to_torch(network, network.init(np.random.default_rng(0)), KERNELS)
    for part in module.modules():
        if hasattr(part, "reset_parameters"):
            part.reset_parameters()
    images = pictures(network)
    logits = network.logits(bridge.from_torch(network, module), images)
    assert np.abs(bridge.torch_logits(module, images) - logits).max() < 1e-5


@needs("torch")
def test_steps_of_adam_agree_with_pytorch() -> None:
    import torch

    network, rng = plain(), np.random.default_rng(4)
    params, images = network.init(rng), pictures(network, 20)
    labels = rng.integers(10, size=20)
    module = bridge.to_torch(network, params, KERNELS).train()
    adam = torch.optim.Adam(module.parameters())
    states = {name: {"m": 0 * array, "v": 0 * array, "t": 0} for name, array in params.items()}
    for _ in range(5):
        loss, grads = network.gradients(params, images, labels, rng)
        for name in params:
            params[name], states[name] = adam_step(params[name], grads[name], states[name])
        adam.zero_grad()
        logits = module(torch.tensor(images.transpose(0, 3, 1, 2)))
        theirs = torch.nn.functional.cross_entropy(logits, torch.tensor(labels))
        theirs.backward()
        adam.step()
        assert theirs.item() == pytest.approx(loss, abs=1e-5)
    for name, array in bridge.from_torch(network, module).items():
        assert np.abs(array - params[name]).max() < 1e-4, name


def test_the_rows_after_flatten_change_their_order() -> None:
    network = Network((2, 2, 3), [Flatten(), Linear(1)])
    params = {"linear1.w": np.arange(12.0)[:, None], "linear1.b": np.zeros(1)}
    weight = bridge.network_state(network, params, KERNELS)["linear1.weight"]
    assert weight.tolist() == [[0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]]


def test_a_network_that_ends_flattened_is_refused() -> None:
    network = Network((4, 4, 2), [Conv(3, 3), Flatten()])
    with pytest.raises(ValueError, match="ends flattened"):
        bridge.network_state(network, network.init(np.random.default_rng(0)), KERNELS)
    single = Network((4, 4, 2), [Conv(3, 4), Flatten()])  # a single place: both orders are the same
    state = bridge.network_state(single, single.init(np.random.default_rng(0)), KERNELS)
    assert state["conv1.weight"].shape == (3, 2, 4, 4)


@needs("torch", "tensorboard")
def test_a_log_reads_back_what_was_written(tmp_path: Path) -> None:
    network = plain()
    snapshots = [network.init(np.random.default_rng(seed)) for seed in range(3)]
    history = {"loss": np.linspace(2, 1, 12), "accuracy": np.array([0.5, 0.75, 0.875])}
    bridge.write_log(tmp_path, history, snapshots)
    log = bridge.read_log(tmp_path)
    assert set(log["scalars"]) == {"loss", "validation accuracy"}
    assert [step for step, _ in log["scalars"]["loss"]] == list(range(1, 13))
    assert [loss for _, loss in log["scalars"]["loss"]] == pytest.approx(history["loss"])
    assert log["scalars"]["validation accuracy"] == [(4, 0.5), (8, 0.75), (12, 0.875)]
    assert set(log["histograms"]) == set(snapshots[0])
    for (_, (_, counts)), params in zip(log["histograms"]["conv2.w"], snapshots, strict=True):
        assert counts.sum() == params["conv2.w"].size
    for (_, picture), params in zip(log["images"]["filters of conv1"], snapshots, strict=True):
        assert np.array_equal(picture[..., 0], bridge.filter_sheet(params["conv1.w"]))


def test_what_is_missing_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    want = "PyTorch and Keras not installed: run make bridge"
    monkeypatch.setattr(programs, "find_spec", lambda module: None)
    assert programs.missing("torch", "keras") == want
    want = "Keras and TensorFlow not installed: run make tensorflow"
    assert programs.missing("keras on tensorflow") == want
    monkeypatch.setattr(programs, "find_spec", lambda module: object())
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    assert programs.missing("torch", "keras on torch", "tensorboard") == ""
    want = "Keras runs on PyTorch here: set KERAS_BACKEND=tensorflow"
    assert programs.missing("keras on tensorflow") == want


NOT_INSTALLED = """
import sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in NAMES else PathFinder.find_spec(name, path, target)

sys.meta_path = [Without if finder is PathFinder else finder for finder in sys.meta_path]
"""


@pytest.mark.parametrize("without", [("keras",), ("torch", "keras", "tensorboard")], ids=["no Keras", "none"])
def test_the_page_runs_without_the_extra(without: tuple[str, ...]) -> None:
    """With the extra, the book's own build runs it."""
    page = cells(PAGE.read_text(encoding="utf-8"))
    assert len(page) > 25
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore:FigureCanvasAgg",
            "-c",
            "\n".join([NOT_INSTALLED.replace("NAMES", repr((*without, "tensorflow"))), *page]),
        ],
        cwd=ROOT,
        env={"PATH": "", "PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr == ""
    assert "not installed" not in done.stdout
    mark = r"^Recorded \d{4}-\d\d-\d\d: (\w+) [\d.]+.*\(make bridge-record\)$"
    marks = re.findall(mark, done.stdout, re.MULTILINE)
    assert {"Keras", "TensorFlow"} <= set(marks)


def test_what_is_recorded_is_what_the_page_asks() -> None:
    """a function of the page that was changed since wants `make bridge-record`"""
    code = recorded_code(PAGE.read_text(encoding="utf-8"))
    said = programs.record()["outputs"]
    assert code.keys() == said.keys() and len(code) > 8
    for name, source in code.items():
        assert said[name]["code"] == source, f"{name} has changed since it was recorded: make bridge-record"
        assert said[name]["printed"] or said[name]["value"]


def test_recorded_programs_agree_with_numpy() -> None:
    said = {name: one["value"] for name, one in programs.record()["outputs"].items()}
    for name in ("in_pytorch", "in_keras_on_pytorch", "in_keras_on_tensorflow"):
        assert said[name]["gap"] < 1e-5
        (other,) = said[name].keys() - {"NumPy", "shown", "gap"}
        assert np.abs(np.subtract(said[name][other], said[name]["NumPy"])).max() < 1e-5
    for name in ("article_2_in_keras", "article_2_in_pytorch"):
        assert "1,276,466 parameters" in programs.record()["outputs"][name]["printed"]


def test_pictures_of_tensorboard_are_small_and_all_there() -> None:
    shown = set(re.findall(r'programs\.Screenshot\("(\w+)"\)', PAGE.read_text(encoding="utf-8")))
    pictures = {path.stem: path.stat().st_size for path in programs.PICTURES.glob("*.png")}
    assert shown == set(pictures) and len(shown) == 3
    assert max(pictures.values()) < 200_000
    assert programs.Screenshot("nowhere")._repr_png_() is None


def test_the_environment_of_tensorflow_has_the_pins_of_the_course() -> None:
    """where it can: it wants another h5py, which is why it is one of its own"""
    ours = set((ROOT / "constraints.txt").read_text().splitlines())
    theirs = (ROOT / "benchmarks" / "tensorflow.txt").read_text().splitlines()
    for name in ("keras", "tensorboard", "numpy", "matplotlib", "pytest", "threadpoolctl"):
        (pin,) = (line for line in theirs if line.startswith(f"{name}=="))
        assert pin in ours


@pytest.mark.skipif(not TENSORFLOW.exists(), reason="TensorFlow has no environment: run make tensorflow")
def test_keras_on_tensorflow_gives_the_same_logits() -> None:
    """in the environment that TensorFlow has for itself"""
    options = ["--noconftest", "-q", "-p", "no:cacheprovider", "-k", "keras_gives"]
    done = subprocess.run(
        [str(TENSORFLOW), "-m", "pytest", *options, __file__],
        cwd=ROOT,
        env=os.environ | {"KERAS_BACKEND": "tensorflow", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and "6 passed" in done.stdout, done.stdout[-3000:]


def test_the_record_holds_what_the_page_draws() -> None:
    record = json.loads((FOLDER / "speed.json").read_text(encoding="utf-8"))
    assert record["command"] == "python -m benchmarks.training_speed"
    assert record["parameters"] == 1_276_466
    programs = set(record["programs"])
    assert {"NumPy", "NumPy in parallel"} <= programs
    for by_program in record["seconds"].values():
        assert set(by_program) == programs
    for losses in (record["losses"], record["losses_without_dropout"]):
        assert set(losses) == programs and {len(values) for values in losses.values()} == {
            record["loss_steps"]
        }
    for logits in record["logits"].values():
        assert np.abs(np.subtract(logits, record["logits"]["NumPy"])).max() < 1e-5
