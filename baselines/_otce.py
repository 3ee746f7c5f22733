"""OTCE's two terms, and JC-OTCE: how far the images of the source are moved, and what their classes say then.

OTCE itself (Tan, Li, Huang, CVPR 2021) is a weight times the cost of the transport, plus a weight times the conditional
entropy, plus an intercept, and the three are fitted to the accuracies of auxiliary transfers. A metric sees one pair
and no accuracy, so OTCE is no metric here; its terms are `otce_domain` and `f_otce`, to be weighted where the
accuracies of other targets are at hand.
"""

import math

import torch

from baselines.kernels.checks import Array, entropy, within
from baselines.kernels.transport import (
    Labelled,
    feature_cost,
    labelled_cost,
    labelled_pair,
    pooled_variance,
    transport_cost,
    transport_plan,
)


def f_otce(
    features: Array, labels: Array, source_features: Array, source_targets: Array, cap: int = 500, seed: int = 0
) -> float:
    """F-OTCE, minus the entropy of the target's class given the source's class, under the cheapest transport.

    The images of the source are moved onto those of the target so that the sum of squared distances is smallest. The
    mass that goes from class to class is their joint distribution P, and the score is -H(Y_t | Y_s) under P. It does
    not change when classes are renamed, samples reordered (up to the cap), or both sets of features are rotated,
    shifted or multiplied by the same constant. It is 0 for equal datasets.

    Paper: Tan, Zhang, Li, Huang, Zhang, "Transferability-guided cross-domain cross-task transfer learning", IEEE TNNLS
    2025, arXiv 2207.05510; the entropy is that of "OTCE: a transferability metric for cross-domain cross-task
    representations", CVPR 2021. Transport is exact, as in the authors' released code; the papers add an entropic
    penalty. Images at the same place are interchangeable, so their classes are averaged: which of them a solver moves
    first must not matter. The solver is POT's: Flamary et al., "POT: Python optimal transport", JMLR 2021.

    Args:
        features: (n, d) target features.
        labels: (n,) integer target labels.
        source_features: (m, d) features of the source's own images under the same checkpoint.
        source_targets: (m,) integer labels of those images.
        cap: At most so many samples of each dataset are transported, drawn at random.
        seed: Seed of the draw.

    Returns:
        The score in nats, in [-H(Y_t), 0]; higher is more transferable.

    Raises:
        ValueError: Wrong shapes, an empty input, one class only, NaN, a cap below 2, or POT is not installed.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> x, y = np.array([[0.0], [1.0], [4.0], [5.0]]), np.array([0, 0, 1, 1])
    >>> f_otce(x, y, x, y), round(f_otce(x, y, x, np.array([0, 1, 0, 1])), 6)
    (0.0, -0.693147)
    """
    target, source = _scaled(features, labels, source_features, source_targets, cap, seed)
    return _negative_entropy(feature_cost(target, source), target, source, "F-OTCE")


def otce_domain(
    features: Array, labels: Array, source_features: Array, source_targets: Array, cap: int = 500, seed: int = 0
) -> float:
    """Minus the domain difference of OTCE: the cost of moving the source's images onto the target's.

    It is the mean squared distance under the cheapest transport, in units of the mean of the two total variances; the
    authors leave it in the features' own, of which every checkpoint has others. Labels are checked and decide nothing.
    It does not change when samples are reordered (up to the cap), or both sets of features are rotated, shifted or
    multiplied by the same constant. It is 0 for equal datasets.

    Paper: Tan, Li, Huang, "OTCE: a transferability metric for cross-domain cross-task representations", CVPR 2021,
    arXiv 2103.13843; transport as for `f_otce`.

    Args:
        features: (n, d) target features.
        labels: (n,) integer target labels.
        source_features: (m, d) features of the source's own images under the same checkpoint.
        source_targets: (m,) integer labels of those images.
        cap: At most so many samples of each dataset are transported, drawn at random.
        seed: Seed of the draw.

    Returns:
        The score, at most 0; higher is more transferable.

    Raises:
        ValueError: Wrong shapes, an empty input, one class only, NaN, a cap below 2, or POT is not installed.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> x, y = np.array([[0.0], [2.0]]), np.array([0, 1])
    >>> otce_domain(x, y, x, y), otce_domain(x, y, x + 3, y)
    (0.0, -9.0)
    """
    target, source = _scaled(features, labels, source_features, source_targets, cap, seed)
    return within(0.0 - transport_cost(feature_cost(target, source)), -math.inf, 0.0, "OTCE's domain difference")


def jc_otce(
    features: Array, labels: Array, source_features: Array, source_targets: Array, cap: int = 500, seed: int = 0
) -> float:
    """JC-OTCE, which is F-OTCE with the labels in the cost of transport.

    Moving (x, y) to (x', y') costs |x - x'|^2 / 2 + W_2(N_y, N_y')^2 / 2, with N_y the Gaussian fitted to the features
    of class y. With these equal weights, the authors', the plan is that of `otdd`. Invariances as for `f_otce`.

    Paper: Tan et al., IEEE TNNLS 2025, as for `f_otce`.

    Args:
        features: (n, d) target features.
        labels: (n,) integer target labels.
        source_features: (m, d) features of the source's own images under the same checkpoint.
        source_targets: (m,) integer labels of those images.
        cap: At most so many samples of each dataset are transported, drawn at random.
        seed: Seed of the draw.

    Returns:
        The score in nats, in [-H(Y_t), 0]; higher is more transferable.

    Raises:
        ValueError: Wrong shapes, an empty input, one class only, NaN, a cap below 2, or POT is not installed.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> x, y = np.array([[0.0], [1.0], [4.0], [5.0]]), np.array([0, 0, 1, 1])
    >>> jc_otce(x, y, x + 1, y)
    0.0
    """
    target, source = _scaled(features, labels, source_features, source_targets, cap, seed)
    return _negative_entropy(labelled_cost(target, source), target, source, "JC-OTCE")


def _scaled(
    features: Array, labels: Array, source_features: Array, source_targets: Array, cap: int, seed: int
) -> tuple[Labelled, Labelled]:
    """Target and source in units in which the solver's tolerances mean something."""
    target, source = labelled_pair(features, labels, source_features, source_targets, cap, seed)
    unit = pooled_variance(target, source) ** 0.5 or 1.0
    return Labelled(target.points / unit, target.classes), Labelled(source.points / unit, source.classes)


def _negative_entropy(cost: torch.Tensor, target: Labelled, source: Labelled, name: str) -> float:
    seen, drawn = _class_shares(cost, target.classes), _class_shares(cost.T, source.classes)
    joint = seen.T @ transport_plan(cost) @ drawn
    conditional = joint / joint.sum(dim=0)
    low = -entropy(torch.bincount(target.classes))
    return within(float(torch.special.xlogy(joint, conditional).sum()), low, 0.0, name)


def _class_shares(cost: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """(n, C) classes of each sample; of samples that cost the same wherever they go, their mean."""
    place = torch.unique(cost, dim=0, return_inverse=True)[1]
    one_hot = torch.nn.functional.one_hot(classes).to(cost)
    total = cost.new_zeros(int(place.max()) + 1, one_hot.shape[1]).index_add_(0, place, one_hot)
    return (total / total.sum(dim=1, keepdim=True))[place]
