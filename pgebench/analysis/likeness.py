"""Likeness of metrics: how alike two of them order the candidates of a target, and which of them say the same.

The measure is Kendall's tau-b of the two scores, the mean over lives, backbones and targets, each of them weighing the
same as in the league. It is the plain one: the weighted tau of the league weighs the top of the *truth's* order, and
between two scores neither is the truth. It would call two metrics alike that agree on the first few alone, and would
not turn its sign when a score is turned round. Tau-b does, and reads easily: (1 + tau) / 2 is the share of the pairs of
candidates that both put in the same order, where nothing is tied.

Metrics are put together by average linkage on 1 - tau (Sokal and Michener, 1958): two groups are as near as their
members are on average, so a group of which it is said that it says the same does so on average, not along a chain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import fcluster, leaves_list, linkage
from scipy.spatial.distance import squareform

from pgebench.analysis.table import FloatArray, Replicates, Transfers

SAME = 0.7
"""Mean tau from which on metrics are said to say the same: 85 of 100 pairs of candidates in the same order."""

Side = tuple[FloatArray, FloatArray]
"""Signs of the differences of all pairs of candidates, 0 for what is missing, and 1 for a pair that is there; both of
shape (rankings, metrics, pairs)."""


@dataclass(frozen=True)
class Likeness:
    """Metrics among themselves.

    Attributes:
        metrics: Those that order anything, such that like ones are neighbours.
        tau: Mean tau-b of each pair, shape (metrics, metrics), symmetric; NaN if no target has an order by both.
        rankings: Number of (life, backbone, target) in each mean, the same shape.
        groups: Positions of the metrics that say the same, in the order of `metrics`; a metric of its own is one, too.
        silent: Metrics that order nothing: all scores equal within each target, or missing.
    """

    metrics: tuple[str, ...]
    tau: FloatArray
    rankings: npt.NDArray[np.int_]
    groups: tuple[tuple[int, ...], ...]
    silent: tuple[str, ...]


def likeness(replicates: Mapping[str, Replicates], truth: Transfers) -> Likeness:
    """Each pair of metrics on the cells that have a truth, which are those that the league judges them on.

    Args:
        replicates: Metric -> its scores, the best first.
        truth: Transfers.

    Returns:
        The pairs, their order and groups.

    >>> score = np.array([[[1.0], [2.0], [3.0], [4.0]]])[..., None]
    >>> scores = {"a": score, "b": -score, "c": score**2, "none": 0 * score}
    >>> found = likeness({name: Replicates(one, (None,)) for name, one in scores.items()}, Transfers(score / 10, (0,)))
    >>> found.metrics, found.tau[0].tolist(), found.groups, found.silent
    (('a', 'c', 'b'), [1.0, 1.0, -1.0], ((0, 1), (2,)), ('none',))
    """
    names = tuple(replicates)
    tau, rankings = mean_taus(list(replicates.values()), np.asarray(np.isfinite(truth.values).any(axis=-1)))
    heard = np.flatnonzero(np.diagonal(rankings) > 0)
    order, groups = ordered(tau[np.ix_(heard, heard)])
    at = heard[order]
    return Likeness(
        metrics=tuple(names[m] for m in at),
        tau=tau[np.ix_(at, at)],
        rankings=rankings[np.ix_(at, at)],
        groups=groups,
        silent=tuple(name for m, name in enumerate(names) if m not in heard),
    )


def mean_taus(scores: Sequence[Replicates], measured: npt.NDArray[np.bool_]) -> tuple[FloatArray, npt.NDArray[np.int_]]:
    """Mean Kendall's tau-b of each pair of metrics over lives, backbones and targets.

    Two metrics that look at checkpoints meet at the same checkpoint, two with as many draws at the same draw (they
    share them); one that looks at none meets every replicate of the other.

    Args:
        scores: Of each metric.
        measured: Which cells count, shape (backbones, sources, targets).

    Returns:
        The means, NaN without any, and the number of rankings in each, both of shape (metrics, metrics). A target of
        which either metric has no order is in no mean.
    """
    by_pattern: dict[tuple[int | None, ...], list[int]] = {}
    for m, score in enumerate(scores):
        by_pattern.setdefault(score.looked_at, []).append(m)
    sides = {
        pattern: [_side([scores[m].values[..., r] for m in members], measured) for r in range(len(pattern))]
        for pattern, members in by_pattern.items()
    }
    total, count = np.zeros((len(scores),) * 2), np.zeros((len(scores),) * 2, dtype=np.int_)
    patterns = list(by_pattern)
    for p, first in enumerate(patterns):
        for second in patterns[p:]:
            block = np.ix_(by_pattern[first], by_pattern[second])
            for one, other in _meetings(first, second):
                found = _taus(sides[first][one], sides[second][other])
                total[block] += np.nansum(found, axis=0)
                count[block] += np.isfinite(found).sum(axis=0)
            total[block[1].T, block[0].T], count[block[1].T, block[0].T] = total[block].T, count[block].T
    return np.where(count > 0, total / np.maximum(count, 1), np.nan), count


def _meetings(first: Sequence[int | None], second: Sequence[int | None]) -> list[tuple[int, int]]:
    """Positions of the replicates of two metrics that are compared."""
    if tuple(first) == tuple(second):
        return [(r, r) for r in range(len(first))]
    return [
        (one, other)
        for one, seen in enumerate(first)
        for other, also in enumerate(second)
        if seen is None or also is None or seen == also
    ]


def _side(scores: Sequence[FloatArray], measured: npt.NDArray[np.bool_]) -> Side:
    """Pairs of candidates of one replicate of several metrics, each (backbones, sources, targets)."""
    values = np.stack([np.where(measured, one, np.nan) for one in scores])
    rows = np.moveaxis(values, 2, -1).reshape(len(scores), -1, values.shape[2])
    first, second = np.triu_indices(rows.shape[-1], k=1)
    # Sums of as many ones as there are pairs are exact in float32, and half as large.
    signs = np.sign(rows[..., first] - rows[..., second]).swapaxes(0, 1).astype(np.float32)
    there = np.isfinite(signs)
    return np.where(there, signs, np.float32(0)), there.astype(np.float32)


def _taus(first: Side, second: Side) -> FloatArray:
    """Tau-b on the candidates that both have, shape (rankings, metrics, metrics); NaN where either orders nothing."""
    (signs, there), (other_signs, other_there) = first, second
    agree = signs @ other_signs.swapaxes(1, 2)
    untied = np.abs(signs) @ other_there.swapaxes(1, 2)
    other_untied = there @ np.abs(other_signs).swapaxes(1, 2)
    pairs = np.sqrt(untied.astype(float) * other_untied)
    return np.where(pairs > 0, agree / np.where(pairs > 0, pairs, 1.0), np.nan)


def ordered(tau: FloatArray) -> tuple[npt.NDArray[np.intp], tuple[tuple[int, ...], ...]]:
    """Like metrics beside each other, and those that say the same.

    Args:
        tau: Shape (metrics, metrics), the best metric first; two that were never compared are as far as unrelated ones.

    Returns:
        The metrics in their new order, and runs of positions in it; the best metric stands in the first half.

    >>> order, groups = ordered(np.array([[1.0, 0.0, 0.9], [0.0, 1.0, 0.1], [0.9, 0.1, 1.0]]))
    >>> order.tolist(), groups
    ([0, 2, 1], ((0, 1), (2,)))
    """
    if len(tau) < 2:
        return np.arange(len(tau)), tuple((m,) for m in range(len(tau)))
    apart = np.clip(1 - np.nan_to_num(tau, nan=0.0), 0, None)
    np.fill_diagonal(apart, 0.0)
    tree = linkage(squareform(apart, checks=False), method="average", optimal_ordering=True)
    order = leaves_list(tree).astype(np.intp)
    # A tree may as well be read from its other end.
    order = order if 2 * int(np.flatnonzero(order == 0)[0]) < len(order) else order[::-1]
    label = fcluster(tree, 1 - SAME + 1e-9, criterion="distance")[order]
    starts = [0, *(int(at) + 1 for at in np.flatnonzero(np.diff(label)))]
    ends = [*starts[1:], len(order)]
    return order, tuple(tuple(range(start, end)) for start, end in zip(starts, ends, strict=True))
