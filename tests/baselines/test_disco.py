import numpy as np
import pytest

from baselines import disco


def reference(features, labels):
    """Component after component, from the singular value decomposition, by loops over classes."""
    centred = features - features.mean(axis=0)
    left, strength, _ = np.linalg.svd(centred, full_matrices=False)
    total = 0.0
    for g in range(int((strength > 1e-6 * strength[0]).sum())):
        component = left[:, g] * strength[g]
        between = inside = 0.0
        for y in np.unique(labels):
            share = (labels == y).mean()
            between += share * (component[labels == y].mean() - component.mean()) ** 2
            inside += share * component[labels == y].var()
        total += strength[g] / strength.sum() * between / inside
    return total


def test_disco_weighs_the_separation_of_components_by_their_singular_values(case):
    assert disco(*case) == pytest.approx(reference(*case), rel=1e-9)


def test_classes_along_a_strong_direction_count_more_than_along_a_weak_one():
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 2
    signal, noise = 3 * labels + rng.normal(size=60), rng.normal(size=60)
    assert disco(np.c_[10 * signal, noise], labels) > disco(np.c_[signal, 10 * noise], labels)


def test_with_fewer_images_than_features_disco_does_not_saturate():
    rng = np.random.default_rng(1)
    labels = np.arange(30) % 3
    nothing, something = rng.normal(size=(30, 100)), rng.normal(size=(30, 100)) + 2 * rng.normal(size=(3, 100))[labels]
    assert 0 < disco(nothing, labels) < disco(something, labels) < 1e3


def test_classes_that_do_not_differ_score_zero():
    features = np.random.default_rng(2).normal(size=(10, 4))
    assert disco(np.vstack([features, features]), np.repeat([0, 1], 10)) == pytest.approx(0.0, abs=1e-12)


def test_classes_that_have_collapsed_score_the_bound():
    labels = np.arange(12) % 2
    assert disco(np.c_[labels, np.zeros(12)], labels) == pytest.approx(1e8)
    assert disco(np.ones((12, 3)), labels) == 0.0
