"""A saved network, and what is read of a weight file for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from torch import nn

from pgebench.config import BackboneConfig
from pgebench.core.errors import ConfigError
from pgebench.networks import backbones

State = dict[str, torch.Tensor]
IMAGES = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
FIRST = "conv1.0.weight"


def _layer(channels: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, 16, 3, stride, bias=False), nn.BatchNorm2d(16), nn.ReLU())


class SmallNetwork(nn.Module):
    """The methods and names of a ResNet of timm, with a fifth of the tensors: a hundred files are read in seconds."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.conv1, self.layer1, self.layer2 = _layer(3, 2), _layer(16), _layer(16, 2)
        self.fc = nn.Linear(16, num_classes) if num_classes else nn.Identity()

    def forward_features(self, images: torch.Tensor) -> torch.Tensor:
        maps: torch.Tensor = self.layer2(self.layer1(self.conv1(images)))
        return maps

    def forward_head(self, maps: torch.Tensor, pre_logits: bool = False) -> torch.Tensor:
        features = maps.mean((2, 3))
        scores: torch.Tensor = features if pre_logits else self.fc(features)
        return scores

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.forward_head(self.forward_features(images))

    def get_classifier(self) -> nn.Module:
        return self.fc


MODEL = "weight_files.SmallNetwork"


def network(seed: int, model: str = MODEL, **fields: Any) -> nn.Module:
    torch.manual_seed(seed)
    made: nn.Module = SmallNetwork(7) if model == MODEL else timm.create_model(model, num_classes=7, **fields)
    return made.eval()


NETWORK, OTHER = network(3), network(4)
MEANT: State = NETWORK.state_dict()
ELSE: State = OTHER.state_dict()
FEATURES = NETWORK.forward_head(NETWORK.forward_features(IMAGES), pre_logits=True)  # type: ignore[operator]


def under(prefix: str, state: State) -> State:
    return {prefix + name: value for name, value in state.items()}


def body(state: State) -> State:
    return {name: value for name, value in state.items() if not name.startswith("fc.")}


def config(file: Path, **fields: Any) -> dict[str, Any]:
    return vars(BackboneConfig(name="net", model=MODEL, weights=str(file), head=False)) | fields


def loaded(file: Path, **fields: Any) -> tuple[torch.Tensor, str]:
    """Features of the images by the network with the weights of a file, and what was said to be taken of it."""
    chosen = config(file, **fields)
    shipped = backbones.as_shipped(backbones.backbone_params(chosen), backbones.file_of(chosen)["weights"])
    return shipped.network.eval()(IMAGES), shipped.taken


def tried(file: Path, **fields: Any) -> str:
    chosen = config(file, **fields)
    return backbones.tried(backbones.backbone_params(chosen), backbones.file_of(chosen)["weights"])


def refused(file: Path, **fields: Any) -> str:
    """The one line that says why a file is refused, before anything is run."""
    with pytest.raises(ConfigError) as error:
        tried(file, **fields)
    told = str(error.value)
    assert told.startswith("backbone.weights=")
    assert "\n" not in told
    assert "\x1b" not in told
    assert "weights_only" not in told
    return told


def saved(path: Path, content: Any, **options: Any) -> Path:
    torch.save(content, path, **options)
    return path


def re_said(told: str, *parts: str) -> bool:
    """Whether a message has all these parts."""
    return all(part in told for part in parts)
