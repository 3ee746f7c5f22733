"""Which metrics can be told apart: differences of two metrics on the same resamples."""

from __future__ import annotations

from itertools import combinations

import pandas as pd

from pgebench.analysis.bootstrap import Resamples
from pgebench.analysis.null import holm


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
