"""Noise ceilings: how well could any score do, given that the truth itself is noisy?

There are two. *Same checkpoints*: the transfers of each checkpoint are split into two halves, the sources are ranked by
each half, and the two rankings are compared; so good can be a score that looks at the very checkpoints. *Everything
anew*: the same with checkpoints in the place of transfers; so good can be a score that knows all about the sources, but
not which checkpoint came out of them.

A split says how well *half* of the repetitions agree with the other half; the Spearman-Brown formula turns it into the
agreement of two truths with all of them each.

Spearman-Brown holds for Pearson correlations. For a rank correlation it is applied after translating it to the Pearson
correlation of normal variables with that rank correlation (Greiner's relation tau = 2/pi asin r, and
rho = 6/pi asin(r/2) for Spearman), and back; used on tau directly it would promise too much. The relation for
Spearman holds for many items; with ten sources its ceiling comes out 0.01 to 0.03 too high
(results/reference/statistics.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from pgebench.analysis.correlation import CORRELATIONS, correlations
from pgebench.analysis.quality import mean_where_defined
from pgebench.analysis.table import FloatArray, Transfers, mean_over_seeds

MOST_SPLITS = 100


@dataclass(frozen=True)
class Ceiling:
    """Reliability of a truth for one correlation.

    Attributes:
        halves: Mean correlation between two disjoint halves of the seeds.
        repeat: Expected correlation between this truth and an equally large repetition of it: *the* noise ceiling.
        perfect: Expected correlation with this truth of a score that knows the noise-free truth; the highest one
            can hope for.
        seeds: Number of repetitions of the truth.
        half: Number of repetitions in a half.
    """

    halves: float
    repeat: float
    perfect: float
    seeds: int
    half: int

    def seeds_for(self, statistic: str, wanted: float) -> float:
        """How many seeds would lift `repeat` to `wanted`; NaN if unknown, inf if the halves do not agree at all.

        Args:
            statistic: One of `CORRELATIONS`.
            wanted: The correlation wanted between two repetitions of the truth.

        Returns:
            Number of seeds, not rounded.
        """
        if not np.isfinite(self.halves):
            return float("nan")
        single, goal = to_pearson(statistic, self.halves), to_pearson(statistic, wanted)
        if single <= 0:
            return float("inf")
        return self.half * goal * (1 - single) / (single * (1 - goal))

    def with_seeds(self, statistic: str, seeds: int) -> float:
        """What `repeat` would be with another number of seeds; NaN if unknown.

        Args:
            statistic: One of `CORRELATIONS`.
            seeds: Number of seeds of the truth.

        Returns:
            The correlation of two such truths.

        >>> top = Ceiling(halves=0.5, repeat=0.5, perfect=0.7, seeds=2, half=1)
        >>> top.with_seeds("pearson", 1), round(top.with_seeds("pearson", 2), 3)
        (0.5, 0.667)
        """
        if not np.isfinite(self.halves):
            return float("nan")
        return from_pearson(statistic, spearman_brown(to_pearson(statistic, self.halves), seeds / self.half))

    def perfect_with(self, statistic: str, seeds: int) -> float:
        """What `perfect` would be with another number of repetitions; NaN if unknown.

        Args:
            statistic: One of `CORRELATIONS`.
            seeds: Number of repetitions of the truth.

        Returns:
            The correlation of such a truth with a score that knows the noise-free one.
        """
        agreement = to_pearson(statistic, self.with_seeds(statistic, seeds))
        return from_pearson(statistic, float(np.sqrt(max(agreement, 0.0)))) if np.isfinite(agreement) else agreement


def spearman_brown(correlation: float, factor: float) -> float:
    """Correlation of two measurements when each is made `factor` times as long.

    A correlation of 0 or less stays what it is: no length will turn disagreement into agreement.

    Args:
        correlation: Between the two measurements as they are.
        factor: How many times as long, above 0; 0.5 halves them.

    Returns:
        The correlation to expect.

    >>> round(spearman_brown(0.5, 2), 4), spearman_brown(-0.2, 2)
    (0.6667, -0.2)
    """
    return correlation if correlation <= 0 else factor * correlation / (1 + (factor - 1) * correlation)


def to_pearson(statistic: str, value: float) -> float:
    """Pearson correlation of normal variables whose `statistic` is `value`.

    Weighted tau is treated as tau.

    Args:
        statistic: One of `CORRELATIONS`.
        value: Its value, in [-1, 1].

    Returns:
        A correlation in [-1, 1].

    >>> round(to_pearson("tau", 0.5), 4), to_pearson("pearson", 0.5)
    (0.7071, 0.5)
    """
    if statistic == "pearson":
        return value
    return float(2 * np.sin(np.pi * value / 6)) if statistic == "spearman" else float(np.sin(np.pi * value / 2))


def from_pearson(statistic: str, value: float) -> float:
    """Inverse of `to_pearson`.

    Args:
        statistic: One of `CORRELATIONS`.
        value: A Pearson correlation of normal variables.

    Returns:
        The value that `statistic` would have.

    >>> round(from_pearson("tau", to_pearson("tau", 0.3)), 12)
    0.3
    """
    if statistic == "pearson":
        return value
    scale, half = (6, value / 2) if statistic == "spearman" else (2, value)
    return float(scale / np.pi * np.arcsin(half))


def noise_ceiling(truth: FloatArray, *, seed: int = 0) -> dict[str, Ceiling]:
    """Noise ceiling of a truth, for each correlation.

    All splits into two halves are used, or `MOST_SPLITS` random ones if there are more; with an odd number of seeds
    a half has (seeds - 1) / 2 of them. Mean over splits and (backbone, target), then Spearman-Brown.

    Args:
        truth: Shape (backbones, sources, targets, seeds), NaN where absent.
        seed: Seed of the random splits.

    Returns:
        One `Ceiling` for each of `CORRELATIONS`; NaN values with fewer than two seeds.

    >>> noise_ceiling(np.ones((1, 3, 2, 1)))["tau"].repeat
    nan
    """
    seeds = truth.shape[-1]
    half = seeds // 2
    nothing = Ceiling(float("nan"), float("nan"), float("nan"), seeds, half)
    if half == 0:
        return dict.fromkeys(CORRELATIONS, nothing)
    found: dict[str, list[FloatArray]] = {name: [] for name in CORRELATIONS}
    for first, second in _splits(seeds, half, np.random.default_rng(seed)):
        one = np.swapaxes(mean_over_seeds(truth[..., first]), 1, 2)
        other = np.swapaxes(mean_over_seeds(truth[..., second]), 1, 2)
        # A half in which all sources tie holds no order, as a constant score would.
        for name, value in correlations(one, other, if_constant=0.0).items():
            found[name].append(value.reshape(-1))
    result = {}
    for name, values in found.items():
        halves = float(mean_where_defined(np.concatenate(values)))
        if not np.isfinite(halves):
            result[name] = nothing
            continue
        repeat = spearman_brown(to_pearson(name, halves), seeds / half)
        result[name] = Ceiling(
            halves,
            from_pearson(name, repeat),
            from_pearson(name, float(np.sqrt(max(repeat, 0.0)))),
            seeds,
            half,
        )
    return result


def rerun_ceiling(truth: Transfers, *, seed: int = 0) -> dict[str, Ceiling]:
    """Noise ceiling of a truth if everything is trained anew, sources and transfers.

    Args:
        truth: Transfers.
        seed: Seed of the random splits.

    Returns:
        One `Ceiling` for each of `CORRELATIONS`, whose repetitions are checkpoints; NaN values with fewer than two.
    """
    return noise_ceiling(truth.by_checkpoint, seed=seed)


def transfer_ceiling(truth: Transfers, *, seed: int = 0) -> dict[str, Ceiling]:
    """Noise ceiling of the truth of one checkpoint per source, if its transfers are made anew from the same one.

    Args:
        truth: Transfers.
        seed: Seed of the random splits.

    Returns:
        One `Ceiling` for each of `CORRELATIONS`, whose repetitions are the transfers that every checkpoint has at
        least; NaN values if no checkpoint has two.
    """
    counts = {number: truth.checkpoints.count(number) for number in truth.numbers}
    known = [
        noise_ceiling(truth.values[..., [one == number for one in truth.checkpoints]], seed=seed)
        for number, count in counts.items()
        if count > 1
    ]
    fewest = min(counts.values(), default=0)
    result = {}
    for name in CORRELATIONS:
        # One transfer against one, whatever number each checkpoint has.
        single = [found[name].with_seeds(name, 1) for found in known if np.isfinite(found[name].halves)]
        halves = float(np.mean(single)) if single else float("nan")
        top = Ceiling(halves, float("nan"), float("nan"), fewest, 1)
        repeat, perfect = top.with_seeds(name, fewest), top.perfect_with(name, fewest)
        result[name] = Ceiling(halves, repeat, perfect, fewest, 1)
    return result


def _splits(seeds: int, half: int, rng: np.random.Generator) -> list[tuple[list[int], list[int]]]:
    """Pairs of disjoint halves, each unordered pair once where all are listed."""
    # The tau between a half and another is symmetric, so a split and its mirror image are one.
    if comb(seeds, half) * comb(seeds - half, half) // 2 <= MOST_SPLITS:
        return [
            (list(first), list(second))
            for first in combinations(range(seeds), half)
            for second in combinations(sorted(set(range(seeds)) - set(first)), half)
            if first < second
        ]
    orders = [rng.permutation(seeds) for _ in range(MOST_SPLITS)]
    return [(order[:half].tolist(), order[half : 2 * half].tolist()) for order in orders]
