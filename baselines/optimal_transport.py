"""OTDD: the optimal transport distance between two labelled datasets in one feature space."""

import math

import numpy as np
import torch

from baselines.checks import Array, class_indices, feature_matrix, within
from baselines.linear_algebra import nuclear_norm


def otdd(
    features: Array,
    labels: Array,
    source_features: Array,
    source_targets: Array,
    regularisation: float = 0.05,
    cap: int = 500,
    iterations: int = 500,
    seed: int = 0,
) -> float:
    """Minus the Optimal Transport Dataset Distance, as a debiased Sinkhorn divergence.

    Moving a sample (x, y) to (x', y') costs |x - x'|^2 + W_2(N_y, N_y')^2, with N_y the Gaussian fitted to the
    features of class y. The divergence OT(s, t) - OT(s, s) / 2 - OT(t, t) / 2 removes the bias of entropic
    regularisation: it is 0 for equal datasets. It is divided by the pooled total variance, because every checkpoint
    has a scale of its own, and the score is minus its root. It does not change when classes are renamed, samples
    reordered (up to the cap), or both sets of features are rotated, shifted or multiplied by the same constant.

    Paper: Alvarez-Melis, Fusi, "Geometric dataset distances via optimal transport", NeurIPS 2020;
    Feydy et al., "Interpolating between optimal transport and MMD using Sinkhorn divergences", AISTATS 2019.

    Args:
        features: (n, d) target features.
        labels: (n,) integer target labels.
        source_features: (m, d) features of the source's own images under the same checkpoint.
        source_targets: (m,) integer labels of those images.
        regularisation: Entropic regularisation as a share of the mean cost between the datasets.
        cap: At most so many samples of each dataset are transported, drawn at random.
        iterations: Most Sinkhorn iterations.
        seed: Seed of the draw.

    Returns:
        The score, in (-inf, 0]; higher is closer.

    Raises:
        ValueError: Wrong shapes, an empty input, one class only, NaN, parameters that are not positive.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> x, y = np.array([[0.0], [1.0], [4.0], [5.0]]), np.array([0, 0, 1, 1])
    >>> otdd(x, y, x, y)
    0.0
    """
    if not regularisation > 0 or cap < 2 or iterations < 1:
        raise ValueError("regularisation and iterations must be positive and cap at least 2")
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
    groups = [
        [x[index == c] for c in range(int(index.max()) + 1)]
        for x, index in zip(points, (target[1], source[1]), strict=True)
    ]
    between = class_distances(groups[0] + groups[1])
    index = [target[1], source[1] + len(groups[0])]
    costs = {
        (a, b): torch.cdist(points[a], points[b], compute_mode="donot_use_mm_for_euclid_dist") ** 2
        + between[index[a]][:, index[b]]
        for a, b in ((0, 1), (0, 0), (1, 1))
    }
    epsilon = regularisation * float(costs[0, 1].mean())
    transport = {pair: entropic_transport(cost, epsilon, iterations) for pair, cost in costs.items()}
    divergence = transport[0, 1] - (transport[0, 0] + transport[1, 1]) / 2
    # The divergence is non-negative for a negative definite cost; iterations that stop early leave a small error.
    return within(-math.sqrt(max(0.0, divergence)), -math.inf, 0.0, "OTDD")


def class_distances(groups: list[torch.Tensor]) -> torch.Tensor:
    """Squared 2-Wasserstein distances between Gaussians fitted to groups of samples.

    W^2 = |m - m'|^2 + tr S + tr S' - 2 tr (S S')^(1/2), and the last trace is the nuclear norm of the product of the
    centred samples, so that no d x d matrix is formed.

    Args:
        groups: Samples (n_c, d) of each class.

    Returns:
        (C, C) squared distances with zeros on the diagonal.
    """
    means = torch.stack([group.mean(dim=0) for group in groups])
    spreads = [(group - mean) / len(group) ** 0.5 for group, mean in zip(groups, means, strict=True)]
    variances = torch.stack([spread.square().sum() for spread in spreads])
    squared = torch.cdist(means, means, compute_mode="donot_use_mm_for_euclid_dist") ** 2
    squared = squared + variances[:, None] + variances
    for a, first in enumerate(spreads):
        for b in range(a):
            overlap = 2 * nuclear_norm(first @ spreads[b].T)
            squared[a, b] -= overlap
            squared[b, a] -= overlap
    return squared.clamp_min(0).fill_diagonal_(0)


def entropic_transport(cost: torch.Tensor, epsilon: float, iterations: int) -> float:
    """Entropy-regularised transport cost between uniform weights, by Sinkhorn's iteration on logarithms.

    The value is that of the dual, sum of the mean potentials, which is what the Sinkhorn divergence is made of.

    Args:
        cost: (n, m) costs.
        epsilon: Regularisation in the units of the cost.
        iterations: Most iterations; it stops when the potentials move less than 1e-9 of epsilon.

    Returns:
        The regularised cost.

    >>> entropic_transport(torch.tensor([[0.0, 1.0], [1.0, 0.0]], dtype=torch.float64), 1e-3, 100) < 1e-2
    True
    """
    n, m = cost.shape
    first, second = cost.new_zeros(n), cost.new_zeros(m)
    for _ in range(iterations):
        before = first
        first = -epsilon * (torch.logsumexp((second - cost) / epsilon, dim=1) - math.log(m))
        second = -epsilon * (torch.logsumexp((first[:, None] - cost) / epsilon, dim=0) - math.log(n))
        if float((first - before).abs().max()) <= 1e-9 * epsilon:
            break
    return float(first.mean() + second.mean())


def _sample(
    features: Array, labels: Array, cap: int, seed: int, name: str, label_name: str
) -> tuple[torch.Tensor, torch.Tensor]:
    rows = feature_matrix(features, name)
    index = class_indices(labels, len(rows), label_name, against=name).of_sample
    if len(rows) > cap:
        chosen = torch.from_numpy(np.sort(np.random.default_rng(seed).permutation(len(rows))[:cap]))
        rows, index = rows[chosen.to(rows.device)], torch.unique(index[chosen], return_inverse=True)[1]
    return rows, index.to(rows.device)
