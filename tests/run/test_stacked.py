"""Units that can be computed at once are, with the results and the records of units by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small_trainings import RECIPE
from torch import nn

from pgebench.core.identity import Label
from pgebench.core.records import CRASHED, DONE, FAILED, MISSING, RUNNING
from pgebench.data.task import dataset_params
from pgebench.networks import backbones
from pgebench.run import stacked
from pgebench.run.policy import Rules
from pgebench.run.runner import run_units
from pgebench.run.stacked import by_kind
from pgebench.stages import STAGES, Outcome, Together, checkpoint, truth
from pgebench.stages.base import Stage, Work
from pgebench.store.store import Store
from pgebench.store.unit import Unit

CPU = torch.device("cpu")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """A stage ``step`` that notes its runs, alone by their seed and together by the list of their seeds."""
    seen: list[object] = []

    def alone(work: Work) -> Outcome:
        seen.append(work.params["seed"])
        if work.params.get("fail"):
            raise ValueError("the cause")
        return Outcome(1.0)

    def at_once(works: list[Work]) -> list[Outcome | None]:
        seen.append([work.params["seed"] for work in works])
        if works[0].params.get("fail"):
            raise RuntimeError("no batching rule")
        return [None if work.params["seed"] == work.params.get("bad") else Outcome(2.0) for work in works]

    monkeypatch.setitem(STAGES, "step", Stage(alone, together=Together(but_seed, at_once)))
    return seen


def but_seed(unit: Unit) -> str:
    return str({name: value for name, value in unit.params.items() if name != "seed"})


def step(seed: int, **params: object) -> Unit:
    return Unit("step", 1, {"seed": seed, **params}, label=Label(backbone="b", truth="t", seed=seed))


def test_units_that_differ_in_the_seed_alone_run_together(store: Store, calls: list[object]) -> None:
    units = [step(0), step(1), step(2), step(0, other=True), step(0, third=True), step(1, third=True)]
    run_units(units, store, CPU, Rules(together=True))
    assert calls == [[0, 1, 2], 0, [0, 1]]
    records = [store.record(unit) for unit in units]
    assert [record["status"] for record in records] == [DONE] * 6
    assert [record["value"] for record in records] == [2, 2, 2, 1, 2, 2]
    assert [record["key"] for record in records] == [unit.key for unit in units]
    assert records[0]["wall_s"] == records[1]["wall_s"] == records[2]["wall_s"]
    run_units(units, store, CPU, Rules(together=True))
    assert len(calls) == 3


def test_without_together_they_take_turns(store: Store, calls: list[object]) -> None:
    run_units([step(0), step(1)], store, CPU)
    assert calls == [0, 1]


def test_what_cannot_be_done_together_is_done_alone(store: Store, calls: list[object]) -> None:
    run_units([step(seed, bad=1) for seed in range(3)], store, CPU, Rules(together=True))
    assert calls == [[0, 1, 2], 1]
    assert store.record(step(1, bad=1))["value"] == 1.0


def test_a_failure_is_that_of_a_unit_alone(store: Store, calls: list[object]) -> None:
    units = [step(seed, fail=True) for seed in range(2)]
    with pytest.warns(UserWarning, match=r"b t: 2 units take turns.*RuntimeError: no batching rule"):
        run_units(units, store, CPU, Rules(together=True, retry=1))
    assert calls == [[0, 1], 0, 0, 1, 1]
    assert [store.record(unit)["error"] for unit in units] == ["the cause"] * 2


def test_a_unit_that_another_process_holds_is_left_out_and_never_waited_for(
    store: Store, calls: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two sweeps that hold a part of the same seeds each must not wait for each other."""
    units = [step(seed) for seed in range(3)]
    with store.lock(units[1]):
        stacked.run_stacked(units, store, CPU, Rules())
    assert calls == [[0, 2]]
    assert store.record(units[1])["status"] == MISSING


@pytest.mark.parametrize("status", [RUNNING, CRASHED])
def test_a_unit_under_suspicion_is_left_out(store: Store, calls: list[object], status: str) -> None:
    units = [step(seed) for seed in range(3)]
    store.write_record(units[0], {"status": status, "attempts": 1})
    store.write_record(units[1], {"status": FAILED})
    stacked.run_stacked(units, store, CPU, Rules())
    assert calls == [[1, 2]]
    assert store.record(units[0])["status"] == status


def test_an_interrupt_leaves_nothing_behind(store: Store, calls: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(works: list[Work]) -> list[Outcome | None]:
        assert store.record(step(1))["status"] == RUNNING
        raise KeyboardInterrupt

    monkeypatch.setitem(STAGES, "step", Stage(STAGES["step"].run, together=Together(but_seed, interrupted)))
    with pytest.raises(KeyboardInterrupt):
        run_units([step(0), step(1)], store, CPU, Rules(together=True))
    assert store.record(step(0)) == store.record(step(1)) == {"status": MISSING}


def truths(seeds: int, sources: tuple[str, ...] = ("mnist",), image_size: int = 32) -> list[Unit]:
    """Of each source a checkpoint, and every protocol from it on another dataset with some seeds."""
    view = {"classes": [0, 1, 2], "train_per_class": 8}
    datasets = {
        name: dataset_params({"loader": {"_target_": "pgebench.embedded.load", "name": name}, **view})
        for name in (*sources, "digits")
    }
    params = backbones.backbone_params(
        {"model": "test_resnet", "image_size": image_size, "mean": None, "std": None, "pretrained": False}
    )
    units = []
    for source in sources:
        trained = checkpoint.unit(params, datasets[source], RECIPE, 0, Label(backbone="test_resnet", source=source))
        units.append(trained)
        for protocol in ("finetune", "linear_probe", truth.SCRATCH):
            recipe = RECIPE | ({"shift": 0, "head_factor": 1} if protocol == "linear_probe" else {})
            for seed in range(seeds):
                shown = Label("test_resnet", source, "digits", truth=protocol, seed=seed)
                how = {"protocol": protocol, "recipe": recipe}
                if protocol == truth.SCRATCH:
                    units.append(truth.scratch_unit(params, datasets["digits"], how, seed, shown))
                else:
                    units.append(truth.unit(trained, datasets["digits"], how, seed, shown))
    return units


@pytest.mark.filterwarnings("error")
def test_the_truth_is_the_same_together(tmp_path: Path) -> None:
    """Every protocol through the runner: the same keys, images and, up to rounding, validation accuracies."""
    together, alone = Store(tmp_path / "together"), Store(tmp_path / "alone")
    units = truths(seeds=2)
    run_units(units, together, CPU, Rules(together=True))
    run_units(units, alone, CPU)
    for unit in units[1:]:
        ours, theirs = together.record(unit), alone.record(unit)
        assert ours["status"] == DONE, ours
        assert ours["detail"].pop("together") == 2
        assert ours["detail"].keys() == theirs["detail"].keys()
        assert ours["images"] == theirs["images"]
        found, expected = (record["detail"]["val_by_learning_rate"] for record in (ours, theirs))
        assert found == pytest.approx(expected, abs=0.03)


@pytest.fixture
def in_float64(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Networks and images of every unit have twice the digits."""
    part = Work.part

    def doubled(work: Work, split: str) -> tuple[torch.Tensor, torch.Tensor]:
        images, labels = part(work, split)
        return images.double(), labels

    monkeypatch.setattr(Work, "part", doubled)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.filterwarnings("error")
def test_transfers_from_several_sources_are_the_same_together(tmp_path: Path, in_float64: None) -> None:
    """Two sources with two seeds each: fine-tunings are one stack of four, and accuracies are equal to the last image.

    A linear probe sees the features of its own source, so that there are two stacks of them. Training from scratch is
    planned with either source, and is done once.
    """
    together, alone = Store(tmp_path / "together"), Store(tmp_path / "alone")
    units = truths(seeds=2, sources=("emoji", "fashion"), image_size=16)
    run_units(units, together, CPU, Rules(together=True))
    run_units(units, alone, CPU)
    sizes = {"finetune": 4, "linear_probe": 2, truth.SCRATCH: 2}
    for unit in (unit for unit in units if unit.stage == "truth"):
        ours, theirs = together.record(unit), alone.record(unit)
        assert ours["status"] == theirs["status"] == DONE
        assert ours["detail"].pop("together") == sizes[unit.params["protocol"]]
        for name in ("value", "images", "detail"):
            assert ours[name] == theirs[name], (name, str(unit))
        assert (ours["key"], ours["label"]) == (unit.key, theirs["label"])
    costs = {together.record(unit)["wall_s"] for unit in units if unit.params.get("protocol") == "finetune"}
    assert len(costs) == 1  # each its share
    assert len({alone.record(unit)["value"] for unit in units if unit.stage == "truth"}) > 4  # they are told apart


def test_a_stack_begins_when_all_of_it_can() -> None:
    """Checkpoints come before what reads them, whichever cell they are from, and nothing else changes places."""
    units = truths(seeds=2, sources=("emoji", "fashion"))
    groups = by_kind(units)
    order = [unit for group in groups for unit in group]
    assert sorted(unit.key for unit in order) == sorted({unit.key for unit in units})
    for place, unit in enumerate(order):
        assert {needed.key for needed in unit.inputs.values()} <= {earlier.key for earlier in order[:place]}
    assert [group[0] for group in groups if group[0].stage != "truth"] == [u for u in units if u.stage != "truth"]
    assert max(map(len, groups)) == 4


@pytest.mark.parametrize(
    "fields",
    [{"model": "test_vit"}, {"image_size": 48}, {"mean": [0.1, 0.2, 0.3]}],
    ids=lambda fields: next(iter(fields)),
)
def test_only_networks_of_one_architecture_on_the_same_images_are_stacked(fields: dict[str, object]) -> None:
    one, other = (unit for unit in truths(seeds=1, sources=("emoji", "fashion")) if unit.label.truth == "finetune")
    assert len(by_kind([one, other])) == 1
    for name, value in (("backbone", {**other.params["backbone"], **fields}), ("recipe", RECIPE | {"steps": 5})):
        assert len(by_kind([one, replace(other, params={**other.params, name: value})])) == 2


def test_what_lacks_its_checkpoint_is_left_out_and_fails_alone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    units = [unit for unit in truths(seeds=2, sources=("emoji", "fashion")) if unit.label.truth in (None, "finetune")]
    there = [unit for unit in units if unit.label.source == "emoji" or unit.stage == "truth"]
    run_units(there, store, CPU, Rules(together=True))
    records = {str(unit.label): store.record(unit) for unit in there if unit.stage == "truth"}
    assert [record["status"] for record in records.values()] == [DONE, DONE, FAILED, FAILED]
    assert {record["detail"]["together"] for record in records.values() if record["status"] == DONE} == {2}
    assert "has no result" in list(records.values())[-1]["error"]


def test_a_source_that_diverges_leaves_the_others_in_the_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried alone afterwards, which says in its record what went wrong."""
    store = Store(tmp_path)
    units = [
        unit for unit in truths(seeds=1, sources=("emoji", "fashion", "faces")) if unit.label.truth != truth.SCRATCH
    ]
    checkpoints = [unit for unit in units if unit.stage == "checkpoint"]
    run_units(checkpoints, store, CPU)
    load = checkpoint.load

    def broken(work: Work) -> nn.Module:
        network = load(work)
        if work.unit.label.source == "fashion":
            for weight in network.parameters():
                nn.init.constant_(weight, torch.nan)
        return network

    monkeypatch.setattr(checkpoint, "load", broken)
    tuned = [unit for unit in units if unit.label.truth == "finetune"]
    run_units(tuned, store, CPU, Rules(together=True))
    records = [store.record(unit) for unit in tuned]
    assert [record["status"] for record in records] == [DONE, FAILED, DONE]
    assert "diverged at every learning rate" in records[1]["error"]
    assert [records[place]["detail"]["together"] for place in (0, 2)] == [3, 3]
