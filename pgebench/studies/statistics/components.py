"""Components of the simulated studies: how much of what makes the sources of a target differ each level holds."""

from __future__ import annotations

from dataclasses import dataclass

from pgebench.analysis.levels import Levels


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

    source: float = 0.30
    near: float = 0.12
    relatedness: float = 0.18
    checkpoint: float = 0.05
    checkpoint_relatedness: float = 0.10
    transfer: float = 0.25
    alike: float = 0.5
    draw: float = 0.2

    @classmethod
    def of(cls, levels: Levels) -> Components:
        """Components as a study has estimated them.

        Args:
            levels: With all six levels known.

        Returns:
            Its shares; what is assumed beside them stays.

        >>> Components.of(Levels(4.0, 1.0, 2.0, 0.5, 0.5, 2.0)).source
        0.4
        """
        return cls(**levels.shares)
