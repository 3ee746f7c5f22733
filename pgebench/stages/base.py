"""What every stage is given and gives back."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import torch

from pgebench.core.identity import canonical_json
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
class Work:
    """A unit about to be run, with where its inputs are and where it computes.

    Attributes:
        unit: What to compute.
        store: Where its inputs are; the runner puts the outcome there.
        device: Where tensors live.
        records: Those of the inputs that were read already, by role.
    """

    unit: Unit
    store: Store
    device: torch.device
    records: Mapping[str, dict[str, Any]] = field(default_factory=dict)

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
        return self.records.get(role) or self.store.record(self.unit.inputs[role])

    def load(self, role: str) -> dict[str, torch.Tensor]:
        """The artifact of an input.

        Args:
            role: What the input is to the unit, such as ``checkpoint``.

        Returns:
            Tensors by name.

        Raises:
            CorruptArtifact: The file is missing or is not the one that was written.
        """
        return self.store.load(self.unit.inputs[role], self.record(role))


@dataclass(frozen=True)
class Together:
    """How a stage that no other reads computes several units at once.

    Args:
        kind: says of a unit which others it can be computed with: those of which it says the same.
        run: gives the results of units of one kind; None for one that has to run by itself.
    """

    kind: Callable[[Unit], str]
    run: Callable[[Sequence[Work]], Sequence[Outcome | None]]


def no_flops(unit: Unit, record: Mapping[str, Any], store: str) -> float | None:
    """The operations of a stage that passes nothing through a network.

    Args:
        unit: Of any stage.
        record: Of the finished unit.
        store: Folder of the store.

    Returns:
        0.
    """
    return 0.0


@dataclass(frozen=True)
class Stage:
    """All that is known of the units of one kind.

    Args:
        run: computes a unit.
        flops: operations of a finished unit's networks, from the unit, its record and the store's folder; None where
            they are unknown.
        together: how several units are computed at once, if they can be.
        curve: whether it trains, so that its records hold a learning curve.
        reusable: whether its result is a number alone, which a table of an earlier run holds as well as the store.
    """

    run: Callable[[Work], Outcome]
    flops: Callable[[Unit, Mapping[str, Any], str], float | None] = no_flops
    together: Together | None = None
    curve: bool = False
    reusable: bool = False


def dataset_counts(unit: Unit, store: str) -> dict[str, int]:
    """Classes, and images by split, of the dataset that a unit works on.

    Args:
        unit: One with a dataset among its parameters.
        store: Folder of the store, for datasets with a path.

    Returns:
        As ``Task.counts`` gives them.
    """
    return _sizes(canonical_json(dict(unit.params["dataset"])), store)


@lru_cache(maxsize=4096)
def _sizes(dataset: str, store: str) -> dict[str, int]:
    return open_task("dataset", json.loads(dataset), store).counts()
