"""Tensors that are not a network's: refused with the reason, or converted as timm does."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from weight_files import (
    FEATURES,
    FIRST,
    IMAGES,
    MEANT,
    NETWORK,
    body,
    config,
    loaded,
    network,
    re_said,
    refused,
    saved,
    under,
)

from pgebench.core.errors import ConfigError
from pgebench.networks import backbones

with warnings.catch_warnings(action="ignore"):  # deprecated, and still in files
    QUANTISED = MEANT | {FIRST: torch.quantize_per_tensor(MEANT[FIRST], 0.1, 0, torch.qint8)}
WRONG: dict[str, tuple[Any, tuple[str, ...]]] = {
    "a part of a larger network": (
        MEANT | {"layer1.1.conv1.weight": torch.zeros(1)},
        ("another architecture", "1 unexpected: layer1.1.conv1.weight"),
    ),
    "a norm before": (MEANT | {"norm_pre.weight": torch.zeros(3)}, ("1 unexpected: norm_pre.weight",)),
    "another family": (network(0, "test_vit").state_dict(), ("0 are there", "missing: conv1.0.weight")),
    "under the best prefix": (
        {"state_dict": {name: value for name, value in under("model.", MEANT).items() if "layer2" not in name}},
        ("under state_dict in names that begin with model.", "missing: layer2"),
    ),
    "another width": (
        {name: torch.cat([value] * 2) if value.ndim else value for name, value in MEANT.items()},
        ("the names are those of this model", f"{FIRST} (32, 3, 3, 3) instead of (16, 3, 3, 3)"),
    ),
    "numbers as names": (
        dict(enumerate(MEANT.values())),
        ("another architecture", "0 are there", "unexpected: 0, 1, 2"),
    ),
    "NaN": (
        MEANT | {FIRST: torch.where(MEANT[FIRST] > 0, MEANT[FIRST], torch.nan)},
        ("1 of 18 tensors hold NaN or infinity", f"{FIRST} ({int((MEANT[FIRST] <= 0).sum())} of 432)"),
    ),
    "too large for float32": (MEANT | {FIRST: MEANT[FIRST].double() * 1e300}, ("NaN or infinity", FIRST)),
    "int8": (MEANT | {FIRST: MEANT[FIRST].to(torch.int8)}, (f"{FIRST} (int8, strided, cpu)", "not quantised")),
    "quantised": (QUANTISED, (f"{FIRST} (qint8, strided, cpu)",)),
    "without data": (MEANT | {FIRST: MEANT[FIRST].to("meta")}, (f"{FIRST} (float32, strided, meta)",)),
    "no keys": ({}, ("holds no state dict", "nothing at all")),
    "only an optimizer": ({"lr": 1.0, "epoch": 3}, ("holds no state dict", "the keys lr, epoch")),
    "a list": ([1, 2], ("holds no state dict", "a list")),
    "a tensor": (torch.zeros(2), ("holds no state dict", "a Tensor")),
    "a whole network": ({"model": NETWORK}, ("holds a whole network with its code (torch.nn.modules", "state_dict()")),
}


@pytest.mark.parametrize("form", WRONG)
def test_weights_that_cannot_be_used_are_said_to_be_what_they_are(form: str, tmp_path: Path) -> None:
    content, parts = WRONG[form]
    told = refused(saved(tmp_path / "net.pth", content))
    assert [part for part in parts if part not in told] == []


def test_a_classifier_of_other_names_is_none(tmp_path: Path) -> None:
    """MoCo v2 puts its projection in the place of the classifier."""
    content = body(MEANT) | {"fc.0.weight": torch.zeros(16, 16), "fc.2.weight": torch.zeros(8, 16)}
    path = saved(tmp_path / "net.pth", content)
    torch.testing.assert_close(loaded(path)[0], FEATURES)
    with pytest.raises(ConfigError, match=r"holds no classifier; say so with backbone.head=false"):
        loaded(path, head=True)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_read_as_the_numbers_it_holds(dtype: torch.dtype, tmp_path: Path) -> None:
    state = {name: value.to(dtype) if value.is_floating_point() else value for name, value in MEANT.items()}
    expected = network(0)
    expected.load_state_dict({name: value.float() for name, value in state.items()})
    features = expected.forward_head(expected.forward_features(IMAGES), pre_logits=True)  # type: ignore[operator]
    torch.testing.assert_close(loaded(saved(tmp_path / "net.pth", state))[0], features)


def test_position_embeddings_of_another_image_size_are_resized_as_timm_does(tmp_path: Path) -> None:
    trained = network(0, "test_vit", img_size=160)
    path = saved(tmp_path / "vit.pth", {"model": under("module.", trained.state_dict())})
    chosen = config(path, model="test_vit", image_size=64)
    shipped = backbones.as_shipped(backbones.backbone_params(chosen), str(path))
    trained.set_input_size(img_size=64)  # type: ignore[operator]
    expected = trained.state_dict()["pos_embed"]
    torch.testing.assert_close(shipped.network.state_dict()["pos_embed"], expected, rtol=1e-4, atol=1e-5)
    assert "pos_embed resized from (1, 101, 64) to (1, 17, 64)" in shipped.taken


def test_patches_of_another_size_are_another_architecture(tmp_path: Path) -> None:
    state = network(0, "test_vit").state_dict()
    state["patch_embed.proj.weight"] = torch.zeros(64, 3, 8, 8)
    path = saved(tmp_path / "vit.pth", state)
    told = refused(path, model="test_vit", image_size=160)
    assert re_said(told, "patch_embed.proj.weight (64, 3, 8, 8) instead of (64, 3, 16, 16)", "another width, patch")


def test_names_that_the_authors_gave_are_translated_as_timm_does(tmp_path: Path) -> None:
    """The ConvNeXt of its authors has other names for the same tensors, without head and norm in one module."""
    expected = network(0, "test_convnext")
    names = {"stem.0.": "downsample_layers.0.0.", "stem.1.": "downsample_layers.0.1."}
    state = {}
    for name, value in expected.state_dict().items():
        for ours, theirs in names.items():
            name = name.replace(ours, theirs)
        parts = name.split(".")
        if parts[0] == "stages" and parts[2] == "downsample":
            name = ".".join(["downsample_layers", parts[1], *parts[3:]])
        elif parts[0] == "stages":
            name = ".".join([*parts[:2], *parts[3:]])
            name = name.replace("conv_dw", "dwconv").replace("mlp.fc1", "pwconv1").replace("mlp.fc2", "pwconv2")
        name = name.replace("head.norm.", "norm.").replace("head.fc.", "head.")
        state[name] = value
    path = saved(tmp_path / "convnext.pth", {"model": state})
    chosen = config(path, model="test_convnext", head=True)
    shipped = backbones.as_shipped(backbones.backbone_params(chosen), str(path))
    torch.testing.assert_close(shipped.network.eval()(IMAGES), expected(IMAGES))
    assert re_said(shipped.taken, "took the weights under model", "converted by timm's rules", "tensors renamed")
