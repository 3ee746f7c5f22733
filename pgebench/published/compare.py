"""Comparison of published numbers: within one table, and between two."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from pgebench.analysis.correlation import correlations
from pgebench.published.tables import PublishedTable

ROUNDING = 0.002
"""Correlations are printed with three decimals, of scores that are rounded too."""

SCORE_ROUNDING = 0.01
"""Relative difference up to which two published scores are called the same."""


def recomputed(table: PublishedTable) -> pd.DataFrame:
    """The published correlations again, from the published scores and accuracies.

    Args:
        table: With printed scores and correlations.

    Returns:
        One row per published correlation whose scores are published too: columns metric, statistic, target, published,
        computed.
    """
    rows = []
    published = table.correlations.stack().dropna() if len(table.correlations) else pd.Series(dtype=float)
    metrics = set(table.scores.index.get_level_values("metric"))
    for key, value in published.items():
        assert isinstance(key, tuple)
        metric, statistic, target = key
        if metric in metrics:
            score = pd.Series(table.scores[target].xs(metric, level="metric"))
            truth = pd.Series(table.accuracy[target].loc[score.index])
            rows.append((metric, statistic, target, value, _correlation(statistic, truth, score, table)))
    return pd.DataFrame(rows, columns=["metric", "statistic", "target", "published", "computed"])


def _correlation(statistic: str, truth: pd.Series, score: pd.Series, table: PublishedTable) -> float:
    if statistic == "pearson":
        return float(stats.pearsonr(truth, score).statistic)
    # rank=None weighs by the order of the first argument alone.
    rank = None if table.about.tau_weights == "truth" else True
    return float(stats.weightedtau(truth, score, rank=rank).statistic)


def accuracies(first: PublishedTable, second: PublishedTable) -> pd.DataFrame:
    """How far two tables agree on the models and targets that both have.

    Args:
        first: A table.
        second: Another one.

    Returns:
        One row per common target: columns target, models, mean and largest (absolute differences in percentage
        points), backbone (that of the largest), first and second (its two values, in percent), weighted_tau (of the
        two orders).

    >>> from pgebench.published import load
    >>> found = accuracies(load("sfda"), load("tllib")).set_index("target").loc["aircraft"]
    >>> found["backbone"], float(found["first"]), float(found["second"])
    ('inception_v3', 80.15, 88.8)
    """
    models = first.accuracy.index.intersection(second.accuracy.index)
    rows = []
    for target in first.accuracy.columns.intersection(second.accuracy.columns):
        ours, theirs = (100 * table.accuracy.loc[models, target] for table in (first, second))
        gap = (ours - theirs).abs().round(8)
        worst = gap.idxmax()
        tau = float(correlations(ours, theirs, wanted=("weighted_tau",))["weighted_tau"])
        rows.append((target, len(models), gap.mean(), gap.max(), worst[0], ours[worst], theirs[worst], tau))
    columns = ["target", "models", "mean", "largest", "backbone", "first", "second", "weighted_tau"]
    return pd.DataFrame(rows, columns=columns).round({"first": 8, "second": 8})


def scores(first: PublishedTable, second: PublishedTable) -> pd.DataFrame:
    """How far two tables agree on the scores of the metrics, models and targets that both have.

    Args:
        first: A table with scores.
        second: Another one.

    Returns:
        One row per common metric: columns metric, cells, differ (how many by more than ``SCORE_ROUNDING``), targets
        (where they do), backbone, target, first, second (the largest relative difference).
    """
    rows = []
    metrics = first.scores.index.get_level_values("metric").unique()
    for metric in metrics.intersection(second.scores.index.get_level_values("metric").unique()):
        ours, theirs = first.scores.loc[metric], second.scores.loc[metric]
        models, targets = ours.index.intersection(theirs.index), ours.columns.intersection(theirs.columns)
        ours, theirs = ours.loc[models, targets], theirs.loc[models, targets]
        gap = (ours - theirs).abs() / np.maximum(ours.abs(), theirs.abs())
        differ = gap > SCORE_ROUNDING
        (backbone, _), target = worst = gap.stack().idxmax()[:2], gap.stack().idxmax()[2]
        rows.append(
            (
                metric,
                gap.size,
                int(differ.to_numpy().sum()),
                ", ".join(targets[differ.any()]),
                backbone,
                target,
                float(ours.loc[worst]),
                float(theirs.loc[worst]),
            )
        )
    return pd.DataFrame(rows, columns=["metric", "cells", "differ", "targets", "backbone", "target", "first", "second"])
