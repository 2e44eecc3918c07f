"""The notebook in the browser: JupyterLite with every chapter's released notebook, on the runtime of the live page.

The kit stands in a lock of our own beside Pyodide's and is loaded with the kernel, so that a notebook finds it installed,
its first cell has nothing to fetch, and no other host is asked. The site is made once and kept under a digest.
"""

import hashlib
import importlib.metadata
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from . import bundle
from .cache import cache, digest
from .runtime import LOCK, NOTEBOOK, package_sums, runtime

FOLDER = "lite"
"""Where in the book it stands."""

PACKAGES = ("jupyterlite-core", "jupyterlite-pyodide-kernel")

EXTENSION = "@jupyterlite/pyodide-kernel-extension"

KIT = "cnn-course"
"""Name of the kit in the lock."""

IN_LOCK = ("packaging", "pygments", "threadpoolctl")
"""Parts of `bundle.PURE_PYTHON` that IPython or scikit-learn load as well, in the lock's versions: not a second time."""

LEFT_OUT = ("*.eot", "fa-*.svg", "fa-*.ttf", "fa-*.woff")
"""Fonts in forms that only old browsers ask for; the new form, woff2, stays."""


def write(book: Path, place: Path, stdlib: str, releases: dict[str, Path]) -> None:
    """Put JupyterLite into a built book.

    `place` is the folder in it that has the live page's runtime, `stdlib` the name of the standard library's zip beside
    that folder, `releases` has the folders of the released chapters by name.

    Raises
    ------
    bundle.NoBundle
        If its packages are not installed, or fail.
    NoRuntime
        If a file of the kernel's could be had from nowhere.
    """
    extension = _extension()
    files = runtime(NOTEBOOK)
    for name in package_sums(files, NOTEBOOK):
        shutil.copy(files / name, place)
    live = f"../{place.parent.relative_to(book).as_posix()}"
    settings = _settings(f"{live}/{place.name}", _write_lock(place), f"{live}/{stdlib}")
    made = _site(json.dumps(settings), extension, releases)
    shutil.copytree(made, book / FOLDER, ignore=shutil.ignore_patterns(*LEFT_OUT))


def address(chapter: str) -> str:
    """Where a chapter's notebook opens, from the top of the book."""
    return f"{FOLDER}/notebooks/index.html?path={chapter}/{chapter}.ipynb"


def _settings(pyodide: str, lock: str, stdlib: str) -> dict[str, Any]:
    """What stands in jupyter-lite.json; addresses are relative, so that the book works in any folder of a site."""
    kernel = {
        "pyodideUrl": f"./{pyodide}/pyodide.js",
        "disablePyPIFallback": True,  # nothing is asked of another host
        "loadPyodideOptions": {
            "lockFileURL": f"{pyodide}/{lock}",
            "stdLibURL": stdlib,
            "packages": ["comm", KIT],
        },
    }
    plugins = {f"{EXTENSION}:kernel": kernel}
    return {
        "jupyter-lite-schema-version": 0,
        "jupyter-config-data": {
            "litePluginSettings": plugins,
            # seconds; its own two minutes lose too much when a tab is closed
            "settingsOverrides": {"@jupyterlab/docmanager-extension:plugin": {"autosaveInterval": 10}},
        },
    }


def _write_lock(place: Path) -> str:
    """Write our lock, and what it has more than the official one, beside that; returns our lock's name."""
    lock = json.loads((place / LOCK).read_text(encoding="utf-8"))
    own = [name for name in bundle.PURE_PYTHON if name not in IN_LOCK]
    kit = bundle.zipped([*bundle.kit_files(), *bundle.pure_python(own)])
    needs = ["numpy", "matplotlib", *IN_LOCK]
    imports = ["autograder", "course", "pytest", "_pytest", "pluggy", "iniconfig"]
    comm = bundle.zipped(bundle.pure_python(["comm"]))  # the kernel's, which the lock misses
    entries = [(KIT, kit, imports, needs), ("comm", comm, ["comm"], [])]
    for name, content, found, depends in entries:
        file = f"{name}-{digest(content)}.zip"
        (place / file).write_bytes(content)
        lock["packages"][name] = {
            "name": name,
            "version": "0",
            "file_name": file,
            "install_dir": "site",
            "sha256": hashlib.sha256(content).hexdigest(),
            "package_type": "package",
            "imports": found,
            "depends": depends,
            "unvendored_tests": False,
        }
    text = json.dumps(lock).encode()
    name = f"notebook-lock-{digest(text)}.json"
    (place / name).write_bytes(text)
    return name


def _extension() -> Path:
    """Folder of the kernel as JupyterLite's extension."""
    try:
        files = importlib.metadata.files(PACKAGES[1]) or ()
        importlib.metadata.version(PACKAGES[0])
    except importlib.metadata.PackageNotFoundError as error:
        raise bundle.NoBundle(f"{error.name} is not installed") from error
    (found,) = (file for file in files if file.as_posix().endswith(f"{EXTENSION}/package.json"))
    return Path(str(found.locate())).parent.resolve()


def _site(settings: str, extension: Path, releases: dict[str, Path]) -> Path:
    """Folder of the site, built by `jupyter lite`."""
    versions = [f"{name}=={importlib.metadata.version(name)}" for name in PACKAGES]
    contents = {
        f"{name}/{path.name}": path.read_bytes()
        for name, folder in releases.items()
        for path in sorted(folder.iterdir())
    }
    parts = [settings, *versions, *contents]
    made = cache() / f"lite-{digest(*(part.encode() for part in parts), *contents.values())}"
    if not made.is_dir():
        with bundle.aside(made) as place:
            work = place.with_name("work")
            for name, content in contents.items():
                (work / "contents" / name).parent.mkdir(parents=True, exist_ok=True)
                (work / "contents" / name).write_bytes(content)
            (work / "jupyter-lite.json").write_text(settings)
            options = {
                "apps": ["notebooks", "tree"],
                "contents": ["contents"],
                "output_dir": str(place),
                "ignore_sys_prefix": ["federated_extensions"],  # what the environment has for JupyterLab
                "federated_extensions": [str(extension)],
                "no_sourcemaps": True,
                "no_unused_shared_packages": True,
            }
            (work / "jupyter_lite_config.json").write_text(json.dumps({"LiteBuildConfig": options}))
            command = [sys.executable, "-m", "jupyterlite_core", "build"]
            subprocess.run(command, cwd=work, check=True, capture_output=True, text=True, timeout=600)
    return made
