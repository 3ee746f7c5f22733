"""Stages: what a unit does. To add one is to add a module, and a row in the one table here."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pgebench.core.records import DONE
from pgebench.stages import checkpoint, evidence, fisher, gradient, score, triplets, truth
from pgebench.stages.base import Outcome, Stage, Together, Work
from pgebench.store.unit import Unit

STAGES: dict[str, Stage] = {
    "checkpoint": Stage(checkpoint.run, checkpoint.flops, curve=True),
    "gradient": Stage(gradient.run, gradient.flops),
    "evidence": Stage(evidence.run, evidence.flops),
    "fisher": Stage(fisher.run, fisher.flops),
    "triplets": Stage(triplets.run, triplets.flops),
    "score": Stage(score.run),
    "truth": Stage(truth.run, truth.flops, Together(truth.kind, truth.run_together), curve=True, reusable=True),
}
"""Name of the stage in a unit -> all that is known of it."""


def flops_of(unit: Unit, record: Mapping[str, Any], store: Path | str = "") -> float | None:
    """Floating-point operations of a unit's networks.

    Args:
        unit: Of any stage.
        record: Of the finished unit; ``images`` and ``detail`` are read.
        store: Folder of the store, for datasets with a path.

    Returns:
        None where they are unknown: the unit is not done, or its network cannot be built on the meta device.
    """
    if record.get("status") != DONE or record.get("images") is None:
        return None
    return STAGES[unit.stage].flops(unit, record, str(store))


__all__ = ["STAGES", "Outcome", "Stage", "Together", "Work", "flops_of"]
