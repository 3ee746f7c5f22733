"""Distances between principal gradients."""

from __future__ import annotations

from collections.abc import Callable

import torch

from pgebench.core.errors import ConfigError
from pgebench.pge.expectation import PrincipalGradient
from pgebench.pge.halves import Estimate, Halves, between_halves, halves_of, mean_over_restarts, squared_norm


def product_distance(first: Halves, second: Halves) -> torch.Tensor:
    """norm(a - b) / (norm(a) norm(b)), the authors' released code.

    Scale both gradients by c and it divides by c, so it mixes direction with size.

    Args:
        first: Of one dataset.
        second: Of the other, at the same initialisations.

    Returns:
        (restarts,), one value per restart, from 0 up.
    """
    a, b = first.mean(1), second.mean(1)
    return (a - b).norm(dim=1) / (a.norm(dim=1) * b.norm(dim=1))


def unit_distance(first: Halves, second: Halves) -> torch.Tensor:
    """norm(a / norm(a) - b / norm(b)): of the gradients at unit length.

    Args:
        first: Of one dataset.
        second: Of the other, at the same initialisations.

    Returns:
        (restarts,), one value per restart, in [0, 2].
    """
    a, b = first.mean(1), second.mean(1)
    return (a / a.norm(dim=1, keepdim=True) - b / b.norm(dim=1, keepdim=True)).norm(dim=1)


def product_debiased(first: Halves, second: Halves) -> torch.Tensor:
    """`product_distance` without the part of its square that sampling noise adds.

    Products between halves, whose noise is independent, estimate the squares of norms without bias (cross-fitting).
    The square may come out below zero; its root then keeps the sign.

    Args:
        first: Of one dataset.
        second: Of the other, at the same initialisations.

    Returns:
        (restarts,), one value per restart; NaN where noise is all there is.
    """
    squared = between_halves(first - second) / (squared_norm(first) * squared_norm(second))
    return _signed_root(squared)


def unit_debiased(first: Halves, second: Halves) -> torch.Tensor:
    """`unit_distance` without the part of its square that sampling noise adds.

    The square is 2 - 2 cos, with the cosine's norms estimated by products between halves, whose noise is independent
    (cross-fitting). The cosine may come out above one; the root of the square then keeps its negative sign. With halves
    that hardly agree a norm may even be estimated as zero or less: that is no result, see `gradient_distance`.

    Args:
        first: Of one dataset.
        second: Of the other, at the same initialisations.

    Returns:
        (restarts,), one value per restart; NaN where noise is all there is.
    """
    product = torch.linalg.vecdot(first.mean(1), second.mean(1))
    norms = (squared_norm(first) * squared_norm(second)).sqrt()
    return _signed_root(2 - 2 * product / norms)


def _signed_root(squared: torch.Tensor) -> torch.Tensor:
    return squared.sign() * squared.abs().sqrt()


DISTANCES: dict[str, Callable[[Halves, Halves], torch.Tensor]] = {
    "product": product_distance,
    "unit": unit_distance,
    "product_debiased": product_debiased,
    "unit_debiased": unit_debiased,
}


def gradient_distance(
    first: PrincipalGradient | torch.Tensor,
    second: PrincipalGradient | torch.Tensor,
    distance: str = "unit",
    per_layer: bool = False,
) -> Estimate:
    """The distance of two principal gradients, averaged over restarts.

    Args:
        first: a principal gradient, or a tensor (restarts, parameters) or (parameters,).
        second: likewise, from the same backbone and settings.
        distance: a key of ``DISTANCES``.
        per_layer: the mean of the distances of the single parameter tensors, each of which counts the same, instead
            of the distance of all parameters together. Tensors without any gradient are left out.

    Returns:
        At least 0, and 0 to itself, unless ``distance`` is debiased. Its ``standard_error`` is that over restarts; it
        covers the draw of the initial weights and of the episodes. With one restart it is NaN.

    Raises:
        ConfigError: no such distance, gradients of different shape, or a debiased distance of plain tensors.
        NonFinite: a gradient is zero, not finite, or nothing but noise.

    >>> round(gradient_distance(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 2.0])), 6)
    1.414214
    """
    if distance not in DISTANCES:
        raise ConfigError(f"distance={distance}: choose from {', '.join(DISTANCES)}")
    a, b = halves_of(first, second, f"distance={distance}")
    values = _per_layer(first, a, b, distance) if per_layer else DISTANCES[distance](a, b)
    return mean_over_restarts(values, "distance")


def pge_score(
    source_gradient: PrincipalGradient,
    target_gradient: PrincipalGradient,
    distance: str = "unit",
    per_layer: bool = False,
    episodes: int | None = None,
) -> Estimate:
    """PGE as a transferability metric: minus the distance of source and target.

    Paper: Qi et al., "Transferability estimation based on principal gradient expectation", arXiv 2211.16299.

    Args:
        source_gradient: principal gradient of the source's training images.
        target_gradient: principal gradient of the target's training images.
        distance: a key of ``DISTANCES``.
        per_layer: as for ``gradient_distance``.
        episodes: take the estimates as they were after so many episodes per restart.

    Returns:
        Higher is more transferable. In [-2, 0] for ``unit``, at most 0 for ``product``; debiased distances may give a
        score slightly above 0.
    """
    pair = source_gradient.after(episodes), target_gradient.after(episodes)
    found = gradient_distance(*pair, distance, per_layer)
    return Estimate(-found, found.standard_error)


def _per_layer(first: PrincipalGradient | torch.Tensor, a: Halves, b: Halves, distance: str) -> torch.Tensor:
    sizes = first.sizes if isinstance(first, PrincipalGradient) else ()
    if sum(sizes) != a.shape[-1]:
        raise ConfigError("a distance per layer needs principal gradients that know the sizes of their layers")
    layers = [
        DISTANCES[distance](x, y)
        for x, y in zip(a.split(sizes, dim=-1), b.split(sizes, dim=-1), strict=True)
        if bool(x.any()) and bool(y.any())
    ]
    return torch.stack(layers).mean(0)
