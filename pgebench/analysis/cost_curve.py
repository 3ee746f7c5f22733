"""Cost curve: what it takes to rank M sources for T targets, by a metric and by fine-tuning everything.

The experiment's mean seconds per source model, source, target and pair are carried over to other numbers of sources and
targets of the same kind, for one backbone. The truth is priced at one transfer per pair, as a ranking
needs no more. Ranking alone is priced: the transfer of the source that is chosen in the end comes on top, for every
metric alike, and for a metric that trains no source models, the training of that one source.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import product

import pandas as pd

from pgebench.analysis.cost import Cost

COLUMNS = ["metric", "at_hand", "sources", "targets", "seconds", "truth_seconds"]


def ranking_s(cost: Cost, sources: int, targets: int, at_hand: bool = False) -> float:
    """Seconds to rank `sources` sources for each of `targets` targets.

    Args:
        cost: Of a metric or of a truth.
        sources: Number of sources.
        targets: Number of targets, none of them among the sources.
        at_hand: Whether the trained source models are there already.

    Returns:
        Seconds of one process after another.
    """
    return sources * _a_source_s(cost, at_hand) + targets * next_target_s(cost, sources)


def next_target_s(cost: Cost, sources: int) -> float:
    """Seconds that one more target adds when there are so many sources.

    Args:
        cost: Of a metric or of a truth.
        sources: Number of sources.

    Returns:
        Seconds.
    """
    return cost.per_target_s + sources * cost.per_pair_s


def next_source_s(cost: Cost, targets: int, at_hand: bool = False) -> float:
    """Seconds that one more source adds when there are so many targets.

    Args:
        cost: Of a metric or of a truth.
        targets: Number of targets.
        at_hand: Whether the trained source models are there already.

    Returns:
        Seconds.
    """
    return _a_source_s(cost, at_hand) + targets * cost.per_pair_s


def break_even(cost: Cost, truth: Cost, sources: int, at_hand: bool = False) -> float:
    """The smallest number of targets from which on a metric is cheaper than fine-tuning everything.

    Args:
        cost: Of the metric.
        truth: Of the truth that it replaces.
        sources: Number of sources to rank.
        at_hand: Whether the trained source models are there already, for both.

    Returns:
        1 if it always is; infinity if it never is, or only as long as there are few targets.

    >>> from pgebench.analysis.cost import Cost
    >>> blank = dict.fromkeys(Cost.__dataclass_fields__, 0)
    >>> pge = Cost(**blank | {"per_source_s": 60, "per_target_s": 60})
    >>> finetune = Cost(**blank | {"per_checkpoint_s": 20, "per_pair_s": 7})
    >>> break_even(pge, finetune, sources=10), break_even(pge, finetune, sources=10, at_hand=True)
    (41, 61)
    """
    ahead = sources * (_a_source_s(cost, at_hand) - _a_source_s(truth, at_hand))
    a_target = next_target_s(cost, sources) - next_target_s(truth, sources)
    if a_target < 0:
        return max(1, math.floor(ahead / -a_target) + 1)
    return 1 if a_target == 0 and ahead < 0 else math.inf


def cost_curve(costs: Mapping[str, Cost], truth: Cost, sources: Sequence[int], targets: Sequence[int]) -> pd.DataFrame:
    """Seconds of every metric, and of fine-tuning everything, for each number of sources and targets.

    Args:
        costs: Metric -> cost.
        truth: Cost of the truth.
        sources: Numbers of sources.
        targets: Numbers of targets.

    Returns:
        Columns metric, at_hand (whether source models are there already), sources, targets, seconds and
        truth_seconds; one row for each combination, in this order.
    """
    rows = [
        (name, at_hand, m, t, ranking_s(cost, m, t, at_hand), ranking_s(truth, m, t, at_hand))
        for (name, cost), at_hand, m, t in product(costs.items(), (False, True), sources, targets)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _a_source_s(cost: Cost, at_hand: bool) -> float:
    return cost.per_source_s + (0.0 if at_hand else cost.per_checkpoint_s)
