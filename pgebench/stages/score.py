"""Scores: a metric's function applied to the evidence that its parameter names ask for."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pgebench.core.errors import ConfigError, NonFinite
from pgebench.core.identity import Label, canonical_json
from pgebench.core.instantiate import function
from pgebench.stages.base import Outcome, Work
from pgebench.stages.kinds_of_evidence import KINDS
from pgebench.store.unit import Unit

VERSION = 1


def asks_for(name: str, config: Mapping[str, Any]) -> tuple[str, ...]:
    """The evidence that a metric's function asks for, in the order of its parameters.

    Args:
        name: Of the metric, for messages.
        config: Its ``function`` as the YAML has it, with ``_target_``.

    Returns:
        Names out of ``KINDS``.

    Raises:
        ConfigError: a parameter without default that is neither evidence nor set in the YAML, or a key in the YAML
            that the function does not take.
    """
    return _asks_for(name, canonical_json(config))


@lru_cache(maxsize=1024)
def _asks_for(name: str, config: str) -> tuple[str, ...]:
    score, fixed = function(json.loads(config))
    parameters = inspect.signature(score).parameters
    unknown = sorted(set(fixed) - set(parameters))
    if unknown:
        raise ConfigError(
            f"metric.{name}.function has no parameter {', '.join(unknown)}; it takes {', '.join(parameters)}"
        )
    wanted = tuple(key for key in parameters if key in KINDS and key not in fixed)
    for key, parameter in parameters.items():
        if key not in fixed and key not in KINDS and parameter.default is inspect.Parameter.empty:
            raise ConfigError(
                f"metric.{name}.function asks for '{key}', which is no evidence; "
                f"set it in the YAML or name one of {', '.join(KINDS)}"
            )
    return wanted


def unit(
    config: Mapping[str, Any],
    inputs: Mapping[str, Unit],
    facts: Mapping[str, Any],
    seed: int,
    label: Label,
) -> Unit:
    """The score of one metric on one pair.

    Args:
        config: fields of ``MetricConfig``.
        inputs: the units that its evidence comes from, by role: ``evidence``, ``source_evidence``, ``checkpoint``,
            ``random_evidence``, ``source_gradient``, ``target_gradient``, ``source_information``,
            ``target_information``, ``triplets``.
        facts: values of the facts that it asks for.
        seed: number of the replicate.
        label: for the table.

    Returns:
        A unit that reads ``inputs``.
    """
    params = {
        "function": dict(config["function"]),
        "metric_version": config["version"],
        "facts": dict(facts),
        "replicate": seed,
    }
    return Unit("score", VERSION, params, inputs, label)


def run(work: Work) -> Outcome:
    """Call the function; the value is its score.

    Args:
        work: A unit of ``unit``.

    Returns:
        The score, without tensors; with a standard error in its detail where the metric gives one.

    Raises:
        NonFinite: The function gave NaN or infinity.
    """
    name = work.unit.label.metric or "?"
    score, fixed = function(work.params["function"])
    wanted = asks_for(name, work.params["function"])
    found = score(**{key: _evidence(work, key) for key in wanted}, **fixed)
    value, error = float(found), float(getattr(found, "standard_error", math.nan))
    if not math.isfinite(value):
        raise NonFinite(
            f"metric {name} gave {value} for {work.unit.label}. A score must be finite: "
            "check the metric's assumptions on this target, or leave it out with metric=[...]"
        )
    return Outcome(value, detail={} if math.isnan(error) else {"standard_error": error})


def _evidence(work: Work, key: str) -> Any:
    # The stated accuracy of pretrained weights is a fact, that of a model trained here is in its record.
    load = KINDS[key].load
    return work.params["facts"][key] if load is None or key in work.params["facts"] else load(work)
