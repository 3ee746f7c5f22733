"""One regime as a row of numbers: what transfer gains, where its rates lie, how far its truth can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from pgebench.analysis.build_table import build_table
from pgebench.analysis.ceiling import rerun_ceiling, transfer_ceiling
from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.edges import grid_edges
from pgebench.analysis.gain import SCRATCH, gains
from pgebench.report.wording import number, percent, points, signed

TRUTH = "finetune"

COLUMNS = (
    "regime", "images per class", "best source", "mean", "below scratch", "inside the grid", "scratch inside",
    "same checkpoint", "another checkpoint", "three checkpoints", "CPU s per transfer",
)  # fmt: skip


def row(name: str, records: pd.DataFrame, meta: Mapping[str, Any]) -> list[str]:
    """The row of one regime.

    Args:
        name: What the reader calls it.
        records: Of an experiment with the truths `finetune` and `scratch`.
        meta: Of the same.

    Returns:
        Cells in the order of `COLUMNS`.
    """
    found = gains(records, TRUTH)
    edges = grid_edges(records).set_index("training")["inside"]
    transfers = build_table(records).truths[TRUTH]
    same, anew = transfer_ceiling(transfers)[PRIMARY], rerun_ceiling(transfers)[PRIMARY]
    trained = records[(records["stage"] == "truth") & (records["truth"] == TRUTH)]
    gained = [signed(100 * float(found[column].mean()), 1) for column in ("best_gain", "mean_gain")]
    return [
        name,
        str(meta["config"]["target"]["train_per_class"]),
        *gained,
        percent(float(found["hurt"].mean())),
        percent(float(edges.get(TRUTH, float("nan")))),
        percent(float(edges.get(SCRATCH, float("nan")))),
        number(same.with_seeds(PRIMARY, 1)),
        number(anew.with_seeds(PRIMARY, 1)),
        number(anew.with_seeds(PRIMARY, 3)),
        number(float(trained["cpu_s"].mean()), 1),
    ]


def by_target(records: pd.DataFrame) -> str:
    """Accuracy from scratch and the best source's gain on each target, in words.

    Args:
        records: Of an experiment with the truths `finetune` and `scratch`.

    Returns:
        One sentence.
    """
    found = gains(records, TRUTH)[["target", "scratch", "best_gain"]].itertuples(index=False, name=None)
    return ", ".join(f"{target} {points(level)} % {signed(100 * gain, 1)}" for target, level, gain in found)
