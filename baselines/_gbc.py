"""GBC: how far apart the classes are as Gaussians, by the Bhattacharyya coefficient."""

from typing import Literal

import torch

from baselines.kernels.checks import Array, class_indices, feature_matrix, within
from baselines.kernels.linear_algebra import principal_components

# A class whose spread in some direction is below this share of the features' mean variance is taken to have it. A
# class of one image or of identical images has no spread, which would put every other class infinitely far away.
_VARIANCE_FLOOR = 1e-6


def gbc(
    features: Array,
    labels: Array,
    covariance: Literal["spherical", "diagonal", "full"] = "spherical",
    dimensions: int | None = 64,
) -> float:
    """Gaussian Bhattacharyya Coefficient, minus the sum over ordered pairs of classes of exp(-D).

    D = 1/8 (m1 - m2)^T S^-1 (m1 - m2) + 1/2 log(|S| / sqrt(|S1| |S2|)) with S = (S1 + S2) / 2 is the Bhattacharyya
    distance of two classes. Features are reduced to principal components first. The score does not change when classes
    are renamed, samples reordered, or features rotated, shifted or multiplied by a constant.

    Paper: Pandy, Agostinelli, Uijlings, Ferrari, Mensink, "Transferability estimation using Bhattacharyya class
    separability", CVPR 2022.

    Args:
        features: (n, d) target features.
        labels: (n,) integer target labels.
        covariance: "spherical" for one variance a class (the paper's choice), "diagonal", or "full".
        dimensions: Principal components kept, None for all.

    Returns:
        The score, in [-C (C - 1), 0]; higher is more transferable.

    Raises:
        ValueError: Wrong shapes, an empty input, one class only, NaN, an unknown covariance.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> gbc(np.array([[1.0], [2.0], [1.0], [2.0]]), np.array([0, 0, 1, 1]))
    -2.0
    """
    if covariance not in ("spherical", "diagonal", "full"):
        raise ValueError(f"covariance must be 'spherical', 'diagonal' or 'full', got {covariance!r}")
    rows = feature_matrix(features)
    index, counts, _ = class_indices(labels, len(rows))
    classes = len(counts)
    points = principal_components(rows, dimensions)
    scale = float(points.square().mean())
    if scale == 0.0:
        return -float(classes * (classes - 1))  # all classes are the same point
    points = points / scale**0.5
    index, weights = index.to(points.device), counts.to(points)[:, None]
    means = points.new_zeros(classes, points.shape[1]).index_add_(0, index, points) / weights
    deviations = points - means[index]
    if covariance == "full":
        distance = _full(means, deviations, index, counts)
    else:
        variances = points.new_zeros(means.shape).index_add_(0, index, deviations**2) / weights
        if covariance == "spherical":
            variances = variances.mean(dim=1, keepdim=True).expand_as(means)
        distance = _diagonal(means, variances.clamp_min(_VARIANCE_FLOOR))
    upper = torch.triu_indices(classes, classes, 1, device=points.device)
    total = -2.0 * float(torch.exp(-distance[upper[0], upper[1]]).sum())
    return within(total, -classes * (classes - 1), 0.0, "GBC")


def _diagonal(means: torch.Tensor, variances: torch.Tensor) -> torch.Tensor:
    """(C, C) Bhattacharyya distances of Gaussians with diagonal covariances; one class against all at a time."""
    logs = torch.log(variances)
    distances = []
    for mean, variance, log in zip(means, variances, logs, strict=True):
        average = (variances + variance) / 2
        quadratic = ((means - mean) ** 2 / average).sum(dim=1) / 8
        # The logarithms are summed over all d dimensions, also for a spherical covariance.
        distances.append(quadratic + 0.5 * (torch.log(average) - (logs + log) / 2).sum(dim=1))
    return torch.stack(distances)


def _full(means: torch.Tensor, deviations: torch.Tensor, index: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """(C, C) Bhattacharyya distances of Gaussians with full covariances."""
    floor = _VARIANCE_FLOOR * torch.eye(means.shape[1], dtype=means.dtype, device=means.device)
    groups = deviations[torch.argsort(index)].split(counts.tolist())
    covariances = torch.stack([group.T @ group / len(group) + floor for group in groups])
    logs = torch.linalg.slogdet(covariances).logabsdet
    distances = []
    for mean, covariance, log in zip(means, covariances, logs, strict=True):
        factors = torch.linalg.cholesky((covariances + covariance) / 2)
        whitened = torch.linalg.solve_triangular(factors, (means - mean)[:, :, None], upper=False)
        average = 2 * torch.log(factors.diagonal(dim1=1, dim2=2)).sum(dim=1)
        distances.append((whitened**2).sum(dim=(1, 2)) / 8 + 0.5 * (average - (logs + log) / 2))
    return torch.stack(distances)
