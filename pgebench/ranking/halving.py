"""Successive halving: all candidates on few images, the better half on more; and how sure it is that none was wronged.

Source: Karnin, Koren, Somekh, "Almost optimal exploration in multi-armed bandits", ICML 2013 (the rounds); the chance
is that of half samples, as in `half_samples`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pgebench.ranking.standing import FloatArray

HALVED_FROM = 16
"""Candidates from which on they are halved: of fewer little is saved."""

FEWEST = 8
"""Candidates that are always left: an answer has more than a winner."""


@dataclass(frozen=True)
class Round:
    """One round of a plan.

    Attributes:
        per_class: Training images per class of the target that are looked at.
        candidates: How many look at them, if none fails.
    """

    per_class: int
    candidates: int


@dataclass(frozen=True)
class Halved:
    """What a round did.

    Attributes:
        per_class: Training images per class that were looked at.
        scored: Candidates with a score.
        kept: How many of them went on.
        wrong: Rankings by half of these images that would have dropped the candidate that the other half puts first.
        rankings: By half of the images, that were looked at.
    """

    per_class: int
    scored: int
    kept: int
    wrong: int
    rankings: int


@dataclass(frozen=True)
class Dropped:
    """A candidate that did not go on.

    Attributes:
        name: Of the candidate.
        per_class: Training images per class in its last round.
        place: In that round.
        among: Candidates with a score in that round.
        score: On these images.
        low: Lower end of the score's interval, by half samples.
        high: Upper end.
    """

    name: str
    per_class: int
    place: int
    among: int
    score: float
    low: float
    high: float


def rounds(candidates: int, sizes: Sequence[int], per_class: int) -> list[Round]:
    """The rounds by which candidates come to be judged on ``per_class`` images of each class.

    Args:
        candidates: How many there are.
        sizes: Numbers of images per class that make a difference, rising.
        per_class: The last one, of ``sizes``.

    Returns:
        One round where there are fewer than ``HALVED_FROM``.

    >>> [(one.per_class, one.candidates) for one in rounds(40, [10, 20, 50, 100], 50)]
    [(10, 40), (20, 20), (50, 10)]
    >>> rounds(6, [10, 20, 50, 100], 50)
    [Round(per_class=50, candidates=6)]
    """
    if candidates < HALVED_FROM:
        return [Round(per_class, candidates)]
    found = []
    for size in (*(size for size in sizes if size < per_class), per_class):
        found.append(Round(size, candidates))
        candidates = better_half(candidates)
    return found


def better_half(scored: int) -> int:
    """How many of the candidates with a score go on.

    >>> [better_half(scored) for scored in (41, 16, 12, 3)]
    [21, 8, 8, 3]
    """
    return min(scored, max(FEWEST, -(-scored // 2)))


def halve(per_class: int, scores: FloatArray, halves: FloatArray) -> tuple[list[int], Halved]:
    """The candidates that go on, and how often half of the images would have dropped the other half's first.

    A ranking by one half of the images says what would be dropped; the other half, which it has not seen, says which
    candidate is first. That is done both ways for every halving. With all images a ranking is surer than with half of
    them, so the share of wrong ones is rather too large than too small; it is about this metric on these classes, at
    this number of images, not about accuracy.

    Args:
        per_class: Training images per class that were looked at.
        scores: (candidates,) on all images; higher is better.
        halves: (candidates, pairs, 2) on the halves; NaN where there is none.

    Returns:
        Positions of those that go on, the best first, and the round.

    >>> scores = np.arange(20.0)
    >>> kept, done = halve(10, scores, np.repeat(scores, 16).reshape(20, 8, 2))
    >>> kept[:3], done.kept, done.wrong, done.rankings
    ([19, 18, 17], 10, 0, 16)
    """
    kept = better_half(len(scores))
    order = np.argsort(-scores, kind="stable")[:kept]
    ranked = np.where(np.isnan(halves), -np.inf, halves)
    wrong = rankings = 0
    for by, truth in ((0, 1), (1, 0)):
        for pair in range(halves.shape[1]):
            if np.isnan(halves[:, pair]).all(axis=0).any():
                continue
            chosen = np.argsort(-ranked[:, pair, by], kind="stable")[:kept]
            rankings += 1
            wrong += int(ranked[:, pair, truth].argmax()) not in chosen
    return order.tolist(), Halved(per_class, len(scores), kept, wrong, rankings)


def told(done: Sequence[Halved], last: int, finalists: int) -> list[str]:
    """What the rounds did and how sure they are, in sentences; none where nothing was dropped.

    Args:
        done: The rounds before the last one.
        last: Training images per class of the last one.
        finalists: Candidates in it.
    """
    if not any(one.kept < one.scored for one in done):
        return []
    steps = [f"{one.scored:,} candidates on {one.per_class} images a class" for one in done]
    plan = ", the better half of these on more: ".join((steps[0], "")) + ", then ".join(
        [*steps[1:], f"{finalists:,} on {last}"]
    )
    odds = "; ".join(
        f"at {one.per_class} images a class {one.wrong} of {one.rankings} ({one.wrong / one.rankings:.0%})"
        if one.rankings
        else f"at {one.per_class} images a class halves are too few to tell"
        for one in done
        if one.kept < one.scored
    )
    return [
        f"Halving: {plan}.",
        "Was the best one dropped? So many rankings by half of the images would have dropped the candidate that the "
        f"other half puts first: {odds}.",
    ]
