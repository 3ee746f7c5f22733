"""Page about all published tables."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.league import analyse
from pgebench.analysis.question import QUESTIONS
from pgebench.core.metric_facts import metric_facts
from pgebench.core.options import typed_value
from pgebench.published import compare
from pgebench.published.bounds import BOUNDS, broken
from pgebench.published.records import records
from pgebench.published.tables import PublishedTable, load, names
from pgebench.report.wording import MINUS, interval, number

UNEXPLAINED = 0.05
"""Difference from which a printed correlation is listed; chosen after seeing the differences, as the page says."""


def published_page(results: str) -> str:
    """The page.

    Args:
        results: The folder as the user typed it, for the command on the page.
    """
    tables = [load(name) for name in names()]
    by_name = {table.name: table for table in tables}
    leagues = {table.name: _league(table) for table in tables}
    accuracies = compare.accuracies(by_name["sfda"], by_name["tllib"])
    correlations = pd.concat([compare.recomputed(table).assign(table=table.name) for table in tables])
    gap = (correlations["published"] - correlations["computed"]).abs()
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("page.md.j2").render(
        command=shlex.join(["python", "-m", "pgebench.published", f"results={typed_value(results)}"]),
        tables=[_shown(table, leagues[table.name]) for table in tables],
        sfda={row["metric"]: f"{row[PRIMARY]:.3f}" for _, row in leagues["sfda"].iterrows()},
        broken=[row for table in tables for row in _broken(table)],
        whole=_whole(tables),
        threshold=UNEXPLAINED,
        largest_below=number(gap[gap <= UNEXPLAINED].max(), 3),
        smallest_above=number(gap[gap > UNEXPLAINED].min(), 3),
        followed=f"{int((gap <= UNEXPLAINED).sum())} of {len(gap)} printed correlations follow.",
        apart=_rows(correlations[gap > UNEXPLAINED], published=3, computed=3),
        accuracies=_rows(
            accuracies.rename(columns={"weighted_tau": "tau"}), mean=2, largest=2, first=2, second=2, tau=3
        ),
        mean_tau=number(accuracies["weighted_tau"].mean(), 3),
        score_threshold=f"{100 * compare.SCORE_ROUNDING:.0f} %",
        scores=_rows(compare.scores(by_name["tllib"], by_name["model_spider"]), first=3, second=3),
    )


def _league(table: PublishedTable) -> pd.DataFrame:
    found = analyse(records(table), metric_facts({}), primary_truth=table.truth, question=table.about.question)
    return found.results[0].league


def _shown(table: PublishedTable, league: pd.DataFrame) -> dict[str, Any]:
    """What the page says of one table."""
    measures: dict[str, list[str]] = {}
    for name, target in table.about.targets.items():
        measures.setdefault(target.measure, []).append(name)
    return {
        "name": table.name,
        "about": table.about,
        "cells": int(table.accuracy.notna().to_numpy().sum()),
        "scores": table.scores.size,
        "measures": "; ".join(f"{measure}: {', '.join(targets)}" for measure, targets in measures.items()),
        "question": QUESTIONS[table.about.question].text,
        "league": [_ranked(row) for _, row in league.iterrows()],
        "printed": _printed(table),
    }


def _ranked(row: pd.Series) -> dict[str, str]:
    low, high = row[f"{PRIMARY}_low"], row[f"{PRIMARY}_high"]
    span = interval(low, high, 3) if math.isfinite(low) else ""
    return {"metric": row["metric"], "tau": number(row[PRIMARY], 3), "interval": span}


def _printed(table: PublishedTable) -> list[str]:
    """Means of the weighted taus that the authors print, best first."""
    if table.correlations.empty:
        return []
    taus = pd.DataFrame(table.correlations.xs(PRIMARY, level="statistic"))
    means = taus.mean(axis="columns").sort_values(ascending=False)
    return [f"`{metric}` {number(value, 3)}" for metric, value in means.items()]


def _broken(table: PublishedTable) -> list[dict[str, Any]]:
    rows = []
    for (metric, target), group in broken(table).groupby(["metric", "target"], sort=True):
        low, high = group["low"].iloc[0], group["high"].iloc[0]
        rows.append(
            {
                "table": table.name,
                "metric": metric,
                "target": target,
                "count": len(group),
                "models": len(table.accuracy),
                "range": _range(group["value"].min(), group["value"].max()),
                "possible": _range(low, high),
                "words": BOUNDS[str(metric)][0],
                "names": ", ".join(group["backbone"]),
            }
        )
    return rows


def _whole(tables: Sequence[PublishedTable]) -> str:
    """Metrics with bounds that no published value breaks."""
    published = {str(metric) for table in tables for metric in table.scores.index.get_level_values("metric")}
    outside = {str(metric) for table in tables for metric in broken(table)["metric"]}
    return ", ".join(f"`{metric}`" for metric in sorted(published.intersection(BOUNDS) - outside))


def _range(low: float, high: float) -> str:
    return f"{low:,.2f} to {high:,.2f}".replace("-", MINUS)


def _rows(frame: pd.DataFrame, **digits: int) -> list[dict[str, Any]]:
    """Rows for the template, with these columns as text of so many digits."""
    texts = {column: [number(value, places) for value in frame[column]] for column, places in digits.items()}
    return [{str(key): value for key, value in row.items()} for row in frame.assign(**texts).to_dict("records")]
