"""Linear probe, PACTran and the head's Task2Vec: the metrics that fit a softmax regression."""

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from baselines import fisher_embedding, linear_probe, pactran, task2vec, task2vec_distance, task2vec_head, task_head
from baselines.kernels.folds import stratified_folds
from baselines.kernels.softmax_regression import fit_softmax_regression


def logistic(rows, labels, penalty):
    return LogisticRegression(C=1 / (len(rows) * penalty), tol=1e-10, max_iter=10_000).fit(rows, labels)


def cross_entropy(model, rows, labels):
    return -np.log(model.predict_proba(rows)[np.arange(len(rows)), labels]).mean()


@pytest.mark.parametrize("penalty", [1e-3, 1e-1])
def test_softmax_regression_reaches_the_optimum_of_scikit_learn(case, penalty):
    rows, labels = case
    rows = rows - rows.mean(axis=0)
    fitted = fit_softmax_regression(torch.from_numpy(rows), torch.from_numpy(labels), labels.max() + 1, penalty)
    expected = logistic(rows, labels, penalty)
    optimum = cross_entropy(expected, rows, labels) + 0.5 * penalty * np.square(expected.coef_).sum()
    assert fitted.loss == pytest.approx(optimum, abs=1e-7)
    probabilities = softmax(fitted.logits(torch.from_numpy(rows)).numpy(), axis=1)
    assert np.allclose(probabilities, expected.predict_proba(rows), atol=1e-4)


def test_a_class_without_samples_gets_no_probability():
    rows, index = torch.randn(10, 3, dtype=torch.float64), torch.tensor([0, 2] * 5)
    fitted = fit_softmax_regression(rows, index, 3, 0.1)
    assert float(torch.softmax(fitted.logits(rows), dim=1)[:, 1].max()) == 0


def test_linear_probe_is_cross_validated_logistic_regression(case):
    features, labels = case
    rows = features - features.mean(axis=0)
    rows /= np.sqrt(np.square(rows).sum(axis=1).mean())
    fold = stratified_folds(labels, 3, seed=4)
    correct = 0
    for held in range(3):
        model = logistic(rows[fold != held], labels[fold != held], 0.02)
        correct += (model.predict(rows[fold == held]) == labels[fold == held]).sum()
    assert linear_probe(features, labels, folds=3, penalty=0.02, seed=4) == pytest.approx(correct / len(labels))


def test_folds_are_stratified_and_do_not_depend_on_class_names():
    labels = np.random.default_rng(0).integers(4, size=103)
    fold = stratified_folds(labels, 5, seed=1)
    assert np.ptp(np.bincount(fold)) <= 1
    for y in range(4):
        assert np.ptp(np.bincount(fold[labels == y], minlength=5)) <= 1
    assert np.array_equal(fold, stratified_folds(3 - labels, 5, seed=1))
    assert not np.array_equal(fold, stratified_folds(labels, 5, seed=2))


def test_pactran_is_the_loss_plus_the_trace_of_its_hessian():
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=40)
    rows = rng.normal(size=(40, 5)) + rng.normal(size=(3, 5))[labels]
    rows -= rows.mean(axis=0)
    strength, variance, n, d, classes = 0.5, 7.0, 40, 5, 3
    prior = strength * n
    model = logistic(rows, labels, 1 / prior)
    loss = cross_entropy(model, rows, labels) + np.square(model.coef_).sum() / (2 * prior)
    x, y, bias = torch.from_numpy(rows), torch.from_numpy(labels), torch.from_numpy(model.intercept_)

    def risk(weights):
        return torch.nn.functional.cross_entropy(x @ weights.reshape(d, classes) + bias, y)

    hessian = torch.autograd.functional.hessian(risk, torch.from_numpy(model.coef_.T.copy()).flatten())
    trace = float(hessian.diagonal().sum())
    # sigma_0^2 = variance / d and lambda = prior / sigma_0^2 are the symbols of the paper.
    sigma2 = variance / d
    flatness = classes * d / (2 * prior / sigma2) * np.log(1 + prior * trace / (classes * d))
    assert pactran(rows, labels, strength, variance) == pytest.approx(-(loss + flatness), abs=1e-6)


def test_separable_classes_have_a_better_bound():
    rng = np.random.default_rng(1)
    labels = np.arange(60) % 3
    noise, centres = rng.normal(size=(60, 8)), rng.normal(size=(3, 8))
    scores = [pactran(noise + s * centres[labels], labels) for s in (0.0, 1.0, 3.0)]
    assert scores == sorted(scores)


def test_the_embedding_is_the_fisher_information_of_the_head():
    """By definition: squared gradients of log-likelihoods, expected over the head's own predictions."""
    rng = np.random.default_rng(2)
    labels = rng.integers(3, size=50)
    rows = rng.normal(size=(50, 4)) + rng.normal(size=(3, 4))[labels]
    rows -= rows.mean(axis=0)
    rows /= np.sqrt(np.square(rows).sum(axis=1).mean())
    model = logistic(rows, labels, 0.05)
    information = np.zeros((4, 3))
    for row, probability in zip(rows, model.predict_proba(rows), strict=True):
        for y in range(3):
            gradient = np.outer(row, np.eye(3)[y] - probability)
            information += probability[y] * gradient**2 / len(rows)
    assert np.allclose(fisher_embedding(rows, labels, 0.05).numpy(), information.mean(axis=1), atol=1e-6)


def test_the_task_head_is_logistic_regression_in_the_units_of_the_features(case):
    features, labels = case
    features = 40 * features + 100
    rows = features - features.mean(axis=0)
    model = logistic(rows / np.sqrt(np.square(rows).sum(axis=1).mean()), labels, 0.05)
    expected = model.predict_proba(rows / np.sqrt(np.square(rows).sum(axis=1).mean()))
    found = softmax(task_head(features, 3 * labels - 1, 0.05).logits(torch.from_numpy(features)).numpy(), axis=1)
    assert np.allclose(found, expected, atol=1e-5)


def test_the_task2vec_distance_is_a_normalised_cosine_distance():
    rng = np.random.default_rng(3)
    a, b = rng.uniform(size=9), rng.uniform(size=9)
    u, v = a / (a + b), b / (a + b)
    expected = 1 - u @ v / np.linalg.norm(u) / np.linalg.norm(v)
    assert task2vec_distance(a, b) == pytest.approx(expected) == task2vec_distance(b, a)
    assert task2vec_distance(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == 1
    for bad in (-a, a[:3], np.zeros(9), a * np.nan):
        with pytest.raises(ValueError, match="first and second"):
            task2vec_distance(a, bad)
        with pytest.raises(ValueError, match="target_information and source_information must be"):
            task2vec(a, bad)
    assert task2vec(a, b) == -task2vec_distance(a, b)


def test_related_tasks_are_closer():
    rng = np.random.default_rng(4)
    source = rng.normal(size=(80, 10))
    same, other = source[:, :2] @ rng.normal(size=2) > 0, source[:, 5:7] @ rng.normal(size=2) > 0
    target = rng.normal(size=(80, 10)) * np.array([3.0] * 5 + [0.3] * 5)
    near, far = target * 1.1, target[:, ::-1]
    labels = same.astype(int)
    assert task2vec_head(target, labels, near, labels) > task2vec_head(target, labels, far, other.astype(int))


def test_parameters_out_of_range_are_refused():
    x, y = np.eye(4), np.arange(4) % 2
    for metric, wrong in ((linear_probe, {"folds": 1}), (linear_probe, {"penalty": 0}), (pactran, {"variance": -1.0})):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            metric(x, y, **wrong)
