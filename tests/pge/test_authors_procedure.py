"""The authors' procedure on a real residual network, against a plain re-statement of their released code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import timm
import torch
from planned import every, units
from torch import nn
from torchvision.transforms import functional

from pgebench.config import BudgetConfig
from pgebench.core.errors import ConfigError
from pgebench.core.identity import derive_seed
from pgebench.networks import backbones
from pgebench.networks.residual_branches import open_branches
from pgebench.pge import EpisodeSampler, GradientSettings, principal_gradient
from pgebench.studies.pge.__main__ import DrawOptions
from pgebench.studies.pge.full_budget import AUTHORS, DRAWS, draw_units
from pgebench.studies.pge.gradients import tasks_of

SIDE, WAY, SHOT, QUERY, EPISODES = 32, 3, 2, 3, 4
BACKBONE = {"model": "test_resnet", "image_size": SIDE, "mean": [0.5] * 3, "std": [0.5] * 3, "pretrained": False}


def images_and_labels() -> tuple[torch.Tensor, np.ndarray]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(40, 3, SIDE, SIDE, generator=generator), np.arange(40) % 4


def their_network(seed: int) -> nn.Module:
    """A residual network as ``zero_init_residual=False`` builds it; its convolutions are those that the seed draws."""
    network = timm.create_model("test_resnet", num_classes=0, zero_init_last=False)
    drawn = backbones.restarts(BACKBONE, torch.device("cpu"))(seed).state_dict()
    network.load_state_dict({name: value for name, value in drawn.items() if value.ndim == 4}, strict=False)
    return network.train()


def their_gradients(images: torch.Tensor, labels: np.ndarray) -> Iterator[torch.Tensor]:
    """One gradient per episode: new network, every image resized and cropped, prototypes, cross-entropy, backward."""
    sampler = EpisodeSampler(labels, WAY, SHOT, QUERY, derive_seed("pge episodes", 0, "a"), crops=True)
    large = round(SIDE / 0.875)
    for number in range(EPISODES):
        network = their_network(derive_seed("pge weights", 0, "fresh", "a", number))
        episode = sampler.episode(0, number)
        batch = []
        for row, (down, right) in zip([*episode.support.ravel(), *episode.query], episode.places, strict=True):
            resized = functional.resize(images[row], [large, large], antialias=True)
            top, left = int(down * (large - SIDE + 1)), int(right * (large - SIDE + 1))
            batch.append(functional.crop(resized, top, left, SIDE, SIDE))
        features = network(torch.stack(batch))
        prototypes = features[: WAY * SHOT].view(WAY, SHOT, -1).mean(1)
        distances = torch.stack([((query - prototypes) ** 2).sum(1) for query in features[WAY * SHOT :]])
        nn.functional.cross_entropy(-distances, torch.from_numpy(episode.query_labels)).backward()
        yield torch.cat([parameter.grad.flatten() for parameter in network.parameters()])


@pytest.mark.parametrize("stacked", [False, True])
def test_official_gradient_is_the_running_mean_over_live_residual_networks_and_random_crops(stacked: bool) -> None:
    images, labels = images_and_labels()
    with torch.random.fork_rng():
        running = torch.zeros(1)
        for count, gradient in enumerate(their_gradients(images, labels)):
            running = (running * count + gradient) / (count + 1)
    settings = replace(AUTHORS, episodes=EPISODES, way=WAY, shot=SHOT, query=QUERY)
    network = backbones.restarts(BACKBONE, torch.device("cpu"), opened=True)
    ours = principal_gradient(network, images, labels, settings, "a", stacked=stacked)
    # Batch norm over 15 images of one pixel turns the rounding of a resize into parts in a thousand of the gradient;
    # the gradients of two episodes are orthogonal.
    assert (ours.mean[0].float() - running).norm() < 0.02 * running.norm()


def dead_tensors(settings: GradientSettings) -> tuple[int, float]:
    """How many parameter tensors have a gradient of exactly zero, and what share of the parameters they hold."""
    images, labels = images_and_labels()
    small = replace(settings, episodes=2, way=WAY, shot=SHOT, query=QUERY)
    network = backbones.restarts(BACKBONE, torch.device("cpu"), settings.branches == "open")
    gradient = principal_gradient(network, images, labels, small)
    dead = [part.shape[-1] for part in gradient.halves.split(gradient.sizes, dim=-1) if not part.any()]
    return len(dead), sum(dead) / sum(gradient.sizes)


def test_branches_that_start_at_zero_hide_nine_tenths_of_a_residual_network_from_the_gradient() -> None:
    number, share = dead_tensors(GradientSettings(restart="fresh"))
    assert number == 19
    assert share == pytest.approx(0.898, abs=5e-4)
    assert dead_tensors(AUTHORS) == (0, 0)


def test_opening_branches_changes_no_other_weight_and_no_network_whose_branches_are_open() -> None:
    closed, opened = (
        dict(backbones.restarts(BACKBONE, torch.device("cpu"), one)(3).named_parameters()) for one in (False, True)
    )
    changed = {name for name in closed if not torch.equal(closed[name], opened[name])}
    assert changed == {f"layer{1 + stage}.0.bn{3 if stage == 2 else 2}.weight" for stage in range(4)}
    assert all((opened[name] == 1).all() for name in changed)
    torch.manual_seed(0)
    network = timm.create_model("test_vit", num_classes=0)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    after = open_branches(network).state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_draws_are_the_authors_budget_and_disjoint() -> None:
    assert sum(draw.gradients for draw in DRAWS) == BudgetConfig().official_episodes == 40_000
    assert len({draw.seed for draw in DRAWS}) == len(DRAWS)


IMPOSSIBLE = [
    *[("branches", "alive"), ("crop", 0.0), ("crop", 1.0)],
    *[("prototypes", "mahalanobis"), ("temperature", 0.0), ("temperature", -1.0), ("temperature", float("inf"))],
]


@pytest.mark.parametrize(("name", "value"), IMPOSSIBLE)
def test_an_impossible_start_crop_or_geometry_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"gradient.{name}={value}"):
        replace(AUTHORS, **{name: value})


@pytest.mark.parametrize(("name", "value"), [("prototypes", "cosine"), ("temperature", 1.0)])
@pytest.mark.parametrize("loss", ["ce", "supcon"])
def test_a_loss_without_prototypes_has_no_geometry_of_them(loss: str, name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"gradient.{name}={value}: goes with gradient.loss=proto alone"):
        GradientSettings(loss=loss, **{name: value})


FIRST_FIELDS = {
    *("restart", "restarts", "episodes", "loss", "way", "shot", "query", "parameters", "snapshots", "autocast", "seed"),
}


def test_settings_that_use_nothing_new_have_the_identity_they_always_had() -> None:
    assert set(GradientSettings().identity()) == FIRST_FIELDS
    assert AUTHORS.identity().items() >= {"branches": "open", "crop": 0.875}.items()
    used = {"branches": "open", "crop": 0.5, "prototypes": "cosine", "temperature": 0.5}
    assert set(GradientSettings(**used).identity()) == FIRST_FIELDS | set(used)


def official(*overrides: str) -> set[str]:
    """Keys of the gradients and scores of the metric `pge_official` on a pair."""
    budget = ("budget.official_episodes=200", "budget.shot=5", "budget.draws=1")
    planned = every(units("truth=[]", "dataset@source=emoji", "dataset@target=digits", *budget, *overrides))
    scores = [unit for unit in planned if unit.stage == "score" and unit.label.metric == "pge_official"]
    gradients = [needed for unit in scores for needed in unit.inputs.values()]
    assert len(scores) == 1
    assert [GradientSettings(**one.params["settings"]) for one in gradients] == [replace(AUTHORS, episodes=200)] * 2
    return {unit.key for unit in (*scores, *gradients)}


@pytest.mark.parametrize(
    "other", [(), ("temperature=1.0",), ("branches=open", "temperature=0.5", "prototypes=cosine"), ("crop=0.5",)]
)
def test_start_and_geometry_of_another_metric_change_nothing_in_the_official_one(other: tuple[str, ...]) -> None:
    alone = official("metric=[pge_official]")
    assert official("metric=[pge_official,pge]", *[f"metric.pge.gradient.{one}" for one in other]) == alone


def test_every_image_of_an_episode_is_cut_out_at_a_place_of_its_own_and_at_every_place_in_time() -> None:
    _, labels = images_and_labels()
    cropping, whole = (EpisodeSampler(labels, WAY, SHOT, QUERY, 0, crops) for crops in (True, False))
    places = np.concatenate([cropping.episode(0, number).places for number in range(200)])
    seen = {tuple(place) for place in np.floor(places * 6).astype(int)}
    assert seen == {(down, right) for down in range(6) for right in range(6)}
    assert np.array_equal(cropping.episode(0, 5).rows, whole.episode(0, 5).rows)
    assert whole.episode(0, 5).places is None


def test_targets_of_the_authors_are_whole_and_a_practitioners_have_few_images() -> None:
    tasks = tasks_of("embedded", "test_resnet")
    whole, few = (draw_units(tasks, DRAWS[0], targets) for targets in ("whole", "few"))
    images = {one.name: one.config["train_per_class"] for one in tasks.targets}
    assert {unit.params["dataset"]["train_per_class"] for unit in whole.values()} == {None}
    assert {unit.params["settings"]["shot"] for unit in whole.values()} == {AUTHORS.shot}
    for (role, name), unit in few.items():
        assert unit.params["dataset"]["train_per_class"] == (images[name] if role == "target" else None)
        # One shot for all: a gradient of five shots is no estimate of one of four.
        assert unit.params["settings"]["shot"] == min(AUTHORS.shot, min(images.values()) - 1)
    with pytest.raises(ConfigError, match="targets=half: choose from whole, few"):
        DrawOptions(targets="half")
