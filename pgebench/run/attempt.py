"""What a record says when its unit begins and when it ends."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import torch

from pgebench.core.errors import PgebenchError
from pgebench.core.machine import machine, versions
from pgebench.core.records import DONE, FAILED, RUNNING
from pgebench.run.policy import Rules
from pgebench.run.time_limit import TimeLimit
from pgebench.run.usage import Cost
from pgebench.stages import Outcome
from pgebench.store.unit import Unit


def began(unit: Unit, device: torch.device, rules: Rules, attempts: int) -> dict[str, Any]:
    """The record of a unit that is about to be computed."""
    return {
        "status": RUNNING,
        "attempts": attempts,
        "key": unit.key,
        **unit.identity(),
        "label": str(unit),
        "started": _now(),
        "workers": rules.workers,
        "threads": torch.get_num_threads(),
        "versions": versions(),
        "machine": machine(str(device)),
    }


def finished(outcome: Outcome, artifact: Mapping[str, Any], cost: Cost) -> dict[str, Any]:
    """The fields that a result adds."""
    return {
        "status": DONE,
        # NaN is no JSON, and most stages have no value.
        "value": outcome.value if outcome.value == outcome.value else None,
        "detail": dict(outcome.detail),
        "images": outcome.images,
        "artifact": artifact,
        "finished": _now(),
        **cost.as_dict(),
    }


def failed(error: BaseException, rules: Rules, cost: Cost) -> dict[str, Any]:
    """The fields that a failure adds; to be called while the error is handled."""
    return {
        "status": FAILED,
        "error": message(error, rules),
        "traceback": traceback.format_exc(),
        "finished": _now(),
        **cost.as_dict(),
    }


def message(error: BaseException, rules: Rules) -> str:
    """An error in one line."""
    if isinstance(error, TimeLimit):
        return f"it took longer than time_limit={rules.minutes:g} minutes; give it more, or leave it out"
    # A message made for the user stands alone; anything else needs its type to be understood.
    text = str(error) if isinstance(error, PgebenchError | ValueError) else f"{type(error).__name__}: {error}"
    return " ".join(text.split())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
