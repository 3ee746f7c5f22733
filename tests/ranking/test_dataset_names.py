"""What a user may type for a dataset."""

from __future__ import annotations

import inspect
from pathlib import Path

import numbered
import numpy as np
import pytest
from torchvision import datasets

from pgebench import embedded
from pgebench.core.errors import ConfigError
from pgebench.data.task import dataset_params, open_task
from pgebench.plan.composing import composing
from pgebench.ranking.candidates import of_sources
from pgebench.ranking.dataset_names import known_names, named_dataset


def test_a_dataset_of_the_hub_is_a_source_by_its_name(tmp_path: Path) -> None:
    library = pytest.importorskip("datasets")
    digits = embedded.load("digits")
    rows = np.concatenate([np.flatnonzero(digits.labels == label)[:6] for label in (0, 1)])
    features = library.Features({"image": library.Image(), "label": library.ClassLabel(names=["zero", "one"])})
    from PIL import Image

    one = library.Dataset.from_dict(
        {"image": [Image.fromarray(each) for each in digits.images[rows]], "label": digits.labels[rows].tolist()},
        features=features,
    )
    library.DatasetDict({"train": one, "test": one}).save_to_disk(tmp_path / "saved")
    found = of_sources("fashion", "test_resnet", (f"hf:{tmp_path}/saved", "faces"), "smoke", tmp_path / "store")
    assert found.names == ("saved", "faces")


def test_a_class_of_torchvision_has_its_own_arguments(tmp_path: Path) -> None:
    with composing():
        for name in ("SVHN", "CIFAR100", "EuroSAT"):
            config = named_dataset("source", f"torchvision:{name}", tmp_path).config
            arguments = inspect.signature(getattr(datasets, name)).parameters
            assert config["loader"]["dataset"] == name
            assert all(set(given) <= set(arguments) for given in config["loader"]["parts"].values())
        assert named_dataset("source", "cifar10", tmp_path).config["path"] == "data/cifar10"
        with pytest.raises(ConfigError, match=r"torchvision:SVNH: torchvision.datasets has no such class.*SVHN"):
            named_dataset("source", "torchvision:SVNH", tmp_path)
    assert {"cifar10", "pets"} <= set(known_names())


def test_a_table_of_pictures_is_read_as_one_by_its_path_alone(tmp_path: Path) -> None:
    labels = [0, 1] * 5
    parquet = numbered.parquet(tmp_path / "hub" / "data" / "train-00000.parquet", label=labels)
    archive = numbered.archive(tmp_path / "pictures.npz", np.array(labels))
    with composing():
        for path, loader in ((parquet, "parquet"), (tmp_path / "hub", "parquet"), (archive, "npz")):
            config = named_dataset("target", str(path), tmp_path / "store").config
            task = open_task("target", dataset_params(config), tmp_path / "store")
            assert config["loader"]["_target_"] == f"pgebench.data.{loader}.listing"
            assert (len(task.class_names), len(task.labels)) == (2, 10)


def test_a_table_beside_pictures_in_class_folders_is_no_dataset(tmp_path: Path) -> None:
    numbered.parquet(tmp_path / "metadata.parquet", label=[0, 1])
    for name in ("ant", "bee"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(numbered.encoded(3))
    with composing():
        config = named_dataset("target", str(tmp_path), tmp_path / "store").config
    assert config["loader"]["_target_"] == "pgebench.data.folder.listing"
