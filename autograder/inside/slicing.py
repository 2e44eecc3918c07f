"""Which statements of a released notebook a piece of code needs, read off its syntax: so that grading draws no figures.

What is released is read by the referee. What a learner wrote is read here too, but by the worker, within the limits of
the jail: a text can be made that takes a parser minutes, or gigabytes.
"""

import ast
import functools
import re
import symtable
from collections.abc import Iterable
from typing import NamedTuple

_REACHES_FOR_NAMES = frozenset(
    [
        "eval",
        "exec",
        "globals",
        "locals",
        "vars",
        "get_ipython",
        "__import__",
        "importlib",
        "__main__",
        "modules",
    ]
)
_CHANGES_IN_PLACE = frozenset(
    [
        "append",
        "extend",
        "insert",
        "add",
        "update",
        "setdefault",
        "pop",
        "remove",
        "clear",
        "sort",
        "reverse",
        "fill",
    ]
)
_UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)


class Statement(NamedTuple):
    """A statement at the top level of a released cell, the names that it binds, and those that it uses."""

    source: str
    binds: frozenset[str]
    uses: frozenset[str]


@functools.lru_cache(maxsize=1024)
def statements(source: str) -> tuple[Statement, ...]:
    """The top-level statements of a cell in plain Python."""
    texts = [ast.unparse(node) for node in ast.parse(source).body]
    return tuple(Statement(text, _binds(text), _uses(text)) for text in texts)


def needed(wanted: Iterable[str], given: Iterable[Statement]) -> set[str]:
    """The names `wanted`, and all that the given statements which bind one of them use in turn."""
    links, found = list(given), set(wanted)
    while True:
        more = {name for one in links if one.binds & found for name in one.uses}
        if more <= found:
            return found
        found |= more


def reached(names: Iterable[str], given: Iterable[Statement]) -> set[str]:
    """The names `names`, and all that the given statements bind which use one of them, directly or by way of others."""
    links, found = list(given), set(names)
    while True:
        more = {name for one in links if one.uses & found for name in one.binds}
        if more <= found:
            return found
        found |= more


def names_used(source: str) -> frozenset[str]:
    """Global names that a cell refers to before it binds them itself.

    Where that cannot be read off it all its words count: in a cell that is not plain Python, such as one with `%%time`
    at its top, and in one that can reach a name by its text.
    """
    try:
        used = _used_before_bound(ast.parse(plain_lines(source)).body)
        if not used & _REACHES_FOR_NAMES and ".modules" not in source:
            return frozenset(used)
    except _UNREADABLE:
        pass
    return frozenset(re.findall(r"\w+", source))


def _used_before_bound(body: list[ast.stmt]) -> set[str]:
    used: set[str] = set()
    bound: set[str] = set()
    for node in body:
        text = ast.unparse(node)
        binds = _binds(text)
        # the name of a function or a loop's variable is there before the body of either refers to it
        own = set() if isinstance(node, ast.Assign | ast.AugAssign | ast.Expr) else _assigns(text)
        used |= _uses(text) - bound - own
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):  # no use, to symtable
            used |= {node.target.id} - bound
        bound |= binds
    return used


def definitions(source: str) -> str:
    """Of a cell only what defines: imports, functions, classes, and names for what needs no call."""
    try:
        body = ast.parse(plain_lines(source)).body
    except _UNREADABLE:
        return ""
    kept = [
        node
        for node in body
        if isinstance(
            node,
            ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Assign,
        )
        and not (isinstance(node, ast.Assign) and any(isinstance(part, ast.Call) for part in ast.walk(node)))
    ]
    return "\n".join(map(ast.unparse, kept))


def names_bound(source: str) -> frozenset[str]:
    """Names that a cell binds at its top level; none if it is not plain Python."""
    try:
        return _binds(plain_lines(source))
    except _UNREADABLE:
        return frozenset()


def plain_lines(source: str) -> str:
    """A cell without its lines of IPython commands (`%matplotlib inline`, `!ls`); a cell magic stays, to be noticed."""
    try:
        ast.parse(source)
        return source
    except SyntaxError:
        pass
    return "\n".join(
        line for line in source.splitlines() if not line.startswith(("%", "!")) or line.startswith("%%")
    )


def _uses(source: str) -> frozenset[str]:
    """Global names that code refers to, at its top level or inside its functions; their own local names do not count."""
    top = symtable.symtable(source, "cell", "exec")
    used = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_referenced()}
    tables = list(top.get_children())
    while tables:
        table = tables.pop()
        used |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global()}
        tables += table.get_children()
    return frozenset(used)


def _binds(statement: str) -> frozenset[str]:
    """Names that a top-level statement binds, or changes in place through an index or an attribute."""
    bound = _assigns(statement)
    for part in ast.walk(ast.parse(statement)):
        if isinstance(part, ast.Subscript | ast.Attribute) and isinstance(part.ctx, ast.Store):
            bound |= {node.id for node in ast.walk(part.value) if isinstance(node, ast.Name)}
        elif (
            isinstance(part, ast.Call)  # names.add(…), but neither np.add.at(…) nor np.sort(…)
            and isinstance(part.func, ast.Attribute)
            and part.func.attr in _CHANGES_IN_PLACE
            and isinstance(part.func.value, ast.Name)
            and part.func.value.id not in ("np", "numpy")
        ):
            bound.add(part.func.value.id)
    return frozenset(bound)


def _assigns(statement: str) -> set[str]:
    """Names that a top-level statement binds itself."""
    symbols = symtable.symtable(statement, "cell", "exec").get_symbols()
    return {symbol.get_name() for symbol in symbols if symbol.is_assigned() or symbol.is_imported()}
