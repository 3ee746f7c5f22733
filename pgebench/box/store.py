"""A store over a box: what the box holds is done, and what is computed stays in memory."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from pgebench.box.file import Box
from pgebench.core.records import MISSING
from pgebench.store.store import Place, Store
from pgebench.store.unit import Unit

_FIELDS = ("status", "value", "wall_s", "cpu_s", "peak_rss_mb", "images", "workers", "threads", "attempts", "finished")


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
        rows = box.records.drop_duplicates("key").set_index("key")[[*_FIELDS, "detail"]].astype(object)
        lists = rows.where(rows.notna(), None).to_dict("list")
        names = [str(name) for name in lists]
        self._held: dict[str, dict[str, Any]] = {
            str(key): dict(zip(names, row, strict=True)) for key, *row in zip(rows.index, *lists.values(), strict=True)
        }
        self._computed: dict[str, dict[str, Any]] = {}

    def record(self, unit: Place) -> dict[str, Any]:
        """The record of a unit that was computed on the box, or else the box's own."""
        if unit.key in self._computed:
            return self._computed[unit.key]
        if unit.key not in self._held:
            return {"status": MISSING}
        row = self._held[unit.key]
        return {**row, "key": unit.key, "detail": json.loads(row["detail"]), "artifact": {}}

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
