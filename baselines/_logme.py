"""LogME: the evidence of Bayesian linear regression from features onto one-hot labels."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from baselines.kernels.checks import Array, class_indices, feature_matrix, raw_matrix, within
from baselines.kernels.linear_algebra import eigh
from baselines.kernels.streaming_statistics import SufficientStatistics, sufficient_statistics
from baselines.kernels.tridiagonal import tridiagonal_form

# gamma = beta / alpha is searched where gamma * (largest eigenvalue) lies in this range, so that rescaled features get
# the same score. The grid is fine enough to catch every local maximum: f varies on a scale of 1 in log gamma.
_LOG_RANGE = (math.log(1e-12), math.log(1e16))
_GRID_STEP = 0.5
# Labels that are an exact linear function of fewer than n directions have unbounded evidence (beta -> infinity).
# Residuals below this share of the label energy are taken as this share: the score stays finite and does not depend on
# rounding.
_RESIDUAL_FLOOR = 1e-10


@dataclass(frozen=True)
class Evidence:
    """Maximised log evidence of each class, and where the maximum lies.

    Attributes:
        log_evidence: (C,) natural logarithms, not divided by n.
        alpha: (C,) precision of the prior over weights.
        beta: (C,) precision of the noise.
    """

    log_evidence: np.ndarray
    alpha: np.ndarray
    beta: np.ndarray


def logme(features: Array, labels: Array) -> float:
    """Logarithm of Maximum Evidence, the mean over classes of max_{alpha, beta} log p(y_c | X, alpha, beta) / n.

    y_c is the 0/1 indicator of class c; weights have prior N(0, I / alpha) and observations noise N(0, I / beta). The
    evidence is that of all n samples and all d dimensions, also for n < d. It does not change when classes are renamed,
    samples reordered, or features rotated or multiplied by a constant.

    Paper: You, Liu, Wang, Long, "LogME: practical assessment of pre-trained models for transfer learning", ICML 2021.
    A search of the same objective replaces the paper's fixed-point iteration, see `maximise_evidence`.

    Args:
        features: (n, d) target features of the checkpoint, any real dtype; read in blocks, may be a memory map.
        labels: (n,) integer target labels.

    Returns:
        The score in nats per sample, at least that of useless features, -1/2 mean_c (log(2 pi n_c / n) + 1). It has no
        upper bound: labels that are a linear function of few directions would score infinity and are capped.

    Raises:
        ValueError: Wrong shapes, an empty input, one class only, NaN.

    >>> import numpy as np
    >>> x = np.array([[0.0], [1.0], [2.0], [4.0]])
    >>> round(logme(x, np.array([0, 0, 1, 1])), 6)
    -0.838456
    """
    return _score(*_feature_evidence(features, labels))


def logme_from(statistics: SufficientStatistics) -> float:
    """`logme` of features known by their sufficient statistics; costs one eigendecomposition of X^T X.

    Args:
        statistics: Statistics with at least two classes.

    Returns:
        The score in nats per sample.

    >>> import numpy as np
    >>> from baselines import sufficient_statistics
    >>> x = np.array([[0.0], [1.0], [2.0], [4.0]])
    >>> round(logme_from(sufficient_statistics(x, np.array([0, 0, 1, 1]))), 6)
    -0.838456
    """
    return _score(_statistics_evidence(statistics), statistics.counts.numpy(), statistics.n)


def log_evidence(features: Array, labels: Array) -> Evidence:
    """Maximised log evidence of every class, with its alpha and beta; `logme` is its mean divided by n.

    Args:
        features: (n, d) target features.
        labels: (n,) integer target labels.

    Returns:
        The evidence in ascending order of the labels.

    Raises:
        ValueError: Wrong shapes, an empty input, one class only, NaN.

    >>> import numpy as np
    >>> found = log_evidence(np.array([[0.0], [1.0], [2.0], [4.0]]), np.array([0, 0, 1, 1]))
    >>> round(float(found.log_evidence.mean()) / 4, 6)
    -0.838456
    """
    return _feature_evidence(features, labels)[0]


def maximise_evidence(eigenvalues: torch.Tensor, energy: torch.Tensor, counts: torch.Tensor, n: int) -> Evidence:
    """Log evidence of all classes, maximised at once from spectral quantities alone.

    With gamma = beta / alpha, the labels are Gaussian with covariance (I + gamma X X^T) / beta. The best beta for a
    gamma is n / q with q = residual + sum_i energy_i / (1 + gamma lambda_i), which leaves a function of gamma alone,

        f(gamma) = -1/2 [n log(2 pi q / n) + n + sum_i log(1 + gamma lambda_i)].

    It may have several maxima; a grid in log gamma finds the best cell (one matrix product for all classes) and a
    safeguarded Newton iteration the maximum in it.

    Args:
        eigenvalues: (k,) eigenvalues of X^T X or X X^T; zeros need not be present.
        energy: (k, C) squared projections (u_i^T y_c)^2 on the left singular vectors u_i.
        counts: (C,) samples of each class, the squared norms of the indicators.
        n: Number of samples.

    Returns:
        The evidence of each class.
    """
    counts = counts.to(energy)
    top = float(eigenvalues.max())
    positive = eigenvalues > top * max(n, len(eigenvalues)) * torch.finfo(torch.float64).eps
    relative, energy = eigenvalues[positive] / (top or 1.0), energy[positive]
    if len(relative) < n:
        residual = torch.maximum(counts - energy.sum(dim=0), _RESIDUAL_FLOOR * counts)
    else:
        residual = torch.zeros_like(counts)  # n independent directions interpolate everything

    grid = torch.arange(*_LOG_RANGE, _GRID_STEP, dtype=torch.float64, device=energy.device)
    growth = torch.exp(grid)[:, None] * relative
    q = residual + (1 / (1 + growth)) @ energy
    objective = -0.5 * (n * torch.log(q) + torch.log1p(growth).sum(dim=1, keepdim=True))
    best = grid[objective.argmax(dim=0)]
    low, high = (best - _GRID_STEP).clamp_min(_LOG_RANGE[0]), (best + _GRID_STEP).clamp_max(float(grid[-1]))
    log_gamma = _newton(best, low, high, relative, energy, residual, n)

    growth = torch.exp(log_gamma) * relative[:, None]
    q = residual + (energy / (1 + growth)).sum(dim=0)
    value = -0.5 * (n * (torch.log(2 * torch.pi * q / n) + 1) + torch.log1p(growth).sum(dim=0))
    beta = n / q
    alpha = beta * top / torch.exp(log_gamma)
    return Evidence(*(part.cpu().numpy() for part in (value, alpha, beta)))


def _newton(
    start: torch.Tensor,
    low: torch.Tensor,
    high: torch.Tensor,
    relative: torch.Tensor,
    energy: torch.Tensor,
    residual: torch.Tensor,
    n: int,
) -> torch.Tensor:
    """Root of df / d log gamma in [low, high] for every class; classes that have converged drop out."""
    result = start.clone()
    active = torch.arange(len(start), device=start.device)
    position = start
    for _ in range(60):
        weight = torch.exp(position) * relative[:, None]
        weight = weight / (1 + weight)
        part = energy[:, active] * (1 - weight)
        q = residual[active] + part.sum(dim=0)
        part = part * weight
        first = part.sum(dim=0) / q
        second = (part * (1 - 2 * weight)).sum(dim=0) / q
        slope = 0.5 * (n * first - weight.sum(dim=0))
        curvature = 0.5 * (n * (second + first**2) - (weight * (1 - weight)).sum(dim=0))
        result[active] = position
        low, high = torch.where(slope > 0, position, low), torch.where(slope > 0, high, position)
        # What is left to gain is at most |slope| times the bracket.
        going = slope.abs() * (high - low) > 1e-11 * n
        if not bool(going.any()):
            break
        step = position - slope / torch.where(curvature < 0, curvature, -torch.inf)
        inside = (step > low) & (step < high) & (curvature < 0)
        position = torch.where(inside, step, (low + high) / 2)[going]
        active, low, high = active[going], low[going], high[going]
    return result


def _feature_evidence(features: Array, labels: Array) -> tuple[Evidence, np.ndarray, int]:
    matrix = raw_matrix(features)
    n, d = matrix.shape
    index, counts, _ = class_indices(labels, n)
    if n >= d:
        statistics = sufficient_statistics(features, labels)
        return _statistics_evidence(statistics), counts.numpy(), n
    rows = feature_matrix(features)
    eigenvalues, vectors = eigh(rows @ rows.T)
    sums = vectors.new_zeros(len(counts), n).index_add_(0, index.to(rows.device), vectors)
    return maximise_evidence(eigenvalues, sums.T**2, counts, n), counts.numpy(), n


def _statistics_evidence(statistics: SufficientStatistics) -> Evidence:
    if statistics.gram.is_cuda:
        eigenvalues, basis = eigh(statistics.second_moments)
        coordinates = basis.T @ statistics.uncentred_class_sums.T
    else:
        spectrum = tridiagonal_form(statistics).uncentred_spectrum(statistics.counts.numpy())
        eigenvalues, coordinates = (torch.from_numpy(part) for part in spectrum)
    safe = torch.where(eigenvalues > 0, eigenvalues, torch.inf)
    energy = coordinates**2 / safe[:, None]
    return maximise_evidence(eigenvalues, energy, statistics.counts, statistics.n)


def _score(evidence: Evidence, counts: np.ndarray, n: int) -> float:
    null = -0.5 * float(np.mean(np.log(2 * np.pi * counts / n) + 1))
    return within(float(evidence.log_evidence.mean()) / n, null, math.inf, "LogME")
