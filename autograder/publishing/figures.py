"""IPython extension: while a page of the book runs, its figures come out as SVG with a light and a dark form.

The dark form shows where the file is asked for as `figure.svg#dark`. The colours of the style (course/draw.py) change with
it, and nothing else: a photograph, a map and the cells of a matrix keep their colours, and so does what is written on them.
Pictures inside a figure are WebP, as small as they may be: pixels that are shown as cells as they are, larger ones at
twice the density of a page. What is drawn is written in as few letters as it needs (see "Small files" below): a third of
Matplotlib's is said twice, or finer than a screen shows.
"""

import base64
import io
import itertools
import re
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.backend_bases import register_backend
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.cm import ScalarMappable
from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.spines import Spine
from matplotlib.text import Text
from matplotlib.transforms import BboxBase

SCALE = 110 / 72
"""Pixels of a page for a point of a figure."""

DENSITY = 2 * 110
"""Pixels of a picture inside a figure for an inch: twice those of a page."""

READABLE = 11
"""Pixels of the smallest text of a figure, however narrow the screen."""

DARK = {
    "ink": "#e7e5df",
    "paper": "#15171b",
    "white": "#1d2025",
    "soft": "#a9adb5",
    "faint": "#4a505b",
    "blue": "#7cc4f0",
    "orange": "#f08a4b",
    "green": "#6fd0b0",
    "amber": "#d9a13a",
    "sky": "#326a91",
    "pink": "#e39cc3",
    "pale_blue": "#1f3647",
    "pale_orange": "#472c1c",
}
"""The colours of course/draw.py, by their names, on a dark page."""

SOFTER = ":root:target image{filter:brightness(.9)}"
"""Pictures in a figure on a dark page."""

FEW = 10_000
"""Pixels of a picture up to which each is shown as a cell; above it is a photograph, or a map like one."""

FIXED = "fixed-"
"""How the names of parts begin that look the same on every page."""

SVG = "http://www.w3.org/2000/svg"
LINK = "href"
XLINK = "{http://www.w3.org/1999/xlink}href"
"""What Matplotlib writes for it, as browsers asked for until 2018."""

LETTER = "DejaVu"
"""How Matplotlib's names of letters begin."""

SHORT_LETTER = "a"
"""How their names begin in the file: they are half of what refers to anything."""

PNG = re.compile(r"data:image/png;base64,(.*)", re.DOTALL)

GRID = 200
"""Steps for the size of the type on which letters stand: six for a pixel of most of them, on a screen of double density."""

CURVE = 24
"""Steps of a path beyond which a tenth of a point will do, a seventh of a pixel at most from its place on such a screen."""

STEP = re.compile(r"[MLQCz][^MLQCz]*")
"""A step of a path as Matplotlib writes it."""

NUMBER = re.compile(r"-?\d*\.\d{3,}")
ZERO = re.compile(r"(?<![\d.])0(?=\.\d)")
UNIT = re.compile(r"scale\(0?\.0156\d*\)")
"""What Matplotlib says of the shape of each letter, whatever its typeface."""

SIZE = re.compile(r"scale\(([\d.]+) -\1\)$")
PLACE = re.compile(r"translate\(([-\d.]+) ([-\d.]+)\)(.*)")
REFERENCE = re.compile(r"#([\w-]+)")
COLOUR = re.compile(r"#[0-9a-f]{6}")


def load_ipython_extension(shell: Any) -> None:
    """Entry point that the kernel calls before the page's first cell."""
    shell.config.InlineBackend.figure_formats = {"svg"}
    shell.config.InlineBackend.print_figure_kwargs = {"bbox_inches": "tight", "dpi": DENSITY}
    register_backend("svg", FigureCanvas, "SVG with a light and a dark form")


class FigureCanvas(FigureCanvasSVG):
    """What Matplotlib hands a figure to that is to become SVG."""

    def print_svg(self, filename: Any, *, bbox_inches_restore: Any = None, **_: Any) -> None:
        """Write the figure into a file of bytes."""
        if bbox_inches_restore:  # the last of Matplotlib's passes: places are known
            settle(self.figure)
        drawn = io.StringIO()
        style: dict[Any, Any] = {
            "svg.hashsalt": "course",
            "svg.fonttype": "path",
            "image.composite_image": False,
        }
        with mpl.rc_context(style):
            super().print_svg(
                drawn,
                bbox_inches_restore=bbox_inches_restore,
                metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")),
            )
        filename.write(two_forms(drawn.getvalue(), least_width(self.figure)).encode())


def light() -> dict[str, str]:
    """The names of the style's colours, by the colours."""
    from course import draw  # late: a page without a figure does not hang on it

    return {getattr(draw, name.upper(), "#ffffff"): name for name in DARK}


def settle(figure: Figure) -> None:
    """Take the ground away, have cells drawn as they are, and name what keeps its colours."""
    names = light()
    renderer = RendererAgg(1, 1, figure.dpi)  # measures texts, and draws nothing
    figure.patch.set_visible(False)
    for image in figure.findobj(AxesImage):
        if image.get_window_extent().width >= image.get_size()[1]:
            image.set_interpolation("none")  # its own pixels, which a page makes larger
        if _is_inside(image.get_window_extent(), image.axes.bbox):
            image.set_clip_on(
                False
            )  # nothing of it to cut off, and each clip is a shape of its own in the file
    for ax in figure.axes:
        if names.get(to_hex(ax.get_facecolor())) == "paper":
            ax.patch.set_visible(False)
        data = [part for part in ax.get_children() if _has_own_colours(part, names)]
        if not data:
            continue
        whole = any(image in data and not np.ma.is_masked(image.get_array()) for image in ax.images)
        grid = [*ax.get_xgridlines(), *ax.get_ygridlines()] if whole else []
        for number, part in enumerate([*ax.get_children(), *grid]):
            if part in data or part in grid or _lies_on(part, data, renderer):
                part.set_gid(f"{FIXED}{number}")


def _is_inside(box: BboxBase, around: BboxBase) -> bool:
    """Whether a box is inside another, or stands out of it by less than half a dot."""
    sides = (box.x0 - around.x0, box.y0 - around.y0, around.x1 - box.x1, around.y1 - box.y1)
    return min(sides) > -0.5


def _has_own_colours(part: Artist, names: dict[str, str]) -> bool:
    """Whether a part of a figure is coloured by what it shows, not by the style."""
    if isinstance(part, Patch):
        colour = part.get_facecolor()
        return to_rgba(colour)[3] > 0.5 and to_hex(colour) not in names
    return isinstance(part, ScalarMappable) and part.get_array() is not None


def _lies_on(part: Artist, data: list[Artist], renderer: RendererAgg) -> bool:
    """Whether the middle of a text, a line or a frame is on something that has its own colours, and is smaller than it."""
    if not isinstance(part, Text | Line2D | Patch) or isinstance(part, Spine):
        return False
    if isinstance(part, Text) and not part.get_text():
        return False
    box = part.get_window_extent(renderer)
    middle: Any = SimpleNamespace(x=(box.x0 + box.x1) / 2, y=(box.y0 + box.y1) / 2)
    for ground in data:
        around = ground.get_window_extent(renderer)
        inside = box.width < around.width or box.height < around.height
        if isinstance(ground, AxesImage) and (inside or isinstance(part, Text)):
            value = ground.get_cursor_data(middle) if around.contains(middle.x, middle.y) else None
            if value is not None and value is not np.ma.masked:  # masked where nothing is shown
                return True
        elif (
            isinstance(ground, Patch)
            and isinstance(part, Text)
            and ground.contains_point((middle.x, middle.y))
        ):
            return True
    return False


def least_width(figure: Figure) -> float:
    """Share of its natural width that a figure may be drawn at: its smallest text is as small as it may be then."""
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    return READABLE / SCALE / min((float(text.get_fontsize()) for text in texts), default=READABLE)


def two_forms(svg: str, least: float) -> str:
    """Matplotlib's SVG made small, with its size in pixels, and with the colours of the style by their names.

    `least` is the share of the width that a page may not go below: the attribute `data-least`, in pixels.
    """
    root = ElementTree.fromstring(svg)
    for part in root.iter():
        if XLINK in part.attrib:
            part.set(LINK, part.attrib.pop(XLINK))
    asked = {name for part in root.iter() for name in _asked_for(part)}
    _colour(root, light())
    for part in root.iter():
        if part.get("id") not in asked:
            part.attrib.pop("id", None)
        if part.tag == f"{{{SVG}}}image":
            few = float(part.attrib["width"]) * float(part.attrib["height"]) <= FEW
            if not few:
                part.attrib.pop("style", None)  # smooth, not as cells
            elif "pixelated" in part.get("style", ""):
                part.set("style", "image-rendering:pixelated")  # which all browsers know by now
            part.set(LINK, PNG.sub(_smaller, part.attrib[LINK]))
    make_small(root)
    width, height = (SCALE * float(size) for size in root.attrib["viewBox"].split()[2:])
    root.attrib |= {"id": "dark", "width": f"{width:.0f}", "height": f"{height:.0f}"}
    root.set("data-least", f"{min(least, 1) * width:.0f}")
    ElementTree.register_namespace("", SVG)
    drawn = ElementTree.tostring(root, encoding="unicode").replace(" />", "/>")
    head, _, rest = drawn.partition(">")
    return f"{head}><style>{_style(rest)}</style>{rest}"


def _style(drawn: str) -> str:
    """The values of those colours that a figure has, light and dark."""
    names = {colour: name for colour, name in light().items() if f"--{name})" in drawn}
    style = f":root{{{_values(names.items())}}}"
    style += f":root:target{{{_values((DARK[name], name) for name in names.values())}}}"
    return style + SOFTER * ("<image" in drawn)


def _values(colours: Iterable[tuple[str, str]]) -> str:
    """Colours with their names as custom properties."""
    return ";".join(f"--{name}:{colour}" for colour, name in colours)


def _asked_for(part: ElementTree.Element) -> list[str]:
    """The names that a part refers to: of letters, clips and patterns."""
    named = (part.get(name, "") for name in (LINK, "clip-path", "style"))
    return [name for text in named if not text.startswith("data:") for name in REFERENCE.findall(text)]


def _colour(part: ElementTree.Element, names: dict[str, str]) -> None:
    """Put names for the colours of the style, but where they are fixed."""
    if part.get("id", "").startswith(FIXED):
        return
    for name in {"style", "fill", "stroke"} & part.attrib.keys():  # the last two are those of hatches
        part.set(name, COLOUR.sub(lambda found: _named(found[0], names), part.attrib[name]))
    for inner in part:
        _colour(inner, names)


def _named(colour: str, names: dict[str, str]) -> str:
    return f"var(--{names[colour]})" if colour in names else colour


def _smaller(found: re.Match[str]) -> str:
    """A picture in a figure as WebP, where that is smaller."""
    from PIL import Image

    png, made = base64.b64decode(found[1]), io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        few = picture.width * picture.height <= FEW
        picture.save(made, "WEBP", lossless=few, quality=75)
    kind, content = ("webp", made.getvalue()) if made.tell() < len(png) else ("png", png)
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


# Small files


def make_small(root: ElementTree.Element) -> None:
    """Write what is drawn in fewer letters. Letters and straight lines move by less than a fifth of a pixel of a screen of
    double density, the points of curves by less than a sixth."""
    for part in root.iter():
        part.text = part.tail = None
    root.attrib.pop("version", None)
    root.set(
        "stroke-linejoin", "round"
    )  # what Matplotlib's style says of all parts; of a group it could not be said then
    defined = ElementTree.Element(f"{{{SVG}}}defs")
    for part in list(root.iter()):
        for one in part.findall(f"{{{SVG}}}defs"):
            defined.extend(inner for inner in one if inner.tag != f"{{{SVG}}}style")
            part.remove(one)
    root.insert(0, defined)
    letters = {f"#{part.get('id')}": part for part in defined if UNIT.fullmatch(part.get("transform", ""))}
    shapes = set(letters.values())
    for part in root.iter():
        for name, value in part.attrib.items():
            if name == "d" and part not in shapes:
                part.set(
                    name, short_path(value, places=1 if value.count("L") + value.count("C") > CURVE else 2)
                )
            elif name not in ("d", "id", LINK):
                part.set(name, _short(value))
        _say(part, _said(part))
    _write_letters(root, defined, letters)
    _share_words(root, defined)
    _say_once(root, defined)
    _join(root)
    _rename(root)


def _write_letters(
    root: ElementTree.Element, defined: ElementTree.Element, letters: dict[str, ElementTree.Element]
) -> None:
    """Letters on a grid of their own, in whose steps texts place them; spaces are left out."""
    for letter in letters.values():
        del letter.attrib["transform"]  # Matplotlib has 6400 steps, and texts that count to 100
        if letter.get("d"):
            letter.set("d", short_path(letter.attrib["d"], places=0, times=GRID / 6400))
        else:
            defined.remove(letter)
    times = GRID / 100
    for text in root.iter(f"{{{SVG}}}g"):
        if not any(inner.get(LINK) in letters for inner in text):
            continue
        text.set(
            "transform", SIZE.sub(lambda found: _scaled(float(found[1]) / times), text.attrib["transform"])
        )
        for inner in list(text):
            place = PLACE.fullmatch(inner.get("transform", ""))
            if inner.get(LINK) in letters and not letters[inner.attrib[LINK]].get("d"):
                text.remove(inner)
            elif inner.tag != f"{{{SVG}}}use":  # the line of a fraction
                inner.set("transform", f"scale({times:g})")
            elif place:
                x, y = (round(float(place[n]) * times) for n in (1, 2))
                if place[3]:  # an exponent, smaller
                    inner.set("transform", f"translate({x} {y}){place[3]}")
                    continue
                del inner.attrib["transform"]
                inner.attrib |= {name: str(value) for name, value in (("x", x), ("y", y)) if value}


def _share_words(root: ElementTree.Element, defined: ElementTree.Element) -> None:
    """What is written in several places, as the same numbers in two charts, is spelled once."""
    written: dict[tuple[tuple[str, ...], ...], list[ElementTree.Element]] = {}
    for text in root.iter(f"{{{SVG}}}g"):
        if len(text) > 1 and all(
            inner.tag == f"{{{SVG}}}use" and not inner.attrib.keys() - {LINK, "x", "y"} for inner in text
        ):
            spelled = tuple(tuple(itertools.chain(*inner.attrib.items())) for inner in text)
            written.setdefault(spelled, []).append(text)
    for number, places in enumerate(places for places in written.values() if len(places) > 1):
        name = f"{LETTER}-word-{number}"
        ElementTree.SubElement(defined, f"{{{SVG}}}g", id=name).extend(places[0])
        for text in places:
            text[:] = [ElementTree.Element(f"{{{SVG}}}use", {LINK: f"#{name}"})]


def _scaled(size: float) -> str:
    scale = ZERO.sub("", f"{size:.5g}")  # to fewer digits the end of a long line would move
    return f"scale({scale} -{scale})"


def short_path(path: str, places: int = 2, times: float = 1) -> str:
    """A path with every number times `times`, to so many digits after the point, from its last point on where that is shorter."""
    made, last = [], ""
    at = start = (0.0, 0.0)
    steps = [
        (step[0], [round(float(one) * times, places) for one in step[1:].split()])
        for step in STEP.findall(path)
    ]
    for (letter, values), following in zip(steps, [*(letter for letter, _ in steps[1:]), ""], strict=True):
        if letter == "z":
            made.append("z")
            at, last = start, "z"
            continue
        end = (values[-2], values[-1])
        if letter == "L" and end == (start if following == "z" else at) and last != "M":
            continue  # `z` goes there itself; or it goes nowhere
        from_here = [value - at[n % 2] for n, value in enumerate(values)]
        ways = [(letter, values), (letter.lower(), from_here)]
        if letter == "L" and end[1] == at[1]:
            ways = [("H", values[:1]), ("h", from_here[:1])]
        elif letter == "L" and end[0] == at[0]:
            ways = [("V", values[1:]), ("v", from_here[1:])]
        written = [_step(one, numbers, places, last) for one, numbers in ways]
        shortest = min((0, 1), key=lambda n: len(written[n]))
        made.append(written[shortest])
        at, last = end, ways[shortest][0]
        if letter == "M":
            start, last = end, "M"
    return "".join(made)


def _step(letter: str, values: Iterable[float], places: int, last: str) -> str:
    """A step of a path; without its letter after another of the same kind."""
    text = ""
    for value in values:
        number = ZERO.sub("", f"{round(value, places) + 0:.{places}f}")
        number = (number.rstrip("0").rstrip(".") if places else number) or "0"
        text += number if number[0] == "-" or not text else f" {number}"
    same = letter == last and letter not in "Mm"
    return (text if text[0] == "-" else f" {text}") if same else letter + text


def _say_once(root: ElementTree.Element, defined: ElementTree.Element) -> None:
    """What all that show a mark say of its style, say it with the mark."""
    marks = {f"#{part.get('id')}": part for part in defined if not part.get("id", LETTER).startswith(LETTER)}
    shown: dict[str, list[ElementTree.Element]] = {}
    for part in root.iter(f"{{{SVG}}}use"):
        shown.setdefault(part.attrib[LINK], []).append(part)
    for name in marks.keys() & shown.keys():
        own = _said(marks[name])
        styles = [_said(part) for part in shown[name]]
        if all(style == styles[0] for style in styles):
            _say(marks[name], styles[0] | own)
            styles = [{} for _ in styles]
        for part, style in zip(shown[name], styles, strict=True):
            _say(part, {key: value for key, value in style.items() if key not in own})


def _said(part: ElementTree.Element) -> dict[str, str]:
    """The style of a part."""
    pairs = (said.partition(":") for said in part.get("style", "").split(";") if said.strip())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _say(part: ElementTree.Element, style: dict[str, str]) -> None:
    part.set("style", ";".join(f"{name}:{value}" for name, value in style.items()))
    if not style:
        part.attrib.pop("style")


def _join(part: ElementTree.Element) -> None:
    """Take away groups that say nothing, and put neighbours of one style into a group that has it."""
    inside: list[ElementTree.Element] = []
    for inner in part:
        _join(inner)
        inside += list(inner) if inner.tag == f"{{{SVG}}}g" and not inner.attrib else [inner]
    part[:] = []
    for style, run in itertools.groupby(inside, lambda inner: inner.get("style", "")):
        alike = list(run)
        together = re.search(
            r"(?<!-)opacity", style
        )  # as one, parts that lie on each other would not show it
        if len(alike) == 1 or not style or together or part.tag == f"{{{SVG}}}defs":
            part.extend(alike)
            continue
        group = ElementTree.SubElement(part, f"{{{SVG}}}g", style=style)
        clips = {inner.get("clip-path") for inner in alike}
        if len(clips) == 1 and None not in clips and all("transform" not in inner.attrib for inner in alike):
            group.set("clip-path", str(clips.pop()))
        for inner in alike:
            del inner.attrib["style"]
            if "clip-path" in group.attrib:
                del inner.attrib["clip-path"]
        group.extend(alike)


def _rename(root: ElementTree.Element) -> None:
    """Short names for what is referred to."""
    letters, others = itertools.count(), itertools.count()
    names = {
        name: f"{SHORT_LETTER}{next(letters):x}" if name.startswith(LETTER) else f"i{next(others):x}"
        for name in [part.attrib["id"] for part in root.iter() if part.get("id")]
    }
    for part in root.iter():
        for name, value in part.attrib.items():
            if name == "id":
                part.set(name, names[value])
            elif not value.startswith("data:"):
                part.set(name, REFERENCE.sub(lambda found: f"#{names.get(found[1], found[1])}", value))


def _short(text: str) -> str:
    """Numbers to a hundredth, small ones to four digits."""

    def shortened(found: re.Match[str]) -> str:
        number = float(found[0])
        return f"{round(number, 2):g}" if abs(number) >= 1 else f"{number:.4g}"

    return ZERO.sub("", NUMBER.sub(shortened, text))
