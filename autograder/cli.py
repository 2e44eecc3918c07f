"""The command line: release, check, grade, report, roster, export, secret, verify.

Exit codes: 0 all well, 1 something did not pass, 2 wrong use, 130 stopped by Ctrl-C, 143 stopped by a termination signal.
"""

import json
import math
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from .chapters import ROOT, BrokenFile, Chapter, UnknownChapter, chapters
from .chapters import chapter as find_chapter

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Release, check and grade the exercises of the course.",
    epilog="A first round: `autograder release filters`, then `autograder grade filters`, then `autograder report filters`.",
)
out = Console()
err = Console(stderr=True)

ChapterName = Annotated[
    str, typer.Argument(help="Name or number of a chapter, such as `filters` or `2`.", show_default=False)
]
ChapterNames = Annotated[
    list[str] | None,
    typer.Argument(help="Chapters by name or number; all of them if none is named.", show_default=False),
]
ClassroomFolder = Annotated[
    Path,
    typer.Option(
        "--classroom",
        help="Folder that holds nbgrader's folders and gradebook.",
        show_default="classroom/ of the project",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a script instead of a table.")]
CLASSROOM = ROOT / "classroom"


@contextmanager
def clear_errors(so_far: Callable[[], str] = lambda: "nothing was recorded") -> Iterator[None]:
    """Turn what a user can mend into one line and exit code 2; and a stop into one that says what was done so far."""
    with _stopped_by_signals(so_far):
        from .checking.run import CheckError
        from .grading.classroom import ClassroomError
        from .grading.rebuild import Ungradable
        from .jail.session import JailMissing, WorkerFault
        from .publishing.authoring import ChapterError
        from .reports.words import clean

        wrong = (
            UnknownChapter,
            BrokenFile,
            ClassroomError,
            ChapterError,
            CheckError,
            JailMissing,
            WorkerFault,
            Ungradable,
        )
        try:
            yield
            return
        except wrong as error:
            text = clean(error, 1000)
        except PermissionError as error:
            place = str(error.filename)
            verb = "read" if os.path.exists(place) and not os.access(place, os.R_OK) else "write"
            text = f"no permission to {verb} {place}; check its owner and mode"
        except OSError as error:
            text = f"{clean(error, 1000)}; free some space or check the path, then run this again"
        err.print(f"[bold red]error:[/] {escape(text)}", soft_wrap=True)
        raise typer.Exit(2)


@contextmanager
def _stopped_by_signals(so_far: Callable[[], str]) -> Iterator[None]:
    """End at a Ctrl-C or a termination signal with one line; at a second one at once, whatever is still to be tidied."""
    caught: list[int] = []

    def stop(number: int, frame: Any) -> None:
        caught.append(number)
        if len(caught) > 1:
            os.write(2, f"stopped: {so_far()}\n".encode())
            os._exit(128 + number)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except KeyboardInterrupt:
        err.print(f"stopped: {escape(so_far())}", soft_wrap=True)
        for number in before:
            signal.signal(number, signal.SIG_IGN)  # another one now would disturb the interpreter's way out
        raise typer.Exit(128 + (caught or [signal.SIGINT])[0]) from None
    finally:
        if not caught:
            for number, handler in before.items():
                signal.signal(number, handler)


def chosen(names: list[str] | None) -> list[Chapter]:
    """The chapters of these names, or all."""
    return [find_chapter(name) for name in names] if names else chapters()


class Bar(Progress):
    """Progress bars, and below them a line of words."""

    words = ""

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        if self.words:
            yield Text(self.words)


def progress() -> Bar:
    """A progress bar with the time left, on standard error; silent where nobody watches."""
    return Bar(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )


def print_json(data: Any) -> None:
    """Print JSON that every parser takes: NaN and infinities, which JSON does not know, as text."""

    def strict(value: Any) -> Any:
        match value:
            case dict():
                return {key: strict(item) for key, item in value.items()}
            case list() | tuple():
                return [strict(item) for item in value]
            case float() if not math.isfinite(value):
                return str(value)
        return value

    print(json.dumps(strict(data), allow_nan=False))


@app.command(epilog="Example: `autograder release pixels filters`")
def release(names: ChapterNames = None, classroom: ClassroomFolder = CLASSROOM) -> None:
    """Make the learners' notebooks, without solutions, in `classroom/release/`."""
    done: list[str] = []
    with clear_errors(lambda: f"released: {', '.join(done) or 'nothing'}; run this again for the rest"):
        from .grading.classroom import Classroom

        room = Classroom(classroom)
        with progress() as bar:
            for chapter in bar.track(chosen(names), description="releasing"):
                path = room.release(chapter)
                done.append(chapter.name)
                out.print(f"released [bold]{chapter.name}[/]: {_short(path)}", soft_wrap=True)


@app.command(epilog="Example: `autograder check filters my-notebook.ipynb`")
def check(
    name: ChapterName,
    notebook: Annotated[Path, typer.Argument(help="The notebook to check.", show_default=False)],
    unjailed: Annotated[
        bool, typer.Option("--unjailed", help="Run the code without a jail: only for your own notebook.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check one notebook and print a report for each exercise. Nothing is recorded."""
    with clear_errors():
        import nbformat

        from .checking.oracle import Reference
        from .checking.run import PUBLIC_SEED
        from .grading.classroom import Classroom, ClassroomError
        from .grading.rebuild import read_modules, read_notebook, rebuild
        from .grading.submission import referee
        from .jail.session import Limits, require_jail
        from .publishing.authoring import source_notebook
        from .reports import exercise_text
        from .reports.words import clean

        chapter = find_chapter(name)
        if not unjailed:
            require_jail()
        content = read_notebook(notebook)
        try:
            released = Classroom(CLASSROOM).released(chapter)
        except ClassroomError:
            released = nbformat.from_dict(source_notebook(chapter))
        rebuilt = rebuild(released, content)
        with err.status("running the checks …"):
            exercises, remarks = referee(
                rebuilt,
                Reference(chapter),
                PUBLIC_SEED,
                Limits(),
                not unjailed,
                read_modules(notebook.parent),
            )
    if as_json:
        print_json({"exercises": [exercise.to_json() for exercise in exercises], "remarks": remarks})
    else:
        for exercise in exercises:
            print(exercise_text(exercise), end="\n\n")
        for remark in remarks:
            out.print(f"note: {escape(clean(remark, 300))}", soft_wrap=True)
        score, points = sum(e.score for e in exercises), sum(e.points for e in exercises)
        out.print(f"[bold]{score:g} of {points:g} points[/]")
    raise typer.Exit(0 if all(exercise.verdict == "passed" for exercise in exercises) else 1)


@app.command(
    epilog="Example: `autograder grade filters` and, for one learner, `autograder grade filters --student ada`"
)
def grade(
    names: ChapterNames = None,
    classroom: ClassroomFolder = CLASSROOM,
    student: Annotated[str | None, typer.Option(help="Grade this learner only.", show_default=False)] = None,
    processes: Annotated[
        int, typer.Option(min=1, help="How many submissions to grade at once.")
    ] = os.cpu_count() or 1,
    scheduler: Annotated[
        str | None,
        typer.Option(
            help="Grade on the Dask cluster of this scheduler: tls://HOST:8786.", show_default=False
        ),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Grade anew what was graded before.")] = False,
    unjailed: Annotated[
        bool,
        typer.Option("--unjailed", help="Run learners' code without a jail. Unsafe; noted with every grade."),
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="If another run grades in this classroom, wait for its end.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Grade what was submitted, and write grades, feedback and the autograded notebooks."""
    tally: Any = None

    def so_far() -> str:
        how = "run this again without --again" if again else "run this again"
        done, total = (tally.done, tally.total) if tally else (0, 0)
        return f"{done} of {total} graded and recorded; {how} to grade the rest"

    with clear_errors(so_far):
        from .grading.referees import warm_up

        warm_up()  # first: the imports there and here take a second
        from .grading.batch import grade_class
        from .grading.classroom import Classroom
        from .grading.tally import Tally
        from .jail.session import require_jail
        from .jail.walls import require_out_of_sight
        from .jail.warm import dismiss
        from .reports.words import clean
        from .results import FAULT, Submission

        tally = Tally()

        if not unjailed and not scheduler:
            require_jail()  # a cluster's workers see to their own
            dismiss()  # workers are asked for in other processes
        if scheduler:
            from .grading.cluster import is_open

            if is_open(scheduler):
                warning = "is not encrypted: whoever is on the way can read submissions and alter grades"
                err.print(f"{scheduler} {warning}", markup=False, soft_wrap=True)
        room = Classroom(classroom)
        if not unjailed:
            require_out_of_sight(room.root)
        with progress() as bar:
            task = bar.add_task("grading", total=None)

            wanted = chosen(names) if names else room.released_chapters()
            if not names and (later := [one.name for one in chapters() if one not in wanted]):
                err.print(f"not released yet, left out: {', '.join(later)}", soft_wrap=True)
            for notice in room.notices(wanted):
                err.print(notice, markup=False, soft_wrap=True)

            def start(new: int, known: int, put_right: list[str]) -> None:
                tally.begin(new)
                bar.words = tally.found()
                bar.update(task, total=new)
                if known:
                    err.print(f"{known} graded before and unchanged")
                for one in put_right:
                    err.print(f"changed by another program, put right: {clean(one, 300)}", markup=False)

            def recorded(result: Submission) -> None:
                tally.add(result)
                bar.words = tally.found()
                bar.advance(task)
                if not err.is_terminal and not as_json and tally.due():  # a script reads the end alone
                    err.print(tally.line(), markup=False, highlight=False, soft_wrap=True)

            results, standings = grade_class(
                room,
                wanted,
                student=student,
                processes=processes,
                again=again,
                jailed=not unjailed,
                on_start=start,
                on_done=recorded,
                on_wait=(lambda: err.print("another run grades here; waiting for its end …"))
                if wait
                else None,
                scheduler=scheduler,
                on_refused=lambda text: err.print(clean(text, 500), markup=False, soft_wrap=True),
                brief=not as_json,
            )
    if as_json:
        print_json([_as_json(result, standings[result.assignment]) for result in results])
    else:
        _print_scores(results, standings)
        book = (
            _short(Path(room.shown_db_url.removeprefix("sqlite:///"))) if room.is_file else room.shown_db_url
        )
        out.print(f"feedback: {_short(classroom / 'feedback')}   gradebook: {escape(book)}", soft_wrap=True)
    raise typer.Exit(1 if any(result.verdict == FAULT for result in results) else 0)


def _as_json(result: Any, standings: dict[str, Any]) -> dict[str, Any]:
    """A result as data, with what the gradebook says of it: hand points, lateness, and the total that counts."""
    standing = standings.get(result.student)
    return {**result.to_json(), "gradebook": standing.to_json() if standing else None}


def _print_scores(results: list[Any], standings: dict[str, dict[str, Any]]) -> None:
    from .reports.standing import spoken
    from .reports.words import clean, points, verdict_words

    table = Table(box=None, pad_edge=False)
    for heading in ("chapter", "learner", "score", "of", "verdict"):
        table.add_column(heading, justify="right" if heading in ("score", "of") else "left")
    for result in results:
        standing = standings.get(result.assignment, {}).get(result.student)
        found = {
            verdict_words(exercise.verdict) for exercise in result.exercises if exercise.verdict != "passed"
        }
        verdict = ", ".join(sorted(found)) or "all passed"
        if result.reason:
            verdict = clean(f"{result.verdict}: {result.reason}", 300)
        if result.for_a_person:
            verdict += clean(f"; for a person: {'; '.join(result.for_a_person)}", 300)
        if standing and standing.penalty:
            verdict += f"; {spoken(standing.late)} late: −{points(standing.penalty)}"
        if standing and standing.waiting:
            verdict += f"; to read: {', '.join(mark.name for mark in standing.waiting)}"
        table.add_row(
            result.assignment,
            escape(clean(result.student, 60)),
            points(standing.total if standing else result.score),
            points(standing.points if standing else result.points),
            escape(verdict),
        )
    out.print(table)


@app.command(epilog="Example: `autograder report filters`")
def report(
    names: ChapterNames = None,
    term: Annotated[
        bool, typer.Option("--term", help="A report over these chapters too, and a page for each learner.")
    ] = False,
    similar: Annotated[
        bool,
        typer.Option(
            "--similar", help="Point at code that is nearly the same in two submissions; wants compare50."
        ),
    ] = False,
    classroom: ClassroomFolder = CLASSROOM,
    as_json: AsJson = False,
) -> None:
    """Write the class report, and the feedback pages again with what you commented in formgrader."""
    with clear_errors(lambda: "run this again to write the rest"):
        from .files import write_atomically
        from .grading.classroom import Classroom, ClassroomError
        from .grading.journal import Journal
        from .grading.recorder import Recorder
        from .grading.similar import compare_chapter, require_compare50
        from .reports import class_page, class_table
        from .reports.similar import NOTE, lines
        from .reports.term import Part, learner_page, learners, term_page
        from .reports.words import clean

        if similar:
            require_compare50()
        room = Classroom(classroom)
        wanted = (
            chosen(names) if names else [one for one in room.released_chapters() if room.has_results(one)]
        )
        if not wanted:
            raise ClassroomError("nothing was graded yet: run `autograder grade`")
        parts: list[Part] = []
        problems: list[str] = []
        for chapter in wanted:
            with Recorder(room, chapter) as recorder:
                results = recorder.results()
                if not results:
                    raise ClassroomError(
                        f"nothing of {chapter.name} was graded yet: run `autograder grade {chapter.name}`"
                    )
                for result in results:
                    recorder.refresh_feedback(result)
                standings = recorder.standings()
            path = room.root / "reports" / f"{chapter.name}.html"
            seconds = Journal(room.root).seconds(chapter.name)
            found = None
            if similar:
                with err.status(f"comparing the code of {chapter.name} …"):
                    found = compare_chapter(room, chapter, results)
                if found.problem:
                    problems.append(f"{chapter.name}: {clean(found.problem, 300)}")
            write_atomically(path, class_page(results, chapter.title, standings, seconds, found))
            parts.append(Part.of(chapter.name, chapter.title, results, standings))
            if as_json:
                print_json([_as_json(result, standings) for result in results])
                if found:
                    print_json({"chapter": chapter.name, "similar": asdict(found), "note": NOTE})
            else:
                out.print(f"[bold]{chapter.name}[/]: {len(results)} submissions")
                out.print(class_table(results, standings))
                for line in lines(found) if found else ():
                    out.print(line, markup=False, highlight=False, soft_wrap=True)
                out.print(f"class report: {_short(path)}", soft_wrap=True)
        if term:
            folder = room.root / "reports"
            write_atomically(folder / "term.html", term_page(parts))
            for student in learners(parts):
                write_atomically(folder / "learners" / f"{student}.html", learner_page(student, parts))
            if not as_json:
                out.print(
                    f"the term: {_short(folder / 'term.html')}, {_short(folder / 'learners')}", soft_wrap=True
                )
    if problems:
        for problem in problems:
            err.print(f"not compared, all else was written: {problem}", markup=False, soft_wrap=True)
        raise typer.Exit(1)


@app.command(epilog="Example: `autograder roster class.csv`, the file that Canvas or Moodle exports")
def roster(
    file: Annotated[Path, typer.Argument(help="A class list as CSV.", show_default=False)],
    classroom: ClassroomFolder = CLASSROOM,
) -> None:
    """Say who is who: names, addresses and numbers of a class list, for exports and formgrader."""
    with clear_errors():
        from .grading.classroom import Classroom
        from .grading.exports import keep_roster, read_roster
        from .reports.words import clean

        room = Classroom(classroom)
        people = read_roster(file)
        handed_in = sorted({name for one in chapters() for name in _submitted(room, one)})
        who = keep_roster(room, people, handed_in)
        out.print(f"{len(people.people)} on the roster, {len(who)} of them have handed something in")
        for name in handed_in:
            if name not in who:
                out.print(f"not on the roster: {clean(name, 60)}", markup=False, soft_wrap=True)


def _submitted(room: Any, chapter: Chapter) -> list[str]:
    return room.students(chapter) if (room.root / "submitted").is_dir() else []


class Format(StrEnum):
    """What grades can be written as."""

    canvas = "canvas"
    moodle = "moodle"
    gradescope = "gradescope"
    csv = "csv"


@app.command(epilog="Example: `autograder export canvas filters stride --to grades.csv`")
def export(
    kind: Annotated[Format, typer.Argument(metavar="FORMAT", help="canvas, moodle, gradescope or csv.")],
    names: ChapterNames = None,
    to: Annotated[
        Path | None, typer.Option(help="File to write; a folder for Gradescope.", show_default=False)
    ] = None,
    classroom: ClassroomFolder = CLASSROOM,
) -> None:
    """Write grades as Canvas, Moodle or Gradescope import them, or as a plain table with every exercise."""
    with clear_errors():
        from .grading.classroom import Classroom
        from .grading.exports import Sheet, notices
        from .grading.exports import export as write
        from .grading.recorder import Recorder

        room = Classroom(classroom)
        sheets = []
        for chapter in chosen(names) if names else room.released_chapters():
            with Recorder(room, chapter) as recorder:
                recorder.penalize()
                results = tuple(recorder.results())
                sheets.append(Sheet(chapter.name, chapter.title, results, recorder.standings()))
        place = write(room, kind.value, sheets, to)
        for notice in notices(room, kind.value, sheets):
            err.print(notice, markup=False, soft_wrap=True)
        out.print(f"exported: {_short(place)}", soft_wrap=True)


@app.command(epilog="Example: `autograder verify` or `autograder verify filters`")
def verify(
    names: ChapterNames = None,
    log: Annotated[
        bool,
        typer.Option(
            "--log", help="Check the classroom's log instead: has a line been changed or taken out?"
        ),
    ] = False,
    classroom: ClassroomFolder = CLASSROOM,
    as_json: AsJson = False,
) -> None:
    """Test the tests: every known mistake rejected, every correct alternative accepted, the untouched notebook 0."""
    if log:
        _verify_log(classroom, as_json)
    found: list[Any] = []

    def so_far() -> str:
        proven = ", ".join(dict.fromkeys(row.chapter for row in found))
        return (
            f"verified: {proven or 'no chapter'}; name the others to go on, as in `autograder verify filters`"
        )

    with clear_errors(so_far):
        from .verify import verdict_table, verify_chapter

        with progress() as bar:
            for chapter in chosen(names):
                task = bar.add_task(f"verifying {chapter.name}", total=None)

                def step(done: int, total: int, task: Any = task) -> None:
                    bar.update(task, completed=done, total=total)

                found += verify_chapter(chapter, step)
    if as_json:
        print_json([row.to_json() for row in found])
    else:
        out.print(verdict_table(found))
        for row in found:
            for problem in row.problems:
                out.print(f"[bold red]✗[/] {escape(problem)}", soft_wrap=True)
        good = all(not row.problems for row in found)
        out.print("[bold green]✓ all hold[/]" if good else "[bold red]✗ some do not hold[/]")
    raise typer.Exit(1 if any(row.problems for row in found) else 0)


@app.command(epilog="Example: `autograder rules` or `autograder rules filters`")
def rules(names: ChapterNames = None) -> None:
    """Look through the files of chapters for what is asked of them, in seconds: all findings, each with file and line."""
    with clear_errors():
        from .rules import findings, unlisted

        found = [*unlisted(), *findings(chosen(names))]
    for path, line, text in found:
        print(f"{_short(path)}:{line}: {text}")
    err.print(f"{len(found)} findings" if found else "all that is asked of a chapter's files holds")
    raise typer.Exit(1 if found else 0)


def _verify_log(classroom: Path, as_json: bool) -> None:
    with clear_errors():
        from .grading.classroom import ClassroomError
        from .grading.journal import Journal

        journal = Journal(classroom)
        if not journal.path.is_file():
            raise ClassroomError(f"there is no log in {classroom}: release or grade something first")
        lines, last, problems = journal.problems()
    if as_json:
        print_json({"lines": lines, "last": last, "problems": problems})
    else:
        for problem in problems:
            out.print(f"[bold red]✗[/] {escape(problem)}", soft_wrap=True)
        good = "[bold green]✓ unbroken[/]" if not problems else "[bold red]✗ broken[/]"
        out.print(f"{good}: {lines} lines, the last with hash {last}", soft_wrap=True)
    raise typer.Exit(1 if problems else 0)


@app.command(epilog="Example: `autograder secret --backup /safe/place/secret`")
def secret(
    backup: Annotated[Path | None, typer.Option(help="Copy it to this file.", show_default=False)] = None,
    restore: Annotated[
        Path | None, typer.Option(help="Take the one in this file, as kept or backed up.", show_default=False)
    ] = None,
    new: Annotated[
        bool, typer.Option("--new", help="Draw a new one; the one before is kept beside it.")
    ] = False,
    classroom: ClassroomFolder = CLASSROOM,
) -> None:
    """Back up, restore or replace the secret from which the hidden inputs of all grades are drawn."""
    with clear_errors():
        from .grading.classroom import Classroom

        room = Classroom(classroom)
        if backup is not None:
            room.back_up_secret(backup)
        if restore is not None or new:
            old = room.replace_secret(restore.read_bytes() if restore is not None else None)
            if old is not None:
                out.print(
                    f"the one before is kept: {_short(old)}; the next run grades everything again",
                    soft_wrap=True,
                )
        out.print(f"fingerprint: {room.fingerprint()}")


def _short(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
