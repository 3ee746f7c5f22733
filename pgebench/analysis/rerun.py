"""Rerun: how far a number would move if the same study were run again with everything trained anew.

Sources, targets and their images stay; checkpoints, transfers and the metric's own draws are others. The spread of the
first two is that of studies put together anew from the checkpoints at hand: in every life each source takes one of its
checkpoints at random, with all its transfers and its score. A bootstrap of n things is too narrow by (n - 1) / n, which
is put right. The spread of the third is that between the draws.

Two runs differ by the spread of both, so the number of a rerun is expected within the root of two times the reach that
one run has around what many would give.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from pgebench.analysis.correlation import PRIMARY, Order, correlate
from pgebench.analysis.lives import lives, side_by_side
from pgebench.analysis.quality import mean_where_defined, ranking_quality
from pgebench.analysis.resamples import LEVEL
from pgebench.analysis.table import FloatArray, Replicates, Transfers

STUDIES = 300
"""Studies put together anew."""


def rerun_reach(scores: Sequence[Replicates], truth: Transfers, *, seed: int = 0, studies: int = STUDIES) -> FloatArray:
    """Distance within which the mean weighted tau of a rerun is expected in 95 of 100 cases.

    Args:
        scores: Of each metric.
        truth: Transfers of the same sources to the same targets.
        seed: Of the studies put together anew, the same ones for all metrics.
        studies: How many.

    Returns:
        Shape (metrics,), above or below a metric's number; NaN with fewer than two checkpoints per source.

    >>> truth = Transfers(np.random.default_rng(0).random((1, 6, 4, 3)), (0, 1, 2))
    >>> score = Replicates(truth.values, (0, 1, 2))
    >>> rerun_reach([score], truth).tolist()  # whatever is trained, such a score is right
    [0.0]
    """
    numbers = truth.numbers
    if len(numbers) < 2:
        return np.full(len(scores), np.nan)
    # The checkpoint that each source takes in each life of each study.
    taken = np.random.default_rng(seed).integers(len(numbers), size=(truth.values.shape[1], studies * len(numbers)))
    accuracy = _mixed(truth.by_checkpoint, taken)
    return np.array([_reach(score, truth, taken, accuracy) for score in scores])


def _reach(score: Replicates, truth: Transfers, taken: npt.NDArray[np.int64], accuracy: FloatArray) -> float:
    numbers = truth.numbers
    correction = len(numbers) / (len(numbers) - 1)
    parts = [
        (_variance_of_training(score, numbers, taken, accuracy) * correction, taken.shape[0] * (len(numbers) - 1.0))
    ]
    if len(drawn := quality_by_draw(score, truth)) > 1:
        parts.append((float(np.var(drawn, ddof=1)) / len(drawn), len(drawn) - 1.0))
    variance = sum(part for part, _ in parts)
    if not variance > 0:
        return float(np.sqrt(variance))
    freedom = variance**2 / sum(part**2 / freedom for part, freedom in parts)
    return float(stdtrit(freedom, 0.5 + LEVEL / 2) * np.sqrt(2 * variance))


def quality_by_draw(score: Replicates, truth: Transfers) -> FloatArray:
    """Mean weighted tau of a metric at each of its own draws.

    Args:
        score: Its scores.
        truth: Transfers.

    Returns:
        Shape (draws,); empty for a metric that looks at checkpoints.
    """
    drawn = [at for at, seen in enumerate(score.looked_at) if seen is None]
    values = []
    for at in drawn:
        found = [one for one in lives(score.looked_at, truth.checkpoints) if one.replicate == at]
        x, y = side_by_side(score, truth, found)
        values.append(ranking_quality(x, y[..., None]).mean(PRIMARY))
    return np.array(values)


def _variance_of_training(
    score: Replicates, numbers: tuple[int, ...], taken: npt.NDArray[np.int64], accuracy: FloatArray
) -> float:
    """Variance of the mean over lives, between studies; checkpoints drawn with replacement, not yet corrected."""
    if None in score.looked_at:
        # Draws see no checkpoint: they stay, and the truth alone is put together anew.
        parts = [_tau(values[..., None], accuracy) for values in np.moveaxis(score.values, -1, 0)]
        tau = np.mean(parts, axis=0)
    elif set(numbers) <= set(score.looked_at):
        own = score.values[..., [score.looked_at.index(number) for number in numbers]]
        tau = _tau(_mixed(own, taken), accuracy)
    else:
        return float("nan")
    return float(np.var(tau.reshape(-1, len(numbers)).mean(1)))


def _mixed(values: FloatArray, taken: npt.NDArray[np.int64]) -> FloatArray:
    """Each source's value at the checkpoint that it takes: (..., sources, targets, checkpoints) -> (..., lives)."""
    return np.stack([values[:, s][..., taken[s]] for s in range(len(taken))], axis=1)


def _tau(score: FloatArray, accuracy: FloatArray) -> FloatArray:
    """Mean over backbones and targets of the weighted tau in each life; arrays (backbones, sources, targets, lives)."""
    x, y = np.swapaxes(score, 1, 2), np.swapaxes(accuracy, 1, 2)
    usable = np.isfinite(x) & np.isfinite(y)
    # A cell is there in all lives or in none.
    weight = usable.all(axis=-1, keepdims=True).astype(float)
    found = correlate(Order(x, weight), Order(y, weight), if_constant=0.0, wanted=(PRIMARY,))[PRIMARY]
    return mean_where_defined(found.reshape(-1, found.shape[-1]).T)
