"""Recovery of planted levels: the two noise ceilings and the split of the truth's variance."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from pgebench.analysis.ceiling import rerun_ceiling, transfer_ceiling
from pgebench.analysis.correlation import PRIMARY, correlations
from pgebench.analysis.levels import Levels, levels
from pgebench.analysis.quality import mean_where_defined
from pgebench.analysis.table import FloatArray, Transfers
from pgebench.studies.statistics.layout import Layout
from pgebench.studies.statistics.nested_world import draw_kept, draw_study, draw_trained, transferred
from pgebench.studies.statistics.simulated_mean import SimulatedMean, simulated_mean


def two_ceilings(layout: Layout, benchmarks: int, rng: np.random.Generator) -> list[SimulatedMean]:
    """Noise ceilings against the agreement of two truths of the same sources and targets.

    Args:
        layout: The shape of the studies.
        benchmarks: How many.
        rng: Source of randomness.

    Returns:
        `same checkpoints` (the truth of one checkpoint against transfers made anew from the same one; absent if no
        checkpoint has two) and `everything anew` (against other checkpoints), each `repeat` and `perfect`; `expected`
        is the true agreement, by brute force.
    """
    found: dict[str, list[float]] = {}
    true: dict[str, list[float]] = {}
    for i in range(benchmarks):
        kept = draw_kept(layout, (), rng)
        trained = draw_trained(layout, rng)
        first, again = (transferred(layout, kept, trained, rng) for _ in range(2))
        anew = draw_study(layout, kept, (), rng).truth
        near, far = transfer_ceiling(first, seed=i)[PRIMARY], rerun_ceiling(first, seed=i)[PRIMARY]
        # One transfer against one: what every checkpoint has at least.
        single, other = (_single(truth) for truth in (first, again))
        known = kept.truth[..., None] + trained
        known[layout.absent] = np.nan
        sides = {
            "same checkpoints, repeat": (near.repeat, single, other),
            "same checkpoints, perfect": (near.perfect, single, known[None]),
            "everything anew, repeat": (far.repeat, first.mean[..., None], anew.mean[..., None]),
            "everything anew, perfect": (far.perfect, first.mean[..., None], kept.truth[None, ..., None]),
        }
        for name, (estimate, one, two) in sides.items():
            if np.isfinite(estimate):
                found.setdefault(name, []).append(estimate)
                true.setdefault(name, []).append(_agreement(one, two))
    return [simulated_mean(name, PRIMARY, values, float(np.mean(true[name]))) for name, values in found.items()]


def _single(truth: Transfers) -> FloatArray:
    """One transfer of each checkpoint, shape (backbones, sources, targets, checkpoints)."""
    return truth.values[..., [truth.checkpoints.index(number) for number in truth.numbers]]


def _agreement(one: FloatArray, other: FloatArray) -> float:
    """Mean weighted tau between truths (backbones, sources, targets, checkpoints)."""
    found = correlations(np.moveaxis(one, 1, -1), np.moveaxis(other, 1, -1), wanted=(PRIMARY,))[PRIMARY]
    return float(mean_where_defined(found.reshape(-1)))


def recovered_levels(layout: Layout, benchmarks: int, rng: np.random.Generator) -> list[SimulatedMean]:
    """Shares of the levels of the truth against the planted ones.

    Args:
        layout: The shape of the studies.
        benchmarks: How many.
        rng: Source of randomness.

    Returns:
        `level_<name>` for each level. Without a second transfer of a checkpoint its part belongs to that of the
        checkpoint, and so it is expected.
    """
    found: dict[str, list[float]] = {}
    for _ in range(benchmarks):
        truth = draw_study(layout, draw_kept(layout, (), rng), (), rng).truth
        for name, value in levels(truth, layout.near).shares.items():
            found.setdefault(name, []).append(value)
    planted = {one.name: float(getattr(layout.components, one.name)) for one in fields(Levels)}
    if "transfer" not in found:
        planted["checkpoint_relatedness"] += planted.pop("transfer")
    total = sum(planted.values())
    return [simulated_mean(f"level_{name}", "variance", found[name], value / total) for name, value in planted.items()]
