"""Runs in W&B: the one place that knows how those of a sweep are alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wandb import Run


def open_run(job: Mapping[str, Any], kind: str, name: str, config: Mapping[str, Any]) -> Run:
    """Start a run in the sweep's group; several may be open at once.

    Args:
        job: what ``Tracker`` wrote.
        kind: its job type.
        name: for readers; the id is drawn anew, so the same command again never meets an older run.
        config: what runs can be filtered by.
    """
    import wandb

    return wandb.init(
        project=job["project"],
        entity=job["entity"],
        mode=job["mode"],
        dir=job["results"],
        group=job["group"],
        job_type=kind,
        name=name,
        config={"experiment": job["experiment"], **config},
        reinit="create_new",
        # Provenance is in the config already; the console and the process are not the sweep's.
        settings=wandb.Settings(
            silent=True,
            console="off",
            x_disable_stats=True,
            save_code=False,
            disable_git=True,
            disable_job_creation=True,
            x_save_requirements=False,
        ),
    )
