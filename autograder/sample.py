"""A sample class: submissions made from a release, right, wrong, odd, hostile and broken ones. For the demo and the tests."""

import ast
import copy
import functools
import importlib
import inspect
import json
from collections.abc import Callable
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from . import mistakes
from .chapters import Chapter
from .grading.classroom import Classroom
from .inside.slicing import names_used, needed, statements
from .mistakes import Variant
from .publishing.authoring import is_exercise, kernel_source

CRASH = "import os\n\n\ndef {kernel}(*args):\n    os._exit(7)\n"
ENDLESS = (
    "def {kernel}(*args):\n    while True:\n        try:\n            while True:\n                pass\n"
    "        except BaseException:\n            pass\n"
)
HOSTILE = (
    "import sys\nimport numpy\nimport numpy.testing\n\n"
    "numpy.testing.assert_allclose = numpy.allclose = numpy.isclose = lambda *args, **kwargs: True\n"
    "sys.displayhook = lambda value: print(5.0)\n\n\n"
    "class Agreeable:\n    def __eq__(self, other):\n        return True\n\n\n"
    "def {kernel}(*args):\n    return Agreeable()\n"
)


def reference_cell(chapter: Chapter, kernel: str) -> str:
    """The reference kernel as a learner would have written it, without the solution markers."""
    source = kernel_source(f"from solutions.{chapter.name} import {kernel}")
    return "\n".join(
        line
        for line in source.splitlines()
        if "### BEGIN SOLUTION" not in line and "### END SOLUTION" not in line
    )


@functools.cache
def variant_cell(variant: Variant) -> str:
    """A mistake or an alternative as a cell of its own: the function under the kernel's name, and what it needs.

    Reference kernels of its own chapter that it calls come along under other names, since a notebook has none.
    """
    module = variant.function.__module__
    given, renames = _surroundings(module)
    own = next(n for n in _statements(module) if isinstance(n, ast.FunctionDef) and n.name == variant.name)
    function = ast.unparse(_renamed(own, {**renames, variant.name: variant.kernel}))
    wanted = needed(names_used(function), statements(given))
    needs = [one.source for one in statements(given) if one.binds & wanted]
    return "\n".join([*needs, "\n", function]).strip()


@functools.cache
def _surroundings(module: str) -> tuple[str, dict[str, str]]:
    """All that a variant of this module could need, as text, and the other names of the reference kernels in it."""
    solutions = f"solutions.{module.rpartition('.')[2]}"
    reference = [node for node in _statements(solutions) if isinstance(node, ast.FunctionDef)]
    renames = {node.name: f"given_{node.name}" for node in reference}
    shared = [node for node in _statements(module) if not _is_import_of(node, "autograder", solutions)]
    imports = [node for node in shared if isinstance(node, ast.Import | ast.ImportFrom)]
    others = [_renamed(node, renames) for node in [*reference, *shared] if node not in imports]
    return ast.unparse(ast.Module([*imports, *others], [])), renames


@functools.cache
def _statements(module: str) -> list[ast.stmt]:
    """Statements of a module, without decorators and docstrings."""
    statements = ast.parse(inspect.getsource(importlib.import_module(module))).body
    for node in statements:
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = []
            node.body = node.body[1:] if ast.get_docstring(node) and node.body[1:] else node.body
    return [node for node in statements if not isinstance(node, ast.Expr)]


def _is_import_of(node: ast.stmt, *modules: str) -> bool:
    return isinstance(node, ast.ImportFrom) and (node.module or "").startswith(modules)


def _renamed(statement: ast.stmt, names: dict[str, str]) -> ast.stmt:
    changed = copy.deepcopy(statement)
    for node in ast.walk(changed):
        if isinstance(node, ast.Name):
            node.id = names.get(node.id, node.id)
        elif isinstance(node, ast.FunctionDef):
            node.name = names.get(node.name, node.name)
    return changed


def fill(release: NotebookNode, write: Callable[[str], str | None], answer: str = "") -> NotebookNode:
    """A copy of the release with each solution cell replaced by `write(kernel)`, where that is not None."""
    notebook = nbformat.from_dict(json.loads(json.dumps(release)))
    for cell in notebook.cells:
        if is_exercise(cell):
            cell.source = write(cell.metadata["nbgrader"]["grade_id"]) or cell.source
        elif answer and cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = answer
    return notebook


def sample_class(chapter: Chapter, release: NotebookNode) -> dict[str, bytes]:
    """Submitted files by the name of who submits them, for one chapter."""
    kernels = [cell.metadata["nbgrader"]["grade_id"] for cell in release.cells if is_exercise(cell)]
    variants = mistakes.of(chapter.name)
    wrong = {kernel: [v for v in variants if v.kernel == kernel and v.is_wrong] for kernel in kernels}
    right = {kernel: [v for v in variants if v.kernel == kernel and not v.is_wrong] for kernel in kernels}
    answer = "One small set of weights is used at every place, so a pattern is found wherever it lies."

    def reference(kernel: str) -> str:
        return reference_cell(chapter, kernel)

    def one_odd(odd: str) -> Callable[[str], str]:
        middle = kernels[len(kernels) // 2]
        return lambda kernel: odd.format(kernel=kernel) if kernel == middle else reference(kernel)

    def mixed(number: int) -> Callable[[str], str]:
        def write(kernel: str) -> str:
            at = kernels.index(kernel)
            if (at + number) % 2:
                return reference(kernel)
            return variant_cell(wrong[kernel][number % len(wrong[kernel])])

        return write

    writers: dict[str, Callable[[str], str | None]] = {
        "reference": reference,
        "untouched": lambda kernel: None,
        "partly-done": lambda kernel: reference(kernel) if kernels.index(kernel) < len(kernels) / 2 else None,
        "crash": one_odd(CRASH),
        "endless-loop": one_odd(ENDLESS),
        "hostile": one_odd(HOSTILE),
    }
    for number in range(4):
        writers[f"mistakes-{number + 1}"] = mixed(number)

    def another(number: int) -> Callable[[str], str]:
        return lambda kernel: variant_cell(right[kernel][number % len(right[kernel])])

    for number in range(3):
        writers[f"another-way-{number + 1}"] = another(number)
    notebooks = {
        name: fill(release, write, "" if name in ("untouched", "partly-done") else answer)
        for name, write in writers.items()
    }
    files = {name: nbformat.writes(notebook).encode() for name, notebook in notebooks.items()}
    files["broken-file"] = files["reference"][: len(files["reference"]) // 2]
    return files


def write_sample_class(classroom: Classroom, chapter: Chapter) -> int:
    """Put the sample class of a chapter among the submissions; returns how many there are."""
    files = sample_class(chapter, classroom.released(chapter))
    for name, content in files.items():
        path: Path = classroom.folder("submitted", name, chapter) / f"{chapter.name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)
    return len(files)
