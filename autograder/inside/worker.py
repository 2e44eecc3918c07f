"""The worker: runs a learner's cells and calls the kernels they define, on request, over one socket.

Inside the jail it is the only program. It holds the learner's code and the inputs of the call at hand, nothing else:
no expected value, no check, no other submission. It is started as

    python -c "from inside.worker import main; main()" SOCKET SETUP

where SOCKET is the number of an inherited file descriptor and SETUP a JSON text: the limits, and `uid`, the user to
become (null to stay who we are). It says hello with what confines it, then answers one request after the other:

    {"do": "read", "name": …, "source": …}   take in a cell       {}
    {"do": "read", …, "definitions": true}   take in of a cell only what it defines
    {"do": "read released", "cells": …}      take in released cells, each with its name and its statements
    {"do": "choose", "kernels": …, "without": …}
                                             choose those statements of released cells that are needed; answers
                                             {"idle": …}, the numbers of released cells in which none is
    {"do": "run", "cell": number}            run it               {"error": …, "kind": …, "output": …}
    {"do": "call", "kernel": …, "args": …}   call a function      {"outcome": …} or {"missing": true}

and, so that the referee can time calls by its own clock, without the time that inputs and results take on the wire:

    {"do": "prepare", "kernel": …, "args": …}   lay out the arguments, which are masked
    {"do": "race", "kernel": …, "key": …}       unmask them, make the call, answer with the digest of its result
    {"do": "result", "kernel": …}               send that result

Every answer carries the request's `id`. {"stopped": limit} instead of an answer says which limit was reached.
"""

import ast
import builtins
import contextlib
import importlib.util
import inspect
import io
import json
import linecache
import os
import re
import resource
import struct
import sys
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from . import wire
from .calling import Caller, Opaque, Outcome, describe_error, error_name
from .slicing import Statement, definitions, names_bound, names_used, needed, reached

OUTPUT_KEPT = 20_000
"""Characters of a cell's printed text that are sent back."""


class Channel:
    """The worker's end of the wire."""

    def __init__(self, descriptor: int):
        self._descriptor = descriptor
        self._owner = os.getpid()
        self.request = 0

    def receive(self) -> dict[str, Any]:
        (length,) = struct.unpack(">I", self._read(4))
        message = wire.unpack(self._read(length))
        self.request = message["id"]
        return message

    def answer(self, message: dict[str, Any]) -> None:
        """Answer the request at hand; an answer that no frame can hold is over a limit."""
        try:
            frame = wire.pack({"id": self.request, **message}, wire.MAX_ANSWER)
        except wire.WireError:
            frame = wire.pack({"id": self.request, "stopped": "result limit"})
        self._write(frame)

    def stop(self, limit: str) -> None:
        """Report a limit from wherever it was noticed, and end: no `except` of the learner's can catch this."""
        self._write(wire.pack({"id": self.request, "stopped": limit}))
        os._exit(0)

    def _read(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            part = os.read(self._descriptor, min(count - len(parts), 1 << 20))
            if not part:
                os._exit(0)  # the referee has gone
            parts += part
        return bytes(parts)

    def _write(self, frame: bytes) -> None:
        if os.getpid() != self._owner:
            os._exit(0)  # a child that the learner's code forked, and that came back from the call as well
        view = memoryview(frame)
        while view:
            view = view[os.write(self._descriptor, view) :]


class Printed(io.BufferedIOBase):
    """What the learner's code prints: the start is kept, and too much of it ends the worker."""

    def __init__(self, limit: int, on_limit: Callable[[], None]):
        self._limit = limit
        self._on_limit = on_limit
        self._kept = bytearray()
        self._count = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self._count += size
        if self._count > self._limit:
            self._on_limit()
        room = 4 * OUTPUT_KEPT - len(self._kept)
        if room > 0:
            self._kept += bytes(data[:room])
        return size

    def take(self) -> str:
        """Return what was printed since the last time, and count afresh."""
        text = self._kept.decode("utf-8", "replace")[:OUTPUT_KEPT]
        self._kept.clear()
        self._count = 0
        return text


@dataclass
class Cell:
    """A cell as it was taken in: a learner's with the names that it uses and binds, or a released one's statements."""

    name: str
    source: str
    used: frozenset[str] = frozenset()
    bound: frozenset[str] = frozenset()
    given: tuple[Statement, ...] | None = None


@dataclass
class Version:
    """A function under a kernel's name, all names as they stood at its check, and whether the stub is gone from it."""

    value: Any
    names: dict[str, Any]
    is_written: bool


class Notebook:
    """The learner's cells and the one namespace in which they run.

    Plain cells are compiled and executed; if any cell needs IPython (magics, `!`, `In`, `get_ipython`), all of them
    run in its shell. Importing IPython takes longer than grading most notebooks, so only those who need it pay.

    Of each kernel the last version without the stub's line counts, with all names as they stood where it was checked
    last, or else where it was made: what a later cell does to a name that it uses does not matter, as in Jupyter.
    """

    SHELL_NAMES = frozenset(
        ("get_ipython", "In", "Out", "_", "__", "___", "_i", "_ii", "_iii", "_ih", "_oh", "_dh")
    )
    MAGIC = re.compile(r"^\s*(%|!|\?)|\?\s*$|=\s*[!%]", re.MULTILINE)

    def __init__(self) -> None:
        self.cells: list[Cell] = []
        self.versions: dict[str, Version] = {}
        self._kernels: Sequence[str] = ()
        self._seen: dict[str, Any] = {}
        self._spaces: dict[str, dict[str, Any]] = {}
        self._entered = ""
        self._needs_ipython = False
        self._shell: Any = None
        self._loop: Any = None
        # A module of its own, so that pickle, dataclasses and inspect find the learner's names in `__main__`.
        self._module = types.ModuleType("__main__")
        sys.modules["__main__"] = self._module
        self.names = self._module.__dict__
        self.names.update(display=_display, check=self.check, __builtins__=builtins)

    def read(self, name: str, source: str) -> None:
        """Take in one of the learner's cells."""
        self.cells.append(Cell(name, source, names_used(source), names_bound(source)))
        try:
            tree = compile(source, name, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            self._needs_ipython |= bool(self.MAGIC.search(source))
            return
        used = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
        stored = {node.id for node in used if not isinstance(node.ctx, ast.Load)}
        names = {node.id for node in used} - stored
        self._needs_ipython |= bool(names & self.SHELL_NAMES) or any(
            re.fullmatch(r"_i?\d+", name) for name in names
        )

    def read_given(self, name: str, given: list[Any]) -> None:
        """Take in a released cell, of which only what is needed will run."""
        made = (Statement(source, frozenset(binds), frozenset(uses)) for source, binds, uses in given)
        self.cells.append(Cell(name, "", given=tuple(made)))

    def choose(self, kernels: list[str], without: list[str]) -> list[int]:
        """Choose the statements of released cells that the learner's cells need and did not replace before.

        kernels : names of the functions that are to be called; without : names that no chosen statement leads to

        Returns the numbers of the released cells of which none is needed.
        """
        self._kernels = kernels
        given = [statement for cell in self.cells for statement in cell.given or ()]
        wanted = needed({name for cell in self.cells for name in cell.used}, given)
        avoided = reached(without, given)
        replaced: set[str] = set()
        for cell in self.cells:
            replaced |= cell.bound
            if cell.given is not None:
                cell.source = "\n".join(
                    one.source
                    for one in cell.given
                    if one.binds & (wanted - replaced) and not one.uses & avoided
                )
        return [
            number for number, cell in enumerate(self.cells) if cell.given is not None and not cell.source
        ]

    def run(self, number: int) -> BaseException | None:
        """Run a cell; return what it raised."""
        name, source = self.cells[number].name, self.cells[number].source
        if not source.strip():
            return None
        try:
            return self._run(f"<{name}>", source)
        finally:
            self._note_versions()

    def _run(self, filename: str, source: str) -> BaseException | None:
        linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
        try:
            if self._needs_ipython:
                self._shell = self._shell or _ipython_shell(self._module)
                self._shell.compile.cell = filename
                if "InlineBackend" in source:
                    _add_inline_backend(self._shell)
                result = self._shell.run_cell(source, store_history=True)
                return result.error_before_exec or result.error_in_exec
            code = compile(source, filename, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True)
            waiting = eval(code, self.names)
            if inspect.iscoroutine(waiting):
                self._wait_for(waiting)
        except BaseException as error:
            return error
        return None

    def check(self, kernel: Any = None) -> None:
        """What `check` is in here: the verdict is made elsewhere, but for the names as they stand at this place."""
        self._note_versions()
        for version in self.versions.values():
            if version.value is kernel:
                version.names = dict(self.names)

    def _note_versions(self) -> None:
        """See which kernels have a new version, and keep it if it is better than the one before."""
        for kernel in self._kernels:
            value = self.names.get(kernel)
            if value is self._seen.get(kernel) or not callable(value):
                continue
            self._seen[kernel] = value
            is_written = not _is_stub(value)
            if is_written or kernel not in self.versions or not self.versions[kernel].is_written:
                self.versions[kernel] = Version(value, dict(self.names), is_written)

    def enter(self, kernel: str) -> None:
        """Let all names be as they were for this kernel, until another is entered. All cells have run by now.

        What had no name then has the one that it got later. Another kernel that was not written yet is so now.
        """
        if kernel == self._entered:
            return
        self._spaces[self._entered] = dict(self.names)
        self._entered = kernel
        if kernel not in self._spaces:
            names = dict(self.versions[kernel].names) if kernel in self.versions else {}
            for other, version in self.versions.items():
                if other == kernel or not callable(names.get(other)) or _is_stub(names[other]):
                    names[other] = version.value
            self._spaces[kernel] = {**self._spaces[""], **names}
        self.names.update(self._spaces[kernel])

    def _wait_for(self, waiting: Any) -> None:
        if self._loop is None:
            import asyncio

            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(waiting)


def _is_stub(function: Any) -> bool:
    """Whether a function still has the line in it that a learner is to replace."""
    try:
        return "NotImplementedError" in inspect.unwrap(function).__code__.co_names
    except Exception:  # no plain function, or an object that answers for its attributes itself
        return False


def _display(*values: Any, **_: Any) -> None:
    for value in values:
        print(repr(value))


def _no_input(*_: Any) -> str:
    raise RuntimeError("input() is not available while grading: give the value in the code")


def _ipython_shell(module: types.ModuleType) -> Any:
    """IPython without history, colours, tracebacks and pictures, for cells that are more than Python."""
    import subprocess

    from IPython.core.compilerop import CachingCompiler
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Compiler(CachingCompiler):
        cell = "<cell>"

        def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:
            return self.cell

    class Shell(InteractiveShell):
        compiler_class = Compiler

        def enable_gui(self, gui: Any = None) -> None:
            pass

        def enable_matplotlib(self, gui: Any = None) -> tuple[Any, str]:
            return gui, "agg"  # nobody looks: nothing needs to be drawn

        def showtraceback(self, *_: Any, **__: Any) -> None:
            pass

        showsyntaxerror = showindentationerror = showtraceback

        def system(self, cmd: str) -> None:
            # IPython's own needs a terminal, of which the jail has none.
            child = subprocess.Popen(
                self.var_expand(cmd, depth=1),
                shell=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            assert child.stdout
            with child:
                while part := os.read(child.stdout.fileno(), 65536):
                    sys.stdout.write(part.decode("utf-8", "replace"))
            self.user_ns["_exit_code"] = child.returncode

        system_piped = system_raw = system

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "NoColor"
    config.DisplayFormatter.active_types = ["text/plain"]
    shell = Shell.instance(config=config, user_module=module, user_ns=module.__dict__)
    return shell


def _add_inline_backend(shell: Any) -> None:
    """Let `%config InlineBackend.…` find what it sets, as in Jupyter. Only on demand, for it imports Matplotlib."""
    with contextlib.suppress(ImportError):
        from matplotlib_inline.config import InlineBackend

        if not any(isinstance(one, InlineBackend) for one in shell.configurables):
            shell.configurables.append(InlineBackend.instance(parent=shell))


def _error_text(error: BaseException, cell: str) -> str:
    """`ValueError: the text (line 3)`, with the line of the cell in which it happened, where that is known."""
    line = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == f"<{cell}>":
            line = trace.tb_lineno
        trace = trace.tb_next
    text = describe_error(error, 300)
    if isinstance(error, SyntaxError) and isinstance(error.lineno, int):
        line, text = error.lineno, str(error.msg)[:300]
    if isinstance(error, ModuleNotFoundError):
        text += "; it is not there while grading: put what you need of it into the notebook"
    place = "" if line is None else f" (line {line})"
    return f"{error_name(error)}: {text}{place}" if text else f"{error_name(error)}{place}"


def _confine(setup: dict[str, Any]) -> dict[str, Any]:
    """Take on the limits and the unprivileged user, for good, and return what the kernel says of it."""
    for name, value in setup["limits"].items():
        if hasattr(resource, f"RLIMIT_{name}"):
            number = getattr(resource, f"RLIMIT_{name}")
            hard = resource.getrlimit(number)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(number, (value, value))
    # Whoever has to die if the machine runs out of memory, let it be a worker before the referee.
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")
    uid = setup["uid"]
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as status:
            kernel = dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)
    except OSError:
        kernel = {}
    return {
        "uid": os.getuid(),
        "capabilities": kernel.get("CapEff", "") + kernel.get("CapPrm", "") + kernel.get("CapAmb", ""),
        "no_new_privileges": kernel.get("NoNewPrivs", ""),
        "seccomp": kernel.get("Seccomp", ""),
    }


class Kernels:
    """The learner's functions, each with the caller that remembers its results."""

    def __init__(self, notebook: Notebook):
        self._notebook = notebook
        self._callers: dict[str, Caller] = {}

    def call(self, kernel: str, args: tuple[Any, ...]) -> dict[str, Any]:
        return self._try(kernel, lambda caller: caller(args))

    def prepare(self, kernel: str, args: tuple[Any, ...]) -> dict[str, Any]:
        return self._try(kernel, lambda caller: caller.prepare(args))

    def run(self, kernel: str, key: int) -> dict[str, Any]:
        return self._try(kernel, lambda caller: caller.run(key))

    def result(self, kernel: str) -> dict[str, Any]:
        return self._try(kernel, lambda caller: caller.result())

    def _try(self, kernel: str, act: Callable[[Caller], Outcome]) -> dict[str, Any]:
        self._notebook.enter(kernel)
        if kernel not in self._callers:
            names = self._notebook.names
            if kernel not in names:
                return {"missing": True}
            self._callers[kernel] = Caller(names[kernel])
        try:
            return {"outcome": act(self._callers[kernel])}
        except BaseException as error:
            return {"outcome": Outcome(error=error_name(error), message=describe_error(error))}


class Sources:
    """Modules that cells can import and that stand in no file in here, run when they are imported first.

    They are an earlier chapter's kernels, and modules that a learner handed in beside the notebook. It is a finder and a
    loader without the base classes of `importlib.abc`, whose import takes a tenth of a worker's start.
    """

    def __init__(self) -> None:
        self._sources: dict[str, str] = {}

    def add(self, name: str, source: str) -> None:
        self._sources[name] = source
        package = name.rpartition(".")[0]
        if package and package not in self._sources:
            self.add(package, "")

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name not in self._sources:
            return None
        return importlib.util.spec_from_loader(name, self)  # type: ignore[arg-type]

    def create_module(self, spec: Any) -> None:
        """Let the interpreter make the module as it makes any."""

    def exec_module(self, module: types.ModuleType) -> None:
        exec(self.get_code(module.__name__), module.__dict__)

    def is_package(self, name: str) -> bool:
        return any(other.startswith(f"{name}.") for other in self._sources)

    def get_source(self, name: str) -> str:
        return self._sources[name]

    def get_code(self, name: str) -> types.CodeType:
        return compile(self._sources[name], f"<{name}>", "exec")


def main() -> None:
    """Serve as a process of one's own."""
    serve(int(sys.argv[1]), json.loads(sys.argv[2]))


def serve(wire_end: int, setup: dict[str, Any]) -> NoReturn:
    """Serve one referee until it hangs up."""
    channel = Channel(wire_end)
    os.set_inheritable(wire_end, False)
    facts = _confine(setup)
    printed = Printed(setup["output_bytes"], lambda: channel.stop("output limit"))
    sys.argv[:] = [""]
    sys.stdout = sys.stderr = io.TextIOWrapper(printed, "utf-8", "backslashreplace", write_through=True)
    builtins.input = _no_input
    notebook = Notebook()
    kernels = Kernels(notebook)
    import autograder  # the stub of it, in here

    autograder.check = notebook.check  # type: ignore[assignment]
    sources = Sources()
    sys.meta_path.append(sources)
    channel.answer({"hello": facts})
    while True:
        message = channel.receive()
        match message["do"]:
            case "module":
                sources.add(message["name"], message["source"])
                answer: dict[str, Any] = {}
            case "read":
                source = message["source"]
                notebook.read(message["name"], definitions(source) if message["definitions"] else source)
                answer = {}
            case "read released":
                for name, given in message["cells"]:
                    notebook.read_given(name, given)
                answer = {}
            case "choose":
                answer = {"idle": notebook.choose(message["kernels"], message["without"])}
            case "run":
                error = notebook.run(message["cell"])
                text = "" if error is None else _error_text(error, notebook.cells[message["cell"]].name)
                kind = "" if error is None else error_name(error)
                answer = {"error": text, "kind": kind, "output": printed.take()}
                error = None
            case "call":
                answer = kernels.call(message["kernel"], message["args"])
                printed.take()
            case "prepare":
                answer = kernels.prepare(message["kernel"], message["args"])
            case "race":
                answer = kernels.run(message["kernel"], message["key"])
                printed.take()
            case "result":
                answer = kernels.result(message["kernel"])
        try:
            channel.answer(answer)
        except Exception as error:  # an object that only looks like plain data
            channel.answer(
                {"outcome": Outcome(value=Opaque(f"a value that cannot be sent ({error_name(error)})"))}
            )
