"""Distances between principal gradients."""

from __future__ import annotations

from collections.abc import Callable

import torch

from pgebench.errors import ConfigError, NonFinite
from pgebench.pge.expectation import PrincipalGradient


def product_distance(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """norm(a - b) / (norm(a) norm(b)), the authors' released code; one value a restart.

    Scale both gradients by c and it divides by c, so it mixes direction with size.
    """
    return (first - second).norm(dim=1) / (first.norm(dim=1) * second.norm(dim=1))


def unit_distance(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """norm(a / norm(a) - b / norm(b)), in [0, 2]; one value a restart."""
    return (first / first.norm(dim=1, keepdim=True) - second / second.norm(dim=1, keepdim=True)).norm(dim=1)


DISTANCES: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "product": product_distance,
    "unit": unit_distance,
}


def gradient_distance(
    first: PrincipalGradient | torch.Tensor, second: PrincipalGradient | torch.Tensor, distance: str = "unit"
) -> float:
    """The distance of two principal gradients, averaged over restarts; at least 0, and 0 to itself.

    Args:
        first: a principal gradient, or a tensor (restarts, parameters) or (parameters,).
        second: likewise, from the same backbone and settings.
        distance: a key of ``DISTANCES``.

    Raises:
        ConfigError: no such distance, or gradients of different shape.
        NonFinite: a gradient is zero or not finite.

    >>> round(gradient_distance(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 2.0])), 6)
    1.414214
    """
    if distance not in DISTANCES:
        raise ConfigError(f"distance={distance}: choose from {', '.join(DISTANCES)}")
    a, b = (_rows(gradient) for gradient in (first, second))
    if a.shape != b.shape:
        raise ConfigError(
            f"the gradients have shapes {tuple(a.shape)} and {tuple(b.shape)}: "
            "they must come from the same backbone and the same gradient settings"
        )
    value = float(DISTANCES[distance](a, b).mean())
    if not value >= 0 or value == float("inf"):
        raise NonFinite("the distance of the gradients is not finite: one of them is zero or not finite")
    return value


def pge_score(source_gradient: PrincipalGradient, target_gradient: PrincipalGradient, distance: str = "unit") -> float:
    """PGE as a transferability metric: minus the distance of source and target.

    Args:
        source_gradient: principal gradient of the source's training images.
        target_gradient: principal gradient of the target's training images.
        distance: ``unit`` or ``product``, see ``DISTANCES``.

    Returns:
        At most 0; higher is more transferable. In [-2, 0] for ``unit``.
    """
    return -gradient_distance(source_gradient, target_gradient, distance)


def _rows(gradient: PrincipalGradient | torch.Tensor) -> torch.Tensor:
    rows = gradient.mean if isinstance(gradient, PrincipalGradient) else gradient.double()
    return rows[None] if rows.ndim == 1 else rows
