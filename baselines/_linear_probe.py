"""Linear probe: cross-validated accuracy of a linear classifier of the target-train features."""

import torch

from baselines.kernels.checks import Array, class_indices, feature_matrix, within
from baselines.kernels.folds import stratified_folds
from baselines.kernels.linear_algebra import principal_components
from baselines.kernels.softmax_regression import fit_softmax_regression


def linear_probe(features: Array, labels: Array, folds: int = 5, penalty: float = 1e-2, seed: int = 0) -> float:
    """Accuracy of L2-penalised softmax regression in stratified k-fold cross-validation.

    Features are centred and divided by their root mean squared norm, so that the penalty means the same for every
    checkpoint. The score does not change when classes are renamed, or features rotated, shifted or multiplied by a
    constant; reordering samples draws other folds.

    Paper: as a transferability metric the linear proxy of Renggli et al., "Which model to transfer? Finding the needle
    in the growing haystack", CVPR 2022.

    Args:
        features: (n, d) target features.
        labels: (n,) integer target labels.
        folds: Number of folds, at most n of them are made.
        penalty: Weight of |W|^2 / 2 beside the mean cross-entropy.
        seed: Seed of the folds.

    Returns:
        The score, in [0, 1]; higher is more transferable. A class with one sample is never predicted for it.

    Raises:
        ValueError: Wrong shapes, an empty input, one class only, NaN, fewer than two folds, a penalty that is not
            positive.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> linear_probe(np.array([[0.0], [0.1], [0.2], [5.0], [5.1], [5.2]]), np.array([0, 0, 0, 1, 1, 1]), folds=3)
    1.0
    """
    if folds < 2:
        raise ValueError(f"folds must be at least 2, got {folds!r}")
    if not penalty > 0:
        raise ValueError(f"penalty must be positive, got {penalty!r}")
    rows = feature_matrix(features)
    n = len(rows)
    index, counts, _ = class_indices(labels, n)
    fold = torch.from_numpy(stratified_folds(index.numpy(), min(folds, n), seed)).to(rows.device)
    index = index.to(rows.device)
    points = principal_components(rows)
    largest = float(points.abs().max()) or 1.0
    points = points / largest
    norm = float(torch.linalg.vecdot(points, points).mean().sqrt()) or 1.0
    points = points / norm
    correct = 0
    for held in range(int(fold.max()) + 1):
        train, test = fold != held, fold == held
        fitted = fit_softmax_regression(points[train], index[train], len(counts), penalty)
        correct += int((fitted.logits(points[test]).argmax(dim=1) == index[test]).sum())
    return within(correct / n, 0.0, 1.0, "linear probe")
