"""Metrics of like lives, judged together, so that what they are compared with is made once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pgebench.analysis.bootstrap import bootstrap_apart, mean_by_draw
from pgebench.analysis.chance import shuffled_means_of
from pgebench.analysis.correlation import PRIMARY, correlations
from pgebench.analysis.lives import OWN, lives, side_by_side
from pgebench.analysis.quality import Quality, mean_where_defined, ranking_quality
from pgebench.analysis.resamples import Resamples, joined
from pgebench.analysis.table import FloatArray, Replicates, Table, Transfers


@dataclass(frozen=True)
class Alike:
    """Metrics whose replicates looked at the same checkpoints, beside the truths of their lives.

    Attributes:
        members: Positions of the metrics.
        scores: Shape (metrics, backbones * lives, sources, targets).
        accuracy: Shape (backbones * lives, sources, targets).
        draws: Which draw each of the lives of a backbone belongs to; empty without draws.
    """

    members: tuple[int, ...]
    scores: FloatArray
    accuracy: FloatArray
    draws: tuple[int, ...]

    @property
    def own_draws(self) -> tuple[int, ...]:
        """Which draw each row belongs to, the lives of a backbone one after another; empty without draws."""
        return self.draws * (len(self.accuracy) // len(self.draws)) if self.draws else ()


@dataclass(frozen=True)
class Judged:
    """Metrics beside one truth.

    Attributes:
        groups: The metrics, each in one group.
        metrics: Number of metrics.
        sources: Collection of each source.
        targets: Collection of each target.
    """

    groups: tuple[Alike, ...]
    metrics: int
    sources: tuple[str, ...]
    targets: tuple[str, ...]

    def quality(self) -> list[Quality]:
        """Statistics of each metric per life, backbone and target.

        Returns:
            One for each metric; its backbones are the lives of each backbone one after another.
        """
        return self._quality

    @cached_property
    def _quality(self) -> list[Quality]:
        found = {
            m: ranking_quality(one, group.accuracy[..., None])
            for group in self.groups
            for m, one in zip(group.members, group.scores, strict=True)
        }
        return [found[m] for m in range(self.metrics)]

    def means_apart(self, statistic: str, backbones: int) -> FloatArray:
        """Mean of one correlation for each metric and backbone.

        Args:
            statistic: One of `pgebench.analysis.correlation.CORRELATIONS`.
            backbones: How many there are; 1 takes all of them together.

        Returns:
            Shape (metrics, backbones).
        """
        means = np.full((self.metrics, backbones), np.nan)
        for group in self.groups:
            truth = np.swapaxes(group.accuracy, 1, 2)
            for m, score in zip(group.members, group.scores, strict=True):
                found = correlations(np.swapaxes(score, 1, 2), truth, if_constant=0.0, wanted=(statistic,))[statistic]
                means[m] = mean_where_defined(found.reshape(backbones, -1))
        return means

    def resampled(self, statistics: tuple[str, ...], *, resamples: int, seed: int) -> dict[str, Resamples]:
        """Draws of each statistic for all metrics, on the same resamples.

        Args:
            statistics: Which of `pgebench.analysis.quality.STATISTICS`.
            resamples: Number of draws.
            seed: Of the draws.

        Returns:
            Statistic -> draws.
        """
        return self.resampled_apart(statistics, 0, resamples=resamples, seed=seed)[0]

    def resampled_apart(
        self, statistics: tuple[str, ...], backbones: int, *, resamples: int, seed: int
    ) -> list[dict[str, Resamples]]:
        """The same draws of all backbones together, and then of each on its own.

        Args:
            statistics: Which of `pgebench.analysis.quality.STATISTICS`.
            backbones: How many there are.
            resamples: Number of draws.
            seed: Of the draws.

        Returns:
            Statistic -> draws; for all backbones, then for the first, the second and so on.
        """
        found = [
            bootstrap_apart(
                group.scores,
                group.accuracy[..., None],
                (slice(None), *rows_of_backbones(len(group.accuracy), backbones)),
                own_draws=group.own_draws,
                sources=self.sources,
                targets=self.targets,
                resamples=resamples,
                seed=seed,
                statistics=statistics,
            )
            for group in self.groups
        ]
        return [
            {
                name: joined([(group.members, one[at][name]) for group, one in zip(self.groups, found, strict=True)])
                for name in statistics
            }
            for at in range(1 + backbones)
        ]

    def shuffled(self, *, shuffles: int, seed: int) -> FloatArray:
        """Mean weighted tau of shuffled copies of each metric, see `shuffled_means`.

        Args:
            shuffles: How many.
            seed: Of the shuffles, the same ones for all metrics.

        Returns:
            Shape (metrics, shuffles).
        """
        means = np.full((self.metrics, shuffles), np.nan)
        groups = [(group.scores, group.accuracy) for group in self.groups]
        for group, found in zip(self.groups, shuffled_means_of(groups, shuffles=shuffles, seed=seed), strict=True):
            means[list(group.members)] = found
        return means


def judged(
    scores: Sequence[Replicates],
    truth: Transfers,
    sources: Sequence[str],
    targets: Sequence[str],
    against: str = OWN,
) -> Judged:
    """Metrics in groups of like lives.

    Args:
        scores: Of each metric.
        truth: Transfers.
        sources: Collection of each source.
        targets: Collection of each target.
        against: As in `lives`. A metric without any life has NaN for all its numbers.

    Returns:
        The metrics beside the truth.
    """
    by_pattern: dict[tuple[int | None, ...], list[int]] = {}
    for m, score in enumerate(scores):
        by_pattern.setdefault(score.looked_at, []).append(m)
    groups = []
    for pattern, members in by_pattern.items():
        found = lives(pattern, truth.checkpoints, against)
        if not found:
            nothing = np.full(truth.values.shape[:3], np.nan)
            groups.append(Alike(tuple(members), np.stack([nothing] * len(members)), nothing, ()))
            continue
        sides = [side_by_side(scores[m], truth, found) for m in members]
        drawn = tuple(one.replicate for one in found) if None in pattern else ()
        groups.append(Alike(tuple(members), np.stack([side[0] for side in sides]), sides[0][1], drawn))
    return Judged(tuple(groups), len(scores), tuple(sources), tuple(targets))


def beside(table: Table, truth: Transfers, against: str = OWN) -> Judged:
    """All metrics of a table beside one truth, with the collections of its sources and targets.

    Args:
        table: Axes backbone, source, target.
        truth: Transfers, of the same axes.
        against: As in `lives`.

    Returns:
        The metrics in the order of the table.
    """
    sources, targets = ([table.collection(name) for name in axis] for axis in (table.sources, table.targets))
    return judged(list(table.replicates.values()), truth, sources, targets, against)


def quality_by_draw(score: Replicates, truth: Transfers) -> FloatArray:
    """Mean weighted tau of a metric at each of its own draws.

    Args:
        score: Its scores.
        truth: Transfers.

    Returns:
        Shape (draws,); empty for a metric that looks at checkpoints, or with a single draw.
    """
    sides = judged([score], truth, (), ())
    return mean_by_draw(sides.quality()[0].per_target[PRIMARY], sides.groups[0].own_draws)


def rows_of_backbones(rows: int, backbones: int) -> tuple[slice, ...]:
    """Where the lives of each backbone stand.

    Args:
        rows: Number of all lives of all backbones.
        backbones: How many.

    Returns:
        One slice for each.

    >>> rows_of_backbones(6, 2)
    (slice(0, 3, None), slice(3, 6, None))
    """
    return tuple(slice(rows * b // backbones, rows * (b + 1) // backbones) for b in range(backbones))
