"""RankMe: how many directions the features use; it looks at no labels."""

import math

import torch

from baselines.kernels.checks import Array, feature_matrix, within


def rank_me(features: Array) -> float:
    """RankMe, the effective rank exp(-sum_k p_k log p_k) with p_k = s_k / sum(s) of the singular values s.

    The features are not centred. The score does not change when samples are reordered, or features rotated or
    multiplied by a constant. With n < d it cannot exceed n, so few images tell little of large networks.

    Paper: Garrido, Balestriero, Najman, LeCun, "RankMe: assessing the downstream performance of pretrained
    self-supervised representations by their rank", ICML 2023. They add 1e-7 to each p_k; here 0 log 0 is 0.

    Args:
        features: (n, d) target features.

    Returns:
        The score, in [1, min(n, d)]; higher is more transferable. 1 if all features are 0.

    Raises:
        ValueError: Wrong shape, an empty input, NaN.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> round(rank_me(np.eye(3)), 6), round(rank_me(np.ones((4, 2))), 6)
    (3.0, 1.0)
    """
    rows = feature_matrix(features)
    largest = float(rows.abs().max())
    if largest == 0.0:
        return 1.0
    singular = torch.linalg.svdvals(rows / largest)
    share = singular / singular.sum()
    entropy = -float(torch.special.xlogy(share, share).sum())
    return within(math.exp(entropy), 1.0, float(min(rows.shape)), "RankMe")
