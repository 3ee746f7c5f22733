"""Count sketches: principal gradients in a fraction of their size, with inner products kept on average."""

from __future__ import annotations

from dataclasses import replace

import torch

from pgebench.core.errors import ConfigError
from pgebench.pge.expectation import PrincipalGradient


def count_sketch(gradient: PrincipalGradient, size: int, seed: int = 0) -> PrincipalGradient:
    """A principal gradient whose parameters are added up in ``size`` buckets with random signs.

    Inner products of two sketches with the same size and seed equal those of the gradients on average over seeds; their
    standard deviation is at most sqrt(2 / size) times the product of the norms. So distances of sketches are those of
    the gradients up to about that much, at any number of parameters. Distances per layer are lost.

    Source: Charikar, Chen, Farach-Colton, "Finding frequent items in data streams", 2002; Weinberger et al., "Feature
    hashing for large scale multitask learning", ICML 2009.

    Args:
        gradient: the gradient.
        size: buckets.
        seed: of the buckets and signs, the same for everything that is compared.

    Returns:
        The gradient with ``halves`` of shape (restarts, 2, size).

    Raises:
        ConfigError: ``size`` is not positive.

    >>> whole = PrincipalGradient(torch.ones(1, 2, 1000))
    >>> count_sketch(whole, 64).halves.shape
    torch.Size([1, 2, 64])
    """
    if size < 1:
        raise ConfigError(f"sketch={size}: must be a positive number of buckets")
    parameters = gradient.halves.shape[-1]
    generator = torch.Generator().manual_seed(seed)
    bucket = torch.randint(size, (parameters,), generator=generator)
    sign = torch.randint(2, (parameters,), generator=generator) * 2.0 - 1.0
    signed = gradient.halves.cpu() * sign
    halves = signed.new_zeros(*signed.shape[:-1], size).index_add_(-1, bucket, signed)
    return replace(gradient, halves=halves, sizes=(), snapshots={})
