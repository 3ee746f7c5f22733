"""Scale of a score: how much accuracy does a difference of scores stand for?

The *slope* of a metric is the least-squares slope of accuracy on score within targets: over all ordered pairs of
candidates of one target, the accuracy that one is ahead per score that it is ahead. (Where differences are taken in
both directions their mean is 0, and slope and correlation of differences are those of the values. So Pearson within a
target *is* the "fidelity" of Singh et al., "How NOT to benchmark your SITE metric", ICLR 2026, arXiv 2510.06448.)
Pooled over targets, backbones and lives a target counts by the squared differences of its scores; one whose scores are
all equal says nothing.

The intervals are made of the same resamples of collections as those of the league; for a single target the collections
of sources alone are drawn.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from pgebench.analysis.alike import Alike, Judged
from pgebench.analysis.bootstrap import multiplicities
from pgebench.analysis.resamples import Resamples
from pgebench.analysis.table import FloatArray

COLUMNS = ("metric", "target", "slope", "low", "high", "step")

ANY = (-np.inf, np.inf)
"""A slope has no bounds."""

NOTHING = 1e-18
"""Sum of squares, in units of the largest deviation of the metric, below which scores are equal."""

Mask = npt.NDArray[np.bool_]

Sums = tuple[FloatArray, FloatArray]
"""Sums over candidates of products with the accuracy, and of squares, of deviations of the score."""


def scale(sides: Judged, metrics: Sequence[str], targets: Sequence[str], *, resamples: int, seed: int) -> pd.DataFrame:
    """Slope of each metric, pooled and for each target.

    Args:
        sides: The metrics beside the truth.
        metrics: Their names.
        targets: Names of the targets.
        resamples: Number of draws.
        seed: Of the draws.

    Returns:
        Columns `metric`, `target` (None for the pooled slope, which stands first), `slope` in accuracy per unit of the
        score, its 95 % interval `low` and `high`, and `step`: one standard deviation of the metric's scores within a
        target, rounded to two digits, the same for all its rows. NaN where nothing is known.
    """
    drawn = multiplicities(sides.sources, sides.targets, resamples=resamples, seed=seed)
    rows: dict[int, list[tuple[object, ...]]] = {}
    for group in sides.groups:
        for m, values in zip(group.members, group.scores, strict=True):
            rows[m] = _of_metric(metrics[m], targets, values, group, *drawn)
    return pd.DataFrame([row for m in sorted(rows) for row in rows[m]], columns=list(COLUMNS))


def _of_metric(
    metric: str,
    targets: Sequence[str],
    score: FloatArray,
    group: Alike,
    sources: tuple[FloatArray, int],
    of_targets: tuple[FloatArray, int],
) -> list[tuple[object, ...]]:
    (source_count, source_groups), (target_count, target_groups) = sources, of_targets
    there: Mask = np.asarray(np.isfinite(score) & np.isfinite(group.accuracy))
    x, y = (_centred(values, there) for values in (score, group.accuracy))
    unit = float(np.abs(x).max(initial=0.0)) or 1.0
    once = np.ones((1, score.shape[1]))
    whole, resampled = (_sums(x / unit, y, there, weight) for weight in (once, source_count))
    everyone = np.ones((1, score.shape[2]))
    pooled = Resamples(
        estimate=_slope(whole, everyone),
        both=_slope(resampled, target_count)[None],
        by_target=_slope(whole, target_count)[None],
        by_source=_slope(resampled, everyone)[None],
        targets=target_groups,
        sources=source_groups,
        bounds=ANY,
        draws=(_by_draw(whole, group.draws, len(score)),),
    )
    freedom = np.maximum(there.sum(axis=1) - 1, 0).sum()
    step = float(f"{unit * np.sqrt(whole[1].sum() / max(freedom, 1)):.2g}") or float("nan")
    rows: list[tuple[object, ...]] = [(metric, None, *_in_units(pooled, 0, unit), step)]
    apart = np.eye(score.shape[2])
    single = Resamples(
        estimate=_slope(whole, apart),
        both=np.stack([_slope(resampled, one[None]) for one in apart]),
        by_target=np.repeat(_slope(whole, apart)[:, None], len(source_count), axis=1),
        by_source=np.stack([_slope(resampled, one[None]) for one in apart]),
        targets=0,
        sources=source_groups,
        bounds=ANY,
    )
    return rows + [(metric, name, *_in_units(single, t, unit), step) for t, name in enumerate(targets)]


def _in_units(found: Resamples, at: int, unit: float) -> tuple[float, float, float]:
    """Slope and interval per unit of the score."""
    low, high = found.interval(at)
    return float(found.estimate[at]) / unit, low / unit, high / unit


def _centred(values: FloatArray, there: Mask) -> FloatArray:
    """Deviations from the mean of each target, 0 for what is absent: sums of their squares lose no digits."""
    known = np.where(there, values, 0.0)
    mean = known.sum(axis=1, keepdims=True) / np.maximum(there.sum(axis=1, keepdims=True), 1)
    return np.where(there, known - mean, 0.0)


def _sums(x: FloatArray, y: FloatArray, there: Mask, weight: FloatArray) -> Sums:
    """Sums of the deviations of each (backbone, target) with these multiplicities of the sources.

    Args:
        x: Scores, shape (backbones, sources, targets).
        y: Accuracies.
        there: Which cells count.
        weight: Shape (resamples, sources).

    Returns:
        Of products and of squares, each of shape (resamples, backbones, targets).
    """
    count, of_x, of_y, of_xy, of_xx = (
        np.einsum("rs,bst->rbt", weight, part, optimize=True) for part in (there.astype(float), x, y, x * y, x * x)
    )
    count = np.maximum(count, 1.0)
    return of_xy - of_x * of_y / count, np.maximum(of_xx - of_x**2 / count, 0.0)


def _slope(sums: Sums, weight: FloatArray) -> FloatArray:
    """Pooled slope with multiplicities of the targets, (resamples or 1, targets); NaN if all scores are equal."""
    products, squares = ((part * weight[:, None, :]).sum(axis=(1, 2)) for part in sums)
    varies = squares > NOTHING
    return np.where(varies, products / np.where(varies, squares, 1.0), np.nan)


def _by_draw(whole: Sums, draws: Sequence[int], lives: int) -> FloatArray:
    """Pooled slope at each draw of the metric's own; empty with fewer than two."""
    numbers = sorted(set(draws))
    if len(numbers) < 2:
        return np.empty(0)
    repeated = np.tile(draws, lives // len(draws))
    everyone = np.ones((1, whole[0].shape[2]))
    return np.concatenate([_slope((whole[0][:, repeated == n], whole[1][:, repeated == n]), everyone) for n in numbers])
