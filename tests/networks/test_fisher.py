"""Fisher information of filters, the embedding of Task2Vec: against torch.func, and through the whole pipeline."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import torch
from planned import units
from torch import nn
from torch.func import functional_call, grad, vmap

from baselines import task_head
from baselines.kernels.softmax_regression import SoftmaxRegression
from pgebench.core.errors import ConfigError, NonFinite
from pgebench.core.settings import FisherSettings
from pgebench.networks import backbones
from pgebench.networks.fisher import drawn_labels, even_draw, filter_information
from pgebench.plan.units import LEVELS
from pgebench.run.runner import run_units
from pgebench.stages.base import Work
from pgebench.stages.fisher import without_classifier
from pgebench.store.store import Store

MODELS = ["test_resnet", "test_vit", "test_convnext", "test_efficientnet_gn"]


def probe(model: str, classes: int = 5) -> nn.Module:
    config = {"model": model, "image_size": 32, "pretrained": False}
    return backbones.create(backbones.backbone_params(config), classes, seed=0)


def task(network: nn.Module, images: int, classes: int = 3) -> tuple[torch.Tensor, torch.Tensor, SoftmaxRegression]:
    """Images whose class is in their brightness, their features, and the head fitted to them."""
    labels = np.arange(images) % classes
    pictures = torch.randn(images, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    pictures = pictures + 0.5 * torch.from_numpy(labels)[:, None, None, None]
    features, _ = backbones.features_and_logits(network, pictures)
    return pictures, features, task_head(features, labels)


@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.parametrize("model", MODELS)
def test_the_information_is_the_mean_of_each_images_own_squared_gradient(model: str) -> None:
    """All images at once by torch.func, in the network that still has its classifier."""
    network = probe(model).eval()
    images, features, head = task(network, 30)
    drawn = drawn_labels(head, features, seed=1)

    class Surprise(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, image: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
            own = self.network.forward_head(self.network.forward_features(image[None]), pre_logits=True).flatten(1)
            return nn.functional.cross_entropy(own @ head.weights.float() + head.bias.float(), label[None])

    surprise = Surprise()
    filters = {
        name: weight.detach()
        for name, weight in surprise.named_parameters()
        if name.endswith("weight") and weight.ndim > 1 and weight is not network.get_classifier().weight
    }
    of_each = vmap(grad(lambda *given: functional_call(surprise, given[0], given[1:])), in_dims=(None, 0, 0))
    expected = [gradient.square().mean(0).flatten(1).mean(1) for gradient in of_each(filters, images, drawn).values()]

    found = filter_information(without_classifier(network), head, images, drawn)
    torch.testing.assert_close(found, torch.cat(expected), rtol=1e-3, atol=1e-9)


def test_there_is_one_entry_for_each_output_unit_of_each_layer_but_the_classifier() -> None:
    network = probe("test_resnet")
    images, features, head = task(network, 6)
    network = without_classifier(network)
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    information = filter_information(network, head, images, drawn_labels(head, features, 0))
    assert len(information) == sum(module.out_channels for module in convolutions)
    assert (information >= 0).all()


@pytest.mark.parametrize("model", MODELS)
def test_a_network_without_its_classifier_gives_the_features_of_the_evidence(model: str) -> None:
    network = probe(model)
    images, features, _ = task(network, 6)
    assert torch.equal(without_classifier(network)(images), features)


def test_drawn_labels_follow_the_heads_prediction() -> None:
    head = SoftmaxRegression(torch.zeros(2, 3).double(), torch.tensor([0.2, 0.3, 0.5]).double().log(), 0.0)
    drawn = drawn_labels(head, torch.zeros(20_000, 2), seed=0)
    np.testing.assert_allclose(np.bincount(drawn) / 20_000, [0.2, 0.3, 0.5], atol=0.015)
    assert not torch.equal(drawn, drawn_labels(head, torch.zeros(20_000, 2), seed=1))


def test_a_draw_of_images_takes_the_classes_evenly_and_repeats() -> None:
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(4), [100, 60, 40, 7]))
    chosen = even_draw(labels, 47, seed=0)
    assert np.bincount(labels[chosen]).tolist() in ([14, 13, 13, 7], [13, 14, 13, 7], [13, 13, 14, 7])
    assert len(np.unique(chosen)) == 47
    assert np.array_equal(chosen, even_draw(labels, 47, seed=0))
    assert not np.array_equal(chosen, even_draw(labels, 47, seed=1))
    assert np.array_equal(even_draw(labels, 500, seed=0), np.arange(207))


def test_gradients_that_are_not_finite_are_named() -> None:
    network = without_classifier(probe("test_resnet"))
    images, features, head = task(network, 6)
    with pytest.raises(NonFinite, match="Fisher information is not finite"):
        filter_information(network, head, images * torch.inf, drawn_labels(head, features, 0))


@pytest.mark.parametrize(("name", "value"), [("images", 0), ("penalty", 0.0)])
def test_impossible_settings_are_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"fisher.{name}={value} must be positive"):
        FisherSettings(**{name: value})  # type: ignore[arg-type]


def test_the_probe_is_the_sources_network_for_both_datasets() -> None:
    found = units("metric=[task2vec]", "truth=[]", "checkpoints=1")
    (at_source,) = (unit for unit in found["source"] if unit.stage == "fisher")
    (at_pair,) = (unit for unit in found["pair"] if unit.stage == "fisher")
    assert at_source.inputs["checkpoint"] == at_pair.inputs["checkpoint"] == found["source"][0]
    (score,) = (unit for unit in found["pair"] if unit.stage == "score")
    assert score.inputs == {"source_information": at_source, "target_information": at_pair}


def run(folder: Path, *overrides: str) -> float:
    """The score of one pair, computed from nothing."""
    small = ("recipe.checkpoint.steps=4", "recipe.checkpoint.learning_rates=[0.003]", "target.train_per_class=10")
    found = units("metric=[task2vec]", "truth=[]", "checkpoints=1", *small, *overrides)
    store = Store(folder)
    for level in LEVELS:
        run_units(found[level], store, torch.device("cpu"))
    (score,) = (unit for unit in found["pair"] if unit.stage == "score")
    return store.record(score)["value"]


def test_renumbering_the_classes_changes_nothing_at_all_and_another_dataset_does(tmp_path: Path) -> None:
    score = run(tmp_path)
    assert -1 < score < 0
    assert run(tmp_path, "target.permute_labels=3") == score
    assert run(tmp_path, "dataset@target=fashion_tops") != score
    assert run(tmp_path, "metric.task2vec.fisher.images=20") != score


def test_only_training_images_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, str]] = []
    original = Work.part

    def noted(work: Work, split: str) -> tuple[torch.Tensor, torch.Tensor]:
        seen.append((work.unit.stage, split))
        return original(work, split)

    monkeypatch.setattr(Work, "part", noted)
    run(tmp_path)
    assert {split for stage, split in seen if stage == "fisher"} == {"train"}


def test_fifty_images_take_less_than_half_a_second_of_one_core() -> None:
    network = without_classifier(probe("test_resnet"))
    images, features, _ = task(network, 50, classes=5)
    taken = []
    for _ in range(3):
        start = time.process_time()
        head = task_head(features, np.arange(50) % 5)
        filter_information(network, head, images, drawn_labels(head, features, 0))
        taken.append(time.process_time() - start)
    assert min(taken) < 0.5
