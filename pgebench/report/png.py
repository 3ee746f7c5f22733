"""A picture as a PNG file, painted by matplotlib."""

from __future__ import annotations

from functools import cache
from io import BytesIO

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.path import Path
from matplotlib.transforms import Affine2D

from pgebench.report.style import LOOKS, OWN, PRINT
from pgebench.report.svg import Circle, Line, Mark, Picture, Rect, Text

Colour = tuple[float, float, float, float]

SHARPNESS = 2
"""Pixels of the file across one pixel of the picture."""

SIDES = {"start": "left", "middle": "center", "end": "right"}


def png(picture: Picture) -> bytes:
    """The picture on white paper; without versions and dates in it, the same picture gives the same bytes.

    Args:
        picture: Any; letters lie above everything else.
    """
    # With 72 dots an inch before sharpening, one of matplotlib's points is one pixel of the picture.
    figure = Figure((picture.width / 72, picture.height / 72), dpi=72 * SHARPNESS, facecolor=PRINT["paper"])
    place = Affine2D().scale(1 / picture.width, -1 / picture.height).translate(0, 1) + figure.transFigure
    shapes = [mark for mark in picture.marks if not isinstance(mark, Text)]
    looks = [LOOKS[mark.look] for mark in shapes]
    figure.add_artist(
        PathCollection(
            [_path(mark) for mark in shapes],
            facecolors=[_fill(mark) for mark in shapes],
            edgecolors=[
                _colour(mark, look.stroke, look.stroke_opacity) for mark, look in zip(shapes, looks, strict=True)
            ],
            linewidths=[look.width if look.stroke else 0.0 for look in looks],
            # A dash is given in widths of its line.
            linestyles=[(0, tuple(step / look.width for step in look.dash)) if look.dash else "-" for look in looks],
            capstyle="butt",
            joinstyle="miter",
            transform=place,
        ),
        clip=False,
    )
    for mark in picture.marks:
        if isinstance(mark, Text):
            figure.text(
                mark.x / picture.width,
                1 - mark.y / picture.height,
                mark.text,
                fontfamily="DejaVu Sans",
                fontsize=mark.size,
                color=_colour(mark, LOOKS[mark.look].fill, 1.0),
                horizontalalignment=SIDES[mark.anchor],
                verticalalignment="baseline",
                rotation=-mark.turn,
                rotation_mode="anchor",
                parse_math=False,
            )
    file = BytesIO()
    FigureCanvasAgg(figure).print_png(file, metadata={"Software": None})
    return file.getvalue()


def _path(mark: Rect | Circle | Line) -> Path:
    if isinstance(mark, Rect):
        right, bottom = mark.x + mark.width, mark.y + mark.height
        return Path([(mark.x, mark.y), (right, mark.y), (right, bottom), (mark.x, bottom), (mark.x, mark.y)])
    if isinstance(mark, Circle):
        circle = Path.unit_circle()
        return Path(mark.r * np.asarray(circle.vertices, dtype=float) + (mark.x, mark.y), circle.codes)
    return Path(mark.points)


def _fill(mark: Rect | Circle | Line) -> Colour:
    look = LOOKS[mark.look]
    opacity = mark.opacity if isinstance(mark, Rect) and mark.opacity is not None else look.fill_opacity
    return _colour(mark, look.fill, opacity)


def _colour(mark: Mark, name: str, opacity: float) -> Colour:
    return _rgba(mark.role if name == OWN else name, opacity)


@cache
def _rgba(name: str, opacity: float) -> Colour:
    return to_rgba(PRINT[name], opacity) if name else (0.0, 0.0, 0.0, 0.0)
