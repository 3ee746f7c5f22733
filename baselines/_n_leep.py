"""N-LEEP: LEEP with the components of a Gaussian mixture of the features in place of source classes."""

import math

import torch

from baselines._leep_nce import leep
from baselines.kernels.checks import Array, class_indices, feature_matrix
from baselines.kernels.linear_algebra import principal_components

# A component that shrinks onto one point would take it with certainty; its variances stay above this share of the mean
# one.
_VARIANCE_FLOOR = 1e-3


def n_leep(
    features: Array,
    labels: Array,
    components: float = 5.0,
    share: float = 0.8,
    iterations: int = 100,
    seed: int = 0,
) -> float:
    """N-LEEP: principal components, a Gaussian mixture fitted to them, then `leep` of its responsibilities.

    The mixture has diagonal covariances, which 5 C components of a small target can support; variances are kept above
    0.001 of the features' mean variance. At most n / 2 components are fitted. The score does not change when classes
    are renamed, or features rotated, shifted or multiplied by a constant; reordering samples changes the draw of the
    starting centres.

    Paper: Li et al., "Ranking neural checkpoints", CVPR 2021.

    Args:
        features: (n, d) target features.
        labels: (n,) integer target labels.
        components: Components of the mixture a class.
        share: Share of the variance kept by the principal components.
        iterations: Most EM iterations.
        seed: Seed of the starting centres.

    Returns:
        The score in nats, in [-H(Y), 0] with H(Y) the entropy of the labels; higher is more transferable.

    Raises:
        ValueError: Wrong shapes, an empty input, one class only, NaN, parameters out of range.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> round(n_leep(np.array([[0.0], [0.1], [9.0], [9.1]]), np.array([0, 0, 1, 1])), 6)
    0.0
    """
    if not (components > 0 and 0 < share <= 1 and iterations > 0):
        raise ValueError("components and iterations must be positive and share in (0, 1]")
    rows = feature_matrix(features)
    n = len(rows)
    classes = len(class_indices(labels, n).sizes)
    points = principal_components(rows, share=share)
    points = points / (float(points.square().mean().sqrt()) or 1.0)
    k = max(1, min(round(components * classes), n // 2))
    return leep(mixture_responsibilities(points, k, iterations, seed), labels)


def mixture_responsibilities(points: torch.Tensor, k: int, iterations: int, seed: int) -> torch.Tensor:
    """Responsibilities of a Gaussian mixture with diagonal covariances, fitted by EM from k-means++ centres.

    Args:
        points: (n, r) float64, mean variance about one.
        k: Number of components, at most n.
        iterations: Most iterations; it stops when the mean log-likelihood gains less than 1e-6.
        seed: Seed of the starting centres.

    Returns:
        (n, k) responsibilities, rows that sum to one.

    >>> points = torch.tensor([[0.0], [0.1], [5.0], [5.1]], dtype=torch.float64)
    >>> found = mixture_responsibilities(points, 2, iterations=10, seed=0).round().argmax(dim=1)
    >>> bool(found[0] == found[1] != found[2] == found[3])
    True
    """
    centres = points[_spread_centres(points, k, seed)]
    nearest = torch.cdist(points, centres).argmin(dim=1)
    responsibilities = torch.nn.functional.one_hot(nearest, k).to(points)
    last = -math.inf
    for _ in range(iterations):
        mass = responsibilities.sum(dim=0).clamp_min(1e-10)
        means = responsibilities.T @ points / mass[:, None]
        squares = responsibilities.T @ points**2 / mass[:, None]
        variances = (squares - means**2).clamp_min(_VARIANCE_FLOOR)
        log_joint = torch.log(mass / len(points)) + _log_density(points, means, variances)
        evidence = torch.logsumexp(log_joint, dim=1, keepdim=True)
        responsibilities = torch.exp(log_joint - evidence)
        likelihood = float(evidence.mean())
        if likelihood - last < 1e-6:
            break
        last = likelihood
    return responsibilities


def _log_density(points: torch.Tensor, means: torch.Tensor, variances: torch.Tensor) -> torch.Tensor:
    """(n, k) log densities of diagonal Gaussians, as three matrix products."""
    precisions = 1 / variances
    quadratic = points**2 @ precisions.T - 2 * points @ (means * precisions).T + (means**2 * precisions).sum(dim=1)
    constant = torch.log(2 * torch.pi * variances).sum(dim=1)
    return -0.5 * (quadratic + constant)


def _spread_centres(points: torch.Tensor, k: int, seed: int) -> list[int]:
    """k-means++: each index drawn with probability proportional to the squared distance to those before."""
    generator = torch.Generator().manual_seed(seed)
    chosen = [int(torch.randint(len(points), (1,), generator=generator))]
    squared = (points - points[chosen[0]]).square().sum(dim=1)
    for _ in range(1, k):
        weights = squared if float(squared.sum()) > 0 else torch.ones_like(squared)
        chosen.append(int(torch.multinomial(weights.cpu(), 1, generator=generator)))
        squared = torch.minimum(squared, (points - points[chosen[-1]]).square().sum(dim=1))
    return chosen
