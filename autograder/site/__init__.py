"""How the book looks and is found: its front page, what stands in each page's head, and what is left out of it.

`boxes` gives each kind of box its shape, `finder` makes what the search reads, `front` makes the cards of the chapters,
`head` writes descriptions and addresses, `pictures` gives pictures their size and their form for the theme, `weight`
removes what no page uses and joins small files.
"""

from sphinx.application import Sphinx

from . import boxes, finder, front, head, pictures, weight


def setup(app: Sphinx) -> None:
    """Connect the steps; called by the book's extension."""
    boxes.setup(app)
    finder.setup(app)
    front.setup(app)
    head.setup(app)
    pictures.setup(app)
    weight.setup(app)
