import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import LeaveOneOut, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

import baselines._knn as module
from baselines import knn


def reference(features, labels, k):
    """Expected accuracy by definition: every neighbour sorted, ties at the k-th place and among classes shared."""
    correct = 0.0
    for i, (row, label) in enumerate(zip(features, labels, strict=True)):
        others = [j for j in range(len(labels)) if j != i]
        distances = {j: round(float(((features[j] - row) ** 2).sum()), 9) for j in others}
        reach = sorted(distances.values())[min(k, len(others)) - 1]
        nearer = [j for j in others if distances[j] < reach]
        level = [j for j in others if distances[j] == reach]
        votes = dict.fromkeys(labels.tolist(), 0.0)
        for j in nearer:
            votes[labels[j]] += 1
        for j in level:
            votes[labels[j]] += (min(k, len(others)) - len(nearer)) / len(level)
        winners = [y for y, v in votes.items() if v > max(votes.values()) - 1e-9]
        correct += (label in winners) / len(winners)
    return correct / len(labels)


@settings(deadline=None, max_examples=60)
@given(st.integers(3, 25), st.integers(1, 4), st.integers(1, 30), st.booleans(), st.integers(0, 2**32 - 1))
def test_knn_is_the_expected_leave_one_out_accuracy(n, d, k, lattice, seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(3, size=n)
    labels[:2] = 0, 1
    features = rng.integers(3, size=(n, d)).astype(float) if lattice else rng.normal(size=(n, d))
    assert knn(features, labels, k) == pytest.approx(reference(features, labels, k), abs=1e-9)


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_without_ties_it_is_what_scikit_learn_counts(case, distance):
    classifier = KNeighborsClassifier(1, metric=distance)
    expected = cross_val_score(classifier, *case, cv=LeaveOneOut()).mean()
    assert knn(*case, 1, distance) == pytest.approx(expected)


def test_blocks_do_not_matter(case, monkeypatch):
    whole = knn(*case, 3)
    monkeypatch.setattr(module, "_BLOCK_BYTES", 8 * 7 * len(case[1]))
    assert knn(*case, 3) == pytest.approx(whole, abs=1e-12)


def test_an_outlier_does_not_make_everyone_else_equal():
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 2
    features = rng.normal(size=(40, 3)) + 10 * labels[:, None]
    features[0] = 1e7
    assert knn(features, labels) > 0.95


def test_duplicates_with_different_labels_share_the_vote():
    # Everyone sees 14 or 15 samples of class 0 and 4 or 5 of class 1, all at distance zero: class 0 has the majority.
    assert knn(np.zeros((20, 2)), np.array([0] * 15 + [1] * 5)) == pytest.approx(15 / 20)


def test_parameters_out_of_range_are_refused():
    for wrong, message in (({"neighbours": 0}, "neighbours"), ({"distance": "manhattan"}, "distance")):
        with pytest.raises(ValueError, match=message):
            knn(np.eye(4), np.arange(4) % 2, **wrong)
