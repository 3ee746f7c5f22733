"""Lives of a study: one replicate of a score beside the transfers of one checkpoint per source.

A replicate trains every source anew, transfers anew, and draws the metric's own randomness anew. A metric that looks at
a checkpoint has one score per checkpoint, and is judged by the transfers of *that* checkpoint (the case of a
practitioner, who has it) or by those of the *others* (does it say something about the source?). A metric that sees no
checkpoint, such as PGE, has one score per draw, and every draw is judged by the transfers of every checkpoint.

The statistic of a study is the mean over its lives. So all metrics are judged by the same truths, each as noisy as one
life is, and a difference of two metrics is no difference of what they were judged by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pgebench.analysis.table import FloatArray, Replicates, Transfers

OWN, OTHERS = "own", "others"
"""Judged by the transfers of the checkpoint that a score looked at, or by those of the other checkpoints."""


@dataclass(frozen=True)
class Life:
    """One replicate of a score beside the transfers of one checkpoint.

    Attributes:
        replicate: Position of the score's replicate.
        checkpoint: Number of the checkpoint whose transfers judge it.
    """

    replicate: int
    checkpoint: int


def lives(looked_at: Sequence[int | None], checkpoints: Sequence[int], against: str = OWN) -> tuple[Life, ...]:
    """The lives of a metric.

    Args:
        looked_at: Checkpoint that each replicate of the score looked at; None if it saw none.
        checkpoints: Checkpoint of each transfer of the truth.
        against: `OWN` or `OTHERS`.

    Returns:
        Replicate by replicate; empty if no transfer can judge the score.

    >>> [(one.replicate, one.checkpoint) for one in lives([0, 1], [0, 1, 2, 0])]
    [(0, 0), (1, 1)]
    >>> [(one.replicate, one.checkpoint) for one in lives([0, 1], [0, 1], OTHERS)]
    [(0, 1), (1, 0)]
    >>> len(lives([None, None, None, None], [0, 1, 2, 0]))
    12
    """
    trained = sorted(set(checkpoints))
    return tuple(
        Life(replicate, number)
        for replicate, seen in enumerate(looked_at)
        for number in trained
        if seen is None or (seen == number) == (against == OWN)
    )


def side_by_side(score: Replicates, truth: Transfers, found: Sequence[Life]) -> tuple[FloatArray, FloatArray]:
    """Score and accuracy of each life, below one another where the statistics expect backbones.

    Args:
        score: Replicates of one metric, values (backbones, sources, targets, replicates).
        truth: Transfers, values (backbones, sources, targets, transfers).
        found: The lives.

    Returns:
        Both of shape (backbones * lives, sources, targets), the lives of a backbone one after another.
    """
    shape = (-1, *score.values.shape[1:3])
    scores = np.stack([score.values[..., one.replicate] for one in found], axis=1)
    accuracy = {number: truth.of_checkpoint(number) for number in {one.checkpoint for one in found}}
    accuracies = np.stack([accuracy[one.checkpoint] for one in found], axis=1)
    return scores.reshape(shape), accuracies.reshape(shape)


def over_lives(values: FloatArray, backbones: int) -> FloatArray:
    """Mean over the lives of each backbone, leaving out NaN.

    Args:
        values: Shape (backbones * lives, ...).
        backbones: How many.

    Returns:
        Shape (backbones, ...); NaN where no life has a value.

    >>> over_lives(np.array([[1.0], [3.0], [np.nan], [5.0]]), 2).tolist()
    [[2.0], [5.0]]
    """
    split = values.reshape(backbones, -1, *values.shape[1:])
    there = np.isfinite(split)
    total = np.where(there, split, 0.0).sum(axis=1)
    count = there.sum(axis=1)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))
