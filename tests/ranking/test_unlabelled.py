"""A folder of images without classes: a ranking by a metric that looks at no labels, and said so."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file, save_file

import pgebench
from pgebench.core.errors import ConfigError, DataError
from pgebench.core.settings import Reading
from pgebench.data.read import read_dataset
from pgebench.data.unlabelled import is_unlabelled, listing
from pgebench.ranking.reliability import LABEL_FREE, reference


@pytest.fixture
def unlabelled(photos: Path, tmp_path: Path) -> Path:
    """The photos without their class folders, beside files that are no images."""
    root = tmp_path / "heap"
    root.mkdir()
    for file in sorted(photos.rglob("*.*")):
        shutil.copy(file, root / f"{file.parent.name}_{file.name}")
    (root / "notes.txt").write_text("x")
    (root / ".hidden.png").write_bytes(b"x")
    return root


@pytest.fixture
def backbones(tmp_path: Path) -> list[Path]:
    files = []
    for seed, name in enumerate(("first", "second")):
        torch.manual_seed(seed)
        save_file(timm.create_model("test_resnet", num_classes=0).state_dict(), tmp_path / f"{name}.safetensors")
        lines = [f"name: {name}", "model: test_resnet", f"weights: {tmp_path}/{name}.safetensors", "head: false"]
        files.append(tmp_path / f"{name}.yaml")
        files[-1].write_text("\n".join(lines))
    return files


def test_a_heap_of_images_is_told_from_class_folders(unlabelled: Path, photos: Path, tmp_path: Path) -> None:
    assert is_unlabelled(str(unlabelled))
    assert not is_unlabelled(str(photos))
    assert not is_unlabelled(str(tmp_path / "nowhere"))
    shutil.copy(unlabelled / "one_0.JPG", photos / "stray.jpg")
    assert not is_unlabelled(str(photos))
    found = listing(str(unlabelled))
    assert len(found.names) == 24
    assert set(found.ignored) == {"notes.txt", ".hidden.png"}
    few = tmp_path / "few"
    few.mkdir()
    shutil.copy(unlabelled / "one_0.JPG", few)
    with pytest.raises(DataError, match="1 images without classes; give at least 6"):
        listing(str(few))


def test_what_is_no_file_is_left_out_and_named_and_never_opened(unlabelled: Path) -> None:
    """Who opens a pipe waits for ever, and a device has no end."""
    os.mkfifo(unlabelled / "pipe.png")
    (unlabelled / "device.png").symlink_to("/dev/zero")
    (unlabelled / "gone.png").symlink_to(unlabelled / "elsewhere.png")
    found = listing(str(unlabelled))
    assert len(found.names) == 24
    assert list(found.refused) == [
        "device.png: no ordinary file",
        "gone.png: a link that leads nowhere",
        "pipe.png: no ordinary file",
    ]
    assert set(found.ignored) == {"notes.txt", ".hidden.png"}
    for file in found.files:
        file.unlink()
    assert not is_unlabelled(str(unlabelled))


@pytest.mark.parametrize(("rule", "left"), [("keep", 27), ("drop", 24)])
def test_copies_are_in_no_two_classes_where_there_are_none(
    unlabelled: Path, tmp_path: Path, rule: str, left: int
) -> None:
    copied = sorted(unlabelled.glob("zero_*"))[:3]
    for file in copied:  # beside each other in the order of the names, so in both of the groups that are ours
        shutil.copy(file, unlabelled / f"{file.stem} (1){file.suffix}")
    loader = {"_target_": "pgebench.data.unlabelled.listing"}
    found = read_dataset(loader, str(unlabelled), Reading(size=16, duplicates=rule), tmp_path / "store")
    assert len(found.labels) == left
    assert not found.report.copies.classes
    assert {line.partition(": ")[2] for line in found.report.dropped} == (
        {f"the same picture as {file.stem} (1){file.suffix}" for file in copied} if rule == "drop" else set()
    )


def test_its_backbones_are_ranked_by_what_looks_at_no_labels(
    unlabelled: Path, backbones: list[Path], tmp_path: Path
) -> None:
    said: list[str] = []
    where = {"store": tmp_path / "store", "results": tmp_path / "out", "workers": 1, "say": said.append}
    (answer,) = pgebench.rank(unlabelled, backbones=backbones, budget=1, **where)
    assert answer.option.metric in LABEL_FREE
    assert any("looks at no labels" in line for line in said)

    # RankMe of the features of the images that were looked at, the naive way.
    naive = []
    for file in (tmp_path / "store/evidence").rglob("*.safetensors"):
        singular = np.linalg.svd(load_file(file)["features"].double().numpy(), compute_uv=False)
        share = singular[singular > 0] / singular.sum()
        naive.append(float(np.exp(-(share * np.log(share)).sum())))
    assert [row["score"] for row in answer.rows()] == pytest.approx(sorted(naive, reverse=True), abs=1e-4)

    written = json.loads((tmp_path / "out/ranking.json").read_text(), parse_constant=lambda name: pytest.fail(name))
    (told,) = written["answers"]
    assert told["label_free"]
    if reference("backbones").of(answer.option.metric) is None:
        assert told["reference"]["weighted_tau"] is None
        assert any("unmeasured" in line for line in said)
        assert "unmeasured in the reference run" in (tmp_path / "out/ranking.html").read_text()
    page = (tmp_path / "out/ranking.html").read_text()
    assert "training images without labels" in page
    assert "part 1" not in page


def test_sources_cannot_be_ranked_without_labels(unlabelled: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="images without classes rank backbones alone"):
        pgebench.rank(unlabelled, question="sources", store=tmp_path / "store", results=None)
