"""The budget curve beside naive loops, and what it does with holes."""

from __future__ import annotations

import math
from itertools import combinations
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from pgebench.analysis.budget_curve import ALL, BudgetCurve, budget_curve, self_agreement
from pgebench.analysis.build_table import build_table
from pgebench.analysis.league import analyse
from pgebench.analysis.table import Replicates

SOURCES, TARGETS = list("abcdefg"), list("uvwxyz")
SIZES = {2: (1, 2, 3), 10: (1, 2, 3), None: (None,)}
NOISE = {2: 0.2, 10: 0.05, None: 0.0}


def rows(stage: str, name: str, values: np.ndarray, variant: str | None = None) -> pd.DataFrame:
    cells = [(s, t, values[i, j]) for i, s in enumerate(SOURCES) for j, t in enumerate(TARGETS)]
    frame = pd.DataFrame(cells, columns=["source", "target", "value"])
    empty = {"metric": None, "truth": None} | {"metric" if stage == "score" else "truth": name}
    costs = {"wall_s": 1.0, "cpu_s": 1.0, "inputs": "[]", "images": 1, "peak_rss_mb": 1.0}
    own = frame.assign(
        stage=stage, status="done", backbone="net", seed=0, variant=variant, error=None, **empty, **costs
    )
    return own.assign(key=[f"{stage} {name} {variant} {i}" for i in range(len(own))])


def variant(size: int | None, draw: int | None) -> str:
    words = ["target.train_per_class=null" if size is None else f"target.train_per_class={size}"]
    return f"images per class: {' '.join([*words, *([] if draw is None else [f'target.draw={draw}'])])}"


@pytest.fixture(scope="module")
def numbers() -> dict[object, np.ndarray]:
    rng = np.random.default_rng(3)
    truth = 0.5 + 0.1 * rng.normal(size=(7, 6))
    found: dict[object, np.ndarray] = {"truth": truth}
    for size, draws in SIZES.items():
        for draw in draws:
            found[size, draw] = truth + NOISE[size] * rng.normal(size=truth.shape)
    return found


@pytest.fixture(scope="module")
def records(numbers: dict[object, np.ndarray]) -> pd.DataFrame:
    parts = [rows("truth", "finetune", numbers["truth"])]
    for metric, factor in (("seen", 1.0), ("steady", 0.0)):
        parts.append(rows("score", metric, numbers["truth"]))
        for size, draws in SIZES.items():
            for draw in draws:
                values = numbers["truth"] + factor * (numbers[size, draw] - numbers["truth"])
                parts.append(rows("score", metric, values, variant(size, draw)))
    return pd.concat(parts, ignore_index=True)


def curve(records: pd.DataFrame) -> BudgetCurve | None:
    base = build_table(records[records["variant"].isna()])
    return budget_curve(records, "finetune", base, build_table, resamples=200, seed=0)


def known(records: pd.DataFrame) -> tuple[BudgetCurve, pd.DataFrame]:
    found = curve(records)
    assert found is not None
    return found, found.points.set_index(["metric", "images"])


def tau_of(scores: np.ndarray, truth: np.ndarray) -> float:
    return float(np.mean([stats.weightedtau(scores[:, t], truth[:, t]).statistic for t in range(scores.shape[1])]))


def test_the_numbers_are_those_of_the_naive_loops(records: pd.DataFrame, numbers: dict[object, np.ndarray]) -> None:
    found, points = known(records)
    assert found.sizes == (2, 10, ALL)
    assert found.draws == {2: 3, 10: 3, ALL: 1}
    quality = {
        size: np.mean([tau_of(numbers[size, draw], numbers["truth"]) for draw in draws])
        for size, draws in SIZES.items()
    }
    for size, draws in SIZES.items():
        row = points.loc[("seen", ALL if size is None else size)]
        assert row.weighted_tau == pytest.approx(quality[size])
        assert row.draws == len(draws)
        if size is not None:
            assert row.short == pytest.approx(quality[None] - quality[size])
            taus = [
                stats.kendalltau(numbers[size, one][:, t], numbers[size, other][:, t]).statistic
                for one, other in combinations(draws, 2)
                for t in range(6)
            ]
            assert row.agreement == pytest.approx(np.mean(taus))
            assert row.low < row.weighted_tau < row.high


def test_a_score_that_no_image_changes_agrees_with_itself_and_needs_the_fewest(records: pd.DataFrame) -> None:
    found, points = known(records)
    enough = found.enough.set_index("metric")
    assert points.loc[("steady", 2), ["weighted_tau", "agreement", "short"]].tolist() == [1, 1, 0]
    assert enough.loc["steady"].tolist() == [2, 2]
    assert enough.loc["seen", "quality_from"] == (10 if points.loc[("seen", 10), "short"] <= 0.05 else ALL)
    assert points.loc[("seen", 2), "short"] > 0.05
    assert points.loc[("seen", 2), "agreement"] < points.loc[("seen", 10), "agreement"] < 0.9
    assert math.isnan(enough.loc["seen", "steady_from"])


def test_scores_that_are_all_equal_agree_on_nothing() -> None:
    order = np.array([[0.1, 0.1], [0.2, 0.1], [0.3, 0.1]])
    two = [Replicates(order[None, ..., None], (0,))] * 2
    assert self_agreement(two) == 0.5  # the first target has an order, the second none
    assert math.isnan(self_agreement(two[:1]))


def test_the_most_images_are_no_more_than_themselves_and_agree_with_nothing(records: pd.DataFrame) -> None:
    _, points = known(records)
    row = points.loc[("seen", ALL)]
    assert math.isnan(row.short)
    assert math.isnan(row.agreement)
    assert row.weighted_tau == 1


def test_a_metric_that_is_not_scored_with_few_images_has_a_hole_there_alone(records: pd.DataFrame) -> None:
    few = records["variant"].fillna("").str.contains("class=2 ")
    _, before = known(records)
    found, points = known(records[~(few & (records["metric"] == "seen"))])
    hole = points.loc[("seen", 2)]
    assert hole.draws == 0
    assert hole[["weighted_tau", "low", "short", "agreement"]].isna().all()
    assert points.loc[("seen", 10), "weighted_tau"] == before.loc[("seen", 10), "weighted_tau"]
    assert found.enough.set_index("metric").loc["seen", "quality_from"] >= 10


def test_a_failed_score_is_a_hole_with_its_error(records: pd.DataFrame) -> None:
    failed = records.copy()
    few = failed["variant"].fillna("").str.contains("class=2 ") & (failed["metric"] == "seen")
    failed.loc[few, ["status", "error"]] = ["failed", "DataError: too few"]
    failed.loc[few, "value"] = np.nan
    _, points = known(failed)
    assert (points.loc[("seen", 2), "draws"], points.loc[("seen", 2), "error"]) == (0, "DataError: too few")
    assert points.loc[("seen", 10), "error"] == ""


def test_a_cell_without_a_score_is_left_out_and_counted(
    records: pd.DataFrame, numbers: dict[object, np.ndarray]
) -> None:
    lost = (records["variant"] == variant(2, 1)) & (records["source"] == "a") & (records["metric"] == "seen")
    _, points = known(records[~lost])
    first = np.mean([stats.weightedtau(numbers[2, 1][1:, t], numbers["truth"][1:, t]).statistic for t in range(6)])
    others = [tau_of(numbers[2, draw], numbers["truth"]) for draw in (2, 3)]
    assert points.loc[("seen", 2), "weighted_tau"] == pytest.approx(np.mean([first, *others]))
    assert points.loc[("seen", 2), "coverage"] == pytest.approx(1 - 1 / (3 * 7))


def test_with_one_draw_there_is_quality_and_no_self_agreement(records: pd.DataFrame) -> None:
    once = records[~records["variant"].fillna("").str.contains(r"draw=[23]")]
    found, points = known(once)
    assert set(found.draws.values()) == {1}
    assert points["agreement"].isna().all()
    assert points["weighted_tau"].notna().all()
    assert found.enough["steady_from"].isna().all()


def test_one_number_of_images_is_no_curve(records: pd.DataFrame) -> None:
    assert curve(records[records["variant"].isna()]) is None
    assert curve(records[records["variant"].isna() | (records["variant"] == variant(2, 1))]) is None
    own = records[records["variant"].isna()]
    assert (
        budget_curve(own.drop(columns="variant"), "finetune", build_table(own), build_table, resamples=20, seed=0)
        is None
    )


def test_the_factor_is_no_part_of_the_stability_suite(records: pd.DataFrame) -> None:
    other = rows("score", "seen", np.zeros((7, 6)), "metric seed: metric_seed=1")
    alone = analyse(records, MappingProxyType({}), resamples=20, shuffles=20)
    both = analyse(pd.concat([records, other], ignore_index=True), MappingProxyType({}), resamples=20, shuffles=20)
    assert alone.stability is None
    assert both.stability is not None
    assert both.stability.factors == ("metric seed",)
    assert alone.budget is not None
    assert both.budget is not None
    pd.testing.assert_frame_equal(alone.budget.points, both.budget.points)
