"""IPython extension: while a page of the book runs, its figures come out as SVG with a light and a dark form.

The dark form shows where the file is asked for as `figure.svg#dark`. The colours of the style (course/draw.py) change with
it, and nothing else: a photograph, a map and the cells of a matrix keep their colours, and so does what is written on them.
Pictures inside a figure are WebP, as small as they may be: pixels that are shown as cells as they are, larger ones at
twice the density of a page.
"""

import base64
import io
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
LINK = "{http://www.w3.org/1999/xlink}href"
PNG = re.compile(r"data:image/png;base64,(.*)", re.DOTALL)
NUMBER = re.compile(r"-?\d*\.\d{3,}")
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
    asked = {name for part in root.iter() for name in _asked_for(part)}
    _colour(root, light())
    for part in root.iter():
        if part.get("id") not in asked:
            part.attrib.pop("id", None)
        if part.tag == f"{{{SVG}}}image" and float(part.attrib["width"]) * float(part.attrib["height"]) > FEW:
            part.attrib.pop("style", None)  # smooth, not as cells
        for name, value in part.attrib.items():
            part.set(name, _short(value) if name != LINK else PNG.sub(_smaller, value))
    width, height = (SCALE * float(size) for size in root.attrib["viewBox"].split()[2:])
    root.attrib |= {"id": "dark", "width": f"{width:.0f}", "height": f"{height:.0f}"}
    root.set("data-least", f"{min(least, 1) * width:.0f}")
    style = ElementTree.Element(f"{{{SVG}}}style")
    style.text = (
        f":root{{{_values(light().items())}}}:root:target{{{_values((v, k) for k, v in DARK.items())}}}"
    )
    style.text += SOFTER
    root.insert(0, style)
    for part in root.iter():
        part.text, part.tail = (text and " ".join(text.split()) for text in (part.text, part.tail))
    ElementTree.register_namespace("", SVG)
    ElementTree.register_namespace("xlink", LINK[1:].split("}")[0])
    return ElementTree.tostring(root, encoding="unicode")


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


def _short(text: str) -> str:
    """Numbers to a hundredth, small ones to four digits."""

    def shortened(found: re.Match[str]) -> str:
        number = float(found[0])
        return f"{round(number, 2):g}" if abs(number) >= 1 else f"{number:.4g}"

    return NUMBER.sub(shortened, text)


def _smaller(found: re.Match[str]) -> str:
    """A picture in a figure as WebP, where that is smaller."""
    from PIL import Image

    png, made = base64.b64decode(found[1]), io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        few = picture.width * picture.height <= FEW
        picture.save(made, "WEBP", lossless=few, quality=75)
    kind, content = ("webp", made.getvalue()) if made.tell() < len(png) else ("png", png)
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
