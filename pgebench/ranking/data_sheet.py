"""Data sheet of a candidate: its size, what a picture costs, and what is stated of it; no metric is needed for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from math import inf, nan
from typing import Any

from pgebench.core.records import DONE
from pgebench.core.text import unfolded
from pgebench.networks import backbones, timm_names
from pgebench.networks.weights import PACKAGE
from pgebench.plan.cell import Cell
from pgebench.plan.units import counts, in_order, plan
from pgebench.ranking.candidates import Candidates, on_images
from pgebench.ranking.remembered import size_in
from pgebench.stages.evidence import PASSING
from pgebench.store.store import Store

LONGEST_LICENCE = 40
"""Characters of a licence's name; a package that states more has put the whole text there."""


@dataclass(frozen=True)
class DataSheet:
    """What is known of a candidate beside its score; NaN and "" where nothing is.

    Attributes:
        parameters: Of its network without a classifier.
        gflops: Billions of operations of the network for one image of ``image_size``; a multiplication and an addition
            are two.
        image_size: Pixels a side of what the network sees.
        milliseconds: Measured here for one picture, from decoded pixels to features.
        images: Pictures that were measured.
        accuracy: Stated for the weights on the data that they were trained on, in [0, 1].
        licence: Stated for the weights.
        source_images: Training images of a source.
        source_classes: Classes of a source.
    """

    parameters: float = nan
    gflops: float = nan
    image_size: int = 0
    milliseconds: float = nan
    images: int = 0
    accuracy: float = nan
    licence: str = ""
    source_images: float = nan
    source_classes: float = nan

    @property
    def known(self) -> dict[str, Any]:
        """What is known, in JSON types."""
        numbers = {
            "parameters": (self.parameters, 0),
            "gflops": (self.gflops, 4),
            "image_size": (self.image_size or nan, 0),
            "ms_per_image": (self.milliseconds, 3),
            "stated_accuracy": (self.accuracy, 5),
            "source_images": (self.source_images, 0),
            "source_classes": (self.source_classes, 0),
        }
        found: dict[str, Any] = {
            name: round(value, digits) if digits else int(value)
            for name, (value, digits) in numbers.items()
            if abs(value) < inf
        }
        return found | ({"licence": self.licence} if self.licence else {})


def data_sheets(
    candidates: Candidates, metric: str, looked_at: Mapping[str, int | None], store: Store
) -> dict[str, DataSheet]:
    """The data sheets of candidates by their names.

    Args:
        candidates: What was ranked.
        metric: By which metric.
        looked_at: Candidate -> training images of each class that it has looked at; None for principal gradients, which
            draw from all.
        store: Where the records of their evidence are, and the sizes of networks.
    """
    seen = candidates.with_metric(metric)
    found = {}
    for name, cell in zip(seen.names, seen.cells, strict=True):
        if name in looked_at:
            per_class = looked_at[name]
            seconds, images = (nan, 0) if per_class is None else _measured(on_images(cell, per_class), store)
            milliseconds = 1000 * seconds / images if images else nan
            timed = replace(_of_network(cell, store), milliseconds=milliseconds, images=images)
            found[name] = _of_weights(timed, cell) if candidates.question == "backbones" else _of_source(timed, cell)
    return found


def _of_network(cell: Cell, store: Store) -> DataSheet:
    try:
        params = backbones.backbone_params(cell.backbone.config)
    except Exception:  # a candidate that cannot be had is a row with its reason, and has no data sheet
        return DataSheet()
    size = size_in(store, params)
    if size is None:
        return DataSheet()
    return DataSheet(float(size.parameters), size.flops / 1e9, int(params["image_size"]))


def _of_weights(sheet: DataSheet, cell: Cell) -> DataSheet:
    stated = cell.backbone.config["source_accuracy"]
    return replace(sheet, accuracy=nan if stated is None else float(stated), licence=licence_of(cell.backbone.config))


def _of_source(sheet: DataSheet, cell: Cell) -> DataSheet:
    sizes = counts(cell.source)
    return replace(sheet, source_images=sizes["train"], source_classes=sizes["classes"])


def _measured(cell: Cell, store: Store) -> tuple[float, int]:
    """Seconds and pictures of the candidate's look at the target; of earlier versions' evidence nothing is known."""
    for unit in in_order(plan(cell)):
        if unit.stage == "evidence" and "checkpoint" in unit.inputs and unit.label.target == cell.target.name:
            record = store.record(unit) if store.is_done(unit) else {}
            if record.get("status") == DONE and PASSING in record["detail"]:
                return float(record["detail"][PASSING]), int(record["images"])
    return nan, 0


def licence_of(config: Mapping[str, Any]) -> str:
    """The licence that timm states for its weights, or an installed package for a file in it; "" where neither does.

    Args:
        config: Fields of ``BackboneConfig``.
    """
    place = config["weights"] or ""
    if place.startswith(PACKAGE):
        return _of_package(place.removeprefix(PACKAGE).partition("/")[0])
    known = timm_names.stated(config["model"]) if config["pretrained"] else None
    return (known and known.licence) or ""


def _of_package(name: str) -> str:
    for distribution in metadata.packages_distributions().get(name, ()):
        about = metadata.metadata(distribution)
        classified = [line for line in about.get_all("Classifier") or () if line.startswith("License ::")]
        for stated in (about["License-Expression"], about["License"], *classified):
            words = unfolded(stated.rpartition("::")[2]).strip() if stated else ""
            if words and words != "UNKNOWN" and len(words) <= LONGEST_LICENCE:
                return words
    return ""
