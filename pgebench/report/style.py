"""Colours and looks: one table, from which the page's style sheet, the SVG files and the PNG files are made.

The colours are the Okabe-Ito palette, which colour-blind people can tell apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

BLUE, ORANGE, GREEN, VERMILLION, SKY, PURPLE, YELLOW, GREY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#56B4E9",
    "#CC79A7",
    "#F0E442",
    "#7A7A7A",
)

_LIGHT = {
    "paper": "#fdfdfb",
    "ink": "#1d2226",
    "soft": "#5c656d",
    "line": "#dfe2e0",
    "raised": "#f4f5f2",
    "null": "#d9dcda",
    "metric": BLUE,
    "pge": VERMILLION,
    "trivial": "#6f777d",
    "truth": GREEN,
    "anew": PURPLE,
    "high": VERMILLION,
    "low": BLUE,
}
_DARK = {
    "paper": "#14181b",
    "ink": "#e7eaec",
    "soft": "#9aa5ad",
    "line": "#2c3338",
    "raised": "#1b2125",
    "null": "#353e44",
    "metric": SKY,
    "pge": ORANGE,
    "trivial": "#98a2a9",
    "truth": "#2cc79b",
    "anew": PURPLE,
    "high": "#bf5a10",
    "low": BLUE,
}
PRINT = _LIGHT | {"paper": "#ffffff", "ink": "#000000", "soft": "#444444", "line": "#cccccc", "raised": "#ffffff"}
"""Colour name -> colour on white paper, which is also what the files in `figures/` are drawn on."""

OWN = "role"
"""In a `Look`: the colour of the mark's role instead of one for all."""


@dataclass(frozen=True)
class Look:
    """How a mark is filled and outlined.

    Attributes:
        fill: Name of a colour, `OWN`, or "" for none.
        fill_opacity: 0 to 1.
        stroke: Likewise, for the outline or the line itself.
        stroke_opacity: 0 to 1.
        width: Of the line, in pixels.
        dash: Lengths of strokes and gaps in pixels; empty for a full line.
    """

    fill: str = ""
    fill_opacity: float = 1.0
    stroke: str = ""
    stroke_opacity: float = 1.0
    width: float = 1.0
    dash: tuple[float, ...] = ()


LOOKS = {
    # letters
    "label": Look("soft"),
    "in": Look("ink"),
    "named": Look(OWN),
    # axes
    "grid": Look(stroke="line"),
    "origin": Look(stroke="soft", stroke_opacity=0.6),
    "leader": Look(stroke="line"),
    # points and lines of a metric
    "dot": Look(OWN, stroke=OWN, width=1.5),
    "hollow": Look("paper", stroke=OWN, width=1.5),
    "full": Look(OWN),
    "pt": Look(OWN, 0.55),
    "span": Look(stroke=OWN, width=2),
    "thin": Look(stroke=OWN, stroke_opacity=0.5),
    "curve": Look(stroke=OWN, width=1.6),
    # yardsticks
    "null": Look("null"),
    "ceiling": Look("truth", 0.16),
    "repeat": Look(stroke="truth", width=1.5),
    "anew": Look("anew", 0.2),
    "again": Look(stroke="anew", width=1.5),
    "front": Look(stroke="soft", dash=(2, 3)),
    "bar": Look(stroke="ink", width=3),
    "outline": Look(stroke="ink", width=1.5),
    # cells of a map
    "high": Look("high"),
    "low": Look("low"),
    "none": Look("null", 0.45),
    # shares of a bar
    "source": Look("metric", 0.55),
    "near": Look("pge", 0.75),
    "relatedness": Look("pge", 0.5),
    "checkpoint": Look("truth", 0.5),
    "checkpoint_relatedness": Look("truth", 0.3),
    "transfer": Look("null"),
}
"""Every look there is; on the page it is the css class of the mark."""


def role(metric: str, kind: str) -> str:
    """Which of the three roles a metric is drawn in: pge, metric or trivial.

    >>> role("pge_official", "metric"), role("leep", "metric"), role("random", "trivial")
    ('pge', 'metric', 'trivial')
    """
    if kind == "trivial":
        return "trivial"
    return "pge" if metric.startswith("pge") else "metric"


def rule(look: Look, colour: Callable[[str], str]) -> str:
    """A look as declarations of CSS.

    >>> rule(LOOKS["span"], lambda name: f"var(--{name})")
    'fill:none;stroke:var(--role);stroke-width:2'
    """
    parts = [f"fill:{colour(look.fill) if look.fill else 'none'}"]
    if look.fill_opacity < 1:
        parts.append(f"fill-opacity:{look.fill_opacity:g}")
    if look.stroke:
        parts.append(f"stroke:{colour(look.stroke)}")
        if look.width != 1:
            parts.append(f"stroke-width:{look.width:g}")
        if look.stroke_opacity < 1:
            parts.append(f"stroke-opacity:{look.stroke_opacity:g}")
        if look.dash:
            parts.append(f"stroke-dasharray:{' '.join(f'{length:g}' for length in look.dash)}")
    return ";".join(parts)


def page_css() -> str:
    """Colours by day, by night and on paper as variables, every look by these variables, and its sample in a key."""
    lines = [
        f":root {{ {_variables(_LIGHT)} }}",
        f"@media (prefers-color-scheme: dark) {{ :root {{ {_variables(_DARK)} }} }}",
        f"@media print {{ :root {{ {_variables(PRINT)} }} }}",
        *(f"svg .{name} {{ {rule(look, lambda colour: f'var(--{colour})')} }}" for name, look in LOOKS.items()),
        *(
            f".key i.{name} {{ background: {_tint(look)} }}"
            for name, look in LOOKS.items()
            if look.fill not in ("", OWN)
        ),
    ]
    return "\n".join(lines)


def _tint(look: Look) -> str:
    """The fill of a look as a background, which has no opacity of its own."""
    return f"color-mix(in srgb, var(--{look.fill}) {100 * look.fill_opacity:g}%, transparent)"


def _variables(theme: dict[str, str]) -> str:
    return " ".join(f"--{name}: {colour};" for name, colour in theme.items())
