"""A result as a piece of HTML that stands alone in a notebook's output, on a book page or in a feedback page."""

import html
import math
import re
from collections.abc import Sequence

from ..results import NOT_WRITTEN, PASSED, TOO_SLOW, Check, Exercise, Failure, Panel
from .arrays import DIFFERS, FIRST, SAME, Cell, Drawing, Grid, comparison, draw
from .words import (
    advice_on,
    alike,
    call_of,
    cause_of,
    compares,
    counted,
    escape,
    is_array,
    is_listed,
    plural_points,
    points,
    readable,
    recipe,
    scalar,
    sentence,
    shape_of,
    title_of,
    verdict_of,
    verdict_words,
)

POSITIVE, NEGATIVE = "230,159,0", "0,114,178"
"""Amber above zero and blue below, of the Okabe-Ito palette, as in the course's figures."""

PHONE = 34
"""Characters of a table's row, the space between numbers included, that a phone shows for sure."""

NO_FORMULA = "tex2jax_ignore mathjax_ignore"
"""Classes of what MathJax, of any version, leaves alone: a learner's words between dollar signs are no formula."""

STYLE = """
.cnnr .cnnr-plain{display:none!important}
.cnnr{--line:rgba(127,127,127,.35);--wash:rgba(127,127,127,.1);color:inherit;font:15px/1.5 system-ui,-apple-system,
"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;max-width:56em;margin:.25em 0;text-align:left}
.cnnr *{box-sizing:border-box}
.cnnr .cnnr-head{display:flex;flex-wrap:wrap;align-items:center;gap:.35em .8em;margin:0 0 .6em;padding:0;border:0;
font-size:1.1em;font-weight:600;line-height:1.4;color:inherit}
.cnnr .cnnr-name,.cnnr code,.cnnr pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
.cnnr .cnnr-name{font-weight:600}
.cnnr .cnnr-points{font-weight:400;font-size:.86em;font-variant-numeric:tabular-nums}
.cnnr-badge{display:inline-block;padding:.1em .65em;border-radius:1em;font-size:.8rem;font-weight:600;line-height:1.5;
color:#fff!important;white-space:nowrap}
.cnnr-good{background:#00694d}.cnnr-bad{background:#a83f00}.cnnr-limit{background:#8a3a68}.cnnr-open{background:#565b64}
.cnnr-fault{background:#00588a}
.cnnr p{margin:.5em 0;color:inherit;font-size:1em;line-height:1.5}
.cnnr code{background:var(--wash);color:inherit;border:0;padding:.1em .3em;border-radius:3px;font-size:.92em;
overflow-wrap:anywhere}
.cnnr ul.cnnr-checks{list-style:none;margin:.4em 0;padding:0}
.cnnr ul.cnnr-checks li{display:flex;gap:.6em;margin:0;padding:.12em 0;color:inherit}
.cnnr .cnnr-sign{flex:none;width:1.35em;height:1.35em;margin-top:.14em;border-radius:50%;color:#fff;font-size:.8em;
font-weight:700;line-height:1.35em;text-align:center}
.cnnr .cnnr-why{display:block;font-size:.88em;opacity:.8;overflow-wrap:anywhere}
.cnnr ul.cnnr-checks ul{list-style:none;margin:0;padding:0}
.cnnr ul.cnnr-checks li.cnnr-alike{display:block}
.cnnr .cnnr-alike>.cnnr-why{margin:0 0 .2em 2.1em}
.cnnr .cnnr-failure{margin:.9em 0 0;padding:.1em 0 .1em 1em;border-left:3px solid #d55e00}
.cnnr .cnnr-limited{border-left-color:#cc79a7}
.cnnr .cnnr-lead,.cnnr .cnnr-lead b{font-weight:600}
.cnnr .cnnr-message{overflow-wrap:anywhere;white-space:pre-wrap}
.cnnr .cnnr-row{display:flex;flex-wrap:wrap;gap:.9em 2em;margin:.7em 0;align-items:flex-start}
.cnnr .cnnr-panel{min-width:0;max-width:100%}
.cnnr .cnnr-title{font-size:.92em;line-height:1.35;margin-bottom:.3em}
.cnnr .cnnr-title b{font-weight:600}
.cnnr .cnnr-title span{display:block;font-size:.88em;opacity:.8}
.cnnr .cnnr-slices{display:flex;flex-wrap:wrap;gap:.5em 1em;margin:0 0 .5em}
.cnnr .cnnr-panel>code{display:inline-block;white-space:pre-wrap;padding:.3em .6em}
.cnnr .cnnr-scroll{position:relative;max-width:100%;overflow-x:auto;padding:3px}
.cnnr table.cnnr-grid{border-collapse:collapse!important;border:0!important;margin:0!important;width:auto!important;
min-width:0!important;background:none!important;display:table!important;table-layout:auto!important;
font:12px/1.2 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace!important;color:inherit!important}
.cnnr .cnnr-grid caption{caption-side:top;padding:0 0 .2em!important;margin:0!important;text-align:left!important;
font:12px/1.3 system-ui,sans-serif!important;color:inherit!important;opacity:.8;white-space:nowrap}
.cnnr .cnnr-grid tr{background:none!important;border:0!important}
.cnnr .cnnr-grid td,.cnnr .cnnr-grid th{padding:0 .45em!important;margin:0!important;height:2.1em!important;
min-width:2.5em!important;max-width:none!important;text-align:center!important;vertical-align:middle!important;
white-space:nowrap!important;color:inherit;font-weight:400!important;font-variant-numeric:tabular-nums}
.cnnr .cnnr-grid td{border:1px solid var(--line)!important}
.cnnr .cnnr-grid th{border:0!important;background:none!important;min-width:0!important;opacity:.65;font-size:10px!important;
height:1.4em!important}
.cnnr .cnnr-grid td.cnnr-d{box-shadow:inset 0 -2px currentColor;font-weight:600!important}
.cnnr .cnnr-grid td.cnnr-f{outline:3px solid currentColor;outline-offset:-1px;font-weight:700!important;position:relative}
.cnnr .cnnr-sr{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.cnnr .cnnr-legend{display:block;font-size:.84em;opacity:.85;margin:.2em 0}
.cnnr .cnnr-legend i{display:inline-block;width:1.15em;height:1.15em;margin:0 .35em 0 0;vertical-align:-.2em}
.cnnr .cnnr-legend span{margin-right:1.3em;white-space:nowrap}
.cnnr .cnnr-k-f{outline:3px solid currentColor;outline-offset:-3px}
.cnnr .cnnr-k-d{border:1px solid var(--line);box-shadow:inset 0 -2px currentColor}
.cnnr .cnnr-hint{margin:0 0 .9em;padding:.6em .9em;border-radius:6px;border:1px solid rgba(230,159,0,.75);
background:rgba(230,159,0,.14);overflow-wrap:anywhere}
.cnnr .cnnr-note{margin:.9em 0 0;padding:.6em .9em;border-radius:6px;background:var(--wash);overflow-wrap:anywhere}
.cnnr details{margin:.7em 0 0;border:0;padding:0;background:none;box-shadow:none}
.cnnr summary{cursor:pointer;font-size:.92em;font-weight:400;padding:.1em 0;background:none;color:inherit;border:0}
.cnnr pre{margin:.4em 0 0;padding:.7em .9em;background:var(--wash);color:inherit;border:0;border-radius:6px;
font-size:12.5px;line-height:1.5;overflow-x:auto;white-space:pre-wrap;overflow-wrap:anywhere}
html[data-theme="dark"] .text_html:has(>.cnnr){background:none!important;color:var(--pst-color-text-base)!important;
padding:0!important}
""".strip()


def _unstyled(text: str) -> str:
    """What parts two words where no style does: a notebook that is not trusted shows a report without its style."""
    return f'<span class="cnnr-plain">{text}</span>'


def exercise_html(exercise: Exercise, level: int = 3) -> str:
    """Report one exercise as HTML that brings its own style, needs no script and loads nothing.

    It reads well without that style too, as in a notebook that was saved and is not trusted.

    level : of the report's heading, 1 to 6. Whatever comes from a learner is escaped.
    """
    return f"<style>{STYLE}</style>\n{fragment(exercise, level)}"


def fragment(exercise: Exercise, level: int) -> str:
    """The report without its style, for a page that has it already."""
    parts = [_head(exercise, level), *_body(exercise)]
    return f'<div class="cnnr {NO_FORMULA}">{"".join(parts)}</div>'


def badge(verdict: str) -> str:
    """The verdict as a coloured label with a sign and its word."""
    look = verdict_of(verdict)
    return f'<span class="cnnr-badge cnnr-{look.tone}">{look.sign} {escape(verdict_words(verdict))}</span>'


def _head(exercise: Exercise, level: int) -> str:
    return (
        f'<h{level} class="cnnr-head"><span class="cnnr-name">{escape(exercise.kernel, 80)}</span>{_unstyled(": ")}'
        f'<span class="cnnr-points">{points(exercise.score)} of {plural_points(exercise.points)}</span>'
        f"{_unstyled(', ')}{badge(exercise.verdict)}</h{level}>"
    )


def _body(exercise: Exercise) -> list[str]:
    """Everything below the heading: what the mistake is first, then the checks, then the smallest failure."""
    parts = []
    if exercise.verdict == NOT_WRITTEN:
        parts.append(
            f"<p><code>{escape(exercise.kernel, 80)}</code> is not written yet: replace its "
            "<code>raise NotImplementedError</code> with your code, then check again.</p>"
        )
        if exercise.checks:
            wishes = "".join(f"<li>{escape(check.title, 300)}</li>" for check in exercise.checks)
            parts.append(
                f"<details><summary>What will be checked ({len(exercise.checks)})</summary><ul>{wishes}</ul></details>"
            )
    else:
        lead, cause = cause_of(exercise)
        if cause:
            lead = f"<b>{lead}</b> " if lead else ""
            parts.append(f'<div class="cnnr-hint" role="note">{lead}{_with_code(cause)}</div>')
        if exercise.checks:
            items = "".join(_checks(group, exercise.failure) for group in alike(exercise.checks))
            parts.append(f'<ul class="cnnr-checks" aria-label="{counted(exercise)}">{items}</ul>')
        if exercise.verdict == PASSED and len(exercise.checks) > 1:
            parts.append(f"<p>All {len(exercise.checks)} checks passed.</p>")
        if exercise.failure:
            parts.append(_failure(exercise, exercise.failure))
        if advice_on(exercise):
            parts.append(f"<p>{escape(advice_on(exercise))}</p>")
    if exercise.remark:
        parts.append(
            f'<div class="cnnr-note" role="note"><b>Note:</b> {html.escape(readable(exercise.remark, 600))}</div>'
        )
    return parts


def _with_code(text: str) -> str:
    """Text for HTML in which what stands between backticks is code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(readable(text, 1000)))


def _checks(group: Sequence[Check], shown: Failure | None) -> str:
    """Lines of the list: checks that failed alike say it once; what is shown below is not said here."""
    message = html.escape(readable(group[0].message, 160))
    silent = group[0].passed or not message or shown is None
    below = shown is not None and any(check.name == shown.check for check in group)
    if len(group) == 1:
        told = silent or below
        why = "" if told else f'{_unstyled(": ")}<span class="cnnr-why">{message}</span>'
        return _check(group[0], why)
    how = "as shown below" if below else message
    said = "" if silent else f'<span class="cnnr-why">all {len(group)}: {how}</span>'
    lines = "".join(_check(check, "") for check in group)
    return f'<li class="cnnr-alike"><ul>{lines}</ul>{said}</li>'


def _check(check: Check, why: str) -> str:
    tone, sign, word = ("good", "✓", "passed") if check.passed else ("bad", "✗", "failed")
    return (
        f'<li><span class="cnnr-sign cnnr-{tone}" role="img" aria-label="{word}">{sign}</span>{_unstyled(" ")}'
        f"<span>{escape(check.title, 300)}{why}</span></li>"
    )


def _failure(exercise: Exercise, failure: Failure) -> str:
    look = verdict_of(exercise.verdict)
    limited = " cnnr-limited" if look.tone == "limit" else ""
    title = title_of(exercise)
    parts = [
        f'<p class="cnnr-lead"><span aria-hidden="true">✗</span> <b>{html.escape(title)}</b></p>'
        if title
        else "",
        f"<p>Smallest failing input: <code>{html.escape(readable(call_of(failure)))}</code></p>"
        if failure.reason != TOO_SLOW
        else "",
        f'<p class="cnnr-message">{escape(sentence(failure))}</p>',
    ]
    inputs = [
        _panel(panel, draw(panel), panel.dtype == "uint8") for panel in failure.inputs if is_listed(panel)
    ]
    if inputs:
        parts.append(f'<div class="cnnr-row">{"".join(inputs)}</div>')
    if compares(failure):
        parts.append(_comparison(failure))
    code = recipe(failure)
    if code:
        parts.append(
            f"<details><summary>Try this input in a cell of its own</summary><pre>{escape(code)}</pre></details>"
        )
    return f'<div class="cnnr-failure{limited}">{"".join(parts)}</div>'


def _comparison(failure: Failure) -> str:
    wanted, returned = comparison(failure)
    picture = all(panel.dtype == "uint8" for panel in (failure.expected, failure.got) if panel is not None)
    panels = [
        _panel(panel, drawing, picture)
        for panel, drawing in ((failure.expected, wanted), (failure.got, returned))
        if panel is not None
    ]
    if not panels:
        return ""
    marks = returned.marks if returned else set()
    legend = ""
    if FIRST in marks:
        legend += '<span><i class="cnnr-k-f"></i>first value that differs</span> '
    if DIFFERS in marks:
        legend += '<span><i class="cnnr-k-d"></i>also differs</span>'
    # hidden, unless its style shows it: without that the marks are not there, and "(differs)" is to be read
    legend = f'<p class="cnnr-legend" aria-hidden="true" hidden>{legend}</p>' if legend else ""
    return f'<div class="cnnr-row">{"".join(panels)}</div>{legend}'


def _panel(panel: Panel, drawing: Drawing | None, picture: bool) -> str:
    """A value under its title; `picture` shows each number as the grey that it is."""
    title = escape(panel.title, 60)
    if not is_array(panel):
        return f'<div class="cnnr-panel"><div class="cnnr-title"><b>{title}</b></div><code>{escape(scalar(panel))}</code></div>'
    left_out = f"; {drawing.left_out}" if drawing and drawing.left_out else ""
    if panel.values is None:
        left_out = "; too large to show"
    head = f'<div class="cnnr-title"><b>{title}</b>{_unstyled(": ")}<span>{escape(shape_of(panel))}{left_out}</span></div>'
    if drawing is None:
        return f'<div class="cnnr-panel">{head}</div>'
    rows = []
    for grids in drawing.rows:
        tables = "".join(
            f'<div class="cnnr-scroll"{_reached_by_keys(grid)}>{_table(grid, drawing.scale, picture, panel)}</div>'
            for grid in grids
        )
        rows.append(f'<div class="cnnr-slices">{tables}</div>')
    return f'<div class="cnnr-panel">{head}{"".join(rows)}</div>'


def _reached_by_keys(grid: Grid) -> str:
    """What makes a table that a phone cuts off a stop of the Tab key, so that keys can scroll it."""
    widths = [max(len(row[column].text) for row in grid.cells) for column in range(len(grid.columns))]
    return ' tabindex="0"' if sum(max(4, width + 2) for width in widths) > PHONE else ""


def _table(grid: Grid, scale: float, picture: bool, panel: Panel) -> str:
    hidden = "" if grid.label else ' class="cnnr-sr"'
    caption = f"<caption{hidden}>{escape(grid.label or panel.title, 80)}</caption>"
    across = "".join(f'<th scope="col">{column}</th>' for column in grid.columns)
    corner = "" if grid.is_vector else '<th scope="col"><span class="cnnr-sr">row</span></th>'
    rows = [f"<tr>{corner}{across}</tr>"]
    for row, cells in zip(grid.rows, grid.cells, strict=True):
        side = "" if grid.is_vector else f'<th scope="row">{row}</th>'
        rows.append(f"<tr>{side}{''.join(_cell(cell, scale, picture) for cell in cells)}</tr>")
    return f'<table class="cnnr-grid">{caption}{"".join(rows)}</table>'


def _cell(cell: Cell, scale: float, picture: bool) -> str:
    mark, said, text = "", "", cell.text  # a number's digits: nothing to escape
    if cell.mark != SAME:
        mark = f' class="cnnr-{"f" if cell.mark == FIRST else "d"}"'
        said = '<span class="cnnr-sr"> (differs)</span>'
    if picture:
        level = max(0, min(255, int(cell.value)))
        colour = f"background:rgb({level},{level},{level})"
        text = f'<span style="color:{"#000" if level > 117 else "#fff"}">{text}</span>'
    else:
        colour = _tint(cell.value, scale)
    return f'<td{mark} style="{colour}">{text}{said}</td>' if colour else f"<td{mark}>{text}{said}</td>"


def _tint(value: float, scale: float) -> str:
    """Colour of a number: it lets the page's own ink and paper through, so that it suits a light and a dark page."""
    if not scale or value == 0 or math.isnan(value):
        return ""
    strength = min(1.0, abs(value) / scale) * 0.46 + 0.04
    return f"background:rgba({POSITIVE if value > 0 else NEGATIVE},{strength:.2f})"
