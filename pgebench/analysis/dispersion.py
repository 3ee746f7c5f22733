"""Rank dispersion and headroom: is a metric needed to choose a candidate, or is one candidate always the best?

A *ranking* is the order of the candidates of one target, for one backbone, by mean accuracy. Candidates of equal
accuracy share the places that they take, a win included. Rankings without any order (all equal, or fewer than two
candidates) say nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from pgebench.analysis.correlation import Order
from pgebench.analysis.quality import mean_where_defined, ranking_quality
from pgebench.analysis.table import FloatArray, Transfers

TOP = 3
"""The best so many candidates of a target are held against the noise of the truth."""

LEVEL = 0.95
"""Confidence with which the first of them must be ahead of the last to be told apart."""


@dataclass(frozen=True)
class Dispersion:
    """How much the order of the candidates differs from target to target.

    Attributes:
        places: Number of rankings in which each candidate holds each place, shape (sources, places); the row of a
            candidate sums to the number of rankings that it is in.
        rankings: Number of rankings.
        concordance: Kendall's W in [0, 1], see `concordance`; NaN with fewer than two rankings.
        winner: Position of the candidate that wins most rankings; -1 without a ranking.
        won: Share of the rankings that it wins.
        regret: Accuracy lost by always taking it, mean over lives; where it is no candidate, one at random is taken.
        close: Share of the targets whose best three candidates lie within the noise of the truth, see `headroom`.
        compared: Number of targets with three candidates and a known noise.
        noise: Accuracy by which two candidates must differ to be told apart, mean over these targets.
    """

    places: FloatArray
    rankings: int
    concordance: float
    winner: int
    won: float
    regret: float
    close: float
    compared: int
    noise: float


def dispersion(truth: Transfers) -> Dispersion:
    """Places, agreement and headroom of one truth.

    Args:
        truth: Transfers.

    Returns:
        NaN for what is not known.

    >>> accuracy = np.array([[0.9, 0.8, 0.7], [0.6, 0.7, 0.5], [0.1, 0.2, 0.6]])[None, ..., None]
    >>> found = dispersion(Transfers(accuracy, (0,)))
    >>> found.places[0].tolist(), found.winner, round(found.won, 2), round(found.concordance, 2)
    ([3.0, 0.0, 0.0], 0, 1.0, 0.78)
    """
    orders = rankings(truth.mean)
    places = np.zeros((truth.values.shape[1],) * 2)
    for order in orders:
        places += _places(order)
    # Shared wins are fractions, whose sums differ in the last bits; of equals the first.
    winner = int(np.argmax(places[:, 0].round(9))) if len(orders) else -1
    close, compared, noise = headroom(truth)
    return Dispersion(
        places=places,
        rankings=len(orders),
        concordance=concordance(orders),
        winner=winner,
        won=float(places[winner, 0] / len(orders)) if len(orders) else float("nan"),
        regret=_regret(truth, winner) if len(orders) else float("nan"),
        close=close,
        compared=compared,
        noise=noise,
    )


def rankings(accuracy: FloatArray) -> FloatArray:
    """Accuracies of each ranking that has an order.

    Args:
        accuracy: Shape (backbones, sources, targets), NaN where absent.

    Returns:
        Shape (rankings, sources), NaN for what is no candidate.
    """
    rows = np.swapaxes(accuracy, 1, 2).reshape(-1, accuracy.shape[1])
    there = np.isfinite(rows)
    high = np.where(there, rows, -np.inf).max(axis=1, initial=-np.inf)
    low = np.where(there, rows, np.inf).min(axis=1, initial=np.inf)
    return rows[high > low]


def _places(order: FloatArray) -> FloatArray:
    """Share that each candidate has of each place, shape (sources, sources)."""
    held = np.zeros((order.size, order.size))
    there = np.flatnonzero(np.isfinite(order))
    ascending = np.sort(-order[there])
    first = np.searchsorted(ascending, -order[there], side="left")
    last = np.searchsorted(ascending, -order[there], side="right")
    for candidate, start, stop in zip(there, first, last, strict=True):
        held[candidate, start:stop] = 1 / (stop - start)
    return held


def concordance(orders: FloatArray) -> float:
    """Kendall's coefficient of concordance W, corrected for ties, for rankings that may lack candidates.

    W = (1 + (m - 1) r) / m for m rankings, where r is the mean product of the centred mid-ranks of two rankings, by the
    mean of their squares. Where nothing is missing this is W as Kendall and Gibbons give it ("Rank Correlation
    Methods", 1990, chapter 6); where something is, two rankings are compared by the candidates that both have.

    Args:
        orders: Accuracies, shape (rankings, sources), NaN where absent.

    Returns:
        In [0, 1], 1 for the same order everywhere; NaN with fewer than two rankings, or without candidates in common.

    >>> concordance(np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])), concordance(np.array([[1.0, 2.0], [2.0, 1.0]]))
    (1.0, 0.0)
    """
    m = len(orders)
    there = np.isfinite(orders)
    both = (there[:, None] & there[None, :]).astype(float)[..., None]
    # Twice the centred mid-rank of each candidate of the first ranking among those that the second has, too.
    lead = Order(orders[:, None], both).lead[..., 0] * both[..., 0]
    pairs = ~np.eye(m, dtype=bool)
    products, squares = (lead * np.swapaxes(lead, 0, 1)).sum(-1)[pairs].sum(), (lead**2).sum(-1)[pairs].sum()
    if m < 2 or not squares > 0:
        return float("nan")
    return float(np.clip((1 + (m - 1) * products / squares) / m, 0.0, 1.0))


def headroom(truth: Transfers) -> tuple[float, int, float]:
    """How often the best three candidates of a target cannot be told apart by the truth itself.

    The noise is that of the truth's repetitions: of its checkpoints where each source was trained more than once (the
    luck of their transfers is in it), else of its transfers (the luck of the one checkpoint is not). Its variance is
    pooled over the candidates of a target; the best three are within the noise if the first is not ahead of the third
    by more than the least significant difference of two such means (Student's t, two-sided 95 %).

    Args:
        truth: Transfers.

    Returns:
        Share of the targets within the noise, number of (backbone, target) pairs that have three candidates and
        repetitions, and the mean of their least significant differences, in accuracy. NaN without any.

    >>> values = np.array([[[0.90, 0.92]], [[0.89, 0.91]], [[0.88, 0.90]]])[None]
    >>> close, compared, noise = headroom(Transfers(values, (0, 1)))
    >>> close, compared, round(noise, 3)
    (1.0, 1, 0.045)
    """
    repeated = truth.by_checkpoint if len(truth.numbers) > 1 else truth.values
    there = np.isfinite(repeated)
    count = there.sum(axis=-1)
    mean = np.where(there, repeated, 0.0).sum(axis=-1) / np.maximum(count, 1)
    squares = (np.where(there, repeated - mean[..., None], 0.0) ** 2).sum(axis=(1, 3))
    freedom = np.maximum(count - 1, 0).sum(axis=1)
    within, noises = [], []
    for b, t in np.argwhere((freedom > 0) & ((count > 0).sum(axis=1) >= TOP)):
        best = np.argsort(np.where(count[b, :, t] > 0, -mean[b, :, t], np.inf), kind="stable")[:TOP]
        first, last = best[0], best[-1]
        error = np.sqrt(squares[b, t] / freedom[b, t] * (1 / count[b, first, t] + 1 / count[b, last, t]))
        noises.append(float(stdtrit(freedom[b, t], 0.5 + LEVEL / 2) * error))
        # Sums in another order differ in the last bits.
        within.append(mean[b, first, t] - mean[b, last, t] <= noises[-1] + 1e-12)
    if not within:
        return float("nan"), 0, float("nan")
    return float(np.mean(within)), len(within), float(np.mean(noises))


def _regret(truth: Transfers, winner: int) -> float:
    """What is lost by always taking one candidate, mean over checkpoints, backbones and targets."""
    of_checkpoint = np.moveaxis(truth.by_checkpoint, -1, 1).reshape(-1, *truth.values.shape[1:3])
    chosen = (np.arange(of_checkpoint.shape[1]) == winner).astype(float)[None, :, None]
    score = np.where(np.isfinite(of_checkpoint), chosen, np.nan)
    return float(mean_where_defined(ranking_quality(score, of_checkpoint[..., None]).per_target["regret"].reshape(-1)))
