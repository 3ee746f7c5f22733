"""Stability: the same scores again with one factor changed, and how much of them is left.

A *factor* is something that should not matter (the seed of a metric, which images of the target it saw, the order of
the classes, ...), a *level* one value of it; the experiment itself is a level of every factor. For each metric and
factor:

* `cv`: coefficient of variation of a cell's score over the levels, standard deviation by absolute mean, median over
  cells. It has no meaning for a score that goes through 0, and depends on where a score has its zero.
* `noise`: standard deviation of a cell over the levels, after taking out what moves all sources of a target alike, by
  the standard deviation between the sources of that target; root mean square over cells. Free of units: at 1 the
  factor moves the sources as far as they are apart.
* `agreement`: Kendall's tau-b between the rankings of the sources under two levels, mean over pairs of levels and
  targets.
* `quality`: mean weighted tau with the truth at each level, and so the range a user would find by luck.

*Setup stability* (Agostinelli et al., "How stable are transferability metrics evaluations?", ECCV 2022) turns to the
league itself: the mean tau between the vectors of metric qualities under two setups. If it is low, the order of the
metrics is that of the setup.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd

from pgebench.analysis.build_table import build_table
from pgebench.analysis.composites import with_composites
from pgebench.analysis.correlation import CORRELATIONS, PRIMARY, correlations
from pgebench.analysis.quality import mean_where_defined, ranking_quality
from pgebench.analysis.table import FloatArray, Table, placed
from pgebench.core.metric_facts import Facts

OWN = "as in the experiment"
SAME = 1e-6
"""Largest relative change of a score that counts as none: it has only been added up in another order."""


@dataclass(frozen=True)
class Stability:
    """What the variations of an experiment say.

    Attributes:
        factors: Names, in the order of the records.
        metrics: One row per factor and metric: `factor`, `metric`, `levels`, `changed` (share of the cells whose score
            changed at all), `largest_change` (relative to the spread between the sources), `cv`, `noise`,
            `agreement`, `quality_low`, `quality_high`, `quality_sd`.
        levels: One row per factor, level and metric: `factor`, `level`, `metric`, `weighted_tau`.
        setups: One row per factor: `factor`, `setups`, `setup_stability`, lowest first.
    """

    factors: tuple[str, ...]
    metrics: pd.DataFrame
    levels: pd.DataFrame
    setups: pd.DataFrame


def variant_parts(variant: str) -> tuple[str, str]:
    """Factor and level of a record's `variant`.

    Args:
        variant: As records hold it, "factor: level".

    Returns:
        Factor and level.

    >>> variant_parts("probe size: target.train_per_class=5")
    ('probe size', 'target.train_per_class=5')
    """
    factor, _, level = variant.partition(": ")
    return factor, level


def stability(records: pd.DataFrame, truth: str, facts: Facts) -> Stability | None:
    """Judge every metric under every factor of the records.

    Args:
        records: With the column `variant`: null for the experiment itself.
        truth: The truth that rankings are compared with; a variant that has none of its own is compared with the
            experiment's.
        facts: Which metric is a term of which composite.

    Returns:
        The tables, or None if the records hold no variations or no truth.
    """
    if "variant" not in records or records["variant"].isna().all():
        return None
    base = with_composites(build_table(records[records["variant"].isna()], facts), facts)
    if truth not in base.truth:
        return None
    tables: dict[str, dict[str, Table]] = {}
    for variant, rows in records[records["variant"].notna()].groupby("variant", sort=False):
        factor, level = variant_parts(str(variant))
        tables.setdefault(factor, {OWN: base})[level] = _like(
            with_composites(build_table(rows, facts), facts), base, truth
        )
    found = {factor: _judge(factor, levels, truth) for factor, levels in tables.items()}
    setups = [(factor, len(tables[factor]), setup_stability(_vectors(one[1]))) for factor, one in found.items()]
    setups += _setups_without_new_scores(base, truth)
    return Stability(
        factors=tuple(tables),
        metrics=pd.concat([one[0] for one in found.values()], ignore_index=True),
        levels=pd.concat([one[1] for one in found.values()], ignore_index=True),
        setups=setup_frame(setups),
    )


def setup_frame(setups: Sequence[tuple[str, int, float]]) -> pd.DataFrame:
    """Factor, number of setups and setup stability as a table, the least stable first.

    Args:
        setups: Factor, number of setups, setup stability.

    Returns:
        Columns factor, setups and stability, one row each.
    """
    frame = pd.DataFrame(setups, columns=["factor", "setups", "setup_stability"])
    return frame.sort_values(["setup_stability", "factor"], ignore_index=True)


def setup_stability(vectors: FloatArray) -> float:
    """Mean tau-b between the quality vectors of two setups.

    Args:
        vectors: Quality of each metric, shape (setups, metrics), NaN where absent.

    Returns:
        In [-1, 1]; NaN where no two setups can be compared.

    >>> setup_stability(np.array([[0.1, 0.2, 0.3], [0.2, 0.4, 0.6], [0.3, 0.2, 0.1]])).__round__(3)
    -0.333
    """
    taus = [float(correlations(a, b, wanted=("tau",))["tau"]) for a, b in combinations(vectors, 2)]
    return float(mean_where_defined(np.array(taus))) if taus else float("nan")


def setups_of(table: Table, truth: str) -> pd.DataFrame:
    """Setup stability over what needs no new score: targets, backbones, definitions of truth, correlations.

    Args:
        table: Axes backbone, source, target.
        truth: One of its truths.

    Returns:
        Columns as in `setup_frame`.
    """
    return setup_frame(_setups_without_new_scores(table, truth))


def _setups_without_new_scores(table: Table, truth: str) -> list[tuple[str, int, float]]:
    judged = {
        name: [ranking_quality(score, values) for score in table.scores.values()]
        for name, values in table.truth.items()
        if np.isfinite(values).any()
    }
    ours = judged.get(truth)
    if not ours:
        return []
    vectors = {
        "target": np.array([one.per_target[PRIMARY].mean(0) for one in ours]).T,
        "backbone": np.array([mean_where_defined(one.per_target[PRIMARY]) for one in ours]).T,
        "truth definition": np.array([[one.mean(PRIMARY) for one in found] for found in judged.values()]),
        "correlation measure": np.array([[one.mean(name) for one in ours] for name in CORRELATIONS]),
    }
    return [(name, len(found), setup_stability(found)) for name, found in vectors.items() if len(found) > 1]


def _like(table: Table, base: Table, truth: str) -> Table:
    """A variant's table with the sources, targets and metrics of the experiment, and its truth where it has none.

    The backbone's name may differ (it may be the factor), so backbones are matched by position.
    """
    backbones = range(len(table.backbones)), range(len(base.backbones))
    axes = [backbones, (table.sources, base.sources), (table.targets, base.targets)]
    own = table.truths.get(truth)
    replicates = {name: found for name, found in table.replicates.items() if name in base.replicates}
    return replace(
        base,
        truths={truth: base.truths[truth] if own is None else replace(own, values=placed(own.values, axes))},
        replicates={name: replace(found, values=placed(found.values, axes)) for name, found in replicates.items()},
        score_seeds={name: table.score_seeds[name] for name in replicates},
    )


def _judge(factor: str, tables: dict[str, Table], truth: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows, qualities = [], []
    for metric in sorted(set.intersection(*(set(table.scores) for table in tables.values()))):
        scores = np.stack([table.scores[metric] for table in tables.values()])
        quality = [
            ranking_quality(score, table.truth[truth]).mean(PRIMARY)
            for score, table in zip(scores, tables.values(), strict=True)
        ]
        qualities += [(factor, level, metric, value) for level, value in zip(tables, quality, strict=True)]
        known = np.array(quality)[np.isfinite(quality)]
        spread = (known.min(), known.max(), known.std(ddof=1)) if len(known) > 1 else (np.nan, np.nan, np.nan)
        rows.append((factor, metric, len(tables), *_spread(scores), _agreement(scores), *spread))
    columns = ["factor", "metric", "levels", "changed", "largest_change", "cv", "noise", "agreement"]
    metrics = pd.DataFrame(rows, columns=[*columns, "quality_low", "quality_high", "quality_sd"])
    return metrics, pd.DataFrame(qualities, columns=["factor", "level", "metric", PRIMARY])


def _vectors(levels: pd.DataFrame) -> FloatArray:
    """Quality vectors of one factor's levels, shape (levels, metrics)."""
    wide = levels.pivot(index="level", columns="metric", values=PRIMARY)
    return wide.to_numpy(dtype=float)


def _spread(scores: FloatArray) -> tuple[float, float, float, float]:
    """Share of changed cells, largest relative change, coefficient of variation and noise.

    Args:
        scores: Shape (levels, backbones, sources, targets), the experiment itself first.
    """
    there = np.isfinite(scores).all(axis=0)
    if not there.any():
        return (float("nan"),) * 4
    filled = np.where(there, scores, 0.0)
    count = np.maximum(there.sum(axis=1, keepdims=True), 1)
    centred = np.where(there, filled - filled.sum(axis=2, keepdims=True) / count, 0.0)
    between = np.sqrt((centred.mean(axis=0) ** 2).sum(axis=1, keepdims=True) / count)
    between = np.broadcast_to(between, there.shape)
    change = np.abs(filled - filled[0]).max(axis=0)
    scale = np.maximum(np.abs(filled).max(axis=0), 1e-300)
    changed = change[there] > SAME * scale[there]
    usable = there & (between > 0)
    mean = np.abs(filled.mean(axis=0))[there]
    cell = filled.std(axis=0, ddof=1)[there]
    cv = float(np.median(np.where(mean > 0, cell / np.where(mean > 0, mean, 1.0), np.where(cell > 0, np.inf, 0.0))))
    if not usable.any():
        return float(changed.mean()), float("nan"), cv, float("nan")
    moved = centred.var(axis=0, ddof=1)[usable] / between[usable] ** 2
    largest = float((np.abs(centred - centred[0]).max(axis=0)[usable] / between[usable]).max())
    return float(changed.mean()), largest if changed.any() else 0.0, cv, float(np.sqrt(moved.mean()))


def _agreement(scores: FloatArray) -> float:
    """Mean tau-b between the rankings of two levels, over pairs of levels, backbones and targets."""
    ranked = np.swapaxes(scores, 2, 3)
    taus = [correlations(a, b, wanted=("tau",))["tau"].ravel() for a, b in combinations(ranked, 2)]
    return float(mean_where_defined(np.concatenate(taus)))
