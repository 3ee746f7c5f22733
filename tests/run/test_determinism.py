"""The same seeds give the same numbers on the same machine. Tested on the CPU; unmeasured on a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from pgebench.core.identity import Label
from pgebench.core.records import DONE
from pgebench.data.task import dataset_params
from pgebench.networks import backbones
from pgebench.networks.precision import BFLOAT16, FLOAT32, recipe_params
from pgebench.run.device import set_deterministic
from pgebench.run.runner import run_unit
from pgebench.stages import checkpoint
from pgebench.store.store import Store
from pgebench.store.unit import Unit


def trained(precision: str = FLOAT32) -> Unit:
    backbone = {"model": "test_resnet", "image_size": 32, "mean": None, "std": None, "pretrained": False}
    loader = {"_target_": "pgebench.embedded.load", "name": "digits"}
    view = {"loader": loader, "classes": [0, 1], "train_per_class": 20, "image_size": None, "permute_labels": None}
    recipe = {"steps": 3, "batch_size": 8, "learning_rates": [0.003], "head_factor": 1.0, "weight_decay": 0.05}
    params = backbones.backbone_params(backbone), dataset_params(view)
    recipe = recipe_params({**recipe, "shift": 2, "precision": precision}, "recipe.checkpoint")
    return checkpoint.unit(*params, recipe, 0, Label(source="digits"))


@pytest.fixture
def restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("precision", [FLOAT32, BFLOAT16])
def test_a_training_run_again_gives_the_same_bytes_with_and_without_deterministic_algorithms(
    tmp_path: Path, restored: None, precision: str
) -> None:
    unit = trained(precision)
    stores = [Store(tmp_path / name) for name in ("first", "second", "deterministic")]
    for store in stores:
        if store is stores[2]:
            set_deterministic(True)
        assert run_unit(unit, store, torch.device("cpu"))["status"] == DONE
    one, two, three = (store.path(unit, ".safetensors").read_bytes() for store in stores)
    assert one == two == three
