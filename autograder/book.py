"""Sphinx extension of the book: where a page imports a reference kernel, the reader sees the stub."""

from docutils import nodes
from sphinx.application import Sphinx

from . import explore, site
from .live import pages
from .publishing.authoring import kernel_source, stub_source
from .publishing.kit import FOLDER, address, publish, repository


def show_stubs(app: Sphinx, doctree: nodes.document) -> None:
    """Replace the source shown for each cell tagged `exercise` by the kernel's stub."""
    for cell in doctree.findall(nodes.container):
        if "tag_exercise" in cell.get("classes", []):
            for shown in cell.findall(nodes.literal_block):
                stub = stub_source(kernel_source(shown.astext().strip()))
                shown.rawsource = stub
                shown.children = []
                shown += nodes.Text(stub)


def publish_kit(app: Sphinx, error: Exception | None) -> None:
    """Put beside the pages what released notebooks fetch, if the book has an address or a repository of its own."""
    if error is None and app.builder.format == "html" and (address() or repository()):
        publish(app.outdir / FOLDER)


def setup(app: Sphinx) -> dict[str, bool]:
    """Entry point that Sphinx calls."""
    app.setup_extension("autograder.publishing.pages")
    app.connect("doctree-read", show_stubs)
    app.connect("build-finished", publish_kit)
    site.setup(app)
    explore.setup(app)  # takes figures away when it has been seen which code draws them
    pages.setup(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
