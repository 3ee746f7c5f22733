"""Running units: each at most once, whatever happens to the others."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import torch
from joblib import Parallel, delayed

from pgebench.core.errors import PgebenchError, StoreError
from pgebench.core.files import write_atomically
from pgebench.core.records import CRASHED, DONE, MISSING, RUNNING
from pgebench.core.terminal import patient_streams
from pgebench.run.attempt import Attempt, work_on
from pgebench.run.device import device_of_worker, set_deterministic, together_on
from pgebench.run.isolated import run_isolated
from pgebench.run.order import WorkOrder
from pgebench.run.policy import DEFAULT, Rules
from pgebench.run.stacked import by_kind, run_stacked
from pgebench.run.time_limit import TimeLimit, time_limit
from pgebench.run.usage import Usage, measured
from pgebench.stages import STAGES
from pgebench.store.store import Store
from pgebench.store.unit import Unit


def carry_out(order: WorkOrder) -> None:
    """Compute the units of an order in this process; failures are in the records.

    Raises:
        ConfigError: the device cannot be used here.
        StoreError: the store cannot be written.
    """
    sys.path[:0] = [path for path in order.paths if path not in sys.path]
    set_deterministic(order.rules.deterministic)
    torch.set_num_threads(order.threads)
    device = device_of_worker(order.device)
    together = together_on(device, order.together, order.rules.deterministic)
    # A metric of the user's may print, and must not fail because nobody reads it.
    with patient_streams():
        run_units(order.units, Store(order.store, order.locks), device, replace(order.rules, together=together))


def run_units(units: Iterable[Unit], store: Store, device: torch.device, rules: Rules = DEFAULT) -> None:
    """Run the units in order; a unit that fails leaves a record, and the next one runs.

    With ``rules.together``, units that can be computed at once wait for the last of them.

    Args:
        units: inputs before the units that read them.
        store: where results go.
        device: where networks compute.
        rules: what happens at failures, and how long a unit may take.
    """
    for group in by_kind(units) if rules.together else ([unit] for unit in units):
        if len(group) > 1 and not _stopped(rules):
            run_stacked(group, store, device, rules)
        for unit in group:
            if _stopped(rules):
                return
            record = run_unit(unit, store, device, rules)
            if rules.stop is not None and record["status"] != DONE:
                write_atomically(rules.stop, b"")


def _stopped(rules: Rules) -> bool:
    return rules.stop is not None and rules.stop.exists()


def run_side_by_side(
    units: Iterable[Unit], store: Store, workers: int, told: Callable[[str], object] | None = None
) -> None:
    """Run units that read no others, one thread each, in processes beside each other on the CPU.

    Args:
        units: what is run.
        store: where results go.
        workers: processes.
        told: given a line per unit that has come to its end; None for none.

    Raises:
        PgebenchError: a unit has no result.
    """
    waiting = list(units)
    run_chains(([unit] for unit in waiting), store, workers, told)
    for unit in waiting:
        record = store.record(unit)
        if record["status"] != DONE:
            raise PgebenchError(f"{unit} has no result: {record.get('error', record['status'])}")


def run_chains(
    chains: Iterable[Sequence[Unit]], store: Store, workers: int, told: Callable[[str], object] | None = None
) -> None:
    """Run chains of units, in each inputs before the units that read them, in processes beside each other on the CPU.

    What fails leaves a record. Arguments are those of ``run_side_by_side``; ``told`` is given a line per chain.
    """
    open_ones = [[unit for unit in chain if not store.is_done(unit)] for chain in chains]
    waiting = [chain for chain in open_ones if chain]
    if waiting:
        rules = Rules(workers)
        beside = Parallel(n_jobs=workers, batch_size=1, return_as="generator_unordered")
        ended = beside(delayed(_with_one_thread)(chain, store, rules) for chain in waiting)
        for number, line in enumerate(ended, 1):
            if told is not None:
                told(f"[{number:{len(str(len(waiting)))}}/{len(waiting)}] {line}")


def _with_one_thread(chain: Sequence[Unit], store: Store, rules: Rules) -> str:
    torch.set_num_threads(1)
    with patient_streams():
        run_units(chain, store, torch.device("cpu"), rules)
    return str(chain[-1])


def run_unit(unit: Unit, store: Store, device: torch.device, rules: Rules = DEFAULT) -> dict[str, Any]:
    """Run one unit unless its result is there; returns its record."""
    record = store.record(unit)
    if record["status"] == DONE:
        return record
    with store.lock(unit):
        record = store.record(unit)  # another process may have done it while this one waited
        if record["status"] in (DONE, CRASHED):
            return record
        if record["status"] != RUNNING:
            return compute(Attempt(unit, store, device, rules))
    # The lock was free, so a unit that is still "running" has lost its process. Whether by its own doing shows when it
    # runs in a process of its own: if that one dies too, and this one does not, it was the unit.
    return run_isolated(unit, store, device, rules)


def compute(attempt: Attempt) -> dict[str, Any]:
    """Compute a unit whose lock is held, again as often as the rules say; returns its new record."""
    if attempt.number > 1:
        attempt.store.drop_litter(attempt.unit)
    for tries_left in range(attempt.rules.retry, -1, -1):
        try:
            attempt.begin()
            _execute(attempt)
        except (KeyboardInterrupt, SystemExit, StoreError):
            # The user stopped it, or the disk is full: that is no death to be counted.
            attempt.withdraw()
            raise
        if attempt.record["status"] == DONE or not tries_left or not _inputs_are_done(attempt):
            break
    return attempt.record


def _inputs_are_done(attempt: Attempt) -> bool:
    """Whether another try can do better; an input whose artifact was found damaged is computed anew for it."""
    for needed in attempt.unit.inputs.values():
        if attempt.store.record(needed)["status"] == MISSING:
            run_unit(needed, attempt.store, attempt.device, attempt.rules)
    return all(map(attempt.store.is_done, attempt.unit.inputs.values()))


def _execute(attempt: Attempt) -> None:
    """Run the stage, and write down how it ended."""
    cost, minutes = Usage(), attempt.rules.minutes
    try:
        work = work_on(attempt.unit, attempt.store, attempt.device)
        with time_limit(None if minutes is None else 60 * minutes), measured(attempt.device) as cost:
            outcome = STAGES[attempt.unit.stage].run(work)
        attempt.finish(outcome, cost)
    except (Exception, TimeLimit) as error:
        attempt.fail(error, cost)
