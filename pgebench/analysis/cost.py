"""Cost of a metric, and of the truth that it replaces.

A score is charged for everything it stands on: the units it read, the units those read, and so on. Evidence and
checkpoints that several metrics share are charged in full to each of them, as if it were the only one; so costs of
different metrics must not be added up. Within one metric a shared unit is charged once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

# How often a unit has to be paid for, in the words of the report.
DATASET, CHECKPOINT, PAIR = "dataset", "checkpoint", "pair"


@dataclass(frozen=True)
class Cost:
    """Cost of one metric (or truth) for the whole experiment.

    Attributes:
        per_dataset_s: Wall seconds once per (backbone, dataset), e.g. a principal gradient; 0 if there is no such unit.
        per_source_s: The part of it that belongs to a source, once per (backbone, source).
        per_target_s: The part of it that belongs to a target, once per (backbone, target); a unit that serves a dataset
            in both roles counts in both.
        per_checkpoint_s: Wall seconds once per (backbone, source), the training of the source model.
        per_pair_s: Wall seconds once per (backbone, source, target).
        total_s: Wall seconds to get all scores of this experiment.
        without_checkpoints_s: The same when the trained source models are already at hand.
        cpu_s: CPU seconds of `total_s`.
        without_checkpoints_cpu_s: CPU seconds of `without_checkpoints_s`.
        peak_rss_mb: Largest resident memory of any unit, in MB (NaN if unknown).
        images: Images passed through a network.
        flops: Floating-point operations of the networks; NaN if any unit's are unknown.
        without_checkpoints_flops: The same when the trained source models are already at hand.
        alone: Whether every unit was measured without a job beside it; with neighbours seconds are higher.
        cells: Number of triples of backbone, source and target that have a result; each has a score, or an accuracy.
        units: Number of units charged.
        unknown: Number of units that are needed but not in the records; their cost is missing from the sums.
    """

    per_dataset_s: float
    per_source_s: float
    per_target_s: float
    per_checkpoint_s: float
    per_pair_s: float
    total_s: float
    without_checkpoints_s: float
    cpu_s: float
    without_checkpoints_cpu_s: float
    peak_rss_mb: float
    images: int
    flops: float
    without_checkpoints_flops: float
    alone: bool
    cells: int
    units: int
    unknown: int


def costs(records: pd.DataFrame, column: str) -> dict[str, Cost]:
    """Cost of each metric, or of each truth.

    Args:
        records: Columns key, stage, status, backbone, source, target, wall_s, cpu_s, peak_rss_mb, images, inputs
            and `column`; flops and workers where they are known.
        column: "metric" for the score rows, "truth" for the truth rows.

    Returns:
        Name -> cost; names without a finished unit are absent, and those whose cost nobody measured.

    >>> rows = [("c", "checkpoint", "a", None, None, 10.0, "[]"), ("e", "evidence", "a", "b", None, 2.0, '["c"]'),
    ...         ("s", "score", "a", "b", "leep", 0.5, '["e"]')]
    >>> frame = pd.DataFrame(rows, columns=["key", "stage", "source", "target", "metric", "wall_s", "inputs"])
    >>> frame = frame.assign(status="done", backbone="net", cpu_s=0.0, peak_rss_mb=1.0, images=0)
    >>> cost = costs(frame, "metric")["leep"]
    >>> cost.total_s, cost.per_checkpoint_s, cost.per_pair_s, cost.without_checkpoints_s
    (12.5, 10.0, 2.5, 2.5)
    """
    stage = "score" if column == "metric" else "truth"
    # A later row of the same unit replaces an earlier one (a failed attempt that was resumed).
    units = records.drop_duplicates("key", keep="last").set_index("key", drop=False)
    reads = {str(key): _keys(text) for key, text in zip(units["key"], units["inputs"], strict=True)}
    measured = (units["status"] == "done") & units["wall_s"].notna()
    wanted = units[(units["stage"] == stage) & measured & units[column].notna()]
    # Of all rows: one unit is the result of several cells where it depends on a source alone.
    finished = records[(records["stage"] == stage) & (records["status"] == "done")]
    cells = finished.drop_duplicates([column, "backbone", "source", "target"])[column].value_counts()
    owner = {str(unit["key"]): _owner(unit) for unit in units.to_dict("records") if _paid_per(unit) == DATASET}
    return {
        str(name): _charge(
            units, _closure(rows["key"].astype(str), reads), _served(rows, owner, reads), int(cells[name])
        )
        for name, rows in wanted.groupby(column, sort=True)
    }


def of_one_life(records: pd.DataFrame) -> pd.DataFrame:
    """The records without what a study repeats: one checkpoint per source, one transfer per pair, one draw of a metric.

    That is what a user pays. The repetitions of a study tell how far its numbers can be trusted.

    Args:
        records: Columns stage, seed, and checkpoint where sources were trained more than once.

    Returns:
        The rows that stay; what scores and truths read stays with them.

    >>> rows = [("truth", 0, 0), ("truth", 1, 0), ("truth", 1, 1), ("score", 0, None), ("checkpoint", None, 1)]
    >>> frame = pd.DataFrame(rows, columns=["stage", "seed", "checkpoint"])
    >>> of_one_life(frame).index.tolist()
    [0, 3, 4]
    """
    first = records["seed"].isna() | (records["seed"] == records.groupby("stage")["seed"].transform("min"))
    if "checkpoint" in records:
        first &= records["checkpoint"].isna() | (records["checkpoint"] == 0)
    return records[~records["stage"].isin(["score", "truth"]) | first]


def share_of(cost: Cost | None, truth: Cost | None, field: str) -> float:
    """Share of what the truth costs, in one of the currencies.

    Args:
        cost: Of a metric, if it is known.
        truth: Of the truth that it replaces, if it is known.
        field: Name of a field of both, such as `cpu_s`.

    Returns:
        NaN where a cost is unknown, or that of the truth 0.

    >>> blank = dict.fromkeys(Cost.__dataclass_fields__, 0)
    >>> share_of(Cost(**blank | {"cpu_s": 3}), Cost(**blank | {"cpu_s": 12}), "cpu_s")
    0.25
    """
    if cost is None or truth is None or not getattr(truth, field) > 0:
        return float("nan")
    return float(getattr(cost, field) / getattr(truth, field))


def _keys(text: object) -> list[str]:
    """Keys in the `inputs` cell; none if it is empty."""
    if isinstance(text, str) and text:
        return [str(key) for key in json.loads(text)]
    return []


def _closure(keys: Iterable[str], reads: Mapping[str, list[str]]) -> list[str]:
    """The units and everything they stand on, each once, in a fixed order."""
    seen: dict[str, None] = {}
    waiting = list(keys)
    while waiting:
        key = waiting.pop()
        if key not in seen:
            seen[key] = None
            waiting.extend(reads.get(key, []))
    return sorted(seen)


def _served(rows: pd.DataFrame, owner: Mapping[str, object], reads: Mapping[str, list[str]]) -> dict[str, set[str]]:
    """Role -> units that belong to the dataset in that role of some of the rows, a source or a target."""
    served: dict[str, set[str]] = {"source": set(), "target": set()}
    for key, source, target in zip(rows["key"].astype(str), rows["source"], rows["target"], strict=True):
        for read in _closure([key], reads):
            if read in owner:
                served["source"].update([read] if owner[read] == source else [])
                served["target"].update([read] if owner[read] == target else [])
    return served


def _owner(unit: Mapping[object, object]) -> object:
    """The dataset of a unit that is paid once per dataset."""
    return unit["source"] if isinstance(unit["source"], str) else unit["target"]


def _charge(units: pd.DataFrame, keys: list[str], served: Mapping[str, set[str]], cells: int) -> Cost:
    known = units.loc[[key for key in keys if key in units.index]]
    paid = pd.Series([_paid_per(row) for row in known.to_dict("records")], index=known.index, dtype=object)
    wall = known["wall_s"].astype(float).fillna(0.0)
    thing = {
        DATASET: known["backbone"].astype(str) + "/" + known["source"].fillna(known["target"]).astype(str),
        CHECKPOINT: known["backbone"].astype(str) + "/" + known["source"].astype(str),
        PAIR: known["backbone"].astype(str) + "/" + known["source"].astype(str) + "/" + known["target"].astype(str),
    }

    def per(what: str, role: str | None = None) -> float:
        mine = paid == what
        if role:
            mine &= known["key"].isin(served[role])
        things = int(thing[what][mine].nunique())
        return float(wall[mine].sum()) / things if things else 0.0

    cpu, flops = known["cpu_s"].astype(float).fillna(0.0), _column(known, "flops")
    memory = known["peak_rss_mb"].astype(float).dropna()
    return Cost(
        per_dataset_s=per(DATASET),
        per_source_s=per(DATASET, "source"),
        per_target_s=per(DATASET, "target"),
        per_checkpoint_s=per(CHECKPOINT),
        per_pair_s=per(PAIR),
        total_s=float(wall.sum()),
        without_checkpoints_s=float(wall[paid != CHECKPOINT].sum()),
        cpu_s=float(cpu.sum()),
        without_checkpoints_cpu_s=float(cpu[paid != CHECKPOINT].sum()),
        peak_rss_mb=float(memory.max()) if len(memory) else float("nan"),
        images=int(known["images"].astype("Int64").fillna(0).sum()),
        flops=float(flops.sum(skipna=False)),
        without_checkpoints_flops=float(flops[paid != CHECKPOINT].sum(skipna=False)),
        alone=bool((_column(known, "workers") == 1).all()),
        cells=cells,
        units=len(known),
        unknown=len(keys) - len(known),
    )


def _column(rows: pd.DataFrame, name: str) -> pd.Series[float]:
    """A column as numbers; NaN where records of an earlier version lack it."""
    missing = pd.Series(float("nan"), index=rows.index)
    return rows[name].astype("Float64").astype(float) if name in rows else missing


def _paid_per(unit: Mapping[object, object]) -> str:
    """Whether a unit is paid once per dataset, checkpoint or pair."""
    if unit["stage"] == "checkpoint":
        return CHECKPOINT
    source, target = unit["source"], unit["target"]
    both = isinstance(source, str) and isinstance(target, str) and source != target
    return PAIR if both else DATASET
