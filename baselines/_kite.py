"""KITE: are the features like the labels, and unlike those of a network that has learned nothing?"""

import math

import torch

from baselines.kernels.checks import Array, class_indices, feature_matrix, within
from baselines.kernels.linear_algebra import EPS


def kite(features: Array, labels: Array, random_features: Array) -> float:
    """KITE, CKA(K_s, K_Y) / CKA(K_s, K_rand) with linear kernels.

    CKA is the cosine of two centred kernel matrices. K_s is the kernel of the features, K_Y is 1 for two images of one
    class and 0 otherwise (any other two values give the same), and K_rand is the kernel of the features that the same
    network gives with random weights. The score does not change when classes are renamed, samples reordered, or either
    set of features is rotated, shifted or multiplied by a constant.

    Paper: Guo, "KITE: a kernel-based improved transferability estimation method", 2024, arXiv 2405.01603. It reports
    that other kernels, and other random weights, make little difference; the linear one has no width to choose.

    Args:
        features: (n, d) target features.
        labels: (n,) integer target labels.
        random_features: (n, k) features of the same images under the network before training.

    Returns:
        The score, in [0, inf); higher is more transferable. 0 if all features are equal, which are like nothing.

    Raises:
        ValueError: Wrong shapes, an empty input, one class only, NaN; random_features that are all equal, or of
            which the features hold nothing at all, so that the ratio has no value.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> x, y = np.array([[0.0], [1.0], [2.0]]), np.array([0, 0, 1])
    >>> round(kite(x, y, x), 6)
    0.75
    """
    rows = feature_matrix(features)
    n = len(rows)
    index, counts, _ = class_indices(labels, n)
    untrained = feature_matrix(random_features, "random_features").to(rows.device)
    if len(untrained) != n:
        raise ValueError(
            f"random_features has {len(untrained)} rows but features has {n}: they must describe the same samples"
        )
    classes = torch.nn.functional.one_hot(index, len(counts)).to(rows)
    seen, noise, truth = _standardised(rows), _standardised(untrained), classes - classes.mean(dim=0)
    if noise is None:
        raise ValueError("random_features are all equal: the untrained network tells no two images apart")
    if seen is None:
        return 0.0
    alignment = _overlap(seen, noise)
    if alignment <= n * EPS * _energy(seen) * _energy(noise):
        raise ValueError("random_features have nothing in common with features: KITE divides by their alignment")
    # The norm of K_s stands in both alignments.
    return within(_overlap(seen, truth) / alignment * _energy(noise) / _energy(truth), 0.0, math.inf, "KITE")


def _standardised(matrix: torch.Tensor) -> torch.Tensor | None:
    """Rows centred and divided by their largest entry, which CKA does not see; None if all rows are equal."""
    largest = float(matrix.abs().max()) or 1.0
    centred = matrix / largest - (matrix / largest).mean(dim=0)
    scale = float(centred.abs().max())
    return None if scale <= len(matrix) * EPS else centred / scale


def _overlap(a: torch.Tensor, b: torch.Tensor) -> float:
    """Inner product of the kernel matrices of centred a (n, d) and b (n, k), in the cheaper of its two forms."""
    if len(a) < min(a.shape[1], b.shape[1]):
        return float(((a @ a.T) * (b @ b.T)).sum())
    return float((a.T @ b).square().sum())


def _energy(a: torch.Tensor) -> float:
    """Frobenius norm of the kernel matrix of centred a."""
    return math.sqrt(_overlap(a, a))
