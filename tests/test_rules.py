"""What is asked of a chapter: this course keeps it, CONTRIBUTING.md says it, and whatever breaks it is named by file and line."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from autograder import mistakes
from autograder.chapters import ROOT, Chapter, chapters
from autograder.rules import PLACES, RULES, Files, Finding, findings, unlisted

from .conftest import TOY_FILES, TOY_LINE, run_in

PAGE, KERNELS, CHECKS, MISTAKES = TOY_FILES
RULE = {rule.find.__name__: rule for rule in RULES}


@pytest.mark.parametrize("chapter", chapters(), ids=lambda chapter: chapter.name)
def test_a_chapter_keeps_every_rule(chapter: Chapter) -> None:
    assert findings([chapter]) == []


def test_every_page_that_looks_like_a_chapter_is_one() -> None:
    assert unlisted() == []


def test_contributing_says_every_rule_and_no_other() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text.partition("## What is asked of a chapter")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\w+) \| (.+) \|$", table, re.MULTILINE)
    assert rows == [
        (rule.place, rule.asks) for rule in sorted(RULES, key=lambda one: PLACES.index(one.place))
    ]


@pytest.mark.parametrize("chapter", chapters(), ids=lambda chapter: chapter.name)
def test_mistakes_read_from_the_file_are_those_that_it_registers(chapter: Chapter) -> None:
    read = [
        (one.kernel, one.name, one.is_wrong, one.caught_by) for one in Files(chapter).variants
    ]  # a hint may be put together of parts
    known = [(one.kernel, one.name, one.is_wrong, one.caught_by) for one in mistakes.of(chapter.name)]
    assert read == known and read


# Each rule, broken


class Slip(NamedTuple):
    """One slip of an author: the rule, the file, what becomes what there; the file, the line's text and words of the finding."""

    rule: str
    file: str
    old: str
    new: str
    where: str
    line: str
    says: str


SHOWN = "twice_of_everything = x + x"
RETURNS = "    Returns\n    -------\n    array of float of the same shape and dtype: each number times 2\n"
BODY = f"    ### BEGIN SOLUTION\n    {SHOWN}\n    return twice_of_everything\n"
ANSWER = TOY_FILES[MISTAKES].partition('"why-twice", """\n')[2].partition("An array")[0]
LONG = "\n".join(["x = 1"] * 25)

SLIPS = [
    Slip("front_matter", PAGE, "name: python3", "name: julia", PAGE, "---", "first four lines"),
    Slip("head", PAGE, "**What you need.** Sums.\n", "", PAGE, "# Toys", "**What you need.**"),
    Slip("head", PAGE, "Main path about 1 minutes", "A minute", PAGE, "**Time.** A minute", "Main path about"),
    Slip("head", PAGE, "## Summary", "# Summary", PAGE, "# Summary", "one title"),
    Slip("setup", PAGE, ":tags: [setup]\n", "", PAGE, "```{code-cell}", "first code cell"),
    Slip("cells", PAGE, "[exercise]", "[exercises]", PAGE, "```{code-cell}\n:tags: [exercises", "did you mean exercise?"),
    Slip("cells", PAGE, ":points: 2\n", "", PAGE, "```{code-cell}\n:tags: [check", "needs :points:"),
    Slip("cells", PAGE, ":points: 2\n", ":points: two\n", PAGE, "```{code-cell}\n:tags: [check", "a number above 0"),
    Slip("cells", PAGE, '"points": 2, ', "", PAGE, "## A question graded", "a question needs points"),
    Slip("cells", PAGE, "import double", "import doubles", PAGE, "```{code-cell}\n:tags: [exercise", "defines no doubles"),
    Slip("cells", PAGE, "solutions.toys", "solutions.toy", PAGE, "```{code-cell}\n:tags: [exercise", "no solutions/toy.py"),
    Slip("cells", PAGE, "check(double)", "check(halve)", PAGE, "```{code-cell}\n:tags: [exercise", "has no check cell"),
    Slip("short_cells", PAGE, "import numpy as np\n", f"import numpy as np\n{LONG}\n", PAGE, "```{code-cell}", "lines, 24"),
    Slip("figures", PAGE, "figure:\n    caption: The slope 6", "other:\n    caption: ", PAGE, "---", "5 figures, 6"),
    Slip(
        "alternatives_in_text", PAGE, "A straight line that climbs by 3 for each step to the right.", "A line.", PAGE,
        "```{code-cell}\n---\ntags: [hide-input]\nmystnb:\n  image:\n    alt: A line.", "image: alt:",
    ),
    Slip("folded_box", PAGE, ":class: dropdown\n", "", PAGE, "---", "no box is folded"),
    Slip("question", PAGE, '"tags": ["question"]', '"tags": []', PAGE, "---", "no question is graded by hand"),
    Slip("question", PAGE, "graded by hand: why twice", "", PAGE, "## A question ", "0 headings begin with"),
    Slip("recall", PAGE, "admonition} 2. What", "admonition} What", PAGE, ":::{admonition} What is twice one", "with 2."),
    Slip("recall", PAGE, "## Recall", "## Recalled", PAGE, "---", "no heading says Recall"),
    Slip("summary", PAGE, "## Summary", "## The end", PAGE, "---", "0 headings say Summary"),
    Slip("holds", PAGE, "where: output", "where: print", PAGE, "holds: ", "a row of holds has"),
    Slip("holds", PAGE, "holds: [{what: the double of three, where: output, find: \"twice 3 is 6\"}]\n", "", PAGE, "---",
         "name what the page must hold"),
    Slip("kernels_asked", KERNELS, "def double", "def halve(x):\n    pass\n\n\ndef double", KERNELS, "def halve", "asks for halve"),
    Slip("kernels_asked", KERNELS, "def double", "class Twice:\n    pass\n\n\ndef double", KERNELS, "class Twice", "for Twice"),
    Slip("docstrings", KERNELS, RETURNS, "", KERNELS, "def double", "docstring"),
    Slip("stubs", KERNELS, "    ### END SOLUTION\n", "", KERNELS, "def double", "has no ### BEGIN SOLUTION"),
    Slip("stubs", KERNELS, BODY, f"    if True:\n    ### BEGIN SOLUTION\n        return {SHOWN[22:]}\n", KERNELS, "def double", "is no Python"),
    Slip("checks_of_kernels", CHECKS, "any_numbers(double:", "any_numbers(dubble:", CHECKS, "def test_double_doubles_any",
         "did you mean double?"),
    Slip("checks_of_kernels", CHECKS, '    """doubles any numbers"""\n', "", CHECKS, "def test_double_doubles_any",
         "has no docstring"),
    Slip("enough_variants", MISTAKES, '@mistake("double", "You halve', '@mistake("triple", "You halve', MISTAKES,
         '@mistake("double", "You square', "4 mistakes, 5"),
    Slip("enough_variants", MISTAKES, '@alternative("double")\ndef adds', "def adds", MISTAKES,
         '@mistake("double", "You square', "1 alternatives, 2"),
    Slip("caught_by", MISTAKES, 'often.", caught_by="test_double_doubles_a_', 'often.", caught_by="test_doubles_a_', MISTAKES,
         '@mistake("double", "You add the array once', "did you mean test_double_doubles_a_small_array?"),
    Slip("names_and_hints", MISTAKES, "def triples", "def halves", MISTAKES, '@mistake("double", "You add the array once',
         "already"),
    Slip("names_and_hints", MISTAKES, "You halve: multiply instead.", "Halved.", MISTAKES, '@mistake("double", "Halved',
         "needs a hint"),
    Slip("annotations", MISTAKES, "def adds(x: np.ndarray) ->", "def adds(x) ->", MISTAKES, "def adds(", "annotation of x"),
    Slip("annotations", CHECKS, "rng: np.random.Generator) -> None:\n    \"\"\"doubles any", "rng):\n    \"\"\"doubles any",
         CHECKS, "def test_double_doubles_any", "annotation of rng, what it returns"),
    Slip("drawn", MISTAKES, '@draws("double")\n', "", MISTAKES, '"""Mistakes', "no function draws inputs of double"),
    Slip("model_answers", MISTAKES, 'model_answer("why-twice"', 'model_answer("why"', PAGE, "## A question graded",
         "no model answer to why-twice"),
    Slip("model_answers", MISTAKES, ANSWER, "", MISTAKES, "model_answer(", "words, 80 to 220"),
    Slip("all_files", MISTAKES, "def squares(", "def squares((", MISTAKES, "def squares((", "SyntaxError"),
    Slip("no_solution_shown", PAGE, "## Summary", f"## Summary\n\nWrite `{SHOWN}`.", PAGE, "Write `", "solution of double"),
    Slip("no_solution_shown", PAGE, "plt.plot([0, 1], [0, 4])", f"x = 1\n{SHOWN}", PAGE, SHOWN, f"toys.py, line {TOY_FILES[KERNELS].splitlines().index('    ' + SHOWN) + 1}"),
    Slip("no_solution_shown", KERNELS, "each number times 2", "twice_of_everything\n    = x + x", KERNELS,
         "    array of float of the same shape and dtype: twice", "solution of double"),
    Slip("no_solution_shown", CHECKS, "doubles any numbers", SHOWN, CHECKS, '    """twice_of', "solution of double"),
    Slip("no_solution_shown", MISTAKES, "You halve: multiply instead.", SHOWN, MISTAKES, f'@mistake("double", "{SHOWN}',
         "solution of double"),
]  # fmt: skip


@pytest.fixture
def toys(tmp_path: Path) -> Path:
    """A course of one chapter, made as CONTRIBUTING.md says."""
    for name, text in TOY_FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    head = "format: jb-book\nroot: chapters/index\nparts:\n- chapters:\n"
    (tmp_path / "_toc.yml").write_text(head + TOY_LINE, encoding="utf-8")
    return tmp_path


def slip_in(tree: Path, slip: Slip) -> None:
    path = tree / slip.file
    before = path.read_text(encoding="utf-8")
    assert slip.old in before, slip
    path.write_text(before.replace(slip.old, slip.new), encoding="utf-8")


def line_of(path: Path, text: str) -> int:
    """The line at which a text begins that stands at the start of a line."""
    content = path.read_text(encoding="utf-8")
    return content.count("\n", 0, ("\n" + content).index("\n" + text)) + 1


def found_in(tree: Path) -> dict[str, list[Finding]]:
    """What each rule finds in that course."""
    (chapter,) = chapters(tree)
    return {name: list(rule.find(Files(chapter))) for name, rule in RULE.items()}


def test_the_chapter_that_tests_add_keeps_every_rule(toys: Path) -> None:
    assert not any(found_in(toys).values()) and unlisted(toys) == []


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: f"{slip.rule}: {slip.says}")
def test_a_broken_rule_is_named_with_file_and_line(toys: Path, slip: Slip) -> None:
    slip_in(toys, slip)
    found = [finding for finding in found_in(toys)[slip.rule] if slip.says in finding.text]
    assert [(one.path, one.line) for one in found] == [
        (toys / slip.where, line_of(toys / slip.where, slip.line))
    ]
    assert SHOWN not in found[0].text or slip.rule != "no_solution_shown"


def test_every_rule_is_broken_above() -> None:
    assert {slip.rule for slip in SLIPS} | {"checks_run"} == set(RULE)


def test_all_that_is_wrong_is_named_at_once(toys: Path) -> None:
    slips = [
        slip
        for slip in SLIPS
        if slip.rule in ("head", "summary", "docstrings", "drawn", "caught_by", "annotations")
    ]
    slips = [slip for slip in slips if slip.new != "# Summary"]
    for slip in slips:
        slip_in(toys, slip)
    said = [finding.text for finding in findings(chapters(toys))]
    assert all(any(slip.says in text for text in said) for slip in slips), said


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda tree: (tree / "_toc.yml").write_text("parts:\n- chapters: []\n"), "- file: chapters/99-toys"),
        (lambda tree: (tree / KERNELS).unlink(), "has no solutions/toys.py"),
        (lambda tree: (tree / PAGE).rename(tree / "chapters/9-Toys.md"), "is no chapter's name"),
    ],
)
def test_a_page_that_is_no_chapter_yet_is_named(
    toys: Path, change: Callable[[Path], object], says: str
) -> None:
    change(toys)
    (found,) = unlisted(toys)
    assert says in found.text


def test_a_line_of_another_chapters_solution_is_found_on_a_page_under_any_break(toys: Path) -> None:
    page = toys / PAGE
    page.write_text(page.read_text().replace("Twice is once more.", "So\n\ntwice_of_everything =\n  x + x\n"))
    (found,) = found_in(toys)["no_solution_shown"]
    assert found.line == line_of(page, "twice_of_everything =")


# The command, and clear errors of the others


@pytest.fixture
def slipped(toy_course: Path) -> Callable[..., str]:
    """Runs a command in the course with one chapter more after some slips, which are put right again; what it said."""

    def run(words: str, code: int, *slips: tuple[str, str, str]) -> str:
        before = {file: (toy_course / file).read_text() for file, _, _ in slips}
        try:
            for file, old, new in slips:
                text = (toy_course / file).read_text()
                assert old in text
                (toy_course / file).write_text(text.replace(old, new, 1))
            done = run_in(toy_course, "-m", "autograder", *words.split())
        finally:
            for file, text in before.items():
                (toy_course / file).write_text(text)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    return run


NOT_A_NUMBER = (PAGE, '"points": 2, ', "")
UNKNOWN_TAG = (PAGE, "[exercise]", "[exercises]")
NO_IMPORT = (KERNELS, "import numpy as np\n", "import numpy as np\nimport nothing_here\n")
NO_CHECK = (MISTAKES, '"test_double_doubles_a_small_array"', '"test_double_a_small_array"')
NO_METHOD = (CHECKS, "double.agrees(np.array([1.0, -2.0]))", "double.agrees(np.zeros(2) + np.zeros(3))")
NO_FLOAT32 = (CHECKS, ".astype(np.float32)", "")


def test_the_command_prints_all_findings_with_file_and_line(slipped: Callable[..., str]) -> None:
    said = slipped("rules toys", 1, NOT_A_NUMBER, NO_CHECK, NO_METHOD)
    assert re.search(r"^chapters/99-toys\.md:\d+: a question needs points", said, re.MULTILINE), said
    assert re.search(
        r"^autograder/mistakes/toys\.py:8: caught_by of squares names no check", said, re.MULTILINE
    ), said
    assert re.search(r"^autograder/checks/test_toys\.py:10: .*could not be broadcast", said, re.MULTILINE), (
        said
    )
    assert "3 findings" in said
    said = slipped("rules toys", 1, NO_IMPORT)
    assert "solutions/toys.py:4: " in said and "No module named 'nothing_here'" in said
    said = slipped("rules toys", 1, NO_FLOAT32)
    assert "autograder/checks/test_toys.py:8: no check of double tries both float32 and float64" in said
    assert slipped("rules toys", 0) == "all that is asked of a chapter's files holds\n"


@pytest.mark.parametrize(
    ("words", "slip", "says"),
    [
        ("release toys", NOT_A_NUMBER, r"99-toys\.md, line \d+: a question needs points"),
        (
            "release toys",
            UNKNOWN_TAG,
            r"99-toys\.md, line \d+: no cell has a tag exercises: did you mean exercise\?",
        ),
        (
            "verify toys",
            NO_IMPORT,
            r"solutions/toys\.py cannot be imported: toys\.py, line 4: ModuleNotFoundError",
        ),
        (
            "verify toys",
            NO_METHOD,
            r"test_double_doubles_a_small_array did not run: test_toys\.py, line 10: ValueError",
        ),
    ],
)
def test_what_keeps_a_chapter_from_working_is_one_line_that_says_where(
    slipped: Callable[..., str], words: str, slip: tuple[str, str, str], says: str
) -> None:
    said = slipped(words, 2, slip)
    assert re.search(says, said) and len(said.splitlines()) == 1, said


def test_verify_says_that_caught_by_names_no_check(slipped: Callable[..., str]) -> None:
    said = slipped("verify toys", 1, NO_CHECK)
    assert said.count("test_double_a_small_array") == 1, said
    assert (
        "caught_by of the mistake squares names no check: test_double_a_small_array; did you mean test_double_do"
        in said
    )
