"""More images than memory holds as network inputs: the same numbers, a batch at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from one_of_each import units

from pgebench.networks import backbones
from pgebench.networks.inputs import Streamed, batch_size, take
from pgebench.run.runner import run_unit
from pgebench.store.store import Store

CPU = torch.device("cpu")


@pytest.mark.parametrize("shape", [(9, 20, 20), (9, 32, 32, 3), (9, 40, 40, 3)])
def test_streamed_inputs_are_those_of_all_images_at_once(
    shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    rows = np.array([7, 0, 3, 3, 8])
    params = {"image_size": 32, "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]}
    whole = backbones.inputs(params, {"image_size": 16}, stored, rows, CPU)
    assert isinstance(whole, torch.Tensor)
    monkeypatch.setattr(backbones, "STREAM_FROM", 0)
    streamed = backbones.inputs(params, {"image_size": 16}, stored, rows, CPU)
    assert isinstance(streamed, Streamed)
    assert streamed.shape == whole.shape
    assert torch.equal(torch.cat(list(streamed.split(2))), whole)
    chosen = torch.tensor([4, 1, 1])
    assert torch.equal(take(streamed, chosen), take(whole, chosen))
    assert take(streamed, chosen).is_contiguous(memory_format=torch.channels_last)


def test_every_stage_gives_the_same_numbers_from_streamed_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = units("test_resnet")
    whole, streamed = Store(tmp_path / "whole"), Store(tmp_path / "streamed")
    records = {name: run_unit(unit, whole, CPU) for name, unit in planned.items()}
    monkeypatch.setattr(backbones, "STREAM_FROM", 0)
    for name, unit in planned.items():
        found = run_unit(unit, streamed, CPU)
        assert (found["status"], found["images"]) == ("done", records[name]["images"]), found.get("error")
        assert found["value"] == records[name]["value"] or np.isnan(found["value"]), name
        if found["artifact"]:
            before, after = whole.load(unit), streamed.load(unit)
            assert all(torch.equal(before[key], after[key]) for key in before), name


def test_no_more_images_are_ready_at_once_than_a_batch() -> None:
    asked: list[int] = []

    def ready(stored: np.ndarray) -> torch.Tensor:
        asked.append(len(stored))
        return torch.zeros(len(stored), 3, 224, 224)

    images = Streamed(np.zeros((100, 4, 4), np.uint8), np.arange(100), 224, CPU, ready)
    assert sum(len(batch) for batch in images.split(batch_size(images))) == 100
    assert max(asked) == batch_size(images) == 16
