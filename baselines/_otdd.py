"""OTDD: the optimal transport distance between two labelled datasets in one feature space."""

import math

import numpy as np
import torch

from baselines.kernels.checks import Array, class_indices, feature_matrix, within
from baselines.kernels.linear_algebra import nuclear_norm


def otdd(
    features: Array,
    labels: Array,
    source_features: Array,
    source_targets: Array,
    cap: int = 500,
    seed: int = 0,
) -> float:
    """Minus the Optimal Transport Dataset Distance, by exact transport.

    Moving a sample (x, y) to (x', y') costs |x - x'|^2 + W_2(N_y, N_y')^2, with N_y the Gaussian fitted to the
    features of class y. All samples of a dataset weigh the same. The cost of the cheapest plan is divided by the pooled
    total variance, because every checkpoint has a scale of its own, and the score is minus its root. It is 0 for equal
    datasets. It does not change when classes are renamed, samples reordered (up to the cap), or both sets of features
    are rotated, shifted or multiplied by the same constant.

    Paper: Alvarez-Melis, Fusi, "Geometric dataset distances via optimal transport", NeurIPS 2020, without their
    entropic regularisation. The solver is POT's: Flamary et al., "POT: Python optimal transport", JMLR 2021.

    Args:
        features: (n, d) target features.
        labels: (n,) integer target labels.
        source_features: (m, d) features of the source's own images under the same checkpoint.
        source_targets: (m,) integer labels of those images.
        cap: At most so many samples of each dataset are transported, drawn at random.
        seed: Seed of the draw.

    Returns:
        The score, in (-inf, 0]; higher is closer.

    Raises:
        ValueError: Wrong shapes, an empty input, one class only, NaN, a cap below 2, or POT is not installed.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> x, y = np.array([[0.0], [1.0], [4.0], [5.0]]), np.array([0, 0, 1, 1])
    >>> otdd(x, y, x, y)
    0.0
    """
    if cap < 2:
        raise ValueError("cap must be at least 2")
    target = _sample(features, labels, cap, seed, "features", "labels")
    source = _sample(source_features, source_targets, cap, seed, "source_features", "source_targets")
    if target[0].shape[1] != source[0].shape[1]:
        raise ValueError(
            f"source_features has {source[0].shape[1]} columns but features has {target[0].shape[1]}: "
            "both must come from one checkpoint"
        )
    if target[0].shape == source[0].shape and torch.equal(target[0], source[0]) and torch.equal(target[1], source[1]):
        return 0.0
    points = [target[0], source[0].to(target[0].device)]
    variance = sum(float(x.var(dim=0, unbiased=False).sum()) for x in points) / 2
    if variance == 0.0:
        raise ValueError("features and source_features are constants: their distance has no scale")
    points = [x / math.sqrt(variance) for x in points]
    index = [target[1], source[1].to(target[1].device)]
    groups = [[x[of == c] for c in range(int(of.max()) + 1)] for x, of in zip(points, index, strict=True)]
    between = class_distances(*groups)[index[0]][:, index[1]]
    cost = torch.cdist(points[0], points[1], compute_mode="donot_use_mm_for_euclid_dist") ** 2 + between
    return within(-math.sqrt(transport_cost(cost)), -math.inf, 0.0, "OTDD")


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
    """Cost of the cheapest plan between uniform weights, by POT's network simplex.

    Args:
        cost: (n, m) non-negative float64 costs of moving one sample to another.

    Returns:
        The mean cost of a unit of mass.

    Raises:
        ValueError: POT is not installed.

    >>> transport_cost(torch.tensor([[0.0, 1.0], [1.0, 0.5]], dtype=torch.float64))
    0.25
    """
    try:
        import ot
    except ImportError as error:
        raise ValueError("otdd needs POT, which is not installed: pip install 'pgebench[otdd]'") from error
    return float(ot.emd2([], [], np.ascontiguousarray(cost.cpu().numpy()), numItermax=10_000_000))


def _moments(groups: list[torch.Tensor]) -> tuple[torch.Tensor, list[torch.Tensor], torch.Tensor]:
    """Means (C, d), centred samples over the root of their number, and total variances (C,)."""
    means = torch.stack([group.mean(dim=0) for group in groups])
    spreads = [(group - mean) / len(group) ** 0.5 for group, mean in zip(groups, means, strict=True)]
    return means, spreads, torch.stack([spread.square().sum() for spread in spreads])


def _sample(
    features: Array, labels: Array, cap: int, seed: int, name: str, label_name: str
) -> tuple[torch.Tensor, torch.Tensor]:
    rows = feature_matrix(features, name)
    index = class_indices(labels, len(rows), label_name, against=name).of_sample
    if len(rows) > cap:
        chosen = torch.from_numpy(np.sort(np.random.default_rng(seed).permutation(len(rows))[:cap]))
        rows, index = rows[chosen.to(rows.device)], torch.unique(index[chosen], return_inverse=True)[1]
    return rows, index.to(rows.device)
