"""The truth: accuracy that transfer really obtains on the target's test split. Nothing else reads that split."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import nn

from pgebench.core.errors import ConfigError
from pgebench.core.identity import Label, derive_seed
from pgebench.networks import backbones
from pgebench.networks.criteria import class_scores, criteria
from pgebench.networks.flops import per_image
from pgebench.networks.precision import precision_of
from pgebench.networks.stacked_training import fit_best_together
from pgebench.networks.training import Fitted, Part, fit_best, with_new_head
from pgebench.stages import checkpoint, evidence
from pgebench.stages.base import Outcome, Work, dataset_counts
from pgebench.store.unit import Unit

VERSION = 1

SCRATCH = "scratch"
"""The protocol that reads no checkpoint."""


def unit(trained: Unit, dataset: Mapping[str, Any], truth: Mapping[str, Any], seed: int, label: Label) -> Unit:
    """Transfer of the checkpoint ``trained`` to a target, under one protocol and seed.

    Args:
        trained: A unit of ``checkpoint``.
        dataset: What ``pgebench.data.task.dataset_params`` makes of the target's config.
        truth: Fields of ``TruthConfig``, with the recipe in its place.
        seed: Of the new head and the batches.
        label: For the table.

    Returns:
        A unit that reads the checkpoint.

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
    """Training on the target alone, from random weights: what transfer has to beat.

    Args:
        backbone: What ``pgebench.networks.backbones.backbone_params`` makes of its config.
        dataset: What ``pgebench.data.task.dataset_params`` makes of the target's.
        truth: Fields of ``TruthConfig``, with the recipe in its place.
        seed: Of weights and batches.
        label: For the table.

    Returns:
        A unit without inputs.
    """
    params = {
        "backbone": backbones.untrained(backbone),
        "dataset": dataset,
        "protocol": SCRATCH,
        "recipe": truth["recipe"],
        "seed": seed,
    }
    return Unit("truth", VERSION, params, label=label)


@dataclass(frozen=True)
class Transfer:
    """What a protocol trains, and on what; all that a seed does not change.

    Args:
        start: gives the model to train, by the unit's seed.
        part: network inputs and labels of a split.
        passes: images that went through the backbone, if those that the trained model saw are not the ones to count.
    """

    start: Callable[[int], nn.Module]
    part: Callable[[str], Part]
    passes: int | None = None


def run(work: Work) -> Outcome:
    """Transfer; the value is the accuracy on the target's test split.

    Args:
        work: A unit of ``unit`` or of ``scratch_unit``.

    Returns:
        The accuracy, without tensors; in its detail the learning rate, the training curve, and the same test images
        judged by the other criteria of ``pgebench.networks.criteria``.
    """
    transfer, seed = _transfer(work), work.params["seed"]
    fitted = fit_best(
        lambda: transfer.start(seed),
        transfer.part("train"),
        transfer.part("val"),
        work.params["recipe"],
        derive_seed("order", seed),
    )
    return _outcome(work, fitted, transfer)


def trained_again(work: Work, learning_rate: float) -> nn.Module:
    """The network that a transfer has ended with, trained again: of a finished one nothing but the accuracy is kept.

    Args:
        work: A unit of ``unit`` or of ``scratch_unit``.
        learning_rate: The one that was chosen on validation.

    Returns:
        The network, on the device; on a CPU it is the same bit for bit.
    """
    transfer, seed = _transfer(work), work.params["seed"]
    recipe = {**work.params["recipe"], "learning_rates": [learning_rate]}
    return fit_best(
        lambda: transfer.start(seed), transfer.part("train"), transfer.part("val"), recipe, derive_seed("order", seed)
    ).model


def kind(unit: Unit) -> str:
    """What transfers that can be trained at once have in common: networks of one architecture, and what they see.

    Seeds may differ, and for fine-tuning the checkpoints too: they are nothing but other weights to start from. A
    linear probe sees the features of its checkpoint, so that it has those in common as well.

    Args:
        unit: A transfer.

    Returns:
        The same text for transfers of one kind.
    """
    params = {name: value for name, value in unit.params.items() if name != "seed"}
    return replace(unit, params=params, inputs={} if params["protocol"] == "finetune" else unit.inputs).key


def run_together(works: Sequence[Work]) -> list[Outcome | None]:
    """Transfers of one kind, all at once; None for one whose training diverged.

    The values are those of ``run`` within the noise of rounding. ``together`` in the record says of how many it is one.

    Args:
        works: Units of one transfer.

    Returns:
        What ``run`` would give each.

    Raises:
        RuntimeError: torch cannot train this network together.
    """
    origins = ["".join(trained.key for trained in work.unit.inputs.values()) for work in works]
    transfers = {origin: _transfer(work) for origin, work in dict(zip(origins, works, strict=True)).items()}
    any_one = transfers[origins[0]]
    found = fit_best_together(
        [partial(transfers[origin].start, work.params["seed"]) for origin, work in zip(origins, works, strict=True)],
        any_one.part("train"),
        any_one.part("val"),
        works[0].params["recipe"],
        [derive_seed("order", work.params["seed"]) for work in works],
    )
    return [
        None if best is None else _outcome(work, best, any_one, together=len(works))
        for work, best in zip(works, found, strict=True)
    ]


def _transfer(work: Work) -> Transfer:
    if work.params["protocol"] == SCRATCH:
        return _scratch(work)
    return PROTOCOLS[work.params["protocol"]](work, checkpoint.load(work))


def _outcome(work: Work, fitted: Fitted, transfer: Transfer, together: int = 1) -> Outcome:
    images, labels = transfer.part("test")
    found = criteria(class_scores(fitted.model, images, precision_of(work.params["recipe"])), labels)
    value = found.pop("accuracy")
    detail = {
        "learning_rate": fitted.learning_rate,
        "val_accuracy": fitted.val_accuracy,
        "val_by_learning_rate": fitted.val_by_learning_rate,
        "test_images": len(labels),
        **found,
        "curve": fitted.curve,
    } | ({"together": together} if together > 1 else {})
    passed = fitted.images if transfer.passes is None else transfer.passes
    return Outcome(value, detail=detail, images=passed + len(labels))


# Seeds don't depend on the source: every source meets the same heads and the same batches, so that the
# differences between sources are not blurred by them.


def _finetune(work: Work, network: nn.Module) -> Transfer:
    """All weights train, from a fresh head."""
    classes = work.task().classes
    return Transfer(lambda seed: with_new_head(network, classes, derive_seed("head", seed)), work.part)


def _scratch(work: Work) -> Transfer:
    """All weights train, from random ones."""
    classes = work.task().classes

    def start(seed: int) -> nn.Module:
        return backbones.create(work.params["backbone"], classes, derive_seed("scratch", seed)).to(work.device)

    return Transfer(start, work.part)


def _linear_probe(work: Work, network: nn.Module) -> Transfer:
    """A linear classifier on frozen features, standardised by the training split."""
    classes, precision = work.task().classes, precision_of(work.params["recipe"])
    parts = {split: work.part(split) for split in ("train", "val", "test")}
    features = {
        split: backbones.features_and_logits(network, images, precision)[0] for split, (images, _) in parts.items()
    }
    mean, std = features["train"].mean(0), features["train"].std(0).clamp_min(1e-6)
    ready = {split: ((features[split] - mean) / std, labels) for split, (_, labels) in parts.items()}

    def start(seed: int) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed("head", seed))
            return nn.Linear(len(mean), classes).to(work.device)

    # What went through the backbone counts, not the passes of the probe over stored features.
    return Transfer(start, ready.__getitem__, len(ready["train"][1]) + len(ready["val"][1]))


PROTOCOLS: dict[str, Callable[[Work, nn.Module], Transfer]] = {
    "finetune": _finetune,
    "linear_probe": _linear_probe,
}


def flops(unit: Unit, record: Mapping[str, Any], store: str) -> float | None:
    """As a checkpoint, with test images; a linear probe trains a head alone, on features taken once.

    Args:
        unit: A unit of this stage.
        record: Of the finished unit.
        store: Folder of the store.

    Returns:
        Multiplications and additions; None where the network cannot be counted.
    """
    if unit.params["protocol"] in ("finetune", SCRATCH):
        return checkpoint.flops(unit, record, store)
    seen = evidence.flops(unit, record, store)
    split, recipe, detail = dataset_counts(unit, store), unit.params["recipe"], record["detail"]
    network = per_image(unit.params["backbone"], 0)
    if seen is None or network is None:
        return None
    rates = len(detail["val_by_learning_rate"])
    trained = min(recipe["batch_size"], split["train"]) * recipe["steps"] * rates
    judged = split["val"] * rates + detail["test_images"]
    # The gradient of the head's weights takes a second product; stored features need none.
    return seen + (2 * trained + judged) * 2 * network.dimension * split["classes"]
