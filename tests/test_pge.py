"""PGE against plain re-statements of what it should be."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from pgebench.errors import ConfigError, DataError, NonFinite
from pgebench.pge import (
    EpisodeSampler,
    GradientSettings,
    PrincipalGradient,
    gradient_distance,
    linear_loss,
    pge_score,
    principal_gradient,
    prototype_loss,
)
from pgebench.unit import derive_seed


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
    episodes = iter(EpisodeSampler(labels, settings.way, settings.shot, settings.query, seed))
    gradients = []
    for restart in range(settings.points):
        for number in range(settings.episodes):
            fresh = ("fresh", stream, number)
            network = tiny_network(
                derive_seed("pge weights", 0, *(fresh if settings.restart == "fresh" else ("shared", restart)))
            )
            network.train()
            episode = next(episodes)
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
    assert len(asked["a"]) == {"paired": 2, "fixed": 1, "fresh": 4}[restart]


def test_an_estimate_repeats_bit_for_bit_and_leaves_the_global_generator_alone() -> None:
    images, labels = pictures()
    before = torch.random.get_rng_state()
    first, second = (principal_gradient(tiny_network, images, labels, SMALL, "a") for _ in range(2))
    assert torch.equal(first.halves, second.halves)
    assert torch.equal(before, torch.random.get_rng_state())


def test_renumbering_the_classes_leaves_the_prototype_loss_unchanged() -> None:
    support, query, labels = torch.randn(3, 2, 5), torch.randn(6, 5), torch.tensor([0, 0, 1, 1, 2, 2])
    order = torch.tensor([2, 0, 1])
    renumbered = prototype_loss(support[order], query, torch.argsort(order)[labels])
    torch.testing.assert_close(renumbered, prototype_loss(support, query, labels))


def test_renumbering_the_classes_changes_the_linear_loss() -> None:
    support, query, labels = torch.randn(3, 2, 5), torch.randn(6, 5), torch.tensor([0, 0, 1, 1, 2, 2])
    order = torch.tensor([2, 0, 1])
    renumbered = linear_loss(support[order], query, torch.argsort(order)[labels], seed=3)
    assert not torch.isclose(renumbered, linear_loss(support, query, labels, seed=3))


def test_episodes_hold_different_images_of_the_right_classes() -> None:
    labels = np.repeat([3, 5, 8, 9], 7)
    sampler = EpisodeSampler(labels, way=3, shot=2, query=4, seed=0)
    for _, episode in zip(range(20), sampler, strict=False):
        rows = np.concatenate([episode.support.ravel(), episode.query])
        assert len(set(rows)) == len(rows) == 3 * 6
        classes = labels[episode.support]
        assert (classes == classes[:, :1]).all()
        assert len(set(classes[:, 0])) == 3
        assert (labels[episode.query] == classes[episode.query_labels, 0]).all()


def test_a_small_class_lends_fewer_queries() -> None:
    labels = np.array([0] * 4 + [1] * 10)
    sampler = EpisodeSampler(labels, way=2, shot=3, query=5, seed=0)
    assert sampler.fewest_queries == 1
    assert np.bincount(next(iter(sampler)).query_labels).tolist() == [1, 5]


def test_a_class_without_a_query_image_is_refused_with_the_remedy() -> None:
    with pytest.raises(
        DataError, match=r"raise target.train_per_class, or lower metric.<name>.gradient.shot to at most 3"
    ):
        EpisodeSampler(np.repeat([0, 1], 4), way=2, shot=4, query=1, seed=0)


def test_too_few_classes_are_refused() -> None:
    with pytest.raises(DataError, match="needs 5 classes and the dataset has 2"):
        EpisodeSampler(np.repeat([0, 1], 30), way=5, shot=1, query=1, seed=0)


@pytest.mark.parametrize(("name", "value"), [("restart", "frsh"), ("loss", "mse"), ("episodes", 1), ("way", 1)])
def test_impossible_settings_are_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"gradient.{name}={value}"):
        replace(SMALL, **{name: value})


def test_images_that_overflow_are_refused() -> None:
    images, labels = pictures()
    with pytest.raises(NonFinite, match="not finite"):
        principal_gradient(tiny_network, images * torch.inf, labels, SMALL)


A, B = torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, 2.0]])


def test_distances_by_hand() -> None:
    assert gradient_distance(A, B, "product") == pytest.approx((9 + 4) ** 0.5 / (5 * 2))
    assert gradient_distance(A, B, "unit") == pytest.approx((0.6**2 + 0.2**2) ** 0.5)


@pytest.mark.parametrize("distance", ["product", "unit"])
def test_a_distance_is_symmetric_and_zero_to_itself(distance: str) -> None:
    a, b = torch.randn(3, 20), torch.randn(3, 20)
    assert gradient_distance(a, a, distance) == 0
    assert gradient_distance(a, b, distance) == gradient_distance(b, a, distance) > 0


def test_the_unit_distance_ignores_the_size_of_gradients_and_the_product_distance_does_not() -> None:
    a, b = torch.randn(1, 20).double(), torch.randn(1, 20).double()
    assert gradient_distance(7 * a, 7 * b, "unit") == pytest.approx(gradient_distance(a, b, "unit"))
    assert gradient_distance(7 * a, 7 * b, "product") == pytest.approx(gradient_distance(a, b, "product") / 7)


def test_distances_are_averaged_over_restarts() -> None:
    a, b = torch.randn(2, 20), torch.randn(2, 20)
    apart = [gradient_distance(a[r], b[r]) for r in range(2)]
    assert gradient_distance(a, b) == pytest.approx(sum(apart) / 2)


def test_the_score_is_minus_the_distance() -> None:
    a, b = (PrincipalGradient(torch.randn(2, 2, 20)) for _ in range(2))
    assert pge_score(a, b) == -gradient_distance(a, b)
    assert -2 <= pge_score(a, b) <= 0


@pytest.mark.parametrize(
    ("first", "second", "distance", "message"),
    [
        (A, torch.zeros(1, 3), "unit", "same backbone"),
        (A, torch.zeros(1, 2), "unit", "zero"),
        (A, B, "cosine", "choose from product, unit"),
    ],
)
def test_gradients_that_cannot_be_compared_are_refused(
    first: torch.Tensor, second: torch.Tensor, distance: str, message: str
) -> None:
    with pytest.raises((ConfigError, NonFinite), match=message):
        gradient_distance(first, second, distance)


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
