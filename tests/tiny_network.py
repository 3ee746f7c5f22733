"""A network and pictures small enough for plain re-statements."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn


def tiny_network(seed: int) -> nn.Module:
    """A small net with batch normalisation, whose train mode matters."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten()
        )


def pictures(n: int = 60, classes: int = 4, seed: int = 0) -> tuple[torch.Tensor, np.ndarray]:
    generator = torch.Generator().manual_seed(seed)
    labels = np.arange(n) % classes
    images = torch.randn(n, 3, 6, 6, generator=generator)
    images[:, 0] += torch.from_numpy(labels)[:, None, None] * 0.3
    return images, labels
