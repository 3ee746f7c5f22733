"""Running units: each at most once, whatever happens to the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from joblib import Parallel, delayed

from pgebench.core.errors import PgebenchError, StoreError, UpstreamError
from pgebench.core.files import write_atomically
from pgebench.core.records import CRASHED, DONE, MISSING, RUNNING
from pgebench.run.attempt import began, failed, finished
from pgebench.run.isolated import run_apart
from pgebench.run.policy import DEFAULT, Rules
from pgebench.run.stacked import alike, run_together
from pgebench.run.time_limit import TimeLimit, time_limit
from pgebench.run.usage import Cost, measured
from pgebench.stages import STAGES, Outcome, Run
from pgebench.store.store import Store
from pgebench.store.unit import Unit


def run_units(units: Iterable[Unit], store: Store, device: torch.device, rules: Rules = DEFAULT) -> None:
    """Run the units in order; a unit that fails leaves a record, and the next one runs.

    With ``rules.together``, units that can be computed at once wait for the last of them.

    Args:
        units: inputs before the units that read them.
        store: where results go.
        device: where networks compute.
        rules: what happens at failures, and how long a unit may take.
    """
    for group in alike(units) if rules.together else ([unit] for unit in units):
        if len(group) > 1 and not _stopped(rules):
            run_together(group, store, device, rules)
        for unit in group:
            if _stopped(rules):
                return
            record = run_unit(unit, store, device, rules)
            if rules.stop is not None and record["status"] != DONE:
                write_atomically(rules.stop, b"")


def _stopped(rules: Rules) -> bool:
    return rules.stop is not None and rules.stop.exists()


def run_side_by_side(units: Iterable[Unit], store: Store, workers: int) -> None:
    """Run units that read no others, one thread each, in processes beside each other on the CPU.

    Raises:
        PgebenchError: a unit has no result.
    """
    waiting = list(units)
    run_chains(([unit] for unit in waiting), store, workers)
    for unit in waiting:
        record = store.record(unit)
        if record["status"] != DONE:
            raise PgebenchError(f"{unit} has no result: {record.get('error', record['status'])}")


def run_chains(chains: Iterable[Sequence[Unit]], store: Store, workers: int) -> None:
    """Run chains of units, in each inputs before the units that read them, in processes beside each other on the CPU.

    What fails leaves a record.
    """
    open_ones = [[unit for unit in chain if not store.is_done(unit)] for chain in chains]
    waiting = [chain for chain in open_ones if chain]
    if waiting:
        rules = Rules(workers)
        Parallel(n_jobs=workers, batch_size=1)(delayed(_with_one_thread)(chain, store, rules) for chain in waiting)


def _with_one_thread(chain: Sequence[Unit], store: Store, rules: Rules) -> None:
    torch.set_num_threads(1)
    run_units(chain, store, torch.device("cpu"), rules)


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
            return compute(unit, store, device, rules)
    # The lock was free, so a unit that is still "running" has lost its process. Whether by its own doing shows when it
    # runs in a process of its own: if that one dies too, and this one does not, it was the unit.
    return run_apart(unit, store, device, rules)


def compute(unit: Unit, store: Store, device: torch.device, rules: Rules) -> dict[str, Any]:
    """Compute a unit whose lock is held; returns its new record."""
    before = store.record(unit)
    died = before.get("attempts", 0) if before["status"] == RUNNING else 0
    if died:
        store.drop_litter(unit)
    for tries_left in range(rules.retry, -1, -1):
        record = began(unit, device, rules, attempts=died + 1)
        store.write_record(unit, record)
        try:
            record |= _execute(unit, store, device, rules)
            store.write_record(unit, record)
        except (KeyboardInterrupt, SystemExit, StoreError):
            # The user stopped it, or the disk is full: that is no death to be counted.
            if store.record(unit)["status"] == RUNNING:
                store.forget(unit)
            raise
        if record["status"] == DONE:
            store.drop_progress(unit)
        if record["status"] == DONE or not tries_left or not _inputs_are_done(unit, store, device, rules):
            break
    return record


def _inputs_are_done(unit: Unit, store: Store, device: torch.device, rules: Rules) -> bool:
    """Whether another try can do better; an input whose artifact was found damaged is computed anew for it."""
    for needed in unit.inputs.values():
        if store.record(needed)["status"] == MISSING:
            run_unit(needed, store, device, rules)
    return all(store.is_done(needed) for needed in unit.inputs.values())


def _execute(unit: Unit, store: Store, device: torch.device, rules: Rules) -> dict[str, Any]:
    """Run the stage; returns the fields that its end adds to the record."""
    cost = Cost()
    try:
        _require_inputs(unit, store)
        with time_limit(None if rules.minutes is None else 60 * rules.minutes), measured(device) as cost:
            outcome: Outcome = STAGES[unit.stage](Run(unit, store, device))
        artifact = store.write_artifact(unit, outcome.tensors) if outcome.tensors else {}
    except (Exception, TimeLimit) as error:
        return failed(error, rules, cost)
    return finished(outcome, artifact, cost)


def _require_inputs(unit: Unit, store: Store) -> None:
    for needed in unit.inputs.values():
        record = store.record(needed)
        if record["status"] != DONE:
            reason = record.get("error", f"it is {record['status']}")
            raise UpstreamError(f"needs {needed}, which has no result: {reason}")
