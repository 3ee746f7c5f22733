"""Discriminants judged on images that they were not fitted to.

`etran_classification`, `sfda` and the like are fitted and judged on the same images. With fewer images than features a
discriminant tells those apart whatever they are, and the score is 1 for every candidate. Here the same discriminants
are fitted to four fifths of the images and judged on the last, in turn. The score stays the mean probability of the
true class, so that only the folds differ from the metric in fold: accuracy moves in steps of 1 / n and ties, and with
this shrinkage the mean logarithm would be that of the one image on which a sure discriminant is wrong.
"""

import math
from collections.abc import Callable

import torch

from baselines._sfda import fit_self_challenging
from baselines.kernels.checks import Array, class_indices, feature_matrix, within
from baselines.kernels.discriminant import discriminant_shrinkage, fit_discriminant
from baselines.kernels.folds import stratified_folds
from baselines.kernels.linear_algebra import principal_components
from baselines.kernels.streaming_statistics import sufficient_statistics

Judge = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""From held-out rows and their classes to the probabilities of these classes."""

Fit = Callable[[torch.Tensor, torch.Tensor, int], Judge]
"""From rows, their classes and the number of features to a judge."""


def lda_out_of_fold(features: Array, labels: Array, folds: int = 5, seed: int = 0) -> float:
    """Mean probability that linear discriminant analysis gives to the true class of images held out.

    The discriminant and its scale-dependent shrinkage are those of `etran_classification`, which is this score in fold.
    It does not change when classes are renamed, or features rotated or shifted; reordering samples draws other folds.

    Paper: Gholami et al., "ETran: energy-based transferability estimation", ICCV 2023, for the score; the shrinkage is
    that of Shao et al., "Not all models are equal", ECCV 2022. The folds are ours.

    Args:
        features: (n, d) target features.
        labels: (n,) integer target labels.
        folds: Number of stratified folds, at most n of them are made.
        seed: Seed of the folds.

    Returns:
        The score, in [0, 1]; higher is more transferable. A class with one sample is never predicted for it.

    Raises:
        ValueError: Wrong shapes, an empty input, one class only, NaN, fewer than two folds.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> round(lda_out_of_fold(np.array([[0.0], [1.0], [8.0], [9.0]]), np.array([0, 0, 1, 1]), folds=2), 6)
    1.0
    """
    return _held_out(features, labels, folds, seed, _linear, "LDA out of fold")


def qda_out_of_fold(features: Array, labels: Array, folds: int = 5, seed: int = 0) -> float:
    """Mean probability that quadratic discriminant analysis gives to the true class of images held out.

    Each class has a Gaussian of its own with the covariance (1 - s) S_c + s tr(S_w) / d I, where S_w is the covariance
    within classes and s its shrinkage in `lda_out_of_fold`. For n < d this asks how far an image is from the plane
    through the images of a class. It does not change when classes are renamed, or features rotated or shifted;
    reordering samples draws other folds.

    Paper: after Friedman, "Regularized discriminant analysis", JASA 1989, with the shrinkage of Shao et al., "Not all
    models are equal", ECCV 2022.

    Args:
        features: (n, d) target features.
        labels: (n,) integer target labels.
        folds: Number of stratified folds, at most n of them are made.
        seed: Seed of the folds.

    Returns:
        The score, in [0, 1]; higher is more transferable. A class with one sample is never predicted for it.

    Raises:
        ValueError: Wrong shapes, an empty input, one class only, NaN, fewer than two folds.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> round(qda_out_of_fold(np.array([[0.0], [1.0], [8.0], [9.0]]), np.array([0, 0, 1, 1]), folds=2), 6)
    1.0
    """
    return _held_out(features, labels, folds, seed, _quadratic, "QDA out of fold")


def sfda_out_of_fold(features: Array, labels: Array, folds: int = 5, seed: int = 0) -> float:
    """SFDA fitted to the images of the other folds and judged on those held out.

    Both stages are fitted without the images of a fold; these are mixed by the first stage, as the others are, and the
    score is the mean probability that the second gives to their classes. It does not change when classes are renamed,
    or features rotated or shifted; reordering samples draws other folds.

    Paper: Shao et al., "Not all models are equal: predicting model transferability in a self-challenging Fisher space",
    ECCV 2022, as for `sfda`. The folds are ours.

    Args:
        features: (n, d) target features.
        labels: (n,) integer target labels.
        folds: Number of stratified folds, at most n of them are made.
        seed: Seed of the folds.

    Returns:
        The score, in [0, 1]; higher is more transferable. A class with one sample is never predicted for it.

    Raises:
        ValueError: Wrong shapes, an empty input, one class only, NaN, fewer than two folds.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> round(sfda_out_of_fold(np.array([[0.0], [1.0], [8.0], [9.0]]), np.array([0, 0, 1, 1]), folds=2), 6)
    1.0
    """
    return _held_out(features, labels, folds, seed, _self_challenging, "SFDA out of fold")


def _held_out(features: Array, labels: Array, folds: int, seed: int, fit: Fit, name: str) -> float:
    if folds < 2:
        raise ValueError(f"folds must be at least 2, got {folds!r}")
    rows = feature_matrix(features)
    n, d = rows.shape
    index = class_indices(labels, n).of_sample
    fold = torch.from_numpy(stratified_folds(index.numpy(), min(folds, n), seed)).to(rows.device)
    index = index.to(rows.device)
    if n <= d:
        rows = principal_components(rows)  # the same distances in fewer dimensions; no label is looked at
    probability = rows.new_zeros(n)
    for held in range(int(fold.max()) + 1):
        known, classes = torch.unique(index[fold != held], return_inverse=True)
        judged = (fold == held) & torch.isin(index, known)  # what was never seen cannot be predicted
        if len(known) == 1:
            probability[judged] = 1.0
        elif bool(judged.any()):
            judge = fit(rows[fold != held], classes, d)
            probability[judged] = judge(rows[judged], torch.searchsorted(known, index[judged]))
    return within(float(probability.mean()), 0.0, 1.0, name)


def _linear(rows: torch.Tensor, index: torch.Tensor, dimensions: int) -> Judge:
    discriminant = fit_discriminant(sufficient_statistics(rows, index), dimensions=dimensions)
    return lambda held, classes: discriminant.posterior(held).gather(1, classes[:, None])[:, 0]


def _self_challenging(rows: torch.Tensor, index: torch.Tensor, dimensions: int) -> Judge:
    return fit_self_challenging(rows, index, dimensions).probability


def _quadratic(rows: torch.Tensor, index: torch.Tensor, dimensions: int) -> Judge:
    statistics = sufficient_statistics(rows, index)
    shrinkage, level = discriminant_shrinkage(statistics, dimensions)
    classes = [_gaussian(rows[index == c], shrinkage, level) for c in range(len(statistics.counts))]
    prior = torch.log(statistics.priors)

    def judge(held: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
        density = torch.stack([one(held) for one in classes], dim=1)
        return torch.softmax(density + prior, dim=1).gather(1, true[:, None])[:, 0]

    return judge


def _gaussian(rows: torch.Tensor, shrinkage: float, level: float) -> Callable[[torch.Tensor], torch.Tensor]:
    """Log density, up to a constant of all classes, of the Gaussian with (1 - shrinkage) S + level I.

    S has the rank of the class at most. Off its axes the variance is `level`, and no d x d matrix is needed.
    """
    n, d = rows.shape
    mean = rows.mean(dim=0)
    _, singular, axes = torch.linalg.svd(rows - mean, full_matrices=False)
    variance = (1 - shrinkage) * singular.square() / n + level
    volume = float(torch.log(variance).sum()) + (d - len(variance)) * math.log(level)

    def log_density(held: torch.Tensor) -> torch.Tensor:
        along = (held - mean) @ axes.T
        off = held - mean - along @ axes
        distance = (along.square() / variance).sum(dim=1) + off.square().sum(dim=1) / level
        return -0.5 * (distance + volume)

    return log_density
