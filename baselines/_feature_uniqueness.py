"""Feature uniqueness, and its product with a linear probe: do early layers have to move, and are the features good?"""

import math

from baselines._linear_probe import linear_probe
from baselines.kernels.checks import Array, check_finite, to_tensor, within


def feature_uniqueness(triplet_gradient_norms: Array) -> float:
    """Mean gradient norm of the network's second layer over that of its first, for a triplet loss on the target.

    Features that the first layer takes from images are found anywhere; a large ratio says that it is rather the next
    layer that the target would change. Only a ratio of norms is looked at: multiplying the loss by a constant changes
    nothing, and a layer in other units (a norm behind it, more weights) changes everything, so that scores of one
    architecture can be compared, and those of several hardly.

    Paper: Juodelyte et al., "On dataset transferability in medical image classification", 2024, arXiv 2412.20172. Loss,
    layers and batches are those of the authors' released code; where they are taken says
    `pgebench.networks.triplet`.

    Args:
        triplet_gradient_norms: (batches, 2), norms of the gradient of the weights of the first and the second layer.

    Returns:
        The score, in [0, inf); higher is more transferable.

    Raises:
        ValueError: Wrong shape, NaN, a negative norm, or a first layer that has no gradient at all.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> feature_uniqueness(np.array([[1.0, 2.0], [3.0, 6.0]]))
    2.0
    """
    norms = to_tensor(triplet_gradient_norms, "triplet_gradient_norms").double()
    if norms.ndim != 2 or norms.shape[1] != 2 or len(norms) == 0:
        raise ValueError(f"triplet_gradient_norms must have shape (batches, 2), got {tuple(norms.shape)}")
    check_finite(norms, "triplet_gradient_norms")
    if bool((norms < 0).any()):
        raise ValueError("triplet_gradient_norms holds a negative number, which is no norm")
    first, second = norms.mean(dim=0).tolist()
    if first == 0.0:
        raise ValueError(
            "triplet_gradient_norms are all 0 in the first layer: either no triplet is left to learn from, for the "
            "network tells the classes apart already, or nothing reaches that layer"
        )
    return within(second / first, 0.0, math.inf, "feature uniqueness")


def fu_lp(
    triplet_gradient_norms: Array,
    features: Array,
    labels: Array,
    folds: int = 5,
    penalty: float = 1e-2,
    seed: int = 0,
) -> float:
    """Feature uniqueness times the cross-validated accuracy of a linear probe.

    The first factor says how much the network would adapt, the second how good its features are as they are.

    Paper: Juodelyte et al., 2024, as for `feature_uniqueness`. Their second factor, called LP too, is in their released
    code no linear probe: the mean probability of the true class among five nearest neighbours, in 50 dimensions found
    by neighbourhood components analysis, on the images that both were fitted to. Here it is `linear_probe`, judged on
    images held out, because in fold every source is right where there are fewer images than features.

    Args:
        triplet_gradient_norms: (batches, 2), as for `feature_uniqueness`.
        features: (n, d) target features.
        labels: (n,) integer target labels.
        folds: Number of folds of the probe, at most n of them are made.
        penalty: Weight decay of the probe.
        seed: Seed of the folds.

    Returns:
        The score, in [0, inf); higher is more transferable.

    Raises:
        ValueError: As for `feature_uniqueness` and `linear_probe`.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> features, labels = np.array([[0.0], [0.1], [0.2], [5.0], [5.1], [5.2]]), np.array([0, 0, 0, 1, 1, 1])
    >>> fu_lp(np.array([[1.0, 2.0]]), features, labels, folds=3)
    2.0
    """
    return feature_uniqueness(triplet_gradient_norms) * linear_probe(features, labels, folds, penalty, seed)
