"""Stability: how much of each ranking is left when one factor changes."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator
from typing import Any

import pandas as pd

from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.stability import OWN, Stability
from pgebench.report.grid import Cell, Grid, grid, name_cell, value_cell
from pgebench.report.section import (
    Block,
    Details,
    Figure,
    FigureFile,
    Heading,
    Report,
    Section,
    Table,
    Words,
    file_name,
)
from pgebench.report.sheet import panels, sheet
from pgebench.report.style import role
from pgebench.report.svg import Circle, Line, Mark, Picture, Rect, Text, text_width
from pgebench.report.wording import interval, number, percent

HEAD, WIDE, HIGH = 86.0, 62.0, 20.0
"""Pixels of the names above the map, and of a cell."""

REACH = 260.0
"""Pixels of the axis of the league's number."""


def cells_of(found: Stability) -> dict[tuple[str, str], dict[Hashable, Any]]:
    """What is known about each (metric, factor)."""
    return {(row["metric"], row["factor"]): row for row in found.metrics.to_dict("records")}


def judged(found: Stability, metrics: tuple[str, ...]) -> list[str]:
    """Those of the metrics that were judged under every factor, in the same order."""
    known = cells_of(found)
    return [metric for metric in metrics if all((metric, factor) in known for factor in found.factors)]


def agreement_grid(found: Stability, metrics: tuple[str, ...]) -> Grid:
    """Rank agreement, metric by factor, with the range of the league's number below the same luck."""
    by_cell = cells_of(found)
    rows = []
    for metric in judged(found, metrics):
        cells = [name_cell(metric)]
        for factor in found.factors:
            row = by_cell[metric, factor]
            text = "unchanged" if row["changed"] == 0 else number(row["agreement"])
            cells.append(Cell(text, float(row["agreement"])))
        values = found.levels.loc[found.levels["metric"] == metric, PRIMARY]
        cells.append(Cell(interval(values.min(), values.max()), float(values.max() - values.min())))
        rows.append(cells)
    return grid(["metric", *found.factors, "weighted τ over all settings"], rows)


def spread_grid(found: Stability) -> Grid:
    """Every number of the stability suite."""
    rows = [
        [
            name_cell(row["metric"]),
            Cell(str(row["factor"]), str(row["factor"])),
            Cell(str(row["levels"]), float(row["levels"])),
            Cell(percent(row["changed"]), float(row["changed"])),
            value_cell(row["cv"], 3),
            value_cell(row["noise"], 3),
            value_cell(row["agreement"], 3),
            Cell(interval(row["quality_low"], row["quality_high"]), float(row["quality_high"] - row["quality_low"])),
            value_cell(row["quality_sd"], 3),
        ]
        for row in found.metrics.to_dict("records")
    ]
    columns = ["metric", "factor", "settings", "scores changed", "CV", "noise to signal", "rank agreement"]
    return grid([*columns, "weighted τ, range", "weighted τ, sd"], rows)


def setups_grid(setups: pd.DataFrame) -> Grid:
    """Setup stability, one row a factor."""
    rows = [
        [
            Cell(str(row["factor"]), str(row["factor"])),
            Cell(str(row["setups"]), float(row["setups"])),
            value_cell(row["setup_stability"]),
        ]
        for row in setups.to_dict("records")
    ]
    return grid(["what changes", "setups", "agreement of the leagues, τ"], rows)


def heat(found: Stability, metrics: tuple[str, ...]) -> Picture:
    """Rank agreement, metrics down and factors across; a cell says its other numbers when touched."""
    by_cell, shown = cells_of(found), judged(found, metrics)
    gutter = text_width(shown) + 8
    marks: list[Mark] = []
    for f, factor in enumerate(found.factors):
        marks.append(Text(gutter + WIDE * (f + 0.5), HEAD - 6, factor, turn=-35))
    for m, metric in enumerate(shown):
        y = HEAD + HIGH * m
        marks.append(Text(gutter - 8, y + 14, metric, anchor="end"))
        for f, factor in enumerate(found.factors):
            row = by_cell[metric, factor]
            x = gutter + WIDE * f
            if not math.isfinite(row["agreement"]):
                marks.append(Rect(x, y, WIDE - 1, HIGH - 1, "none"))
                continue
            say = (
                f"{metric}, {factor}: rank agreement {number(row['agreement'])}, {percent(row['changed'])} of the "
                f"scores changed, CV {number(row['cv'], 3)}, noise to signal {number(row['noise'])}, weighted tau "
                f"{interval(row['quality_low'], row['quality_high'])}"
            )
            strength = 0.75 * max(float(row["agreement"]), 0.0)
            marks.append(Rect(x, y, WIDE - 1, HIGH - 1, "low", say=say, opacity=strength))
            text = "=" if row["changed"] == 0 else number(row["agreement"])
            marks.append(Text(x + WIDE / 2, y + 14, text, "in", anchor="middle"))
    # Names above the last column lean over its edge.
    width = gutter + WIDE * len(found.factors) + 0.5 * text_width(found.factors)
    label = "Agreement of the rankings when one factor changes, metrics down, factors across"
    return Picture(width, HEAD + HIGH * len(shown) + 2, tuple(marks), label)


def levels(found: Stability, metrics: tuple[str, ...], kinds: dict[str, str]) -> Picture:
    """The league's number at every level of every factor, in the rows of `heat`."""
    shown = judged(found, metrics)
    rows = found.levels[found.levels["metric"].isin(shown)]
    low, high = min(0.0, float(rows[PRIMARY].min())), max(0.0, float(rows[PRIMARY].max()))

    def at(value: float) -> float:
        return 8 + (REACH - 16) * (value - low) / ((high - low) or 1.0)

    bottom = HEAD + HIGH * len(shown)
    marks: list[Mark] = []
    for tenth in range(math.ceil(low * 5), math.floor(high * 5) + 1):
        marks.append(Line(((at(tenth / 5), HEAD), (at(tenth / 5), bottom)), "origin" if tenth == 0 else "grid"))
        marks.append(Text(at(tenth / 5), HEAD - 6, number(tenth / 5, 1), anchor="middle"))
    for m, metric in enumerate(shown):
        y = HEAD + HIGH * (m + 0.5)
        mine = rows[rows["metric"] == metric].dropna(subset=[PRIMARY])
        if mine.empty:
            continue
        who = role(metric, kinds.get(metric, "metric"))
        marks.append(Line(((at(mine[PRIMARY].min()), y), (at(mine[PRIMARY].max()), y)), "thin", who))
        marks += [Line(((at(value), y - 4), (at(value), y + 4)), "thin", who) for value in mine[PRIMARY]]
        marks += [Circle(at(value), y, 3.5, "full", who) for value in mine.loc[mine["level"] == OWN, PRIMARY]]
    return Picture(REACH, bottom + 2, tuple(marks), "Mean weighted tau in every setting, metrics down")


AGREE = (
    "How alike two leagues are when {}: mean {} between the vectors of metric qualities "
    "(Agostinelli et al., ECCV 2022)."
)


def _page(report: Report) -> list[Block]:
    found, setups = report.analysis.stability, setups_grid(report.analysis.setups)
    if not report.results or not (found or setups.rows):
        return []
    if found is None:
        return [Heading("Setup stability"), Words(AGREE.format("the setup changes", "τ")), Table(setups)]
    result = report.results[0]
    return [
        Heading("Stability"),
        Words(
            "The same scores with one factor changed at a time. A number is the agreement of the rankings (Kendall's "
            "τ-b, mean over pairs of settings and targets): 1 is the same order, 0 none; = means that no score "
            "changed. Touch a cell for the spread of the scores and the range of the league's number."
        ),
        Figure(
            file_name("stability", result.name),
            "Rank agreement, metrics down (best of the league first), factors across.",
            heat(found, result.metrics),
        ),
        Details("How far the league's number moves", [Table(agreement_grid(found, result.metrics))]),
        Details(
            "All numbers: coefficient of variation, noise to signal, agreement, range",
            [
                Words(
                    "CV: standard deviation over settings by absolute mean, median over cells; it has no meaning for "
                    "scores that go through 0. Noise to signal: standard deviation over settings by the standard "
                    "deviation between the sources of a target.",
                    soft=True,
                ),
                Table(spread_grid(found)),
            ],
        ),
        Heading("Setup stability", 3),
        Words(AGREE.format("this changes", "τ"), soft=True),
        Table(setups_grid(found.setups)),
    ]


def _markdown(report: Report) -> list[Block]:
    found, setups = report.analysis.stability, setups_grid(report.analysis.setups)
    if not report.results or not (found or setups.rows):
        return []
    if found is None:
        return [Heading("Setup stability"), Words(AGREE.format("the setup changes", "tau")), Table(setups)]
    result = report.results[0]
    return [
        Heading("Stability"),
        Words(
            "The same scores with one factor changed at a time. Agreement of the rankings: Kendall's tau-b, mean over "
            'pairs of settings and\ntargets; "unchanged" means that no score changed.'
        ),
        Table(agreement_grid(found, result.metrics)),
        Figure(
            file_name("stability", result.name),
            "Agreement of the rankings when one factor changes, and the league's number in every setting",
        ),
        Words(
            "CV: standard deviation over settings by absolute mean, median over cells (no meaning for scores that go "
            "through 0). Noise to\nsignal: standard deviation over settings by the standard deviation between the "
            "sources of a target."
        ),
        Table(spread_grid(found)),
        Heading("Setup stability", 3),
        Words(AGREE.format("this changes", "tau")),
        Table(setups_grid(found.setups)),
    ]


def _files(report: Report) -> Iterator[FigureFile]:
    found = report.analysis.stability
    if not report.results or not found:
        return
    result = report.results[0]
    kinds = dict(zip(result.league["metric"], result.league["kind"], strict=True))
    title = "agreement of the rankings (tau-b)"
    beside = "mean weighted tau; dot: the experiment, bars: one factor changed"
    drawn = panels([(title, heat(found, result.metrics)), (beside, levels(found, result.metrics, kinds))], title, 2)
    name = file_name("stability", result.name)
    yield FigureFile(name, sheet("One factor changed at a time", drawn), found.metrics)


SECTION = Section("stability", "Stability", _page, _markdown, _files)
