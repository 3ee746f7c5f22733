import numpy as np
import pytest

from baselines import gbc


def reference(features, labels, covariance, dimensions):
    """Class by class and pair by pair, with full matrices whatever their shape, after an explicit SVD."""
    centred = features - features.mean(axis=0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    points = (u * s)[:, :dimensions]
    gaussians = []
    for y in np.unique(labels):
        rows = points[labels == y]
        full = np.atleast_2d(np.cov(rows.T, bias=True))
        if covariance == "diagonal":
            full = np.diag(np.diag(full))
        if covariance == "spherical":
            full = np.eye(len(full)) * np.trace(full) / len(full)
        gaussians.append((rows.mean(axis=0), full))
    total = 0.0
    for i, (mean, sigma) in enumerate(gaussians):
        for j, (other, sigma2) in enumerate(gaussians):
            if i != j:
                average = (sigma + sigma2) / 2
                distance = (mean - other) @ np.linalg.solve(average, mean - other) / 8 + 0.5 * np.log(
                    np.linalg.det(average) / np.sqrt(np.linalg.det(sigma) * np.linalg.det(sigma2))
                )
                total -= np.exp(-distance)
    return total


@pytest.fixture
def overlapping():
    rng = np.random.default_rng(0)
    labels = rng.integers(4, size=200)
    return rng.normal(size=(200, 12)) * rng.uniform(0.5, 2, size=12) + 0.3 * rng.normal(size=(4, 12))[labels], labels


@pytest.mark.parametrize("covariance", ["spherical", "diagonal", "full"])
@pytest.mark.parametrize("dimensions", [3, 12])
def test_gbc_is_the_sum_over_pairs_of_classes(covariance, dimensions, overlapping):
    expected = reference(*overlapping, covariance, dimensions)
    # The variance floor of the full form moves it by about its size, 1e-6.
    assert gbc(*overlapping, covariance, dimensions) == pytest.approx(
        expected, rel=1e-4 if covariance == "full" else 1e-9
    )
    assert expected < -1


def test_fewer_samples_than_dimensions_are_no_trouble():
    rng = np.random.default_rng(1)
    features, labels = rng.normal(size=(40, 100)), np.arange(40) % 2
    assert gbc(features, labels, "spherical", 10) == pytest.approx(
        reference(features, labels, "spherical", 10), rel=1e-9
    )


@pytest.mark.parametrize("covariance", ["spherical", "diagonal", "full"])
def test_identical_classes_overlap_fully_and_distant_ones_not_at_all(covariance):
    rng = np.random.default_rng(2)
    cloud, labels = rng.normal(size=(50, 4)), np.repeat([0, 1, 2], 50)
    assert gbc(np.vstack([cloud] * 3), labels, covariance) == pytest.approx(-6)
    assert gbc(np.vstack([cloud, cloud + 1e3, cloud - 1e3]), labels, covariance) == pytest.approx(0, abs=1e-12)


def test_unknown_covariances_are_refused():
    with pytest.raises(ValueError, match="covariance must be"):
        gbc(np.ones((4, 2)), np.arange(4) % 2, "round")
