"""Coverage: how often the 95 % intervals hold the population value."""

from __future__ import annotations

import numpy as np

from pgebench.analysis.bootstrap import bootstrap
from pgebench.analysis.correlation import CORRELATIONS
from pgebench.studies.statistics.simulated_mean import SimulatedMean, simulated_mean
from pgebench.studies.statistics.world import (
    Situation,
    draw_sources,
    draw_targets,
    expected_correlations,
    expected_selections,
)

SELECTED = ("rel_at_1", "regret")
# Positions of the metrics of a situation: two equally good ones, and a worse one.
GOOD, AS_GOOD, WORSE = 0, 1, 2


def coverage(
    situation: Situation, benchmarks: int, resamples: int, rng: np.random.Generator, population: int = 2000
) -> list[SimulatedMean]:
    """Coverage of the interval of one metric and of a difference, and errors of the paired test.

    Args:
        situation: Benchmarks with three metrics, the first two equally good.
        benchmarks: How many benchmarks.
        resamples: Draws of the bootstrap in each.
        rng: Source of randomness.
        population: Benchmarks for the population value of the correlations.

    Returns:
        Per statistic `interval` and `difference` (share of intervals that hold the population value), `bias` and
        `width` (mean over the benchmarks); per correlation `equal` (share of the benchmarks that tell two equally good
        metrics apart at 5 %).
    """
    # Ties make the choice of a source random; the brute force for the choice knows no ties.
    selected = () if situation.untidy else SELECTED
    statistics = (*CORRELATIONS, *selected)
    expected = expected_correlations(situation, rng, population)
    held: dict[tuple[str, str], list[float]] = {}
    for i in range(benchmarks):
        sources = draw_sources(situation, rng)
        scores, truth = draw_targets(situation, sources, rng)
        known = expected | (expected_selections(situation, sources, rng) if selected else {})
        draws = bootstrap(scores, truth, resamples=resamples, seed=i, statistics=statistics)
        for name in statistics:
            value = known[name]
            low, high = draws[name].interval(GOOD)
            _, lower, upper, _ = draws[name].difference(GOOD, WORSE)
            measured = {
                "interval": low <= value[GOOD] <= high,
                "difference": lower <= value[GOOD] - value[WORSE] <= upper,
                "bias": draws[name].estimate[GOOD] - value[GOOD],
                "width": high - low,
            }
            if name in CORRELATIONS:
                # For given sources, which is what the others are about, no two metrics are equally good.
                measured["equal"] = draws[name].difference(GOOD, AS_GOOD)[3] <= 0.05
            for quantity, number in measured.items():
                held.setdefault((quantity, name), []).append(float(number))
    aims = {"interval": 0.95, "difference": 0.95, "equal": 0.05, "bias": 0.0, "width": float("nan")}
    return [simulated_mean(quantity, name, values, aims[quantity]) for (quantity, name), values in held.items()]
