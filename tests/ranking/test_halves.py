"""How sure a score's ranking is: the spread of half samples against that of new samples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pgebench.ranking.half_samples import PAIRS, half_scores, halvings, standing_of_scores

MEAN = {"function": {"_target_": "plain_metrics.mean_feature"}}


@given(arrays.arrays(np.int64, st.integers(2, 40), elements=st.integers(0, 3)))
def test_both_halves_hold_every_class_and_nothing_is_lost(labels: np.ndarray) -> None:
    for first, second in halvings(labels, pairs=2):
        assert set(first) | set(second) == set(range(len(labels)))
        for label, count in zip(*np.unique(labels, return_counts=True), strict=True):
            sizes = [int((labels[half] == label).sum()) for half in (first, second)]
            assert sizes == [1, 1] if count == 1 else max(sizes) - min(sizes) == count % 2


def test_half_samples_show_the_spread_that_new_images_would_make() -> None:
    """The score is a mean of n numbers of variance 1: its standard error is known."""
    random, n, found = np.random.default_rng(0), 40, []
    labels = np.arange(n) % 4
    for _ in range(300):
        halves = half_scores("mean", MEAN, {}, {"features": random.normal(size=(n, 1)), "labels": labels})
        found.append((((halves[:, 0] - halves[:, 1]) / 2) ** 2).mean())
    assert np.mean(found) == pytest.approx(1 / n, rel=0.08)


def test_the_best_candidate_is_left_out_no_more_often_than_promised() -> None:
    """Five candidates whose images share noise; the first is better by half a standard error."""
    random, n, missed = np.random.default_rng(1), 30, 0
    labels = np.arange(n) % 3
    value = np.array([0.5, 0.0, 0.0, -0.5, -1.0]) / n**0.5
    for _ in range(400):
        common = random.normal(size=(n, 1))
        images = value + common + random.normal(size=(n, 5))
        halves = [half_scores("mean", MEAN, {}, {"features": images[:, [k]], "labels": labels}) for k in range(5)]
        missed += 0 not in standing_of_scores(images.mean(0), np.stack(halves), confidence=0.9).tied
    assert missed / 400 <= 0.1


def test_a_clear_difference_is_settled_whatever_the_images_have_in_common() -> None:
    random = np.random.default_rng(2)
    common = random.normal(size=(1, PAIRS, 2))
    halves = common + np.array([0.0, -0.5])[:, None, None] + random.normal(0, 0.01, size=(2, PAIRS, 2))
    found = standing_of_scores(np.array([0.0, -0.5]), halves)
    assert found.settled
    assert found.order == (0, 1)
    # The intervals of single scores overlap all the same.
    assert found.high[0] > found.low[1]


@pytest.mark.parametrize("second", [1.0, 0.9])
def test_scores_without_a_spread_are_tied_only_if_they_are_equal(second: float) -> None:
    found = standing_of_scores(np.array([1.0, second]), np.ones((2, PAIRS, 2)))
    assert found.settled == (second < 1)


def test_a_half_that_is_too_small_for_a_metric_leaves_the_candidates_tied() -> None:
    metric = {"function": {"_target_": "plain_metrics.two_of_each_class"}}
    halves = half_scores("two", metric, {}, {"features": np.zeros((4, 1)), "labels": np.array([0, 0, 1, 1])})
    assert np.isnan(halves).all()
    assert not standing_of_scores(np.array([1.0, 0.0]), np.stack([halves, halves])).settled
