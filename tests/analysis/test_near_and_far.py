"""A league falls into two: near sources against far ones, and the far ones among themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgebench.analysis.alike import beside
from pgebench.analysis.build_table import table_of
from pgebench.analysis.correlation import PRIMARY
from pgebench.analysis.near_and_far import COLUMNS, far_alone, near_against_far, near_and_far
from pgebench.analysis.table import Table

NAMES = tuple(f"{collection}_{half}" for collection in "abcdef" for half in (1, 2))
NEAR = np.array([[one[0] == other[0] for other in NAMES] for one in NAMES])
OFF = np.where(np.eye(len(NAMES), dtype=bool), np.nan, 0.0)


def table(scores: dict[str, np.ndarray], truth: np.ndarray, collections: bool = True) -> Table:
    """Scores (backbones, sources, targets) and a truth of one transfer; every dataset is both."""
    backbones = tuple(f"net{b}" for b in range(len(truth)))
    made = table_of(
        backbones,
        NAMES,
        NAMES,
        {"finetune": (truth + OFF)[..., None]},
        {name: value + OFF for name, value in scores.items()},
    )
    of = {name: name[0] for name in NAMES} if collections else {}
    return Table(**(vars(made) | {"collections": of}))


def near_and_far_of(given: Table):
    truth = given.truths["finetune"]
    whole, far = beside(given, truth), beside(*far_alone(given, truth))
    _, *draws = far.resampled_apart((PRIMARY,), len(given.backbones), resamples=50, seed=0)
    return near_and_far(given, truth, whole, [one[PRIMARY] for one in draws])


def found(given: Table):
    return near_and_far_of(given).set_index(["metric", "backbone"])


def test_who_knows_nothing_but_the_collection_is_right_about_near_and_says_nothing_of_far() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random((2, 12, 12)) + 2.0 * NEAR
    rows = found(table({"collection": np.stack([NEAR, NEAR]).astype(float), "far_sighted": truth - 4.0 * NEAR}, truth))
    for backbone in ("net0", "net1"):
        one, other = rows.loc[("collection", backbone)], rows.loc[("far_sighted", backbone)]
        assert (one["near_against_far"], one["far"]) == (1, 0)
        assert (other["near_against_far"], other["far"]) == (-1, pytest.approx(1))
        assert one["weighted_tau"] > 0
        assert other["weighted_tau"] < 1


def test_each_backbone_is_judged_by_its_own_truth() -> None:
    truth = np.random.default_rng(1).random((2, 12, 12))
    rows = found(table({"first": np.stack([truth[0], truth[0]])}, truth))
    assert rows.loc[("first", "net0"), ["weighted_tau", "far", "near_against_far"]].tolist() == pytest.approx([1, 1, 1])
    assert abs(rows.loc[("first", "net1"), "far"]) < 0.5


def test_without_near_sources_there_is_nothing_to_say() -> None:
    truth = np.random.default_rng(1).random((1, 12, 12))
    given = table({"m": truth}, truth, collections=False)
    rows = near_and_far_of(given)
    assert (list(rows), len(rows)) == (COLUMNS, 0)


values = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0, float("nan")]), min_size=6, max_size=6)


@given(values, values, st.lists(st.booleans(), min_size=6, max_size=6))
def test_near_against_far_is_what_counting_pair_by_pair_gives(score, accuracy, near) -> None:
    right = wrong = pairs = 0
    for i in range(6):
        for j in range(6):
            if near[i] and not near[j] and np.isfinite([score[i], score[j], accuracy[i], accuracy[j]]).all():
                pairs += 1
                right += (score[i] - score[j]) * (accuracy[i] - accuracy[j]) > 0
                wrong += (score[i] - score[j]) * (accuracy[i] - accuracy[j]) < 0
    (value,) = near_against_far(*(np.array(one)[:, None] for one in (score, accuracy, near)))
    assert value == pytest.approx((right - wrong) / pairs) if pairs else np.isnan(value)
