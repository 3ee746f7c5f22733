"""TransRate: the information that features carry about labels, measured by coding rates."""

import math
from typing import Literal

import torch

from baselines.kernels.checks import Array, check_finite, class_indices, raw_matrix, within
from baselines.kernels.linear_algebra import cholesky, copy_of, eigvalsh
from baselines.kernels.streaming_statistics import SufficientStatistics, sufficient_statistics


def transrate(
    features: Array, labels: Array, distortion: float = 1e-4, scale: Literal["unit", "none"] = "unit"
) -> float:
    """TransRate, R(Z) - R(Z | Y) with the coding rate R(Z) = 1/2 log det(I + Z^T Z / (n distortion)).

    Z is centred by the mean of all samples, and R(Z | Y) = sum_c n_c / n R(Z_c). Coding rates depend on the scale of
    the features, so with `scale="unit"` they are divided by their root mean squared norm first. The score does not
    change when classes are renamed, samples reordered, or features rotated or shifted; nor, with "unit", when they are
    rescaled.

    Paper: Huang, Wei, Rong, Yang, Huang, "Frustratingly easy transferability estimation", ICML 2022.
    With equal class sizes this is also the authors' code, which weights classes equally.

    Args:
        features: (n, d) target features.
        labels: (n,) integer target labels.
        distortion: Squared error at which features are coded, epsilon in the paper.
        scale: "unit" for a mean squared norm of one, "none" for the features as they are.

    Returns:
        The score in nats, in [0, R(Z)] (log det is concave); higher is more transferable.

    Raises:
        ValueError: Wrong shapes, an empty input, one class only, NaN, or a distortion that is not positive.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> round(transrate(np.array([[0.0], [0.1], [1.0], [1.1]]), np.array([0, 0, 1, 1])), 6)
    0.0
    """
    if not distortion > 0:
        raise ValueError(f"distortion must be positive, got {distortion!r}")
    if scale not in ("unit", "none"):
        raise ValueError(f"scale must be 'unit' or 'none', got {scale!r}")
    matrix = raw_matrix(features)
    index, counts, _ = class_indices(labels, len(matrix))
    statistics = sufficient_statistics(features, labels)
    if statistics.variance == 0.0:
        return 0.0
    unit = statistics.variance if scale == "unit" else 1.0
    total = global_rate(statistics, distortion, scale)
    within_classes = 0.0
    order = torch.argsort(index, stable=True).to(matrix.device)
    for rows, count in zip(matrix[order].split(counts.tolist()), counts.tolist(), strict=True):
        block = rows.double()
        check_finite(block, "features")
        centred = (block - statistics.mean) / math.sqrt(unit)
        gram = centred @ centred.T if count < statistics.d else centred.T @ centred
        within_classes += count / statistics.n * _rate(gram / (count * distortion))
    return within(total - within_classes, 0.0, total, "TransRate")


def global_rate(statistics: SufficientStatistics, distortion: float = 1e-4, scale: str = "unit") -> float:
    """R(Z), the coding rate of all samples, from sufficient statistics.

    Args:
        statistics: Statistics of the samples.
        distortion: Squared error at which features are coded.
        scale: As for `transrate`.

    Returns:
        The rate in nats, at least 0.

    >>> import numpy as np
    >>> from baselines import sufficient_statistics
    >>> round(global_rate(sufficient_statistics(np.array([[-1.0], [1.0]])), distortion=1.0), 6)  # 1/2 log 2
    0.346574
    """
    unit = (statistics.variance or 1.0) if scale == "unit" else 1.0
    return _rate(copy_of(statistics.covariance).div_(unit * distortion))


def _rate(gram: torch.Tensor) -> float:
    """1/2 log det(I + gram); overwrites the diagonal of `gram`."""
    gram.diagonal().add_(1.0)
    factor = cholesky(gram)
    if factor is None:
        return 0.5 * float(torch.log(eigvalsh(gram).clamp_min(1.0)).sum())
    return float(torch.log(factor.diagonal()).sum())
