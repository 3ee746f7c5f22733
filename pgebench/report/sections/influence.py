"""Influence: which candidate, family or target each number of the league hangs on."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import pandas as pd

from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.influence import CANDIDATE, FAMILY, TASK, largest
from pgebench.analysis.judge import TruthResult
from pgebench.report.claims import Finding, Hanging, hanging, real_metrics
from pgebench.report.grid import Cell, Grid, grid, name_cell, value_cell
from pgebench.report.section import Block, Figure, FigureFile, Heading, Report, Section, Table, Words, file_name
from pgebench.report.sheet import key, sheet
from pgebench.report.style import role
from pgebench.report.svg import Circle, Line, Mark, Picture, Text, text_width
from pgebench.report.wording import NOTHING, number, signed

KINDS = {CANDIDATE: "source", FAMILY: "family", TASK: "target"}
"""What is left out, as the report calls it."""

FEW = 3
"""A claim that hangs on more things than this is at the edge, and their names say no more than their number."""

SEEN = 0.005
"""Change below which a point would lie on that of the whole."""

ROW, WIDTH = 20.0, 440.0
LANES = {CANDIDATE: 5.0, FAMILY: 10.0, TASK: 15.0}
"""Height in a row at which each kind is drawn."""


def change_cell(change: float, kind: object, name: object) -> Cell:
    """A change and what is left out for it; a dash for a number that nothing changes."""
    if not math.isfinite(change) or not isinstance(name, str):
        return Cell(NOTHING, math.nan)
    return Cell(f"{signed(change)}, {KINDS[str(kind)]} `{name}`", abs(change))


def finding(result: TruthResult) -> Finding | None:
    """The warning: which claims hang on a single thing; None where nothing could be left out."""
    real = set(real_metrics(result.league)["metric"])
    top = {metric: row for metric, row in _largest(result.influence).items() if metric in real}
    if not top:
        return None
    found = hanging(result)
    metric, row = max(top.items(), key=lambda one: abs(one[1]["change"]))
    whole = row["weighted_tau"] - row["change"]
    parts = [_said(one, result) for one in found] or [
        "What is better than chance stays so, and the first metric stays first, whatever single source, family of "
        "sources or target is left out."
    ]
    parts.append(
        f"The largest change: `{metric}` from {number(whole)} to {number(row['weighted_tau'])} without the "
        f"{KINDS[row['kind']]} `{row['left_out']}`."
    )
    title = "A place hangs on a single thing" if found else "No place hangs on a single thing"
    return Finding(title, " ".join(parts))


def _largest(found: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Metric -> the row of its largest change; without those that nothing changes."""
    rows = largest(found).reset_index().to_dict("records")
    return {str(row["metric"]): {str(key): value for key, value in row.items()} for row in rows}


def _said(one: Hanging, result: TruthResult) -> str:
    if len(one.without) > FEW:
        many = f"if one of {len(one.without)} things is left out, of {one.of} in turn"
        if one.first:
            return f"`{one.metric}` is not first {many}: the first place is nobody's."
        return f"`{one.metric}` is not told from chance {many}, so it is at the edge."
    on = _one_of(one.without)
    if not one.first:
        return f"`{one.metric}` is not told from chance without {on}."
    rows = result.influence
    heirs = rows[rows["place"] == 1].merge(one.without[["kind", "left_out"]])["metric"]
    instead = " or ".join(f"`{name}`" for name in dict.fromkeys(heirs))
    return f"`{one.metric}` is not first without {on}{f', but {instead} is' if instead else ''}."


def _one_of(rows: pd.DataFrame) -> str:
    said = [f"the {KINDS[kind]} `{name}`" for kind, name in zip(rows["kind"], rows["left_out"], strict=True)]
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} or {said[-1]}"


def influence_grid(result: TruthResult) -> Grid:
    """The largest change of each metric by kind, and what its claims hang on; no rows if nothing could be left out."""
    claims = hanging(result)
    by_kind = {kind: _largest(result.influence[result.influence["kind"] == kind]) for kind in KINDS}
    shown = {kind: top for kind, top in by_kind.items() if top}
    league = result.league[result.league[PRIMARY].notna()]
    rows, notes = [], {}
    for i, row in enumerate(league.to_dict("records") if shown else []):
        metric = str(row["metric"])
        cells = [name_cell(metric), value_cell(row[PRIMARY])]
        for top in shown.values():
            one = top.get(metric)
            said = f"{signed(one['change'])} `{one['left_out']}`" if one else NOTHING
            cells.append(Cell(said, abs(one["change"]) if one else math.nan))
        rows.append([*cells, _hangs([one for one in claims if one.metric == metric])])
        if row["kind"] == "trivial":
            notes[i] = "trivial"
    columns = ["metric", "weighted τ", *(f"without a {KINDS[kind]}, at most" for kind in shown), "a claim that hangs"]
    return grid(columns, rows, notes)


def _hangs(claims: list[Hanging]) -> Cell:
    said = [
        f"{'first' if one.first else 'better than chance'}, on "
        + (_one_of(one.without) if len(one.without) <= FEW else f"{len(one.without)} of {one.of}")
        for one in claims
    ]
    return Cell("; ".join(said), len(said))


def picture(result: TruthResult) -> Picture | None:
    """Each metric with its number and what that becomes without each thing; None if nothing could be left out."""
    league = result.league[result.league[PRIMARY].notna()]
    rows = result.influence[result.influence["change"].abs() >= SEEN]
    if league.empty or rows.empty:
        return None
    values = pd.concat([rows["weighted_tau"], league[PRIMARY]])
    low, high = math.floor(values.min() * 10) / 10, math.ceil(values.max() * 10 + 1e-9) / 10
    left = text_width(list(league["metric"])) + 8

    def at(value: float) -> float:
        return left + 6 + (WIDTH - 12) * (value - low) / (high - low)

    bottom = 16 + ROW * len(league)
    marks: list[Mark] = []
    for tenth in range(round(low * 10), round(high * 10) + 1, max(1, round((high - low) * 10) // 8)):
        marks.append(Line(((at(tenth / 10), 16), (at(tenth / 10), bottom)), "origin" if tenth == 0 else "grid"))
        marks.append(Text(at(tenth / 10), 11, number(tenth / 10, 1), anchor="middle"))
    top, labels = _largest(result.influence), []
    for i, row in enumerate(league.to_dict("records")):
        metric, y = str(row["metric"]), 16 + ROW * i
        who = role(metric, str(row["kind"]))
        marks.append(Text(left - 8, y + 14, metric, anchor="end"))
        for one in rows[rows["metric"] == metric].to_dict("records"):
            marks.append(_mark(one, at(one["weighted_tau"]), y + LANES[one["kind"]], who))
        marks.append(Circle(at(row[PRIMARY]), y + ROW / 2, 4.5, "full", who, say=f"{metric}: {number(row[PRIMARY])}"))
        if metric in top:
            labels.append(f"{signed(top[metric]['change'])} {top[metric]['left_out']}")
            marks.append(Text(left + WIDTH + 6, y + 14, labels[-1], "in"))
    label = "Mean weighted tau of each metric, and without each candidate, family and target"
    return Picture(left + WIDTH + 6 + text_width(labels), bottom + 2, tuple(marks), label)


def _mark(row: Mapping[Hashable, Any], x: float, y: float, who: str) -> Mark:
    said = f"without {row['left_out']}: {number(row['weighted_tau'])} ({signed(row['change'])})"
    if row["kind"] == TASK:
        return Line(((x, y - 3), (x, y + 3)), "curve", who, say=said)
    return Circle(x, y, 2.5, "hollow" if row["kind"] == FAMILY else "pt", who, say=said)


def _looks(report: Report, result: TruthResult) -> list[tuple[str, str, str]]:
    """Look, role and meaning of what is drawn."""
    kinds = set(result.influence["kind"])
    said = [("full", "metric", "nothing left out"), ("pt", "metric", "without one source")]
    said += [("hollow", "metric", "without one family of sources")] if FAMILY in kinds else []
    return [(look, who, report.say(text)) for look, who, text in said]


TITLE = Heading("On what the numbers hang")

RULE = (
    "A claim hangs on what it does not hold without. Better than chance: without it, p (among the shuffled copies of "
    "the whole list, corrected for all metrics) is 5 % or more. First: without it, another metric has a higher number."
)


def _blocks(report: Report) -> list[Block]:
    if not report.results:
        return []
    result = report.results[0]
    found = influence_grid(result)
    if not found.rows:
        none = "Nothing can be left out: what would be left has no order of sources to judge a metric by."
        return [TITLE, Words(report.say(none))]
    words = (
        "The mean weighted τ of each metric without each source, each family of sources and each target in turn, as if "
        "it had not been in the table; the interval says how far other ones would move it, this on which of these it "
        f"rests. {RULE}"
    )
    blocks: list[Block] = [TITLE, Words(report.say(words))]
    if drawn := picture(result):
        caption = (
            "Large points: the number of the league; small points: without one source; hollow: without one family; "
            "strokes: without one target. At the right the largest change. Changes below 0.005 are not drawn."
        )
        blocks.append(Figure(file_name("influence", result.name), report.say(caption), drawn))
    last = len(found.columns) - 1
    return [*blocks, Table(report.said(found), (last,))]


def _files(report: Report) -> Iterator[FigureFile]:
    for result in report.results:
        if drawn := picture(result):
            title = report.say(
                f"mean weighted tau with {result.name}, without each source, family and target (strokes)"
            )
            looks = key(_looks(report, result))
            yield FigureFile(file_name("influence", result.name), sheet(title, drawn, looks), result.influence)


SECTION = Section("influence", "Influence", _blocks, _blocks, _files)
