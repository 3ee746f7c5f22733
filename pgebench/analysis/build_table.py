"""From records, one row per unit of work, to the table of arrays that the statistics are computed on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pgebench.analysis.table import FloatArray, Replicates, Table, Transfers
from pgebench.analysis.ties import tied
from pgebench.core.metric_facts import DEFAULTS, Facts

CELL = ["backbone", "source", "target"]


def build_table(
    records: pd.DataFrame,
    facts: Facts = MappingProxyType({}),
    collections: Mapping[str, str] = MappingProxyType({}),
    families: Mapping[str, str] = MappingProxyType({}),
) -> Table:
    """Arrange the finished score and truth rows of `records` as arrays.

    Scores that differ by no more than their metric's `tie` become equal, see `pgebench.analysis.ties`.

    Rows of other stages, rows that are not `done` and truth rows without a source or target are left out here (the cost
    and the failures are read from the records themselves). Two truth rows with the same cell, checkpoint and seed are
    averaged, with a note. Several scores of one cell that looked at the same checkpoint are averaged; those that saw
    none are draws of their own.

    Args:
        records: Columns stage, status, backbone, source, target, metric, truth, seed, value, and checkpoint where
            sources were trained more than once; others are ignored.
        facts: Of the metrics, see `pgebench.core.metric_facts`; a metric that has none has the usual tolerance.
        collections: Name of a dataset -> collection that it is a view of.
        families: Name of a candidate -> its family, where that is not the collection of a dataset.

    Returns:
        The arrays; without any truth row `truths` is empty, without any score row `replicates` is empty.

    >>> rows = [("truth", "a", "b", None, "finetune", 0, 0.9), ("score", "a", "b", "leep", None, 0, -1.0)]
    >>> frame = pd.DataFrame(rows, columns=["stage", "source", "target", "metric", "truth", "seed", "value"])
    >>> table = build_table(frame.assign(status="done", backbone="net"))
    >>> table.truth["finetune"].shape, float(table.scores["leep"][0, 0, 0])
    ((1, 1, 1, 1), -1.0)
    """
    records = _with_checkpoint(records)
    done = records[(records["status"] == "done") & records[CELL].notna().all(axis=1)]
    truths = done[(done["stage"] == "truth") & done["truth"].notna()]
    scores = done[(done["stage"] == "score") & done["metric"].notna()]
    used = pd.concat([truths, scores])
    names = {axis: tuple(sorted({str(name) for name in used[axis]})) for axis in CELL}
    notes: list[str] = []
    found = {str(name): _transfers(str(name), rows, names, notes) for name, rows in truths.groupby("truth", sort=True)}
    # A metric that failed everywhere stays in the table, with no score at all.
    attempted = records[(records["stage"] == "score") & records["metric"].notna()]
    wide = _wide(records, names)
    occurs = np.zeros(_empty(names).shape, dtype=bool)
    occurs[_positions(used, names)] = True
    replicates, seeds = {}, {}
    for name in sorted(attempted["metric"].astype(str).unique()):
        own = scores[scores["metric"] == name]
        one = _replicates(pd.concat([own, _spread(wide[wide["metric"] == name], names, occurs)]), names)
        replicates[name] = Replicates(tied(one.values, facts.get(name, DEFAULTS)["tie"]), one.looked_at)
        seeds[name] = one.values.shape[-1] if np.isfinite(one.values).any() else 0
    return Table(
        backbones=names["backbone"],
        sources=names["source"],
        targets=names["target"],
        truths=found,
        replicates=replicates,
        score_seeds=seeds,
        collections=collections,
        families=families,
        notes=tuple(notes),
    )


def table_of(
    backbones: Sequence[str],
    sources: Sequence[str],
    targets: Sequence[str],
    truth: Mapping[str, FloatArray],
    scores: Mapping[str, FloatArray],
) -> Table:
    """A table of arrays at hand: every source was trained once, and every metric has one score per cell.

    Args:
        backbones: Names along axis 0.
        sources: Names along axis 1.
        targets: Names along axis 2.
        truth: Name -> accuracy, shape (backbones, sources, targets, seeds).
        scores: Name -> score, shape (backbones, sources, targets).

    Returns:
        The table, without collections.

    >>> table_of(["net"], ["a"], ["b"], {"finetune": np.ones((1, 1, 1, 2))}, {}).truths["finetune"].checkpoints
    (0, 0)
    """
    return Table(
        tuple(backbones),
        tuple(sources),
        tuple(targets),
        {name: Transfers(values, (0,) * values.shape[-1]) for name, values in truth.items()},
        {name: Replicates(values[..., None], (None,)) for name, values in scores.items()},
        dict.fromkeys(scores, 1),
    )


def transfers_of(records: pd.DataFrame, truth: str, table: Table) -> Transfers:
    """Accuracies of one truth, on the axes of a table.

    Args:
        records: Those that the table was built of, or with other values.
        truth: Name of the truth.
        table: Axes backbone, source, target.

    Returns:
        What the table of these records would hold.
    """
    records = _with_checkpoint(records)
    own = (records["stage"] == "truth") & (records["truth"] == truth) & (records["status"] == "done")
    names = {"backbone": table.backbones, "source": table.sources, "target": table.targets}
    return _transfers(truth, records[own & records[CELL].notna().all(axis=1)], names, [])


def _with_checkpoint(records: pd.DataFrame) -> pd.DataFrame:
    if "checkpoint" in records:
        return records
    return records.assign(checkpoint=pd.array([pd.NA] * len(records), dtype="Int64"))


def _wide(records: pd.DataFrame, names: Mapping[str, tuple[str, ...]]) -> pd.DataFrame:
    """Scores that were computed once for several cells: a row without a target holds for every target.

    So does a row without a source for every source.
    """
    wide = records[(records["status"] == "done") & (records["stage"] == "score") & records["metric"].notna()]
    return wide[wide["backbone"].isin(names["backbone"]) & wide[["source", "target"]].isna().any(axis=1)]


def _spread(rows: pd.DataFrame, names: Mapping[str, tuple[str, ...]], occurs: npt.NDArray[np.bool_]) -> pd.DataFrame:
    """Those rows once for each cell that they hold for and that occurs in the records."""
    cells = [
        {axis: names[axis][i] for axis, i in zip(CELL, at, strict=True)} for at in zip(*np.nonzero(occurs), strict=True)
    ]
    spread = [
        {**row, **cell}
        for row in rows.to_dict("records")
        for cell in cells
        if all(row[axis] == cell[axis] for axis in CELL if isinstance(row[axis], str))
    ]
    return pd.DataFrame(spread, columns=rows.columns).astype(rows.dtypes)


def _replicates(rows: pd.DataFrame, names: Mapping[str, tuple[str, ...]]) -> Replicates:
    """Scores of one metric; a cell with fewer of them than others has NaN for the rest."""
    seed = rows["seed"].astype("Int64").fillna(0)
    # What saw no checkpoint stands first, draw by draw; then come the checkpoints, the seeds of each averaged.
    checkpoint = rows["checkpoint"].astype("Int64").fillna(-1)
    rows = rows.assign(seed=seed.where(checkpoint < 0, 0), checkpoint=checkpoint)
    columns = sorted(set(zip(rows["checkpoint"], rows["seed"], strict=True))) or [(-1, 0)]
    values = np.full((*_empty(names).shape, len(columns)), np.nan)
    # Not `mean()`: pandas would skip a NaN seed without a word, and a metric that fails for one seed has no stable
    # score.
    cells = rows.groupby([*CELL, "checkpoint", "seed"], sort=True)["value"].agg(
        lambda found: float(np.mean(found.to_numpy(dtype=float)))
    )
    tidy = cells.reset_index()
    at = [columns.index(pair) for pair in zip(tidy["checkpoint"], tidy["seed"], strict=True)]
    values[(*_positions(tidy, names), np.array(at, dtype=np.intp))] = tidy["value"].to_numpy(dtype=float)
    return Replicates(values, tuple(None if number < 0 else int(number) for number, _ in columns))


def _transfers(name: str, rows: pd.DataFrame, names: Mapping[str, tuple[str, ...]], notes: list[str]) -> Transfers:
    """Accuracy of one truth with its transfers kept apart, those of a checkpoint side by side."""
    finite = rows[np.isfinite(rows["value"].to_numpy(dtype=float))]
    numbered = finite.assign(
        seed=finite["seed"].astype("Int64").fillna(-1), checkpoint=finite["checkpoint"].astype("Int64").fillna(0)
    )
    cells = numbered.groupby([*CELL, "checkpoint", "seed"], sort=True)["value"]
    tidy = cells.mean().reset_index()
    repeated = int((cells.size() > 1).sum())
    if repeated:
        notes.append(f"{name}: {repeated} (cell, seed) pairs were measured more than once; their mean is used.")
    parts, checkpoints = [], []
    for number, own in tidy.groupby("checkpoint", sort=True):
        parts.append(_of_one_checkpoint(own, names))
        checkpoints += [int(number)] * parts[-1].shape[-1]
    values = np.concatenate(parts, axis=-1) if parts else np.empty((*_empty(names).shape, 0))
    return Transfers(values, tuple(checkpoints))


def _of_one_checkpoint(tidy: pd.DataFrame, names: Mapping[str, tuple[str, ...]]) -> FloatArray:
    # Seed labels are the seed axis when all cells share them. Otherwise (labels derived from the cell) they are only
    # numbered within the cell, which is all that the statistics need.
    within = tidy.groupby(CELL, sort=False).cumcount()
    labels = sorted(tidy["seed"].unique())
    shared = len(labels) == int(within.max()) + 1
    position = tidy["seed"].map({label: i for i, label in enumerate(labels)}) if shared else within
    array = np.full((*_empty(names).shape, int(position.max()) + 1), np.nan)
    array[(*_positions(tidy, names), position.to_numpy(dtype=np.intp))] = tidy["value"].to_numpy(dtype=float)
    return array


def _empty(names: Mapping[str, tuple[str, ...]]) -> FloatArray:
    return np.full([len(names[axis]) for axis in CELL], np.nan)


def _positions(rows: pd.DataFrame, names: Mapping[str, tuple[str, ...]]) -> tuple[npt.NDArray[np.integer[Any]], ...]:
    """Index arrays of the rows' cells along backbone, source and target."""
    return tuple(
        rows[axis].map({name: i for i, name in enumerate(names[axis])}).to_numpy(dtype=np.int64) for axis in CELL
    )
