"""Recovery of what was planted: correlations, and the reliability of the truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pgebench.analysis.ceiling import noise_ceiling
from pgebench.analysis.correlation import CORRELATIONS, correlations
from pgebench.analysis.quality import mean_where_defined, ranking_quality
from pgebench.analysis.table import mean_over_seeds
from pgebench.studies.statistics.simulated_mean import SimulatedMean, simulated_mean
from pgebench.studies.statistics.world import Situation, draw_benchmark


def planted(situation: Situation, benchmarks: int, rng: np.random.Generator) -> list[SimulatedMean]:
    """Mean Kendall tau of normal variables, whose expectation is known: 2/pi asin(r), for any number of sources.

    Args:
        situation: All its metrics see source effect and interaction equally well; not heavy, not untidy.
        benchmarks: How many.
        rng: Source of randomness.

    Returns:
        `planted_<correlation>` for each metric; r is the planted correlation, weakened by the noise of the seeds.
    """
    estimates: list[list[float]] = []
    for _ in range(benchmarks):
        scores, truth = draw_benchmark(situation, rng)
        estimates.append([ranking_quality(score, truth).mean("tau") for score in scores])
    weakened = np.array(situation.by_interaction) / np.sqrt(1 + situation.noise**2 / situation.seeds)
    return [
        simulated_mean(
            f"planted_{rho:g}", "tau", [row[m] for row in estimates], float(2 / np.pi * np.arcsin(weakened[m]))
        )
        for m, rho in enumerate(situation.by_interaction)
    ]


def ceilings(situation: Situation, benchmarks: int, rng: np.random.Generator) -> list[SimulatedMean]:
    """Noise ceiling against the agreement of two truths with the same signal and seeds of their own.

    Args:
        situation: Its number of seeds decides; the metrics do not matter.
        benchmarks: How many.
        rng: Source of randomness.

    Returns:
        `repeat` and `perfect` per correlation; `expected` is the true agreement, known by brute force.
    """
    # Twice the seeds in one draw: one half is the benchmark, the other its repetition; a metric that sees all is the
    # noise-free truth, up to a scale.
    twice = replace(situation, seeds=2 * situation.seeds, by_source=(1.0,), by_interaction=(1.0,))
    estimated: dict[tuple[str, str], list[float]] = {}
    true: dict[tuple[str, str], list[float]] = {}
    for i in range(benchmarks):
        scores, truth = draw_benchmark(twice, rng)
        first, again = truth[..., : situation.seeds], truth[..., situation.seeds :]
        tops = noise_ceiling(first, seed=i)
        one, other, signal = (
            np.swapaxes(values, 1, 2) for values in (mean_over_seeds(first), mean_over_seeds(again), scores[0])
        )
        for name in CORRELATIONS:
            estimated.setdefault(("repeat", name), []).append(tops[name].repeat)
            estimated.setdefault(("perfect", name), []).append(tops[name].perfect)
        for quantity, side in (("repeat", other), ("perfect", signal)):
            for name, value in correlations(side, one).items():
                true.setdefault((quantity, name), []).append(float(mean_where_defined(value.reshape(-1))))
    return [
        simulated_mean(quantity, name, values, float(np.mean(true[quantity, name])))
        for (quantity, name), values in estimated.items()
    ]
