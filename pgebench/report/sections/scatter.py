"""Score against accuracy, one panel per metric."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.judge import TruthResult
from pgebench.analysis.table import FloatArray, Table, within_target_z
from pgebench.report.section import Block, Cards, Figure, FigureFile, Heading, Links, Report, file_name
from pgebench.report.sheet import panels, sheet
from pgebench.report.style import role
from pgebench.report.svg import Circle, Line, Mark, Picture, Text
from pgebench.report.wording import number, signed

SIZE, EDGE = 180.0, 4.0
"""Pixels of a panel and of the free room along its sides."""


def scored(result: TruthResult) -> list[str]:
    """Metrics with at least one score, the best of the league first."""
    return [metric for metric in result.metrics if np.isfinite(result.scores[metric]).any()]


def centred_accuracy(result: TruthResult) -> FloatArray:
    """Accuracy minus the mean of the target's sources, shape (backbones, sources, targets)."""
    accuracy = result.accuracy
    there = np.isfinite(accuracy)
    mean = np.where(there, accuracy, 0.0).sum(axis=1, keepdims=True) / np.maximum(there.sum(axis=1, keepdims=True), 1)
    return np.asarray(accuracy - mean, dtype=np.float64)


def picture(result: TruthResult, table: Table, metric: str, kind: str) -> Picture | None:
    """Score against accuracy of one metric, both relative to the target's mean; None without a point."""
    z = within_target_z(result.scores[metric])
    gain = 100 * centred_accuracy(result)
    there = np.isfinite(z) & np.isfinite(gain)
    if not there.any():
        return None
    reach_x = max(1.0, float(np.abs(z[there]).max())) * 1.05
    # All panels of a truth share the vertical scale.
    reach_y = max(1e-9, float(np.abs(gain[np.isfinite(gain)]).max())) * 1.05
    half = SIZE / 2
    marks: list[Mark] = [
        Line(((EDGE, half), (SIZE - EDGE, half)), "grid"),
        Line(((half, EDGE), (half, SIZE - EDGE)), "grid"),
        Text(EDGE, EDGE + 9, f"±{number(reach_y, 1)} points"),
        Text(SIZE - EDGE, SIZE - EDGE, f"±{number(reach_x, 1)} sd", anchor="end"),
    ]
    who = role(metric, kind)
    for b, s, t in np.argwhere(there):
        x, y = half + (half - EDGE) * z[b, s, t] / reach_x, half - (half - EDGE) * gain[b, s, t] / reach_y
        net = f", {table.backbones[b]}" if len(table.backbones) > 1 else ""
        score = f"score {result.scores[metric][b, s, t]:.4g}, accuracy {signed(gain[b, s, t], 1)} points"
        marks.append(Circle(x, y, 3, "pt", who, say=f"{table.sources[s]} → {table.targets[t]}{net}: {score}"))
    return Picture(SIZE, SIZE, tuple(marks), f"Score of {metric} against accuracy")


def _pictures(result: TruthResult, table: Table) -> list[tuple[str, Picture]]:
    kinds = dict(zip(result.league["metric"], result.league["kind"], strict=True))
    drawn = [(metric, picture(result, table, metric, str(kinds[metric]))) for metric in scored(result)]
    return [(metric, one) for metric, one in drawn if one is not None]


def page(report: Report) -> list[Block]:
    """For the section of the maps."""
    result = report.results[0]
    words = report.say(
        "One point is one (source, target); across: the score, up: the accuracy, both relative to the target's mean, "
        "so only differences between the sources of a target count."
    )
    return [
        Heading("Score against accuracy", 3),
        Links(file_name("scatter", result.name), f"{words} Touch a point to see which it is."),
        Cards(_pictures(result, report.analysis.table), "scatter"),
    ]


def markdown(report: Report) -> list[Block]:
    """Likewise."""
    caption = "Score against accuracy, both relative to the target's mean; one point a (source, target)"
    return [Figure(file_name("scatter", report.results[0].name), report.say(caption))]


def files(result: TruthResult, table: Table, numbers: pd.DataFrame) -> Iterator[FigureFile]:
    """All panels of one truth on a sheet; `numbers` are those in it."""
    drawn = _pictures(result, table)
    if drawn and result.league[PRIMARY].notna().any():
        title = f"across: score, up: {result.name} accuracy, both from the target's mean"
        yield FigureFile(file_name("scatter", result.name), sheet(title, panels(drawn, title)), numbers)
