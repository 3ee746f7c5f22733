"""Content keys are a promise: results of an earlier version are found again, or their stage says why not."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from planned import every, units

REFERENCE = Path(__file__).parents[2] / "results/reference"

OLD = ("experiment=embedded_full", "regime=ten_images", "budget.truth_seeds=5", "recipe.checkpoint.steps=600")
"""The regime of the references up to November 2026; `pge_official` was another metric then."""

PAIRS = pytest.mark.parametrize(("source", "target"), [("mnist_0_4", "mnist_5_9"), ("emoji", "glyphs_a_m")])

FULL = {"checkpoint", "gradient", "evidence", "fisher", "score", "truth"}


@PAIRS
@pytest.mark.parametrize(
    ("folder", "overrides", "stages"),
    [
        ("embedded", ("backbone=test_efficientnet_gn",), FULL - {"fisher"}),
        ("embedded_full", ("experiment=embedded_full", "backbone=test_resnet"), FULL),
    ],
)
def test_the_reference_run_has_the_keys_that_are_planned_today(
    folder: str, overrides: tuple[str, ...], stages: set[str], source: str, target: str
) -> None:
    table = pd.read_parquet(REFERENCE / folder / "records.parquet").set_index("key")
    _hold(table, overrides, stages, source, target)


@PAIRS
def test_the_old_regime_has_the_keys_of_the_old_references(source: str, target: str) -> None:
    table = pd.read_csv(Path(__file__).with_name("keys_of_ten_images.csv"), index_col="key")
    _hold(table, (*OLD, "backbone=test_resnet"), FULL, source, target)


def _hold(table: pd.DataFrame, overrides: tuple[str, ...], stages: set[str], source: str, target: str) -> None:
    planned = units(f"dataset@source={source}", f"dataset@target={target}", *overrides, common_classes=5)
    by_key = {unit.key: unit for unit in every(planned)}
    found = {unit.stage for key, unit in by_key.items() if key in table.index}
    assert found == stages
    # A metric or truth that came later is in no old table; every other unit of the pair must be.
    lost = {
        unit.label.metric or unit.label.truth or unit.stage for key, unit in by_key.items() if key not in table.index
    }
    assert lost.isdisjoint({*table.metric.dropna(), *table.truth.dropna(), *table.stage})


def shown(*overrides: str) -> set[tuple[str, str | None, str]]:
    """Stage, truth and key of each unit of a pair."""
    planned = units("metric=[pge,leep]", "dataset@source=emoji", "dataset@target=digits", *overrides)
    return {(unit.stage, unit.label.truth, unit.key) for unit in every(planned)}


@pytest.mark.parametrize(
    ("recipe", "changed"),
    [
        ("finetune", {("truth", "finetune")}),
        ("linear_probe", {("truth", "linear_probe")}),
        # What reads a checkpoint is another unit with it; principal gradients and training from scratch read none.
        (
            "checkpoint",
            {
                ("checkpoint", None),
                ("evidence", None),
                ("score", None),
                ("truth", "finetune"),
                ("truth", "linear_probe"),
            },
        ),
    ],
)
def test_training_in_bfloat16_is_another_unit_and_in_float32_the_same(
    recipe: str, changed: set[tuple[str, str | None]]
) -> None:
    before = shown()
    assert shown(f"recipe.{recipe}.precision=float32") == before
    after = shown(f"recipe.{recipe}.precision=bfloat16")
    assert {unit[:2] for unit in after - before} == changed
    assert len(after) == len(before)
