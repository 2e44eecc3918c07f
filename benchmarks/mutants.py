"""Wrong kernels that nobody wrote down: references and other right ways, each with one slip or two made in its source.

A slip is an edit of the syntax tree, as a learner's hand or head makes it: an operator, an index, a bound, an axis, a
name, a dropped line, an in-place step, a result that is turned or cut. Every mutant keeps what was done to it: the
family of the slip, the line, and the text before and after. The same seed makes the same mutants.
"""

import ast
import builtins
import copy
import difflib
import functools
import importlib
import itertools
import linecache
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograder import mistakes
from autograder.chapters import Chapter
from autograder.sample import reference_cell, variant_cell

REFERENCE = "reference"
"""Name of the base that is the reference kernel itself."""

PAIRS = 0.25
"""Share of the mutants in which two slips were made."""

TURNS = {
    "unfinished": 3,
    "height and width": 3,
    "refuses a rest": 2,
    "formula": 2,
    "axis kept": 2,
    "in place": 2,
}
"""How often in a round a family has its turn, if not once: by how often real learners make such slips."""


ROUNDS = 60
"""After so many rounds through all families a kernel has no more mutants."""


@dataclass(frozen=True)
class Mutant:
    """A kernel with one slip or two; `families` names them in the order in which they were made."""

    chapter: str
    kernel: str
    base: str
    families: tuple[str, ...]
    line: int
    before: str
    after: str
    source: str = field(repr=False)

    @property
    def family(self) -> str:
        return " + ".join(self.families)

    def function(self) -> Callable[..., Any]:
        """The mutated kernel, compiled under a file name that tracebacks can read."""
        module = importlib.import_module(f"solutions.{self.chapter}")
        names = dict(vars(module)) if self.base == REFERENCE else {"np": np, "__name__": "mutant"}
        filename = f"<{self.kernel} {zlib.crc32(self.source.encode()):x}>"
        linecache.cache[filename] = (
            len(self.source), None, self.source.splitlines(keepends=True), filename,
        )  # fmt: skip
        with warnings.catch_warnings(action="ignore", category=SyntaxWarning):
            exec(compile(self.source, filename, "exec"), names)
        return names[self.kernel]


@dataclass(eq=False)
class Base:
    """A right kernel to make slips in: its tree begins with a `pass` that stands where a first line can be put in."""

    chapter: str
    kernel: str
    name: str
    tree: ast.Module

    @functools.cached_property
    def own(self) -> list[ast.FunctionDef]:
        """The kernel and the helpers that it calls, but no reference kernels."""
        known = {node.name: node for node in self.tree.body if isinstance(node, ast.FunctionDef)}
        found: dict[str, ast.FunctionDef] = {}
        ahead = [self.kernel]
        while ahead:
            name = ahead.pop()
            if name in known and name not in found and not name.startswith("given_"):
                found[name] = known[name]
                ahead += [node.id for node in ast.walk(known[name]) if isinstance(node, ast.Name)]
        return list(found.values())

    @functools.cached_property
    def text(self) -> str:
        return _render(self.tree, {})

    @functools.cached_property
    def main(self) -> ast.FunctionDef:
        return next(node for node in self.own if node.name == self.kernel)


@dataclass(frozen=True, eq=False)
class Edit:
    """One slip: this node becomes that one, or, for a statement, those statements; a text is parsed when it is made."""

    family: str
    node: ast.AST
    new: Any

    def made(self) -> Any:
        if not isinstance(self.new, str):
            return self.new
        return (
            ast.parse(self.new).body
            if isinstance(self.node, ast.stmt)
            else ast.parse(self.new, mode="eval").body
        )


def bases(chapter: Chapter, kernel: str) -> list[Base]:
    """The reference and every other right way, without docstrings and comments."""
    texts = {REFERENCE: reference_cell(chapter, kernel)}
    for variant in mistakes.of(chapter.name):
        if variant.kernel == kernel and not variant.is_wrong:
            texts[variant.name] = variant_cell(variant)
    found = []
    for name, text in texts.items():
        tree = ast.parse(text)
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                node.body = node.body[1:] if ast.get_docstring(node) and node.body[1:] else node.body
                for inner in ast.walk(node):
                    if isinstance(inner, ast.FunctionDef):
                        inner.returns = None
                        for argument in ast.walk(inner.args):
                            if isinstance(argument, ast.arg):
                                argument.annotation = None
        base = Base(chapter.name, kernel, name, tree)
        base.main.body.insert(0, ast.Pass())
        found.append(base)
    return found


def mutants(chapter: Chapter, kernel: str, seed: int = 0) -> Iterator[Mutant]:
    """Mutants of a kernel without end of ideas: families take turns, every fourth mutant is a pair.

    Right and wrong ones, and some that cannot be told from others; whoever draws from it sifts.
    """
    rng = np.random.default_rng([seed, *kernel.encode()])
    by_family: dict[str, list[tuple[Base, Edit]]] = {}
    pool: dict[str, list[Edit]] = {}
    for base in bases(chapter, kernel):
        pool[base.name] = list(edits(base))
        for edit in pool[base.name]:
            by_family.setdefault(edit.family, []).append((base, edit))
    single = {family: iter(_shuffled(by_family[family], rng)) for family in sorted(by_family)}
    rounds = [family for family in single for _ in range(TURNS.get(family, 1))]
    seen: set[str] = set()
    for _ in range(ROUNDS):
        for family in _shuffled(rounds, rng):
            if rng.random() < PAIRS:
                base, first = by_family[family][rng.integers(len(by_family[family]))]
                others = (pool[base.name][number] for number in rng.integers(len(pool[base.name]), size=20))
                second = next((other for other in others if _apart(first, other)), None)
                made = second and _make(base, [first, second])
            else:
                found = next(single[family], None)
                made = found and _make(found[0], [found[1]])
            if made and made.source not in seen:
                seen.add(made.source)
                yield made


def _shuffled(items: list[Any], rng: np.random.Generator) -> list[Any]:
    return [items[index] for index in rng.permutation(len(items))]


def _apart(one: Edit, other: Edit) -> bool:
    """Whether two edits do not touch: neither node stands within the other."""
    return not (set(ast.walk(one.node)) & set(ast.walk(other.node))) and one.family != other.family


def _make(base: Base, chosen: list[Edit]) -> Mutant | None:
    """The mutant with these edits; None if it does not parse, or nothing changed."""
    try:
        text = _render(base.tree, {id(edit.node): edit.made() for edit in chosen})
        with warnings.catch_warnings(action="ignore", category=SyntaxWarning):
            compile(text, "mutant", "exec")
    except (SyntaxError, ValueError, TypeError, RecursionError):
        return None
    if text == base.text:
        return None
    before, after = base.text.splitlines(), text.splitlines()
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    changes = [code for code in matcher.get_opcodes() if code[0] != "equal"]
    gone, came = (
        "; ".join(line.strip() for code in changes for line in lines[code[at] : code[at + 1]])
        for lines, at in ((before, 1), (after, 3))
    )
    families = tuple(edit.family for edit in chosen)
    return Mutant(base.chapter, base.kernel, base.name, families, changes[0][3] + 1, gone, came, text)


def _render(tree: ast.Module, replaced: dict[int, Any]) -> str:
    return ast.unparse(ast.fix_missing_locations(_rebuilt(tree, replaced))) + "\n"


def _rebuilt(node: Any, replaced: dict[int, Any]) -> Any:
    """A copy of the tree with some nodes replaced; a `pass` that marks a place goes."""
    if isinstance(node, list):
        out: list[Any] = []
        for item in node:
            if isinstance(item, ast.Pass) and id(item) not in replaced:
                continue
            new = _rebuilt(item, replaced)
            out.extend(new) if isinstance(new, list) else out.append(new)
        return out or ([ast.Pass()] if node and isinstance(node[0], ast.stmt) else out)
    if not isinstance(node, ast.AST):
        return node
    if id(node) in replaced:
        return copy.deepcopy(replaced[id(node)])
    return type(node)(**{name: _rebuilt(value, replaced) for name, value in ast.iter_fields(node)})


# --- slips ---------------------------------------------------------------------------------------------------------

Found = Iterator[tuple[str, Any]]

OPERATORS: dict[type, tuple[type, ...]] = {
    ast.Add: (ast.Sub, ast.Mult), ast.Sub: (ast.Add,), ast.Mult: (ast.Add, ast.Div), ast.Div: (ast.Mult, ast.FloorDiv),
    ast.FloorDiv: (ast.Div, ast.Mod), ast.Pow: (ast.Mult,), ast.MatMult: (ast.Mult,), ast.Mod: (ast.FloorDiv,),
}  # fmt: skip
COMPARISONS: dict[type, tuple[type, ...]] = {
    ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.GtE), ast.Gt: (ast.GtE, ast.Lt), ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq, ast.GtE), ast.NotEq: (ast.Eq,),
}  # fmt: skip
SIDES = (
    ("H", "W"), ("F_h", "F_w"), ("H_out", "W_out"), ("i", "j"), ("s_h", "s_w"), ("top", "left"), ("tops", "lefts"),
    ("filter_h", "filter_w"), ("down", "right"), ("below", "right"), ("rows", "columns"), ("u", "v"), ("h", "w"),
    ("apart_h", "apart_w"), ("above", "left"), ("y", "x"), ("dy", "dx"), ("height", "width"), ("r", "c"),
)  # fmt: skip
"""Names that say the same of height and of width."""

OTHERS = (
    ("size", "stride"), ("stride", "padding"), ("N", "C"), ("C", "K"), ("beta1", "beta2"), ("m", "v"), ("gamma", "beta"),
    ("mean", "var"), ("dgamma", "dbeta"), ("dw", "dx"), ("logits", "labels"), ("above", "below"), ("dout", "x"),
    ("m_hat", "m"), ("v_hat", "v"), ("input_size", "filter_size"), ("labels", "num_classes"), ("image", "kernel"),
    ("volume", "filters"), ("filters", "bias"), ("p", "y"), ("epochs", "batch_size"), ("maps1", "images"),
    ("maps2", "maps1"), ("before1", "after1"), ("before2", "after2"), ("kept", "x"), ("before", "h"), ("batch", "start"),
    ("field", "step"), ("filter_size", "stride"), ("places", "total"), ("channels", "size"), ("x", "w"), ("w", "b"),
    ("param", "grad"), ("epsilon", "learning_rate"), ("i", "k"), ("j", "c"), ("most", "n"), ("left", "dout"),
)  # fmt: skip
FUNCTIONS = {
    "sum": ("mean", "max"), "mean": ("sum", "median"), "max": ("min", "sum"), "min": ("max",), "argmax": ("argmin",),
    "var": ("std",), "std": ("var",), "zeros": ("ones",), "ones": ("zeros",), "log": ("log2", "log1p"),
    "exp": ("exp2", "expm1"), "sin": ("cos",), "cos": ("sin",), "maximum": ("minimum", "add"), "floor": ("ceil",),
    "ceil": ("floor",), "prod": ("sum",), "normal": ("uniform",), "permutation": ("choice",), "random": ("normal",),
    "zeros_like": ("ones_like",), "ones_like": ("zeros_like",), "tensordot": ("dot",), "integers": ("uniform",),
    "relu": ("abs",), "max_pool2d": ("avg_pool2d",), "cumsum": ("cumprod",), "concatenate": ("hstack",),
}  # fmt: skip
RESULTS = {
    "transposed": ("np.transpose({0})", "np.swapaxes({0}, 1, 2)", "np.swapaxes({0}, 0, 1)", "np.moveaxis({0}, -1, 0)"),
    "axis kept": ("np.expand_dims({0}, 0)", "np.expand_dims({0}, -1)", "np.atleast_2d({0})", "np.array([{0}])"),
    "flattened": ("np.ravel({0})", "np.squeeze({0})"),
    "sign": ("-{0}", "np.abs({0})"),
    "type": ("np.asarray({0}).tolist()", "({0},)", "str({0})", "np.matrix({0})"),
    "dtype": ("np.asarray({0}).astype(np.float32)", "np.asarray({0}).astype(int)", "np.asarray({0}, dtype=np.float16)"),
    "rounded": ("np.round({0}, 4)", "np.round({0})", "np.float64(np.float32({0}))"),
    "factor": ("2 * {0}", "{0} / 2", "{0} / len({1})", "{0} * len({1})", "{0} / np.max({0})", "{0} / np.size({0})"),
    "constant": ("{0} + 1", "{0} - 1", "{0} + 1e-06"),
    "bias": ("{0} + b", "{0} - b", "{0} + bias", "{0} - bias"),
    "shift": ("np.roll({0}, 1, axis=-1)", "np.roll({0}, 1, axis=0)", "np.roll({0}, -1, axis=1)"),
    "mirrored": ("{0}[::-1]", "{0}[..., ::-1]", "{0}[:, ::-1]"),
    "crop": ("{0}[:-1]", "{0}[..., 1:]", "{0}[:, 1:-1]", "{0}[:, :-1, :-1]", "np.pad({0}, 1)"),
    "first only": ("{0}[:1]", "{0}[..., :1]", "{0}[0]", "{0}[-1:]", "np.broadcast_to({0}[:1], {0}.shape)"),
    "order": ("{0}.reshape({0}.shape[::-1])", "np.reshape({0}, np.shape({0}), order='F').ravel(order='F').reshape({0}.shape)",
              "np.sort({0}, axis=-1)"),
    "clipped": ("np.maximum({0}, 0)", "np.clip({0}, 0, 1)"),
}  # fmt: skip
"""What may be done to a result {0}, or a part of one; {1} is the kernel's first argument."""

ARRAYS = {
    "x", "image", "images", "volume", "filters", "kernel", "window", "w", "dout", "z", "logits", "p", "grad", "param",
    "columns", "gamma", "beta", "b", "bias",
}  # fmt: skip
ENTRIES = {
    "dtype": ("{0} = np.asarray({0}, dtype=np.float32)", "{0} = np.asarray({0}).astype(int)"),
    "rounded": ("{0} = np.round({0}, 4)",),
    "mirrored": ("{0} = {0}[::-1]", "{0} = {0}[::-1, ::-1]"),
    "transposed": ("{0} = np.swapaxes({0}, 0, 1)", "{0} = {0}.T", "{0} = np.swapaxes({0}, 1, 2)"),
    "first only": ("{0} = {0}[:1]", "{0} = {0}[..., :1]"),
    "sign": ("{0} = np.abs({0})", "{0} = -{0}"),
    "factor": ("{0} = {0} / 255", "{0} = {0} / np.max({0})", "{0} = 2 * {0}"),
    "in place": ("{0} -= np.mean({0}).astype({0}.dtype)", "{0} *= 2", "{0}[{0} < 0] = 0"),
    "shift": ("{0} = np.roll({0}, 1, axis=0)",),
}  # fmt: skip
"""What may be done to an array {0} as it comes in."""

NUMBERS = {
    "padding": ("padding = 0", "padding = 2 * padding", "padding = max(padding, 1)", "padding = padding + 1"),
    "stride": ("stride = 1", "stride = max(stride, 2)", "stride = stride or 1", "stride = min(stride, 2)"),
    "size": ("size = 2", "size = max(size, 2)", "size = size - 1"),
    "ceil_mode": ("ceil_mode = False", "ceil_mode = not ceil_mode", "ceil_mode = True"),
    "training": ("training = True", "training = not training", "training = False"),
    "momentum": ("momentum = 0.9", "momentum = 1 - momentum", "momentum = 0.99"),
    "epsilon": ("epsilon = 1e-05", "epsilon = 0", "epsilon = epsilon ** 2"),
    "rate": ("rate = 1 - rate", "rate = 0.5", "rate = rate / 2"),
    "beta1": ("beta1 = 0.9", "beta1 = 1 - beta1", "beta1 = 0.99"),
    "beta2": ("beta2 = 0.999", "beta2 = 1 - beta2"),
    "learning_rate": ("learning_rate = 0.001", "learning_rate = learning_rate / 10", "learning_rate = -learning_rate"),
    "h": ("h = 1e-05", "h = 2 * h", "h = 1e-08"),
    "b": ("b = 0 * b", "b = 2 * b", "b = b[0]", "b = b[::-1]"),
    "bias": ("bias = 0 * bias", "bias = 2 * bias", "bias = -bias"),
    "epochs": ("epochs = 1", "epochs = epochs + 1"),
    "batch_size": ("batch_size = 1", "batch_size = max(batch_size, 8)", "batch_size = batch_size + 1"),
    "most": ("most = 1", "most = most + 1", "most = max(most, 1)"),
    "num_classes": ("num_classes = int(labels.max()) + 1", "num_classes = 10"),
    "units": ("units = 1", "units = units + 1"),
    "channels": ("channels = 1", "channels = 3"),
    "rng": ("rng = np.random", "rng = np.random.default_rng(0)", "rng = np.random.default_rng()"),
    "filter_w": ("filter_w = filter_h",),
    "filter_h": ("filter_h = filter_w",),
    "filter_size": ("filter_size = 3", "filter_size = filter_size + 1"),
    "input_size": ("input_size = input_size - 1",),
}  # fmt: skip
"""What may be done to an argument as it comes in, or instead of heeding it."""


def edits(base: Base) -> Iterator[Edit]:
    """All slips that can be made in this base, each by itself."""
    parameters = [argument.arg for argument in base.main.args.args]
    start = base.main.body[0]
    for family, line in _first_lines(base.kernel, parameters):
        yield Edit(family, start, line)
    defaults = base.main.args.defaults
    for default in defaults:
        if isinstance(default, ast.Constant) and type(default.value) in (int, float, bool):
            for value in _other_numbers(default.value):
                yield Edit("default", default, ast.Constant(value))
    for function in base.own:
        names = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)} | set(parameters)
        for node in itertools.chain.from_iterable(map(ast.walk, function.body)):
            for slip in SLIPS:
                for family, new in slip(node, names):
                    yield Edit(family, node, new)
            if function is base.main and isinstance(node, ast.Return) and node.value is not None:
                yield from _results(node, parameters, names)
        for body in _bodies(function):
            yield from _statements(body, names)


def _first_lines(kernel: str, parameters: list[str]) -> Iterator[tuple[str, str]]:
    """Lines that may be written before all others."""
    for name in parameters:
        if name in ARRAYS:
            for family, lines in ENTRIES.items():
                for line in lines:
                    yield family, line.format(name)
        for line in NUMBERS.get(name, ()):
            square = name in ("filter_h", "filter_w")
            family = "height and width" if square else "bias" if name in ("b", "bias") else "argument"
            yield family, line
    stride = "(stride or size)" if "size" in parameters else "stride"
    if "stride" in parameters and "input_size" in parameters:
        room = "input_size - filter_size" + (" + 2 * padding" if "padding" in parameters else "")
    elif "stride" in parameters and parameters[0] in ("x", "image", "dout"):
        field = {"image": "image.shape[0]"}.get(
            parameters[0], "x.shape[1]" if "x" in parameters else "x_shape[1]"
        )
        side = next((text for name, text in {
            "size": "size", "filter_h": "filter_h", "w": "w.shape[0]", "kernel": "kernel.shape[0]",
        }.items() if name in parameters), "")  # fmt: skip
        room = f"{field} - {side}" + (" + 2 * padding" if "padding" in parameters else "")
    else:
        return
    yield "refuses a rest", f"assert ({room}) % {stride} == 0, 'the window does not fit'"
    yield "refuses a rest", f"if ({room}) % {stride}:\n    raise ValueError('the stride leaves a rest')"
    yield "refuses a rest", f"assert (({room}) / {stride}).is_integer()"
    yield "refuses a rest", f"if ({room}) % {stride} != 0:\n    raise Exception('stride and size do not fit')"


def _operator(node: ast.AST, names: set[str]) -> Found:
    match node:
        case ast.BinOp():
            for other in OPERATORS.get(type(node.op), ()):
                yield "operator", ast.BinOp(node.left, other(), node.right)
            if isinstance(node.op, ast.Sub | ast.Div | ast.MatMult | ast.FloorDiv):
                yield "swapped", ast.BinOp(node.right, node.op, node.left)
            if isinstance(node.op, ast.Mult | ast.Div | ast.FloorDiv):
                yield "factor", node.left
            if isinstance(node.op, ast.Mult):
                yield "factor", node.right
            if isinstance(node.op, ast.Add | ast.Sub):
                yield "term", node.left
            if isinstance(node.op, ast.Add):
                yield "term", node.right
            if isinstance(node.op, ast.FloorDiv):
                yield (
                    "operator",
                    ast.UnaryOp(
                        ast.USub(), ast.BinOp(ast.UnaryOp(ast.USub(), node.left), ast.FloorDiv(), node.right)
                    ),
                )
            if isinstance(node.op, ast.Pow):
                yield "factor", node.left
            if isinstance(node.op, ast.Add | ast.Sub) and isinstance(node.left, ast.BinOp):
                inner = node.left  # a + b · c taken as (a + b) · c, and the like
                if isinstance(inner.op, ast.Mult | ast.Div | ast.FloorDiv):
                    yield (
                        "brackets",
                        ast.BinOp(inner.left, inner.op, ast.BinOp(inner.right, node.op, node.right)),
                    )
            if isinstance(node.op, ast.Mult | ast.Div | ast.FloorDiv) and isinstance(node.left, ast.BinOp):
                inner = node.left
                if isinstance(inner.op, ast.Add | ast.Sub):
                    yield (
                        "brackets",
                        ast.BinOp(inner.left, inner.op, ast.BinOp(inner.right, node.op, node.right)),
                    )
        case ast.AugAssign():
            if isinstance(node.op, ast.Add | ast.Sub):
                yield "overwritten", ast.Assign([node.target], node.value)
                other = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
                yield "operator", ast.AugAssign(node.target, other, node.value)
            if isinstance(node.op, ast.Mult):
                yield "operator", ast.AugAssign(node.target, ast.Add(), node.value)
            yield "twice", [node, node]
        case ast.Compare(ops=[op]):
            for other in COMPARISONS.get(type(op), ()):
                yield "comparison", ast.Compare(node.left, [other()], node.comparators)
        case ast.BoolOp():
            other = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
            yield "logic", ast.BoolOp(other, node.values)
            for value in node.values:
                yield "logic", value
        case ast.IfExp():
            yield "condition", node.body
            yield "condition", node.orelse
            yield "condition", ast.IfExp(node.test, node.orelse, node.body)
        case ast.UnaryOp(op=ast.USub()):
            yield "sign", node.operand
        case ast.UnaryOp(op=ast.Not()):
            yield "condition", node.operand


def _number(node: ast.AST, names: set[str]) -> Found:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        for value in _other_numbers(node.value):
            yield "number", ast.Constant(value)


def _other_numbers(value: Any) -> tuple[Any, ...]:
    if type(value) is bool:
        return (not value,)
    if type(value) is int:
        return (value + 1, value - 1) if abs(value) < 200 else (value + 1,)
    return (value * 2, value / 10, 1 - value, 1.0) if value else (1.0,)


def _index(node: ast.AST, names: set[str]) -> Found:
    match node:
        case ast.Slice():
            one = ast.Constant(1)
            for part in ("lower", "upper"):
                bound = getattr(node, part)
                if bound is not None:
                    for op in (ast.Add(), ast.Sub()):
                        yield "bound", ast.Slice(**{**_fields(node), part: ast.BinOp(bound, op, one)})
                    yield "bound", ast.Slice(**{**_fields(node), part: None})
            if node.step is not None:
                yield "stride left out", ast.Slice(node.lower, node.upper, None)
            if (
                isinstance(node.upper, ast.BinOp)
                and isinstance(node.upper.op, ast.Add)
                and node.lower is not None
            ):
                texts = [ast.unparse(side) for side in (node.upper.left, node.upper.right)]
                if ast.unparse(node.lower) in texts:
                    yield (
                        "minus padding",
                        ast.Slice(node.lower, ast.UnaryOp(ast.USub(), node.lower), node.step),
                    )
        case ast.Subscript(slice=ast.Tuple(elts=parts)):
            for first, second in itertools.pairwise(range(len(parts))):
                swapped = list(parts)
                swapped[first], swapped[second] = swapped[second], swapped[first]
                yield "index order", ast.Subscript(node.value, ast.Tuple(swapped, node.slice.ctx), node.ctx)
            for number, part in enumerate(parts):
                if isinstance(part, ast.Name):
                    for new in (ast.Constant(0), ast.Constant(-1), _plus(part, 1), _plus(part, -1)):
                        yield "index", _with_part(node, number, new)
                if isinstance(part, ast.Slice) and part.lower is None and part.upper is None:
                    yield "first only", _with_part(node, number, ast.Slice(None, ast.Constant(1), None))
        case ast.Subscript(slice=ast.Name()):
            for new in (ast.Constant(0), ast.Constant(-1), _plus(node.slice, 1), _plus(node.slice, -1)):
                yield "index", ast.Subscript(node.value, new, node.ctx)
        case ast.Subscript(slice=ast.Constant(value=int() as value)):
            for new in (value + 1, value - 1):
                yield "index", ast.Subscript(node.value, ast.Constant(new), node.ctx)


def _fields(node: ast.AST) -> dict[str, Any]:
    return {name: getattr(node, name, None) for name in node._fields}


def _plus(node: ast.expr, number: int) -> ast.expr:
    return ast.BinOp(node, ast.Add() if number > 0 else ast.Sub(), ast.Constant(abs(number)))


def _with_part(node: ast.Subscript, number: int, new: ast.expr) -> ast.Subscript:
    parts = list(node.slice.elts)  # type: ignore[attr-defined]
    parts[number] = new
    return ast.Subscript(node.value, ast.Tuple(parts, ast.Load()), node.ctx)


def _call(node: ast.AST, names: set[str]) -> Found:
    if not isinstance(node, ast.Call):
        return
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    for other in FUNCTIONS.get(called, ()):
        if isinstance(node.func, ast.Attribute):
            yield "function", _with(node, func=ast.Attribute(node.func.value, other, ast.Load()))
        elif other in vars(builtins) or other in names:
            yield "function", _with(node, func=ast.Name(other, ast.Load()))
    if called == "range" or called == "ndindex":
        for number, argument in enumerate(node.args):
            for step in (1, -1):
                args = list(node.args)
                args[number] = _plus(argument, step)
                yield "bound", _with(node, args=args)
        if called == "range" and len(node.args) == 1:
            yield "bound", _with(node, args=[ast.Constant(1), *node.args])
        if called == "range" and len(node.args) == 3:
            yield "stride left out", _with(node, args=node.args[:2])
        if called == "ndindex" and len(node.args) == 2:
            yield "height and width", _with(node, args=node.args[::-1])
            yield "square", _with(node, args=[node.args[0], node.args[0]])
    for number, keyword in enumerate(node.keywords):
        rest = [*node.keywords[:number], *node.keywords[number + 1 :]]

        def having(value: ast.expr, keyword: ast.keyword = keyword, rest: Any = rest) -> ast.Call:
            return _with(node, keywords=[*rest, ast.keyword(keyword.arg, value)])

        if keyword.arg in ("axis", "axes"):
            if called in ("sum", "mean", "max", "min", "var", "std", "argmax", "argmin", "any", "all"):
                yield "axis", _with(node, keywords=rest)
            yield from (("axis", having(value)) for value in _other_axes(keyword.value))
        elif keyword.arg == "keepdims":
            yield "keepdims", _with(node, keywords=rest)
        elif keyword.arg == "dtype":
            yield "dtype", _with(node, keywords=rest)
            for name in ("float32", "int64", "float64", "uint8"):
                yield "dtype", having(ast.parse(f"np.{name}", mode="eval").body)
        else:
            yield "argument left out", _with(node, keywords=rest)
    if any(keyword.arg == "axis" for keyword in node.keywords) and called in (
        "sum",
        "mean",
        "max",
        "min",
        "var",
        "std",
    ):
        if not any(keyword.arg == "keepdims" for keyword in node.keywords):
            yield (
                "axis kept",
                _with(node, keywords=[*node.keywords, ast.keyword("keepdims", ast.Constant(True))]),
            )
        if called in ("var", "std"):
            yield "formula", _with(node, keywords=[*node.keywords, ast.keyword("ddof", ast.Constant(1))])
    makers = ("zeros", "empty", "ones", "zeros_like", "empty_like", "full", "array")
    if called in makers and node.args and not any(keyword.arg == "dtype" for keyword in node.keywords):
        for name in ("np.float32", "int", "np.uint8"):
            dtype = ast.keyword("dtype", ast.parse(name, mode="eval").body)
            yield "dtype", _with(node, keywords=[*node.keywords, dtype])
    if isinstance(node.func, ast.Attribute) and called in ("copy", "astype"):
        yield "in place" if called == "copy" else "dtype", node.func.value
    if called == "array" and node.args and isinstance(node.args[0], ast.Name):
        yield "in place", node.args[0]
    if called in ("reshape", "ravel", "flatten"):
        order = ast.keyword("order", ast.Constant("F"))
        yield "order", _with(node, keywords=[*node.keywords, order])
    if called == "transpose" and isinstance(node.func, ast.Attribute):
        yield (
            "transposed",
            node.func.value
            if not isinstance(node.func.value, ast.Name) or node.func.value.id != "np"
            else node.args[0],
        )
        for first, second in itertools.pairwise(range(len(node.args))):
            args = list(node.args)
            args[first], args[second] = args[second], args[first]
            yield "transposed", _with(node, args=args)
    if (
        called
        in (
            "sqrt",
            "exp",
            "log",
            "abs",
            "clip",
            "maximum",
            "minimum",
            "max",
            "float",
            "square",
            "relu",
            "flip",
        )
        and node.args
    ):
        yield "function left out", node.args[0]
        inner = node.args[0]
        if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Add | ast.Sub):
            yield "formula", ast.BinOp(_with(node, args=[inner.left]), inner.op, inner.right)
        if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Mult | ast.Div):
            yield "formula", ast.BinOp(_with(node, args=[inner.left]), inner.op, inner.right)
    for first, second in itertools.pairwise(range(len(node.args))):
        args = list(node.args)
        args[first], args[second] = args[second], args[first]
        yield "argument order", _with(node, args=args)
    if len(node.args) > 1 and not any(isinstance(argument, ast.Starred) for argument in node.args):
        yield "argument left out", _with(node, args=node.args[:-1])


def _with(node: ast.Call, **changed: Any) -> ast.Call:
    return ast.Call(**{**{"func": node.func, "args": node.args, "keywords": node.keywords}, **changed})


def _other_axes(value: ast.expr) -> Iterator[ast.expr]:
    try:
        now = ast.literal_eval(value)
    except ValueError:
        return
    if isinstance(now, int):
        others: tuple[Any, ...] = tuple(axis for axis in (0, 1, 2, -1) if axis != now)
    elif isinstance(now, tuple) and all(isinstance(axis, int) for axis in now):
        others = (
            now[:1],
            now[-1:],
            tuple(axis - 1 for axis in now),
            tuple(axis + 1 for axis in now),
            (0, *now),
        )
    else:
        others = ()
    for other in others:
        yield ast.parse(repr(other), mode="eval").body


def _name(node: ast.AST, names: set[str]) -> Found:
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield "transposed", node.value
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        for pairs, family in ((SIDES, "height and width"), (OTHERS, "name")):
            for one, other in pairs:
                for here, there in ((one, other), (other, one)):
                    if node.id == here and there in names:
                        yield family, ast.Name(there, ast.Load())
        if node.id not in vars(builtins):
            yield "unfinished", ast.Name(f"my_{node.id}", ast.Load())
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "np":
        yield "unfinished", ast.Attribute(node.value, node.attr + "s", ast.Load())
    match node:
        case ast.Subscript(value=ast.Attribute(attr="shape"), slice=ast.Constant(value=0 | 1 | 2 as axis)):
            yield (
                "height and width",
                ast.Subscript(node.value, ast.Constant({0: 1, 1: 2, 2: 1}[axis]), ast.Load()),
            )


def _line(node: ast.AST, names: set[str]) -> Found:
    match node:
        case ast.Assign(targets=[ast.Tuple(elts=targets)]):
            found = [target.id for target in targets if isinstance(target, ast.Name)]
            for one, other in SIDES:
                if one in found and other in found:
                    swapped = {one: other, other: one}
                    elts = [
                        ast.Name(swapped.get(t.id, t.id), ast.Store()) if isinstance(t, ast.Name) else t
                        for t in targets
                    ]
                    yield "height and width", ast.Assign([ast.Tuple(elts, ast.Store())], node.value)
                    yield "square", [node, *ast.parse(f"{other} = {one}").body]
                    yield "square", [node, *ast.parse(f"{one} = {other}").body]
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            for one, other in SIDES:
                if name == other and one in names:
                    yield "square", [node, *ast.parse(f"{other} = {one}").body]
            yield "unfinished", ast.Assign(node.targets, ast.Constant(None))
            yield "unfinished", ast.Assign(node.targets, ast.Constant(...))
            if isinstance(value, ast.BinOp) and isinstance(value.left, ast.Name):
                yield (
                    "in place",
                    [
                        ast.AugAssign(ast.Name(value.left.id, ast.Store()), value.op, value.right),
                        ast.Assign(node.targets, value.left),
                    ],
                )
            for text in ("np.asarray({0}, dtype=np.float32)", "np.round({0}, 4)"):
                yield (
                    "dtype" if "32" in text else "rounded",
                    ast.Assign(node.targets, ast.parse(text.format(ast.unparse(value)), mode="eval").body),
                )
        case ast.If(body=[ast.Raise()]):
            yield "no error", []
            yield "no error", [ast.If(node.test, ast.parse("return None").body, [])]
            yield "no error", [ast.If(node.test, ast.parse("raise TypeError('does not fit')").body, [])]
        case ast.If():
            yield "condition", [*node.body]
            if node.orelse:
                yield "condition", [*node.orelse]
        case ast.For():
            yield "one step", [ast.For(node.target, node.iter, [*node.body, ast.Break()], [])]
        case ast.Return(value=ast.BinOp() as value) if isinstance(value.left, ast.Name):
            yield "in place", [
                ast.AugAssign(ast.Name(value.left.id, ast.Store()), value.op, value.right), ast.Return(value.left),
            ]  # fmt: skip


SLIPS = (_operator, _number, _index, _call, _name, _line)


def _results(node: ast.Return, parameters: list[str], names: set[str]) -> Iterator[Edit]:
    """Slips in what is returned."""
    value = node.value
    parts = list(value.elts) if isinstance(value, ast.Tuple) else [value]
    parts += [item for part in parts if isinstance(part, ast.Dict) for item in part.values]
    first = parameters[0] if parameters else "[]"
    for part in parts:
        text = f"({ast.unparse(part)})"
        for family, forms in RESULTS.items():
            for form in forms:
                if ("+ bias" in form or "- bias" in form) and "bias" not in parameters:
                    continue
                if form in ("{0} + b", "{0} - b") and "b" not in parameters:
                    continue
                yield Edit(family, part, form.format(text, first))
    if isinstance(value, ast.Tuple):
        for first_at, second_at in itertools.pairwise(range(len(value.elts))):
            elts = list(value.elts)
            elts[first_at], elts[second_at] = elts[second_at], elts[first_at]
            yield Edit("order", value, ast.Tuple(elts, ast.Load()))
        yield Edit("type", value, ast.Tuple(value.elts[:-1], ast.Load()))
        yield Edit("type", value, value.elts[0])
    for name in sorted(
        names & (set(parameters) | {"out", "maps", "padded", "m", "powers", "shifted", "gradient"})
    ):
        if ast.unparse(value) != name:
            yield Edit("earlier value", node, ast.Return(ast.Name(name, ast.Load())))
    yield Edit("unfinished", node, [])
    yield Edit("unfinished", node, ast.Return(None))
    yield Edit("unfinished", node, f"print({ast.unparse(value)})")
    for name in parameters:
        if name in ARRAYS:
            result = ast.unparse(value)
            yield Edit("in place", node, f"{name}[...] = {result}\nreturn {name}")
            yield Edit("in place", node, f"result = {result}\n{name}.fill(0)\nreturn result")
            yield Edit("in place", node, f"result = {result}\n{name}.sort()\nreturn result")


def _bodies(function: ast.FunctionDef) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(function):
        for name in ("body", "orelse"):
            body = getattr(node, name, None)
            if isinstance(body, list) and body and isinstance(body[0], ast.stmt):
                yield body


def _statements(body: list[ast.stmt], names: set[str]) -> Iterator[Edit]:
    """Lines that are dropped, or stand too deep, so that a loop ends early."""
    for statement in body:
        if isinstance(statement, ast.Assign | ast.AugAssign | ast.Expr):
            yield Edit("line dropped", statement, [])
    for before, after in itertools.pairwise(body):
        if isinstance(before, ast.For | ast.While) and isinstance(after, ast.Return):
            yield Edit("returns early", before, _with_body(before, [*before.body, after]))


def _with_body(node: Any, body: list[ast.stmt]) -> Any:
    return type(node)(**{**_fields(node), "body": body})
