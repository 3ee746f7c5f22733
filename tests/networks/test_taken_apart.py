"""Networks that give no features, and sizes that they do not take."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from hub_cache import put, random_weights
from huggingface_hub import constants
from safetensors.torch import save_file
from torch import nn

from pgebench.core.errors import ConfigError
from pgebench.networks import backbones
from pgebench.networks.taken_apart import check_parts


class Whole(nn.Module):
    """A network in one piece."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean((2, 3))


class Maps(Whole):
    """A network whose head does not pool."""

    def forward_features(self, images: torch.Tensor) -> torch.Tensor:
        return images

    def forward_head(self, maps: torch.Tensor, pre_logits: bool = False) -> list[torch.Tensor]:
        return [maps]

    def get_classifier(self) -> nn.Module:
        return nn.Identity()


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (Whole(), "its head cannot be taken off: it has no forward_features, forward_head, get_classifier"),
        (Maps(), "its head cannot be taken off: what is before it is list"),
        (timm.create_model("test_resnet", in_chans=1), r"it takes pictures of 1 channel\(s\); these have 3"),
    ],
)
def test_what_gives_no_features_of_a_picture_is_refused(network: nn.Module, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_parts(network, "mine", 32)


@pytest.mark.parametrize("model", ["test_resnet", "test_vit", "test_convnext"])
def test_networks_of_timm_are_taken_with_and_without_a_classifier(model: str) -> None:
    for classes in (0, 5):
        check_parts(timm.create_model(model, num_classes=classes), model, 160)


def test_weights_for_grey_pictures_are_refused_as_such(tmp_path: Path) -> None:
    save_file(timm.create_model("test_resnet", in_chans=1).state_dict(), tmp_path / "grey.safetensors")
    config = {"model": "test_resnet", "image_size": 32, "pretrained": False, "weights": f"{tmp_path}/grey.safetensors"}
    with pytest.raises(ConfigError, match="takes pictures of 1 channel, and these have 3"):
        backbones.tried(backbones.backbone_params(config), config["weights"])


def test_weights_of_a_fixed_size_name_it_where_another_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    put(tmp_path, "pit_ti_224.in1k", random_weights("pit_ti_224"))
    config = {"name": "pit", "model": "pit_ti_224.in1k", "pretrained": True, "image_size": 96}
    with pytest.raises(
        ConfigError, match=r"image_size=96: pit_ti_224.in1k takes no pictures of this size; its own is 224"
    ):
        backbones.as_shipped(backbones.backbone_params(config), None)
    shipped = backbones.as_shipped(backbones.backbone_params(config | {"image_size": 224}), None)
    assert shipped.classes == 1000
