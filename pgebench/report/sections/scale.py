"""What a difference of scores is worth: points of accuracy, or nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from pgebench.analysis.judge import TruthResult
from pgebench.report.claims import Finding, real_metrics
from pgebench.report.grid import Cell, Grid, grid, name_cell
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
from pgebench.report.sheet import sheet
from pgebench.report.style import role
from pgebench.report.svg import Circle, Line, Mark, Picture, Text, text_width
from pgebench.report.wording import NOTHING, interval, number, points

ROW, WIDTH = 20.0, 380.0

FIDELITY = (
    "Pearson within a target is the “fidelity” of Singh et al. (ICLR 2026, arXiv 2510.06448): over all ordered pairs "
    "of sources, differences of scores and differences of accuracies have the very same correlation."
)


def worth(result: TruthResult) -> pd.DataFrame:
    """The slopes for a difference of one step, the metrics in the order of the league.

    Args:
        result: Of one truth.

    Returns:
        Columns metric, target (None for all of them), step, and in accuracy value, low, high; metrics without a slope
        are left out.
    """
    found = result.scale
    known = found[found["slope"].notna() & found["step"].notna()]
    scaled = {
        to: known[column] * known["step"] for to, column in (("value", "slope"), ("low", "low"), ("high", "high"))
    }
    rows = known[["metric", "target", "step"]].assign(**scaled)
    return rows[rows["metric"].isin(rows.loc[rows["target"].isna(), "metric"])]


def in_words(value: float, low: float, high: float) -> str:
    """What a difference is worth.

    >>> in_words(0.021, 0.004, 0.03), in_words(0.021, -0.001, 0.04), in_words(0.021, float("nan"), float("nan"))
    ('2.1 points', '2.1 points, or nothing', '2.1 points, how surely is not known')
    """
    said = f"{points(value)} points"
    if not math.isfinite(low):
        return f"{said}, how surely is not known"
    if low <= 0 <= high:
        return f"{said}, or nothing"
    return said if value > 0 else f"{said}: the wrong way"


def step_text(step: float) -> str:
    """A difference of scores, with the two digits that it is rounded to.

    >>> step_text(0.084), step_text(12.0), step_text(1.2e-7)
    ('0.084', '12', '1.2e-07')
    """
    return f"{step:.2g}" if abs(step) < 100 else f"{step:.0f}" if abs(step) < 1e6 else f"{step:.1e}"


def finding(result: TruthResult) -> Finding | None:
    """What a difference of the best metric's scores is worth; None if it has no slope."""
    metrics, rows = real_metrics(result.league)["metric"].tolist(), worth(result)
    own = rows[rows["metric"].isin(metrics[:1])]
    if own.empty:
        return None
    row, single = own.iloc[0], own[own["target"].notna()]["value"]
    span = f" (95 % interval {interval(100 * row['low'], 100 * row['high'], 1)})" if math.isfinite(row["low"]) else ""
    text = (
        f"Two sources of a target whose `{row['metric']}` differs by {step_text(row['step'])}, one standard deviation, "
        f"differ by {in_words(row['value'], row['low'], row['high'])}{span}"
    )
    if len(single) > 1:
        text += f"; from target to target that is {points(single.min())} to {points(single.max())}"
    return Finding("What a difference of scores is worth", f"{text}.")


def scale_grid(result: TruthResult) -> Grid:
    """Each metric with its step and what that is worth; no rows if no score varies."""
    rows: list[list[Cell]] = []
    notes: dict[int, str] = {}
    found = worth(result)
    kinds = dict(zip(result.league["metric"], result.league["kind"], strict=True))
    for metric, own in found.groupby("metric", sort=False):
        row, single = own.iloc[0], own[own["target"].notna()]["value"]
        if kinds[str(metric)] == "trivial":
            notes[len(rows)] = "trivial"
        span = f"{points(single.min())} to {points(single.max())}" if len(single) else NOTHING
        rows.append(
            [
                name_cell(metric),
                Cell(step_text(row["step"]), row["step"]),
                Cell(in_words(row["value"], row["low"], row["high"]), row["value"]),
                Cell(interval(100 * row["low"], 100 * row["high"], 1), row["low"]),
                Cell(span, float(single.max() - single.min()) if len(single) else math.nan),
            ]
        )
    columns = ["metric", "a difference of", "is worth", "95 % interval, points", "single targets, points"]
    return grid(columns, rows, notes)


def target_grid(result: TruthResult) -> Grid:
    """Points for the same difference, one column a target; in brackets where the interval holds 0."""
    found = worth(result)
    single = found[found["target"].notna()]
    targets = list(dict.fromkeys(single["target"]))
    rows = []
    for metric, own in single.groupby("metric", sort=False):
        of = own.set_index("target")
        rows.append([name_cell(metric), *[_single(of.loc[name] if name in of.index else None) for name in targets]])
    return grid(["metric", *targets], rows)


def _single(row: pd.Series | None) -> Cell:
    if row is None:
        return Cell(NOTHING, math.nan)
    clear = math.isfinite(row["low"]) and not row["low"] <= 0 <= row["high"]
    return Cell(points(row["value"]) if clear else f"({points(row['value'])})", float(row["value"]))


def picture(result: TruthResult) -> Picture | None:
    """Points per step of each metric with its interval; None if no score varies."""
    found = worth(result)
    rows = found[found["target"].isna()]
    if rows.empty:
        return None
    ends = pd.concat([rows["low"], rows["high"], rows["value"]]).dropna() * 100
    low, high = min(math.floor(ends.min()), -1), max(math.ceil(ends.max()), 1)
    left = text_width(list(rows["metric"])) + 8
    kinds = dict(zip(result.league["metric"], result.league["kind"], strict=True))

    def at(value: float) -> float:
        return left + 6 + (WIDTH - 12) * (value - low) / (high - low)

    bottom = 16 + ROW * len(rows)
    marks: list[Mark] = []
    step = max(1, math.ceil((high - low) / 8))
    for tick in range(-(-low // step) * step, high + 1, step):
        marks.append(Line(((at(tick), 16), (at(tick), bottom)), "grid"))
        marks.append(Text(at(tick), 11, number(tick, 0), anchor="middle"))
    marks.append(Line(((at(0), 16), (at(0), bottom)), "origin"))
    for i, row in enumerate(rows.to_dict("records")):
        metric, y = str(row["metric"]), 16 + ROW * (i + 0.5)
        who = role(metric, str(kinds[metric]))
        said = f"{metric}, difference of {step_text(row['step'])}: {in_words(row['value'], row['low'], row['high'])}"
        marks.append(Text(left - 8, y + 4, metric, anchor="end"))
        if math.isfinite(row["low"]):
            marks.append(Line(((at(100 * row["low"]), y), (at(100 * row["high"]), y)), "span", who))
        look = "hollow" if who == "trivial" else "dot"
        marks.append(Circle(at(100 * row["value"]), y, 4.5, look, who, say=said))
    label = "Points of accuracy for a difference of one standard deviation of the score within a target, 95 % interval"
    return Picture(left + WIDTH, bottom + 2, tuple(marks), label)


TITLE = Heading("What a difference of scores is worth")


def _blocks(report: Report) -> list[Block]:
    if not report.results:
        return []
    result = report.results[0]
    found = scale_grid(result)
    if not found.rows:
        none = "No score varies among the sources of a target, so no difference of scores says anything."
        return [TITLE, Words(report.say(none))]
    words = (
        "Take two sources of one target. If their scores differ by so much (one standard deviation of the metric's "
        "scores within a target), their accuracies differ by so many points on average: the least-squares slope within "
        "targets, pooled over them. “Or nothing”: the interval, of the same resamples as that of the league, holds 0. "
        f"{FIDELITY}"
    )
    blocks: list[Block] = [TITLE, Words(report.say(words))]
    if drawn := picture(result):
        caption = "Points of accuracy for one standard deviation of the score within a target, with 95 % interval."
        blocks.append(Figure(file_name("scale", result.name), report.say(caption), drawn))
    blocks.append(Table(report.said(found)))
    if len((single := target_grid(result)).columns) > 2:
        note = (
            "Points for the same difference on each target; in brackets where the interval over other sources holds 0."
        )
        blocks.append(
            Details(report.say("Each target on its own"), [Words(report.say(note), soft=True), Table(single)])
        )
    return blocks


def _files(report: Report) -> Iterator[FigureFile]:
    for result in report.results:
        if drawn := picture(result):
            title = f"points of {result.name} accuracy for one standard deviation of the score, 95 % interval"
            yield FigureFile(file_name("scale", result.name), sheet(title, drawn), result.scale)


SECTION = Section("scale", "Scale", _blocks, _blocks, _files)
