"""Halves of principal gradients: what is computed from them restart by restart, and averaged into one number."""

from __future__ import annotations

import math

import torch

from pgebench.core.errors import ConfigError, NonFinite
from pgebench.pge.expectation import PrincipalGradient

Halves = torch.Tensor
"""(restarts, 2, parameters) float64: mean gradients of the even and of the odd episodes."""

CROSS_FITTED = "_debiased"
"""End of the names of what is computed between halves, whose noise is independent."""


class Estimate(float):
    """A number with its standard error (NaN if it cannot be told)."""

    standard_error: float

    def __new__(cls, value: float, standard_error: float = math.nan) -> Estimate:
        """A number with its standard error."""
        result = super().__new__(cls, value)
        result.standard_error = standard_error
        return result


def squared_norm(gradient: Halves) -> torch.Tensor:
    """The squared norm of each restart's gradient on average, without that of sampling noise: cross-fitted.

    Args:
        gradient: Of one dataset.

    Returns:
        (restarts,), the product of the two halves; NaN where it is not above zero, for noise is all there is.
    """
    squared = between_halves(gradient)
    return torch.where(squared > 0, squared, torch.nan)


def between_halves(gradient: Halves) -> torch.Tensor:
    """The product of the two halves of each restart.

    Args:
        gradient: Of one dataset.

    Returns:
        (restarts,).
    """
    return torch.linalg.vecdot(gradient[:, 0], gradient[:, 1])


def halves_of(
    first: PrincipalGradient | torch.Tensor, second: PrincipalGradient | torch.Tensor, asked: str
) -> tuple[Halves, Halves]:
    """The halves of two gradients that can be compared.

    Args:
        first: a principal gradient, or a tensor (restarts, parameters) or (parameters,), whose halves are alike.
        second: likewise.
        asked: ``name=value`` of what is computed from them.

    Returns:
        Both, in double precision.

    Raises:
        ConfigError: gradients of different shape, or something cross-fitted of plain tensors.
    """
    a, b = _halves(first, asked), _halves(second, asked)
    if a.shape != b.shape:
        raise ConfigError(
            f"the gradients have shapes {_shape(a)} and {_shape(b)} (restarts, parameters): "
            "they must come from the same backbone and the same gradient settings"
        )
    return a, b


def mean_over_restarts(values: torch.Tensor, what: str) -> Estimate:
    """The mean over restarts, with its standard error.

    Args:
        values: (restarts,).
        what: they are, for the message.

    Returns:
        The mean. The error covers the draw of the initial weights and of the episodes; with one restart it is NaN.

    Raises:
        NonFinite: a value is none.
    """
    if not torch.isfinite(values).all():
        raise NonFinite(
            f"the {what} of the gradients is not finite: one of them is zero, not finite, or nothing but noise. "
            "Raise gradient.episodes"
        )
    error = float(values.std() / len(values) ** 0.5) if len(values) > 1 else math.nan
    return Estimate(float(values.mean()), error)


def _halves(gradient: PrincipalGradient | torch.Tensor, asked: str) -> Halves:
    if isinstance(gradient, PrincipalGradient):
        return gradient.halves.double()
    if asked.endswith(CROSS_FITTED):
        raise ConfigError(f"{asked} needs the halves of a PrincipalGradient, not its mean alone")
    rows = gradient.double()
    rows = rows[None] if rows.ndim == 1 else rows
    return rows[:, None].expand(-1, 2, -1)


def _shape(halves: Halves) -> tuple[int, int]:
    return halves.shape[0], halves.shape[2]
