"""The stability panel: how much of each ranking is left when one factor changes."""

from __future__ import annotations

import math
from html import escape

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from pgebench.analysis.league import PRIMARY
from pgebench.analysis.stability import OWN, Stability
from pgebench.report.palette import BLUE, ROLE_COLOUR, role
from pgebench.report.panels import cells_of, judged
from pgebench.report.svg import drawing
from pgebench.report.wording import interval, number, percent

SHADES = LinearSegmentedColormap.from_list("white to blue", ["#FFFFFF", BLUE])


def heat(found: Stability, metrics: tuple[str, ...]) -> str:
    """Rank agreement, metrics down and factors across; the pointer shows the other numbers of a cell."""
    by_cell, shown = cells_of(found), judged(found, metrics)
    gutter, head, wide, high = 150.0, 86.0, 62.0, 20.0
    body = []
    for f, factor in enumerate(found.factors):
        x = gutter + wide * (f + 0.5)
        body.append(f'<text transform="translate({x:g},{head - 6:g}) rotate(-35)">{escape(factor)}</text>')
    for m, metric in enumerate(shown):
        y = head + high * m
        body.append(f'<text x="{gutter - 8:g}" y="{y + 14:g}" text-anchor="end">{escape(metric)}</text>')
        for f, factor in enumerate(found.factors):
            row = by_cell[metric, factor]
            x = gutter + wide * f
            if not math.isfinite(row["agreement"]):
                body.append(f'<rect class="none" x="{x:g}" y="{y:g}" width="{wide - 1:g}" height="{high - 1:g}"/>')
                continue
            say = (
                f"{metric}, {factor}: rank agreement {number(row['agreement'])}, {percent(row['changed'])} of the "
                f"scores changed, CV {number(row['cv'], 3)}, noise to signal {number(row['noise'])}, weighted tau "
                f"{interval(row['quality_low'], row['quality_high'])}"
            )
            strength = 0.75 * max(float(row["agreement"]), 0.0)
            body.append(
                f'<rect class="low" x="{x:g}" y="{y:g}" width="{wide - 1:g}" height="{high - 1:g}" '
                f'fill-opacity="{strength:.2f}" data-say="{escape(say)}"/>'
            )
            text = "=" if row["changed"] == 0 else number(row["agreement"])
            body.append(f'<text class="in" x="{x + wide / 2:g}" y="{y + 14:g}">{text}</text>')
    width = gutter + wide * len(found.factors) + 50
    label = "Agreement of the rankings when one factor changes, metrics down, factors across"
    return drawing(width, head + high * len(shown) + 2, "".join(body), label, "steady", 1.3 * width)


def figure(found: Stability, metrics: tuple[str, ...], kinds: dict[str, str]) -> Figure:
    """Rank agreement, and beside it the league's number at every level of every factor."""
    by_cell = found.metrics.pivot(index="metric", columns="factor", values="agreement")
    shown = judged(found, metrics)
    made = Figure(figsize=(10, 1.4 + 0.27 * len(shown)), layout="constrained")
    left, right = made.subplots(1, 2, sharey=True, width_ratios=[1.2, 1])
    values = by_cell.loc[shown, list(found.factors)].to_numpy(dtype=float)
    left.imshow(np.ma.masked_invalid(values), cmap=SHADES, vmin=0, vmax=1.3, aspect="auto")
    for (m, f), value in np.ndenumerate(values):
        left.text(f, m, number(value), ha="center", va="center", fontsize=7)
    left.set_xticks(range(len(found.factors)), found.factors, rotation=35, ha="right", fontsize=8)
    left.set_yticks(range(len(shown)), shown, fontsize=8)
    left.set_title("agreement of the rankings (tau-b)", fontsize=9, loc="left")
    for axes in (left, right):
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
    for m, metric in enumerate(shown):
        rows = found.levels[found.levels["metric"] == metric]
        colour = ROLE_COLOUR[role(metric, kinds.get(metric, "metric"))]
        own = rows.loc[rows["level"] == OWN, PRIMARY].iloc[0]
        right.plot([rows[PRIMARY].min(), rows[PRIMARY].max()], [m, m], color=colour, alpha=0.3, linewidth=1)
        right.plot(rows[PRIMARY], [m] * len(rows), "|", color=colour, markersize=7)
        right.plot(own, m, "o", color=colour, markersize=5)
    right.axvline(0, color="#999999", linewidth=0.8)
    right.set_title("mean weighted tau; dot: the experiment, bars: one factor changed", fontsize=9, loc="left")
    return made
