"""Metrics among themselves: which say the same, and what they reach together."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd

from pgebench.analysis.likeness import SAME, Likeness
from pgebench.report.grid import Cell, Grid, grid, name_cell, value_cell
from pgebench.report.section import Block, Figure, FigureFile, Heading, Key, Report, Section, Table, Words, file_name
from pgebench.report.sections import together
from pgebench.report.sheet import key, sheet
from pgebench.report.style import role
from pgebench.report.svg import Line, Mark, Picture, Rect, Text, text_width
from pgebench.report.wording import names, number, percent

WIDE, HIGH = 11.0, 14.0
"""Pixels of a cell: forty metrics with their names are as wide as a phone is."""

CLOSEST = 10
"""Pairs in the table of the closest ones."""

COLOURS = (("high", "the same order"), ("low", "the reverse"))


def pair_table(found: Likeness) -> pd.DataFrame:
    """Every pair of metrics, the closest first.

    Args:
        found: The metrics.

    Returns:
        Columns metric, other, tau, rankings, and whether they are in one group, `same`.
    """
    group = {m: g for g, members in enumerate(found.groups) for m in members}
    rows = [
        (found.metrics[a], found.metrics[b], float(found.tau[a, b]), int(found.rankings[a, b]), group[a] == group[b])
        for a, b in combinations(range(len(found.metrics)), 2)
    ]
    frame = pd.DataFrame(rows, columns=["metric", "other", "tau", "rankings", "same"])
    return frame.sort_values("tau", ascending=False, kind="stable", ignore_index=True)


def read(found: Likeness, kinds: dict[str, str]) -> str:
    """Which metrics say the same, in words.

    Args:
        found: The metrics, two at least that were compared.
        kinds: Metric -> its kind in the league.

    Returns:
        Sentences with back-ticks.
    """
    pairs = told(found, kinds)
    several = [group for group in found.groups if len(group) > 1]
    if several:
        said = "; ".join(f"{names(_named(found, group))} ({number(within(found, group))})" for group in several)
        text = f"Say the same (mean τ): {said}. Those of one group are one witness, not several. "
    else:
        text = "No two metrics say the same. "
    if len(pairs):
        text += f"The closest pair: {_pair(pairs.iloc[0])}; the least alike: {_pair(pairs.iloc[-1])}."
    mixed = pairs[[kinds[a] != kinds[b] for a, b in zip(pairs["metric"], pairs["other"], strict=True)]]
    if len(mixed):
        text += f" Of the metrics and the yardsticks the closest are {_pair(mixed.iloc[0])}."
    pge = next((name for name in kinds if role(name, kinds[name]) == "pge" and name in found.metrics), None)
    own = pairs[(pairs["metric"] == pge) | (pairs["other"] == pge)]
    if len(own):
        text += f" Closest to `{pge}`: {_pair(own.iloc[0], pge)}."
    return text.strip()


def told(found: Likeness, kinds: dict[str, str]) -> pd.DataFrame:
    """The pairs that a reader asks about, the closest first: those that were compared and are not both yardsticks."""
    pairs = pair_table(found).dropna(subset="tau")
    yardsticks = {name for name, kind in kinds.items() if kind == "trivial"}
    return pairs[~(pairs["metric"].isin(yardsticks) & pairs["other"].isin(yardsticks))]


def _pair(row: pd.Series, known: str | None = None) -> str:
    told = [name for name in (row["metric"], row["other"]) if name != known]
    return f"{names(told)} ({number(row['tau'])})"


def _named(found: Likeness, group: tuple[int, ...]) -> list[str]:
    return [found.metrics[m] for m in group]


def within(found: Likeness, group: tuple[int, ...]) -> float:
    """Mean tau of the pairs of a group of two or more; those that were never compared are left out."""
    return float(np.nanmean([found.tau[a, b] for a, b in combinations(group, 2)]))


def group_grid(found: Likeness) -> Grid:
    """The groups that say the same, each with the metric that comes nearest; no rows without such a group."""
    rows = []
    for group in found.groups:
        others = [m for m in range(len(found.metrics)) if m not in group]
        if len(group) < 2:
            continue
        cells = [Cell(names(_named(found, group)), len(group)), value_cell(within(found, group))]
        means = [float(np.nan_to_num(found.tau[np.ix_(group, [m])]).mean()) for m in others]
        nearest = int(np.argmax(means)) if others else -1
        near = [name_cell(found.metrics[others[nearest]]), value_cell(means[nearest])] if others else [Cell("")] * 2
        rows.append([*cells, *near])
    return grid(["say the same", "τ within", "nearest other", "its τ"], rows)


def closest_grid(found: Likeness, kinds: dict[str, str]) -> Grid:
    """The pairs that are most alike; no rows if nothing but yardsticks was compared."""
    rows = [
        [name_cell(row["metric"]), name_cell(row["other"]), value_cell(row["tau"])]
        for row in told(found, kinds).head(CLOSEST).to_dict("records")
    ]
    return grid(["closest pairs", "and", "τ"], rows)


def picture(found: Likeness, kinds: dict[str, str]) -> Picture | None:
    """Each pair once, where the row of one meets the column below the name of the other; None without a pair."""
    if not np.isfinite(found.tau[np.triu_indices(len(found.metrics), k=1)]).any():
        return None
    marks: list[Mark] = []
    for a, name in enumerate(found.metrics):
        for b, other in enumerate(found.metrics[:a]):
            marks.append(_cell(WIDE * b, HIGH * a, float(found.tau[a, b]), f"{other}, {name}"))
        who = role(name, kinds[name])
        look = "named" if who == "pge" else "label"
        marks.append(Text(WIDE * a + 3, HIGH * (a + 1) - 3.5, name, look, who))
    marks += [Line(_stairs(group[0], group[-1]), "outline") for group in found.groups if len(group) > 1]
    width = max(WIDE * a + 3 + text_width([name]) for a, name in enumerate(found.metrics))
    label = "Kendall's tau between metrics, mean over targets; like metrics are neighbours"
    return Picture(width, HIGH * len(found.metrics) + 1, tuple(marks), label)


def _cell(x: float, y: float, tau: float, pair: str) -> Rect:
    if not math.isfinite(tau):
        return Rect(x, y, WIDE - 1, HIGH - 1, "none", say=f"{pair}: never on one target")
    return Rect(
        x, y, WIDE - 1, HIGH - 1, "high" if tau > 0 else "low", say=f"{pair}: τ {number(tau)}", opacity=0.9 * abs(tau)
    )


def _stairs(first: int, last: int) -> tuple[tuple[float, float], ...]:
    """The outline of the cells of a group, from its first to its last position."""
    left, bottom = WIDE * first - 0.5, HIGH * (last + 1) - 0.5
    points = [(left, HIGH * (first + 1) - 0.5), (left, bottom), (WIDE * last - 0.5, bottom)]
    for step in range(last, first, -1):
        points += [(WIDE * step - 0.5, HIGH * step - 0.5), (WIDE * (step - 1) - 0.5, HIGH * step - 0.5)]
    return tuple(points)


TITLE = Heading("Metrics among themselves", anchor="among")


def _kinds(report: Report) -> dict[str, str]:
    league = report.results[0].league
    return dict(zip(league["metric"], league["kind"], strict=True))


def _blocks(report: Report) -> list[Block]:
    if report.analysis.among is None:
        return []
    found = report.analysis.among.likeness
    return [TITLE, *_likeness(report, found), *together.blocks(report)]


def _likeness(report: Report, found: Likeness) -> list[Block]:
    silent = f" Not among them, for they order nothing: {names(found.silent)}." if found.silent else ""
    drawn = picture(found, _kinds(report))
    if drawn is None:
        few = "There are no two metrics that order the sources of one target, so none can be compared with another."
        return [Words(report.say(few + silent))]
    words = (
        "Do two metrics find the same, or do they say the same thing twice? For each pair: Kendall's τ of their scores "
        "over the sources of a target, the mean over lives, backbones and targets, on the cells that the league "
        "judges; 1 is the same order, 0 no relation, -1 the reverse. It is not the weighted τ of the league, which "
        "weighs the top of the truth's order: between two scores neither is the truth. Metrics are said to say the "
        f"same if they agree on average with {number(SAME, 1)} or more (average linkage): {percent((1 + SAME) / 2)} of "
        "the pairs of sources in the same order. Yardsticks are among them; pairs of two yardsticks are in the picture "
        "alone."
    )
    caption = (
        "Kendall's τ between metrics, like ones as neighbours: a pair is where the row of one meets the column below "
        "the name of the other. Darker: more alike; outlined: say the same."
    )
    blocks: list[Block] = [
        Words(report.say(words), soft=True),
        Words(report.say(read(found, _kinds(report)) + silent)),
        Key(COLOURS),
        Figure(file_name("among", report.results[0].name), caption, drawn),
    ]
    if (groups := group_grid(found)).rows:
        blocks.append(Table(groups))
    if (closest := closest_grid(found, _kinds(report))).rows:
        blocks.append(Table(closest))
    return blocks


def _files(report: Report) -> Iterator[FigureFile]:
    if report.analysis.among is None:
        return
    found = report.analysis.among.likeness
    if drawn := picture(found, _kinds(report)):
        title = "Kendall's tau between metrics, mean over targets; outlined: say the same"
        looks = key([(look, "", said) for look, said in COLOURS])
        yield FigureFile(file_name("among", report.results[0].name), sheet(title, looks, drawn), pair_table(found))
    yield from together.files(report)


SECTION = Section("among", "Among", _blocks, _blocks, _files)
