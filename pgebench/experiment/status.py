"""How far a sweep has come, seen from another process: its plan, and the records in its store."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from pgebench.core.errors import PgebenchError, StoreError
from pgebench.core.files import write_atomically
from pgebench.core.identity import Label
from pgebench.core.records import CRASHED, DONE, FAILED, MISSING, RUNNING
from pgebench.core.text import one_line
from pgebench.store.format import open_store
from pgebench.store.store import Store
from pgebench.store.unit import Unit

STATUSES = (DONE, RUNNING, FAILED, CRASHED, MISSING)


class Planned(NamedTuple):
    """A unit of a written plan: its place in the store, what costs about the same (``kind``), and its name."""

    key: str
    stage: str
    kind: str
    name: str


Watched = tuple[Planned, Mapping[str, Any]]
"""A planned unit and its record."""


def write_plan(units: Sequence[Unit], store: Store, results: Path, workers: int | None) -> None:
    """Write ``plan.json`` into the results folder, for ``pgebench-status``."""
    # Relative, so that the folders can be looked at from where they are mounted elsewhere.
    place = os.path.relpath(store.root, results)
    plan = {"store": place, "workers": workers, "units": [unit.named() for unit in units]}
    write_atomically(results / "plan.json", json.dumps(plan).encode())


def read_plan(results: Path) -> tuple[list[Planned], Store, int]:
    """The units that a sweep into this folder consists of, their store, and the number of workers.

    Raises:
        PgebenchError: there is no plan, or it is damaged.
    """
    path = results / "plan.json"
    try:
        plan = json.loads(path.read_bytes())
        units = [_planned(fields) for fields in plan["units"]]
        if not all(isinstance(field, str) for unit in units for field in unit) or not isinstance(plan["store"], str):
            raise TypeError("a field is no text")
        return units, open_store(results / plan["store"]), max(1, int(plan["workers"] or 1))
    except FileNotFoundError as error:
        raise PgebenchError(f"results={results}: no sweep was started into this folder (no plan.json)") from error
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise PgebenchError(f"{path} cannot be read ({error}); start the sweep again to write it anew") from error


def _planned(fields: Any) -> Planned:
    if isinstance(fields, list):  # as commits up to 9c71232 wrote them
        return Planned(*fields)
    label = Label(**{name: fields[name] for name in Label.__dataclass_fields__ if name in fields})
    return Planned(fields["key"], fields["stage"], label.metric or label.truth or "", f"{fields['stage']} {label}")


def status(results: Path) -> str:
    """The state of a sweep as text: counts by stage, time left, slowest, running and failed units.

    Raises:
        PgebenchError: there is no plan, or it is damaged.
    """
    units, store, workers = read_plan(results)
    return state_of([(unit, _record(unit, store)) for unit in units], workers, datetime.now(UTC))


def _record(unit: Planned, store: Store) -> dict[str, Any]:
    """The record; a unit that is called running while nobody holds its lock is missing, its process is dead."""
    record = store.record(unit)
    if record["status"] != RUNNING:
        return record
    try:
        with store.lock(unit, timeout=0) as free:
            if free:
                record = store.record(unit)
                return {"status": MISSING} if record["status"] == RUNNING else record
    except StoreError:  # a store that only its owner may write
        pass
    return record


def state_of(watched: Sequence[Watched], workers: int, now: datetime, most: int = 5) -> str:
    """What ``status`` says about these records at this time."""
    stages = list(dict.fromkeys(unit.stage for unit, _ in watched))
    found = {name: [pair for pair in watched if pair[1]["status"] == name] for name in STATUSES}
    lines = [f"{len(found[DONE])} of {len(watched)} units are done.", ""]
    lines.append(f"{'stage':12}" + "".join(f"{name:>9}" for name in STATUSES))
    for stage in stages:
        counts = (sum(unit.stage == stage for unit, _ in found[name]) for name in STATUSES)
        lines.append(f"{stage:12}" + "".join(f"{count:9}" for count in counts))
    lines += ["", f"time left: {time_left(watched, workers)}"]
    slowest = sorted(found[DONE], key=lambda pair: -(pair[1].get("wall_s") or 0))[:most]
    sections = {
        "slowest": [f"{record.get('wall_s') or 0:8.1f} s  {unit.name}" for unit, record in slowest],
        "running": [f"{_age(record, now):8.0f} s  {unit.name}" for unit, record in found[RUNNING]],
        "failed": [f"{unit.name}: {record.get('error')}" for unit, record in [*found[FAILED], *found[CRASHED]]],
    }
    for title, rows in sections.items():
        if rows:
            rest = len(rows) - 2 * most
            lines += ["", f"{title}:", *(f"  {one_line(row)}" for row in rows[: 2 * most])]
            lines += [f"  ... and {rest} more"] if rest > 0 else []
    return "\n".join(lines)


def time_left(watched: Sequence[Watched], workers: int) -> str:
    """How long the open units will take, if they take as long as those of the same kind that are done.

    >>> first, second = (Planned(key, "truth", "finetune", key) for key in "ab")
    >>> time_left([(first, {"status": "done", "wall_s": 90.0}), (second, {"status": "missing"})], workers=1)
    'about 2 min'
    """
    seconds: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for unit, record in watched:
        if record["status"] == DONE:
            for kind in ((unit.stage, unit.kind), (unit.stage,)):
                seconds[kind].append(record.get("wall_s") or 0.0)
    total, unknown = 0.0, set()
    for unit, record in watched:
        if record["status"] in (RUNNING, MISSING):
            known = seconds.get((unit.stage, unit.kind)) or seconds.get((unit.stage,))
            if known:
                total += fmean(known)
            else:
                unknown.add(unit.stage)
    minutes = f"{total / workers / 60:.0f} min" if total >= 60 * workers else "1 min"
    if unknown:
        return f"more than {minutes}; not known for {', '.join(sorted(unknown))}, of which none is done"
    return f"about {minutes}" if total else "nothing is left to do"


def _age(record: Mapping[str, Any], now: datetime) -> float:
    """Seconds since a unit began; 0 where the clock was set back since, or the time cannot be read."""
    try:
        return max(0.0, (now - datetime.fromisoformat(record["started"])).total_seconds())
    except (KeyError, TypeError, ValueError):
        return 0.0
