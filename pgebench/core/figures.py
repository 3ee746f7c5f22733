"""Figures of matplotlib as bytes; without versions, dates and random names in them, what looks the same is the same."""

from __future__ import annotations

from io import BytesIO

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

# Drawing takes long, and `savefig` draws each file twice and lays the figure out for each.


def png(figure: Figure, dpi: int = 150) -> bytes:
    """A figure as PNG. Its layout is settled by that: an SVG of it afterwards has the same.

    Args:
        figure: changed in resolution and layout engine.
        dpi: pixels per inch.

    >>> png(Figure()) == png(Figure())
    True
    """
    buffer = BytesIO()
    figure.set_dpi(dpi)
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    figure.set_layout_engine("none")
    return buffer.getvalue()


def svg(figure: Figure) -> bytes:
    """A figure as SVG."""
    buffer = BytesIO()
    with rc_context({"svg.hashsalt": "pgebench"}):
        FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None, "Creator": None})
    return buffer.getvalue()
