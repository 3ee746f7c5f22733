"""Regularised linear discriminant analysis, the classifier inside SFDA, ETran and NCTI."""

import math
from dataclasses import dataclass

import torch

from baselines.kernels.linear_algebra import largest_eigenvalue, solve
from baselines.kernels.streaming_statistics import SufficientStatistics

_LEAST_SHRINKAGE = 1e-10


@dataclass(frozen=True)
class Discriminant:
    """Linear scores of classes, log prior included.

    Attributes:
        weights: (C, d) S^-1 (mean of the class - mean).
        intercept: (C,).
        mean: (d,) subtracted from features first.
        shrinkage: Weight of the multiple of the identity in S.
    """

    weights: torch.Tensor
    intercept: torch.Tensor
    mean: torch.Tensor
    shrinkage: float

    def posterior(self, rows: torch.Tensor) -> torch.Tensor:
        """Class probabilities.

        Args:
            rows: (n, d) float64 features.

        Returns:
            (n, C) rows that sum to one.
        """
        return torch.softmax((rows - self.mean) @ self.weights.T + self.intercept, dim=1)


def adaptive_shrinkage(largest_variance: float, steepness: float = 5.0) -> float:
    """The shrinkage of SFDA: exp(-steepness * largest eigenvalue of the within-class covariance), at least 1e-10.

    Args:
        largest_variance: That eigenvalue, in the squared units of the features.
        steepness: 5 in the authors' code; the paper leaves it open.

    Returns:
        A number in [1e-10, 1].
    """
    return max(math.exp(-steepness * largest_variance), _LEAST_SHRINKAGE)


def fit_discriminant(
    statistics: SufficientStatistics,
    shrinkage: float | None = None,
    dimensions: int | None = None,
) -> Discriminant:
    """Linear discriminant analysis with the within-class covariance S shrunk to a multiple of the identity.

    Args:
        statistics: Statistics of the labelled features.
        shrinkage: Weight in [0, 1] of the identity, None for `adaptive_shrinkage`.
        dimensions: Dimension of the features before directions without any variance were dropped, None if none were.

    Returns:
        The discriminant.
    """
    covariance = statistics.within_covariance
    if shrinkage is None:
        shrinkage = _shrinkage_of(covariance)
    level = _level(covariance, shrinkage, statistics, dimensions)
    shrunk = covariance.mul_(1 - shrinkage)
    shrunk.diagonal().add_(level)
    weights = solve(shrunk, statistics.class_offsets)
    intercept = torch.log(statistics.priors) - 0.5 * torch.linalg.vecdot(weights, statistics.class_offsets)
    return Discriminant(weights, intercept, statistics.mean, shrinkage)


def discriminant_shrinkage(statistics: SufficientStatistics, dimensions: int | None = None) -> tuple[float, float]:
    """How `fit_discriminant` shrinks the within-class covariance S, for a discriminant that shrinks others alike.

    Args:
        statistics: Statistics of the labelled features.
        dimensions: As for `fit_discriminant`.

    Returns:
        The shrinkage s, in [1e-10, 1], and the positive multiple of the identity that is added to (1 - s) S.
    """
    covariance = statistics.within_covariance
    shrinkage = _shrinkage_of(covariance)
    return shrinkage, _level(covariance, shrinkage, statistics, dimensions)


def _shrinkage_of(covariance: torch.Tensor) -> float:
    # The largest variance of a feature is a lower bound of the eigenvalue, and mostly bound enough.
    bound = float(covariance.diagonal().max())
    settled = adaptive_shrinkage(bound) == _LEAST_SHRINKAGE
    if not settled:
        bound = largest_eigenvalue(covariance)
    return adaptive_shrinkage(bound)


def _level(
    covariance: torch.Tensor, shrinkage: float, statistics: SufficientStatistics, dimensions: int | None
) -> float:
    mean_variance = max(0.0, float(covariance.diagonal().sum())) / (dimensions or statistics.d)
    # Without any spread within classes the class means alone decide, however close they are.
    floor = max(torch.finfo(torch.float64).tiny, 1e-15 * statistics.variance / statistics.d)
    return max(shrinkage * mean_variance, floor)
