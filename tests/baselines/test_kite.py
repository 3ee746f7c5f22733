import numpy as np
import pytest

from baselines import kite


def cka(first, second):
    """Centred kernel alignment, from kernel matrices that are centred by rows and columns."""
    n = len(first)
    centre = np.eye(n) - np.ones((n, n)) / n
    first, second = centre @ first @ centre, centre @ second @ centre
    return (first * second).sum() / np.sqrt((first**2).sum() * (second**2).sum())


def kernel(rows):
    return np.array([[a @ b for b in rows] for a in rows])


def label_kernel(labels, same=1.0, other=0.0):
    return np.array([[same if a == b else other for b in labels] for a in labels])


def reference(features, labels, random_features):
    seen = kernel(features)
    return cka(seen, label_kernel(labels)) / cka(seen, kernel(random_features))


@pytest.fixture(params=[3, 200], ids=["few random features", "many random features"])
def untrained(request, case):
    features = case[0]
    rng = np.random.default_rng(5)
    return np.maximum(features @ rng.normal(size=(features.shape[1], request.param)), 0) + 1.0


def test_kite_is_the_ratio_of_two_alignments_of_kernel_matrices(case, untrained):
    assert kite(*case, untrained) == pytest.approx(reference(*case, untrained), rel=1e-9)


def test_any_two_values_of_the_label_kernel_give_the_same(case):
    features, labels = case
    aligned = cka(kernel(features), label_kernel(labels))
    assert cka(kernel(features), label_kernel(labels, 1.0, -1.0)) == pytest.approx(aligned)


def test_a_network_that_has_learned_nothing_is_judged_by_its_labels_alone(case):
    features, labels = case
    assert kite(features, labels, 2 * features + 1) == pytest.approx(cka(kernel(features), label_kernel(labels)))


def test_features_that_are_the_labels_are_aligned_with_them_wholly(case, untrained):
    labels = case[1]
    one_hot = np.eye(labels.max() + 1)[labels]
    assert kite(one_hot, labels, untrained) == pytest.approx(1 / cka(kernel(one_hot), kernel(untrained)))


def test_random_features_may_be_rotated_shifted_and_rescaled(case, untrained):
    rotation = np.linalg.qr(np.random.default_rng(6).normal(size=(untrained.shape[1],) * 2))[0]
    assert kite(*case, 7 * untrained @ rotation - 3) == pytest.approx(kite(*case, untrained), rel=1e-9)


def test_features_that_are_all_equal_are_like_nothing(case, untrained):
    features, labels = case
    assert kite(np.full_like(features, 3.3), labels, untrained) == 0.0


def test_random_features_that_say_nothing_are_named(case):
    features, labels = case
    with pytest.raises(ValueError, match="random_features are all equal"):
        kite(features, labels, np.full((len(labels), 4), 0.7))
    with pytest.raises(ValueError, match="random_features has 1 rows but features has"):
        kite(features, labels, np.ones((1, 4)))
    with pytest.raises(ValueError, match="random_features holds 1 NaN"):
        kite(features, labels, np.where(np.arange(len(labels))[:, None] == 2, np.nan, 1.0))
    line = np.array([[1.0], [-1.0], [1.0], [-1.0]])
    with pytest.raises(ValueError, match="random_features have nothing in common with features"):
        kite(line, np.array([0, 1, 0, 1]), np.array([[1.0], [1.0], [-1.0], [-1.0]]))
