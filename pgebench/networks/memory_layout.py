"""Memory layout of networks: channels last, where torch has it for all of a network's tensors."""

from __future__ import annotations

from itertools import chain

import torch
from torch import nn


def laid_out(network: nn.Module, device: torch.device | str | None = None) -> nn.Module:
    """A network with its kernels in channels-last order, in place; one with kernels in 3-d keeps the order it has.

    torch's order of that name is one of four dimensions; the same network gives the same numbers without it.

    Args:
        network: any.
        device: where it goes; None leaves it where it is.

    >>> laid_out(nn.Conv3d(1, 2, 3)).weight.is_contiguous()
    True
    """
    if any(value.ndim == 5 for value in chain(network.parameters(), network.buffers())):
        return network.to(device=device)
    return network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
