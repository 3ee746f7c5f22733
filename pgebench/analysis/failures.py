"""Failures of a run: those that have a cause of their own before those that only wait for another unit."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd


def waits_for_another(failures: pd.DataFrame) -> pd.Series:
    """Which failures only say that an input has no result.

    Args:
        failures: Rows of the records, with the columns `error` and, as JSON text, `detail`; a table without `detail`
            will do.

    Returns:
        True for each row that only waits for another unit.

    >>> rows = [("no such file", "{}"), ("needs gradient b, which has no result: no such file", '{"upstream": true}')]
    >>> waits_for_another(pd.DataFrame(rows, columns=["error", "detail"])).tolist()
    [False, True]
    """
    details = failures["detail"] if "detail" in failures else [None] * len(failures)
    marked = [_is_marked(detail) for detail in details]
    return _says_so(failures["error"]) | np.array(marked, dtype=bool)


def causes_first(unfinished: pd.DataFrame) -> pd.DataFrame:
    """Failures in a fixed order, the causes before those that only wait for them.

    Args:
        unfinished: Rows of the records that are not done, with the columns `stage`, `key` and `error`.

    Returns:
        The same rows, numbered anew.
    """
    return (
        unfinished.assign(waits=waits_for_another(unfinished))
        .sort_values(["waits", "stage", "key"], ignore_index=True)
        .drop(columns="waits")
    )


def _is_marked(detail: object) -> bool:
    return isinstance(detail, str) and json.loads(detail or "{}").get("upstream") is True


def _says_so(errors: pd.Series) -> pd.Series:
    """Which messages say it: records of before have no mark, and their tables are read as ever.

    The whole sentence is asked for, since a message of a metric may begin with "needs" as well.
    """
    return errors.astype("string").str.fullmatch("needs .+, which has no result: .*").fillna(False).astype(bool)
