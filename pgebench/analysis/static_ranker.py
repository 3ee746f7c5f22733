"""Static ranker, the trivial metric "static": rank the sources by how good they were on the *other* targets.

It looks at no data of the target at all. A metric that does not beat it has not shown that it sees relatedness; on many
published tables the static ranker beats every metric. It needs the truth of the other targets, so it is a
yardstick, not something one could use on a new source.
"""

from __future__ import annotations

import numpy as np

from pgebench.analysis.decompose import source_effects
from pgebench.analysis.table import FloatArray, Replicates, Transfers, mean_over_seeds


def static_scores(truth: FloatArray) -> FloatArray:
    """Leave-one-target-out source effect of the truth.

    Every source misses other targets (itself at least), and a plain mean would reward a source for missing a hard
    one. So the score of a source for target t is its least-squares effect in a two-way fit to all targets but t;
    where no cell is missing this is its mean over those targets, up to a constant.

    Args:
        truth: Shape (backbones, sources, targets, seeds), NaN where absent.

    Returns:
        Shape (backbones, sources, targets); NaN where the source has no other target, or no truth in this cell.

    >>> accuracy = np.array([[0.9, 0.8, 0.1], [0.5, 0.4, 0.3]])[None, ..., None]
    >>> static_scores(accuracy)[0, :, 2].round(3).tolist()  # from the first two targets
    [0.2, -0.2]
    """
    accuracy = mean_over_seeds(truth)
    itself = np.eye(accuracy.shape[-1], dtype=bool)
    # Shape (backbones, targets, sources, targets): for each target the accuracies without its own.
    others = np.where(itself[:, None, :], np.nan, accuracy[:, None])
    scores = np.swapaxes(source_effects(others), -1, -2)
    return np.where(np.isfinite(accuracy), np.round(scores, 12), np.nan)


def static_replicates(truth: Transfers) -> Replicates:
    """The static ranker of each checkpoint, from the transfers of that checkpoint to the other targets.

    Args:
        truth: Transfers.

    Returns:
        One replicate per checkpoint.
    """
    scores = [static_scores(truth.of_checkpoint(number)[..., None]) for number in truth.numbers]
    nothing = np.empty((*truth.values.shape[:3], 0))
    return Replicates(np.stack(scores, axis=-1) if scores else nothing, truth.numbers)
