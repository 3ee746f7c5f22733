"""Learning curves while the sweep runs: one run per checkpoint, with the transfers from it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pgebench.core.records import CRASHED, DONE, FAILED
from pgebench.tracking import keys
from pgebench.tracking.checkpoints import consume, numbered, produce, was_trained
from pgebench.tracking.runs import open_run

if TYPE_CHECKING:
    from wandb import Run

MOST_OPEN = 200
"""A sweep that trains more sources than this at a time shows the first ones; the curves of all are in the store."""

ENDED = (DONE, FAILED, CRASHED)

Owner = tuple[str, str | None, int | None, str | None]
"""Backbone, source, number of the checkpoint and variant of a live run; training from scratch has no source."""


class LiveRuns:
    """Follows the records of checkpoints and transfers.

    Args:
        job: what ``Tracker`` wrote.
        report: the run of the sweep's report, which reads every checkpoint.
    """

    def __init__(self, job: Mapping[str, Any], report: Run) -> None:
        self._job, self._report = job, report
        self._waiting = {unit["record"]: unit for unit in job["units"]}
        self._open_units = Counter(_owner(unit) for unit in job["units"])
        self._truths = sorted({unit["truth"] for unit in job["units"] if unit["truth"]})
        self._runs: dict[Owner, Run] = {}
        self._transfers: Counter[tuple[Owner, str]] = Counter()

    def look(self) -> None:
        """Log every unit that has ended since the last look."""
        for path, unit in list(self._waiting.items()):
            record = _read(Path(path))
            if record.get("status") not in ENDED:
                continue
            new = str(record.get("finished") or record["started"]) >= self._job["started"]
            if not new and record["status"] != DONE:
                continue  # it failed in an earlier sweep and is tried again
            del self._waiting[path]
            self._open_units[_owner(unit)] -= 1
            if record["status"] == DONE:
                self._log(unit, record, new)
            if not self._open_units[_owner(unit)]:
                self._close(_owner(unit))

    def finish(self) -> None:
        """Close what is open; units that never ended have no curve."""
        for owner in list(self._runs):
            self._close(owner)

    def _log(self, unit: Mapping[str, Any], record: Mapping[str, Any], new: bool) -> None:
        is_checkpoint = unit["stage"] == "checkpoint"
        if is_checkpoint and not was_trained(record):
            return
        if new and (run := self._run(unit)) is not None:
            (self._log_checkpoint if is_checkpoint else self._log_transfer)(run, unit, record)
        if is_checkpoint:
            consume(self._report, unit, record)

    def _log_checkpoint(self, run: Run, unit: Mapping[str, Any], record: Mapping[str, Any]) -> None:
        _log_curve(run, record, keys.CHECKPOINT_STEP, keys.CHECKPOINT_LOSS)
        run.summary.update(
            {keys.CHECKPOINT_ACCURACY: record["value"], keys.CHECKPOINT_RATE: record["detail"]["learning_rate"]}
        )
        produce(run, unit, record)

    def _log_transfer(self, run: Run, unit: Mapping[str, Any], record: Mapping[str, Any]) -> None:
        truth = unit["truth"]
        loss = keys.transfer_loss(truth, unit["target"], unit["seed"])
        _log_curve(run, record, keys.transfer_step(truth), loss)
        self._transfers[_owner(unit), truth] += 1
        ended = self._transfers[_owner(unit), truth]
        run.log({keys.transfers(truth): ended, keys.transfer_accuracy(truth): record["value"]})

    def _run(self, unit: Mapping[str, Any]) -> Run | None:
        """The run of a unit's source, opened when its first unit ends."""
        owner = _owner(unit)
        if owner not in self._runs:
            if len(self._runs) >= MOST_OPEN:
                return None
            backbone, source, checkpoint, variant = owner
            parts = (backbone, source or "from scratch", numbered(unit), variant)
            name = " ".join(part for part in parts if part)
            config = {"backbone": backbone, "source": source, "checkpoint": checkpoint, "variant": variant}
            self._runs[owner] = open_run(self._job, keys.LIVE, name, config)
            _define(self._runs[owner], self._truths)
        return self._runs[owner]

    def _close(self, owner: Owner) -> None:
        if owner in self._runs:
            self._runs.pop(owner).finish()


def _define(run: Run, truths: list[str]) -> None:
    """Give every curve its own axis, and every value the summary that says something about it."""
    run.define_metric(keys.CHECKPOINT_STEP, hidden=True)
    run.define_metric(keys.CHECKPOINT_LOSS, step_metric=keys.CHECKPOINT_STEP, summary="min,last")
    for truth in truths:
        run.define_metric(keys.transfer_step(truth), hidden=True)
        run.define_metric(keys.transfer_losses(truth), step_metric=keys.transfer_step(truth), summary="min,last")
        run.define_metric(keys.transfers(truth), hidden=True)
        run.define_metric(keys.transfer_accuracy(truth), step_metric=keys.transfers(truth), summary="min,max,mean")


def _log_curve(run: Run, record: Mapping[str, Any], step_key: str, loss_key: str) -> None:
    curve = record["detail"].get("curve", {"step": [], "loss": []})  # an older version kept none
    for step, loss in zip(curve["step"], curve["loss"], strict=True):
        run.log({step_key: step, loss_key: loss})


def _owner(unit: Mapping[str, Any]) -> Owner:
    return unit["backbone"], unit["source"], unit["checkpoint"], unit["variant"]


def _read(path: Path) -> dict[str, Any]:
    """A record, or nothing if it is not there yet."""
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}
