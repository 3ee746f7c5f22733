"""The first candidates fine-tuned: which one really won, and its weights as a file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import timm
import torch
import yaml
from safetensors import safe_open
from safetensors.torch import save_file

import pgebench
from pgebench.data.read import open_read
from pgebench.networks import backbones
from pgebench.ranking import finetuned
from pgebench.ranking.finetuned import FineTuned, verdict
from pgebench.store.unit import Unit

UNIT = Unit("truth", 1, {}, {})


def tried(name: str, place: int, validation: float, test: float) -> FineTuned:
    return FineTuned(name, place, validation, test, 0.001, "", UNIT)


def test_the_verdict_says_what_validation_chose_and_what_the_test_images_say() -> None:
    best, other = tried("a", 2, 0.9, 0.8), tried("b", 1, 0.8, 0.85)
    assert verdict([best, other]).startswith("a really won")
    assert "the metric had it in place 2" in verdict([best, other])
    assert "On the test images b did better" in verdict([best, other])
    assert "did better" not in verdict([best, replace(other, test=0.7)])
    assert verdict([best, replace(other, validation=0.9)]).startswith("a is kept: as good on validation as b")
    assert verdict([replace(best, error="diverged")]) == "None could be fine-tuned."


def test_the_first_are_fine_tuned_and_the_winner_is_a_backbone_again(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = finetuned.composed

    def quick(overrides: list[str]) -> object:
        return short([*overrides, "recipe.finetune.steps=2", "recipe.finetune.learning_rates=[0.0001,0.01]"])

    monkeypatch.setattr(finetuned, "composed", quick)
    files = []
    for seed, name in enumerate(("first", "second")):
        torch.manual_seed(seed)
        save_file(timm.create_model("test_resnet", num_classes=0).state_dict(), tmp_path / f"{name}.safetensors")
        lines = [f"name: {name}", "model: test_resnet", f"weights: {tmp_path}/{name}.safetensors", "head: false"]
        files.append(tmp_path / f"{name}.yaml")
        files[-1].write_text("\n".join(lines))
    out = tmp_path / "out"
    (answer,) = pgebench.rank(
        photos,
        question="backbones",
        backbones=files,
        budget=1,
        finetune=2,
        store=tmp_path / "store",
        results=out,
        workers=1,
    )
    told = answer.detail["fine_tuned"]
    assert {one["name"] for one in told} == {"first", "second"}
    assert [one["validation"] for one in told] == sorted((one["validation"] for one in told), reverse=True)
    written = json.loads((out / "ranking.json").read_text())["answers"][0]
    assert written["fine_tuned"] == told
    page = (out / "ranking.html").read_text()
    assert "Which really won" in page
    assert f"{100 * told[0]['test']:.1f} %" in page

    # The file is the network whose accuracy was told: taken as any backbone is, it is right as often on test images.
    config = {"pretrained": False, "reader": None, "head": True, **yaml.safe_load((out / written["kept"]).read_text())}
    params = backbones.backbone_params(config)
    shipped = backbones.as_shipped(params, backbones.file_of(config)["weights"])
    assert shipped.classes == 2
    with safe_open(config["weights"], "pt") as file:
        assert json.loads(file.metadata()["classes"]) == ["one", "zero"]
    revision = next((tmp_path / "store/datasets").glob("*/dataset.json")).parent.name
    data = open_read(revision, tmp_path / "store")
    rows = (data.split == 2).nonzero()[0]
    images = backbones.inputs(params, {"image_size": None}, data.images, rows, torch.device("cpu"))
    with torch.no_grad():
        found = shipped.network.eval()(images).argmax(1).numpy()
    assert (found == data.labels[rows]).mean() == pytest.approx(told[0]["test"])
