"""Running units: each at most once, whatever happens to the others."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from joblib import Parallel, delayed

from pgebench import provenance
from pgebench.errors import PgebenchError, UpstreamError
from pgebench.measure import Cost, measured
from pgebench.stages import STAGES, Outcome, Run
from pgebench.store import CRASHED, DONE, FAILED, RUNNING, Store
from pgebench.unit import Unit

ATTEMPTS = 2
"""A unit whose process died this often is left alone: it would take every resume down with it."""


def run_units(units: Iterable[Unit], store: Store, device: torch.device, workers: int | None = 1) -> None:
    """Run the units in order; a unit that fails leaves a record, and the next one runs.

    Args:
        units: inputs before the units that read them.
        store: where results go.
        device: where networks compute.
        workers: number of jobs that run beside each other, for the record: costs measured with neighbours are
            higher. None if nobody knows, as on a cluster.
    """
    for unit in units:
        run_unit(unit, store, device, workers)


def run_side_by_side(units: Iterable[Unit], store: Store, workers: int) -> None:
    """Run units that read no others, one thread each, in processes beside each other on the CPU.

    Raises:
        PgebenchError: a unit has no result.
    """
    waiting = [unit for unit in units if not store.is_done(unit)]
    if waiting:
        Parallel(n_jobs=workers, batch_size=1)(delayed(_with_one_thread)(unit, store.root, workers) for unit in waiting)
    for unit in waiting:
        record = store.record(unit)
        if record["status"] != DONE:
            raise PgebenchError(f"{unit} has no result: {record.get('error', record['status'])}")


def _with_one_thread(unit: Unit, root: Path, workers: int) -> None:
    torch.set_num_threads(1)
    run_unit(unit, Store(root), torch.device("cpu"), workers)


def run_unit(unit: Unit, store: Store, device: torch.device, workers: int | None = 1) -> dict[str, Any]:
    """Run one unit unless its result is there; returns its record."""
    record = store.record(unit)
    if record["status"] == DONE:
        return record
    with store.lock(unit):
        record = store.record(unit)  # another process may have done it while this one waited
        if record["status"] in (DONE, CRASHED):
            return record
        # The lock is free, so a unit that is still "running" has lost its process.
        died = record.get("attempts", 0) if record["status"] == RUNNING else 0
        record = _describe(unit, device, workers, attempts=died + 1)
        if died >= ATTEMPTS:
            error = (
                f"its process died {died} times (killed, or out of memory). Find out why, delete "
                f"{store.path(unit, '.json')} and run the same command again."
            )
            record |= {"status": CRASHED, "attempts": died, "error": error}
            store.write_record(unit, record)
            return record
        store.write_record(unit, record)
        try:
            record |= _execute(unit, store, device)
        except (KeyboardInterrupt, SystemExit):
            # The user stopped it: that is no death to be counted.
            store.forget(unit)
            raise
        store.write_record(unit, record)
        if record["status"] == DONE:
            store.drop_progress(unit)
    return record


def _describe(unit: Unit, device: torch.device, workers: int | None, attempts: int) -> dict[str, Any]:
    return {
        "status": RUNNING,
        "attempts": attempts,
        "key": unit.key,
        **unit.identity(),
        "label": str(unit),
        "started": _now(),
        "workers": workers,
        "threads": torch.get_num_threads(),
        "versions": provenance.versions(),
        "machine": provenance.machine(str(device)),
    }


def _execute(unit: Unit, store: Store, device: torch.device) -> dict[str, Any]:
    """Run the stage; returns the fields that its end adds to the record."""
    cost = Cost()
    try:
        _require_inputs(unit, store)
        with measured(device) as cost:
            outcome: Outcome = STAGES[unit.stage](Run(unit, store, device))
        artifact = store.write_artifact(unit, outcome.tensors) if outcome.tensors else {}
    except Exception as error:
        # A message made for the user stands alone; anything else needs its type to be understood.
        message = str(error) if isinstance(error, PgebenchError | ValueError) else f"{type(error).__name__}: {error}"
        return {
            "status": FAILED,
            "error": " ".join(message.split()),
            "traceback": traceback.format_exc(),
            "finished": _now(),
            **cost.as_dict(),
        }
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


def _require_inputs(unit: Unit, store: Store) -> None:
    for needed in unit.inputs.values():
        record = store.record(needed)
        if record["status"] != DONE:
            reason = record.get("error", f"it is {record['status']}")
            raise UpstreamError(f"needs {needed}, which has no result: {reason}")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
