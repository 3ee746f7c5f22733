"""Unavailable metrics: what a pretrained source or too few images make void, what is not installed keeps out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Any

from pgebench.core.settings import GradientSettings
from pgebench.stages import score
from pgebench.stages.kinds_of_evidence import ACCURACY, HEAD, KINDS, SOURCE


def is_pretrained(source: Mapping[str, Any]) -> bool:
    """Whether a source's config stands for the unknown data of pretrained weights."""
    return source["loader"] is None


def void(metrics: Mapping[str, Mapping[str, Any]], backbone: Mapping[str, Any]) -> dict[str, str]:
    """The metrics that cannot be computed for a pretrained backbone, with the reason.

    Args:
        metrics: fields of ``MetricConfig`` by name.
        backbone: fields of ``BackboneConfig``, with ``head`` resolved.
    """
    lacks = {
        SOURCE: "the data that pretrained weights were trained on are not at hand",
        HEAD: None if backbone["head"] else f"the weights of {backbone['name']} have no classifier",
        ACCURACY: None
        if backbone["source_accuracy"] is not None
        else f"no accuracy is stated for the weights of {backbone['name']}",
    }
    reasons = {}
    for name, metric in metrics.items():
        needs = {KINDS[key].needs for key in score.asks_for(name, metric["function"])}
        if reason := next((reason for what, reason in lacks.items() if what in needs and reason), None):
            reasons[name] = reason
    return reasons


def too_few_images(metrics: Mapping[str, Mapping[str, Any]], fewest: int) -> dict[str, str]:
    """The metrics whose episodes cannot be drawn from so few images, with the reason.

    Args:
        metrics: fields of ``MetricConfig`` by name.
        fewest: training images of the target's smallest class.

    >>> too_few_images({"pge": {"gradient": {"shot": 4}}, "leep": {"gradient": None}}, 3)
    {'pge': 'with 3 images a class, episodes of 4 shots and a query cannot be drawn'}
    """
    episodes = {name: metric["gradient"] for name, metric in metrics.items() if metric["gradient"] is not None}
    shots = {name: GradientSettings(**settings).shot for name, settings in episodes.items()}
    return {
        name: f"with {fewest} images a class, episodes of {shot} shots and a query cannot be drawn"
        for name, shot in shots.items()
        if fewest < shot + 1
    }


def void_lines(found: Iterable[Mapping[str, str]], alone: bool = True) -> list[str]:
    """A line for the user about each reason that ``void`` gave.

    Args:
        found: what ``void`` returned, cell by cell.
        alone: whether pretrained weights are the only source; beside others, which have those scores, the line says
            where they are left out.

    >>> void_lines([{"pge": "no data", "otdd": "no data"}, {"pge": "no data", "leep": "no classifier"}])
    ['Left out: leep (no classifier).', 'Left out: otdd, pge (no data).']
    >>> void_lines([{"pge": "no data"}, {}], alone=False)
    ['Left out for the source pretrained: pge (no data).']
    """
    by_reason: dict[str, set[str]] = {}
    for metrics in found:
        for name, reason in metrics.items():
            by_reason.setdefault(reason, set()).add(name)
    where = "" if alone else " for the source pretrained"
    return sorted(f"Left out{where}: {', '.join(sorted(names))} ({reason})." for reason, names in by_reason.items())


def installed(distribution: str) -> bool:
    """Whether a distribution of this PyPI name is installed.

    >>> installed("numpy"), installed("no-such-distribution")
    (True, False)
    """
    try:
        metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def usable(metrics: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The metrics that can be computed here.

    Args:
        metrics: fields of ``MetricConfig`` by name.
    """
    return {name: metric for name, metric in metrics.items() if _missing(metric) is None}


def not_installed(metrics: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A line for the user about each metric that cannot be computed here.

    Args:
        metrics: fields of ``MetricConfig`` by name.

    >>> not_installed({"mine": {"requires": "no-such-distribution"}, "leep": {"requires": None}})
    ['Metric mine is left out: it needs no-such-distribution (pip install no-such-distribution).']
    """
    missing = {name: _missing(metric) for name, metric in metrics.items()}
    return [
        f"Metric {name} is left out: it needs {what} (pip install {what})." for name, what in missing.items() if what
    ]


def _missing(metric: Mapping[str, Any]) -> str | None:
    needed: str | None = metric["requires"]
    return None if needed is None or installed(needed) else needed
