"""Candidates as a stream: each is brought, looked at and let go; whatever befalls one, the others go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from joblib.externals.loky import get_reusable_executor
from joblib.externals.loky.process_executor import BrokenProcessPool

from pgebench.core.errors import PgebenchError
from pgebench.core.machine import ONE_THREAD
from pgebench.core.records import DONE
from pgebench.core.terminal import patient_streams
from pgebench.core.text import one_line
from pgebench.networks import hub, hub_downloads
from pgebench.plan.cell import Cell
from pgebench.plan.units import in_order, plan
from pgebench.ranking.ahead import made_ready
from pgebench.ranking.candidates import Candidates
from pgebench.ranking.half_samples import FloatArray
from pgebench.ranking.remembered import halves_of, size_in
from pgebench.ranking.weights_kept import WeightsKept, of_the_hub
from pgebench.run.policy import Rules
from pgebench.run.runner import run_units
from pgebench.store.store import Store
from pgebench.store.unit import Unit

DIED = "the process that looked at it died twice: most likely there is too little memory for it"

PATIENCE = 600
"""Seconds after which a process with nothing to do ends."""

DISK = "the disk is full"
"""What stands in the reason of a candidate that could not be written."""


@dataclass(frozen=True)
class Judged:
    """A candidate that was looked at.

    Attributes:
        name: Of the candidate.
        score: On all images.
        halves: (pairs, 2) on the halves of them; empty without a score.
        error: Why there is no score; "" if there is one.
    """

    name: str
    score: float
    halves: FloatArray
    error: str = ""


@dataclass(frozen=True)
class _Task:
    """What a process is told of a candidate; it plans nothing, and gives little back."""

    name: str
    units: tuple[Unit, ...]
    scored: Unit
    metric: Mapping[str, Any]


def judged(candidates: Candidates, metric: str, store: Store, workers: int, kept: WeightsKept) -> Iterator[Judged]:
    """Look at candidates, those first whose weights are here; the weights of the next ones are downloaded meanwhile.

    A process has one network in memory at a time, and gives back the scores alone. What is in the store is not computed
    again. Of weights that timm downloads the cache has the copy that stays: the store's goes once a candidate has its
    score.

    Args:
        candidates: With the images that they are to look at, and with one metric.
        metric: Its name.
        store: Where checkpoints, evidence and scores are kept.
        workers: Processes beside each other.
        kept: What is downloaded.

    Yields:
        Each candidate once, as it is done.
    """
    cells = dict(zip(candidates.names, candidates.cells, strict=True))
    tasks = [_task(name, cell, metric, store) for name, cell in cells.items()]
    order = sorted(tasks, key=lambda task: (bool(task.units), _absent(cells[task.name], task)))

    def bring(task: _Task) -> None:
        if _needs_weights(task):
            try:
                kept.bring(cells[task.name])
            except PgebenchError as error:
                if not (hub.disk_full(error) and kept.make_room()):
                    raise
                kept.bring(cells[task.name])

    with hub_downloads.without_bars():
        for task, result in _side_by_side(order, bring, store, workers):
            if result.error.startswith(DISK) and kept.make_room():
                result = _look(task, store, workers)
            if of_the_hub(cells[task.name]):
                for unit in filter(store.is_done, task.units):
                    if unit.stage == "checkpoint":
                        store.drop(unit)
            kept.looked_at(cells[task.name])
            yield result


def _task(name: str, cell: Cell, metric: str, store: Store) -> _Task:
    scored = in_order(plan(cell))[-1]
    return _Task(name, tuple(undone(scored, store)), scored, cell.settings["metric"][metric])


def undone(last: Unit, store: Store) -> list[Unit]:
    """The units that must run for a result, inputs first; what a finished unit has read is not needed any more.

    Args:
        last: The unit whose result is asked for.
        store: Where finished ones are.
    """
    if store.is_done(last):
        return []
    found: dict[str, Unit] = {}
    for needed in last.inputs.values():
        found |= {unit.key: unit for unit in undone(needed, store)}
    return [*found.values(), last]


def why_not_done(chain: Sequence[Unit], store: Store) -> str:
    """Why the last unit of a chain has no result: what the first one says that has none; empty if it has one.

    Args:
        chain: Units in the order in which they were tried.
        store: Where their records are.
    """
    records = [store.record(unit) for unit in chain]
    if records[-1]["status"] == DONE:
        return ""
    first = next(record for record in records if record["status"] != DONE)
    return str(first.get("error", first["status"]))


def _needs_weights(task: _Task) -> bool:
    return any(unit.stage == "checkpoint" for unit in task.units)


def _absent(cell: Cell, task: _Task) -> bool:
    model = of_the_hub(cell)
    return model is not None and _needs_weights(task) and hub.cached(model) is None


def _side_by_side(
    tasks: Sequence[_Task], bring: Callable[[_Task], object], store: Store, workers: int
) -> Iterator[tuple[_Task, Judged]]:
    """The results of tasks as they end, each task begun once it is ready."""
    under_way: dict[Future[Judged], _Task] = {}
    for task, error in made_ready(tasks, bring):
        if error is not None:
            yield task, _without(task, error)
        elif workers == 1:
            yield task, _look(task, store, workers)
        else:
            under_way[_processes(workers).submit(_look, task, store, workers)] = task
            if len(under_way) >= workers:
                yield from _ended(under_way, store)
    while under_way:
        yield from _ended(under_way, store)


def _ended(under_way: dict[Future[Judged], _Task], store: Store) -> list[tuple[_Task, Judged]]:
    """The tasks that have ended, at least one; they are under way no longer."""
    done, _ = wait(under_way, return_when=FIRST_COMPLETED)
    found, broken = [], []
    for future in done:
        task = under_way.pop(future)
        try:
            found.append((task, future.result()))
        except BrokenProcessPool:
            broken.append(task)
    if broken:
        # One process died and took the results of all with it. Each is tried again with no other beside it: what has
        # killed one runs in a process of its own then, and is told of if that dies too.
        broken += under_way.values()
        under_way.clear()
        found += [(task, _again(task, store)) for task in broken]
    return found


def _again(task: _Task, store: Store) -> Judged:
    try:
        return _processes(1).submit(_look, task, store, 1).result()
    except BrokenProcessPool:
        return _without(task, DIED)


def _processes(number: int) -> Any:
    """Processes that stay while downloads are slow; each has one thread, whatever computes in it."""
    return get_reusable_executor(number, timeout=PATIENCE, env=dict(ONE_THREAD))


def _look(task: _Task, store: Store, workers: int) -> Judged:
    """Run what is not done of a candidate, in this process; nothing is raised but what ends the whole command."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with patient_streams():
            run_units(task.units, store, torch.device("cpu"), Rules(workers))
        if reason := why_not_done((*task.units, task.scored), store):
            return _without(task, reason)
        halves = halves_of(task.scored, str(task.scored.label.metric), task.metric, store)
        size_in(store, task.scored.inputs["evidence"].params["backbone"])
        return Judged(task.name, float(store.record(task.scored)["value"]), halves)
    except (PgebenchError, OSError, MemoryError) as error:
        return _without(task, f"{DISK}: {error}" if hub.disk_full(error) else error)
    finally:
        torch.set_num_threads(before)


def _without(task: _Task, error: Exception | str) -> Judged:
    return Judged(task.name, float("nan"), np.empty(0), one_line(str(error)))
