"""Checkpoints as Artifacts: what they are, not their weights, which stay in the store under the same key."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wandb import Artifact, Run

COMMIT_TIMEOUT = 30
"""Seconds until a producer's Artifact must be there."""


def artifact_name(*parts: str | None) -> str:
    """A name that W&B takes.

    >>> artifact_name("checkpoint", "test_resnet", "mnist[train_per_class=5]", None)
    'checkpoint-test_resnet-mnist-train_per_class-5'
    """
    return re.sub(r"[^A-Za-z0-9_.]+", "-", "-".join(part for part in parts if part)).strip("-")[:128]


def numbered(unit: Mapping[str, Any]) -> str | None:
    """What tells a source's further checkpoints from its first, which needs no number: most sweeps have no other.

    >>> numbered({"checkpoint": 0}), numbered({"checkpoint": None}), numbered({"checkpoint": 2})
    (None, None, 'checkpoint 2')
    """
    return f"checkpoint {unit['checkpoint']}" if unit["checkpoint"] else None


def was_trained(record: Mapping[str, Any]) -> bool:
    """Whether a checkpoint was trained here; pretrained weights that are used as shipped have no curve, and no file."""
    return "learning_rate" in record["detail"]


def checkpoint_artifact(unit: Mapping[str, Any], record: Mapping[str, Any]) -> Artifact:
    """An Artifact that holds a description alone, so that the same checkpoint is always the same version."""
    import wandb

    facts = {
        "key": unit["key"],
        "backbone": unit["backbone"],
        "source": unit["source"],
        "checkpoint": unit["checkpoint"],
        "variant": unit["variant"],
        "version": record["version"],
        "params": record["params"],
        "val_accuracy": record["value"],
        "learning_rate": record["detail"]["learning_rate"],
        "parameters": record["detail"]["parameters"],
        "sha256": record["artifact"]["sha256"],
        "bytes": record["artifact"]["bytes"],
    }
    name = artifact_name("checkpoint", unit["backbone"], unit["source"], numbered(unit), unit["variant"])
    made = wandb.Artifact(name, type="checkpoint", metadata=facts)
    with made.new_file("checkpoint.json") as file:
        json.dump(facts, file, indent=1, sort_keys=True)
    return made


def produce(run: Run, unit: Mapping[str, Any], record: Mapping[str, Any]) -> None:
    """Log a checkpoint as an output of the run that shows its training."""
    logged = run.log_artifact(checkpoint_artifact(unit, record))
    if run.settings.mode != "offline":
        logged.wait(timeout=COMMIT_TIMEOUT)  # a reader that comes first would make a version of its own


def consume(run: Run, unit: Mapping[str, Any], record: Mapping[str, Any]) -> None:
    """Note that a run read a checkpoint."""
    made = checkpoint_artifact(unit, record)
    if run.settings.mode == "offline":
        # `Run.use_artifact` refuses offline, where it cannot wait; this is its first step, and `wandb sync` does the
        # second one.
        run._log_artifact(made, is_user_created=True, use_after_commit=True)
    else:
        run.use_artifact(made)
