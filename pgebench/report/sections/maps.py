"""Maps of truth and scores, sources down and targets across; with the map of datasets and score against accuracy."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from pgebench.analysis.judge import TruthResult
from pgebench.analysis.table import Table, within_target_z
from pgebench.report.section import (
    Block,
    Cards,
    Details,
    Figure,
    FigureFile,
    Heading,
    Key,
    Links,
    Report,
    Section,
    Words,
    file_name,
)
from pgebench.report.sections import atlas, scatter
from pgebench.report.sheet import key, panels, sheet
from pgebench.report.svg import Mark, Picture, Rect, Text, text_width
from pgebench.report.wording import signed

Z_LIMIT = 2.0
"""Standard deviations from the target's mean at which the colour of a map is full."""

LARGE, SMALL = 30.0, 14.0
"""Pixels of a cell, in the map of the truth and in those of the metrics."""


def cells(result: TruthResult, table: Table) -> pd.DataFrame:
    """One row a measured cell: its names, mean accuracy, and the score of every metric."""
    accuracy = result.accuracy
    where = np.argwhere(np.isfinite(accuracy))
    frame = pd.DataFrame(
        {
            "backbone": [table.backbones[b] for b, _, _ in where],
            "source": [table.sources[s] for _, s, _ in where],
            "target": [table.targets[t] for _, _, t in where],
            result.name: accuracy[tuple(where.T)],
        }
    )
    scores = {metric: result.scores[metric][tuple(where.T)] for metric in result.metrics}
    return pd.concat([frame, pd.DataFrame(scores)], axis=1)


def truth_map(result: TruthResult, table: Table, backbone: int) -> Picture:
    """Map of the truth with names and accuracies; colour is standardised within the target."""
    accuracy = result.accuracy[backbone]
    z = within_target_z(result.accuracy)[backbone]
    gutter = 8 + text_width(table.sources)
    # Names of the targets lean over by 45 degrees.
    head = 14 + math.sqrt(0.5) * text_width(table.targets)
    marks: list[Mark] = [
        Text(gutter - 6, head + LARGE * (s + 0.5) + 4, name, anchor="end") for s, name in enumerate(table.sources)
    ]
    for t, name in enumerate(table.targets):
        marks.append(Text(gutter + LARGE * (t + 0.5), head - 5, name, turn=-45))
    for s, source in enumerate(table.sources):
        for t, target in enumerate(table.targets):
            x, y = gutter + LARGE * t, head + LARGE * s
            say = f"{source} → {target}: {100 * accuracy[s, t]:.1f} % ({signed(z[s, t], 1)} sd)"
            marks.append(_cell(x, y, LARGE, z[s, t] if math.isfinite(accuracy[s, t]) else math.nan, say))
            if math.isfinite(accuracy[s, t]):
                text = f"{100 * accuracy[s, t]:.0f}"
                marks.append(Text(x + LARGE / 2, y + LARGE / 2 + 4, text, "in", anchor="middle"))
    label = f"{result.name} accuracy in percent, sources down, targets across, {table.backbones[backbone]}"
    width = gutter + LARGE * len(table.targets) + head - LARGE / 2
    return Picture(width, head + LARGE * len(table.sources) + 2, tuple(marks), label)


def score_map(result: TruthResult, table: Table, backbone: int, metric: str) -> Picture:
    """Small map of a metric, without names: same order as the map of the truth."""
    scores = result.scores[metric]
    z = within_target_z(scores)[backbone]
    marks = []
    for s, source in enumerate(table.sources):
        for t, target in enumerate(table.targets):
            say = f"{source} → {target}: {scores[backbone, s, t]:.4g} ({signed(z[s, t], 1)} sd)"
            marks.append(_cell(SMALL * t, SMALL * s, SMALL, z[s, t], say))
    label = f"Scores of {metric}, sources down, targets across"
    return Picture(SMALL * len(table.targets), SMALL * len(table.sources), tuple(marks), label)


def _cell(x: float, y: float, size: float, z: float, say: str) -> Rect:
    if not math.isfinite(z):
        return Rect(x, y, size - 1, size - 1, "none")
    # The colour is laid over the page's background, so that "average" is white by day and dark by night.
    # Never quite full, so that the number in the cell can be read.
    strength = 0.8 * min(abs(z), Z_LIMIT) / Z_LIMIT
    return Rect(x, y, size - 1, size - 1, "high" if z > 0 else "low", say=say, opacity=strength)


def _measured(result: TruthResult, table: Table) -> list[tuple[int, str]]:
    """Position and name of the backbones with a truth."""
    return [(b, backbone) for b, backbone in enumerate(table.backbones) if np.isfinite(result.truth[b]).any()]


def _score_maps(result: TruthResult, table: Table, backbone: int) -> list[tuple[str, Picture]]:
    return [(metric, score_map(result, table, backbone, metric)) for metric in scatter.scored(result)]


def _page(report: Report) -> list[Block]:
    if not report.results:
        return []
    result, table = report.results[0], report.analysis.table
    blocks: list[Block] = [
        Heading("Maps"),
        Words(
            f"{report.say('Sources down, targets across.')} Colours are standardised within each target (column), full "
            "colour at two standard deviations; numbers are accuracy in %. The map of a good metric looks like the map "
            "of the truth.",
            soft=True,
        ),
        Key((("high", "above the target's mean"), ("low", "below it"))),
    ]
    for i, (b, backbone) in enumerate(_measured(result, table)):
        name = file_name("map", result.name, backbone)
        shown = [
            Figure("", "", truth_map(result, table, b)),
            Links(name),
            Cards(_score_maps(result, table, b)),
        ]
        blocks.append(Details(f"{result.name}, {backbone}", shown, is_open=i == 0))
    return [*blocks, *atlas.page(report), *scatter.page(report)]


def _markdown(report: Report) -> list[Block]:
    if not report.results:
        return []
    result = report.results[0]
    maps = [
        Figure(
            file_name("map", result.name, backbone),
            f"Accuracy and scores with {backbone}, standardised within each target: a good metric's map looks like the "
            "truth's",
        )
        for _, backbone in _measured(result, report.analysis.table)
    ]
    return [Heading("Maps"), *atlas.markdown(report), *maps, *scatter.markdown(report)]


def _files(report: Report) -> Iterator[FigureFile]:
    table = report.analysis.table
    for result in report.results:
        numbers = cells(result, table)
        for b, backbone in _measured(result, table):
            title = f"{result.name} accuracy in %, {backbone}; colour: standard deviations from the target's mean"
            drawn = [truth_map(result, table, b), key((("high", "", "above"), ("low", "", "below")))]
            if smalls := _score_maps(result, table, b):
                drawn.append(panels(smalls, "Scores of the metrics"))
            here = numbers[numbers["backbone"] == backbone]
            yield FigureFile(file_name("map", result.name, backbone), sheet(title, *drawn), here)
        yield from scatter.files(result, table, numbers)
    yield from atlas.files(report)


SECTION = Section("maps", "Maps", _page, _markdown, _files)
