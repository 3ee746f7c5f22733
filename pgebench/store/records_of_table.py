"""Records from a table of records: what a results folder says of each unit, as a store would."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

COPIED = ("status", "value", "wall_s", "cpu_s", "peak_rss_mb", "images", "workers", "threads", "attempts", "finished")
"""Columns of the table that are fields of a record under the same name."""


def records_of(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """The records of a table by the keys of their units.

    Args:
        table: One row per unit and label, with ``key``, ``detail`` and the columns of ``COPIED``.

    Returns:
        Key -> record without artifact; what the table does not hold is None.

    >>> row = {"key": "k", "detail": '{"classes": 5}', **dict.fromkeys(COPIED), "status": "done", "value": 0.5}
    >>> found = records_of(pd.DataFrame([row]))["k"]
    >>> found["value"], found["detail"], found["artifact"]
    (0.5, {'classes': 5}, {})
    """
    distinct = table.drop_duplicates("key")[["key", "detail", *COPIED]].astype(object)
    rows = distinct.where(distinct.notna(), None).to_dict("records")
    return {
        row["key"]: {**{name: row[name] for name in COPIED}, "detail": json.loads(row["detail"]), "artifact": {}}
        for row in rows
    }
