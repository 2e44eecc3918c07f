"""Matplotlib's way to show a figure in the page: a backend that keeps each as a PNG, in the order of the output."""

import base64
import io
from typing import Any

from matplotlib import pyplot
from matplotlib.backends.backend_agg import FigureCanvasAgg as FigureCanvas

from . import session

__all__ = ["FigureCanvas", "show"]

DENSITY = 144
"""Dots per inch of a picture; it is shown at half its size, sharp on fine screens too."""


def show(*args: Any, **kwargs: Any) -> None:
    """Keep all open figures, and close them."""
    for number in pyplot.get_fignums():
        file = io.BytesIO()
        pyplot.figure(number).savefig(file, format="png", dpi=DENSITY, bbox_inches="tight")
        picture = base64.b64encode(file.getvalue()).decode()
        session.outputs_at_hand.append({"kind": "picture", "text": picture})
    pyplot.close("all")
