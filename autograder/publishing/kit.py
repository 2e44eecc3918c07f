"""What a learner needs beside a notebook: the kit to install, the recorded answers, the kernels of earlier chapters."""

import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

from course.earlier import EARLIER_SUFFIX

from ..chapters import ROOT, Chapter, chapters, earlier_kernels
from ..checking.instant import RECORD_SUFFIX
from ..checking.oracle import Recorder, Reference
from ..checking.run import run_checks
from ..inside.calling import Caller

FOLDER = "kit"
"""Where a published book holds all this, below its address."""

GITHUB = "https://github.com/"

BRANCH = "gh-pages"
"""Of the repository, where a built book is published from."""

PARTS = ("pyproject.toml", "README.md", "LICENSE", "LICENSE-TEXT", "autograder", "course")
"""What of the project a wheel is built from; pyproject.toml says what of it goes in."""


def wheel_name() -> str:
    """Name of the file that learners install."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    return f"cnn_course-{version}-py3-none-any.whl"


def companions(chapter: Chapter) -> list[str]:
    """Names of the files that belong beside a chapter's notebook."""
    suffixes = [RECORD_SUFFIX, *([EARLIER_SUFFIX] if earlier_kernels(chapter) else [])]
    return [f"{chapter.name}{suffix}" for suffix in suffixes]


def address() -> str:
    """Where the book is published, as `html: baseurl:` in _config.yml says; empty if it does not."""
    return str(_config()["html"].get("baseurl") or "").rstrip("/")


def repository() -> str:
    """Owner and name of the book's repository on GitHub, as `repository: url:` in _config.yml says; or empty."""
    url = str((_config().get("repository") or {}).get("url") or "")
    return url.removeprefix(GITHUB).rstrip("/").removesuffix(".git") if url.startswith(GITHUB) else ""


def elsewhere(chapter: Chapter) -> dict[str, str]:
    """Services that open a chapter's notebook from the book's repository, if it has one, each with the address there.

    The theme's own buttons would open the page's source, which is no notebook and holds no exercise.
    """
    if not (name := repository()):
        return {}
    notebook = f"_static/live/{chapter.name}/{chapter.name}.ipynb"
    return {
        "Colab": f"https://colab.research.google.com/github/{name}/blob/{BRANCH}/{notebook}",
        "Binder": f"https://mybinder.org/v2/gh/{name}/{BRANCH}?labpath={notebook}",
    }


def _config() -> dict[str, Any]:
    import yaml

    return dict(yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8")))


def build_wheel(folder: Path) -> Path:
    """Build the kit's wheel into a folder, from a copy: what an earlier build left behind would go into it too."""
    with tempfile.TemporaryDirectory(prefix="kit-") as aside:
        for part in PARTS:
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, Path(aside, part), ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / part, aside)
        options = ["--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
        command = [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", str(folder), aside]
        subprocess.run(command, check=True, capture_output=True, text=True)
    return folder / wheel_name()


def publish(folder: Path) -> None:
    """Write the kit and every chapter's companions where released notebooks fetch them from a published book."""
    folder.mkdir(parents=True, exist_ok=True)
    build_wheel(folder)
    for chapter in chapters():
        record_answers(chapter, folder / f"{chapter.name}{RECORD_SUFFIX}")
        pack_earlier_kernels(chapter, folder / f"{chapter.name}{EARLIER_SUFFIX}")
    # Binder runs the branch that holds the book, and installs what this names
    binder = folder.parent / "binder"
    binder.mkdir(exist_ok=True)
    (binder / "requirements.txt").write_text(f"jupyterlab\n./{FOLDER}/{wheel_name()}\n", encoding="utf-8")


def record_answers(chapter: Chapter, path: Path) -> None:
    """Write the answers of the reference and of the known mistakes to the inputs that learners' checks draw."""
    reference = Reference(chapter)
    recorder = Recorder(reference)

    def noting(kernel: str):  # type: ignore[no-untyped-def]
        caller = Caller(getattr(reference.module, kernel))

        def call(args):  # type: ignore[no-untyped-def]
            recorder.note(kernel, args)
            return caller(args)

        return call

    run_checks(chapter.checks, recorder, {kernel: noting(kernel) for kernel in reference.points()})
    recorder.write(path)


BESIDE_EARLIER_KERNELS = (
    "The kernels of earlier chapters. Leave this beside your notebook, packed or unpacked.\n"
)
"""A text beside the package: of an archive with one folder alone, macOS leaves that folder and drops the archive's name."""


def pack_earlier_kernels(chapter: Chapter, path: Path) -> None:
    """Pack the kernels of the chapters before into an archive that Python imports from; none for the first chapter.

    It holds solutions, though not as text that a glance would show: release a chapter when those before it are due.
    """
    modules = earlier_kernels(chapter)
    if not modules:
        path.unlink(missing_ok=True)
        return
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        files = {"solutions/__init__.py": "", "README.txt": BESIDE_EARLIER_KERNELS}
        files |= {f"{name.replace('.', '/')}.py": source for name, source in modules.items()}
        for name, text in files.items():
            info = zipfile.ZipInfo(name)  # with a fixed date, so that releases are alike
            archive.writestr(info, text, zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    print(build_wheel(ROOT / "dist"))
