"""Weighted tau of many scores beside one truth that is shuffled, as `pgebench.analysis.correlation` has it.

A shuffle only renames the items of the truth: ranks and ties are counted once and then looked up. The sums over pairs
of items are products of matrices, one row for each score, so the scores of all metrics that are judged by the same
truth are taken together.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from pgebench.analysis.table import FloatArray

Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Ranked:
    """Values in order, several lists at once.

    Attributes:
        values: Finite, shape (..., n).
    """

    values: FloatArray

    @cached_property
    def signs(self) -> FloatArray:
        """sign(v_i - v_j), shape (..., n, n)."""
        return np.asarray(np.sign(self.values[..., :, None] - self.values[..., None, :]))

    @cached_property
    def ties(self) -> FloatArray:
        """1 for each pair of tied items, and on the diagonal."""
        return (self.signs == 0).astype(float)

    @cached_property
    def ahead(self) -> FloatArray:
        """1 where j ranks above i, or is tied with it and listed first."""
        return np.where(np.tri(self.values.shape[-1], k=-1) > 0, self.signs <= 0, self.signs < 0).astype(float)

    @cached_property
    def above(self) -> FloatArray:
        """Number of items that rank above each item, ties not counted, shape (..., n)."""
        return np.asarray((self.signs < 0).sum(axis=-1, dtype=float))

    @cached_property
    def untied(self) -> FloatArray:
        """Number of items that each item is not tied with, shape (..., n)."""
        return np.asarray(np.abs(self.signs).sum(axis=-1))

    @cached_property
    def has_ties(self) -> npt.NDArray[np.bool_]:
        """Whether two items are tied, shape (...)."""
        return np.asarray((self.untied < self.values.shape[-1] - 1).any(axis=-1), dtype=np.bool_)


@dataclass(frozen=True)
class Shuffled:
    """A truth after each of some shuffles.

    Attributes:
        truth: One list.
        item: The item of the truth that stands at each place, shape (n, shuffles).
    """

    truth: Ranked
    item: Places

    @cached_property
    def _pair(self) -> Places:
        return np.asarray(self.item[:, None] * len(self.item) + self.item[None, :])

    def of_items(self, values: FloatArray) -> FloatArray:
        """What is known of each item, at its places.

        Args:
            values: Shape (n,).

        Returns:
            Shape (n, shuffles).
        """
        return values.take(self.item)

    def of_pairs(self, values: FloatArray) -> FloatArray:
        """What is known of each pair, at its places.

        Args:
            values: Shape (n, n).

        Returns:
            Shape (n, n, shuffles).
        """
        return values.take(self._pair)


def weighted_taus(scores: FloatArray, shuffled: Shuffled) -> FloatArray:
    """Weighted tau of each score beside each shuffle of a truth.

    Args:
        scores: Finite, shape (scores, n).
        shuffled: A truth that is not constant.

    Returns:
        Shape (scores, shuffles); 0 for a constant score.

    >>> order = np.array([[0, 2], [1, 1], [2, 0]])
    >>> weighted_taus(np.array([[3.0, 2.0, 1.0]]), Shuffled(Ranked(np.array([0.9, 0.8, 0.7])), order)).tolist()
    [[1.0, -1.0]]
    """
    # Those without ties first: their ranks are the same in all shuffles.
    tied = Ranked(scores).has_ties
    order = np.argsort(tied, kind="stable")
    score, truth, plain = Ranked(scores[order]), shuffled.truth, int((~tied).sum())
    # Places first: for each of them the scores' partners times the truth's.
    joint = np.swapaxes(score.signs, 0, 1) @ shuffled.of_pairs(truth.signs)
    untied = shuffled.of_items(truth.untied)
    taus = _by_truth(score, shuffled, joint, untied)
    taus[:plain] += _by_score(Ranked(score.values[:plain]), joint[:, :plain], untied)
    taus[plain:] += _by_score_with_ties(Ranked(score.values[plain:]), shuffled, joint[:, plain:], untied)
    taus[~(score.untied > 0).any(axis=-1)] = 0.0
    taus /= 2
    return taus[np.argsort(order)]


def _by_score(score: Ranked, joint: FloatArray, untied: FloatArray) -> FloatArray:
    """Tau with the items weighed by their ranks in a score without ties."""
    importance = 1 / (1 + score.above)
    return _ratio(
        np.einsum("mi,imr->mr", importance, joint),
        (importance * score.untied).sum(axis=-1)[:, None],
        importance @ untied,
    )


def _by_score_with_ties(score: Ranked, shuffled: Shuffled, joint: FloatArray, untied: FloatArray) -> FloatArray:
    """Tau with the items weighed by their ranks in the score, its ties in the order of the truth."""
    if not len(score.values):
        return np.empty((0, joint.shape[-1]))
    rank = np.swapaxes(score.ties, 0, 1) @ shuffled.of_pairs(shuffled.truth.ahead)
    importance = _importance(rank, score.above.T[..., None])
    return _ratio(
        np.einsum("imr,imr->mr", importance, joint),
        np.einsum("imr,mi->mr", importance, score.untied),
        np.einsum("imr,ir->mr", importance, untied),
    )


def _by_truth(score: Ranked, shuffled: Shuffled, joint: FloatArray, untied: FloatArray) -> FloatArray:
    """Tau with the items weighed by their ranks in the truth, its ties in the order of the score."""
    truth = shuffled.truth
    if not truth.has_ties:
        by_item = 1 / (1 + truth.above)
        placed = shuffled.of_items(by_item)
        return _ratio(
            np.einsum("ir,imr->mr", placed, joint), score.untied @ placed, np.asarray((by_item * truth.untied).sum())
        )
    rank = np.swapaxes(score.ahead, 0, 1) @ shuffled.of_pairs(truth.ties)
    importance = _importance(rank, shuffled.of_items(truth.above)[:, None])
    return _ratio(
        np.einsum("imr,imr->mr", importance, joint),
        np.einsum("imr,mi->mr", importance, score.untied),
        np.einsum("imr,ir->mr", importance, untied),
    )


def _importance(rank: FloatArray, above: FloatArray) -> FloatArray:
    """Hyperbolic weight: rank 0 weighs 1, the next one half. Takes the place of `rank`."""
    rank += above
    rank += 1
    return np.asarray(np.divide(1, rank, out=rank))


def _ratio(product: FloatArray, of_score: FloatArray, of_truth: FloatArray) -> FloatArray:
    """A correlation, cut at -1 and 1; 0 for a constant score."""
    scale = of_score * of_truth
    return np.asarray(np.clip(product / np.sqrt(np.where(scale > 0, scale, 1.0)), -1.0, 1.0))
