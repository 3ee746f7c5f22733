"""LFC: how similar the kernel of the features is to the kernel of the labels."""

import torch

from baselines.kernels.checks import Array, class_indices, feature_matrix, raw_matrix, within
from baselines.kernels.streaming_statistics import SufficientStatistics, sufficient_statistics


def lfc(features: Array, labels: Array) -> float:
    """Label-Feature Correlation, the Pearson correlation of the entries of X X^T with those of the label kernel.

    The label kernel is 1 for two samples of one class and -1 otherwise; any other two values give the same
    correlation. The n x n kernels are never formed: their inner products are traces of (C, d) and (d, d) matrices. The
    score does not change when classes are renamed, samples reordered, or features rotated or multiplied by a constant.

    Paper: Deshpande et al., "A linearized framework and a new benchmark for model selection for fine-tuning", 2021
    (arXiv 2102.00084).

    Args:
        features: (n, d) target features.
        labels: (n,) integer target labels.

    Returns:
        The score, in [-1, 1]; higher is more transferable. 0 if all entries of X X^T are equal.

    Raises:
        ValueError: Wrong shapes, an empty input, one class only, NaN.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> round(lfc(np.array([[1.0, 0], [1, 0], [0, 1]]), np.array([0, 0, 1])), 6)
    1.0
    """
    n, d = raw_matrix(features).shape
    index, counts, _ = class_indices(labels, n)
    if n > d:
        return lfc_from(sufficient_statistics(features, labels))
    rows = feature_matrix(features)
    rows = rows / rows.abs().max().clamp_min(torch.finfo(torch.float64).tiny)
    sums = rows.new_zeros(len(counts), d).index_add_(0, index.to(rows.device), rows)
    return _correlation(float((rows @ rows.T).square().sum()), sums, counts)


def lfc_from(statistics: SufficientStatistics) -> float:
    """`lfc` of features known by their sufficient statistics.

    Args:
        statistics: Statistics with at least two classes.

    Returns:
        The score, in [-1, 1].

    >>> import numpy as np
    >>> from baselines import sufficient_statistics
    >>> round(lfc_from(sufficient_statistics(np.array([[1.0, 0], [1, 0], [0, 1]]), np.array([0, 0, 1]))), 6)
    1.0
    """
    moments = statistics.second_moments
    scale = float(moments.diagonal().max()) or 1.0
    entries = moments.div_(scale).view(-1)
    return _correlation(float(entries @ entries), statistics.uncentred_class_sums / scale**0.5, statistics.counts)


def _correlation(energy: float, sums: torch.Tensor, counts: torch.Tensor) -> float:
    """Correlation of the kernels from the squared entries of X X^T in all, class sums and class counts."""
    counts = counts.to(sums)
    entries = float(counts.sum()) ** 2
    total, same = float((sums.sum(dim=0) ** 2).sum()), float((counts**2).sum())
    feature_variance = energy - total**2 / entries
    label_variance = same - same**2 / entries
    if feature_variance <= 1e-13 * energy:
        return 0.0  # a constant kernel, up to rounding
    covariance = float((sums**2).sum()) - total * same / entries
    return within(covariance / (feature_variance * label_variance) ** 0.5, -1.0, 1.0, "LFC")
