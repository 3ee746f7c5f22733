"""Training, and what goes into a network."""

from __future__ import annotations

import copy
import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from pgebench.core.errors import ConfigError, NonFinite
from pgebench.networks import backbones
from pgebench.networks.inputs import take, to_input
from pgebench.networks.training import accuracy, batch_indices, curve, fit, fit_best, schedule, with_new_head

RECIPE = {
    "steps": 30,
    "batch_size": 16,
    "learning_rates": [0.01, 0.1],
    "head_factor": 1,
    "weight_decay": 0.0,
    "shift": 0,
}
BACKBONE = {"name": "b", "model": "test_resnet", "image_size": 32, "mean": None, "std": None, "pretrained": False}


def blobs(n: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    labels = torch.arange(n) % 2
    return torch.randn(n, 4, generator=torch.Generator().manual_seed(0)) + 3 * labels[:, None], labels


def test_every_image_is_seen_equally_often() -> None:
    counts = torch.bincount(batch_indices(10, steps=15, batch_size=4, seed=0).flatten())
    assert counts.tolist() == [6] * 10


def test_the_schedule_rises_to_one_and_falls_towards_zero() -> None:
    factors = schedule(100)
    assert len(factors) == 100
    assert max(factors) == factors[9] == 1
    assert 0 < factors[-1] < 0.01
    assert schedule(1) == [1]


def test_fit_equals_a_bare_loop() -> None:
    images, labels = blobs()
    torch.manual_seed(0)
    ours, bare = nn.Linear(4, 2), nn.Linear(4, 2)
    bare.load_state_dict(ours.state_dict())
    fit(ours, images, labels, RECIPE, 0.01, seed=5)
    optimizer = torch.optim.AdamW(bare.parameters(), weight_decay=0.0)
    for rows, factor in zip(batch_indices(64, 30, 16, 5), schedule(30), strict=True):
        optimizer.param_groups[0]["lr"] = 0.01 * factor
        optimizer.zero_grad()
        nn.functional.cross_entropy(bare(images[rows]), labels[rows]).backward()
        optimizer.step()
    torch.testing.assert_close(ours.weight, bare.weight)


def test_the_head_factor_moves_the_head_alone_faster() -> None:
    network = backbones.create(backbones.backbone_params(BACKBONE), 2, seed=0)
    before = {name: value.clone() for name, value in network.named_parameters()}
    images, labels = torch.randn(8, 3, 32, 32), torch.arange(8) % 2
    fit(network, images, labels, RECIPE | {"steps": 1, "batch_size": 8, "head_factor": 10}, 1e-3, seed=0)
    # The first step of Adam has the size of the learning rate, in every coordinate with a gradient.
    moved = {name: (value - before[name]).abs().max().item() for name, value in network.named_parameters()}
    assert moved["fc.weight"] == pytest.approx(1e-2, rel=1e-3)
    assert moved["conv1.weight" if "conv1.weight" in moved else next(iter(moved))] == pytest.approx(1e-3, rel=1e-2)


def test_the_learning_rate_is_chosen_on_the_validation_split() -> None:
    images, labels = blobs()
    # Validation labels are flipped, so the best learning rate there is the one that learned least.
    fitted = fit_best(lambda: nn.Linear(4, 2), (images, labels), (images, 1 - labels), RECIPE, seed=0)
    assert fitted.val_accuracy == max(fitted.val_by_learning_rate.values())
    assert fitted.val_accuracy == accuracy(fitted.model, images, 1 - labels)


def test_a_training_that_diverges_at_every_rate_says_so() -> None:
    images, labels = blobs()
    with pytest.raises(NonFinite, match="diverged at every learning rate"):
        fit_best(lambda: nn.Linear(4, 2), (images * torch.inf, labels), (images, labels), RECIPE, seed=0)


def test_a_new_head_leaves_the_original_and_the_backbone_alone() -> None:
    network = backbones.create(backbones.backbone_params(BACKBONE), 5, seed=0)
    other = with_new_head(network, 3, seed=1)
    assert network.get_classifier().weight.shape[0] == 5
    assert other.get_classifier().weight.shape[0] == 3
    first, second = (dict(net.named_parameters()) for net in (network, other))
    assert all(torch.equal(first[name], second[name]) for name in first if not name.startswith("fc."))
    assert torch.equal(other.fc.weight, with_new_head(network, 3, seed=1).fc.weight)


def test_grey_images_are_normalised_resized_and_copied_to_three_channels() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 16), dtype=np.uint8)
    same = to_input(images, 16, [0.5, 0.4, 0.3], [0.2, 0.2, 0.1])
    expected = np.stack([(images / 255 - m) / s for m, s in ((0.5, 0.2), (0.4, 0.2), (0.3, 0.1))], axis=1)
    np.testing.assert_allclose(same.numpy(), expected, rtol=1e-5, atol=1e-5)
    half = to_input(np.full((1, 16, 16), 51, np.uint8), 8, [0.0] * 3, [1.0] * 3)
    torch.testing.assert_close(half, torch.full((1, 3, 8, 8), 0.2))
    assert same.is_contiguous(memory_format=torch.channels_last)


def test_a_view_at_a_lower_resolution_is_resampled_first() -> None:
    images = np.random.default_rng(0).integers(0, 256, (1, 32, 32), dtype=np.uint8)
    blurred = to_input(images, 32, [0.0] * 3, [1.0] * 3, first_size=8)
    assert blurred.std() < to_input(images, 32, [0.0] * 3, [1.0] * 3).std() / 2


def test_rows_of_a_batch_stay_channels_last() -> None:
    images = torch.randn(6, 3, 4, 5).contiguous(memory_format=torch.channels_last)
    rows = torch.tensor([4, 1, 1])
    assert torch.equal(take(images, rows), images[rows])
    assert take(images, rows).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("model", ["test_resnet", "test_vit", "test_convnext", "test_efficientnet_gn", "test_byobnet"])
def test_any_timm_backbone_gives_features_and_class_scores(model: str) -> None:
    params = backbones.backbone_params(BACKBONE | {"model": model})
    network = backbones.create(params, 4, seed=0)
    images = torch.randn(5, 3, 32, 32)
    features, logits = backbones.features_and_logits(network, images)
    assert features.shape == (5, network.num_features)
    torch.testing.assert_close(logits, network(images), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(network.get_classifier()(features), logits, rtol=1e-4, atol=1e-5)


def test_weights_depend_on_the_seed_alone() -> None:
    params = backbones.backbone_params(BACKBONE)
    torch.manual_seed(1)
    first = backbones.create(params, 0, seed=0)
    torch.manual_seed(2)
    again, other = backbones.create(params, 0, seed=0), backbones.create(params, 0, seed=1)
    weights = [torch.cat([p.flatten() for p in net.parameters()]) for net in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_a_misspelt_model_is_refused_with_a_suggestion() -> None:
    with pytest.raises(ConfigError, match=r"backbone.model=resnet8: .*did you mean .*resnet18"):
        backbones.backbone_params(BACKBONE | {"model": "resnet8"})


def test_non_finite_features_are_refused_with_the_remedy() -> None:
    network = backbones.create(backbones.backbone_params(BACKBONE), 4, seed=0)
    with pytest.raises(NonFinite, match=r"features are not finite.*recipe.checkpoint.learning_rates"):
        backbones.features_and_logits(network, torch.full((2, 3, 32, 32), torch.nan))


def test_the_curve_has_the_losses_of_a_bare_loop_and_of_the_rate_that_was_chosen() -> None:
    images, labels = blobs()
    recipe = RECIPE | {"steps": 120}
    torch.manual_seed(0)
    start = nn.Linear(4, 2)
    fitted = fit_best(lambda: copy.deepcopy(start), (images, labels), (images, labels), recipe, seed=5)
    bare = copy.deepcopy(start)
    optimizer = torch.optim.AdamW(bare.parameters(), weight_decay=0.0)
    losses = []
    for rows, factor in zip(batch_indices(64, 120, 16, 5), schedule(120), strict=True):
        optimizer.param_groups[0]["lr"] = fitted.learning_rate * factor
        loss = nn.functional.cross_entropy(bare(images[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    ends = fitted.curve["step"]
    assert len(ends) == 50
    assert ends[-1] == 120
    means = [np.mean(losses[begin:end]) for begin, end in pairwise([0, *ends])]
    np.testing.assert_allclose(fitted.curve["loss"], means, rtol=1e-3)


def test_a_short_training_has_a_point_a_step() -> None:
    assert curve([3.0, 2.0, 1.0]) == {"step": [1, 2, 3], "loss": [3.0, 2.0, 1.0]}
    assert curve([]) == {"step": [], "loss": []}


def test_a_loss_that_overflowed_is_left_out_of_the_curve() -> None:
    assert curve([math.inf, 2.0]) == {"step": [2], "loss": [2.0]}
