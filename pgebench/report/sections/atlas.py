"""The map of datasets: near each other where PGE finds little distance."""

from __future__ import annotations

import math
from html import escape

import numpy as np
from matplotlib.figure import Figure

from pgebench.analysis.embedding import Embedding, distances, embed
from pgebench.analysis.league import Analysis
from pgebench.analysis.question import SOURCES
from pgebench.analysis.table import Table
from pgebench.report.palette import BLUE, VERMILLION
from pgebench.report.svg import drawing
from pgebench.report.wording import number

METRIC = "pge"
FEWEST = 4
"""With fewer datasets a table of distances says more."""


def atlases(analysis: Analysis) -> list[tuple[str, Embedding]]:
    """The map of each backbone that has one; only a ranking of sources lays sources and targets out like this."""
    if analysis.question is not SOURCES:
        return []
    made = [(name, atlas(analysis.table, b)) for b, name in enumerate(analysis.table.backbones)]
    return [(name, embedding) for name, embedding in made if embedding is not None]


def atlas(table: Table, backbone: int) -> Embedding | None:
    """Datasets in the plane by their PGE distances; None without PGE or with too few datasets."""
    if METRIC not in table.scores or not np.isfinite(table.scores[METRIC][backbone]).any():
        return None
    names, gaps = distances(table, METRIC, backbone)
    seen = np.isfinite(gaps).sum(axis=0) > 1
    if seen.sum() < FEWEST:
        return None
    kept = [name for name, is_seen in zip(names, seen, strict=True) if is_seen]
    return embed(tuple(kept), gaps[np.ix_(seen, seen)])


def picture(found: Embedding, targets: tuple[str, ...]) -> str:
    """For the page; filled points are targets as well as sources."""
    size, edge, room = 420.0, 16.0, 90.0
    reach = float(np.abs(found.points).max()) or 1.0
    body = []
    for name, (x, y) in zip(found.names, found.points, strict=True):
        across = room + edge + (size - 2 * edge) * (x / reach + 1) / 2
        down = edge + (size - 2 * edge) * (1 - y / reach) / 2
        css = "pt full metric" if name in targets else "hollow metric"
        body.append(f'<circle class="{css}" cx="{across:.1f}" cy="{down:.1f}" r="4.5" data-say="{escape(name)}"/>')
        body.append(f'<text x="{across:.1f}" y="{down - 8:.1f}" text-anchor="middle">{escape(name)}</text>')
    label = f"Datasets in the plane by PGE distance, stress {number(found.stress)}"
    return drawing(size + 2 * room, size, "".join(body), label, "atlas", 640)


def figure(found: Embedding, targets: tuple[str, ...], backbone: str) -> Figure:
    """For papers."""
    made = Figure(figsize=(6, 5), layout="constrained")
    axes = made.subplots()
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color("#CCCCCC")
    for name, (x, y) in zip(found.names, found.points, strict=True):
        is_target = name in targets
        axes.plot(x, y, "o", color=BLUE if is_target else VERMILLION, markerfacecolor=None if is_target else "white")
        axes.annotate(name, (x, y), xytext=(0, 6), textcoords="offset points", ha="center", fontsize=8)
    axes.margins(0.15)
    stress = f"stress {found.stress:.2f}" if math.isfinite(found.stress) else ""
    axes.set_title(f"PGE distances, {backbone} ({stress})", fontsize=9, loc="left")
    return made
