"""Sketches of principal gradients: coordinates in the space that a study's gradients span, so that few numbers do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from pgebench.core.errors import ConfigError
from pgebench.pge.expectation import PrincipalGradient


def sketched(gradients: Sequence[PrincipalGradient]) -> list[PrincipalGradient]:
    """Gradients with fewer parameters, between which every norm and every inner product is what it was.

    Tensor by tensor the gradients of all datasets, restarts and halves are replaced by their coordinates in an
    orthonormal basis of the space that they span (the triangular factor of a QR decomposition). Whatever a distance
    makes of inner products within a parameter tensor, or of sums of them, is the same up to rounding; what looks at
    single parameters is not.

    Args:
        gradients: Of one backbone and one set of settings, each (restarts, 2, parameters).

    Returns:
        The same with at most ``len(gradients) * restarts * 2`` parameters per tensor, in the same order; snapshots are
        left out.

    Raises:
        ConfigError: The gradients differ in shape or in their tensors' sizes.

    >>> first = PrincipalGradient(torch.randn(1, 2, 900), sizes=(500, 400))
    >>> second = PrincipalGradient(torch.randn(1, 2, 900), sizes=(500, 400))
    >>> small = sketched([first, second])
    >>> small[0].halves.shape, small[0].sizes
    (torch.Size([1, 2, 8]), (4, 4))
    >>> bool((small[0].halves * small[1].halves).sum() - (first.halves * second.halves).sum() < 1e-3)
    True
    """
    shapes = {(tuple(gradient.halves.shape), gradient.sizes) for gradient in gradients}
    if len(shapes) > 1:
        raise ConfigError("gradients that are sketched together must come from one backbone and one set of settings")
    if not gradients:
        return []
    stacked = torch.stack([gradient.halves for gradient in gradients])
    count, restarts, halves, _ = stacked.shape
    rows = stacked.flatten(0, 2)
    sizes = gradients[0].sizes or (rows.shape[1],)
    parts = [_coordinates(part.double()) for part in rows.split(sizes, dim=1)]
    small = torch.cat(parts, dim=1).float().unflatten(0, (count, restarts, halves))
    widths = tuple(part.shape[1] for part in parts)
    return [
        replace(gradient, halves=one, sizes=widths, snapshots={})
        for gradient, one in zip(gradients, small, strict=True)
    ]


def _coordinates(rows: torch.Tensor) -> torch.Tensor:
    """Rows (n, p) in an orthonormal basis of their span, (n, min(n, p))."""
    return rows if rows.shape[1] <= rows.shape[0] else torch.linalg.qr(rows.T, mode="r").R.T
