"""Combinations of metrics, judged as if each of them were a metric of its own.

* *Mean rank*: the mean over the metrics of a candidate's place within its target. Nothing is fitted.
* *Linear*: a weighted sum of the scores, each standardised within its target, with the weights that foretell the
  standardised accuracy best. It is fitted on the targets of *other* collections than that of the judged target, and
  once more on all of them: what the second number has more than the first is overfitting.
* *Chosen elsewhere*: for each target the single metric that is best on the targets of other collections. It is to the
  best metric of the league, which these very targets chose, what the first linear one is to the second.

The fit is a ridge regression with the fixed penalty `PENALTY`. No penalty, no subset of metrics and no weight is chosen
by the targets that are reported on.

A life of a combination has one checkpoint and one draw of each metric that has draws. Weights are fitted on all lives
and backbones together: a weight is a property of a metric, not of a training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from pgebench.analysis.alike import judged
from pgebench.analysis.correlation import PRIMARY, Order
from pgebench.analysis.lives import Life, side_by_side
from pgebench.analysis.quality import Quality, mean_where_defined
from pgebench.analysis.table import FloatArray, Replicates, Table, Transfers, within_target_z

PENALTY = 0.1
"""Of the squared weights, where the squared error is a mean over candidates and every score has variance 1: the same as
if each score carried noise of its own, of a tenth of its variance. Small enough that two scores can correct each other,
large enough that two which say the same share their weight."""

FEWEST_SCORES = 0.5
"""Share of the cells in which a metric must have a score to be part of a combination."""

MEAN_RANK, LINEAR, LINEAR_WITHIN, ELSEWHERE = "mean_rank", "linear", "linear_within", "chosen_elsewhere"
"""The combinations: mean rank, linear fitted on other collections, linear fitted on all targets with the judged one
among them, and the metric that is best on other collections."""

COMBINATIONS = (ELSEWHERE, MEAN_RANK, LINEAR, LINEAR_WITHIN)

COLUMNS = (
    *("name", PRIMARY, "low", "high", "difference", "difference_low", "difference_high"),
    *("rel_at_1", "regret", "regret_low", "regret_high"),
)


@dataclass(frozen=True)
class Combined:
    """The combinations beside one truth.

    Attributes:
        metrics: Those that are combined, the best first.
        constant: Metrics left out because they order nothing.
        sparse: Metrics left out because more than half of their scores are missing.
        rows: One row per combination with `COLUMNS`; `difference` is that of the weighted tau from the best of
            `metrics`. NaN for what cannot be made. Empty with fewer than two metrics.
        chosen: Collection of targets -> the metric that is best on the others; without those that have no others.
    """

    metrics: tuple[str, ...]
    constant: tuple[str, ...]
    sparse: tuple[str, ...]
    rows: pd.DataFrame
    chosen: dict[str, str]


def combined(
    table: Table, truth: Transfers, quality: Mapping[str, Quality], real: Sequence[str], *, resamples: int, seed: int
) -> Combined:
    """Judge the combinations of the metrics that are no yardsticks.

    Args:
        table: With its axes in the order group, candidate, task of the question.
        truth: One of its truths.
        quality: Metric -> its statistics per (backbone, target).
        real: The metrics that are no yardsticks, the best first.
        resamples: Draws of the bootstrap, the same ones as those of the league.
        seed: Of the draws.

    Returns:
        The combinations, each with intervals like a metric's.
    """
    sides = {name: _lives(table.replicates[name], truth) for name in real}
    accuracy = next(iter(sides.values()))[1] if sides else np.empty(0)
    coverage = {name: _coverage(scores, accuracy) for name, (scores, _) in sides.items()}
    sparse = tuple(name for name in real if not coverage[name] >= FEWEST_SCORES)
    constant = tuple(name for name in real if name not in sparse and not _orders(*sides[name]))
    used = tuple(name for name in real if name not in sparse and name not in constant)
    if len(used) < 2:
        return Combined(used, constant, sparse, pd.DataFrame(columns=list(COLUMNS)), {})
    scores = np.stack([sides[name][0] for name in used])
    collections = [table.collection(name) for name in table.targets]
    taus = np.stack([quality[name].per_target[PRIMARY] for name in used])
    best = best_elsewhere(taus, collections)
    made = {
        ELSEWHERE: _picked(scores, best, accuracy),
        MEAN_RANK: mean_rank(scores, accuracy),
        LINEAR: linear(scores, accuracy, collections),
        LINEAR_WITHIN: linear(scores, accuracy, None),
    }
    replicates = [table.replicates[used[0]]]
    replicates += [_replicates(made[name], truth, len(table.backbones)) for name in COMBINATIONS]
    found = judged(replicates, truth, [table.collection(name) for name in table.sources], collections).resampled(
        (PRIMARY, "rel_at_1", "regret"), resamples=resamples, seed=seed
    )
    rows = []
    for m, name in enumerate(COMBINATIONS, start=1):
        tau, regret = found[PRIMARY], found["regret"]
        rows.append(
            (
                *(name, float(tau.estimate[m]), *tau.interval(m), *tau.difference(m, 0)[:3]),
                *(float(found["rel_at_1"].estimate[m]), float(regret.estimate[m]), *regret.interval(m)),
            )
        )
    chosen = {collection: used[m] for collection, m in zip(collections, best, strict=True) if m >= 0}
    return Combined(used, constant, sparse, pd.DataFrame(rows, columns=list(COLUMNS)), chosen)


def mean_rank(scores: FloatArray, accuracy: FloatArray) -> FloatArray:
    """Mean over the metrics of the place within a target, from -1 for the last candidate to 1 for the first.

    Args:
        scores: Shape (metrics, lives, sources, targets), NaN where absent.
        accuracy: Shape (lives, sources, targets); what has none is no candidate.

    Returns:
        Shape (lives, sources, targets). Tied candidates share their places; a metric without a score for a candidate
        has no say on it, and NaN is what no metric has a say on.

    >>> scores = np.array([[1.0, 2.0, 3.0], [5.0, 9.0, 7.0]])[:, None, :, None]
    >>> mean_rank(scores, np.ones((1, 3, 1))).ravel().tolist()
    [-1.0, 0.5, 0.5]
    """
    places = np.stack([_places(one, np.isfinite(one) & np.isfinite(accuracy)) for one in scores])
    return np.round(mean_where_defined(np.moveaxis(places, 0, -1)), 12)


def _places(score: FloatArray, there: npt.NDArray[np.bool_]) -> FloatArray:
    """Places of the candidates of each target, in [-1, 1]; NaN for those that are not there."""
    weight = np.swapaxes(there, 1, 2)[..., None].astype(float)
    lead = np.swapaxes(Order(np.swapaxes(score, 1, 2), weight).lead[..., 0], 1, 2)
    return np.where(there, lead / np.maximum(there.sum(axis=1, keepdims=True) - 1, 1), np.nan)


def linear(scores: FloatArray, accuracy: FloatArray, collections: Sequence[str] | None) -> FloatArray:
    """Sum of the standardised scores with the weights of a ridge regression of the standardised accuracy on them.

    Args:
        scores: Shape (metrics, lives, sources, targets), NaN where absent: such a score counts as the target's mean.
        accuracy: Shape (lives, sources, targets).
        collections: Collection of each target, whose targets are left out of the fit for it; None leaves none out.

    Returns:
        Shape (lives, sources, targets), NaN without an accuracy or a score, and for a target that leaves nothing to
        fit on.
    """
    candidates = np.isfinite(accuracy)
    z = np.stack([within_target_z(np.where(candidates, one, np.nan)) for one in scores])
    known, x = np.isfinite(z).any(axis=0), np.nan_to_num(z, nan=0.0)
    y = np.nan_to_num(within_target_z(accuracy), nan=0.0)
    # A ranking without an order has nothing to teach.
    rows = known & (y != 0).any(axis=1, keepdims=True)
    squares = np.einsum("mlst,nlst,lst->tmn", x, x, rows, optimize=True)
    products = np.einsum("mlst,lst,lst->tm", x, y, rows, optimize=True)
    count = rows.sum(axis=(0, 1))
    made = np.full(accuracy.shape, np.nan)
    for judged_targets, fitted in _folds(collections, len(count)):
        n = int(count[fitted].sum())
        if n:
            system = squares[fitted].sum(axis=0) / n + PENALTY * np.eye(len(scores))
            weights = np.linalg.solve(system, products[fitted].sum(axis=0) / n)
            made[..., judged_targets] = np.einsum("m,mlst->lst", weights, x[..., judged_targets])
    return np.where(known, np.round(made, 12), np.nan)


def best_elsewhere(taus: FloatArray, collections: Sequence[str]) -> list[int]:
    """For each target the metric with the highest mean on the targets of other collections.

    Args:
        taus: Shape (metrics, backbones, targets), NaN where undefined.
        collections: Of each target.

    Returns:
        Positions of metrics, the first of equals; -1 where no other collection has a number.

    >>> best_elsewhere(np.array([[[0.9, 0.1]], [[0.2, 0.3]]]), ["a", "b"])
    [1, 0]
    """
    best = [-1] * len(collections)
    for own, others in _folds(collections, len(collections)):
        means = mean_where_defined(taus[..., others].reshape(len(taus), -1))
        if np.isfinite(means).any():
            for t in own:
                best[t] = int(np.nanargmax(means.round(12)))
    return best


def _folds(collections: Sequence[str] | None, targets: int) -> list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Positions of the targets that are judged together, and of those that are fitted on for them."""
    everyone = np.arange(targets)
    if collections is None:
        return [(everyone, everyone)]
    of = np.array(collections, dtype=object)
    return [(np.flatnonzero(of == name), np.flatnonzero(of != name)) for name in dict.fromkeys(collections)]


def _picked(scores: FloatArray, best: Sequence[int], accuracy: FloatArray) -> FloatArray:
    """For each target the scores of its metric, shape (lives, sources, targets)."""
    made = np.full(accuracy.shape, np.nan)
    for t, m in enumerate(best):
        if m >= 0:
            made[..., t] = scores[m][..., t]
    return made


def _lives(score: Replicates, truth: Transfers) -> tuple[FloatArray, FloatArray]:
    """Score and accuracy in a life per checkpoint of the truth, (backbones * lives, sources, targets) each.

    A metric that looked at the checkpoint has that score, one that looked at none the next of its draws, and one that
    has neither none.
    """
    absent = np.full((*score.values.shape[:3], 1), np.nan)
    draws = [r for r, seen in enumerate(score.looked_at) if seen is None]
    found = []
    for at, number in enumerate(truth.numbers):
        looked = [r for r, seen in enumerate(score.looked_at) if seen == number]
        replicate = looked[0] if looked else draws[at % len(draws)] if draws else len(score.looked_at)
        found.append(Life(replicate, number))
    padded = Replicates(np.concatenate([score.values, absent], axis=-1), score.looked_at)
    return side_by_side(padded, truth, found)


def _replicates(made: FloatArray, truth: Transfers, backbones: int) -> Replicates:
    """A score of each life as one that looked at the checkpoint of that life."""
    numbers = truth.numbers
    values = made.reshape(backbones, len(numbers), *made.shape[1:])
    return Replicates(np.moveaxis(values, 1, -1), numbers)


def _coverage(scores: FloatArray, accuracy: FloatArray) -> float:
    """Share of the cells with an accuracy that have a score; NaN without any."""
    cells = np.isfinite(accuracy)
    return float(np.isfinite(scores)[cells].mean()) if cells.any() else float("nan")


def _orders(scores: FloatArray, accuracy: FloatArray) -> bool:
    """Whether any two candidates of any target have different scores."""
    z = within_target_z(np.where(np.isfinite(accuracy), scores, np.nan))
    return bool((np.nan_to_num(z, nan=0.0) != 0).any())
