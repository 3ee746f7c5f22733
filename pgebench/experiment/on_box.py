"""Metrics on a box: scored on the evidence of a finished study and put beside the study's own; nothing is trained."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from pgebench.box.file import Box, open_box
from pgebench.box.store import BoxStore
from pgebench.core.errors import ConfigError
from pgebench.core.say import say
from pgebench.experiment.publish import config_of, publish_judged
from pgebench.plan.cell import Cell
from pgebench.plan.sweep import Sweep, plain
from pgebench.plan.units import merged, plan
from pgebench.run.runner import run_units
from pgebench.run.table import frame
from pgebench.stages.kinds_of_evidence import KINDS
from pgebench.stages.score import asks_for
from pgebench.store.unit import Unit
from pgebench.tracking import Tracker


@dataclass(frozen=True)
class Scored:
    """The table of a study with the scores of other metrics in it.

    Attributes:
        table: Records; what was scored on the box stands in the place of the study's scores of the same name.
        notes: For the reader.
    """

    table: pd.DataFrame
    notes: tuple[str, ...]


def run_on_box(sweep: Sweep, arguments: Sequence[str]) -> int:
    """Score the config's metrics on the box that it names, and report.

    Args:
        sweep: With ``box`` in its config.
        arguments: What the user typed, for the report.

    Returns:
        The exit code: 0 if every score is there, 1 if one is not.

    Raises:
        ConfigError: There is no such box, or it is not one of this experiment.
    """
    box, config = open_box(sweep.config.box), config_of(sweep)
    judged = on_box(box, sweep.cells)
    say(*judged.notes)
    asked = {key: config[key] for key in ("contrasts", "question", "primary_truth")}
    meta = {
        **meta_with(box, config["metric"], judged),
        **asked,
        "command": shlex.join(["pgebench", *arguments]),
        "notes": [*box.meta["notes"], *config["notes"], *sweep.left_out, *judged.notes],
    }
    meta["config"] |= asked
    results = Path(config["results"])
    tracker = Tracker(plain(sweep.config.tracking), [], BoxStore(box), results, config)
    return publish_judged(judged.table, meta, results, tracker, config["primary_truth"])


def on_box(box: Box, cells: Sequence[Cell]) -> Scored:
    """The metrics of cells, scored on a box.

    Args:
        box: A finished study.
        cells: Of the same experiment, or some of them, with the metrics to be scored.

    Returns:
        The study's records of these cells with the new scores in them.

    Raises:
        ConfigError: The box is of another experiment, or of other trainings, than the cells.
    """
    store = BoxStore(box)
    units = merged(map(plan, cells))
    scores = [unit for unit in units if unit.stage == "score"]
    _require_trainings(box, store, units)
    lacking = _lacking(box, scores)
    scored = [unit for unit in scores if unit.label.metric not in lacking]
    for unit in scored:
        store.forget(unit)
    run_units(scored, store, torch.device("cpu"))
    beside = _of_cells(box.records, cells)
    names = {unit.label.metric for unit in scored}
    table = pd.concat([beside[~(beside.metric.isin(names) & (beside.stage == "score"))], frame(scored, store)])
    return Scored(table.reset_index(drop=True), (_about(box, names), *lacking.values()))


def meta_with(box: Box, metrics: Mapping[str, Any], judged: Scored) -> dict[str, Any]:
    """What the report says beside the table: that of the study, with the metrics that came to it.

    Args:
        box: The study.
        metrics: Fields of ``MetricConfig`` by name.
        judged: The table with their scores.

    Returns:
        As ``meta.json`` holds it.
    """
    config = box.meta["config"]
    scored = {name: one for name, one in metrics.items() if name in set(judged.table.metric)}
    return {**box.meta, "config": {**config, "metric": {**config["metric"], **scored}}}


def _require_trainings(box: Box, store: BoxStore, units: Iterable[Unit]) -> None:
    """Refuse cells whose checkpoints or truths the box has not."""
    for unit in units:
        if unit.stage in ("checkpoint", "truth") and not store.is_done(unit):
            raise ConfigError(
                f"box={box.name} is a run of experiment={box.experiment} by pgebench {box.made_by} and has no {unit}; "
                f"give experiment={box.experiment}, and leave out what changes trainings or data (seed=, recipe., "
                "target. ...)"
            )


def _lacking(box: Box, scores: Iterable[Unit]) -> dict[str, str]:
    """The metrics that look at what the box does not hold, with a line on each."""
    lines: dict[str, str] = {}
    for unit in scores:
        name = str(unit.label.metric)
        asked = asks_for(name, unit.params["function"])
        missing = [key for key in asked if (role := _role(key)) and unit.inputs[role].key not in box.tensors]
        if missing:
            lines[name] = (
                f"{name} is left out: it looks at {', '.join(missing)}, which box={box.name} does not hold with these "
                "settings; its committed scores, if there are any, stay."
            )
    return lines


def _role(evidence: str) -> str | None:
    """The role of the unit whose artifact a kind of evidence comes from; None if a record or a fact is enough."""
    origin = KINDS[evidence].origin
    if origin in ("fact", "checkpoint"):
        return None
    if origin == "weights":
        return "checkpoint"
    return evidence if origin in ("gradients", "information") else origin


def _of_cells(records: pd.DataFrame, cells: Sequence[Cell]) -> pd.DataFrame:
    """The rows of a table that concern the cells' backbones, sources and targets."""
    chosen = pd.Series(True, index=records.index)
    for column in ("backbone", "source", "target"):
        names = {getattr(cell, column).name for cell in cells}
        # A checkpoint looks at its own source too, which is no target then.
        own = records.target == records.source if column == "target" else False
        chosen &= records[column].isna() | records[column].isin(names) | own
    return records[chosen]


def _about(box: Box, names: Iterable[str | None]) -> str:
    scored = ", ".join(sorted(f"`{name}`" for name in names)) or "No metric"
    left_out = f" It does not hold {'; '.join(box.left_out)}." if box.left_out else ""
    return (
        f"{scored} scored on the evidence that box={box.name} holds, in half precision; nothing was trained. Truths, "
        f"costs and the other scores are those of the run that finished {box.meta['created']}.{left_out}"
    )
