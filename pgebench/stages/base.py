"""What every stage is given and gives back."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from pgebench.data.task import Task, open_task
from pgebench.networks import backbones
from pgebench.networks.inputs import Images
from pgebench.store.store import Store
from pgebench.store.unit import Unit


@dataclass(frozen=True)
class Outcome:
    """The result of a unit.

    Args:
        value: the number in the table, if the stage has one.
        tensors: the artifact.
        detail: facts for the record, JSON types.
        images: images that went through a network.
    """

    value: float = math.nan
    tensors: Mapping[str, torch.Tensor] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)
    images: int = 0


@dataclass(frozen=True)
class Run:
    """A unit about to be run, with where its inputs are and where it computes.

    Attributes:
        unit: What to compute.
        store: Where its inputs are; the runner puts the outcome there.
        device: Where tensors live.
    """

    unit: Unit
    store: Store
    device: torch.device

    @property
    def params(self) -> Mapping[str, Any]:
        """The unit's parameters."""
        return self.unit.params

    def task(self) -> Task:
        """The unit's dataset.

        Returns:
            Images, labels and splits.
        """
        name = self.unit.label.target or self.unit.label.source or "dataset"
        return open_task(name, self.params["dataset"], self.store.root)

    def part(self, split: str) -> tuple[Images, torch.Tensor]:
        """Network inputs (n, 3, size, size) and labels (n,) of a split, on the device.

        Args:
            split: ``train``, ``val`` or ``test``.

        Returns:
            The two; inputs that are too many to be held at once are made batch by batch.
        """
        task = self.task()
        chosen = task.indices(split)
        stored, rows = task.collection.images, task.rows[chosen]
        images = backbones.inputs(self.params["backbone"], self.params["dataset"], stored, rows, self.device)
        return images, torch.from_numpy(task.labels[chosen]).to(self.device)

    def file(self, role: str) -> str | None:
        """Where a file of the unit lies, if it has one.

        Args:
            role: What the file is to the unit, such as ``weights``.

        Returns:
            Its path, or None.
        """
        return self.unit.files.get(role)

    def record(self, role: str) -> dict[str, Any]:
        """The record of an input.

        Args:
            role: What the input is to the unit, such as ``checkpoint``.

        Returns:
            As the store keeps it.
        """
        return self.store.record(self.unit.inputs[role])

    def load(self, role: str) -> dict[str, torch.Tensor]:
        """The artifact of an input.

        Args:
            role: What the input is to the unit, such as ``checkpoint``.

        Returns:
            Tensors by name.

        Raises:
            CorruptArtifact: The file is missing or is not the one that was written.
        """
        return self.store.load(self.unit.inputs[role])


@dataclass(frozen=True)
class Together:
    """How a stage that no other reads computes several units at once.

    Args:
        kind: says of a unit which others it can be computed with: those of which it says the same.
        run: gives the results of units of one kind; None for one that has to run by itself.
    """

    kind: Callable[[Unit], str]
    run: Callable[[Sequence[Run]], Sequence[Outcome | None]]
