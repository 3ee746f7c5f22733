"""Components of the simulated studies: how much of what makes the sources of a target differ each level holds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Components:
    """Shares of the variance of one transfer within a target, and what is assumed beside them.

    Attributes:
        source: Some sources are better for every target.
        near: What views of the target's own collection are better by.
        relatedness: Some sources suit some targets, beyond being of the same collection.
        checkpoint: Some checkpoints of a source are better for every target.
        checkpoint_relatedness: Some checkpoints of a source suit some targets.
        transfer: Heads and batches of the fine-tuning.
        alike: Share of `source` that the views of a collection have in common, and of `relatedness` that the pairs of
            two collections have in common.
        draw: Variance that one draw of a metric that sees no checkpoint adds to its score, where the levels of the
            truth together have 1; half of it is of a source as a whole.
    """

    source: float
    near: float
    relatedness: float
    checkpoint: float
    checkpoint_relatedness: float
    transfer: float
    alike: float = 0.5
    draw: float = 0.2


IN_EMBEDDED = Components(0.14, 0.13, 0.19, 0.03, 0.20, 0.31)
"""As `results/reference/embedded` estimates them."""

IN_EMBEDDED_FULL = Components(0.12, 0.09, 0.22, 0.02, 0.17, 0.38)
"""As `results/reference/embedded_full` estimates them; its printed shares add up to 1.01, and the luck gives way."""
