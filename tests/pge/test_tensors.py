"""Where a gradient lies, tensor by tensor, and in which units its entries are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from tiny_network import pictures
from torch import nn

from pgebench.core.identity import Label
from pgebench.data.task import dataset_params
from pgebench.networks import backbones
from pgebench.networks.residual_branches import open_branches
from pgebench.pge import GradientSettings, principal_gradient
from pgebench.pge.tensors import dead_tensors, energy, inverse_noise, normalised, second_moment
from pgebench.run.runner import run_unit
from pgebench.stages import gradient
from pgebench.store.store import Store

SIZES = (3, 4, 2)


def draws(episodes: int = 400, restarts: int = 2, seed: int = 0) -> torch.Tensor:
    """Gradients of single episodes, (restarts, episodes, parameters); every entry has its own mean and spread."""
    generator = torch.Generator().manual_seed(seed)
    mean, spread = torch.randn(2, restarts, 1, sum(SIZES), generator=generator).double()
    noise = torch.randn(restarts, episodes, sum(SIZES), generator=generator).double()
    return mean + spread * noise


def halves(single: torch.Tensor) -> torch.Tensor:
    return torch.stack([single[:, ::2].mean(1), single[:, 1::2].mean(1)], dim=1)


def test_shares_of_energy_are_those_of_the_mean_gradient_tensor_by_tensor() -> None:
    single = draws()
    expected = np.zeros(3)
    for one in single.mean(1):
        parts = [float(sum(value**2 for value in part)) for part in one.split(SIZES)]
        expected += np.array(parts) / sum(parts) / len(single)
    found = energy(halves(single), SIZES)
    np.testing.assert_allclose(found, expected)
    assert float(found.sum()) == pytest.approx(1)
    assert energy(torch.zeros(1, 2, 9), SIZES).tolist() == [0, 0, 0]


def test_a_tensor_is_dead_only_if_no_draw_gives_it_a_gradient() -> None:
    found = halves(draws())
    found[..., 3:7] = 0
    assert dead_tensors(found, SIZES) == (1,)
    found[1, 1, 5] = 1e-30
    assert dead_tensors(found, SIZES) == ()


class Branches(nn.Module):
    """Two residual branches, each ending with a norm that starts at zero, and a norm that nobody reads."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.branches = nn.ModuleList(
            [nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)) for _ in range(2)]
        )
        self.unused = nn.BatchNorm2d(4)
        for branch in self.branches:
            nn.init.zeros_(branch[-1].weight)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps = self.stem(images).relu()
        for branch in self.branches:
            maps = maps + branch(maps)
        return maps.mean((2, 3))


def branches(seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Branches()


@pytest.mark.parametrize("stacked", [False, True])
@pytest.mark.parametrize("restart", ["paired", "fresh"])
def test_what_lies_behind_a_branch_that_starts_at_zero_is_dead_and_nothing_else(restart: str, stacked: bool) -> None:
    images, labels = pictures()
    settings = GradientSettings(restart=restart, restarts=2, episodes=4, way=3, shot=2, query=3)
    unused = {"unused.weight", "unused.bias"}
    for network, expected in (
        # The scales that are zero have a gradient themselves: what would come of the branch if it were opened.
        (branches, unused | {"branches.0.0.weight", "branches.1.0.weight"}),
        (lambda seed: open_branches(branches(seed)), unused),
    ):
        found = principal_gradient(network, images, labels, settings, "a", stacked=stacked)
        assert {found.names[place] for place in dead_tensors(found.halves, found.sizes)} == expected


DATASET = {
    "loader": {"_target_": "pgebench.embedded.load", "name": "digits"},
    "classes": None,
    "train_per_class": 8,
    "image_size": None,
    "permute_labels": None,
}
RESNET = {"model": "test_resnet", "image_size": 32, "mean": None, "std": None, "pretrained": False}


@pytest.mark.parametrize("start", ["as_built", "open"])
def test_the_record_of_a_timm_resnet_names_its_dead_tensors_and_those_that_hold_most(
    tmp_path: Path, start: str
) -> None:
    """By hand: in front of the last norm of each block, up to the shortcut, nothing moves."""
    settings = GradientSettings(restarts=1, episodes=2, way=2, shot=2, query=2, branches=start)
    params = backbones.backbone_params(RESNET)
    unit = gradient.unit(params, dataset_params(DATASET), settings, Label(source="digits"))
    store = Store(tmp_path)
    detail = run_unit(unit, store, torch.device("cpu"))["detail"]
    network = timm.create_model("test_resnet", num_classes=0)
    blocks = [f"layer{stage + 1}.0" for stage in range(4)]
    expected = []
    for block in blocks:
        convolutions = [name for name, _ in network.get_submodule(block).named_children() if name.startswith("conv")]
        norms = [f"bn{number + 1}" for number in range(len(convolutions) - 1)]  # all but the last one
        expected += [f"{block}.{name}.weight" for name in convolutions]
        expected += [f"{block}.{name}.{part}" for name in norms for part in ("weight", "bias")]
    sizes = {name: parameter.numel() for name, parameter in network.named_parameters()}
    assert detail["tensors"] == len(sizes)
    if start == "open":
        assert "dead" not in detail
    else:
        assert sorted(detail["dead"]) == sorted(expected)
        assert detail["dead_parameters"] == sum(sizes[name] for name in expected)
    shares = list(detail["energy"].values())
    assert len(shares) == gradient.MOST
    assert shares == sorted(shares, reverse=True)
    assert set(detail["energy"]) <= set(sizes) - set(detail.get("dead", ()))


def test_inverse_noise_is_that_of_the_mean_gradients() -> None:
    """Of many means of few episodes: their variance, summed over the entries of a tensor."""
    single = draws(episodes=40_000, restarts=1)[0].view(4000, 10, -1)
    expected = [float(part.var(0).sum()) for part in single.mean(1).split(SIZES, dim=-1)]
    found = inverse_noise([halves(one[None]) for one in single], SIZES)
    np.testing.assert_allclose(1 / found, expected, rtol=0.1)


def test_weights_by_inverse_noise_ignore_a_tensor_that_has_none() -> None:
    found = halves(draws())
    found[..., 3:7] = 0
    assert (inverse_noise([found], SIZES) > 0).tolist() == [True, False, True]


def test_the_second_moment_is_that_of_single_episodes_which_are_not_kept() -> None:
    generator = torch.Generator().manual_seed(1)
    base = draws(episodes=1, seed=5)
    several = [base + torch.randn(2, 10, 9, generator=generator).double() for _ in range(4000)]
    expected = torch.stack([one.square().mean(1) for one in several]).mean(0)
    found = second_moment([halves(one) for one in several], episodes=10)
    torch.testing.assert_close(found, expected, rtol=0.05, atol=0)


def test_in_units_of_the_second_moment_the_scale_of_an_entry_does_not_matter() -> None:
    several = [halves(draws(seed=seed)) for seed in range(3)]
    for one in several:
        one[..., 0] = 0
    units = torch.rand(2, 1, 9, generator=torch.Generator().manual_seed(0)).double() + 0.1
    plain, scaled = (second_moment(ones, 400) for ones in (several, [units * one for one in several]))
    found = normalised(several[0], plain)
    torch.testing.assert_close(normalised(units * several[0], scaled), found)
    assert not found[..., 0].any()
