from itertools import permutations

import numpy as np
import pytest

from pgebench.analysis.selection import expected_best_of_top, selection


@pytest.mark.parametrize("k", [1, 2, 3])
def test_ties_are_the_average_over_all_ways_to_break_them(k):
    score, truth = np.array([2.0, 1.0, 1.0, 1.0, 0.0]), np.array([0.4, 0.9, 0.5, 0.7, 1.0])
    tied = [1, 2, 3]
    expected = np.mean([max(truth[[0, *order]][:k]) for order in permutations(tied)])
    assert expected_best_of_top(score, truth, k) == pytest.approx(expected)


def test_a_perfect_score_has_no_regret():
    truth = np.array([0.2, 0.8, 0.5])
    values = selection(truth, truth)
    assert (values["rel_at_1"], values["rel_at_3"], values["regret"]) == (1.0, 1.0, 0.0)


def test_a_constant_score_is_a_random_pick():
    truth = np.array([0.2, 0.8, 0.5])
    assert selection(np.zeros(3), truth)["regret"] == pytest.approx(0.8 - truth.mean())


def test_a_source_without_a_score_cannot_be_picked_but_is_still_the_best():
    values = selection([1.0, np.nan, 0.0], [0.4, 0.8, 0.2])
    assert values["rel_at_1"] == pytest.approx(0.5)
    assert values["regret"] == pytest.approx(0.4)


def test_sources_without_truth_do_not_count():
    assert selection([9.0, 2.0, 1.0], [np.nan, 0.8, 0.4])["rel_at_1"] == 1.0


def test_resamples_of_the_truth_along_the_leading_axis():
    values = selection([2.0, 1.0], np.array([[0.8, 0.4], [0.4, 0.8]]))
    np.testing.assert_allclose(values["rel_at_1"], [1.0, 0.5])


@pytest.mark.parametrize("truth", [[np.nan, np.nan], [0.5, np.nan], [0.0, 0.0]])
def test_nothing_to_choose_from_is_undefined(truth):
    assert np.isnan(selection([1.0, 2.0], truth)["rel_at_1"])
