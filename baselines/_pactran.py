"""PACTran: a PAC-Bayesian bound on the loss of a linear classifier of the features."""

import math

import torch

from baselines.kernels.checks import Array, class_indices, feature_matrix, within
from baselines.kernels.linear_algebra import principal_components
from baselines.kernels.softmax_regression import fit_softmax_regression


def pactran(features: Array, labels: Array, strength: float = 1.0, variance: float = 1.0) -> float:
    """PACTran with a Gaussian prior, minus the bound: regularised cross-entropy plus a flatness term.

    With v = strength n the bound is min over (W, b) of the mean cross-entropy + |W|^2 / (2 v), plus the flatness term
    variance C / (2 v) log(1 + v tr(H) / (C d)), where H is the Hessian of the mean cross-entropy in the weights W. The
    score does not change when classes are renamed, samples reordered, or features rotated or shifted (they are
    centred); it depends on their scale.

    Paper: Ding, Chen, Levinboim, Changpinyo, Soricut, "PACTran: PAC-Bayesian metrics for estimating the
    transferability of pretrained models to classification tasks", ECCV 2022. The authors' code leaves the
    1/n out of H and adds the biases' second derivatives to its trace; the formula above does neither.

    Args:
        features: (n, d) target features.
        labels: (n,) integer target labels.
        strength: lambda sigma_0^2 / n; the authors try 0.1, 1 and 10.
        variance: sigma_0^2 d, the prior variance times the dimension; the authors try 0.1 to 100.

    Returns:
        The score in nats, in (-inf, 0]; higher is more transferable.

    Raises:
        ValueError: Wrong shapes, an empty input, one class only, NaN, a strength or variance that is not positive.
        BoundsError: The value left its mathematical bounds.

    >>> import numpy as np
    >>> round(pactran(np.zeros((4, 1)), np.array([0, 0, 1, 1])), 6)
    -0.693147
    """
    if not (strength > 0 and variance > 0):
        raise ValueError(f"strength and variance must be positive, got {strength!r} and {variance!r}")
    rows = feature_matrix(features)
    n, d = rows.shape
    index, counts, _ = class_indices(labels, n)
    classes, prior = len(counts), strength * n
    # Rotations change neither the penalty nor the summed curvature, so directions without variance can go.
    points = principal_components(rows)
    fitted = fit_softmax_regression(points, index.to(rows.device), classes, 1 / prior)
    probabilities = torch.softmax(fitted.logits(points), dim=1)
    curvature = (probabilities * (1 - probabilities)).sum(dim=1)
    trace = float(curvature @ torch.linalg.vecdot(points, points)) / n
    flatness = 0.5 * variance * classes / prior * math.log1p(prior * trace / (classes * d))
    return within(-(fitted.loss + flatness), -math.inf, 0.0, "PACTran")
