"""Rank and linear correlations between scores and truth, many problems at once and with multiplicities.

Each item (a source) carries a multiplicity: how often a bootstrap resample drew it. An item drawn twice counts
exactly as two identical items would, but nothing is copied, so a thousand resamples cost a few matrix products.
With all multiplicities 1 the values are SciPy's: `scipy.stats.weightedtau` (its defaults: additive hyperbolic
weights, mean of both rankings), `kendalltau` (tau-b), `spearmanr` and `pearsonr`.

Rules that hold for all four: an item with a non-finite score or truth is left out (SciPy's weighted tau would
silently count NaN as the smallest score); fewer than two items or a constant truth give NaN, since there is nothing
to rank; a constant score gives `if_constant`: NaN unless the caller says that it shall count as no information at
all, 0.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pgebench.analysis.table import FloatArray

CORRELATIONS = ("weighted_tau", "tau", "spearman", "pearson")


def correlations(
    score: npt.ArrayLike,
    truth: npt.ArrayLike,
    count: npt.ArrayLike | None = None,
    *,
    if_constant: float = np.nan,
    wanted: tuple[str, ...] = CORRELATIONS,
) -> dict[str, FloatArray]:
    """All four correlations along the last axis.

    Args:
        score: Shape (..., n); higher means better.
        truth: Shape (..., n), broadcast against `score`.
        count: Multiplicity of each item, non-negative integers, shape (..., n), broadcast; None means 1 for all.
        if_constant: The value where the truth varies but the score does not.
        wanted: Which of `CORRELATIONS` to compute.

    Returns:
        For each name in `wanted` an array of the broadcast shape without the last axis; NaN where undefined.

    >>> {name: round(float(value), 3) for name, value in correlations([1, 2, 3, 4], [10, 20, 40, 30]).items()}
    {'weighted_tau': 0.52, 'tau': 0.667, 'spearman': 0.8, 'pearson': 0.8}
    """
    x, y = np.asarray(score, dtype=float), np.asarray(truth, dtype=float)
    usable = np.isfinite(x) & np.isfinite(y)
    weight = np.where(usable, 1.0 if count is None else np.asarray(count, dtype=float), 0.0)
    x, y = np.where(np.isfinite(x), x, 0.0), np.where(np.isfinite(y), y, 0.0)
    # The arrays of pairs keep the small shape of their own side; only the multiplicities differ between resamples.
    sign_x, sign_y = _pair_signs(x), _pair_signs(y)
    # Per item i: sum over j of m_j s_ij, for the joint order and for the pairs not tied in x or in y.
    joint = _per_item(sign_x * sign_y, weight)
    untied_x = _per_item(np.abs(sign_x), weight)
    untied_y = _per_item(np.abs(sign_y), weight)
    score_varies, truth_varies = (weight * untied_x).sum(-1) > 0, (weight * untied_y).sum(-1) > 0
    defined = score_varies & truth_varies

    values: dict[str, FloatArray] = {}
    for name in wanted:
        if name == "weighted_tau":
            taus = [
                _tau(_hyperbolic(first, second, weight), joint, untied_x, untied_y, defined)
                for first, second in ((sign_x, sign_y), (sign_y, sign_x))
            ]
            values[name] = (taus[0] + taus[1]) / 2
        elif name == "tau":
            values[name] = _tau(weight, joint, untied_x, untied_y, defined)
        elif name == "spearman":
            values[name] = _pearson(_midranks(sign_x, weight), _midranks(sign_y, weight), weight, defined)
        else:
            values[name] = _pearson(x, y, weight, defined)
    uninformative = truth_varies & ~score_varies
    return {name: np.where(uninformative, if_constant, value) for name, value in values.items()}


def _pair_signs(values: FloatArray) -> FloatArray:
    """sign(v_i - v_j), shape (..., n, n)."""
    signs: FloatArray = np.sign(values[..., :, None] - values[..., None, :])
    return signs


def _per_item(pairs: FloatArray, weight: FloatArray) -> FloatArray:
    """Sum over j of weight_j pairs_ij, shape (..., n)."""
    summed: FloatArray = np.matmul(pairs, weight[..., None])[..., 0]
    return summed


def _hyperbolic(first: FloatArray, second: FloatArray, weight: FloatArray) -> FloatArray:
    """Total weight of each item when items are ranked from the best by `first`, ties by `second`.

    An item of multiplicity m occupies the ranks r, ..., r + m - 1, and rank k weighs 1 / (k + 1); the sum is a
    difference of harmonic numbers. Items tied in both orders may take their ranks in any order without changing tau.
    """
    lexicographic = 2 * first + second
    n = weight.shape[-1]
    earlier = np.tri(n, k=-1)
    ahead = (lexicographic < 0) + (lexicographic == 0) * earlier
    rank = _per_item(ahead, weight).astype(np.intp)
    harmonic = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, int(weight.sum(-1).max(initial=0)) + 1))])
    total: FloatArray = harmonic[rank + weight.astype(np.intp)] - harmonic[rank]
    return total


def _tau(
    weight: FloatArray, joint: FloatArray, untied_x: FloatArray, untied_y: FloatArray, defined: npt.NDArray[np.bool_]
) -> FloatArray:
    """Tau-b whose pair (i, j) weighs weight_i + weight_j."""
    scale = np.sqrt((weight * untied_x).sum(-1) * (weight * untied_y).sum(-1))
    tau = (weight * joint).sum(-1) / np.where(defined, scale, 1.0)
    return np.where(defined, np.clip(tau, -1.0, 1.0), np.nan)


def _midranks(signs: FloatArray, weight: FloatArray) -> FloatArray:
    """Ranks from 1 upwards in the expanded sample, ties sharing their mean rank."""
    below = _per_item((signs > 0).astype(float), weight)
    equal = _per_item((signs == 0).astype(float), weight)
    ranks: FloatArray = below + (equal + 1) / 2
    return ranks


def _pearson(x: FloatArray, y: FloatArray, weight: FloatArray, defined: npt.NDArray[np.bool_]) -> FloatArray:
    total = np.maximum(weight.sum(-1, keepdims=True), 1.0)
    # Scaled by the largest deviation, so that scores of 1e-200 or 1e+200 neither underflow nor overflow.
    dx, dy = (_scaled(v - (weight * v).sum(-1, keepdims=True) / total, weight) for v in (x, y))
    scale = np.sqrt((weight * dx**2).sum(-1) * (weight * dy**2).sum(-1))
    defined = defined & (scale > 0)
    value = (weight * dx * dy).sum(-1) / np.where(defined, scale, 1.0)
    return np.where(defined, np.clip(value, -1.0, 1.0), np.nan)


def _scaled(deviation: FloatArray, weight: FloatArray) -> FloatArray:
    largest = np.abs(np.where(weight > 0, deviation, 0.0)).max(-1, keepdims=True, initial=0.0)
    scaled: FloatArray = deviation / np.where(largest > 0, largest, 1.0)
    return scaled
