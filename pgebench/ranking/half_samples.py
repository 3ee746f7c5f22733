"""Half samples: how sure a score's ranking is, as far as the images decide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import stdtrit

from pgebench.core.instantiate import function
from pgebench.ranking.standing import FloatArray, Standing, p_ahead, place_intervals, tied_with_first
from pgebench.stages.score import asks_for

PAIRS = 8
"""Ways in which the images are halved."""


def halvings(labels: np.ndarray, pairs: int = PAIRS, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows of two halves, for each of several random halvings; every class is halved, one image goes to both halves.

    Args:
        labels: Integers (n,).
        pairs: How many halvings.
        seed: Of the draws; every candidate must be scored on the same halves.

    >>> first, second = halvings(np.array([0, 0, 0, 0, 1, 1]), pairs=1)[0]
    >>> sorted([*first, *second]) == list(range(6)), len(first)
    (True, 3)
    """
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(pairs):
        halves: tuple[list[int], list[int]] = ([], [])
        for label in np.unique(labels):
            rows = rng.permutation(np.flatnonzero(labels == label))
            # The odd image goes to either half, so that both are of the same size on average.
            middle = (len(rows) + int(rng.integers(2))) // 2 if len(rows) > 1 else 0
            halves[0].extend(rows[:middle] if len(rows) > 1 else rows)
            halves[1].extend(rows[middle:])
        found.append((np.sort(halves[0]), np.sort(halves[1])))
    return found


def half_scores(
    name: str, metric: Mapping[str, Any], facts: Mapping[str, Any], evidence: Mapping[str, np.ndarray]
) -> FloatArray:
    """The score of one candidate on both halves of every halving, shape (pairs, 2); NaN where there is none.

    Args:
        name: Of the metric.
        metric: Fields of ``MetricConfig``.
        facts: What the metric asks for beside evidence.
        evidence: ``features`` (n, d), ``labels`` (n,) and, of a network with a classifier, ``source_probabilities``.
    """
    score, fixed = function(metric["function"])
    wanted = asks_for(name, metric["function"])
    labels = evidence["labels"]

    def on(rows: np.ndarray) -> float:
        seen = {key: value[rows] for key, value in evidence.items()}
        if "source_labels" in wanted:
            seen["source_labels"] = seen["source_probabilities"].argmax(1)
        given = {key: facts[key] if key in facts else seen[key] for key in wanted}
        try:
            return float(score(**given, **fixed))
        except (ValueError, ArithmeticError):  # a half may be too small for a metric that the whole is enough for
            return float("nan")

    return np.array([[on(first), on(second)] for first, second in halvings(labels)])


def standing_of_scores(scores: FloatArray, halves: FloatArray, confidence: float = 0.95) -> Standing:
    """Where candidates stand by a score on all images, and which of them other images might have put first.

    The difference of a score's two halves estimates its standard error, with no bias for what is linear in the images:
    half of it has the variance of the score on all images. Differences between candidates are compared with zero on the
    same halves by Student's t, as many degrees of freedom as halvings; the error is divided by their number
    (Bonferroni), so that the best candidate is left out with at most the probability 1 - confidence.

    Source: McCarthy, "Pseudo-replication: half samples", Review of the International Statistical Institute 37, 1969.

    Args:
        scores: (candidates,) on all images; higher is better.
        halves: (candidates, pairs, 2) on the halves.
        confidence: In (0, 1).

    Returns:
        The standing, whose ``distance`` is minus the score.

    >>> halves = np.array([[[0.8, 0.9], [0.85, 0.84]], [[0.1, 0.2], [0.15, 0.16]]])
    >>> standing_of_scores(np.array([0.86, 0.15]), halves).order
    (0, 1)
    """
    order = np.argsort(-scores, kind="stable")
    noise = (halves[..., 0] - halves[..., 1]) / 2
    pairs = noise.shape[1]
    error = np.sqrt((noise**2).mean(axis=1))
    # One row at a time: thousands of candidates have millions of pairs.
    apart = np.stack([np.sqrt(((noise - one) ** 2).mean(axis=1)) for one in noise])
    # Without a spread (or where a half has no score) nothing can be told apart, unless the scores themselves differ.
    p = p_ahead(scores[:, None] - scores, apart, pairs)
    best = p[order[0]]
    reach = stdtrit(pairs, 0.5 + confidence / 2) * error
    tied, places = tied_with_first(order, best, confidence), place_intervals(p, confidence)
    return Standing(tuple(order.tolist()), -scores, -scores - reach, -scores + reach, best, tied, places)
