"""NCTI: how far the target features are from neural collapse, the state in which training ends.

The authors scale three terms to [0, 1] over the models compared and add them: SELI + nearest centre - variability. A
sum over a hub depends on the hub's other members, so each term is a metric of its own here and they are added, if at
all, in the analysis.
"""

import math

import torch

from baselines.kernels.checks import Array, class_indices, feature_matrix, within
from baselines.kernels.discriminant import adaptive_shrinkage, fit_discriminant
from baselines.kernels.linear_algebra import nuclear_norm, principal_components, square_root
from baselines.kernels.streaming_statistics import SufficientStatistics, sufficient_statistics


def ncti_seli(features: Array, labels: Array, dimensions: int = 64) -> float:
    """SELI term of NCTI, the nuclear norm of the features projected on their C - 1 discriminant directions.

    Features are reduced to principal components, then whitened by the shrunk within-class covariance. The score does
    not change when classes are renamed, samples reordered, or features rotated or shifted; the shrinkage depends on
    their scale.

    Paper: Wang, Luo, Zheng, Huang, Baktashmotlagh, "How far pre-trained models are from neural collapse on the target
    dataset informs their transferability", ICCV 2023.

    Args:
        features: (n, d) target features.
        labels: (n,) integer target labels.
        dimensions: Principal components kept, at most n - C of them.

    Returns:
        The score, at least 0; higher is more transferable.

    Raises:
        ValueError: Wrong shapes, an empty input, one class only, NaN.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> round(ncti_seli(np.array([[0.0], [1.0], [8.0], [9.0]]), np.array([0, 0, 1, 1])), 4)
    16.1245
    """
    points, statistics, shrinkage = _reduce(features, labels, dimensions)
    covariance = statistics.within_covariance
    level = max(0.0, float(covariance.diagonal().sum())) / statistics.d
    if statistics.variance == 0.0:
        return 0.0
    shrunk = (1 - shrinkage) * covariance
    shrunk.diagonal().add_(max(shrinkage * level, 1e-15 * statistics.variance / statistics.d))
    factor = square_root(shrunk).factor
    whiten = torch.linalg.pinv(factor)
    centres = (statistics.class_offsets * statistics.priors.sqrt()[:, None]) @ whiten.T
    directions = torch.linalg.svd(centres, full_matrices=False).Vh[: len(centres) - 1]
    return within(nuclear_norm((points - statistics.mean) @ whiten.T @ directions.T), 0.0, math.inf, "NCTI SELI")


def ncti_nearest_centre(features: Array, labels: Array, dimensions: int = 64) -> float:
    """Nearest-centre term of NCTI, the mean probability that the discriminant gives the true class.

    Invariances as for `ncti_seli`.

    Paper: Wang et al., ICCV 2023, as for `ncti_seli`.

    Args:
        features: (n, d) target features.
        labels: (n,) integer target labels.
        dimensions: Principal components kept, at most n - C of them.

    Returns:
        The score, in [0, 1]; higher is more transferable.

    Raises:
        ValueError: Wrong shapes, an empty input, one class only, NaN.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> round(ncti_nearest_centre(np.array([[0.0], [1.0], [8.0], [9.0]]), np.array([0, 0, 1, 1])), 6)
    1.0
    """
    points, statistics, shrinkage = _reduce(features, labels, dimensions)
    index = class_indices(labels).of_sample.to(points.device)
    posterior = fit_discriminant(statistics, shrinkage).posterior(points)
    return within(float(posterior.gather(1, index[:, None]).mean()), 0.0, 1.0, "NCTI nearest centre")


def ncti_variability(features: Array, labels: Array, dimensions: int = 64) -> float:
    """Variability term of NCTI, minus the logarithm of the summed nuclear norms of the classes' posterior matrices.

    Collapsed classes have posterior matrices of rank one and small norm. Invariances as for `ncti_seli`.

    Paper: Wang et al., ICCV 2023, as for `ncti_seli`.

    Args:
        features: (n, d) target features.
        labels: (n,) integer target labels.
        dimensions: Principal components kept, at most n - C of them.

    Returns:
        The score, in [-log sum_c sqrt(n_c min(n_c, C)), -log sum_c sqrt(n_c / C)]; higher is more transferable.

    Raises:
        ValueError: Wrong shapes, an empty input, one class only, NaN.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> round(ncti_variability(np.array([[0.0], [1.0], [8.0], [9.0]]), np.array([0, 0, 1, 1])), 6)
    -1.039721
    """
    points, statistics, shrinkage = _reduce(features, labels, dimensions)
    index, counts, _ = class_indices(labels)
    posterior = fit_discriminant(statistics, shrinkage).posterior(points)
    groups = posterior[torch.argsort(index).to(posterior.device)].split(counts.tolist())
    sizes, classes = counts.double(), len(counts)
    low = -math.log(float((sizes * sizes.clamp_max(classes)).sqrt().sum()))
    high = -math.log(float((sizes / classes).sqrt().sum()))
    return within(-math.log(sum(nuclear_norm(group) for group in groups)), low, high, "NCTI variability")


def _reduce(features: Array, labels: Array, dimensions: int) -> tuple[torch.Tensor, SufficientStatistics, float]:
    """Principal components, their statistics and the authors' shrinkage, exp(-variance of the first 32)."""
    if dimensions < 1:
        raise ValueError(f"dimensions must be at least 1, got {dimensions!r}")
    rows = feature_matrix(features)
    classes = len(class_indices(labels, len(rows)).sizes)
    # With more than n - C components the within-class covariance is singular and the classes fall apart for no reason.
    points = principal_components(rows, max(1, min(dimensions, len(rows) - classes)))
    variance = float(points[:, :32].var(dim=0).sum())
    return points, sufficient_statistics(points, labels), adaptive_shrinkage(variance, 1.0)
