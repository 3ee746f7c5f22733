"""Units of one kind, computed at once as far as that goes: several trainings, stacked."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace

import torch

from pgebench.core.errors import UpstreamError
from pgebench.core.records import FAILED, MISSING
from pgebench.run.attempt import Attempt, message, work_on
from pgebench.run.policy import Rules
from pgebench.run.time_limit import TimeLimit, time_limit
from pgebench.run.usage import measured
from pgebench.stages import STAGES, Together, Work
from pgebench.store.store import Store
from pgebench.store.unit import Unit


def by_kind(units: Iterable[Unit]) -> list[list[Unit]]:
    """The units once each and in order, but those in one list that their stage can compute at once."""
    groups: dict[str, dict[str, Unit]] = {}
    for unit in units:
        if together := STAGES[unit.stage].together:
            # Where the last of them stands, what all of them read has been computed.
            kind = together.kind(unit)
            groups[kind] = groups.pop(kind, {})
            groups[kind].setdefault(unit.key, unit)
        else:
            groups.setdefault(unit.key, {unit.key: unit})
    return [list(group.values()) for group in groups.values()]


def run_stacked(units: Sequence[Unit], store: Store, device: torch.device, rules: Rules) -> None:
    """Compute units of a list that ``by_kind`` made.

    It leaves records of finished units and nothing else. What is not finished afterwards, because torch cannot stack
    the network, memory was short, the training diverged or another process is at it, has to run by itself: that settles
    what its record says, as if nobody had tried.
    """
    together = STAGES[units[0].stage].together
    with contextlib.ExitStack() as locks:
        # Without waiting: who holds a lock must not wait for another.
        held = [unit for unit in units if locks.enter_context(store.lock(unit, timeout=0))]
        ready = [(Attempt(unit, store, device, rules), work) for unit in held if (work := _ready(unit, store, device))]
        if together is None or len(ready) < 2:
            return
        try:
            for attempt, _ in ready:
                attempt.begin()
            _execute(together, ready, rules)
        finally:
            for attempt, _ in ready:
                attempt.withdraw()


def _ready(unit: Unit, store: Store, device: torch.device) -> Work | None:
    """The unit with its inputs, if it waits for nothing but to be computed."""
    if store.record(unit)["status"] not in (MISSING, FAILED):
        return None
    with contextlib.suppress(UpstreamError):
        return work_on(unit, store, device)
    return None


def _execute(together: Together, ready: Sequence[tuple[Attempt, Work]], rules: Rules) -> None:
    """Run the stage, and write down what it finished."""
    first = ready[0][0]
    seconds = None if rules.minutes is None else 60 * rules.minutes * len(ready)
    try:
        with time_limit(seconds), measured(first.device) as cost:
            outcomes = together.run([work for _, work in ready])
    except (Exception, TimeLimit) as error:
        warnings.warn(
            f"{first.unit.label.backbone} {first.unit.label.truth}: {len(ready)} units take turns, for together they "
            f"cannot be computed: {message(error, rules)}",
            stacklevel=2,
        )
        return
    share = replace(cost, wall_s=cost.wall_s / len(ready), cpu_s=cost.cpu_s / len(ready))
    for (attempt, _), outcome in zip(ready, outcomes, strict=True):
        if outcome is not None:
            attempt.finish(outcome, share)
