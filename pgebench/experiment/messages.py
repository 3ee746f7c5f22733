"""Messages of an experiment to the terminal: what is about to run, the league in short, what has failed."""

from __future__ import annotations

import math

import pandas as pd

from pgebench.core.records import MISSING

NO_RECORD = (
    "its job did not run or did not end; or it could not see the store: every machine must have the same store=DIR"
)

CEILINGS = {"weighted_tau_ceiling": "same checkpoints", "rerun_ceiling": "everything anew"}
"""Column of the summary -> what is made anew."""

WIDTH = 34
"""Letters of a name in the league."""

NAMES = ("backbone", "source", "target", "metric", "truth")


def short_league(summary: pd.DataFrame, truth: str, most: int = 12) -> list[str]:
    """The best metrics in a few lines, and what any could reach; nothing if there is no score or no truth."""
    if summary.empty:
        return []
    league = summary[(summary.truth == truth) & summary.weighted_tau.notna()].nlargest(most, "weighted_tau")
    if league.empty:
        return []
    lines = [f"{'metric':{WIDTH}}{'weighted tau':>13}   95 % interval"]
    for _, row in league.iterrows():
        interval = (
            f"{row.weighted_tau_low:5.2f} to {row.weighted_tau_high:.2f}"
            if row.weighted_tau_low == row.weighted_tau_low
            else "  -"
        )
        lines.append(f"{row.metric:{WIDTH}}{row.weighted_tau:13.2f}   {interval}")
    for column, made_anew in CEILINGS.items():
        ceiling = float(league[column].iloc[0])
        if math.isfinite(ceiling):
            lines.append(f"{f'(noise ceiling, {made_anew})':{WIDTH}}{ceiling:13.2f}")
    return lines


def to_run(units: int, waiting: int, workers: int | None) -> str:
    """How many units there are, and what of them is to be computed.

    >>> to_run(5, 2, workers=4), to_run(5, 0, workers=4)
    ('5 units, 3 done already, 2 to run with 4 workers.', 'All 5 units are done already.')
    """
    if not waiting:
        return f"All {units} units are done already."
    where = "on the cluster" if workers is None else f"with {workers} workers"
    return f"{units} units, {units - waiting} done already, {waiting} to run {where}."


def failures(table: pd.DataFrame, most: int = 20) -> list[str]:
    """What went wrong, one line per unit, and how to go on."""
    rows = [
        f"  {row.status:8} {row.stage:10} "
        + " ".join(str(row[column]) for column in NAMES if isinstance(row[column], str))
        + (f": {row.error or NO_RECORD}" if row.error or row.status == MISSING else "")
        for _, row in table.head(most).iterrows()
    ]
    rest = [f"  ... and {len(table) - most} more, see records.csv"] if len(table) > most else []
    head = f"{len(table)} units have no result:"
    return [head, *rows, *rest, "Mend the cause and run the same command again: finished units are kept."]
