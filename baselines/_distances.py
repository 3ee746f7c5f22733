"""Distances between the feature distributions of source and target under one checkpoint: linear MMD and Frechet."""

import math

import torch

from baselines.kernels.checks import Array, feature_matrix, raw_matrix, within
from baselines.kernels.linear_algebra import EPS, congruence, eigvalsh, nuclear_norm
from baselines.kernels.streaming_statistics import SufficientStatistics, sufficient_statistics


def linear_mmd(features: Array, source_features: Array, debiased: bool = True) -> float:
    """Minus the maximum mean discrepancy with a linear kernel: the distance between the mean features.

    The distance is divided by the root of the pooled total variance, because every checkpoint has a scale of its own.
    The squared distance of two sample means exceeds that of the true means by tr(S_s) / m + tr(S_t) / n on average;
    `debiased` subtracts unbiased estimates of these and takes what falls below zero as zero. The score does not change
    when samples are reordered or both sets of features are rotated, shifted or multiplied by the same constant; it is
    0 for equal sets.

    Paper: Gretton, Borgwardt, Rasch, Schoelkopf, Smola, "A kernel two-sample test", JMLR 2012, lemma 6.

    Args:
        features: (n, d) target features.
        source_features: (m, d) features of the source's own images under the same checkpoint.
        debiased: Whether to subtract the sampling noise of the two means.

    Returns:
        The score, in (-inf, 0]; higher is closer.

    Raises:
        ValueError: Wrong shapes, different numbers of features, an empty input, NaN.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> linear_mmd(np.array([[0.0], [2.0]]), np.array([[3.0], [5.0]]), debiased=False)
    -3.0
    """
    _check_dimensions(features, source_features)
    return linear_mmd_from(
        sufficient_statistics(features),
        sufficient_statistics(source_features, name="source_features"),
        debiased,
    )


def linear_mmd_from(target: SufficientStatistics, source: SufficientStatistics, debiased: bool = True) -> float:
    """`linear_mmd` of features known by their sufficient statistics.

    Args:
        target: Statistics of the target, classes do not matter.
        source: Statistics of the source.
        debiased: As for `linear_mmd`.

    Returns:
        The score, at most 0.

    Raises:
        ValueError: Source and target are two different constants.

    >>> import numpy as np
    >>> from baselines import sufficient_statistics
    >>> target, source = (sufficient_statistics(np.array([[x], [x + 2.0]])) for x in (0.0, 3.0))
    >>> linear_mmd_from(target, source, debiased=False)
    -3.0
    """
    difference = target.mean - source.mean
    squared = float(difference @ difference)
    noise = sum(s.variance / (s.n - 1) for s in (target, source) if s.n > 1) if debiased else 0.0
    return _negative_root(max(0.0, squared - noise), _pooled_variance(target, source), "linear MMD")


def frechet_distance(features: Array, source_features: Array) -> float:
    """Minus the Frechet distance of the Gaussians fitted to source and target features, as in FID.

    d^2 = |m_s - m_t|^2 + tr(S_s + S_t - 2 (S_s S_t)^(1/2)), divided by the pooled total variance, because every
    checkpoint has a scale of its own; the score is -d. Small samples bias the distance upward, so compare at equal
    sample sizes. The score does not change when samples are reordered or both sets of features are rotated, shifted or
    multiplied by the same constant; it is 0 for equal sets.

    Paper: Dowson, Landau, "The Frechet distance between multivariate normal distributions", 1982; Heusel
    et al., "GANs trained by a two time-scale update rule converge to a local Nash equilibrium", NeurIPS 2017.

    Args:
        features: (n, d) target features.
        source_features: (m, d) features of the source's own images under the same checkpoint.

    Returns:
        The score, in (-inf, 0]; higher is closer.

    Raises:
        ValueError: Wrong shapes, different numbers of features, an empty input, NaN.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> round(frechet_distance(np.array([[-1.0], [1.0]]), np.array([[-3.0], [3.0]])), 6)  # |1 - 3| / sqrt(5)
    -0.894427
    """
    _check_dimensions(features, source_features)
    n, d = raw_matrix(features).shape
    m = len(raw_matrix(source_features, "source_features"))
    if min(n, m) >= d:
        return frechet_distance_from(
            sufficient_statistics(features), sufficient_statistics(source_features, name="source_features")
        )
    # tr (S_s S_t)^(1/2) is the nuclear norm of A B^T for any factors S_t = A^T A, S_s = B^T B: here the centred
    # samples.
    target, source = feature_matrix(features), feature_matrix(source_features, "source_features")
    scale = max(float(target.abs().max()), float(source.abs().max())) or 1.0
    target, source = target / scale, source / scale
    means = target.mean(dim=0), source.mean(dim=0)
    target, source = (target - means[0]) / n**0.5, (source - means[1]) / m**0.5
    variances = float(target.square().sum()), float(source.square().sum())
    squared = float((means[0] - means[1]).square().sum()) + sum(variances) - 2 * nuclear_norm(target @ source.T)
    return _frechet(squared, sum(variances))


def frechet_distance_from(target: SufficientStatistics, source: SufficientStatistics) -> float:
    """`frechet_distance` of features known by their sufficient statistics.

    Args:
        target: Statistics of the target, classes do not matter.
        source: Statistics of the source.

    Returns:
        The score, at most 0.

    Raises:
        ValueError: Source and target are two different constants.

    >>> import numpy as np
    >>> from baselines import sufficient_statistics
    >>> target, source = (sufficient_statistics(np.array([[x], [x + 2.0]])) for x in (0.0, 3.0))
    >>> round(frechet_distance_from(target, source), 6)
    -3.0
    """
    difference = target.mean - source.mean
    variance = target.variance + source.variance
    if target.d <= 256:
        overlap, rounding = nuclear_norm(source.covariance_root.factor.T @ target.covariance_root.factor), 1e-12
    else:
        # Roots of eigenvalues instead of singular values: a quarter of the time, half of the digits.
        eigenvalues = eigvalsh(congruence(source.covariance_root, target.covariance))
        noise = target.d * EPS * eigenvalues[-1]
        overlap, rounding = float(torch.where(eigenvalues > noise, eigenvalues, 0.0).sqrt().sum()), 1e-7
    return _frechet(float(difference @ difference) + variance - 2 * overlap, variance, rounding)


def _frechet(squared: float, variance: float, rounding: float = 1e-12) -> float:
    # The trace term is a difference of equals for equal sets; its rounding is no distance.
    return _negative_root(squared if squared > rounding * variance else 0.0, variance / 2, "Frechet distance")


def _negative_root(squared: float, variance: float, name: str) -> float:
    if squared == 0.0:
        return 0.0
    if variance == 0.0:
        raise ValueError("features and source_features are two different constants: their distance has no scale")
    return within(-math.sqrt(squared / variance), -math.inf, 0.0, name)


def _pooled_variance(target: SufficientStatistics, source: SufficientStatistics) -> float:
    return (target.variance + source.variance) / 2


def _check_dimensions(features: Array, source_features: Array) -> None:
    d, other = raw_matrix(features).shape[1], raw_matrix(source_features, "source_features").shape[1]
    if d != other:
        raise ValueError(
            f"source_features has {other} columns but features has {d}: both must come from one checkpoint"
        )
