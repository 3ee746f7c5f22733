"""Channels last where torch has it: a network with kernels in 3-d is built, looks at images and trains."""

from __future__ import annotations

import copy

import pytest
import timm
import torch
from torch import nn

from pgebench.networks.initial_weights import Redrawn
from pgebench.networks.memory_layout import laid_out
from pgebench.networks.training import fit, with_new_head

RECIPE = {"steps": 1, "batch_size": 4, "head_factor": 1.0, "weight_decay": 0.05, "shift": 1}


def lambda_resnet() -> nn.Module:
    """lambda_resnet26t's layers, whose position kernels are Conv3d, with few channels."""
    from timm.models import ByoBlockCfg, ByoModelCfg
    from timm.models.byobnet import ByobNet

    blocks = ByoBlockCfg(type="bottle", d=1, c=16, s=2, gs=0, br=0.25)
    attention = ByoBlockCfg(type="self_attn", d=1, c=32, s=2, gs=0, br=0.25)
    config = ByoModelCfg(blocks=(blocks, attention), stem_chs=8, self_attn_layer="lambda", self_attn_kwargs={"r": 9})
    return ByobNet(config, num_classes=2)


def test_a_network_with_kernels_in_3d_gives_its_own_numbers_and_trains() -> None:
    torch.manual_seed(0)
    plain = lambda_resnet().eval()
    assert any(isinstance(module, nn.Conv3d) for module in plain.modules())
    images = torch.randn(4, 3, 64, 64).contiguous(memory_format=torch.channels_last)
    network = laid_out(copy.deepcopy(plain))
    torch.testing.assert_close(network(images), plain(images))
    fresh = with_new_head(network, 3, seed=0)
    labels = torch.tensor([0, 1, 2, 0])
    assert fit(fresh, images, labels, recipe=RECIPE, learning_rate=1e-3, seed=0)
    assert Redrawn(lambda_resnet)(1)(images).shape == (4, 2)


def test_other_networks_stay_in_channels_last() -> None:
    network = laid_out(timm.create_model("test_resnet"))
    kernels = [value for value in network.parameters() if value.ndim == 4]
    assert kernels
    assert all(value.is_contiguous(memory_format=torch.channels_last) for value in kernels)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lambda_resnet26t", "lamhalobotnet50ts_256"])
def test_timms_networks_with_kernels_in_3d_are_built(name: str) -> None:
    network = laid_out(timm.create_model(name, num_classes=2)).eval()
    assert network(torch.zeros(1, 3, 256, 256)).shape == (1, 2)
