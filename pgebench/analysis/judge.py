"""One truth: every metric beside it, in all the ways that a league tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from pgebench.analysis.alike import Judged, beside
from pgebench.analysis.ceiling import Ceiling, rerun_ceiling, transfer_ceiling
from pgebench.analysis.composites import with_composites
from pgebench.analysis.contrasts import Contrasts, planned_contrasts
from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.cost import Cost
from pgebench.analysis.decompose import interactions
from pgebench.analysis.dispersion import Dispersion, dispersion
from pgebench.analysis.influence import Again, Rest, influence
from pgebench.analysis.levels import Levels, levels
from pgebench.analysis.lives import OTHERS, over_lives
from pgebench.analysis.near_and_far import far_alone, near_and_far
from pgebench.analysis.pairs import paired_differences
from pgebench.analysis.quality import STATISTICS, Quality
from pgebench.analysis.rerun import rerun_reach
from pgebench.analysis.resamples import Resamples
from pgebench.analysis.scale import scale
from pgebench.analysis.static_ranker import static_replicates
from pgebench.analysis.summary import (
    ceiling_columns,
    cost_columns,
    far_columns,
    influence_columns,
    interaction_columns,
    other_judges_columns,
    ranking_columns,
    summary_columns,
)
from pgebench.analysis.table import FloatArray, Replicates, Table, Transfers
from pgebench.core.metric_facts import Facts

STATIC, STANDARDISED = "static", "static_standardised"
"""The static ranker, and that of published tables on accuracies standardised within each target."""

RESAMPLES, SHUFFLES = 1000, 20_000

BESIDE = 2000
"""Most shuffles for numbers beside the league's own."""


@dataclass(frozen=True)
class Draws:
    """How often the statistics draw.

    Attributes:
        resamples: Draws of the bootstrap.
        shuffles: Draws of the null distribution.
        seed: Seed of both.
    """

    resamples: int = RESAMPLES
    shuffles: int = SHUFFLES
    seed: int = 0


@dataclass(frozen=True)
class TruthResult:
    """Everything found about one truth.

    Attributes:
        name: Name of the truth, e.g. `finetune`.
        metrics: Metrics, the best mean weighted tau first.
        scores: Metric -> mean score, shape (backbones, sources, targets), the static ranker included.
        transfers: The accuracies.
        quality: Metric -> statistics per (backbone, target), the mean over its lives.
        league: One row per metric in the order of `metrics`; the columns are those of `summary.csv`.
        pairs: Paired differences of the weighted tau, see `paired_differences`.
        contrasts: The differences that were planned, see `planned_contrasts`.
        influence: Each metric without each candidate, family and target, see `pgebench.analysis.influence`.
        scale: Accuracy per score difference, pooled and for each target, see `pgebench.analysis.scale`.
        dispersion: How the order of the sources differs from target to target, see `dispersion`.
        by_backbone: Columns backbone, metric, weighted_tau, low, high, ceiling; empty with a single backbone.
        near_and_far: The league of each backbone with and without near sources, see `near_and_far`.
        ceiling: Statistic -> noise ceiling with the same checkpoints.
        rerun: Statistic -> noise ceiling with everything trained anew.
        levels: Where the differences between the sources of a target come from, see `levels`.
        resamples: Draws of the mean weighted tau, in the order of `metrics`.
    """

    name: str
    metrics: tuple[str, ...]
    scores: dict[str, FloatArray]
    transfers: Transfers
    quality: dict[str, Quality]
    league: pd.DataFrame
    pairs: pd.DataFrame
    contrasts: pd.DataFrame
    influence: pd.DataFrame
    scale: pd.DataFrame
    dispersion: Dispersion
    by_backbone: pd.DataFrame
    near_and_far: pd.DataFrame
    ceiling: dict[str, Ceiling]
    rerun: dict[str, Ceiling]
    levels: Levels
    resamples: Resamples

    @property
    def drawn(self) -> tuple[int, int]:
        """Number of collections of sources and of targets that the intervals draw; 0 for what they hold fixed."""
        return self.resamples.sources, self.resamples.targets

    @property
    def truth(self) -> FloatArray:
        """Accuracy of every transfer, shape (backbones, sources, targets, transfers)."""
        return self.transfers.values

    @property
    def accuracy(self) -> FloatArray:
        """Mean accuracy over all checkpoints and transfers, shape (backbones, sources, targets)."""
        return self.transfers.mean

    @cached_property
    def by_pair(self) -> dict[tuple[str, str], tuple[float, float, float, float]]:
        """(better, worse) -> difference, its interval and corrected p-value: `pairs` to look things up in."""
        values = self.pairs[["difference", "low", "high", "p_holm"]].itertuples(index=False, name=None)
        names = self.pairs[["better", "worse"]].itertuples(index=False, name=None)
        return dict(zip(names, values, strict=True))


def judge(
    table: Table,
    facts: Facts,
    name: str,
    metric_costs: Mapping[str, Cost],
    truth_cost: Cost | None,
    contrasts: Contrasts,
    draws: Draws,
) -> TruthResult:
    """Put every metric beside one truth.

    Args:
        table: With its axes in the order group, candidate, task of the question, and the terms of composites.
        facts: Of the metrics.
        name: Of the truth.
        metric_costs: Metric -> cost.
        truth_cost: Of the truth that the metrics replace.
        contrasts: Pairs of metrics whose difference was planned.
        draws: How often the statistics draw.

    Returns:
        The league of this truth and what belongs to it.
    """
    truth = table.truths[name]
    with_terms = table
    table = with_composites(table, facts).with_replicates(STATIC, static_replicates(truth))
    quality = dict(zip(table.replicates, beside(table, truth).quality(), strict=True))
    # Best first; a metric without any value last.
    metrics = sorted(quality, key=lambda metric: (-np.nan_to_num(quality[metric].mean(PRIMARY), nan=-2.0), metric))
    table = replace(table, replicates={metric: table.replicates[metric] for metric in metrics})
    replicates = list(table.replicates.values())
    sides = beside(table, truth)
    backbones = len(table.backbones)
    found, *of_backbones = sides.resampled_apart(STATISTICS, backbones, resamples=draws.resamples, seed=draws.seed)
    nulls = sides.shuffled(shuffles=draws.shuffles, seed=draws.seed)
    ceiling, rerun = transfer_ceiling(truth, seed=draws.seed), rerun_ceiling(truth, seed=draws.seed)
    special, far_sides = _special(table, truth), beside(*far_alone(table, truth))
    far, *far_of_backbones = (
        one[PRIMARY]
        for one in far_sides.resampled_apart((PRIMARY,), backbones, resamples=draws.resamples, seed=draws.seed)
    )
    yardsticks = {STATIC, STANDARDISED, *(metric for metric, fact in facts.items() if fact.get("kind") == "control")}
    real = [metric for metric in metrics if metric not in yardsticks]
    without = influence(
        table,
        truth,
        _again(with_terms, facts, truth),
        whole={metric: quality[metric].mean(PRIMARY) for metric in metrics},
        nulls=nulls,
        real=real,
    )
    groups = [
        ranking_columns(metrics, quality, found, nulls, rerun_reach(replicates, truth, seed=draws.seed)),
        influence_columns(metrics, without),
        ceiling_columns(len(metrics), ceiling, rerun),
        other_judges_columns(beside(table, truth, OTHERS), beside(table, _averaged(truth))),
        interaction_columns(
            metrics,
            special.resampled((PRIMARY, "pearson"), resamples=draws.resamples, seed=draws.seed),
            special.shuffled(shuffles=min(draws.shuffles, BESIDE), seed=draws.seed),
            # Leaving one target out makes the static ranker's own interaction the negative of the truth's: an artefact.
            without=(STATIC, STANDARDISED),
        ),
        far_columns(far, far_sides.shuffled(shuffles=min(draws.shuffles, BESIDE), seed=draws.seed)),
        cost_columns(metrics, metric_costs, truth_cost),
    ]
    league = pd.concat(groups, axis=1).assign(
        truth=name,
        metric=metrics,
        kind=["trivial" if metric in yardsticks else "metric" for metric in metrics],
        score_seeds=[table.score_seeds[metric] for metric in metrics],
    )
    return TruthResult(
        name=name,
        metrics=tuple(metrics),
        scores=table.scores,
        transfers=truth,
        quality={metric: _per_backbone(one, len(table.backbones)) for metric, one in quality.items()},
        league=league[summary_columns()],
        pairs=paired_differences(metrics, found[PRIMARY], leave_out=("random",)),
        contrasts=planned_contrasts(contrasts, metrics, real, found[PRIMARY]),
        influence=without,
        scale=scale(sides, metrics, table.targets, resamples=draws.resamples, seed=draws.seed),
        dispersion=dispersion(truth),
        by_backbone=_by_backbone(table, truth, [one[PRIMARY] for one in of_backbones], draws.seed),
        near_and_far=near_and_far(table, truth, sides, far_of_backbones),
        ceiling=ceiling,
        rerun=rerun,
        levels=levels(truth, table.near),
        resamples=found[PRIMARY],
    )


def _again(with_terms: Table, facts: Facts, truth: Transfers) -> Again:
    """The composites and the static ranker, which look at all candidates or targets, scored by what is left."""
    made = [name for name in with_composites(with_terms, facts).replicates if name not in with_terms.replicates]

    def again(rest: Rest) -> dict[str, Replicates]:
        left = {name: replace(one, values=rest.of(one.values)) for name, one in with_terms.replicates.items()}
        composed = with_composites(replace(with_terms, replicates=left), facts).replicates
        transfers = replace(truth, values=rest.of(truth.values))
        return {name: composed[name] for name in made} | {STATIC: static_replicates(transfers)}

    return again


def _special(table: Table, truth: Transfers) -> Judged:
    """The same for what is left of scores and truth without source and target effects."""
    of_truth = interactions(_stacked(truth.by_checkpoint))
    transfers = Transfers(_unstacked(of_truth, truth.by_checkpoint.shape), truth.numbers)
    left = {
        name: replace(
            one, values=_unstacked(interactions(_stacked(one.values), rescale_targets=True), one.values.shape)
        )
        for name, one in table.replicates.items()
    }
    return beside(replace(table, replicates=left), transfers)


def _averaged(truth: Transfers) -> Transfers:
    """The mean over all checkpoints, for whoever looked at any of them."""
    numbers = truth.numbers
    return Transfers(np.repeat(truth.mean[..., None], len(numbers), axis=-1), numbers)


def _stacked(values: FloatArray) -> FloatArray:
    """(backbones, sources, targets, n) -> (backbones * n, sources, targets)."""
    return np.moveaxis(values, -1, 1).reshape(-1, *values.shape[1:3])


def _unstacked(values: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    return np.moveaxis(values.reshape(shape[0], shape[3], *shape[1:3]), 1, -1)


def _per_backbone(quality: Quality, backbones: int) -> Quality:
    per_target = {name: over_lives(values, backbones) for name, values in quality.per_target.items()}
    return replace(quality, per_target=per_target)


def _by_backbone(table: Table, truth: Transfers, found: Sequence[Resamples], seed: int) -> pd.DataFrame:
    """The league of each backbone on its own, from its draws of the mean weighted tau."""
    rows = []
    for b, backbone in enumerate(table.backbones if len(table.backbones) > 1 else ()):
        one = replace(truth, values=truth.values[b : b + 1])
        top = top_of(transfer_ceiling(one, seed=seed)[PRIMARY], rerun_ceiling(one, seed=seed)[PRIMARY])
        for m, metric in enumerate(table.replicates):
            rows.append((backbone, metric, float(found[b].estimate[m]), *found[b].interval(m), top))
    return pd.DataFrame(rows, columns=["backbone", "metric", PRIMARY, "low", "high", "ceiling"])


def top_of(ceiling: Ceiling, rerun: Ceiling) -> float:
    """Noise ceiling of the truth of one life: with the same checkpoints if that is known, else with others.

    Args:
        ceiling: With the same checkpoints.
        rerun: With everything trained anew.

    Returns:
        The correlation of two such truths; NaN if nothing was repeated.
    """
    return ceiling.repeat if np.isfinite(ceiling.repeat) else rerun.with_seeds(PRIMARY, 1)
