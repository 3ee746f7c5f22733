"""Discriminants judged on images held out, against scikit-learn's and densities by the textbook."""

import numpy as np
import pytest
from plain_discriminants import adaptive, truth, within
from scipy.special import softmax
from scipy.stats import multivariate_normal
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from baselines import etran_classification, lda_out_of_fold, qda_out_of_fold, sfda, sfda_out_of_fold
from baselines.kernels.folds import stratified_folds

METRICS = pytest.mark.parametrize("metric", [lda_out_of_fold, qda_out_of_fold, sfda_out_of_fold])


@pytest.fixture(params=[0.05, 0.3, 1.0], ids=["shrunk", "between", "hardly shrunk"])
def overlapping(request):
    rng = np.random.default_rng(0)
    labels = rng.integers(4, size=150)
    features = rng.normal(size=(150, 6)) * rng.uniform(0.5, 1.5, size=(4, 6))[labels]
    return request.param * (features + 0.8 * rng.normal(size=(4, 6))[labels]), labels


def lda(features, labels, shrinkage):
    return LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage).fit(features, labels)


def linear(features, labels, held, true):
    return truth(lda(features, labels, adaptive(features, labels)).predict_proba(held), true)


def quadratic(features, labels, held, true):
    shrinkage, d = adaptive(features, labels), features.shape[1]
    level = shrinkage * np.trace(within(features, labels)) / d
    logs = []
    for y in np.unique(labels):
        group = features[labels == y]
        covariance = (1 - shrinkage) * np.cov(group.T, bias=True) + level * np.eye(d)
        logs.append(multivariate_normal(group.mean(axis=0), covariance).logpdf(held) + np.log((labels == y).mean()))
    return truth(softmax(np.transpose(logs), axis=1), true)


def self_challenging(features, labels, held, true):
    shrinkage = adaptive(features, labels)
    first = lda(features, labels, shrinkage)
    means = np.stack([features[labels == y].mean(axis=0) for y in range(labels.max() + 1)])
    others = np.stack([np.delete(means, y, axis=0).mean(axis=0) for y in range(len(means))])

    def mixed(rows, y):
        trust = truth(softmax(first.predict_proba(rows), axis=1), y)[:, None]
        return trust * rows + (1 - trust) * others[y]

    second = lda(mixed(features, labels), labels, shrinkage)
    return truth(second.predict_proba(mixed(held, true)), true)


@pytest.mark.parametrize(
    ("metric", "reference"),
    [(lda_out_of_fold, linear), (qda_out_of_fold, quadratic), (sfda_out_of_fold, self_challenging)],
)
def test_the_score_is_the_mean_probability_of_the_true_class_in_the_folds_held_out(metric, reference, overlapping):
    features, labels = overlapping
    fold = stratified_folds(labels, 5, seed=3)
    found = [
        reference(features[fold != k], labels[fold != k], features[fold == k], labels[fold == k]) for k in range(5)
    ]
    assert metric(features, labels, seed=3) == pytest.approx(np.concatenate(found).mean(), abs=1e-7)


def test_a_quadratic_discriminant_with_fewer_images_than_features_needs_no_full_covariance():
    rng = np.random.default_rng(1)
    labels = np.arange(24) % 3
    features = 0.2 * (rng.normal(size=(24, 40)) + 0.25 * rng.normal(size=(3, 40))[labels])
    fold = stratified_folds(labels, 4, seed=0)
    found = [
        quadratic(features[fold != k], labels[fold != k], features[fold == k], labels[fold == k]) for k in range(4)
    ]
    assert 0.4 < np.concatenate(found).mean() < 0.99
    assert qda_out_of_fold(features, labels, folds=4) == pytest.approx(np.concatenate(found).mean(), abs=1e-6)


@pytest.mark.parametrize(
    ("in_fold", "out_of_fold"), [(etran_classification, lda_out_of_fold), (sfda, sfda_out_of_fold)]
)
def test_noise_is_learnt_in_fold_and_not_out_of_fold(in_fold, out_of_fold):
    """With fewer images than features a discriminant tells classes apart that do not differ at all."""
    rng = np.random.default_rng(2)
    labels = np.arange(50) % 5
    noise = 3 * rng.normal(size=(50, 200))
    classes = noise + 2 * rng.normal(size=(5, 200))[labels]
    assert in_fold(noise, labels) > 0.99
    assert in_fold(classes, labels) == pytest.approx(in_fold(noise, labels), abs=0.01)
    assert out_of_fold(noise, labels) < 0.4
    assert out_of_fold(classes, labels) > 0.8


@METRICS
def test_a_class_of_one_image_is_never_predicted_for_it(metric):
    rng = np.random.default_rng(3)
    labels = np.array([0] * 10 + [1] * 10 + [2])
    features = rng.normal(size=(21, 3)) + 30 * np.eye(3)[labels]
    assert metric(features, labels) == pytest.approx(20 / 21, abs=1e-6)
    assert metric(features[[0, 10]], labels[[0, 10]]) == 0.0


@METRICS
def test_where_one_class_alone_is_left_to_learn_from_it_is_predicted(metric):
    """Two images of one class and one of another: the first two are told, the other never is."""
    assert metric(np.array([[0.0], [1.0], [5.0]]), np.array([0, 0, 1]), folds=3) >= 1 / 3


@METRICS
def test_the_folds_are_drawn_by_the_seed(metric, overlapping):
    features, labels = overlapping
    assert metric(features, labels, seed=1) == metric(features, labels, seed=1) != metric(features, labels, seed=2)
    with pytest.raises(ValueError, match="folds must be at least 2"):
        metric(features, labels, folds=1)


@METRICS
def test_classes_that_have_collapsed_are_told_apart(metric):
    labels = np.arange(30) % 3
    assert metric(np.eye(3)[labels] + 7, labels) == pytest.approx(1.0)
