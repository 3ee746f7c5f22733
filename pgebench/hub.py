"""A hub of pretrained backbones: checkpoints whose source data nobody has, and the metrics that this makes void."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pgebench.stages import score

NEEDS_SOURCE = {*score.SOURCE_EVIDENCE, *score.GRADIENTS, *score.INFORMATION, "source_size", "source_classes"}
NEEDS_HEAD = {"source_probabilities", "source_labels"}


def is_pretrained(source: Mapping[str, Any]) -> bool:
    """Whether a source's config stands for the unknown data of pretrained weights."""
    return source["loader"] is None


def void(metrics: Mapping[str, Mapping[str, Any]], backbone: Mapping[str, Any]) -> dict[str, str]:
    """The metrics that cannot be computed for a pretrained backbone, with the reason.

    Args:
        metrics: fields of ``MetricConfig`` by name.
        backbone: fields of ``BackboneConfig``, with ``head`` resolved.
    """
    reasons = {}
    for name, metric in metrics.items():
        wanted = set(score.asks_for(name, metric["function"]))
        if wanted & NEEDS_SOURCE:
            reasons[name] = "the data that pretrained weights were trained on are not at hand"
        elif wanted & NEEDS_HEAD and not backbone["head"]:
            reasons[name] = f"the weights of {backbone['name']} have no classifier"
        elif "source_accuracy" in wanted and backbone["source_accuracy"] is None:
            reasons[name] = f"no accuracy is stated for the weights of {backbone['name']}"
    return reasons


def left_out(found: Iterable[Mapping[str, str]]) -> list[str]:
    """A line for the user about each reason that ``void`` gave.

    >>> left_out([{"pge": "no data", "otdd": "no data"}, {"pge": "no data", "leep": "no classifier"}])
    ['Left out: leep (no classifier).', 'Left out: otdd, pge (no data).']
    """
    by_reason: dict[str, set[str]] = {}
    for metrics in found:
        for name, reason in metrics.items():
            by_reason.setdefault(reason, set()).add(name)
    return sorted(f"Left out: {', '.join(sorted(names))} ({reason})." for reason, names in by_reason.items())
