"""Results that are thrown away on request, so that a run computes them again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pgebench.errors import ConfigError
from pgebench.stages import STAGES
from pgebench.store import MISSING, Store
from pgebench.unit import Unit


def stages_of(force: Any) -> tuple[str, ...]:
    """The stages that ``force=STAGE`` or ``force=[STAGE,...]`` names.

    Raises:
        ConfigError: no such stage.

    >>> stages_of("score"), stages_of(["score", "truth"])
    (('score',), ('score', 'truth'))
    """
    names = (force,) if isinstance(force, str) else tuple(force or ())
    if unknown := [name for name in names if name not in STAGES]:
        raise ConfigError(f"force={unknown[0]}: no such stage; choose from {', '.join(STAGES)}")
    return names


def forget(units: Sequence[Unit], stages: Sequence[str], store: Store) -> int:
    """Drop the records of all units of these stages and of every unit that reads them; returns how many were there.

    Readers go before what they read: whenever this is interrupted, what is left was computed from what is left.

    Args:
        units: the units of the experiment, inputs first.
        stages: names of stages.
        store: where their records are.
    """
    chosen: dict[str, Unit] = {}
    for unit in units:
        if unit.stage in stages or any(needed.key in chosen for needed in unit.inputs.values()):
            chosen.setdefault(unit.key, unit)
    dropped = 0
    for unit in reversed(chosen.values()):
        with store.lock(unit):  # who computes it at this moment finishes first
            dropped += store.record(unit)["status"] != MISSING
            store.drop_progress(unit)
            store.forget(unit)
    return dropped
