"""What a learner needs beside a notebook: the kit to install, the recorded answers, the kernels of earlier chapters."""

import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from course.earlier import EARLIER_SUFFIX

from .chapters import ROOT, Chapter, chapters, earlier_kernels
from .instant import RECORD_SUFFIX

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
    from .classroom import pack_earlier_kernels, record_answers  # late: it loads nbgrader's configuration

    folder.mkdir(parents=True, exist_ok=True)
    build_wheel(folder)
    for chapter in chapters():
        record_answers(chapter, folder / f"{chapter.name}{RECORD_SUFFIX}")
        pack_earlier_kernels(chapter, folder / f"{chapter.name}{EARLIER_SUFFIX}")
    # Binder runs the branch that holds the book, and installs what this names
    binder = folder.parent / "binder"
    binder.mkdir(exist_ok=True)
    (binder / "requirements.txt").write_text(f"jupyterlab\n./{FOLDER}/{wheel_name()}\n", encoding="utf-8")


if __name__ == "__main__":
    print(build_wheel(ROOT / "dist"))
