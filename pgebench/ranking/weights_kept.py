"""Weights on this disk: brought before a candidate is looked at, and removed after it where they are too many."""

from __future__ import annotations

from threading import Lock

from pgebench.networks import hub_downloads
from pgebench.plan.cell import Cell


class WeightsKept:
    """The weights that one run has downloaded, oldest first; what was in the user's cache before is none of them.

    Args:
        most: Bytes of them that may stay.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._brought: dict[str, bool] = {}  # name of timm -> whether it may go
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
        if model is not None and hub_downloads.download(model):
            with self._lock:
                self._brought[model] = False

    def looked_at(self, cell: Cell) -> None:
        """A candidate has its score, or will have none: its weights may go, and the oldest do if they are too many.

        Args:
            cell: The candidate.
        """
        model = of_the_hub(cell)
        with self._lock:
            if model is not None and model in self._brought:
                self._brought[model] = True
            sizes = {name: hub_downloads.bytes_of(name) for name, free in self._brought.items() if free}
            total = sum(sizes.values())
            for name, size in sizes.items():
                if total <= self.most:
                    break
                self._remove(name)
                total -= size

    def make_room(self) -> bool:
        """Remove all that may go, for the disk is full.

        Returns:
            Whether there was anything.
        """
        with self._lock:
            free = [name for name, may_go in self._brought.items() if may_go]
            for name in free:
                self._remove(name)
        return bool(free)

    def _remove(self, model: str) -> None:
        hub_downloads.remove(model)
        del self._brought[model]


def of_the_hub(cell: Cell) -> str | None:
    """Timm's name of a candidate whose weights timm downloads; None for others.

    Args:
        cell: The candidate.
    """
    config = cell.backbone.config
    return str(config["model"]) if config["pretrained"] else None
