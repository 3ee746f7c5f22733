"""Checkpoints from the field: whatever the weights are packed in, the network gives the outputs it was saved with."""

from __future__ import annotations

import argparse
import json
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from pgebench.config import BackboneConfig
from pgebench.core.errors import ConfigError
from pgebench.networks import backbones
from pgebench.networks.checkpoint_file import INDEX, content_of, fingerprint

State = dict[str, torch.Tensor]
IMAGES = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
FIRST = "conv1.0.weight"


def network(seed: int, model: str = "test_resnet", **fields: Any) -> nn.Module:
    torch.manual_seed(seed)
    made: nn.Module = timm.create_model(model, num_classes=7, **fields).eval()
    return made


NETWORK, OTHER = network(3), network(4)
MEANT: State = NETWORK.state_dict()
ELSE: State = OTHER.state_dict()
FEATURES = NETWORK.forward_head(NETWORK.forward_features(IMAGES), pre_logits=True)  # type: ignore[operator]


def under(prefix: str, state: State) -> State:
    return {prefix + name: value for name, value in state.items()}


def body(state: State) -> State:
    return {name: value for name, value in state.items() if not name.startswith("fc.")}


def config(file: Path, **fields: Any) -> dict[str, Any]:
    return vars(BackboneConfig(name="net", model="test_resnet", weights=str(file), head=False)) | fields


def loaded(file: Path, **fields: Any) -> tuple[torch.Tensor, str]:
    """Features of the images by the network with the weights of a file, and what was said to be taken of it."""
    chosen = config(file, **fields)
    shipped = backbones.as_shipped(backbones.backbone_params(chosen), backbones.file_of(chosen)["weights"])
    return shipped.network.eval()(IMAGES), shipped.taken


def tried(file: Path, **fields: Any) -> str:
    chosen = config(file, **fields)
    return backbones.tried(backbones.backbone_params(chosen), backbones.file_of(chosen)["weights"])


def refused(file: Path, **fields: Any) -> str:
    """The one line that says why a file is refused, before anything is run."""
    with pytest.raises(ConfigError) as error:
        tried(file, **fields)
    told = str(error.value)
    assert told.startswith("backbone.weights=")
    assert "\n" not in told
    assert "\x1b" not in told
    assert "weights_only" not in told
    return told


def saved(path: Path, content: Any, **options: Any) -> Path:
    torch.save(content, path, **options)
    return path


WRAPPED = {name.replace("layer1.", "layer1._fsdp_wrapped_module."): value for name, value in MEANT.items()}
COUNTED = {f"{name.rpartition('.')[0]}.total_ops": torch.zeros(1) for name in MEANT if name.endswith("weight")}

UNAMBIGUOUS: dict[str, tuple[Any, str]] = {
    "plain": (MEANT, ""),
    "state_dict": ({"state_dict": MEANT, "epoch": 3}, "took the weights under state_dict; left out epoch"),
    "model_state_dict": ({"model_state_dict": MEANT}, "took the weights under model_state_dict"),
    "net": ({"net": MEANT, "acc": 93.1}, "took the weights under net; left out acc"),
    "network": ({"network": MEANT}, "took the weights under network"),
    "model_ema": ({"model_ema": MEANT}, "took the weights under model_ema"),
    "state_dict_ema": ({"state_dict_ema": MEANT}, "took the weights under state_dict_ema"),
    "raw and average": ({"net_ema": ELSE, "net": MEANT}, "took the weights under net; left out net_ema"),
    "as ever beside an average": ({"model": MEANT, "model_ema": ELSE}, "under model; left out model_ema"),
    "as ever beside another": ({"best": ELSE, "state_dict": MEANT}, "under state_dict; left out best"),
    "twice the same": ({"student": MEANT, "teacher": dict(MEANT)}, "took the weights under student; left out teacher"),
    "nested": (
        {"checkpoint": {"model": MEANT, "epoch": 1}, "arch": "r"},
        "checkpoint.model; left out checkpoint.epoch",
    ),
    "deepspeed": ({"module": MEANT, "dp_world_size": 1}, "took the weights under module"),
    "lightning": (
        {"state_dict": under("model.", MEANT), "loops": {}},
        "under state_dict whose names begin with 'model.'",
    ),
    "compiled": (under("_orig_mod.", MEANT), ""),
    "compiled and parallel": (under("module._orig_mod.", MEANT), "names begin with 'module.'"),
    "fsdp": (under("_fsdp_wrapped_module.", WRAPPED), ""),
    "moco": (
        {"state_dict": under("module.encoder_q.", MEANT) | {"module.queue": torch.zeros(2)}},
        "'module.encoder_q.'",
    ),
    "dino": ({"teacher": under("backbone.", body(MEANT)) | {"head.mlp.0.weight": torch.zeros(2)}}, "head.mlp.0.weight"),
    "simclr": (under("convnet.", body(MEANT)) | {"projection_head.0.bias": torch.zeros(2)}, "projection_head.0.bias"),
    "swa": (under("module.", MEANT) | {"n_averaged": torch.tensor(5)}, "'module.'; left out n_averaged"),
    "stack": (under("module._orig_mod.model.backbone.", MEANT), "begin with 'module.model.backbone.'"),
    "detector": (under("backbone.body.", body(MEANT)) | {"rpn.head.bias": torch.zeros(2)}, "left out rpn.head.bias"),
    "a projection beside": (body(MEANT) | {"projector.0.weight": torch.zeros(2, 2)}, "left out projector.0.weight"),
    "an epoch among the tensors": (MEANT | {"epoch": torch.tensor(3)}, "left out epoch"),
    "a number among the tensors": (MEANT | {"epoch": 3}, "left out epoch"),
    "thop": (MEANT | COUNTED | {"total_ops": torch.zeros(1)}, ".total_ops"),
    "generator and discriminator": ({"d": network(0, "test_vit").state_dict(), "g": MEANT}, "took the weights under g"),
    "parameters": ({"model": dict(NETWORK.named_parameters()) | dict(NETWORK.named_buffers())}, "under model"),
    "double": ({name: value.double() for name, value in MEANT.items()}, ""),
}


@pytest.mark.parametrize("form", UNAMBIGUOUS)
def test_the_only_weights_that_fit_are_taken_and_named(form: str, tmp_path: Path) -> None:
    content, expected = UNAMBIGUOUS[form]
    features, taken = loaded(saved(tmp_path / "net.pth", content))
    torch.testing.assert_close(features, FEATURES)
    assert expected in taken if expected else taken == ""


def test_a_training_checkpoint_is_read_without_the_classes_that_it_names(tmp_path: Path) -> None:
    """timm's own train script saves an argparse.Namespace; others numpy scalars, paths, configs."""
    content = {
        "state_dict": MEANT,
        "args": argparse.Namespace(lr=0.1),
        "metric": np.float64(0.3),
        "folder": PurePosixPath("/x"),
        "history": np.zeros(3),
    }
    features, taken = loaded(saved(tmp_path / "last.pth.tar", content))
    torch.testing.assert_close(features, FEATURES)
    assert "left out args (argparse.Namespace), metric (numpy" in taken
    assert type(content_of(tmp_path / "last.pth.tar")["args"]).__mro__[1].__name__ == "Unread"


class Harm:
    """What a pickle can do to whoever loads it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("harmed"),)


class Shell:
    """The same, by a function that torch names as dangerous."""

    def __reduce__(self) -> tuple[Any, ...]:
        import os

        return os.system, ("touch harmed",)


@pytest.mark.parametrize("harm", [Harm(), Shell()])
def test_nothing_that_a_checkpoint_names_is_called(
    harm: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = saved(tmp_path / "net.pth", {"state_dict": MEANT, "args": harm})
    assert re_said(refused(path), "holds objects of", "save the state dict alone")
    assert not (tmp_path / "harmed").exists()


def re_said(told: str, *parts: str) -> bool:
    """Whether a message has all these parts."""
    return all(part in told for part in parts)


TWO: dict[str, tuple[Any, str]] = {
    "student and teacher": ({"student": MEANT, "teacher": ELSE}, "weights_key=student or backbone.weights_key=teacher"),
    "two prefixes": (
        under("student.", MEANT) | under("teacher.", ELSE),
        "weights_prefix=student. or backbone.weights_pre",
    ),
    "moco with both": (
        {"state_dict": under("module.encoder_q.", MEANT) | under("module.encoder_k.", ELSE)},
        "weights_prefix=module.encoder_q. or backbone.weights_prefix=module.encoder_k.",
    ),
    "beside a prefix": (MEANT | under("old.", ELSE), "weights_prefix='' or backbone.weights_prefix=old."),
    "dino with both": (
        {"student": under("module.", MEANT), "teacher": ELSE},
        "weights_key=student backbone.weights_prefix=module. or",
    ),
}


def test_what_is_taken_is_told_before_anything_runs(tmp_path: Path) -> None:
    path = saved(tmp_path / "net.pth", {"net": MEANT})
    origin = f"backbone.weights={path} for backbone.model=test_resnet"
    assert tried(path) == f"{origin}: took the weights under net."
    assert tried(saved(path, MEANT)) == ""


@pytest.mark.parametrize("form", TWO)
def test_two_networks_that_fit_are_a_question(form: str, tmp_path: Path) -> None:
    content, expected = TWO[form]
    told = refused(saved(tmp_path / "net.pth", content))
    assert re_said(told, "holds several networks of this architecture; choose with", expected)


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("student and teacher", {"weights_key": "student"}),
        ("two prefixes", {"weights_prefix": "student."}),
        ("moco with both", {"weights_prefix": "module.encoder_q."}),
        ("moco with both", {"weights_key": "state_dict", "weights_prefix": "module.encoder_q."}),
        ("dino with both", {"weights_key": "student"}),
        ("beside a prefix", {"weights_prefix": ""}),
    ],
)
def test_the_answer_is_taken_and_is_part_of_the_identity(form: str, options: dict[str, str], tmp_path: Path) -> None:
    path = saved(tmp_path / "net.pth", TWO[form][0])
    torch.testing.assert_close(loaded(path, **options)[0], FEATURES)
    params = backbones.backbone_params(config(path, **options))["weights"]
    assert params == {"sha256": fingerprint(path), "reader": None} | {
        name.removeprefix("weights_"): value for name, value in options.items()
    }
    # Keys of finished work: without the options nothing is added.
    assert set(backbones.backbone_params(config(path))["weights"]) == {"sha256", "reader"}


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"weights_key": "optimizer"}, ("no tensors by name under weights_key=optimizer", "under student, teacher")),
        (
            {"weights_prefix": "x."},
            ("no name begins with weights_prefix=x.", "they begin with bn1., conv1., fc., layer1."),
        ),
        ({"weights_prefix": "layer1."}, ("does not fit this model", "what fits is backbone.weights_key=student or")),
    ],
)
def test_a_choice_that_is_not_there_names_those_that_are(
    options: dict[str, str], parts: tuple[str, ...], tmp_path: Path
) -> None:
    path = saved(tmp_path / "net.pth", TWO["student and teacher"][0])
    assert re_said(refused(path, **options), *parts)


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"weights": None, "weights_key": "a"}, "weights_key chooses in a file; give it with backbone.weights=FILE"),
        ({"reader": "pgebench.offline.in_order", "weights_prefix": ""}, "weights_prefix: backbone.reader says what is"),
    ],
)
def test_choices_without_a_choice_are_refused(fields: dict[str, Any], part: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=part):
        backbones.backbone_params(config(saved(tmp_path / "net.pth", MEANT), **fields))


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
        {"state_dict": {name: value for name, value in under("model.", MEANT).items() if "layer4" not in name}},
        ("under state_dict in names that begin with model.", "missing: layer4"),
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
        ("1 of 90 tensors hold NaN or infinity", f"{FIRST} ({int((MEANT[FIRST] <= 0).sum())} of 432)"),
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
    content = body(MEANT) | {"fc.0.weight": torch.zeros(96, 96), "fc.2.weight": torch.zeros(8, 96)}
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


@pytest.mark.parametrize("name", ["net.PTH", "net.pt", "net.bin", "net.ckpt", "net.pth.tar", "net.safetensors"])
def test_a_file_of_torch_is_known_by_its_content(name: str, tmp_path: Path) -> None:
    torch.testing.assert_close(loaded(saved(tmp_path / name, MEANT))[0], FEATURES)


@pytest.mark.parametrize("name", ["net.SAFETENSORS", "net.pth", "net.bin"])
def test_a_file_of_safetensors_is_known_by_its_content(name: str, tmp_path: Path) -> None:
    save_file(MEANT, tmp_path / name)
    torch.testing.assert_close(loaded(tmp_path / name)[0], FEATURES)


def test_the_format_before_torch_1_6_is_read(tmp_path: Path) -> None:
    path = saved(tmp_path / "net.pth", {"state_dict": MEANT}, _use_new_zipfile_serialization=False)
    torch.testing.assert_close(loaded(path)[0], FEATURES)
    content = {"state_dict": MEANT, "args": argparse.Namespace()}
    saved(path, content, _use_new_zipfile_serialization=False)
    assert re_said(refused(path), "holds objects of argparse.Namespace, which are not read")


def npz(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, a=np.zeros(3))


def cut(share: float, form: str = "net.pth") -> Callable[[Path], None]:
    def write(path: Path) -> None:
        whole = path.with_name(form)
        save_file(MEANT, whole) if form.endswith(".safetensors") else torch.save(MEANT, whole)
        path.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * share)])

    return write


FOREIGN: dict[str, tuple[str, bytes | Callable[[Path], None], str]] = {
    "empty": ("a.pth", b"", "it is an empty file; download it anew"),
    "html": ("a.pth", b"\n<!DOCTYPE html><html>", "it is an HTML page under the name of a weight file"),
    "lfs": ("a.pth", b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "git lfs pull"),
    "json": ("a.pth", b'{"message": "Not Found"}', """JSON that begins with '{"message": "Not Found"}'"""),
    "text": ("a.pth", "naïve ".encode() * 400, "it is text that begins with 'naïve"),
    "text.safetensors": ("a.safetensors", b"no weights", "it is text that begins with 'no weights'"),
    "cut": ("a.pth", cut(0.5), "that is cut off or damaged; download it anew"),
    "cut by a little": ("a.pth", cut(0.999), "that is cut off or damaged; download it anew"),
    "cut safetensors": ("a.safetensors", cut(0.5, "net.safetensors"), "it is a damaged safetensors file"),
    "cut in the header": ("a.safetensors", cut(0.001, "net.safetensors"), "it is a damaged safetensors file"),
    "pickle": ("a.pth", pickle.dumps({"a": 1}), "it is a plain pickle, which could run code and is not read"),
    "gzip": ("a.pth", b"\x1f\x8b\x08\x00", "it is compressed by gzip; unpack it"),
    "keras": ("a.h5", b"\x89HDF\r\n\x1a\n", "it is an HDF5 file, as Keras writes it"),
    "tensorflow": ("model.ckpt.data-00000-of-00001", b"\0\1\2\xff", "it is part of a TensorFlow checkpoint"),
    "tensorflow index": ("model.ckpt", b"\0\0\xff" + b"\x57\xfb\x80\x8b\x24\x75\x47\xdb", "a TensorFlow checkpoint"),
    "onnx": ("a.bin", b"\x08\x08\x12\x07pytorch", "it is an ONNX graph"),
    "flax": ("flax_model.msgpack", b"\x82\xa6params\x80", "it is a msgpack file, as Flax writes it"),
    "npz": ("a.npz", npz, "it is an .npz file of numpy"),
    "noise": ("a.pth", bytes(range(255, 0, -1)), "neither torch.save nor safetensors wrote it"),
}


@pytest.mark.parametrize("form", FOREIGN)
def test_a_file_that_is_something_else_is_said_to_be_it(form: str, tmp_path: Path) -> None:
    name, content, part = FOREIGN[form]
    if callable(content):
        content(tmp_path / name)
    else:
        (tmp_path / name).write_bytes(content)
    assert re_said(refused(tmp_path / name), "cannot be read as weights: ", part)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_a_program_of_torchscript_is_said_to_be_one(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), tmp_path / "net.pt")
    assert re_said(refused(tmp_path / "net.pt"), "it is a TorchScript program, not a state dict")


def sharded(folder: Path, form: str = "model.safetensors") -> Path:
    """The index of the network's weights in two shards."""
    stem, _, suffix = form.rpartition(".")
    names = list(MEANT)
    place = {name: f"{stem}-0000{1 + (number % 2)}-of-00002.{suffix}" for number, name in enumerate(names)}
    for shard in set(place.values()):
        part = {name: MEANT[name] for name in names if place[name] == shard}
        save_file(part, folder / shard) if suffix == "safetensors" else torch.save(part, folder / shard)
    index = folder / f"{form}{INDEX}"
    index.write_text(json.dumps({"metadata": {}, "weight_map": place}))
    return index


@pytest.mark.parametrize("form", ["model.safetensors", "pytorch_model.bin"])
def test_shards_are_read_together_and_all_of_them_are_the_identity(form: str, tmp_path: Path) -> None:
    index = sharded(tmp_path, form)
    torch.testing.assert_close(loaded(index)[0], FEATURES)
    torch.testing.assert_close(loaded(tmp_path)[0], FEATURES)
    before = fingerprint(index)
    last = sorted(tmp_path.glob("*-of-*"))[-1]
    last.write_bytes(last.read_bytes()[:-1] + b"\x00\x01")
    assert fingerprint(index) != before


@pytest.mark.parametrize("name", ["../net.safetensors", "/etc/hosts", "sub/net.safetensors", "..", "", "..\\net.pth"])
def test_an_index_reaches_for_no_other_file(name: str, tmp_path: Path) -> None:
    index = tmp_path / f"model.safetensors{INDEX}"
    index.write_text(json.dumps({"weight_map": {FIRST: name}}))
    assert re_said(refused(index), f"its shard {name!r} is not a file beside it")


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (
            '{"weight_map": {"a": "gone.safetensors"}}',
            "its shard 'gone.safetensors' is missing; put it beside the index",
        ),
        ('{"weight_map": {"a": "net.pth"}}', "its shard 'net.pth' lacks the tensor a"),
        ('{"weight_map": {"a": 3}}', "no index of shards"),
        ('{"weight_map": ["a"]}', "no index of shards"),
        ("[]", "no index of shards"),
        ("", "no index of shards"),
    ],
)
def test_an_index_without_its_shards_is_refused(content: str, part: str, tmp_path: Path) -> None:
    saved(tmp_path / "net.pth", MEANT)
    index = tmp_path / f"model.safetensors{INDEX}"
    index.write_text(content)
    with pytest.raises(ConfigError, match=part):
        content_of(index) if "net.pth" in content else fingerprint(index)


def test_a_folder_means_its_only_weight_file(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert re_said(refused(tmp_path), "no weight file is in the folder")
    saved(tmp_path / "net.PTH", MEANT)
    torch.testing.assert_close(loaded(tmp_path)[0], FEATURES)
    saved(tmp_path / "optimizer.pt", {})
    assert re_said(refused(tmp_path), "a folder of several weight files; name one of net.PTH, optimizer.pt")


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
