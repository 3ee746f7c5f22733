"""ETran: is the target in-distribution for the model (energy), and are its classes separable (classification)?

The authors add both terms after scaling each to [0, 1] over the models compared. A sum over a hub depends on the hub's
other members, so the terms are metrics of their own here and are added, if at all, in the analysis.
"""

import torch

from baselines.kernels.checks import Array, class_indices, feature_matrix, within
from baselines.kernels.discriminant import fit_discriminant
from baselines.kernels.linear_algebra import principal_components
from baselines.kernels.streaming_statistics import sufficient_statistics


def etran_energy(features: Array, share: float = 1.0) -> float:
    """Energy term of ETran, the mean negative free energy log sum_j exp(f_ij) of the features.

    It looks at no labels. It does not change when samples or features are reordered; it depends on the scale of the
    features, and on their number through up to log d.

    Paper: Gholami et al., "ETran: energy-based transferability estimation", ICCV 2023. The authors'
    code averages over the share of samples with the lowest values, 0.5 % of them by default.

    Args:
        features: (n, d) target features.
        share: Average over this share of the samples, those with the lowest values (at least one sample).

    Returns:
        The score, between the mean of the samples' largest features and that plus log d; higher is more transferable.

    Raises:
        ValueError: Wrong shape, an empty input, NaN, a share outside (0, 1].
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> round(etran_energy(np.zeros((3, 2))), 6)
    0.693147
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must be in (0, 1], got {share!r}")
    rows = feature_matrix(features)
    lowest = torch.logsumexp(rows, dim=1).sort()
    chosen = lowest.indices[: max(1, round(share * len(rows)))]
    low = float(rows[chosen].max(dim=1).values.mean())
    high = low + float(torch.log(torch.tensor(rows.shape[1], dtype=torch.float64)))
    return within(float(lowest.values[: len(chosen)].mean()), low, high, "ETran energy")


def etran_classification(features: Array, labels: Array) -> float:
    """Classification term of ETran, the mean probability that a regularised linear discriminant gives the true class.

    The discriminant is the first stage of `sfda`, with its scale-dependent shrinkage. The score does not change when
    classes are renamed, samples reordered, or features rotated or shifted. It saturates at 1 for n < d; out of fold it
    is `lda_out_of_fold`.

    Paper: Gholami et al., "ETran: energy-based transferability estimation", ICCV 2023.

    Args:
        features: (n, d) target features.
        labels: (n,) integer target labels.

    Returns:
        The score, in [0, 1]; higher is more transferable.

    Raises:
        ValueError: Wrong shapes, an empty input, one class only, NaN.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> round(etran_classification(np.array([[0.0], [1.0], [8.0], [9.0]]), np.array([0, 0, 1, 1])), 6)
    1.0
    """
    rows = feature_matrix(features)
    n, d = rows.shape
    index = class_indices(labels, n).of_sample.to(rows.device)
    if n <= d:
        rows = principal_components(rows)
    discriminant = fit_discriminant(sufficient_statistics(rows, labels), dimensions=d)
    value = float(discriminant.posterior(rows).gather(1, index[:, None]).mean())
    return within(value, 0.0, 1.0, "ETran classification")
