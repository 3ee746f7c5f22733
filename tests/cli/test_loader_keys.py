"""Every key of every loader, given on the command line, for real files."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hydra.utils import get_method
from omegaconf import OmegaConf
from photos import write

from pgebench.cli.arguments import as_hydra_reads, in_order
from pgebench.cli.preflight import loaders
from pgebench.config import conf_dir, register
from pgebench.core.errors import ConfigError
from pgebench.core.instantiate import build
from pgebench.data.listing import Listing
from pgebench.plan.composing import composed
from pgebench.plan.sweep import plain

FEW = ("metric=[]", "truth=[]")


def chosen(*arguments: str) -> dict[str, Any]:
    """The config that a command line gives."""
    register()
    typed = in_order([*arguments, *FEW])
    config = composed(as_hydra_reads(typed, loaders(typed, [conf_dir()])))
    return {role: plain(config[role]) for role in ("source", "target")}


def listed(dataset: dict[str, Any]) -> Listing:
    found = build({**dataset["loader"], "path": dataset["path"]})
    assert isinstance(found, Listing)
    return found


@pytest.mark.parametrize("name", ["folder", "npz", "parquet", "hugging_face", "torchvision"])
def test_every_parameter_of_a_loader_stands_in_its_yaml_with_its_default(name: str) -> None:
    declared = dict(OmegaConf.to_container(OmegaConf.load(conf_dir() / "dataset" / f"{name}.yaml").loader))
    parameters = dict(inspect.signature(get_method(declared.pop("_target_"))).parameters)
    del parameters["path"]
    assert set(declared) == set(parameters)
    for key, each in parameters.items():
        assert declared[key] == each.default or each.default is each.empty


def test_the_arrays_of_an_npz_and_the_columns_of_a_parquet_file(tmp_path: Path) -> None:
    pixels = np.zeros((4, 2, 2), np.uint8)
    arrays = {"x(1)": pixels, "1e5": [1, 0, 1, 0], "2024_01": [0, 0, 2, 1], "split": [0, 0, 0, 0]}
    np.savez(tmp_path / "d.npz", **{name: np.asarray(array) for name, array in arrays.items()})
    columns = {"bild": [b"x"] * 3, "true": ["b", "a", "b"], "null": ["test", "train", "val"]}
    pq.write_table(pa.table(columns), tmp_path / "d.parquet")
    config = chosen(
        "source=npz", f"source.path={tmp_path}/d.npz",
        "source.loader.images=x(1)", "source.loader.labels=1e5", "+source.loader.split=2024_01",
        "target=parquet", f"target.path={tmp_path}/d.parquet",
        "target.loader.image=bild", "++target.loader.label=true", "target.loader.split='null'",
    )  # fmt: skip
    source, target = listed(config["source"]), listed(config["target"])
    assert source.class_names == ("0", "1")
    assert source.labels.tolist() == [1, 0, 1, 0]
    assert source.given is not None and source.given.tolist() == [0, 0, 2, 1]  # noqa: PT018
    assert target.class_names == ("a", "b")
    assert target.labels.tolist() == [1, 0, 1]
    assert target.given is not None and target.given.tolist() == [2, 0, 1]  # noqa: PT018


def test_the_parts_of_a_folder_and_the_arguments_of_a_class_of_torchvision(tmp_path: Path) -> None:
    for part, label in (("train", "a"), ("train", "b"), ("test", "a"), ("test", "b")):
        write(tmp_path / part / label / "0.png", np.zeros((2, 2), np.uint8))
    config = chosen(
        "source=folder", f"source.path={tmp_path}", "source.loader.parts=true",
        "target=torchvision", f"target.path={tmp_path}/train", "target.loader.dataset=ImageFolder",
        "target.loader.parts={all: {}}", "target.loader.images=2", "target.loader.remark=it's (mine)",
        "target.loader.download=false",
    )  # fmt: skip
    source, target = listed(config["source"]), listed(config["target"])
    assert source.given is not None
    assert dict(zip(source.names, source.given.tolist(), strict=True)) == {
        "train/a/0.png": 0, "train/b/0.png": 0, "test/a/0.png": 2, "test/b/0.png": 2
    }  # fmt: skip
    assert (target.class_names, target.given, target.remarks) == (("a", "b"), None, ("it's (mine)",))
    assert config["target"]["loader"]["download"] is False
    assert config["target"]["name"] == "ImageFolder"


def test_a_dict_replaces_the_one_in_the_yaml() -> None:
    config = chosen(
        "source=hugging_face", "source.path=who/what", "source.loader.parts={train: 2024_01, test: 'a,b'}",
        "source.loader.configuration=1e5", "source.loader.revision=null", "source.loader.image=é",
        "target=cifar10", "target.loader.parts={all: {train: false}}", "target.loader.images=null",
    )  # fmt: skip
    expected = {"train": "2024_01", "test": "a,b"}
    assert config["source"]["loader"] == {
        "_target_": "pgebench.data.hugging_face.listing", "parts": expected, "configuration": "1e5", "revision": None,
        "image": "é", "label": "label",
    }  # fmt: skip
    assert config["target"]["loader"]["parts"] == {"all": {"train": False}}
    assert config["target"]["loader"]["images"] is None


HUB = {"source": {"_target_": "pgebench.data.hugging_face.listing", "parts": {"train": "train", "test": "test"}}}


@pytest.mark.parametrize("value", ["{train: train}", "{all: train}", "{train: a, val: b, test: c}"])
def test_parts_are_replaced_whatever_they_are(value: str) -> None:
    expected = ["source.loader.parts=null", f"++source.loader.parts={value}"]
    assert as_hydra_reads([f"source.loader.parts={value}"], HUB) == expected


def test_one_part_is_set_beside_the_others() -> None:
    assert as_hydra_reads(["source.loader.parts.val=1e5"], HUB) == ["++source.loader.parts.val='1e5'"]


@pytest.mark.parametrize("spelling", ["source.loader.prts={all: a}", "+source.loader.prts=x"])
def test_a_mistyped_key_of_a_loader_is_named_with_the_nearest(spelling: str) -> None:
    with pytest.raises(ConfigError, match=r"^source.loader.prts: .* takes no prts; did you mean parts\? choose from "):
        as_hydra_reads([spelling], HUB)


def test_a_mapping_that_is_none_says_how_one_is_written() -> None:
    with pytest.raises(ConfigError, match=r"^source.loader.parts=\{train\}: write \{name: value, name: value\}$"):
        as_hydra_reads(["source.loader.parts={train}"], HUB)
