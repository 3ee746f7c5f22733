"""Residual branches that begin at zero, and how to open them."""

from __future__ import annotations

import torch
from torch import nn

NORMS = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)


@torch.no_grad()
def open_branches(network: nn.Module) -> nn.Module:
    """A network whose residual branches are alive: scales of norms that are all zero become one.

    timm starts the last norm of each branch of a ResNet at zero (Goyal et al., arXiv 1706.02677, section 5.1), which
    helps training. At such weights a branch gives nothing, so that everything inside it has a gradient of exactly zero.
    Nothing is drawn: the other weights are those that the same seed gives with closed branches. For a ResNet this is
    ``zero_init_last=False`` of timm and ``zero_init_residual=False`` of torchvision.

    Args:
        network: Just initialised; changed in place.

    Returns:
        The same network.

    >>> closed = nn.GroupNorm(1, 3)
    >>> _ = nn.init.zeros_(closed.weight)
    >>> open_branches(closed).weight.tolist()
    [1.0, 1.0, 1.0]
    """
    for module in network.modules():
        scale = module.weight if isinstance(module, NORMS) else None
        if isinstance(scale, torch.Tensor) and not scale.any():
            nn.init.ones_(scale)
    return network
