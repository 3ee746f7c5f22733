"""Is a metric needed here at all: who holds which place, how alike the rankings are, and what the truth can tell."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from pgebench.analysis.dispersion import TOP
from pgebench.analysis.judge import TruthResult
from pgebench.analysis.quality import regret_at_random
from pgebench.analysis.table import FloatArray
from pgebench.analysis.table import Table as Arrays
from pgebench.report.claims import Finding
from pgebench.report.grid import Cell, Grid, grid
from pgebench.report.repetitions import checkpoints_of, transfers_of
from pgebench.report.section import Block, Figure, FigureFile, Heading, Report, Section, Table, Words, file_name
from pgebench.report.sheet import sheet
from pgebench.report.svg import Mark, Picture, Rect, Text, text_width
from pgebench.report.wording import counted, number, percent, points

ONE_ORDER = 0.7
"""Kendall's W from which on the rankings are called one order."""

MOSTLY = 0.5
"""Share from which on something holds for most."""

LARGELY = 2 / 3
"""Share of what is no luck from which on a level is called the kind of world."""

CELL, MOST_PLACES = 26.0, 20
"""Pixels of a cell, and the most columns that places are shown in."""


def finding(result: TruthResult, names: tuple[str, ...]) -> Finding | None:
    """Whether a metric is needed, and which kind of world this is; None without a ranking.

    Args:
        result: Of one truth.
        names: Of the sources.

    Returns:
        A metric is *hardly needed* if one source wins at least half of the rankings, if the rankings agree with a
        Kendall's W of 0.7 or more, or if a source taken at random loses no more than the noise of the truth. Else it
        is needed.
    """
    found = result.dispersion
    if not found.rankings:
        return None
    blind = regret_at_random(result.transfers)
    reasons = []
    if found.won >= MOSTLY and found.rankings > 1:
        reasons.append(f"`{names[found.winner]}` wins at least half of the rankings")
    if found.concordance >= ONE_ORDER:
        reasons.append("the order of the sources is much the same for every target")
    if blind <= found.noise:
        reasons.append("a source taken at random loses no more than the noise of the truth")
    alike = (
        f"; Kendall's W of the rankings is {number(found.concordance)} (1 for one order everywhere, 0 for none)"
        if math.isfinite(found.concordance)
        else ""
    )
    text = f"Hardly: {' and '.join(reasons)}. " if reasons else ""
    text += (
        f"Of {counted(found.rankings, 'ranking')} `{names[found.winner]}` wins most, {percent(found.won)}{alike}. "
        f"Always taking it costs {points(found.regret)} points of accuracy against the best source, one at random "
        f"{points(blind)}. {_close(result)}{_world(result)}"
    )
    title = "A metric is hardly needed here" if reasons else "A metric is needed here"
    if found.rankings == 1:
        title = "With one ranking nobody knows whether a metric is needed"
    return Finding(title, text.strip())


def _close(result: TruthResult) -> str:
    """The headroom in words."""
    found = result.dispersion
    if not found.compared:
        return "Nothing was repeated, or there are fewer than three sources: the noise of the truth is not known. "
    text = (
        f"On {round(found.close * found.compared)} of {counted(found.compared, 'ranking')} the best three sources lie "
        f"within the noise of the truth ({points(found.noise)} points on average, {_noise_of(result)})"
    )
    return f"{text}: a metric can be asked for a good one, not for the best. " if found.close >= MOSTLY else f"{text}. "


def _noise_of(result: TruthResult) -> str:
    if (checkpoints := checkpoints_of(result)) > 1:
        return f"from {checkpoints} checkpoints per source model"
    return f"from {transfers_of(result)} transfers of the same checkpoint"


def _world(result: TruthResult) -> str:
    """The kind of world: what makes the sources of a target differ."""
    shares = result.levels.shares
    if not shares:
        return ""
    related = shares["near"] + shares["relatedness"]
    luck = 1 - shares["source"] - related
    text = f"Luck of training makes {percent(luck)} of the differences between sources. " if luck > MOSTLY else ""
    if shares["source"] + related <= 0:
        return text
    good = shares["source"] / (shares["source"] + related)
    if good >= LARGELY:
        kind = "a world of good sources, where what is good for one target is good for the others"
    elif good <= 1 - LARGELY:
        kind = "a world of relatedness, where each target has its own good sources and one must look at it to tell"
    else:
        kind = "a mixed world, where some sources are good for all targets and others suit one"
    known = (
        "of what is no luck"
        if "checkpoint" in shares
        else "of what is no luck of the transfer"
        if "transfer" in shares
        else "luck not told apart"
    )
    return f"{text}This is {kind}: the effect of the source is {percent(good)} ({known})."


def facts_grid(result: TruthResult, names: tuple[str, ...]) -> Grid:
    """The numbers behind it; no rows without a ranking."""
    found = result.dispersion
    if not found.rankings:
        return grid([], [])
    rows = [
        ("rankings (a target for a backbone)", str(found.rankings)),
        ("Kendall's W of the rankings", number(found.concordance)),
        ("commonest winner", f"`{names[found.winner]}`"),
        ("share of the rankings that it wins", percent(found.won)),
        ("points lost by always taking it", points(found.regret)),
        ("points lost by a source at random", points(regret_at_random(result.transfers))),
        (f"targets whose best {TOP} are within the noise of the truth", percent(found.close)),
        ("least significant difference of two sources, points", points(found.noise)),
    ]
    return grid(["what", "value"], [[Cell(name), Cell(value)] for name, value in rows])


def places(result: TruthResult) -> tuple[list[int], list[str], FloatArray]:
    """Candidates in the order of their mean place, places or runs of places, and shares of the rankings.

    Args:
        result: Of one truth.

    Returns:
        Positions of the candidates that are in a ranking, titles of the columns, and the share of its own rankings
        that each candidate is at these places.
    """
    held = result.dispersion.places
    seen = [int(s) for s in np.flatnonzero(held.sum(axis=1) > 0)]
    count = max((int(np.flatnonzero(held.sum(axis=0) > 0)[-1]) + 1) if seen else 0, 1)
    step = math.ceil(count / MOST_PLACES)
    starts = range(0, count, step)
    titles = [str(a + 1) if step == 1 else f"{a + 1}-{min(a + step, count)}" for a in starts]
    share = held / np.maximum(held.sum(axis=1, keepdims=True), 1e-12)
    mean = share @ np.arange(held.shape[1])
    order = sorted(seen, key=lambda s: (mean[s], s))
    summed = np.stack([share[:, a : a + step].sum(axis=1) for a in starts], axis=1)
    return order, titles, summed[order]


def picture(result: TruthResult, names: tuple[str, ...]) -> Picture | None:
    """Candidates down, places across, darker the oftener; None without a ranking."""
    if not result.dispersion.rankings:
        return None
    order, titles, share = places(result)
    left = text_width([names[s] for s in order]) + 8
    cell = max(CELL, text_width(titles) + 4)
    marks: list[Mark] = [Text(left + cell * (p + 0.5), 11, title, anchor="middle") for p, title in enumerate(titles)]
    for i, s in enumerate(order):
        y = 16 + CELL * i
        marks.append(Text(left - 8, y + CELL / 2 + 4, names[s], anchor="end"))
        for p, title in enumerate(titles):
            held = float(share[i, p])
            say = f"{names[s]}: place {title} in {percent(held)} of its rankings"
            x = left + cell * p
            marks.append(
                Rect(x, y, cell - 1, CELL - 1, "low", say=say, opacity=0.8 * held) if held else _empty(x, y, cell)
            )
            if held >= 0.1:
                marks.append(Text(x + cell / 2, y + CELL / 2 + 4, f"{100 * held:.0f}", "in", anchor="middle"))
    label = "How often each candidate holds each place, in percent of its rankings"
    return Picture(left + cell * len(titles), 16 + CELL * len(order), tuple(marks), label)


def _empty(x: float, y: float, cell: float) -> Rect:
    return Rect(x, y, cell - 1, CELL - 1, "none")


TITLE = Heading("Is a metric needed here?")


def _blocks(report: Report) -> list[Block]:
    if not report.results:
        return []
    result, names = report.results[0], report.analysis.table.sources
    facts = facts_grid(result, names)
    if not facts.rows:
        none = (
            "No target has two sources of different accuracy: there is no order, and nothing that a metric could find."
        )
        return [TITLE, Words(report.say(none))]
    words = (
        "If one source is the best for every target nobody needs a metric, and if the best ones cannot be told apart "
        "by the truth itself no metric can be asked to. A ranking is the order of the sources of one target, for one "
        "backbone, by mean accuracy; equal ones share their places. Two sources are within the noise if their means "
        f"differ by less than the least significant difference (Student's t, 95 %), {_noise_words(result)}."
    )
    blocks: list[Block] = [TITLE, Words(report.say(words))]
    if drawn := picture(result, names):
        caption = "How often each source holds each place, in percent of its rankings; the best on average above."
        blocks.append(Figure(file_name("places", result.name), report.say(caption), drawn))
    return [*blocks, Table(report.said(facts))]


def _noise_words(result: TruthResult) -> str:
    if not result.dispersion.compared:
        return "which is not known here: nothing was repeated, or there are fewer than three sources"
    held = (
        "the luck of their transfers is in it"
        if checkpoints_of(result) > 1
        else "the luck of a checkpoint is not in it"
    )
    return f"here {_noise_of(result)}: {held}"


def place_table(result: TruthResult, table: Arrays) -> pd.DataFrame:
    """One row per candidate and place that it holds: in how many rankings."""
    held = result.dispersion.places
    rows = [(table.sources[s], int(p) + 1, float(held[s, p])) for s, p in np.argwhere(held > 0)]
    return pd.DataFrame(rows, columns=["candidate", "place", "rankings"])


def _files(report: Report) -> Iterator[FigureFile]:
    table = report.analysis.table
    for result in report.results:
        if drawn := picture(result, table.sources):
            title = report.say(f"places by {result.name} of each source, percent of its rankings")
            yield FigureFile(file_name("places", result.name), sheet(title, drawn), place_table(result, table))


SECTION = Section("needed", "Needed?", _blocks, _blocks, _files)
