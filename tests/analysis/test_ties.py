"""Scores that differ by rounding alone are equal in every statistic."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from baselines import h_score
from pgebench.analysis.build_table import build_table
from pgebench.analysis.quality import ranking_quality
from pgebench.analysis.ties import tied
from pgebench.core.metric_facts import metric_facts

FINITE = st.floats(-1e6, 1e6, allow_nan=False)


def ranks(scores: np.ndarray) -> list[int]:
    """How many candidates are below each one, the naive way."""
    return [sum(other < score for other in scores) for score in scores]


@given(arrays(float, st.integers(1, 12), elements=FINITE))
def test_no_score_moves_by_more_than_its_group_is_wide_and_no_order_is_turned_round(scores: np.ndarray) -> None:
    found = tied(scores)
    assert np.all(np.abs(found - scores) <= len(scores) * (1e-6 * np.abs(scores).max() + 1e-12 * np.abs(scores).max()))
    for a in range(len(scores)):
        for b in range(len(scores)):
            assert (scores[a] < scores[b]) >= (found[a] < found[b])
    assert set(found) <= set(scores), "what stands for a group is one of its scores"


@given(arrays(float, st.integers(2, 12), elements=st.floats(0.5, 2)), st.integers(0, 2**16))
def test_rounding_changes_no_rank(scores: np.ndarray, seed: int) -> None:
    """Scores that are clearly apart, each with its last digits anew."""
    apart = np.round(scores, 3)
    noise = 1 + 1e-9 * np.random.default_rng(seed).uniform(-1, 1, len(apart))
    assert ranks(tied(apart * noise)) == ranks(apart)


def test_an_exact_score_ties_nothing_and_what_is_not_finite_stays() -> None:
    counts = np.array([23_508_031.0, 23_508_032.0, np.nan, -np.inf])
    np.testing.assert_array_equal(tied(counts, tie=0), counts)
    np.testing.assert_array_equal(tied(counts), [23_508_032.0, 23_508_032.0, np.nan, -np.inf])


def test_rounding_around_zero_is_zero_beside_scores_of_ordinary_size() -> None:
    assert len(set(tied(np.array([-1e-17, 0.0, 3e-17, -1.0])))) == 2


def test_h_score_saturates_where_there_are_no_more_images_than_features_and_its_last_digits_rank_nothing() -> None:
    """Five classes of ten images: the score is C - 1 = 4 whatever the features are."""
    labels = np.repeat(np.arange(5), 10)
    scores = [
        h_score(features=np.random.default_rng(seed).normal(size=(50, 64)).astype(np.float32), labels=labels)
        for seed in range(8)
    ]
    assert len(set(scores)) > 1, "rounding is there to be ranked"
    np.testing.assert_allclose(scores, 4)
    truth = np.linspace(0.5, 0.9, 8)[None, :, None, None]
    rows = [("truth", f"s{i}", None, "finetune", truth[0, i, 0, 0]) for i in range(8)]
    rows += [("score", f"s{i}", "h_score", None, scores[i]) for i in range(8)]
    records = pd.DataFrame(rows, columns=["stage", "source", "metric", "truth", "value"])
    records = records.assign(status="done", backbone="net", target="t", seed=0)
    judged = ranking_quality(build_table(records).scores["h_score"], truth)
    assert judged.mean("weighted_tau") == 0
    assert judged.constant == 1
    assert judged.tied == 1


def test_a_metric_says_itself_how_far_apart_two_scores_must_be() -> None:
    rows = [("score", "a", 1.0), ("score", "b", 1.0 + 1e-8), ("score", "c", 1.001)]
    records = pd.DataFrame(rows, columns=["stage", "source", "value"])
    records = records.assign(status="done", backbone="net", target="t", seed=0, metric="mine", truth=None)
    distinct = {
        tie: len(
            set(build_table(records, metric_facts({"config": {"metric": {"mine": {"tie": tie}}}})).scores["mine"].flat)
        )
        for tie in (0, 1e-6, 1e-2)
    }
    assert distinct == {0: 3, 1e-6: 2, 1e-2: 1}
    assert metric_facts({})["parameter_count"]["tie"] == 0
    assert metric_facts({})["logme"]["tie"] == pytest.approx(1e-6)
