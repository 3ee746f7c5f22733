"""Levels of the truth: how much of what makes the sources of one target differ each level of a study holds.

Accuracy of a transfer = target + source + source x target + checkpoint of the source + checkpoint x target + transfer.
What two truths share is found by multiplying their effects: of other checkpoints they share the source and what it is
to a target, of the same checkpoint with another fine-tuning also the checkpoint and what *it* is to a target. A product
of different measurements holds no noise of either, so nothing has to be subtracted. Parts can come out below 0 by
chance and are then 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from itertools import combinations

import numpy as np
import numpy.typing as npt

from pgebench.analysis.decompose import two_way
from pgebench.analysis.table import FloatArray, Transfers

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Levels:
    """Variances of accuracy within a target, of one transfer; NaN where nothing was repeated that would tell.

    Attributes:
        source: Some sources are better for every target.
        near: What views of the target's own collection are better by; a part of relatedness.
        relatedness: Some sources suit some targets, beyond being of the same collection.
        checkpoint: Some checkpoints of a source are better for every target.
        checkpoint_relatedness: Some checkpoints of a source suit some targets.
        transfer: Heads and batches of the fine-tuning.
    """

    source: float
    near: float
    relatedness: float
    checkpoint: float
    checkpoint_relatedness: float
    transfer: float

    @property
    def shares(self) -> dict[str, float]:
        """Share of each level that is known; they add up to 1, empty if nothing varies."""
        known = {one.name: max(getattr(self, one.name), 0.0) for one in fields(self)}
        known = {name: value for name, value in known.items() if np.isfinite(value)}
        total = sum(known.values())
        return {name: float(value / total) for name, value in known.items()} if total > 0 else {}


def levels(truth: Transfers, near: Mask) -> Levels:
    """Split the variance within targets into the levels of the study, mean over backbones.

    Args:
        truth: Transfers.
        near: Whether source and target are of one collection, bool, shape (sources, targets).

    Returns:
        Variances in squared accuracy. With one checkpoint per source its part is in that of the source, and with one
        transfer per checkpoint that of the transfer is in the checkpoint's.

    >>> rng = np.random.default_rng(0)
    >>> source, checkpoint = rng.normal(size=(400, 1, 1)), rng.normal(size=(400, 1, 2)) / 2
    >>> values = np.broadcast_to(source + checkpoint, (400, 6, 2))[None]
    >>> found = levels(Transfers(values, (0, 1)), np.zeros((400, 6), dtype=bool))
    >>> {name: round(share, 1) for name, share in found.shares.items() if share > 0.01}
    {'source': 0.8, 'checkpoint': 0.2}
    """
    found = [_of_backbone(matrix, truth.checkpoints, near) for matrix in truth.values]
    rows = [row for row in found if row is not None]
    return Levels(*np.mean(rows, axis=0)) if rows else Levels(*[float("nan")] * 6)


def _of_backbone(values: FloatArray, checkpoints: tuple[int, ...], near: Mask) -> list[float] | None:
    """The six variances of one backbone, values (sources, targets, transfers)."""
    # A cell that lacks a transfer is left out of all, so that each effect is of the same cells.
    whole: Mask = np.asarray(np.isfinite(values).all(axis=-1))
    fits = [two_way(np.where(whole, matrix, np.nan)) for matrix in np.moveaxis(values, -1, 0)]
    if not whole.any() or not fits:
        return None
    cells, sources, targets = int(whole.sum()), int(whole.any(1).sum()), int(whole.any(0).sum())
    left = cells - sources - targets + 1
    if sources < 2 or left < 1:
        return None
    source = [np.where(np.isfinite(fit.source), fit.source, 0.0) for fit in fits]
    inter = [np.where(whole, fit.interaction, 0.0) for fit in fits]
    same = [(i, j) for i, j in combinations(range(len(fits)), 2) if checkpoints[i] == checkpoints[j]]
    other = [(i, j) for i, j in combinations(range(len(fits)), 2) if checkpoints[i] != checkpoints[j]]
    # A source's effect is a mean over its targets and holds that part of the interaction.
    per_source = cells / sources

    def of(pairs: Iterable[tuple[int, int]]) -> tuple[float, float]:
        products = [
            (float(source[i] @ source[j]) / (sources - 1), float((inter[i] * inter[j]).sum()) / left) for i, j in pairs
        ]
        if not products:
            return float("nan"), float("nan")
        main, interaction = np.mean(products, axis=0)
        return float(main) - float(interaction) / per_source, float(interaction)

    repeated = sorted({at for pair in same for at in pair})
    itself, again = of((i, i) for i in range(len(fits))), of((i, i) for i in repeated)
    # What two transfers of one checkpoint do not share is theirs alone.
    transfer = tuple(np.subtract(again, of(same))) if same else (0.0, 0.0)
    of_checkpoint = tuple(np.subtract(itself, transfer))
    of_source = of(other) if other else of_checkpoint
    pairs = other or same or [(i, i) for i in range(len(fits))]
    nearness = float(np.mean([_nearness(inter[i], inter[j], whole, near) for i, j in pairs])) / left
    return [
        of_source[0],
        nearness,
        of_source[1] - nearness,
        of_checkpoint[0] - of_source[0] if other else float("nan"),
        of_checkpoint[1] - of_source[1] if other else float("nan"),
        sum(transfer) if same else float("nan"),
    ]


def _nearness(first: FloatArray, second: FloatArray, there: Mask, near: Mask) -> float:
    """Product of the parts of two interactions that "of the same collection" explains, summed over cells."""
    indicator = two_way(np.where(there, near.astype(float), np.nan)).interaction
    indicator = np.where(there, indicator, 0.0)
    size = float((indicator**2).sum())
    if size == 0:
        return 0.0
    return float((indicator * first).sum()) * float((indicator * second).sum()) / size


def named_levels() -> Iterator[tuple[str, str]]:
    """The levels in words, from the source to the transfer.

    Yields:
        Name of the attribute of `Levels`, and what it says.
    """
    yield "source", "good source for every target"
    yield "near", "same collection"
    yield "relatedness", "other relatedness"
    yield "checkpoint", "good checkpoint of a source"
    yield "checkpoint_relatedness", "checkpoint that suits the target"
    yield "transfer", "luck of the transfer"
