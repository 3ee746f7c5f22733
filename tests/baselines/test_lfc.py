import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines import lfc


def reference_lfc(features, labels):
    kernel, same = features @ features.T, np.where(labels[:, None] == labels, 1.0, -1.0)
    kernel, same = kernel - kernel.mean(), same - same.mean()
    return (kernel * same).sum() / np.sqrt((kernel**2).sum() * (same**2).sum())


@settings(deadline=None, max_examples=40)
@given(st.integers(3, 30), st.integers(1, 40), st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_lfc_is_the_correlation_of_explicit_kernels(n, d, classes, seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=n)
    labels[:2] = 0, 1
    features = rng.normal(size=(n, d)) + rng.normal(size=(classes, d))[labels] + rng.normal(size=d)
    assert lfc(features, labels) == pytest.approx(reference_lfc(features, labels), abs=1e-9)


def test_one_hot_features_are_perfectly_correlated_with_their_labels():
    labels = np.array([0, 0, 1, 2, 2, 2])
    assert lfc(np.eye(3)[labels], labels) == pytest.approx(1)
