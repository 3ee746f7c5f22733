"""Values of a variation that are put in afterwards give the very cells that Hydra composes with them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from planned import sweep

from pgebench.plan import sweep as planning
from pgebench.plan.composing import composed
from pgebench.plan.variation import MOST, remembered, split

BASE = ("dataset@source=mnist_0_4,emoji", "dataset@target=fashion,mnist_5_9", "metric=[logme,pge]")
LEVELS = (
    "target.train_per_class=4 target.draw=2 truth=[]",
    "metric_seed=3 truth=[]",
    "seed=1 truth=[finetune] budget.truth_seeds=2",
    "budget.episodes=10",
    "recipe.finetune.learning_rates=[0.01,0.1] recipe.finetune.steps=7",
    "metric.pge.gradient.shot=2",
    "source.permute_labels=1 backbone.image_size=16",
    "backbone=test_resnet",
    "metric=[leep] target.classes=[0,1,2]",
)


def parsed(*overrides: str) -> list[Override]:
    return OverridesParser.create().parse_overrides(list(overrides))


def listed(*levels: str) -> str:
    return f"+variations.factor={[*levels]}"


def test_a_variation_is_what_hydra_composes(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = sweep(*BASE, listed(*LEVELS))
    monkeypatch.setattr(planning, "split", lambda changed, before: (list(changed), []))
    assert sweep(*BASE, listed(*LEVELS)).cells == ours.cells
    assert len({one.variant for one in ours.cells}) == len(LEVELS) + 1


def test_what_is_swept_or_set_before_is_left_to_hydra() -> None:
    def composing(changed: str, *before: str) -> list[str]:
        return [str(one.input_line) for one in split(parsed(changed), parsed(*before))[0]]

    assert composing("target.draw=1") == []
    assert composing("target.draw=1", "source.draw=2", "target.drawn=3") == []
    for before in ("target.draw=1,2", "target.draw=3", "target={draw:1}", "+target.draw=1"):
        assert composing("target.draw=1", before) == ["target.draw=1"]
    for group in ("truth=[]", "dataset@target=emoji", "regime=few_images", "+budget.more=1", "~metric.pge", "seed=1,2"):
        assert composing(group) == [group]


@pytest.mark.parametrize("level", ["target.nowhere=1", "budget.episodes=many", "target.name.first=1"])
def test_a_mistake_in_a_value_is_told_in_hydras_words(level: str) -> None:
    with pytest.raises(HydraException) as plain:
        composed([level])
    with pytest.raises(HydraException) as told:
        sweep(*BASE, listed(level))
    assert str(told.value) == str(plain.value)


def test_values_are_put_in_without_composing_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    levels = [f"target.draw={draw} metric_seed={draw}" for draw in range(1, 7)]
    counts: list[int] = []
    for chosen in ([], levels):
        calls: list[Sequence[str]] = []

        def counted(overrides: Sequence[str], calls: list[Sequence[str]] = calls) -> DictConfig:
            calls.append(overrides)
            return composed(overrides)

        planning.expand(parsed(*BASE, *([listed(*chosen)] if chosen else [])), counted)
        counts.append(len(calls))
    assert counts[1] == counts[0]


def test_what_is_remembered_is_bounded() -> None:
    calls: list[str] = []

    def compose(chosen: Sequence[str]) -> DictConfig:
        calls.append(chosen[0])
        return OmegaConf.create({"chosen": chosen[0]})

    one = remembered(compose)
    names = [str(number) for number in range(MOST + 1)]
    assert [one([name]).chosen for name in (*names, names[-1], names[0])] == [*names, names[-1], names[0]]
    assert calls == [*names, names[0]]
