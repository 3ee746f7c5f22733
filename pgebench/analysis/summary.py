"""Columns of the summary, which has one row per truth and metric, and the groups that they are filled in by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from pgebench.analysis.alike import Judged
from pgebench.analysis.ceiling import Ceiling
from pgebench.analysis.chance import holm, null_band, p_value
from pgebench.analysis.correlation import CORRELATIONS, PRIMARY
from pgebench.analysis.cost import Cost, share_of
from pgebench.analysis.influence import largest
from pgebench.analysis.quality import STATISTICS, Quality, mean_where_defined
from pgebench.analysis.resamples import PARTS, Resamples
from pgebench.analysis.table import FloatArray

INTERACTION_COLUMNS = (
    "interaction_weighted_tau",
    "interaction_weighted_tau_low",
    "interaction_weighted_tau_high",
    "interaction_pearson",
    "interaction_p",
)
OTHER_JUDGES = ("others_weighted_tau", "mean_truth_weighted_tau")
"""Judged by the transfers of other checkpoints, and by the mean over all of them."""

INFLUENCE_COLUMNS = ("influence", "influence_kind", "influence_of")
"""The largest change of the mean weighted tau if something is left out, of which kind that is, and its name."""

RERUN_CEILINGS = ("rerun_ceiling", "rerun_perfect_ceiling", "rerun_whole_ceiling")
"""With everything trained anew: one life against one, a score that knows all about the sources against one life, and
the mean of all lives against another such mean."""

FAR_COLUMNS = ("far_weighted_tau", "far_weighted_tau_low", "far_weighted_tau_high", "far_p", "far_p_holm")
"""Without the sources of a target's own collection."""

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
        "null_mean",
        "null_high",
        "rerun_low",
        "rerun_high",
        *(f"error_{part}" for part in PARTS),
        *INFLUENCE_COLUMNS,
        *OTHER_JUDGES,
        *ceilings,
        "perfect_ceiling",
        *RERUN_CEILINGS,
        *INTERACTION_COLUMNS,
        "interaction_p_holm",
        *FAR_COLUMNS,
        *COST_COLUMNS,
        "cost_share_of_truth",
    ]


def ranking_columns(
    metrics: Sequence[str],
    quality: Mapping[str, Quality],
    draws: Mapping[str, Resamples],
    nulls: FloatArray,
    reach: FloatArray,
) -> pd.DataFrame:
    """How well each metric ranks, against chance, and where the number of a rerun is expected.

    Args:
        metrics: In the order of the draws.
        quality: Of each of them.
        draws: Statistic -> draws for all metrics.
        nulls: Means of shuffled copies of the scores, shape (metrics, shuffles).
        reach: Distance within which a rerun is expected, shape (metrics,).

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
        row["p"] = p_value(row[PRIMARY], nulls[m])
        row["null_low"], row["null_high"] = null_band(nulls[m])
        row["null_mean"] = float(mean_where_defined(nulls[m]))
        row["rerun_low"], row["rerun_high"] = np.clip([row[PRIMARY] - reach[m], row[PRIMARY] + reach[m]], -1, 1)
        row |= {f"error_{part}": share for part, share in draws[PRIMARY].shares(m).items()}
        rows.append(row)
    columns = pd.DataFrame(rows)
    return columns.assign(p_holm=holm(columns["p"].to_numpy(dtype=float)))


def influence_columns(metrics: Sequence[str], without: pd.DataFrame) -> pd.DataFrame:
    """The largest change of each metric's number if a candidate, a family or a target is left out.

    Args:
        metrics: In the order of the rows.
        without: See `pgebench.analysis.influence.influence`.

    Returns:
        One row per metric; NaN and no names for one of which nothing can be left out.
    """
    top = largest(without).reindex(list(metrics))
    columns = dict(zip(INFLUENCE_COLUMNS, (top["change"], top["kind"], top["left_out"]), strict=True))
    return pd.DataFrame({name: column.to_numpy() for name, column in columns.items()})


def ceiling_columns(metrics: int, ceiling: Mapping[str, Ceiling], rerun: Mapping[str, Ceiling]) -> pd.DataFrame:
    """The noise ceilings, the same for every metric.

    Args:
        metrics: Number of rows.
        ceiling: Statistic -> noise ceiling with the same checkpoints.
        rerun: Statistic -> noise ceiling with everything trained anew.

    Returns:
        One row per metric.
    """
    row = {f"{statistic}_ceiling": ceiling[statistic].repeat for statistic in CORRELATIONS}
    row["perfect_ceiling"] = ceiling[PRIMARY].perfect
    anew = rerun[PRIMARY]
    row |= dict(
        zip(RERUN_CEILINGS, (anew.with_seeds(PRIMARY, 1), anew.perfect_with(PRIMARY, 1), anew.repeat), strict=True)
    )
    return pd.DataFrame([row] * metrics)


def other_judges_columns(others: Judged, mean: Judged) -> pd.DataFrame:
    """The mean weighted tau by other judges than the transfers of the checkpoint that a score looked at.

    Args:
        others: The metrics beside the transfers of the other checkpoints.
        mean: The metrics beside the mean over all checkpoints.

    Returns:
        One row per metric.
    """
    found = [judges.means_apart(PRIMARY, 1)[:, 0] for judges in (others, mean)]
    return pd.DataFrame(dict(zip(OTHER_JUDGES, found, strict=True)))


def far_columns(draws: Resamples, nulls: FloatArray) -> pd.DataFrame:
    """How well each metric ranks the sources of other collections than the target's.

    Args:
        draws: Of the mean weighted tau.
        nulls: Means of shuffled copies of the scores, shape (metrics, shuffles).

    Returns:
        One row per metric.
    """
    rows = [
        (float(draws.estimate[m]), *draws.interval(m), p_value(float(draws.estimate[m]), nulls[m]))
        for m in range(len(nulls))
    ]
    columns = pd.DataFrame(rows, columns=list(FAR_COLUMNS[:-1]))
    return columns.assign(far_p_holm=holm(columns["far_p"].to_numpy(dtype=float)))


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
