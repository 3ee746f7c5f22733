import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.covariance import ledoit_wolf

from baselines import h_score, regularized_h_score, sufficient_statistics
from baselines._h_score import ledoit_wolf_shrinkage


def conditional_means(features, labels):
    return np.stack([features[labels == y].mean(axis=0) for y in labels])


def reference_h_score(features, labels):
    covariance = np.cov(features.T, bias=True)
    between = np.cov(conditional_means(features, labels).T, bias=True)
    return np.trace(np.linalg.pinv(covariance, rcond=1e-10, hermitian=True) @ between)


def reference_regularized(features, labels):
    covariance, shrinkage = ledoit_wolf(features)
    between = np.cov(conditional_means(features, labels).T, bias=True)
    return (1 - shrinkage) * np.trace(np.linalg.inv(covariance) @ between)


def test_h_score_is_the_trace_with_the_pseudo_inverse(case):
    assert h_score(*case) == pytest.approx(reference_h_score(*case), abs=1e-9)


def test_regularized_h_score_is_the_trace_with_the_ledoit_wolf_inverse(case):
    assert regularized_h_score(*case) == pytest.approx(reference_regularized(*case), abs=1e-10)


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 60), st.integers(2, 40), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 10.0, 1e4]))
def test_shrinkage_from_sums_is_that_of_scikit_learn(n, d, seed, offset):
    rng = np.random.default_rng(seed)
    features = rng.standard_t(4, size=(n, d)) * rng.uniform(0.1, 3, size=d) + offset
    assert ledoit_wolf_shrinkage(sufficient_statistics(features)) == pytest.approx(ledoit_wolf(features)[1], abs=1e-7)


def test_h_score_does_not_change_under_any_invertible_linear_map():
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(60, 6)), np.arange(60) % 4
    assert h_score(features @ rng.normal(size=(6, 6)) + 2, labels) == pytest.approx(h_score(features, labels), abs=1e-9)


def test_with_few_samples_h_score_saturates_and_the_regularized_form_does_not():
    rng = np.random.default_rng(1)
    features, labels = rng.normal(size=(20, 50)), np.arange(20) % 4
    assert h_score(features, labels) == pytest.approx(3)
    assert regularized_h_score(features, labels) < 1.5


def test_collinear_features_are_counted_once():
    rng = np.random.default_rng(2)
    features, labels = rng.normal(size=(80, 5)), np.arange(80) % 3
    doubled = np.hstack([features, features[:, :3] * 2, np.full((80, 1), 7.0)])
    assert h_score(doubled, labels) == pytest.approx(h_score(features, labels), abs=1e-8)


def test_constant_features_explain_nothing():
    labels = np.arange(12) % 3
    for value in (0.0, 0.1, 1e9):
        assert h_score(np.full((12, 4), value), labels) == 0
        assert regularized_h_score(np.full((12, 4), value), labels) == 0
