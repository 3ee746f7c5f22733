"""The command that fine-tunes a candidate: what is typed is taken for the candidate and the target that were ranked."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from pgebench.cli import main
from pgebench.plan.cell import Named
from pgebench.plan.composing import composing
from pgebench.ranking.candidates import of_backbones
from pgebench.ranking.dataset_names import named_dataset
from pgebench.ranking.fine_tune import fine_tune_command


def test_the_command_composes_to_what_was_ranked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ranked = of_backbones("mnist_5_9", ("resnet18",), "hub", tmp_path / "store")
    cell = ranked.cells[0]
    changed = {
        **{
            "name": "my net, v1",
            "model": "test_resnet",
            "pretrained": False,
            "weights": f"{tmp_path}/a b,c.safetensors",
        },
        **{"head": False, "family": None, "source_accuracy": None},
    }
    backbone = Named("my net, v1", {**cell.backbone.config, **changed})
    target = Named("my photos", {**cell.target.config, "path": f"{tmp_path}/my photos, all", "classes": [0, 2]})
    own = replace(ranked, cells=(replace(cell, backbone=backbone, target=target),))
    words = shlex.split(fine_tune_command(own, "my net, v1", f"{tmp_path}/my photos, all"))
    monkeypatch.setattr(sys, "argv", [*words, "--cfg", "job"])
    main.main()
    shown = yaml.safe_load(capsys.readouterr().out)
    assert {key: shown["backbone"][key] for key in changed} == changed
    assert shown["target"]["path"] == f"{tmp_path}/my photos, all"
    assert shown["target"]["classes"] == [0, 2]
    assert list(shown["truth"]) == ["finetune"]
    assert not shown["metric"]
    assert "backbone=resnet18" in fine_tune_command(ranked, "resnet18", "mnist_5_9")


@pytest.mark.parametrize("typed", ["cifar10", "hf:uoft-cs/cifar10", "torchvision:SVHN", "torchvision:EuroSAT"])
def test_a_target_named_by_where_it_comes_from_is_the_same_one_in_the_command(
    typed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ranked = of_backbones("mnist_5_9", ("resnet18",), "hub", tmp_path / "store")
    with composing():
        target = named_dataset("target", typed, tmp_path / "store")
    own = replace(ranked, cells=(replace(ranked.cells[0], target=target),))
    words = shlex.split(fine_tune_command(own, "resnet18", typed))
    monkeypatch.setattr(sys, "argv", [*words, "--cfg", "job"])
    main.main()
    shown = yaml.safe_load(capsys.readouterr().out)["target"]
    assert shown["path"] == target.config["path"]
    assert shown["loader"]["_target_"] == target.config["loader"]["_target_"]
    assert shown["loader"].get("parts") == target.config["loader"].get("parts")
    assert shown["loader"].get("dataset") == target.config["loader"].get("dataset")
