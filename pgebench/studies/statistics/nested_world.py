"""Simulated studies with all levels: collections, their views, checkpoints, transfers, and a metric's own draws.

accuracy = target + source + near + relatedness + checkpoint + checkpoint x target + transfer. Half of what a source is
to all targets, and of what it is to one, it shares with the other views of its collection. A metric sees every level
with one planted correlation, plus an error of its own that has the same structure. One that looks at the checkpoint
sees what came out of it; one that does not is disturbed by its own draw, the same one for all sources and targets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pgebench.analysis.correlation import PRIMARY, correlations
from pgebench.analysis.decompose import two_way
from pgebench.analysis.lives import lives, side_by_side
from pgebench.analysis.quality import mean_where_defined
from pgebench.analysis.table import FloatArray, Replicates, Transfers
from pgebench.studies.statistics.layout import Layout
from pgebench.studies.statistics.world import LEVEL, POINTS


@dataclass(frozen=True)
class Sight:
    """What a metric sees.

    Attributes:
        rho: Correlation of what it sees with what is there, in every level.
        draws: Whether it has draws of its own and sees no checkpoint.
    """

    rho: float
    draws: bool = False


@dataclass(frozen=True)
class Kept:
    """What a study and its rerun have in common: the effects of their sources and targets.

    Attributes:
        truth: Of the truth, shape (sources, targets).
        seen: What each metric sees, shape (metrics, sources, targets).
    """

    truth: FloatArray
    seen: FloatArray


@dataclass(frozen=True)
class Study:
    """One study: the transfers, and the scores of each metric."""

    truth: Transfers
    scores: tuple[Replicates, ...]


def draw_kept(layout: Layout, sights: Sequence[Sight], rng: np.random.Generator) -> Kept:
    """New collections with new views.

    Args:
        layout: The shape of the study.
        sights: Of each metric.
        rng: Source of randomness.

    Returns:
        The effects of sources and targets.
    """
    bonus = np.where(layout.near, _bonus(layout), 0.0)
    truth = _of_sources_and_targets(layout, rng)
    seen = []
    for sight in sights:
        error = _of_sources_and_targets(layout, rng) + bonus * _of_collection(layout.collections[1], rng)
        seen.append(_see(truth + bonus, error, sight))
    difficulty = rng.normal(size=layout.targets)
    return Kept(truth + bonus + difficulty, np.array(seen).reshape(-1, *bonus.shape))


def draw_study(layout: Layout, kept: Kept, sights: Sequence[Sight], rng: np.random.Generator) -> Study:
    """Train, transfer and draw anew.

    Args:
        layout: The shape of the study.
        kept: The effects of its sources and targets.
        sights: Of each metric.
        rng: Source of randomness.

    Returns:
        A study; a second one of the same `kept` is its rerun.
    """
    trained = draw_trained(layout, rng)
    scores = []
    for seen, sight in zip(kept.seen, sights, strict=True):
        if sight.draws:
            replicates = seen[..., None] + _of_draws(layout, rng)
            looked_at: tuple[int | None, ...] = (None,) * layout.draws
        else:
            replicates = seen[..., None] + _see(trained, draw_trained(layout, rng), sight)
            looked_at = layout.numbers
        replicates[layout.absent] = np.nan
        scores.append(Replicates(replicates[None], looked_at))
    return Study(transferred(layout, kept, trained, rng), tuple(scores))


def draw_trained(layout: Layout, rng: np.random.Generator) -> FloatArray:
    """What came out of each checkpoint, beyond its source.

    Args:
        layout: The shape of the study.
        rng: Source of randomness.

    Returns:
        Shape (sources, targets, checkpoints).
    """
    sizes, checkpoints = layout.components, len(layout.numbers)
    source = np.sqrt(sizes.checkpoint) * rng.normal(size=(layout.sources, 1, checkpoints))
    cells = np.sqrt(sizes.checkpoint_relatedness) * rng.normal(size=(layout.sources, layout.targets, checkpoints))
    return np.asarray(source + cells)


def transferred(layout: Layout, kept: Kept, trained: FloatArray, rng: np.random.Generator) -> Transfers:
    """New transfers from given checkpoints.

    Args:
        layout: The shape of the study.
        kept: The effects of its sources and targets.
        trained: What came out of each checkpoint.
        rng: Source of randomness.

    Returns:
        The truth.
    """
    noise = np.sqrt(layout.components.transfer) * rng.normal(size=(layout.sources, layout.targets, layout.seeds))
    at = [layout.numbers.index(number) for number in layout.checkpoints]
    values = LEVEL + POINTS * (kept.truth[..., None] + trained[..., at] + noise)
    values[layout.absent] = np.nan
    return Transfers(values[None], layout.checkpoints)


def number(score: Replicates, truth: Transfers) -> float:
    """The number of a metric: its mean weighted tau over lives and targets."""
    x, y = side_by_side(score, truth, lives(score.looked_at, truth.checkpoints))
    found = correlations(np.swapaxes(x, 1, 2), np.swapaxes(y, 1, 2), if_constant=0.0, wanted=(PRIMARY,))
    return float(mean_where_defined(found[PRIMARY].reshape(-1)))


def expected_numbers(layout: Layout, sights: Sequence[Sight], rng: np.random.Generator, studies: int) -> FloatArray:
    """Population value of each metric's number, by brute force.

    Args:
        layout: The shape of the studies.
        sights: Of each metric.
        rng: Source of randomness.
        studies: How many, all with new collections.

    Returns:
        Shape (metrics,).

    >>> from pgebench.studies.statistics.layout import EMBEDDED
    >>> low, high = expected_numbers(EMBEDDED, [Sight(0.2), Sight(0.8)], np.random.default_rng(0), studies=30)
    >>> bool(low < high)
    True
    """
    found = []
    for _ in range(studies):
        study = draw_study(layout, draw_kept(layout, sights, rng), sights, rng)
        found.append([number(score, study.truth) for score in study.scores])
    return np.mean(found, axis=0)


def _see(there: FloatArray, error: FloatArray, sight: Sight) -> FloatArray:
    return np.asarray(sight.rho * there + np.sqrt(1 - sight.rho**2) * error)


def _of_sources_and_targets(layout: Layout, rng: np.random.Generator) -> FloatArray:
    """Source effect and relatedness without the bonus, shape (sources, targets)."""
    sizes, (of_source, of_target) = layout.components, layout.collections
    common, own = np.sqrt(sizes.alike), np.sqrt(1 - sizes.alike)
    source = common * _of_collection(of_source, rng) + own * rng.normal(size=layout.sources)
    names = sorted({*of_source, *of_target})
    rows, columns = ([names.index(name) for name in each] for each in (of_source, of_target))
    pairs = rng.normal(size=(len(names), len(names)))[np.ix_(rows, columns)]
    cells = common * pairs + own * rng.normal(size=pairs.shape)
    return np.asarray(np.sqrt(sizes.source) * source[:, None] + np.sqrt(sizes.relatedness) * cells)


def _of_collection(collections: Sequence[str], rng: np.random.Generator) -> FloatArray:
    """One standard normal number per collection, shape (things,)."""
    names = sorted(set(collections))
    return np.asarray(rng.normal(size=len(names))[[names.index(name) for name in collections]])


def _of_draws(layout: Layout, rng: np.random.Generator) -> FloatArray:
    """What each draw adds to the scores of all pairs, shape (sources, targets, draws)."""
    whole = rng.normal(size=(layout.sources, 1, layout.draws))
    single = rng.normal(size=(layout.sources, layout.targets, layout.draws))
    return np.asarray(np.sqrt(layout.components.draw / 2) * (whole + single))


def _bonus(layout: Layout) -> float:
    """What a near pair is better by, so that nearness explains its share of the variance within targets; 0 without."""
    there = ~layout.absent
    left = int(there.sum()) - int(there.any(1).sum()) - int(there.any(0).sum()) + 1
    indicator = two_way(np.where(there, layout.near.astype(float), np.nan)).interaction
    size = float(np.nansum(indicator**2))
    return float(np.sqrt(layout.components.near * left / size)) if size > 0 else 0.0
