"""How far the truth can be trusted: its noise ceilings, its levels, its learning rates, and what transfer gained."""

from __future__ import annotations

import math

import pandas as pd

from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.judge import TruthResult
from pgebench.analysis.league import Analysis
from pgebench.analysis.quality import ranking_quality
from pgebench.report.claims import Finding, real_metrics
from pgebench.report.grid import Cell, Grid, grid, name_cell
from pgebench.report.section import Block, Heading, Report, Section, Table, Words
from pgebench.report.sections import ceilings, edges, levels
from pgebench.report.wording import number, percent, points

GAINS = ("best_gain", "mean_gain", "worst_gain")


def other_truths_finding(analysis: Analysis, result: TruthResult) -> Finding | None:
    """Whether another definition of the truth orders the sources alike."""
    parts = []
    for other in analysis.results:
        if other.name == result.name:
            continue
        same = ranking_quality(other.accuracy, result.accuracy[..., None]).mean(PRIMARY)
        if math.isfinite(same):
            top = real_metrics(other.league)
            leader = f"; there the best metric is `{top['metric'].iloc[0]}`" if len(top) else ""
            parts.append(
                f"`{other.name}` orders the sources like `{result.name}` with a weighted tau of {number(same)}{leader}."
            )
    return Finding("The other definition of the truth", " ".join(parts)) if parts else None


def gain_finding(gains: pd.DataFrame) -> Finding | None:
    """Whether transfer was worth anything."""
    if gains.empty:
        return None
    best, mean, hurt = (float(gains[name].mean()) for name in ("best_gain", "mean_gain", "hurt"))
    text = (
        f"Against training from random weights on the target alone, the best source gains {points(best)} points of "
        f"accuracy on average over the targets and a source taken at random {points(mean)}; "
        f"{percent(hurt)} of the transfers end below training from scratch."
    )
    if hurt > 0.5:
        text += (
            " Handle with care: transfer is mostly worse than none here, so the metrics are asked which source does "
            "the least harm, and that may be another question than which one helps."
        )
    return Finding("Is transfer worth it", text)


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


def _tables(report: Report) -> list[Block]:
    """What both pages show alike below the ceilings and levels."""
    blocks = edges.blocks(report.analysis.edges)
    if (gains := gain_grid(report.analysis.gains)).rows:
        blocks += [
            Heading("Transfer against training from scratch", 3),
            Words(
                "Points of accuracy over the same network trained on the target alone, from random weights, with "
                "learning rates of its own.",
                soft=True,
            ),
            Table(gains),
        ]
    return blocks


TITLE = Heading("How far the truth can be trusted")


def _shown(report: Report, drawn: bool) -> list[Block]:
    if not report.results:
        return []
    result = report.results[0]
    return [TITLE, *ceilings.blocks(report, result), *levels.blocks(report, result, drawn), *_tables(report)]


def _page(report: Report) -> list[Block]:
    return _shown(report, drawn=True)


def _markdown(report: Report) -> list[Block]:
    return _shown(report, drawn=False)


SECTION = Section("truth", "Truth", _page, _markdown)
