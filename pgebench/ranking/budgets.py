"""Which candidate for which budget: those that no cheaper one beats, and the best of the cheaper ones and of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SHARES = (("small", 1 / 3), ("medium", 2 / 3), ("any", 1.0))
"""Name of a budget, and the share of the candidates, the cheapest first, that it pays for."""


@dataclass(frozen=True)
class Pick:
    """The candidate to take for one budget.

    Attributes:
        budget: ``small``, ``medium`` or ``any``.
        most: Cost that a candidate of this budget has at most; infinite for any.
        among: How many candidates the budget pays for.
        candidate: Position of the best of them.
    """

    budget: str
    most: float
    among: int
    candidate: int


def pareto_front(costs: Sequence[float], scores: Sequence[float]) -> list[int]:
    """Candidates that no other beats: none is as cheap with a higher score, nor cheaper with a score as high.

    Args:
        costs: One per candidate, lower is better; a candidate whose cost or score is not finite is on no front.
        scores: One per candidate, higher is better.

    Returns:
        Positions, the cheapest first; of equal candidates all.

    >>> pareto_front([1.0, 2.0, 3.0, 4.0], [0.2, 0.1, 0.5, 0.5])
    [0, 2]
    """
    known = [one for one in range(len(costs)) if np.isfinite(costs[one]) and np.isfinite(scores[one])]
    front: list[int] = []
    best = -np.inf
    for one in sorted(known, key=lambda one: (costs[one], -scores[one])):
        equal = front and (costs[one], scores[one]) == (costs[front[-1]], scores[front[-1]])
        if scores[one] > best or equal:
            front.append(one)
            best = scores[one]
    return front


def picks(costs: Sequence[float], scores: Sequence[float]) -> list[Pick]:
    """The best candidate of the cheapest third, of the cheapest two thirds, and of all.

    The thresholds are relative to the candidates: small costs at most as much as the candidate at a third of the way
    from the cheapest to the dearest, rounded up. What has no known cost is for any budget only.

    Args:
        costs: One per candidate; NaN where it is not known.
        scores: One per candidate, higher is better; all finite.

    Returns:
        One per budget, in the order of ``SHARES``; small and medium are left out where no cost is known.

    >>> [(pick.budget, pick.most, pick.candidate) for pick in picks([1, 9, 5], [0.1, 0.9, 0.5])]
    [('small', 1.0, 0), ('medium', 5.0, 2), ('any', inf, 1)]
    """
    known = sorted(float(cost) for cost in costs if np.isfinite(cost))
    found = []
    for budget, share in SHARES:
        most = np.inf
        if share < 1:
            if not known:
                continue
            # Rounded before it is rounded up: a third of three is one.
            most = known[int(np.ceil(round(share * len(known), 9))) - 1]
        within = [one for one in range(len(costs)) if share == 1 or costs[one] <= most]
        found.append(Pick(budget, most, len(within), max(within, key=lambda one: scores[one])))
    return found
