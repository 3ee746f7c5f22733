"""Earlier results: taken over from another run (``reuse``), or dropped and computed again (``force``)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pgebench.core.errors import ConfigError
from pgebench.core.records import DONE, MISSING
from pgebench.stages import STAGES
from pgebench.store.records_of_table import records_of
from pgebench.store.store import Store
from pgebench.store.unit import Unit


def take_over(units: Sequence[Unit], store: Store, folder: Path) -> int:
    """Write records for units that a results folder has done and the store has not.

    A unit is taken over if its key is the same: the same code version, backbone, data, recipe and seed. Its costs are
    those of the earlier run; its ``detail`` says that it was reused.

    Args:
        units: those of the experiment.
        store: where their records go.
        folder: an earlier ``results`` folder, with its ``records.parquet``.

    Returns:
        How many were taken over.

    Raises:
        ConfigError: the folder has no table of records.
    """
    path = folder / "records.parquet"
    if not path.is_file():
        raise ConfigError(f"reuse={folder}: there is no records.parquet; name the results folder of a finished run")
    with path.open("rb") as file:  # pyarrow itself opens no path that is not UTF-8
        table = pd.read_parquet(file)
    # The other stages leave artifacts, which a table does not hold.
    reusable = [name for name, stage in STAGES.items() if stage.reusable]
    earlier = records_of(table[(table.status == DONE) & table.stage.isin(reusable)])
    taken = 0
    for unit in {unit.key: unit for unit in units}.values():
        if unit.key in earlier and store.record(unit)["status"] == MISSING:
            found = earlier[unit.key]
            known = {"key": unit.key, **unit.identity(), "label": str(unit)}
            record = {**found, **known, "detail": {**found["detail"], "reused": True}}
            store.write_record(unit, record)
            taken += 1
    return taken


def reused(table: pd.DataFrame) -> list[str]:
    """A note for the report if rows of a table were taken over; none otherwise.

    >>> reused(pd.DataFrame({"key": ["a", "b"], "detail": ['{"reused": true}', "{}"], "finished": ["2026-11-23", ""]}))
    ['1 truths were taken over from an earlier run that finished 2026-11-23, with its costs.']
    """
    taken = table[[bool(json.loads(detail).get("reused")) for detail in table.detail]]
    if taken.empty:
        return []
    return [
        f"{taken.key.nunique()} truths were taken over from an earlier run that finished {taken.finished.max()}, "
        "with its costs."
    ]


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
