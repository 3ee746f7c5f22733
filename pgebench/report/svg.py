"""A picture: marks in pixels, drawn once and written three ways.

A section says where its rectangles, circles, lines and letters stand and which look of `pgebench.report.style` they
have. `inline` puts them into the page, where the colours follow the reader's dark or light theme and a mark says what
it is when it is touched (`data-say`); `document` makes an SVG file of them, and `pgebench.report.png` a PNG file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape

from pgebench.report.style import LOOKS, OWN, PRINT, rule

LETTER = 6.7
"""Pixels across a letter, about: what the fonts of a reader make of it is not known."""

TEXT_SIZE, INNER_SIZE = 11.0, 10.5
"""Heights of letters in pixels, beside a picture and in its cells."""


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle; `opacity` replaces that of the look."""

    x: float
    y: float
    width: float
    height: float
    look: str
    role: str = ""
    say: str = ""
    opacity: float | None = None

    def svg(self) -> str:
        """The element."""
        strength = "" if self.opacity is None else f' fill-opacity="{self.opacity:.2f}"'
        size = f'width="{_px(self.width)}" height="{_px(self.height)}"'
        return f'<rect{_classes(self)} x="{_px(self.x)}" y="{_px(self.y)}" {size}{strength}{_say(self.say)}/>'

    def moved(self, dx: float, dy: float) -> Rect:
        """The same, elsewhere."""
        return replace(self, x=self.x + dx, y=self.y + dy)


@dataclass(frozen=True, slots=True)
class Circle:
    """A circle around a point."""

    x: float
    y: float
    r: float
    look: str
    role: str = ""
    say: str = ""

    def svg(self) -> str:
        """The element."""
        return f'<circle{_classes(self)} cx="{_px(self.x)}" cy="{_px(self.y)}" r="{self.r:g}"{_say(self.say)}/>'

    def moved(self, dx: float, dy: float) -> Circle:
        """The same, elsewhere."""
        return replace(self, x=self.x + dx, y=self.y + dy)


@dataclass(frozen=True, slots=True)
class Line:
    """A line through two or more points."""

    points: tuple[tuple[float, float], ...]
    look: str
    role: str = ""
    say: str = ""

    def svg(self) -> str:
        """The element."""
        points = " ".join(f"{_px(x)},{_px(y)}" for x, y in self.points)
        return f'<polyline{_classes(self)} points="{points}"{_say(self.say)}/>'

    def moved(self, dx: float, dy: float) -> Line:
        """The same, elsewhere."""
        return replace(self, points=tuple((x + dx, y + dy) for x, y in self.points))


@dataclass(frozen=True, slots=True)
class Text:
    """Letters on a base line.

    Attributes:
        x: Where they begin, have their middle or end, see `anchor`.
        y: Of the base line.
        text: What is written.
        look: "label", "in" (a cell) or "named" (in the colour of the role).
        role: Whose colour.
        anchor: start, middle or end.
        turn: Degrees, clockwise.
    """

    x: float
    y: float
    text: str
    look: str = "label"
    role: str = ""
    anchor: str = "start"
    turn: float = 0.0

    @property
    def size(self) -> float:
        """Height of the letters in pixels."""
        return INNER_SIZE if self.look == "in" else TEXT_SIZE

    def svg(self) -> str:
        """The element."""
        at = f' x="{_px(self.x)}" y="{_px(self.y)}"'
        if self.turn:
            at = f' transform="translate({_px(self.x)} {_px(self.y)}) rotate({self.turn:g})"'
        anchor = "" if self.anchor == "start" else f' text-anchor="{self.anchor}"'
        return f"<text{_classes(self)}{at}{anchor}>{escape(self.text)}</text>"

    def moved(self, dx: float, dy: float) -> Text:
        """The same, elsewhere."""
        return replace(self, x=self.x + dx, y=self.y + dy)


Mark = Rect | Circle | Line | Text


@dataclass(frozen=True)
class Picture:
    """Marks on paper.

    Attributes:
        width: In pixels.
        height: In pixels.
        marks: In the order of painting.
        label: A description for those who cannot see it.
    """

    width: float
    height: float
    marks: tuple[Mark, ...]
    label: str

    def moved(self, dx: float, dy: float) -> tuple[Mark, ...]:
        """Its marks, elsewhere."""
        return tuple(mark.moved(dx, dy) for mark in self.marks)


def inline(picture: Picture, css: str = "") -> str:
    """The picture as an element of the page; the style sheet lets it grow and shrink a quarter around `--own` pixels.

    Args:
        picture: To show.
        css: Classes.
    """
    classes = f' class="{css}"' if css else ""
    return f'<svg{classes} style="--own:{picture.width:.0f}px" {_box(picture)}>{_body(picture)}</svg>'


def document(picture: Picture) -> str:
    """The picture as a file of its own, on white paper and without what the marks say."""
    rules = []
    for look, role in dict.fromkeys((mark.look, mark.role) for mark in picture.marks):
        selector = f".{look}.{role}" if role else f".{look}"
        colours = PRINT | {OWN: PRINT.get(role, "")}
        rules.append(f"{selector}{{{rule(LOOKS[look], colours.__getitem__)}}}")
    rules.append(f'text{{font:{TEXT_SIZE:g}px "DejaVu Sans",Verdana,sans-serif}}text.in{{font-size:{INNER_SIZE:g}px}}')
    silent = replace(picture, marks=tuple(m if isinstance(m, Text) else replace(m, say="") for m in picture.marks))
    size = f'width="{picture.width:g}" height="{picture.height:g}"'
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {_box(picture)}>',
        *("<style>", *rules, "</style>"),
        f'<rect width="100%" height="100%" fill="{PRINT["paper"]}"/>',
        *(_body(silent), "</svg>", ""),
    ]
    return "\n".join(lines)


def text_width(texts: Sequence[str]) -> float:
    """Pixels that the longest of some texts needs, about; 0 without texts."""
    return LETTER * max(map(len, texts), default=0)


def _box(picture: Picture) -> str:
    return f'viewBox="0 0 {picture.width:g} {picture.height:g}" role="img" aria-label="{escape(picture.label)}"'


def _body(picture: Picture) -> str:
    return f"<title>{escape(picture.label)}</title>" + "".join(mark.svg() for mark in picture.marks)


def _classes(mark: Mark) -> str:
    return f' class="{mark.look} {mark.role}"' if mark.role else f' class="{mark.look}"'


def _say(text: str) -> str:
    return f' data-say="{escape(text)}"' if text else ""


def _px(value: float) -> str:
    """A tenth of a pixel is enough."""
    return f"{value:.1f}".removesuffix(".0")
