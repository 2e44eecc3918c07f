"""From a chapter's page to the notebook that nbgrader releases.

The page imports each reference kernel, so that the book runs as it stands. Here the import is replaced by the source of
the kernel, between whose markers nbgrader then puts the stub, and the tags become nbgrader's metadata.
"""

import ast
import difflib
import functools
import hashlib
import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbformat import NotebookNode

from ..chapters import ANSWER_STUB, ROOT, Chapter, check_points, place_and_error
from ..results import SIDE_EFFECTS
from .kit import FOLDER, address, companions, wheel_name

STUB = "raise NotImplementedError  # replace this line with your code"
"""What stands in place of a solution, in the book and in the learner's notebook."""

IMPORT = re.compile(r"from solutions\.(?P<module>\w+) import (?P<kernel>\w+)\s*")
REGION = re.compile(
    r"^(?P<indent>[ \t]*)### BEGIN SOLUTION\n(?P<body>.*?)^[ \t]*### END SOLUTION[^\n]*$",
    re.DOTALL | re.MULTILINE,
)
_CHECK = re.compile(r"^check\((\w+)\)\s*$", re.MULTILINE)


TAGS = {
    "setup": "the imports of a page: its first code cell",
    "exercise": "imports the kernel that readers write",
    "check": "checks it, for points",
    "question": "is answered in words, for points",
    "hide-input": "folds the code of a picture",
}
"""Every tag that a cell of a chapter may carry, and what such a cell does."""


class ChapterError(ValueError):
    """A chapter's page breaks a rule of authoring; the text says which cell and what to do."""


def kernel_source(cell_source: str, root: Path = ROOT) -> str:
    """Source of the reference kernel that an exercise cell imports, solution and markers included.

    It is read from the file below `root`, not imported: so it can be shown though another line of that file fails.

    Raises
    ------
    ChapterError
        If the cell is anything but one import of one kernel, or the kernel is not there, or has no solution markers.
    """
    match = IMPORT.fullmatch(cell_source)
    if not match:
        raise ChapterError(
            f"an exercise cell holds just `from solutions.<chapter> import <kernel>`, not {cell_source!r}"
        )
    name, path = f"solutions/{match['module']}.py", root / "solutions" / f"{match['module']}.py"
    try:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text, str(path))
    except FileNotFoundError:
        raise ChapterError(f"there is no {name}, from which the cell imports {match['kernel']}") from None
    except SyntaxError as error:
        raise ChapterError(f"{name} cannot be read: {place_and_error(error)}") from None
    defined = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    if match["kernel"] not in defined:
        known = ", ".join(one for one in defined if not one.startswith("_")) or "no function"
        raise ChapterError(f"{name} defines no {match['kernel']}; it defines {known}")
    node = defined[match["kernel"]]
    first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
    lines = text.splitlines()
    end = node.end_lineno or first
    below = next((at for at in range(end, len(lines)) if lines[at].strip()), end)
    if "\n".join(lines[below : below + 1]).strip().startswith("### END SOLUTION"):
        end = below + 1  # a comment below the last statement is no part of Python's tree
    source = "\n".join(lines[first - 1 : end])
    if not REGION.search(source):
        raise ChapterError(f"{name}: {match['kernel']} has no ### BEGIN SOLUTION … ### END SOLUTION")
    return source


def stub_source(source: str) -> str:
    """The kernel as a learner gets it: each solution replaced by the stub."""
    return REGION.sub(lambda match: match["indent"] + STUB, source)


def solution_lines(source: str) -> list[str]:
    """The lines between a kernel's solution markers, stripped."""
    bodies = [match["body"] for match in REGION.finditer(source)]
    return [line.strip() for body in bodies for line in body.splitlines() if line.strip()]


class Fault(NamedTuple):
    """What is wrong with a cell of a page: the line at which the cell begins, and what to do about it."""

    line: int
    text: str


def faults(chapter: Chapter, cells: "list[Placed]") -> list[Fault]:
    """All that keeps the cells of a page from becoming a notebook, in the order of the page."""
    return _read(chapter, cells)[1]


def source_notebook(chapter: Chapter) -> NotebookNode:
    """The instructor's notebook of a chapter, as `nbgrader generate_assignment` reads it.

    Raises
    ------
    ChapterError
        If the page breaks a rule of authoring.
    """
    cells, wrong = _read(chapter, page_cells(chapter.page))
    if wrong:
        more = (
            f"; and {len(wrong) - 1} more: `autograder rules {chapter.name}` lists all" if wrong[1:] else ""
        )
        raise ChapterError(f"{chapter.page.name}, line {wrong[0].line}: {wrong[0].text}{more}")
    _name(cells, chapter)
    notebook = nbformat.v4.new_notebook(cells=[_companions_cell(chapter), *cells])
    notebook.metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"},
    }
    return notebook


class Placed(NamedTuple):
    """A cell of a page, and the line of the page at which it begins."""

    line: int
    cell: NotebookNode


def page_cells(page: Path) -> list[Placed]:
    """The cells of a page, each with its line; as MyST-NB reads them, so that book and notebook cannot disagree."""
    from myst_nb.core.read import read_myst_markdown_notebook  # late: it loads Sphinx

    text = page.read_text(encoding="utf-8")
    notebook = read_myst_markdown_notebook(text, add_source_map=True)
    lines, placed = text.splitlines(), []
    for line, cell in zip(notebook.metadata.pop("source_map"), notebook.cells, strict=True):
        # of prose the number of lines before it is told, blank ones below them apart
        if cell.cell_type == "markdown":
            line += 1
            while line < len(lines) and not lines[line - 1].strip():
                line += 1
        placed.append(Placed(line, cell))
    return placed


def _read(chapter: Chapter, cells: list[Placed]) -> tuple[list[NotebookNode], list[Fault]]:
    """The cells of a chapter's notebook, and what is wrong with those of its page."""
    made: list[Placed] = []
    wrong: list[Fault] = []
    for line, cell in cells:
        try:
            made += [Placed(line, new) for new in _cells(cell, chapter)]
        except ChapterError as error:
            wrong.append(Fault(line, str(error)))
    wrong += _validate(made, chapter, bool(wrong))
    return [cell for _, cell in made], sorted(wrong)


def _name(cells: list[NotebookNode], chapter: Chapter) -> None:
    """Give each cell an id that stays when others are edited, added or moved, so that an update can be merged.

    A cell that is graded or locked is known by its grade_id, any other by its text; of equal texts, each by its turn.
    """
    seen: Counter[str] = Counter()
    for cell in cells:
        about = cell.metadata.get("nbgrader", {}).get("grade_id") or f"{cell.cell_type}\n{cell.source}"
        seen[about] += 1
        digest = hashlib.sha256(f"{about}\n{seen[about]}".encode()).hexdigest()
        cell["id"] = f"{chapter.name}-{digest[:12]}"


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
    for tag in tags:
        if tag not in TAGS:
            near = difflib.get_close_matches(tag, TAGS, 1)
            meant = f"did you mean {near[0]}?" if near else f"known are {', '.join(TAGS)}"
            raise ChapterError(f"no cell has a tag {tag}: {meant}")
    if cell.cell_type == "markdown":
        text = _portable(cell.source)
        if "question" in tags:
            lacking = [name for name in ("points", "grade_id") if not cell.metadata.get(name)]
            if lacking:
                raise ChapterError(
                    f"a question needs {' and '.join(lacking)}, as in "
                    '+++ {"tags": ["question"], "points": 2, "grade_id": "why-so"}'
                )
            name = cell.metadata["grade_id"]
            yield _graded(nbformat.v4.new_markdown_cell(text), f"question-{name}", locked=True)
            answer = nbformat.v4.new_markdown_cell(ANSWER_STUB)
            yield _graded(answer, name, solution=True, points=_points(cell))
        elif text.strip():
            yield nbformat.v4.new_markdown_cell(text)
        return
    if "exercise" in tags:
        match = IMPORT.fullmatch(cell.source.strip())
        source = kernel_source(cell.source.strip(), chapter.page.parents[1])
        if match and match["module"] != chapter.name:
            raise ChapterError(
                f"an exercise of {chapter.name} imports from solutions.{chapter.name}, not solutions.{match['module']}"
            )
        yield _graded(nbformat.v4.new_code_cell(source), match["kernel"] if match else "", solution=True)
    elif "check" in tags:
        found = _CHECK.search(cell.source)
        if not found or not cell.metadata.get("points"):
            raise ChapterError("a check cell needs :points: and ends in check(<kernel>)")
        new = nbformat.v4.new_code_cell(cell.source)
        yield _graded(new, f"check-{found[1]}", locked=True, points=_points(cell))
    elif "setup" in tags:
        yield _graded(nbformat.v4.new_code_cell(cell.source), "setup", locked=True)
    else:
        new = nbformat.v4.new_code_cell(cell.source)
        if "hide-input" in tags:
            new.metadata["jupyter"] = {"source_hidden": True}
        yield new


def _points(cell: NotebookNode) -> float:
    try:
        points = float(cell.metadata["points"])
    except (TypeError, ValueError):
        points = 0.0
    if not points > 0:
        raise ChapterError(f"points are a number above 0, not {cell.metadata['points']!r}")
    return points


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


def _validate(made: list[Placed], chapter: Chapter, incomplete: bool) -> Iterator[Fault]:
    """What is wrong between cells. Of a page of which some are missing, not what may be their fault."""
    lines: dict[str, list[int]] = {}
    for line, cell in made:
        if "nbgrader" in cell.metadata:
            lines.setdefault(cell.metadata["nbgrader"]["grade_id"], []).append(line)
    for name, places in lines.items():
        for line in places[1:]:
            yield Fault(line, f"{name} stands here a second time, first in line {places[0]}")
    exercises = {cell.metadata["nbgrader"]["grade_id"]: line for line, cell in made if is_exercise(cell)}
    for kernel, line in exercises.items():
        if f"check-{kernel}" not in lines and not incomplete:
            yield Fault(line, f"the exercise {kernel} has no check cell: one that ends in check({kernel})")
    read = check_points(chapter)
    for line, cell in made:
        field = cell.metadata.get("nbgrader", {})
        kernel = field.get("grade_id", "").removeprefix("check-")
        if field.get("grade_id", "").startswith("check-"):
            if kernel not in exercises and not incomplete:
                yield Fault(line, f"check({kernel}) has no exercise cell: one that imports {kernel}")
            if read.get(kernel) != field["points"]:
                yield Fault(line, "a check cell begins with :tags: [check], then :points:, in this order")


def is_exercise(cell: NotebookNode) -> bool:
    """Whether a cell is one where a learner writes a kernel."""
    return cell.cell_type == "code" and bool(cell.metadata.get("nbgrader", {}).get("solution"))


BOOK_ONLY = {"explorer", "figure"}
"""Boxes that a notebook leaves out: an explorer and a picture of one need the book's files."""

_LINK_TO_PAGE = re.compile(r"\[([^\]]+)\]\([\w-]+\.md(?:#[\w-]*)?\)")
FENCE = re.compile(r"^(?P<colons>:{3,})\{(?P<kind>[\w-]+)\}[ \t]*(?P<title>.*)$")


def _portable(text: str) -> str:
    """Markdown that reads well in JupyterLab, VS Code and Colab: folded boxes as <details>, other boxes as quotes.

    Links to other pages of the book keep their text only, since a notebook stands alone.
    """
    return _boxes(_LINK_TO_PAGE.sub(r"*\1*", text).splitlines())


def _boxes(lines: list[str]) -> str:
    out: list[str] = []
    at = 0
    while at < len(lines):
        match = FENCE.match(lines[at])
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


@functools.cache
def tree(path: Path) -> ast.Module:
    """A file as Python reads it, or an empty one if it is not there or no Python: another rule says that."""
    try:
        return ast.parse(path.read_text(encoding="utf-8"), str(path))
    except (OSError, SyntaxError):
        return ast.Module([], [])


def texts_of(call: ast.Call, names: tuple[str, ...]) -> dict[str, str]:
    """The arguments of a call that are texts, or the name of such a text, by their parameters' names."""
    pairs = [*zip(names, call.args, strict=False), *((word.arg or "", word.value) for word in call.keywords)]
    found = {}
    for name, value in pairs:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            found[name] = value.value
        elif isinstance(value, ast.Name):
            found[name] = SIDE_EFFECTS if value.id == "SIDE_EFFECTS" else value.id
    return found


class Answer(NamedTuple):
    """A model answer, and where it stands."""

    path: Path
    line: int
    text: str


def answers_in(listed: Path, files: Iterable[Path]) -> dict[str, Answer]:
    """Every model answer, in Markdown, by the grade_id of its question; where it stands is told besides."""
    found = {}
    if listed.exists():
        text = listed.read_text(encoding="utf-8")
        parts = list(re.finditer(r"^## (\S+)$", text, re.MULTILINE))
        for one, following in zip(parts, [*parts[1:], None], strict=True):
            answer = text[one.end() : following.start() if following else len(text)].strip()
            found[one[1]] = Answer(listed, text.count("\n", 0, one.start()) + 1, answer)
    for path in files:
        for node in tree(path).body:
            call = node.value if isinstance(node, ast.Expr) else None
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Name)
                and call.func.id == "model_answer"
            ):
                told = texts_of(call, ("question", "text"))
                found[told.get("question", "")] = Answer(path, node.lineno, told.get("text", ""))
    return found
