"""What is kept and shown: written answers are inert wherever they are read, and no grade is lost or left wrong."""

import base64
import hashlib
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import mistune
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from nbconvert.exporters import HTMLExporter
from nbconvert.filters import markdown2html
from nbgrader.server_extensions.formgrader import handlers
from traitlets.config import Config

from autograder.chapters import chapter
from autograder.classroom import Classroom
from autograder.grading import Job, job
from autograder.jail import Limits
from autograder.recorder import Recorder
from autograder.reports import as_written, class_page, submission_page
from autograder.reports.words import clean
from autograder.results import GRADED, Check, Exercise, Submission

from .hostile import ANSWERS

FILTERS = chapter("filters")
QUESTION = "why-weights-are-shared"


@pytest.fixture(scope="module")
def filters_released(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    """A classroom into which one chapter was released."""
    room = Classroom(tmp_path_factory.mktemp("filters"))
    room.release(FILTERS)
    return room


@pytest.fixture
def room(filters_released: Classroom, tmp_path: Path) -> Classroom:
    """A fresh copy of it."""
    shutil.copytree(filters_released.root, tmp_path / "classroom")
    return Classroom(tmp_path / "classroom")


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
    (said,) = room.odd_names()
    assert ascii(name) in said and re.search("holds|longer", said)
