"""The feedback page: what a learner reads after a submission was graded."""

import builtins
import html
import keyword
import re
from collections.abc import Mapping

from ..chapters import ANSWER_STUB
from ..results import FAULT, GRADED, NOT_WRITTEN, PASSED, TOO_SLOW, UNGRADABLE, Exercise, Submission
from .fragment import fragment
from .page import COURSE, page
from .standing import Mark, Standing, spoken
from .words import UNJAILED, clean, escape, plural, plural_points, points, verdict_of, verdict_words

STYLE = """
.score{display:flex;align-items:baseline;gap:.5rem;margin:1.7rem 0 .5rem}
.score b{font-size:2.1rem;line-height:1;letter-spacing:-.02em;font-variant-numeric:tabular-nums}
.bar{display:flex;gap:3px;height:14px;margin:0 0 1rem}
.bar span{display:block;min-width:4px;border-radius:3px;background:var(--edge);overflow:hidden}
.bar i{display:block;height:100%;background:var(--good)}
.bar i.part{background:repeating-linear-gradient(135deg,var(--good) 0 4px,transparent 4px 6px)}
.lead{font-size:1.12rem;line-height:1.5;margin:.2rem 0 0}
ol.contents{list-style:none;margin:1.3rem 0 0;padding:0;border-top:1px solid var(--edge)}
ol.contents li{display:grid;grid-template-columns:1.4rem 1fr auto;gap:0 .5rem;align-items:baseline;padding:.42rem 0;
border-bottom:1px solid var(--edge)}
ol.contents a{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.92rem;
text-underline-offset:.35em;text-decoration-thickness:1px;overflow-wrap:anywhere}
ol.contents small{color:var(--soft);font-size:.86rem;margin-left:.6rem;white-space:nowrap}
.t-good{color:var(--good)}.t-bad{color:var(--bad)}.t-limit{color:var(--limit)}.t-open{color:var(--open)}
.t-fault{color:var(--fault)}
.steps li{margin:.35rem 0}
"""

LONGEST_CODE = 20_000
"""Characters of a cell that a page shows at most."""

MOST_CELLS = 20
"""Text cells of the learner's own that a page shows at most."""


def submission_page(
    submission: Submission,
    chapter_title: str,
    comments: Mapping[str, str] | None = None,
    standing: Standing | None = None,
) -> str:
    """Whole HTML page for the learner: score, what to do next, a report for each exercise, the learner's own code.

    comments : what a person wrote about a cell, by grade_id; standing : the gradebook's points, those of a person
    included. Without it the points are those of the checks. Nothing on the page runs or loads anything.
    """
    if standing is None:
        standing = _of_the_checks(submission)
    marks = {mark.name: mark for mark in standing.marks}
    said = {name: text for name, text in (comments or {}).items() if text.strip()}
    kernels = {exercise.kernel for exercise in submission.exercises}
    parts = [_head(submission, chapter_title, standing), _trouble(submission, standing)]
    for exercise in submission.exercises if submission.verdict == GRADED else ():
        texts = [said.pop(name) for name in (exercise.kernel, f"check-{exercise.kernel}") if name in said]
        mark = marks.get(f"check-{exercise.kernel}")
        parts.append(_card(exercise, submission.cells.get(exercise.kernel, ""), texts, mark))
    for name, source in submission.cells.items() if submission.verdict == GRADED else ():
        if name not in kernels:
            parts.append(_answer(name, source, said.pop(name, ""), marks.get(name)))
    if submission.verdict == GRADED:
        parts.append(_own_text(submission))
    if said:
        rest = "".join(f"<h3>{escape(_spoken(name), 80)}</h3>{_said(text)}" for name, text in said.items())
        parts.append(f'<section class="card"><h2>Comments</h2>{rest}</section>')
    parts += [_person(submission), _remarks(submission), _next_steps(submission)]
    parts.append(f"<footer>{COURSE}</footer>")
    title = f"{clean(chapter_title, 100)}: feedback for {clean(submission.student, 80)}"
    return page(title, STYLE, "\n".join(part for part in parts if part))


def _of_the_checks(submission: Submission) -> Standing:
    """How a learner would stand by the checks alone."""
    marks = [Mark(f"check-{one.kernel}", one.points, one.score, one.score) for one in submission.exercises]
    return Standing(submission.student, tuple(marks))


def _head(submission: Submission, chapter_title: str, standing: Standing) -> str:
    lines = [
        "<header>",
        f'<p class="over">{COURSE}</p>',
        f"<h1>{escape(chapter_title, 200)}</h1>",
        f'<p class="who">Feedback for <b dir="auto">{escape(submission.student, 100)}</b></p>',
    ]
    if submission.exercises and (submission.verdict == GRADED or standing.total):
        whole = plural_points(standing.points)
        lines += [
            f'<p class="score"><b>{points(standing.total)}</b> <span class="soft">of {whole}</span></p>',
            _bar(submission, standing),
            *_beside_the_score(standing),
        ]
    if submission.exercises and submission.verdict == GRADED:
        entries = "".join(_entry(one, standing.of(one.kernel)) for one in submission.exercises)
        lines += [
            f'<p class="lead">{_summary(submission)}</p>',
            f'<ol class="contents">{entries}{"".join(map(_question, standing.questions))}</ol>',
        ]
    return "\n".join([*lines, "</header>"])


def _beside_the_score(standing: Standing) -> list[str]:
    """What the score does not say itself: points that are still to come, and those that lateness took."""
    said = []
    if standing.waiting:
        open_points = plural_points(sum(mark.points for mark in standing.waiting))
        it = "it" if len(standing.waiting) == 1 else "them"
        answers = "a written answer" if len(standing.waiting) == 1 else "written answers"
        said.append(f"{open_points} for {answers} will be given by a person, who has still to read {it}.")
    if standing.penalty:
        said.append(
            f"{plural_points(standing.raw)} before {plural_points(standing.penalty)} were taken off, "
            f"since this was handed in {spoken(standing.late)} late."
        )
    elif standing.late:
        said.append(f"Handed in {spoken(standing.late)} late; no points were taken off.")
    return [f'<p class="who">{text}</p>' for text in said]


def _bar(submission: Submission, standing: Standing) -> str:
    """A bar with a piece for each exercise and question, as wide as its points, filled as far as its score."""
    pieces = []
    for mark in standing.marks:
        passed = any(one.kernel == mark.kernel and one.verdict == PASSED for one in submission.exercises)
        share = min(1.0, max(0.0, mark.score / mark.points)) if mark.points else float(passed)
        part = "" if share == 1 else ' class="part"'
        fill = f'<i{part} style="width:{100 * share:.1f}%"></i>' if share else ""
        pieces.append(f'<span style="flex:{max(mark.points, 0.01):g} 1 0">{fill}</span>')
    label = f"{points(standing.total)} of {plural_points(standing.points)}"
    return f'<div class="bar" role="img" aria-label="{label}">{"".join(pieces)}</div>'


def _summary(submission: Submission) -> str:
    """One or two sentences: how it went, where to go on."""
    done = [exercise for exercise in submission.exercises if exercise.verdict == PASSED]
    empty = [exercise for exercise in submission.exercises if exercise.verdict == NOT_WRITTEN]
    broken = [exercise for exercise in submission.exercises if exercise.verdict == FAULT]
    slow = [exercise for exercise in submission.exercises if exercise.verdict == TOO_SLOW]
    left = [
        exercise for exercise in submission.exercises if exercise.verdict not in (PASSED, FAULT, TOO_SLOW)
    ] + slow
    right = len(done) + len(slow)
    total = len(submission.exercises)
    if len(done) == total:
        return "Every exercise is right." if total > 1 else "The exercise is right."
    if not left:
        return f"{plural(len(broken), 'exercise')} could not be graded, through no fault of yours."
    first = f'<a href="#{_anchor(left[0])}"><code>{escape(left[0].kernel, 60)}</code></a>'
    verb = "is" if right == 1 else "are"
    opening = f"{right} of {plural(total, 'exercise')} {verb} right" if right else "No exercise is right yet"
    if slow:
        opening += ", but slow" if len(slow) == right else f", {len(slow)} of them still slow"
    if len(empty) == total:
        return f"Nothing is written yet. Start with {first}."
    hint = " A likely cause is named there." if left[0].hint else ""
    return f"{opening}. Go on with {first}.{hint}"


def _entry(exercise: Exercise, mark: Mark | None) -> str:
    look = verdict_of(exercise.verdict)
    score, most = (mark.score, mark.points) if mark else (exercise.score, exercise.points)
    hand = "; points by a person" if mark and _is_by_hand(mark) else ""
    return (
        f'<li><span class="t-{look.tone}" aria-hidden="true">{look.sign}</span>'
        f'<span><a href="#{_anchor(exercise)}">{escape(exercise.kernel, 80)}</a>'
        f"<small>{escape(verdict_words(exercise.verdict))}{hand}</small></span>"
        f'<span class="number">{points(score)} of {points(most)}</span></li>'
    )


def _question(mark: Mark) -> str:
    """An entry for a written question."""
    state = "not read yet" if mark.waits else "points by a person" if _is_by_hand(mark) else "left empty"
    sign = "○" if mark.waits or not mark.score else "✓"
    score = f"– of {points(mark.points)}" if mark.waits else f"{points(mark.score)} of {points(mark.points)}"
    return (
        f'<li><span class="t-open" aria-hidden="true">{sign}</span>'
        f'<span><a href="#{_question_anchor(mark.name)}">{escape(_spoken(mark.name), 80)}</a>'
        f'<small>{state}</small></span><span class="number">{score}</span></li>'
    )


def _is_by_hand(mark: Mark) -> bool:
    return mark.manual is not None or bool(mark.extra)


def _given(mark: Mark) -> str:
    """What a person gave for a cell, in a line; empty if nothing."""
    parts = []
    if mark.manual is not None:
        by_checks = f" (the checks gave {points(mark.auto)})" if mark.kernel and mark.auto is not None else ""
        parts.append(f"A person gave {points(mark.manual)} of {plural_points(mark.points)}{by_checks}.")
    if mark.extra:
        parts.append(f"A person added {plural_points(mark.extra)} of extra credit.")
    return f'<p class="said">{" ".join(parts)}</p>' if parts else ""


def _question_anchor(name: str) -> str:
    return "question-" + "".join(letter if letter.isalnum() else "-" for letter in clean(name, 80))


def _anchor(exercise: Exercise) -> str:
    return "exercise-" + "".join(letter if letter.isalnum() else "-" for letter in clean(exercise.kernel, 80))


def _trouble(submission: Submission, standing: Standing) -> str:
    """What to tell the learner about a file that was not graded."""
    if submission.verdict == GRADED:
        return ""
    stays = "<p>The points above are those of your earlier file. They stay.</p>" if standing.total else ""
    if submission.verdict == UNGRADABLE:
        why = f"<p>The reason: {escape(submission.reason, 600)}.</p>" if submission.reason else ""
        why += stays
        return (
            f'<section class="card call"><h2>This file could not be graded</h2>{why}'
            "<p>What to do: take a fresh copy of the notebook, paste your solutions into its solution cells, run it from "
            "top to bottom, save it under its own name and submit it again. Nothing that you wrote was changed.</p></section>"
        )
    return (
        f'<section class="card call"><h2>This is not your fault</h2>'
        "<p>The grader failed while it worked on your file. It costs you no points and you need not do anything. "
        f"A person will look at it and grade your work.</p>{stays}</section>"
    )


def _card(exercise: Exercise, source: str, comments: list[str], mark: Mark | None) -> str:
    parts = [fragment(exercise, 2), _given(mark) if mark else ""]
    parts += [_said(text) for text in comments]
    if source.strip():
        parts.append(f"<details><summary>Your code</summary>{_code(source)}</details>")
    return f'<section class="card" id="{_anchor(exercise)}">{"".join(parts)}</section>'


def _said(text: str) -> str:
    return f'<div class="said"><b>Comment:</b> {escape(text, 5000)}</div>'


def _code(source: str) -> str:
    parts, at = [], 0
    text = clean(source, LONGEST_CODE)
    for found in _TOKEN.finditer(text):
        kind, word = str(found.lastgroup), found[0]
        if kind == "n":
            kind = "k" if keyword.iskeyword(word) else "nb" if word in _BUILTINS else ""
        if kind:
            parts += [
                html.escape(text[at : found.start()]),
                f'<span class="{kind}">{html.escape(word)}</span>',
            ]
            at = found.end()
    parts.append(html.escape(text[at:]))
    return f'<pre class="code" tabindex="0" aria-label="Your code">{"".join(parts)}</pre>'


_TOKEN = re.compile(
    r"(?P<c>#[^\n]*)"
    r'''|(?P<s>"""(?:[^"\\]|\\.|"(?!""))*(?:"""|\Z)|\'\'\'(?:[^\'\\]|\\.|\'(?!\'\'))*(?:\'\'\'|\Z)'''
    r"""|"(?:[^"\\\n]|\\.)*"?|\'(?:[^\'\\\n]|\\.)*\'?)"""
    r"|(?P<n>[^\W\d]\w*)|(?P<m>\d[\w.]*)",
    re.DOTALL,
)
"""Comments, strings, words and numbers. Every text is read in one go: a highlighter's lexer can be made to take minutes."""

_BUILTINS = frozenset(name for name in dir(builtins) if name.islower())


def _answer(name: str, source: str, comment: str, mark: Mark | None) -> str:
    written = source.strip().replace(ANSWER_STUB, "").strip()
    text = escape(written, LONGEST_CODE) or '<span class="soft">(left empty)</span>'
    note = _said(comment) if comment else ""
    if mark is None:
        end = "A person reads this answer. Its points are not part of the score above."
    elif mark.waits:
        end = f"A person reads this answer. Its {plural_points(mark.points)} are not part of the score yet."
    elif _is_by_hand(mark):
        end = ""
    else:
        end = f"{points(mark.score)} of {plural_points(mark.points)}."
    end = f'<p class="soft small">{end}</p>' if end else ""
    return (
        f'<section class="card" id="{_question_anchor(name)}"><h2>Written answer: {escape(_spoken(name), 80)}</h2>'
        f'<div class="answer">{text}</div>{_given(mark) if mark else ""}{note}{end}</section>'
    )


def _spoken(name: str) -> str:
    return name.replace("-", " ").replace("_", " ")


def _own_text(submission: Submission) -> str:
    """What the learner wrote in text cells of their own: an answer may stand there."""
    texts = [note.text for note in submission.notes if not note.is_code]
    if not texts:
        return ""
    shown = "".join(f'<div class="answer">{escape(text, LONGEST_CODE)}</div>' for text in texts[:MOST_CELLS])
    more = (
        f'<p class="soft small">{len(texts) - MOST_CELLS} more are not shown.</p>'
        if len(texts) > MOST_CELLS
        else ""
    )
    return f'<section class="card"><h2>Text in cells of your own</h2>{shown}{more}</section>'


def _person(submission: Submission) -> str:
    if submission.verdict != GRADED or not submission.for_a_person:
        return ""
    items = "".join(f"<li>{escape(one, 400)}</li>" for one in submission.for_a_person)
    return (
        '<section class="card"><h2>A person looks at this</h2><p>No program can judge it, so it is not decided yet:</p>'
        f'<ul class="steps">{items}</ul></section>'
    )


def _remarks(submission: Submission) -> str:
    remarks = [remark for remark in submission.remarks if remark != UNJAILED]
    if not remarks:
        return ""
    items = "".join(f"<li>{escape(remark, 400)}</li>" for remark in remarks)
    return (
        '<section class="card"><h2>About your file</h2>'
        f'<p>This was unusual about the file that you handed in:</p><ul class="steps">{items}</ul></section>'
    )


def _next_steps(submission: Submission) -> str:
    done = all(exercise.verdict in (PASSED, FAULT) for exercise in submission.exercises)
    if submission.verdict != GRADED or done:
        return ""
    return (
        '<section><h2>What to do next</h2><ol class="steps">'
        "<li>Open your notebook at the first exercise that is not right.</li>"
        "<li>Take the failing input shown above, the smallest that was found, and work the answer out by hand.</li>"
        "<li>Change your code, run the cell, then run the <code>check(…)</code> cell below it: it answers at once, "
        "as often as you like.</li>"
        "<li>When it is right, save the notebook and submit it again, if your course lets you.</li></ol>"
        '<p class="soft small">Grading draws fresh inputs, so code that fits only the input shown here does not pass.</p>'
        "</section>"
    )
