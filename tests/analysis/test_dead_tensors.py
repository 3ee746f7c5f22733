"""A tensor is dead for a metric on a backbone if no dataset's gradient has anything in it."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from pgebench.analysis.dead_tensors import COLUMNS, dead_tensors


def record(dead: dict[str, int], metric: str | None = "pge", backbone: str = "net", **columns: object) -> dict:
    """The record of a gradient over four tensors of 100 parameters; dead tensor -> its parameters."""
    detail = {
        "way": 5,
        "parameters": 100,
        "tensors": 4 if len(dead) < 4 else 30,
        "energy": {"stem": 0.5, "a": 0.25, "b": 0.125},
    }
    if dead:
        detail |= {"dead": list(dead), "dead_parameters": sum(dead.values())}
    row = {"stage": "gradient", "status": "done", "backbone": backbone, "metric": metric, "detail": json.dumps(detail)}
    return row | columns


def found(*rows: dict) -> list[dict]:
    return dead_tensors(pd.DataFrame(rows)).to_dict("records")


def test_only_what_is_dead_for_every_dataset_is_named() -> None:
    (row,) = found(record({"c": 60, "d": 30}), record({"c": 60}))
    assert (row["dead"], row["share"], row["in_few"], row["few"], row["tensors"]) == (("c",), 0.6, 0.875, 3, 4)
    assert found(record({"c": 60}), record({"d": 30})) == []
    assert found(record({"c": 60}), record({})) == []


def test_metrics_and_backbones_are_told_apart_and_variations_left_out() -> None:
    rows = found(
        record({"c": 60}),
        record({}, backbone="other"),
        record({"d": 30}, metric="pge_fresh"),
        record({"c": 60}, metric=None),
        record({"c": 60}, metric="pge_product", status="failed"),
        record({}, variant="seed"),
    )
    assert [(row["metric"], row["backbone"]) for row in rows] == [
        ("gradient", "net"),
        ("pge", "net"),
        ("pge_fresh", "net"),
    ]


@pytest.mark.parametrize(
    "detail", [None, float("nan"), "", "{", "[]", "3", '{"way": 5}', '{"energy": [], "tensors": 1}']
)
def test_a_record_of_an_earlier_version_or_a_damaged_one_says_nothing(detail: object) -> None:
    assert found(record({}, detail=detail)) == []
    assert len(found(record({}, detail=detail), record({"c": 60}))) == 1
    plain = dead_tensors(pd.DataFrame([record({"c": 60})]).drop(columns="detail"))
    assert (list(plain), len(plain)) == (COLUMNS, 0)
