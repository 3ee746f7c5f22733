"""Rank and linear correlations between scores and truth, many problems at once and with multiplicities.

Each item (a source) carries a multiplicity: how often a bootstrap resample drew it. An item drawn twice counts
exactly as two identical items would, but nothing is copied, so a thousand resamples cost a few matrix products.
With all multiplicities 1 the values are SciPy's: `scipy.stats.weightedtau` (its defaults: additive hyperbolic
weights, mean of both rankings), `kendalltau` (tau-b), `spearmanr` and `pearsonr`.

Rules that hold for all four: an item with a non-finite score or truth is left out (SciPy's weighted tau would
silently count NaN as the smallest score); fewer than two items or a constant truth give NaN, since there is nothing
to rank; a constant score gives `if_constant`: NaN unless the caller says that it shall count as no information at
all, 0.

What concerns one side alone is kept in an `Order`: thirty metrics share the truth's, and a score's serves for a
thousand resamples.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from pgebench.analysis.table import FloatArray

CORRELATIONS = ("weighted_tau", "tau", "spearman", "pearson")
PRIMARY = "weighted_tau"
"""The one that metrics are ordered and tested by."""


def correlations(
    score: npt.ArrayLike,
    truth: npt.ArrayLike,
    count: npt.ArrayLike | None = None,
    *,
    if_constant: float = np.nan,
    wanted: tuple[str, ...] = CORRELATIONS,
) -> dict[str, FloatArray]:
    """All four correlations along the last axis.

    Args:
        score: Shape (..., n); higher means better.
        truth: Shape (..., n), broadcast against `score`.
        count: Multiplicity of each item, non-negative integers, shape (..., n), broadcast; None means 1 for all.
        if_constant: The value where the truth varies but the score does not.
        wanted: Which of `CORRELATIONS` to compute.

    Returns:
        For each name in `wanted` an array of the broadcast shape without the last axis; NaN where undefined.

    >>> {name: round(float(value), 3) for name, value in correlations([1, 2, 3, 4], [10, 20, 40, 30]).items()}
    {'weighted_tau': 0.52, 'tau': 0.667, 'spearman': 0.8, 'pearson': 0.8}
    """
    x, y = np.asarray(score, dtype=float), np.asarray(truth, dtype=float)
    usable = np.isfinite(x) & np.isfinite(y)
    weight = np.where(usable, 1.0 if count is None else np.asarray(count, dtype=float), 0.0)[..., None]
    values = correlate(Order(x, weight), Order(y, weight), if_constant=if_constant, wanted=wanted)
    return {name: value[..., 0] for name, value in values.items()}


@dataclass(frozen=True)
class Order:
    """One side of a correlation under given multiplicities; both sides must have the same.

    The last axis of the multiplicities holds *draws*, between which the values stay: what concerns pairs of items is
    multiplied once for all draws, whose sums are a product of matrices. What is derived is computed on first use and
    kept.

    Attributes:
        values: Shape (..., n). Whether a value with multiplicity 0 is finite does not matter.
        weight: Multiplicities, shape (..., n, draws); 0 leaves an item out.
    """

    values: FloatArray
    weight: FloatArray

    @cached_property
    def known(self) -> FloatArray:
        """The values, 0 for those that are not finite."""
        return np.where(np.isfinite(self.values), self.values, 0.0)

    @cached_property
    def signs(self) -> FloatArray:
        """sign(v_i - v_j), shape (..., n, n)."""
        signs: FloatArray = np.sign(self.known[..., :, None] - self.known[..., None, :])
        return signs

    @cached_property
    def lead(self) -> FloatArray:
        """Number of items below each item minus those above it: twice its mid-rank, centred; (..., n, draws)."""
        return np.asarray(self.signs @ self.weight)

    @cached_property
    def untied(self) -> FloatArray:
        """Number of items that each item is not tied with."""
        return np.asarray(np.abs(self.signs) @ self.weight)

    @cached_property
    def pairs(self) -> FloatArray:
        """Twice the number of untied pairs, shape (..., draws)."""
        return _product(self.weight, self.untied)

    @cached_property
    def has_ties(self) -> bool:
        """Whether two different items that count are tied in any draw."""
        there: npt.NDArray[np.bool_] = np.asarray((self.weight > 0).any(axis=-1), dtype=np.bool_)
        both = there[..., :, None] & there[..., None, :] & ~np.eye(there.shape[-1], dtype=bool)
        return bool(np.any(both & (self.signs == 0)))

    @cached_property
    def ties(self) -> FloatArray:
        """1 for each pair of tied items, shape (..., n, n)."""
        return (self.signs == 0).astype(float)

    @cached_property
    def ahead(self) -> FloatArray:
        """1 where j ranks above i, or is tied with it and listed first."""
        earlier = np.tri(self.signs.shape[-1], k=-1)
        ahead: FloatArray = (self.signs < 0) + (self.signs == 0) * earlier
        return ahead

    @cached_property
    def above(self) -> FloatArray:
        """Number of items that rank above each item, ties not counted."""
        return np.asarray((self.signs < 0).astype(float) @ self.weight)

    @cached_property
    def hyperbolic(self) -> FloatArray:
        """Hyperbolic weight of each item if there are no ties."""
        return _hyperbolic(self.above, self.weight)

    @cached_property
    def deviation(self) -> FloatArray:
        """Deviation from the mean, in units of the largest one: scores of 1e-200 or 1e+200 stay in range."""
        total = np.maximum(_total(self.weight), 1.0)[..., None, :]
        known = self.known[..., None]
        deviation = known - _total(self.weight * known)[..., None, :] / total
        largest = np.abs(np.where(self.weight > 0, deviation, 0.0)).max(-2, keepdims=True, initial=0.0)
        scaled: FloatArray = deviation / np.where(largest > 0, largest, 1.0)
        return scaled

    @cached_property
    def squares(self) -> FloatArray:
        """Sum of the squared deviations."""
        return _total(self.weight * self.deviation**2)

    @cached_property
    def lead_squares(self) -> FloatArray:
        """Sum of the squared leads."""
        return _total(self.weight * self.lead**2)


def correlate(
    score: Order, truth: Order, *, if_constant: float = np.nan, wanted: tuple[str, ...] = CORRELATIONS
) -> dict[str, FloatArray]:
    """Correlations of two orders with the same multiplicities.

    Args:
        score: The score's side.
        truth: The truth's side, broadcast against the score's.
        if_constant: The value where the truth varies but the score does not.
        wanted: Which of `CORRELATIONS` to compute.

    Returns:
        For each name in `wanted` an array of shape (..., draws); NaN where undefined.
    """
    weight = truth.weight
    defined = (score.pairs > 0) & (truth.pairs > 0)
    values: dict[str, FloatArray] = {}
    if "weighted_tau" in wanted or "tau" in wanted:
        # Per item i: sum over j of m_j s_ij of the joint order.
        joint = (score.signs * truth.signs) @ weight
    for name in wanted:
        if name == "weighted_tau":
            # Tau-b whose pair (i, j) weighs importance_i + importance_j, once with each side's ranking.
            taus = [
                _ratio(
                    _product(importance, joint),
                    _product(importance, score.untied) * _product(importance, truth.untied),
                    defined,
                )
                for importance in _importances(score, truth)
            ]
            values[name] = (taus[0] + taus[1]) / 2
        elif name == "tau":
            values[name] = _ratio(_product(weight, joint), score.pairs * truth.pairs, defined)
        elif name == "spearman":
            product = _total(weight * score.lead * truth.lead)
            values[name] = _ratio(product, score.lead_squares * truth.lead_squares, defined)
        else:
            product = _total(weight * score.deviation * truth.deviation)
            values[name] = _ratio(product, score.squares * truth.squares, defined)
    uninformative = (truth.pairs > 0) & ~(score.pairs > 0)
    return {name: np.where(uninformative, if_constant, value) for name, value in values.items()}


def _importances(score: Order, truth: Order) -> tuple[FloatArray, FloatArray]:
    """Hyperbolic weights of the items ranked by the score with its ties in the order of the truth, and vice versa.

    Items tied in both may take their ranks in any order without changing tau.
    """
    return _importance(score, truth), _importance(truth, score)


def _importance(by: Order, other: Order) -> FloatArray:
    if not by.has_ties:
        return by.hyperbolic
    return _hyperbolic(by.above + (by.ties * other.ahead) @ by.weight, by.weight)


def _hyperbolic(above: FloatArray, weight: FloatArray) -> FloatArray:
    """Total weight of each item when so many items rank above it.

    An item of multiplicity m occupies the ranks r, ..., r + m - 1, and rank k weighs 1 / (k + 1); the sum is a
    difference of harmonic numbers.
    """
    counts, most = int(_total(weight).max(initial=0)), int(weight.max(initial=0))
    harmonic = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, counts + most + 1))])
    # A row for each number of items above, a column for each multiplicity: one look-up instead of two.
    of_rank = harmonic[np.arange(counts + 1)[:, None] + np.arange(most + 1)] - harmonic[: counts + 1, None]
    return np.asarray(of_rank.ravel().take((above * (most + 1) + weight).astype(np.intp)))


def _product(first: FloatArray, second: FloatArray) -> FloatArray:
    """Sum over the items of first times second, shape (..., draws); never forms the product."""
    return np.asarray(np.einsum("...ir,...ir->...r", first, second))


def _total(values: FloatArray) -> FloatArray:
    """Sum over the items, shape (..., draws)."""
    return np.asarray(values.sum(-2))


def _ratio(product: FloatArray, squared_scale: FloatArray, defined: npt.NDArray[np.bool_]) -> FloatArray:
    """A correlation: product over the root of the scale, cut at -1 and 1."""
    defined = defined & (squared_scale > 0)
    value = product / np.sqrt(np.where(defined, squared_scale, 1.0))
    return np.where(defined, np.clip(value, -1.0, 1.0), np.nan)
