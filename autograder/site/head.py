"""What a page says of itself to those who find it: description, address, picture; a page for addresses that are not there."""

import html
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from ..publishing.kit import address

TEMPLATES = Path(__file__).parent / "templates"

LONGEST = 200
"""Characters of a description: what search engines show."""

PICTURE = "_static/card.png"
PICTURE_SIZE = (1200, 630)

UNUSED = re.compile("thebe|sphinx_highlight", re.IGNORECASE)
"""In the name or text of a script: sphinx-thebe, which Jupyter Book always loads, is unused here, and an error in every page;
the other marks words that Sphinx's own search hands to it."""

SETTINGS = re.compile(r"\s*<script type=\"text/x-thebe-config\">.*?</script>", re.DOTALL)
"""Its settings, which it puts into the text of every page."""


def setup(app: Sphinx) -> None:
    """Connect the steps; called by the book's extension."""
    app.connect("config-inited", add_templates)
    app.connect("html-page-context", describe)
    app.connect("html-page-context", drop_scripts)
    app.connect("build-finished", write_not_found)
    app.connect("build-finished", write_sitemap)


def add_templates(app: Sphinx, config: Any) -> None:
    """Have Sphinx find the book's own layout before the theme's."""
    config.templates_path = [*config.templates_path, str(TEMPLATES)]


def description(doctree: nodes.document) -> str:
    """The page's first paragraph, without the bold words that it begins with; cut between two words."""
    for paragraph in doctree.findall(nodes.paragraph):
        first = paragraph.children[0] if paragraph.children else None
        words = paragraph.astext()
        if isinstance(first, nodes.strong):
            words = words.removeprefix(first.astext())
        words = " ".join(words.split())
        if len(words) > 40:
            return (
                words
                if len(words) <= LONGEST
                else f"{words[: LONGEST - 1].rsplit(' ', 1)[0].rstrip(',;:')} …"
            )
    return ""


def describe(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Write description and picture into the page's head; with its address, where the book has one."""
    if doctree is None:
        return
    home, book = address(), str(app.config.html_title or app.config.project)
    title = re.sub(r"<[^>]+>", "", str(context.get("title") or book))
    picture = f"{home}/{PICTURE}" if home else context["pathto"](PICTURE, resource=True)
    said = {
        "og:type": "website" if pagename == app.config.root_doc else "article",
        "og:site_name": book,
        "og:title": html.unescape(title),
        "og:description": description(doctree),
        "og:image": picture,
        "og:image:width": str(PICTURE_SIZE[0]),
        "og:image:height": str(PICTURE_SIZE[1]),
        "og:image:alt": "A handwritten digit and the maps that filters leave of it",
    }
    if home:
        said["og:url"] = f"{home}/{pagename}.html"
    tags = [
        f'<meta property="{name}" content="{html.escape(text)}" />' for name, text in said.items() if text
    ]
    tags.append('<meta name="twitter:card" content="summary_large_image" />')
    if said["og:description"]:
        tags.insert(0, f'<meta name="description" content="{html.escape(said["og:description"])}" />')
    context["metatags"] = "\n".join([context.get("metatags") or "", *tags])


def drop_scripts(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Leave out the scripts and styles that no page uses; have the other scripts run when the text is there."""
    for kind in ("script_files", "css_files"):
        context[kind] = [
            file
            for file in context.get(kind, [])
            if not UNUSED.search(f"{file.filename} {file.attributes.get('body', '')}")
        ]
    for file in context["script_files"]:
        if file.filename and file.attributes.get("type") != "module":
            file.attributes["defer"] = "defer"  # a script in the head holds up the first paint otherwise
    if "body" in context:
        context["body"] = SETTINGS.sub("", context["body"])


def write_not_found(app: Sphinx, error: Exception | None) -> None:
    """Write the page for addresses that are not there: it stands alone, as nobody knows from which folder it is shown."""
    if error is None and app.builder.format == "html":
        text = (TEMPLATES / "404.html").read_text(encoding="utf-8")
        Path(app.outdir, "404.html").write_text(text.replace("{{ home }}", f"{address()}/"), encoding="utf-8")


def write_sitemap(app: Sphinx, error: Exception | None) -> None:
    """List the pages for search engines, if the book has an address."""
    home = address()
    if error is not None or app.builder.format != "html" or not home:
        return
    names = sorted(app.env.found_docs)
    places = "".join(f"  <url><loc>{html.escape(f'{home}/{name}.html')}</loc></url>\n" for name in names)
    Path(app.outdir, "sitemap.xml").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{places}</urlset>\n',
        encoding="utf-8",
    )
