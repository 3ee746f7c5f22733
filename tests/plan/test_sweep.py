"""From overrides to cells and units, without running any."""

from __future__ import annotations

from dataclasses import replace

import pytest
from planned import cell, every, sweep, units

from pgebench.core.errors import ConfigError
from pgebench.experiment.publish import dataset_sizes
from pgebench.plan import unavailable
from pgebench.plan.cell import Cell
from pgebench.plan.composing import composed
from pgebench.plan.sweep import cell_of
from pgebench.plan.units import LEVELS, merged, plan
from pgebench.store.unit import Unit


def named_as(one: Cell) -> list[str]:
    """The overrides that name a cell's backbone, source and target."""
    chosen = {"backbone": one.backbone, "dataset@source": one.source, "dataset@target": one.target}
    return [f"{group}={named.name}" for group, named in chosen.items()]


def keys(found: dict[str, list[Unit]]) -> set[str]:
    return {unit.key for unit in every(found)}


def test_a_sweep_is_the_product_of_its_lists_without_overlapping_pairs() -> None:
    found = sweep("dataset@source=mnist_0_4,mnist,emoji", "dataset@target=mnist_0_4,mnist_5_9", "backbone=test_vit")
    pairs = {(cell.source.name, cell.target.name) for cell in found.cells}
    assert pairs == {("mnist_0_4", "mnist_5_9"), ("emoji", "mnist_0_4"), ("emoji", "mnist_5_9")}
    assert len(found.skipped) == 3


def test_cells_put_together_equal_cells_composed_by_hydra() -> None:
    found = sweep("backbone=test_resnet,test_vit", "dataset@source=mnist_0_4,emoji", "dataset@target=fashion,faces")
    assert len(found.cells) == 8
    for one in found.cells:
        assert keys(plan(one)) == keys(units(*named_as(one), common_classes=one.common_classes))


def test_swept_values_that_are_no_names_tell_cells_apart_in_the_table() -> None:
    found = sweep("dataset@target=mnist_5_9", "target.train_per_class=5,10", "budget.episodes=10,20")
    assert {one.target.name for one in found.cells} == {
        "mnist_5_9[train_per_class=5]",
        "mnist_5_9[train_per_class=10]",
    }
    assert {one.backbone.name for one in found.cells} == {
        "test_efficientnet_gn[budget.episodes=10]",
        "test_efficientnet_gn[budget.episodes=20]",
    }


@pytest.mark.parametrize(
    ("source", "reason"), [("mnist_5_9", "the same classes of the same images"), ("mnist", "they share images")]
)
def test_a_source_that_holds_the_targets_images_is_refused(source: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=rf"source={source} and target=mnist_5_9: they .*{reason.split()[-1]}"):
        units(f"dataset@source={source}", "dataset@target=mnist_5_9")


def test_all_datasets_compared_share_the_smallest_way() -> None:
    found = sweep("dataset@source=mnist_0_4,emoji", "source.classes=[0,1,2]", "dataset@target=fashion,glyphs")
    ways = {
        unit.params["settings"]["way"]
        for one in found.cells
        for unit in merged(map(plan, [one]))
        if unit.stage == "gradient" and unit.params["settings"]["loss"] == "proto"
    }
    assert ways == {3}


def test_inputs_stand_before_the_units_that_read_them() -> None:
    seen: set[str] = set()
    for unit in merged(map(plan, [cell("metric=[pge,leep,source_accuracy]")])):
        assert {needed.key for needed in unit.inputs.values()} <= seen
        seen.add(unit.key)


def test_a_dataset_in_both_roles_shows_the_images_of_each() -> None:
    cells = sweep("dataset@source=mnist_0_4,mnist_5_9", "dataset@target=mnist_0_4,mnist_5_9").cells
    sizes = dataset_sizes(cells)["mnist_0_4"]
    assert (sizes["train"], sizes["train_as_target"]) == (1500, 25)


def test_two_metrics_with_the_same_gradients_share_them() -> None:
    found = units("metric=[pge,pge_product]", "budget.draws=3")
    assert sum(unit.stage == "gradient" for level in LEVELS for unit in found[level]) == 3 * 2


@pytest.mark.parametrize("place", ["results=elsewhere", "store=elsewhere", "device=cpu", "workers=7", "threads=3"])
def test_where_and_how_fast_a_unit_runs_is_not_part_of_its_identity(place: str) -> None:
    assert keys(units(place)) == keys(units())


@pytest.mark.parametrize(
    ("change", "stages"),
    [
        ("backbone=test_vit", {"checkpoint", "gradient", "evidence", "fisher", "score", "truth"}),
        ("recipe.checkpoint.steps=7", {"checkpoint", "evidence", "fisher", "score", "truth"}),
        ("recipe.finetune.steps=7", {"truth"}),
        ("budget.episodes=7", {"gradient", "score"}),
        ("metric.leep.version=2", {"score"}),
        ("metric.task2vec.fisher.images=7", {"fisher", "score"}),
        ("target.train_per_class=9", {"gradient", "evidence", "fisher", "score", "truth"}),
        ("seed=9", {"checkpoint", "evidence", "fisher", "score", "truth"}),
        ("transfer_seed=9", {"truth"}),
    ],
)
def test_a_change_makes_new_just_the_units_that_it_reaches(change: str, stages: set[str]) -> None:
    all_stages = "metric=[pge,leep,task2vec,random]"
    before = keys(units(all_stages))
    changed = units(all_stages, change)
    new = {unit.stage for level in LEVELS for unit in changed[level] if unit.key not in before}
    assert new == stages


def test_a_metric_that_asks_for_the_impossible_is_refused_by_name() -> None:
    base = cell("metric=[leep]")
    wrong = {"_target_": "baselines.leep", "temperature": 2}
    settings = {**base.settings, "metric": {"mine": {**base.settings["metric"]["leep"], "function": wrong}}}
    with pytest.raises(ConfigError, match=r"metric.mine.function has no parameter temperature"):
        plan(replace(base, settings=settings))


@pytest.mark.parametrize(("metrics", "kept"), [("[leep,otdd]", {"leep"}), ("[otdd]", set())])
def test_a_metric_that_needs_what_is_not_installed_is_left_out_by_plan_and_job_alike(
    monkeypatch: pytest.MonkeyPatch, metrics: str, kept: set[str]
) -> None:
    assert {unit.label.metric for unit in units(f"metric={metrics}")["pair"]} >= kept | {"otdd"}
    monkeypatch.setattr(unavailable, "installed", lambda distribution: distribution != "POT")
    found = sweep(f"metric={metrics}")
    assert found.left_out == ["Metric otdd is left out: it needs POT (pip install POT)."]
    (one,) = found.cells
    assert set(one.settings["metric"]) == kept
    assert keys(plan(one)) == keys(units(f"metric={metrics}", common_classes=one.common_classes))
    assert {unit.stage for unit in merged(map(plan, [one]))} >= {"checkpoint", "truth"}


def test_a_value_that_follows_another_group_is_refused_where_that_is_swept() -> None:
    follows = ("dataset@source=digits", "dataset@target=faces", "target.image_size=${backbone.image_size}")
    (one,) = sweep(*follows, "backbone.image_size=24").cells
    alone = units(*follows, "backbone.image_size=24", common_classes=one.common_classes)
    assert keys(plan(one)) == keys(alone)
    with pytest.raises(ConfigError, match=r"target: a value is \$\{backbone.image_size\}, and there are 2 of backbone"):
        sweep(*follows, "backbone.image_size=24,32")


@pytest.mark.parametrize("experiment", ["smoke", "embedded", "embedded_full"])
def test_every_experiment_composes_and_every_target_has_a_near_source(experiment: str) -> None:
    config = composed([f"experiment={experiment}", "hydra.mode=RUN"])
    assert config.experiment_name == experiment
    assert merged(map(plan, [cell_of(config)]))
