"""A run sits on an edge of its grid where the learning rate that validation chose has none beside it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgebench.analysis.edges import COLUMNS, grid_edges

REFERENCE = Path(__file__).parents[2] / "results/reference/embedded_full/records.parquet"


def run(chosen: float, rates: list[float], **columns: object) -> dict[str, object]:
    """One finished run; what it reached with each rate does not matter here."""
    detail = {"learning_rate": chosen, "val_by_learning_rate": {str(rate): 0.5 for rate in rates}}
    row = {"stage": "truth", "status": "done", "truth": "finetune", "detail": json.dumps(detail)}
    return row | columns


def table(*rows: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame([{"key": str(place)} | row for place, row in enumerate(rows)])


def counted(rows: list[dict[str, object]]) -> dict[str, list[float]]:
    """Training -> number of runs, of rates, and of runs at the smallest, the largest and any other rate, run by run."""
    found: dict[str, list[float]] = {}
    for row in rows:
        detail = json.loads(str(row["detail"]))
        chosen = detail["learning_rate"]
        others = [float(rate) for rate in detail["val_by_learning_rate"] if float(rate) != chosen]
        name = "checkpoint" if row["stage"] == "checkpoint" else str(row["truth"])
        tally = found.setdefault(name, [0, 0, 0, 0, 0])
        tally[0] += 1
        tally[1] = max(tally[1], len(others) + 1)
        if others:
            below, above = any(rate < chosen for rate in others), any(rate > chosen for rate in others)
            tally[2] += not below
            tally[3] += not above
            tally[4] += below and above
    return found


@st.composite
def runs(draw: st.DrawFn) -> dict[str, object]:
    rates = draw(st.lists(st.floats(1e-6, 1, allow_subnormal=False), min_size=1, max_size=6, unique=True))
    stage, truth = draw(st.sampled_from([("checkpoint", None), ("truth", "finetune"), ("truth", "scratch")]))
    return run(draw(st.sampled_from(rates)), rates, stage=stage, truth=truth)


@given(st.lists(runs(), max_size=30))
def test_the_shares_are_what_counting_run_by_run_gives(rows: list[dict[str, object]]) -> None:
    expected = counted(rows)
    found = grid_edges(table(*rows)) if rows else pd.DataFrame(columns=COLUMNS)
    assert sorted(found["training"]) == sorted(expected)
    for row in found.itertuples():
        count, rates, smallest, largest, inside = expected[row.training]
        edged = smallest + largest + inside
        assert (row.runs, row.rates) == (count, rates)
        for share, number in ((row.smallest, smallest), (row.largest, largest), (row.inside, inside)):
            assert share == pytest.approx(number / edged) if edged else math.isnan(share)


@given(st.lists(runs(), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_neither_the_order_of_the_runs_nor_that_of_the_rates_counts(rows: list[dict[str, object]], random) -> None:
    turned = []
    for row in random.sample(rows, len(rows)):
        detail = json.loads(str(row["detail"]))
        rates = list(detail["val_by_learning_rate"].items())
        random.shuffle(rates)
        turned.append(row | {"detail": json.dumps(detail | {"val_by_learning_rate": dict(rates)})})
    pd.testing.assert_frame_equal(grid_edges(table(*rows)), grid_edges(table(*turned)))


def test_each_run_is_judged_by_its_own_grid() -> None:
    """0.01 is the largest rate of one grid and lies inside the other."""
    found = grid_edges(table(run(0.01, [0.001, 0.003, 0.01]), run(0.01, [0.001, 0.003, 0.01, 0.03]))).iloc[0]
    assert (found.rates, found.smallest, found.largest, found.inside) == (4, 0, 0.5, 0.5)


def test_rates_are_compared_as_numbers_and_not_as_text() -> None:
    """As text, "3e-05" would come last."""
    found = grid_edges(table(run(3e-5, [3e-5, 0.0001, 0.0003]))).iloc[0]
    assert (found.smallest, found.largest) == (1, 0)


def test_a_grid_of_one_rate_is_stated_and_has_no_edge() -> None:
    found = grid_edges(table(run(0.01, [0.01]), run(0.01, [0.01]))).iloc[0]
    assert (found.runs, found.rates) == (2, 1)
    assert math.isnan(found.smallest)
    assert math.isnan(found.largest)
    assert math.isnan(found.inside)


def test_a_unit_counts_once_only_if_it_is_done_and_not_for_variations() -> None:
    inside, edge = (0.003, [0.001, 0.003, 0.01]), (0.001, [0.001, 0.003, 0.01])
    rows = [
        run(*inside, key="a", variant=None),
        run(*inside, key="a", variant=None),
        # A variation may share a unit with the experiment; that unit still counts.
        run(*inside, key="b", variant="seed"),
        run(*inside, key="b", variant=None),
        run(*edge, key="c", variant="seed"),
        run(*edge, key="d", variant=None, status="failed"),
        # An attempt that failed before the one that was done.
        run(*edge, key="e", variant=None, status="failed"),
        run(*inside, key="e", variant=None),
    ]
    found = grid_edges(table(*rows)).iloc[0]
    assert (found.runs, found.inside) == (3, 1)


@pytest.mark.parametrize(
    "detail",
    [None, float("nan"), "", "{}", "[]", "null", "3", "{", '{"learning_rate": 0.01}',
     '{"val_by_learning_rate": {"1": 0}}',
     '{"learning_rate": null, "val_by_learning_rate": {"0.01": 0.5}}',
     '{"learning_rate": 0.01, "val_by_learning_rate": {"small": 0.5}}',
     '{"learning_rate": 0.01, "val_by_learning_rate": {}}',
     '{"learning_rate": 0.5, "val_by_learning_rate": {"0.01": 0.5}}'],
)  # fmt: skip
def test_a_record_that_does_not_say_is_no_run(detail: object) -> None:
    alone = grid_edges(table(run(1, [1], detail=detail)))
    assert (list(alone), len(alone)) == (COLUMNS, 0)
    beside = grid_edges(table(run(1, [1], detail=detail), run(0.003, [0.001, 0.003, 0.01])))
    assert beside["runs"].tolist() == [1]


def test_a_table_without_details_has_no_rows() -> None:
    found = grid_edges(table(run(1, [1])).drop(columns="detail"))
    assert (list(found), len(found)) == (COLUMNS, 0)


def test_scores_and_evidence_are_no_trainings() -> None:
    assert grid_edges(table(run(0.1, [0.1, 0.2], stage="score"), run(0.1, [0.1, 0.2], stage="evidence"))).empty


def test_the_edges_of_the_reference_are_those_that_one_counts() -> None:
    records = pd.read_parquet(REFERENCE)
    records = records[records.variant.isna()].drop_duplicates("key")
    rows = [row for row in records.to_dict("records") if row["stage"] in ("checkpoint", "truth")]
    found = grid_edges(records).set_index("training")
    for name, (count, rates, smallest, largest, inside) in counted(rows).items():
        # A single rate has no edge.
        assert rates == 1 or tuple(found.loc[name]) == (
            *(count, rates, smallest / count, largest / count, inside / count),
        )
