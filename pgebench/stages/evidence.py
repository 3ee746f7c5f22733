"""Evidence: a network's view of a dataset's training images. Validation and test images stay unseen."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from torch import nn

from pgebench.core.identity import Label, derive_seed
from pgebench.networks import backbones
from pgebench.networks.flops import per_image
from pgebench.stages import checkpoint
from pgebench.stages.base import Outcome, Work, dataset_counts
from pgebench.store.unit import Unit

VERSION = 1

PASSING = "passing_s"
"""In the record's detail: seconds in which the images went through the network; not those of waiting for a busy CPU."""


def unit(trained: Unit, dataset: Mapping[str, Any], label: Label) -> Unit:
    """What the checkpoint ``trained`` makes of a dataset.

    Args:
        trained: A unit of ``checkpoint``.
        dataset: What ``pgebench.data.task.dataset_params`` makes of its config.
        label: For the table.

    Returns:
        A unit that reads the checkpoint.
    """
    params = {"backbone": trained.params["backbone"], "dataset": dataset}
    return Unit("evidence", VERSION, params, {"checkpoint": trained}, label)


def untrained_unit(backbone: Mapping[str, Any], dataset: Mapping[str, Any], seed: int, label: Label) -> Unit:
    """What a backbone makes of a dataset before any training.

    Args:
        backbone: What ``pgebench.networks.backbones.backbone_params`` makes of its config; pretrained weights do not
            matter.
        dataset: What ``pgebench.data.task.dataset_params`` makes of its config.
        seed: Of the weights.
        label: For the table.

    Returns:
        A unit without inputs.
    """
    params = {"backbone": backbones.untrained(backbone), "dataset": dataset, "seed": seed}
    return Unit("evidence", VERSION, params, label=label)


def run(work: Work) -> Outcome:
    """Features (n, d), labels (n,) and, if the checkpoint has a head, source-head probabilities (n, Cs).

    Args:
        work: A unit of ``unit`` or of ``untrained_unit``.

    Returns:
        No value; the arrays as tensors.
    """
    network, has_head = _network(work)
    images, labels = work.part("train")
    began, used = time.perf_counter(), time.process_time()
    features, logits = (found.cpu() for found in backbones.features_and_logits(network, images))
    passing = time.perf_counter() - began
    if images.device.type == "cpu":
        passing = min(passing, time.process_time() - used)
    tensors = {"features": features, "labels": labels}
    if has_head:
        # Softmax in double precision: the rows must add up to 1 for LEEP.
        tensors["source_probabilities"] = logits.double().softmax(1)
    # Without what it takes to load the network: what a picture costs whoever uses it.
    detail = {"dimension": features.shape[1], PASSING: round(passing, 6)}
    return Outcome(tensors=tensors, detail=detail, images=len(labels))


def _network(work: Work) -> tuple[nn.Module, bool]:
    """The network, and whether it has a classifier."""
    if "checkpoint" in work.unit.inputs:
        return checkpoint.load(work), bool(work.record("checkpoint")["detail"]["classes"])
    drawn = derive_seed("untrained", work.params["seed"])
    return backbones.create(work.params["backbone"], 0, drawn, pretrained=False).to(work.device), False


def flops(unit: Unit, record: Mapping[str, Any], store: str) -> float | None:
    """Forward alone, with the classifier of the source.

    Args:
        unit: A unit of this stage.
        record: Of the finished unit.
        store: Folder of the store.

    Returns:
        Multiplications and additions; None where the network cannot be counted.
    """
    trained = unit.inputs.get("checkpoint")
    classes = dataset_counts(trained, store)["classes"] if trained and checkpoint.trained_here(trained) else 0
    network = per_image(unit.params["backbone"], classes)
    return None if network is None else record["images"] * network.features
