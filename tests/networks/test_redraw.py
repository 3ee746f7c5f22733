"""Weights that are drawn again in place are as good as those of a new network."""

from __future__ import annotations

import pytest
import timm
import torch
from torch import nn

from pgebench.networks.initial_weights import Redrawn


def plain_network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))


def test_a_network_without_wasted_draws_gets_the_very_weights_of_a_construction() -> None:
    redrawn = Redrawn(plain_network)
    redrawn(3)
    for seed in (1, 2):
        torch.manual_seed(seed)
        built = plain_network()
        for ours, theirs in zip(redrawn(seed).parameters(), built.parameters(), strict=True):
            assert torch.equal(ours, theirs)


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_efficientnet_gn", "test_convnext"])
def test_the_weights_of_a_timm_model_follow_its_own_distribution(name: str) -> None:
    """Every tensor: the constants are the same, and random ones have the spread of a construction's."""
    redrawn = Redrawn(lambda: timm.create_model(name, num_classes=0))
    first = {key: value.clone() for key, value in redrawn(1).named_parameters()}
    second = {key: value.detach() for key, value in redrawn(2).named_parameters()}
    torch.manual_seed(3)
    for key, parameter in timm.create_model(name, num_classes=0).named_parameters():
        built = parameter.detach()
        if bool((built == built.ravel()[0]).all()):
            assert torch.equal(second[key], built), key
            continue
        assert not torch.equal(first[key], second[key]), key
        error = 6 / built.numel() ** 0.5
        assert float(second[key].std() / built.std()) == pytest.approx(1, abs=error), key
        assert float((second[key].mean() - built.mean()).abs() / built.std()) < error, key


def test_the_same_seed_gives_the_same_weights_and_leaves_the_global_generator_alone() -> None:
    redrawn = Redrawn(lambda: timm.create_model("test_resnet", num_classes=0))
    before = torch.random.get_rng_state()
    first = {key: value.clone() for key, value in redrawn(1).named_parameters()}
    redrawn(2)
    assert all(torch.equal(first[key], value) for key, value in redrawn(1).named_parameters())
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_network_that_hides_its_draws_is_built_anew() -> None:
    class Hidden(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.randn(5) * 2)  # no operation in place: cannot be replayed

    redrawn = Redrawn(Hidden)
    for seed in (1, 2):
        torch.manual_seed(seed)
        assert torch.equal(redrawn(seed).weight, Hidden().weight)
