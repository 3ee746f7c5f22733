"""Collections and families: which datasets are views of the same data, which backbones of one architecture.

No unit's identity knows them.
"""

from __future__ import annotations

import pytest
from omegaconf import OmegaConf
from planned import every, sweep, units

from pgebench.config import conf_dir
from pgebench.experiment.publish import collections, families
from pgebench.plan.cell import Named, collection
from pgebench.plan.composing import composed
from pgebench.plan.sweep import plain

NAMES = sorted(path.stem for path in (conf_dir() / "dataset").glob("*.yaml"))


def of(name: str) -> Named:
    return Named(name, plain(composed([f"dataset@source={name}", "metric=[]", "truth=[]"]).source))


@pytest.fixture(scope="module")
def embedded() -> dict[str, Named]:
    """The datasets in the package and their views."""
    texts = {name: (conf_dir() / "dataset" / f"{name}.yaml").read_text() for name in NAMES}
    chosen = [name for name, text in texts.items() if "embedded.load" in text or "_self_" in text]
    return {name: of(name) for name in chosen}


def test_the_collection_of_an_embedded_dataset_is_the_data_that_it_is_loaded_from(embedded: dict[str, Named]) -> None:
    assert {"mnist", "mnist_0_4", "mnist_odd", "fashion_tops", "glyphs_even", "faces"} <= set(embedded)
    for one in embedded.values():
        assert collection(one) == one.config["loader"]["name"]


def test_a_dataset_that_is_cut_has_the_collection_in_its_yaml() -> None:
    """Its views inherit it: without the line each would be a collection of its own."""
    files = {name: OmegaConf.load(conf_dir() / "dataset" / f"{name}.yaml") for name in NAMES}
    cut = {file.defaults[0] for file in files.values() if "defaults" in file}
    assert cut >= {"mnist", "fashion", "animals", "glyphs", "clipart", "emoji"}
    assert all(files[name].collection == name for name in cut)


def test_swept_views_of_data_without_a_collection_are_of_one() -> None:
    cells = sweep("dataset@source=digits", "source.train_per_class=5,10", "dataset@target=mnist_0_4,mnist_5_9").cells
    assert collections(cells) == {
        "digits[train_per_class=5]": "digits",
        "digits[train_per_class=10]": "digits",
        "mnist_0_4": "mnist",
        "mnist_5_9": "mnist",
    }


def facts(*overrides: str) -> list[dict[str, str]]:
    found = every(units("metric=[same_collection]", "truth=[]", *overrides))
    return [unit.params["facts"] for unit in found if unit.stage == "score"]


def test_the_control_is_told_both_collections() -> None:
    assert facts("dataset@source=emoji", "dataset@target=mnist_even") == [
        {"source_collection": "emoji", "target_collection": "mnist"}
    ]


def test_a_collection_is_part_of_no_identity_but_that_of_the_control() -> None:
    chosen = ("dataset@source=emoji", "dataset@target=digits")
    before, after = (
        {(unit.label.metric, unit.key) for unit in every(units(*chosen, *changed))}
        for changed in ((), ("source.collection=faces", "target.collection=faces"))
    )
    assert {metric for metric, _ in before ^ after} == {"same_collection"}


def test_every_backbone_that_is_one_network_states_its_family() -> None:
    files = {path.stem: OmegaConf.load(path) for path in (conf_dir() / "backbone").glob("*.yaml")}
    assert {name for name, file in files.items() if "family" not in file} == {"timm"}


def test_families_are_told_where_they_are_stated() -> None:
    chosen = ("dataset@source=emoji", "dataset@target=digits", "backbone=test_resnet,test_vit")
    assert families(sweep(*chosen).cells) == {"test_resnet": "resnet", "test_vit": "vit"}
    assert families(sweep(*chosen, "backbone.family=null").cells) == {}


def test_a_family_is_part_of_no_identity() -> None:
    chosen = ("dataset@source=emoji", "dataset@target=digits", "metric=[logme]")
    before, after = ({unit.key for unit in every(units(*chosen, *more))} for more in ((), ("backbone.family=mine",)))
    assert before == after
