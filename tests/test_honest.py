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

from autograder.authoring import ANSWER_STUB, STUB, kernel_source, source_notebook, stub_source
from autograder.chapters import chapter
from autograder.grading import Job, grade
from autograder.jail import Limits
from autograder.results import GRADED, Submission
from autograder.sample import fill, reference_cell

from .attacks import NO_JAIL

pytestmark = pytest.mark.skipif(bool(NO_JAIL), reason=NO_JAIL)

FILTERS = chapter("filters")
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


def graded(release: NotebookNode, content: bytes) -> Submission:
    """What grading makes of a submitted file."""
    made = nbformat.writes(release).encode()
    return grade(Job("ada", FILTERS, content, made, "a secret seed", Limits(), True, ""))


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
        all_of(write(relu="def relu(x):\n    return clip(x)"), add("def clip(x):\n    return np.maximum(x, 0)")),
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
            x_detector=written("x_detector") + "\nimport functools\nx_detector = functools.partial(x_detector)",
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
