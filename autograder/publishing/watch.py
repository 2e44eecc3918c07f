"""IPython extension: while a page runs, notes which of the project's files it reads, and which folders it looks into."""

import os
import sys
from pathlib import Path
from typing import Any

NOTES = "COURSE_PAGE_READS"
"""Environment variable that names the file to which the paths are appended, one a line."""

ROOT = Path(__file__).resolve().parents[2]
DERIVED = {".venv", "_build", "classroom", "build", "dist"}


def in_project(path: str) -> str:
    """The path from the project's folder, of a compiled module that of its source; "" if it is no file of the project."""
    inside = os.path.relpath(os.path.abspath(path), ROOT)
    parts = inside.split(os.sep)
    if parts[0] in {os.curdir, os.pardir, *DERIVED}:
        return ""
    if any(part.startswith(".") for part in parts):
        return ""
    if "__pycache__" in parts:
        # not importlib's own function: pytest's compiled files have a dot more
        module = parts[-1].split(".")[0]
        source = "/".join([*parts[: parts.index("__pycache__")], f"{module}.py"])
        return source if inside.endswith(".pyc") else ""
    return "/".join(parts)


def load_ipython_extension(shell: Any) -> None:
    """Entry point that the kernel calls before the page's first cell.

    Python's audit events tell of every file that is opened, by imports too, whoever asks for it and however late.
    Forked processes inherit the hook, and append to the same file.
    """
    notes = os.open(os.environ[NOTES], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    seen: set[str] = set()

    def note(path: Any) -> None:
        if isinstance(path, str | bytes | os.PathLike):
            inside = in_project(os.fsdecode(path))
            if inside and inside not in seen:
                seen.add(inside)
                os.write(notes, f"{inside}\n".encode())

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if flags & os.O_ACCMODE == os.O_RDONLY:
                note(path)
        elif event in ("os.listdir", "os.scandir"):
            note(arguments[0])

    for module in list(sys.modules.values()):  # what was imported before the hook
        file = getattr(module, "__file__", None)
        if file:
            note(file)
            note(os.path.dirname(file))
    sys.addaudithook(hook)
