"""OTDD: the optimal transport distance between two labelled datasets in one feature space."""

import math

import torch

from baselines.kernels.checks import Array, within
from baselines.kernels.transport import Labelled, labelled_cost, labelled_pair, pooled_variance, transport_cost


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
    target, source = labelled_pair(features, labels, source_features, source_targets, cap, seed)
    if all(a.shape == b.shape and torch.equal(a, b) for a, b in zip(target, source, strict=True)):
        return 0.0
    variance = pooled_variance(target, source)
    if variance == 0.0:
        raise ValueError("features and source_features are constants: their distance has no scale")
    target, source = (Labelled(one.points / math.sqrt(variance), one.classes) for one in (target, source))
    return within(-math.sqrt(transport_cost(labelled_cost(target, source))), -math.inf, 0.0, "OTDD")
