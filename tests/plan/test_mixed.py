"""The like-sized mixed list of `experiment=standard`: every name alive in timm, sizes alike, families many."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from omegaconf import OmegaConf

from pgebench.config import conf_dir
from pgebench.networks.backbones import backbone_params
from pgebench.plan.composing import composed, lists_of
from pgebench.plan.sweep import plain

NAMES = OmegaConf.load(conf_dir() / "suite" / "mixed.yaml").hydra.sweeper.params.backbone.split(",")
KINDS = ("CNN", "Transformer", "Hybrid")


def yaml(name: str) -> str:
    return (conf_dir() / "backbone" / f"{name}.yaml").read_text()


def test_the_standard_experiment_takes_the_mixed_list() -> None:
    assert lists_of("standard")["backbone"].split(",") == NAMES
    assert len(NAMES) == len(set(NAMES)) == 12


def test_there_are_as_many_of_each_kind_and_at_most_two_of_a_family() -> None:
    assert Counter(yaml(name).split(":")[0].removeprefix("# ") for name in NAMES) == dict.fromkeys(KINDS, 4)
    families = Counter(OmegaConf.load(conf_dir() / "backbone" / f"{name}.yaml").family for name in NAMES)
    assert None not in families
    assert max(families.values()) == 2
    assert len(families) == 11


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_alive_with_weights_of_imagenet_1k(name: str) -> None:
    backbone = plain(composed(["experiment=standard", "metric=[]", "truth=[]", f"backbone={name}"]).backbone)
    assert backbone["model"] in timm.list_pretrained()
    assert backbone["name"] == name
    params = backbone_params(backbone)
    assert f"{backbone['model'].partition('.')[0]}.{params['tag']}" == backbone["model"]
    stated = timm.get_pretrained_cfg(backbone["model"])
    assert stated.num_classes == 1000
    assert stated.input_size == (3, backbone["image_size"], backbone["image_size"])
    # One more data set in pretraining, or a teacher, would be a head start.
    assert not any(word in params["tag"] for word in ("22k", "12k", "21k", "dist", "ssl", "clip"))
    assert 0.79 < backbone["source_accuracy"] < 0.84


def test_sizes_are_alike_and_every_network_gives_features_as_the_stages_take_them() -> None:
    """The field's eleven span a factor of 26; here the parameter count must not rank them. Shapes alone are passed."""
    sizes = []
    for name in NAMES:
        with torch.device("meta"):
            network: Any = timm.create_model(OmegaConf.load(conf_dir() / "backbone" / f"{name}.yaml").model).eval()
            maps = network.forward_features(torch.empty(1, 3, 224, 224))
            features = network.forward_head(maps, pre_logits=True).flatten(1)
        assert features.shape == (1, network.num_features), name
        assert network.forward_head(maps).shape == (1, 1000), name
        network.reset_classifier(0)
        sizes.append(sum(parameter.numel() for parameter in network.parameters()))
    assert min(sizes) > 19e6
    assert max(sizes) < 31e6
    assert max(sizes) / min(sizes) < 1.6


@pytest.mark.parametrize("path", sorted((conf_dir() / "backbone").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_backbone_states_its_family(path: Path) -> None:
    assert path.stem == "timm" or OmegaConf.load(path).get("family")
