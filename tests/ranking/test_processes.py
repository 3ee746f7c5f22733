"""Candidates in processes beside each other, of which one kills its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import timm
import torch
from deadly_network import Deadly
from safetensors.torch import save_file

from pgebench.cli import commands


@pytest.mark.slow
def test_a_candidate_that_kills_its_process_is_a_row_and_the_others_go_on(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = {}
    for seed, name in enumerate(("first", "second", "third")):
        torch.manual_seed(seed)
        save_file(timm.create_model("test_resnet", num_classes=0).state_dict(), tmp_path / f"{name}.safetensors")
        described[name] = "test_resnet"
    save_file(Deadly().state_dict(), tmp_path / "deadly.safetensors")
    described = {"first": "test_resnet", "deadly": "deadly_network.Deadly", **described}
    files = []
    for name, model in described.items():
        lines = [f"name: {name}", f"model: {model}", f"weights: {tmp_path}/{name}.safetensors", "head: false"]
        files.append(tmp_path / f"{name}.yaml")
        files[-1].write_text("\n".join([*lines, "image_size: 64"]))
    chosen = f"backbones={','.join(map(str, files))}"
    where = [f"store={tmp_path}/store", f"results={tmp_path}/out", "workers=2"]
    monkeypatch.setattr(sys, "argv", ["pgebench-rank", f"target={photos}", chosen, "question=backbones", *where])
    commands.rank()
    (answer,) = json.loads((tmp_path / "out/ranking.json").read_text())["answers"]
    rows = {row["name"]: row for row in answer["ranking"]}
    assert {name for name, row in rows.items() if row["place"]} == {"first", "second", "third"}
    assert "its process died (code -9)" in rows["deadly"]["error"]
