"""Cells: one backbone, source and target with the settings of the experiment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Named:
    """The config of a backbone or dataset (plain JSON types) with its name in the table."""

    name: str
    config: Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """One backbone, source and target, with the settings of the experiment.

    Args:
        backbone: fields of ``BackboneConfig``.
        source: fields of ``DatasetConfig``.
        target: fields of ``DatasetConfig``.
        settings: the rest of the config: ``metric``, ``truth``, ``recipe``, ``checkpoints``, and
            ``seed``, ``transfer_seed``, ``metric_seed``.
        common_classes: the smallest number of classes of all datasets compared; null for those of this cell.
        variant: factor and value in which this cell differs from the experiment's own; null for the experiment itself.
    """

    backbone: Named
    source: Named
    target: Named
    settings: Mapping[str, Any]
    common_classes: int | None = None
    variant: str | None = None

    def overlap(self) -> str | None:
        """Why the pair says nothing about transfer, or None if it does."""
        source, target = self.source.config, self.target.config
        if target["loader"] is None:
            return "a target must have images"
        if source["loader"] != target["loader"] or _path(source) != _path(target):
            return None
        classes = [None if config["classes"] is None else set(config["classes"]) for config in (source, target)]
        if classes[0] == classes[1]:
            return "they are the same classes of the same images"
        if None in classes or classes[0] & classes[1]:  # type: ignore[operator]
            return "they share images"
        return None


def collection(dataset: Named) -> str:
    """The data that a dataset is a view of; what names none is a collection of its own, with all views of it.

    Args:
        dataset: Its config and its name in the table.

    Returns:
        The name of the collection.

    >>> collection(Named("mnist_0_4[draw=1]", {"name": "mnist_0_4", "collection": "mnist"}))
    'mnist'
    >>> collection(Named("photos[draw=1]", {"name": "photos", "collection": None}))
    'photos'
    """
    # Not the name in the table: that of a swept view says how it differs from the others.
    return str(dataset.config["collection"] or dataset.config["name"])


def _path(dataset: Mapping[str, Any]) -> Path | None:
    path = dataset.get("path")
    return None if path is None else Path(path).expanduser().resolve()
