"""Facts of metrics that no score depends on, but a league does: what is a control, a term of another, and a tie."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

import yaml

from pgebench.core.conf import conf_dir

Facts = Mapping[str, Mapping[str, Any]]
"""Metric -> its ``kind``, ``term_of`` and ``tie``, as in ``pgebench.config.MetricConfig``."""

TIE = 1e-6
"""Share of a score below which another one is the same, where a metric says nothing else: evidence is in single
precision (6e-8), and this is some ten roundings of it."""

DEFAULTS: Mapping[str, Any] = MappingProxyType({"kind": "metric", "term_of": None, "tie": TIE})


def metric_facts(meta: Mapping[str, Any]) -> Facts:
    """The facts of pgebench's own metrics and of those of a run.

    Args:
        meta: The run's ``meta.json``; {} for a table without a run. Where its config does not say them, being of an
            earlier version, the facts are those of pgebench's own metric of that name.

    Returns:
        Every fact of every metric.

    >>> mine = {"config": {"metric": {"mine": {"kind": "control", "term_of": None}, "theirs": {}}}}
    >>> facts = metric_facts(mine)
    >>> facts["mine"]["kind"], facts["theirs"]["kind"], facts["random"]["kind"], facts["ncti_seli"]["term_of"]
    ('control', 'metric', 'control', 'ncti')
    """
    config = meta.get("config")
    metrics = config.get("metric") if isinstance(config, Mapping) else None
    stated = metrics if isinstance(metrics, Mapping) else {}
    # Metrics that the run left out count too: a composite whose terms are not all there is not complete.
    return {name: {**DEFAULTS, **_own().get(name, {}), **_of(stated.get(name))} for name in sorted({*_own(), *stated})}


@cache
def _own() -> Facts:
    files = sorted((conf_dir() / "metric").glob("*.yaml"))
    return {path.stem: _of(yaml.safe_load(path.read_text(encoding="utf-8"))) for path in files}


def _of(settings: Any) -> dict[str, Any]:
    return {key: settings[key] for key in DEFAULTS if key in settings} if isinstance(settings, Mapping) else {}
