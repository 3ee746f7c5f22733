"""The table of records of a run, without what no two runs share."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

MEASURED = ["wall_s", "cpu_s", "peak_rss_mb", "finished", "attempts"]
"""Columns that may differ between two runs of the same experiment."""


def table(results: Path) -> pd.DataFrame:
    return pd.read_parquet(results / "records.parquet")


def values(results: Path) -> pd.DataFrame:
    found = table(results).drop(columns=MEASURED)
    # How long the pictures took to pass through the network is measured too, beside what is not.
    return found.assign(detail=found["detail"].str.replace(r'"passing_s": [^,}]*', '"passing_s": 0', regex=True))
