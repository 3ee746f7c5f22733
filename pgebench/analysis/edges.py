"""How often the learning rate that validation chose is the smallest or the largest of its grid.

The best rate of a run on an edge may lie outside the grid: its accuracy tells of the grid as much as of the network.
"""

from __future__ import annotations

import json
import math

import pandas as pd

EDGE_WARNING = 0.10
"""Share of the runs of one kind on an edge above which the grid is called too narrow."""

CHECKPOINT = "checkpoint"
"""What the training of a source model is called here; every other training has the name of its truth."""

COLUMNS = ["training", "runs", "rates", "smallest", "largest", "inside"]


def grid_edges(records: pd.DataFrame) -> pd.DataFrame:
    """Share of the runs of each kind of training that chose an edge of their own grid of learning rates.

    A rate that diverged is a rate of the grid like any other: its accuracy is stored as 0, as that of a bad one may be.

    Args:
        records: Columns key, stage, status, truth and detail; variant where there are variations, which are left out.
            `detail` is JSON text with `learning_rate` and `val_by_learning_rate`; rows without them are no runs here.

    Returns:
        One row per kind, source models first: `training`, `runs`, `rates` (of the largest grid), and the shares
        `smallest`, `largest` and `inside`, over the runs whose grid has several rates; NaN if there are none.

    >>> detail = '{"learning_rate": 0.01, "val_by_learning_rate": {"0.001": 0.5, "0.003": 0.6, "0.01": 0.7}}'
    >>> row = {"key": "k", "stage": "truth", "status": "done", "truth": "finetune", "detail": detail}
    >>> grid_edges(pd.DataFrame([row])).to_dict("records")
    [{'training': 'finetune', 'runs': 1, 'rates': 3, 'smallest': 0.0, 'largest': 1.0, 'inside': 0.0}]
    """
    if "detail" not in records:
        return pd.DataFrame(columns=COLUMNS)
    itself = records[records["variant"].isna()] if "variant" in records else records
    trained = itself[(itself["status"] == "done") & itself["stage"].isin([CHECKPOINT, "truth"])].drop_duplicates("key")
    found: dict[tuple[bool, str], list[tuple[float, list[float]]]] = {}
    for stage, truth, detail in zip(trained["stage"], trained["truth"], trained["detail"], strict=True):
        if (choice := _choice(detail)) is not None:
            found.setdefault((stage != CHECKPOINT, CHECKPOINT if stage == CHECKPOINT else str(truth)), []).append(
                choice
            )
    return pd.DataFrame([_row(name, found[of_truth, name]) for of_truth, name in sorted(found)], columns=COLUMNS)


def _choice(detail: object) -> tuple[float, list[float]] | None:
    """The rate that was chosen and all rates of its grid in ascending order; None if the record does not say."""
    try:
        said = json.loads(detail) if isinstance(detail, str) else {}
        chosen, rates = float(said["learning_rate"]), sorted(float(rate) for rate in said["val_by_learning_rate"])
    except (KeyError, TypeError, ValueError):
        return None
    return (chosen, rates) if chosen in rates else None


def _row(training: str, choices: list[tuple[float, list[float]]]) -> tuple[str, int, int, float, float, float]:
    # With a single rate nothing was chosen.
    several = [(chosen, rates) for chosen, rates in choices if len(rates) > 1]
    counts = [
        sum(chosen == rates[0] for chosen, rates in several),
        sum(chosen == rates[-1] for chosen, rates in several),
        sum(rates[0] < chosen < rates[-1] for chosen, rates in several),
    ]
    smallest, largest, inside = (count / len(several) if several else math.nan for count in counts)
    return training, len(choices), max(len(rates) for _, rates in choices), smallest, largest, inside
