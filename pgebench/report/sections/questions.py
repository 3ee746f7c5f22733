"""The tables beside the league: stability, other questions, gain over scratch, and what more seeds would bring."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any

import pandas as pd

from pgebench.analysis.league import PRIMARY, Analysis, TruthResult
from pgebench.analysis.question import PAIRS, QUESTIONS
from pgebench.analysis.stability import Stability
from pgebench.report.grids import Cell, Grid, grid, name_cell, value_cell
from pgebench.report.wording import interval, number, percent, points

SEEDS = (1, 2, 3, 5, 10, 20)
"""Numbers of seeds of the truth for which the noise ceiling is foretold."""


def answers_grid(analysis: Analysis) -> Grid:
    """What each metric reaches on each question, in the order of the league."""
    found = analysis.answers
    if found.empty:
        return grid([], [])
    asked = [name for name in (*QUESTIONS, PAIRS.name) if name in set(found["question"])]
    by_cell = {(row["metric"], row["question"]): row for row in found.to_dict("records")}
    rows = []
    for metric in analysis.results[0].metrics:
        if (metric, asked[0]) not in by_cell:
            continue
        cells = [name_cell(metric)]
        for question in asked:
            row = by_cell[metric, question]
            span = interval(row["low"], row["high"])
            text = f"{number(row[PRIMARY])} ({span})" if math.isfinite(row["low"]) else number(row[PRIMARY])
            cells.append(Cell(text, float(row[PRIMARY])))
        rows.append(cells)
    lists = found.drop_duplicates("question").set_index("question")["lists"]
    titles = {name: f"rank {name}" for name in QUESTIONS} | {PAIRS.name: "all pairs in one list"}
    return grid(["metric", *(f"{titles[name]} ({lists[name]} lists)" for name in asked)], rows)


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


def gain_grid(gains: pd.DataFrame) -> Grid:
    """Transfer against training from scratch, one row a backbone and target."""
    several = gains["backbone"].nunique() > 1 if len(gains) else False
    rows = []
    for row in gains.to_dict("records"):
        cells = [name_cell(row["backbone"])] if several else []
        cells += [
            name_cell(row["target"]),
            Cell(percent(row["scratch"], 1), float(row["scratch"])),
            name_cell(row["best_source"]),
            *[Cell(f"{'+' if row[key] > 0 else ''}{points(row[key])}", float(row[key])) for key in GAINS],
            Cell(percent(row["hurt"]), float(row["hurt"])),
        ]
        rows.append(cells)
    columns = ["target", "from scratch", "best source", "best gain", "mean gain", "worst gain", "sources that hurt"]
    return grid((["backbone"] if several else []) + columns, rows)


GAINS = ("best_gain", "mean_gain", "worst_gain")


def seeds_grid(result: TruthResult) -> Grid:
    """The noise ceiling with other numbers of seeds, foretold from this truth."""
    top = result.ceiling[PRIMARY]
    if not math.isfinite(top.halves):
        return grid([], [])
    cells = [value_cell(top.with_seeds(PRIMARY, seeds)) for seeds in SEEDS]
    return grid(["seeds of the truth", *map(str, SEEDS)], [[Cell("noise ceiling, weighted τ"), *cells]])
