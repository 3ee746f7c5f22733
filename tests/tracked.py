"""A tracker of the units of a finished run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from pgebench.core.identity import Label
from pgebench.store.store import Store
from pgebench.store.unit import Unit
from pgebench.tracking import Tracker
from pgebench.tracking.keys import RANKING

OFFLINE = {"mode": "offline", "project": "pgebench", "entity": None}
CONFIG = {"experiment_name": "smoke", "primary_truth": "finetune"}


def units_of(finished: Path) -> list[Unit]:
    """The checkpoints and transfers of a finished experiment, rebuilt from its table and its records."""
    table = pd.read_parquet(finished / "results" / "records.parquet")
    made: dict[str, Unit] = {}
    for stage in ("checkpoint", "truth"):
        for row in table[table.stage == stage].drop_duplicates("key").itertuples():
            record = json.loads((finished / "store" / stage / row.key[:2] / f"{row.key}.json").read_bytes())
            inputs = {role: made[key] for role, key in record["inputs"].items()}
            target, truth, seed = (None,) * 3 if stage == "checkpoint" else (row.target, row.truth, int(row.seed))
            source = row.source if isinstance(row.source, str) else None
            checkpoint = None if pd.isna(row.checkpoint) else int(row.checkpoint)
            label = Label(row.backbone, source, target, None, truth, seed, checkpoint=checkpoint)
            made[row.key] = Unit(stage, record["version"], record["params"], inputs, label)
            assert made[row.key].key == row.key
    return list(made.values())


def track(folder: Path, units: list[Unit], **changes: Any) -> Tracker:
    trains = ("checkpoint", "truth")
    return Tracker(OFFLINE | changes, units, Store(folder / "store"), folder / "results", CONFIG, trains)


def ranking_tracker(results: Path, **changes: Any) -> Tracker:
    """The tracker of a ranking, as `pgebench-rank` makes it."""
    config = {"experiment_name": "photos", "target": "my/photos", "command": "pgebench-rank target=my/photos"}
    return Tracker(OFFLINE | changes, [], Store(results / "store"), results, config, kind=RANKING)
