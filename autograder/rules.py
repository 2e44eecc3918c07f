"""What is asked of a chapter: every rule about its files, each in one place, checked without running a page.

`autograder rules` prints what is found, tests ask for nothing else, and CONTRIBUTING.md says each rule in these words.
"""

import ast
import bisect
import difflib
import functools
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from .chapters import ROOT, BrokenFile, Chapter, chapters, check_points, minutes_told
from .checking.oracle import Reference
from .checking.run import PUBLIC_SEED, CheckError, run_checks
from .checking.subject import Call
from .publishing.authoring import (
    FENCE,
    REGION,
    ChapterError,
    Placed,
    answers_in,
    faults,
    kernel_source,
    page_cells,
    stub_source,
    texts_of,
    tree,
)
from .publishing.leaks import LONGEST_HARMLESS, Leaks, secret_lines, squeezed
from .results import SIDE_EFFECTS
from .verify import lacking_dtype, watching

FIGURES = 6
"""Figures of a page at least."""

LONGEST_CELL = 24
"""Lines of a code cell at most; longer drawing code goes to `course/`."""

SHORTEST_ALT = 25
"""Characters of a figure's text alternative, which a longer one has."""

SHORTEST_DOCSTRING = 100
"""Characters of a kernel's docstring, which a longer one has."""

RECALL = (3, 5)
"""Fewest and most questions under the heading Recall."""

MISTAKES, ALTERNATIVES = 5, 2
"""Fewest known mistakes of a kernel, and fewest other right ways."""

MODEL_ANSWER = (80, 220)
"""Fewest and most words of a model answer."""

PLACES = ("page", "kernels", "checks", "mistakes", "elsewhere")
"""The order in which CONTRIBUTING.md lists the rules: by the file they are about."""


class Finding(NamedTuple):
    """What is wrong in a file at a line, and what to do about it."""

    path: Path
    line: int
    text: str


class Box(NamedTuple):
    """A colon-fenced box of a page: where it begins and ends, its kind, its title, whether it is folded."""

    line: int
    end: int
    kind: str
    title: str
    folded: bool


class Heading(NamedTuple):
    """A heading of a page: its line, its level and its text."""

    line: int
    level: int
    text: str


class Function(NamedTuple):
    """A function of `mistakes/name.py`: a mistake, or another right way. `caught_by` and `hint` are a mistake's."""

    line: int
    kernel: str
    name: str
    is_wrong: bool
    hint: str
    caught_by: str


class Files:
    """The files of a chapter, read but not run."""

    def __init__(self, chapter: Chapter):
        self.chapter = chapter
        self.root = chapter.page.parents[1]
        self.page = chapter.page
        self.kernels = self.root / "solutions" / f"{chapter.name}.py"
        self.checks = self.root / "autograder" / "checks" / f"test_{chapter.name}.py"
        self.mistakes = self.root / "autograder" / "mistakes" / f"{chapter.name}.py"

    @functools.cached_property
    def text(self) -> str:
        """The page."""
        return self.page.read_text(encoding="utf-8")

    @functools.cached_property
    def cells(self) -> list[Placed]:
        """The page's cells."""
        return page_cells(self.page)

    @functools.cached_property
    def points(self) -> dict[str, float]:
        """The points of each kernel that the page asks for."""
        return check_points(self.chapter)

    @functools.cached_property
    def prose(self) -> list[tuple[int, str]]:
        """The page's lines outside of code cells and front matter, with their numbers."""
        lines, inside, begun = [], "", False
        for number, line in enumerate(self.text.splitlines(), 1):
            if number == 1 and line == "---":
                inside = "---"
            elif inside:
                inside = "" if line.rstrip() == inside else inside
            elif fence := re.match(r"`{3,}", line):
                inside = fence[0]
            else:
                begun = begun or bool(line.strip())
                lines.append((number, line))
        return lines

    @functools.cached_property
    def headings(self) -> list[Heading]:
        """The page's headings."""
        found = ((number, re.match(r"(#+) +(.+)", line)) for number, line in self.prose)
        return [Heading(number, len(match[1]), match[2].strip()) for number, match in found if match]

    @functools.cached_property
    def boxes(self) -> list[Box]:
        """The page's boxes, those inside others too."""
        found, lines = [], self.prose
        for at, (number, line) in enumerate(lines):
            if match := FENCE.match(line):
                rest = lines[at + 1 :]
                end = next((n for n, other in rest if other.strip() == match["colons"]), number)
                options = [other for _, other in rest[:3]]
                folded = any(re.match(r":class:.*\bdropdown\b", other) for other in options)
                found.append(Box(number, end, match["kind"], match["title"].strip(), folded))
        return found

    def line_of(self, text: str) -> int:
        """The first line of the page that holds a text, or 1."""
        return next((n for n, line in enumerate(self.text.splitlines(), 1) if text in line), 1)

    @functools.cached_property
    def functions(self) -> dict[str, ast.FunctionDef]:
        """The public functions of `solutions/name.py`: its kernels."""
        nodes = tree(self.kernels).body
        return {n.name: n for n in nodes if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")}

    @functools.cached_property
    def tests(self) -> list[ast.FunctionDef]:
        """The checks."""
        nodes = tree(self.checks).body
        return [n for n in nodes if isinstance(n, ast.FunctionDef) and n.name.startswith("test_")]

    @functools.cached_property
    def variants(self) -> list[Function]:
        """The mistakes and other right ways."""
        found = []
        for node in tree(self.mistakes).body:
            if not isinstance(node, ast.FunctionDef):
                continue
            for mark in node.decorator_list:
                name = mark.func.id if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) else ""
                if isinstance(mark, ast.Call) and name in ("mistake", "alternative"):
                    told = texts_of(mark, ("kernel", "hint", "caught_by"))
                    words = told.get("kernel", ""), node.name, name == "mistake", told.get("hint", "")
                    found.append(Function(mark.lineno, *words, told.get("caught_by", "")))
        return found


@dataclass(frozen=True)
class Rule:
    """A rule: the file it is about, what it asks in words, and what finds where it is broken."""

    place: str
    asks: str
    find: Callable[[Files], Iterable[Finding]]


RULES: list[Rule] = []


def _rule(place: str, asks: str) -> Callable[[Callable[[Files], Iterable[Finding]]], Callable[..., Any]]:
    def keep(find: Callable[[Files], Iterable[Finding]]) -> Callable[..., Any]:
        RULES.append(Rule(place, asks, find))
        return find

    return keep


# The page


@_rule(
    "page",
    "begins with the front matter of every other page: `jupytext` with MyST, `kernelspec` with `python3`",
)
def front_matter(files: Files) -> Iterator[Finding]:
    found = re.match(r"---\n(.*?)\n---\n", files.text, re.DOTALL)
    head = yaml.safe_load(found[1]) if found else {}
    head = head if isinstance(head, dict) else {}
    form = (head.get("jupytext") or {}).get("text_representation") or {}
    if form.get("format_name") != "myst" or (head.get("kernelspec") or {}).get("name") != "python3":
        yield Finding(
            files.page, 1, "copy the first four lines of another page: they say that this is a MyST notebook"
        )


@_rule("page", "has one title, then **What you will do.**, **What you need.** and **Time.**")
def head(files: Files) -> Iterator[Finding]:
    titles = [heading for heading in files.headings if heading.level == 1]
    if len(titles) != 1:
        line = titles[1].line if titles else 1
        yield Finding(
            files.page, line, f"a page has one title, a line that begins with #; here are {len(titles)}"
        )
    after = titles[0].line if titles else 1
    for words in ("What you will do.", "What you need.", "Time."):
        if f"**{words}**" not in files.text:
            yield Finding(
                files.page, after, f"below the title stands a paragraph that begins with **{words}**"
            )
    if "**Time.**" in files.text and not minutes_told(files.text):
        text = "write: **Time.** Main path about 25 minutes, exercises about 55, going further about 10."
        yield Finding(files.page, files.line_of("**Time.**"), text)


@_rule("page", "has its imports in the first code cell, tagged `setup`")
def setup(files: Files) -> Iterator[Finding]:
    code = [(line, cell) for line, cell in files.cells if cell.cell_type == "code"]
    tagged = ["setup" in cell.metadata.get("tags", []) for _, cell in code]
    if code and not tagged[0]:
        yield Finding(files.page, code[0][0], "the first code cell holds the imports and has :tags: [setup]")
    if not code:
        yield Finding(files.page, 1, "a page needs a code cell with its imports and :tags: [setup]")


@_rule(
    "page",
    "has an `exercise` cell with one import and a `check` cell with points for each kernel; no other tags than those below",
)
def cells(files: Files) -> Iterator[Finding]:
    for line, text in faults(files.chapter, files.cells):
        yield Finding(files.page, line, text)
    if not files.points:
        yield Finding(
            files.page, 1, "a page with no exercise is no chapter: it needs an exercise and its check"
        )


@_rule("page", f"keeps code cells to {LONGEST_CELL} lines; longer drawing code goes to `course/draw.py`")
def short_cells(files: Files) -> Iterator[Finding]:
    for line, cell in files.cells:
        length = len(cell.source.splitlines())
        if cell.cell_type == "code" and length > LONGEST_CELL:
            text = f"this cell has {length} lines, {LONGEST_CELL} at most: move what draws to course/draw.py"
            yield Finding(files.page, line, text)


def figures_asked(chapter: Chapter) -> int:
    """How many figures a chapter's page has at least: the first two, for those who have seen nothing yet, have more."""
    return FIGURES + 2 if chapter.number <= 2 else FIGURES


@_rule("page", f"has {FIGURES} figures at least, the first two chapters {FIGURES + 2}")
def figures(files: Files) -> Iterator[Finding]:
    made = [line for line, cell in files.cells if "figure" in cell.metadata.get("mystnb", {})]
    made += [box.line for box in files.boxes if box.kind == "figure"]
    if len(made) < figures_asked(files.chapter):
        text = f"{len(made)} figures, {figures_asked(files.chapter)} at least: cells with mystnb: figure: caption:"
        yield Finding(files.page, 1, text)


@_rule(
    "page",
    f"gives each figure a text alternative (`mystnb: image: alt:`) of more than {SHORTEST_ALT} characters",
)
def alternatives_in_text(files: Files) -> Iterator[Finding]:
    for line, cell in files.cells:
        mystnb = cell.metadata.get("mystnb", {})
        draws = "figure" in mystnb or re.search(r"^plt\.show\(\)", cell.source, re.MULTILINE)
        if cell.cell_type == "code" and draws:
            alt = str((mystnb.get("image") or {}).get("alt", ""))
            if len(alt) <= SHORTEST_ALT:
                text = f"say under mystnb: image: alt: what the picture shows, in more than {SHORTEST_ALT} characters"
                yield Finding(files.page, line, text)
    for box in files.boxes:
        if box.kind in ("figure", "image"):
            body = "\n".join(line for number, line in files.prose if box.line < number < box.end)
            told = re.search(r"^:alt: *(.+)", body, re.MULTILINE)
            if not told or len(told[1]) <= SHORTEST_ALT:
                text = f"say under :alt: what the picture shows, in more than {SHORTEST_ALT} characters"
                yield Finding(files.page, box.line, text)


@_rule("page", "has one folded box at least: colon-fenced, with `:class: dropdown`")
def folded_box(files: Files) -> Iterator[Finding]:
    if not any(box.folded for box in files.boxes):
        yield Finding(files.page, 1, "no box is folded: give one :class: dropdown")


@_rule("page", "asks one question that a person grades, under a heading *A question graded by hand: …*")
def question(files: Files) -> Iterator[Finding]:
    asked = [(line, cell) for line, cell in files.cells if "question" in cell.metadata.get("tags", [])]
    if not asked:
        yield Finding(
            files.page, 1, 'no question is graded by hand: +++ {"tags": ["question"], …} begins one'
        )
    for line, _ in asked[1:]:
        yield Finding(
            files.page, line, f"a second question graded by hand, beside line {asked[0][0]}: keep one"
        )
    named = [heading for heading in files.headings if heading.text.startswith("A question graded by hand: ")]
    if asked and len(named) != 1:
        line = named[1].line if named else asked[0][0]
        yield Finding(
            files.page, line, f"{len(named)} headings begin with A question graded by hand: … ; one does"
        )


@_rule(
    "page",
    f"has a heading Recall with {RECALL[0]} to {RECALL[1]} folded boxes, numbered 1. 2. 3. in their titles",
)
def recall(files: Files) -> Iterator[Finding]:
    found = next((heading for heading in files.headings if heading.text == "Recall"), None)
    if found is None:
        yield Finding(files.page, 1, "no heading says Recall")
        return
    below = (h.line for h in files.headings if h.line > found.line and h.level <= found.level)
    end = next(below, len(files.text.splitlines()) + 1)
    asked = [box for box in files.boxes if found.line < box.line < end and box.folded]
    if not RECALL[0] <= len(asked) <= RECALL[1]:
        text = f"{len(asked)} folded boxes under Recall, {RECALL[0]} to {RECALL[1]} are asked"
        yield Finding(files.page, found.line, text)
    for number, box in enumerate(asked, 1):
        if not box.title.startswith(f"{number}."):
            yield Finding(files.page, box.line, f"the title of this box begins with {number}.")


@_rule("page", "has one heading Summary")
def summary(files: Files) -> Iterator[Finding]:
    found = [heading for heading in files.headings if heading.text == "Summary"]
    if len(found) != 1:
        line = found[1].line if found else 1
        yield Finding(files.page, line, f"{len(found)} headings say Summary, one does")


WHERE = ("output", "formula", "figure", "page")
"""Parts of a built page in which something can be looked for."""


@functools.cache
def curriculum(root: Path) -> dict[str, Any]:
    """What tests look for in the built book: `tests/curriculum.yml`, and under `pages` what pages name as `holds`."""
    listed = root / "tests" / "curriculum.yml"
    known = yaml.safe_load(listed.read_text(encoding="utf-8")) if listed.exists() else {}
    pages = dict(known.get("pages") or {})
    for page in sorted((root / "chapters").glob("*.md")):
        found = re.match(r"---\n(.*?)\n---\n", page.read_text(encoding="utf-8"), re.DOTALL)
        head = yaml.safe_load(found[1]) if found else None
        if isinstance(head, dict) and "holds" in head:
            pages[page.stem] = [*pages.get(page.stem, []), *(head["holds"] or [])]
    return {**known, "pages": pages}


@_rule(
    "page",
    "names in its front matter, under `holds`, what a reader must find on it: rows of `what`, `where` and `find`",
)
def holds(files: Files) -> Iterator[Finding]:
    rows, line = curriculum(files.root)["pages"].get(files.page.stem, []), files.line_of("holds:")
    if not rows:
        text = 'name what the page must hold, as in holds: [{what: the sum, where: output, find: "6600"}]'
        yield Finding(files.page, line, f"{text}; where is one of {', '.join(WHERE)}")
    for row in rows:
        if not isinstance(row, dict) or set(row) != {"what", "where", "find"} or row["where"] not in WHERE:
            text = f"a row of holds has what, where (one of {', '.join(WHERE)}) and find, not {row!r}"
            yield Finding(files.page, line, text)


# The kernels


@_rule("kernels", "defines exactly the kernels that the page asks for; helpers begin with an underscore")
def kernels_asked(files: Files) -> Iterator[Finding]:
    for node in tree(files.kernels).body:
        public = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
        kernel = node.name if isinstance(node, ast.FunctionDef | ast.ClassDef) else ""
        if public and kernel not in files.points:
            text = f"no exercise of {files.page.name} asks for {kernel}: add one, or begin its name with _"
            yield Finding(files.kernels, node.lineno, text)


@_rule(
    "kernels",
    f"gives each kernel a docstring of more than {SHORTEST_DOCSTRING} characters: arrays in and out, errors",
)
def docstrings(files: Files) -> Iterator[Finding]:
    for kernel, node in files.functions.items():
        length = len(ast.get_docstring(node) or "")
        if length <= SHORTEST_DOCSTRING:
            text = (
                f"the docstring of {kernel} has {length} characters, more than {SHORTEST_DOCSTRING} are asked"
            )
            yield Finding(files.kernels, node.lineno, f"{text}: what goes in and out, and which errors")


@_rule(
    "kernels",
    "holds each body between `### BEGIN SOLUTION` and `### END SOLUTION`; what is left is valid Python",
)
def stubs(files: Files) -> Iterator[Finding]:
    for kernel, node in files.functions.items():
        try:
            stub = stub_source(
                kernel_source(f"from solutions.{files.chapter.name} import {kernel}", files.root)
            )
        except ChapterError as error:
            yield Finding(files.kernels, node.lineno, str(error).partition(": ")[2] or str(error))
            continue
        try:
            ast.parse(stub)
        except SyntaxError as error:
            text = f"without its solution {kernel} is no Python: {error.msg}; put the markers around whole statements"
            yield Finding(files.kernels, node.lineno, text)
        if "SOLUTION" in stub or "raise NotImplementedError" not in stub:
            yield Finding(
                files.kernels, node.lineno, f"a marker of {kernel} is left over: they come in pairs"
            )


# The checks


@_rule(
    "checks",
    "has a check for each kernel; its first argument is the kernel, its docstring what learners read",
)
def checks_of_kernels(files: Files) -> Iterator[Finding]:
    first = [node.args.args[0].arg if node.args.args else "" for node in files.tests]
    for node, kernel in zip(files.tests, first, strict=True):
        if kernel not in files.points:
            near = difflib.get_close_matches(kernel, files.points, 1)
            meant = f"did you mean {near[0]}?" if near else f"those are {', '.join(files.points)}"
            text = f"the first argument of {node.name}, {kernel or 'missing'}, is no kernel of the chapter: {meant}"
            yield Finding(files.checks, node.lineno, text)
        if not ast.get_docstring(node):
            yield Finding(
                files.checks, node.lineno, f"{node.name} has no docstring: learners read its first line"
            )
    if files.checks.exists():
        for kernel in files.points:
            if kernel not in first:
                yield Finding(files.checks, 1, f"no check has {kernel} as its first argument")


@_rule(
    "checks",
    "runs through on the reference, and tries both float32 and float64 of each kernel that takes floats",
)
def checks_run(files: Files) -> Iterator[Finding]:
    if files.root != ROOT:
        return  # another course's kernels cannot be imported beside this one's
    try:
        reference = Reference(files.chapter)
        tried: dict[str, set[str]] = {kernel: set() for kernel in reference.points()}
        calls: dict[str, Call] = {
            kernel: watching(functools.partial(reference.expected, kernel), dtypes)
            for kernel, dtypes in tried.items()
        }
        found = run_checks(files.checks, reference, calls, PUBLIC_SEED, causes=False)
    except (BrokenFile, CheckError, AttributeError, OSError) as error:
        yield Finding(*_placed(str(error), files), str(error))
        return
    for exercise in found:
        if exercise.failure:
            line = next((node.lineno for node in files.tests if node.name == exercise.failure.check), 1)
            text = f"{exercise.failure.check} rejects the reference: {exercise.failure.message}"
            yield Finding(files.checks, line, text)
        if lacking_dtype(tried[exercise.kernel]):
            first = (node for node in files.tests if node.args.args[0].arg == exercise.kernel)
            text = f"no check of {exercise.kernel} tries both float32 and float64"
            yield Finding(files.checks, next(first).lineno, text)


def _placed(text: str, files: Files) -> tuple[Path, int]:
    """The file of the chapter and the line that the text of an error names."""
    found = re.search(r"(\w+\.py), line (\d+)", text)
    for path in (files.kernels, files.checks, files.mistakes):
        if found and path.name == found[1] and (path != files.mistakes or "mistakes/" in text):
            return path, int(found[2])
    return files.checks, 1


# The mistakes


@_rule("mistakes", f"has {MISTAKES} mistakes of each kernel at least, and {ALTERNATIVES} other right ways")
def enough_variants(files: Files) -> Iterator[Finding]:
    for kernel in files.points if files.mistakes.exists() else ():
        mine = [one for one in files.variants if one.kernel == kernel]
        wrong = sum(one.is_wrong for one in mine)
        line = mine[0].line if mine else 1
        if wrong < MISTAKES:
            yield Finding(
                files.mistakes, line, f"{kernel} has {wrong} mistakes, {MISTAKES} at least are asked"
            )
        if len(mine) - wrong < ALTERNATIVES:
            text = f"{kernel} has {len(mine) - wrong} alternatives, {ALTERNATIVES} at least are asked"
            yield Finding(files.mistakes, line, text)


@_rule("mistakes", "names in each a kernel of the chapter, and in `caught_by` a check of that kernel")
def caught_by(files: Files) -> Iterator[Finding]:
    for one in files.variants:
        if one.kernel not in files.points:
            yield Finding(
                files.mistakes, one.line, f"{one.name} is about {one.kernel}, no kernel of the chapter"
            )
        elif one.is_wrong and one.caught_by not in (known := check_names_of(files, one.kernel)):
            near = difflib.get_close_matches(one.caught_by, known, 1)
            meant = f"did you mean {near[0]}?" if near else f"those are {', '.join(known)}"
            text = f"caught_by of {one.name} names no check of {one.kernel}, {one.caught_by!r}: {meant}"
            yield Finding(files.mistakes, one.line, text)


def check_names_of(files: Files, kernel: str) -> list[str]:
    """What `caught_by` of a kernel's mistake may name."""
    mine = [node.name for node in files.tests if node.args.args and node.args.args[0].arg == kernel]
    return [*mine, SIDE_EFFECTS]


@_rule("mistakes", "gives each a name of its own, a mistake a hint that says what to do")
def names_and_hints(files: Files) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for one in files.variants:
        if one.name in seen:
            yield Finding(files.mistakes, one.line, f"{one.name} stands in line {seen[one.name]} already")
        seen[one.name] = one.line
        if one.is_wrong and len(one.hint.split()) < 3:
            yield Finding(files.mistakes, one.line, f"{one.name} needs a hint: what is wrong, and what to do")


@_rule("mistakes", "annotates every function, in the checks too: mypy reads both")
def annotations(files: Files) -> Iterator[Finding]:
    for path in (files.checks, files.mistakes):
        for node in tree(path).body:
            if isinstance(node, ast.FunctionDef):
                given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                given += [one for one in (node.args.vararg, node.args.kwarg) if one]
                bare = [one.arg for one in given if one.annotation is None]
                bare += ["what it returns"] if node.returns is None else []
                if bare:
                    yield Finding(path, node.lineno, f"{node.name} has no annotation of {', '.join(bare)}")


@_rule(
    "mistakes", "draws inputs of each kernel for `make bench-verdicts`: a function marked `@draws(kernel)`"
)
def drawn(files: Files) -> Iterator[Finding]:
    known = {
        argument.value
        for path in (files.root / "benchmarks" / "draws.py", files.mistakes)
        for node in tree(path).body
        if isinstance(node, ast.FunctionDef)
        for mark in node.decorator_list
        if isinstance(mark, ast.Call)
        and isinstance(mark.func, ast.Name)
        and mark.func.id in ("draws", "_draws")
        for argument in mark.args
        if isinstance(argument, ast.Constant)
    }
    for kernel in files.points if files.mistakes.exists() else ():
        if kernel not in known:
            text = f"no function draws inputs of {kernel}: mark one with @draws({kernel!r}); it takes a generator"
            yield Finding(files.mistakes, 1, f"{text} and returns the arguments of a call")


@_rule(
    "mistakes",
    f"answers the page's question in {MODEL_ANSWER[0]} to {MODEL_ANSWER[1]} words: `model_answer(grade_id, text)`, or in "
    "`solutions/answers.md`",
)
def model_answers(files: Files) -> Iterator[Finding]:
    known = answers_in(files.root / "solutions" / "answers.md", [files.mistakes])
    for line, cell in files.cells:
        name = cell.metadata.get("grade_id", "")
        if "question" not in cell.metadata.get("tags", []) or not name:
            continue
        if name not in known:
            text = f'no model answer to {name}: write model_answer("{name}", "…") in mistakes/{files.mistakes.name}'
            yield Finding(files.page, line, text)
            continue
        path, at, answer = known[name]
        count = len(answer.split())
        if not MODEL_ANSWER[0] <= count <= MODEL_ANSWER[1]:
            text = f"the model answer to {name} has {count} words, {MODEL_ANSWER[0]} to {MODEL_ANSWER[1]} are asked"
            yield Finding(path, at, text)


# Elsewhere


@_rule("elsewhere", "has a line in `_toc.yml`, and all its five files, which are valid Python")
def all_files(files: Files) -> Iterator[Finding]:
    for path in (files.kernels, files.checks, files.mistakes):
        if not path.exists():
            yield Finding(path, 1, "this file of the chapter is not there")
            continue
        try:
            ast.parse(path.read_text(encoding="utf-8"), str(path))
        except SyntaxError as error:
            yield Finding(path, error.lineno or 1, f"SyntaxError: {error.msg}")


def unlisted(root: Path = ROOT) -> list[Finding]:
    """Pages that look like a chapter's and are none: without a line in `_toc.yml`, or without kernels."""
    listed = root / "_toc.yml"
    lines = listed.read_text(encoding="utf-8").splitlines()
    found = []
    for page in sorted((root / "chapters").glob("*.md")):
        named = re.fullmatch(r"\d+-([a-z_]+)", page.stem)
        at = next((n for n, line in enumerate(lines, 1) if line.strip().endswith(f"chapters/{page.stem}")), 0)
        if named and not at:
            found.append(
                Finding(listed, len(lines), f"add a line to the last part: - file: chapters/{page.stem}")
            )
        elif named and not (root / "solutions" / f"{named[1]}.py").exists():
            found.append(
                Finding(listed, at, f"{page.stem} has no solutions/{named[1]}.py: it is no chapter so far")
            )
        elif re.match(r"\d", page.stem) and not named:
            text = (
                f"{page.stem} is no chapter's name: that is a number, a hyphen, small letters and underscores"
            )
            found.append(Finding(page, 1, text))
    return found


class Kernel(NamedTuple):
    """A kernel and where it stands."""

    chapter: str
    name: str


@_rule(
    "elsewhere",
    f"shows no line of a solution longer than {LONGEST_HARMLESS} characters: on no page, in no scaffold, check, hint, nor in "
    "`course/`",
)
def no_solution_shown(files: Files) -> Iterator[Finding]:
    own = {files.page, files.kernels, files.checks, files.mistakes}
    for kernel, finding in _shown(files.root):
        if kernel.chapter == files.chapter.name or finding.path in own:
            yield finding


@functools.cache
def _shown(root: Path) -> list[tuple[Kernel, Finding]]:
    """Every place where a line of a solution is shown to learners, with the first kernel whose line it is."""
    whose: dict[str, tuple[Kernel, int]] = {}
    every = [Files(one) for one in chapters(root)]
    for files in every:
        source = files.kernels.read_text(encoding="utf-8").splitlines()
        for kernel in files.functions:
            try:
                text = kernel_source(f"from solutions.{files.chapter.name} import {kernel}", root)
            except ChapterError:
                continue  # another rule is about that
            for line in secret_lines(text):
                at = next(n for n, other in enumerate(source, 1) if other.strip() == line)
                whose.setdefault(line, (Kernel(files.chapter.name, kernel), at))
    if not whose:
        return []
    leaks, found = Leaks(whose), []
    for path, text in _what_learners_see(root, every):
        ends = _ends(text)
        for at, line in leaks.places(squeezed(text)):
            owner, number = whose[line]
            said = (
                f"shows a line of the solution of {owner.name} (solutions/{owner.chapter}.py, line {number})"
            )
            words = f"{said}: say it in other words, or with other names"
            found.append((owner, Finding(path, bisect.bisect_right(ends, at) + 1, words)))
    return sorted(set(found), key=lambda pair: pair[1])


def _ends(text: str) -> list[int]:
    """After how many bytes of the squeezed text each line ends."""
    ends, so_far = [], 0
    for line in text.splitlines():
        so_far += len(squeezed(line).encode())
        ends.append(so_far)
    return ends


def _what_learners_see(root: Path, every: list[Files]) -> Iterator[tuple[Path, str]]:
    """Each file, with spaces and line breaks in place of what no learner sees of it: that keeps the lines' numbers."""
    for path in sorted([*(root / "chapters").glob("*.md"), *(root / "course").glob("*.py")]):
        yield path, path.read_text(encoding="utf-8")
    for path in sorted((root / "autograder" / "checks").glob("*.py")):
        yield path, path.read_text(encoding="utf-8")
    for files in every:
        text = files.kernels.read_text(encoding="utf-8")
        yield files.kernels, _only(REGION.sub(_blank, text), _lines_of_kernels(files))
        if files.mistakes.exists():
            yield files.mistakes, _only(files.mistakes.read_text(encoding="utf-8"), _lines_of_hints(files))


def _blank(match: re.Match[str]) -> str:
    return "\n" * match[0].count("\n")


def _only(text: str, kept: set[int]) -> str:
    return "\n".join(line if n in kept else "" for n, line in enumerate(text.splitlines(), 1))


def _lines_of_kernels(files: Files) -> set[int]:
    return {n for node in files.functions.values() for n in range(node.lineno, (node.end_lineno or 0) + 2)}


def _lines_of_hints(files: Files) -> set[int]:
    nodes = [node for node in tree(files.mistakes).body if isinstance(node, ast.FunctionDef)]
    marks = [mark for node in nodes for mark in node.decorator_list]
    return {n for mark in marks for n in range(mark.lineno, (mark.end_lineno or 0) + 1)}


def findings(chosen: Iterable[Chapter]) -> list[Finding]:
    """All that is wrong with the files of these chapters, each once, by file and line."""
    return sorted({finding for one in map(Files, chosen) for rule in RULES for finding in rule.find(one)})
