"""Optimal transport between two labelled datasets in one feature space, by POT's network simplex."""

from typing import Any, NamedTuple

import numpy as np
import torch

from baselines.kernels.checks import Array, class_indices, feature_matrix
from baselines.kernels.linear_algebra import nuclear_norm


class Labelled(NamedTuple):
    """Images of a dataset as points.

    Attributes:
        points: (n, d) float64 features.
        classes: (n,) int64 class of each, 0..C-1, none without an image.
    """

    points: torch.Tensor
    classes: torch.Tensor


def labelled_pair(
    features: Array, labels: Array, source_features: Array, source_targets: Array, cap: int, seed: int
) -> tuple[Labelled, Labelled]:
    """Target and source, checked, drawn at random down to `cap` images each.

    Args:
        features: (n, d) target features.
        labels: (n,) integer target labels.
        source_features: (m, d) features of the source's own images under the same checkpoint.
        source_targets: (m,) integer labels of those images.
        cap: Most images of each dataset.
        seed: Seed of the draw.

    Returns:
        Target and source on the target's device.

    Raises:
        ValueError: Wrong shapes, an empty input, one class only, NaN, a cap below 2.
    """
    if cap < 2:
        raise ValueError("cap must be at least 2")
    target = _sample(features, labels, cap, seed, "features", "labels")
    source = _sample(source_features, source_targets, cap, seed, "source_features", "source_targets")
    if target.points.shape[1] != source.points.shape[1]:
        raise ValueError(
            f"source_features has {source.points.shape[1]} columns but features has {target.points.shape[1]}: "
            "both must come from one checkpoint"
        )
    return target, Labelled(*(part.to(target.points.device) for part in source))


def pooled_variance(target: Labelled, source: Labelled) -> float:
    """Mean of the two total variances, by which costs are divided: every checkpoint has a scale of its own.

    Args:
        target: Images of the target.
        source: Images of the source.

    Returns:
        A number, at least 0.
    """
    return sum(float(one.points.var(dim=0, unbiased=False).sum()) for one in (target, source)) / 2


def feature_cost(target: Labelled, source: Labelled) -> torch.Tensor:
    """Squared distances between the images of two datasets.

    Args:
        target: n images.
        source: m images.

    Returns:
        (n, m) float64.
    """
    return torch.cdist(target.points, source.points, compute_mode="donot_use_mm_for_euclid_dist") ** 2


def labelled_cost(target: Labelled, source: Labelled) -> torch.Tensor:
    """Squared distances between images, plus those between the Gaussians fitted to their classes.

    Args:
        target: n images.
        source: m images.

    Returns:
        (n, m) float64.
    """
    groups = [[one.points[one.classes == c] for c in range(int(one.classes.max()) + 1)] for one in (target, source)]
    return feature_cost(target, source) + class_distances(*groups)[target.classes][:, source.classes]


def class_distances(first: list[torch.Tensor], second: list[torch.Tensor]) -> torch.Tensor:
    """Squared 2-Wasserstein distances between Gaussians fitted to the groups of two datasets.

    W^2 = |m - m'|^2 + tr S + tr S' - 2 tr (S S')^(1/2), and the last trace is the nuclear norm of the product of the
    centred samples, so that no d x d matrix is formed.

    Args:
        first: Samples (n_c, d) of each of C classes.
        second: Samples (m_c, d) of each of D classes.

    Returns:
        (C, D) squared distances.

    >>> group = torch.tensor([[0.0], [2.0]], dtype=torch.float64)
    >>> class_distances([group], [group + 3, 2 * group]).round(decimals=6).tolist()
    [[9.0, 2.0]]
    """
    means, spreads, variances = zip(*(_moments(groups) for groups in (first, second)), strict=True)
    squared = torch.cdist(means[0], means[1], compute_mode="donot_use_mm_for_euclid_dist") ** 2
    squared += variances[0][:, None] + variances[1]
    # Singular values, not roots of a Gram matrix's eigenvalues: those would leave 1e-8 where equal classes cancel,
    # and the root of the transport cost makes 1e-4 of it.
    overlap = [[nuclear_norm(a @ b.T) for b in spreads[1]] for a in spreads[0]]
    return (squared - 2 * squared.new_tensor(overlap)).clamp_min(0)


def transport_cost(cost: torch.Tensor) -> float:
    """Cost of the cheapest plan between uniform weights.

    Args:
        cost: (n, m) non-negative float64 costs of moving one sample to another.

    Returns:
        The mean cost of a unit of mass.

    Raises:
        ValueError: POT is not installed.

    >>> transport_cost(torch.tensor([[0.0, 1.0], [1.0, 0.5]], dtype=torch.float64))
    0.25
    """
    return float(_pot().emd2([], [], _for_pot(cost), numItermax=_ITERATIONS))


def transport_plan(cost: torch.Tensor) -> torch.Tensor:
    """The cheapest plan between uniform weights.

    Args:
        cost: (n, m) non-negative float64 costs of moving one sample to another.

    Returns:
        (n, m) mass moved from each to each; all of it is 1.

    Raises:
        ValueError: POT is not installed.

    >>> transport_plan(torch.tensor([[0.0, 1.0], [1.0, 0.5]], dtype=torch.float64)).tolist()
    [[0.5, 0.0], [0.0, 0.5]]
    """
    return torch.from_numpy(_pot().emd([], [], _for_pot(cost), numItermax=_ITERATIONS)).to(cost.device)


_ITERATIONS = 10_000_000


def _pot() -> Any:
    try:
        import ot
    except ImportError as error:
        raise ValueError("optimal transport needs POT, which is not installed: pip install 'pgebench[otdd]'") from error
    return ot


def _for_pot(cost: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(cost.cpu().numpy())


def _moments(groups: list[torch.Tensor]) -> tuple[torch.Tensor, list[torch.Tensor], torch.Tensor]:
    """Means (C, d), centred samples over the root of their number, and total variances (C,)."""
    means = torch.stack([group.mean(dim=0) for group in groups])
    spreads = [(group - mean) / len(group) ** 0.5 for group, mean in zip(groups, means, strict=True)]
    return means, spreads, torch.stack([spread.square().sum() for spread in spreads])


def _sample(features: Array, labels: Array, cap: int, seed: int, name: str, label_name: str) -> Labelled:
    rows = feature_matrix(features, name)
    index = class_indices(labels, len(rows), label_name, against=name).of_sample
    if len(rows) > cap:
        chosen = torch.from_numpy(np.sort(np.random.default_rng(seed).permutation(len(rows))[:cap]))
        rows, index = rows[chosen.to(rows.device)], torch.unique(index[chosen], return_inverse=True)[1]
    return Labelled(rows, index.to(rows.device))
