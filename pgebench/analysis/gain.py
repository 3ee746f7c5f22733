"""Gain of transfer over training the same network on the target alone, from random weights."""

from __future__ import annotations

import numpy as np
import pandas as pd

SCRATCH = "scratch"
"""Name of the truth that has no source."""


def gains(records: pd.DataFrame, truth: str) -> pd.DataFrame:
    """Accuracy after transfer minus accuracy from scratch, for each backbone and target.

    Args:
        records: With truth rows of `truth` (backbone, source, target, seed) and of `scratch` (backbone, target, seed).
        truth: Which truth.

    Returns:
        One row per backbone and target that has both: `backbone`, `target`, `scratch` (mean accuracy), `best_source`,
        `best_gain`, `mean_gain`, `worst_gain` and `hurt` (share of the sources whose transfer ends below scratch).

    >>> rows = [("scratch", None, 0.5), ("finetune", "near", 0.8), ("finetune", "far", 0.4)]
    >>> frame = pd.DataFrame(rows, columns=["truth", "source", "value"])
    >>> frame = frame.assign(stage="truth", status="done", backbone="net", target="mine")
    >>> found = gains(frame, "finetune").iloc[0]
    >>> found.best_source, round(float(found.best_gain), 6), round(float(found.mean_gain), 6), float(found.hurt)
    ('near', 0.3, 0.1, 0.5)
    """
    done = records[(records["stage"] == "truth") & (records["status"] == "done") & np.isfinite(records["value"])]
    scratch = done[done["truth"] == SCRATCH].groupby(["backbone", "target"])["value"].mean()
    transfer = done[(done["truth"] == truth) & done["source"].notna()]
    # Every checkpoint counts alike, however many transfers start from it.
    cell = ["backbone", "target", "source"]
    checkpoint = ["checkpoint"] if "checkpoint" in transfer else []
    of_checkpoint = transfer.groupby([*cell, *checkpoint], dropna=False)["value"].mean()
    means = of_checkpoint.groupby(cell).mean()
    rows = []
    for (backbone, target), level in scratch.items():
        if (backbone, target) in means.index.droplevel("source"):
            # Rounded as accuracies are elsewhere: the same numbers added in another order are no loss.
            gain = (means.loc[(backbone, target)] - level).round(12)
            spread = (gain.idxmax(), gain.max(), gain.mean(), gain.min(), float((gain < 0).mean()))
            rows.append((backbone, target, level, *spread))
    columns = ["backbone", "target", "scratch", "best_source", "best_gain", "mean_gain", "worst_gain", "hurt"]
    return pd.DataFrame(rows, columns=columns)
