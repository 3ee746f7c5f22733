"""The stages of the data flow; to add one is to add a module and a line here."""

from collections.abc import Callable

from pgebench.stages import checkpoint, evidence, fisher, gradient, score, truth
from pgebench.stages.base import Outcome, Run, Together

STAGES: dict[str, Callable[[Run], Outcome]] = {
    "checkpoint": checkpoint.run,
    "gradient": gradient.run,
    "evidence": evidence.run,
    "fisher": fisher.run,
    "score": score.run,
    "truth": truth.run,
}

TOGETHER: dict[str, Together] = {"truth": Together(truth.kind, truth.run_together)}
"""Stages that can compute several units at once."""

__all__ = ["STAGES", "TOGETHER", "Outcome", "Run", "Together"]
