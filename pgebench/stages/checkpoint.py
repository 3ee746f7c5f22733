"""Source training: a backbone and a head fitted to a source's training split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from pgebench import backbones
from pgebench.stages.base import Outcome, Run
from pgebench.training import fit_best
from pgebench.unit import Label, Unit, derive_seed

VERSION = 1


def unit(
    backbone: Mapping[str, Any], dataset: Mapping[str, Any], recipe: Mapping[str, Any], seed: int, label: Label
) -> Unit:
    """The checkpoint of a backbone on a source."""
    params = {"backbone": backbone, "dataset": dataset, "recipe": recipe, "seed": seed}
    return Unit("checkpoint", VERSION, params, label=label)


def run(work: Run) -> Outcome:
    """Train; the value is the accuracy on the source's validation split."""
    seed, classes = work.params["seed"], work.task().classes

    def start() -> nn.Module:
        return backbones.create(work.params["backbone"], classes, derive_seed("checkpoint", seed)).to(work.device)

    fitted = fit_best(start, work.part("train"), work.part("val"), work.params["recipe"], derive_seed("order", seed))
    detail = {
        "learning_rate": fitted.learning_rate,
        "val_by_learning_rate": fitted.val_by_learning_rate,
        "classes": classes,
        "parameters": sum(parameter.numel() for parameter in fitted.model.parameters()),
        "curve": fitted.curve,
    }
    return Outcome(fitted.val_accuracy, fitted.model.state_dict(), detail, fitted.images)


def load(work: Run, role: str = "checkpoint") -> nn.Module:
    """The network of a checkpoint that a unit reads."""
    checkpoint = work.unit.inputs[role]
    classes = work.record(role)["detail"]["classes"]
    network = backbones.create(checkpoint.params["backbone"], classes, seed=0, pretrained=False)
    network.load_state_dict(work.load(role))
    return network.to(work.device)
