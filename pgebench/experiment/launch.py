"""From the plan to the user's launcher: what is done is not launched, and a dead worker does not end the sweep."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig

from pgebench.core.quoting import quoted
from pgebench.core.records import CRASHED, DONE, FAILED
from pgebench.core.say import say
from pgebench.experiment.job import JobFiles, PlannedCell, in_jobs
from pgebench.experiment.progress import ProgressBar
from pgebench.run.order import WorkOrder
from pgebench.run.policy import Rules
from pgebench.store.store import Store
from pgebench.store.unit import Unit

PASSES = (("source", "target"), ("pair",))
"""Levels that are launched together: all datasets first, then all pairs, so that no job waits for another."""

INTERRUPTED = 130

Stamp = tuple[str, str | None, int | None]
"""What tells a record from that of an earlier attempt: status, start and attempts."""


@dataclass
class Launch:
    """The launching of one experiment.

    Args:
        config: of its first cell; those of its settings that say how units are run.
        cells: with their units.
        waiting: the units without a result.
        store: where results go.
        launcher: the user's.
        choices: overrides that the config of every job must share, for the launcher's own keys to be there.
        paths: folders that the user's own functions are imported from.
    """

    config: DictConfig
    cells: Sequence[PlannedCell]
    waiting: Sequence[Unit]
    store: Store
    launcher: Launcher
    choices: Sequence[str] = ()
    paths: Sequence[str] = ()
    _jobs: int = field(default=0, init=False)

    def run(self) -> int:
        """Launch, pass by pass, the jobs that have something to do; returns 0, or ``INTERRUPTED``."""
        # joblib replaces a worker whose memory has grown, which the datasets that it keeps are enough for; no job is
        # lost.
        warnings.filterwarnings("ignore", "A worker stopped while some jobs were given")
        try:
            with JobFiles(self.store, self._order(), self.config.fail_fast) as files:
                with ProgressBar(self.waiting, self.store, self.config.progress):
                    for levels in PASSES:
                        self._pass(levels, files)
                if files.stopped:
                    say("Stopped at the first failure (fail_fast=true); what is done is kept.")
        except KeyboardInterrupt:
            return INTERRUPTED
        return 0

    def _order(self) -> WorkOrder:
        config = self.config
        rules = Rules(config.workers, config.retry, config.time_limit, config.deterministic)
        place = self.store.root.resolve(), self.store.locks
        return WorkOrder([], *place, config.device, config.threads, config.together, rules, self.paths)

    def _pass(self, levels: Sequence[str], files: JobFiles) -> None:
        """Launch the jobs of some levels, again where a worker was lost."""
        todo = {unit.key: unit for unit in self.waiting}
        before = self._stamps(todo.values())
        while todo and not files.stopped:
            jobs = [self._overrides(files, units) for units in in_jobs(self.cells, levels, todo, self._size)]
            if not jobs:
                break
            self._jobs += len(jobs)
            try:
                _report_broken(self.launcher.launch(jobs, initial_job_idx=self._jobs - len(jobs)))
                break
            except Exception as error:  # a launcher gives up when a worker is killed; the records tell what is left
                after = self._stamps(todo.values())
                goes_on = after != before
                then = "going on with what is left" if goes_on else "nothing was done, so it is not tried again"
                reason = " ".join(f"{type(error).__name__}: {error}".split())
                say(f"pgebench: the launcher stopped ({reason}); {then}", error=True)
                if not goes_on:
                    break
                todo = {key: unit for key, unit in todo.items() if not _settled(after[key], before[key])}
                before = {key: after[key] for key in todo}

    @property
    def _size(self) -> int:
        return max(1, self.config.job.cells)

    def _overrides(self, files: JobFiles, units: Sequence[Unit]) -> list[str]:
        """What the launcher composes a job's config from: the file of units, and what makes that quick and in place."""
        file = files.write(units)
        results = f"results={quoted(str(self.config.results))}"
        return [*self.choices, "metric=[]", "truth=[]", results, f"units={quoted(str(file))}"]

    def _stamps(self, units: Iterable[Unit]) -> dict[str, Stamp]:
        records = {unit.key: self.store.record(unit) for unit in units}
        return {key: (one["status"], one.get("started"), one.get("attempts")) for key, one in records.items()}


def _settled(after: Stamp, before: Stamp) -> bool:
    """Whether a unit has ended in this run; a failure of an earlier run is tried again."""
    return after[0] in (DONE, CRASHED) or (after[0] == FAILED and after != before)


def _report_broken(returns: Any) -> None:
    """Say which jobs broke outside their units: by a full disk, or a store that is not seen where they run."""
    reasons: Counter[str] = Counter()
    for job in returns or []:
        try:
            _ = job.return_value
        except Exception as error:
            reasons[f"{type(error).__name__}: {error}"] += 1
    for reason, times in reasons.items():
        say(f"pgebench: {times} job{'s' if times > 1 else ''} stopped: {reason}", error=True)
