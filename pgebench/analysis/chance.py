"""Chance: what a score with no knowledge of the truth would reach, p-values against it, and Holm's correction.

The null hypothesis is that the names of the sources mean nothing to the score. So the scores are shuffled between
sources, with ONE shuffle for all targets and backbones: a score that likes the same sources everywhere keeps doing
so. Shuffling every target on its own would treat its targets as independent evidence and call a lucky fixed order
of the sources significant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from pgebench.analysis.shuffled_tau import Ranked, Shuffled, weighted_taus
from pgebench.analysis.table import FloatArray

# Elements of the largest temporary array (float64): what is read again at once shall still be in the cache.
CHUNK = 200_000


def shuffled_means(scores: FloatArray, accuracy: FloatArray, *, shuffles: int = 2000, seed: int = 0) -> FloatArray:
    """Mean weighted tau over (backbone, target) of shuffled copies of scores.

    Cells without score or truth stay where they are: a source whose shuffled score is missing for a target gets the
    next one along the cycle of the permutation, which makes the shuffle within every target uniform over its own
    sources.

    Args:
        scores: Shape (metrics, backbones, sources, targets), NaN where absent.
        accuracy: Mean accuracy, shape (backbones, sources, targets).
        shuffles: Number of shuffles, the same ones for all metrics.
        seed: Seed of the shuffles.

    Returns:
        The means, shape (metrics, shuffles); NaN where undefined.

    >>> means = shuffled_means(np.arange(6.0).reshape(1, 1, 6, 1), np.arange(6.0).reshape(1, 6, 1), shuffles=500)
    >>> means.shape, bool(abs(means.mean()) < 0.1)
    ((1, 500), True)
    """
    return shuffled_means_of([(scores, accuracy)], shuffles=shuffles, seed=seed)[0]


def shuffled_means_of(groups: Sequence[tuple[FloatArray, FloatArray]], *, shuffles: int, seed: int) -> list[FloatArray]:
    """The same for several groups of metrics; accuracies that they share are shuffled once.

    Args:
        groups: Scores and accuracy of each, as for `shuffled_means`, all of the same sources.
        shuffles: Number of shuffles, the same ones for all metrics.
        seed: Seed of the shuffles.

    Returns:
        The means of each group.
    """
    rng = np.random.default_rng(seed)
    order = np.argsort(rng.random((shuffles, groups[0][1].shape[1])), axis=1) if groups else np.empty((0, 0), np.intp)
    means = [np.zeros((len(scores), shuffles)) for scores, _ in groups]
    count = [np.zeros((len(scores), 1)) for scores, _ in groups]
    places: dict[bytes, npt.NDArray[np.intp]] = {}
    for usable, truth, judged in _lists(groups):
        if usable.tobytes() not in places:
            places[usable.tobytes()] = _places(order, usable)
        item = places[usable.tobytes()]
        values = np.stack([groups[g][0][m, b, usable, t] for g, m, b, t in judged])
        step = max(1, CHUNK // values.size)
        taus = np.concatenate(
            [weighted_taus(values, Shuffled(truth, item[:, at : at + step])) for at in range(0, shuffles, step)], axis=1
        )
        for (g, m, _, _), tau in zip(judged, taus, strict=True):
            means[g][m] += tau
            count[g][m] += 1
    return [np.where(n > 0, total / np.maximum(n, 1), np.nan) for total, n in zip(means, count, strict=True)]


def _lists(
    groups: Sequence[tuple[FloatArray, FloatArray]],
) -> Iterator[tuple[npt.NDArray[np.bool_], Ranked, list[tuple[int, int, int, int]]]]:
    """Each list of accuracies that has an order, cut down to the usable items, and who is judged by it.

    Yields:
        The usable items, their accuracies, and group, metric, backbone and target of each score.
    """
    found: dict[tuple[bytes, bytes], list[tuple[int, int, int, int]]] = {}
    for g, (scores, accuracy) in enumerate(groups):
        usable = np.isfinite(scores) & np.isfinite(accuracy)
        for m, b, t in np.ndindex(len(scores), accuracy.shape[0], accuracy.shape[2]):
            there = usable[m, b, :, t]
            found.setdefault((there.tobytes(), accuracy[b, there, t].tobytes()), []).append((g, m, b, t))
    for (mask, values), judged in found.items():
        truth = Ranked(np.frombuffer(values))
        if (truth.untied > 0).any():
            yield np.frombuffer(mask, dtype=np.bool_), truth, judged


def _places(order: npt.NDArray[np.intp], usable: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """The usable item that comes to stand at the place of each usable item, shape (items, shuffles).

    To shuffle the scores is to shuffle the truth the other way round, which serves all metrics at once.
    """
    taken = _within(order, usable)[:, usable]
    # Among usable items alone, the order of their numbers is that of their places.
    return np.argsort(taken, axis=1).T


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
