"""SFDA, ETran and NCTI: the metrics that look through a linear discriminant."""

import numpy as np
import pytest
import scipy.linalg
from plain_discriminants import adaptive, truth, within
from scipy.special import logsumexp, softmax
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from baselines import (
    etran_classification,
    etran_energy,
    ncti_nearest_centre,
    ncti_seli,
    ncti_variability,
    sfda,
    sufficient_statistics,
)
from baselines.kernels.discriminant import fit_discriminant


def posterior(features, labels, shrinkage):
    classifier = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage)
    return classifier.fit(features, labels).predict_proba(features)


@pytest.fixture(params=[0.05, 0.3, 1.0])
def overlapping(request):
    rng = np.random.default_rng(0)
    labels = rng.integers(4, size=150)
    features = rng.normal(size=(150, 10)) + 0.8 * rng.normal(size=(4, 10))[labels]
    return features * request.param, labels


def reference_sfda(features, labels):
    shrinkage = adaptive(features, labels)
    trust = truth(softmax(posterior(features, labels, shrinkage), axis=1), labels)[:, None]
    means = np.stack([features[labels == y].mean(axis=0) for y in range(labels.max() + 1)])
    others = np.stack([np.delete(means, y, axis=0).mean(axis=0) for y in labels])
    mixed = trust * features + (1 - trust) * others
    return truth(posterior(mixed, labels, shrinkage), labels).mean()


def test_sfda_is_two_discriminants_of_scikit_learn_with_confmix_between(overlapping):
    assert sfda(*overlapping) == pytest.approx(reference_sfda(*overlapping), abs=1e-8)


def test_etran_classification_is_one_discriminant_of_scikit_learn(overlapping):
    features, labels = overlapping
    expected = truth(posterior(features, labels, adaptive(features, labels)), labels).mean()
    assert etran_classification(features, labels) == pytest.approx(expected, abs=1e-8)


def test_dropping_directions_without_variance_changes_no_probability():
    rng = np.random.default_rng(1)
    labels = np.arange(12) % 3
    features = 0.05 * rng.normal(size=(12, 30))
    expected = truth(posterior(features, labels, adaptive(features, labels)), labels).mean()
    assert etran_classification(features, labels) == pytest.approx(expected, abs=1e-6)


def test_the_first_stage_needs_sufficient_statistics_only(overlapping):
    features, labels = overlapping
    discriminant = fit_discriminant(sufficient_statistics(features, labels))
    import torch

    probabilities = discriminant.posterior(torch.from_numpy(features)).numpy()
    assert np.allclose(probabilities, posterior(features, labels, adaptive(features, labels)), atol=1e-8)


def test_etran_energy_is_the_mean_log_sum_of_exponentials(overlapping):
    features = overlapping[0]
    energies = np.sort(logsumexp(features, axis=1))
    assert etran_energy(features) == pytest.approx(energies.mean(), abs=1e-12)
    assert etran_energy(features, share=0.1) == pytest.approx(energies[:15].mean(), abs=1e-12)
    assert etran_energy(features, share=1e-9) == pytest.approx(energies[0], abs=1e-12)
    with pytest.raises(ValueError, match="share"):
        etran_energy(features, share=0)


def ncti_parts(features, labels, dimensions):
    """Fisher's generalised eigenproblem on principal components, as in a textbook."""
    pca = PCA(dimensions).fit(features)
    points = pca.transform(features)
    shrinkage = max(np.exp(-pca.explained_variance_[:32].sum()), 1e-10)
    inside = within(points, labels)
    inside = (1 - shrinkage) * inside + shrinkage * np.trace(inside) / dimensions * np.eye(dimensions)
    means = np.stack([points[labels == y].mean(axis=0) for y in labels])
    classes = len(np.unique(labels))
    _, vectors = scipy.linalg.eigh(np.cov(means.T, bias=True), inside)
    low = points @ vectors[:, ::-1][:, : classes - 1]
    return low - low.mean(axis=0), posterior(points, labels, shrinkage)


def test_ncti_terms_are_those_of_fishers_eigenproblem(overlapping):
    features, labels = overlapping
    low, probabilities = ncti_parts(features, labels, 8)
    assert ncti_seli(features, labels, 8) == pytest.approx(np.linalg.norm(low, "nuc"), rel=1e-6)
    assert ncti_nearest_centre(features, labels, 8) == pytest.approx(truth(probabilities, labels).mean(), abs=1e-8)
    norms = sum(np.linalg.norm(probabilities[labels == y], "nuc") for y in range(4))
    assert ncti_variability(features, labels, 8) == pytest.approx(-np.log(norms), abs=1e-7)


def test_collapsed_classes_score_best_on_every_term_of_ncti():
    rng = np.random.default_rng(2)
    labels = np.arange(120) % 4
    noise, centres = rng.normal(size=(120, 20)), 3 * rng.normal(size=(4, 20))
    tight, loose = 0.3 * noise + centres[labels], 3 * noise + centres[labels]
    for term in (ncti_seli, ncti_nearest_centre, ncti_variability):
        assert term(tight, labels) > term(loose, labels)
    with pytest.raises(ValueError, match="dimensions"):
        ncti_seli(tight, labels, 0)
