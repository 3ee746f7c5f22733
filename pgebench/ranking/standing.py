"""Standing of candidates, and when it is settled: a sequential test over restarts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from pgebench.core.errors import ConfigError

FloatArray = np.ndarray
IntArray = np.ndarray


@dataclass(frozen=True)
class Standing:
    """Where the sources stand after some gradients.

    Attributes:
        order: sources, the nearest first.
        distance: (sources,) mean distance.
        low: (sources,) lower end of its interval over restarts.
        high: (sources,) upper end.
        p_nearest: (sources,) p-value of "this source is at least as near as the first one", 1 for the first itself.
        tied: sources, the first included, that cannot be told from the first one.
        places: (sources, 2) first and last place that each may have, see `place_intervals`.
    """

    order: tuple[int, ...]
    distance: FloatArray
    low: FloatArray
    high: FloatArray
    p_nearest: FloatArray
    tied: tuple[int, ...]
    places: IntArray

    @property
    def settled(self) -> bool:
        """Whether one source is nearer than all others, at the confidence asked for."""
        return len(self.tied) == 1


def standing(distances: FloatArray, confidence: float = 0.95, looks: int = 1) -> Standing:
    """Compare sources by their distances at each restart.

    Restarts are independent draws of the initial weights, shared by all sources: differences between two sources at the
    same restart are compared with zero by Student's t. Looking again after more gradients, and comparing the first
    source with all others, both give chance more opportunities; the error 1 - confidence is divided by their number
    (Bonferroni), so that a wrong source is called the nearest in at most that share of rankings, whenever one stops.

    Args:
        distances: (restarts, sources).
        confidence: in (0, 1).
        looks: how often at most one looks.

    Returns:
        The standing; intervals hold at each look for one source by itself.

    Raises:
        ConfigError: fewer than two restarts or sources, or a confidence outside (0, 1).

    >>> near, far = np.array([0.50, 0.52, 0.51, 0.49]), np.array([0.90, 0.93, 0.90, 0.91])
    >>> standing(np.stack([far, near], axis=1)).order
    (1, 0)
    """
    restarts, sources = distances.shape
    if restarts < 2 or sources < 2:
        raise ConfigError(f"a ranking needs two restarts and two sources at least, got {restarts} and {sources}")
    if not 0 < confidence < 1 or looks < 1:
        raise ConfigError(f"confidence={confidence}, looks={looks}: a confidence between 0 and 1, one look at least")
    mean = distances.mean(axis=0)
    order = np.argsort(mean, kind="stable")
    further = distances[:, None, :] - distances[:, :, None]
    p = p_ahead(further.mean(axis=0), further.std(axis=0, ddof=1) / restarts**0.5, restarts - 1)
    half = stdtrit(restarts - 1, 0.5 + confidence / 2) * distances.std(axis=0, ddof=1) / restarts**0.5
    nearest = p[order[0]]
    tied = tied_with_first(order, nearest, confidence, looks)
    places = place_intervals(p, confidence, looks)
    return Standing(tuple(order.tolist()), mean, mean - half, mean + half, nearest, tied, places)


def p_ahead(gap: FloatArray, error: FloatArray, freedom: int) -> FloatArray:
    """P-values of "this candidate is not ahead of that one".

    Args:
        gap: (candidates, candidates) by how much the first is ahead of the second.
        error: (candidates, candidates) standard error of that. Where it is 0 the gap itself decides; where it is NaN
            nothing can be told apart.
        freedom: Degrees of freedom of Student's t.

    Returns:
        Shape (candidates, candidates); 1 on the diagonal.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.where(error > 0, stdtr(freedom, -gap / error), np.where((error == 0) & (gap > 0), 0.0, 1.0))
    np.fill_diagonal(p, 1.0)
    return p


def place_intervals(p: FloatArray, confidence: float, looks: int = 1) -> IntArray:
    """The places that each candidate may have: behind all that are surely ahead of it, ahead of all surely behind.

    Each end holds for one candidate by itself, so that only a candidate of `tied_with_first` may have the first place
    where one is settled; the error is divided by the comparisons with all others, and the looks (Bonferroni).

    Source: Mogstad, Romano, Shaikh, Wilhelm, "Inference for ranks with applications to mobility across neighbourhoods
    and academic achievement across countries", Review of Economic Studies, 2024 (their marginal confidence sets, here
    with Bonferroni in the place of the bootstrap).

    Args:
        p: From `p_ahead`.
        confidence: Of each end.
        looks: How often one looks.

    Returns:
        (candidates, 2) first and last place, from 1.

    >>> place_intervals(np.array([[1.0, 0.6, 0.001], [0.4, 1.0, 0.001], [1.0, 1.0, 1.0]]), 0.95).tolist()
    [[1, 2], [1, 2], [3, 3]]
    """
    ahead = p <= (1 - confidence) / looks / max(1, len(p) - 1)
    return np.stack([1 + ahead.sum(axis=0), len(p) - ahead.sum(axis=1)], axis=1)


def tied_with_first(order: FloatArray, p: FloatArray, confidence: float, looks: int = 1) -> tuple[int, ...]:
    """The candidates, in order, that cannot be told from the first one: a set that holds the best one.

    Args:
        order: (candidates,) the best first.
        p: (candidates,) p-value of "this one is at least as good as the first".
        confidence: with which the set holds the best one.
        looks: how often one looks; their number and that of the comparisons divide the error (Bonferroni).

    Returns:
        Their numbers as in ``order``, in that order; the first candidate is always among them.
    """
    level = (1 - confidence) / looks / max(1, len(order) - 1)
    return tuple(int(one) for one in order if one == order[0] or not p[one] <= level)
