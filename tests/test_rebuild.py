"""Only the learner's own work is taken from a submission; the rest comes from the release."""

import json
import os
import time
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from autograder.grading.rebuild import RAW_BYTES, Ungradable, read_submission, rebuild


def code(source: str, grade_id: str | None = None, **fields: object) -> NotebookNode:
    cell = nbformat.v4.new_code_cell(source)
    if grade_id:
        cell.metadata["nbgrader"] = {
            "grade_id": grade_id,
            "solution": False,
            "locked": True,
            "grade": False,
            **fields,
        }
    return cell


@pytest.fixture
def release() -> NotebookNode:
    return nbformat.v4.new_notebook(
        cells=[
            code("import numpy as np\nimport matplotlib.pyplot as plt", "setup"),
            code("picture = np.eye(3)\nplt.imshow(picture)"),
            code("def f(x):\n    raise NotImplementedError", "f", solution=True, locked=False),
            code("check(f)", "check-f", grade=True, points=2.0),
            code("plt.plot([1, 2])"),
        ]
    )


def submit(notebook: NotebookNode) -> bytes:
    return nbformat.writes(notebook).encode()


def run(release: NotebookNode, notebook: NotebookNode) -> dict[str, str]:
    cells = rebuild(release, submit(notebook)).cells
    return {cell.name: cell.source for cell in cells if not cell.name.startswith("check-")}


def copy(notebook: NotebookNode) -> NotebookNode:
    return nbformat.from_dict(json.loads(json.dumps(notebook)))


def test_solution_cells_run_and_released_ones_as_far_as_needed(release: NotebookNode) -> None:
    mine = copy(release)
    mine.cells[2].source = "def f(x):\n    return np.abs(x)"
    cells = rebuild(release, submit(mine)).cells
    assert [(cell.name, cell.is_given) for cell in cells] == [
        ("setup", True),
        ("released cell 2", True),
        ("f", False),
        ("check-f", False),
        ("released cell 5", True),
    ]
    assert cells[2].source == mine.cells[2].source


def test_extra_cells_run(release: NotebookNode) -> None:
    mine = copy(release)
    mine.cells.insert(2, code("def helper(x):\n    return x"))
    assert "def helper" in run(release, mine)["cell 3"]


def test_edited_check_cell_and_points_have_no_effect(release: NotebookNode) -> None:
    """the edited text runs, as any text of the learner's, but it is no check"""
    mine = copy(release)
    mine.cells[3].source = "100"
    mine.cells[3].metadata["nbgrader"]["points"] = 100
    rebuilt = rebuild(release, submit(mine))
    assert rebuilt.notebook.cells[3].source == "check(f)"
    assert rebuilt.notebook.cells[3].metadata["nbgrader"]["points"] == 2.0
    assert sorted(rebuilt.remarks) == [
        "cell check-f was edited; the released one was used, and your own lines were run",
        "the points of cell check-f were edited; the released ones were used",
    ]


def test_the_last_of_duplicated_cells_counts(release: NotebookNode) -> None:
    mine = copy(release)
    mine.cells += [code("def f(x):\n    return 1", "f", solution=True, locked=False)]
    rebuilt = rebuild(release, submit(mine))
    assert rebuilt.sources["f"].endswith("return 1")
    assert [cell.source for cell in rebuilt.cells if cell.name == "f"] == [
        release.cells[2].source,
        "def f(x):\n    return 1",
    ]
    assert any(
        remark == "f stands in cells 3 and 6; its last version that is written counts, in cell 6"
        for remark in rebuilt.remarks
    )


def test_a_missing_or_retyped_cell_is_noted(release: NotebookNode) -> None:
    gone, retyped = copy(release), copy(release)
    del gone.cells[2]
    retyped.cells[2].cell_type = "markdown"
    assert rebuild(release, submit(gone)).remarks == ("cell f is missing",)
    assert "turned into a markdown cell" in rebuild(release, submit(retyped)).remarks[0]
    assert rebuild(release, submit(gone)).notebook.cells[2].source == release.cells[2].source


def test_a_cell_of_another_chapter_is_an_extra_cell(release: NotebookNode) -> None:
    mine = copy(release)
    mine.cells += [code("g = 1", "g")]
    rebuilt = rebuild(release, submit(mine))
    assert any("not of this assignment" in remark for remark in rebuilt.remarks)
    assert any(cell.source == "g = 1" for cell in rebuilt.cells)


def test_old_format_byte_order_mark_and_windows_lines_are_read(release: NotebookNode) -> None:
    mine = copy(release)
    mine.cells[2].source = "def f(x):\n    return 2"
    old = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {},
        "worksheets": [
            {
                "cells": [
                    {"cell_type": "code", "input": cell.source, "metadata": dict(cell.metadata)}
                    for cell in mine.cells
                ]
            }
        ],
    }
    assert rebuild(release, json.dumps(old).encode()).sources["f"].endswith("return 2")
    marked = b"\xef\xbb\xbf" + submit(mine).replace(b"\\n", b"\\r\\n")
    assert rebuild(release, marked).sources["f"] == "def f(x):\n    return 2"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b'{"cells": [', "not valid JSON"),
        (b"\xff\xfe\x00", "not text in UTF-8"),
        (b"[1, 2]", "not a Jupyter notebook"),
        (b'{"nbformat": 4}', "no list of cells"),
        (b'{"nbformat": 4, "cells": ' + b"[" * 100 + b"]" * 100 + b"}", "nested too deeply"),
        (b"[" * 200_000, "not valid JSON"),
        (b'{"nbformat": 4, "cells": [], "metadata": {"kernelspec": {"language": "R"}}}', "written in R"),
        (b'{"nbformat": 4, "cells": [' + b",".join([b"{}"] * 2001) + b"]}", "over the limit of 2000"),
    ],
)
def test_what_is_not_a_notebook_is_refused_with_the_reason(
    release: NotebookNode, content: bytes, reason: str
) -> None:
    with pytest.raises(Ungradable, match=reason):
        rebuild(release, content)


def test_odd_cells_do_not_stop_grading(release: NotebookNode) -> None:
    cells = [
        None,
        3,
        {},
        {"cell_type": "code"},
        {"cell_type": "code", "source": 5},
        {"cell_type": 7, "source": ["a", 1]},
    ]
    cells += [
        {"cell_type": "code", "source": "x = 1", "metadata": {"nbgrader": {"grade_id": ["f"], "points": {}}}}
    ]
    content = json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": [], "cells": cells}).encode()
    assert any(cell.source == "x = 1" for cell in rebuild(release, content).cells)


def test_links_devices_and_large_files_are_refused(tmp_path: Path) -> None:
    real = tmp_path / "real.ipynb"
    real.write_bytes(b"{}")
    os.symlink(real, tmp_path / "link.ipynb")
    os.mkfifo(tmp_path / "fifo.ipynb")
    (tmp_path / "folder.ipynb").mkdir()
    (tmp_path / "large.ipynb").write_bytes(b" " * (RAW_BYTES + 1))
    for name, reason in [
        ("link", "symbolic link"),
        ("fifo", "not a regular file"),
        ("folder", "not a regular file"),
        ("large", "over the limit"),
        ("none", "there is no file none.ipynb"),
    ]:
        with pytest.raises(Ungradable, match=reason):
            read_submission(tmp_path / f"{name}.ipynb")
    assert read_submission(real) == b"{}"
    os.link(real, tmp_path / "hard.ipynb")
    with pytest.raises(Ungradable, match="hard link"):
        read_submission(tmp_path / "hard.ipynb")


def test_a_linked_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other" / "pixels").mkdir(parents=True)
    (tmp_path / "other" / "pixels" / "pixels.ipynb").write_bytes(b"{}")
    os.symlink(tmp_path / "other", tmp_path / "me")
    with pytest.raises(Ungradable, match="symbolic link"):
        read_submission(tmp_path / "me" / "pixels" / "pixels.ipynb")


def test_a_split_solution_cell_counts_in_both_parts(release: NotebookNode) -> None:
    mine = copy(release)
    mine.cells[2].source = "def helper(x):\n    return 2 * x"
    mine.cells.insert(3, code("def f(x):\n    return helper(x)", "f", solution=True, locked=False))
    sources = [cell.source for cell in rebuild(release, submit(mine)).cells if cell.name == "f"]
    assert len(sources) == 2 and "helper" in sources[0]


@pytest.mark.parametrize("source", ["a;" * 400_000, "f'" + "{x}" * 170_000 + "'", "((" * 500_000])
def test_no_parser_reads_a_learners_text_out_here(release: NotebookNode, source: str) -> None:
    """puts together what is to run, of texts that take Python's own parser minutes, at once"""
    mine = copy(release)
    mine.cells[2].source = source
    mine.cells.append(code(source))
    began = time.process_time()
    rebuild(release, submit(mine))
    assert time.process_time() - began < 1


def test_lone_surrogates_are_replaced(release: NotebookNode) -> None:
    mine = submit(release).replace(b"raise NotImplementedError", b"return '\\ud800'")
    assert rebuild(release, mine).sources["f"].encode("utf-8").endswith(b"return '?'")
