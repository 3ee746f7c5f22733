"""A network that kills its process, as the kernel does where memory runs out."""

from __future__ import annotations

import os
import signal

import torch
from torch import nn


class Deadly(nn.Module):
    """Has weights and no classifier; nobody lives to see its features."""

    def __init__(self, num_classes: int = 0) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.body = nn.Conv2d(3, 4, 3)

    def forward_features(self, images: torch.Tensor) -> torch.Tensor:
        if not images.is_meta:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.body(images)

    def forward_head(self, maps: torch.Tensor, pre_logits: bool = False) -> torch.Tensor:
        return maps.mean((2, 3))

    def get_classifier(self) -> nn.Module:
        return nn.Identity()

    def reset_classifier(self, num_classes: int) -> None:
        self.num_classes = num_classes
