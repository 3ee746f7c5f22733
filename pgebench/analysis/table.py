"""Table of arrays that the statistics are computed on, made of records (one row per unit of work).

Every array of the analysis has the axes *backbone, source, target* in this order, and the truth has a fourth one,
*seed*. A cell that was not measured is NaN: the diagonal (a source is never its own target), overlapping datasets,
failed units.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pgebench.analysis.ties import tied
from pgebench.core.metric_facts import DEFAULTS, Facts

FloatArray = npt.NDArray[np.float64]

CELL = ["backbone", "source", "target"]


@dataclass(frozen=True)
class Table:
    """What the statistics need of an experiment.

    Attributes:
        backbones: Names along axis 0.
        sources: Names along axis 1.
        targets: Names along axis 2.
        truth: Name of the truth -> accuracy in [0, 1], shape (backbones, sources, targets, seeds), NaN where absent.
        scores: Name of the metric -> score averaged over its seeds, shape (backbones, sources, targets), NaN where
            absent.
        score_seeds: Name of the metric -> largest number of seeds averaged in a cell.
        notes: What a reader must know about how the table came to be, in plain words.
    """

    backbones: tuple[str, ...]
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    truth: dict[str, FloatArray]
    scores: dict[str, FloatArray]
    score_seeds: dict[str, int]
    notes: tuple[str, ...] = ()

    def only_backbone(self, name: str) -> Table:
        """The same table cut down to one backbone (the axis stays, with length 1).

        Args:
            name: One of `backbones`.

        Returns:
            A new table; this one stays as it is.
        """
        at = self.backbones.index(name)
        return replace(
            self,
            backbones=(name,),
            truth={key: values[at : at + 1] for key, values in self.truth.items()},
            scores={key: values[at : at + 1] for key, values in self.scores.items()},
        )

    def with_score(self, name: str, values: FloatArray) -> Table:
        """The same table with one more metric, `values` of shape (backbones, sources, targets).

        Args:
            name: Of the metric; one that is there already is replaced.
            values: Shape (backbones, sources, targets), NaN where absent.

        Returns:
            A new table; this one stays as it is.
        """
        return replace(self, scores={**self.scores, name: values}, score_seeds={**self.score_seeds, name: 1})

    def without_scores(self, names: Collection[str]) -> Table:
        """The same table without these metrics.

        Args:
            names: Metrics to leave out; unknown ones do no harm.

        Returns:
            A new table; this one stays as it is.
        """
        kept = {name: values for name, values in self.scores.items() if name not in names}
        return replace(self, scores=kept, score_seeds={name: self.score_seeds[name] for name in kept})


def mean_over_seeds(truth: FloatArray) -> FloatArray:
    """Mean accuracy over the seeds that are there.

    Rounded to 12 digits: the same accuracies added in another order would otherwise differ in the last bit and
    break ties.

    Args:
        truth: Accuracy, shape (..., seeds), NaN where absent.

    Returns:
        Shape (...), NaN where no seed is present.

    >>> mean_over_seeds(np.array([[0.5, 0.7, np.nan], [np.nan, np.nan, np.nan]]))
    array([0.6, nan])
    """
    there = np.isfinite(truth)
    count = there.sum(axis=-1)
    total = np.where(there, truth, 0.0).sum(axis=-1)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return np.asarray(np.round(mean, 12), dtype=np.float64)


def build_table(records: pd.DataFrame, facts: Facts = MappingProxyType({})) -> Table:
    """Arrange the finished score and truth rows of `records` as arrays.

    Scores that differ by no more than their metric's `tie` become equal, see `pgebench.analysis.ties`.

    Rows of other stages, rows that are not `done` and truth rows without a source or target are left out here (the cost
    and the failures are read from the records themselves). Two truth rows with the same cell and seed are averaged,
    with a note.

    Args:
        records: Columns stage, status, backbone, source, target, metric, truth, seed, value; others are ignored.
        facts: Of the metrics, see `pgebench.core.metric_facts`; a metric that has none has the usual tolerance.

    Returns:
        The arrays; without any truth row `truth` is empty, without any score row `scores` is empty.

    >>> rows = [("truth", "a", "b", None, "finetune", 0, 0.9), ("score", "a", "b", "leep", None, 0, -1.0)]
    >>> frame = pd.DataFrame(rows, columns=["stage", "source", "target", "metric", "truth", "seed", "value"])
    >>> table = build_table(frame.assign(status="done", backbone="net"))
    >>> table.truth["finetune"].shape, float(table.scores["leep"][0, 0, 0])
    ((1, 1, 1, 1), -1.0)
    """
    done = records[(records["status"] == "done") & records[CELL].notna().all(axis=1)]
    truths = done[(done["stage"] == "truth") & done["truth"].notna()]
    scores = done[(done["stage"] == "score") & done["metric"].notna()]
    used = pd.concat([truths, scores])
    names = {axis: tuple(sorted({str(name) for name in used[axis]})) for axis in CELL}
    notes: list[str] = []

    truth_arrays = {
        str(name): _truth_array(str(name), rows, names, notes) for name, rows in truths.groupby("truth", sort=True)
    }
    # A metric that failed everywhere stays in the table, with no score at all.
    attempted = sorted(records.loc[records["stage"] == "score", "metric"].dropna().astype(str).unique())
    score_arrays = {name: _empty(names) for name in attempted}
    seeds = dict.fromkeys(attempted, 0)
    for name, rows in scores.groupby("metric", sort=True):
        # Not `mean()`: pandas would skip a NaN seed without a word, and a metric that fails for one seed has no
        # stable score.
        cells = rows.groupby(CELL, sort=True)["value"].agg(lambda values: float(np.mean(values.to_numpy(dtype=float))))
        score_arrays[str(name)][_positions(cells.index.to_frame(index=False), names)] = cells.to_numpy(dtype=float)
        seeds[str(name)] = int(rows.groupby(CELL)["seed"].nunique(dropna=False).max())
    _spread(records, used, names, score_arrays, seeds)
    return Table(
        backbones=names["backbone"],
        sources=names["source"],
        targets=names["target"],
        truth=truth_arrays,
        scores={name: tied(values, facts.get(name, DEFAULTS)["tie"]) for name, values in score_arrays.items()},
        score_seeds=seeds,
        notes=tuple(notes),
    )


def _spread(
    records: pd.DataFrame,
    used: pd.DataFrame,
    names: dict[str, tuple[str, ...]],
    scores: dict[str, FloatArray],
    seeds: dict[str, int],
) -> None:
    """Fill in scores that were computed once for several cells: a row without a target holds for every target.

    So does a row without a source for every source. Only cells that occur in the records are filled.
    """
    occurs = np.zeros(_empty(names).shape, dtype=bool)
    occurs[_positions(used, names)] = True
    wide = records[(records["status"] == "done") & (records["stage"] == "score") & records["metric"].notna()]
    wide = wide[wide["backbone"].isin(names["backbone"]) & wide[["source", "target"]].isna().any(axis=1)]
    for (name, *cell), rows in wide.groupby(["metric", *CELL], dropna=False, sort=True):
        if any(isinstance(part, str) and part not in names[axis] for axis, part in zip(CELL, cell, strict=True)):
            continue
        where = np.zeros(occurs.shape, dtype=bool)
        at = tuple(
            names[axis].index(part) if isinstance(part, str) else slice(None)
            for axis, part in zip(CELL, cell, strict=True)
        )
        where[at] = occurs[at]
        scores[str(name)][where] = float(np.mean(rows["value"].to_numpy(dtype=float)))
        seeds[str(name)] = max(seeds[str(name)], int(rows["seed"].nunique(dropna=False)))


def _truth_array(name: str, rows: pd.DataFrame, names: dict[str, tuple[str, ...]], notes: list[str]) -> FloatArray:
    """Accuracy of one truth with its seeds kept, shape (backbones, sources, targets, seeds)."""
    finite = rows[np.isfinite(rows["value"].to_numpy(dtype=float))]
    cells = finite.assign(seed=finite["seed"].astype("Int64").fillna(-1)).groupby([*CELL, "seed"], sort=True)["value"]
    tidy = cells.mean().reset_index()
    repeated = int((cells.size() > 1).sum())
    if repeated:
        notes.append(f"{name}: {repeated} (cell, seed) pairs were measured more than once; their mean is used.")
    # Seed labels are the seed axis when all cells share them. Otherwise (labels derived from the cell) they are only
    # numbered within the cell, which is all that the statistics need.
    within = tidy.groupby(CELL, sort=False).cumcount()
    labels = sorted(tidy["seed"].unique())
    shared = len(tidy) > 0 and len(labels) == int(within.max()) + 1
    position = tidy["seed"].map({label: i for i, label in enumerate(labels)}) if shared else within
    depth = len(labels) if shared else (int(within.max()) + 1 if len(tidy) else 0)
    array = np.full((*_empty(names).shape, depth), np.nan)
    array[(*_positions(tidy, names), position.to_numpy(dtype=np.intp))] = tidy["value"].to_numpy(dtype=float)
    return array


def _empty(names: dict[str, tuple[str, ...]]) -> FloatArray:
    return np.full([len(names[axis]) for axis in CELL], np.nan)


def _positions(rows: pd.DataFrame, names: dict[str, tuple[str, ...]]) -> tuple[npt.NDArray[np.integer[Any]], ...]:
    """Index arrays of the rows' cells along backbone, source and target."""
    return tuple(
        rows[axis].map({name: i for i, name in enumerate(names[axis])}).to_numpy(dtype=np.int64) for axis in CELL
    )


def within_target_z(values: FloatArray) -> FloatArray:
    """Values standardised over the sources of each (backbone, target): mean 0, standard deviation 1.

    Scores of different targets have different units; this brings them on one scale without changing any order.

    Args:
        values: Shape (backbones, sources, targets), NaN where absent.

    Returns:
        Same shape; 0 where all sources of a target are equal, NaN where absent.

    >>> within_target_z(np.array([[[1.0, 5.0], [3.0, 5.0], [np.nan, 5.0]]]))[0].tolist()
    [[-1.0, 0.0], [1.0, 0.0], [nan, 0.0]]
    """
    there = np.isfinite(values)
    count = np.maximum(there.sum(axis=1, keepdims=True), 1)
    centred = values - np.where(there, values, 0.0).sum(axis=1, keepdims=True) / count
    spread = np.sqrt((np.where(there, centred, 0.0) ** 2).sum(axis=1, keepdims=True) / count)
    # The mean of equal numbers may be off in the last bit; that is no spread.
    largest = np.abs(np.where(there, values, 0.0)).max(axis=1, keepdims=True, initial=0.0)
    varies = spread > 1e-12 * largest
    z = np.where(varies, centred / np.where(varies, spread, 1.0), 0.0)
    return np.asarray(np.where(there, z, np.nan), dtype=np.float64)
