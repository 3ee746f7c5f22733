"""An attempt at a unit: it begins, and ends in a result or in a failure; what it says is the unit's record."""

from __future__ import annotations

import contextlib
import traceback
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import torch

from pgebench.core.errors import PgebenchError, UpstreamError
from pgebench.core.machine import machine, versions
from pgebench.core.records import DONE, FAILED, RUNNING
from pgebench.run.policy import Rules
from pgebench.run.time_limit import TimeLimit
from pgebench.run.usage import Usage
from pgebench.stages import Outcome, Work
from pgebench.store.store import Store
from pgebench.store.unit import Unit


@dataclass
class Attempt:
    """One attempt at a unit whose lock is held.

    Args:
        unit: What is computed.
        store: Where inputs are, and where the record goes.
        device: Where networks compute.
        rules: Under which it is made.
        number: How many processes have been at it, with this one.
        record: As it is written down; empty until the attempt begins.
    """

    unit: Unit
    store: Store
    device: torch.device
    rules: Rules
    number: int = 1
    record: dict[str, Any] = field(default_factory=dict)

    def begin(self) -> None:
        """Write down that the unit is being computed, where and by what."""
        self._write(
            {
                "status": RUNNING,
                "attempts": self.number,
                "key": self.unit.key,
                **self.unit.identity(),
                "label": str(self.unit),
                "started": _now(),
                "workers": self.rules.workers,
                "threads": torch.get_num_threads(),
                "versions": versions(),
                "machine": machine(str(self.device)),
            }
        )

    def finish(self, outcome: Outcome, cost: Usage) -> None:
        """Put a result into the store: the artifact, then the record that promises it.

        Args:
            outcome: What the stage gave.
            cost: What it took.
        """
        artifact = self.store.write_artifact(self.unit, outcome.tensors) if outcome.tensors else {}
        self._end(
            cost,
            status=DONE,
            # NaN is no JSON, and most stages have no value.
            value=outcome.value if outcome.value == outcome.value else None,
            detail=dict(outcome.detail),
            images=outcome.images,
            artifact=artifact,
        )
        with contextlib.suppress(OSError):  # litter at worst, and no reason to lose a result
            self.store.drop_progress(self.unit)

    def fail(self, error: BaseException, cost: Usage) -> None:
        """Write down a failure; to be called while the error is handled.

        Args:
            error: What went wrong. That an input has no result is marked: it is no fault of the unit's.
            cost: What it took until then.
        """
        told = {"error": message(error, self.rules), "traceback": traceback.format_exc()}
        mark = {"detail": {"upstream": True}} if isinstance(error, UpstreamError) else {}
        self._end(cost, status=FAILED, **told, **mark)

    def withdraw(self) -> None:
        """Leave no trace of an attempt that did not end: the user stopped it, or the disk is full."""
        if self.store.record(self.unit)["status"] == RUNNING:
            self.store.forget(self.unit)

    def _end(self, cost: Usage, **fields: Any) -> None:
        self._write({**self.record, **fields, "finished": _now(), **cost.as_dict()})

    def _write(self, record: dict[str, Any]) -> None:
        self.store.write_record(self.unit, record)
        self.record = record


def work_on(unit: Unit, store: Store, device: torch.device) -> Work:
    """A unit ready to be computed; the records of its inputs are read here and nowhere else.

    Raises:
        UpstreamError: an input has no result.
    """
    records = {role: store.record(needed) for role, needed in unit.inputs.items()}
    for role, record in records.items():
        if record["status"] != DONE:
            reason = record.get("error", f"it is {record['status']}")
            raise UpstreamError(f"needs {unit.inputs[role]}, which has no result: {reason}")
    return Work(unit, store, device, records)


def message(error: BaseException, rules: Rules) -> str:
    """An error in one line."""
    if isinstance(error, TimeLimit):
        return f"it took longer than time_limit={rules.minutes:g} minutes; give it more, or leave it out"
    # A message made for the user stands alone; anything else needs its type to be understood.
    text = str(error) if isinstance(error, PgebenchError | ValueError) else f"{type(error).__name__}: {error}"
    return " ".join(text.split())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
