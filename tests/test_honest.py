"""Honest notebooks, odd in the ways that learners' are: full points for each, and a remark that says what was odd.

Each row is the whole reference of the chapter filters, 15 points, with one oddity. All are graded through the jail.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from autograder.chapters import ANSWER_STUB, chapter
from autograder.grading.rebuild import ADDED, read_modules, rebuild
from autograder.grading.submission import Job, grade, job
from autograder.jail.session import Limits
from autograder.publishing.authoring import STUB, kernel_source, source_notebook, stub_source
from autograder.results import GRADED, UNGRADABLE, Submission
from autograder.sample import CRASH, ENDLESS, fill, reference_cell

from .attacks import NO_JAIL

pytestmark = pytest.mark.skipif(bool(NO_JAIL), reason=NO_JAIL)

FILTERS = chapter("filters")
LIMITS = Limits()
QUESTION = "why-weights-are-shared"
ANSWER = "One set of weights serves all places, so 76 numbers do the work of 59,584."

Odd = Callable[[NotebookNode], object]


@pytest.fixture(scope="module")
def release() -> NotebookNode:
    """The notebook as learners get it."""
    notebook = fill(
        nbformat.from_dict(source_notebook(FILTERS)),
        lambda kernel: stub_source(kernel_source(f"from solutions.filters import {kernel}")),
    )
    return nbformat.from_dict(json.loads(json.dumps(notebook)))


def submission(release: NotebookNode, odd: Odd) -> NotebookNode:
    """The reference with one oddity."""
    notebook = fill(release, lambda kernel: reference_cell(FILTERS, kernel), ANSWER)
    odd(notebook)
    return notebook


def graded(release: NotebookNode, content: bytes, limits: Limits = LIMITS) -> Submission:
    """What grading makes of a submitted file."""
    made = nbformat.writes(release).encode()
    return grade(Job("ada", FILTERS, content, made, "a secret seed", limits, True, ""))


def place(notebook: NotebookNode, name: str) -> int:
    """Where the cell of that grade_id stands."""
    names = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in notebook.cells]
    return names.index(name)


def code(source: str) -> NotebookNode:
    return nbformat.v4.new_code_cell(source)


def text(source: str, **fields: object) -> NotebookNode:
    return nbformat.v4.new_markdown_cell(source, **fields)


def stub(kernel: str) -> str:
    return stub_source(kernel_source(f"from solutions.filters import {kernel}"))


def written(kernel: str) -> str:
    return reference_cell(FILTERS, kernel)


def write(**sources: str) -> Odd:
    """Change the text of cells, named by their grade_ids with _ for -."""

    def odd(notebook: NotebookNode) -> None:
        for name, source in sources.items():
            cell = notebook.cells[place(notebook, name.replace("check_", "check-"))]
            cell.source = source.replace("@OLD@", cell.source)

    return odd


def add(source: str, after: str = "", kind: Callable[[str], NotebookNode] = code) -> Odd:
    """Add a cell below the one of that grade_id; at the end if none is named."""

    def odd(notebook: NotebookNode) -> None:
        at = place(notebook, after) + 1 if after else len(notebook.cells)
        notebook.cells.insert(at, kind(source))

    return odd


def all_of(*parts: Odd) -> Odd:
    def odd(notebook: NotebookNode) -> None:
        for part in parts:
            part(notebook)

    return odd


def retype(name: str, kind: str) -> Odd:
    def odd(notebook: NotebookNode) -> None:
        at = place(notebook, name)
        old = notebook.cells[at]
        new = {"code": nbformat.v4.new_code_cell, "raw": nbformat.v4.new_raw_cell, "markdown": text}[kind]
        notebook.cells[at] = new(old.source, metadata=old.metadata)

    return odd


def copied_with_the_stub_last(notebook: NotebookNode) -> None:
    at = place(notebook, "relu")
    twin = nbformat.from_dict(json.loads(json.dumps(notebook.cells[at])))
    twin.source, twin.id = stub("relu"), "twin"
    notebook.cells.insert(at + 1, twin)


def without_metadata(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        cell.metadata = {}


def without_ids(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        del cell["id"]
    notebook.nbformat_minor = 4


def remove(name: str) -> Odd:
    return lambda notebook: notebook.cells.pop(place(notebook, name))


def swap(one: str, other: str) -> Odd:
    def odd(notebook: NotebookNode) -> None:
        a, b = place(notebook, one), place(notebook, other)
        notebook.cells[a], notebook.cells[b] = notebook.cells[b], notebook.cells[a]

    return odd


PADDED = """
def clip(x):
    return np.maximum(x, 0)
def relu(x):
    return clip(x)
"""

HONEST: dict[str, tuple[Odd, str]] = {
    # names as they were
    "a helper defined again with another signature": (
        all_of(write(relu=PADDED), add("def clip(x, low, high):\n    return np.clip(x, low, high)")),
        "",
    ),
    "a constant changed later": (
        all_of(write(relu="ZERO = 0\ndef relu(x):\n    return np.maximum(x, ZERO)"), add("ZERO = 7")),
        "",
    ),
    "np = 3 in a later cell": (add("np = 3", after="check-apply_filters"), ""),
    "kernels deleted at the end": (add("del relu, correlate2d, np"), ""),
    "a kernel's name given to an array": (add("relu = relu(np.array([1.0, -1.0]))"), ""),
    "a helper below the check": (
        all_of(
            write(relu="def relu(x):\n    return clip(x)"), add("def clip(x):\n    return np.maximum(x, 0)")
        ),
        "",
    ),
    "every name deleted": (add("%reset -f"), ""),
    # cells of others
    "a helper in a check cell": (
        all_of(
            write(check_window_response="@OLD@\ndef clip(x):\n    return np.maximum(x, 0)"),
            write(relu="def relu(x):\n    return clip(x)"),
        ),
        "cell check-window_response was edited",
    ),
    "a helper in the setup cell": (
        all_of(
            write(setup="ZERO = 0\n@OLD@\n\ndef clip(x):\n    return np.maximum(x, ZERO)"),
            write(relu="def relu(x):\n    return clip(x)"),
        ),
        "cell setup was edited",
    ),
    "an import added in the setup cell": (
        all_of(
            write(setup="@OLD@\nimport scipy.special as special"),
            write(relu="def relu(x):\n    assert special.expit(0) == 0.5\n    return np.maximum(x, 0)"),
        ),
        "cell setup was edited",
    ),
    "check called in a cell of one's own": (
        write(correlate2d="@OLD@\ncheck(correlate2d)\nprint('done')\n", relu="check(correlate2d)\n@OLD@"),
        "",
    ),
    # whose cell counts
    "two kernels in a later cell": (
        all_of(
            write(relu=stub("relu")),
            write(x_detector=written("relu") + "\n\n" + written("x_detector")),
        ),
        "relu stands in cells",
    ),
    "a kernel in an extra cell before its stub": (
        all_of(add(written("relu"), after="check-correlate2d"), write(relu=stub("relu"))),
        "relu stands in cells",
    ),
    "a kernel at the end while its stub stands": (
        all_of(write(relu=stub("relu")), add(written("relu"))),
        "below its check; it counts",
    ),
    "a cell copied with the stub last": (copied_with_the_stub_last, "relu stands in cells"),
    "a cell below the check that mends it": (
        all_of(write(relu="def relu(x):\n    return abs(x)"), add(written("relu"), after="check-relu")),
        "its last version that is written counts",
    ),
    "a mend that another kernel's check had missed": (
        all_of(
            write(
                window_response=stub("window_response"),
                relu="def relu(x):\n    window_response(x, x, 0.0)\n    return np.maximum(x, 0)",
            ),
            add(written("window_response")),
        ),
        "below its check; it counts",
    ),
    "a cell turned raw": (retype("relu", "raw"), "turned into a raw cell; it counts all the same"),
    "a cell turned to Markdown": (
        retype("relu", "markdown"),
        "turned into a markdown cell; it counts all the same",
    ),
    "a kernel deleted and written at the end": (
        all_of(remove("relu"), add(written("relu"))),
        "below its check; it counts",
    ),
    "a kernel defined below its check": (swap("relu", "check-relu"), "below its check; it counts"),
    "two kernels swapped": (swap("relu", "window_response"), "below its check; it counts"),
    "a check cell deleted": (remove("check-relu"), ""),
    "setup deleted": (remove("setup"), ""),
    "a kernel split in two cells": (
        all_of(
            write(relu="def relu(x):\n    return clip(x)"),
            add("def clip(x):\n    return np.maximum(x, 0)", after="relu"),
        ),
        "",
    ),
    "a lambda, a class and a partial": (
        write(
            relu="relu = lambda x: np.maximum(x, 0)",
            window_response="class Response:\n    def __call__(self, window, kernel, bias):\n"
            "        return float(np.sum(window * kernel) + bias)\nwindow_response = Response()",
            x_detector=written("x_detector")
            + "\nimport functools\nx_detector = functools.partial(x_detector)",
        ),
        "",
    ),
    # imports
    "tqdm": (
        write(
            correlate2d="from tqdm.auto import tqdm, trange\nfrom tqdm.notebook import tqdm as bar\nimport tqdm as t\n"
            + written("correlate2d").replace("range(H_out)", "tqdm(range(H_out), desc='rows', leave=False)")
        ),
        "",
    ),
    "a star import": (add("from math import *\nprint(pi, figure)", after="check-relu"), ""),
    # metadata
    "no metadata": (without_metadata, "no cell carries its grade_id"),
    "no metadata and no ids": (all_of(without_metadata, without_ids), "no cell carries its grade_id"),
    "no ids": (without_ids, ""),
    "the stub left in another kernel's name": (write(relu=f"def later():\n    {STUB}\n\n@OLD@"), ""),
    # written answers
    "the answer in a cell of its own": (
        all_of(write(**{QUESTION: ANSWER_STUB}), add(ANSWER, after=QUESTION, kind=text)),
        "the answer why-weights-are-shared was taken from cell",
    ),
    "the answer below the question, its cell deleted": (
        all_of(remove(QUESTION), add(ANSWER, after=f"question-{QUESTION}", kind=text)),
        "was taken from cell",
    ),
    "the answer in the question's cell": (
        all_of(write(**{QUESTION: ANSWER_STUB}), write(**{f"question-{QUESTION}": f"@OLD@\n\n{ANSWER}"})),
        "was taken from cell",
    ),
    "the answer below its stub": (write(**{QUESTION: f"{ANSWER_STUB}\n\n{ANSWER}"}), ""),
    "the answer's cell turned to code": (retype(QUESTION, "code"), "it was read as text"),
    "the answer in two cells": (
        all_of(
            write(**{QUESTION: ANSWER_STUB}),
            add(f"{ANSWER[30:]}", after=QUESTION, kind=text),
            add(f"{ANSWER[:30]}", after=QUESTION, kind=text),
        ),
        "was taken from cells",
    ),
    # other habits
    "magics, plots and exits": (
        all_of(
            add("%matplotlib inline\n%%timeit -n 1 -r 1\n1 + 1"),
            add("%%timeit -n 1 -r 1\nrelu(np.zeros(3))"),
            add("exit()"),
            add("input('age: ')"),
            add("figure, axes = plt.subplots()\nplt.show()", after="check-relu"),
        ),
        "input() is not available",
    ),
    "a cell of ten seconds beside": (add("import time\ntime.sleep(4)", after="check-relu"), ""),
}


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_notebook_gets_all_its_points(release: NotebookNode, name: str) -> None:
    """full points, the written answer where a person reads it, and a remark that says what was odd"""
    odd, remark = HONEST[name]
    result = graded(release, nbformat.writes(submission(release, odd)).encode())
    lost = [(e.kernel, e.verdict, e.failure) for e in result.exercises if e.score < e.points]
    assert result.verdict == GRADED and result.score == result.points == 15, (lost, result.remarks)
    assert remark in "; ".join(result.remarks)
    assert len(result.remarks) <= 6
    kept = re.sub(r"\s+", " ", result.cells[QUESTION].replace(ANSWER_STUB, ""))
    assert kept.strip().replace(" ", "") == ANSWER.replace(" ", "")


def beside(name: str, content: bytes) -> Callable[[Path, bytes], None]:
    """Hand in the notebook, and a file beside it."""

    def hand_in(folder: Path, notebook: bytes) -> None:
        (folder / "filters.ipynb").write_bytes(notebook)
        (folder / name).write_bytes(content)

    return hand_in


def named(name: str) -> Callable[[Path, bytes], object]:
    return lambda folder, notebook: (folder / name).write_bytes(notebook)


def changed(change: Callable[[bytes], bytes]) -> Callable[[Path, bytes], object]:
    return lambda folder, notebook: (folder / "filters.ipynb").write_bytes(change(notebook))


def with_pictures(notebook: bytes) -> bytes:
    tree = json.loads(notebook)
    picture = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "A" * 3_000_000}}
    for cell in [cell for cell in tree["cells"] if cell["cell_type"] == "code"][:5]:
        cell["outputs"] = [picture]
    return json.dumps(tree).encode()


def in_conflict(theirs: str) -> Callable[[bytes], bytes]:
    """With a merge conflict in the line of some execution count, of which the other side is `theirs`."""

    def change(notebook: bytes) -> bytes:
        own = '   "execution_count": null,\n'
        block = f"<<<<<<< HEAD\n{own}=======\n{theirs}>>>>>>> mine\n"
        return notebook.decode().replace(own, block, 1).encode()

    return change


IMPORTS = "from helpers import clip\ndef relu(x):\n    return clip(x)"
HELPERS = b"import numpy as np\n\ndef clip(x):\n    return np.maximum(x, 0)\n"

FILES: dict[str, tuple[Callable[[Path, bytes], object], str]] = {
    "a copy": (named("filters-Copy1.ipynb"), "there is no filters.ipynb; filters-Copy1.ipynb was graded"),
    "a second download": (named("filters (1).ipynb"), "filters (1).ipynb was graded"),
    "another name": (named("Übung ada.ipynb"), "Übung ada.ipynb was graded"),
    "another notebook beside it": (
        beside("notes.ipynb", b'{"nbformat": 4, "cells": []}'),
        "notes.ipynb beside it was not",
    ),
    "15 MB of pictures": (changed(with_pictures), ""),
    "UTF-16": (changed(lambda notebook: notebook.decode().encode("utf-16")), "text in UTF-16"),
    "a byte-order mark and Windows lines": (
        changed(lambda notebook: b"\xef\xbb\xbf" + notebook.replace(b"\\n", b"\\r\\n")),
        "",
    ),
    "a conflict of which one side is a notebook": (
        changed(in_conflict('   "execution_count": \n')),
        "the side that is a notebook was taken",
    ),
    "a conflict without effect": (
        changed(in_conflict('   "execution_count": 7,\n')),
        "the side that is a notebook was taken",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_an_honest_file_gets_all_its_points(release: NotebookNode, name: str, tmp_path: Path) -> None:
    """under another name, with pictures, in another encoding: full points, and the remark"""
    hand_in, remark = FILES[name]
    result = handed_in(release, hand_in, submission(release, lambda notebook: None), tmp_path)
    assert (result.verdict, result.score) == (GRADED, 15), (result.reason, result.remarks)
    assert remark in "; ".join(result.remarks)


def handed_in(
    release: NotebookNode, hand_in: Callable[[Path, bytes], object], notebook: NotebookNode, folder: Path
) -> Submission:
    hand_in(folder, nbformat.writes(notebook).encode())
    made = nbformat.writes(release).encode()
    return grade(job("ada", FILTERS, folder / "filters.ipynb", made, b"secret", Limits(), True))


def test_a_module_beside_the_notebook_is_there(release: NotebookNode, tmp_path: Path) -> None:
    notebook = submission(release, write(relu=IMPORTS))
    result = handed_in(release, beside("helpers.py", HELPERS), notebook, tmp_path)
    assert result.score == 15, result.remarks


def test_a_module_that_is_not_there_is_named(release: NotebookNode, tmp_path: Path) -> None:
    notebook = submission(release, write(relu=IMPORTS))
    result = handed_in(release, named("filters.ipynb"), notebook, tmp_path)
    assert result.score == 13
    assert "No module named 'helpers'; it is not there while grading: put what you need" in result.remarks[0]


def test_a_module_that_takes_a_known_name_or_is_no_file_of_the_learners_is_left_out(tmp_path: Path) -> None:
    for name in ("numpy", "json", "autograder", "solutions", "tqdm", "not a name", "large", "helpers"):
        (tmp_path / f"{name}.py").write_bytes(b"x = 1\n" * (100_000 if name == "large" else 1))
    (tmp_path / "link.py").symlink_to(tmp_path / "helpers.py")
    assert read_modules(tmp_path) == {"helpers": "x = 1\n"}


def test_of_several_notebooks_without_the_name_none_is_chosen(release: NotebookNode, tmp_path: Path) -> None:
    notebook = nbformat.writes(submission(release, lambda notebook: None)).encode()
    for name in ("one.ipynb", "two.ipynb"):
        (tmp_path / name).write_bytes(notebook)
    result = handed_in(release, lambda folder, content: None, release, tmp_path)
    assert result.verdict == UNGRADABLE and "there is one.ipynb, two.ipynb instead" in result.reason


def test_a_file_that_unfolds_without_end_is_refused(release: NotebookNode, tmp_path: Path) -> None:
    """in another process, which may use a GiB"""
    bomb = b'{"nbformat": 4, "cells": [' + b"[]," * 20_000_000 + b"[]]}"
    result = handed_in(release, changed(lambda notebook: bomb), release, tmp_path)
    assert result.verdict == UNGRADABLE and "over the limit of 10 MiB" in result.reason


@pytest.mark.parametrize(
    ("odd", "notes"),
    [
        (add("What I found: " + ANSWER, kind=text), 1),
        (all_of(add("first", kind=text), add("second", after="setup", kind=text)), 2),
    ],
)
def test_where_no_answer_is_found_a_person_is_asked(release: NotebookNode, odd: Odd, notes: int) -> None:
    """texts in other cells stay in the notebook, and a person is told to look at them"""
    notebook = submission(release, all_of(write(**{QUESTION: ANSWER_STUB}), odd))
    rebuilt = rebuild(release, nbformat.writes(notebook).encode())
    assert len(rebuilt.notes) == notes and len(rebuilt.for_a_person) == 1
    assert f"{notes} other cell" in rebuilt.for_a_person[0]
    added = [cell.source for cell in rebuilt.notebook.cells if ADDED in cell.metadata.get("tags", [])]
    assert added == [note.text for note in rebuilt.notes]
    assert len(rebuilt.notebook.cells) == len(release.cells) + notes
    result = graded(release, nbformat.writes(notebook).encode())
    assert result.for_a_person == rebuilt.for_a_person and result.notes == rebuilt.notes
    assert Submission.from_json(json.loads(json.dumps(result.to_json()))) == result


def test_code_that_ran_stands_in_the_notebook_that_a_person_reads(release: NotebookNode) -> None:
    """in a cell of its own, or in a released cell beside the released lines"""
    odd = all_of(add("helper = 1"), write(setup="@OLD@\nscale = 2"), write(check_relu="other = 3\n@OLD@"))
    rebuilt = rebuild(release, nbformat.writes(submission(release, odd)).encode())
    assert [note.text for note in rebuilt.notes if note.is_code] == ["scale = 2", "other = 3", "helper = 1"]
    untouched = rebuild(release, nbformat.writes(submission(release, lambda notebook: None)).encode())
    assert not untouched.notes


SHORT = Limits(cell_seconds=3, call_seconds=1, given_seconds=3)
PARSED_FOR_MINUTES = {
    "an f-string of half a MiB": "f'" + "{x}" * 170_000 + "'",
    "1 MiB of a;": "a;" * 500_000,
}


@pytest.mark.parametrize(
    ("relu", "scratch"),
    [
        (CRASH.format(kernel="relu"), "from math import *\nprint(pi, fired, passed)"),
        (ENDLESS.format(kernel="relu"), "print(eval('fired'), eval('passed'))"),
        (ENDLESS.format(kernel="relu"), "relu(np.ones(3))"),
        (ENDLESS.format(kernel="relu") + "\nprint(relu(np.ones(3)))", "x = 1"),
        *[(f"{source}\n{written('relu')}", "x = 1") for source in PARSED_FOR_MINUTES.values()],
    ],
)
def test_one_broken_kernel_costs_its_own_points(release: NotebookNode, relu: str, scratch: str) -> None:
    """2 of 15, whatever scratch cell makes released cells run that call it, and whatever its text does to a parser"""
    notebook = submission(release, all_of(write(relu=relu), add(scratch, after="check-x_detector")))
    result = graded(release, nbformat.writes(notebook).encode(), SHORT)
    assert result.score == 13, (result.exercises, result.remarks)
