"""`analyse`: the statistics of an experiment from its table of records, for a notebook."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pgebench.analysis import Analysis
from pgebench.core.errors import ConfigError
from pgebench.report.build import REQUIRED, analysed, read_results

RECORDS = "records.parquet"


def analyse(records: pd.DataFrame | str | Path) -> Analysis:
    """The league tables and everything else that a report says, as pandas tables and NumPy arrays.

    Args:
        records: A results folder, its ``records.parquet``, or a table with the columns of that file. The folder says
            which truth is the primary one and what the league ranks; a table is taken for a ranking of sources.

    Returns:
        The analysis: ``summary`` is the league tables, ``results`` has one entry per truth. The same records give the
        same numbers as the report.

    Raises:
        FileNotFoundError: There is no ``records.parquet``.
        ValueError: A column is missing.
        ConfigError: The path is that of another file.

    >>> import pgebench
    >>> pgebench.analyse("no/such/folder")
    Traceback (most recent call last):
    ...
    FileNotFoundError: no/such/folder/records.parquet is not there: run the experiment first, or point to its results \
folder
    """
    if isinstance(records, pd.DataFrame):
        if missing := [name for name in REQUIRED if name not in records.columns]:
            raise ValueError(f"the records lack the column(s) {', '.join(missing)}; see {RECORDS} of any run")
        return analysed(records, {})
    path = Path(records)
    if path.is_file() and path.name != RECORDS:
        raise ConfigError(f"{path}: give a results folder, its {RECORDS}, or a table that you read yourself")
    table, meta = read_results(path.parent if path.name == RECORDS else path)
    return analysed(table, meta)
