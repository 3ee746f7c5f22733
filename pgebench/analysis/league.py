"""Leagues of an experiment: for each truth one, with everything that was found beside it."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

from pgebench.analysis.among import Among, among
from pgebench.analysis.answers import answers
from pgebench.analysis.budget_curve import BudgetCurve, budget_curve, of_curve
from pgebench.analysis.build_table import build_table, transfers_of
from pgebench.analysis.composites import with_composite_names, with_composites
from pgebench.analysis.contrasts import Contrasts
from pgebench.analysis.cost import Cost, costs, of_one_life
from pgebench.analysis.criteria import Criterion, judged_by
from pgebench.analysis.dead_tensors import dead_tensors
from pgebench.analysis.edges import grid_edges
from pgebench.analysis.failures import causes_first
from pgebench.analysis.gain import gains
from pgebench.analysis.judge import RESAMPLES, SHUFFLES, Draws, TruthResult, judge
from pgebench.analysis.question import QUESTIONS, SOURCES, Question, ask, turned
from pgebench.analysis.stability import Stability, setups_of, stability
from pgebench.analysis.summary import summary_columns
from pgebench.analysis.table import Table
from pgebench.core.metric_facts import Facts


@dataclass(frozen=True)
class Analysis:
    """Everything found about an experiment.

    Attributes:
        question: What is ranked, and for what.
        table: The arrays, with their axes in the order group, candidate, task of the question.
        results: One entry per truth, the primary one first; empty if there is no truth yet.
        criteria: The metrics beside the primary truth by other criteria than accuracy, if the records hold any.
        among: The metrics among themselves, beside the primary truth; None without any truth.
        answers: What every metric reaches on every question, see `answers`; for the primary truth.
        setups: Setup stability of the league of the primary truth, see `setups_of`.
        budget: The metrics by the number of images that they saw, if the experiment varies it.
        stability: What the other variations say, if the experiment has any.
        gains: What transfer gains over training from scratch, see `gains`.
        edges: How often a learning rate at the edge of its grid was chosen, see `grid_edges`.
        dead: Tensors that have a principal gradient for no dataset, see `dead_tensors`.
        metric_costs: Metric -> cost; without the static ranker, which has no cost of its own.
        truth_costs: Truth -> cost.
        failures: Rows of the records that are not done.
        units: Number of units in the records, by status.
    """

    question: Question
    table: Table
    results: tuple[TruthResult, ...]
    criteria: tuple[Criterion, ...]
    among: Among | None
    answers: pd.DataFrame
    setups: pd.DataFrame
    budget: BudgetCurve | None
    stability: Stability | None
    gains: pd.DataFrame
    edges: pd.DataFrame
    dead: pd.DataFrame
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
    collections: Mapping[str, str] = MappingProxyType({}),
    families: Mapping[str, str] = MappingProxyType({}),
    contrasts: Contrasts = (),
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
        collections: Name of a dataset -> collection that it is a view of; one that is not named is its own.
        families: Name of a candidate -> its family; that of one that is not named is its collection.
        contrasts: Pairs of metrics whose difference was planned, see `planned_contrasts`.
        resamples: Draws of the bootstrap.
        shuffles: Draws of the null distribution.
        seed: Seed of both. The same records and seed give the same numbers.

    Returns:
        The analysis. Without any truth it has no results, but costs and failures.
    """
    everything = records
    records = experiment_itself(records)
    asked = QUESTIONS[question]
    plain = build_table(records, facts, collections, families)
    with_terms = ask(plain, asked)
    table = with_composites(with_terms, facts)

    def arranged(rows: pd.DataFrame) -> Table:
        return with_composites(ask(build_table(rows, facts, collections, families), asked), facts)

    paid = of_one_life(records)
    metric_costs, truth_costs = costs(with_composite_names(paid, facts), "metric"), costs(paid, "truth")
    measured = [name for name, values in table.truth.items() if np.isfinite(values).any()]
    draws = Draws(resamples, shuffles, seed)
    order = sorted(measured, key=lambda name: (name != primary_truth, name))

    def judged_by_truth(name: str) -> TruthResult:
        return judge(with_terms, facts, name, metric_costs, truth_costs.get(name), contrasts, draws)

    # NumPy lets go of the interpreter while it computes, so that truths take turns on several cores.
    with ThreadPoolExecutor(max_workers=max(1, len(order))) as pool:
        results = tuple(pool.map(judged_by_truth, order))
    # A unit may be several rows: the accuracy of a source is a score of each of its pairs.
    distinct = everything.drop_duplicates("key") if "key" in everything else everything
    unfinished = distinct[distinct["status"] != "done"]
    status = distinct["status"].value_counts().sort_index()
    first = order[0] if order else None
    # The league has answered one of the questions; composites are scaled over the sources for every question.
    known = {SOURCES.name: (results[0].metrics, results[0].resamples)} if first and asked is SOURCES else {}
    return Analysis(
        question=asked,
        table=table,
        results=results,
        among=among(table, results[0], resamples=resamples, seed=seed) if results else None,
        criteria=judged_by(
            records,
            first,
            table,
            lambda rows: turned(transfers_of(rows, str(first), plain), asked),
            resamples=resamples,
            seed=seed,
        )
        if first
        else (),
        answers=answers(with_composites(plain, facts), first, known, resamples=resamples, seed=seed)
        if first
        else pd.DataFrame(),
        setups=setups_of(table, first) if first else pd.DataFrame(),
        budget=budget_curve(everything, first, table, arranged, resamples=resamples, seed=seed) if first else None,
        stability=stability(everything[~of_curve(everything)], first, facts) if first else None,
        gains=gains(records, first) if first else pd.DataFrame(),
        edges=grid_edges(records),
        dead=dead_tensors(records),
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
