"""Chance: what a score with no knowledge of the truth would reach, p-values against it, and Holm's correction.

The null hypothesis is that the names of the sources mean nothing to the score. So the scores are shuffled between
sources, with ONE shuffle for all targets and backbones: a score that likes the same sources everywhere keeps doing
so. Shuffling every target on its own would treat its targets as independent evidence and call a lucky fixed order
of the sources significant.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pgebench.analysis.correlation import Order, correlate
from pgebench.analysis.quality import alike, mean_where_defined
from pgebench.analysis.table import FloatArray

CHUNK = 2_000_000


def shuffled_means(
    scores: FloatArray, accuracy: FloatArray, *, statistic: str = "weighted_tau", shuffles: int = 2000, seed: int = 0
) -> FloatArray:
    """Mean correlation over (backbone, target) of shuffled copies of scores.

    Cells without score or truth stay where they are: a source whose shuffled score is missing for a target gets the
    next one along the cycle of the permutation, which makes the shuffle within every target uniform over its own
    sources.

    Args:
        scores: Shape (metrics, backbones, sources, targets), NaN where absent.
        accuracy: Mean accuracy, shape (backbones, sources, targets).
        statistic: One of `CORRELATIONS`.
        shuffles: Number of shuffles, the same ones for all metrics.
        seed: Seed of the shuffles.

    Returns:
        The means, shape (metrics, shuffles); NaN where undefined.

    >>> means = shuffled_means(np.arange(6.0).reshape(1, 1, 6, 1), np.arange(6.0).reshape(1, 6, 1), shuffles=500)
    >>> means.shape, bool(abs(means.mean()) < 0.1)
    ((1, 500), True)
    """
    rng = np.random.default_rng(seed)
    metrics, backbones, sources, targets = scores.shape
    order = np.argsort(rng.random((shuffles, sources)), axis=1)
    y = np.swapaxes(accuracy, 1, 2)
    means = np.full((metrics, shuffles), np.nan)
    step = max(1, CHUNK // max(1, y.size * sources))
    for usable, members in alike(np.swapaxes(scores, 2, 3), y):
        weight = usable[..., None].astype(float)
        for start in range(0, shuffles, step):
            rows = order[start : start + step]
            # To shuffle the scores is to shuffle the truth the other way round, which serves all metrics at once.
            shuffled = np.full((backbones, targets, sources, len(rows)), np.nan)
            for b, t in np.ndindex(backbones, targets):
                np.put_along_axis(shuffled[b, t], _within(rows, usable[b, t]).T, y[b, t][:, None], axis=0)
            truth = Order(shuffled, weight)
            for m in members:
                score = Order(np.swapaxes(scores[m], 1, 2)[..., None], weight)
                value = correlate(score, truth, if_constant=0.0, wanted=(statistic,))[statistic]
                means[m, start : start + step] = mean_where_defined(value.reshape(-1, len(rows)).T)
    return means


def _within(order: npt.NDArray[np.intp], usable: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Permutations cut down to the usable items, which they then permute among themselves; the others stay in place."""
    taken = order
    for _ in range(int((~usable).sum())):
        taken = np.where(usable[taken], taken, np.take_along_axis(order, taken, axis=1))
    return np.where(usable[None, :], taken, np.arange(order.shape[1])[None, :])


def p_value(value: float, null: FloatArray) -> float:
    """One-sided p-value: share of the shuffles that do at least as well, the data counted as one of them.

    Args:
        value: Of the metric.
        null: Of its shuffled copies, shape (shuffles,).

    Returns:
        In (0, 1].

    >>> p_value(0.9, np.array([0.1, -0.2, 0.95]))
    0.5
    """
    known = null[np.isfinite(null)]
    if not np.isfinite(value) or known.size == 0:
        return float("nan")
    # Sums in another order differ in the last bits; an equal shuffle must count as equal.
    return float((1 + np.sum(known >= value - 1e-9)) / (1 + known.size))


def null_band(null: FloatArray, level: float = 0.95) -> tuple[float, float]:
    """The central `level` of the shuffles; NaN if none is defined.

    Args:
        null: Shape (shuffles,), NaN where undefined.
        level: Share of the shuffles inside.

    Returns:
        Lower and upper end.
    """
    known = null[np.isfinite(null)]
    if known.size == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def holm(p_values: npt.ArrayLike) -> FloatArray:
    """Holm's step-down correction for testing several hypotheses; NaN stays NaN and does not count.

    Args:
        p_values: Shape (n,).

    Returns:
        Corrected p-values, shape (n,).

    >>> holm([0.01, 0.04, 0.03, float("nan")]).round(3).tolist()
    [0.03, 0.06, 0.06, nan]
    """
    values = np.asarray(p_values, dtype=float)
    corrected = np.full(values.shape, np.nan)
    known = np.flatnonzero(np.isfinite(values))
    ascending = known[np.argsort(values[known], kind="stable")]
    steps = values[ascending] * np.arange(len(ascending), 0, -1)
    corrected[ascending] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return corrected
