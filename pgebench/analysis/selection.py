"""Selection by a score, for a user who follows it: accuracy of the sources on top, relative to the best source.

All functions work on one target: `score` (n,) and `truth` (..., n) over its sources, where the leading axes of the
truth may hold resamples. The best source is sought among all sources with a truth; the metric may only pick among
those it scored, so a missing score costs something. Sources tied in the score are picked at random: the value is
the expectation over that draw.
"""

from __future__ import annotations

from math import comb

import numpy as np
import numpy.typing as npt

from pgebench.analysis.table import FloatArray


def expected_best_of_top(score: npt.ArrayLike, truth: npt.ArrayLike, k: int) -> FloatArray:
    """Expected accuracy of the best among the k top-scored sources.

    Args:
        score: Shape (n,); non-finite scores cannot be picked.
        truth: Shape (..., n), NaN for sources without a truth (the same ones along the leading axes).
        k: How many sources the user would try.

    Returns:
        Shape (...); NaN when no source has both a score and a truth.

    >>> float(expected_best_of_top([3, 2, 1], [0.5, 0.9, 0.8], k=1))
    0.5
    >>> round(float(expected_best_of_top([1, 1, 1], [0.5, 0.9, 0.7], k=1)), 12)  # all tied: the mean
    0.7
    """
    values = np.asarray(score, dtype=float)
    accuracy = np.asarray(truth, dtype=float)
    candidates = np.flatnonzero(np.isfinite(values) & np.isfinite(accuracy).all(axis=tuple(range(accuracy.ndim - 1))))
    if candidates.size == 0:
        return np.full(accuracy.shape[:-1], np.nan)
    k = min(k, candidates.size)
    threshold = np.sort(values[candidates])[-k]
    sure = candidates[values[candidates] > threshold]
    tied = candidates[values[candidates] == threshold]
    free = k - sure.size
    # The j-th best of the tied ones is the best picked one with probability C(g-1-j, free-1) / C(g, free).
    group = tied.size
    chance = np.array([comb(group - 1 - j, free - 1) for j in range(group)]) / comb(group, free)
    ordered = -np.sort(-accuracy[..., tied], axis=-1)
    floor = accuracy[..., sure].max(axis=-1, initial=-np.inf)
    best: FloatArray = (np.maximum(ordered, floor[..., None]) * chance).sum(-1)
    return best


def selection(score: npt.ArrayLike, truth: npt.ArrayLike) -> dict[str, FloatArray]:
    """Rel@1, Rel@3 and the regret of taking the top-scored source.

    Rel@k is the accuracy of the best among the k top-scored sources, divided by that of the best source. Regret is the
    best accuracy minus that of the top-scored source, in accuracy (0.01 is one percentage point); lower is better.

    Args:
        score: Shape (n,).
        truth: Shape (..., n).

    Returns:
        `rel_at_1`, `rel_at_3`, `regret`, each of shape (...); NaN with fewer than two sources or a best accuracy of 0.

    >>> {name: round(float(value), 3) for name, value in selection([3, 2, 1], [0.45, 0.9, 0.8]).items()}
    {'rel_at_1': 0.5, 'rel_at_3': 1.0, 'regret': 0.45}
    """
    accuracy = np.asarray(truth, dtype=float)
    with_truth = np.isfinite(accuracy)
    best = np.where(with_truth, accuracy, -np.inf).max(axis=-1, initial=-np.inf)
    usable = (with_truth.sum(-1) >= 2) & (best > 0)
    best = np.where(usable, best, np.nan)
    top1 = expected_best_of_top(score, accuracy, 1)
    return {
        "rel_at_1": top1 / best,
        "rel_at_3": expected_best_of_top(score, accuracy, 3) / best,
        "regret": best - top1,
    }
