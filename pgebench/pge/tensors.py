"""Parameter tensors of principal gradients: how much of a gradient lies in each, and what its entries are measured in.

Distances are sums over parameters. What is said here of tensors and entries decides which of them such a sum hears.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from pgebench.pge.halves import Halves


def energy(gradient: Halves, sizes: Sequence[int]) -> torch.Tensor:
    """Share of the squared norm of the mean gradient that lies in each tensor, mean over restarts.

    Args:
        gradient: (restarts, 2, parameters), of one dataset.
        sizes: number of entries of each tensor.

    Returns:
        (tensors,) float64, with the sum 1; all zero for a gradient that is zero.

    >>> energy(torch.tensor([[[3.0, 0.0, 4.0], [3.0, 0.0, 4.0]]]), (2, 1)).tolist()
    [0.36, 0.64]
    """
    squares = _by_tensor(gradient.double().mean(1).square(), sizes)
    return (squares / squares.sum(dim=1, keepdim=True).clamp_min(torch.finfo(torch.float64).tiny)).mean(0)


def dead_tensors(gradient: Halves, sizes: Sequence[int]) -> tuple[int, ...]:
    """Places of the tensors whose gradient is exactly zero at every draw of weights and episodes.

    Args:
        gradient: (restarts, 2, parameters), of one dataset.
        sizes: number of entries of each tensor.

    Returns:
        In ascending order.

    >>> dead_tensors(torch.tensor([[[3.0, 0.0, 0.0], [3.0, 0.0, 0.0]]]), (1, 2))
    (1,)
    """
    return tuple(place for place, part in enumerate(gradient.split(list(sizes), dim=-1)) if not part.any())


def inverse_noise(gradients: Sequence[Halves], sizes: Sequence[int]) -> torch.Tensor:
    """Weights of tensors under which sampling noise puts the same squared norm into each.

    In a product of gradients so weighted each tensor counts by its signal to noise. The noise of a mean is half the
    difference of its halves.

    Args:
        gradients: (restarts, 2, parameters) of several datasets; the weights are the same for all of them.
        sizes: number of entries of each tensor.

    Returns:
        (tensors,) float64: the inverse of the noise's squared norm, mean over datasets and restarts; 0 for a tensor
        without noise, which has no gradient.
    """
    noises = [_by_tensor((one[:, 0].double() - one[:, 1].double()).square() / 4, sizes).mean(0) for one in gradients]
    noise = torch.stack(noises).mean(0)
    return torch.where(noise > 0, 1 / noise, 0.0)


def second_moment(gradients: Sequence[Halves], episodes: int) -> torch.Tensor:
    """Mean square of the gradient of one episode, entry by entry: the diagonal of the empirical Fisher information.

    The gradients of single episodes are not kept, and need not be: their mean square is the square of their mean and
    their variance; this is ``episodes`` times the variance of the mean, which the halves tell.

    Args:
        gradients: (restarts, 2, parameters) of several datasets; of one alone the estimate is hardly any, having one
            difference for each entry.
        episodes: at each restart.

    Returns:
        (restarts, parameters) float64, mean over the datasets.
    """
    total = torch.zeros(gradients[0].shape[0], gradients[0].shape[2], dtype=torch.float64)
    for one in gradients:
        first, second = one.double().unbind(1)
        # The square of the mean holds one part of the variance already.
        total += ((first + second) / 2).square() + (episodes - 1) * ((first - second) / 2).square()
    return total / len(gradients)


def normalised(gradient: Halves, moment: torch.Tensor) -> Halves:
    """A gradient whose entries are in units of the root of their second moment; those without one are zero.

    Args:
        gradient: (restarts, 2, parameters).
        moment: (restarts, parameters), from ``second_moment`` of datasets with this one among them or not.

    Returns:
        (restarts, 2, parameters) float64.
    """
    unit = moment.sqrt()[:, None]
    return torch.where(unit > 0, gradient.double() / unit, 0.0)


def _by_tensor(values: torch.Tensor, sizes: Sequence[int]) -> torch.Tensor:
    """(restarts, parameters) -> sums over the entries of each tensor, (restarts, tensors)."""
    return torch.stack([part.sum(-1) for part in values.split(list(sizes), dim=-1)], dim=-1)
