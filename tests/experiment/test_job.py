"""A job is a file of units: it plans nothing, and needs of the data only what the store keeps."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Run
from filelock import SoftFileLease

from pgebench.core import locks
from pgebench.core.errors import StoreError
from pgebench.core.identity import Label
from pgebench.core.records import DONE
from pgebench.data import cache
from pgebench.data.task import dataset_params
from pgebench.experiment.job import FOLDER, JobFiles, run_job
from pgebench.networks import backbones
from pgebench.run.order import WorkOrder, order_from
from pgebench.run.policy import Rules
from pgebench.stages import checkpoint, evidence, score
from pgebench.store.format import open_store
from pgebench.store.store import Store
from pgebench.store.unit import Unit

RECIPE = {"steps": 2, "batch_size": 8, "learning_rates": [0.003], "head_factor": 1.0, "weight_decay": 0.05, "shift": 2}
VIEW = {"classes": None, "train_per_class": None, "image_size": None, "permute_labels": None}


def planned(photos: Path, store: Path) -> list[Unit]:
    """A checkpoint on a folder of photographs, what it sees there, and a score; inputs first."""
    loader = {"_target_": "pgebench.data.folder.listing"}
    data = dataset_params({"loader": loader, "path": str(photos), "reading": {"size": 32}, "store": str(store), **VIEW})
    asked = {"model": "test_resnet", "image_size": 32, "mean": None, "std": None, "pretrained": False}
    trained = checkpoint.unit(backbones.backbone_params(asked), data, RECIPE, 0, Label(source="photos"))
    seen = evidence.unit(trained, data, Label(source="photos", target="photos"))
    metric = {"function": {"_target_": "baselines.knn"}, "version": 1}
    return [trained, seen, score.unit(metric, {"evidence": seen}, {}, 0, Label(metric="knn"))]


def order(store: Store, **rules: object) -> WorkOrder:
    return WorkOrder([], store.root, store.locks, "cpu", 1, "auto", Rules(**rules))


def test_a_job_runs_where_the_folder_of_its_dataset_no_longer_exists(photos: Path, tmp_path: Path) -> None:
    store = open_store(tmp_path / "store", create=True)
    units = planned(photos, store.root)
    file = JobFiles(store, order(store), fail_fast=False).write(units)
    shutil.rmtree(photos)
    program = (
        "import sys; from pathlib import Path; from pgebench.experiment.job import run_job; run_job(Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", program, str(file)], cwd=tmp_path, check=True)
    assert [store.record(unit)["status"] for unit in units] == [DONE] * 3
    assert not file.exists()


def test_an_order_travels_as_text_with_each_unit_written_once(tmp_path: Path, photos: Path) -> None:
    units = planned(photos, tmp_path / "store")
    whole = WorkOrder(
        [units[2], units[0]], tmp_path, "soft", "cuda:1", 3, True, Rules(2, 1, 0.5, True, tmp_path / "stop")
    )
    text = whole.as_json()
    assert sorted(row["key"] for row in json.loads(text)["planned"]) == sorted(unit.key for unit in units)
    assert order_from(text) == whole
    assert order_from(text).units[0].inputs["evidence"].inputs["checkpoint"].label == Label(source="photos")


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"planned": [{}]}', "null"])
def test_a_file_that_is_no_job_of_this_version_is_one_clear_error(tmp_path: Path, content: str) -> None:
    file = tmp_path / "job.json"
    file.write_text(content)
    with pytest.raises(StoreError, match=r"job.json .*the same store=DIR and the same version"):
        run_job(file)


def test_a_unit_that_was_changed_on_its_way_is_refused(tmp_path: Path, photos: Path) -> None:
    text = WorkOrder(planned(photos, tmp_path / "store"), tmp_path, "flock", "cpu", 1, "auto", Rules()).as_json()
    file = tmp_path / "job.json"
    file.write_text(text.replace('"seed": 0', '"seed": 1'))
    with pytest.raises(StoreError, match="is not the unit"):
        run_job(file)


DETERMINISTIC = """
def algorithms(labels):
    import torch

    return float(torch.are_deterministic_algorithms_enabled())
"""


@pytest.mark.parametrize("wanted", [True, False])
def test_deterministic_reaches_the_units_of_a_job(pgebench: Run, tmp_path: Path, wanted: bool) -> None:
    """Through the command and a launcher's process of its own, for the setting is one of the process."""
    own = tmp_path / "mine" / "metric"
    own.mkdir(parents=True)
    (own.parent / "algorithms_in_use.py").write_text(DETERMINISTIC)
    (own / "algorithms.yaml").write_text(
        "# @package metric.algorithms\nfunction:\n  _target_: algorithms_in_use.algorithms\n"
    )
    asked = ("launch=local", "workers=2", "source=mnist_0_4", "target=mnist_5_9", "metric=[algorithms]")
    truth = ("truth=[linear_probe]", f"deterministic={wanted}", "--config-dir", str(own.parent))
    assert pgebench(*asked, *truth) == 0
    (record,) = [json.loads(path.read_bytes()) for path in (tmp_path / "store" / "score").rglob("*.json")]
    assert record["value"] == wanted


def test_what_a_killed_command_left_is_removed_and_what_a_living_one_needs_is_not(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store", create=True)
    killed = JobFiles(store, order(store), fail_fast=False)  # never entered: nobody holds its lock
    killed.write([])
    with JobFiles(store, order(store), fail_fast=False) as living:
        living.write([])
        with JobFiles(store, order(store), fail_fast=False) as third:
            third.write([])
            left = {path.name for path in (store.root / FOLDER).iterdir()}
            assert left == {living.folder.name, third.folder.name}
    assert not (store.root / FOLDER).exists()


@pytest.mark.parametrize("wanted", ["soft", "auto"])
def test_a_dataset_is_decoded_under_the_locks_of_its_store(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    """``lock=soft`` on a new store, or a store whose FORMAT says so: flock may not hold on its file system."""
    if wanted == "auto":
        open_store(tmp_path / "store", "soft", create=True)
    taken = []
    original = locks.lock_file
    monkeypatch.setattr(cache, "lock_file", lambda path, kind: taken.append(original(path, kind)) or taken[-1])
    asked = {"loader": {"_target_": "pgebench.data.folder.listing"}, "path": str(photos), "reading": {"size": 32}}
    dataset_params({**asked, "store": str(tmp_path / "store"), "lock": wanted, **VIEW})
    assert [type(lock) for lock in taken] == [SoftFileLease]
