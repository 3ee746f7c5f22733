"""Replicates: sources trained anew, gradients drawn anew, transfers repeated; each once, and from what it says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import planned
import pytest
import timm
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from planned import every
from safetensors.torch import save_file

from pgebench.core.errors import ConfigError
from pgebench.plan.composing import composed
from pgebench.plan.replicates import starts
from pgebench.ranking.candidates import of_sources
from pgebench.store.unit import Unit

PAIR = ("dataset@source=mnist_0_4", "dataset@target=fashion_tops")
BLIND = "metric=[pge,pge_official,random,source_size,number_of_classes,parameter_count,same_collection]"
"""Metrics that look at no checkpoint."""


def units(*overrides: str, stage: str) -> list[Unit]:
    return [unit for unit in every(planned.units(*PAIR, *overrides)) if unit.stage == stage]


def keys(found: list[Unit]) -> set[str]:
    return {unit.key for unit in found}


def origin(unit: Unit) -> int:
    """The seed of the checkpoint that a transfer starts from."""
    return int(unit.inputs["checkpoint"].params["seed"])


def test_a_source_is_trained_so_often_each_time_from_another_seed() -> None:
    found = units("checkpoints=3", "seed=20", "metric=[]", "truth=[]", stage="checkpoint")
    assert [(unit.label.checkpoint, unit.params["seed"]) for unit in found] == [(0, 20), (1, 21), (2, 22)]


@pytest.mark.parametrize("truth", ["finetune", "linear_probe"])
@pytest.mark.parametrize(
    ("seeds", "by_checkpoint"),
    [
        ("[2,1,1]", {0: {0, 3}, 1: {1}, 2: {2}}),
        ("2", {0: {0, 3}, 1: {1, 4}, 2: {2, 5}}),
        ("[1,1,2]", {0: {0}, 1: {1}, 2: {2, 3}}),
    ],
)
def test_a_transfer_starts_from_its_checkpoint_and_has_a_seed_of_its_own(
    truth: str, seeds: str, by_checkpoint: dict[int, set[int]]
) -> None:
    chosen = ("checkpoints=3", f"budget.truth_seeds={seeds}", "metric=[]", f"truth=[{truth}]")
    found = units(*chosen, "seed=20", "transfer_seed=500", stage="truth")
    expected = {(number, seed) for number, several in by_checkpoint.items() for seed in several}
    assert {(unit.label.checkpoint, unit.label.seed) for unit in found} == expected
    assert {(origin(unit) - 20, unit.params["seed"] - 500) for unit in found} == expected
    assert len(found) == len(expected)


def test_training_from_scratch_is_repeated_as_often_as_transfers_and_stands_on_no_checkpoint() -> None:
    found = units("checkpoints=3", "budget.truth_seeds=[2,1,1]", "metric=[]", "truth=[scratch]", stage="truth")
    assert [unit.params["seed"] for unit in found] == [0, 1, 2, 3]
    assert all(unit.label.checkpoint is None and not unit.inputs for unit in found)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=5))
def test_every_checkpoint_has_its_turn_before_one_has_a_second(each: list[int]) -> None:
    found = starts("finetune", each, len(each))
    assert Counter(found) == dict(enumerate(each))
    assert found[: len(each)] == list(range(len(each)))


@pytest.mark.parametrize("checkpoints", [2, 3])
def test_a_metric_that_sees_no_checkpoint_is_scored_once_per_draw_however_many_there_are(checkpoints: int) -> None:
    chosen = (BLIND, "truth=[]", "budget.draws=2")
    found = units(*chosen, f"checkpoints={checkpoints}", stage="score")
    assert {unit.label.checkpoint for unit in found} == {None}
    drawn = Counter(unit.label.metric for unit in found)
    assert drawn.pop("pge") == drawn.pop("pge_official") == 2
    assert set(drawn.values()) == {1}
    assert keys(found) == keys(units(*chosen, stage="score"))


def test_draws_never_share_a_gradient() -> None:
    chosen = ("metric=[pge,pge_debiased,pge_official,pge_supcon]", "truth=[]", "budget.draws=3")
    found = [unit for seed in (0, 1) for unit in units(*chosen, f"metric_seed={seed}", stage="score")]
    for name in {unit.label.metric for unit in found}:
        read = [keys([*unit.inputs.values()]) for unit in found if unit.label.metric == name]
        assert len(read) == 2 * 3
        assert len(set.union(*read)) == sum(map(len, read)) == 2 * 2 * 3


def test_metrics_with_the_same_gradients_share_those_of_each_draw() -> None:
    found = units("metric=[pge,pge_product,pge_per_layer]", "truth=[]", "budget.draws=3", stage="gradient")
    assert len(found) == 2 * 3


def test_a_metric_of_a_checkpoint_has_a_score_of_each_and_other_draws_on_each() -> None:
    chosen = ("metric=[logme,linear_probe,source_accuracy,task2vec]", "truth=[]", "checkpoints=3", "seed=20")
    found = units(*chosen, stage="score")
    by_metric = {name: [unit for unit in found if unit.label.metric == name] for name in ("logme", "linear_probe")}
    for scores in by_metric.values():
        evidence = [unit.inputs["evidence"] for unit in scores]
        assert [(unit.label.checkpoint, origin(seen) - 20) for unit, seen in zip(scores, evidence, strict=True)] == [
            (0, 0),
            (1, 1),
            (2, 2),
        ]
    assert len({unit.params["facts"]["seed"] for unit in by_metric["linear_probe"]}) == 3
    (accuracies, fisher) = (
        [unit for unit in found if unit.label.metric == name] for name in ("source_accuracy", "task2vec")
    )
    assert [origin(unit) for unit in accuracies] == [20, 21, 22]
    drawn = {
        unit.label.checkpoint: {read.params["settings"]["seed"] for read in unit.inputs.values()} for unit in fisher
    }
    assert drawn == {0: {0}, 1: {1}, 2: {2}}


def test_several_scores_of_a_checkpoint_draw_apart_from_those_of_the_next() -> None:
    chosen = ("metric=[linear_probe]", "metric.linear_probe.seeds=2", "truth=[]", "checkpoints=3")
    found = units(*chosen, stage="score")
    assert {(unit.label.checkpoint, unit.label.seed) for unit in found} == {(n, s) for n in range(3) for s in range(2)}
    assert len({unit.params["facts"]["seed"] for unit in found}) == len(found) == 6


def draws(unit: Unit) -> bool:
    """Whether a seed stands anywhere in a unit, or in what it reads."""

    def seeded(value: Any) -> bool:
        return isinstance(value, dict) and ("seed" in value or any(map(seeded, value.values())))

    return seeded(dict(unit.params)) or any(map(draws, unit.inputs.values()))


@given(
    more=st.tuples(*[st.integers(10, 1000)] * 3),
    several=st.tuples(*[st.integers(1, 3)] * 3),
)
@settings(max_examples=6)
def test_three_other_seeds_share_nothing_but_what_draws_nothing(
    more: tuple[int, ...], several: tuple[int, ...]
) -> None:
    metrics = "metric=[pge,leep,linear_probe,task2vec,otdd,random,source_accuracy,source_size,same_collection]"
    counts = zip(("checkpoints", "budget.draws", "budget.truth_seeds"), several, strict=True)
    chosen = (*PAIR, metrics, *(f"{key}={count}" for key, count in counts))
    other = zip(("seed", "transfer_seed", "metric_seed"), more, strict=True)
    before, after = (every(planned.units(*chosen, *changed)) for changed in ((), [f"{key}={n}" for key, n in other]))
    assert keys(before) & keys(after) == {unit.key for unit in before if not draws(unit)}
    assert {unit.label.metric for unit in before if not draws(unit)} == {"source_size", "same_collection"}
    assert len(before) == len(after)


WRONG = (
    "0",
    "-1",
    "two",
    "true",
    "1.5",
    "null",
    "[]",
    "[2,1]",
    "[1,1,0]",
    "[1,1,1,1]",
    "[1,1,1.5]",
    "[1,1,true]",
)


@pytest.mark.parametrize("seeds", WRONG)
def test_wrong_numbers_of_transfers_are_an_error_that_names_the_key(seeds: str) -> None:
    with pytest.raises(ConfigError, match=r"^truth\.finetune\.seeds=.*budget\.truth_seeds"):
        units("checkpoints=3", f"budget.truth_seeds={seeds}", "metric=[]", "truth=[finetune]", stage="truth")


@pytest.mark.parametrize(
    ("override", "named"), [("checkpoints=0", "checkpoints=0"), ("budget.draws=0", "metric.pge.seeds=0")]
)
def test_no_checkpoint_and_no_draw_is_an_error(override: str, named: str) -> None:
    with pytest.raises(ConfigError, match=f"^{named}: give a number above 0"):
        units("metric=[pge]", "truth=[]", override, stage="score")


def test_weights_as_shipped_are_one_checkpoint_with_the_transfers_of_all(tmp_path: Path) -> None:
    torch.manual_seed(0)
    save_file(timm.create_model("test_resnet", num_classes=7).state_dict(), tmp_path / "weights.safetensors")
    weights = ("backbone=timm", "backbone.model=test_resnet", f"backbone.weights={tmp_path / 'weights.safetensors'}")
    chosen = (*weights, "dataset@source=pretrained", "checkpoints=3", "budget.truth_seeds=[2,1,1]")
    found = every(planned.units(*PAIR, *chosen, "metric=[logme,leep]", "truth=[finetune,scratch]"))
    assert Counter(unit.stage for unit in found) == {"checkpoint": 1, "evidence": 1, "score": 2, "truth": 8}
    transfers = [unit for unit in found if unit.label.truth == "finetune"]
    assert [unit.params["seed"] for unit in transfers] == [0, 1, 2, 3]
    assert {unit.label.checkpoint for unit in transfers} == {0}


def test_a_ranking_trains_a_source_once_whatever_the_experiment_repeats(tmp_path: Path) -> None:
    assert composed(["experiment=regime_search"]).checkpoints > 1
    found = of_sources("mnist", "test_resnet", ("emoji", "faces"), "regime_search", tmp_path)
    assert {cell.settings["checkpoints"] for cell in found.cells} == {1}
