"""Other criteria of the truth than accuracy: the same transfers on the same test images, judged otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pgebench.analysis.alike import beside
from pgebench.analysis.ceiling import Ceiling, rerun_ceiling, transfer_ceiling
from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.quality import ranking_quality
from pgebench.analysis.table import Table, Transfers

CRITERIA = ("balanced_accuracy", "macro_auroc")
"""Names under which the record of a transfer holds them."""


@dataclass(frozen=True)
class Criterion:
    """The metrics judged by another criterion than accuracy.

    Attributes:
        name: One of `CRITERIA`.
        agreement: Mean weighted tau of the orders by accuracy and by this criterion, of the same transfers: nothing but
            the criterion differs.
        ceiling: Of a truth by this criterion, with the same checkpoints.
        rerun: The same with everything trained anew.
        league: Columns metric, weighted_tau, low, high; in the order of the table.
    """

    name: str
    agreement: float
    ceiling: Ceiling
    rerun: Ceiling
    league: pd.DataFrame


def judged_by(
    records: pd.DataFrame,
    truth: str,
    table: Table,
    transfers: Callable[[pd.DataFrame], Transfers],
    *,
    resamples: int,
    seed: int,
) -> tuple[Criterion, ...]:
    """Every metric beside every other criterion of one truth.

    Args:
        records: One row per unit, with `detail`.
        truth: Name of the truth.
        table: Of these records, as the league has it.
        transfers: The truth of that table by records with other values.
        resamples: Draws of the bootstrap.
        seed: Of the draws.

    Returns:
        One for each criterion that every finished transfer has; none for records of an earlier version.
    """
    own = (records["stage"] == "truth") & (records["truth"] == truth) & (records["status"] == "done")
    details = [json.loads(text) for text in records["detail"][own]] if "detail" in records else []
    return tuple(
        _criterion(name, table, truth, transfers(_with_values(records[own], details, name)), resamples, seed)
        for name in CRITERIA
        if details and all(_is_number(detail.get(name)) for detail in details)
    )


def _criterion(name: str, table: Table, truth: str, transfers: Transfers, resamples: int, seed: int) -> Criterion:
    found = beside(table, transfers).resampled((PRIMARY,), resamples=resamples, seed=seed)[PRIMARY]
    rows = [(metric, float(found.estimate[m]), *found.interval(m)) for m, metric in enumerate(table.replicates)]
    return Criterion(
        name,
        _agreement(table.truths[truth], transfers),
        transfer_ceiling(transfers, seed=seed)[PRIMARY],
        rerun_ceiling(transfers, seed=seed)[PRIMARY],
        pd.DataFrame(rows, columns=["metric", PRIMARY, "low", "high"]),
    )


def _agreement(accuracy: Transfers, other: Transfers) -> float:
    """Mean over checkpoints, backbones and targets."""
    found = [
        ranking_quality(other.of_checkpoint(number), accuracy.of_checkpoint(number)[..., None]).mean(PRIMARY)
        for number in accuracy.numbers
    ]
    return float(np.mean(found))


def _with_values(records: pd.DataFrame, details: list[Mapping[str, float]], criterion: str) -> pd.DataFrame:
    return records.assign(value=[detail[criterion] for detail in details])


def _is_number(value: object) -> bool:
    return isinstance(value, float | int) and bool(np.isfinite(value))
