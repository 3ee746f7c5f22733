"""Page about all published tables."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd

from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.influence import CANDIDATE, FAMILY, TASK, largest
from pgebench.analysis.judge import STANDARDISED, TruthResult
from pgebench.analysis.league import analyse
from pgebench.analysis.question import QUESTIONS
from pgebench.core.metric_facts import metric_facts
from pgebench.core.options import typed_value
from pgebench.published import compare
from pgebench.published.bounds import BOUNDS, broken
from pgebench.published.expected import (
    STATIC,
    Figure,
    candidate_share,
    figures,
    mean_tau,
    places_of,
    static_z,
    z_scores,
)
from pgebench.published.records import records
from pgebench.published.remarks import remarks
from pgebench.published.tables import PublishedTable, load, names
from pgebench.report.wording import MINUS, NOTHING, interval, number, percent

UNEXPLAINED = 0.05
"""Difference from which a printed correlation is listed; chosen after seeing the differences, as the page says."""


def published_page(folder: str) -> str:
    """The page.

    Args:
        folder: As the user typed it, for the command on the page.
    """
    tables = [load(name) for name in names()]
    by_name = {table.name: table for table in tables}
    results = {table.name: judged(table) for table in tables}
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
        command=shlex.join(["python", "-m", "pgebench.published", f"results={typed_value(folder)}"]),
        tables=[_shown(table, results[table.name]) for table in tables],
        sfda={row["metric"]: f"{row[PRIMARY]:.3f}" for _, row in results["sfda"].league.iterrows()},
        expected=[_expected(one, results[table.name]) for table in tables for one in figures(table)],
        first_two=_first_two(places_of(by_name["model_spider_zoo"], "imagenet")),
        on_scored=number(_static_where_scored(by_name["medmnist_sources"]), 3),
        shares={
            "medmnist_sources": percent(candidate_share(z_scores(by_name["medmnist_sources"]))),
            "model_spider_zoo": percent(_mean_share(by_name["model_spider_zoo"])),
        },
        reported={name: percent(result.levels.shares["source"]) for name, result in results.items()},
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


def judged(table: PublishedTable) -> TruthResult:
    """What the report of a table says of it, and this page repeats.

    Args:
        table: The table.

    Returns:
        The same numbers as in the report of ``pgebench truth=published.NAME``.
    """
    about = table.about
    found = analyse(
        records(table),
        metric_facts({}),
        primary_truth=table.truth,
        question=about.question,
        collections=about.collections,
        families=about.families,
    )
    return found.results[0]


def _shown(table: PublishedTable, result: TruthResult) -> dict[str, Any]:
    """What the page says of one table."""
    measures: dict[str, list[str]] = {}
    for name, target in table.about.targets.items():
        measures.setdefault(target.measure, []).append(name)
    families: dict[str, list[str]] = {}
    for name, family in table.about.families.items():
        families.setdefault(family, []).append(name)
    question = QUESTIONS[table.about.question]
    return {
        "name": table.name,
        "about": table.about,
        "cells": int(table.accuracy.notna().to_numpy().sum()),
        "scores": table.scores.size - int(table.scores.isna().to_numpy().sum()),
        "measures": _listed(measures),
        "families": _listed(families),
        "remarks": remarks(table),
        "question": question.text,
        "league": [_ranked(row) for _, row in result.league.iterrows()],
        "hanging": _hanging(result),
        "task": question.task,
        "groups": sorted(set(result.by_backbone["backbone"])),
        "by_group": _by_group(result),
        "candidate": question.candidate,
        "printed": _printed(table),
    }


def _listed(groups: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(f"{name}: {', '.join(members)}" for name, members in groups.items())


def _by_group(result: TruthResult) -> list[list[str]]:
    """The league of each group on its own: the ranker, then a number with its interval per group."""
    found = result.by_backbone
    wide = {metric: rows.sort_values("backbone") for metric, rows in found.groupby("metric", sort=False)}
    return [
        [str(metric), *(f"{number(tau, 3)} ({interval(low, high, 3)})" for tau, low, high in _values(rows))]
        for metric, rows in wide.items()
    ]


def _values(rows: pd.DataFrame) -> Iterator[tuple[float, float, float]]:
    yield from rows[[PRIMARY, "low", "high"]].itertuples(index=False, name=None)


def _expected(one: Figure, result: TruthResult) -> dict[str, str]:
    """A figure that was expected, beside SciPy's and the league's."""
    metric = STANDARDISED if one.ranker == STATIC else f"{one.ranker} ({one.table})"
    league = result.by_backbone if one.backbone else result.league
    rows = league[league["metric"] == metric]
    rows = rows[rows["backbone"] == one.backbone] if one.backbone else rows
    return {
        "table": one.table,
        "ranker": f"`{one.ranker}`" + (f", {one.backbone}" if one.backbone else ""),
        "expected": number(one.expected, 3),
        "scipy": number(one.scipy, 3),
        "league": number(float(rows[PRIMARY].iloc[0]), 3),
    }


def _static_where_scored(table: PublishedTable) -> float:
    """The static ranker on the targets on which metrics are judged."""
    return mean_tau(table, static_z(table)[table.scores.columns[table.scores.notna().any()]])


def _mean_share(table: PublishedTable) -> float:
    """Mean over the backbones of `candidate_share`, of the values as they are printed."""
    return float(np.mean([candidate_share(rows) for _, rows in table.accuracy.groupby(level="backbone")]))


def _first_two(places: Sequence[int]) -> str:
    return f"{sum(place <= 2 for place in places)} of {len(places)}"


def _ranked(row: pd.Series) -> dict[str, str]:
    low, high = row[f"{PRIMARY}_low"], row[f"{PRIMARY}_high"]
    span = interval(low, high, 3) if math.isfinite(low) else ""
    return {"metric": row["metric"], "tau": number(row[PRIMARY], 3), "interval": span}


def _hanging(result: TruthResult) -> list[list[str]]:
    """What each number of the league becomes without the candidate, family and task that change it most."""
    by_kind = {kind: largest(rows) for kind, rows in result.influence.groupby("kind")}
    rows = []
    for _, ranked in result.league.iterrows():
        cells = [
            _without(by_kind[kind].loc[ranked["metric"]])
            if kind in by_kind and ranked["metric"] in by_kind[kind].index
            else NOTHING
            for kind in (CANDIDATE, FAMILY, TASK)
        ]
        if set(cells) != {NOTHING}:
            rows.append([str(ranked["metric"]), number(ranked[PRIMARY], 3), *cells])
    return rows


def _without(row: pd.Series) -> str:
    members = f" ({row['members']})" if row["members"] > 1 else ""
    return f"{number(row['weighted_tau'], 3)} without {row['left_out']}{members}"


def _printed(table: PublishedTable) -> list[str]:
    """Means of the weighted taus that the authors print, best first."""
    if table.correlations.empty:
        return []
    taus = pd.DataFrame(table.correlations.xs(PRIMARY, level="statistic"))
    means = taus.mean(axis="columns").sort_values(ascending=False)
    turned = {metric: " (its distance, without a minus)" for metric in table.about.lower_is_better}
    return [f"`{metric}` {number(value, 3)}{turned.get(str(metric), '')}" for metric, value in means.items()]


def _broken(table: PublishedTable) -> list[dict[str, Any]]:
    """Rows of values outside their bounds, those of a metric that is outside everywhere in one."""
    found, rows = broken(table), []
    everywhere = table.scores.groupby(level="metric").count().sum(axis="columns")
    for metric, values in found.groupby("metric", sort=True):
        if len(values) == everywhere[metric]:
            rows.append(_outside(table, values, f"all {values['target'].nunique()}", int(everywhere[metric])))
        else:
            for target, group in values.groupby("target", sort=True):
                rows.append(_outside(table, group, str(target), len(table.accuracy)))
    return rows


def _outside(table: PublishedTable, values: pd.DataFrame, target: str, of: int) -> dict[str, Any]:
    metric = str(values["metric"].iloc[0])
    return {
        "table": table.name,
        "metric": metric,
        "target": target,
        "count": len(values),
        "models": of,
        "range": _range(values["value"].min(), values["value"].max()),
        "possible": _range(values["low"].min(), values["high"].max()),
        "words": BOUNDS[metric][0],
        "names": "all" if len(values) == of else ", ".join(values["backbone"]),
    }


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
