"""Table of arrays that the statistics are computed on.

Every array of the analysis has the axes *backbone, source, target* in this order; a truth has a fourth one, its
*transfers*, and a score too, its *replicates*. A cell that was not measured is NaN: the diagonal (a source is never its
own target), overlapping datasets, failed units.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Replicates:
    """Scores of one metric, replicate by replicate.

    Attributes:
        values: Shape (backbones, sources, targets, replicates), NaN where absent.
        looked_at: Checkpoint that each replicate looked at; None if it saw none, and is a draw of its own.
    """

    values: FloatArray
    looked_at: tuple[int | None, ...]

    @property
    def mean(self) -> FloatArray:
        """Mean over the replicates, (backbones, sources, targets); NaN in a cell that lacks one."""
        return (
            np.asarray(self.values.mean(axis=-1)) if self.values.shape[-1] else np.full(self.values.shape[:3], np.nan)
        )


@dataclass(frozen=True)
class Transfers:
    """Accuracies of one truth, transfer by transfer.

    Attributes:
        values: In [0, 1], shape (backbones, sources, targets, transfers), NaN where absent.
        checkpoints: Checkpoint that each transfer started from.
    """

    values: FloatArray
    checkpoints: tuple[int, ...]

    @property
    def numbers(self) -> tuple[int, ...]:
        """The checkpoints, each once, in ascending order."""
        return tuple(sorted(set(self.checkpoints)))

    def of_checkpoint(self, number: int) -> FloatArray:
        """Mean accuracy of the transfers from one checkpoint.

        Args:
            number: One of `numbers`.

        Returns:
            Shape (backbones, sources, targets), NaN where absent.
        """
        return mean_over_seeds(self.values[..., [one == number for one in self.checkpoints]])

    @property
    def by_checkpoint(self) -> FloatArray:
        """Mean accuracy of the transfers from each checkpoint, shape (backbones, sources, targets, checkpoints)."""
        means = [self.of_checkpoint(number) for number in self.numbers]
        return np.stack(means, axis=-1) if means else np.empty((*self.values.shape[:3], 0))

    @property
    def mean(self) -> FloatArray:
        """Mean over checkpoints, each with the mean of its transfers, shape (backbones, sources, targets)."""
        return mean_over_seeds(self.by_checkpoint)


@dataclass(frozen=True)
class Table:
    """What the statistics need of an experiment.

    Attributes:
        backbones: Names along axis 0.
        sources: Names along axis 1.
        targets: Names along axis 2.
        truths: Name of the truth -> its transfers.
        replicates: Name of the metric -> its scores, replicate by replicate.
        score_seeds: Name of the metric -> largest number of scores in a cell.
        collections: Name of a dataset -> collection that it is a view of; one that is not named is its own.
        families: Name of a candidate -> its family; that of one that is not named is its collection.
        notes: What a reader must know about how the table came to be, in plain words.
    """

    backbones: tuple[str, ...]
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    truths: dict[str, Transfers]
    replicates: dict[str, Replicates]
    score_seeds: dict[str, int]
    collections: Mapping[str, str] = field(default_factory=dict)
    families: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @cached_property
    def truth(self) -> dict[str, FloatArray]:
        """Name of the truth -> accuracy of every transfer, shape (backbones, sources, targets, transfers)."""
        return {name: found.values for name, found in self.truths.items()}

    @cached_property
    def scores(self) -> dict[str, FloatArray]:
        """Name of the metric -> mean over its replicates, shape (backbones, sources, targets), NaN where absent."""
        return {name: found.mean for name, found in self.replicates.items()}

    def collection(self, name: str) -> str:
        """The collection of a dataset, or the name itself for what is none.

        Args:
            name: Of a source, a target or a backbone.

        Returns:
            Its collection.
        """
        return self.collections.get(name, name)

    def family(self, name: str) -> str:
        """The family of a candidate: the one that is stated, else its collection, else the name itself.

        Args:
            name: Of a source, a target or a backbone.

        Returns:
            Its family.
        """
        return self.families.get(name, self.collection(name))

    @cached_property
    def near(self) -> npt.NDArray[np.bool_]:
        """Whether source and target are views of one collection, shape (sources, targets)."""
        rows = [
            [self.collection(source) == self.collection(target) for target in self.targets] for source in self.sources
        ]
        return np.array(rows, dtype=bool).reshape(len(self.sources), len(self.targets))

    def only_backbone(self, name: str) -> Table:
        """The same table cut down to one backbone (the axis stays, with length 1).

        Args:
            name: One of `backbones`.

        Returns:
            A new table; this one stays as it is.
        """
        at = self.backbones.index(name)
        return replace(
            self,
            backbones=(name,),
            truths={key: replace(found, values=found.values[at : at + 1]) for key, found in self.truths.items()},
            replicates={
                key: replace(found, values=found.values[at : at + 1]) for key, found in self.replicates.items()
            },
        )

    def with_score(self, name: str, values: FloatArray) -> Table:
        """The same table with one more metric that sees no checkpoint, `values` of shape (backbones, sources, targets).

        Args:
            name: Of the metric; one that is there already is replaced.
            values: Shape (backbones, sources, targets), NaN where absent.

        Returns:
            A new table; this one stays as it is.
        """
        return self.with_replicates(name, Replicates(values[..., None], (None,)))

    def with_replicates(self, name: str, found: Replicates) -> Table:
        """The same table with one more metric.

        Args:
            name: Of the metric; one that is there already is replaced.
            found: Its scores.

        Returns:
            A new table; this one stays as it is.
        """
        seeds = {**self.score_seeds, name: found.values.shape[-1]}
        return replace(self, replicates={**self.replicates, name: found}, score_seeds=seeds)

    def without_scores(self, names: Collection[str]) -> Table:
        """The same table without these metrics.

        Args:
            names: Metrics to leave out; unknown ones do no harm.

        Returns:
            A new table; this one stays as it is.
        """
        kept = {name: found for name, found in self.replicates.items() if name not in names}
        return replace(self, replicates=kept, score_seeds={name: self.score_seeds[name] for name in kept})


def mean_over_seeds(truth: FloatArray) -> FloatArray:
    """Mean accuracy over the seeds that are there.

    Rounded to 12 digits: the same accuracies added in another order would otherwise differ in the last bit and
    break ties.

    Args:
        truth: Accuracy, shape (..., seeds), NaN where absent.

    Returns:
        Shape (...), NaN where no seed is present.

    >>> mean_over_seeds(np.array([[0.5, 0.7, np.nan], [np.nan, np.nan, np.nan]]))
    array([0.6, nan])
    """
    there = np.isfinite(truth)
    count = there.sum(axis=-1)
    total = np.where(there, truth, 0.0).sum(axis=-1)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return np.asarray(np.round(mean, 12), dtype=np.float64)


def placed(values: FloatArray, axes: Sequence[tuple[Sequence[Hashable], Sequence[Hashable]]]) -> FloatArray:
    """Values of one table where another one has them; what the other lacks is left out, what the first lacks is NaN.

    Args:
        values: Shape (backbones, sources, targets, ...).
        axes: Of each of these three axes the names in the first table and in the other.

    Returns:
        Shape (backbones, sources, targets, ...) of the other.

    >>> placed(np.array([[[1.0], [2.0]]]), [("n", "n"), ("ab", "bc"), ("t", "t")])[0].tolist()
    [[2.0], [nan]]
    """
    shared = [[name for name in own if name in other] for own, other in axes]
    here, there = (
        np.ix_(*([axis[side].index(name) for name in names] for axis, names in zip(axes, shared, strict=True)))
        for side in (0, 1)
    )
    result = np.full((*(len(other) for _, other in axes), *values.shape[3:]), np.nan)
    result[there] = values[here]
    return result


def within_target_z(values: FloatArray) -> FloatArray:
    """Values standardised over the sources of each (backbone, target): mean 0, standard deviation 1.

    Scores of different targets have different units; this brings them on one scale without changing any order.

    Args:
        values: Shape (backbones, sources, targets), NaN where absent.

    Returns:
        Same shape; 0 where all sources of a target are equal, NaN where absent.

    >>> within_target_z(np.array([[[1.0, 5.0], [3.0, 5.0], [np.nan, 5.0]]]))[0].tolist()
    [[-1.0, 0.0], [1.0, 0.0], [nan, 0.0]]
    """
    there = np.isfinite(values)
    count = np.maximum(there.sum(axis=1, keepdims=True), 1)
    centred = values - np.where(there, values, 0.0).sum(axis=1, keepdims=True) / count
    spread = np.sqrt((np.where(there, centred, 0.0) ** 2).sum(axis=1, keepdims=True) / count)
    # The mean of equal numbers may be off in the last bit; that is no spread.
    largest = np.abs(np.where(there, values, 0.0)).max(axis=1, keepdims=True, initial=0.0)
    varies = spread > 1e-12 * largest
    z = np.where(varies, centred / np.where(varies, spread, 1.0), 0.0)
    return np.asarray(np.where(there, z, np.nan), dtype=np.float64)
