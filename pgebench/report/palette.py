"""Colours: the Okabe-Ito palette, which colour-blind people can tell apart."""

from __future__ import annotations

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
BAND = "#DDDDDD"


def role(metric: str, kind: str) -> str:
    """Which of the three roles a metric is drawn in: pge, metric or trivial.

    >>> role("pge_official", "metric"), role("leep", "metric"), role("random", "trivial")
    ('pge', 'metric', 'trivial')
    """
    if kind == "trivial":
        return "trivial"
    return "pge" if metric.startswith("pge") else "metric"


ROLE_COLOUR = {"pge": VERMILLION, "metric": BLUE, "trivial": GREY}
