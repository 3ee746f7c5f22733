import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import multivariate_normal
from sklearn.datasets import load_iris

from baselines import log_evidence, logme

SETTINGS = settings(deadline=None, max_examples=25)


def brute_force(features, target, alpha, beta):
    """Density of the labels under the marginal Gaussian, with its full n x n covariance."""
    covariance = features @ features.T / alpha + np.eye(len(features)) / beta
    return multivariate_normal(np.zeros(len(features)), covariance, allow_singular=False).logpdf(target)


def brute_force_maximum(features, target):
    """The best of several simplex searches over (log alpha, log beta)."""

    def loss(logs):
        return -brute_force(features, target, *np.exp(np.clip(logs, -25, 25)))

    starts = [(0, 0), (4, 1), (-4, 3), (8, 2)]
    return max(-minimize(loss, s, method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-10}).fun for s in starts)


def indicators(labels):
    return [(labels == c).astype(float) for c in np.unique(labels)]


@st.composite
def regressions(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, d = draw(st.sampled_from([(12, 30), (15, 15), (40, 6), (9, 200)]))
    labels = rng.integers(3, size=n)
    labels[:3] = 0, 1, 2
    signal = draw(st.sampled_from([0.0, 0.3, 2.0]))
    return rng.normal(size=(n, d)) + signal * rng.normal(size=(3, d))[labels], labels


@SETTINGS
@given(regressions())
def test_evidence_is_the_gaussian_density_of_the_labels_at_alpha_and_beta(data):
    features, labels = data
    found = log_evidence(features, labels)
    for target, value, alpha, beta in zip(indicators(labels), found.log_evidence, found.alpha, found.beta, strict=True):
        # Where the supremum lies at infinite noise precision the brute-force covariance is singular in float64.
        if beta / alpha * np.square(features).sum() < 1e9:
            assert value == pytest.approx(brute_force(features, target, alpha, beta), abs=1e-5)


def test_logme_is_the_brute_force_maximum_over_alpha_and_beta(case):
    features, labels = case
    features = features[:, :10] if len(features) > 30 else features
    noisy = np.random.default_rng(0).permutation(labels)  # an interior maximum: labels unrelated to the features
    expected = np.mean([brute_force_maximum(features, target) for target in indicators(noisy)]) / len(noisy)
    assert logme(features, noisy) == pytest.approx(expected, abs=1e-6)


@SETTINGS
@given(regressions(), st.floats(-6, 6), st.floats(-6, 6))
def test_no_alpha_and_beta_beat_the_returned_evidence(data, log_alpha, log_beta):
    features, labels = data
    found = log_evidence(features, labels).log_evidence
    for target, value in zip(indicators(labels), found, strict=True):
        assert brute_force(features, target, np.exp(log_alpha), np.exp(log_beta)) <= value + 1e-6


def test_iris_scores_the_published_value():
    assert logme(*load_iris(return_X_y=True)) == pytest.approx(-0.160060, abs=5e-7)


def test_padding_with_zero_features_changes_nothing():
    """The null space must contribute (d - k) log alpha: dead units are no evidence for or against anything."""
    rng = np.random.default_rng(3)
    features, labels = rng.normal(size=(30, 8)), np.arange(30) % 3
    padded = np.hstack([features, np.zeros((30, 100))])
    assert logme(padded, labels) == pytest.approx(logme(features, labels), abs=1e-12)


def test_duplicating_every_feature_changes_nothing():
    rng = np.random.default_rng(4)
    features, labels = rng.normal(size=(40, 8)), np.arange(40) % 4
    assert logme(np.hstack([features] * 10), labels) == pytest.approx(logme(features, labels), abs=1e-10)


def test_both_sides_of_n_equal_d_agree_on_one_problem():
    """The same samples with a rotation that hides some zero columns take the other branch, to the same value."""
    rng = np.random.default_rng(5)
    features, labels = rng.normal(size=(30, 12)), np.arange(30) % 3
    rotation = np.linalg.qr(rng.normal(size=(50, 50)))[0]
    wide = np.hstack([features, np.zeros((30, 38))]) @ rotation
    assert logme(wide, labels) == pytest.approx(logme(features, labels), abs=1e-10)


def test_useless_features_score_the_lower_bound():
    labels = np.arange(20) % 4
    bound = -0.5 * (np.log(2 * np.pi / 4) + 1)
    assert logme(np.zeros((20, 3)), labels) == pytest.approx(bound, abs=1e-12)


def test_labels_that_are_an_exact_linear_function_of_the_features_get_a_finite_score():
    labels = np.arange(40) % 4
    value = logme(np.eye(4)[labels], labels)
    assert np.isfinite(value)
    assert value > 5
    assert logme(1e6 * np.eye(4)[labels][::-1], labels[::-1]) == pytest.approx(value, abs=1e-8)


def test_better_separated_classes_score_higher():
    rng = np.random.default_rng(6)
    labels = np.arange(60) % 3
    noise, centres = rng.normal(size=(60, 10)), rng.normal(size=(3, 10))
    scores = [logme(noise + signal * centres[labels], labels) for signal in (0.0, 0.5, 1.0, 2.0)]
    assert scores == sorted(scores)
