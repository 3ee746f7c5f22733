"""H-score and its regularised form: how much of the feature variance the class means explain."""

import math

import torch

from baselines.kernels.checks import Array, class_indices, feature_matrix, raw_matrix, within
from baselines.kernels.linear_algebra import copy_of, inverse_trace, principal_components
from baselines.kernels.streaming_statistics import SufficientStatistics, sufficient_statistics


def h_score(features: Array, labels: Array) -> float:
    """H-score, trace(pinv(cov f) cov(E[f | y])).

    It does not change when classes are renamed, samples reordered, or features transformed by any invertible linear
    map. It saturates at C - 1 when n - 1 <= d and the samples are linearly independent: see `regularized_h_score`.

    Paper: Bao et al., "An information-theoretic approach to transferability in task transfer learning", ICIP 2019.

    Args:
        features: (n, d) target features.
        labels: (n,) integer target labels.

    Returns:
        The score, in [0, min(d, n - 1, C - 1)]; higher is more transferable.

    Raises:
        ValueError: Wrong shapes, an empty input, one class only, NaN.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> round(h_score(np.array([[0.0], [0.0], [1.0], [1.0]]), np.array([0, 0, 1, 1])), 6)
    1.0
    """
    n, d = raw_matrix(features).shape
    index, counts, _ = class_indices(labels, n)
    if n > d:
        return h_score_from(sufficient_statistics(features, labels))
    # Fewer samples than dimensions: in whitened principal components the class means' share is a sum of squares.
    scores = principal_components(feature_matrix(features))
    norms = torch.linalg.norm(scores, dim=0)
    whitened = scores / torch.where(norms > 0, norms, 1.0)
    sums = whitened.new_zeros(len(counts), whitened.shape[1]).index_add_(0, index.to(whitened.device), whitened)
    value = float((sums**2 / counts.to(sums)[:, None]).sum())
    return within(value, 0.0, min(d, n - 1, len(counts) - 1), "H-score")


def h_score_from(statistics: SufficientStatistics) -> float:
    """`h_score` of features known by their sufficient statistics.

    Args:
        statistics: Statistics with at least two classes.

    Returns:
        The score, in [0, min(d, n - 1, C - 1)].

    Raises:
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> from baselines import sufficient_statistics
    >>> round(h_score_from(sufficient_statistics(np.array([[0.0], [0.0], [1.0], [1.0]]), np.array([0, 0, 1, 1]))), 6)
    1.0
    """
    return _explained(statistics, 1.0, 0.0, "H-score")


def regularized_h_score(features: Array, labels: Array) -> float:
    """Regularised H-score, trace(S^-1 (1 - a) cov(E[f | y])) with S the Ledoit-Wolf estimate of cov f.

    S = (1 - a) cov f + a m I with m the mean variance of a feature and a the shrinkage of Ledoit and Wolf. It does not
    change when classes are renamed, samples reordered, or features rotated, shifted or multiplied by a constant.

    Paper: Ibrahim, Ponomareva, Mazumder, "Newer is not always better: rethinking transferability metrics, their
    peculiarities, stability and performance", ECML PKDD 2022.

    Args:
        features: (n, d) target features.
        labels: (n,) integer target labels.

    Returns:
        The score, in [0, min(d, n - 1, C - 1)]; higher is more transferable.

    Raises:
        ValueError: Wrong shapes, an empty input, one class only, NaN.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> round(regularized_h_score(np.array([[0.0, 0], [1, 3], [5, 1], [6, 4]]), np.array([0, 0, 1, 1])), 6)
    0.440666
    """
    class_indices(labels, len(raw_matrix(features)))
    return regularized_h_score_from(sufficient_statistics(features, labels))


def regularized_h_score_from(statistics: SufficientStatistics) -> float:
    """`regularized_h_score` of features known by their sufficient statistics.

    Args:
        statistics: Statistics with at least two classes.

    Returns:
        The score, in [0, min(d, n - 1, C - 1)].

    Raises:
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> from baselines import sufficient_statistics
    >>> features, labels = np.array([[0.0, 0], [1, 3], [5, 1], [6, 4]]), np.array([0, 0, 1, 1])
    >>> round(regularized_h_score_from(sufficient_statistics(features, labels)), 6)
    0.440666
    """
    shrinkage = ledoit_wolf_shrinkage(statistics)
    ridge = shrinkage * statistics.variance / statistics.d
    return _explained(statistics, 1 - shrinkage, ridge, "regularised H-score")


def ledoit_wolf_shrinkage(statistics: SufficientStatistics) -> float:
    """Shrinkage intensity of Ledoit and Wolf, from sums alone.

    Paper: Ledoit, Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", Journal of
    Multivariate Analysis 2004.

    Args:
        statistics: Statistics of the samples.

    Returns:
        The intensity in [0, 1]; 0 for features without variance.

    >>> import numpy as np
    >>> from baselines import sufficient_statistics
    >>> ledoit_wolf_shrinkage(sufficient_statistics(np.array([[1.0, 2], [1, 2], [1, 2]])))
    0.0
    """
    d, trace = statistics.d, statistics.variance
    entries = statistics.covariance.view(-1)
    squared = float(entries @ entries)
    dispersion = squared - trace**2 / d
    error = (statistics.centred_quartic / statistics.n - squared) / statistics.n
    if dispersion <= 0:
        return 0.0 if error <= 0 else 1.0
    return min(1.0, max(0.0, error / dispersion))


def _explained(statistics: SufficientStatistics, scale: float, ridge: float, name: str) -> float:
    """Value of scale * trace((scale S + ridge I)^+ B) for the covariances S of samples and B of class means."""
    bound = min(statistics.d, statistics.n - 1, len(statistics.counts) - 1)
    largest = scale * float(statistics.covariance.diagonal().max()) + ridge
    # Rounding leaves a variance of about eps * shift^2 in constant features; that is no variance.
    if not largest > 1e-26 * float((statistics.shift**2).max()) or not math.isfinite(largest):
        return 0.0
    matrix = statistics.covariance
    if (scale, ridge) != (1.0, 0.0):
        matrix = copy_of(matrix).mul_(scale)
        matrix.diagonal().add_(ridge)
    trace = inverse_trace(matrix, statistics.class_offsets * statistics.priors.sqrt()[:, None])
    return within(scale * trace, 0.0, bound, name)
