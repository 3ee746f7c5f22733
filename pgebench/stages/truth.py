"""The truth: accuracy that transfer really obtains on the target's test split. Nothing else reads that split."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from pgebench import backbones
from pgebench.errors import ConfigError
from pgebench.stages import checkpoint
from pgebench.stages.base import Outcome, Run
from pgebench.training import Fitted, accuracy, fit_best, with_new_head
from pgebench.unit import Label, Unit, derive_seed

VERSION = 1

SCRATCH = "scratch"
"""The protocol that reads no checkpoint."""


def unit(trained: Unit, dataset: Mapping[str, Any], truth: Mapping[str, Any], seed: int, label: Label) -> Unit:
    """Transfer of the checkpoint ``trained`` to a target, under one protocol and seed.

    Raises:
        ConfigError: no such protocol.
    """
    if truth["protocol"] not in PROTOCOLS:
        known = ", ".join([*PROTOCOLS, SCRATCH])
        raise ConfigError(f"truth.{label.truth}.protocol={truth['protocol']}: choose from {known}")
    params = {
        "backbone": trained.params["backbone"],
        "dataset": dataset,
        "protocol": truth["protocol"],
        "recipe": truth["recipe"],
        "seed": seed,
    }
    return Unit("truth", VERSION, params, {"checkpoint": trained}, label)


def scratch_unit(
    backbone: Mapping[str, Any], dataset: Mapping[str, Any], truth: Mapping[str, Any], seed: int, label: Label
) -> Unit:
    """Training on the target alone, from random weights: what transfer has to beat."""
    params = {
        "backbone": {**backbone, "pretrained": False},
        "dataset": dataset,
        "protocol": SCRATCH,
        "recipe": truth["recipe"],
        "seed": seed,
    }
    return Unit("truth", VERSION, params, label=label)


def run(work: Run) -> Outcome:
    """Transfer; the value is the accuracy on the target's test split."""
    if work.params["protocol"] == SCRATCH:
        fitted, test = _scratch(work)
    else:
        fitted, test = PROTOCOLS[work.params["protocol"]](work, checkpoint.load(work))
    detail = {
        "learning_rate": fitted.learning_rate,
        "val_accuracy": fitted.val_accuracy,
        "val_by_learning_rate": fitted.val_by_learning_rate,
        "test_images": len(test[1]),
        "curve": fitted.curve,
    }
    return Outcome(accuracy(fitted.model, *test), detail=detail, images=fitted.images + len(test[1]))


Part = tuple[torch.Tensor, torch.Tensor]


def _finetune(work: Run, network: nn.Module) -> tuple[Fitted, Part]:
    """All weights train, from a fresh head."""
    seed, classes = work.params["seed"], work.task().classes
    # Seeds don't depend on the source: every source meets the same heads and the same batches, so that the
    # differences between sources are not blurred by them.
    fitted = fit_best(
        lambda: with_new_head(network, classes, derive_seed("head", seed)),
        work.part("train"),
        work.part("val"),
        work.params["recipe"],
        derive_seed("order", seed),
    )
    return fitted, work.part("test")


def _scratch(work: Run) -> tuple[Fitted, Part]:
    """All weights train, from random ones."""
    seed, classes = work.params["seed"], work.task().classes

    def start() -> nn.Module:
        return backbones.create(work.params["backbone"], classes, derive_seed("scratch", seed)).to(work.device)

    fitted = fit_best(start, work.part("train"), work.part("val"), work.params["recipe"], derive_seed("order", seed))
    return fitted, work.part("test")


def _linear_probe(work: Run, network: nn.Module) -> tuple[Fitted, Part]:
    """A linear classifier on frozen features, standardised by the training split."""
    seed, classes = work.params["seed"], work.task().classes
    parts = {split: work.part(split) for split in ("train", "val", "test")}
    features = {split: backbones.features_and_logits(network, images)[0] for split, (images, _) in parts.items()}
    mean, std = features["train"].mean(0), features["train"].std(0).clamp_min(1e-6)
    ready = {split: ((features[split] - mean) / std, labels) for split, (_, labels) in parts.items()}

    def start() -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed("head", seed))
            return nn.Linear(len(mean), classes).to(work.device)

    fitted = fit_best(start, ready["train"], ready["val"], work.params["recipe"], derive_seed("order", seed))
    # What went through the backbone counts, not the passes of the probe over stored features.
    fitted.images = len(ready["train"][1]) + len(ready["val"][1])
    return fitted, ready["test"]


PROTOCOLS: dict[str, Callable[[Run, nn.Module], tuple[Fitted, Part]]] = {
    "finetune": _finetune,
    "linear_probe": _linear_probe,
}
