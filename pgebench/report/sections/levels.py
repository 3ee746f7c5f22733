"""Levels of a study: how much of the truth each holds, and how much of what is not known of a metric's number."""

from __future__ import annotations

import math

from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.judge import TruthResult
from pgebench.analysis.levels import named_levels
from pgebench.analysis.resamples import CELLS, DRAWS, PARTS, SOURCES, TARGETS
from pgebench.report.grid import Cell, Grid, grid, name_cell
from pgebench.report.repetitions import drawn_once
from pgebench.report.section import Block, Figure, Heading, Key, Report, Table, Words
from pgebench.report.svg import Mark, Picture, Rect, Text
from pgebench.report.wording import NOTHING, number, percent

Share = tuple[str, str, float]
"""Look, name and share of a level."""

SMALLEST_WRITTEN = 0.08
"""Share of the bar that has room for its number."""


def shares(result: TruthResult) -> list[Share]:
    """How much of the differences between sources each level of the truth holds; empty if nothing is known."""
    found = result.levels.shares
    return [(look, name, found[look]) for look, name in _asked(result) if look in found]


def _asked(result: TruthResult) -> list[tuple[str, str]]:
    """The levels that the study has: without sources of a target's collection that one is none (exactly 0)."""
    return [(look, name) for look, name in named_levels() if look != "near" or result.levels.near]


def share_bar(parts: list[Share]) -> Picture:
    """Shares as one bar."""
    width, x = 480.0, 0.0
    marks: list[Mark] = []
    for look, name, share in parts:
        marks.append(Rect(x, 0, max(width * share - 1, 0), 20, look, say=f"{name} {percent(share)}"))
        if share > SMALLEST_WRITTEN:
            marks.append(Text(x + width * share / 2, 14, percent(share), "in", anchor="middle"))
        x += width * share
    return Picture(width, 20, tuple(marks), ", ".join(f"{name} {percent(share)}" for _, name, share in parts))


def levels_grid(result: TruthResult) -> Grid:
    """Each level of the truth with its share, and the points of accuracy by which it makes two sources differ."""
    found = result.levels.shares
    rows = []
    for look, name in _asked(result) if found else ():
        variance = float(getattr(result.levels, look))
        points = 100 * math.sqrt(max(variance, 0.0)) if math.isfinite(variance) else math.nan
        share = found.get(look, math.nan)
        rows.append([Cell(name), Cell(percent(share) if look in found else "not known", share), _points(points)])
    return grid(["level", "share of the differences", "standard deviation, points"], rows)


def error_grid(result: TruthResult) -> Grid:
    """How much of the variance of each metric's number comes from where; without rows if nothing was drawn."""
    once = drawn_once(result)
    rows = []
    for row in result.league.to_dict("records"):
        known = {part: float(row[f"error_{part}"]) for part in PARTS}
        if not any(math.isfinite(share) for share in known.values()):
            continue
        cells = [Cell(percent(known[part]), known[part]) for part in (SOURCES, TARGETS, CELLS)]
        drawn = Cell(percent(known[DRAWS]), known[DRAWS])
        if row["metric"] in once:
            drawn = Cell("not in the interval", math.nan)
        half = (float(row[f"{PRIMARY}_high"]) - float(row[f"{PRIMARY}_low"])) / 2
        rows.append([name_cell(row["metric"]), Cell(f"±{number(half)}", half), *cells, drawn])
    return grid(["metric", "interval", "other sources", "other targets", "single pairs", "its own draws"], rows)


def blocks(report: Report, result: TruthResult, drawn: bool) -> list[Block]:
    """For the section of the truth.

    Args:
        report: The whole report.
        result: Of the truth.
        drawn: Whether the shares are shown as a bar, too.

    Returns:
        A title, the levels of the truth, and where the width of each metric's interval comes from.
    """
    say, parts = report.say, [(look, report.say(name), share) for look, name, share in shares(result)]
    made: list[Block] = []
    if parts:
        made.append(Heading(say("What makes sources differ on the same target"), 3))
        if drawn:
            made += [
                Figure("", "", share_bar(parts)),
                Key([(look, f"{name}, {percent(share)}") for look, name, share in parts]),
            ]
        made += [Words(say(_what_is_known(result)), soft=True), Table(report.said(levels_grid(result)))]
    if (errors := error_grid(result)).rows:
        words = (
            "Where the width of each interval comes from, as shares of its variance. The luck of checkpoints and "
            "transfers is in that of sources and single pairs, that of images in that of targets."
        )
        made += [Heading("What each interval holds", 3), Words(say(words), soft=True), Table(report.said(errors))]
    return made


def _what_is_known(result: TruthResult) -> str:
    found = result.levels.shares
    text = "The accuracy of one transfer from one checkpoint, taken apart. "
    if "checkpoint" not in found:
        text += "Every source model was trained once, so the luck of its training is in what it is good for. "
    if "transfer" not in found:
        text += "No checkpoint was transferred twice, so the luck of a transfer is in the other levels. "
    return text.strip()


def _points(value: float) -> Cell:
    return Cell(number(value, 1) if math.isfinite(value) else NOTHING, value)
