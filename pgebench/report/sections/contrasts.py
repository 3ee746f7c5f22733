"""The differences of two metrics that the experiment named before it ran."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

from pgebench.analysis.contrasts import BEST
from pgebench.analysis.judge import TruthResult
from pgebench.report.claims import ALPHA, Finding
from pgebench.report.grid import Cell, Grid, grid, name_cell
from pgebench.report.section import Block, Heading, Table, Words
from pgebench.report.wording import NOTHING, interval, p_text, signed


def finding(result: TruthResult) -> Finding | None:
    """All planned differences in one paragraph; None if none was planned."""
    said = [_said(row) for row in result.contrasts.to_dict("records") if math.isfinite(row["difference"])]
    return Finding("Planned comparisons", " ".join(said)) if said else None


def contrast_grid(result: TruthResult) -> Grid:
    """The planned differences in the order of the plan; those that are clear in bold."""
    rows = [
        [
            name_cell(row["first"]),
            name_cell(row["second"]),
            Cell(signed(row["difference"]), row["difference"]),
            Cell(interval(row["low"], row["high"]), row["low"]),
            Cell(p_text(row["p"]), row["p"]),
            Cell(_picked(row) or "both were named", row["tests"]),
        ]
        for row in result.contrasts.to_dict("records")
    ]
    notes = {i: "clear" for i, row in enumerate(rows) if isinstance(row[4].sort, float) and row[4].sort < ALPHA}
    return grid(
        ["metric", "against", "difference of weighted τ", "95 % interval", "p", "how the first came in"], rows, notes
    )


def blocks(result: TruthResult) -> list[Block]:
    """For the section of the pairs, on both pages alike; nothing if nothing was planned."""
    found = contrast_grid(result)
    if not found.rows:
        return []
    words = (
        "The differences that the experiment named before it ran (`contrasts`), each tested on its own. Where the "
        "first is the best metric of the league it was picked from the results, and p is corrected for all that could "
        "have been it."
    )
    return [Heading("Planned comparisons", 3), Words(words, soft=True), Table(found, (5,))]


def planned_pair(result: TruthResult, first: str, second: str) -> tuple[float, float, float, float] | None:
    """Planned difference, first - second, its interval and p-value; None if it was not planned."""
    for row in result.contrasts.to_dict("records"):
        names = (row["first"], row["second"])
        if {first, second} == set(names):
            sign = 1.0 if names == (first, second) else -1.0
            low, high = sorted((sign * row["low"], sign * row["high"]))
            return sign * row["difference"], low, high, row["p"]
    return None


def _said(row: Mapping[Hashable, Any]) -> str:
    if row["p"] < ALPHA:
        what = "clearly better" if row["difference"] > 0 else "clearly worse"
    else:
        what = "no clear difference"
    picked = _picked(row)
    first = f"`{row['first']}`{f' ({picked})' if picked else ''}"
    span = f" ({interval(row['low'], row['high'])}, p {p_text(row['p'])})" if math.isfinite(row["low"]) else ""
    return f"{first} against `{row['second']}`: {signed(row['difference'])}{span}, {what if span else NOTHING}."


def _picked(row: Mapping[Hashable, Any]) -> str:
    if row["planned"] != BEST:
        return ""
    return f"best of {row['tests']}, p corrected for it" if row["tests"] > 1 else "the only other metric"
