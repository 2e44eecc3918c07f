"""`make bench-kernels`: what the course's kernels cost beside PyTorch, SciPy and the bare matrix product.

Every row is timed in turns: on one thread in time of the processor, on two in time of day. A multiple is the median over
the rounds, with the spread in which nine tenths of them lie; what is spread wide is measured again.
All that is compared is first shown to agree. `conv2d_fast` is the tuned one of `solutions.tuned`, with which the networks
are trained. PyTorch gets its own layout, channels first, without the time to convert. The figures go to
`course/recorded/kernels.json` as well, from which the book draws its charts.
"""

import datetime
import importlib.util
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import scipy
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy import signal

from autograder.files import write_atomically
from benchmarks import ladder
from benchmarks.ladder import MAIN, Shape
from benchmarks.timing import Multiple, multiple, peak_bytes, rounds_for, steadily, threads
from course.recorded import FOLDER
from solutions import backprop, filters, fully_connected, left_out, padding, pooling
from solutions.tuned import conv2d_fast, conv2d_fast_backward, im2col

torch: Any = None
if importlib.util.find_spec("torch"):
    import torch  # type: ignore[no-redef]

RECORD = FOLDER / "kernels.json"
BARS = {1: {"forward": 1.5, "total": 1.6}, 2: {"forward": 1.8, "total": 1.8}}
"""The most that conv2d_fast may cost in multiples of its bare products, by threads: forward, forward and backward. With
two, threads must be started, and between NumPy calls Python runs one at a time."""

COMMON = {
    "chapter 9": MAIN,
    "VGG-like, 14×14": Shape(32, 14, 14, 64, 3, 64, padding=1),
    "VGG-like, 56×56": Shape(4, 56, 56, 128, 3, 128, padding=1),
    "VGG, first layer": Shape(4, 112, 112, 3, 3, 64, padding=1),
    "ResNet-like": Shape(8, 56, 56, 64, 3, 64, padding=1),
    "ResNet, stride 2": Shape(8, 56, 56, 64, 3, 128, stride=2, padding=1),
    "ResNet, last stage": Shape(8, 7, 7, 512, 3, 512, padding=1),
    "ResNet, 1×1": Shape(16, 28, 28, 128, 1, 64),
    "AlexNet, first layer": Shape(2, 227, 227, 3, 11, 96, stride=4),
    "AlexNet, second layer": Shape(8, 27, 27, 96, 5, 256, padding=2),
    "LeNet, first layer": Shape(64, 28, 28, 1, 5, 6, padding=2),
    "LeNet, second layer": Shape(64, 14, 14, 6, 5, 16),
}
"""Layers of common networks; the batch is chosen so that a product takes some milliseconds."""

ASLEEP = {"OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_THREAD_TIMEOUT": "4"}
"""With these, threads of PyTorch and of NumPy's matrix product sleep while they wait. Else they spin for milliseconds, and who
comes next has one core less: multiples with two threads were spread from a tenth to tenfold."""

console = Console(width=None if sys.stdout.isatty() else 140)
Call = Callable[[], Any]
Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One pass of one layer, and what it is compared with: calls without arguments that give the same."""

    name: str
    ours: Call
    torch: Call | None = None
    scipy: Call | None = None
    bare: Call | None = None
    """The bare matrix products of the pass; their numbers are others."""


def as_torch(x: np.ndarray, filters: bool = False) -> Any:
    """An array as a tensor of the same shape which lies in memory as PyTorch likes it, channels first.

    Permuting its axes to PyTorch's order then costs nothing.
    """
    if x.ndim < 4:
        return torch.from_numpy(x)
    order = (3, 2, 0, 1) if filters else (0, 3, 1, 2)
    return torch.from_numpy(np.ascontiguousarray(x.transpose(order))).permute(*np.argsort(order).tolist())


def first(t: Any) -> Any:
    """A batch with PyTorch's order of axes."""
    return t.permute(0, 3, 1, 2)


def last(t: Any) -> Any:
    """A batch with this project's order of axes."""
    return t.permute(0, 2, 3, 1)


def arrays(result: Any) -> list[np.ndarray]:
    """What a call gave as a list of arrays."""
    several = result if isinstance(result, tuple | list) else [result]
    return [np.asarray(one.detach() if torch and isinstance(one, torch.Tensor) else one) for one in several]


def assert_same(name: str, ours: Any, other: Any) -> None:
    """Raise AssertionError unless two results agree to 1e-4 of their largest number, in shape as well."""
    for mine, theirs in zip(arrays(ours), arrays(other), strict=True):
        if mine.shape != theirs.shape:
            raise AssertionError(f"{name}: shape {mine.shape} against {theirs.shape}")
        far = np.abs(mine - theirs).max() / np.abs(theirs).max()
        if not far < 1e-4:
            raise AssertionError(f"{name}: {far:.1e} apart")


def passes(
    name: str,
    forward: tuple[Call, Call],
    peer: Callable[..., Any] | None,
    inputs: list[Any],
    dout: Any,
    **more: tuple[Call, Call],
) -> Iterator[Case]:
    """The forward and the backward case of a layer, whose peer of PyTorch differentiates by itself."""
    extra = [{key: both[number] for key, both in more.items()} for number in (0, 1)]
    if not torch or peer is None:
        yield Case(f"{name}, forward", forward[0], **extra[0])
        yield Case(f"{name}, backward", forward[1], **extra[1])
        return
    # of the inputs with four axes the first is a batch, a later one filters
    tensors = [as_torch(one, filters=number > 0).requires_grad_() for number, one in enumerate(inputs)]
    plain = [one.detach() for one in tensors]
    out = peer(*tensors)
    upstream = as_torch(dout) if dout is not None else None
    yield Case(f"{name}, forward", forward[0], lambda: peer(*plain), **extra[0])
    yield Case(
        f"{name}, backward",
        forward[1],
        lambda: torch.autograd.grad(out, tensors, upstream, retain_graph=True),
        **extra[1],
    )


def bare_products(shape: Shape) -> tuple[Call, Call, Call]:
    """The products that a convolution cannot do without: forward, for dw, for dx."""
    x, w, _, dout = shape.inputs()
    columns = np.ascontiguousarray(im2col(x, shape.F, shape.F, shape.stride, shape.padding))
    matrix, rows = w.reshape(-1, shape.K), dout.reshape(-1, shape.K)
    return (lambda: columns @ matrix, lambda: columns.T @ rows, lambda: rows @ matrix.T)


def convolution(
    name: str, shape: Shape, kernel: Callable[..., Any], backward: Callable[..., Any]
) -> Iterator[Case]:
    """The cases of a convolution layer."""
    x, w, b, dout = shape.inputs()
    s, p = shape.stride, shape.padding
    forward, for_dw, for_dx = bare_products(shape)
    yield from passes(
        name,
        (lambda: kernel(x, w, b, s, p), lambda: backward(dout, x, w, s, p)),
        torch
        and (lambda x, w, b: last(torch.nn.functional.conv2d(first(x), w.permute(3, 2, 0, 1), b, s, p))),
        [x, w, b],
        dout,
        bare=(forward, lambda: (for_dw(), for_dx())),
    )


def layers() -> Iterator[Case]:
    """Every layer of the course, forward and backward."""
    F = torch.nn.functional if torch else None
    rng = np.random.default_rng(10)
    normal = lambda *shape: rng.standard_normal(shape, dtype=np.float32)
    yield from convolution("conv2d", MAIN, padding.conv2d, backprop.conv2d_backward)
    yield from convolution("conv2d_fast", MAIN, conv2d_fast, conv2d_fast_backward)

    image, kernel = normal(256, 256), normal(5, 5)
    images, kernels = (torch and torch.from_numpy(one)[None, None] for one in (image, kernel))
    yield Case(
        "correlate2d",
        lambda: filters.correlate2d(image, kernel),
        torch and (lambda: F.conv2d(images, kernels)[0, 0]),
        lambda: signal.correlate2d(image, kernel, mode="valid"),
    )
    x = normal(32, 28, 28, 16)
    batch = torch and first(as_torch(x))
    yield Case(
        "zero_pad",
        lambda: padding.zero_pad(x, 1),
        torch and (lambda: last(F.pad(batch, (1, 1, 1, 1)))),
    )
    yield from passes(
        "relu", (lambda: filters.relu(x), lambda: backprop.relu_backward(x, x)), torch and F.relu, [x], x
    )
    small, down = normal(2, 28, 28, 16), normal(2, 14, 14, 16)
    yield from passes(
        "max_pool2d",
        (lambda: pooling.max_pool2d(small, 2), lambda: backprop.max_pool2d_backward(down, small, 2, 2)),
        torch and (lambda t: last(F.max_pool2d(first(t), 2))),
        [small],
        down,
    )
    yield from passes(
        "avg_pool2d",
        (lambda: pooling.avg_pool2d(small, 2), lambda: backprop.avg_pool2d_backward(down, small.shape, 2, 2)),
        torch and (lambda t: last(F.avg_pool2d(first(t), 2))),
        [small],
        down,
    )
    rows, weights, bias, d_rows = normal(128, 1024), normal(1024, 256), normal(256), normal(128, 256)
    yield from passes(
        "linear",
        (
            lambda: fully_connected.linear(rows, weights, bias),
            lambda: backprop.linear_backward(d_rows, rows, weights),
        ),
        torch and (lambda t, w, b: t @ w + b),
        [rows, weights, bias],
        d_rows,
        bare=(lambda: rows @ weights, lambda: (rows.T @ d_rows, d_rows @ weights.T)),
    )
    logits, labels = normal(1024, 10), rng.integers(0, 10, 1024)
    classes = torch and torch.from_numpy(labels)
    yield from passes(
        "softmax + cross-entropy",
        (
            lambda: fully_connected.cross_entropy(logits, labels),
            lambda: backprop.softmax_cross_entropy_backward(logits, labels),
        ),
        torch and (lambda t: F.cross_entropy(t, classes)),
        [logits],
        None,
    )
    gamma, beta, d_x = normal(16), normal(16), normal(32, 28, 28, 16)
    running = {"mean": np.zeros(16, np.float32), "var": np.ones(16, np.float32)}
    yield from passes(
        "batch_norm",
        (
            lambda: left_out.batch_norm(x, gamma, beta, running, training=True)[0],
            lambda: left_out.batch_norm_backward(d_x, x, gamma),
        ),
        torch and (lambda t, g, b: last(F.batch_norm(first(t), None, None, g, b, training=True))),
        [x, gamma, beta],
        d_x,
    )


def clock_for(count: int) -> Callable[[], float]:
    """One thread is timed by the work of the processor, several by the time of day."""
    return time.thread_time if count == 1 else time.perf_counter


def time_case(case: Case, count: int) -> Row:
    """Seconds of a case on a number of threads, and its ratios to the others."""
    calls = {
        who: call for who in ("ours", "torch", "scipy", "bare") if (call := getattr(case, who)) is not None
    }
    with threads(count):
        others = [who for who in calls if who != "ours"]
        seconds = steadily(
            calls,
            rounds_for(case.ours, 0.1),
            clock_for(count),
            lambda seconds: multiple(seconds["ours"], seconds[others[0]] if others else seconds["ours"]),
        )
    row: Row = {"name": case.name, "threads": count, "seconds": float(np.median(seconds["ours"]))}
    for who in others:
        row |= told(f"to_{who}", multiple(seconds["ours"], seconds[who]))
    return row


def told(key: str, found: Multiple) -> Row:
    """A multiple as a row has it: the median, and its spread beside it."""
    return {key: found.median, f"{key}_spread": [found.low, found.high]}


def working_memory(shape: Shape) -> tuple[int, int]:
    """Bytes that conv2d_fast and its backward pass hold at most, beyond their inputs and outputs."""
    x, w, b, dout = shape.inputs()
    s, p = shape.stride, shape.padding
    return (
        peak_bytes(lambda: conv2d_fast(x, w, b, s, p)) - dout.nbytes,
        peak_bytes(lambda: conv2d_fast_backward(dout, x, w, s, p)) - x.nbytes - w.nbytes - b.nbytes,
    )


def time_fast(name: str, shape: Shape, count: int) -> Row:
    """What conv2d_fast costs on a shape: multiples of the bare products, ratios to PyTorch, memory."""
    forward, backward = convolution(name, shape, conv2d_fast, conv2d_fast_backward)
    products = dict(zip(("bare forward", "bare dw", "bare dx"), bare_products(shape), strict=True))
    calls = {"forward": forward.ours, "backward": backward.ours, **products}
    if torch:
        calls |= {"torch forward": forward.torch, "torch backward": backward.torch}  # type: ignore[dict-item]
    with threads(count):
        t = steadily(calls, rounds_for(backward.ours, 0.2), clock_for(count), both_passes)
    row: Row = {
        "name": name,
        "shape": str(shape),
        "threads": count,
        "bare_seconds": float(np.median(t["bare forward"])),
        **told("forward", multiple(t["forward"], t["bare forward"])),
        **told("backward", multiple(t["backward"], t["bare dw"] + t["bare dx"])),
        **told("total", both_passes(t)),
    }
    row["verdict"] = verdict(row, BARS[count])
    row["forward_bytes"], row["backward_bytes"] = working_memory(shape)
    if torch:
        row |= told("forward_to_torch", multiple(t["forward"], t["torch forward"]))
        row |= told("backward_to_torch", multiple(t["backward"], t["torch backward"]))
    return row


def both_passes(t: dict[str, np.ndarray]) -> Multiple:
    """Forward and backward over the three bare products."""
    return multiple(t["forward"] + t["backward"], t["bare forward"] + t["bare dw"] + t["bare dx"])


def verdict(row: Row, bars: dict[str, float]) -> str:
    """Whether a row is "within" its bars or "beyond" one; "on the bar" where a spread holds the bar, so that nothing is said."""
    spreads = [(row[f"{key}_spread"], bar) for key, bar in bars.items()]
    if any(low > bar for (low, _), bar in spreads):
        return "beyond"
    return "within" if all(high <= bar for (_, high), bar in spreads) else "on the bar"


def time_sizes(axis: str, value: int) -> Row:
    """Forward multiples of three ways when one size of chapter 9's layer changes."""
    shape = MAIN._replace(**({"H": value, "W": value} if axis == "image size" else {axis: value}))
    x, w, _, _ = shape.inputs()
    padded = padding.zero_pad(x, shape.padding)
    calls = {
        key: lambda key=key: ladder.WAYS[key].function(padded, w)
        for key in ("im2col_batch", "im2col_picture", "fast")
    }
    with threads(1):
        seconds = steadily(
            {"bare": bare_products(shape)[0], **calls},
            rounds_for(calls["im2col_batch"], 0.1),
            clock_for(1),
            lambda seconds: multiple(seconds["fast"], seconds["bare"]),
        )
    row: Row = {"axis": axis, "value": value}
    for key in calls:
        row |= told(key, multiple(seconds[key], seconds["bare"]))
    return row


def assert_right() -> None:
    """Raise AssertionError if a kernel or a way of the ladder is wrong."""
    for shape in (ladder.SMALL, Shape(2, 9, 7, 3, 3, 4, padding=2), Shape(3, 8, 11, 2, 5, 3)):
        ladder.assert_agree(shape)
    for name, shape in COMMON.items():
        x, w, b, dout = shape._replace(N=2).inputs()
        s, p = shape.stride, shape.padding
        assert_same(name, conv2d_fast(x, w, b, s, p), padding.conv2d(x, w, b, s, p))
        assert_same(name, conv2d_fast_backward(dout, x, w, s, p), backprop.conv2d_backward(dout, x, w, s, p))
    fast = (
        convolution(name, shape._replace(N=2), conv2d_fast, conv2d_fast_backward)
        for name, shape in COMMON.items()
    )
    for case in chain(layers(), *fast):
        for other in (case.torch, case.scipy):
            if other:
                assert_same(case.name, case.ours(), other())


def table(title: str, headings: str, rows: list[list[str]]) -> None:
    """Print a table, its first column to the left; headings are parted by commas."""
    made = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for number, heading in enumerate(headings.split(",")):
        made.add_column(heading.strip(), justify="right" if number else "left")
    for row in rows:
        made.add_row(*row)
    console.print(made)
    console.print()


def ratio(row: Row, key: str) -> str:
    """A ratio of a row for a table with its spread, or a dash where there is none."""
    if key not in row:
        return "–"
    low, high = row[f"{key}_spread"]
    return f"{row[key]:.2f} ({low:.2f}–{high:.2f})"


def show(record: dict[str, Any]) -> None:
    """Print all tables."""
    for count in record["threads"]:
        table(
            f"conv2d_fast, {count} thread{'s' * (count > 1)}: time over that of the bare products"
            f" (bar: forward {BARS[count]['forward']}, forward and backward {BARS[count]['total']}), over PyTorch's, and memory"
            " beyond in- and output",
            "layer, shape, bare, forward, backward, both, bar, PyTorch forward, backward, memory forward, backward",
            [
                [row["name"], row["shape"], f"{1e3 * row['bare_seconds']:.2f} ms"]
                + [ratio(row, key) for key in ("forward", "backward", "total")]
                + [row["verdict"]]
                + [ratio(row, key) for key in ("forward_to_torch", "backward_to_torch")]
                + [f"{row[key] / 2**20:.1f} MiB" for key in ("forward_bytes", "backward_bytes")]
                for row in record["fast"]
                if row["threads"] == count
            ],
        )
    for count in record["threads"]:
        table(
            f"layers, {count} thread{'s' * (count > 1)}: time, and as a multiple of the others'",
            "layer, time, PyTorch, SciPy, bare products",
            [
                [row["name"], f"{1e3 * row['seconds']:.3f} ms"]
                + [ratio(row, key) for key in ("to_torch", "to_scipy", "to_bare")]
                for row in record["layers"]
                if row["threads"] == count
            ],
        )
    table(
        f"the ladder: {MAIN}, forward, 1 thread",
        "way, multiple of the bare product, peak memory",
        [
            [row["name"], f"{row['multiple']:.2f}", f"{row['peak'] / 2**20:.1f} MiB"]
            for row in record["ladder"]
        ],
    )
    table(
        f"how the multiple changes with one size of {MAIN}, 1 thread",
        "size, value, im2col whole batch, im2col a picture at a time, conv2d_fast",
        [
            [
                row["axis"],
                str(row["value"]),
                *(ratio(row, key) for key in ("im2col_batch", "im2col_picture", "fast")),
            ]
            for row in record["sizes"]
        ],
    )


def main() -> None:
    """Prove, measure, print, record."""
    if not ASLEEP.items() <= os.environ.items():  # both libraries read them when they are loaded
        again = [sys.executable, "-m", "benchmarks.kernels"]
        os.execve(sys.executable, again, {**os.environ, **ASLEEP})
    if not torch:
        console.print(
            "PyTorch is not installed: its columns stay empty. To compare: pip install -e '.[bridge]'"
        )
    try:
        with console.status("comparing results …"):
            assert_right()
    except AssertionError as wrong:
        console.print(f"[bold red]wrong result[/] {wrong}")
        sys.exit(1)
    counts = [1, 2] if (os.cpu_count() or 1) > 1 else [1]
    sizes = {"image size": (7, 14, 28, 56), "C": (1, 4, 16, 64), "N": (1, 8, 32, 128)}
    jobs: list[tuple[str, Callable[[], Row]]] = [
        ("fast", lambda name=name, shape=shape, count=count: time_fast(name, shape, count))
        for count in counts
        for name, shape in COMMON.items()
    ]
    jobs += [
        ("layers", lambda case=case, count=count: time_case(case, count))
        for count in counts
        for case in layers()
    ]
    jobs += [
        ("sizes", lambda axis=axis, value=value: time_sizes(axis, value))
        for axis in sizes
        for value in sizes[axis]
    ]
    record: dict[str, Any] = {
        "command": "make bench-kernels",
        "date": datetime.date.today().isoformat(),
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 1),  # other programs at work spoil the rows with two threads
        "machine": platform.machine(),
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "torch": torch.__version__ if torch else None,
        },
        "threads": counts,
        "bars": {str(count): BARS[count] for count in counts},
        "fast": [],
        "layers": [],
        "sizes": [],
    }
    for kind, job in track(jobs, "measuring", console=console, transient=True):
        record[kind].append(job())
    with console.status("climbing the ladder …"):
        record["ladder"] = [
            {"name": ladder.WAYS[key].name, "one_picture": ladder.WAYS[key].one_picture, **measured._asdict()}
            for key, measured in ladder.measure(MAIN, rounds=15).items()
        ]
    show(record)
    RECORD.parent.mkdir(exist_ok=True)
    write_atomically(RECORD, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    console.print(
        f"recorded in {RECORD.relative_to(Path.cwd()) if RECORD.is_relative_to(Path.cwd()) else RECORD}"
    )


if __name__ == "__main__":
    main()
