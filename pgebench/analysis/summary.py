"""Columns of the summary, which has one row per truth and metric, and the groups that they are filled in by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from pgebench.analysis.ceiling import Ceiling
from pgebench.analysis.chance import holm, null_band, p_value
from pgebench.analysis.correlation import CORRELATIONS, PRIMARY
from pgebench.analysis.cost import Cost, share_of
from pgebench.analysis.quality import STATISTICS, Quality
from pgebench.analysis.resamples import Resamples
from pgebench.analysis.table import FloatArray

INTERACTION_COLUMNS = (
    "interaction_weighted_tau",
    "interaction_weighted_tau_low",
    "interaction_weighted_tau_high",
    "interaction_pearson",
    "interaction_p",
)
COST_COLUMNS = {
    "cost_per_dataset_s": "per_dataset_s",
    "cost_per_checkpoint_s": "per_checkpoint_s",
    "cost_per_pair_s": "per_pair_s",
    "cost_total_s": "total_s",
    "cost_without_checkpoints_s": "without_checkpoints_s",
    "cost_cpu_s": "cpu_s",
    "cost_peak_rss_mb": "peak_rss_mb",
    "cost_images": "images",
    "cost_flops": "flops",
    # By their names: shares of what the truth costs in the same field.
    "cost_cpu_share_of_truth": "cpu_s",
    "cost_flops_share_of_truth": "flops",
}


def summary_columns() -> list[str]:
    """Columns of `summary.csv`, in order.

    Returns:
        Their names.

    >>> summary_columns()[:6]
    ['truth', 'metric', 'kind', 'weighted_tau', 'weighted_tau_low', 'weighted_tau_high']
    """
    statistics = [f"{name}{end}" for name in STATISTICS for end in ("", "_low", "_high")]
    ceilings = [f"{name}_ceiling" for name in CORRELATIONS]
    return [
        "truth",
        "metric",
        "kind",
        *statistics,
        "targets",
        "coverage",
        "constant_targets",
        "tied_pairs",
        "score_seeds",
        "p",
        "p_holm",
        "null_low",
        "null_high",
        *ceilings,
        "perfect_ceiling",
        *INTERACTION_COLUMNS,
        "interaction_p_holm",
        *COST_COLUMNS,
        "cost_share_of_truth",
    ]


def ranking_columns(
    metrics: Sequence[str],
    quality: Mapping[str, Quality],
    draws: Mapping[str, Resamples],
    nulls: FloatArray,
    ceiling: Mapping[str, Ceiling],
) -> pd.DataFrame:
    """How well each metric ranks, against chance and against the ceiling.

    Args:
        metrics: In the order of the draws.
        quality: Of each of them.
        draws: Statistic -> draws for all metrics.
        nulls: Means of shuffled copies of the scores, shape (metrics, shuffles).
        ceiling: Statistic -> noise ceiling.

    Returns:
        One row per metric.
    """
    rows = []
    for m, metric in enumerate(metrics):
        judged = quality[metric]
        row: dict[str, float] = {}
        for statistic in STATISTICS:
            row[statistic] = judged.mean(statistic)
            row[f"{statistic}_low"], row[f"{statistic}_high"] = draws[statistic].interval(m)
        row |= {"targets": judged.targets, "coverage": judged.coverage, "constant_targets": judged.constant}
        row["tied_pairs"] = judged.tied
        row["p"] = p_value(judged.mean(PRIMARY), nulls[m])
        row["null_low"], row["null_high"] = null_band(nulls[m])
        row |= {f"{statistic}_ceiling": ceiling[statistic].repeat for statistic in CORRELATIONS}
        row["perfect_ceiling"] = ceiling[PRIMARY].perfect
        rows.append(row)
    columns = pd.DataFrame(rows)
    return columns.assign(p_holm=holm(columns["p"].to_numpy(dtype=float)))


def interaction_columns(
    metrics: Sequence[str], draws: Mapping[str, Resamples], nulls: FloatArray, without: Sequence[str]
) -> pd.DataFrame:
    """How well each metric ranks what is left of truth and score without source and target effects.

    Args:
        metrics: In the order of the draws.
        draws: Statistic -> draws for the interactions of all metrics.
        nulls: Means of shuffled copies of the interactions, shape (metrics, shuffles).
        without: Metrics that get no such number.

    Returns:
        One row per metric.
    """
    rows = []
    for m, metric in enumerate(metrics):
        tau = float(draws[PRIMARY].estimate[m])
        found = (tau, *draws[PRIMARY].interval(m), float(draws["pearson"].estimate[m]), p_value(tau, nulls[m]))
        rows.append((float("nan"),) * len(found) if metric in without else found)
    columns = pd.DataFrame(rows, columns=list(INTERACTION_COLUMNS))
    return columns.assign(interaction_p_holm=holm(columns["interaction_p"].to_numpy(dtype=float)))


def cost_columns(metrics: Sequence[str], costs: Mapping[str, Cost], truth_cost: Cost | None) -> pd.DataFrame:
    """What each metric costs, NaN where it is not known, and its shares of what the truth costs.

    The share of the seconds on the clock stands in the table only: they depend on what else ran.

    Args:
        metrics: In the order of the rows.
        costs: Metric -> cost.
        truth_cost: Of the truth that the metrics replace.

    Returns:
        One row per metric.
    """
    rows = []
    for metric in metrics:
        cost = costs.get(metric)
        row: dict[str, float] = {}
        for column, field in {**COST_COLUMNS, "cost_share_of_truth": "total_s"}.items():
            if column.endswith("_share_of_truth"):
                row[column] = share_of(cost, truth_cost, field)
            else:
                row[column] = float(getattr(cost, field)) if cost else float("nan")
        rows.append(row)
    return pd.DataFrame(rows)
