"""Planned contrasts: the few differences of two metrics that an experiment names before it runs.

Each is tested on its own: it was not picked from the results. `best` stands for the best real metric of the league,
which *is* picked from them, so its p-value is corrected for all metrics that could have been it (Holm). All other pairs
are exploration, see `pgebench.analysis.pairs`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pgebench.analysis.chance import holm
from pgebench.analysis.resamples import Resamples

Contrasts = Sequence[tuple[str, str]]
"""Pairs of metrics, each the first against the second."""

BEST = "best"
"""Stands for the best real metric."""


def planned_contrasts(
    contrasts: Contrasts, metrics: Sequence[str], real: Sequence[str], resamples: Resamples
) -> pd.DataFrame:
    """Differences of the planned pairs, first minus second.

    Args:
        contrasts: The pairs; one with a metric that is not there is left out.
        metrics: Names along the first axis of the resamples, the best first.
        real: Those of them that are no yardsticks, the best first.
        resamples: Draws of one statistic.

    Returns:
        One row per pair in the order of the plan: `planned` (the first name as it was planned), `first`, `second`,
        `difference`, `low`, `high`, two-sided `p`, and `tests`, the number of metrics that p is corrected for.

    >>> from pgebench.analysis.bootstrap import bootstrap
    >>> truth = np.random.default_rng(0).random((1, 8, 8, 2))
    >>> draws = bootstrap(np.stack([truth.mean(-1), -truth.mean(-1)]), truth, resamples=200)["tau"]
    >>> found = planned_contrasts([("best", "bad"), ("mine", "bad")], ["good", "bad"], ["good"], draws)
    >>> found[["planned", "first", "second", "difference", "tests"]].values.tolist()
    [['best', 'good', 'bad', 2.0, 1]]
    """
    rows = []
    for planned, second in contrasts:
        candidates = [name for name in real if name != second] if planned == BEST else [planned]
        if second not in metrics or not candidates or candidates[0] not in metrics:
            continue
        at = metrics.index(second)
        found = [resamples.difference(metrics.index(name), at) for name in candidates]
        estimate, low, high, _ = found[0]
        p = float(holm(np.array([one[3] for one in found]))[0])
        rows.append((planned, candidates[0], second, estimate, low, high, p, len(candidates)))
    columns = ["planned", "first", "second", "difference", "low", "high", "p", "tests"]
    return pd.DataFrame(rows, columns=columns)
