"""Pictures drawn straight into the HTML page.

They are small SVGs whose colours come from the page's style sheet, so they follow the reader's dark or light theme,
stay sharp on a phone and in print, and say what a point is when it is touched (`data-say`).
"""

from __future__ import annotations

import math
from html import escape

import numpy as np
import pandas as pd

from pgebench.analysis.ceiling import Ceiling
from pgebench.analysis.league import PRIMARY, TruthResult
from pgebench.analysis.table import Table, mean_over_seeds, within_target_z
from pgebench.report.layout import TIMES, Z_LIMIT, CostPoint, centred_accuracy, pareto_front, spread_labels, time_tick
from pgebench.report.palette import role
from pgebench.report.wording import duration, interval, number, signed

STRIP_WIDTH, STRIP_HEIGHT = 220, 22


def drawing(width: float, height: float, body: str, label: str, css: str = "", widest: float = 0) -> str:
    """An SVG element with a description for those who cannot see it.

    Args:
        width: Of its own coordinates.
        height: Of its own coordinates.
        body: What is in it.
        label: The description.
        css: Classes.
        widest: Pixels beyond which it does not grow; 0 for no limit.
    """
    limit = f' style="max-width:{widest:.0f}px"' if widest else ""
    return (
        f'<svg class="{css}"{limit} viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(label)}">'
        f"<title>{escape(label)}</title>{body}</svg>"
    )


class StripScale:
    """Horizontal scale shared by all strips of a league table."""

    def __init__(self, league: pd.DataFrame) -> None:
        lows = league[[f"{PRIMARY}_low", "null_low", PRIMARY]].to_numpy(dtype=float)
        lowest = float(np.nanmin(lows)) if np.isfinite(lows).any() else 0.0
        self.low = min(-0.25, math.floor(lowest * 4) / 4)

    def __call__(self, value: float) -> float:
        """Position of a value in pixels."""
        return round(6 + (STRIP_WIDTH - 12) * (min(max(value, self.low), 1.0) - self.low) / (1.0 - self.low), 2)


def strip(row: pd.Series, scale: StripScale, ceiling: Ceiling) -> str:
    """One row of the league as a picture: null band, noise ceiling, interval and mean."""
    value, low, high = (float(row[name]) for name in (PRIMARY, f"{PRIMARY}_low", f"{PRIMARY}_high"))
    if not math.isfinite(value):
        return ""
    middle = STRIP_HEIGHT / 2
    body = []
    if math.isfinite(float(row["null_low"])):
        left, right = scale(float(row["null_low"])), scale(float(row["null_high"]))
        size = f'width="{right - left:.2f}" height="{STRIP_HEIGHT - 6}"'
        body.append(f'<rect class="null" x="{left}" y="3" {size} rx="2"/>')
    if math.isfinite(ceiling.repeat):
        left, right = scale(ceiling.repeat), scale(ceiling.perfect)
        body.append(f'<rect class="ceiling" x="{left}" y="0" width="{right - left:.2f}" height="{STRIP_HEIGHT}"/>')
        body.append(f'<line class="ceiling" x1="{left}" x2="{left}" y1="0" y2="{STRIP_HEIGHT}"/>')
    body.append(f'<line class="zero" x1="{scale(0)}" x2="{scale(0)}" y1="0" y2="{STRIP_HEIGHT}"/>')
    css = role(str(row["metric"]), str(row["kind"]))
    if math.isfinite(low):
        body.append(f'<line class="span {css}" x1="{scale(low)}" x2="{scale(high)}" y1="{middle}" y2="{middle}"/>')
    body.append(f'<circle class="dot {css}" cx="{scale(value)}" cy="{middle}" r="4.5"/>')
    label = f"{row['metric']}: {number(value)}, 95 % interval {interval(low, high)}"
    return drawing(STRIP_WIDTH, STRIP_HEIGHT, "".join(body), label, "strip")


def strip_axis(scale: StripScale) -> str:
    """Numbers above the strips."""
    ticks = [tick for tick in (-1.0, -0.5, 0.0, 0.5, 1.0) if tick >= scale.low]
    texts = []
    for tick in ticks:
        anchor = "end" if tick == 1.0 else "middle"
        x = scale(tick) + (6 if tick == 1.0 else 0)
        texts.append(f'<text x="{x}" y="11" text-anchor="{anchor}">{number(tick, 1 if tick % 1 else 0)}</text>')
    return drawing(STRIP_WIDTH, 14, "".join(texts), "scale", "strip")


def truth_map(result: TruthResult, table: Table, backbone: int) -> str:
    """Map of the truth with names and accuracies; colour is standardised within the target."""
    accuracy = mean_over_seeds(result.truth)[backbone]
    z = within_target_z(mean_over_seeds(result.truth))[backbone]
    cell, gutter = 30, 8 + 6.6 * max(len(name) for name in table.sources)
    head = 14 + 4.9 * max(len(name) for name in table.targets)
    body = [
        f'<text x="{gutter - 6:g}" y="{head + cell * (s + 0.5) + 4:g}" text-anchor="end">{escape(name)}</text>'
        for s, name in enumerate(table.sources)
    ]
    for t, name in enumerate(table.targets):
        x, y = gutter + cell * (t + 0.5), head - 5
        body.append(f'<text transform="translate({x:g} {y:g}) rotate(-45)">{escape(name)}</text>')
    for s, source in enumerate(table.sources):
        for t, target in enumerate(table.targets):
            x, y = gutter + cell * t, head + cell * s
            if not math.isfinite(accuracy[s, t]):
                body.append(_empty_cell(x, y, cell))
                continue
            say = f"{source} → {target}: {100 * accuracy[s, t]:.1f} % ({signed(z[s, t], 1)} sd)"
            body.append(_cell(x, y, cell, z[s, t], say))
            value = f"{100 * accuracy[s, t]:.0f}"
            body.append(f'<text class="in" x="{x + cell / 2:g}" y="{y + cell / 2 + 4:g}">{value}</text>')
    label = f"{result.name} accuracy in percent, sources down, targets across, {table.backbones[backbone]}"
    width = gutter + cell * len(table.targets) + 0.75 * head
    return drawing(width, head + cell * len(table.sources) + 2, "".join(body), label, "map", 1.3 * width)


def score_map(result: TruthResult, table: Table, backbone: int, metric: str) -> str:
    """Small map of a metric, without names: same order as the map of the truth."""
    scores = result.scores[metric]
    z = within_target_z(scores)[backbone]
    cell = 14
    body = []
    for s, source in enumerate(table.sources):
        for t, target in enumerate(table.targets):
            if math.isfinite(z[s, t]):
                say = f"{source} → {target}: {scores[backbone, s, t]:.4g} ({signed(z[s, t], 1)} sd)"
                body.append(_cell(cell * t, cell * s, cell, z[s, t], say))
            else:
                body.append(_empty_cell(cell * t, cell * s, cell))
    label = f"Scores of {metric}, sources down, targets across"
    return drawing(
        cell * len(table.targets),
        cell * len(table.sources),
        "".join(body),
        label,
        "map small",
        17.0 * len(table.targets),
    )


def _cell(x: float, y: float, size: float, z: float, say: str) -> str:
    # The colour is laid over the page's background, so that "average" is white by day and dark by night.
    # Never quite full, so that the number in the cell can be read.
    strength = 0.8 * min(abs(z), Z_LIMIT) / Z_LIMIT
    css = "high" if z > 0 else "low"
    return (
        f'<rect class="{css}" x="{x:g}" y="{y:g}" width="{size - 1:g}" height="{size - 1:g}" '
        f'fill-opacity="{strength:.2f}" data-say="{escape(say)}"/>'
    )


def _empty_cell(x: float, y: float, size: float) -> str:
    return f'<rect class="none" x="{x:g}" y="{y:g}" width="{size - 1:g}" height="{size - 1:g}"/>'


def scatter(result: TruthResult, table: Table, metric: str, kind: str) -> str:
    """Score against accuracy of one metric, both relative to the target's mean."""
    z = within_target_z(result.scores[metric])
    gain = 100 * centred_accuracy(result)
    there = np.isfinite(z) & np.isfinite(gain)
    if not there.any():
        return ""
    reach_x = max(1.0, float(np.abs(z[there]).max())) * 1.05
    # All panels of a truth share the vertical scale.
    reach_y = max(1e-9, float(np.abs(gain[np.isfinite(gain)]).max())) * 1.05
    size, edge = 180.0, 4.0
    half = size / 2
    body = [
        f'<line class="zero" x1="{edge}" x2="{size - edge}" y1="{half}" y2="{half}"/>',
        f'<line class="zero" x1="{half}" x2="{half}" y1="{edge}" y2="{size - edge}"/>',
    ]
    css = role(metric, kind)
    for b, s, t in np.argwhere(there):
        x, y = half + (half - edge) * z[b, s, t] / reach_x, half - (half - edge) * gain[b, s, t] / reach_y
        net = f", {table.backbones[b]}" if len(table.backbones) > 1 else ""
        score = f"score {result.scores[metric][b, s, t]:.4g}, accuracy {signed(gain[b, s, t], 1)} points"
        say = f"{table.sources[s]} → {table.targets[t]}{net}: {score}"
        body.append(f'<circle class="pt {css}" cx="{x:.1f}" cy="{y:.1f}" r="3" data-say="{escape(say)}"/>')
    return drawing(size, size, "".join(body), f"Score of {metric} against accuracy", "scatter")


def cost_picture(points: list[CostPoint]) -> str:
    """Reliability against cost on a logarithmic time axis."""
    if not points:
        return ""
    width, height, left, bottom, top, right = 410.0, 330.0, 30.0, 24.0, 8.0, 112.0
    decades = [math.log10(value) for point in points for value in (point.ready, point.total)]
    first, last = min(decades) - 0.1, max(decades) + 0.1
    values = [point.value for point in points]
    low, high = min(0.0, math.floor(min(values) * 5) / 5), min(1.0, math.ceil(max(values) * 5 + 0.2) / 5)

    def at_x(seconds: float) -> float:
        return round(left + (width - left - right) * (math.log10(seconds) - first) / (last - first), 1)

    def at_y(value: float) -> float:
        return round(height - bottom - (height - bottom - top) * (value - low) / (high - low), 1)

    body = []
    for step in range(round((high - low) * 5) + 1):
        y = at_y(low + step / 5)
        body.append(f'<line class="grid" x1="{left}" x2="{width - right}" y1="{y}" y2="{y}"/>')
        body.append(f'<text x="{left - 6}" y="{y + 4:g}" text-anchor="end">{number(low + step / 5, 1)}</text>')
    for seconds in TIMES:
        if first <= math.log10(seconds) <= last:
            x = at_x(seconds)
            body.append(f'<line class="grid" x1="{x}" x2="{x}" y1="{top}" y2="{height - bottom}"/>')
            body.append(f'<text x="{x}" y="{height - bottom + 16:g}" text-anchor="middle">{time_tick(seconds)}</text>')
    front = " ".join(f"{at_x(point.total)},{at_y(point.value)}" for point in pareto_front(points))
    body.append(f'<polyline class="front" points="{front}"/>')
    labels = spread_labels([at_y(point.value) for point in points], gap=14.0)
    for point, label in zip(points, labels, strict=True):
        x, y, ready = at_x(point.total), at_y(point.value), at_x(point.ready)
        say = f"{point.name}: {number(point.value)}, {duration(point.total)} from scratch"
        if point.ready < point.total:
            body.append(f'<line class="thin {point.role}" x1="{ready}" x2="{x}" y1="{y}" y2="{y}"/>')
            body.append(f'<circle class="hollow {point.role}" cx="{ready}" cy="{y}" r="4"/>')
            say += f", {duration(point.ready)} with trained source models"
        body.append(f'<line class="leader" x1="{x}" x2="{width - right + 6}" y1="{y}" y2="{label:.1f}"/>')
        body.append(f'<circle class="pt full {point.role}" cx="{x}" cy="{y}" r="5" data-say="{escape(say)}"/>')
        body.append(f'<text x="{width - right + 9}" y="{label + 4:.1f}">{escape(point.name)}</text>')
    return drawing(width, height, "".join(body), "Mean weighted tau against computing time", "cost")


def share_bar(parts: list[tuple[str, str, float]]) -> str:
    """A stacked bar of shares: (css class, label, share)."""
    width, x, body = 600.0, 0.0, []
    for css, _, share in parts:
        body.append(f'<rect class="{css}" x="{x:.1f}" y="0" width="{max(width * share - 1, 0):.1f}" height="20"/>')
        if share > 0.08:
            body.append(f'<text class="in" x="{x + width * share / 2:.1f}" y="14">{100 * share:.0f} %</text>')
        x += width * share
    text = ", ".join(f"{label} {100 * share:.0f} %" for _, label, share in parts)
    return drawing(width, 20, "".join(body), text, "shares")
