"""SFDA: how well a discriminant separates the classes after they were moved towards each other."""

import torch

from baselines.kernels.checks import Array, class_indices, feature_matrix, within
from baselines.kernels.discriminant import fit_discriminant
from baselines.kernels.linear_algebra import principal_components
from baselines.kernels.streaming_statistics import sufficient_statistics


def sfda(features: Array, labels: Array) -> float:
    """Self-challenging Fisher Discriminant Analysis.

    A regularised linear discriminant is fitted; each sample is mixed with the mean of the other classes' means, the
    more the less the discriminant trusts it (ConfMix); a second discriminant with the same shrinkage is fitted to the
    mixed samples, and the score is the mean probability that it gives to the true class. Shrinkage is exp(-5 s), with
    s the largest eigenvalue of the within-class covariance, so the score depends on the scale of the features. It does
    not change when classes are renamed, samples reordered, or features rotated or shifted. It saturates at 1 for n <
    d.

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
    classes = class_indices(labels, n)
    index = classes.of_sample.to(rows.device)
    if n <= d:
        rows = principal_components(rows)  # the same distances in fewer dimensions
    statistics = sufficient_statistics(rows, labels)
    first = fit_discriminant(statistics, dimensions=d)
    trust = torch.softmax(first.posterior(rows), dim=1).gather(1, index[:, None])
    means = statistics.class_offsets + statistics.mean
    others = (means.sum(dim=0) - means) / (len(means) - 1)
    mixed = trust * rows + (1 - trust) * others[index]
    second = fit_discriminant(sufficient_statistics(mixed, labels), first.shrinkage, dimensions=d)
    value = float(second.posterior(mixed).gather(1, index[:, None]).mean())
    return within(value, 0.0, 1.0, "SFDA")
