"""The other programs of chapter 12: which of them are here, and what they said where they are not.

A function of the page that wants one of them runs where it is installed. Elsewhere what it printed and returned is read
from the record that `make bridge-record` wrote; a line says so, with the date and the versions.
"""

import atexit
import contextlib
import importlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

RECORD = Path(__file__).parent / "recorded" / "bridge.json"
"""What `make bridge-record` wrote: for each function of the page its code, what it printed and what it returned."""

COMMAND = "make bridge-record"

PICTURES = Path(__file__).parents[1] / "chapters" / "_static" / "tensorboard"
"""Pictures of TensorBoard, taken by the same command. They belong to the book, not to the learner's kit."""

_PROGRAMS = {
    "torch": ("PyTorch", "bridge"),
    "keras": ("Keras", "bridge"),
    "tensorboard": ("TensorBoard", "bridge"),
    "tensorflow": ("TensorFlow", "tensorflow"),
}
"""By the module's name: what the program is called, and the target of make that installs it."""

recording: dict[str, dict[str, Any]] | None = None
"""Where functions of the page leave what they said while a record is made; None otherwise."""


def is_here(module: str) -> bool:
    """Whether a module is installed; a finder of modules may also say no by an error."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def backend() -> str:
    """The library that Keras computes with: what KERAS_BACKEND says, else PyTorch where it is installed."""
    return os.environ.get("KERAS_BACKEND") or ("torch" if is_here("torch") else "tensorflow")


def keras_on_its_backend() -> Any:
    """Keras, which chooses its backend when it is first imported, and would take TensorFlow unasked."""
    os.environ["KERAS_BACKEND"] = backend()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's remarks about the processor
    return importlib.import_module("keras")


def missing(*programs: str) -> str:
    """One line that says which of the programs lack and what to do; "" if none does.

    programs : of "torch", "keras", "tensorboard", "tensorflow"; or "keras on torch", "keras on tensorflow"
    """
    wanted = list(dict.fromkeys(module for program in programs for module in program.split(" on ")))
    lacking = [module for module in wanted if not is_here(module)]
    if lacking:
        names = " and ".join(_PROGRAMS[module][0] for module in lacking)
        return f"{names} not installed: run make {_PROGRAMS[lacking[-1]][1]}"
    for program in programs:
        if " on " in program and program.split(" on ")[1] != backend():
            return (
                f"Keras runs on {_PROGRAMS[backend()][0]} here: set KERAS_BACKEND={program.split(' on ')[1]}"
            )
    return ""


def versions(*programs: str) -> str:
    """The programs with their versions, such as "Keras 3.15.1 on TensorFlow 2.21.0"."""

    def named(module: str) -> str:
        return f"{_PROGRAMS[module][0]} {importlib.import_module(module).__version__}"

    return ", ".join(" on ".join(named(module) for module in program.split(" on ")) for program in programs)


@cache
def record() -> dict[str, Any]:
    """The whole record: "command", "date", "platform", "pictures" (of which versions), and "outputs" by function."""
    from course.recorded import FOLDER  # late: in a browser the records come in an archive of their own

    return json.loads((FOLDER / RECORD.name).read_text(encoding="utf-8"))


def recorded(*programs: str, slow: bool = False) -> Callable[[Callable[[], Any]], Any]:
    """Mark a function of the page that wants these programs (see `missing`); its name then stands for what it returns.

    It runs at once where they are installed, unless it is slow. Else what it printed for the record is printed.
    """

    def now(function: Callable[[], Any]) -> Any:
        if recording is None and (slow or missing(*programs)):
            entry = record()["outputs"][function.__name__]
            print(f"Recorded {record()['date']}: {entry['versions']} ({COMMAND})")
            print(entry["printed"], end="")
            return entry["value"]
        if missing(*programs):
            return None
        for program in programs:
            if program.startswith("keras"):
                keras_on_its_backend()
        if recording is None:
            return function()
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            value = function()
        recording[function.__name__] = {
            "versions": versions(*programs),
            "printed": printed.getvalue(),
            "value": value,
        }
        return value

    return now


@cache
def _logs() -> Path:
    if kept := os.environ.get("BRIDGE_LOGS"):
        return Path(kept)
    folder = tempfile.mkdtemp(prefix="runs-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def log_folder(run: str) -> str:
    """A folder for the log of one run, beside those of the others."""
    return str(_logs() / run)


def photographed() -> str:
    """When the pictures of TensorBoard were taken, and of which version."""
    if recording is not None:
        return ""  # they are about to be taken
    return f"Pictures taken on {record()['date']} of {record()['pictures']} ({COMMAND})"


class Screenshot:
    """A picture of TensorBoard as the record's command saw it, for the last line of a cell."""

    def __init__(self, name: str):
        self._path = PICTURES / f"{name}.png"

    def _repr_png_(self) -> bytes | None:
        return self._path.read_bytes() if self._path.is_file() else None

    def __repr__(self) -> str:
        return f"The picture {self._path.name} stands in the book's page."
