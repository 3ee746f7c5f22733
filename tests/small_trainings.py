"""Trainings of a few steps, and what they are trained on."""

from __future__ import annotations

import torch
from torch import nn

from pgebench.networks import backbones

RECIPE = {
    "steps": 4,
    "batch_size": 8,
    "learning_rates": [0.001, 0.003],
    "head_factor": 10,
    "weight_decay": 0.05,
    "shift": 2,
}


def backbone(model: str, seed: int = 0) -> nn.Module:
    config = {"model": model, "image_size": 32, "mean": None, "std": None, "pretrained": False}
    return backbones.create(backbones.backbone_params(config), 5, seed=seed)


def pictures(n: int = 24) -> tuple[torch.Tensor, torch.Tensor]:
    labels = torch.arange(n) % 3
    noise = torch.randn(n, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    return (noise + labels[:, None, None, None]).contiguous(memory_format=torch.channels_last), labels


def points(n: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    labels = torch.arange(n) % 2
    return torch.randn(n, 4, generator=torch.Generator().manual_seed(0)) + 2 * labels[:, None], labels


def linear(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Linear(4, 2)
