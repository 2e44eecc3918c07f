"""Which statements a piece of code needs, read off its syntax: so that grading does not draw a chapter's figures."""

import ast
import functools
import re
import symtable
from collections.abc import Iterable

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


def needed_names(own: Iterable[str], given: Iterable[str]) -> set[str] | None:
    """Names that the cells `own` use, directly or through statements of the cells `given`.

    None means all: where the code can reach names in ways that cannot be read off it. Of a cell that is not plain
    Python, such as one with `%%time` at its top, all words count.
    """
    own = list(own)
    wanted = {name for source in own for name in _names(source)}
    if wanted & _REACHES_FOR_NAMES or any("import *" in source or ".modules" in source for source in own):
        return None
    try:
        statements = [statement for source in given for statement in _statements(source)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    links = [(_binds(statement), _uses(statement)) for statement in statements]
    while True:
        more = {name for bound, used in links if bound & wanted for name in used}
        if more <= wanted:
            return wanted
        wanted |= more


def keep_statements(source: str, needed: set[str] | None) -> str:
    """The top-level statements of `source` that bind one of the needed names; all of it if `needed` is None."""
    if needed is None:
        return source
    return "\n".join(statement for statement in _statements(source) if _binds(statement) & needed)


@functools.lru_cache(maxsize=1024)
def _statements(source: str) -> tuple[str, ...]:
    return tuple(ast.unparse(node) for node in ast.parse(source).body)


def bound_names(source: str) -> frozenset[str]:
    """Names that a cell binds at its top level; none if it is not plain Python."""
    try:
        return _binds(_plain(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()


def _plain(source: str) -> str:
    """A cell without its lines of IPython commands (`%matplotlib inline`, `!ls`); a cell magic stays, to be noticed."""
    try:
        ast.parse(source)
        return source
    except SyntaxError:
        pass
    return "\n".join(
        line for line in source.splitlines() if not line.startswith(("%", "!")) or line.startswith("%%")
    )


def _names(source: str) -> frozenset[str]:
    try:
        return _uses(_plain(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset(re.findall(r"\w+", source))


@functools.lru_cache(maxsize=4096)
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


@functools.lru_cache(maxsize=4096)
def _binds(statement: str) -> frozenset[str]:
    """Names that a top-level statement binds, or changes in place through an index or an attribute."""
    symbols = symtable.symtable(statement, "cell", "exec").get_symbols()
    bound = {symbol.get_name() for symbol in symbols if symbol.is_assigned() or symbol.is_imported()}
    for part in ast.walk(ast.parse(statement)):
        if isinstance(part, ast.Subscript | ast.Attribute) and isinstance(part.ctx, ast.Store):
            bound |= {node.id for node in ast.walk(part.value) if isinstance(node, ast.Name)}
        elif (
            isinstance(part, ast.Call)  # names.add(…), but not np.add.at(…)
            and isinstance(part.func, ast.Attribute)
            and part.func.attr in _CHANGES_IN_PLACE
            and isinstance(part.func.value, ast.Name)
        ):
            bound.add(part.func.value.id)
    return frozenset(bound)
