"""From a chapter's page to the notebook that nbgrader releases.

The page imports each reference kernel, so that the book runs as it stands. Here the import is replaced by the source of
the kernel, between whose markers nbgrader then puts the stub, and the tags become nbgrader's metadata.
"""

import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator

import nbformat
from nbformat import NotebookNode

from .chapters import Chapter
from .kit import FOLDER, address, companions, wheel_name

STUB = "raise NotImplementedError  # replace this line with your code"
"""What stands in place of a solution, in the book and in the learner's notebook."""

ANSWER_STUB = "*Write your answer here, in place of this sentence.*"

IMPORT = re.compile(r"from solutions\.(?P<module>\w+) import (?P<kernel>\w+)\s*")
_REGION = re.compile(
    r"^(?P<indent>[ \t]*)### BEGIN SOLUTION\n(?P<body>.*?)^[ \t]*### END SOLUTION[^\n]*$",
    re.DOTALL | re.MULTILINE,
)
_CHECK = re.compile(r"^check\((\w+)\)\s*$", re.MULTILINE)


class ChapterError(ValueError):
    """A chapter's page breaks a rule of authoring; the text says which cell and what to do."""


def kernel_source(cell_source: str) -> str:
    """Source of the reference kernel that an exercise cell imports, solution and markers included.

    Raises
    ------
    ChapterError
        If the cell is anything but one import of one kernel, or the kernel has no solution markers.
    """
    match = IMPORT.fullmatch(cell_source)
    if not match:
        raise ChapterError(
            f"an exercise cell holds just `from solutions.<chapter> import <kernel>`, not {cell_source!r}"
        )
    module = importlib.import_module(f"solutions.{match['module']}")
    source = inspect.getsource(getattr(module, match["kernel"])).rstrip()
    if not _REGION.search(source):
        raise ChapterError(
            f"solutions/{match['module']}.py: {match['kernel']} has no ### BEGIN SOLUTION … ### END SOLUTION"
        )
    return source


def stub_source(source: str) -> str:
    """The kernel as a learner gets it: each solution replaced by the stub."""
    return _REGION.sub(lambda match: match["indent"] + STUB, source)


def solution_lines(source: str) -> list[str]:
    """The lines between a kernel's solution markers, stripped."""
    bodies = [match["body"] for match in _REGION.finditer(source)]
    return [line.strip() for body in bodies for line in body.splitlines() if line.strip()]


def source_notebook(chapter: Chapter) -> NotebookNode:
    """The instructor's notebook of a chapter, as `nbgrader generate_assignment` reads it.

    Raises
    ------
    ChapterError
        If the page breaks a rule of authoring.
    """
    # the reader that the book itself uses, so that book and notebook cannot disagree; it loads Sphinx, hence late
    from myst_nb.core.read import read_myst_markdown_notebook

    page = read_myst_markdown_notebook(chapter.page.read_text(encoding="utf-8"))
    cells = [made for cell in page.cells for made in _cells(cell, chapter)]
    _validate(cells, chapter)
    for number, cell in enumerate(cells):
        cell["id"] = f"{chapter.name}-{number}"
    notebook = nbformat.v4.new_notebook(cells=[_companions_cell(chapter), *cells])
    notebook.metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"},
    }
    return notebook


_FETCH = """\
# Fetches the course's kit and the files that belong to this notebook, where they are missing: in Colab, for instance.
import importlib.util, subprocess, sys, urllib.request
from pathlib import Path

_from = "{place}"
if importlib.util.find_spec("autograder") is None:
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", f"{{_from}}/{wheel}"], check=True)
for _file in {files}:
    if not Path(_file).exists():
        urllib.request.urlretrieve(f"{{_from}}/{{_file}}", _file)"""


def _companions_cell(chapter: Chapter) -> NotebookNode:
    """The notebook's first cell: what belongs beside it, or, if the book is published, code that fetches that."""
    files, wheel, published = companions(chapter), wheel_name(), address()
    if published:
        source = _FETCH.format(place=f"{published}/{FOLDER}", wheel=wheel, files=files)
        cell = nbformat.v4.new_code_cell(source)
    else:
        beside = " and ".join(f"`{file}`" for file in files)
        cell = nbformat.v4.new_markdown_cell(
            f"*Beside this notebook {'belongs' if len(files) == 1 else 'belong'} {beside}, and Python needs the course's "
            f"kit. In Colab, upload {'it' if len(files) == 1 else 'them'} and `{wheel}`, then run "
            f"`%pip install {wheel}` in a new cell.*"
        )
    cell["id"] = f"{chapter.name}-companions"
    return cell


def _cells(cell: NotebookNode, chapter: Chapter) -> Iterator[NotebookNode]:
    tags = cell.metadata.get("tags", [])
    if cell.cell_type == "markdown":
        text = _portable(cell.source)
        if "question" in tags:
            name = cell.metadata["grade_id"]
            yield _graded(nbformat.v4.new_markdown_cell(text), f"question-{name}", locked=True)
            answer = nbformat.v4.new_markdown_cell(ANSWER_STUB)
            yield _graded(answer, name, solution=True, points=cell.metadata["points"])
        elif text.strip():
            yield nbformat.v4.new_markdown_cell(text)
        return
    if "exercise" in tags:
        match = IMPORT.fullmatch(cell.source.strip())
        source = kernel_source(cell.source.strip())
        yield _graded(nbformat.v4.new_code_cell(source), match["kernel"] if match else "", solution=True)
    elif "check" in tags:
        found = _CHECK.search(cell.source)
        if not found or "points" not in cell.metadata:
            raise ChapterError(
                f"{chapter.page.name}: a check cell needs :points: and ends in check(<kernel>)"
            )
        new = nbformat.v4.new_code_cell(cell.source)
        yield _graded(new, f"check-{found[1]}", locked=True, points=cell.metadata["points"])
    elif "setup" in tags:
        yield _graded(nbformat.v4.new_code_cell(cell.source), "setup", locked=True)
    else:
        new = nbformat.v4.new_code_cell(cell.source)
        if "hide-input" in tags:
            new.metadata["jupyter"] = {"source_hidden": True}
        yield new


def _graded(
    cell: NotebookNode,
    grade_id: str,
    *,
    solution: bool = False,
    locked: bool = False,
    points: float | None = None,
) -> NotebookNode:
    cell.metadata["nbgrader"] = {
        "schema_version": 3,
        "grade_id": grade_id,
        "cell_type": cell.cell_type,
        "solution": solution,
        "locked": locked,
        "grade": points is not None,
        "task": False,
    }
    if points is not None:
        cell.metadata["nbgrader"]["points"] = float(points)
    return cell


def _validate(cells: list[NotebookNode], chapter: Chapter) -> None:
    marked = [cell for cell in cells if "nbgrader" in cell.metadata]
    ids = [cell.metadata["nbgrader"]["grade_id"] for cell in marked]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise ChapterError(f"{chapter.page.name}: used more than once: {', '.join(twice)}")
    exercises = {cell.metadata["nbgrader"]["grade_id"] for cell in marked if is_exercise(cell)}
    checked = {name.removeprefix("check-") for name in ids if name.startswith("check-")}
    if exercises != checked:
        odd = ", ".join(sorted(exercises ^ checked))
        raise ChapterError(
            f"{chapter.page.name}: each exercise cell needs its check cell, and each check an exercise: {odd}"
        )


def is_exercise(cell: NotebookNode) -> bool:
    """Whether a cell is one where a learner writes a kernel."""
    return cell.cell_type == "code" and bool(cell.metadata.get("nbgrader", {}).get("solution"))


BOOK_ONLY = {"explorer", "figure"}
"""Boxes that a notebook leaves out: an explorer and a picture of one need the book's files."""

_LINK_TO_PAGE = re.compile(r"\[([^\]]+)\]\([\w-]+\.md(?:#[\w-]*)?\)")
_FENCE = re.compile(r"^(?P<colons>:{3,})\{(?P<kind>[\w-]+)\}[ \t]*(?P<title>.*)$")


def _portable(text: str) -> str:
    """Markdown that reads well in JupyterLab, VS Code and Colab: folded boxes as <details>, other boxes as quotes.

    Links to other pages of the book keep their text only, since a notebook stands alone.
    """
    return _boxes(_LINK_TO_PAGE.sub(r"*\1*", text).splitlines())


def _boxes(lines: list[str]) -> str:
    out: list[str] = []
    at = 0
    while at < len(lines):
        match = _FENCE.match(lines[at])
        if not match:
            out.append(lines[at])
            at += 1
            continue
        end = next((n for n in range(at + 1, len(lines)) if lines[n].strip() == match["colons"]), len(lines))
        if match["kind"] in BOOK_ONLY:
            at = end + 1
            continue
        body = lines[at + 1 : end]
        folded = any(re.match(r":class:.*\bdropdown\b", line) for line in body[:3])
        while body and re.match(r":\w[\w-]*:", body[0]):
            body = body[1:]
        title = match["title"].strip() or match["kind"].capitalize()
        inner = _boxes(body).strip("\n")
        if folded:
            out += ["<details>", f"<summary><b>{title}</b></summary>", "", inner, "", "</details>"]
        else:
            out += textwrap.indent(f"**{title}**\n\n{inner}", "> ", lambda line: True).splitlines()
        at = end + 1
    return "\n".join(out)
