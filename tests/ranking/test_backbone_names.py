"""What a user may type for a backbone, and what is said where it is nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from timm.data import resolve_model_data_config

from pgebench.core.errors import ConfigError
from pgebench.networks.backbones import backbone_params
from pgebench.plan.composing import composing
from pgebench.ranking.backbone_names import NamedBackbone, named_backbones
from pgebench.ranking.suites import suite, suites


def named(*names: str, image_size: int | None = None, most: int = 200) -> list[NamedBackbone]:
    with composing():
        return named_backbones(names, image_size, most, 96)


@pytest.mark.parametrize("model", ["test_vit.r160_in1k", "tinynet_e.in1k", "test_resnet.r160_in1k"])
def test_a_name_of_timm_has_the_size_and_the_normalisation_that_timm_resolves(model: str) -> None:
    (found,) = named(model)
    params = backbone_params(found.named.config)
    expected = resolve_model_data_config(timm.create_model(model))
    assert (3, params["image_size"], params["image_size"]) == expected["input_size"]
    assert (tuple(params["mean"]), tuple(params["std"])) == (expected["mean"], expected["std"])
    assert (params["pretrained"], params["tag"]) == (True, model.partition(".")[2])


def test_one_size_may_be_asked_for() -> None:
    found = named("tinynet_e.in1k", "efficientnet_lite0", image_size=128)
    assert [one.named.config["image_size"] for one in found] == [128, 128]
    assert [one.facts.image_size for one in named("tinynet_e.in1k", "efficientnet_lite0")] == [106, 224]


def test_patterns_suites_and_names_are_there_once() -> None:
    names = [one.named.name for one in named("resnet18.a1_in1k", "resnet18.*", "suite:mixed", "resnet18.tv_in1k")]
    assert len(names) == len(set(names))
    expected = {*timm.list_pretrained("resnet18.*"), *suite("mixed")}
    assert set(names) == expected
    assert names[0] == "resnet18.a1_in1k"


def test_every_name_of_the_suites_is_alive_and_they_are_mixed() -> None:
    alive = set(timm.list_pretrained())
    assert {name for names in suites().values() for name in names} <= alive
    mixed = suites()["mixed"]
    families = [one.facts.family for one in named("suite:mixed")]
    assert max(families.count(family) for family in families) <= 3
    millions = [stated["millions"] for stated in mixed.values()]
    for low, high in ((4, 6.5), (11, 16), (20, 29)):
        assert sum(low <= one <= high for one in millions) == 8
    assert all(0.7 < stated["accuracy"] < 0.85 for stated in mixed.values())
    assert all(stated["millions"] <= 8 for stated in suites()["mobile"].values())


def test_what_is_stated_of_a_backbone_is_told() -> None:
    (found,) = named("vit_small_patch16_224.augreg_in21k_ft_in1k")
    facts = found.facts
    assert (facts.family, facts.licence, facts.accuracy) == ("vision_transformer", "apache-2.0", 0.81402)
    assert facts.weights == "timm/vit_small_patch16_224.augreg_in21k_ft_in1k"
    (packaged,) = named("efficientnet_lite0")
    assert (packaged.facts.family, packaged.facts.accuracy) == ("efficientnet", 0.7483)
    assert packaged.facts.weights.startswith("pkg://")


def test_a_file_of_weights_is_of_the_architecture_that_is_said_or_that_it_is_named_after(tmp_path: Path) -> None:
    torch.manual_seed(0)
    for name, classes in (("test_resnet-abc", 7), ("best", 0)):
        save_file(timm.create_model("test_resnet", num_classes=classes).state_dict(), tmp_path / f"{name}.safetensors")
    (tmp_path / "pushed").mkdir()
    save_file(timm.create_model("test_vit").state_dict(), tmp_path / "pushed/model.safetensors")
    own = {"architecture": "test_vit", "pretrained_cfg": {"input_size": [3, 160, 160], "mean": [0.1, 0.2, 0.3]}}
    (tmp_path / "pushed/config.json").write_text(json.dumps(own))
    found = named(
        f"{tmp_path}/test_resnet-abc.safetensors", f"test_resnet@{tmp_path}/best.safetensors", f"{tmp_path}/pushed"
    )
    configs = {one.named.name: one.named.config for one in found}
    assert {name: (one["model"], one["head"]) for name, one in configs.items()} == {
        "test_resnet-abc": ("test_resnet", True),
        "best": ("test_resnet", False),
        "pushed": ("test_vit", True),
    }
    assert (configs["pushed"]["mean"], configs["pushed"]["image_size"]) == ([0.1, 0.2, 0.3], 160)
    assert not any(one["pretrained"] for one in configs.values())
    with pytest.raises(ConfigError, match=r"of which architecture are these weights\? Say backbones=ARCHITECTURE@"):
        named(f"{tmp_path}/best.safetensors")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet81.a1_in1k", r"timm has no pretrained network of this name.*did you mean .*resnet18"),
        ("resnet18.a9_in1k", r"resnet18.a9_in1k: timm has no .*did you mean resnet18.a"),
        ("*resnet81*", r"no name of timm matches; the nearest are .*resnet"),
        ("*", r"\*: 1,\d\d\d backbones, more than most=200: narrow it, .*by a tag \('\*\.\w+' \(\d+\).*most=1\d\d\d"),
        ("suite:mobil", r"suite:mobil: no such suite; did you mean mobile\? choose from"),
        ("no/such.pth", r"no/such.pth: there is no such file"),
        ("resnet18@no/such.pth", r"no/such.pth: there is no such file"),
        ("test_vit", r"it comes without pretrained weights; timm has weights under test_vit.r160_in1k"),
    ],
)
def test_a_wrong_name_is_one_line_with_a_remedy(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        named(name)
    assert "\n" not in str(caught.value)


def test_all_of_timm_may_be_asked_for() -> None:
    assert len(named("*", most=5000)) == len(timm.list_pretrained())
