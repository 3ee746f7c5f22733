"""The cost of ranking M sources for T targets is what one pays on the way there, one thing after another."""

import math
from dataclasses import fields
from itertools import product

import pandas as pd
import pytest

from pgebench.analysis.cost import Cost, costs
from pgebench.analysis.cost_curve import break_even, cost_curve, next_source_s, next_target_s, ranking_s


def cost(**seconds: float) -> Cost:
    return Cost(**{field.name: 0 for field in fields(Cost)} | seconds)


FINETUNE = cost(per_checkpoint_s=16, per_pair_s=8)
METRICS = {
    "logme": cost(per_checkpoint_s=16, per_pair_s=0.25),
    "pge": cost(per_source_s=48, per_target_s=32, per_pair_s=0.125),
    "task2vec": cost(per_checkpoint_s=16, per_source_s=64, per_pair_s=4),
    "ensemble": cost(per_checkpoint_s=16, per_source_s=4, per_pair_s=9),
    "cheap at first": cost(per_pair_s=9),
}


def paid(of: Cost, sources: int, targets: int, at_hand: bool) -> float:
    """The bill, entry by entry."""
    bill = 0.0
    for _ in range(sources):
        bill += of.per_source_s
        if not at_hand:
            bill += of.per_checkpoint_s
    for _ in range(targets):
        bill += of.per_target_s
        for _ in range(sources):
            bill += of.per_pair_s
    return bill


@pytest.mark.parametrize("name", METRICS)
def test_the_curve_is_the_bill_added_up(name: str) -> None:
    curve = cost_curve({name: METRICS[name]}, FINETUNE, sources=[1, 3, 10], targets=[0, 1, 7])
    assert len(curve) == 2 * 3 * 3
    for row in curve.itertuples():
        assert row.seconds == paid(METRICS[name], row.sources, row.targets, row.at_hand)
        assert row.truth_seconds == paid(FINETUNE, row.sources, row.targets, row.at_hand)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("at_hand", [False, True])
def test_the_break_even_is_where_the_bills_cross_for_good(name: str, at_hand: bool) -> None:
    for sources in (1, 2, 5, 12):
        dearer = [
            targets
            for targets in range(1, 400)
            if paid(METRICS[name], sources, targets, at_hand) >= paid(FINETUNE, sources, targets, at_hand)
        ]
        # From the target after the last one at which the metric is not cheaper.
        expected = max(dearer, default=0) + 1
        assert break_even(METRICS[name], FINETUNE, sources, at_hand) == (math.inf if expected == 400 else expected)


def test_a_metric_that_is_cheaper_for_few_targets_only_never_breaks_even() -> None:
    few = METRICS["cheap at first"]
    assert ranking_s(few, 5, 1) < ranking_s(FINETUNE, 5, 1)
    assert ranking_s(few, 5, 100) > ranking_s(FINETUNE, 5, 100)
    assert break_even(few, FINETUNE, 5) == math.inf


def test_a_metric_is_not_cheaper_than_itself() -> None:
    assert break_even(FINETUNE, FINETUNE, 10) == math.inf
    assert break_even(cost(per_pair_s=8), FINETUNE, 10) == 1


def test_one_more_is_the_difference_of_two_bills() -> None:
    for one, sources, targets, at_hand in product(METRICS.values(), (1, 4), (1, 6), (False, True)):
        before = paid(one, sources, targets, at_hand)
        assert next_target_s(one, sources) == paid(one, sources, targets + 1, at_hand) - before
        assert next_source_s(one, targets, at_hand) == paid(one, sources + 1, targets, at_hand) - before


def row(key: str, stage: str, source: str | None, target: str | None, wall: float, inputs: str = "[]") -> dict:
    return {
        "key": key, "stage": stage, "status": "done", "backbone": "net", "source": source, "target": target,
        "metric": "pge" if stage == "score" else None, "wall_s": wall, "cpu_s": wall, "peak_rss_mb": 1.0,
        "images": 1, "inputs": inputs,
    }  # fmt: skip


def test_a_dataset_is_charged_apart_as_source_and_as_target() -> None:
    """Source a is large, target b small; c is the same unit in both roles, shown under one label."""
    records = pd.DataFrame(
        [
            row("a", "gradient", "a", None, 12.0),
            row("b", "gradient", None, "b", 4.0),
            row("c", "gradient", "c", None, 8.0),
            row("ab", "score", "a", "b", 0.5, '["a", "b"]'),
            row("ac", "score", "a", "c", 0.5, '["a", "c"]'),
            row("cb", "score", "c", "b", 0.5, '["c", "b"]'),
        ]
    )
    found = costs(records, "metric")["pge"]
    assert (found.per_source_s, found.per_target_s, found.per_dataset_s) == ((12 + 8) / 2, (8 + 4) / 2, 24 / 3)
    assert found.per_pair_s == 0.5
