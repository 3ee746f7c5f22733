"""Fisher information: how much each filter of a checkpoint matters for a dataset. Test images stay unseen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import nn

from baselines import task_head
from pgebench.core.identity import Label, derive_seed
from pgebench.core.settings import FisherSettings
from pgebench.networks.fisher import by_first_appearance, drawn_labels, even_draw, filter_information
from pgebench.networks.flops import per_image
from pgebench.stages import checkpoint
from pgebench.stages.base import Outcome, Work, dataset_counts
from pgebench.store.unit import Unit

VERSION = 1


def unit(seen: Unit, settings: FisherSettings, label: Label) -> Unit:
    """The information in the checkpoint of the evidence ``seen`` about the evidence's dataset.

    Args:
        seen: A unit of ``evidence``.
        settings: How the information is taken.
        label: For the table.

    Returns:
        A unit that reads the evidence and its checkpoint.
    """
    params = {**seen.params, "settings": asdict(settings)}
    return Unit("fisher", VERSION, params, {"checkpoint": seen.inputs["checkpoint"], "evidence": seen}, label)


def run(work: Work) -> Outcome:
    """Fit a head to the training split, then take the information of each filter.

    Args:
        work: A unit of ``unit``.

    Returns:
        No value; ``information`` (filters,) as a tensor.
    """
    settings = FisherSettings(**work.params["settings"])
    seen = work.load("evidence")
    labels = by_first_appearance(seen["labels"].numpy())
    head = task_head(seen["features"], labels, settings.penalty)
    chosen = torch.from_numpy(even_draw(labels, settings.images, derive_seed("fisher images", settings.seed)))
    drawn = drawn_labels(head, seen["features"][chosen], derive_seed("fisher labels", settings.seed))
    network = without_classifier(checkpoint.load(work))
    images = work.part("train")[0][chosen.to(work.device)]
    information = filter_information(network, head, images, drawn)
    return Outcome(tensors={"information": information}, detail={"filters": len(information)}, images=len(chosen))


def without_classifier(network: nn.Module) -> nn.Module:
    """The same network in evaluation mode, giving its penultimate features.

    Args:
        network: It is changed, not copied.

    Returns:
        The same object.
    """
    network.reset_classifier(0)  # type: ignore[operator]
    return network.eval()


def flops(unit: Unit, record: Mapping[str, Any], store: str) -> float | None:
    """Forward and backward; the head's product is taken to draw a label, forward, and for the features' gradient.

    Args:
        unit: A unit of this stage.
        record: Of the finished unit.
        store: Folder of the store.

    Returns:
        Multiplications and additions; None where the network cannot be counted.
    """
    network = per_image(unit.params["backbone"], 0)
    if network is None:
        return None
    head = 3 * 2 * network.dimension * dataset_counts(unit, store)["classes"]
    return record["images"] * (network.trained + head)
