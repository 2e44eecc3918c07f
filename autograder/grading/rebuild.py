"""Rebuild, don't repair: from the release and a submitted file to what the jail runs and what the record keeps.

Only the learner's own work is taken from the submission. Checks, points and given cells come from the release, whatever
the submission says. A cell is known by its grade_id; where other tools took that away, by its own id or its text, and
a kernel's by the name that it defines. Nothing here reads a learner's text as Python: that could take minutes.
"""

import contextlib
import errno
import importlib.util
import itertools
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from ..chapters import ANSWER_STUB, Chapter, check_points
from ..jail.session import SETUP, Cell
from ..publishing.authoring import is_exercise
from ..results import Note

MAX_BYTES = 10 * 2**20
"""Size of the largest notebook that is read, without its outputs."""

RAW_BYTES = 64 * 2**20
"""Size of the largest file that is looked at."""

MODULE_BYTES = 2**18
MAX_FILES = 20
"""How many files beside a notebook are looked at."""

ADDED = "added-by-the-learner"
"""Tag of a cell that stands in no release."""

MAX_CELLS = 2000
MAX_DEPTH = 60


class Ungradable(Exception):
    """The submitted file cannot be graded; the text is the reason, for the learner."""


@dataclass(frozen=True)
class Rebuilt:
    """A submission, rebuilt on the release.

    cells : what the jail runs, in order
    notebook : the release with the learner's solutions and answers put in
    sources : the learner's text of each solution and answer cell, by grade_id
    remarks : what was odd about the file
    notes : what the learner added in cells of their own, but for kernels that were taken from there
    for_a_person : what a person has to look at, since it may be an answer that stands in none of the cells for it
    """

    cells: tuple[Cell, ...]
    notebook: NotebookNode
    sources: dict[str, str]
    remarks: tuple[str, ...]
    notes: tuple[Note, ...] = ()
    for_a_person: tuple[str, ...] = ()


@dataclass
class _Submitted:
    """A submitted cell.

    name : grade_id of the released cell that it is; is_released : whether it is any released cell, by its id or text
    defines, written : kernels that its text defines, and those of them in which the stub's line is gone
    """

    kind: str
    source: str
    grade_id: str | None = None
    points: Any = None
    cell_id: str | None = None
    number: int = 0
    name: str = ""
    is_released: bool = False
    defines: frozenset[str] = frozenset()
    written: frozenset[str] = frozenset()


def read_submission(path: Path) -> bytes:
    """Bytes of a submitted notebook.

    Raises
    ------
    Ungradable
        If it is missing, not a regular file, a link, or too large.
    """
    with contextlib.ExitStack() as opened:
        try:
            file = opened.enter_context(open(_opened(path), "rb"))
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise Ungradable(f"{path.name} is not a regular file")
            if found.st_nlink > 1:
                raise Ungradable(f"{path.name} is a hard link to another file; submit the notebook itself")
            if found.st_size > RAW_BYTES:
                raise _too_large(path.name, found.st_size)
            return file.read(RAW_BYTES + 1)
        except OSError as error:
            raise Ungradable(_why_unread(path, error)) from None


def _opened(path: Path) -> int:
    """A descriptor of a submitted file, reached without a link on the last three steps, whatever is swapped meanwhile.

    What it is can be asked of the descriptor alone: the name may stand for something else by then.
    """
    folder_only = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY
    folders = list(
        itertools.takewhile(lambda name: name not in ("", ".."), [p.name for p in path.parents[:2]])
    )
    with contextlib.ExitStack() as opened:
        place = os.open(path.parents[len(folders)], folder_only)
        opened.callback(os.close, place)
        for name in reversed(folders):
            place = os.open(name, folder_only | os.O_NOFOLLOW, dir_fd=place)
            opened.callback(os.close, place)
        return os.open(path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=place)


def _why_unread(path: Path, error: OSError) -> str:
    """Why a file could not be opened or read, for the learner."""
    if any(os.path.islink(place) for place in [path, *path.parents[:2]]):
        return f"{path.name} is a symbolic link; submit the notebook itself"
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            others: list[str] = []
            with contextlib.suppress(OSError):
                others = sorted(p.name for p in path.parent.glob("*.ipynb"))[:3]
            hint = f"; there is {', '.join(others)} instead" if others else ""
            return f"there is no file {path.name}{hint}"
        case errno.EISDIR | errno.ENXIO | errno.ENODEV:
            return f"{path.name} is not a regular file"
        case errno.EACCES | errno.EPERM:
            return f"the grader may not read {path.name}; change the mode of it and of its folder"
    return f"{path.name} cannot be read ({os.strerror(error.errno or 0)})"


def read_notebook(path: Path) -> bytes:
    """Bytes of a submitted notebook, without its outputs if they make it large: nobody looks at them.

    Raises
    ------
    Ungradable
        As `read_submission`; or if it is too large without its outputs, or no notebook.
    """
    content = read_submission(path)
    if len(content) <= MAX_BYTES:
        return content
    # what 64 MiB of JSON unfold to can be a hundred times as much: another process tries, and may fail
    command = [sys.executable, "-I", "-S", "-c", _WITHOUT_OUTPUTS]
    try:
        done = subprocess.run(command, input=content, capture_output=True, timeout=60)
    except subprocess.TimeoutExpired:
        raise _too_large(path.name, len(content)) from None
    if done.returncode or len(done.stdout) > MAX_BYTES:
        raise _too_large(path.name, len(content))
    return done.stdout


_WITHOUT_OUTPUTS = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
tree = json.loads(sys.stdin.buffer.read())
for cell in tree["cells"]:
    cell.pop("outputs", None)
    cell.pop("attachments", None)
json.dump(tree, sys.stdout)
"""


def _too_large(name: str, size: int) -> Ungradable:
    return Ungradable(
        f"{name} has {size / 2**20:.0f} MiB, over the limit of {MAX_BYTES // 2**20} MiB; "
        "clear all outputs, save, and submit again"
    )


def find_submission(folder: Path, chapter: Chapter) -> tuple[Path, tuple[str, ...]]:
    """The notebook of a chapter in a learner's folder, and what was odd about its name.

    Under another name it counts if no other notebook there carries a grade_id of the chapter, or defines an exercise.
    """
    named = folder / f"{chapter.name}.ipynb"
    others = [path for path in _files(folder, "ipynb") if path != named]
    if os.path.lexists(named):
        beside = ", ".join(_shown(path) for path in others[:3])
        return named, (f"{named.name} was graded; {beside} beside it was not",) if beside else ()
    kernels = list(check_points(chapter))
    fitting = []
    for path in others:
        with contextlib.suppress(Ungradable, OSError):
            cells, _ = _parse(read_notebook(path))
            if any(
                (cell.grade_id or "").removeprefix("check-") in kernels
                or any(_definitions(cell.source, kernels))
                for cell in cells
            ):
                fitting.append(path)
    if len(fitting) != 1:
        return named, ()
    return fitting[0], (
        f"there is no {named.name}; {_shown(fitting[0])} was graded, the only one of this chapter",
    )


def read_modules(folder: Path) -> dict[str, str]:
    """Source of the modules that a learner handed in beside the notebook, by name: small, and of no known name."""
    found = {}
    for path in _files(folder, "py"):
        name = path.stem
        if not name.isidentifier() or name in _TAKEN or importlib.util.find_spec(name):
            continue
        with contextlib.suppress(Ungradable, OSError, UnicodeDecodeError):
            if path.lstat().st_size <= MODULE_BYTES:
                found[name] = read_submission(path).decode("utf-8-sig")
    return found


_TAKEN = frozenset(["autograder", "course", "inside", "solutions", "tqdm", *sys.stdlib_module_names])


def _shown(path: Path) -> str:
    return ascii(path.name)[1:-1] if not path.name.isprintable() else path.name


def _files(folder: Path, ending: str) -> list[Path]:
    try:
        return sorted(folder.glob(f"[!.]*.{ending}"))[:MAX_FILES]
    except OSError:
        return []


def rebuild(release: NotebookNode, content: bytes) -> Rebuilt:
    """Put a submission's own work into the released notebook.

    Raises
    ------
    Ungradable
        If the content is not a notebook.
    """
    submitted, remarks = _parse(content)
    released = {
        cell.metadata["nbgrader"]["grade_id"]: cell for cell in release.cells if "nbgrader" in cell.metadata
    }
    own = {name for name, cell in released.items() if cell.metadata["nbgrader"]["solution"]}
    kernels = [name for name, cell in released.items() if is_exercise(cell)]
    _identify(submitted, release, released, kernels)
    if not any(cell.grade_id in released for cell in submitted):
        remarks.append("no cell carries its grade_id any more; cells were known by their own ids and texts")
    chosen: dict[str, _Submitted] = {}
    for name in released:
        found = None
        if name in kernels:
            found = _kernel(name, submitted, remarks)
        elif name in own:
            found = _answer(name, submitted, released, remarks)
        if found:
            chosen[name] = found
    remarks += _altered(submitted, released, own)
    notes = tuple(_notes(release, submitted, chosen))
    return Rebuilt(
        tuple(_program(release, submitted, released, chosen)),
        _filled(release, chosen, notes),
        {name: cell.source for name, cell in chosen.items()},
        tuple(remarks),
        notes,
        tuple(_unanswered(own - set(kernels), chosen, sum(not note.is_code for note in notes))),
    )


def _filled(release: NotebookNode, chosen: dict[str, _Submitted], notes: tuple[Note, ...]) -> NotebookNode:
    """The release with the learner's solutions and answers, and the cells that the learner added, marked as such."""
    notebook = nbformat.from_dict(json.loads(json.dumps(release)))
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in chosen:
            cell.source = chosen[name].source
    for note in reversed(notes):
        new_cell = nbformat.v4.new_code_cell if note.is_code else nbformat.v4.new_markdown_cell
        notebook.cells.insert(note.after + 1, new_cell(note.text, metadata={"tags": [ADDED]}))
    return notebook


def _parse(content: bytes) -> tuple[list[_Submitted], list[str]]:
    """The cells of a submitted file, and what was odd about it."""
    if len(content) > MAX_BYTES:
        raise Ungradable(f"the file is over the limit of {MAX_BYTES // 2**20} MiB")
    if not content.strip():
        raise Ungradable("the file is empty")
    remarks = []
    try:
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            text = content.decode("utf-16")
            remarks.append("the file was text in UTF-16; Jupyter reads and writes UTF-8")
        else:
            text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Ungradable("the file is not text in UTF-8, so it is not a Jupyter notebook") from None
    sides = _sides(text)
    if not sides:
        return _cells(text), remarks
    read = []
    for side in sides:
        with contextlib.suppress(Ungradable):
            read.append(_cells(side))
    if len(read) == 2 and read[0] == read[1]:  # they differ in outputs and numbers alone
        read.pop()
    if len(read) != 1:
        line = text[: text.index("\n<<<<<<<")].count("\n") + 2
        raise Ungradable(
            f"the file holds an unsolved merge conflict (line {line}, <<<<<<<); keep one side of it, and submit again"
        )
    return read[0], [
        *remarks,
        "the file holds an unsolved merge conflict; the side that is a notebook was taken",
    ]


_CONFLICT = re.compile(r"^(<<<<<<<|\|\|\|\|\|\|\||=======|>>>>>>>)(?:[ \r].*)?$")


def _sides(text: str) -> tuple[str, str] | None:
    """Both sides of the merge conflicts that git left in a text; None if there are none."""
    if "\n<<<<<<<" not in text or "\n>>>>>>>" not in text:
        return None
    ours, theirs = [], []
    mark = ">>>>>>>"
    for line in text.split("\n"):
        if found := _CONFLICT.match(line):
            mark = found[1]
            continue
        if mark in ("<<<<<<<", ">>>>>>>"):
            ours.append(line)
        if mark in ("=======", ">>>>>>>"):
            theirs.append(line)
    return "\n".join(ours), "\n".join(theirs)


def _cells(text: str) -> list[_Submitted]:
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise Ungradable(f"the file is not valid JSON{where}, so it is not a Jupyter notebook") from None
    if not isinstance(tree, dict) or not isinstance(tree.get("nbformat"), int):
        raise Ungradable("the file is JSON, but not a Jupyter notebook")
    if _depth(tree) > MAX_DEPTH:
        raise Ungradable("the file is nested too deeply to be a notebook")
    language = _dict(_dict(tree.get("metadata")).get("kernelspec")).get("language")
    if language not in (None, "", "python", "python3"):
        raise Ungradable(f"the notebook is written in {str(language)[:40]}; this course is graded in Python")
    cells = tree.get("cells")
    if tree["nbformat"] < 4:
        cells = [
            cell
            for sheet in _list(tree.get("worksheets"))
            if isinstance(sheet, dict)
            for cell in _list(sheet.get("cells"))
        ]
    if not isinstance(cells, list):
        raise Ungradable("the notebook has no list of cells")
    if len(cells) > MAX_CELLS:
        raise Ungradable(f"the notebook has {len(cells)} cells, over the limit of {MAX_CELLS}")
    return [_cell(cell, number) for number, cell in enumerate(cells, 1) if isinstance(cell, dict)]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _depth(tree: Any) -> int:
    """How deeply lists and objects nest; counted without recursion, and only as far as it matters."""
    level, depth = [tree], 0
    while level and depth <= MAX_DEPTH:
        depth += 1
        children = (value.values() if isinstance(value, dict) else value for value in level)
        level = [item for group in children for item in group if isinstance(item, dict | list)]
    return depth


def _cell(cell: dict[str, Any], number: int) -> _Submitted:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    fields = _dict(_dict(cell.get("metadata")).get("nbgrader"))
    grade_id, cell_id = fields.get("grade_id"), cell.get("id")
    # a lone surrogate, which JSON allows, could be written nowhere
    text = source.replace("\r\n", "\n").encode("utf-8", "replace").decode() if isinstance(source, str) else ""
    return _Submitted(
        str(cell.get("cell_type")),
        text,
        grade_id if isinstance(grade_id, str) else None,
        fields.get("points"),
        cell_id if isinstance(cell_id, str) else None,
        number,
    )


def _identify(
    submitted: list[_Submitted], release: NotebookNode, released: dict[str, NotebookNode], kernels: list[str]
) -> None:
    """Find out which released cell each submitted one is, and which kernels it defines."""
    known = {cell.get("id") for cell in release.cells} | {cell.source.strip() for cell in release.cells}
    by_id = {cell.id: name for name, cell in released.items() if "id" in cell}
    by_text = {cell.source.strip(): name for name, cell in released.items()}
    for cell in submitted:
        if cell.grade_id in released:
            cell.name = str(cell.grade_id)
        else:
            cell.name = by_id.get(cell.cell_id, "") or by_text.get(cell.source.strip(), "")
        cell.is_released = bool(cell.name) or cell.cell_id in known or cell.source.strip() in known
        bodies = dict(_definitions(cell.source, kernels))
        cell.defines = frozenset(bodies)
        cell.written = frozenset(name for name, body in bodies.items() if STUB_LINE not in body)


STUB_LINE = "raise NotImplementedError"

_DEFINITION = re.compile(
    r"^(?:[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)|(\w+)[ \t]*(?::[^=\n]*)?=(?!=))", re.M
)
_NEXT_STATEMENT = re.compile(r"\n(?=[^\s)#])")


def _definitions(source: str, kernels: list[str]) -> Iterator[tuple[str, str]]:
    """Kernels that a text seems to define, each with the text of its last definition."""
    last = {match[1] or match[2]: match for match in _DEFINITION.finditer(source)}
    for name in kernels:
        if match := last.get(name):
            end = _NEXT_STATEMENT.search(source, match.end())
            yield name, source[match.start() : end.start() if end else len(source)]


def _kernel(kernel: str, submitted: list[_Submitted], remarks: list[str]) -> _Submitted | None:
    """The cell with the version of a kernel that counts: the last that is written, wherever it stands."""
    found = [cell for cell in submitted if cell.name == kernel or kernel in cell.defines]
    code = [cell for cell in found if cell.kind == "code"]
    written = [cell for cell in code if kernel in cell.written]
    retyped = [
        cell
        for cell in found
        if cell.kind == "raw" or (cell.kind == "markdown" and cell.name == kernel)
        if kernel in cell.written
    ]
    if retyped and not written:
        chosen = retyped[-1]
        remarks.append(f"cell {kernel} was turned into a {chosen.kind} cell; it counts all the same")
        chosen.kind = "code"
        return chosen
    odd = [cell for cell in found if cell.kind != "code" and cell.name == kernel]
    if odd and not code:
        remarks.append(f"cell {kernel} was turned into a {odd[-1].kind[:20]} cell; it does not count")
    if not code:
        if not odd:
            remarks.append(f"cell {kernel} is missing")
        return None
    chosen = ([*code, *[cell for cell in code if kernel in cell.defines], *written])[-1]
    if len(code) > 1:
        numbers = _listed([cell.number for cell in code])
        remarks.append(
            f"{kernel} stands in cells {numbers}; its last version that is written counts, in cell {chosen.number}"
        )
    checks = [cell.number for cell in submitted if cell.name == f"check-{kernel}"]
    if checks and kernel in chosen.written and chosen.number > checks[-1]:
        remarks.append(f"{kernel} stands in cell {chosen.number}, below its check; it counts")
    return chosen


def _listed(numbers: list[int]) -> str:
    shown = [str(number) for number in numbers[:5]] + (["more"] if len(numbers) > 5 else [])
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def _answer(
    name: str,
    submitted: list[_Submitted],
    released: dict[str, NotebookNode],
    remarks: list[str],
) -> _Submitted | None:
    """The cell with a written answer: its own, or what was written below the question, or into the question's cell."""
    question = f"question-{name}"
    own = [cell for cell in submitted if cell.name == name]
    written = [cell for cell in own if _is_answer(cell.source)]
    if written:
        if len(own) > 1:
            remarks.append(f"cell {name} stands {len(own)} times; the last one that is written counts")
        if written[-1].kind != "markdown":
            remarks.append(f"cell {name} was turned into a {written[-1].kind[:20]} cell; it was read as text")
        return written[-1]
    asked = released[question].source.strip() if question in released else ""
    below: list[_Submitted] = []
    is_below = False
    for cell in submitted:
        if cell.name in (name, question):
            is_below = True
            rest = cell.source.strip().removeprefix(asked) if cell.name == question else ""
            if asked and rest != cell.source.strip() and _is_answer(rest):
                below.append(_Submitted("markdown", rest.strip(), number=cell.number))
        elif is_below and (cell.is_released or cell.kind == "code"):
            break
        elif is_below and _is_answer(cell.source):
            below.append(cell)
    if below:
        numbers = [cell.number for cell in below]
        where = f"cell {numbers[0]}" if len(numbers) == 1 else f"cells {_listed(numbers)}"
        remarks.append(f"the answer {name} was taken from {where}, where it stands below the question")
        for cell in below:
            cell.name = name
        return _Submitted(
            "markdown", "\n\n".join(cell.source for cell in below), name=name, number=numbers[0]
        )
    if not own:
        remarks.append(f"cell {name} is missing")
    return own[-1] if own else None


def _is_answer(text: str) -> bool:
    return bool(text.replace(ANSWER_STUB, "").strip())


def _notes(
    release: NotebookNode, submitted: list[_Submitted], chosen: dict[str, _Submitted]
) -> Iterator[Note]:
    """What the learner wrote into cells that are none of the release, or into its prose."""
    taken = {id(one) for one in chosen.values()}
    released = {
        cell.metadata["nbgrader"]["grade_id"]: cell.source
        for cell in release.cells
        if "nbgrader" in cell.metadata
    }
    places: dict[str | None, int] = {}
    for number, cell in enumerate(release.cells):
        for key in (cell.source.strip(), cell.get("id"), cell.metadata.get("nbgrader", {}).get("grade_id")):
            places.setdefault(key, number)
    texts = {cell.source.strip() for cell in release.cells}
    at = -1
    for one in submitted:
        keys = (one.name, one.cell_id, one.source.strip())
        at = max(at, next((places[key] for key in keys if key and key in places), -1))
        if id(one) in taken or one.source.strip() in {*texts, ""}:
            continue
        if one.kind in ("markdown", "raw") and not one.name:
            yield Note(at, one.source)
        elif one.kind == "code":  # what was written into a released cell runs as well
            is_given = one.name in released and one.name not in chosen
            lines = _own_lines(one.source, released[one.name]) if is_given else one.source
            if lines.strip():
                yield Note(at, lines, "code")


def _unanswered(answers: set[str], chosen: dict[str, _Submitted], notes: int) -> Iterator[str]:
    for name in sorted(answers) if notes else ():
        if name not in chosen or not _is_answer(chosen[name].source):
            yield (
                f"no answer stands in the cell of {name}, but the learner wrote text into {notes} other "
                f"{'cell' if notes == 1 else 'cells'}: see whether it is the answer"
            )


def _altered(submitted: list[_Submitted], released: dict[str, NotebookNode], own: set[str]) -> Iterator[str]:
    foreign: list[str] = []
    for cell in submitted:
        if cell.grade_id is None:
            continue
        name = cell.grade_id[:60]
        if cell.grade_id not in released:
            foreign.append(name)
            continue
        given = released[cell.grade_id]
        if cell.grade_id not in own and cell.source.rstrip() != given.source.rstrip():
            kept = ", and your own lines were run" if cell.kind == given.cell_type == "code" else ""
            yield f"cell {name} was edited; the released one was used{kept}"
        if cell.points != given.metadata["nbgrader"].get("points"):
            yield f"the points of cell {name} were edited; the released ones were used"
    if foreign:
        more = f" and {len(foreign) - 1} more like it" if len(foreign) > 1 else ""
        yield f"cell {foreign[0]!r}{more}: not of this assignment, run as extra cells"


def _program(
    release: NotebookNode,
    submitted: list[_Submitted],
    released: dict[str, NotebookNode],
    chosen: dict[str, _Submitted],
) -> Iterator[Cell]:
    """What the jail runs: the learner's cells in their order, and the given cells, of which it takes what those need."""
    given = {
        cell.source.rstrip() for cell in release.cells if cell.cell_type == "code" and not is_exercise(cell)
    }
    checks = {name for name in released if name.startswith("check-")}
    answers = {name for name in chosen if not is_exercise(released[name])}
    if SETUP in released and not any(cell.name == SETUP for cell in submitted):
        yield Cell(SETUP, released[SETUP].source, is_given=True)
    for cell in submitted:
        if cell.kind != "code" or not cell.source.strip() or cell.name in answers:
            continue
        place = f"cell {cell.number}"
        if cell.name == SETUP:
            yield Cell(SETUP, released[SETUP].source, is_given=True)
            if own := _own_lines(cell.source, released[SETUP].source):
                yield Cell(place, own, is_extra=True)
        elif cell.defines or (cell.name in released and is_exercise(released[cell.name])):
            yield Cell(cell.name or place, cell.source, defines=tuple(sorted(cell.defines)))
        elif cell.name in checks:
            # `check` looks at nothing in there, but it marks the place; what a learner wrote around it runs as well
            yield Cell(cell.name, cell.source, is_extra=True)
        elif cell.source.rstrip() in given:
            yield Cell(f"released {place}", cell.source, is_given=True)
        else:
            yield Cell(place, cell.source, is_extra=True)


def _own_lines(source: str, released: str) -> str:
    """A released cell's text without the lines that were released: what a learner added."""
    known = {line.rstrip() for line in released.splitlines()}
    own = [line for line in source.splitlines() if line.rstrip() not in known]
    return "\n".join(own).strip("\n")
