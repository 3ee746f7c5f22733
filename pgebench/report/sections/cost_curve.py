"""Cost curves: what it takes to rank many sources for many targets, by each metric and by fine-tuning everything."""

from __future__ import annotations

import math
from html import escape

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from pgebench.analysis.cost import Cost
from pgebench.analysis.cost_curve import break_even, cost_curve, next_target_s, ranking_s
from pgebench.analysis.league import PRIMARY, Analysis, TruthResult
from pgebench.report.claims import real_metrics
from pgebench.report.grids import Cell, Grid, grid, name_cell, time_cell
from pgebench.report.layout import TIMES, spread_labels, time_tick
from pgebench.report.palette import GREEN, ROLE_COLOUR, role
from pgebench.report.svg import drawing
from pgebench.report.wording import duration

TARGETS = tuple(round(10 ** (k / 8)) for k in range(17))
"""Numbers of targets, 1 to 100."""

MOST = 7
"""Curves in one picture: the best metrics, and every PGE that is among the real ones."""


def drawn_metrics(analysis: Analysis, result: TruthResult) -> list[str]:
    """Metrics that get a curve: the best of the league, and `pge` wherever it stands."""
    ranked = [str(name) for name in real_metrics(result.league)["metric"] if name in analysis.metric_costs]
    chosen = ranked[:MOST]
    return chosen if "pge" in chosen or "pge" not in ranked else [*chosen[:-1], "pge"]


def numbers(analysis: Analysis, result: TruthResult) -> pd.DataFrame:
    """Every curve as a table; empty without the cost of the truth."""
    truth = analysis.truth_costs.get(result.name)
    if truth is None:
        return pd.DataFrame()
    costs = {name: analysis.metric_costs[name] for name in result.metrics if name in analysis.metric_costs}
    sizes = sorted({len(analysis.table.sources), 100})
    return cost_curve(costs, truth, sizes, sorted(set(TARGETS)))


def picture(analysis: Analysis, result: TruthResult) -> str:
    """For the page: time against number of targets, from scratch, with the experiment's number of sources."""
    truth = analysis.truth_costs.get(result.name)
    chosen = drawn_metrics(analysis, result)
    if truth is None or not chosen:
        return ""
    m = len(analysis.table.sources)
    lines = _lines(analysis, result, chosen, truth, m)
    seconds = [value for _, _, values in lines for value in values if value > 0]
    if not seconds:
        return ""
    width, height, left, right, top, bottom = 520.0, 300.0, 46.0, 130.0, 8.0, 34.0
    low, high = math.log10(min(seconds)) - 0.1, math.log10(max(seconds)) + 0.1

    def at_x(targets: float) -> float:
        return round(left + (width - left - right) * math.log10(targets) / 2, 1)

    def at_y(value: float) -> float:
        return round(height - bottom - (height - bottom - top) * (math.log10(value) - low) / (high - low), 1)

    body = []
    for value in TIMES:
        if low <= math.log10(value) <= high:
            y = at_y(value)
            body.append(f'<line class="grid" x1="{left}" x2="{width - right}" y1="{y}" y2="{y}"/>')
            body.append(f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">{time_tick(value)}</text>')
    for tick in (1, 10, 100):
        body.append(f'<text x="{at_x(tick)}" y="{height - bottom + 16}" text-anchor="middle">{tick}</text>')
    middle = left + (width - left - right) / 2
    body.append(f'<text x="{middle:g}" y="{height - 2}" text-anchor="middle">targets, for {m} sources</text>')
    heights = spread_labels([at_y(max(values[-1], 1e-9)) for _, _, values in lines], gap=13.0)
    for (name, css, values), label in zip(lines, heights, strict=True):
        points = " ".join(f"{at_x(t)},{at_y(v)}" for t, v in zip(TARGETS, values, strict=True))
        say = escape(f"{name}: {duration(values[0])} for one target, {duration(values[-1])} for 100")
        body.append(f'<polyline class="curve {css}" points="{points}" data-say="{say}"/>')
        body.append(f'<text x="{width - right + 6}" y="{label + 4:.1f}">{escape(name)}</text>')
    return drawing(width, height, "".join(body), "Computing time against number of targets", "cost", 640)


def figure(analysis: Analysis, result: TruthResult) -> Figure | None:
    """For papers: the same, from scratch and with source models at hand."""
    truth = analysis.truth_costs.get(result.name)
    chosen = drawn_metrics(analysis, result)
    if truth is None or not chosen:
        return None
    made = Figure(figsize=(9, 3.6), layout="constrained")
    panels = made.subplots(1, 2, sharey=True)
    m = len(analysis.table.sources)
    titles = ("nothing trained yet", "source models at hand")
    for axes, title, at_hand in zip(panels, titles, (False, True), strict=True):
        _panel(axes, _lines(analysis, result, chosen, truth, m, at_hand))
        axes.set_title(title, fontsize=9, loc="left")
        axes.set_xlabel(f"targets, for {m} sources")
    panels[1].legend(fontsize=7, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return made


def _panel(axes: Axes, lines: list[tuple[str, str, list[float]]]) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(FixedLocator(TIMES))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda seconds, _: time_tick(seconds)))
    axes.yaxis.set_minor_locator(NullLocator())
    styles = ("-", "--", "-.", ":")
    for i, (name, kind, values) in enumerate(lines):
        colour = GREEN if kind == "truth" else ROLE_COLOUR[kind]
        axes.plot(TARGETS, values, color=colour, linewidth=1.4, linestyle=styles[i % len(styles)], label=name)


def _lines(
    analysis: Analysis, result: TruthResult, chosen: list[str], truth: Cost, sources: int, at_hand: bool = False
) -> list[tuple[str, str, list[float]]]:
    """Name, role and seconds for each of `TARGETS`, the truth first."""
    kinds = dict(zip(result.league["metric"], result.league["kind"], strict=True))
    found = [(f"{result.name} everything", "truth", truth)]
    found += [(name, role(name, str(kinds[name])), analysis.metric_costs[name]) for name in chosen]
    return [
        (name, css, [max(ranking_s(cost, sources, t, at_hand), 1e-3) for t in TARGETS]) for name, css, cost in found
    ]


def break_even_grid(analysis: Analysis, result: TruthResult) -> Grid:
    """From how many targets on a metric is cheaper than fine-tuning everything, and what one more target costs."""
    truth = analysis.truth_costs.get(result.name)
    if truth is None:
        return grid([], [])
    m = len(analysis.table.sources)
    rows = []
    for name in result.metrics:
        cost = analysis.metric_costs.get(name)
        if cost is None:
            continue
        even = [break_even(cost, truth, m, at_hand) for at_hand in (False, True)]
        quality = float(result.league.loc[result.league["metric"] == name, PRIMARY].iloc[0])
        if np.isfinite(quality):
            rows.append(
                [
                    name_cell(name),
                    *[Cell("never" if math.isinf(value) else str(int(value)), float(value)) for value in even],
                    time_cell(ranking_s(cost, m, 1)),
                    time_cell(ranking_s(cost, m, 1, at_hand=True)),
                    time_cell(next_target_s(cost, m)),
                ]
            )
    footer = [Cell(f"`{result.name}`"), Cell(""), Cell(""), time_cell(ranking_s(truth, m, 1))]
    footer += [time_cell(ranking_s(truth, m, 1, at_hand=True)), time_cell(next_target_s(truth, m))]
    columns = ["metric", "cheaper from target", "with models at hand", "one target", "with models at hand"]
    made = grid([*columns, "each further target"], rows)
    made.footer.append(footer)
    return made
