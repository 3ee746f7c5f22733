"""Spread of the draws: estimated variances, from which intervals have their width, against the true one."""

from __future__ import annotations

import numpy as np

from pgebench.analysis.bootstrap import bootstrap
from pgebench.analysis.quality import ranking_quality
from pgebench.analysis.resamples import Resamples
from pgebench.studies.statistics.simulated_mean import SimulatedMean, simulated_mean
from pgebench.studies.statistics.world import Situation, draw_benchmark

STATISTICS = ("weighted_tau", "tau", "pearson")


def spread(
    situation: Situation, benchmarks: int, resamples: int, rng: np.random.Generator, population: int = 1000
) -> list[SimulatedMean]:
    """Variance of an estimate, as the bootstrap sees it, in units of its true variance over benchmarks.

    Args:
        situation: How benchmarks are drawn; the first metric is looked at.
        benchmarks: How many.
        resamples: Draws of the bootstrap in each.
        rng: Source of randomness.
        population: Benchmarks for the true variance.

    Returns:
        Per statistic `from_sources` (only sources drawn), `from_targets`, `from_cells`, `sum` (the first two minus the
        third: without bias if the parts are) and `used` (with each part cut at 0, as the intervals take it).
    """
    estimates: dict[str, list[float]] = {name: [] for name in STATISTICS}
    for _ in range(population):
        scores, truth = draw_benchmark(situation, rng)
        judged = ranking_quality(scores[0], truth)
        for name in STATISTICS:
            estimates[name].append(judged.mean(name))
    found: dict[tuple[str, str], list[float]] = {}
    for i in range(benchmarks):
        scores, truth = draw_benchmark(situation, rng)
        for name, draws in bootstrap(scores[:1], truth, resamples=resamples, seed=i, statistics=STATISTICS).items():
            for part, variance in _parts(draws).items():
                found.setdefault((part, name), []).append(variance / float(np.var(estimates[name])))
    return [
        simulated_mean(part, name, values, 1.0 if part in ("sum", "used") else float("nan"))
        for (part, name), values in found.items()
    ]


def _parts(draws: Resamples) -> dict[str, float]:
    """The estimated variances of the first metric."""
    s, t = draws.sources, draws.targets
    source, target, both = (float(np.nanvar(v[0])) for v in (draws.by_source, draws.by_target, draws.both))
    cell = (both - target - source) * s * t / ((s - 1) * (t - 1))
    source, target = source * s / (s - 1), target * t / (t - 1)
    used = max(source - max(cell, 0.0), 0.0) + max(target - max(cell, 0.0), 0.0) + max(cell, 0.0)
    whole = source + target - cell
    return {"from_sources": source, "from_targets": target, "from_cells": cell, "sum": whole, "used": used}
