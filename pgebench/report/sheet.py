"""Sheets: pictures put together, with the title and the key that a file needs where the page has words around it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pgebench.report.svg import Circle, Mark, Picture, Rect, Text, text_width

MARGIN, ROW, GAP = 8.0, 18.0, 14.0
"""Pixels around a sheet, for a line of words, and between two pictures."""

WIDEST = 900.0
"""Pixels that a row of panels may take."""


def sheet(title: str, *pictures: Picture) -> Picture:
    """Pictures below each other under a title, with a margin: what a file shows.

    Args:
        title: One line.
        pictures: From top to bottom.
    """
    width = max(text_width([title]), *(picture.width for picture in pictures))
    marks: list[Mark] = [Text(MARGIN, MARGIN + 11, title, "in")]
    top = MARGIN + ROW + 6
    for picture in pictures:
        marks += picture.moved(MARGIN, top)
        top += picture.height + GAP
    return Picture(width + 2 * MARGIN, top - GAP + MARGIN, tuple(marks), title)


def panels(named: Sequence[tuple[str, Picture]], label: str, columns: int = 0) -> Picture:
    """Pictures side by side, each under its name, in as many rows as it takes.

    Args:
        named: Name and picture of each; at least one.
        label: Description of the whole.
        columns: How many stand in a row; 0 for as many as fit.
    """
    widths = [max(text_width([name]), picture.width) + GAP for name, picture in named]
    columns = columns or min(len(named), max(1, int(WIDEST // max(widths))))
    column_widths = [max(widths[c::columns]) for c in range(columns)]
    high = max(picture.height for _, picture in named) + ROW + GAP
    marks: list[Mark] = []
    for i, (name, picture) in enumerate(named):
        x, y = sum(column_widths[: i % columns]), high * (i // columns)
        marks.append(Text(x, y + 11, name))
        marks += picture.moved(x, y + ROW)
    return Picture(sum(column_widths) - GAP, high * math.ceil(len(named) / columns) - GAP, tuple(marks), label)


def key(entries: Sequence[tuple[str, str, str]]) -> Picture:
    """What the looks mean, in one line.

    Args:
        entries: Look, role and meaning of each; one with a role is drawn as a point.
    """
    marks: list[Mark] = []
    x = 0.0
    for look, role, meaning in entries:
        marks.append(Circle(x + 6, 8, 4.5, look, role) if role else Rect(x, 2, 12, 12, look))
        marks.append(Text(x + 17, 12, meaning))
        x += 17 + text_width([meaning]) + GAP
    return Picture(x - GAP, ROW, tuple(marks), "key")
