"""What metrics get of a network besides features: those before training, the weights, facts of the architecture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from planned import every, units
from safetensors.torch import save_file

import baselines
from pgebench.core.errors import ConfigError
from pgebench.core.identity import derive_seed
from pgebench.networks import backbones
from pgebench.plan import architecture_facts
from pgebench.plan.units import LEVELS
from pgebench.run.runner import run_units
from pgebench.stages.base import Work
from pgebench.store.store import Store
from pgebench.store.unit import Unit

SMALL = (
    "truth=[]",
    "recipe.checkpoint.steps=2",
    "recipe.checkpoint.learning_rates=[0.003]",
    "target.train_per_class=6",
    "dataset@source=emoji",
)


RESNET = "backbone=test_resnet"


def chosen(found: dict[str, list[Unit]], stage: str) -> list[Unit]:
    return [unit for unit in every(found) if unit.stage == stage]


def random_evidence(*overrides: str) -> list[Unit]:
    """The units of an untrained network's features."""
    scores = chosen(units("metric=[kite]", "truth=[]", *overrides), "score")
    return [score.inputs["random_evidence"] for score in scores]


def test_an_untrained_network_knows_no_source() -> None:
    (emoji,), (faces,) = (random_evidence("checkpoints=1", f"dataset@source={name}") for name in ("emoji", "faces"))
    assert emoji.key == faces.key
    assert not emoji.inputs
    assert (emoji.label.source, emoji.label.target, emoji.label.metric) == (None, "mnist_5_9", "kite")
    (other,) = random_evidence("checkpoints=1", "dataset@target=digits")
    assert other.key != emoji.key


def test_every_draw_and_every_checkpoint_has_an_untrained_network_of_its_own() -> None:
    keys = [unit.key for unit in random_evidence("checkpoints=2", "metric.kite.seeds=3")]
    assert len(set(keys)) == len(keys) == 6
    anew = [unit.key for unit in random_evidence("checkpoints=2", "metric.kite.seeds=3", "metric_seed=1")]
    # The second study's first draws are the first study's second: they follow each other.
    assert anew[:3] == keys[3:]


def test_pretrained_weights_do_not_matter_before_training(tmp_path: Path) -> None:
    save_file(timm.create_model("test_resnet", num_classes=7).state_dict(), tmp_path / "weights.safetensors")
    same = ("backbone=timm", "backbone.model=test_resnet", "checkpoints=1")
    (plain,) = random_evidence(*same)
    (shipped,) = random_evidence(
        *same, f"backbone.weights={tmp_path / 'weights.safetensors'}", "dataset@source=pretrained"
    )
    assert shipped.key == plain.key


def test_a_metric_that_asks_for_them_changes_the_key_of_nothing_else() -> None:
    few = ("truth=[]", "checkpoints=1")
    before = {unit.key for unit in every(units("metric=[logme,pge]", *few))}
    after = {unit.key: unit for unit in every(units("metric=[logme,pge,kite,weighted_alpha,flop_count]", *few))}
    assert before <= set(after)
    added = [after[key].label.metric for key in set(after) - before]
    assert sorted(added) == ["flop_count", "kite", "kite", "weighted_alpha"]


def computed(folder: Path, *overrides: str) -> tuple[Store, Unit]:
    """The score of one pair, from nothing."""
    found, store = units(*SMALL, "checkpoints=1", *overrides), Store(folder)
    for level in LEVELS:
        run_units(found[level], store, torch.device("cpu"))
    (score,) = chosen(found, "score")
    return store, score


def loaded(store: Store, unit: Unit) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in store.load(unit).items()}


def test_kite_compares_the_checkpoint_with_a_network_of_random_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[str] = []
    original = Work.part

    def noted(work: Work, split: str) -> tuple[torch.Tensor, torch.Tensor]:
        if work.unit.stage == "evidence":
            looked_at.append(split)
        return original(work, split)

    monkeypatch.setattr(Work, "part", noted)
    store, score = computed(tmp_path, "metric=[kite]")
    assert set(looked_at) == {"train"}
    untrained, seen = loaded(store, score.inputs["random_evidence"]), loaded(store, score.inputs["evidence"])
    assert set(untrained) == {"features", "labels"}
    assert np.array_equal(untrained["labels"], seen["labels"])
    work = Work(score.inputs["random_evidence"], store, torch.device("cpu"))
    network = backbones.create(work.params["backbone"], 0, derive_seed("untrained", 0))
    expected, _ = backbones.features_and_logits(network, original(work, "train")[0])
    assert np.allclose(untrained["features"], expected.numpy(), atol=1e-6)
    kite = baselines.kite(seen["features"], seen["labels"], untrained["features"])
    assert store.record(score)["value"] == kite > 0


def test_weighted_alpha_looks_at_the_weights_of_the_checkpoint_alone(tmp_path: Path) -> None:
    store, score = computed(tmp_path, "metric=[weighted_alpha]")
    assert set(score.inputs) == {"checkpoint"}
    weights = [one for one in loaded(store, score.inputs["checkpoint"]).values() if one.dtype == np.float32]
    assert store.record(score)["value"] == baselines.weighted_alpha(weights)


def test_weighted_alpha_of_pretrained_weights_is_that_of_the_file(tmp_path: Path) -> None:
    torch.manual_seed(0)
    state = timm.create_model("test_resnet", num_classes=7).state_dict()
    save_file(state, tmp_path / "weights.safetensors")
    file = ("backbone=timm", "backbone.model=test_resnet", f"backbone.weights={tmp_path / 'weights.safetensors'}")
    store, score = computed(tmp_path / "store", "metric=[weighted_alpha]", *file, "dataset@source=pretrained")
    weights = [tensor for tensor in state.values() if tensor.is_floating_point()]
    assert store.record(score)["value"] == pytest.approx(baselines.weighted_alpha(weights), rel=1e-6)


def test_operations_and_width_are_facts_of_the_architecture() -> None:
    found = chosen(units("metric=[flop_count,feature_width,parameter_count]", "truth=[]", RESNET), "score")
    facts = {name: value for score in found for name, value in score.params["facts"].items()}
    assert all(not score.inputs for score in found)
    network = timm.create_model("test_resnet", num_classes=0)
    assert facts["feature_width"] == network.num_features
    assert facts["parameters"] == sum(one.numel() for one in network.parameters())
    with torch.utils.flop_counter.FlopCounterMode(display=False) as counter:
        network.eval()(torch.zeros(1, 3, 32, 32))
    assert facts["flops"] == counter.get_total_flops()


def test_a_network_whose_operations_cannot_be_counted_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(architecture_facts, "per_image", lambda params, classes: None)
    with pytest.raises(ConfigError, match="model=test_resnet: its operations cannot be counted; leave out"):
        units("metric=[flop_count]", "truth=[]", RESNET)
