import numpy as np
import pytest
from scipy import stats

from pgebench.analysis.correlation import CORRELATIONS, Order, correlate, correlations

SCIPY = {
    "weighted_tau": lambda x, y: stats.weightedtau(x, y)[0],
    "tau": lambda x, y: stats.kendalltau(x, y)[0],
    "spearman": lambda x, y: stats.spearmanr(x, y)[0],
    "pearson": lambda x, y: stats.pearsonr(x, y)[0],
}


@pytest.mark.parametrize("levels", [3, 5, 1000])
def test_equals_scipy_with_and_without_ties_on_a_batch(levels):
    rng = np.random.default_rng(levels)
    x, y = rng.integers(0, levels, (2, 60, 9)).astype(float)
    values = correlations(x, y)
    for i in range(len(x)):
        for name, reference in SCIPY.items():
            if len(set(x[i])) > 1 and len(set(y[i])) > 1:
                assert values[name][i] == pytest.approx(reference(x[i], y[i]), abs=1e-12)


def test_multiplicity_equals_repeating_the_item():
    rng = np.random.default_rng(0)
    for _ in range(100):
        x, y = rng.integers(0, 6, (2, 7)).astype(float)
        count = rng.integers(0, 4, 7)
        long_x, long_y = np.repeat(x, count), np.repeat(y, count)
        if len(set(long_x)) < 2 or len(set(long_y)) < 2:
            continue
        values = correlations(x, y, count)
        for name, reference in SCIPY.items():
            assert values[name] == pytest.approx(reference(long_x, long_y), abs=1e-12)


def test_non_finite_scores_are_left_out_and_not_counted_as_smallest():
    x, y = np.array([1.0, np.nan, 3.0, -np.inf, 2.0]), np.array([0.1, 0.9, 0.3, 0.8, 0.2])
    assert all(value == 1.0 for value in correlations(x, y).values())
    # ... whereas SciPy counts NaN as the smallest:
    assert stats.weightedtau(x[[0, 1, 2]], y[[0, 1, 2]])[0] < 1.0


def test_perfect_and_reversed_orders():
    y = np.array([0.1, 0.5, 0.3, 0.9])
    assert {correlations(y, y)[name].item() for name in CORRELATIONS} == {1.0}
    assert {correlations(-y, y)[name].item() for name in CORRELATIONS} == {-1.0}


def test_a_constant_score_is_undefined_unless_told_otherwise():
    y = np.array([0.1, 0.5, 0.3])
    assert all(np.isnan(value) for value in correlations(np.ones(3), y).values())
    assert all(value == 0 for value in correlations(np.ones(3), y, if_constant=0.0).values())


def test_nothing_to_rank_is_undefined_whatever_the_score():
    for x, y in (([1.0, 2.0], [0.5, 0.5]), ([1.0], [0.5]), ([np.nan, 1.0], [0.1, 0.2])):
        assert all(np.isnan(value) for value in correlations(x, y, if_constant=0.0).values())


def test_two_sources_give_plus_or_minus_one():
    assert all(value == 1 for value in correlations([1, 2], [0.1, 0.2]).values())
    assert all(value == -1 for value in correlations([2, 1], [0.1, 0.2]).values())


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_scores_of_any_size_are_fine(scale):
    x = np.array([1.0, 2.0, 4.0, 3.0])
    values = correlations(x * scale, x)
    assert all(value == pytest.approx(1.0) for value in values.values())


def test_planted_correlation_is_recovered():
    rng = np.random.default_rng(1)
    shared = rng.normal(size=20_000).reshape(2000, 10)
    x, y = shared + rng.normal(size=shared.shape), shared + rng.normal(size=shared.shape)
    # Correlation 1/2, so tau = 2/pi asin(1/2) = 1/3.
    values = correlations(x, y)
    assert values["pearson"].mean() == pytest.approx(0.5, abs=0.03)
    assert values["tau"].mean() == pytest.approx(1 / 3, abs=0.02)


@pytest.mark.parametrize("levels", [3, 1000])
def test_an_order_kept_for_many_draws_gives_what_each_draw_gives_on_its_own(levels):
    rng = np.random.default_rng(levels)
    x, y = rng.integers(0, levels, (2, 4, 7)).astype(float)
    x[0, 2] = np.nan
    count = rng.integers(0, 3, (7, 50)) * np.isfinite(x)[..., None]
    values = correlate(Order(x, count), Order(y, count))
    for draw in range(50):
        for name, expected in correlations(x, y, count[..., draw]).items():
            np.testing.assert_allclose(values[name][..., draw], expected, atol=1e-12)
