"""A store over a box: what the box holds is done, and what is computed stays in memory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from pgebench.box.file import Box
from pgebench.core.records import MISSING
from pgebench.store.records_of_table import records_of
from pgebench.store.store import Place, Store
from pgebench.store.unit import Unit


class BoxStore(Store):
    """The records and the evidence of a box, under the keys that a plan gives them; nothing is written to a disk.

    A score that is computed from a box has the key of one that is computed from the evidence itself, and differs from
    it by rounding. So it must not get into an ordinary store.

    Args:
        box: What is done.
    """

    def __init__(self, box: Box) -> None:
        super().__init__(Path())
        self.box = box
        self._held = records_of(box.records)
        self._computed: dict[str, dict[str, Any]] = {}

    def record(self, unit: Place) -> dict[str, Any]:
        """The record of a unit that was computed on the box, or else the box's own."""
        if unit.key in self._computed:
            return self._computed[unit.key]
        if unit.key not in self._held:
            return {"status": MISSING}
        return {**self._held[unit.key], "key": unit.key}

    def write_record(self, unit: Place, record: Mapping[str, Any]) -> None:
        """Keep a record in memory, in the place of the box's own."""
        self._computed[unit.key] = dict(record)

    def forget(self, unit: Place) -> None:
        """Drop what was computed, and what the box says of this unit."""
        self._computed.pop(unit.key, None)
        self._held.pop(unit.key, None)

    def load(self, unit: Unit, record: Mapping[str, Any] | None = None) -> dict[str, torch.Tensor]:
        """The evidence of a unit, which the box must hold."""
        return self.box.evidence(unit.key)

    @contextlib.contextmanager
    def lock(self, unit: Place, timeout: float = -1) -> Iterator[bool]:
        """Hold nothing: no other process sees this store."""
        yield True

    def drop_progress(self, unit: Unit) -> None:
        """Forget nothing: no progress is kept."""

    def drop_litter(self, unit: Unit) -> None:
        """Remove nothing: no file is written."""
