"""Weighted alpha: how heavy the tails of the weight matrices' spectra are. It looks at no data, so it is a control."""

import math
from collections.abc import Sequence

import torch

from baselines.kernels.checks import Array, check_finite, to_tensor

FEWEST = 10
"""A layer with fewer eigenvalues has no tail that a power law can be fitted to."""

NONE = 1e-5
"""Eigenvalues up to this share of a layer's largest are zeros of its rank."""

EQUAL = 1e-6
"""Eigenvalues that differ by less than this share are equal: weights are in single precision."""


def weighted_alpha(source_weights: Sequence[Array]) -> float:
    """Minus the weighted alpha of heavy-tailed self-regularisation: -(1/L) sum_l alpha_l log10(lambda_l).

    For each layer l with ten or more eigenvalues of W^T W that are not zero, lambda_l is the largest and alpha_l the
    exponent of a power law: of all starts x among them, the one whose law 1 - (t / x)^(1 - alpha) is nearest to the
    empirical distribution of the eigenvalues from x on, with the maximum-likelihood alpha = 1 + m / sum log(t / x). The
    eigenvalues of a convolution are those of its matrices (outputs, inputs) at all positions of the kernel together.
    Matrices are taken as they are: no factor for a layer's width or kernel.

    It looks at no images: it gives one order of the sources for all targets. It does not change when a layer's inputs
    or outputs are permuted or rotated. It depends on the scale of the weights.

    Paper: Martin, Peng, Mahoney, "Predicting trends in the quality of state-of-the-art neural networks without access
    to training or testing data", Nature Communications 2021. The fit is that of Clauset, Shalizi, Newman, "Power-law
    distributions in empirical data", SIAM Review 2009; the least number of eigenvalues is that of the authors' tool.

    Args:
        source_weights: Weights of the source's network; those with two axes (outputs, inputs) or four (outputs, inputs,
            height, width) are looked at.

    Returns:
        The score, any real number; higher is more transferable.

    Raises:
        ValueError: NaN, or no layer with ten eigenvalues that are not all equal.

    >>> import numpy as np
    >>> layer = np.diag(np.sqrt(0.5 ** -np.arange(12.0)))  # eigenvalues 1, 2, 4, ..., 2048
    >>> round(weighted_alpha([layer]), 3)
    -4.18
    """
    spectra = [spectrum for weights in source_weights if (spectrum := _spectrum(weights)) is not None]
    if not spectra:
        raise ValueError(
            f"source_weights have no layer of {FEWEST} eigenvalues that differ: no power law can be fitted"
        )
    return -math.fsum(power_law(spectrum) * math.log10(float(spectrum[-1])) for spectrum in spectra) / len(spectra)


def power_law(values: torch.Tensor) -> float:
    """Exponent of the power law that is fitted to the upper tail of positive numbers; see `weighted_alpha`.

    Args:
        values: (m,) float64, ascending, not all equal.

    Returns:
        The exponent, above 1.

    >>> power_law(torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)) > 1
    True
    """
    logs = torch.log(values)
    m = len(logs)
    tail = torch.arange(m, 0, -1, dtype=torch.float64)  # how many values there are from each on
    excess = logs.flip(0).cumsum(0).flip(0) - tail * logs
    best, exponent = math.inf, math.nan
    for start in range(m - 1):
        if logs[-1] - logs[start] <= EQUAL:
            break  # equal values have no tail
        steepness = tail[start] / excess[start]
        law = -torch.expm1(-steepness * (logs[start:] - logs[start]))
        distance = float((law - torch.arange(m - start, dtype=torch.float64) / tail[start]).abs().max())
        if distance < best:
            best, exponent = distance, 1 + float(steepness)
    return exponent


def _spectrum(weights: Array) -> torch.Tensor | None:
    """Eigenvalues of a layer in ascending order; None if it is no matrix or has too few."""
    tensor = to_tensor(weights, "source_weights")
    if tensor.ndim not in (2, 4) or min(tensor.shape) == 0:
        return None
    tensor = tensor.double().cpu()
    check_finite(tensor, "source_weights")
    matrices = tensor.reshape(*tensor.shape[:2], -1).permute(2, 0, 1)
    eigenvalues = torch.linalg.svdvals(matrices).square().flatten().sort().values
    eigenvalues = eigenvalues[eigenvalues > NONE * eigenvalues[-1]]
    if len(eigenvalues) < FEWEST or eigenvalues[0] >= (1 - 2 * EQUAL) * eigenvalues[-1]:
        return None
    return eigenvalues
