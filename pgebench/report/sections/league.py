"""The league: every metric with its number, interval and cost, the best first."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from pgebench.analysis.correlation import CORRELATIONS, PRIMARY
from pgebench.analysis.judge import TruthResult
from pgebench.report.grid import STATISTIC_TITLES, Cell, Grid, grid, name_cell, time_cell, value_cell
from pgebench.report.section import (
    Block,
    Figure,
    FigureFile,
    Heading,
    Key,
    Links,
    Report,
    Section,
    Table,
    Words,
    file_name,
)
from pgebench.report.sections import influence, judged_otherwise, league_terms
from pgebench.report.sections.league_latex import league_latex
from pgebench.report.sheet import key, sheet
from pgebench.report.style import role
from pgebench.report.svg import Circle, Line, Mark, Picture, Rect, Text, inline, text_width
from pgebench.report.tops import ANEW, SAME, Top, tops
from pgebench.report.wording import NOTHING, interval, number, p_text, points

STRIP_HEIGHT = 22.0
IN_TABLE, IN_FILE = 220.0, 440.0
"""Widths of a strip in pixels."""


class StripScale:
    """Horizontal scale shared by all strips of a league.

    Args:
        league: Rows of the league.
        width: Of a strip in pixels.
    """

    def __init__(self, league: pd.DataFrame, width: float) -> None:
        lows = league[[f"{PRIMARY}_low", "null_low", PRIMARY]].to_numpy(dtype=float)
        lowest = float(np.nanmin(lows)) if np.isfinite(lows).any() else 0.0
        self.low = min(-0.25, math.floor(lowest * 4) / 4)
        self.width = width

    def __call__(self, value: float) -> float:
        """Position of a value in pixels."""
        return 6 + (self.width - 12) * (min(max(value, self.low), 1.0) - self.low) / (1.0 - self.low)


def strip(row: pd.Series, scale: StripScale, ceilings: Sequence[Top], height: float = STRIP_HEIGHT) -> Picture | None:
    """One row of the league as a picture: null band, noise ceilings, interval and mean; None without a value."""
    value, low, high = (float(row[name]) for name in (PRIMARY, f"{PRIMARY}_low", f"{PRIMARY}_high"))
    if not math.isfinite(value):
        return None
    metric, middle = str(row["metric"]), height / 2
    who = role(metric, str(row["kind"]))
    marks: list[Mark] = []
    if math.isfinite(float(row["null_low"])):
        left, right = scale(float(row["null_low"])), scale(float(row["null_high"]))
        marks.append(Rect(left, 3, right - left, height - 6, "null"))
    for top in ceilings:
        left, right = scale(top.repeat[PRIMARY]), scale(top.perfect[PRIMARY])
        marks.append(Rect(left, 0, right - left, height, top.band))
        marks.append(Line(((left, 0), (left, height)), top.line))
    marks.append(Line(((scale(0), 0), (scale(0), height)), "origin"))
    if math.isfinite(low):
        marks.append(Line(((scale(low), middle), (scale(high), middle)), "span", who))
    marks.append(Circle(scale(value), middle, 4.5, "hollow" if who == "trivial" else "dot", who))
    label = f"{metric}: {number(value)}, 95 % interval {interval(low, high)}"
    return Picture(scale.width, height, tuple(marks), label)


def strip_axis(scale: StripScale) -> Picture:
    """Numbers above the strips."""
    marks = []
    for tick in (-1.0, -0.5, 0.0, 0.5, 1.0):
        if tick >= scale.low:
            at, anchor = (scale(tick) + 6, "end") if tick == 1.0 else (scale(tick), "middle")
            marks.append(Text(at, 11, number(tick, 1 if tick % 1 else 0), anchor=anchor))
    return Picture(scale.width, 14, tuple(marks), "scale")


def gutter_of(result: TruthResult) -> float:
    """Pixels that the names of the metrics need."""
    return text_width(list(result.league.loc[result.league[PRIMARY].notna(), "metric"])) + 8


def strips(result: TruthResult, width: float, height: float, left: float) -> Picture:
    """All strips below each other, between names and numbers.

    Args:
        result: Of one truth; metrics without a value are left out.
        width: Of a strip in pixels.
        height: Likewise.
        left: Pixels of the names.
    """
    league = result.league[result.league[PRIMARY].notna()]
    scale = StripScale(league, width)
    ceilings = tops(result)
    marks = [*strip_axis(scale).moved(left, 0)]
    y = 16.0
    for _, row in league.iterrows():
        base = y + height / 2 + 4
        marks.append(Text(left - 8, base, str(row["metric"]), anchor="end"))
        drawn = strip(row, scale, ceilings, height)
        marks += drawn.moved(left, y) if drawn else ()
        marks.append(Text(left + width + 34, base, number(row[PRIMARY]), "in", anchor="end"))
        y += height
    return Picture(left + width + 40, y, tuple(marks), _label(result))


def _label(result: TruthResult) -> str:
    return f"mean weighted Kendall tau with the {result.name} accuracy (95 % interval)"


def picture(result: TruthResult) -> Picture:
    """The league as a file."""
    legend = [("null", "", "95 % of its shuffled copies")]
    legend += [(top.band, "", f"noise ceiling, {top.name}") for top in tops(result)]
    return sheet(_label(result), strips(result, IN_FILE, STRIP_HEIGHT, gutter_of(result)), key(legend))


def league_grid(result: TruthResult) -> Grid:
    """The league table, best first, with the noise ceilings below."""
    scale, ceilings = StripScale(result.league, IN_TABLE), tops(result)
    rows, notes = [], {}
    for i, (_, row) in enumerate(result.league.iterrows()):
        drawn = strip(row, scale, ceilings)
        rows.append(
            [
                name_cell(row["metric"]),
                value_cell(row[PRIMARY]),
                Cell("", row[PRIMARY], inline(drawn, "strip") if drawn else ""),
                Cell(interval(row[f"{PRIMARY}_low"], row[f"{PRIMARY}_high"]), row[f"{PRIMARY}_low"]),
                influence.change_cell(row["influence"], row["influence_kind"], row["influence_of"]),
                Cell(p_text(row["p_holm"]), row["p_holm"]),
                *[value_cell(row[statistic]) for statistic in CORRELATIONS[1:]],
                value_cell(row["rel_at_1"], 3),
                value_cell(row["rel_at_3"], 3),
                Cell(points(row["regret"]), row["regret"]),
                time_cell(row["cost_total_s"]),
            ]
        )
        if row["kind"] == "trivial":
            notes[i] = "trivial"
    footer = [
        [
            Cell(title),
            Cell(number(values[0])),
            *[Cell("")] * 4,
            *[Cell(number(value)) for value in values[1:]],
            *[Cell("")] * 4,
        ]
        for title, values in _footer(ceilings)
    ]
    columns = [
        *("metric", "weighted τ", "", "95 % interval", "largest influence", "p (Holm)"),
        *[STATISTIC_TITLES[statistic] for statistic in CORRELATIONS[1:]],
        *("Rel@1", "Rel@3", "regret, points", "time"),
    ]
    return Grid(columns, rows, {2: inline(strip_axis(scale), "strip")}, footer, notes)


def _footer(ceilings: Sequence[Top]) -> Iterator[tuple[str, list[float]]]:
    """Title and one value per correlation of the rows below the league."""
    for top in ceilings:
        for title, values in (("noise ceiling", top.repeat), ("perfect score", top.perfect)):
            yield f"{title}, {top.name}", [values[statistic] for statistic in CORRELATIONS]
    if not ceilings:
        yield "noise ceiling, unknown", [math.nan] * len(CORRELATIONS)


def backbone_grid(result: TruthResult) -> Grid:
    """Weighted tau of each metric, one column a backbone; no rows with a single backbone."""
    backbones = list(dict.fromkeys(result.by_backbone["backbone"]))
    by_name = result.by_backbone.set_index(["metric", "backbone"])
    rows = []
    for metric in result.metrics if backbones else ():
        cells = [name_cell(metric)]
        for backbone in backbones:
            row = by_name.loc[(metric, backbone)]
            text = f"{number(row[PRIMARY])} ({interval(row['low'], row['high'])})"
            cells.append(Cell(text if math.isfinite(row[PRIMARY]) else NOTHING, float(row[PRIMARY])))
        rows.append(cells)
    made = grid(["metric", *backbones], rows)
    ceilings = result.by_backbone.groupby("backbone")["ceiling"].first()
    if backbones:
        made.footer.append([Cell("noise ceiling of one life"), *[Cell(number(float(ceilings[b]))) for b in backbones]])
    return made


def key_of(result: TruthResult) -> Key:
    """What the colours of the strips mean; of the ceilings those that are drawn."""
    said = {SAME: "noise ceiling, same checkpoints: repeated to perfect", ANEW: "the same with everything trained anew"}
    return Key(
        (
            ("round metric", "metric"),
            ("round pge", "PGE"),
            ("round trivial", "trivial yardstick"),
            ("null", "where 95 % of shuffled copies fall"),
            *((top.band, said[top.name]) for top in tops(result)),
        )
    )


def _page(report: Report) -> list[Block]:
    if not report.results:
        return []
    result = report.results[0]
    blocks = [
        Heading("League table"),
        Table(report.said(league_grid(result))),
        key_of(result),
        Links(file_name("league", result.name)),
        league_terms.details(report, result),
        *judged_otherwise.blocks(report, result),
    ]
    if (backbones := backbone_grid(result)).rows:
        blocks.append(Heading(report.say("Each backbone on its own"), 3))
        blocks += [Words("Mean weighted τ and its 95 % interval.", soft=True), Table(backbones)]
    return blocks


def markdown_of(report: Report, result: TruthResult) -> list[Block]:
    """Table and figure of one truth."""
    caption = f"Mean weighted tau against {result.name} with 95 % intervals; grey: shuffled copies of the same score; "
    blocks = [
        Table(report.said(league_grid(result))),
        Figure(file_name("league", result.name), f"{caption}{_colours(result)}"),
    ]
    if (backbones := backbone_grid(result)).rows:
        title = f"Each backbone on its own (weighted tau against {result.name})"
        blocks += [Heading(title, 3), Table(backbones)]
    return blocks


def _colours(result: TruthResult) -> str:
    colours = {SAME: "green", ANEW: "purple"}
    said = [f"{colours[top.name]}: noise ceiling, {top.name}" for top in tops(result)]
    return "; ".join(said) or "noise ceiling unknown"


def _markdown(report: Report) -> list[Block]:
    if not report.results:
        return []
    result = report.results[0]
    return [
        Heading("League table"),
        *markdown_of(report, result),
        *league_terms.markdown(report, result),
        *judged_otherwise.blocks(report, result),
    ]


def _files(report: Report) -> Iterator[FigureFile]:
    for result in report.results:
        if result.league[PRIMARY].notna().any():
            yield FigureFile(file_name("league", result.name), picture(result), result.league, league_latex(result))


SECTION = Section("league", "League", _page, _markdown, _files)
