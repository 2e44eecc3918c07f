"""What is kept and shown: written answers are inert wherever they are read, and no grade is lost or left wrong."""

import base64
import hashlib
import html
import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mistune
import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from nbconvert.exporters import HTMLExporter
from nbconvert.filters import markdown2html
from nbgrader.api import Gradebook
from nbgrader.server_extensions.formgrader import handlers
from traitlets.config import Config

from autograder.chapters import Chapter, chapter
from autograder.grading import classroom
from autograder.grading.classroom import Classroom, ClassroomError, nbgrader_api
from autograder.grading.recorder import MOST_NOTES, Recorder
from autograder.grading.submission import Job, grade, job
from autograder.jail.session import Limits
from autograder.reports import as_written, class_page, submission_page
from autograder.reports.words import clean
from autograder.results import FAULT, GRADED, UNGRADABLE, Check, Exercise, Note, Submission

from .hostile import ANSWERS

FILTERS = chapter("filters")
QUESTION = "why-weights-are-shared"


def job_of(room: Classroom, content: bytes, student: str = "ada") -> Job:
    path = room.folder("submitted", student, FILTERS) / "filters.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return job(student, FILTERS, path, room.release_path(FILTERS).read_bytes(), room.secret(), Limits(), True)


def graded(room: Classroom, student: str = "ada", share: float = 1.0, **more: Any) -> Submission:
    """A result as grading makes it, without any: each exercise of the release with a share of its points."""
    exercises = [
        Exercise(
            name.removeprefix("check-"), points, points * share, "passed" if share == 1 else "wrong answer"
        )
        for name, points in points_of(room).items()
        if name.startswith("check-")
    ]
    return Submission(student, "filters", GRADED, **{"exercises": tuple(exercises), **more})


def points_of(room: Classroom) -> dict[str, float]:
    """Points of each cell of the release that has some."""
    fields = [cell.metadata.get("nbgrader", {}) for cell in room.released(FILTERS).cells]
    return {field["grade_id"]: field["points"] for field in fields if field.get("grade")}


# What a learner wrote


class Shown(HTMLParser):
    """The tags of a piece of HTML, and its text."""

    def __init__(self, content: str):
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(content)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


READERS = {
    "formgrader": markdown2html,
    "mistune": mistune.html,
    "commonmark": MarkdownIt("commonmark").render,
    "github": MarkdownIt("gfm-like", {"linkify": False}).render,
    # a reader that knows no block of HTML: even so nothing is active
    "no html": lambda text: MarkdownIt("js-default", {"html": False, "linkify": False}).render(
        re.sub("^<pre[^>]*>|</pre>$", "", text)
    ),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_is_shown_letter_by_letter_by_every_reader_of_markdown(answer: str, reader: str) -> None:
    shown = Shown(READERS[reader](as_written(answer)))
    if reader == "no html":
        assert set(shown.tags) <= {"p", "pre", "code"}
    else:
        assert shown.tags == ["pre"]
        assert shown.text.strip("\n") == clean(answer).strip("\n")


@settings(max_examples=300, deadline=None)
@given(
    st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Zl", "Zp"]) | st.just("\n"),
        max_size=200,
    )
)
def test_any_text_comes_out_of_markdown_as_it_went_in(text: str) -> None:
    for reader in ("formgrader", "commonmark", "github"):
        shown = Shown(READERS[reader](as_written(text)))
        assert shown.tags == ["pre"] and shown.text.strip("\n") == text.strip("\n")


def formgrader_page(path: Path, student: str) -> str:
    """The page on which nbgrader's formgrader shows an autograded notebook."""
    config = Config()
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    resources = {
        "assignment_id": "filters",
        "notebook_id": "filters",
        "submission_id": "0123",
        "index": 0,
        "total": 1,
        "base_url": "",
        "student": student,
        "last_name": None,
        "first_name": None,
        "notebook_path": f"autograded/{student}/filters/filters.ipynb",
    }
    return HTMLExporter(config=config).from_filename(str(path), resources=resources)[0]


def policy(page: str) -> str:
    """A strict content policy: of scripts only those that stand in `page`, no picture, no frame, no form."""
    own = re.findall(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", page, re.DOTALL)
    hashes = {base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in own}
    scripts = " ".join(sorted(f"'sha256-{one}'" for one in hashes))
    return (
        f"default-src 'none'; base-uri 'none'; form-action 'none'; connect-src 'self'; font-src 'self'; "
        f"script-src 'self' https://cdnjs.cloudflare.com {scripts}; style-src 'self' 'unsafe-inline'"
    )


def seen(browser: Any, page: str, rules: str) -> dict[str, Any]:
    """Open a page as a server would give it; returns all that it asked for, said and holds."""
    found: dict[str, Any] = {"requests": [], "said": []}
    tab = browser.new_page()

    def serve(route: Any) -> None:
        address = route.request.url
        found["requests"].append(address)
        static = re.fullmatch(r"https://course\.test/formgrader/static/([^?]*)", address)
        if address == "https://course.test/":
            route.fulfill(body=page, content_type="text/html", headers={"content-security-policy": rules})
        elif static and (Path(handlers.static_path) / static[1]).is_file():
            route.fulfill(path=Path(handlers.static_path) / static[1])
        else:
            route.fulfill(body="[]" if "/api/" in address else "", content_type="application/json")

    tab.on("dialog", lambda dialog: (found["said"].append(dialog.message), dialog.dismiss()))
    tab.on("console", lambda message: found["said"].append(message.text))
    tab.on("pageerror", lambda error: found["said"].append(str(error)))
    tab.route("**/*", serve)
    tab.goto("https://course.test/")
    tab.wait_for_load_state("networkidle")
    tab.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
    found["active"] = tab.evaluate(
        """() => [...document.querySelectorAll('script, iframe, object, embed, img, svg, math, form, input, link, base, meta')]
        .map(one => one.tagName).sort()"""
    )
    found["handlers"] = tab.evaluate(
        """() => [...document.querySelectorAll('*')].flatMap(one => [...one.attributes].map(each => each.name))
        .filter(name => name.startsWith('on')).sort()"""
    )
    found["schemes"] = tab.evaluate(
        "() => [...new Set([...document.querySelectorAll('[href]')].map(one => new URL(one.href).protocol))].sort()"
    )
    # where a formula could begin: MathJax passes by what stands in <pre>, in <code> and under its class
    found["formulas"] = tab.evaluate(
        r"""() => {
            const places = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), texts = [];
            while (places.nextNode()) {
                const text = places.currentNode;
                if (!text.parentElement.closest('pre, code, script, style, .tex2jax_ignore') && /[$\\]/.test(text.data))
                    texts.push(text.data);
            }
            return texts;
        }"""
    )
    tab.close()
    found["requests"].sort()
    return found


def hostile_exercise(text: str) -> Exercise:
    """A failed exercise of which every word is the learner's."""
    from .test_reports import wrong

    made = wrong(1.0, 2.0, "raised", f"your function raised ValueError: {text}", remark=text, hint=text)
    return Exercise(**{**vars(made), "kernel": "relu", "checks": (Check("test_one", text, False, text),)})


def test_hostile_words_make_no_page_do_more_than_harmless_ones(room: Classroom, browser: Any) -> None:
    """opens formgrader's page, the feedback and the class report: no script ran, nothing was fetched, no odd link"""
    pages: dict[str, list[str]] = {}
    for student, texts in {
        "O'Hara {{7*7}};alert(0)": ANSWERS,
        "ada": ("Nine weights, shared.",) * len(ANSWERS),
    }.items():
        answer = "\n\n".join(texts)
        cells = {
            QUESTION: answer,
            "relu": f'"""{answer}"""\nx = "</script><script>alert(1)</script>"\n{answer}',
        }
        exercises = tuple(
            hostile_exercise(answer[:500] + r"$\href{javascript:alert(1)}{x}$" * (student != "ada"))
            if exercise.kernel == "relu"
            else exercise
            for exercise in graded(room).exercises
        )
        result = graded(room, student, exercises=exercises, cells=cells, remarks=tuple(texts[:9]))
        with Recorder(room, FILTERS) as recorder:
            recorder.record(job_of(room, answer.encode(), student), result)
        shown = formgrader_page(room.folder("autograded", student, FILTERS) / "filters.ipynb", student)
        pages.setdefault("formgrader", []).append(shown)
        pages.setdefault("feedback", []).append(submission_page(result, "F", {"relu": answer}))
        pages.setdefault("class", []).append(class_page([result], "F"))
    for name, (hostile, harmless) in pages.items():
        rules = policy(harmless)
        one, other = (seen(browser, page, rules) for page in (hostile, harmless))
        if name != "formgrader":  # no formulas are set on our own pages
            one["formulas"] = other["formulas"] = []
        assert one == other, name
        assert set(one["schemes"]) <= {"http:", "https:"}


def test_formgrader_shows_an_answer_whole_and_in_one_place(room: Classroom, browser: Any) -> None:
    answer = "\n".join(text for text in ANSWERS if text.isprintable())
    with Recorder(room, FILTERS) as recorder:
        recorder.record(job_of(room, b"x"), graded(room, cells={QUESTION: answer}))
    page = formgrader_page(room.folder("autograded", "ada", FILTERS) / "filters.ipynb", "ada")
    tab = browser.new_page()
    tab.set_content(re.sub(r"(?s)<script.*?</script>", "", page))
    place = tab.locator(f".nbgrader_cell:has(#{QUESTION}-comment) .text_cell_render")
    assert place.inner_html().strip().startswith("<pre") and place.locator("*").count() == 1
    assert place.inner_text().strip() == answer.strip()
    tab.close()


def test_an_untouched_answer_stays_what_nbgrader_knows(room: Classroom) -> None:
    with Recorder(room, FILTERS) as recorder:
        untouched = {
            cell.metadata.get("nbgrader", {}).get("grade_id"): cell.source for cell in recorder.release.cells
        }
        recorder.record(job_of(room, b"x"), graded(room, cells={QUESTION: untouched[QUESTION]}))
        grades = recorder.gradebook.find_submission_notebook("filters", "filters", "ada").grades
        assert {grade.name: grade.auto_score for grade in grades}[QUESTION] == 0


@pytest.mark.parametrize(
    "name", ["<b>eve</b>", "a&lt;b", 'eve" onclick="x', "eve\\", "line\nbreak", "x" * 230]
)
def test_a_name_that_formgrader_would_take_for_a_tag_is_refused_with_the_reason(
    room: Classroom, name: str
) -> None:
    if "/" in name:
        name = name.replace("/", "")
    job_of(room, b"x", name)
    job_of(room, b"x", "O'Hara ÅÄ")
    assert room.students(FILTERS) == ["O'Hara ÅÄ"]
    (said,) = room.notices([FILTERS])
    assert ascii(name) in said and "rename the folder" in said and re.search("holds|longer", said)


# A grade that stands


def record(room: Classroom, result: Submission) -> Submission:
    with Recorder(room, FILTERS) as recorder:
        return recorder.record(job_of(room, b"x", result.student), result)


def gradebook_of(room: Classroom) -> dict[str, SimpleNamespace]:
    """Ada's grades in the gradebook, by the names of their cells."""
    with Gradebook(room.db_url) as gradebook:
        grades = gradebook.find_submission_notebook("filters", "filters", "ada").grades
        return {grade.name: SimpleNamespace(**grade.to_dict(), score=grade.score) for grade in grades}


def total(room: Classroom) -> float:
    return sum(grade.score for grade in gradebook_of(room).values())


def ungradable(room: Classroom) -> Submission:
    nothing = tuple(Exercise(one.kernel, one.points, 0.0, UNGRADABLE) for one in graded(room).exercises)
    return Submission("ada", "filters", UNGRADABLE, "there is no file filters.ipynb", nothing)


def notebook_of(room: Classroom) -> nbformat.NotebookNode:
    return nbformat.read(room.folder("autograded", "ada", FILTERS) / "filters.ipynb", as_version=4)


def page_of(room: Classroom) -> str:
    return (room.folder("feedback", "ada", FILTERS) / "filters.html").read_text(encoding="utf-8")


def test_a_file_that_gives_no_grade_never_takes_one_away(room: Classroom) -> None:
    record(room, graded(room, cells={"relu": "def relu(x): ...", QUESTION: "Nine weights."}))
    before = notebook_of(room)
    for _ in range(2):
        result = record(room, ungradable(room))
        assert total(room) == result.score == 15 and notebook_of(room) == before
        assert "15 of 15 points; a person decides" in result.for_a_person[0]
        assert any(grade.needs_manual_grade for grade in gradebook_of(room).values()), "formgrader lists it"
    assert "could not be graded" in page_of(room) and "those of your earlier file" in page_of(room)
    assert "a person decides" in class_page([result], "F")
    with Recorder(room, FILTERS) as recorder:
        assert recorder.kept(job_of(room, b"x")) == result, "said again by the next run, not forgotten"
        assert not recorder.put_right(job_of(room, b"x"), result)


def test_a_written_answer_that_waits_for_a_person_is_not_lost_to_a_bad_file(room: Classroom) -> None:
    record(room, graded(room, share=0.0, cells={QUESTION: "Nine weights, shared."}))
    record(room, ungradable(room))
    assert any("Nine weights" in cell.source for cell in notebook_of(room).cells)
    assert gradebook_of(room)[QUESTION].auto_score is None


def test_a_file_that_gives_no_grade_gets_none_where_none_stands(room: Classroom) -> None:
    for _ in range(2):
        result = record(room, ungradable(room))
        assert total(room) == 0 and not result.for_a_person
    record(room, graded(room))
    assert total(room) == 15, "a good file afterwards counts"


def test_a_fault_leaves_grade_and_notebook_as_they_were(room: Classroom) -> None:
    record(room, graded(room, cells={QUESTION: "Nine weights."}))
    before = notebook_of(room)
    result = record(room, Submission("ada", "filters", FAULT, "OSError"))
    assert total(room) == 15 == result.score and notebook_of(room) == before
    assert "those of your earlier file" in page_of(room)


def test_a_lower_grade_of_a_good_file_counts(room: Classroom) -> None:
    record(room, graded(room))
    record(room, graded(room, share=0.5))
    assert total(room) == 7.5


# What a person must see


def test_what_no_program_can_judge_is_shown_and_never_scored_in_silence(room: Classroom) -> None:
    stub = next(
        cell.source
        for cell in room.released(FILTERS).cells
        if cell.metadata.get("nbgrader", {}).get("grade_id") == QUESTION
    )
    asked = "text in a cell of your own: it may be the answer"
    last = len(room.released(FILTERS).cells) - 1
    notes = (
        Note(1, "A thought."),
        Note(1, "helper = 1", "code"),
        Note(last, "Nine weights <b>for all</b> places."),
    )
    result = graded(room, cells={QUESTION: stub}, for_a_person=(asked,), notes=notes)
    record(room, result)
    answer = gradebook_of(room)[QUESTION]
    assert answer.needs_manual_grade and answer.auto_score is None
    shown = [cell.source for cell in notebook_of(room).cells]
    assert shown[2:4] + shown[-1:] == [as_written("A thought."), "helper = 1", as_written(notes[-1].text)]
    assert [cell.cell_type for cell in notebook_of(room).cells[2:4]] == ["markdown", "code"]
    assert "helper = 1" not in page_of(room)  # code needs nobody's answer
    assert asked in page_of(room) and "Nine weights &lt;b&gt;for all" in page_of(room)
    assert asked in class_page([result], "F")
    assert Submission.from_json(json.loads(json.dumps(result.to_json()))) == result


def test_cells_of_code_never_crowd_an_answer_out(room: Classroom) -> None:
    notes = (*(Note(1, f"x = {number}", "code") for number in range(MOST_NOTES + 9)), Note(1, "The answer."))
    record(room, graded(room, notes=notes))
    shown = [cell.source for cell in notebook_of(room).cells]
    assert as_written("The answer.") in shown and len(shown) == len(room.released(FILTERS).cells) + MOST_NOTES


def test_an_answer_typed_in_a_cell_of_its_own_reaches_a_person_all_the_way(room: Classroom) -> None:
    """from the submitted file through the jail to gradebook, notebook and page"""
    notebook = room.released(FILTERS)
    notebook.cells.append(nbformat.v4.new_markdown_cell("Nine weights, [shared](javascript&colon;alert(1))."))
    one = job_of(room, nbformat.writes(notebook).encode())
    with Recorder(room, FILTERS) as recorder:
        result = recorder.record(one, grade(one))
    assert result.verdict == GRADED and result.for_a_person
    answer = gradebook_of(room)[QUESTION]
    assert answer.needs_manual_grade and answer.auto_score is None
    assert notebook_of(room).cells[-1].source == as_written(notebook.cells[-1].source)
    assert "A person looks at this" in page_of(room) and "Nine weights" in page_of(room)


def test_a_result_recorded_before_there_was_a_person_to_ask_is_still_read(room: Classroom) -> None:
    data = {
        key: value for key, value in graded(room).to_json().items() if key not in ("for_a_person", "notes")
    }
    assert Submission.from_json(data) == graded(room)


# Grades by other hands


def grade_by_hand(room: Classroom) -> None:
    """What a person does in formgrader: points, extra credit, a comment."""
    with Gradebook(room.db_url) as gradebook:
        notebook = gradebook.find_submission_notebook("filters", "filters", "ada")
        for grade in notebook.grades:
            if grade.name == QUESTION:
                grade.manual_score = 1.5
            if grade.name == "check-relu":
                grade.manual_score, grade.extra_credit = 1.0, 0.25
        for comment in notebook.comments:
            if comment.name == "relu":
                comment.manual_comment = "A clear loop."
        gradebook.db.commit()


def set_score(room: Classroom, score: float | None) -> None:
    with Gradebook(room.db_url) as gradebook:
        gradebook.find_grade("check-relu", "filters", "filters", "ada").auto_score = score
        gradebook.db.commit()


@pytest.mark.parametrize(
    "again", ["the same", "a better file", "a bad file", "a fault", "put right", "released again"]
)
def test_points_comments_and_extra_credit_of_a_person_survive_every_regrade(
    room: Classroom, again: str
) -> None:
    first = graded(room, share=0.5, cells={QUESTION: "Nine weights."})
    record(room, first)
    grade_by_hand(room)
    match again:
        case "the same":
            record(room, first)
        case "a better file":
            record(room, graded(room))
        case "a bad file":
            record(room, ungradable(room))
        case "a fault":
            record(room, Submission("ada", "filters", FAULT, "OSError"))
        case "put right":
            set_score(room, 2)
            with Recorder(room, FILTERS) as recorder:
                assert recorder.put_right(job_of(room, b"x"), first)
        case "released again":
            room.release(FILTERS)
            record(room, first)
    grades = gradebook_of(room)
    assert (grades[QUESTION].manual_score, grades["check-relu"].manual_score) == (1.5, 1.0)
    assert grades["check-relu"].extra_credit == 0.25
    with Recorder(room, FILTERS) as recorder:
        assert recorder.comments("ada") == {"relu": "A clear loop."}, "and nothing that nbgrader says itself"


@pytest.mark.parametrize("change", ["score", "lost score", "notebook", "no notebook"])
def test_what_another_program_changed_is_noticed_and_put_right(room: Classroom, change: str) -> None:
    result = graded(room, share=2 / 3, cells={QUESTION: "Nine <script>weights</script>."})
    record(room, result)
    path = room.folder("autograded", "ada", FILTERS) / "filters.ipynb"
    before = path.read_bytes()
    match change:
        case "score":
            set_score(room, 2.0)
        case "lost score":
            set_score(room, None)
        case "notebook":
            notebook = nbformat.reads(before.decode(), 4)
            for cell in notebook.cells:
                cell.source = html.unescape(cell.source)
            nbformat.write(notebook, path)
        case "no notebook":
            path.unlink()
    with Recorder(room, FILTERS) as recorder:
        one = job_of(room, b"x")
        assert recorder.put_right(one, result)
        assert not recorder.put_right(one, result), "once"
    assert total(room) == pytest.approx(10, abs=1e-4) and path.read_bytes() == before


@pytest.mark.slow
def test_stock_autograde_after_ours_is_said_and_put_right(room: Classroom) -> None:
    """runs `grade`, then nbgrader's own autograde on a cheat, then `grade` again"""
    cheat = nbformat.reads(room.release_path(FILTERS).read_text(), 4)
    for cell in cheat.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "relu":
            cell.source = (
                "import autograder\nautograder.check = lambda kernel: 2.0\ndef relu(x):\n    return x"
            )
    job_of(room, nbformat.writes(cheat).encode())
    command = [sys.executable, "-m", "autograder", "grade", "filters", "--classroom", str(room.root)]
    run = lambda: subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert run().returncode == 0
    ours = total(room)
    with nbgrader_api(room, room.root) as (api, log):
        del api.config["Autograde"]  # as elsewhere; here it would grade in the jail
        assert api.autograde("filters", "ada")["success"], log.getvalue()
    assert total(room) > ours, "it was fooled"
    said = run().stderr
    assert "changed by another program, put right" in said and "unchanged" not in said
    assert total(room) == ours
    assert "1 graded before and unchanged" in run().stderr


# Files that nobody would find


@pytest.mark.parametrize(
    ("found", "place"),
    [
        ("flat/filters.ipynb", "flat/filters/filters.ipynb"),
        ("ada/Filters/Filters.ipynb", "ada/filters/filters.ipynb"),
        ("Filters/Filters.ipynb", "<student>/filters/filters.ipynb"),
        ("filters/ada/filters.ipynb", "ada/filters/filters.ipynb"),
        ("filters/ada.ipynb", "ada/filters/filters.ipynb"),
        ("filters.ipynb", "<student>/filters/filters.ipynb"),
        ("ada/02-filters/filters (1).ipynb", "ada/filters/filters.ipynb"),
        ("ada/week2/filters/filters.ipynb", "ada/filters/filters.ipynb"),
        ("ada/filters/backup/filters.ipynb", "ada/filters/filters.ipynb"),
        ("ada/homework.ipynb", "ada/filters/filters.ipynb"),
        ("ada/filters/filters.ipynb", None),
        ("ada/filters/filters-1.ipynb", None),
        ("ada/pixels/pixels.ipynb", None),
        ("ada/pixels.ipynb", None),
        ("ada/filters/.ipynb_checkpoints/filters.ipynb", None),
    ],
)
def test_a_notebook_at_a_wrong_place_is_named_with_the_right_one(
    room: Classroom, found: str, place: str | None
) -> None:
    path = room.root / "submitted" / found
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    said = room.notices([FILTERS])
    if place is None:
        assert said == []
    else:
        (line,) = said
        assert "found, but not where it is looked for" in line and f"submitted/{found}" in line
        assert line.endswith(f"put it at submitted/{place}")


def test_a_copy_deeper_down_is_no_news_where_the_notebook_stands(room: Classroom) -> None:
    job_of(room, b"x")
    backup = room.folder("submitted", "ada", FILTERS) / "old" / "filters.ipynb"
    backup.parent.mkdir()
    backup.touch()
    assert room.notices([FILTERS]) == []


def test_a_thousand_misplaced_notebooks_are_twenty_lines_and_a_count(room: Classroom) -> None:
    for number in range(1000):
        (room.root / "submitted" / f"s{number}").mkdir(parents=True)
        (room.root / "submitted" / f"s{number}" / "filters.ipynb").touch()
    said = room.notices([FILTERS])
    assert len(said) == 21 and said[-1] == "and 980 more like these"


# The release and the page


def restated(tmp_path: Path, old: str, new: str) -> Chapter:
    """The chapter with a page that was changed after its release."""
    text = FILTERS.page.read_text(encoding="utf-8")
    assert old in text
    page = tmp_path / FILTERS.page.name
    page.write_text(text.replace(old, new, 1), encoding="utf-8")
    return replace(FILTERS, page=page)


RELU = ":points: {}\nfrom autograder import check\ncheck(relu)"
RAISED = (RELU.format(2), RELU.format(6))


def test_points_are_those_of_the_release_whatever_the_page_says_since(
    room: Classroom, tmp_path: Path
) -> None:
    later = restated(tmp_path, *RAISED)
    (said,) = room.notices([later])
    assert "its page gives relu 6 points, the release 2, which count" in said
    made = replace(job_of(room, room.release_path(FILTERS).read_bytes()), chapter=later)
    assert grade(made).points == 15
    with Recorder(room, later) as recorder:
        result = recorder.record(made, graded(room))
    assert result.verdict == GRADED and total(room) == 15


def test_an_exercise_that_came_went_or_changed_its_name_after_the_release_is_said_with_what_to_do(
    room: Classroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = classroom.check_points(FILTERS)
    monkeypatch.setattr(classroom, "check_points", lambda one: {**now, "leaky_relu": 3.0})
    (said,) = room.notices([FILTERS])
    assert "leaky_relu came to its page after the release" in said and "autograder release filters" in said
    monkeypatch.setattr(classroom, "check_points", lambda one: {"relu": 2.0})
    with pytest.raises(ClassroomError, match=r"released with .*correlate2d.*, which its page no longer has"):
        room.notices([FILTERS])
    renamed = {"rectify" if name == "relu" else name: points for name, points in now.items()}
    monkeypatch.setattr(classroom, "check_points", lambda one: renamed)
    with pytest.raises(ClassroomError, match=r"released with .*relu.*, which its page no longer has"):
        room.notices([FILTERS])


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("fault", ["other cells", "nbgrader fails", "the disk is full"])
def test_a_release_that_fails_leaves_the_one_that_stood_and_says_why_in_a_line(
    room: Classroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    record(room, graded(room))
    before, grades = files_of(room.root / "release"), total(room)
    wanted = FILTERS
    match fault:
        case "other cells":
            notebook = classroom.source_notebook(FILTERS)
            notebook.cells = [
                cell
                for cell in notebook.cells
                if cell.metadata.get("nbgrader", {}).get("grade_id") != QUESTION
            ]
            monkeypatch.setattr(classroom, "source_notebook", lambda one: notebook)
            reason = f"gone: {QUESTION}.*1 graded submission of it"
        case "nbgrader fails":
            monkeypatch.setattr(
                "nbgrader.preprocessors.ComputeChecksums.preprocess_cell", lambda *given: 1 / 0
            )
            reason = "ZeroDivisionError: division by zero"
        case "the disk is full":

            def full(*given: object) -> None:
                raise OSError(28, "No space left on device")

            monkeypatch.setattr(classroom, "record_answers", full)
            reason = "No space left"
    with pytest.raises((ClassroomError, OSError), match=reason) as raised:
        room.release(wanted)
    assert "Traceback" not in str(raised.value) and len(str(raised.value).splitlines()) == 1
    assert files_of(room.root / "release") == before and total(room) == grades
    assert not list(room.root.glob(".release-*"))


def test_what_an_instructor_put_beside_the_source_goes_into_every_release(room: Classroom) -> None:
    (room.root / "source" / "filters" / "photo.png").write_bytes(b"png")
    room.release(FILTERS)
    assert (room.root / "release" / "filters" / "photo.png").read_bytes() == b"png"
    assert (room.root / "source" / "filters" / "photo.png").exists()


def test_no_message_holds_the_password_of_the_gradebook(
    room: Classroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = "postgresql://teacher:swordfish@localhost:1/grades"
    monkeypatch.setattr(Classroom, "db_url", address)
    for open_it in (lambda: Recorder(room, FILTERS).__enter__(), lambda: room.release(FILTERS)):
        with pytest.raises(ClassroomError) as raised:
            open_it()
        assert "swordfish" not in str(raised.value) and len(str(raised.value).splitlines()) == 1
