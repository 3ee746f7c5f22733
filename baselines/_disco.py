"""DISCO: do the strong directions of the features tell the classes apart?"""

import torch

from baselines.kernels.checks import Array, class_indices, feature_matrix, within
from baselines.kernels.linear_algebra import principal_components

LEAST_WITHIN = 1e-8
"""Smallest share of a component's variance that counts as within classes: one that separates them wholly counts 1e8."""


def disco(features: Array, labels: Array) -> float:
    """DISCO for classification: sum over the spectral components g of s_g / sum(s) * B_g / W_g.

    The centred features are U diag(s) V^T, component g is U_g s_g, and its variance is B_g between the class means
    (weighted by class shares) plus W_g within classes. The score does not change when classes are renamed, samples
    reordered, or features rotated, shifted or multiplied by a constant. One component alone is a line, on which classes
    do not fall apart for n < d, so the score does not saturate.

    Paper: after Zhang et al., "Assessing pre-trained models for transfer learning through distribution of spectral
    components", AAAI 2025, arXiv 2412.19085. The weights s_g / sum(s) are theirs. Their value of a component is that of
    a nearest-centre classifier, whose formula we could not read; the ratio of variances stands in its place here.

    Args:
        features: (n, d) target features.
        labels: (n,) integer target labels.

    Returns:
        The score, in [0, 1e8]; higher is more transferable. 0 if all features are equal.

    Raises:
        ValueError: Wrong shapes, an empty input, one class only, NaN.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> round(disco(np.array([[0.0], [2.0], [8.0], [10.0]]), np.array([0, 0, 1, 1])), 6)  # 16 between, 1 within
    16.0
    """
    rows = feature_matrix(features)
    n = len(rows)
    index, counts, _ = class_indices(labels, n)
    index = index.to(rows.device)
    components = principal_components(rows)
    largest = float(components.abs().max())
    if largest == 0.0:
        return 0.0
    components = components / largest
    share = counts.to(rows) / n
    means = rows.new_zeros(len(counts), components.shape[1]).index_add_(0, index, components)
    means = means / counts.to(rows)[:, None]
    between = share @ means.square()
    inside = (components - means[index]).square().mean(dim=0)
    ratio = between / torch.maximum(inside, LEAST_WITHIN * (between + inside))
    strength = torch.linalg.norm(components, dim=0)
    return within(float(strength @ ratio / strength.sum()), 0.0, 1 / LEAST_WITHIN, "DISCO")
