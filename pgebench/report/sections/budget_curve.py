"""Budget curve: how many images of a target a score needs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from pgebench.analysis.budget_curve import ALL, CLOSE, STEADY, BudgetCurve
from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.judge import TruthResult
from pgebench.report.claims import real_metrics
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
from pgebench.report.svg import Circle, Line, Mark, Picture, Rect, Text
from pgebench.report.wording import NOTHING, counted, interval, names, number, percent, signed

WIDE, HIGH, GUTTER = 150.0, 96.0, 24.0
"""Pixels of a small picture, and of the numbers at its left."""

Rows = list[dict[str, Any]]


def size_text(size: float) -> str:
    """A number of images a class in words.

    >>> size_text(5.0), size_text(ALL)
    ('5', 'all')
    """
    return "all" if size == ALL else f"{size:g}"


def rows_of(found: BudgetCurve, metric: str) -> Rows:
    """What is known of a metric, by number of images."""
    own = found.points[found.points["metric"] == metric].to_dict("records")
    return [{str(key): value for key, value in row.items()} for row in own]


def shown(found: BudgetCurve, result: TruthResult) -> list[str]:
    """The metrics of the curve in the order of the league."""
    known = set(found.points["metric"])
    return [metric for metric in result.metrics if metric in known]


def curve_grid(found: BudgetCurve, result: TruthResult) -> Grid:
    """Quality and self-agreement by number of images, and from how many on both are what they will be."""
    enough = {str(row["metric"]): row for row in found.enough.to_dict("records")}
    own = {str(row["metric"]): row for row in result.league.to_dict("records")}
    rows, notes = [], {}
    for i, metric in enumerate(shown(found, result)):
        cells = [name_cell(metric)]
        for row in rows_of(found, metric):
            text = number(row[PRIMARY])
            if math.isfinite(row["agreement"]):
                text += f" ({number(row['agreement'])})"
            cells.append(Cell(text, row[PRIMARY]))
        cells.append(value_cell(own[metric][PRIMARY]))
        cells += [_from_cell(enough[metric][name]) for name in ("quality_from", "steady_from")]
        rows.append(cells)
        if own[metric]["kind"] == "trivial":
            notes[i] = "trivial"
    columns = ["metric", *map(size_text, found.sizes), "the truth's own images"]
    return grid([*columns, "quality from", "steady from"], rows, notes)


def _from_cell(size: float) -> Cell:
    return Cell(NOTHING, math.inf) if math.isnan(size) else Cell(size_text(size), min(size, 1e9))


def points_grid(found: BudgetCurve, result: TruthResult) -> Grid:
    """Every number of the curve."""
    rows = []
    for metric in shown(found, result):
        for row in rows_of(found, metric):
            rows.append(
                [
                    name_cell(metric),
                    Cell(size_text(row["images"]), min(row["images"], 1e9)),
                    Cell(str(row["draws"]), row["draws"]),
                    value_cell(row[PRIMARY]),
                    Cell(interval(row["low"], row["high"]), row["low"]),
                    Cell(signed(row["short"]), row["short"]),
                    Cell(interval(row["short_low"], row["short_high"]), row["short_low"]),
                    value_cell(row["agreement"]),
                    Cell(percent(row["coverage"]), row["coverage"]),
                ]
            )
    columns = ["metric", "images a class", "draws", "weighted τ", "95 % interval", "short of the most images"]
    return grid([*columns, "95 % interval", "self-agreement", "cells scored"], rows)


def holes(found: BudgetCurve, result: TruthResult) -> list[str]:
    """A line about each metric that lacks a number, and about numbers of images that were drawn once."""
    lines = []
    for metric in shown(found, result):
        rows = rows_of(found, metric)
        lacking = [row for row in rows if row["draws"] == 0]
        if lacking:
            sizes = " and ".join(size_text(row["images"]) for row in lacking)
            why = next((row["error"] for row in lacking if row["error"]), "not scored there, see the notes at the top")
            lines.append(f"`{metric}` has no number with {sizes} images a class: {why}.")
        lines += [
            f"`{metric}` scores {percent(row['coverage'])} of the cells with {size_text(row['images'])} images a class."
            for row in rows
            if row["draws"] and row["coverage"] < 1
        ]
    once = [size_text(size) for size in found.sizes if found.draws[size] == 1]
    if once:
        lines.append(
            f"Self-agreement is unknown with {' and '.join(once)} images a class, of which there is one draw only"
            f"{' (all images cannot be drawn otherwise)' if once == ['all'] else ''}."
        )
    return lines


def finding(found: BudgetCurve, result: TruthResult) -> str:
    """The answer in words: how many of the metrics have what they will have, by number of images."""
    real = set(real_metrics(result.league)["metric"])
    rows = found.enough[found.enough["metric"].isin(real)]
    most = size_text(found.sizes[-1])
    parts = []
    for size in found.sizes[:-1]:
        parts.append(f"{int((rows['quality_from'] <= size).sum())} with {size_text(size)}")
    text = (
        f"Of {counted(len(rows), 'metric')}, those that rank as well as with {most} images a class, to {CLOSE:g} of "
        f"the weighted τ: {', '.join(parts)}."
    )
    several = [size for size in found.sizes if found.draws[size] > 1]
    if not several:
        return text
    reached = set(rows.loc[rows["steady_from"].notna(), "metric"])
    steady = [metric for metric in shown(found, result) if metric in reached]
    means = found.points[found.points["metric"].isin(real)].groupby("images")["agreement"].median()
    said = ", ".join(f"{number(means[size])} with {size_text(size)}" for size in several)
    text += f" Two users with other images of the same number agree by (median of the metrics): {said}."
    text += f" By {STEADY:g} or more with {size_text(several[-1])}: {names(steady)}."
    return text


def picture(found: BudgetCurve, result: TruthResult) -> Picture | None:
    """A small picture for each metric, in the order of the league; None if nothing is known."""
    kinds = dict(zip(result.league["metric"], result.league["kind"], strict=True))
    low = min(0.0, float(found.points[[PRIMARY, "agreement"]].min().min()))
    drawn = [
        (metric, _card(rows_of(found, metric), role(metric, str(kinds[metric])), metric, low))
        for metric in shown(found, result)
        if any(math.isfinite(row[PRIMARY]) for row in rows_of(found, metric))
    ]
    if not drawn:
        return None
    label = "Mean weighted tau and self-agreement of each metric against images a class"
    return panels(drawn, label, min(5, len(drawn)))


def _card(rows: Rows, who: str, metric: str, low: float) -> Picture:
    """Quality with its interval, and self-agreement, against images a class; the numbers of images evenly spaced."""
    bottom = math.floor(low * 5) / 5

    def at_x(place: int) -> float:
        return GUTTER + 8 + (WIDE - GUTTER - 16) * place / max(1, len(rows) - 1)

    def at_y(value: float) -> float:
        return 4 + (HIGH - 8) * (1 - (max(value, bottom) - bottom) / (1 - bottom))

    marks: list[Mark] = []
    for tick in (0.0, 0.5, 1.0):
        marks.append(Line(((GUTTER, at_y(tick)), (WIDE, at_y(tick))), "origin" if tick == 0 else "grid"))
        marks.append(Text(GUTTER - 4, at_y(tick) + 4, number(tick, 1), anchor="end"))
    for place, row in enumerate(rows):
        marks.append(Text(at_x(place), HIGH + 12, size_text(row["images"]), anchor="middle"))
        if math.isfinite(row["low"]):
            say = (
                f"{metric}, {size_text(row['images'])} images: {number(row[PRIMARY])} "
                f"({interval(row['low'], row['high'])}), self-agreement {number(row['agreement'])}"
            )
            top = at_y(row["high"])
            marks.append(Rect(at_x(place) - 4, top, 8, at_y(row["low"]) - top, "null", say=say))
    known = [(place, row) for place, row in enumerate(rows) if math.isfinite(row[PRIMARY])]
    agreed = [(place, row) for place, row in enumerate(rows) if math.isfinite(row["agreement"])]
    if len(agreed) > 1:
        marks.append(Line(tuple((at_x(place), at_y(row["agreement"])) for place, row in agreed), "again"))
    marks += [
        Line(((at_x(place) - 3, at_y(row["agreement"])), (at_x(place) + 3, at_y(row["agreement"]))), "again")
        for place, row in agreed
    ]
    if len(known) > 1:
        marks.append(Line(tuple((at_x(place), at_y(row[PRIMARY])) for place, row in known), "curve", who))
    marks += [Circle(at_x(place), at_y(row[PRIMARY]), 2.5, "full", who) for place, row in known]
    return Picture(WIDE, HIGH + 16, tuple(marks), f"{metric} against images a class")


WORDS = (
    "The same scores on subsets of the training images a class, nested within a draw: the smaller is part of the "
    "larger. The truth is the same for all numbers of images, so this says how many images a *score* needs. Quality is "
    "the mean weighted τ over draws of images; self-agreement (in brackets) is Kendall's τ-b between the orders by two "
    "draws, which is what two users with other images would see. *Quality from*: the fewest images from which on it is "
    f"at most {CLOSE:g} below that with the most; *steady from*: from which on two draws agree by {STEADY:g} or more. "
    "The draws hold other images than the truth was trained on; the league's own number is from just these images and "
    "stands beside."
)


def _blocks(report: Report) -> list[Block]:
    found = report.analysis.budget
    if found is None or not report.results:
        return []
    result = report.results[0]
    blocks: list[Block] = [Heading("How many images"), Words(report.say(finding(found, result)))]
    blocks.append(Words(report.say(WORDS), soft=True))
    if drawn := picture(found, result):
        caption = (
            "Points: mean weighted τ, bars: its 95 % interval; the other line: agreement of two draws of images. "
            "Across: training images a class of the target. Metrics in the order of the league."
        )
        blocks.append(Figure(file_name("images", result.name), report.say(caption), drawn))
    blocks.append(Table(report.said(curve_grid(found, result))))
    blocks += [Words(report.say(line), soft=True) for line in holes(found, result)]
    return [*blocks, Details("All numbers, with intervals", [Table(report.said(points_grid(found, result)))])]


def _files(report: Report) -> Iterator[FigureFile]:
    found = report.analysis.budget
    if found is None or not report.results:
        return
    result = report.results[0]
    if drawn := picture(found, result):
        title = "mean weighted tau (points, 95 % interval) and self-agreement (line) against images a class"
        yield FigureFile(file_name("images", result.name), sheet(title, drawn), found.points)


SECTION = Section("images", "How many images", _blocks, _blocks, _files)
