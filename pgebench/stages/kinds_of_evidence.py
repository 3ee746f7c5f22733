"""Kinds of evidence: everything that a metric can ask for by naming a parameter so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pgebench.stages import gradient
from pgebench.stages.base import Work

SOURCE, HEAD, ACCURACY = "source", "head", "accuracy"
"""What pretrained weights may lack: the data that they were trained on, their classifier, their stated accuracy."""


@dataclass(frozen=True)
class Kind:
    """One kind of evidence.

    Attributes:
        origin: What the plan makes for it: the unit ``evidence`` of the target or ``source_evidence`` of the source,
            ``random_evidence`` of the target before any training, the ``checkpoint`` (what is known of it) or its
            ``weights``, both ``gradients``, both kinds of ``information``, ``triplets`` of the target; or a ``fact``,
            which it knows.
        load: What the metric gets, from the work under way; None for a fact, which stands in the unit's parameters.
        needs: ``SOURCE``, ``HEAD`` or ``ACCURACY``, if it cannot be had without.
    """

    origin: str
    load: Callable[[Work], Any] | None = None
    needs: str | None = None


def _array(role: str, name: str) -> Callable[[Work], Any]:
    return lambda work: work.load(role)[name].numpy()


def _source_labels(work: Work) -> Any:
    return work.load("evidence")["source_probabilities"].argmax(1).numpy()


def _gradient(role: str) -> Callable[[Work], Any]:
    return lambda work: gradient.load(work, role)


def _weights(work: Work) -> Any:
    # Counters of batches and the like are no weights.
    return [tensor.numpy() for tensor in work.load("checkpoint").values() if tensor.is_floating_point()]


KINDS: dict[str, Kind] = {
    "features": Kind("evidence", _array("evidence", "features")),
    "labels": Kind("evidence", _array("evidence", "labels")),
    "source_probabilities": Kind("evidence", _array("evidence", "source_probabilities"), HEAD),
    "source_labels": Kind("evidence", _source_labels, HEAD),
    "random_features": Kind("random_evidence", _array("random_evidence", "features")),
    "source_features": Kind("source_evidence", _array("source_evidence", "features"), SOURCE),
    "source_targets": Kind("source_evidence", _array("source_evidence", "labels"), SOURCE),
    "source_gradient": Kind("gradients", _gradient("source_gradient"), SOURCE),
    "target_gradient": Kind("gradients", _gradient("target_gradient"), SOURCE),
    "source_information": Kind("information", _array("source_information", "information"), SOURCE),
    "target_information": Kind("information", _array("target_information", "information"), SOURCE),
    "triplet_gradient_norms": Kind("triplets", _array("triplets", "norms")),
    "source_weights": Kind("weights", _weights),
    # Measured by a checkpoint that is trained here; stated, and then a fact, for pretrained weights.
    "source_accuracy": Kind("checkpoint", lambda work: work.record("checkpoint")["value"], ACCURACY),
    "source_size": Kind("fact", needs=SOURCE),
    "source_classes": Kind("fact", needs=SOURCE),
    "target_classes": Kind("fact"),
    # The data that each is a view of.
    "source_collection": Kind("fact", needs=SOURCE),
    "target_collection": Kind("fact"),
    "parameters": Kind("fact"),
    "flops": Kind("fact"),
    "feature_width": Kind("fact"),
    "seed": Kind("fact"),
}
"""Name of the parameter -> what it gets. A new kind of evidence is a row here, and its origin in the plan."""
