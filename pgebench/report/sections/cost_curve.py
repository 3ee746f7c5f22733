"""Cost curves: what it takes to rank many sources for many targets, by each metric and by fine-tuning everything."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.cost import Cost
from pgebench.analysis.cost_curve import break_even, cost_curve, next_target_s, ranking_s
from pgebench.analysis.judge import TruthResult
from pgebench.analysis.league import Analysis
from pgebench.report.axes import TIMES, spread_labels, time_tick
from pgebench.report.claims import real_metrics
from pgebench.report.grid import Cell, Grid, grid, name_cell, time_cell
from pgebench.report.section import Block, Figure, FigureFile, Heading, Report, Table, Words, file_name
from pgebench.report.sheet import panels, sheet
from pgebench.report.style import role
from pgebench.report.svg import Line, Mark, Picture, Text, text_width
from pgebench.report.wording import TRUTH_PRICED, duration

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


def picture(analysis: Analysis, result: TruthResult, at_hand: bool = False) -> Picture | None:
    """Time against number of targets with the experiment's number of sources; None without the cost of the truth.

    Args:
        analysis: For the costs.
        result: The truth that is the alternative.
        at_hand: Whether source models are there already; otherwise nothing is trained yet.
    """
    truth = analysis.truth_costs.get(result.name)
    chosen = drawn_metrics(analysis, result)
    if truth is None or not chosen:
        return None
    m = len(analysis.table.sources)
    lines = _lines(analysis, result, chosen, truth, m, at_hand)
    seconds = [value for _, _, values in lines for value in values]
    left, top, bottom, right = 46.0, 8.0, 34.0, text_width([name for name, _, _ in lines]) + 10
    width, height = left + 320.0 + right, 300.0
    low, high = math.log10(min(seconds)) - 0.1, math.log10(max(seconds)) + 0.1

    def at_x(targets: float) -> float:
        return left + (width - left - right) * math.log10(targets) / 2

    def at_y(value: float) -> float:
        return height - bottom - (height - bottom - top) * (math.log10(value) - low) / (high - low)

    marks: list[Mark] = []
    for value in TIMES:
        if low <= math.log10(value) <= high:
            marks.append(Line(((left, at_y(value)), (width - right, at_y(value))), "grid"))
            marks.append(Text(left - 6, at_y(value) + 4, time_tick(value), anchor="end"))
    for tick in (1, 10, 100):
        marks.append(Text(at_x(tick), height - bottom + 16, str(tick), anchor="middle"))
    marks.append(Text(left + (width - left - right) / 2, height - 2, f"targets, for {m} sources", anchor="middle"))
    heights = spread_labels([at_y(values[-1]) for _, _, values in lines], 13.0, top, height - bottom)
    for (name, who, values), label in zip(lines, heights, strict=True):
        points = tuple((at_x(t), at_y(v)) for t, v in zip(TARGETS, values, strict=True))
        say = f"{name}: {duration(values[0])} for one target, {duration(values[-1])} for 100"
        marks.append(Line(points, "curve", who, say=say))
        marks.append(Text(width - right + 6, label + 4, name))
    return Picture(width, height, tuple(marks), "Computing time against number of targets")


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


def page(report: Report, result: TruthResult) -> list[Block]:
    """For the section of the cost."""
    blocks: list[Block] = []
    if drawn := picture(report.analysis, result):
        caption = (
            "Computing time to rank the sources for a growing number of targets, from scratch, with the mean costs of "
            "this experiment; both axes logarithmic."
        )
        blocks.append(Figure(file_name("curves", result.name), caption, drawn))
    if (table := break_even_grid(report.analysis, result)).rows:
        words = (
            f"From which number of targets on a metric is cheaper than {TRUTH_PRICED}, and "
            "what one target, and each further one, costs."
        )
        blocks += [Heading("From when on it pays", 3), Words(report.say(words), soft=True), Table(table)]
    return blocks


def markdown(report: Report, result: TruthResult) -> list[Block]:
    """Likewise."""
    caption = "Computing time to rank the sources for a growing number of targets"
    blocks: list[Block] = [Figure(file_name("curves", result.name), caption)]
    if (table := break_even_grid(report.analysis, result)).rows:
        words = (
            f"From which number of targets on a metric is cheaper than {TRUTH_PRICED}, and "
            "what one target, and\neach further one, costs:"
        )
        blocks += [Words(words), Table(table)]
    return blocks


def files(report: Report, result: TruthResult) -> Iterator[FigureFile]:
    """From scratch and with source models at hand, side by side."""
    ways = (("nothing trained yet", False), ("source models at hand", True))
    drawn = [(title, picture(report.analysis, result, at_hand)) for title, at_hand in ways]
    shown = [(title, one) for title, one in drawn if one is not None]
    if shown and result.league[PRIMARY].notna().any():
        title = "computing time against number of targets"
        name = file_name("curves", result.name)
        yield FigureFile(name, sheet(title, panels(shown, title, len(shown))), numbers(report.analysis, result))
