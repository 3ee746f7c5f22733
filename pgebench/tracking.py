"""Weights & Biases: the same tables and pictures as the report. It never raises: a result must not be lost to a log."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)


def track(results: Path, tracking: Mapping[str, Any]) -> str | None:
    """Log the report of an experiment as one run.

    Args:
        results: a folder in which the report has been built.
        tracking: fields of ``TrackingConfig``.

    Returns:
        Where the run's files are, or None if there is no run.
    """
    if tracking["mode"] == "disabled":
        return None
    try:
        return _track(results, tracking)
    except Exception as error:  # wandb missing, no key, no network, no space: whatever it is, the report stands
        log.warning("W&B was not written (%s: %s); the report is complete without it", type(error).__name__, error)
        return None


def _track(results: Path, tracking: Mapping[str, Any]) -> str:
    import json

    import pandas as pd
    import wandb

    meta = json.loads((results / "meta.json").read_text())
    run = wandb.init(
        project=tracking["project"],
        entity=tracking["entity"],
        mode=tracking["mode"],
        dir=str(results),
        group=meta["experiment"],
        job_type="report",
        name=f"{meta['experiment']} report",
        config=meta["config"],
        settings=wandb.Settings(silent=True, console="off", x_disable_stats=True, save_code=False),
    )
    try:
        tables = {name: pd.read_csv(results / f"{name}.csv") for name in ("summary", "records")}
        run.log(
            {
                name: wandb.Table(dataframe=table.astype(object).where(table.notna(), None))
                for name, table in tables.items()
            }
        )
        figures = sorted((results / "figures").glob("*.png"))
        run.log({f"figures/{figure.stem}": wandb.Image(str(figure)) for figure in figures})
        return str(Path(run.dir).parent)
    finally:
        run.finish()
