"""SFDA: how well a discriminant separates the classes after they were moved towards each other."""

from dataclasses import dataclass

import torch

from baselines.kernels.checks import Array, class_indices, feature_matrix, within
from baselines.kernels.discriminant import Discriminant, fit_discriminant
from baselines.kernels.linear_algebra import principal_components
from baselines.kernels.streaming_statistics import sufficient_statistics


def sfda(features: Array, labels: Array) -> float:
    """Self-challenging Fisher Discriminant Analysis.

    A regularised linear discriminant is fitted; each sample is mixed with the mean of the other classes' means, the
    more the less the discriminant trusts it (ConfMix); a second discriminant with the same shrinkage is fitted to the
    mixed samples, and the score is the mean probability that it gives to the true class. Shrinkage is exp(-5 s), with
    s the largest eigenvalue of the within-class covariance, so the score depends on the scale of the features. It does
    not change when classes are renamed, samples reordered, or features rotated or shifted. It saturates at 1 for n <
    d; `sfda_out_of_fold` does not.

    Paper: Shao et al., "Not all models are equal: predicting model transferability in a self-challenging Fisher
    space", ECCV 2022. As in the authors' code all directions of the Fisher space are kept (which
    makes the first stage plain shrunk LDA), ConfMix uses the softmax of the posterior, and the final mean is of
    probabilities, not of their logarithms.

    Args:
        features: (n, d) target features.
        labels: (n,) integer target labels.

    Returns:
        The score, in [0, 1]; higher is more transferable.

    Raises:
        ValueError: Wrong shapes, an empty input, one class only, NaN.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> round(sfda(np.array([[0.0], [1.0], [8.0], [9.0]]), np.array([0, 0, 1, 1])), 6)
    1.0
    """
    rows = feature_matrix(features)
    n, d = rows.shape
    index = class_indices(labels, n).of_sample.to(rows.device)
    if n <= d:
        rows = principal_components(rows)  # the same distances in fewer dimensions
    probability = fit_self_challenging(rows, index, d).probability(rows, index)
    return within(float(probability.mean()), 0.0, 1.0, "SFDA")


@dataclass(frozen=True)
class SelfChallenging:
    """Both stages of SFDA, fitted.

    Attributes:
        first: The discriminant that says how far a sample is mixed.
        second: The discriminant of the mixed samples.
        others: (C, d) for each class the mean of the other classes' means.
    """

    first: Discriminant
    second: Discriminant
    others: torch.Tensor

    def probability(self, rows: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        """What the second stage gives to the classes of samples that are mixed by the first.

        Args:
            rows: (n, d) float64 features.
            index: (n,) their classes, 0..C-1.

        Returns:
            (n,) probabilities.
        """
        mixed = _mixed(rows, index, self.first, self.others)
        return self.second.posterior(mixed).gather(1, index[:, None])[:, 0]


def fit_self_challenging(rows: torch.Tensor, index: torch.Tensor, dimensions: int) -> SelfChallenging:
    """Fits both stages.

    Args:
        rows: (n, d) float64 features.
        index: (n,) their classes, 0..C-1, none of two or more without a sample.
        dimensions: Of the features before directions without any variance were dropped.

    Returns:
        The two discriminants, of one shrinkage.
    """
    statistics = sufficient_statistics(rows, index)
    first = fit_discriminant(statistics, dimensions=dimensions)
    means = statistics.class_offsets + statistics.mean
    others = (means.sum(dim=0) - means) / (len(means) - 1)
    mixed = sufficient_statistics(_mixed(rows, index, first, others), index)
    return SelfChallenging(first, fit_discriminant(mixed, first.shrinkage, dimensions=dimensions), others)


def _mixed(rows: torch.Tensor, index: torch.Tensor, first: Discriminant, others: torch.Tensor) -> torch.Tensor:
    """ConfMix: each sample is mixed with the other classes, the more the less the discriminant trusts it."""
    trust = torch.softmax(first.posterior(rows), dim=1).gather(1, index[:, None])
    return trust * rows + (1 - trust) * others[index]
