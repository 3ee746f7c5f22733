"""Principal gradients as units of the store."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pgebench.core.identity import Label
from pgebench.core.records import DONE, MISSING
from pgebench.data.task import dataset_params
from pgebench.networks import backbones
from pgebench.pge import GradientSettings
from pgebench.run.runner import run_unit
from pgebench.stages import gradient
from pgebench.store.store import Store
from pgebench.store.unit import Unit

BACKBONE = backbones.backbone_params(
    {"model": "test_efficientnet_gn", "image_size": 32, "mean": None, "std": None, "pretrained": False}
)
DATASET = {
    "loader": {"_target_": "pgebench.embedded.load", "name": "digits"},
    "classes": None,
    "train_per_class": 8,
    "image_size": None,
    "permute_labels": None,
}
CPU = torch.device("cpu")


def unit(control: str | None = None, **settings: object) -> Unit:
    chosen = GradientSettings(restarts=2, episodes=25, way=2, shot=1, query=1, snapshots=(12,), **settings)  # type: ignore[arg-type]
    return gradient.unit(BACKBONE, dataset_params(DATASET), chosen, Label(source="digits"), control)


def test_an_estimate_that_is_killed_goes_on_where_it_was_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, interrupted = Store(tmp_path / "whole"), Store(tmp_path / "interrupted")
    assert run_unit(unit(), whole, CPU)["status"] == DONE

    monkeypatch.setattr(gradient, "SAVE_EVERY", 0.0)
    saved = Store.write_progress

    def killed(self: Store, *arguments: object) -> None:
        saved(self, *arguments)  # type: ignore[arg-type]
        if int(self.load_progress(unit())["done"]) == 20:
            raise KeyboardInterrupt

    monkeypatch.setattr(Store, "write_progress", killed)
    with pytest.raises(KeyboardInterrupt):
        run_unit(unit(), interrupted, CPU)
    assert interrupted.record(unit())["status"] == MISSING
    monkeypatch.undo()

    record = run_unit(unit(), interrupted, CPU)
    assert record["status"] == DONE
    assert record["detail"]["resumed_after"] == 20
    assert record["images"] == whole.record(unit())["images"]
    assert interrupted.load_progress(unit()) == {}
    first, second = whole.load(unit()), interrupted.load(unit())
    assert first.keys() == second.keys() == {"halves", "sizes", "snapshot_12"}
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_damaged_progress_is_forgotten(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.write_progress(unit(), {"sums": torch.ones(3)})
    path = store.path(unit(), ".progress")
    path.write_bytes(path.read_bytes()[:-1])
    assert store.load_progress(unit()) == {}
    assert "resumed_after" not in run_unit(unit(), store, CPU)["detail"]


def test_a_control_is_another_unit_with_another_gradient(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for control in (None, "shuffled"):
        run_unit(unit(control), store, CPU)
    assert unit().key != unit("shuffled").key
    assert not torch.equal(store.load(unit())["halves"], store.load(unit("shuffled"))["halves"])


def test_a_stored_gradient_knows_its_layers_and_snapshots(tmp_path: Path) -> None:
    store = Store(tmp_path)
    run_unit(unit(), store, CPU)
    found = gradient.from_tensors(store.load(unit()))
    network = backbones.create(BACKBONE, 0, seed=0)
    assert found.sizes == tuple(parameter.numel() for parameter in network.parameters())
    assert found.after(12).halves.shape == found.halves.shape
