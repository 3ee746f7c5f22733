"""Checkpoints: a backbone and a head fitted to a source's training split, or pretrained weights as they came."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from pgebench.core.errors import ConfigError
from pgebench.core.identity import Label, derive_seed
from pgebench.networks import backbones
from pgebench.networks.flops import per_image
from pgebench.networks.taken_apart import check_parts
from pgebench.networks.training import fit_best
from pgebench.stages.base import Outcome, Work, dataset_counts
from pgebench.store.unit import Unit

VERSION = 1


def unit(
    backbone: Mapping[str, Any], dataset: Mapping[str, Any], recipe: Mapping[str, Any], seed: int, label: Label
) -> Unit:
    """The checkpoint of a backbone on a source.

    Args:
        backbone: What ``pgebench.networks.backbones.backbone_params`` makes of its config.
        dataset: What ``pgebench.data.task.dataset_params`` makes of the source's.
        recipe: Fields of ``RecipeConfig``.
        seed: Of weights and batches.
        label: For the table.

    Returns:
        A unit without inputs.
    """
    params = {"backbone": backbone, "dataset": dataset, "recipe": recipe, "seed": seed}
    return Unit("checkpoint", VERSION, params, label=label)


def pretrained(backbone: Mapping[str, Any], label: Label) -> Unit:
    """The checkpoint of a backbone as it was shipped: no source is trained on.

    Args:
        backbone: What ``pgebench.networks.backbones.backbone_params`` makes of its config.
        label: For the table.

    Returns:
        A unit without inputs and without a dataset.

    Raises:
        ConfigError: the backbone has no pretrained weights.
    """
    if not backbone["pretrained"] and "weights" not in backbone:
        raise ConfigError(
            f"source=pretrained: {backbone['model']} is given no pretrained weights; set backbone.pretrained=true or "
            "backbone.weights=FILE, or choose a source to train on"
        )
    return Unit("checkpoint", VERSION, {"backbone": backbone}, label=label)


def run(work: Work) -> Outcome:
    """Train; the value is the accuracy on the source's validation split. Weights as they came have no value.

    Args:
        work: A unit of ``unit`` or of ``pretrained``.

    Returns:
        Value, weights by name, and in its detail the learning rate, the classes and the training curve.
    """
    if not trained_here(work.unit):
        return _as_shipped(work)
    seed, classes = work.params["seed"], work.task().classes

    def start() -> nn.Module:
        drawn = derive_seed("checkpoint", seed)
        return backbones.create(work.params["backbone"], classes, drawn, file=work.file("weights")).to(work.device)

    fitted = fit_best(start, work.part("train"), work.part("val"), work.params["recipe"], derive_seed("order", seed))
    detail = {
        "learning_rate": fitted.learning_rate,
        "val_by_learning_rate": fitted.val_by_learning_rate,
        "classes": classes,
        "parameters": sum(parameter.numel() for parameter in fitted.model.parameters()),
        "curve": fitted.curve,
    }
    return Outcome(fitted.val_accuracy, fitted.model.state_dict(), detail, fitted.images)


def _as_shipped(work: Work) -> Outcome:
    params = work.params["backbone"]
    network, classes, taken = backbones.as_shipped(params, work.file("weights"))
    check_parts(network, params["model"], params["image_size"])
    detail = {
        "weights": params["weights"]["sha256"] if "weights" in params else params["tag"],
        "classes": classes,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
    }
    if taken:
        detail["taken"] = taken
    return Outcome(tensors=network.state_dict(), detail=detail)


def load(work: Work, role: str = "checkpoint") -> nn.Module:
    """The network of a checkpoint that a unit reads; without classifier if its weights came without one.

    Args:
        work: A unit with a checkpoint among its inputs.
        role: What the checkpoint is to it.

    Returns:
        The network, on the unit's device.
    """
    checkpoint = work.unit.inputs[role]
    classes = work.record(role)["detail"]["classes"]
    network = backbones.create(checkpoint.params["backbone"], classes, seed=0, pretrained=False)
    network.load_state_dict(work.load(role))
    return network.to(work.device)


def trained_here(checkpoint: Unit) -> bool:
    """Whether a checkpoint was trained on a source here.

    Args:
        checkpoint: A unit of ``unit`` or of ``pretrained``.

    Returns:
        False for weights as they were shipped.
    """
    return "dataset" in checkpoint.params


def flops(unit: Unit, record: Mapping[str, Any], store: str) -> float | None:
    """Training images forward and backward, validation images forward, once per learning rate; nothing as shipped.

    Args:
        unit: A unit of this stage.
        record: Of the finished unit.
        store: Folder of the store.

    Returns:
        Multiplications and additions; None where the network cannot be counted.
    """
    if not trained_here(unit):
        return 0.0
    split = dataset_counts(unit, store)
    network = per_image(unit.params["backbone"], split["classes"])
    judged = split["val"] * len(record["detail"]["val_by_learning_rate"]) + record["detail"].get("test_images", 0)
    if network is None:
        return None
    return (record["images"] - judged) * network.trained + judged * network.forward
