"""Weights on this disk: brought before a candidate is looked at, and removed after it where they are too many."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock

from pgebench.core.errors import PgebenchError, StoreError
from pgebench.core.files import write_atomically
from pgebench.networks import hub_downloads
from pgebench.plan.cell import Cell


class WeightsKept:
    """The weights that were downloaded for rankings, oldest first; what the user had before is none of them.

    Args:
        most: Bytes of them that may stay.
        notes: File in which their names are noted, so that a run knows what an interrupted one has left.
    """

    def __init__(self, most: int, notes: Path) -> None:
        self.most, self.notes = most, notes
        # Name of timm -> whether it may go; what earlier runs left may, until a candidate asks for it.
        self._brought = dict.fromkeys(filter(hub_downloads.bytes_on_disk, _noted(notes)), True)
        # Weights are brought by a thread beside the one that says that they may go.
        self._lock = Lock()

    def bring(self, cell: Cell) -> None:
        """Download the weights of a candidate, if timm has them and they are not here.

        Args:
            cell: The candidate.

        Raises:
            ConfigError: They cannot be downloaded.
        """
        model = of_the_hub(cell)
        if model is None:
            return
        with self._lock:
            if model in self._brought:
                self._brought[model] = False
        if hub_downloads.download(model):
            with self._lock:
                self._brought[model] = False
                self._note()

    def looked_at(self, cell: Cell) -> None:
        """A candidate has its score, or will have none: its weights may go, and the oldest do if they are too many.

        Args:
            cell: The candidate.
        """
        model = of_the_hub(cell)
        with self._lock:
            if model is not None and model in self._brought:
                self._brought[model] = True
            sizes = {name: hub_downloads.bytes_on_disk(name) for name, free in self._brought.items() if free}
            total, gone = sum(sizes.values()), []
            for name, size in sizes.items():
                if total <= self.most:
                    break
                gone.append(name)
                total -= size
            self._remove(gone)

    @contextlib.contextmanager
    def at_hand(self, cells: Sequence[Cell]) -> Iterator[None]:
        """Inside, the weights of candidates that were looked at before are here again, where they can be had.

        Args:
            cells: The candidates. What cannot be downloaded is left to who needs it, and says why.
        """
        for cell in cells:
            with contextlib.suppress(PgebenchError):
                self.bring(cell)
        try:
            yield
        finally:
            for cell in cells:
                self.looked_at(cell)

    def make_room(self) -> bool:
        """Remove all that may go, for the disk is full.

        Returns:
            Whether there was anything.
        """
        with self._lock:
            free = [name for name, may_go in self._brought.items() if may_go]
            self._remove(free)
        return bool(free)

    def _remove(self, models: list[str]) -> None:
        for model in models:
            hub_downloads.remove(model)
            del self._brought[model]
        if models:
            self._note()

    def _note(self) -> None:
        # On a full disk nothing can be noted; weights that nobody knows of stay, which is no harm to the ranking.
        with contextlib.suppress(StoreError):
            write_atomically(self.notes, json.dumps([*self._brought]).encode())


def _noted(notes: Path) -> list[str]:
    try:
        found = json.loads(notes.read_bytes())
    except (OSError, ValueError):
        return []
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []


def of_the_hub(cell: Cell) -> str | None:
    """Timm's name of a candidate whose weights timm downloads; None for others.

    Args:
        cell: The candidate.
    """
    config = cell.backbone.config
    return str(config["model"]) if config["pretrained"] else None
