"""What both kinds of picture share: the points of the cost picture, its Pareto front, and labels that don't overlap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pgebench.analysis.league import PRIMARY, Analysis, TruthResult
from pgebench.analysis.table import FloatArray, mean_over_seeds
from pgebench.report.palette import role

# Round times for a logarithmic axis, in seconds: 1 ms to 100 days.
TIMES = (1e-3, 1e-2, 0.1, 1.0, 10.0, 60.0, 600.0, 3600.0, 36_000.0, 86_400.0, 864_000.0, 8_640_000.0)

Z_LIMIT = 2.0
"""Standard deviations from the target's mean at which the colour of a map is full."""


def centred_accuracy(result: TruthResult) -> FloatArray:
    """Accuracy minus the mean of the target's sources, shape (backbones, sources, targets)."""
    accuracy = mean_over_seeds(result.truth)
    there = np.isfinite(accuracy)
    mean = np.where(there, accuracy, 0.0).sum(axis=1, keepdims=True) / np.maximum(there.sum(axis=1, keepdims=True), 1)
    return np.asarray(accuracy - mean, dtype=np.float64)


def time_tick(seconds: float) -> str:
    """One of `TIMES` in words.

    >>> [time_tick(seconds) for seconds in (0.1, 60.0, 36_000.0, 864_000.0)]
    ['0.1 s', '1 min', '10 h', '10 d']
    """
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


@dataclass(frozen=True)
class CostPoint:
    """One metric (or the truth itself) in the picture of reliability against cost.

    Attributes:
        name: Name to write.
        role: pge, metric, trivial or truth.
        total: Seconds for all scores, from scratch; positive.
        ready: Seconds with the source models at hand; positive, at most `total`.
        value: Mean weighted tau; for the truth its noise ceiling.
    """

    name: str
    role: str
    total: float
    ready: float
    value: float


def cost_points(analysis: Analysis, result: TruthResult) -> list[CostPoint]:
    """Points of the cost picture; metrics without a cost or a value are left out."""
    points = []
    for _, row in result.league.iterrows():
        total, ready, value = (float(row[name]) for name in ("cost_total_s", "cost_without_checkpoints_s", PRIMARY))
        if math.isfinite(total) and math.isfinite(value) and total > 0:
            # A logarithmic axis has no 0.
            ready = max(ready, total * 1e-4)
            points.append(
                CostPoint(str(row["metric"]), role(str(row["metric"]), str(row["kind"])), total, ready, value)
            )
    truth, ceiling = analysis.truth_costs.get(result.name), result.ceiling[PRIMARY].repeat
    if truth and truth.total_s > 0 and math.isfinite(ceiling):
        points.append(CostPoint(f"{result.name} itself", "truth", truth.total_s, truth.total_s, ceiling))
    return points


def pareto_front(points: Sequence[CostPoint]) -> list[CostPoint]:
    """Points that no other beats in both cost (from scratch) and reliability, the cheapest first.

    >>> a, b, c = (CostPoint(n, "metric", t, t, v) for n, t, v in (("a", 1, 0.2), ("b", 2, 0.1), ("c", 3, 0.5)))
    >>> [point.name for point in pareto_front([c, b, a])]
    ['a', 'c']
    """
    front: list[CostPoint] = []
    for point in sorted(points, key=lambda p: (p.total, -p.value, p.name)):
        if not front or point.value > front[-1].value:
            front.append(point)
    return front


def spread_labels(heights: Sequence[float], gap: float) -> list[float]:
    """Heights of labels moved apart so that neighbours differ by at least `gap`, in the order given.

    >>> [round(h, 6) for h in spread_labels([0.5, 0.5, 0.1], gap=0.1)]
    [0.45, 0.55, 0.1]
    """
    order = sorted(range(len(heights)), key=lambda i: (heights[i], i))
    # Groups of touching labels, each centred on its own mean; a group that meets the one below is merged with it.
    groups: list[list[int]] = []
    for i in order:
        groups.append([i])
        while len(groups) > 1 and _bottom(groups[-1], heights, gap) < _top(groups[-2], heights, gap) + gap:
            last = groups.pop()
            groups[-1].extend(last)
    placed = [0.0] * len(heights)
    for group in groups:
        for step, i in enumerate(group):
            placed[i] = _bottom(group, heights, gap) + step * gap
    return placed


def _bottom(group: list[int], heights: Sequence[float], gap: float) -> float:
    return sum(heights[i] for i in group) / len(group) - gap * (len(group) - 1) / 2


def _top(group: list[int], heights: Sequence[float], gap: float) -> float:
    return sum(heights[i] for i in group) / len(group) + gap * (len(group) - 1) / 2
