"""Metrics that need a distribution which may not be installed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from typing import Any


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


def left_out(metrics: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A line for the user about each metric that cannot be computed here.

    Args:
        metrics: fields of ``MetricConfig`` by name.

    >>> left_out({"mine": {"requires": "no-such-distribution"}, "leep": {"requires": None}})
    ['Metric mine is left out: it needs no-such-distribution (pip install no-such-distribution).']
    """
    missing = {name: _missing(metric) for name, metric in metrics.items()}
    return [
        f"Metric {name} is left out: it needs {what} (pip install {what})." for name, what in missing.items() if what
    ]


def _missing(metric: Mapping[str, Any]) -> str | None:
    needed: str | None = metric["requires"]
    return None if needed is None or installed(needed) else needed
