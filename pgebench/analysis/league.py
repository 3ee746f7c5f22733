"""Leagues of an experiment: for each truth one, with everything that was found beside it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from pgebench.analysis.answers import answers
from pgebench.analysis.bootstrap import bootstrap
from pgebench.analysis.ceiling import Ceiling, noise_ceiling
from pgebench.analysis.chance import shuffled_means
from pgebench.analysis.composites import with_composite_names, with_composites
from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.cost import Cost, costs
from pgebench.analysis.decompose import VarianceShares, interactions, variance_shares
from pgebench.analysis.edges import grid_edges
from pgebench.analysis.failures import causes_first
from pgebench.analysis.gain import gains
from pgebench.analysis.pairs import paired_differences
from pgebench.analysis.quality import Quality, ranking_quality
from pgebench.analysis.question import QUESTIONS, Question, ask
from pgebench.analysis.stability import Stability, setups_of, stability
from pgebench.analysis.static_ranker import static_scores
from pgebench.analysis.summary import cost_columns, interaction_columns, ranking_columns, summary_columns
from pgebench.analysis.table import FloatArray, Table, build_table, mean_over_seeds
from pgebench.core.metric_facts import Facts

STATIC, STANDARDISED = "static", "static_standardised"
"""The static ranker, and that of published tables on accuracies standardised within each target."""

RESAMPLES, SHUFFLES = 1000, 2000


@dataclass(frozen=True)
class TruthResult:
    """Everything found about one truth.

    Attributes:
        name: Name of the truth, e.g. `finetune`.
        metrics: Metrics, the best mean weighted tau first.
        scores: Metric -> score, shape (backbones, sources, targets), the static ranker included.
        truth: Accuracy, shape (backbones, sources, targets, seeds).
        quality: Metric -> statistics per (backbone, target).
        league: One row per metric in the order of `metrics`; the columns are those of `summary.csv`.
        pairs: Paired differences of the weighted tau, see `paired_differences`.
        by_backbone: Columns backbone, metric, weighted_tau, low, high, ceiling; empty with a single backbone.
        ceiling: Statistic -> noise ceiling.
        shares: Where the variance of the truth comes from.
    """

    name: str
    metrics: tuple[str, ...]
    scores: dict[str, FloatArray]
    truth: FloatArray
    quality: dict[str, Quality]
    league: pd.DataFrame
    pairs: pd.DataFrame
    by_backbone: pd.DataFrame
    ceiling: dict[str, Ceiling]
    shares: VarianceShares

    @cached_property
    def by_pair(self) -> dict[tuple[str, str], tuple[float, float, float, float]]:
        """(better, worse) -> difference, its interval and corrected p-value: `pairs` to look things up in."""
        values = self.pairs[["difference", "low", "high", "p_holm"]].itertuples(index=False, name=None)
        names = self.pairs[["better", "worse"]].itertuples(index=False, name=None)
        return dict(zip(names, values, strict=True))


@dataclass(frozen=True)
class Analysis:
    """Everything found about an experiment.

    Attributes:
        question: What is ranked, and for what.
        table: The arrays, with their axes in the order group, candidate, task of the question.
        results: One entry per truth, the primary one first; empty if there is no truth yet.
        answers: What every metric reaches on every question, see `answers`; for the primary truth.
        setups: Setup stability of the league of the primary truth, see `setups_of`.
        stability: What the variations say, if the experiment has any.
        gains: What transfer gains over training from scratch, see `gains`.
        edges: How often a learning rate at the edge of its grid was chosen, see `grid_edges`.
        metric_costs: Metric -> cost; without the static ranker, which has no cost of its own.
        truth_costs: Truth -> cost.
        failures: Rows of the records that are not done.
        units: Number of units in the records, by status.
    """

    question: Question
    table: Table
    results: tuple[TruthResult, ...]
    answers: pd.DataFrame
    setups: pd.DataFrame
    stability: Stability | None
    gains: pd.DataFrame
    edges: pd.DataFrame
    metric_costs: dict[str, Cost]
    truth_costs: dict[str, Cost]
    failures: pd.DataFrame
    units: dict[str, int]

    @property
    def summary(self) -> pd.DataFrame:
        """All league tables below one another."""
        leagues = [result.league for result in self.results]
        return pd.concat(leagues, ignore_index=True) if leagues else pd.DataFrame(columns=summary_columns())


def analyse(
    records: pd.DataFrame,
    facts: Facts,
    *,
    primary_truth: str = "finetune",
    question: str = "sources",
    resamples: int = RESAMPLES,
    shuffles: int = SHUFFLES,
    seed: int = 0,
) -> Analysis:
    """Run the whole protocol on the records of an experiment.

    Args:
        records: One row per unit, see `build_table` and `costs` for the columns used; others are ignored.
        facts: Of the metrics, see `pgebench.core.metric_facts`; a metric that has none is a metric like any other.
        primary_truth: The truth that comes first, if it is there.
        question: One of `QUESTIONS`.
        resamples: Draws of the bootstrap.
        shuffles: Draws of the null distribution.
        seed: Seed of both. The same records and seed give the same numbers.

    Returns:
        The analysis. Without any truth it has no results, but costs and failures.
    """
    everything = records
    records = experiment_itself(records)
    asked = QUESTIONS[question]
    plain = build_table(records, facts)
    table = with_composites(ask(plain, asked), facts)
    metric_costs, truth_costs = costs(with_composite_names(records, facts), "metric"), costs(records, "truth")
    measured = [name for name, values in table.truth.items() if np.isfinite(values).any()]
    order = sorted(measured, key=lambda name: (name != primary_truth, name))
    results = tuple(
        _judge(
            table, facts, name, metric_costs, truth_costs.get(name), resamples=resamples, shuffles=shuffles, seed=seed
        )
        for name in order
    )
    # A unit may be several rows: the accuracy of a source is a score of each of its pairs.
    distinct = everything.drop_duplicates("key") if "key" in everything else everything
    unfinished = distinct[distinct["status"] != "done"]
    status = distinct["status"].value_counts().sort_index()
    first = order[0] if order else None
    return Analysis(
        question=asked,
        table=table,
        results=results,
        answers=answers(with_composites(plain, facts), first, resamples=resamples, seed=seed)
        if first
        else pd.DataFrame(),
        setups=setups_of(table, first) if first else pd.DataFrame(),
        stability=stability(everything, first, facts) if first else None,
        gains=gains(records, first) if first else pd.DataFrame(),
        edges=grid_edges(records),
        metric_costs=metric_costs,
        truth_costs=truth_costs,
        failures=causes_first(unfinished),
        units={str(name): int(count) for name, count in status.items()},
    )


def experiment_itself(records: pd.DataFrame) -> pd.DataFrame:
    """The records without those of variations, which other analyses must not mix with them.

    Args:
        records: With or without the column `variant`.

    Returns:
        The rows whose `variant` is null; all of them without this column.
    """
    return records[records["variant"].isna()] if "variant" in records else records


def _judge(
    table: Table,
    facts: Facts,
    name: str,
    metric_costs: dict[str, Cost],
    truth_cost: Cost | None,
    *,
    resamples: int,
    shuffles: int,
    seed: int,
) -> TruthResult:
    truth = table.truth[name]
    scores = {**table.scores, STATIC: static_scores(truth)}
    quality = {metric: ranking_quality(score, truth) for metric, score in scores.items()}
    # Best first; a metric without any value last.
    metrics = sorted(scores, key=lambda metric: (-np.nan_to_num(quality[metric].mean(PRIMARY), nan=-2.0), metric))
    stacked = np.stack([scores[metric] for metric in metrics])
    draws = bootstrap(stacked, truth, resamples=resamples, seed=seed)
    accuracy = mean_over_seeds(truth)
    ceiling = noise_ceiling(truth, seed=seed)

    special = interactions(accuracy)
    special_scores = np.stack([interactions(score, rescale_targets=True) for score in stacked])
    special_draws = bootstrap(
        special_scores, special[..., None], resamples=resamples, seed=seed, statistics=(PRIMARY, "pearson")
    )
    nulls = shuffled_means(stacked, accuracy, shuffles=shuffles, seed=seed)
    special_nulls = shuffled_means(special_scores, special, shuffles=shuffles, seed=seed)
    # Leaving one target out makes the static ranker's own interaction the negative of the truth's: an artefact.
    artefacts = (STATIC, STANDARDISED)
    groups = [
        ranking_columns(metrics, quality, draws, nulls, ceiling),
        interaction_columns(metrics, special_draws, special_nulls, without=artefacts),
        cost_columns(metrics, metric_costs, truth_cost),
    ]
    yardsticks = {STATIC, STANDARDISED, *(metric for metric, fact in facts.items() if fact.get("kind") == "control")}
    league = pd.concat(groups, axis=1).assign(
        truth=name,
        metric=metrics,
        kind=["trivial" if metric in yardsticks else "metric" for metric in metrics],
        score_seeds=[table.score_seeds.get(metric, 1) for metric in metrics],
    )
    return TruthResult(
        name=name,
        metrics=tuple(metrics),
        scores=scores,
        truth=truth,
        quality=quality,
        league=league[summary_columns()],
        pairs=paired_differences(metrics, draws[PRIMARY], leave_out=("random",)),
        by_backbone=_by_backbone(table, stacked, truth, metrics, resamples, seed),
        ceiling=ceiling,
        shares=variance_shares(truth),
    )


def _by_backbone(
    table: Table, scores: FloatArray, truth: FloatArray, metrics: list[str], resamples: int, seed: int
) -> pd.DataFrame:
    """The league of each backbone on its own."""
    rows = []
    for b, backbone in enumerate(table.backbones if len(table.backbones) > 1 else ()):
        one = truth[b : b + 1]
        draws = bootstrap(scores[:, b : b + 1], one, resamples=resamples, seed=seed, statistics=(PRIMARY,))[PRIMARY]
        top = noise_ceiling(one, seed=seed)[PRIMARY].repeat
        for m, metric in enumerate(metrics):
            rows.append((backbone, metric, float(draws.estimate[m]), *draws.interval(m), top))
    return pd.DataFrame(rows, columns=["backbone", "metric", PRIMARY, "low", "high", "ceiling"])
