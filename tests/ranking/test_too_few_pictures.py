"""Folders with too few pictures for a ranking are refused in one line that says what is missing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import timm
from photos import write
from safetensors.torch import save_file

from pgebench import embedded
from pgebench.cli import commands


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"a": 1, "b": 2}, r"few: 0 of 2 classes have three images or more; at least two are needed"),
        ({"a": 12, "b": 2}, r"few: 1 of 2 classes have three images or more; at least two are needed"),
        ({"a": 12}, r"few holds 1 class folders: put the images of each class in a folder of its own"),
        ({"": 3}, r"few: 3 images without classes; give at least 6"),
    ],
)
@pytest.mark.parametrize("question", ["sources", "backbones"])
def test_too_few_pictures_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counts: dict[str, int], message: str, question: str
) -> None:
    images = iter(embedded.load("digits").images)
    for name, count in counts.items():
        for number in range(count):
            write(tmp_path / "few" / name / f"{number}.png", next(images))
    if "" in counts and question == "sources":
        message = "question=sources: images without classes rank backbones alone, not sources"
    # A backbone that is there whatever is installed.
    save_file(timm.create_model("test_resnet").state_dict(), tmp_path / "weights.safetensors")
    backbones = f"backbones=test_resnet@{tmp_path}/weights.safetensors"
    given = [
        backbones,
        f"target={tmp_path}/few",
        f"question={question}",
        f"store={tmp_path}/store",
        f"results={tmp_path}/results",
    ]
    monkeypatch.setattr(sys, "argv", ["pgebench-rank", *given])
    with pytest.raises(SystemExit, match=message) as stop:
        commands.rank()
    assert "\n" not in str(stop.value)
    assert not (tmp_path / "results").exists()
