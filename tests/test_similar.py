"""Code that is nearly the same in two submissions: found where it is rare, said with care, whatever learners hand in.

Tests that ask compare50 are skipped where it has no environment: `make compare50` sets one up.
"""

import ast
import builtins
import itertools
import json
import random
import re
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from typer.testing import CliRunner

from autograder import mistakes
from autograder.chapters import ROOT, Chapter, chapter, check_points
from autograder.cli import app
from autograder.grading import similar
from autograder.grading.classroom import Classroom, ClassroomError
from autograder.grading.recorder import Recorder
from autograder.grading.similar import CHANCE, PYTHON, by_chance, compare, remarkable, written_code
from autograder.publishing.authoring import is_exercise, source_notebook
from autograder.reports import class_page
from autograder.reports.similar import MOST_PAIRS, NOTE, Agreement, Pair, Similar, lines, percent, section
from autograder.results import GRADED, UNGRADABLE, Submission
from autograder.sample import reference_cell, variant_cell

from .hostile import ANSWERS
from .test_cli import autograder
from .test_reports import Reader
from .test_term import job_of

FILTERS = chapter("filters")
STRIDE = chapter("stride")
ODD = (
    "a+b",
    "dom\\ann",
    "x[1]",
    "日本 太郎",
    "n" * 300,
    "Doe, Jane",
    "<img src=x onerror=alert(1)>",
    "\u202eeve\x1b[31m",
)

wants_compare50 = pytest.mark.skipif(
    not PYTHON.exists(), reason="compare50 has no environment: run make compare50"
)


def release_of(one: Chapter) -> NotebookNode:
    """The release of a chapter, made in memory: stubs in place of solutions."""
    notebook = nbformat.from_dict(source_notebook(one))
    for cell in notebook.cells:
        cell.source = re.sub(
            r"### BEGIN SOLUTION.*?### END SOLUTION",
            "raise NotImplementedError()",
            cell.source,
            flags=re.DOTALL,
        )
    return notebook


def stub_of(release: NotebookNode, kernel: str) -> str:
    return next(
        cell.source
        for cell in release.cells
        if is_exercise(cell) and cell.metadata.nbgrader.grade_id == kernel
    )


def handed_in(student: str, cells: dict[str, str], one: Chapter = FILTERS) -> Submission:
    return Submission(student, one.name, GRADED, cells=cells)


def ways(one: Chapter) -> dict[str, list[str]]:
    """All known ways to write each kernel, right and wrong; the first is the reference, on the stub's own scaffold."""
    return {
        kernel: [
            reference_cell(one, kernel),
            *(variant_cell(variant) for variant in mistakes.of(one.name) if variant.kernel == kernel),
        ]
        for kernel in check_points(one)
    }


def honest_class(one: Chapter, count: int, seed: int) -> list[Submission]:
    """Learners who each choose a way for every kernel on their own, out of all that are known.

    That is harsh: some twenty ways are known of a kernel, and written letter by letter alike. In a class of people
    fewer agree.
    """
    draw = random.Random(seed)
    known = ways(one)
    return [
        handed_in(f"learner-{number}", {kernel: draw.choice(texts) for kernel, texts in known.items()}, one)
        for number in range(count)
    ]


def disguised(source: str) -> str:
    """The same code as someone would hide it: other names, other numbers of blanks, comments of one's own."""
    tree = ast.parse(source)
    given = {*dir(builtins), "np"}
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    own |= {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id not in given | own:
            node.id = f"my_{node.id}"
        elif isinstance(node, ast.arg):
            node.arg = f"my_{node.arg}"
    text = ast.unparse(tree)
    return "# all my own work\n" + text.replace("\n", "  # a step\n").replace("    ", "  ")


# Which pairs are kept, without compare50


def prints(*groups: Sequence[int]) -> frozenset[int]:
    return frozenset(itertools.chain(*groups))


def class_of(
    *people: dict[str, frozenset[int]],
) -> tuple[list[dict[str, frozenset[int]]], list[tuple[int, int]]]:
    return list(people), list(itertools.combinations(range(len(people)), 2))


def own(number: int, kernel: int, length: int = 20) -> frozenset[int]:
    """Fingerprints that nobody else has."""
    return prints(range(1000 * number + 100 * kernel, 1000 * number + 100 * kernel + length))


def test_two_who_agree_where_nobody_else_does_are_a_pair() -> None:
    people = [{"f": own(number, 1), "g": own(number, 2)} for number in range(12)]
    people[7] = people[3]
    ((pair, share, agreed),), kernels = remarkable(*class_of(*people))
    assert pair == (3, 7) and share == 1.0 and kernels == {"f", "g"}
    assert agreed == [Agreement("f", 1.0, 2), Agreement("g", 1.0, 2)]


def test_one_kernel_alone_is_no_pair() -> None:
    people = [{"f": own(number, 1), "g": own(number, 2, 3)} for number in range(12)]
    people[7] = people[3]
    assert remarkable(*class_of(*people)) == ([], {"f"})


def test_a_short_kernel_says_nothing() -> None:
    people = [{"f": own(number, 1, 7), "g": own(number, 2, 7)} for number in range(12)]
    people[7] = people[3]
    assert remarkable(*class_of(*people)) == ([], set())


def test_what_many_wrote_is_no_sign_of_anything() -> None:
    people = [{"f": own(number % 3, 1), "g": own(number % 4, 2)} for number in range(24)]
    assert remarkable(*class_of(*people))[0] == []


def test_whoever_differs_in_most_of_the_code_is_no_pair() -> None:
    people = [{name: own(number, at, 20) for at, name in enumerate("fghij")} for number in range(12)]
    people[7] = {**people[7], "f": people[3]["f"], "g": people[3]["g"]}
    assert remarkable(*class_of(*people))[0] == []


def test_several_who_share_all_their_code_are_found_where_a_chapter_is_long() -> None:
    people = [{name: own(number, at, 20) for at, name in enumerate("fghi")} for number in range(20)]
    people[5] = people[6] = people[7] = people[8]
    assert {pair for pair, _, _ in remarkable(*class_of(*people))[0]} == set(
        itertools.combinations((5, 6, 7, 8), 2)
    )


def test_whoever_wrote_little_counts_among_those_who_did_not_agree() -> None:
    people = [{"f": own(number, 1, 4), "g": own(number, 2, 4)} for number in range(12)]
    people[3] = people[7] = {"f": own(3, 1), "g": own(3, 2)}
    assert [pair for pair, _, _ in remarkable(*class_of(*people))[0]] == [(3, 7)]


def test_agreement_in_a_few_of_many_kernels_may_be_chance() -> None:
    """in which ones two agree is open, so many kernels give chance many ways"""
    agreed = [1 / 66, 3 / 66]
    assert by_chance(agreed, 2, 12) < CHANCE < by_chance(agreed, 9, 12)
    assert by_chance([*agreed, 1.0], 9, 12) <= by_chance(agreed, 9, 12)  # a third can only add
    assert by_chance(agreed[:1], 9, 12) == by_chance([], 9, 12) == float("inf")


def test_of_two_or_three_people_nothing_is_said() -> None:
    person = {"f": own(1, 1), "g": own(1, 2)}
    assert remarkable(*class_of(person, person))[0] == []
    assert remarkable(*class_of(person, person, {"f": own(2, 1), "g": own(2, 2)}))[0] == []


# What is compared


def test_an_untouched_stub_is_not_compared() -> None:
    release = release_of(FILTERS)
    stubs = {kernel: stub_of(release, kernel) for kernel in check_points(FILTERS)}
    one = handed_in("ada", {**stubs, "relu": "def relu(x):\n    return x", "question": "words, no code"})
    assert written_code(one, stubs) == {"relu": "def relu(x):\n    return x"}
    assert compare(release, [handed_in("ada", stubs), handed_in("bob", stubs)]) == Similar(too_few=True)


def test_names_of_people_and_kernels_get_into_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def run(command: list, cwd: Path, **options: object) -> subprocess.CompletedProcess[str]:  # type: ignore[type-arg]
        seen.extend(str(path.relative_to(cwd)) for path in cwd.rglob("*.py"))
        written = (cwd / "1" / "2.py").read_text(encoding="utf-8")
        assert "日本" in written and "\ud800" not in written
        everybody = {str(number): {"fingerprints": {}, "slow": ["2"]} for number in range(len(ODD))}
        return subprocess.CompletedProcess(
            command, 0, json.dumps({"everybody": everybody, "ranking": []}), ""
        )

    monkeypatch.setattr(similar.subprocess, "run", run)
    text = "def relu(日本):\n    return '\ud800'"
    found = compare(release_of(FILTERS), [handed_in(name, {"relu": text}) for name in ODD])
    assert all(re.fullmatch(r"(given|\d+)/\d+\.py", name) for name in seen)
    assert found.left_out == tuple((name, "relu") for name in ODD)


def test_what_fails_is_said_and_nothing_else_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    people = [handed_in(name, {"relu": "def relu(x): ..."}) for name in ("ada", "bob", "eve")]
    release = release_of(FILTERS)
    for error, said in (
        (subprocess.TimeoutExpired("x", 1), "compare50 took longer than 600 seconds"),
        (
            subprocess.CalledProcessError(1, "x", "", "Traceback\nMemoryError: much"),
            "compare50 failed (MemoryError: much)",
        ),
        (ValueError("no JSON"), "compare50 failed (no JSON)"),
    ):

        def run(*words: object, error: Exception = error, **options: object) -> None:
            raise error

        monkeypatch.setattr(similar.subprocess, "run", run)
        assert compare(release, people).problem == said
    monkeypatch.setattr(similar, "MOST", 2)
    assert compare(release, people).problem == "3 submissions are more than the 2 that can be compared"


# What is said of it


SOME = Similar(
    (
        Pair(("ada", "bob"), 0.996, (Agreement("correlate2d", 1.0, 2), Agreement("apply_filters", 0.85, 2))),
        Pair((ODD[1], ODD[6]), 0.6, (Agreement("correlate2d", 0.9, 3), Agreement("relu<b>", 0.85, 2))),
    ),
    30,
    ("correlate2d", "apply_filters"),
)


def test_the_section_says_what_it_is_and_what_it_is_not() -> None:
    page = Reader(section(SOME)).text
    for words in (
        "a pointer for a person",
        "never an accusation",
        "few right ways",
        "equal code is expected",
        "no grade",
    ):
        assert words in page
    assert "2 pairs among 30 submissions.Long enough to say anything: correlate2d, apply_filters." in page
    assert "ada and bob99% of their code" in page and "correlate2d 100%, 2 wrote it so" in page
    for word in ("plagiar", "cheat", "suspic", "copied", "guilt"):
        assert word not in page.casefold()


def test_the_terminal_says_the_same() -> None:
    told = list(lines(SOME))
    assert NOTE in told[0] and told[1].startswith(SOME.summary)
    assert told[2].startswith("  ada and bob: 99% of their code; correlate2d 100% (2 wrote it so)")


@pytest.mark.parametrize("name", [*ODD, *ANSWERS], ids=range(len(ODD) + len(ANSWERS)))
def test_hostile_names_stay_letters(name: str) -> None:
    pair = Pair((name, "bob"), 0.9, (Agreement(name, 0.9, 2),))
    hostile = Similar((pair,), 5, (name, "relu"), ((name, name),))
    read = Reader(class_page([handed_in("bob", {})], "F", similar=hostile))
    assert {tag for tag, _ in read.tags} <= {
        *(
            "html",
            "head",
            "meta",
            "title",
            "style",
            "body",
            "main",
            "header",
            "section",
            "p",
            "h1",
            "h2",
            "h3",
        ),
        *(
            "ul",
            "li",
            "b",
            "bdi",
            "span",
            "code",
            "div",
            "table",
            "caption",
            "thead",
            "tbody",
            "tfoot",
            "tr",
            "th",
            "td",
        ),
    }
    assert not any(attribute.startswith("on") for _, attributes in read.tags for attribute in attributes)
    for line in [read.text, *lines(hostile)]:
        assert "\x1b" not in line and "\u202e" not in line


def test_without_pairs_the_section_still_says_what_was_looked_at() -> None:
    assert (
        'No pair among 30 submissions.</b></p><p class="soft small prose">Long enough to say anything: f, g.'
        in section(Similar((), 30, ("f", "g")))
    )
    assert "too few to tell" in section(Similar((), 2, ("f", "g"), too_few=True))
    assert "fewer than two of its kernels are long enough" in section(Similar((), 30, ("f",)))
    assert "Nothing was compared: it broke." in section(Similar(problem="it broke"))


def test_many_pairs_are_counted() -> None:
    many = replace(SOME, pairs=SOME.pairs[:1] * (MOST_PAIRS + 3))
    assert section(many).count("ada") == MOST_PAIRS and "and 3 pairs more, less alike" in section(many)


def test_a_hundred_percent_is_said_of_nothing_less() -> None:
    assert [percent(share) for share in (1.0, 0.999, 0.804, 0.5)] == ["100%", "99%", "80%", "50%"]


def test_the_section_is_the_last_of_the_report_and_off_unless_asked_for() -> None:
    people = [handed_in("ada", {}), handed_in("bob", {})]
    assert (
        re.findall("<h2>(.*?)</h2>", class_page(people, "F", similar=SOME))[-1]
        == "Code that is nearly the same"
    )
    assert "compare50" not in class_page(people, "F") and ".pairs" not in class_page(people, "F")


# The command


def test_without_its_environment_the_command_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, room: Classroom
) -> None:
    (tmp_path / "broken").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "broken").chmod(0o755)
    for python in ("nothing", "broken"):
        monkeypatch.setattr(similar, "PYTHON", tmp_path / python)
        done = CliRunner().invoke(app, ["report", "filters", "--similar", "--classroom", str(room.root)])
        assert done.exit_code == 2
        assert (
            done.stderr.strip() == "error: --similar needs compare50, which is not installed: make compare50"
        )
    with pytest.raises(ClassroomError):
        similar.require_compare50()


def test_the_environment_of_compare50_has_the_pins_of_the_course() -> None:
    """where it can: it wants another attrs, which is why it is one of its own"""
    ours = set((ROOT / "constraints.txt").read_text().splitlines())
    theirs = (ROOT / "autograder" / "grading" / "compare50.txt").read_text().splitlines()
    assert "compare50==1.2.15" in theirs
    for name in ("numpy", "Pygments", "Jinja2"):
        (pin,) = (line for line in theirs if line.startswith(f"{name}=="))
        assert pin in ours


# With compare50


def test_disguised_code_differs_in_every_line() -> None:
    source = reference_cell(FILTERS, "correlate2d")
    assert not set(source.splitlines()[1:]) & set(disguised(source).splitlines()) - {""}
    ast.parse(disguised(source))


@wants_compare50
@pytest.mark.parametrize("one", [FILTERS, STRIDE, chapter("backprop")], ids=lambda one: one.name)
def test_a_copy_in_disguise_is_on_top(one: Chapter) -> None:
    """other names, comments and blanks, beside ten who worked on their own; the same every time"""
    people = honest_class(one, 12, seed=5)
    own_line = r"\n\1checked = [axis for axis in range(3) if axis > 1]\n\1return "
    mine = {
        kernel: re.sub(r"\n( +)return ", own_line, max(texts[1:], key=len), count=1)
        for kernel, texts in ways(one).items()
    }
    people[4] = handed_in("eve", mine, one)
    people[9] = handed_in("mallory", {kernel: disguised(text) for kernel, text in mine.items()}, one)
    found = compare(release_of(one), people)
    assert found.problem == "" and found.count == 12
    assert found.pairs[0].students == ("eve", "mallory")
    assert found.pairs[0].share > 0.8 and len(found.pairs[0].kernels) >= 2
    assert min(agreement.wrote_so for agreement in found.pairs[0].kernels) == 2
    assert found == compare(release_of(one), people)


@wants_compare50
@pytest.mark.parametrize("name", ["pixels", "filters", "stride", "fully_connected", "backprop"])
def test_an_honest_class_gives_few_pairs_or_none(name: str) -> None:
    one = chapter(name)
    release = release_of(one)
    found = [len(compare(release, honest_class(one, 24, seed)).pairs) for seed in range(3)]
    assert sum(found) <= 1, found


@wants_compare50
def test_a_class_that_wrote_the_reference_is_no_list_of_pairs() -> None:
    cells = {kernel: reference_cell(FILTERS, kernel) for kernel in check_points(FILTERS)}
    found = compare(release_of(FILTERS), [handed_in(f"learner-{number}", cells) for number in range(20)])
    assert found.problem == "" and found.pairs == ()
    assert (
        "relu" not in found.kernels and "correlate2d" not in found.kernels
    )  # one line in the stub's scaffold


@wants_compare50
def test_what_was_handed_out_is_no_agreement() -> None:
    """two who kept the stubs and the given cells, and wrote a line of their own"""
    release = release_of(FILTERS)
    kept = {kernel: stub_of(release, kernel) for kernel in check_points(FILTERS)}
    people = [
        handed_in(name, {kernel: f"{text}\n\n{line}" for kernel, text in kept.items()})
        for name, line in (("ada", "x = 1"), ("bob", "y = 2"), ("eve", "print(3)"))
    ]
    found = compare(release, people)
    assert found.problem == "" and found.kernels == () and found.pairs == ()


@wants_compare50
@pytest.mark.parametrize(
    "text",
    [
        "x = 1" + "\n " * 9_000,
        "(" * 20_000,
        "\x00\ud800\u202e" * 1000,
        "x\n" * 10_000,
        "日本 = 1\r\n" * 1000,
        '"""' * 5000,
        "import os\nopen('@HERE@/ran', 'w')\nos.system('touch @HERE@/ran')\n" * 20,
    ],
    ids=["blanks", "brackets", "controls", "lines", "letters", "quotes", "code"],
)
def test_hostile_code_is_read_and_never_run(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = text.replace("@HERE@", str(tmp_path))
    monkeypatch.setattr(similar, "SECONDS", 60)
    people = [
        *honest_class(FILTERS, 4, seed=1),
        *(handed_in(name, {"correlate2d": text}) for name in ODD[:2]),
    ]
    found = compare(release_of(FILTERS), people)
    assert found.problem == "" and found.count == 6
    assert list(tmp_path.iterdir()) == []


@wants_compare50
def test_modules_beside_a_submission_are_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """not even by whoever calls the command from that folder"""
    for name in ("attr", "numpy", "compare50", "json"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nraise SystemExit\n")
    monkeypatch.chdir(tmp_path)
    similar.require_compare50()
    assert compare(release_of(FILTERS), honest_class(FILTERS, 4, seed=1)).problem == ""
    assert not (tmp_path / "ran").exists()


@wants_compare50
def test_where_no_pair_could_be_listed_it_says_so() -> None:
    together = {kernel: max(texts[1:], key=len) for kernel, texts in ways(FILTERS).items()}
    found = compare(release_of(FILTERS), [handed_in(name, together) for name in ("ada", "bob")])
    assert found.too_few and found.summary.startswith("Nothing can be said of 2 submissions")


def test_a_release_that_cannot_be_read_is_said_in_the_report(room: Classroom) -> None:
    path = room.release_path(FILTERS)
    path.write_text("{")
    found = similar.compare_chapter(room, FILTERS, honest_class(FILTERS, 3, seed=1))
    assert found.problem.startswith("the release cannot be read")


@wants_compare50
def test_a_text_that_is_slow_to_read_is_left_out_and_named() -> None:
    people = [
        *honest_class(FILTERS, 4, seed=1),
        handed_in("slow", {"relu": "x = 1" + "\n " * 9_000}),
        handed_in("long", {"relu": "x = 1\n" * 4000}),
    ]
    found = compare(release_of(FILTERS), people)
    assert set(found.left_out) == {("slow", "relu"), ("long", "relu")}
    assert "relu of long, relu of slow" in found.remark and found.problem == ""


@pytest.fixture
def graded_class(room: Classroom) -> Classroom:
    """A class as the recorder keeps it, with odd names, two who agree, and a file that is broken."""
    people = honest_class(FILTERS, 8, seed=3)
    together = {kernel: max(texts[1:], key=len) for kernel, texts in ways(FILTERS).items()}
    people += [handed_in(name, together) for name in ("a+b", "Doe, Jane")]
    people.append(handed_in("日本", {"relu": "def relu(x):\n    return x"}))
    people.append(Submission("broken", "filters", UNGRADABLE, "the file is not valid JSON"))
    with Recorder(room, FILTERS) as recorder:
        for one in people:
            recorder.record(job_of(room, b"x", one.student), one)
    return room


@wants_compare50
def test_a_report_from_the_command_line(graded_class: Classroom) -> None:
    root = graded_class.root
    page = root / "reports" / "filters.html"
    plain = autograder("report", "filters", "--classroom", root)
    assert plain.returncode == 0 and "compare50" not in plain.stdout + page.read_text()
    done = autograder("report", "filters", "--similar", "--classroom", root)
    assert done.returncode == 0, done.stderr
    assert "never an accusation" in done.stdout and "Doe, Jane and a+b" in done.stdout
    assert "never an accusation" in page.read_text() and "<bdi>Doe, Jane</bdi>" in page.read_text()
    said = autograder("report", "filters", "--similar", "--json", "--classroom", root).stdout.splitlines()
    assert json.loads(said[1])["similar"]["pairs"][0]["students"] == ["Doe, Jane", "a+b"]


def test_a_comparison_that_fails_costs_its_section_alone(
    graded_class: Classroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(similar, "require_compare50", lambda: None)
    monkeypatch.setattr(similar, "compare", lambda *words: Similar(problem="it took too long"))
    done = CliRunner().invoke(app, ["report", "filters", "--similar", "--classroom", str(graded_class.root)])
    assert (
        done.exit_code == 1 and "not compared, all else was written: filters: it took too long" in done.stderr
    )
    page = (graded_class.root / "reports" / "filters.html").read_text()
    assert "Nothing was compared: it took too long." in page and "Verdicts" in page
