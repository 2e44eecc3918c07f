"""What is made at build time for the live page: the editor's bundle, the zip of the kit, and both kits' bytecode.

All of it is kept in the cache under a digest of what it is made of.
"""

import contextlib
import importlib.metadata
import io
import shutil
import subprocess
import tempfile
import tomllib
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..chapters import ROOT
from ..publishing.authoring import STUB
from . import node
from .cache import cache, digest

STATIC = Path(__file__).parent / "static"

PURE_PYTHON = ("pytest", "pluggy", "iniconfig", "packaging", "pygments", "threadpoolctl")
"""What the kit's checks import beside NumPy; taken from the very environment that builds the book."""

IN_THE_PAGE = ("__init__", "session", "figures")
"""The modules of this package that run there."""

LEFT_OUT = (
    "pygments/lexers/",
    "pygments/styles/",
    "pygments/formatters/",
    "threadpoolctl-",
    "_pytest/mark/LICENSE",
)
KEPT = (
    "pygments/lexers/__init__.py",
    "pygments/lexers/_mapping.py",
    "pygments/lexers/python.py",
    "pygments/lexers/diff.py",
    "pygments/styles/__init__.py",
    "pygments/styles/_mapping.py",
    "pygments/formatters/__init__.py",
    "pygments/formatters/_mapping.py",
    "pygments/formatters/terminal.py",
)
"""pytest imports these few of pygments' lexers, styles and formatters; the others are most of its size."""


class NoBundle(Exception):
    """Something could not be made; the text says why."""


LARGE = ("course.recorded", "course.photos")
"""Packages of the kit that come in zips of their own, when a cell needs them: recorded training and photographs."""


def kit_zip() -> bytes:
    """The learner's kit, this package's part that runs in the page, and what they import, as one zip of sources."""
    packages = [package for package in kit_packages() if package not in LARGE]
    own = [(f"autograder/live/{name}.py", STATIC.with_name(f"{name}.py")) for name in IN_THE_PAGE]
    return zipped([*kit_files(packages), *own, *pure_python(PURE_PYTHON)])


def kit_files(packages: Iterable[str] = ()) -> Iterator[tuple[str, Path]]:
    """Name in an archive and place of each file of the kit's packages, all of them if none is named."""
    return (file for package in packages or kit_packages() for file in _files_of(package))


def large_zip(package: str) -> bytes:
    """One of the packages of `LARGE` as a zip."""
    return zipped(_files_of(package))


def zipped(files: Iterable[tuple[str, Path]]) -> bytes:
    """Files under their names as one archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in files:
            info = zipfile.ZipInfo(name)  # with a fixed date: the same files make the same bytes
            archive.writestr(info, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return file.getvalue()


def _setuptools() -> dict[str, Any]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return dict(project["tool"]["setuptools"])


def kit_packages() -> list[str]:
    return list(_setuptools()["packages"])


def _files_of(package: str) -> Iterator[tuple[str, Path]]:
    folder = ROOT / package.replace(".", "/")
    kinds = ["*.py", *_setuptools().get("package-data", {}).get(package, [])]
    for path in sorted(path for kind in kinds for path in folder.glob(kind)):
        yield path.relative_to(ROOT).as_posix(), path


def pure_python(packages: Iterable[str]) -> Iterator[tuple[str, Path]]:
    """The same for installed packages, without what checks do not need of them."""
    for package in packages:
        for file in importlib.metadata.files(package) or ():
            name = file.as_posix()
            if name.endswith(".py") and ".." not in name and (name in KEPT or not name.startswith(LEFT_OUT)):
                yield name, Path(str(file.locate()))


def compiled(kit: bytes, runtime: Path, release: Path) -> Path:
    """Folder of kit.zip, python_stdlib.zip and figures.zip, with bytecode of what a first check and a first figure load.

    It halves the way to the first report.

    `release` is the folder of a released chapter, whose first exercise is checked to see what is loaded.

    Raises
    ------
    NoBundle
        If there is no Node.js, or it fails.
    """
    sources = [STATIC / "compile.mjs", STATIC / "compile.py", runtime / "python_stdlib.zip"]
    made = cache() / f"kit-{digest(kit, *(path.read_bytes() for path in sources))}"
    if not made.is_dir():
        with aside(made) as place:
            (place / "plain.zip").write_bytes(kit)
            words: list[str | Path] = [runtime, place / "plain.zip", release, release.name, STUB, place]
            node.run(STATIC / "compile.mjs", *words, folder=place)
            (place / "plain.zip").unlink()
    return made


def editor() -> Path:
    """The editor as one script, made by esbuild from the pinned packages.

    Raises
    ------
    NoBundle
        If there is no Node.js, or a package cannot be had.
    """
    sources = [STATIC / name for name in ("editor.js", "package.json", "package-lock.json")]
    made = cache() / f"editor-{digest(*(path.read_bytes() for path in sources))}"
    if not made.is_dir():
        with aside(made) as place, tempfile.TemporaryDirectory() as scratch:
            for path in sources:
                shutil.copy(path, scratch)
            # without scripts of theirs: esbuild would put a program in place of the script that is run here
            node.npm("ci", "--ignore-scripts", "--silent", "--no-audit", "--no-fund", folder=Path(scratch))
            options = ["--bundle", "--minify", "--format=esm", "--target=es2020", "--legal-comments=eof"]
            esbuild = Path("node_modules", "esbuild", "bin", "esbuild")
            node.run(esbuild, "editor.js", *options, f"--outfile={place / 'editor.js'}", folder=Path(scratch))
    return made / "editor.js"


@contextlib.contextmanager
def aside(made: Path) -> Iterator[Path]:
    """A folder that takes the place of `made` when all went well."""
    made.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=made.parent, prefix=".made-") as scratch:
        place = Path(scratch) / "made"
        place.mkdir()
        try:
            yield place
        except (subprocess.SubprocessError, node.NoNode, OSError) as error:
            said = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
            causes = [line for line in said if "Error" in line] or said
            raise NoBundle(f"{made.name.partition('-')[0]}: {causes[-1] if causes else error!r}") from error
        with contextlib.suppress(OSError):  # somebody else was faster
            place.rename(made)
