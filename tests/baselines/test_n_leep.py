import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture

from baselines import leep, n_leep
from baselines._n_leep import mixture_responsibilities
from baselines.kernels.linear_algebra import principal_components


@pytest.fixture
def blobs():
    rng = np.random.default_rng(0)
    labels = np.arange(240) % 4
    return rng.normal(size=(240, 6)) + 3 * rng.normal(size=(4, 6))[labels], labels


def test_the_mixture_is_a_fixed_point_of_expectation_maximisation(blobs):
    points = blobs[0] / blobs[0].std()
    found = mixture_responsibilities(torch.from_numpy(points), 4, 1000, 0).numpy()
    mass = found.sum(axis=0)
    density = np.empty_like(found)
    for k in range(4):
        mean = found[:, k] @ points / mass[k]
        variance = np.maximum(found[:, k] @ (points - mean) ** 2 / mass[k], 1e-3)
        density[:, k] = mass[k] / len(points) * multivariate_normal(mean, np.diag(variance)).pdf(points)
    assert np.allclose(density / density.sum(axis=1, keepdims=True), found, atol=1e-3)


def test_the_mixture_fits_as_well_as_that_of_scikit_learn(blobs):
    points = (blobs[0] - blobs[0].mean(axis=0)) / blobs[0].std()
    found = mixture_responsibilities(torch.from_numpy(points), 4, 1000, 0).numpy()
    expected = GaussianMixture(4, covariance_type="diag", n_init=5, random_state=0).fit_predict(points)
    agreement = [(found.argmax(axis=1)[expected == k, None] == range(4)).mean(axis=0).max() for k in range(4)]
    assert min(agreement) > 0.95


def test_n_leep_is_leep_of_the_responsibilities(blobs):
    features, labels = blobs
    points = principal_components(torch.from_numpy(features), share=0.8)
    points = points / points.square().mean().sqrt()
    expected = leep(mixture_responsibilities(points, 12, 100, 7), labels)
    assert n_leep(features, labels, components=3, seed=7) == pytest.approx(expected, abs=1e-12)


def test_principal_components_hold_the_share_that_scikit_learn_says(case):
    for share in (0.3, 0.8, 0.95):
        expected = PCA(share, svd_solver="full").fit_transform(case[0])
        found = principal_components(torch.from_numpy(case[0]), share=share).numpy()
        assert np.allclose(np.abs(found), np.abs(expected), atol=1e-8)


def test_separate_classes_score_near_zero_and_noise_does_not(blobs):
    features, labels = blobs
    assert n_leep(features * 1.0, labels) > n_leep(features, np.random.default_rng(1).permutation(labels)) + 0.3
    tight = np.eye(4)[labels] * 100 + 0.01 * features[:, :4]
    assert n_leep(tight, labels, seed=1) == pytest.approx(0, abs=1e-6)


def test_a_seed_fixes_the_score_and_matters(blobs):
    values = {seed: n_leep(*blobs, seed=seed) for seed in range(4)}
    assert all(n_leep(*blobs, seed=seed) == value for seed, value in values.items())
    assert len(set(values.values())) > 1


def test_parameters_out_of_range_are_refused(blobs):
    for wrong in ({"components": 0}, {"share": 1.5}, {"iterations": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            n_leep(*blobs, **wrong)
