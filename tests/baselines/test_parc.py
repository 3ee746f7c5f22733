import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.decomposition import PCA

from baselines import parc


def reference(features, labels):
    standard = (features - features.mean(axis=0)) / features.std(axis=0)
    codes = np.eye(labels.max() + 1)[labels]
    upper = np.triu_indices(len(labels), 1)
    return spearmanr((1 - np.corrcoef(standard))[upper], (1 - np.corrcoef(codes))[upper].round(9))[0]


def test_parc_is_the_rank_correlation_of_two_dissimilarity_matrices(case):
    assert parc(*case) == pytest.approx(reference(*case), abs=1e-10)


def test_principal_components_are_those_of_scikit_learn_up_to_sign(case):
    features, labels = case
    points = PCA(6).fit_transform(features)
    points *= np.sign((points**3).sum(axis=0))
    assert parc(features, labels, dimensions=6) == pytest.approx(reference(points, labels), abs=1e-9)


def test_a_cap_draws_images_by_seed():
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=200)
    features = rng.normal(size=(200, 5)) + rng.normal(size=(3, 5))[labels]
    assert parc(features, labels, cap=50, seed=1) == parc(features, labels, cap=50, seed=1)
    assert parc(features, labels, cap=50, seed=1) != parc(features, labels, cap=50, seed=2)
    draws = [parc(features, labels, cap=100, seed=s) for s in range(10)]
    assert np.mean(draws) == pytest.approx(parc(features, labels), abs=0.03)


def test_a_cap_that_leaves_one_class_is_an_error():
    labels = np.zeros(300, int)
    labels[0] = 1
    with pytest.raises(ValueError, match="raise cap"):
        parc(np.random.default_rng(0).normal(size=(300, 4)), labels, cap=3)
    with pytest.raises(ValueError, match="cap must be at least 3"):
        parc(np.eye(4), np.arange(4) % 2, cap=2)
