"""Run of a sweep's report: what a workspace compares across sweeps, and everything the results folder holds."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pgebench.core.records import DONE
from pgebench.tracking import keys
from pgebench.tracking.checkpoints import artifact_name

if TYPE_CHECKING:
    from wandb import Artifact, Run

MOST_ROWS = 10_000
"""Rows that W&B shows of a Table; the Artifact has all of them."""

LONG_COLUMNS = ("detail", "inputs")
"""JSON text in the records, for programs and not for readers."""

Row = dict[str, Any]


def prepare() -> None:
    """Have W&B import what tables and pictures need, while the sweep is still computing and nobody waits."""
    import PIL.Image  # noqa: F401
    import wandb

    wandb.Table(columns=["a"], data=[[0]])


def log_report(run: Run, results: Path, primary_truth: str) -> None:
    """Log a built report, what matters most first.

    Args:
        run: the open run.
        results: a folder in which ``build_report`` has been.
        primary_truth: the truth of the league table.
    """
    import wandb

    summary, records = read_table(results / "summary.csv"), read_table(results / "records.csv")
    league = [row for row in summary if row["truth"] == primary_truth]
    meta = json.loads((results / "meta.json").read_text())
    run.summary.update(headline(league, records))
    run.log({keys.LEAGUE: table_of(summary)})
    run.log({keys.figure(path.stem): wandb.Image(str(path)) for path in sorted((results / "figures").glob("*.png"))})
    # The page is interactive already, and whole in one file.
    run.log({keys.REPORT: wandb.Html(str(results / "report.html"), inject=False)})
    run.define_metric(keys.COST_TARGETS, hidden=True)
    run.define_metric(keys.ranking_seconds("*"), step_metric=keys.COST_TARGETS, summary="min,max")
    curves = results / "figures" / f"curves_{primary_truth}.csv"
    for point in cost_curves(read_table(curves), primary_truth) if curves.is_file() else []:
        run.log(point)
    priced = [row for row in league if row["cost_total_s"] is not None and row["weighted_tau"] is not None]
    if priced:
        table = table_of([{name: row[name] for name in ("metric", "cost_total_s", "weighted_tau")} for row in priced])
        title = f"Reliability ({primary_truth}) against cost"
        run.log({keys.RELIABILITY_COST: wandb.plot.scatter(table, "cost_total_s", "weighted_tau", title=title)})
    run.log_artifact(results_artifact(results, meta, records))
    shown = [{name: row[name] for name in row if name not in LONG_COLUMNS} for row in records[:MOST_ROWS]]
    run.log({keys.RECORDS: table_of(shown)})


def headline(league: list[Row], records: list[Row]) -> dict[str, float]:
    """What a workspace plots across sweeps, by key; values that are unknown are left out.

    Args:
        league: rows of the summary of the primary truth.
        records: rows of the records.
    """
    status = {row["key"]: row["status"] for row in records}
    done = sum(value == DONE for value in status.values())
    found = {keys.UNITS_DONE: done, keys.UNITS_OPEN: len(status) - done}
    for row in league:
        found[keys.weighted_tau(row["metric"])] = row["weighted_tau"]
        found[keys.cost_total(row["metric"])] = row["cost_total_s"]
        found[keys.CEILING], found[keys.PERFECT] = row["weighted_tau_ceiling"], row["perfect_ceiling"]
        found[keys.ANEW_CEILING], found[keys.ANEW_PERFECT] = row["rerun_ceiling"], row["rerun_perfect_ceiling"]
    return {key: value for key, value in found.items() if value is not None}


def cost_curves(table: list[Row], truth: str) -> list[Row]:
    """Seconds to rank the experiment's sources for so many targets from scratch, by each metric and by the truth.

    Args:
        table: rows behind the report's picture, see `pgebench.analysis.cost_curve`.
        truth: name of the truth that they compare with.
    """
    fresh = [row for row in table if row["at_hand"] == "False"]
    own = min((row["sources"] for row in fresh), default=None)
    points: dict[float, Row] = {}
    for row in fresh:
        if row["sources"] == own:
            point = points.setdefault(row["targets"], {keys.COST_TARGETS: row["targets"]})
            point[keys.ranking_seconds(row["metric"])] = row["seconds"]
            point[keys.ranking_seconds(f"truth_{truth}")] = row["truth_seconds"]
    return [points[targets] for targets in sorted(points)]


def results_artifact(results: Path, meta: Row, records: list[Row]) -> Artifact:
    """The results folder as a version; its metadata name the checkpoints that it stands on."""
    import wandb

    checkpoints = sorted({row["key"] for row in records if row["stage"] == "checkpoint" and row["status"] == DONE})
    metadata = {name: meta[name] for name in ("experiment", "command", "created", "versions")}
    made = wandb.Artifact(
        artifact_name("results", meta["experiment"]), type="results", metadata=metadata | {"checkpoints": checkpoints}
    )
    for path in sorted(results.iterdir()):
        if path.is_file() and not path.name.startswith("."):
            made.add_file(str(path))
    for path in sorted((results / "figures").glob("*")):
        made.add_file(str(path), name=f"figures/{path.name}")
    return made


def read_table(path: Path) -> list[Row]:
    """Rows of a csv file; empty cells are None, and columns whose every value is a number hold floats."""
    csv.field_size_limit(sys.maxsize)
    with path.open(newline="", encoding="utf-8") as file:
        rows: list[Row] = [{name: cell or None for name, cell in row.items()} for row in csv.DictReader(file)]
    for name in rows[0] if rows else ():
        numbers = [_number(row[name]) for row in rows if row[name] is not None]
        if None not in numbers:
            for row in rows:
                row[name] = _number(row[name]) if row[name] is not None else None
    return rows


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def table_of(rows: list[Row]) -> Any:
    """The ``wandb.Table`` of rows that have the same columns.

    Args:
        rows: Values by the names of the columns.
    """
    import wandb

    names = list(rows[0]) if rows else []
    return wandb.Table(columns=[*names], data=[[row[name] for name in names] for row in rows])
