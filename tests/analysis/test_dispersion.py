"""Rank dispersion and headroom, against SciPy and against counting by hand."""

from itertools import combinations, pairwise, permutations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from pgebench.analysis.dispersion import concordance, dispersion, headroom
from pgebench.analysis.table import Transfers

FEW_VALUES = arrays(float, st.tuples(st.integers(2, 5), st.integers(3, 6)), elements=st.sampled_from([1.0, 2.0, 3.0]))


def truth_of(matrix):
    """One transfer per pair, from a matrix of sources by targets."""
    return Transfers(np.asarray(matrix, dtype=float)[None, ..., None], (0,))


@settings(max_examples=60, deadline=None)
@given(FEW_VALUES)
def test_kendalls_w_is_friedmans_statistic_by_its_largest_value_ties_included(orders):
    assume(all(len(set(row)) > 1 for row in orders))
    rankings, candidates = orders.shape
    friedman = stats.friedmanchisquare(*orders.T).statistic
    assert concordance(orders) == pytest.approx(friedman / (rankings * (candidates - 1)), abs=1e-12)


def test_rankings_that_lack_candidates_are_compared_by_those_that_both_have():
    rng = np.random.default_rng(0)
    orders = rng.integers(0, 5, size=(4, 7)).astype(float)
    orders[rng.random(orders.shape) < 0.25] = np.nan
    products = squares = 0.0
    for first, second in combinations(orders, 2):
        both = np.isfinite(first) & np.isfinite(second)
        one, other = (stats.rankdata(row[both]) - (both.sum() + 1) / 2 for row in (first, second))
        products += one @ other
        squares += (one @ one + other @ other) / 2
    assert concordance(orders) == pytest.approx((1 + 3 * products / squares) / 4)


def test_one_order_everywhere_has_w_one_and_opposite_orders_zero():
    assert concordance(np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 9.0]])) == 1
    assert concordance(np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])) == 0
    # With other candidates in common there may be less agreement than none: still 0.
    assert concordance(np.array([[1.0, 2.0, np.nan], [2.0, 1.0, np.nan], [np.nan, 1.0, 2.0], [np.nan, 2.0, 1.0]])) == 0


@settings(max_examples=40, deadline=None)
@given(arrays(float, (4, 3), elements=st.sampled_from([0.1, 0.2, 0.3, np.nan])))
def test_tied_candidates_share_their_places_as_often_as_lots_would_give_them(matrix):
    expected = np.zeros((4, 4))
    ranked = 0
    for column in matrix.T:
        there = [s for s in range(4) if np.isfinite(column[s])]
        if len({column[s] for s in there}) < 2:
            continue
        ranked += 1
        orders = [o for o in permutations(there) if all(column[a] >= column[b] for a, b in pairwise(o))]
        for order in orders:
            for place, s in enumerate(order):
                expected[s, place] += 1 / len(orders)
    found = dispersion(truth_of(matrix))
    assert found.rankings == ranked
    np.testing.assert_allclose(found.places, expected, atol=1e-12)
    if ranked:
        assert found.won == pytest.approx(expected[:, 0].max() / ranked)
        assert found.places[found.winner, 0] == pytest.approx(expected[:, 0].max())


def test_always_taking_the_commonest_winner_costs_what_it_is_behind_the_best():
    found = dispersion(truth_of([[0.9, 0.8, 0.5], [0.7, 0.7, 0.8], [0.1, 0.1, 0.1]]))
    assert (found.winner, found.won) == (0, pytest.approx(2 / 3))
    assert found.regret == pytest.approx(0.3 / 3)


def test_the_best_three_are_within_the_noise_if_a_t_test_does_not_tell_the_first_from_the_third():
    rng = np.random.default_rng(1)
    values = rng.normal(0.5, 0.02, size=(2, 6, 5, 3)) + rng.normal(0, 0.03, size=(2, 6, 5, 1))
    values[0, 2, :, 1:] = np.nan
    within, noises = [], []
    for b in range(2):
        for t in range(5):
            cells = [values[b, s, t][np.isfinite(values[b, s, t])] for s in range(6)]
            freedom = sum(len(cell) - 1 for cell in cells)
            variance = sum(((cell - cell.mean()) ** 2).sum() for cell in cells) / freedom
            first, _, third = sorted(cells, key=lambda cell: -cell.mean())[:3]
            error = np.sqrt(variance * (1 / len(first) + 1 / len(third)))
            p = 2 * stats.t.sf((first.mean() - third.mean()) / error, freedom)
            within.append(p >= 0.05)
            noises.append(stats.t.ppf(0.975, freedom) * error)
    close, compared, noise = headroom(Transfers(values, (0, 0, 0)))
    assert 0 < np.mean(within) < 1
    assert (close, compared) == (pytest.approx(np.mean(within)), 10)
    assert noise == pytest.approx(np.mean(noises))


def test_with_several_checkpoints_the_noise_is_that_of_their_means():
    rng = np.random.default_rng(2)
    values = rng.random((1, 5, 3, 4))
    means = np.stack([values[..., :2].mean(-1), values[..., 2], values[..., 3]], axis=-1)
    assert headroom(Transfers(values, (0, 0, 1, 2))) == pytest.approx(headroom(Transfers(means, (0, 1, 2))))


def test_a_truth_without_noise_tells_all_but_equal_ones_apart():
    apart = np.repeat(np.array([[0.9], [0.8], [0.7]])[None, ..., None], 2, axis=-1)
    assert headroom(Transfers(apart, (0, 1))) == (0.0, 1, 0.0)
    assert headroom(Transfers(np.full_like(apart, 0.5), (0, 1))) == (1.0, 1, 0.0)


@pytest.mark.parametrize("candidates", [1, 2])
def test_fewer_than_three_candidates_have_no_best_three(candidates):
    close, compared, noise = headroom(Transfers(np.random.default_rng(0).random((1, candidates, 4, 3)), (0, 1, 2)))
    assert np.isnan([close, noise]).all()
    assert compared == 0


def test_nothing_repeated_is_no_noise_of_zero():
    assert np.isnan(dispersion(truth_of(np.random.default_rng(0).random((4, 3)))).close)


@pytest.mark.parametrize("matrix", [[[0.5, 0.6]], [[0.5, 0.5], [0.5, 0.5]], [[np.nan, np.nan], [0.4, 0.5]]])
def test_without_an_order_there_is_no_winner(matrix):
    found = dispersion(truth_of(matrix))
    assert (found.rankings, found.winner) == (0, -1)
    assert np.isnan([found.won, found.regret, found.concordance]).all()
