"""Power of planned contrasts in the layouts of the experiments themselves."""

from __future__ import annotations

import numpy as np

from pgebench.analysis.alike import judged
from pgebench.analysis.contrasts import planned_contrasts
from pgebench.analysis.correlation import PRIMARY
from pgebench.studies.statistics.layout import Layout
from pgebench.studies.statistics.nested_world import Sight, draw_kept, draw_study, expected_numbers
from pgebench.studies.statistics.power import BEST, DIFFERENCES
from pgebench.studies.statistics.simulated_mean import SimulatedMean, simulated_mean

GOOD = "good"
GRID = (0.0, 0.15, 0.3, 0.45, 0.6, BEST)
KINDS = {"checkpoint": False, "draw": True}
"""What a metric that looks at the checkpoint is compared with: another such, or one with draws."""


def contrast_power(
    layout: Layout, benchmarks: int, resamples: int, rng: np.random.Generator, studies: int = 600
) -> list[SimulatedMean]:
    """Share of studies in which a true difference in weighted tau is found at 5 %, as a planned contrast.

    Args:
        layout: The shape of the studies.
        benchmarks: How many.
        resamples: Draws of the bootstrap in each.
        rng: Source of randomness.
        studies: For finding the planted correlations that make the differences.

    Returns:
        `power_<difference> <kind>` for each of `DIFFERENCES` and each kind of the worse metric.
    """
    tried = [Sight(rho, draws) for draws in KINDS.values() for rho in GRID]
    reached = expected_numbers(layout, tried, rng, studies).reshape(len(KINDS), -1)
    best = reached[0, -1]
    worse = {
        f"power_{gap:g} {kind}": Sight(float(np.interp(best - gap, reached[k], GRID)), draws)
        for k, (kind, draws) in enumerate(KINDS.items())
        for gap in DIFFERENCES
    }
    sights, names = (Sight(BEST), *worse.values()), (GOOD, *worse)
    found: list[list[float]] = []
    for i in range(benchmarks):
        study = draw_study(layout, draw_kept(layout, sights, rng), sights, rng)
        sides = judged(study.scores, study.truth, *layout.collections)
        drawn = sides.resampled((PRIMARY,), resamples=resamples, seed=i)[PRIMARY]
        contrasts = planned_contrasts([(GOOD, name) for name in worse], names, names, drawn)
        found.append((contrasts["p"] <= 0.05).astype(float).tolist())
    return [simulated_mean(name, PRIMARY, [row[m] for row in found], float("nan")) for m, name in enumerate(worse)]
