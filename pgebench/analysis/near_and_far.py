"""Where a metric's number comes from: its sources of the target's own collection, and those of others.

A league of all sources mixes two questions. Is a near source told from a far one? And are the far ones, among
themselves, put in the right order? Who only sees that two datasets are parts of one collection answers the first alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from pgebench.analysis.alike import Judged
from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.quality import mean_where_defined
from pgebench.analysis.resamples import Resamples
from pgebench.analysis.table import FloatArray, Table, Transfers

COLUMNS = ["backbone", "metric", PRIMARY, "far", "far_low", "far_high", "near_against_far"]


def near_and_far(table: Table, truth: Transfers, whole: Judged, far: Sequence[Resamples]) -> pd.DataFrame:
    """The league of each backbone with near sources, without them, and between near and far ones.

    Args:
        table: Axes backbone, source, target.
        truth: One of its truths.
        whole: All metrics beside it.
        far: For each backbone draws of the mean weighted tau without near sources, see `far_alone`.

    Returns:
        A row per backbone and metric with `COLUMNS`: the mean weighted tau of all sources and of the far ones alone,
        the latter with its 95 % interval, and the mean of `near_against_far`. Empty where no source is near.
    """
    if not (table.near & np.isfinite(truth.mean).any(axis=0)).any():
        return pd.DataFrame(columns=COLUMNS)
    backbones = len(table.backbones)
    everywhere, between = whole.means_apart(PRIMARY, backbones), _between(whole, table.near, backbones)
    rows = [
        (backbone, metric, everywhere[m, b], float(far[b].estimate[m]), *far[b].interval(m), between[m, b])
        for b, backbone in enumerate(table.backbones)
        for m, metric in enumerate(table.replicates)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def far_alone(table: Table, truth: Transfers) -> tuple[Table, Transfers]:
    """The same without the sources of a target's own collection.

    Args:
        table: Axes backbone, source, target.
        truth: One of its truths.

    Returns:
        Scores and truth with NaN in place of near pairs.
    """
    far = np.where(table.near, np.nan, 0.0)[None, :, :, None]
    left = {name: replace(one, values=one.values + far) for name, one in table.replicates.items()}
    return replace(table, replicates=left), replace(truth, values=truth.values + far)


def near_against_far(scores: FloatArray, accuracy: FloatArray, near: npt.NDArray[np.bool_]) -> FloatArray:
    """Kendall's tau over the pairs of one near and one far source: those ordered rightly minus those ordered wrongly.

    Args:
        scores: Shape (..., sources, targets), NaN where absent.
        accuracy: The same shape.
        near: Shape (sources, targets).

    Returns:
        Shape (..., targets), in [-1, 1]: as shares of the pairs, of which those with equal scores or accuracies are
        neither. NaN for a target without such a pair.

    >>> near = np.array([[True], [False], [False]])
    >>> near_against_far(np.array([[3.0], [1.0], [4.0]]), np.array([[0.9], [0.5], [0.4]]), near).tolist()
    [0.0]
    """
    found = np.full((*scores.shape[:-2], scores.shape[-1]), np.nan)
    for t in range(scores.shape[-1]):
        close = near[:, t]
        agree = np.sign(_differences(scores[..., t], close)) * np.sign(_differences(accuracy[..., t], close))
        there = np.isfinite(agree)
        count = there.sum(axis=(-1, -2))
        total = np.where(there, agree, 0.0).sum(axis=(-1, -2))
        found[..., t] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return found


def _differences(values: FloatArray, close: npt.NDArray[np.bool_]) -> FloatArray:
    """Each near one minus each far one, shape (..., near, far)."""
    return np.asarray(values[..., close][..., :, None] - values[..., ~close][..., None, :])


def _between(sides: Judged, near: npt.NDArray[np.bool_], backbones: int) -> FloatArray:
    """Mean of `near_against_far` for each metric and backbone."""
    means = np.full((sides.metrics, backbones), np.nan)
    for group in sides.groups:
        for member, scores in zip(group.members, group.scores, strict=True):
            found = near_against_far(scores, group.accuracy, near)
            means[member] = mean_where_defined(found.reshape(backbones, -1))
    return means
