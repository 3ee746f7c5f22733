"""Pairs of metrics that can be told apart: differences of two metrics on the same resamples."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import pandas as pd

from pgebench.analysis.chance import holm
from pgebench.analysis.resamples import Resamples


def paired_differences(metrics: list[str], resamples: Resamples, leave_out: tuple[str, ...] = ()) -> pd.DataFrame:
    """Difference of each pair of metrics, with interval and p-value.

    Both metrics see the same targets, sources and seeds in every resample, so what they have in common cancels; two
    metrics can differ clearly although their own intervals overlap.

    Args:
        metrics: Names along the first axis of the resamples.
        resamples: Draws of one statistic.
        leave_out: Metrics not to compare; fewer pairs mean a milder correction.

    Returns:
        One row per pair: `better`, `worse` (by the estimate), `difference`, `low`, `high`, two-sided `p` and `p_holm`
        (Holm-corrected over all pairs); NaN where nothing could be drawn. Largest difference first.

    >>> import numpy as np
    >>> from pgebench.analysis.bootstrap import bootstrap
    >>> truth = np.random.default_rng(0).random((1, 8, 8, 2))
    >>> scores = np.stack([truth.mean(-1), -truth.mean(-1)])
    >>> pairs = paired_differences(["good", "bad"], bootstrap(scores, truth, resamples=200)["tau"])
    >>> pairs.loc[0, "better"], float(pairs.loc[0, "difference"]), bool(pairs.loc[0, "p_holm"] < 0.05)
    ('good', 2.0, True)
    """
    rows = []
    for first, second in combinations([m for m, name in enumerate(metrics) if name not in leave_out], 2):
        estimate, low, high, p = resamples.difference(first, second)
        better, worse = first, second
        if estimate < 0:
            better, worse, estimate, low, high = second, first, -estimate, -high, -low
        rows.append((metrics[better], metrics[worse], estimate, low, high, p))
    frame = pd.DataFrame(rows, columns=["better", "worse", "difference", "low", "high", "p"])
    frame["p_holm"] = holm(frame["p"].to_numpy(dtype=float))
    return frame.sort_values(["difference", "better", "worse"], ascending=[False, True, True], ignore_index=True)


def level_groups(metrics: Sequence[str], pairs: pd.DataFrame, alpha: float = 0.05) -> list[tuple[int, int]]:
    """Runs of metrics in which no two can be told apart: the bars of a critical-difference diagram.

    The classic diagram (Demsar, JMLR 2006) takes Friedman ranks and one critical difference for all pairs; here each
    pair has its own test, on the same resamples.

    Args:
        metrics: The best first.
        pairs: From `paired_differences`; a metric that was not compared belongs to no run.
        alpha: Corrected p-values below it tell two metrics apart.

    Returns:
        First and last position of each run of at least two that is part of no longer run.

    >>> rows = [("a", "b", 0.6), ("a", "c", 0.01), ("b", "c", 0.3)]
    >>> level_groups(["a", "b", "c"], pd.DataFrame(rows, columns=["better", "worse", "p_holm"]))
    [(0, 1), (1, 2)]
    """
    compared = {*pairs["better"], *pairs["worse"]}
    apart = {
        frozenset(pair)
        for pair in pairs.loc[pairs["p_holm"] < alpha, ["better", "worse"]].itertuples(index=False, name=None)
    }
    runs: list[tuple[int, int]] = []
    for first, name in enumerate(metrics):
        last = first
        while (
            name in compared
            and last + 1 < len(metrics)
            and metrics[last + 1] in compared
            and not any(frozenset((metrics[last + 1], other)) in apart for other in metrics[first : last + 1])
        ):
            last += 1
        if last > first and (not runs or last > runs[-1][1]):
            runs.append((first, last))
    return runs
