"""Gains over fine-tuning a pretrained network as it was shipped: of every source, and of the one a metric chooses."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from pgebench.analysis.selection import expected_best_of_top
from pgebench.analysis.table import FloatArray, Table
from pgebench.core.errors import ConfigError

NONE = "pretrained"
"""The source that stands for none."""

BEST, MEAN, NEAR = "best in hindsight", "mean source", "near source"
"""Choices that are no metric's: the largest gain (which holds some luck of its transfers), all sources, the other
classes of the target's own collection."""


def gains(accuracy: FloatArray, sources: Sequence[str]) -> FloatArray:
    """Accuracy after training on a source, less that without one.

    Args:
        accuracy: In [0, 1], mean over transfers, shape (sources, targets); NaN where source and target share images.
        sources: Names of its rows; `NONE` is one of them.

    Returns:
        Shape (sources, targets), in [-1, 1]; 0 for `NONE`.

    Raises:
        ConfigError: there is no `NONE`, or nothing beside it.

    >>> gains(np.array([[0.5, 0.25], [0.25, 0.5]]), ["pretrained", "emoji"]).tolist()
    [[0.0, 0.0], [-0.25, 0.25]]
    """
    if NONE not in sources or len(sources) < 2:
        raise ConfigError(f"intermediate: the sources are {', '.join(sources)}: {NONE} and others are needed")
    return np.asarray(accuracy - accuracy[sources.index(NONE)])


def chosen(score: FloatArray, gain: FloatArray) -> FloatArray:
    """Gain of the source that a score puts first; what is tied there is one at random.

    Args:
        score: Of one replicate, shape (sources, targets), NaN for sources that are not to be chosen.
        gain: As `gains` returns it.

    Returns:
        Shape (targets,), NaN where no source has both.

    >>> chosen(np.array([[1.0, 0.0], [2.0, 0.0]]), np.array([[0.1, 0.2], [0.3, 0.4]])).round(3).tolist()
    [0.3, 0.3]
    """
    return np.array([expected_best_of_top(*of_target, k=1) for of_target in zip(score.T, gain.T, strict=True)])


def interval_over(values: FloatArray, level: float = 0.95) -> tuple[float, float]:
    """Bootstrap interval of the mean over few values: all resamples with replacement, none drawn.

    Args:
        values: Shape (n,), n at most 6; one NaN makes both ends NaN.
        level: Of the interval.

    Returns:
        Lower and upper end.

    >>> interval_over(np.array([0.0, 1.0]))
    (0.0, 1.0)
    """
    means = [np.mean(one) for one in itertools.product(values, repeat=len(values))]
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2], method="inverted_cdf")
    return float(low), float(high)


def by_choice(table: Table, truth: str) -> pd.DataFrame:
    """What every way of choosing a source gains, target by target.

    Args:
        table: Of one backbone.
        truth: Name of the truth.

    Returns:
        A row per choice: `BEST`, `NEAR`, `MEAN`, then the metrics; columns ``choice``, ``none`` (whether it may choose
        none), ``mean``, ``low``, ``high``, and the targets. A metric with several draws has the mean over them.

    Raises:
        ConfigError: as `gains`, or the table has several backbones.
    """
    if len(table.backbones) != 1:
        raise ConfigError(f"intermediate: the table has {len(table.backbones)} backbones; give a run of one")
    gain = gains(table.truths[truth].mean[0], table.sources)
    trained = np.array([name != NONE for name in table.sources])[:, None]
    only = np.where(trained, gain, np.nan)
    near = np.where(table.near & trained, 1.0, np.nan)
    rows = {
        (BEST, False): np.nanmax(only, axis=0),
        (NEAR, False): chosen(near, only),
        (MEAN, False): np.nanmean(only, axis=0),
    }
    for name, replicates in table.replicates.items():
        scores = np.moveaxis(replicates.values[0], -1, 0)
        rows[name, False] = np.mean([chosen(np.where(trained, one, np.nan), gain) for one in scores], axis=0)
        if np.isfinite(scores[:, ~trained[:, 0]]).all():
            rows[name, True] = np.mean([chosen(one, gain) for one in scores], axis=0)
    return pd.DataFrame([_row(*which, found, table.targets) for which, found in rows.items()])


def _row(choice: str, none: bool, found: FloatArray, targets: Sequence[str]) -> Mapping[str, object]:
    low, high = interval_over(found)
    columns = {"choice": choice, "none": none, "mean": float(found.mean()), "low": low, "high": high}
    return columns | dict(zip(targets, map(float, found), strict=True))
