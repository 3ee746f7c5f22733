"""Simulated benchmarks: scores and truths whose population values are known.

truth = target effect + source effect + interaction + seed noise; a metric sees the source effect with one planted
correlation and the interaction with another, each plus an error of its own. All parts but the target effect are
scaled so that source effect and interaction together have variance 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pgebench.analysis.correlation import CORRELATIONS, correlations
from pgebench.analysis.quality import mean_where_defined
from pgebench.analysis.table import FloatArray, mean_over_seeds

# One standard deviation within a target is so much accuracy; far from 0 and 1.
LEVEL, POINTS = 0.6, 0.05


@dataclass(frozen=True)
class Situation:
    """How benchmarks are drawn.

    Attributes:
        name: What the reader calls it.
        sources: Number of sources.
        targets: Number of targets. Source i is missing for target i, as a dataset is never its own source.
        seeds: Seeds of the truth.
        backbones: Number of backbones; they share the source effects, and half the variance of the interactions.
        shared: Share of the source effect in the variance within a target; the rest is interaction.
        noise: Standard deviation of one seed, where source effect and interaction together have 1.
        heavy: Interactions and noise follow Student's t with 3 degrees of freedom instead of the normal.
        untidy: A tenth of the scores is missing, scores are rounded to steps of 0.5, one target in eight has constant
            scores.
        by_source: Correlation of each metric's source effect with that of the truth.
        by_interaction: The same for the interaction.
    """

    name: str
    sources: int = 11
    targets: int = 11
    seeds: int = 3
    backbones: int = 1
    shared: float = 0.5
    noise: float = 0.5
    heavy: bool = False
    untidy: bool = False
    by_source: tuple[float, ...] = (0.6, 0.6, 0.3)
    by_interaction: tuple[float, ...] = (0.6, 0.6, 0.3)


@dataclass(frozen=True)
class Sources:
    """Effects of drawn sources: of the truth, shape (sources,), and of each metric, shape (metrics, sources)."""

    truth: FloatArray
    scores: FloatArray


def draw_sources(situation: Situation, rng: np.random.Generator) -> Sources:
    """Source effects with standard deviation 1 in the population."""
    truth = rng.normal(size=situation.sources)
    own = rng.normal(size=(len(situation.by_source), situation.sources))
    return Sources(truth, _see(truth, own, situation.by_source))


def draw_targets(
    situation: Situation, sources: Sources, rng: np.random.Generator, copies: int = 1
) -> tuple[FloatArray, FloatArray]:
    """New targets for given sources.

    Args:
        situation: How they are drawn.
        sources: The sources.
        rng: Source of randomness.
        copies: How many times `situation.targets` targets to draw; each copy has its own missing diagonal.

    Returns:
        Scores, shape (metrics, backbones, sources, targets), and truth, shape (backbones, sources, targets, seeds).
    """
    targets = copies * situation.targets
    cells = situation.backbones, situation.sources, targets
    metrics = len(situation.by_interaction)
    pair = _shared_pairs(situation, rng, (targets,))
    own = _shared_pairs(situation, rng, (targets, metrics))
    between, within = np.sqrt(situation.shared), np.sqrt(1 - situation.shared)
    accuracy = between * sources.truth[:, None] + within * pair
    noise = situation.noise * _variates(situation, rng, (*cells, situation.seeds))
    difficulty = rng.normal(size=targets)
    truth = LEVEL + POINTS * (difficulty[:, None] + accuracy[..., None] + noise)
    seen = _see(pair, np.moveaxis(own, -1, 0), situation.by_interaction)
    scores = between * sources.scores[:, None, :, None] + within * seen
    if situation.untidy:
        scores = np.round(2 * scores) / 2
        scores[rng.random(scores.shape) < 0.1] = np.nan
        scores[..., ::8] = np.where(np.isfinite(scores[..., ::8]), 1.0, np.nan)
    own_target = np.arange(situation.sources)[:, None] == np.arange(targets) % situation.targets
    scores[..., own_target], truth[:, own_target] = np.nan, np.nan
    return scores, truth


def draw_benchmark(situation: Situation, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """One benchmark: scores and truth with new sources and new targets."""
    return draw_targets(situation, draw_sources(situation, rng), rng)


def expected_correlations(situation: Situation, rng: np.random.Generator, benchmarks: int) -> dict[str, FloatArray]:
    """Population values of the mean correlations, by brute force.

    The value depends on the number of sources (weighted tau) and of seeds (noise of the truth), so it is the mean
    over many benchmarks of just this shape.

    Args:
        situation: How they are drawn.
        rng: Source of randomness.
        benchmarks: How many.

    Returns:
        Correlation -> values, shape (metrics,).

    >>> values = expected_correlations(Situation("both"), np.random.default_rng(0), benchmarks=50)
    >>> values["tau"].shape, bool(values["tau"][0] > values["tau"][2])
    ((3,), True)
    """
    found: dict[str, list[FloatArray]] = {name: [] for name in CORRELATIONS}
    for _ in range(benchmarks):
        scores, truth = draw_benchmark(situation, rng)
        values = correlations(np.swapaxes(scores, 2, 3), np.swapaxes(mean_over_seeds(truth), 1, 2), if_constant=0.0)
        for name, value in values.items():
            found[name].append(mean_where_defined(value.reshape(len(scores), -1)))
    return {name: np.mean(values, axis=0) for name, values in found.items()}


def expected_selections(
    situation: Situation, sources: Sources, rng: np.random.Generator, targets: int = 1000
) -> dict[str, FloatArray]:
    """Population values of Rel@1 and regret over new targets with the same sources, by brute force.

    Args:
        situation: How they are drawn; not untidy (no ties, every source has a score).
        sources: The sources.
        rng: Source of randomness.
        targets: At least so many new targets.

    Returns:
        `rel_at_1` and `regret` -> values, shape (metrics,).
    """
    averaged = replace(situation, seeds=1, noise=situation.noise / np.sqrt(situation.seeds))
    scores, truth = draw_targets(averaged, sources, rng, copies=-(-targets // situation.targets))
    accuracy = np.where(np.isfinite(truth[..., 0]), truth[..., 0], -np.inf)
    picked = np.argmax(np.where(np.isfinite(scores), scores, -np.inf), axis=2)
    reached = np.take_along_axis(accuracy[None], picked[:, :, None, :], axis=2)[:, :, 0]
    best = accuracy.max(axis=1)
    return {"rel_at_1": (reached / best).mean((1, 2)), "regret": (best - reached).mean((1, 2))}


def _see(part: FloatArray, own: FloatArray, planted: tuple[float, ...]) -> FloatArray:
    """What each metric sees of a part of the truth; `own` has the metrics first."""
    rho = np.reshape(planted, (-1,) + (1,) * part.ndim)
    return np.asarray(rho * part + np.sqrt(1 - rho**2) * own)


def _shared_pairs(situation: Situation, rng: np.random.Generator, rest: tuple[int, ...]) -> FloatArray:
    """Standardised interactions, shape (backbones, sources, *rest)."""
    own = _variates(situation, rng, (situation.backbones, situation.sources, *rest))
    if situation.backbones == 1:
        return own
    return np.asarray(np.sqrt(0.5) * (own + _variates(situation, rng, (1, situation.sources, *rest))))


def _variates(situation: Situation, rng: np.random.Generator, shape: tuple[int, ...]) -> FloatArray:
    return rng.standard_t(3, size=shape) / np.sqrt(3) if situation.heavy else rng.normal(size=shape)
