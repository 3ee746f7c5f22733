"""Pretrained networks that lie inside PyPI packages: what timm lacks of their architectures, and their file formats.

A reader takes a weight file and the network that it is for, and returns a state dict. No package is imported, and
nothing is unpickled but arrays.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from timm.layers import SelectAdaptivePool2d
from timm.models.resnet import Bottleneck, ResNet
from torch import nn
from torchvision.models.squeezenet import SqueezeNet

from pgebench.core.errors import ConfigError
from pgebench.core.files import NumpyUnpickler
from pgebench.networks.weights import read_state_dict

BGR_TO_RGB = [2, 1, 0]


def in_order(path: Path, network: nn.Module) -> dict[str, torch.Tensor]:
    """A state dict with another implementation's names, whose tensors stand in the network's order."""
    tensors, names = list(read_state_dict(path).values()), list(network.state_dict())
    if len(tensors) != len(names):
        raise ConfigError(
            f"backbone.weights={path}: these are weights of another architecture: {len(tensors)} tensors, "
            f"where backbone.model has {len(names)}"
        )
    return dict(zip(names, tensors, strict=True))


def augnet(path: Path, network: nn.Module) -> dict[str, torch.Tensor]:
    """AugNet's ResNet-50, which its authors wrapped in a module of their own."""
    return {name.removeprefix("pre."): value for name, value in read_state_dict(path).items()}


class SqueezeNetBackbone(SqueezeNet):
    """torchvision's SqueezeNet 1.1 with the methods of a timm network.

    Args:
        num_classes: outputs of the classifier; 0 leaves it out.
    """

    num_features = 512

    def __init__(self, num_classes: int) -> None:
        super().__init__(version="1_1", num_classes=num_classes or 1)
        self.pool = _pool()
        if num_classes == 0:
            self.reset_classifier(0)

    def forward_features(self, images: torch.Tensor) -> torch.Tensor:
        """Maps (n, 512, h, w)."""
        maps: torch.Tensor = self.features(images)
        return maps

    def forward_head(self, maps: torch.Tensor, pre_logits: bool = False) -> torch.Tensor:
        """Class scores (n, classes), or the pooled features (n, 512)."""
        scores: torch.Tensor = self.pool(maps) if pre_logits else self.classifier(maps).flatten(1)
        return scores

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Class scores (n, classes), or features without a classifier."""
        return self.forward_head(self.forward_features(images))

    def get_classifier(self) -> nn.Module:
        """The convolution, and the pooling after it, that give the class scores."""
        return self.classifier

    def reset_classifier(self, num_classes: int) -> None:
        """Put a fresh linear classifier of the pooled features, or none, into the place of the old one.

        SqueezeNet's own ends with a ReLU: a new class whose scores happen to start below zero would never learn.
        """
        self.num_classes = num_classes
        head = [nn.Linear(self.num_features, num_classes)] if num_classes else []
        self.classifier = nn.Sequential(_pool(), *head)


def _pool() -> nn.Module:
    return SelectAdaptivePool2d(pool_type="avg", flatten=True)


def squeezenet(path: Path, network: nn.Module) -> dict[str, torch.Tensor]:
    """SqueezeNet 1.1 as pickled arrays: kernels (h, w, in, out), made for images in the order blue, green, red."""
    with path.open("rb") as file:
        layers: dict[str, Any] = NumpyUnpickler(file, encoding="latin1").load()
    fires = dict(zip((f"fire{number}" for number in range(2, 10)), (3, 4, 6, 7, 9, 10, 11, 12), strict=True))
    places = {"conv1": "features.0", "conv10": "classifier.1"}
    state = {}
    for name, (kernel, bias) in layers.items():
        fire, _, part = name.partition("/")
        place = places[fire] if fire in places else f"features.{fires[fire]}.{part.replace('squeeze1x1', 'squeeze')}"
        state[f"{place}.weight"] = torch.from_numpy(np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)))
        state[f"{place}.bias"] = torch.from_numpy(bias)
    state["features.0.weight"] = state["features.0.weight"][:, BGR_TO_RGB]
    return state


class ChannelBias(nn.Module):
    """What is left of a batch norm that was folded into the convolution before it."""

    def __init__(self, channels: int, device: torch.device | None = None, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels, device=device, dtype=dtype))

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """The maps (n, channels, h, w) shifted channel by channel."""
        return maps + self.bias.view(-1, 1, 1)


def thin_resnet50(num_classes: int) -> nn.Module:
    """ResNet-50 with half the channels, without batch norm, as converted from Caffe: the first convolution strides."""
    network: Any = ResNet(
        Bottleneck,  # type: ignore[arg-type]
        (3, 4, 6, 3),
        num_classes=num_classes,
        channels=(32, 64, 128, 256),
        norm_layer=ChannelBias,
        zero_init_last=False,
    )
    network.maxpool = nn.MaxPool2d(3, 2, ceil_mode=True)
    for stage in (network.layer2, network.layer3, network.layer4):
        stage[0].conv1.stride, stage[0].conv2.stride = (2, 2), (1, 1)
    made: nn.Module = network
    return made


def open_nsfw(path: Path, network: nn.Module) -> dict[str, torch.Tensor]:
    """Yahoo's open_nsfw as an ONNX graph; made for images in the order blue, green, red.

    Raises:
        ConfigError: the package onnx is not installed.
    """
    try:
        import onnx
        from onnx.numpy_helper import to_array
    except ImportError as error:
        raise ConfigError(
            f"backbone.weights={path}: reading it needs onnx (pip install 'pgebench[hub-offline]')"
        ) from error
    graph = onnx.load(path).graph
    arrays = {tensor.name: torch.from_numpy(to_array(tensor).copy()) for tensor in graph.initializer}
    state = {}
    for node in graph.node:
        if node.op_type == "Conv":
            # Outputs are named bn_1 and bn_stage0_block0_branch2b or ..._proj_shortcut.
            convolution, shift = _places(node.output[0].partition("/")[0])
            state[convolution], state[shift] = arrays[node.input[1]], arrays[node.input[2]]
    state["conv1.weight"] = state["conv1.weight"][:, BGR_TO_RGB]
    state["fc.weight"] = arrays["fc_nsfw/MatMul/ReadVariableOp:0"].T
    state["fc.bias"] = arrays["fc_nsfw/BiasAdd/ReadVariableOp:0"]
    return state


def _places(name: str) -> tuple[str, str]:
    """The names of a convolution's weight and bias in timm's ResNet.

    >>> _places("bn_1"), _places("bn_stage0_block2_branch2b")
    (('conv1.weight', 'bn1.bias'), ('layer1.2.conv2.weight', 'layer1.2.bn2.bias'))
    """
    if name == "bn_1":
        return "conv1.weight", "bn1.bias"
    _, stage, block, *part = name.split("_")
    before = f"layer{int(stage.removeprefix('stage')) + 1}.{block.removeprefix('block')}"
    if part == ["proj", "shortcut"]:
        return f"{before}.downsample.0.weight", f"{before}.downsample.1.bias"
    number = "abc".index(part[0][-1]) + 1
    return f"{before}.conv{number}.weight", f"{before}.bn{number}.bias"
