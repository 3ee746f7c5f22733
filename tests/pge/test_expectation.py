"""PGE against plain re-statements of what it should be."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_network import pictures, tiny_network
from torch import nn

from pgebench.core.errors import ConfigError, NonFinite
from pgebench.core.identity import derive_seed
from pgebench.networks import backbones
from pgebench.pge import EpisodeSampler, GradientSettings, Progress, gradient_distance, principal_gradient

SMALL = GradientSettings(restarts=2, episodes=4, way=3, shot=2, query=3)


def plain_loss(network: nn.Module, support: torch.Tensor, query: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The prototypical loss with loops and no broadcasting: joint forward pass, then distances one by one."""
    way, shot = support.shape[:2]
    features = network(torch.cat([support.flatten(0, 1), query]))
    prototypes = [features[c * shot : (c + 1) * shot].sum(0) / shot for c in range(way)]
    losses = []
    for feature, label in zip(features[way * shot :], labels, strict=True):
        exponents = [-sum((feature - prototype) ** 2) for prototype in prototypes]
        losses.append(-exponents[label] + torch.logsumexp(torch.stack(exponents), 0))
    return sum(losses) / len(losses)


def plain_gradients(settings: GradientSettings, images: torch.Tensor, labels: np.ndarray, stream: str) -> list:
    """Every episode's gradient over all parameters, with the weights and episodes that the seeds promise."""
    seed = derive_seed("pge episodes", settings.seed, stream)
    sampler = EpisodeSampler(labels, settings.way, settings.shot, settings.query, seed)
    gradients = []
    for restart in range(settings.points):
        for number in range(settings.episodes):
            fresh = ("fresh", stream, number)
            network = tiny_network(
                derive_seed("pge weights", 0, *(fresh if settings.restart == "fresh" else ("shared", restart)))
            )
            network.train()
            episode = sampler.episode(restart, number)
            loss = plain_loss(network, images[episode.support], images[episode.query], episode.query_labels)
            loss.backward()
            gradients.append(torch.cat([p.grad.flatten() for p in network.parameters()]))
    return gradients


def test_official_preset_is_the_running_mean_over_fresh_networks() -> None:
    images, labels = pictures()
    settings = replace(SMALL, restart="fresh", episodes=6)
    running = torch.zeros(1)
    for count, gradient in enumerate(plain_gradients(settings, images, labels, "a")):
        running = (running * count + gradient) / (count + 1)
    ours = principal_gradient(tiny_network, images, labels, settings, "a")
    assert ours.mean.shape[0] == 1
    torch.testing.assert_close(ours.mean[0].float(), running, rtol=1e-5, atol=1e-6)


def test_paired_preset_averages_the_episodes_of_each_shared_initialisation() -> None:
    images, labels = pictures()
    gradients = plain_gradients(SMALL, images, labels, "a")
    expected = torch.stack([torch.stack(gradients[:4]).mean(0), torch.stack(gradients[4:]).mean(0)])
    ours = principal_gradient(tiny_network, images, labels, SMALL, "a")
    torch.testing.assert_close(ours.mean.float(), expected, rtol=1e-5, atol=1e-6)


def test_odd_numbers_of_episodes_are_averaged_rightly_in_each_half() -> None:
    images, labels = pictures()
    settings = replace(SMALL, restarts=1, episodes=5)
    gradients = plain_gradients(settings, images, labels, "a")
    ours = principal_gradient(tiny_network, images, labels, settings, "a")
    torch.testing.assert_close(ours.halves[0, 0].float(), torch.stack(gradients[::2]).mean(0), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(ours.halves[0, 1].float(), torch.stack(gradients[1::2]).mean(0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("restart", ["paired", "fixed", "fresh"])
def test_only_shared_restarts_use_the_same_weights_for_two_datasets(restart: str) -> None:
    images, labels = pictures()
    asked: dict[str, list[int]] = {"a": [], "b": []}
    for stream, seeds in asked.items():

        def network(seed: int, seeds: list[int] = seeds) -> nn.Module:
            seeds.append(seed)
            return tiny_network(seed)

        principal_gradient(network, images, labels, replace(SMALL, restart=restart), stream)
    assert (asked["a"] == asked["b"]) == (restart != "fresh")
    assert len(set(asked["a"])) == {"paired": 2, "fixed": 1, "fresh": 4}[restart]


def test_an_estimate_repeats_bit_for_bit_and_leaves_the_global_generator_alone() -> None:
    images, labels = pictures()
    before = torch.random.get_rng_state()
    first, second = (principal_gradient(tiny_network, images, labels, SMALL, "a") for _ in range(2))
    assert torch.equal(first.halves, second.halves)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize(("name", "value"), [("restart", "frsh"), ("loss", "mse"), ("episodes", 1), ("way", 1)])
def test_impossible_settings_are_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"gradient.{name}={value}"):
        replace(SMALL, **{name: value})


def test_images_that_overflow_are_refused() -> None:
    images, labels = pictures()
    with pytest.raises(NonFinite, match="not finite"):
        principal_gradient(tiny_network, images * torch.inf, labels, SMALL)


def test_related_datasets_are_nearer_than_unrelated_ones() -> None:
    """Two samples of one task must be nearer to each other than to another task: what PGE is for."""
    images, labels = pictures(200)
    other = copy.deepcopy(images)
    other[:, 0] = torch.randn(200, 6, 6, generator=torch.Generator().manual_seed(9))
    other[:, 2] += torch.from_numpy(labels)[:, None, None] * torch.linspace(-1, 1, 6)
    settings = replace(SMALL, restarts=4, episodes=30)
    first = principal_gradient(tiny_network, images[:100], labels[:100], settings, "first")
    near = principal_gradient(tiny_network, images[100:], labels[100:], settings, "near")
    far = principal_gradient(tiny_network, other[100:], labels[100:], settings, "far")
    assert gradient_distance(first, near) < gradient_distance(first, far)


def test_an_interrupted_estimate_goes_on_to_the_same_bits() -> None:
    images, labels = pictures()
    settings = replace(SMALL, restarts=2, episodes=25, snapshots=(4, 15))
    kept: list[Progress] = []
    whole = principal_gradient(
        tiny_network, images, labels, settings, "a", keep=lambda progress: kept.append(copy.deepcopy(progress))
    )
    assert [progress.done for progress in kept] == [4, 10, 15, 20, 25]
    for progress in kept:
        resumed = principal_gradient(tiny_network, images, labels, settings, "a", resume=progress)
        assert torch.equal(resumed.halves, whole.halves)
        assert resumed.images == whole.images
        assert all(torch.equal(resumed.snapshots[number], whole.snapshots[number]) for number in (4, 15))


def test_a_snapshot_is_the_estimate_with_fewer_episodes() -> None:
    images, labels = pictures()
    long = principal_gradient(tiny_network, images, labels, replace(SMALL, episodes=30, snapshots=(8,)), "a")
    short = principal_gradient(tiny_network, images, labels, replace(SMALL, episodes=8), "a")
    assert torch.equal(long.after(8).halves, short.halves)
    assert long.after(None) is long
    with pytest.raises(ConfigError, match=r"no snapshot after 9 episodes: add it to metric.<name>.gradient.snapshots"):
        long.after(9)


@pytest.mark.parametrize("snapshots", [(1,), (30,), (5, 3), (4, 4)])
def test_impossible_snapshots_are_refused(snapshots: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match=r"gradient\.snapshots"):
        replace(SMALL, episodes=30, snapshots=snapshots)


def test_a_part_of_the_parameters_gives_that_part_of_the_gradient() -> None:
    images, labels = pictures()
    whole = principal_gradient(tiny_network, images, labels, SMALL, "a")
    convolution = principal_gradient(tiny_network, images, labels, replace(SMALL, parameters="0.*"), "a")
    assert whole.sizes == (4 * 3 * 9, 4, 4)
    assert convolution.sizes == (4 * 3 * 9,)
    torch.testing.assert_close(convolution.halves, whole.halves[..., : 4 * 3 * 9])
    with pytest.raises(ConfigError, match=r"gradient.parameters=head\*: matches none .* such as 0.weight"):
        principal_gradient(tiny_network, images, labels, replace(SMALL, parameters="head*"), "a")


def test_a_frozen_prefix_is_no_part_of_the_gradient() -> None:
    images, labels = pictures()

    def frozen(seed: int) -> nn.Module:
        network = tiny_network(seed)
        network[0].requires_grad_(False)
        return network

    whole = principal_gradient(tiny_network, images, labels, SMALL, "a")
    rest = principal_gradient(frozen, images, labels, SMALL, "a")
    torch.testing.assert_close(rest.halves, whole.halves[..., 4 * 3 * 9 :])


LOSSES = [
    *({"loss": "proto"}, {"loss": "supcon"}),
    *({"temperature": 0.5}, {"prototypes": "cosine"}, {"prototypes": "cosine", "temperature": 0.5}),
]


@pytest.mark.parametrize("restart", ["paired", "fresh"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("parameters", ["*", "[01]*"])
def test_stacked_restarts_give_the_numbers_of_restarts_in_turn(restart: str, loss: dict, parameters: str) -> None:
    images, labels = pictures()
    settings = replace(SMALL, restart=restart, episodes=20, parameters=parameters, snapshots=(5,), **loss)
    in_turn = principal_gradient(tiny_network, images, labels, settings, "a")
    stacked = principal_gradient(tiny_network, images, labels, settings, "a", stacked=True)
    scale = float(in_turn.halves.abs().max())
    torch.testing.assert_close(stacked.halves, in_turn.halves, rtol=1e-5, atol=1e-6 * scale)
    torch.testing.assert_close(stacked.snapshots[5], in_turn.snapshots[5], rtol=1e-5, atol=1e-6 * scale)
    assert stacked.images == in_turn.images


def test_stacking_leaves_uneven_episodes_and_random_classifiers_to_take_turns() -> None:
    images, labels = pictures()
    uneven = labels.copy()
    uneven[-4:] = 9
    for settings, numbers in ((SMALL, uneven), (replace(SMALL, loss="ce"), labels)):
        in_turn = principal_gradient(tiny_network, images, numbers, settings, "a")
        stacked = principal_gradient(tiny_network, images, numbers, settings, "a", stacked=True)
        assert torch.equal(in_turn.halves, stacked.halves)


@pytest.mark.parametrize("model", ["test_resnet", "test_vit", "test_efficientnet_gn"])
def test_every_kind_of_backbone_has_a_principal_gradient(model: str) -> None:
    params = backbones.backbone_params(
        {"model": model, "image_size": 32, "mean": None, "std": None, "pretrained": False}
    )
    images = torch.rand(40, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    settings = replace(SMALL, episodes=2, way=2)
    in_place = principal_gradient(
        backbones.restarts(params, torch.device("cpu")), images, np.arange(40) % 2, settings, "a"
    )
    assert torch.isfinite(in_place.halves).all()
    network = backbones.create(params, 0, seed=0)
    assert in_place.halves.shape == (2, 2, sum(p.numel() for p in network.parameters()))


def test_half_precision_is_close_and_off_by_default() -> None:
    assert not SMALL.autocast
    images, labels = pictures()
    full = principal_gradient(tiny_network, images, labels, SMALL, "a")
    half = principal_gradient(tiny_network, images, labels, replace(SMALL, autocast=True), "a")
    assert not torch.equal(full.halves, half.halves)
    assert gradient_distance(full, half) < 0.1
