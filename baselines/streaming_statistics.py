"""One streaming pass over features that serves a whole family of metrics in O(d^2 + C d) memory.

LogME, H-score, regularised H-score, the discriminant of SFDA and ETran, LFC, TransRate's global term, linear MMD and
the Frechet distance look at the features only through class counts, class sums, X^T X and two sums of powers of norms.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import torch

from baselines.checks import Array, check_finite, class_indices, raw_matrix
from baselines.linear_algebra import add_gram, mirror, square_root

_BLOCK_BYTES = 32 * 2**20


@dataclass(frozen=True, eq=False)
class SufficientStatistics:
    """Sums over samples, all taken about `shift`, a point near the mean, so that centring later loses no digits.

    Attributes:
        counts: (C,) int64 samples of each class, in ascending order of the labels.
        class_sums: (C, d) sums of x - shift.
        gram: (d, d) sum of (x - shift)(x - shift)^T.
        shift: (d,) the mean of the first block.
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
        return torch.addr(self.gram / self.n, self.offset, self.offset, alpha=-1)

    @cached_property
    def covariance_root(self) -> torch.Tensor:
        """(d, k) factor F with F F^T = covariance; lower triangular if the covariance is safely positive definite."""
        return square_root(self.covariance)

    @cached_property
    def variance(self) -> float:
        """Total variance, the trace of `covariance`."""
        return max(0.0, float(self.covariance.diagonal().sum()))

    @property
    def within_covariance(self) -> torch.Tensor:
        """(d, d) covariance within classes, weighted by class shares."""
        weighted = self.class_offsets * self.priors.sqrt()[:, None]
        return torch.addmm(self.covariance, weighted.T, weighted, alpha=-1)

    @cached_property
    def second_moments(self) -> torch.Tensor:
        """(d, d) uncentred X^T X."""
        total = self.n * (self.offset + self.shift / 2)
        return torch.addr(self.gram, self.shift, total).addr_(total, self.shift)

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
        self._parts: SufficientStatistics | None = None

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
        buffer = torch.empty(min(step, len(matrix)), matrix.shape[1], dtype=torch.float64, device=matrix.device)
        for start in range(0, len(matrix), step):
            block = matrix[start : start + step]
            self._add_block(block, index[start : start + step], buffer[: len(block)], name)

    def _add_block(self, block: torch.Tensor, index: torch.Tensor, buffer: torch.Tensor, name: str) -> None:
        d, classes = block.shape[1], len(self._classes)
        parts = self._parts
        if parts is None:
            zero = buffer.new_zeros
            mean = block.double().mean(dim=0)
            parts = SufficientStatistics(
                torch.zeros(classes, dtype=torch.int64), zero(classes, d), zero(d, d), mean, 0.0, zero(d)
            )
        elif parts.d != d:
            raise ValueError(f"{name} has {d} columns but earlier blocks had {parts.d}: use one checkpoint's features")
        missing = classes - len(parts.counts)
        rows = torch.sub(block, parts.shift, out=buffer)  # in float64, whatever the dtype of the block
        norms = torch.linalg.vecdot(rows, rows)
        if not math.isfinite(float(norms.sum())):
            check_finite(block.double(), name)
            raise ValueError(f"{name} holds values too large to be squared: rescale them")
        self._parts = SufficientStatistics(
            torch.nn.functional.pad(parts.counts, (0, missing)) + torch.bincount(index, minlength=classes).cpu(),
            torch.nn.functional.pad(parts.class_sums, (0, 0, 0, missing)).index_add_(0, index, rows),
            add_gram(parts.gram, rows),
            parts.shift,
            parts.quartic + float(norms @ norms),
            parts.weighted_sum + rows.T @ norms,
        )

    def result(self) -> SufficientStatistics:
        """Statistics of everything added so far.

        Returns:
            The statistics, classes in ascending order of their labels.

        Raises:
            ValueError: Nothing was added.
        """
        if self._parts is None:
            raise ValueError("features is empty: add at least one block of rows first")
        order = torch.tensor([self._classes[value] for value in sorted(self._classes)])
        parts = self._parts
        return SufficientStatistics(
            parts.counts[order],
            parts.class_sums[order.to(parts.shift.device)],
            mirror(parts.gram),
            parts.shift,
            parts.quartic,
            parts.weighted_sum,
        )


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
