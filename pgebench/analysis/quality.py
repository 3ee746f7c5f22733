"""Quality of a score: how well it ranks the sources of each target, and the mean of that over targets.

The question is always the same: for one backbone and one target, put the sources in order. Each (backbone, target)
gives one value per statistic; the league table shows the mean over all of them.

Missing and empty information, the same rule everywhere:

* a source without a finite score is left out of the correlations of that target (and cannot be picked, see
  `selection`); `coverage` says which share of the measured (source, target) cells has a score;
* a target is *rankable* if at least two of its sources have different accuracies; others have no order to find and
  are left out of the mean for every metric alike;
* a score that is constant over the sources of a rankable target carries no information: it counts as correlation 0, and
  in the selection statistics as a random pick. The number of such targets is reported.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pgebench.analysis.correlation import CORRELATIONS, correlations
from pgebench.analysis.selection import selection
from pgebench.analysis.table import FloatArray, Transfers, mean_over_seeds

SELECTIONS = ("rel_at_1", "rel_at_3", "regret")
STATISTICS = (*CORRELATIONS, *SELECTIONS)

# Lowest and highest value that a statistic can take; intervals are cut there.
BOUNDS = {name: (-1.0, 1.0) for name in CORRELATIONS} | {name: (0.0, 1.0) for name in SELECTIONS}


@dataclass(frozen=True)
class Quality:
    """Ranking quality of one metric against one truth.

    Attributes:
        per_target: Statistic -> value per (backbone, target), shape (backbones, targets), NaN where undefined.
        targets: Number of (backbone, target) pairs that enter the mean of the correlations.
        coverage: Share of the cells with a truth that have a finite score.
        constant: Number of rankable (backbone, target) pairs whose scores are all equal (counted as 0).
        tied: Share of all pairs of sources compared for a target whose scores are equal.
    """

    per_target: dict[str, FloatArray]
    targets: int
    coverage: float
    constant: int
    tied: float

    def mean(self, statistic: str) -> float:
        """Mean over the (backbone, target) pairs where the statistic is defined; NaN if there is none.

        Args:
            statistic: One of `STATISTICS`.

        Returns:
            The mean.
        """
        return float(mean_where_defined(self.per_target[statistic].reshape(-1)))


def ranking_quality(score: FloatArray, truth: FloatArray) -> Quality:
    """Judge one metric.

    Args:
        score: Shape (backbones, sources, targets).
        truth: Accuracy, shape (backbones, sources, targets, seeds).

    Returns:
        Its statistics per target.

    >>> truth = np.array([[[0.9, 0.2], [0.8, 0.3], [0.7, 0.4]]])[..., None]
    >>> judged = ranking_quality(truth[..., 0] * 2 - 1, truth)
    >>> judged.mean("weighted_tau"), judged.mean("rel_at_1"), judged.mean("regret"), judged.coverage
    (1.0, 1.0, 0.0, 1.0)
    """
    accuracy = mean_over_seeds(truth)
    x, y = np.swapaxes(score, 1, 2), np.swapaxes(accuracy, 1, 2)
    strict = correlations(x, y, wanted=("tau",))
    counted = correlations(x, y, if_constant=0.0)
    picks = [[selection(x[b, t], y[b, t]) for t in range(x.shape[1])] for b in range(x.shape[0])]
    per_target = dict(counted)
    for name in SELECTIONS:
        per_target[name] = np.array([[pick[name] for pick in row] for row in picks], dtype=float).reshape(x.shape[:2])
    with_truth = np.isfinite(accuracy)
    scored = int((np.isfinite(score) & with_truth).sum())
    return Quality(
        per_target=per_target,
        targets=int(np.isfinite(counted["tau"]).sum()),
        coverage=scored / int(with_truth.sum()) if with_truth.any() else float("nan"),
        constant=int((np.isfinite(counted["tau"]) & ~np.isfinite(strict["tau"])).sum()),
        tied=_tied(x, y),
    )


def _tied(score: FloatArray, accuracy: FloatArray) -> float:
    """Share of the pairs along the last axis, of items with a score and an accuracy, whose scores are equal."""
    usable = np.isfinite(score) & np.isfinite(accuracy)
    pairs = np.triu(usable[..., :, None] & usable[..., None, :], k=1)
    equal = pairs & (score[..., :, None] == score[..., None, :])
    return float(equal.sum() / pairs.sum()) if pairs.any() else float("nan")


def regret_at_random(truth: Transfers) -> float:
    """What is lost by taking a source at random, mean over checkpoints, backbones and targets.

    Args:
        truth: Transfers.

    Returns:
        Accuracy, at least 0: the regret of a constant score.

    >>> round(regret_at_random(Transfers(np.array([[[0.9], [0.7]]])[..., None], (0,))), 12)
    0.1
    """
    of_checkpoint = np.moveaxis(truth.by_checkpoint, -1, 1).reshape(-1, *truth.values.shape[1:3])
    return ranking_quality(np.where(np.isfinite(of_checkpoint), 0.0, np.nan), of_checkpoint[..., None]).mean("regret")


def alike(scores: FloatArray, accuracy: FloatArray) -> Iterator[tuple[npt.NDArray[np.bool_], list[int]]]:
    """Metrics grouped by the cells in which score and truth are there: a group shares its side of the truth.

    Args:
        scores: Shape (metrics, ...), NaN where absent.
        accuracy: Shape (...), NaN where absent.

    Yields:
        The usable cells, shape (...), and the positions of the metrics that have just these.

    >>> [members for _, members in alike(np.array([[1.0, 2.0], [1.0, np.nan], [3.0, 1.0]]), np.array([0.5, 0.6]))]
    [[0, 2], [1]]
    """
    groups: dict[bytes, tuple[npt.NDArray[np.bool_], list[int]]] = {}
    for m, usable in enumerate(np.isfinite(scores) & np.isfinite(accuracy)):
        groups.setdefault(usable.tobytes(), (usable, []))[1].append(m)
    yield from groups.values()


def mean_where_defined(values: FloatArray, weight: FloatArray | None = None) -> FloatArray:
    """Weighted mean over the last axis, leaving out NaN; NaN if nothing is left.

    Args:
        values: Shape (..., n).
        weight: Broadcast against `values`; None weighs all the same.

    Returns:
        Shape (...).

    >>> float(mean_where_defined(np.array([1.0, np.nan, 0.0]))), float(mean_where_defined(np.array([np.nan])))
    (0.5, nan)
    """
    defined = np.isfinite(values)
    weights = np.where(defined, 1.0 if weight is None else weight, 0.0)
    total = weights.sum(-1)
    mean: FloatArray = (np.where(defined, values, 0.0) * weights).sum(-1) / np.where(total > 0, total, np.nan)
    return mean
