"""Directed comparisons of principal gradients: what a step along the source's gradient does for the target.

A distance is the same in both directions, and transfer is not. At shared weights with the gradients s of the source and
t of the target, a short step against s lowers the target's loss in proportion to s . t.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from pgebench.core.errors import ConfigError
from pgebench.pge.expectation import PrincipalGradient
from pgebench.pge.halves import Estimate, Halves, halves_of, mean_over_restarts, squared_norm


def descent(source: Halves, target: Halves) -> torch.Tensor:
    """Product s . t: how fast the target's loss falls when gradient descent on the source sets out.

    Without bias by sampling noise, for that of the source is independent of the target's.

    Args:
        source: Of the source.
        target: Of the target, at the same initialisations.

    Returns:
        (restarts,), one value per restart.
    """
    return torch.linalg.vecdot(source.mean(1), target.mean(1))


def gain(source: Halves, target: Halves) -> torch.Tensor:
    """Gain s . t / norm(s): what a step of length one along the source's gradient takes off the target's loss.

    To first order. It is the length of the target's gradient along the direction of the source's (scalar projection).
    At one restart it puts the sources of a target in the order of the unit distance; over restarts it is another
    average, in which those count more where the target's own gradient is long.

    Args:
        source: Of the source.
        target: Of the target, at the same initialisations.

    Returns:
        (restarts,), at most the norm of the target's gradient.
    """
    return descent(source, target) / source.mean(1).norm(dim=1)


def gain_debiased(source: Halves, target: Halves) -> torch.Tensor:
    """`gain` with the source's norm from products between its halves, so that its noise does not shorten the step.

    Args:
        source: Of the source.
        target: Of the target, at the same initialisations.

    Returns:
        (restarts,); NaN where the source's gradient is nothing but noise.
    """
    return descent(source, target) / squared_norm(source).sqrt()


def projection(source: Halves, target: Halves) -> torch.Tensor:
    """Coefficient s . t / norm(s)^2: how often the source's gradient is contained in the target's (least squares).

    Args:
        source: Of the source.
        target: Of the target, at the same initialisations.

    Returns:
        (restarts,); 1 for a target whose gradient is the source's and something at right angles to it.
    """
    return descent(source, target) / source.mean(1).square().sum(dim=1)


def projection_debiased(source: Halves, target: Halves) -> torch.Tensor:
    """`projection` with the source's squared norm from products between its halves.

    Args:
        source: Of the source.
        target: Of the target, at the same initialisations.

    Returns:
        (restarts,); NaN where the source's gradient is nothing but noise.
    """
    return descent(source, target) / squared_norm(source)


DIRECTED: dict[str, Callable[[Halves, Halves], torch.Tensor]] = {
    "descent": descent,
    "gain": gain,
    "gain_debiased": gain_debiased,
    "projection": projection,
    "projection_debiased": projection_debiased,
}


def pge_directed(
    source_gradient: PrincipalGradient | torch.Tensor,
    target_gradient: PrincipalGradient | torch.Tensor,
    form: str = "gain",
) -> Estimate:
    """A directed form of PGE as a transferability metric.

    Paper: Qi et al., arXiv 2211.16299, for the gradients; it compares them by a distance alone.

    Args:
        source_gradient: of the source's training images; a tensor (restarts, parameters) or (parameters,) will do.
        target_gradient: of the target's training images, from the same backbone and settings.
        form: a key of ``DIRECTED``.

    Returns:
        The mean over restarts; higher is more transferable, below zero where what helps the source harms the target.

    Raises:
        ConfigError: no such form, or gradients that cannot be compared.
        NonFinite: the source's gradient is zero, not finite, or nothing but noise.

    >>> source, target = torch.tensor([2.0, 0.0]), torch.tensor([3.0, 4.0])
    >>> pge_directed(source, target), pge_directed(target, source)
    (3.0, 1.2)
    """
    if form not in DIRECTED:
        raise ConfigError(f"form={form}: choose from {', '.join(DIRECTED)}")
    source, target = halves_of(source_gradient, target_gradient, f"form={form}")
    return mean_over_restarts(DIRECTED[form](source, target), form)
