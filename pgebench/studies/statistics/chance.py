"""Chance: are p-values uniform where there is nothing to find, and does Holm's correction hold?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pgebench.analysis.chance import holm, p_value, shuffled_means
from pgebench.analysis.quality import ranking_quality
from pgebench.analysis.table import FloatArray, mean_over_seeds
from pgebench.studies.statistics.simulated_mean import SimulatedMean, simulated_mean
from pgebench.studies.statistics.world import Situation, draw_benchmark

STATISTIC = "weighted_tau"
METRICS = 8
ALPHA = 0.05


def chance(situation: Situation, benchmarks: int, shuffles: int, rng: np.random.Generator) -> list[SimulatedMean]:
    """Permutation test of metrics that know nothing, alone and beside as many that know much.

    Args:
        situation: How benchmarks are drawn; what it says about planted correlations is replaced.
        benchmarks: How many.
        shuffles: Draws of the null distribution in each.
        rng: Source of randomness.

    Returns:
        `rejected` (share of p-values up to 5 %), `below_half` (up to 50 %), `distance` (largest distance of the
        distribution of p from the uniform one; Kolmogorov-Smirnov), `family` (share of the benchmarks where Holm's
        correction lets any of the blind metrics pass at 5 %), `family_mixed` (the same among as many good metrics).
    """
    planted = (0.0,) * METRICS + (0.8,) * METRICS
    situation = replace(situation, by_source=planted, by_interaction=planted)
    values = np.array([_p_values(*draw_benchmark(situation, rng), shuffles, i) for i in range(benchmarks)])
    blind = values[:, :METRICS]
    alone = [float((holm(row[:METRICS]) <= ALPHA).any()) for row in values]
    mixed = [float((holm(row)[:METRICS] <= ALPHA).any()) for row in values]
    return [
        simulated_mean("rejected", STATISTIC, (blind <= ALPHA).mean(1).tolist(), ALPHA),
        simulated_mean("below_half", STATISTIC, (blind <= 0.5).mean(1).tolist(), 0.5),
        SimulatedMean("distance", STATISTIC, _distance_from_uniform(blind.ravel()), float("nan"), 0.0),
        simulated_mean("family", STATISTIC, alone, ALPHA),
        simulated_mean("family_mixed", STATISTIC, mixed, ALPHA),
        simulated_mean("found", STATISTIC, (values[:, METRICS:] <= ALPHA).mean(1).tolist(), 1.0),
    ]


def _p_values(scores: FloatArray, truth: FloatArray, shuffles: int, seed: int) -> list[float]:
    nulls = shuffled_means(scores, mean_over_seeds(truth), shuffles=shuffles, seed=seed)
    values = [ranking_quality(score, truth).mean(STATISTIC) for score in scores]
    return [p_value(value, null) for value, null in zip(values, nulls, strict=True)]


def _distance_from_uniform(p: FloatArray) -> float:
    """Largest distance between the empirical distribution function of p and the diagonal.

    >>> round(_distance_from_uniform(np.array([0.25, 0.5, 0.75, 1.0])), 12)
    0.25
    """
    ascending = np.sort(p)
    steps = np.arange(len(p) + 1) / len(p)
    return float(np.max(np.maximum(np.abs(steps[1:] - ascending), np.abs(steps[:-1] - ascending))))
