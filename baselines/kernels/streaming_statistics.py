"""One streaming pass over features that serves a whole family of metrics in O(d^2 + C d) memory.

LogME, H-score, regularised H-score, the discriminant of SFDA and ETran, LFC, TransRate's global term, linear MMD and
the Frechet distance look at the features only through class counts, class sums, X^T X and two sums of powers of norms.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import torch

from baselines.kernels.block_sums import add_class_sums, add_gram, shifted, squared_norms, weighted_sum
from baselines.kernels.checks import Array, check_finite, class_indices, raw_matrix
from baselines.kernels.linear_algebra import SquareRoot, copy_of, mirror, square_root, zero_matrix

_BLOCK_BYTES = 16 * 2**20
_SHIFT_ROWS = 256


@dataclass(frozen=True, eq=False)
class SufficientStatistics:
    """Sums over samples, all taken about `shift`, a point near the mean, so that centring later loses no digits.

    Attributes:
        counts: (C,) int64 samples of each class, in ascending order of the labels.
        class_sums: (C, d) sums of x - shift.
        gram: (d, d) sum of (x - shift)(x - shift)^T.
        shift: (d,) the mean of the first rows.
        quartic: Sum of |x - shift|^4.
        weighted_sum: (d,) sum of |x - shift|^2 (x - shift).
    """

    counts: torch.Tensor
    class_sums: torch.Tensor
    gram: torch.Tensor
    shift: torch.Tensor
    quartic: float
    weighted_sum: torch.Tensor

    @property
    def n(self) -> int:
        """Number of samples."""
        return int(self.counts.sum())

    @property
    def d(self) -> int:
        """Number of features."""
        return len(self.shift)

    @cached_property
    def offset(self) -> torch.Tensor:
        """(d,) mean of the samples minus `shift`."""
        return self.class_sums.sum(dim=0) / self.n

    @property
    def mean(self) -> torch.Tensor:
        """(d,) mean of the samples."""
        return self.shift + self.offset

    @cached_property
    def priors(self) -> torch.Tensor:
        """(C,) share of each class."""
        return self.counts.to(self.gram) / self.n

    @cached_property
    def class_offsets(self) -> torch.Tensor:
        """(C, d) class means minus the mean of all samples."""
        return self.class_sums / self.counts.to(self.gram)[:, None] - self.offset

    @cached_property
    def covariance(self) -> torch.Tensor:
        """(d, d) covariance of all samples, divided by n."""
        fresh = zero_matrix(self.d, self.d, like=self.gram)
        return torch.div(self.gram, self.n, out=fresh).addr_(self.offset, self.offset, alpha=-1)

    @cached_property
    def covariance_root(self) -> SquareRoot:
        """Factor F with F F^T = covariance."""
        return square_root(self.covariance)

    @cached_property
    def variance(self) -> float:
        """Total variance, the trace of `covariance`."""
        return max(0.0, float(self.covariance.diagonal().sum()))

    @property
    def within_covariance(self) -> torch.Tensor:
        """(d, d) covariance within classes, weighted by class shares."""
        weighted = self.class_offsets * self.priors.sqrt()[:, None]
        return copy_of(self.covariance).addmm_(weighted.T, weighted, alpha=-1)

    @property
    def second_moments(self) -> torch.Tensor:
        """(d, d) uncentred X^T X."""
        total = self.n * (self.offset + self.shift / 2)
        return copy_of(self.gram).addr_(self.shift, total).addr_(total, self.shift)

    @property
    def uncentred_class_sums(self) -> torch.Tensor:
        """(C, d) sums of x itself, X^T Y transposed."""
        return self.class_sums + self.counts.to(self.gram)[:, None] * self.shift

    @property
    def centred_quartic(self) -> float:
        """Sum over samples of |x - mean|^4."""
        delta, n = self.offset, self.n
        square, trace = float(delta @ delta), float(self.gram.diagonal().sum())
        return (
            self.quartic
            + 4 * float(delta @ self.gram @ delta)
            - 4 * float(delta @ self.weighted_sum)
            + 2 * square * trace
            - 3 * n * square**2
        )


class StatisticsAccumulator:
    """Collects `SufficientStatistics` from blocks of rows, from memory, from disk or from a GPU.

    >>> import numpy as np
    >>> accumulator = StatisticsAccumulator()
    >>> accumulator.add(np.array([[0.0], [2.0]]), np.array([3, 3]))
    >>> accumulator.add(np.array([[4.0]]), np.array([8]))
    >>> accumulator.result().mean.tolist()
    [2.0]
    """

    def __init__(self) -> None:
        self._classes: dict[int, int] = {}
        self._sums: _Sums | None = None

    def add(self, features: Array, labels: Array | None = None, name: str = "features") -> None:
        """Adds samples.

        Args:
            features: (m, d) rows.
            labels: (m,) integer labels; None counts all samples as one class.
            name: Argument name of the features for messages.

        Raises:
            ValueError: Wrong shapes, NaN or infinite values, or another number of features than before.
        """
        matrix = raw_matrix(features, name)
        if labels is None:
            labels = torch.zeros(len(matrix), dtype=torch.int64)
        index, _, values = class_indices(labels, len(matrix), against=name, least=1)
        for value in values:
            self._classes.setdefault(value, len(self._classes))
        index = torch.tensor([self._classes[value] for value in values])[index].to(matrix.device)
        step = max(1, _BLOCK_BYTES // (8 * matrix.shape[1]))
        # One buffer for all blocks, filled in one pass: fresh memory and further passes would cost as much as X^T X.
        buffer = zero_matrix(min(step, len(matrix)), matrix.shape[1], like=matrix)
        for start in range(0, len(matrix), step):
            block = matrix[start : start + step]
            self._add_block(block, index[start : start + step], buffer[: len(block)], name)

    def _add_block(self, block: torch.Tensor, index: torch.Tensor, buffer: torch.Tensor, name: str) -> None:
        d, classes = block.shape[1], len(self._classes)
        if self._sums is None:
            self._sums = _Sums.nothing(block[:_SHIFT_ROWS].mean(dim=0, dtype=torch.float64))
        sums = self._sums
        if len(sums.shift) != d:
            raise ValueError(
                f"{name} has {d} columns but earlier blocks had {len(sums.shift)}: use one checkpoint's features"
            )
        if missing := classes - len(sums.counts):
            sums.counts = torch.nn.functional.pad(sums.counts, (0, missing))
            sums.class_sums = torch.nn.functional.pad(sums.class_sums, (0, 0, 0, missing))
        rows = shifted(block, sums.shift, buffer)
        norms = squared_norms(rows)
        if not math.isfinite(float(norms.sum())):
            check_finite(block.double(), name)
            raise ValueError(f"{name} holds values too large to be squared: rescale them")
        sums.counts += torch.bincount(index, minlength=classes).cpu()
        add_class_sums(sums.class_sums, rows, index)
        sums.gram = add_gram(sums.gram, rows)
        sums.quartic += float(norms @ norms)
        sums.weighted_sum += weighted_sum(rows, norms)

    def result(self) -> SufficientStatistics:
        """Statistics of everything added so far; more may be added afterwards.

        Returns:
            The statistics, classes in ascending order of their labels.

        Raises:
            ValueError: Nothing was added.
        """
        if self._sums is None:
            raise ValueError("features is empty: add at least one block of rows first")
        order = torch.tensor([self._classes[value] for value in sorted(self._classes)])
        sums = self._sums
        return SufficientStatistics(
            sums.counts[order],
            sums.class_sums[order.to(sums.shift.device)],
            mirror(copy_of(sums.gram)),
            sums.shift,
            sums.quartic,
            sums.weighted_sum.clone(),
        )


@dataclass
class _Sums:
    """What an accumulator adds up in place, classes in the order of their first appearance."""

    shift: torch.Tensor
    counts: torch.Tensor
    class_sums: torch.Tensor
    gram: torch.Tensor
    quartic: float
    weighted_sum: torch.Tensor

    @classmethod
    def nothing(cls, shift: torch.Tensor) -> "_Sums":
        d = len(shift)
        counts = torch.zeros(0, dtype=torch.int64)
        return cls(shift, counts, shift.new_zeros(0, d), zero_matrix(d, d, like=shift), 0.0, shift.new_zeros(d))


def sufficient_statistics(features: Array, labels: Array | None = None, name: str = "features") -> SufficientStatistics:
    """Statistics of features held in one array or memory map; the array is read in blocks.

    Args:
        features: (n, d) rows.
        labels: (n,) integer labels, None for one class.
        name: Argument name of the features for messages.

    Returns:
        Their statistics.

    Raises:
        ValueError: Wrong shapes, an empty input, NaN.
    """
    return statistics_of_blocks([(features, labels)], name)


def statistics_of_blocks(blocks: Iterable[tuple[Array, Array | None]], name: str = "features") -> SufficientStatistics:
    """Statistics of features that arrive block by block.

    Args:
        blocks: Pairs of (m, d) features and (m,) labels.
        name: Argument name of the features for messages.

    Returns:
        Their statistics.

    Raises:
        ValueError: Wrong shapes, an empty input, NaN.
    """
    accumulator = StatisticsAccumulator()
    for features, labels in blocks:
        accumulator.add(features, labels, name)
    return accumulator.result()
