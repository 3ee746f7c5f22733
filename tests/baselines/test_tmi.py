import numpy as np
import pytest

from baselines import tmi


def reference(features, labels):
    """One image after the other: its squared distance from the mean of its class."""
    total = 0.0
    for row, label in zip(features, labels, strict=True):
        mean = sum(features[labels == label]) / (labels == label).sum()
        total += sum((value - centre) ** 2 for value, centre in zip(row, mean, strict=True))
    return total / len(labels)


def test_tmi_is_the_mean_squared_distance_from_the_mean_of_the_class(case):
    assert tmi(*case) == pytest.approx(reference(*case), rel=1e-12)


def test_tmi_weights_the_covariances_of_classes_by_their_sizes(case):
    features, labels = case
    traces = {y: np.trace(np.cov(features[labels == y].T, bias=True)) for y in np.unique(labels)}
    assert tmi(features, labels) == pytest.approx(sum(traces[y] for y in labels) / len(labels), rel=1e-12)


def test_a_class_of_one_image_adds_nothing():
    features, labels = np.array([[0.0], [2.0], [50.0]]), np.array([0, 0, 1])
    assert tmi(features, labels) == pytest.approx(2 / 3)


def test_classes_that_have_collapsed_have_no_variance_however_far_they_are_apart():
    labels = np.arange(12) % 3
    assert tmi(1e6 * np.eye(3)[labels] + 0.1, labels) == 0.0


def test_tmi_grows_with_the_square_of_the_scale(case):
    features, labels = case
    assert tmi(3 * features, labels) == pytest.approx(9 * tmi(features, labels))


def test_without_differences_between_classes_tmi_is_all_variance():
    features = np.random.default_rng(0).normal(size=(10, 4))
    twice, labels = np.vstack([features, features]), np.repeat([0, 1], 10)
    assert tmi(twice, labels) == pytest.approx(twice.var(axis=0).sum())
