"""`make bench-pages`: how long a learner waits. Each chapter's notebook run from the reference, and its slowest check."""

import os
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from rich.console import Console
from rich.table import Table

from autograder.chapters import Chapter, chapters
from autograder.checking.instant import check_now
from autograder.checking.oracle import Reference
from autograder.grading.classroom import Classroom
from autograder.sample import fill, reference_cell

console = Console()


def main() -> None:
    """Run every chapter once and print the seconds."""
    table = Table(box=None)
    for heading in ("chapter", "notebook", "cells", "slowest check", "of"):
        table.add_column(heading, justify="left" if heading in ("chapter", "of") else "right")
    with tempfile.TemporaryDirectory() as scratch:
        room = Classroom(Path(scratch))
        for chapter in chapters():
            with console.status(f"running {chapter.name} …"):
                notebook = nbformat.read(room.release(chapter), as_version=4)
                complete = fill(notebook, lambda kernel, chapter=chapter: reference_cell(chapter, kernel))
                started = time.perf_counter()
                NotebookClient(
                    complete,
                    timeout=300,
                    resources={"metadata": {"path": str(room.release_path(chapter).parent)}},
                    # it warns of TCP on every start, and of its end
                    extra_arguments=["--IPKernelApp.log_level=CRITICAL"],
                ).execute()
                seconds = time.perf_counter() - started
                checks = {kernel: seconds_of_check(chapter, kernel) for kernel in Reference(chapter).points()}
            slowest = max(checks, key=lambda kernel: checks[kernel])
            table.add_row(
                chapter.name,
                f"{seconds:.1f} s",
                str(len(complete.cells)),
                f"{checks[slowest]:.2f} s",
                slowest,
            )
    console.print(table)


def seconds_of_check(chapter: Chapter, kernel: str) -> float:
    """Wall time of one instant check, its report included."""
    function = getattr(Reference(chapter).module, kernel)
    started = time.perf_counter()
    with open(os.devnull, "w") as sink:
        screen, sys.stdout = sys.stdout, sink
        try:
            check_now(function, {kernel: function})._repr_html_()
        finally:
            sys.stdout = screen
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
