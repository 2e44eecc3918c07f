"""What runs in the browser: the cells of one page in one namespace, and the kit's own checks of what they define.

A cell runs after those statements of the cells before it that bind a name it needs, read off the syntax as in grading:
so a check need not load Matplotlib, and no figure is drawn in passing. All answers are plain data for the page.
"""

import ast
import contextlib
import functools
import importlib
import importlib.util
import io
import json
import linecache
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..chapters import CHECKS
from ..checking.instant import RECORD_SUFFIX
from ..checking.oracle import Record
from ..checking.run import TIMED, run_checks
from ..inside.calling import Caller
from ..inside.slicing import names_bound, names_used, statements
from ..reports import exercise_html
from ..reports.words import verdict_words

TEXT_KEPT = 20_000
"""Characters of printed text that the page shows of one run."""

NO_CLOCK = "the check of speed is left out in the page; the notebook and the grading make it."
NO_CLOCKS = "the checks of speed are left out in the page; the notebook and the grading make them."

_SEED = "default_rng("
"""What a statement holds from which on a generator is another one."""

PAGE = "<page: "
"""What the file names of the page's cells begin with, in tracebacks."""

Answer = dict[str, Any]

outputs_at_hand: list[dict[str, Any]] = []
"""Where the run at hand puts its outputs; pictures arrive from Matplotlib's side."""


@dataclass(frozen=True)
class Part:
    """A statement of a given cell, or a whole exercise; or what is asked for itself, a cell or a scratch cell.

    binds, uses : names; a generator of random numbers is another name from each new seed on, bound by all who draw from it
    """

    number: int
    title: str
    source: str
    kernel: str = ""
    binds: frozenset[str] = frozenset()
    uses: frozenset[str] = frozenset()


class Missing(Exception):
    """A package has to be loaded first; the argument is the name by which it is imported."""


class Printed(io.StringIO):
    """Printed text; what is beyond the limit is dropped, so that no loop fills the memory."""

    def __init__(self, outputs: list[Answer]):
        super().__init__()
        self._outputs = outputs
        self._room = TEXT_KEPT

    def write(self, text: str) -> int:
        kept = text[: self._room] if self._room > 0 else ""
        if kept:
            last = self._outputs[-1] if self._outputs else {}
            if last.get("kind") != "text":
                last = {"kind": "text", "text": ""}
                self._outputs.append(last)
            self._room -= len(kept)
            last["text"] += kept if self._room > 0 else f"{kept}\n… and more"
        return len(text)


def _take_int64() -> None:
    """Let `np.bincount` take int64 where NumPy's own integer has 32 bits, as it does on all other machines."""
    if np.dtype(np.intp).itemsize < 8:
        count: Callable[..., np.ndarray] = np.bincount

        def bincount(x: Any, *args: Any, **kwargs: Any) -> np.ndarray:
            x = np.asarray(x)
            return count(x.astype(np.intp) if x.dtype == np.int64 else x, *args, **kwargs)

        np.bincount = bincount


class Session:
    """One page at work. `folder` holds the released notebook and its record; it is the working directory."""

    def __init__(self, chapter: str, stub: str, folder: Path = Path()):
        notebook = json.loads((folder / f"{chapter}.ipynb").read_text(encoding="utf-8"))
        self._chapter, self._stub = chapter, stub
        self._record = folder / f"{chapter}{RECORD_SUFFIX}"
        self.cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        self._names: dict[str, Any] = {}
        self._ran: list[Part] = []
        self._restart()
        _take_int64()
        importlib.import_module("course")  # puts the kernels of earlier chapters on the path

    def answer(self, request: str) -> str:
        """One request of the page, as JSON: {"do": "check" or "run", and the arguments of that method}."""
        given = json.loads(request)
        method: Callable[..., Answer] = self.check if given.pop("do") == "check" else self.run
        given["written"] = {int(number): text for number, text in given["written"].items()}
        return json.dumps(method(**given))

    @functools.cached_property
    def _oracle(self) -> Record:
        return Record(self._record)

    def check(self, kernel: str, written: Mapping[int, str]) -> Answer:
        """Check one exercise as the page's texts have it: the report, points and verdict; or the package it wants first.

        written : texts that stand in the page instead of the released ones, by the number of the code cell
        """
        parts = self._parts(written)
        own = next(part for part in parts if part.kernel == kernel)
        needed = _needed(own, parts[: parts.index(own)])
        outputs: list[Answer] = []
        failed = self._run([*needed, own], outputs)
        if failed:
            return failed if "missing" in failed else {"outputs": [*outputs, failed]}
        function = self._names.get(kernel)
        if not callable(function):
            said = f"There is no function {kernel} any more: keep the line that begins with def {kernel}(…)."
            return {"outputs": [*outputs, {"kind": "error", "text": said}]}
        (exercise,) = run_checks(
            CHECKS / f"test_{self._chapter}.py", self._oracle, {kernel: Caller(function)}, timed=False
        )
        if (clocks := self._timed().count(kernel)) and not exercise.remark:
            exercise = replace(exercise, remark=NO_CLOCK if clocks == 1 else NO_CLOCKS)
        return {
            "outputs": outputs,
            "first": self._unwritten(needed),
            "report": exercise_html(exercise, level=4),
            "score": exercise.score,
            "points": exercise.points,
            "verdict": verdict_words(exercise.verdict),
        }

    def run(self, number: int, written: Mapping[int, str], scratch: str | None = None) -> Answer:
        """Run one cell, or a scratch cell that stands after it, and first what it needs of the cells before.

        Returns
        -------
        dict of "outputs", the texts, errors and pictures in order; or of "first", the exercises to write before
        """
        source = written.get(number, self._source(number)) if scratch is None else scratch
        before = self._parts(written, number + (scratch is not None))
        own = self._parts({**written, number: source}, number + 1, whole=number)[-1]
        needed = _needed(own, before)
        if first := self._unwritten(needed):
            return {"first": first}
        outputs: list[Answer] = []
        failed = self._run(needed, [])
        if (
            failed and "missing" not in failed
        ):  # a name that means several things: then all before, as in a notebook
            self._restart()
            failed = self._run(before, [])
        failed = failed or self._run([own], outputs, last=True)
        if failed and "missing" in failed:
            return failed
        return {"outputs": [*outputs, failed] if failed else outputs}

    def _unwritten(self, parts: list[Part]) -> list[str]:
        return [part.kernel for part in parts if part.kernel and self._stub in part.source]

    def _source(self, number: int) -> str:
        return "".join(self.cells[number]["source"])

    def _parts(
        self, written: Mapping[int, str], end: int | None = None, whole: int | None = None
    ) -> list[Part]:
        """The parts of the cells up to number `end`; of `whole`, which is asked for itself, all in one."""
        parts: list[Part] = []
        imported: frozenset[str] = frozenset()
        seeds: dict[str, str] = {}
        for number, cell in enumerate(self.cells[:end]):
            grader = cell["metadata"].get("nbgrader", {})
            name = grader.get("grade_id", "")
            source = written.get(number, self._source(number))
            if number == whole:
                uses = frozenset(seeds.get(one, one) for one in names_used(source))
                parts.append(Part(number, "this cell", source, "", names_bound(source), uses))
            elif grader.get("solution"):
                parts.append(
                    Part(number, name, source, name, names_bound(source) | {name}, names_used(source))
                )
            elif not name.startswith("check-"):
                with contextlib.suppress(SyntaxError):
                    for text, binds, uses in statements(source):
                        if name == "setup":
                            imported |= binds
                        else:
                            binds -= imported  # `np.append(x, 1)` changes no `np`
                        if _SEED in text:
                            seeds |= {one: f"{one} of {len(parts)}" for one in binds}
                        binds |= uses & seeds.keys()
                        binds, uses = (frozenset(seeds.get(n, n) for n in names) for names in (binds, uses))
                        parts.append(Part(number, f"cell {number + 1}", text, "", binds, uses))
        return parts

    def _run(self, parts: list[Part], outputs: list[Answer], last: bool = False) -> Answer | None:
        """Run parts that did not run yet; what went wrong, or None.

        Where one that ran has another text by now, or binds what another part binds too, all begins afresh.
        """
        if not last:
            wanted = {name for part in parts for name in part.uses | part.binds}
            odd = [part for part in self._ran if part not in parts and part.binds & wanted]
            todo = [part for part in parts if part not in self._ran]
            late = [
                one for one in self._ran for new in todo if new.number < one.number and new.binds & one.binds
            ]
            if odd or late:
                self._restart()
            parts = [part for part in parts if part not in self._ran]
        for part in parts:
            failed = self._execute(part, outputs, last)
            if failed:
                return failed
            self._ran = [one for one in self._ran if one != part] + [part]
        return None

    def _restart(self) -> None:
        self._names.clear()
        self._names |= {"__name__": "__main__"}
        self._ran = []

    def _execute(self, part: Part, outputs: list[Answer], last: bool) -> Answer | None:
        name = f"{PAGE}{part.title}>"
        # where tracebacks, and the hints of checks, look up the text of a line
        linecache.cache[name] = (len(part.source), None, part.source.splitlines(keepends=True), name)
        printed = Printed(outputs)
        global outputs_at_hand
        outputs_at_hand = outputs
        try:
            tree = ast.parse(part.source, name)
            for wanted in _imported(tree, bool(part.kernel)):
                if wanted not in sys.modules and importlib.util.find_spec(wanted) is None:
                    raise Missing(wanted)
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                end = tree.body.pop() if last and tree.body and isinstance(tree.body[-1], ast.Expr) else None
                exec(compile(tree, name, "exec"), self._names)
                if isinstance(end, ast.Expr):
                    value = eval(compile(ast.Expression(end.value), name, "eval"), self._names)
                    _display(value, outputs, printed)
                if last:
                    _figures("show")
                else:
                    _figures("close", "all")
        except Missing as missing:
            return {"missing": missing.args[0]}
        except ModuleNotFoundError as error:
            return {"missing": error.name, "error": _told(error, part)}
        except BaseException as error:  # whatever the reader's code raises is shown, SystemExit too
            return {"kind": "error", "text": _told(error, part)}
        return None

    def _timed(self) -> list[str]:
        """The kernels whose speed is checked, once for each such check."""
        tree = ast.parse((CHECKS / f"test_{self._chapter}.py").read_text(encoding="utf-8"))
        return [
            node.args.args[0].arg
            for node in tree.body
            if isinstance(node, ast.FunctionDef)
            and any(isinstance(one, ast.Attribute) and one.attr == TIMED for one in node.decorator_list)
        ]


def _imported(tree: ast.Module, everywhere: bool) -> Iterator[str]:
    """The packages imported at the top of a cell, and in an exercise, whose checks run what it defines, anywhere.

    Where a failing import is caught, nothing is asked for.
    """
    todo: list[ast.AST] = list(tree.body)
    while todo:
        node = todo.pop(0)
        if isinstance(node, ast.Import):
            yield from (one.name.partition(".")[0] for one in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module).partition(".")[0]
        elif everywhere and not isinstance(node, ast.Try):
            todo += ast.iter_child_nodes(node)


def _display(value: Any, outputs: list[Answer], printed: Printed) -> None:
    """Show the value of a cell's last line, as a notebook does."""
    if value is None:
        return
    html = getattr(value, "_repr_html_", None)
    if callable(html) and not isinstance(value, type):
        outputs.append({"kind": "html", "text": html()})
    else:
        printed.write(f"{value!r}\n")


def _figures(do: str, *args: str) -> None:
    """Have pyplot do something, if it was imported at all."""
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        getattr(pyplot, do)(*args)


def _needed(own: Part, before: list[Part]) -> list[Part]:
    """Those parts that bind what a part uses, and what these use in turn, in the order of the page."""
    wanted, found = own.uses, set[Part]()
    while more := {part for part in before if part.binds & wanted} - found:
        found |= more
        wanted = wanted.union(*(part.uses for part in more))
    return [part for part in before if part in found]


def _told(error: BaseException, part: Part) -> str:
    """An error with the lines of the page's cells that led to it, innermost last, and nothing of our own frames."""
    trace = error.__traceback__
    while trace is not None and not trace.tb_frame.f_code.co_filename.startswith(PAGE):
        trace = trace.tb_next
    frames = [frame for frame in traceback.extract_tb(trace) if frame.filename.startswith(PAGE)]
    places = [
        f"{frame.filename[len(PAGE) : -1]}, line {frame.lineno}:\n    {(frame.line or '').strip()}"
        for frame in frames
    ]
    if isinstance(error, SyntaxError) and error.lineno:
        text = (error.text or "").rstrip("\n")
        mark = " " * (4 + max((error.offset or 1) - 1, 0)) + "^"
        places = [f"{part.title}, line {error.lineno}:\n    {text}\n{mark}"]
        return "\n".join([*places, f"{type(error).__name__}: {error.msg}"])
    return "\n".join([*places, "".join(traceback.format_exception_only(error)).strip()])
