"""Ties: scores that differ by rounding alone are equal, for every statistic alike.

A score is computed from features in single precision, whose rounding is 6e-8 of a value. Where a metric saturates
(H-score at C - 1 as soon as there are no more images than features, a mean probability at 1), what is left between
candidates is that rounding: another order of the rows, another best source.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pgebench.core.metric_facts import TIE

FloatArray = npt.NDArray[np.float64]

NOTHING = 1e-12
"""Share of the largest score that counts as zero, near which no share of the score itself means anything."""


def tied(scores: FloatArray, tie: float = TIE) -> FloatArray:
    """Scores of which those that cannot be told apart have become equal.

    In ascending order, a score whose distance from the one before is within the tolerance joins its group; all of a
    group get the value of its middle member. Looking at all scores of a metric at once makes the ties the same on
    every question, and two candidates that are compared do not depend on what they are compared for.

    Args:
        scores: Of one metric, any shape, NaN where absent; infinite ones stay as they are.
        tie: Relative tolerance, at least 0; 0 says that every difference counts.

    Returns:
        Same shape.

    >>> tied(np.array([4.0, 3.9999999999999991, 3.9, np.nan])).tolist()
    [4.0, 4.0, 3.9, nan]
    >>> tied(np.array([-1e-17, 0.0, 5.0])).tolist()
    [0.0, 0.0, 5.0]
    """
    result = scores.copy()
    finite = np.isfinite(scores)
    values = np.sort(scores[finite])
    if tie == 0 or len(values) < 2:
        return result
    size = np.abs(values)
    with np.errstate(over="ignore"):
        apart = np.diff(values) > tie * np.maximum(size[1:], size[:-1]) + NOTHING * size.max()
    group = np.concatenate([[0], np.cumsum(apart)])
    first = np.flatnonzero(np.concatenate([[True], apart]))
    members = np.bincount(group)
    representative = values[first + members // 2]
    result[finite] = representative[group[np.searchsorted(values, scores[finite])]]
    return result
