"""From the plan to the user's launcher: what is done is not launched, and a dead worker does not end the sweep."""

from __future__ import annotations

import sys
import uuid
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.plugins.launcher import Launcher

from pgebench.core.records import CRASHED, DONE, FAILED
from pgebench.experiment.job import in_jobs
from pgebench.experiment.progress import Progress
from pgebench.plan.sweep import Job, Sweep
from pgebench.store.store import Store
from pgebench.store.unit import Unit

PASSES = (("source", "target"), ("pair",))
"""Levels that are launched together: all datasets first, then all pairs, so that no job waits for another."""

INTERRUPTED = 130

Stamp = tuple[str, str | None, int | None]
"""What tells a record from that of an earlier attempt: status, start and attempts."""


def launch(sweep: Sweep, waiting: Sequence[Unit], store: Store, launcher: Launcher) -> int:
    """Launch, pass by pass, the jobs that have something to do; returns 0, or ``INTERRUPTED``."""
    stop = Path(sweep.config.results) / f".stop{uuid.uuid4().hex}" if sweep.config.fail_fast else None
    # joblib replaces a worker whose memory has grown, which the datasets that it keeps are enough for; no job is lost.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs were given")
    number = 0
    try:
        with Progress(waiting, store, sweep.config.progress):
            for levels in PASSES:
                number = _launch_pass(sweep, levels, waiting, store, launcher, stop, number)
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        if stop is not None and stop.exists():
            print("Stopped at the first failure (fail_fast=true); what is done is kept.")
            stop.unlink()
    return 0


def _launch_pass(
    sweep: Sweep,
    levels: Sequence[str],
    waiting: Sequence[Unit],
    store: Store,
    launcher: Launcher,
    stop: Path | None,
    number: int,
) -> int:
    """Launch the jobs of some levels, again where a worker was lost; returns the number of the next job."""
    todo = {unit.key: unit for unit in waiting}
    before = _stamps(todo.values(), store)
    while todo and not (stop is not None and stop.exists()):
        cells = _cells(sweep.jobs, levels, todo)
        if not cells:
            break
        if stop is not None:
            cells = [[*own, f"stop={stop.name}"] for own in cells]
        jobs = in_jobs(cells, max(1, sweep.config.job.cells))
        number += len(jobs)
        try:
            _report_broken(launcher.launch(jobs, initial_job_idx=number - len(jobs)))
            break
        except Exception as error:  # a launcher gives up when a worker is killed; the records tell what is left
            after = _stamps(todo.values(), store)
            goes_on = after != before
            then = "going on with what is left" if goes_on else "nothing was done, so it is not tried again"
            print(f"pgebench: the launcher stopped ({type(error).__name__}: {error}); {then}", file=sys.stderr)
            if not goes_on:
                break
            todo = {key: unit for key, unit in todo.items() if not _settled(after[key], before[key])}
            before = {key: after[key] for key in todo}
    return number


def _stamps(units: Iterable[Unit], store: Store) -> dict[str, Stamp]:
    records = {unit.key: store.record(unit) for unit in units}
    return {key: (record["status"], record.get("started"), record.get("attempts")) for key, record in records.items()}


def _settled(after: Stamp, before: Stamp) -> bool:
    """Whether a unit has ended in this run; a failure of an earlier run is tried again."""
    return after[0] in (DONE, CRASHED) or (after[0] == FAILED and after != before)


def _cells(jobs: Sequence[Job], levels: Sequence[str], todo: Mapping[str, Unit]) -> list[list[str]]:
    """Overrides of the cells that have an open unit which no earlier one will run."""
    left = set(todo)
    result = []
    for job in by_target(jobs):
        for level in levels:
            own = left.intersection(unit.key for unit in job.units[level])
            if own:
                left -= own
                result.append([*job.overrides, f"level={level}"])
    return result


def by_target(jobs: Sequence[Job]) -> list[Job]:
    """The jobs with those side by side that differ in the source alone, as far as they come to share a process.

    There they can be trained at once (``job.cells``), and the target's images are read once.
    """
    first: dict[tuple[str | None, str, str], int] = {}
    for job in jobs:
        first.setdefault(_but_source(job), len(first))
    return sorted(jobs, key=lambda job: first[_but_source(job)])


def _but_source(job: Job) -> tuple[str | None, str, str]:
    return job.cell.variant, job.cell.backbone.name, job.cell.target.name


def _report_broken(returns: Any) -> None:
    """Say which jobs broke outside their units: by a config that changed meanwhile, or a full disk."""
    reasons: Counter[str] = Counter()
    for job in returns or []:
        try:
            _ = job.return_value
        except Exception as error:
            reasons[f"{type(error).__name__}: {error}"] += 1
    for reason, times in reasons.items():
        print(f"pgebench: {times} job{'s' if times > 1 else ''} stopped: {reason}", file=sys.stderr)
