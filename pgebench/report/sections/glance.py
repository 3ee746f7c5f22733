"""The first screen: the league and three dials, before any word about them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import pandas as pd

from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.cost import Cost
from pgebench.analysis.judge import TruthResult
from pgebench.report.claims import real_metrics
from pgebench.report.dials import COST, RELIABILITY, RIVALS, STABILITY, Dialled, dialled, repeats
from pgebench.report.dials_picture import UNMEASURED, picture
from pgebench.report.grid import Cell, Grid, grid, name_cell
from pgebench.report.section import (
    Beside,
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
from pgebench.report.sections.league import gutter_of, key_of, strips
from pgebench.report.sheet import panels, sheet
from pgebench.report.svg import Picture
from pgebench.report.tops import tops
from pgebench.report.wording import NOTHING, TRUTH_PRICED, duration, interval, names, number, percent

STRIP, LINE = 190.0, 16.0
"""Pixels of a strip of the league and of its line; with the names beside it, it is as wide as a phone."""

NAMES = 84.0
"""Least pixels of the names, for the words beside the dials."""


def league_picture(result: TruthResult) -> Picture:
    """The whole league, a thin line a metric."""
    return strips(result, STRIP, LINE, _gutter(result))


def dials_of(result: TruthResult, found: Sequence[Dialled]) -> Picture:
    """The dials, as wide as the league."""
    return picture(found, tops(result), _gutter(result))


def _gutter(result: TruthResult) -> float:
    return max(NAMES, gutter_of(result))


def dials_grid(report: Report, found: Sequence[Dialled]) -> Grid:
    """The dials in numbers, and the truth below: how far it agrees with itself, and what it costs."""
    rows = []
    for one in found:
        steady, quality, price = (one.dials[word] for word in (STABILITY, RELIABILITY, COST))
        span = f" ({interval(quality.low, quality.high)})" if math.isfinite(quality.low) else ""
        rows.append(
            [
                name_cell(one.metric),
                _cell(f"{number(steady.value)} ({steady.where})", steady.value),
                _cell(f"{number(quality.value)}{span}", quality.value),
                *[_cell(percent(share), share) for share in (price.value, *(price.also or (math.nan,)))],
                *_per_cell(one.cost),
            ]
        )
    result = report.results[0]
    agrees = [f"{number(top.repeat[PRIMARY])} ({top.name})" for top in tops(result)]
    shares = [Cell(NOTHING), Cell(NOTHING)]
    cost = report.analysis.truth_costs.get(result.name)
    truth = [Cell(f"{result.name}, the truth"), Cell(NOTHING), Cell(", ".join(agrees) or UNMEASURED), *shares]
    columns = ["", "stability (lowest under)", "reliability", "cost: of the truth's CPU seconds", "of its FLOPs"]
    made = grid([*columns, "CPU seconds per cell", "GFLOP per cell"], rows)
    made.footer.append([*truth, *_per_cell(cost)])
    return made


def _cell(text: str, value: float) -> Cell:
    return Cell(text, value) if math.isfinite(value) else Cell(UNMEASURED, math.nan)


def _per_cell(cost: Cost | None) -> list[Cell]:
    """CPU seconds and operations of one score; a cell is a triple of backbone, source and target."""
    if cost is None or not cost.cells:
        return [Cell(UNMEASURED, math.nan)] * 2
    seconds, billions = cost.cpu_s / cost.cells, cost.flops / cost.cells / 1e9
    return [_cell(duration(seconds), seconds), _cell(number(billions, 2), billions)]


def _who(result: TruthResult, found: Sequence[Dialled]) -> str:
    """By which rule these metrics are shown."""
    shown = [one.metric for one in found]
    best = [str(name) for name in real_metrics(result.league)["metric"] if not str(name).startswith("pge")][:1]
    text = "Shown are PGE, "
    text += f"the best of the other metrics ({names(best)}) " if best else ""
    text += f"and those that the paper compares it with ({names(RIVALS)})."
    missing = [name for name in ("pge", *RIVALS) if name not in shown]
    return f"{text} Not in this experiment: {names(missing)}." if missing else text


def _how(report: Report) -> str:
    """How to read the dials, and what would fill those that are empty."""
    factors = repeats(report.analysis.stability)
    text = (
        f"Stability: each stroke is the rank agreement (τ-b) of a metric with itself under another {_or(factors)}, and "
        "the bar ends at the lowest; longer is better. "
        if factors
        else "Stability, the agreement of a metric with itself under other draws, images and checkpoints, is measured "
        "by `pgebench experiment=stability`. "
    )
    return (
        f"{text}Reliability: the number of the league with its 95 % interval; grey, green and purple as in the league. "
        f"Cost: bar, the share of the CPU seconds of {TRUTH_PRICED}; stroke, that of its FLOPs; the green line is the "
        "truth itself; shorter is better."
    )


def _or(factors: Sequence[str]) -> str:
    return " or ".join([", ".join(factors[:-1]), factors[-1]]) if len(factors) > 1 else factors[0]


def _page(report: Report) -> list[Block]:
    if not _has_numbers(report):
        return []
    result = report.results[0]
    league = Figure(
        file_name("league", result.name),
        report.say(f"The league: mean weighted τ with {result.name}, 95 % interval."),
        league_picture(result),
    )
    if not (found := dialled(report.analysis, result)):
        return [Heading("At a glance"), league, key_of(result)]
    dials = Figure(
        file_name("glance", result.name),
        "Stability and reliability: longer is better. Cost: shorter is.",
        dials_of(result, found),
    )
    return [
        Heading("At a glance"),
        Beside((league, dials)),
        key_of(result),
        Details(
            "The dials in numbers, and how to read them",
            [Words(_who(result, found)), Words(_how(report)), Table(dials_grid(report, found))],
        ),
    ]


def _markdown(report: Report) -> list[Block]:
    if not _has_numbers(report) or not (found := dialled(report.analysis, report.results[0])):
        return []
    return [
        Heading("At a glance"),
        Figure(file_name("glance", report.results[0].name), "The league, and three dials"),
        Table(dials_grid(report, found)),
        Words(f"{_who(report.results[0], found)} {_how(report)}"),
    ]


def _has_numbers(report: Report) -> bool:
    """Whether there is a league to draw."""
    return bool(report.results) and bool(report.results[0].league[PRIMARY].notna().any())


def numbers(found: Sequence[Dialled]) -> pd.DataFrame:
    """Every number in the dials, one row per metric and word."""
    return pd.DataFrame(
        [
            {
                "metric": one.metric,
                "word": word,
                "value": dial.value,
                "low": dial.low,
                "high": dial.high,
                "also": " ".join(f"{value:.6g}" for value in dial.also),
                "factor": dial.where,
            }
            for one in found
            for word, dial in one.dials.items()
        ]
    )


def _files(report: Report) -> Iterator[FigureFile]:
    if _has_numbers(report) and (found := dialled(report.analysis, report.results[0])):
        result = report.results[0]
        drawn = panels([("the league", league_picture(result)), ("three dials", dials_of(result, found))], "", 2)
        title = f"At a glance: mean weighted Kendall tau with the {result.name} accuracy; stability, reliability, cost"
        yield FigureFile(file_name("glance", result.name), sheet(title, drawn), numbers(found))


SECTION = Section("glance", "", _page, _markdown, _files, css="glance", opens=True)
