"""Folders to be tracked: a copy of a finished run, and what a ranking leaves."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    """A finished experiment of the test's own."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def ranking(tmp_path: Path) -> Path:
    """Page, facts and picture of a ranking with two questions, and a network that was fine-tuned."""
    folder = tmp_path / "rank"
    folder.mkdir()
    scored = {"place": 1, "name": "resnet18", "score": 0.5, "low": 0.4, "high": None, "places": [1, 2]}
    backbones = {
        "question": "backbones",
        "seconds": 3.0,
        "reference": {"weighted_tau": 0.25},
        "ranking": [scored, {"place": None, "name": "vit", "error": "it is gated"}],
        "candidates": {"resnet18": {"family": "resnet", "gflops": 3.6}, "vit": {"family": "vit", "gflops": None}},
        "kept": "fine_tuned_backbone.yaml",
    }
    sources = {
        "question": "sources",
        "seconds": 7.0,
        "reference": {"weighted_tau": 0.5},
        "ranking": [{"place": 1, "name": "br\udce9ken", "score": -2.0, "places": [1, 1]}],
    }
    said = {"command": "pgebench-rank target=my/photos", "target": "my/photos", "versions": {"pgebench": "0.1.0"}}
    (folder / "ranking.json").write_text(json.dumps(said | {"answers": [sources, backbones]}))
    (folder / "ranking.html").write_text("<p>the answer</p>")
    (folder / "fine_tuned_backbone.yaml").write_text("name: resnet18")
    (folder / "fine_tuned_backbone.safetensors").write_bytes(b"weights")
    Image.new("RGB", (8, 8)).save(folder / "ranking.png")
    return folder
