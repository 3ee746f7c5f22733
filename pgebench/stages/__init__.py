"""The stages of the data flow; to add one is to add a module and a line here."""

from collections.abc import Callable, Sequence

from pgebench.stages import checkpoint, evidence, fisher, gradient, score, truth
from pgebench.stages.base import Outcome, Run

STAGES: dict[str, Callable[[Run], Outcome]] = {
    "checkpoint": checkpoint.run,
    "gradient": gradient.run,
    "evidence": evidence.run,
    "fisher": fisher.run,
    "score": score.run,
    "truth": truth.run,
}

TOGETHER: dict[str, Callable[[Sequence[Run]], list[Outcome | None]]] = {"truth": truth.run_together}
"""Stages that can run units which differ in their seed alone at once; None for a unit that has to run by itself."""

__all__ = ["STAGES", "TOGETHER", "Outcome", "Run"]
