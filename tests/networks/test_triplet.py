"""Gradients of a triplet loss at the first two layers, against a plain re-statement of the authors' procedure."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from planned import every, units
from safetensors.torch import save_file
from torch import nn

from pgebench.core.errors import ConfigError, NonFinite
from pgebench.core.settings import TripletSettings
from pgebench.networks.triplet import BATCHES, batches_of, first_two_layers, gradient_norms, triplet_loss
from pgebench.plan.units import LEVELS
from pgebench.run.runner import run_units
from pgebench.stages.base import Work
from pgebench.store.store import Store

AUTHORS = {
    # The layers that the authors' code names, under timm's names; of what timm has.
    "resnet18": ("conv1", "layer1.0.conv1"),
    "densenet121": ("features.conv0", "features.denseblock1.denselayer1.conv1"),
    "tf_efficientnetv2_s": ("conv_stem", "blocks.0.0.conv"),
    "mnasnet_100": ("conv_stem", "blocks.0.0.conv_dw"),
    "mobilenetv3_small_100": ("conv_stem", "blocks.0.0.conv_dw"),
    "vgg11": ("features.0", "features.3"),
    "convnext_tiny": ("stem.0", "stages.0.blocks.0.conv_dw"),
}
BEYOND = {
    "test_vit": ("patch_embed.proj", "blocks.0.attn.qkv"),
    "twins_svt_small": ("patch_embeds.0.proj", "blocks.0.0.attn.qkv"),
}
LABELS = torch.tensor([0, 0, 1, 1, 2, 2, 0, 1, 1, 2, 0, 2])
TWO = [np.arange(6), np.arange(6, 12)]


def network(model: str = "test_efficientnet_gn") -> Any:
    torch.manual_seed(0)
    return timm.create_model(model, num_classes=0).eval()


def images(model: str = "test_efficientnet_gn") -> torch.Tensor:
    side = 160 if model == "test_vit" else 32
    return torch.randn(len(LABELS), 3, side, side, generator=torch.Generator().manual_seed(1))


def plain_loss(features: torch.Tensor, labels: list[int]) -> torch.Tensor:
    """Every triplet in a loop; zeros are left out of the mean."""
    points = [row / row.norm() for row in features]
    losses = []
    for a, p, n in itertools.permutations(range(len(labels)), 3):
        if labels[a] == labels[p] != labels[n]:
            loss = (points[a] - points[p]).norm() - (points[a] - points[n]).norm() + 0.05
            if loss > 0:
                losses.append(loss)
    return torch.stack(losses).mean()


@pytest.mark.parametrize(
    ("model", "layers"),
    [("test_efficientnet_gn", ("conv_stem", "blocks.0.0.conv")), ("test_vit", BEYOND["test_vit"])],
)
def test_norms_are_those_of_a_plain_backward_pass(model: str, layers: tuple[str, str]) -> None:
    probe, seen = network(model), images(model)
    expected = []
    for batch in TWO:
        probe.zero_grad()
        plain_loss(probe(seen[batch]), LABELS[batch].tolist()).backward()
        gradients = [probe.get_submodule(layer).weight.grad for layer in layers]
        expected.append([math.sqrt((one**2).sum().item()) for one in gradients])
    found, names = gradient_norms(probe, seen, LABELS, TWO)
    assert names == [f"{layer}.weight" for layer in layers]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=1e-3, atol=1e-7)
    assert (found > 0).all()


@pytest.mark.parametrize(("model", "layers"), [*AUTHORS.items(), *BEYOND.items()])
def test_layers_are_the_first_two_that_an_image_passes(model: str, layers: tuple[str, str]) -> None:
    with torch.device("meta"):
        probe: Any = timm.create_model(model, num_classes=0).eval()
        side = {"test_vit": 160, "twins_svt_small": 224}.get(model, 64)
        with first_two_layers(probe) as found:
            probe.forward_features(torch.empty(1, 3, side, side))
    assert [*found] == [f"{layer}.weight" for layer in layers]
    assert not any(module._forward_hooks for module in probe.modules())


def test_a_network_with_one_such_layer_is_refused() -> None:
    one = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten())
    with pytest.raises(ConfigError, match="fewer than two convolution or linear layers"):
        gradient_norms(one, images(), LABELS, TWO)


def test_gradients_that_are_not_finite_are_named() -> None:
    with pytest.raises(NonFinite, match="gradients of the triplet loss are not finite"):
        gradient_norms(network(), images() * torch.inf, LABELS, TWO)


@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1, 2]])
def test_without_a_triplet_the_loss_and_its_gradient_are_zero(labels: list[int]) -> None:
    features = torch.randn(3, 4, requires_grad=True)
    loss = triplet_loss(features, torch.tensor(labels))
    loss.backward()
    assert loss.item() == 0
    assert features.grad is not None
    assert not features.grad.any()


def test_equal_images_have_a_gradient() -> None:
    features = torch.tensor([[1.0, 0], [1, 0], [0, 1], [1, 0]], requires_grad=True)
    triplet_loss(features, torch.tensor([0, 0, 0, 1])).backward()
    assert features.grad is not None
    assert torch.isfinite(features.grad).all()


@pytest.mark.parametrize(
    ("sizes", "number"), [([5, 5, 5], 2), ([10, 10], 5), ([200, 90], 6), ([1, 1, 1], 1), ([3, 1], 1)]
)
def test_batches_are_as_many_as_the_authors_or_as_leave_two_images_of_a_class(sizes: list[int], number: int) -> None:
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
    batches = batches_of(labels, seed=1)
    assert len(batches) == number <= BATCHES
    assert np.array_equal(np.sort(np.concatenate(batches)), np.arange(len(labels)))
    counts = np.array([np.bincount(labels[batch], minlength=len(sizes)) for batch in batches])
    assert (np.ptp(counts, axis=0) <= 1).all()
    renamed = np.array([7, 3, 5])[labels]
    assert all(np.array_equal(*pair) for pair in zip(batches_of(renamed, seed=1), batches, strict=True))


def test_impossible_settings_are_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"triplets\.images=1 must be at least 2"):
        TripletSettings(images=1)


SMALL = (
    "truth=[]",
    "checkpoints=1",
    "recipe.checkpoint.steps=4",
    "recipe.checkpoint.learning_rates=[0.003]",
    "target.train_per_class=10",
)


def test_both_metrics_read_one_unit_and_no_other_key_moves() -> None:
    before = {unit.key for unit in every(units("metric=[logme,task2vec]", *SMALL))}
    after = {unit.key: unit for unit in every(units("metric=[logme,task2vec,fu_lp,feature_uniqueness]", *SMALL))}
    assert before <= set(after)
    added = sorted(after[key].stage for key in set(after) - before)
    assert added == ["score", "score", "triplets"]
    (taken,) = (unit for unit in after.values() if unit.stage == "triplets")
    assert [*taken.inputs] == ["checkpoint"]
    assert (taken.label.source, taken.label.target) == ("mnist_0_4", "mnist_5_9")


def test_weights_as_they_were_shipped_have_it_too(tmp_path: Path) -> None:
    save_file(timm.create_model("test_resnet", num_classes=7).state_dict(), tmp_path / "weights.safetensors")
    shipped = ("backbone=timm", "backbone.model=test_resnet", f"backbone.weights={tmp_path / 'weights.safetensors'}")
    found = every(units("metric=[fu_lp]", *SMALL, *shipped, "dataset@source=pretrained"))
    assert {unit.stage for unit in found} == {"checkpoint", "triplets", "evidence", "score"}


def test_a_metric_that_does_not_say_how_is_told() -> None:
    with pytest.raises(ConfigError, match=r"metric\.fu_lp asks for triplet_gradient_norms: say how under"):
        units("metric=[fu_lp]", "metric.fu_lp.triplets=null", *SMALL)


def score(folder: Path, *overrides: str) -> float:
    """The score of one pair, computed from nothing."""
    found = units("metric=[feature_uniqueness]", *SMALL, *overrides)
    store = Store(folder)
    for level in LEVELS:
        run_units(found[level], store, torch.device("cpu"))
    (unit,) = (unit for unit in found["pair"] if unit.stage == "score")
    return float(store.record(unit)["value"])


def test_training_images_alone_decide_and_their_class_numbers_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[tuple[str, str]] = set()
    original = Work.part

    def noted(work: Work, split: str) -> Any:
        seen.add((work.unit.stage, split))
        return original(work, split)

    monkeypatch.setattr(Work, "part", noted)
    first = score(tmp_path)
    assert first > 0
    assert {split for stage, split in seen if stage == "triplets"} == {"train"}
    assert score(tmp_path, "target.permute_labels=3") == pytest.approx(first, rel=1e-5)
    assert score(tmp_path, "metric.feature_uniqueness.triplets.images=20") != first
    assert score(tmp_path, "metric_seed=1") != first
