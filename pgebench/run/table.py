"""The tables of a run: one row per unit, rebuilt at any time from the plan and the store; and the written summary."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pgebench.core.records import COLUMNS, TYPES
from pgebench.core.text import storable
from pgebench.stages import flops_of
from pgebench.store.store import Store
from pgebench.store.unit import Unit

_JSON = json.JSONEncoder(sort_keys=True)


def frame(units: Sequence[Unit], store: Store) -> pd.DataFrame:
    """The records of these units, in this order, labelled as the plan labels them.

    Columns: ``COLUMNS``; ``detail`` and ``inputs`` are JSON text. A unit without a record has status ``missing``.
    Learning curves stay in the store: fifty numbers in a cell are no table.
    """
    # Column by column: a dict per row would take more memory than the table.
    columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    for unit in units:
        for name, value in _row(unit, store.record(unit), store.root).items():
            # A column is text of UTF-8; the name of a folder need not be.
            columns[name].append(storable(value) if isinstance(value, str) else value)
    return pd.DataFrame(columns).astype(TYPES)


def load_summary(results: Path) -> pd.DataFrame:
    """The written `summary.csv`: one row per truth and metric, columns as in `pgebench.analysis.summary_columns`.

    Args:
        results: Folder of a run that has its report.

    Returns:
        The table as numbers and words.
    """
    return pd.read_csv(Path(results) / "summary.csv")


def _row(unit: Unit, record: dict[str, Any], store: Path) -> dict[str, Any]:
    copied = ("status", "value", "wall_s", "cpu_s", "peak_rss_mb", "images", "workers", "threads", "attempts", "error")
    detail = {name: value for name, value in record.get("detail", {}).items() if name != "curve"}
    return {
        **unit.named(),
        **{column: record.get(column) for column in (*copied, "finished")},
        "flops": _flops(unit, record, store),
        "detail": _JSON.encode(detail),
        "inputs": _JSON.encode([needed.key for needed in unit.inputs.values()]),
    }


def _flops(unit: Unit, record: dict[str, Any], store: Path) -> float | None:
    """The operations of a unit; None where its record lacks what they are counted from, being damaged or foreign."""
    try:
        return flops_of(unit, record, store)
    except (KeyError, TypeError):
        return None
