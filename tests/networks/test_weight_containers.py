"""Checkpoints from the field: whatever the weights are packed in, the network gives the outputs it was saved with."""

from __future__ import annotations

import argparse
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
import torch
from weight_files import (
    ELSE,
    FEATURES,
    MEANT,
    MODEL,
    NETWORK,
    body,
    config,
    loaded,
    network,
    re_said,
    refused,
    saved,
    tried,
    under,
)

from pgebench.core.errors import ConfigError
from pgebench.networks import backbones
from pgebench.networks.checkpoint_file import content_of, fingerprint

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
    origin = f"backbone.weights={path} for backbone.model={MODEL}"
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
            ("no name begins with weights_prefix=x.", "they begin with conv1., fc., layer1., layer2."),
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
