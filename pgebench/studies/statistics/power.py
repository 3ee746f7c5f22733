"""Power: how many targets it takes to tell two metrics apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pgebench.analysis.bootstrap import bootstrap
from pgebench.studies.statistics.simulated_mean import SimulatedMean, simulated_mean
from pgebench.studies.statistics.world import Situation, draw_benchmark, expected_correlations

STATISTIC = "weighted_tau"
BEST = 0.75
DIFFERENCES = (0.1, 0.2, 0.3)


def power(
    situation: Situation, benchmarks: int, resamples: int, rng: np.random.Generator, population: int = 300
) -> list[SimulatedMean]:
    """Share of benchmarks in which a true difference in weighted tau is found at 5 %, uncorrected.

    Args:
        situation: How benchmarks are drawn; what it says about planted correlations is replaced.
        benchmarks: How many.
        resamples: Draws of the bootstrap in each.
        rng: Source of randomness.
        population: Benchmarks for finding the planted correlations that make the differences.

    Returns:
        `power_<difference>` for each of `DIFFERENCES`.
    """
    grid = (0.0, 0.15, 0.3, 0.45, 0.6, BEST)
    tried = replace(situation, by_source=grid, by_interaction=grid)
    reached = expected_correlations(tried, rng, population)[STATISTIC]
    planted = (BEST, *(float(np.interp(reached[-1] - gap, reached, grid)) for gap in DIFFERENCES))
    situation = replace(situation, by_source=planted, by_interaction=planted)
    found: list[list[float]] = []
    for i in range(benchmarks):
        scores, truth = draw_benchmark(situation, rng)
        draws = bootstrap(scores, truth, resamples=resamples, seed=i, statistics=(STATISTIC,))[STATISTIC]
        found.append([float(draws.difference(0, m + 1)[3] <= 0.05) for m in range(len(DIFFERENCES))])
    return [
        simulated_mean(f"power_{gap:g}", STATISTIC, [row[m] for row in found], float("nan"))
        for m, gap in enumerate(DIFFERENCES)
    ]
