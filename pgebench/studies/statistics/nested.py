"""Nested levels: how often the intervals keep their word when collections, checkpoints and draws matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pgebench.analysis.alike import judged
from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.rerun import rerun_reach
from pgebench.analysis.resamples import Resamples
from pgebench.analysis.table import FloatArray, Replicates
from pgebench.studies.statistics.layout import Layout
from pgebench.studies.statistics.nested_world import (
    Sight,
    Study,
    draw_kept,
    draw_study,
    expected_numbers,
    number,
)
from pgebench.studies.statistics.simulated_mean import SimulatedMean, simulated_mean

CHECKPOINT, DRAW, DIFFERENCE = "checkpoint", "draw", "difference"
SIGHTS = (Sight(0.75), Sight(0.75, draws=True))
"""One metric that looks at the checkpoint, and one that has draws of its own; the second is worse for that alone."""

DRAWN, APART, ONCE = "drawn", "apart", "once"
"""All levels are drawn; every view counts as a collection of its own; a single draw of the second metric is at hand."""


def population(
    layout: Layout, benchmarks: int, resamples: int, rng: np.random.Generator, studies: int = 2000
) -> list[SimulatedMean]:
    """Coverage of the population value: of the same shape, with everything new.

    Args:
        layout: The shape of the studies.
        benchmarks: How many.
        resamples: Draws of the bootstrap in each.
        rng: Source of randomness.
        studies: For the population value.

    Returns:
        `<metric> <way>`, the share of intervals that hold the value, and `width <metric> <way>`, their mean width, for
        a metric of each kind and their difference (a planned contrast), in each of the three ways to draw.
    """
    expected = expected_numbers(layout, SIGHTS, rng, studies)
    found: dict[str, list[float]] = {}
    for i in range(benchmarks):
        study = draw_study(layout, draw_kept(layout, SIGHTS, rng), SIGHTS, rng)
        for way in (DRAWN, APART, ONCE):
            for name, (low, high, value) in _intervals(_drawn(layout, study, way, resamples, i), expected).items():
                found.setdefault(f"{name} {way}", []).append(float(low <= value <= high))
                found.setdefault(f"width {name} {way}", []).append(high - low)
    return [
        simulated_mean(quantity, PRIMARY, values, float("nan") if quantity.startswith("width") else 0.95)
        for quantity, values in found.items()
    ]


def _drawn(layout: Layout, study: Study, way: str, resamples: int, seed: int) -> Resamples:
    """The draws of the numbers of a study."""
    collections = (layout.source_names, layout.target_names) if way == APART else layout.collections
    scores = [_first_draw(score) if way == ONCE else score for score in study.scores]
    return judged(scores, study.truth, *collections).resampled((PRIMARY,), resamples=resamples, seed=seed)[PRIMARY]


def _first_draw(score: Replicates) -> Replicates:
    return replace(score, values=score.values[..., :1], looked_at=(None,)) if None in score.looked_at else score


def _intervals(drawn: Resamples, expected: FloatArray) -> dict[str, tuple[float, float, float]]:
    """Name of the metric or of the difference -> lower and upper end, and the population value."""
    _, low, high, _ = drawn.difference(0, 1)
    return {
        CHECKPOINT: (*drawn.interval(0), float(expected[0])),
        DRAW: (*drawn.interval(1), float(expected[1])),
        DIFFERENCE: (low, high, float(expected[0] - expected[1])),
    }


def rerun(layout: Layout, benchmarks: int, rng: np.random.Generator) -> list[SimulatedMean]:
    """Coverage of a rerun from nothing: the same sources and targets, everything trained, transferred and drawn anew.

    Args:
        layout: The shape of the studies.
        benchmarks: How many.
        rng: Source of randomness.

    Returns:
        For a metric of each kind `rerun <metric>`, the share of studies whose rerun has a number within reach, and
        `reach <metric>`, the mean reach, expected to be 1.96 times the root mean square of the distance or more, as the
        distance has to be guessed from one study.
    """
    kinds = (CHECKPOINT, DRAW)
    within: list[list[float]] = []
    reaches: list[FloatArray] = []
    squares: list[FloatArray] = []
    for i in range(benchmarks):
        kept = draw_kept(layout, SIGHTS, rng)
        first, again = draw_study(layout, kept, SIGHTS, rng), draw_study(layout, kept, SIGHTS, rng)
        reach = rerun_reach(first.scores, first.truth, seed=i)
        moved = [
            number(one, first.truth) - number(other, again.truth)
            for one, other in zip(first.scores, again.scores, strict=True)
        ]
        within.append([float(abs(way) <= far) for way, far in zip(moved, reach, strict=True)])
        reaches.append(reach)
        squares.append(np.square(moved))
    means = []
    for m, kind in enumerate(kinds):
        ideal = 1.96 * float(np.sqrt(np.mean(squares, axis=0)[m]))
        means += [
            simulated_mean(f"rerun {kind}", PRIMARY, [row[m] for row in within], 0.95),
            simulated_mean(f"reach {kind}", PRIMARY, [float(reach[m]) for reach in reaches], ideal),
        ]
    return means
