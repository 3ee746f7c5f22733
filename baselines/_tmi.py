"""TMI: how much the features vary within classes."""

from baselines.kernels.checks import Array, class_indices, feature_matrix, within


def tmi(features: Array, labels: Array) -> float:
    """TMI, the variance of the features within classes: (1/n) sum_c n_c tr(S_c).

    S_c is the covariance of class c, divided by n_c; a class of one image adds nothing. More is better: features that
    still vary within a class have not collapsed to the source's classes and can be adapted. The score does not change
    when classes are renamed, samples reordered, or features rotated or shifted. It is in squared units of the features,
    so it grows with their scale: candidates of one architecture can be compared, others with care.

    Paper: Xu, Kang, "Fast and accurate transferability measurement by evaluating intra-class feature variance", ICCV
    2023, arXiv 2308.05986. The weighted form above is the one in use by benchmarks of such metrics.

    Args:
        features: (n, d) target features.
        labels: (n,) integer target labels.

    Returns:
        The score, between 0 and the total variance of the features; higher is more transferable.

    Raises:
        ValueError: Wrong shapes, an empty input, one class only, NaN.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> tmi(np.array([[0.0], [2.0], [8.0], [10.0]]), np.array([0, 0, 1, 1]))
    1.0
    """
    rows = feature_matrix(features)
    n, d = rows.shape
    index, counts, _ = class_indices(labels, n)
    index = index.to(rows.device)
    # Deviations first, squares after: a difference of total and between-class variance would leave its rounding.
    centred = rows - rows.mean(dim=0)
    means = rows.new_zeros(len(counts), d).index_add_(0, index, centred) / counts.to(rows)[:, None]
    value = float((centred - means[index]).square().sum()) / n
    return within(value, 0.0, float(centred.square().sum()) / n, "TMI")
