"""Units of one kind, computed at once as far as that goes."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import torch

from pgebench.core.records import FAILED, MISSING, RUNNING
from pgebench.run.attempt import began, finished, message
from pgebench.run.policy import Rules
from pgebench.run.time_limit import TimeLimit, time_limit
from pgebench.run.usage import measured
from pgebench.stages import TOGETHER, Run
from pgebench.store.store import Store
from pgebench.store.unit import Unit


def alike(units: Iterable[Unit]) -> list[list[Unit]]:
    """The units once each and in order, but those in one list that their stage can compute at once."""
    groups: dict[str, dict[str, Unit]] = {}
    for unit in units:
        if unit.stage in TOGETHER:
            # Where the last of them stands, what all of them read has been computed.
            kind = TOGETHER[unit.stage].kind(unit)
            groups[kind] = groups.pop(kind, {})
            groups[kind].setdefault(unit.key, unit)
        else:
            groups.setdefault(unit.key, {unit.key: unit})
    return [list(group.values()) for group in groups.values()]


def run_together(units: Sequence[Unit], store: Store, device: torch.device, rules: Rules) -> None:
    """Compute units of a list that ``alike`` made.

    It leaves records of finished units and nothing else. What is not finished afterwards, because torch cannot stack
    the network, memory was short, the training diverged or another process is at it, has to run by itself: that settles
    what its record says, as if nobody had tried.
    """
    with contextlib.ExitStack() as locks:
        # Without waiting: who holds a lock must not wait for another.
        held = [unit for unit in units if locks.enter_context(store.lock(unit, timeout=0))]
        free = [unit for unit in held if _can_start(unit, store)]
        if len(free) < 2:
            return
        try:
            records = {unit: began(unit, device, rules, attempts=1) for unit in free}
            for unit, record in records.items():
                store.write_record(unit, record)
            for unit, fields in _execute(free, store, device, rules).items():
                store.write_record(unit, records[unit] | fields)
        finally:
            for unit in free:
                if store.record(unit)["status"] == RUNNING:
                    store.forget(unit)


def _can_start(unit: Unit, store: Store) -> bool:
    return store.record(unit)["status"] in (MISSING, FAILED) and all(map(store.is_done, unit.inputs.values()))


def _execute(units: Sequence[Unit], store: Store, device: torch.device, rules: Rules) -> dict[Unit, dict[str, Any]]:
    """Run the stage; returns, for each unit that it finished, the fields that its end adds to the record."""
    seconds = None if rules.minutes is None else 60 * rules.minutes * len(units)
    try:
        with time_limit(seconds), measured(device) as cost:
            outcomes = TOGETHER[units[0].stage].run([Run(unit, store, device) for unit in units])
    except (Exception, TimeLimit) as error:
        warnings.warn(
            f"{units[0].label.backbone} {units[0].label.truth}: {len(units)} units take turns, for together they "
            f"cannot be computed: {message(error, rules)}",
            stacklevel=2,
        )
        return {}
    share = replace(cost, wall_s=cost.wall_s / len(units), cpu_s=cost.cpu_s / len(units))
    return {
        unit: finished(outcome, store.write_artifact(unit, outcome.tensors) if outcome.tensors else {}, share)
        for unit, outcome in zip(units, outcomes, strict=True)
        if outcome is not None
    }
