"""Triplets: how strongly a triplet loss on a dataset's training images pulls at a checkpoint's first two layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch

from pgebench.core.identity import Label, derive_seed
from pgebench.core.settings import TripletSettings
from pgebench.networks.fisher import even_draw
from pgebench.networks.flops import per_image
from pgebench.networks.triplet import batches_of, gradient_norms
from pgebench.stages import checkpoint
from pgebench.stages.base import Outcome, Work
from pgebench.stages.fisher import without_classifier
from pgebench.store.unit import Unit

VERSION = 1


def unit(seen: Unit, settings: TripletSettings, label: Label) -> Unit:
    """The gradient norms at the checkpoint of the evidence ``seen``, on the evidence's dataset.

    Args:
        seen: A unit of ``evidence``; it is not read itself.
        settings: How the norms are taken.
        label: For the table.

    Returns:
        A unit that reads the checkpoint.
    """
    params = {**seen.params, "settings": asdict(settings)}
    return Unit("triplets", VERSION, params, {"checkpoint": seen.inputs["checkpoint"]}, label)


def run(work: Work) -> Outcome:
    """Take the norms batch by batch.

    Args:
        work: A unit of ``unit``.

    Returns:
        No value; ``norms`` (batches, 2) as a tensor, and in its detail the names of the two layers' weights.
    """
    settings = TripletSettings(**work.params["settings"])
    images, labels = work.part("train")
    chosen = torch.from_numpy(even_draw(labels.cpu().numpy(), settings.images, derive_seed("triplets", settings.seed)))
    images, labels = images[chosen.to(work.device)], labels[chosen.to(work.device)]
    network = without_classifier(checkpoint.load(work))
    batches = batches_of(labels.cpu().numpy(), derive_seed("triplet batches", settings.seed))
    norms, layers = gradient_norms(network, images, labels, batches)
    return Outcome(tensors={"norms": norms}, detail={"layers": layers}, images=len(labels))


def flops(unit: Unit, record: Mapping[str, Any], store: str) -> float | None:
    """Forward, and backward as far as the first two layers.

    Args:
        unit: A unit of this stage.
        record: Of the finished unit.
        store: Folder of the store.

    Returns:
        Multiplications and additions; None where the network cannot be counted.
    """
    network = per_image(unit.params["backbone"], 0, "|".join(record["detail"]["layers"]))
    return None if network is None else record["images"] * network.trained
